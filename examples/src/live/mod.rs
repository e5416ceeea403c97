//! A live source of pictures: something that is grabbed, an encoder, and a thread for the two.
//!
//! | feature | what it brings |
//! | --- | --- |
//! | `h264` | an encoder, in Rust alone |
//! | `x11` | the screen of an X server, in Rust alone |

#[cfg(feature = "h264")]
pub mod h264;
mod i420;
#[cfg(feature = "x11")]
pub mod x11;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use offhook::media::{VideoCodec, VideoFrame};
use offhook::video::is_keyframe;

pub use i420::I420;

use crate::meeting::Source;

/// Pictures that wait to be sent; while there are so many, none is grabbed.
const WAITING: usize = 2;

/// Something whose picture can be taken.
pub trait Grab: Send + 'static {
    /// Its picture now.
    ///
    /// # Errors
    ///
    /// It is gone.
    fn grab(&mut self) -> anyhow::Result<I420>;
}

/// An encoder of pictures.
pub trait Encoder: Send + 'static {
    /// The codec.
    fn codec(&self) -> VideoCodec;

    /// A picture, encoded: one that needs no other where `force_key` says so. None where it leaves the
    /// picture out, or cannot encode it.
    fn encode(&mut self, picture: &I420, force_key: bool) -> Option<Vec<u8>>;
}

/// A source of pictures that are grabbed and encoded on a thread of its own, which ends with it.
#[derive(Debug)]
pub struct Live {
    pictures: Receiver<VideoFrame>,
    wants_key: Arc<AtomicBool>,
}

impl Live {
    /// Grabs so many pictures a second from now on. The first is a key frame.
    #[must_use]
    pub fn start(mut grab: impl Grab, mut encoder: impl Encoder, rate: u32) -> Self {
        let (send, pictures) = sync_channel(WAITING);
        let wants_key = Arc::new(AtomicBool::new(true));
        let wanted = Arc::clone(&wants_key);
        let interval = Duration::from_secs(1) / rate.max(1);
        std::thread::spawn(move || {
            let began = Instant::now();
            let mut due = began;
            let mut waiting: Option<VideoFrame> = None;
            loop {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                due = (due + interval).max(Instant::now());
                // Later pictures build on each that was encoded, so none is thrown away.
                if waiting.is_none() {
                    let Ok(picture) = grab.grab() else { return };
                    let data = encoder.encode(&picture, wanted.swap(false, Ordering::Relaxed));
                    waiting = data.map(|data| {
                        let codec = encoder.codec();
                        let passed = began.elapsed().as_micros() as u64;
                        let time = passed * u64::from(VideoCodec::CLOCK_RATE) / 1_000_000;
                        VideoFrame::new(codec, time, is_keyframe(codec, &data), data)
                    });
                }
                match waiting.take().map(|picture| send.try_send(picture)) {
                    None | Some(Ok(())) => {}
                    Some(Err(TrySendError::Full(picture))) => waiting = Some(picture),
                    Some(Err(TrySendError::Disconnected(_))) => return,
                }
            }
        });
        Self { pictures, wants_key }
    }
}

impl Source for Live {
    fn poll(&mut self, _: Instant) -> Option<VideoFrame> {
        self.pictures.try_recv().ok()
    }

    fn want_keyframe(&mut self, _: Instant) {
        self.wants_key.store(true, Ordering::Relaxed);
    }
}
