//! Times as bodies tell them: ISO 8601, counted from the first instant.

use std::time::Instant;

/// The wall clock, told once and then counted on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    unix_ms: u64,
}

impl Clock {
    pub(super) fn new(start: Instant, unix_ms: u64) -> Self {
        Self { start, unix_ms }
    }

    pub(super) fn unix_ms(&self, now: Instant) -> u64 {
        self.unix_ms + now.saturating_duration_since(self.start).as_millis() as u64
    }

    pub(super) fn iso(&self, now: Instant) -> String {
        iso(self.unix_ms(now))
    }

    /// A day from now.
    pub(super) fn tomorrow(&self, now: Instant) -> String {
        iso(self.unix_ms(now) + 86_400_000)
    }
}

/// Milliseconds since 1970 as `2026-11-21T01:48:43.900Z`.
fn iso(unix_ms: u64) -> String {
    let (days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let (year, month, day) = civil(days as i64);
    let (s, ms) = (ms / 1000, ms % 1000);
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
}

/// Days since 1970 as a date of the Gregorian calendar, counted in eras of 400 years that begin
/// on the first of March.
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u64, day as u64)
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
