//! A session's audio in the application's hands.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{Either, select};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use offhook::machine::{Frame, MediaId, TrackId};
use offhook::media::{Agreement, AudioFrame};

use crate::error::SendError;
use crate::frames::{FrameReceiver, FrameSender, Frames, Outgoing};
use crate::line::{Line, View};
use crate::queue::{FrameQueue, Producer};
use crate::timer::Timer;

/// Both directions of one session's audio, as encoded frames.
///
/// Take it once for each session, at any time: frames that came earlier are gone, so that what
/// is heard is never late. Taking it again ends the pair taken before.
///
/// With the feature `audio` it has PCM, at any rate (`Audio::pcm`), plays WAV files (`Audio::play`)
/// and records (`Audio::record`).
#[derive(Debug)]
pub struct Audio {
    /// The sender of frames to the far side.
    pub sink: AudioSender,
    /// The receiver of the far side's frames.
    pub stream: AudioReceiver,
}

impl Audio {
    pub(crate) fn new(
        media: MediaId,
        outgoing: Outgoing,
        line: Arc<Line>,
        timer: Timer,
    ) -> (Self, Producer<FrameQueue>) {
        line.set_clock(&timer.clock);
        let queue = FrameQueue::of_line(Arc::clone(&line), timer.clock.clone());
        let (frames, producer) = Frames::new(TrackId::audio(media), outgoing, queue);
        let stream = AudioReceiver { frames: frames.stream, tap: None, timer: timer.clone() };
        let sink = AudioSender { frames: frames.sink, line, timer };
        (Self { sink, stream }, producer)
    }

    /// The agreement with the far side that is in force ([`AudioSender::agreement`]).
    #[must_use]
    pub fn agreement(&self) -> Option<Agreement> {
        self.sink.agreement()
    }

    /// Waits until it can be heard ([`AudioSender::connected`]).
    ///
    /// # Errors
    ///
    /// [`SendError::Ended`]
    pub async fn connected(&self) -> Result<Agreement, SendError> {
        self.sink.connected().await
    }
}

/// Sends frames to the far side. Waits only while the driver is behind; pace the frames by
/// their own length, usually 20 ms.
///
/// What is sent before media is connected is kept, three seconds of it
/// ([`MAX_BACKLOG`](offhook::media::MAX_BACKLOG) frames), and sent then, in order; what is beyond
/// that is refused, and so is a codec that was not agreed on. Muted in the session, or while the far
/// side does not want to hear anything ([`Agreement::direction`]), frames are taken and nobody hears
/// them: time goes on in a live conversation.
///
/// Media times may begin anywhere. Where they go back, as with another source, they are moved on by
/// what has passed since.
pub struct AudioSender {
    pub(crate) frames: FrameSender,
    pub(crate) line: Arc<Line>,
    pub(crate) timer: Timer,
}

impl AudioSender {
    /// Sends one frame.
    ///
    /// # Errors
    ///
    /// The frame is not sent, and why.
    pub async fn send(&mut self, frame: AudioFrame) -> Result<(), SendError> {
        SinkExt::send(self, frame).await
    }

    /// The agreement with the far side that is in force: the codec to speak, all that may be heard and sent,
    /// and the direction. None before anything is. It may change at any time.
    #[must_use]
    pub fn agreement(&self) -> Option<Agreement> {
        self.line.view.read(|view| view.agreement)
    }

    /// Waits until media is connected, or was, and gives what is agreed on.
    ///
    /// # Errors
    ///
    /// [`SendError::Ended`]
    pub async fn connected(&self) -> Result<Agreement, SendError> {
        let session = &self.frames.session;
        if session.has_ended() {
            return Err(SendError::Ended);
        }
        match select(pin!(self.line.view.find(View::open)), pin!(session.ended())).await {
            Either::Left((agreement, _)) => Ok(agreement),
            Either::Right(((), _)) => Err(SendError::Ended),
        }
    }
}

impl Sink<AudioFrame> for AudioSender {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.frames.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, mut frame: AudioFrame) -> Result<(), SendError> {
        self.line.send(self.timer.clock.now(), &mut frame)?;
        self.frames.start_send_unpin(frame.into())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.frames.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.frames.poll_close_unpin(cx)
    }
}

impl std::fmt::Debug for AudioSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AudioSender({:?})", self.frames.track.media)
    }
}

/// Frames from the far side, in order: a `Stream` that ends with the session.
///
/// [`AUDIO_QUEUE`](crate::AUDIO_QUEUE) frames wait; past that the oldest goes, and the next
/// frame counts it in [`AudioFrame::lost_before`].
pub struct AudioReceiver {
    frames: FrameReceiver,
    tap: Option<Tap>,
    #[cfg_attr(not(feature = "audio"), expect(dead_code, reason = "frames need no timer"))]
    pub(crate) timer: Timer,
}

impl AudioReceiver {
    /// The next frame; `None` once the audio has ended.
    pub async fn next(&mut self) -> Option<AudioFrame> {
        StreamExt::next(self).await
    }

    /// Shows each frame to a function as it is taken, also where it is taken as
    /// [PCM](AudioReceiver::pcm): for a file of what is heard, which wants the frames as they came. The
    /// function is called in the task that takes them, so it is to return at once. It takes the place of
    /// the one before.
    #[must_use]
    pub fn tap(mut self, tap: impl FnMut(&AudioFrame) + Send + Sync + 'static) -> Self {
        self.tap = Some(Box::new(tap));
        self
    }
}

/// A function that is shown the frames.
type Tap = Box<dyn FnMut(&AudioFrame) + Send + Sync>;

impl Stream for AudioReceiver {
    type Item = AudioFrame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AudioFrame>> {
        loop {
            return match self.frames.poll_next_unpin(cx) {
                Poll::Ready(Some(Frame::Audio(frame))) => {
                    if let Some(tap) = &mut self.tap {
                        tap(&frame);
                    }
                    Poll::Ready(Some(frame))
                }
                // Not of a track of audio.
                Poll::Ready(Some(_)) => continue,
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }
}

impl std::fmt::Debug for AudioReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AudioReceiver")
    }
}
