//! A session that the service reassigns to another conversation, without a new connection (LC-16,
//! wire notes 6.14).

use std::time::Duration;

use serde_json::json;

use super::rig::{LA1P, LA100, LA100P, Rig, offer_sdp};
use crate::genesys::{Command, Event, Outcome};

/// A new offer on the connection that M1 has.
fn reoffer(rig: &mut Rig, conversation: &str) {
    // Not faster than answers may go out (SG-8).
    rig.wait(Duration::from_millis(40));
    let params = json!({"sessionId": "M1", "conversationId": conversation, "sdp": offer_sdp()});
    rig.rpc("offer", &params);
    let answers = rig.acknowledge();
    assert!(answers.iter().any(|text| text.contains(r#""method":"answer""#)));
}

/// The conversation that the session's media is told of.
fn told_of(rig: &mut Rig) -> String {
    rig.media("disconnected");
    rig.media("connected");
    let of = rig.events.drain(..).find_map(|event| match event {
        Event::MediaState { conversation, .. } => Some(conversation.to_string()),
        _ => None,
    });
    of.unwrap()
}

#[test]
fn lc_16_an_idle_session_is_given_to_the_next_call() {
    for event_first in [true, false] {
        let mut rig = Rig::idle(LA1P);
        if event_first {
            rig.conv("C1", "inbound", "alerting");
            assert_eq!(rig.told(), ["PendingSession M1 C1"]);
        }
        reoffer(&mut rig, "C1");
        assert!(rig.told().is_empty(), "nothing is told of it");
        assert_eq!(told_of(&mut rig), "C1");
        rig.conv("C1", "inbound", "connected");
        assert!(rig.told().contains(&"CallConnected C1 M1".to_owned()), "{event_first}");
        rig.conv("C1", "inbound", "disconnected");
        assert!(rig.told().contains(&"CallEnded C1".to_owned()));
        assert_eq!(rig.client.size(), Rig::idle(LA1P).client.size(), "nothing is left of it");
    }
}

#[test]
fn lc_16_a_session_given_to_a_call_that_never_comes_is_free_again() {
    let mut rig = Rig::idle(LA1P);
    reoffer(&mut rig, "C1");
    rig.forget();
    rig.wait_acknowledging(Duration::from_secs(11));
    assert_eq!(rig.client.size(), Rig::idle(LA1P).client.size(), "nothing is left of it");
    let mut rig = Rig::idle(LA100P);
    reoffer(&mut rig, "C1");
    rig.wait_acknowledging(Duration::from_secs(11));
    rig.forget();
    rig.conv("C2", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C2"]);
}

#[test]
fn lc_16_a_call_without_media_of_its_own_takes_what_it_is_given() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.conv("C2", "inbound", "alerting");
    rig.propose("M2", "C2", r#"inin-sdp-over-xmpp="true""#);
    rig.forget();
    reoffer(&mut rig, "C2");
    rig.conv("C2", "inbound", "connected");
    let told = rig.told();
    assert!(told.contains(&"CallConnected C2 M1".to_owned()), "{told:?}");
    assert!(told.contains(&"HandledPendingSession M2 C2 Here".to_owned()), "{told:?}");
    // The one before goes on where it was, until it is over.
    rig.conv("C1", "inbound", "disconnected");
    assert!(rig.told().contains(&"CallEnded C1".to_owned()));
    rig.asked.clear();
    let end = rig.submit(Command::EndSession { conversation: "C2".into() }).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    rig.respond(asked.id, 202, &serde_json::Value::Null);
    rig.conv("C2", "inbound", "disconnected");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
}

#[test]
fn lc_16_a_call_with_media_of_its_own_keeps_it() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.connected_call("M2", "C2");
    reoffer(&mut rig, "C2");
    rig.conv_with("C2", "inbound", "connected", &json!({"muted": true}), "agent");
    let of_c2 = rig.events.drain(..).find_map(|event| match event {
        Event::ConversationUpdate(update) => {
            update.current.into_iter().find(|call| call.id.as_str() == "C2")?.session
        }
        _ => None,
    });
    assert_eq!(of_c2.unwrap().as_str(), "M2");
}

#[test]
fn lc_16_reassigning_without_end_leaves_nothing_behind() {
    let mut rig = Rig::idle(LA1P);
    reoffer(&mut rig, "C0");
    let size = rig.client.size();
    for n in 0..600 {
        reoffer(&mut rig, &format!("C{n}"));
    }
    assert_eq!(rig.client.size(), size + 1, "one conversation at a time");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    assert_eq!(rig.client.size(), Rig::on(LA1P).client.size());
}
