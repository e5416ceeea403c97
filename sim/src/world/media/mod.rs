//! The model media engine: offers, answers, a path, frames of tracks, keys, data channels and figures,
//! without cryptography; cheap enough for thousands of calls.
//!
//! It speaks real session descriptions, so that both signalings carry them as they are, and
//! datagrams of its own ([`packet`]). Timing follows the real engine's: a path is probed every
//! 250 ms, looked after every five seconds, missed after twelve and given up after thirty.

mod channels;
mod description;
mod gateway;
mod negotiate;
mod packet;
mod track;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Rng;
use offhook::machine::Wake;
use offhook::media::negotiation::{Abilities, Descriptions, Payloads, Step};
use offhook::media::{
    Agreement, AudioFrame, ChannelId, ChannelMessage, Digit, Engine, EngineConfig, EngineEvent,
    EngineFactory, EngineOutput, ExpectedLoss, Frame, Local, LocalCandidate, LocalKind, MediaError,
    MediaKind, MediaState, MediaStats, Track, TrackInfo, TrackStats, VideoFrame, Wish,
};
use offhook::sdp::Direction;

pub(super) use self::gateway::GatewayFactory;

use self::channels::Channels;
use self::description::{Own, candidate_address, candidate_line};
use self::packet::Packet;
use self::track::ModelTrack;

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

/// One session. See the [module](self).
#[derive(Debug)]
struct Model {
    rng: Rng,
    config: EngineConfig,
    now: Instant,
    own: Own,
    /// The agreement; of an offer of ours, our end in it.
    descriptions: Descriptions<Own>,
    /// The last agreement told, and the tracks.
    told: Option<Agreement>,
    told_tracks: Vec<TrackInfo>,
    /// The first of audio is there from the beginning.
    tracks: BTreeMap<Track, ModelTrack>,
    channels: Channels,
    state: MediaState,
    local: Vec<(SocketAddr, LocalKind)>,
    remotes: Vec<SocketAddr>,
    gathered: bool,
    path: Option<(SocketAddr, SocketAddr)>,
    /// The last reply: what says that the path leads there and back (RFC 7675).
    heard: Instant,
    probe_at: Option<Instant>,
    give_up: Option<Instant>,
    next_key: u32,
    last_key: Option<u32>,
    queue: VecDeque<EngineOutput>,
}

