//! The things that always hold in an office, each by its number in the plan of the gateway.

mod hearing;
mod link;
mod moves;
mod offers;
mod reports;
mod secrets;
mod services;
mod sessions;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::machine::CommandId;
use offhook::ribbon::{
    CallId, CallReport, CallState, ChangeReason, Client, Command, Error, ErrorCode, Event,
    OperationId, OperationKind, TrackId, Transition,
};

use self::hearing::Hearing;
use self::link::Links;
use self::moves::Moves;
use self::offers::OffersOfAll;
use self::reports::Reports;
use self::secrets::Secrets;
pub(super) use self::services::{Promise, Services};
use self::sessions::Sessions;
use self::wire::{Reader, Wire};
use super::super::finding::Finding;
use super::logs::Logs;
use crate::services::Ribbon;
use crate::world::{Observer, PhoneId, Seen};

/// The limit of every command but one: the longest that any names, with all that it waits for.
const LIMIT: Duration = Duration::from_secs(240);
/// The longest that an operation may take that waits for no person.
const LONG: Duration = Duration::from_secs(200);
/// The time for which a client has to listen before what is sent to it has come in any weather, and that after
/// which it has to hear something: what stands still on a socket may come for 100 s, until the socket breaks.
const HEEDFUL: (Duration, Duration) = (Duration::from_secs(110), Duration::from_secs(110));
const OFFERS: &str = "7: each offer is answered once, and one of ours is open at a time";
const AUDITS: &str = "16: audits of every call, at their interval";
const MOVES: &str = "18: calls that were moved are gone, others as before";
const HEARING: &str = "17: who speaks is heard, once, and not while held";
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
    /// True where whoever speaks has to be heard.
    hears: bool,
    open: BTreeMap<(PhoneId, CommandId), (Duration, String, bool)>,
    states: BTreeMap<(PhoneId, CallId), CallState>,
    ops: BTreeMap<(PhoneId, OperationId), (Step, Duration)>,
    /// Blocking operations that run, by call.
    blocking: BTreeMap<(PhoneId, CallId), BTreeSet<OperationId>>,
    /// One of the far side's that began beside another: it must fail next.
    refused: Option<(PhoneId, OperationId)>,
    /// Tracks that are in a call, as it was told.
    tracks: BTreeMap<(PhoneId, CallId), BTreeSet<TrackId>>,
    reader: Reader,
    links: Links,
    sessions: Sessions,
    offers: OffersOfAll,
    secrets: Secrets,
    logs: Logs,
    /// The phone that was given something last: what is logged is its.
    driven: Option<PhoneId>,
    moves: Moves,
    reports: Reports,
    hearing: Hearing,
    services: Services,
    /// The phone whose results are wanted, and those.
    watched: Option<PhoneId>,
    results: BTreeMap<CommandId, Result<(), Error>>,
    pub(super) told: BTreeMap<&'static str, u64>,
}

impl Checks {
    /// Those of a day on which nothing goes wrong, or of another; `hears` where at least the gateway does well.
    pub(super) fn new(calm: bool, hears: bool) -> Self {
        let mut services = Services::default();
        services.set_well(calm);
        Self { calm, hears, services, ..Self::default() }
    }

    /// Something happens to the way of phones, until then: what is heard counts from its end.
    pub(super) fn disturbed(&mut self, phone: Option<PhoneId>, until: Duration) {
        self.hearing.disturbed(phone, until);
    }

    /// A password that nobody may be shown.
    pub(super) fn keeps_secret(&mut self, phone: PhoneId, password: &str) {
        self.secrets.learn(phone, password);
    }

    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    pub(super) fn services_mut(&mut self) -> &mut Services {
        &mut self.services
    }

    /// Notes a promise that is not kept.
    pub(super) fn keep(&mut self, at: Duration, (promise, kept): Promise) {
        self.require(at, promise, kept);
    }

    /// Notes a finding, if it is the first.
    pub(super) fn require(&mut self, at: Duration, invariant: &str, holds: Result<(), String>) {
        if let Err(what) = holds
            && self.finding.is_none()
        {
            self.finding = Some(Finding { at, invariant: invariant.to_owned(), what });
        }
    }

    /// The place where the phones log.
    pub(super) fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Looks at what the phone logged that was given something last.
    fn logged(&mut self, at: Duration, seen: &Seen<'_, Ribbon>) {
        for record in self.logs.take() {
            self.count("records logged");
            if let Some(phone) = self.driven {
                let result = self.secrets.shown(phone, &record);
                self.require(at, "19: no secret is logged", result);
            }
        }
        if let Seen::Given { phone, .. } | Seen::Submitted { phone, .. } = seen {
            self.driven = Some(*phone);
        }
    }

    /// Keeps the results of a phone's commands from now on, and no others.
    pub(super) fn watch(&mut self, phone: PhoneId) {
        self.watched = Some(phone);
        self.results.clear();
    }

    /// The result of a command of the phone that is watched, once it is there.
    pub(super) fn result(&self, id: CommandId) -> Option<Result<(), Error>> {
        self.results.get(&id).cloned()
    }

    /// True if something was heard in this call within the last ten seconds.
    pub(super) fn hears(&self, at: Duration, phone: PhoneId, call: &CallId) -> bool {
        self.hearing.hears(at, phone, call)
    }

    /// The gateway's name of a call's session, if it is known.
    pub(super) fn session(&self, phone: PhoneId, call: &CallId) -> Option<&str> {
        self.sessions.of_call(phone, call)
    }

