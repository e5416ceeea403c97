//! The beginning of a VP8 picture (RFC 6386 section 9.1).

/// The start code of a key frame.
pub(super) const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

/// True for a picture that needs no other.
pub(super) fn is_keyframe(picture: &[u8]) -> bool {
    picture.first().is_some_and(|first| first & 1 == 0)
        && picture.get(3..6).is_some_and(|code| code == START_CODE)
}

/// The width and height of a key frame. How it is to be scaled is not looked at.
pub(super) fn sides(picture: &[u8]) -> Option<[u32; 2]> {
    if !is_keyframe(picture) {
        return None;
    }
    let side = |at: usize| {
        let side = picture.get(at..)?.first_chunk()?;
        Some(u32::from(u16::from_le_bytes(*side) & 0x3fff))
    };
    Some([side(6)?, side(8)?])
}
