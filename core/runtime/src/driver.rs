//! The loop: one task that drives one machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use async_channel::Receiver;
use futures_channel::{mpsc, oneshot};
use futures_util::future::{Either, pending};
use futures_util::{FutureExt as _, StreamExt as _, select};
use offhook::machine::{CommandId, MediaId, UdpEvent, UdpId, Wake, WsEvent, WsId};
use offhook::media::AudioFrame;
use offhook::{Input, Machine, Output};

use crate::drive::{Drive, Observer};
use crate::fair::next_turn;
use crate::http::Http;
use crate::hub::Publisher;
use crate::inbox::{Inbox, Inputs, inbox};
use crate::net::Net;
use crate::queue::{AudioQueue, Producer};
use crate::runtime::{Runtime, spawn};
use crate::udp::Group;
use crate::ws;

/// Things that the driver does before others have their turn.
const TURN: u32 = 8;

/// How many sessions that are over are remembered, so that late listeners hear of it.
const ENDED_MEDIA: usize = 1024;

/// Tells whoever submitted a command how it ended.
type Replier<M> = oneshot::Sender<Result<<M as Machine>::Outcome, <M as Machine>::Error>>;

/// What a handle asks of the driver.
pub(crate) enum Request<M: Drive> {
    Command(M::Command, Replier<M>),
    Audio(MediaId, Producer<AudioQueue>),
}

/// The driver's end of the handles' queue. Whatever waits in it when the driver ends is dropped,
/// so that its replies do not wait for ever.
pub(crate) struct Requests<M: Drive>(pub(crate) Receiver<Request<M>>);

impl<M: Drive> Drop for Requests<M> {
    fn drop(&mut self) {
        discard(&self.0);
    }
}

/// Closes a queue and drops what is in it. Without this that lives as long as the last sender.
pub(crate) fn discard<T>(queue: &Receiver<T>) {
    queue.close();
    while queue.try_recv().is_ok() {}
}

/// A machine and all that it has opened.
pub(crate) struct Driver<R: Runtime, M: Drive> {
    /// First, so that it hears of the end before anybody's audio ends.
    observer: Option<Box<dyn Observer<M>>>,
    machine: M,
    net: Arc<Net>,
    http: Http,
    inputs: Inputs,
    /// What the driver itself found out while it drained the machine.
    found: VecDeque<Input>,
    sockets: BTreeMap<WsId, ws::Held>,
    media: BTreeMap<UdpId, Group<R>>,
    replies: BTreeMap<CommandId, Replier<M>>,
    events: Publisher<M>,
    audio: BTreeMap<MediaId, Producer<AudioQueue>>,
    ended: BTreeSet<MediaId>,
}

impl<R: Runtime, M: Drive> Driver<R, M> {
    /// A driver, and the inbox that it is to run with.
    pub(crate) fn new(
        machine: M,
        net: Arc<Net>,
        events: Publisher<M>,
        observer: Option<Box<dyn Observer<M>>>,
    ) -> (Self, Inbox) {
        let (inputs, arriving) = inbox();
        let driver = Self {
            observer,
            machine,
            http: Http::new(Arc::clone(&net)),
            net,
            inputs,
            found: VecDeque::new(),
            sockets: BTreeMap::new(),
            media: BTreeMap::new(),
            replies: BTreeMap::new(),
            events,
            audio: BTreeMap::new(),
            ended: BTreeSet::new(),
        };
        (driver, arriving)
    }

    /// Drives the machine until nobody holds a handle, and then out of the door.
    pub(crate) async fn run(
        mut self,
        arriving: Inbox,
        requests: Requests<M>,
        mut frames: mpsc::Receiver<(MediaId, AudioFrame)>,
    ) {
        let clock = self.net.clock.clone();
        let mut turn = 0;
        let mut leaving: Option<(CommandId, Wake)> = None;
        let mut wake = self.drain();
        loop {
            // There may always be something to do, and everybody's tasks are on one thread.
            turn = (turn + 1) % TURN;
            if turn == 0 {
                next_turn().await;
            }
            let until = Wake::earliest(wake, leaving.map(|(_, by)| by));
            let mut timer = pin!(
                match until {
                    Some(wake) => Either::Left(clock.sleep_until::<R>(wake.at)),
                    None => Either::Right(pending()),
                }
                .fuse()
            );
            // Once there are no more requests, nothing is to be asked for again.
            let mut request = pin!(
                match leaving {
                    None => Either::Left(requests.0.recv()),
                    Some(_) => Either::Right(pending()),
                }
                .fuse()
            );
            select! {
                input = arriving.next().fuse() => self.input(input),
                request = request => match request {
                    Ok(request) => self.request(request),
                    Err(_) => match self.farewell() {
                        Some(farewell) => leaving = Some(farewell),
                        None => return,
                    },
                },
                frame = frames.next() => {
                    if let Some((media, frame)) = frame {
                        self.input(Input::Audio { media, frame });
                    }
                }
                () = timer => {
                    // It may have been for the farewell only.
                    if wake.is_some_and(|wake| wake.at <= clock.now()) {
                        self.input(Input::Timeout);
                    }
                }
            }
            wake = self.drain();
            if let Some((farewell, by)) = leaving
                && (!self.replies.contains_key(&farewell) || by.at <= clock.now())
            {
                return;
            }
        }
    }

