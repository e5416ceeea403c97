//! Sessions, as far as devices matter to them.

use super::choice::Choice;

/// A session's relation to a kind of media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sends {
    /// It sends none: a call has no picture.
    #[default]
    Nothing,
    /// It would, but is muted. A microphone stays open, a camera is closed (MD-16).
    Muted,
    /// It sends.
    Live,
}

/// A session as it is now, whoever changed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The sound.
    pub audio: Sends,
    /// The picture of a camera. A screen that is shown is none.
    pub video: Sends,
    /// True if the session is heard here. Default false.
    pub plays: bool,
    /// The microphone that its sound begins with; later [`Outgoing`](super::Outgoing) chooses.
    pub microphone: Choice,
    /// The camera that its picture begins with, likewise.
    pub camera: Choice,
}

setters!(Session { audio: Sends, video: Sends, plays: bool, microphone: Choice, camera: Choice });

impl Session {
    /// A telephone call that is talked on.
    #[must_use]
    pub fn call() -> Self {
        Self::default().audio(Sends::Live).plays(true)
    }

    /// A meeting that is seen and heard.
    #[must_use]
    pub fn meeting() -> Self {
        Self::call().video(Sends::Live)
    }
}
