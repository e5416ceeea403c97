//! Audits: the question, again and again, whether the gateway still knows a call (w4.17).

use std::time::{Duration, Instant};

use crate::machine::Wake;

/// The shortest interval.
const LEAST: Duration = Duration::from_secs(10);
/// The longest pause after an audit that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) enum Audit {
    /// The call is not set up yet, or over.
    #[default]
    Off,
    /// The next one is due then.
    Due(Instant),
    /// One is under way since then.
    Asked(Instant),
}

impl Audit {
    /// Begins, with one at once.
    pub(super) fn begin(&mut self, now: Instant) {
        match self {
            Self::Off => *self = Self::Due(now),
            Self::Due(_) | Self::Asked(_) => {}
        }
    }

    pub(super) fn stop(&mut self) {
        *self = Self::Off;
    }

    /// True if one is to be made now.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        match self {
            Self::Due(at) if *at <= now => {
                *self = Self::Asked(now);
                true
            }
            Self::Off | Self::Due(_) | Self::Asked(_) => false,
        }
    }

    /// Takes note that one was answered, well or not.
    pub(super) fn answered(&mut self, well: bool, interval: Duration, now: Instant) {
        let Self::Asked(since) = *self else { return };
        let interval = interval.max(LEAST);
        *self = Self::Due(match well {
            true => since + interval,
            false => now + interval.mul_f64(0.45).min(LONGEST_PAUSE),
        });
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        match self {
            Self::Due(at) => Some(Wake { at: *at, reason: "audit" }),
            Self::Off | Self::Asked(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn w4_17_rc_044_the_next_audit_counts_from_the_start_of_the_last() {
        let t = epoch();
        let mut audit = Audit::default();
        assert!(!audit.take_due(t));
        audit.begin(t);
        assert!(audit.take_due(t) && !audit.take_due(t + S(99)));
        audit.answered(true, S(25), t + S(3));
        assert_eq!(audit.next_wake().unwrap().at, t + S(25));
        assert!(audit.take_due(t + S(25)));
        audit.answered(true, S(1), t + S(26));
        assert_eq!(audit.next_wake().unwrap().at, t + S(35), "never under 10 s");
    }

    #[test]
    fn w4_17_a_failed_audit_is_made_again_soon() {
        let t = epoch();
        let mut audit = Audit::default();
        audit.begin(t);
        audit.take_due(t);
        audit.answered(false, S(25), t + S(30));
        assert_eq!(audit.next_wake().unwrap().at, t + S(35));
        assert!(audit.take_due(t + S(35)));
        audit.answered(false, S(10), t + S(36));
        assert_eq!(audit.next_wake().unwrap().at, t + S(36) + Duration::from_millis(4500));
        audit.stop();
        audit.answered(true, S(25), t + S(50));
        assert_eq!(audit.next_wake(), None);
    }
}
