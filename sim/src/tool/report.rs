//! The report of many seeds: for people a table, for machines JSON.

use std::io::{self, Write};
use std::time::Duration;

use console::style;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cloud::{Habit, Silence};
use crate::scenario::{FaultKind, Finding, Report, Scenario};
use crate::world::Counts;

/// The things that should have happened often in an interesting run. Some only can where one of
/// these faults may befall somebody.
const EXPECTED: &[(&str, &[FaultKind])] = {
    use FaultKind as F;
    &[
        ("customers call", &[]),
        ("customers give up", &[]),
        ("rang", &[]),
        ("sessions", &[]),
        ("calls connected", &[]),
        ("cancelled", &[]),
        ("handled", &[]),
        ("words heard", &[]),
        ("calls heard both ways", &[]),
        ("reconnects", &[F::Reset, F::HalfOpen, F::ServiceRestart, F::StreamError, F::Move]),
        ("sessions replaced", &[F::ReinviteNew, F::Reinvite]),
        ("commands failed", &[F::RestFails, F::Unreachable, F::AnswersLost]),
        ("malformed told", &[F::Rubbish]),
        ("rubbish before a message", &[F::Rubbish]),
        ("message late", &[F::Late]),
        ("message twice", &[F::Twice]),
        ("notification lost", &[F::Lost]),
    ]
};

/// The same of rooms, where there are any.
const IN_ROOMS: &[&str] = &[
    "rooms entered",
    "rooms left",
    "people told of",
    "pictures seen by rooms",
    "pictures hidden",
    "screens told",
    "invitations",
    "recordings asked for",
    "screens monitored",
    "screens watched",
    "customers met",
    "others join",
    "others leave",
    "words by data channel",
    "words told",
    "pictures of rooms",
    "rooms renegotiate",
    "rooms re-invite",
    "rooms end",
];

/// The sums of many runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    seeds: u64,
    simulated: Duration,
    happenings: u64,
    counts: Counts,
    findings: u64,
}

impl Tally {
    pub(super) fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.simulated += report.simulated;
        self.happenings += report.happenings;
        self.counts.merge(&report.counts);
        self.findings += u64::from(report.finding.is_some());
    }

    pub(super) fn seeds(&self) -> u64 {
        self.seeds
    }

    fn faults(&self) -> u64 {
        let names = FaultKind::ALL
            .iter()
            .map(|kind| kind.name())
            .chain(crate::scenario::office::troubles());
        names.map(|name| self.counts.get(name)).sum()
    }

    fn speed(&self, took: Duration) -> f64 {
        self.simulated.as_secs_f64() / took.as_secs_f64().max(1e-9)
    }

    /// All in a line.
    pub(super) fn line(&self, took: Duration) -> String {
        format!(
            "{} simulated, {} s/s, {} calls, {} faults, findings: {}",
            span(self.simulated),
            grouped(self.speed(took) as u64),
            grouped(self.counts.get("calls connected")),
            grouped(self.faults()),
            self.findings
        )
    }

    /// True if nobody ever talked.
    pub(super) fn is_dull(&self) -> bool {
        self.counts.get("calls connected") == 0
    }

    /// The things that never happened, though this scenario can make them happen.
    pub(super) fn never(&self, scenario: &Scenario) -> Vec<&'static str> {
        if let Some(climate) = scenario.office {
            let expected = crate::scenario::office::expected(climate);
            return expected.filter(|what| self.counts.get(what) == 0).collect();
        }
        let can = |kind: &FaultKind| scenario.may_have(*kind);
        let things = EXPECTED
            .iter()
            .filter(|(_, needs)| needs.is_empty() || needs.iter().any(can))
            .map(|(what, _)| *what);
        let faults = FaultKind::ALL.iter().filter(|kind| can(kind)).map(|kind| kind.name());
        let silences = Silence::ALL.iter().filter(|silence| scenario.may_keep(**silence));
        let silences = silences.map(|silence| silence.name());
        let habits = Habit::ALL.iter().filter(|habit| scenario.may_have_habit(**habit));
        let untidy = habits.map(|habit| habit.name());
        let rooms = IN_ROOMS.iter().filter(|_| scenario.may_meet()).copied();
        let all = things.chain(faults).chain(silences).chain(untidy).chain(rooms);
        all.filter(|what| self.counts.get(what) == 0).collect()
    }
}

