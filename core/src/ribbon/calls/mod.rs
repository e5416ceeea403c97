//! The calls of a user: by name, by the gateway's session, and by their media.

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
mod keys;
mod more;
mod negotiate;
mod operations;
mod press;
mod retry;
mod setup;
mod told;
mod tracks;
mod transfer;
mod transfers;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use self::association::News;
use self::call::{Call, Word};
use self::decide::{Coming, Decision, decide};
use self::desk::Desk;
use self::early::Early;
pub(super) use self::told::Told;
use self::told::What;
use self::transfers::Pairs;
use super::ask::{Ask, CallAsk};
use super::command::Outcome;
use super::constants::{CallState, MediaConnectionState};
use super::error::{CallCode, Error, ErrorCode};
use super::event::Event;
use super::fault::Fault;
use super::history::CallDirection;
use super::ids::{CallId, MediaObjectId, OperationId, SessionData, TrackId, UserId};
use super::info::{CallInfo, EndReason, MediaInfo, Participant, TrackInfo};
use super::media::Use;
use super::outbox::Outbox;
use super::wire::address::with_domain;
use super::wire::resources::calls::{SessionRequest, is_answered, session as session_of};
use crate::machine::{CommandId, Frame, Rng, Seed, TrackId as MediaTrack, UdpEvent, UdpId, Wake};
use crate::media::{EngineFactory, MediaState, Peers};

/// The time for which media may be disconnected before it counts as failed (w4.19).
const DISCONNECTED: Duration = Duration::from_secs(10);
/// The code of an offer that met one of the far side (w1.6).
const BUSY_WITH_OFFER: i64 = 49;

/// A call that is over, and still known.
#[derive(Debug)]
struct Over {
    info: CallInfo,
    session: Option<SessionData>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Calls {
    live: BTreeMap<CallId, Call>,
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
        over.chain(self.order.iter().filter_map(|id| self.live.get(id)).map(Call::record)).collect()
    }

    pub(super) fn get(&self, id: &CallId) -> Option<CallInfo> {
        let over = || self.over.iter().find(|over| over.info.id == *id);
        self.live.get(id).map(Call::record).or_else(|| over().map(|over| over.info.clone()))
    }

