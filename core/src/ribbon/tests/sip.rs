//! Events of SIP: subscriptions, their renewal, and what comes.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::ribbon::{
    Command, CustomParameter, ErrorCode, Event, Outcome, Query, SipChange, SipCode, UserId,
};

const DIALOG: &str = "event:dialog";
const POST: &str = "POST /eventSubscription";
const PUT: &str = "PUT /eventSubscription/E1";
const DELETE: &str = "DELETE /eventSubscription/E1";
const S: fn(u64) -> Duration = Duration::from_secs;

fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| UserId::from(*name)).collect()
}

fn subscribe(event_type: &str, names: &[&str]) -> Command {
    Command::SubscribeSipEvent {
        event_type: event_type.to_owned(),
        users: users(names),
        correlator: None,
        parameters: vec![CustomParameter::new("a", "b")],
    }
}

fn update(add: &[&str], remove: &[&str]) -> Command {
    let (add, remove) = (users(add), users(remove));
    let (event_type, parameters) = (DIALOG.to_owned(), Vec::new());
    Command::UpdateSipEvent { event_type, add, remove, parameters }
}

fn unsubscribe() -> Command {
    Command::UnsubscribeSipEvent { event_type: DIALOG.to_owned() }
}

fn made(expires: u64) -> Value {
    let body = json!({"statusCode": 0, "expires": expires, "sessionData": "E1"});
    json!({"eventSubscriptionResponse": body})
}

fn refused(code: i32) -> Value {
    json!({"eventSubscriptionResponse": {"statusCode": code}})
}

fn changed(change: SipChange, subscribed: &[&str], unsubscribed: &[&str]) -> Event {
    Event::SipSubscriptionChanged {
        event_type: DIALOG.to_owned(),
        change,
        subscribed: users(subscribed),
        unsubscribed: users(unsubscribed),
    }
}

/// Subscribed to events of dialogs of Bob and Carol, for ten minutes.
fn subscribed() -> Rig {
    let mut rig = Rig::up_for(&["call", DIALOG]);
    rig.run(subscribe(DIALOG, &["bob@x", "carol@x"]), POST, 201, &made(600)).unwrap();
    rig.events.clear();
    rig
}

#[test]
fn ra_101_ra_104_re_052_events_are_subscribed() {
    let mut rig = Rig::up_for(&["call", DIALOG]);
    let id = rig.submit(subscribe(DIALOG, &["bob@x"])).unwrap();
    assert_eq!(rig.refused_as(subscribe(DIALOG, &["bob@x"])), ErrorCode::Pending);
    let asked = rig.take();
    let sent = json!({"subscribeUserList": ["bob@x"], "clientCorrelator": "abc",
        "eventType": DIALOG, "expires": 3600, "customParameters": [{"name": "a", "value": "b"}]});
    assert_eq!((&*asked.what, &asked.body["eventSubscriptionRequest"]), (POST, &sent));
    rig.respond(asked.id, 201, &made(600));
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)));
    assert_eq!(rig.events, [changed(SipChange::New, &["bob@x"], &[])]);
    let held = rig.client.sip_event(DIALOG).unwrap();
    assert_eq!((held.id.as_str(), held.subscribed_users.len()), ("E1", 1));
    let told = Outcome::SipEvents(Some(held.clone()));
    assert_eq!(rig.at_once(Command::Query(Query::SipEvent(DIALOG.to_owned()))), told);
    let Outcome::AllSipEvents(all) = rig.at_once(Command::Query(Query::SipEvents)) else {
        panic!()
    };
    assert_eq!(all.keys().collect::<Vec<_>>(), [DIALOG]);
}

