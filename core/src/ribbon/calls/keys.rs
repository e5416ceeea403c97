//! Keys that are pressed in a call one after the other (w4.18).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::call::Call;
use super::change::invalid_state;
use super::desk::Desk;
use crate::machine::CommandId;
use crate::media::Digit;
use crate::ribbon::constants::OperationKind;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::outcome::Outcome;
use crate::ribbon::timing::TONE_PAUSE;
use crate::ribbon::tones::{MAX_TONES, Tone, Tones};

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

    fn push(&mut self, tones: &Tones, duration: Duration, gap: Duration) {
        let duration = duration.clamp(SHORTEST, LONGEST);
        let gap = gap.clamp(LEAST_GAP, LONGEST_GAP);
        self.waiting.extend(tones.iter().map(|tone| Press { tone, duration, gap }));
    }

    /// The key that is to be pressed now, and for how long.
    fn pop(&mut self, now: Instant) -> Option<(Digit, Duration)> {
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

impl Call {
    /// Presses keys: the first now, or after those that wait.
    pub(super) fn press(
        &mut self,
        command: CommandId,
        tones: Tones,
        duration: Duration,
        gap: Duration,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(OperationKind::SendDtmf, true, Some(command), desk);
        self.keys.push(&tones, duration, gap);
        let pressed = self.press_next(desk);
        self.finish(&op, pressed.map(|()| Outcome::Done), desk);
    }

    fn press_next(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let Some((digit, duration)) = self.keys.pop(desk.out.now()) else { return Ok(()) };
        let sent = match &mut self.media {
            Some(media) => media.send_keys(&[digit], duration, desk),
            None => Err(invalid_state(self.info.state)),
        };
        if sent.is_err() {
            self.keys.clear();
        }
        sent
    }

    /// Presses the keys whose time has come.
    pub(super) fn keys_timeout(&mut self, desk: &mut Desk<'_>) {
        if self.keys.due().is_some_and(|at| at <= desk.out.now())
            && let Err(error) = self.press_next(desk)
        {
            desk.out.malformed(&format!("keys were left out: {error}"));
        }
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
