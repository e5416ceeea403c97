//! Codecs at their own rate, which is that of their RTP clock: 48 kHz for Opus, 8 kHz for G.711.

use super::opus::{EXPECTED_LOSS, NOTHING};
use super::{AudioError, OpusDecoder, OpusEncoder, g711, has_fec};
use crate::machine::AudioCodec;

/// The ways of an encoder that do not come from its codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Habits {
    /// Packets lost of a hundred.
    pub(super) expected_loss: u8,
    /// True if pauses are left out.
    pub(super) dtx: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self { expected_loss: EXPECTED_LOSS, dtx: false }
    }
}

/// Encodes 20 ms at a time.
pub(super) enum Encoder {
    Opus(Box<OpusEncoder>),
    G711(AudioCodec),
}

impl Encoder {
    pub(super) fn new(codec: AudioCodec) -> Result<Self, AudioError> {
        Ok(match codec {
            AudioCodec::Opus => Self::Opus(Box::new(OpusEncoder::new()?)),
            AudioCodec::Pcmu | AudioCodec::Pcma => Self::G711(codec),
        })
    }

    pub(super) fn codec(&self) -> AudioCodec {
        match self {
            Self::Opus(_) => AudioCodec::Opus,
            Self::G711(codec) => *codec,
        }
    }

    pub(super) fn encode(&mut self, pcm: &[i16]) -> Result<Vec<u8>, AudioError> {
        match self {
            Self::Opus(opus) => opus.encode(pcm),
            Self::G711(codec) => Ok(g711::encode(*codec, pcm)),
        }
    }

    /// Makes ready for a path; G.711 knows nothing of paths.
    pub(super) fn set(&mut self, habits: Habits) -> Result<(), AudioError> {
        if let Self::Opus(opus) = self {
            opus.set_expected_loss(habits.expected_loss)?;
            opus.set_dtx(habits.dtx)?;
        }
        Ok(())
    }

    /// Returns true if an encoded frame stands for a pause, and is not to be sent.
    pub(super) fn is_nothing(&self, data: &[u8]) -> bool {
        match self {
            Self::Opus(_) => data.len() <= NOTHING,
            Self::G711(_) => false,
        }
    }
}

/// Decodes one stream, and makes up what is missing of it.
pub(super) enum Decoder {
    Opus(Box<OpusDecoder>),
    /// With the end of what was heard, at most 20 ms, for the first 20 ms that are missing after it.
    G711(Vec<i16>),
}

impl Decoder {
    pub(super) fn new(codec: AudioCodec) -> Result<Self, AudioError> {
        Ok(match codec {
            AudioCodec::Opus => Self::Opus(Box::new(OpusDecoder::new()?)),
            AudioCodec::Pcmu | AudioCodec::Pcma => Self::G711(Vec::new()),
        })
    }

    /// Samples in a second.
    pub(super) fn rate(&self) -> u32 {
        match self {
            Self::Opus(_) => AudioCodec::Opus.clock_rate(),
            Self::G711(_) => AudioCodec::Pcmu.clock_rate(),
        }
    }

    /// True if this decoder is for frames of this codec.
    pub(super) fn decodes(&self, codec: AudioCodec) -> bool {
        match (self, codec) {
            (Self::Opus(_), AudioCodec::Opus)
            | (Self::G711(_), AudioCodec::Pcmu | AudioCodec::Pcma) => true,
            (Self::Opus(_), AudioCodec::Pcmu | AudioCodec::Pcma)
            | (Self::G711(_), AudioCodec::Opus) => false,
        }
    }

    /// Decodes a frame of a codec that it [decodes](Self::decodes).
    pub(super) fn decode(
        &mut self,
        codec: AudioCodec,
        data: &[u8],
    ) -> Result<Vec<i16>, AudioError> {
        match self {
            Self::Opus(opus) => opus.decode(data),
            Self::G711(last) => {
                let pcm = g711::decode(codec, data);
                let from = pcm.len().saturating_sub(AudioCodec::Pcmu.clock_rate() as usize / 50);
                *last = pcm[from..].to_vec();
                Ok(pcm)
            }
        }
    }

    /// Makes up the lost frame of so many samples before another, of what that one brings. None where
    /// it brings nothing.
    pub(super) fn recover(&mut self, next: &[u8], samples: u64) -> Option<Vec<i16>> {
        match self {
            Self::Opus(opus) if has_fec(next) => opus.recover(next, samples.try_into().ok()?).ok(),
            Self::Opus(_) | Self::G711(_) => None,
        }
    }

    /// Makes up 20 ms. Opus knows how (RFC 6716 section 4.4); G.711 says its last 20 ms once more
    /// while they fade, and then is silent.
    pub(super) fn conceal(&mut self) -> Result<Vec<i16>, AudioError> {
        match self {
            Self::Opus(opus) => opus.conceal(),
            Self::G711(last) => {
                let mut pcm = std::mem::take(last);
                let length = pcm.len().max(1) as i32;
                for (n, sample) in pcm.iter_mut().enumerate() {
                    *sample = (i32::from(*sample) * (length - n as i32) / length) as i16;
                }
                pcm.resize(AudioCodec::Pcmu.clock_rate() as usize / 50, 0);
                Ok(pcm)
            }
        }
    }
}
