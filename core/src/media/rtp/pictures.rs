//! Pictures cut into RTP payloads and put together again: VP8 (RFC 7741) and H.264 (RFC 6184,
//! packetization-mode 1).

use crate::media::VideoCodec;

/// The longest payload of a packet of pictures, in bytes: with all that goes around it, a datagram
/// passes everywhere.
pub const MAX_PAYLOAD: usize = 1100;

/// The place that a VP8 descriptor tells: whether a partition starts, and which; and that of the first
/// one's start.
const VP8_PLACE: u8 = 0x17;
const VP8_START: u8 = 0x10;
/// Types of H.264's units.
const IDR: u8 = 5;
const PARAMETERS: u8 = 7;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// The separator of units in a byte stream (Annex B).
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The place of a payload in the picture that it is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// True if a picture begins with it, as far as can be seen from it alone.
    pub begins: bool,
    /// True if it is of a picture that needs no other.
    pub key: bool,
}

impl Part {
    /// Looks at a payload.
    #[must_use]
    pub fn of(codec: VideoCodec, payload: &[u8]) -> Self {
        match codec {
            VideoCodec::Vp8 => {
                let Some((descriptor, data)) = vp8_descriptor(payload) else {
                    return Self::default();
                };
                let begins = descriptor & VP8_PLACE == VP8_START;
                Self { begins, key: begins && data.first().is_some_and(|first| first & 1 == 0) }
            }
            VideoCodec::H264 => {
                let mut part = Self::default();
                let mut note = |kind: u8, whole: bool| {
                    part.key |= matches!(kind, IDR | PARAMETERS);
                    part.begins |= whole && matches!(kind, PARAMETERS | DELIMITER);
                };
                match payload {
                    [first, rest @ ..] if first & 0x1f == STAP_A => {
                        aggregated(rest).flatten().for_each(|unit| note(unit[0] & 0x1f, true));
                    }
                    [first, header, ..] if first & 0x1f == FU_A => {
                        note(header & 0x1f, header & 0x80 != 0);
                    }
                    [first, ..] => note(first & 0x1f, true),
                    [] => {}
                }
                part
            }
        }
    }
}

/// Cuts a picture into payloads, in order. None of something that is no picture.
#[must_use]
pub fn cut(codec: VideoCodec, picture: &[u8]) -> Vec<Vec<u8>> {
    match codec {
        VideoCodec::Vp8 => {
            let cut = |(n, data): (usize, &[u8])| {
                let descriptor = if n == 0 { VP8_START } else { 0 };
                [&[descriptor], data].concat()
            };
            picture.chunks(MAX_PAYLOAD - 1).enumerate().map(cut).collect()
        }
        VideoCodec::H264 => {
            let mut payloads = Vec::new();
            for unit in units(picture) {
                match unit {
                    [] => {}
                    _ if unit.len() <= MAX_PAYLOAD => payloads.push(unit.to_vec()),
                    [first, data @ ..] => {
                        let indicator = (first & 0xe0) | FU_A;
                        let last = data.len().div_ceil(MAX_PAYLOAD - 2) - 1;
                        for (n, data) in data.chunks(MAX_PAYLOAD - 2).enumerate() {
                            let start = if n == 0 { 0x80 } else { 0 };
                            let end = if n == last { 0x40 } else { 0 };
                            let header = (first & 0x1f) | start | end;
                            payloads.push([&[indicator, header], data].concat());
                        }
                    }
                }
            }
            payloads
        }
    }
}

/// Puts the payloads of one picture together. None where they are not all of one.
#[must_use]
pub fn join<'p>(codec: VideoCodec, payloads: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    let mut picture = Vec::new();
    match codec {
        VideoCodec::Vp8 => {
            for (n, payload) in payloads.enumerate() {
                let (descriptor, data) = vp8_descriptor(payload)?;
                if n == 0 && descriptor & VP8_PLACE != VP8_START {
                    return None;
                }
                picture.extend_from_slice(data);
            }
        }
        VideoCodec::H264 => {
            // Whether a unit is being put together.
            let mut open = false;
            for payload in payloads {
                let kind = payload.first()? & 0x1f;
                if open != (kind == FU_A && payload.get(1)? & 0x80 == 0) {
                    return None;
                }
                match (kind, payload) {
                    (1..=23, unit) => {
                        picture.extend_from_slice(&START_CODE);
                        picture.extend_from_slice(unit);
                    }
                    (STAP_A, [_, rest @ ..]) => {
                        for unit in aggregated(rest) {
                            picture.extend_from_slice(&START_CODE);
                            picture.extend_from_slice(unit?);
                        }
                    }
                    (FU_A, [indicator, header, data @ ..]) => {
                        if header & 0x80 != 0 {
                            picture.extend_from_slice(&START_CODE);
                            picture.push((indicator & 0xe0) | (header & 0x1f));
                        }
                        picture.extend_from_slice(data);
                        open = header & 0x40 == 0;
                    }
                    _ => return None,
                }
            }
            if open {
                return None;
            }
        }
    }
    (!picture.is_empty()).then_some(picture)
}

/// The first byte of a VP8 payload descriptor (RFC 7741 section 4.2), and what follows all of it.
fn vp8_descriptor(payload: &[u8]) -> Option<(u8, &[u8])> {
    let (&first, mut rest) = payload.split_first()?;
    let take = |rest: &mut &[u8]| -> Option<u8> {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        Some(byte)
    };
    if first & 0x80 != 0 {
        let extensions = take(&mut rest)?;
        if extensions & 0x80 != 0 && take(&mut rest)? & 0x80 != 0 {
            take(&mut rest)?;
        }
        if extensions & 0x40 != 0 {
            take(&mut rest)?;
        }
        if extensions & 0x30 != 0 {
            take(&mut rest)?;
        }
    }
    (!rest.is_empty()).then_some((first, rest))
}