    /// Commands that are not answered.
    pub(super) fn open(&self) -> Vec<&str> {
        self.open.values().map(|(_, what, _)| what.as_str()).collect()
    }

    /// Operations that are not over.
    pub(super) fn running(&self) -> usize {
        self.ops.values().filter(|(step, _)| *step != Step::Finished).count()
    }

    /// The things that hold once all is well again.
    pub(super) fn look(&mut self, at: Duration) {
        let result = self.offers.all_answered(at);
        self.require(at, OFFERS, result);
        let result = self.sessions.one_phone_each();
        self.require(at, "14: one of a user's phones has a call", result);
        let result = self.sessions.none_is_late(at);
        self.require(at, AUDITS, result);
        let result = self.moves.all_left(at);
        self.require(at, MOVES, result);
        self.told.insert("sessions known", self.sessions.count() as u64);
        self.told.insert("secrets known", self.secrets.count() as u64);
        self.told.insert("offers crossed", self.offers.crossed);
        self.told.insert("words heard", self.hearing.heard);
        let promise = self.services.all_arrived(Duration::ZERO, HEEDFUL);
        self.keep(at, promise);
        self.told.extend(self.services.counts());
    }

    /// No. 23: the report on a call agrees with what was told of it.
    pub(super) fn look_at(&mut self, at: Duration, phone: PhoneId, report: &CallReport) {
        let result = self.reports.look(phone, &report.id, report);
        self.require(at, "23: reports tell what happened", result);
    }

    fn said(&mut self, at: Duration, phone: PhoneId, wire: &Wire) {
        if let Wire::Asked(asked) = wire {
            let result = self.sessions.asked(phone, asked);
            self.require(at, "6: nothing is asked about a call that is over", result);
            let result = self.sessions.audits(at, phone, asked);
            self.require(at, AUDITS, result);
        }
        let result = self.offers.see(at, phone, wire, &self.sessions);
        self.require(at, OFFERS, result);
        let result = self.links.pings(at, phone, wire);
        self.require(at, "11: pings go over an open socket, at their interval", result);
        let result = self.links.redirects(phone, wire);
        self.require(at, "21: few redirects, and no credentials elsewhere", result);
        let result = self.links.rests(phone, wire);
        self.require(at, "22: who lost the subscription for good rests", result);
        self.secrets.heard(phone, wire);
        let promise = self.services.heard(at, phone, wire);
        self.keep(at, promise);
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
        let result = self.sessions.ended(phone, event);
        self.require(at, "6: whoever ends a call says so", result);
        let result = self.sessions.told(at, phone, event);
        self.require(at, AUDITS, result);
        let result = self.moves.told(at, phone, event);
        self.require(at, MOVES, result);
        self.offers.told(phone, event, &self.sessions);
        self.links.told(phone, event);
        self.hearing.told(at, phone, event);
        self.reports.told(phone, event);
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
        self.logged(at, &seen);
        match seen {
            Seen::Given { phone, input } => {
                self.services.given(at, phone, input);
                let wire = self.reader.given(phone, input);
                self.sessions.given(at, phone, wire.as_ref());
                if let Some(wire) = wire {
                    self.said(at, phone, &wire);
                }
            }
            Seen::Wanted { phone, output } => {
                if let Some(wire) = self.reader.wanted(phone, output) {
                    self.said(at, phone, &wire);
                }
                let result = self.secrets.told(phone, output);
                self.require(at, "19: no secret is told", result);
            }
            Seen::Told { phone, event } => self.told(at, phone, event),
            Seen::Submitted { phone, id, command } => {
                self.hearing.asked(at, phone, command);
                let long = matches!(command, Command::Subscribe { .. });
                if long {
                    self.links.subscribes(phone);
                }
                self.open.insert((phone, id), (at, format!("{command:?}"), long));
                self.services.submitted(at, phone, id, command);
            }
            Seen::Completed { phone, id, result } => {
                self.count(if result.is_ok() { "commands done" } else { "commands failed" });
                let mut answered = self.answered(at, phone, id);
                if self.watched == Some(phone) {
                    self.results.insert(id, result.as_ref().map(|_| ()).map_err(Clone::clone));
                }
                if let Err(error) = result
                    && self.calm
                    && error.code == ErrorCode::Timeout
                {
                    answered = answered
                        .and_then(|()| Err(format!("phone {}: {id:?} took too long", phone.0)));
                }
                self.require(at, "1: each command has one answer, in time", answered);
                for promise in self.services.completed(at, phone, id, result) {
                    self.keep(at, promise);
                }
            }
            Seen::AgentSpoke { phone, media, frame } => {
                let result = self.hearing.spoke(at, phone, media, frame);
                self.require(
                    at,
                    HEARING,
                    result.or_else(|why| if self.hears { Err(why) } else { Ok(()) }),
                );
            }
            Seen::AgentHeard { phone, media, frame } => {
                let result = self.hearing.hear(at, phone, media, frame);
                self.require(at, HEARING, result);
            }
            Seen::Wrong { what } => self.require(at, "machines rest", Err(what.to_owned())),
            _ => {}
        }
    }

    fn look(&mut self, at: Duration, phone: PhoneId, client: &Client, event: &Event) {
        let promise = self.services.look(at, phone, client, event);
        self.keep(at, promise);
    }

    fn has_enough(&self) -> bool {
        self.finding.is_some()
    }
}
