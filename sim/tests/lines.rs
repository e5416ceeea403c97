//! Lines and persistent sessions (behaviour notes 3): the client and the model cloud, real media,
//! virtual time.

mod common;

use std::time::Duration;

use common::talk::{call_connected, call_ended, pending, session_ended, started};
use common::world::World;
use offhook::genesys::{Command, Event};
use serde_json::json;

const S: fn(u64) -> Duration = Duration::from_secs;

fn persistent(lines: u64) -> World {
    World::with_station(&json!({"persistent": true, "lineAppearances": lines}))
}

#[test]
fn pc_6_a_persistent_session_carries_one_call_after_another() {
    for lines in [1, 100] {
        for signaling in ["jingle", "sdp"] {
            let mut world = persistent(lines);
            let echo = json!({"signaling": signaling, "farEnd": "echo"});
            let (first, session) = world.talking(&echo);
            world.hangs_up(&first);
            assert_eq!(world.call(&first)["state"], "terminated");
            for _ in 0..2 {
                let (id, on) = world.answered(&echo);
                assert_eq!(on, session.id.as_str(), "{lines} {signaling}");
                assert_eq!(world.echoes(session.media), 25);
                world.hangs_up(&id);
                let (id, on) = world.dialled();
                assert_eq!(on, session.id.as_str(), "{lines} {signaling}");
                world.done(Command::EndSession { conversation: id.as_str().into() });
            }
            assert_eq!(world.count("message-proceed"), 1, "proposed once");
            assert!(!world.events.iter().any(|event| session_ended(event).is_some()));
            let media = world.control("GET", &format!("calls/{first}/media"), &json!(null));
            assert_eq!(media["connectionState"], "connected");
        }
    }
}

#[test]
fn pc_8_ringing_on_a_persistent_session_ends_without_a_retract() {
    for how in ["cancel", "reject", "nobody"] {
        let mut world = persistent(1);
        let (first, session) = world.talking(&json!({}));
        world.hangs_up(&first);
        let id = world.ring(&json!({}));
        assert_eq!(world.wait(pending), id);
        match how {
            "cancel" => {
                world.control("POST", &format!("calls/{id}/cancel"), &json!({}));
            }
            "reject" => {
                let conversation = id.as_str().into();
                world.done(Command::RejectPendingSession { conversation });
            }
            _ => world.run(S(130)),
        }
        world.wait(|e| matches!(e, Event::CancelPendingSession { .. }).then_some(()));
        world.run(S(10));
        assert_eq!(world.call(&id)["state"], "terminated", "{how}");
        assert_eq!(world.answered(&json!({})).1, session.id.as_str(), "{how}: it is still up");
    }
}

#[test]
fn one_line_without_persistence_ends_with_its_last_call() {
    let mut world = World::ready();
    let (first, session) = world.talking(&json!({"farEnd": "echo"}));
    let (second, on) = world.answered(&json!({"farEnd": "echo"}));
    assert_eq!(on, session.id.as_str());
    world.control("POST", &format!("calls/{second}/hangup"), &json!({}));
    assert_eq!(world.wait(call_ended), second);
    world.run(S(10));
    assert!(!world.events.iter().any(|event| session_ended(event).is_some()));
    world.control("POST", &format!("calls/{first}/hangup"), &json!({}));
    assert_eq!(world.wait(session_ended), session.id.as_str());
    let (_, next) = world.talking(&json!({}));
    assert_ne!(next.id, session.id);
}

#[test]
fn pc_13_on_one_line_the_service_holds_whoever_is_not_spoken_to() {
    let mut world = World::ready();
    let (first, session) = world.talking(&json!({"farEnd": "echo"}));
    let (second, _) = world.answered(&json!({"farEnd": "silence"}));
    assert_eq!(world.call(&first)["held"], true);
    assert_eq!(world.echoes(session.media), 0, "the second one is on the line");
    let conversation = || first.as_str().into();
    world.done(Command::SetConversationHeld { conversation: conversation(), held: false });
    world.run(S(1));
    assert_eq!(world.call(&second)["held"], true);
    assert_eq!(world.echoes(session.media), 25, "the first one is back");
}

