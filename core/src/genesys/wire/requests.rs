//! Requests by REST (wire notes 8).

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Secret;
use crate::genesys::ids::{ConversationId, ParticipantId, PresenceId, StationId, UserId};
use crate::genesys::timing::Timing;
use crate::rest::{Policy, Resource, Said, segment};

/// The retry helper's rules (wire notes 8.7).
pub(crate) fn policy(timing: &Timing) -> Policy {
    Policy {
        attempts: timing.request_attempts,
        pause: timing.request_pause,
        longest: timing.longest_retry_after,
        passing: &[408, 413, 429, 500, 502, 503, 504],
        bytes: 512 * 1024,
        redirects: 0,
        explain,
    }
}

/// The `code` and the `message` of an error body (wire notes 8). Each part costs only itself.
fn explain(body: &[u8]) -> Said {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let part = |key: &str| body[key].as_str().map(str::to_owned);
    Said { code: part("code"), message: part("message"), retry_after: None }
}

pub(crate) fn organization() -> Resource {
    Resource::new(Method::GET, "organizations/me", None)
}

pub(crate) fn user() -> Resource {
    Resource::new(Method::GET, "users/me?expand=station", None)
}

/// The least request that there is.
pub(crate) fn probe() -> Resource {
    Resource::new(Method::GET, "users/me", None)
}

pub(crate) fn station(id: &StationId) -> Resource {
    Resource::new(Method::GET, format!("stations/{}", segment(id.as_str())), None)
}

pub(crate) fn channel() -> Resource {
    Resource::new(Method::POST, "notifications/channels?connectionType=streaming", None)
}

pub(crate) fn subscriptions(channel: &str, ids: &[String]) -> Resource {
    let body = ids.iter().map(|id| json!({"id": id})).collect();
    let path = format!("notifications/channels/{}/subscriptions", segment(channel));
    Resource::new(Method::PUT, path, Some(Value::Array(body)))
}

pub(crate) fn conversation(id: &ConversationId) -> Resource {
    Resource::new(Method::GET, format!("conversations/{}", segment(id.as_str())), None)
}

/// An upload of the client's log records.
pub(crate) fn logs(body: Value) -> Resource {
    Resource::new(Method::POST, "diagnostics/trace", Some(body))
}

/// An upload of the client's media figures.
pub(crate) fn figures(body: Value) -> Resource {
    Resource::new(Method::POST, "diagnostics/newrelic/insights", Some(body))
}

/// Marks a connection as one that can ring.
pub(crate) fn alertable(user: &UserId, connection: &str) -> Resource {
    let (user, connection) = (segment(user.as_str()), segment(connection));
    let path = format!("apps/users/{user}/connections/{connection}");
    Resource::new(Method::PATCH, path, Some(json!({"alertable": true})))
}

/// The question which connection rings.
pub(crate) fn leader() -> Resource {
    Resource::new(Method::GET, "users/alertingleader", None)
}

/// Lets a connection ring.
pub(crate) fn claim_lead(connection: &str) -> Resource {
    let body = json!({"connectionId": connection});
    Resource::new(Method::PUT, "users/alertingleader", Some(body))
}

/// The redemption of a code for a guest's JWT. Without authorization: a guest has none yet.
pub(crate) fn redeem(organization: &str, code: &Secret) -> Resource {
    let body = json!({"organizationId": organization, "addCommunicationCode": code.expose()});
    Resource::new(Method::POST, "conversations/codes", Some(body))
}

/// The user's conversations that are not over.
pub(crate) fn conversations() -> Resource {
    Resource::new(Method::GET, "conversations", None)
}

pub(crate) fn dial(dial: &impl Serialize) -> Resource {
    let body = serde_json::to_value(dial).expect("strings and numbers always serialise");
    Resource::new(Method::POST, "conversations/calls", Some(body))
}

pub(crate) fn participant(
    conversation: &ConversationId,
    participant: &ParticipantId,
    change: Value,
) -> Resource {
    Resource::new(Method::PATCH, participant_path(conversation, participant), Some(change))
}

