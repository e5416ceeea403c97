//! Our part of a conversation, and the conversation that is talked on (behaviour notes 4.2, 4.3;
//! scenarios 84 to 92).

use serde_json::{Value, json};

use super::rig::{LA1P, LA100, Rig};
use crate::genesys::{Command, ConversationUpdate, ErrorKind, Event, Outcome};

const TOPIC: &str = "v2.users.user-1.conversations";

/// A participant of ours with calls in these states: `id-0`, `id-1` and so on.
fn ours(id: &str, purpose: &str, states: &[&str]) -> Value {
    let calls = states.iter().enumerate().map(
        |(n, state)| json!({"id": format!("{id}-{n}"), "state": state, "direction": "inbound"}),
    );
    json!({"id": id, "purpose": purpose, "userId": "user-1", "calls": calls.collect::<Vec<_>>()})
}

fn tell(rig: &mut Rig, participants: &[Value]) {
    rig.notify(TOPIC, &json!({"id": "C1", "participants": participants}));
}

/// The participant through which a call that rings on the idle session is answered.
fn answered_as(participants: &[Value]) -> Option<String> {
    let mut rig = Rig::idle(LA1P);
    tell(&mut rig, participants);
    if rig.told() != ["PendingSession M1 C1"] {
        assert!(rig.client.size() > 0, "the idle session is remembered");
        return None;
    }
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    let asked = rig.asked.pop_front().unwrap();
    assert_eq!(asked.body, json!({"state": "connected"}));
    asked.what.rsplit('/').next().map(str::to_owned)
}

fn update(rig: &mut Rig) -> Option<ConversationUpdate> {
    rig.events.drain(..).rev().find_map(|event| match event {
        Event::ConversationUpdate(update) => Some(update),
        _ => None,
    })
}

#[test]
fn cv_4_scenario_84_of_several_legs_the_newest_with_a_call_counts() {
    let legs = [ours("p1", "agent", &["terminated"]), ours("p2", "agent", &["alerting"])];
    assert_eq!(answered_as(&legs).as_deref(), Some("p2"));
    let legs = [ours("p1", "agent", &["alerting"]), ours("p2", "agent", &[])];
    assert_eq!(answered_as(&legs).as_deref(), Some("p1"), "one without a call is passed over");
}

#[test]
fn cv_3_scenario_85_86_a_leg_in_our_voicemail_and_strangers_are_not_ours() {
    let voicemail = ours("p2", "voicemail", &["connected"]);
    let legs = [ours("p1", "user", &["alerting"]), voicemail.clone()];
    assert_eq!(answered_as(&legs).as_deref(), Some("p1"));
    assert_eq!(answered_as(&[voicemail]), None);
    let mut stranger = ours("p3", "agent", &["alerting"]);
    stranger["userId"] = json!("user-2");
    assert_eq!(answered_as(&[stranger]), None);
    assert_eq!(answered_as(&[]), None);
}

#[test]
fn cv_6_scenario_87_of_several_calls_on_our_leg_which_one_counts() {
    assert_eq!(answered_as(&[ours("p", "agent", &[])]), None);
    assert!(answered_as(&[ours("p", "agent", &["alerting"])]).is_some());
    assert!(answered_as(&[ours("p", "agent", &["terminated", "alerting"])]).is_some());
    assert!(answered_as(&[ours("p", "agent", &["alerting", "terminated"])]).is_some());
    for (states, wanted) in [
        (&["terminated", "connected"][..], "p-1"),
        (&["connected", "terminated"][..], "p-0"),
        (&["connected", "connected"][..], "p-1"),
    ] {
        let mut rig = Rig::busy();
        tell(&mut rig, &[ours("p", "agent", states)]);
        let update = update(&mut rig).unwrap();
        assert_eq!(update.current[0].call.as_str(), wanted, "{states:?}");
    }
}

#[test]
fn def_26_scenario_88_another_id_is_a_change_of_the_same_call() {
    let mut rig = Rig::busy();
    rig.conv_with("C1", "inbound", "connected", &json!({"id": "K-new"}), "agent");
    let update = update(&mut rig).unwrap();
    assert_eq!(update.current[0].call.as_str(), "K-new");
    assert!(update.added.is_empty() && update.removed.is_empty());
}

