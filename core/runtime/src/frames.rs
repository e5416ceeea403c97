//! One track's frames in the application's hands.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::{Sink, SinkExt, Stream, StreamExt as _};
use offhook::machine::{Frame, TrackId};

use crate::error::SendError;
use crate::queue::{Consumer, FrameQueue, Producer, Watch, ends};

/// Frames on their way to the driver, from all senders.
pub(crate) type Outgoing = mpsc::Sender<(TrackId, Frame)>;

/// Both directions of one track, of audio or of pictures, as encoded frames.
///
/// Take it at any time: frames that came earlier are gone. Taking it again ends the pair taken before.
/// Of a telephone call, whose one track is [`TrackId::audio`], [`Audio`](crate::Audio) is this with what
/// a call needs besides; the two end each other.
#[derive(Debug)]
pub struct Frames {
    /// The sender of frames to the far side.
    pub sink: FrameSender,
    /// The receiver of the far side's frames.
    pub stream: FrameReceiver,
}

impl Frames {
    /// The two directions, and the driver's end of what comes.
    pub(crate) fn new(
        track: TrackId,
        frames: Outgoing,
        queue: FrameQueue,
    ) -> (Self, Producer<FrameQueue>) {
        let (producer, consumer) = ends(queue);
        let session = consumer.watch();
        let sink = FrameSender { track, frames, session };
        (Self { sink, stream: FrameReceiver { frames: consumer } }, producer)
    }
}

/// Sends frames of a track to the far side, as they are. Waits only while the driver is behind.
///
/// Whether a frame can be sent is the machine's to say: what it refuses it tells of by an event.
pub struct FrameSender {
    pub(crate) track: TrackId,
    frames: Outgoing,
    pub(crate) session: Watch<FrameQueue>,
}

impl FrameSender {
    /// Sends one frame.
    ///
    /// # Errors
    ///
    /// [`SendError::Ended`]
    pub async fn send(&mut self, frame: Frame) -> Result<(), SendError> {
        SinkExt::send(self, frame).await
    }
}

impl Sink<Frame> for FrameSender {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.session.has_ended() {
            return Poll::Ready(Err(SendError::Ended));
        }
        self.frames.poll_ready(cx).map_err(|_| SendError::Ended)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), SendError> {
        let track = self.track;
        self.frames.start_send((track, frame)).map_err(|_| SendError::Ended)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.frames.disconnect();
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for FrameSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameSender({:?})", self.track)
    }
}

/// Frames of a track from the far side, in order: a `Stream` that ends with the session.
///
/// Of audio [`AUDIO_QUEUE`](crate::AUDIO_QUEUE) frames wait; past that the oldest goes, and the next
/// counts it in [`AudioFrame::lost_before`](offhook::media::AudioFrame::lost_before). Of pictures
/// [`VIDEO_QUEUE`](crate::VIDEO_QUEUE) of [`VIDEO_BYTES`](crate::VIDEO_BYTES) wait; past that the oldest
/// goes with all that build on it, so that the next is one that needs no other, which says
/// [`lost_before`](offhook::media::VideoFrame::lost_before).
pub struct FrameReceiver {
    frames: Consumer<FrameQueue>,
}

impl FrameReceiver {
    /// The next frame; `None` once the track has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        self.frames.next().await
    }
}

impl Stream for FrameReceiver {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.frames.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for FrameReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameReceiver")
    }
}
