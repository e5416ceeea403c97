//! Requests of the application to its calls, and the service's answers (behaviour notes 5).

use std::time::Duration;

use serde_json::Value;

use super::Calls;
use crate::genesys::ask::{Ask, CallAsk, IqAsk};
use crate::genesys::call_state::CallState;
use crate::genesys::command::{Dial, Dialled, Outcome};
use crate::genesys::conversation::{Input, Leg};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::goals::{Goal, Intent, MAX_INTENTS, Part};
use crate::genesys::ids::{ConversationId, MAX_ID, ParticipantId, SessionId, UserId};
use crate::genesys::outbox::Outbox;
use crate::genesys::session_type::SessionType;
use crate::genesys::sessions::Sessions;
use crate::genesys::wire::answers::NewCall;
use crate::genesys::wire::notice::Notice;
use crate::genesys::wire::requests;
use crate::jingle::Reason;
use crate::machine::CommandId;
use crate::media::{Digit, MediaError};
use crate::rest::{Failure, Retry};

/// Keys that one command may press.
const MAX_KEYS: usize = 64;

impl Calls {
    pub(in crate::genesys) fn may_accept_pending(
        &self,
        conversation: &ConversationId,
        out: &Outbox,
    ) -> Result<(), Error> {
        online(out)?;
        let state = self.entries.get(conversation);
        let invite = state.and_then(|state| state.invitation.invite());
        invite.map(|_| ()).ok_or_else(|| no_call(conversation))
    }

    pub(in crate::genesys) fn accept_pending(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.goals.add(command, Goal::Start(conversation.clone()));
        self.feed(conversation, Input::Accept, sessions, out);
    }

    /// Answers a call on the shared session through the service (PC-9).
    pub(super) fn answer_by_rest(&self, conversation: &ConversationId, out: &mut Outbox) {
        let leg = self.entries.get(conversation).and_then(|state| state.leg.as_ref());
        match leg {
            Some(leg) => self.send_answer(conversation, &leg.participant, out),
            None => {
                let resource = requests::conversation(conversation);
                out.rest(CallAsk::Answerer(conversation.clone()), resource, Retry::No);
            }
        }
    }

    /// Sends such an answer, after everybody else is held, as for an answer of media (PC-14).
    fn send_answer(
        &self,
        conversation: &ConversationId,
        participant: &ParticipantId,
        out: &mut Outbox,
    ) {
        self.hold_all_but(conversation, out);
        let connected = serde_json::json!({"state": "connected"});
        let resource = requests::participant(conversation, participant, connected);
        out.rest(CallAsk::Answer(conversation.clone()), resource, Retry::No);
    }

    /// Takes the service's refusal of such an answer: the call rings on and can be answered again
    /// (DEF-16).
    fn answer_refused(
        &mut self,
        conversation: &ConversationId,
        error: &Error,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.feed(conversation, Input::AcceptFailed, sessions, out);
        let failure = Err(error.clone().of_kind(ErrorKind::Session));
        let waits = |goal: &Goal| matches!(goal, Goal::Start(c) if c == conversation);
        self.goals.settle(waits, &failure, out);
    }

    pub(in crate::genesys) fn may_accept(
        &self,
        conversation: &ConversationId,
        out: &Outbox,
        sessions: &Sessions,
    ) -> Result<(), Error> {
        let session = self.session_of(conversation)?;
        if sessions.is_answered(&session) {
            return Ok(());
        }
        online(out)?;
        sessions.may_accept(&session)
    }

    /// Accepts a session's media; accepting twice is one acceptance (scenario 37): whoever comes
    /// second waits for the same word. An answer that cannot be made leaves the session offered, to
    /// be accepted again (DEF-16).
    pub(in crate::genesys) fn accept_session(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let session = match self.session_of(conversation) {
            Ok(session) => session,
            Err(error) => return out.complete(command, Err(error)),
        };
        let answered = sessions.is_answered(&session);
        if answered && !out.is_asked(&IqAsk::Answer(session.clone())) {
            return out.complete(command, Ok(Outcome::Done));
        }
        self.goals.add(command, Goal::Answer(session.clone()));
        if !answered && let Err(error) = self.answer(&session, sessions, out) {
            self.goals.forget(command);
            out.complete(command, Err(error));
        }
    }

    pub(in crate::genesys) fn may_terminate(
        &self,
        session: &SessionId,
        sessions: &Sessions,
    ) -> Result<(), Error> {
        if !sessions.contains(session) {
            return Err(Error::new(ErrorKind::Generic, format!("no session {session}")));
        }
        Ok(())
    }

