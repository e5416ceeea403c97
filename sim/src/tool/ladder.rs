//! A call of a run as a ladder diagram: its messages on every phone of its user, what was pressed
//! there, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use console::style;
use offhook::genesys::{Command, ConversationId, Event, HandledBy};
use offhook::report::TraceRecord;

use super::plan::Plan;
use super::report::clock;
use super::{Tool, ToolError, Verdict, panics};
use crate::ladder::{Ladder, LadderBuilder, State};
use crate::scenario::{Invariant, Report, Scenario};
use crate::world::{PhoneId, Seen};

/// What `ladder` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct LadderArgs {
    /// What is run.
    #[command(flatten)]
    pub plan: Plan,
    /// Which seed.
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// Which call: its conversation's id, or as much of it as no other begins with.
    #[arg(long, value_name = "ID")]
    pub call: Option<String>,
    /// The page to write.
    #[arg(long, value_name = "FILE", default_value = "call.html")]
    pub out: PathBuf,
}

pub(super) fn perform(
    tool: &Tool,
    args: &LadderArgs,
    out: &mut dyn Write,
) -> Result<Verdict, ToolError> {
    let (plan, scenario) = tool.resolve(&args.plan)?;
    let scenario = plan.apply(scenario);
    let (calls, report) = calls_of(&scenario, args.seed);
    let Some(call) = &args.call else {
        for (id, (at, phones, what)) in by_time(&calls) {
            let phones: Vec<_> = phones.iter().map(|phone| phone.0.to_string()).collect();
            writeln!(out, "{}  {id}  phone {:<6} {what}", clock(*at), phones.join(", "))?;
        }
        if let Some(finding) = report.finding {
            writeln!(out, "{} {finding}", style("✗").red().bold())?;
        }
        return Ok(Verdict::Clean);
    };
    let mut found = calls.keys().filter(|id| id.as_str().starts_with(call.as_str()));
    let (Some(id), None) = (found.next(), found.next()) else {
        let found = calls.keys().filter(|id| id.as_str().starts_with(call.as_str())).count();
        return Err(ToolError::UnknownCall { call: call.clone(), found });
    };
    let command = tool.command("ladder", &plan, args.seed);
    let ladder = draw(&scenario, args.seed, id, command);
    super::write_file(&args.out, &ladder.to_html())?;
    writeln!(out, "{} lines in {}", ladder.rows().len(), args.out.display())?;
    Ok(Verdict::Clean)
}

// All calls

