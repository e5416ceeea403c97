//! Media recovered or renegotiated in the middle of a call (behaviour notes 2.6, 3.5; wire notes
//! 6.6, 6.14; scenarios 110, 111, 149).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{LA1, LA1P, LA100, Rig, offer_sdp};
use crate::genesys::{Command, ErrorKind, Event, Outcome};
use crate::jingle::Reason;
use crate::machine::WsEvent;

#[test]
fn scenario_110_111_def_30_a_reinvite_takes_over_at_once() {
    let mut rig = Rig::busy();
    rig.reinvite("r2", "M2", "C1");
    match rig.events.pop_front() {
        Some(Event::SessionReplaced { session, old }) => {
            assert_eq!((session.id.as_str(), old.as_str()), ("M2", "M1"));
        }
        other => panic!("{other:?}"),
    }
    assert!(!rig.told().iter().any(|told| told.starts_with("SessionStarted")));
    let sent = rig.acknowledge();
    let of = |part: &str| sent.iter().find(|text| text.contains(part)).cloned().unwrap_or_default();
    assert!(of("<accept").contains(r#"id="M2""#));
    assert!(of(r#""method":"answer""#).contains(r#""sessionId":"M2""#));
    let end = of(r#""method":"terminate""#);
    assert!(end.contains("alternative-session") && end.contains("M1"), "{end}");
    // Nothing was told of the old one's end, and its media is closed.
    rig.media("connected");
    assert_eq!(rig.told(), ["MediaState Connected"]);
    rig.media("audio");
    assert_eq!(rig.audio.len(), 1);
    // The calls have moved, and the next one rides on the new session, once.
    rig.conv_with("C1", "inbound", "connected", &json!({"muted": true}), "agent");
    match rig.events.pop_front() {
        Some(Event::ConversationUpdate(update)) => {
            assert_eq!(update.current[0].session.as_ref().unwrap().as_str(), "M2");
        }
        other => panic!("{other:?}"),
    }
    rig.conv("C2", "inbound", "alerting");
    rig.conv("C2", "inbound", "connected");
    let told = rig.told();
    assert_eq!(told[0], "PendingSession M2 C2");
    assert_eq!(told.iter().filter(|t| *t == "CallConnected C2 M2").count(), 1);
}

#[test]
fn lc_16_an_idle_session_is_reinvited_under_the_name_of_its_last_call() {
    for conversation in ["C1", "C2"] {
        let mut rig = Rig::busy();
        rig.conv("C1", "inbound", "terminated");
        rig.forget();
        rig.reinvite("r2", "M2", conversation);
        let told = rig.told();
        assert_eq!(told.iter().filter(|t| *t == "SessionReplaced M1 M2").count(), 1, "{told:?}");
        assert!(!told.iter().any(|t| t.starts_with("SessionStarted")));
    }
}

#[test]
fn lc_16_scenario_54_a_repeated_reinvite_is_one_reinvite() {
    let mut rig = Rig::busy();
    for _ in 0..3 {
        rig.reinvite("r2", "M2", "C1");
    }
    let told = rig.told();
    assert_eq!(told.iter().filter(|t| t.starts_with("SessionReplaced")).count(), 1, "{told:?}");
    // Five are remembered, for three minutes.
    for n in 3..9 {
        rig.reinvite(&format!("r{n}"), "M2", "C1");
    }
    assert_eq!(rig.told().iter().filter(|t| t.starts_with("SessionReplaced")).count(), 6);
}

/// Found by swarm 73.
#[test]
fn lc_16_a_reinvite_whose_answer_was_lost_with_the_connection_is_answered_again() {
    let mut rig = Rig::busy();
    rig.reinvite("r2", "M2", "C1");
    let answers = |rig: &mut Rig| {
        let said = rig.sent();
        said.iter().filter(|text| text.contains(r#""method":"answer""#)).count()
    };
    assert_eq!(answers(&mut rig), 1);
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.login();
    while rig.answer_login_step() {}
    rig.forget();
    rig.reinvite("r2", "M2", "C1");
    assert_eq!(answers(&mut rig), 1, "the service waits for it");
    // It is one session still.
    let told = rig.told();
    assert!(!told.iter().any(|told| told.starts_with("Session")), "{told:?}");
}

#[test]
fn wire_6_14_reinvites_are_remembered_for_three_minutes_and_no_more_than_five() {
    let replaced = |rig: &mut Rig| {
        let told = rig.told();
        told.iter().filter(|told| told.starts_with("SessionReplaced")).count()
    };
    // For three minutes.
    let mut rig = Rig::busy();
    rig.reinvite("r2", "M2", "C1");
    assert_eq!(replaced(&mut rig), 1);
    rig.wait_acknowledging(Duration::from_secs(179));
    rig.reinvite("r2", "M2", "C1");
    assert_eq!(replaced(&mut rig), 0);
    rig.wait_acknowledging(Duration::from_secs(1));
    rig.reinvite("r2", "M3", "C1");
    assert_eq!(replaced(&mut rig), 1, "the name may come again");
    // The oldest of six is forgotten, the others are not.
    let mut rig = Rig::busy();
    for n in 2..8 {
        rig.reinvite(&format!("r{n}"), &format!("M{n}"), "C1");
        assert_eq!(replaced(&mut rig), 1);
    }
    for n in 3..8 {
        rig.reinvite(&format!("r{n}"), "M9", "C1");
        assert_eq!(replaced(&mut rig), 0, "r{n}");
    }
    rig.reinvite("r2", "M9", "C1");
    assert_eq!(replaced(&mut rig), 1);
}

#[test]
fn def_30_what_waits_for_a_replaced_session_waits_for_its_successor() {
    let done = Some(Ok(Outcome::Done));
    // The word on an answer: the old session's end does not fail it, the new one's answer is it.
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    let answer = rig.submit(Command::AcceptSession { conversation: "C1".into() }).unwrap();
    rig.forget();
    rig.reinvite("r2", "M2", "C1");
    let end = rig.take_sent(r#""method":"terminate""#).expect("the end of the old session");
    rig.grant(&end);
    assert_eq!(rig.completion(answer), None, "the new session's answer is to come");
    let answered = rig.take_sent(r#""method":"answer""#).unwrap();
    rig.grant(&answered);
    assert_eq!(rig.completion(answer), done);

    // The end of a call: its media is over when the new session is, and not when the old one is.
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    rig.reinvite("r2", "M2", "C1");
    rig.acknowledge();
    rig.media("connected");
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.completion(end), None, "M2 is up");
    rig.rpc("terminate", &json!({"sessionId": "M2"}));
    assert_eq!(rig.completion(end), done);

    // The end of a session that was being ended when another took its place.
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let terminate =
        Command::ForceTerminateSession { session: "M1".into(), reason: Reason::Success };
    let terminate = rig.submit(terminate).unwrap();
    let word = rig.take_sent(r#""method":"terminate""#).unwrap();
    rig.reinvite("r2", "M2", "C1");
    rig.grant(&word);
    assert_eq!(rig.completion(terminate), None, "M2 is up");
    rig.rpc("terminate", &json!({"sessionId": "M2"}));
    assert_eq!(rig.completion(terminate), done);

    // Changes wait for the service, whatever session carries the call.
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let mute = |muted| Command::SetAudioMute { conversation: "C1".into(), muted };
    let (on, off) = (rig.submit(mute(true)).unwrap(), rig.submit(mute(false)).unwrap());
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.reinvite("r2", "M2", "C1");
    rig.acknowledge();
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(on), done);
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(off), done);
}

#[test]
fn lc_16_scenario_53_new_credentials_under_the_same_name_are_a_new_connection() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let before = rig.udp;
    rig.reinvite("r2", "M1", "C1");
    assert!(rig.told().contains(&"SessionReplaced M1 M1".to_owned()));
    assert_ne!(rig.udp, before, "sockets of its own");
    let sent = rig.acknowledge();
    assert!(!sent.iter().any(|text| text.contains(r#""method":"terminate""#)));
    rig.media("connected");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    let told = rig.told();
    let ended = told.iter().filter(|t| t.starts_with("SessionEnded M1")).count();
    assert_eq!(ended, 1, "{told:?}");
}

#[test]
fn lc_16_scenario_52_the_same_credentials_are_a_renegotiation() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let params = json!({"sessionId": "M1", "conversationId": "C1", "sdp": offer_sdp()});
    rig.rpc("offer", &params);
    assert!(rig.told().is_empty());
    let sent = rig.acknowledge();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].contains(r#""method":"answer""#));
    // One that cannot be used leaves everything as it is.
    let params = json!({"sessionId": "M1", "conversationId": "C1",
        "sdp": offer_sdp() + "a=refuse\r\n"});
    rig.rpc("offer", &params);
    assert_eq!(rig.told(), ["Error Media"]);
    rig.media("audio");
    assert_eq!(rig.audio.len(), 1);
}

#[test]
fn scenario_149_def_30_a_reinvite_after_the_failure_is_the_shared_session() {
    let mut rig = Rig::on(LA1);
    rig.connected_call("M1", "C1");
    rig.media("failed");
    rig.acknowledge();
    rig.forget();
    rig.reinvite("r2", "M2", "C1");
    rig.acknowledge();
    rig.media("connected");
    assert!(rig.told().contains(&"SessionStarted M2 C1".to_owned()));
    rig.conv("C2", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M2 C2"]);
}

#[test]
fn scenario_36_a_reinvite_is_answered_even_where_nothing_else_is() {
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.reinvite("r2", "M2", "C1");
    assert!(rig.acknowledge().iter().any(|text| text.contains(r#""method":"answer""#)));
}

#[test]
fn commands_for_the_old_session_are_answered_by_the_new_one() {
    let mut rig = Rig::on(LA1P);
    rig.connected_call("M1", "C1");
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    rig.reinvite("r2", "M2", "C1");
    rig.acknowledge();
    rig.media("connected");
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    let gone = Command::ForceTerminateSession { session: "M1".into(), reason: Reason::Success };
    assert_eq!(rig.submit(gone).unwrap_err().kind, ErrorKind::Generic);
}

#[test]
fn lc_16_what_is_said_after_a_replacement_is_said_on_the_new_session() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.reinvite("r2", "M2", "C1");
    let sockets = rig.udp.expect("sockets of the new one");
    rig.log.clear();
    rig.speak();
    let said: Vec<_> = rig.log.iter().filter(|line| line.starts_with("Transmit")).collect();
    assert!(said.len() == 1 && said[0].contains(&format!("{sockets:?}")), "{said:?}");
}
