//! Offers and answers, ours and the far side's.

use offhook::media::negotiation::{
    self, Abilities, Holds, OurSection, OurTerms, Remote, Renewal, Setup, Slots, Step, Terms,
};
use offhook::media::{EngineEvent, MediaError, MediaKind, MediaState, Track, TrackInfo, Wish};
use offhook::sdp::{Description, Direction};

use super::Model;
use super::description::{Own, candidate_address};
use super::track::ModelTrack;

impl Model {
    pub(super) fn make_offer(&mut self, wishes: &[Wish]) -> Result<String, MediaError> {
        match self.descriptions.step {
            _ if self.is_over() => return Err(MediaError::State(self.state)),
            Step::New if !wishes.is_empty() => {}
            Step::Done => {}
            Step::New | Step::Offered(_) | Step::Answering { .. } => {
                return Err(MediaError::State(self.state));
            }
        }
        let mut sections = self.standing();
        let new = self.descriptions.wished(&self.config, wishes, &sections)?;
        let before = self.wanted(Track::AUDIO);
        let first = !self.descriptions.slots.hold(Holds::Track(Track::AUDIO));
        for mut ours in new {
            let track = track_of(&ours);
            ours.source = track.map(|track| self.own.source(track));
            if let Some(Track::AUDIO) = track.filter(|_| first) {
                self.want(Track::AUDIO, ours.direction);
            }
            sections.push(ours);
        }
        // Later on, the far side knows them.
        let told = self.descriptions.agreed.is_none();
        Ok(self.offer(sections, self.own.clone(), before, told))
    }

    pub(super) fn make_restart(&mut self) -> Result<String, MediaError> {
        if self.is_over() || !matches!(self.descriptions.step, Step::Done) {
            return Err(MediaError::State(self.state));
        }
        let own = self.own.renewed(&mut self.rng);
        let before = self.wanted(Track::AUDIO);
        Ok(self.offer(self.standing(), own, before, false))
    }

    fn offer(
        &mut self,
        sections: Vec<OurSection>,
        own: Own,
        before: Direction,
        candidates: bool,
    ) -> String {
        let (_, version) = self.descriptions.next();
        let local = if candidates { &self.local[..] } else { &[] };
        let offer = negotiation::offer(&sections, &own.transport(version, Setup::ActPass, local));
        self.descriptions.offered(sections, own, before);
        offer
    }

    pub(super) fn take_answer(&mut self, answer: &str) -> Result<(), MediaError> {
        let Step::Offered(offered) = &self.descriptions.step else {
            return Err(MediaError::State(self.state));
        };
        let description = Description::read(answer)?;
        let remote = Remote::read_answer(&description, &offered.sections)?;
        let mut slots = self.descriptions.slots.clone();
        slots.offered(&offered.sections);
        let plan = slots.settle(&description, &remote, self.is_telephone())?;
        let (sections, own) = (offered.sections.clone(), offered.transport.clone());
        let restarts = own.ufrag != self.own.ufrag;
        self.own = own;
        self.agree(remote, slots, &plan, &sections);
        self.settle();
        if restarts {
            self.gather_again();
        }
        Ok(())
    }

    pub(super) fn take_back(&mut self) -> Result<(), MediaError> {
        let state = MediaError::State(self.state);
        if self.is_over() {
            return Err(state);
        }
        let wanted = self.tracks.iter().map(|(track, known)| (*track, known.wanted)).collect();
        let again = self.descriptions.take_back(&wanted).ok_or(state)?;
        again.into_iter().for_each(|(track, direction)| self.want(track, direction));
        Ok(())
    }

    pub(super) fn take_offer(&mut self, offer: &str) -> Result<(), MediaError> {
        if matches!(self.descriptions.step, Step::Offered(_)) || self.is_over() {
            return Err(MediaError::State(self.state));
        }
        let description = Description::read(offer)?;
        let remote = Remote::read(&description, &Abilities::of(&self.config))?;
        let (before, first) = self.descriptions.before_offer();
        let mut slots = before.clone();
        let plan = slots.settle(&description, &remote, self.is_telephone())?;
        let agreed = self.descriptions.agreed.as_ref();
        let restarts = agreed.is_some_and(|old| old.ufrag != remote.ufrag);
        let unanswered = matches!(self.descriptions.step, Step::Answering { .. });
        self.agree(remote, slots, &plan, &[]);
        if restarts && !unanswered {
            self.own = self.own.renewed(&mut self.rng);
            self.gather_again();
        }
        self.descriptions.step = Step::Answering { offer: offer.to_owned(), first, before };
        Ok(())
    }

    pub(super) fn make_answer(&mut self) -> Result<String, MediaError> {
        let state = MediaError::State(self.state);
        let Step::Answering { offer, .. } = &self.descriptions.step else { return Err(state) };
        let offer = offer.clone();
        let description = Description::read(&offer)?;
        let indices = self.descriptions.uses().map(|(section, ..)| section.index);
        let ours = indices.map(|index| {
            // The names of the offer.
            let mid = description.sections.get(index).and_then(|offered| offered.mid());
            let section = self.section(index).ok_or_else(|| state.clone())?;
            Ok((index, OurSection { mid: mid.map(str::to_owned), ..section }))
        });
        let ours = ours.collect::<Result<Vec<_>, MediaError>>()?;
        let (_, version) = self.descriptions.next();
        let remote = self.descriptions.agreed.as_ref().ok_or(state)?;
        let transport = self.own.transport(version, Setup::Active, &[]);
        let answer = negotiation::answer(&description, remote, &ours, &transport);
        self.settle();
        Ok(answer)
    }

