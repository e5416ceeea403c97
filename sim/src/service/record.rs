//! The events and the faults of the control API. Services behind one listener have them together.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::events::Events;
use super::faults::Faults;

/// The events and the faults of a service's control API, or of several that stand beside each other.
#[derive(Clone, Default)]
pub struct Record(Arc<Mutex<Pages>>);

/// The contents of a record.
#[derive(Default)]
pub(crate) struct Pages {
    pub(crate) events: Events,
    pub(crate) faults: Faults,
}

impl Record {
    /// Opens it. Whoever has it open does nothing else meanwhile.
    pub(crate) fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record(..)")
    }
}