impl Model {
    fn new(now: Instant, config: EngineConfig) -> Self {
        let mut rng = config.seed.child("model").rng();
        let own = Own::new(&mut rng);
        Self {
            rng,
            config,
            now,
            descriptions: Descriptions::new(own.session),
            own,
            told: None,
            told_tracks: Vec::new(),
            tracks: [(Track::AUDIO, ModelTrack::new(Direction::SendRecv))].into(),
            channels: Channels::default(),
            state: MediaState::New,
            local: Vec::new(),
            remotes: Vec::new(),
            gathered: false,
            path: None,
            heard: now,
            probe_at: None,
            give_up: None,
            next_key: 0,
            last_key: None,
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
            MediaState::Connecting | MediaState::Disconnected => {
                Some(self.now + self.config.path_limit)
            }
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

    fn tell_candidate(&mut self, address: SocketAddr, kind: LocalKind) {
        let agreed = self.descriptions.agreed.as_ref();
        let candidate = LocalCandidate {
            mid: agreed.map_or_else(|| Some("0".to_owned()), |far| far.mid().map(str::to_owned)),
            ufrag: self.own.ufrag.clone(),
            candidate: candidate_line(address, kind, &self.own.ufrag),
        };
        self.event(EngineEvent::LocalCandidate(candidate));
    }

    /// The terms of the first track of audio.
    fn agreed(&self) -> Option<Agreement> {
        let payloads = self.payloads(Track::AUDIO)?;
        let (codec, _) = *payloads.codecs.first()?;
        let keys = payloads.event_type(codec).is_some();
        let codecs = payloads.codecs.iter().map(|(codec, _)| *codec).collect();
        // Nobody encodes anything here, and nobody reports.
        let expected_loss = if payloads.opus.fec { ExpectedLoss::LEAST } else { 0 };
        let direction = self.direction(Track::AUDIO);
        let dtx = payloads.opus.dtx || self.config.dtx;
        Some(Agreement { direction, codec, codecs, keys, expected_loss, dtx })
    }

    /// The payload types agreed on for a track of audio.
    fn payloads(&self, track: Track) -> Option<&Payloads> {
        self.descriptions.payloads(self.tracks.get(&track)?.place)
    }

    /// The place of a track's section in the descriptions.
    fn index(&self, track: Track) -> Option<u8> {
        let section = self.descriptions.section(self.tracks.get(&track)?.place)?;
        u8::try_from(section.index).ok()
    }

    /// The track whose section has that place.
    fn track_at(&self, section: u8) -> Option<Track> {
        self.tracks.keys().copied().find(|track| self.index(*track) == Some(section))
    }

    /// The way to the far side, if there is one.
    fn way(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.path.filter(|_| self.state == MediaState::Connected)
    }

    fn say(&mut self, path: (SocketAddr, SocketAddr), track: Track, frame: AudioFrame) {
        let alone = Abilities::of(&self.config).is_telephone();
        let (Some(section), Some(known)) = (self.index(track), self.tracks.get_mut(&track)) else {
            return;
        };
        let sequence = known.number(frame.data.len());
        let packet = if alone {
            Packet::Audio { sequence, frame }
        } else {
            Packet::Sound { section, sequence, frame }
        };
        self.send(path, &packet);
    }

    fn say_backlog(&mut self) {
        let Some(path) = self.way() else { return };
        let tracks: Vec<_> = self.tracks.keys().copied().collect();
        for track in tracks {
            let (now, sends) = (self.now, self.direction(track).sends());
            let Some(known) = self.tracks.get_mut(&track) else { continue };
            if known.muted || !sends {
                known.backlog.clear();
            }
            while let Some(frame) =
                self.tracks.get_mut(&track).and_then(|known| known.backlog.pop(now))
            {
                self.say(path, track, frame);
            }
        }
    }

    /// Sends audio, or keeps it until there is a way.
    fn send_audio(&mut self, track: Track, frame: &AudioFrame) -> Result<(), MediaError> {
        let payloads = self.payloads(track);
        if payloads.and_then(|payloads| payloads.payload_type(frame.codec)).is_none() {
            return Err(MediaError::NotNegotiated(frame.codec.name()));
        }
        let (way, sends) = (self.way(), self.direction(track).sends());
        let Some(known) = self.tracks.get_mut(&track) else { return Ok(()) };
        if known.muted || !sends {
            return Ok(());
        }
        match way {
            Some(path) if known.backlog.is_empty() => self.say(path, track, frame.clone()),
            Some(_) => {
                known.backlog.push(frame.clone())?;
                self.say_backlog();
            }
            None => known.backlog.push(frame.clone())?,
        }
        Ok(())
    }

    /// Sends a picture, if the far side can make use of it.
    fn send_picture(&mut self, track: Track, frame: &VideoFrame) -> Result<(), MediaError> {
        let place = self.tracks.get(&track).and_then(|known| known.place);
        let pictures = self.descriptions.pictures(place);
        if pictures.and_then(|(_, pictures)| pictures.of(frame.codec)).is_none() {
            return Err(MediaError::NotNegotiated(frame.codec.name()));
        }
        let way = self.way().filter(|_| self.direction(track).sends());
        let (section, known) = (self.index(track), self.tracks.get_mut(&track));
        let sequence = known.and_then(|known| known.show(frame, way.is_some()));
        if let (Some(path), Some(section), Some(sequence)) = (way, section, sequence) {
            self.send(path, &Packet::Picture { section, sequence, frame: frame.clone() });
        }
        self.settle_pictures();
        Ok(())
    }

    /// Asks for the pictures that need no other, and tells of those that the far side wants.
    fn settle_pictures(&mut self) {
        let tracks = self.tracks.keys().copied().filter(|track| track.kind == MediaKind::Video);
        let tracks: Vec<_> = tracks.collect();
        for track in tracks {
            let (now, way) = (self.now, self.way());
            let (direction, section) = (self.direction(track), self.index(track));
            let Some(known) = self.tracks.get_mut(&track) else { continue };
            let wants = known.wants(now, direction.sends());
            let asks = known.asks(now, direction.receives());
            if wants {
                self.event(EngineEvent::KeyframeWanted(track));
            }
            if let (true, Some(path), Some(section)) = (asks, way, section) {
                self.send(path, &Packet::Wanted { section });
            }
        }
    }

    /// Sends what is due of the data channels.
    fn settle_channels(&mut self) {
        let Some(path) = self.way() else { return };
        let due = self.channels.due(self.now);
        due.into_iter().for_each(|piece| self.send(path, &Packet::Piece(piece)));
    }

    /// Takes new credentials of ours and tells the candidates anew.
    fn gather_again(&mut self) {
        for (address, kind) in self.local.clone() {
            self.tell_candidate(address, kind);
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
        let agreed = self.descriptions.agreed.as_ref();
        let Some(remote) = agreed.map(|remote| remote.ufrag.clone()) else { return };
        let probe = Packet::Probe { to: remote, from: self.own.ufrag.clone() };
        if let (MediaState::Connected, Some(path)) = (self.state, self.path) {
            self.send(path, &probe);
            return self.send(path, &Packet::Report);
        }
        for (local, _) in self.local.clone() {
            for remote in self.remotes.clone() {
                self.send((local, remote), &probe);
            }
        }
    }

    /// The place of the first section of audio.
    fn audio_index(&self) -> Option<usize> {
        let (section, _) = self.descriptions.agreed.as_ref()?.audio()?;
        Some(section.index)
    }

    fn is_from_peer(&self, ufrag: &str) -> bool {
        self.descriptions.agreed.as_ref().is_some_and(|remote| remote.ufrag == ufrag)
    }

    fn hear(&mut self, track: Track, sequence: u32, frame: AudioFrame) {
        let receives = self.direction(track).receives();
        let Some(known) = self.tracks.get_mut(&track) else { return };
        let Some(gap) = known.take(sequence, frame.data.len()) else { return };
        known.stats.frames_received = known.stats.packets_received;
        if receives {
            let frame = AudioFrame { lost_before: gap, ..frame }.into();
            self.event(EngineEvent::Frame { track, frame });
        }
    }

    fn see(&mut self, track: Track, sequence: u32, frame: VideoFrame) {
        let receives = self.direction(track).receives();
        let Some(known) = self.tracks.get_mut(&track) else { return };
        if let Some(frame) = known.see(sequence, frame)
            && receives
        {
            self.event(EngineEvent::Frame { track, frame: frame.into() });
        }
        self.settle_pictures();
    }
}

impl Engine for Model {
    fn add_local(&mut self, now: Instant, local: &Local, kind: LocalKind) {
        self.now = now;
        let address = local.address;
        let relayed = matches!(kind, LocalKind::Relayed { .. });
        let known = self.local.iter().any(|(known, _)| *known == address);
        if known || (self.config.relay_only && !relayed) {
            return;
        }
        self.local.push((address, kind));
        self.tell_candidate(address, kind);
        if matches!(self.descriptions.step, Step::Done) {
            self.probe_at = Some(now);
        }
    }

    fn remove_local(&mut self, now: Instant, address: SocketAddr) {
        self.now = now;
        self.local.retain(|(local, _)| *local != address);
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
        self.make_offer(wishes)
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.now = now;
        self.take_answer(answer)
    }

    fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        self.now = now;
        self.take_back()
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.now = now;
        self.take_offer(offer)
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = now;
        self.make_answer()
    }

    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError> {
        self.now = now;
        if let Some(address) = candidate_address(candidate)? {
            self.learn(address);
            let done = matches!(self.descriptions.step, Step::Done);
            if self.state == MediaState::Connecting && done {
                self.probe_at = Some(now);
            }
        }
        Ok(())
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = now;
        self.make_restart()
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
                    self.settle_channels();
                }
            }
            Packet::Audio { sequence, frame } => {
                if let Some(Ok(section)) = self.audio_index().map(u8::try_from)
                    && let Some(track) = self.track_at(section)
                {
                    self.hear(track, sequence, frame);
                }
            }
            Packet::Sound { section, sequence, frame } => {
                let is_audio = |track: &Track| track.kind == MediaKind::Audio;
                if let Some(track) = self.track_at(section).filter(is_audio) {
                    self.hear(track, sequence, frame);
                }
            }
            Packet::Picture { section, sequence, frame } => {
                let is_video = |track: &Track| track.kind == MediaKind::Video;
                if let Some(track) = self.track_at(section).filter(is_video) {
                    self.see(track, sequence, frame);
                }
            }
            Packet::Wanted { section } => {
                let track = self.track_at(section);
                let track = track.filter(|track| track.kind == MediaKind::Video);
                if let Some(known) = track.and_then(|track| self.tracks.get_mut(&track)) {
                    known.want();
                }
                self.settle_pictures();
            }
            Packet::Piece(piece) => {
                let (news, answer) = self.channels.take(piece);
                news.into_iter().for_each(|event| self.event(event));
                answer.into_iter().for_each(|packet| self.send((local, remote), &packet));
                self.settle_channels();
            }
            Packet::Taken { row, next } => self.channels.taken(row, next),
            Packet::Key { number, digit, duration } if self.descriptions.agreed.is_some() => {
                // One that comes late was told already, or is lost.
                if self.last_key.is_none_or(|last| last < number) {
                    self.last_key = Some(number);
                    if self.direction(Track::AUDIO).receives() {
                        self.event(EngineEvent::Dtmf { digit, duration });
                    }
                }
            }
            Packet::Bye { from } if self.is_from_peer(&from) => self.enter(MediaState::Closed),
            Packet::Probe { .. }
            | Packet::Reply { .. }
            | Packet::Key { .. }
            | Packet::Bye { .. }
            | Packet::Report => {}
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
        self.settle_pictures();
        self.settle_channels();
    }

