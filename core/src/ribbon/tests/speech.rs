//! Presence and messages: commands, answers, notifications, events.

use serde_json::{Value, json};

use super::rig::Rig;
use crate::ribbon::{
    Activity, AuthCode, Command, Draft, ErrorCode, Event, MessageId, MessageKind, MessagingCode,
    Outcome, OwnPresence, Presence, PresenceCode, Query, Status, UserId,
};

const WATCHER: &str = "POST /presenceWatcher";

fn fine(wrapper: &str) -> Value {
    json!({wrapper: {"statusCode": 0}})
}

fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| UserId::from(*name)).collect()
}

fn watch(names: &[&str]) -> Command {
    Command::WatchPresence { users: users(names) }
}

fn tell(rig: &mut Rig, user: &str, activity: &str) {
    let params = json!({"name": format!("sip:{user}"), "status": "open", "activity": activity});
    rig.notify("presenceWatcher", json!({"presenceWatcherNotificationParams": params}));
}

#[test]
fn ra_081_ra_087_re_043_the_users_own_presence_is_set() {
    let mut rig = Rig::up_for(&["presence"]);
    let update = |status: &str, activity: &str, note: usize| Command::UpdatePresence {
        status: status.into(),
        activity: activity.into(),
        note: Some("n".repeat(note)),
    };
    let id = rig.submit(update("open", "away", 3)).unwrap();
    let asked = rig.take();
    let sent = json!({"status": "open", "activity": "away", "note": "nnn"});
    assert_eq!((&*asked.what, &asked.body["presenceRequest"]), ("POST /presence", &sent));
    assert_eq!(rig.client.own_presence(), None);
    rig.respond(asked.id, 200, &fine("presenceResponse"));
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)));
    assert_eq!(rig.events, [Event::OwnPresenceChanged]);
    let own = OwnPresence::new(Status::Open, Activity::Away, Some("nnn".to_owned()));
    let query = Command::Query(Query::OwnPresence);
    assert_eq!(rig.at_once(query), Outcome::OwnPresence(Some(own)));
    for (odd, code) in [
        (update("maybe", "away", 0), PresenceCode::InvalidStatus),
        (update("open", "asleep", 0), PresenceCode::InvalidActivity),
        (update("open", "away", 1025), PresenceCode::InvalidParam),
    ] {
        assert_eq!(rig.refused(odd), code.into());
    }
    let refused = json!({"presenceResponse": {"statusCode": 37}});
    let error = rig.run(update("open", "busy", 0), "POST /presence", 400, &refused).unwrap_err();
    assert_eq!(error.code, PresenceCode::InvalidRequest.into());
    assert_eq!(rig.client.own_presence().unwrap().activity, Activity::Away, "as it was");
    let mut rig = Rig::new();
    assert_eq!(rig.refused(update("open", "away", 0)), PresenceCode::InvalidRequest.into());
}

#[test]
fn ra_082_ra_085_ra_086_re_042_presence_is_fetched_and_comes_by_notification() {
    let mut rig = Rig::up_for(&["presence"]);
    tell(&mut rig, "bob@x", "away");
    assert!(rig.events.is_empty() && rig.client.presences().next().is_none(), "nobody asked");
    let fetch = Command::FetchPresence { users: users(&["bob@x"]) };
    let id = rig.submit(fetch).unwrap();
    let asked = rig.take();
    let sent = json!({"userList": ["bob@x"], "action": "get"});
    assert_eq!(asked.body["presenceWatcherRequest"], sent);
    assert!(rig.client.presence(&"bob@x".into()).unwrap().loading);
    rig.respond(asked.id, 200, &fine("presenceWatcherResponse"));
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)));
    tell(&mut rig, "bob@x", "away");
    let bob = rig.client.presence(&"bob@x".into()).unwrap().clone();
    assert_eq!((&bob.activity, bob.loading), (&Activity::Away, false));
    assert_eq!(rig.events, [Event::PresenceChanged { presence: bob.clone() }]);
    tell(&mut rig, "bob@x", "away");
    assert_eq!(rig.events.len(), 1, "nothing new");
    let query = Command::Query(Query::Presence("bob@x".into()));
    assert_eq!(rig.at_once(query), Outcome::Presence(Some(bob.clone())));
    let query = Command::Query(Query::Presences);
    assert_eq!(rig.at_once(query), Outcome::Presences(vec![bob]));
}

