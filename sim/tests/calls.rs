//! Whole calls: the client and the model cloud, real media, virtual time.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::talk::{media_connected, pending, started};
use common::world::World;
use offhook::genesys::{Command, Dial, Event, HandledBy, Outcome};
use offhook::media::{AudioCodec, AudioFrame, Digit};
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;

fn ended(event: &Event) -> Option<String> {
    match event {
        Event::SessionEnded { reason, .. } => Some(reason.to_string()),
        _ => None,
    }
}

fn frame(n: u64) -> AudioFrame {
    let data = Bytes::from(vec![0xf8, n as u8, 1, 2, 3]);
    AudioFrame { codec: AudioCodec::Opus, time: n * 960, lost_before: 0, talkspurt: false, data }
}

#[test]
fn an_inbound_call_by_either_signaling_has_audio_both_ways() {
    for signaling in ["jingle", "sdp"] {
        for trickle in [true, false] {
            let mut world = World::ready();
            let plan = json!({"signaling": signaling, "trickle": trickle, "farEnd": "prompt"});
            let (id, session) = world.talking(&plan);
            for n in 0..100 {
                world.speak(session.media, frame(n));
                world.run(Duration::from_millis(20));
            }
            assert!(world.heard.len() > 90, "{signaling} {trickle}: {}", world.heard.len());
            assert!(world.heard.iter().all(|f| f.lost_before == 0));
            let media = world.control("GET", &format!("calls/{id}/media"), &Value::Null);
            assert_eq!(media["packetsReceived"], 100, "{signaling}: {media}");
            world.control("POST", &format!("calls/{id}/hangup"), &json!({}));
            assert_eq!(world.wait(ended), "success");
            world.run(S(1));
            let call = world.control("GET", &format!("calls/{id}"), &Value::Null);
            assert_eq!(call["state"], "terminated");
            assert!(call["candidatesFromClient"].as_u64().unwrap() >= 1);
        }
    }
}

#[test]
fn an_outbound_call_is_placed_and_answered() {
    let mut world = World::ready();
    let dial = world.submit(Command::StartSoftphoneSession(Dial::number("+15550123"))).unwrap();
    let Ok(Outcome::Dialled(dialled)) = world.settle(dial) else { panic!("not dialled") };
    // It is told as ours while it rings at the far end.
    world.wait(|event| match event {
        Event::ConversationUpdate(update) if !update.added.is_empty() => Some(()),
        _ => None,
    });
    world.wait(media_connected);
    let end = Command::EndSession { conversation: dialled.conversation };
    let end = world.submit(end).unwrap();
    assert_eq!(world.settle(end), Ok(Outcome::Done));
}

#[test]
fn mute_and_hold_silence_what_they_should() {
    let mut world = World::ready();
    let (id, session) = world.talking(&json!({"farEnd": "echo"}));
    let talk = |world: &mut World, from: u64| {
        world.heard.clear();
        for n in from..from + 25 {
            world.speak(session.media, frame(n));
            world.run(Duration::from_millis(20));
        }
        world.run(Duration::from_millis(200));
        world.heard.len()
    };
    assert_eq!(talk(&mut world, 0), 25);
    for (n, (command, heard)) in [
        (Command::SetAudioMute { conversation: id.as_str().into(), muted: true }, 0),
        (Command::SetAudioMute { conversation: id.as_str().into(), muted: false }, 25),
        (Command::SetConversationHeld { conversation: id.as_str().into(), held: true }, 0),
        (Command::SetConversationHeld { conversation: id.as_str().into(), held: false }, 25),
    ]
    .into_iter()
    .enumerate()
    {
        let command = world.submit(command).unwrap();
        assert_eq!(world.settle(command), Ok(Outcome::Done));
        world.wait(|event| matches!(event, Event::ConversationUpdate(_)).then_some(()));
        assert_eq!(talk(&mut world, 100 * (n as u64 + 1)), heard, "step {n}");
    }
}

#[test]
fn keys_are_heard_by_the_far_end() {
    let mut world = World::ready();
    let (id, _) = world.talking(&json!({}));
    let digits: Vec<_> = "1#".chars().map(|c| Digit::try_from(c).unwrap()).collect();
    let conversation = id.as_str().into();
    let duration = Duration::from_millis(100);
    let keys = world.submit(Command::SendDtmf { conversation, digits, duration }).unwrap();
    assert_eq!(world.settle(keys), Ok(Outcome::Done));
    world.run(S(1));
    let events = world.control("GET", "events?type=dtmf", &Value::Null);
    let heard: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|e| e["digit"].as_str().unwrap()).collect();
    assert_eq!(heard, ["1", "#"]);
}

