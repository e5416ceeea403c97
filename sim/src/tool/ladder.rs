//! A call of a run as a ladder diagram: its messages on every phone of its user, what was pressed
//! there, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use console::style;
use offhook::genesys::{ConversationId, Event};

use super::answer::{ToolError, Verdict};
use super::file::Answer;
use super::menu::Menu;
use super::panics;
use super::plan::Plan;
use super::report::clock;
use super::watcher::{Note, Watcher};
use crate::ladder::{Ladder, LadderBuilder};
use crate::scenario::{Invariant, Report, Scenario};
use crate::world::{PhoneId, Seen};

/// The arguments of `ladder`.
#[derive(Clone, Debug, clap::Args)]
pub struct LadderArgs {
    /// The plan of the run.
    #[command(flatten)]
    pub plan: Plan,
    /// The seed.
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// The call: its conversation's id, or as much of it as no other begins with.
    #[arg(long, value_name = "ID")]
    pub call: Option<String>,
    /// The page to write.
    #[arg(long, value_name = "FILE", default_value = "call.html")]
    pub out: PathBuf,
}

pub(super) fn perform(
    menu: &Menu,
    args: &LadderArgs,
    out: &mut dyn Write,
) -> Result<Verdict, ToolError> {
    let (plan, scenario) = menu.resolve(&args.plan)?;
    let scenario = plan.apply(scenario);
    let page = args.call.as_ref().map(|_| Answer::open(&args.out)).transpose()?;
    let (calls, report) = calls_of(&scenario, args.seed);
    let (Some(call), Some(page)) = (&args.call, page) else {
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
    let command = menu.command("ladder", &plan, args.seed);
    let ladder = draw(&scenario, args.seed, id, command);
    page.write(&ladder.to_html())?;
    writeln!(out, "{} lines in {}", ladder.rows().len(), args.out.display())?;
    Ok(Verdict::Clean)
}

// All calls

/// The time at which a call was heard of first, the phones, and what became of it.
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

/// The diagram of one call.
fn draw(scenario: &Scenario, seed: u64, id: &ConversationId, command: String) -> Ladder {
    let (notes, told) = mpsc::channel();
    let of = id.clone();
    let scenario = scenario.clone().traced().invariant(move || Watcher::new(&of, notes.clone()));
    let report = panics::quietly(|| scenario.run_caught(seed));
    drop(scenario);
    let notes: Vec<_> = told.into_iter().collect();
    let first = notes.iter().map(|(at, ..)| *at).min().unwrap_or_default();
    let phones: BTreeSet<_> = notes.iter().map(|(_, phone, _)| *phone).collect();
    let lane = |phone: PhoneId| phones.iter().take_while(|other| **other < phone).count();
    let start = Instant::now();
    let mut builder = LadderBuilder::new(format!("Call {id}"), start);
    builder.phones(phones.iter().map(|phone| format!("Phone {}", phone.0)).collect());
    for (at, phone, note) in notes {
        let at = start + at.saturating_sub(first);
        match note {
            Note::Message(mut record) => {
                record.at = at;
                builder.message_of(lane(phone), &record);
            }
            Note::Milestone(text, state) => builder.milestone_of(lane(phone), at, text, state),
        }
    }
    let mut facts = vec![
        ("begins at (h:min:s)".to_owned(), clock(first)),
        ("seed".to_owned(), seed.to_string()),
        ("drawn by".to_owned(), format!("{command} --call {id}")),
    ];
    if let Some(finding) = report.finding {
        facts.push(("finding".to_owned(), finding.to_string()));
    }
    builder.finish(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::{Kind, State};

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
    /// State and text of a phone's milestones, in order.
    fn milestones(ladder: &Ladder) -> Vec<(&str, State)> {
        let rows = ladder.rows().iter();
        rows.filter_map(|row| match &row.kind {
            Kind::Milestone { text, state } => Some((text.as_str(), *state)),
            Kind::Message { .. } => None,
        })
        .collect()
    }

    #[test]
    fn rest_of_the_call_is_in_its_diagram_with_questions_and_answers() {
        let scenario = Scenario::calm().agents(1).hours(0.3);
        let (calls, _) = calls_of(&scenario, 1);
        let mut changes = 0;
        for (id, _) in by_time(&calls).into_iter().take(3) {
            let ladder = draw(&scenario, 1, id, "x".to_owned());
            let mut open = 0_i32;
            for row in ladder.rows() {
                if let Kind::Message { channel: "rest", sent, text, body, .. } = &row.kind {
                    open += if *sent { 1 } else { -1 };
                    assert!(open >= 0, "an answer without a question: {text}");
                    changes +=
                        usize::from(text.starts_with("PATCH ") && text.contains(id.as_str()));
                    assert!(text.contains(id.as_str()) || body.contains(id.as_str()) || *sent);
                }
            }
            assert_eq!(open, 0, "a question without an answer");
        }
        assert!(changes > 0, "nobody muted or held anything");
    }

    #[test]
    fn speech_has_its_colour_also_on_a_line_that_stays() {
        let scenario = Scenario::persistent_line().agents(2).hours(0.3).without_faults();
        let (calls, report) = calls_of(&scenario, 1);
        assert_eq!(report.finding, None);
        let mut again = 0;
        for (id, _) in by_time(&calls).into_iter().take(4) {
            let ladder = draw(&scenario, 1, id, "x".to_owned());
            let marks = milestones(&ladder);
            let Some(at) = marks.iter().position(|(text, _)| *text == "connected") else {
                continue;
            };
            assert!(matches!(marks[at].1, State::Talking | State::Silent), "{marks:?}");
            let rest = &marks[at..];
            // What is said of the answer later does not make it connecting again.
            again += rest.iter().filter(|(text, _)| *text == "taken here").count();
            let up = rest.iter().take_while(|(text, _)| *text != "ended");
            let wrong =
                |state: &State| matches!(state, State::Idle | State::Ringing | State::Connecting);
            assert!(!up.clone().any(|(_, state)| wrong(state)), "{marks:?}");
            let all: Vec<_> = marks.iter().map(|(_, state)| *state).collect();
            assert!(all.contains(&State::Talking), "{marks:?}");
        }
        assert!(again > 0, "no call came on a line that was up");
    }
}
