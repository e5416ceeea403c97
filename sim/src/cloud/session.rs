//! One media session of a user: proposed, taken, offered, up, over; and what it says to the client
//! that took it (wire notes 5, 6). Calls come and go on it; see [`super::lines`].

mod again;
mod end;
mod hush;
mod outside;
mod recovery;
mod reinvite;
mod told;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::genesys::wire::{Dialect, Payload, Propose, SessionMessage};
use offhook::jingle::Reason;
use offhook::machine::Wake;
use offhook::media::{EngineConfig, LocalCandidate, LocalKind, MediaState, Wish};
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use super::external::External;
use super::signal::Signal;
use super::signaling::Signaling;
use super::streams::Streams;
use super::untidy::Untidy;
use super::world::World;
use crate::service::{FarEnd, FarEndMode, FarVoice, Output, Packet, RtpManner, Word};

use self::hush::Hush;
use self::reinvite::Reinvite;

/// A proposal is repeated until somebody takes it (wire notes 14.16).
const REPEAT: Duration = Duration::from_secs(5);
/// Candidates of the client's kept until its side of an ICE restart is there.
const MAX_EARLY: usize = 64;

/// The time for which a far end presses a key.
const PRESS: Duration = Duration::from_millis(100);

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody has taken it.
    Proposed {
        repeat: Instant,
    },
    /// Taken; our media is being made.
    Proceeding,
    /// Our offer is out.
    Offered,
    /// The client answered.
    Active,
    /// Another session took its place; the client ends it.
    Replaced,
    /// Another client has it.
    Elsewhere,
    Over,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Proposed { .. } => "proposed",
            Self::Proceeding => "proceeding",
            Self::Offered => "pending",
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::Elsewhere => "elsewhere",
            Self::Over => "ended",
        }
    }
}

/// The plan of a session to be made (`POST /control/calls`).
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) signaling: Signaling,
    pub(super) trickle: bool,
    pub(super) auto_answer: bool,
    /// It only brings media up; its call is not a call.
    pub(super) eager: bool,
    /// Offer by Jingle as well, as the real service may by mistake (wire notes 6.1).
    pub(super) also_jingle: Option<AlsoJingle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AlsoJingle {
    Before,
    After,
}

/// The call whose far end is heard on a session, and hears.
#[derive(Clone, Debug)]
pub(super) struct OnAir {
    pub(super) conversation: String,
    pub(super) mode: FarEndMode,
    /// True if the agent is heard.
    pub(super) heard: bool,
}

/// The outcome of an event of a session, for its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Goes,
    /// The client answered our offer.
    Answered,
    /// It is to end; the client is told why, where it does not know.
    Over(Option<Reason>),
}

/// A session as the control API tells it, while it is there or at its end.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) state: &'static str,
    pub(super) client: Option<Jid>,
    pub(super) candidates_from_client: u64,
    pub(super) media: Value,
    /// The answer to `GET calls/{cid}/far`, where somebody outside is the far end.
    pub(super) far: Option<Value>,
}

