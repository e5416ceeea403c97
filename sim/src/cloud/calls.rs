//! Calls: ringing, taken, answered, over; each with its conversation and its far end (wire notes
//! 5, 6, 8.2).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::jingle::{
    Action, Jingle, Method, Propose, Reason, Role, Rpc, RpcCandidate, SessionMessage, sdp,
};
use offhook::machine::{UdpId, Wake};
use offhook::media::{AudioFrame, EngineConfig, LocalCandidate, MediaState};
use offhook::xmpp::{Iq, IqKind, Jid, Message, Payload, StanzaError};
use serde_json::{Value, json};

use super::conversation::{Conversation, Direction, LegState};
use super::directory::User;
use super::far_end::{FarEnd, FarEndMode, Packet, Word};
use super::signal::{Signal, Signaling};
use super::streams::Streams;
use super::{ConnId, Output, World};

/// Calls remembered, those that are over included; the oldest of these go first.
const MAX_CALLS: usize = 5_000;
/// A proposal is repeated until somebody takes it (wire notes 14.16).
const REPEAT: Duration = Duration::from_secs(5);
/// How long it rings.
const RINGING: Duration = Duration::from_secs(120);
/// How long somebody who was called takes to answer.
const FAR_ANSWER: Duration = Duration::from_millis(100);

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Proposed; nobody has taken it.
    Ringing {
        repeat: Instant,
        until: Instant,
    },
    /// Taken; our media is being made.
    Proceeding,
    /// Our offer is out.
    Offered,
    /// The client answered; the person called has not.
    FarRinging {
        answer: Instant,
    },
    /// Talking.
    Answered,
    /// Another client has it.
    Elsewhere,
    Over,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Ringing { .. } => "proposed",
            Self::Proceeding => "proceeding",
            Self::Offered => "pending",
            Self::FarRinging { .. } | Self::Answered => "active",
            Self::Elsewhere => "elsewhere",
            Self::Over => "ended",
        }
    }

    fn wake(self) -> Option<Wake> {
        match self {
            Self::Ringing { repeat, until } => {
                Some(Wake { at: repeat.min(until), reason: "ringing" })
            }
            Self::FarRinging { answer } => Some(Wake { at: answer, reason: "far end answers" }),
            Self::Proceeding | Self::Offered | Self::Answered | Self::Elsewhere | Self::Over => {
                None
            }
        }
    }
}

/// How a call is to be made (`POST /control/calls`).
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) signaling: Signaling,
    pub(super) trickle: bool,
    pub(super) auto_answer: bool,
    pub(super) eager: bool,
    pub(super) event_first: bool,
    /// Offer by Jingle as well, as the real service may by mistake (wire notes 6.1).
    pub(super) also_jingle: Option<AlsoJingle>,
    pub(super) far_end: FarEndMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AlsoJingle {
    Before,
    After,
}

struct Call {
    conversation: Conversation,
    plan: Plan,
    session: String,
    phase: Phase,
    handled_by: Option<Jid>,
    far: Option<FarEnd>,
    offer: String,
    /// Candidates of ours that the client is not ready for.
    untold: Vec<LocalCandidate>,
    candidates_from_client: u64,
}

