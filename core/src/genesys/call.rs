//! Calls as the service tells them.

use super::ids::{CallId, ConversationId, ParticipantId, SessionId};

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
    /// Whether the user called or was called.
    pub direction: Direction,
    /// Muted in the service.
    pub muted: bool,
    /// Held in the service.
    pub held: bool,
    /// Isolated from the others, as during a consult.
    pub confined: bool,
    /// Whether it is recorded.
    pub recording: RecordingState,
    /// The media session it uses, if this client has one for it.
    pub session: Option<SessionId>,
}

/// States of a call leg (wire notes 4.8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallState {
    /// Ringing here.
    Alerting,
    /// The service is calling the user's phone.
    Contacting,
    /// The service is calling the far side.
    Dialing,
    /// On hold, in old dialects.
    Hold,
    /// Talking.
    Connected,
    /// Over.
    Disconnected,
    /// Over, and forgotten.
    Terminated,
    /// Anything else.
    Other(String),
}

/// Whether a call is recorded (`recordingState` of the service's conversations resource).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordingState {
    /// It is not, or the service does not say.
    #[default]
    Off,
    /// It is.
    Active,
    /// It is paused, for instance while a card number is told.
    Paused,
}

impl From<&str> for RecordingState {
    fn from(state: &str) -> Self {
        match state {
            "active" => Self::Active,
            "paused" => Self::Paused,
            _ => Self::Off,
        }
    }
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The user was called.
    Inbound,
    /// The user called.
    Outbound,
}
