//! The engine: negotiation, path and streams of one session.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpPendingOffer;
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output};

use super::association::{Association, Ingredients, pt};
use super::dtmf;
use super::path::{OurAddress, Path};
use super::receive::{Datagram, Incoming};
use super::send::Outgoing;
use crate::machine::Wake;
use crate::media::negotiation::{self, Payloads, RemoteAudio, Renewal};
use crate::media::rtp::{Format, Header, Held, Verdict};
use crate::media::{
    Agreement, AudioCodec, AudioFrame, Backlog, Digit, Engine, EngineConfig, EngineEvent,
    EngineOutput, Frame, Local, LocalCandidate, LocalKind, MediaError, MediaKind, MediaState,
    MediaStats, Track, TrackInfo, Wish,
};
use crate::sdp::candidate;
use crate::sdp::{Description, Direction};

/// str0m says "in a very long time" for "never".
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// Times in a row that str0m may want to be called again at once.
const MAX_TURNS: usize = 64;
/// The name of the section that we offer.
const OUR_MID: &str = "0";

/// How far the descriptions are.
enum Negotiation {
    New,
    /// Our offer is out.
    Offered(Offered),
    /// The far side's offer is in, and in force; it waits for its answer.
    Answering {
        offer: String,
        /// Whether it is the first: candidates are told after its answer, not in it.
        first: bool,
    },
    Done,
}

/// An offer of ours.
struct Offered {
    payloads: Payloads,
    /// What the transport has to do with it: nothing for a renegotiation.
    pending: Option<SdpPendingOffer>,
    /// The credentials in it.
    credentials: IceCreds,
}

/// One session over str0m.
pub(super) struct WebRtc {
    ingredients: Ingredients,
    association: Option<Association>,
    /// How many there were.
    associations: u32,
    config: EngineConfig,
    now: Instant,
    negotiation: Negotiation,
    /// The number of our descriptions, and the version of the last.
    session: (u64, u64),
    /// The direction that we want.
    wanted: Direction,
    /// The far side's description in force.
    agreed: Option<RemoteAudio>,
    /// What was told of that.
    told: Option<Agreement>,
    state: MediaState,
    /// Whether DTLS is through.
    secure: bool,
    /// When a path that is missing is given up.
    give_up: Option<Instant>,
    path: Path,
    outgoing: Outgoing,
    incoming: Incoming,
    backlog: Backlog,
    keys: dtmf::Sender,
    muted: bool,
    round_trip: Option<Duration>,
    remote_loss: Option<f32>,
    queue: VecDeque<EngineOutput>,
    rtc_wake: Option<Instant>,
}

impl WebRtc {
    pub(super) fn new(ingredients: Ingredients, config: EngineConfig, now: Instant) -> Self {
        let mut rng = config.seed.child("rtp").rng();
        let outgoing = Outgoing::new(&mut rng);
        // Positive as a signed number, which some far ends read it as (RFC 8829 section 5.2.1).
        let session = (config.seed.child("sdp").rng().next_u64() >> 1, 0);
        let incoming = Incoming::new(config.reorder);
        Self {
            ingredients,
            association: None,
            associations: 0,
            config,
            now,
            negotiation: Negotiation::New,
            session,
            wanted: Direction::SendRecv,
            agreed: None,
            told: None,
            state: MediaState::New,
            secure: false,
            give_up: None,
            path: Path::default(),
            outgoing,
            incoming,
            backlog: Backlog::default(),
            keys: dtmf::Sender::default(),
            muted: false,
            round_trip: None,
            remote_loss: None,
            queue: VecDeque::new(),
            rtc_wake: None,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, MediaState::Failed | MediaState::Closed)
    }

    fn event(&mut self, event: EngineEvent) {
        self.queue.push_back(EngineOutput::Event(event));
    }

    fn enter(&mut self, state: MediaState) {
        if self.state == state || self.is_over() {
            return;
        }
        self.state = state;
        self.give_up = match state {
            MediaState::Connecting | MediaState::Disconnected => {
                Some(self.now + self.config.path_limit)
            }
            MediaState::New | MediaState::Connected | MediaState::Failed | MediaState::Closed => {
                None
            }
        };
        if self.is_over() {
            self.backlog.clear();
        }
        self.event(EngineEvent::State(state));
    }

