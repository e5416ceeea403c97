//! Noticing that nobody is there any more.

use std::time::{Duration, Instant};

use crate::machine::Wake;

/// Limits of the far side's silence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The pause between a ping's end and the next ping.
    pub(crate) pause: Duration,
    /// Misses in a row that are still forgiven.
    pub(crate) forgiven: u32,
    /// The longest silence of a far side that pings by itself.
    pub(crate) silence: Duration,
}

/// One connection's watch: exactly one of two ways is used on it.
#[derive(Debug)]
pub(crate) struct Keepalive {
    patience: Patience,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Off,
    /// We ping.
    Pinging {
        next: Option<Instant>,
        misses: u32,
    },
    /// The far side pings; any frame counts.
    Listening {
        until: Instant,
    },
}

/// The health of a connection, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Fine,
    /// Send a ping.
    Ping,
    /// Give the connection up.
    Dead,
}

impl Keepalive {
    /// A watch that is off.
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, way: Way::Off }
    }

    /// Pings from now on.
    pub(crate) fn ping(&mut self, now: Instant) {
        self.way = Way::Pinging { next: Some(now + self.patience.pause), misses: 0 };
    }

    /// Listens for the far side's pings from now on.
    pub(crate) fn listen(&mut self, now: Instant) {
        self.way = Way::Listening { until: now + self.patience.silence };
    }

    pub(crate) fn stop(&mut self) {
        self.way = Way::Off;
    }

    /// Finds out now whether anybody is there. Where the far side pings, its silence tells.
    pub(crate) fn probe(&mut self, now: Instant) {
        if let Way::Pinging { next: Some(next), .. } = &mut self.way {
            *next = now;
        }
    }

    /// Notes that a frame came.
    pub(crate) fn heard(&mut self, now: Instant) {
        if let Way::Listening { until } = &mut self.way {
            *until = now + self.patience.silence;
        }
    }

    /// Notes that a ping of ours was answered, refused or lost. An error reply counts as a miss.
    pub(crate) fn pinged(&mut self, answered: bool, now: Instant) -> Health {
        let Way::Pinging { next, misses } = &mut self.way else { return Health::Fine };
        *misses = if answered { 0 } else { *misses + 1 };
        *next = Some(now + self.patience.pause);
        if *misses > self.patience.forgiven { Health::Dead } else { Health::Fine }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Health {
        match &mut self.way {
            Way::Pinging { next: next @ Some(_), .. } if next.is_some_and(|at| at <= now) => {
                *next = None;
                Health::Ping
            }
            Way::Listening { until } if *until <= now => Health::Dead,
            Way::Off | Way::Pinging { .. } | Way::Listening { .. } => Health::Fine,
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        match &self.way {
            Way::Off => None,
            Way::Pinging { next, .. } => next.map(|at| Wake { at, reason: "ping" }),
            Way::Listening { until } => Some(Wake { at: *until, reason: "service silence" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const PATIENCE: Patience =
        Patience { pause: Duration::from_secs(14), forgiven: 1, silence: Duration::from_secs(35) };

    #[test]
    fn wire_2_1_the_second_miss_in_a_row_ends_it() {
        let t = epoch();
        let s = Duration::from_secs;
        let mut keepalive = Keepalive::new(PATIENCE);
        assert_eq!(keepalive.handle_timeout(t), Health::Fine);
        keepalive.ping(t);
        assert_eq!(keepalive.handle_timeout(t + s(13)), Health::Fine);
        assert_eq!(keepalive.handle_timeout(t + s(14)), Health::Ping);
        assert_eq!(keepalive.next_wake(), None, "one ping at a time");
        assert_eq!(keepalive.pinged(false, t + s(29)), Health::Fine);
        assert_eq!(keepalive.handle_timeout(t + s(43)), Health::Ping);
        assert_eq!(keepalive.pinged(true, t + s(44)), Health::Fine, "a success forgives");
        assert_eq!(keepalive.pinged(false, t + s(60)), Health::Fine);
        assert_eq!(keepalive.pinged(false, t + s(90)), Health::Dead);
    }

    #[test]
    fn wire_2_2_any_frame_breaks_the_silence() {
        let t = epoch();
        let s = Duration::from_secs;
        let mut keepalive = Keepalive::new(PATIENCE);
        keepalive.listen(t);
        keepalive.heard(t + s(30));
        assert_eq!(keepalive.handle_timeout(t + s(64)), Health::Fine);
        assert_eq!(keepalive.handle_timeout(t + s(65)), Health::Dead);
    }
}
