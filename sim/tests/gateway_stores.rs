//! Stores beside calls at the model gateway: history, contacts, directory, presence, messages, events,
//! voicemail, devices (w5).

mod common;

use std::time::Duration;

use common::gateway::{Gate, gate, wish};
use common::phones::{Lab, sdp, session};
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;
const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

fn two() -> Gate {
    let mut gate = gate();
    gate.client("alice", 1);
    gate.client("bob", 2);
    gate
}

fn code(body: &Value) -> u64 {
    body.as_object().unwrap().values().next().unwrap()["statusCode"].as_u64().unwrap()
}

#[test]
fn w5_1_calls_that_are_over_are_told_and_forgotten_on_demand() {
    let mut lab = Lab::of_two();
    let a = lab.call(0, BOB);
    let call = lab.wait(1, "call");
    let answer = lab.answer(1, &sdp(&call));
    lab.put(1, &session(&call), &json!({"type": "callAnswer", "sdp": answer}));
    lab.run(S(12));
    lab.delete(0, &a);
    lab.renew(0);
    let a = lab.call(0, BOB);
    lab.wait(1, "call");
    lab.delete(0, &a);
    let items = |lab: &mut Lab, phone: usize, query: &str| -> Vec<Value> {
        let (status, body) = lab.rest(phone, "GET", &format!("logHistory?{query}"), &Value::Null);
        assert_eq!((status, code(&body)), (200, 0));
        let items = body["logHistory"]["logItems"].as_array().unwrap();
        items.iter().map(|item| item["params"].clone()).collect()
    };
    let bobs = items(&mut lab, 1, "count=50&startIndex=0");
    let told: Vec<_> =
        bobs.iter().map(|r| (r["direction"].clone(), r["duration"].clone())).collect();
    assert_eq!(told, [(json!("missed"), json!("0")), (json!("incoming"), json!("12000"))]);
    assert_eq!(bobs[0]["callerDisplayNumber"], ALICE);
    assert_eq!(items(&mut lab, 0, "")[1]["direction"], "outgoing");
    assert_eq!(items(&mut lab, 0, "count=1&startIndex=1").len(), 1);
    let place = bobs[0]["resourceLocation"].as_str().unwrap();
    assert_eq!(
        place,
        common::gateway::path(BOB, &format!("logRecord/{}", bobs[0]["recordId"].as_str().unwrap()))
    );
    let below = format!("logRecord/{}", bobs[0]["recordId"].as_str().unwrap());
    assert_eq!(lab.rest(1, "DELETE", &below, &Value::Null).0, 204);
    let (status, body) = lab.rest(1, "DELETE", &below, &Value::Null);
    assert_eq!((status, code(&body)), (404, 42));
    assert_eq!(items(&mut lab, 1, "").len(), 1);
    assert_eq!(lab.rest(1, "DELETE", "logHistory", &Value::Null).0, 204);
    assert!(items(&mut lab, 1, "").is_empty());
    lab.gate.assert_tidy();
}

#[test]
fn w8_37_without_a_call_log_there_is_no_history() {
    let mut gate = two();
    gate.control("PATCH", "ribbon/users/alice@example.com", &json!({"callLog": false}));
    let (status, body) = gate.rest(ALICE, "GET", "logHistory", &Value::Null);
    assert_eq!((status, body), (403, json!({"logHistory": {"statusCode": 35}})));
    let change = json!({"callLog": true, "history": [{"direction": "missed", "duration": "0"}]});
    gate.control("PATCH", "ribbon/users/alice@example.com", &change);
    let (_, body) = gate.rest(ALICE, "GET", "logHistory", &Value::Null);
    assert_eq!(body["logHistory"]["logItems"][0]["params"]["direction"], "missed");
}

