//! A token bucket: so much at once, so much in the long run. Pure arithmetic on instants.

use std::time::{Duration, Instant};

/// The figures of a [`TokenBucket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens at the first instant. May be more than [`Rate::capacity`]; what is over is not
    /// refilled.
    pub(crate) start: u32,
    /// The most tokens that refilling leads to; at least 1.
    pub(crate) capacity: u32,
    /// The time in which one token comes back; not zero.
    pub(crate) interval: Duration,
}

/// Tokens that are taken one by one and come back evenly.
///
/// What is in it is counted in time: one token is the interval in which it comes back.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    rate: Rate,
    /// Its content at `since`, as the time that its tokens take to be refilled.
    level: Duration,
    since: Instant,
}

impl TokenBucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, level: rate.interval * rate.start, since: now }
    }

    /// Takes a token, if there is one. An instant before the last one counts as the last one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let left = self.level.checked_sub(self.rate.interval);
        self.level = left.unwrap_or(self.level);
        left.is_some()
    }

    /// The time at which [`TokenBucket::take`] will succeed, if nobody takes before.
    pub(crate) fn ready_at(&self) -> Instant {
        self.since + self.rate.interval.saturating_sub(self.level)
    }

    fn refill(&mut self, now: Instant) {
        let most = self.rate.interval * self.rate.capacity;
        if self.level < most {
            let passed = now.saturating_duration_since(self.since).min(most);
            self.level = (self.level + passed).min(most);
        }
        self.since = self.since.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const RATE: Rate = Rate { start: 25, capacity: 20, interval: Duration::from_millis(40) };

    fn take_all(bucket: &mut TokenBucket, now: Instant) -> usize {
        (0..1000).take_while(|_| bucket.take(now)).count()
    }

    #[test]
    fn the_start_may_be_more_than_the_capacity() {
        let t0 = crate::testing::epoch();
        let mut bucket = TokenBucket::new(RATE, t0);
        let later = t0 + Duration::from_secs(3600);
        assert_eq!(take_all(&mut bucket, later), 25, "what is over the capacity stays");
        assert_eq!(take_all(&mut bucket, later + MS(39)), 0);
        assert_eq!(bucket.ready_at(), later + MS(40));
        assert_eq!(take_all(&mut bucket, later + MS(40)), 1);
        assert_eq!(take_all(&mut bucket, later + Duration::from_secs(3600)), 20);
        assert_eq!(take_all(&mut bucket, t0), 0, "time does not go backwards");
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_never_less(
            rate in (0u32..30, 1u32..30, 1u64..200),
            pauses in prop::collection::vec(0u64..2_000, 1..80),
        ) {
            let (start, capacity, interval) = rate;
            let rate = Rate { start, capacity, interval: MS(interval) };
            let t0 = crate::testing::epoch();
            let mut bucket = TokenBucket::new(rate, t0);
            let (mut now, mut taken) = (t0, 0);
            let mut since_empty: Option<(Instant, u64)> = None;
            for pause in pauses {
                now += MS(pause);
                // It says itself when it is ready, to the instant.
                let ready = bucket.ready_at();
                prop_assert_eq!(bucket.clone().take(now), ready <= now);
                prop_assert!(bucket.clone().take(ready.max(now)));
                let got = take_all(&mut bucket, now) as u64;
                taken += got;
                let elapsed = (now - t0).as_millis() as u64;
                let most = u64::from(start.max(capacity)) + elapsed / interval + 1;
                prop_assert!(taken <= most, "{} of at most {}", taken, most);
                // Emptied, it refills evenly up to its capacity.
                if let Some((at, part)) = since_empty {
                    let passed = (now - at).as_millis() as u64 + part;
                    prop_assert_eq!(got, (passed / interval).min(u64::from(capacity)));
                }
                let part = MS(interval) - (bucket.ready_at() - now);
                since_empty = Some((now, part.as_millis() as u64));
            }
        }
    }
}
