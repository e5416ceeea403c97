//! A track that was added is there until it is removed, or its session is over or replaced.

use std::collections::BTreeSet;

use offhook::genesys::Event;
use offhook::machine::TrackId;

use super::rule::Rule;
use super::stays::Stays;
use crate::world::{PhoneId, Seen};

/// A track that was added is there until it is removed, or its session is over.
#[derive(Debug, Default)]
pub(super) struct Tracks(BTreeSet<(PhoneId, TrackId)>);

impl Rule for Tracks {
    const NAME: &'static str = "tracks come and go once";

    fn see(&mut self, phone: PhoneId, seen: Seen<'_>, _: &Stays) -> Result<(), String> {
        let Seen::Told { event, .. } = seen else { return Ok(()) };
        let (track, fits, what) = match event {
            Event::TrackAdded { track, .. } => {
                (track, self.0.insert((phone, *track)), "is added twice")
            }
            Event::TrackRemoved { track, .. } => {
                (track, self.0.remove(&(phone, *track)), "is removed, and was not there")
            }
            Event::TrackChanged { track, .. } => {
                (track, self.0.contains(&(phone, *track)), "is changed, and was not there")
            }
            Event::KeyframeWanted { track, .. } => {
                (track, self.0.contains(&(phone, *track)), "is to be seen, and was not there")
            }
            // The tracks of a session that takes another's place are told anew.
            Event::SessionEnded { session, .. } | Event::SessionReplaced { session, .. } => {
                self.0.retain(|(of, track)| *of != phone || track.media != session.media);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if fits { Ok(()) } else { Err(format!("{track:?} {what}")) }
    }
}
