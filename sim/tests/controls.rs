//! Other controls of a call from an agent's phone: transfers, consults, keys, recording, wrap-up.

mod common;

use common::world::World;
use offhook::genesys::{
    CallControl, Command, ConversationId, Error, ErrorKind, Event, Outcome, RecordingState,
    SpeakTo, Target,
};
use serde_json::{Value, json};

fn control(world: &mut World, call: &str, control: CallControl) -> Result<Outcome, Error> {
    let conversation = ConversationId::from(call);
    let command = world.submit(Command::ControlCall { conversation, control }).unwrap();
    world.settle(command)
}

/// The values of a field in the events of that kind that the service saw.
fn seen(world: &mut World, kind: &str, field: &str) -> Vec<Value> {
    let events = world.control("GET", &format!("events?type={kind}"), &Value::Null);
    let events = events["events"].as_array().cloned().unwrap_or_default();
    events.into_iter().map(|event| event[field].clone()).collect()
}

fn address() -> Target {
    Target::Address("+15550199".to_owned())
}

#[test]
fn a_consult_begins_changes_and_ends() {
    let mut world = World::ready();
    let (id, _) = world.talking(&json!({}));
    let speak_to = |to| CallControl::SpeakTo(to);
    let refused = control(&mut world, &id, speak_to(SpeakTo::Both)).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Http(400), "nobody is consulted");
    let consult = CallControl::Consult { to: address(), speak_to: SpeakTo::Destination };
    assert!(control(&mut world, &id, consult.clone()).is_ok());
    assert!(control(&mut world, &id, consult).is_err(), "one at a time");
    let call = world.control("GET", &format!("calls/{id}"), &Value::Null);
    assert_eq!(call["consult"], "DESTINATION");
    assert!(control(&mut world, &id, speak_to(SpeakTo::Both)).is_ok());
    assert!(control(&mut world, &id, CallControl::CancelConsult).is_ok());
    assert!(control(&mut world, &id, CallControl::CancelConsult).is_err());
    let told = seen(&mut world, "consult", "speakTo");
    assert_eq!(told, [json!("DESTINATION"), json!("BOTH"), Value::Null]);
}

#[test]
fn a_transfer_ends_the_call_here_and_can_be_wrapped_up() {
    let mut world = World::ready();
    let (id, _) = world.talking(&json!({}));
    assert!(control(&mut world, &id, CallControl::Transfer { to: address() }).is_ok());
    world.wait(|event| matches!(event, Event::CallEnded { .. }).then_some(()));
    assert_eq!(seen(&mut world, "replaced", "to"), [json!({"address": "+15550199"})]);
    let wrap_up = CallControl::WrapUp { code: "sold".to_owned(), notes: None };
    assert!(control(&mut world, &id, wrap_up).is_ok());
    assert_eq!(seen(&mut world, "wrapup", "code"), [json!("sold")]);
}

#[test]
fn keys_recording_and_isolation_are_the_services() {
    let mut world = World::ready();
    let (id, _) = world.talking(&json!({}));
    assert!(control(&mut world, &id, CallControl::PressKeys("12#".to_owned())).is_ok());
    assert!(control(&mut world, &id, CallControl::PressKeys("hello".to_owned())).is_err());
    assert_eq!(seen(&mut world, "digits", "digits"), [json!("12#")]);
    for (recording, state) in [(true, RecordingState::Active), (false, RecordingState::Paused)] {
        assert!(control(&mut world, &id, CallControl::SetRecording(recording)).is_ok());
        world.wait(|event| match event {
            Event::ConversationUpdate(update) => {
                update.current.iter().find(|call| call.recording == state).map(|_| ())
            }
            _ => None,
        });
    }
    assert!(control(&mut world, &id, CallControl::SetConfined(true)).is_ok());
}
