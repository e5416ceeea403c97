//! Codecs as if all had 48 kHz, frame by frame.

use bytes::Bytes;

use super::codec::{Decoder, Encoder};
use super::{AudioError, FRAME, MAX_CONCEALED, RATE, Resampler};
use crate::machine::{AudioCodec, AudioFrame};

/// Encodes 20 ms frames for one stream.
pub struct AudioEncoder {
    encoder: Encoder,
    /// The converter to the codec's own rate.
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
    /// frames of 20 ms. Of G.711 less than 20 ms wait for the next frame.
    /// [`Listener`](super::Listener) does more.
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
