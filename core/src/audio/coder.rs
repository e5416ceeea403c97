//! Codecs as if all had 48 kHz, frame by frame.

use bytes::Bytes;

use super::codec::{Decoder, Encoder, Habits};
use super::{AudioError, FRAME, MAX_CONCEALED, RATE, Resampler};
use crate::machine::{AudioCodec, AudioFrame};

/// Encodes 20 ms frames for one stream.
pub struct AudioEncoder {
    encoder: Encoder,
    /// The converter to the codec's own rate.
    resampler: Option<Box<Resampler>>,
    time: u64,
    habits: Habits,
    /// True if the next frame begins a talkspurt.
    spurt: bool,
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
        let (encoder, habits) = (Encoder::new(codec)?, Habits::default());
        Ok(Self { encoder, resampler, time: 0, habits, spurt: true })
    }

    /// The codec it was made for.
    #[must_use]
    pub fn codec(&self) -> AudioCodec {
        self.encoder.codec()
    }

    /// Makes ready for a path that loses so many packets of a hundred: a frame of Opus brings a copy
    /// of the one before it, unless nothing is expected to be lost. 5 unless said otherwise; G.711 has
    /// no such thing.
    ///
    /// # Errors
    ///
    /// The codec refuses.
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), AudioError> {
        self.habits.expected_loss = percent;
        self.encoder.set(self.habits)
    }

    /// Discontinuous transmission of Opus: frames of a pause are of two bytes at most, and are not to be
    /// sent (RFC 7587 section 3.1.3); the next that is begins a talkspurt. Off unless asked for.
    ///
    /// # Errors
    ///
    /// The codec refuses.
    pub fn set_dtx(&mut self, on: bool) -> Result<(), AudioError> {
        self.habits.dtx = on;
        self.encoder.set(self.habits)
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
        let nothing = self.encoder.is_nothing(&data);
        let talkspurt = !nothing && self.spurt;
        self.spurt = nothing;
        let data = Bytes::from(data);
        Ok(AudioFrame { codec, time, lost_before: 0, talkspurt, data })
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
    /// frames of 20 ms, the last of them of its copy if one came. Of G.711 less than 20 ms wait for the next frame.
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
        let lost = frame.lost_before.min(MAX_CONCEALED);
        for n in 1..=lost {
            let samples = u64::from(decoder.rate()) / 50;
            let copy = (n == lost).then(|| decoder.recover(&frame.data, samples)).flatten();
            pcm.extend(match copy {
                Some(copy) => copy,
                None => decoder.conceal()?,
            });
        }
        pcm.extend(decoder.decode(frame.codec, &frame.data)?);
        match resampler {
            Some(resampler) => resampler.push(&pcm),
            None => Ok(pcm),
        }
    }
}
