//! Sources that are open, and that are sent.

use super::choice::Choice;
use super::constraint::Size;
use super::constraints::Constraints;
use super::device::DeviceId;
use super::effect::Source;
use super::ladder::Rung;

/// A source that was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The device, where that is known: of the system's default it may not be.
    pub device: Option<DeviceId>,
    /// The size of its pictures, where it has some and it is known.
    pub size: Option<Size>,
}

setters!(Opened { device: some[DeviceId], size: some[Size] });

/// A source that a session sends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InUse {
    /// The source.
    pub source: Source,
    /// The device, where that is known.
    pub device: Option<DeviceId>,
    /// The attempt that brought it.
    pub rung: Rung,
    /// The choice that it was opened for.
    pub choice: Choice,
    /// The wishes that it was opened with; none of a source of the application's own.
    pub constraints: Option<Constraints>,
}
