//! The things that always hold in an office, each by its number in the plan of the gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::machine::CommandId;
use offhook::ribbon::{
    CallId, CallState, ChangeReason, Command, ErrorCode, Event, OperationId, OperationKind,
    TrackId, Transition,
};

use super::super::finding::Finding;
use crate::services::Ribbon;
use crate::world::{Observer, PhoneId, Seen};

/// The limit of every command but one: the longest that any names, with all that it waits for.
const LIMIT: Duration = Duration::from_secs(240);
/// The longest that an operation may take that waits for no person.
const LONG: Duration = Duration::from_secs(200);
const TRACKS: &str = "15: tracks come and go once, and none outlives its call";

/// An operation as far as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Started,
    Updated,
    Resumed,
    Finished,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) finding: Option<Finding>,
    /// True where nothing goes wrong.
    calm: bool,
    open: BTreeMap<(PhoneId, CommandId), (Duration, String, bool)>,
    states: BTreeMap<(PhoneId, CallId), CallState>,
    ops: BTreeMap<(PhoneId, OperationId), (Step, Duration)>,
    /// Blocking operations that run, by call.
    blocking: BTreeMap<(PhoneId, CallId), BTreeSet<OperationId>>,
    /// One of the far side's that began beside another: it must fail next.
    refused: Option<(PhoneId, OperationId)>,
    /// Tracks that are in a call, as it was told.
    tracks: BTreeMap<(PhoneId, CallId), BTreeSet<TrackId>>,
    pub(super) told: BTreeMap<&'static str, u64>,
}

impl Checks {
    /// Those of a day on which nothing goes wrong, or of another.
    pub(super) fn new(calm: bool) -> Self {
        Self { calm, ..Self::default() }
    }

    /// Notes a finding, if it is the first.
    pub(super) fn require(&mut self, at: Duration, invariant: &str, holds: Result<(), String>) {
        if let Err(what) = holds
            && self.finding.is_none()
        {
            self.finding = Some(Finding { at, invariant: invariant.to_owned(), what });
        }
    }

    /// Commands that are not answered.
    pub(super) fn open(&self) -> Vec<&str> {
        self.open.values().map(|(_, what, _)| what.as_str()).collect()
    }

    /// Operations that are not over.
    pub(super) fn running(&self) -> usize {
        self.ops.values().filter(|(step, _)| *step != Step::Finished).count()
    }

    fn count(&mut self, what: &'static str) {
        *self.told.entry(what).or_default() += 1;
    }

    /// No. 1: each accepted command has one completion, in time.
    fn answered(&mut self, at: Duration, phone: PhoneId, id: CommandId) -> Result<(), String> {
        match self.open.remove(&(phone, id)) {
            None => Err(format!("phone {}: {id:?} is answered, and was not asked", phone.0)),
            Some((since, what, false)) if at - since > LIMIT => {
                Err(format!("phone {}: {what} took {:?}", phone.0, at - since))
            }
            Some(_) => Ok(()),
        }
    }

    /// No. 2: states follow the table; nothing is told of a call after its end; the state before is
    /// what was told before.
    fn state(
        &mut self,
        phone: PhoneId,
        id: &CallId,
        now: CallState,
        previous: CallState,
    ) -> Result<(), String> {
        let key = (phone, id.clone());
        let before = self.states.get(&key).copied().unwrap_or(CallState::Initiating);
        if before.is_final() {
            return Err(format!("phone {}: {id} is {now} after it was {before}", phone.0));
        }
        if before != previous {
            return Err(format!("phone {}: {id} was told {before}, not {previous}", phone.0));
        }
        if !follows(before, now) {
            return Err(format!("phone {}: {id} went from {before} to {now}", phone.0));
        }
        self.states.insert(key, now);
        self.count(now.as_str());
        Ok(())
    }

    /// Nos 2 and 3: START, one UPDATE at most, one RESUME at most and after it, one FINISH.
    fn operation(&mut self, at: Duration, phone: PhoneId, event: &Event) -> Result<(), String> {
        let Event::Operation { call, id, kind, transition, local, error, .. } = event else {
            return Ok(());
        };
        let key = (phone, id.clone());
        let before = self.ops.get(&key).map(|(step, _)| *step);
        let next = match (before, transition) {
            (None, Transition::Start) => Step::Started,
            (Some(Step::Started), Transition::Update) => Step::Updated,
            (Some(Step::Updated), Transition::Resume) => Step::Resumed,
            (Some(Step::Started | Step::Updated | Step::Resumed), Transition::Finish) => {
                Step::Finished
            }
            (before, transition) => {
                return Err(format!(
                    "phone {}: {kind} of {call}: {transition} after {before:?}",
                    phone.0
                ));
            }
        };
        let began = self.ops.get(&key).map_or(at, |(_, began)| *began);
        self.ops.insert(key, (next, began));
        let waits = matches!(kind, OperationKind::Make | OperationKind::Join);
        if !waits && at - began > LONG {
            return Err(format!("phone {}: {kind} of {call} took {:?}", phone.0, at - began));
        }
        let running = self.blocking.entry((phone, call.clone())).or_default();
        if let Some(refused) = self.refused.take()
            && (refused != (phone, id.clone()) || error.is_none())
        {
            return Err(format!("phone {}: {refused:?} blocks beside another", phone.0));
        }
        if next == Step::Finished {
            running.remove(id);
            self.count(kind.as_str());
            self.count(if *local { "operations of ours" } else { "operations of theirs" });
            if error.is_some() {
                self.count("operations failed");
            }
        } else if next == Step::Started && kind.is_blocking() {
            running.insert(id.clone());
            // One of the far side's may be told that is refused at once.
            self.refused = (running.len() > 1).then(|| (phone, id.clone()));
            if *local && running.len() > 1 {
                return Err(format!(
                    "phone {}: two operations of {call} block, {kind} too",
                    phone.0
                ));
            }
        }
        Ok(())
    }

