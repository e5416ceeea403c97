//! The engine: negotiation, path and streams of one session.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use super::description::{Negotiated, audio_mid, check_offer, is_actpass, split_candidates};
use super::dtmf;
use super::receive::Incoming;
use super::send::Outgoing;
use crate::machine::Wake;
use crate::media::{
    AudioCodec, AudioFrame, Digit, Engine, EngineConfig, EngineEvent, EngineOutput, LocalCandidate,
    MediaError, MediaState, MediaStats,
};

/// A path that does not come (back) within this is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Remote candidates kept until they can be used; more are dropped.
pub(super) const MAX_EARLY: usize = 64;
/// str0m says "in a very long time" for "never".
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// Times in a row that str0m may want to be called again at once.
const MAX_TURNS: usize = 64;

/// How far the descriptions are.
#[derive(Debug)]
enum Negotiation {
    New,
    /// Our offer is out.
    Offered(SdpPendingOffer),
    /// The far side's offer is in; this is our answer to it.
    Answering(String),
    Done,
}

/// One session over str0m.
pub(super) struct WebRtc {
    rtc: Rtc,
    config: EngineConfig,
    now: Instant,
    negotiation: Negotiation,
    negotiated: Negotiated,
    mid: Option<Mid>,
    state: MediaState,
    /// Whether DTLS is through.
    secure: bool,
    /// When a path that is missing is given up.
    give_up: Option<Instant>,
    early: Vec<String>,
    /// Our addresses, to be told again after an ICE restart.
    local: Vec<Candidate>,
    gathered: bool,
    outgoing: Outgoing,
    incoming: Incoming,
    keys: Option<dtmf::Sender>,
    muted: bool,
    round_trip: Option<Duration>,
    remote_loss: Option<f32>,
    queue: VecDeque<EngineOutput>,
    rtc_wake: Option<Instant>,
}

impl WebRtc {
    pub(super) fn new(rtc: Rtc, config: EngineConfig, now: Instant) -> Self {
        let outgoing = Outgoing::new(&mut config.seed.child("rtp").rng());
        Self {
            rtc,
            config,
            now,
            negotiation: Negotiation::New,
            negotiated: Negotiated::default(),
            mid: None,
            state: MediaState::New,
            secure: false,
            give_up: None,
            early: Vec::new(),
            local: Vec::new(),
            gathered: false,
            outgoing,
            incoming: Incoming::default(),
            keys: None,
            muted: false,
            round_trip: None,
            remote_loss: None,
            queue: VecDeque::new(),
            rtc_wake: None,
        }
    }

    fn event(&mut self, event: EngineEvent) {
        self.queue.push_back(EngineOutput::Event(event));
    }

    fn enter(&mut self, state: MediaState) {
        let over = matches!(self.state, MediaState::Failed | MediaState::Closed);
        if self.state == state || over {
            return;
        }
        self.state = state;
        self.give_up = match state {
            MediaState::Connecting | MediaState::Disconnected => Some(self.now + PATIENCE),
            MediaState::New | MediaState::Connected | MediaState::Failed | MediaState::Closed => {
                None
            }
        };
        self.event(EngineEvent::State(state));
    }

    fn fail(&mut self, error: MediaError) {
        if !matches!(self.state, MediaState::Failed | MediaState::Closed) {
            self.event(EngineEvent::Failed(error));
            self.enter(MediaState::Failed);
            self.rtc.disconnect();
        }
    }

