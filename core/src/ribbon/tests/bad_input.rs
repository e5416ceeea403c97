//! Answers and notifications of every wrong shape, as no gateway should send them. Each has an error or an event
//! of its own, and leaves the client as it was or at rest.

use serde_json::{Value, json};

use super::rig::{Rig, answer_sdp, done, sdp, subscribed};
use super::steps::{S, answer, collect, hold, incoming, make, tell, up};
use crate::machine::{HttpId, Input, WsEvent};
use crate::ribbon::{CallState, Command, ErrorCode, Event, HoldState, Outcome, Service};

/// Bodies that are no answer, and what makes them so.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let whole = serde_json::to_vec(&subscribed(&json!(["call"]))).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    vec![
        ("empty", Vec::new()),
        ("no JSON", b"<html>busy</html>".to_vec()),
        ("no text", vec![0xff, 0xfe, 0x00]),
        ("truncated", half),
        ("a list", b"[]".to_vec()),
        ("a number", b"7".to_vec()),
        ("null", b"null".to_vec()),
        ("another object", br#"{"other": {"x": 1}}"#.to_vec()),
        ("wrong types", br#"{"subscribeResponse": [1], "callControlResponse": 7}"#.to_vec()),
        (
            "wrong inside",
            br#"{"subscribeResponse": {"subscription": 7, "subscriptionParams": "x"},
               "callControlResponse": {"sessionData": {"a": 1}, "state": []}}"#
                .to_vec(),
        ),
        ("deep", deep.into_bytes()),
        ("1 MiB", vec![b'x'; 1 << 20]),
        ("1 MiB of JSON", format!("\"{}\"", "x".repeat((1 << 20) - 2)).into_bytes()),
        ("more than 1 MiB", vec![b' '; (1 << 20) + 1]),
    ]
}

fn respond(rig: &mut Rig, id: HttpId, status: u16, body: &[u8]) {
    let response = http::Response::builder().status(status).body(body.to_vec()).unwrap();
    rig.input(Input::Http { id, result: Ok(response) });
}

#[test]
fn w1_4_a_subscription_answered_by_nonsense_fails_and_leaves_nothing() {
    for (what, body) in bodies() {
        for status in [200, 201, 404, 500, 503] {
            let mut rig = Rig::new();
            rig.log_in();
            let services = vec![Service::Call];
            let command = rig.submit(Command::Subscribe { services, correlator: None }).unwrap();
            let asked = rig.take();
            respond(&mut rig, asked.id, status, &body);
            let result = rig.completion(command);
            let error = result.unwrap_or_else(|| panic!("{what} {status}")).unwrap_err();
            assert!(error.message.len() <= 1024, "{what} {status}");
            assert_eq!(rig.client.remembered(), 0, "{what} {status}");
            assert!(rig.sockets.is_empty() && rig.asked.is_empty(), "{what} {status}");
        }
    }
}

#[test]
fn w1_4_a_renewal_answered_by_nonsense_is_tried_again_and_the_subscription_stands() {
    for (what, body) in bodies() {
        let mut rig = Rig::up();
        rig.pass(S(2160));
        let asked = rig.take_of("PUT");
        respond(&mut rig, asked.id, 200, &body);
        assert_eq!(rig.told(), ["renewed 1 failed"], "{what}");
        assert_eq!(rig.client.subscriptions().subscribed, [Service::Call], "{what}");
        rig.pass(S(1080));
        let asked = rig.take_of("PUT");
        rig.respond(asked.id, 200, &subscribed(&json!(["call"])));
        assert_eq!(rig.told(), ["renewed 2 ok"], "{what}");
    }
}

#[test]
fn w1_4_a_call_whose_making_is_answered_by_nonsense_ends_with_the_error() {
    for (what, body) in bodies() {
        for status in [200, 201, 403, 500] {
            let mut rig = Rig::up();
            let command = rig.submit(make("bob")).unwrap();
            collect(&mut rig);
            let asked = rig.take_of("callStart");
            respond(&mut rig, asked.id, status, &body);
            let result = rig.completion(command);
            assert!(result.unwrap_or_else(|| panic!("{what} {status}")).is_err());
            assert_eq!(rig.client.calls()[0].state, CallState::Ended, "{what} {status}");
            assert_eq!(rig.client.remembered(), 1, "{what} {status}");
        }
    }
}

#[test]
fn w1_4_a_change_answered_by_nonsense_fails_or_waits_and_leaves_the_call_as_it_was() {
    for (what, body) in bodies() {
        for status in [200, 500] {
            let mut rig = Rig::up();
            let call = up(&mut rig, "S1");
            let command = rig.submit(hold(&call)).unwrap();
            collect(&mut rig);
            let asked = rig.take_of("startCallUpdate");
            respond(&mut rig, asked.id, status, &body);
            rig.pass(S(50));
            rig.answer_audits();
            let result = rig.completion(command);
            assert!(result.unwrap_or_else(|| panic!("{what} {status}")).is_err());
            let info = rig.call(&call);
            assert_eq!((info.state, info.hold), (CallState::Connected, HoldState::Connected));
            assert!(info.operations.is_empty(), "{what} {status}");
        }
    }
}

