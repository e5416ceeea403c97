//! Requests of w2, w4.0 and w5, and what is read of their answers.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::rest::Resource;
use crate::ribbon::wire::resources::calls::{self, Offered, SessionRequest};
use crate::ribbon::wire::resources::directory::{self, Criterion};
use crate::ribbon::wire::resources::presence::Watch;
use crate::ribbon::wire::resources::push::{self, Registered, Token};
use crate::ribbon::wire::resources::subscription::Subscription;
use crate::ribbon::wire::resources::{GivenPath, Resources};
use crate::ribbon::wire::resources::{contacts, history, messages, sip, voicemail};
use crate::ribbon::{
    Activity, AuthCode, CustomParameter, Error, ErrorCode, Service, SessionData, Status, UserId,
};

const ROOT: &str = "rest/version/1/user/alice@example.com";
const HOUR: Duration = Duration::from_secs(3600);

fn resources() -> Resources {
    Resources::new(&"alice@example.com".into())
}

/// Compares a request: method and path below the user's, and the body.
fn same(resource: &Resource, line: &str, body: Value) {
    let (method, path) = line.split_once(' ').unwrap();
    assert_eq!((resource.method.as_str(), &*resource.path), (method, &*format!("{ROOT}/{path}")));
    assert_eq!(resource.body.clone().unwrap_or_default(), body);
}

fn answer() -> Value {
    json!({"subscribeResponse": {
        "statusCode": 0,
        "subscription": "/rest/version/1/user/alice@example.com/subscription/8f3c",
        "subscriptionParams": {
            "notificationChannel": "/rest/version/1/user/alice@example.com/websocket/8f3c",
            "notificationType": "WebSocket",
            "service": ["call", "Presence"],
            "expires": "1800",
            "clientCorrelator": "abc123",
            "sessionId": "s3ss",
            "turnCredentials": {"username": "u", "password": "p4ss"},
        },
    }})
}

fn subscription(answer: &Value) -> Result<Subscription, Error> {
    let asked = [Service::Call, Service::Im];
    Subscription::read("POST subscription", answer.to_string().as_bytes(), &asked, HOUR)
}

#[test]
fn ra_098_w2_1_a_subscription_is_asked_for_and_read() {
    let services = [Service::Call, Service::Im];
    let mut expected = json!({"subscribeRequest": {
        "expires": 3600,
        "service": ["call", "IM"],
        "localization": "English_US",
        "useTurn": true,
        "notificationType": "WebSocket",
        "supported": ["RingingFeedback"],
    }});
    let resources = resources();
    same(&resources.subscribe(&services, HOUR, None), "POST subscription", expected.clone());
    let there = subscription(&answer()).unwrap();
    let renewed = resources.resubscribe(&there, &services, HOUR);
    same(&renewed, "PUT subscription/clientCorrelator/abc123", expected.clone());
    let nameless = Subscription { correlator: None, ..there.clone() };
    let renewed = resources.resubscribe(&nameless, &services, HOUR);
    same(&renewed, "PUT subscription/8f3c", expected.clone());
    same(&Resources::unsubscribe(&there.path), "DELETE subscription/8f3c", Value::Null);
    same(&resources.subscriptions(), "GET subscription", Value::Null);
    expected["subscribeRequest"]["clientCorrelator"] = json!("abc123");
    same(&resources.subscribe(&services, HOUR, Some("abc123")), "POST subscription", expected);

    assert_eq!(there.channel.as_str(), format!("/{ROOT}/websocket/8f3c"));
    assert_eq!(
        (&*there.services, there.expires.as_secs()),
        (&[Service::Call, Service::Presence][..], 1800)
    );
    assert!(there.has(&Service::from("PRESENCE")) && !there.has(&Service::Im));
    assert_eq!(there.session.as_ref().unwrap().expose(), "s3ss");
    assert_eq!(there.turn.as_ref().unwrap().password.expose(), "p4ss");
    let shown = format!("{there:?}");
    assert!(!shown.contains("s3ss") && !shown.contains("p4ss"));
}