    /// Lets str0m act on a change, and takes all it has to say. What is written leaves only on a
    /// timeout, so there is one in every turn.
    fn turn(&mut self, now: Instant) {
        self.now = self.now.max(now);
        for _ in 0..MAX_TURNS {
            if let Err(error) = self.rtc.handle_input(Input::Timeout(self.now)) {
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
            match self.rtc.poll_output() {
                Ok(Output::Transmit(t)) => self.queue.push_back(EngineOutput::Transmit {
                    local: t.source,
                    remote: t.destination,
                    data: t.contents.to_vec(),
                }),
                Ok(Output::Event(event)) => self.handle_event(event),
                Ok(Output::Timeout(at)) => {
                    let alive = self.rtc.is_alive() && at < self.now + NEVER;
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

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.secure = true;
                self.enter(MediaState::Connected);
            }
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
            Event::RtpPacket(packet) => {
                let now = self.now;
                if let Some(event) = self.incoming.take(now, &packet, &self.negotiated) {
                    self.event(event);
                }
                self.release();
            }
            Event::PeerStats(stats) => {
                self.round_trip = stats.rtt.or(self.round_trip);
                self.remote_loss = stats.egress_loss_fraction.or(self.remote_loss);
            }
            Event::MediaEgressStats(stats) => {
                self.round_trip = self.round_trip.or(stats.rtt);
                self.remote_loss = stats.loss.or(self.remote_loss);
            }
            Event::Closed => self.enter(MediaState::Closed),
            _ => {}
        }
    }

    /// Gives out the frames whose turn it is.
    fn release(&mut self) {
        while let Some(frame) = self.incoming.pop(self.now) {
            self.event(EngineEvent::Audio(frame));
        }
    }

    fn write(&mut self, packet: RtpWrite) {
        if let Some(mid) = self.mid
            && let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None)
        {
            stream.write_rtp(packet);
        }
    }

    /// Sends the telephone-events that are due.
    fn press_keys(&mut self) {
        let Some(mut keys) = self.keys.take() else { return };
        let payload = self.send_codec().and_then(|codec| self.negotiated.event_type(codec));
        if let Some((clock, pt)) = payload {
            while let Some(event) = keys.poll(self.now) {
                let packet = self.outgoing.event(self.now, pt, clock, &event);
                self.write(packet);
                self.turn(self.now);
            }
        }
        self.keys = Some(keys);
    }

    /// Reads what was agreed on, and uses the candidates that came before.
    fn agreed(&mut self) -> Result<(), MediaError> {
        let mid = self.mid.ok_or(MediaError::NoCommonCodec)?;
        self.negotiated = Negotiated::read(&self.rtc, mid)?;
        for candidate in std::mem::take(&mut self.early) {
            // The caller was told of a bad one when it came.
            let _ = self.add_candidate(&candidate);
        }
        Ok(())
    }

    fn add_candidate(&mut self, line: &str) -> Result<(), MediaError> {
        if let Some(candidate) = parse_candidate(line)? {
            self.rtc.add_remote_candidate(candidate);
        }
        Ok(())
    }

    fn local_ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    fn tell_candidate(&mut self, candidate: &Candidate) {
        let ufrag = self.local_ufrag();
        self.event(EngineEvent::LocalCandidate(LocalCandidate {
            mid: self.mid.map(|mid| mid.to_string()),
            ufrag,
            candidate: candidate.to_sdp_string(),
        }));
    }

    fn tell_candidates_again(&mut self) {
        for candidate in std::mem::take(&mut self.local) {
            self.tell_candidate(&candidate);
            self.local.push(candidate);
        }
        if self.gathered {
            self.event(EngineEvent::GatheringComplete);
        }
    }

    /// An offer on a session that is up: a renegotiation, or an ICE restart where its credentials
    /// are new, after which our candidates are told again.
    fn accept_reoffer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        let (sdp, candidates) = split_candidates(offer);
        let offer = SdpOffer::from_sdp_string(&sdp).map_err(sdp_error)?;
        let before = self.local_ufrag();
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(sdp_error)?;
        self.negotiation = Negotiation::Answering(answer.to_sdp_string());
        self.agreed()?;
        if self.local_ufrag() != before {
            self.tell_candidates_again();
        }
        for candidate in candidates {
            // The caller was told of a bad one when it came.
            let _ = self.add_candidate(&candidate);
        }
        self.turn(now);
        Ok(())
    }

    fn can_take_candidates(&self) -> bool {
        matches!(self.negotiation, Negotiation::Answering(_) | Negotiation::Done)
    }
}

