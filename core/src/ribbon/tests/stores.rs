//! The stores beside calls, within their bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use crate::ribbon::click::{self, Clicks};
use crate::ribbon::contacts::{self, Contacts};
use crate::ribbon::history::{self, History};
use crate::ribbon::messages::Conversations;
use crate::ribbon::presence::Presences;
use crate::ribbon::sip_events::SipSubscriptions;
use crate::ribbon::users::{self, Users};
use crate::ribbon::wire::refusal::Refused;
use crate::ribbon::wire::resources::directory;
use crate::ribbon::wire::resources::sip::Events;
use crate::ribbon::wire::{Mailbox, PresenceNews};
use crate::ribbon::{
    Activity, CallRecord, ClickToCall, ClickToCallCode, Contact, Draft, ErrorCode, HistoryCode,
    Message, MessageKind, OwnPresence, PresenceCode, RecordDirection, SipCode, Status, UserFilter,
    UserId, UsersCode, Voicemail,
};
use crate::testing::epoch;

fn refused(status: u16, body: &str) -> Refused {
    let response = Response::builder().status(status).body(body.as_bytes().to_vec()).unwrap();
    Refused::read(&response, "GET x", None)
}

fn record(id: &str, start: u64, duration: u64) -> CallRecord {
    CallRecord::local(id.into(), RecordDirection::Missed, start, duration)
}

fn server(records: &[(&str, u64, u64)]) -> Vec<u8> {
    let items: Vec<_> = records
        .iter()
        .map(|(id, start, duration)| {
            json!({"type": "CallLog", "params": {"recordId": id, "startTime": start.to_string(),
                   "duration": duration.to_string(), "direction": "missed",
                   "callerDisplayNumber": "bob@x"}})
        })
        .collect();
    json!({"logHistory": {"logItems": items}}).to_string().into_bytes()
}

fn ids(history: &History) -> Vec<&str> {
    history.records().iter().map(|record| record.id.as_str()).collect()
}

#[test]
fn ra_043_ra_044_records_of_the_gateway_take_the_place_of_our_own_of_the_same_call() {
    let mut history = History::default();
    history.add(record("own-1", 100_000, 0));
    history.add(record("own-2", 200_000, 0));
    history.add(record("own-2", 200_000, 0));
    assert_eq!(ids(&history), ["own-2", "own-1"], "the newest first, and each once");
    history.take("GET x", &server(&[("7", 110_000, 5000), ("8", 210_001, 0)])).unwrap();
    assert_eq!(ids(&history), ["8", "own-2", "7"]);
    history.take("GET x", &server(&[("7", 110_000, 5000)])).unwrap();
    assert_eq!(ids(&history), ["8", "own-2", "7"]);
    history.add(record("own-3", 109_000, 0));
    assert_eq!(history.records().len(), 3, "the gateway has it already");
    assert_eq!(history.records()[0].remote_participant(), ("", "bob@x"));
    let outgoing =
        CallRecord { direction: RecordDirection::Outgoing, ..history.records()[0].clone() };
    assert_eq!(outgoing.remote_participant(), ("", "bob@x"), "it borrows the caller's");
    assert!(history.take("GET x", b"<html>").is_err());
    history.remove(&"8".into());
    assert!(history.record(&"8".into()).is_none() && history.record(&"7".into()).is_some());
    history.clear();
    assert!(history.records().is_empty());
}

#[test]
fn ra_043_only_so_many_records_are_kept_and_the_oldest_go() {
    let mut history = History::default();
    for n in 0..1010 {
        history.add(record(&n.to_string(), n * 100_000, 0));
    }
    assert_eq!((history.records().len(), history.records()[999].id.as_str()), (1000, "10"));
}

