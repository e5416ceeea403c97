//! Audio as an application sees it: 48 kHz mono PCM in 20 ms frames, whatever the codec.
//!
//! Pure functions and small machines; devices are the application's. Behind feature `audio`.
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

pub mod compare;
pub mod g711;
mod opus;
mod resample;
pub mod wav;

use bytes::Bytes;

pub use self::opus::{OpusDecoder, OpusEncoder};
pub use resample::Resampler;

use crate::media::{AudioCodec, AudioFrame};

/// Samples in a second.
pub const RATE: u32 = 48_000;
/// Samples in a frame of 20 ms.
pub const FRAME: usize = 960;
/// The most lost frames that are made up; longer gaps are left to silence.
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
}

/// Encodes 20 ms frames for one stream.
pub struct AudioEncoder {
    coder: Coder,
    time: u64,
}

enum Coder {
    Opus(Box<OpusEncoder>),
    G711(AudioCodec, Box<Resampler>),
}

impl AudioEncoder {
    /// An encoder of this codec.
    ///
    /// # Errors
    ///
    /// The codec cannot be set up.
    pub fn new(codec: AudioCodec) -> Result<Self, AudioError> {
        let coder = match codec {
            AudioCodec::Opus => Coder::Opus(Box::new(OpusEncoder::new()?)),
            AudioCodec::Pcmu | AudioCodec::Pcma => {
                Coder::G711(codec, Box::new(Resampler::new(RATE, 8_000)?))
            }
        };
        Ok(Self { coder, time: 0 })
    }

    /// The codec it was made for.
    #[must_use]
    pub fn codec(&self) -> AudioCodec {
        match &self.coder {
            Coder::Opus(_) => AudioCodec::Opus,
            Coder::G711(codec, _) => *codec,
        }
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
        let data = match &mut self.coder {
            Coder::Opus(opus) => opus.encode(pcm)?,
            Coder::G711(codec, resampler) => g711::encode(*codec, &resampler.process(pcm)?),
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
pub struct AudioDecoder {
    opus: Option<Box<OpusDecoder>>,
    resampler: Option<Box<Resampler>>,
}

impl AudioDecoder {
    /// A decoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a frame to 48 kHz mono, and before it makes up what is known to be lost, up to ten
    /// frames.
    ///
    /// # Errors
    ///
    /// The payload is not of its codec. The decoder can go on with the next frame.
    pub fn decode(&mut self, frame: &AudioFrame) -> Result<Vec<i16>, AudioError> {
        let lost = frame.lost_before.min(MAX_CONCEALED) as usize;
        match frame.codec {
            AudioCodec::Opus => {
                let opus = match &mut self.opus {
                    Some(opus) => opus,
                    none => none.insert(Box::new(OpusDecoder::new()?)),
                };
                let mut pcm = Vec::with_capacity((lost + 1) * FRAME);
                for _ in 0..lost {
                    pcm.extend(opus.conceal()?);
                }
                pcm.extend(opus.decode(&frame.data)?);
                Ok(pcm)
            }
            AudioCodec::Pcmu | AudioCodec::Pcma => {
                let resampler = match &mut self.resampler {
                    Some(resampler) => resampler,
                    none => none.insert(Box::new(Resampler::new(8_000, RATE)?)),
                };
                let mut pcm = vec![0; lost * FRAME];
                pcm.extend(resampler.process(&g711::decode(frame.codec, &frame.data))?);
                Ok(pcm)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something speech-like: a few swept tones with pauses.
    fn babble(frames: usize) -> Vec<i16> {
        (0..frames * FRAME)
            .map(|n| {
                let t = n as f64 / f64::from(RATE);
                let envelope = (t * 3.0).sin().abs() * (t * 0.9).cos().abs();
                let tone = (t * 1300.0 + (t * 7.0).sin() * 40.0).sin()
                    + 0.5 * (t * 2900.0 + (t * 5.0).cos() * 30.0).sin();
                (tone * envelope * 9000.0) as i16
            })
            .collect()
    }

    fn through(codec: AudioCodec) -> compare::Similarity {
        let source = babble(100);
        let mut encoder = AudioEncoder::new(codec).unwrap();
        let mut decoder = AudioDecoder::new();
        let mut heard = vec![0; 1234];
        for (n, pcm) in source.chunks(FRAME).enumerate() {
            let frame = encoder.encode(pcm).unwrap();
            assert_eq!(frame.time, n as u64 * u64::from(codec.clock_rate()) / 50);
            heard.extend(decoder.decode(&frame).unwrap());
        }
        heard.extend([0; 5000]);
        compare::similarity(&source, &heard)
    }

    #[test]
    fn what_is_said_is_heard() {
        for codec in [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma] {
            let similarity = through(codec);
            assert!(similarity.correlation > 0.95, "{codec:?}: {similarity:?}");
            // The resamplers keep a part of the last frame.
            assert!(similarity.longest_gap.as_millis() <= 20, "{codec:?}: {similarity:?}");
        }
    }

    #[test]
    fn lost_frames_are_made_up_within_bounds() {
        let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
        let mut decoder = AudioDecoder::new();
        let mut frame = encoder.encode(&babble(1)).unwrap();
        assert_eq!(decoder.decode(&frame).unwrap().len(), FRAME);
        frame.lost_before = 3;
        assert_eq!(decoder.decode(&frame).unwrap().len(), 4 * FRAME);
        frame.lost_before = u32::MAX;
        assert_eq!(decoder.decode(&frame).unwrap().len(), 11 * FRAME);
    }

    #[test]
    fn frames_of_the_wrong_size_and_junk_are_typed_errors() {
        let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
        assert_eq!(encoder.encode(&[0; 10]), Err(AudioError::FrameSize(10)));
        let mut frame = encoder.encode(&[0; FRAME]).unwrap();
        frame.data = Bytes::from_static(&[0xff; 3]);
        let mut decoder = AudioDecoder::new();
        assert!(matches!(decoder.decode(&frame), Err(AudioError::Codec { codec: "opus", .. })));
        assert!(decoder.decode(&encoder.encode(&[0; FRAME]).unwrap()).is_ok());
    }
}
