//! Many seeds on all cores, told in the order of the seeds.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use super::panics;
use super::plan::{Plan, Seeds};
use super::progress::Progress;
use super::report::{Found, Summary, Tally};
use super::{Tool, ToolError, Verdict};
use crate::scenario::{Report, Scenario};

/// How many lines of the story a finding keeps.
const LINES: usize = 1000;

/// What `run` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// What is run.
    #[command(flatten)]
    pub plan: Plan,
    /// Which seeds: `0..1000`, the last one left out, or a single one.
    #[arg(long, value_name = "A..B", default_value = "0..100")]
    pub seeds: Seeds,
    /// How many threads; as many as there are cores, unless said otherwise.
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

/// How many threads to use.
pub(super) fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// Runs seeds on so many threads; `each` is told of their ends in the order of the seeds, and says
/// whether to go on. `lines` of the story are kept of what fails.
pub(super) fn seeds<E>(
    scenario: &Scenario,
    seeds: Range<u64>,
    jobs: usize,
    lines: usize,
    mut each: impl FnMut(Done) -> Result<bool, E>,
) -> Result<(), E> {
    let next = AtomicU64::new(seeds.start);
    let over = Arc::new(AtomicBool::new(false));
    let (done, ends) = mpsc::channel();
    // Once nobody waits for them, the runs that are under way end where they are.
    let is_over = over.clone();
    let scenario = &scenario.clone().always("somebody waits for it", move |_, _| {
        if is_over.load(Ordering::Relaxed) { Err("nobody does".to_owned()) } else { Ok(()) }
    });
    let work = |done: mpsc::Sender<Done>| {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || over.load(Ordering::Relaxed) {
                return;
            }
            let mut report = scenario.run_caught(seed);
            panics::locate(&mut report);
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
        for done in ends {
            waiting.insert(done.report.seed, done);
            while let Some(done) = waiting.remove(&wanted) {
                wanted += 1;
                let goes_on = each(done);
                if !matches!(goes_on, Ok(true)) {
                    over.store(true, Ordering::Relaxed);
                    return goes_on.map(|_| ());
                }
            }
        }
        Ok(())
    })
}

pub(super) fn run(tool: &Tool, args: &RunArgs, out: &mut dyn Write) -> Result<Verdict, ToolError> {
    let (plan, scenario) = tool.resolve(&args.plan)?;
    let scenario = plan.apply(scenario);
    let Seeds(range) = args.seeds.clone();
    let jobs = threads(args.jobs);
    let mut progress = Progress::new(range.end - range.start);
    let mut tally = Tally::default();
    let mut findings = Vec::new();
    let mut runs = Vec::new();
    seeds(&scenario, range, jobs, LINES, |done| {
        tally.add(&done.report);
        if args.report.is_some() {
            runs.push(Summary::run(&done.report));
        }
        let found = done.report.finding.is_some();
        if let Some(finding) = &done.report.finding {
            let seed = done.report.seed;
            let commands =
                (tool.command("replay", &plan, seed), tool.command("shrink", &plan, seed));
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
        format!("{} run {}", tool.called, plan.arguments(&format!("--seeds {}", args.seeds)));
    let summary = Summary { scenario: &scenario, command, tally, took, jobs, findings, runs };
    summary.write(out)?;
    if let Some(path) = &args.report {
        super::write_file(path, &format!("{:#}\n", summary.json()))?;
    }
    let uncovered = args.covered && !summary.tally.never(&scenario).is_empty();
    let failed = !summary.findings.is_empty() || summary.tally.is_dull() || uncovered;
    Ok(if failed { Verdict::Finding } else { Verdict::Clean })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_told_in_order_and_stop_where_they_should() {
        let scenario = Scenario::calm().agents(1).hours(0.01);
        let mut told = Vec::new();
        let end = seeds(&scenario, 3..20, 3, 0, |done| {
            told.push(done.report.seed);
            Ok::<_, ()>(done.report.seed < 7)
        });
        assert_eq!(end, Ok(()));
        assert_eq!(told, [3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_panic_is_a_finding_with_its_place() {
        let scenario = Scenario::calm().agents(1).hours(0.1).always("never", |at, _| {
            assert!(at.as_secs() < 120, "too late");
            Ok(())
        });
        let mut found = Vec::new();
        let end = seeds(&scenario, 0..2, 2, 5, |done| {
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