    pub(in crate::genesys) fn force_terminate(
        &mut self,
        command: CommandId,
        session: &SessionId,
        reason: Reason,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.goals.add(command, Goal::Terminate(session.clone()));
        sessions.terminate(session, reason, out);
    }

    /// True if a conversation is a call of ours.
    pub(in crate::genesys) fn knows(&self, conversation: &ConversationId) -> bool {
        self.entries.contains_key(conversation)
    }

    /// True if a call rings.
    pub(in crate::genesys) fn rings(&self, conversation: &ConversationId) -> bool {
        let state = self.entries.get(conversation);
        state.is_some_and(|state| state.invitation.invite().is_some())
    }

    pub(in crate::genesys) fn may_end(&self, conversation: &ConversationId) -> Result<(), Error> {
        self.entries.get(conversation).map(|_| ()).ok_or_else(|| no_call(conversation))
    }

    pub(in crate::genesys) fn end(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        out: &mut Outbox,
    ) {
        let goal = Goal::End {
            conversation: conversation.clone(),
            session: self.entries.get(conversation).and_then(|entry| entry.media.clone()),
            call_over: false,
        };
        self.goals.add(command, goal);
        self.change(command, conversation, out);
    }

    /// Checks that a change of a call can be asked for. Where media is gone, holding would hold
    /// nobody (MH-4); what is still connecting can be held, since the service does that.
    pub(in crate::genesys) fn may_change(
        &self,
        conversation: &ConversationId,
        change: &Intent,
        sessions: &Sessions,
    ) -> Result<(), Error> {
        let state = self.entries.get(conversation);
        let media = state.and_then(|state| state.media.as_ref());
        let possible = match change {
            Intent::Reject => state.is_some_and(|state| state.invitation.invite().is_some()),
            Intent::Mute(_) | Intent::Hold(_) => media.is_some(),
            Intent::Control(control) => {
                control.outlives_call() || state.is_some_and(|state| state.leg.is_some())
            }
        };
        if !possible {
            return Err(no_call(conversation));
        }
        if let (Intent::Hold(_), Some(session)) = (change, media)
            && !sessions.is_alive(session)
        {
            let text = format!("the media is gone or interrupted: {conversation}");
            return Err(Error::new(ErrorKind::Media, text));
        }
        if self.goals.intents(conversation).count() >= MAX_INTENTS {
            let text = format!("too many changes waiting: {conversation}");
            return Err(Error::new(ErrorKind::Limit, text));
        }
        Ok(())
    }

    pub(in crate::genesys) fn request_change(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        change: Intent,
        out: &mut Outbox,
    ) {
        if change == Intent::Hold(false) {
            self.hold_all_but(conversation, out);
        }
        let first = self.goals.intents(conversation).next().is_none();
        self.goals.add(command, Goal::Change { conversation: conversation.clone(), change });
        if first {
            self.change(command, conversation, out);
        }
    }

    /// Asks for the next of a call's changes, now that the one before is answered.
    fn change_next(&self, conversation: &ConversationId, out: &mut Outbox) {
        if let Some(next) = self.goals.intents(conversation).next() {
            self.change(next, conversation, out);
        }
    }

    pub(in crate::genesys) fn may_send_dtmf(
        &self,
        conversation: &ConversationId,
        digits: &[Digit],
        sessions: &Sessions,
    ) -> Result<(), Error> {
        let session = self.session_of(conversation)?;
        if digits.len() > MAX_KEYS {
            return Err(Error::media(MediaError::TooMany("digits")));
        }
        if !sessions.is_connected(&session) {
            let text = format!("the media is not connected: {conversation}");
            return Err(Error::new(ErrorKind::Media, text));
        }
        Ok(())
    }

    pub(in crate::genesys) fn send_dtmf(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        digits: &[Digit],
        duration: Duration,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let result = self
            .session_of(conversation)
            .and_then(|session| sessions.send_dtmf(&session, digits, duration, out));
        out.complete(command, result.map(|()| Outcome::Done));
    }

    pub(in crate::genesys) fn may_dial(&self, out: &Outbox) -> Result<(), Error> {
        online(out)?;
        if !out.config.may_have(SessionType::Softphone) {
            let text = "softphone sessions are not for this kind of client";
            return Err(Error::new(ErrorKind::Generic, text));
        }
        Ok(())
    }

