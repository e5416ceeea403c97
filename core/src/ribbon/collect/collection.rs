//! One collection of candidates: when the check is made, and what follows from it (w5.6).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::check::{CheckReason, Collected, GatheringState, IceCollection, IceTimeouts, Verdict};
use crate::machine::Wake;
use crate::ribbon::config::CallConfig;
use crate::ribbon::constants::OperationKind;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;

/// The time of the first check.
const FIRST: Duration = Duration::from_millis(25);
/// The shortest time between two checks that new candidates cause.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// The most checks of one collection.
const MAX_CHECKS: u32 = 1000;

/// The candidates so far, and what they are for.
pub(in crate::ribbon) struct Seen<'a> {
    pub(in crate::ribbon) call: &'a CallId,
    pub(in crate::ribbon) candidates: &'a [Collected],
    pub(in crate::ribbon) gathering: GatheringState,
    pub(in crate::ribbon) description: &'a str,
}

/// The standing of a collection.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ribbon) enum Progress {
    Waits,
    /// The description can be sent.
    Enough,
    Failed(Error),
}

/// See the [module](self).
#[derive(Debug)]
pub(in crate::ribbon) struct Collection {
    operation: OperationKind,
    begun: Instant,
    next: Option<(Instant, CheckReason)>,
    /// The time of the last check that a candidate caused.
    noted: Option<Instant>,
    checks: u32,
}

impl Collection {
    /// Begins as the description is set.
    pub(in crate::ribbon) fn begin(operation: OperationKind, now: Instant) -> Self {
        let next = Some((now + FIRST, CheckReason::Scheduled));
        Self { operation, begun: now, next, noted: None, checks: 0 }
    }

    /// Takes note of one more candidate: checked at once, or as soon as it may be.
    pub(in crate::ribbon) fn candidate(&mut self, now: Instant) {
        let at = self.noted.map_or(now, |noted| now.max(noted + DEBOUNCE));
        self.at(at, CheckReason::NewCandidate);
    }

    /// Takes note of another state of gathering: checked at once.
    pub(in crate::ribbon) fn gathering(&mut self, now: Instant) {
        self.at(now, CheckReason::IceGatheringStateChanged);
    }

    fn at(&mut self, at: Instant, reason: CheckReason) {
        if self.next.is_none_or(|(next, _)| at < next) {
            self.next = Some((at, reason));
        }
    }

    /// Checks, if that is due.
    pub(in crate::ribbon) fn poll(
        &mut self,
        now: Instant,
        seen: &Seen<'_>,
        config: &CallConfig,
    ) -> Progress {
        if config.skip_ice_collection {
            return Progress::Enough;
        }
        let Some((_, reason)) = self.next.take_if(|(at, _)| *at <= now) else {
            return Progress::Waits;
        };
        self.checks += 1;
        if self.checks > MAX_CHECKS {
            return failed(CallCode::NoIceCandidates, "candidates were checked too often");
        }
        if reason == CheckReason::NewCandidate {
            self.noted = Some(now);
        }
        let collection = IceCollection {
            call: seen.call,
            operation: self.operation,
            reason,
            candidates: seen.candidates,
            duration: now.saturating_duration_since(self.begun),
            gathering: seen.gathering,
            peer: &config.peer,
            description: seen.description,
        };
        let timeouts = IceTimeouts::new(config.ice_ideal, config.ice_max);
        let check = || config.ice_check.check(&collection, &timeouts);
        match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Verdict::StartCall) => Progress::Enough,
            Ok(Verdict::Error(text)) => failed(CallCode::NoIceCandidates, &text),
            Ok(Verdict::Wait(wait)) => {
                self.next = wait.map(|wait| (now + wait, CheckReason::Scheduled));
                Progress::Waits
            }
            Err(_) => failed(CallCode::Unknown, "the check of candidates panicked"),
        }
    }

    pub(in crate::ribbon) fn next_wake(&self) -> Option<Wake> {
        self.next.map(|(at, _)| Wake { at, reason: "ICE check" })
    }
}

