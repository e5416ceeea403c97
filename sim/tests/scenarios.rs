//! Whole contact centres in virtual time, from seeds.

use std::time::Duration;

use offhook::genesys::Event;
use offhook_sim::Scenario;
use offhook_sim::cloud::Habit;
use offhook_sim::scenario::{Customers, FaultKind, Invariant, Preset, StationKind};
use offhook_sim::world::{Counts, Fidelity, Seen};

#[test]
fn calm_runs_find_nothing() {
    offhook_sim::check(Scenario::calm().agents(3).hours(0.3)).seeds(0..3);
}

#[test]
fn no_preset_finds_anything() {
    // Real media is slow where nothing is optimized: `.ci/run` has many more seeds of these two.
    let real = [Preset::Roaming, Preset::GatewayRoaming];
    for preset in Preset::ALL.into_iter().filter(|preset| !real.contains(preset)) {
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
            // Without what swarms did not have then.
            let later = [
                FaultKind::PeerLeaves,
                FaultKind::Questions,
                FaultKind::TopicsRefused,
                FaultKind::Stranger,
                FaultKind::FarHolds,
                FaultKind::FarChanges,
                FaultKind::FarReplaced,
                FaultKind::OddWords,
                FaultKind::ResetAmid,
                FaultKind::ReinviteAmid,
            ];
            let then = FaultKind::ALL.iter().copied().filter(|kind| !later.contains(kind));
            let scenario = preset
                .scenario()
                .agents(4)
                .hours(0.3)
                .choices(0.0)
                .guests(0)
                .untidy(0.0)
                .rooms(0.0);
            let scenario = scenario.only_faults(then);
            offhook_sim::check(scenario).seeds(seed..seed + 1);
        }
    }
}

/// Strangers speak of every call all the time, and change nothing.
#[test]
fn strangers_change_nothing() {
    let stations = |lines, persistent| StationKind { lines, persistent };
    for sdp in [0.0, 1.0] {
        let customers = Customers { sdp, auto_answer: 0.5, at_once: 3, ..Customers::default() };
        let scenario = Scenario::calm()
            .agents(4)
            .hours(0.3)
            .stations(vec![stations(1, false), stations(1, true), stations(100, true)])
            .second_phones(0.5)
            .customers(customers)
            .fault(FaultKind::Stranger, Duration::from_secs(5))
            .fault(FaultKind::ReinviteNew, Duration::from_secs(60))
            .fault(FaultKind::Renegotiate, Duration::from_secs(60))
            .fault(FaultKind::Repropose, Duration::from_secs(60));
        let report = scenario.run(0);
        assert!(report.counts.get("words of strangers") > 30, "{:?}", report.counts);
        offhook_sim::check(scenario).seeds(0..4);
    }
}

/// Days in rooms, with whatever goes wrong.
#[test]
fn rooms_are_entered_seen_told_and_left() {
    let scenario = Scenario::in_rooms().agents(3).hours(0.2);
    let mut counts = Counts::default();
    for seed in 0..4 {
        let report = scenario.run(seed);
        assert_eq!(report.finding, None, "seed {seed}");
        counts.merge(&report.counts);
    }
    for what in ["rooms entered", "people told of", "pictures seen by rooms", "pictures hidden"] {
        assert!(counts.get(what) > 0, "{what}: {counts:?}");
    }
    assert_eq!(counts.get("rooms entered"), counts.get("rooms left"));
    assert!(counts.get("screens told") > 0 && counts.get("words told") > 0, "{counts:?}");
}

/// Seeds in which a stranger's offer, as of a telephone, took a room's place.
#[test]
fn no_telephone_offers_what_is_a_rooms() {
    for seed in [0, 39, 45] {
        let scenario = Scenario::in_rooms().agents(3).hours(0.2);
        offhook_sim::check(scenario).seeds(seed..seed + 1);
    }
}

