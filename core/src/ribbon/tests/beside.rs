//! The history, the address book, the directory, voicemail and calls between others: commands, answers, events.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::ribbon::{
    CallDirection, CallRecord, ClickToCallCode, Command, Contact, Credentials, ErrorCode, Event,
    HistoryCode, MwiCode, Outcome, Query, RecordDirection, User, UserFilter, UsersCode, Voicemail,
};

const HISTORY: &str = "GET /logHistory";

fn fetch() -> Command {
    Command::FetchHistory { amount: 50, offset: 0 }
}

fn records(ids: &[(&str, u64)]) -> Value {
    let items: Vec<_> = ids
        .iter()
        .map(|(id, start)| {
            json!({"type": "CallLog", "params": {"recordId": id, "startTime": start.to_string(),
                   "duration": "0", "direction": "missed", "callerDisplayNumber": "bob@x"}})
        })
        .collect();
    json!({"logHistory": {"statusCode": 0, "logItems": items}})
}

fn ids(rig: &Rig) -> Vec<String> {
    rig.client.history().iter().map(|record| record.id.as_str().to_owned()).collect()
}

#[test]
fn ra_044_ra_043_re_019_re_021_records_of_the_gateway_are_fetched() {
    let mut rig = Rig::up();
    let id = rig.submit(Command::FetchHistory { amount: 20, offset: 40 }).unwrap();
    let asked = rig.take();
    assert_eq!(asked.uri.query(), Some("count=20&startIndex=40"));
    rig.respond(asked.id, 200, &records(&[("7", 5000), ("8", 9000)]));
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)));
    assert_eq!(rig.events, [Event::HistoryChanged, Event::HistoryCacheChanged]);
    assert_eq!(ids(&rig), ["8", "7"], "the newest first");
    let told = Outcome::History(rig.client.history().to_vec());
    assert_eq!(rig.at_once(Command::Query(Query::History)), told);
}

#[test]
fn ra_044_re_020_each_way_in_which_the_history_is_not_had_is_an_error_of_its_own() {
    let mut rig = Rig::up();
    for amount in [0, 51] {
        let odd = Command::FetchHistory { amount, offset: 0 };
        assert_eq!(rig.refused(odd), HistoryCode::Unknown.into());
    }
    let body = |code: i32| json!({"logHistory": {"statusCode": code}});
    for (status, answer, code) in [
        (403, body(4), ErrorCode::from(HistoryCode::NotAuthenticated)),
        (403, body(27), HistoryCode::Forbidden.into()),
        (500, body(26), HistoryCode::Unknown.into()),
        (200, Value::String("no list".to_owned()), ErrorCode::Protocol),
    ] {
        let result = rig.run(fetch(), HISTORY, status, &answer);
        if code == ErrorCode::Protocol {
            // Of another shape: as good as empty.
            assert_eq!(result, Ok(Outcome::Done));
        } else {
            assert_eq!(result.unwrap_err().code, code);
        }
    }
    assert_eq!(rig.run(fetch(), HISTORY, 403, &body(35)), Ok(Outcome::Done), "only our own");
    let id = rig.submit(fetch()).unwrap();
    let asked = rig.take();
    rig.fail(asked.id);
    assert!(matches!(rig.completion(id).unwrap().unwrap_err().code, ErrorCode::Network(_)));
    let id = rig.submit(fetch()).unwrap();
    rig.take();
    rig.pass(Duration::from_secs(31));
    assert_eq!(rig.completion(id).unwrap().unwrap_err().code, ErrorCode::Timeout);
    let mut rig = Rig::new();
    assert_eq!(rig.refused(fetch()), HistoryCode::NotAuthenticated.into());
}