#[test]
fn w5_3_contacts_come_and_go() {
    let mut gate = two();
    let book = |entry: Value| json!({"addressBookRequest": {"addressBookEntries": [entry]}});
    let entry = json!({"nickname": "Bob Ünal", "primaryContact": BOB, "firstName": "Bob"});
    let (status, body) = gate.rest(ALICE, "POST", "addressbook/contacts/", &book(entry.clone()));
    assert_eq!(
        (status, &body["addressBookResponse"]["addressBookEntries"]),
        (201, &json!([entry]))
    );
    let changed = json!({"nickname": "Bob Ünal", "firstName": "Robert"});
    let encoded = "addressbook/contacts/Bob%20%C3%9Cnal";
    assert_eq!(gate.rest(ALICE, "PUT", encoded, &book(changed.clone())).0, 200);
    for below in ["addressbook", encoded] {
        let (_, body) = gate.rest(ALICE, "GET", below, &Value::Null);
        assert_eq!(body["addressBookResponse"]["addressBookEntries"], json!([changed]));
    }
    let (_, body) = gate.rest(BOB, "GET", "addressbook", &Value::Null);
    assert_eq!(body["addressBookResponse"]["addressBookEntries"], json!([]));
    assert_eq!(gate.rest(ALICE, "DELETE", encoded, &Value::Null).0, 200);
    assert_eq!(gate.rest(ALICE, "DELETE", encoded, &Value::Null).0, 404);
    gate.assert_tidy();
    for n in 0..1001 {
        let entry = json!({"nickname": format!("n{n}")});
        let (status, body) = gate.rest(ALICE, "POST", "addressbook/contacts", &book(entry));
        let bound = if n < 1000 { (201, 0) } else { (400, 37) };
        assert_eq!((status, code(&body)), bound, "{n}");
    }
}

#[test]
fn w5_4_people_are_found_by_five_criteria() {
    let mut gate = two();
    gate.control("PATCH", "ribbon/users/bob@example.com", &json!({"displayName": "Bob Baker"}));
    let mut find = |query: &str| {
        let (_, body) = gate.rest(ALICE, "GET", &format!("directory?{query}"), &Value::Null);
        body["directory"]["directoryItems"].as_array().unwrap().len()
    };
    assert_eq!(find("criteria=bo&criteriaType=1"), 1);
    assert_eq!(find("criteria=baker&criteriaType=2"), 1);
    assert_eq!(find("criteria=b%20b&criteriaType=3"), 1);
    assert_eq!(find("criteria=613&criteriaType=4"), 0);
    assert_eq!(find("criteria=bob@example.com&criteriaType=5"), 1);
    assert_eq!(find("criteria=bo&criteriaType=5"), 0);
    let shown = json!({"directory": [{"userId": "x", "workPhone": "613"}]});
    gate.control("PATCH", "ribbon/users/alice@example.com", &shown);
    let (_, body) = gate.rest(ALICE, "GET", "directory?criteria=613&criteriaType=4", &Value::Null);
    assert_eq!(body["directory"]["directoryItems"][0]["userId"], "x");
    gate.assert_tidy();
}

fn presence(notice: &Value) -> (String, String, String) {
    let params = &notice["presenceWatcherNotificationParams"];
    let text = |key: &str| params[key].as_str().unwrap().to_owned();
    (text("name"), text("status"), text("activity"))
}

#[test]
fn w5_5_presence_is_watched_fetched_and_told() {
    let mut gate = two();
    let watch =
        |action: &str| json!({"presenceWatcherRequest": {"userList": [BOB], "action": action}});
    let bobs =
        |status: &str, activity: &str| (BOB.to_owned(), status.to_owned(), activity.to_owned());
    gate.rest(ALICE, "POST", "presenceWatcher", &watch("get"));
    assert_eq!(presence(&gate.notices(1)[0]), bobs("open", "active"), "subscribing opens");
    let set = |status: &str, activity: &str| json!({"presenceRequest": {"status": status, "activity": activity, "note": "n"}});
    gate.rest(BOB, "POST", "presence", &set("closed", "lunch"));
    assert_eq!(gate.notices(1).len(), 0, "nobody watches");
    gate.rest(ALICE, "POST", "presenceWatcher", &watch("watch"));
    assert_eq!(presence(&gate.notices(1)[0]), bobs("closed", "lunch"));
    gate.rest(BOB, "POST", "presence", &set("open", "away"));
    let told = gate.notices(1);
    assert_eq!(presence(&told[0]), bobs("open", "away"));
    assert_eq!(told[0]["presenceWatcherNotificationParams"]["note"], "n");
    let change = json!({"presence": {"status": "open", "activity": "busy"}});
    gate.control("PATCH", "ribbon/users/bob@example.com", &change);
    assert_eq!(presence(&gate.notices(1)[0]), bobs("open", "busy"));
    gate.rest(ALICE, "POST", "presenceWatcher", &watch("stopwatch"));
    gate.rest(BOB, "POST", "presence", &set("open", "active"));
    assert_eq!(gate.notices(1).len(), 0);
    gate.assert_tidy();
    let (status, body) = gate.rest(BOB, "POST", "presence", &set("ajar", "active"));
    assert_eq!((status, code(&body)), (400, 37));
    assert_eq!(gate.rest(ALICE, "POST", "presenceWatcher", &watch("stare")).0, 400);
    let many: Vec<_> = (0..1001).map(|n| n.to_string()).collect();
    let many = json!({"presenceWatcherRequest": {"userList": many, "action": "watch"}});
    assert_eq!(gate.rest(ALICE, "POST", "presenceWatcher", &many).0, 400);
}

