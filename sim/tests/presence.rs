//! An agent's presence and mailbox, at the model cloud.

mod common;

use common::world::World;
use offhook::genesys::{
    Command, Error, ErrorKind, Event, Outcome, PresenceDefinition, SystemPresence, UserPresence,
};
use serde_json::{Value, json};

fn does(world: &mut World, command: Command) -> Result<Outcome, Error> {
    let command = world.submit(command).unwrap();
    world.settle(command)
}

fn definitions(world: &mut World) -> Vec<PresenceDefinition> {
    match does(world, Command::FetchPresenceDefinitions) {
        Ok(Outcome::PresenceDefinitions(definitions)) => definitions,
        other => panic!("{other:?}"),
    }
}

fn presence(world: &mut World) -> UserPresence {
    match does(world, Command::FetchPresence) {
        Ok(Outcome::Presence(presence)) => presence,
        other => panic!("{other:?}"),
    }
}

/// The user logs in and is told of presence.
fn ready() -> World {
    let mut world = World::new(|config| config.presence = true);
    let connect = world.submit(Command::Connect).unwrap();
    assert_eq!(world.settle(connect), Ok(Outcome::Done));
    world
}

#[test]
fn an_agent_goes_on_queue_and_is_told_of_what_others_set() {
    let mut world = ready();
    assert_eq!(presence(&mut world).system, SystemPresence::Available);
    let definitions = definitions(&mut world);
    assert!(!definitions.iter().any(|one| one.label() == "Nap"), "it cannot be set any more");
    assert!(definitions.iter().any(|one| one.label() == "Coffee" && !one.primary));
    let on_queue = definitions.iter().find(|one| one.system == SystemPresence::OnQueue).unwrap();
    let set = Command::SetPresence { presence: on_queue.id.clone() };
    assert_eq!(does(&mut world, set), Ok(Outcome::Done));
    assert_eq!(presence(&mut world).definition, on_queue.id);
    let told = |system: SystemPresence| {
        move |event: &Event| match event {
            Event::UserPresence(presence) => (presence.system == system).then_some(()),
            _ => None,
        }
    };
    world.wait(told(SystemPresence::OnQueue));
    world.control("PATCH", "users/u1", &json!({"presence": "Meal"}));
    world.wait(told(SystemPresence::Meal));
    let seen = world.control("GET", "events?type=user-presence", &Value::Null);
    let seen = seen["events"].as_array().unwrap().iter();
    let seen: Vec<_> = seen.map(|event| event["systemPresence"].clone()).collect();
    assert_eq!(seen, [json!("ON_QUEUE"), json!("MEAL")]);
}

#[test]
fn what_cannot_be_set_and_what_may_not_be_seen_is_refused() {
    let mut world = ready();
    let nap = "11111111-0000-4000-8000-00000000000c";
    for id in ["no-such-presence", "Meal", nap] {
        let refused = does(&mut world, Command::SetPresence { presence: id.into() }).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Http(400));
    }
    for (path, status) in [("presence/definitions", 403), ("presences/purecloud", 404)] {
        let fault = json!({"path": path, "status": status, "times": 1});
        world.control("POST", "faults", &fault);
    }
    let refused = does(&mut world, Command::FetchPresenceDefinitions).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Http(403));
    let refused = does(&mut world, Command::FetchPresence).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Http(404));
    assert_eq!(presence(&mut world).system, SystemPresence::Available);
}

#[test]
fn the_mailbox_is_counted() {
    let mut world = ready();
    world.control("PATCH", "users/u1", &json!({"voicemail": {"total": 3, "unread": 2}}));
    let Ok(Outcome::Voicemail(mailbox)) = does(&mut world, Command::FetchVoicemail) else {
        panic!("no mailbox");
    };
    assert_eq!((mailbox.total, mailbox.unread), (3, 2));
}
