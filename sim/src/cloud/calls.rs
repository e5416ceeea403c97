//! Calls and the media sessions that carry them, and who wants what of them: the agent by REST and
//! by signaling, everybody else by the control API (wire notes 5, 6, 8.2).

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use offhook::genesys::wire::{Dialect, Frame, Iq, IqKind, Message, Payload, SessionMessage};
use offhook::jingle::Reason;
use offhook::machine::{UdpId, Wake};
use offhook::media::{AudioFrame, Digit};
use offhook::xmpp::StanzaError;
use serde_json::{Map, Value, json};

use super::call::{ANSWERING, Call, DIALING, RINGING, Stage};
use super::conversation::{Conversation, Direction, LegState};
use super::directory::User;
use super::external::External;
use super::far_end::{FarEndMode, Packet};
use super::session::{Phase, Plan, Session, Step};
use super::signal::Signaling;
use super::silence::Silence;
use super::streams::Streams;
use super::untidy::FarVoice;
use super::watched::{Id, Index, Watched};
use super::{ConnId, World};

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
    /// When calls and sessions want to be woken.
    call_times: Index<Id, Instant>,
    session_times: Index<Id, Instant>,
    /// Sessions that may have died since anybody looked.
    suspects: BTreeSet<Id>,
}

/// A call to be made.
pub(super) struct Wish {
    pub(super) plan: Plan,
    pub(super) far_end: FarEndMode,
    /// The far end, where somebody outside is that: such a call has a session of its own.
    pub(super) external: Option<External>,
    /// Whether it is told before it is proposed.
    pub(super) event_first: bool,
}

impl Calls {
    // Making calls

    /// Somebody calls the user.
    pub(super) fn ring(
        &mut self,
        user: &User,
        wish: Wish,
        from: (String, String),
        purpose: &str,
        streams: &Streams,
        world: &mut World,
    ) -> Option<String> {
        let conversation = Conversation::new(world, user, Direction::Inbound, from, purpose)?;
        self.add(user, conversation, wish, streams, world)
    }

    /// The user calls somebody.
    pub(super) fn dial(
        &mut self,
        user: &User,
        number: &str,
        signaling: Signaling,
        external: Option<External>,
        streams: &Streams,
        world: &mut World,
    ) -> Option<String> {
        let to = (number.to_owned(), format!("tel:{number}"));
        let conversation = Conversation::new(world, user, Direction::Outbound, to, "agent")?;
        let plan = Plan {
            signaling,
            trickle: signaling == Signaling::Jingle,
            auto_answer: true,
            eager: false,
            also_jingle: None,
        };
        let far_end = world.options.far_end;
        let wish = Wish { plan, far_end, external, event_first: true };
        self.add(user, conversation, wish, streams, world)
    }

    fn add(
        &mut self,
        user: &User,
        conversation: Conversation,
        wish: Wish,
        streams: &Streams,
        world: &mut World,
    ) -> Option<String> {
        if !self.make_room() {
            return None;
        }
        let id = conversation.id.clone();
        let (now, direction) = (world.now, conversation.direction);
        world.log(format!("{} call {} for {}", direction.name(), &id[..8], user.name));
        let alone = wish.plan.eager || wish.external.is_some();
        let line = if alone { None } else { self.line_of(&user.id, world) };
        let stage = match (&line, direction) {
            (Some(_), Direction::Outbound) => Stage::Contacting { dial: now + DIALING },
            (Some(_), Direction::Inbound) if wish.plan.auto_answer => {
                Stage::Answering { at: now + ANSWERING }
            }
            _ => Stage::Ringing { until: now + RINGING },
        };
        let session = line.clone().unwrap_or_else(|| world.rng.uuid());
        let call = Call {
            stage,
            session: session.clone(),
            far_end: wish.far_end,
            eager: wish.plan.eager,
            consult: None,
            seen: None,
            conversation,
        };
        if line.is_some() {
            if let Some(session) = self.sessions.get_mut(&session) {
                session.riders.push(id.clone());
            }
            call.publish(streams, world);
        } else {
            let peer = call.conversation.peer.clone();
            let user = user.id.clone();
            let mut new = Session::new(session.clone(), user, id.clone(), peer, wish.plan, now);
            new.external = wish.external;
            if wish.event_first {
                call.publish(streams, world);
                new.propose(streams, world);
            } else {
                new.propose(streams, world);
                call.publish(streams, world);
            }
            self.open(new);
        }
        world.happened("call-ringing", call.about(json!({})));
        let key = Id::from(&*id);
        self.order.push_back(key.clone());
        self.live.set(&key, Some(user.id.clone()));
        self.calls.insert(&key, call);
        Some(id)
    }

