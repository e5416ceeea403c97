//! A value that changes, and those who wait for what it becomes.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

struct State<T> {
    value: T,
    /// The tasks that wait, by the number of their place.
    waiting: BTreeMap<u64, Waker>,
    places: u64,
}

/// A value that changes, and those who wait for what it becomes.
pub(crate) struct Watched<T>(Mutex<State<T>>);

impl<T: Default> Default for Watched<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(State { value, waiting: BTreeMap::new(), places: 0 }))
    }

    /// Looks at the value.
    pub(crate) fn read<U>(&self, look: impl FnOnce(&T) -> U) -> U {
        look(&self.lock().value)
    }

    /// Changes it; whoever waits is to be woken.
    #[must_use]
    pub(crate) fn set(&self, value: T) -> Vec<Waker> {
        let mut state = self.lock();
        state.value = value;
        std::mem::take(&mut state.waiting).into_values().collect()
    }

    /// Waits until the value has what is looked for.
    pub(crate) async fn find<U>(&self, mut look: impl FnMut(&T) -> Option<U>) -> U {
        let mut place = Place { watched: self, number: None };
        poll_fn(|cx| {
            let mut state = self.lock();
            if let Some(found) = look(&state.value) {
                return Poll::Ready(found);
            }
            let number = *place.number.get_or_insert_with(|| {
                state.places += 1;
                state.places
            });
            state.waiting.insert(number, cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // The state is whole after every statement, so a panic elsewhere does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits. Dropping it leaves nothing behind.
struct Place<'a, T> {
    watched: &'a Watched<T>,
    number: Option<u64>,
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.watched.lock().waiting.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn whoever_waits_is_woken_by_a_change_and_leaves_nothing_behind() {
        let watched = Watched::new(1);
        let mut two = Box::pin(watched.find(|value| (*value == 2).then_some("two")));
        let mut three = Box::pin(watched.find(|value| (*value == 3).then_some("three")));
        assert_eq!((&mut two).now_or_never(), None);
        assert_eq!((&mut three).now_or_never(), None);
        assert_eq!(watched.set(2).len(), 2);
        assert_eq!((&mut two).now_or_never(), Some("two"));
        assert_eq!((&mut three).now_or_never(), None);
        drop(two);
        drop(three);
        assert!(watched.set(3).is_empty());
        assert_eq!(watched.read(|value| *value), 3);
    }
}