    pub(in crate::genesys) fn dial(&mut self, command: CommandId, dial: &Dial, out: &mut Outbox) {
        self.goals.add(command, Goal::Dial);
        out.rest(CallAsk::Dial(command), requests::dial(dial), Retry::No);
    }

    /// Forgets the commands that wait here, and their questions: others answer them.
    pub(in crate::genesys) fn forget_commands(
        &mut self,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.goals.clear();
        out.forget_http(Ask::is_of_a_command);
        self.take_early(sessions, out);
    }

    pub(super) fn session_of(&self, conversation: &ConversationId) -> Result<SessionId, Error> {
        let entry = self.entries.get(conversation).ok_or_else(|| no_call(conversation))?;
        entry.media.clone().ok_or_else(|| no_call(conversation))
    }

    /// Asks the service for the change that a command wants; first for our participant, where no
    /// event has told it yet (MH-2).
    pub(super) fn change(
        &self,
        command: CommandId,
        conversation: &ConversationId,
        out: &mut Outbox,
    ) {
        let leg = self.entries.get(conversation).and_then(|state| state.leg.as_ref());
        let part = self.part(command);
        let known = leg.filter(|leg| match part {
            Part::Ours => true,
            Part::Ringing => leg.only_rings,
            Part::Other => false,
        });
        match known {
            Some(Leg { participant, purpose, .. }) => {
                self.send_change(command, conversation, participant, purpose, out);
            }
            None => {
                let resource = requests::conversation(conversation);
                out.rest(CallAsk::Participant(command), resource, Retry::No);
            }
        }
    }

    /// The part in the call that a command is about.
    fn part(&self, command: CommandId) -> Part {
        match self.goals.get(command) {
            Some(Goal::Change { change, .. }) => change.part(),
            _ => Part::Ours,
        }
    }

    pub(super) fn send_change(
        &self,
        command: CommandId,
        conversation: &ConversationId,
        participant: &ParticipantId,
        purpose: &str,
        out: &mut Outbox,
    ) {
        let resource = match self.goals.get(command) {
            Some(Goal::Change { change, .. }) => {
                change.resource(conversation, participant, purpose)
            }
            Some(Goal::End { .. }) => {
                let over = serde_json::json!({"state": "disconnected"});
                requests::participant(conversation, participant, over)
            }
            Some(Goal::Start(_) | Goal::Answer(_) | Goal::Terminate(_) | Goal::Dial) | None => {
                return;
            }
        };
        out.rest(CallAsk::Change(command), resource, Retry::No);
    }

    pub(in crate::genesys) fn handle_rest(
        &mut self,
        ask: &CallAsk,
        result: Result<Value, Failure>,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        match ask {
            CallAsk::Participant(command) => {
                let part = self.part(*command);
                let found = result
                    .and_then(|body| Notice::answered(&body))
                    .map_err(Error::from)
                    .and_then(|notice| find(part, &notice, user));
                self.participant_found(*command, found, sessions, out);
            }
            CallAsk::Change(command) => {
                self.changed(*command, result.map(|_| ()).map_err(Error::from), sessions, out);
            }
            CallAsk::Dial(command) => self.dial_answered(*command, result, sessions, out),
            CallAsk::Answerer(conversation) => {
                let found = result
                    .and_then(|body| Notice::answered(&body))
                    .map_err(Error::from)
                    .and_then(|notice| find(Part::Ours, &notice, user));
                match found {
                    Ok((participant, _)) => self.send_answer(conversation, &participant, out),
                    Err(error) => self.answer_refused(conversation, &error, sessions, out),
                }
            }
            CallAsk::Answer(conversation) => {
                if let Err(failure) = result {
                    self.answer_refused(conversation, &failure.into(), sessions, out);
                }
            }
            CallAsk::Listing => self.listed(result, user, sessions, out),
            CallAsk::HoldOther => {
                // The events tell what became of it (PC-14).
                if let Err(failure) = result {
                    tracing::warn!("another call is not held: {}", out.fit(failure.into()));
                }
            }
            CallAsk::Metadata(_) => {}
        }
    }

    pub(super) fn participant_found(
        &mut self,
        command: CommandId,
        found: Result<(ParticipantId, String), Error>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let conversation = match self.goals.get(command) {
            Some(Goal::Change { conversation, .. } | Goal::End { conversation, .. }) => {
                conversation.clone()
            }
            Some(Goal::Start(_) | Goal::Answer(_) | Goal::Terminate(_) | Goal::Dial) | None => {
                return;
            }
        };
        match found {
            // Its time was up meanwhile.
            Ok(_) if !out.is_open(command) => self.changed(command, Ok(()), sessions, out),
            Ok((participant, purpose)) => {
                self.send_change(command, &conversation, &participant, &purpose, out);
            }
            Err(error) => self.changed(command, Err(error), sessions, out),
        }
    }

