//! One collection of candidates.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::check::{
    CheckReason, Collected, GatheringState, IceCheck, IceCollection, IceTimeouts, Verdict,
};
use crate::machine::Wake;
use crate::ribbon::config::PeerConfig;
use crate::ribbon::constants::OperationKind;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;
use crate::sdp::candidate::Candidate;

/// The time from the description to the first decision.
const FIRST_CHECK: Duration = Duration::from_millis(25);
/// The least time between two decisions by candidates.
const BETWEEN_CANDIDATES: Duration = Duration::from_millis(50);
/// The least wait that a decision can ask for, so that it cannot be asked for without end at one instant.
const LEAST_WAIT: Duration = Duration::from_millis(1);
/// The most decisions of one collection.
const MAX_CHECKS: u32 = 1000;
/// The most candidates that are kept. More change nothing any more.
const MAX_CANDIDATES: usize = 256;

/// A collection of candidates for one description.
///
/// ```text
/// Collecting ──StartCall──> Done: to be sent
///      └──Error, too many decisions, a decision that panics──> Done: failed
/// ```
#[derive(Debug)]
pub(crate) struct Collection {
    call: CallId,
    operation: OperationKind,
    description: String,
    begun: Instant,
    candidates: Vec<Collected>,
    gathering: GatheringState,
    checks: u32,
    /// The time at which the decision is asked for anyway.
    scheduled: Option<Instant>,
    /// The time before which candidates ask for no decision.
    quiet_until: Instant,
    /// The news since the last decision.
    new_candidate: bool,
    new_state: bool,
    done: bool,
}

impl Collection {
    /// A collection that begins now, for a description of ours.
    pub(crate) fn new(
        call: CallId,
        operation: OperationKind,
        description: String,
        now: Instant,
    ) -> Self {
        Self {
            call,
            operation,
            description,
            begun: now,
            candidates: Vec::new(),
            gathering: GatheringState::Gathering,
            checks: 0,
            scheduled: Some(now + FIRST_CHECK),
            quiet_until: now,
            new_candidate: false,
            new_state: false,
            done: false,
        }
    }

    /// The call.
    pub(crate) fn call(&self) -> &CallId {
        &self.call
    }

    /// The time since it began.
    pub(crate) fn duration(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// A candidate was found: the value of an `a=candidate` line. One that cannot be read, or that is there,
    /// changes nothing. True if it is new.
    pub(crate) fn candidate(&mut self, mid: Option<&str>, line: &str) -> bool {
        let Ok(candidate) = Candidate::from_line(line) else { return false };
        let found = Collected::new(mid.map(str::to_owned), candidate);
        if self.candidates.len() >= MAX_CANDIDATES || self.candidates.contains(&found) {
            return false;
        }
        self.candidates.push(found);
        self.new_candidate = true;
        true
    }

    /// The gathering changed its state.
    pub(crate) fn gathering(&mut self, state: GatheringState) {
        self.new_state |= self.gathering != state;
        self.gathering = state;
    }

    /// The next time at which something is due.
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        if self.done {
            return None;
        }
        let candidate = self.new_candidate.then_some(self.quiet_until);
        let at = self.scheduled.into_iter().chain(candidate).min()?;
        Some(Wake { at, reason: "ICE check" })
    }

    /// Asks for the decision, as often as it is due: what becomes of the operation, once that is known.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        check: &dyn IceCheck,
        timeouts: &IceTimeouts,
        peer: &PeerConfig,
    ) -> Option<Result<(), Error>> {
        while !self.done {
            let reason = self.due(now)?;
            self.checks += 1;
            if self.checks > MAX_CHECKS {
                return Some(
                    self.failed(CallCode::NoIceCandidates, "no decision after 1 000 checks"),
                );
            }
            let collection = IceCollection {
                call: &self.call,
                operation: self.operation,
                reason,
                candidates: &self.candidates,
                duration: self.duration(now),
                gathering: self.gathering,
                peer,
                description: &self.description,
            };
            match catch_unwind(AssertUnwindSafe(|| check.check(&collection, timeouts))) {
                Ok(Verdict::StartCall) => {
                    self.done = true;
                    return Some(Ok(()));
                }
                Ok(Verdict::Error(why)) => {
                    return Some(self.failed(CallCode::NoIceCandidates, &why));
                }
                Ok(Verdict::Wait(wait)) => {
                    self.scheduled = wait.and_then(|wait| now.checked_add(wait.max(LEAST_WAIT)));
                }
                Err(_) => return Some(self.failed(CallCode::Unknown, "the ICE check panicked")),
            }
        }
        None
    }

    /// The reason for a decision that is due, which is not due any more then.
    fn due(&mut self, now: Instant) -> Option<CheckReason> {
        if std::mem::take(&mut self.new_state) {
            return Some(CheckReason::IceGatheringStateChanged);
        }
        // On the leading edge; those that come meanwhile count together at its end.
        if self.new_candidate && now >= self.quiet_until {
            self.new_candidate = false;
            self.quiet_until = now + BETWEEN_CANDIDATES;
            return Some(CheckReason::NewCandidate);
        }
        if self.scheduled.is_some_and(|at| at <= now) {
            self.scheduled = None;
            return Some(CheckReason::Scheduled);
        }
        None
    }

    fn failed(&mut self, code: CallCode, why: &str) -> Result<(), Error> {
        self.done = true;
        Err(Error::new(code, why))
    }
}
