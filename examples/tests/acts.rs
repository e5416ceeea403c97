//! The demo's acts in rooms, over real sockets and real media, on one runtime and in one signaling each. Every
//! wait in them has a deadline.

use std::time::Duration;

use offhook_examples::demo::{self, Act, Plan, Screen, Signaling};

fn plan(signaling: Signaling, seed: u64) -> Plan {
    let mut plan = Plan::new(signaling, seed).unwrap();
    plan.shorten(Duration::from_secs(2));
    plan
}

fn check(act: &Act) {
    assert_eq!(act.checks.faults(), Vec::<String>::new(), "{}", act.checks.table());
    let rows = act.ladder.rows().len();
    assert!((80..600).contains(&rows), "{rows} lines in the diagram");
    assert!(!act.ladder.to_html().contains("lab-token-"), "the token is in the diagram");
    // The tests of this file run beside each other in one process.
    let test = std::thread::current().name().map(str::to_owned).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("offhook-{test}-{}", std::process::id()));
    let written = act.write(&folder).unwrap();
    assert_eq!(written.len(), 3);
    assert_eq!(std::fs::read(folder.join(act.film)).unwrap(), act.file);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_meeting_by_jingle_on_tokio() {
    let plan = plan(Signaling::Jingle, 41);
    let emulator = demo::emulator_of_rooms(&plan).unwrap();
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let play = demo::play_meeting::<offhook_tokio::Tokio>;
    check(&tokio.block_on(play(&emulator, &plan, &Screen::quiet())).unwrap());
    emulator.shutdown();
}

#[test]
fn a_meeting_by_sdp_on_smol() {
    let plan = plan(Signaling::Sdp, 42);
    let emulator = demo::emulator_of_rooms(&plan).unwrap();
    let play = demo::play_meeting::<offhook_smol::Smol>;
    check(&smol::block_on(play(&emulator, &plan, &Screen::quiet())).unwrap());
    emulator.shutdown();
}

#[test]
fn screens_by_sdp_on_tokio() {
    let plan = plan(Signaling::Sdp, 43);
    let emulator = demo::emulator_of_rooms(&plan).unwrap();
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let play = demo::play_screens::<offhook_tokio::Tokio>;
    check(&tokio.block_on(play(&emulator, &plan, &Screen::quiet())).unwrap());
    emulator.shutdown();
}

#[test]
fn screens_by_jingle_on_smol() {
    let plan = plan(Signaling::Jingle, 44);
    let emulator = demo::emulator_of_rooms(&plan).unwrap();
    let play = demo::play_screens::<offhook_smol::Smol>;
    check(&smol::block_on(play(&emulator, &plan, &Screen::quiet())).unwrap());
    emulator.shutdown();
}
