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