#[test]
fn ra_098_w2_1_what_is_used_of_the_answer_must_be_there_and_what_is_skipped_need_not() {
    let without = |pointer: &str, key: &str| {
        let mut answer = answer();
        answer.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
        subscription(&answer)
    };
    let (top, params) = ("/subscribeResponse", "/subscribeResponse/subscriptionParams");
    for (pointer, key) in
        [(top, "subscription"), (top, "subscriptionParams"), (params, "notificationChannel")]
    {
        let error = without(pointer, key).unwrap_err();
        assert_eq!(error.code, ErrorCode::Protocol);
        assert!(error.message.contains(key), "{}", error.message);
    }
    assert_eq!(without(params, "service").unwrap().services, [Service::Call, Service::Im]);
    assert_eq!(without(params, "expires").unwrap().expires, HOUR);
    assert_eq!(without(params, "turnCredentials").unwrap().turn, None);
    assert!(without(top, "statusCode").is_ok());
    for (code, fine) in
        [(json!(2), true), (json!("0"), true), (json!(4), false), (json!(39), false)]
    {
        let mut answer = answer();
        answer["subscribeResponse"]["statusCode"] = code;
        let read = subscription(&answer);
        assert!(fine || read.as_ref().unwrap_err().code == AuthCode::SubscribeFailed.into());
        assert_eq!(read.is_ok(), fine);
    }
    let mut none = answer();
    none["subscribeResponse"]["subscriptionParams"]["service"] = json!([]);
    assert!(subscription(&none).unwrap().services.is_empty());
    for path in ["//evil.example/x", "https://evil.example/x", "x", "", "/a b", "/\u{e9}", "/a\\b"]
    {
        assert_eq!(GivenPath::new(path, "GET x").unwrap_err().code, ErrorCode::Protocol, "{path}");
    }
}

#[test]
fn ra_015_w4_1_a_call_is_made() {
    let what = Offered { sdp: "v=0", parameters: &[] };
    let make = resources().make("sip:alice@example.com", "sip:bob@example.com", false, what);
    let mut request = json!({"callControlRequest": {
        "type": "callStart", "from": "sip:alice@example.com", "to": "sip:bob@example.com", "sdp": "v=0",
    }});
    same(&make, "POST callControl", request.clone());
    let parameters = [CustomParameter::new("X-GPS", "1,2")];
    let what = Offered { sdp: "v=0", parameters: &parameters };
    let make = resources().make("sip:alice@example.com", "sip:bob@example.com", true, what);
    request["callControlRequest"]["supported"] = json!(["earlymedia"]);
    request["callControlRequest"]["customParameters"] = json!([{"name": "X-GPS", "value": "1,2"}]);
    same(&make, "POST callControl", request);
    let session = |body: Value| calls::session("POST callControl", body.to_string().as_bytes());
    let good = json!({"callControlResponse": {"statusCode": 0, "sessionData": "S1"}});
    assert_eq!(session(good).unwrap().as_str(), "S1");
    for odd in
        [json!({}), json!([]), json!({"callControlResponse": {"sessionData": "x".repeat(256)}})]
    {
        assert_eq!(session(odd).unwrap_err().code, ErrorCode::Protocol);
    }
    assert!(calls::session("POST callControl", b"").is_err(), "204 does not say it either");
}

#[test]
fn w4_0_each_request_about_a_session() {
    let (session, other) = (SessionData::from("S/1"), SessionData::from("S2"));
    let what = Offered { sdp: "v=0", parameters: &[] };
    let parameters = [CustomParameter::new("a", "b")];
    let to = "sip:carol@example.com";
    for (request, body) in [
        (SessionRequest::Ringing, json!({"type": "ringing"})),
        (SessionRequest::Answer(what), json!({"type": "callAnswer", "sdp": "v=0"})),
        (SessionRequest::Update(what), json!({"type": "startCallUpdate", "sdp": "v=0"})),
        (SessionRequest::Respond(what), json!({"type": "respondCallUpdate", "sdp": "v=0"})),
        (SessionRequest::Refuse, json!({"type": "respondCallUpdate", "statusCode": "491"})),
        (SessionRequest::Transfer { to }, json!({"type": "transfer", "address": to})),
        (
            SessionRequest::Consult { other: &other, to },
            json!({"type": "transfer", "sessionData": "S2", "address": to}),
        ),
        (
            SessionRequest::Parameters(&parameters),
            json!({"type": "sendCustomHeaders", "customParameters": [{"name": "a", "value": "b"}]}),
        ),
        (SessionRequest::Audit, json!({"type": "audit"})),
    ] {
        let resource = resources().session(&session, request);
        let line = "PUT callControl/callSessions/S%2F1";
        same(&resource, line, json!({"callControlRequest": body}));
    }
    let resources = resources();
    same(&resources.end(&other), "DELETE callControl/callSessions/S2", Value::Null);
    same(&resources.status(&other), "GET callControl/callSessions/S2", Value::Null);
    let reject = json!({"callDispositionRequest": {"action": "reject", "sessionData": "S2"}});
    same(&resources.reject(&other), "POST calldisposition", reject);
    let forward = json!({"callDispositionRequest":
                         {"action": "forward", "sessionData": "S2", "address": to}});
    same(&resources.forward(&other, to), "POST calldisposition", forward);
    let join = json!({"callControlRequest": {"type": "join", "firstSessionData": "S/1",
                      "secondSessionData": "S2", "sdp": "v=0"}});
    same(&resources.join(&session, &other, what), "POST callControl", join);
    let answered = |state: Value| {
        let body = json!({"callControlResponse": {"state": state}}).to_string();
        calls::is_answered("GET x", body.as_bytes()).unwrap()
    };
    assert!(answered(json!("ANSWERED")) && !answered(json!("RINGING")) && !answered(json!(1)));
}

