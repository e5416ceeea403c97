//! The model media engine: offers, answers, a path, frames, keys and figures, without
//! cryptography; cheap enough for thousands of calls.
//!
//! It speaks real session descriptions, so that both signalings carry them as they are, and
//! datagrams of its own ([`packet`]). Timing follows the real engine's: a path is probed every
//! 250 ms, looked after every five seconds, missed after twelve and given up after thirty.

mod description;
mod gateway;
mod packet;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Rng;
use offhook::machine::Wake;
use offhook::media::negotiation::{
    self, Abilities, OurSection, Payloads, Remote, Renewal, Setup, Terms,
};
use offhook::media::{
    Agreement, AudioCodec, AudioFrame, Backlog, Digit, Engine, EngineConfig, EngineEvent,
    EngineFactory, EngineOutput, Frame, Local, LocalCandidate, LocalKind, MediaError, MediaKind,
    MediaState, MediaStats, Track, TrackInfo, Wish,
};
use offhook::sdp::{Description, Direction};

pub(super) use self::gateway::GatewayFactory;

use self::description::{Own, candidate_address, candidate_line};
use self::packet::Packet;

/// Between probes while there is no path.
const PROBE: Duration = Duration::from_millis(250);
/// Between probes of a path that went quiet.
const SEARCH: Duration = Duration::from_secs(1);
/// Between probes of a good path.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// Silence after which the path is missed.
const MISSED: Duration = Duration::from_secs(12);
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

/// The state of the descriptions.
#[derive(Clone, Debug)]
enum Negotiation {
    New,
    /// Our offer is out: what it offered, and our end in it.
    Offered(Payloads, Own),
    /// The far side's offer is in, and in force.
    Answering(String),
    Done,
}

/// One session. See the [module](self).
#[derive(Debug)]
struct Model {
    rng: Rng,
    codecs: Vec<AudioCodec>,
    /// After that long without a path it is given up.
    path_limit: Duration,
    now: Instant,
    negotiation: Negotiation,
    own: Own,
    /// The far side's description in force.
    agreed: Option<Remote>,
    /// The last agreement told.
    told: Option<Agreement>,
    /// The direction that we want.
    wanted: Direction,
    backlog: Backlog,
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
        let own = Own::new(&mut rng);
        Self {
            rng,
            codecs: config.codecs,
            path_limit: config.path_limit,
            now,
            negotiation: Negotiation::New,
            own,
            agreed: None,
            told: None,
            wanted: Direction::SendRecv,
            backlog: Backlog::default(),
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
            MediaState::Connecting | MediaState::Disconnected => Some(self.now + self.path_limit),
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
            mid: self
                .agreed
                .as_ref()
                .map_or_else(|| Some("0".to_owned()), |agreed| agreed.mid().map(str::to_owned)),
            ufrag: self.own.ufrag.clone(),
            candidate: candidate_line(address, &self.own.ufrag),
        };
        self.event(EngineEvent::LocalCandidate(candidate));
    }

    /// Puts a far side's description in force, and looks for a path.
    fn agree(&mut self, remote: Remote) {
        if let Some(Renewal::Association) = self.change(&remote) {
            // Another far end: what came from the one before counts no more.
            self.received = None;
            self.last_key = None;
            self.path = None;
            self.enter(MediaState::Connecting);
        }
        for candidate in &remote.candidates {
            if let Ok(Some(address)) = candidate_address(candidate) {
                self.learn(address);
            }
        }
        self.agreed = Some(remote);
        self.probe_at = Some(self.now);
    }

    fn change(&self, remote: &Remote) -> Option<Renewal> {
        // There is no handshake here, so nobody's part in one.
        Some(remote.change(self.agreed.as_ref()?, None, Setup::ActPass))
    }

    /// Ends the negotiation.
    fn settle(&mut self) {
        self.negotiation = Negotiation::Done;
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        self.probe_at = Some(self.now);
        let agreement = self.agreement();
        if let Some(agreement) = agreement.filter(|_| self.told != agreement) {
            self.told = Some(agreement);
            self.event(EngineEvent::Agreed(agreement));
        }
    }

    /// The payload types agreed on.
    fn payloads(&self) -> Option<&Payloads> {
        Some(self.agreed.as_ref()?.audio()?.1)
    }

    /// The direction agreed on, as we see it.
    fn direction(&self) -> Direction {
        let audio = self.agreed.as_ref().and_then(Remote::audio);
        let theirs = audio.map(|(audio, _)| audio.direction.reversed());
        theirs.map_or(Direction::Inactive, |theirs| theirs.and(self.wanted))
    }

    fn say(&mut self, path: (SocketAddr, SocketAddr), frame: AudioFrame) {
        self.next_sequence += 1;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += frame.data.len() as u64;
        self.send(path, &Packet::Audio { sequence: self.next_sequence, frame });
    }

    fn say_backlog(&mut self) {
        let Some(path) = self.path.filter(|_| self.state == MediaState::Connected) else { return };
        if self.muted || !self.direction().sends() {
            self.backlog.clear();
        }
        while let Some(frame) = self.backlog.pop(self.now) {
            self.say(path, frame);
        }
    }

    /// Takes new credentials of ours and tells the candidates anew.
    fn gather_again(&mut self) {
        for address in self.local.clone() {
            self.tell_candidate(address);
        }
        if self.gathered {
            self.event(EngineEvent::GatheringComplete);
        }
    }

    fn offer(&mut self, payloads: Payloads, mut own: Own) -> String {
        let transport = own.transport(Setup::ActPass);
        let mid = self.agreed.as_ref().and_then(Remote::mid).unwrap_or("0").to_owned();
        let terms = Terms::Audio(payloads.clone());
        let mut ours = OurSection::new(Some(mid), terms, self.wanted);
        ours.source = Some(own.source());
        let offer = negotiation::offer(&[ours], &transport);
        self.negotiation = Negotiation::Offered(payloads, own);
        offer
    }

    fn learn(&mut self, remote: SocketAddr) {
        if !self.remotes.contains(&remote) && self.remotes.len() < MAX_REMOTE {
            self.remotes.push(remote);
        }
    }

    fn probe(&mut self) {
        let Some(remote) = self.agreed.as_ref().map(|remote| remote.ufrag.clone()) else { return };
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
        self.agreed.as_ref().is_some_and(|remote| remote.ufrag == ufrag)
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
        if self.direction().receives() {
            let frame = AudioFrame { lost_before: gap, ..frame }.into();
            self.event(EngineEvent::Frame { track: Track::AUDIO, frame });
        }
    }
}

