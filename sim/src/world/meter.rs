//! The time of a run by purpose, for a benchmark that wants to know.

use std::time::{Duration, Instant};

/// Time of the real clock that was spent in the machines of a run; the rest is the world's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The time in clients.
    pub core: Duration,
    /// The time in the service.
    pub service: Duration,
}

/// Measures, once somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Meter(pub(super) Option<Spent>);

impl Meter {
    pub(super) fn core<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let Some(spent) = &mut self.0 else { return work() };
        let began = Instant::now();
        let result = work();
        spent.core += began.elapsed();
        result
    }

    pub(super) fn service<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let Some(spent) = &mut self.0 else { return work() };
        let began = Instant::now();
        let result = work();
        spent.service += began.elapsed();
        result
    }
}
