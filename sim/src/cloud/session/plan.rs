//! The plan of a session.

use crate::cloud::signaling::Signaling;

/// The plan of a session to be made (`POST /control/calls`).
#[derive(Clone, Debug)]
pub(in crate::cloud) struct Plan {
    pub(in crate::cloud) signaling: Signaling,
    pub(in crate::cloud) trickle: bool,
    pub(in crate::cloud) auto_answer: bool,
    /// It only brings media up; its call is not a call.
    pub(in crate::cloud) eager: bool,
    /// Offer by Jingle as well, as the real service may by mistake (wire notes 6.1).
    pub(in crate::cloud) also_jingle: Option<AlsoJingle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cloud) enum AlsoJingle {
    Before,
    After,
}
