//! The driver's hold on what it sends to, and that one's side of it.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use offhook::machine::NetError;
use offhook::net::InterfaceAddress;

use crate::clock::Clock;
use crate::error::timed_out;
use crate::runtime::Runtime;

/// Longest time that the end of a socket may take.
pub(crate) const CLOSING: Duration = Duration::from_secs(2);

/// The most items that may wait for a socket that does not take them. One more ends the socket.
const SEND_QUEUE: usize = 1024;

/// The most bytes that may wait for it, besides one item.
const SEND_BYTES: usize = 4 << 20;

/// The driver's hold on a socket. Dropping it closes the socket, at any time and silently.
pub(crate) struct Held<T> {
    items: Sender<T>,
    bytes: Arc<AtomicUsize>,
    local: Arc<OnceLock<IpAddr>>,
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

    /// True if the address that it goes by is none of these, once it is open: then nothing comes or leaves by it. The
    /// computer's own is always there.
    pub(crate) fn is_cut_off(&self, interfaces: &[InterfaceAddress]) -> bool {
        self.local.get().is_some_and(|local| {
            !local.is_loopback() && interfaces.iter().all(|known| known.address != *local)
        })
    }
}

/// The socket's side of [`Held`].
pub(crate) struct Holder<T> {
    /// The items to be sent; they end with the hold, after what is queued.
    pub(crate) items: Receiver<T>,
    /// The bytes of it, less those that were sent.
    pub(crate) bytes: Arc<AtomicUsize>,
    /// The place for the address that it goes by, once that is known.
    pub(crate) local: Arc<OnceLock<IpAddr>>,
    pub(crate) given_up: GivenUp,
}

/// Knows whether the hold was dropped.
pub(crate) struct GivenUp(oneshot::Receiver<()>);

impl GivenUp {
    /// Opens something by a deadline. None where it was given up meanwhile: it is dropped as it is.
    pub(crate) async fn open<R: Runtime, T>(
        &mut self,
        clock: &Clock,
        deadline: Instant,
        open: impl Future<Output = Result<T, NetError>>,
    ) -> Option<Result<T, NetError>> {
        let time_up = pin!(clock.sleep_until::<R>(deadline));
        // In a box of its own, since all that it takes is not needed for the socket's life.
        let opening = select(Box::pin(open), time_up);
        match select(opening, &mut self.0).await {
            Either::Left((Either::Left((opened, _)), _)) => Some(opened),
            Either::Left((Either::Right(((), _)), _)) => Some(Err(timed_out())),
            Either::Right(_) => None,
        }
    }

    /// Carries what there is to carry. None where that was given up and did not end in time: what was
    /// queued still goes out, but a far side that takes nothing keeps no socket.
    pub(crate) async fn carry<R: Runtime, T>(
        &mut self,
        clock: &Clock,
        carry: impl Future<Output = T>,
    ) -> Option<T> {
        let late = pin!(async {
            let _ = (&mut self.0).await;
            clock.sleep_until::<R>(clock.now() + CLOSING).await;
        });
        match select(pin!(carry), late).await {
            Either::Left((end, _)) => Some(end),
            Either::Right(((), _)) => None,
        }
    }
}

pub(crate) fn hold<T>() -> (Held<T>, Holder<T>) {
    // Bounded by its one sender: a queue with a bound of its own takes all its room at once.
    let (sender, items) = async_channel::unbounded();
    let (alive, given_up) = oneshot::channel();
    let (bytes, local) = (Arc::new(AtomicUsize::new(0)), Arc::new(OnceLock::new()));
    let known = Arc::clone(&local);
    let held = Held { items: sender, bytes: Arc::clone(&bytes), local: known, _alive: alive };
    (held, Holder { items, bytes, local, given_up: GivenUp(given_up) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_by_an_address_that_is_gone_is_cut_off_but_not_what_stays_in_the_computer() {
        let here: IpAddr = [192, 0, 2, 1].into();
        let interfaces = [InterfaceAddress::new("eth0", here)];
        for (local, cut_off) in [
            (None, false),
            (Some(here), false),
            (Some([192, 0, 2, 2].into()), true),
            (Some([127, 0, 0, 1].into()), false),
        ] {
            let (held, holder) = hold::<String>();
            local.map(|local| *holder.local.get_or_init(|| local));
            assert_eq!(held.is_cut_off(&interfaces), cut_off, "{local:?}");
            assert_eq!(held.is_cut_off(&[]), local.is_some_and(|local| !local.is_loopback()));
        }
    }
}
