//! Sound cards, as little as is wanted of them.

use std::time::Duration;

use crate::ends::{Microphone, Speaker};

/// The way that sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To a loudspeaker.
    Output,
    /// From a microphone.
    Input,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Output => "output",
            Self::Input => "input",
        })
    }
}

/// A loudspeaker or a microphone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The name that it keeps, also after it was away.
    pub name: String,
    /// The words for people.
    pub description: String,
    /// True if it records what a loudspeaker plays, and no voice.
    pub monitor: bool,
}

impl Device {
    /// True if a person means it by these words: its name, or its description.
    #[must_use]
    pub fn is_called(&self, words: &str) -> bool {
        self.name == words || self.description == words
    }
}

/// The devices that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// Those that play.
    pub outputs: Vec<Device>,
    /// Those that record.
    pub inputs: Vec<Device>,
    /// The name of the system's default for playing.
    pub default_output: Option<String>,
    /// The name of the system's default for recording.
    pub default_input: Option<String>,
}

impl Devices {
    /// Those of one way.
    #[must_use]
    pub fn of(&self, direction: Direction) -> &[Device] {
        match direction {
            Direction::Output => &self.outputs,
            Direction::Input => &self.inputs,
        }
    }

    /// The name of the default of one way.
    #[must_use]
    pub fn default_of(&self, direction: Direction) -> Option<&str> {
        match direction {
            Direction::Output => self.default_output.as_deref(),
            Direction::Input => self.default_input.as_deref(),
        }
    }

    /// Leaves monitors out, but for one that is wanted by name: a call into one would hear itself.
    ///
    /// Servers make one the default where there is no microphone, or somebody had it recorded. The first microphone stands
    /// in for it, if there is one.
    pub(crate) fn leave_out_monitors(&mut self, wanted: Option<&str>) {
        let is_monitor = |name: &str| self.inputs.iter().any(|one| one.monitor && one.name == name);
        if self.default_input.as_deref().is_some_and(is_monitor) {
            let first = self.inputs.iter().find(|one| !one.monitor);
            self.default_input = first.map(|one| one.name.clone());
        }
        self.inputs.retain(|one| !one.monitor || wanted.is_some_and(|words| one.is_called(words)));
    }
}

/// The reason why there is no sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Nothing is there to ask.
    #[error("{0}")]
    Missing(String),
    /// It was there, and is no longer.
    #[error("the sound server is gone: {0}")]
    Gone(String),
    /// It does not answer in time.
    #[error("the sound server does not answer")]
    Stalled,
    /// One device cannot be opened; others can.
    #[error("{device} cannot be opened: {why}")]
    Refused {
        /// Its name.
        device: String,
        /// The reason, in the server's words.
        why: String,
    },
}

/// A stream of a card, by the number that whoever opens it gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(pub u64);

/// The news of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// True if devices came or went, or the default is another.
    pub devices: bool,
    /// The streams that stopped by themselves.
    pub stopped: Vec<Stream>,
}

/// All devices of one system.
///
/// Sound is 48 kHz, mono, 16 bits. Several streams may be open at once, also of one device. Nothing takes longer than some
/// seconds: what does not answer by then is [`CardError::Stalled`]. With any error but [`CardError::Refused`] all that was
/// open is closed, and the next call tries from the beginning; with that one, what was open still is.
pub trait Card {
    /// The devices that there are.
    ///
    /// # Errors
    ///
    /// Nothing can be asked.
    fn devices(&mut self) -> Result<Devices, CardError>;

    /// Has a device play what the speaker gives.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or nothing can.
    fn play(&mut self, stream: Stream, device: &str, from: Speaker) -> Result<(), CardError>;

    /// Has a device record into the microphone.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or nothing can.
    fn record(&mut self, stream: Stream, device: &str, into: Microphone) -> Result<(), CardError>;

    /// Closes a stream, if it is open.
    fn close(&mut self, stream: Stream);

    /// Does what has to be done, and waits this long for news.
    ///
    /// # Errors
    ///
    /// The card is gone.
    fn turn(&mut self, wait: Duration) -> Result<Changes, CardError>;
}
