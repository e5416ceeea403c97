//! A voice from a recording, and an ear that writes down what it hears: codecs and pacing on a
//! thread of their own, frames to and from the phone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use offhook::audio::{AudioDecoder, AudioEncoder, FRAME};
use offhook::media::{AudioCodec, AudioFrame};

/// The time of one frame.
pub const PACE: Duration = Duration::from_millis(20);
/// The longest recording kept: ten minutes.
const MAX_SAMPLES: usize = 600 * offhook::audio::RATE as usize;

/// Says a recording, frame by frame, at the pace of speech. Ends with the recording or when
/// `send` no longer takes frames.
///
/// # Errors
///
/// The codec cannot be set up.
pub fn say(
    pcm: &[i16],
    encoder: &mut AudioEncoder,
    mut send: impl FnMut(AudioFrame) -> bool,
) -> anyhow::Result<()> {
    let start = Instant::now();
    for (n, frame) in pcm.chunks(FRAME).enumerate() {
        let mut frame = frame.to_vec();
        frame.resize(FRAME, 0);
        let frame = encoder.encode(&frame)?;
        // Real speech takes its time.
        std::thread::sleep((start + PACE * n as u32).saturating_duration_since(Instant::now()));
        if !send(frame) {
            break;
        }
    }
    Ok(())
}

/// Writes down what it hears, on a thread, until the frames end.
#[derive(Debug)]
pub struct Ear {
    thread: JoinHandle<anyhow::Result<Vec<i16>>>,
    frames: Arc<AtomicU64>,
    first: Arc<OnceLock<Instant>>,
}

impl Ear {
    /// Listens to a source of frames.
    pub fn listen(mut next: impl FnMut() -> Option<AudioFrame> + Send + 'static) -> Self {
        let frames = Arc::new(AtomicU64::new(0));
        let first = Arc::new(OnceLock::new());
        let (count, begin) = (frames.clone(), Arc::clone(&first));
        let thread = std::thread::spawn(move || {
            let mut notes = Notes::default();
            while let Some(frame) = next() {
                begin.get_or_init(Instant::now);
                notes.write(&frame)?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(notes.pcm)
        });
        Self { thread, frames, first }
    }

    /// How many frames it heard so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// When it heard the first one.
    #[must_use]
    pub fn first(&self) -> Option<Instant> {
        self.first.get().copied()
    }

    /// What it heard: 48 kHz mono. Waits for the end of the frames.
    ///
    /// # Errors
    ///
    /// A frame could not be decoded.
    pub fn finish(self) -> anyhow::Result<Vec<i16>> {
        self.thread.join().map_err(|_| anyhow!("the listener panicked"))?
    }
}

/// What was heard, each frame at its media time, so that a gap stays a gap.
#[derive(Default)]
struct Notes {
    decoder: AudioDecoder,
    pcm: Vec<i16>,
    start: Option<(AudioCodec, u64)>,
}

impl Notes {
    fn write(&mut self, frame: &AudioFrame) -> anyhow::Result<()> {
        let rate = offhook::audio::RATE / frame.codec.clock_rate();
        let (_, start) = *self.start.get_or_insert((frame.codec, frame.time));
        let at = frame.time.saturating_sub(start) as usize * rate as usize;
        // What is lost is left silent here: this is for measuring, not for listening.
        let whole = AudioFrame { lost_before: 0, ..frame.clone() };
        let pcm = self.decoder.decode(&whole).context("a frame that cannot be decoded")?;
        let end = at + pcm.len();
        if end > MAX_SAMPLES {
            return Ok(());
        }
        if self.pcm.len() < end {
            self.pcm.resize(end, 0);
        }
        self.pcm[at..end].copy_from_slice(&pcm);
        Ok(())
    }
}
