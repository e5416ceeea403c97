//! The engine: state and path of one session, and the loop around str0m.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use str0m::bwe::BweKind;
use str0m::media::Mid;
use str0m::net::Transmit;
use str0m::{Candidate, Event, IceConnectionState, Input, Output};

use super::association::{Association, Ingredients, MID, OurPart, pt};
use super::audio::AudioTrack;
use super::dtmf;
use super::missing::{HANDSHAKE_LIMIT, Missing};
use super::more::More;
use super::path::{OurAddress, Path};
use super::receive::Datagram;
use super::reports::Reports;
use super::video::VideoTrack;
use crate::machine::Wake;
use crate::media::negotiation::{Abilities, Descriptions, Holds, Remote};
use crate::media::rtp::Header;
use crate::media::{
    Agreement, AudioCodec, ChannelId, ChannelMessage, Digit, Engine, EngineConfig, EngineEvent,
    EngineOutput, Frame, Local, LocalCandidate, LocalKind, MediaError, MediaKind, MediaState,
    MediaStats, Report, Track, TrackInfo, TrackStats, Wish,
};
use crate::sdp::{Direction, candidate};

/// str0m says "in a very long time" for "never".
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// Times in a row that str0m may want to be called again at once.
pub(super) const MAX_TURNS: usize = 64;

/// One session over str0m.
pub(super) struct WebRtc {
    pub(super) ingredients: Ingredients,
    pub(super) association: Option<Association>,
    /// The number of associations so far.
    pub(super) associations: u32,
    pub(super) config: EngineConfig,
    pub(super) now: Instant,
    pub(super) descriptions: Descriptions<OurPart>,
    /// The terms last told of the first track of audio.
    pub(super) told: Option<Agreement>,
    pub(super) told_track: Option<TrackInfo>,
    pub(super) state: MediaState,
    /// True once the DTLS handshake is done.
    pub(super) secure: bool,
    /// The time at which what is missing is given up.
    give_up: Option<(Instant, Missing)>,
    pub(super) path: Path,
    /// The first track of audio.
    pub(super) audio: AudioTrack,
    keys: dtmf::Sender,
    /// Tracks and channels that a telephone does not have.
    pub(super) more: Option<Box<More>>,
    pub(super) reports: Reports,
    /// Packets of RTP that were authentic, and datagrams of any kind that were not taken.
    pub(super) authentic: u64,
    pub(super) refused: u64,
    pub(super) queue: VecDeque<EngineOutput>,
    pub(super) rtc_wake: Option<Instant>,
    /// Times that str0m drew from the session's seed ([`EngineConfig::twin`]).
    draws: u64,
}

impl WebRtc {
    pub(super) fn new(ingredients: Ingredients, config: EngineConfig, now: Instant) -> Self {
        let mut rng = config.seed.child("rtp").rng();
        let audio = AudioTrack::new(&config, Mid::from(MID), None, &mut rng);
        // Positive as a signed number, which some far ends read it as (RFC 8829 section 5.2.1).
        let session = config.seed.child("sdp").rng().next_u64() >> 1;
        let more = (!Abilities::of(&config).is_telephone()).then(Box::default);
        Self {
            ingredients,
            association: None,
            associations: 0,
            config,
            now,
            descriptions: Descriptions::new(session),
            told: None,
            told_track: None,
            state: MediaState::New,
            secure: false,
            give_up: None,
            path: Path::default(),
            audio,
            keys: dtmf::Sender::default(),
            more,
            reports: Reports::default(),
            authentic: 0,
            refused: 0,
            queue: VecDeque::new(),
            rtc_wake: None,
            draws: 0,
        }
    }

