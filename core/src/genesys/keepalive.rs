//! Noticing that the service is gone (wire notes 2).

use std::time::{Duration, Instant};

use crate::machine::Wake;

/// The pause between a ping's end and the next ping.
const PING_PAUSE: Duration = Duration::from_secs(14);
/// Misses in a row that are still forgiven.
const FORGIVEN: u32 = 1;
/// The longest silence of a service that pings by itself.
const MAX_SILENCE: Duration = Duration::from_secs(35);

/// Exactly one of two ways is used on a connection.
#[derive(Debug, Default)]
pub(crate) enum Keepalive {
    #[default]
    Off,
    /// We ping.
    Pinging { next: Option<Instant>, misses: u32 },
    /// The service pings; any frame counts.
    Listening { until: Instant },
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    /// Send a ping.
    Ping,
    /// Give the connection up.
    Dead,
}

impl Keepalive {
    pub(crate) fn ping(&mut self, now: Instant) {
        *self = Self::Pinging { next: Some(now + PING_PAUSE), misses: 0 };
    }

    pub(crate) fn listen(&mut self, now: Instant) {
        *self = Self::Listening { until: now + MAX_SILENCE };
    }

    pub(crate) fn stop(&mut self) {
        *self = Self::Off;
    }

    /// Find out now whether anybody is there. Where the service pings, its silence tells.
    pub(crate) fn probe(&mut self, now: Instant) {
        if let Self::Pinging { next: Some(next), .. } = self {
            *next = now;
        }
    }

    /// A frame came.
    pub(crate) fn heard(&mut self, now: Instant) {
        if let Self::Listening { until } = self {
            *until = now + MAX_SILENCE;
        }
    }

    /// A ping of ours was answered, refused or lost. An error reply counts as a miss.
    pub(crate) fn pinged(&mut self, answered: bool, now: Instant) -> Verdict {
        let Self::Pinging { next, misses } = self else { return Verdict::Fine };
        *misses = if answered { 0 } else { *misses + 1 };
        *next = Some(now + PING_PAUSE);
        if *misses > FORGIVEN { Verdict::Dead } else { Verdict::Fine }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Verdict {
        match self {
            Self::Pinging { next: next @ Some(_), .. } if next.is_some_and(|at| at <= now) => {
                *next = None;
                Verdict::Ping
            }
            Self::Listening { until } if *until <= now => Verdict::Dead,
            Self::Off | Self::Pinging { .. } | Self::Listening { .. } => Verdict::Fine,
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        match self {
            Self::Off => None,
            Self::Pinging { next, .. } => next.map(|at| Wake { at, reason: "ping" }),
            Self::Listening { until } => Some(Wake { at: *until, reason: "service silence" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn wire_2_1_the_second_miss_in_a_row_ends_it() {
        let t = epoch();
        let s = Duration::from_secs;
        let mut keepalive = Keepalive::default();
        assert_eq!(keepalive.handle_timeout(t), Verdict::Fine);
        keepalive.ping(t);
        assert_eq!(keepalive.handle_timeout(t + s(13)), Verdict::Fine);
        assert_eq!(keepalive.handle_timeout(t + s(14)), Verdict::Ping);
        assert_eq!(keepalive.next_wake(), None, "one ping at a time");
        assert_eq!(keepalive.pinged(false, t + s(29)), Verdict::Fine);
        assert_eq!(keepalive.handle_timeout(t + s(43)), Verdict::Ping);
        assert_eq!(keepalive.pinged(true, t + s(44)), Verdict::Fine, "a success forgives");
        assert_eq!(keepalive.pinged(false, t + s(60)), Verdict::Fine);
        assert_eq!(keepalive.pinged(false, t + s(90)), Verdict::Dead);
    }

    #[test]
    fn wire_2_2_any_frame_breaks_the_silence() {
        let t = epoch();
        let s = Duration::from_secs;
        let mut keepalive = Keepalive::default();
        keepalive.listen(t);
        keepalive.heard(t + s(30));
        assert_eq!(keepalive.handle_timeout(t + s(64)), Verdict::Fine);
        assert_eq!(keepalive.handle_timeout(t + s(65)), Verdict::Dead);
    }
}