#[test]
fn ringing_ends_by_the_caller_by_another_client_and_by_rejecting() {
    for (how, body) in [
        ("cancel", json!({})),
        ("elsewhere", json!({"how": "accept"})),
        ("elsewhere", json!({"how": "reject"})),
    ] {
        let mut world = World::ready();
        let id = world.ring(&json!({}));
        world.wait(pending);
        world.control("POST", &format!("calls/{id}/{how}"), &body);
        world.wait(|event| match event {
            Event::CancelPendingSession { .. } if how == "cancel" => Some(()),
            Event::HandledPendingSession { by: HandledBy::Elsewhere, .. } if how != "cancel" => {
                Some(())
            }
            _ => None,
        });
    }
    for purpose in ["agent", "user"] {
        let mut world = World::ready();
        let id = world.ring(&json!({"purpose": purpose}));
        world.wait(pending);
        let reject = Command::RejectPendingSession { conversation: id.as_str().into() };
        let reject = world.submit(reject).unwrap();
        assert_eq!(world.settle(reject), Ok(Outcome::Done));
        world.wait(|e| matches!(e, Event::CancelPendingSession { .. }).then_some(()));
        let call = world.control("GET", &format!("calls/{id}"), &Value::Null);
        assert_eq!(call["state"], "terminated", "{purpose}");
    }
}

#[test]
fn a_dropped_connection_comes_back_and_the_call_goes_on() {
    for mode in
        ["tcp", "close", "stream-error", "xmpp-close", "no_longer_subscribed", "duplicate_id"]
    {
        let mut world = World::ready();
        let (id, session) = world.talking(&json!({"farEnd": "echo"}));
        world.control("POST", "connections/drop", &json!({"userId": "u1", "mode": mode}));
        world.wait(|event| {
            matches!(event, Event::Disconnected { reconnecting: true, .. }).then_some(())
        });
        world.wait(|event| matches!(event, Event::Ready).then_some(()));
        world.heard.clear();
        for n in 0..25 {
            world.speak(session.media, frame(n));
            world.run(Duration::from_millis(20));
        }
        world.run(Duration::from_millis(100));
        assert_eq!(world.heard.len(), 25, "{mode}: media survives signaling");
        world.control("POST", &format!("calls/{id}/hangup"), &json!({}));
        assert_eq!(world.wait(ended), "success", "{mode}");
    }
}

#[test]
fn an_early_offer_by_the_wrong_signaling_is_swallowed() {
    for also in ["before", "after"] {
        let mut world = World::ready();
        let (_, session) = world.talking(&json!({"signaling": "sdp", "alsoJingle": also}));
        assert_eq!(session.signaling, offhook::genesys::Signaling::Sdp, "{also}");
        world.run(S(2));
        let more = world.events.iter().filter(|e| started(e).is_some()).count();
        assert_eq!(more, 0, "{also}: one session");
    }
}

#[test]
fn an_idle_hour_stays_connected() {
    for server_side_pings in [false, true] {
        let mut world = World::new(|config| config.server_side_pings = server_side_pings);
        let connect = world.submit(Command::Connect).unwrap();
        assert_eq!(world.settle(connect), Ok(Outcome::Done));
        world.events.clear();
        world.run(S(3600));
        assert!(world.client.is_connected());
        assert!(world.events.is_empty(), "{:?}", world.events);
        assert!(world.elapsed() > S(3600));
    }
}

#[test]
fn topics_of_other_users_are_published_and_unknown_ones_refused() {
    let mut world = World::ready();
    world.control("POST", "users", &json!({"userId": "u2", "token": "2"}));
    // By REST, and over the stream itself.
    let topics = vec!["v2.users.u2.conversations".to_owned(), "nonsense".to_owned()];
    let all = world.submit(Command::SubscribeAll { topics, priority: 0 }).unwrap();
    let Ok(Outcome::Subscribed(answers)) = world.settle(all) else { panic!("not answered") };
    let refused: Vec<_> = answers.iter().filter(|answer| answer.refusal.is_some()).collect();
    assert!(answers.len() == 2 && refused.len() == 1, "{answers:?}");
    assert_eq!(refused[0].topic, "nonsense");
    let unknown = world.submit(Command::Subscribe { topic: "v2.nonsense".to_owned() }).unwrap();
    assert!(world.settle(unknown).is_err());

    let call = json!({"kind": "inbound", "userId": "u2"});
    let call = world.control("POST", "calls", &call)["conversationId"].as_str().unwrap().to_owned();
    let told = world.wait(|event| match event {
        Event::Notification { topic, data } if topic == "v2.users.u2.conversations" => {
            Some(format!("{data:?}"))
        }
        _ => None,
    });
    assert!(told.contains(&call));
    world.run(S(5));
    assert!(!world.events.iter().any(|event| pending(event).is_some()), "it rings at u2's only");
}