#[test]
fn ra_045_ra_046_records_are_removed_at_the_gateway_and_our_own_here() {
    let mut rig = Rig::up();
    rig.run(fetch(), HISTORY, 200, &records(&[("7", 5000), ("8", 9000)])).unwrap();
    let cache = r#"[{"recordId": "own", "direction": "missed", "startTime": 1, "local": true}]"#;
    let kept = rig.client.history_cache().replace(']', ",") + &cache[1..];
    rig.at_once(Command::SetHistoryCache(kept.into()));
    assert_eq!(ids(&rig), ["8", "7", "own"]);
    let remove = |record: &str| Command::RemoveRecord { record: record.into() };
    assert_eq!(rig.at_once(remove("own")), Outcome::Done);
    assert_eq!(rig.refused(remove("own")), HistoryCode::NotFound.into());
    let refused = json!({"logRecord": {"statusCode": 42}});
    let error = rig.run(remove("7"), "DELETE /logRecord/7", 404, &refused).unwrap_err();
    assert_eq!((error.code, ids(&rig).len()), (HistoryCode::NotFound.into(), 2));
    rig.run(remove("7"), "DELETE /logRecord/7", 204, &Value::Null).unwrap();
    assert_eq!(ids(&rig), ["8"]);
    rig.run(Command::ClearHistory, "DELETE /logHistory", 204, &Value::Null).unwrap();
    assert!(ids(&rig).is_empty());
    let refused = json!({"logHistory": {"statusCode": 27}});
    let error = rig.run(Command::ClearHistory, "DELETE /logHistory", 403, &refused).unwrap_err();
    assert_eq!(error.code, HistoryCode::Forbidden.into());
}

#[test]
fn ra_047_ra_048_a_history_goes_over_to_the_next_client() {
    let mut rig = Rig::up();
    rig.run(fetch(), HISTORY, 200, &records(&[("7", 5000)])).unwrap();
    let Outcome::Text(text) = rig.at_once(Command::Query(Query::HistoryCache)) else { panic!() };
    let mut next = Rig::new();
    next.at_once(Command::SetHistoryCache(text.into()));
    assert_eq!(next.events, [Event::HistoryChanged, Event::HistoryCacheChanged]);
    assert_eq!(next.client.history(), rig.client.history());
    for odd in ["{", &*" ".repeat((1 << 20) + 1)] {
        let odd = Command::SetHistoryCache(odd.to_owned().into());
        assert_eq!(next.refused(odd), HistoryCode::BadRequest.into());
    }
}

#[test]
fn ra_043_re_021_each_call_that_is_over_has_one_record() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.pass(Duration::from_secs(7));
    rig.answer_audits();
    rig.submit(Command::End { call: call.clone() }).unwrap();
    assert!(rig.events.contains(&Event::HistoryCacheChanged));
    let one = &rig.client.history()[0];
    assert_eq!((one.id.as_str(), one.direction), (call.as_str(), RecordDirection::Outgoing));
    assert_eq!((one.duration, &*one.callee_number), (7000, "bob@example.com"));
    let asked = rig.take_of("DELETE");
    rig.respond(asked.id, 204, &Value::Null);
    rig.pass(Duration::from_secs(60));
    let call = rig.ringing_as("S2");
    rig.pass(Duration::from_secs(20));
    rig.answer_audits();
    rig.notify("callCancel", json!({"sessionParams": {"sessionData": "S2"}}));
    let CallRecord { id, direction, caller_number, local, .. } = &rig.client.history()[0];
    assert_eq!((id.as_str(), *direction, *local), (call.as_str(), RecordDirection::Missed, true));
    assert_eq!(&**caller_number, "bob@example.com");
    assert_eq!(rig.client.call(&call).unwrap().direction, CallDirection::Incoming);
    let start = rig.client.history()[0].start_time;
    assert!((67_000..67_100).contains(&start), "its begin, not its end: {start}");
    // The gateway's record of the same call takes its place.
    rig.run(fetch(), HISTORY, 200, &records(&[("9", start + 900)])).unwrap();
    assert_eq!(ids(&rig)[0], "9");
    assert_eq!(rig.client.history().len(), 2);
}

const BOOK: &str = "/addressbook/contacts/";

fn entries(all: &Value) -> Value {
    json!({"addressBookResponse": {"statusCode": 0, "addressBookEntries": all}})
}

