//! Turns: a socket that always has something to read does not keep others from theirs.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::io::{AsyncRead, AsyncWrite};

/// Most reads of one socket in one turn.
const READS: u32 = 8;

/// The bytes that came since something whole was made of them, and the most that may.
///
/// A peer can say without end what never becomes a message: fragments without content, say.
#[derive(Clone)]
pub(crate) struct Meter {
    passed: Arc<AtomicU64>,
    limit: u64,
}

impl Meter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { passed: Arc::default(), limit }
    }

    /// Counts anew: something whole came.
    pub(crate) fn reset(&self) {
        self.passed.store(0, Ordering::Relaxed);
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let passed = self.passed.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if passed <= self.limit {
            return Ok(());
        }
        Err(io::Error::other(Endless(self.limit)))
    }
}

/// The error of bytes that never become a message: more than this many.
#[derive(Debug, thiserror::Error)]
#[error("over {0} bytes without a whole message")]
pub(crate) struct Endless(u64);

/// A socket whose reader waits for its next turn every so often, whatever reads it: an HTTP
/// head, a TLS handshake, WebSocket frames.
pub(crate) struct Fair<S> {
    socket: S,
    reads: u32,
    meter: Meter,
}

impl<S> Fair<S> {
    pub(crate) fn new(socket: S, meter: Meter) -> Self {
        Self { socket, reads: 0, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Fair<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.reads >= READS {
            self.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(&mut self.socket).poll_read(cx, buffer) {
            Poll::Ready(Ok(length)) => {
                self.reads += 1;
                Poll::Ready(self.meter.count(length).map(|()| length))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.reads = 0;
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Fair<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

/// Lets the executor's other tasks have their turn.
pub(crate) async fn next_turn() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::io::{AsyncReadExt as _, repeat};

    use super::*;

    #[test]
    fn an_endless_reader_waits_for_its_turns() {
        let mut socket = Fair::new(repeat(b'x'), Meter::new(u64::MAX));
        // One poll of a future that reads for ever comes back.
        let mut endless = Box::pin(async { while socket.read(&mut [0; 64]).await.is_ok() {} });
        for _ in 0..1000 {
            assert!((&mut endless).now_or_never().is_none());
        }
    }

    #[test]
    fn bytes_that_become_nothing_are_bounded() {
        let meter = Meter::new(100);
        let mut socket = Fair::new(repeat(b'x'), meter.clone());
        let mut read = || socket.read(&mut [0; 60]).now_or_never().expect("at once");
        assert_eq!(read().expect("60"), 60);
        meter.reset();
        assert_eq!(read().expect("60"), 60);
        assert!(read().unwrap_err().to_string().contains("over 100 bytes"));
    }
}
