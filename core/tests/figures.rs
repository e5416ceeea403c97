//! The time that the network may cost, in virtual time: the set-up of a call and the delay of what is heard. Of the
//! processor's time `benches/relayed.rs` tells.
#![cfg(feature = "str0m")]
#![allow(clippy::disallowed_macros, reason = "figures are shown")]

mod common;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::wires::{Wires, stun, turn};
use offhook::Seed;
use offhook::media::rtp::{Moment, Playout};
use offhook::media::{AudioCodec, EngineConfig};

const MS: fn(u64) -> Duration = Duration::from_millis;
/// The most that gathering may take beyond the round trips.
const GATHERING: Duration = Duration::from_millis(100);
/// The most by which what is heard may be delayed on a clean path.
const CLEAN: Duration = Duration::from_millis(40);

fn config(seed: u64) -> EngineConfig {
    EngineConfig::new(Seed::from(seed)).codecs([AudioCodec::Pcmu])
}

#[test]
fn rfc_8656_7_2_three_servers_on_two_interfaces_cost_100_ms_beyond_the_round_trips() {
    let round_trip = MS(50);
    let addresses = [([10, 0, 0, 7], 4000), ([10, 0, 1, 7], 4001)].map(SocketAddr::from);
    let [one, other] = stun();
    let servers = [one, other, turn()];
    let mut wires =
        Wires::new(round_trip / 2, [config(1).ice_servers(servers), config(2)], &addresses);
    let began = wires.now;
    wires.open(0);
    wires.run(MS(5000));
    let kinds = ["typ host", "typ srflx", "typ relay"];
    let told = &wires.ends[0].candidates;
    let count = |kind: &str| told.iter().filter(|line| line.contains(kind)).count();
    // One address of ours asks the relay.
    assert_eq!(kinds.map(count), [2, 2, 1], "{told:?}");
    let took = wires.ends[0].complete.expect("it ends") - began;
    // A relay refuses the first request, to tell its realm and a nonce (RFC 8489 section 9.2).
    let beyond = took - 2 * round_trip;
    println!("gathering: {took:?}, of which {beyond:?} are no round trips (target {GATHERING:?})");
    assert!(beyond <= GATHERING, "{beyond:?}");
}

/// The longest that a frame waits of a minute of them, which come so much later than the fastest by turns.
fn waits(jitter: &[Duration]) -> Duration {
    let mut playout = Playout::default();
    #[allow(clippy::disallowed_methods)] // The one clock reading: every other instant is relative.
    let start = Instant::now();
    let (mut heard, mut longest) = (0, Duration::ZERO);
    for n in 0..3000_u32 {
        let sent = start + n * MS(20);
        let came = sent + jitter[n as usize % jitter.len()];
        while let Some(due) = playout.next_wake().filter(|due| *due <= came) {
            let (was_sent, missing): (Instant, u64) = playout.pop(due).expect("it is due");
            assert_eq!(missing, 0);
            longest = longest.max(due - was_sent);
            heard += 1;
        }
        let moment = Moment { time: n * 160, rate: 8000, marker: n == 0 };
        playout.insert(came, n.into(), Some(moment), sent);
    }
    assert!(heard > 2900 && playout.lost() + playout.late() == 0, "{heard}");
    longest
}

#[test]
fn what_comes_by_a_clean_path_waits_for_40_ms_at_most() {
    let clean = waits(&[Duration::ZERO]);
    let usual = waits(&[0, 3, 1, 0, 5, 2, 0, 4].map(MS));
    println!(
        "playout: {clean:?}, and {usual:?} where packets take 5 ms more or less (target {CLEAN:?})"
    );
    assert!(clean <= usual && usual <= CLEAN, "{clean:?} {usual:?}");
}

#[test]
fn from_the_one_application_to_the_other_it_takes_the_way_and_40_ms_at_most() {
    let way = MS(30);
    let mut wires = Wires::new(way, [config(1), config(2)], &[([10, 0, 0, 7], 4000).into()]);
    wires.connect();
    let began = wires.now;
    wires.speak(500);
    wires.run(MS(500));
    for end in &wires.ends {
        assert_eq!(end.heard.len(), 500);
        let waits = |(n, heard): (u32, &Instant)| *heard - (began + n * MS(20)) - way;
        let longest = (0..).zip(&end.heard).map(waits).max();
        assert!(longest.is_some_and(|longest| longest <= CLEAN), "{longest:?}");
    }
}
