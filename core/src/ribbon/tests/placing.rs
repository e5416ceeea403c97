//! Calls of ours, until they are answered or over; and what can be looked at (w4.1, w4.8).

use std::sync::Arc;

use serde_json::json;

use super::rig::{Rig, answer_sdp, done};
use super::steps::{MS, S, collect, failure, make, refused, status, tell, up};
use crate::machine::{CodePoint, CodePointError, Input, NetError, NetErrorKind, UdpEvent};
use crate::ribbon::{
    AnswerOptions, AuthCode, Bandwidth, CallCode, CallId, CallMedia, CallState, Command,
    CustomParameter, Dscp, ErrorCode, Event, IceCollection, IceTimeouts, MakeOptions, Outcome,
    Priority, SdpContext, SdpStep, Verdict,
};
use crate::sdp::Description;

#[test]
fn ra_015_what_cannot_be_placed_is_refused_and_no_call() {
    let mut rig = Rig::new();
    assert_eq!(refused(&mut rig, make("bob")), AuthCode::InvalidCredentials.into());
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().max_calls(2);
        config.call(call)
    });
    let long = "x".repeat(513);
    for to in ["", "  ", "a\nb", &long] {
        assert_eq!(refused(&mut rig, make(to)), CallCode::InvalidParam.into());
    }
    let options = MakeOptions::default();
    let seen = Command::Make { to: "bob".to_owned(), media: CallMedia::VIDEO, options };
    assert_eq!(refused(&mut rig, seen), CallCode::NotSupported.into(), "no codec for pictures");
    let options = MakeOptions::default().parameters(vec![CustomParameter::new("a", "b"); 65]);
    let media = CallMedia::AUDIO;
    let many = Command::Make { to: "bob".to_owned(), media, options };
    assert_eq!(refused(&mut rig, many), CallCode::InvalidParam.into());
    assert!(rig.client.calls().is_empty() && rig.told().is_empty());
    up(&mut rig, "S1");
    up(&mut rig, "S2");
    assert_eq!(refused(&mut rig, make("bob")), ErrorCode::Busy, "so many live calls");
}

#[test]
fn ra_015_re_005_rt_010_a_call_is_told_first_with_its_command_and_has_its_options() {
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().early_media(true);
        config.call(call)
    });
    let options = MakeOptions::default()
        .display_name("Alice A")
        .parameters([CustomParameter::new("X-Id", "7")])
        .bandwidth(Bandwidth::default().audio(64));
    let media = CallMedia::AUDIO;
    let command = rig.submit(Command::Make { to: "bob".to_owned(), media, options }).unwrap();
    let first = rig.events.front().cloned();
    let call = rig.client.calls()[0].clone();
    assert_eq!(first, Some(Event::CallStarted { call: call.id.clone(), command }));
    assert_eq!(call.state, CallState::Initiating);
    assert_eq!(call.to.as_str(), "bob@example.com");
    collect(&mut rig);
    let asked = rig.take_of("callStart");
    let request = &asked.body["callControlRequest"];
    assert_eq!(request["from"], "Alice A<sip:alice@example.com>");
    assert_eq!(request["supported"], json!(["earlymedia"]));
    assert_eq!(request["customParameters"], json!([{"name": "X-Id", "value": "7"}]));
    assert!(request["sdp"].as_str().unwrap().contains("b=AS:64"));
    assert_eq!(rig.client.calls()[0].bandwidth.audio, Some(64));
}

#[test]
fn ra_015_whatever_fails_before_the_gateway_took_it_ends_the_call_with_the_error() {
    type Fails = fn(&mut Rig);
    let refusal: Fails = |rig| {
        let asked = rig.take_of("callStart");
        rig.respond(asked.id, 500, &status(26));
    };
    let unnamed: Fails = |rig| {
        let asked = rig.take_of("callStart");
        rig.respond(asked.id, 201, &json!({"callControlResponse": {"statusCode": 0}}));
    };
    let lost: Fails = |rig| {
        let asked = rig.take_of("callStart");
        rig.fail(asked.id);
    };
    let silent: Fails = |rig| {
        let asked = rig.take_of("callStart");
        rig.pass(S(30));
        let result = Err(NetError::new(NetErrorKind::Timeout, "no answer"));
        rig.input(Input::Http { id: asked.id, result });
    };
    let no_socket: Fails = |rig| {
        let id = rig.udp.unwrap();
        let error = NetError::new(NetErrorKind::Local, "no port");
        rig.input(Input::Udp { id, event: UdpEvent::Failed(error) });
    };
    for (fails, code) in [
        (refusal, ErrorCode::Gateway(26)),
        (unnamed, ErrorCode::Protocol),
        (lost, ErrorCode::Network(NetErrorKind::Lost)),
        (silent, ErrorCode::Timeout),
        (no_socket, CallCode::InitMediaFailed.into()),
    ] {
        let mut rig = Rig::up();
        let command = rig.submit(make("bob")).unwrap();
        if code != CallCode::InitMediaFailed.into() {
            collect(&mut rig);
        }
        fails(&mut rig);
        let got = rig.completion(command);
        if code == CallCode::InitMediaFailed.into() {
            // What ends a call ends what is under way in it.
            assert!(got.unwrap().is_err());
        } else {
            assert_eq!(got.unwrap().unwrap_err().code, code);
        }
        let call = rig.client.calls()[0].clone();
        assert_eq!((call.state, call.operations.len()), (CallState::Ended, 0), "{code:?}");
        // A request that is on its way yet: what it makes is ended.
        if let Some(asked) = rig.asked.pop_front() {
            rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S1"}}));
            let asked = rig.take_of("DELETE /callControl/callSessions/S1");
            rig.respond(asked.id, 204, &json!(null));
        }
        assert_eq!(rig.client.remembered(), 1, "the subscription: {code:?}");
    }
}

