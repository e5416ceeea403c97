//! Whole contact centres in virtual time, from seeds.

use offhook_sim::Scenario;
use offhook_sim::scenario::Preset;

#[test]
fn calm_runs_find_nothing() {
    offhook_sim::check(Scenario::calm().agents(3).hours(0.3)).seeds(0..3);
}

#[test]
fn no_preset_finds_anything() {
    for preset in Preset::ALL {
        offhook_sim::check(preset.scenario().agents(4).hours(0.2)).seeds(0..3);
    }
}

/// Seeds that found something once (see the changelog).
#[test]
fn what_was_found_stays_found() {
    let seeds = [
        (Preset::Failover, vec![0]),
        (Preset::PersistentLine, vec![1, 9, 16]),
        (Preset::MondayMorning, vec![3]),
        (Preset::Swarm, vec![5, 19, 89, 98, 144, 182]),
    ];
    for (preset, seeds) in seeds {
        for seed in seeds {
            offhook_sim::check(preset.scenario().agents(4).hours(0.3)).seeds(seed..seed + 1);
        }
    }
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