    fn fail(&mut self, error: MediaError) {
        if !self.is_over() {
            self.event(EngineEvent::Failed(error));
            self.enter(MediaState::Failed);
            if let Some(association) = &mut self.association {
                association.rtc.disconnect();
            }
        }
    }

    /// Lets str0m act on a change, and takes all it has to say. What is written leaves only on a
    /// timeout, so there is one in every turn.
    fn turn(&mut self, now: Instant) {
        self.now = self.now.max(now);
        for _ in 0..MAX_TURNS {
            let Some(association) = &mut self.association else { return };
            if let Err(error) = association.rtc.handle_input(Input::Timeout(self.now)) {
                self.fail(MediaError::Connection(error.to_string()));
            }
            if !self.drain() {
                return;
            }
        }
    }

    /// True when str0m wants to be called again at once.
    fn drain(&mut self) -> bool {
        loop {
            let Some(association) = &mut self.association else { return false };
            match association.rtc.poll_output() {
                // str0m goes on by the last way that it knew.
                Ok(Output::Transmit(t)) if !self.path.leads_by(t.source) => {}
                Ok(Output::Transmit(t)) => self.queue.push_back(EngineOutput::Transmit {
                    local: t.source,
                    remote: t.destination,
                    data: t.contents.to_vec(),
                }),
                Ok(Output::Event(event)) => self.handle_event(event),
                Ok(Output::Timeout(at)) => {
                    let alive = association.rtc.is_alive() && at < self.now + NEVER;
                    self.rtc_wake = alive.then_some(at);
                    return alive && at <= self.now;
                }
                Err(error) => {
                    self.rtc_wake = None;
                    self.fail(MediaError::Connection(error.to_string()));
                    return false;
                }
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are of no use here")]
    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Connected => self.secured(),
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::New => {}
                IceConnectionState::Checking => self.enter(MediaState::Connecting),
                IceConnectionState::Connected | IceConnectionState::Completed => {
                    if self.secure {
                        self.enter(MediaState::Connected);
                    }
                }
                IceConnectionState::Disconnected => self.enter(MediaState::Disconnected),
            },
            Event::RtpPacket(packet) if self.secure => {
                if let (Some(agreed), Some(association)) = (&self.agreed, &mut self.association)
                    && let Some(gone) = self.incoming.take(&packet, &agreed.payloads)
                {
                    association.rtc.direct_api().remove_stream_rx(gone);
                }
                self.release();
            }
            Event::PeerStats(stats) => {
                // By ICE: RTCP's is rounded by a clock that no seed decides.
                let pair = stats.selected_candidate_pair;
                let measured = pair.and_then(|pair| pair.current_round_trip_time);
                self.round_trip = measured.or(self.round_trip);
                self.remote_loss = stats.egress_loss_fraction.or(self.remote_loss);
            }
            Event::MediaEgressStats(stats) => {
                self.remote_loss = stats.loss.or(self.remote_loss);
            }
            Event::Closed => self.enter(MediaState::Closed),
            _ => {}
        }
    }

    /// The handshake is through: whoever presented a certificate that was not announced is not the
    /// far side (RFC 8842 section 5.5).
    fn secured(&mut self) {
        let presented = self.association.as_mut().and_then(Association::presented);
        let announced = self.agreed.as_ref().is_some_and(|agreed| {
            presented.is_some_and(|presented| agreed.fingerprints.contains(&presented))
        });
        if announced {
            self.secure = true;
            self.enter(MediaState::Connected);
            self.say_backlog();
        } else {
            let text = "the far side's certificate is not the one that it announced";
            self.fail(MediaError::Connection(text.to_owned()));
        }
    }

    /// Gives out what was heard, if it is its turn; nothing while the far side is not to be heard.
    fn release(&mut self) {
        let receives = self.direction().receives();
        while let Some(heard) = self.incoming.receiver.pop(self.now) {
            if receives {
                self.event(heard.into());
            }
        }
    }

