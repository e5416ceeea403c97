//! The wall clock, told once and counted on: for times in what is sent.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::macros::format_description;

/// The wall clock now, from what it was at the first instant, as `2026-11-21T01:48:43.900Z`.
pub(crate) fn iso(unix_ms: Option<u64>, begun: Instant, now: Instant) -> Option<String> {
    let since = now.saturating_duration_since(begun) + Duration::from_millis(unix_ms?);
    let time = OffsetDateTime::UNIX_EPOCH.checked_add(since.try_into().ok()?)?;
    time.format(format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    ))
    .ok()
}
