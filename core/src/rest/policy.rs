//! Policy of repeating a question that failed.

use std::time::Duration;

use super::{Explain, Failure, FailureKind, Refusal};

/// The choice to make a request again when it fails for a passing reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    Yes,
}

/// A service's rules for requests that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// The most attempts of a request.
    pub(crate) attempts: u32,
    /// The pause before the next attempt, where the service does not say.
    pub(crate) pause: Duration,
    /// The longest pause that the service can ask for, so that a bad header cannot park a request.
    pub(crate) longest: Duration,
    /// Statuses that pass.
    pub(crate) passing: &'static [u16],
    /// Bytes of the requests that wait to be made again. One more is not: whoever asked is told of
    /// the failure.
    pub(crate) bytes: usize,
    /// Redirects that are followed, one after the other.
    pub(crate) redirects: u32,
    /// The reader of the service's explanation of a refusal.
    pub(crate) explain: Explain,
}

impl Policy {
    /// True if it may be better the next time.
    pub(crate) fn passes(&self, failure: &Failure) -> bool {
        failure.retry_after().is_some()
            || match &failure.kind {
                FailureKind::Refused(Refusal { status, .. }) => self.passing.contains(status),
                FailureKind::Network(_) => true,
                FailureKind::Answer(_) | FailureKind::Unmade(_) => false,
            }
    }

    /// The pause before the next attempt.
    pub(super) fn pause_after(&self, failure: &Failure) -> Duration {
        failure.retry_after().unwrap_or(self.pause).min(self.longest)
    }
}
