//! The model media engine: offers, answers, a path, frames, keys and figures, without
//! cryptography; cheap enough for thousands of calls.
//!
//! It speaks real session descriptions, so that both signalings carry them as they are, and
//! datagrams of its own ([`packet`]). Timing follows the real engine's: a path is probed every
//! 250 ms, looked after every five seconds, missed after twelve and given up after thirty.

mod description;
mod packet;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Rng;
use offhook::machine::Wake;
use offhook::media::{
    AudioCodec, AudioFrame, Digit, Engine, EngineConfig, EngineEvent, EngineFactory, EngineOutput,
    LocalCandidate, MediaError, MediaState, MediaStats,
};

use self::description::{Description, candidate_address, candidate_line};
use self::packet::Packet;

/// Between probes while there is no path.
const PROBE: Duration = Duration::from_millis(250);
/// Between probes of a path that went quiet.
const SEARCH: Duration = Duration::from_secs(1);
/// Between probes of a good path.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// Silence after which the path is missed.
const MISSED: Duration = Duration::from_secs(12);
/// After that long without a path it is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Remote addresses tried; more are ignored.
const MAX_REMOTE: usize = 32;
/// Digits waiting at once.
const MAX_DIGITS: usize = 64;
/// Copies of a key's datagram, since any may get lost.
const COPIES: usize = 3;

/// Makes model engines.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelFactory;

impl EngineFactory for ModelFactory {
    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine> {
        Box::new(Model::new(now, config))
    }
}

/// How far the descriptions are.
#[derive(Clone, Debug, PartialEq)]
enum Negotiation {
    New,
    Offered(Description),
    Answering(Description),
    Done,
}

/// One session. See the [module](self).
#[derive(Debug)]
struct Model {
    rng: Rng,
    codecs: Vec<AudioCodec>,
    now: Instant,
    negotiation: Negotiation,
    own: Description,
    remote: Option<Description>,
    codec: Option<AudioCodec>,
    state: MediaState,
    local: Vec<SocketAddr>,
    remotes: Vec<SocketAddr>,
    gathered: bool,
    path: Option<(SocketAddr, SocketAddr)>,
    /// The last reply: what says that the path leads there and back (RFC 7675).
    heard: Instant,
    probe_at: Option<Instant>,
    give_up: Option<Instant>,
    muted: bool,
    next_sequence: u32,
    next_key: u32,
    last_key: Option<u32>,
    received: Option<u32>,
    stats: MediaStats,
    queue: VecDeque<EngineOutput>,
}

impl Model {
    fn new(now: Instant, config: EngineConfig) -> Self {
        let mut rng = config.seed.child("model").rng();
        let own = Description::new(&mut rng, &config.codecs);
        Self {
            rng,
            codecs: config.codecs,
            now,
            negotiation: Negotiation::New,
            own,
            remote: None,
            codec: None,
            state: MediaState::New,
            local: Vec::new(),
            remotes: Vec::new(),
            gathered: false,
            path: None,
            heard: now,
            probe_at: None,
            give_up: None,
            muted: false,
            next_sequence: 0,
            next_key: 0,
            last_key: None,
            received: None,
            stats: MediaStats::default(),
            queue: VecDeque::new(),
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
            MediaState::Connecting | MediaState::Disconnected => Some(self.now + PATIENCE),
            MediaState::New | MediaState::Connected | MediaState::Failed | MediaState::Closed => {
                None
            }
        };
        if self.is_over() {
            self.probe_at = None;
        }
        self.event(EngineEvent::State(state));
    }

    fn send(&mut self, path: (SocketAddr, SocketAddr), packet: &Packet) {
        let (local, remote) = path;
        self.queue.push_back(EngineOutput::Transmit { local, remote, data: packet.to_bytes() });
    }

    fn tell_candidate(&mut self, address: SocketAddr) {
        let candidate = LocalCandidate {
            mid: Some("0".to_owned()),
            ufrag: self.own.ufrag.clone(),
            candidate: candidate_line(address, &self.own.ufrag),
        };
        self.event(EngineEvent::LocalCandidate(candidate));
    }

    /// Both descriptions are there: look for a path.
    fn negotiated(&mut self, own: Description, remote: Description) -> Result<(), MediaError> {
        let codec = remote.codecs.iter().find(|codec| self.codecs.contains(codec));
        self.codec = Some(*codec.ok_or(MediaError::NoCommonCodec)?);
        for candidate in &remote.candidates {
            self.learn(*candidate);
        }
        self.own = own;
        self.remote = Some(remote);
        self.negotiation = Negotiation::Done;
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        self.probe_at = Some(self.now);
        Ok(())
    }

