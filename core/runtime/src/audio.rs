//! A session's audio in the application's hands.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::future::{Either, select};
use futures_util::{Sink, SinkExt, Stream, StreamExt as _};
use offhook::machine::MediaId;
use offhook::media::{Agreement, AudioFrame};

use crate::error::SendError;
use crate::line::{Line, View};
use crate::queue::{AudioQueue, Consumer, Producer, Watch, ends};
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

/// Frames on their way to the driver, from all senders.
pub(crate) type Frames = mpsc::Sender<(MediaId, AudioFrame)>;

impl Audio {
    pub(crate) fn new(
        media: MediaId,
        frames: Frames,
        line: Arc<Line>,
        timer: Timer,
    ) -> (Self, Producer<AudioQueue>) {
        line.set_clock(&timer.clock);
        let (producer, consumer) = ends(AudioQueue::new(Arc::clone(&line), timer.clock.clone()));
        let session = consumer.watch();
        let stream = AudioReceiver { frames: consumer, timer: timer.clone() };
        let sink = AudioSender { media, frames, session, line, timer };
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
    media: MediaId,
    frames: Frames,
    pub(crate) session: Watch<AudioQueue>,
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
        if self.session.has_ended() {
            return Err(SendError::Ended);
        }
        match select(pin!(self.line.view.find(View::open)), pin!(self.session.ended())).await {
            Either::Left((agreement, _)) => Ok(agreement),
            Either::Right(((), _)) => Err(SendError::Ended),
        }
    }
}

impl Sink<AudioFrame> for AudioSender {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.session.has_ended() {
            return Poll::Ready(Err(SendError::Ended));
        }
        self.frames.poll_ready(cx).map_err(|_| SendError::Ended)
    }

    fn start_send(mut self: Pin<&mut Self>, mut frame: AudioFrame) -> Result<(), SendError> {
        self.line.send(self.timer.clock.now(), &mut frame)?;
        let media = self.media;
        self.frames.start_send((media, frame)).map_err(|_| SendError::Ended)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.frames.disconnect();
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for AudioSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AudioSender({:?})", self.media)
    }
}

/// Frames from the far side, in order: a `Stream` that ends with the session.
///
/// [`AUDIO_QUEUE`](crate::AUDIO_QUEUE) frames wait; past that the oldest goes, and the next
/// frame counts it in [`AudioFrame::lost_before`].
pub struct AudioReceiver {
    frames: Consumer<AudioQueue>,
    #[cfg_attr(not(feature = "audio"), expect(dead_code, reason = "frames need no timer"))]
    pub(crate) timer: Timer,
}

impl AudioReceiver {
    /// The next frame; `None` once the audio has ended.
    pub async fn next(&mut self) -> Option<AudioFrame> {
        self.frames.next().await
    }
}

impl Stream for AudioReceiver {
    type Item = AudioFrame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AudioFrame>> {
        self.frames.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for AudioReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AudioReceiver")
    }
}
