//! Interarrival jitter.

use std::time::{Duration, Instant};

/// Interarrival jitter of one stream (RFC 3550 section 6.4.1).
#[derive(Debug, Default)]
pub(super) struct Jitter {
    last: Option<(Instant, u32, u32)>,
    seconds: f64,
}

impl Jitter {
    pub(super) fn sample(&mut self, arrived: Instant, time: u32, clock: u32) {
        if let Some((before, sent, _)) = self.last.filter(|(_, _, last)| *last == clock) {
            let arrival = arrived.saturating_duration_since(before).as_secs_f64();
            let ticks = time.wrapping_sub(sent).cast_signed();
            let sending = f64::from(ticks) / f64::from(clock);
            // After a pause the sender's clock may have been set anew.
            if sending.abs() < 1.0 {
                self.seconds += ((arrival - sending).abs() - self.seconds) / 16.0;
            }
        }
        self.last = Some((arrived, time, clock));
    }

    /// Another source, with another clock.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    pub(super) fn value(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn rfc_3550_jitter_is_zero_on_an_even_path_and_grows_on_an_uneven_one() {
        let t = epoch();
        let mut jitter = Jitter::default();
        for n in 0..50_u32 {
            let time = (n * 960).wrapping_sub(10_000);
            jitter.sample(t + Duration::from_millis(20) * n, time, 48_000);
        }
        assert!(jitter.seconds < 1e-9);
        for n in 50..100_u32 {
            let late = Duration::from_millis(u64::from(n % 2) * 10);
            let time = (n * 960).wrapping_sub(10_000);
            jitter.sample(t + Duration::from_millis(20) * n + late, time, 48_000);
        }
        assert!((0.008..0.011).contains(&jitter.seconds), "{}", jitter.seconds);
    }
}