#[test]
fn ra_054_re_025_re_027_an_entry_is_added() {
    let mut rig = Rig::up();
    let bob = Contact::new("bob", "bob@x").first_name("Bob");
    let id = rig.submit(Command::AddContact(bob.clone())).unwrap();
    let asked = rig.take();
    assert_eq!(asked.what, format!("POST {BOOK}"));
    let sent = json!([{"nickname": "bob", "primaryContact": "bob@x", "firstName": "Bob",
                       "groupList": "friends"}]);
    assert_eq!(asked.body["addressBookRequest"]["addressBookEntries"], sent);
    rig.respond(asked.id, 201, &entries(&sent));
    let kept = bob.clone().group_list("friends");
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Contact(kept.clone()))));
    assert_eq!(
        rig.events,
        [
            Event::ContactAdded { contact: Box::new(kept.clone()) },
            Event::ContactsChanged { left_out: 0 }
        ],
        "once each"
    );
    assert_eq!(rig.client.contact(&"bob".into()), Some(&kept));
    // A gateway that says nothing of it.
    let carol = Contact::new("carol", "carol@x");
    let answer = rig.run(
        Command::AddContact(carol.clone()),
        &format!("POST {BOOK}"),
        201,
        &json!({"addressBookResponse": {"statusCode": 0}}),
    );
    assert_eq!(answer, Ok(Outcome::Contact(carol)));
    assert_eq!(rig.client.contacts().count(), 2);
    let Outcome::Contacts(all) = rig.at_once(Command::Query(Query::Contacts)) else { panic!() };
    assert_eq!(all.len(), 2);
}

#[test]
fn ra_054_ra_059_re_026_what_cannot_be_an_entry_and_what_is_refused() {
    let mut rig = Rig::up();
    let long = Contact::new("bob", "b").fax("x".repeat(1025));
    let unnamed = Contact::new("n".repeat(256), "b");
    for odd in [Contact::new("", "bob@x"), Contact::new("bob", ""), long, unnamed] {
        assert_eq!(rig.refused(Command::AddContact(odd.clone())), UsersCode::InvalidParam.into());
        assert_eq!(rig.refused(Command::UpdateContact(odd)), UsersCode::InvalidParam.into());
    }
    let none = Command::FetchContact { contact: "".into() };
    assert_eq!(rig.refused(none), UsersCode::InvalidParam.into());
    let body = |code: i32| json!({"addressBookResponse": {"statusCode": code}});
    for (status, answer, code) in [
        (403, body(4), UsersCode::RefreshContactsFailed),
        (403, body(27), UsersCode::RefreshContactsFailed),
        (403, body(35), UsersCode::RefreshContactsFailed),
        (403, Value::Null, UsersCode::RefreshContactsFailed),
        (404, body(42), UsersCode::Unknown),
        (500, body(26), UsersCode::Unknown),
    ] {
        let result = rig.run(Command::RefreshContacts, "GET /addressbook", status, &answer);
        assert_eq!(result.unwrap_err().code, code.into(), "{status} {answer}");
    }
    let mut rig = Rig::new();
    assert_eq!(rig.refused(Command::RefreshContacts), UsersCode::Unknown.into());
}

#[test]
fn ra_055_ra_056_ra_058_ra_059_ra_060_entries_by_their_names_which_are_percent_encoded() {
    let mut rig = Rig::up();
    let path = format!("{BOOK}b%2Fob%3F");
    let id = "b/ob?";
    let told = entries(&json!([{"nickname": id, "primaryContact": "bob@x"}]));
    let fetch = Command::FetchContact { contact: id.into() };
    let kept = Contact::new(id, "bob@x");
    assert_eq!(
        rig.run(fetch.clone(), &format!("GET {path}"), 200, &told),
        Ok(Outcome::Contact(kept.clone()))
    );
    let query = Command::Query(Query::Contact(id.into()));
    assert_eq!(rig.at_once(query.clone()), Outcome::KnownContact(Some(kept.clone())));
    let other = kept.fax("1");
    let told = entries(&json!([{"nickname": id, "primaryContact": "bob@x", "fax": "1"}]));
    rig.run(Command::UpdateContact(other.clone()), &format!("PUT {path}"), 200, &told).unwrap();
    assert_eq!(rig.client.contact(&id.into()), Some(&other));
    rig.events.clear();
    let remove = Command::RemoveContact { contact: id.into() };
    rig.run(remove, &format!("DELETE {path}"), 200, &json!({})).unwrap();
    assert_eq!(rig.events, [Event::ContactsChanged { left_out: 0 }]);
    assert_eq!(rig.at_once(query), Outcome::KnownContact(None));
    let none = rig.run(fetch, &format!("GET {path}"), 200, &entries(&json!([7, {}])));
    assert_eq!(none.unwrap_err().code, UsersCode::Unknown.into());
}

