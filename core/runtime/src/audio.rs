//! A session's audio in the application's hands.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::{Sink, SinkExt, Stream, StreamExt as _};
use offhook::machine::MediaId;
use offhook::media::AudioFrame;

use crate::queue::{AudioQueue, Consumer, Producer, Watch, channel};

/// Both directions of one session's audio, as encoded frames.
///
/// Take it once for each session, at any time: frames that came earlier are gone, so that what
/// is heard is never late. Taking it again ends the pair taken before.
#[derive(Debug)]
pub struct Audio {
    /// Towards the far side.
    pub sink: AudioSender,
    /// From the far side.
    pub stream: AudioReceiver,
}

/// Frames on their way to the driver, from all senders.
pub(crate) type Frames = mpsc::Sender<(MediaId, AudioFrame)>;

impl Audio {
    pub(crate) fn new(media: MediaId, frames: Frames) -> (Self, Producer<AudioQueue>) {
        let (producer, consumer) = channel();
        let sink = AudioSender { media, frames, session: consumer.watch() };
        (Self { sink, stream: AudioReceiver(consumer) }, producer)
    }
}

/// The session is over, or its audio was taken again, or the client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audio has ended")]
pub struct AudioEnded;

/// Sends frames to the far side. Waits only while the driver is behind; pace the frames by
/// their own length, usually 20 ms.
pub struct AudioSender {
    media: MediaId,
    frames: Frames,
    session: Watch<AudioQueue>,
}

impl AudioSender {
    /// Sends one frame.
    ///
    /// # Errors
    ///
    /// The audio has ended; the frame is dropped.
    pub async fn send(&mut self, frame: AudioFrame) -> Result<(), AudioEnded> {
        SinkExt::send(self, frame).await
    }
}

impl Sink<AudioFrame> for AudioSender {
    type Error = AudioEnded;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), AudioEnded>> {
        if self.session.has_ended() {
            return Poll::Ready(Err(AudioEnded));
        }
        self.frames.poll_ready(cx).map_err(|_| AudioEnded)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: AudioFrame) -> Result<(), AudioEnded> {
        let media = self.media;
        self.frames.start_send((media, frame)).map_err(|_| AudioEnded)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), AudioEnded>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), AudioEnded>> {
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
pub struct AudioReceiver(Consumer<AudioQueue>);

impl AudioReceiver {
    /// The next frame; `None` once the audio has ended.
    pub async fn next(&mut self) -> Option<AudioFrame> {
        self.0.next().await
    }
}

impl Stream for AudioReceiver {
    type Item = AudioFrame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AudioFrame>> {
        self.0.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for AudioReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AudioReceiver")
    }
}
