//! The emulator's far ends: a voice from a recording, and an ear that writes down what it hears, each
//! on a thread of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::anyhow;
use offhook::audio::{RATE, Side, Speaker, Tape};
use offhook::media::{AudioCodec, AudioFrame};

/// Says a recording in Opus, frame by frame, at the pace of speech. Ends with the recording or when
/// `send` no longer takes frames.
///
/// # Errors
///
/// The recording is too long, or the codec cannot be set up.
pub fn say(pcm: &[i16], mut send: impl FnMut(AudioFrame) -> bool) -> anyhow::Result<()> {
    let mut speaker = Speaker::new(RATE)?;
    speaker.set_codec(AudioCodec::Opus);
    speaker.write(Instant::now(), pcm)?;
    speaker.finish(Instant::now());
    while let Some(at) = speaker.next_wake(Instant::now()) {
        // Real speech takes its time.
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if speaker.frame(Instant::now())?.is_some_and(|frame| !send(frame)) {
            break;
        }
    }
    Ok(())
}

/// Writes down what it hears, on a thread, until the frames end.
#[derive(Debug)]
pub struct Ear {
    thread: JoinHandle<()>,
    tape: Arc<Mutex<Tape>>,
}

impl Ear {
    /// Listens to a source of frames.
    pub fn listen(mut next: impl FnMut() -> Option<AudioFrame> + Send + 'static) -> Self {
        let tape = Arc::new(Mutex::new(Tape::new(Instant::now())));
        let notes = Arc::clone(&tape);
        let thread = std::thread::spawn(move || {
            while let Some(frame) = next() {
                let mut tape = notes.lock().unwrap_or_else(PoisonError::into_inner);
                // What comes after an hour is left out.
                let _ = tape.record(Instant::now(), Side::Heard, frame);
            }
        });
        Self { thread, tape }
    }

    /// The number of frames heard so far.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner).frames(Side::Heard)
    }

    /// The audio that it heard: 48 kHz mono. Waits for the end of the frames.
    ///
    /// # Errors
    ///
    /// Its thread panicked.
    pub fn finish(self) -> anyhow::Result<Vec<i16>> {
        self.thread.join().map_err(|_| anyhow!("the listener panicked"))?;
        let tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tape.pcm(Side::Heard, RATE)?)
    }
}
