//! Words that come late, twice or at a bad time, and failures in the middle of something (w4.0.4, RP-1 to RP-5).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, answer_sdp, done, sdp};
use crate::machine::Input;
use crate::ribbon::{
    AnswerOptions, AuthCode, CallCode, CallId, CallMedia, CallState, Command, Credentials,
    ErrorCode, HoldState, MediaConnectionState, Outcome, SdpContext, SdpEndpoint, SdpKind,
    SubscriptionCode,
};
use crate::sdp::Description;

const S: fn(u64) -> Duration = Duration::from_secs;

fn answer(call: &CallId) -> Command {
    let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
    Command::Answer { call: call.clone(), media, options }
}

/// Something of a call's, with a description or without one.
fn word(rig: &mut Rig, kind: &str, sdp: Option<String>) {
    let mut params = json!({"sessionData": "S1"});
    if let Some(sdp) = sdp {
        params["sdp"] = sdp.into();
    }
    rig.notify(kind, json!({"sessionParams": params}));
}

fn failed(code: u16) -> Value {
    json!({"callControlResponse": {"statusCode": code}})
}

/// A call without an offer that is answered by an offer of ours; the request that brings it.
fn slowly_answered(rig: &mut Rig) -> (CallId, super::rig::Asked) {
    rig.notify("call", json!({
        "sessionParams": {"sessionData": "S1"},
        "callNotificationParams": {"callerName": "Bob", "callerDisplayNumber": "bob@example.com"},
    }));
    let asked = rig.take_of("ringing");
    rig.respond(asked.id, 200, &done());
    let call = rig.client.calls().last().unwrap().id.clone();
    rig.submit(answer(&call)).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callAnswer");
    (call, asked)
}

/// A second call that is held, beside a first one that is, too.
fn two_held(rig: &mut Rig) -> [CallId; 2] {
    let sessions = ["S1", "S2"];
    sessions.map(|session| {
        let asked = {
            let (to, options) = ("bob".to_owned(), crate::ribbon::MakeOptions::default());
            rig.submit(Command::Make { to, media: CallMedia::AUDIO, options }).unwrap();
            rig.pass(Duration::from_millis(25));
            rig.take_of("callStart")
        };
        rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": session}}));
        let call = rig.client.calls().last().unwrap().id.clone();
        let up = json!({"sessionParams": {"sessionData": session, "sdp": answer_sdp("sendrecv")}});
        rig.notify("respondCallUpdate", up);
        rig.submit(Command::Hold { call: call.clone() }).unwrap();
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("startCallUpdate");
        rig.respond(asked.id, 200, &done());
        let held =
            json!({"sessionParams": {"sessionData": session, "sdp": answer_sdp("inactive")}});
        rig.notify("respondCallUpdate", held);
        assert_eq!(rig.call(&call).hold, HoldState::LocalHold);
        rig.answer_audits();
        call
    })
}

#[test]
fn w4_4_a_late_reply_to_a_slow_answer_changes_nothing_of_a_call_that_is_up() {
    for status in [200, 500] {
        let mut rig = Rig::up();
        let (call, asked) = slowly_answered(&mut rig);
        word(&mut rig, "respondCallUpdate", Some(answer_sdp("sendrecv")));
        rig.pass(S(1));
        assert_eq!(rig.call(&call).state, CallState::Connected);
        let hold = rig.submit(Command::Hold { call: call.clone() }).unwrap();
        rig.told();
        rig.respond(asked.id, status, &failed(0));
        let told = rig.told();
        assert!(told.iter().all(|told| told.starts_with("HOLD")), "{told:?}");
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("startCallUpdate");
        rig.respond(asked.id, 200, &done());
        word(&mut rig, "respondCallUpdate", Some(answer_sdp("inactive")));
        assert_eq!(rig.completion(hold), Some(Ok(Outcome::Done)), "{status}");
        assert_eq!(rig.call(&call).hold, HoldState::LocalHold);
    }
}

#[test]
fn w4_10_a_late_reply_to_an_offer_that_was_wished_for_does_not_touch_what_came_after() {
    for status in [200, 500] {
        let mut rig = Rig::up();
        let call = rig.connected();
        word(&mut rig, "startCallUpdate", None);
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("respondCallUpdate");
        word(&mut rig, "respondCallUpdate", Some(answer_sdp("sendrecv")));
        rig.pass(S(1));
        let hold = rig.submit(Command::Hold { call: call.clone() }).unwrap();
        rig.respond(asked.id, status, &failed(0));
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("startCallUpdate");
        rig.respond(asked.id, 200, &done());
        word(&mut rig, "respondCallUpdate", Some(answer_sdp("inactive")));
        assert_eq!(rig.completion(hold), Some(Ok(Outcome::Done)), "{status}");
    }
}

