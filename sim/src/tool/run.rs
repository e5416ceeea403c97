//! Many seeds on all cores, told in the order of the seeds.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use super::answer::{ToolError, Verdict};
use super::file::Answer;
use super::interrupt::Interrupt;
use super::menu::Menu;
use super::panics;
use super::plan::{Plan, Seeds};
use super::progress::Progress;
use super::report::{Found, Summary, Tally};
use crate::scenario::{Report, Scenario};

/// The most lines of the story that a finding keeps.
const LINES: usize = 1000;

/// The name under which runs end that nobody waits for.
const NOBODY: &str = "somebody waits for it";

/// The arguments of `run`.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// The plan of the runs.
    #[command(flatten)]
    pub plan: Plan,
    /// The seeds: `0..1000`, the last one left out, or a single one.
    #[arg(long, value_name = "A..B", default_value = "0..100")]
    pub seeds: Seeds,
    /// The number of threads; as many as there are cores, unless said otherwise.
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Write all that is known to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Do not stop at the first finding.
    #[arg(long)]
    pub keep_going: bool,
    /// Fail too when something never happened that could have.
    #[arg(long)]
    pub covered: bool,
}

/// A seed's end.
pub(super) struct Done {
    pub(super) report: Report,
    /// The last lines before the finding, if there is one and they are wanted.
    pub(super) story: String,
}

/// The number of threads to use.
pub(super) fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// Runs seeds on so many threads; `each` is told of their ends in the order of the seeds, and says
/// whether to go on. `lines` of the story are kept of what fails. When it is interrupted, what is
/// done is still told; what is under way is not.
pub(super) fn seeds<E>(
    scenario: &Scenario,
    seeds: Range<u64>,
    jobs: usize,
    lines: usize,
    interrupt: &Interrupt,
    mut each: impl FnMut(Done) -> Result<bool, E>,
) -> Result<(), E> {
    let next = AtomicU64::new(seeds.start);
    let over = Interrupt::default();
    let (done, ends) = mpsc::channel();
    let is_over = {
        let (over, interrupt) = (over.clone(), interrupt.clone());
        move || over.is_asked() || interrupt.is_asked()
    };
    // Once nobody waits for them, the runs that are under way end where they are.
    let nobody = is_over.clone();
    let scenario = &scenario
        .clone()
        .always(NOBODY, move |_, _| if nobody() { Err("nobody does".to_owned()) } else { Ok(()) });
    let work = |done: mpsc::Sender<Done>| {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || is_over() {
                return;
            }
            let mut report = scenario.run_caught(seed);
            panics::locate(&mut report);
            if report.finding.as_ref().is_some_and(|finding| finding.invariant == NOBODY) {
                return;
            }
            let wanted = report.finding.is_some() && lines > 0;
            let story = if wanted { scenario.story(seed, lines) } else { String::new() };
            if done.send(Done { report, story }).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (work, done) = (&work, done.clone());
            scope.spawn(move || panics::quietly(|| work(done)));
        }
        drop(done);
        let mut waiting = BTreeMap::new();
        let mut wanted = seeds.start;
        let mut tell = |done| {
            let goes_on = each(done);
            if !matches!(goes_on, Ok(true)) {
                over.ask();
            }
            goes_on
        };
        for done in ends {
            waiting.insert(done.report.seed, done);
            while let Some(done) = waiting.remove(&wanted) {
                wanted += 1;
                if !tell(done)? {
                    return Ok(());
                }
            }
        }
        // Interrupted, a seed may be missing before others that are done.
        for done in waiting.into_values() {
            if !tell(done)? {
                return Ok(());
            }
        }
        Ok(())
    })
}

