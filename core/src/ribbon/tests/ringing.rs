//! Calls that come in, until they are answered or over (w4.2 to w4.7).

use serde_json::json;

use super::rig::{Rig, answer_sdp, done, sdp};
use super::steps::{MS, S, answer, collect, failure, incoming, refused, status, tell, up};
use crate::ribbon::{
    AnswerOptions, Bandwidth, CallCode, CallDirection, CallId, CallMedia, CallState, Command,
    CustomParameter, ErrorCode, Event, MediaOffered, Outcome, RingingFeedback,
};

fn manual() -> Rig {
    Rig::up_with(|config| {
        let call = config.call.clone().ringing_feedback(RingingFeedback::Manual);
        config.call(call)
    })
}

fn feedback(call: &CallId) -> Command {
    Command::SendRingingFeedback { call: call.clone() }
}

#[test]
fn re_007_rt_004_rt_009_what_a_caller_offers_is_told_before_it_can_be_answered() {
    let video = format!("{}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n", sdp("sendrecv"));
    for (offer, wanted) in [
        (Some(sdp("sendrecv")), Some((true, false))),
        (Some(video), Some((true, true))),
        (None, None),
    ] {
        let mut rig = Rig::up();
        let call = incoming(&mut rig, "S1", offer);
        let info = rig.call(&call);
        let both = |offered: Option<MediaOffered>| offered.map(|o| (o.audio, o.video));
        assert_eq!(both(info.media_offered), wanted);
        let told = rig.events.iter().find_map(|event| match event {
            Event::CallReceived { call, media_offered } => {
                Some((call.clone(), both(*media_offered)))
            }
            _ => None,
        });
        assert_eq!(told, Some((call.clone(), wanted)));
        assert_eq!((info.state, info.direction), (CallState::Initiating, CallDirection::Incoming));
        assert_eq!(info.from.as_str(), "bob@example.com");
        assert_eq!(info.to.as_str(), "alice@example.com");
        assert_eq!(info.remote.display_name.as_deref(), Some("Bob"));
        assert_eq!((info.started, info.ended), (None, None));
        assert_eq!(refused(&mut rig, answer(&call)), CallCode::InvalidState.into(), "not yet");
    }
}

#[test]
fn ra_035_rc_043_ringing_is_told_by_the_application_where_it_wants_to() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    assert_eq!(refused(&mut rig, feedback(&call)), CallCode::NotSupported.into(), "by itself");
    let mut rig = manual();
    let call = incoming(&mut rig, "S1", Some(sdp("sendrecv")));
    assert!(!rig.asked.iter().any(|asked| asked.what.contains("ringing")));
    assert_eq!(rig.call(&call).state, CallState::Initiated);
    rig.answer_audits();
    rig.told();
    // On failure nothing changes, and that is told.
    let command = rig.submit(feedback(&call)).unwrap();
    let asked = rig.take_of("ringing");
    rig.respond(asked.id, 500, &status(26));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Gateway(26));
    assert_eq!(
        rig.told(),
        [
            "SEND_RINGING_FEEDBACK START",
            "SEND_RINGING_FEEDBACK UPDATE",
            "SEND_RINGING_FEEDBACK FINISH 26",
            "Initiated -> Initiated 26",
        ]
    );
    let command = rig.submit(feedback(&call)).unwrap();
    let asked = rig.take_of("ringing");
    rig.respond(asked.id, 204, &json!(null));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.call(&call).state, CallState::Ringing);
    assert_eq!(refused(&mut rig, feedback(&call)), CallCode::InvalidState.into(), "it rings");
    let ours = up(&mut rig, "S2");
    assert_eq!(refused(&mut rig, feedback(&ours)), CallCode::InvalidState.into());
}

#[test]
fn ra_035_what_is_told_twice_at_once_rings_once() {
    let mut rig = manual();
    let call = incoming(&mut rig, "S1", Some(sdp("sendrecv")));
    rig.answer_audits();
    let both = [(); 2].map(|()| rig.submit(feedback(&call)).unwrap());
    rig.told();
    for command in both {
        let asked = rig.take_of("ringing");
        rig.respond(asked.id, 204, &json!(null));
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    }
    let finish = "SEND_RINGING_FEEDBACK FINISH";
    assert_eq!(rig.told(), [finish, "Initiated -> Ringing", finish]);
}

