//! Calls that the user dialled, and first events that came before the answer to a dial (LC-15,
//! DEF-28).

use std::collections::VecDeque;

use crate::genesys::conversation::Leg;
use crate::genesys::ids::ConversationId;

/// Conversations that we dialled and that may still send their first event.
const MAX_DIALLED: usize = 64;
/// First events kept while a dial waits for its answer (LC-15).
const MAX_EARLY: usize = 16;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Dials {
    dialled: VecDeque<ConversationId>,
    early: VecDeque<(ConversationId, Leg)>,
}

impl Dials {
    pub(super) fn len(&self) -> usize {
        self.dialled.len() + self.early.len()
    }

    /// The conversations that the user dialled, oldest first.
    pub(super) fn dialled(&self) -> impl ExactSizeIterator<Item = &ConversationId> {
        self.dialled.iter()
    }

    /// Whether the user dialled it.
    pub(super) fn made(&self, id: &ConversationId) -> bool {
        self.dialled.contains(id)
    }

    /// The user dialled it. The oldest one that is forgotten for it, if there are too many.
    pub(super) fn add(&mut self, id: ConversationId) -> Option<ConversationId> {
        self.dialled.push_back(id);
        if self.dialled.len() > MAX_DIALLED { self.dialled.pop_front() } else { None }
    }

    /// It is over.
    pub(super) fn forget(&mut self, id: &ConversationId) {
        self.dialled.retain(|dialled| dialled != id);
    }

    /// Whether a first event of it is kept.
    pub(super) fn was_heard_of(&self, id: &ConversationId) -> bool {
        self.early.iter().any(|(early, _)| early == id)
    }

    /// Keeps a first event of what may have been dialled; the oldest goes for it, if there are too
    /// many.
    pub(super) fn keep(&mut self, id: &ConversationId, leg: &Leg) {
        let first = (id.clone(), leg.clone());
        if self.early.back() != Some(&first) {
            self.early.push_back(first);
        }
        if self.early.len() > MAX_EARLY {
            self.early.pop_front();
        }
    }

    /// Its end takes the place of what came before it.
    pub(super) fn drop_early(&mut self, id: &ConversationId) {
        self.early.retain(|(early, _)| early != id);
    }

    /// The events whose dial is answered: those of calls that turned out to be ours, and all others
    /// once no dial waits.
    pub(super) fn take_early(&mut self, waits: bool) -> VecDeque<(ConversationId, Leg)> {
        let (kept, due) = std::mem::take(&mut self.early)
            .into_iter()
            .partition(|(id, _)| waits && !self.dialled.contains(id));
        self.early = kept;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_are_bounded_and_the_oldest_is_forgotten() {
        let mut dials = Dials::default();
        for n in 0..MAX_DIALLED {
            assert_eq!(dials.add(format!("c{n}").into()), None);
        }
        assert_eq!(dials.add("one more".into()), Some("c0".into()));
        assert!(!dials.made(&"c0".into()) && dials.made(&"c1".into()));
        assert_eq!(dials.len(), MAX_DIALLED);
    }
}
