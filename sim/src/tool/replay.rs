//! One seed again, with its story; and the fingerprints of many.

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::Duration;

use console::style;

use super::answer::{ToolError, Verdict};
use super::interrupt::Interrupt;
use super::menu::Menu;
use super::plan::{Plan, Seeds, parse_duration};
use super::report::{clock, table};
use super::{panics, run};
use crate::scenario::{Report, Run, Scenario};
use crate::world::{Line, Story};

/// The lines before the end that are told, unless all are.
const LINES: usize = 100;
/// Lines that a run may be ahead of the terminal.
const AHEAD: usize = 10_000;

/// The arguments of `replay`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// The plan of the run.
    #[command(flatten)]
    pub plan: Plan,
    /// The seed.
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// Stop there: `90s`, `1h30m`, `00:12:03.250`.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub until: Option<Duration>,
    /// Tell every line, not only the last.
    #[arg(long, short)]
    pub verbose: bool,
}

/// The arguments of `digest`.
#[derive(Clone, Debug, clap::Args)]
pub struct DigestArgs {
    /// The plan of the runs.
    #[command(flatten)]
    pub plan: Plan,
    /// The seeds: `0..200`, the last one left out, or a single one.
    #[arg(long, value_name = "A..B")]
    pub seeds: Seeds,
    /// The number of threads; as many as there are cores, unless said otherwise.
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
}

pub(super) fn replay(
    menu: &Menu,
    args: &ReplayArgs,
    out: &mut dyn Write,
) -> Result<Verdict, ToolError> {
    let (plan, scenario) = menu.resolve(&args.plan)?;
    let scenario = plan.apply(scenario);
    let report = if args.verbose {
        let (lines, report) = start(scenario, args);
        for line in lines {
            writeln!(out, "{line}")?;
        }
        // The thread has ended, or panicked where nothing panics; then there is a story at least.
        report.join().ok()
    } else {
        let mut run = begin(&scenario, args);
        run.tell(LINES);
        let report = finish(&mut run);
        for line in run.story().into_iter().flat_map(Story::lines) {
            writeln!(out, "{line}")?;
        }
        Some(report)
    };
    let Some(report) = report else { return Ok(Verdict::Finding) };
    tell(&report, out)?;
    Ok(if report.finding.is_some() { Verdict::Finding } else { Verdict::Clean })
}

fn begin(scenario: &Scenario, args: &ReplayArgs) -> Run {
    let mut run = Run::new(scenario, args.seed);
    if let Some(until) = args.until {
        run.stop_at(until);
    }
    run
}

fn finish(run: &mut Run) -> Report {
    panics::quietly(|| {
        let mut report = run.finish_caught();
        panics::locate(&mut report);
        report
    })
}

/// Runs on a thread of its own, which is left alone when nobody reads any more.
fn start(
    scenario: Scenario,
    args: &ReplayArgs,
) -> (mpsc::Receiver<Line>, std::thread::JoinHandle<Report>) {
    let (listener, lines) = mpsc::sync_channel(AHEAD);
    let args = args.clone();
    let thread = std::thread::spawn(move || {
        let mut run = begin(&scenario, &args);
        run.tell_to(listener);
        finish(&mut run)
    });
    (lines, thread)
}

/// The end of a run, for people.
fn tell(report: &Report, out: &mut dyn Write) -> Result<(), ToolError> {
    let counts: Vec<_> = report.counts.iter().collect();
    table(out, "what happened", &counts)?;
    let end = clock(report.simulated);
    writeln!(out, "\nseed {} to {end}, digest {:016x}", report.seed, report.digest)?;
    match &report.finding {
        Some(finding) => {
            let what = format!("at {}: {}", clock(finding.at), finding.invariant);
            writeln!(out, "{} {}", style("✗").red().bold(), style(what).bold())?;
            writeln!(out, "  {}", finding.what)?;
        }
        None => writeln!(out, "{}", style("no finding").green().bold())?,
    }
    Ok(())
}

pub(super) fn digest(
    menu: &Menu,
    args: &DigestArgs,
    out: &mut dyn Write,
) -> Result<Verdict, ToolError> {
    let (plan, scenario) = menu.resolve(&args.plan)?;
    let scenario = plan.apply(scenario);
    let Seeds(seeds) = args.seeds.clone();
    let never = Interrupt::default();
    run::seeds(&scenario, seeds, run::threads(args.jobs), 0, &never, |done| {
        writeln!(out, "{} {:016x}", done.report.seed, done.report.digest)?;
        Ok::<_, ToolError>(true)
    })?;
    Ok(Verdict::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook::genesys::Event;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::scenario::Invariant;
    use crate::world::Seen;

    /// Counts the proposals that clients trace.
    struct Traces(Arc<AtomicUsize>);

    impl Invariant for Traces {
        fn name(&self) -> &str {
            "traces are counted"
        }

        fn see(&mut self, _: Duration, seen: Seen<'_>) -> Result<(), String> {
            if let Seen::Told { event: Event::Trace(record), .. } = seen
                && record.summary == "propose"
            {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }
    }

    #[test]
    fn each_traced_message_is_told_once() {
        let traces = Arc::new(AtomicUsize::new(0));
        let noted = Arc::clone(&traces);
        let scenario = Scenario::calm().agents(1).hours(0.2).traced();
        let scenario = scenario.invariant(move || Traces(Arc::clone(&noted)));
        let (plan, seed) = (Plan::default(), 1);
        let mut run = begin(&scenario, &ReplayArgs { plan, seed, until: None, verbose: true });
        run.tell(1_000_000);
        assert_eq!(finish(&mut run).finding, None);
        let lines: Vec<_> = run.story().unwrap().lines().map(ToString::to_string).collect();
        assert!(traces.load(Ordering::Relaxed) > 0);
        // Once as the service said it, and not once more as the client tells it.
        let told = lines.iter().filter(|line| line.contains("<propose ")).count();
        assert_eq!(told, traces.load(Ordering::Relaxed));
    }
}
