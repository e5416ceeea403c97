//! Bots in virtual time, on bad days. With the feature `bug` they must be caught.

use offhook_examples::{echo, hotline};
use offhook_sim::check;
use offhook_sim::scenario::Customers;

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

/// The program of sixty lines, as its file is.
#[allow(dead_code, reason = "its main is for tokio")]
#[path = "../src/bin/ivr.rs"]
mod ivr;

#[cfg(not(feature = "bug"))]
#[test]
fn the_ivr_works_in_virtual_time() {
    use std::sync::Mutex;
    use std::time::Duration;

    use offhook::audio::{RATE, compare, resample, wav};
    use offhook_sim::Scenario;
    use offhook_sim::world::Fidelity;

    static SAVED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let greeting = include_bytes!("../data/agent.wav");
    let talk = (Duration::from_secs(20), Duration::from_secs(30));
    let scenario = Scenario::calm().agents(1).hours(0.1).fidelity(Fidelity::Full);
    let scenario = scenario.customers(Customers { talk, ..Customers::default() });
    let scenario = scenario.program(|phone| {
        let save = |_: &str, wav| {
            SAVED.lock().unwrap().push(wav);
            Ok(())
        };
        ivr::work(phone, greeting.to_vec(), save)
    });
    check(scenario).seeds(0..1);
    let saved = SAVED.lock().unwrap();
    let file = saved.first().expect("somebody called");
    // On the left is what was said: whole, and at its own pace.
    let samples = file[44..].chunks_exact(4).map(|two| i16::from_le_bytes([two[0], two[1]]));
    let said = resample(&samples.collect::<Vec<_>>(), 16_000, RATE).unwrap();
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