#[test]
fn ra_044_ra_045_ra_046_w5_1_the_history() {
    let resources = resources();
    same(&resources.history(50, 10), "GET logHistory?count=50&startIndex=10", Value::Null);
    same(&resources.remove_record(&"a/1".into()), "DELETE logRecord/a%2F1", Value::Null);
    same(&resources.clear_history(), "DELETE logHistory", Value::Null);
    let body = json!({"logHistory": {"statusCode": 0, "logItems": [
        {"type": "CallLog", "params": {"recordId": "1027986", "startTime": "1518768317000",
         "duration": "0", "direction": "missed", "callerDisplayNumber": "x@y", "resourceLocation": "/z"}},
        7,
    ]}});
    let body = body.to_string();
    let (records, cut) = history::records("GET logHistory", body.as_bytes()).unwrap();
    assert_eq!((records.len(), cut), (2, 0));
    assert_eq!((records[0].id.as_str(), records[0].start.0), ("1027986", Some(1_518_768_317_000)));
    assert_eq!((records[0].duration.0, records[1].id.as_str()), (Some(0), ""));
}

#[test]
fn ra_054_ra_057_ra_058_ra_059_ra_060_w5_3_the_address_book() {
    let resources = resources();
    let mut entry = contacts::Fields::new();
    entry.insert("nickname".to_owned(), "bob".to_owned());
    entry.insert("fax".to_owned(), String::new());
    let body = json!({"addressBookRequest": {"addressBookEntries": [{"nickname": "bob"}]}});
    same(&resources.add_contact(&entry), "POST addressbook/contacts/", body.clone());
    let id = "b b".into();
    same(&resources.update_contact(&id, &entry), "PUT addressbook/contacts/b%20b", body);
    same(&resources.remove_contact(&id), "DELETE addressbook/contacts/b%20b", Value::Null);
    same(&resources.contact(&id), "GET addressbook/contacts/b%20b", Value::Null);
    same(&resources.contacts(), "GET addressbook", Value::Null);
    let body = json!({"addressBookResponse": {"addressBookEntries":
                      [{"nickname": "bob", "friendStatus": true, "x": {}}, []]}});
    let (entries, cut) = contacts::read_entries("GET x", body.to_string().as_bytes()).unwrap();
    assert_eq!((entries.len(), cut), (2, 0));
    assert_eq!((&*entries[0]["nickname"], &*entries[0]["friendStatus"]), ("bob", "true"));
}

#[test]
fn ra_105_ra_108_w5_4_the_directory() {
    let resources = resources();
    let wanted = [
        Criterion::FirstName,
        Criterion::LastName,
        Criterion::Name,
        Criterion::PhoneNumber,
        Criterion::UserId,
    ];
    for (criterion, number) in wanted.into_iter().zip(1..) {
        let line = format!("GET directory?criteria=a%20%26b&criteriaType={number}");
        same(&resources.directory(Some((criterion, "a &b"))), &line, Value::Null);
    }
    same(&resources.directory(None), "GET directory", Value::Null);
    let body = json!({"directory": {"directoryItems": [{"userId": "bob@x", "firstName": "Bob"}]}});
    let body = body.to_string();
    let users = directory::users("GET directory", body.as_bytes()).unwrap();
    assert_eq!((users[0].id.as_str(), users[0].contact.as_str()), ("bob@x", ""));
}

#[test]
fn ra_049_ra_068_w5_2_w5_5_messages_and_calls_between_others() {
    let body =
        json!({"imRequest": {"charset": "UTF-8", "toUrl": "bob@x", "message": "hi", "type": "A2"}});
    same(&resources().message("bob@x", "hi"), "POST instantmessage", body);
    let body = json!({"clickToCallRequest": {"callingParty": "a", "calledParty": "b"}});
    same(&resources().click_to_call("a", "b"), "POST clicktocall", body);
    let id = |body: Value| messages::message_id("POST x", body.to_string().as_bytes()).unwrap();
    assert_eq!(id(json!({"imResponse": {"messageId": 7}})).unwrap().as_str(), "7");
    assert_eq!((id(json!({"imResponse": {}})), id(json!({}))), (None, None));
}

