//! The softphone's calls: each conversation's state and the commands, held
//! together (behaviour notes 2 to 5).
//!
//! Decisions about one conversation are made in [`super::conversation`]; here they are carried
//! out, and what concerns several conversations is decided: which session they share, who is held
//! when another is talked to.

mod commands;
mod dials;
mod effects;
mod invitations;
mod lines;
mod quality;
mod reinvites;
mod reports;
mod standing;

use std::collections::BTreeMap;

use super::command::Outcome;
use super::conversation::{Context, ConversationState, Input, Leg, active, step};
use super::error::{Error, Subject};
use super::goals::{Goal, Goals};
use super::ids::{ConversationId, MAX_ID, SessionId, UserId};
use super::session::Sends;
use super::sessions::Sessions;
use crate::genesys::ask::{Ask, CallAsk};
use crate::genesys::call::ConversationUpdate;
use crate::genesys::call_state::{CallDirection, CallState};
use crate::genesys::event::Event;
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::notice::{Class, Listing, Notice, PersistentNotice};
use crate::genesys::wire::requests;
use crate::genesys::wire::{Dialect, Frame, Message, Payload, SessionMessage};
use crate::jingle::Reason;
use crate::machine::Wake;
use crate::media::MediaError;
use crate::rest::{Failure, Retry};
use crate::xmpp::{Jid, Skipped};

pub(crate) use self::commands::online;
use self::dials::Dials;
use self::lines::Told;
pub(crate) use self::lines::{Line, Lines};
use self::quality::Meters;
use self::reinvites::Reinvites;
use self::reports::Reports;

/// Conversations known at once; a propose beyond it is refused by silence.
pub(crate) const MAX_CONVERSATIONS: usize = 256;

/// The calls of one user. See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// The conversations; boxed, as what a map holds it has room for many times over.
    entries: BTreeMap<ConversationId, Box<ConversationState>>,
    pub(crate) line: Line,
    goals: Goals,
    /// The quality of connected calls.
    meters: Meters,
    reports: Reports,
    dials: Dials,
    /// Conversations that were known when the service was asked which there are.
    asked_about: Vec<ConversationId>,
    reinvites: Reinvites,
    /// True if the list of calls changed when there was too much to tell.
    untold: bool,
}

