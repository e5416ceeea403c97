//! Both ends of the sound: the devices', and the calls'.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::card::{Direction, Stream};
use crate::level::Level;
use crate::ring::{Glitches, Ring};
use crate::{BLOCK, FRAME};

/// The most calls that are heard at once.
const MAX_LINES: usize = 16;

/// The name of a [`Line`]. It is not given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(u64);

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

/// The processor of one microphone.
type Shared = Arc<Mutex<Box<dyn Processor>>>;

/// The sound of all calls. Whoever holds a lock does so for microseconds.
#[derive(Default)]
pub(crate) struct Hall {
    lines: Mutex<Lines>,
    /// Of the microphones that have one.
    processors: Mutex<BTreeMap<Stream, Shared>>,
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
    ends: BTreeMap<LineId, End>,
}

/// The end of one call.
struct End {
    play: Ring,
    record: Ring,
    state: LineState,
    /// The loudspeaker and the microphone that it is at.
    to: Option<Stream>,
    from: Option<Stream>,
    /// Of the far side's voice, up to 1.
    volume: f32,
}

/// The things of a call that matter to devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineState {
    /// True if it has no need of a microphone.
    pub(crate) only_hears: bool,
    /// True if the far side does not hear us.
    pub(crate) muted: bool,
    /// The times at which that has changed.
    pub(crate) changes: u64,
}

