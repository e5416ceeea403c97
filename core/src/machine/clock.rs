//! The wall clock, told once and counted on.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::macros::format_description;

/// The wall clock, by what it was at one instant: for times in what is sent and told. The machines
/// themselves never look at it.
///
/// ```
/// use std::time::{Duration, Instant};
/// use offhook::machine::WallClock;
///
/// let start = Instant::now();
/// let clock = WallClock::new(start, 1_795_225_723_900);
/// let later = start + Duration::from_secs(1);
/// assert_eq!(clock.unix_ms(later), 1_795_225_724_900);
/// assert_eq!(clock.iso(later).unwrap(), "2026-11-21T01:48:44.900Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    begun: Instant,
    unix_ms: u64,
}

impl WallClock {
    /// A clock that showed a time, in milliseconds since 1970, at an instant.
    #[must_use]
    pub const fn new(begun: Instant, unix_ms: u64) -> Self {
        Self { begun, unix_ms }
    }

    /// The time at an instant, in milliseconds since 1970. An instant before the one that it was
    /// told for counts as that one.
    #[must_use]
    pub fn unix_ms(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.begun).as_millis();
        self.unix_ms.saturating_add(since.try_into().unwrap_or(u64::MAX))
    }

    /// The time at an instant, as `2026-11-21T01:48:43.900Z`; none where no calendar goes.
    #[must_use]
    pub fn iso(&self, at: Instant) -> Option<String> {
        let since = Duration::from_millis(self.unix_ms(at));
        let time = OffsetDateTime::UNIX_EPOCH.checked_add(since.try_into().ok()?)?;
        time.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        ))
        .ok()
    }
}