#[test]
fn ra_083_ra_084_re_044_re_045_users_are_watched_and_no_longer() {
    let mut rig = Rig::up_for(&["presence"]);
    rig.run(watch(&["bob@x", "carol@x"]), WATCHER, 200, &fine("presenceWatcherResponse")).unwrap();
    let all = users(&["bob@x", "carol@x"]);
    assert_eq!(rig.events.pop_front(), Some(Event::PresenceWatched { users: all }));
    let stop = || Command::UnwatchPresence { users: users(&["bob@x"]) };
    rig.run(stop(), WATCHER, 200, &fine("presenceWatcherResponse")).unwrap();
    let bob = users(&["bob@x"]);
    assert_eq!(rig.events.pop_front(), Some(Event::PresenceUnwatched { users: bob }));
    // A new subscription asks for those who are watched still.
    rig.notify("gone", json!({}));
    let before = rig.asked.len();
    rig.subscribe(&["presence"]);
    assert_eq!((before, rig.asked.len()), (0, 1));
    let asked = rig.take();
    let sent = json!({"userList": ["carol@x"], "action": "watch"});
    assert_eq!(asked.body["presenceWatcherRequest"], sent);
    rig.respond(asked.id, 500, &json!({}));
    let Some(Event::PresenceFailed { error }) = rig.events.pop_front() else { panic!() };
    assert_eq!(error.code, PresenceCode::InvalidRequest.into());
    // A socket that is opened again is under the same subscription.
    rig.close(Some(1006));
    rig.open();
    assert!(rig.asked.is_empty());
}

#[test]
fn ra_084_who_is_being_left_is_not_watched_again_under_a_new_subscription() {
    let left = |status: u16| {
        let mut rig = Rig::up_for(&["presence"]);
        rig.run(watch(&["bob@x"]), WATCHER, 200, &fine("presenceWatcherResponse")).unwrap();
        rig.submit(Command::UnwatchPresence { users: users(&["bob@x"]) }).unwrap();
        let stop = rig.take();
        rig.notify("gone", json!({}));
        rig.subscribe(&["presence"]);
        assert!(rig.asked.is_empty(), "nobody is watched again before the answer");
        rig.respond(stop.id, status, &fine("presenceWatcherResponse"));
        rig
    };
    assert!(left(200).asked.is_empty());
    // Where the gateway did not take it, watching goes on.
    let asked = left(500).take();
    let sent = json!({"userList": ["bob@x"], "action": "watch"});
    assert_eq!(asked.body["presenceWatcherRequest"], sent);
}

#[test]
fn ra_083_who_is_watched_after_being_left_stays_watched() {
    let mut rig = Rig::up_for(&["presence"]);
    rig.run(watch(&["bob@x"]), WATCHER, 200, &fine("presenceWatcherResponse")).unwrap();
    rig.submit(Command::UnwatchPresence { users: users(&["bob@x"]) }).unwrap();
    let stop = rig.take();
    rig.submit(watch(&["bob@x"])).unwrap();
    let start = rig.take();
    rig.respond(stop.id, 200, &fine("presenceWatcherResponse"));
    rig.respond(start.id, 200, &fine("presenceWatcherResponse"));
    rig.notify("gone", json!({}));
    rig.subscribe(&["presence"]);
    let sent = json!({"userList": ["bob@x"], "action": "watch"});
    assert_eq!(rig.take().body["presenceWatcherRequest"], sent);
}

