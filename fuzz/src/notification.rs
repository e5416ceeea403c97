//! Notifications: what the service publishes about the user's calls, phone and connection.

use std::time::Duration;

use offhook::genesys::Command;

use crate::agent::{Agent, ring, talk, tells_a_secret};
use crate::service;

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
/// # Panics
///
/// One of these does not hold.
pub fn notification(data: &[u8]) {
    if tells_a_secret(data) {
        return;
    }
    let Some((head, text)) = data.split_first() else { return };
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