/// See the [module](self).
pub(super) struct Session {
    pub(super) id: String,
    pub(super) user: String,
    /// The conversation that it was made for, or the one that was heard on it last.
    pub(super) conversation: String,
    /// The address that our side signals from.
    pub(super) peer: Jid,
    /// The client that took it.
    pub(super) client: Option<Jid>,
    pub(super) plan: Plan,
    pub(super) phase: Phase,
    /// True if it is the user's line, for calls that come while it is up.
    pub(super) shared: bool,
    /// Calls on it, in the order in which they came.
    pub(super) riders: Vec<String>,
    pub(super) on_air: Option<OnAir>,
    /// The session whose place it takes.
    pub(super) replaces: Option<String>,
    /// The state that was told of it as the user's persistent connection.
    pub(super) told: Option<&'static str>,
    pub(super) reinvite: bool,
    /// True if the client may still end the association of this name that a re-invite replaced.
    pub(super) superseded: bool,
    /// The re-invite that waits for its answer.
    pub(super) unanswered: Option<Reinvite>,
    /// The differences of its far end from us.
    pub(super) untidy: Untidy,
    /// True if its far end took another's place under the same name.
    pub(super) replaced: bool,
    /// True while another offer of the far end that is there waits for its answer.
    pub(super) offering_again: bool,
    /// While the client must say nothing.
    pub(super) hush: Option<Hush>,
    pub(super) far: Option<FarEnd>,
    /// Its far end, where somebody outside is that.
    pub(super) external: Option<External>,
    /// The last report of the far end's media, once it is closed.
    pub(super) last_media: Value,
    pub(super) offer: String,
    pub(super) answer: String,
    /// True while an ICE restart of ours waits for the client's side.
    pub(super) restarting: bool,
    pub(super) early: Vec<String>,
    /// The id of the offer's IQ, until it is answered.
    pub(super) offer_iq: Option<String>,
    /// Candidates of ours that the client is not ready for.
    pub(super) untold: Vec<LocalCandidate>,
    candidates_from_client: u64,
}

impl Session {
    pub(super) fn new(
        id: String,
        user: String,
        conversation: String,
        peer: Jid,
        plan: Plan,
        now: Instant,
    ) -> Self {
        Self {
            id,
            user,
            riders: vec![conversation.clone()],
            conversation,
            peer,
            client: None,
            plan,
            phase: Phase::Proposed { repeat: now + REPEAT },
            shared: false,
            on_air: None,
            replaces: None,
            told: None,
            reinvite: false,
            superseded: false,
            unanswered: None,
            untidy: Untidy::default(),
            replaced: false,
            offering_again: false,
            hush: None,
            far: None,
            external: None,
            last_media: Value::Null,
            offer: String::new(),
            answer: String::new(),
            restarting: false,
            early: Vec::new(),
            offer_iq: None,
            untold: Vec::new(),
            candidates_from_client: 0,
        }
    }

    // Looking

    fn about(&self, mut data: Value) -> Value {
        data["conversationId"] = json!(self.conversation);
        data["userId"] = json!(self.user);
        data["sessionId"] = json!(self.id);
        data
    }

    pub(super) fn happened(&self, kind: &str, data: Value, world: &mut World) {
        world.base.happened(kind, self.about(data));
    }

    /// Returns true while its media is connected.
    pub(super) fn is_up(&self) -> bool {
        let connected = |far: &FarEnd| far.engine.state() == MediaState::Connected;
        self.phase == Phase::Active
            && (self.external.is_some() || self.far.as_ref().is_some_and(connected))
    }

    /// Returns true if its media will not come back.
    pub(super) fn is_dead(&self) -> bool {
        self.phase == Phase::Active
            && self.external.is_none()
            && self.far.as_ref().is_none_or(|far| {
                matches!(far.engine.state(), MediaState::Failed | MediaState::Closed)
            })
    }

    /// Returns true if its client is gone: nothing came on its path for long.
    pub(super) fn is_lost(&self) -> bool {
        self.phase == Phase::Active
            && self.far.as_ref().is_some_and(|far| far.engine.state() == MediaState::Failed)
    }

    /// Returns true if the client that took it may signal about it.
    pub(super) fn hears(&self, client: &Jid, to: Option<&Jid>) -> bool {
        let open = match self.phase {
            Phase::Proceeding | Phase::Offered | Phase::Active | Phase::Replaced => true,
            Phase::Proposed { .. } | Phase::Elsewhere | Phase::Over => false,
        };
        open && self.client.as_ref() == Some(client) && to == Some(&self.peer)
    }

