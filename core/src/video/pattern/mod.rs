//! Test pictures: bars of colour with a number, in VP8, made without an encoder.
//!
//! Each is a key frame (RFC 6386) of flat blocks of 16 pixels, so that it costs next to nothing: about a
//! byte for a block, or as many as are wanted ([`frame_of_length`]). The uppermost row of blocks shows the
//! number, in white and black, most significant bit first: 32 bits, or as many as there are blocks across. A grey
//! block walks along the lowest row.
//!
//! ```
//! use offhook::video::{Size, is_keyframe, pattern};
//!
//! let picture = pattern::frame(Size { width: 640, height: 360 }, 1234, 0)?;
//! assert!(picture.keyframe && picture.data.len() < 1_000);
//! assert_eq!(Size::of(picture.codec, &picture.data), Some(Size { width: 640, height: 360 }));
//! assert_eq!(pattern::number(&picture), Some(1234));
//! # Ok::<(), offhook::video::VideoError>(())
//! ```

mod blocks;
mod coder;
mod tables;

use std::ops::RangeInclusive;

use self::blocks::Colour;
use super::{MAX_FRAME, Size, VideoError};
use crate::machine::{VideoCodec, VideoFrame};

/// The sides that a test picture can have, in pixels.
pub const SIDES: RangeInclusive<u32> = 16..=3840;
/// Bits of the number.
const BITS: u32 = u32::BITS;

/// A test picture with a number, at a media time.
///
/// # Errors
///
/// The size has a side that is not among [`SIDES`].
pub fn frame(size: Size, number: u32, time: u64) -> Result<VideoFrame, VideoError> {
    frame_of_length(size, number, time, 0)
}

/// A test picture with a number, at a media time, of at least so many bytes: it is cut into as many packets
/// as one of a camera would be. What is added shows nothing; none is longer than [`MAX_FRAME`].
///
/// # Errors
///
/// The size has a side that is not among [`SIDES`].
pub fn frame_of_length(
    size: Size,
    number: u32,
    time: u64,
    bytes: usize,
) -> Result<VideoFrame, VideoError> {
    if !SIDES.contains(&size.width) || !SIDES.contains(&size.height) {
        return Err(VideoError::Size(size));
    }
    Ok(VideoFrame::new(VideoCodec::Vp8, time, true, encoded(size, number, bytes)))
}

/// The number of a test picture, if it is one, and unharmed to the last byte. Nothing is decoded.
#[must_use]
pub fn number(frame: &VideoFrame) -> Option<u32> {
    let size = Size::of(frame.codec, &frame.data).filter(|_| frame.codec == VideoCodec::Vp8)?;
    if !SIDES.contains(&size.width) || !SIDES.contains(&size.height) {
        return None;
    }
    let number = u32::from_be_bytes(*frame.data.last_chunk()?);
    (encoded(size, number, frame.data.len()) == frame.data).then_some(number)
}

/// The number that a decoded test picture shows, whoever coded it meanwhile: its lowest bits, of which there
/// are as many as blocks across, at most 32. `luma` is the brightness of a pixel, 0 to 255, by its
/// column and row.
///
/// None where a block is neither black nor white.
pub fn shown(size: Size, mut luma: impl FnMut(u32, u32) -> u8) -> Option<u32> {
    (0..bits(size)).try_fold(0, |number, column| {
        let (x, y) = (column * 16 + 8, 8);
        match luma(x.min(size.width - 1), y.min(size.height - 1)) {
            0..=79 => Some(number << 1),
            176.. => Some(number << 1 | 1),
            80..=175 => None,
        }
    })
}

/// Bits of the number that a picture shows.
fn bits(size: Size) -> u32 {
    size.width.div_ceil(16).min(BITS)
}

/// The picture, what fills it, and the number again.
fn encoded(size: Size, number: u32, bytes: usize) -> Vec<u8> {
    let mut picture = blocks::picture(size, |column, row| colour(size, number, column, row));
    // A decoder reads what it needs of the last part, and nothing after it (section 9.5).
    let wanted = bytes.min(MAX_FRAME).saturating_sub(size_of::<u32>());
    let fill = |at: usize| (at as u32).wrapping_mul(0x9e37_79b9).wrapping_add(number) as u8;
    picture.extend((picture.len()..wanted).map(fill));
    picture.extend(number.to_be_bytes());
    picture
}

const WHITE: Colour = [235, 128, 128];
const GREY: Colour = [126, 128, 128];
const BLACK: Colour = [16, 128, 128];
/// From left to right: white, yellow, cyan, green, magenta, red, blue, black.
const BARS: [Colour; 8] = [
    WHITE,
    [210, 16, 146],
    [170, 166, 16],
    [145, 54, 34],
    [106, 202, 222],
    [81, 90, 240],
    [41, 240, 110],
    BLACK,
];

/// The colour of a block.
fn colour(size: Size, number: u32, column: u32, row: u32) -> Colour {
    let (columns, rows) = (size.width.div_ceil(16), size.height.div_ceil(16));
    if row == 0 {
        let bits = bits(size);
        return match bits.checked_sub(column + 1) {
            Some(bit) if number >> bit & 1 == 1 => WHITE,
            Some(_) => BLACK,
            None => GREY,
        };
    }
    if row + 1 == rows && column == number % columns {
        return GREY;
    }
    BARS[(column * 8 / columns) as usize % BARS.len()]
}
