//! How fast the signaling of sessions goes out (behaviour notes SG-8, wire notes 1.6, 15).
//!
//! The official client has such a bucket for each of its extensions, but lets its sessions past
//! it. We do not: the service has answered floods with `resource-constraint`, and a call whose
//! `answer` is refused is lost. What sessions say (their messages, Jingle, JSON-RPC) goes through
//! one bucket. A call needs a dozen stanzas, so that an ordinary one never waits; fifty
//! calls that are answered at once do, for moments. What belongs to the connection itself does
//! not go through here: set-up, pings, topics, and replies, which the service has asked for.
//!
//! The order is kept and nothing is dropped. When more than [`MAX_WAITING`] or
//! [`MAX_WAITING_BYTES`] wait, the oldest go out at once: better too fast than too late.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::genesys::wire::Frame;
use crate::link::{Rate, TokenBucket};
use crate::machine::Wake;

/// A burst of 25 on a fresh connection and of 20 later, 25 a second in the long run.
const RATE: Rate = Rate { start: 25, capacity: 20, interval: Duration::from_millis(40) };

/// Stanzas that wait at once. No one waits for 2 s then, the time in which a session's end is
/// to be answered (LC-21).
pub(crate) const MAX_WAITING: usize = 48;

/// Bytes of the stanzas that wait at once: those of many calls' answers.
pub(crate) const MAX_WAITING_BYTES: usize = 256 * 1024;

/// The stanzas of sessions that wait for their turn on one connection.
#[derive(Debug)]
pub(crate) struct Pace {
    bucket: TokenBucket,
    /// Each with its bytes.
    waiting: VecDeque<(Frame, usize)>,
    /// All their bytes.
    bytes: usize,
}

impl Pace {
    /// For a new connection.
    pub(crate) fn new(now: Instant) -> Self {
        Self { bucket: TokenBucket::new(RATE, now), waiting: VecDeque::new(), bytes: 0 }
    }

    /// Takes a stanza, and gives it back where it need not wait.
    pub(crate) fn push(&mut self, stanza: Frame, now: Instant) -> Option<Frame> {
        if self.waiting.is_empty() && self.bucket.take(now) {
            return Some(stanza);
        }
        let bytes = stanza.to_xml().len();
        self.waiting.push_back((stanza, bytes));
        self.bytes += bytes;
        None
    }

    /// A stanza whose turn it is, or that must make room.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Frame> {
        let full = self.waiting.len() > MAX_WAITING || self.bytes > MAX_WAITING_BYTES;
        let due = full || (!self.waiting.is_empty() && self.bucket.take(now));
        if due { self.pop() } else { None }
    }

    /// The next stanza, whether it is its turn or not: the connection is about to be closed.
    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let (stanza, bytes) = self.waiting.pop_front()?;
        self.bytes -= bytes;
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        Some(stanza)
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let at = self.bucket.ready_at();
        (!self.waiting.is_empty()).then_some(Wake { at, reason: "pace of signaling" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stanza(n: usize) -> Frame {
        Frame::Other { name: n.to_string(), namespace: String::new() }
    }

    fn number(frame: Frame) -> usize {
        match frame {
            Frame::Other { name, .. } => name.parse().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sg_8_what_waits_is_bounded_in_bytes_and_nothing_is_lost() {
        let now = crate::testing::epoch();
        let mut pace = Pace::new(now);
        let large = |n: usize| Frame::Other {
            name: n.to_string(),
            namespace: "x".repeat(MAX_WAITING_BYTES / 10),
        };
        let mut sent = Vec::new();
        for n in 0..RATE.start as usize + 40 {
            sent.extend(pace.push(large(n), now).map(number));
            sent.extend(std::iter::from_fn(|| pace.pop_due(now)).map(number));
            assert!(pace.bytes <= MAX_WAITING_BYTES);
        }
        assert_eq!(pace.waiting.len(), 9, "as many as fit");
        sent.extend(std::iter::from_fn(|| pace.pop()).map(number));
        assert!(sent.into_iter().eq(0..RATE.start as usize + 40));
        assert_eq!(pace.bytes, 0);
    }

    proptest! {
        #[test]
        fn sg_8_the_order_is_kept_nothing_is_lost_and_nothing_waits_long(
            bursts in prop::collection::vec((0usize..150, 0u64..1_500), 1..20),
        ) {
            let mut now = crate::testing::epoch();
            let mut pace = Pace::new(now);
            let (mut next, mut sent, mut pushed) = (0, Vec::new(), Vec::new());
            let woken = |pace: &mut Pace, until: Instant, sent: &mut Vec<(usize, Instant)>| {
                while let Some(wake) = pace.next_wake().filter(|wake| wake.at <= until) {
                    let before = sent.len();
                    sent.extend(pace.pop_due(wake.at).map(|frame| (number(frame), wake.at)));
                    assert!(sent.len() > before, "woken for nothing");
                }
            };
            for (burst, pause) in bursts {
                for _ in 0..burst {
                    pushed.push(now);
                    let mut out: Vec<_> = pace.push(stanza(next), now).into_iter().collect();
                    out.extend(std::iter::from_fn(|| pace.pop_due(now)));
                    sent.extend(out.into_iter().map(|frame| (number(frame), now)));
                    next += 1;
                    prop_assert!(pace.waiting.len() <= MAX_WAITING);
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
