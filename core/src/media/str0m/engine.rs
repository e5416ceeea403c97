//! The engine: state, negotiation and path of one session.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output};

use super::association::{Association, Ingredients, MID, pt};
use super::audio::AudioTrack;
use super::descriptions::{Descriptions, Offered, Step};
use super::dtmf;
use super::more::More;
use super::path::{OurAddress, Path};
use super::receive::Datagram;
use super::slots::{Holds, Slots};
use super::video::VideoTrack;
use crate::machine::Wake;
use crate::media::negotiation::{
    self, Abilities, OurSection, OurTerms, Payloads, Picture, Pictures, Remote, Renewal, Terms,
};
use crate::media::rtp::Header;
use crate::media::{
    Agreement, AudioCodec, ChannelId, ChannelMessage, Codec, Digit, Engine, EngineConfig,
    EngineEvent, EngineOutput, Frame, Local, LocalCandidate, LocalKind, MAX_TRACKS, MediaError,
    MediaKind, MediaState, MediaStats, Track, TrackInfo, TrackStats, Wish,
};
use crate::sdp::{Description, Direction, candidate};

/// str0m says "in a very long time" for "never".
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// Times in a row that str0m may want to be called again at once.
const MAX_TURNS: usize = 64;
/// The number by which we offer the header extension that names a section.
const MID_NUMBER: u8 = 4;

