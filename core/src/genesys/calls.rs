//! The softphone's calls: invitations, conversations and media sessions, held together
//! (behaviour notes 2 to 5).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::command::{Dial, Dialled, Outcome};
use super::conversation::{Entry, Invitation, Invite, Step, active, new_error, ours, reconcile};
use super::conversation::{Ours, snapshot};
use super::error::{Error, ErrorKind};
use super::event::{ConversationUpdate, Event, HandledBy, SessionType};
use super::goals::{Change, Goal, Goals};
use super::ids::{ConversationId, ParticipantId, SessionId, UserId};
use super::notice::{Class, Notice};
use super::outbox::{Ask, Outbox, Retry};
use super::peer::session_type;
use super::rest::{self, Failure, NewCall, Resource};
use super::sessions::Sessions;
use crate::jingle::{Propose, Reason, SessionMessage};
use crate::machine::{CommandId, Wake};
use crate::media::Digit;
use crate::xmpp::{Frame, Jid, Message, Payload};

/// Conversations known at once; a propose beyond it is refused by silence.
pub(crate) const MAX_CONVERSATIONS: usize = 256;
/// Conversations that we dialled and that may still send their first event.
const MAX_DIALLED: usize = 64;
/// First events kept while a dial waits for its answer (LC-15).
const MAX_EARLY: usize = 16;
/// How long a call outlives its media, or media its call, before it is ended too (DEF-8).
const ORPHAN_LIFETIME: Duration = Duration::from_secs(10);

/// The calls of one user. See the [module](self).
#[derive(Debug)]
pub(crate) struct Calls {
    entries: BTreeMap<ConversationId, Entry>,
    pub(crate) sessions: Sessions,
    goals: Goals,
    dialled: VecDeque<ConversationId>,
    early: VecDeque<Notice>,
    /// Calls whose media ended, and when they are taken for ended too.
    orphans: BTreeMap<ConversationId, Instant>,
}

impl Calls {
    pub(crate) fn new(sessions: Sessions) -> Self {
        Self {
            entries: BTreeMap::new(),
            sessions,
            goals: Goals::default(),
            dialled: VecDeque::new(),
            early: VecDeque::new(),
            orphans: BTreeMap::new(),
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let invitation = self.entries.values().filter_map(|e| e.invitation.expires()).min();
        let orphan = self.orphans.values().min().copied();
        Wake::earliest(
            invitation.map(|at| Wake { at, reason: "invitation limit" }),
            Wake::earliest(
                orphan.map(|at| Wake { at, reason: "call without media" }),
                self.sessions.next_wake(),
            ),
        )
    }

    /// How much is remembered, for the bounds' tests.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        self.entries.len()
            + self.sessions.len()
            + self.goals.len()
            + self.dialled.len()
            + self.early.len()
            + self.orphans.len()
    }

    // Invitations

    pub(crate) fn handle_session_message(
        &mut self,
        message: &SessionMessage,
        from: Option<&Jid>,
        out: &mut Outbox,
    ) {
        match message {
            SessionMessage::Propose(propose) => match from {
                Some(from) => self.propose(propose, from, out),
                None => out.malformed("propose without a sender"),
            },
            // Row by row: only the client that got the offer sends accept (LC-15), and our own
            // comes back to us (LC-14).
            SessionMessage::Accept { id } | SessionMessage::Reject { id } => {
                if from.is_none() || from != out.jid.as_ref() {
                    self.handled_elsewhere(&SessionId::from(id.as_str()), out);
                }
            }
            SessionMessage::Retract { id } => {
                self.retracted(&SessionId::from(id.as_str()), out);
            }
            SessionMessage::Proceed { .. } => {}
        }
    }

