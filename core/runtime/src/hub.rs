//! The subscribers of a machine's events, each with a queue of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use offhook::machine::MediaId;

use crate::drive::Drive;
use crate::line::{Line, Lines};
use crate::queue::{Consumer, EventQueue, Producer, Told, ends};

/// The queues; none any more once the machine is gone.
type Queues<M> = Option<Vec<Producer<EventQueue<M>>>>;

/// The place where events are subscribed to.
pub(crate) struct Hub<M: Drive> {
    queues: Arc<Mutex<Queues<M>>>,
    /// Told before everybody else.
    lines: Lines,
    /// Events that subscribers lost.
    overruns: Arc<AtomicU64>,
}

impl<M: Drive> Hub<M> {
    /// A hub, and the driver's end of it.
    pub(crate) fn new() -> (Self, Publisher<M>) {
        let queues = Arc::new(Mutex::new(Some(Vec::new())));
        let hub = Self { queues, lines: Lines::default(), overruns: Arc::default() };
        (hub.clone(), Publisher(hub))
    }

    /// A queue of all that is told from now on; one that has ended when the machine is gone.
    pub(crate) fn subscribe(&self) -> Consumer<EventQueue<M>> {
        let (producer, consumer) = ends(EventQueue::new(Arc::clone(&self.overruns)));
        if let Some(queues) = &mut *self.lock() {
            queues.push(producer);
        }
        consumer
    }

    /// The number of events that subscribers have lost, all together.
    pub(crate) fn overruns(&self) -> u64 {
        self.overruns.load(Ordering::Relaxed)
    }

    /// The view of a session's audio.
    pub(crate) fn line(&self, media: MediaId) -> Arc<Line> {
        self.lines.find(media)
    }

    fn lock(&self) -> MutexGuard<'_, Queues<M>> {
        // The list is whole after every statement, so a panic elsewhere does not matter.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Drive> Clone for Hub<M> {
    fn clone(&self) -> Self {
        let overruns = Arc::clone(&self.overruns);
        Self { queues: Arc::clone(&self.queues), lines: self.lines.clone(), overruns }
    }
}

/// The driver's end. Dropping it ends every subscription, after what is queued.
pub(crate) struct Publisher<M: Drive>(Hub<M>);

impl<M: Drive> Publisher<M> {
    /// Tells the lines what an event says of them, before anybody is told.
    pub(crate) fn begin(&self, event: &M::Event) {
        self.0.lines.told::<M>(event);
    }

    /// Tells everybody who reads. A queue that is full loses something by its own policy; it holds
    /// up nobody.
    pub(crate) fn tell(&self, event: M::Event) {
        let mut readers: Vec<Waker> = Vec::new();
        let before = self.0.overruns();
        {
            let mut queues = self.0.lock();
            let Some(queues) = &mut *queues else { return };
            queues.retain(Producer::is_read);
            if let Some((last, others)) = queues.split_last() {
                let told = Told::new(event);
                readers.extend(others.iter().filter_map(|queue| queue.put(Arc::clone(&told))));
                readers.extend(last.put(told));
            }
        }
        // Whoever counts or is woken may subscribe at once.
        (before..self.0.overruns()).for_each(|_| M::event_lost());
        readers.into_iter().for_each(Waker::wake);
    }
}

impl<M: Drive> Drop for Publisher<M> {
    fn drop(&mut self) {
        let queues = self.0.lock().take();
        drop(queues);
        self.0.lines.end();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};
    use offhook::genesys::{self, Event};

    use super::*;
    use crate::queue::EVENT_QUEUE;

    fn next(queue: &mut Consumer<EventQueue<genesys::Client>>) -> Option<String> {
        let event = queue.next().now_or_never().expect("told, or the end");
        event.map(|event| format!("{event:?}"))
    }

    #[test]
    fn everybody_is_told_from_the_subscription_on() {
        let (hub, publisher) = Hub::<genesys::Client>::new();
        let mut first = hub.subscribe();
        publisher.tell(Event::Ready);
        let mut second = hub.subscribe();
        publisher.tell(Event::StationDisassociated);
        drop(publisher);
        assert_eq!(next(&mut first).as_deref(), Some("Ready"));
        for queue in [&mut first, &mut second] {
            assert_eq!(next(queue).as_deref(), Some("StationDisassociated"));
            assert_eq!(next(queue), None);
        }
        assert_eq!(next(&mut hub.subscribe()), None, "there is nothing to tell any more");
    }

    #[test]
    fn who_does_not_read_loses_alone_and_is_told_how_much() {
        let (hub, publisher) = Hub::<genesys::Client>::new();
        let (mut slow, mut quick) = (hub.subscribe(), hub.subscribe());
        for n in 0..EVENT_QUEUE + 10 {
            publisher.tell(Event::Connected { reconnect: n % 2 == 1 });
            assert!(next(&mut quick).is_some_and(|event| event.starts_with("Connected")));
        }
        let lost = next(&mut slow).expect("told");
        assert!(lost.contains("10 events were lost"), "{lost}");
        assert_eq!(hub.overruns(), 10);
        assert_eq!(next(&mut slow).as_deref(), Some("Connected { reconnect: false }"));
    }

    #[test]
    fn a_subscription_that_is_dropped_keeps_nothing() {
        let (hub, publisher) = Hub::<genesys::Client>::new();
        for _ in 0..100 {
            drop(hub.subscribe());
        }
        publisher.tell(Event::Ready);
        assert_eq!(hub.lock().as_ref().map(Vec::len), Some(0));
    }
}
