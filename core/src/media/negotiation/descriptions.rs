//! The state of the agreement between two ends, by their descriptions, for any engine.

use std::collections::BTreeMap;

use super::{
    Abilities, Encodings, Holds, Off, OurSection, OurTerms, Payloads, Pictures, Remote,
    RemoteSection, Slot, Slots, Terms,
};
use crate::media::{EngineConfig, MAX_TRACKS, MediaError, MediaKind, Track, Wish};
use crate::sdp::{Direction, MAX_SECTIONS};

/// The number by which we offer the header extension that names a section.
const MID_NUMBER: u8 = 4;

/// The state of the exchange of descriptions.
///
/// ```text
/// New ──our offer──> Offered ──answer──> Done <──our answer── Answering <──their offer── New, Done
///  ^                    │  ^               │                      └──their next offer──> Answering
///  └──── rollback ──────┴──┴── our offer ──┘
/// ```
#[derive(Debug)]
pub enum Step<P> {
    /// Nothing was agreed on yet.
    New,
    /// Our offer is out.
    Offered(Offered<P>),
    /// The far side's offer is in, and in force; it waits for its answer.
    Answering {
        /// The offer.
        offer: String,
        /// True for the first: candidates are told after its answer, not in it.
        first: bool,
        /// The sections before it: if it gives way to another, what it was about counts for nothing.
        before: Slots,
    },
    /// All that was offered is answered.
    Done,
}

/// An offer of ours.
#[derive(Debug)]
pub struct Offered<P> {
    /// The sections in it.
    pub sections: Vec<OurSection>,
    /// The transport's part in it.
    pub transport: P,
    /// The directions that its tracks had before.
    before: BTreeMap<Track, Direction>,
}

/// The state of an agreement. `P` is the transport's part in an offer of ours.
#[derive(Debug)]
pub struct Descriptions<P> {
    /// The state of the exchange.
    pub step: Step<P>,
    /// The number of our descriptions, and the version of the last.
    session: (u64, u64),
    /// The far side's description in force.
    pub agreed: Option<Remote>,
    /// The sections.
    pub slots: Slots,
    /// The directions that we wanted when both ends last agreed.
    settled: BTreeMap<Track, Direction>,
}

impl<P> Descriptions<P> {
    /// A session by that number (`o=`), of which nothing is agreed on.
    #[must_use]
    pub fn new(session: u64) -> Self {
        Self {
            step: Step::New,
            session: (session, 0),
            agreed: None,
            slots: Slots::default(),
            settled: BTreeMap::new(),
        }
    }

    /// Number and version of our next description.
    pub const fn next(&mut self) -> (u64, u64) {
        self.session.1 += 1;
        self.session
    }

    /// The far side's section of a track.
    #[must_use]
    pub fn section(&self, place: Option<usize>) -> Option<&RemoteSection> {
        self.agreed.as_ref()?.sections.get(place?)
    }

    /// The payload types of a track of audio.
    #[must_use]
    pub fn payloads(&self, place: Option<usize>) -> Option<&Payloads> {
        match &self.section(place)?.terms {
            Terms::Audio(payloads) => Some(payloads),
            Terms::Video(_) | Terms::Channels { .. } => None,
        }
    }

    /// The far side's section of a track of pictures, and their payload types.
    #[must_use]
    pub fn pictures(&self, place: Option<usize>) -> Option<(&RemoteSection, &Pictures)> {
        let section = self.section(place)?;
        match &section.terms {
            Terms::Video(pictures) => Some((section, pictures)),
            Terms::Audio(_) | Terms::Channels { .. } => None,
        }
    }

    /// The direction agreed on for a track, as we see it.
    #[must_use]
    pub fn direction(&self, place: Option<usize>, wanted: Direction) -> Direction {
        self.section(place)
            .map_or(Direction::Inactive, |section| section.direction.reversed().and(wanted))
    }

    /// Each section of use, and what it is for.
    pub fn uses(&self) -> impl Iterator<Item = (&RemoteSection, &Slot, Holds)> {
        let sections = self.agreed.iter().flat_map(|agreed| &agreed.sections);
        sections.filter_map(|section| {
            let slot = self.slots.get(section.index)?;
            Some((section, slot, slot.holds?))
        })
    }

    /// Tracks of a kind that there are.
    #[must_use]
    pub fn count(&self, kind: MediaKind) -> usize {
        let is = |holds| matches!(holds, Holds::Track(Track { kind: k, .. }) if k == kind);
        self.uses().filter(|(.., holds)| is(*holds)).count()
    }

    /// The sections before the far side's next offer, and whether that is its first.
    #[must_use]
    pub fn before_offer(&self) -> (Slots, bool) {
        match &self.step {
            // An offer that nobody answered yet gives way to the next one.
            Step::Answering { first, before, .. } => (before.clone(), *first),
            Step::New | Step::Offered(_) | Step::Done => {
                (self.slots.clone(), self.agreed.is_none())
            }
        }
    }