#[test]
fn ra_101_re_053_what_cannot_be_subscribed_and_what_is_refused() {
    let mut rig = Rig::up_for(&["call", DIALOG]);
    let missing = ErrorCode::from(SipCode::NotProvisioned);
    assert_eq!(rig.refused(subscribe("event:presence", &["bob@x"])), missing);
    let many: Vec<_> = (0..1001).map(|n| format!("u{n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let unknown = ErrorCode::from(SipCode::Unknown);
    for odd in [&many[..], &[], &[""]] {
        assert_eq!(rig.refused(subscribe(DIALOG, odd)), unknown);
    }
    assert_eq!(rig.refused(unsubscribe()), SipCode::NotSubscribed.into());
    assert_eq!(rig.refused(update(&["bob@x"], &[])), SipCode::NotSubscribed.into());
    for (status, answer, code) in [
        (403, refused(35), missing),
        (500, refused(26), unknown),
        (201, json!({"eventSubscriptionResponse": {}}), ErrorCode::Protocol),
    ] {
        let error = rig.run(subscribe(DIALOG, &["bob@x"]), POST, status, &answer).unwrap_err();
        assert_eq!(error.code, code, "{answer}");
        assert!(rig.client.sip_events().next().is_none());
    }
    rig.run(subscribe(DIALOG, &["bob@x"]), POST, 201, &made(600)).unwrap();
    assert_eq!(rig.refused(subscribe(DIALOG, &["bob@x"])), unknown, "one of each type");
}

#[test]
fn ra_102_re_052_users_come_and_go_and_without_any_it_ends() {
    let mut rig = subscribed();
    let id = rig.submit(update(&["dave@x"], &["bob@x"])).unwrap();
    let asked = rig.take();
    let sent = json!({"eventType": DIALOG, "expires": 600, "subscribeUserList": ["dave@x"],
                      "unsubscribeUserList": ["bob@x"]});
    assert_eq!((&*asked.what, &asked.body["eventSubscriptionRequest"]), (PUT, &sent));
    rig.respond(asked.id, 200, &json!({}));
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)), "its name is known");
    assert_eq!(rig.events.pop_front(), Some(changed(SipChange::Updated, &["dave@x"], &["bob@x"])));
    let held = &rig.client.sip_event(DIALOG).unwrap().subscribed_users;
    assert_eq!(held.iter().cloned().collect::<Vec<_>>(), users(&["carol@x", "dave@x"]));
    let error = rig.run(update(&["erin@x"], &[]), PUT, 500, &refused(26)).unwrap_err();
    assert_eq!(error.code, SipCode::Unknown.into());
    assert_eq!(rig.client.sip_event(DIALOG).unwrap().subscribed_users.len(), 2, "as it was");
    rig.run(update(&[], &["carol@x", "dave@x"]), DELETE, 200, &json!({})).unwrap();
    let ended = changed(SipChange::Ended, &[], &["carol@x", "dave@x"]);
    assert_eq!(rig.events.pop_front(), Some(ended));
    assert!(rig.client.sip_event(DIALOG).is_none());
}

#[test]
fn ra_103_re_052_a_subscription_of_events_is_ended() {
    let mut rig = subscribed();
    let error = rig.run(unsubscribe(), DELETE, 500, &refused(26)).unwrap_err();
    assert_eq!(error.code, SipCode::Unknown.into());
    assert!(rig.client.sip_event(DIALOG).is_some());
    let id = rig.submit(unsubscribe()).unwrap();
    assert_eq!(rig.refused_as(update(&["x"], &[])), ErrorCode::Pending);
    let asked = rig.take();
    let response = http::Response::builder().status(200).body(Vec::new()).unwrap();
    rig.input(crate::machine::Input::Http { id: asked.id, result: Ok(response) });
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)), "an empty body is fine (w1.4)");
    assert_eq!(rig.events.pop_front(), Some(changed(SipChange::Ended, &[], &["bob@x", "carol@x"])));
    rig.pass(S(7000));
    assert!(!rig.asked.iter().any(|asked| asked.what.contains("eventSubscription")));
    assert_eq!(rig.refused_as(unsubscribe()), SipCode::NotSubscribed.into());
    let mut rig = subscribed();
    rig.run(unsubscribe(), DELETE, 404, &refused(42)).unwrap();
    assert!(rig.client.sip_event(DIALOG).is_none(), "it was gone already");
}

