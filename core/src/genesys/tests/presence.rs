//! Presence and voicemail: an agent's own, beside calls.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::genesys::{
    Cause, Command, Config, ErrorKind, Event, Outcome, PresenceDefinition, SystemPresence,
    UserPresence,
};
use crate::machine::{CommandId, NetError, NetErrorKind};

const OWN: &str = "/users/user-1/presences/purecloud";
const TOPIC: &str = "v2.users.user-1.presence";

fn set(presence: &str) -> Command {
    Command::SetPresence { presence: presence.into() }
}

fn commands() -> [Command; 4] {
    [Command::FetchPresenceDefinitions, Command::FetchPresence, set("p1"), Command::FetchVoicemail]
}

/// The answer to a question.
fn asks(rig: &mut Rig, command: Command, body: &Value) -> CommandId {
    let command = rig.submit(command).unwrap();
    let asked = rig.asked.pop_front().expect("a request");
    rig.respond(asked.id, 200, body);
    command
}

fn definitions(rig: &mut Rig, body: &Value) -> Vec<PresenceDefinition> {
    let command = asks(rig, Command::FetchPresenceDefinitions, body);
    match rig.completion(command) {
        Some(Ok(Outcome::PresenceDefinitions(definitions))) => definitions,
        other => panic!("{other:?}"),
    }
}

/// The presence that a rig was told of.
fn told(rig: &mut Rig) -> Vec<UserPresence> {
    let told = rig.events.drain(..).filter_map(|event| match event {
        Event::UserPresence(presence) => Some(presence),
        _ => None,
    });
    told.collect()
}

#[test]
fn wire_8_8_each_is_one_request() {
    let own = json!({"presenceDefinition": {"id": "p1"}});
    for (command, what, body) in [
        (
            Command::FetchPresenceDefinitions,
            "GET /presence/definitions?localeCode=ALL".to_owned(),
            Value::Null,
        ),
        (Command::FetchPresence, format!("GET {OWN}"), Value::Null),
        (set("p1"), format!("PATCH {OWN}"), own),
        (Command::FetchVoicemail, "GET /voicemail/mailbox".to_owned(), Value::Null),
    ] {
        let mut rig = Rig::ready();
        rig.submit(command).unwrap();
        let asked = rig.expect_http(&what);
        assert_eq!((asked.body, asked.authorized), (body, true), "{what}");
        assert!(rig.asked.is_empty());
    }
}