    /// Puts a far side's description in force, and looks for a path. What is new is as it was offered,
    /// if it was.
    fn agree(&mut self, remote: Remote, slots: Slots, plan: &[Holds], offered: &[OurSection]) {
        // There is no handshake here, so nobody's part in one.
        let agreed = self.descriptions.agreed.as_ref();
        let change = agreed.map(|agreed| remote.change(agreed, None, Setup::ActPass));
        if change == Some(Renewal::Association) {
            // Another far end: what came from the one before counts no more.
            self.tracks.values_mut().for_each(ModelTrack::restart);
            let ended = self.channels.restart();
            ended.into_iter().for_each(|event| self.event(event));
            self.last_key = None;
            self.path = None;
            self.enter(MediaState::Connecting);
        }
        for candidate in &remote.candidates {
            if let Ok(Some(address)) = candidate_address(candidate) {
                self.learn(address);
            }
        }
        self.tracks.retain(|track, _| *track == Track::AUDIO || slots.hold(Holds::Track(*track)));
        self.tracks.values_mut().for_each(|track| track.place = None);
        let mut longest = None;
        for (place, (holds, section)) in plan.iter().zip(&remote.sections).enumerate() {
            match (holds, &section.terms) {
                (Holds::Channels, Terms::Channels { longest: theirs }) => longest = Some(*theirs),
                (Holds::Channels, _) => {}
                (Holds::Track(track), _) => {
                    let ours = offered.get(section.index);
                    let wanted = ours.map_or(Direction::SendRecv, |ours| ours.direction);
                    let known = self.tracks.entry(*track);
                    known.or_insert_with(|| ModelTrack::new(wanted)).place = Some(place);
                }
            }
        }
        self.descriptions.agreed = Some(remote);
        self.descriptions.slots = slots;
        for track in self.tracks.values_mut() {
            if track.place.is_none() {
                track.rest();
            } else if !self.descriptions.direction(track.place, track.wanted).sends() {
                track.interrupt();
            }
        }
        let ended = match longest {
            Some(longest) => {
                self.channels.agree(longest);
                Vec::new()
            }
            None => self.channels.end(),
        };
        ended.into_iter().for_each(|event| self.event(event));
        self.probe_at = Some(self.now);
    }

    /// Both ends agree.
    fn settle(&mut self) {
        let wanted = self.tracks.iter().map(|(track, known)| (*track, known.wanted));
        self.descriptions.settled(wanted);
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        self.probe_at = Some(self.now);
        let tracks = self.infos();
        let before = std::mem::replace(&mut self.told_tracks, tracks);
        let news = EngineEvent::of_tracks(&before, &self.told_tracks);
        news.into_iter().for_each(|event| self.event(event));
        let agreement = self.agreed();
        if self.told != agreement {
            self.told = agreement;
            agreement.into_iter().for_each(|terms| self.event(EngineEvent::Agreed(terms)));
        }
    }

    /// The tracks agreed on.
    pub(super) fn infos(&self) -> Vec<TrackInfo> {
        let info = |(_, slot, holds): (_, &negotiation::Slot, _)| {
            let Holds::Track(track) = holds else { return None };
            let mid = slot.mid.clone();
            if track == Track::AUDIO {
                return Some(TrackInfo::audio(mid, &self.agreed()?));
            }
            let codecs = self.descriptions.section(self.tracks.get(&track)?.place)?.terms.codecs();
            Some(TrackInfo::new(track, mid, self.direction(track), codecs))
        };
        self.descriptions.uses().filter_map(info).collect()
    }

    /// Our sections as they stand, for an offer.
    fn standing(&self) -> Vec<OurSection> {
        let wanted = |track| self.tracks.get(&track).map(|track| track.wanted);
        self.descriptions.standing(|index| self.section(index), wanted)
    }

    /// Our section for one of the far side's.
    fn section(&self, index: usize) -> Option<OurSection> {
        let mut uses = self.descriptions.uses();
        let (section, slot, holds) = uses.find(|(section, ..)| section.index == index)?;
        let new = |direction| OurSection::new(slot.mid.clone(), section.terms.clone(), direction);
        Some(match holds {
            Holds::Channels => new(Direction::SendRecv),
            Holds::Track(track) => OurSection {
                source: Some(self.own.source(track)),
                number: track.number,
                mid_extension: section.mid_extension.filter(|_| !self.is_telephone()),
                dtx: self.config.dtx,
                ..new(self.direction(track))
            },
        })
    }

    fn is_telephone(&self) -> bool {
        Abilities::of(&self.config).is_telephone()
    }

    fn wanted(&self, track: Track) -> Direction {
        self.tracks.get(&track).map_or(Direction::SendRecv, |track| track.wanted)
    }

    pub(super) fn want(&mut self, track: Track, direction: Direction) {
        if let Some(track) = self.tracks.get_mut(&track) {
            track.wanted = direction;
        }
    }

    /// The direction agreed on for a track, as we see it.
    pub(super) fn direction(&self, track: Track) -> Direction {
        self.tracks.get(&track).map_or(Direction::Inactive, |track| {
            self.descriptions.direction(track.place, track.wanted)
        })
    }
}

/// The track of a section.
fn track_of(ours: &OurSection) -> Option<Track> {
    let OurTerms::On(terms) = &ours.terms else { return None };
    let kind: MediaKind = terms.kind()?;
    Some(Track { kind, number: ours.number })
}