#[test]
fn w1_4_answers_ends_and_audits_answered_by_nonsense_leave_nothing_behind() {
    for (what, body) in bodies() {
        let mut rig = Rig::up();
        let call = incoming(&mut rig, "S1", Some(sdp("sendrecv")));
        let asked = rig.take_of("ringing");
        respond(&mut rig, asked.id, 200, &body);
        let command = rig.submit(answer(&call)).unwrap();
        collect(&mut rig);
        let asked = rig.take_of("callAnswer");
        respond(&mut rig, asked.id, 500, &body);
        assert!(rig.completion(command).unwrap().is_err(), "{what}");
        assert!(!rig.call(&call).state.is_up(), "{what}");
        let asked = rig.take_of("audit");
        respond(&mut rig, asked.id, 404, &body);
        assert!(!rig.call(&call).state.is_final(), "{what}: it says nothing of the call");
        let command = rig.submit(Command::Resync { call: call.clone() }).unwrap();
        let asked = rig.take_of("GET");
        respond(&mut rig, asked.id, 200, &body);
        assert!(rig.completion(command).is_some(), "{what}");
        rig.submit(Command::End { call: call.clone() }).unwrap();
        let asked = rig.take_of("DELETE");
        respond(&mut rig, asked.id, 200, &body);
        rig.asked.clear();
        rig.pass(S(100));
        assert!(rig.asked.is_empty() && rig.client.remembered() == 1, "{what}");
    }
}

#[test]
fn w2_2_a_subscription_whose_address_of_notifications_is_none_fails() {
    for channel in ["", "x", "//other.test/x", "/a b", "/a#b", "http://other.test/"] {
        let mut rig = Rig::new();
        rig.log_in();
        let services = vec![Service::Call];
        let command = rig.submit(Command::Subscribe { services, correlator: None }).unwrap();
        let asked = rig.take();
        let mut body = subscribed(&json!(["call"]));
        body["subscribeResponse"]["subscriptionParams"]["notificationChannel"] = channel.into();
        rig.respond(asked.id, 201, &body);
        let error = rig.completion(command).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Protocol, "{channel:?}");
        assert!(rig.sockets.is_empty() && rig.client.remembered() == 0);
    }
}

#[test]
fn w2_2_a_socket_that_is_neither_opened_nor_refused_is_given_up() {
    let mut rig = Rig::new();
    rig.log_in();
    let services = vec![Service::Call];
    let command = rig.submit(Command::Subscribe { services, correlator: None }).unwrap();
    rig.answer_subscription();
    // Nobody says anything of any attempt.
    rig.pass(S(60));
    assert!(rig.completion(command).unwrap().is_err());
    let asked = rig.take_of("DELETE /subscription/8f3c");
    rig.respond(asked.id, 500, &json!({}));
    rig.pass(S(3600));
    assert!(rig.asked.is_empty() && rig.client.remembered() == 0);
    assert_eq!(rig.closed.len(), 5);
}

/// Takes a text on the socket that leaves the client as it is; the events of it.
fn passed_over(rig: &mut Rig, text: &str) -> Vec<Event> {
    let before = (rig.client.calls(), rig.client.subscriptions(), rig.client.remembered());
    rig.told();
    rig.text(text);
    let after = (rig.client.calls(), rig.client.subscriptions(), rig.client.remembered());
    assert_eq!(after, before, "{}", &text[..text.len().min(80)]);
    assert!(rig.asked.is_empty());
    rig.events.drain(..).collect()
}

#[test]
fn w3_1_notifications_of_every_wrong_shape_are_told_or_passed_over() {
    let mut rig = Rig::up();
    up(&mut rig, "S1");
    let wrap = |message: Value| json!({"notificationMessage": message}).to_string();
    let long = "x".repeat(256 * 1024);
    let mut id = 1000;
    let mut next = || {
        id += 1;
        id
    };
    for message in [
        json!({"eventType": "call", "eventId": next()}),
        json!({"eventType": "call", "eventId": next(), "sessionParams": []}),
        json!({"eventType": "call", "eventId": next(), "sessionParams": {"sessionData": 7.5e300}}),
        json!({"eventType": "callEnd", "eventId": next(), "sessionParams": {"sessionData": {}}}),
        json!({"eventType": "callEnd", "eventId": next(), "sessionParams": {"sessionData": ""}}),
        json!({"eventType": 7, "eventId": next()}),
        json!({"eventType": null, "eventId": next()}),
        json!({}),
        json!([]),
        json!("text"),
    ] {
        passed_over(&mut rig, &wrap(message));
    }
    for text in ["", "x", "{", "{}", "[]", "null", "7", r#"{"message_type": "pong"}"#, &long] {
        let told = passed_over(&mut rig, text);
        assert!(told.len() <= 1, "{told:?}");
    }
    // A description of any kind is no end of the call that is up.
    for text in
        ["x", "v=0\r\n", &"a=x\r\n".repeat(20_000), &sdp("sendrecv").replace("opus", "none")]
    {
        tell(&mut rig, "startCallUpdate", "S1", Some(text.to_owned()));
        let asked = rig.take_of("respondCallUpdate491");
        rig.respond(asked.id, 200, &done());
        assert_eq!(rig.client.calls()[0].state, CallState::Connected);
        assert!(rig.client.calls()[0].operations.is_empty());
    }
}