#[test]
fn ra_082_ra_083_re_046_who_cannot_be_watched_and_what_is_refused() {
    let mut rig = Rig::up_for(&["presence"]);
    let many: Vec<_> = (0..101).map(|n| format!("u{n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let long = "x".repeat(256);
    let invalid = ErrorCode::from(PresenceCode::InvalidParam);
    for odd in [&many[..], &[], &[""], &[&*long]] {
        assert_eq!(rig.refused(watch(odd)), invalid);
        assert_eq!(rig.refused(Command::FetchPresence { users: users(odd) }), invalid);
        assert_eq!(rig.refused(Command::UnwatchPresence { users: users(odd) }), invalid);
    }
    let refused = json!({"presenceWatcherResponse": {"statusCode": 27}});
    let error = rig.run(watch(&["bob@x"]), WATCHER, 403, &refused).unwrap_err();
    assert_eq!(error.code, PresenceCode::InvalidRequest.into());
    assert!(!rig.client.presence(&"bob@x".into()).unwrap().loading);
    rig.notify("gone", json!({}));
    rig.subscribe(&["presence"]);
    assert!(rig.asked.is_empty(), "it was never watched");
}

#[test]
fn ra_083_bound_of_a_thousand_watched_users() {
    let mut rig = Rig::up_for(&["presence"]);
    for n in 0..10 {
        let some: Vec<_> = (0..100).map(|k| UserId::from(format!("u{n}-{k}"))).collect();
        let command = Command::WatchPresence { users: some };
        rig.run(command, WATCHER, 200, &fine("presenceWatcherResponse")).unwrap();
    }
    assert_eq!(rig.refused(watch(&["more"])), PresenceCode::InvalidParam.into());
    for n in 0..3000 {
        tell(&mut rig, &format!("stranger{n}"), "away");
    }
    assert_eq!(rig.client.presences().count(), 1000);
}

fn send(text: &str) -> Command {
    let draft = Draft::text(text);
    Command::SendMessage { destination: "bob@x".to_owned(), kind: MessageKind::Im, draft }
}

fn messages(rig: &Rig, with: &str) -> Vec<(String, String, bool)> {
    let conversation = rig.client.conversation(with, MessageKind::Im);
    let all = conversation.into_iter().flat_map(|one| one.messages());
    all.map(|one| (one.sender.clone(), one.parts.join("|"), one.is_pending)).collect()
}

fn changed(with: &str, message: Option<MessageId>, sender: Option<&str>) -> Event {
    let (destination, kind) = (with.to_owned(), MessageKind::Im);
    Event::MessagesChanged { destination, kind, message, sender: sender.map(str::to_owned) }
}

#[test]
fn ra_068_ra_061_re_030_rt_025_rt_026_a_message_is_sent() {
    let mut rig = Rig::up_for(&["im"]);
    let draft = Draft::text("hello").part("world");
    let destination = "bob@x".to_owned();
    let command = Command::SendMessage { destination, kind: MessageKind::Im, draft };
    let id = rig.submit(command).unwrap();
    let asked = rig.take();
    let sent = json!({"charset": "UTF-8", "toUrl": "bob@x", "message": "hello\nworld",
                      "type": "A2"});
    assert_eq!((&*asked.what, &asked.body["imRequest"]), ("POST /instantmessage", &sent));
    let me = "alice@example.com";
    assert_eq!(messages(&rig, "bob@x"), [(me.to_owned(), "hello|world".to_owned(), true)]);
    let answer = json!({"imResponse": {"statusCode": 0, "messageId": "m7"}});
    rig.respond(asked.id, 200, &answer);
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Message("m7".into()))));
    assert!(!messages(&rig, "bob@x")[0].2, "not on its way any more");
    assert_eq!(rig.events.pop_back(), Some(changed("bob@x", Some("m7".into()), Some(me))));
    let conversation = rig.client.conversation("bob@x", MessageKind::Im).unwrap();
    assert!(conversation.message(&"m7".into()).unwrap().read);
    assert_eq!(conversation.destination, "bob@x");
}

