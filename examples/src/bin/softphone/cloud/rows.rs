//! The rows of the screen at Genesys Cloud: which calls and meetings there are, and what each is doing.
//!
//! A row is there while a call rings here, is being placed or is up, which the [`Ledger`] says of calls and nobody but this
//! of meetings. Whatever is told, [`Rows::show`] looks what follows from all that is known.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use console::style;
use offhook::genesys::{
    CallChange, CallPhase, CallState, CallView, Conversation, ConversationId, EndReason, Event,
    HandledBy, Ledger, Parties, Party, PendingSession, SessionId, SessionType,
};
use offhook::media::MediaState;
use offhook::report::QualityMeter;
use smol::channel::{Receiver, Sender};

use crate::news::{Change, News, Phase, Tell, Who};
use crate::sound::Sound;

/// The most calls and meetings that are remembered as left before they had begun.
const MAX_LEFT: usize = 32;

/// See the [module](self).
pub(super) struct Rows {
    tell: Tell,
    sound: Sound,
    ledger: Ledger,
    /// Those that ring here.
    ringing: BTreeSet<ConversationId>,
    meetings: BTreeMap<ConversationId, Part>,
    /// Those that were left before they had begun: they end when they begin.
    left: VecDeque<ConversationId>,
    /// Those that were ended when the service told of nothing any more: of the last calls of the phone.
    over: BTreeSet<ConversationId>,
    /// Those that were dialled and are to be ended as soon as the service tells of them: each closes then.
    awaited: BTreeMap<ConversationId, Sender<()>>,
    /// Those that are being declined, and by how many wishes: whoever is in a hurry presses the key twice.
    declining: BTreeMap<ConversationId, usize>,
    /// Those that were dialled here.
    dialled: BTreeSet<ConversationId>,
    /// The calls about which somebody is asked.
    consults: BTreeMap<ConversationId, Consult>,
    /// The figures of each session since it began.
    meters: BTreeMap<SessionId, Option<QualityMeter>>,
    shown: BTreeMap<ConversationId, Row>,
}

/// Our part in a meeting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It was asked for.
    Asked,
    /// It rang and was taken, and begins at once.
    Taken,
    Joined,
}

/// A consult: it is over when there are no more others in the call than before.
struct Consult {
    others: usize,
    /// True if they were more.
    joined: bool,
}

/// A row as it was told.
struct Row {
    phase: Phase,
    words: String,
    connected: bool,
    /// The reason of the end of its last session.
    why: Option<String>,
}

