//! Subscriptions at the model gateway, by requests and sockets in virtual time (w1, w2, w3, w8).

mod common;

use std::time::Duration;

use common::gateway::{START, Subscribed, basic, gate, path, wish};
use offhook_sim::service::{ConnId, Input, Output};
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;
const ALICE: &str = "alice@example.com";

fn code(body: &Value) -> Option<u64> {
    body["subscribeResponse"]["statusCode"].as_u64()
}

#[test]
fn w2_1_a_subscription_is_made_and_its_socket_opens() {
    let mut gate = gate();
    let alice = gate.client("alice", 1);
    let params = &alice.params;
    assert!(alice.path.starts_with("/rest/version/1/user/alice@example.com/subscription/"));
    assert!(alice.channel.starts_with("/rest/version/1/user/alice@example.com/websocket/"));
    assert_eq!(params["service"], json!(["call", "Presence", "IM", "custom"]));
    assert_eq!((&params["expires"], &params["clientCorrelator"]), (&json!(3600), &json!("c1")));
    assert_eq!(params["notificationType"], "WebSocket");
    assert!(params["turnCredentials"]["password"].is_string());
    assert!(params.get("sessionId").is_none());
    let (_, list) = gate.control("GET", "ribbon/subscriptions", &Value::Null);
    assert_eq!(list[0]["user"], ALICE);
    assert_eq!((&list[0]["socket"], &list[0]["queued"]), (&json!(true), &json!(0)));
    assert_eq!(gate.events("subscribed").len(), 1);
    assert_eq!(gate.events("ws-open").len(), 1);
    gate.assert_tidy();
}

#[test]
fn w2_1_expires_as_digits_and_only_what_is_needed() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    let wish = json!({"subscribeRequest": {
        "expires": "120", "service": ["CALL"], "notificationType": "WebSocket",
    }});
    let (status, body) = gate.rest(ALICE, "POST", "subscription", &wish);
    let params = &body["subscribeResponse"]["subscriptionParams"];
    assert_eq!((status, &params["expires"]), (201, &json!(120)));
    assert_eq!(params["service"], json!(["call"]));
    assert!(params.get("clientCorrelator").is_none());
}

#[test]
fn w8_19_the_life_time_is_clamped() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    for (most, asked, got) in
        [(86_400, 1, 60), (86_400, 100_000, 86_400), (600, 3600, 600), (20, 60, 20)]
    {
        gate.control("POST", "ribbon/options", &json!({"expiresMax": most}));
        let (_, body) = gate.rest(ALICE, "POST", "subscription", &wish(&["call"], asked, None));
        assert_eq!(body["subscribeResponse"]["subscriptionParams"]["expires"], got, "{asked}");
    }
}

#[test]
fn w1_5_credentials_that_are_wrong_old_or_missing() {
    let mut gate = gate();
    gate.user("alice", &json!({"authname": "al", "bearer": "old"}));
    gate.control("PATCH", "ribbon/users/alice@example.com", &json!({"bearer": "new"}));
    let mut ask = |headers: &[(&str, &str)]| {
        let body = wish(&["call"], 3600, Some("x")).to_string();
        let id = gate.ask_as("POST", &path(ALICE, "subscription"), headers, &body);
        let (status, body) = gate.answer(id).unwrap();
        (status, code(&body))
    };
    let right = basic("alice@example.com", "pw");
    assert_eq!(ask(&[("authorization", &right)]), (201, Some(0)));
    assert_eq!(ask(&[("authorization", &basic("al", "pw"))]), (201, Some(0)));
    assert_eq!(ask(&[("authorization", "Bearer new")]), (201, Some(0)));
    assert_eq!(ask(&[("authorization", "Bearer old")]), (403, Some(65)));
    assert_eq!(ask(&[("authorization", "Bearer what")]), (403, Some(4)));
    assert_eq!(ask(&[("authorization", &basic("alice@example.com", "no"))]), (403, Some(4)));
    assert_eq!(ask(&[("authorization", &basic("bob", "pw"))]), (403, Some(4)));
    assert_eq!(ask(&[]), (403, Some(61)));
    assert_eq!(gate.events("bad-request").len(), 0);
    for (state, refused) in [("disabled", 62), ("locked", 63)] {
        gate.control("PATCH", "ribbon/users/alice@example.com", &json!({"state": state}));
        let (status, body) = gate.rest(ALICE, "POST", "subscription", &wish(&["call"], 60, None));
        assert_eq!((status, code(&body)), (403, Some(refused)));
    }
}

