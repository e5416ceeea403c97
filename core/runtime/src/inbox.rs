//! The driver's queue: what happened, in order, bounded by number and by bytes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use offhook::Input;
use offhook::machine::{StreamEvent, UdpEvent, WsEvent};

/// The most inputs that may wait for the driver; then sockets wait before they read on.
const INPUTS: usize = 1024;

/// The most bytes of inputs that may wait for the driver, besides the last one let in.
const BYTES: usize = 2 << 20;

#[derive(Default)]
struct State {
    queue: VecDeque<Input>,
    bytes: usize,
    /// The driver, where it waits for something to happen.
    driver: Option<Waker>,
    /// The senders that wait for room.
    waiting: Vec<Waker>,
    closed: bool,
}

type Shared = Arc<Mutex<State>>;

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    // The state is whole after every statement, so a panic elsewhere does not matter.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queue with its two ends.
pub(crate) fn inbox() -> (Inputs, Inbox) {
    let shared = Shared::default();
    (Inputs(Arc::clone(&shared)), Inbox(shared))
}

/// The sockets' end.
#[derive(Clone)]
pub(crate) struct Inputs(Shared);

impl Inputs {
    /// Waits while the driver is behind. False when it is gone.
    pub(crate) async fn send(&self, input: Input) -> bool {
        let mut input = Some(input);
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if state.closed {
                return Poll::Ready(false);
            }
            // One input may go over the bytes, so that a large one does not wait for ever.
            if state.queue.len() >= INPUTS || state.bytes >= BYTES {
                if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    state.waiting.push(cx.waker().clone());
                }
                return Poll::Pending;
            }
            if let Some(input) = input.take() {
                state.bytes += weight(&input);
                state.queue.push_back(input);
            }
            if let Some(driver) = state.driver.take() {
                drop(state);
                driver.wake();
            }
            Poll::Ready(true)
        })
        .await
    }
}

/// The driver's end. Dropping it drops what is queued, and whoever waits hears of it.
pub(crate) struct Inbox(Shared);

impl Inbox {
    /// The next input.
    pub(crate) async fn next(&self) -> Input {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            let Some(input) = state.queue.pop_front() else {
                state.driver = Some(cx.waker().clone());
                return Poll::Pending;
            };
            state.bytes -= weight(&input);
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(Waker::wake);
            Poll::Ready(input)
        })
        .await
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.closed = true;
        let (queue, waiting) =
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.waiting));
        drop(state);
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The bytes that an input keeps.
fn weight(input: &Input) -> usize {
    let content = match input {
        Input::WebSocket { event: WsEvent::Text(text), .. } => text.len(),
        Input::WebSocket { event: WsEvent::Closed { reason, .. }, .. } => reason.len(),
        Input::Http { result: Ok(response), .. } => response.body().len(),
        Input::Stream { event: StreamEvent::Data(data), .. } => data.len(),
        Input::Resolved { result: Ok(addresses), .. } => size_of_val(addresses.as_slice()),
        Input::Udp { event: UdpEvent::Datagram { data, .. }, .. } => data.len(),
        _ => 0,
    };
    size_of::<Input>() + content
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use offhook::machine::WsId;

    use super::*;

    fn text(length: usize) -> Input {
        Input::WebSocket { id: WsId(1), event: WsEvent::Text("x".repeat(length)) }
    }

    /// The number of inputs of a size that are taken before a sender has to wait.
    fn taken(inputs: &Inputs, length: usize) -> usize {
        std::iter::repeat_with(|| inputs.send(text(length)).now_or_never())
            .take_while(Option::is_some)
            .count()
    }

    #[test]
    fn inputs_are_bounded_by_number_and_by_bytes() {
        let (inputs, _inbox) = inbox();
        assert_eq!(taken(&inputs, 0), INPUTS);
        let (inputs, _inbox) = inbox();
        assert_eq!(taken(&inputs, 1 << 20), 2);
        // One that is larger than all room is let in alone.
        let (inputs, inbox) = inbox();
        assert_eq!(taken(&inputs, 2 * BYTES), 1);
        assert!(inbox.next().now_or_never().is_some());
        assert_eq!(taken(&inputs, 2 * BYTES), 1);
    }

    #[test]
    fn a_sender_goes_on_when_there_is_room_or_no_driver() {
        let (inputs, inbox) = inbox();
        taken(&inputs, BYTES);
        let mut waiting = Box::pin(inputs.send(text(1)));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(inbox.next().now_or_never().is_some());
        assert_eq!((&mut waiting).now_or_never(), Some(true));

        taken(&inputs, BYTES);
        let mut waiting = Box::pin(inputs.send(text(1)));
        assert!((&mut waiting).now_or_never().is_none());
        drop(inbox);
        assert_eq!(waiting.now_or_never(), Some(false));
    }
}
