//! Putting packets back in order, for a listener who would rather hear late than twice.
//!
//! In order, a packet passes at once. Behind a gap it waits for the missing one, but not for
//! long; what never comes is counted. What carries nothing has its place as well: it is neither
//! lost nor waited for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The longest that a packet is held back for those before it, where nothing else is asked for.
pub const MAX_WAIT: Duration = Duration::from_millis(60);
/// Packets held behind a gap; one more gives the gap up.
pub const MAX_HELD: usize = 50;

/// A reordering buffer for one row of numbers.
#[derive(Debug)]
pub struct Playout<T> {
    /// The number that is due.
    next: Option<u64>,
    held: BTreeMap<u64, (Instant, T)>,
    lost: u64,
    /// The longest that a packet is held back.
    wait: Duration,
}

impl<T> Default for Playout<T> {
    fn default() -> Self {
        Self::new(MAX_WAIT)
    }
}

impl<T> Playout<T> {
    /// One that holds a packet back for so long at most.
    #[must_use]
    pub fn new(wait: Duration) -> Self {
        Self { next: None, held: BTreeMap::new(), lost: 0, wait }
    }

    /// Takes a packet by its extended number. Late and repeated ones are dropped.
    pub fn insert(&mut self, now: Instant, sequence: u64, item: T) {
        if sequence >= *self.next.get_or_insert(sequence) {
            self.held.entry(sequence).or_insert((now, item));
        }
    }

    /// The next packet in order, if it is time for it, and how many are missing before it.
    pub fn pop(&mut self, now: Instant) -> Option<(T, u64)> {
        let patient = self.next_wake().is_some_and(|wake| now < wake);
        if self.gap() > 0 && patient && self.held.len() <= MAX_HELD {
            return None;
        }
        self.take()
    }

    /// The next packet in order, though some before it may still come. When there is none, the
    /// next that comes begins a new row, wherever its numbers begin.
    pub fn finish(&mut self) -> Option<(T, u64)> {
        let next = self.take();
        if next.is_none() {
            self.next = None;
        }
        next
    }

    /// Returns the time at which the first of the packets held back will have waited long enough.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let first = self.held.values().map(|(since, _)| *since).min()?;
        Some(first + self.wait)
    }

    /// Returns true if nothing is held back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Packets given up for lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn take(&mut self) -> Option<(T, u64)> {
        let gap = self.gap();
        let (sequence, (_, item)) = self.held.pop_first()?;
        self.next = Some(sequence + 1);
        self.lost += gap;
        Some((item, gap))
    }

    /// Returns the number missing before the first that is here.
    fn gap(&self) -> u64 {
        match (self.held.first_key_value(), self.next) {
            (Some((first, _)), Some(next)) => first.saturating_sub(next),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;
    use proptest::prelude::*;

    fn take(playout: &mut Playout<u64>, now: Instant) -> Vec<(u64, u64)> {
        std::iter::from_fn(|| playout.pop(now)).collect()
    }

    fn insert(playout: &mut Playout<u64>, now: Instant, n: u64) {
        playout.insert(now, n, n);
    }

    #[test]
    fn a_row_that_ends_lets_go_of_what_it_held() {
        let t = epoch();
        let mut playout = Playout::default();
        for n in [1000, 1002] {
            insert(&mut playout, t, n);
        }
        assert_eq!(take(&mut playout, t), [(1000, 0)]);
        assert_eq!(playout.finish(), Some((1002, 1)));
        assert_eq!(playout.finish(), None);
        insert(&mut playout, t, 7);
        insert(&mut playout, t, 8);
        assert_eq!(take(&mut playout, t), [(7, 0), (8, 0)], "not late, though lower");
        assert_eq!(playout.lost(), 1);
    }

    #[test]
    fn a_packet_waits_as_long_as_it_is_told_and_no_longer() {
        let t = epoch();
        for wait in [Duration::ZERO, Duration::from_millis(7), Duration::from_millis(500)] {
            let mut playout = Playout::new(wait);
            insert(&mut playout, t, 1);
            insert(&mut playout, t, 3);
            assert_eq!(take(&mut playout, t).len(), 1 + usize::from(wait.is_zero()));
            assert_eq!(playout.next_wake(), (!wait.is_zero()).then(|| t + wait));
            assert_eq!(take(&mut playout, t + wait).len(), usize::from(!wait.is_zero()));
        }
    }

    #[test]
    fn in_order_nothing_waits() {
        let t = epoch();
        let mut playout = Playout::default();
        for n in 100..110 {
            insert(&mut playout, t, n);
            assert_eq!(take(&mut playout, t), [(n, 0)]);
        }
        assert_eq!(playout.next_wake(), None);
    }

    #[test]
    fn a_gap_is_waited_for_and_then_counted() {
        let t = epoch();
        let mut playout = Playout::default();
        insert(&mut playout, t, 1);
        assert_eq!(take(&mut playout, t), [(1, 0)]);
        insert(&mut playout, t, 4);
        assert_eq!(take(&mut playout, t), []);
        let late = t + MAX_WAIT;
        assert_eq!(playout.next_wake(), Some(late));
        insert(&mut playout, t, 2);
        assert_eq!(take(&mut playout, t), [(2, 0)]);
        assert_eq!(take(&mut playout, late), [(4, 1)]);
        assert_eq!(playout.lost(), 1);
        insert(&mut playout, late, 3);
        assert_eq!(take(&mut playout, late), [], "too late is too late");
    }

    #[test]
    fn nothing_waits_longer_for_two_gaps_than_for_one() {
        let t = epoch();
        let mut playout = Playout::default();
        for n in [1, 3, 5] {
            insert(&mut playout, t, n);
        }
        assert_eq!(take(&mut playout, t), [(1, 0)]);
        assert_eq!(take(&mut playout, t + MAX_WAIT), [(3, 1), (5, 1)]);
    }

    #[test]
    fn the_bound_gives_a_gap_up() {
        let t = epoch();
        let mut playout = Playout::default();
        insert(&mut playout, t, 0);
        assert_eq!(take(&mut playout, t).len(), 1);
        for n in 2..2 + MAX_HELD as u64 {
            insert(&mut playout, t, n);
            assert_eq!(take(&mut playout, t), []);
        }
        insert(&mut playout, t, 500);
        assert!(take(&mut playout, t).len() >= MAX_HELD);
        assert!(playout.held.len() <= MAX_HELD);
    }

    proptest! {
        #[test]
        fn every_order_comes_out_in_order_each_once(
            order in Just((1_u64..40).collect::<Vec<_>>()).prop_shuffle(),
            dropped in proptest::collection::btree_set(1_u64..40, 0..10),
            doubled in proptest::collection::btree_set(1_u64..40, 0..10),
        ) {
            let t = epoch();
            let mut playout = Playout::default();
            insert(&mut playout, t, 0);
            let mut out = take(&mut playout, t);
            let mut came = 1;
            for n in order {
                if dropped.contains(&n) { continue; }
                came += 1;
                for _ in 0..=usize::from(doubled.contains(&n)) {
                    insert(&mut playout, t, n);
                    out.extend(take(&mut playout, t));
                }
            }
            out.extend(take(&mut playout, t + MAX_WAIT));
            prop_assert_eq!(playout.next_wake(), None);
            prop_assert!(out.windows(2).all(|w| w[0].0 < w[1].0));
            prop_assert_eq!(out.len(), came);
            let last = out.last().unwrap().0;
            let lost: u64 = out.iter().map(|(_, lost)| *lost).sum();
            prop_assert_eq!(lost, last + 1 - came as u64);
            prop_assert_eq!(lost, playout.lost());
        }
    }
}
