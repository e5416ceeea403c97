//! Choices of devices.

use super::device::DeviceId;

/// A source of the application's own, by the number that it gives it: a file, a mixer, what an audio
/// processor made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Given(pub u64);

/// The place where a session's sound or picture comes from (MD-4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The default device; without one, or where it is not there, the system's.
    #[default]
    Default,
    /// The device that the system takes by default.
    System,
    /// This device.
    Device(DeviceId),
    /// A source of the application's own, which is never opened or closed here.
    Given(Given),
}

/// A default device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preference {
    /// The device that the system takes by default.
    System,
    /// This device. It need not be there: then it is preferred when it comes.
    Device(DeviceId),
}

impl Preference {
    pub(super) fn into_device(self) -> Option<DeviceId> {
        match self {
            Self::System => None,
            Self::Device(id) => Some(id),
        }
    }
}

/// The sessions that a change of defaults is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those to come.
    #[default]
    Coming,
    /// Those that are live, too.
    Live,
}

/// A change of what sessions send; what is none is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outgoing {
    /// The choice for sound.
    pub audio: Option<Choice>,
    /// The choice for pictures.
    pub video: Option<Choice>,
}

setters!(Outgoing { audio: some[Choice], video: some[Choice] });