    fn propose(&mut self, propose: &Propose, from: &Jid, out: &mut Outbox) {
        if Some(from) == out.jid.as_ref() {
            return;
        }
        match session_type(from) {
            SessionType::Softphone => {}
            SessionType::Unknown => {
                let text = format!("a session of unknown type was proposed by {from}");
                out.event(Event::Error(Error::new(ErrorKind::Session, text)));
                return;
            }
            // Types that are not enabled are left alone (wire notes 9).
            SessionType::CollaborateVideo
            | SessionType::ScreenShare
            | SessionType::ScreenRecording
            | SessionType::LiveScreenMonitoring => return,
        }
        let Some(conversation) = propose.conversation_id.as_deref().map(ConversationId::from)
        else {
            out.malformed(format!("propose {} without a conversation", propose.id));
            return;
        };
        if self.sessions.contains(&SessionId::from(propose.id.as_str())) {
            return;
        }
        if !self.entries.contains_key(&conversation) && self.entries.len() >= MAX_CONVERSATIONS {
            out.malformed("too many conversations: propose dropped");
            return;
        }
        let entry = self.entries.entry(conversation.clone()).or_default();
        match &mut entry.invitation {
            Invitation::None => {
                let announced = !propose.eager;
                let invite = Invite::new(propose, from, announced, out.now);
                if announced {
                    out.event(Event::PendingSession(invite.to_pending(&conversation)));
                }
                let proceeds =
                    propose.eager || (propose.auto_answer && !out.config.disable_auto_answer);
                if proceeds {
                    send_proceed(&invite, out);
                    entry.invitation = Invitation::Accepted(invite);
                } else {
                    entry.invitation = Invitation::Ringing(invite);
                }
            }
            Invitation::Ringing(invite) if invite.session.as_str() == propose.id => {
                invite.refresh(out.now);
            }
            Invitation::Ringing(invite) => invite.replace(propose, from, out.now),
            Invitation::Accepted(invite) => {
                if invite.session.as_str() == propose.id {
                    invite.refresh(out.now);
                } else {
                    invite.replace(propose, from, out.now);
                }
                send_proceed(invite, out);
            }
        }
    }

    fn invited(&self, session: &SessionId) -> Option<ConversationId> {
        self.entries
            .iter()
            .find(|(_, e)| e.invitation.invite().is_some_and(|i| i.session == *session))
            .map(|(id, _)| id.clone())
    }

    fn retracted(&mut self, session: &SessionId, out: &mut Outbox) {
        if let Some(conversation) = self.invited(session) {
            self.withdraw(&conversation, "the call was withdrawn", out);
            self.tidy(&conversation);
        }
    }

    /// An invitation is withdrawn, by whatever message.
    fn withdraw(&mut self, conversation: &ConversationId, why: &str, out: &mut Outbox) {
        let Some(entry) = self.entries.get_mut(conversation) else { return };
        if let Invitation::Ringing(invite) | Invitation::Accepted(invite) =
            std::mem::take(&mut entry.invitation)
        {
            if invite.announced {
                out.event(Event::CancelPendingSession {
                    session: invite.session,
                    conversation: conversation.clone(),
                });
            }
            self.goals.invitation_gone(conversation, why, out);
        }
    }

    fn handled_elsewhere(&mut self, session: &SessionId, out: &mut Outbox) {
        if let Some(conversation) = self.invited(session) {
            self.taken(&conversation, out);
        }
    }

    /// Another client of the user has the call: it is none of ours.
    fn taken(&mut self, conversation: &ConversationId, out: &mut Outbox) {
        let Some(entry) = self.entries.get_mut(conversation) else { return };
        if let Invitation::Ringing(invite) | Invitation::Accepted(invite) =
            std::mem::take(&mut entry.invitation)
            && invite.announced
        {
            out.event(Event::HandledPendingSession {
                session: invite.session,
                conversation: conversation.clone(),
                by: HandledBy::Elsewhere,
            });
        }
        self.goals.invitation_gone(conversation, "handled by another client", out);
        if entry.session.is_none() {
            self.entries.remove(conversation);
        }
    }

    /// Forgets a conversation of which nothing is left.
    fn tidy(&mut self, conversation: &ConversationId) {
        let nothing_left = self.entries.get(conversation).is_some_and(|entry| {
            entry.session.is_none()
                && entry.invitation.invite().is_none()
                && entry.ours.as_ref().is_none_or(|o| o.call.state().class() != Class::Connected)
        });
        if nothing_left {
            self.entries.remove(conversation);
        }
    }

    // Media sessions

    /// What an offer with this session id belongs to.
    pub(crate) fn invitation_of(&self, session: &SessionId) -> Option<(ConversationId, bool)> {
        let conversation = self.invited(session)?;
        let sdp = self.entries.get(&conversation)?.invitation.invite()?.sdp_over_xmpp;
        Some((conversation, sdp))
    }

