//! The queue of what will happen, in order: by time, then by when it was decided.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A queue of future happenings. Two at the same time come out in the order they went in.
#[derive(Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
    /// The things that the entries stand for: large, so they are not moved about with them.
    slots: Vec<Option<T>>,
    free: Vec<usize>,
}

/// Sorted by time, then number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Duration,
    number: u64,
    slot: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), count: 0, slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Queue<T> {
    pub(super) fn push(&mut self, at: Duration, what: T) {
        self.count += 1;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[slot] = Some(what);
        self.heap.push(Reverse(Entry { at, number: self.count, slot }));
    }

    pub(super) fn next_at(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Duration, T)> {
        let Reverse(entry) = self.heap.pop()?;
        self.free.push(entry.slot);
        Some((entry.at, self.slots[entry.slot].take()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_first_and_equals_in_the_order_of_their_coming() {
        let mut queue = Queue::default();
        let ms = Duration::from_millis;
        for (at, what) in [(ms(2), 'c'), (ms(1), 'a'), (ms(2), 'd'), (ms(1), 'b')] {
            queue.push(at, what);
        }
        assert_eq!(queue.next_at(), Some(ms(1)));
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, what)| what).collect();
        assert_eq!(order, "abcd");
    }
}
