//! Packets that go by a relay from one of its addresses to another: what is lost, how long they take, how large they
//! may be.

use std::time::{Duration, Instant};

use super::report::{Loopback, Problem};

/// The time between two packets by which the ends find each other, and the longest that they try.
const KNOCK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(3));
/// The longest that packets are waited for which may still come.
const SETTLE: Duration = Duration::from_secs(1);
/// The bytes of a packet: those of 20 ms of G.711 in RTP.
const USUAL: usize = 172;
/// The sizes that are tried, the largest first, in bytes: an Ethernet frame with IPv4; what leaves room for a tunnel;
/// the least of IPv6 (RFC 8200 section 5); what DTLS and WebRTC stacks fall back to; the least of IPv4 (RFC 1122).
const SIZES: [u16; 5] = [1472, 1400, 1280, 1200, 576];
/// The packets of each size: one may be lost like any other.
const COPIES: usize = 3;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    First,
    Second,
}

/// The kinds of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Knock = 1,
    Numbered = 2,
    Echo = 3,
    Sized = 4,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        [Self::Knock, Self::Numbered, Self::Echo, Self::Sized]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// The course of it.
///
/// ```text
/// Knocking ──both heard──> Streaming ──all sent──> Settling ──> Sizing ──> Waiting ──> Over
///    └─nothing came────────────────────────────────────────────────────────────────────^
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Knocking { next: Instant, until: Instant, side: Side },
    Streaming { next: Instant },
    Settling { until: Instant },
    Sizing { next: Instant, sent: usize },
    Waiting { until: Instant },
    Over,
}

/// A numbered packet.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Instant,
    one_way: Option<Duration>,
    round_trip: Option<Duration>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Packets {
    /// The mark of our packets.
    token: u64,
    count: usize,
    pause: Duration,
    phase: Phase,
    heard: (bool, bool),
    sent: Vec<Sent>,
    /// The last time that a packet took, and the jitter so far, in seconds.
    transit: Option<f64>,
    jitter: f64,
    largest: Option<u16>,
}