    /// The far side offered media and the engine took it (LC-17).
    pub(crate) fn session_started(&mut self, session: &SessionId, out: &mut Outbox) {
        let Some(handle) = self.sessions.handle(session) else { return };
        let conversation = handle.conversation.clone();
        if let Some(own) = out.bare_jid() {
            let accept = SessionMessage::Accept { id: session.to_string() };
            out.send(&Frame::Message(Message::to(own, Payload::JingleMessage(accept))));
        }
        let entry = self.entries.entry(conversation.clone()).or_default();
        if let Invitation::Ringing(invite) | Invitation::Accepted(invite) =
            std::mem::take(&mut entry.invitation)
            && invite.announced
        {
            out.event(Event::HandledPendingSession {
                session: invite.session,
                conversation: conversation.clone(),
                by: HandledBy::Here,
            });
        }
        entry.session = Some(session.clone());
        let connected =
            entry.ours.as_ref().is_some_and(|o| o.call.state().class() == Class::Connected);
        self.orphans.remove(&conversation);
        out.event(Event::SessionStarted(handle));
        let started = |goal: &Goal| matches!(goal, Goal::Start(c) if *c == conversation);
        self.goals.settle(started, &Ok(Outcome::Done), out);
        if connected {
            self.tell_update(&conversation, Step::Added, out);
            self.report_connected(&conversation, out);
        }
        if out.config.auto_connect_sessions
            && let Err(error) = self.answer(session, out)
        {
            // The session stays offered: accept can be tried again (DEF-16).
            out.event(Event::Error(error));
        }
    }

    /// The offer that an invitation led to cannot be used.
    pub(crate) fn offer_refused(&mut self, conversation: &ConversationId, out: &mut Outbox) {
        self.withdraw(conversation, "the offer of media cannot be used", out);
        self.tidy(conversation);
    }

    fn answer(&mut self, session: &SessionId, out: &mut Outbox) -> Result<(), Error> {
        let result = self.sessions.accept(session, out);
        self.sweep(out);
        result
    }

    /// Takes note of sessions that ended in the meantime.
    pub(crate) fn sweep(&mut self, out: &mut Outbox) {
        for (session, conversation) in self.sessions.take_ended(out) {
            self.goals.session_over(&session, out);
            let Some(entry) = self.entries.get_mut(&conversation) else { continue };
            if entry.session.as_ref() == Some(&session) {
                entry.session = None;
                let live = entry
                    .ours
                    .as_ref()
                    .is_some_and(|ours| ours.call.state().class() != Class::Ended);
                if live {
                    self.orphans.insert(conversation.clone(), out.now + ORPHAN_LIFETIME);
                }
            }
            if !self.orphans.contains_key(&conversation) {
                self.tidy(&conversation);
            }
        }
    }

    /// The service's word on our answer, or none.
    pub(crate) fn answered(
        &mut self,
        session: &SessionId,
        result: &Result<Outcome, Error>,
        out: &mut Outbox,
    ) {
        self.goals.settle(|goal| matches!(goal, Goal::Answer(s) if s == session), result, out);
    }

    // Conversations

    pub(crate) fn handle_notice(&mut self, notice: Notice, user: &UserId, out: &mut Outbox) {
        let id = notice.id.clone();
        let Some(new) = ours(&notice, user, self.entries.get(&id)) else { return };
        let is_ours = self.dialled.contains(&id);
        let old = self.entries.get(&id).and_then(|entry| entry.ours.clone());
        let step = reconcile(self.entries.get(&id), is_ours, &new);
        if step == Step::Ignore && !self.entries.contains_key(&id) {
            if self.goals.is_dialling() && new.call.state().class() != Class::Ended {
                // Perhaps the call whose dial is not answered yet (DEF-28).
                self.early.push_back(notice);
                if self.early.len() > MAX_EARLY {
                    self.early.pop_front();
                }
            }
            return;
        }
        if !self.entries.contains_key(&id) && self.entries.len() >= MAX_CONVERSATIONS {
            out.malformed("too many conversations: notification dropped");
            return;
        }
        if let Some(error) = new_error(old.as_ref(), &new) {
            let text = format!("{id}: {} {}", error.code, error.message);
            out.event(Event::Error(Error::new(ErrorKind::Call, text)));
        }
        let state = new.call.state();
        self.entries.entry(id.clone()).or_default().ours = Some(new);
        match step {
            Step::Ignore | Step::Note => {}
            Step::Elsewhere => self.taken(&id, out),
            Step::Added | Step::Updated => self.tell_update(&id, step, out),
            Step::Withdrawn => {
                self.withdraw(&id, "the call ended before it was answered", out);
                self.call_ended(&id, out);
            }
            Step::Removed => {
                self.withdraw(&id, "the call ended", out);
                self.tell_update(&id, Step::Removed, out);
                self.call_ended(&id, out);
            }
        }
        if state == super::event::CallState::Connected {
            self.report_connected(&id, out);
        }
    }

