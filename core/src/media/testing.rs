//! Media that does what datagrams tell it, for tests and benchmarks of everything around it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    Agreement, AudioCodec, AudioFrame, ChannelId, ChannelMessage, Codec, Digit, Engine,
    EngineConfig, EngineEvent, EngineFactory, EngineOutput, ExpectedLoss, Frame, Local,
    LocalCandidate, LocalKind, MAX_TRACKS, MediaError, MediaKind, MediaState, MediaStats, Track,
    TrackInfo, TrackStats, VideoCodec, Wish,
};
use crate::sdp::{Description, Direction, SdpError};

/// A report of a far side that hears nothing (RFC 3550 section 6.4.2), as it goes out every few seconds.
pub const REPORT: &[u8] = &[128, 201, 0, 1, 0, 0, 0, 1];

/// A description of one audio stream, with Opus and keys.
#[must_use]
pub fn description(setup: &str, ufrag: &str, pwd: &str) -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:sha-256 AB:CD\r\n\
         a=setup:{setup}\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:110 telephone-event/48000\r\n"
    )
}

/// Makes engines that do what datagrams tell them: `connected`, `disconnected`, `failed`, `closed`,
/// `restless` (it never rests again), `relayed` (a candidate of a relay), `audio`, `dtmf` and `hundred` (packets came, and one did not). Any other datagram is dropped.
///
/// With video codecs in their settings, they take all sections of an offer that are audio, VP8 or data
/// channels, and answer them by name and direction. `keyframe` then wants a key frame of the first video
/// track, `channel …` is a message of a data channel that is open, and `flood` a thousand of them.
///
/// Offers of them are taken that have Opus and ICE credentials. One with `a=refuse` is not; one with
/// `a=no-opus` is taken for one without; the first answer to one with `a=x-answer-fails-once` fails.
#[derive(Clone, Debug, Default)]
pub struct FakeMedia {
    /// The ICE password in their own descriptions.
    pub password: String,
    /// True if each new remote candidate is told as a key, so that a test can count them.
    pub counts_candidates: bool,
}

impl FakeMedia {
    /// With a password.
    #[must_use]
    pub fn new(password: &str) -> Self {
        Self { password: password.to_owned(), counts_candidates: false }
    }
}

impl EngineFactory for FakeMedia {
    fn create(&mut self, _: Instant, config: EngineConfig) -> Box<dyn Engine> {
        Box::new(FakeEngine {
            made: self.clone(),
            sections: (!config.video.is_empty()).then(|| Sections::new(config.channels)),
            queue: VecDeque::new(),
            state: MediaState::New,
            negotiation: Negotiation::New,
            wanted: Direction::SendRecv,
            before: Direction::SendRecv,
            far: Direction::SendRecv,
            fails_once: false,
            stats: MediaStats::default(),
            local: Vec::new(),
            restless: false,
            ufrag: None,
            candidates: Vec::new(),
            told: 0,
        })
    }
}

/// The state of offer and answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Negotiation {
    New,
    /// Ours waits for its answer.
    Offered,
    /// Theirs waits for its answer.
    Answering,
    Done,
}

struct FakeEngine {
    made: FakeMedia,
    /// The sections of the description, where there may be several.
    sections: Option<Sections>,
    queue: VecDeque<EngineOutput>,
    state: MediaState,
    negotiation: Negotiation,
    /// The direction that is wanted, that before an offer of ours, and what the far side allows.
    wanted: Direction,
    before: Direction,
    far: Direction,
    fails_once: bool,
    stats: MediaStats,
    /// Its addresses.
    local: Vec<SocketAddr>,
    /// True once it does not end its drains any more.
    restless: bool,
    /// Candidates since the last restart, and how many were told in all.
    ufrag: Option<String>,
    candidates: Vec<String>,
    told: u8,
}

impl FakeEngine {
    fn event(&mut self, event: EngineEvent) {
        self.queue.push_back(EngineOutput::Event(event));
    }

    fn is_over(&self) -> bool {
        matches!(self.state, MediaState::Failed | MediaState::Closed)
    }

    fn enter(&mut self, state: MediaState) {
        if self.state != state && !self.is_over() {
            self.state = state;
            self.event(EngineEvent::State(state));
        }
    }

    fn agreed(&mut self) {
        self.negotiation = Negotiation::Done;
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
    }

