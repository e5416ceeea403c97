//! The things looked at in an act, each as it should be or not.

use std::fmt::Display;

/// All that was looked at, in order.
#[derive(Clone, Debug, Default)]
pub struct Checks(Vec<Check>);

#[derive(Clone, Debug)]
struct Check {
    what: String,
    found: String,
    good: bool,
}

impl Checks {
    pub(super) fn add(&mut self, what: &str, good: bool, found: impl Display) {
        self.0.push(Check { what: what.to_owned(), found: found.to_string(), good });
    }

    /// Name and value of each.
    #[must_use]
    pub fn figures(&self) -> Vec<(String, String)> {
        self.0.iter().map(|check| (check.what.clone(), check.found.clone())).collect()
    }

    /// The things that are not as they should be; none in a good act.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let bad = self.0.iter().filter(|check| !check.good);
        bad.map(|check| format!("{}: {}", check.what, check.found)).collect()
    }

    /// A table for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let line = |check: &Check| {
            let mark = if check.good { "✓" } else { "✗" };
            format!("  {mark} {:<44} {}\n", check.what, check.found)
        };
        self.0.iter().map(line).collect()
    }
}
