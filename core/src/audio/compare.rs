//! Comparison of what was heard with what was said.

use std::time::Duration;

use super::{FRAME, RATE};

/// Samples in one step of the envelope: 5 ms.
const STEP: usize = RATE as usize / 200;
/// The distance around the envelope's match within which the samples are searched.
const REFINE: usize = 2 * STEP;
/// The loudest stretch that is used to find the exact offset: 1 s.
const PROBE: usize = RATE as usize;
/// The loudness (RMS) from which a frame counts as speech.
const SPEECH: f64 = 300.0;
/// The share of itself below which speech that arrives is a gap.
const GAP: f64 = 0.05;

/// The likeness of two recordings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// The place where the source begins in what was heard, in samples; may be before its start.
    pub offset: isize,
    /// Normalised cross-correlation after alignment, -1.0 to 1.0.
    pub correlation: f64,
    /// The longest stretch of speech that was not heard.
    pub longest_gap: Duration,
}

/// Finds a source in a longer recording of it, both 48 kHz mono.
///
/// First the envelopes are laid over each other, then the samples.
#[must_use]
pub fn similarity(source: &[i16], heard: &[i16]) -> Similarity {
    let coarse = coarse_offset(&envelope(source), &envelope(heard)) * STEP as isize;
    let probe = loudest(source, PROBE);
    let offset = (coarse - REFINE as isize..=coarse + REFINE as isize)
        .max_by(|a, b| {
            let of = |offset| {
                correlation_at(&source[probe.clone()], heard, offset + probe.start as isize)
            };
            of(*a).total_cmp(&of(*b))
        })
        .unwrap_or(coarse);
    Similarity {
        offset,
        correlation: correlation_at(source, heard, offset),
        longest_gap: longest_gap(source, heard, offset),
    }
}

fn envelope(pcm: &[i16]) -> Vec<f64> {
    pcm.chunks(STEP).map(rms).collect()
}

fn rms(pcm: &[i16]) -> f64 {
    let energy: f64 = pcm.iter().map(|s| f64::from(*s).powi(2)).sum();
    (energy / pcm.len().max(1) as f64).sqrt()
}

fn at(pcm: &[i16], index: isize) -> f64 {
    usize::try_from(index).ok().and_then(|i| pcm.get(i)).map_or(0.0, |s| f64::from(*s))
}

fn coarse_offset(source: &[f64], heard: &[f64]) -> isize {
    let slack = 200_isize.min(source.len() as isize);
    (-slack..=heard.len() as isize)
        .max_by(|a, b| {
            let score = |offset: isize| -> f64 {
                source
                    .iter()
                    .enumerate()
                    .filter_map(|(n, s)| {
                        let index = usize::try_from(n as isize + offset).ok()?;
                        Some(s * heard.get(index)?)
                    })
                    .sum()
            };
            score(*a).total_cmp(&score(*b))
        })
        .unwrap_or(0)
}

fn loudest(pcm: &[i16], length: usize) -> std::ops::Range<usize> {
    let length = length.min(pcm.len());
    let start = (0..=pcm.len() - length)
        .step_by(STEP)
        .max_by(|a, b| {
            let power = |start: usize| rms(&pcm[start..start + length]);
            power(*a).total_cmp(&power(*b))
        })
        .unwrap_or(0);
    start..start + length
}

fn correlation_at(source: &[i16], heard: &[i16], offset: isize) -> f64 {
    let (mut cross, mut said, mut got) = (0.0, 0.0, 0.0);
    for (n, sample) in source.iter().enumerate() {
        let (s, h) = (f64::from(*sample), at(heard, n as isize + offset));
        cross += s * h;
        said += s * s;
        got += h * h;
    }
    if said == 0.0 || got == 0.0 { 0.0 } else { cross / (said * got).sqrt() }
}

fn longest_gap(source: &[i16], heard: &[i16], offset: isize) -> Duration {
    let (mut longest, mut run) = (0_u64, 0_u64);
    for (n, frame) in source.chunks(FRAME).enumerate() {
        let start = (n * FRAME) as isize + offset;
        let got: Vec<_> = (0..frame.len() as isize).map(|i| at(heard, start + i) as i16).collect();
        let said = rms(frame);
        run = if said > SPEECH && rms(&got) < said * GAP { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    Duration::from_millis(longest * 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(samples: usize, seed: u32) -> Vec<i16> {
        let mut state = seed;
        (0..samples)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let envelope = ((n / 5000) % 4) as i32 + 1;
                ((state >> 16) as i16 / 8) * envelope as i16 / 4
            })
            .collect()
    }

    #[test]
    fn a_shifted_copy_is_found_exactly() {
        let source = noise(48_000, 1);
        let mut heard = vec![0; 7_777];
        heard.extend(&source);
        heard.extend(vec![0; 3_000]);
        let similarity = similarity(&source, &heard);
        assert_eq!(similarity.offset, 7_777);
        assert!(similarity.correlation > 0.999);
        assert_eq!(similarity.longest_gap, Duration::ZERO);
    }

    #[test]
    fn a_hole_is_measured_and_a_stranger_is_told() {
        let source = noise(48_000, 1);
        let mut heard = source.clone();
        heard[9_600..9_600 + 5 * FRAME].fill(0);
        let holed = similarity(&source, &heard);
        assert_eq!(holed.longest_gap, Duration::from_millis(100));
        let other = similarity(&source, &noise(48_000, 2));
        assert!(other.correlation < 0.3, "{other:?}");
        assert_eq!(similarity(&source, &[]).correlation, 0.0);
        assert_eq!(similarity(&[], &[]).correlation, 0.0);
    }
}
