//! The softphone's calls: invitations, conversations and media sessions, held together
//! (behaviour notes 2 to 5).

mod commands;
mod invitations;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::command::Outcome;
use super::conversation::snapshot;
use super::conversation::{Entry, Invitation, Step, active, new_error, ours, reconcile};
use super::error::{Error, ErrorKind};
use super::event::{CallState, ConversationUpdate, Event, HandledBy};
use super::goals::{Goal, Goals};
use super::ids::{ConversationId, SessionId, UserId};
use super::notice::{Class, Notice};
use super::outbox::{Ask, Outbox, Retry};
use super::rest::Resource;
use super::sessions::Sessions;
use crate::jingle::SessionMessage;
use crate::machine::Wake;
use crate::xmpp::{Frame, Message, Payload};

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

    #[cfg(test)]
    pub(crate) fn dialled(&self) -> usize {
        self.dialled.len()
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
        let connected = entry
            .ours
            .as_ref()
            .is_some_and(|ours| ours.call.state().class() == Class::Connected)
            .then(|| entry.connected(true));
        self.orphans.remove(&conversation);
        out.event(Event::SessionStarted(handle));
        let started = |goal: &Goal| matches!(goal, Goal::Start(c) if *c == conversation);
        self.goals.settle(started, &Ok(Outcome::Done), out);
        if let Some(step) = connected {
            self.tell_update(&conversation, step, out);
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
        if state == CallState::Connected {
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
        if step == Step::Added
            && let Some(entry) = self.entries.get_mut(id)
        {
            entry.listed = true;
        }
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
        if ours.call.state() == CallState::Connected
            && self.sessions.report_once(session, &ours.call.id)
        {
            let resource = Resource::call_metadata(id, ours.call.id.as_str());
            out.rest(Ask::Metadata(id.clone()), resource, Retry::No);
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
            self.orphans.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        for conversation in orphans {
            let entry = self.entries.get(&conversation);
            if entry.is_some_and(|entry| entry.invitation.invite().is_some()) {
                // Invited anew: media may yet come.
                self.orphans.insert(conversation, now + ORPHAN_LIFETIME);
                continue;
            }
            self.tell_update(&conversation, Step::Removed, out);
            self.call_ended(&conversation, out);
        }
        self.sessions.handle_timeout(out);
        self.sweep(out);
    }
}
