//! The two ways in which a session is signalled.

/// The signaling that a call speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signaling {
    Jingle,
    Sdp,
}

impl Signaling {
    /// Its name in the control API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jingle => "jingle",
            Self::Sdp => "sdp",
        }
    }
}
