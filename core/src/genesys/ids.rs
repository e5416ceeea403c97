//! Names of things in the service. Opaque: compared, never taken apart.
//!
//! They keep their exact bytes (`as_str`, and when they are serialised) and are shown in
//! [plain](crate::plain()) words, and cut off after 255 bytes. Clones share one text: the same few names
//! stand in many places.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize as _;

use crate::plain::Shown;

/// The longest name that is taken from the service, in bytes.
pub(crate) const MAX_ID: usize = 255;

/// A text of at most [`MAX_ID`] bytes.
pub(crate) fn bounded<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.len() > MAX_ID {
        let error = format!("a name of {} bytes", text.len());
        return Err(serde::de::Error::custom(error));
    }
    Ok(text)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                bounded(from).map(Self::from)
            }
        }

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Shown(&self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), Shown(&self.0))
            }
        }
    };
}

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