    fn send(&mut self, now: Instant, track: Track, frame: &Frame) -> Result<(), MediaError> {
        self.now = now;
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        match (track.kind, frame) {
            (MediaKind::Audio, Frame::Audio(frame)) => self.send_audio(track, frame),
            (MediaKind::Video, Frame::Video(frame)) => self.send_picture(track, frame),
            (_, frame) => Err(MediaError::NotNegotiated(frame.codec_name())),
        }
    }

    fn set_muted(&mut self, track: Track, muted: bool) {
        if let Some(known) = self.tracks.get_mut(&track)
            && known.set_muted(muted)
            && track.kind == MediaKind::Video
        {
            known.want();
        }
        self.settle_pictures();
    }

    fn request_keyframe(&mut self, now: Instant, track: Track) -> Result<(), MediaError> {
        self.now = now;
        let none = MediaError::NotNegotiated(track.kind.name());
        let known = self.tracks.get_mut(&track).filter(|known| known.place.is_some());
        let Some(known) = known.filter(|_| track.kind == MediaKind::Video) else {
            return Err(none);
        };
        known.ask();
        self.settle_pictures();
        Ok(())
    }

    fn open_channel(&mut self, now: Instant, label: &str) -> Result<ChannelId, MediaError> {
        self.now = now;
        if self.is_over() {
            return Err(MediaError::NotNegotiated("a data channel"));
        }
        let channel = self.channels.open(label)?;
        self.settle_channels();
        Ok(channel)
    }

