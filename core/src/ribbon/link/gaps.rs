//! The pauses between attempts to open the notification socket (w2.6).

use std::num::NonZeroU32;
use std::time::Duration;

/// The shortest pause between two attempts.
const LEAST: Duration = Duration::from_secs(2);

/// The rules for attempts, numbered from 1: the pause is counted from the *start* of an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gaps {
    first: Duration,
    multiplier: f64,
    longest: Duration,
    limit: Option<NonZeroU32>,
}

impl Gaps {
    pub(super) fn new(
        first: Duration,
        multiplier: f64,
        longest: Duration,
        limit: Option<NonZeroU32>,
    ) -> Self {
        Self { first: first.max(LEAST), multiplier, longest, limit }
    }

    /// The time from the start of an attempt to the start of the next one.
    pub(super) fn gap(&self, attempt: u32) -> Duration {
        let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.multiplier.powi(steps);
        Duration::try_from_secs_f64(seconds).unwrap_or(self.longest).min(self.longest)
    }

    /// The time after which an attempt is abandoned.
    pub(super) fn patience(&self, attempt: u32) -> Duration {
        self.gap(attempt).min(self.first)
    }

    /// True if no other attempt follows.
    pub(super) fn is_last(&self, attempt: u32) -> bool {
        self.limit.is_some_and(|limit| attempt >= limit.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn rc_012_rc_013_rc_014_gaps_grow_from_the_floor_to_the_limit() {
        let gaps = Gaps::new(S(1), 2.0, S(10), NonZeroU32::new(5));
        let seconds: Vec<_> = (1..6).map(|attempt| gaps.gap(attempt).as_secs()).collect();
        assert_eq!(seconds, [2, 4, 8, 10, 10]);
        assert_eq!(gaps.patience(4), S(2));
        assert_eq!(gaps.gap(u32::MAX), S(10), "what no number can say is the limit");
    }

    #[test]
    fn rc_011_the_last_attempt_is_that_of_the_limit_and_there_may_be_none() {
        let gaps = Gaps::new(S(5), 1.0, S(640), NonZeroU32::new(5));
        assert!(!gaps.is_last(4) && gaps.is_last(5));
        assert!(!Gaps::new(S(5), 1.0, S(640), None).is_last(u32::MAX));
    }
}
