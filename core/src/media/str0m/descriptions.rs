//! The state of the agreement between two ends, by their descriptions.

use str0m::IceCreds;
use str0m::change::SdpPendingOffer;

use super::slots::{Holds, Slot, Slots};
use crate::media::negotiation::{OurSection, Payloads, Pictures, Remote, RemoteSection, Terms};
use crate::media::{MediaKind, Track};
use crate::sdp::Direction;

/// The state of the exchange of descriptions.
pub(super) enum Step {
    New,
    /// Our offer is out.
    Offered(Offered),
    /// The far side's offer is in, and in force; it waits for its answer.
    Answering {
        offer: String,
        /// True for the first: candidates are told after its answer, not in it.
        first: bool,
    },
    Done,
}

/// An offer of ours.
pub(super) struct Offered {
    pub(super) sections: Vec<OurSection>,
    /// The transport's part in it: none for a renegotiation.
    pub(super) pending: Option<SdpPendingOffer>,
    /// The credentials in it.
    pub(super) credentials: IceCreds,
    /// The direction that was wanted of the first track of audio before it.
    pub(super) before: Direction,
}

/// See the [module](self).
pub(super) struct Descriptions {
    pub(super) step: Step,
    /// The number of our descriptions, and the version of the last.
    session: (u64, u64),
    /// The far side's description in force.
    pub(super) agreed: Option<Remote>,
    pub(super) slots: Slots,
}

impl Descriptions {
    pub(super) fn new(session: u64) -> Self {
        Self { step: Step::New, session: (session, 0), agreed: None, slots: Slots::default() }
    }

    /// Number and version of our next description.
    pub(super) fn next(&mut self) -> (u64, u64) {
        self.session.1 += 1;
        self.session
    }

    /// The far side's section of a track.
    pub(super) fn section(&self, place: Option<usize>) -> Option<&RemoteSection> {
        self.agreed.as_ref()?.sections.get(place?)
    }

    pub(super) fn payloads(&self, place: Option<usize>) -> Option<&Payloads> {
        match &self.section(place)?.terms {
            Terms::Audio(payloads) => Some(payloads),
            Terms::Video(_) | Terms::Channels { .. } => None,
        }
    }

    pub(super) fn pictures(&self, place: Option<usize>) -> Option<(&RemoteSection, &Pictures)> {
        let section = self.section(place)?;
        match &section.terms {
            Terms::Video(pictures) => Some((section, pictures)),
            Terms::Audio(_) | Terms::Channels { .. } => None,
        }
    }

    /// The direction agreed on for a track, as we see it.
    pub(super) fn direction(&self, place: Option<usize>, wanted: Direction) -> Direction {
        self.section(place)
            .map_or(Direction::Inactive, |section| section.direction.reversed().and(wanted))
    }

    /// Each section of use, and what it is for.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&RemoteSection, &Slot, Holds)> {
        let sections = self.agreed.iter().flat_map(|agreed| &agreed.sections);
        sections.filter_map(|section| {
            let slot = self.slots.get(section.index)?;
            Some((section, slot, slot.holds?))
        })
    }

    /// Tracks of a kind that there are.
    pub(super) fn count(&self, kind: MediaKind) -> usize {
        let is = |holds| matches!(holds, Holds::Track(Track { kind: k, .. }) if k == kind);
        self.uses().filter(|(.., holds)| is(*holds)).count()
    }
}
