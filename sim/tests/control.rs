//! The control API, route by route, as `docs/protocol/emulator.md` fixes it.

mod common;

use std::time::Duration;

use common::desk::Desk;
use serde_json::{Value, json};

fn with_user() -> (Desk, String) {
    let mut desk = Desk::new();
    let (status, user) = desk.control("POST", "users", &json!({"name": "Ada", "token": "t"}));
    assert_eq!(status, 200);
    (desk, user["userId"].as_str().unwrap().to_owned())
}

fn ring(desk: &mut Desk, user: &str) -> String {
    let (status, call) = desk.control("POST", "calls", &json!({"kind": "inbound", "userId": user}));
    assert_eq!(status, 200, "{call}");
    call["conversationId"].as_str().unwrap().to_owned()
}

#[test]
fn health_tells_features() {
    let (status, health) = Desk::new().control("GET", "health", &Value::Null);
    assert_eq!(status, 200);
    for feature in ["sdp-over-xmpp", "participant", "external-far-end"] {
        assert!(health["features"].as_array().unwrap().contains(&json!(feature)), "{feature}");
    }
}

#[test]
fn unknown_ids_and_routes_are_not_found() {
    let (mut desk, user) = with_user();
    for (method, path) in [
        ("GET", "calls/nobody"),
        ("GET", "calls/nobody/media"),
        ("POST", "calls/nobody/cancel"),
        ("POST", "calls/nobody/hangup"),
        ("POST", "calls/nobody/participant"),
        ("GET", "nothing"),
        ("DELETE", "health"),
        ("PATCH", "users/nobody"),
        ("POST", ""),
    ] {
        let (status, _) = desk.control(method, path, &json!({}));
        assert_eq!(status, 404, "{method} {path}");
    }
    let (status, _) = desk.control("POST", "calls/nobody/elsewhere", &json!({"how": "accept"}));
    assert_eq!(status, 404);
    let (status, _) = desk.control("POST", "calls", &json!({"kind": "inbound", "userId": "x"}));
    assert_eq!(status, 404);
    let call = ring(&mut desk, &user);
    for (path, body) in [
        (format!("calls/{call}/elsewhere"), json!({"how": "perhaps"})),
        (format!("calls/{call}/far-end"), json!({"mode": "sing"})),
        ("calls".to_owned(), json!({"kind": "outbound", "userId": user})),
        ("calls".to_owned(), json!({"userId": user, "signaling": "smoke"})),
        ("faults".to_owned(), json!({"path": "[", "status": 500})),
        ("faults".to_owned(), json!({"path": "x"})),
        ("stanza".to_owned(), json!({})),
    ] {
        let (status, _) = desk.control("POST", &path, &body);
        assert_eq!(status, 400, "{path} {body}");
    }
}

#[test]
fn a_user_is_what_was_asked_for() {
    let mut desk = Desk::new();
    let wish = json!({"userId": "u9", "name": "Bob", "token": "secret", "station": null});
    let (status, user) = desk.control("POST", "users", &wish);
    assert_eq!(status, 200);
    assert_eq!((&user["userId"], &user["token"]), (&json!("u9"), &json!("secret")));
    assert_eq!(user["stationId"], Value::Null);
    assert!(user["jid"].as_str().unwrap().contains('@'));
    let (status, me) = desk.api("secret", "GET", "users/me?expand=station", &Value::Null);
    assert_eq!((status, &me["id"]), (200, &json!("u9")));
    assert_eq!(me["station"], json!({}));
    let (status, _) = desk.api("wrong", "GET", "users/me", &Value::Null);
    assert_eq!(status, 401);

    let wish = json!({"station": {"persistent": true, "lineAppearances": 100}});
    let (_, user) = desk.control("POST", "users", &wish);
    let token = user["token"].as_str().unwrap();
    let path = format!("stations/{}", user["stationId"].as_str().unwrap());
    let (status, station) = desk.api(token, "GET", &path, &Value::Null);
    assert_eq!(status, 200);
    assert_eq!(station["webRtcPersistentEnabled"], true);
    assert_eq!(station["webRtcCallAppearances"], 100);
}

