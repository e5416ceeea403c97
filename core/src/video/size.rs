//! The size of pictures.

use std::fmt;

use super::{MAX_SIDE, h264, vp8};
use crate::machine::VideoCodec;

/// A size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl Size {
    /// The size of a key frame: of VP8 as its header has it (RFC 6386 section 9.1), of H.264 as the
    /// sequence parameter set in it has it, cropped (ITU-T H.264 section 7.4.2.1.1). None of other
    /// pictures, and none of a picture whose sides are 0 or longer than [`MAX_SIDE`].
    ///
    /// ```
    /// use offhook::media::VideoCodec;
    /// use offhook::video::Size;
    ///
    /// let keyframe = [0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
    /// assert_eq!(Size::of(VideoCodec::Vp8, &keyframe), Some(Size { width: 640, height: 360 }));
    /// assert_eq!(Size::of(VideoCodec::Vp8, &[0x11, 0x02, 0]), None, "it needs those before it");
    /// ```
    #[must_use]
    pub fn of(codec: VideoCodec, picture: &[u8]) -> Option<Self> {
        let sides = match codec {
            VideoCodec::Vp8 => vp8::sides(picture),
            VideoCodec::H264 => h264::sides(picture),
        };
        let [width, height] = sides?;
        let possible = 1..=MAX_SIDE;
        let both = possible.contains(&width) && possible.contains(&height);
        both.then_some(Self { width, height })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
