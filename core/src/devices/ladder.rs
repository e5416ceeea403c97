//! The ladder of what is tried when a source does not open (MD-11).

use super::error::OpenError;

/// The attempt by which a source was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// As was asked for.
    Asked,
    /// The same device, with pictures of any size.
    AnySize,
    /// The device that was in use before, and had to be closed for the switch that failed.
    Before,
    /// The default device.
    Default,
    /// The device that the system takes by default.
    System,
}

/// The place of a failure, as far as it decides what is tried next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Situation {
    /// The reason of the failure.
    pub(super) error: OpenError,
    /// A size of pictures was asked for.
    pub(super) is_sized: bool,
    /// Another source is in use, and its device is there.
    pub(super) is_in_use: bool,
    /// One was in use, and was closed for this.
    pub(super) is_released: bool,
    /// There is a default device, and it was not tried.
    pub(super) has_default: bool,
    /// The system's default was not tried.
    pub(super) has_system: bool,
    /// Other devices may stand in for one that fails.
    pub(super) falls_back: bool,
}

/// The next thing to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The source in use is closed, and the same is tried again.
    Release,
    /// Another attempt.
    Try(Rung),
    /// The source in use stays.
    Keep,
    /// Nothing is left, and the session is muted.
    Mute,
}

impl Situation {
    /// The table of the [module documentation](super).
    pub(super) fn step(self) -> Step {
        use OpenError::{Aborted, Denied, Failed, NotFound, OneAtATime, Overconstrained};
        match self.error {
            OneAtATime if self.is_in_use => Step::Release,
            Aborted | Overconstrained if self.is_sized => Step::Try(Rung::AnySize),
            _ if self.is_in_use => Step::Keep,
            _ if self.is_released => Step::Try(Rung::Before),
            Denied => Step::Mute,
            NotFound | Overconstrained | Aborted | OneAtATime | Failed => self.stand_in(),
        }
    }

    fn stand_in(self) -> Step {
        match (self.falls_back, self.has_default, self.has_system) {
            (true, true, _) => Step::Try(Rung::Default),
            (true, false, true) => Step::Try(Rung::System),
            (true, false, false) | (false, ..) => Step::Mute,
        }
    }
}