    fn farewell(&mut self) -> Option<(CommandId, Wake)> {
        let now = self.net.clock.now();
        let (command, limit) = M::farewell();
        // Refused: there is nothing to take leave of.
        let id = self.machine.submit(now, command).ok()?;
        self.replies.insert(id, oneshot::channel().0);
        Some((id, Wake { at: now + limit, reason: "farewell" }))
    }

    fn request(&mut self, request: Request<M>) {
        match request {
            Request::Command(command, reply) => {
                match self.machine.submit(self.net.clock.now(), command) {
                    Ok(id) => drop(self.replies.insert(id, reply)),
                    // The application may have stopped waiting, here and below.
                    Err(error) => drop(reply.send(Err(error))),
                }
            }
            Request::Audio(media, producer) => {
                self.audio.retain(|_, producer| producer.is_held());
                // Otherwise the producer is dropped, which ends the audio.
                if !self.ended.contains(&media) {
                    self.audio.insert(media, producer);
                }
            }
        }
    }

    /// Passes an input on, unless the machine has closed what it is about.
    fn input(&mut self, input: Input) {
        match &input {
            Input::WebSocket { id, event } => {
                let known = match event {
                    WsEvent::Closed { .. } | WsEvent::Failed(_) => {
                        self.sockets.remove(id).is_some()
                    }
                    _ => self.sockets.contains_key(id),
                };
                if !known {
                    return;
                }
            }
            Input::Udp { id, event: UdpEvent::Datagram { .. } } if !self.media.contains_key(id) => {
                return;
            }
            _ => {}
        }
        self.machine.handle_input(self.net.clock.now(), input);
    }

    /// Does all that the machine wants done; then nothing is left to do until the wake-up.
    fn drain(&mut self) -> Option<Wake> {
        loop {
            match self.machine.poll_output() {
                Output::Timeout(wake) => match self.found.pop_front() {
                    Some(input) => self.input(input),
                    None => return wake,
                },
                output => self.perform(output),
            }
        }
    }

    fn perform(&mut self, output: Output<M::Event, M::Outcome, M::Error>) {
        match output {
            Output::OpenWebSocket { id, request, deadline } => {
                let (held, holder) = ws::hold();
                self.sockets.insert(id, held);
                let (net, inputs) = (Arc::clone(&self.net), self.inputs.clone());
                spawn::<R>(ws::run::<R>(net, id, request, deadline, holder, inputs));
            }
            Output::SendText { id, text } => {
                if self.sockets.get(&id).is_some_and(|held| !held.send(text)) {
                    let reason = "the far side takes no more messages".to_owned();
                    let event = WsEvent::Closed { code: None, reason };
                    self.found.push_back(Input::WebSocket { id, event });
                }
            }
            Output::CloseWebSocket { id } => drop(self.sockets.remove(&id)),
            Output::Http { id, request, deadline } => {
                self.http.submit::<R>(id, request, deadline, self.inputs.clone());
            }
            Output::OpenUdp { id } => {
                let event = match Group::<R>::open(&self.net, id, &self.inputs) {
                    Ok(group) => {
                        let local = group.local();
                        self.media.insert(id, group);
                        UdpEvent::Opened { local }
                    }
                    Err(error) => UdpEvent::Failed(error),
                };
                self.found.push_back(Input::Udp { id, event });
            }
            Output::Transmit { id, local, remote, data } => {
                if let Some(group) = self.media.get(&id) {
                    group.send(local, remote, &data);
                }
            }
            Output::CloseUdp { id } => drop(self.media.remove(&id)),
            Output::Audio { media, frame } => {
                if let Some(producer) = self.audio.get(&media) {
                    producer.push(frame);
                }
            }
            Output::Event(event) => {
                if let Some(observer) = &mut self.observer {
                    observer.event(&event);
                }
                if let Some(media) = M::ended_media(&event) {
                    self.audio.remove(&media);
                    self.ended.insert(media);
                    if self.ended.len() > ENDED_MEDIA {
                        self.ended.pop_first();
                    }
                }
                self.events.tell(event);
            }
            Output::Completed { command, result } => {
                if let (Some(observer), Ok(outcome)) = (&mut self.observer, &result) {
                    observer.outcome(outcome);
                }
                if let Some(reply) = self.replies.remove(&command) {
                    drop(reply.send(result));
                }
            }
            // Handled by the drain.
            Output::Timeout(_) => {}
            // A newer contract has newer outputs; this runtime cannot do them.
            output => tracing::error!(kind = ?std::mem::discriminant(&output), "unknown output"),
        }
    }
}