#[test]
fn ra_047_ra_048_a_history_is_kept_as_a_text() {
    let mut history = History::default();
    history.add(record("a", 1, 2));
    history.take("GET x", &server(&[("7", 900_000, 5)])).unwrap();
    let text = history.cache();
    let mut again = History::default();
    again.set_cache(&text).unwrap();
    assert_eq!(again.records(), history.records());
    for odd in ["", "{}", "[", "7", &format!("[{}]", " ".repeat(1 << 20))] {
        let error = again.set_cache(odd).unwrap_err();
        assert_eq!(error.code, HistoryCode::BadRequest.into());
        assert_eq!(again.records(), history.records(), "nothing is changed");
    }
    again
        .set_cache(r#"[7, {}, {"recordId": "x", "direction": "incoming", "startTime": 5}]"#)
        .unwrap();
    assert_eq!(ids(&again), ["x"]);
    let mut big = History::default();
    for n in 0..1000 {
        let caller_name = "n".repeat(4000);
        big.add(CallRecord { caller_name, ..record(&n.to_string(), n * 100_000, 0) });
    }
    let text = big.cache();
    assert!(text.len() <= 1 << 20 && serde_json::from_str::<Value>(&text).is_ok());
    big.set_cache(&text).unwrap();
    assert_eq!(big.records()[0].id.as_str(), "999", "the newest stay");
}

#[test]
fn ra_044_ra_045_why_the_history_is_refused() {
    let code =
        |status, body: &str| history::refused(&refused(status, body)).map(|error| error.code);
    let body = |code: i32| json!({"logHistory": {"statusCode": code}}).to_string();
    for (status, body, expected) in [
        (403, body(4), HistoryCode::NotAuthenticated),
        (403, body(27), HistoryCode::Forbidden),
        (404, body(42), HistoryCode::NotFound),
        (403, String::new(), HistoryCode::Forbidden),
        (500, body(26), HistoryCode::Unknown),
    ] {
        assert_eq!(code(status, &body), Some(expected.into()), "{status} {body}");
    }
    assert_eq!(code(403, &body(35)), None, "there is none, but our own");
}

#[test]
fn ra_054_ra_055_ra_056_an_entry_of_the_address_book_travels_and_comes_back() {
    let bob = Contact::new("bob", "bob@x").email_address("b@x").friend_status(true);
    let fields = bob.fields().unwrap();
    let expected = json!({"nickname": "bob", "primaryContact": "bob@x", "emailAddress": "b@x",
                          "groupList": "friends", "friendStatus": "true"});
    assert_eq!(json!(fields), expected);
    let back = Contact::read(fields).unwrap();
    assert_eq!(back, bob.clone().group_list("friends"));
    let mut book = Contacts::default();
    assert!(book.put(bob.clone()) && !book.put(bob.clone()) && book.put(bob.clone().fax("1")));
    assert_eq!((book.get(&"bob".into()).unwrap().fax.as_str(), book.all().count()), ("1", 1));
    assert!(book.remove(&"bob".into()) && !book.remove(&"bob".into()));
    for odd in [Contact::new("", "x"), Contact::new("x", ""), bob.fax("1".repeat(1025))] {
        assert_eq!(odd.fields().unwrap_err().code, UsersCode::InvalidParam.into());
    }
}

#[test]
fn ra_057_the_address_book_is_replaced_and_holds_only_so_many() {
    let mut book = Contacts::default();
    book.put(Contact::new("old", "x"));
    let entry = |n: usize| Contact::new(format!("c{n}"), "x").fields().unwrap();
    let mut entries: Vec<_> = (0..10_005).map(entry).collect();
    entries.push(contacts_without_a_name());
    book.replace(entries, 3);
    assert!(book.get(&"old".into()).is_none());
    assert_eq!((book.all().count(), book.left_out()), (10_000, 8));
    let code = |status, code: i32| {
        contacts::refused(&refused(status, &json!({"x": {"statusCode": code}}).to_string())).code
    };
    assert_eq!(code(500, 27), UsersCode::RefreshContactsFailed.into());
    assert_eq!(code(403, 62), UsersCode::RefreshContactsFailed.into());
    assert_eq!(code(500, 26), UsersCode::Unknown.into());
}

fn contacts_without_a_name() -> std::collections::BTreeMap<String, String> {
    [("primaryContact".to_owned(), "x".to_owned())].into()
}

#[test]
fn ra_105_ra_106_ra_107_ra_108_rt_036_users_of_the_directory() {
    let body = json!({"directory": {"directoryItems": [
        {"primaryContact": "bob@x", "userId": "other", "photoURL": "p"}, {"firstName": "nobody"}]}});
    let body = body.to_string();
    let read = directory::users("GET x", body.as_bytes()).unwrap();
    let found: Vec<_> = read.into_iter().filter_map(crate::ribbon::User::read).collect();
    assert_eq!((found.len(), found[0].user_id.as_str()), (1, "bob@x"));
    let mut users = Users::default();
    for n in 0..10_003 {
        users.put(crate::ribbon::User { user_id: format!("u{n}").into(), ..found[0].clone() });
        users.put(found[0].clone());
    }
    assert_eq!(users.all().count(), 10_000);
    assert!(users.get(&"u0".into()).is_none() && users.get(&"u10002".into()).is_some());
    let by = |filter: UserFilter| {
        filter.criterion().map(|wanted| wanted.map(|(_, text)| text.to_owned()))
    };
    assert_eq!(by(UserFilter::Name("b".into())), Ok(Some("b".to_owned())));
    assert_eq!(by(UserFilter::All), Ok(None));
    for odd in [UserFilter::Name(String::new()), UserFilter::UserId("x".repeat(513))] {
        assert_eq!(by(odd).unwrap_err().code, UsersCode::InvalidParam.into());
    }
    assert_eq!(users::refused(&refused(500, "")).code, UsersCode::DirectoryFailed.into());
}

fn news<'a>(user: &'a str, activity: Option<&'a str>) -> PresenceNews<'a> {
    let text = json!({"notificationMessage": {"eventType": "presenceWatcher",
        "presenceWatcherNotificationParams": {"name": user, "status": "open", "activity": activity}}});
    let text: &'static str = text.to_string().leak();
    match crate::ribbon::wire::Notice::read(text).unwrap().unwrap().body {
        crate::ribbon::wire::Notification::Presence(news) => news,
        other => panic!("{other:?}"),
    }
}

#[test]
fn re_042_rt_030_presence_is_told_of_users_who_are_known_and_where_it_changed() {
    let mut all = Presences::default();
    assert_eq!(all.told(&news("bob@x", Some("busy"))), None, "nobody asked for it");
    all.ask(&["bob@x".into()], false);
    assert!(all.get(&"bob@x".into()).unwrap().loading);
    let told = all.told(&news("sip:bob@x", Some("busy"))).unwrap();
    assert_eq!(
        (&told.status, &told.activity, told.loading),
        (&Status::Open, &Activity::Busy, false)
    );
    assert_eq!(all.told(&news("bob@x", None)), None, "what is left out stays");
    assert!(all.told(&news("bob@x", Some("away"))).is_some());
}

#[test]
fn ra_081_ra_087_re_043_the_users_own_presence() {
    let mut all = Presences::default();
    let own = OwnPresence::new(Status::Open, Activity::Away, None);
    all.set_own(own.clone());
    assert_eq!(all.own(), Some(&own));
    let check = |status: &str, activity: &str, note: usize| {
        let note = Some("n".repeat(note));
        let own = OwnPresence::new(status.into(), activity.into(), note);
        own.check().map_err(|error| error.code)
    };
    assert_eq!(check("open", "other", 1024), Ok(()));
    assert_eq!(check("maybe", "other", 0), Err(PresenceCode::InvalidStatus.into()));
    assert_eq!(check("open", "asleep", 0), Err(PresenceCode::InvalidActivity.into()));
    assert_eq!(check("open", "other", 1025), Err(PresenceCode::InvalidParam.into()));
}

#[test]
fn ra_083_ra_084_ra_086_only_so_many_users_are_watched_and_of_the_others_the_oldest_go() {
    let mut all = Presences::default();
    let some = |from: usize, n: usize| -> Vec<UserId> {
        (from..from + n).map(|n| format!("u{n}").into()).collect()
    };
    for n in 0..9 {
        all.ask(&some(n * 100, 100), true);
    }
    all.ask(&some(2000, 100), false);
    all.ask(&some(3000, 50), false);
    assert_eq!((all.all().count(), all.watched().count()), (1000, 900));
    assert!(all.get(&"u2000".into()).is_none() && all.get(&"u2099".into()).is_some());
    all.ask(&some(900, 100), true);
    assert_eq!(all.watched().count(), 1000);
    let invalid = ErrorCode::from(PresenceCode::InvalidParam);
    for odd in [some(5000, 1), some(0, 101), Vec::new(), vec!["".into()]] {
        assert_eq!(all.check(&odd, true).unwrap_err().code, invalid);
    }
    all.ask(&some(0, 100), true);
    all.unwatch(&some(0, 100));
    assert_eq!((all.watched().count(), all.all().count()), (900, 1000));
}

fn message(id: &str, read: bool) -> Message {
    Message { read, ..Message::new(id, "bob@x", 7, vec!["hi".to_owned()]) }
}

#[test]
fn ra_061_ra_062_ra_064_ra_065_ra_066_conversations_and_their_messages() {
    let mut all = Conversations::default();
    let im = MessageKind::Im;
    assert!(all.get("bob@x", im).is_none());
    assert!(all.open("bob@x", im) && !all.open("bob@x", im));
    assert!(
        !all.add("bob@x", im, message("m1", false))
            && all.add("bob@x", MessageKind::Sms, message("s", true))
    );
    assert!(all.mark_read("bob@x", im, &"m1".into()) && !all.mark_read("bob@x", im, &"m1".into()));
    all.add("bob@x", im, Message { is_pending: true, ..message("own", true) });
    all.sent("bob@x", im, &"own".into(), Some("told".into()));
    assert!(!all.get("bob@x", im).unwrap().message(&"told".into()).unwrap().is_pending);
    all.sent("bob@x", im, &"told".into(), None);
    assert_eq!(all.get("bob@x", im).unwrap().messages().count(), 1, "one that failed is gone");
    for n in 0..1005 {
        all.add("bob@x", im, message(&n.to_string(), true));
    }
    let bob = all.get("bob@x", im).unwrap();
    assert_eq!((bob.messages().count(), bob.message(&"4".into())), (1000, None));
    assert!(all.clear("bob@x", im) && !all.clear("bob@x", im) && all.all().count() == 2);
}

#[test]
fn ra_061_of_many_conversations_the_quiet_ones_that_are_read_go() {
    let mut all = Conversations::default();
    let im = MessageKind::Im;
    all.add("unread", im, message("m", false));
    for n in 0..1000 {
        all.add(&format!("u{n}"), im, message("m", true));
    }
    assert_eq!(all.all().count(), 1000);
    assert!(all.get("unread", im).is_some() && all.get("u0", im).is_none());
}

#[test]
fn ra_063_a_message_before_it_is_sent() {
    let eight = (1..8).fold(Draft::text("0"), |draft, n| draft.part(n.to_string()));
    assert_eq!((eight.check(), &*eight.whole()), (Ok(()), "0\n1\n2\n3\n4\n5\n6\n7"));
    let long = "x".repeat(64 * 1024);
    assert!(Draft::text(&*long).check().is_ok());
    for odd in [eight.part("8"), Draft::text(long).part("x"), Draft::text("")] {
        assert_eq!(odd.check().unwrap_err().code, ErrorCode::Options);
    }
}

#[test]
fn ra_104_ra_102_subscriptions_of_events() {
    let (now, hour) = (epoch(), Duration::from_secs(3600));
    let mut all = SipSubscriptions::default();
    let users = ["bob@x".into(), "carol@x".into()];
    let told = |name: &str, expires| Events { session: name.into(), expires };
    assert_eq!(all.get("event:dialog").unwrap_err().code, SipCode::NotSubscribed.into());
    all.check_new("event:dialog", &users).unwrap();
    all.made("event:dialog", &users, told("E1", Some(Duration::from_secs(60))), hour, now);
    assert_eq!(all.next_renewal(), Some((now + Duration::from_secs(30), "event:dialog")));
    assert!(all.check_new("event:dialog", &users).is_err());
    let after = all.after("event:dialog", &["dave@x".into()], &users).unwrap();
    assert_eq!(after, BTreeSet::from(["dave@x".into()]));
    all.changed("event:dialog", Some(after), told("E2", None), now + hour);
    let one = all.get("event:dialog").unwrap();
    assert_eq!((one.id.as_str(), one.subscribed_users.len()), ("E2", 1));
    assert_eq!(all.next_renewal().unwrap().0, now + hour + Duration::from_secs(30));
    all.renewing("event:dialog");
    assert_eq!(all.next_renewal(), None, "it is under way");
    assert!(all.not_renewed("event:dialog", now + hour + Duration::from_secs(40)));
    assert_eq!(all.next_renewal().unwrap().0, now + hour + Duration::from_secs(70), "30 s later");
    assert!(!all.not_renewed("event:dialog", now + hour + Duration::from_secs(61)), "it is over");
    assert!(all.after("event:dialog", &[], &["dave@x".into()]).unwrap().is_empty());
    for n in 0..105 {
        all.came("event:dialog", json!(n), 10);
        all.came("event:other", json!(n), 10);
    }
    let kept = &all.get("event:dialog").unwrap().notifications;
    assert_eq!((kept.len(), kept[0].as_u64()), (100, Some(5)));
    all.came("event:dialog", json!("big"), 1 << 20);
    assert_eq!(all.get("event:dialog").unwrap().notifications.len(), 1, "so many bytes at most");
    for n in 1..32 {
        all.check_new(&n.to_string(), &users).unwrap();
        all.made(&n.to_string(), &users, told("E", None), hour, now);
    }
    assert_eq!(all.check_new("x", &users).unwrap_err().code, SipCode::Unknown.into());
    let many: Vec<UserId> = (0..1001).map(|n| n.to_string().into()).collect();
    assert!(all.after("1", &many, &[]).is_err());
    assert_eq!(all.ended("1").map(|users| users.len()), Some(2));
    assert!(all.check_new("x", &many).is_err() && all.check_new("x", &[]).is_err());
    assert!(all.check_new("x", &many[1..]).is_ok() && all.all().count() == 31);
}

#[test]
fn ra_049_ra_050_calls_between_others() {
    let mut all = Clicks::default();
    let call = |n: u32, callee: &str| ClickToCall::new(n.to_string(), "a", callee, 7);
    let missing = ErrorCode::from(ClickToCallCode::MissingArgs);
    for (caller, callee) in [("a", " "), ("", "b"), ("a", &*"b".repeat(513))] {
        assert_eq!(click::check(caller, callee).unwrap_err().code, missing);
    }
    for n in 0..105 {
        all.add(call(n, "b"));
    }
    assert_eq!((all.all().count(), all.all().next().unwrap().id.as_str()), (100, "5"));
    all.remove(&"5".into());
    assert_eq!(all.all().count(), 99);
}

#[test]
fn ra_110_voicemail_is_told_in_numbers() {
    let mailbox = Mailbox { waiting: true, total_voice: 3, unheard_voice: 1, ..Mailbox::default() };
    let told = Voicemail::new(mailbox, 7);
    let expected = json!({"newMessagesWaiting": true, "lastUpdated": 7, "totalVoice": 3,
        "unheardVoice": 1, "voice": {}, "fax": {}, "multimedia": {}});
    assert_eq!(serde_json::to_value(told).unwrap(), expected);
}
