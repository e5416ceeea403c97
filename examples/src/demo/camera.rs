//! A camera, or a screen: test pictures, each with a number.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use offhook::media::{VideoCodec, VideoFrame};
use offhook::video::{Size, VideoError, pattern};
use offhook_runtime::{FrameSender, Sockets};

/// The word before a number at the end of a picture, by which the emulator counts
/// (`docs/protocol/emulator.md`).
const MARK: &[u8] = b"offhk#";
/// Digits of a number.
const DIGITS: usize = 10;
/// The time between two pictures.
const INTERVAL: Duration = Duration::from_millis(100);
/// The time between two looks at whether a picture is due.
const LOOK: Duration = Duration::from_millis(20);

/// The number of a picture, wherever it was made.
pub(super) fn number(frame: &VideoFrame) -> Option<u32> {
    let digits = frame.data.len().checked_sub(DIGITS)?;
    let mark = digits.checked_sub(MARK.len())?;
    let (mark, digits) = (&frame.data[mark..digits], &frame.data[digits..]);
    (mark == MARK).then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

/// Ten pictures a second for whoever sees them, from now on until the track ends. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Camera(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    lens: Lens,
    size: Size,
    began: Instant,
    due: Instant,
    /// The numbers that were shown.
    shown: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lens {
    /// Pictures have numbers.
    Open,
    /// Pictures have none, and are not counted.
    Covered,
}

impl Camera {
    /// Shows pictures of a size on a track.
    pub(super) fn start<R: Sockets>(sink: FrameSender, size: Size) -> anyhow::Result<Self> {
        let now = R::now();
        let state = State { lens: Lens::Open, size, began: now, due: now, shown: 0 };
        let camera = Self(Arc::new(Mutex::new(state)));
        R::spawn(camera.clone().run::<R>(sink))?;
        Ok(camera)
    }

    async fn run<R: Sockets>(self, mut sink: FrameSender) {
        loop {
            // A size that cannot be and a track that is over are both the end of it.
            let Ok(picture) = self.lock().poll(R::now()) else { return };
            if let Some(picture) = picture
                && sink.send(picture.into()).await.is_err()
            {
                return;
            }
            R::sleep(LOOK).await;
        }
    }

    /// Covers the lens, or opens it.
    pub(super) fn set_lens(&self, lens: Lens) {
        self.lock().lens = lens;
    }

    /// Shows pictures of another size.
    pub(super) fn resize(&self, size: Size) {
        self.lock().size = size;
    }

    /// Shows the next picture at once. Each is a key frame.
    pub(super) fn show_now(&self, now: Instant) {
        let mut state = self.lock();
        state.due = state.due.min(now);
    }

    /// The numbers that were shown so far.
    pub(super) fn shown(&self) -> u32 {
        self.lock().shown
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // It is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll(&mut self, now: Instant) -> Result<Option<VideoFrame>, VideoError> {
        if self.due > now {
            return Ok(None);
        }
        self.due = now + INTERVAL;
        let passed = now.saturating_duration_since(self.began);
        let time = passed.as_millis() as u64 * u64::from(VideoCodec::CLOCK_RATE) / 1000;
        let mut picture = pattern::frame(self.size, self.shown, time)?;
        match self.lens {
            Lens::Covered => {}
            Lens::Open => {
                // Decoders do not look behind a picture.
                let mark = format!("offhk#{:0DIGITS$}", self.shown);
                picture.data = [&picture.data[..], mark.as_bytes()].concat().into();
                self.shown += 1;
            }
        }
        Ok(Some(picture))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_has_the_next_number_and_a_covered_lens_none() {
        let now = Instant::now();
        let size = Size { width: 320, height: 192 };
        let mut state = State { lens: Lens::Open, size, began: now, due: now, shown: 0 };
        let first = state.poll(now).unwrap().unwrap();
        assert_eq!((number(&first), first.time, state.poll(now).unwrap()), (Some(0), 0, None));
        state.lens = Lens::Covered;
        let covered = state.poll(now + INTERVAL).unwrap().unwrap();
        assert_eq!((number(&covered), covered.time, state.shown), (None, 9_000, 1));
        state.lens = Lens::Open;
        assert_eq!(number(&state.poll(now + 2 * INTERVAL).unwrap().unwrap()), Some(1));
        assert!(Size::of(first.codec, &first.data) == Some(size) && first.keyframe);
    }
}
