//! A world's notes of a phone of the service.

use std::collections::{BTreeMap, BTreeSet};

use offhook::genesys::{Command, ConversationId, Event, SessionId};
use offhook::machine::CommandId;

/// The domain of every simulated organisation.
pub(super) const DOMAIN: &str = "lab.test";

/// The agent's part in a call, as the service has it just after it confirmed a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// The conversation.
    pub conversation: ConversationId,
    /// True if the agent is muted.
    pub muted: bool,
    /// True if the call is held.
    pub held: bool,
}

/// A world's notes of a phone of the service.
#[derive(Debug, Default)]
pub struct Notes {
    /// Media sessions that its client has told of.
    sessions: BTreeSet<SessionId>,
    /// Changes of calls that its client was asked for.
    changing: BTreeMap<CommandId, ConversationId>,
}

impl Notes {
    /// True if its client has told of a session.
    pub(super) fn knows(&self, session: &str) -> bool {
        self.sessions.contains(&SessionId::from(session))
    }

    /// Keeps what its client was asked to change.
    pub(super) fn submitted(&mut self, id: CommandId, command: &Command) {
        if let Command::SetAudioMute { conversation, .. }
        | Command::SetConversationHeld { conversation, .. } = command
        {
            self.changing.insert(id, conversation.clone());
        }
    }

    /// The call that a command was to change, which is over.
    pub(super) fn completed(&mut self, id: CommandId) -> Option<ConversationId> {
        self.changing.remove(&id)
    }

    /// Keeps what its client told of its sessions.
    pub(super) fn told(&mut self, event: &Event) {
        match event {
            Event::SessionStarted(session) => {
                self.sessions.insert(session.id.clone());
            }
            Event::SessionReplaced { session, old } => {
                self.sessions.remove(old);
                self.sessions.insert(session.id.clone());
            }
            Event::SessionEnded { session, .. } => {
                self.sessions.remove(&session.id);
            }
            _ => {}
        }
    }
}