#[test]
fn w1_5_somebody_unknown_is_answered_a_page() {
    let mut gate = gate();
    let id = gate.ask_as("POST", &path("eve@example.com", "subscription"), &[], "{}");
    let is_it = |output: &Output| matches!(output, Output::Respond { id: of, .. } if *of == id);
    let at = gate.outputs.iter().position(is_it).unwrap();
    let Output::Respond { response, .. } = gate.outputs.remove(at) else { unreachable!() };
    assert_eq!(response.status(), 403);
    assert!(response.headers()["content-type"].to_str().unwrap().contains("html"));
}

#[test]
fn w1_2_a_token_is_exchanged_for_a_session() {
    let mut gate = gate();
    gate.user("alice", &json!({"hmacKey": "key"}));
    // HMAC-SHA1 of {"authenticationTokenRequest":{"subscriberId":"alice","organizationId":"example.com"}}
    let token = "861c1e15537f2ee232bf2bd912b3b5618037ecb4";
    let body = wish(&["call"], 3600, None).to_string();
    let id = gate.ask_as("POST", &path(ALICE, "subscription"), &[("x-token", token)], &body);
    let (status, answer) = gate.answer(id).unwrap();
    let params = &answer["subscribeResponse"]["subscriptionParams"];
    let session = params["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(status, 201);
    let mut renew = |headers: &[(&str, &str)]| {
        let below = answer["subscribeResponse"]["subscription"].as_str().unwrap();
        let id = gate.ask_as("PUT", below, headers, &body);
        gate.answer(id).unwrap()
    };
    let (status, again) = renew(&[("x-session", &session)]);
    assert_eq!(status, 200);
    assert_eq!(again["subscribeResponse"]["subscriptionParams"]["sessionId"], session);
    assert_eq!(renew(&[("x-session", "another")]).0, 403);
    assert_eq!(renew(&[("x-token", "0")]).0, 403);
}

#[test]
fn w2_1_unknown_services_odd_correlators_and_too_many_sessions() {
    let mut gate = gate();
    gate.user("alice", &json!({"services": ["call", "event:presence"], "maxSessions": 2}));
    let mut ask = |services: &[&str], correlator: Option<&str>| {
        let body = wish(services, 60, correlator);
        let (status, body) = gate.rest(ALICE, "POST", "subscription", &body);
        let granted = body["subscribeResponse"]["subscriptionParams"]["service"].clone();
        (status, code(&body).unwrap(), granted)
    };
    assert_eq!(ask(&["call", "chess"], None), (400, 37, Value::Null));
    assert_eq!(ask(&["Presence"], None), (400, 37, Value::Null));
    assert_eq!(ask(&[], None), (400, 37, Value::Null));
    assert_eq!(ask(&["call"], Some("a b")), (400, 38, Value::Null));
    assert_eq!(ask(&["call"], Some(&"a".repeat(65))), (400, 38, Value::Null));
    // A part of what was asked for (w2.1).
    assert_eq!(ask(&["IM", "Event:Presence"], Some("a")), (201, 0, json!(["event:presence"])));
    assert_eq!(ask(&["call"], Some("b")), (201, 0, json!(["call"])));
    assert_eq!(ask(&["call"], Some("c")), (409, 19, Value::Null));
    assert_eq!(ask(&["call"], None), (409, 19, Value::Null));
    // One in use may be taken over.
    assert_eq!(ask(&["call"], Some("a")), (201, 0, json!(["call"])));
    assert_eq!(gate.events("subscribe-refused").len(), 7);
}

#[test]
fn w1_6_bodies_of_other_shapes_are_refused_and_told() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    for body in [
        json!(null),
        json!([]),
        json!({"subscribeRequest": {}}),
        json!({"subscribeRequest": {"expires": "soon", "service": ["call"], "notificationType": "WebSocket"}}),
        json!({"subscribeRequest": {"expires": 60, "service": [7], "notificationType": "WebSocket"}}),
        json!({"subscribeRequest": {"expires": 60, "service": ["call"]}}),
    ] {
        let (status, answer) = gate.rest(ALICE, "POST", "subscription", &body);
        assert_eq!((status, code(&answer)), (400, Some(5)), "{body}");
    }
    let long = json!({"pad": "x".repeat(1 << 20)});
    let (status, answer) = gate.rest(ALICE, "POST", "subscription", &long);
    assert_eq!((status, code(&answer)), (400, Some(5)));
    assert_eq!(gate.events("bad-request").len(), 7);
    let (status, _) = gate.rest(ALICE, "POST", "chess", &json!({}));
    assert_eq!((status, gate.events("unhandled-rest").len()), (400, 1));
}