    /// Takes new credentials of ours and tells the candidates anew.
    fn gather_again(&mut self, own: &Description) {
        self.own = own.clone();
        for address in self.local.clone() {
            self.tell_candidate(address);
        }
        if self.gathered {
            self.event(EngineEvent::GatheringComplete);
        }
    }

    fn learn(&mut self, remote: SocketAddr) {
        if !self.remotes.contains(&remote) && self.remotes.len() < MAX_REMOTE {
            self.remotes.push(remote);
        }
    }

    fn probe(&mut self) {
        let Some(remote) = self.remote.as_ref().map(|remote| remote.ufrag.clone()) else { return };
        let probe = Packet::Probe { to: remote, from: self.own.ufrag.clone() };
        if let (MediaState::Connected, Some(path)) = (self.state, self.path) {
            return self.send(path, &probe);
        }
        for local in self.local.clone() {
            for remote in self.remotes.clone() {
                self.send((local, remote), &probe);
            }
        }
    }

    fn is_from_peer(&self, ufrag: &str) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.ufrag == ufrag)
    }

    fn audio(&mut self, sequence: u32, frame: AudioFrame) {
        self.stats.packets_received += 1;
        self.stats.bytes_received += frame.data.len() as u64;
        let gap = match self.received {
            // What comes late or twice was counted as lost, or was heard already.
            Some(last) if sequence <= last => return,
            Some(last) => sequence - last - 1,
            None => 0,
        };
        self.received = Some(sequence);
        self.stats.packets_lost += u64::from(gap);
        self.event(EngineEvent::Audio(AudioFrame { lost_before: gap, ..frame }));
    }
}

impl Engine for Model {
    fn add_local_address(&mut self, now: Instant, address: SocketAddr) {
        self.now = now;
        self.local.push(address);
        self.tell_candidate(address);
        if self.negotiation == Negotiation::Done {
            self.probe_at = Some(now);
        }
    }

    fn local_addresses_done(&mut self, now: Instant) {
        self.now = now;
        self.gathered = true;
        self.event(EngineEvent::GatheringComplete);
    }