#[test]
fn a_call_that_rings_can_be_looked_at_given_up_and_looked_at_again() {
    let (mut desk, user) = with_user();
    let id = ring(&mut desk, &user);
    let (_, call) = desk.control("GET", &format!("calls/{id}"), &Value::Null);
    assert_eq!((&call["state"], &call["direction"]), (&json!("alerting"), &json!("inbound")));
    assert_eq!(call["userId"], json!(user));
    let (_, media) = desk.control("GET", &format!("calls/{id}/media"), &Value::Null);
    assert_eq!(media["packetsReceived"], 0);
    let (status, _) = desk.control("POST", &format!("calls/{id}/cancel"), &json!({}));
    assert_eq!(status, 200);
    let (_, call) = desk.control("GET", &format!("calls/{id}"), &Value::Null);
    assert_eq!(call["state"], "terminated");
    let (status, _) = desk.control("POST", &format!("calls/{id}/hangup"), &json!({}));
    assert_eq!(status, 200, "once more is no matter");
}

#[test]
fn a_call_that_nobody_answers_ends_by_itself() {
    let (mut desk, user) = with_user();
    let id = ring(&mut desk, &user);
    desk.wait(Duration::from_secs(119));
    let (_, call) = desk.control("GET", &format!("calls/{id}"), &Value::Null);
    assert_eq!(call["state"], "alerting");
    desk.wait(Duration::from_secs(2));
    let (_, call) = desk.control("GET", &format!("calls/{id}"), &Value::Null);
    assert_eq!(call["state"], "terminated");
    assert_eq!(desk.wake, None, "and then nothing is left to do");
}

#[test]
fn events_are_numbered_filtered_and_waited_for() {
    let (mut desk, user) = with_user();
    let waiting = desk.ask("GET", "/control/events?wait=5000&type=call-ringing", "", "");
    assert_eq!(desk.answer(waiting), None);
    let id = ring(&mut desk, &user);
    let (status, body) = desk.answer(waiting).expect("answered as soon as it rings");
    assert_eq!(status, 200);
    assert_eq!(body["events"][0]["conversationId"], json!(id));
    let next = body["next"].as_u64().unwrap();
    let later = desk.ask("GET", &format!("/control/events?after={next}&wait=1000"), "", "");
    desk.wait(Duration::from_millis(999));
    assert_eq!(desk.answer(later), None);
    desk.wait(Duration::from_millis(1));
    assert_eq!(desk.answer(later), Some((200, json!({"events": [], "next": next}))));
}

#[test]
fn a_fault_answers_so_often_and_no_more() {
    let (mut desk, _) = with_user();
    let fault = json!({"method": "get", "path": "/users/me$", "status": 429,
        "headers": {"Retry-After": 3}, "body": {"code": "slow.down"}, "times": 2});
    assert_eq!(desk.control("POST", "faults", &fault).0, 200);
    for _ in 0..2 {
        let (status, body) = desk.api("t", "GET", "users/me", &Value::Null);
        assert_eq!((status, &body["code"]), (429, &json!("slow.down")));
    }
    assert_eq!(desk.api("t", "GET", "users/me", &Value::Null).0, 200);
}

#[test]
fn a_reset_forgets_everything() {
    let (mut desk, user) = with_user();
    let id = ring(&mut desk, &user);
    desk.control("POST", "options", &json!({"stun": false}));
    desk.control("POST", "faults", &json!({"path": "organizations", "status": 500}));
    assert_eq!(desk.control("POST", "reset", &json!({})).0, 200);
    assert_eq!(desk.control("GET", &format!("calls/{id}"), &Value::Null).0, 404);
    assert_eq!(desk.api("t", "GET", "users/me", &Value::Null).0, 401);
    desk.control("POST", "users", &json!({"token": "t"}));
    assert_eq!(desk.api("t", "GET", "organizations/me", &Value::Null).0, 200);
    let (_, options) = desk.control("POST", "options", &json!({}));
    assert_eq!(options["stun"], true);
}

#[test]
fn users_calls_and_requests_are_bounded() {
    let (mut desk, user) = with_user();
    let mut refused = None;
    for n in 0..3000 {
        let body = json!({"kind": "inbound", "userId": user});
        let (status, _) = desk.control("POST", "calls", &body);
        desk.outputs.clear();
        if status != 200 {
            refused = Some(n);
            break;
        }
    }
    assert_eq!(refused, Some(2000), "calls that are not over stay");
    let (status, _) = desk.control("GET", "health", &Value::Null);
    assert_eq!(status, 200);
    desk.wait(Duration::from_secs(121));
    desk.outputs.clear();
    ring(&mut desk, &user);
}