#[test]
fn w2_4_a_renewal_by_correlator_or_path_brings_new_turn_credentials() {
    let mut gate = gate();
    let alice = gate.client("alice", 1);
    let mut seen = vec![alice.params["turnCredentials"]["password"].clone()];
    let by_path = alice.path.rsplit('/').next().unwrap().to_owned();
    for below in ["subscription/clientCorrelator/c1".to_owned(), format!("subscription/{by_path}")]
    {
        gate.wait(S(2000));
        let body = wish(&["call", "Presence", "IM", "custom"], 3600, None);
        let (status, body) = gate.rest(ALICE, "PUT", &below, &body);
        assert_eq!((status, code(&body)), (200, Some(0)));
        let body = &body["subscribeResponse"];
        assert_eq!(body["subscription"], alice.path);
        assert_eq!(body["subscriptionParams"]["notificationChannel"], alice.channel);
        let password = body["subscriptionParams"]["turnCredentials"]["password"].clone();
        assert!(!seen.contains(&password), "w8.22");
        seen.push(password);
    }
    assert_eq!(gate.events("renewed").len(), 2);
    let (_, body) =
        gate.rest(ALICE, "PUT", "subscription/clientCorrelator/c1", &wish(&["IM"], 3600, None));
    assert_eq!(body["subscribeResponse"]["subscriptionParams"]["service"], json!(["IM"]));
    assert_eq!(gate.events("updated").len(), 1);
    gate.assert_tidy();
}

#[test]
fn w8_20_one_that_expired_is_gone_and_its_renewal_is_404_39() {
    let mut gate = gate();
    let alice = gate.client("alice", 1);
    gate.wait(S(3599));
    assert_eq!(gate.kinds(1), Vec::<String>::new());
    gate.wait(S(2));
    assert_eq!(gate.kinds(1), ["gone"]);
    assert_eq!(gate.close_of(1), Some(Some(1000)));
    let body = wish(&["call"], 3600, None);
    for below in ["subscription/clientCorrelator/c1", "subscription/nobody"] {
        let (status, body) = gate.rest(ALICE, "PUT", below, &body);
        assert_eq!((status, code(&body)), (404, Some(39)));
    }
    gate.input(Input::SocketRequested { conn: ConnId(2), path: alice.channel });
    assert!(gate.outputs.iter().any(|o| matches!(o, Output::Refuse { status: 404, .. })));
    gate.assert_tidy();
}

