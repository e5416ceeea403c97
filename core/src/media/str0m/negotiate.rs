//! Offers and answers, ours and the far side's, and what becomes of the transport by them.

use std::time::Instant;

use str0m::IceCreds;

use super::association::{Association, OurPart};
use super::audio::AudioTrack;
use super::engine::WebRtc;
use super::more::More;
use super::offers::OurEnd;
use crate::media::negotiation::{
    self, Abilities, Encodings, Holds, Offered, OurSection, OurTerms, Payloads, Picture, Pictures,
    Remote, Renewal, RidExtensions, Slots, Step, Terms,
};
use crate::media::{
    Engine, EngineEvent, MediaError, MediaKind, MediaState, Track, TrackInfo, Wish,
};
use crate::sdp::{Description, Direction};

impl WebRtc {
    pub(super) fn make_offer(
        &mut self,
        now: Instant,
        wishes: &[Wish],
    ) -> Result<String, MediaError> {
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
        let mut sections = self.wished(wishes)?;
        let pending = match self.association {
            Some(_) => None,
            None => {
                let mut association =
                    self.associate(carried(&sections), RidExtensions::default(), None);
                let pending = association.offer()?;
                let is_first = |ours: &&mut OurSection| {
                    ours.number == 0 && matches!(ours.terms, OurTerms::On(Terms::Audio(_)))
                };
                // Packets do not name their section: a far side with several knows it by its source (RFC 8843 section 9.2).
                if let Some(first) = sections.iter_mut().find(is_first) {
                    first.source = association.source();
                }
                self.install(association);
                self.tell_candidates();
                Some(pending)
            }
        };
        let credentials = self.association.as_mut().map(Association::credentials);
        let credentials = credentials.ok_or(MediaError::State(self.state))?;
        self.our_offer(sections, OurPart { pending, credentials }, before)
    }