#[test]
fn w4_10_an_offer_that_was_wished_for_and_came_to_nothing_leaves_the_media_as_it_was() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.datagram(b"connected");
    let before = rig.udp;
    word(&mut rig, "startCallUpdate", None);
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("respondCallUpdate");
    assert_ne!(rig.udp, before, "of a fresh connection");
    rig.datagram(b"disconnected");
    rig.respond(asked.id, 500, &failed(1));
    let info = rig.call(&call);
    assert_eq!(info.media_state, MediaConnectionState::Connected, "that of the old one");
    assert!(info.operations.is_empty());
    // The old one goes on.
    rig.udp = before;
    rig.datagram(b"disconnected");
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Disconnected);
}

#[test]
fn w4_10_an_offer_that_cannot_be_sent_is_refused_and_the_media_goes_on_as_it_was() {
    let mut rig = Rig::up();
    let too_long = |sdp: &mut Description<'_>, context: &SdpContext<'_>, _: &Description<'_>| {
        if context.kind == SdpKind::Offer && context.endpoint == SdpEndpoint::Local {
            let section = sdp.sections[0].clone();
            sdp.sections.extend(std::iter::repeat_n(section, 500));
        }
    };
    rig.submit(Command::SetSdpHandlers(vec![Arc::new(too_long)])).unwrap();
    let call = rig.ringing();
    rig.submit(answer(&call)).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callAnswer");
    rig.respond(asked.id, 200, &done());
    rig.datagram(b"connected");
    let before = rig.udp;
    word(&mut rig, "startCallUpdate", None);
    rig.pass(Duration::from_millis(25));
    rig.take_of("respondCallUpdate491");
    rig.udp = before;
    rig.datagram(b"disconnected");
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Disconnected, "it is heard");
    assert!(rig.call(&call).operations.is_empty());
}

#[test]
fn an_engine_that_never_rests_ends_its_call() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.datagram(b"restless");
    assert_eq!(rig.call(&call).state, CallState::Ended);
    assert_eq!(rig.take_of("DELETE").what, "DELETE /callControl/callSessions/S1");
    assert!(rig.told().last().unwrap().contains("Connected -> Ended"));
}

#[test]
fn rp_2_an_offer_that_came_while_the_answer_was_on_its_way_is_taken_at_once() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    rig.submit(answer(&call)).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callAnswer");
    word(&mut rig, "startCallUpdate", Some(sdp("inactive")));
    rig.respond(asked.id, 200, &done());
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("respondCallUpdate");
    assert_eq!(asked.what, "PUT /callControl/callSessions/S1 respondCallUpdate");
    rig.respond(asked.id, 200, &done());
    assert_eq!(rig.call(&call).hold, HoldState::RemoteHold);
}

#[test]
fn w4_10_who_holds_is_known_after_an_offer_that_was_wished_for() {
    for (direction, hold) in
        [("inactive", HoldState::RemoteHold), ("sendrecv", HoldState::Connected)]
    {
        let mut rig = Rig::up();
        let call = rig.connected();
        word(&mut rig, "startCallUpdate", None);
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("respondCallUpdate");
        rig.respond(asked.id, 200, &done());
        word(&mut rig, "respondCallUpdate", Some(answer_sdp(direction)));
        assert_eq!(rig.call(&call).hold, hold);
        assert_eq!(rig.call(&call).state == CallState::OnHold, hold != HoldState::Connected);
    }
}

#[test]
fn w4_10_a_hold_whose_answer_did_not_arrive_is_taken_when_it_is_said_again() {
    let mut rig = Rig::up();
    let call = rig.connected();
    for (status, hold) in [(500, HoldState::Connected), (200, HoldState::RemoteHold)] {
        word(&mut rig, "startCallUpdate", Some(sdp("inactive")));
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("respondCallUpdate");
        rig.respond(asked.id, status, &failed(if status == 200 { 0 } else { 1 }));
        assert_eq!(rig.call(&call).hold, hold);
        assert!(rig.call(&call).operations.is_empty());
    }
}