#[test]
fn w8_17_the_same_correlator_overrides_the_client_that_is_there() {
    let mut gate = gate();
    let first = gate.client("alice", 1);
    let second = gate.subscribe(ALICE, Some("c1"), 2);
    assert_eq!(first.path, second.path);
    assert_ne!(first.channel, second.channel);
    assert_eq!(gate.kinds(1), ["websocketOverridden"]);
    assert_eq!(gate.close_of(1), None);
    gate.wait(S(1));
    assert_eq!(gate.close_of(1), Some(Some(1000)));
    assert_eq!(gate.kinds(2), Vec::<String>::new());
    // The old way in is none any more.
    gate.input(Input::SocketRequested { conn: ConnId(3), path: first.channel });
    assert_eq!(gate.events("ws-refused").len(), 1);
    // Others live side by side.
    gate.subscribe(ALICE, Some("other"), 4);
    gate.wait(S(1));
    assert_eq!((gate.kinds(2).len(), gate.close_of(2)), (0, None));
}

#[test]
fn w2_3_a_deletion_is_silent_for_whoever_made_it_and_told_to_another() {
    let mut gate = gate();
    let delete = |gate: &mut common::gateway::Gate, one: &Subscribed| {
        let below = format!("subscription/{}", one.path.rsplit('/').next().unwrap());
        gate.rest(ALICE, "DELETE", &below, &Value::Null)
    };
    let alice = gate.client("alice", 1);
    assert_eq!(delete(&mut gate, &alice), (204, Value::Null));
    gate.input(Input::SocketClosed { conn: ConnId(1) });
    assert_eq!(delete(&mut gate, &alice).0, 404);
    let again = gate.subscribe(ALICE, Some("c1"), 2);
    assert_eq!(delete(&mut gate, &again).0, 204);
    gate.wait(S(1));
    assert_eq!(gate.kinds(2), ["gone"]);
    assert_eq!(gate.close_of(2), Some(Some(1000)));
    let (_, list) = gate.rest(ALICE, "GET", "subscription", &Value::Null);
    assert_eq!(list, json!({"subscriptions": []}));
    gate.assert_tidy();
}

#[test]
fn w1_8_a_user_can_list_what_others_hold() {
    let mut gate = gate();
    let alice = gate.client("alice", 1);
    let (status, list) = gate.rest(ALICE, "GET", "subscription", &Value::Null);
    let one = json!({"subscription": alice.path, "clientCorrelator": "c1", "expires": 3600});
    assert_eq!((status, list), (200, json!({"subscriptions": [one]})));
}

fn send(gate: &mut common::gateway::Gate, n: u64) {
    let message = json!({"eventType": "custom", "n": n});
    let body = json!({"user": ALICE, "message": message});
    assert_eq!(gate.control("POST", "ribbon/notify", &body), (200, json!({"sent": 1})));
}

#[test]
fn w9_2_what_comes_before_the_socket_waits_for_it() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    let (_, body) = gate.rest(ALICE, "POST", "subscription", &wish(&["call"], 3600, None));
    for n in 0..3 {
        send(&mut gate, n);
    }
    let (_, list) = gate.control("GET", "ribbon/subscriptions", &Value::Null);
    assert_eq!((&list[0]["socket"], &list[0]["queued"]), (&json!(false), &json!(3)));
    let params = &body["subscribeResponse"]["subscriptionParams"];
    let path = params["notificationChannel"].as_str().unwrap().to_owned();
    gate.input(Input::SocketRequested { conn: ConnId(1), path });
    let told: Vec<_> = gate.notices(1).iter().map(|notice| notice["n"].as_u64().unwrap()).collect();
    assert_eq!(told, [0, 1, 2]);
}

#[test]
fn bound_with_more_than_200_waiting_a_subscription_is_gone() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    gate.rest(ALICE, "POST", "subscription", &wish(&["call"], 3600, Some("c")));
    for n in 0..200 {
        send(&mut gate, n);
    }
    send(&mut gate, 200);
    let (_, list) = gate.control("GET", "ribbon/subscriptions", &Value::Null);
    assert_eq!(list, json!([]));
    let body = wish(&["call"], 3600, None);
    let (status, _) = gate.rest(ALICE, "PUT", "subscription/clientCorrelator/c", &body);
    assert_eq!(status, 404);
}

