//! The outputs of a machine, in order, with the ids that it gives and the time that it knows.

use std::collections::VecDeque;
use std::time::Instant;

use super::Output;

/// Room for outputs that is kept between two drains: a process may hold very many idle machines.
const KEPT: usize = 4;

/// The outputs of a machine that were not taken yet.
#[derive(Debug)]
pub(crate) struct Outputs<E, O, X> {
    begun: Instant,
    now: Instant,
    queue: VecDeque<Output<E, O, X>>,
    last_id: u64,
}

impl<E, O, X> Outputs<E, O, X> {
    /// No outputs yet, at a machine's first instant.
    pub(crate) fn new(now: Instant) -> Self {
        Self { begun: now, now, queue: VecDeque::new(), last_id: 0 }
    }

    /// The machine's first instant.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// The latest instant seen.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Moves time forward, never back.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// A number that no other id of this machine has.
    pub(crate) fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn push(&mut self, output: Output<E, O, X>) {
        self.queue.push_back(output);
    }

    pub(crate) fn pop(&mut self) -> Option<Output<E, O, X>> {
        let output = self.queue.pop_front();
        if output.is_none() {
            self.queue.shrink_to(KEPT);
        }
        output
    }
}
