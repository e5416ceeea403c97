//! Sounds that an application has played into its calls.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use super::error::{CallCode, Error};
use crate::audio::{RATE, wav};

/// The longest sound, in bytes of 16-bit samples: some 46 minutes.
const MAX_BYTES: usize = 256 << 20;

/// A sound for [`Command::PlayAudio`](super::Command::PlayAudio): a WAV file of any rate. Clones share it.
///
/// Sound that is encoded already is sent as media of our own ([`Command::CreateLocalMedia`](super::Command::CreateLocalMedia))
/// in place of a track ([`Command::ReplaceTrack`](super::Command::ReplaceTrack)).
#[derive(Clone)]
pub struct AudioSource(Arc<[i16]>);

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
        Ok(Self(pcm.into()))
    }

    /// The time that it takes.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.0.len() as u64) / RATE
    }

    /// 48 kHz, mono.
    pub(super) fn pcm(&self) -> &[i16] {
        &self.0
    }
}

impl std::fmt::Debug for AudioSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AudioSource({:?})", self.duration())
    }
}
