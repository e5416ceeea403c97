//! Names of the tracks that media consists of.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::MediaId;

/// A kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// The name in a media line of SDP (RFC 8866 section 8.2.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A track of a media session: one section of its description, in both directions.
///
/// Tracks are numbered within their kind, from 0 on, in the order in which they were first agreed on,
/// and keep their numbers for as long as the session lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Track {
    /// Its kind.
    pub kind: MediaKind,
    /// Its number within that kind.
    pub number: u8,
}

impl Track {
    /// The first audio track: that of a telephone call.
    pub const AUDIO: Self = Self::audio(0);

    /// An audio track.
    #[must_use]
    pub const fn audio(number: u8) -> Self {
        Self { kind: MediaKind::Audio, number }
    }

    /// A video track.
    #[must_use]
    pub const fn video(number: u8) -> Self {
        Self { kind: MediaKind::Video, number }
    }
}

impl fmt::Debug for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.number)
    }
}

/// A track of one of a machine's media sessions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId {
    /// The session.
    pub media: MediaId,
    /// The track in it.
    pub track: Track,
}

impl TrackId {
    /// The first audio track of a session.
    #[must_use]
    pub const fn audio(media: MediaId) -> Self {
        Self { media, track: Track::AUDIO }
    }
}

impl fmt::Debug for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.media, self.track)
    }
}