    pub(super) fn take_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        // The handshake counts from the last time that was told, and without sockets nobody tells any.
        self.turn(now);
        let Step::Offered(offered) = &self.descriptions.step else {
            return Err(MediaError::State(self.state));
        };
        let description = Description::read(answer)?;
        let remote = Remote::read_answer(&description, &offered.sections)?;
        let mut slots = self.descriptions.slots.clone();
        slots.offered(&offered.sections);
        let plan = slots.settle(&description, &remote, self.more.is_none())?;
        let Step::Offered(Offered {
            sections, transport: OurPart { pending, credentials }, ..
        }) = std::mem::replace(&mut self.descriptions.step, Step::Done)
        else {
            return Err(MediaError::State(self.state));
        };
        let before = self.ufrag();
        match self.change(&remote) {
            Some(Renewal::Association) => {
                let offered = sections.iter().map(|section| &section.encodings);
                let extensions = Encodings::extensions_of(offered);
                let mut association =
                    self.associate(carried(&sections), extensions, Some(credentials));
                let pending = association.offer()?;
                association.accept_answer(pending, &remote)?;
                self.install(association);
                self.tell_candidates();
            }
            Some(Renewal::IceRestart) if pending.is_none() => {
                // The far side began anew with an offer that we took back since.
                if let Some(association) = &mut self.association {
                    association.follow(&remote)?;
                }
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
        self.settle();
        self.turn(now);
        Ok(())
    }

    /// Both ends agree.
    fn settle(&mut self) {
        let wanted = wanted(&self.audio, self.more.as_deref());
        self.descriptions.settled(wanted);
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        self.tell_agreement();
    }

    pub(super) fn take_back(&mut self, now: Instant) -> Result<(), MediaError> {
        let state = MediaError::State(self.state);
        if self.is_over() {
            return Err(state);
        }
        let wanted = wanted(&self.audio, self.more.as_deref()).collect();
        let again = self.descriptions.take_back(&wanted).ok_or(state)?;
        again.into_iter().for_each(|(track, direction)| self.want(track, direction));
        // What str0m was asked for comes into force with its answer, and so never.
        if self.descriptions.agreed.is_none() {
            self.association = None;
            self.rtc_wake = None;
            self.enter(MediaState::New);
        }
        self.turn(now);
        Ok(())
    }

    pub(super) fn take_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.now = self.now.max(now);
        if self.is_over() || matches!(self.descriptions.step, Step::Offered(_)) {
            return Err(MediaError::State(self.state));
        }
        let description = Description::read(offer)?;
        let remote = Remote::read(&description, &Abilities::of(&self.config))?;
        let (before, first) = self.descriptions.before_offer();
        let mut slots = before.clone();
        let plan = slots.settle(&description, &remote, self.more.is_none())?;
        let ufrag = self.ufrag();
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
                let encodings = remote.sections.iter().map(|section| &section.encodings);
                let extensions = Encodings::extensions_of(encodings);
                let mut association =
                    self.associate(terms, extensions, credentials.filter(|_| same));
                association.accept_offer(&remote)?;
                self.install(association);
            }
        }
        self.agree(remote, slots, &plan, &[]);
        if change == Renewal::Association || self.ufrag() != ufrag {
            self.tell_candidates();
        }
        self.descriptions.step = Step::Answering { offer: offer.to_owned(), first, before };
        self.turn(now);
        Ok(())
    }

    pub(super) fn make_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.turn(now);
        let Step::Answering { offer, first, .. } = &self.descriptions.step else {
            return Err(MediaError::State(self.state));
        };
        let (offer, first) = (offer.clone(), *first);
        self.begin()?;
        let description = Description::read(&offer)?;
        let indices: Vec<usize> =
            self.descriptions.uses().map(|(section, ..)| section.index).collect();
        let mut ours = Vec::with_capacity(indices.len());
        for index in indices {
            let section = self.our_end().section(index).ok_or(MediaError::State(self.state))?;
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
        self.settle();
        self.turn(now);
        Ok(answer)
    }

    /// Begins ICE and DTLS, if that is still to be done.
    fn begin(&mut self) -> Result<(), MediaError> {
        let Some(association) = &mut self.association else {
            return Err(MediaError::State(self.state));
        };
        if !association.begin()? {
            return Ok(());
        }
        if let Some(more) = &mut self.more {
            more.declare(association);
        }
        for candidate in self.path.take_early() {
            self.add_candidates(&candidate);
        }
        Ok(())
    }

    pub(super) fn make_restart(&mut self, now: Instant) -> Result<String, MediaError> {
        self.now = self.now.max(now);
        if self.is_over() || !matches!(self.descriptions.step, Step::Done) {
            return Err(MediaError::State(self.state));
        }
        let (sections, before) = (self.our_end().standing(), self.audio.wanted);
        let Some(association) = &mut self.association else {
            return Err(MediaError::State(self.state));
        };
        let (credentials, pending) = association.restart()?;
        self.our_offer(sections, OurPart { pending: Some(pending), credentials }, before)
    }

    /// A far side's description is in force; what came before it can be used.
    fn agree(&mut self, mut remote: Remote, slots: Slots, plan: &[Holds], offered: &[OurSection]) {
        if let Some(association) = &self.association {
            association.keep_encodings(&mut remote);
        }
        let agreed = self.descriptions.agreed.as_ref();
        if agreed.is_some_and(|agreed| agreed.ufrag != remote.ufrag) {
            self.path.renew();
            drop(self.path.take_early());
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
        more.look(remote);
        more.rest(remote).into_iter().for_each(|source| association.forget(source));
        let unwanted = more.encode(remote, &self.config);
        unwanted.into_iter().for_each(|source| association.retract(source));
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
        // Its section may be another one, on the same terms.
        let track = agreement.map(|terms| TrackInfo::audio(self.mid_of(Track::AUDIO), &terms));
        let known = std::mem::replace(&mut self.told_track, track.clone());
        let news = EngineEvent::of_tracks(known.as_slice(), track.as_slice());
        news.into_iter().for_each(|event| self.event(event));
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

    /// The change of the description in force, if there is one, that a new one brings.
    fn change(&mut self, remote: &Remote) -> Option<Renewal> {
        let agreed = self.descriptions.agreed.as_ref()?;
        let association = self.association.as_mut()?;
        let verified = if self.secure { association.presented() } else { None };
        Some(remote.change(agreed, verified.as_ref(), association.setup()))
    }

    fn ufrag(&mut self) -> Option<String> {
        Some(self.association.as_mut()?.credentials().ufrag)
    }

    /// Begins anew with another far end (RFC 8842 section 4), by the
    /// credentials that our own description of it tells, if there is one already.
    fn associate<'t>(
        &mut self,
        terms: impl Iterator<Item = &'t Terms> + Clone,
        extensions: RidExtensions,
        credentials: Option<IceCreds>,
    ) -> Association {
        self.associations += 1;
        let seed = self.config.seed.child(&format!("str0m {}", self.associations));
        let payloads = terms.clone().filter_map(|terms| match terms {
            Terms::Audio(payloads) => Some(payloads),
            Terms::Video(_) | Terms::Channels { .. } => None,
        });
        let payloads: Vec<&Payloads> = payloads.collect();
        let pictures = terms.flat_map(|terms| match terms {
            Terms::Video(pictures) => &*pictures.codecs,
            Terms::Audio(_) | Terms::Channels { .. } => &[],
        });
        let mut pictures: Vec<Picture> = pictures.cloned().collect();
        pictures.extend(Pictures::ours(&self.config.video).codecs);
        let mut association =
            Association::new(self.now, &self.ingredients, &payloads, &pictures, extensions, seed);
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

    /// The sections of an offer: those that stand, and new ones.
    fn wished(&mut self, wishes: &[Wish]) -> Result<Vec<OurSection>, MediaError> {
        let mut sections = self.our_end().standing();
        let new = self.descriptions.wished(&self.config, wishes, &sections)?;
        let first = !self.descriptions.slots.hold(Holds::Track(Track::AUDIO));
        for mut ours in new {
            let OurTerms::On(terms) = &ours.terms else { continue };
            match (terms.kind(), ours.number, &mut self.more) {
                (Some(MediaKind::Audio), 0, _) if first => self.audio.wanted = ours.direction,
                (Some(kind), _, Some(more)) if (kind, ours.number) != (MediaKind::Audio, 0) => {
                    let (source, repair) = more.draw_sources(&self.config);
                    ours.source = Some(source);
                    ours.repair = (kind == MediaKind::Video).then_some(repair);
                }
                (Some(_) | None, ..) => {}
            }
            sections.push(ours);
        }
        Ok(sections)
    }

    /// Wants a direction of a track.
    pub(super) fn want(&mut self, track: Track, direction: Direction) {
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

    fn our_offer(
        &mut self,
        sections: Vec<OurSection>,
        part: OurPart,
        first: Direction,
    ) -> Result<String, MediaError> {
        let mut transport = self.describe(true).ok_or(MediaError::State(self.state))?;
        transport.ufrag.clone_from(&part.credentials.ufrag);
        transport.pwd = crate::Secret::new(part.credentials.pass.clone());
        let offer = negotiation::offer(&sections, &transport);
        self.descriptions.offered(sections, part, first);
        self.turn(self.now);
        Ok(offer)
    }

    /// Our end, as descriptions tell it.
    fn our_end(&mut self) -> OurEnd<'_> {
        OurEnd {
            source: self.association.as_mut().and_then(Association::source),
            descriptions: &self.descriptions,
            audio: &self.audio,
            more: self.more.as_deref(),
            dtx: self.config.dtx,
        }
    }
}

/// The directions that we want, of each track.
fn wanted<'t>(
    audio: &'t AudioTrack,
    more: Option<&'t More>,
) -> impl Iterator<Item = (Track, Direction)> + 't {
    let others = more.into_iter().flat_map(|more| {
        let audio = more.audio.iter().map(|(number, audio)| (Track::audio(*number), audio.wanted));
        let video = more.video.iter().map(|(number, video)| (Track::video(*number), video.wanted));
        audio.chain(video)
    });
    std::iter::once((Track::AUDIO, audio.wanted)).chain(others)
}

/// The contents of the sections that are on.
fn carried(sections: &[OurSection]) -> impl Iterator<Item = &Terms> + Clone {
    sections.iter().filter_map(|section| match &section.terms {
        OurTerms::On(terms) => Some(terms),
        OurTerms::Off(_) => None,
    })
}