    /// A datagram of RTP, by its clear header.
    fn handle_rtp(&mut self, header: Header, datagram: &Datagram<&[u8]>) {
        let format = self.format(header.payload_type);
        let judged = self.incoming.probation.judge(&header, format);
        // Before it is secure, nothing is authentic. The first words may be before the keys.
        let known = self.secure || format == Format::Unused;
        let verdict = if known { judged } else { Verdict::Wait };
        match verdict {
            Verdict::Pass => self.feed(self.now, datagram),
            Verdict::Wait => self.incoming.probation.hold(self.now, header, datagram.kept()),
            Verdict::Anew => {
                self.incoming.probation.hold(self.now, header, datagram.kept());
                for held in self.incoming.probation.release(&header) {
                    self.admit(&held);
                }
                // Forged: as if it had never been.
                if !self.incoming.probation.knows(header.ssrc) {
                    self.forget_source(header.ssrc);
                }
            }
            Verdict::Refuse => {}
        }
    }

    /// Lets a packet in that had to wait.
    fn admit(&mut self, held: &Held<Datagram>) {
        let ssrc = held.header.ssrc;
        let datagram = held.item.borrowed();
        if !self.association.as_mut().is_some_and(|association| association.expect(ssrc, None)) {
            return;
        }
        let (index, turn) =
            (self.incoming.probation.index(ssrc), self.incoming.other_turn(&held.header));
        self.feed(held.arrived, &datagram);
        if let Some(turn) = turn
            && self.incoming.probation.index(ssrc) == index
        {
            if let Some(association) = &mut self.association {
                association.expect(ssrc, Some(turn));
            }
            self.feed(held.arrived, &datagram);
        }
    }

    /// Gives str0m a datagram.
    fn feed(&mut self, arrived: Instant, datagram: &Datagram<&[u8]>) {
        let Datagram { local, remote, data } = *datagram;
        let Ok(receive) = Receive::new(Protocol::Udp, remote, local, data) else { return };
        let Some(association) = &mut self.association else { return };
        if let Err(error) = association.rtc.handle_input(Input::Receive(arrived, receive)) {
            self.fail(MediaError::Connection(error.to_string()));
        }
        if self.drain() {
            self.turn(self.now);
        }
    }

    fn write(&mut self, packet: RtpWrite) {
        if let Some(association) = &mut self.association {
            association.write(packet);
        }
    }

    /// Writes a packet of a source, or of our own, once there is somebody who can read it.
    pub(super) fn write_raw(
        &mut self,
        now: Instant,
        ssrc: Option<u32>,
        packet: RtpWrite,
    ) -> Result<(), MediaError> {
        let secure = self.secure && !self.is_over();
        let Some(association) = self.association.as_mut().filter(|_| secure) else {
            return Err(MediaError::State(self.state));
        };
        association.write_raw(ssrc, packet);
        self.turn(now);
        Ok(())
    }

    /// Sends the telephone-events that are due. They wait while the far side holds.
    fn press_keys(&mut self) {
        if !self.direction().sends() {
            return;
        }
        let Some(codec) = self.stream_codec() else { return };
        let Some((clock, number)) = self.event_type(codec) else { return };
        while let Some(event) = self.keys.poll(self.now, clock) {
            let packet = self.outgoing.event(self.now, pt(number), codec, &event);
            self.write(packet);
            self.turn(self.now);
        }
    }

    /// The codec of what we send: the one that was sent last, as long as it may be.
    fn stream_codec(&self) -> Option<AudioCodec> {
        let payloads = &self.agreed.as_ref()?.payloads;
        let sent = self.outgoing.codec().filter(|codec| payloads.payload_type(*codec).is_some());
        sent.or_else(|| self.send_codec())
    }

    /// Sends what was said before there was a way to send it.
    fn say_backlog(&mut self) {
        if !self.secure {
            return;
        }
        if self.muted || !self.direction().sends() {
            self.backlog.clear();
        }
        while let Some(frame) = self.backlog.pop(self.now) {
            self.say(&frame);
        }
    }

    fn say(&mut self, frame: &AudioFrame) {
        let payloads = self.agreed.as_ref().map(|agreed| &agreed.payloads);
        // Another codec may have been agreed on since.
        let Some(number) = payloads.and_then(|p| p.payload_type(frame.codec)) else { return };
        let packet = self.outgoing.audio(self.now, pt(number), frame);
        self.write(packet);
        self.turn(self.now);
    }

    /// The direction agreed on, as we see it.
    fn direction(&self) -> Direction {
        self.agreed
            .as_ref()
            .map_or(Direction::Inactive, |agreed| agreed.direction.reversed().and(self.wanted))
    }