#[test]
fn w8_38_whoever_watches_is_told_of_those_on_the_phone() {
    let mut lab = Lab::of_two();
    let carol = lab.phone("carol");
    let watch = json!({"presenceWatcherRequest": {"userList": [ALICE, BOB], "action": "watch"}});
    lab.rest(carol, "POST", "presenceWatcher", &watch);
    lab.run(S(1));
    lab.told(carol);
    let a = lab.call(0, BOB);
    let call = lab.wait(1, "call");
    let answer = lab.answer(1, &sdp(&call));
    lab.put(1, &session(&call), &json!({"type": "callAnswer", "sdp": answer}));
    lab.run(S(1));
    lab.delete(0, &a);
    lab.run(S(1));
    let mut told: Vec<_> = lab.phones[carol].notices.iter().map(presence).collect();
    told.sort();
    let one =
        |user: &str, activity: &str| (user.to_owned(), "open".to_owned(), activity.to_owned());
    assert_eq!(
        told,
        [
            one(ALICE, "active"),
            one(ALICE, "on-the-phone"),
            one(BOB, "active"),
            one(BOB, "on-the-phone")
        ]
    );
}

#[test]
fn w5_5_messages_reach_all_clients_of_a_user() {
    let mut gate = two();
    gate.subscribe(BOB, Some("more"), 3);
    let message = |to: &str| json!({"imRequest": {"charset": "UTF-8", "toUrl": to, "message": "hi", "type": "A2"}});
    let (status, body) =
        gate.rest(ALICE, "POST", "instantmessage", &message("sip:bob@example.com"));
    assert_eq!(status, 200);
    assert!(body["imResponse"]["messageId"].is_string());
    for conn in [2, 3] {
        let notice = &gate.notices(conn)[0];
        let params = json!({"msgText": "hi", "primaryContact": "sip:alice@example.com"});
        assert_eq!(
            (&notice["eventType"], &notice["imnotificationParams"]),
            (&json!("IM"), &params)
        );
    }
    assert_eq!(gate.rest(ALICE, "POST", "instantmessage", &message("+1613")).0, 200);
    assert_eq!(gate.events("im").len(), 2);
    gate.rest(ALICE, "POST", "externalnotification", &json!({"x": 1}));
    assert_eq!(gate.kinds(1), ["custom"]);
    let click = json!({"clickToCallRequest": {"callingParty": ALICE, "calledParty": BOB}});
    let (status, body) = gate.rest(ALICE, "POST", "clicktocall", &click);
    assert_eq!((status, body), (200, json!({"ctcResponse": {"statusCode": 0}})));
    gate.assert_tidy();
    let click = json!({"clickToCallRequest": {"callingParty": ALICE}});
    assert_eq!(gate.rest(ALICE, "POST", "clicktocall", &click).0, 400);
}

