//! Delays between attempts, by two policies.

use std::time::{Duration, Instant};

/// A remembered delay is halved after this many times itself: the shape of the policy, whatever its
/// delays.
const HALVING_FACTOR: u32 = 5;

/// Exponential back-off with a memory (wire notes 3.2).
///
/// Within a run of attempts the delay doubles from its start to the maximum. Each failure is
/// also remembered beyond the run, so that a client that keeps losing its connection starts its
/// next run slower; the memory halves step by step while connected.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    /// The time that a remembered delay is kept after the last failure.
    forgotten_after: Duration,
    /// The next delay of this run, once it has begun.
    run: Option<Duration>,
    memory: Option<Memory>,
}

#[derive(Clone, Copy, Debug)]
struct Memory {
    delay: Duration,
    /// The time to halve next; counts only after a success.
    halve_at: Option<Instant>,
    forget_at: Instant,
}

impl Backoff {
    /// Delays from `first` to `max`, which is at least `first`. A failure is forgotten after
    /// `memory`.
    #[must_use]
    pub fn new(first: Duration, max: Duration, memory: Duration) -> Self {
        let max = max.max(first);
        Self { first, max, forgotten_after: memory, run: None, memory: None }
    }

    /// The least delay remembered after a failure.
    fn least_remembered(&self) -> Duration {
        self.first * 2
    }

    /// Begins a run with an attempt at once. A run that begins with a pause needs no word.
    pub fn begin(&mut self, now: Instant) {
        self.run = Some(self.first_delay(now));
    }

    /// The delay before the next attempt. The next call in this run gives twice as much.
    pub fn next_delay(&mut self, now: Instant) -> Duration {
        let delay = match self.run {
            Some(delay) => delay,
            None => self.first_delay(now),
        };
        self.run = Some((delay * 2).min(self.max));
        delay
    }

    fn first_delay(&mut self, now: Instant) -> Duration {
        self.decay(now);
        self.memory.map_or(self.first, |m| m.delay.max(self.first)).min(self.max)
    }

    /// Notes that an attempt failed.
    pub fn failed(&mut self, now: Instant) {
        self.decay(now);
        let least = self.least_remembered();
        let delay = self.memory.map_or(least, |m| (m.delay * 2).max(least));
        let delay = delay.min(self.max.max(least));
        let forget_at = now + self.forgotten_after;
        self.memory = Some(Memory { delay, halve_at: None, forget_at });
    }

    /// Notes that an attempt succeeded: the run is over, and the memory begins to fade.
    pub fn connected(&mut self, now: Instant) {
        self.decay(now);
        self.run = None;
        if let Some(memory) = &mut self.memory {
            memory.halve_at = Some(now + memory.delay * HALVING_FACTOR);
        }
    }

    /// The delay remembered at this instant, zero when none is.
    #[must_use]
    pub fn remembered(&mut self, now: Instant) -> Duration {
        self.decay(now);
        self.memory.map_or(Duration::ZERO, |m| m.delay)
    }

    fn decay(&mut self, now: Instant) {
        let Some(memory) = &mut self.memory else { return };
        if now >= memory.forget_at {
            self.memory = None;
            return;
        }
        while let Some(at) = memory.halve_at
            && now >= at
        {
            memory.delay /= 2;
            if memory.delay < self.first {
                self.memory = None;
                return;
            }
            memory.halve_at = Some(at + memory.delay * HALVING_FACTOR);
        }
    }
}

/// Back-off by a constant factor, without a memory: `first`, then each time `factor` as much, up to
/// `max`.
///
/// ```
/// use std::time::Duration;
/// use offhook::link::Geometric;
///
/// let mut gaps = Geometric::new(Duration::from_secs(5), 1.5, Duration::from_secs(10));
/// let seconds: Vec<f32> = (0..4).map(|_| gaps.next_delay().as_secs_f32()).collect();
/// assert_eq!(seconds, [5.0, 7.5, 10.0, 10.0]);
/// gaps.reset();
/// assert_eq!(gaps.next_delay(), Duration::from_secs(5));
/// ```
#[derive(Clone, Debug)]
pub struct Geometric {
    first: Duration,
    factor: f64,
    max: Duration,
    next: Duration,
}

impl Geometric {
    /// Delays from `first` to `max`, which is at least `first`. A factor under 1, or that is no
    /// number, is 1.
    #[must_use]
    pub fn new(first: Duration, factor: f64, max: Duration) -> Self {
        let factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        Self { first, factor, max: max.max(first), next: first }
    }

    /// The delay before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        let next = delay.as_secs_f64() * self.factor;
        self.next = Duration::try_from_secs_f64(next).unwrap_or(self.max).min(self.max);
        delay
    }

    /// Notes that an attempt succeeded: the next run begins at the first delay.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn wire_3_2_a_run_doubles_to_the_maximum() {
        let t = epoch();
        let mut backoff = Backoff::new(S(2), S(90), S(3600));
        let delays: Vec<_> = (0..8).map(|_| backoff.next_delay(t).as_secs()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 90, 90]);
    }

    #[test]
    fn wire_3_2_three_failures_are_remembered_as_sixteen_seconds() {
        let t = epoch();
        let mut backoff = Backoff::new(S(2), S(90), S(3600));
        for _ in 0..3 {
            backoff.failed(t);
        }
        assert_eq!(backoff.remembered(t), S(16));
        backoff.connected(t);
        assert_eq!(backoff.next_delay(t), S(16), "the next run starts slower");
    }

    #[test]
    fn wire_3_2_the_memory_halves_after_five_times_itself() {
        let t = epoch();
        let mut backoff = Backoff::new(S(2), S(90), S(3600));
        for _ in 0..3 {
            backoff.failed(t);
        }
        backoff.connected(t);
        assert_eq!(backoff.remembered(t + S(79)), S(16));
        assert_eq!(backoff.remembered(t + S(80)), S(8));
        assert_eq!(backoff.remembered(t + S(120)), S(4));
        assert_eq!(backoff.remembered(t + S(140)), S(2));
        assert_eq!(backoff.remembered(t + S(150)), Duration::ZERO);
    }

    #[test]
    fn wire_3_2_the_memory_is_forgotten_after_an_hour() {
        let t = epoch();
        let mut backoff = Backoff::new(S(2), S(90), S(3600));
        for _ in 0..20 {
            backoff.failed(t);
        }
        assert_eq!(backoff.remembered(t), S(90));
        assert_eq!(backoff.remembered(t + S(3600)), Duration::ZERO);
    }
}
