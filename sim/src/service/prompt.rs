//! The prompt of far ends: a recording, encoded once for each codec and expected loss.

use std::collections::BTreeMap;

use bytes::Bytes;
use offhook::audio::{AudioEncoder, AudioError, FRAME};
use offhook::media::{Agreement, AudioCodec};

/// Two seconds of beeps, 48 kHz mono.
pub(crate) fn beeps() -> Vec<i16> {
    (0..96_000_u32)
        .map(|n| {
            let t = f64::from(n) / 48_000.0;
            let on = t % 0.5 < 0.2;
            let tone = (t * 440.0 * std::f64::consts::TAU).sin() * 8_000.0;
            if on { tone as i16 } else { 0 }
        })
        .collect()
}

/// A recording that is played over and over.
#[derive(Debug)]
pub(crate) struct Prompt {
    pcm: Vec<i16>,
    /// By codec and the loss that it is prepared for, of which there are few ([`offhook::media::ExpectedLoss`]).
    encoded: BTreeMap<(AudioCodec, u8), Vec<Bytes>>,
}

impl Prompt {
    pub(crate) fn new(pcm: Vec<i16>) -> Self {
        Self { pcm, encoded: BTreeMap::new() }
    }

    /// The n-th frame of an endless repetition, on these terms.
    pub(crate) fn frame(&mut self, terms: &Agreement, n: u64) -> Option<Bytes> {
        let (codec, loss) = (terms.codec, terms.expected_loss);
        let new = || encode(&self.pcm, codec, loss).unwrap_or_default();
        let frames = self.encoded.entry((codec, loss)).or_insert_with(new);
        let index = n.checked_rem(frames.len() as u64)?;
        frames.get(index as usize).cloned()
    }
}

fn encode(pcm: &[i16], codec: AudioCodec, loss: u8) -> Result<Vec<Bytes>, AudioError> {
    let mut encoder = AudioEncoder::new(codec)?;
    encoder.set_expected_loss(loss)?;
    pcm.chunks_exact(FRAME).map(|frame| Ok(encoder.encode(frame)?.data)).collect()
}
