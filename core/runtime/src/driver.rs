//! The loop: one task that drives one machine.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{Either, pending};
use futures_util::{FutureExt as _, select};
use offhook::machine::{
    CommandId, NetError, NetErrorKind, StreamEvent, StreamId, UdpEvent, UdpId, Wake, WsEvent, WsId,
};
use offhook::net::InterfaceAddress;
use offhook::{Input, Output};

use crate::drive::Drive;
use crate::fair::next_turn;
use crate::front::{Asked, Asker, Front};
use crate::hold::{Held, hold};
use crate::http::Http;
use crate::inbox::{Inbox, Inputs, inbox};
use crate::interfaces::{LOOK, lately, present};
use crate::name;
use crate::net::Net;
use crate::runtime::{Sockets, spawn};
use crate::stream::{self, Destination};
use crate::udp::Group;
use crate::ws;

/// Things that the driver does before others have their turn.
const TURN: u32 = 8;

/// A machine and all that it has opened.
pub(crate) struct Driver<R: Sockets, M: Drive> {
    front: Front<M>,
    machine: M,
    net: Arc<Net>,
    http: Http,
    inputs: Inputs,
    /// Inputs that the driver itself produced while it drained the machine.
    found: VecDeque<Input>,
    sockets: BTreeMap<WsId, Held<String>>,
    streams: BTreeMap<StreamId, Held<Vec<u8>>>,
    media: BTreeMap<UdpId, Group<R>>,
    /// The time of the next look at the computer's addresses, which matters while something is open.
    look_at: Option<Instant>,
}

impl<R: Sockets, M: Drive> Driver<R, M> {
    /// A driver, and the inbox that it is to run with.
    pub(crate) fn new(machine: M, net: Arc<Net>, front: Front<M>) -> (Self, Inbox) {
        let (inputs, arriving) = inbox();
        let look_at = net.options.watch_interfaces.then(|| net.clock.now() + LOOK);
        let driver = Self {
            front,
            machine,
            http: Http::new(Arc::clone(&net)),
            net,
            inputs,
            found: VecDeque::new(),
            sockets: BTreeMap::new(),
            streams: BTreeMap::new(),
            media: BTreeMap::new(),
            look_at,
        };
        (driver, arriving)
    }

    /// Drives the machine until nobody holds a handle, and then out of the door.
    pub(crate) async fn run(mut self, arriving: Inbox) {
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
            let is_open =
                !self.media.is_empty() || !self.sockets.is_empty() || !self.streams.is_empty();
            let look = self.look_at.filter(|_| is_open);
            let look = look.map(|at| Wake { at, reason: "addresses" });
            let until = Wake::earliest(wake, leaving.map(|(_, by)| by));
            let until = Wake::earliest(until, look);
            let mut timer = pin!(
                match until {
                    Some(wake) => Either::Left(clock.sleep_until::<R>(wake.at)),
                    None => Either::Right(pending()),
                }
                .fuse()
            );
            select! {
                input = arriving.next().fuse() => self.input(input),
                asked = poll_fn(|cx| self.front.poll_asked(cx)).fuse() => match asked {
                    Asked::Command(command, asker) => {
                        let submitted = self.machine.submit(clock.now(), command);
                        self.front.submitted(asker, submitted);
                    }
                    Asked::Frame(track, frame) => self.input(Input::Frame { track, frame }),
                    Asked::Look => {
                        self.http.forget();
                        self.follow(present());
                    }
                    Asked::Leave => match self.farewell() {
                        Some(farewell) => leaving = Some(farewell),
                        None => return,
                    },
                },
                () = timer => {
                    let now = clock.now();
                    if look.is_some_and(|look| look.at <= now) {
                        self.look_at = Some(now + LOOK);
                        self.follow(lately());
                    }
                    // It may have been for the look or the farewell only.
                    if wake.is_some_and(|wake| wake.at <= now) {
                        self.input(Input::Timeout);
                    }
                }
            }
            wake = self.drain();
            if let Some((farewell, by)) = leaving
                && (!self.front.waits_for(farewell) || by.at <= clock.now())
            {
                return;
            }
        }
    }

    /// Has media follow the computer's addresses. What goes by one that is gone has ended, before anybody knows.
    fn follow(&mut self, interfaces: io::Result<impl AsRef<[InterfaceAddress]>>) {
        let Ok(interfaces) = interfaces else { return };
        let mut news = Vec::new();
        for (id, group) in &mut self.media {
            let changed = group.follow(&self.net.options, interfaces.as_ref());
            news.extend(changed.map(|event| Input::Udp { id: *id, event }));
        }
        let gone = "its address is none of this computer any more";
        for (id, held) in &self.sockets {
            if held.is_cut_off(interfaces.as_ref()) {
                let event = WsEvent::Closed { code: None, reason: gone.to_owned() };
                news.push(Input::WebSocket { id: *id, event });
            }
        }
        for (id, held) in &self.streams {
            if held.is_cut_off(interfaces.as_ref()) {
                let error = Some(NetError::new(NetErrorKind::Lost, gone));
                news.push(Input::Stream { id: *id, event: StreamEvent::Closed { error } });
            }
        }
        if !news.is_empty() {
            self.http.forget();
        }
        news.into_iter().for_each(|input| self.input(input));
    }

    fn farewell(&mut self) -> Option<(CommandId, Wake)> {
        let now = self.net.clock.now();
        let (command, limit) = M::farewell();
        // Refused: there is nothing to take leave of.
        let id = self.machine.submit(now, command).ok()?;
        self.front.submitted(Asker::nobody(), Ok(id));
        Some((id, Wake { at: now + limit, reason: "farewell" }))
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
            Input::Stream { id, event } => {
                let known = match event {
                    StreamEvent::Closed { .. } | StreamEvent::Failed(_) => {
                        self.streams.remove(id).is_some()
                    }
                    _ => self.streams.contains_key(id),
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
                let (held, holder) = hold();
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
            Output::OpenStream { id, to, tls, from, deadline } => {
                let (held, holder) = hold();
                self.streams.insert(id, held);
                let (net, inputs) = (Arc::clone(&self.net), self.inputs.clone());
                let destination = Destination { to, tls, from, deadline };
                spawn::<R>(stream::run::<R>(net, id, destination, holder, inputs));
            }
            Output::SendStream { id, data } => {
                if self.streams.get(&id).is_some_and(|held| !held.send(data)) {
                    let reason = "the far side takes no more bytes";
                    let error = Some(NetError::new(NetErrorKind::Lost, reason));
                    let event = StreamEvent::Closed { error };
                    self.found.push_back(Input::Stream { id, event });
                }
            }
            Output::CloseStream { id } => drop(self.streams.remove(&id)),
            Output::Resolve { id, host, deadline } => {
                let (net, inputs) = (Arc::clone(&self.net), self.inputs.clone());
                spawn::<R>(name::run::<R>(net, id, host, deadline, inputs));
            }
            Output::Http { id, request, deadline } => {
                self.http.submit::<R>(id, request, deadline, self.inputs.clone());
            }
            Output::OpenUdp { id, from, dscp } => {
                let event = match Group::<R>::open(&self.net, id, from, dscp, &self.inputs) {
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
            Output::Frame { track, frame } => self.front.came(track, frame),
            Output::Event(event) => self.front.told(event),
            Output::Completed { command, result } => self.front.completed(command, result),
            // Handled by the drain.
            Output::Timeout(_) => {}
            // A newer contract has newer outputs; this runtime cannot do them.
            output => tracing::error!(kind = ?std::mem::discriminant(&output), "unknown output"),
        }
    }
}
