//! The book of a phone's calls: what each is now, for whoever holds it, and who is told of new ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use offhook::genesys::{
    self, CallChange, CallView, ConversationId, Counters, Event, Ledger, Outcome,
};

use crate::drive::Observer;
use crate::queue::{Consumer, Producer, Queue, channel};
use crate::watch::Watched;

/// The most calls that wait for an application that does not read them.
pub const CALL_QUEUE: usize = 256;

/// A call, as everybody who holds it shares it.
pub(super) struct Entry {
    pub(super) conversation: ConversationId,
    number: u64,
    pub(super) view: Watched<CallView>,
}

/// Calls in order. When full, the oldest one that is over goes; where none is, the oldest.
#[derive(Default)]
pub(super) struct CallQueue(VecDeque<Arc<Entry>>);

impl Queue for CallQueue {
    type Item = Arc<Entry>;
    type Read = Arc<Entry>;

    fn push(&mut self, call: Arc<Entry>) {
        if self.0.len() >= CALL_QUEUE {
            let over = |call: &Arc<Entry>| call.view.read(|view| view.ended().is_some());
            let gone = self.0.iter().position(over).unwrap_or_default();
            self.0.remove(gone);
        }
        self.0.push_back(call);
    }

    fn pop(&mut self) -> Option<Arc<Entry>> {
        self.0.pop_front()
    }
}

#[derive(Default)]
struct State {
    ledger: Ledger,
    counters: Counters,
    /// The calls that something may still be told of. One that is settled lives on with its holders.
    calls: BTreeMap<ConversationId, Arc<Entry>>,
    numbers: u64,
    streams: Vec<Producer<CallQueue>>,
    closed: bool,
}

/// The application's end.
#[derive(Clone, Default)]
pub(super) struct Book(Arc<Mutex<State>>);

impl Book {
    /// A book, and who keeps it.
    pub(super) fn new() -> (Self, Keeper) {
        #[cfg(feature = "metrics")]
        super::metrics::describe();
        let book = Self::default();
        (book.clone(), Keeper(book))
    }

    /// The calls that there are, in their order, and each that comes.
    pub(super) fn calls(&self) -> Consumer<CallQueue> {
        let (producer, consumer) = channel();
        let mut state = self.lock();
        let mut calls: Vec<_> = state.calls.values().cloned().collect();
        calls.sort_by_key(|call| call.number);
        calls.into_iter().for_each(|call| producer.push(call));
        if !state.closed {
            state.streams.push(producer);
        }
        consumer
    }

    /// The call of a conversation.
    pub(super) fn find(&self, conversation: &ConversationId) -> Option<Arc<Entry>> {
        self.lock().calls.get(conversation).cloned()
    }

    /// Counters of the events so far.
    pub(super) fn counters(&self) -> Counters {
        self.lock().counters
    }

    fn count(&self, event: &Event) {
        let mut state = self.lock();
        #[cfg(feature = "metrics")]
        let before = state.counters;
        state.counters.told(event);
        #[cfg(feature = "metrics")]
        {
            let after = state.counters;
            // A recorder is the application's, which may look at the book at once.
            drop(state);
            super::metrics::grown(&before, &after);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere loses at most one change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fold(&self, fold: impl FnOnce(&mut Ledger) -> Vec<CallChange>) {
        let mut wakers = Vec::new();
        {
            let mut state = self.lock();
            let changes = fold(&mut state.ledger);
            if !changes.is_empty() {
                state.carry_out(changes, &mut wakers);
            }
        }
        // Whoever is woken may look at the book at once.
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn carry_out(&mut self, changes: Vec<CallChange>, wakers: &mut Vec<Waker>) {
        let mut began = Vec::new();
        for CallChange { conversation, began: new, view, .. } in changes {
            if new {
                self.numbers += 1;
                let number = self.numbers;
                let view = Watched::new(view);
                let call = Arc::new(Entry { conversation: conversation.clone(), number, view });
                began.push(Arc::clone(&call));
                self.calls.insert(conversation, call);
            } else {
                let settled = view.settled;
                if let Some(call) = self.calls.get(&conversation) {
                    wakers.extend(call.view.set(view));
                }
                if settled {
                    self.calls.remove(&conversation);
                }
            }
        }
        // Told when all that is known of it is in it.
        self.streams.retain(Producer::is_read);
        for call in began {
            wakers.extend(self.streams.iter().filter_map(|stream| stream.put(Arc::clone(&call))));
        }
    }
}

/// The driver's end. Dropping it ends all calls, and the streams of new ones.
pub(super) struct Keeper(Book);

impl Observer<genesys::Client> for Keeper {
    fn event(&mut self, event: &Event) {
        self.0.count(event);
        self.0.fold(|ledger| ledger.told(event));
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if let Outcome::Dialled(dialled) = outcome {
            self.0.fold(|ledger| ledger.dialled(&dialled.conversation));
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.fold(Ledger::close);
        let streams = {
            let mut state = self.0.lock();
            state.closed = true;
            std::mem::take(&mut state.streams)
        };
        drop(streams);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};
    use offhook::genesys::{CallPhase, Dialled, EndReason};

    use super::*;

    fn dial(keeper: &mut Keeper, conversation: &str) {
        let conversation = ConversationId::from(conversation);
        keeper.outcome(&Outcome::Dialled(Dialled::new(conversation)));
    }

    fn next(calls: &mut Consumer<CallQueue>) -> Option<Arc<Entry>> {
        calls.next().now_or_never().expect("a call, or the end")
    }

    fn name(call: Option<Arc<Entry>>) -> Option<String> {
        call.map(|call| call.conversation.as_str().to_owned())
    }

    #[test]
    fn every_stream_has_each_call_once_those_that_were_there_first() {
        let (book, mut keeper) = Book::new();
        let mut early = book.calls();
        dial(&mut keeper, "b");
        dial(&mut keeper, "a");
        dial(&mut keeper, "b");
        let mut late = book.calls();
        dial(&mut keeper, "c");
        drop(keeper);
        for calls in [&mut early, &mut late] {
            for expected in ["b", "a", "c"] {
                assert_eq!(name(next(calls)).as_deref(), Some(expected));
            }
            assert!(next(calls).is_none());
        }
        assert!(next(&mut book.calls()).is_none());
    }

    #[test]
    fn a_client_that_ends_ends_its_calls_and_nobody_remembers_them() {
        let (book, mut keeper) = Book::new();
        dial(&mut keeper, "a");
        let call = book.find(&"a".into()).expect("a call");
        let held = Arc::downgrade(&call);
        drop(keeper);
        let phase = call.view.read(|view| view.phase);
        assert_eq!(phase, CallPhase::Ended(EndReason::ClientClosed));
        assert!(book.find(&"a".into()).is_none());
        drop(call);
        assert!(held.upgrade().is_none());
    }

    #[test]
    fn calls_that_nobody_reads_are_bounded_and_those_that_are_over_go_first() {
        let (book, mut keeper) = Book::new();
        let mut calls = book.calls();
        dial(&mut keeper, "lives");
        for n in 0..3 * CALL_QUEUE {
            dial(&mut keeper, &format!("c{n}"));
            let mut over = genesys::CallReport::default();
            over.conversation = format!("c{n}").into();
            keeper.event(&Event::CallReport(Box::new(over)));
        }
        drop(keeper);
        assert_eq!(name(next(&mut calls)).as_deref(), Some("lives"));
        let rest = std::iter::from_fn(|| next(&mut calls)).count();
        assert_eq!(rest, CALL_QUEUE - 1);
    }
}
