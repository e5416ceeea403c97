//! Directions of tracks, by whether we send them.

use std::collections::{BTreeMap, BTreeSet};

use crate::media::{MediaKind, Track};
use crate::ribbon::constants::HoldState;
use crate::sdp::Direction;

/// The direction that we want of a track.
pub(super) fn direction(sends: &BTreeSet<Track>, track: Track, held: HoldState) -> Direction {
    match (held.local(), sends.contains(&track)) {
        (true, _) => Direction::Inactive,
        (false, true) => Direction::SendRecv,
        (false, false) => Direction::RecvOnly,
    }
}

/// The first tracks of these kinds, as engines number them.
pub(super) fn first(kinds: impl Iterator<Item = MediaKind>) -> BTreeSet<Track> {
    let mut next = BTreeMap::new();
    let tracks = kinds.map(|kind| {
        let number = next.entry(kind).or_insert(0_u8);
        let track = Track { kind, number: *number };
        *number = number.saturating_add(1);
        track
    });
    tracks.collect()
}

/// Those of these tracks that are sent, as another engine numbers them that is offered all of them in this order.
pub(super) fn renumbered(
    sends: &BTreeSet<Track>,
    tracks: impl Iterator<Item = Track>,
) -> BTreeSet<Track> {
    let mut next = BTreeMap::new();
    let renumbered = tracks.filter_map(|track| {
        let number = next.entry(track.kind).or_insert(0_u8);
        let renumbered = Track { kind: track.kind, number: *number };
        *number = number.saturating_add(1);
        sends.contains(&track).then_some(renumbered)
    });
    renumbered.collect()
}
