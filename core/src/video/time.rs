//! Times of files, and of media.

use std::time::Duration;

use crate::machine::VideoCodec;

/// Ticks of 90 kHz in a time, to the nearest.
pub(super) fn ticks(time: Duration) -> u64 {
    ticks_of(time, VideoCodec::CLOCK_RATE)
}

/// Ticks of a clock of so many Hz in a time, to the nearest.
pub(super) fn ticks_of(time: Duration, rate: u32) -> u64 {
    scaled(time.as_nanos(), rate.into(), 1_000_000_000)
}

/// Whole ticks of 90 kHz in a time.
pub(super) fn passed_ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos() * u128::from(VideoCodec::CLOCK_RATE) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// The time of so many ticks of a clock of so many Hz, not more.
pub(super) fn duration(ticks: u64, rate: u32) -> Duration {
    let (ticks, rate) = (u128::from(ticks), u128::from(rate));
    let nanos = (ticks % rate * 1_000_000_000 / rate) as u32;
    Duration::new(u64::try_from(ticks / rate).unwrap_or(u64::MAX), nanos)
}

/// A number by another measure, to the nearest, and at most the largest.
fn scaled(number: u128, by: u128, of: u128) -> u64 {
    let product = number.saturating_mul(by).saturating_add(of / 2);
    u64::try_from(product / of.max(1)).unwrap_or(u64::MAX)
}

/// The times of a file's pictures, by a clock of its own, as media time. They never go back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Units of the file's clock are so many of so many parts of a second.
    scale: u64,
    rate: u64,
    last: u64,
}

impl Times {
    pub(super) fn new(scale: u64, rate: u64) -> Self {
        Self { scale, rate, last: 0 }
    }

    /// The next one.
    pub(super) fn media(&mut self, time: u64) -> u64 {
        let by = u128::from(self.scale).saturating_mul(VideoCodec::CLOCK_RATE.into());
        self.last = self.last.max(scaled(time.into(), by, self.rate.into()));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_converted_to_the_nearest_tick_and_never_go_back() {
        let mut times = Times::new(1_001, 30_000);
        assert_eq!(
            [0, 1, 2, 1, 1_000].map(|time| times.media(time)),
            [0, 3003, 6006, 6006, 3_003_000]
        );
        assert_eq!(times.media(u64::MAX), u64::MAX);
        assert_eq!(ticks(Duration::from_millis(33)), 2970);
        assert_eq!(ticks(Duration::from_nanos(33_333_333)), 3000);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
        assert_eq!(passed_ticks(Duration::from_nanos(33_333_333)), 2999);
        assert_eq!(duration(90_001, 90_000), Duration::from_nanos(1_000_011_111));
        assert_eq!(duration(u64::MAX, 8_000).as_secs(), u64::MAX / 8_000);
    }
}
