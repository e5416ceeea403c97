//! Reconnects that find out what happened while signaling was down (LC-23, DEF-10).

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{LA100, PEER, Rig};
use crate::genesys::{Command, ErrorKind, Outcome};
use crate::jingle::Reason;
use crate::machine::{Input, UdpEvent, WsEvent};

fn drop_and_return(rig: &mut Rig, listing: Option<Value>) {
    rig.listing = listing;
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.login();
    while rig.answer_login_step() {}
}

fn listed(id: &str, state: &str) -> Value {
    json!({"id": id, "participants": [{"id": format!("P-{id}"), "purpose": "agent",
        "userId": "user-1", "calls": [{"id": format!("K-{id}"), "state": state,
        "direction": "inbound", "muted": false, "held": false, "confined": false}]}]})
}

#[test]
fn scenario_83_def_10_a_call_that_ended_meanwhile_is_told() {
    let mut rig = Rig::busy();
    drop_and_return(&mut rig, Some(json!({"entities": []})));
    let told = rig.told();
    let tail = &told[told.len() - 2..];
    assert_eq!(tail, ["CallEnded C1", "ConversationUpdate +[] -[C1] =0"]);
    assert!(rig.udp.is_some(), "the persistent session stays");
}

#[test]
fn cv_16_def_10_what_changed_and_what_is_new_is_told_as_events_would_have() {
    let mut rig = Rig::busy();
    let mut held = listed("C1", "connected");
    held["participants"][0]["calls"][0]["held"] = json!(true);
    let listing = json!({"entities": [held, listed("C2", "alerting")]});
    drop_and_return(&mut rig, Some(listing));
    let told = rig.told();
    assert!(told.contains(&"ConversationUpdate +[] -[] =1".to_owned()), "{told:?}");
    assert!(told.contains(&"PendingSession M1 C2".to_owned()), "{told:?}");
}

#[test]
fn def_10_a_ringing_call_that_is_gone_is_cancelled() {
    let mut rig = Rig::on(LA100);
    rig.propose("M1", "C1", "");
    rig.forget();
    drop_and_return(&mut rig, Some(json!({"entities": null})));
    assert!(rig.told().contains(&"CancelPendingSession M1 C1".to_owned()));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn def_10_an_unusable_list_changes_nothing() {
    for listing in [json!([]), json!({}), json!({"entities": [{"no": "id"}]}), Value::Null] {
        let mut rig = Rig::busy();
        drop_and_return(&mut rig, Some(listing));
        rig.conv_with("C1", "inbound", "connected", &json!({"muted": true}), "agent");
        assert!(rig.told().contains(&"ConversationUpdate +[] -[] =1".to_owned()));
    }
}

#[test]
fn lc_23_def_24_scenario_48_sessions_that_died_meanwhile_end_and_live_ones_stay() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.media("disconnected");
    rig.forget();
    rig.login();
    assert!(rig.told().contains(&"SessionEnded M1 gone".to_owned()));

    let mut rig = Rig::busy();
    drop_and_return(&mut rig, None);
    assert!(!rig.told().iter().any(|told| told.starts_with("SessionEnded")));
    assert!(rig.udp.is_some());
}

/// Both went by the address that is gone: the session is to be found by another one.
#[test]
fn lc_23_a_session_that_moves_to_another_address_outlives_the_connection() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.speak();
    let id = rig.udp.unwrap();
    let gone: SocketAddr = "127.0.0.1:4000".parse().unwrap();
    let event = UdpEvent::Changed { added: Vec::new(), removed: vec![gone] };
    rig.input(Input::Udp { id, event });
    rig.ws_event(WsEvent::Closed { code: None, reason: "its address is gone".to_owned() });
    let event = UdpEvent::Changed { added: vec![gone.into()], removed: Vec::new() };
    rig.input(Input::Udp { id, event });
    rig.forget();
    rig.login();
    assert!(!rig.told().iter().any(|told| told.starts_with("SessionEnded")));
    // The service restarts ICE.
    rig.media("connected");
    assert!(rig.told().contains(&"MediaState Connected".to_owned()));

    // What is lost by something else then is as dead as ever.
    rig.wait(Duration::from_secs(1));
    let (local, remote) = (gone, "127.0.0.1:5000".parse().unwrap());
    let event = UdpEvent::Datagram { local, remote, data: vec![128, 0] };
    rig.input(Input::Udp { id, event });
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.media("disconnected");
    rig.login();
    assert!(rig.told().contains(&"SessionEnded M1 gone".to_owned()));
}

