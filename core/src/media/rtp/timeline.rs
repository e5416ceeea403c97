//! Media time that never goes back, whatever the senders' clocks do.

use std::time::{Duration, Instant};

use super::{duration, ticks};

/// The most that a sender's clock may have run further than ours, and still be the same clock.
const SLACK: Duration = Duration::from_secs(2);
/// The shortest step to the first frame of another clock.
const STEP: Duration = Duration::from_millis(20);

/// The time of what is heard, over all sources of a call.
///
/// Where a sender's clock is set anew, or another sender or codec comes with a clock of its own,
/// time goes on by what has passed between the arrivals.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    last: Option<Point>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    source: u32,
    clock: u32,
    rtp: u32,
    arrived: Instant,
    time: u64,
}

impl Timeline {
    /// The time of the next frame in order.
    pub(super) fn place(&mut self, source: u32, clock: u32, rtp: u32, arrived: Instant) -> u64 {
        let time = match self.last {
            None => u64::from(rtp),
            Some(last) => last.time.saturating_add(last.step(source, clock, rtp, arrived)),
        };
        self.last = Some(Point { source, clock, rtp, arrived, time });
        time
    }
}

impl Point {
    fn step(&self, source: u32, clock: u32, rtp: u32, arrived: Instant) -> u64 {
        let passed = arrived.saturating_duration_since(self.arrived);
        if source == self.source && clock == self.clock {
            let forward = u64::try_from(rtp.wrapping_sub(self.rtp).cast_signed());
            if let Ok(step) = forward
                && duration(step, clock) <= passed + SLACK
            {
                return step;
            }
        }
        ticks(passed.max(STEP), clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn time_goes_on_over_a_wrap_a_pause_another_clock_and_another_source() {
        let t = epoch();
        let ms = Duration::from_millis;
        let mut timeline = Timeline::default();
        let start = u32::MAX - 959;
        assert_eq!(timeline.place(1, 48_000, start, t), u64::from(start));
        let at = |n: u64| u64::from(start) + n;
        assert_eq!(timeline.place(1, 48_000, 0, t + ms(20)), at(960), "a wrap");
        assert_eq!(timeline.place(1, 48_000, 48_000, t + ms(1020)), at(48_960), "a pause");
        assert_eq!(timeline.place(1, 48_000, 48_960, t + ms(1500)), at(49_920), "a stall");
        assert_eq!(timeline.place(1, 48_000, 7, t + ms(1520)), at(50_880), "renumbered, back");
        let far = 7 + 48_000 * 100;
        assert_eq!(timeline.place(1, 48_000, far, t + ms(1540)), at(51_840), "and far ahead");
        assert_eq!(timeline.place(1, 8_000, 160, t + ms(1560)), at(52_000), "another codec");
        assert_eq!(timeline.place(2, 8_000, 0, t + ms(2060)), at(56_000), "another source");
        assert_eq!(timeline.place(2, 8_000, 160, t + ms(2080)), at(56_160));
        assert_eq!(timeline.place(2, 8_000, 160, t + ms(2080)), at(56_160), "twice the same");
    }
}