#[test]
fn ra_068_re_031_a_message_that_is_not_sent_is_gone_and_an_error() {
    let mut rig = Rig::up_for(&["im"]);
    let wanted = "POST /instantmessage";
    let failed = ErrorCode::from(MessagingCode::SendFailed);
    let refused = json!({"imResponse": {"statusCode": 37}});
    let error = rig.run(send("x"), wanted, 400, &refused).unwrap_err();
    assert_eq!(error.code, failed);
    let nameless = json!({"imResponse": {"statusCode": 0}});
    assert_eq!(rig.run(send("x"), wanted, 200, &nameless).unwrap_err().code, failed);
    assert!(messages(&rig, "bob@x").is_empty());
    let to = |destination: &str, kind: MessageKind, text: &str| Command::SendMessage {
        destination: destination.to_owned(),
        kind,
        draft: Draft::text(text),
    };
    assert_eq!(rig.refused(to("bob@x", MessageKind::Im, "")), ErrorCode::Options);
    assert_eq!(rig.refused(to(" ", MessageKind::Im, "x")), ErrorCode::Options);
    assert_eq!(rig.refused(to(&"b".repeat(513), MessageKind::Im, "x")), ErrorCode::Options);
    assert_eq!(rig.refused(to("5550100", MessageKind::Sms, "x")), failed, "of it nothing travels");
    let mut rig = Rig::new();
    assert_eq!(rig.refused(send("x")), AuthCode::InvalidCredentials.into());
}

#[test]
fn ra_068_bound_of_a_hundred_messages_on_their_way() {
    let mut rig = Rig::up_for(&["im"]);
    for _ in 0..100 {
        rig.submit(send("x")).unwrap();
    }
    assert_eq!(rig.submit(send("x")).unwrap_err().code, ErrorCode::Busy);
    let asked = rig.take();
    rig.respond(asked.id, 200, &json!({"imResponse": {"messageId": "m"}}));
    rig.submit(send("x")).unwrap();
}

fn im(rig: &mut Rig, from: &str, text: &str) {
    let params = json!({"msgText": text, "primaryContact": format!("sip:{from}")});
    rig.notify("IM", json!({"time": "5000", "imnotificationParams": params}));
}

#[test]
fn ra_062_ra_065_ra_066_ra_067_re_028_re_029_re_030_messages_come() {
    let mut rig = Rig::up_for(&["im"]);
    im(&mut rig, "bob@x", "hi");
    let conversation = rig.client.conversation("bob@x", MessageKind::Im).unwrap();
    let one = conversation.messages().next().unwrap().clone();
    assert_eq!((&*one.sender, one.timestamp, one.read), ("bob@x", 5, false));
    assert_eq!(one.parts, ["hi"]);
    assert_eq!(
        rig.events,
        [
            Event::ConversationStarted { destination: "bob@x".to_owned(), kind: MessageKind::Im },
            Event::ConversationsChanged { destinations: vec!["bob@x".to_owned()] },
            changed("bob@x", Some(one.message_id.clone()), Some("bob@x")),
        ]
    );
    rig.events.clear();
    im(&mut rig, "bob@x", "there");
    assert!(matches!(&rig.events[0], Event::MessagesChanged { .. }) && rig.events.len() == 1);
    let query = Query::Conversation { destination: "bob@x".to_owned(), kind: MessageKind::Im };
    let Outcome::Conversation(Some(all)) = rig.at_once(Command::Query(query)) else { panic!() };
    assert_eq!(all.messages().count(), 2);
    let Outcome::Conversations(all) = rig.at_once(Command::Query(Query::Conversations)) else {
        panic!()
    };
    assert_eq!(all.len(), 1);
    // Reading it, sending it on, forgetting it.
    rig.events.clear();
    let (destination, kind, message) = ("bob@x".to_owned(), MessageKind::Im, one.message_id);
    let read =
        Command::MarkRead { destination: destination.clone(), kind, message: message.clone() };
    rig.at_once(read.clone());
    rig.at_once(read);
    assert_eq!(rig.events, [changed("bob@x", Some(message.clone()), None)], "once");
    let to = "carol@x".to_owned();
    let forward = Command::ForwardMessage { destination: destination.clone(), kind, message, to };
    let answer = json!({"imResponse": {"messageId": "m8"}});
    let sent = rig.run(forward, "POST /instantmessage", 200, &answer);
    assert_eq!(sent, Ok(Outcome::Message("m8".into())));
    assert_eq!(messages(&rig, "carol@x")[0].1, "hi");
    let unknown =
        Command::MarkRead { destination: destination.clone(), kind, message: "no".into() };
    assert_eq!(rig.refused(unknown), ErrorCode::Options);
    rig.events.clear();
    let clear = Command::ClearMessages { destination, kind };
    rig.at_once(clear.clone());
    rig.at_once(clear);
    assert_eq!(rig.events, [changed("bob@x", None, None)], "once");
    assert!(messages(&rig, "bob@x").is_empty());
}