impl Packets {
    pub(super) fn new(token: u64, count: u16, pause: Duration, now: Instant) -> Self {
        Self {
            token,
            count: usize::from(count),
            pause,
            phase: Phase::Knocking { next: now, until: now + KNOCK.1, side: Side::First },
            heard: (false, false),
            sent: Vec::new(),
            transit: None,
            jitter: 0.0,
            largest: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        match self.phase {
            Phase::Knocking { next, until, .. } => Some(next.min(until)),
            Phase::Streaming { next } | Phase::Sizing { next, .. } => Some(next),
            Phase::Settling { until } | Phase::Waiting { until } => Some(until),
            Phase::Over => None,
        }
    }

    fn packet(&self, kind: Kind, number: usize, size: usize) -> Vec<u8> {
        // No message of STUN and no channel's data: it goes by the way of media (RFC 7983 section 7).
        let mut packet = vec![0x80, kind as u8];
        packet.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        packet.extend(self.token.to_be_bytes());
        packet.resize(size.max(packet.len()), 0);
        packet
    }

    /// Takes a packet that came to one end. The answer of that end.
    pub(super) fn take(&mut self, now: Instant, side: Side, data: &[u8]) -> Option<Vec<u8>> {
        let (head, _) = data.split_first_chunk::<12>()?;
        let [0x80, kind, high, low, token @ ..] = *head else { return None };
        if u64::from_be_bytes(token) != self.token {
            return None;
        }
        match side {
            Side::First => self.heard.0 = true,
            Side::Second => self.heard.1 = true,
        }
        let number = usize::from(u16::from_be_bytes([high, low]));
        match (Kind::read(kind)?, side) {
            (Kind::Numbered, Side::Second) => {
                let sent = self.sent.get_mut(number)?;
                if sent.one_way.is_some() {
                    return None;
                }
                let took = now.saturating_duration_since(sent.at);
                sent.one_way = Some(took);
                let took = took.as_secs_f64();
                if let Some(before) = self.transit.replace(took) {
                    self.jitter += ((took - before).abs() - self.jitter) / 16.0;
                }
                Some(self.packet(Kind::Echo, number, USUAL))
            }
            (Kind::Echo, Side::First) => {
                let sent = self.sent.get_mut(number)?;
                let took = now.saturating_duration_since(sent.at);
                sent.round_trip.get_or_insert(took);
                None
            }
            (Kind::Sized, Side::Second) => {
                let size = u16::try_from(data.len()).ok().filter(|size| SIZES.contains(size));
                self.largest = self.largest.max(size);
                None
            }
            (Kind::Knock | Kind::Numbered | Kind::Echo | Kind::Sized, _) => None,
        }
    }

    /// The next packet that is due, and the end that sends it.
    pub(super) fn poll(&mut self, now: Instant) -> Option<(Side, Vec<u8>)> {
        loop {
            match self.phase {
                Phase::Knocking { .. } if self.heard == (true, true) => {
                    self.phase = Phase::Streaming { next: now };
                }
                Phase::Knocking { until, .. } if until <= now => self.phase = Phase::Over,
                Phase::Knocking { next, until, side } if next <= now => {
                    // Each end in its turn: either has to let the other in.
                    let other = match side {
                        Side::First => Side::Second,
                        Side::Second => Side::First,
                    };
                    self.phase = Phase::Knocking { next: now + KNOCK.0, until, side: other };
                    return Some((side, self.packet(Kind::Knock, 0, USUAL)));
                }
                Phase::Streaming { .. } if self.sent.len() >= self.count => {
                    self.phase = Phase::Settling { until: now + SETTLE };
                }
                Phase::Streaming { next } if next <= now => {
                    let number = self.sent.len();
                    self.sent.push(Sent { at: now, one_way: None, round_trip: None });
                    // Late ones do not go in a burst: that would be another path's figures.
                    self.phase = Phase::Streaming { next: now + self.pause };
                    return Some((Side::First, self.packet(Kind::Numbered, number, USUAL)));
                }
                Phase::Settling { until } if until <= now || self.is_back() => {
                    self.phase = Phase::Sizing { next: now, sent: 0 };
                }
                Phase::Sizing { next, sent } if next <= now => {
                    let Some(size) = SIZES.get(sent / COPIES) else {
                        self.phase = Phase::Waiting { until: now + SETTLE };
                        continue;
                    };
                    self.phase = Phase::Sizing { next: now + self.pause, sent: sent + 1 };
                    let packet = self.packet(Kind::Sized, sent, usize::from(*size));
                    return Some((Side::First, packet));
                }
                Phase::Sizing { .. } | Phase::Waiting { .. }
                    if self.largest.is_some_and(|size| Some(&size) == SIZES.first()) =>
                {
                    self.phase = Phase::Over;
                }
                Phase::Waiting { until } if until <= now => self.phase = Phase::Over,
                Phase::Knocking { .. }
                | Phase::Streaming { .. }
                | Phase::Settling { .. }
                | Phase::Sizing { .. }
                | Phase::Waiting { .. }
                | Phase::Over => return None,
            }
        }
    }

    fn is_back(&self) -> bool {
        self.sent.iter().all(|sent| sent.round_trip.is_some())
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> Result<Loopback, Problem> {
        if self.heard != (true, true) {
            return Err(Problem::NothingCame);
        }
        let one_way: Vec<_> = self.sent.iter().filter_map(|sent| sent.one_way).collect();
        let round_trip: Vec<_> = self.sent.iter().filter_map(|sent| sent.round_trip).collect();
        Ok(Loopback {
            sent: number(self.sent.len()),
            received: number(one_way.len()),
            returned: number(round_trip.len()),
            one_way: mean(&one_way),
            one_way_most: one_way.iter().max().copied(),
            round_trip: mean(&round_trip),
            jitter: Duration::from_secs_f64(self.jitter),
            largest: self.largest,
        })
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn mean(times: &[Duration]) -> Option<Duration> {
    times.iter().sum::<Duration>().checked_div(number(times.len()))
}