#[test]
fn sessions_need_not_survive_where_that_is_not_wanted() {
    let mut rig = Rig::ready_with(|config| config.session_survivability = false);
    rig.connected_call("M1", "C1");
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    assert!(rig.told().contains(&"SessionEnded M1 gone".to_owned()));
    assert!(rig.udp.is_none());
}

/// Found by simulation: the offer, and its end, which nobody heard, left a session for ever.
#[test]
fn def_10_an_offer_that_nobody_answered_is_over_when_its_call_is() {
    for (listing, over) in [(json!([]), true), (json!([listed("C1", "alerting")]), false)] {
        let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
        rig.propose("M1", "C1", "");
        rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
        rig.offer("M1", "C1");
        rig.forget();
        drop_and_return(&mut rig, Some(json!({"entities": listing})));
        assert_eq!(rig.told().contains(&"SessionEnded M1 gone".to_owned()), over);
        assert_eq!(rig.client.size() == 0, over);
    }
}

/// A lost connection waits for nothing of its own where the client is told that there is no
/// network.
#[test]
fn lc_19_a_lost_connection_takes_its_timers_with_it() {
    let states: [fn() -> Rig; 5] = [
        // ICE servers are to be asked for again in six hours.
        Rig::ready,
        // Topics are about to be sent.
        || {
            let mut rig = Rig::ready();
            rig.submit(Command::Subscribe { topic: "v2.users.user-2.presence".to_owned() })
                .unwrap();
            rig
        },
        // The connection is to be marked as one that can ring, once more.
        || {
            let mut rig = Rig::with(|config| config.alerting_leader = true);
            rig.submit(Command::Connect).unwrap();
            while !rig.asked.iter().any(|asked| asked.what.starts_with("PATCH /apps")) {
                if !rig.answer_login_step() {
                    rig.wait_for_timer();
                }
            }
            let at = rig.asked.iter().position(|a| a.what.starts_with("PATCH /apps")).unwrap();
            let asked = rig.asked.remove(at).unwrap();
            rig.respond(asked.id, 500, &Value::Null);
            rig
        },
        // What failed after the login is to be asked for again.
        || {
            let mut rig = Rig::ready();
            rig.notify("streaming-subscriptions-expiring", &json!({"expiring": 60}));
            rig.wait(Duration::from_millis(100));
            let asked = rig.asked.pop_front().unwrap();
            rig.respond(asked.id, 400, &Value::Null);
            rig
        },
        // The set-up takes too long in a while.
        || {
            let mut rig = Rig::new();
            rig.submit(Command::Connect).unwrap();
            while rig.ws.is_none() {
                rig.answer_login_step();
            }
            rig
        },
    ];
    for (number, state) in states.into_iter().enumerate() {
        let mut rig = state();
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
        rig.submit(Command::WentOffline).unwrap();
        let mut waits = 0;
        while let Some(wake) = rig.wake {
            assert_eq!(wake.reason, "command limit", "{number}");
            rig.wait_for_timer();
            waits += 1;
            assert!(waits < 5, "{number}");
        }
    }
}

#[test]
fn def_20_whoever_waits_for_an_answer_over_a_lost_connection_is_told_at_once() {
    let lose = |rig: &mut Rig| {
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    };
    // The word on our answer.
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    let accept = rig.submit(Command::AcceptSession { conversation: "C1".into() }).unwrap();
    lose(&mut rig);
    assert_eq!(rig.failure(accept), Some(ErrorKind::Network));
    // The word on an end: it is over.
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let session = "M1".into();
    let end = Command::ForceTerminateSession { session, reason: Reason::Success };
    let end = rig.submit(end).unwrap();
    assert_eq!(rig.completion(end), None);
    lose(&mut rig);
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    assert!(rig.udp.is_none());
}

#[test]
fn what_a_client_has_been_through_is_counted() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.propose("M2", "C2", "");
    rig.session_message(PEER, "retract", "M2");
    rig.frame("<odd");
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.wait_for_login();
    rig.conv("C1", "inbound", "disconnected");
    let counters = serde_json::to_value(rig.client.counters()).unwrap();
    assert_eq!(
        counters,
        json!({
            "connects": 2, "reconnects": 1, "disconnects": 1, "calls_rung": 2,
            "calls_cancelled": 1, "calls_elsewhere": 0, "calls_connected": 1, "calls_ended": 1,
            "sessions_started": 1, "sessions_ended": 0, "sessions_replaced": 0,
            "interruptions": 0, "errors": 0, "malformed": 1, "events_lost": 0,
        })
    );
}