#[test]
fn ra_057_bound_of_a_great_address_book_10_000_entries_are_kept_and_the_rest_counted() {
    let mut rig = Rig::up();
    let all: Vec<_> =
        (0..10_003).map(|n| json!({"nickname": format!("n{n}"), "primaryContact": "x"})).collect();
    let command = Command::RefreshContacts;
    rig.run(command, "GET /addressbook", 200, &entries(&json!(all))).unwrap();
    assert_eq!(rig.events, [Event::ContactsChanged { left_out: 3 }]);
    assert_eq!(rig.client.contacts().count(), 10_000);
    let one_more = Command::AddContact(Contact::new("more", "x"));
    assert_eq!(rig.refused(one_more), UsersCode::InvalidParam.into());
    rig.run(Command::RefreshContacts, "GET /addressbook", 200, &entries(&json!([]))).unwrap();
    assert_eq!(rig.client.contacts().count(), 0, "it replaces what there was");
}

fn people(all: &[(&str, &str)]) -> Value {
    let items: Vec<_> =
        all.iter().map(|(id, name)| json!({"primaryContact": id, "firstName": name})).collect();
    json!({"directory": {"statusCode": 0, "directoryItems": items}})
}

#[test]
fn ra_105_ra_106_re_057_rt_035_rt_036_a_user_is_fetched() {
    let mut rig = Rig::up();
    let fetch = Command::FetchUser { user: "bob@x".into() };
    let id = rig.submit(fetch.clone()).unwrap();
    let asked = rig.take();
    assert_eq!(asked.uri.query(), Some("criteria=bob@x&criteriaType=5"));
    rig.respond(asked.id, 200, &people(&[("bob@x", "Bob"), ("other@x", "")]));
    let Some(Ok(Outcome::User(Some(bob)))) = rig.completion(id) else { panic!() };
    assert_eq!((bob.user_id.as_str(), &*bob.first_name), ("bob@x", "Bob"));
    assert_eq!(rig.events, [Event::UsersChanged { results: vec![bob.clone()] }]);
    assert_eq!(rig.client.user_info(&"bob@x".into()), Some(&bob));
    let query = Command::Query(Query::User("bob@x".into()));
    assert_eq!(rig.at_once(query), Outcome::User(Some(bob)));
    rig.events.clear();
    let none = rig.run(fetch, "GET /directory", 200, &people(&[]));
    assert_eq!((none, rig.events.len()), (Ok(Outcome::User(None)), 0), "no match, no event");
    let id = rig.submit(Command::FetchSelf).unwrap();
    let asked = rig.take();
    assert_eq!(asked.uri.query(), Some("criteria=alice@example.com&criteriaType=5"));
    rig.respond(asked.id, 200, &people(&[]));
    assert_eq!(rig.completion(id), Some(Ok(Outcome::User(None))));
}

