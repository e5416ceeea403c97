//! Recordings of calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use offhook::audio::{AudioError, Side, Tape, Tracks};

use crate::audio::{Audio, AudioSender};
use crate::line::Line;
use crate::queue::{FrameQueue, Watch};
use crate::timer::Timer;

impl Audio {
    /// Records both directions from now on ([`AudioSender::record`]).
    #[must_use]
    pub fn record(&self) -> Recording {
        self.sink.record()
    }

    /// The maker of recordings of this session ([`AudioSender::recorder`]).
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        self.sink.recorder()
    }
}

impl AudioSender {
    /// Records both directions from now on: what is heard, whether or not somebody reads it, and what is
    /// sent, whether or not it is heard. It goes on when the audio is dropped.
    #[must_use]
    pub fn record(&self) -> Recording {
        self.recorder().record()
    }

    /// The maker of recordings of this session, for those that begin when the audio is somebody else's: a session may
    /// carry one call after the other.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        let (session, timer) = (self.frames.session.clone(), self.timer.clone());
        Recorder { session, line: Arc::clone(&self.line), timer }
    }
}

/// The maker of recordings of a session, as long as that lasts.
#[derive(Clone)]
pub struct Recorder {
    session: Watch<FrameQueue>,
    line: Arc<Line>,
    timer: Timer,
}

impl Recorder {
    /// Records both directions from now on ([`AudioSender::record`]).
    #[must_use]
    pub fn record(&self) -> Recording {
        let Self { session, line, timer } = self.clone();
        let began = timer.clock.now();
        let tape = Arc::new(Mutex::new(Tape::new(began)));
        line.record(&tape);
        Recording { tape, began, session, line, timer }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

/// A recording that is being made, until it is dropped or the session ends: an hour at most
/// ([`Tape`]). It keeps frames as they come, and needs nobody to look after it; to make PCM or a file
/// of it takes some time of the processor, seconds for an hour.
pub struct Recording {
    tape: Arc<Mutex<Tape>>,
    began: Instant,
    session: Watch<FrameQueue>,
    line: Arc<Line>,
    timer: Timer,
}

impl Recording {
    /// Waits until it has lasted so long, or the session has ended.
    pub async fn wait(&self, length: Duration) {
        let passed = self.timer.clock.now().saturating_duration_since(self.began);
        // Whichever is first.
        let _ = self.timer.within(length.saturating_sub(passed), self.ended()).await;
    }

    /// Waits until the session has ended. It goes on where its audio is taken again.
    pub async fn ended(&self) {
        self.session.ended().await;
        self.line.view.find(|view| view.is_over().then_some(())).await;
    }

    /// A WAV file of what there is so far, 16 bits a sample, at this rate ([`Tape::wav`]).
    ///
    /// # Errors
    ///
    /// There is no such rate.
    pub fn wav(&self, tracks: Tracks, rate: u32) -> Result<Vec<u8>, AudioError> {
        self.tape().wav(tracks, rate)
    }

    /// One side of what there is so far ([`Tape::pcm`]).
    ///
    /// # Errors
    ///
    /// There is no such rate.
    pub fn pcm(&self, side: Side, rate: u32) -> Result<Vec<i16>, AudioError> {
        self.tape().pcm(side, rate)
    }

    /// A copy of what there is so far.
    #[must_use]
    pub fn tape(&self) -> Tape {
        self.lock().clone()
    }

    /// True once its limit is reached, and something is not on it ([`Tape::is_full`]).
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    fn lock(&self) -> MutexGuard<'_, Tape> {
        // A tape is whole after every statement.
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recording")
    }
}