/// One session over str0m.
pub(super) struct WebRtc {
    ingredients: Ingredients,
    pub(super) association: Option<Association>,
    /// How many there were.
    associations: u32,
    config: EngineConfig,
    pub(super) now: Instant,
    pub(super) descriptions: Descriptions,
    /// What was told of the first track of audio.
    told: Option<Agreement>,
    pub(super) state: MediaState,
    /// Whether DTLS is through.
    pub(super) secure: bool,
    /// When a path that is missing is given up.
    give_up: Option<Instant>,
    path: Path,
    /// The first track of audio.
    pub(super) audio: AudioTrack,
    keys: dtmf::Sender,
    /// What a telephone has not.
    pub(super) more: Option<Box<More>>,
    round_trip: Option<Duration>,
    remote_loss: Option<f32>,
    pub(super) queue: VecDeque<EngineOutput>,
    rtc_wake: Option<Instant>,
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
            state: MediaState::New,
            secure: false,
            give_up: None,
            path: Path::default(),
            audio,
            keys: dtmf::Sender::default(),
            more,
            round_trip: None,
            remote_loss: None,
            queue: VecDeque::new(),
            rtc_wake: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, MediaState::Failed | MediaState::Closed)
    }

    pub(super) fn event(&mut self, event: EngineEvent) {
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
            self.audio.backlog.clear();
            if let Some(more) = &mut self.more {
                more.audio.values_mut().for_each(|audio| audio.backlog.clear());
            }
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
    pub(super) fn turn(&mut self, now: Instant) {
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
            Event::RtpPacket(packet) if self.secure => self.received(&packet),
            Event::PeerStats(stats) => {
                // By ICE: RTCP's is rounded by a clock that no seed decides.
                let pair = stats.selected_candidate_pair;
                let measured = pair.and_then(|pair| pair.current_round_trip_time);
                self.round_trip = measured.or(self.round_trip);
                self.remote_loss = stats.egress_loss_fraction.or(self.remote_loss);
            }
            Event::MediaEgressStats(stats) if stats.mid == self.audio.mid => {
                self.remote_loss = stats.loss.or(self.remote_loss);
            }
            Event::KeyframeRequest(request) => {
                let tracks = self.more.iter_mut().flat_map(|more| more.video.values_mut());
                tracks.filter(|track| track.mid == request.mid).for_each(VideoTrack::want);
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

    /// Gives str0m a datagram.
    pub(super) fn feed(&mut self, arrived: Instant, datagram: &Datagram<&[u8]>) {
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
    fn direction(&self) -> Direction {
        self.descriptions.direction(self.audio.place, self.audio.wanted)
    }

    fn event_type(&self, codec: AudioCodec) -> Option<(u32, u8)> {
        self.descriptions.payloads(self.audio.place)?.event_type(codec)
    }

    /// A far side's description is in force; what came before it can be used.
    fn agree(&mut self, remote: Remote, slots: Slots, plan: &[Holds], offered: &[OurSection]) {
        let agreed = self.descriptions.agreed.as_ref();
        if agreed.is_some_and(|agreed| agreed.ufrag != remote.ufrag) {
            self.path.renew();
        }
        let candidates = remote.candidates.clone();
        self.descriptions.agreed = Some(remote);
        self.descriptions.slots = slots;
        self.audio.place = plan.iter().position(|holds| *holds == Holds::Track(Track::AUDIO));
        self.place_more(plan, offered);
        for candidate in self.path.take_early().into_iter().chain(candidates) {
            self.add_candidates(&candidate);
        }
    }

    /// Says where each further track is now, makes those that are new (as they were offered, if they
    /// were), and ends those that are gone.
    fn place_more(&mut self, plan: &[Holds], offered: &[OurSection]) {
        let (Some(more), Some(remote), Some(association)) =
            (&mut self.more, &self.descriptions.agreed, &mut self.association)
        else {
            return;
        };
        more.leave();
        let mut longest = None;
        for (place, (holds, section)) in plan.iter().zip(&remote.sections).enumerate() {
            match (holds, &section.terms) {
                (Holds::Channels, Terms::Channels { longest: theirs }) => longest = Some(*theirs),
                (Holds::Track(Track::AUDIO) | Holds::Channels, _) => {}
                (Holds::Track(track), _) => {
                    more.put(*track, place, offered.get(section.index), &self.config);
                }
            }
        }
        let slots = &self.descriptions.slots;
        let gone = more.retire(|track| slots.hold(Holds::Track(track)));
        gone.into_iter().for_each(|mid| association.undeclare(mid));
        more.rest().into_iter().for_each(|source| association.forget(source));
        more.declare(association);
        for video in more.video.values_mut() {
            if !self.descriptions.direction(video.place, video.wanted).sends() {
                video.interrupt();
            }
        }
        let ended = match longest {
            Some(longest) => {
                association.start_channels();
                more.channels.agree(longest);
                Vec::new()
            }
            None => more.channels.end(Some(association)),
        };
        ended.into_iter().for_each(|event| self.event(event));
    }

    /// Tells what is new of the tracks.
    fn tell_agreement(&mut self) {
        let agreement = self.agreement();
        let before = std::mem::replace(&mut self.told, agreement);
        if before != agreement {
            let info = |terms| TrackInfo::audio(self.mid_of(Track::AUDIO), &terms);
            self.event(match (before, agreement) {
                (None, Some(terms)) => EngineEvent::TrackAdded(info(terms)),
                (Some(_), Some(terms)) => EngineEvent::TrackChanged(info(terms)),
                (Some(_) | None, None) => EngineEvent::TrackRemoved(Track::AUDIO),
            });
        }
        if let Some(agreement) = agreement.filter(|_| before != agreement) {
            self.event(EngineEvent::Agreed(agreement));
        }
        if self.more.is_some() {
            let mut tracks = self.tracks();
            tracks.retain(|info| info.track != Track::AUDIO);
            let news = self.more.as_mut().map(|more| more.tell(tracks)).unwrap_or_default();
            news.into_iter().for_each(|event| self.event(event));
        }
    }

    /// The name of a track's section.
    fn mid_of(&self, track: Track) -> Option<String> {
        let mut uses = self.descriptions.uses();
        let (_, slot, _) = uses.find(|(.., holds)| *holds == Holds::Track(track))?;
        slot.mid.clone()
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
    fn change(&mut self, remote: &Remote) -> Option<Renewal> {
        let agreed = self.descriptions.agreed.as_ref()?;
        let association = self.association.as_mut()?;
        let verified = if self.secure { association.presented() } else { None };
        Some(remote.change(agreed, verified.as_ref(), association.setup()))
    }

    fn ufrag(&mut self) -> Option<String> {
        Some(self.association.as_mut()?.credentials().ufrag)
    }

    /// Makes one of our addresses a candidate, if it is none yet, and tells it.
    fn tell_candidate(&mut self, ours: &OurAddress) {
        let Some(association) = &mut self.association else { return };
        let Some(line) = association.candidate(ours) else { return };
        let ufrag = association.credentials().ufrag;
        let agreed = self.descriptions.agreed.as_ref();
        let mid = agreed.and_then(Remote::mid).map(str::to_owned);
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
    fn associate<'t>(
        &mut self,
        terms: impl Iterator<Item = &'t Terms> + Clone,
        credentials: Option<IceCreds>,
    ) -> Association {
        self.associations += 1;
        let seed = self.config.seed.child(&format!("str0m {}", self.associations));
        let payloads = terms.clone().find_map(|terms| match terms {
            Terms::Audio(payloads) => Some(payloads),
            Terms::Video(_) | Terms::Channels { .. } => None,
        });
        let pictures = terms.flat_map(|terms| match terms {
            Terms::Video(pictures) => &*pictures.codecs,
            Terms::Audio(_) | Terms::Channels { .. } => &[],
        });
        let mut pictures: Vec<Picture> = pictures.cloned().collect();
        pictures.extend(Pictures::ours(&self.config.video).codecs);
        let mut association =
            Association::new(self.now, &self.ingredients, payloads, &pictures, seed);
        if let Some(credentials) = credentials {
            association.set_credentials(credentials);
        }
        association
    }

    /// Puts an association in force, in place of the one that there was.
    fn install(&mut self, association: Association) {
        self.audio.mid = association.mid;
        if self.association.replace(association).is_some() {
            self.path.renew();
            self.secure = false;
            self.audio.restart();
            let ended = self.more.as_mut().map(|more| more.restart()).unwrap_or_default();
            ended.into_iter().for_each(|event| self.event(event));
            self.enter(MediaState::Connecting);
        }
    }

    /// The next description of ours.
    fn describe(&mut self, offers: bool) -> Option<negotiation::Transport> {
        let (session, version) = self.descriptions.next();
        Some(self.association.as_mut()?.transport(session, version, offers))
    }

    /// Our section for one of the far side's.
    fn our_section(&mut self, index: usize) -> Option<OurSection> {
        let source = self.association.as_mut().and_then(Association::source);
        let mut uses = self.descriptions.uses();
        let (section, slot, holds) = uses.find(|(section, ..)| section.index == index)?;
        let direction = |place, wanted| self.descriptions.direction(place, wanted);
        let new = |direction| {
            let mut ours = OurSection::new(slot.mid.clone(), section.terms.clone(), direction);
            ours.mid_extension = section.mid_extension;
            ours
        };
        Some(match holds {
            Holds::Channels => new(Direction::SendRecv),
            Holds::Track(Track::AUDIO) => {
                let ours = new(self.direction());
                let mid_extension = ours.mid_extension.filter(|_| self.more.is_some());
                OurSection { source, mid_extension, ..ours }
            }
            Holds::Track(Track { kind: MediaKind::Audio, number }) => {
                let audio = self.audio(number)?;
                let ours = new(direction(audio.place, audio.wanted));
                OurSection { source: audio.source, number, ..ours }
            }
            Holds::Track(Track { kind: MediaKind::Video, number }) => {
                let video = self.more.as_ref()?.video.get(&number)?;
                let (source, repair) = video.source;
                let ours = new(direction(video.place, video.wanted));
                OurSection { source: Some(source), repair: Some(repair), number, ..ours }
            }
        })
    }

    /// The direction that we want of a track.
    fn wanted(&self, track: Track) -> Option<Direction> {
        match track.kind {
            MediaKind::Audio => Some(self.audio(track.number)?.wanted),
            MediaKind::Video => Some(self.more.as_ref()?.video.get(&track.number)?.wanted),
        }
    }

    /// Our sections as they stand, for an offer: what is off stays off.
    fn standing(&mut self) -> Vec<OurSection> {
        let slots: Vec<_> = self.descriptions.slots.iter().cloned().collect();
        let mut sections = Vec::with_capacity(slots.len());
        for (index, slot) in slots.into_iter().enumerate() {
            let mid = slot.mid.or_else(|| Some(index.to_string()));
            let on = match slot.off {
                Some(off) => Err(off),
                None => self.our_section(index).ok_or_else(negotiation::Off::default),
            };
            sections.push(match (on, slot.holds) {
                (Ok(ours), holds) => {
                    // What we want, whatever the far side did when it was asked last.
                    let wanted = match holds {
                        Some(Holds::Track(track)) => self.wanted(track),
                        Some(Holds::Channels) | None => None,
                    };
                    OurSection { mid, direction: wanted.unwrap_or(ours.direction), ..ours }
                }
                (Err(off), _) => OurSection {
                    mid,
                    terms: OurTerms::Off(off),
                    direction: Direction::Inactive,
                    source: None,
                    repair: None,
                    number: 0,
                    mid_extension: None,
                },
            });
        }
        sections
    }

    /// The sections of an offer: those that stand, and new ones.
    fn wished(&mut self, wishes: &[Wish]) -> Result<Vec<OurSection>, MediaError> {
        let (audio, video) =
            (self.descriptions.count(MediaKind::Audio), self.descriptions.count(MediaKind::Video));
        let telephone = self.more.is_none();
        if let Some(wish) = wishes.iter().find(|wish| match wish.kind {
            MediaKind::Audio => self.config.codecs.is_empty(),
            MediaKind::Video => self.config.video.is_empty(),
        }) {
            return Err(MediaError::NotNegotiated(wish.kind.name()));
        }
        let most = if telephone { 1 } else { MAX_TRACKS };
        if audio + video + wishes.len() > most {
            return Err(MediaError::TooMany("tracks"));
        }
        let mut sections = self.standing();
        let first = !self.descriptions.slots.hold(Holds::Track(Track::AUDIO));
        let mut numbers = self.descriptions.slots.next();
        for Wish { kind, direction } in wishes {
            let mid = Some(self.descriptions.slots.free_mid(&sections));
            let (terms, next) = match kind {
                MediaKind::Audio => {
                    (Terms::Audio(Payloads::ours(&self.config.codecs)), &mut numbers[0])
                }
                MediaKind::Video => {
                    (Terms::Video(Pictures::ours(&self.config.video)), &mut numbers[1])
                }
            };
            let number = *next;
            *next = number.saturating_add(1);
            let mut ours = OurSection::new(mid, terms, *direction);
            ours.number = number;
            if let Some(more) = &mut self.more {
                ours.mid_extension = Some(MID_NUMBER);
                if (*kind, number) != (MediaKind::Audio, 0) {
                    let (source, repair) = more.draw_sources(&self.config);
                    ours.source = Some(source);
                    ours.repair = (*kind == MediaKind::Video).then_some(repair);
                }
            }
            if first && (*kind, number) == (MediaKind::Audio, 0) {
                self.audio.wanted = *direction;
            }
            sections.push(ours);
        }
        if self.config.channels && !self.descriptions.slots.hold(Holds::Channels) {
            let mid = Some(self.descriptions.slots.free_mid(&sections));
            let terms = Terms::Channels { longest: 0 };
            sections.push(OurSection::new(mid, terms, Direction::SendRecv));
        }
        Ok(sections)
    }

    fn our_offer(&mut self, offered: Offered) -> Result<String, MediaError> {
        let mut transport = self.describe(true).ok_or(MediaError::State(self.state))?;
        transport.ufrag.clone_from(&offered.credentials.ufrag);
        transport.pwd = crate::Secret::new(offered.credentials.pass.clone());
        let offer = negotiation::offer(&offered.sections, &transport);
        self.descriptions.step = Step::Offered(offered);
        self.turn(self.now);
        Ok(offer)
    }
}

/// What sections carry that are on.
fn carried(sections: &[OurSection]) -> impl Iterator<Item = &Terms> + Clone {
    sections.iter().filter_map(|section| match &section.terms {
        OurTerms::On(terms) => Some(terms),
        OurTerms::Off(_) => None,
    })
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
        match self.descriptions.step {
            _ if self.is_over() => return Err(MediaError::State(self.state)),
            Step::New if !wishes.is_empty() => {}
            Step::Done => {}
            Step::New | Step::Offered(_) | Step::Answering { .. } => {
                return Err(MediaError::State(self.state));
            }
        }
        let before = self.audio.wanted;
        let sections = self.wished(wishes)?;
        let pending = match self.association {
            Some(_) => None,
            None => {
                let mut association = self.associate(carried(&sections), None);
                let pending = association.offer()?;
                self.install(association);
                self.tell_candidates();
                Some(pending)
            }
        };
        let credentials = self.association.as_mut().map(Association::credentials);
        let credentials = credentials.ok_or(MediaError::State(self.state))?;
        self.our_offer(Offered { sections, pending, credentials, before })
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.now = self.now.max(now);
        let Step::Offered(offered) = &self.descriptions.step else {
            return Err(MediaError::State(self.state));
        };
        let description = Description::read(answer)?;
        let remote = Remote::read_answer(&description, &offered.sections)?;
        let mut slots = self.descriptions.slots.clone();
        slots.offered(&offered.sections);
        let plan = slots.settle(&description, &remote, self.more.is_none())?;
        let Step::Offered(Offered { sections, pending, credentials, .. }) =
            std::mem::replace(&mut self.descriptions.step, Step::Done)
        else {
            return Err(MediaError::State(self.state));
        };
        let before = self.ufrag();
        match self.change(&remote) {
            Some(Renewal::Association) => {
                let mut association = self.associate(carried(&sections), Some(credentials));
                let pending = association.offer()?;
                association.accept_answer(pending, &remote)?;
                self.install(association);
                self.tell_candidates();
            }
            Some(Renewal::IceRestart | Renewal::Nothing) | None => {
                if let (Some(pending), Some(association)) = (pending, &mut self.association) {
                    association.accept_answer(pending, &remote)?;
                }
                if self.descriptions.agreed.is_some() && self.ufrag() != before {
                    self.tell_candidates();
                }
            }
        }
        self.agree(remote, slots, &plan, &sections);
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        self.tell_agreement();
        self.turn(now);
        Ok(())
    }

    fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        let Step::Offered(Offered { before, .. }) = &self.descriptions.step else {
            return Err(MediaError::State(self.state));
        };
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        if self.audio.place.is_none() {
            self.audio.wanted = *before;
        }
        // What str0m was asked for comes into force with its answer, and so never.
        self.descriptions.step = if self.descriptions.agreed.is_some() {
            Step::Done
        } else {
            self.association = None;
            self.rtc_wake = None;
            self.enter(MediaState::New);
            Step::New
        };
        self.turn(now);
        Ok(())
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.now = self.now.max(now);
        let first = match self.descriptions.step {
            _ if self.is_over() => return Err(MediaError::State(self.state)),
            // An offer that nobody answered yet gives way to the next one.
            Step::Answering { first, .. } => first,
            Step::New | Step::Done => self.descriptions.agreed.is_none(),
            Step::Offered(_) => return Err(MediaError::State(self.state)),
        };
        let description = Description::read(offer)?;
        let remote = Remote::read(&description, &Abilities::of(&self.config))?;
        let mut slots = self.descriptions.slots.clone();
        let plan = slots.settle(&description, &remote, self.more.is_none())?;
        let before = self.ufrag();
        let change = self.change(&remote).unwrap_or(Renewal::Association);
        match (change, &mut self.association) {
            (Renewal::Nothing, _) => {}
            (Renewal::IceRestart, Some(association)) => association.accept_offer(&remote)?,
            (Renewal::Association | Renewal::IceRestart, _) => {
                // Where only the certificate is new, ours stay as they are, too.
                let agreed = self.descriptions.agreed.as_ref();
                let same = agreed.is_some_and(|agreed| agreed.ufrag == remote.ufrag);
                let credentials = self.association.as_mut().map(Association::credentials);
                let terms = remote.sections.iter().map(|section| &section.terms);
                let mut association = self.associate(terms, credentials.filter(|_| same));
                association.accept_offer(&remote)?;
                self.install(association);
            }
        }
        self.agree(remote, slots, &plan, &[]);
        if change == Renewal::Association || self.ufrag() != before {
            self.tell_candidates();
        }
        self.descriptions.step = Step::Answering { offer: offer.to_owned(), first };
        self.turn(now);
        Ok(())
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = self.now.max(now);
        let Step::Answering { offer, first } = &self.descriptions.step else {
            return Err(MediaError::State(self.state));
        };
        let (offer, first) = (offer.clone(), *first);
        let description = Description::read(&offer)?;
        let indices: Vec<usize> =
            self.descriptions.uses().map(|(section, ..)| section.index).collect();
        let mut ours = Vec::with_capacity(indices.len());
        for index in indices {
            let section = self.our_section(index).ok_or(MediaError::State(self.state))?;
            // The names of the offer.
            let mid = description.sections.get(index).and_then(|offered| offered.mid());
            ours.push((index, OurSection { mid: mid.map(str::to_owned), ..section }));
        }
        let mut transport = self.describe(false).ok_or(MediaError::State(self.state))?;
        if first {
            transport.candidates.clear();
        }
        let remote = self.descriptions.agreed.as_ref().ok_or(MediaError::State(self.state))?;
        let answer = negotiation::answer(&description, remote, &ours, &transport);
        self.descriptions.step = Step::Done;
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
        if self.descriptions.agreed.is_some() {
            self.add_candidates(candidate);
            self.turn(now);
        } else {
            self.path.keep(fragment.candidates.into_iter().map(|(_, candidate)| candidate));
        }
        Ok(())
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = self.now.max(now);
        if self.is_over() || !matches!(self.descriptions.step, Step::Done) {
            return Err(MediaError::State(self.state));
        }
        let (sections, before) = (self.standing(), self.audio.wanted);
        let Some(association) = &mut self.association else {
            return Err(MediaError::State(self.state));
        };
        let (credentials, pending) = association.restart()?;
        self.our_offer(Offered { sections, pending: Some(pending), credentials, before })
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
        self.release_held(0);
        if self.give_up.is_some_and(|at| at <= self.now) {
            let what = if self.secure { "the path was lost" } else { "no path was found" };
            self.fail(MediaError::Connection(what.to_owned()));
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
        match track.kind {
            MediaKind::Audio => {
                if let Some(audio) = self.audio_mut(track.number) {
                    audio.wanted = direction;
                }
            }
            MediaKind::Video => {
                let tracks = self.more.as_mut().map(|more| &mut more.video);
                if let Some(video) = tracks.and_then(|video| video.get_mut(&track.number)) {
                    video.wanted = direction;
                }
            }
        }
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
            let codecs: Vec<Codec> = match &self.descriptions.section(place)?.terms {
                Terms::Audio(payloads) => {
                    payloads.codecs.iter().map(|(codec, _)| Codec::Audio(*codec)).collect()
                }
                Terms::Video(pictures) => {
                    pictures.codecs.iter().map(|picture| Codec::Video(picture.codec)).collect()
                }
                Terms::Channels { .. } => return None,
            };
            let direction = self.descriptions.direction(place, wanted);
            Some(TrackInfo::new(track, mid.clone(), direction, codecs))
        };
        self.descriptions.uses().filter_map(|(_, slot, holds)| info(holds, &slot.mid)).collect()
    }

    fn agreement(&self) -> Option<Agreement> {
        let payloads = self.descriptions.payloads(self.audio.place)?;
        let (codec, _) = *payloads.codecs.first()?;
        let keys = payloads.event_type(codec).is_some();
        let codecs = payloads.codecs.iter().map(|(codec, _)| *codec).collect();
        Some(Agreement { direction: self.direction(), codec, codecs, keys })
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        let (sent, heard) = (&self.audio.outgoing, &self.audio.incoming.receiver);
        MediaStats {
            packets_sent: sent.packets,
            bytes_sent: sent.bytes,
            packets_received: heard.packets(),
            bytes_received: heard.bytes(),
            packets_lost: heard.lost(),
            jitter: heard.jitter(),
            round_trip: self.round_trip,
            remote_loss: self.remote_loss,
        }
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
            wake(self.audio.incoming.receiver.next_wake(), "a gap in the audio"),
            wake(self.give_up, "lost path limit"),
            wake(keys, "DTMF"),
            wake(backlog, "what was said before media"),
            wake(more, "pictures and further audio"),
        ];
        EngineOutput::Timeout(wakes.into_iter().fold(None, Wake::earliest))
    }
}