impl Calls {
    /// The time at which a conversation is due; sessions have wakes of their own.
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        self.entries.values().filter_map(|state| state.wake()).min_by_key(|wake| wake.at)
    }

    /// True while a call is connected on a session of this client's.
    pub(crate) fn is_talking(&self) -> bool {
        self.entries.values().any(|state| {
            let connected = |leg: &Leg| leg.class() == Class::Connected;
            state.media.is_some() && state.leg.as_ref().is_some_and(connected)
        })
    }

    /// The number of things remembered.
    pub(crate) fn size(&self) -> usize {
        self.entries.len()
            + self.goals.len()
            + self.meters.len()
            + self.reports.len()
            + self.dials.len()
    }

    /// The number of things remembered of calls that were dialled and never heard of.
    pub(crate) fn dialled(&self) -> usize {
        let unheard =
            |id: &&ConversationId| self.reports.has(id) && !self.entries.contains_key(*id);
        let dialled = self.dials.dialled();
        dialled.len() + dialled.filter(unheard).count()
    }

    /// Feeds an input to a conversation: the one way in which one changes.
    fn feed(
        &mut self,
        id: &ConversationId,
        input: Input,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        // What media reached before this: the call may be over with it.
        self.note_media(sessions);
        let state = self.entries.remove(id).unwrap_or_default();
        let context = Context {
            id,
            now: out.now(),
            shared: self.shared_for(id, sessions),
            line: self.line.active(),
            dialled: self.dials.made(id),
            eager: out.config.eager_connection,
            auto_answer_disabled: out.config.disable_auto_answer,
            timing: &out.config.timing,
        };
        let (state, effects) = step(*state, &context, input);
        if !state.is_over() {
            self.entries.insert(id.clone(), Box::new(state));
        }
        for effect in effects {
            self.reports.note(id, &effect, out.now());
            self.carry_out(id, effect, sessions, out);
        }
        self.finish(id, out);
    }

    /// Takes note of what media has reached.
    fn note_media(&mut self, sessions: &mut Sessions) {
        for (session, milestone, at) in sessions.take_milestones() {
            for id in self.users_of(&session) {
                self.reports.reached(&id, milestone, at);
            }
        }
    }

    /// Ends the report of a conversation that is not known any more.
    fn finish(&mut self, id: &ConversationId, out: &mut Outbox) {
        if !self.entries.contains_key(id) {
            self.reports.finish(id, out);
        }
    }

    /// True if one more conversation can be remembered.
    fn has_room(&self, id: &ConversationId) -> bool {
        let short = id.as_str().len() <= MAX_ID;
        self.entries.contains_key(id) || short && self.entries.len() < MAX_CONVERSATIONS
    }

    /// A subject, with what is known of it: a call's session, a session's call.
    pub(crate) fn subject(&self, of: Subject, sessions: &Sessions) -> Subject {
        match of {
            Subject { conversation: Some(conversation), session: None } => {
                let entry = self.entries.get(&conversation);
                let invite = entry.and_then(|entry| entry.invitation.invite());
                let media = entry.and_then(|entry| entry.media.as_ref());
                let session = media.or_else(|| invite.map(|invite| &invite.session)).cloned();
                Subject { conversation: Some(conversation), session }
            }
            Subject { conversation: None, session: Some(session) } => {
                // It may carry others than the call that it was made for.
                let made_for = sessions.handle(&session).map(|s| s.conversation);
                let carried = self.users_of(&session);
                let still = made_for.as_ref().is_some_and(|id| carried.contains(id));
                let other = carried.into_iter().next().filter(|_| !still);
                Subject { conversation: other.or(made_for), session: Some(session) }
            }
            other => other,
        }
    }

    // Media sessions

    /// The far side offered media and the engine took it (LC-17).
    pub(crate) fn session_started(
        &mut self,
        session: &SessionId,
        reinvite: bool,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(handle) = sessions.handle(session) else { return };
        let conversation = handle.conversation.clone();
        if let Some(own) = out.bare_jid() {
            let accept = SessionMessage::Accept { id: session.as_str().to_owned() };
            out.signal(Frame::Message(Message::to(
                own,
                Payload::Extension(Dialect::SessionMessage(accept)),
            )));
        }
        self.feed(&conversation, Input::Offered(session.clone()), sessions, out);
        if (reinvite || out.config.auto_connect_sessions)
            && let Err(error) = self.answer(session, sessions, out)
        {
            // The session stays offered: accept can be tried again (DEF-16).
            let about =
                Subject { conversation: Some(conversation), session: Some(session.clone()) };
            out.event(Event::Error(error.about(&about)));
        }
    }

    /// A session took another's place: calls, nomination and audio move at once (DEF-30), and it
    /// is answered without asking.
    pub(crate) fn session_replaced(
        &mut self,
        session: &SessionId,
        old: &SessionId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(handle) = sessions.handle(session) else { return };
        if let Some(own) = out.bare_jid() {
            let accept = SessionMessage::Accept { id: session.as_str().to_owned() };
            out.signal(Frame::Message(Message::to(
                own,
                Payload::Extension(Dialect::SessionMessage(accept)),
            )));
        }
        out.event(Event::SessionReplaced { session: handle, old: old.clone() });
        for conversation in self.users_of(old) {
            let (old, new) = (old.clone(), session.clone());
            self.feed(&conversation, Input::Replaced { old, new }, sessions, out);
        }
        self.goals.session_replaced(old, session);
        self.meters.move_on(old, session, sessions);
        self.line.replaced(old, session);
        match sessions.make_answer(session, Sends::All, out) {
            Ok(Some(answer)) => sessions.accept(session, answer, out),
            Ok(None) => {}
            Err(error) => {
                let of = Subject { conversation: None, session: Some(session.clone()) };
                out.event(Event::Error(error.about(&self.subject(of, sessions))));
            }
        }
        if old != session {
            sessions.terminate(old, Reason::AlternativeSession, out);
        }
    }

    /// Notes that the service reassigned a session: it carries another conversation (LC-16).
    /// Nothing is told of that; its call is, when it connects.
    pub(crate) fn session_moved(
        &mut self,
        session: &SessionId,
        conversation: &ConversationId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(before) = sessions.moved(session, conversation) else { return };
        if self.has_room(conversation) {
            self.feed(conversation, Input::Carried(session.clone()), sessions, out);
        } else {
            out.malformed("too many conversations: renegotiation without a call");
        }
        if self.entries.contains_key(&before) {
            self.feed(&before, Input::Left(session.clone()), sessions, out);
        }
    }

    /// Tells at once whoever answered the call that the offer that an invitation led to cannot be
    /// used.
    pub(crate) fn offer_refused(
        &mut self,
        conversation: &ConversationId,
        why: MediaError,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.feed(conversation, Input::Refused(why), sessions, out);
    }

    fn answer(
        &mut self,
        session: &SessionId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let answer = sessions.make_answer(session, Sends::All, out);
        answer.map(|answer| {
            // Nobody hears the other call once this one is answered (PC-3).
            self.hold_others(session, out);
            if let Some(answer) = answer {
                sessions.accept(session, answer, out);
            }
            self.line.nominate(session, sessions);
            // On the shared session other limits hold.
            for conversation in self.users_of(session) {
                self.feed(&conversation, Input::Time, sessions, out);
            }
        })
    }

    /// Takes note of sessions that ended in the meantime.
    pub(crate) fn sweep(&mut self, sessions: &mut Sessions, out: &mut Outbox) {
        self.note_media(sessions);
        self.meters.stop(sessions);
        for (session, _) in sessions.take_ended(|kind| !kind.is_room(), out) {
            self.line.dismiss(&session, sessions);
            for conversation in self.users_of(&session) {
                self.feed(&conversation, Input::MediaOver(session.clone()), sessions, out);
            }
            self.goals.session_over(&session, out);
        }
    }

    /// Takes the service's word on our answer, or none.
    pub(crate) fn answered(
        &mut self,
        session: &SessionId,
        result: &Result<Outcome, Error>,
        out: &mut Outbox,
    ) {
        self.goals.settle(|goal| matches!(goal, Goal::Answer(s) if s == session), result, out);
    }

    // Several calls

    /// The session that a call without one of its own would ride on (PC-5).
    fn shared_for<'a>(
        &'a self,
        id: &ConversationId,
        sessions: &'a Sessions,
    ) -> Option<(&'a SessionId, &'a Jid)> {
        let session = self.line.usable(sessions)?;
        let free = match self.line.lines() {
            Lines::Unknown | Lines::Many { persistent: false } => false,
            Lines::One { .. } => true,
            Lines::Many { persistent: true } => self.entries.iter().all(|(other, state)| {
                other == id || state.fake || state.media.as_ref() != Some(session)
            }),
        };
        free.then_some((session, sessions.signal(session)?.peer()))
    }

    /// Takes the service's word on the persistent connection (PC-17).
    pub(crate) fn handle_persistent(
        &mut self,
        notice: &PersistentNotice,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(Told { state, session, error }) = self.line.told(notice) else { return };
        out.event(Event::PersistentConnection(state));
        if let Some(error) = error {
            let about = self.subject(Subject { conversation: None, session }, sessions);
            out.event(Event::Error(error.about(&about)));
        }
    }

    /// The conversations that a session carries.
    fn users_of(&self, session: &SessionId) -> Vec<ConversationId> {
        self.entries
            .iter()
            .filter(|(_, state)| state.media.as_ref() == Some(session))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Returns true if a session is to stay although a call on it is over: another call is on it,
    /// or it outlives calls.
    fn is_kept(&self, session: &SessionId, sessions: &Sessions) -> bool {
        let used =
            self.entries.values().any(|state| !state.fake && state.media.as_ref() == Some(session));
        used || self.line.keeps(session, sessions)
    }

    /// Talking on one line holds the others (PC-14). An eager session carries no call, and so
    /// holds nobody.
    fn hold_others(&mut self, session: &SessionId, out: &mut Outbox) {
        let real = |id: &ConversationId| self.entries.get(id).is_some_and(|state| !state.fake);
        let about = self.users_of(session).into_iter().find(real);
        if let Some(about) = about {
            self.hold_all_but(&about, out);
        }
    }

    /// Asks for everybody else on a line of their own to be held. A failure is no matter: the
    /// events tell what became of it.
    fn hold_all_but(&self, about: &ConversationId, out: &mut Outbox) {
        match self.line.lines() {
            Lines::Many { .. } => {}
            Lines::Unknown | Lines::One { .. } => return,
        }
        for (id, state) in &self.entries {
            let Some(leg) = &state.leg else { continue };
            let talking = leg.call.state() == CallState::Connected && !leg.call.held;
            if id != about && talking && state.media.is_some() {
                let change = serde_json::json!({"held": true});
                let resource = requests::participant(id, &leg.participant, change);
                out.rest(CallAsk::HoldOther, resource, Retry::No);
            }
        }
    }

    // Conversations

    /// True if it is perhaps the call whose dial is not answered yet: one that would be taken for
    /// another client's (LC-15, DEF-28).
    fn may_be_dialled(&self, id: &ConversationId, leg: &Leg) -> bool {
        let outbound = leg.call.direction() == CallDirection::Outbound;
        let foreign = match (self.entries.get(id), leg.class()) {
            (_, Class::Pending) => false,
            (None, Class::Connected | Class::Other) => true,
            (Some(known), Class::Connected) => known.media.is_none() && !known.listed,
            (Some(_), Class::Other) => false,
            // One that was heard of, and of which nothing would be left to tell.
            (None, Class::Ended) => self.dials.was_heard_of(id),
            (Some(known), Class::Ended) => {
                known.media.is_none() && !known.listed && known.invitation.invite().is_none()
            }
        };
        foreign && outbound && self.goals.is_dialling() && !self.dials.made(id)
    }

    /// Takes up the events that waited for the answer to a dial.
    fn take_early(&mut self, sessions: &mut Sessions, out: &mut Outbox) {
        for (id, leg) in self.dials.take_early(self.goals.is_dialling()) {
            if leg.class() == Class::Ended {
                // It was over before it was known to be ours: that is all there is to tell.
                self.dials.forget(&id);
                self.finish(&id, out);
            } else if self.has_room(&id) {
                self.feed(&id, Input::Told(leg), sessions, out);
            }
        }
    }

    pub(crate) fn handle_notice(
        &mut self,
        notice: &Notice<'_>,
        user: &UserId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let id = notice.id.clone();
        let known = self.entries.get(&id);
        let known_leg = known.and_then(|state| state.leg.as_ref());
        let Some(mut leg) = Leg::find(notice, user, known_leg) else {
            return;
        };
        let class = leg.class();
        let may_be_dialled = self.may_be_dialled(&id, &leg);
        let is_ours = known.is_some() || class == Class::Pending || self.dials.made(&id);
        if class == Class::Ended {
            self.dials.drop_early(&id);
        }
        if !may_be_dialled && !is_ours {
            return;
        }
        let skipped = match class {
            Class::Ended => Skipped::default(),
            // A call that only brings a session up is none of the application's (DEF-36).
            _ if known.is_some_and(|state| state.fake) => Skipped::default(),
            Class::Pending | Class::Connected | Class::Other => leg.meet(notice, user, known_leg),
        };
        if may_be_dialled {
            self.dials.keep(&id, &leg);
            if class != Class::Ended || !is_ours {
                return;
            }
        }
        if !self.has_room(&id) {
            out.malformed("too many conversations: notification dropped");
            return;
        }
        if !skipped.is_empty() {
            out.malformed(format!("who is on the call: {skipped}"));
        }
        self.feed(&id, Input::Told(leg), sessions, out);
    }

    /// Asks, once signaling is back, for what happened meanwhile (DEF-10, LC-23).
    pub(crate) fn came_back(&mut self, agent: bool, sessions: &mut Sessions, out: &mut Outbox) {
        sessions.end_dead();
        // A call that ends with its session is not asked about.
        self.sweep(sessions, out);
        if agent {
            self.asked_about = self.entries.keys().cloned().collect();
            out.forget_http(|ask| *ask == Ask::Call(CallAsk::Listing));
            out.rest(CallAsk::Listing, requests::conversations(), Retry::Yes);
        }
    }

    /// Takes over the service's list of conversations, told as the events would have: what it no
    /// longer lists is over.
    fn listed(
        &mut self,
        result: Result<serde_json::Value, Failure>,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let listing = result.and_then(|body| Listing::answered(&body));
        let (listing, user) = match (listing, user) {
            (Ok(listing), Some(user)) => (listing, user),
            (Err(failure), _) => return out.event(Event::Error(failure.into())),
            (Ok(_), None) => return,
        };
        let mut gone = std::mem::take(&mut self.asked_about);
        if !listing.whole {
            // What could not be read may be any of them.
            gone.clear();
        }
        for notice in listing.entities {
            gone.retain(|id| *id != notice.id);
            self.handle_notice(&notice, user, sessions, out);
        }
        for conversation in gone {
            self.feed(&conversation, Input::Absent, sessions, out);
            sessions.end_unanswered(&conversation);
        }
    }

    /// Ends every media session (LC-22).
    pub(crate) fn destroy(&mut self, sessions: &mut Sessions, out: &mut Outbox) {
        self.line.clear();
        sessions.terminate_all(out);
        self.sweep(sessions, out);
    }

    pub(crate) fn handle_timeout(&mut self, sessions: &mut Sessions, out: &mut Outbox) {
        let now = out.now();
        let due: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, state)| state.wake().is_some_and(|wake| wake.at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for conversation in due {
            self.feed(&conversation, Input::Time, sessions, out);
        }
        for session in sessions.take_idle(now) {
            if !self.is_kept(&session, sessions) {
                sessions.terminate(&session, Reason::Success, out);
            }
        }
        sessions.handle_timeout(out);
        self.meters.sample(sessions, out);
    }

    /// Tells the list of calls as it has become, where there was too much to tell each change.
    pub(crate) fn tell_rest(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.untold) {
            let current = self.current(None);
            let active = active(&current, &ConversationId::from(""));
            let (added, removed) = (Vec::new(), Vec::new());
            let update = ConversationUpdate { active, current, added, removed };
            out.event(Event::ConversationUpdate(update));
            self.entries.values_mut().for_each(|state| state.mention());
        }
    }

    /// The list of calls, as the application sees it.
    fn current(&self, without: Option<&ConversationId>) -> Vec<super::call::Conversation> {
        self.entries
            .iter()
            .filter(|(id, _)| Some(*id) != without)
            .filter_map(|(id, state)| state.snapshot(id))
            .collect()
    }
}