#[test]
fn w8_9_w8_10_pings_are_answered_and_a_socket_that_falls_silent_is_closed() {
    let mut gate = gate();
    gate.client("alice", 1);
    for _ in 0..3 {
        gate.wait(S(30));
        gate.text(1, r#"{"message_type":"ping"}"#);
        assert_eq!(gate.notices(1), [json!({"message_type": "pong"})]);
    }
    gate.wait(S(89));
    assert_eq!(gate.close_of(1), None);
    gate.wait(S(2));
    assert_eq!(gate.close_of(1), Some(Some(1001)));
    assert_eq!(gate.events("ping").len(), 3);
    gate.text(1, "chess");
    // One that never pinged does not mean to.
    gate.subscribe(ALICE, Some("quiet"), 2);
    gate.wait(S(3000));
    assert_eq!(gate.close_of(2), None);
    gate.text(2, "chess");
    assert_eq!(gate.events("bad-frame").len(), 1);
}

#[test]
fn w3_1_envelopes_have_ids_of_nineteen_digits_times_and_statuses_in_both_places() {
    let mut gate = gate();
    gate.client("alice", 1);
    gate.wait(S(10));
    gate.control("POST", "ribbon/subscriptions/drop", &json!({"mode": "gone", "retryAfter": 500}));
    let notice = &gate.notices(1)[0];
    assert_eq!((&notice["eventType"], &notice["retryAfter"]), (&json!("gone"), &json!(500)));
    let id = notice["eventId"].as_str().unwrap();
    assert!(id.len() == 19 && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
    assert_eq!(notice["time"], START + 10_000);
}

#[test]
fn w3_1_times_and_codes_as_text_and_keys_that_nobody_reads() {
    let mut gate = gate();
    let options = json!({"timeAsText": true, "extraKeys": true, "codesAsText": true});
    let (_, told) = gate.control("POST", "ribbon/options", &options);
    assert_eq!((&told["timeAsText"], &told["extraKeys"]), (&json!(true), &json!(true)));
    gate.user("alice", &json!({}));
    let (_, body) = gate.rest(ALICE, "POST", "subscription", &wish(&["call"], 60, None));
    assert_eq!(body["subscribeResponse"]["statusCode"], "0");
    let channel = &body["subscribeResponse"]["subscriptionParams"]["notificationChannel"];
    let path = channel.as_str().unwrap().to_owned();
    gate.input(Input::SocketRequested { conn: ConnId(1), path });
    gate.control("POST", "ribbon/subscriptions/drop", &json!({"mode": "gone"}));
    let notice = &gate.notices(1)[0];
    assert!(notice["time"].as_str().unwrap().bytes().all(|b| b.is_ascii_digit()));
    assert_eq!((&notice["statusCode"], &notice["active"]), (&json!("0"), &json!("true")));
}

#[test]
fn control_drops_are_of_seven_kinds() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    for (n, mode, words, close, lives) in [
        (1, "tcp", 0, Some(None), true),
        (2, "close", 0, Some(Some(1006)), true),
        (3, "silent", 0, None, true),
        (4, "gone", 1, Some(Some(1000)), false),
        (5, "overridden", 1, Some(Some(1000)), true),
        (6, "expire", 1, Some(Some(1000)), false),
        (7, "forget", 0, None, false),
    ] {
        let correlator = format!("c{n}");
        gate.subscribe(ALICE, Some(&correlator), n);
        let body = json!({"correlator": correlator, "mode": mode, "code": 1006});
        assert_eq!(
            gate.control("POST", "ribbon/subscriptions/drop", &body).1,
            json!({"dropped": 1})
        );
        gate.wait(S(1));
        assert_eq!((gate.notices(n).len(), gate.close_of(n)), (words, close), "{mode}");
        let body = wish(&["call"], 3600, None);
        let below = format!("subscription/clientCorrelator/{correlator}");
        let (status, _) = gate.rest(ALICE, "PUT", &below, &body);
        assert_eq!(status, if lives { 200 } else { 404 }, "{mode}");
    }
    // What is said into a dead wire is lost, and nobody answers there.
    let body = json!({"user": ALICE, "message": {"eventType": "x"}, "correlator": "c3"});
    gate.control("POST", "ribbon/notify", &body);
    gate.text(3, r#"{"message_type":"ping"}"#);
    assert_eq!(gate.notices(3).len(), 0);
    let (status, _) = gate.control("POST", "ribbon/subscriptions/drop", &json!({"mode": "chess"}));
    assert_eq!(status, 400);
}

#[test]
fn w2_5_a_service_that_is_unavailable_says_when_in_the_body_or_a_header() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    let body = json!({"subscribeResponse": {"statusCode": 503, "retryAfter": 2000}});
    let faults = [
        json!({"method": "POST", "path": "/subscription$", "status": 503, "body": body}),
        json!({"path": "subscription", "status": 503, "headers": {"retry-after": 3}, "body": {}}),
        json!({"path": "subscription", "statusCode": 503}),
        json!({"path": "subscription", "statusCode": 17}),
    ];
    gate.control("POST", "ribbon/options", &json!({"retryAfterMs": 700}));
    for fault in &faults {
        assert_eq!(gate.control("POST", "ribbon/faults", fault).0, 200);
    }
    let mut ask = || gate.rest(ALICE, "POST", "subscription", &wish(&["call"], 60, None));
    assert_eq!(ask(), (503, body));
    assert_eq!(ask(), (503, json!({})));
    assert_eq!(ask().1["subscribeResponse"], json!({"statusCode": 503, "retryAfter": 700}));
    assert_eq!(ask(), (400, json!({"subscribeResponse": {"statusCode": 17}})));
    assert_eq!(ask().0, 201);
}

#[test]
fn faults_may_be_answered_after_all_was_done_and_late() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    let fault = json!({"path": "subscription", "status": 500, "effect": "before", "delayMs": 300});
    gate.control("POST", "ribbon/faults", &fault);
    let headers = [("authorization", &*basic(ALICE, "pw"))];
    let body = wish(&["call"], 60, None).to_string();
    let id = gate.ask_as("POST", &path(ALICE, "subscription"), &headers, &body);
    assert_eq!(gate.answer(id), None);
    let (_, list) = gate.control("GET", "ribbon/subscriptions", &Value::Null);
    assert_eq!(list.as_array().unwrap().len(), 1);
    gate.wait(MS(300));
    assert_eq!(gate.answer(id).unwrap().0, 500);
    // Late and right.
    gate.control("POST", "ribbon/faults", &json!({"path": "subscription", "delayMs": 50}));
    let id = gate.ask_as("POST", &path(ALICE, "subscription"), &headers, &body);
    gate.wait(MS(50));
    assert_eq!(gate.answer(id).unwrap().0, 201);
}

