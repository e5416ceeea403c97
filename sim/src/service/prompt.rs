//! The prompt of far ends: a recording, encoded once for each codec.

use std::collections::BTreeMap;

use bytes::Bytes;
use offhook::audio::{AudioEncoder, FRAME};
use offhook::media::AudioCodec;

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
    encoded: BTreeMap<AudioCodec, Vec<Bytes>>,
}

impl Prompt {
    pub(crate) fn new(pcm: Vec<i16>) -> Self {
        Self { pcm, encoded: BTreeMap::new() }
    }

    /// The n-th frame of an endless repetition.
    pub(crate) fn frame(&mut self, codec: AudioCodec, n: u64) -> Option<Bytes> {
        let frames = self.encoded.entry(codec).or_insert_with(|| encode(&self.pcm, codec));
        let index = n.checked_rem(frames.len() as u64)?;
        frames.get(index as usize).cloned()
    }
}

/// Nothing where the codec is not to be had.
fn encode(pcm: &[i16], codec: AudioCodec) -> Vec<Bytes> {
    let Ok(mut encoder) = AudioEncoder::new(codec) else { return Vec::new() };
    pcm.chunks_exact(FRAME).filter_map(|frame| Some(encoder.encode(frame).ok()?.data)).collect()
}