#[test]
fn rp_5_another_end_whose_answer_did_not_arrive_changes_nothing() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.datagram(b"connected");
    let before = rig.udp;
    let other = sdp("sendrecv").replace("o=- 1 2", "o=- 77 2");
    word(&mut rig, "startCallUpdate", Some(other.clone()));
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("respondCallUpdate");
    rig.respond(asked.id, 500, &failed(1));
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Connected);
    rig.udp = before;
    rig.datagram(b"disconnected");
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Disconnected);
    // It is another end still when that is said again.
    word(&mut rig, "startCallUpdate", Some(other));
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("respondCallUpdate");
    rig.respond(asked.id, 200, &done());
    assert_ne!(rig.udp, before);
    rig.datagram(b"connected");
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Connected);
}

#[test]
fn ra_016_ra_017_ra_018_ra_019_one_thing_at_a_time_is_done_with_a_call_that_rings() {
    let reject = |call: &CallId| Command::Reject { call: call.clone() };
    let ignore = |call: &CallId| Command::Ignore { call: call.clone() };
    let forward = |call: &CallId| Command::Forward { call: call.clone(), to: "carol".to_owned() };
    for first in [answer, reject, forward] {
        let mut rig = Rig::up();
        let call = rig.ringing();
        rig.submit(first(&call)).unwrap();
        for second in [answer(&call), reject(&call), ignore(&call), forward(&call)] {
            assert_eq!(rig.submit(second).unwrap_err().code, CallCode::InvalidState.into());
        }
        let end = rig.submit(Command::End { call: call.clone() }).unwrap();
        assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    }
}

#[test]
fn w4_13_w4_14_a_call_that_ends_here_ends_what_it_was_part_of() {
    for (joins, ended) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        let mut rig = Rig::up();
        let calls = two_held(&mut rig);
        let [call, other] = calls.clone();
        let command = match joins {
            true => Command::Join { call, other },
            false => Command::ConsultativeTransfer { call, other },
        };
        let command = rig.submit(command).unwrap();
        rig.pass(Duration::from_millis(25));
        rig.submit(Command::End { call: calls[ended].clone() }).unwrap();
        let left = rig.call(&calls[1 - ended]);
        assert_eq!((left.state, left.operations.len()), (CallState::OnHold, 0));
        if !joins {
            assert!(rig.completion(command).unwrap().is_err());
        }
        // It can be moved again, so nothing of the old move is left.
        let to = "carol".to_owned();
        rig.submit(Command::DirectTransfer { call: left.id, to }).unwrap();
    }
}

#[test]
fn w4_14_a_call_that_would_be_of_two_ends_with_either_of_them() {
    let mut rig = Rig::up();
    let [call, other] = two_held(&mut rig);
    rig.submit(Command::Join { call, other }).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("join");
    let joined = rig.client.calls().last().unwrap().id.clone();
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S3"}}));
    word(&mut rig, "callEnd", None);
    assert_eq!(rig.call(&joined).state, CallState::Ended);
    assert_eq!(rig.take_of("DELETE").what, "DELETE /callControl/callSessions/S3");
}

#[test]
fn requests_that_wait_for_their_turn_are_bounded() {
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone();
        config.call(call.max_calls(1))
    });
    rig.connected();
    for n in 0..3000 {
        let session = format!("X{n}");
        let party = json!({"callerDisplayNumber": "bob@example.com"});
        rig.notify(
            "call",
            json!({
                "sessionParams": {"sessionData": session, "sdp": sdp("sendrecv")},
                "callNotificationParams": party,
            }),
        );
    }
    assert!(rig.client.remembered() < 1200, "{}", rig.client.remembered());
    // What is said in the background leaves room for what a user asks for.
    assert!(rig.asked.len() <= 18, "{}", rig.asked.len());
    let call = rig.client.calls()[0].id.clone();
    rig.submit(Command::Hold { call }).unwrap();
    rig.pass(Duration::from_millis(25));
    rig.take_of("startCallUpdate");
}

#[test]
fn re_049_w2_7_calls_hear_that_their_subscription_is_gone() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.text(r#"{"notificationMessage": {"eventType": "gone", "eventId": "g"}}"#);
    assert!(rig.client.subscriptions().subscribed.is_empty());
    // Nobody would hear the answer to an offer: a restart of media waits for another socket.
    let command = rig.submit(Command::RestartMedia { call: call.clone() }).unwrap();
    rig.pass(S(2));
    rig.answer_audits();
    assert!(rig.asked.is_empty());
    rig.pass(S(60));
    let error = rig.completion(command).unwrap().unwrap_err();
    assert_eq!(error.code, SubscriptionCode::Socket.into());
    assert_eq!(rig.call(&call).state, CallState::Connected);
}