    fn call_ended(&mut self, id: &ConversationId, out: &mut Outbox) {
        self.goals.call_over(id, out);
        self.orphans.remove(id);
        self.dialled.retain(|dialled| dialled != id);
        if let Some(entry) = self.entries.remove(id)
            && let Some(session) = entry.session
        {
            self.sessions.orphan(&session, out.now + ORPHAN_LIFETIME);
        }
    }

    fn tell_update(&mut self, id: &ConversationId, step: Step, out: &mut Outbox) {
        let changed = self.entries.get(id).and_then(|entry| snapshot(id, entry));
        let current: Vec<_> = self
            .entries
            .iter()
            .filter(|(other, _)| !(step == Step::Removed && *other == id))
            .filter_map(|(other, entry)| snapshot(other, entry))
            .collect();
        let changed: Vec<_> = changed.into_iter().collect();
        let (added, removed) = match step {
            Step::Added => (changed, Vec::new()),
            Step::Removed => (Vec::new(), changed),
            _ => (Vec::new(), Vec::new()),
        };
        out.event(Event::ConversationUpdate(ConversationUpdate {
            active: active(&current, id),
            current,
            added,
            removed,
        }));
    }

    /// Tells the service once for each leg that it is connected here (wire notes 8.2).
    fn report_connected(&mut self, id: &ConversationId, out: &mut Outbox) {
        let Some(entry) = self.entries.get(id) else { return };
        let (Some(session), Some(ours)) = (&entry.session, &entry.ours) else { return };
        if ours.call.state() == super::event::CallState::Connected
            && self.sessions.report_once(session, &ours.call.id)
        {
            let resource = Resource::call_metadata(id, ours.call.id.as_str());
            out.rest(Ask::Metadata(id.clone()), resource, Retry::No);
        }
    }

    // Commands

    pub(crate) fn accept_pending(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        online(out)?;
        let entry = self.entries.get_mut(conversation).ok_or_else(|| no_call(conversation))?;
        match std::mem::take(&mut entry.invitation) {
            Invitation::None => return Err(no_call(conversation)),
            Invitation::Ringing(invite) => {
                send_proceed(&invite, out);
                entry.invitation = Invitation::Accepted(invite);
            }
            accepted @ Invitation::Accepted(_) => entry.invitation = accepted,
        }
        self.goals.add(command, Goal::Start(conversation.clone()));
        Ok(())
    }