/// Something that went wrong, with what a person needs to look for the cause.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    seed: u64,
    at_seconds: f64,
    invariant: String,
    what: String,
    replay: String,
    shrink: String,
    /// The story of it, oldest first.
    story: Vec<String>,
}

impl Found {
    pub(super) fn new(
        seed: u64,
        finding: &Finding,
        (replay, shrink): (String, String),
        story: &str,
    ) -> Self {
        Self {
            seed,
            at_seconds: finding.at.as_secs_f64(),
            invariant: finding.invariant.clone(),
            what: finding.what.clone(),
            replay,
            shrink,
            story: around(&finding.what, story),
        }
    }

    /// For people: what, when, the last lines before it, and what to do now.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        const LINES: usize = 25;
        let at = clock(Duration::from_secs_f64(self.at_seconds));
        let what = format!("seed {} at {at}: {}", self.seed, self.invariant);
        writeln!(out, "{} {}", style("✗").red().bold(), style(what).bold())?;
        writeln!(out, "  {}", self.what)?;
        for line in &self.story[self.story.len().saturating_sub(LINES)..] {
            writeln!(out, "    {}", style(shortened(line)).dim())?;
        }
        writeln!(out, "  replay  {}\n  shrink  {}\n", self.replay, self.shrink)
    }
}

/// Everything about many runs.
pub(super) struct Summary<'a> {
    pub(super) scenario: &'a Scenario,
    /// The command that does it all again.
    pub(super) command: String,
    pub(super) tally: Tally,
    pub(super) took: Duration,
    pub(super) jobs: usize,
    pub(super) findings: Vec<Found>,
    /// The number of seeds that there would have been, if Ctrl-C ended it before they were all
    /// done.
    pub(super) cut_from: Option<u64>,
    /// Seed by seed: fingerprint, simulated time, happenings, and whether all was well.
    pub(super) runs: Vec<Value>,
}

impl Summary<'_> {
    /// One seed's line for machines.
    pub(super) fn run(report: &Report) -> Value {
        json!({
            "seed": report.seed,
            "digest": format!("{:016x}", report.digest),
            "simulatedSeconds": report.simulated.as_secs_f64(),
            "happenings": report.happenings,
            "finding": report.finding.as_ref().map(|finding| &finding.invariant),
        })
    }

    /// For people.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { tally, scenario, .. } = self;
        let head = format!(
            "{}: {} agents, {} each, {} seeds",
            scenario.name(),
            scenario.size(),
            span(scenario.working()),
            grouped(tally.seeds)
        );
        writeln!(out, "{}", style(head).bold())?;
        writeln!(
            out,
            "  {} simulated in {:.1} s on {} threads: {} simulated seconds a second, {} happenings",
            span(tally.simulated),
            self.took.as_secs_f64(),
            self.jobs,
            grouped(tally.speed(self.took) as u64),
            grouped(tally.happenings)
        )?;
        let is_fault = |what: &str| FaultKind::named(what).is_some();
        let all: Vec<_> = tally.counts.iter().collect();
        let (faults, things): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(what, _)| is_fault(what));
        table(out, "what happened", &things)?;
        table(out, &format!("faults, {} in all", grouped(tally.faults())), &faults)?;
        let never = tally.never(scenario);
        if !never.is_empty() {
            writeln!(out, "\n{} {}", style("never happened:").yellow(), never.join(", "))?;
        }
        if let Some(asked) = self.cut_from {
            let done = grouped(tally.seeds);
            let cut = format!("interrupted: {done} of {} seeds are done", grouped(asked));
            writeln!(out, "\n{}", style(cut).yellow())?;
        } else if tally.is_dull() {
            let dull = "no call was ever connected: this run proves nothing";
            writeln!(out, "\n{}", style(dull).red())?;
        }
        let verdict = match tally.findings {
            0 if self.cut_from.is_some() => style("no finding so far".to_owned()).yellow(),
            0 => style("no finding".to_owned()).green(),
            1 => style("1 finding".to_owned()).red(),
            n => style(format!("{n} findings")).red(),
        };
        writeln!(out, "\n{}", verdict.bold())
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let Self { tally, scenario, .. } = self;
        json!({
            "command": self.command,
            "version": env!("CARGO_PKG_VERSION"),
            "optimised": !cfg!(debug_assertions),
            "scenario": scenario.name(),
            "agents": scenario.size(),
            "hours": scenario.working().as_secs_f64() / 3600.0,
            "seeds": tally.seeds,
            "interrupted": self.cut_from.is_some(),
            "threads": self.jobs,
            "wallSeconds": self.took.as_secs_f64(),
            "simulatedSeconds": tally.simulated.as_secs_f64(),
            "speed": tally.speed(self.took),
            "happenings": tally.happenings,
            "calls": tally.counts.get("calls connected"),
            "faults": tally.faults(),
            "counts": tally.counts.iter().collect::<std::collections::BTreeMap<_, _>>(),
            "never": tally.never(scenario),
            "findings": self.findings,
            "runs": self.runs,
        })
    }
}

