//! Makers that leave something out of their descriptors.

use crate::usage::{Button, Led};

/// Something that is known of a maker's headsets, and their descriptors do not say.
///
/// Of a Yealink's going on hook while a call is held there is nothing here: that is no end on any
/// headset ([`offhook::headset`]), and [`Reports`](crate::Reports) tells of the hold key before the hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quirk {
    /// Yealink (vendor 0x6993): one byte each way. Its keys are hook, mute, hold and reject in the bits 0,
    /// 2, 3 and 6, its lamps off-hook, mute, ring and hold in the bits 0 to 3.
    ///
    /// The bits count from the report in which the descriptor has the hook, or the lamp of it, as bit 0.
    /// Where it has them elsewhere, this is another model, of which nothing is known.
    Yealink,
}

impl Quirk {
    /// Those of a maker, by the vendor id of USB.
    #[must_use]
    pub const fn of(vendor: u16) -> Option<Self> {
        match vendor {
            0x6993 => Some(Self::Yealink),
            _ => None,
        }
    }

    /// The bits of keys. The first tells the report.
    pub(crate) const fn buttons(self) -> &'static [(Button, usize)] {
        match self {
            Self::Yealink => {
                &[(Button::Hook, 0), (Button::Mute, 2), (Button::Flash, 3), (Button::Drop, 6)]
            }
        }
    }

    /// The bits of lamps, likewise.
    pub(crate) const fn leds(self) -> &'static [(Led, usize)] {
        match self {
            Self::Yealink => &[(Led::OffHook, 0), (Led::Mute, 1), (Led::Ring, 2), (Led::Hold, 3)],
        }
    }
}