#[test]
fn faults_that_wait_can_be_taken_back() {
    let (mut desk, _) = with_user();
    desk.control("POST", "faults", &json!({"path": "/users/me$", "status": 500}));
    assert_eq!(desk.control("DELETE", "faults", &json!({})).0, 200);
    assert_eq!(desk.api("t", "GET", "users/me", &Value::Null).0, 200);
}

#[test]
fn wire_8_1_a_guests_code_is_redeemed_for_a_jwt() {
    let mut desk = Desk::new();
    let (status, guest) = desk.control("POST", "guests", &Value::Null);
    assert_eq!(status, 200);
    let redeem = |desk: &mut Desk, organization: &Value, code: &Value| {
        let body = json!({"organizationId": organization, "addCommunicationCode": code});
        desk.api("", "POST", "conversations/codes", &body)
    };
    let (status, redeemed) = redeem(&mut desk, &guest["organizationId"], &guest["code"]);
    assert_eq!(status, 200);
    assert_eq!(redeemed["jwt"], guest["jwt"]);
    assert_eq!(redeemed["conversation"]["id"], guest["conversationId"]);
    assert_eq!(redeem(&mut desk, &json!("another"), &guest["code"]).0, 404);
    assert_eq!(redeem(&mut desk, &guest["organizationId"], &json!("000000")).0, 404);
    let expected = (1..2000).take_while(|_| desk.control("POST", "guests", &Value::Null).0 == 200);
    assert_eq!(expected.count(), 999, "guests are bounded");
}

#[test]
fn wire_8_6_only_a_connection_that_can_ring_leads() {
    let (mut desk, user) = with_user();
    assert_eq!(desk.api("t", "GET", "users/alertingleader", &Value::Null).0, 404);
    let claim = json!({"connectionId": "nobody"});
    assert_eq!(desk.api("t", "PUT", "users/alertingleader", &claim).0, 400);
    let path = format!("apps/users/{user}/connections/nobody");
    assert_eq!(desk.api("t", "PATCH", &path, &json!({"alertable": true})).0, 404);
}

#[test]
fn a_token_and_an_address_are_one_users() {
    let (mut desk, ada) = with_user();
    let (status, refused) = desk.control("POST", "users", &json!({"name": "Eve", "token": "t"}));
    assert_eq!((status, &refused["code"]), (409, &json!("conflict")), "{refused}");
    let (_, users) = desk.control("GET", "users", &Value::Null);
    let (_, bob) = desk.control("POST", "users", &json!({"name": "Bob", "token": "b"}));
    let change = json!({"token": "t"});
    let path = format!("users/{}", bob["userId"].as_str().unwrap());
    assert_eq!(desk.control("PATCH", &path, &change).0, 409, "nor later");
    let jid = &users["users"][0]["jid"];
    assert_eq!(desk.control("POST", "users", &json!({"jid": jid})).0, 409);
    let again = json!({"userId": ada, "token": "t", "name": "Ada L."});
    assert_eq!(desk.control("POST", "users", &again).0, 200, "it may be made anew itself");
    let (_, me) = desk.api("t", "GET", "users/me", &Value::Null);
    assert_eq!(me["id"], json!(ada));
}

#[test]
fn users_and_calls_are_listed() {
    let (mut desk, user) = with_user();
    let (_, calls) = desk.control("GET", "calls", &Value::Null);
    assert_eq!(calls, json!({"calls": []}));
    let ids = [ring(&mut desk, &user), ring(&mut desk, &user)];
    desk.control("POST", &format!("calls/{}/cancel", ids[0]), &json!({}));
    let (_, calls) = desk.control("GET", "calls", &Value::Null);
    let listed = |n: usize| (&calls["calls"][n]["conversationId"], &calls["calls"][n]["state"]);
    assert_eq!(listed(0), (&json!(ids[0]), &json!("terminated")));
    assert_eq!(listed(1), (&json!(ids[1]), &json!("alerting")));
    let (_, users) = desk.control("GET", "users", &Value::Null);
    assert_eq!(users["users"][0]["userId"], json!(user));
    assert_eq!((&users["users"][0]["token"], &users["users"][1]), (&json!("t"), &Value::Null));
}