    /// Negotiates. Whatever str0m draws then comes from the session's seed if the settings want that: it draws
    /// from a generator of the thread, whose other users get their own back.
    fn negotiate<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        if !self.config.twin {
            return act(self);
        }
        self.draws += 1;
        let seed = self.config.seed.child(&format!("draw {}", self.draws));
        let others = fastrand::u64(..);
        fastrand::seed(seed.rng().next_u64());
        let done = act(self);
        fastrand::seed(others);
        done
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, MediaState::Failed | MediaState::Closed)
    }

    pub(super) fn event(&mut self, event: EngineEvent) {
        self.queue.push_back(EngineOutput::Event(event));
    }

    pub(super) fn enter(&mut self, state: MediaState) {
        if self.state == state || self.is_over() {
            return;
        }
        self.state = state;
        self.give_up = match state {
            MediaState::Connecting | MediaState::Disconnected => {
                Some((self.now + self.config.path_limit, Missing::Path))
            }
            MediaState::New | MediaState::Connected | MediaState::Failed | MediaState::Closed => {
                None
            }
        };
        if self.is_over() {
            self.audio.backlog.clear();
            if let Some(more) = &mut self.more {
                more.audio.values_mut().for_each(|audio| audio.backlog.clear());
            }
        }
        self.event(EngineEvent::State(state));
    }

    /// Lets str0m act on a change, and takes all it has to say. What is written leaves only on a
    /// timeout, so there is one in every turn.
    pub(super) fn turn(&mut self, now: Instant) {
        self.now = self.now.max(now);
        for _ in 0..MAX_TURNS {
            let Some(association) = &mut self.association else { return };
            if let Err(error) = association.rtc.handle_input(Input::Timeout(self.now)) {
                self.fail(self.reason(&error));
            }
            if !self.drain() {
                return;
            }
        }
    }

    pub(super) fn transmit(&mut self, transmit: Transmit) {
        let Transmit { source: local, destination: remote, contents, .. } = transmit;
        // str0m goes on by the last way that it knew.
        if self.path.leads_by(local) {
            let data = contents.to_vec();
            self.queue.push_back(EngineOutput::Transmit { local, remote, data });
        }
    }

    /// True when str0m wants to be called again at once.
    pub(super) fn drain(&mut self) -> bool {
        loop {
            let Some(association) = &mut self.association else { return false };
            match association.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => self.transmit(transmit),
                Ok(Output::Event(event)) => self.handle_event(event),
                Ok(Output::Timeout(at)) => {
                    let alive = association.rtc.is_alive() && at < self.now + NEVER;
                    self.rtc_wake = alive.then_some(at);
                    return alive && at <= self.now;
                }
                Err(error) => {
                    self.rtc_wake = None;
                    self.fail(self.reason(&error));
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
                IceConnectionState::Checking => {
                    // Nothing is looked for before there is an answer.
                    if self.association.as_ref().is_some_and(Association::has_begun) {
                        self.enter(MediaState::Connecting);
                    }
                    if let Some((_, Missing::Handshake)) = self.give_up {
                        self.give_up = Some((self.now + self.config.path_limit, Missing::Path));
                        self.has_path(false);
                    }
                }
                IceConnectionState::Connected | IceConnectionState::Completed => {
                    if self.secure {
                        self.enter(MediaState::Connected);
                    } else {
                        if let Some((_, Missing::Path)) = self.give_up {
                            self.give_up = Some((self.now + HANDSHAKE_LIMIT, Missing::Handshake));
                        }
                        self.has_path(true);
                    }
                }
                IceConnectionState::Disconnected => {
                    self.enter(MediaState::Disconnected);
                    self.has_path(false);
                }
            },
            Event::RtpPacket(packet) if self.secure => self.received(&packet),
            Event::PeerStats(stats) => self.measured(&stats),
            Event::MediaEgressStats(stats) if stats.mid == self.audio.mid => {
                self.reported_on(&stats);
            }
            Event::KeyframeRequest(request) => {
                let tracks = self.more.iter_mut().flat_map(|more| more.video.values_mut());
                tracks.filter(|track| track.mid == request.mid).for_each(VideoTrack::want);
                self.settle_pictures();
            }
            Event::EgressBitrateEstimate(BweKind::Remb { estimate, mid }) => {
                let tracks = self.more.iter_mut().flat_map(|more| more.video.values_mut());
                let track = tracks.filter(|track| track.mid == mid);
                track.for_each(|track| track.take_limit(estimate.as_u64()));
                self.settle_pictures();
            }
            Event::ChannelOpen(inner, label) => {
                if let (Some(more), Some(association)) = (&mut self.more, &mut self.association) {
                    let event = more.channels.opened(association, inner, label);
                    event.into_iter().for_each(|event| self.event(event));
                }
            }
            Event::ChannelData(data) => {
                let event = self.more.as_ref().and_then(|more| more.channels.received(data));
                event.into_iter().for_each(|event| self.event(event));
            }
            Event::ChannelClose(inner) => {
                let event = self.more.as_mut().and_then(|more| more.channels.closed(inner));
                event.into_iter().for_each(|event| self.event(event));
            }
            Event::Closed => self.enter(MediaState::Closed),
            _ => {}
        }
    }

    /// The handshake is through: whoever presented a certificate that was not announced is not the
    /// far side (RFC 8842 section 5.5).
    fn secured(&mut self) {
        let presented = self.association.as_mut().and_then(Association::presented);
        let announced = self.descriptions.agreed.as_ref().is_some_and(|agreed| {
            presented.is_some_and(|presented| agreed.fingerprints.contains(&presented))
        });
        if announced {
            self.secure = true;
            self.enter(MediaState::Connected);
            self.say_backlog(0);
            let others = self.more.iter().flat_map(|more| more.audio.keys());
            let others: Vec<u8> = others.copied().collect();
            others.into_iter().for_each(|number| self.say_backlog(number));
        } else {
            let text = "the far side's certificate is not the one that it announced";
            self.fail(MediaError::Connection(text.to_owned()));
        }
    }

    /// Sends the telephone-events that are due. They wait while the far side holds.
    fn press_keys(&mut self) {
        if !self.direction().sends() {
            return;
        }
        let codec = self.stream_codec();
        let event = codec.and_then(|codec| Some((codec, self.event_type(codec)?)));
        let Some((codec, (clock, number))) = event else {
            // None were agreed on, or no more: nobody would understand those that wait.
            self.keys = dtmf::Sender::default();
            return;
        };
        while let Some(event) = self.keys.poll(self.now, clock) {
            let packet = self.audio.outgoing.event(self.now, pt(number), codec, &event);
            self.write(packet);
            self.turn(self.now);
        }
    }

    /// The codec of what is sent on the first track of audio.
    fn stream_codec(&self) -> Option<AudioCodec> {
        self.audio.codec(self.descriptions.payloads(self.audio.place)?)
    }

    /// The direction agreed on for the first track of audio, as we see it.
    pub(super) fn direction(&self) -> Direction {
        self.descriptions.direction(self.audio.place, self.audio.wanted)
    }

    fn event_type(&self, codec: AudioCodec) -> Option<(u32, u8)> {
        self.descriptions.payloads(self.audio.place)?.event_type(codec)
    }

    /// The name of a track's section.
    pub(super) fn mid_of(&self, track: Track) -> Option<String> {
        let mut uses = self.descriptions.uses();
        let (_, slot, _) = uses.find(|(.., holds)| *holds == Holds::Track(track))?;
        slot.mid.clone()
    }

    /// Takes the candidates of a text that ICE can use, as long as there are not too many.
    pub(super) fn add_candidates(&mut self, text: &str) {
        let Some(association) = &mut self.association else { return };
        if !association.has_begun() {
            let candidates = candidate::Candidate::read_all(text).candidates;
            self.path.keep(candidates.into_iter().map(|(_, candidate)| candidate));
            return;
        }
        for line in self.path.admit(text) {
            if let Ok(candidate) = Candidate::from_sdp_string(&line) {
                association.rtc.add_remote_candidate(candidate);
            }
        }
        // A relay does not reach a local network, and whoever wants nothing but relays tells it nothing.
        while let Some(name) = self.path.wants()
            && !self.config.relay_only
        {
            self.queue.push_back(EngineOutput::Resolve { name });
        }
    }

    /// Makes one of our addresses a candidate, if it is none yet, and tells it.
    pub(super) fn tell_candidate(&mut self, ours: &OurAddress) {
        let Some(association) = &mut self.association else { return };
        let Some(line) = association.candidate(ours) else { return };
        let ufrag = association.credentials().ufrag;
        let agreed = self.descriptions.agreed.as_ref();
        let mid = agreed.and_then(Remote::mid).map(str::to_owned);
        let candidate = format!("{line} ufrag {ufrag}");
        self.event(EngineEvent::LocalCandidate(LocalCandidate { mid, ufrag, candidate }));
    }

    pub(super) fn tell_candidates(&mut self) {
        let ours: Vec<_> = self.path.ours().cloned().collect();
        for ours in ours {
            self.tell_candidate(&ours);
        }
        if self.path.gathered {
            self.event(EngineEvent::GatheringComplete);
        }
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
        self.negotiate(|own| own.make_offer(now, wishes))
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.negotiate(|own| own.take_answer(now, answer))
    }

    fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        self.negotiate(|own| own.take_back(now))
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.negotiate(|own| own.take_offer(now, offer))
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.negotiate(|own| own.make_answer(now))
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.negotiate(|own| own.make_restart(now))
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
        if self.descriptions.agreed.is_some() {
            self.add_candidates(candidate);
            self.turn(now);
        } else {
            self.path.keep(fragment.candidates.into_iter().map(|(_, candidate)| candidate));
        }
        Ok(())
    }

    fn resolved(&mut self, now: Instant, name: &str, addresses: &[IpAddr]) {
        for line in self.path.resolved(name, addresses) {
            self.add_candidates(&line);
        }
        self.turn(now);
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) {
        self.now = self.now.max(now);
        let datagram = Datagram { local, remote, data };
        if !self.accepts(&datagram) {
            return self.refuse();
        }
        match Header::read(data) {
            Some(header) => self.handle_rtp(header, &datagram),
            None => self.feed(self.now, &datagram),
        }
    }

    fn handle_report(&mut self, now: Instant, report: Report) {
        self.now = self.now.max(now);
        report.remote_loss().into_iter().for_each(|loss| self.reported(loss));
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.turn(now);
        self.release_held(0);
        if let Some((_, missing)) = self.give_up.filter(|(at, _)| *at <= self.now) {
            self.fail(self.given_up(missing));
        }
        self.press_keys();
        self.say_backlog(0);
        self.pass_time();
    }

    fn send(&mut self, now: Instant, track: Track, frame: &Frame) -> Result<(), MediaError> {
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        match (track.kind, frame) {
            (MediaKind::Audio, Frame::Audio(frame)) => self.send_audio(now, track.number, frame),
            (MediaKind::Video, Frame::Video(frame)) => self.send_picture(now, track.number, frame),
            (MediaKind::Audio | MediaKind::Video, frame) => {
                Err(MediaError::NotNegotiated(frame.codec_name()))
            }
        }
    }

    fn set_muted(&mut self, track: Track, muted: bool) {
        match track.kind {
            MediaKind::Audio => {
                if let Some(audio) = self.audio_mut(track.number) {
                    audio.muted = muted;
                    if muted {
                        audio.backlog.clear();
                    }
                }
            }
            MediaKind::Video => {
                let tracks = self.more.as_mut().map(|more| &mut more.video);
                if let Some(video) = tracks.and_then(|video| video.get_mut(&track.number)) {
                    video.set_muted(muted);
                    self.settle_pictures();
                }
            }
        }
    }

    fn request_keyframe(&mut self, now: Instant, track: Track) -> Result<(), MediaError> {
        self.now = self.now.max(now);
        let none = MediaError::NotNegotiated(track.kind.name());
        let tracks = self.more.as_mut().filter(|_| track.kind == MediaKind::Video);
        let video = tracks.and_then(|more| more.video.get_mut(&track.number));
        let Some(video) = video.filter(|video| video.place.is_some()) else { return Err(none) };
        video.ask();
        if self.settle_pictures() {
            self.turn(self.now);
        }
        Ok(())
    }

    fn limit_bitrate(
        &mut self,
        now: Instant,
        track: Track,
        limit: Option<u64>,
    ) -> Result<(), MediaError> {
        self.now = self.now.max(now);
        let none = MediaError::NotNegotiated(track.kind.name());
        let tracks = self.more.as_mut().filter(|_| track.kind == MediaKind::Video);
        let video = tracks.and_then(|more| more.video.get_mut(&track.number));
        let Some(video) = video else { return Err(none) };
        match self.descriptions.pictures(video.place) {
            Some((_, pictures)) if pictures.limits() => video.set_limit(limit),
            Some(_) => return Err(MediaError::NotNegotiated("goog-remb")),
            None => return Err(none),
        }
        if self.settle_pictures() {
            self.turn(self.now);
        }
        Ok(())
    }

    fn open_channel(&mut self, now: Instant, label: &str) -> Result<ChannelId, MediaError> {
        let (Some(more), Some(association), false) = (
            &mut self.more,
            &mut self.association,
            matches!(self.state, MediaState::Closed | MediaState::Failed),
        ) else {
            return Err(MediaError::NotNegotiated("a data channel"));
        };
        let channel = more.channels.open(association, label)?;
        self.turn(now);
        Ok(channel)
    }

    fn send_message(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: &ChannelMessage,
    ) -> Result<(), MediaError> {
        let (Some(more), Some(association)) = (&mut self.more, &mut self.association) else {
            return Err(MediaError::NotNegotiated("a data channel"));
        };
        more.channels.send(association, channel, message)?;
        self.turn(now);
        Ok(())
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

    fn set_direction(&mut self, track: Track, direction: Direction) {
        self.want(track, direction);
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        let info = |holds, mid: &Option<String>| {
            let Holds::Track(track) = holds else { return None };
            if track == Track::AUDIO {
                return Some(TrackInfo::audio(mid.clone(), &self.agreement()?));
            }
            let (place, wanted) = match track.kind {
                MediaKind::Audio => self.audio(track.number).map(|a| (a.place, a.wanted))?,
                MediaKind::Video => {
                    let video = self.more.as_ref()?.video.get(&track.number)?;
                    (video.place, video.wanted)
                }
            };
            let section = self.descriptions.section(place)?;
            let direction = self.descriptions.direction(place, wanted);
            let mut info = TrackInfo::new(track, mid.clone(), direction, section.terms.codecs());
            info.encodings.clone_from(&section.encodings.rids);
            info.received.clone_from(&section.sent.rids);
            Some(info)
        };
        self.descriptions.uses().filter_map(|(_, slot, holds)| info(holds, &slot.mid)).collect()
    }

    fn agreement(&self) -> Option<Agreement> {
        let payloads = self.descriptions.payloads(self.audio.place)?;
        let (codec, _) = *payloads.codecs.first()?;
        let keys = payloads.event_type(codec).is_some();
        let codecs = payloads.codecs.iter().map(|(codec, _)| *codec).collect();
        let expected_loss =
            if payloads.opus.fec { self.reports.expected_loss.percent() } else { 0 };
        let dtx = payloads.opus.dtx || self.config.dtx;
        Some(Agreement { direction: self.direction(), codec, codecs, keys, expected_loss, dtx })
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        self.figures()
    }

    fn track_stats(&self, track: Track) -> Option<TrackStats> {
        match track.kind {
            MediaKind::Audio => self.audio(track.number).map(AudioTrack::stats),
            MediaKind::Video => self.more.as_ref()?.video.get(&track.number).map(|v| v.stats),
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
        let backlog = self.secure.then(|| self.audio.backlog.next_wake(self.now)).flatten();
        let keys = self.direction().sends().then(|| self.keys.next_wake()).flatten();
        let more = self.more.as_ref().and_then(|more| more.next_wake(self.now, self.secure));
        let wakes = [
            wake(self.rtc_wake, "ICE, DTLS and RTCP"),
            wake(self.audio.incoming.probation.next_wake(), "a jump in the audio"),
            wake(self.audio.incoming.receiver.next_wake(), "audio that is due"),
            wake(self.give_up.map(|(at, _)| at), "path and handshake limit"),
            wake(keys, "DTMF"),
            wake(backlog, "what was said before media"),
            wake(more, "pictures and further audio"),
        ];
        EngineOutput::Timeout(wakes.into_iter().fold(None, Wake::earliest))
    }
}
