//! The application under test on a phone, driven as a runtime would drive it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use offhook::Machine;
use offhook::machine::{CommandId, Frame, Input, MediaId, Output, OutputOf, TrackId};
use offhook::media::AudioFrame;

use super::meter::Meter;
use super::pair::{CommandOf, ErrorOf, EventOf, Pair, ResultOf};
use super::phone_id::PhoneId;
use crate::services::Genesys;

/// A moment of an application: what it is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Moment<'a, P: Pair = Genesys> {
    /// The phone is there, and not connected.
    Start,
    /// The client tells something.
    Event(&'a EventOf<P>),
    /// A command is over.
    Completed {
        /// The command.
        command: CommandId,
        /// The result.
        result: &'a ResultOf<P>,
    },
    /// The far side spoke.
    Audio {
        /// The session's audio.
        media: MediaId,
        /// The frame.
        frame: &'a AudioFrame,
    },
    /// A frame came on another track than a session's first of audio.
    Frame {
        /// The track.
        track: TrackId,
        /// The frame.
        frame: &'a Frame,
    },
    /// The time that [`Application::next_wake`] asked for has come.
    Wake,
    /// The working hours are over: nothing new should be begun.
    Evening,
}

/// A program on a phone: a bot, a softphone, the model of an agent.
///
/// A state machine as the client is one: it is told what happened, presses keys, and says when it
/// wants to be woken. Times are since the run began.
pub trait Application<P: Pair = Genesys> {
    /// Something happened.
    fn handle(&mut self, at: Duration, moment: Moment<'_, P>, keys: &mut Keys<'_, P>);

    /// The time at which it wants [`Moment::Wake`], if at all.
    fn next_wake(&self) -> Option<Duration> {
        None
    }
}

/// The phone's keys, as an application has them.
pub struct Keys<'a, P: Pair = Genesys> {
    pub(super) phone: PhoneId,
    pub(super) client: &'a mut P::Client,
    pub(super) now: Instant,
    pub(super) outputs: &'a mut VecDeque<OutputOf<P::Client>>,
    pub(super) pressed: &'a mut Vec<Pressed<P>>,
    pub(super) meter: &'a mut Meter,
}

/// An action of an application.
pub(super) enum Pressed<P: Pair> {
    Submitted { id: CommandId, command: CommandOf<P> },
    Refused { command: CommandOf<P>, error: ErrorOf<P> },
    Spoke { media: MediaId, frame: AudioFrame },
    Sent { track: TrackId, frame: Frame },
}

impl<P: Pair> Keys<'_, P> {
    /// The number of this phone.
    #[must_use]
    pub fn phone(&self) -> PhoneId {
        self.phone
    }

    /// The present, by the clock of the client.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The client whose keys they are, to be looked at.
    #[must_use]
    pub fn client(&self) -> &P::Client {
        self.client
    }

    /// True while signaling is up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        P::is_connected(self.client)
    }

    /// Submits a command; its end comes as [`Moment::Completed`]. One that is refused must leave
    /// no output and no change.
    ///
    /// # Errors
    ///
    /// It is impossible now, and no completion will come.
    pub fn submit(&mut self, command: CommandOf<P>) -> Result<CommandId, ErrorOf<P>> {
        let asked = command.clone();
        let before = (P::digest(self.client), self.outputs.len());
        let result = self.meter.core(|| {
            let result = self.client.submit(self.now, asked);
            drain(self.client, self.outputs);
            result
        });
        if let Err(error) = &result {
            // A panic is a finding.
            let after = (P::digest(self.client), self.outputs.len());
            assert_eq!(before, after, "{command:?} was refused ({error}), and has acted");
        }
        self.pressed.push(match &result {
            Ok(id) => Pressed::Submitted { id: *id, command },
            Err(error) => Pressed::Refused { command, error: error.clone() },
        });
        result
    }

    /// Speaks: one frame.
    pub fn speak(&mut self, media: MediaId, frame: AudioFrame) {
        self.pressed.push(Pressed::Spoke { media, frame: frame.clone() });
        self.put(TrackId::audio(media), frame.into());
    }

    /// Sends one frame of any track.
    pub fn send(&mut self, track: TrackId, frame: Frame) {
        self.pressed.push(Pressed::Sent { track, frame: frame.clone() });
        self.put(track, frame);
    }

    fn put(&mut self, track: TrackId, frame: Frame) {
        self.meter.core(|| {
            self.client.handle_input(self.now, Input::Frame { track, frame });
            drain(self.client, self.outputs);
        });
    }
}

impl<P: Pair> std::fmt::Debug for Keys<'_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("phone", &self.phone).finish_non_exhaustive()
    }
}

/// Takes all that a client wants done now.
pub(super) fn drain<M: Machine>(client: &mut M, outputs: &mut VecDeque<OutputOf<M>>) {
    loop {
        match client.poll_output() {
            Output::Timeout(_) => return,
            output => outputs.push_back(output),
        }
    }
}