/// The units of an aggregation packet (RFC 6184 section 5.7.1), each not empty; None for what is cut
/// off, after which there is nothing.
fn aggregated(mut rest: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let whole = rest.split_first_chunk().and_then(|(length, after)| {
            let length = usize::from(u16::from_be_bytes(*length));
            (length > 0).then(|| after.split_at_checked(length)).flatten()
        });
        let (unit, after) = whole.unzip();
        rest = after.unwrap_or_default();
        Some(unit)
    })
}

/// The units of a byte stream (H.264 Annex B).
pub(crate) fn units(stream: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = stream.get(at..).and_then(|rest| memchr::memmem::find(rest, &[0, 0, 1]))
    {
        starts.push(at + found);
        at += found + 3;
    }
    let mut units = Vec::new();
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(stream.len());
        let unit = stream.get(start + 3..end).unwrap_or_default();
        // Zeros before a start code are of it, or fill.
        let kept = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let next = n + 1 < starts.len();
        units.push(if next { &unit[..kept] } else { unit });
    }
    units
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(codec: VideoCodec, payloads: &[Vec<u8>]) -> Option<Vec<u8>> {
        join(codec, payloads.iter().map(Vec::as_slice))
    }

    #[test]
    fn rfc_7741_4_2_a_vp8_picture_begins_where_its_first_partition_does() {
        let picture = vec![0x10; 3000];
        let payloads = cut(VideoCodec::Vp8, &picture);
        assert_eq!(payloads.iter().map(Vec::len).collect::<Vec<_>>(), [1100, 1100, 803]);
        assert_eq!((payloads[0][0], payloads[1][0]), (0x10, 0));
        assert_eq!(Part::of(VideoCodec::Vp8, &payloads[0]), Part { begins: true, key: true });
        assert_eq!(Part::of(VideoCodec::Vp8, &payloads[1]), Part::default());
        let inter = cut(VideoCodec::Vp8, &[0x11, 1, 2]);
        assert_eq!(Part::of(VideoCodec::Vp8, &inter[0]), Part { begins: true, key: false });
        assert_eq!(joined(VideoCodec::Vp8, &payloads[1..]), None, "it has no beginning");
        // As others write it: a long picture number, a level and its index, a layer.
        let others = [vec![0x90, 0xf0, 0x81, 0x02, 0x03, 0x40, 0x10, 7], vec![0x80, 0x80, 0x05, 8]];
        assert_eq!(joined(VideoCodec::Vp8, &others), Some(vec![0x10, 7, 8]));
        assert!(Part::of(VideoCodec::Vp8, &others[0]).key);
    }

    #[test]
    fn rfc_6184_5_units_are_cut_and_put_together() {
        let mut picture = Vec::new();
        for (kind, length) in [(0x67, 20), (0x68, 4), (0x65, 2500)] {
            picture.extend(START_CODE);
            picture.push(kind);
            picture.extend((0..length).map(|n| (n % 250) as u8 + 1));
        }
        let payloads = cut(VideoCodec::H264, &picture);
        assert_eq!(payloads.len(), 2 + 3);
        assert_eq!(Part::of(VideoCodec::H264, &payloads[0]), Part { begins: true, key: true });
        assert_eq!(Part::of(VideoCodec::H264, &payloads[3]), Part { begins: false, key: true });
        assert_eq!(joined(VideoCodec::H264, &payloads), Some(picture.clone()));
        assert_eq!(joined(VideoCodec::H264, &payloads[..4]), None, "its end is missing");
        assert_eq!(joined(VideoCodec::H264, &payloads[3..]), None, "its beginning is missing");
        let aggregate = [&[0x78, 0, 2, 0x67, 9, 0, 2, 0x65, 8][..]].map(<[u8]>::to_vec);
        assert_eq!(Part::of(VideoCodec::H264, &aggregate[0]), Part { begins: true, key: true });
        let stream = [0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x65, 8];
        assert_eq!(joined(VideoCodec::H264, &aggregate), Some(stream.to_vec()));
        assert_eq!(joined(VideoCodec::H264, &[vec![0x78, 0, 9, 0x67]]), None, "cut off");
        let short = [0, 0, 1, 0x41, 5];
        assert_eq!(cut(VideoCodec::H264, &short), [[0x41, 5]], "three bytes separate, too");
        assert!(cut(VideoCodec::H264, b"no picture").is_empty());
    }

    proptest! {
        #[test]
        fn what_was_cut_is_joined(
            lengths in prop::collection::vec(1..4000_usize, 1..6),
            fill in 1..=255_u8,
        ) {
            let mut stream = Vec::new();
            for length in &lengths {
                stream.extend(START_CODE);
                stream.push(0x41);
                stream.extend(vec![fill; *length]);
            }
            let payloads = cut(VideoCodec::H264, &stream);
            prop_assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD));
            prop_assert_eq!(joined(VideoCodec::H264, &payloads), Some(stream.clone()));
            let payloads = cut(VideoCodec::Vp8, &stream);
            prop_assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD));
            prop_assert_eq!(joined(VideoCodec::Vp8, &payloads), Some(stream));
        }

        #[test]
        fn nothing_panics(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)) {
            for codec in [VideoCodec::Vp8, VideoCodec::H264] {
                let _ = joined(codec, &payloads);
                for payload in &payloads {
                    let _ = (Part::of(codec, payload), cut(codec, payload));
                }
            }
        }
    }
}
