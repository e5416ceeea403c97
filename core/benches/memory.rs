//! Bytes that an agent's client holds: idle, and for each live call. Counted by the allocator,
//! without the media engine. Fails where it is more than it should be.
#![allow(clippy::disallowed_macros, reason = "a benchmark prints")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::ribbon::{self, User};
use common::{Agent, Script};
use offhook::genesys::Client;

/// The system's allocator, counting what is in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes unchanged to the system's allocator; only sizes are noted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as for the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

/// The goals, in bytes.
const IDLE: usize = 32 << 10;
const RIBBON_IDLE: usize = 8 << 10;
const LIVE: usize = 8 << 10;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn in_use() -> usize {
    IN_USE.load(Ordering::Relaxed)
}

fn main() -> Result<(), String> {
    let (connect, whole) = (Agent::script_to_connected(), Agent::script_of_a_call());
    let client = size_of::<Client>();

    let before = in_use();
    let mut agent = Agent::ready();
    let idle = in_use() - before;
    println!("idle agent: {} bytes (target {IDLE})", idle + client);

    play(&mut agent, &connect);
    let busy = in_use() - before;
    println!("live call: {} bytes more (target {LIVE})", busy - idle);

    let before = in_use();
    let mut agent = Agent::ready();
    play(&mut agent, &whole);
    let after = in_use() - before;
    println!("idle agent after a call: {} bytes", after + client);
    let ribbon = of_ribbon();
    if idle + client > IDLE || busy - idle > LIVE || ribbon.is_err() {
        return Err("over the goal".to_owned());
    }
    Ok(())
}

/// The same for a client of a Ribbon gateway.
fn of_ribbon() -> Result<(), ()> {
    let client = size_of::<offhook::ribbon::Client>();
    let before = in_use();
    let mut user = User::ready();
    let idle = in_use() - before + client;
    println!("idle Ribbon client: {idle} bytes (target {RIBBON_IDLE})");

    let before = in_use();
    user.place();
    user.hear(ribbon::notification("ringing", 1, None));
    user.hear(ribbon::notification("respondCallUpdate", 1, Some(&ribbon::description())));
    let busy = in_use() - before;
    println!("live Ribbon call: {busy} bytes more (target {LIVE})");

    user.hear(ribbon::notification("callEnd", 1, None));
    println!("idle Ribbon client after a call: {} bytes", in_use() - before + idle);
    if idle > RIBBON_IDLE || busy > LIVE { Err(()) } else { Ok(()) }
}

fn play(agent: &mut Agent, script: &Script) {
    agent.play(script.clone());
    agent.forget();
}
