//! The loss to prepare for, by what the far side reports.

use std::time::{Duration, Instant};

/// The packets of a hundred that are expected to be lost, by the far side's reports on what we send (RFC 3550
/// section 6.4.1): what an encoder is told of the path.
///
/// - Nothing reported yet: [`ExpectedLoss::LEAST`]. Copies of lost frames cost little, and a report comes too late for
///   what was lost before it.
/// - A report that asks for more counts at once, rounded up to a step of 5, at most [`ExpectedLoss::MOST`]: what is
///   beyond no copy mends.
/// - Less counts when for [`ExpectedLoss::PATIENCE`] no report asked for as much as now: then it is the most that any of
///   them did. Loss comes in bursts, and each change is one for the encoder, too.
/// - Without further reports it stays.
///
/// ```
/// use std::time::{Duration, Instant};
/// use offhook::media::ExpectedLoss;
///
/// let (mut expected, now) = (ExpectedLoss::default(), Instant::now());
/// assert_eq!(expected.percent(), 5);
/// expected.report(now, 0.18);
/// assert_eq!(expected.percent(), 20);
/// expected.report(now + Duration::from_secs(5), 0.0);
/// assert_eq!(expected.percent(), 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedLoss {
    percent: u8,
    /// The time at which less counts; none while no report came.
    until: Option<Instant>,
    /// The most that was asked for since, less than what counts.
    next: u8,
}

/// Reports are rounded up to multiples of so many of a hundred.
const STEP: u8 = 5;

impl Default for ExpectedLoss {
    fn default() -> Self {
        Self { percent: Self::LEAST, until: None, next: Self::LEAST }
    }
}

impl ExpectedLoss {
    /// The least, and what counts where nothing is known.
    pub const LEAST: u8 = 5;
    /// The most.
    pub const MOST: u8 = 30;
    /// The time without a report that asks for as much after which less counts.
    pub const PATIENCE: Duration = Duration::from_secs(10);

    /// The packets of a hundred: from [`ExpectedLoss::LEAST`] to [`ExpectedLoss::MOST`], by fives.
    #[must_use]
    pub fn percent(&self) -> u8 {
        self.percent
    }

    /// Takes a report: the share that was lost since the last one, 0.0 to 1.0.
    pub fn report(&mut self, now: Instant, share: f32) {
        let asked = asked(share);
        if asked >= self.percent {
            *self = Self { percent: asked, until: Some(now + Self::PATIENCE), next: Self::LEAST };
            return;
        }
        self.next = self.next.max(asked);
        if self.until.is_none_or(|until| until <= now) {
            *self =
                Self { percent: self.next, until: Some(now + Self::PATIENCE), next: Self::LEAST };
        }
    }
}

/// The step that a share asks for; the least where it is no number.
fn asked(share: f32) -> u8 {
    let step = f32::from(STEP);
    // Reports count in parts of 256, so they are not exact.
    let steps = ((share * 100.0 - 0.5) / step).ceil();
    ((steps * step) as u8).clamp(ExpectedLoss::LEAST, ExpectedLoss::MOST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::epoch;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_report_is_rounded_up_within_the_bounds() {
        let cases = [
            (0.0, 5),
            (0.05, 5),
            (0.06, 10),
            (51.0 / 256.0, 20),
            (51.0 / 255.0, 20),
            (0.21, 25),
            (0.4, 30),
            (1.0, 30),
            (-1.0, 5),
            (f32::INFINITY, 30),
            (f32::NAN, 5),
        ];
        for (share, percent) in cases {
            let mut expected = ExpectedLoss::default();
            expected.report(epoch(), share);
            assert_eq!(expected.percent(), percent, "{share}");
        }
    }

    #[test]
    fn more_counts_at_once_and_less_when_nothing_asked_for_as_much_for_a_while() {
        let mut expected = ExpectedLoss::default();
        let mut at = |second, share| {
            expected.report(epoch() + S(second), share);
            expected.percent()
        };
        assert_eq!((at(0, 0.02), at(1, 0.3), at(2, 0.0)), (5, 30, 30));
        // Each that asks for as much begins the time anew.
        assert_eq!((at(5, 0.28), at(14, 0.12), at(15, 0.0)), (30, 30, 15));
        assert_eq!((at(16, 0.0), at(24, 0.0), at(25, 0.0)), (15, 15, 5));
        assert_eq!(at(1_000, 0.1), 10);
    }

    #[test]
    fn without_reports_it_stays() {
        let mut expected = ExpectedLoss::default();
        assert_eq!(expected.percent(), ExpectedLoss::LEAST);
        expected.report(epoch(), 0.2);
        let before = expected;
        assert_eq!((before.percent(), expected), (20, before));
    }

    proptest! {
        #[test]
        fn it_is_never_below_the_last_report_nor_above_the_most_of_the_last_two_patiences(
            reports in proptest::collection::vec((0..8_000_u64, 0..=256_u16), 1..60),
        ) {
            let mut expected = ExpectedLoss::default();
            let mut now = epoch();
            let mut all = Vec::new();
            let mut changes = Vec::new();
            for (passes, lost) in reports {
                now += Duration::from_millis(passes);
                let share = f32::from(lost) / 256.0;
                let before = expected.percent();
                expected.report(now, share);
                let percent = expected.percent();
                all.push((now, asked(share)));
                if percent < before {
                    changes.push(now);
                }
                prop_assert!(percent.is_multiple_of(STEP));
                prop_assert!((asked(share)..=ExpectedLoss::MOST).contains(&percent));
                // Reports may be far apart: what the one before them asked for counts until then.
                let since = all.iter().rev().nth(1).map_or(now, |(at, _)| *at);
                let since = since.min(now) - 2 * ExpectedLoss::PATIENCE;
                let most = all.iter().filter(|(at, _)| *at >= since).map(|(_, asked)| *asked).max();
                prop_assert!(Some(percent) <= most.max(Some(ExpectedLoss::LEAST)));
            }
            let apart = |pair: &[Instant]| pair[1] - pair[0] >= ExpectedLoss::PATIENCE;
            prop_assert!(changes.windows(2).all(apart), "it falls once in that time");
        }
    }
}
