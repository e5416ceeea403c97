//! The two ways in which a session is signalled.

/// The signaling that a call speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signaling {
    Jingle,
    Sdp,
}