#[test]
fn ra_015_rc_036_rt_014_rt_015_rt_016_the_applications_own_check_decides_when_a_call_goes() {
    let checked = |verdict: fn() -> Verdict| {
        let mut rig = Rig::up_with(|config| {
            let check = move |collection: &IceCollection<'_>, timeouts: &IceTimeouts| {
                assert!(!collection.description.is_empty());
                assert_eq!(timeouts.max, S(3));
                verdict()
            };
            let check: Arc<dyn crate::ribbon::IceCheck> = Arc::new(check);
            let call = config.call.clone().ice_check(check);
            config.call(call)
        });
        let command = rig.submit(make("bob")).unwrap();
        rig.pass(S(10));
        (rig, command)
    };
    let (mut rig, _) = checked(|| Verdict::StartCall);
    rig.take_of("callStart");
    let (mut rig, command) = checked(|| Verdict::Error("not enough".to_owned()));
    let error = failure(&mut rig, command);
    assert_eq!(error.code, CallCode::NoIceCandidates.into());
    assert!(error.message.contains("not enough"));
    let (mut rig, command) = checked(|| panic!("a bug of the application's"));
    assert_eq!(failure(&mut rig, command).code, CallCode::Unknown.into());
    // One that never decides: the command has its limit, and nothing is left.
    let (mut rig, command) = checked(|| Verdict::Wait(None));
    assert!(rig.asked.is_empty());
    assert_eq!(rig.completion(command), None);
    rig.pass(S(40));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Timeout);
    assert_eq!(rig.client.calls()[0].state, CallState::Ended);
}

#[test]
fn ra_042_rc_038_handlers_count_for_calls_that_begin_afterwards() {
    fn marked(sdp: &mut Description<'_>, context: &SdpContext<'_>, _: &Description<'_>) {
        if context.step == SdpStep::Send {
            sdp.session.push(crate::sdp::Line::attribute_line("x-marked", "1"));
        }
    }
    let mut rig = Rig::up();
    let old = up(&mut rig, "S1");
    let command = rig.submit(Command::SetSdpHandlers(vec![Arc::new(marked)])).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    // A fresh connection of an old call is of the old call.
    tell(&mut rig, "startCallUpdate", "S1", None);
    collect(&mut rig);
    let asked = rig.take_of("respondCallUpdate");
    assert!(!asked.body["callControlRequest"]["sdp"].as_str().unwrap().contains("x-marked"));
    rig.respond(asked.id, 200, &done());
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("sendrecv")));
    assert_eq!(rig.call(&old).state, CallState::Connected);
    rig.submit(make("carol")).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callStart");
    assert!(asked.body["callControlRequest"]["sdp"].as_str().unwrap().contains("x-marked"));
    let handler: Arc<dyn crate::ribbon::SdpHandler> = Arc::new(marked);
    let many = Command::SetSdpHandlers(vec![handler; 17]);
    assert_eq!(refused(&mut rig, many), CallCode::InvalidParam.into());
}

#[test]
fn ra_042_a_handler_that_panics_fails_the_call_and_not_the_client() {
    fn panics(_: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {
        panic!("a bug of the application's");
    }
    let mut rig = Rig::up();
    rig.submit(Command::SetSdpHandlers(vec![Arc::new(panics)])).unwrap();
    let command = rig.submit(make("bob")).unwrap();
    collect(&mut rig);
    assert_eq!(failure(&mut rig, command).code, CallCode::InvalidParam.into());
    assert!(!rig.asked.iter().any(|asked| asked.what.contains("callStart")));
    rig.submit(Command::SetSdpHandlers(Vec::new())).unwrap();
    up(&mut rig, "S1");
}

#[test]
fn ra_020_a_call_ends_at_once_whatever_its_state_and_whatever_the_network_does() {
    let end = |call: &CallId| Command::End { call: call.clone() };
    let mut rig = Rig::up();
    assert_eq!(refused(&mut rig, end(&CallId::from("x"))), CallCode::InvalidParam.into());
    let call = up(&mut rig, "S1");
    let command = rig.submit(end(&call)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)), "the gateway was only asked");
    assert_eq!(
        rig.told(),
        ["END START", "END UPDATE", "-2 tracks", "END FINISH", "Connected -> Ended"]
    );
    assert!(rig.call(&call).ended.is_some());
    assert_eq!(refused(&mut rig, end(&call)), CallCode::InvalidState.into(), "it is over");
    // Once more after the network failed, and not a third time.
    let asked = rig.take_of("DELETE");
    rig.fail(asked.id);
    rig.pass(S(60));
    let asked = rig.take_of("DELETE /callControl/callSessions/S1");
    rig.fail(asked.id);
    rig.pass(S(600));
    assert!(rig.asked.is_empty());
    // A refusal is an answer.
    let call = up(&mut rig, "S2");
    rig.submit(end(&call)).unwrap();
    let asked = rig.take_of("DELETE");
    rig.respond(asked.id, 404, &status(47));
    rig.pass(S(600));
    assert!(rig.asked.is_empty() && rig.client.remembered() == 1);
    // What waits for something in it fails with it.
    let call = up(&mut rig, "S3");
    let hold = rig.submit(super::steps::hold(&call)).unwrap();
    rig.submit(end(&call)).unwrap();
    assert_eq!(failure(&mut rig, hold).code, CallCode::InvalidState.into());
}

