//! Sessions and calls that are not ours: sessions that are no calls, and calls on other phones of
//! the user's (API-4, DEF-7, DEF-33).

use serde_json::{Value, json};

use super::rig::{BARE, FULL, LA1, LA1P, Rig, offer_sdp};
use crate::genesys::{Command, Event, Outcome, SessionType};

const OTHERS: [&str; 4] = [
    "peer-1@conference.example/x",
    "acd-1@conference.example/x",
    "screenrecording-1@conference.example/x",
    "livemonitor-1@conference.example/x",
];

/// A session of another kind: proposed, and offered all the same.
fn offer_from(rig: &mut Rig, peer: &str) {
    rig.frame(&format!(
        r#"<message xmlns="jabber:client" from="{peer}" to="{BARE}"><propose xmlns="urn:xmpp:jingle-message:0" id="V1" inin-cid="C9" inin-autoanswer="true" inin-sdp-over-xmpp="true"/></message>"#
    ));
    let params = json!({"sessionId": "V1", "conversationId": "C9", "sdp": offer_sdp()});
    let offer = json!({"jsonrpc": "2.0", "id": "v1", "method": "offer", "params": params});
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="set" id="v" from="{peer}" to="{FULL}"><genesys-webrtc xmlns="genesys">{offer}</genesys-webrtc></iq>"#
    ));
}

#[test]
fn api_4_sessions_of_kinds_that_are_not_allowed_are_left_alone() {
    for peer in OTHERS {
        let mut rig = Rig::ready_with(|config| {
            config.allowed_session_types = vec![SessionType::Softphone];
        });
        offer_from(&mut rig, peer);
        assert!(rig.told().is_empty(), "{peer}");
        assert!(rig.sent().is_empty(), "{peer}: another client may want it");
        assert!(rig.udp.is_none() && rig.client.size() == 0, "{peer}");
    }
}

#[test]
fn def_7_a_session_of_another_kind_never_becomes_the_shared_one() {
    for station in [LA1, LA1P] {
        let mut rig = Rig::on(station);
        rig.connected_call("M1", "C1");
        offer_from(&mut rig, OTHERS[0]);
        rig.conv("C1", "inbound", "disconnected");
        rig.rpc("terminate", &json!({"sessionId": "M1"}));
        rig.acknowledge();
        rig.forget();
        // The next call has nothing to ride on: it waits for its proposal.
        rig.conv("C2", "inbound", "alerting");
        assert!(rig.told().is_empty());
    }
}

#[test]
fn def_33_calls_on_another_phone_can_be_watched_as_notifications() {
    const TOPIC: &str = "v2.users.user-1.conversations";
    let mut rig = Rig::ready();
    rig.conv("C1", "inbound", "connected");
    assert!(rig.told().is_empty(), "it is none of ours");
    let watch = rig.submit(Command::Subscribe { topic: TOPIC.to_owned() }).unwrap();
    rig.wait(std::time::Duration::from_millis(100));
    let asked = rig.asked.pop_front().unwrap();
    let ids = asked.body.as_array().unwrap().clone();
    let about = |id: &&Value| id["id"].as_str().unwrap().contains("conversations");
    assert_eq!(ids.iter().filter(about).count(), 1, "it is subscribed to once: {ids:?}");
    rig.respond(asked.id, 200, &json!({"entities": []}));
    assert_eq!(rig.completion(watch), Some(Ok(Outcome::Done)));
    rig.conv("C1", "inbound", "connected");
    match rig.events.pop_front() {
        Some(Event::Notification { topic, data }) => {
            assert_eq!((topic.as_str(), &data["eventBody"]["id"]), (TOPIC, &json!("C1")));
        }
        other => panic!("{other:?}"),
    }
    assert!(rig.events.is_empty());
    // Calls of ours are still told as such; and still when nobody watches any more.
    rig.propose("M2", "C2", "");
    rig.conv("C2", "inbound", "alerting");
    // Who calls is known with the event (CV-8).
    let update = "ConversationUpdate +[] -[] =1";
    assert_eq!(rig.told(), ["PendingSession M2 C2", update, "Notification"]);
    rig.submit(Command::Unsubscribe { topic: TOPIC.to_owned() }).unwrap();
    rig.conv("C2", "inbound", "disconnected");
    assert_eq!(rig.told(), ["CancelPendingSession M2 C2", "ConversationUpdate +[] -[] =0"]);
}
