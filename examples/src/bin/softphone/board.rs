//! The calls of a phone, by what they are doing.

use std::collections::BTreeMap;
use std::fmt::Display;

/// See the [module](self).
pub(crate) struct Board<I> {
    calls: BTreeMap<I, String>,
    /// The call that commands are about: the one that rang or was dialled last.
    current: Option<I>,
}

impl<I> Default for Board<I> {
    fn default() -> Self {
        Self { calls: BTreeMap::new(), current: None }
    }
}

impl<I: Clone + Ord + Display> Board<I> {
    pub(crate) fn current(&self) -> Option<I> {
        self.current.clone()
    }

    /// Notes what a call is doing.
    pub(crate) fn note(&mut self, call: I, what: &str) {
        self.calls.insert(call, what.to_owned());
    }

    /// Notes it, and makes commands be about that call.
    pub(crate) fn turn_to(&mut self, call: I, what: &str) {
        self.note(call.clone(), what);
        self.current = Some(call);
    }

    pub(crate) fn forget(&mut self, call: &I) {
        self.calls.remove(call);
        if self.current.as_ref() == Some(call) {
            self.current = self.calls.keys().next_back().cloned();
        }
    }

    /// All that do something else.
    pub(crate) fn but(&self, what: &str) -> Vec<I> {
        let others = self.calls.iter().filter(|(_, doing)| *doing != what);
        others.map(|(call, _)| call.clone()).collect()
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.calls.iter().map(|(call, doing)| format!("{call}  {doing}")).collect()
    }
}