    /// Our sections as they stand, for an offer: what is off stays off. `ours` has the section for
    /// one of the far side's, `wanted` the direction that we want of a track.
    pub fn standing(
        &self,
        ours: impl Fn(usize) -> Option<OurSection>,
        wanted: impl Fn(Track) -> Option<Direction>,
    ) -> Vec<OurSection> {
        let mut sections = Vec::with_capacity(self.slots.len());
        for (index, slot) in self.slots.iter().enumerate() {
            let mid = slot.mid.clone().or_else(|| Some(index.to_string()));
            let on = match &slot.off {
                Some(off) => Err(off.clone()),
                None => ours(index).ok_or_else(Off::default),
            };
            sections.push(match (on, slot.holds) {
                (Ok(ours), holds) => {
                    // What we want, whatever the far side did when it was asked last.
                    let wanted = match holds {
                        Some(Holds::Track(track)) => wanted(track),
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
                    encodings: Encodings::default(),
                    received: Encodings::default(),
                    dtx: false,
                },
            });
        }
        sections
    }

    /// The sections of an offer after those that stand: one for each wish, and one of data channels
    /// where there is to be one. They have no sources yet.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::create_offer`](crate::media::Engine::create_offer).
    pub fn wished(
        &self,
        config: &EngineConfig,
        wishes: &[Wish],
        standing: &[OurSection],
    ) -> Result<Vec<OurSection>, MediaError> {
        let telephone = Abilities::of(config).is_telephone();
        if let Some(wish) = wishes.iter().find(|wish| match wish.kind {
            MediaKind::Audio => config.codecs.is_empty(),
            MediaKind::Video => config.video.is_empty(),
        }) {
            return Err(MediaError::NotNegotiated(wish.kind.name()));
        }
        let (audio, video) = (self.count(MediaKind::Audio), self.count(MediaKind::Video));
        let most = if telephone { 1 } else { MAX_TRACKS };
        let sections = self.slots.len() + wishes.len();
        let full = audio + video + wishes.len() > most || sections > MAX_SECTIONS;
        // What stands, stands.
        if full && !wishes.is_empty() {
            return Err(MediaError::TooMany("tracks"));
        }
        let mut numbers = self.slots.next();
        let mut all = standing.to_vec();
        for Wish { kind, direction } in wishes {
            let mid = Some(self.slots.free_mid(&all));
            let (terms, next) = match kind {
                MediaKind::Audio => (Terms::Audio(Payloads::ours(&config.codecs)), &mut numbers[0]),
                MediaKind::Video => (Terms::Video(Pictures::ours(&config.video)), &mut numbers[1]),
            };
            let number = *next;
            *next = number.saturating_add(1);
            let mid_extension = (!telephone).then_some(MID_NUMBER);
            let ours = OurSection::new(mid, terms, *direction);
            all.push(OurSection { number, mid_extension, dtx: config.dtx, ..ours });
        }
        let channels = config.channels && !self.slots.hold(Holds::Channels);
        if channels && sections < MAX_SECTIONS {
            let mid = Some(self.slots.free_mid(&all));
            let terms = Terms::Channels { longest: 0 };
            all.push(OurSection::new(mid, terms, Direction::SendRecv));
        }
        Ok(all.split_off(standing.len()))
    }

    /// Takes note of an offer of ours. `first` is the direction that the first track of audio had
    /// before, where nothing is agreed on.
    pub fn offered(&mut self, sections: Vec<OurSection>, transport: P, first: Direction) {
        let mut before = self.settled.clone();
        before.entry(Track::AUDIO).or_insert(first);
        self.step = Step::Offered(Offered { sections, transport, before });
    }

    /// Takes note that both ends agree, and which directions we wanted then.
    pub fn settled(&mut self, wanted: impl Iterator<Item = (Track, Direction)>) {
        self.step = Step::Done;
        self.settled.extend(wanted);
    }

    /// Takes back our offer, while these directions are wanted. Those that are wanted again: what was
    /// agreed on before it, where it asked for something else, unless that has changed since. None
    /// without an offer.
    pub fn take_back(
        &mut self,
        wanted: &BTreeMap<Track, Direction>,
    ) -> Option<Vec<(Track, Direction)>> {
        let Step::Offered(Offered { sections, before, .. }) = &self.step else { return None };
        let again = sections.iter().filter_map(|ours| {
            let OurTerms::On(terms) = &ours.terms else { return None };
            let track = Track { kind: terms.kind()?, number: ours.number };
            let direction = *before.get(&track)?;
            (wanted.get(&track) == Some(&ours.direction)).then_some((track, direction))
        });
        let again = again.collect();
        self.step = if self.agreed.is_some() { Step::Done } else { Step::New };
        Some(again)
    }
}