    /// Takes the service's answer to a change.
    pub(super) fn changed(
        &mut self,
        command: CommandId,
        result: Result<(), Error>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        match (self.goals.get_mut(command), result) {
            (Some(Goal::Change { change, conversation }), result) => {
                let (change, conversation) = (change.clone(), conversation.clone());
                self.goals.forget(command);
                let result = result.map(|()| Outcome::Done).map_err(|e| change.failure(e));
                out.complete(command, result);
                self.change_next(&conversation, out);
            }
            // The events of the service and of media complete it.
            (Some(Goal::End { .. }), Ok(())) => {}
            (Some(Goal::End { conversation, session: Some(session), call_over }), Err(_)) => {
                let (conversation, session) = (conversation.clone(), session.clone());
                let others = self.entries.iter().filter(|(id, state)| {
                    **id != conversation && state.media.as_ref() == Some(&session)
                });
                let others: Vec<_> = others.map(|(id, _)| id.as_str().to_owned()).collect();
                if others.is_empty() {
                    // MH-12: end the media session instead; then nothing more can be expected of
                    // the service.
                    *call_over = true;
                    sessions.terminate(&session, Reason::Success, out);
                } else {
                    self.goals.forget(command);
                    let text = format!("its session carries other calls: {}", others.join(", "));
                    out.complete(command, Err(Error::new(ErrorKind::Session, text)));
                }
            }
            (Some(Goal::End { session: None, .. }), Err(error)) => {
                self.goals.forget(command);
                out.complete(command, Err(Intent::Reject.failure(error)));
            }
            (Some(Goal::Start(_) | Goal::Answer(_) | Goal::Terminate(_) | Goal::Dial), _)
            | (None, _) => {}
        }
    }

    pub(super) fn dial_answered(
        &mut self,
        command: CommandId,
        result: Result<Value, Failure>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.goals.forget(command);
        match result.and_then(|body| Failure::or_parsed::<NewCall>("conversations/calls", body)) {
            Ok(NewCall { id, self_uri }) => {
                let self_uri = self_uri.filter(|uri| uri.len() <= MAX_ID);
                self.reports.dialled(&id);
                if let Some(forgotten) = self.dials.add(id.clone()) {
                    self.finish(&forgotten, out);
                }
                let outcome = Dialled { conversation: id, self_uri };
                out.complete(command, Ok(Outcome::Dialled(outcome)));
            }
            Err(failure) => out.complete(command, Err(failure.into())),
        }
        self.take_early(sessions, out);
    }

    /// Gives up a command whose time is up. A change that is under way may still be made: the next
    /// one waits for the service's word on it, or else would go out beside it (DEF-31).
    pub(in crate::genesys) fn forget_command(
        &mut self,
        command: CommandId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let under_way = match self.goals.get(command) {
            Some(Goal::Change { conversation, .. }) => {
                self.goals.intents(conversation).next() == Some(command)
            }
            _ => false,
        };
        if !under_way {
            self.goals.forget(command);
        }
        self.take_early(sessions, out);
    }
}

/// The participant of whom something is asked, and its purpose.
fn find(
    part: Part,
    notice: &Notice<'_>,
    user: Option<&UserId>,
) -> Result<(ParticipantId, String), Error> {
    let (found, missing) = match part {
        Part::Ours => (
            user.and_then(|user| notice.ours(user, Some(&CallState::Connected))),
            "we are not in that conversation",
        ),
        Part::Ringing => {
            (user.and_then(|user| notice.ringing(user)), "nothing rings in that conversation")
        }
        Part::Other => {
            (user.and_then(|user| notice.other(user)), "nobody else is in that conversation")
        }
    };
    found
        .map(|participant| ((&*participant.id).into(), participant.purpose.to_string()))
        .ok_or_else(|| Error::new(ErrorKind::Generic, missing))
}

pub(crate) fn online(out: &Outbox) -> Result<(), Error> {
    if out.jid.is_some() {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Session, "signaling is down"))
    }
}

fn no_call(conversation: &ConversationId) -> Error {
    Error::new(ErrorKind::Session, format!("no such call in this state: {conversation}"))
}
