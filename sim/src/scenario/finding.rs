//! A finding: a thing that did not hold.

use std::fmt;
use std::time::Duration;

/// A violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The time since the run began.
    pub at: Duration,
    /// The invariant.
    pub invariant: String,
    /// The violation in words.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.3} s: {}", self.invariant, self.at.as_secs_f64(), self.what)
    }
}
