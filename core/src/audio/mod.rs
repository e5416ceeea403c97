//! Audio as an application sees it: PCM, whatever the codec.
//!
//! [`Speaker`] makes frames of PCM, in time; [`Listener`] makes PCM without gaps of frames; [`Tape`]
//! records a call. Below them are the codecs, frame by frame at 48 kHz. Pure functions and small
//! machines; devices are the application's. Behind feature `audio`.
//!
//! ```
//! use offhook::audio::{AudioDecoder, AudioEncoder, FRAME};
//! use offhook::media::AudioCodec;
//!
//! let mut encoder = AudioEncoder::new(AudioCodec::Opus)?;
//! let mut decoder = AudioDecoder::new();
//! let frame = encoder.encode(&[0; FRAME])?;
//! assert_eq!(decoder.decode(&frame)?.len(), FRAME);
//! # Ok::<(), offhook::audio::AudioError>(())
//! ```

mod codec;
pub mod compare;
pub mod g711;
mod listener;
mod opus;
mod resample;
mod speaker;
mod tape;
#[cfg(test)]
mod tests;
pub mod wav;

use bytes::Bytes;

use self::codec::{Decoder, Encoder};
pub use self::listener::Listener;
pub use self::opus::{OpusDecoder, OpusEncoder};
pub use self::resample::{Resampler, resample};
pub use self::speaker::Speaker;
pub use self::tape::{Side, Tape, Tracks};
use crate::machine::{AudioCodec, AudioFrame};

/// Samples in a second.
pub const RATE: u32 = 48_000;
/// Samples in a frame of 20 ms.
pub const FRAME: usize = 960;
/// The most lost frames that a codec makes up; longer gaps are left to silence.
const MAX_CONCEALED: u32 = 10;

/// Why audio could not be coded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The codec refused.
    #[error("{codec}: {message}")]
    Codec {
        /// Which one.
        codec: &'static str,
        /// What it said.
        message: String,
    },
    /// A frame is not of [`FRAME`] samples.
    #[error("a frame has {FRAME} samples, not {0}")]
    FrameSize(usize),
    /// Not a WAV file that can be used.
    #[error("WAV: {0}")]
    Wav(String),
    /// The rates cannot be converted.
    #[error("cannot resample: {0}")]
    Resample(String),
    /// PCM at this rate is not had: it has to be a multiple of 50 Hz from 8 to 192 kHz.
    #[error("no PCM at {0} Hz")]
    Rate(u32),
    /// More is written than may wait.
    #[error("too much waits to be said: there is room for {room} samples")]
    QueueFull {
        /// How much would be taken.
        room: usize,
    },
    /// The recording has reached its limit.
    #[error("the recording is full")]
    TapeFull,
}

/// Whether PCM can be had at a rate.
fn check_rate(rate: u32) -> Result<(), AudioError> {
    let usable = (8_000..=192_000).contains(&rate) && rate.is_multiple_of(50);
    if usable { Ok(()) } else { Err(AudioError::Rate(rate)) }
}

/// Encodes 20 ms frames for one stream.
pub struct AudioEncoder {
    encoder: Encoder,
    /// To the codec's own rate.
    resampler: Option<Box<Resampler>>,
    time: u64,
}

impl AudioEncoder {
    /// An encoder of this codec.
    ///
    /// # Errors
    ///
    /// The codec cannot be set up.
    pub fn new(codec: AudioCodec) -> Result<Self, AudioError> {
        let resampler = match codec.clock_rate() {
            RATE => None,
            own => Some(Box::new(Resampler::new(RATE, own)?)),
        };
        Ok(Self { encoder: Encoder::new(codec)?, resampler, time: 0 })
    }

    /// The codec it was made for.
    #[must_use]
    pub fn codec(&self) -> AudioCodec {
        self.encoder.codec()
    }

    /// Encodes the next frame. Its media time follows the last one's.
    ///
    /// # Errors
    ///
    /// [`AudioError::FrameSize`], and what the codec refuses.
    pub fn encode(&mut self, pcm: &[i16]) -> Result<AudioFrame, AudioError> {
        if pcm.len() != FRAME {
            return Err(AudioError::FrameSize(pcm.len()));
        }
        let codec = self.codec();
        let data = match &mut self.resampler {
            Some(resampler) => self.encoder.encode(&resampler.process(pcm)?)?,
            None => self.encoder.encode(pcm)?,
        };
        let time = self.time;
        self.skip();
        let data = Bytes::from(data);
        Ok(AudioFrame { codec, time, lost_before: 0, talkspurt: time == 0, data })
    }

    /// Lets a frame's time pass without one: what comes next is later.
    pub fn skip(&mut self) {
        self.time += u64::from(self.codec().clock_rate() / 50);
    }
}

/// Decodes one stream, whichever codec its frames are in.
#[derive(Default)]
pub struct AudioDecoder(Option<(Decoder, Option<Box<Resampler>>)>);

impl AudioDecoder {
    /// A decoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a frame to 48 kHz mono, and before it makes up what is known to be lost, up to ten
    /// frames of 20 ms. Of G.711 less than 20 ms wait for the next frame. [`Listener`] does more.
    ///
    /// # Errors
    ///
    /// The payload is not of its codec. The decoder can go on with the next frame.
    pub fn decode(&mut self, frame: &AudioFrame) -> Result<Vec<i16>, AudioError> {
        let (decoder, resampler) = match &mut self.0 {
            Some(tuned) if tuned.0.decodes(frame.codec) => tuned,
            other => {
                let resampler = match frame.codec.clock_rate() {
                    RATE => None,
                    own => Some(Box::new(Resampler::new(own, RATE)?)),
                };
                other.insert((Decoder::new(frame.codec)?, resampler))
            }
        };
        let mut pcm = Vec::new();
        for _ in 0..frame.lost_before.min(MAX_CONCEALED) {
            pcm.extend(decoder.conceal()?);
        }
        pcm.extend(decoder.decode(frame.codec, &frame.data)?);
        match resampler {
            Some(resampler) => resampler.push(&pcm),
            None => Ok(pcm),
        }
    }
}
