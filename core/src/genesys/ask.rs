//! Purposes of requests to the service, by which the answer finds whoever it is for.

use super::ids::{ConversationId, SessionId};
use super::upload;
use crate::machine::CommandId;

/// The purpose of an IQ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IqAsk {
    Bind,
    Session,
    Turn,
    Stun,
    ServerPings,
    Ping,
    /// The first subscription to the user's conversations.
    Conversations,
    /// A session's answer.
    Answer(SessionId),
    /// A candidate or an info of a session.
    Update(SessionId),
    Terminate(SessionId),
    /// A room's mute, which a command waits for.
    Mute {
        session: SessionId,
        command: CommandId,
    },
}

impl IqAsk {
    /// The session that it is about; none for what belongs to the connection itself.
    pub(super) fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Answer(session)
            | Self::Update(session)
            | Self::Terminate(session)
            | Self::Mute { session, .. } => Some(session),
            Self::Bind
            | Self::Session
            | Self::Turn
            | Self::Stun
            | Self::ServerPings
            | Self::Ping
            | Self::Conversations => None,
        }
    }
}

/// The purpose of a REST request, by which the answer finds whoever it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Link(LinkAsk),
    Call(CallAsk),
    Room(RoomAsk),
    /// A question about the user, beside calls, and the command that waits for the answer.
    User(UserAsk, CommandId),
    /// An upload of what we say about ourselves.
    Upload(upload::Kind),
}

/// A request of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkAsk {
    /// A question of a login, which goes on only when it is answered.
    Entry(EntryAsk),
    /// A probe of the service: can it be reached at all? Nothing depends on the answer.
    Probe,
    Station,
    Topics,
    /// The word that this connection can ring.
    Alertable,
    /// The question which connection rings.
    Leader,
    /// The claim to be the one who rings.
    Claim(CommandId),
}

/// A question asked before a socket can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryAsk {
    /// A guest's JWT for a code.
    Redeem,
    Organization,
    User,
    Channel,
}

/// A request of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallAsk {
    /// The question who we are in a conversation, for a command that needs to know.
    Participant(CommandId),
    /// The change that a command asked for.
    Change(CommandId),
    /// The question who we are in a conversation that is to be answered through the service.
    Answerer(ConversationId),
    /// The answer to a call on the shared session.
    Answer(ConversationId),
    /// The list of the user's conversations, after a reconnect.
    Listing,
    /// Holding one call because another is talked to. Nobody waits for it.
    HoldOther,
    Dial(CommandId),
    /// The report of a leg as connected here. Nobody waits for the answer.
    Metadata(ConversationId),
}

/// A question about the user, beside calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserAsk {
    /// The presences that there are.
    Definitions,
    Presence,
    SetPresence,
    Voicemail,
}

/// A request of rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RoomAsk {
    /// A meeting to begin or to join.
    Start(CommandId),
    /// The participant whose pictures are wanted.
    Pin(CommandId),
    /// The question who is in a room.
    Participants(SessionId),
    /// The screens of a recording. Nobody waits for the answer.
    Metadata(SessionId),
}

impl From<RoomAsk> for Ask {
    fn from(ask: RoomAsk) -> Self {
        Self::Room(ask)
    }
}

impl From<LinkAsk> for Ask {
    fn from(ask: LinkAsk) -> Self {
        Self::Link(ask)
    }
}

impl From<EntryAsk> for Ask {
    fn from(ask: EntryAsk) -> Self {
        Self::Link(LinkAsk::Entry(ask))
    }
}

impl From<CallAsk> for Ask {
    fn from(ask: CallAsk) -> Self {
        Self::Call(ask)
    }
}

impl Ask {
    /// True if a command waits for the answer.
    pub(crate) fn is_of_a_command(&self) -> bool {
        match self {
            Self::Link(LinkAsk::Claim(_))
            | Self::Call(CallAsk::Participant(_) | CallAsk::Change(_) | CallAsk::Dial(_))
            | Self::Room(RoomAsk::Start(_) | RoomAsk::Pin(_))
            | Self::User(..) => true,
            Self::Link(_) | Self::Call(_) | Self::Room(_) | Self::Upload(_) => false,
        }
    }

    /// True if a login goes on only with the answer.
    pub(super) fn is_of_login(&self) -> bool {
        match self {
            Self::Link(LinkAsk::Entry(_)) => true,
            Self::Link(
                LinkAsk::Probe
                | LinkAsk::Station
                | LinkAsk::Topics
                | LinkAsk::Alertable
                | LinkAsk::Leader
                | LinkAsk::Claim(_),
            )
            | Self::Call(_)
            | Self::Room(_)
            | Self::User(..)
            | Self::Upload(_) => false,
        }
    }

    /// True if nobody waits for the answer.
    pub(super) fn is_unawaited(&self) -> bool {
        matches!(self, Self::Call(CallAsk::HoldOther | CallAsk::Metadata(_)))
    }
}
