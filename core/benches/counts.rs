//! Scenarios for counting instructions: `.ci/counts` runs each of them under callgrind, which counts
//! only inside [`counted`].
//!
//! Given the name of a scenario it plays that; otherwise it prints the names.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a program of its own")]

mod common;

use std::hint::black_box;

use common::{Agent, ribbon, traffic};
use offhook::genesys::wire::Frame;
use traffic::Escaping;

/// Times that each scenario is counted; `.ci/counts` divides by it. The first time is not counted.
const ROUNDS: usize = 10;

const SCENARIOS: [(&str, fn()); 6] = [
    ("session-initiate", session_initiate),
    ("conversation-event", conversation_event),
    ("inbound-call", inbound_call),
    ("login", login),
    ("datagram", datagram),
    ("ribbon-call", ribbon_call),
];

fn main() {
    let asked = std::env::args().nth(1).unwrap_or_default();
    match SCENARIOS.iter().find(|(name, _)| *name == asked) {
        Some((_, play)) => play(),
        None => SCENARIOS.iter().for_each(|(name, _)| println!("{name} {ROUNDS}")),
    }
}

/// Runs the work that is counted. Its name is known to `.ci/counts`, so it has to remain a
/// function.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// Does the work a first time, so that nothing is new, and then for the count.
fn repeat<I, T>(mut input: impl FnMut() -> I, mut work: impl FnMut(I) -> T) {
    work(input());
    for _ in 0..ROUNDS {
        let input = input();
        counted(|| work(input));
    }
}

/// A 4 KB offer, from text to typed, and dropped.
fn session_initiate() {
    let text = traffic::session_initiate();
    repeat(|| (), |()| drop(black_box(Frame::parse(black_box(&text)))));
}

/// A 6.8 KB notification, from WebSocket text to the application's event.
fn conversation_event() {
    let mut agent = Agent::ready();
    agent.play(Agent::script_to_connected());
    let mut held = false;
    let notification = || {
        held = !held;
        traffic::notification("connected", held, Escaping::Little)
    };
    repeat(notification, |text| agent.frame(text));
}

/// The signaling of a whole inbound call.
fn inbound_call() {
    let script = Agent::script_of_a_call();
    let call = || (Agent::ready(), script.clone());
    repeat(call, |(mut agent, script)| {
        agent.play(script);
        agent
    });
}

/// From nothing to ready for calls.
fn login() {
    let login = Agent::login();
    repeat(|| login.clone(), Agent::logged_in);
}

/// A datagram of a call that is up, with an engine that costs nothing.
fn datagram() {
    let mut agent = Agent::ready();
    agent.play(Agent::script_to_connected());
    repeat(|| vec![0; 160], |data| agent.datagram(data));
}

/// The notifications of an answered Ribbon call, from WebSocket text to the application's events.
fn ribbon_call() {
    let sdp = ribbon::description();
    let texts = [
        ribbon::notification("ringing", 1, None),
        ribbon::notification("respondCallUpdate", 1, Some(&sdp)),
        ribbon::notification("callEnd", 1, None),
    ];
    let call = || {
        let mut user = ribbon::User::ready();
        user.place();
        (user, texts.clone())
    };
    repeat(call, |(mut user, texts)| {
        texts.into_iter().for_each(|text| user.hear(text));
        user
    });
}