    fn event_type(&self, codec: AudioCodec) -> Option<(u32, u8)> {
        self.agreed.as_ref()?.payloads.event_type(codec)
    }

    /// What a payload type stands for.
    fn format(&self, number: u8) -> Format {
        self.agreed.as_ref().map_or(Format::Unused, |agreed| agreed.payloads.format(number))
    }

    fn forget_source(&mut self, ssrc: u32) {
        if let Some(association) = &mut self.association {
            association.rtc.direct_api().remove_stream_rx(ssrc.into());
        }
    }

    /// A far side's description is in force; what came before it can be used.
    fn agree(&mut self, audio: RemoteAudio) {
        if self.agreed.as_ref().is_some_and(|agreed| agreed.ufrag != audio.ufrag) {
            self.path.renew();
        }
        let candidates = audio.candidates.clone();
        self.agreed = Some(audio);
        for candidate in self.path.take_early().into_iter().chain(candidates) {
            self.add_candidates(&candidate);
        }
    }

    fn tell_agreement(&mut self) {
        let agreement = self.agreement();
        if self.told != agreement {
            self.told = agreement;
            if let Some(agreement) = agreement {
                self.event(EngineEvent::Agreed(agreement));
            }
        }
    }

    /// Takes the candidates of a text that ICE can use, as long as there are not too many.
    fn add_candidates(&mut self, text: &str) {
        let Some(association) = &mut self.association else { return };
        for line in self.path.admit(text) {
            if let Ok(candidate) = Candidate::from_sdp_string(&line) {
                association.rtc.add_remote_candidate(candidate);
            }
        }
    }

    /// What a far side's description changes of the one in force, if there is one.
    fn change(&mut self, audio: &RemoteAudio) -> Option<Renewal> {
        let agreed = self.agreed.as_ref()?;
        let association = self.association.as_mut()?;
        let verified = if self.secure { association.presented() } else { None };
        Some(audio.change(agreed, verified.as_ref(), association.setup()))
    }

    fn ufrag(&mut self) -> Option<String> {
        Some(self.association.as_mut()?.credentials().ufrag)
    }

    /// Makes one of our addresses a candidate, if it is none yet, and tells it.
    fn tell_candidate(&mut self, ours: &OurAddress) {
        let Some(association) = &mut self.association else { return };
        let Some(line) = association.candidate(ours) else { return };
        let ufrag = association.credentials().ufrag;
        let mid = self.agreed.as_ref().and_then(|agreed| agreed.mid.clone());
        let candidate = format!("{line} ufrag {ufrag}");
        self.event(EngineEvent::LocalCandidate(LocalCandidate { mid, ufrag, candidate }));
    }

    fn tell_candidates(&mut self) {
        let ours: Vec<_> = self.path.ours().cloned().collect();
        for ours in ours {
            self.tell_candidate(&ours);
        }
        if self.path.gathered {
            self.event(EngineEvent::GatheringComplete);
        }
    }

    /// Begins anew with another far end (RFC 8842 section 4), by the
    /// credentials that our own description of it tells, if there is one already.
    fn associate(&mut self, payloads: &Payloads, credentials: Option<IceCreds>) -> Association {
        self.associations += 1;
        let seed = self.config.seed.child(&format!("str0m {}", self.associations));
        let mut association = Association::new(self.now, &self.ingredients, payloads, seed);
        if let Some(credentials) = credentials {
            association.set_credentials(credentials);
        }
        association
    }

    /// Puts an association in force, in place of the one that there was.
    fn install(&mut self, association: Association) {
        if self.association.replace(association).is_some() {
            self.path.renew();
            self.secure = false;
            // SRTP counts from the beginning.
            self.outgoing.restart();
            self.incoming.restart();
            self.enter(MediaState::Connecting);
        }
    }

    /// The next description of ours.
    fn describe(&mut self, offers: bool) -> Option<negotiation::Transport> {
        self.session.1 += 1;
        let (session, version) = self.session;
        Some(self.association.as_mut()?.transport(session, version, offers))
    }

