//! Transfers and joins (w4.12 to w4.14).

use serde_json::json;

use super::rig::{Rig, answer_sdp, done};
use super::steps::{S, collect, failure, held, refused, status, tell, up};
use crate::ribbon::{
    CallCode, CallId, CallState, Command, CustomParameter, ErrorCode, Event, HoldState, Outcome,
};

fn direct(call: &CallId) -> Command {
    Command::DirectTransfer { call: call.clone(), to: "carol".to_owned() }
}

fn consult(call: &CallId, other: &CallId) -> Command {
    Command::ConsultativeTransfer { call: call.clone(), other: other.clone() }
}

fn join(call: &CallId, other: &CallId) -> Command {
    Command::Join { call: call.clone(), other: other.clone() }
}

fn still_held(rig: &Rig, calls: &[&CallId]) {
    for call in calls {
        let info = rig.call(call);
        assert_eq!((info.state, info.hold), (CallState::OnHold, HoldState::LocalHold));
        assert!(info.operations.is_empty());
    }
}

#[test]
fn ra_030_what_a_direct_transfer_can_fail_of_leaves_the_call_held() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    assert_eq!(refused(&mut rig, direct(&call)), CallCode::InvalidState.into());
    super::steps::changed(&mut rig, "S1", "inactive");
    assert_eq!(refused(&mut rig, direct(&call)), CallCode::InvalidState.into(), "held there alone");
    let mut rig = Rig::up();
    let call = held(&mut rig, "S1");
    let nowhere = Command::DirectTransfer { call: call.clone(), to: " ".to_owned() };
    assert_eq!(refused(&mut rig, nowhere), CallCode::InvalidParam.into());
    // Refused by the gateway, by the one it is sent to, and never decided.
    let command = rig.submit(direct(&call)).unwrap();
    assert_eq!(refused(&mut rig, direct(&call)), CallCode::Glare.into());
    let asked = rig.take_of("transfer");
    rig.respond(asked.id, 400, &status(37));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Gateway(37));
    still_held(&rig, &[&call]);
    for (params, says) in [
        (json!({"sessionData": "S1"}), "Direct Transfer Failed (-1)"),
        (json!({"sessionData": "S1", "statusCode": 486, "reasonText": "Busy"}), "Busy (486)"),
    ] {
        let command = rig.submit(direct(&call)).unwrap();
        let asked = rig.take_of("transfer");
        rig.respond(asked.id, 200, &done());
        rig.told();
        rig.notify("sessionFail", json!({"sessionParams": params}));
        let error = failure(&mut rig, command);
        assert_eq!(error.code, CallCode::Generic.into());
        assert!(error.message.ends_with(says), "{error}");
        assert_eq!(rig.told(), ["DIRECT_TRANSFER FINISH call:2", "On Hold -> On Hold call:2"]);
        still_held(&rig, &[&call]);
    }
    let command = rig.submit(direct(&call)).unwrap();
    let asked = rig.take_of("transfer");
    rig.respond(asked.id, 200, &done());
    rig.pass(S(91));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Timeout);
    still_held(&rig, &[&call]);
}

#[test]
fn ra_030_a_direct_transfer_ends_the_call_with_its_reason() {
    for early in [false, true] {
        let mut rig = Rig::up();
        let call = held(&mut rig, "S1");
        let command = rig.submit(direct(&call)).unwrap();
        let asked = rig.take_of("transfer");
        if !early {
            rig.respond(asked.id, 200, &done());
        }
        rig.told();
        tell(&mut rig, "sessionComplete", "S1", None);
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
        assert_eq!(rig.told(), ["On Hold -> Ended (9905)", "DIRECT_TRANSFER FINISH"]);
        rig.take_of("DELETE /callControl/callSessions/S1");
        tell(&mut rig, "sessionFail", "S1", None);
        assert!(rig.told().is_empty(), "it is decided");
    }
}

#[test]
fn ra_031_a_consultation_is_over_when_both_calls_are_whichever_is_first() {
    for order in [["S1", "S2"], ["S2", "S1"]] {
        for plain in [false, true] {
            let mut rig = Rig::up();
            let calls = [held(&mut rig, "S1"), held(&mut rig, "S2")];
            let command = rig.submit(consult(&calls[0], &calls[1])).unwrap();
            let asked = rig.take_of("transfer");
            assert!(asked.what.contains("/S1"));
            let request = &asked.body["callControlRequest"];
            assert_eq!(request["sessionData"], "S2");
            assert_eq!(request["address"], "sip:bob@example.com");
            let starts = rig.told();
            assert_eq!(starts.iter().filter(|told| told.contains("START")).count(), 2);
            rig.respond(asked.id, 200, &done());
            for session in order {
                assert_eq!(rig.completion(command), None);
                let ends = plain && session == "S2";
                tell(&mut rig, if ends { "callEnd" } else { "sessionComplete" }, session, None);
            }
            assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
            for call in &calls {
                assert_eq!(rig.call(call).state, CallState::Ended);
            }
            let told = rig.told();
            assert_eq!(told.iter().filter(|told| told.ends_with("(9905)")).count(), 2, "{told:?}");
        }
    }
}

