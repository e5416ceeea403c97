//! Monitored users are not told of it: the session begins and ends, and has media (LM-1, LM-2;
//! behaviour notes 2.4).

use std::collections::BTreeSet;

use offhook::genesys::{ConversationId, Event};

use super::rule::Rule;
use super::stays::Stays;
use crate::world::{PhoneId, Seen};

/// Monitored users are not told of it.
#[derive(Debug, Default)]
pub(super) struct Monitored {
    /// Those in which a user's own screens are monitored.
    pub(super) conversations: BTreeSet<ConversationId>,
}

impl Rule for Monitored {
    const NAME: &'static str = "whose screens are monitored is not asked";

    fn see(&mut self, _: PhoneId, seen: Seen<'_>, _: &Stays) -> Result<(), String> {
        let Seen::Told { event, .. } = seen else { return Ok(()) };
        let conversation = match event {
            Event::PendingSession(pending) => &pending.conversation,
            Event::ParticipantsUpdate(update) => &update.conversation,
            Event::CancelPendingSession { conversation, .. }
            | Event::HandledPendingSession { conversation, .. }
            | Event::ActiveVideoParticipants { conversation, .. }
            | Event::Speakers { conversation, .. }
            | Event::MemberStatus { conversation, .. }
            | Event::RoomMessage { conversation, .. }
            | Event::PinnedParticipant { conversation, .. } => conversation,
            _ => return Ok(()),
        };
        match self.conversations.contains(conversation) {
            true => Err(format!("{conversation} is told of: {event:?}")),
            false => Ok(()),
        }
    }
}
