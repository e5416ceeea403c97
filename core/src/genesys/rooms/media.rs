//! The media that an application has for a room.

use serde_json::{Value, json};

/// The media that an application has for a room, to answer its offer with.
///
/// ```
/// use offhook::genesys::{RoomMedia, Screen};
///
/// let screens = RoomMedia::Screens(vec![Screen::new("main", 1920, 1080).primary(true)]);
/// assert_ne!(screens, RoomMedia::Nothing);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomMedia {
    /// Nothing to send: a meeting that is listened to, or a screen that is watched. What is not sent
    /// in a meeting is told as muted, and can be unmuted later.
    Nothing,
    /// Sound, no pictures.
    Audio,
    /// Pictures, no sound.
    Video,
    /// Both.
    Both,
    /// Screens, for a recording or for whoever monitors them: one video track each, in the order of
    /// the offer. At most [`RoomMedia::MAX_SCREENS`].
    Screens(Vec<Screen>),
}

impl RoomMedia {
    /// The most screens of one session.
    pub const MAX_SCREENS: usize = 16;

    /// True if it has sound.
    pub(super) fn has_audio(&self) -> bool {
        match self {
            Self::Audio | Self::Both => true,
            Self::Nothing | Self::Video | Self::Screens(_) => false,
        }
    }

    /// True if it has pictures of a camera.
    pub(super) fn has_video(&self) -> bool {
        match self {
            Self::Video | Self::Both => true,
            Self::Nothing | Self::Audio | Self::Screens(_) => false,
        }
    }

    /// The screens.
    pub(super) fn into_screens(self) -> Vec<Screen> {
        match self {
            Self::Screens(screens) => screens,
            Self::Nothing | Self::Audio | Self::Video | Self::Both => Vec::new(),
        }
    }
}

/// A screen that is recorded or monitored (behaviour notes SR-1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Screen {
    /// Its id.
    pub id: String,
    /// The place of its left edge among the screens, in pixels.
    pub origin_x: i32,
    /// The place of its lower edge among the screens, in pixels; 0 is the bottom.
    pub origin_y: i32,
    /// Its width in pixels.
    pub resolution_x: u32,
    /// Its height in pixels.
    pub resolution_y: u32,
    /// True for the main one.
    pub primary: bool,
}

setters!(Screen { origin_x: i32, origin_y: i32, primary: bool });

impl Screen {
    /// A screen of this size, at the origin.
    #[must_use]
    pub fn new(id: impl Into<String>, resolution_x: u32, resolution_y: u32) -> Self {
        Self { id: id.into(), resolution_x, resolution_y, ..Self::default() }
    }

    /// It, as a recording's metadata has it, with the section that carries it: none where the offer
    /// had too few.
    pub(super) fn metadata(&self, mid: Option<&str>) -> Value {
        json!({
            "trackId": mid, "screenId": self.id, "originX": self.origin_x, "originY": self.origin_y,
            "resolutionX": self.resolution_x, "resolutionY": self.resolution_y,
            "primary": self.primary,
        })
    }
}
