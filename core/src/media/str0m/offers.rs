//! Our sections, as they stand.

use super::association::OurPart;
use super::audio::AudioTrack;
use super::more::More;
use crate::media::negotiation::{Descriptions, Holds, OurSection};
use crate::media::{MediaKind, Track};
use crate::sdp::Direction;

/// Our end of a session, as descriptions tell it.
pub(super) struct OurEnd<'e> {
    pub(super) descriptions: &'e Descriptions<OurPart>,
    pub(super) audio: &'e AudioTrack,
    pub(super) more: Option<&'e More>,
    /// The source of the first track of audio.
    pub(super) source: Option<u32>,
    /// True if the far side shall leave out pauses.
    pub(super) dtx: bool,
}

impl OurEnd<'_> {
    /// A track of audio.
    fn audio(&self, number: u8) -> Option<&AudioTrack> {
        match number {
            0 => Some(self.audio),
            _ => self.more?.audio.get(&number),
        }
    }

    /// Our section for one of the far side's.
    pub(super) fn section(&self, index: usize) -> Option<OurSection> {
        let source = self.source;
        let mut uses = self.descriptions.uses();
        let (section, slot, holds) = uses.find(|(section, ..)| section.index == index)?;
        let direction = |place, wanted| self.descriptions.direction(place, wanted);
        let new = |direction| {
            let mut ours = OurSection::new(slot.mid.clone(), section.terms.clone(), direction);
            ours.mid_extension = section.mid_extension;
            ours.dtx = self.dtx;
            ours
        };
        Some(match holds {
            Holds::Channels => new(Direction::SendRecv),
            Holds::Track(Track::AUDIO) => {
                let ours = new(direction(self.audio.place, self.audio.wanted));
                let mid_extension = ours.mid_extension.filter(|_| self.more.is_some());
                OurSection { source, mid_extension, ..ours }
            }
            Holds::Track(Track { kind: MediaKind::Audio, number }) => {
                let audio = self.audio(number)?;
                let ours = new(direction(audio.place, audio.wanted));
                OurSection { source: audio.source, number, ..ours }
            }
            Holds::Track(Track { kind: MediaKind::Video, number }) => {
                let video = self.more?.video.get(&number)?;
                let (source, repair) = video.only.source;
                let ours = new(direction(video.place, video.wanted));
                let (encodings, received) = (section.encodings.clone(), section.sent.clone());
                let (source, repair) = (Some(source), Some(repair));
                OurSection { source, repair, number, encodings, received, ..ours }
            }
        })
    }

    /// The direction that we want of a track.
    pub(super) fn wanted(&self, track: Track) -> Option<Direction> {
        match track.kind {
            MediaKind::Audio => Some(self.audio(track.number)?.wanted),
            MediaKind::Video => Some(self.more?.video.get(&track.number)?.wanted),
        }
    }

    /// Our sections as they stand, for an offer.
    pub(super) fn standing(&self) -> Vec<OurSection> {
        self.descriptions.standing(|index| self.section(index), |track| self.wanted(track))
    }
}
