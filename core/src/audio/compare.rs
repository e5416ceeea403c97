//! Comparison of what was heard with what was said.

use std::time::Duration;

use super::{FRAME, RATE};

/// Samples in one step of the envelope: 5 ms.
const STEP: usize = RATE as usize / 200;
/// The distance around the envelope's match within which the samples are searched: an envelope is
/// flat at its top, and misses by up to two and a half steps.
const REFINE: usize = 5 * STEP;
/// The samples of which one is made for the first of two searches.
const THIN: usize = 4;
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
    let offset = refined_offset(&source[probe.clone()], heard, coarse + probe.start as isize);
    let offset = offset - probe.start as isize;
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

/// The offset at which the envelopes are most alike, whatever is louder elsewhere.
fn coarse_offset(source: &[f64], heard: &[f64]) -> isize {
    let slack = 200_isize.min(source.len() as isize);
    let likeness = |offset: isize| -> f64 {
        let (mut common, mut energy) = (0.0, 0.0);
        for (n, s) in source.iter().enumerate() {
            let index = usize::try_from(n as isize + offset).ok();
            if let Some(h) = index.and_then(|index| heard.get(index)) {
                common += s * h;
                energy += h * h;
            }
        }
        if energy > 0.0 { common / energy.sqrt() } else { 0.0 }
    };
    let offsets = (-slack..=heard.len() as isize).map(|offset| (offset, likeness(offset)));
    offsets.max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(offset, _)| offset)
}

/// The offset around this one at which the samples match best: first as means of [`THIN`] samples,
/// in which the pitch of a voice shows, then one by one.
fn refined_offset(probe: &[i16], heard: &[i16], coarse: isize) -> isize {
    let around = |middle: isize, by: usize| middle - by as isize..=middle + by as isize;
    let best = |probe: &[i16], heard: &[i16], offsets: std::ops::RangeInclusive<isize>| {
        offsets.max_by(|a, b| {
            let of = |offset| correlation_at(probe, heard, offset);
            of(*a).total_cmp(&of(*b))
        })
    };
    let thin = |pcm: &[i16]| -> Vec<i16> {
        let mean = |few: &[i16]| few.iter().map(|s| i32::from(*s)).sum::<i32>() / THIN as i32;
        pcm.chunks_exact(THIN).map(|few| mean(few) as i16).collect()
    };
    let middle = coarse.div_euclid(THIN as isize);
    let near = best(&thin(probe), &thin(heard), around(middle, REFINE / THIN)).unwrap_or(middle);
    best(probe, heard, around(near * THIN as isize, THIN)).unwrap_or(coarse)
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

    /// A voice: a low pitch that rises and falls and its overtones, under syllables of every length.
    fn voice(samples: usize) -> Vec<i16> {
        let wave = |n: f64, herz: f64| (n * herz * std::f64::consts::TAU / f64::from(RATE)).sin();
        (0..samples)
            .map(|n| {
                let n = n as f64;
                let pitch: f64 =
                    (1..=20).map(|k| wave(n, 103.0 * f64::from(k)) / f64::from(k)).sum();
                let syllables = wave(n, 1.7).abs() * (1.0 + 0.5 * wave(n, 0.6));
                (pitch * syllables * 6_000.0) as i16
            })
            .collect()
    }

    #[test]
    fn a_voice_is_found_wherever_it_begins() {
        let source = voice(96_000);
        for offset in (1_900..1_900 + STEP).step_by(47) {
            let mut heard = vec![0; offset];
            // What comes is never quite what was said: here the last third is quieter.
            heard.extend(
                source.iter().enumerate().map(|(n, s)| if n > 64_000 { s / 3 } else { *s }),
            );
            let similarity = similarity(&source, &heard);
            assert_eq!(similarity.offset, offset as isize);
            assert!(similarity.correlation > 0.9, "{offset}: {similarity:?}");
        }
    }

    /// Whoever waits hears it again and again, until somebody talks.
    #[test]
    fn of_two_copies_the_whole_one_is_found_though_the_other_ends_in_something_loud() {
        let source = noise(48_000, 1);
        let loud = noise(20_000, 3).into_iter().map(|sample| sample.saturating_mul(4));
        let heard: Vec<i16> = source.iter().chain(&source[..40_000]).copied().chain(loud).collect();
        let similarity = similarity(&source, &heard);
        assert_eq!(similarity.offset, 0);
        assert!(similarity.correlation > 0.999, "{similarity:?}");
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