#[test]
fn ra_101_re_053_a_subscription_of_events_is_renewed_at_half_its_time_and_again_while_it_lasts() {
    let mut rig = subscribed();
    rig.pass(S(299));
    assert!(rig.asked.is_empty());
    rig.pass(S(1));
    let asked = rig.take();
    let sent = json!({"eventType": DIALOG, "expires": 600,
                      "customParameters": [{"name": "a", "value": "b"}]});
    assert_eq!((&*asked.what, &asked.body["eventSubscriptionRequest"]), (PUT, &sent));
    rig.respond(asked.id, 200, &made(600));
    assert!(rig.events.is_empty());
    rig.pass(S(300));
    for left in [300_u64, 150, 75, 38] {
        let asked = rig.take();
        rig.respond(asked.id, 500, &refused(26));
        let Some(Event::SipFailed { event_type, error }) = rig.events.pop_front() else { panic!() };
        assert_eq!((&*event_type, error.code), (DIALOG, SipCode::Unknown.into()));
        rig.pass(S((left / 2).max(30) + 1));
    }
    let asked = rig.take();
    rig.respond(asked.id, 404, &refused(42));
    assert!(matches!(rig.events.pop_front(), Some(Event::SipFailed { .. })));
    assert!(matches!(rig.events.pop_front(), Some(Event::SipSubscriptionChanged { .. })));
    assert!(rig.client.sip_event(DIALOG).is_none());
    rig.pass(S(400));
    assert!(rig.asked.is_empty());
}

#[test]
fn ra_101_bound_of_a_time_that_nobody_means() {
    for (told, at) in [(1, 30), (1_099_511_627_776, 43_200)] {
        let mut rig = Rig::up_for(&[DIALOG]);
        rig.run(subscribe(DIALOG, &["bob@x"]), POST, 201, &made(told)).unwrap();
        let is_put = |rig: &Rig| rig.asked.iter().any(|asked| asked.what == PUT);
        let mut passed = 0;
        while !is_put(&rig) {
            rig.pass(S(10));
            passed += 10;
            // The client's own subscription is renewed meanwhile.
            while let Some(at) = rig.asked.iter().position(|one| one.what != PUT) {
                let asked = rig.asked.remove(at).unwrap();
                let services = json!([DIALOG]);
                rig.respond(asked.id, 200, &super::rig::subscribed(&services));
            }
        }
        assert_eq!(passed, at);
    }
}

#[test]
fn ra_104_without_the_clients_subscription_there_are_no_events() {
    let mut rig = subscribed();
    rig.notify("gone", json!({}));
    assert!(rig.events.contains(&changed(SipChange::Ended, &[], &["bob@x", "carol@x"])));
    rig.pass(S(7000));
    assert!(rig.asked.is_empty() && rig.client.remembered() == 0);
}

#[test]
fn re_054_ra_104_events_come_as_they_are_and_the_last_hundred_are_kept() {
    let mut rig = subscribed();
    rig.ringing_as("S7");
    rig.events.clear();
    let params = json!({"data": "pr1vate", "from": "sip:bob@x", "sessionDataType": "call",
                        "sessionData": "S7"});
    rig.notify(DIALOG, json!({"genericNotificationParams": params}));
    let Some(Event::SipEvent { event_type, event_id, event, call }) = rig.events.pop_front() else {
        panic!()
    };
    assert_eq!((&*event_type, event_id.is_some()), (DIALOG, true));
    assert_eq!(event["notificationMessage"]["genericNotificationParams"], params);
    assert_eq!(call, rig.client.calls().first().map(|call| call.id.clone()));
    for n in 0..150 {
        let params = json!({"data": n, "sessionDataType": "call", "sessionData": "unknown"});
        rig.notify(DIALOG, json!({"genericNotificationParams": params}));
        rig.notify("event:other", json!({"genericNotificationParams": {}}));
    }
    assert_eq!(rig.client.sip_event(DIALOG).unwrap().notifications.len(), 100);
    let unasked = rig.events.iter().filter(|event| {
        matches!(event, Event::SipEvent { event_type, call: None, .. } if event_type == "event:other")
    });
    assert_eq!(unasked.count(), 150, "whoever asked for it");
    assert!(!format!("{:?} {:?}", rig.client, rig.events).contains("pr1vate"));
}
