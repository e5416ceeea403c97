//! Controls of a call besides answering it and hanging up: transfers, consults, keys, wrap-up,
//! recording (the service's public `conversations/calls` resource).

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::ids::{ConversationId, ParticipantId, UserId};
use super::wire::requests;
use crate::rest::Resource;

/// The one to whom a call is given, or who is asked for advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Target {
    /// A user of the service.
    #[serde(rename = "userId")]
    User(UserId),
    /// A queue, by its id.
    #[serde(rename = "queueId")]
    Queue(String),
    /// A telephone number or other address.
    Address(String),
}

/// The one to whom the agent speaks during a consult.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SpeakTo {
    /// The one who is consulted.
    Destination,
    /// The customer.
    Object,
    /// Both, and they to each other.
    Both,
}

/// Something to be done with a call.
///
/// ```
/// use offhook::genesys::{CallControl, Target};
///
/// let transfer = CallControl::Transfer { to: Target::Queue("billing".to_owned()) };
/// let consult = CallControl::PressKeys("1#".to_owned());
/// assert_ne!(transfer, consult);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallControl {
    /// Give the call away without a word (blind transfer).
    Transfer {
        /// The one to give it to.
        to: Target,
    },
    /// Ask somebody while the customer waits. Hanging up completes the transfer.
    Consult {
        /// The one to ask.
        to: Target,
        /// The one to speak to first.
        speak_to: SpeakTo,
    },
    /// Speak to somebody else during a consult.
    SpeakTo(SpeakTo),
    /// Take the customer back from a consult.
    CancelConsult,
    /// Let the service send keys (`0` to `9`, `*`, `#`, `A` to `D`), where media cannot.
    PressKeys(String),
    /// Pause or resume the recording.
    SetRecording(bool),
    /// Isolate the agent from the others, or not.
    SetConfined(bool),
    /// Say what the call was about.
    WrapUp {
        /// The id of a wrap-up code of the queue.
        code: String,
        /// Free text.
        notes: Option<String>,
    },
}

impl CallControl {
    /// True if it is asked of the other party's part in the call instead of ours.
    pub(crate) fn concerns_other(&self) -> bool {
        match self {
            Self::Consult { .. } | Self::SpeakTo(_) | Self::CancelConsult => true,
            Self::Transfer { .. }
            | Self::PressKeys(_)
            | Self::SetRecording(_)
            | Self::SetConfined(_)
            | Self::WrapUp { .. } => false,
        }
    }

    /// True if it can still be done when the call is over.
    pub(crate) fn outlives_call(&self) -> bool {
        matches!(self, Self::WrapUp { .. })
    }

    pub(crate) fn resource(
        &self,
        conversation: &ConversationId,
        participant: &ParticipantId,
    ) -> Resource {
        let change = |body: Value| requests::participant(conversation, participant, body);
        match self {
            Self::Transfer { to } => requests::below_participant(
                Method::POST,
                conversation,
                participant,
                "replace",
                json!(to),
            ),
            Self::Consult { to, speak_to } => {
                let body = json!({"speakTo": speak_to, "destination": to});
                requests::below_participant(
                    Method::POST,
                    conversation,
                    participant,
                    "consult",
                    body,
                )
            }
            Self::SpeakTo(speak_to) => {
                let body = json!({"speakTo": speak_to});
                requests::below_participant(
                    Method::PATCH,
                    conversation,
                    participant,
                    "consult",
                    body,
                )
            }
            Self::CancelConsult => requests::below_participant(
                Method::DELETE,
                conversation,
                participant,
                "consult",
                Value::Null,
            ),
            Self::PressKeys(keys) => {
                let body = json!({"digits": keys});
                requests::below_participant(Method::POST, conversation, participant, "digits", body)
            }
            Self::SetRecording(recording) => change(json!({"recording": recording})),
            Self::SetConfined(confined) => change(json!({"confined": confined})),
            Self::WrapUp { code, notes } => {
                change(json!({"wrapup": {"code": code, "notes": notes}}))
            }
        }
    }
}
