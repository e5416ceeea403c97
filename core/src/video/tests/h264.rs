use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use crate::machine::VideoCodec;
use crate::video::{AnnexBReader, ParameterSets, Size, VideoError, is_keyframe};

const SPS: &[u8] = &[0x67, 66, 0xc0, 30, 0xda, 2, 0x80, 0xbf, 0xe5];
const PPS: &[u8] = &[0x68, 0xce, 0x0f, 0xc8];

pub(super) fn stream(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

fn pictures(stream: &[u8]) -> Vec<(bool, Vec<u8>)> {
    let reader = AnnexBReader::new(stream, Duration::from_millis(40));
    reader.map(|frame| frame.map(|frame| (frame.keyframe, frame.data.to_vec())).unwrap()).collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// Sets as x264 writes them.
#[test]
fn h264_7_4_2_1_1_a_picture_has_the_size_of_its_set_cropped() {
    let sets = [
        // Baseline; high with cropping; 4:2:2; 4:4:4; two fields with lists of factors.
        ("6742c01eda0280bfe584000003000400000300f23c58ba80", 640, 360),
        ("6742c028da01e0089f9610000003001000000303c8f1832a", 1920, 1080),
        ("677a001fbcb406c1ef3708000003000800000301e478c195", 854, 480),
        ("67f4001f919680d83de2ee10000003001000000303c8f1832a", 854, 478),
        ("6764001face80b424fd420000003002000000793e2c5d4", 720, 572),
    ];
    for (sps, width, height) in sets {
        let picture = stream(&[&hex(sps), PPS, &[0x65, 0x88]]);
        assert_eq!(Size::of(VideoCodec::H264, &picture), Some(Size { width, height }));
        let cut = stream(&[&hex(sps)[..6], PPS, &[0x65, 0x88]]);
        assert_eq!(Size::of(VideoCodec::H264, &cut), None, "{sps}");
    }
    let inter = stream(&[&hex(sets[0].0), PPS, &[0x41, 0x88]]);
    assert_eq!(Size::of(VideoCodec::H264, &inter), None, "no key frame");
}

#[test]
fn rfc_6386_9_1_a_key_frame_begins_with_its_size() {
    let keyframe = hex("3012009d012a4001f0000047");
    assert_eq!(Size::of(VideoCodec::Vp8, &keyframe), Some(Size { width: 320, height: 240 }));
    assert!(is_keyframe(VideoCodec::Vp8, &keyframe));
    let scaled = hex("3012009d012a4041f0400047");
    assert_eq!(Size::of(VideoCodec::Vp8, &scaled), Some(Size { width: 320, height: 240 }));
    let inter = hex("910a000d11b0001800186ff4");
    assert!(!is_keyframe(VideoCodec::Vp8, &inter));
    assert_eq!(Size::of(VideoCodec::Vp8, &inter), None);
    assert_eq!(Size::of(VideoCodec::Vp8, &hex("3012009d012a0000f000")), None, "no width");
}

#[test]
fn h264_7_4_1_2_3_a_picture_ends_where_the_next_one_may_begin() {
    let (idr, more_idr) = (&[0x65, 0x88][..], &[0x65, 0x22][..]);
    let (slice, more) = (&[0x41, 0x9a][..], &[0x41, 0x2a][..]);
    let sei = &[0x06, 5, 1][..];
    let delimiter = &[0x09, 0xf0][..];
    let data = stream(&[
        delimiter, SPS, PPS, sei, idr, more_idr, // one
        slice, more, more,  // two: its first slice begins with the first block
        slice, // three
        sei, more, // four: its first slice is lost
        delimiter, slice, // five
        idr,   // six: no delimiter, no sets
        more,  // seven: of another picture, since it is of no key frame
    ]);
    let cut = pictures(&data);
    assert_eq!(cut[0], (true, stream(&[delimiter, SPS, PPS, sei, idr, more_idr])));
    assert_eq!(cut[1], (false, stream(&[slice, more, more])));
    assert_eq!(cut[2], (false, stream(&[slice])));
    assert_eq!(cut[3], (false, stream(&[sei, more])));
    assert_eq!(cut[4], (false, stream(&[delimiter, slice])));
    assert_eq!(cut[5], (true, stream(&[SPS, PPS, idr])), "the sets that it lacks come with it");
    assert_eq!(cut[6], (false, stream(&[more])));
    assert_eq!(cut.len(), 7);
}

#[test]
fn h264_b_1_codes_of_three_bytes_zeros_and_what_is_none_are_read_past() {
    let mut data = b"junk\0\0".to_vec();
    data.extend([
        0, 0, 0, 0, 0, 1, 0x65, 0x88, 0, 0, 0, 0, 1, 0x41, 0x9a, 0, 0, 1, 0, 0, 1, 0x41, 0x80, 0,
    ]);
    let expected = [(true, vec![0x65, 0x88]), (false, vec![0x41, 0x9a]), (false, vec![0x41, 0x80])];
    let expected = expected.map(|(key, unit)| (key, stream(&[&unit])));
    assert_eq!(pictures(&data), expected);
    assert_eq!(pictures(b"no picture at all"), []);
    assert_eq!(pictures(&stream(&[SPS, PPS])), [], "sets are no picture");
}

#[test]
fn a_key_frame_gets_the_sets_it_lacks_in_their_place() {
    let idr: &[u8] = &[0x65, 0x88];
    let other: &[u8] = &[0x68, 0x5e, 0x0f];
    let mut sets = ParameterSets::default();
    assert!(!sets.is_complete());
    sets.note(&stream(&[SPS, PPS, other]));
    assert!(sets.is_complete());
    let complete = |units: &[&[u8]]| sets.complete(&stream(units).into());
    assert_eq!(complete(&[idr]), stream(&[SPS, PPS, other, idr]));
    assert_eq!(complete(&[&[0x09, 0xf0], idr]), stream(&[&[0x09, 0xf0], SPS, PPS, other, idr]));
    assert_eq!(complete(&[SPS, idr]), stream(&[SPS, PPS, other, idr]));
    assert_eq!(complete(&[PPS, idr]), stream(&[SPS, PPS, idr]));
    assert_eq!(complete(&[SPS, PPS, idr]), stream(&[SPS, PPS, idr]));
    assert_eq!(complete(&[&[0x41, 0x9a]]), stream(&[&[0x41, 0x9a]]));
}

#[test]
fn sets_are_kept_up_to_a_bound() {
    let mut sets = ParameterSets::default();
    for n in 0..1_000_u32 {
        // Numbers 0 to 62 by Exp-Golomb, in ten bits.
        let id = (n % 63 + 1) << 6;
        let bits = 32 - (n % 63 + 1).leading_zeros();
        let coded = (id << (6 - (bits - 1))) as u16;
        let mut unit = vec![0x68];
        unit.extend(coded.to_be_bytes());
        unit.resize(8_000, n as u8 | 1);
        sets.note(&stream(&[&unit]));
    }
    let idr = Bytes::from(stream(&[&[0x65, 0x88]]));
    assert!(sets.complete(&idr).len() < 65 << 10);
}

#[test]
fn a_unit_or_picture_that_is_too_long_is_a_typed_error() {
    let long = vec![0x55; crate::video::MAX_FRAME + 1];
    let one = stream(&[&[&[0x65, 0x88], &long[..]].concat()]);
    let mut reader = AnnexBReader::new(&one[..], Duration::ZERO);
    assert!(matches!(reader.next(), Some(Err(VideoError::TooLong(_)))));
    assert!(reader.next().is_none());
    let half = [&[0x65, 0x22], &long[..long.len() / 2]].concat();
    let many = stream(&[&half, &half, &half]);
    let mut reader = AnnexBReader::new(&many[..], Duration::ZERO);
    assert!(matches!(reader.next(), Some(Err(VideoError::TooLong(_)))));
}

proptest! {
    #[test]
    fn what_is_cut_is_what_was_put_together(
        pictures_in in prop::collection::vec((any::<bool>(), prop::collection::vec(1..=255_u8, 1..200), 0..3_usize), 1..20),
        pieces in 1..50_usize,
    ) {
        let mut expected = Vec::new();
        for (n, (key, data, more)) in pictures_in.iter().enumerate() {
            let header = if *key || n == 0 { 0x65 } else { 0x41 };
            let first = [&[header, 0x80], &data[..]].concat();
            let rest = [&[header, 0x40], &data[..]].concat();
            let mut units: Vec<&[u8]> = vec![&first];
            units.extend(std::iter::repeat_n(&rest[..], *more));
            if header == 0x65 {
                units.splice(0..0, [SPS, PPS]);
            }
            expected.push((header == 0x65, stream(&units)));
        }
        let whole: Vec<u8> = expected.iter().flat_map(|(_, data)| data.clone()).collect();
        prop_assert_eq!(pictures(&whole), expected.clone());
        let reader = AnnexBReader::new(super::files::Piecemeal(&whole, pieces), Duration::ZERO);
        let cut: Vec<_> = reader.map(|frame| frame.map(|frame| (frame.keyframe, frame.data.to_vec())).unwrap()).collect();
        prop_assert_eq!(cut, expected);
    }

    #[test]
    fn no_bytes_panic(data in prop::collection::vec(prop_oneof![3 => any::<u8>(), 2 => Just(0), 1 => Just(1), 1 => Just(0x67)], 0..200)) {
        let _ = pictures(&data);
        let mut sets = ParameterSets::default();
        sets.note(&data);
        let unit = [&[0, 0, 1, 0x67], &data[..], &[0, 0, 1, 0x65, 9]].concat();
        for codec in [VideoCodec::Vp8, VideoCodec::H264] {
            let _ = (Size::of(codec, &data), is_keyframe(codec, &data), Size::of(codec, &unit));
        }
    }
}