    /// The live call of that name.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidState`] for one that is over, [`CallCode::InvalidParam`] for one that there never was.
    fn find(&self, id: &CallId) -> Result<&Call, Error> {
        self.live.get(id).ok_or_else(|| {
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

    pub(super) fn track(&self, id: &TrackId) -> Option<TrackInfo> {
        self.live.values().find_map(|call| call.track(id))
    }

    /// The media of one side of a call.
    pub(super) fn media(&self, id: &MediaObjectId) -> Option<MediaInfo> {
        self.live.values().find_map(|call| {
            let local = [true, false].into_iter().find(|local| call.object(*local) == *id)?;
            let tracks = call.tracks.used(local);
            Some(MediaInfo { id: id.clone(), local, detached: false, tracks })
        })
    }

    /// The use that calls make of a track.
    pub(super) fn use_of(&self, id: &TrackId) -> Use {
        match self.live.values().find_map(|call| call.tracks.find(id)) {
            None => Use::None,
            Some((lane, _)) if lane.local => Use::Sent,
            Some(_) => Use::Heard,
        }
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
        self.live.insert(call.info.id.clone(), call);
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

    /// A call ends, whether that is how a transfer goes well or not.
    fn end_told(&mut self, id: &CallId, reason: EndReason, out: &mut Outbox) {
        if self.pairs.may_just_end(id) {
            self.moved(id, Coming::Complete, &reason, out);
            return;
        }
        self.with(id, out, |call, desk| call.ended(reason, desk));
    }

    /// A transfer or a join is decided for one of its calls.
    fn moved(&mut self, id: &CallId, coming: Coming, reason: &EndReason, out: &mut Outbox) {
        if coming == Coming::Complete {
            self.with(id, out, |call, desk| call.moved(desk));
            let pair = self.pairs.over(id);
            if let Some(command) = pair.and_then(|pair| pair.command) {
                out.complete(command, Ok(Outcome::Done));
            }
            return;
        }
        let error = self.live.get(id).map(|call| call.move_error(reason));
        self.move_failed(id, error.unwrap_or_else(transfer::overdue), out);
    }

    /// A call is over, however that came: what it was part of has failed.
    fn leave_pair(&mut self, id: &CallId, out: &mut Outbox) {
        if let Some(other) = self.pairs.lost_with(id) {
            let error = Error::new(CallCode::Generic, "one of the calls ended");
            self.move_failed(&other, error, out);
        }
    }

    /// A transfer or a join failed: all of its calls are as before.
    fn move_failed(&mut self, id: &CallId, error: Error, out: &mut Outbox) {
        let pair = self.pairs.failed(id);
        let calls = pair.as_ref().map_or_else(|| vec![id.clone()], |pair| pair.calls.to_vec());
        for call in &calls {
            self.with(call, out, |call, desk| call.move_failed(error.clone(), desk));
        }
        let Some(pair) = pair else { return };
        if let Some(joined) = &pair.joined {
            self.with(joined, out, |call, desk| call.broken(error.clone(), desk));
        }
        if let Some(command) = pair.command {
            out.complete(command, Err(error));
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

    // Media.

    /// Takes what happened to the sockets of a call's media.
    pub(super) fn handle_udp(&mut self, udp: UdpId, event: UdpEvent, out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(udp) else { return };
        if let Some(news) = peer.handle_udp(event, out.media()) {
            self.take_news(udp, news, out);
        }
    }

    /// Sends a frame of the application's.
    pub(super) fn send(&mut self, track: MediaTrack, frame: &Frame, out: &mut Outbox) {
        let Some(peer) = self.peers.sender(track) else { return };
        let udp = peer.udp();
        if let Some(news) = peer.send(track.track, frame, out.media()) {
            self.take_news(udp, news, out);
        }
    }

    /// The name by which a track of ours is sent now.
    pub(super) fn source_of(&self, track: MediaTrack) -> Option<&TrackId> {
        let call = self.live.values().find(|call| call.media_name() == Some(track.media))?;
        call.tracks.name_of(track.track)
    }

    /// Sends a frame of media that belongs to no call by itself, wherever it is sent now.
    pub(super) fn send_detached(&mut self, id: &TrackId, frame: &Frame, out: &mut Outbox) {
        let sent = self.live.values().filter_map(|call| {
            Some(MediaTrack { media: call.media_name()?, track: call.tracks.sends(id)? })
        });
        for track in sent.collect::<Vec<_>>() {
            self.send(track, frame, out);
        }
    }

    fn take_news(&mut self, udp: UdpId, news: crate::media::PeerNews, out: &mut Outbox) {
        out.due.stir();
        let of = |call: &&Call| call.media.as_ref().is_some_and(|media| media.has(udp));
        let Some(id) = self.live.values().find(of).map(|call| call.info.id.clone()) else { return };
        self.with(&id, out, |call, desk| {
            call.media_news(udp, news, desk);
            call.drain(desk);
        });
    }

    // Time.

    /// The name of the engine that media has.
    pub(super) fn engine(&self) -> Option<&'static str> {
        self.peers.engine_name()
    }

    pub(super) fn handle_timeout(&mut self, out: &mut Outbox) {
        let now = out.now();
        self.early.handle_timeout(now);
        for id in self.order.clone() {
            self.with(&id, out, |call, desk| {
                call.negotiation_timeout(desk);
                call.restart_timeout(desk);
                call.again_timeout(desk);
                call.keys_timeout(desk);
                call.figures_timeout(desk);
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
        let calls = self.live.values().map(Call::next_wake);
        calls.fold(self.early.next_wake(), Wake::earliest)
    }

    /// The time at which media is due.
    pub(super) fn media_wake(&self) -> Option<Wake> {
        let media = self.live.values().filter_map(|call| call.media.as_ref());
        media.map(|media| media.media_wake(&self.peers)).fold(None, Wake::earliest)
    }

    /// Draws the consequences of an input: calls that are over leave, and their media goes on no more.
    pub(super) fn settle(&mut self, out: &mut Outbox) {
        for id in self.order.clone() {
            self.with(&id, out, |call, desk| call.drain(desk));
            if !self.live.get(&id).is_some_and(Call::is_over) {
                continue;
            }
            if let Some(call) = self.live.remove(&id) {
                self.order.retain(|live| *live != id);
                self.sessions.retain(|_, of| *of != id);
                self.over.push_back(Over { info: call.record(), session: call.session });
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
                }
            });
        }
    }
}

/// Does what was decided.
fn act(call: &mut Call, decision: Decision, told: Told, desk: &mut Desk<'_>) {
    match decision {
        Decision::Ring => {
            call.tell_parameters(told.parameters, desk);
            call.rings(desk);
        }
        Decision::Early => {
            call.tell_parameters(told.parameters, desk);
            if let Some(sdp) = &told.sdp {
                call.early(sdp, desk);
            }
        }
        Decision::Resume => {
            let word = match told.sdp {
                Some(sdp) => Word::Answer(sdp),
                None => Word::Refusal(refused(&told.reason, told.retry_after)),
            };
            call.tell_parameters(told.parameters, desk);
            call.word(word, desk);
        }
        Decision::Start => call.take_offer(told, desk),
        Decision::Wait => call.wait(told, desk),
        Decision::Refuse => call.refuse_offer(desk),
        Decision::Cancel => {
            let reason = Some(told.reason).filter(|reason| *reason != EndReason::default());
            call.cancelled(reason, desk);
        }
        Decision::Drop | Decision::End | Decision::Moved => {}
    }
}

/// The state of media as the service's own clients name it (w4.19).
fn connection_of(state: MediaState) -> MediaConnectionState {
    match state {
        MediaState::New => MediaConnectionState::New,
        MediaState::Connecting => MediaConnectionState::Checking,
        MediaState::Connected => MediaConnectionState::Connected,
        MediaState::Disconnected => MediaConnectionState::Disconnected,
        MediaState::Failed => MediaConnectionState::Failed,
        MediaState::Closed => MediaConnectionState::Closed,
    }
}

impl Call {
    /// Takes all that its media has to tell.
    pub(super) fn drain(&mut self, desk: &mut Desk<'_>) {
        while let Some(media) = &self.media
            && let Some((udp, news)) = media.poll(desk)
        {
            self.media_news(udp, news, desk);
        }
    }

    fn media_news(&mut self, udp: UdpId, news: crate::media::PeerNews, desk: &mut Desk<'_>) {
        let Some(media) = &mut self.media else { return };
        match media.take_news(udp, news, desk) {
            News::None => {}
            News::State(state) => self.media_is(state, desk.out),
            News::Agreed(media, agreement) => {
                let call = self.info.id.clone();
                desk.out.event(Event::MediaAgreed { call, media, agreement });
            }
            News::Digit(digit, duration) => {
                desk.out.event(Event::Dtmf { call: self.info.id.clone(), digit, duration });
            }
            News::Gathering => self.check_collection(desk),
            News::NoSocket(error) => {
                let error =
                    Error::new(CallCode::InitMediaFailed, "no socket for media").caused_by(error);
                self.broken(error, desk);
            }
            News::Restless => {
                let error = Error::new(CallCode::Generic, "the media engine never rests");
                self.broken(error, desk);
            }
        }
    }

    /// Takes the state of its media.
    pub(super) fn media_is(&mut self, state: MediaState, out: &mut Outbox) {
        self.media_until = (state == MediaState::Disconnected).then(|| out.now() + DISCONNECTED);
        self.enter_media(connection_of(state), out);
    }

    fn media_timeout(&mut self, desk: &mut Desk<'_>) {
        if self.media_until.is_some_and(|until| until <= desk.out.now()) {
            self.media_until = None;
            self.enter_media(MediaConnectionState::Failed, desk.out);
        }
        if let Some(media) = &mut self.media {
            media.handle_timeout(desk);
        }
    }

    fn audit_timeout(&mut self, desk: &mut Desk<'_>) {
        if let Some(session) = &self.session
            && self.audit.take_due(desk.out.now())
        {
            let resource = desk.out.resources().session(session, SessionRequest::Audit);
            desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Audit), resource);
        }
    }

    fn audited(&mut self, result: Result<(), Fault>, desk: &mut Desk<'_>) {
        let error = result.err().map(Fault::of_call);
        if error.as_ref().is_some_and(|error| error.code == ErrorCode::Gateway(42)) {
            self.forgotten(desk);
            return;
        }
        let interval = desk.out.config.call.audit_interval;
        self.audit.answered(error.is_none(), interval, desk.out.now());
    }

    /// Asks the gateway for its state.
    pub(super) fn ask_status(&mut self, op: Option<OperationId>, desk: &mut Desk<'_>) {
        if let Some(session) = &self.session {
            let resource = desk.out.resources().status(session);
            desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Status(op)), resource);
        }
    }

    /// Takes the gateway's word on its state (w4.16).
    fn status(
        &mut self,
        op: Option<&OperationId>,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        desk: &mut Desk<'_>,
    ) {
        let state =
            result.and_then(|body| Ok(is_answered(request, &body)?)).map_err(Fault::of_call);
        let elsewhere = matches!(&state, Ok(true));
        let gone = matches!(&state, Err(error) if error.code == ErrorCode::Gateway(47));
        // What is under way by now knows better.
        let settled = self.ops.ids().iter().all(|running| Some(running) == op);
        if let Some(op) = op {
            let result = state.as_ref().map(|_| Outcome::Done).map_err(Clone::clone);
            self.finish(op, result, desk);
        }
        match state {
            Ok(_) if elsewhere && settled && self.is_incoming() && !self.info.state.is_up() => {
                self.cancelled(None, desk);
            }
            Err(error) if gone && settled => {
                self.session = None;
                self.broken(error, desk);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// The error of an offer of ours that the far side refused (RP-4).
fn refused(reason: &EndReason, retry_after: Option<Duration>) -> Error {
    let code = match reason.status {
        Some(BUSY_WITH_OFFER | 491) => CallCode::Glare,
        Some(_) | None => CallCode::Generic,
    };
    let text = reason.text.as_deref().unwrap_or("no reason was given");
    let status = reason.status.map(|status| format!(" ({status})")).unwrap_or_default();
    let error = Error::new(code, format!("the far side refused the offer: {text}{status}"));
    error.retried_after(retry_after)
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