/// Counters in columns.
pub(super) fn table(
    out: &mut dyn Write,
    title: &str,
    counts: &[(&'static str, u64)],
) -> io::Result<()> {
    const COLUMNS: usize = 3;
    if counts.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style(title).underlined())?;
    let rows = counts.len().div_ceil(COLUMNS);
    for row in 0..rows {
        for (what, count) in counts.iter().skip(row).step_by(rows) {
            write!(out, "  {what:<26}{:>10}", grouped(*count))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The lines of a story that have to do with what went wrong: of its phone, of its call. All where
/// those cannot be told.
fn around(what: &str, story: &str) -> Vec<String> {
    const LINES: usize = 100;
    const ID: usize = 32;
    let words = what.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let ids: Vec<_> = words.filter(|word| word.len() >= ID).collect();
    let phone = what.strip_prefix("phone ").and_then(|rest| rest.split(':').next());
    let phone = phone.and_then(|rest| rest.split(' ').next()).map(|n| format!(" phone {n} "));
    let belongs = |line: &&str| {
        phone.as_ref().is_some_and(|phone| line.contains(phone.as_str()))
            || ids.iter().any(|id| line.contains(id))
    };
    let mut lines: Vec<_> = story.lines().filter(belongs).collect();
    if lines.is_empty() {
        lines = story.lines().collect();
    }
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| (*line).to_owned()).collect()
}

/// A line that fits on a screen.
fn shortened(line: &str) -> String {
    const WIDTH: usize = 300;
    let mut text: String = line.chars().take(WIDTH).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}

/// `1 234 567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `3 d 04:30:00`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (d, h, m, s) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let days = if d > 0 { format!("{} d ", grouped(d)) } else { String::new() };
    format!("{days}{h:02}:{m:02}:{s:02}")
}

/// The time as stories have it: `00:12:03.250`.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{h:02}:{m:02}:{s:02}.{:03}", time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_easy_to_read() {
        assert_eq!(
            ["0", "999", "1 000", "12 345 678"],
            [0, 999, 1000, 12_345_678].map(grouped)[..]
        );
        assert_eq!(span(Duration::from_secs(3 * 86_400 + 16_200)), "3 d 04:30:00");
        assert_eq!(clock(Duration::from_millis(723_250)), "00:12:03.250");
        assert_eq!(shortened(&"é".repeat(400)).chars().count(), 301);
    }

    #[test]
    fn a_finding_shows_what_has_to_do_with_it() {
        let id = "ef4c4508-2f91-4890-9eb8-fe9a7102449c";
        let story = format!(
            "00:00:01.000 phone 1    rings\n00:00:02.000 phone 11   rings\n\
             00:00:03.000 service    hears of {id}\n"
        );
        let lines = around(&format!("phone 1: {id} rings twice"), &story);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("phone 1 ") && lines[1].contains(id));
        assert_eq!(around("a machine turns in circles", &story).len(), 3);
    }

    #[test]
    fn what_could_have_happened_and_did_not_is_named() {
        let calm = Tally::default().never(&Scenario::calm());
        assert!(calm.contains(&"calls connected") && !calm.contains(&"reset"), "{calm:?}");
        let swarm = Tally::default().never(&Scenario::swarm());
        assert!(FaultKind::ALL.iter().all(|kind| swarm.contains(&kind.name())));
        let some = Scenario::swarm().only_faults([FaultKind::Lost]);
        let never = Tally::default().never(&some);
        assert!(never.contains(&"lost") && never.contains(&"notification lost"));
        assert!(!never.contains(&"reset") && !never.contains(&"message twice"));
    }
}
