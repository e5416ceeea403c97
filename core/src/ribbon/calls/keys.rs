//! Keys that are pressed in a call one after the other (w4.18).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::media::Digit;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::tones::{MAX_TONES, TONE_PAUSE, Tone, Tones};

/// The times that a key can be pressed for, and the least between two (RFC 4733 section 2.5.1.3).
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_secs(6);
const LEAST_GAP: Duration = Duration::from_millis(50);
/// The longest time between two.
const LONGEST_GAP: Duration = Duration::from_secs(60);

/// A key that waits, and how it is pressed.
#[derive(Clone, Copy, Debug)]
struct Press {
    tone: Tone,
    duration: Duration,
    gap: Duration,
}

/// Keys to come.
#[derive(Debug, Default)]
pub(super) struct Keys {
    waiting: VecDeque<Press>,
    /// The time of the next one: none is pressed before it.
    next: Option<Instant>,
}

impl Keys {
    /// Checks that these keys can be pressed after those that wait.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: there are none, a pause is first, or too many wait.
    pub(super) fn may_take(&self, tones: &Tones) -> Result<(), Error> {
        let key = matches!(tones.iter().next(), Some(Tone::Key(_)));
        if !key || self.waiting.len() + tones.len() > MAX_TONES {
            let text = "no keys, a pause before the first, or too many";
            return Err(Error::new(CallCode::InvalidParam, text));
        }
        Ok(())
    }

    pub(super) fn push(&mut self, tones: &Tones, duration: Duration, gap: Duration) {
        let duration = duration.clamp(SHORTEST, LONGEST);
        let gap = gap.clamp(LEAST_GAP, LONGEST_GAP);
        self.waiting.extend(tones.iter().map(|tone| Press { tone, duration, gap }));
    }

    /// The key that is to be pressed now, and for how long.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Digit, Duration)> {
        loop {
            let at = self.next.unwrap_or(now);
            if at > now {
                return None;
            }
            let Some(Press { tone, duration, gap }) = self.waiting.pop_front() else {
                self.next = None;
                return None;
            };
            match tone {
                Tone::Key(digit) => {
                    self.next = Some(now + duration + gap);
                    return Some((digit, duration));
                }
                Tone::Pause => self.next = Some(at + TONE_PAUSE),
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The time of the next one.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn w4_18_keys_follow_each_other_at_their_gap_and_a_comma_is_two_seconds() {
        let mut keys = Keys::default();
        let ms = Duration::from_millis;
        keys.push(&"1,,2".parse().unwrap(), ms(100), ms(70));
        let begun = epoch();
        let mut at = Vec::new();
        let mut now = begun;
        for _ in 0..10 {
            if let Some((digit, _)) = keys.pop(now) {
                at.push((digit.as_char(), (now - begun).as_millis()));
            }
            let Some(next) = keys.due() else { break };
            now = next;
        }
        assert_eq!(at, [('1', 0), ('2', 4170)]);
        assert_eq!(keys.due(), None);
    }
}
