//! The progress of a run of many seeds: a bar on a terminal; elsewhere a line after the first seed,
//! and then now and again.

use std::io::Write as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::report::Tally;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    told: Option<Instant>,
    attended: bool,
}

impl Progress {
    pub(super) fn new(seeds: u64) -> Self {
        let attended = console::user_attended_stderr();
        let bar = ProgressBar::new(seeds);
        if !attended {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "[{bar:30.cyan}] {pos}/{len} seeds, {elapsed}, {eta} left\n{msg}";
        if let Ok(look) = ProgressStyle::with_template(template) {
            bar.set_style(look.progress_chars("━╸ "));
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        let began = Instant::now();
        Self { bar, began, told: None, attended }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Shows the tally so far.
    pub(super) fn update(&mut self, tally: &Tally) {
        let text = tally.line(self.elapsed());
        let is_due = self.told.is_none_or(|told| told.elapsed() > LINE_EVERY);
        if !self.attended && is_due {
            self.told = Some(Instant::now());
            // Progress is a courtesy; the answer is elsewhere.
            let _ = writeln!(std::io::stderr(), "{} seeds, {text}", tally.seeds());
        }
        self.bar.set_position(tally.seeds());
        self.bar.set_message(text);
    }

    /// Writes something while the bar is away.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