    pub(super) fn seen(&self) -> Seen {
        let media = match (&self.far, &self.last_media) {
            (Some(far), _) => {
                let mut body = far.body();
                if let Some(hush) = &self.hush {
                    body["heardWhileHeld"] = json!(hush.broken);
                }
                if self.unanswered.is_some() {
                    body["unanswered"] = json!(true);
                }
                body
            }
            (None, Value::Null) => {
                let state = if self.external.is_some() { "external" } else { "new" };
                json!({"connectionState": state, "packetsReceived": 0, "packetsSent": 0})
            }
            (None, last) => last.clone(),
        };
        Seen {
            state: self.phase.name(),
            client: self.client.clone(),
            candidates_from_client: self.candidates_from_client,
            media,
            far: self.external.as_ref().map(External::body),
        }
    }

    // Before the offer

    pub(super) fn propose(&self, streams: &Streams, world: &mut World) {
        let propose = Propose {
            id: self.id.clone(),
            conversation_id: Some(self.conversation.clone()),
            persistent_conversation_id: None,
            sdp_over_xmpp: self.plan.signaling == Signaling::Sdp,
            auto_answer: self.plan.auto_answer,
            eager: self.plan.eager,
            original_room: Some(self.peer.to_string()),
            from_user_id: Some(self.user.clone()),
            meeting_id: None,
            media: vec!["audio".to_owned()],
        };
        self.tell_all(SessionMessage::Propose(propose), streams, world);
    }

    fn tell_all(&self, message: SessionMessage, streams: &Streams, world: &mut World) {
        let payload = Payload::Extension(Dialect::SessionMessage(message));
        streams.fan_out(&self.user, &self.peer, &payload, None, world);
    }

    /// A client takes it.
    pub(super) fn proceed(&mut self, client: Jid, world: &mut World) {
        if matches!(self.phase, Phase::Proposed { .. }) {
            self.client = Some(client);
            self.make_media(world);
        }
    }

    /// Media of ours; the offer follows once its sockets are there.
    pub(super) fn make_media(&mut self, world: &mut World) {
        self.phase = Phase::Proceeding;
        if self.external.is_some() {
            return;
        }
        let first = !self.reinvite && !self.replaced && self.replaces.is_none();
        self.untidy = match first {
            true => world.lots.first_far_end(self.plan.signaling),
            false => world.lots.far_end(self.plan.signaling),
        };
        self.offering_again = false;
        self.hush = None;
        let udp = world.base.open_media(&self.id);
        let mut config = EngineConfig::new(world.seed.child(&format!("{}/{}", self.id, udp.0)));
        config.codecs.clone_from(&world.options.codecs);
        let manners = world.factory.has_manners();
        let manner = if manners { world.lots.manner() } else { RtpManner::default() };
        let engine = world.factory.create(world.base.now, config, manner);
        self.far = Some(FarEnd::new(udp, engine));
    }

    // Offer and answer

    pub(super) fn signal(&self) -> Option<Signal> {
        Some(Signal {
            kind: self.plan.signaling,
            session: self.id.clone(),
            conversation: self.conversation.clone(),
            from: self.peer.clone(),
            to: self.client.clone()?,
        })
    }

