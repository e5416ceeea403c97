//! Changes of a call that an agent makes by REST: mutes, holds, answers, hangs up; transfers,
//! consults, keys, wrap-up. Each of the latter is told as an event of the control API; what is
//! heard on the call stays as it was.

use http::Response;
use offhook::jingle::Reason;
use serde_json::{Value, json};

use super::call::{Call, Stage};
use super::calls::Calls;
use super::lines;
use super::session::Session;
use super::streams::Streams;
use super::world::World;
use crate::service::http::{bad_request, empty, json as respond, not_found};

/// Changes the agent's participant. False when there is no such one.
pub(super) fn change(
    calls: &mut Calls,
    user: &str,
    id: &str,
    participant: &str,
    change: &Value,
    streams: &Streams,
    world: &mut World,
) -> bool {
    let Some(call) = calls.of_user(user, id, participant) else { return false };
    let session = call.session.clone();
    let agent = &mut call.conversation.agent;
    let flags = (agent.muted, agent.held);
    let recorded = agent.record(change);
    if let Some(muted) = change["muted"].as_bool() {
        agent.muted = muted;
    }
    if let Some(held) = change["held"].as_bool() {
        agent.held = held;
    }
    let resumed = flags.1 && !agent.held;
    if recorded || flags != (agent.muted, agent.held) {
        call.publish(streams, world);
    }
    if resumed {
        lines::hold_others(calls, id, streams, world);
    }
    lines::tune(calls, &session, streams, world);
    if change["state"] == "connected" {
        answer(calls, id, streams, world);
    }
    if change["state"] == "disconnected" {
        lines::end(calls, id, Some(Reason::Success), streams, world);
    }
    true
}

/// Answers for the agent by REST: only where media is there already (wire notes 8.2).
fn answer(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    let Some(call) = calls.calls.get(id) else { return };
    let up = calls.sessions.get(&call.session).is_some_and(Session::is_up);
    if up && matches!(call.stage, Stage::Ringing { .. } | Stage::Answering { .. }) {
        world.base.happened("answered", call.about(json!({})));
        lines::connect(calls, id, streams, world);
    }
}

/// Gives the call away, or to voicemail: it is over for this agent.
pub(super) fn replace(
    calls: &mut Calls,
    (user, id, participant): (&str, &str, &str),
    to: &Value,
    streams: &Streams,
    world: &mut World,
) -> Response<Vec<u8>> {
    let known = ["voicemail", "userId", "queueId", "address"];
    if !known.iter().any(|key| !to[*key].is_null()) {
        return bad_request("nobody to give it to");
    }
    let Some(call) = calls.of_user(user, id, participant) else { return not_found() };
    world.base.happened("replaced", call.about(json!({"to": to})));
    lines::end(calls, id, Some(Reason::Success), streams, world);
    respond(202, &json!({}))
}

/// Asks somebody while the customer waits, speaks to another of them, or stops asking.
pub(super) fn consult(
    calls: &mut Calls,
    (user, id, participant): (&str, &str, &str),
    method: &str,
    body: &Value,
    world: &mut World,
) -> Response<Vec<u8>> {
    let call = talking(calls, user, id);
    let Some(call) = call.filter(|call| call.conversation.outside.participant == participant)
    else {
        return not_found();
    };
    let speak_to = match body["speakTo"].as_str() {
        Some(to @ ("DESTINATION" | "OBJECT" | "BOTH")) => Some(to.to_owned()),
        _ => None,
    };
    let before = call.consult.is_some();
    call.consult = match (method, speak_to) {
        ("POST", Some(to)) if !before && body["destination"].is_object() => Some(to),
        ("PATCH", Some(to)) if before => Some(to),
        ("DELETE", _) if before => None,
        _ => return bad_request("not in such a consult as it stands"),
    };
    world.base.happened("consult", call.about(json!({"speakTo": call.consult})));
    if method == "POST" {
        return respond(201, &json!({"destinationParticipantId": world.base.rng.uuid()}));
    }
    empty(202)
}

/// Sends keys.
pub(super) fn press(
    calls: &mut Calls,
    (user, id, participant): (&str, &str, &str),
    body: &Value,
    world: &mut World,
) -> Response<Vec<u8>> {
    let call = talking(calls, user, id);
    let Some(call) = call.filter(|call| call.conversation.agent.participant == participant) else {
        return not_found();
    };
    let digits = body["digits"].as_str().unwrap_or_default();
    let is_key = |key: char| key.is_ascii_digit() || "*#ABCD".contains(key);
    if digits.is_empty() || !digits.chars().all(is_key) {
        return bad_request("keys are 0 to 9, *, #, A to D");
    }
    world.base.happened("digits", call.about(json!({"digits": digits})));
    empty(202)
}

/// Says what a call was about; it may be over. False when there is no such call.
pub(super) fn wrap_up(
    calls: &Calls,
    (user, id, participant): (&str, &str, &str),
    code: &Value,
    world: &mut World,
) -> bool {
    let call = calls.calls.get(id).filter(|call| {
        call.user() == Some(user) && call.conversation.agent.participant == participant
    });
    if let Some(call) = call {
        world.base.happened("wrapup", call.about(json!({"code": code["code"]})));
    }
    call.is_some()
}

fn talking<'a>(calls: &'a mut Calls, user: &str, id: &str) -> Option<&'a mut Call> {
    let call = calls.calls.get_mut(id)?;
    (call.user() == Some(user) && call.is_talking()).then_some(call)
}
