//! Putting received packets back in order, for a listener who would rather hear late than twice.
//!
//! In order, a packet passes at once. Behind a gap it waits for the missing one, but not for
//! long; what never comes is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::AudioFrame;

/// The longest that a packet is held back for those before it.
pub const MAX_WAIT: Duration = Duration::from_millis(60);
/// Packets held behind a gap; one more gives the gap up.
pub const MAX_HELD: usize = 50;
/// A jump by more than this is a new stream, not a loss.
const MAX_JUMP: u64 = 3000;

/// A reordering buffer for one stream.
#[derive(Debug, Default)]
pub struct Playout {
    source: Option<u32>,
    /// The sequence number that is due.
    next: Option<u64>,
    held: BTreeMap<u64, Held>,
    /// Lost since the last frame given out, and in all.
    lost_before: u32,
    lost: u64,
}

#[derive(Debug)]
struct Held {
    since: Instant,
    frame: Option<AudioFrame>,
}

impl Playout {
    /// Says whose packets come next (RFC 3550 section 5.1, SSRC). Another source counts from a
    /// number of its own, which says nothing of order or loss: what is held of the last one goes.
    pub fn from(&mut self, source: u32) {
        if self.source.replace(source).is_some_and(|before| before != source) {
            self.held.clear();
            self.next = None;
        }
    }

    /// Forgets whose packets came and which is due: a stream of another association follows.
    pub fn restart(&mut self) {
        self.source = None;
        self.held.clear();
        self.next = None;
    }

    /// Takes a packet by its extended sequence number. `None` stands for one that carries no
    /// audio but has its place in the row. Late and repeated ones are dropped.
    pub fn insert(&mut self, now: Instant, sequence: u64, frame: Option<AudioFrame>) {
        let next = *self.next.get_or_insert(sequence);
        if sequence.abs_diff(next) > MAX_JUMP {
            self.held.clear();
            self.next = Some(sequence);
        } else if sequence < next {
            return;
        }
        self.held.entry(sequence).or_insert(Held { since: now, frame });
    }

    /// The next frame in order, if it is time for it.
    pub fn pop(&mut self, now: Instant) -> Option<AudioFrame> {
        loop {
            let gap = self.gap();
            if gap > 0 {
                let patient = self.next_wake().is_some_and(|wake| now < wake);
                if patient && self.held.len() <= MAX_HELD {
                    return None;
                }
                self.lost += gap;
                self.lost_before =
                    self.lost_before.saturating_add(u32::try_from(gap).unwrap_or(u32::MAX));
            }
            let (sequence, Held { frame, .. }) = self.held.pop_first()?;
            self.next = Some(sequence + 1);
            if let Some(mut frame) = frame {
                frame.lost_before = std::mem::take(&mut self.lost_before);
                return Some(frame);
            }
        }
    }

