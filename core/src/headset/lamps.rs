//! Lamps of a device.

/// The lamps of a headset, one output report (usages of page 0x08).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lamps {
    /// A call rings (0x18).
    pub ring: bool,
    /// There is a call that talks, is held or is being dialled (0x17). Without it many devices have
    /// dead keys, and no sound.
    pub off_hook: bool,
    /// The front call is muted (0x09).
    pub mute: bool,
    /// There are calls on hold, and none talks or is being dialled (0x20).
    pub hold: bool,
}

/// A lamp that a device may echo by a report of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lamp {
    OffHook(bool),
    Mute(bool),
    /// The hold key says nothing of a state.
    Hold,
}
