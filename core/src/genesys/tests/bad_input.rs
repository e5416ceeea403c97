//! Every field that the service can get wrong, one at a time: ignored by a rule or told by an
//! event, and the next call is none the worse for it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::rig::{BARE, FULL, JINGLE_OFFER, LA1P, LA100, PEER, Rig, login_answer};
use crate::genesys::calls::MAX_CONVERSATIONS;
use crate::genesys::{CallDirection, CallState, Command, Dial, Event};
use crate::jingle::Reason;
use crate::machine::WsEvent;

const SDP: &str = r#"inin-sdp-over-xmpp="true""#;

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
    let leader = json!({"topicName": "t", "eventBody": {"connectionId": "c", "clientType": "d"}});
    let topics =
        [("station", station), ("persistentconnection", persistent), ("alertingleader", leader)];
    for (leaf, body) in topics {
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
    let body = json!({"id": "C1", "participants": crowd.clone()});
    rig.notify("v2.users.user-1.conversations", &body);
    assert_eq!(rig.client.size(), 1);
    rig.conv("C1", "inbound", "terminated");
    assert_eq!(rig.client.size(), 0);

    // Nor does it matter to whom is asked who we are, and what there is.
    let mut rig = Rig::busy();
    let body = json!({"id": "C1", "participants": crowd});
    rig.listing = Some(json!({"entities": [body, body, {"id": "C1"}]}));
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.login();
    rig.answer_listing();
    assert!(rig.client.size() < 10);
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
        // Conversations and their reports, the call's own, and early candidates.
        assert!(rig.client.size() <= 2 * MAX_CONVERSATIONS + 20, "{}", rig.client.size());
        if !rig.client.is_connected() {
            break;
        }
    }
    assert_eq!(pings, 2, "they go out in time");
    assert!(!rig.client.is_connected(), "and their silence is noticed");
}

#[test]
fn every_field_of_the_answers_about_calls() {
    let participant = json!({"id": "C1", "participants": [
        {"id": "P", "purpose": "agent", "userId": "user-1", "calls": [
            {"id": "K", "state": "alerting", "direction": "inbound"}]}]});
    let dialled = json!({"id": "C5", "selfUri": "/x"});
    let topics =
        json!({"entities": [{"id": "v2.x.y", "state": "Rejected", "rejectionReason": "no"}]});
    let reject = Command::RejectPendingSession { conversation: "C1".into() };
    let dial = Command::StartSoftphoneSession(Dial::number("1"));
    let subscribe = Command::Subscribe { topic: "v2.x.y".to_owned() };
    for (command, answer) in [(reject, participant), (dial, dialled), (subscribe, topics)] {
        let mut rig = Rig::on(LA100);
        for json in wrong(&answer) {
            rig.propose("M1", "C1", "");
            rig.forget();
            let id = rig.submit(command.clone()).unwrap();
            rig.wait(Duration::from_millis(100));
            let asked = rig.asked.pop_front().unwrap();
            rig.respond(asked.id, 200, &json);
            // Who we are was only half of it.
            if let Some(asked) = rig.asked.pop_front() {
                rig.respond(asked.id, 200, &Value::Null);
            }
            assert!(rig.completion(id).is_some(), "{command:?} {json}");
            rig.session_message(PEER, "retract", "M1");
            is_none_the_worse(&mut rig, &json);
        }
    }
}

#[test]
fn every_field_of_the_list_of_calls() {
    let listing = json!({"entities": [
        {"id": "C1", "participants": [
            {"id": "P-C1", "purpose": "agent", "userId": "user-1", "calls": [
                {"id": "K-C1", "state": "connected", "direction": "inbound"}]}]}]});
    let mut rig = Rig::busy();
    for json in wrong(&listing) {
        rig.forget();
        rig.listing = Some(json.clone());
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
        rig.login();
        rig.answer_listing();
        assert!(rig.client.is_connected(), "{json}");
    }
    is_none_the_worse(&mut rig, &Value::Null);
}

/// A frame with each of its attributes in turn left out, emptied, odd, or very long.
fn wrong_attributes(frame: &str) -> Vec<String> {
    let mut all = Vec::new();
    let quotes: Vec<_> = frame.match_indices("=\"").map(|(at, _)| at).collect();
    for at in quotes {
        let Some(begin) = frame[..at].rfind(' ') else { continue };
        let Some(end) = frame[at + 2..].find('"').map(|end| at + 2 + end) else { continue };
        all.push(format!("{}{}", &frame[..begin], &frame[end + 1..]));
        for value in ["", "odd", "-1", "99999999999999999999", "a@b@c/\u{0}", &"x".repeat(5000)] {
            all.push(format!("{}{value}{}", &frame[..at + 2], &frame[end..]));
        }
    }
    all
}

