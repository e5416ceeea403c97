use proptest::prelude::*;

use crate::machine::{VideoCodec, VideoFrame};
use crate::video::{MAX_FRAME, Size, VideoError, pattern, webp};

const SIZE: Size = Size { width: 640, height: 360 };

fn picture(number: u32) -> VideoFrame {
    pattern::frame(SIZE, number, 0).unwrap()
}

#[test]
fn a_picture_that_was_harmed_has_no_number() {
    let good = pattern::frame(Size { width: 160, height: 96 }, 77, 0).unwrap();
    assert_eq!(pattern::number(&good), Some(77));
    for at in 0..good.data.len() {
        let mut data = good.data.to_vec();
        data[at] ^= 0x40;
        let harmed = VideoFrame::new(VideoCodec::Vp8, 0, true, data);
        assert_eq!(pattern::number(&harmed), None, "byte {at}");
    }
    let short = VideoFrame::new(VideoCodec::Vp8, 0, true, good.data.slice(..good.data.len() - 1));
    assert_eq!(pattern::number(&short), None);
    let other = VideoFrame::new(VideoCodec::H264, 0, true, good.data.clone());
    assert_eq!(pattern::number(&other), None);
}

#[test]
fn a_picture_is_as_long_as_it_is_wanted_and_not_more_than_a_frame_may_be() {
    let long = pattern::frame_of_length(SIZE, 9, 0, 20_000).unwrap();
    assert_eq!((long.data.len(), pattern::number(&long)), (20_000, Some(9)));
    let longest = pattern::frame_of_length(SIZE, 9, 0, usize::MAX).unwrap();
    assert_eq!((longest.data.len(), pattern::number(&longest)), (MAX_FRAME, Some(9)));
}

#[test]
fn only_usual_sizes_are_made() {
    for size in [Size { width: 15, height: 16 }, Size { width: 16, height: 3_841 }] {
        assert_eq!(pattern::frame(size, 0, 0), Err(VideoError::Size(size)));
    }
}

#[test]
fn a_still_is_a_file_of_even_length_around_the_key_frame() {
    for bytes in [1_001, 1_002] {
        let picture = pattern::frame_of_length(SIZE, 1, 0, bytes).unwrap();
        let file = webp(&picture).unwrap();
        assert_eq!(file.len(), 20 + bytes + bytes % 2);
        assert_eq!(file[4..8], (file.len() as u32 - 8).to_le_bytes());
        assert_eq!(file[8..16], *b"WEBPVP8 ");
        assert_eq!(file[16..20], (bytes as u32).to_le_bytes());
        assert_eq!(file[20..20 + bytes], *picture.data);
    }
    let inter = VideoFrame::new(VideoCodec::Vp8, 0, false, vec![0x11, 2, 0]);
    assert_eq!(webp(&inter), Err(VideoError::NotAKeyframe));
    let other = VideoFrame::new(VideoCodec::H264, 0, true, vec![0, 0, 1, 0x65]);
    assert_eq!(webp(&other), Err(VideoError::Codec("H264".to_owned())));
}

#[test]
fn what_shows_neither_black_nor_white_has_no_number() {
    assert_eq!(pattern::shown(SIZE, |_, _| 128), None);
    assert_eq!(pattern::shown(SIZE, |x, _| if x < 500 { 16 } else { 235 }), Some(1));
}

#[cfg(feature = "stills")]
mod decoded {
    use super::*;
    use crate::video::Still;

    fn shown(still: &Still) -> Option<u32> {
        pattern::shown(still.size(), |x, y| still.luma(x, y).unwrap_or_default())
    }

    #[test]
    fn rfc_6386_a_decoder_sees_the_bars_and_the_number() {
        let still = Still::decode(&picture(0xa5f0_0ff1)).unwrap();
        assert_eq!(still.size(), SIZE);
        assert_eq!(shown(&still), Some(0xa5f0_0ff1));
        // White, yellow, cyan, green, magenta, red, blue, black.
        let bars = [
            [255, 255, 255],
            [255, 255, 0],
            [0, 255, 255],
            [0, 255, 0],
            [255, 0, 255],
            [255, 0, 0],
            [0, 0, 255],
            [0, 0, 0],
        ];
        for (bar, wanted) in bars.iter().enumerate() {
            for row in [24, 200, 330] {
                let at = (row * 640 + bar * 80 + 40) * 3;
                let seen = &still.rgb()[at..at + 3];
                let near = seen
                    .iter()
                    .zip(wanted)
                    .all(|(a, b): (&u8, &i32)| (i32::from(*a) - b).abs() <= 3);
                assert!(near, "bar {bar}, row {row}: {seen:?}, not {wanted:?}");
            }
        }
        assert_eq!(still.luma(640, 0), None);
        assert_eq!(still.luma(0, 360), None);
    }

    #[test]
    fn a_picture_that_claims_to_be_large_is_not_decoded() {
        let mut data = picture(1).data.to_vec();
        data[6..10].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
        let size = Size { width: 16_383, height: 16_383 };
        let large = VideoFrame::new(VideoCodec::Vp8, 0, true, data);
        assert_eq!(Still::decode(&large), Err(VideoError::Size(size)));
        let cut = VideoFrame::new(VideoCodec::Vp8, 0, true, picture(1).data.slice(..12));
        assert!(matches!(Still::decode(&cut), Err(VideoError::Picture(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn each_picture_is_decoded_and_shows_its_number(
            width in 16..600_u32, height in 16..200_u32, number: u32, bytes in 0..3_000_usize,
        ) {
            let size = Size { width, height };
            let picture = pattern::frame_of_length(size, number, 5, bytes).unwrap();
            prop_assert!(picture.data.len() >= bytes);
            prop_assert_eq!(pattern::number(&picture), Some(number));
            let still = Still::decode(&picture).unwrap();
            let bits = width.div_ceil(16).min(32);
            let lowest = u32::MAX >> (32 - bits);
            prop_assert_eq!(shown(&still), Some(number & lowest));
        }

        #[test]
        fn no_picture_panics(data in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, byte: u8) {
            let frame = VideoFrame::new(VideoCodec::Vp8, 0, true, data);
            let _ = (Still::decode(&frame).is_ok(), pattern::number(&frame));
            let mut data = pattern::frame(Size { width: 64, height: 48 }, 3, 0).unwrap().data.to_vec();
            let at = at.index(data.len());
            data[at] = byte;
            let _ = Still::decode(&VideoFrame::new(VideoCodec::Vp8, 0, true, data)).is_ok();
        }
    }
}
