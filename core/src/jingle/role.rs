//! The two ends of a session, and which of them sends.

use crate::xmpp::{ElementRef, Skipped};

/// An end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that sent session-initiate.
    Initiator,
    /// The end that it was sent to.
    Responder,
}

impl Role {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }
}

/// The ends that send in a content (XEP-0166 section 7.3). Written only if it is not `both`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Senders {
    /// Both ends.
    #[default]
    Both,
    /// Only the initiator.
    Initiator,
    /// Only the responder.
    Responder,
    /// Neither end.
    None,
}

impl Senders {
    pub(super) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Self {
        match e.attribute("senders") {
            Some("initiator") => Self::Initiator,
            Some("responder") => Self::Responder,
            Some("none") => Self::None,
            Some("both") | None => Self::Both,
            Some(_) => {
                skipped.add(": senders");
                Self::Both
            }
        }
    }

    pub(super) const fn written(self) -> Option<&'static str> {
        match self {
            Self::Both => None,
            Self::Initiator => Some("initiator"),
            Self::Responder => Some("responder"),
            Self::None => Some("none"),
        }
    }

    /// The senders of a direction attribute of SDP, such as `sendonly`, in a description by
    /// `author` (wire notes 6.4).
    #[must_use]
    pub fn from_direction(direction: &str, author: Role) -> Option<Self> {
        match (direction, author) {
            ("sendrecv", _) => Some(Self::Both),
            ("sendonly", Role::Initiator) | ("recvonly", Role::Responder) => Some(Self::Initiator),
            ("sendonly", Role::Responder) | ("recvonly", Role::Initiator) => Some(Self::Responder),
            ("inactive", _) => Some(Self::None),
            _ => None,
        }
    }

    /// The direction attribute of SDP in a description by `author`.
    #[must_use]
    pub const fn direction(self, author: Role) -> &'static str {
        match (self, author) {
            (Self::Both, _) => "sendrecv",
            (Self::Initiator, Role::Initiator) | (Self::Responder, Role::Responder) => "sendonly",
            (Self::Initiator, Role::Responder) | (Self::Responder, Role::Initiator) => "recvonly",
            (Self::None, _) => "inactive",
        }
    }
}
