//! The calls of a user: by name, by the gateway's session, and by their media.

mod act;
mod association;
mod audit;
mod call;
mod change;
mod commands;
mod decide;
mod desk;
mod early;
mod end;
mod figures;
mod glare;
mod hearing;
mod keys;
mod media;
mod more;
mod moves;
mod negotiate;
mod operations;
#[cfg(feature = "audio")]
mod playback;
#[cfg(feature = "audio")]
mod playing;
mod press;
mod retry;
mod setup;
mod silence;
mod status;
mod told;
mod tracks;
mod transfer;
mod transfers;

use std::collections::{BTreeMap, VecDeque};

use self::act::act;
use self::call::Call;
use self::decide::{Coming, Decision, decide};
use self::desk::Desk;
use self::early::Early;
pub(super) use self::told::Told;
use self::told::What;
use self::transfers::Pairs;
use super::ask::{Ask, CallAsk};
use super::constants::CallState;
use super::error::{CallCode, Error};
use super::event::Event;
use super::fault::Fault;
use super::history::CallDirection;
use super::ids::{CallId, OperationId, SessionData, UserId};
use super::info::{CallInfo, Participant};
use super::outbox::Outbox;
use super::wire::address::with_domain;
use super::wire::resources::calls::session as session_of;
use crate::machine::{CommandId, Rng, Seed, Wake};
use crate::media::{EngineFactory, Peers};

/// A call that is over, and still known.
#[derive(Debug)]
struct Over {
    info: CallInfo,
    session: Option<SessionData>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Calls {
    /// Boxed, as what a map holds it has room for many times over.
    live: BTreeMap<CallId, Box<Call>>,
    /// The names of live calls, the oldest first.
    order: Vec<CallId>,
    over: VecDeque<Over>,
    sessions: BTreeMap<SessionData, CallId>,
    peers: Peers,
    early: Early<Told>,
    pairs: Pairs,
    rng: Rng,
    socket_up: bool,
}

impl Calls {
    pub(super) fn new(factory: Box<dyn EngineFactory>, seed: &Seed) -> Self {
        Self {
            live: BTreeMap::new(),
            order: Vec::new(),
            over: VecDeque::new(),
            sessions: BTreeMap::new(),
            peers: Peers::new(factory, seed.child("media")),
            early: Early::default(),
            pairs: Pairs::default(),
            rng: seed.child("calls").rng(),
            socket_up: false,
        }
    }

    /// All that there are, live and over, the oldest first.
    pub(super) fn all(&self) -> Vec<CallInfo> {
        let over = self.over.iter().map(|over| over.info.clone());
        over.chain(self.order.iter().filter_map(|id| self.live.get(id)).map(|call| call.record()))
            .collect()
    }

    pub(super) fn get(&self, id: &CallId) -> Option<CallInfo> {
        let over = || self.over.iter().find(|over| over.info.id == *id);
        self.live.get(id).map(|call| call.record()).or_else(|| over().map(|over| over.info.clone()))
    }

    /// The live call of that name.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidState`] for one that is over, [`CallCode::InvalidParam`] for one that there never was.
    fn find(&self, id: &CallId) -> Result<&Call, Error> {
        self.live.get(id).map(|call| &**call).ok_or_else(|| {
            if self.over.iter().any(|over| over.info.id == *id) {
                Error::new(CallCode::InvalidState, "the call is over")
            } else {
                Error::new(CallCode::InvalidParam, "there is no such call")
            }
        })
    }

    /// Things that are remembered, without calls that are over.
    pub(super) fn size(&self) -> usize {
        self.live.len() + self.early.len() + self.pairs.len()
    }

    /// True while a call is up, or may yet be.
    pub(super) fn is_any_live(&self) -> bool {
        !self.live.is_empty()
    }

