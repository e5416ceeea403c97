//! Log records of which only so many are written.

use std::time::{Duration, Instant};

use tracing::warn;

use crate::link::{Rate, TokenBucket};

/// Records of one kind that may be written at once.
const BURST: u32 = 20;

/// Records of one kind that a peer can bring about at will.
#[derive(Debug)]
pub(crate) struct Limited {
    kind: &'static str,
    bucket: TokenBucket,
    /// The number of records left out since the last that was written.
    left_out: u64,
}

impl Limited {
    /// Records of a kind, with so long between two of them in the long run.
    pub(crate) fn new(kind: &'static str, pace: Duration, now: Instant) -> Self {
        let rate = Rate { start: BURST, capacity: BURST, interval: pace };
        Self { kind, bucket: TokenBucket::new(rate, now), left_out: 0 }
    }

    /// True if one more may be written.
    pub(crate) fn may(&mut self, now: Instant) -> bool {
        self.tell_due(now);
        let may = self.bucket.take(now);
        self.left_out += u64::from(!may);
        may
    }

    /// Tells how many records were left out, once there may be one again.
    pub(crate) fn tell_due(&mut self, now: Instant) {
        if self.left_out > 0 && self.bucket.take(now) {
            warn!(kind = self.kind, left_out = self.left_out, "records left out of the log");
            self.left_out = 0;
        }
    }

    /// The time at which that may be.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.left_out > 0).then(|| self.bucket.ready_at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_secs(7);

    #[test]
    fn what_a_peer_can_bring_about_is_logged_at_a_bounded_rate() {
        let t0 = crate::testing::epoch();
        let mut limited = Limited::new("malformed", PACE, t0);
        let burst = BURST as usize;
        assert_eq!((0..1000).filter(|_| limited.may(t0)).count(), burst);
        assert_eq!(limited.left_out, 1000 - u64::from(BURST));
        let due = limited.due().expect("how many there were is told in the end");
        assert_eq!(due, t0 + PACE);
        limited.tell_due(due);
        assert_eq!((limited.left_out, limited.due()), (0, None));
        assert!(!limited.may(due) && limited.may(due + 2 * PACE));
    }
}