#[test]
fn wire_8_8_the_definitions_are_those_that_can_be_set() {
    let mut rig = Rig::ready();
    let body = json!({"total": 4, "entities": [
        {"id": "p1", "systemPresence": "Available", "primary": true, "deactivated": false,
         "languageLabels": {"en_US": "Available", "de": "Verfügbar"}},
        {"id": "p2", "systemPresence": "Break", "languageLabels": {"en_US": "Smoke"}},
        {"id": "p3", "systemPresence": "Break", "languageLabels": {"en_US": "Old"}, "deactivated": true},
        {"id": "p4", "systemPresence": "On Queue", "languageLabels": {}},
    ]});
    let definitions = definitions(&mut rig, &body);
    let shown: Vec<_> = definitions.iter().map(|one| (one.id.as_str(), one.label())).collect();
    assert_eq!(shown, [("p1", "Available"), ("p2", "Smoke"), ("p4", "On Queue")]);
    assert_eq!(definitions[2].system, SystemPresence::OnQueue);
    assert_eq!(definitions.iter().map(|one| one.primary).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(rig.told(), Vec::<String>::new());
}

#[test]
fn a_definition_that_cannot_be_read_costs_only_itself_and_is_told_once() {
    let mut rig = Rig::ready();
    let good = json!({"id": "p1", "systemPresence": "Busy"});
    let entities =
        json!([null, 7, {"id": "p2"}, {"id": "x".repeat(300), "systemPresence": "Busy"}, good]);
    let definitions = definitions(&mut rig, &json!({"entities": entities}));
    assert_eq!(definitions.len(), 1);
    let malformed = rig.events.iter().filter(|event| matches!(event, Event::Malformed { .. }));
    assert_eq!(malformed.count(), 1);
}

#[test]
fn more_definitions_than_may_be_are_cut_off() {
    let mut rig = Rig::ready();
    let one = |n: usize| json!({"id": format!("p{n}"), "systemPresence": "Busy"});
    let entities: Vec<_> = (0..PresenceDefinition::MAX + 3).map(one).collect();
    let definitions = definitions(&mut rig, &json!({"entities": entities}));
    assert_eq!(definitions.len(), PresenceDefinition::MAX);
    assert_eq!(definitions[0].id.as_str(), "p0");
}

#[test]
fn the_presence_is_set_and_asked_for() {
    let mut rig = Rig::ready();
    // The answer to a change says nothing new, whatever it says.
    for answer in [Value::Null, json!({"presenceDefinition": {"id": "p1"}}), json!([1])] {
        let command = asks(&mut rig, set("p1"), &answer);
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    }
    let body = json!({"source": "PURECLOUD", "primary": true, "message": " back at 3 ",
        "presenceDefinition": {"id": "p1", "systemPresence": "MEAL"}});
    let command = asks(&mut rig, Command::FetchPresence, &body);
    let Some(Ok(Outcome::Presence(presence))) = rig.completion(command) else {
        panic!("no answer")
    };
    assert_eq!((presence.definition.as_str(), presence.system), ("p1", SystemPresence::Meal));
    assert_eq!(presence.message.as_deref(), Some("back at 3"));
}

#[test]
fn the_mailbox_is_counted() {
    let mut rig = Rig::ready();
    let body = json!({"usageSizeBytes": 9, "totalCount": 5, "unreadCount": 2, "deletedCount": 1});
    let command = asks(&mut rig, Command::FetchVoicemail, &body);
    let Some(Ok(Outcome::Voicemail(mailbox))) = rig.completion(command) else {
        panic!("no answer")
    };
    assert_eq!((mailbox.total, mailbox.unread), (5, 2));
}

#[test]
fn an_answer_that_cannot_be_used_is_an_error() {
    for (command, bodies) in [
        (
            Command::FetchPresenceDefinitions,
            [Value::Null, json!([]), json!({"entities": 3}), json!({})],
        ),
        (
            Command::FetchPresence,
            [
                Value::Null,
                json!([]),
                json!({"presenceDefinition": null}),
                json!({"presenceDefinition": {"id": "x".repeat(256), "systemPresence": "BUSY"}}),
            ],
        ),
        (
            Command::FetchVoicemail,
            [
                Value::Null,
                json!({}),
                json!({"totalCount": 1}),
                json!({"totalCount": -1, "unreadCount": 0}),
            ],
        ),
    ] {
        for body in bodies {
            let mut rig = Rig::ready();
            let id = asks(&mut rig, command.clone(), &body);
            let error = rig.completion(id).expect("an answer").expect_err("an error");
            assert!(matches!(error.cause(), Some(Cause::Rest(_))), "{body}: {error:?}");
            assert!(rig.client.is_connected());
        }
    }
}

#[test]
fn nobody_else_has_a_presence_or_a_mailbox() {
    for command in commands() {
        let mut down = Rig::new();
        assert_eq!(down.submit(command.clone()).unwrap_err().kind, ErrorKind::Session);
        let mut guest = Rig::with(|config| {
            *config = Config::guest("lab.test", "org-1", "123456");
        });
        assert_eq!(guest.submit(command).unwrap_err().kind, ErrorKind::NotSupported);
    }
    let mut rig = Rig::ready();
    for odd in [String::new(), "x".repeat(256)] {
        assert_eq!(rig.submit(set(&odd)).unwrap_err().kind, ErrorKind::InvalidOptions);
    }
}

#[test]
fn each_is_answered_once_whatever_happens_meanwhile() {
    for command in commands() {
        // The connection is none of its business.
        let mut rig = Rig::ready();
        let id = rig.submit(command.clone()).unwrap();
        let asked = rig.asked.pop_front().unwrap();
        let disconnect = rig.submit(Command::Disconnect).unwrap();
        rig.respond(asked.id, 404, &Value::Null);
        assert_eq!(rig.failure(id), Some(ErrorKind::Http(404)), "{command:?}");
        rig.wait(Duration::from_secs(10));
        assert!(rig.completion(disconnect).is_some());

        // The network fails.
        let mut rig = Rig::ready();
        let id = rig.submit(command.clone()).unwrap();
        let asked = rig.asked.pop_front().unwrap();
        rig.http_fails(asked.id, NetError::new(NetErrorKind::Lost, "gone"));
        assert!(rig.completion(id).expect("an answer").is_err());

        // Nobody answers in time, and then somebody does.
        let mut rig = Rig::ready();
        let id = rig.submit(command.clone()).unwrap();
        let asked = rig.asked.pop_front().unwrap();
        rig.wait_acknowledging(Duration::from_secs(31));
        assert_eq!(rig.failure(id), Some(ErrorKind::Timeout), "{command:?}");
        rig.respond(asked.id, 200, &json!({}));
        assert_eq!(rig.client.remembered(), 0);
    }
}

#[test]
fn wire_4_8_changes_are_told_where_the_application_wants_them() {
    let mut rig = Rig::with(|config| config.presence = true);
    rig.submit(Command::Connect).unwrap();
    rig.login();
    let subscribed = rig.said.iter().any(|said| said.contains("presence"));
    assert!(subscribed, "{:#?}", rig.said);
    let body = |id: &str, system: &str| {
        json!({"source": "PURECLOUD", "primary": true, "message": "",
            "presenceDefinition": {"id": id, "systemPresence": system}})
    };
    rig.events.clear();
    let mut elsewhere = body("p8", "BUSY");
    elsewhere["source"] = json!("MICROSOFTTEAMS");
    rig.notify(TOPIC, &elsewhere);
    assert!(told(&mut rig).is_empty(), "it is one in another system");
    rig.notify(TOPIC, &body("p9", "ON_QUEUE"));
    let [presence] = told(&mut rig).try_into().unwrap();
    assert_eq!((presence.definition.as_str(), presence.system), ("p9", SystemPresence::OnQueue));
    assert_eq!(presence.message, None);
    rig.notify("v2.users.user-2.presence", &body("p9", "BUSY"));
    rig.notify(TOPIC, &json!({"presenceDefinition": 7}));
    let events: Vec<_> = rig.events.drain(..).collect();
    assert!(matches!(events[..], [Event::Malformed { .. }]), "{events:?}");
}

#[test]
fn wire_4_7_without_being_wanted_nothing_is_asked_for() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    rig.login();
    assert!(!rig.said.iter().any(|said| said.contains("presence")), "{:#?}", rig.said);
    // The application may subscribe by itself, and has it as it comes.
    rig.submit(Command::Subscribe { topic: TOPIC.to_owned() }).unwrap();
    rig.events.clear();
    rig.notify(TOPIC, &json!({"presenceDefinition": {"id": "p", "systemPresence": "BUSY"}}));
    let events: Vec<_> = rig.events.drain(..).collect();
    assert!(matches!(&events[..], [Event::Notification { topic, .. }] if topic == TOPIC));
}
