//! Names of calls and of what belongs to them. Opaque: compared, never taken apart.

use crate::machine::Rng;

text_id!(
    /// A call, by the name that this client gave it: a random UUID, which never travels.
    CallId
);
text_id!(
    /// An operation on a call, by the name that this client gave it.
    OperationId
);
text_id!(
    /// A session of the gateway's: one leg of a call (`sessionData`).
    SessionData
);
text_id!(
    /// A user, as `alice@example.com`.
    UserId
);
text_id!(
    /// A track of a call, or of media that belongs to none.
    TrackId
);
text_id!(
    /// Tracks that belong together.
    MediaObjectId
);
text_id!(
    /// A record of the history of calls.
    RecordId
);
text_id!(
    /// An entry of the user's address book.
    ContactId
);
text_id!(
    /// A message of a conversation.
    MessageId
);

impl CallId {
    /// A name for a new call.
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self::from(rng.uuid())
    }
}

impl OperationId {
    /// A name for a new operation.
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self::from(rng.uuid())
    }
}

impl UserId {
    /// The part after the `@`: the user's own domain.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        let (_, domain) = self.as_str().rsplit_once('@')?;
        (!domain.is_empty()).then_some(domain)
    }
}