    fn describe(&self, setup: &str, ufrag: &str) -> String {
        let direction = format!("a={}\r\n", self.wanted.name());
        description(setup, ufrag, &self.made.password).replace("a=sendrecv\r\n", &direction)
    }

    /// Takes the direction that the far side tells.
    fn hear(&mut self, sdp: &str) {
        let far = sdp.lines().filter_map(|line| line.trim().strip_prefix("a="));
        let far = far.filter_map(Direction::from_name).next();
        self.far = far.unwrap_or(Direction::SendRecv).reversed();
        self.before = self.wanted;
    }
}

impl FakeEngine {
    fn channel_message(&mut self, text: &str) {
        let channel = self.sections.as_ref().and_then(|sections| sections.channel);
        if let Some(channel) = channel {
            let message = ChannelMessage::Text(text.to_owned());
            self.event(EngineEvent::ChannelMessage { channel, message });
        }
    }
}

/// The sections of a description.
struct Sections {
    channels: bool,
    all: Vec<FakeSection>,
    /// The tracks that were told last.
    told: Vec<TrackInfo>,
    /// The data channel, once open.
    channel: Option<ChannelId>,
}

struct FakeSection {
    media: String,
    mid: String,
    /// None for what is of no use here, or off.
    track: Option<Track>,
    channel: bool,
    far: Direction,
    wanted: Direction,
    muted: bool,
}

impl FakeSection {
    fn direction(&self) -> Direction {
        self.far.reversed().and(self.wanted)
    }
}

impl Sections {
    fn new(channels: bool) -> Self {
        Self { channels, all: Vec::new(), told: Vec::new(), channel: None }
    }

    /// Takes an offer. Sections keep their tracks, and those that are gone must be off.
    fn take(&mut self, offer: &str) -> Result<(), MediaError> {
        let description = Description::read(offer)?;
        if offer.contains("a=refuse") || description.ice_credentials().is_none() {
            return Err(SdpError::NoAudio.into());
        }
        if description.sections.len() < self.all.len() {
            return Err(SdpError::BadValue("fewer sections").into());
        }
        let (mut audio, mut video) = (0, 0);
        let mut all: Vec<FakeSection> = Vec::new();
        for (at, section) in description.sections.iter().enumerate() {
            let has =
                |codec: &str| section.attributes("rtpmap").any(|(_, value)| value.contains(codec));
            let old = self.all.get(at);
            let kept = old.and_then(|old| old.track);
            let usable = match section.kind() {
                "audio" => has("opus"),
                "video" => has("VP8") && all.len() < MAX_TRACKS,
                _ => false,
            };
            let number = match section.kind() {
                "audio" => &mut audio,
                _ => &mut video,
            };
            let own = match section.kind() {
                "audio" => Track::audio(*number),
                _ => Track::video(*number),
            };
            let track = (usable && !section.is_off()).then(|| kept.unwrap_or(own));
            *number += u8::from(usable);
            all.push(FakeSection {
                media: section.kind().to_owned(),
                mid: section.mid().unwrap_or_default().to_owned(),
                track,
                channel: section.kind() == "application" && self.channels && !section.is_off(),
                far: section.direction_in(&description),
                wanted: old.map_or(Direction::SendRecv, |old| old.wanted),
                muted: old.is_some_and(|old| old.muted),
            });
        }
        if all.iter().all(|section| section.track.is_none() && !section.channel) {
            return Err(MediaError::NoCommonCodec);
        }
        self.all = all;
        Ok(())
    }

    fn answer(&self, password: &str) -> String {
        let mut answer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n".to_owned();
        let mids: Vec<_> = self.all.iter().map(|section| section.mid.as_str()).collect();
        answer += &format!("a=group:BUNDLE {}\r\n", mids.join(" "));
        for section in &self.all {
            let (protocol, formats) = match section.media.as_str() {
                "audio" => ("UDP/TLS/RTP/SAVPF", "111"),
                "video" => ("UDP/TLS/RTP/SAVPF", "96"),
                _ => ("UDP/DTLS/SCTP", "webrtc-datachannel"),
            };
            let used = section.track.is_some() || section.channel;
            let port = if used { 9 } else { 0 };
            answer += &format!(
                "m={} {port} {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\n\
                 a=ice-ufrag:mine\r\na=ice-pwd:{password}\r\na=fingerprint:sha-256 AB:CD\r\n\
                 a=setup:active\r\n",
                section.media, section.mid
            );
            answer += &match section.media.as_str() {
                "audio" => format!(
                    "a={}\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n",
                    section.direction().name()
                ),
                "video" => format!(
                    "a={}\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n",
                    section.direction().name()
                ),
                _ => "a=sctp-port:5000\r\n".to_owned(),
            };
        }
        answer
    }

