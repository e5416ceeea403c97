//! Units of H.264 (ITU-T H.264 section 7.4.1) and the pictures that they make.

use bytes::BytesMut;

use super::sps::Sps;
use crate::media::rtp::pictures::units;

/// The start code put before a unit (annex B).
pub(super) const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The type of a unit (table 7-1), as far as it matters to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a picture that needs those before it, 1 to 4.
    Slice,
    /// A part of a picture that needs none, 5.
    Idr,
    /// A set of parameters for a sequence of pictures, 7.
    Sps,
    /// A set of parameters for pictures, 8.
    Pps,
    /// The beginning of a picture, and nothing else, 9.
    Delimiter,
    /// Something that comes before the parts of a picture: 6, and 14 to 18.
    Prefix,
    /// Anything else.
    Other,
}

impl Kind {
    pub(super) fn of(unit: &[u8]) -> Self {
        match unit.first().map_or(0, |first| first & 0x1f) {
            1..=4 => Self::Slice,
            5 => Self::Idr,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::Delimiter,
            6 | 14..=18 => Self::Prefix,
            _ => Self::Other,
        }
    }
}

/// True for a picture that needs no other: a part of it is of an IDR picture.
pub(super) fn is_keyframe(picture: &[u8]) -> bool {
    units(picture).into_iter().any(|unit| Kind::of(unit) == Kind::Idr)
}

/// The width and height in the first set of parameters of a key frame.
pub(super) fn sides(picture: &[u8]) -> Option<[u32; 2]> {
    let units = units(picture);
    let key = units.iter().any(|unit| Kind::of(unit) == Kind::Idr);
    let first = units.iter().find(|unit| Kind::of(unit) == Kind::Sps)?;
    key.then(|| Sps::parse(first)).flatten().map(|sps| sps.sides)
}

/// Puts a unit into a byte stream.
pub(super) fn put(stream: &mut BytesMut, unit: &[u8]) {
    stream.extend_from_slice(&START_CODE);
    stream.extend_from_slice(unit);
}
