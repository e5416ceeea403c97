//! Every field that the service can get wrong, one at a time: ignored by a rule or told by an
//! event, and the next call is none the worse for it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::rig::{LA1P, LA100, Rig, login_answer};
use crate::genesys::{Command, Event};

/// The places in a value, each as a path.
fn places(value: &Value) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in inner {
        for mut place in places(value) {
            place.insert(0, key.clone());
            all.push(place);
        }
    }
    all
}

/// The value with what stands at a place changed; `None` takes it away.
fn changed(value: &Value, place: &[String], to: Option<&Value>) -> Value {
    let Some((first, rest)) = place.split_first() else {
        return to.cloned().unwrap_or(Value::Null);
    };
    match value {
        Value::Object(map) => {
            let entries = map.iter().filter_map(|(key, inner)| {
                let inner = match (key == first, rest.is_empty(), to) {
                    (true, true, None) => return None,
                    (true, _, _) => changed(inner, rest, to),
                    (false, _, _) => inner.clone(),
                };
                Some((key.clone(), inner))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(list) => {
            let entries = list.iter().enumerate().map(|(n, inner)| {
                if n.to_string() == *first { changed(inner, rest, to) } else { inner.clone() }
            });
            entries.collect()
        }
        other => other.clone(),
    }
}

/// Everything that can be wrong with a value, one thing at a time.
fn wrong(value: &Value) -> impl Iterator<Item = Value> + '_ {
    places(value).into_iter().flat_map(move |place| {
        let wrongs = [
            None,
            Some(Value::Null),
            Some(json!(7)),
            Some(json!(-1.5)),
            Some(json!("odd")),
            Some(json!("")),
            Some(json!(true)),
            Some(json!([])),
            Some(json!([{}])),
            Some(json!({})),
        ];
        wrongs.into_iter().map(move |to| changed(value, &place, to.as_ref()))
    })
}

/// A new call still works.
fn is_none_the_worse(rig: &mut Rig, cause: &Value) {
    assert!(rig.client.is_connected(), "{cause}");
    rig.forget();
    rig.propose("M9", "C9", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M9", "C9");
    assert!(rig.told().contains(&"SessionStarted M9 C9".to_owned()), "{cause}");
    rig.rpc("terminate", &json!({"sessionId": "M9"}));
    rig.conv("C9", "inbound", "terminated");
    rig.wait(Duration::from_millis(1));
    rig.forget();
}

fn conversation() -> Value {
    json!({"topicName": "v2.users.user-1.conversations", "version": "2",
        "metadata": {"CorrelationId": "x"},
        "eventBody": {"id": "C1", "participants": [
            {"id": "X", "purpose": "customer", "address": "tel:1", "calls": [
                {"id": "k", "state": "connected", "direction": "inbound"}]},
            {"id": "P", "purpose": "agent", "userId": "user-1", "state": "alerting", "calls": [
                {"id": "K", "state": "alerting", "direction": "inbound", "muted": false,
                 "held": false, "confined": false, "provider": "Edge",
                 "errorInfo": {"code": "e", "message": "m", "messageParams": {}}}]}]}})
}

#[test]
fn every_field_of_a_conversation_event() {
    let mut rig = Rig::on(LA1P);
    for json in wrong(&conversation()) {
        rig.publish("v2.users.user-1.conversations", &json);
        let odd = rig.events.iter().any(|event| matches!(event, Event::Malformed { .. }));
        let sound = rig.events.iter().all(|event| {
            matches!(
                event,
                Event::Malformed { .. } | Event::Error(_) | Event::ConversationUpdate(_)
            )
        });
        assert!(odd || sound, "{json}: {:?}", rig.events);
        rig.conv("C1", "inbound", "terminated");
        is_none_the_worse(&mut rig, &json);
    }
    rig.wait_acknowledging(Duration::from_secs(400));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn every_field_of_the_other_notifications() {
    let station = json!({"topicName": "t", "metadata": {"action": "Associated"},
        "eventBody": {"associatedStation": {"id": "station-1"}}});
    let persistent = json!({"topicName": "t", "eventBody": {"userId": "user-1",
        "stationId": "s", "persistentState": "PERSISTED",
        "errorInfo": {"code": "c", "text": "t", "userMessage": "u"}}});
    for (leaf, body) in [("station", station), ("persistentconnection", persistent)] {
        let mut rig = Rig::on(LA100);
        for json in wrong(&body) {
            rig.publish(&format!("v2.users.user-1.{leaf}"), &json);
            is_none_the_worse(&mut rig, &json);
        }
    }
}

#[test]
fn every_field_of_a_request_in_json() {
    let mut rig = Rig::on(LA100);
    let candidate = json!({"sessionId": "M1", "sdp": "m=0 9 RTP/AVP 0\r\na=candidate:1\r\n"});
    let offer = json!({"sessionId": "M1", "conversationId": "C1", "sdp": "v=0", "reinvite": true});
    let terminate = json!({"sessionId": "M1", "reason": "success"});
    for (method, params) in
        [("iceCandidate", candidate), ("offer", offer), ("terminate", terminate)]
    {
        for json in wrong(&params) {
            rig.rpc(method, &json);
            is_none_the_worse(&mut rig, &json);
        }
    }
}

#[test]
fn every_field_of_a_rest_answer() {
    for what in [
        "GET /organizations/me",
        "GET /users/me?expand=station",
        "POST /notifications/channels?connectionType=streaming",
        "GET /stations/station-1",
    ] {
        for json in wrong(&login_answer(what)) {
            let mut rig = Rig::new();
            let connect = rig.submit(Command::Connect).unwrap();
            for _ in 0..60 {
                if rig.asked.front().is_some_and(|asked| asked.what == what) {
                    let asked = rig.asked.pop_front().unwrap();
                    rig.respond(asked.id, 200, &json);
                    break;
                }
                if !rig.answer_login_step() {
                    rig.wait_for_timer();
                }
            }
            // Either it goes on, or it says why not.
            if rig.completion(connect).is_none() {
                rig.answer_other_users();
                rig.login();
            }
            let error = rig.completion(connect).unwrap().err();
            let told = rig.events.iter().any(|event| {
                matches!(event, Event::Disconnected { reconnecting: false, error: Some(_) })
            });
            assert_eq!(error.is_some(), told, "{what} {json}");
        }
    }
}

#[test]
fn ten_thousand_participants_and_ids_that_repeat() {
    let mut rig = Rig::on(LA1P);
    let crowd: Vec<_> = (0..10_000)
        .map(|n| {
            json!({"id": format!("p{}", n % 7), "purpose": "external", "calls": [{"id": "k",
            "state": "connected"}]})
        })
        .chain([json!({"id": "P", "purpose": "agent", "userId": "user-1", "calls": [
            {"id": "K", "state": "alerting"}, {"id": "K", "state": "alerting"}]})])
        .collect();
    let body = json!({"id": "C1", "participants": crowd});
    rig.notify("v2.users.user-1.conversations", &body);
    assert_eq!(rig.client.size(), 1);
    rig.conv("C1", "inbound", "terminated");
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn a_flood_starves_no_timer() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    // A thousand messages a second, for a minute of the service's silence on pings.
    let mut pings = 0;
    for n in 0..60_000_u32 {
        match n % 3 {
            0 => rig.propose(&format!("F{}", n % 1000), &format!("F{}", n % 1000), ""),
            1 => rig.conv(&format!("G{}", n % 1000), "inbound", "alerting"),
            _ => rig.rpc(
                "iceCandidate",
                &json!({"sessionId": format!("F{n}"),
                "sdp": "m=0 9 RTP/AVP 0\r\na=candidate:1\r\n"}),
            ),
        }
        rig.wait(Duration::from_millis(1));
        pings += rig.sent().iter().filter(|text| text.contains("urn:xmpp:ping")).count();
        rig.events.clear();
        if !rig.client.is_connected() {
            break;
        }
    }
    assert_eq!(pings, 2, "they go out in time");
    assert!(!rig.client.is_connected(), "and their silence is noticed");
    assert!(rig.client.size() < 600, "{}", rig.client.size());
}