#[test]
fn every_attribute_of_a_stanza() {
    let propose = format!(
        r#"<message xmlns="jabber:client" from="{PEER}" to="{BARE}"><propose xmlns="urn:xmpp:jingle-message:0" id="M1" inin-cid="C1" inin-autoanswer="true" inin-sdp-over-xmpp="false" inin-priv-answer-mode="none" inin-original-room="r" inin-user-id="u"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose></message>"#
    );
    let jingle = |action: &str, inner: &str| {
        format!(
            r#"<iq xmlns="jabber:client" type="set" id="j" from="{PEER}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="M1" initiator="{PEER}">{inner}</jingle></iq>"#
        )
    };
    let candidate = r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra"><candidate component="1" foundation="1" generation="0" id="c" ip="127.0.0.1" network="0" port="9" priority="1" protocol="udp" type="host" rel-addr="127.0.0.1" rel-port="8"/></transport></content>"#;
    let offer = jingle("session-initiate", JINGLE_OFFER);
    let candidate = jingle("transport-info", candidate);
    let end = jingle("session-terminate", "<reason><success/></reason>");
    let frames = [&propose, &offer, &candidate, &end];
    for frame in frames {
        let mut rig = Rig::on(LA100);
        for odd in wrong_attributes(frame) {
            // What goes before it is as it should be.
            for before in frames.into_iter().take_while(|before| *before != frame) {
                rig.frame(before);
            }
            rig.frame(&odd);
            rig.frame(&end);
            rig.session_message(PEER, "retract", "M1");
            // What somebody else has offered, nobody ends but we.
            let session = "M1".into();
            let _ = rig.submit(Command::ForceTerminateSession { session, reason: Reason::Success });
            is_none_the_worse(&mut rig, &json!(odd));
        }
        rig.wait_acknowledging(Duration::from_secs(400));
        assert_eq!(rig.client.size(), 0, "{frame}");
    }
}

#[test]
fn values_that_nobody_has_heard_of_are_told_as_they_are() {
    let mut rig = Rig::busy();
    let odd = json!({"state": "teleporting", "direction": "sideways"});
    rig.conv_with("C1", "inbound", "", &odd, "astronaut");
    match rig.events.pop_front() {
        Some(Event::ConversationUpdate(update)) => {
            assert_eq!(update.current[0].state, CallState::Other("teleporting".to_owned()));
            assert_eq!(update.current[0].direction, CallDirection::Inbound);
        }
        other => panic!("{other:?}"),
    }
    // It is still our call, and ends as one.
    rig.conv("C1", "inbound", "connected");
    rig.forget();
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.told(), ["CallEnded C1", "ConversationUpdate +[] -[C1] =0"]);
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.rpc("terminate", &json!({"sessionId": "M1", "reason": "boredom"}));
    assert!(rig.told().iter().any(|told| told.starts_with("SessionEnded M1")));
}

/// Times are not read from what the service sends; what can go backwards is the state of a call,
/// and the clock that the machine is given.
#[test]
fn what_goes_backwards_does_no_harm() {
    let mut rig = Rig::busy();
    for state in ["dialing", "alerting", "contacting", "connected"] {
        rig.conv("C1", "inbound", state);
        assert!(rig.told().iter().all(|told| told.starts_with("ConversationUpdate +[] -[]")));
    }
    let before = rig.now;
    rig.now = rig.begun.checked_sub(Duration::from_secs(10)).unwrap_or(rig.begun);
    rig.conv_with("C1", "inbound", "connected", &json!({"held": true}), "agent");
    assert_eq!(rig.told(), ["ConversationUpdate +[] -[] =1"]);
    assert!(rig.wake.is_some_and(|wake| wake.at >= before), "no timer is in the past for it");
    rig.now = before;
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.told(), ["CallEnded C1", "ConversationUpdate +[] -[C1] =0"]);
    is_none_the_worse(&mut rig, &Value::Null);
}

#[test]
fn a_session_id_that_repeats_belongs_to_whom_the_offer_says() {
    let mut rig = Rig::on(LA100);
    rig.propose("M1", "C1", SDP);
    rig.propose("M1", "C2", SDP);
    assert_eq!(rig.told(), ["PendingSession M1 C1", "PendingSession M1 C2"]);
    rig.submit(Command::AcceptPendingSession { conversation: "C2".into() }).unwrap();
    rig.offer("M1", "C2");
    assert!(rig.told().contains(&"SessionStarted M1 C2".to_owned()));
    rig.session_message(PEER, "retract", "M1");
    assert_eq!(rig.told(), ["CancelPendingSession M1 C1"]);
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    rig.conv("C2", "inbound", "terminated");
    rig.forget();
    // What is said of it is said of both.
    rig.propose("M2", "C3", SDP);
    rig.propose("M2", "C4", SDP);
    rig.forget();
    rig.session_message(PEER, "retract", "M2");
    assert_eq!(rig.told(), ["CancelPendingSession M2 C3", "CancelPendingSession M2 C4"]);
    rig.wait_acknowledging(Duration::from_secs(200));
    assert_eq!(rig.client.size(), 0);
}