    pub(crate) fn accept_session(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let session = self.session_of(conversation)?;
        if self.sessions.is_answered(&session) {
            // Accepting twice is one acceptance (scenario 37).
            out.complete(command, Ok(Outcome::Done));
            return Ok(());
        }
        online(out)?;
        self.goals.add(command, Goal::Answer(session.clone()));
        match self.answer(&session, out) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.goals.forget(command);
                Err(error)
            }
        }
    }

    pub(crate) fn force_terminate(
        &mut self,
        command: CommandId,
        session: &SessionId,
        reason: Reason,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        if !self.sessions.contains(session) {
            return Err(Error::new(ErrorKind::Generic, format!("no session {session}")));
        }
        self.goals.add(command, Goal::Terminate(session.clone()));
        self.sessions.terminate(session, reason, out);
        self.sweep(out);
        Ok(())
    }

    pub(crate) fn end(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let entry = self.entries.get(conversation).ok_or_else(|| no_call(conversation))?;
        let goal = Goal::End {
            conversation: conversation.clone(),
            session: entry.session.clone(),
            call_over: false,
        };
        self.goals.add(command, goal);
        self.change(command, conversation, out);
        Ok(())
    }

    pub(crate) fn request_change(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        change: Change,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let entry = self.entries.get(conversation).ok_or_else(|| no_call(conversation))?;
        let ringing = entry.invitation.invite().is_some();
        let possible = match change {
            Change::Reject => ringing,
            Change::Mute(_) | Change::Hold(_) => entry.session.is_some(),
        };
        if !possible {
            return Err(no_call(conversation));
        }
        self.goals.add(command, Goal::Change { conversation: conversation.clone(), change });
        self.change(command, conversation, out);
        Ok(())
    }

    pub(crate) fn send_dtmf(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        digits: &[Digit],
        duration: Duration,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let session = self.session_of(conversation)?;
        self.sessions.send_dtmf(&session, digits, duration, out)?;
        out.complete(command, Ok(Outcome::Done));
        self.sweep(out);
        Ok(())
    }

    pub(crate) fn dial(
        &mut self,
        command: CommandId,
        dial: &Dial,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        online(out)?;
        self.goals.add(command, Goal::Dial);
        out.rest(Ask::Dial(command), Resource::dial(dial), Retry::No);
        Ok(())
    }

    fn session_of(&self, conversation: &ConversationId) -> Result<SessionId, Error> {
        let entry = self.entries.get(conversation).ok_or_else(|| no_call(conversation))?;
        entry.session.clone().ok_or_else(|| no_call(conversation))
    }

    /// Asks the service for the change that a command wants; first for our participant, where no
    /// event has told it yet (MH-2).
    fn change(&self, command: CommandId, conversation: &ConversationId, out: &mut Outbox) {
        let ours = self.entries.get(conversation).and_then(|entry| entry.ours.as_ref());
        match ours {
            Some(Ours { participant, purpose, .. }) => {
                self.send_change(command, conversation, participant, purpose, out);
            }
            None => {
                let resource = Resource::conversation(conversation);
                out.rest(Ask::Participant(command), resource, Retry::No);
            }
        }
    }

    fn send_change(
        &self,
        command: CommandId,
        conversation: &ConversationId,
        participant: &ParticipantId,
        purpose: &str,
        out: &mut Outbox,
    ) {
        let resource = match self.goals.get(command) {
            // PC-10: a direct call goes to voicemail.
            Some(Goal::Change { change: Change::Reject, .. }) if purpose == "user" => {
                Resource::to_voicemail(conversation, participant)
            }
            Some(Goal::Change { change, .. }) => {
                Resource::participant(conversation, participant, change.body())
            }
            Some(Goal::End { .. }) => {
                Resource::participant(conversation, participant, Change::Reject.body())
            }
            Some(Goal::Start(_) | Goal::Answer(_) | Goal::Terminate(_) | Goal::Dial) | None => {
                return;
            }
        };
        out.rest(Ask::Change(command), resource, Retry::No);
    }

    pub(crate) fn handle_rest(
        &mut self,
        ask: &Ask,
        result: Result<Value, Failure>,
        user: Option<&UserId>,
        out: &mut Outbox,
    ) {
        match ask {
            Ask::Participant(command) => {
                let found = result
                    .and_then(|body| rest::parse::<Notice>("conversation", body))
                    .map_err(Error::from)
                    .and_then(|notice| found_participant(&notice, user));
                self.participant_found(*command, found, out);
            }
            Ask::Change(command) => {
                self.changed(*command, result.map(|_| ()).map_err(Error::from), out);
            }
            Ask::Dial(command) => self.dial_answered(*command, result, user, out),
            Ask::Metadata(_) => {}
            Ask::Organization | Ask::User | Ask::Channel | Ask::Station | Ask::Topics => {}
        }
    }

    fn participant_found(
        &mut self,
        command: CommandId,
        found: Result<(ParticipantId, String), Error>,
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
            Ok((participant, purpose)) => {
                self.send_change(command, &conversation, &participant, &purpose, out);
            }
            Err(error) => self.changed(command, Err(error), out),
        }
    }

    /// The service answered a change.
    fn changed(&mut self, command: CommandId, result: Result<(), Error>, out: &mut Outbox) {
        match (self.goals.get_mut(command), result) {
            (Some(Goal::Change { change, .. }), result) => {
                let change = *change;
                self.goals.forget(command);
                let result = result.map(|()| Outcome::Done).map_err(|e| change.failure(e));
                out.complete(command, result);
            }
            // The events of the service and of media complete it.
            (Some(Goal::End { .. }), Ok(())) => {}
            (Some(Goal::End { session: Some(session), call_over, .. }), Err(_)) => {
                // MH-12: end the media session instead; then nothing more can be expected of the
                // service.
                *call_over = true;
                let session = session.clone();
                self.sessions.terminate(&session, Reason::Success, out);
                self.sweep(out);
            }
            (Some(Goal::End { session: None, .. }), Err(error)) => {
                self.goals.forget(command);
                out.complete(command, Err(Change::Reject.failure(error)));
            }
            (Some(Goal::Start(_) | Goal::Answer(_) | Goal::Terminate(_) | Goal::Dial), _)
            | (None, _) => {}
        }
    }

    fn dial_answered(
        &mut self,
        command: CommandId,
        result: Result<Value, Failure>,
        user: Option<&UserId>,
        out: &mut Outbox,
    ) {
        self.goals.forget(command);
        match result.and_then(|body| rest::parse::<NewCall>("conversations/calls", body)) {
            Ok(NewCall { id, self_uri }) => {
                self.dialled.push_back(id.clone());
                if self.dialled.len() > MAX_DIALLED {
                    self.dialled.pop_front();
                }
                let outcome = Dialled { conversation: id.clone(), self_uri };
                out.complete(command, Ok(Outcome::Dialled(outcome)));
                let kept: Vec<_> = self.early.extract_if_id(&id);
                if let Some(user) = user {
                    for notice in kept {
                        self.handle_notice(notice, user, out);
                    }
                }
            }
            Err(failure) => out.complete(command, Err(failure.into())),
        }
        if !self.goals.is_dialling() {
            self.early.clear();
        }
    }

    /// A command's time is up: nothing waits for it any more.
    pub(crate) fn forget_command(&mut self, command: CommandId) {
        self.goals.forget(command);
        if !self.goals.is_dialling() {
            self.early.clear();
        }
    }

    pub(crate) fn handle_timeout(&mut self, out: &mut Outbox) {
        let now = out.now;
        let expired: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, e)| e.invitation.expires().is_some_and(|at| at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for conversation in expired {
            self.withdraw(&conversation, "the invitation expired", out);
            self.tidy(&conversation);
        }
        let orphans: Vec<_> =
            self.orphans.extract_if(.., |_, at| *at <= now).map(|(id, _)| id).collect();
        for conversation in orphans {
            self.tell_update(&conversation, Step::Removed, out);
            self.call_ended(&conversation, out);
        }
        self.sessions.handle_timeout(out);
        self.sweep(out);
    }
}

