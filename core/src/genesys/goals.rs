//! Commands on their way, and the event that each waits for.

use std::collections::BTreeMap;

use serde_json::json;

use super::command::Outcome;
use super::control::CallControl;
use super::conversation::Why;
use super::error::{Error, ErrorKind};
use super::ids::{ConversationId, ParticipantId, SessionId};
use super::outbox::Outbox;
use super::wire::requests;
use crate::machine::CommandId;
use crate::rest::Resource;

/// The event that a command waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The offer that follows our `proceed`.
    Start(ConversationId),
    /// The service's word on our answer.
    Answer(SessionId),
    /// The end of a call: in the service and in media.
    End { conversation: ConversationId, session: Option<SessionId>, call_over: bool },
    /// The end of a media session.
    Terminate(SessionId),
    /// The service's word on a change.
    Change { conversation: ConversationId, change: Intent },
    /// A new conversation.
    Dial,
}

/// A change of our part in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Mute(bool),
    Hold(bool),
    Reject,
    Control(CallControl),
}

/// The part in a call of which something is asked. We may have several: one that talks, and one
/// that rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Ours; of several, the one that talks (CV-4).
    Ours,
    /// Ours that rings, and no other: to decline is never to hang up.
    Ringing,
    /// The other party's.
    Other,
}

impl Intent {
    /// The request that makes it. `purpose` is that of our participant.
    pub(crate) fn resource(
        &self,
        conversation: &ConversationId,
        participant: &ParticipantId,
        purpose: &str,
    ) -> Resource {
        let change = |body| requests::participant(conversation, participant, body);
        match self {
            Self::Mute(muted) => change(json!({"muted": muted})),
            Self::Hold(held) => change(json!({"held": held})),
            // PC-10: a direct call goes to voicemail.
            Self::Reject if purpose == "user" => requests::to_voicemail(conversation, participant),
            Self::Reject => change(json!({"state": "disconnected"})),
            Self::Control(control) => control.resource(conversation, participant),
        }
    }

    /// The part in the call of which it is asked.
    pub(crate) fn part(&self) -> Part {
        match self {
            Self::Mute(_) | Self::Hold(_) => Part::Ours,
            Self::Reject => Part::Ringing,
            Self::Control(control) if control.concerns_other() => Part::Other,
            Self::Control(_) => Part::Ours,
        }
    }

    /// The documented kind of its failure (behaviour notes 1.5), unless nobody answered.
    pub(crate) fn failure(&self, cause: Error) -> Error {
        let kind = match (cause.kind, self) {
            (ErrorKind::Timeout | ErrorKind::InvalidToken, _) => cause.kind,
            (_, Self::Mute(_)) => ErrorKind::Generic,
            (_, Self::Hold(_)) => ErrorKind::Call,
            (_, Self::Reject) => ErrorKind::Session,
            (kind, Self::Control(_)) => kind,
        };
        cause.of_kind(kind)
    }
}

/// Changes of one call that wait for those before them; one more is refused.
pub(crate) const MAX_INTENTS: usize = 16;

/// The open goals, by command.
#[derive(Debug, Default)]
pub(crate) struct Goals {
    open: BTreeMap<CommandId, Goal>,
}

impl Goals {
    pub(crate) fn add(&mut self, command: CommandId, goal: Goal) {
        self.open.insert(command, goal);
    }

    pub(crate) fn get(&self, command: CommandId) -> Option<&Goal> {
        self.open.get(&command)
    }

    pub(crate) fn get_mut(&mut self, command: CommandId) -> Option<&mut Goal> {
        self.open.get_mut(&command)
    }

