//! Calls on media sessions: which one carries a call, who is heard on it, and how long it stays
//! (behaviour notes 3; wire notes 5.9, 8.2).

use offhook::jingle::Reason;
use serde_json::json;

use super::World;
use super::call::{ANSWERING, Call, Stage};
use super::calls::Calls;
use super::conversation::{Direction, LegState};
use super::directory::Station;
use super::session::{OnAir, Phase, Seen, Session, Step};
use super::silence::Silence;
use super::streams::Streams;

impl Calls {
    fn station<'a>(user: &str, world: &'a World) -> Option<&'a Station> {
        world.directory.user(user)?.station.as_ref()
    }

    /// The session that a new call of the user's would ride on. One line carries all its calls,
    /// one of several lines at most one.
    pub(super) fn line_of(&self, user: &str, world: &World) -> Option<String> {
        let station = Self::station(user, world).filter(|station| station.shares())?;
        let line = self.lines_of(user).find(|session| {
            session.shared
                && session.is_up()
                && (station.has_one_line() || !self.is_busy(&session.riders))
        })?;
        Some(line.id.clone())
    }

    fn is_busy(&self, riders: &[String]) -> bool {
        riders.iter().filter_map(|id| self.calls.get(id)).any(|call| !call.eager)
    }

    // Media

    /// Goes where a session went.
    pub(super) fn follow(&mut self, id: &str, step: Step, streams: &Streams, world: &mut World) {
        match step {
            Step::Goes => {}
            Step::Answered => self.answered(id, streams, world),
            Step::Over(reason) => self.end_session(id, reason, streams, world),
        }
    }

    /// Media is made: the calls that waited for it go on.
    fn answered(&mut self, id: &str, streams: &Streams, world: &mut World) {
        let Some(session) = self.sessions.get(id) else { return };
        let user = session.user.clone();
        let riders = session.riders.clone();
        // A far end that is played outside is one call's.
        let shares =
            session.external.is_none() && Self::station(&user, world).is_some_and(Station::shares);
        if shares && !self.lines_of(&user).any(|other| other.shared && other.is_up()) {
            self.share(id, &user, streams, world);
        }
        if riders.is_empty() && self.sessions.get(id).is_some_and(|session| !session.shared) {
            // Another became the line while this one was made anew.
            return self.end_session(id, Some(Reason::Gone), streams, world);
        }
        for rider in riders {
            let Some(call) = self.calls.get_mut(&rider) else { continue };
            if !matches!(call.stage, Stage::Ringing { .. }) {
                continue;
            }
            match call.conversation.direction {
                Direction::Inbound => self.connect(&rider, streams, world),
                Direction::Outbound => {
                    call.stage = Stage::Dialing { answer: world.now + ANSWERING };
                    call.enter(LegState::Dialing, streams, world);
                }
            }
        }
    }

    /// A session becomes the user's line; an idle one that is no use any more ends.
    fn share(&mut self, id: &str, user: &str, streams: &Streams, world: &mut World) {
        let mut useless = Vec::new();
        let own: Vec<_> = self.lines_of(user).map(|session| session.id.clone()).collect();
        for other in own {
            let Some(other) = self.sessions.get_mut(&other) else { continue };
            if other.id == id {
                other.shared = true;
                continue;
            }
            other.unshare();
            if other.riders.is_empty() && other.phase == Phase::Active {
                useless.push(other.id.clone());
            }
        }
        for other in useless {
            self.end_session(&other, Some(Reason::Gone), streams, world);
        }
    }

    /// A session ends, and with it what it carries.
    pub(super) fn end_session(
        &mut self,
        id: &str,
        reason: Option<Reason>,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let riders = session.riders.clone();
        let replaced = session.replaces.take();
        session.shared = false;
        if reason.is_none() {
            // The client ended it, and knows.
            session.end(None, streams, world);
        }
        for rider in riders {
            let talks = self.calls.get(&rider).is_some_and(Call::is_talking);
            let is_told = !talks || !world.keeps(Silence::EndOfTalk);
            self.finish(&rider, reason.clone(), is_told, streams, world);
        }
        self.let_go(id, reason.clone(), streams, world);
        if let Some(replaced) = replaced {
            self.end_session(&replaced, reason, streams, world);
        }
    }

    /// Ends a session that nothing is on, unless it is the user's and stays.
    pub(super) fn let_go(
        &mut self,
        id: &str,
        reason: Option<Reason>,
        streams: &Streams,
        world: &mut World,
    ) -> Option<Seen> {
        let session = self.sessions.get_mut(id)?;
        let stays = session.shared
            && session.is_up()
            && Self::station(&session.user, world).is_some_and(|station| station.persistent);
        let left = session.riders.is_empty() && session.shared && session.is_up();
        if left && !stays && reason == Some(Reason::Success) && world.keeps(Silence::EndOfIdle) {
            return Some(session.seen());
        }
        if session.riders.is_empty() && !stays {
            session.end(reason.clone(), streams, world);
            let gone = self.sessions.remove(id)?;
            if let Some(replaced) = &gone.replaces {
                // What it was to take the place of ends with it.
                self.end_session(replaced, reason, streams, world);
            }
            return Some(gone.seen());
        }
        Some(session.seen())
    }

    // Calls

    pub(super) fn connect(&mut self, id: &str, streams: &Streams, world: &mut World) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.stage = Stage::Talking;
        let session = call.session.clone();
        let elsewhere = |session: &Session| session.phase == Phase::Elsewhere;
        if self.sessions.get(&session).is_some_and(elsewhere)
            && world.keeps(Silence::ConnectedElsewhere)
        {
            call.conversation.enter(LegState::Connected, world);
        } else {
            call.enter(LegState::Connected, streams, world);
        }
        world.happened("call-connected", call.about(json!({})));
        world.log(format!("call {} connected", &id[..8]));
        self.hold_others(id, streams, world);
        self.tune(&session, streams, world);
    }

    /// On one line, one call is heard: the service holds the others (PC-13).
    pub(super) fn hold_others(&mut self, id: &str, streams: &Streams, world: &mut World) {
        let Some(call) = self.calls.get(id) else { return };
        let Some(session) = self.sessions.get(&call.session) else { return };
        for rider in session.riders.iter().filter(|rider| *rider != id) {
            if let Some(other) = self.calls.get_mut(rider).filter(|other| other.is_talking()) {
                other.set_held(true, streams, world);
            }
        }
    }

    /// Finds who is heard on a session.
    pub(super) fn tune(&mut self, id: &str, streams: &Streams, world: &mut World) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let mut riders = session.riders.iter().rev().filter_map(|id| self.calls.get(id));
        let talks = |call: &&Call| call.stage == Stage::Talking && !call.conversation.agent.held;
        // What only brings media up is heard while there is no call.
        let heard = match riders.clone().any(Call::is_talking) {
            true => riders.find(|call| !call.eager && talks(call)),
            false => riders.find(talks),
        };
        let on_air = heard.map(|call| OnAir {
            conversation: call.conversation.id.clone(),
            mode: call.far_end,
            heard: !call.conversation.agent.muted,
        });
        session.set_on_air(on_air, world.now);
        if let Some(on) = &session.on_air {
            session.conversation.clone_from(&on.conversation);
        }
        let persists = Self::station(&session.user, world).is_some_and(|s| s.persistent);
        if session.shared && persists {
            let calls = session.riders.iter().filter_map(|id| self.calls.get(id));
            let busy = calls.into_iter().any(|call| !call.eager);
            let state = if busy { "ACTIVE_CALL" } else { "PERSISTED" };
            session.tell_line(state, streams, world);
        }
    }

    /// A call is over. `reason` is what the client is told if its session ends with it.
    pub(super) fn end(
        &mut self,
        id: &str,
        reason: Option<Reason>,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(call) = self.calls.get(id).filter(|call| !call.is_over()) else { return };
        let phase = self.sessions.get(&call.session).map(|session| session.phase);
        // Where only the notification could tell, it does.
        let is_told = match (call.stage, phase) {
            (Stage::Ringing { .. }, Some(Phase::Proposed { .. })) => {
                !world.keeps(Silence::EndOfRinging)
            }
            (Stage::Ringing { .. }, Some(Phase::Active)) => {
                !world.keeps(Silence::EndOfRingingOnLine)
            }
            _ => true,
        };
        self.finish(id, reason, is_told, streams, world);
    }

    /// As [`Calls::end`]; whether that is notified.
    fn finish(
        &mut self,
        id: &str,
        reason: Option<Reason>,
        is_told: bool,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(call) = self.calls.get_mut(id).filter(|call| !call.is_over()) else { return };
        let session = call.session.clone();
        call.stage = Stage::Over;
        let enter = |call: &mut Call, state, world: &mut World| match is_told {
            true => call.enter(state, streams, world),
            false => call.conversation.enter(state, world),
        };
        enter(call, LegState::Disconnected, world);
        if let Some(session) = self.sessions.get_mut(&session) {
            session.riders.retain(|rider| rider != id);
        }
        let seen = self.let_go(&session, reason, streams, world);
        self.tune(&session, streams, world);
        let Some(call) = self.calls.get_mut(id) else { return };
        call.seen = seen;
        enter(call, LegState::Terminated, world);
        world.happened("call-ended", call.about(json!({})));
        world.log(format!("call {} over", &id[..8]));
    }
}