impl Rows {
    pub(super) fn new(tell: Tell, sound: Sound) -> Self {
        Self {
            tell,
            sound,
            ledger: Ledger::default(),
            ringing: BTreeSet::new(),
            meetings: BTreeMap::new(),
            left: VecDeque::new(),
            over: BTreeSet::new(),
            awaited: BTreeMap::new(),
            declining: BTreeMap::new(),
            dialled: BTreeSet::new(),
            consults: BTreeMap::new(),
            meters: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    fn say(&self, line: impl ToString) {
        (self.tell)(News::Said(line.to_string()));
    }

    fn change(&self, call: &ConversationId, change: Change) {
        (self.tell)(News::Call(call.as_str().into(), change));
    }

    /// Takes what is told of calls, and of meetings that ring. Returns the calls to be ended: they were left before they had
    /// begun.
    #[must_use]
    pub(super) fn told(&mut self, event: &Event) -> Vec<ConversationId> {
        let mut end = Vec::new();
        // Whatever is told of it first, it rings by this.
        if let Event::PendingSession(pending) = event
            && !pending.auto_answer
        {
            self.rings(pending);
        }
        if let Event::CancelPendingSession { conversation, .. }
        | Event::HandledPendingSession { conversation, .. } = event
        {
            self.ringing.remove(conversation);
        }
        // One that was asked for comes to nothing.
        if let Event::CancelPendingSession { conversation, .. }
        | Event::HandledPendingSession { conversation, by: HandledBy::Elsewhere, .. } = event
            && self.meetings.get(conversation) != Some(&Part::Joined)
        {
            self.meetings.remove(conversation);
        }
        if let Event::SessionEnded { session, reason } = event {
            self.meters.remove(&session.id);
            // The service may go on with the call by another session.
            if let Some(call) = self.on(&session.id) {
                self.change(&call, Change::Sound(false));
                if let Some(row) = self.shown.get_mut(&call) {
                    row.why = Some(reason.to_string());
                }
            }
        }
        for change in self.ledger.told(event) {
            end.extend(self.follows(&change));
        }
        self.looks(event);
        debug_assert!(self.is_told(), "a row is not what follows from all that is known");
        end
    }

    /// True if all that follows was told.
    fn is_told(&self) -> bool {
        let known = self.ledger.calls().map(|(id, _)| id);
        let mut known =
            known.chain(&self.ringing).chain(self.meetings.keys()).chain(self.shown.keys());
        known.all(|id| self.phase(id) == self.shown.get(id).map(|row| row.phase))
    }

    /// Takes what does not change which calls there are.
    fn looks(&mut self, event: &Event) {
        match event {
            Event::PendingSession(pending) => {
                self.show(&pending.conversation, "");
                if pending.session_type.is_room() && !pending.auto_answer {
                    self.change(&pending.conversation, Change::Meeting);
                    self.change(&pending.conversation, Change::Who(Who::of(inviter(pending))));
                }
            }
            Event::CancelPendingSession { conversation, .. } => {
                self.show(conversation, "the caller gave up");
                self.declining.remove(conversation);
            }
            Event::HandledPendingSession { conversation, by: HandledBy::Elsewhere, .. } => {
                self.show(conversation, "handled by another client");
            }
            Event::HandledPendingSession {
                conversation,
                session_type,
                by: HandledBy::Here,
                ..
            } => {
                if session_type.is_room() && !self.declining.contains_key(conversation) {
                    self.meetings.entry(conversation.clone()).or_insert(Part::Taken);
                }
                self.show(conversation, "declined");
                self.declining.remove(conversation);
            }
            Event::SessionStarted(session) => {
                self.meters.insert(session.id.clone(), None);
            }
            Event::SessionReplaced { session, old } => {
                let meter = self.meters.remove(old).flatten();
                self.meters.insert(session.id.clone(), meter);
            }
            Event::MediaState { session, conversation, state: MediaState::Connected, .. } => {
                let call = self.call_of(session, conversation);
                if self.shown.get(&call).is_some_and(|row| row.phase == Phase::Up) {
                    self.say(style("talking").green().bold());
                    self.change(&call, Change::Words("talking".to_owned()));
                }
                self.change(&call, Change::Sound(true));
            }
            Event::SessionInterrupted(session) => {
                self.say("the line is bad");
                let call = self.call_of(&session.id, &session.conversation);
                self.change(&call, Change::Sound(false));
            }
            Event::MediaPath { session, conversation, path, .. } => {
                self.change(&self.call_of(session, conversation), Change::Path(*path));
            }
            Event::Stats { session, conversation, stats, .. } => {
                // The last ones may come when it is over.
                let Some(meter) = self.meters.get_mut(session) else { return };
                let quality = meter.get_or_insert_with(|| QualityMeter::new(stats)).sample(stats);
                self.change(&self.call_of(session, conversation), Change::Quality(quality));
            }
            Event::CallReport(report) => {
                let lines = serde_json::to_value(report).unwrap_or_default();
                let lines = crate::report::lines(&lines);
                self.change(&report.conversation, Change::Report(lines));
            }
            _ => {}
        }
    }

    fn rings(&mut self, pending: &PendingSession) {
        let from = match pending.session_type {
            SessionType::CollaborateVideo => format!(": a meeting with {}", inviter(pending)),
            SessionType::Softphone => {
                let who = pending.who();
                let from = who.remote_name.as_ref().or(who.remote_number.as_ref());
                format!(" from {}", from.unwrap_or(&pending.from))
            }
            _ => return,
        };
        self.say(format!("{}{from}", style("ringing").yellow().bold()));
        self.declining.remove(&pending.conversation);
        self.left.retain(|left| *left != pending.conversation);
        self.ringing.insert(pending.conversation.clone());
    }

    /// Takes a change of a call. Returns it if it is to be ended.
    fn follows(&mut self, change: &CallChange) -> Option<ConversationId> {
        let CallChange { conversation: id, view, .. } = change;
        self.awaited.remove(id);
        let carrier = carrier(view).cloned();
        let is_left = self.left.contains(id);
        if is_left && (carrier.is_some() || view.ended().is_some()) {
            self.left.retain(|left| left != id);
        }
        self.show(id, view.ended().map_or("", words_for));
        if view.ended().is_some() {
            self.consults.remove(id);
            self.dialled.remove(id);
            self.sound.rests(&id.as_str().into());
            // Another one may be on its session.
            carrier.iter().for_each(|session| self.carries(session));
            return None;
        }
        if let Some(call) = &view.conversation {
            self.is_now(call);
        }
        let parties = view.conversation.as_ref().map(|call| who_of(call.who()));
        let parties = parties.filter(|who| !who.is_nobody());
        let pending = || view.pending.as_ref().map(|pending| who_of(pending.who()));
        if let Some(who) = parties.or_else(pending) {
            self.change(id, Change::Who(who));
        }
        if let Some(row) = self.shown.get_mut(id) {
            if view.session.is_some() {
                row.why = None;
            }
            let connects = view.phase == CallPhase::Connected && !row.connected;
            row.connected |= connects;
            if connects {
                self.change(id, Change::Sound(true));
            }
        }
        if let Some(session) = &carrier {
            self.carries(session);
        }
        (is_left && carrier.is_some()).then(|| id.clone())
    }

    /// Takes the state of a call.
    fn is_now(&mut self, call: &Conversation) {
        let Some(row) = self.shown.get_mut(&call.id) else { return };
        let mut words = format!("{:?}", call.state).to_lowercase();
        for (is, word) in [(call.muted, ", muted"), (call.held, ", held")] {
            if is {
                words.push_str(word);
            }
        }
        if row.words != words {
            row.words.clone_from(&words);
            self.say(&words);
            self.change(&call.id, Change::Words(words));
        }
        self.change(&call.id, Change::Muted(call.muted));
        self.change(&call.id, Change::Held(call.held));
        self.counts(call);
    }

    /// Takes note of who is in a call about which somebody is asked.
    fn counts(&mut self, call: &Conversation) {
        let Some(consult) = self.consults.get_mut(&call.id) else { return };
        let is_more = others(call) > consult.others;
        let is_over = consult.joined && !is_more;
        consult.joined |= is_more;
        if is_over {
            self.asks_nobody(&call.id);
        }
    }

    /// The phase that follows from all that is known; none where there is nothing to show.
    fn phase(&self, id: &ConversationId) -> Option<Phase> {
        if self.left.contains(id) || self.over.contains(id) {
            return None;
        }
        if self.ringing.contains(id) {
            return Some(Phase::Rings);
        }
        match self.meetings.get(id) {
            Some(Part::Asked) => return Some(Phase::Dials),
            Some(Part::Taken) => return Some(Phase::Rings),
            Some(Part::Joined) => return Some(Phase::Up),
            None => {}
        }
        let view = self.ledger.call(id)?;
        match view.phase {
            // It answers itself, and is a call as soon as it is up.
            CallPhase::Ringing | CallPhase::Ended(_) => None,
            CallPhase::Connecting if self.is_dialled(id, view) => Some(Phase::Dials),
            CallPhase::Connecting | CallPhase::Connected => Some(Phase::Up),
        }
    }

    /// Tells of the row if it is another one than before, with the reason if it is none any more.
    fn show(&mut self, id: &ConversationId, why: &str) {
        let now = self.phase(id);
        match (self.shown.get_mut(id), now) {
            (None, None) => {}
            (Some(row), Some(phase)) if row.phase == phase => {}
            (Some(row), Some(phase)) => {
                row.phase = phase;
                self.change(id, Change::Is(phase));
            }
            (None, Some(phase)) => {
                let row = Row { phase, words: String::new(), connected: false, why: None };
                self.shown.insert(id.clone(), row);
                self.change(id, Change::Is(phase));
            }
            (Some(row), None) => {
                let declined = self.declining.remove(id).map(|_| "declined".to_owned());
                let why = declined.or_else(|| row.why.take()).unwrap_or_else(|| why.to_owned());
                self.shown.remove(id);
                self.say(format!("over: {why}"));
                self.change(id, Change::Over(why));
            }
        }
    }

    /// True while its far side is being called.
    fn is_dialled(&self, id: &ConversationId, view: &CallView) -> bool {
        match view.conversation.as_ref().map(|call| &call.state) {
            Some(CallState::Contacting | CallState::Dialing) => true,
            None | Some(CallState::Alerting) => self.dialled.contains(id),
            Some(_) => false,
        }
    }

    /// The call that a session carries now: of several the one that is spoken on.
    fn on(&self, session: &SessionId) -> Option<ConversationId> {
        let calls = self.ledger.calls().filter(|(id, _)| !self.over.contains(*id));
        let calls = calls.filter(|(_, view)| carrier(view) == Some(session));
        let calls = calls.filter_map(|(id, view)| Some((claim(view)?, id)));
        calls.max_by_key(|(claim, _)| *claim).map(|(_, id)| id.clone())
    }

    /// The call or meeting that what is told of a session is about.
    fn call_of(&self, session: &SessionId, conversation: &ConversationId) -> ConversationId {
        self.on(session).unwrap_or_else(|| conversation.clone())
    }

    /// Has the devices be those of the call that a session carries now.
    fn carries(&self, session: &SessionId) {
        let Some(call) = self.on(session) else { return };
        let muted = self.ledger.call(&call).and_then(|view| view.conversation.as_ref());
        let muted = muted.is_some_and(|call| call.muted);
        self.sound.carries(session.as_str(), call.as_str().into(), muted);
    }

    // What is asked for here

    /// Takes that a call was dialled.
    pub(super) fn dialled(&mut self, id: &ConversationId, number: String) {
        self.dialled.insert(id.clone());
        for change in self.ledger.dialled(id) {
            self.follows(&change);
        }
        // It may have begun before that was known.
        self.show(id, "");
        self.change(id, Change::Who(Who::of(number)));
    }

    /// Takes that somebody is being asked about it.
    pub(super) fn asks(&mut self, id: &ConversationId) {
        let call = self.ledger.call(id).and_then(|view| view.conversation.as_ref());
        let others = call.map_or(0, others);
        self.consults.insert(id.clone(), Consult { others, joined: false });
    }

    /// Takes that they can be spoken to, unless they are gone by now.
    pub(super) fn asks_whom(&self, id: &ConversationId, whom: String) {
        if self.consults.contains_key(id) {
            self.change(id, Change::Consults(Some(whom)));
        }
    }

    /// Takes that nobody is asked about it.
    pub(super) fn asks_nobody(&mut self, id: &ConversationId) {
        self.consults.remove(id);
        self.change(id, Change::Consults(None));
    }

    /// Takes that a meeting was asked for.
    pub(super) fn asked(&mut self, id: &ConversationId, room: String) {
        self.left.retain(|left| left != id);
        self.meetings.entry(id.clone()).or_insert(Part::Asked);
        self.show(id, "");
        self.change(id, Change::Meeting);
        self.change(id, Change::Who(Who::of(room)));
    }

    /// Takes that something went wrong with it: a meeting that was asked for does not begin. False if it was left before.
    pub(super) fn fails(&mut self, id: &ConversationId) -> bool {
        if self.meetings.get(id) == Some(&Part::Asked) {
            self.meetings.remove(id);
            self.show(id, "it did not begin");
        }
        !self.left.contains(id)
    }

    /// Takes that a meeting begins. False if it was left before.
    pub(super) fn joins(&mut self, id: &ConversationId) -> bool {
        if self.left.contains(id) {
            self.left.retain(|left| left != id);
            return false;
        }
        self.meetings.insert(id.clone(), Part::Joined);
        self.show(id, "");
        self.change(id, Change::Meeting);
        true
    }

    /// Takes the end of a meeting.
    pub(super) fn parts(&mut self, id: &ConversationId, why: &str) {
        self.meetings.remove(id);
        self.show(id, why);
    }

    /// Takes that it is being declined.
    pub(super) fn declines(&mut self, id: &ConversationId) {
        if self.shown.contains_key(id) {
            *self.declining.entry(id.clone()).or_default() += 1;
        }
    }

    /// Takes that it could not be declined by one of the wishes.
    pub(super) fn not_declined(&mut self, id: &ConversationId) {
        if let Entry::Occupied(mut wishes) = self.declining.entry(id.clone()) {
            *wishes.get_mut() -= 1;
            if *wishes.get() == 0 {
                wishes.remove();
            }
        }
    }

    /// Closes when the service tells of a call that was dialled here. None if it was not.
    pub(super) fn awaits(&mut self, id: &ConversationId) -> Option<Receiver<()>> {
        let (told, awaits) = smol::channel::bounded(1);
        self.dialled.contains(id).then(|| self.awaited.insert(id.clone(), told))?;
        Some(awaits)
    }

    /// Takes that it is left before it has begun. False if it has by now.
    pub(super) fn leaves(&mut self, id: &ConversationId) -> bool {
        if !self.is_awaited(id) {
            return false;
        }
        let is_full = self.left.len() >= MAX_LEFT;
        if let Some(oldest) = is_full.then(|| self.left.pop_front()).flatten() {
            self.show(&oldest, "");
        }
        self.meetings.remove(id);
        self.left.push_back(id.clone());
        self.show(id, "it had not begun");
        true
    }

    /// Takes that a call was ended while the service tells of nothing. Returns what carried it, if no other call is on it.
    pub(super) fn ends(&mut self, id: &ConversationId) -> Option<SessionId> {
        let session = self.ledger.call(id).and_then(carrier).cloned();
        self.sound.rests(&id.as_str().into());
        self.over.insert(id.clone());
        self.show(id, "ended");
        session.filter(|session| self.on(session).is_none())
    }

    /// True if nothing carries it: it may be one that was asked for, and never begins.
    pub(super) fn is_awaited(&self, id: &ConversationId) -> bool {
        let carried = self.ledger.call(id).is_some_and(|view| carrier(view).is_some());
        let begins = matches!(self.meetings.get(id), Some(Part::Taken | Part::Joined));
        !carried && !begins && !self.ringing.contains(id)
    }

    /// True if it is a meeting that rings or goes on.
    pub(super) fn is_meeting(&self, id: &ConversationId) -> bool {
        self.meetings.contains_key(id)
            || (self.ringing.contains(id) && self.ledger.call(id).is_none())
    }

    /// True if any call is carried, also one that is held.
    pub(super) fn has_any(&self) -> bool {
        let mut calls = self.ledger.calls().filter(|(id, _)| !self.over.contains(*id));
        calls.any(|(_, view)| carrier(view).is_some() && claim(view).is_some())
    }

    /// The calls that are spoken on.
    pub(super) fn talks(&self) -> Vec<ConversationId> {
        let calls = self.ledger.calls();
        let calls =
            calls.filter(|(_, view)| carrier(view).is_some() && claim(view) > Some(Claim::Held));
        calls.map(|(id, _)| id.clone()).collect()
    }
}

/// A call's claim to the session that carries it and others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Held,
    Begins,
    Talks,
}

/// None where it has none, as it rings or is over.
fn claim(view: &CallView) -> Option<Claim> {
    let held = view.conversation.as_ref().is_some_and(|call| call.held);
    match view.phase {
        CallPhase::Ringing | CallPhase::Ended(_) => None,
        CallPhase::Connecting | CallPhase::Connected if held => Some(Claim::Held),
        CallPhase::Connecting => Some(Claim::Begins),
        CallPhase::Connected => Some(Claim::Talks),
    }
}

/// The session that carries a call.
fn carrier(view: &CallView) -> Option<&SessionId> {
    let told = || view.conversation.as_ref().and_then(|call| call.session.as_ref());
    view.session.as_ref().map(|session| &session.id).or_else(told)
}

/// The number of others who are in a call.
fn others(call: &Conversation) -> usize {
    let is_there = |party: &&Party| {
        !matches!(party.state, None | Some(CallState::Disconnected | CallState::Terminated))
    };
    call.who().others.iter().filter(is_there).count()
}

fn words_for(why: EndReason) -> &'static str {
    match why {
        EndReason::Over => "ended",
        EndReason::Withdrawn => "the caller gave up",
        EndReason::Elsewhere => "handled by another client",
        EndReason::Failed => "it did not connect",
        _ => "it is followed no more",
    }
}