#[test]
fn ra_107_ra_108_re_055_the_directory_is_searched_by_one_thing() {
    let mut rig = Rig::up();
    for (filter, query) in [
        (UserFilter::All, None),
        (UserFilter::FirstName("a b".to_owned()), Some("criteria=a%20b&criteriaType=1")),
        (UserFilter::PhoneNumber("1".to_owned()), Some("criteria=1&criteriaType=4")),
    ] {
        let id = rig.submit(Command::SearchUsers(filter)).unwrap();
        let asked = rig.take();
        assert_eq!(asked.uri.query(), query);
        rig.respond(asked.id, 200, &people(&[("bob@x", "Bob"), ("carol@x", "")]));
        let Some(Ok(Outcome::Users(found))) = rig.completion(id) else { panic!() };
        assert_eq!(rig.events.pop_front(), Some(Event::DirectoryChanged { results: found }));
    }
    assert_eq!(rig.client.users().count(), 2);
    let Outcome::Users(all) = rig.at_once(Command::Query(Query::Users)) else { panic!() };
    assert_eq!(all.len(), 2);
    // What is found is told in an event of 64 KiB at most; the answer has it all.
    let names: Vec<_> = (0..2000).map(|n| format!("user-number-{n}@example.com")).collect();
    let many: Vec<_> = names.iter().map(|name| (&**name, "name")).collect();
    let search = Command::SearchUsers(UserFilter::All);
    let result = rig.run(search, "GET /directory", 200, &people(&many));
    let Ok(Outcome::Users(found)) = result else { panic!() };
    let Some(Event::DirectoryChanged { results }) = rig.events.pop_front() else { panic!() };
    assert_eq!(found.len(), 2000);
    assert!((100..2000).contains(&results.len()), "{}", results.len());
}

#[test]
fn ra_106_ra_107_bound_of_users_the_oldest_go() {
    let mut rig = Rig::up();
    let search = || Command::SearchUsers(UserFilter::All);
    for from in [0, 8000] {
        let names: Vec<_> = (from..from + 8000).map(|n| format!("u{n}")).collect();
        let some: Vec<_> = names.iter().map(|name| (&**name, "")).collect();
        rig.run(search(), "GET /directory", 200, &people(&some)).unwrap();
    }
    assert_eq!(rig.client.users().count(), 10_000);
    let known = |n: u32| rig.client.user_info(&format!("u{n}").into()).map(|_: &User| ());
    assert_eq!((known(5999), known(6000)), (None, Some(())));
}

#[test]
fn ra_105_ra_108_re_056_re_058_what_the_directory_is_not_asked_for_or_refuses() {
    let mut rig = Rig::up();
    for odd in [String::new(), "x".repeat(513)] {
        let search = Command::SearchUsers(UserFilter::Name(odd.clone()));
        assert_eq!(rig.refused(search), UsersCode::InvalidParam.into());
        let fetch = Command::FetchUser { user: odd.into() };
        assert_eq!(rig.refused(fetch), UsersCode::InvalidParam.into());
    }
    let refused = json!({"directory": {"statusCode": 27}});
    let failed = ErrorCode::from(UsersCode::DirectoryFailed);
    let search = Command::SearchUsers(UserFilter::All);
    let error = rig.run(search, "GET /directory", 403, &refused).unwrap_err();
    assert_eq!(error.code, failed);
    let error = rig.run(Command::FetchSelf, "GET /directory", 500, &Value::Null).unwrap_err();
    assert_eq!(error.code, failed);
    let mut rig = Rig::new();
    assert_eq!(rig.refused(Command::FetchSelf), UsersCode::Unknown.into());
}

#[test]
fn ra_109_ra_110_re_059_re_060_the_voicemail_that_waits() {
    let mut rig = Rig::up();
    let answer = json!({"mwiresponse": {"statusCode": 0, "mwi": "yes", "totalVoice": "3",
        "unheardVoice": "1", "voice": {"newMessages": 1, "odd": [1]}}});
    let result = rig.run(Command::FetchVoicemail, "GET /voicemail", 200, &answer);
    let Ok(Outcome::Voicemail(told)) = result else { panic!() };
    assert_eq!((told.new_messages_waiting, told.total_voice, told.unheard_voice), (true, 3, 1));
    assert_eq!(Value::Object(told.voice.clone()), json!({"newMessages": 1}));
    assert_eq!(rig.events, [Event::VoicemailChanged(Box::new(told.clone()))]);
    assert_eq!(rig.client.voicemail(), Some(&told));
    let query = Command::Query(Query::Voicemail);
    assert_eq!(rig.at_once(query), Outcome::KnownVoicemail(Some(told)));
    let params = json!({"mwi": "no", "totalVoice": "0"});
    rig.notify("mwi", json!({"time": "77", "mwiNotificationParam": params}));
    let Voicemail { new_messages_waiting, last_updated, total_voice, .. } =
        rig.client.voicemail().unwrap();
    assert_eq!((*new_messages_waiting, *last_updated, *total_voice), (false, 77, 0));
    let failed = ErrorCode::from(MwiCode::FetchFailed);
    let refused = json!({"mwiresponse": {"statusCode": 26}});
    let error = rig.run(Command::FetchVoicemail, "GET /voicemail", 500, &refused).unwrap_err();
    assert_eq!(error.code, failed);
    let error = rig.run(Command::FetchVoicemail, "GET /voicemail", 200, &json!({})).unwrap_err();
    assert_eq!(error.code, ErrorCode::Protocol);
    let mut rig = Rig::new();
    assert_eq!(rig.refused(Command::FetchVoicemail), failed);
}

