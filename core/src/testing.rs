//! Helpers for tests of this crate.

use std::sync::OnceLock;
use std::time::Instant;

/// The first instant of every test, so that two runs can be compared: the one place where core's
/// tests read the clock.
#[allow(clippy::disallowed_methods)]
pub(crate) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}