    /// Our sockets are there: offer.
    pub(super) fn make_offer(
        &mut self,
        local: &[SocketAddr],
        streams: &Streams,
        world: &mut World,
    ) -> Step {
        let (Some(signal), Some(far)) = (self.signal(), &mut self.far) else { return Step::Goes };
        if self.phase != Phase::Proceeding {
            return Step::Goes;
        }
        let offer = match far.engine.create_offer(world.base.now, &[Wish::AUDIO]) {
            Ok(offer) => offer,
            Err(error) => {
                world.base.log(format!("no media: {error}"));
                return Step::Over(None);
            }
        };
        for address in local {
            let public = SocketAddr::new(
                if address.ip().is_unspecified() { world.public_ip } else { address.ip() },
                address.port(),
            );
            far.engine.add_local(world.base.now, &public.into(), LocalKind::Host);
        }
        far.engine.local_done(world.base.now);
        let words = far.drain(world.base.now);
        let candidates = std::mem::take(&mut far.candidates);
        if self.replaced && self.plan.signaling == Signaling::Jingle {
            self.offer_by_transport(&offer, candidates, streams, world);
            self.act(words, world);
            return Step::Goes;
        }
        let offer = self.untidy.describe(&offer);
        self.offer.clone_from(&offer);
        self.phase = Phase::Offered;
        let inline = if self.plan.trickle { &[][..] } else { &candidates[..] };
        let jingle = Signal { kind: Signaling::Jingle, ..signal.clone() };
        if self.plan.also_jingle == Some(AlsoJingle::Before) {
            offer_to(&jingle, &offer, inline, streams, world);
        }
        if self.reinvite {
            self.offer_until_answered(&offer, inline, true, streams, world);
        } else if self.replaced {
            self.offer_until_answered(&offer, inline, false, streams, world);
        } else {
            self.offer_iq = offer_to(&signal, &offer, inline, streams, world);
        }
        if self.plan.also_jingle == Some(AlsoJingle::After) {
            offer_to(&jingle, &offer, inline, streams, world);
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
        Step::Goes
    }

    /// Tells the client our candidates, one by one, and that there are no more.
    pub(super) fn trickle(&mut self, streams: &Streams, world: &mut World) {
        let candidates = self.untidy.trickled(std::mem::take(&mut self.untold));
        let Some(signal) = self.signal().filter(|_| !candidates.is_empty()) else { return };
        for candidate in &candidates {
            signal.candidate(&self.offer, candidate, streams, world);
        }
        signal.gathering_complete(&self.offer, streams, world);
    }

    /// Returns true if an IQ's reply is the client's to our offer.
    pub(super) fn is_offer_reply(&self, client: &Jid, iq: &str) -> bool {
        self.offer_iq.as_deref() == Some(iq) && self.client.as_ref() == Some(client)
    }

    pub(super) fn offer_replied(&mut self, reply: Value, world: &mut World) {
        self.offer_iq = None;
        if let Some(external) = self.external.as_mut().filter(|_| reply["reply"] == "error") {
            external.client_refused(&reply);
        }
        self.happened("offer-reply", reply, world);
    }

    fn answered(&mut self, answer: &str, streams: &Streams, world: &mut World) -> Step {
        if self.external.is_some() {
            return self.answered_outside(answer, streams, world);
        }
        if self.phase == Phase::Active && self.offering_again {
            return self.answered_again(answer, world);
        }
        if self.phase != Phase::Offered {
            return Step::Goes;
        }
        self.trickle(streams, world);
        if !self.reinvite && !self.replaced {
            // It may be that to an offer before, otherwise.
            self.look_at_answer(answer, world);
        }
        let Some(far) = &mut self.far else { return Step::Goes };
        if let Err(error) =
            far.engine.accept_answer(world.base.now, &self.untidy.understand(answer))
        {
            world.base.log(format!("an answer that cannot be used: {error}"));
            return Step::Over(Some(Reason::FailedApplication));
        }
        answer.clone_into(&mut self.answer);
        self.phase = Phase::Active;
        self.unanswered = None;
        self.listen(world);
        self.happened("answered", json!({}), world);
        Step::Answered
    }

    // Media

    pub(super) fn datagram(&mut self, packet: &Packet<'_>, world: &mut World) {
        if let Some(far) = &mut self.far {
            far.heard = Some(world.base.now);
            far.engine.handle_datagram(world.base.now, packet.local, packet.remote, packet.data);
            if let Some(hush) = &mut self.hush {
                hush.watch(world.base.now, far.engine.stats().packets_received);
            }
            self.listen(world);
        }
    }

    /// Returns the voice that the far end is to have.
    pub(super) fn voice(&self) -> Option<FarVoice> {
        let agreed = self.far.as_ref()?.engine.agreement()?;
        let Untidy { ptime, pauses, .. } = self.untidy;
        let speaks = agreed.direction.sends();
        Some(FarVoice { codec: agreed.codec, ptime, pauses, speaks, keys: agreed.keys })
    }

    pub(super) fn say(&mut self, frame: &offhook::media::AudioFrame, world: &mut World) {
        if let Some(far) = &mut self.far {
            far.say(world.base.now, frame);
            self.listen(world);
        }
    }

    pub(super) fn press(&mut self, digits: &[offhook::media::Digit], world: &mut World) {
        if let Some(far) = &mut self.far {
            // Where they cannot be pressed, they are not.
            let _ = far.engine.send_dtmf(world.base.now, digits, PRESS);
            self.listen(world);
        }
    }

    /// Takes what the far end's media has to say.
    pub(super) fn listen(&mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            let words = far.drain(world.base.now);
            self.act(words, world);
        }
    }