#[test]
fn ra_049_ra_050_re_022_re_023_two_telephones_are_connected() {
    let mut rig = Rig::up();
    let click = |callee: &str| Command::ClickToCall {
        caller: "5550100".to_owned(),
        callee: callee.to_owned(),
    };
    let id = rig.submit(click("5550101")).unwrap();
    let Some(Event::ClickToCallStarted { id: call }) = rig.events.pop_front() else { panic!() };
    let asked = rig.take();
    let sent = json!({"callingParty": "5550100", "calledParty": "5550101"});
    assert_eq!((&*asked.what, &asked.body["clickToCallRequest"]), ("POST /clicktocall", &sent));
    rig.respond(asked.id, 200, &json!({"ctcResponse": {"statusCode": 0}}));
    let Some(Ok(Outcome::ClickToCall(made))) = rig.completion(id) else { panic!() };
    assert_eq!((&made.id, &*made.callee), (&call, "5550101"));
    let refused = json!({"ctcResponse": {"statusCode": 27}});
    let error = rig.run(click("5550102"), "POST /clicktocall", 403, &refused).unwrap_err();
    assert_eq!(error.code, ClickToCallCode::ResponseError.into());
    let all = rig.at_once(Command::Query(Query::ClickToCalls));
    assert_eq!(all, Outcome::ClickToCalls(vec![made]), "one that failed is not there");
    let missing = ErrorCode::from(ClickToCallCode::MissingArgs);
    assert_eq!(rig.refused(click("")), missing);
    assert_eq!(rig.refused(click(&"x".repeat(513))), missing);
    let mut rig = Rig::new();
    assert_eq!(rig.refused(click("x")), ClickToCallCode::ResponseError.into());
}

#[test]
fn ra_012_another_user_finds_nothing_of_the_last_one() {
    let mut rig = Rig::new();
    rig.log_in();
    rig.run(fetch(), HISTORY, 200, &records(&[("7", 5000)])).unwrap();
    let waits = rig.submit(Command::RefreshContacts).unwrap();
    let asked = rig.take();
    let carol = Credentials::password("carol@example.com", "x");
    rig.submit(Command::SetCredentials(carol)).unwrap();
    assert_eq!(rig.completion(waits).unwrap().unwrap_err().code, ErrorCode::Cancelled);
    rig.respond(asked.id, 200, &entries(&json!([{"nickname": "b", "primaryContact": "b"}])));
    assert!(rig.client.history().is_empty() && rig.client.contacts().next().is_none());
}

#[test]
fn w9_19_no_debug_shows_numbers_texts_or_tokens_of_these() {
    let mut rig = Rig::up();
    rig.run(fetch(), HISTORY, 200, &records(&[("7", 5000)])).unwrap();
    let contact = Contact::new("bob", "+14155550100").email_address("pr1vate@x");
    let shown = format!("{:?}", Command::AddContact(contact));
    assert!(shown.contains("bob") && !shown.contains("5550100") && !shown.contains("pr1vate"));
    let record = CallRecord::local("x".into(), RecordDirection::Missed, 1, 2);
    let record = CallRecord { caller_number: "+14155550100".to_owned(), ..record };
    assert!(!format!("{record:?}").contains("4155550100"), "{record:?}");
    let cache = Command::SetHistoryCache("+14155550100".to_owned().into());
    assert!(!format!("{cache:?}").contains("4155550100"));
}
