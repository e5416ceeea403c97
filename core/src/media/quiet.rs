//! The silence of a far side that used to be heard: neither sound comes any more nor a report on it, of which there is
//! one every few seconds also while nobody speaks (RFC 3550 section 6.2).
//!
//! ICE does not notice it as long as checks are answered: a translator of addresses that forgot what it translated
//! sends the far side's media nowhere, and its answers to our checks by a new way.

use std::time::{Duration, Instant};

/// The shortest silence that means something: the longest that RFC 3550 section 6.3.1 has between two reports, and
/// some.
const LEAST: Duration = Duration::from_secs(7);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// The last sound or report.
    heard: Option<Instant>,
    /// The times that it was told of since then.
    told: u32,
}

impl Quiet {
    /// Takes note of a datagram of the far side. True if it is sound or a report.
    pub(super) fn heard(&mut self, now: Instant, data: &[u8]) -> bool {
        // RFC 7983 section 7.
        let counts = matches!(data, [128..=191, ..]);
        if counts {
            *self = Self { heard: Some(now), told: 0 };
        }
        counts
    }

    /// The time at which the silence is too long; later each time that it is told of.
    pub(super) fn due(&self) -> Option<Instant> {
        let patience = LEAST * 2_u32.pow(self.told.min(6));
        self.heard.map(|heard| heard + patience)
    }

    /// True if it is too long, once each time. Where nobody listens it begins anew.
    pub(super) fn is_due(&mut self, now: Instant, listens: impl FnOnce() -> bool) -> bool {
        if self.due().is_none_or(|at| at > now) {
            return false;
        }
        if !listens() {
            *self = Self { heard: Some(now), told: 0 };
            return false;
        }
        self.told += 1;
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
        quiet.heard(epoch(), CHECK);
        assert_eq!(quiet.due(), None, "nothing came ever");
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
}
