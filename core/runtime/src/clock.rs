//! The time of a runtime: a clock that goes on while the computer sleeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::runtime::Runtime;

/// The longest that a timer sleeps before it looks at the clock again, as the reference client's
/// heartbeat does: timers of the runtimes stand still while the computer sleeps.
const NAP: Duration = Duration::from_secs(2);

/// A clock that goes on while the computer sleeps, which [`Instant::now`] does not on Linux and
/// macOS: what a client puts off until then is due as soon as the computer wakes.
///
/// It reads `CLOCK_BOOTTIME` on Linux and Android, and `CLOCK_MONOTONIC` on Apple's systems,
/// which counts sleep there; elsewhere the instants of the standard library, which count it on
/// Windows. All clocks of a process count from one origin, so that their instants compare; after
/// a sleep they are ahead of [`Instant::now`] by its length.
///
/// Clones are the same clock. Tests let the computer sleep with [`Clock::advance`]; in a simulation the
/// clock is [at a standstill](Clock::standing) but for that.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// The time at which it stands, if it does not go by itself.
    standing: Option<Instant>,
    /// Nanoseconds that it was moved on by hand.
    ahead: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that shows this instant until it is moved on. A client that goes by it needs a
    /// [`Runtime`] whose time stands still with it.
    #[must_use]
    pub fn standing(at: Instant) -> Self {
        Self { standing: Some(at), ahead: Arc::default() }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Instant {
        let ahead = Duration::from_nanos(self.ahead.load(Ordering::Relaxed));
        if let Some(standing) = self.standing {
            return standing + ahead;
        }
        let (base, origin) = *ORIGIN;
        match since_boot() {
            Some(now) => base + now.saturating_sub(origin) + ahead,
            None => Instant::now() + ahead,
        }
    }

    /// Moves the clock on, as if the computer had slept for so long. What sleeps by it is not woken:
    /// it looks at the clock every 2 s.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }

    /// Waits until this clock shows an instant; after a sleep of the computer, at most a
    /// moment longer.
    pub(crate) async fn sleep_until<R: Runtime>(&self, at: Instant) {
        if self.standing.is_some() {
            return R::sleep_until(at).await;
        }
        loop {
            let left = at.saturating_duration_since(self.now());
            if left.is_zero() {
                return;
            }
            R::sleep_until(Instant::now() + left.min(NAP)).await;
        }
    }
}

/// One moment on both clocks.
static ORIGIN: LazyLock<(Instant, Duration)> =
    LazyLock::new(|| (Instant::now(), since_boot().unwrap_or_default()));

/// The system's clock that counts sleep, where it is not that of [`Instant`].
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn since_boot() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};

    #[cfg(not(target_vendor = "apple"))]
    const COUNTS_SLEEP: ClockId = ClockId::Boottime;
    #[cfg(target_vendor = "apple")]
    const COUNTS_SLEEP: ClockId = ClockId::Monotonic;

    let time = clock_gettime(COUNTS_SLEEP);
    // Neither is ever negative.
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn since_boot() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree_and_go_on() {
        let (one, other) = (Clock::default(), Clock::default());
        let mut last = one.now();
        for _ in 0..1000 {
            for clock in [&other, &one] {
                let now = clock.now();
                assert!(now >= last);
                last = now;
            }
        }
        // A computer that does not sleep sees the same on both.
        assert!(Instant::now().saturating_duration_since(one.now()) < Duration::from_secs(1));
    }

    #[test]
    fn a_standing_clock_goes_only_by_hand() {
        let begin = Instant::now();
        let clock = Clock::standing(begin);
        let same = clock.clone();
        assert_eq!(clock.now(), begin);
        clock.advance(Duration::from_secs(60));
        assert_eq!(same.now(), begin + Duration::from_secs(60));
    }

    #[test]
    fn a_sleep_moves_a_clock_and_its_clones_only() {
        let (clock, other) = (Clock::default(), Clock::default());
        let same = clock.clone();
        let before = clock.now();
        clock.advance(Duration::from_secs(600));
        assert!(same.now() >= before + Duration::from_secs(600));
        assert!(other.now() < before + Duration::from_secs(300));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn on_linux_the_clock_is_the_one_that_counts_sleep() {
        let uptime = std::fs::read_to_string("/proc/uptime").expect("Linux");
        let uptime: f64 = uptime.split(' ').next().expect("a number").parse().expect("a number");
        let read = since_boot().expect("Linux").as_secs_f64();
        // `/proc/uptime` is the time since boot with sleep (proc(5)).
        assert!((read - uptime).abs() < 30.0, "{read} {uptime}");
    }
}
