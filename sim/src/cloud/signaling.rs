//! The two ways in which a session is signalled.

/// Which signaling a call speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signaling {
    Jingle,
    Sdp,
}