    /// When the first of the packets held back will have waited long enough.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let first = self.held.values().map(|held| held.since).min()?;
        Some(first + MAX_WAIT)
    }

    /// Packets given up for lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many are missing before the first that is here.
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
    use crate::media::AudioCodec;
    use crate::testing::epoch;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn frame(n: u64) -> Option<AudioFrame> {
        Some(AudioFrame {
            codec: AudioCodec::Opus,
            time: n * 960,
            lost_before: 0,
            talkspurt: false,
            data: Bytes::copy_from_slice(&n.to_be_bytes()),
        })
    }

    fn take(playout: &mut Playout, now: Instant) -> Vec<(u64, u32)> {
        std::iter::from_fn(|| playout.pop(now)).map(|f| (f.time / 960, f.lost_before)).collect()
    }

    #[test]
    fn rfc_3550_another_source_counts_anew() {
        let t = epoch();
        let mut playout = Playout::default();
        playout.from(1);
        playout.insert(t, 1000, frame(1000));
        playout.insert(t, 1002, frame(1002));
        assert_eq!(take(&mut playout, t), [(1000, 0)]);
        playout.from(1);
        playout.insert(t, 1001, frame(1001));
        assert_eq!(take(&mut playout, t), [(1001, 0), (1002, 0)]);
        playout.from(2);
        playout.insert(t, 7, frame(7));
        playout.insert(t, 8, frame(8));
        assert_eq!(take(&mut playout, t), [(7, 0), (8, 0)], "not late, though lower");
        assert_eq!(playout.lost(), 0);
    }

    #[test]
    fn in_order_nothing_waits() {
        let t = epoch();
        let mut playout = Playout::default();
        for n in 100..110 {
            playout.insert(t, n, frame(n));
            assert_eq!(take(&mut playout, t), [(n, 0)]);
        }
        assert_eq!(playout.next_wake(), None);
    }

    #[test]
    fn a_gap_is_waited_for_and_then_counted() {
        let t = epoch();
        let mut playout = Playout::default();
        playout.insert(t, 1, frame(1));
        assert_eq!(take(&mut playout, t), [(1, 0)]);
        playout.insert(t, 4, frame(4));
        assert_eq!(take(&mut playout, t), []);
        let late = t + MAX_WAIT;
        assert_eq!(playout.next_wake(), Some(late));
        playout.insert(t, 2, frame(2));
        assert_eq!(take(&mut playout, t), [(2, 0)]);
        assert_eq!(take(&mut playout, late), [(4, 1)]);
        assert_eq!(playout.lost(), 1);
        playout.insert(late, 3, frame(3));
        assert_eq!(take(&mut playout, late), [], "too late is too late");
    }

    #[test]
    fn nothing_waits_longer_for_two_gaps_than_for_one() {
        let t = epoch();
        let mut playout = Playout::default();
        for n in [1, 3, 5] {
            playout.insert(t, n, frame(n));
        }
        assert_eq!(take(&mut playout, t), [(1, 0)]);
        assert_eq!(take(&mut playout, t + MAX_WAIT), [(3, 1), (5, 1)]);
    }

    #[test]
    fn a_packet_without_audio_is_no_loss() {
        let t = epoch();
        let mut playout = Playout::default();
        playout.insert(t, 1, frame(1));
        playout.insert(t, 2, None);
        playout.insert(t, 3, frame(3));
        assert_eq!(take(&mut playout, t), [(1, 0), (3, 0)]);
    }

    #[test]
    fn the_bound_gives_a_gap_up() {
        let t = epoch();
        let mut playout = Playout::default();
        playout.insert(t, 0, frame(0));
        assert_eq!(take(&mut playout, t).len(), 1);
        for n in 2..2 + MAX_HELD as u64 {
            playout.insert(t, n, frame(n));
            assert_eq!(take(&mut playout, t), []);
        }
        playout.insert(t, 500, frame(500));
        assert!(take(&mut playout, t).len() >= MAX_HELD);
        assert!(playout.held.len() <= MAX_HELD);
    }

    #[test]
    fn a_jump_is_a_new_stream() {
        let t = epoch();
        let mut playout = Playout::default();
        playout.insert(t, 1, frame(1));
        assert_eq!(take(&mut playout, t).len(), 1);
        playout.insert(t, 60_000, frame(60_000));
        assert_eq!(take(&mut playout, t), [(60_000, 0)]);
        assert_eq!(playout.lost(), 0);
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
            playout.insert(t, 0, frame(0));
            let mut out = take(&mut playout, t);
            let mut came = 1;
            for n in order {
                if dropped.contains(&n) { continue; }
                came += 1;
                for _ in 0..=usize::from(doubled.contains(&n)) {
                    playout.insert(t, n, frame(n));
                    out.extend(take(&mut playout, t));
                }
            }
            out.extend(take(&mut playout, t + MAX_WAIT));
            prop_assert_eq!(playout.next_wake(), None);
            prop_assert!(out.windows(2).all(|w| w[0].0 < w[1].0));
            prop_assert_eq!(out.len(), came);
            let last = out.last().unwrap().0;
            let lost: u64 = out.iter().map(|(_, lost)| u64::from(*lost)).sum();
            prop_assert_eq!(lost, last + 1 - came as u64);
            prop_assert_eq!(lost, playout.lost());
        }
    }
}