    /// Does something with a call.
    fn with<T>(
        &mut self,
        id: &CallId,
        out: &mut Outbox,
        act: impl FnOnce(&mut Call, &mut Desk<'_>) -> T,
    ) -> Option<T> {
        let call = self.live.get_mut(id)?;
        let socket_up = self.socket_up;
        let (peers, rng, handlers) = (&mut self.peers, &mut self.rng, call.handlers.clone());
        let mut desk = Desk { out, peers, rng, socket_up, handlers };
        Some(act(call, &mut desk))
    }

    /// A call begins: what is set now for its descriptions counts to its end.
    fn add(&mut self, mut call: Call, out: &Outbox) {
        call.handlers.clone_from(&out.config.call.sdp_handlers);
        if let Some(session) = &call.session {
            self.sessions.insert(session.clone(), call.info.id.clone());
        }
        self.order.push(call.info.id.clone());
        self.live.insert(call.info.id.clone(), Box::new(call));
    }

    // Notifications.

    /// Takes a notification of a call's. One of a session that ended is late; one of a session that nobody
    /// knows may be of one that is being made.
    pub(super) fn handle(&mut self, told: Told, pushed: bool, out: &mut Outbox) {
        let known = self.sessions.get(&told.session).cloned();
        match (told.what, known) {
            (What::Call, None) if !self.is_past(&told.session) => self.receive(told, pushed, out),
            (What::Call, _) => {}
            (What::Event(coming), Some(id)) => self.happen(&id, coming, told, out),
            (What::Event(_), None) => {
                if out.is_making() && !self.is_past(&told.session) {
                    self.early.keep(told.session.clone(), told.bytes(), told);
                }
            }
        }
    }

    /// The call of a session.
    pub(super) fn of_session(&self, session: &SessionData) -> Option<CallId> {
        self.sessions.get(session).cloned()
    }

    /// True for a session that is over.
    fn is_past(&self, session: &SessionData) -> bool {
        self.over.iter().any(|over| over.session.as_ref() == Some(session))
    }

    fn receive(&mut self, told: Told, pushed: bool, out: &mut Outbox) {
        let user = out.user();
        if self.live.len() >= out.config.call.max_calls {
            out.malformed("one more call than there may be: it is declined");
            out.rest(Ask::Hangup, out.resources().reject(&told.session));
            return;
        }
        let id = CallId::random(&mut self.rng);
        let remote = told.party(true, &Participant::default(), user.domain());
        let from = UserId::from(remote.display_number.clone().unwrap_or_default());
        let callee = told.callee.as_deref().map(|callee| with_domain(callee, user.domain()));
        let to = callee.map_or(user, UserId::from);
        let info = CallInfo::new(id.clone(), CallDirection::Incoming, from, to, remote);
        let mut call = Call::new(info);
        call.session = Some(told.session);
        self.add(call, out);
        self.with(&id, out, |call, desk| {
            call.received(told.sdp.as_deref(), told.parameters, desk);
            if pushed && !call.is_over() {
                // Other notifications of it may have been missed (w3.2).
                call.ask_status(None, desk);
            }
        });
    }

    fn happen(&mut self, id: &CallId, coming: Coming, told: Told, out: &mut Outbox) {
        let Some(call) = self.live.get_mut(id) else { return };
        let decision = decide(call.standing(), coming);
        if decision != Decision::Drop {
            let domain = out.user();
            call.info.remote = told.party(call.is_incoming(), &call.info.remote, domain.domain());
        }
        match decision {
            Decision::Drop => {}
            Decision::End => self.end_told(id, told.reason, out),
            Decision::Moved => self.moved(id, coming, &told.reason, out),
            Decision::Ring
            | Decision::Early
            | Decision::Resume
            | Decision::Cancel
            | Decision::Start
            | Decision::Wait
            | Decision::Refuse => {
                self.with(id, out, |call, desk| act(call, decision, told, desk));
            }
        }
    }

    // Answers.

    pub(super) fn handle_rest(
        &mut self,
        id: &CallId,
        ask: CallAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) {
        if let CallAsk::Create(op) = &ask {
            self.made(id, op, request, result, out);
            return;
        }
        if let (CallAsk::Transfer(_), Err(fault)) = (&ask, &result) {
            self.move_failed(id, fault.clone().of_call(), out);
            return;
        }
        self.with(id, out, |call, desk| match ask {
            CallAsk::Ring(op) => call.rung(&op, result.map(drop), desk),
            CallAsk::Answer(op) => call.answered(&op, result.map(drop), desk),
            CallAsk::Dispose(op) => call.disposed(&op, result.map(drop), desk),
            CallAsk::Offer(op) => call.offered(&op, result.map(drop), desk),
            CallAsk::Respond(op) => call.responded(&op, result.map(drop), desk),
            CallAsk::Parameters(op) => call.parameters_sent(&op, result.map(drop), desk),
            CallAsk::Audit => call.audited(result.map(drop), desk),
            CallAsk::Status(op) => call.status(op.as_ref(), request, result, desk),
            CallAsk::Create(_) | CallAsk::Transfer(_) | CallAsk::Refuse => {}
        });
    }

    /// Takes the gateway's reply to a call that is placed. One that ended meanwhile is ended there, too.
    fn made(
        &mut self,
        id: &CallId,
        op: &OperationId,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) {
        let session = result.and_then(|body| Ok(session_of(request, &body)?));
        if !self.live.contains_key(id) {
            if let Ok(session) = session {
                out.rest(Ask::Hangup, out.resources().end(&session));
            }
            return;
        }
        let joined = self.pairs.joined_to(id).map(|pair| pair.calls.clone());
        match (&session, joined) {
            (Ok(_), Some([first, second])) => {
                out.event(Event::CallJoined { call: id.clone(), first, second });
            }
            (Err(fault), Some([first, _])) => {
                // The calls that would have been joined are as before.
                let error = fault.clone().of_call();
                if let Some(pair) = self.pairs.failed(&first) {
                    for call in &pair.calls {
                        self.with(call, out, |call, desk| call.move_failed(error.clone(), desk));
                    }
                }
            }
            (_, None) => {}
        }
        if let Ok(session) = &session {
            self.sessions.insert(session.clone(), id.clone());
        }
        let name = session.as_ref().ok().cloned();
        self.with(id, out, |call, desk| call.made(op, session, desk));
        for told in name.map(|name| self.early.take(&name)).unwrap_or_default() {
            self.handle(told, false, out);
        }
    }

    // Time.

    /// The name of the engine that media has.
    pub(super) fn engine(&self) -> Option<&'static str> {
        self.peers.engine_name()
    }

