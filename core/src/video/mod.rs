//! Video as files: read, written, played in time and recorded, without an encoder.
//!
//! | of a program | here |
//! | --- | --- |
//! | has files with pictures | [`IvfReader`], [`AnnexBReader`], [`WebmReader`], and writers for each |
//! | wants their pictures in time, and a key frame when one is asked for | [`Player`] of a [`Clip`] |
//! | wants to keep what it sees and hears | [`Recorder`], as WebM |
//! | wants to look at a picture | [`Size`], [`webp`], and behind feature `stills` `Still` |
//! | has no pictures at all | [`pattern`], with a number on each |
//!
//! Pure functions and small machines; files and devices are the application's. Behind feature
//! `video`. Pictures are [`VideoFrame`](crate::media::VideoFrame)s, as media has them: VP8, or H.264
//! as Annex B access units.
//!
//! ```
//! use offhook::video::{IvfReader, IvfWriter, Size, pattern};
//!
//! let size = Size { width: 320, height: 240 };
//! let mut file = IvfWriter::new(Vec::new(), offhook::media::VideoCodec::Vp8, size)?;
//! for number in 0..30 {
//!     file.write(&pattern::frame(size, number, u64::from(number) * 3_000)?)?;
//! }
//! let frames: Vec<_> = IvfReader::new(&file.into_inner()[..])?.collect::<Result<_, _>>()?;
//! assert_eq!(frames.len(), 30);
//! assert_eq!(pattern::number(&frames[7]), Some(7));
//! # Ok::<(), offhook::video::VideoError>(())
//! ```

mod annex_b;
mod avcc;
mod bits;
mod clip;
mod ebml;
mod error;
mod h264;
mod input;
mod ivf;
mod parameters;
pub mod pattern;
mod player;
mod recorder;
mod size;
mod sps;
mod still;
#[cfg(test)]
mod tests;
mod time;
mod vp8;
mod webm;

pub use self::annex_b::{AnnexBReader, AnnexBWriter};
pub use self::clip::Clip;
pub use self::error::VideoError;
pub use self::ivf::{IvfReader, IvfWriter};
pub use self::parameters::ParameterSets;
pub use self::player::Player;
pub use self::recorder::{Recorded, Recorder};
pub use self::size::Size;
#[cfg(feature = "stills")]
pub use self::still::Still;
pub use self::still::webp;
pub use self::webm::{Block, WebmReader, WebmTrack, WebmWriter};

use crate::machine::VideoCodec;

/// The most bytes of a frame, written or read. A key frame of a screen of four million pixels, as good as
/// they get, is smaller.
pub const MAX_FRAME: usize = 4 << 20;
/// The longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 1 << 14;

/// True for a picture that needs none before it, by its own words: of VP8 a key frame (RFC 6386 section
/// 9.1), of H.264 an IDR picture (ITU-T H.264 section 7.4.1.2.4).
///
/// ```
/// use offhook::media::VideoCodec;
/// use offhook::video::is_keyframe;
///
/// assert!(is_keyframe(VideoCodec::H264, &[0, 0, 0, 1, 0x65, 0x88]));
/// assert!(!is_keyframe(VideoCodec::H264, &[0, 0, 0, 1, 0x41, 0x9a]));
/// ```
#[must_use]
pub fn is_keyframe(codec: VideoCodec, picture: &[u8]) -> bool {
    match codec {
        VideoCodec::Vp8 => vp8::is_keyframe(picture),
        VideoCodec::H264 => h264::is_keyframe(picture),
    }
}

/// The length of a frame that is not too long.
fn checked_length(data: &[u8]) -> Result<u32, VideoError> {
    let length = data.len();
    let short = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME);
    short.ok_or(VideoError::TooLong(length as u64))
}
