//! Runs of many seeds inside a test.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Scenario;
use super::finding::Finding;
use super::report::Report;
use super::run::Run;

/// The lines of the story that a failure shows.
const LINES: usize = 60;

/// Checks a scenario in a test: see [`Check::seeds`].
#[must_use]
pub fn check(scenario: Scenario) -> Check {
    Check { scenario }
}

/// A scenario to be checked.
#[derive(Clone, Debug)]
pub struct Check {
    scenario: Scenario,
}

impl Check {
    /// Runs all these seeds.
    ///
    /// # Panics
    ///
    /// At the first finding: with what was violated, when, the last lines before it, and how to
    /// run that seed alone.
    pub fn seeds(self, seeds: Range<u64>) {
        for seed in seeds {
            let report = self.scenario.run_caught(seed);
            if let Some(finding) = report.finding {
                let story = self.scenario.story(seed, LINES);
                panic!(
                    "seed {seed} of {}: {finding}\n\n{story}\nto run it alone: .seeds({seed}..{})",
                    self.scenario.name(),
                    seed + 1
                );
            }
        }
    }
}

impl Scenario {
    /// [`Scenario::run`] in which a panic of any machine is a finding too.
    #[must_use]
    pub fn run_caught(&self, seed: u64) -> Report {
        Run::new(self, seed).finish_caught()
    }

    /// The last lines of a seed's story, run again.
    #[must_use]
    pub fn story(&self, seed: u64, lines: usize) -> String {
        let mut run = Run::new(self, seed);
        run.tell(lines);
        // What it panics with is known already.
        let _ = run.finish_caught();
        let lines = run.story().into_iter().flat_map(crate::world::Story::lines);
        lines.map(|line| format!("{line}\n")).collect()
    }
}

impl Run {
    /// [`Run::through`] and its report, in which a panic of any machine is a finding too.
    pub fn finish_caught(&mut self) -> Report {
        let result = catch_unwind(AssertUnwindSafe(|| self.through()));
        let mut report = self.report();
        if let Err(panic) = result
            && report.finding.is_none()
        {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            report.finding = Some(Finding {
                at: report.simulated,
                invariant: "nothing panics".to_owned(),
                what: text.unwrap_or("a panic without words").to_owned(),
            });
        }
        report
    }
}
