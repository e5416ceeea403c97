//! Both ends of the sound: the devices', and the calls'.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::card::Direction;
use crate::level::Level;
use crate::ring::{Glitches, Ring};
use crate::{BLOCK, FRAME};

/// The most calls that are heard at once.
const MAX_LINES: usize = 16;

/// Something that makes a voice better, 10 ms at a time: [`BLOCK`] samples.
pub trait Processor: Send {
    /// Is told what the loudspeaker plays, also while it is silent.
    fn render(&mut self, played: &[i16; BLOCK]);

    /// Changes what the microphone has heard.
    fn capture(&mut self, heard: &mut [i16; BLOCK]);
}

/// Figures of one way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// The loudness of the last 20 ms.
    pub level: Level,
    /// The time for which sound waits between the call and the device.
    pub waits: Duration,
    /// The time that the device takes, in its own words.
    pub device: Duration,
    /// All that went wrong between them.
    pub glitches: Glitches,
    /// The times at which the device itself ran dry, in its own words.
    pub underruns: u64,
}

impl Figures {
    /// The whole delay on this machine.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.waits + self.device
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}, {} ms late, {} glitches",
            self.level,
            self.delay().as_millis(),
            self.glitches.total() + self.underruns
        )
    }
}

/// The sound of all calls. Whoever holds a lock does so for microseconds.
#[derive(Default)]
pub(crate) struct Hall {
    lines: Mutex<Lines>,
    processor: Mutex<Option<Box<dyn Processor>>>,
    output: Mutex<Side>,
    input: Mutex<Side>,
}

/// The figures of one way beside its rings.
#[derive(Default)]
struct Side {
    level: Level,
    device: Duration,
    underruns: u64,
    /// Of calls that are over.
    glitches: Glitches,
}

#[derive(Default)]
struct Lines {
    next: u64,
    rings: BTreeMap<u64, Rings>,
}

#[derive(Default)]
struct Rings {
    play: Ring,
    record: Ring,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing below leaves half of a change when it panics.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hall {
    pub(crate) fn speaker(self: &Arc<Self>) -> Speaker {
        Speaker { hall: Arc::clone(self), spare: Vec::new(), heard: Vec::new() }
    }

    pub(crate) fn microphone(self: &Arc<Self>) -> Microphone {
        Microphone { hall: Arc::clone(self), spare: Vec::new(), heard: Vec::new() }
    }

    pub(crate) fn line(self: &Arc<Self>) -> Option<Line> {
        let mut lines = lock(&self.lines);
        if lines.rings.len() >= MAX_LINES {
            return None;
        }
        let id = lines.next;
        lines.next += 1;
        lines.rings.insert(id, Rings::default());
        Some(Line { hall: Arc::clone(self), id })
    }

    /// True while a call wants sound.
    pub(crate) fn is_used(&self) -> bool {
        !lock(&self.lines).rings.is_empty()
    }

    pub(crate) fn set_processor(&self, processor: Option<Box<dyn Processor>>) {
        *lock(&self.processor) = processor;
    }

    /// Notes that no device of one way is open.
    pub(crate) fn silent(&self, direction: Direction) {
        let mut side = lock(match direction {
            Direction::Output => &self.output,
            Direction::Input => &self.input,
        });
        side.level = Level::default();
        side.device = Duration::ZERO;
    }

    pub(crate) fn output(&self) -> Figures {
        self.figures(&self.output, |rings| &rings.play)
    }

    pub(crate) fn input(&self) -> Figures {
        self.figures(&self.input, |rings| &rings.record)
    }

    fn figures(&self, side: &Mutex<Side>, ring: impl Fn(&Rings) -> &Ring) -> Figures {
        let lines = lock(&self.lines);
        let side = lock(side);
        let rings = || lines.rings.values().map(&ring);
        Figures {
            level: side.level,
            waits: rings().map(Ring::delay).max().unwrap_or_default(),
            device: side.device,
            glitches: rings().map(Ring::glitches).fold(side.glitches, |all, each| all + each),
            underruns: side.underruns,
        }
    }

