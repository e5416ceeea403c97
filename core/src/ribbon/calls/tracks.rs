//! The tracks of a call: names for those of its engine, and which of them are in use.

use std::collections::BTreeMap;

use crate::machine::{MediaKind, Rng, Track};
use crate::media::TrackInfo as Agreed;
use crate::ribbon::ids::TrackId;
use crate::ribbon::info::SourceState;

/// A track of the engine, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    pub(super) track: Track,
    /// True for what we send.
    pub(super) local: bool,
}

/// A source of ours that comes into a call: its kind, and its name where it has one already.
pub(super) type Source = (MediaKind, Option<TrackId>);

/// A track and whether it is in use.
#[derive(Clone, Debug)]
struct Named {
    id: TrackId,
    used: bool,
    muted: bool,
    source: SourceState,
}

impl Named {
    fn new(id: TrackId, used: bool) -> Self {
        Self { id, used, muted: false, source: SourceState::Live }
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Tracks {
    named: BTreeMap<Lane, Named>,
}

/// The difference that a negotiation made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) added: Vec<TrackId>,
    pub(super) removed: Vec<TrackId>,
}

impl Tracks {
    /// Takes what was agreed on. What is new, and what is in use no more.
    pub(super) fn agreed(&mut self, tracks: &[Agreed], rng: &mut Rng) -> Difference {
        let mut difference = Difference::default();
        let mut used = BTreeMap::new();
        for Agreed { track, direction, .. } in tracks {
            used.insert(Lane { track: *track, local: true }, direction.sends());
            used.insert(Lane { track: *track, local: false }, direction.receives());
        }
        for (lane, named) in &mut self.named {
            let now = used.get(lane).copied().unwrap_or(false);
            match (std::mem::replace(&mut named.used, now), now) {
                (true, false) => difference.removed.push(named.id.clone()),
                (false, true) => difference.added.push(named.id.clone()),
                (true, true) | (false, false) => {}
            }
        }
        for (lane, now) in used {
            if now && !self.named.contains_key(&lane) {
                let id = TrackId::from(rng.uuid());
                difference.added.push(id.clone());
                self.named.insert(lane, Named::new(id, true));
            }
        }
        difference
    }

    /// Ours that are offered, before anybody agrees.
    pub(super) fn offered(&mut self, tracks: &[Track], rng: &mut Rng) -> Difference {
        let mut difference = Difference::default();
        for track in tracks {
            let lane = Lane { track: *track, local: true };
            let named = self
                .named
                .entry(lane)
                .or_insert_with(|| Named::new(TrackId::from(rng.uuid()), false));
            if !std::mem::replace(&mut named.used, true) {
                difference.added.push(named.id.clone());
            }
        }
        difference
    }

    /// Gives a lane another name; what goes by it is not muted.
    pub(super) fn rename(&mut self, lane: Lane, id: TrackId) {
        let used = self.named.get(&lane).is_some_and(|named| named.used);
        self.named.insert(lane, Named::new(id, used));
    }

    /// Each lane, and whether it is muted.
    pub(super) fn mutes(&self) -> Vec<(Lane, bool)> {
        self.named.iter().map(|(lane, named)| (*lane, named.muted)).collect()
    }

    /// The name that a track of ours goes by.
    pub(super) fn name_of(&self, track: Track) -> Option<&TrackId> {
        self.named.get(&Lane { track, local: true }).map(|named| &named.id)
    }

    /// The track of ours that goes by a name.
    pub(super) fn sends(&self, id: &TrackId) -> Option<Track> {
        let (lane, _) = self.find(id)?;
        lane.local.then_some(lane.track)
    }

    /// Takes all out of use.
    pub(super) fn clear(&mut self) -> Difference {
        let used = self.named.values_mut().filter(|named| named.used);
        let removed = used.map(|named| {
            named.used = false;
            named.id.clone()
        });
        Difference { added: Vec::new(), removed: removed.collect() }
    }

    /// The names of those in use, on one side.
    pub(super) fn used(&self, local: bool) -> Vec<TrackId> {
        let used = self.named.iter().filter(|(lane, named)| lane.local == local && named.used);
        used.map(|(_, named)| named.id.clone()).collect()
    }

    /// The lane of a name, and whether it is muted.
    pub(super) fn find(&self, id: &TrackId) -> Option<(Lane, bool)> {
        let (lane, named) = self.named.iter().find(|(_, named)| named.id == *id && named.used)?;
        Some((*lane, named.muted))
    }

    /// The state of the source of a track of ours; [`SourceState::Live`] for any other.
    pub(super) fn source(&self, id: &TrackId) -> SourceState {
        let named = self.named.values().find(|named| named.id == *id);
        named.map(|named| named.source).unwrap_or_default()
    }

    /// Takes the state of the source of a track of ours. True if it was not so before.
    pub(super) fn set_source(&mut self, id: &TrackId, state: SourceState) -> bool {
        let mut ours = self.named.iter_mut().filter(|(lane, _)| lane.local);
        let named = ours.find(|(_, named)| named.id == *id);
        named.is_some_and(|(_, named)| std::mem::replace(&mut named.source, state) != state)
    }

    /// True if nothing can be sent of it: its source is gone.
    pub(super) fn is_gone(&self, track: Track) -> bool {
        let named = self.named.get(&Lane { track, local: true });
        named.is_some_and(|named| named.source == SourceState::Ended)
    }

    /// Mutes or unmutes a track. True if it was not so before.
    pub(super) fn set_muted(&mut self, id: &TrackId, muted: bool) -> bool {
        let named = self.named.values_mut().find(|named| named.id == *id);
        named.is_some_and(|named| std::mem::replace(&mut named.muted, muted) != muted)
    }
}
