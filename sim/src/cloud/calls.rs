//! Calls: ringing, taken, answered, over; each with its conversation and its far end (wire notes
//! 5, 6, 8.2).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use offhook::jingle::{Jingle, Reason, Rpc, SessionMessage};
use offhook::machine::{UdpId, Wake};
use offhook::media::AudioFrame;
use offhook::xmpp::{Iq, IqKind, Jid, Message, Payload, StanzaError};
use serde_json::{Map, Value, json};

use super::call::{Call, Phase, Plan, REPEAT, RINGING};
use super::conversation::{Conversation, Direction, LegState};
use super::directory::User;
use super::far_end::{FarEndMode, Packet};
use super::signal::Signaling;
use super::streams::Streams;
use super::{ConnId, Output, World};

/// Calls remembered, those that are over included; the oldest of these go first.
const MAX_CALLS: usize = 2_000;

/// All calls, by conversation. See the [module](self).
#[derive(Default)]
pub(super) struct Calls {
    calls: BTreeMap<String, Call>,
    /// In the order in which they were made.
    order: Vec<String>,
    /// Those that are not over.
    live: BTreeSet<String>,
    /// Conversations by session, while they are live.
    sessions: BTreeMap<String, String>,
}

impl Calls {
    // Making calls

    /// Somebody calls the user.
    pub(super) fn ring(
        &mut self,
        user: &User,
        plan: Plan,
        from: (String, String),
        purpose: &str,
        streams: &Streams,
        world: &mut World,
    ) -> Option<String> {
        let conversation = Conversation::new(world, user, Direction::Inbound, from, purpose)?;
        self.add(conversation, plan, streams, world)
    }

