//! Names of things in the service. Opaque: compared, never taken apart.
//!
//! They keep their exact bytes (`as_str`, and when they are serialised) and are shown in
//! [plain](crate::plain()) words, and cut off after 255 bytes. Clones share one text: the same few names
//! stand in many places.

pub(crate) use crate::text_id::{MAX_ID, bounded};

text_id!(
    /// A conversation: the service's call object.
    ConversationId
);
text_id!(
    /// A media session: the id of the proposal, the Jingle `sid`, the JSON-RPC `sessionId`.
    SessionId
);
text_id!(
    /// A participant of a conversation.
    ParticipantId
);
text_id!(
    /// A communication: one call leg of a participant.
    CallId
);
text_id!(
    /// A user of the service.
    UserId
);
text_id!(
    /// A queue, in which calls wait for an agent.
    QueueId
);
text_id!(
    /// A station: the user's phone.
    StationId
);
text_id!(
    /// A presence that the organization has defined.
    PresenceId
);
