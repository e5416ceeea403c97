//! Comparison of a recording with somebody's speech, piece by piece. A far end's playout stretches
//! and skips a little, and the speech is said again and again: neither matters to a quarter of a
//! second.

use offhook::audio::RATE;
use serde::Serialize;

/// The rate at which pieces are compared: what every codec carries.
const NARROW: usize = 8_000;
/// Samples of one piece: a quarter of a second.
const PIECE: usize = NARROW / 4;
/// Samples in one step of an envelope: 5 ms.
const STEP: usize = NARROW / 200;
/// A piece this loud (RMS) is speech.
const SPEECH: f64 = 200.0;
/// Places in the speech whose envelope fits best, of which each is looked at closely.
const PLACES: usize = 12;
/// The least correlation of a piece that is of the speech.
const ALIKE: f64 = 0.75;

/// Speech that is said again and again.
#[derive(Debug)]
pub(crate) struct Speech {
    pcm: Vec<f64>,
    envelope: Vec<f64>,
}

/// The findings about a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// Pieces in which somebody speaks.
    pub(crate) spoken: usize,
    /// The pieces that are found in the speech.
    pub(crate) alike: usize,
    /// The pieces that follow the one before as they do in the speech.
    pub(crate) in_order: usize,
    /// The correlation of the worst, in percent.
    pub(crate) worst: i32,
}

impl Speech {
    /// The speech of a recording, 48 kHz mono, in a loop.
    pub(crate) fn new(pcm: &[i16]) -> Self {
        let mut narrow = narrow(pcm);
        // A piece may begin near the end.
        narrow.extend_from_within(..PIECE.min(narrow.len()));
        Self { envelope: envelope(&narrow), pcm: narrow }
    }

    /// Looks for each piece of what was heard.
    pub(crate) fn judge(&self, heard: &[i16]) -> Verdict {
        let heard = narrow(heard);
        let mut verdict = Verdict { worst: 100, ..Verdict::default() };
        let mut before = None;
        for (n, piece) in heard.chunks_exact(PIECE).enumerate().filter(|(_, p)| rms(p) >= SPEECH) {
            verdict.spoken += 1;
            let (place, likeness) = self.place(piece);
            verdict.worst = verdict.worst.min((likeness * 100.0) as i32);
            if likeness < ALIKE {
                continue;
            }
            verdict.alike += 1;
            // The same distance from where the recording would begin, give or take 100 ms.
            let round = (self.pcm.len() - PIECE) as isize;
            let start = (place as isize - (n * PIECE) as isize).rem_euclid(round);
            let apart = before.map_or(0, |before: isize| (start - before).rem_euclid(round));
            let close = (NARROW / 10) as isize;
            verdict.in_order += usize::from(apart <= close || round - apart <= close);
            before = Some(start);
        }
        verdict
    }

    /// The place where a piece fits best, and its likeness there.
    fn place(&self, piece: &[f64]) -> (usize, f64) {
        let shape = envelope(piece);
        let mut places: Vec<_> = self
            .envelope
            .windows(shape.len())
            .map(|part| likeness(&shape, part))
            .enumerate()
            .collect();
        places.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        places
            .iter()
            .take(PLACES)
            .flat_map(|(step, _)| (step * STEP).saturating_sub(STEP)..=step * STEP + STEP)
            .filter_map(|at| Some((at, likeness(piece, self.pcm.get(at..at + piece.len())?))))
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .unwrap_or_default()
    }
}

fn narrow(pcm: &[i16]) -> Vec<f64> {
    let ratio = RATE as usize / NARROW;
    pcm.chunks_exact(ratio)
        .map(|part| part.iter().map(|s| f64::from(*s)).sum::<f64>() / ratio as f64)
        .collect()
}

fn envelope(pcm: &[f64]) -> Vec<f64> {
    pcm.chunks_exact(STEP).map(rms).collect()
}

fn rms(pcm: &[f64]) -> f64 {
    (pcm.iter().map(|s| s * s).sum::<f64>() / pcm.len().max(1) as f64).sqrt()
}

/// Normalised cross-correlation.
fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let (mut cross, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        cross += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    if of_a == 0.0 || of_b == 0.0 { 0.0 } else { cross / (of_a * of_b).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seconds: usize, seed: u32) -> Vec<i16> {
        let mut state = seed;
        let mut level = 0;
        (0..seconds * RATE as usize)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if n % 4_800 == 0 {
                    level = 1 + (state >> 29) as i16;
                }
                // Low enough in pitch that the narrow copy keeps it.
                if n / 24 % 2 == 0 { level * 800 } else { (state >> 22) as i16 }
            })
            .collect()
    }

    #[test]
    fn speech_is_found_wherever_it_begins_and_goes_round() {
        let said = noise(4, 7);
        let speech = Speech::new(&said);
        let mut heard = vec![0; 1_234];
        heard.extend_from_slice(&said[150_000..]);
        heard.extend_from_slice(&said[..60_000]);
        let verdict = speech.judge(&heard);
        assert!(verdict.spoken >= 3, "{verdict:?}");
        assert!(
            verdict.alike + 1 >= verdict.spoken,
            "the piece at the seam may be none: {verdict:?}"
        );
    }

    #[test]
    fn silence_is_no_speech_and_a_stranger_is_not_alike() {
        let speech = Speech::new(&noise(4, 7));
        assert_eq!(speech.judge(&vec![0; 96_000]).spoken, 0);
        let verdict = speech.judge(&noise(4, 8).iter().rev().map(|s| s / 2).collect::<Vec<_>>());
        assert!(verdict.spoken > 0 && verdict.in_order < verdict.spoken, "{verdict:?}");
    }
}