    fn of(&mut self, track: Track) -> Option<&mut FakeSection> {
        self.all.iter_mut().find(|section| section.track == Some(track))
    }

    fn sends(&self, track: Track) -> bool {
        let mut all = self.all.iter();
        let section = all.find(|section| section.track == Some(track));
        section.is_some_and(|section| section.direction().sends() && !section.muted)
    }

    fn has_channels(&self) -> bool {
        self.all.iter().any(|section| section.channel)
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        let info = |section: &FakeSection| {
            let track = section.track?;
            let codec = match track.kind {
                MediaKind::Audio => Codec::Audio(AudioCodec::Opus),
                MediaKind::Video => Codec::Video(VideoCodec::Vp8),
            };
            let mid = Some(section.mid.clone());
            Some(TrackInfo::new(track, mid, section.direction(), [codec]))
        };
        self.all.iter().filter_map(info).collect()
    }

    fn news(&mut self) -> Vec<EngineEvent> {
        let now = self.tracks();
        let news = EngineEvent::of_tracks(&self.told, &now);
        self.told = now;
        news
    }
}

/// Checks that a description can be used.
fn check(sdp: &str) -> Result<(), MediaError> {
    if sdp.contains("a=refuse") {
        Err(SdpError::NoAudio.into())
    } else if !sdp.contains("opus") || sdp.contains("a=no-opus") {
        Err(MediaError::NoCommonCodec)
    } else if !sdp.contains("a=ice-ufrag:") {
        Err(SdpError::NoAudio.into())
    } else {
        Ok(())
    }
}

impl Engine for FakeEngine {
    fn add_local(&mut self, _: Instant, local: &Local, _: LocalKind) {
        self.local.push(local.address);
        let (ip, port) = (local.address.ip(), local.address.port());
        self.event(EngineEvent::LocalCandidate(LocalCandidate {
            mid: Some("0".to_owned()),
            ufrag: "mine".to_owned(),
            candidate: format!("candidate:1 1 udp 2130706431 {ip} {port} typ host"),
        }));
    }

    fn remove_local(&mut self, _: Instant, address: SocketAddr) {
        self.local.retain(|local| *local != address);
        if self.local.is_empty() && self.state == MediaState::Connected {
            self.enter(MediaState::Disconnected);
        }
    }

    fn local_done(&mut self, _: Instant) {
        self.event(EngineEvent::GatheringComplete);
    }

    fn create_offer(&mut self, _: Instant, wishes: &[Wish]) -> Result<String, MediaError> {
        if !matches!(self.negotiation, Negotiation::New | Negotiation::Done) {
            return Err(MediaError::State(self.state));
        }
        if let [wish, ..] = wishes {
            self.wanted = wish.direction;
        }
        self.negotiation = Negotiation::Offered;
        Ok(self.describe("actpass", "mine"))
    }

