//! Meetings that this client asked for: their proposals are accepted by themselves, once.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use crate::genesys::ids::ConversationId;
use crate::genesys::wire::Propose;
use crate::machine::CommandId;

/// Meetings asked for and not proposed yet; one more is refused.
pub(super) const MAX_WANTED: usize = 16;

/// The name by which a meeting was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// A room's address.
    Room(String),
    /// A meeting's id.
    Id(String),
}

/// See the [module](self). Each is remembered for a while, and for one conversation once the service
/// has told it (DEF-23).
#[derive(Debug, Default)]
pub(super) struct Wanted {
    waiting: VecDeque<One>,
}

#[derive(Debug)]
struct One {
    meeting: Meeting,
    command: CommandId,
    conversation: Option<ConversationId>,
    until: Instant,
}

impl Wanted {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WANTED
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.waiting.iter().map(|one| one.until).min()
    }

    /// Remembers a meeting that a command asks for.
    pub(super) fn add(&mut self, meeting: Meeting, command: CommandId, until: Instant) {
        self.waiting.push_back(One { meeting, command, conversation: None, until });
    }

    /// The service told which conversation it is.
    pub(super) fn tie(&mut self, command: CommandId, to: &ConversationId) {
        let mut waiting = self.waiting.iter_mut();
        if let Some(one) = waiting.find(|one| one.command == command) {
            one.conversation = Some(to.clone());
        }
    }

    /// The service proposed that conversation, which is waited for no more.
    pub(super) fn came(&mut self, conversation: &ConversationId) {
        self.waiting.retain(|one| one.conversation.as_ref() != Some(conversation));
    }

    /// The command failed.
    pub(super) fn forget(&mut self, command: CommandId) {
        self.waiting.retain(|one| one.command != command);
    }

    /// Forgets what is not proposed any more. Returns the conversations of which the application knows.
    pub(super) fn expire(&mut self, now: Instant) -> BTreeSet<ConversationId> {
        let all = std::mem::take(&mut self.waiting).into_iter();
        let (over, waiting): (Vec<One>, _) = all.partition(|one| one.until <= now);
        self.waiting = waiting.into();
        over.into_iter().filter_map(|one| one.conversation).collect()
    }

    /// True if a proposal is of a meeting that was asked for: it is then no more.
    pub(super) fn take(
        &mut self,
        propose: &Propose,
        room: &str,
        conversation: &ConversationId,
    ) -> bool {
        let is_it = |one: &One| {
            let named = match &one.meeting {
                Meeting::Room(wanted) => wanted == room,
                Meeting::Id(id) => propose.meeting_id.as_ref() == Some(id),
            };
            named && one.conversation.as_ref().is_none_or(|wanted| wanted == conversation)
        };
        let found = self.waiting.iter().position(is_it);
        found.and_then(|at| self.waiting.remove(at)).is_some()
    }
}