    /// The changes of a call that are not answered yet, in the order in which they were asked for:
    /// the first is under way, the others wait for it (DEF-31).
    pub(crate) fn intents<'a>(
        &'a self,
        of: &'a ConversationId,
    ) -> impl Iterator<Item = CommandId> + 'a {
        self.open.iter().filter_map(move |(command, goal)| match goal {
            Goal::Change { conversation, .. } if conversation == of => Some(*command),
            Goal::Start(_)
            | Goal::Answer(_)
            | Goal::End { .. }
            | Goal::Terminate(_)
            | Goal::Change { .. }
            | Goal::Dial => None,
        })
    }

    /// Forgets a command that is answered some other way.
    pub(crate) fn forget(&mut self, command: CommandId) -> Option<Goal> {
        let goal = self.open.remove(&command);
        self.tidy();
        goal
    }

    pub(crate) fn clear(&mut self) {
        self.open = BTreeMap::new();
    }

    /// Keeps no room where there are no goals, as a map does of its own: a process may hold very many
    /// calls in which nothing is asked for.
    fn tidy(&mut self) {
        if self.open.is_empty() {
            self.clear();
        }
    }

    pub(crate) fn is_dialling(&self) -> bool {
        self.open.values().any(|goal| *goal == Goal::Dial)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Completes the goals that match.
    pub(crate) fn settle(
        &mut self,
        matches: impl Fn(&Goal) -> bool,
        result: &Result<Outcome, Error>,
        out: &mut Outbox,
    ) {
        self.open.retain(|command, goal| {
            let settled = matches(goal);
            if settled {
                out.complete(*command, result.clone());
            }
            !settled
        });
        self.tidy();
    }

    /// Fails the commands of an invitation that led to nothing.
    pub(crate) fn invitation_gone(&mut self, of: &ConversationId, why: Why, out: &mut Outbox) {
        let error = match why {
            Why::Said(text) => Error::new(ErrorKind::Session, text),
            Why::Offer(error) => {
                let text = format!("the offer of media cannot be used: {error}");
                Error::new(ErrorKind::Session, text).caused_by(error)
            }
        };
        self.settle(|goal| matches!(goal, Goal::Start(c) if c == of), &Err(error), out);
    }

    /// Settles the commands that waited for the end of a media session.
    pub(crate) fn session_over(&mut self, id: &SessionId, out: &mut Outbox) {
        let gone = Err(Error::new(ErrorKind::Session, "the session ended"));
        self.settle(|goal| matches!(goal, Goal::Answer(s) if s == id), &gone, out);
        let done = Ok(Outcome::Done);
        self.settle(|goal| matches!(goal, Goal::Terminate(s) if s == id), &done, out);
        self.session_matters_no_more(|_, session| session == id, out);
    }

    /// Lets whoever waited for a session wait for the one that took its place.
    pub(crate) fn session_replaced(&mut self, old: &SessionId, new: &SessionId) {
        for goal in self.open.values_mut() {
            match goal {
                Goal::Answer(session)
                | Goal::Terminate(session)
                | Goal::End { session: Some(session), .. }
                    if session == old =>
                {
                    *session = new.clone();
                }
                Goal::Start(_)
                | Goal::Answer(_)
                | Goal::End { .. }
                | Goal::Terminate(_)
                | Goal::Change { .. }
                | Goal::Dial => {}
            }
        }
    }

    /// Waits no longer for the end of a call's media session, which outlives it (PC-12).
    pub(crate) fn session_stays(&mut self, of: &ConversationId, out: &mut Outbox) {
        self.session_matters_no_more(|conversation, _| conversation == of, out);
    }

    /// Waits no longer for the end of a media session that carries another call now, for whoever
    /// hung up the one before, whatever is known of the phone (LC-16).
    pub(crate) fn session_goes_on(
        &mut self,
        id: &SessionId,
        with: &ConversationId,
        out: &mut Outbox,
    ) {
        self.session_matters_no_more(|of, session| of != with && session == id, out);
    }

    /// Lets the ends of calls that match wait no longer for their sessions.
    fn session_matters_no_more(
        &mut self,
        matches: impl Fn(&ConversationId, &SessionId) -> bool,
        out: &mut Outbox,
    ) {
        for goal in self.open.values_mut() {
            if let Goal::End { conversation, session, .. } = goal
                && session.as_ref().is_some_and(|session| matches(conversation, session))
            {
                *session = None;
            }
        }
        self.settle_ends(out);
    }

    /// Settles the commands that waited for a call's end in the service.
    pub(crate) fn call_over(&mut self, of: &ConversationId, out: &mut Outbox) {
        for goal in self.open.values_mut() {
            if let Goal::End { conversation, call_over, .. } = goal
                && conversation == of
            {
                *call_over = true;
            }
        }
        self.settle_ends(out);
        // Nothing of it can be changed any more, but for the answer to what is under way.
        let waiting: Vec<_> = self.intents(of).skip(1).collect();
        for command in waiting {
            self.forget(command);
            out.complete(command, Err(Error::new(ErrorKind::Session, "the call is over")));
        }
    }

    fn settle_ends(&mut self, out: &mut Outbox) {
        let over = |goal: &Goal| matches!(goal, Goal::End { session: None, call_over: true, .. });
        self.settle(over, &Ok(Outcome::Done), out);
    }
}
