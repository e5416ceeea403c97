//! Effects of a headset.

use super::lamps::Lamps;

/// A request of the user's, by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Answer it.
    Answer,
    /// Decline it.
    Reject,
    /// Hang up.
    End,
    /// Hold it.
    Hold,
    /// Resume it.
    Resume,
    /// Mute it.
    Mute,
    /// Unmute it.
    Unmute,
}

/// Something that the application is asked to do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask<C> {
    /// The call.
    pub call: C,
    /// The request.
    pub action: Action,
}

/// Something that follows from a change of a call or from a key, to be done in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect<C> {
    /// The application is asked for something.
    Ask(Ask<C>),
    /// The device shows these lamps from now on: all of them, whether or not they change.
    Show(Lamps),
}
