//! Steps that many tests of calls take.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, answer_sdp, done, sdp};
use crate::machine::CommandId;
use crate::ribbon::{
    AnswerOptions, CallId, CallMedia, CallState, Command, Error, ErrorCode, HoldState, MakeOptions,
    Outcome,
};

pub(super) const S: fn(u64) -> Duration = Duration::from_secs;
pub(super) const MS: fn(u64) -> Duration = Duration::from_millis;

pub(super) fn make(to: &str) -> Command {
    Command::Make { to: to.to_owned(), media: CallMedia::AUDIO, options: MakeOptions::default() }
}

pub(super) fn answer(call: &CallId) -> Command {
    let options = AnswerOptions::default();
    Command::Answer { call: call.clone(), media: CallMedia::AUDIO, options }
}

pub(super) fn hold(call: &CallId) -> Command {
    Command::Hold { call: call.clone() }
}

pub(super) fn unhold(call: &CallId) -> Command {
    Command::Unhold { call: call.clone() }
}

/// The code of a refusal.
pub(super) fn refused(rig: &mut Rig, command: Command) -> ErrorCode {
    rig.submit(command).unwrap_err().code
}

/// The failure of a command.
pub(super) fn failure(rig: &mut Rig, command: CommandId) -> Error {
    rig.completion(command).expect("it is answered").unwrap_err()
}

/// A body of a refusal by the gateway's number.
pub(super) fn status(code: i64) -> Value {
    json!({"callControlResponse": {"statusCode": code}})
}

/// Something of a session's, with a description or without one.
pub(super) fn tell(rig: &mut Rig, kind: &str, session: &str, sdp: Option<String>) {
    let mut params = json!({"sessionData": session});
    if let Some(sdp) = sdp {
        params["sdp"] = sdp.into();
    }
    rig.notify(kind, json!({"sessionParams": params}));
}

/// The far side refuses an offer of ours, as it is busy with its own.
pub(super) fn tell_glare(rig: &mut Rig, session: &str) {
    let params = json!({"sessionData": session, "statusCode": 49, "retryAfter": 2000});
    rig.notify("respondCallUpdate", json!({"sessionParams": params, "statusCode": 49}));
}

/// Time for candidates.
pub(super) fn collect(rig: &mut Rig) {
    rig.pass(MS(25));
}

/// A change of ours that the far side answers with this direction.
pub(super) fn change(rig: &mut Rig, command: Command, session: &str, answer: &str) {
    let command = rig.submit(command).unwrap();
    collect(rig);
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 200, &done());
    tell(rig, "respondCallUpdate", session, Some(answer_sdp(answer)));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
}

/// A change of the far side's to this direction, which we answer; the direction of our answer.
pub(super) fn changed(rig: &mut Rig, session: &str, direction: &str) -> String {
    tell(rig, "startCallUpdate", session, Some(sdp(direction)));
    collect(rig);
    let asked = rig.take_of("respondCallUpdate");
    rig.respond(asked.id, 200, &done());
    direction_of(&asked.body)
}

/// The direction that a description of ours has.
pub(super) fn direction_of(body: &Value) -> String {
    let sdp = body["callControlRequest"]["sdp"].as_str().expect("a description");
    let names = ["sendrecv", "sendonly", "recvonly", "inactive"];
    let name = names.into_iter().find(|name| sdp.contains(&format!("a={name}\r\n")));
    name.expect("a direction").to_owned()
}

/// A call of ours of this session that is up.
pub(super) fn up(rig: &mut Rig, session: &str) -> CallId {
    rig.submit(make("bob")).unwrap();
    collect(rig);
    let asked = rig.take_of("callStart");
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": session}}));
    tell(rig, "respondCallUpdate", session, Some(answer_sdp("sendrecv")));
    rig.answer_audits();
    let call = rig.client.calls().last().unwrap().clone();
    assert_eq!(call.state, CallState::Connected);
    rig.told();
    call.id
}

/// A call of ours of this session that is held here.
pub(super) fn held(rig: &mut Rig, session: &str) -> CallId {
    let call = up(rig, session);
    change(rig, hold(&call), session, "inactive");
    assert_eq!(rig.call(&call).hold, HoldState::LocalHold);
    rig.told();
    call
}

/// A call that comes in, with an offer or without one. It is told to ring.
pub(super) fn incoming(rig: &mut Rig, session: &str, offer: Option<String>) -> CallId {
    let mut params = json!({"sessionData": session});
    if let Some(offer) = offer {
        params["sdp"] = offer.into();
    }
    rig.notify(
        "call",
        json!({
            "sessionParams": params,
            "callNotificationParams": {
                "callerName": "Bob",
                "callerDisplayNumber": "bob@example.com",
                "calleeDisplayNumber": "alice@example.com",
            },
        }),
    );
    rig.client.calls().last().unwrap().id.clone()
}

/// A call that came in and is up.
pub(super) fn answered(rig: &mut Rig) -> CallId {
    let call = rig.ringing();
    rig.submit(answer(&call)).unwrap();
    collect(rig);
    let asked = rig.take_of("callAnswer");
    rig.respond(asked.id, 200, &done());
    assert_eq!(rig.call(&call).state, CallState::Connected);
    rig.told();
    call
}
