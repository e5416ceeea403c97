//! Notifications: what the service publishes about the user's calls, phone and connection.

use std::time::Duration;

use offhook::genesys::Command;

use crate::agent::{Agent, ring, talk, tells_a_secret};
use crate::damage::{Pair, Script};
use crate::service::{self, PEER, escaped};
use crate::story::{Said, story};

thread_local! {
    static STORIES: [Vec<Said>; 2] = [story(false), story(true)];
}

/// The topics by number. The last ones are not the client's own.
const NODES: [&str; 8] = [
    "v2.users.u1.conversations",
    "v2.users.u1.persistentconnection",
    "v2.users.u1.station",
    "v2.users.u1.alertingleader",
    "v2.users.u1.presence",
    "system.v2.no_longer_subscribed.channel-1",
    "system.v2.duplicate_id.channel-1",
    "v2.users.u2.conversations",
];
/// Notifications in one run; what follows is not read.
const MAX_NOTIFICATIONS: usize = 8;

/// The JSON of notifications, in a client that idles, rings or talks.
///
/// The first byte chooses the topic (3 bits), whether a subscription is the application's (1), what
/// the client does meanwhile (2) and its phone (2). Then the JSON; a NUL begins another one.
///
/// Whatever comes is an event, or skipped; the client goes on as before, and in the end nothing is
/// left of it.
///
/// If the JSON begins with NUL, it is a script that damages one message of a whole call: the call is
/// the same as without what was damaged.
///
/// # Panics
///
/// One of these does not hold.
pub fn notification(data: &[u8]) {
    if tells_a_secret(data) {
        return;
    }
    let Some((head, text)) = data.split_first() else { return };
    if let Some(script) = Script::read(text) {
        return STORIES.with(|[jingle, sdp]| {
            lives_the_same(*head, if head & 1 == 0 { jingle } else { sdp }, script);
        });
    }
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut agent = Agent::ready(u16::from(head >> 6) | 1 << 6 | 1 << 10);
    if head & 8 != 0 {
        let topic = "v2.users.u1.presence".to_owned();
        agent.submit(Command::Subscribe { topic });
        agent.wait_served(Duration::from_secs(1));
    }
    match (head >> 4) & 3 {
        0 => {}
        1 => ring(&mut agent, "M1", "C1"),
        _ => talk(&mut agent, "M1", "C1"),
    }
    for (number, json) in text.split('\0').take(MAX_NOTIFICATIONS).enumerate() {
        let node = NODES[(usize::from(head & 7) + number) % NODES.len()];
        agent.frame(service::notification(node, json));
        agent.serve();
    }
    agent.wait_served(Duration::from_secs(20));
    agent.put_to_rest();
}

/// The call with a damaged message is the call with one that lacks the damaged parts.
fn lives_the_same(head: u8, story: &[Said], script: Script<'_>) {
    let number = script.message(story.len());
    let pair = damaged(&story[number], script);
    let mut odd = lived(head, story, number, &pair.odd);
    let without = lived(head, story, number, &pair.without);
    let (told, expected) = (odd.told(), without.told());
    assert_eq!(told, expected, "what cannot be used costs more than itself: {}", pair.odd);
    odd.put_to_rest();
}

fn damaged(said: &Said, script: Script<'_>) -> Pair<String> {
    type Frame = Box<dyn Fn(&str) -> String>;
    let (pair, frame): (_, Frame) = match said {
        Said::Frame(tree) => return script.tree(tree, true),
        Said::Notification(node, good, needed) => {
            (script.json(good, needed), Box::new(|text| service::notification(node, text)))
        }
        Said::Call(good, needed) => (script.json(good, needed), Box::new(call)),
    };
    Pair { odd: frame(&pair.odd), without: frame(&pair.without) }
}

fn call(text: &str) -> String {
    let text = escaped(text);
    service::request(PEER, &format!(r#"<genesys-webrtc xmlns="genesys">{text}</genesys-webrtc>"#))
}

/// A client that lives through the story, with one frame in the place of another.
fn lived(head: u8, story: &[Said], number: usize, frame: &str) -> Agent {
    // No traces: they show what comes as it comes.
    let mut agent = Agent::ready(u16::from(head >> 6));
    agent.record();
    let nothing = Script::read(&[0, 0]).expect("a script without damages");
    for (at, said) in story.iter().enumerate() {
        agent.frame(if at == number { frame.to_owned() } else { damaged(said, nothing).odd });
        if at == 1 {
            agent.submit(Command::AcceptPendingSession { conversation: "C1".into() });
        }
        agent.serve();
        if at == 2 {
            for id in agent.udp.clone() {
                agent.datagram(id, 0);
            }
        }
    }
    agent.wait_served(Duration::from_secs(1));
    agent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::damage;

    #[test]
    fn the_story_is_a_whole_call() {
        for by_sdp in [false, true] {
            let story = story(by_sdp);
            let good = damaged(&story[0], Script::read(&[0, 0]).unwrap());
            let agent = lived(0, &story, 0, &good.odd);
            let told = agent.told().join("\n");
            for part in ["SessionStarted", "CallConnected", "Connected", "SessionEnded"] {
                assert!(told.contains(part), "{part}: {told}");
            }
        }
    }

    #[test]
    fn whatever_optional_part_is_damaged_the_call_is_the_same_without() {
        for (number, script) in damage::all(10, 40).enumerate().filter(|(n, _)| n % 31 == 0) {
            notification(&[&[u8::from(number % 2 == 0)], &script[..]].concat());
        }
    }
}