#[test]
fn ra_001_nobody_else_logs_in_over_a_call_that_lives() {
    let mut rig = Rig::up();
    rig.connected();
    rig.text(r#"{"notificationMessage": {"eventType": "gone", "eventId": "g"}}"#);
    let other = Credentials::password("mallory@example.com", "x");
    let error = rig.submit(Command::SetCredentials(other)).unwrap_err();
    assert_eq!(error.code, AuthCode::InvalidState.into());
    let same = Credentials::password("alice@example.com", "other");
    rig.submit(Command::SetCredentials(same)).unwrap();
}

#[test]
fn ra_028_a_restart_whose_socket_is_lost_while_it_waits_its_turn_waits_for_the_next_one() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    rig.submit(answer(&call)).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callAnswer");
    rig.respond(asked.id, 200, &done());
    // The far side speaks first in the handshake, so that we wait with a restart.
    word(&mut rig, "startCallUpdate", Some(answer_sdp("sendrecv")));
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("respondCallUpdate");
    rig.respond(asked.id, 200, &done());
    let command = rig.submit(Command::RestartMedia { call: call.clone() }).unwrap();
    rig.close(Some(1006));
    rig.pass(S(5));
    assert_eq!(rig.completion(command), None);
    rig.answer_audits();
    rig.open();
    rig.pass(Duration::from_millis(25));
    rig.take_of("startCallUpdate");
}

#[test]
fn w2_6_a_socket_that_is_dropped_as_soon_as_it_is_open_is_not_opened_without_end() {
    let mut rig = Rig::up();
    let began = rig.now;
    for _ in 0..20 {
        rig.close(Some(1006));
        while rig.sockets.is_empty() {
            rig.pass(Duration::from_millis(100));
        }
        rig.open();
    }
    // Every other one waits for the first gap.
    let pace = crate::ribbon::Config::new("a", "b").connectivity.reconnect_delay;
    assert!(rig.now - began >= pace * 9, "{:?}", rig.now - began);
}

#[test]
fn w4_4_media_keeps_its_name_when_an_answer_is_given_again() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    let mut names = Vec::new();
    for status in [500, 200] {
        rig.submit(answer(&call)).unwrap();
        rig.pass(Duration::from_millis(25));
        names.push(rig.call(&call).media);
        let asked = rig.take_of("callAnswer");
        rig.respond(asked.id, status, &failed(if status == 200 { 0 } else { 1 }));
    }
    assert!(names[0].is_some());
    assert_eq!(names[0], names[1]);
    assert_eq!(rig.call(&call).state, CallState::Connected);
    assert_eq!(
        rig.submit(answer(&call)).unwrap_err().code,
        ErrorCode::from(CallCode::InvalidState)
    );
}

#[test]
fn w1_4_w4_8_an_offer_of_a_call_that_is_over_goes_nowhere_else() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.submit(Command::Hold { call: call.clone() }).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("startCallUpdate");
    word(&mut rig, "callEnd", None);
    assert_eq!(rig.call(&call).state, CallState::Ended);
    let response = http::Response::builder().status(307).header("Location", "/elsewhere");
    rig.input(Input::Http { id: asked.id, result: Ok(response.body(Vec::new()).unwrap()) });
    assert!(rig.asked.is_empty(), "{:?}", rig.asked.front().map(|asked| &asked.what));
}

#[test]
fn w4_8_an_offer_that_waits_for_its_turn_does_not_come_after_the_end() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let busy: Vec<_> = (0..32)
        .map(|n| {
            let user = format!("user{n}@example.com");
            rig.submit(Command::FetchUser { user: user.as_str().into() }).unwrap();
            rig.take()
        })
        .collect();
    rig.submit(Command::Hold { call: call.clone() }).unwrap();
    rig.pass(Duration::from_millis(25));
    assert!(rig.asked.is_empty(), "no room for it");
    word(&mut rig, "callEnd", None);
    assert_eq!(rig.call(&call).state, CallState::Ended);
    for asked in busy {
        rig.respond(asked.id, 404, &json!({}));
    }
    assert!(rig.asked.is_empty(), "{:?}", rig.asked.front().map(|asked| &asked.what));
    assert_eq!(rig.client.remembered(), 1, "the subscription alone");
}