fn failed(code: CallCode, text: &str) -> Progress {
    Progress::Failed(Error::new(code, text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sdp::candidate::Candidate;
    use crate::testing::epoch;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn host() -> Collected {
        let line = "candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host";
        Collected::new(None, Candidate::from_line(line).unwrap())
    }

    struct Bench {
        collection: Collection,
        config: CallConfig,
        candidates: Vec<Collected>,
        gathering: GatheringState,
    }

    impl Bench {
        fn new(config: CallConfig) -> Self {
            Self {
                collection: Collection::begin(OperationKind::Make, epoch()),
                config,
                candidates: Vec::new(),
                gathering: GatheringState::Gathering,
            }
        }

        fn at(&mut self, ms: u64) -> Progress {
            let call = CallId::from("c");
            let seen = Seen {
                call: &call,
                candidates: &self.candidates,
                gathering: self.gathering,
                description: "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
            };
            self.collection.poll(epoch() + MS(ms), &seen, &self.config)
        }

        fn due(&self) -> Option<Duration> {
            self.collection.next_wake().map(|wake| wake.at - epoch())
        }
    }

    #[test]
    fn w5_6_rc_034_rc_035_checks_are_at_25_ms_at_the_ideal_and_at_the_longest_time() {
        let mut bench = Bench::new(CallConfig::default());
        bench.candidates.push(host());
        assert_eq!((bench.at(24), bench.due()), (Progress::Waits, Some(MS(25))));
        assert_eq!((bench.at(25), bench.due()), (Progress::Waits, Some(MS(1000))));
        assert_eq!((bench.at(1000), bench.due()), (Progress::Waits, Some(MS(3000))));
        assert_eq!(bench.at(3000), Progress::Enough);
    }

    #[test]
    fn w5_6_a_gathering_that_is_complete_is_enough_unless_it_found_nothing() {
        let mut bench = Bench::new(CallConfig::default());
        bench.gathering = GatheringState::Complete;
        bench.collection.gathering(epoch() + MS(5));
        match bench.at(5) {
            Progress::Failed(error) => assert_eq!(error.code, CallCode::NoIceCandidates.into()),
            other => panic!("{other:?}"),
        }
        bench.candidates.push(host());
        bench.collection.gathering(epoch() + MS(6));
        assert_eq!(bench.at(6), Progress::Enough);
    }

    #[test]
    fn w5_6_candidates_are_checked_at_once_and_then_every_50_ms_at_most() {
        let checks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&checks);
        let check = move |_: &IceCollection<'_>, _: &IceTimeouts| {
            counted.fetch_add(1, Ordering::Relaxed);
            Verdict::Wait(None)
        };
        let mut bench = Bench::new(CallConfig { ice_check: Arc::new(check), ..Default::default() });
        for ms in 0..100 {
            bench.collection.candidate(epoch() + MS(ms));
            assert_eq!(bench.at(ms), Progress::Waits);
        }
        assert_eq!(checks.load(Ordering::Relaxed), 2, "at 0 ms and at 50 ms");
        assert_eq!(bench.due(), Some(MS(100)));
    }

    #[test]
    fn rc_036_a_check_that_never_decides_or_panics_fails_the_operation() {
        let again = |_: &IceCollection<'_>, _: &IceTimeouts| Verdict::Wait(Some(Duration::ZERO));
        let mut bench = Bench::new(CallConfig { ice_check: Arc::new(again), ..Default::default() });
        let outcome = (0..2000).map(|n| bench.at(25 + n)).find(|progress| *progress != Progress::Waits);
        assert!(matches!(outcome, Some(Progress::Failed(error)) if error.code == CallCode::NoIceCandidates.into()));

        let panics = |_: &IceCollection<'_>, _: &IceTimeouts| -> Verdict { panic!("no") };
        let mut bench = Bench::new(CallConfig { ice_check: Arc::new(panics), ..Default::default() });
        assert!(matches!(bench.at(25), Progress::Failed(error) if error.code == CallCode::Unknown.into()));
    }
}
