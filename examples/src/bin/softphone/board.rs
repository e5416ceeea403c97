//! The calls of a phone, by what they are doing: for whoever works by lines.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::headset::Seen;
use crate::news::{CallKey, Change, News, Person, Phase};
use crate::screen::Calls;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Board {
    known: Calls,
    /// The words for each.
    words: BTreeMap<CallKey, String>,
    /// The call that commands are about: the one that rang or was dialled last.
    current: Option<CallKey>,
}

impl Board {
    /// Takes what is told of calls.
    pub(crate) fn told(&mut self, news: &News) {
        let News::Call(call, change) = news else { return };
        let was_ours = self.ours().contains(call);
        self.known.told(Duration::ZERO, call, change.clone());
        if !self.known.knows(call) {
            // It is over, or another client's.
            return self.forget(call);
        }
        match change {
            Change::Is(Phase::Rings) | Change::Phase(Phase::Rings) => {
                self.turn_to(call, "ringing");
            }
            Change::Is(Phase::Dials) | Change::Phase(Phase::Dials) => {
                // It may be up before whoever dialled is told that it was dialled.
                self.words.entry(call.clone()).or_insert_with(|| "dialling".to_owned());
                self.current = Some(call.clone());
            }
            Change::Is(Phase::Up) | Change::Phase(Phase::Up) if !was_ours => {
                self.turn_to(call, "connecting");
            }
            Change::Words(words) => {
                self.words.insert(call.clone(), words.clone());
            }
            _ => {}
        }
    }

    pub(crate) fn current(&self) -> Option<CallKey> {
        self.current.clone()
    }

    /// Makes commands be about that call.
    fn turn_to(&mut self, call: &CallKey, what: &str) {
        self.words.insert(call.clone(), what.to_owned());
        self.current = Some(call.clone());
    }

    fn forget(&mut self, call: &CallKey) {
        self.words.remove(call);
        if self.current.as_ref() == Some(call) {
            self.current = self.words.keys().next_back().cloned();
        }
    }

    /// Those that were dialled or taken here.
    pub(crate) fn ours(&self) -> Vec<CallKey> {
        self.known.ours().into_iter().map(|(call, _)| call).collect()
    }

    /// The calls as a headset sees them.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.known.seen()
    }

    /// The people in the meeting that commands are about, if it is one.
    pub(crate) fn people(&self) -> Option<&[Person]> {
        self.known.people(self.current.as_ref()?)
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.words.iter().map(|(call, doing)| format!("{call}  {doing}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_another_client_took_is_not_ours_to_end() {
        let mut board = Board::default();
        let mut told = |call: &str, change| board.told(&News::Call(call.into(), change));
        told("1", Change::Phase(Phase::Rings));
        told("1", Change::Over("handled by another client".to_owned()));
        told("1", Change::Words("connected".to_owned()));
        told("1", Change::Phase(Phase::Up));
        told("3", Change::Phase(Phase::Rings));
        told("3", Change::Words("alerting".to_owned()));
        assert!(board.ours().is_empty());
        board.told(&News::Call("3".into(), Change::Phase(Phase::Up)));
        assert_eq!((board.ours(), board.current()), (vec!["3".into()], Some("3".into())));
    }

    #[test]
    fn what_is_told_late_of_a_call_does_not_make_it_another() {
        let mut board = Board::default();
        let mut told = |call: &str, change| board.told(&News::Call(call.into(), change));
        // It begins before whoever asked for it is told that it was asked for.
        for change in [Change::Phase(Phase::Up), Change::Meeting] {
            told("1", change);
        }
        told("1", Change::Words("talking".to_owned()));
        told("1", Change::Phase(Phase::Dials));
        told("2", Change::Phase(Phase::Rings));
        // The service tells at each change that it is up.
        told("1", Change::Phase(Phase::Up));
        assert_eq!(board.list(), ["1  talking", "2  ringing"]);
        assert_eq!((board.current(), board.people()), (Some("2".into()), None));
    }
}
