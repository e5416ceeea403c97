//! Draws from a seeded generator, in the shapes that worlds and services need.

use std::time::Duration;

use offhook::{Rng, Seed};

/// A generator that belongs to one part.
#[derive(Debug)]
pub struct Dice(Rng);

impl Dice {
    /// The generator of a part, which no other part's draws change.
    #[must_use]
    pub fn new(seed: &Seed, part: &str) -> Self {
        Self(seed.child(part).rng())
    }

    /// Any number.
    fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Evenly from 0 (included) to 1 (excluded).
    fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True so often. Draws nothing where the answer is certain.
    pub fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && (share >= 1.0 || self.unit() < share)
    }

    /// Evenly below a bound, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.number()) * bound as u128) >> 64) as usize
    }

    /// Evenly between two times.
    pub fn between(&mut self, range: (Duration, Duration)) -> Duration {
        let (from, to) = range;
        let span = to.saturating_sub(from).as_nanos() as u64;
        if span == 0 {
            return from;
        }
        from + Duration::from_nanos(((u128::from(self.number()) * u128::from(span)) >> 64) as u64)
    }

    /// Time until the next of events that come by themselves (a Poisson process).
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        if mean.is_zero() {
            return Duration::ZERO;
        }
        mean.mul_f64(-(1.0 - self.unit()).ln())
    }

    /// One of these, all as likely; none where there are none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_shape_they_claim() {
        let mut dice = Dice::new(&Seed::from(1), "test");
        let n = 20_000;
        let hits = (0..n).filter(|_| dice.chance(0.25)).count();
        assert!((4_600..5_400).contains(&hits), "{hits}");
        let mean = Duration::from_secs(10);
        let sum: Duration = (0..n).map(|_| dice.exponential(mean)).sum();
        let average = sum / n;
        assert!((Duration::from_secs(9)..Duration::from_secs(11)).contains(&average));
        let range = (Duration::from_secs(1), Duration::from_secs(2));
        assert!((0..n).map(|_| dice.between(range)).all(|t| t >= range.0 && t < range.1));
        assert!((0..n).all(|_| dice.below(3) < 3));
        assert!(!dice.chance(0.0) && dice.chance(1.0));
    }
}
