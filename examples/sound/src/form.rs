//! The forms that sound has in devices, and the way between them and ours: 48 kHz, one channel, 16 bits.

use std::ops::RangeInclusive;
use std::time::Duration;

use dasp_sample::FromSample;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, ResamplerConstructionError,
    SincInterpolationParameters, WindowFunction,
};

use crate::RATE;

/// The pieces of a second that are converted at once: 5 ms each.
const PIECES: u32 = 200;
/// The samples, at the lower of two rates, that each new one is made of. What comes out is half of that late.
const AROUND: usize = 128;

/// Some forms in which a device can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) rates: RangeInclusive<u32>,
    pub(crate) channels: u16,
    /// The place of its samples' format among those that we take, from the best.
    pub(crate) format: usize,
}

impl Offer {
    /// The rate that is nearest to ours.
    pub(crate) fn rate(&self) -> u32 {
        RATE.clamp(*self.rates.start(), *self.rates.end())
    }

    /// The place among others, of which the least is to be taken: the nearest rate (of two, the higher), as few channels as
    /// there are, the best format.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        let rate = self.rate();
        (rate.abs_diff(RATE), rate < RATE, self.channels, self.format)
    }
}

/// The way from a microphone's frames to ours.
pub(crate) struct FromDevice {
    channels: usize,
    rate: Option<Rate>,
    pcm: Vec<i16>,
}

impl FromDevice {
    pub(crate) fn new(rate: u32, channels: u16) -> Result<Self, ResamplerConstructionError> {
        let (rate, channels) = (Rate::new(rate, RATE)?, usize::from(channels.max(1)));
        Ok(Self { channels, rate, pcm: Vec::new() })
    }

    /// Takes whole frames, however many; gives what is ready of them.
    pub(crate) fn take<S: Copy>(&mut self, frames: &[S]) -> &[i16]
    where
        f32: FromSample<S>,
    {
        // Of several channels the first is heard: the others of a microphone are the same, or nothing.
        let first = frames.iter().step_by(self.channels).map(|sample| f32::from_sample_(*sample));
        self.pcm.clear();
        // A cast of a float stops at the largest.
        let ours = |sample: f32| (sample * 32_768.0).round() as i16;
        match &mut self.rate {
            None => self.pcm.extend(first.map(ours)),
            Some(rate) => rate.push(first, |ready| {
                self.pcm.extend(ready.iter().map(|sample| ours(*sample)));
            }),
        }
        &self.pcm
    }

    /// The time that this takes.
    pub(crate) fn delay(&self) -> Duration {
        self.rate.as_ref().map_or(Duration::ZERO, Rate::delay)
    }
}

/// The way from our samples to a loudspeaker's frames.
pub(crate) struct ToDevice {
    channels: usize,
    rate: Option<Rate>,
    pcm: Vec<i16>,
    /// Samples at the device's rate that were not asked for yet.
    ready: Vec<f32>,
}

impl ToDevice {
    pub(crate) fn new(rate: u32, channels: u16) -> Result<Self, ResamplerConstructionError> {
        let (rate, channels) = (Rate::new(RATE, rate)?, usize::from(channels.max(1)));
        Ok(Self { channels, rate, pcm: Vec::new(), ready: Vec::new() })
    }

    /// Fills frames, however many, with the next of ours, of which as many are asked for as are wanted. All channels are the
    /// same.
    pub(crate) fn give<S: Copy + FromSample<f32>>(
        &mut self,
        frames: &mut [S],
        mut next: impl FnMut(&mut [i16]),
    ) {
        let wanted = frames.len().div_ceil(self.channels);
        while self.ready.len() < wanted {
            let missing = wanted - self.ready.len();
            self.pcm.resize(self.rate.as_ref().map_or(missing, Rate::piece), 0);
            next(&mut self.pcm);
            let theirs = self.pcm.iter().map(|sample| f32::from(*sample) / 32_768.0);
            match &mut self.rate {
                None => self.ready.extend(theirs),
                Some(rate) => rate.push(theirs, |ready| self.ready.extend(ready)),
            }
        }
        for (frame, sample) in frames.chunks_mut(self.channels).zip(self.ready.drain(..wanted)) {
            // What a filter makes of the loudest may be louder.
            frame.fill(S::from_sample_(sample.clamp(-1.0, 32_767.0 / 32_768.0)));
        }
    }

    /// The time that this takes.
    pub(crate) fn delay(&self) -> Duration {
        self.rate.as_ref().map_or(Duration::ZERO, Rate::delay)
    }
}

/// A change of rate, which goes on from one callback to the next.
struct Rate {
    resampler: Async<f32>,
    to: u32,
    /// Less than a piece, which waits for the rest.
    waiting: Vec<f32>,
    out: Vec<f32>,
}

impl Rate {
    /// A change from one rate to the other; none if they are the same.
    fn new(from: u32, to: u32) -> Result<Option<Self>, ResamplerConstructionError> {
        if from == to {
            return Ok(None);
        }
        let ratio = f64::from(to) / f64::from(from);
        let around = (AROUND as f64 / ratio.min(1.0)) as usize;
        let parameters = SincInterpolationParameters::new(around, WindowFunction::Blackman2);
        let piece = (from / PIECES).max(1) as usize;
        let resampler = Async::new_sinc(ratio, 1.0, &parameters, piece, 1, FixedAsync::Input)?;
        let out = vec![0.0; resampler.output_frames_max()];
        Ok(Some(Self { resampler, to, waiting: Vec::new(), out }))
    }

    /// The samples that it takes at once.
    fn piece(&self) -> usize {
        self.resampler.input_frames_next()
    }

    fn push(&mut self, samples: impl Iterator<Item = f32>, mut ready: impl FnMut(&[f32])) {
        for sample in samples {
            self.waiting.push(sample);
            if self.waiting.len() == self.piece() {
                ready(self.convert());
                self.waiting.clear();
            }
        }
    }

    fn convert(&mut self) -> &[f32] {
        let (taken, room) = (self.waiting.len(), self.out.len());
        let from = InterleavedSlice::new(&self.waiting, 1, taken);
        let to = InterleavedSlice::new_mut(&mut self.out, 1, room);
        let (Ok(from), Ok(mut to)) = (from, to) else { return &[] };
        // It refuses pieces of another length than it told, and there are no others.
        let done = self.resampler.process_into_buffer(&from, &mut to, None::<&Indexing>);
        &self.out[..done.map_or(0, |(_, made)| made)]
    }

    fn delay(&self) -> Duration {
        let late = self.resampler.output_delay() as f64 / f64::from(self.to);
        Duration::from_secs_f64(late + 1.0 / f64::from(PIECES))
    }
}