    /// The next 10 ms of all calls together.
    fn mixed(&self) -> [i16; BLOCK] {
        let mut mixed = [0_i16; BLOCK];
        for rings in lock(&self.lines).rings.values_mut() {
            let mut one = [0; BLOCK];
            rings.play.pull(&mut one);
            for (all, one) in mixed.iter_mut().zip(one) {
                *all = all.saturating_add(one);
            }
        }
        mixed
    }

    fn forget(&self, line: u64) {
        let Some(rings) = lock(&self.lines).rings.remove(&line) else { return };
        for (side, ring) in [(&self.output, rings.play), (&self.input, rings.record)] {
            let mut side = lock(side);
            side.glitches = side.glitches + ring.glitches();
        }
    }
}

impl Side {
    /// Measures each 20 ms of what passes.
    fn measure(&mut self, heard: &mut Vec<i16>, block: &[i16]) {
        heard.extend(block);
        if heard.len() >= FRAME {
            self.level = Level::of(heard);
            heard.clear();
        }
    }
}

/// The end of a device that plays.
pub struct Speaker {
    hall: Arc<Hall>,
    /// Less than 10 ms that were not asked for yet.
    spare: Vec<i16>,
    heard: Vec<i16>,
}

impl Speaker {
    /// Gives what is to be played next.
    pub fn fill(&mut self, out: &mut [i16]) {
        while self.spare.len() < out.len() {
            let block = self.hall.mixed();
            if let Some(processor) = &mut *lock(&self.hall.processor) {
                processor.render(&block);
            }
            lock(&self.hall.output).measure(&mut self.heard, &block);
            self.spare.extend(block);
        }
        out.copy_from_slice(&self.spare[..out.len()]);
        self.spare.drain(..out.len());
    }

    /// Is told the time that the device takes to play it.
    pub fn set_latency(&mut self, latency: Duration) {
        lock(&self.hall.output).device = latency;
    }

    /// Is told that the device ran dry.
    pub fn underrun(&mut self) {
        lock(&self.hall.output).underruns += 1;
    }
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Speaker")
    }
}

/// The end of a device that records.
pub struct Microphone {
    hall: Arc<Hall>,
    /// Less than 10 ms that wait for the rest.
    spare: Vec<i16>,
    heard: Vec<i16>,
}

impl Microphone {
    /// Takes what was recorded, in pieces of any length.
    pub fn hear(&mut self, pcm: &[i16]) {
        self.spare.extend(pcm);
        let mut waiting = std::mem::take(&mut self.spare);
        let (blocks, rest) = waiting.as_chunks_mut::<BLOCK>();
        for block in blocks {
            if let Some(processor) = &mut *lock(&self.hall.processor) {
                processor.capture(block);
            }
            lock(&self.hall.input).measure(&mut self.heard, block);
            for rings in lock(&self.hall.lines).rings.values_mut() {
                rings.record.push(block);
            }
        }
        self.spare = rest.to_vec();
    }

    /// Is told the time that the device took to record it.
    pub fn set_latency(&mut self, latency: Duration) {
        lock(&self.hall.input).device = latency;
    }
}

impl std::fmt::Debug for Microphone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Microphone")
    }
}

/// The end of a call. Nothing here waits, whatever the devices do. When it is dropped, the call is over.
pub struct Line {
    hall: Arc<Hall>,
    id: u64,
}

impl Line {
    /// Plays what was heard of the far side, as it comes.
    pub fn play(&self, pcm: &[i16]) {
        if let Some(rings) = lock(&self.hall.lines).rings.get_mut(&self.id) {
            rings.play.push(pcm);
        }
    }

    /// Takes the next 20 ms of what the microphone hears: silence where there is none.
    pub fn record(&self) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        if let Some(rings) = lock(&self.hall.lines).rings.get_mut(&self.id) {
            rings.record.pull(&mut frame);
        }
        frame
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.hall.forget(self.id);
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Line").field(&self.id).finish()
    }
}
