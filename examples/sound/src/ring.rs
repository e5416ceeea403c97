//! Samples between two clocks.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{FRAME, RATE};

/// The samples that wait when the first is taken, and about which the ring stays: three frames.
const TARGET: usize = 3 * FRAME;
/// The lowest level of half a second above which it is not the jitter of either side that waits, but too much: five
/// frames.
const HIGH: usize = 5 * FRAME;
/// The most samples that wait, however late the taker is: half a second.
const MOST: usize = RATE as usize / 2;
/// The samples over which the lowest level is taken.
const WATCH: usize = RATE as usize / 2;
/// The samples over which the mean level is taken: two seconds.
const SMOOTH: f64 = 2.0 * RATE as f64;
/// The distance of the mean from the target within which nothing is done: clocks that agree are not meddled with.
/// Less of it below, where a gap is near.
const BAND: (f64, f64) = (-0.2 * FRAME as f64, FRAME as f64);
/// The change of speed for each sample beyond that: 0.2 % for a frame, which comes to rest within ten seconds.
const GAIN: f64 = 0.002 / FRAME as f64;
/// The largest change of speed. Nobody hears 0.4 %, and no clock is so wrong.
const LARGEST: f64 = 0.004;
/// The samples around the one that is made which its curve needs beside it.
const AROUND: usize = 3;

/// The things that went wrong in a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glitches {
    /// The times at which there was nothing to take.
    pub gaps: u64,
    /// The frames that were thrown away, because too many waited.
    pub dropped: u64,
}

impl Glitches {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.gaps + self.dropped
    }
}

impl std::ops::Add for Glitches {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { gaps: self.gaps + other.gaps, dropped: self.dropped + other.dropped }
    }
}

/// Samples that are brought by one clock and taken by another.
///
/// Some 60 ms wait in it. Where one clock is faster, the ring drains or fills, slowly; once that is more than a little,
/// what is taken is played a little faster or slower (at most 0.4 %). Where that is not enough, as after a pause of the
/// other side, frames are thrown away until it is, or there is silence until enough waits again. Both are counted.
///
/// ```
/// use offhook_sound::{FRAME, Ring};
///
/// let mut ring = Ring::default();
/// let mut out = [0; FRAME];
/// ring.push(&[7; 4 * FRAME]);
/// ring.pull(&mut out);
/// assert_eq!(out, [7; FRAME]);
/// assert_eq!(ring.glitches().total(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Ring {
    /// The next sample is made between the second and the third of these.
    samples: VecDeque<i16>,
    /// The place of the next sample between them: 0.0 is on the second.
    place: f64,
    flow: Flow,
    /// The mean of what waited.
    mean: f64,
    /// The least that waited lately, and the samples that were taken meanwhile.
    least: (usize, usize),
    glitches: Glitches,
}

/// The state of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// There is silence until enough waits.
    Fills,
    Flows,
}

impl Default for Ring {
    fn default() -> Self {
        Self {
            samples: VecDeque::new(),
            place: 0.0,
            flow: Flow::Fills,
            mean: TARGET as f64,
            least: (usize::MAX, 0),
            glitches: Glitches::default(),
        }
    }
}

impl Ring {
    /// Brings samples, however many.
    pub fn push(&mut self, pcm: &[i16]) {
        self.samples.extend(pcm);
        while self.waiting() > MOST {
            self.drop_frame();
        }
    }

    /// Takes as many samples as are asked for. What there is not is silence.
    pub fn pull(&mut self, out: &mut [i16]) {
        out.fill(0);
        let waiting = self.waiting();
        if self.flow == Flow::Fills {
            if waiting < TARGET {
                return;
            }
            self.start();
        }
        self.watch(self.waiting(), out.len());
        let step = 1.0 + self.correction();
        for sample in out {
            let Some(next) = self.next(step) else {
                self.glitches.gaps += 1;
                self.flow = Flow::Fills;
                return;
            };
            *sample = next;
        }
    }

    /// The samples that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.samples.len().saturating_sub(AROUND)
    }

    /// The time for which a sample waits, in the mean of late.
    #[must_use]
    pub fn delay(&self) -> Duration {
        match self.flow {
            Flow::Fills => Duration::ZERO,
            Flow::Flows => Duration::from_secs_f64(self.mean.max(0.0) / f64::from(RATE)),
        }
    }

    /// The change of speed with which samples are taken: 0.001 is 0.1 % faster than they came.
    #[must_use]
    pub fn correction(&self) -> f64 {
        let off = self.mean - TARGET as f64;
        ((off - off.clamp(BAND.0, BAND.1)) * GAIN).clamp(-LARGEST, LARGEST)
    }

    /// All that went wrong so far.
    #[must_use]
    pub fn glitches(&self) -> Glitches {
        self.glitches
    }

    /// Begins to flow with no more than is meant to wait: what came while nobody took it is old.
    fn start(&mut self) {
        while self.waiting() >= TARGET + FRAME {
            self.samples.drain(..FRAME);
        }
        self.flow = Flow::Flows;
        self.mean = self.waiting() as f64;
        self.least = (usize::MAX, 0);
    }

    /// Notes what waits when so many are asked for; throws a frame away where too much does all the time.
    fn watch(&mut self, waiting: usize, asked: usize) {
        let weight = (asked as f64 / SMOOTH).min(1.0);
        self.mean += (waiting as f64 - self.mean) * weight;
        let (least, over) = self.least;
        self.least = (least.min(waiting), over + asked);
        if self.least.1 < WATCH {
            return;
        }
        if self.least.0 > HIGH {
            let frames = (self.least.0 - TARGET) / FRAME;
            for _ in 0..frames {
                self.drop_frame();
            }
            self.mean = (self.mean - (frames * FRAME) as f64).max(TARGET as f64);
        }
        self.least = (usize::MAX, 0);
    }

    fn drop_frame(&mut self) {
        self.samples.drain(..FRAME);
        // Nobody is listening to what fills.
        if self.flow == Flow::Flows {
            self.glitches.dropped += 1;
        }
    }

    /// The next sample: on a cubic through the four around its place (Catmull-Rom), which goes through each of them.
    fn next(&mut self, step: f64) -> Option<i16> {
        let around = |n: usize| self.samples.get(n).map(|sample| f64::from(*sample));
        let (a, b, c, d) = (around(0)?, around(1)?, around(2)?, around(3)?);
        let t = self.place;
        let curve = b + 0.5
            * t
            * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)));
        self.place += step;
        while self.place >= 1.0 {
            self.samples.pop_front();
            self.place -= 1.0;
        }
        // A cast of a float stops at the largest.
        Some(curve.round() as i16)
    }
}
