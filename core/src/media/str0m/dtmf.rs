//! Telephone keys to send (RFC 4733): what to tell when.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::media::{Digit, MediaError};

/// Keys waiting; one more is refused.
pub(super) const MAX_WAITING: usize = 64;
const MIN_PRESS: Duration = Duration::from_millis(40);
const MAX_PRESS: Duration = Duration::from_secs(6);
/// The time between two reports of a key.
const UPDATE: Duration = Duration::from_millis(20);
/// The number of reports of its end.
const ENDS: u8 = 3;
const PAUSE: Duration = Duration::from_millis(50);
/// -10 dBm0.
const VOLUME: u8 = 10;

/// One telephone-event packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// The time at which the key went down: the RTP time of all its packets.
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
#[derive(Debug, Default)]
pub(super) struct Sender {
    waiting: VecDeque<(Digit, Duration)>,
    press: Press,
}

impl Default for Press {
    fn default() -> Self {
        Self::Idle { until: None }
    }
}

impl Sender {
    pub(super) fn queue(&mut self, digits: &[Digit], press: Duration) -> Result<(), MediaError> {
        if self.waiting.len() + digits.len() > MAX_WAITING {
            return Err(MediaError::TooMany("digits"));
        }
        let press = press.clamp(MIN_PRESS, MAX_PRESS);
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

    /// The packet that is due, if any, with durations in ticks of the event's clock.
    pub(super) fn poll(&mut self, now: Instant, clock: u32) -> Option<Packet> {
        match self.press {
            Press::Idle { until } => {
                if until.is_some_and(|until| until > now) {
                    return None;
                }
                let (digit, length) = self.waiting.pop_front()?;
                let length = length.min(longest(clock));
                self.press = Press::Down { digit, pressed: now, length, next: now + UPDATE };
                Some(packet(clock, digit, now, UPDATE, false, true))
            }
            Press::Down { digit, pressed, length, next } if next <= now => {
                let told = next + UPDATE - pressed;
                if told < length {
                    self.press = Press::Down { digit, pressed, length, next: next + UPDATE };
                    return Some(packet(clock, digit, pressed, told, false, false));
                }
                let (next, left) = (next + UPDATE, ENDS - 1);
                self.press = Press::Up { digit, pressed, length, next, left };
                Some(packet(clock, digit, pressed, length, true, false))
            }
            Press::Up { digit, pressed, length, next, left } if next <= now => {
                let left = left - 1;
                self.press = if left == 0 {
                    Press::Idle { until: Some(next + PAUSE) }
                } else {
                    Press::Up { digit, pressed, length, next: next + UPDATE, left }
                };
                Some(packet(clock, digit, pressed, length, true, false))
            }
            Press::Down { .. } | Press::Up { .. } => None,
        }
    }
}

/// The longest press that the 16 bits of a duration can tell. A longer one would need segments
/// (RFC 4733 section 2.5.1.3), which many receivers take for several keys.
fn longest(clock: u32) -> Duration {
    Duration::from_secs_f64(f64::from(u16::MAX) / f64::from(clock.max(1)))
}

fn packet(
    clock: u32,
    digit: Digit,
    pressed: Instant,
    told: Duration,
    end: bool,
    marker: bool,
) -> Packet {
    let ticks = (told.as_secs_f64() * f64::from(clock)).round().min(f64::from(u16::MAX)) as u16;
    let [high, low] = ticks.to_be_bytes();
    let flags = VOLUME | if end { 0x80 } else { 0 };
    Packet { pressed, marker, payload: [digit.event(), flags, high, low] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    fn digit(key: char) -> Digit {
        Digit::try_from(key).unwrap()
    }

    fn play(sender: &mut Sender, start: Instant, clock: u32) -> Vec<(u64, Packet)> {
        let mut out = Vec::new();
        let mut now = start;
        loop {
            while let Some(packet) = sender.poll(now, clock) {
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
        let mut sender = Sender::default();
        sender.queue(&[digit('5')], Duration::from_millis(100)).unwrap();
        let packets = play(&mut sender, t, 48_000);
        let times: Vec<_> = packets.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 20, 40, 60, 80, 100, 120]);
        assert!(packets[0].1.marker && packets[1..].iter().all(|(_, p)| !p.marker));
        let ends: Vec<_> = packets.iter().map(|(_, p)| p.payload[1] & 0x80 != 0).collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        assert_eq!(packets[4].1.payload, [5, 0x8a, 0x12, 0xc0], "100 ms are 4800 ticks");
    }

    #[test]
    fn keys_follow_each_other_with_a_pause() {
        let mut sender = Sender::default();
        sender.queue(&[digit('1'), digit('#')], Duration::ZERO).unwrap();
        let packets = play(&mut sender, epoch(), 8_000);
        let ends: Vec<_> = packets.iter().filter(|(_, p)| p.payload[1] & 0x80 != 0).collect();
        assert_eq!(ends.len(), 6);
        assert!(ends.iter().all(|(_, p)| p.payload[2..] == 320_u16.to_be_bytes()), "40 ms");
        assert_eq!(ends[3].1.pressed - ends[0].1.pressed, Duration::from_millis(110));
    }

    #[test]
    fn a_press_is_no_longer_than_its_field_can_tell() {
        for (clock, longest) in [(48_000, 65_535), (8_000, 48_000)] {
            let mut sender = Sender::default();
            sender.queue(&[digit('1')], Duration::from_secs(60)).unwrap();
            let packets = play(&mut sender, epoch(), clock);
            let (_, last) = packets.last().unwrap();
            assert_eq!(last.payload[2..], u16::to_be_bytes(longest)[..], "{clock}");
            let told: Vec<_> = packets.iter().map(|(_, p)| [p.payload[2], p.payload[3]]).collect();
            assert!(told.windows(2).all(|w| w[0] <= w[1]));
        }
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut sender = Sender::default();
        assert!(sender.queue(&[digit('0'); MAX_WAITING], Duration::ZERO).is_ok());
        let full = sender.queue(&[digit('0')], Duration::ZERO);
        assert_eq!(full, Err(MediaError::TooMany("digits")));
    }
}
