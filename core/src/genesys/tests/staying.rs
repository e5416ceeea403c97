//! Staying connected with the application's help, changing the token, ordered changes, and ending
//! everything (behaviour notes 1.3, 2.6, 5, 11; LC-19, LC-22, DEF-20, DEF-31).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{LA100, Rig};
use crate::Secret;
use crate::genesys::goals::MAX_INTENTS;
use crate::genesys::{Command, Config, ErrorKind, IcePolicy, Outcome};
use crate::machine::{NetError, NetErrorKind, WsEvent};

const S: fn(u64) -> Duration = Duration::from_secs;

fn hold(held: bool) -> Command {
    Command::SetConversationHeld { conversation: "C1".into(), held }
}

fn mute(muted: bool) -> Command {
    Command::SetAudioMute { conversation: "C1".into(), muted }
}

#[test]
fn scenario_16_a_new_token_is_used_from_the_next_request_on() {
    let mut rig = Rig::ready_with(|config| config.trace = true);
    let change = rig.submit(Command::SetAccessToken(Secret::new("n3w-token"))).unwrap();
    assert_eq!(rig.completion(change), Some(Ok(Outcome::Done)));
    assert!(rig.client.is_connected(), "without reconnecting");
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.login();
    let auth = rig.auth_sent().expect("it logged in again");
    assert!(auth.contains("n3w-token"), "{auth}");
    for event in &rig.events {
        let text = format!("{event:?}");
        assert!(!text.contains("n3w-token") && !text.contains("t0ken"), "{text}");
    }
    for bad in ["", "a\nb"] {
        let error = rig.submit(Command::SetAccessToken(Secret::new(bad))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOptions);
    }
    let Config { auth, .. } = rig.client.config();
    assert!(matches!(auth, crate::genesys::Auth::Token(t) if t.expose() == "n3w-token"));
}

#[test]
fn a_network_that_changed_is_tested_at_once() {
    let mut rig = Rig::ready();
    rig.wait(S(5));
    rig.submit(Command::NetworkChanged).unwrap();
    rig.wait(Duration::ZERO);
    assert!(rig.take_sent("urn:xmpp:ping").is_some());
}

#[test]
fn a_network_that_is_back_is_tried_at_once_and_one_that_is_gone_is_not() {
    let mut rig = Rig::ready();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.submit(Command::WentOffline).unwrap();
    rig.wait(S(3600));
    assert!(rig.take_opened().is_none(), "nothing is tried without a network");
    rig.submit(Command::NetworkChanged).unwrap();
    rig.wait(Duration::ZERO);
    assert!(rig.take_opened().is_some());
}

#[test]
fn lc_19_after_a_sleep_the_connection_is_tested_at_once() {
    let mut rig = Rig::ready();
    rig.wait(S(1));
    // The lid was closed: nobody woke the machine for ten minutes.
    rig.sleep(S(600));
    assert!(rig.take_sent("urn:xmpp:ping").is_some());
    let acknowledged = rig.acknowledge().len();
    assert_eq!(acknowledged, 0, "one ping, not forty");
    rig.wait(S(15 + 14 + 15));
    assert_eq!(rig.told(), ["Disconnected true"], "nobody answers");
}

#[test]
fn def_31_scenario_106_changes_of_one_call_go_out_in_order_one_at_a_time() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let first = rig.submit(hold(true)).unwrap();
    let second = rig.submit(mute(true)).unwrap();
    let third = rig.submit(hold(false)).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"held": true}));
    assert!(rig.asked.is_empty(), "one at a time");
    // A failure does not hold up the next.
    rig.http_fails(asked.id, NetError::new(NetErrorKind::Lost, "reset"));
    assert_eq!(rig.failure(first), Some(ErrorKind::Call));
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"muted": true}));
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(second), Some(Ok(Outcome::Done)));
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"held": false}));
    // Changes of another call do not wait for these.
    rig.connected_call("M2", "C2");
    let other = Command::SetAudioMute { conversation: "C2".into(), muted: true };
    rig.submit(other).unwrap();
    rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(third), Some(Ok(Outcome::Done)));
}

#[test]
fn def_31_what_waits_when_the_call_ends_is_answered() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let under_way = rig.submit(hold(true)).unwrap();
    let waiting = rig.submit(hold(false)).unwrap();
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.failure(waiting), Some(ErrorKind::Session));
    let asked = rig.asked.pop_front().unwrap();
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(under_way), Some(Ok(Outcome::Done)));
}

#[test]
fn def_20_changes_that_nobody_answers_time_out_one_after_the_other() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let first = rig.submit(mute(true)).unwrap();
    rig.wait_acknowledging(S(10));
    let second = rig.submit(mute(false)).unwrap();
    rig.wait_acknowledging(S(20));
    assert_eq!(rig.failure(first), Some(ErrorKind::Timeout));
    assert_eq!(rig.completion(second), None);
    assert_eq!(rig.asked.len(), 1, "the first may still be made: nothing goes out beside it");
    let asked = rig.asked.pop_front().unwrap();
    rig.http_fails(asked.id, NetError::new(NetErrorKind::Timeout, "no answer"));
    assert_eq!(rig.asked.len(), 1, "the second has its turn");
    rig.wait_acknowledging(S(10));
    assert_eq!(rig.failure(second), Some(ErrorKind::Timeout));
}

