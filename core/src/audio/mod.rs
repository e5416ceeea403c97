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
mod coder;
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

pub use self::coder::{AudioDecoder, AudioEncoder};
pub use self::listener::{Counts, Listener};
pub use self::opus::{OpusDecoder, OpusEncoder};
pub use self::resample::{Resampler, resample};
pub use self::speaker::Speaker;
pub use self::tape::{Side, Tape, Tracks};
pub use crate::media::ExpectedLoss;
pub use crate::media::rtp::has_fec;

/// Samples in a second.
pub const RATE: u32 = 48_000;
/// Samples in a frame of 20 ms.
pub const FRAME: usize = 960;
/// The most lost frames that a codec makes up; longer gaps are left to silence.
const MAX_CONCEALED: u32 = 10;

/// The reason why audio could not be coded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The codec refused.
    #[error("{codec}: {message}")]
    Codec {
        /// The codec.
        codec: &'static str,
        /// The codec's own message.
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
        /// The number of samples that would be taken.
        room: usize,
    },
    /// The recording has reached its limit.
    #[error("the recording is full")]
    TapeFull,
}

/// Checks that PCM can be had at a rate.
fn check_rate(rate: u32) -> Result<(), AudioError> {
    let usable = (8_000..=192_000).contains(&rate) && rate.is_multiple_of(50);
    if usable { Ok(()) } else { Err(AudioError::Rate(rate)) }
}