#[test]
fn w3_3_what_nobody_here_reads_reaches_the_application_whole() {
    let mut rig = Rig::up();
    let message =
        json!({"notificationMessage": {"eventType": "trying", "eventId": "n1", "x": [1]}});
    let told = passed_over(&mut rig, &message.to_string());
    let [Event::Notification { message: text }] = &told[..] else { panic!("{told:?}") };
    let text: Value = serde_json::from_str(text).unwrap();
    let whole = text == message || text == message["notificationMessage"];
    assert!(whole, "{text}");
    // The same once more is no news.
    assert!(passed_over(&mut rig, &message.to_string()).is_empty());
}

#[test]
fn w3_2_what_comes_twice_late_or_for_nobody_changes_nothing() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    let end = json!({"notificationMessage": {
        "eventType": "callEnd", "eventId": "e1", "sessionParams": {"sessionData": "S1"},
    }});
    for kind in
        ["ringing", "sessionProgress", "respondCallUpdate", "sessionComplete", "sessionFail"]
    {
        // Late, for a call that is up.
        tell(&mut rig, kind, "S1", Some(answer_sdp("sendrecv")));
        assert!(rig.told().is_empty(), "{kind}");
        // Of a session that nobody knows.
        tell(&mut rig, kind, "S77", Some(answer_sdp("sendrecv")));
        assert!(rig.told().is_empty(), "{kind}");
    }
    rig.text(&end.to_string());
    assert_eq!(rig.call(&call).state, CallState::Ended);
    rig.told();
    rig.text(&end.to_string());
    for kind in ["call", "startCallUpdate", "callEnd", "callCancel", "respondCallUpdate"] {
        tell(&mut rig, kind, "S1", Some(sdp("sendrecv")));
        assert!(rig.told().is_empty() && rig.asked.is_empty(), "{kind}: the session ended");
    }
    assert_eq!(rig.client.remembered(), 1);
}

#[test]
fn w2_6_binary_late_and_strange_sockets_are_passed_over() {
    let mut rig = Rig::up();
    let id = rig.ws.unwrap();
    let strange = crate::machine::WsId(999);
    for event in [
        WsEvent::Opened { protocol: None },
        WsEvent::Text("x".to_owned()),
        WsEvent::Closed { code: None, reason: String::new() },
    ] {
        rig.input(Input::WebSocket { id: strange, event });
    }
    assert!(rig.told().is_empty() && rig.client.socket().is_connected());
    rig.input(Input::Http { id: HttpId(999), result: Ok(http::Response::new(Vec::new())) });
    rig.submit(Command::Unsubscribe { services: vec![Service::Call] }).unwrap();
    let asked = rig.take_of("DELETE");
    // What comes of it now is nothing any more.
    let text = json!({"notificationMessage": {"eventType": "call", "eventId": "z",
        "sessionParams": {"sessionData": "S1", "sdp": sdp("sendrecv")}}});
    rig.input(Input::WebSocket { id, event: WsEvent::Text(text.to_string()) });
    assert!(rig.client.calls().is_empty());
    rig.respond(asked.id, 204, &Value::Null);
    rig.respond(asked.id, 204, &Value::Null);
    assert_eq!(rig.client.remembered(), 0);
}

#[test]
fn ra_015_so_many_commands_wait_and_one_more_is_refused() {
    let mut rig = Rig::new();
    rig.log_in();
    let services = vec![Service::Call];
    let first = rig.submit(Command::Subscribe { services, correlator: None }).unwrap();
    rig.answer_subscription();
    rig.open();
    assert_eq!(rig.completion(first), Some(Ok(Outcome::Done)));
    let calls: Vec<_> = (0..33).map(|n| up(&mut rig, &format!("S{n}"))).collect();
    let asks = calls.iter().flat_map(|call| std::iter::repeat_n(call.clone(), 32));
    let results: Vec<_> =
        asks.map(|call| rig.submit(Command::Resync { call }).map_err(|error| error.code)).collect();
    let open = results.iter().filter(|result| result.is_ok()).count();
    let refused = results.into_iter().find_map(Result::err).unwrap();
    assert_eq!((refused, open), (ErrorCode::Busy, 1024));
    rig.submit(Command::Destroy).unwrap();
}
