//! Media of our own that belongs to no call by itself (w7, nos 73 to 75): the application pushes its frames, and
//! any number of calls may send them.

use crate::machine::{MediaId, Rng, Track, TrackId as MediaTrack};
use crate::ribbon::error::{CallCode, Error, WebRtcCode};
use crate::ribbon::ids::{MediaObjectId, TrackId};
use crate::ribbon::info::DetachedMedia;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::wanted::CallMedia;

/// The most at a time.
const MAX_DETACHED: usize = 64;

/// All of it.
#[derive(Debug)]
pub(super) struct AllDetached {
    all: Vec<DetachedMedia>,
    rng: Rng,
}

impl AllDetached {
    pub(super) fn new(rng: Rng) -> Self {
        Self { all: Vec::new(), rng }
    }

    pub(super) fn all(&self) -> &[DetachedMedia] {
        &self.all
    }

    pub(super) fn find(&self, track: &TrackId) -> Option<&DetachedMedia> {
        self.all.iter().find(|one| one.track == *track)
    }

    pub(super) fn of_frames(&self, frames: MediaTrack) -> Option<&TrackId> {
        self.all.iter().find(|one| one.frames == frames).map(|one| &one.track)
    }

    /// Checks that there is room.
    ///
    /// # Errors
    ///
    /// [`WebRtcCode::InvalidParam`] for none, [`CallCode::UserMedia`] beyond the bound.
    pub(super) fn may_create(&self, media: CallMedia) -> Result<(), Error> {
        let more = media.kinds().count();
        if more == 0 {
            return Err(Error::new(WebRtcCode::InvalidParam, "no kind of media is asked for"));
        }
        if self.all.len() + more > MAX_DETACHED {
            return Err(Error::new(CallCode::UserMedia, "there is too much media of our own"));
        }
        Ok(())
    }

    pub(super) fn create(&mut self, media: CallMedia, out: &mut Outbox) -> Vec<DetachedMedia> {
        let made: Vec<_> = media
            .kinds()
            .map(|kind| DetachedMedia {
                media: MediaObjectId::from(self.rng.uuid()),
                track: TrackId::from(self.rng.uuid()),
                kind,
                frames: MediaTrack {
                    media: MediaId(out.media().id()),
                    track: Track { kind, number: 0 },
                },
            })
            .collect();
        self.all.extend(made.iter().cloned());
        made
    }

    pub(super) fn dispose(&mut self, track: &TrackId) {
        self.all.retain(|one| one.track != *track);
    }
}