#[test]
fn ra_081_ra_082_ra_083_ra_084_w5_5_presence() {
    let resources = resources();
    let body = json!({"presenceRequest": {"status": "open", "activity": "on-the-phone"}});
    let set = resources.set_presence(&Status::Open, &Activity::OnThePhone, None);
    same(&set, "POST presence", body);
    let body = json!({"presenceRequest": {"status": "closed", "activity": "other", "note": "n"}});
    let set = resources.set_presence(&Status::Closed, &Activity::OtherActivity, Some("n"));
    same(&set, "POST presence", body);
    let users = [UserId::from("bob@x"), UserId::from("carol@x")];
    for (watch, action) in
        [(Watch::Start, "watch"), (Watch::Stop, "stopwatch"), (Watch::Get, "get")]
    {
        let body =
            json!({"presenceWatcherRequest": {"userList": ["bob@x", "carol@x"], "action": action}});
        same(&resources.watch_presence(&users, watch), "POST presenceWatcher", body);
    }
}

#[test]
fn ra_101_ra_102_ra_103_w5_5_events_of_sip() {
    let (resources, users) = (resources(), [UserId::from("bob@x")]);
    let subscribe = resources.subscribe_events("event:dialog", &users, "c1", HOUR, &[]);
    let body = json!({"eventSubscriptionRequest": {"subscribeUserList": ["bob@x"],
                      "clientCorrelator": "c1", "eventType": "event:dialog", "expires": 3600}});
    same(&subscribe, "POST eventSubscription", body);
    let there = SessionData::from("E1");
    let update = resources.update_events(&there, "event:dialog", &[], &users, HOUR, &[]);
    let body = json!({"eventSubscriptionRequest": {"unsubscribeUserList": ["bob@x"],
                      "eventType": "event:dialog", "expires": 3600}});
    same(&update, "PUT eventSubscription/E1", body);
    same(&resources.unsubscribe_events(&there), "DELETE eventSubscription/E1", Value::Null);
    let read = |body: Value, known| sip::events("POST x", body.to_string().as_bytes(), known);
    let told = json!({"eventSubscriptionResponse": {"expires": "60", "sessionData": "E2"}});
    let told = read(told, None).unwrap();
    assert_eq!((told.session.as_str(), told.expires), ("E2", Some(Duration::from_secs(60))));
    assert_eq!(read(json!({}), None).unwrap_err().code, ErrorCode::Protocol);
    assert_eq!(read(json!({}), Some(&there)).unwrap().session, there);
}

#[test]
fn ra_109_w5_5_voicemail() {
    same(&resources().voicemail(), "GET voicemail", Value::Null);
    let read = |body: Value| voicemail::mailbox("GET voicemail", body.to_string().as_bytes());
    let body = json!({"mwiresponse": {"statusCode": 0, "mwi": "no", "totalVoice": "3"}});
    let mailbox = read(body).unwrap();
    assert!(!mailbox.waiting);
    assert_eq!((mailbox.total_voice, mailbox.unheard_voice), (3, 0));
    assert_eq!(read(json!({})).unwrap_err().code, ErrorCode::Protocol);
}

#[test]
fn re_040_w5_5_devices_are_registered_for_push() {
    let device = Registered {
        bundle: "b",
        services: &["call".to_owned()],
        correlator: "c",
        realm: "r",
        production: true,
        token: Token::Apple { voip: "v", standard: "s" },
    };
    let apple = push::register("1", &device);
    assert_eq!(apple.shown(), "POST rest/version/1/push/apple/devices/");
    let body = apple.body.unwrap();
    assert_eq!(body["appleDeviceRegistrationRequest"]["voipDeviceToken"], "v");
    let google = push::register("1", &Registered { token: Token::Google("t"), ..device });
    assert_eq!(google.place(), "rest/version/1/push/google/devices/");
    let read = |body: Value| push::registered("POST x", body.to_string().as_bytes());
    let body = json!({"googleDeviceRegistrationResponse": {"registration": "/push/7"}});
    let place = read(body).unwrap();
    assert_eq!(push::unregister(&place).shown(), "DELETE push/7");
    assert!(read(json!({})).is_err());
}

proptest! {
    #[test]
    fn whatever_is_answered_is_read_or_refused(body in "\\PC{0,80}|[{}\\[\\]\":,a-z0]{0,60}") {
        let bytes = body.as_bytes();
        let _ = Subscription::read("GET x", bytes, &[], HOUR);
        let _ = (calls::session("GET x", bytes), calls::is_answered("GET x", bytes));
        let _ = (history::records("GET x", bytes), contacts::read_entries("GET x", bytes));
        let _ = (directory::users("GET x", bytes), messages::message_id("GET x", bytes));
        let _ = (sip::events("GET x", bytes, None), voicemail::mailbox("GET x", bytes));
        let _ = push::registered("GET x", bytes);
    }

    #[test]
    fn whatever_a_session_is_called_its_path_is_one_place(id in "\\PC{1,30}") {
        let path = resources().end(&id.as_str().into()).path;
        prop_assert_eq!(path.matches('/').count(), ROOT.matches('/').count() + 3);
        prop_assert!(!path.contains('?') && !path.contains('#') && path.is_ascii());
    }
}
