//! Times as bodies tell them: ISO 8601, counted from the first instant.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::macros::format_description;

/// The wall clock, told once and then counted on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    unix_ms: u64,
}

impl Clock {
    pub(crate) fn new(start: Instant, unix_ms: u64) -> Self {
        Self { start, unix_ms }
    }

    pub(crate) fn unix_ms(&self, now: Instant) -> u64 {
        self.unix_ms + now.saturating_duration_since(self.start).as_millis() as u64
    }

    pub(crate) fn iso(&self, now: Instant) -> String {
        iso(self.unix_ms(now))
    }

    /// A day from now.
    pub(crate) fn tomorrow(&self, now: Instant) -> String {
        iso(self.unix_ms(now) + 86_400_000)
    }
}

/// Milliseconds since 1970 as `2026-11-21T01:48:43.900Z`.
fn iso(unix_ms: u64) -> String {
    let time = OffsetDateTime::UNIX_EPOCH + Duration::from_millis(unix_ms);
    time.format(format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    ))
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(1_795_225_723_900), "2026-11-21T01:48:43.900Z");
    }
}