#[test]
fn lengths_of_names_are_bounded() {
    let (mut desk, user) = with_user();
    let long = "n".repeat(256);
    for body in [
        json!({"name": long}),
        json!({"userId": long}),
        json!({"userId": ""}),
        json!({"token": "t".repeat(5000)}),
        json!({"token": ""}),
        json!({"jid": format!("{}@lab.test", "j".repeat(300))}),
    ] {
        assert_eq!(desk.control("POST", "users", &body).0, 400, "{body}");
    }
    let call = |from: Value| json!({"userId": user, "from": from});
    assert_eq!(desk.control("POST", "calls", &call(json!({"name": long}))).0, 400);
    assert_eq!(desk.control("POST", "calls", &call(json!({"address": long}))).0, 400);
    assert_eq!(desk.control("POST", "calls", &json!({"userId": user, "purpose": long})).0, 400);
    let dial = json!({"phoneNumber": "1".repeat(256)});
    assert_eq!(desk.api("t", "POST", "conversations/calls", &dial).0, 400);
    let id = ring(&mut desk, &user);
    for fields in [json!({"note": "x".repeat(5000)}), json!({long.clone(): 1})] {
        let (status, _) = desk.control("POST", &format!("calls/{id}/participant"), &fields);
        assert_eq!(status, 400);
    }
}

#[test]
fn wire_4_9_a_call_tells_who_calls_whom_through_which_queue() {
    let (mut desk, user) = with_user();
    let call = json!({
        "userId": user, "called": "tel:+15550199", "from": {"name": "Ada", "address": "tel:+15550123"},
        "queue": {"id": "q", "name": "Sales"}, "attributes": {"case": "17"},
    });
    let (status, made) = desk.control("POST", "calls", &call);
    assert_eq!(status, 200, "{made}");
    let id = made["conversationId"].as_str().expect("an id");
    let (_, told) = desk.api("t", "GET", &format!("conversations/{id}"), &Value::Null);
    let [them, queue, us] = &told["participants"].as_array().expect("participants")[..] else {
        panic!("{told}")
    };
    assert_eq!((&them["name"], &them["ani"]), (&json!("Ada"), &json!("tel:+15550123")));
    assert_eq!(
        (&them["dnis"], &them["attributes"]),
        (&json!("tel:+15550199"), &json!({"case": "17"}))
    );
    assert_eq!((&queue["purpose"], &queue["name"]), (&json!("acd"), &json!("Sales")));
    assert_eq!((&us["queueId"], &us["userId"]), (&json!("q"), &json!(user)));
    for wrong in [
        json!({"attributes": {"a": 1}}),
        json!({"attributes": {"a": "v".repeat(1025)}}),
        json!({"attributes": []}),
        json!({"queue": {"name": "n".repeat(256)}}),
        json!({"called": "1".repeat(256)}),
    ] {
        let mut body = wrong.clone();
        body["userId"] = json!(user);
        assert_eq!(desk.control("POST", "calls", &body).0, 400, "{wrong}");
    }
}

#[test]
fn topics_are_those_that_there_are_part_by_part() {
    let (mut desk, user) = with_user();
    let (_, other) = desk.control("POST", "users", &json!({"userId": "u.2", "token": "b"}));
    assert_eq!(other["userId"], "u.2");
    let (_, channel) = desk.api("t", "POST", "notifications/channels", &json!({}));
    let path = format!("notifications/channels/{}/subscriptions", channel["id"].as_str().unwrap());
    let topics = json!([
        {"id": format!("v2.users.{user}?conversations&nonsense")},
        {"id": "v2.users.u.2.conversations"}, {"id": "v2.users.nobody.conversations"},
        {"id": "v2.conversations.c1.media"}, {"id": "nonsense"},
        {"id": format!("v2.users.{user}?{}", "station&".repeat(100))},
    ]);
    let (status, answer) = desk.api("t", "PUT", &path, &topics);
    assert_eq!(status, 200);
    let states: Vec<_> =
        answer["entities"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    let (yes, no) = ("Permitted", "Rejected");
    assert_eq!(states, [yes, no, yes, no, yes, no, no], "{answer}");
    assert_eq!(desk.api("b", "PUT", &path, &topics).0, 404, "a channel is one user's");
}
