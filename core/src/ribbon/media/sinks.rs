//! Sinks of the application's, by name, and the tracks that it gives to them (w7, nos 76 and 77): what takes the
//! place of the elements of a web page.

use std::collections::BTreeMap;

use crate::ribbon::error::{Error, WebRtcCode};
use crate::ribbon::ids::TrackId;

/// The most sinks, and the most tracks of each.
const MAX_SINKS: usize = 32;
const MAX_TRACKS: usize = 32;
/// Bytes of a name.
const MAX_NAME: usize = 256;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Sinks {
    sinks: BTreeMap<String, Vec<TrackId>>,
}

impl Sinks {
    pub(super) fn len(&self) -> usize {
        self.sinks.len()
    }

    /// Those that a track is given to.
    pub(super) fn of(&self, track: &TrackId) -> Vec<String> {
        let with = |(_, tracks): &(&String, &Vec<TrackId>)| tracks.contains(track);
        self.sinks.iter().filter(with).map(|(name, _)| name.clone()).collect()
    }

    /// Checks that tracks can be given to a sink.
    ///
    /// # Errors
    ///
    /// [`WebRtcCode::InvalidTrackId`] for none, or one that there is not; [`WebRtcCode::InvalidParam`] beyond
    /// a bound.
    pub(super) fn may_add(
        &self,
        tracks: &[TrackId],
        sink: &str,
        known: impl Fn(&TrackId) -> bool,
    ) -> Result<(), Error> {
        if tracks.is_empty() || !tracks.iter().all(known) {
            return Err(Error::new(WebRtcCode::InvalidTrackId, "there is no such track"));
        }
        let held = self.sinks.get(sink);
        let more = tracks.iter().filter(|track| held.is_none_or(|held| !held.contains(track)));
        let full = held.map_or(0, Vec::len) + more.count() > MAX_TRACKS;
        let crowded = held.is_none() && self.sinks.len() >= MAX_SINKS;
        if sink.is_empty() || sink.len() > MAX_NAME || full || crowded {
            let text = "no name of a sink, or over 32 sinks or tracks of one";
            return Err(Error::new(WebRtcCode::InvalidParam, text));
        }
        Ok(())
    }

    pub(super) fn add(&mut self, tracks: &[TrackId], sink: &str) {
        let held = self.sinks.entry(sink.to_owned()).or_default();
        for track in tracks {
            if !held.contains(track) {
                held.push(track.clone());
            }
        }
    }

    /// Checks that tracks can be taken from a sink.
    ///
    /// # Errors
    ///
    /// [`WebRtcCode::InvalidTrackId`]: it has none of that name.
    pub(super) fn may_remove(&self, tracks: &[TrackId], sink: &str) -> Result<(), Error> {
        let held = self.sinks.get(sink);
        let has = |track: &TrackId| held.is_some_and(|held| held.contains(track));
        match !tracks.is_empty() && tracks.iter().all(has) {
            true => Ok(()),
            false => Err(Error::new(WebRtcCode::InvalidTrackId, "the sink has no such track")),
        }
    }

    pub(super) fn remove(&mut self, tracks: &[TrackId], sink: &str) {
        if let Some(held) = self.sinks.get_mut(sink) {
            held.retain(|track| !tracks.contains(track));
        }
        self.sinks.retain(|_, held| !held.is_empty());
    }

    /// Keeps these tracks, and no others.
    pub(super) fn keep(&mut self, keeps: impl Fn(&TrackId) -> bool) {
        for held in self.sinks.values_mut() {
            held.retain(&keeps);
        }
        self.sinks.retain(|_, held| !held.is_empty());
    }
}