    /// The user calls somebody.
    pub(super) fn dial(
        &mut self,
        user: &User,
        number: &str,
        signaling: Signaling,
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
            event_first: true,
            also_jingle: None,
            far_end: world.options.far_end,
        };
        self.add(conversation, plan, streams, world)
    }

    fn add(
        &mut self,
        conversation: Conversation,
        plan: Plan,
        streams: &Streams,
        world: &mut World,
    ) -> Option<String> {
        if !self.make_room() {
            return None;
        }
        let id = conversation.id.clone();
        let call = Call {
            session: world.rng.uuid(),
            phase: Phase::Ringing { repeat: world.now + REPEAT, until: world.now + RINGING },
            conversation,
            plan,
            handled_by: None,
            far: None,
            last_media: Value::Null,
            offer: String::new(),
            offer_iq: None,
            untold: Vec::new(),
            candidates_from_client: 0,
        };
        world.log(format!(
            "{} call {} for {}",
            call.conversation.direction.name(),
            &id[..8],
            call.conversation.agent.name
        ));
        if call.plan.event_first {
            call.publish(streams, world);
            call.propose(streams, world);
        } else {
            call.propose(streams, world);
            call.publish(streams, world);
        }
        world.happened("call-ringing", call.about(json!({"sessionId": call.session})));
        self.order.push(id.clone());
        self.live.insert(id.clone());
        self.sessions.insert(call.session.clone(), id.clone());
        self.calls.insert(id.clone(), call);
        Some(id)
    }

    /// Takes calls that are over off the lists of live ones.
    fn sweep(&mut self) {
        let Self { calls, live, sessions, .. } = self;
        live.retain(|id| {
            let call = calls.get(id).filter(|call| call.phase == Phase::Over);
            if let Some(call) = call {
                sessions.remove(&call.session);
            }
            call.is_none()
        });
    }

    fn by_session(&mut self, session: &str) -> Option<&mut Call> {
        self.calls.get_mut(self.sessions.get(session)?)
    }

    /// Forgets the oldest call that is over, at the bound. False when there is none.
    fn make_room(&mut self) -> bool {
        if self.calls.len() < MAX_CALLS {
            return true;
        }
        let Some(at) = self.order.iter().position(|id| !self.live.contains(id)) else {
            return false;
        };
        let id = self.order.remove(at);
        self.calls.remove(&id).is_some()
    }

    pub(super) fn clear(&mut self, world: &mut World) {
        for call in self.calls.values_mut() {
            call.drop_media(world);
        }
        *self = Self::default();
    }

    // Looking

    /// As the control API tells a call.
    pub(super) fn body(&self, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        let agent = &call.conversation.agent;
        Some(json!({
            "conversationId": id, "participantId": agent.participant, "userId": agent.user,
            "direction": call.conversation.direction.name(), "state": agent.state.name(),
            "muted": agent.muted, "held": agent.held, "sessionId": call.session,
            "sessionState": call.phase.name(),
            "handledBy": call.handled_by.as_ref().map(Jid::as_str),
            "candidatesFromClient": call.candidates_from_client,
        }))
    }

    pub(super) fn media_body(&self, id: &str) -> Option<Value> {
        Some(self.calls.get(id)?.media_body())
    }

    /// A conversation of a user, as the service tells it.
    pub(super) fn conversation(&self, user: &str, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        (call.user() == Some(user)).then(|| call.conversation.body())
    }

    /// The user's conversations that are not over.
    pub(super) fn conversations(&self, user: &str) -> Vec<Value> {
        self.live
            .iter()
            .filter_map(|id| self.calls.get(id))
            .filter(|call| call.user() == Some(user) && call.phase != Phase::Over)
            .map(|call| call.conversation.body())
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
        let agent = &mut call.conversation.agent;
        let flags = (agent.muted, agent.held);
        if let Some(muted) = change["muted"].as_bool() {
            agent.muted = muted;
        }
        if let Some(held) = change["held"].as_bool() {
            agent.held = held;
        }
        if flags != (agent.muted, agent.held) {
            call.publish(streams, world);
        }
        if change["state"] == "disconnected" {
            call.end(Some(Reason::Success), streams, world);
        }
        true
    }

    /// Sends a ringing call to voicemail.
    pub(super) fn replace(
        &mut self,
        user: &str,
        id: &str,
        participant: &str,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let Some(call) = self.of_user(user, id, participant) else { return false };
        call.end(Some(Reason::Success), streams, world);
        true
    }

    fn of_user(&mut self, user: &str, id: &str, participant: &str) -> Option<&mut Call> {
        self.calls.get_mut(id).filter(|call| {
            call.user() == Some(user)
                && call.conversation.agent.participant == participant
                && call.phase != Phase::Over
        })
    }

    // Everybody else's wishes, by the control API

    /// The far end gives up or hangs up.
    pub(super) fn hang_up(&mut self, id: &str, streams: &Streams, world: &mut World) -> bool {
        let Some(call) = self.calls.get_mut(id) else { return false };
        call.end(Some(Reason::Success), streams, world);
        true
    }

    /// Another client of the user accepts or rejects.
    pub(super) fn elsewhere(
        &mut self,
        id: &str,
        accepts: bool,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let Some(call) = self.calls.get_mut(id) else { return false };
        if !matches!(call.phase, Phase::Ringing { .. } | Phase::Proceeding | Phase::Offered) {
            return true;
        }
        let user = call.user().unwrap_or_default().to_owned();
        let Some(bare) = world.directory.users.get(&user).map(|user| user.jid.clone()) else {
            return false;
        };
        let other = bare.with_resource("another-client");
        let id = call.session.clone();
        let message =
            if accepts { SessionMessage::Accept { id } } else { SessionMessage::Reject { id } };
        streams.fan_out(&user, &other, &Payload::JingleMessage(message), None, world);
        if accepts {
            call.phase = Phase::Elsewhere;
            call.handled_by = Some(other);
            call.conversation.enter(LegState::Connected, world);
            call.publish(streams, world);
        } else {
            call.end(None, streams, world);
        }
        true
    }

    /// Changes fields of the user's leg, any of them, and tells it.
    pub(super) fn set_leg(
        &mut self,
        id: &str,
        fields: &Map<String, Value>,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let Some(call) = self.calls.get_mut(id) else { return false };
        call.conversation.agent.set(fields);
        call.publish(streams, world);
        true
    }

    pub(super) fn set_far_end(&mut self, id: &str, mode: FarEndMode) {
        if let Some(call) = self.calls.get_mut(id) {
            call.plan.far_end = mode;
        }
    }

    pub(super) fn far_audio(&mut self, id: &str, frame: AudioFrame, world: &mut World) {
        if let Some(call) = self.calls.get_mut(id)
            && !call.conversation.agent.held
            && let Some(far) = &mut call.far
        {
            far.say(world.now, &frame);
            call.listen(world);
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
            let Payload::JingleMessage(word) = payload else { continue };
            let (kind, id) = match word {
                SessionMessage::Proceed { id } => ("message-proceed", id),
                SessionMessage::Accept { id } => ("message-accept", id),
                SessionMessage::Reject { id } => ("message-reject", id),
                SessionMessage::Retract { id } => ("message-retract", id),
                SessionMessage::Propose(propose) => ("message-propose", &propose.id),
            };
            let call = self.by_session(id);
            let conversation = call.as_ref().map(|call| call.conversation.id.clone());
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
            match (word, call) {
                (SessionMessage::Proceed { .. }, Some(call)) => call.proceed(from.clone(), world),
                (SessionMessage::Accept { .. }, Some(call))
                    if call.handled_by.as_ref() == Some(&from) =>
                {
                    call.trickle(streams, world);
                }
                (SessionMessage::Reject { .. }, Some(call))
                    if matches!(call.phase, Phase::Ringing { .. } | Phase::Proceeding) =>
                {
                    call.end(None, streams, world);
                }
                _ => {}
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
        let from = streams.jid(conn);
        let offered = |call: &Call| {
            call.offer_iq.is_some() && call.offer_iq == iq.id && call.handled_by.as_ref() == from
        };
        let id = self.live.iter().find(|id| self.calls.get(*id).is_some_and(offered));
        if let Some(call) = id.and_then(|id| self.calls.get_mut(id)) {
            call.offer_iq = None;
            let reply = match &iq.kind {
                IqKind::Error(error) => json!({"reply": "error", "condition": error.condition}),
                _ => json!({"reply": "result"}),
            };
            world.happened("offer-reply", call.about(reply));
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
        let session = match &iq.kind {
            IqKind::Set(Payload::Jingle(jingle)) => Some(&*jingle.sid),
            IqKind::Set(Payload::Rpc(rpc)) => rpc.method.session_id(),
            _ => None,
        };
        let call = session.and_then(|session| self.by_session(session)).filter(|call| {
            call.handled_by.as_ref() == Some(&from)
                && iq.to.as_ref() == Some(&call.conversation.peer)
                && call.far.is_some()
        });
        let result = match call {
            Some(call) => match &iq.kind {
                IqKind::Set(Payload::Jingle(jingle)) => Ok(Step::Jingle(call, jingle)),
                IqKind::Set(Payload::Rpc(rpc)) => Ok(Step::Rpc(call, rpc)),
                _ => Err(StanzaError::bad_request()),
            },
            None => Err(StanzaError::item_not_found_unknown_session()),
        };
        // The reply comes before what follows from the request.
        let mut reply = match &result {
            Ok(_) => Iq::result_to(iq),
            Err(error) => Iq::error_to(iq, error.clone()),
        };
        reply.from.clone_from(&iq.to);
        reply.to = Some(from);
        streams.send(conn, &offhook::xmpp::Frame::Iq(reply), world);
        match result {
            Ok(Step::Jingle(call, jingle)) => call.handle_jingle(jingle, streams, world),
            Ok(Step::Rpc(call, rpc)) => call.handle_rpc(rpc, streams, world),
            Err(_) => {}
        }
    }

    // Media

    pub(super) fn udp_opened(
        &mut self,
        id: UdpId,
        local: &[SocketAddr],
        streams: &mut Streams,
        world: &mut World,
    ) {
        let call = self.by_udp(id);
        match call {
            Some(call) => call.make_offer(local, streams, world),
            None => world.push(Output::CloseUdp { id }),
        }
    }

    pub(super) fn datagram(
        &mut self,
        id: UdpId,
        packet: &Packet<'_>,
        _streams: &mut Streams,
        world: &mut World,
    ) {
        if let Some(call) = self.by_udp(id)
            && let Some(far) = &mut call.far
        {
            far.engine.handle_datagram(world.now, packet.local, packet.remote, packet.data);
            call.listen(world);
        }
    }

    fn by_udp(&mut self, id: UdpId) -> Option<&mut Call> {
        let is_it = |call: &Call| call.far.as_ref().is_some_and(|far| far.udp == id);
        let id = self.live.iter().find(|id| self.calls.get(*id).is_some_and(is_it))?;
        self.calls.get_mut(id)
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let live = self.live.iter().filter_map(|id| self.calls.get(id));
        live.map(Call::next_wake).fold(None, Wake::earliest)
    }

    pub(super) fn handle_timeout(&mut self, streams: &mut Streams, world: &mut World) {
        for id in &self.live {
            if let Some(call) = self.calls.get_mut(id) {
                call.handle_timeout(streams, world);
            }
        }
        self.sweep();
    }
}

/// What an IQ is about, once its call is found.
enum Step<'a> {
    Jingle(&'a mut Call, &'a Jingle),
    Rpc(&'a mut Call, &'a Rpc),
}