#[test]
fn ra_061_ra_062_re_028_conversations_are_opened_of_each_kind() {
    let mut rig = Rig::new();
    for kind in MessageKind::ALL {
        let open = Command::OpenConversation { destination: "bob@x".to_owned(), kind: *kind };
        rig.at_once(open.clone());
        assert_eq!(rig.events.len(), 2);
        rig.events.clear();
        rig.at_once(open);
        assert!(rig.events.is_empty(), "there is one");
    }
    assert_eq!(rig.client.conversations().count(), MessageKind::ALL.len());
    let odd = Command::OpenConversation { destination: String::new(), kind: MessageKind::Im };
    assert_eq!(rig.refused(odd), ErrorCode::Options);
}

#[test]
fn ra_061_ra_065_bound_of_messages_by_number_and_by_bytes_under_a_flood() {
    let mut rig = Rig::up_for(&["im"]);
    let long = "ä".repeat(100 * 1024);
    for n in 0..300 {
        im(&mut rig, &format!("u{}", n % 3), &long);
    }
    let kept: Vec<_> = rig.client.conversations().flat_map(|one| one.messages()).collect();
    assert!(kept.iter().all(|one| one.parts[0].len() <= 64 * 1024));
    let bytes: usize = kept.iter().map(|one| one.parts[0].len()).sum();
    assert!((15 << 20..=16 << 20).contains(&bytes), "{bytes}");
    assert!(rig.client.stores.conversations.bytes() <= 16 << 20);
    for n in 0..1200 {
        im(&mut rig, &format!("v{n}"), "x");
    }
    assert_eq!(rig.client.conversations().count(), 1000);
    for _ in 0..1100 {
        im(&mut rig, "one", "x");
    }
    assert_eq!(messages(&rig, "one").len(), 1000);
    for with in ["u0", "u1", "u2", "one"] {
        let kind = MessageKind::Im;
        rig.at_once(Command::ClearMessages { destination: with.to_owned(), kind });
    }
    let left: usize = rig.client.conversations().map(|one| one.messages().count()).sum();
    assert!(rig.client.stores.conversations.bytes() < left.max(1) * 1024, "it is counted right");
}

#[test]
fn ra_068_re_030_re_042_notifications_of_odd_shapes_leave_everything_as_it_was() {
    let mut rig = Rig::up_for(&["im", "presence"]);
    let text = r#"{"notificationMessage": {"eventType": "IM", "eventId": "e1",
        "imnotificationParams": {"msgText": "hi", "primaryContact": "bob@x"}}}"#;
    rig.text(text);
    rig.text(text);
    assert_eq!(messages(&rig, "bob@x").len(), 1, "a duplicate is none");
    for odd in [
        json!({}),
        json!([]),
        json!({"imnotificationParams": "x"}),
        json!({
            "imnotificationParams": {"msgText": 7, "primaryContact": {}}
        }),
    ] {
        let before = rig.client.conversations().count();
        let message = if odd.is_object() { odd } else { json!({}) };
        rig.notify("IM", message.clone());
        rig.notify("presenceWatcher", message.clone());
        rig.notify("mwi", message);
        assert_eq!(rig.client.conversations().count(), before);
    }
    assert_eq!(rig.client.voicemail().map(|told| told.total_voice), Some(0));
    let presence: Option<&Presence> = rig.client.presence(&"".into());
    assert_eq!(presence, None);
}

#[test]
fn w9_19_no_debug_shows_what_somebody_wrote() {
    let mut rig = Rig::up_for(&["im"]);
    im(&mut rig, "bob@x", "s3cret");
    let waits = rig.submit(send("s3cret")).unwrap();
    let custom = json!({"externalNotificationParams": {"text": "s3cret"}});
    rig.notify("custom", custom);
    assert!(rig.events.iter().any(|event| matches!(event, Event::Notification { .. })));
    let shown = format!("{:?} {:?} {:?}", rig.client, rig.events, send("s3cret"));
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(rig.completion(waits), None);
}
