//! Commands of rooms on their way, and the event that each waits for.

use std::collections::BTreeMap;

use crate::genesys::command::Outcome;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::ids::{ParticipantId, SessionId};
use crate::genesys::outbox::Outbox;
use crate::machine::{CommandId, MediaKind};

/// The event that a command waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The offer that follows our `proceed`.
    Start(SessionId),
    /// The service's word on our answer.
    Answer(SessionId),
    /// The end of a session.
    End(SessionId),
    /// The service's word on a mute; `was` is how it was before.
    Mute { session: SessionId, kind: MediaKind, was: Muting },
    /// The service's word on whose pictures we want.
    Pin { session: SessionId, participant: Option<ParticipantId> },
    /// The service's word on a meeting.
    Meeting,
    /// The proposal of a room that a guest asked to be let into, to show a screen.
    Share,
}

/// The state of our sending, of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Muting {
    Live,
    Muted,
}

impl Muting {
    pub(super) fn of(muted: bool) -> Self {
        if muted { Self::Muted } else { Self::Live }
    }

    pub(super) fn is_muted(self) -> bool {
        match self {
            Self::Live => false,
            Self::Muted => true,
        }
    }
}

/// The waiting commands.
#[derive(Debug, Default)]
pub(super) struct Waits {
    open: BTreeMap<CommandId, Wait>,
}

impl Waits {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn add(&mut self, command: CommandId, wait: Wait) {
        self.open.insert(command, wait);
    }

    pub(super) fn take(&mut self, command: CommandId) -> Option<Wait> {
        self.open.remove(&command)
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// The first command that waits for this.
    pub(super) fn first(&self, wait: &Wait) -> Option<CommandId> {
        self.open.iter().find(|(_, open)| *open == wait).map(|(command, _)| *command)
    }

    /// A mute has failed. False where a later one of the same waits: then it is that one which has to be
    /// undone to how all was before this one.
    pub(super) fn undo_mute(
        &mut self,
        command: CommandId,
        session: &SessionId,
        of: MediaKind,
        before: Muting,
    ) -> bool {
        let mut later = self.open.range_mut(command..).filter_map(|(_, wait)| {
            if let Wait::Mute { session: s, kind, was } = wait
                && s == session
                && *kind == of
            {
                return Some(was);
            }
            None
        });
        match later.next() {
            Some(was) => {
                *was = before;
                false
            }
            None => true,
        }
    }

    /// Completes the commands that wait for this.
    pub(super) fn settle(
        &mut self,
        wait: &Wait,
        result: &Result<Outcome, Error>,
        out: &mut Outbox,
    ) {
        self.open.retain(|command, open| {
            let settled = open == wait;
            if settled {
                out.complete(*command, result.clone());
            }
            !settled
        });
    }

    /// Lets whoever waited for a session wait for another.
    pub(super) fn moved(&mut self, old: &SessionId, new: &SessionId) {
        for wait in self.open.values_mut() {
            match wait {
                Wait::Start(session)
                | Wait::Answer(session)
                | Wait::End(session)
                | Wait::Mute { session, .. }
                | Wait::Pin { session, .. }
                    if session == old =>
                {
                    *session = new.clone();
                }
                Wait::Start(_)
                | Wait::Answer(_)
                | Wait::End(_)
                | Wait::Mute { .. }
                | Wait::Pin { .. }
                | Wait::Meeting
                | Wait::Share => {}
            }
        }
    }

    /// A session is over: what waited for its end is done, what waited for its beginning failed.
    pub(super) fn session_over(&mut self, session: &SessionId, out: &mut Outbox) {
        self.settle(&Wait::End(session.clone()), &Ok(Outcome::Done), out);
        let gone = Err(Error::new(ErrorKind::Session, "the session ended"));
        self.settle(&Wait::Start(session.clone()), &gone, out);
        self.settle(&Wait::Answer(session.clone()), &gone, out);
    }
}