/// Far ends that hold, change and are replaced all the time, with every habit that we would not have.
#[test]
fn untidy_far_ends_are_heard_and_hear() {
    let s = Duration::from_secs;
    let scenario = Scenario::calm()
        .agents(4)
        .hours(0.3)
        .customers(Customers { sdp: 0.7, ..Customers::default() })
        .untidy(0.3)
        .fault(FaultKind::FarHolds, s(20))
        .fault(FaultKind::FarChanges, s(20))
        .fault(FaultKind::FarReplaced, s(40))
        .fault(FaultKind::Reinvite, s(60))
        .fault(FaultKind::OddWords, s(60));
    let mut counts = Counts::default();
    for seed in 0..4 {
        let report = scenario.run(seed);
        assert_eq!(report.finding, None, "seed {seed}");
        counts.merge(&report.counts);
    }
    for habit in Habit::ALL.iter().filter(|habit| scenario.may_have_habit(**habit)) {
        assert!(counts.get(habit.name()) > 0, "{habit:?} was never drawn");
    }
    assert!(counts.get("held by the far end") > 10, "{counts:?}");
    assert!(counts.get("keys told") > 0, "{counts:?}");
}

/// Far ends whose RTP is as odd as it comes: noise in pauses, keys without an end or of many seconds,
/// sources that change in the middle of a word.
#[test]
fn rfc_3389_rfc_4733_odd_rtp_is_heard() {
    let s = Duration::from_secs;
    let scenario = Scenario::calm()
        .agents(2)
        .hours(0.05)
        .fidelity(Fidelity::Full)
        .customers(Customers { talk: (s(600), s(900)), ..Customers::default() })
        .untidy(0.5)
        .fault(FaultKind::FarReplaced, s(60));
    let mut counts = Counts::default();
    for seed in 0..6 {
        let report = scenario.run(seed);
        assert_eq!(report.finding, None, "seed {seed}");
        counts.merge(&report.counts);
    }
    for habit in Habit::ALL.iter().filter(|habit| habit.is_of_rtp()) {
        assert!(counts.get(habit.name()) > 0, "{habit:?} was never drawn");
    }
    assert!(counts.get("keys told") > 3, "{counts:?}");
}

/// Checks that everything is done promptly where nothing is wrong.
#[test]
fn quiet_worlds_are_prompt() {
    let scenario = Scenario::swarm().agents(3).hours(0.2).without_faults().untidy(0.3);
    offhook_sim::check(scenario).seeds(0..6);
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

/// The leaders that a run saw: by phone, true if it rings.
#[derive(Default)]
struct Leaders(std::collections::BTreeMap<usize, bool>);

impl Invariant for Leaders {
    fn name(&self) -> &str {
        "both phones of a user lead in turn"
    }

    fn see(&mut self, _: Duration, seen: Seen<'_>) -> Result<(), String> {
        if let Seen::Told { phone, event: Event::AlertingLeader(leader) } = seen {
            assert!(leader.configured, "the service is asked");
            *self.0.entry(phone.0).or_default() |= leader.alerting;
        }
        Ok(())
    }

    fn at_rest(&mut self) -> Result<(), String> {
        let all = self.0.len() == 4 && self.0.values().all(|has_led| *has_led);
        if all { Ok(()) } else { Err(format!("{:?}", self.0)) }
    }
}

#[test]
fn agents_who_choose_everything_themselves_and_guests() {
    let customers = Customers { auto_answer: 0.5, trickle: 1.0, ..Customers::default() };
    let scenario = Scenario::calm()
        .agents(2)
        .hours(0.5)
        .second_phones(1.0)
        .choices(1.0)
        .guests(2)
        .customers(customers)
        .fault(FaultKind::Reset, Duration::from_secs(60))
        .fault(FaultKind::PeerLeaves, Duration::from_secs(120))
        .fault(FaultKind::Questions, Duration::from_secs(120))
        .fault(FaultKind::TopicsRefused, Duration::from_secs(300))
        .invariant(Leaders::default);
    offhook_sim::check(scenario).seeds(0..4);
}
