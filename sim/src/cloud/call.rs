//! One call: where it stands, and what it says to the client and to its far end (wire notes 5, 6).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::jingle::{
    Action, Jingle, Method, Propose, Reason, Role, Rpc, RpcCandidate, SessionMessage, sdp,
};
use offhook::machine::Wake;
use offhook::media::{EngineConfig, LocalCandidate};
use offhook::xmpp::{Jid, Payload};
use serde_json::{Value, json};

use super::conversation::{Conversation, Direction, LegState};
use super::far_end::{FarEnd, FarEndMode, Word};
use super::signal::{Signal, Signaling};
use super::streams::Streams;
use super::{Output, World};

/// A proposal is repeated until somebody takes it (wire notes 14.16).
pub(super) const REPEAT: Duration = Duration::from_secs(5);
/// How long somebody who was called takes to answer.
pub(super) const FAR_ANSWER: Duration = Duration::from_millis(100);
/// How long it rings.
pub(super) const RINGING: Duration = Duration::from_secs(120);

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
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
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ringing { .. } => "proposed",
            Self::Proceeding => "proceeding",
            Self::Offered => "pending",
            Self::FarRinging { .. } | Self::Answered => "active",
            Self::Elsewhere => "elsewhere",
            Self::Over => "ended",
        }
    }

    pub(super) fn wake(self) -> Option<Wake> {
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

pub(super) struct Call {
    pub(super) conversation: Conversation,
    pub(super) plan: Plan,
    pub(super) session: String,
    pub(super) phase: Phase,
    pub(super) handled_by: Option<Jid>,
    pub(super) far: Option<FarEnd>,
    /// What the far end's media told last, once it is closed.
    pub(super) last_media: Value,
    pub(super) offer: String,
    /// The id of the offer's IQ, until it is answered.
    pub(super) offer_iq: Option<String>,
    /// Candidates of ours that the client is not ready for.
    pub(super) untold: Vec<LocalCandidate>,
    pub(super) candidates_from_client: u64,
}

impl Call {
    pub(super) fn user(&self) -> Option<&str> {
        self.conversation.agent.user.as_deref()
    }

    pub(super) fn about(&self, mut data: Value) -> Value {
        data["conversationId"] = json!(self.conversation.id);
        data["userId"] = json!(self.user());
        data
    }

    pub(super) fn publish(&self, streams: &Streams, world: &mut World) {
        if let Some(user) = self.user() {
            let topic = format!("v2.users.{user}.conversations");
            streams.publish(user, &topic, &self.conversation.body(), world);
        }
    }

    pub(super) fn propose(&self, streams: &Streams, world: &mut World) {
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

    pub(super) fn tell_all(&self, message: &SessionMessage, streams: &Streams, world: &mut World) {
        if let Some(user) = self.user() {
            let payload = Payload::JingleMessage(message.clone());
            streams.fan_out(user, &self.conversation.peer, &payload, None, world);
        }
    }

    /// A client takes the call.
    pub(super) fn proceed(&mut self, client: Jid, world: &mut World) {
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

    pub(super) fn signal(&self) -> Option<Signal> {
        Some(Signal {
            kind: self.plan.signaling,
            session: self.session.clone(),
            conversation: self.conversation.id.clone(),
            from: self.conversation.peer.clone(),
            to: self.handled_by.clone()?,
        })
    }

    /// Our sockets are there: offer.
    pub(super) fn make_offer(
        &mut self,
        local: &[SocketAddr],
        streams: &Streams,
        world: &mut World,
    ) {
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
        self.offer_iq = signal.offer(&offer, inline, streams, world);
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
    pub(super) fn trickle(&mut self, streams: &Streams, world: &mut World) {
        let candidates = std::mem::take(&mut self.untold);
        let Some(signal) = self.signal().filter(|_| !candidates.is_empty()) else { return };
        for candidate in &candidates {
            signal.candidate(&self.offer, candidate, streams, world);
        }
        signal.gathering_complete(&self.offer, streams, world);
    }

    pub(super) fn handle_jingle(&mut self, jingle: &Jingle, streams: &Streams, world: &mut World) {
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

    pub(super) fn handle_rpc(&mut self, rpc: &Rpc, streams: &Streams, world: &mut World) {
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

    pub(super) fn remote_candidate(&mut self, line: &str, world: &mut World) {
        self.candidates_from_client += 1;
        if let Some(far) = &mut self.far {
            if let Err(error) = far.engine.add_remote_candidate(world.now, line) {
                world.log(format!("a candidate that cannot be used: {error}"));
            }
            self.listen(world);
        }
    }

    pub(super) fn answered(&mut self, answer: &str, streams: &Streams, world: &mut World) {
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

    pub(super) fn connect(&mut self, streams: &Streams, world: &mut World) {
        self.phase = Phase::Answered;
        self.conversation.enter(LegState::Connected, world);
        self.publish(streams, world);
        world.happened("call-connected", self.about(json!({"sessionId": self.session})));
        world.log(format!("call {} connected", &self.conversation.id[..8]));
    }

    /// Takes what the far end's media has to say.
    pub(super) fn listen(&mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            let words = far.drain(world.now);
            self.act(words, world);
        }
    }

    pub(super) fn act(&mut self, words: Vec<Word>, world: &mut World) {
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

    pub(super) fn handle_timeout(&mut self, streams: &Streams, world: &mut World) {
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
    pub(super) fn end(&mut self, reason: Option<Reason>, streams: &Streams, world: &mut World) {
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
        self.drop_media(world);
        world.happened("call-ended", self.about(json!({"sessionId": self.session})));
        world.log(format!("call {} over", &self.conversation.id[..8]));
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        Wake::earliest(self.far.as_ref().and_then(FarEnd::next_wake), self.phase.wake())
    }

    /// As `GET /control/calls/{cid}/media` tells it.
    pub(super) fn media_body(&self) -> Value {
        match (&self.far, &self.last_media) {
            (Some(far), _) => far.body(),
            (None, Value::Null) => {
                json!({"connectionState": "new", "packetsReceived": 0, "packetsSent": 0})
            }
            (None, last) => last.clone(),
        }
    }

    /// Closes the far end's media; its figures stay.
    pub(super) fn drop_media(&mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            far.engine.close(world.now);
            self.listen(world);
        }
        if let Some(far) = self.far.take() {
            self.last_media = far.body();
            world.push(Output::CloseUdp { id: far.udp });
        }
    }
}
