//! The pace at which messages go out, by parameters: a burst at once, so much in the long run.
//!
//! The order is kept and nothing is dropped. When too many or too much wait, the oldest go out at
//! once: better too fast than too late.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Rate, TokenBucket};
use crate::machine::Wake;

/// The parameters of a [`Pace`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tempo {
    pub(crate) rate: Rate,
    /// The most that may wait at once.
    pub(crate) waiting: usize,
    /// The most bytes that may wait at once.
    pub(crate) bytes: usize,
}

/// The messages that wait for their turn on one connection.
#[derive(Debug)]
pub(crate) struct Pace<T> {
    tempo: Tempo,
    bucket: TokenBucket,
    /// The messages, each with its bytes.
    waiting: VecDeque<(T, usize)>,
    /// The bytes of all of them.
    bytes: usize,
}

impl<T> Pace<T> {
    /// The pace of a new connection.
    pub(crate) fn new(tempo: Tempo, now: Instant) -> Self {
        let bucket = TokenBucket::new(tempo.rate, now);
        Self { tempo, bucket, waiting: VecDeque::new(), bytes: 0 }
    }

    /// Takes a message, and gives it back where it need not wait. `bytes` tells how many it has.
    pub(crate) fn push(
        &mut self,
        item: T,
        bytes: impl FnOnce(&T) -> usize,
        now: Instant,
    ) -> Option<T> {
        if self.waiting.is_empty() && self.bucket.take(now) {
            return Some(item);
        }
        let bytes = bytes(&item);
        self.waiting.push_back((item, bytes));
        self.bytes += bytes;
        None
    }

    /// Takes the message that has its turn, or must make room.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        let full = self.waiting.len() > self.tempo.waiting || self.bytes > self.tempo.bytes;
        let due = full || (!self.waiting.is_empty() && self.bucket.take(now));
        if due { self.pop() } else { None }
    }

    /// The next message, whether it is its turn or not: the connection is about to be closed.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.waiting.pop_front()?;
        self.bytes -= bytes;
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        Some(item)
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let at = self.bucket.ready_at();
        (!self.waiting.is_empty()).then_some(Wake { at, reason: "pace of signaling" })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const TEMPO: Tempo = Tempo {
        rate: Rate { start: 25, capacity: 20, interval: Duration::from_millis(40) },
        waiting: 48,
        bytes: 1000,
    };

    #[test]
    fn sg_8_what_waits_is_bounded_in_bytes_and_nothing_is_lost() {
        let now = crate::testing::epoch();
        let mut pace = Pace::new(TEMPO, now);
        let mut sent = Vec::new();
        for n in 0..TEMPO.rate.start as usize + 40 {
            sent.extend(pace.push(n, |_| 100, now));
            sent.extend(std::iter::from_fn(|| pace.pop_due(now)));
            assert!(pace.bytes <= TEMPO.bytes);
        }
        assert_eq!(pace.waiting.len(), 10, "as many as fit");
        sent.extend(std::iter::from_fn(|| pace.pop()));
        assert!(sent.into_iter().eq(0..TEMPO.rate.start as usize + 40));
        assert_eq!(pace.bytes, 0);
    }

    proptest! {
        #[test]
        fn sg_8_the_order_is_kept_nothing_is_lost_and_nothing_waits_long(
            bursts in prop::collection::vec((0usize..150, 0u64..1_500), 1..20),
        ) {
            let mut now = crate::testing::epoch();
            let mut pace = Pace::new(TEMPO, now);
            let (mut next, mut sent, mut pushed) = (0, Vec::new(), Vec::new());
            let woken = |pace: &mut Pace<usize>, until: Instant, sent: &mut Vec<(usize, Instant)>| {
                while let Some(wake) = pace.next_wake().filter(|wake| wake.at <= until) {
                    let before = sent.len();
                    sent.extend(pace.pop_due(wake.at).map(|n| (n, wake.at)));
                    assert!(sent.len() > before, "woken for nothing");
                }
            };
            for (burst, pause) in bursts {
                for _ in 0..burst {
                    pushed.push(now);
                    let mut out: Vec<_> = pace.push(next, |_| 1, now).into_iter().collect();
                    out.extend(std::iter::from_fn(|| pace.pop_due(now)));
                    sent.extend(out.into_iter().map(|n| (n, now)));
                    next += 1;
                    prop_assert!(pace.waiting.len() <= TEMPO.waiting);
                }
                now += Duration::from_millis(pause);
                woken(&mut pace, now, &mut sent);
            }
            woken(&mut pace, now + Duration::from_secs(3600), &mut sent);
            prop_assert!(pace.next_wake().is_none());
            prop_assert!(sent.iter().map(|(n, _)| *n).eq(0..next));
            for ((n, at), pushed) in sent.iter().zip(&pushed) {
                prop_assert!(*at - *pushed < Duration::from_secs(2), "{} waited", n);
            }
        }
    }
}
