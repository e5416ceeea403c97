//! Conversion to another sample rate, frame by frame, by the `rubato` crate.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use super::AudioError;

/// Converts a mono stream between two rates, 20 ms at a time.
///
/// What comes out is [`Resampler::delay`] samples late.
pub struct Resampler {
    fft: Fft<f32>,
    input: usize,
    output: usize,
    /// Less than 20 ms that wait for the rest.
    kept: Vec<i16>,
}

/// Converts a whole recording. It stays in its place, and as long as it is, to the sample.
///
/// # Errors
///
/// A rate is zero or no multiple of 25 Hz.
pub fn resample(pcm: &[i16], from: u32, to: u32) -> Result<Vec<i16>, AudioError> {
    if from == to {
        return Ok(pcm.to_vec());
    }
    let even = from.is_multiple_of(50) && to.is_multiple_of(50);
    let mut resampler = Resampler::in_pieces(from, to, if even { 50 } else { 25 })?;
    let length = (pcm.len() as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize;
    let late = resampler.delay();
    let mut out = resampler.push(pcm)?;
    while out.len() < length + late {
        out.extend(resampler.push(&vec![0; resampler.input])?);
    }
    out.drain(..late);
    out.truncate(length);
    Ok(out)
}

impl Resampler {
    /// A converter. Both rates are multiples of 50 Hz.
    ///
    /// # Errors
    ///
    /// A rate is zero or no multiple of 50 Hz.
    pub fn new(from: u32, to: u32) -> Result<Self, AudioError> {
        Self::in_pieces(from, to, 50)
    }

    /// A converter that takes so many pieces a second.
    fn in_pieces(from: u32, to: u32, pieces: u32) -> Result<Self, AudioError> {
        let (input, output) = ((from / pieces) as usize, (to / pieces) as usize);
        if !from.is_multiple_of(pieces) || !to.is_multiple_of(pieces) || input == 0 || output == 0 {
            return Err(AudioError::Resample(format!("{from} Hz to {to} Hz")));
        }
        let fft = Fft::new(from as usize, to as usize, input, 1, FixedSync::Both)
            .map_err(|e| AudioError::Resample(e.to_string()))?;
        Ok(Self { fft, input, output, kept: Vec::new() })
    }

    /// The delay of the output, in samples at its rate.
    #[must_use]
    pub fn delay(&self) -> usize {
        self.fft.output_delay()
    }

    /// Converts what comes in pieces of any length. What does not fill 20 ms waits for the next
    /// piece.
    ///
    /// # Errors
    ///
    /// The converter refuses.
    pub fn push(&mut self, pcm: &[i16]) -> Result<Vec<i16>, AudioError> {
        let mut waiting = std::mem::take(&mut self.kept);
        waiting.extend_from_slice(pcm);
        let mut out = Vec::with_capacity(waiting.len() / self.input * self.output);
        let mut pieces = waiting.chunks_exact(self.input);
        for piece in &mut pieces {
            out.extend(self.process(piece)?);
        }
        self.kept = pieces.remainder().to_vec();
        Ok(out)
    }

    /// Converts 20 ms at once. A shorter frame is filled with silence, of a longer one only the
    /// first 20 ms count.
    ///
    /// # Errors
    ///
    /// The converter refuses.
    pub fn process(&mut self, pcm: &[i16]) -> Result<Vec<i16>, AudioError> {
        let error = |e: &dyn std::fmt::Display| AudioError::Resample(e.to_string());
        let mut input: Vec<f32> = pcm.iter().take(self.input).map(|s| f32::from(*s)).collect();
        input.resize(self.input, 0.0);
        let mut output = vec![0.0; self.output];
        let from = InterleavedSlice::new(&input, 1, self.input).map_err(|e| error(&e))?;
        let mut to =
            InterleavedSlice::new_mut(&mut output, 1, self.output).map_err(|e| error(&e))?;
        self.fft.process_into_buffer(&from, &mut to, None).map_err(|e| error(&e))?;
        Ok(output.into_iter().map(|s| s.round() as i16).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_strength_there_and_back() {
        let mut down = Resampler::new(48_000, 8_000).unwrap();
        let mut up = Resampler::new(8_000, 48_000).unwrap();
        let tone = |n: usize| {
            ((n as f64 * 440.0 * std::f64::consts::TAU / 48_000.0).sin() * 10_000.0) as i16
        };
        let mut out = Vec::new();
        for frame in 0..20 {
            let pcm: Vec<_> = (0..960).map(|n| tone(frame * 960 + n)).collect();
            let narrow = down.process(&pcm).unwrap();
            assert_eq!(narrow.len(), 160);
            out.extend(up.process(&narrow).unwrap());
        }
        let peak = out[9600..].iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!((9_500..10_500).contains(&peak), "{peak}");
    }

    #[test]
    fn odd_rates_are_refused() {
        for (from, to) in [(0, 8_000), (48_000, 0), (44_101, 48_000)] {
            assert!(Resampler::new(from, to).is_err());
        }
    }
}
