//! The driver's hold on what it sends to, and that one's side of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_channel::{Receiver, Sender};
use futures_channel::oneshot;

/// How many things wait for a socket that does not take them. One more ends the socket.
const SEND_QUEUE: usize = 1024;

/// How many bytes wait for it, besides one thing.
const SEND_BYTES: usize = 4 << 20;

/// The driver's hold on a socket. Dropping it closes the socket, at any time and silently.
pub(crate) struct Held<T> {
    items: Sender<T>,
    bytes: Arc<AtomicUsize>,
    _alive: oneshot::Sender<()>,
}

impl<T: AsRef<[u8]>> Held<T> {
    /// Queues something to send. False when the queue is full: the far side has stopped reading.
    pub(crate) fn send(&self, item: T) -> bool {
        let bytes = self.bytes.fetch_add(item.as_ref().len(), Ordering::Relaxed);
        if bytes > SEND_BYTES || self.items.len() >= SEND_QUEUE {
            return false;
        }
        // A socket that has ended has told so, or is about to.
        let _ = self.items.try_send(item);
        true
    }
}

/// The socket's side of [`Held`].
pub(crate) struct Holder<T> {
    /// What is to be sent; it ends with the hold, after what is queued.
    pub(crate) items: Receiver<T>,
    /// The bytes of it, less those that were sent.
    pub(crate) bytes: Arc<AtomicUsize>,
    /// Done when the hold is dropped.
    pub(crate) given_up: oneshot::Receiver<()>,
}

pub(crate) fn hold<T>() -> (Held<T>, Holder<T>) {
    // Bounded by its one sender: a queue with a bound of its own takes all its room at once.
    let (sender, items) = async_channel::unbounded();
    let (alive, given_up) = oneshot::channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    let held = Held { items: sender, bytes: Arc::clone(&bytes), _alive: alive };
    (held, Holder { items, bytes, given_up })
}
