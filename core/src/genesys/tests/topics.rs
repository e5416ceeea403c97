//! Notification topics (wire notes 4).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::genesys::{Command, ErrorKind, Event, Outcome};
use crate::machine::WsEvent;

const PUT: &str = "PUT /notifications/channels/channel-1/subscriptions";
const PRESENCE: &str = "v2.users.user-2.presence";

fn subscribe(topic: &str) -> Command {
    Command::Subscribe { topic: topic.to_owned() }
}

fn unsubscribe(topic: &str) -> Command {
    Command::Unsubscribe { topic: topic.to_owned() }
}

fn ids(body: &Value) -> Vec<&str> {
    body.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[test]
fn wire_4_1_changes_within_a_moment_are_one_request() {
    let mut rig = Rig::ready();
    let first = rig.submit(subscribe(PRESENCE)).unwrap();
    let second = rig.submit(subscribe("v2.users.user-2.routingStatus")).unwrap();
    assert!(rig.asked.is_empty());
    rig.wait(Duration::from_millis(100));
    let asked = rig.expect_http(PUT);
    assert_eq!(
        ids(&asked.body),
        [
            "v2.users.user-1?conversations&persistentconnection&station",
            "v2.users.user-2?presence&routingStatus"
        ]
    );
    rig.respond(asked.id, 200, &json!({"entities": []}));
    assert_eq!(rig.completion(first), Some(Ok(Outcome::Done)));
    assert_eq!(rig.completion(second), Some(Ok(Outcome::Done)));

    rig.notify(PRESENCE, &json!({"presence": "away"}));
    match rig.events.pop_front() {
        Some(Event::Notification { topic, data }) => {
            assert_eq!(topic, PRESENCE);
            assert_eq!(data["eventBody"]["presence"], "away");
        }
        other => panic!("{other:?}"),
    }

    let third = rig.submit(unsubscribe(PRESENCE)).unwrap();
    rig.wait(Duration::from_millis(100));
    let asked = rig.expect_http(PUT);
    assert_eq!(ids(&asked.body)[1], "v2.users.user-2.routingStatus");
    rig.respond(asked.id, 200, &Value::Null);
    assert_eq!(rig.completion(third), Some(Ok(Outcome::Done)));
    rig.notify(PRESENCE, &json!({}));
    assert!(rig.told().is_empty());
}

#[test]
fn wire_4_2_a_topic_may_be_refused_alone() {
    let mut rig = Rig::ready();
    let bad = rig.submit(subscribe(PRESENCE)).unwrap();
    let good = rig.submit(subscribe("v2.users.user-3.presence")).unwrap();
    rig.wait(Duration::from_millis(100));
    let asked = rig.expect_http(PUT);
    let answer = json!({"entities": [
        {"id": PRESENCE, "state": "Rejected", "rejectionReason": "not yours"},
        {"id": "v2.users.user-3.presence", "state": "Permitted"},
    ]});
    rig.respond(asked.id, 200, &answer);
    assert_eq!(rig.failure(bad), Some(ErrorKind::Generic));
    assert_eq!(rig.completion(good), Some(Ok(Outcome::Done)));
}

#[test]
fn a_subscription_that_fails_leaves_the_connection_alone() {
    for (status, kind) in [(400, ErrorKind::Http(400)), (401, ErrorKind::InvalidToken)] {
        let mut rig = Rig::ready();
        let command = rig.submit(subscribe(PRESENCE)).unwrap();
        rig.wait(Duration::from_millis(100));
        let asked = rig.expect_http(PUT);
        rig.respond(asked.id, status, &Value::Null);
        assert_eq!(rig.failure(command), Some(kind));
        assert!(rig.client.is_connected());
    }
}

#[test]
fn wire_4_6_expiring_subscriptions_are_renewed() {
    let mut rig = Rig::ready();
    rig.notify("streaming-subscriptions-expiring", &json!({"expiring": 60}));
    rig.wait(Duration::from_millis(100));
    rig.expect_http(PUT);
}

#[test]
fn def_20_a_subscription_has_a_limit_also_when_the_connection_is_lost() {
    let mut rig = Rig::ready();
    let command = rig.submit(subscribe(PRESENCE)).unwrap();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.wait(Duration::from_secs(30));
    assert_eq!(rig.failure(command), Some(ErrorKind::Timeout));
}

#[test]
fn cv_1_def_12_a_notification_is_told_once() {
    let mut rig = Rig::ready();
    let own = "v2.users.user-1.conversations";
    rig.submit(subscribe(own)).unwrap();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    rig.forget();
    rig.conv("C1", "inbound", "connected");
    let told = rig.told();
    let count = |what: &str| told.iter().filter(|told| told.starts_with(what)).count();
    assert_eq!((count("CallConnected"), count("ConversationUpdate")), (1, 1), "{told:?}");
}

#[test]
fn wire_4_2_many_topics_are_answered_one_by_one() {
    let mut rig = Rig::ready();
    let topics = vec![PRESENCE.to_owned(), "v2.users.user-3?presence&geolocation".to_owned()];
    let command = rig.submit(Command::SubscribeAll { topics, priority: 1 }).unwrap();
    rig.wait(Duration::from_millis(100));
    let asked = rig.expect_http(PUT);
    let answer = json!({"entities": [
        {"id": PRESENCE, "state": "Rejected", "rejectionReason": "not yours"},
        {"id": "v2.users.user-3?geolocation&presence", "state": "Permitted"},
    ]});
    rig.respond(asked.id, 200, &answer);
    match rig.completion(command) {
        Some(Ok(Outcome::Subscribed(answers))) => {
            assert_eq!(answers[0].refusal.as_deref(), Some("not yours"));
            assert_eq!(answers[1].refusal, None);
        }
        other => panic!("{other:?}"),
    }
    rig.notify("v2.users.user-3.geolocation", &json!({}));
    rig.notify(PRESENCE, &json!({}));
    assert_eq!(rig.told(), ["Notification"]);
    let too_many = (0..1001).map(|n| format!("a.{n}.b")).collect();
    let error = rig.submit(Command::SubscribeAll { topics: too_many, priority: 0 }).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
}