    fn send_message(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: &ChannelMessage,
    ) -> Result<(), MediaError> {
        self.now = now;
        if self.is_over() {
            return Err(MediaError::NotNegotiated("a data channel"));
        }
        self.channels.send(channel, message)?;
        self.settle_channels();
        Ok(())
    }

    fn send_dtmf(
        &mut self,
        now: Instant,
        digits: &[Digit],
        duration: Duration,
    ) -> Result<(), MediaError> {
        self.now = now;
        let Some(path) = self.way() else { return Err(MediaError::State(self.state)) };
        if !self.direction(Track::AUDIO).sends() {
            return Err(MediaError::Held);
        }
        if !self.agreed().is_some_and(|terms| terms.keys) {
            return Err(MediaError::NotNegotiated("telephone-event"));
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

    fn set_direction(&mut self, track: Track, direction: Direction) {
        self.want(track, direction);
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        self.infos()
    }

    fn agreement(&self) -> Option<Agreement> {
        self.agreed()
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        let mut stats = MediaStats::default();
        if let Some(audio) = self.tracks.get(&Track::AUDIO) {
            stats.packets_sent = audio.stats.packets_sent;
            stats.bytes_sent = audio.stats.bytes_sent;
            stats.packets_received = audio.stats.packets_received;
            stats.bytes_received = audio.stats.bytes_received;
            stats.packets_lost = audio.lost;
        }
        stats
    }

    fn track_stats(&self, track: Track) -> Option<TrackStats> {
        Some(self.tracks.get(&track)?.stats)
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
            let (backlogs, pictures) =
                self.tracks.values().fold((None, None), |(kept, due), track| {
                    let earliest = |one: Option<Instant>, other| one.into_iter().chain(other).min();
                    let waits = track.backlog.next_wake(self.now);
                    (earliest(kept, waits), earliest(due, track.next_wake(self.now)))
                });
            let channels = self.way().and_then(|_| self.channels.next_wake());
            let wakes = [
                wake(backlogs.filter(|_| connected), "what was said before media"),
                wake(self.probe_at, "model media probes"),
                wake(self.give_up, "model media gives up"),
                wake(missed, "model media misses its path"),
                wake(pictures.filter(|_| !self.is_over()), "pictures that need no other"),
                wake(channels, "model data channels"),
            ];
            EngineOutput::Timeout(wakes.into_iter().fold(None, Wake::earliest))
        })
    }
}

#[cfg(test)]
mod tests;
