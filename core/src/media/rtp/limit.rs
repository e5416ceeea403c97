//! Something that may be said so often at most.

use std::time::{Duration, Instant};

/// Says something when asked to, but not sooner than a time after the last; what is asked for meanwhile
/// is said then, once.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    every: Duration,
    last: Option<Instant>,
    waits: bool,
}

impl Limit {
    /// At most once in that time.
    #[must_use]
    pub const fn new(every: Duration) -> Self {
        Self { every, last: None, waits: false }
    }

    /// Asks for it to be said.
    pub const fn ask(&mut self) {
        self.waits = true;
    }

    /// Nobody wants to hear it any more.
    pub const fn forget(&mut self) {
        self.waits = false;
    }

    /// Returns true if it is to be said now, and takes it as said.
    pub fn due(&mut self, now: Instant) -> bool {
        let due = self.waits && self.last.is_none_or(|last| last + self.every <= now);
        if due {
            self.waits = false;
            self.last = Some(now);
        }
        due
    }

    /// Returns the time at which it is due, if at all; in the past where it is now.
    #[must_use]
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        self.waits.then(|| self.last.map_or(now, |last| last + self.every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn what_is_asked_for_too_soon_is_said_once_and_later() {
        let (t, every) = (epoch(), Duration::from_millis(300));
        let mut limit = Limit::new(every);
        assert!(!limit.due(t) && limit.next_wake(t).is_none());
        limit.ask();
        assert!(limit.due(t) && !limit.due(t));
        limit.ask();
        limit.ask();
        assert!(!limit.due(t + every / 2));
        assert_eq!(limit.next_wake(t + every / 2), Some(t + every));
        assert!(limit.due(t + every) && !limit.due(t + every * 2));
        limit.ask();
        limit.forget();
        assert!(!limit.due(t + every * 4));
    }
}
