//! The application's side of a machine, without I/O: what handles ask of it, and what it tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll};

use futures_channel::{mpsc, oneshot};
use futures_util::stream::{FusedStream as _, StreamExt as _};
use offhook::machine::{CommandId, Frame, MediaId, TrackId};

use crate::drive::{Drive, Observer};
use crate::hub::Publisher;
use crate::queue::{FrameQueue, Producer};

/// Sessions that are over and still remembered, so that late listeners hear of it.
const ENDED_MEDIA: usize = 1024;

/// The result of a command.
pub(crate) type Ending<M> =
    Result<<M as offhook::Machine>::Outcome, <M as offhook::Machine>::Error>;

/// A request that a handle puts into its queue.
pub(crate) enum Request<M: Drive> {
    Command(M::Command, Asker<M>),
    Track(TrackId, Producer<FrameQueue>),
    Look,
}

/// Whoever waits for the end of a command. Dropping it tells them that the machine is gone.
pub struct Asker<M: Drive>(Option<oneshot::Sender<Ending<M>>>);

impl<M: Drive> Asker<M> {
    /// An asker for somebody who may stop waiting.
    pub(crate) fn new(tell: oneshot::Sender<Ending<M>>) -> Self {
        Self(Some(tell))
    }

    /// An asker that nobody stands behind; [`Front::waits_for`] knows of the command nevertheless.
    #[must_use]
    pub fn nobody() -> Self {
        Self(None)
    }

    fn tell(self, ending: Ending<M>) {
        if let Some(tell) = self.0 {
            drop(tell.send(ending));
        }
    }
}

impl<M: Drive> std::fmt::Debug for Asker<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asker")
    }
}

/// A request of the application to whoever drives its machine.
pub enum Asked<M: Drive> {
    /// Submit a command, and say so by [`Front::submitted`].
    Command(M::Command, Asker<M>),
    /// Send a frame of a track.
    Frame(TrackId, Frame),
    /// Look whether addresses of the computer came or went.
    Look,
    /// Take leave ([`Drive::farewell`]), since nobody holds a handle any more. Asked once;
    /// afterwards there are frames at most.
    Leave,
}

impl<M: Drive> std::fmt::Debug for Asked<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Command(..) => "Command",
            Self::Frame(..) => "Frame",
            Self::Look => "Look",
            Self::Leave => "Leave",
        })
    }
}

/// The front of a machine: it serves the [`Handle`](crate::Handle)s of a machine that somebody drives,
/// an asynchronous runtime or a simulation.
///
/// Whoever drives it does what is [asked](Front::poll_asked), and tells it all that the machine has
/// for its application: events, ends of commands, frames. Dropping it ends everything that the handles
/// wait for.
pub struct Front<M: Drive> {
    /// First, so that it hears of the end before anybody's track ends.
    observer: Option<Box<dyn Observer<M>>>,
    requests: mpsc::UnboundedReceiver<Request<M>>,
    frames: mpsc::Receiver<(TrackId, Frame)>,
    askers: BTreeMap<CommandId, Asker<M>>,
    events: Publisher<M>,
    tracks: BTreeMap<TrackId, Producer<FrameQueue>>,
    ended: BTreeSet<MediaId>,
    /// True once it was asked to take leave.
    leaving: bool,
}

impl<M: Drive> Front<M> {
    /// The other end of handles' queues.
    pub(crate) fn new(
        requests: mpsc::UnboundedReceiver<Request<M>>,
        frames: mpsc::Receiver<(TrackId, Frame)>,
        events: Publisher<M>,
        observer: Option<Box<dyn Observer<M>>>,
    ) -> Self {
        Self {
            observer,
            requests,
            frames,
            askers: BTreeMap::new(),
            events,
            tracks: BTreeMap::new(),
            ended: BTreeSet::new(),
            leaving: false,
        }
    }

    /// The next request: keys before speech.
    pub fn poll_asked(&mut self, cx: &mut Context<'_>) -> Poll<Asked<M>> {
        while !self.leaving {
            match self.requests.poll_next_unpin(cx) {
                Poll::Ready(Some(Request::Command(command, asker))) => {
                    return Poll::Ready(Asked::Command(command, asker));
                }
                Poll::Ready(Some(Request::Look)) => return Poll::Ready(Asked::Look),
                Poll::Ready(Some(Request::Track(track, producer))) => self.listen(track, producer),
                Poll::Ready(None) => {
                    self.leaving = true;
                    return Poll::Ready(Asked::Leave);
                }
                Poll::Pending => break,
            }
        }
        if !self.frames.is_terminated()
            && let Poll::Ready(Some((track, frame))) = self.frames.poll_next_unpin(cx)
        {
            return Poll::Ready(Asked::Frame(track, frame));
        }
        Poll::Pending
    }

    /// Starts or ends a track that somebody takes.
    fn listen(&mut self, track: TrackId, producer: Producer<FrameQueue>) {
        self.tracks.retain(|_, producer| producer.is_held());
        // Otherwise the producer is dropped, which ends the track.
        if !self.ended.contains(&track.media) {
            self.tracks.insert(track, producer);
        }
    }

    /// Takes note that a command was submitted: it has a name, or was refused.
    pub fn submitted(&mut self, asker: Asker<M>, submitted: Result<CommandId, M::Error>) {
        match submitted {
            Ok(id) => drop(self.askers.insert(id, asker)),
            Err(error) => asker.tell(Err(error)),
        }
    }

    /// True while a command that was [submitted](Front::submitted) is not over.
    #[must_use]
    pub fn waits_for(&self, command: CommandId) -> bool {
        self.askers.contains_key(&command)
    }

    /// Ends the wait for a command that is over.
    pub fn completed(&mut self, command: CommandId, result: Result<M::Outcome, M::Error>) {
        if let (Some(observer), Ok(outcome)) = (&mut self.observer, &result) {
            observer.outcome(outcome);
        }
        if let Some(asker) = self.askers.remove(&command) {
            asker.tell(result);
        }
    }

    /// Tells an event of the machine to all subscribers.
    pub fn told(&mut self, event: M::Event) {
        self.events.begin(&event);
        if let Some(observer) = &mut self.observer {
            observer.event(&event);
        }
        if let Some(media) = M::ended_media(&event) {
            self.tracks.retain(|track, _| track.media != media);
            self.ended.insert(media);
            if self.ended.len() > ENDED_MEDIA {
                self.ended.pop_first();
            }
        }
        self.events.tell(event);
    }

    /// Hands on a frame that came on a track.
    pub fn came(&mut self, track: TrackId, frame: Frame) {
        if let Some(producer) = self.tracks.get(&track) {
            producer.push(frame);
        }
    }
}

impl<M: Drive> std::fmt::Debug for Front<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Front")
    }
}
