//! The quality of one call, of several that may share a media session (behaviour notes ST-1 to
//! ST-3).

use std::time::Duration;

use serde::Serialize;

use super::mos;
use crate::media::MediaStats;
use crate::millis;

/// The figures of one call, from its start to now or to its end. Serialized, times are milliseconds
/// (`latency_ms`, `jitter_ms`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallQuality {
    /// RTP packets received during the call.
    pub packets_received: u64,
    /// Packets that never came.
    pub packets_lost: u64,
    /// Packets received too late to be heard.
    pub packets_late: u64,
    /// Frames that were made up, as their packets were lost or late.
    pub frames_concealed: u64,
    /// Frames whose packets were, too, and that were had of the copy in the next one.
    pub frames_recovered: u64,
    /// The packets lost for each received, 0.0 when none were received.
    pub loss: f64,
    /// Half of the mean round trip; zero when none was measured.
    #[serde(rename = "latency_ms", serialize_with = "millis::serialize")]
    pub latency: Duration,
    /// The mean of the jitter at the samples.
    #[serde(rename = "jitter_ms", serialize_with = "millis::serialize")]
    pub jitter: Duration,
    /// The estimated mean opinion score, 1.0 to 5.0. What came too late counts for it as what was lost.
    pub mos: f64,
}

/// Collects a call's figures from samples of its session's.
///
/// ```
/// use offhook::media::MediaStats;
/// use offhook::report::QualityMeter;
///
/// let mut stats = MediaStats::default();
/// stats.packets_received = 1000;
/// let mut meter = QualityMeter::new(&stats);
/// stats.packets_received = 1250;
/// let quality = meter.sample(&stats);
/// assert_eq!(quality.packets_received, 250);
/// ```
#[derive(Clone, Debug)]
pub struct QualityMeter {
    base: Counts,
    /// Those of the last sample.
    last: Counts,
    jitter: Mean,
    round_trip: Mean,
}

/// The figures that only grow.
#[derive(Clone, Copy, Debug)]
struct Counts {
    packets_received: u64,
    packets_lost: u64,
    packets_late: u64,
    frames_concealed: u64,
    frames_recovered: u64,
}

impl From<&MediaStats> for Counts {
    fn from(stats: &MediaStats) -> Self {
        Self {
            packets_received: stats.packets_received,
            packets_lost: stats.packets_lost,
            packets_late: stats.packets_late,
            frames_concealed: stats.frames_concealed,
            frames_recovered: stats.frames_recovered,
        }
    }
}

impl QualityMeter {
    /// A meter for a call that begins when its session has these figures.
    #[must_use]
    pub fn new(base: &MediaStats) -> Self {
        let (base, last) = (base.into(), base.into());
        Self { base, last, jitter: Mean::default(), round_trip: Mean::default() }
    }

    /// Goes on with another session, which has these figures. What was counted up to the last
    /// sample is kept.
    pub fn rebase(&mut self, after: &MediaStats) {
        // As if the new session had already counted what the old one had.
        let moved = |base: u64, old: u64, new: u64| base.wrapping_add(new).wrapping_sub(old);
        let (base, last) = (&mut self.base, &self.last);
        base.packets_received =
            moved(base.packets_received, last.packets_received, after.packets_received);
        base.packets_lost = moved(base.packets_lost, last.packets_lost, after.packets_lost);
        base.packets_late = moved(base.packets_late, last.packets_late, after.packets_late);
        base.frames_concealed =
            moved(base.frames_concealed, last.frames_concealed, after.frames_concealed);
        base.frames_recovered =
            moved(base.frames_recovered, last.frames_recovered, after.frames_recovered);
        self.last = after.into();
    }

    /// Takes the session's figures as they are now, and returns the call's figures so far.
    pub fn sample(&mut self, now: &MediaStats) -> CallQuality {
        self.last = now.into();
        self.jitter.add(now.jitter);
        if let Some(round_trip) = now.round_trip {
            self.round_trip.add(round_trip);
        }
        let packets_received = now.packets_received.wrapping_sub(self.base.packets_received);
        // One that was lost before the call began may have come since.
        let packets_lost = now.packets_lost.wrapping_sub(self.base.packets_lost);
        let packets_lost = packets_lost.cast_signed().max(0).unsigned_abs();
        let packets_late = now.packets_late.wrapping_sub(self.base.packets_late);
        let loss = share(packets_lost, packets_received);
        let (latency, jitter) = (self.round_trip.mean() / 2, self.jitter.mean());
        // What came too late was not heard either.
        let heard = packets_received.saturating_sub(packets_late);
        let mos = mos(latency, jitter, share(packets_lost + packets_late, heard));
        CallQuality {
            packets_received,
            packets_lost,
            packets_late,
            frames_concealed: now.frames_concealed.wrapping_sub(self.base.frames_concealed),
            frames_recovered: now.frames_recovered.wrapping_sub(self.base.frames_recovered),
            loss,
            latency,
            jitter,
            mos,
        }
    }
}

