//! The silence of a far side that media is connected with: neither sound comes nor a report on it, of which there is
//! one every few seconds also while nobody speaks (RFC 3550 section 6.2).
//!
//! ICE does not notice it as long as checks are answered: a translator of addresses that forgot what it translated
//! sends the far side's media nowhere, and its answers to our checks by a new way.

use std::time::{Duration, Instant};

/// The shortest silence that means something: the longest that RFC 3550 section 6.3.1 has between two reports, and
/// some.
const LEAST: Duration = Duration::from_secs(7);
/// The longest time until it is told of again.
const MOST: Duration = LEAST.saturating_mul(64);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// The time at which the silence is too long: since the last sound or report, or since media was connected, or since
    /// it was told of.
    due: Option<Instant>,
    /// The time until it is told of again after that.
    pause: Duration,
}

impl Quiet {
    fn since(now: Instant) -> Self {
        Self { due: Some(now + LEAST), pause: LEAST }
    }

    /// Takes note that media is connected: from now on something has to be heard. A silence that lasts goes on.
    pub(super) fn connected(&mut self, now: Instant) {
        if self.due.is_none() {
            *self = Self::since(now);
        }
    }

    /// Takes note of a datagram of the far side. True if it is sound or a report.
    pub(super) fn heard(&mut self, now: Instant, data: &[u8]) -> bool {
        // RFC 7983 section 7.
        let counts = matches!(data, [128..=191, ..]);
        if counts {
            *self = Self::since(now);
        }
        counts
    }

    /// The time at which the silence is too long; later each time that it is told of.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// True if it is too long, once each time. Where nobody listens it begins anew.
    pub(super) fn is_due(&mut self, now: Instant, listens: impl FnOnce() -> bool) -> bool {
        if self.due.is_none_or(|at| at > now) {
            return false;
        }
        if !listens() {
            *self = Self::since(now);
            return false;
        }
        self.due = Some(now + self.pause);
        self.pause = (2 * self.pause).min(MOST);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const CHECK: &[u8] = &[0, 1, 0, 0];
    const SPEECH: &[u8] = &[128, 0];

    #[test]
    fn rfc_3550_6_3_1_a_far_side_of_which_only_checks_come_is_quiet() {
        let mut quiet = Quiet::default();
        quiet.heard(epoch(), SPEECH);
        for n in 1..7 {
            quiet.heard(epoch() + S(n), CHECK);
        }
        let mut at = |second| quiet.is_due(epoch() + S(second), || true);
        assert!(!at(6));
        assert!(at(7) && !at(8), "once");
        assert!(at(14), "and again, later");
        quiet.heard(epoch() + S(15), SPEECH);
        assert_eq!(quiet.due(), Some(epoch() + S(22)));
        assert!(!quiet.is_due(epoch() + S(22), || false), "nobody listens");
        assert_eq!(quiet.due(), Some(epoch() + S(29)));
    }

    #[test]
    fn rfc_3550_6_3_1_a_far_side_that_was_never_heard_is_quiet_from_when_media_is_connected() {
        let mut quiet = Quiet::default();
        quiet.heard(epoch(), CHECK);
        assert_eq!(quiet.due(), None, "nothing is expected of it yet");
        quiet.connected(epoch() + S(1));
        assert_eq!(quiet.due(), Some(epoch() + S(8)));
        assert!(!quiet.is_due(epoch() + S(7), || true));
        assert!(quiet.is_due(epoch() + S(8), || true));
        assert_eq!(quiet.due(), Some(epoch() + S(15)));
    }

    #[test]
    fn a_silence_that_lasts_is_not_shorter_for_a_new_connection() {
        let mut quiet = Quiet::default();
        quiet.connected(epoch());
        assert!(quiet.is_due(epoch() + S(7), || true));
        quiet.connected(epoch() + S(8));
        assert_eq!(quiet.due(), Some(epoch() + S(14)), "told of less and less often");
        quiet.heard(epoch() + S(9), SPEECH);
        quiet.connected(epoch() + S(10));
        assert_eq!(quiet.due(), Some(epoch() + S(16)), "since it was heard");
    }

    /// Found by simulation: after so many times it was due at once, for ever.
    #[test]
    fn a_silence_that_does_not_end_is_told_of_less_and_less_often() {
        let mut quiet = Quiet::default();
        quiet.connected(epoch());
        let mut told = Vec::new();
        while told.len() < 10 {
            let at = quiet.due().unwrap();
            assert!(quiet.is_due(at, || true) && !quiet.is_due(at, || true));
            told.push((at - epoch()).as_secs());
        }
        assert_eq!(told, [7, 14, 28, 56, 112, 224, 448, 896, 1344, 1792]);
        // Nor is it told of once for each time that was slept through.
        let late = epoch() + S(1_000_000);
        assert!(quiet.is_due(late, || true));
        assert_eq!(quiet.due(), Some(late + S(448)));
    }
}
