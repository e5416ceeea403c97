//! Helpers for tests of this crate.

use std::time::Instant;

/// The first instant of a test: the one place where core's tests read the clock.
#[allow(clippy::disallowed_methods)]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}
