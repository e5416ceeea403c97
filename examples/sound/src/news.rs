//! The news of devices, and their state.

use crate::card::{CardError, Direction};
use crate::ends::LineId;

/// Something that happened to the devices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// A device is in use from now on, for a call.
    Uses {
        /// Its way.
        direction: Direction,
        /// The words for it.
        description: String,
    },
    /// No device is in use any more although there is a call: there is silence, and others are looked for.
    Silent {
        /// The way that has none.
        direction: Direction,
    },
    /// A call has no microphone although a card answers, and is to be muted in its service: whoever unmutes it has one
    /// opened, if there is one. It is told again every few seconds until [the line is](crate::Line::set_muted).
    Mute(LineId),
    /// A device was left out.
    Refused(CardError),
    /// There is no sound at all.
    NoCard(CardError),
    /// There is, after there was none.
    CardFound,
}

/// The devices of one way, as they are and as they are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The name or the description of the device that is wanted; without one, the system's default.
    pub wanted: Option<String>,
    /// The name of the device that is open.
    pub open: Option<String>,
}