/// A candidate that ICE can use; none for the kinds that we skip.
fn parse_candidate(line: &str) -> Result<Option<Candidate>, MediaError> {
    let unreadable = || MediaError::Candidate(line.to_owned());
    let mut words = line.split_ascii_whitespace();
    if !words.next().is_some_and(|word| word.starts_with("candidate:")) {
        return Err(unreadable());
    }
    let protocol = words.nth(1).ok_or_else(unreadable)?;
    let address = words.nth(1).ok_or_else(unreadable)?;
    if !protocol.eq_ignore_ascii_case("udp") || address.ends_with(".local") {
        return Ok(None);
    }
    Candidate::from_sdp_string(line).map(Some).map_err(|_| unreadable())
}

fn sdp_error(error: impl std::fmt::Display) -> MediaError {
    MediaError::Sdp(error.to_string())
}

impl Engine for WebRtc {
    fn add_local_address(&mut self, now: Instant, address: SocketAddr) {
        if self.config.relay_only {
            return;
        }
        let Ok(candidate) = Candidate::host(address, "udp") else { return };
        let Some(added) = self.rtc.add_local_candidate(candidate).cloned() else { return };
        self.tell_candidate(&added);
        self.local.push(added);
        self.turn(now);
    }

    fn local_addresses_done(&mut self, now: Instant) {
        self.gathered = true;
        self.event(EngineEvent::GatheringComplete);
        self.turn(now);
    }

