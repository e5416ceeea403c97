//! The calls of a phone, by what they are doing: for whoever works by lines.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::headset::Seen;
use crate::news::{CallKey, Change, News, Phase};
use crate::screen::Calls;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Board {
    calls: BTreeMap<CallKey, String>,
    /// Those that only ring, whatever their words are.
    ringing: BTreeSet<CallKey>,
    /// The call that commands are about: the one that rang or was dialled last.
    current: Option<CallKey>,
    /// The calls as others see them.
    known: Calls,
}

impl Board {
    /// Takes what is told of calls.
    pub(crate) fn told(&mut self, news: &News) {
        let News::Call(call, change) = news else { return };
        self.known.told(Duration::ZERO, call, change.clone());
        match change {
            Change::Phase(Phase::Rings) => {
                self.ringing.insert(call.clone());
            }
            Change::Phase(_) | Change::Taken | Change::Over(_) => {
                self.ringing.remove(call);
            }
            _ => {}
        }
        match change {
            Change::Phase(Phase::Rings) => self.turn_to(call, "ringing"),
            Change::Phase(Phase::Dials) => self.turn_to(call, "dialling"),
            Change::Taken => self.turn_to(call, "connecting"),
            Change::Words(words) => {
                self.calls.insert(call.clone(), words.clone());
            }
            Change::Over(_) => self.forget(call),
            _ => {}
        }
    }

    pub(crate) fn current(&self) -> Option<CallKey> {
        self.current.clone()
    }

    /// Makes commands be about that call.
    fn turn_to(&mut self, call: &CallKey, what: &str) {
        self.calls.insert(call.clone(), what.to_owned());
        self.current = Some(call.clone());
    }

    fn forget(&mut self, call: &CallKey) {
        self.calls.remove(call);
        if self.current.as_ref() == Some(call) {
            self.current = self.calls.keys().next_back().cloned();
        }
    }

    /// All but those that only ring.
    pub(crate) fn ours(&self) -> Vec<CallKey> {
        self.calls.keys().filter(|call| !self.ringing.contains(*call)).cloned().collect()
    }

    /// The calls as a headset sees them.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.known.seen()
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.calls.iter().map(|(call, doing)| format!("{call}  {doing}")).collect()
    }
}