/// The packets missed for each that was had; none where none were had.
fn share(missed: u64, had: u64) -> f64 {
    if had == 0 { 0.0 } else { missed as f64 / had as f64 }
}

/// A running mean of durations.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: Duration,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: Duration) {
        self.sum = self.sum.saturating_add(value);
        self.count = self.count.saturating_add(1);
    }

    fn mean(self) -> Duration {
        self.sum.checked_div(self.count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn stats(received: u64, lost: u64, jitter: u64, round_trip: Option<u64>) -> MediaStats {
        MediaStats {
            packets_received: received,
            packets_lost: lost,
            jitter: MS(jitter),
            round_trip: round_trip.map(MS),
            ..MediaStats::default()
        }
    }

    #[test]
    fn st_1_only_what_came_during_the_call_counts() {
        let mut meter = QualityMeter::new(&stats(1000, 50, 90, None));
        let quality = meter.sample(&stats(1200, 52, 2, Some(200)));
        assert_eq!((quality.packets_received, quality.packets_lost), (200, 2));
        assert!((quality.loss - 0.01).abs() < 1e-9);
        assert_eq!((quality.latency, quality.jitter), (MS(100), MS(2)));
    }

    #[test]
    fn st_1_what_was_lost_before_the_call_and_comes_late_in_it_is_late() {
        let mut meter = QualityMeter::new(&stats(1000, 50, 0, None));
        let now = MediaStats { packets_late: 2, ..stats(1100, 48, 0, None) };
        let quality = meter.sample(&now);
        assert_eq!((quality.packets_lost, quality.packets_late), (0, 2));
        assert!(quality.loss.abs() < 1e-9);
        meter.rebase(&MediaStats { packets_late: 7, ..stats(0, 0, 0, None) });
        let now = MediaStats { packets_late: 8, ..stats(10, 3, 0, None) };
        assert_eq!(meter.sample(&now).packets_late, 3);
    }

    #[test]
    fn st_3_jitter_and_latency_are_means_and_loss_is_by_received() {
        let mut meter = QualityMeter::new(&stats(0, 0, 0, None));
        meter.sample(&stats(100, 0, 2, Some(100)));
        let quality = meter.sample(&stats(200, 0, 4, Some(300)));
        assert_eq!((quality.latency, quality.jitter), (MS(100), MS(3)));
        assert!(quality.mos > 4.8);
        let silent = QualityMeter::new(&stats(0, 0, 0, None)).sample(&stats(0, 9, 0, None));
        assert!(silent.loss.abs() < 1e-9, "nothing received is no loss");
    }

    #[test]
    fn st_3_what_comes_too_late_counts_for_the_score_as_what_never_comes() {
        let score = |received, lost, late| {
            let now = MediaStats { packets_late: late, ..stats(received, lost, 2, Some(40)) };
            QualityMeter::new(&MediaStats::default()).sample(&now)
        };
        let (clean, lost, late) = (score(1000, 0, 0), score(900, 100, 0), score(1000, 0, 100));
        assert!(clean.mos > lost.mos + 0.5);
        assert!((lost.mos - late.mos).abs() < 1e-9, "{} {}", lost.mos, late.mos);
        assert!(late.loss.abs() < 1e-9, "the loss is what never came");
        let all_late = score(100, 0, 100);
        assert!(all_late.mos.is_finite() && all_late.loss.abs() < 1e-9);
    }

    #[test]
    fn what_was_made_up_and_what_was_had_of_copies_is_the_calls_own() {
        let of = |frames_concealed, frames_recovered| MediaStats {
            frames_concealed,
            frames_recovered,
            ..MediaStats::default()
        };
        let mut meter = QualityMeter::new(&of(10, 20));
        let quality = meter.sample(&of(11, 25));
        assert_eq!((quality.frames_concealed, quality.frames_recovered), (1, 5));
        meter.rebase(&of(0, 0));
        let quality = meter.sample(&of(2, 1));
        assert_eq!((quality.frames_concealed, quality.frames_recovered), (3, 6));
    }

    #[test]
    fn a_session_that_takes_over_starts_from_zero_and_the_call_does_not() {
        let mut meter = QualityMeter::new(&stats(100, 0, 0, None));
        meter.sample(&stats(300, 10, 0, None));
        meter.rebase(&stats(0, 0, 0, None));
        let quality = meter.sample(&stats(50, 1, 0, None));
        assert_eq!((quality.packets_received, quality.packets_lost), (250, 11));
    }
}
