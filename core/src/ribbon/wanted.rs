//! Media as it is wanted for calls.

use super::ids::TrackId;
use crate::machine::MediaKind;

/// The media that a call sends and receives. Calls without audio are not supported by the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallMedia {
    /// Sound.
    pub audio: bool,
    /// Pictures, as of a camera.
    pub video: bool,
    /// Pictures, as of a screen.
    pub screen: bool,
}

impl CallMedia {
    /// Sound alone.
    pub const AUDIO: Self = Self { audio: true, video: false, screen: false };
    /// Sound and the pictures of a camera.
    pub const VIDEO: Self = Self { audio: true, video: true, screen: false };

    /// The kind of each track.
    pub(super) fn kinds(self) -> impl Iterator<Item = MediaKind> {
        let all = [
            (self.audio, MediaKind::Audio),
            (self.video, MediaKind::Video),
            (self.screen, MediaKind::Video),
        ];
        all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, kind)| kind)
    }

    /// True if there are pictures in it.
    pub(super) const fn is_seen(self) -> bool {
        self.video || self.screen
    }
}

setters!(CallMedia { audio: bool, video: bool, screen: bool });

impl Default for CallMedia {
    fn default() -> Self {
        Self::AUDIO
    }
}

/// Media for a call that is up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MoreMedia {
    /// Sound.
    pub audio: bool,
    /// Pictures, as of a camera.
    pub video: bool,
    /// Pictures, as of a screen.
    pub screen: bool,
    /// Tracks that belong to no call by themselves ([`Command::CreateLocalMedia`](super::Command::CreateLocalMedia)).
    pub detached: Vec<TrackId>,
}

setters!(MoreMedia { audio: bool, video: bool, screen: bool, detached: all[TrackId] });

impl MoreMedia {
    /// The kind of each track that has no name yet.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = MediaKind> {
        CallMedia { audio: self.audio, video: self.video, screen: self.screen }.kinds()
    }
}
