//! Transfers, consults and the other keys of an agent's phone, as requests to the service.

use serde_json::{Value, json};

use super::rig::{LA100, Rig};
use crate::genesys::{
    CallControl, Command, Dial, DialParticipant, ErrorKind, Outcome, SpeakTo, Target,
};

fn control(control: CallControl) -> Command {
    Command::ControlCall { conversation: "C1".into(), control }
}

fn in_call() -> Rig {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig
}

#[test]
fn each_is_one_request_for_our_part_in_the_call() {
    let ours = "/conversations/calls/C1/participants/P-C1";
    for (wish, what, body) in [
        (
            CallControl::Transfer { to: Target::User("user-2".into()) },
            format!("POST {ours}/replace"),
            json!({"userId": "user-2"}),
        ),
        (
            CallControl::Transfer { to: Target::Queue("q".to_owned()) },
            format!("POST {ours}/replace"),
            json!({"queueId": "q"}),
        ),
        (
            CallControl::Transfer { to: Target::Address("+1555".to_owned()) },
            format!("POST {ours}/replace"),
            json!({"address": "+1555"}),
        ),
        (
            CallControl::PressKeys("12#".to_owned()),
            format!("POST {ours}/digits"),
            json!({"digits": "12#"}),
        ),
        (CallControl::SetRecording(false), format!("PATCH {ours}"), json!({"recording": false})),
        (CallControl::SetConfined(true), format!("PATCH {ours}"), json!({"confined": true})),
        (
            CallControl::WrapUp { code: "w1".to_owned(), notes: None },
            format!("PATCH {ours}"),
            json!({"wrapup": {"code": "w1", "notes": null}}),
        ),
    ] {
        let mut rig = in_call();
        let command = rig.submit(control(wish)).unwrap();
        let asked = rig.expect_http(&what);
        assert_eq!(asked.body, body, "{what}");
        rig.respond(asked.id, 202, &Value::Null);
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    }
}

#[test]
fn a_consult_concerns_the_customer() {
    let conversation = json!({"id": "C1", "participants": [
        {"id": "P-gone", "purpose": "customer", "calls": [{"id": "k", "state": "terminated"}]},
        {"id": "P-queue", "purpose": "acd", "calls": [{"id": "k", "state": "connected"}]},
        {"id": "P-customer", "purpose": "customer", "calls": [{"id": "k", "state": "connected"}]},
        {"id": "P-C1", "purpose": "agent", "userId": "user-1", "calls": []},
    ]});
    let consult = "/conversations/calls/C1/participants/P-customer/consult";
    for (wish, what, body) in [
        (
            CallControl::Consult {
                to: Target::User("user-2".into()),
                speak_to: SpeakTo::Destination,
            },
            format!("POST {consult}"),
            json!({"speakTo": "DESTINATION", "destination": {"userId": "user-2"}}),
        ),
        (
            CallControl::SpeakTo(SpeakTo::Both),
            format!("PATCH {consult}"),
            json!({"speakTo": "BOTH"}),
        ),
        (CallControl::CancelConsult, format!("DELETE {consult}"), Value::Null),
    ] {
        let mut rig = in_call();
        let command = rig.submit(control(wish)).unwrap();
        let asked = rig.expect_http("GET /conversations/C1");
        rig.respond(asked.id, 200, &conversation);
        let asked = rig.expect_http(&what);
        assert_eq!(asked.body, body, "{what}");
        rig.respond(asked.id, 202, &Value::Null);
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    }
    let mut rig = in_call();
    let command = rig.submit(control(CallControl::CancelConsult)).unwrap();
    let asked = rig.expect_http("GET /conversations/C1");
    rig.respond(asked.id, 200, &json!({"id": "C1"}));
    assert_eq!(rig.failure(command), Some(ErrorKind::Generic), "nobody else is there");
}

#[test]
fn a_refusal_keeps_its_kind_and_the_next_wish_has_its_turn() {
    let mut rig = in_call();
    let first = rig.submit(control(CallControl::SetRecording(true))).unwrap();
    let second = rig.submit(control(CallControl::SetRecording(false))).unwrap();
    let asked = rig.asked.pop_front().unwrap();
    rig.respond(asked.id, 409, &Value::Null);
    assert_eq!(rig.failure(first), Some(ErrorKind::Http(409)));
    let asked = rig.asked.pop_front().unwrap();
    assert_eq!(asked.body, json!({"recording": false}));
    rig.respond(asked.id, 200, &Value::Null);
    assert_eq!(rig.completion(second), Some(Ok(Outcome::Done)));
    let nothing =
        Command::ControlCall { conversation: "C9".into(), control: CallControl::CancelConsult };
    assert_eq!(rig.submit(nothing).unwrap_err().kind, ErrorKind::Session);
}

#[test]
fn a_call_can_be_wrapped_up_when_it_is_over() {
    let mut rig = in_call();
    rig.conv("C1", "inbound", "terminated");
    rig.forget();
    let wrap_up = CallControl::WrapUp { code: "w".to_owned(), notes: Some("ok".to_owned()) };
    let command = rig.submit(control(wrap_up)).unwrap();
    let asked = rig.expect_http("GET /conversations/C1");
    let over = json!({"id": "C1", "participants": [{"id": "P-C1", "purpose": "agent",
        "userId": "user-1", "calls": [{"id": "k", "state": "terminated"}]}]});
    rig.respond(asked.id, 200, &over);
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"wrapup": {"code": "w", "notes": "ok"}}));
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
}

#[test]
fn a_conference_is_dialled_with_everybody_in_it() {
    let mut rig = Rig::ready();
    let bob = DialParticipant { address: "+1555".to_owned(), ..DialParticipant::default() };
    let dial = Dial {
        conversation_ids: vec!["C1".into(), "C2".into()],
        participants: vec![bob],
        priority: Some(5),
        ..Dial::default()
    };
    rig.submit(Command::StartSoftphoneSession(dial)).unwrap();
    let asked = rig.expect_http("POST /conversations/calls");
    assert_eq!(
        asked.body,
        json!({"priority": 5, "conversationIds": ["C1", "C2"],
            "participants": [{"address": "+1555"}]})
    );
}