/// The one who asks us into a meeting.
fn inviter(pending: &PendingSession) -> &str {
    pending.from_user.as_ref().map_or(&*pending.from, |user| user.as_str())
}

fn who_of(who: &Parties) -> Who {
    Who {
        name: who.remote_name.clone(),
        number: who.remote_number.clone(),
        queue: who.queue.as_ref().and_then(|queue| queue.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use clap::Parser as _;

    use super::*;
    use crate::settings::Settings;

    /// Rows, and all that they tell.
    fn rows() -> (Rows, Arc<Mutex<Vec<News>>>) {
        let words = ["softphone", "--token", "t", "--no-sound", "--config", "/dev/null"];
        let settings = Settings::new(crate::Cli::try_parse_from(words).unwrap()).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell: Tell = Arc::new({
            let told = Arc::clone(&told);
            move |news| told.lock().unwrap().push(news)
        });
        (Rows::new(Arc::clone(&tell), Sound::new(&settings, tell).unwrap()), told)
    }

    /// The number of rows that were over for that reason.
    fn over(told: &Mutex<Vec<News>>, reason: &str) -> usize {
        let is_over =
            |news: &&News| matches!(news, News::Call(_, Change::Over(why)) if why == reason);
        told.lock().unwrap().iter().filter(is_over).count()
    }

    #[test]
    fn what_was_left_before_it_began_is_remembered_up_to_a_bound() {
        let (mut rows, told) = rows();
        let ids: Vec<_> = (0..MAX_LEFT + 10).map(|n| format!("c{n}").into()).collect();
        for id in &ids {
            rows.dialled(id, "100".to_owned());
            assert!(rows.leaves(id) && rows.left.len() <= MAX_LEFT && rows.is_told());
        }
        // Those that are forgotten are shown again: they may go on.
        let is_back = |id: &ConversationId| rows.shown.contains_key(id);
        assert_eq!(ids.iter().filter(|id| is_back(id)).count(), 10);
        assert!(ids[..10].iter().all(is_back));
        assert_eq!(over(&told, "it had not begun"), ids.len());
    }

    #[test]
    fn a_meeting_that_was_asked_for_and_does_not_begin_is_over() {
        let (mut rows, told) = rows();
        let id = ConversationId::from("m1");
        rows.asked(&id, "peer-1@rooms".to_owned());
        assert!(rows.fails(&"m2".into()));
        assert!(rows.shown.contains_key(&id) && rows.is_told());
        assert!(rows.fails(&id));
        assert!(rows.shown.is_empty() && rows.is_told());
        assert_eq!(over(&told, "it did not begin"), 1);
        // Of one that was left nobody wants to hear.
        assert!(rows.leaves(&id) && !rows.fails(&id));
        rows.asked(&id, "peer-1@rooms".to_owned());
        // One that has begun is not over by what went wrong.
        assert!(rows.joins(&id) && rows.fails(&id));
        assert!(rows.shown.contains_key(&id) && rows.is_told());
    }
}