#[test]
fn ra_031_a_consultation_that_fails_leaves_both_calls_held() {
    let mut rig = Rig::up();
    let [one, other] = [held(&mut rig, "S1"), held(&mut rig, "S2")];
    let third = up(&mut rig, "S3");
    assert_eq!(refused(&mut rig, consult(&one, &one)), CallCode::InvalidParam.into());
    assert_eq!(refused(&mut rig, consult(&one, &third)), CallCode::InvalidState.into());
    assert_eq!(refused(&mut rig, consult(&third, &one)), CallCode::InvalidState.into());
    for failed in ["gateway", "S1", "S2", "nobody"] {
        let command = rig.submit(consult(&one, &other)).unwrap();
        let asked = rig.take_of("transfer");
        let code = match failed {
            "gateway" => {
                rig.respond(asked.id, 500, &status(26));
                ErrorCode::Gateway(26)
            }
            "nobody" => {
                rig.respond(asked.id, 200, &done());
                rig.pass(S(91));
                rig.answer_audits();
                ErrorCode::Timeout
            }
            session => {
                rig.respond(asked.id, 200, &done());
                tell(&mut rig, "sessionFail", session, None);
                CallCode::Generic.into()
            }
        };
        assert_eq!(failure(&mut rig, command).code, code, "{failed}");
        still_held(&rig, &[&one, &other]);
    }
}

#[test]
fn ra_032_re_006_two_calls_are_joined_to_a_third() {
    let mut rig = Rig::up();
    let [one, other] = [held(&mut rig, "S1"), held(&mut rig, "S2")];
    let parameters = Some(vec![CustomParameter::new("X-A", "1")]);
    rig.submit(Command::SetCustomParameters { call: one.clone(), parameters }).unwrap();
    assert_eq!(refused(&mut rig, join(&one, &one)), CallCode::InvalidParam.into());
    let command = rig.submit(join(&one, &other)).unwrap();
    let joined = rig.client.calls().last().unwrap().clone();
    let number = joined.remote.display_number.as_deref();
    assert_eq!(number, Some("bob@example.com,bob@example.com"));
    assert_eq!(joined.parameters, [CustomParameter::new("X-A", "1")], "those of the first");
    collect(&mut rig);
    let asked = rig.take_of("join");
    let request = &asked.body["callControlRequest"];
    assert_eq!(
        (&request["firstSessionData"], &request["secondSessionData"]),
        (&json!("S1"), &json!("S2"))
    );
    assert!(request["customParameters"].is_array() && request["sdp"].is_string());
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S3"}}));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Call(joined.id.clone()))));
    let told = rig.events.iter().find(|event| matches!(event, Event::CallJoined { .. })).cloned();
    let wanted =
        Event::CallJoined { call: joined.id.clone(), first: one.clone(), second: other.clone() };
    assert_eq!(told, Some(wanted));
    rig.told();
    tell(&mut rig, "respondCallUpdate", "S3", Some(answer_sdp("sendrecv")));
    assert_eq!(rig.call(&joined.id).state, CallState::Connected);
    for session in ["S1", "S2"] {
        tell(&mut rig, "sessionComplete", session, None);
    }
    for call in [&one, &other] {
        assert_eq!(rig.call(call).state, CallState::Ended);
    }
    let told = rig.told();
    assert_eq!(told.iter().filter(|told| told.ends_with("(9906)")).count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "JOIN FINISH").count(), 3, "{told:?}");
    assert_eq!(rig.call(&joined.id).state, CallState::Connected);
}

#[test]
fn ra_032_a_join_that_fails_leaves_both_calls_held_and_no_third() {
    for failed in ["gateway", "S1", "S3"] {
        let mut rig = Rig::up();
        let [one, other] = [held(&mut rig, "S1"), held(&mut rig, "S2")];
        let command = rig.submit(join(&one, &other)).unwrap();
        collect(&mut rig);
        let asked = rig.take_of("join");
        let joined = rig.client.calls().last().unwrap().id.clone();
        if failed == "gateway" {
            rig.respond(asked.id, 400, &status(37));
            assert_eq!(failure(&mut rig, command).code, ErrorCode::Gateway(37));
        } else {
            rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S3"}}));
            assert!(rig.completion(command).unwrap().is_ok());
            rig.told();
            let kind = if failed == "S3" { "callEnd" } else { "sessionFail" };
            tell(&mut rig, kind, failed, None);
            let told = rig.told();
            let held = told.iter().filter(|told| *told == "On Hold -> On Hold call:2").count();
            assert_eq!(held, 2, "{failed}: {told:?}");
        }
        assert_eq!(rig.call(&joined).state, CallState::Ended, "{failed}");
        still_held(&rig, &[&one, &other]);
    }
}

#[test]
fn ra_032_a_join_needs_room_for_a_third_call() {
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().max_calls(2);
        config.call(call)
    });
    let [one, other] = [held(&mut rig, "S1"), held(&mut rig, "S2")];
    assert_eq!(refused(&mut rig, join(&one, &other)), ErrorCode::Busy);
}