/// All calls, by conversation. See the [module](self).
#[derive(Default)]
pub(super) struct Calls {
    calls: BTreeMap<String, Call>,
    /// In the order in which they were made.
    order: Vec<String>,
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
        Some(self.add(conversation, plan, streams, world))
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
        Some(self.add(conversation, plan, streams, world))
    }

    fn add(
        &mut self,
        conversation: Conversation,
        plan: Plan,
        streams: &Streams,
        world: &mut World,
    ) -> String {
        self.make_room();
        let id = conversation.id.clone();
        let call = Call {
            session: world.rng.uuid(),
            phase: Phase::Ringing { repeat: world.now + REPEAT, until: world.now + RINGING },
            conversation,
            plan,
            handled_by: None,
            far: None,
            offer: String::new(),
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
        self.calls.insert(id.clone(), call);
        id
    }

    fn make_room(&mut self) {
        if self.calls.len() >= MAX_CALLS
            && let Some(at) = self
                .order
                .iter()
                .position(|id| self.calls.get(id).is_none_or(|call| call.phase == Phase::Over))
        {
            let id = self.order.remove(at);
            self.calls.remove(&id);
        }
    }

    pub(super) fn clear(&mut self, streams: &Streams, world: &mut World) {
        for call in self.calls.values_mut() {
            call.drop_media(streams, world);
        }
        self.calls.clear();
        self.order.clear();
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
        let none = || json!({"connectionState": "new", "packetsReceived": 0, "packetsSent": 0});
        Some(self.calls.get(id)?.far.as_ref().map_or_else(none, FarEnd::body))
    }

    /// A conversation of a user, as the service tells it.
    pub(super) fn conversation(&self, user: &str, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        (call.user() == Some(user)).then(|| call.conversation.body())
    }

    /// The user's conversations that are not over.
    pub(super) fn conversations(&self, user: &str) -> Vec<Value> {
        self.calls
            .values()
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
            let call = self.calls.values_mut().find(|call| call.session == *id);
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
        let call = self.calls.values_mut().find(|call| {
            Some(&*call.session) == session
                && call.handled_by.as_ref() == Some(&from)
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
        self.calls.values_mut().find(|call| call.far.as_ref().is_some_and(|far| far.udp == id))
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.calls
            .values()
            .map(|call| {
                let far = call.far.as_ref().and_then(FarEnd::next_wake);
                Wake::earliest(far, call.phase.wake())
            })
            .fold(None, Wake::earliest)
    }

    pub(super) fn handle_timeout(&mut self, streams: &mut Streams, world: &mut World) {
        for call in self.calls.values_mut() {
            call.handle_timeout(streams, world);
        }
    }
}

/// What an IQ is about, once its call is found.
enum Step<'a> {
    Jingle(&'a mut Call, &'a Jingle),
    Rpc(&'a mut Call, &'a Rpc),
}

impl Call {
    fn user(&self) -> Option<&str> {
        self.conversation.agent.user.as_deref()
    }

    fn about(&self, mut data: Value) -> Value {
        data["conversationId"] = json!(self.conversation.id);
        data["userId"] = json!(self.user());
        data
    }

    fn publish(&self, streams: &Streams, world: &mut World) {
        if let Some(user) = self.user() {
            let topic = format!("v2.users.{user}.conversations");
            streams.publish(user, &topic, &self.conversation.body(), world);
        }
    }

    fn propose(&self, streams: &Streams, world: &mut World) {
        let propose = Propose {
            id: self.session.clone(),
            conversation_id: Some(self.conversation.id.clone()),
            persistent_conversation_id: None,
            sdp_over_xmpp: self.plan.signaling == Signaling::Sdp,
            auto_answer: self.plan.auto_answer,
            eager: self.plan.eager,
            original_room: Some(self.conversation.peer.to_string()),
            from_user_id: self.user().map(str::to_owned),
            meeting_id: None,
            media: vec!["audio".to_owned()],
        };
        self.tell_all(&SessionMessage::Propose(propose), streams, world);
    }

    fn tell_all(&self, message: &SessionMessage, streams: &Streams, world: &mut World) {
        if let Some(user) = self.user() {
            let payload = Payload::JingleMessage(message.clone());
            streams.fan_out(user, &self.conversation.peer, &payload, None, world);
        }
    }

    /// A client takes the call.
    fn proceed(&mut self, client: Jid, world: &mut World) {
        if !matches!(self.phase, Phase::Ringing { .. }) {
            return;
        }
        self.phase = Phase::Proceeding;
        self.handled_by = Some(client);
        let mut config = EngineConfig::new(world.seed.child(&self.session));
        config.codecs.clone_from(&world.options.codecs);
        let engine = world.factory.create(world.now, config);
        let udp = world.udp_id();
        self.far = Some(FarEnd::new(udp, engine));
        world.push(Output::OpenUdp { id: udp });
    }

    fn signal(&self) -> Option<Signal> {
        Some(Signal {
            kind: self.plan.signaling,
            session: self.session.clone(),
            conversation: self.conversation.id.clone(),
            from: self.conversation.peer.clone(),
            to: self.handled_by.clone()?,
        })
    }

    /// Our sockets are there: offer.
    fn make_offer(&mut self, local: &[SocketAddr], streams: &Streams, world: &mut World) {
        let (Some(signal), Some(far)) = (self.signal(), &mut self.far) else { return };
        if self.phase != Phase::Proceeding {
            return;
        }
        let offer = match far.engine.create_offer(world.now) {
            Ok(offer) => offer,
            Err(error) => {
                world.log(format!("no media: {error}"));
                return self.end(None, streams, world);
            }
        };
        for address in local {
            let public = SocketAddr::new(
                if address.ip().is_unspecified() { world.public_ip } else { address.ip() },
                address.port(),
            );
            far.engine.add_local_address(world.now, public);
        }
        far.engine.local_addresses_done(world.now);
        let words = far.drain(world.now);
        let candidates = std::mem::take(&mut far.candidates);
        self.offer.clone_from(&offer);
        self.phase = Phase::Offered;
        let inline = if self.plan.trickle { &[][..] } else { &candidates[..] };
        let jingle = Signal { kind: Signaling::Jingle, ..signal.clone() };
        if self.plan.also_jingle == Some(AlsoJingle::Before) {
            jingle.offer(&offer, inline, streams, world);
        }
        signal.offer(&offer, inline, streams, world);
        if self.plan.also_jingle == Some(AlsoJingle::After) {
            jingle.offer(&offer, inline, streams, world);
        }
        if self.plan.trickle {
            self.untold = candidates;
        }
        // Streaming clients before 19 lose what comes before they have made the session of an
        // SDP offer (wire notes 6.14): it waits for their accept.
        if self.plan.signaling == Signaling::Jingle {
            self.trickle(streams, world);
        }
        self.act(words, world);
    }

    /// Tells the client our candidates, one by one, and that there are no more.
    fn trickle(&mut self, streams: &Streams, world: &mut World) {
        let candidates = std::mem::take(&mut self.untold);
        let Some(signal) = self.signal().filter(|_| !candidates.is_empty()) else { return };
        for candidate in &candidates {
            signal.candidate(&self.offer, candidate, streams, world);
        }
        signal.gathering_complete(&self.offer, streams, world);
    }

    fn handle_jingle(&mut self, jingle: &Jingle, streams: &Streams, world: &mut World) {
        let data = self.about(json!({"sessionId": self.session}));
        world.happened(jingle.action.as_str(), data);
        match &jingle.action {
            Action::SessionAccept => match sdp::to_sdp(jingle, Role::Responder) {
                Ok(answer) => self.answered(&answer, streams, world),
                Err(error) => {
                    world.log(format!("an answer that cannot be used: {error}"));
                    self.end(Some(Reason::FailedApplication), streams, world);
                }
            },
            Action::TransportInfo => {
                let transports = jingle.contents.iter().filter_map(|c| c.transport.as_ref());
                for candidate in transports.flat_map(|t| &t.candidates) {
                    self.remote_candidate(&candidate.to_line(), world);
                }
            }
            Action::SessionTerminate => self.end(None, streams, world),
            _ => {}
        }
    }

    fn handle_rpc(&mut self, rpc: &Rpc, streams: &Streams, world: &mut World) {
        let data = self.about(json!({"sessionId": self.session}));
        world.happened(&format!("genesys-{}", rpc.method.name()), data);
        match &rpc.method {
            Method::Answer { sdp, .. } => self.answered(sdp, streams, world),
            Method::IceCandidate { candidate: RpcCandidate::Candidate { line, .. }, .. } => {
                self.remote_candidate(line, world);
            }
            Method::Terminate { .. } => self.end(None, streams, world),
            Method::IceCandidate { .. }
            | Method::Offer { .. }
            | Method::Info { .. }
            | Method::Mute { .. }
            | Method::Unmute { .. }
            | Method::Other { .. } => {}
        }
    }

    fn remote_candidate(&mut self, line: &str, world: &mut World) {
        self.candidates_from_client += 1;
        if let Some(far) = &mut self.far {
            if let Err(error) = far.engine.add_remote_candidate(world.now, line) {
                world.log(format!("a candidate that cannot be used: {error}"));
            }
            self.listen(world);
        }
    }

    fn answered(&mut self, answer: &str, streams: &Streams, world: &mut World) {
        if self.phase != Phase::Offered {
            return;
        }
        self.trickle(streams, world);
        let Some(far) = &mut self.far else { return };
        if let Err(error) = far.engine.accept_answer(world.now, answer) {
            world.log(format!("an answer that cannot be used: {error}"));
            return self.end(Some(Reason::FailedApplication), streams, world);
        }
        self.listen(world);
        world.happened("answered", self.about(json!({"sessionId": self.session})));
        match self.conversation.direction {
            Direction::Inbound => self.connect(streams, world),
            Direction::Outbound => {
                self.phase = Phase::FarRinging { answer: world.now + FAR_ANSWER };
            }
        }
    }

    fn connect(&mut self, streams: &Streams, world: &mut World) {
        self.phase = Phase::Answered;
        self.conversation.enter(LegState::Connected, world);
        self.publish(streams, world);
        world.happened("call-connected", self.about(json!({"sessionId": self.session})));
        world.log(format!("call {} connected", &self.conversation.id[..8]));
    }

    /// Takes what the far end's media has to say.
    fn listen(&mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            let words = far.drain(world.now);
            self.act(words, world);
        }
    }

    fn act(&mut self, words: Vec<Word>, world: &mut World) {
        let agent = &self.conversation.agent;
        let heard = !agent.muted && !agent.held;
        let mut echoes = Vec::new();
        for word in words {
            match word {
                Word::Transmit { local, remote, data } => {
                    if let Some(far) = &self.far {
                        world.push(Output::Transmit { id: far.udp, local, remote, data });
                    }
                }
                Word::State(state) => {
                    let name = format!("{state:?}").to_lowercase();
                    world.happened("media-state", self.about(json!({"state": name})));
                }
                Word::Heard(frame) => match self.plan.far_end {
                    FarEndMode::External if heard => {
                        let conversation = self.conversation.id.clone();
                        world.push(Output::FarAudio { conversation, frame });
                    }
                    FarEndMode::Echo if heard => echoes.push(frame),
                    FarEndMode::External
                    | FarEndMode::Echo
                    | FarEndMode::Prompt
                    | FarEndMode::Silence => {}
                },
                Word::Key(digit) => {
                    let key = digit.as_char().to_string();
                    world.happened("dtmf", self.about(json!({"digit": key})));
                }
            }
        }
        if let (Some(far), false) = (&mut self.far, echoes.is_empty()) {
            for frame in &echoes {
                far.say(world.now, frame);
            }
            let words = far.drain(world.now);
            self.act(words, world);
        }
    }

    fn handle_timeout(&mut self, streams: &Streams, world: &mut World) {
        let now = world.now;
        match self.phase {
            Phase::Ringing { until, .. } if until <= now => self.end(None, streams, world),
            Phase::Ringing { repeat, until } if repeat <= now => {
                self.phase = Phase::Ringing { repeat: now + REPEAT, until };
                self.propose(streams, world);
            }
            Phase::FarRinging { answer } if answer <= now => self.connect(streams, world),
            Phase::Ringing { .. }
            | Phase::FarRinging { .. }
            | Phase::Proceeding
            | Phase::Offered
            | Phase::Answered
            | Phase::Elsewhere
            | Phase::Over => {}
        }
        let speaks = !self.conversation.agent.held;
        if let Some(far) = &mut self.far
            && far.next_wake().is_some_and(|wake| wake.at <= now)
        {
            far.handle_timeout(now, self.plan.far_end, speaks, &mut world.prompt);
            self.listen(world);
        }
    }

    /// The call is over. `reason` is what the client is told, where it does not know.
    fn end(&mut self, reason: Option<Reason>, streams: &Streams, world: &mut World) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        if phase == Phase::Over {
            return;
        }
        self.conversation.enter(LegState::Disconnected, world);
        self.publish(streams, world);
        match phase {
            Phase::Ringing { .. } | Phase::Proceeding => {
                let id = self.session.clone();
                self.tell_all(&SessionMessage::Retract { id }, streams, world);
            }
            Phase::Offered | Phase::FarRinging { .. } | Phase::Answered => {
                if let (Some(reason), Some(signal)) = (reason, self.signal()) {
                    signal.terminate(reason, streams, world);
                }
            }
            Phase::Elsewhere | Phase::Over => {}
        }
        self.conversation.enter(LegState::Terminated, world);
        self.publish(streams, world);
        self.drop_media(streams, world);
        world.happened("call-ended", self.about(json!({"sessionId": self.session})));
        world.log(format!("call {} over", &self.conversation.id[..8]));
    }

    fn drop_media(&mut self, _streams: &Streams, world: &mut World) {
        if let Some(far) = &mut self.far
            && far.engine.state() != MediaState::Closed
        {
            far.engine.close(world.now);
            let words = far.drain(world.now);
            let id = far.udp;
            self.act(words, world);
            world.push(Output::CloseUdp { id });
        }
    }
}
