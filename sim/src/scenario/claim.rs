//! Claims that must be true once everything that belongs to an instant was told.

use std::time::Duration;

use offhook::genesys::{ConversationId, Event, SessionId};

use super::asked::Asked;
use super::books::Books;

/// A claim that must be true once everything that belongs to an instant was told.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// A call has ended.
    Over(ConversationId),
    /// A session has ended.
    Ended(SessionId),
    /// Everything that waited for an answer over a connection that is lost was told.
    NobodyWaits,
}

impl Claim {
    /// The claim of an event.
    pub(super) fn of(event: &Event) -> Option<Self> {
        matches!(event, Event::Disconnected { .. }).then_some(Self::NobodyWaits)
    }

    /// The claim of the answer to a command that is done.
    pub(super) fn of_answer(asked: &Asked) -> Option<Self> {
        let over = asked.ends().map(|call| Self::Over(call.clone()));
        over.or_else(|| asked.terminates().map(|session| Self::Ended(session.clone())))
    }

    /// Checks that it is so, the instant after.
    pub(super) fn check(&self, made: Duration, books: &Books) -> Result<(), String> {
        match self {
            // Where the service refused, its session has ended instead (MH-12).
            Self::Over(call)
                if books.talking.get(call).is_some_and(|on| books.started.contains_key(on)) =>
            {
                Err(format!("the end of {call} is answered, and it is talked on"))
            }
            Self::Ended(session) if books.started.contains_key(session) => {
                Err(format!("the end of {session} is answered, and it is there"))
            }
            Self::NobodyWaits => {
                let waits = |asked: &Asked| asked.waits_since_before(made);
                match books.commands.iter().find(|(_, asked)| waits(asked)) {
                    Some((id, _)) => {
                        Err(format!("{id:?} waits for an answer over a connection that is lost"))
                    }
                    None => Ok(()),
                }
            }
            Self::Over(_) | Self::Ended(_) => Ok(()),
        }
    }
}