    fn accept_answer(&mut self, _: Instant, answer: &str) -> Result<(), MediaError> {
        if self.negotiation != Negotiation::Offered {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = Negotiation::Done;
        check(answer)?;
        self.hear(answer);
        self.agreed();
        Ok(())
    }

    fn rollback(&mut self, _: Instant) -> Result<(), MediaError> {
        self.wanted = self.before;
        match self.negotiation {
            Negotiation::Offered if self.state == MediaState::New => {
                self.negotiation = Negotiation::New;
            }
            Negotiation::Offered => self.negotiation = Negotiation::Done,
            Negotiation::New | Negotiation::Answering | Negotiation::Done => {
                return Err(MediaError::State(self.state));
            }
        }
        Ok(())
    }

    fn accept_offer(&mut self, _: Instant, offer: &str) -> Result<(), MediaError> {
        if self.negotiation == Negotiation::Offered {
            return Err(MediaError::State(self.state));
        }
        match &mut self.sections {
            None => check(offer)?,
            Some(sections) => sections.take(offer)?,
        }
        let ufrag = offer.lines().find(|line| line.starts_with("a=ice-ufrag"));
        if self.ufrag.as_deref() != ufrag {
            self.ufrag = ufrag.map(str::to_owned);
            self.candidates.clear();
        }
        self.fails_once = offer.contains("a=x-answer-fails-once");
        self.negotiation = Negotiation::Answering;
        self.hear(offer);
        Ok(())
    }

    fn create_answer(&mut self, _: Instant) -> Result<String, MediaError> {
        if self.negotiation != Negotiation::Answering {
            return Err(MediaError::State(self.state));
        }
        if std::mem::take(&mut self.fails_once) {
            return Err(SdpError::BadValue("an answer for once").into());
        }
        self.agreed();
        if let Some(sections) = &mut self.sections {
            let answer = sections.answer(&self.made.password);
            let news = sections.news();
            news.into_iter().for_each(|event| self.event(event));
            return Ok(answer);
        }
        Ok(self.describe("active", "mine"))
    }

    fn add_remote_candidate(&mut self, _: Instant, candidate: &str) -> Result<(), MediaError> {
        if !candidate.starts_with("candidate:") {
            return Err(MediaError::Candidate(candidate.to_owned()));
        }
        // A redundant candidate is nothing new (RFC 8445 section 5.1.3).
        if self.made.counts_candidates && !self.candidates.iter().any(|known| known == candidate) {
            self.candidates.push(candidate.to_owned());
            self.told = (self.told + 1).min(15);
            if let Some(digit) = Digit::from_event(self.told) {
                self.event(EngineEvent::Dtmf { digit, duration: Duration::ZERO });
            }
        }
        Ok(())
    }

    fn restart_ice(&mut self, _: Instant) -> Result<String, MediaError> {
        if self.negotiation != Negotiation::Done {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = Negotiation::Offered;
        Ok(self.describe("actpass", "again"))
    }

    fn handle_datagram(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, data: &[u8]) {
        match data {
            b"connected" => self.enter(MediaState::Connected),
            b"disconnected" => self.enter(MediaState::Disconnected),
            b"failed" if self.is_over() => {}
            b"failed" => {
                self.event(EngineEvent::Failed(MediaError::Connection("no path".to_owned())));
                self.enter(MediaState::Failed);
            }
            b"closed" => self.enter(MediaState::Closed),
            b"restless" => self.restless = true,
            b"keyframe" => self.event(EngineEvent::KeyframeWanted(Track::video(0))),
            b"remb" => {
                self.event(EngineEvent::BitrateLimit { track: Track::video(0), limit: 300_000 });
            }
            b"flood" => (0..1000).for_each(|_| self.channel_message("{}")),
            _ if data.starts_with(b"channel ") => {
                let text = String::from_utf8_lossy(&data[8..]).into_owned();
                self.channel_message(&text);
            }
            b"hundred" => {
                self.stats.packets_received += 100;
                self.stats.packets_lost += 1;
                self.stats.jitter = Duration::from_millis(2);
                self.stats.round_trip = Some(Duration::from_millis(100));
            }
            b"relayed" => self.event(EngineEvent::LocalCandidate(LocalCandidate {
                mid: None,
                ufrag: "uf".to_owned(),
                candidate: "candidate:2 1 udp 1 192.0.2.200 9 typ relay".to_owned(),
            })),
            b"audio" => {
                let frame = AudioFrame {
                    codec: AudioCodec::Opus,
                    time: 0,
                    lost_before: 0,
                    talkspurt: false,
                    data: Bytes::from_static(b"far"),
                };
                self.event(EngineEvent::Frame { track: Track::AUDIO, frame: frame.into() });
            }
            b"dtmf" => {
                if let Some(digit) = Digit::from_event(5) {
                    let duration = Duration::from_millis(100);
                    self.event(EngineEvent::Dtmf { digit, duration });
                }
            }
            _ => {}
        }
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn send(&mut self, _: Instant, track: Track, frame: &Frame) -> Result<(), MediaError> {
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        if let (Some(sections), Frame::Video(frame)) = (&self.sections, frame) {
            if !sections.sends(track) {
                return Ok(());
            }
            self.queue.push_back(EngineOutput::Transmit {
                local: SocketAddr::from(([127, 0, 0, 1], 4000)),
                remote: SocketAddr::from(([127, 0, 0, 1], 5000)),
                data: frame.data.to_vec(),
            });
            return Ok(());
        }
        if self.sections.as_ref().is_some_and(|sections| !sections.sends(track)) {
            return Ok(());
        }
        let frame = match frame {
            Frame::Audio(frame) if track == Track::AUDIO && frame.codec == AudioCodec::Opus => {
                frame
            }
            Frame::Audio(_) | Frame::Video(_) => {
                return Err(MediaError::NotNegotiated(frame.codec_name()));
            }
        };
        self.stats.packets_sent += 1;
        self.queue.push_back(EngineOutput::Transmit {
            local: SocketAddr::from(([127, 0, 0, 1], 4000)),
            remote: SocketAddr::from(([127, 0, 0, 1], 5000)),
            data: frame.data.to_vec(),
        });
        Ok(())
    }

    fn set_muted(&mut self, track: Track, muted: bool) {
        if let Some(section) = self.sections.as_mut().and_then(|all| all.of(track)) {
            section.muted = muted;
        }
    }

    fn request_keyframe(&mut self, _: Instant, track: Track) -> Result<(), MediaError> {
        let known = self.sections.as_mut().and_then(|all| all.of(track)).is_some();
        if !known || track.kind != MediaKind::Video {
            return Err(MediaError::NotNegotiated(track.kind.name()));
        }
        self.queue.push_back(EngineOutput::Transmit {
            local: SocketAddr::from(([127, 0, 0, 1], 4000)),
            remote: SocketAddr::from(([127, 0, 0, 1], 5000)),
            data: b"pli".to_vec(),
        });
        Ok(())
    }

    fn limit_bitrate(
        &mut self,
        _: Instant,
        track: Track,
        limit: Option<u64>,
    ) -> Result<(), MediaError> {
        let known = self.sections.as_mut().and_then(|all| all.of(track)).is_some();
        if !known || track.kind != MediaKind::Video {
            return Err(MediaError::NotNegotiated(track.kind.name()));
        }
        self.queue.push_back(EngineOutput::Transmit {
            local: SocketAddr::from(([127, 0, 0, 1], 4000)),
            remote: SocketAddr::from(([127, 0, 0, 1], 5000)),
            data: format!("remb {limit:?}").into_bytes(),
        });
        Ok(())
    }

    fn open_channel(&mut self, _: Instant, label: &str) -> Result<ChannelId, MediaError> {
        let sections = self.sections.as_mut().filter(|sections| sections.has_channels());
        let Some(sections) = sections else {
            return Err(MediaError::NotNegotiated("a data channel"));
        };
        sections.channel = Some(ChannelId(0));
        self.event(EngineEvent::ChannelOpened { channel: ChannelId(0), label: label.to_owned() });
        Ok(ChannelId(0))
    }

    fn send_dtmf(&mut self, _: Instant, digits: &[Digit], _: Duration) -> Result<(), MediaError> {
        if self.state != MediaState::Connected {
            return Err(MediaError::State(self.state));
        }
        if digits.len() > 64 { Err(MediaError::TooMany("digits")) } else { Ok(()) }
    }

    fn set_direction(&mut self, track: Track, direction: Direction) {
        match self.sections.as_mut() {
            None => self.wanted = direction,
            Some(sections) => {
                if let Some(section) = sections.of(track) {
                    section.wanted = direction;
                }
            }
        }
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        if let Some(sections) = &self.sections {
            return sections.tracks();
        }
        let terms = self.agreement();
        terms.map(|terms| TrackInfo::audio(Some("0".to_owned()), &terms)).into_iter().collect()
    }

    fn agreement(&self) -> Option<Agreement> {
        if self.sections.is_some() {
            return None;
        }
        matches!(self.negotiation, Negotiation::Answering | Negotiation::Done).then_some(
            Agreement {
                direction: self.wanted.and(self.far),
                codec: AudioCodec::Opus,
                codecs: [AudioCodec::Opus].into_iter().collect(),
                keys: true,
                expected_loss: ExpectedLoss::LEAST,
                dtx: false,
            },
        )
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        self.stats
    }

    fn track_stats(&self, track: Track) -> Option<TrackStats> {
        let known = self.tracks().iter().any(|info| info.track == track);
        known.then(TrackStats::default)
    }

    fn close(&mut self, _: Instant) {
        self.enter(MediaState::Closed);
    }

    fn poll_output(&mut self) -> EngineOutput {
        if self.restless {
            let address = SocketAddr::from(([127, 0, 0, 1], 4000));
            return EngineOutput::Transmit { local: address, remote: address, data: Vec::new() };
        }
        self.queue.pop_front().unwrap_or(EngineOutput::Timeout(None))
    }
}
