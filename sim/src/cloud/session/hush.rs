//! A client that must say nothing.

use std::time::{Duration, Instant};

/// The longest delay of packets that were on their way when the client took a hold.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// A client that must say nothing.
#[derive(Clone, Copy, Debug)]
pub(in crate::cloud) struct Hush {
    from: Instant,
    packets: Option<u64>,
    /// Packets that came nevertheless.
    pub(super) broken: u64,
}

impl Hush {
    pub(super) fn new(now: Instant) -> Self {
        Self { from: now + ON_ITS_WAY, packets: None, broken: 0 }
    }

    pub(super) fn watch(&mut self, now: Instant, packets: u64) {
        if now >= self.from {
            let before = *self.packets.get_or_insert(packets);
            self.broken = packets - before;
        }
    }
}