/// Notices of one conversation, taken out of a queue.
trait ExtractById {
    fn extract_if_id(&mut self, id: &ConversationId) -> Vec<Notice>;
}

impl ExtractById for VecDeque<Notice> {
    fn extract_if_id(&mut self, id: &ConversationId) -> Vec<Notice> {
        let (taken, kept) = std::mem::take(self).into_iter().partition(|n| n.id == *id);
        *self = kept;
        let taken: Self = taken;
        taken.into()
    }
}

fn found_participant(
    notice: &Notice,
    user: Option<&UserId>,
) -> Result<(ParticipantId, String), Error> {
    user.and_then(|user| notice.ours(user, Some(&super::event::CallState::Connected)))
        .map(|participant| (participant.id.clone(), participant.purpose.clone()))
        .ok_or_else(|| Error::new(ErrorKind::Generic, "we are not in that conversation"))
}

fn send_proceed(invite: &Invite, out: &mut Outbox) {
    let proceed = SessionMessage::Proceed { id: invite.session.to_string() };
    out.send(&Frame::Message(Message::to(invite.from.clone(), Payload::JingleMessage(proceed))));
}

fn online(out: &Outbox) -> Result<(), Error> {
    if out.jid.is_some() {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Session, "signaling is down"))
    }
}

fn no_call(conversation: &ConversationId) -> Error {
    Error::new(ErrorKind::Session, format!("no such call in this state: {conversation}"))
}
