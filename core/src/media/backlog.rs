//! Frames that were said before they could be sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{AudioFrame, MediaError};

/// Frames kept until media is connected: three seconds of the usual ones. What is said beyond that
/// is refused.
pub const MAX_BACKLOG: usize = 150;
/// Between kept frames on their way out, no figure of a policy: twice as fast as they are heard, so that whoever goes on
/// talking is in time again soon.
const PACE: Duration = Duration::from_millis(10);
/// The time by which whoever asks may be late and still gets what was due since, so that a busy machine does not take
/// longer over it than the sound does.
const LATE: Duration = Duration::from_millis(200);

/// The frames that an application sends before media is connected, in order, for any engine.
#[derive(Debug, Default)]
pub struct Backlog {
    frames: VecDeque<AudioFrame>,
    /// The time at which the next one may go.
    next: Option<Instant>,
}

impl Backlog {
    /// Returns true if nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Keeps a frame.
    ///
    /// # Errors
    ///
    /// [`MediaError::TooMany`]: [`MAX_BACKLOG`] frames wait already.
    pub fn push(&mut self, frame: AudioFrame) -> Result<(), MediaError> {
        if self.frames.len() >= MAX_BACKLOG {
            return Err(MediaError::TooMany("audio frames"));
        }
        self.frames.push_back(frame);
        Ok(())
    }

    /// Forgets all of it: nobody is to hear it any more.
    pub fn clear(&mut self) {
        self.frames.clear();
    }

    /// The frame whose turn it is, now that frames can be sent.
    pub fn pop(&mut self, now: Instant) -> Option<AudioFrame> {
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        let frame = self.frames.pop_front()?;
        // By when it was due, not by when somebody came for it.
        let due = self.next.map_or(now, |next| next.max(now.checked_sub(LATE).unwrap_or(now)));
        self.next = Some(if self.frames.is_empty() { now } else { due } + PACE);
        Some(frame)
    }

    /// Returns the time of the next turn, in the past before the first; none where nothing waits.
    #[must_use]
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        (!self.frames.is_empty()).then(|| self.next.unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::AudioCodec;
    use crate::testing::epoch;

    fn frame(n: usize) -> AudioFrame {
        AudioFrame {
            codec: AudioCodec::Opus,
            time: n as u64 * 960,
            lost_before: 0,
            talkspurt: false,
            data: Bytes::from_static(b"x"),
        }
    }

    #[test]
    fn what_was_said_goes_out_in_order_at_twice_its_pace() {
        let t = epoch();
        let mut backlog = Backlog::default();
        assert_eq!(backlog.next_wake(t), None);
        for n in 0..3 {
            backlog.push(frame(n)).unwrap();
        }
        assert_eq!(backlog.pop(t), Some(frame(0)));
        assert_eq!(backlog.pop(t), None, "not all at once");
        assert_eq!(backlog.next_wake(t), Some(t + PACE));
        assert_eq!(backlog.pop(t + PACE), Some(frame(1)));
        assert_eq!(backlog.pop(t + PACE * 3), Some(frame(2)));
        assert!(backlog.is_empty());
        assert_eq!(backlog.next_wake(t), None);
    }

    #[test]
    fn whoever_comes_late_for_it_gets_all_that_was_due_and_never_all_at_once() {
        let t = epoch();
        let mut backlog = Backlog::default();
        (0..MAX_BACKLOG).for_each(|n| backlog.push(frame(n)).unwrap());
        let mut taken =
            |ms| std::iter::from_fn(|| backlog.pop(t + Duration::from_millis(ms))).count();
        assert_eq!([0, 60, 120].map(&mut taken), [1, 6, 6], "as many as there were paces");
        assert_eq!(taken(60_000), 21, "and no more than 200 ms of them");
    }

    #[test]
    fn beyond_the_bound_is_refused_and_nothing_is_lost() {
        let t = epoch();
        let mut backlog = Backlog::default();
        for n in 0..MAX_BACKLOG {
            backlog.push(frame(n)).unwrap();
        }
        assert_eq!(backlog.push(frame(999)), Err(MediaError::TooMany("audio frames")));
        assert_eq!(backlog.pop(t), Some(frame(0)));
        backlog.clear();
        assert!(backlog.is_empty());
    }
}
