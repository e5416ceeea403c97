//! Requests of a client, by whose matter the answer is.

use super::ids::{CallId, OperationId};
use super::wire::answer::Wanted;

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The subscription's.
    Link(LinkAsk),
    /// A call's.
    Call(CallId, CallAsk),
    /// The end of a call's session, in the background.
    Hangup,
}

/// A request of the subscription's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkAsk {
    /// Make it.
    Create,
    /// Change its services.
    Update,
    /// Renew it.
    Renew,
    /// End it.
    Delete,
    /// End one that is of no use, in the background.
    Orphan,
    /// End it, as the client ends.
    Farewell,
}

/// A request of a call's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallAsk {
    /// Make its session, alone or by joining two.
    Create(OperationId),
    /// Tell that it rings.
    Ring(OperationId),
    /// Answer it.
    Answer(OperationId),
    /// Decline it or send it on.
    Dispose(OperationId),
    /// Offer something else.
    Offer(OperationId),
    /// Answer an offer of the far side.
    Respond(OperationId),
    /// Refuse an offer of the far side.
    Refuse,
    /// Send parameters.
    Parameters(OperationId),
    /// Transfer it.
    Transfer(OperationId),
    /// Find out whether the gateway still knows it.
    Audit,
    /// Ask for its state; for an operation, or of our own accord.
    Status(Option<OperationId>),
}

impl Ask {
    /// The content that an answer to it must have: those that end something need say nothing (w1.4).
    pub(super) fn wanted(&self) -> Wanted {
        match self {
            Self::Hangup | Self::Link(LinkAsk::Orphan | LinkAsk::Farewell) => Wanted::Nothing,
            Self::Link(LinkAsk::Create | LinkAsk::Update | LinkAsk::Renew | LinkAsk::Delete)
            | Self::Call(..) => Wanted::Json,
        }
    }
}

impl From<LinkAsk> for Ask {
    fn from(ask: LinkAsk) -> Self {
        Self::Link(ask)
    }
}
