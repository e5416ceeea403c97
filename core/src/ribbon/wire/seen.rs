//! Notifications that were taken already (w3.2).

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The longest id that is remembered. A longer one counts as none.
const MAX_ID: usize = 255;

/// The ids of the last notifications, by whatever channel they came: what comes again is known by its id.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    most: usize,
    order: VecDeque<Arc<str>>,
    ids: BTreeSet<Arc<str>>,
}

impl Seen {
    /// A memory of so many ids; of none, it knows nothing.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Changes its size. The oldest are forgotten first.
    pub(crate) fn resize(&mut self, most: usize) {
        self.most = most;
        self.forget();
    }

    /// True if a notification of this id has not been seen, and from now on has. One without an id never
    /// has.
    pub(crate) fn is_new(&mut self, id: Option<&str>) -> bool {
        let Some(id) = id.filter(|id| !id.is_empty() && id.len() <= MAX_ID) else { return true };
        if self.most == 0 {
            return true;
        }
        if self.ids.contains(id) {
            return false;
        }
        let id: Arc<str> = id.into();
        self.order.push_back(Arc::clone(&id));
        self.ids.insert(id);
        self.forget();
        true
    }

    /// The number of ids that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    fn forget(&mut self) {
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}
