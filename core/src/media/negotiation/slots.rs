//! The sections of a session's descriptions, which keep their places for as long as it lives (RFC 3264
//! section 8).

use super::{Off, OurSection, OurTerms, Remote, Terms};
use crate::media::{MediaError, MediaKind, Track};
use crate::sdp::Description;

/// The purpose of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A track.
    Track(Track),
    /// Data channels.
    Channels,
}

/// One section.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its name.
    pub mid: Option<String>,
    /// Its purpose, also while it is off.
    pub holds: Option<Holds>,
    /// Its kind and protocol while it is off.
    pub off: Option<Off>,
}

/// The sections of a session, in order.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    slots: Vec<Slot>,
    /// The number of the next track of audio, and of video.
    next: [u8; 2],
}

impl Slots {
    /// Each section, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// The number of sections.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// A section by its place.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index)
    }

    /// True before the first description.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The numbers of the next tracks, of audio and of video.
    #[must_use]
    pub const fn next(&self) -> [u8; 2] {
        self.next
    }

    /// True if a section, on or off, has that purpose.
    #[must_use]
    pub fn hold(&self, what: Holds) -> bool {
        self.slots.iter().any(|slot| slot.holds == Some(what))
    }

    /// A name that no section has: the lowest number.
    #[must_use]
    pub fn free_mid(&self, taken: &[OurSection]) -> String {
        let named = |name: &str| {
            let ours = || taken.iter().any(|section| section.mid.as_deref() == Some(name));
            self.slots.iter().any(|slot| slot.mid.as_deref() == Some(name)) || ours()
        };
        let mut names = (taken.len()..).map(|number| number.to_string());
        names.find(|name| !named(name)).unwrap_or_default()
    }

    /// The sections of an offer of ours, of which some may be new.
    pub fn offered(&mut self, sections: &[OurSection]) {
        for section in sections.iter().skip(self.slots.len()) {
            let (holds, off) = match &section.terms {
                OurTerms::Off(off) => (None, Some(off.clone())),
                // Turned down, they are not offered again.
                OurTerms::On(Terms::Channels { .. }) => (Some(Holds::Channels), None),
                OurTerms::On(Terms::Audio(_) | Terms::Video(_)) => (None, None),
            };
            self.slots.push(Slot { mid: section.mid.clone(), holds, off });
        }
    }

    /// The sections as a description of the far side has them, and what each section of use is for.
    /// A telephone has one track, wherever it is.
    ///
    /// # Errors
    ///
    /// There is no number for another track.
    pub fn settle(
        &mut self,
        description: &Description<'_>,
        remote: &Remote,
        telephone: bool,
    ) -> Result<Vec<Holds>, MediaError> {
        let mut plan = Vec::with_capacity(remote.sections.len());
        for (index, section) in description.sections.iter().enumerate() {
            let live = remote.sections.iter().find(|live| live.index == index);
            let before = self.slots.get(index).filter(|slot| {
                let names = slot.mid.as_deref().zip(section.mid());
                names.is_none_or(|(before, now)| before == now)
            });
            let mid = before.and_then(|slot| slot.mid.clone());
            let mid = mid.or_else(|| section.mid().map(str::to_owned));
            let before = before.and_then(|slot| slot.holds);
            let slot = match live {
                None => Slot { mid, holds: before, off: Some(Off::of(section)) },
                Some(live) => {
                    let holds = match (live.kind(), before) {
                        (None, _) => Holds::Channels,
                        (Some(MediaKind::Audio), _) if telephone => Holds::Track(Track::AUDIO),
                        (Some(kind), Some(Holds::Track(track))) if track.kind == kind => {
                            Holds::Track(track)
                        }
                        (Some(kind), _) => Holds::Track(self.number(kind)?),
                    };
                    plan.push(holds);
                    Slot { mid, holds: Some(holds), off: None }
                }
            };
            match self.slots.get_mut(index) {
                Some(known) => *known = slot,
                None => self.slots.push(slot),
            }
        }
        // Another far end may have fewer: what it does not know of is off.
        for slot in self.slots.iter_mut().skip(description.sections.len()) {
            slot.off.get_or_insert_with(|| match slot.holds {
                Some(Holds::Track(Track { kind, .. })) => Off::media(kind),
                Some(Holds::Channels) => Off::channels(),
                None => Off::default(),
            });
        }
        Ok(plan)
    }

    /// The next track of a kind.
    fn number(&mut self, kind: MediaKind) -> Result<Track, MediaError> {
        let next = match kind {
            MediaKind::Audio => &mut self.next[0],
            MediaKind::Video => &mut self.next[1],
        };
        let number = *next;
        *next = number.checked_add(1).ok_or(MediaError::TooMany("tracks"))?;
        Ok(Track { kind, number })
    }
}
