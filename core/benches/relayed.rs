//! Media by a relay against media by the straight way, measured in turn in one run: what our side does for a
//! packet, there and back. The relay is a model in memory, whose work does not count.
#![allow(clippy::disallowed_macros, reason = "a benchmark prints")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/common/wires.rs"]
mod wires;

use std::net::SocketAddr;
use std::time::Duration;

use offhook::Seed;
use offhook::media::{AudioCodec, EngineConfig};
use wires::{Wires, turn};

/// Seconds of speech that are measured in turn, each way.
const ROUNDS: usize = 201;
const PACKETS: u64 = 50;
/// More of the processor's time than by the straight way.
const TARGET: f64 = 1.05;

fn main() {
    let config = |seed| EngineConfig::new(Seed::from(seed)).codecs([AudioCodec::Pcmu]);
    let by_relay = |config: EngineConfig| config.ice_servers([turn()]).relay_only(true);
    let (mut straight, mut relayed) =
        (call([config(1), config(2)]), call([by_relay(config(1)), config(2)]));
    assert!(relayed.ends[0].candidates.iter().all(|line| line.contains("typ relay")));
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let (straight, relayed) = (second(&mut straight), second(&mut relayed));
            (relayed.as_secs_f64() / straight.as_secs_f64(), relayed, straight)
        })
        .collect();
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, relayed, straight) = rounds[ROUNDS / 2];
    let each = |spent: Duration| spent / u32::try_from(PACKETS).unwrap_or(1);
    println!(
        "packet of 172 bytes by a relay, sent and heard: {ratio:.3}x the straight way (target {TARGET}x; {:.2?} against {:.2?})",
        each(relayed),
        each(straight),
    );
}

/// A call that is up, and has been for a while.
fn call(configs: [EngineConfig; 2]) -> Wires {
    let here = SocketAddr::from(([10, 0, 0, 7], 4000));
    let mut wires = Wires::new(Duration::from_millis(5), configs, &[here]);
    wires.connect();
    wires.speak(10 * PACKETS);
    wires
}

/// The time that the first end works for a second of speech.
fn second(wires: &mut Wires) -> Duration {
    let (before, heard) = (wires.ends[0].worked, wires.ends[0].heard.len());
    wires.speak(PACKETS);
    assert!(wires.ends[0].heard.len() + 2 >= heard + PACKETS as usize, "it is heard");
    wires.ends[0].worked - before
}
