//! Keys of a device.

/// The hook of a headset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// On hook: hung up.
    #[default]
    Down,
    /// Off hook: picked up.
    Up,
}

/// Something that a device reports of its keys. The pressing counts; that a key was let go is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// The state of the hook switch (usage 0x0B/0x20). Reported again without a change it is nothing.
    Hook(Hook),
    /// The mute key (0x0B/0x2F), which says nothing of a state.
    Mute,
    /// The device's own mute, where it keeps one.
    Muted(bool),
    /// The hold key (flash, 0x0B/0x21).
    Flash,
    /// The key that rejects or drops a call (0x0B/0x26).
    Drop,
}
