//! Sounds that an application has played into its calls.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use super::error::{CallCode, Error};
use super::ids::TrackId;
use crate::audio::{RATE, wav};

/// The longest sound, in bytes of 16-bit samples: some 46 minutes.
const MAX_BYTES: usize = 256 << 20;

/// The longest time that frames are played for.
const MAX_FRAMES: Duration = Duration::from_secs(3600);

/// A sound for [`Command::PlayAudio`](super::Command::PlayAudio): a WAV file of any rate, or frames of media of our
/// own. Clones share it.
#[derive(Clone)]
pub struct AudioSource(Sound);

/// See [`AudioSource`].
#[derive(Clone)]
enum Sound {
    /// 48 kHz, mono.
    Pcm(Arc<[i16]>),
    Frames {
        track: TrackId,
        duration: Duration,
    },
}

impl AudioSource {
    /// A WAV file, from bytes or whatever else can be read.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: it is none, an empty one, or too long.
    pub fn wav(file: impl Read) -> Result<Self, Error> {
        let invalid = |text: String| Error::new(CallCode::InvalidParam, text);
        let pcm = wav::read(file).map_err(|error| invalid(error.to_string()))?;
        if pcm.is_empty() || pcm.len() > MAX_BYTES / size_of::<i16>() {
            return Err(invalid("the sound is empty or of over 256 MiB".to_owned()));
        }
        Ok(Self(Sound::Pcm(pcm.into())))
    }

    /// The frames that the application pushes for media of our own that belongs to no call by itself
    /// ([`Command::CreateLocalMedia`](super::Command::CreateLocalMedia)), from now on for this time.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: no time, or over an hour.
    pub fn frames(track: TrackId, duration: Duration) -> Result<Self, Error> {
        if duration.is_zero() || duration > MAX_FRAMES {
            return Err(Error::new(CallCode::InvalidParam, "no time, or over an hour"));
        }
        Ok(Self(Sound::Frames { track, duration }))
    }

    /// The time that it takes.
    #[must_use]
    pub fn duration(&self) -> Duration {
        match &self.0 {
            Sound::Pcm(pcm) => Duration::from_secs(pcm.len() as u64) / RATE,
            Sound::Frames { duration, .. } => *duration,
        }
    }

    /// 48 kHz, mono; empty where it is frames.
    pub(super) fn pcm(&self) -> &[i16] {
        match &self.0 {
            Sound::Pcm(pcm) => pcm,
            Sound::Frames { .. } => &[],
        }
    }

    /// The media of our own whose frames it is.
    pub(super) fn track(&self) -> Option<&TrackId> {
        match &self.0 {
            Sound::Pcm(_) => None,
            Sound::Frames { track, .. } => Some(track),
        }
    }
}

impl std::fmt::Debug for AudioSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AudioSource({:?})", self.duration())
    }
}