#[test]
fn pc_14_two_lines_are_two_sessions_and_the_client_holds() {
    let mut world = World::with_station(&json!({"lineAppearances": 2}));
    let (first, one) = world.talking(&json!({"farEnd": "echo"}));
    let (second, two) = world.talking(&json!({"farEnd": "echo"}));
    assert_ne!(one.id, two.id);
    world.run(S(1));
    assert_eq!(world.call(&first)["held"], true);
    assert_eq!((world.echoes(one.media), world.echoes(two.media)), (0, 25));
    let conversation = || first.as_str().into();
    world.done(Command::SetConversationHeld { conversation: conversation(), held: false });
    world.run(S(1));
    assert_eq!(world.call(&second)["held"], true);
    assert_eq!((world.echoes(one.media), world.echoes(two.media)), (25, 0));
    world.control("POST", &format!("calls/{first}/hangup"), &json!({}));
    assert_eq!(world.wait(session_ended), one.id.as_str());
}

#[test]
fn pc_16_a_second_call_on_a_persistent_phone_of_many_lines_has_a_session_of_its_own() {
    let mut world = persistent(100);
    let (first, one) = world.talking(&json!({}));
    let (second, two) = world.talking(&json!({}));
    assert_ne!(one.id, two.id);
    world.control("POST", &format!("calls/{second}/hangup"), &json!({}));
    assert_eq!(world.wait(session_ended), two.id.as_str(), "only the first one stays");
    world.hangs_up(&first);
    assert_eq!(world.answered(&json!({})).1, one.id.as_str());
}

#[test]
fn an_eager_session_brings_media_up_before_the_first_call() {
    let mut world = persistent(1);
    let eager = world.ring(&json!({"privAnswerMode": "Auto", "farEnd": "echo"}));
    let session = world.wait(started);
    world.run(S(2));
    assert_eq!(world.echoes(session.media), 25, "its far end is heard while there is no call");
    assert!(!world.events.iter().any(|event| pending(event).is_some()), "nobody rings");
    let (id, on) = world.answered(&json!({"farEnd": "echo"}));
    assert_eq!(on, session.id.as_str());
    assert_eq!(world.echoes(session.media), 25);
    let held = Command::SetConversationHeld { conversation: id.as_str().into(), held: true };
    world.done(held);
    world.run(S(1));
    assert_eq!(world.echoes(session.media), 0, "and not while one is held");
    world.hangs_up(&id);
    world.control("POST", &format!("calls/{eager}/hangup"), &json!({}));
    world.run(S(10));
    assert_eq!(world.answered(&json!({})).1, session.id.as_str(), "it outlives that, too");
}

#[test]
fn the_service_answers_on_a_line_that_is_up_where_it_is_to() {
    let mut world = persistent(1);
    let (first, session) = world.talking(&json!({}));
    world.hangs_up(&first);
    let id = world.ring(&json!({"autoAnswer": true}));
    let (call, on) = world.wait(call_connected);
    assert_eq!((call.id.as_str(), on.as_str()), (&*id, session.id.as_str()));
}

#[test]
fn pc_17_the_service_tells_what_the_persistent_connection_is() {
    let mut world = persistent(1);
    let told = |world: &mut World| {
        world.wait(|event| match event {
            Event::PersistentConnection(state) => Some(format!("{state:?}")),
            _ => None,
        })
    };
    let id = world.ring(&json!({}));
    world.wait(pending);
    world.done(Command::AcceptPendingSession { conversation: id.as_str().into() });
    assert_eq!(told(&mut world), "ActiveCall");
    world.run(S(1));
    world.control("POST", &format!("calls/{id}/hangup"), &json!({}));
    assert_eq!(told(&mut world), "Persisted");
    let (id, session) = world.answered(&json!({}));
    world.hangs_up(&id);
    world.events.clear();
    let end = Command::ForceTerminateSession {
        session: session.as_str().into(),
        reason: offhook::jingle::Reason::Success,
    };
    world.done(end);
    assert_eq!(told(&mut world), "Disconnected");
}