    pub(super) fn handle_timeout(&mut self, out: &mut Outbox) {
        let now = out.now();
        self.early.handle_timeout(now);
        self.peers.handle_timeout(out.media());
        for id in self.order.clone() {
            self.with(&id, out, |call, desk| {
                call.negotiation_timeout(desk);
                call.restart_timeout(desk);
                call.lost_timeout(desk);
                call.again_timeout(desk);
                call.keys_timeout(desk);
                #[cfg(feature = "audio")]
                call.playback_timeout(desk);
                call.figures_timeout(desk);
                call.silence_timeout(desk);
                call.audit_timeout(desk);
                call.media_timeout(desk);
                call.drain(desk);
            });
            let overdue = self.with(&id, out, |call, desk| call.is_move_overdue(desk));
            if overdue == Some(true) {
                self.move_failed(&id, transfer::overdue(), out);
            }
        }
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let calls = self.live.values().map(|call| call.next_wake());
        calls.fold(self.early.next_wake(), Wake::earliest)
    }

    /// The time at which media is due.
    pub(super) fn media_wake(&self) -> Option<Wake> {
        let media = self.live.values().filter_map(|call| call.media.as_ref());
        media
            .map(|media| media.media_wake(&self.peers))
            .fold(self.peers.next_wake(), Wake::earliest)
    }

    /// Draws the consequences of an input: calls that are over leave, and their media goes on no more.
    pub(super) fn settle(&mut self, out: &mut Outbox) {
        let mut at = 0;
        while let Some(id) = self.order.get(at).cloned() {
            self.with(&id, out, |call, desk| {
                call.drain(desk);
                call.arm(desk);
            });
            if !self.live.get(&id).is_some_and(|call| call.is_over()) {
                at += 1;
                continue;
            }
            self.order.remove(at);
            if let Some(mut call) = self.live.remove(&id) {
                self.sessions.retain(|_, of| *of != id);
                let session = call.session.take();
                self.over.push_back(Over { info: call.into_record(), session });
                self.leave_pair(&id, out);
            }
        }
        while self.over.len() > out.config.call.kept_calls {
            self.over.pop_front();
        }
        if !out.is_making() {
            self.early.settle(out.now());
        }
    }

    /// The notification socket is open again: what waits for it goes on, and the gateway is asked for what may
    /// have been missed (w2.8).
    pub(super) fn socket_opened(&mut self, again: bool, out: &mut Outbox) {
        self.socket_up = true;
        let resyncs = out.config.call.resync_on_connect && again;
        for id in self.order.clone() {
            self.with(&id, out, |call, desk| {
                call.restart_timeout(desk);
                if resyncs && call.ops.is_empty() {
                    call.ask_status(None, desk);
                }
            });
        }
    }

    pub(super) fn socket_lost(&mut self) {
        self.socket_up = false;
    }

    /// Ends all of them, as the client ends.
    pub(super) fn end_all(&mut self, out: &mut Outbox) {
        for id in self.order.clone() {
            self.with(&id, out, |call, desk| call.end(None, desk));
        }
    }

    /// Answers a command whose time is up, if it is a call's.
    pub(super) fn overdue(&mut self, command: CommandId, error: &Error, out: &mut Outbox) {
        for id in self.order.clone() {
            self.with(&id, out, |call, desk| {
                if let Some(op) = call.ops.release(command) {
                    call.give_up_collecting(&op, error, desk);
                    #[cfg(feature = "audio")]
                    call.stop_playing(&op, error, desk);
                }
            });
        }
    }
}

/// The states in which keys can be sent (w4.18).
pub(super) fn takes_keys(state: CallState) -> bool {
    match state {
        CallState::Connected | CallState::Ringing | CallState::EarlyMedia => true,
        CallState::Initiating
        | CallState::Initiated
        | CallState::OnHold
        | CallState::Cancelled
        | CallState::Ended => false,
    }
}