#[test]
fn def_31_the_next_change_waits_for_one_whose_time_was_up() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let first = rig.submit(mute(true)).unwrap();
    rig.wait_acknowledging(S(15));
    let second = rig.submit(mute(true)).unwrap();
    rig.wait_acknowledging(S(14));
    let third = rig.submit(mute(false)).unwrap();
    let fourth = rig.submit(hold(true)).unwrap();
    let asked = rig.asked.pop_front().unwrap();
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(first), Some(Ok(Outcome::Done)));
    let late = rig.asked.pop_front().unwrap();
    rig.wait_acknowledging(S(16));
    assert_eq!(rig.failure(second), Some(ErrorKind::Timeout));
    assert!(rig.asked.is_empty(), "neither beside it, nor it once more (swarm 10146)");
    rig.respond(late.id, 202, &Value::Null);
    for (command, body) in [(third, json!({"muted": false})), (fourth, json!({"held": true}))] {
        let asked = rig.asked.pop_front().unwrap();
        assert_eq!(asked.body, body);
        rig.respond(asked.id, 202, &Value::Null);
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    }
    assert!(rig.asked.is_empty());
}

#[test]
fn changes_that_wait_are_bounded() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let taken = (0..40).filter(|n| rig.submit(mute(n % 2 == 0)).is_ok()).count();
    assert_eq!(taken, MAX_INTENTS);
}

#[test]
fn lc_22_scenario_14_destroying_ends_sessions_and_the_connection() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.connected_call("M2", "C2");
    let destroy = rig.submit(Command::Destroy).unwrap();
    let sent = rig.sent();
    let ended = sent.iter().filter(|t| t.contains(r#""method":"terminate""#)).count();
    assert_eq!(ended, 2);
    assert!(sent.last().unwrap().starts_with("<close"));
    rig.wait(S(5));
    assert_eq!(rig.completion(destroy), Some(Ok(Outcome::Done)));
    let told = rig.told();
    assert_eq!(told.iter().filter(|t| t.starts_with("SessionEnded")).count(), 2, "{told:?}");
    assert!(rig.udp.is_none());
    // Once more, and before anything was begun: the same.
    let again = rig.submit(Command::Destroy).unwrap();
    assert_eq!(rig.completion(again), Some(Ok(Outcome::Done)));
    let mut rig = Rig::new();
    let never = rig.submit(Command::Destroy).unwrap();
    assert_eq!(rig.completion(never), Some(Ok(Outcome::Done)));
}

#[test]
fn lc_22_destroying_ends_sessions_first_also_without_a_connection() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.ws_event(WsEvent::Closed { code: None, reason: String::new() });
    rig.told();
    let destroy = rig.submit(Command::Destroy).unwrap();
    assert_eq!(rig.completion(destroy), Some(Ok(Outcome::Done)));
    let told = rig.told();
    let at = |name: &str| told.iter().position(|event| event.starts_with(name));
    assert!(at("SessionEnded").unwrap() < at("Disconnected").unwrap(), "{told:?}");
}

#[test]
fn stn_3_the_application_may_decide_which_candidates_are_used() {
    for (policy, hosts) in [(IcePolicy::Discovered, true), (IcePolicy::All, true)] {
        let mut rig = Rig::ready_with(|config| config.ice_policy = policy);
        rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
        rig.offer("M1", "C1");
        let told = rig.sent().iter().any(|text| text.contains("typ host"));
        assert_eq!(told, hosts, "{policy:?}");
    }
}

#[test]
fn wire_3_1_a_failed_renewal_of_topics_after_a_reconnect_is_told_and_no_more() {
    let mut rig = Rig::ready();
    rig.notify("system.v2.no_longer_subscribed.channel-1", &json!({}));
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.forget();
    let mut refused = false;
    for _ in 0..40 {
        if rig.asked.front().is_some_and(|asked| asked.what.starts_with("PUT")) {
            let asked = rig.asked.pop_front().unwrap();
            rig.respond(asked.id, 400, &Value::Null);
            refused = true;
        } else if !rig.answer_login_step() {
            if refused {
                break;
            }
            rig.wait_for_timer();
        }
    }
    let told = rig.told();
    assert!(told.contains(&"Error Http(400)".to_owned()), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("Ready"));
}

#[test]
fn wire_7_ice_servers_are_asked_for_every_six_hours_and_a_failure_is_repeated() {
    let mut rig = Rig::ready();
    let six_hours = S(6 * 3600);
    let mut asked = Vec::new();
    while rig.now < rig.begun + six_hours + S(1) {
        rig.wait(S(5));
        for text in rig.sent() {
            if text.contains("extdisco") {
                asked.push(rig.now);
                rig.refuse(&text);
            } else {
                rig.grant(&text);
            }
        }
    }
    assert_eq!(asked.len(), 2 + 2, "two kinds, and two more tries");
    assert!(asked.iter().all(|at| *at >= rig.begun + six_hours));
    assert!(rig.client.is_connected() && rig.told().is_empty());
    // What is known stays: host candidates are still allowed.
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    assert!(rig.sent().iter().any(|text| text.contains("typ host")));
}
