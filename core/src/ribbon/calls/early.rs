//! Notifications of sessions that nobody knows yet: they may be of one whose making is still unanswered, and
//! gateways are not all careful to answer first (w4.0.4).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::machine::Wake;
use crate::ribbon::ids::SessionData;

/// Notifications that are kept; the oldest goes for one more.
const MAX_KEPT: usize = 32;
/// Bytes of them.
const MAX_BYTES: usize = 128 * 1024;
/// The time that they are kept once no answer is outstanding.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Early<T> {
    kept: VecDeque<(SessionData, usize, T)>,
    until: Option<Instant>,
}

impl<T> Default for Early<T> {
    fn default() -> Self {
        Self { kept: VecDeque::new(), until: None }
    }
}

impl<T> Early<T> {
    /// Keeps one, of so many bytes.
    pub(super) fn keep(&mut self, session: SessionData, bytes: usize, event: T) {
        self.until = None;
        self.kept.push_back((session, bytes, event));
        while self.kept.len() > MAX_KEPT || self.bytes() > MAX_BYTES {
            self.kept.pop_front();
        }
    }

    fn bytes(&self) -> usize {
        self.kept.iter().map(|(_, bytes, _)| bytes).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Those of a session that is known now, in order.
    pub(super) fn take(&mut self, session: &SessionData) -> Vec<T> {
        let (of, rest): (Vec<_>, Vec<_>) =
            self.kept.drain(..).partition(|(name, _, _)| name == session);
        self.kept = rest.into();
        of.into_iter().map(|(_, _, event)| event).collect()
    }

    /// No answer is outstanding any more: what is left is of nobody's session.
    pub(super) fn settle(&mut self, now: Instant) {
        if !self.kept.is_empty() {
            self.until = self.until.or(Some(now + KEPT_FOR));
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            *self = Self::default();
        }
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.until.map(|at| Wake { at, reason: "early notifications" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn w4_0_4_early_notifications_are_kept_in_order_within_bounds() {
        let mut early = Early::default();
        for n in 0..40 {
            early.keep(if n % 2 == 0 { "a" } else { "b" }.into(), 10, n);
        }
        assert_eq!(early.len(), MAX_KEPT);
        let of = early.take(&"a".into());
        assert_eq!((of.first(), of.last(), of.len()), (Some(&8), Some(&38), 16));
        early.keep("c".into(), MAX_BYTES, 99);
        assert_eq!(early.len(), 1, "by bytes, too");
        let t = epoch();
        early.settle(t);
        early.handle_timeout(t + KEPT_FOR - Duration::from_millis(1));
        assert_eq!(early.next_wake().map(|wake| wake.at), Some(t + KEPT_FOR));
        early.handle_timeout(t + KEPT_FOR);
        assert_eq!((early.len(), early.next_wake()), (0, None));
    }
}