    fn create_offer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = now;
        if self.negotiation != Negotiation::New || self.is_over() {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = Negotiation::Offered(self.own.clone());
        Ok(self.own.to_sdp("actpass"))
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.now = now;
        let Negotiation::Offered(own) = &self.negotiation else {
            return Err(MediaError::State(self.state));
        };
        let (own, remote) = (own.clone(), Description::read(answer)?);
        let restarts = own.ufrag != self.own.ufrag;
        self.negotiated(own.clone(), remote)?;
        if restarts {
            self.gather_again(&own);
        }
        Ok(())
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.now = now;
        if matches!(self.negotiation, Negotiation::Offered(_)) || self.is_over() {
            return Err(MediaError::State(self.state));
        }
        let offer = Description::read(offer)?;
        if !offer.codecs.iter().any(|codec| self.codecs.contains(codec)) {
            return Err(MediaError::NoCommonCodec);
        }
        self.negotiation = Negotiation::Answering(offer);
        Ok(())
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = now;
        let Negotiation::Answering(offer) = &self.negotiation else {
            return Err(MediaError::State(self.state));
        };
        let offer = offer.clone();
        let restarts = self.remote.as_ref().is_some_and(|old| old.ufrag != offer.ufrag);
        let own = if restarts { self.own.renewed(&mut self.rng) } else { self.own.clone() };
        let mut answer = own.clone();
        answer.codecs.retain(|codec| offer.codecs.contains(codec));
        self.negotiated(own.clone(), offer)?;
        if restarts {
            self.gather_again(&own);
        }
        Ok(answer.to_sdp("active"))
    }

    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError> {
        self.now = now;
        if let Some(address) = candidate_address(candidate)? {
            self.learn(address);
            if self.state == MediaState::Connecting && self.negotiation == Negotiation::Done {
                self.probe_at = Some(now);
            }
        }
        Ok(())
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = now;
        if self.negotiation != Negotiation::Done || self.is_over() {
            return Err(MediaError::State(self.state));
        }
        let own = self.own.renewed(&mut self.rng);
        let offer = own.to_sdp("actpass");
        self.negotiation = Negotiation::Offered(own);
        Ok(offer)
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) {
        self.now = now;
        let Some(packet) = Packet::read(data).filter(|_| !self.is_over()) else { return };
        match packet {
            Packet::Probe { to, from } if to == self.own.ufrag && self.is_from_peer(&from) => {
                self.learn(remote);
                let reply = Packet::Reply { to: from, from: to };
                self.send((local, remote), &reply);
                if self.state != MediaState::Connected {
                    // The other direction is asked at once.
                    self.probe_at = Some(now);
                }
            }
            Packet::Reply { to, from } if to == self.own.ufrag && self.is_from_peer(&from) => {
                self.heard = now;
                if self.state != MediaState::Connected || self.path.is_none() {
                    self.path = Some((local, remote));
                    self.probe_at = Some(now + LOOK_AFTER);
                    self.enter(MediaState::Connected);
                }
            }
            Packet::Audio { sequence, frame } if self.remote.is_some() => {
                self.audio(sequence, frame);
            }
            Packet::Key { number, digit, duration } if self.remote.is_some() => {
                if self.last_key != Some(number) {
                    self.last_key = Some(number);
                    self.event(EngineEvent::Dtmf { digit, duration });
                }
            }
            Packet::Bye { from } if self.is_from_peer(&from) => self.enter(MediaState::Closed),
            Packet::Probe { .. }
            | Packet::Reply { .. }
            | Packet::Audio { .. }
            | Packet::Key { .. }
            | Packet::Bye { .. } => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.state == MediaState::Connected && now >= self.heard + MISSED {
            self.enter(MediaState::Disconnected);
            self.probe_at = Some(now);
        }
        if self.give_up.is_some_and(|at| at <= now) {
            self.event(EngineEvent::Failed(MediaError::Connection("no path".to_owned())));
            self.enter(MediaState::Failed);
        }
        if self.probe_at.is_some_and(|at| at <= now) {
            self.probe();
            self.probe_at = match self.state {
                MediaState::New | MediaState::Connecting => Some(now + PROBE),
                MediaState::Disconnected => Some(now + SEARCH),
                MediaState::Connected => Some(now + LOOK_AFTER),
                MediaState::Failed | MediaState::Closed => None,
            };
        }
    }

    fn send_audio(&mut self, now: Instant, frame: &AudioFrame) -> Result<(), MediaError> {
        self.now = now;
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        if self.codec.is_none() || !self.codecs.contains(&frame.codec) {
            return Err(MediaError::NotNegotiated(frame.codec.name()));
        }
        let Some(path) = self.path.filter(|_| self.state == MediaState::Connected) else {
            return Ok(());
        };
        if !self.muted {
            self.next_sequence += 1;
            self.stats.packets_sent += 1;
            self.stats.bytes_sent += frame.data.len() as u64;
            let packet = Packet::Audio { sequence: self.next_sequence, frame: frame.clone() };
            self.send(path, &packet);
        }
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
        self.now = now;
        let Some(path) = self.path.filter(|_| self.state == MediaState::Connected) else {
            return Err(MediaError::State(self.state));
        };
        if digits.len() > MAX_DIGITS {
            return Err(MediaError::TooMany("digits"));
        }
        for digit in digits {
            self.next_key += 1;
            let packet = Packet::Key { number: self.next_key, digit: *digit, duration };
            for _ in 0..COPIES {
                self.send(path, &packet);
            }
        }
        Ok(())
    }

    fn send_codec(&self) -> Option<AudioCodec> {
        self.codec
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        self.stats
    }

    fn close(&mut self, now: Instant) {
        self.now = now;
        if let Some(path) = self.path.filter(|_| !self.is_over()) {
            let bye = Packet::Bye { from: self.own.ufrag.clone() };
            self.send(path, &bye);
        }
        self.enter(MediaState::Closed);
    }

    fn poll_output(&mut self) -> EngineOutput {
        self.queue.pop_front().unwrap_or_else(|| {
            let wake = |at: Option<Instant>, reason| at.map(|at| Wake { at, reason });
            let missed = (self.state == MediaState::Connected).then(|| self.heard + MISSED);
            let wakes = [
                wake(self.probe_at, "model media probes"),
                wake(self.give_up, "model media gives up"),
                wake(missed, "model media misses its path"),
            ];
            EngineOutput::Timeout(wakes.into_iter().fold(None, Wake::earliest))
        })
    }
}

#[cfg(test)]
mod tests;
