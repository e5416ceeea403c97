//! Media recovered or renegotiated in the middle of a call (behaviour notes 2.6, 3.5; wire notes
//! 6.6, 6.14; scenarios 110, 111, 149).

use serde_json::json;

use super::rig::{LA1, LA1P, LA100, Rig, offer_sdp};
use crate::genesys::{Command, ErrorKind, Event, Outcome};
use crate::jingle::Reason;

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