    pub(super) fn act(&mut self, words: Vec<Word>, world: &mut World) {
        let mut echoes = Vec::new();
        for word in words {
            match word {
                Word::Transmit { local, remote, data } => {
                    if let Some(far) = &self.far {
                        world.base.push(Output::Transmit { id: far.udp, local, remote, data });
                    }
                }
                Word::State(state) => {
                    let name = format!("{state:?}").to_lowercase();
                    self.happened("media-state", json!({"state": name}), world);
                }
                Word::Heard(frame) => {
                    let Some(on) = self.on_air.as_ref().filter(|on| on.heard) else { continue };
                    match on.mode {
                        FarEndMode::External => {
                            let conversation = on.conversation.clone();
                            world.base.push(Output::FarAudio { conversation, frame });
                        }
                        FarEndMode::Echo => echoes.push(frame),
                        FarEndMode::Prompt | FarEndMode::Silence => {}
                    }
                }
                Word::Key(digit) => {
                    let key = digit.as_char().to_string();
                    self.happened("dtmf", json!({"digit": key}), world);
                }
            }
        }
        for frame in &echoes {
            self.say(frame, world);
        }
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let repeat = match self.phase {
            Phase::Proposed { repeat } => Some(Wake { at: repeat, reason: "proposing" }),
            Phase::Proceeding
            | Phase::Offered
            | Phase::Active
            | Phase::Replaced
            | Phase::Elsewhere
            | Phase::Over => None,
        };
        let repeat = Wake::earliest(repeat, self.unanswered.as_ref().map(Reinvite::next_wake));
        let far = self.far.as_ref().and_then(|far| far.next_wake(self.mode()));
        Wake::earliest(far, repeat)
    }

    /// Returns the mode of the far end.
    fn mode(&self) -> FarEndMode {
        self.on_air.as_ref().map_or(FarEndMode::Silence, |on| on.mode)
    }

    /// Another call is heard on it, or none, or otherwise.
    pub(super) fn set_on_air(&mut self, on_air: Option<OnAir>, now: Instant) {
        let before = self.mode();
        if let Some(far) = &mut self.far {
            far.pass_time(now, before);
        }
        self.on_air = on_air;
    }

    pub(super) fn handle_timeout(&mut self, streams: &Streams, world: &mut World) -> Step {
        let now = world.base.now;
        if let Phase::Proposed { repeat } = self.phase
            && repeat <= now
        {
            self.phase = Phase::Proposed { repeat: now + REPEAT };
            self.propose(streams, world);
        }
        let mode = self.mode();
        if let Some(far) = &mut self.far
            && far.next_wake(mode).is_some_and(|wake| wake.at <= now)
        {
            far.handle_timeout(now, mode, &mut world.prompt);
            self.listen(world);
        }
        let forsaken = self.far.as_mut().is_some_and(|far| far.take_forsaken(now));
        if forsaken && self.phase == Phase::Active {
            self.happened("consent-expired", json!({}), world);
            world.base.log(format!("session {} is lost: its client is silent", self.id));
            return Step::Over(Some(Reason::Gone));
        }
        self.repeat_reinvite(streams, world)
    }
}

/// Offers. The IQ's id, if it was sent.
pub(super) fn offer_to(
    signal: &Signal,
    offer: &str,
    inline: &[LocalCandidate],
    streams: &Streams,
    world: &mut World,
) -> Option<String> {
    let payload = signal.offer(offer, inline, false, world)?;
    signal.send(payload, streams, world)
}
