//! The timeline on the terminal: a line for each act, marks behind it.

use std::time::Instant;

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The screen on which the demo tells its story.
#[derive(Debug)]
pub struct Screen {
    start: Instant,
    quiet: bool,
}

impl Screen {
    /// A screen that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), quiet: false }
    }

    /// One that shows nothing, for tests.
    #[must_use]
    pub fn quiet() -> Self {
        Self { quiet: true, ..Self::new() }
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            let at = format!("{:7.3} s", self.start.elapsed().as_secs_f64());
            println!("{}  {text}", style(at).dim());
        }
    }

    /// Somebody does something.
    pub fn act(&self, text: &str) {
        self.line(&style(text).bold().to_string());
    }

    /// Tells that something has become so.
    pub fn mark(&self, text: &str) {
        self.line(&format!("  {} {text}", style("✓").green()));
    }

    /// Tells that something is not right.
    pub fn complain(&self, text: &str) {
        self.line(&format!("  {} {text}", style("!").red()));
    }

    /// A bar for so many samples; plain output has none.
    #[must_use]
    pub fn progress(&self, what: &str, samples: usize) -> ProgressBar {
        let bar = ProgressBar::new(samples as u64);
        if self.quiet || !console::user_attended() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "           {msg} [{bar:40.cyan}] {percent:>3} %";
        if let Ok(look) = ProgressStyle::with_template(template) {
            bar.set_style(look.progress_chars("━╸ "));
        }
        bar.set_message(what.to_owned());
        bar
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}