impl Engine for Model {
    fn add_local(&mut self, now: Instant, local: &Local, _: LocalKind) {
        self.now = now;
        let address = local.address;
        self.local.push(address);
        self.tell_candidate(address);
        if matches!(self.negotiation, Negotiation::Done) {
            self.probe_at = Some(now);
        }
    }

    fn remove_local(&mut self, now: Instant, address: SocketAddr) {
        self.now = now;
        self.local.retain(|local| *local != address);
        if self.path.is_some_and(|(local, _)| local == address) {
            self.path = None;
            if self.state == MediaState::Connected {
                self.enter(MediaState::Disconnected);
                self.probe_at = Some(now);
            }
        }
    }

    fn local_done(&mut self, now: Instant) {
        self.now = now;
        self.gathered = true;
        self.event(EngineEvent::GatheringComplete);
    }

    fn create_offer(&mut self, now: Instant, wishes: &[Wish]) -> Result<String, MediaError> {
        self.now = now;
        let payloads = match (&self.negotiation, &self.agreed) {
            _ if self.is_over() => return Err(MediaError::State(self.state)),
            (Negotiation::New, _) => {
                let [Wish { kind: MediaKind::Audio, direction }] = wishes else {
                    return Err(MediaError::NotYet("other tracks than one of audio"));
                };
                self.wanted = *direction;
                Payloads::ours(&self.codecs)
            }
            (Negotiation::Done, Some(_)) if wishes.is_empty() => {
                self.payloads().cloned().unwrap_or_default()
            }
            _ => return Err(MediaError::State(self.state)),
        };
        Ok(self.offer(payloads, self.own.clone()))
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.now = now;
        let Negotiation::Offered(payloads, own) = &self.negotiation else {
            return Err(MediaError::State(self.state));
        };
        let offered = OurSection::new(None, Terms::Audio(payloads.clone()), self.wanted);
        let remote = Remote::read_answer(&Description::read(answer)?, &[offered])?;
        let restarts = own.ufrag != self.own.ufrag;
        self.own = own.clone();
        self.agree(remote);
        self.settle();
        if restarts {
            self.gather_again();
        }
        Ok(())
    }

    fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        self.now = now;
        if !matches!(self.negotiation, Negotiation::Offered(..)) || self.is_over() {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = match self.agreed {
            Some(_) => Negotiation::Done,
            None => Negotiation::New,
        };
        Ok(())
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.now = now;
        if matches!(self.negotiation, Negotiation::Offered(..)) || self.is_over() {
            return Err(MediaError::State(self.state));
        }
        let abilities = Abilities::telephone(&self.codecs);
        let remote = Remote::read(&Description::read(offer)?, &abilities)?;
        let restarts = self.agreed.as_ref().is_some_and(|old| old.ufrag != remote.ufrag);
        let unanswered = matches!(self.negotiation, Negotiation::Answering(_));
        self.agree(remote);
        if restarts && !unanswered {
            self.own = self.own.renewed(&mut self.rng);
            self.gather_again();
        }
        self.negotiation = Negotiation::Answering(offer.to_owned());
        Ok(())
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = now;
        let direction = self.direction();
        let (Negotiation::Answering(offer), Some(remote)) = (&self.negotiation, &self.agreed)
        else {
            return Err(MediaError::State(self.state));
        };
        let (audio, payloads) = remote.audio().ok_or(MediaError::State(self.state))?;
        let terms = Terms::Audio(payloads.clone());
        let mut ours = OurSection::new(audio.mid.clone(), terms, direction);
        ours.source = Some(self.own.source());
        let transport = self.own.transport(Setup::Active);
        let ours = [(audio.index, ours)];
        let answer = negotiation::answer(&Description::read(offer)?, remote, &ours, &transport);
        self.settle();
        Ok(answer)
    }

    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError> {
        self.now = now;
        if let Some(address) = candidate_address(candidate)? {
            self.learn(address);
            if self.state == MediaState::Connecting && matches!(self.negotiation, Negotiation::Done)
            {
                self.probe_at = Some(now);
            }
        }
        Ok(())
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = now;
        let (Negotiation::Done, Some(payloads), false) =
            (&self.negotiation, self.payloads(), self.is_over())
        else {
            return Err(MediaError::State(self.state));
        };
        let payloads = payloads.clone();
        let own = self.own.renewed(&mut self.rng);
        Ok(self.offer(payloads, own))
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
                    self.say_backlog();
                }
            }
            Packet::Audio { sequence, frame } if self.agreed.is_some() => {
                self.audio(sequence, frame);
            }
            Packet::Key { number, digit, duration } if self.agreed.is_some() => {
                // One that comes late was told already, or is lost.
                if self.last_key.is_none_or(|last| last < number) {
                    self.last_key = Some(number);
                    if self.direction().receives() {
                        self.event(EngineEvent::Dtmf { digit, duration });
                    }
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
        self.say_backlog();
    }

    fn send(&mut self, now: Instant, track: Track, frame: &Frame) -> Result<(), MediaError> {
        self.now = now;
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        let frame = match frame {
            Frame::Audio(frame) if track == Track::AUDIO => frame,
            _ => return Err(MediaError::NotNegotiated(frame.codec_name())),
        };
        let payloads = self.payloads();
        if payloads.and_then(|payloads| payloads.payload_type(frame.codec)).is_none() {
            return Err(MediaError::NotNegotiated(frame.codec.name()));
        }
        if self.muted || !self.direction().sends() {
            return Ok(());
        }
        match self.path.filter(|_| self.state == MediaState::Connected) {
            Some(path) if self.backlog.is_empty() => self.say(path, frame.clone()),
            Some(_) => {
                self.backlog.push(frame.clone())?;
                self.say_backlog();
            }
            None => self.backlog.push(frame.clone())?,
        }
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
        self.now = now;
        let Some(path) = self.path.filter(|_| self.state == MediaState::Connected) else {
            return Err(MediaError::State(self.state));
        };
        if !self.direction().sends() {
            return Err(MediaError::Held);
        }
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

    fn set_direction(&mut self, _: Track, direction: Direction) {
        self.wanted = direction;
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        let mid = || self.agreed.as_ref()?.mid().map(str::to_owned);
        let terms = self.agreement();
        terms.map(|terms| TrackInfo::audio(mid(), &terms)).into_iter().collect()
    }

    fn agreement(&self) -> Option<Agreement> {
        let payloads = self.payloads()?;
        let (codec, _) = *payloads.codecs.first()?;
        let keys = payloads.event_type(codec).is_some();
        let codecs = payloads.codecs.iter().map(|(codec, _)| *codec).collect();
        Some(Agreement { direction: self.direction(), codec, codecs, keys })
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
            let connected = self.state == MediaState::Connected;
            let backlog = connected.then(|| self.backlog.next_wake(self.now)).flatten();
            let wakes = [
                wake(backlog, "what was said before media"),
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
