//! Telephone keys in RTP (RFC 4733): what to send when, and what was pressed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::media::{Digit, MediaError};

/// Keys waiting; one more is refused.
pub(super) const MAX_WAITING: usize = 64;
const MIN_PRESS: Duration = Duration::from_millis(40);
const MAX_PRESS: Duration = Duration::from_secs(6);
/// How often a pressed key is told, and how often its end.
const UPDATE: Duration = Duration::from_millis(20);
const ENDS: u8 = 3;
const PAUSE: Duration = Duration::from_millis(50);
/// -10 dBm0.
const VOLUME: u8 = 10;

/// One telephone-event packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// When the key went down: the RTP time of all its packets.
    pub(super) pressed: Instant,
    pub(super) marker: bool,
    pub(super) payload: [u8; 4],
}

/// The key being pressed.
#[derive(Debug)]
enum Press {
    /// Nothing until then.
    Idle {
        until: Option<Instant>,
    },
    Down {
        digit: Digit,
        pressed: Instant,
        length: Duration,
        next: Instant,
    },
    Up {
        digit: Digit,
        pressed: Instant,
        length: Duration,
        next: Instant,
        left: u8,
    },
}

/// The keys to send.
#[derive(Debug)]
pub(super) struct Sender {
    clock: u32,
    waiting: VecDeque<(Digit, Duration)>,
    press: Press,
}

impl Sender {
    pub(super) fn new(clock: u32) -> Self {
        Self { clock, waiting: VecDeque::new(), press: Press::Idle { until: None } }
    }

    pub(super) fn queue(&mut self, digits: &[Digit], press: Duration) -> Result<(), MediaError> {
        if self.waiting.len() + digits.len() > MAX_WAITING {
            return Err(MediaError::TooMany("digits"));
        }
        // The duration field has 16 bits; a longer press would need segments.
        let field = Duration::from_secs_f64(f64::from(u16::MAX) / f64::from(self.clock));
        let press = press.clamp(MIN_PRESS, MAX_PRESS.min(field));
        self.waiting.extend(digits.iter().map(|digit| (*digit, press)));
        Ok(())
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        match &self.press {
            Press::Idle { until: Some(until) } if !self.waiting.is_empty() => Some(*until),
            Press::Idle { .. } => None,
            Press::Down { next, .. } | Press::Up { next, .. } => Some(*next),
        }
    }

    /// The packet that is due, if any.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Packet> {
        match self.press {
            Press::Idle { until } => {
                if until.is_some_and(|until| until > now) {
                    return None;
                }
                let (digit, length) = self.waiting.pop_front()?;
                self.press = Press::Down { digit, pressed: now, length, next: now + UPDATE };
                Some(self.packet(digit, now, UPDATE, false, true))
            }
            Press::Down { digit, pressed, length, next } if next <= now => {
                let told = next + UPDATE - pressed;
                if told < length {
                    self.press = Press::Down { digit, pressed, length, next: next + UPDATE };
                    return Some(self.packet(digit, pressed, told, false, false));
                }
                let (next, left) = (next + UPDATE, ENDS - 1);
                self.press = Press::Up { digit, pressed, length, next, left };
                Some(self.packet(digit, pressed, length, true, false))
            }
            Press::Up { digit, pressed, length, next, left } if next <= now => {
                let left = left - 1;
                self.press = if left == 0 {
                    Press::Idle { until: Some(next + PAUSE) }
                } else {
                    Press::Up { digit, pressed, length, next: next + UPDATE, left }
                };
                Some(self.packet(digit, pressed, length, true, false))
            }
            Press::Down { .. } | Press::Up { .. } => None,
        }
    }

    fn packet(
        &self,
        digit: Digit,
        pressed: Instant,
        told: Duration,
        end: bool,
        marker: bool,
    ) -> Packet {
        let ticks = (told.as_secs_f64() * f64::from(self.clock)).min(f64::from(u16::MAX)) as u16;
        let [high, low] = ticks.to_be_bytes();
        let flags = VOLUME | if end { 0x80 } else { 0 };
        Packet { pressed, marker, payload: [digit.event(), flags, high, low] }
    }
}

/// The keys heard.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The RTP time of the press that was told last.
    told: Option<u64>,
}

impl Receiver {
    /// A key, once, at the first packet that says it was released.
    pub(super) fn hear(
        &mut self,
        time: u64,
        clock: u32,
        payload: &[u8],
    ) -> Option<(Digit, Duration)> {
        let &[event, flags, high, low, ..] = payload else { return None };
        let digit = Digit::from_event(event)?;
        if flags & 0x80 == 0 || self.told == Some(time) {
            return None;
        }
        self.told = Some(time);
        let ticks = u16::from_be_bytes([high, low]);
        Some((digit, Duration::from_secs_f64(f64::from(ticks) / f64::from(clock.max(1)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    fn digit(key: char) -> Digit {
        Digit::try_from(key).unwrap()
    }

    fn play(sender: &mut Sender, start: Instant) -> Vec<(u64, Packet)> {
        let mut out = Vec::new();
        let mut now = start;
        loop {
            while let Some(packet) = sender.poll(now) {
                out.push(((now - start).as_millis() as u64, packet));
            }
            match sender.next_wake() {
                Some(at) => now = at,
                None => return out,
            }
        }
    }

    #[test]
    fn rfc_4733_a_press_is_told_every_20_ms_and_its_end_three_times() {
        let t = epoch();
        let mut sender = Sender::new(48_000);
        sender.queue(&[digit('5')], Duration::from_millis(100)).unwrap();
        let packets = play(&mut sender, t);
        let times: Vec<_> = packets.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 20, 40, 60, 80, 100, 120]);
        assert!(packets[0].1.marker && packets[1..].iter().all(|(_, p)| !p.marker));
        let ends: Vec<_> = packets.iter().map(|(_, p)| p.payload[1] & 0x80 != 0).collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        assert_eq!(packets[4].1.payload, [5, 0x8a, 0x12, 0xc0], "100 ms are 4800 ticks");
    }

    #[test]
    fn keys_follow_each_other_and_are_heard_once_each() {
        let t = epoch();
        let mut sender = Sender::new(8_000);
        sender.queue(&[digit('1'), digit('#'), digit('1')], Duration::ZERO).unwrap();
        let mut receiver = Receiver::default();
        let mut heard = Vec::new();
        for (_, packet) in play(&mut sender, t) {
            let time = (packet.pressed - t).as_millis() as u64 * 8;
            heard.extend(receiver.hear(time, 8_000, &packet.payload));
        }
        let keys: String = heard.iter().map(|(digit, _)| digit.as_char()).collect();
        assert_eq!(keys, "1#1");
        assert!(heard.iter().all(|(_, press)| *press == MIN_PRESS));
    }

    #[test]
    fn the_queue_is_bounded_and_odd_packets_are_skipped() {
        let mut sender = Sender::new(48_000);
        assert!(sender.queue(&[digit('0'); MAX_WAITING], Duration::ZERO).is_ok());
        let full = sender.queue(&[digit('0')], Duration::ZERO);
        assert_eq!(full, Err(MediaError::TooMany("digits")));
        let mut receiver = Receiver::default();
        assert_eq!(receiver.hear(0, 8_000, &[]), None);
        assert_eq!(receiver.hear(0, 8_000, &[99, 0x80, 0, 1]), None);
        assert!(receiver.hear(0, 0, &[1, 0x80, 0, 1]).is_some());
    }
}
