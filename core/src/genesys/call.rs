//! Calls as the service tells them.

use std::sync::Arc;

use super::call_state::{CallDirection, CallState, RecordingState};
use super::ids::{CallId, ConversationId, ParticipantId, SessionId};
use super::party::Parties;

/// A change in the user's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationUpdate {
    /// The call that is being spoken on, where that can be told.
    pub active: Option<ConversationId>,
    /// All calls known now, ringing ones included.
    pub current: Vec<Conversation>,
    /// Calls that have just connected.
    pub added: Vec<Conversation>,
    /// Calls that have just ended.
    pub removed: Vec<Conversation>,
}

/// The user's part in a call, as the service last told it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    /// The conversation.
    pub id: ConversationId,
    /// The user's participant in it.
    pub participant: ParticipantId,
    /// The user's call leg.
    pub call: CallId,
    /// The leg's state.
    pub state: CallState,
    /// Inbound if the user was called, outbound if the user called.
    pub direction: CallDirection,
    /// Muted in the service.
    pub muted: bool,
    /// Held in the service.
    pub held: bool,
    /// Isolated from the others, as during a consult.
    pub confined: bool,
    /// The state of its recording.
    pub recording: RecordingState,
    /// The media session it uses, if this client has one for it.
    pub session: Option<SessionId>,
    /// The others on it, where the service said. [`Conversation::who`] reads them in either case.
    pub parties: Option<Arc<Parties>>,
}

impl Conversation {
    /// The others on it, as far as is known: nothing where the service said nothing.
    #[must_use]
    pub fn who(&self) -> &Parties {
        Parties::or_none(self.parties.as_ref())
    }
}
