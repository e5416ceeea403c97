//! Whole contact centres in virtual time, from seeds.

use offhook_sim::Scenario;

#[test]
fn calm_runs_find_nothing() {
    offhook_sim::check(Scenario::calm().agents(3).hours(0.3)).seeds(0..3);
}

#[test]
fn the_same_seed_is_the_same_run_to_the_byte() {
    let scenario = Scenario::swarm().agents(3).hours(0.2);
    for seed in 0..3 {
        let (one, two) = (scenario.run(seed), scenario.run(seed));
        assert_eq!((one.digest, one.happenings), (two.digest, two.happenings), "seed {seed}");
        assert_eq!(one.counts, two.counts);
    }
    assert_ne!(scenario.run(1).digest, scenario.run(2).digest);
}
