//! What runs on a phone: the application under test, driven as a runtime would drive it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use offhook::Machine as _;
use offhook::genesys::{Client, Command, Error, Event, Outcome};
use offhook::machine::{CommandId, Input, MediaId, Output, OutputOf};
use offhook::media::AudioFrame;

use super::meter::Meter;
use super::phone_id::PhoneId;

/// What an application is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Moment<'a> {
    /// The phone is there, and not connected.
    Start,
    /// The client tells something.
    Event(&'a Event),
    /// A command is over.
    Completed {
        /// Which one.
        command: CommandId,
        /// How it ended.
        result: &'a Result<Outcome, Error>,
    },
    /// The far side spoke.
    Audio {
        /// On which session.
        media: MediaId,
        /// What it said.
        frame: &'a AudioFrame,
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
pub trait Application {
    /// Something happened.
    fn handle(&mut self, at: Duration, moment: Moment<'_>, keys: &mut Keys<'_>);

    /// When it wants [`Moment::Wake`], if at all.
    fn next_wake(&self) -> Option<Duration> {
        None
    }
}

/// The phone's keys, as an application has them.
pub struct Keys<'a> {
    pub(super) phone: PhoneId,
    pub(super) client: &'a mut Client,
    pub(super) now: Instant,
    pub(super) outputs: &'a mut VecDeque<OutputOf<Client>>,
    pub(super) pressed: &'a mut Vec<Pressed>,
    pub(super) meter: &'a mut Meter,
}

/// What an application did.
#[derive(Debug)]
pub(super) enum Pressed {
    Submitted { id: CommandId, command: Command },
    Refused { command: Command, error: Error },
    Spoke { media: MediaId, frame: AudioFrame },
}

impl Keys<'_> {
    /// Which phone this is.
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
    pub fn client(&self) -> &Client {
        self.client
    }

    /// Whether signaling is up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Submits a command; its end comes as [`Moment::Completed`]. One that is refused must leave
    /// no output and no change.
    ///
    /// # Errors
    ///
    /// It is impossible now, and no completion will come.
    pub fn submit(&mut self, command: Command) -> Result<CommandId, Error> {
        let asked = command.clone();
        let before = (self.client.digest(), self.outputs.len());
        let result = self.meter.core(|| {
            let result = self.client.submit(self.now, asked);
            drain(self.client, self.outputs);
            result
        });
        if let Err(error) = &result {
            // A panic is a finding.
            let after = (self.client.digest(), self.outputs.len());
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
        self.meter.core(|| {
            self.client.handle_input(self.now, Input::Audio { media, frame });
            drain(self.client, self.outputs);
        });
    }
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("phone", &self.phone).finish_non_exhaustive()
    }
}

/// Takes all that a client wants done now.
pub(super) fn drain(client: &mut Client, outputs: &mut VecDeque<OutputOf<Client>>) {
    loop {
        match client.poll_output() {
            Output::Timeout(_) => return,
            output => outputs.push_back(output),
        }
    }
}
