//! A recording of a call.

use std::time::{Duration, Instant};

use super::{AudioError, Listener, wav};
use crate::machine::AudioFrame;

/// The side that said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The far side: what is heard.
    Heard,
    /// The application: what is said.
    Said,
}

/// The part of a recording that goes into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tracks {
    /// One side, mono.
    Only(Side),
    /// Both sides, mixed.
    Mixed,
    /// Both sides, stereo: what is said on the left, what is heard on the right.
    Stereo,
}

/// A recording of both sides of a call, as encoded frames, each with the time when it came.
///
/// It keeps an hour, and 64 MiB of frames; what comes later is not on it. It is decoded when it is
/// looked at, and both sides begin when the recording does.
#[derive(Clone, Debug)]
pub struct Tape {
    began: Instant,
    heard: Vec<(Instant, AudioFrame)>,
    said: Vec<(Instant, AudioFrame)>,
    bytes: usize,
    full: bool,
}

impl Tape {
    /// The longest recording.
    pub const MAX_LENGTH: Duration = Duration::from_secs(3600);
    /// The most bytes that its frames may have, of both sides together.
    pub const MAX_BYTES: usize = 64 << 20;

    /// A recording that begins now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { began: now, heard: Vec::new(), said: Vec::new(), bytes: 0, full: false }
    }

    /// Records a frame. When the tape is full that is refused.
    ///
    /// # Errors
    ///
    /// [`AudioError::TapeFull`], from the first time on always.
    pub fn record(
        &mut self,
        now: Instant,
        side: Side,
        frame: AudioFrame,
    ) -> Result<(), AudioError> {
        // Frames without contents weigh, too.
        let bytes = self.bytes + frame.data.len() + size_of::<(Instant, AudioFrame)>();
        self.full |= bytes > Self::MAX_BYTES || self.passed(now) > Self::MAX_LENGTH;
        if self.full {
            return Err(AudioError::TapeFull);
        }
        self.bytes = bytes;
        match side {
            Side::Heard => self.heard.push((now, frame)),
            Side::Said => self.said.push((now, frame)),
        }
        Ok(())
    }

    /// True if something was left out at its end.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The number of a side's frames on it.
    #[must_use]
    pub fn frames(&self, side: Side) -> usize {
        self.track(side).len()
    }

    /// The time from the beginning of the recording to a side's first frame.
    #[must_use]
    pub fn starts(&self, side: Side) -> Option<Duration> {
        self.track(side).first().map(|(at, _)| self.passed(*at))
    }

    /// One side as PCM, mono, from the beginning of the recording on.
    ///
    /// # Errors
    ///
    /// The rate cannot be had ([`Listener::new`]).
    pub fn pcm(&self, side: Side, rate: u32) -> Result<Vec<i16>, AudioError> {
        let mut listener = Listener::new(rate)?;
        let mut pcm = Vec::new();
        if let Some(silence) = self.starts(side) {
            pcm.resize((silence.as_secs_f64() * f64::from(rate)) as usize, 0);
        }
        for (at, frame) in self.track(side) {
            pcm.extend(listener.hear(*at, frame)?);
        }
        Ok(pcm)
    }

    /// A WAV file of it, 16 bits a sample.
    ///
    /// # Errors
    ///
    /// The rate cannot be had ([`Listener::new`]).
    pub fn wav(&self, tracks: Tracks, rate: u32) -> Result<Vec<u8>, AudioError> {
        let mut file = std::io::Cursor::new(Vec::new());
        match tracks {
            Tracks::Only(side) => wav::write_at(&mut file, rate, &[&self.pcm(side, rate)?])?,
            Tracks::Mixed => {
                let (said, heard) = self.both(rate)?;
                let mix = |(said, heard): (&i16, &i16)| said.saturating_add(*heard);
                let mixed: Vec<_> = said.iter().zip(&heard).map(mix).collect();
                wav::write_at(&mut file, rate, &[&mixed])?;
            }
            Tracks::Stereo => {
                let (said, heard) = self.both(rate)?;
                wav::write_at(&mut file, rate, &[&said, &heard])?;
            }
        }
        Ok(file.into_inner())
    }

    /// Both sides, equally long.
    fn both(&self, rate: u32) -> Result<(Vec<i16>, Vec<i16>), AudioError> {
        let (mut said, mut heard) = (self.pcm(Side::Said, rate)?, self.pcm(Side::Heard, rate)?);
        let length = said.len().max(heard.len());
        said.resize(length, 0);
        heard.resize(length, 0);
        Ok((said, heard))
    }

    fn track(&self, side: Side) -> &[(Instant, AudioFrame)] {
        match side {
            Side::Heard => &self.heard,
            Side::Said => &self.said,
        }
    }

    fn passed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}
