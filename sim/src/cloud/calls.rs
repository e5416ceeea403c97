//! Calls and the media sessions that carry them: the ones that are there, and how they are found.
//! What becomes of them is decided elsewhere: by agents in [`super::controls`], by everybody else in
//! [`super::others`], [`super::recovery`] and [`super::far_orders`], and on the way in
//! [`super::lines`].

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use offhook::machine::Wake;
use serde_json::{Value, json};

use super::call::Call;
use super::session::Session;
use super::world::World;
use crate::service::{FarVoice, Id, Index, Watched};

/// Calls remembered, those that are over included; the oldest of these go first.
const MAX_CALLS: usize = 2_000;

/// All calls, by conversation, and all sessions: those that carry calls, and at most one idle one
/// of each user. See the [module](self).
#[derive(Default)]
pub(super) struct Calls {
    pub(super) calls: Watched<Call>,
    pub(super) sessions: Watched<Session>,
    /// Calls in the order in which they were made.
    order: VecDeque<Id>,
    /// Each user's calls that are not over.
    live: Index<Id, String>,
    /// Each user's sessions.
    lines: Index<Id, String>,
    /// Sessions by the IQ of their offer, while it is not answered.
    offers: Index<Id, String>,
    /// The times at which calls and sessions want to be woken.
    call_times: Index<Id, Instant>,
    session_times: Index<Id, Instant>,
    /// Sessions that may have died since anybody looked.
    suspects: BTreeSet<Id>,
}

impl Calls {
    // Keeping

    /// One more call.
    pub(super) fn keep(&mut self, call: Call) {
        let key = Id::from(&*call.conversation.id);
        self.order.push_back(key.clone());
        self.live.set(&key, call.user().map(str::to_owned));
        self.calls.insert(&key, call);
    }

    /// One more session.
    pub(super) fn open(&mut self, session: Session) {
        let id = Id::from(&*session.about.id);
        self.lines.set(&id, Some(session.about.user.clone()));
        self.sessions.insert(&id, session);
    }

    /// The sessions of a user, in the order of their ids.
    pub(super) fn lines_of(&self, user: &str) -> impl Iterator<Item = &Session> {
        self.lines.of(user).filter_map(|id| self.sessions.get(id))
    }

    pub(super) fn of_user(&mut self, user: &str, id: &str, participant: &str) -> Option<&mut Call> {
        self.calls.get_mut(id).filter(|call| {
            call.user() == Some(user)
                && call.conversation.agent.participant == participant
                && !call.is_over()
        })
    }

    pub(super) fn session_of(&mut self, call: &str) -> Option<&mut Session> {
        self.sessions.get_mut(&self.calls.get(call)?.session)
    }

    /// Brings the indexes into step with the calls and sessions that were reached for.
    pub(super) fn settle(&mut self) {
        for id in self.calls.take_reached() {
            let call = self.calls.get(&id).filter(|call| !call.is_over());
            self.call_times.set(&id, call.and_then(Call::next_wake).map(|wake| wake.at));
            self.live.set(&id, call.and_then(Call::user).map(str::to_owned));
        }
        for id in self.sessions.take_reached() {
            let session = self.sessions.get(&id);
            let wake = session.and_then(Session::next_wake);
            self.session_times.set(&id, wake.map(|wake| wake.at));
            self.lines.set(&id, session.map(|session| session.about.user.clone()));
            self.offers.set(&id, session.and_then(Session::offer_iq).map(str::to_owned));
            self.suspects.insert(id);
        }
    }

    /// Forgets the oldest call that is over, at the bound. False when there is none.
    pub(super) fn make_room(&mut self) -> bool {
        if self.calls.len() < MAX_CALLS {
            return true;
        }
        let over = |id: &Id| self.calls.get(id).is_none_or(Call::is_over);
        let Some(at) = self.order.iter().position(over) else { return false };
        self.order.remove(at).is_some_and(|id| self.calls.remove(&id).is_some())
    }

    pub(super) fn clear(&mut self, world: &mut World) {
        for mut session in self.sessions.drain() {
            session.drop_media(world);
        }
        *self = Self::default();
    }

    // Looking

    /// A call as the control API tells it.
    pub(super) fn body(&self, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        Some(call.body(self.sessions.get(&call.session)))
    }

    /// All calls that are remembered, the oldest first.
    pub(super) fn bodies(&self) -> Vec<Value> {
        self.order.iter().filter_map(|id| self.body(id)).collect()
    }

    pub(super) fn media_body(&self, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        Some(call.media_body(self.sessions.get(&call.session)))
    }

    /// A far end as `GET calls/{cid}/far` tells it. None where there is no such far end.
    pub(super) fn far_body(&self, call: &str) -> Option<Value> {
        let call = self.calls.get(call)?;
        let seen = call.seen.clone().or_else(|| Some(self.sessions.get(&call.session)?.seen()))?;
        let mut body = seen.far?;
        body["sessionId"] = json!(call.session);
        body["sessionState"] = json!(if call.is_over() { "ended" } else { seen.state });
        Some(body)
    }

    /// True if the far end of a call is played outside, signaling and all.
    pub(super) fn is_external(&self, call: &str) -> bool {
        self.far_body(call).is_some()
    }

    /// A conversation of a user, as the service tells it.
    pub(super) fn conversation(&self, user: &str, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        (call.user() == Some(user)).then(|| call.conversation.body())
    }

    /// The user's part in a call that is not over: true if muted, true if held.
    pub(super) fn part(&self, user: &str, id: &str) -> Option<(bool, bool)> {
        let call =
            self.calls.get(id).filter(|call| !call.is_over() && call.user() == Some(user))?;
        Some((call.conversation.agent.muted, call.conversation.agent.held))
    }

    /// The user's conversations that are not over.
    pub(super) fn conversations(&self, user: &str) -> Vec<Value> {
        self.live
            .of(user)
            .filter_map(|id| self.calls.get(id))
            .filter(|call| !call.is_over() && !call.eager)
            .map(|call| call.conversation.body())
            .collect()
    }

    /// The user's media sessions, for whoever looks from outside.
    pub(super) fn sessions_of(&self, user: &str) -> Vec<Value> {
        let own = self.lines_of(user);
        own.map(|session| {
            json!({
                "id": session.about.id, "state": session.phase.name(), "shared": session.line.shared,
                "calls": session.riders.len(), "media": session.seen().media["connectionState"],
            })
        })
        .collect()
    }

    /// The way that a call's far end is to speak.
    pub(super) fn far_voice(&self, id: &str) -> Option<FarVoice> {
        self.sessions.get(&self.calls.get(id)?.session)?.voice()
    }

    /// The session whose offer went out in that IQ, and is not answered.
    pub(super) fn offered_by(&mut self, iq: &str) -> Option<&mut Session> {
        self.sessions.get_mut(self.offers.of(iq).next()?)
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let call = self.call_times.first().and_then(|(_, id)| self.calls.get(id)?.next_wake());
        let session =
            self.session_times.first().and_then(|(_, id)| self.sessions.get(id)?.next_wake());
        Wake::earliest(call, session)
    }

    /// Sessions that want to be woken by now.
    pub(super) fn due_sessions(&self, now: Instant) -> Vec<Id> {
        self.session_times.up_to(&now)
    }

    /// Calls that want to be woken by now.
    pub(super) fn due_calls(&self, now: Instant) -> Vec<Id> {
        self.call_times.up_to(&now)
    }

    /// Sessions that may have died since this was asked last.
    pub(super) fn take_suspects(&mut self) -> BTreeSet<Id> {
        std::mem::take(&mut self.suspects)
    }
}