/// Something under our part in a call, or another's.
pub(crate) fn below_participant(
    method: Method,
    conversation: &ConversationId,
    participant: &ParticipantId,
    leaf: &str,
    body: Value,
) -> Resource {
    let path = format!("{}/{leaf}", participant_path(conversation, participant));
    Resource::new(method, path, (!body.is_null()).then_some(body))
}

pub(crate) fn to_voicemail(conversation: &ConversationId, participant: &ParticipantId) -> Resource {
    let path = format!("{}/replace", participant_path(conversation, participant));
    Resource::new(Method::POST, path, Some(json!({"voicemail": true})))
}

pub(crate) fn call_metadata(conversation: &ConversationId, call: &str) -> Resource {
    let path = format!(
        "conversations/calls/{}/communications/{}/metadata",
        segment(conversation.as_str()),
        segment(call)
    );
    Resource::new(Method::POST, path, None)
}

/// Begins a meeting in a room, or invites somebody to it: `address` is who comes.
pub(crate) fn start_video(room: &str, address: &str) -> Resource {
    let body = json!({"roomId": room, "participant": {"address": address}});
    Resource::new(Method::POST, "conversations/videos", Some(body))
}

/// Joins a meeting.
pub(crate) fn join_video(meeting: &str, address: &str) -> Resource {
    let body = json!({"meetingId": meeting, "participant": {"address": address}});
    Resource::new(Method::POST, "conversations/videos/participants", Some(body))
}

/// Wants a participant's pictures, or whose the service chooses.
pub(crate) fn pin(
    conversation: &ConversationId,
    own: &ParticipantId,
    target: Option<&ParticipantId>,
) -> Resource {
    let (conversation, own) = (segment(conversation.as_str()), segment(own.as_str()));
    let path = format!("conversations/videos/{conversation}/participants/{own}/pin");
    match target {
        Some(target) => {
            let body = json!({"targetParticipantId": target, "streamType": "video"});
            Resource::new(Method::POST, path, Some(body))
        }
        None => Resource::new(Method::DELETE, path, None),
    }
}

/// Tells which screens a recording has. An assistant in the background has a place of its own.
pub(crate) fn recording(
    assistant: bool,
    own: &str,
    screens: Vec<Value>,
    room: &str,
    conversation: &ConversationId,
) -> Resource {
    let path = match assistant {
        true => "recordings/screensessions/metadata/backgroundassistant",
        false => "recordings/screensessions/metadata",
    };
    let body = json!({
        "participantJid": own, "metaData": screens, "roomId": room, "conversationId": conversation,
    });
    Resource::new(Method::POST, path, Some(body))
}

/// The organization's presences, with their names in all languages (Platform API, Presence).
pub(crate) fn presence_definitions() -> Resource {
    Resource::new(Method::GET, "presence/definitions?localeCode=ALL", None)
}

/// The user's presence, as the service itself has it: other sources are other systems'.
pub(crate) fn presence(user: &UserId) -> Resource {
    Resource::new(Method::GET, presence_path(user), None)
}

/// Sets the user's presence.
pub(crate) fn set_presence(user: &UserId, presence: &PresenceId) -> Resource {
    let body = json!({"presenceDefinition": {"id": presence}});
    Resource::new(Method::PATCH, presence_path(user), Some(body))
}

fn presence_path(user: &UserId) -> String {
    format!("users/{}/presences/purecloud", segment(user.as_str()))
}

/// The user's mailbox, counted (Platform API, Voicemail).
pub(crate) fn mailbox() -> Resource {
    Resource::new(Method::GET, "voicemail/mailbox", None)
}

fn participant_path(conversation: &ConversationId, participant: &ParticipantId) -> String {
    format!(
        "conversations/calls/{}/participants/{}",
        segment(conversation.as_str()),
        segment(participant.as_str())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_path_segment() {
        let r = conversation(&ConversationId::from("../a?b#c d"));
        assert_eq!(r.path, "conversations/..%2Fa%3Fb%23c%20d");
    }
}