#[test]
fn rc_043_a_call_whose_ringing_cannot_be_told_can_be_answered_all_the_same() {
    let mut rig = Rig::up();
    let call = incoming(&mut rig, "S1", Some(sdp("sendrecv")));
    let asked = rig.take_of("ringing");
    rig.fail(asked.id);
    assert_eq!(rig.call(&call).state, CallState::Initiated);
    let told = rig.told();
    assert!(told.contains(&"Initiating -> Initiated".to_owned()), "without an error: {told:?}");
    let command = rig.submit(answer(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callAnswer");
    rig.respond(asked.id, 200, &done());
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
}

#[test]
fn ra_016_a_call_without_an_offer_is_answered_with_one() {
    let mut rig = Rig::up();
    let call = incoming(&mut rig, "S1", None);
    let asked = rig.take_of("ringing");
    rig.respond(asked.id, 200, &done());
    rig.told();
    let command = rig.submit(answer(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callAnswer");
    assert!(asked.body["callControlRequest"]["sdp"].as_str().unwrap().contains("actpass"));
    rig.respond(asked.id, 200, &done());
    assert_eq!(rig.call(&call).state, CallState::Ringing, "until the far side's words come");
    assert_eq!(rig.completion(command), None);
    // What the broadcast of our own answer says is none of anybody else's.
    tell(&mut rig, "callCancel", "S1", None);
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("sendrecv")));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let told = rig.told();
    assert_eq!(told.iter().filter(|told| told.starts_with("ANSWER")).count(), 4, "{told:?}");
    assert!(told.contains(&"Ringing -> Connected".to_owned()));
}

#[test]
fn ra_016_a_slow_answer_that_nobody_answers_fails_in_time() {
    let mut rig = Rig::up();
    let call = incoming(&mut rig, "S1", None);
    let asked = rig.take_of("ringing");
    rig.respond(asked.id, 200, &done());
    rig.answer_audits();
    let command = rig.submit(answer(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callAnswer");
    rig.respond(asked.id, 200, &done());
    rig.pass(S(49));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Timeout);
    let info = rig.call(&call);
    assert!(info.state.is_final() && info.operations.is_empty(), "{:?}", info.state);
}

#[test]
fn ra_016_rt_010_rt_023_what_an_answer_brings_along() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    let options = AnswerOptions::default()
        .parameters([CustomParameter::new("X-GPS", "42")])
        .bandwidth(Bandwidth::default().call(500).audio(40));
    let media = CallMedia::AUDIO;
    rig.submit(Command::Answer { call: call.clone(), media, options }).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callAnswer");
    let request = &asked.body["callControlRequest"];
    assert_eq!(request["customParameters"], json!([{"name": "X-GPS", "value": "42"}]));
    let sdp = request["sdp"].as_str().unwrap();
    assert!(sdp.contains("b=AS:500") && sdp.contains("b=AS:40"), "{sdp}");
    let info = rig.call(&call);
    assert_eq!((info.bandwidth.call, info.bandwidth.audio), (Some(500), Some(40)));
    assert_eq!(info.parameters.len(), 1);
}

#[test]
fn ra_016_an_offer_that_cannot_be_used_ends_the_call_and_the_gateway_hears_it() {
    for offer in ["x".to_owned(), sdp("sendrecv").replace("a=mid", "a=refuse\r\na=mid")] {
        let mut rig = Rig::up();
        let call = incoming(&mut rig, "S1", Some(offer));
        assert_eq!(rig.call(&call).state, CallState::Ended);
        let told = rig.told();
        assert!(told.iter().any(|told| told == "Initiating -> Ended call:9"), "{told:?}");
        rig.take_of("DELETE /callControl/callSessions/S1");
        assert!(rig.asked.is_empty());
    }
}

#[test]
fn ra_017_ra_019_what_the_gateway_refuses_leaves_the_call_ringing() {
    for forwards in [false, true] {
        let mut rig = Rig::up();
        let call = rig.ringing();
        rig.told();
        let kind = if forwards { "FORWARD_CALL" } else { "REJECT" };
        let command = || match forwards {
            true => Command::Forward { call: call.clone(), to: "tel:555".to_owned() },
            false => Command::Reject { call: call.clone() },
        };
        let id = rig.submit(command()).unwrap();
        let asked = rig.take_of("POST /calldisposition");
        let request = &asked.body["callDispositionRequest"];
        assert_eq!(request["sessionData"], "S1");
        let address = forwards.then_some("sip:555@example.com");
        assert_eq!(request["address"].as_str(), address);
        rig.respond(asked.id, 400, &json!({"callDispositionResponse": {"statusCode": 37}}));
        let error = failure(&mut rig, id);
        assert_eq!((error.code, error.status()), (ErrorCode::Gateway(37), Some(400)));
        assert_eq!(rig.call(&call).state, CallState::Ringing);
        assert_eq!(
            rig.told(),
            [
                format!("{kind} START"),
                format!("{kind} UPDATE"),
                format!("{kind} FINISH 37"),
                "Ringing -> Ringing 37".to_owned(),
            ]
        );
        // In time, or not at all.
        let id = rig.submit(command()).unwrap();
        rig.pass(S(31));
        assert_eq!(failure(&mut rig, id).code, ErrorCode::Timeout);
    }
}

#[test]
fn ra_017_ra_018_ra_019_are_for_calls_that_ring_here() {
    let mut rig = Rig::up();
    let ours = up(&mut rig, "S9");
    let nobody = CallId::from("x");
    for (call, code) in [(&ours, CallCode::InvalidState), (&nobody, CallCode::InvalidParam)] {
        let to = || "carol".to_owned();
        for command in [
            Command::Reject { call: call.clone() },
            Command::Ignore { call: call.clone() },
            Command::Forward { call: call.clone(), to: to() },
            answer(call),
        ] {
            assert_eq!(refused(&mut rig, command), code.into());
        }
    }
    let call = rig.ringing();
    for to in [String::new(), "a\u{7}b".to_owned(), "x".repeat(513)] {
        let forward = Command::Forward { call: call.clone(), to };
        assert_eq!(refused(&mut rig, forward), CallCode::InvalidParam.into());
    }
}

#[test]
fn ra_018_what_is_ignored_is_over_here_and_the_gateway_hears_nothing() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    rig.told();
    let command = rig.submit(Command::Ignore { call: call.clone() }).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.told(), ["IGNORE START", "IGNORE FINISH", "Ringing -> Ended"]);
    rig.pass(S(120));
    assert!(rig.asked.is_empty());
    tell(&mut rig, "callCancel", "S1", None);
    assert!(rig.told().is_empty(), "the gateway ends its session by itself");
}

#[test]
fn w4_8_a_call_that_is_withdrawn_tells_the_reason_where_there_is_one() {
    for (params, told) in [
        (json!({"sessionData": "S1"}), "Ringing -> Cancelled"),
        (json!({"sessionData": "S1", "statusCode": "9904"}), "Ringing -> Cancelled (9904)"),
    ] {
        let mut rig = Rig::up();
        let call = rig.ringing();
        rig.told();
        rig.notify("callCancel", json!({"sessionParams": params}));
        let all = rig.told();
        assert_eq!(all, ["remote CALL_CANCEL START", "remote CALL_CANCEL FINISH", told]);
        assert_eq!(rig.call(&call).state, CallState::Cancelled);
        rig.pass(S(120));
        assert!(rig.asked.is_empty(), "no audit, no end");
    }
}

#[test]
fn w3_3_a_second_call_of_a_known_session_is_passed_over() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    incoming(&mut rig, "S1", Some(sdp("sendrecv")));
    assert_eq!(rig.client.calls().len(), 1);
    rig.submit(Command::Ignore { call }).unwrap();
    incoming(&mut rig, "S1", Some(sdp("sendrecv")));
    assert_eq!(rig.client.calls().len(), 1, "also after its end");
    rig.pass(MS(1));
}
