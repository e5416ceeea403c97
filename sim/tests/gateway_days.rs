//! Days of an office at a gateway: the presets hold, and are the same each time.

use offhook_sim::world::Fidelity;
use offhook_sim::{Scenario, check};

#[test]
fn a_calm_day_and_a_busy_one_hold() {
    check(Scenario::gateway_calm().hours(0.15)).seeds(0..2);
    check(Scenario::gateway_monday().hours(0.1)).seeds(0..1);
}

#[test]
fn days_whose_troubles_are_drawn_hold() {
    check(Scenario::gateway_swarm().agents(2).hours(0.15)).seeds(0..4);
}

/// A consultation whose second call ends amid, and that is given up then, left a leg at the gateway.
#[test]
fn what_was_found_stays_found() {
    check(Scenario::gateway_swarm()).seeds(243..244);
}

#[test]
fn a_day_with_real_media_holds() {
    check(Scenario::gateway_swarm().agents(2).hours(0.05).fidelity(Fidelity::Full)).seeds(0..1);
    // Agents are late now and then, and are heard all the same.
    check(Scenario::gateway_calm().agents(3).hours(0.06).fidelity(Fidelity::Full)).seeds(0..4);
}

#[test]
fn a_day_is_the_same_each_time() {
    let day = Scenario::gateway_swarm().agents(2).hours(0.1);
    let (one, other) = (day.run(7), day.run(7));
    assert_eq!((one.digest, one.happenings), (other.digest, other.happenings));
    assert_ne!(one.digest, day.run(8).digest);
    assert!(one.counts.get("calls connected") > 0, "{:?}", one.counts);
}
