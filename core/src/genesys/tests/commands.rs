//! Commands are refused without a trace, or answered exactly once, and never with success for what
//! was not done. The rig compares the client before and after each one that is refused.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{LA100, Rig, fake_media};
use crate::genesys::goals::MAX_INTENTS;
use crate::genesys::{CallControl, Client, Command, Config, Dial, Error, ErrorKind, Outcome};
use crate::machine::{CommandId, Seed, WsEvent};

const SDP: &str = r#"inin-sdp-over-xmpp="true""#;

fn hold(conversation: &str, held: bool) -> Command {
    Command::SetConversationHeld { conversation: conversation.into(), held }
}

fn mute(conversation: &str) -> Command {
    Command::SetAudioMute { conversation: conversation.into(), muted: true }
}

#[test]
fn an_un_hold_that_is_refused_holds_nobody_else() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.connected_call("M2", "C2");
    for _ in 0..MAX_INTENTS {
        rig.submit(mute("C1")).unwrap();
    }
    rig.forget();
    assert_eq!(rig.submit(hold("C1", false)).unwrap_err().kind, ErrorKind::Limit);
    assert!(rig.asked.is_empty(), "C2 talks on");
}

#[test]
fn destroying_is_never_refused_and_answers_disconnects_too() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let mut waiting = Vec::new();
    while let Ok(disconnect) = rig.submit(Command::Disconnect) {
        waiting.push(disconnect);
    }
    let destroy = rig.submit(Command::Destroy).unwrap();
    for disconnect in waiting {
        assert_eq!(rig.failure(disconnect), Some(ErrorKind::Cancelled));
    }
    rig.wait(Duration::from_secs(5));
    assert_eq!(rig.completion(destroy), Some(Ok(Outcome::Done)));
    assert!(rig.udp.is_none());
}

#[test]
fn an_address_that_no_request_can_have_is_refused_at_construction() {
    let configs =
        [Config::guest("lab.test", "org-1", "123456"), Config::agent("lab.test", "t0ken")];
    for config in configs {
        for host in ["https://a b", "not a host", "http://", "https://[::1", "http://h:port"] {
            let config = Config { api_host: Some(host.to_owned()), ..config.clone() };
            let now = crate::testing::epoch();
            let error =
                Client::new(config, Box::new(fake_media()), Seed::from(1), now).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOptions, "{host}");
        }
    }
}

#[test]
fn mh_4_a_call_whose_media_still_connects_is_held_and_un_held_by_the_service() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.propose("M2", "C2", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M2", "C2");
    rig.acknowledge();
    rig.conv("C2", "inbound", "connected");
    rig.forget();
    let held = rig.submit(hold("C2", true)).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    assert_eq!(asked.body, json!({"held": true}));
    assert_eq!(rig.completion(held), None, "not before the service took it");
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(held), Some(Ok(Outcome::Done)));
    let resumed = rig.submit(hold("C2", false)).unwrap();
    assert_eq!(rig.asked.pop_front().unwrap().body, json!({"held": true}), "the other one");
    let asked = rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    assert_eq!(asked.body, json!({"held": false}));
    rig.respond(asked.id, 503, &Value::Null);
    assert_eq!(rig.failure(resumed), Some(ErrorKind::Call));
}

