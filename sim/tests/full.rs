//! Full fidelity: the real engine on both sides, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use offhook::audio::AudioDecoder;
use offhook_sim::Scenario;
use offhook_sim::cloud::Habit;
use offhook_sim::scenario::{Customers, FaultKind, Invariant};
use offhook_sim::world::{Conditions, Counts, Fidelity, NatKind, Seen};

#[test]
fn a_bad_network_costs_no_finding_and_the_same_seed_is_the_same_run() {
    let s = Duration::from_secs;
    let scenario = Scenario::calm()
        .agents(3)
        .hours(0.1)
        .fidelity(Fidelity::Full)
        .network(Conditions::bad_wifi())
        .nats(vec![NatKind::PortRestricted, NatKind::Symmetric])
        .fault(FaultKind::RebindNat, s(60))
        .fault(FaultKind::IceRestart, s(60))
        .fault(FaultKind::Renegotiate, s(60));
    for seed in 0..3 {
        let (one, two) = (scenario.run(seed), scenario.run(seed));
        assert_eq!(one.finding, None, "seed {seed}");
        assert_eq!((one.digest, one.happenings), (two.digest, two.happenings), "seed {seed}");
    }
}

/// Checks that what was said is what is heard, to the byte, with whatever was negotiated.
#[test]
fn untidy_far_ends_are_heard_and_hear_in_full() {
    let s = Duration::from_secs;
    let scenario = Scenario::calm()
        .agents(2)
        .hours(0.1)
        .fidelity(Fidelity::Full)
        .customers(Customers { sdp: 1.0, ..Customers::default() })
        .untidy(0.3)
        .fault(FaultKind::FarHolds, s(15))
        .fault(FaultKind::FarChanges, s(15))
        .fault(FaultKind::FarReplaced, s(40));
    let mut counts = Counts::default();
    for seed in 0..4 {
        let report = scenario.run(seed);
        assert_eq!(report.finding, None, "seed {seed}");
        counts.merge(&report.counts);
    }
    for what in ["held by the far end", "calls heard both ways"] {
        assert!(counts.get(what) > 3, "{counts:?}");
    }
    let habits = [Habit::FewCodecs, Habit::Renumbered, Habit::NoSource, Habit::OtherSource];
    for habit in habits.into_iter().chain([Habit::Ptime, Habit::Pauses, Habit::NoMid]) {
        assert!(counts.get(habit.name()) > 0, "{habit:?} was never drawn");
    }
}

#[test]
fn what_is_heard_can_be_listened_to() {
    let heard = Arc::new(Mutex::new([0, 0]));
    let count = heard.clone();
    let scenario = Scenario::calm().agents(1).hours(0.3).fidelity(Fidelity::Full);
    let listening = scenario.invariant(move || Listener {
        heard: count.clone(),
        decoders: [AudioDecoder::new(), AudioDecoder::new()],
    });
    assert_eq!(listening.run(1).finding, None);
    let [by_agents, by_customers] = *heard.lock().unwrap();
    assert!(by_agents > 100 && by_customers > 100, "{by_agents} {by_customers}");
}

/// Decodes all that agents and customers hear, and wants it loud.
struct Listener {
    /// Frames heard by agents, by customers.
    heard: Arc<Mutex<[u32; 2]>>,
    decoders: [AudioDecoder; 2],
}

impl Invariant for Listener {
    fn name(&self) -> &str {
        "what is heard can be listened to"
    }

    fn see(&mut self, _: Duration, seen: Seen<'_>) -> Result<(), String> {
        let (who, frame) = match seen {
            Seen::AgentHeard { frame, .. } => (0, frame),
            Seen::CustomerHeard { frame, .. } => (1, frame),
            _ => return Ok(()),
        };
        let pcm = self.decoders[who].decode(frame).map_err(|error| error.to_string())?;
        self.heard.lock().unwrap()[who] += 1;
        let energy: f64 = pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let loudness = (energy / pcm.len() as f64).sqrt();
        if loudness > 2_000.0 { Ok(()) } else { Err(format!("{frame:?} is {loudness:.0} loud")) }
    }
}