    fn told(&mut self, at: Duration, phone: PhoneId, event: &Event) {
        let result = self.operation(at, phone, event);
        self.require(at, "3: operations follow their order", result);
        match event {
            Event::CallState { call, previous, .. } => {
                let result = self.state(phone, &call.id, call.state, *previous);
                self.require(at, "2: states follow the table", result);
                let left = self.tracks.get(&(phone, call.id.clone())).map_or(0, BTreeSet::len);
                let result = match call.state.is_final() && left > 0 {
                    true => {
                        Err(format!("phone {}: {} is over with {left} tracks", phone.0, call.id))
                    }
                    false => Ok(()),
                };
                self.require(at, TRACKS, result);
                let held = call.state == CallState::OnHold;
                let flags = call.hold.local() || call.hold.remote();
                let agree = !matches!(call.state, CallState::OnHold | CallState::Connected);
                let result = match agree || held == flags {
                    true => Ok(()),
                    false => Err(format!(
                        "phone {}: {} is {} and {:?}",
                        phone.0, call.id, call.state, call.hold
                    )),
                };
                self.require(at, "4: a call is on hold while anybody holds it", result);
            }
            Event::TracksAdded { call, tracks, .. } => {
                let held = self.tracks.entry((phone, call.clone())).or_default();
                let new = tracks.iter().filter(|track| held.insert((*track).clone())).count();
                let result = match new == tracks.len() && new > 0 {
                    true => Ok(()),
                    false => Err(format!("phone {}: {call} has more than was added", phone.0)),
                };
                self.require(at, TRACKS, result);
            }
            Event::TracksRemoved { call, tracks } => {
                let held = self.tracks.entry((phone, call.clone())).or_default();
                let gone = tracks.iter().filter(|track| held.remove(*track)).count();
                let result = match gone == tracks.len() && gone > 0 {
                    true => Ok(()),
                    false => Err(format!("phone {}: {call} never had what is removed", phone.0)),
                };
                self.require(at, TRACKS, result);
            }
            Event::SubscriptionChanged { reason, .. } => {
                self.count(reason.as_str());
                let lost = matches!(
                    reason,
                    ChangeReason::Gone | ChangeReason::WsOverridden | ChangeReason::LostConnection
                );
                let result = match lost && self.calm {
                    true => Err(format!("phone {}: its subscription ends: {reason}", phone.0)),
                    false => Ok(()),
                };
                self.require(at, "10: no subscription is lost while all is well", result);
            }
            Event::Resubscribed { error, .. } => {
                let result = match error {
                    Some(error) if self.calm => Err(format!("phone {}: {error}", phone.0)),
                    Some(_) | None => Ok(()),
                };
                self.require(at, "10: no subscription is lost while all is well", result);
                self.count(if error.is_some() { "renewal failed" } else { "renewed" });
            }
            Event::CallJoined { .. } => self.count("joined"),
            Event::Malformed { .. } => self.count("malformed"),
            _ => {}
        }
    }
}

/// True for a change of state that the table allows (w4.0.2).
fn follows(before: CallState, now: CallState) -> bool {
    use CallState as S;
    match (before, now) {
        (S::Ended | S::Cancelled, _) => false,
        (_, S::Ended) => true,
        (S::Connected | S::OnHold, S::Connected | S::OnHold) => true,
        (S::Connected | S::OnHold, _) => false,
        (_, S::OnHold) => false,
        (S::Initiating | S::Initiated | S::Ringing | S::EarlyMedia, S::Initiating) => {
            before == S::Initiating
        }
        (S::Ringing | S::EarlyMedia, S::Initiated) => false,
        _ => true,
    }
}

impl Observer<Ribbon> for Checks {
    fn see(&mut self, at: Duration, seen: Seen<'_, Ribbon>) {
        match seen {
            Seen::Told { phone, event } => self.told(at, phone, event),
            Seen::Submitted { phone, id, command } => {
                let long = matches!(command, Command::Subscribe { .. });
                self.open.insert((phone, id), (at, format!("{command:?}"), long));
            }
            Seen::Completed { phone, id, result } => {
                self.count(if result.is_ok() { "commands done" } else { "commands failed" });
                let mut answered = self.answered(at, phone, id);
                if let Err(error) = result
                    && self.calm
                    && error.code == ErrorCode::Timeout
                {
                    answered = answered
                        .and_then(|()| Err(format!("phone {}: {id:?} took too long", phone.0)));
                }
                self.require(at, "1: each command has one answer, in time", answered);
            }
            Seen::Wrong { what } => self.require(at, "machines rest", Err(what.to_owned())),
            _ => {}
        }
    }

    fn has_enough(&self) -> bool {
        self.finding.is_some()
    }
}