#[test]
fn scenario_37_whoever_accepts_second_waits_for_the_same_word() {
    let accept = || Command::AcceptSession { conversation: "C1".into() };
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.forget();
    rig.offer("M1", "C1");
    let second = rig.submit(accept()).unwrap();
    assert_eq!(rig.completion(second), None, "the answer is on its way");
    let answer = rig.take_sent(r#""method":"answer""#).unwrap();
    rig.refuse(&answer);
    assert_eq!(rig.failure(second), Some(ErrorKind::Session));
}

#[test]
fn a_network_that_is_gone_is_not_tried_whatever_happens_meanwhile() {
    // It was said before the connection broke.
    let mut rig = Rig::ready();
    rig.submit(Command::WentOffline).unwrap();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.sleep(Duration::from_secs(3600));
    rig.wait(Duration::from_secs(3600));
    assert!(rig.take_opened().is_none());
    rig.submit(Command::NetworkChanged).unwrap();
    rig.wait(Duration::ZERO);
    assert!(rig.take_opened().is_some());
    // And before anything was begun.
    let mut rig = Rig::new();
    rig.submit(Command::WentOffline).unwrap();
    rig.submit(Command::Connect).unwrap();
    rig.wait(Duration::from_secs(3600));
    assert!(rig.asked.is_empty());
    rig.submit(Command::NetworkChanged).unwrap();
    rig.wait(Duration::ZERO);
    assert!(!rig.asked.is_empty());
}

#[test]
fn wire_4_3_a_topic_that_would_be_left_out_is_refused() {
    let mut rig = Rig::ready();
    for topic in [
        String::new(),
        format!("v2.{}.x", "y".repeat(200)),
        "v2.users.u?".to_owned() + &"y".repeat(200),
    ] {
        let subscribe = Command::Subscribe { topic: topic.clone() };
        assert_eq!(rig.submit(subscribe).unwrap_err().kind, ErrorKind::InvalidOptions);
        let topics = vec!["v2.a.b".to_owned(), topic];
        let subscribe = Command::SubscribeAll { topics, priority: 0 };
        assert_eq!(rig.submit(subscribe).unwrap_err().kind, ErrorKind::InvalidOptions);
    }
}

#[test]
fn topics_are_not_for_those_who_have_no_channel() {
    let mut rig = Rig::with(|config| *config = Config::guest("lab.test", "org-1", "123456"));
    let subscribe = Command::Subscribe { topic: "v2.a.b".to_owned() };
    assert_eq!(rig.submit(subscribe).unwrap_err().kind, ErrorKind::NotSupported);
}

/// Begins a command that waits, and destroys the client.
fn destroyed(rig: &mut Rig, command: Command) {
    let text = format!("{command:?}");
    let waiting = rig.submit(command).unwrap();
    assert_eq!(rig.completion(waiting), None, "{text} waits");
    let destroy = rig.submit(Command::Destroy).unwrap();
    assert_eq!(rig.failure(waiting), Some(ErrorKind::Cancelled), "{text}");
    let ids: Vec<CommandId> = vec![waiting, destroy];
    // What was asked is answered yet, or never: the rig wants no second completion.
    while let Some(asked) = rig.asked.pop_front() {
        rig.respond(asked.id, 200, &json!({"id": "C7"}));
    }
    rig.wait(Duration::from_secs(60));
    let ends: Vec<Result<Outcome, Error>> =
        ids.iter().map(|id| rig.completion(*id).expect("an answer")).collect();
    assert!(ends[1].is_ok(), "{text}: {ends:?}");
    assert!(!rig.client.is_connected());
    assert!(rig.udp.is_none(), "{text}");
}

#[test]
fn lc_22_def_20_destroying_answers_each_kind_of_command_that_waits() {
    destroyed(&mut Rig::new(), Command::Connect);
    let ringing = || {
        let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
        rig.conv("C1", "inbound", "alerting");
        rig.propose("M1", "C1", SDP);
        rig.forget();
        rig
    };
    destroyed(&mut ringing(), Command::AcceptPendingSession { conversation: "C1".into() });
    destroyed(&mut ringing(), Command::RejectPendingSession { conversation: "C1".into() });
    let mut offered = ringing();
    offered.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    offered.offer("M1", "C1");
    destroyed(&mut offered, Command::AcceptSession { conversation: "C1".into() });
    let reason = crate::jingle::Reason::Success;
    for command in [
        Command::Disconnect,
        Command::Destroy,
        Command::EndSession { conversation: "C1".into() },
        Command::ForceTerminateSession { session: "M1".into(), reason },
        mute("C1"),
        hold("C1", true),
        hold("C1", false),
        Command::ControlCall {
            conversation: "C1".into(),
            control: CallControl::SetRecording(true),
        },
        Command::StartSoftphoneSession(Dial::number("1")),
        Command::Subscribe { topic: "v2.a.b".to_owned() },
        Command::SubscribeAll { topics: vec!["v2.a.b".to_owned()], priority: 1 },
        Command::Unsubscribe { topic: "v2.a.b".to_owned() },
        Command::ClaimAlertingLeader,
        Command::FetchPresenceDefinitions,
        Command::FetchPresence,
        Command::SetPresence { presence: "p1".into() },
        Command::FetchVoicemail,
    ] {
        let mut rig = Rig::ready();
        rig.connected_call("M1", "C1");
        destroyed(&mut rig, command);
    }
}

#[test]
fn destroying_answers_all_that_wait_however_many_they_are() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let mut waiting = Vec::new();
    for _ in 0..MAX_INTENTS {
        waiting.push(rig.submit(mute("C1")).unwrap());
    }
    while let Ok(dial) = rig.submit(Command::StartSoftphoneSession(Dial::number("1"))) {
        waiting.push(dial);
    }
    rig.submit(Command::Destroy).unwrap();
    for command in waiting {
        assert_eq!(rig.failure(command), Some(ErrorKind::Cancelled));
    }
}