    /// One more session.
    pub(super) fn open(&mut self, session: Session) {
        let id = Id::from(&*session.id);
        self.lines.set(&id, Some(session.user.clone()));
        self.sessions.insert(&id, session);
    }

    /// The sessions of a user, in the order of their ids.
    pub(super) fn lines_of(&self, user: &str) -> impl Iterator<Item = &Session> {
        self.lines.of(user).filter_map(|id| self.sessions.get(id))
    }

    /// Brings the indexes into step with the calls and sessions that were reached for.
    fn settle(&mut self) {
        for id in self.calls.take_reached() {
            let call = self.calls.get(&id).filter(|call| !call.is_over());
            self.call_times.set(&id, call.and_then(Call::next_wake).map(|wake| wake.at));
            self.live.set(&id, call.and_then(Call::user).map(str::to_owned));
        }
        for id in self.sessions.take_reached() {
            let session = self.sessions.get(&id);
            let wake = session.and_then(Session::next_wake);
            self.session_times.set(&id, wake.map(|wake| wake.at));
            self.lines.set(&id, session.map(|session| session.user.clone()));
            self.offers.set(&id, session.and_then(|session| session.offer_iq.clone()));
            self.suspects.insert(id);
        }
    }

    /// Forgets the oldest call that is over, at the bound. False when there is none.
    fn make_room(&mut self) -> bool {
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

    /// As the control API tells a call.
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

    /// A conversation of a user, as the service tells it.
    pub(super) fn conversation(&self, user: &str, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        (call.user() == Some(user)).then(|| call.conversation.body())
    }

    /// Whether a user is muted in a call that is not over, and holds it.
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
                "id": session.id, "state": session.phase.name(), "shared": session.shared,
                "calls": session.riders.len(), "media": session.seen().media["connectionState"],
            })
        })
        .collect()
    }

    // The agent's wishes, by REST

    /// Changes the agent's participant. False when there is no such one.
    pub(super) fn change(
        &mut self,
        user: &str,
        id: &str,
        participant: &str,
        change: &Value,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let Some(call) = self.of_user(user, id, participant) else { return false };
        let session = call.session.clone();
        let agent = &mut call.conversation.agent;
        let flags = (agent.muted, agent.held);
        let recorded = agent.record(change);
        if let Some(muted) = change["muted"].as_bool() {
            agent.muted = muted;
        }
        if let Some(held) = change["held"].as_bool() {
            agent.held = held;
        }
        let resumed = flags.1 && !agent.held;
        if recorded || flags != (agent.muted, agent.held) {
            call.publish(streams, world);
        }
        if resumed {
            self.hold_others(id, streams, world);
        }
        self.tune(&session, streams, world);
        if change["state"] == "connected" {
            self.answer(id, streams, world);
        }
        if change["state"] == "disconnected" {
            self.end(id, Some(Reason::Success), streams, world);
        }
        true
    }

    /// The agent answers by REST: only where media is there already (wire notes 8.2).
    fn answer(&mut self, id: &str, streams: &Streams, world: &mut World) {
        let Some(call) = self.calls.get(id) else { return };
        let up = self.sessions.get(&call.session).is_some_and(Session::is_up);
        if up && matches!(call.stage, Stage::Ringing { .. } | Stage::Answering { .. }) {
            world.happened("answered", call.about(json!({})));
            self.connect(id, streams, world);
        }
    }

    pub(super) fn of_user(&mut self, user: &str, id: &str, participant: &str) -> Option<&mut Call> {
        self.calls.get_mut(id).filter(|call| {
            call.user() == Some(user)
                && call.conversation.agent.participant == participant
                && !call.is_over()
        })
    }

    // Everybody else's wishes, by the control API

    /// The far end gives up or hangs up.
    pub(super) fn hang_up(&mut self, id: &str, streams: &Streams, world: &mut World) {
        self.end(id, Some(Reason::Success), streams, world);
    }

    /// Another client of the user accepts or rejects.
    pub(super) fn elsewhere(
        &mut self,
        id: &str,
        accepts: bool,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(call) = self.calls.get(id) else { return };
        if !matches!(call.stage, Stage::Ringing { .. } | Stage::Answering { .. }) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&call.session) else { return };
        // On a line that is up there is nothing to take: the answer is the service's.
        if session.phase != Phase::Active {
            let user = world.directory.user(&session.user);
            let Some(other) = user.map(|user| user.jid.with_resource("another-client")) else {
                return;
            };
            let sid = session.id.clone();
            let message = if accepts {
                session.phase = Phase::Elsewhere;
                session.client = Some(other.clone());
                SessionMessage::Accept { id: sid }
            } else {
                SessionMessage::Reject { id: sid }
            };
            let payload = Payload::Extension(Dialect::SessionMessage(message));
            let taken = accepts && session.phase == Phase::Elsewhere;
            if !taken || !world.keeps(Silence::AcceptElsewhere) {
                streams.fan_out(&session.user, &other, &payload, None, world);
            }
        }
        if accepts {
            self.connect(id, streams, world);
        } else {
            self.end(id, None, streams, world);
        }
    }

    /// Changes fields of the user's leg, any of them, and tells it.
    pub(super) fn set_leg(
        &mut self,
        id: &str,
        fields: &Map<String, Value>,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.conversation.agent.set(fields);
        call.publish(streams, world);
        let session = call.session.clone();
        self.tune(&session, streams, world);
    }

    pub(super) fn set_far_end(
        &mut self,
        id: &str,
        mode: FarEndMode,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.far_end = mode;
        let session = call.session.clone();
        self.tune(&session, streams, world);
    }

    /// How a call's far end is to speak.
    pub(super) fn far_voice(&self, id: &str) -> Option<FarVoice> {
        self.sessions.get(&self.calls.get(id)?.session)?.voice()
    }

    pub(super) fn far_audio(&mut self, id: &str, frame: &AudioFrame, world: &mut World) {
        let Some(call) = self.calls.get(id) else { return };
        let session = self.sessions.get_mut(&call.session);
        let on_air = |session: &&mut Session| {
            session.on_air.as_ref().is_some_and(|on| on.conversation == id)
        };
        if let Some(session) = session.filter(on_air) {
            session.say(frame, world);
        }
    }

    /// The far end of a call presses keys, if it is on.
    pub(super) fn far_keys(&mut self, id: &str, digits: &[Digit], world: &mut World) {
        let Some(call) = self.calls.get(id) else { return };
        let session = self.sessions.get_mut(&call.session);
        let on_air = |session: &&mut Session| {
            session.on_air.as_ref().is_some_and(|on| on.conversation == id)
        };
        if let Some(session) = session.filter(on_air) {
            session.press(digits, world);
        }
    }

    // Signaling from the client

    /// A message to a far end or to the user's own clients.
    pub(super) fn handle_message(
        &mut self,
        conn: ConnId,
        message: &Message,
        streams: &Streams,
        world: &mut World,
    ) {
        let (Some(from), Some(to)) = (streams.jid(conn).cloned(), message.to.as_ref()) else {
            return;
        };
        let own = streams.user(conn).map(str::to_owned);
        let to_self = world.directory.by_jid(to).map(|user| user.id.clone());
        for payload in &message.payloads {
            let Payload::Extension(Dialect::SessionMessage(word)) = payload else { continue };
            let (kind, id) = match word {
                SessionMessage::Proceed { id } => ("message-proceed", id),
                SessionMessage::Accept { id } => ("message-accept", id),
                SessionMessage::Reject { id } => ("message-reject", id),
                SessionMessage::Retract { id } => ("message-retract", id),
                SessionMessage::Propose(propose) => ("message-propose", &propose.id),
            };
            let conversation = self.sessions.get(id).map(|session| &session.conversation);
            let data = json!({
                "userId": own, "jid": from.as_str(), "to": to.as_str(), "sessionId": id,
                "conversationId": conversation,
            });
            world.happened(kind, data);
            if let (Some(user), Some(own)) = (&to_self, &own)
                && user == own
            {
                let except = (!world.options.echo_bare_to_sender).then_some(conn);
                streams.fan_out(user, &from, payload, except, world);
            }
            let Some(session) = self.sessions.get_mut(id) else { continue };
            match word {
                SessionMessage::Proceed { .. } => {
                    session.proceed(from.clone(), world);
                    session.offer_outside(streams, world);
                }
                SessionMessage::Accept { .. } if session.client.as_ref() == Some(&from) => {
                    session.trickle(streams, world);
                    session.pass_on(streams, world);
                }
                SessionMessage::Reject { .. } => match session.phase {
                    Phase::Proposed { .. } | Phase::Proceeding => {
                        self.end_session(id, None, streams, world);
                    }
                    Phase::Offered
                    | Phase::Active
                    | Phase::Replaced
                    | Phase::Elsewhere
                    | Phase::Over => {}
                },
                SessionMessage::Accept { .. }
                | SessionMessage::Retract { .. }
                | SessionMessage::Propose(_) => {}
            }
        }
    }

    /// A client's reply to the offer.
    pub(super) fn handle_reply(
        &mut self,
        conn: ConnId,
        iq: &Iq,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(from) = streams.jid(conn) else { return };
        let Some(iq_id) = iq.id.as_deref() else { return };
        let session = self.offers.of(iq_id).next().and_then(|id| self.sessions.get_mut(id));
        if let Some(session) = session.filter(|session| session.is_offer_reply(from, iq_id)) {
            let reply = match &iq.kind {
                IqKind::Error(error) => json!({"reply": "error", "condition": error.condition}),
                _ => json!({"reply": "result"}),
            };
            session.offer_replied(reply, world);
        }
    }

    /// An IQ of a session.
    pub(super) fn handle_iq(
        &mut self,
        conn: ConnId,
        iq: &Iq,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(from) = streams.jid(conn).cloned() else { return };
        let id = match &iq.kind {
            IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) => Some(&*jingle.sid),
            IqKind::Set(Payload::Extension(Dialect::Rpc(rpc))) => rpc.method.session_id(),
            _ => None,
        };
        let session = id
            .and_then(|id| self.sessions.get_mut(id))
            .filter(|session| session.hears(&from, iq.to.as_ref()));
        // The reply comes before what follows from the request.
        let mut reply = match &session {
            Some(_) => Iq::result_to(iq),
            None => Iq::error_to(iq, StanzaError::item_not_found_unknown_session()),
        };
        reply.from.clone_from(&iq.to);
        reply.to = Some(from);
        streams.send(conn, &Frame::Iq(reply), world);
        if let (Some(session), IqKind::Set(payload)) = (session, &iq.kind) {
            let id = session.id.clone();
            let step = match payload {
                Payload::Extension(Dialect::Jingle(jingle)) => {
                    session.handle_jingle(jingle, streams, world)
                }
                Payload::Extension(Dialect::Rpc(rpc)) => session.handle_rpc(rpc, streams, world),
                _ => return,
            };
            self.follow(&id, step, streams, world);
        }
    }

    // Media

    pub(super) fn udp_opened(
        &mut self,
        id: UdpId,
        local: &[SocketAddr],
        streams: &Streams,
        world: &mut World,
    ) {
        let session = world.media.get(&id).and_then(|session| self.sessions.get_mut(session));
        match session {
            Some(session) => {
                let step = session.make_offer(local, streams, world);
                let id = session.id.clone();
                self.follow(&id, step, streams, world);
            }
            None => world.push(super::Output::CloseUdp { id }),
        }
    }

    pub(super) fn datagram(&mut self, id: UdpId, packet: &Packet<'_>, world: &mut World) {
        let session = world.media.get(&id).and_then(|session| self.sessions.get_mut(session));
        if let Some(session) = session {
            session.datagram(packet, world);
        }
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let call = self.call_times.first().and_then(|(_, id)| self.calls.get(id)?.next_wake());
        let session =
            self.session_times.first().and_then(|(_, id)| self.sessions.get(id)?.next_wake());
        Wake::earliest(call, session)
    }

    pub(super) fn handle_timeout(&mut self, streams: &Streams, world: &mut World) {
        self.settle();
        let mut steps = Vec::new();
        for id in self.session_times.up_to(&world.now) {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            match session.handle_timeout(streams, world) {
                Step::Goes => {}
                step => steps.push((id, step)),
            }
        }
        for (id, step) in steps {
            self.follow(&id, step, streams, world);
        }
        self.settle();
        let idle =
            |session: &Session| session.is_lost() || session.riders.is_empty() && session.is_dead();
        let mut dead = std::mem::take(&mut self.suspects);
        dead.retain(|id| self.sessions.get(id).is_some_and(idle));
        for id in dead {
            self.end_session(&id, Some(Reason::Gone), streams, world);
        }
        self.settle();
        for id in self.call_times.up_to(&world.now) {
            self.time(&id, streams, world);
        }
        self.settle();
    }

    /// A call does not stay as it is.
    fn time(&mut self, id: &str, streams: &Streams, world: &mut World) {
        let Some(call) = self.calls.get_mut(id) else { return };
        match call.stage {
            Stage::Ringing { .. } => self.end(id, None, streams, world),
            Stage::Contacting { .. } => {
                call.stage = Stage::Dialing { answer: world.now + ANSWERING };
                call.enter(LegState::Dialing, streams, world);
            }
            Stage::Answering { .. } | Stage::Dialing { .. } => self.connect(id, streams, world),
            Stage::Talking | Stage::Over => {}
        }
    }
}
