//! The tracks of a file, and whose they are.

use std::collections::BTreeSet;

use crate::machine::Frame;
use crate::video::WebmTrack;

/// The most tracks of a file.
pub(super) const MAX_PLACES: usize = 32;

/// The tracks of a file.
#[derive(Debug, Default)]
pub(super) struct Places {
    tracks: Vec<WebmTrack>,
    /// Those that nobody has.
    free: BTreeSet<usize>,
    state: State,
}

/// The state of a file's tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// There may be more.
    #[default]
    Open,
    /// They are in the header.
    Closed,
}

impl Places {
    /// A place for a track: one that is free, or a new one.
    pub(super) fn find(&mut self, track: WebmTrack) -> Option<usize> {
        let free = self.free.iter().copied().find(|place| self.tracks[*place].is_like(&track));
        if let Some(place) = free {
            self.free.remove(&place);
            return free;
        }
        if self.state == State::Closed || self.tracks.len() == MAX_PLACES {
            return None;
        }
        self.tracks.push(track);
        Some(self.tracks.len() - 1)
    }

    /// True if frames like this one go into that place.
    pub(super) fn takes(&self, place: usize, frame: &Frame) -> bool {
        self.tracks.get(place).is_some_and(|track| track.takes(frame))
    }

    /// Frees a place.
    pub(super) fn leave(&mut self, place: Option<usize>) {
        self.free.extend(place);
    }

    /// The tracks of the file: from now on these are all.
    pub(super) fn close(&mut self) -> Vec<WebmTrack> {
        self.state = State::Closed;
        self.tracks.clone()
    }
}
