//! The rooms that one application is in, by what it was told.

use std::collections::BTreeMap;

use offhook::genesys::{Command, ConversationId, Event, SessionId, SessionType};
use offhook::machine::{CommandId, MediaId};

/// A session in a room.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) conversation: ConversationId,
    pub(super) kind: SessionType,
    pub(super) media: MediaId,
    /// True once its offer was answered, and the service has taken the answer.
    pub(super) answered: bool,
}

/// The rooms that one application is in.
#[derive(Debug, Default)]
pub(super) struct Stays {
    there: BTreeMap<SessionId, Stay>,
    /// Answers that wait for the service's word.
    answers: BTreeMap<CommandId, ConversationId>,
}

impl Stays {
    pub(super) fn get(&self, session: &SessionId) -> Option<&Stay> {
        self.there.get(session)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SessionId, &Stay)> {
        self.there.iter()
    }

    /// The sessions of a conversation.
    pub(super) fn of(&self, conversation: &ConversationId) -> impl Iterator<Item = &SessionId> {
        let of = move |stay: &Stay| stay.conversation == *conversation;
        self.there.iter().filter(move |(_, stay)| of(stay)).map(|(session, _)| session)
    }

    /// The session of that media.
    pub(super) fn of_media(&self, media: MediaId) -> Option<(&SessionId, &Stay)> {
        self.there.iter().find(|(_, stay)| stay.media == media)
    }

    pub(super) fn submitted(&mut self, id: CommandId, command: &Command) {
        if let Command::AcceptRoom { conversation, .. } = command {
            self.answers.insert(id, conversation.clone());
        }
    }

    pub(super) fn completed(&mut self, id: CommandId, done: bool) {
        let Some(conversation) = self.answers.remove(&id).filter(|_| done) else { return };
        for stay in self.there.values_mut().filter(|stay| stay.conversation == conversation) {
            stay.answered = true;
        }
    }

    /// Takes what begins, is replaced and ends. False where that cannot be.
    pub(super) fn told(&mut self, event: &Event) -> bool {
        match event {
            Event::SessionStarted(session) if session.session_type.is_room() => {
                let stay = Stay {
                    conversation: session.conversation.clone(),
                    kind: session.session_type,
                    media: session.media,
                    answered: false,
                };
                self.there.insert(session.id.clone(), stay).is_none()
            }
            Event::SessionReplaced { session, old } if session.session_type.is_room() => {
                let stay = self.there.remove(old);
                let stay = stay.map(|stay| Stay { media: session.media, ..stay });
                stay.is_some_and(|stay| self.there.insert(session.id.clone(), stay).is_none())
            }
            Event::SessionEnded { session, .. } if session.session_type.is_room() => {
                self.there.remove(&session.id).is_some()
            }
            _ => true,
        }
    }
}