#[test]
fn cv_10_def_17_scenario_89_90_which_conversation_is_the_active_one() {
    let held = |held: bool| json!({"held": held});
    let active = |rig: &mut Rig| {
        let update = update(rig).expect("an update");
        update.active.map(|id| id.to_string())
    };
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.connected_call("M2", "C2");
    // Several talk: the first that is not on hold.
    rig.conv_with("C1", "inbound", "connected", &held(true), "agent");
    assert_eq!(active(&mut rig).as_deref(), Some("C2"));
    // All on hold: the one that it is about.
    rig.conv_with("C2", "inbound", "connected", &held(true), "agent");
    assert_eq!(active(&mut rig).as_deref(), Some("C2"));
    rig.conv_with("C1", "inbound", "connected", &json!({"held": true, "muted": true}), "agent");
    assert_eq!(active(&mut rig).as_deref(), Some("C1"));
    // One is over: the one that talks, even if it is on hold and another rings.
    rig.conv("C3", "inbound", "alerting");
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(active(&mut rig).as_deref(), Some("C2"));
    // Only one is left, and it rings.
    rig.conv("C2", "inbound", "disconnected");
    assert_eq!(active(&mut rig).as_deref(), Some("C3"));
    // None is left: none is active, whatever the idle session was used for.
    rig.conv("C3", "inbound", "terminated");
    let mut rig = Rig::busy();
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(active(&mut rig), None);
}

#[test]
fn cv_9_scenario_91_who_was_added_is_current_and_who_was_removed_is_not() {
    let mut rig = Rig::idle(LA1P);
    rig.conv("C1", "inbound", "alerting");
    rig.conv("C1", "inbound", "connected");
    let added = update(&mut rig).unwrap();
    assert_eq!(added.added, added.current);
    assert!(added.added.len() == 1 && added.removed.is_empty());
    let before = rig.client.size();
    rig.conv("C1", "inbound", "disconnected");
    let removed = update(&mut rig).unwrap();
    assert_eq!(removed.removed[0].id.as_str(), "C1");
    assert!(removed.current.is_empty() && removed.added.is_empty());
    assert!(rig.client.size() < before, "it is forgotten");
}

fn decline() -> Command {
    Command::RejectPendingSession { conversation: "C1".into() }
}

#[test]
fn pc_10_declining_never_hangs_up_the_leg_that_talks() {
    let talks = ours("p1", "agent", &["connected"]);
    let rings = |purpose: &str| ours("p2", purpose, &["alerting"]);
    let both_on_one = ours("p3", "agent", &["connected", "alerting"]);
    // We talk already, and are called into the same conversation once more.
    for (participants, expected) in [
        (
            vec![talks.clone(), rings("agent")],
            Some("PATCH /conversations/calls/C1/participants/p2"),
        ),
        (
            vec![rings("agent"), talks.clone()],
            Some("PATCH /conversations/calls/C1/participants/p2"),
        ),
        (
            vec![talks.clone(), rings("user")],
            Some("POST /conversations/calls/C1/participants/p2/replace"),
        ),
        (vec![talks.clone()], None),
        (vec![talks.clone(), rings("voicemail")], None),
        (vec![both_on_one], None),
        (vec![talks.clone(), ours("p2", "agent", &["terminated"])], None),
        (vec![], None),
    ] {
        for told in [true, false] {
            let mut rig = Rig::on(LA100);
            if told {
                rig.connected_call("M1", "C1");
                tell(&mut rig, std::slice::from_ref(&talks));
                tell(&mut rig, &participants);
            }
            rig.propose("M2", "C1", "");
            rig.forget();
            let declined = rig.submit(decline()).unwrap();
            let asked = rig.expect_http("GET /conversations/C1");
            rig.respond(asked.id, 200, &json!({"id": "C1", "participants": participants}));
            match expected {
                Some(expected) => {
                    let asked = rig.expect_http(expected);
                    rig.respond(asked.id, 202, &Value::Null);
                    assert_eq!(rig.completion(declined), Some(Ok(Outcome::Done)));
                }
                None => assert_eq!(rig.failure(declined), Some(ErrorKind::Session)),
            }
            assert!(rig.asked.is_empty(), "{:?}", rig.asked);
        }
    }
}

#[test]
fn pc_10_a_decline_that_waited_until_the_call_was_answered_is_none() {
    let mut rig = Rig::idle(LA1P);
    tell(&mut rig, &[ours("p1", "agent", &["alerting"])]);
    let mute = Command::SetAudioMute { conversation: "C1".into(), muted: true };
    rig.submit(mute).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/p1");
    let declined = rig.submit(decline()).unwrap();
    assert!(rig.asked.is_empty(), "it waits (DEF-31)");
    let talks = ours("p1", "agent", &["connected"]);
    tell(&mut rig, std::slice::from_ref(&talks));
    rig.asked.clear();
    rig.respond(asked.id, 202, &Value::Null);
    let asked = rig.expect_http("GET /conversations/C1");
    rig.respond(asked.id, 200, &json!({"id": "C1", "participants": [talks]}));
    assert_eq!(rig.failure(declined), Some(ErrorKind::Session));
    assert!(rig.asked.is_empty());
}
