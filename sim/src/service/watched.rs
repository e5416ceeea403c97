//! Many things by id, of which few change at a time: which were reached for, and which have what.
//! Nobody has to look at all of them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// The id of a call or a session, cheap to keep in several places.
pub(crate) type Id = Arc<str>;

/// A map that remembers which of its entries were reached for.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    entries: BTreeMap<Id, T>,
    reached: BTreeSet<Id>,
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), reached: BTreeSet::new() }
    }
}

impl<T> Watched<T> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.entries.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let only = (Bound::Included(id), Bound::Included(id));
        let (id, entry) = self.entries.range_mut::<str, _>(only).next()?;
        if !self.reached.contains(id) {
            self.reached.insert(id.clone());
        }
        Some(entry)
    }

    pub(crate) fn insert(&mut self, id: &Id, entry: T) {
        self.reached.insert(id.clone());
        self.entries.insert(id.clone(), entry);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        let (id, entry) = self.entries.remove_entry(id)?;
        self.reached.insert(id);
        Some(entry)
    }

    /// Takes the ids that were reached for since the last time, some of them gone.
    pub(crate) fn take_reached(&mut self) -> BTreeSet<Id> {
        std::mem::take(&mut self.reached)
    }

    /// Everything, at its end.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.entries).into_values()
    }
}

/// Keys found by something that each has at most one of: a user, an address, the time of the next
/// wake-up. With one value, they come in their own order.
#[derive(Debug)]
pub(crate) struct Index<K, V> {
    values: BTreeMap<K, V>,
    keys: BTreeMap<V, BTreeSet<K>>,
}

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), keys: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V: Ord + Clone> Index<K, V> {
    /// Sets the value of a key, or takes it away; what it had before is forgotten.
    pub(crate) fn set(&mut self, key: &K, value: Option<V>) {
        if self.values.get(key) == value.as_ref() {
            return;
        }
        let before = match &value {
            Some(value) => self.values.insert(key.clone(), value.clone()),
            None => self.values.remove(key),
        };
        if let Some(before) = before
            && let Some(keys) = self.keys.get_mut(&before)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.keys.remove(&before);
            }
        }
        if let Some(value) = value {
            self.keys.entry(value).or_default().insert(key.clone());
        }
    }

    /// All that have it.
    pub(crate) fn of<Q>(&self, value: &Q) -> impl DoubleEndedIterator<Item = &K> + use<'_, K, V, Q>
    where
        V: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.keys.get(value).into_iter().flatten()
    }

    /// The least that any has, and one that has it.
    pub(crate) fn first(&self) -> Option<(&V, &K)> {
        let (value, keys) = self.keys.first_key_value()?;
        Some((value, keys.first()?))
    }

    /// All that have at most this, in their own order.
    pub(crate) fn up_to(&self, value: &V) -> Vec<K> {
        let upto = self.keys.iter().take_while(|(has, _)| *has <= value);
        let mut keys: Vec<_> = upto.flat_map(|(_, keys)| keys.iter().cloned()).collect();
        keys.sort_unstable();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_reached_for_is_told_once() {
        let mut map = Watched::default();
        let ids: [Id; 3] = ["a", "b", "c"].map(Id::from);
        for id in &ids {
            map.insert(id, 0);
        }
        assert_eq!(map.take_reached().len(), 3);
        *map.get_mut("b").unwrap() += 1;
        assert!(map.get_mut("d").is_none() && map.get("c") == Some(&0));
        assert_eq!(map.remove("a"), Some(0));
        assert_eq!(map.take_reached().into_iter().collect::<Vec<_>>(), ids[..2]);
        assert!(map.take_reached().is_empty());
        assert_eq!((map.len(), map.drain().sum::<i32>(), map.len()), (2, 1, 0));
    }

    #[test]
    fn keys_are_found_by_what_they_have_last() {
        let mut index = Index::default();
        for (key, value) in [(3, 10), (1, 20), (2, 30), (4, 10)] {
            index.set(&key, Some(value));
        }
        assert_eq!(index.of(&10).copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(index.first(), Some((&10, &3)));
        index.set(&4, Some(90));
        assert!(index.up_to(&9).is_empty());
        assert_eq!(index.up_to(&20), [1, 3]);
        index.set(&3, None);
        assert_eq!((index.first(), index.of(&10).next()), (Some((&20, &1)), None));
        assert_eq!(index.up_to(&30), [1, 2]);
    }
}