/// When a call was heard of first, on which phones, and what became of it.
type Fate = (Duration, BTreeSet<PhoneId>, &'static str);
type Calls = BTreeMap<ConversationId, Fate>;

fn by_time(calls: &Calls) -> Vec<(&ConversationId, &Fate)> {
    let mut all: Vec<_> = calls.iter().collect();
    all.sort_by_key(|(_, (at, ..))| *at);
    all
}

fn calls_of(scenario: &Scenario, seed: u64) -> (Calls, Report) {
    let (notes, told) = mpsc::channel();
    let scenario = scenario.clone().invariant(move || CallList(notes.clone()));
    let report = panics::quietly(|| scenario.run_caught(seed));
    drop(scenario);
    let mut calls = Calls::new();
    for (at, phone, id, what) in told {
        let (_, phones, became) = calls.entry(id).or_insert_with(|| (at, BTreeSet::new(), what));
        phones.insert(phone);
        // What was connected once is not only known of any more.
        if what != "known" {
            *became = what;
        }
    }
    (calls, report)
}

/// Notes what becomes of every call.
struct CallList(Sender<(Duration, PhoneId, ConversationId, &'static str)>);

impl Invariant for CallList {
    fn name(&self) -> &str {
        "calls are listed"
    }

    fn see(&mut self, at: Duration, seen: Seen<'_>) -> Result<(), String> {
        let Seen::Told { phone, event } = seen else { return Ok(()) };
        let note = |id: &ConversationId, what| {
            // Whoever does not listen any more needs no list.
            let _ = self.0.send((at, phone, id.clone(), what));
        };
        match event {
            Event::PendingSession(pending) => note(&pending.conversation, "rang"),
            Event::CancelPendingSession { conversation, .. } => note(conversation, "not answered"),
            Event::CallConnected { call, .. } => note(&call.id, "connected, never ended"),
            Event::CallEnded { conversation, .. } => note(conversation, "connected and ended"),
            Event::ConversationUpdate(update) => {
                update.added.iter().for_each(|call| note(&call.id, "known"));
            }
            _ => {}
        }
        Ok(())
    }
}

// One call

/// Something for the diagram.
#[derive(Debug)]
enum Note {
    Message(TraceRecord),
    Milestone(String, State),
}

/// The diagram of one call.
fn draw(scenario: &Scenario, seed: u64, id: &ConversationId, command: String) -> Ladder {
    let (notes, told) = mpsc::channel();
    let of = id.clone();
    let scenario = scenario.clone().traced().invariant(move || Watcher::new(&of, notes.clone()));
    let report = panics::quietly(|| scenario.run_caught(seed));
    drop(scenario);
    let notes: Vec<_> = told.into_iter().collect();
    let first = notes.first().map_or(Duration::ZERO, |(at, ..)| *at);
    let phones: BTreeSet<_> = notes.iter().map(|(_, phone, _)| *phone).collect();
    let lane = |phone: PhoneId| phones.iter().take_while(|other| **other < phone).count();
    let start = Instant::now();
    let mut builder = LadderBuilder::new(format!("Call {id}"), start);
    builder.phones(phones.iter().map(|phone| format!("Phone {}", phone.0)).collect());
    for (at, phone, note) in notes {
        let at = start + at.saturating_sub(first);
        match note {
            Note::Message(record) => {
                builder.message_of(lane(phone), &TraceRecord { at, ..record });
            }
            Note::Milestone(text, state) => builder.milestone_of(lane(phone), at, text, state),
        }
    }
    let mut facts = vec![
        ("begins at".to_owned(), clock(first)),
        ("seed".to_owned(), seed.to_string()),
        ("drawn by".to_owned(), format!("{command} --call {id}")),
    ];
    if let Some(finding) = report.finding {
        facts.push(("finding".to_owned(), finding.to_string()));
    }
    builder.finish(facts)
}

/// Watches everything that belongs to one call.
struct Watcher {
    id: ConversationId,
    notes: Sender<(Duration, PhoneId, Note)>,
    /// By phone: what names the call there, and how it is.
    phones: BTreeMap<PhoneId, (BTreeSet<String>, State)>,
    /// Phones whose signaling was lost.
    lost: BTreeSet<PhoneId>,
}

impl Watcher {
    fn new(id: &ConversationId, notes: Sender<(Duration, PhoneId, Note)>) -> Self {
        Self { id: id.clone(), notes, phones: BTreeMap::new(), lost: BTreeSet::new() }
    }

    fn note(&self, at: Duration, phone: PhoneId, note: Note) {
        // Whoever does not listen any more needs no diagram.
        let _ = self.notes.send((at, phone, note));
    }

    /// The call is in another state, or something else is worth a line.
    fn mark(&mut self, at: Duration, phone: PhoneId, text: impl Into<String>, state: State) {
        let (_, now) = self.phones.entry(phone).or_insert_with(|| (BTreeSet::new(), State::Idle));
        *now = state;
        self.note(at, phone, Note::Milestone(text.into(), state));
    }

    fn is_called(&mut self, phone: PhoneId, name: &str) {
        let (names, _) = self.phones.entry(phone).or_insert_with(|| (BTreeSet::new(), State::Idle));
        names.insert(name.to_owned());
    }

    fn state(&self, phone: PhoneId) -> State {
        self.phones.get(&phone).map_or(State::Idle, |(_, state)| *state)
    }

    fn trace(&self, at: Duration, phone: PhoneId, record: &TraceRecord) {
        let about =
            |name: &str| record.about.as_deref() == Some(name) || record.body.contains(name);
        let named = |(names, _): &(BTreeSet<String>, State)| names.iter().any(|name| about(name));
        if about(self.id.as_str()) || self.phones.get(&phone).is_some_and(named) {
            self.note(at, phone, Note::Message(record.clone()));
        }
    }

    fn told(&mut self, at: Duration, phone: PhoneId, event: &Event) {
        match event {
            Event::Trace(record) => self.trace(at, phone, record),
            Event::PendingSession(pending) if pending.conversation == self.id => {
                self.is_called(phone, pending.session.as_str());
                self.mark(at, phone, "rings", State::Ringing);
            }
            Event::CancelPendingSession { conversation, .. } if *conversation == self.id => {
                self.mark(at, phone, "stops ringing", State::Idle);
            }
            Event::HandledPendingSession { conversation, by, .. } if *conversation == self.id => {
                let (text, state) = match by {
                    HandledBy::Here => ("taken here", State::Connecting),
                    HandledBy::Elsewhere => ("taken elsewhere", State::Idle),
                };
                self.mark(at, phone, text, state);
            }
            Event::SessionStarted(session) if session.conversation == self.id => {
                self.is_called(phone, session.id.as_str());
                self.mark(at, phone, "session started", State::Connecting);
            }
            Event::SessionReplaced { session, .. } if session.conversation == self.id => {
                self.is_called(phone, session.id.as_str());
                self.mark(at, phone, "session replaced", self.state(phone));
            }
            Event::SessionEnded { session, reason } if session.conversation == self.id => {
                self.mark(at, phone, format!("session ended: {reason}"), self.state(phone));
            }
            Event::CallConnected { call, session } if call.id == self.id => {
                self.is_called(phone, session.as_str());
                self.mark(at, phone, "connected", State::Talking);
            }
            Event::CallEnded { conversation, .. } if *conversation == self.id => {
                self.mark(at, phone, "ended", State::Idle);
            }
            Event::ConversationUpdate(update) => {
                let call = update.current.iter().find(|call| call.id == self.id);
                let (Some(call), now) = (call, self.state(phone)) else { return };
                let state = match (call.held, call.muted) {
                    (true, _) => State::Held,
                    (false, true) => State::Muted,
                    (false, false) => State::Talking,
                };
                let up = matches!(now, State::Talking | State::Muted | State::Held);
                if up && state != now {
                    let text = match state {
                        State::Held => "on hold",
                        State::Muted => "muted",
                        _ => "heard again",
                    };
                    self.mark(at, phone, text, state);
                }
            }
            // Each attempt that fails is told again.
            Event::Disconnected { .. }
                if self.state(phone) != State::Idle && self.lost.insert(phone) =>
            {
                self.mark(at, phone, "signaling is lost", self.state(phone));
            }
            Event::Connected { .. } if self.lost.remove(&phone) => {
                self.mark(at, phone, "signaling is back", self.state(phone));
            }
            _ => {}
        }
    }
}

impl Invariant for Watcher {
    fn name(&self) -> &str {
        "a call is watched"
    }

    fn see(&mut self, at: Duration, seen: Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Told { phone, event } => self.told(at, phone, event),
            Seen::Submitted { phone, command, .. } => {
                if let Some(text) = pressed(command, &self.id) {
                    self.mark(at, phone, text, self.state(phone));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What somebody does with a call.
fn pressed(command: &Command, id: &ConversationId) -> Option<&'static str> {
    let (conversation, text) = match command {
        Command::AcceptPendingSession { conversation } => (conversation, "answers"),
        Command::RejectPendingSession { conversation } => (conversation, "rejects"),
        Command::EndSession { conversation } => (conversation, "hangs up"),
        Command::SendDtmf { conversation, .. } => (conversation, "presses keys"),
        Command::SetAudioMute { conversation, muted } => {
            (conversation, if *muted { "mutes" } else { "unmutes" })
        }
        Command::SetConversationHeld { conversation, held } => {
            (conversation, if *held { "holds" } else { "resumes" })
        }
        _ => return None,
    };
    (conversation == id).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_drawn_with_all_of_its_phones() {
        let scenario = Scenario::calm().agents(1).hours(0.3).second_phones(1.0);
        let (calls, report) = calls_of(&scenario, 1);
        assert_eq!(report.finding, None);
        let (id, (_, phones, what)) = by_time(&calls)[0];
        assert_eq!((phones.len(), *what), (2, "connected and ended"));
        let ladder = draw(&scenario, 1, id, "x".to_owned());
        let json = ladder.to_json();
        for text in ["propose", "session-initiate", "answers", "taken elsewhere", "Phone 1"] {
            assert!(json.contains(text), "{text}");
        }
        let lanes: BTreeSet<_> = ladder.rows().iter().map(|row| row.phone).collect();
        assert_eq!(lanes, [0, 1].into());
        let other = by_time(&calls)[1].0;
        assert!(!json.contains(other.as_str()), "another call is in it");
    }
}
