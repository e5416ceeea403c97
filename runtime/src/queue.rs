//! Bounded queues from the driver to the application, with a policy for when they are full.
//!
//! The driver never waits for the application: a full queue loses something, and says so.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use offhook::media::AudioFrame;

use crate::drive::Drive;

/// How many events wait for an application that does not read them.
pub const EVENT_QUEUE: usize = 4096;

/// How many audio frames wait for an application that does not read them: usually 2 s.
pub const AUDIO_QUEUE: usize = 100;

/// A queue with its policy.
pub(crate) trait Queue {
    type Item;
    fn push(&mut self, item: Self::Item);
    fn pop(&mut self) -> Option<Self::Item>;
}

/// Events in order. When full, the oldest expendable event goes; when none is expendable, the
/// oldest one, and the reader is told how many it missed, in the place where they were.
pub(crate) struct EventQueue<M: Drive> {
    events: VecDeque<M::Event>,
    lost: u64,
}

impl<M: Drive> Default for EventQueue<M> {
    fn default() -> Self {
        Self { events: VecDeque::new(), lost: 0 }
    }
}

impl<M: Drive> Queue for EventQueue<M> {
    type Item = M::Event;

    fn push(&mut self, event: M::Event) {
        if self.events.len() >= EVENT_QUEUE {
            match self.events.iter().position(M::is_expendable) {
                Some(expendable) => drop(self.events.remove(expendable)),
                None if M::is_expendable(&event) => return,
                None => {
                    self.events.pop_front();
                    self.lost += 1;
                }
            }
        }
        self.events.push_back(event);
    }

    fn pop(&mut self) -> Option<M::Event> {
        match std::mem::take(&mut self.lost) {
            0 => self.events.pop_front(),
            lost => Some(M::events_lost(lost)),
        }
    }
}

/// Frames in order. When full, the oldest goes and the next one counts it as lost.
#[derive(Default)]
pub(crate) struct AudioQueue(VecDeque<AudioFrame>);

impl Queue for AudioQueue {
    type Item = AudioFrame;

    fn push(&mut self, frame: AudioFrame) {
        self.0.push_back(frame);
        if self.0.len() > AUDIO_QUEUE
            && let Some(lost) = self.0.pop_front()
            && let Some(next) = self.0.front_mut()
        {
            next.lost_before += lost.lost_before + 1;
        }
    }

    fn pop(&mut self) -> Option<AudioFrame> {
        self.0.pop_front()
    }
}

struct State<Q> {
    queue: Q,
    reader: Option<Waker>,
    ended: bool,
    unread: bool,
}

type Shared<Q> = Arc<Mutex<State<Q>>>;

fn lock<Q>(shared: &Shared<Q>) -> MutexGuard<'_, State<Q>> {
    // The state is whole after every statement, so a panic elsewhere does not matter.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queue with its two ends.
pub(crate) fn channel<Q: Queue + Default>() -> (Producer<Q>, Consumer<Q>) {
    let shared = Arc::new(Mutex::new(State {
        queue: Q::default(),
        reader: None,
        ended: false,
        unread: false,
    }));
    (Producer(Arc::clone(&shared)), Consumer(shared))
}

/// The driver's end. Dropping it ends the stream, after what is queued.
pub(crate) struct Producer<Q>(Shared<Q>);

impl<Q: Queue> Producer<Q> {
    /// Queues an item, unless nobody will read it.
    pub(crate) fn push(&self, item: Q::Item) {
        let mut state = lock(&self.0);
        if state.unread {
            return;
        }
        state.queue.push(item);
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }

    /// Whether the application still holds anything of this queue.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl<Q> Drop for Producer<Q> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.ended = true;
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }
}

/// The application's end.
pub(crate) struct Consumer<Q>(Shared<Q>);

impl<Q> Consumer<Q> {
    /// Tells whether the producer is gone.
    pub(crate) fn watch(&self) -> Watch<Q> {
        Watch(Arc::clone(&self.0))
    }
}

impl<Q: Queue> Stream for Consumer<Q> {
    type Item = Q::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Q::Item>> {
        let mut state = lock(&self.0);
        match state.queue.pop() {
            Some(item) => Poll::Ready(Some(item)),
            None if state.ended => Poll::Ready(None),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<Q> Drop for Consumer<Q> {
    fn drop(&mut self) {
        lock(&self.0).unread = true;
    }
}

/// Knows whether a queue has ended.
pub(crate) struct Watch<Q>(Shared<Q>);

impl<Q> Watch<Q> {
    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.0).ended
    }
}
