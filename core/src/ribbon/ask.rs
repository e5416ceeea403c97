//! Requests of a client, by whose matter the answer is.

use super::contacts::Contact;
use super::ids::{CallId, ContactId, MessageId, OperationId, RecordId, UserId};
use super::presence::OwnPresence;
use super::push::PushKind;
use super::wire::CustomParameter;
use super::wire::answer::Wanted;
use crate::machine::CommandId;

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The subscription's.
    Link(LinkAsk),
    /// A call's.
    Call(CallId, CallAsk),
    /// The end of a call's session, in the background.
    Hangup,
    /// A matter of what is kept beside calls, and the command that waits for it.
    Store(Option<CommandId>, StoreAsk),
    /// A request of the application's own.
    Fetch(CommandId),
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

impl CallAsk {
    /// The operation that it is a part of.
    pub(super) fn operation(&self) -> Option<&OperationId> {
        match self {
            Self::Create(op)
            | Self::Ring(op)
            | Self::Answer(op)
            | Self::Dispose(op)
            | Self::Offer(op)
            | Self::Respond(op)
            | Self::Parameters(op)
            | Self::Transfer(op) => Some(op),
            Self::Status(op) => op.as_ref(),
            Self::Refuse | Self::Audit => None,
        }
    }
}

/// A request of what is kept beside calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreAsk {
    History(HistoryAsk),
    Contacts(ContactsAsk),
    Directory(DirectoryAsk),
    Presence(PresenceAsk),
    /// Send a message: to whom, and by which name it stands here.
    Message(String, MessageId),
    Sip(String, SipAsk),
    Voicemail,
    /// Connect two telephones.
    Click(CallId),
    Push(PushAsk),
}

/// A request of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HistoryAsk {
    Fetch,
    Remove(RecordId),
    Clear,
}

/// A request of the address book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContactsAsk {
    Add(Box<Contact>),
    Update(Box<Contact>),
    Remove(ContactId),
    Fetch,
    Refresh,
}

/// A request of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DirectoryAsk {
    /// One user.
    Fetch,
    Search,
}

/// A request of presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PresenceAsk {
    /// Tell the user's own.
    Own(Box<OwnPresence>),
    Get(Vec<UserId>),
    /// Watch users, of which these are new.
    Watch(Vec<UserId>, Vec<UserId>),
    Unwatch(Vec<UserId>),
    /// Watch users again, after a new subscription.
    Again(Vec<UserId>),
}

/// A request of events of SIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SipAsk {
    /// Subscribe to those of these users, with these parameters.
    Create(Vec<UserId>, Vec<CustomParameter>),
    /// More users, fewer, and these parameters.
    Update(Vec<UserId>, Vec<UserId>, Vec<CustomParameter>),
    /// Its end.
    End,
    Renew,
}

/// A request about push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushAsk {
    Register(PushKind),
    Unregister(PushKind),
}

impl Ask {
    /// The content that an answer to it must have: those that end something need say nothing (w1.4).
    pub(super) fn wanted(&self) -> Wanted {
        match self {
            Self::Hangup
            | Self::Link(LinkAsk::Orphan | LinkAsk::Farewell)
            | Self::Store(
                _,
                StoreAsk::History(HistoryAsk::Remove(_) | HistoryAsk::Clear)
                | StoreAsk::Sip(_, SipAsk::End)
                | StoreAsk::Push(PushAsk::Unregister(_)),
            ) => Wanted::Nothing,
            Self::Link(LinkAsk::Create | LinkAsk::Update | LinkAsk::Renew | LinkAsk::Delete)
            | Self::Call(..)
            | Self::Store(..)
            | Self::Fetch(_) => Wanted::Json,
        }
    }
}

impl From<LinkAsk> for Ask {
    fn from(ask: LinkAsk) -> Self {
        Self::Link(ask)
    }
}