    fn create_offer(&mut self, now: Instant) -> Result<String, MediaError> {
        if !matches!(self.negotiation, Negotiation::New) {
            return Err(MediaError::State(self.state));
        }
        let mut sdp = self.rtc.sdp_api();
        let mid = sdp.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = sdp.apply().ok_or(MediaError::State(self.state))?;
        self.mid = Some(mid);
        self.negotiation = Negotiation::Offered(pending);
        self.turn(now);
        Ok(offer.to_sdp_string())
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        let pending = match std::mem::replace(&mut self.negotiation, Negotiation::Done) {
            Negotiation::Offered(pending) => pending,
            other => {
                self.negotiation = other;
                return Err(MediaError::State(self.state));
            }
        };
        let (answer, candidates) = split_candidates(answer);
        let answer = SdpAnswer::from_sdp_string(&answer).map_err(sdp_error)?;
        let before = self.local_ufrag();
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(sdp_error)?;
        self.turn(now);
        self.agreed()?;
        for candidate in candidates {
            let _ = self.add_candidate(&candidate);
        }
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        } else if self.local_ufrag() != before {
            self.tell_candidates_again();
        }
        self.turn(now);
        Ok(())
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        check_offer(offer)?;
        match self.negotiation {
            Negotiation::New => {}
            Negotiation::Done => return self.accept_reoffer(now, offer),
            Negotiation::Offered(_) | Negotiation::Answering(_) => {
                return Err(MediaError::State(self.state));
            }
        }
        let (sdp, candidates) = split_candidates(offer);
        let offer = SdpOffer::from_sdp_string(&sdp).map_err(sdp_error)?;
        if is_actpass(&sdp) {
            // Browsers answer `active`, and far sides rely on it; str0m would answer `passive`.
            self.rtc.direct_api().start_dtls(true).map_err(sdp_error)?;
        }
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(sdp_error)?;
        self.mid = audio_mid(&sdp);
        self.negotiation = Negotiation::Answering(answer.to_sdp_string());
        self.turn(now);
        self.agreed()?;
        for candidate in candidates {
            let _ = self.add_candidate(&candidate);
        }
        self.turn(now);
        Ok(())
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        match std::mem::replace(&mut self.negotiation, Negotiation::Done) {
            Negotiation::Answering(answer) => {
                self.now = self.now.max(now);
                if self.state == MediaState::New {
                    self.enter(MediaState::Connecting);
                }
                self.turn(now);
                Ok(answer)
            }
            other => {
                self.negotiation = other;
                Err(MediaError::State(self.state))
            }
        }
    }

    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError> {
        if self.can_take_candidates() {
            self.add_candidate(candidate)?;
            self.turn(now);
        } else if parse_candidate(candidate)?.is_some() && self.early.len() < MAX_EARLY {
            self.early.push(candidate.to_owned());
        }
        Ok(())
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        if !matches!(self.negotiation, Negotiation::Done) {
            return Err(MediaError::State(self.state));
        }
        let mut sdp = self.rtc.sdp_api();
        sdp.ice_restart(true);
        let (offer, pending) = sdp.apply().ok_or(MediaError::State(self.state))?;
        self.negotiation = Negotiation::Offered(pending);
        self.turn(now);
        Ok(offer.to_sdp_string())
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
        let input = Input::Receive(self.now, receive);
        if !self.rtc.is_alive() || !self.rtc.accepts(&input) {
            return;
        }
        if let Err(error) = self.rtc.handle_input(input) {
            self.fail(MediaError::Connection(error.to_string()));
        }
        if self.drain() {
            self.turn(now);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.turn(now);
        self.release();
        if self.give_up.is_some_and(|at| at <= self.now) {
            let what = if self.secure { "the path was lost" } else { "no path was found" };
            self.fail(MediaError::Connection(what.to_owned()));
        }
        self.press_keys();
    }

    fn send_audio(&mut self, now: Instant, frame: &AudioFrame) -> Result<(), MediaError> {
        if matches!(self.state, MediaState::Failed | MediaState::Closed) {
            return Err(MediaError::State(self.state));
        }
        let pt = self
            .negotiated
            .payload_type(frame.codec)
            .ok_or_else(|| MediaError::NotNegotiated(frame.codec.name()))?;
        if self.muted || self.state != MediaState::Connected {
            return Ok(());
        }
        self.now = self.now.max(now);
        let packet = self.outgoing.audio(self.now, pt, frame);
        self.write(packet);
        self.turn(now);
        Ok(())
    }

    fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
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
        let codec = self.send_codec().ok_or(MediaError::NotNegotiated("audio"))?;
        let (clock, _) = self
            .negotiated
            .event_type(codec)
            .ok_or(MediaError::NotNegotiated("telephone-event"))?;
        self.keys.get_or_insert_with(|| dtmf::Sender::new(clock)).queue(digits, duration)?;
        self.now = self.now.max(now);
        self.press_keys();
        Ok(())
    }

    fn send_codec(&self) -> Option<AudioCodec> {
        self.negotiated.codecs.first().map(|(codec, _)| *codec)
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        MediaStats {
            packets_sent: self.outgoing.packets,
            bytes_sent: self.outgoing.bytes,
            packets_received: self.incoming.packets,
            bytes_received: self.incoming.bytes,
            packets_lost: self.incoming.lost(),
            jitter: self.incoming.jitter(),
            round_trip: self.round_trip,
            remote_loss: self.remote_loss,
        }
    }

    fn close(&mut self, now: Instant) {
        if !matches!(self.state, MediaState::Failed | MediaState::Closed) {
            // Refused when there is nothing to say goodbye to.
            let _ = self.rtc.close();
            self.turn(now);
            self.enter(MediaState::Closed);
        }
        self.rtc.disconnect();
        self.rtc_wake = None;
    }

    fn poll_output(&mut self) -> EngineOutput {
        if let Some(output) = self.queue.pop_front() {
            return output;
        }
        let wake = |at: Option<Instant>, reason| at.map(|at| Wake { at, reason });
        let keys = self.keys.as_ref().and_then(dtmf::Sender::next_wake);
        let media = Wake::earliest(
            wake(self.rtc_wake, "ICE, DTLS and RTCP"),
            wake(self.incoming.next_wake(), "a gap in the audio"),
        );
        let own = Wake::earliest(wake(self.give_up, "lost path limit"), wake(keys, "DTMF"));
        EngineOutput::Timeout(Wake::earliest(media, own))
    }
}