impl Lines {
    /// The loudspeaker that counts while two are in use, as for a moment when another is chosen.
    fn leads(&self, stream: Stream) -> bool {
        self.ends.values().filter_map(|end| end.to).min() == Some(stream)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing below leaves half of a change when it panics.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hall {
    pub(crate) fn speaker(self: &Arc<Self>, stream: Stream) -> Speaker {
        Speaker { hall: Arc::clone(self), stream, spare: Vec::new(), heard: Vec::new() }
    }

    pub(crate) fn microphone(
        self: &Arc<Self>,
        stream: Stream,
        processor: Option<Box<dyn Processor>>,
    ) -> Microphone {
        let processor = processor.map(|processor| Arc::new(Mutex::new(processor)));
        if let Some(processor) = &processor {
            lock(&self.processors).insert(stream, Arc::clone(processor));
        }
        let hall = Arc::clone(self);
        Microphone { hall, stream, processor, spare: Vec::new(), heard: Vec::new() }
    }

    pub(crate) fn line(self: &Arc<Self>, only_hears: bool) -> Option<Line> {
        let mut lines = lock(&self.lines);
        if lines.ends.len() >= MAX_LINES {
            return None;
        }
        let id = LineId(lines.next);
        lines.next += 1;
        let end = End {
            play: Ring::default(),
            record: Ring::default(),
            state: LineState { only_hears, muted: false, changes: 0 },
            to: None,
            from: None,
            volume: 1.0,
        };
        lines.ends.insert(id, end);
        Some(Line { hall: Arc::clone(self), id })
    }

    /// The calls that there are.
    pub(crate) fn lines(&self) -> BTreeMap<LineId, LineState> {
        lock(&self.lines).ends.iter().map(|(id, end)| (*id, end.state)).collect()
    }

    /// Has a call be heard by that loudspeaker, and speak into that microphone.
    pub(crate) fn connect(&self, line: LineId, to: Option<Stream>, from: Option<Stream>) {
        if let Some(end) = lock(&self.lines).ends.get_mut(&line) {
            (end.to, end.from) = (to, from);
        }
    }

    /// Has a call be heard so loud, up to 100.
    pub(crate) fn set_volume(&self, line: LineId, volume: u8) {
        if let Some(end) = lock(&self.lines).ends.get_mut(&line) {
            end.volume = f32::from(volume.min(100)) / 100.0;
        }
    }

    /// Notes that a stream is closed.
    pub(crate) fn closed(&self, stream: Stream) {
        lock(&self.processors).remove(&stream);
        for end in lock(&self.lines).ends.values_mut() {
            end.to.take_if(|to| *to == stream);
            end.from.take_if(|from| *from == stream);
        }
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
        self.figures(&self.output, |end| &end.play)
    }

    pub(crate) fn input(&self) -> Figures {
        self.figures(&self.input, |end| &end.record)
    }

    fn figures(&self, side: &Mutex<Side>, ring: impl Fn(&End) -> &Ring) -> Figures {
        let lines = lock(&self.lines);
        let side = lock(side);
        let rings = || lines.ends.values().map(&ring);
        Figures {
            level: side.level,
            waits: rings().map(Ring::delay).max().unwrap_or_default(),
            device: side.device,
            glitches: rings().map(Ring::glitches).fold(side.glitches, |all, each| all + each),
            underruns: side.underruns,
        }
    }

    /// The next 10 ms of all calls together that are heard by a loudspeaker, and whether it is the one that counts.
    fn mixed(&self, stream: Stream) -> ([i16; BLOCK], bool) {
        let mut mixed = [0_i16; BLOCK];
        let mut lines = lock(&self.lines);
        let leads = lines.leads(stream);
        for end in lines.ends.values_mut().filter(|end| end.to == Some(stream)) {
            let mut one = [0; BLOCK];
            end.play.pull(&mut one);
            for (all, one) in mixed.iter_mut().zip(one) {
                *all = all.saturating_add((f32::from(one) * end.volume) as i16);
            }
        }
        (mixed, leads)
    }

    /// Gives calls the next 10 ms of their microphone.
    fn spoken(&self, stream: Stream, block: &[i16]) {
        for end in lock(&self.lines).ends.values_mut().filter(|end| end.from == Some(stream)) {
            end.record.push(block);
        }
    }

    fn is_spoken_into(&self, stream: Stream) -> bool {
        lock(&self.lines).ends.values().any(|end| end.from == Some(stream))
    }

    fn forget(&self, line: LineId) {
        let Some(end) = lock(&self.lines).ends.remove(&line) else { return };
        for (side, ring) in [(&self.output, end.play), (&self.input, end.record)] {
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
    stream: Stream,
    /// Less than 10 ms that were not asked for yet.
    spare: Vec<i16>,
    heard: Vec<i16>,
}

impl Speaker {
    /// Gives what is to be played next.
    pub fn fill(&mut self, out: &mut [i16]) {
        while self.spare.len() < out.len() {
            let (block, leads) = self.hall.mixed(self.stream);
            if leads {
                let processors = lock(&self.hall.processors).clone();
                processors.values().for_each(|processor| lock(processor).render(&block));
                lock(&self.hall.output).measure(&mut self.heard, &block);
            }
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
    stream: Stream,
    processor: Option<Shared>,
    /// Less than 10 ms that wait for the rest.
    spare: Vec<i16>,
    heard: Vec<i16>,
}

impl Microphone {
    /// Takes what was recorded, in pieces of any length.
    pub fn hear(&mut self, pcm: &[i16]) {
        if !self.hall.is_spoken_into(self.stream) {
            // It was opened to take another's place, or is about to be closed.
            return self.spare.clear();
        }
        self.spare.extend(pcm);
        let mut waiting = std::mem::take(&mut self.spare);
        let (blocks, rest) = waiting.as_chunks_mut::<BLOCK>();
        for block in blocks {
            if let Some(processor) = &self.processor {
                lock(processor).capture(block);
            }
            lock(&self.hall.input).measure(&mut self.heard, block);
            self.hall.spoken(self.stream, block);
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
    id: LineId,
}

impl Line {
    /// Its name, by which news are told of it.
    #[must_use]
    pub fn id(&self) -> LineId {
        self.id
    }

    /// Takes note that the far side does not hear us, or does. Sound comes all the same: it is the call that is muted.
    pub fn set_muted(&self, muted: bool) {
        self.end(|end| {
            let state = &mut end.state;
            state.changes += u64::from(state.muted != muted);
            state.muted = muted;
        });
    }

    /// Plays what was heard of the far side, as it comes.
    pub fn play(&self, pcm: &[i16]) {
        self.end(|end| end.play.push(pcm));
    }

    /// Takes the next 20 ms of what the microphone hears: silence where there is none.
    pub fn record(&self) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        self.end(|end| end.record.pull(&mut frame));
        frame
    }

    fn end(&self, act: impl FnOnce(&mut End)) {
        if let Some(end) = lock(&self.hall.lines).ends.get_mut(&self.id) {
            act(end);
        }
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