#[test]
fn w8_36_each_request_is_redirected_once() {
    let mut gate = gate();
    gate.user("alice", &json!({}));
    gate.control("POST", "ribbon/options", &json!({"redirect": 307}));
    let headers = [("authorization", &*basic(ALICE, "pw"))];
    let mut ask = |path: &str| {
        let body = wish(&["call"], 60, None).to_string();
        let id = gate.ask_as("POST", path, &headers, &body);
        let is_it = |output: &Output| matches!(output, Output::Respond { id: of, .. } if *of == id);
        let at = gate.outputs.iter().position(is_it).unwrap();
        let Output::Respond { response, .. } = gate.outputs.remove(at) else { unreachable!() };
        let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (response.status().as_u16(), location)
    };
    let (status, location) = ask(&path(ALICE, "subscription"));
    assert_eq!(status, 307);
    assert_eq!(ask(&location.unwrap()), (201, None));
    assert_eq!(
        ask(&path(ALICE, "subscription?a=b")).1.unwrap(),
        path(ALICE, "subscription?a=b&redirected=1")
    );
    assert_eq!(gate.events("redirected").len(), 2);
}

#[test]
fn weather_delays_duplicates_drops_and_reorders() {
    let mut gate = gate();
    gate.client("alice", 1);
    let numbers = |gate: &mut common::gateway::Gate| -> Vec<u64> {
        gate.notices(1).iter().map(|notice| notice["n"].as_u64().unwrap()).collect()
    };
    gate.control("POST", "ribbon/weather", &json!({"delayMs": [100, 300]}));
    (0..50).for_each(|n| send(&mut gate, n));
    gate.wait(MS(99));
    assert!(numbers(&mut gate).is_empty());
    gate.wait(MS(201));
    assert_eq!(numbers(&mut gate), (0..50).collect::<Vec<_>>(), "late, and in order");
    gate.control("POST", "ribbon/weather", &json!({"delayMs": [0, 0], "duplicate": 1}));
    (0..5).for_each(|n| send(&mut gate, n));
    gate.wait(S(1));
    let mut twice = numbers(&mut gate);
    twice.sort_unstable();
    assert_eq!(twice, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    gate.control("POST", "ribbon/weather", &json!({"duplicate": 0, "reorder": 0.5}));
    (0..50).for_each(|n| send(&mut gate, n));
    gate.wait(S(1));
    let mixed = numbers(&mut gate);
    assert!(mixed.len() == 50 && !mixed.is_sorted(), "{mixed:?}");
    gate.control("POST", "ribbon/weather", &json!({"reorder": 0, "drop": 1}));
    send(&mut gate, 1);
    gate.control("POST", "ribbon/subscriptions/drop", &json!({"mode": "gone"}));
    gate.wait(S(1));
    assert_eq!(gate.kinds(1), ["gone"], "a last word comes in any weather");
    for body in [json!({"drop": "often"}), json!({"delayMs": 7}), json!({"delayMs": [1]})] {
        assert_eq!(gate.control("POST", "ribbon/weather", &body).0, 400);
    }
}

#[test]
fn control_reset_forgets_everybody() {
    let mut gate = gate();
    gate.client("alice", 1);
    assert_eq!(gate.control("POST", "reset", &json!({})).0, 200);
    assert_eq!(gate.close_of(1), Some(None));
    assert_eq!(gate.control("GET", "ribbon/users", &Value::Null).1, json!([]));
    assert_eq!(gate.control("GET", "ribbon/subscriptions", &Value::Null).1, json!([]));
    let (_, health) = gate.control("GET", "health", &Value::Null);
    assert!(health["features"].as_array().unwrap().contains(&json!("ribbon")));
}

#[test]
fn w2_6_a_token_in_the_address_of_a_socket_is_the_users_or_none() {
    let mut gate = gate();
    gate.client("alice", 1);
    gate.control("PATCH", "ribbon/users/alice@example.com", &json!({"bearer": "old/token"}));
    let mut one = gate.subscribe(ALICE, Some("other"), 2);
    let channel = one.channel.clone();
    gate.control("PATCH", "ribbon/users/alice@example.com", &json!({"bearer": "new/token"}));
    for (query, refused) in
        [("", false), ("?access_token=new%2Ftoken", false), ("?access_token=old%2Ftoken", true)]
    {
        one.conn += 1;
        let (conn, path) = (ConnId(one.conn), format!("{channel}{query}"));
        gate.input(Input::SocketRequested { conn, path });
        let is_it = |output: &Output| matches!(output, Output::Refuse { conn, status: 401 } if conn.0 == one.conn);
        assert_eq!(gate.outputs.iter().any(is_it), refused, "{query}");
    }
    let refused = gate.events("ws-refused");
    assert_eq!((refused.len(), &refused[0]["status"]), (1, &json!(401)));
    assert_eq!(refused[0]["path"], channel, "without the token");
}
