//! A sound that is played into a call in place of what the application sends (w4.9).
//!
//! The notes give it a volume of 0.2. That is taken for the loudspeaker's of whoever plays it, who has none
//! here: the far side hears the file as it is.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::audio::{AudioError, RATE, Speaker};
use crate::machine::{AudioCodec, AudioFrame};
use crate::media::Agreement;
use crate::ribbon::ids::{OperationId, TrackId};
use crate::ribbon::sound::AudioSource;

/// The samples that are handed to the speaker at a time.
const PIECE: usize = RATE as usize;
/// The sound that still waits there when more is.
const LOW: Duration = Duration::from_millis(200);

/// A sound that is being played.
pub(super) struct Playback {
    pub(super) op: OperationId,
    source: AudioSource,
    /// The samples that the speaker has had.
    taken: usize,
    speaker: Speaker,
    /// The time until which frames of media of our own are played, where it is those.
    until: Option<Instant>,
    /// The time of its next frame; none while nothing is agreed on.
    pub(super) wake: Option<Instant>,
}

impl Playback {
    pub(super) fn new(
        op: OperationId,
        source: AudioSource,
        now: Instant,
    ) -> Result<Self, AudioError> {
        let until = source.track().map(|_| now + source.duration());
        Ok(Self { op, source, taken: 0, speaker: Speaker::new(RATE)?, until, wake: None })
    }

    /// True if it is frames of media of our own, which come by themselves.
    pub(super) fn is_frames(&self) -> bool {
        self.until.is_some()
    }

    /// True if it is the frames of this media of our own.
    pub(super) fn plays(&self, track: &TrackId) -> bool {
        self.source.track() == Some(track)
    }

    /// The frame that is due.
    pub(super) fn frame(
        &mut self,
        now: Instant,
        terms: &Agreement,
    ) -> Result<Option<AudioFrame>, AudioError> {
        if self.until.is_some() {
            return Ok(None);
        }
        self.speaker.follow(terms);
        let rest = &self.source.pcm()[self.taken..];
        // The last second is not over yet when the next one comes: there is no gap.
        if !rest.is_empty() && self.speaker.waiting() <= LOW {
            let piece = &rest[..rest.len().min(PIECE)];
            self.speaker.write(now, piece)?;
            self.taken += piece.len();
            if self.taken == self.source.pcm().len() {
                self.speaker.finish(now);
            }
        }
        self.speaker.frame(now)
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        if let Some(until) = self.until {
            return until <= now;
        }
        self.taken == self.source.pcm().len() && self.speaker.waiting().is_zero()
    }

    /// The time of the next frame after this one.
    pub(super) fn next_frame(&self, now: Instant) -> Option<Instant> {
        self.until.or_else(|| self.speaker.next_wake(now))
    }
}

/// Those whose frames are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Application,
    Sound,
}

/// The media time of a call's sound, which goes on whoever speaks.
#[derive(Debug, Default)]
pub(super) struct Speech {
    /// The last thing that was sent: whose, its time and codec, and when.
    last: Option<(Voice, u64, AudioCodec, Instant)>,
    /// The difference to the speaker's own time.
    shift: u64,
}

impl Speech {
    /// Moves a frame to its place: after what was said before it by somebody else.
    pub(super) fn place<'f>(
        &mut self,
        voice: Voice,
        frame: Cow<'f, AudioFrame>,
        now: Instant,
    ) -> Cow<'f, AudioFrame> {
        let other = self.last.filter(|(last, ..)| *last != voice);
        if let Some((_, time, codec, at)) = other {
            let past = now.saturating_duration_since(at).as_millis() as u64;
            let due = time.wrapping_add(past * u64::from(codec.clock_rate()) / 1000);
            self.shift = due.wrapping_sub(frame.time);
        }
        let time = frame.time.wrapping_add(self.shift);
        self.last = Some((voice, time, frame.codec, now));
        if other.is_none() && self.shift == 0 {
            return frame;
        }
        let frame = frame.into_owned();
        Cow::Owned(AudioFrame { time, talkspurt: frame.talkspurt || other.is_some(), ..frame })
    }
}
