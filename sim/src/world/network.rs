//! Fates of messages on their way: delay, loss, repetition, order, capacity.

use std::time::Duration;

use crate::dice::Dice;

/// The time that a stream waits before it sends a lost segment again (RFC 6298 section 2.4, as
/// common systems have it), doubled each time.
const RETRANSMIT: Duration = Duration::from_millis(200);
/// The most bytes that a stream sends at once.
const SEGMENT: usize = 1400;
/// Retransmissions of one message at most: whatever is worse is a cut.
const MAX_TRIES: u32 = 6;

/// The conditions of a path, each way for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// The time that everything takes.
    pub latency: Duration,
    /// The time that comes on top, on average; exponentially distributed. Datagrams overtake each
    /// other by it.
    pub jitter: Duration,
    /// The share of datagrams and segments that get lost, each for itself.
    pub loss: f64,
    /// Losses that come together.
    pub bursts: Option<Bursts>,
    /// The share of datagrams that arrive twice.
    pub duplicates: f64,
    /// Bits a second. None is no limit.
    pub bandwidth: Option<u64>,
    /// The longest wait for a turn; what waits longer is dropped (datagrams only).
    pub queue: Duration,
    /// Larger datagrams are dropped, in bytes.
    pub mtu: usize,
}

/// Losses that come together (Gilbert's model): in a burst everything is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// The chance of each packet to begin a burst.
    pub begin: f64,
    /// The chance of each packet in a burst to end it.
    pub end: f64,
}

impl Conditions {
    /// A wire without faults: 20 ms, nothing else.
    #[must_use]
    pub fn good() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::ZERO,
            loss: 0.0,
            bursts: None,
            duplicates: 0.0,
            bandwidth: None,
            queue: Duration::from_millis(200),
            mtu: 1500,
        }
    }

    /// An office with cables: a little jitter.
    #[must_use]
    pub fn office() -> Self {
        Self { jitter: Duration::from_millis(2), ..Self::good() }
    }

    /// Wi-Fi at its worst that still works.
    #[must_use]
    pub fn bad_wifi() -> Self {
        Self {
            latency: Duration::from_millis(40),
            jitter: Duration::from_millis(25),
            loss: 0.02,
            bursts: Some(Bursts { begin: 0.004, end: 0.25 }),
            duplicates: 0.005,
            bandwidth: Some(1_000_000),
            ..Self::good()
        }
    }
}

/// One direction of a path.
#[derive(Debug)]
pub(super) struct Pipe {
    in_burst: bool,
    /// The time at which what was sent so far is through the bottleneck.
    free_at: Duration,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { in_burst: false, free_at: Duration::ZERO }
    }
}

impl Pipe {
    /// The times at which a datagram arrives: never, once or twice.
    pub(super) fn datagram(
        &mut self,
        now: Duration,
        size: usize,
        conditions: &Conditions,
        dice: &mut Dice,
    ) -> [Option<Duration>; 2] {
        if size > conditions.mtu || self.is_lost(conditions, dice) {
            return [None; 2];
        }
        let ready = now.max(self.free_at);
        if ready - now > conditions.queue {
            return [None; 2];
        }
        let sent = self.transmit(ready, size, conditions);
        let first = sent + conditions.latency + dice.exponential(conditions.jitter);
        let again = dice
            .chance(conditions.duplicates)
            .then(|| first + dice.exponential(conditions.jitter.max(Duration::from_millis(1))));
        [Some(first), again]
    }

    /// The time at which a message of a stream is whole at the other side: late, but never lost,
    /// and not before what was sent before it.
    pub(super) fn stream(
        &mut self,
        now: Duration,
        size: usize,
        after: Duration,
        conditions: &Conditions,
        dice: &mut Dice,
    ) -> Duration {
        let mut late = Duration::ZERO;
        for _ in 0..size.div_ceil(SEGMENT).clamp(1, 16) {
            let mut tries = 0;
            while tries < MAX_TRIES && self.is_lost(conditions, dice) {
                late += RETRANSMIT * 2_u32.pow(tries);
                tries += 1;
            }
        }
        let sent = self.transmit(now.max(self.free_at), size, conditions);
        let arrival = sent + conditions.latency + dice.exponential(conditions.jitter) + late;
        arrival.max(after)
    }

    fn transmit(&mut self, ready: Duration, size: usize, conditions: &Conditions) -> Duration {
        let Some(bandwidth) = conditions.bandwidth.filter(|bits| *bits > 0) else { return ready };
        let takes = Duration::from_nanos(size as u64 * 8 * 1_000_000_000 / bandwidth);
        self.free_at = ready + takes;
        self.free_at
    }

    fn is_lost(&mut self, conditions: &Conditions, dice: &mut Dice) -> bool {
        self.in_burst = match conditions.bursts {
            Some(bursts) if self.in_burst => !dice.chance(bursts.end),
            Some(bursts) => dice.chance(bursts.begin),
            None => false,
        };
        self.in_burst || dice.chance(conditions.loss)
    }
}

#[cfg(test)]
mod tests {
    use offhook::Seed;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_good_wire_only_delays() {
        let (mut pipe, mut dice) = (Pipe::default(), Dice::new(&Seed::from(1), "pipe"));
        let good = Conditions::good();
        assert_eq!(pipe.datagram(MS(5), 100, &good, &mut dice), [Some(MS(25)), None]);
        assert_eq!(pipe.datagram(MS(5), 2000, &good, &mut dice), [None, None], "over the MTU");
        assert_eq!(pipe.stream(MS(5), 9000, MS(0), &good, &mut dice), MS(25));
        assert_eq!(pipe.stream(MS(5), 10, MS(40), &good, &mut dice), MS(40), "in order");
    }

    #[test]
    fn loss_repetition_and_bursts_have_their_shares() {
        let (mut pipe, mut dice) = (Pipe::default(), Dice::new(&Seed::from(1), "pipe"));
        let bad = Conditions { loss: 0.1, duplicates: 0.1, jitter: MS(20), ..Conditions::good() };
        let fates: Vec<_> =
            (0..10_000).map(|n| pipe.datagram(MS(n), 100, &bad, &mut dice)).collect();
        let lost = fates.iter().filter(|fate| fate[0].is_none()).count();
        let twice = fates.iter().filter(|fate| fate[1].is_some()).count();
        assert!((850..1150).contains(&lost) && (750..1050).contains(&twice), "{lost} {twice}");
        let overtaken = fates.windows(2).filter(|pair| pair[1][0] < pair[0][0]).count();
        assert!(overtaken > 1000, "{overtaken}");
        let bursts =
            Conditions { bursts: Some(Bursts { begin: 0.01, end: 0.2 }), ..Conditions::good() };
        let fates: Vec<_> =
            (0..10_000).map(|n| pipe.datagram(MS(n), 100, &bursts, &mut dice)[0]).collect();
        let lost = fates.iter().filter(|fate| fate.is_none()).count();
        let together = fates.windows(2).filter(|pair| pair[0].is_none() && pair[1].is_none());
        assert!(lost > 200 && together.count() > lost / 2);
    }

    #[test]
    fn a_bottleneck_delays_and_then_drops() {
        let (mut pipe, mut dice) = (Pipe::default(), Dice::new(&Seed::from(1), "pipe"));
        let narrow = Conditions { bandwidth: Some(80_000), queue: MS(50), ..Conditions::good() };
        let sent: Vec<_> =
            (0..10).filter_map(|_| pipe.datagram(MS(0), 100, &narrow, &mut dice)[0]).collect();
        assert_eq!(sent, [30, 40, 50, 60, 70, 80].map(MS));
    }
}