#[test]
fn ra_033_ra_034_calls_can_be_looked_at_also_after_their_end_but_only_so_many() {
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().kept_calls(2);
        config.call(call)
    });
    let calls: Vec<_> = (0..4).map(|n| up(&mut rig, &format!("S{n}"))).collect();
    for call in &calls[..3] {
        rig.submit(Command::End { call: call.clone() }).unwrap();
    }
    let all: Vec<_> = rig.client.calls().into_iter().map(|call| call.id).collect();
    assert_eq!(all, calls[1..], "the oldest first; of those that are over the oldest goes");
    assert!(rig.client.call(&calls[0]).is_none());
    assert_eq!(rig.client.call(&calls[1]).unwrap().state, CallState::Ended);
    assert_eq!(rig.client.call(&calls[3]).unwrap().state, CallState::Connected);
    rig.pass(MS(1));
}

#[test]
fn rc_039_w4_1_sound_before_the_answer_is_taken_from_whoever_sends_it() {
    let mut rig = Rig::up();
    let (call, _) = rig.placed();
    rig.told();
    // By a description only; and the far side may say it again.
    tell(&mut rig, "sessionProgress", "S1", None);
    assert_eq!(rig.call(&call).state, CallState::Initiated);
    tell(&mut rig, "sessionProgress", "S1", Some(answer_sdp("sendrecv")));
    let told = rig.told();
    assert_eq!(told[..2], ["+1 tracks", "Initiated -> Early Media"], "{told:?}");
    tell(&mut rig, "ringing", "S1", None);
    assert_eq!(rig.call(&call).state, CallState::EarlyMedia, "there is no way back");
    tell(&mut rig, "sessionProgress", "S1", Some("nonsense".to_owned()));
    assert_eq!(rig.call(&call).state, CallState::EarlyMedia);
    rig.told();
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("sendrecv")));
    let told = rig.told();
    assert!(told.contains(&"Early Media -> Connected".to_owned()), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("tracks")), "they are there: {told:?}");
}

#[test]
fn rt_011_the_urgency_of_packets_is_a_wish_that_goes_with_their_sockets() {
    let make = |dscp: Dscp| {
        let options = MakeOptions::default().dscp(dscp);
        Command::Make { to: "bob".to_owned(), media: CallMedia::AUDIO, options }
    };
    let (sound, pictures) = (Priority::High.audio(), Priority::Medium.video());
    assert_eq!((sound.number(), pictures.number()), (46, 36));
    // The sound's, as all goes through the same sockets; where that is not said, the next.
    let both = Dscp::default().audio(sound).video(pictures);
    let rows = [
        (Dscp::default(), None),
        (both, Some(sound)),
        (Dscp::default().video(pictures), Some(pictures)),
    ];
    for (wish, expected) in rows {
        let mut rig = Rig::up();
        rig.submit(make(wish)).unwrap();
        assert!(rig.udp.is_some());
        assert_eq!(rig.dscp, expected, "{wish:?}");
    }

    // An incoming call has sockets once it is answered.
    let mut rig = Rig::up();
    let call = rig.ringing();
    assert_eq!(rig.udp, None);
    let options = AnswerOptions::default().dscp(both);
    rig.submit(Command::Answer { call, media: CallMedia::AUDIO, options }).unwrap();
    assert_eq!(rig.dscp, Some(sound));
}

#[test]
fn rt_011_what_is_no_code_point_is_refused() {
    assert_eq!(CodePoint::new(63).unwrap().traffic_class(), 252);
    assert_eq!(CodePoint::new(64), Err(CodePointError(64)));
    assert_eq!(
        CodePoint::try_from(255).unwrap_err().to_string(),
        "255 is no DiffServ code point: those are 0 to 63"
    );
    for priority in [Priority::VeryLow, Priority::Low, Priority::Medium, Priority::High] {
        let (audio, video) = (priority.audio(), priority.video());
        assert_eq!(CodePoint::new(audio.number()), Ok(audio));
        assert_eq!(CodePoint::new(video.number()), Ok(video));
    }
}