#[test]
fn w5_5_event_subscriptions_are_made_changed_and_expire() {
    let mut gate = two();
    let ask = |more: Value| {
        let mut request = json!({"eventType": "event:presence"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"eventSubscriptionRequest": request})
    };
    let first = ask(json!({"subscribeUserList": [BOB], "clientCorrelator": "c"}));
    let (status, body) = gate.rest(ALICE, "POST", "eventSubscription", &first);
    assert_eq!((status, code(&body)), (403, 35), "the service is not subscribed to");
    let body = wish(&["call", "event:presence"], 3600, Some("c1"));
    gate.rest(ALICE, "PUT", "subscription/clientCorrelator/c1", &body);
    let (status, body) = gate.rest(ALICE, "POST", "eventSubscription", &first);
    let body = &body["eventSubscriptionResponse"];
    assert_eq!((status, &body["expires"]), (201, &json!(3600)));
    let below = format!("eventSubscription/{}", body["sessionData"].as_str().unwrap());
    let change =
        ask(json!({"subscribeUserList": ["c"], "unsubscribeUserList": [BOB], "expires": 60}));
    assert_eq!(gate.rest(ALICE, "PUT", &below, &change).0, 200);
    assert_eq!(gate.events("sip-subscribed")[1]["users"], json!(["c"]));
    assert_eq!(gate.rest(BOB, "PUT", &below, &change).0, 404, "another's");
    gate.wait(S(61));
    assert_eq!(gate.rest(ALICE, "PUT", &below, &change).0, 404, "it expired");
    let (_, body) = gate.rest(ALICE, "POST", "eventSubscription", &first);
    let session = body["eventSubscriptionResponse"]["sessionData"].as_str().unwrap();
    assert_eq!(
        gate.rest(ALICE, "DELETE", &format!("eventSubscription/{session}"), &Value::Null).0,
        204
    );
    gate.assert_tidy();
}

#[test]
fn w5_5_voicemail_and_devices() {
    let mut gate = two();
    let (_, body) = gate.rest(ALICE, "GET", "voicemail", &Value::Null);
    assert_eq!(
        (&body["mwiresponse"]["mwi"], &body["mwiresponse"]["totalVoice"]),
        (&json!("no"), &json!("0"))
    );
    let change = json!({"mwi": {"mwi": "yes", "unheardVoice": "1", "chess": 1}});
    gate.control("PATCH", "ribbon/users/alice@example.com", &change);
    let notice = &gate.notices(1)[0];
    assert_eq!(
        (&notice["eventType"], &notice["mwiNotificationParam"]["unheardVoice"]),
        (&json!("mwi"), &json!("1"))
    );
    let (_, body) = gate.rest(ALICE, "GET", "voicemail", &Value::Null);
    assert_eq!(
        (&body["mwiresponse"]["mwi"], &body["mwiresponse"]["chess"]),
        (&json!("yes"), &Value::Null)
    );
    let device = json!({"bundleID": "b", "deviceToken": "t"});
    let (status, body) = gate.rest(ALICE, "POST", "push/google/devices/", &device);
    assert_eq!(status, 201);
    let path = body["googleDeviceRegistrationResponse"]["registration"].as_str().unwrap();
    let below = path.split("alice@example.com/").nth(1).unwrap().to_owned();
    assert_eq!(gate.rest(ALICE, "DELETE", &below, &Value::Null).0, 200);
    assert_eq!(gate.rest(ALICE, "DELETE", &below, &Value::Null).0, 404);
    gate.assert_tidy();
    // Beside the users' resources as well.
    let headers = [("authorization", &*common::gateway::basic(ALICE, "pw"))];
    let id = gate.ask_as("POST", "/rest/version/1/push/apple/devices/", &headers, "{}");
    assert_eq!(gate.answer(id).unwrap().0, 201);
    let id = gate.ask_as("POST", "/rest/version/1/push/apple/devices/", &[], "{}");
    assert_eq!(gate.answer(id).unwrap().0, 404);
    // The oldest of too many devices goes.
    let mut first = String::new();
    for n in 0..33 {
        let (_, body) = gate.rest(ALICE, "POST", "push/apple/devices/", &device);
        let path = body["appleDeviceRegistrationResponse"]["registration"].as_str().unwrap();
        if n == 0 {
            first = path.split("alice@example.com/").nth(1).unwrap().to_owned();
        }
    }
    assert_eq!(gate.rest(ALICE, "DELETE", &first, &Value::Null).0, 404);
}