    fn our_offer(&mut self, offered: Offered) -> Result<String, MediaError> {
        let mut transport = self.describe(true).ok_or(MediaError::State(self.state))?;
        transport.ufrag.clone_from(&offered.credentials.ufrag);
        transport.pwd = crate::Secret::new(offered.credentials.pass.clone());
        let mid = self.agreed.as_ref().and_then(|agreed| agreed.mid.clone());
        let mid = mid.as_deref().unwrap_or(OUR_MID);
        let offer = negotiation::offer(&offered.payloads, mid, self.wanted, &transport);
        self.negotiation = Negotiation::Offered(offered);
        self.turn(self.now);
        Ok(offer)
    }
}

impl Engine for WebRtc {
    fn add_local(&mut self, now: Instant, local: &Local, kind: LocalKind) {
        let relayed = matches!(kind, LocalKind::Relayed { .. });
        if self.config.relay_only && !relayed {
            return;
        }
        let ours = OurAddress { local: local.clone(), kind };
        if let Some(ours) = self.path.add(ours).cloned() {
            self.tell_candidate(&ours);
            self.turn(now);
        }
    }

    fn remove_local(&mut self, now: Instant, address: SocketAddr) {
        let gone = self.path.remove(address);
        if let Some(association) = &mut self.association {
            gone.iter().for_each(|ours| association.withdraw(ours));
        }
        if !gone.is_empty() {
            self.turn(now);
        }
    }

    fn local_done(&mut self, now: Instant) {
        self.path.gathered = true;
        if self.association.is_some() {
            self.event(EngineEvent::GatheringComplete);
        }
        self.turn(now);
    }

    fn create_offer(&mut self, now: Instant, wishes: &[Wish]) -> Result<String, MediaError> {
        self.now = self.now.max(now);
        let payloads = match (&self.negotiation, &self.agreed) {
            _ if self.is_over() => return Err(MediaError::State(self.state)),
            (Negotiation::New, _) => {
                let [Wish { kind: MediaKind::Audio, direction }] = wishes else {
                    return Err(MediaError::NotYet("other tracks than one of audio"));
                };
                self.wanted = *direction;
                Payloads::ours(&self.config.codecs)
            }
            (Negotiation::Done, Some(agreed)) if wishes.is_empty() => agreed.payloads.clone(),
            _ => return Err(MediaError::State(self.state)),
        };
        let pending = match self.association {
            Some(_) => None,
            None => {
                let mut association = self.associate(&payloads, None);
                let pending = association.offer()?;
                self.install(association);
                self.tell_candidates();
                Some(pending)
            }
        };
        let credentials = self.association.as_mut().map(Association::credentials);
        let credentials = credentials.ok_or(MediaError::State(self.state))?;
        self.our_offer(Offered { payloads, pending, credentials })
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.now = self.now.max(now);
        let Negotiation::Offered(offered) = &self.negotiation else {
            return Err(MediaError::State(self.state));
        };
        let description = Description::read(answer)?;
        let audio = RemoteAudio::read_answer(&description, &offered.payloads)?;
        let Negotiation::Offered(Offered { payloads, pending, credentials }) =
            std::mem::replace(&mut self.negotiation, Negotiation::Done)
        else {
            return Err(MediaError::State(self.state));
        };
        let before = self.ufrag();
        match self.change(&audio) {
            Some(Renewal::Association) => {
                let mut association = self.associate(&payloads, Some(credentials));
                let pending = association.offer()?;
                association.accept_answer(pending, &audio)?;
                self.install(association);
                self.tell_candidates();
            }
            _ => {
                if let (Some(pending), Some(association)) = (pending, &mut self.association) {
                    association.accept_answer(pending, &audio)?;
                }
                if self.agreed.is_some() && self.ufrag() != before {
                    self.tell_candidates();
                }
            }
        }
        self.agree(audio);
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        self.tell_agreement();
        self.turn(now);
        Ok(())
    }

    fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        if self.is_over() || !matches!(self.negotiation, Negotiation::Offered(_)) {
            return Err(MediaError::State(self.state));
        }
        // What str0m was asked for comes into force with its answer, and so never.
        self.negotiation = if self.agreed.is_some() {
            Negotiation::Done
        } else {
            self.association = None;
            self.rtc_wake = None;
            self.wanted = Direction::SendRecv;
            self.enter(MediaState::New);
            Negotiation::New
        };
        self.turn(now);
        Ok(())
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.now = self.now.max(now);
        match self.negotiation {
            _ if self.is_over() => return Err(MediaError::State(self.state)),
            // An offer that nobody answered yet gives way to the next one.
            Negotiation::New | Negotiation::Answering { .. } | Negotiation::Done => {}
            Negotiation::Offered(_) => return Err(MediaError::State(self.state)),
        }
        let audio = RemoteAudio::read(&Description::read(offer)?, &self.config.codecs)?;
        let first = match self.negotiation {
            Negotiation::Answering { first, .. } => first,
            Negotiation::New | Negotiation::Offered(_) | Negotiation::Done => self.agreed.is_none(),
        };
        let before = self.ufrag();
        let change = self.change(&audio).unwrap_or(Renewal::Association);
        match (change, &mut self.association) {
            (Renewal::Nothing, _) => {}
            (Renewal::IceRestart, Some(association)) => association.accept_offer(&audio)?,
            (Renewal::Association | Renewal::IceRestart, _) => {
                // Where only the certificate is new, ours stay as they are, too.
                let same = self.agreed.as_ref().is_some_and(|agreed| agreed.ufrag == audio.ufrag);
                let credentials = self.association.as_mut().map(Association::credentials);
                let mut association = self.associate(&audio.payloads, credentials.filter(|_| same));
                association.accept_offer(&audio)?;
                self.install(association);
            }
        }
        self.agree(audio);
        if change == Renewal::Association || self.ufrag() != before {
            self.tell_candidates();
        }
        self.negotiation = Negotiation::Answering { offer: offer.to_owned(), first };
        self.turn(now);
        Ok(())
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = self.now.max(now);
        let Negotiation::Answering { offer, first } = &self.negotiation else {
            return Err(MediaError::State(self.state));
        };
        let (offer, first) = (offer.clone(), *first);
        let description = Description::read(&offer)?;
        let direction = self.direction();
        let mut transport = self.describe(false).ok_or(MediaError::State(self.state))?;
        if first {
            transport.candidates.clear();
        }
        let audio = self.agreed.as_ref().ok_or(MediaError::State(self.state))?;
        let answer = negotiation::answer(&description, audio, direction, &transport);
        self.negotiation = Negotiation::Done;
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        self.tell_agreement();
        self.turn(now);
        Ok(answer)
    }

    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError> {
        let fragment = candidate::Candidate::read_all(candidate);
        match fragment.skipped {
            Some((_, error)) if fragment.candidates.is_empty() => {
                return Err(MediaError::Candidate(error.to_string()));
            }
            None if fragment.candidates.is_empty() && !fragment.end => {
                return Err(MediaError::Candidate("no candidate".to_owned()));
            }
            Some(_) | None => {}
        }
        if self.agreed.is_some() {
            self.add_candidates(candidate);
            self.turn(now);
        } else {
            self.path.keep(fragment.candidates.into_iter().map(|(_, candidate)| candidate));
        }
        Ok(())
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = self.now.max(now);
        let over = self.is_over();
        let (Negotiation::Done, Some(agreed), Some(association), false) =
            (&self.negotiation, &self.agreed, &mut self.association, over)
        else {
            return Err(MediaError::State(self.state));
        };
        let payloads = agreed.payloads.clone();
        let (credentials, pending) = association.restart()?;
        self.our_offer(Offered { payloads, pending: Some(pending), credentials })
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) {
        self.now = self.now.max(now);
        // Neither STUN nor DTLS nor RTP: somebody else's.
        let Ok(receive) = Receive::new(Protocol::Udp, remote, local, data) else { return };
        if !self.path.leads_by(local) {
            return;
        }
        let accepts = self.association.as_ref().is_some_and(|association| {
            let input = Input::Receive(self.now, receive);
            association.rtc.is_alive() && association.rtc.accepts(&input)
        });
        if !accepts {
            return;
        }
        let datagram = Datagram { local, remote, data };
        match Header::read(data) {
            Some(header) => self.handle_rtp(header, &datagram),
            None => self.feed(self.now, &datagram),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.turn(now);
        while let Some(held) = self.incoming.probation.due(self.now) {
            self.admit(&held);
        }
        self.release();
        if self.give_up.is_some_and(|at| at <= self.now) {
            let what = if self.secure { "the path was lost" } else { "no path was found" };
            self.fail(MediaError::Connection(what.to_owned()));
        }
        self.press_keys();
        self.say_backlog();
    }

    fn send(&mut self, now: Instant, track: Track, frame: &Frame) -> Result<(), MediaError> {
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        let frame = match frame {
            Frame::Audio(frame) if track == Track::AUDIO => frame,
            Frame::Audio(_) | Frame::Video(_) => {
                return Err(MediaError::NotNegotiated(frame.codec_name()));
            }
        };
        let payloads = self.agreed.as_ref().map(|agreed| &agreed.payloads);
        if payloads.and_then(|payloads| payloads.payload_type(frame.codec)).is_none() {
            return Err(MediaError::NotNegotiated(frame.codec.name()));
        }
        if self.muted || !self.direction().sends() {
            return Ok(());
        }
        self.now = self.now.max(now);
        // What was secured once may reach the far side again before the path is known to lead there.
        if !self.secure || !self.backlog.is_empty() {
            self.backlog.push(frame.clone())?;
            self.say_backlog();
            return Ok(());
        }
        self.say(frame);
        Ok(())
    }

    fn set_muted(&mut self, _: Track, muted: bool) {
        self.muted = muted;
        if muted {
            self.backlog.clear();
        }
    }

    fn send_dtmf(
        &mut self,
        now: Instant,
        digits: &[Digit],
        duration: Duration,
    ) -> Result<(), MediaError> {
        if self.state != MediaState::Connected {
            return Err(MediaError::State(self.state));
        }
        if !self.direction().sends() {
            return Err(MediaError::Held);
        }
        let codec = self.stream_codec().ok_or(MediaError::NotNegotiated("audio"))?;
        if self.event_type(codec).is_none() {
            return Err(MediaError::NotNegotiated("telephone-event"));
        }
        self.keys.queue(digits, duration)?;
        self.now = self.now.max(now);
        self.press_keys();
        Ok(())
    }

    fn set_direction(&mut self, _: Track, direction: Direction) {
        self.wanted = direction;
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        let mid = || self.agreed.as_ref().and_then(|agreed| agreed.mid.clone());
        let terms = self.agreement();
        terms.map(|terms| TrackInfo::audio(mid(), &terms)).into_iter().collect()
    }

    fn agreement(&self) -> Option<Agreement> {
        let payloads = &self.agreed.as_ref()?.payloads;
        let (codec, _) = *payloads.codecs.first()?;
        let keys = payloads.event_type(codec).is_some();
        let codecs = payloads.codecs.iter().map(|(codec, _)| *codec).collect();
        Some(Agreement { direction: self.direction(), codec, codecs, keys })
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        MediaStats {
            packets_sent: self.outgoing.packets,
            bytes_sent: self.outgoing.bytes,
            packets_received: self.incoming.receiver.packets(),
            bytes_received: self.incoming.receiver.bytes(),
            packets_lost: self.incoming.receiver.lost(),
            jitter: self.incoming.receiver.jitter(),
            round_trip: self.round_trip,
            remote_loss: self.remote_loss,
        }
    }

    fn close(&mut self, now: Instant) {
        if !self.is_over() {
            if let Some(association) = &mut self.association {
                // Refused when there is nothing to say goodbye to.
                let _ = association.rtc.close();
            }
            self.turn(now);
            self.enter(MediaState::Closed);
        }
        if let Some(association) = &mut self.association {
            association.rtc.disconnect();
        }
        self.rtc_wake = None;
    }

    fn poll_output(&mut self) -> EngineOutput {
        if let Some(output) = self.queue.pop_front() {
            return output;
        }
        let wake = |at: Option<Instant>, reason| at.map(|at| Wake { at, reason });
        let backlog = self.secure.then(|| self.backlog.next_wake(self.now)).flatten();
        let keys = self.direction().sends().then(|| self.keys.next_wake()).flatten();
        let wakes = [
            wake(self.rtc_wake, "ICE, DTLS and RTCP"),
            wake(self.incoming.probation.next_wake(), "a jump in the audio"),
            wake(self.incoming.receiver.next_wake(), "a gap in the audio"),
            wake(self.give_up, "lost path limit"),
            wake(keys, "DTMF"),
            wake(backlog, "what was said before media"),
        ];
        EngineOutput::Timeout(wakes.into_iter().fold(None, Wake::earliest))
    }
}
