//! Usages, and those of headsets.

use std::fmt;

/// A usage of the HID usage tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usage {
    /// The page.
    pub page: u16,
    /// The number on the page.
    pub id: u16,
}

impl Usage {
    /// The application collection that makes a device a headset.
    pub const HEADSET: Self = Self::telephony(0x05);

    const fn telephony(id: u16) -> Self {
        Self { page: 0x0b, id }
    }

    const fn led(id: u16) -> Self {
        Self { page: 0x08, id }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X}/0x{:02X}", self.page, self.id)
    }
}

/// A key of a headset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Button {
    /// Hook Switch.
    Hook,
    /// Phone Mute.
    Mute,
    /// Flash: hold, or swap.
    Flash,
    /// Drop: hangs up or rejects.
    Drop,
    /// Redial.
    Redial,
    /// Line Busy.
    LineBusy,
}

impl Button {
    /// All of them, in the order in which those of one report are told.
    pub const ALL: [Self; 6] =
        [Self::Flash, Self::Drop, Self::Hook, Self::Mute, Self::Redial, Self::LineBusy];

    /// Its usage.
    #[must_use]
    pub const fn usage(self) -> Usage {
        Usage::telephony(match self {
            Self::Hook => 0x20,
            Self::Mute => 0x2f,
            Self::Flash => 0x21,
            Self::Drop => 0x26,
            Self::Redial => 0x24,
            Self::LineBusy => 0x97,
        })
    }
}

/// A lamp of a headset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Led {
    /// Off-Hook.
    OffHook,
    /// Ring.
    Ring,
    /// Mute.
    Mute,
    /// Hold.
    Hold,
    /// Speaker, which is found and left dark.
    Speaker,
    /// Microphone, likewise.
    Microphone,
}

impl Led {
    /// All of them; where a device has fewer places than lamps are lit, the first have them.
    pub const ALL: [Self; 6] =
        [Self::OffHook, Self::Ring, Self::Mute, Self::Hold, Self::Speaker, Self::Microphone];

    /// Its usage.
    #[must_use]
    pub const fn usage(self) -> Usage {
        Usage::led(match self {
            Self::OffHook => 0x17,
            Self::Ring => 0x18,
            Self::Mute => 0x09,
            Self::Hold => 0x20,
            Self::Speaker => 0x1e,
            Self::Microphone => 0x21,
        })
    }
}
