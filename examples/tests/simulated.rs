//! Bots in virtual time, on bad days. With the feature `bug` they must be caught.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offhook::audio::{RATE, compare, resample, wav};
use offhook::genesys::{Command, Event};
use offhook_examples::{echo, hotline};
use offhook_sim::scenario::Customers;
use offhook_sim::world::{Fidelity, Seen};
use offhook_sim::{Scenario, check};

#[test]
#[cfg_attr(feature = "bug", should_panic(expected = "nobody is kept on the line"))]
fn nobody_is_kept_on_the_line_when_connections_break() {
    check(hotline::scenario()).seeds(0..5);
}

#[test]
#[cfg_attr(feature = "bug", should_panic(expected = "nobody waits"))]
fn whoever_calls_the_echo_is_answered_at_once() {
    check(echo::scenario()).seeds(0..5);
}

#[test]
fn one_caller_at_a_time_notices_nothing() {
    let one = Customers { at_once: 1, ..Customers::default() };
    check(echo::scenario().hours(0.5).customers(one)).seeds(0..1);
}

#[path = "../src/bin/ivr.rs"]
#[expect(dead_code, reason = "on a runtime it begins as a program of its own")]
mod ivr;

/// Checks that the program plays, records, presses keys, hands on and logs; see `tests/audio.rs`
/// for what is heard.
#[test]
fn the_program_of_sixty_lines_is_one_in_virtual_time_too() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ivr");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    let mut greeting = Cursor::new(Vec::new());
    let tone: Vec<i16> = (0..RATE as usize).map(|n| (n % 100 * 100) as i16).collect();
    wav::write(&mut greeting, &tone).unwrap();
    let orders = (greeting.into_inner(), "+15550123".to_owned(), folder.clone());

    let done = Arc::new(Mutex::new(BTreeMap::new()));
    let count = Arc::clone(&done);
    let scenario = echo::scenario().named("ivr").agents(2).hours(0.25);
    let scenario = scenario.program(move |phone| ivr::work(phone, orders.clone())).always(
        "it does its work",
        move |_, seen| {
            let mut count = count.lock().unwrap();
            let mut one = |what| *count.entry(what).or_insert(0) += 1;
            match seen {
                Seen::Submitted { command: Command::SendDtmf { .. }, .. } => one("keys"),
                Seen::Submitted { command: Command::ControlCall { .. }, .. } => one("handed on"),
                Seen::AgentSpoke { .. } => one("frames said"),
                Seen::Told { event: Event::CallEnded { .. }, .. } => one("calls over"),
                _ => {}
            }
            Ok(())
        },
    );
    check(scenario).seeds(0..1);
    let done = done.lock().unwrap();
    assert!(["keys", "handed on", "calls over"].iter().all(|what| done[what] > 3), "{done:?}");
    assert!(done["frames said"] >= 50 * done["keys"], "a second for each caller: {done:?}");
    let recordings = fs::read_dir(&folder).unwrap().count();
    assert!(recordings >= done["handed on"], "{recordings} of {done:?}");
}

/// On the left of what it records is the greeting, whole and at its own pace.
#[test]
fn the_program_of_sixty_lines_is_heard_in_virtual_time_as_it_is_on_a_network() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ivr-heard");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    let greeting = include_bytes!("../data/agent.wav");
    let orders = (greeting.to_vec(), "+15550123".to_owned(), folder.clone());
    let talk = (Duration::from_secs(20), Duration::from_secs(30));
    let scenario = Scenario::calm().agents(1).hours(0.1).fidelity(Fidelity::Full);
    let scenario = scenario.customers(Customers { talk, ..Customers::default() });
    check(scenario.program(move |phone| ivr::work(phone, orders.clone()))).seeds(0..1);
    let recording = fs::read_dir(&folder).unwrap().next().expect("somebody called").unwrap();
    let file = fs::read(recording.path()).unwrap();
    let left = file[44..].chunks_exact(4).map(|two| i16::from_le_bytes([two[0], two[1]]));
    let said = resample(&left.collect::<Vec<_>>(), 16_000, RATE).unwrap();
    let likeness = compare::similarity(&wav::read(&greeting[..]).unwrap(), &said);
    assert!(likeness.correlation > 0.95, "{likeness:?}");
    assert_eq!(likeness.longest_gap, Duration::ZERO);
}

#[cfg(feature = "bug")]
#[test]
fn the_bug_needs_one_phone_and_one_kind_of_fault() {
    use std::time::Duration;

    use offhook_sim::tool::{Limits, Plan, shrink};

    let limits = Limits { tries: 200, within: Duration::from_secs(600), other_seeds: 0 };
    let shrunk = shrink(&hotline::scenario(), &Plan::default(), 0, limits, |_| {}).unwrap();
    assert_eq!(shrunk.finding.invariant, "nobody is kept on the line");
    assert_eq!(shrunk.plan.agents, Some(1));
    assert_eq!(shrunk.plan.faults.unwrap().0.len(), 1);
    assert!(shrunk.plan.hours < Some(Duration::from_secs(1200)));
}

#[test]
fn on_a_good_network_the_bug_hides() {
    check(hotline::scenario().hours(0.5).without_faults()).seeds(0..2);
}