pub(super) fn run(
    menu: &Menu,
    args: &RunArgs,
    interrupt: &Interrupt,
    out: &mut dyn Write,
) -> Result<Verdict, ToolError> {
    let (plan, scenario) = menu.resolve(&args.plan)?;
    let scenario = plan.apply(scenario);
    let Seeds(range) = args.seeds.clone();
    let jobs = threads(args.jobs);
    let file = args.report.as_deref().map(Answer::open).transpose()?;
    let asked = range.end - range.start;
    let mut progress = Progress::new(asked);
    let mut tally = Tally::default();
    let mut findings = Vec::new();
    let mut runs = Vec::new();
    seeds(&scenario, range, jobs, LINES, interrupt, |done| {
        tally.add(&done.report);
        if args.report.is_some() {
            runs.push(Summary::run(&done.report));
        }
        let found = done.report.finding.is_some();
        if let Some(finding) = &done.report.finding {
            let seed = done.report.seed;
            let commands =
                (menu.command("replay", &plan, seed), menu.command("shrink", &plan, seed));
            let found = Found::new(seed, finding, commands, &done.story);
            progress.aside(|| found.write(out))?;
            findings.push(found);
        }
        progress.update(&tally);
        Ok::<_, ToolError>(args.keep_going || !found)
    })?;
    let took = progress.elapsed();
    progress.finish();
    let command =
        format!("{} run {}", menu.called, plan.arguments(&format!("--seeds {}", args.seeds)));
    let cut_from = (interrupt.is_asked() && tally.seeds() < asked).then_some(asked);
    let summary =
        Summary { scenario: &scenario, command, tally, took, jobs, findings, cut_from, runs };
    // First the file: whoever reads along may have gone.
    if let Some(file) = file {
        file.write(&format!("{:#}\n", summary.json()))?;
    }
    summary.write(out)?;
    let uncovered = args.covered && !summary.tally.never(&scenario).is_empty();
    Ok(if !summary.findings.is_empty() {
        Verdict::Finding
    } else if cut_from.is_some() {
        // What never happened may have been still to come.
        Verdict::Interrupted
    } else if summary.tally.is_dull() || uncovered {
        Verdict::Finding
    } else {
        Verdict::Clean
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_told_in_order_and_stop_where_they_should() {
        let scenario = Scenario::calm().agents(1).hours(0.01);
        let mut told = Vec::new();
        let end = seeds(&scenario, 3..20, 3, 0, &Interrupt::default(), |done| {
            told.push(done.report.seed);
            Ok::<_, ()>(done.report.seed < 7)
        });
        assert_eq!(end, Ok(()));
        assert_eq!(told, [3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_is_done_is_told_when_it_is_interrupted_and_what_is_not_done_is_not() {
        let interrupt = Interrupt::default();
        let scenario = Scenario::calm().agents(1).hours(0.1);
        let mut told = Vec::new();
        let end = seeds(&scenario, 0..1000, 1, 0, &interrupt, |done| {
            assert_eq!(done.report.finding, None);
            told.push(done.report.seed);
            if told.len() == 3 {
                interrupt.ask();
            }
            Ok::<_, ()>(true)
        });
        assert_eq!(end, Ok(()));
        // One that was done when it was asked is told, too; one that was under way is not.
        assert!(told.starts_with(&[0, 1, 2]) && told.len() <= 4, "{told:?}");
    }

    #[test]
    fn a_panic_is_a_finding_with_its_place() {
        let scenario = Scenario::calm().agents(1).hours(0.1).always("never", |at, _| {
            assert!(at.as_secs() < 120, "too late");
            Ok(())
        });
        let mut found = Vec::new();
        let end = seeds(&scenario, 0..2, 2, 5, &Interrupt::default(), |done| {
            found.push((done.report.finding.unwrap(), done.story));
            Ok::<_, ()>(true)
        });
        assert_eq!(end, Ok(()));
        let (finding, story) = &found[0];
        assert_eq!(finding.invariant, "nothing panics");
        let place = format!("({}:", file!());
        assert!(finding.what.starts_with("too late (") && finding.what.contains(&place));
        assert_eq!(story.lines().count(), 5);
        assert_eq!(found.len(), 2);
    }
}
