use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::files::{Piecemeal, vp8};
use super::h264::stream;
use crate::machine::{AudioCodec, AudioFrame, Frame, VideoCodec, VideoFrame};
use crate::video::{MAX_FRAME, Size, VideoError, WebmReader, WebmTrack, WebmWriter};

const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1e, 0xda, 2, 0x80, 0xbf, 0xe5, 0x84, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xf2, 0x3c,
    0x58, 0xba, 0x80,
];
const PPS: &[u8] = &[0x68, 0xce, 0x0f, 0xc8];

pub(super) fn opus(time: u64, data: &[u8]) -> Frame {
    let data = Bytes::copy_from_slice(data);
    let codec = AudioCodec::Opus;
    AudioFrame { codec, time, lost_before: 0, talkspurt: false, data }.into()
}

pub(super) fn h264(time: u64, key: bool, with_sets: bool) -> VideoFrame {
    let slice = [if key { 0x65 } else { 0x41 }, 0x88, 7];
    let units: &[&[u8]] = if with_sets { &[SPS, PPS, &slice] } else { &[&slice] };
    VideoFrame::new(VideoCodec::H264, time, key, stream(units))
}

fn tracks() -> Vec<WebmTrack> {
    vec![WebmTrack::video(&vp8(0, true, &[])).unwrap(), WebmTrack::OPUS]
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

type Blocks = Vec<(usize, Duration, Frame)>;

fn written(tracks: Vec<WebmTrack>, blocks: &Blocks) -> Vec<u8> {
    let mut file = WebmWriter::new(Vec::new(), tracks).unwrap();
    for (track, time, frame) in blocks {
        file.write(*track, *time, frame).unwrap();
    }
    file.into_inner()
}

fn read(file: &[u8]) -> Result<Blocks, VideoError> {
    WebmReader::new(file)?
        .map(|block| block.map(|block| (block.track, block.time, block.frame)))
        .collect()
}

fn count(file: &[u8], id: &[u8]) -> usize {
    memchr::memmem::find_iter(file, id).count()
}

const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];

#[test]
fn h264_has_its_sets_in_the_header_and_lengths_before_its_units() {
    let track = WebmTrack::video(&h264(0, true, true)).unwrap();
    let WebmTrack::Video { size, .. } = &track else { panic!("pictures") };
    assert_eq!(*size, Size { width: 640, height: 360 });
    let blocks: Blocks = vec![
        (0, millis(0), h264(0, true, false).into()),
        (0, millis(40), h264(3_600, false, false).into()),
    ];
    let file = written(vec![track.clone()], &blocks);
    assert_eq!(count(&file, b"matroska"), 1);
    let record = [&[1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 24][..], SPS, &[1, 0, 4], PPS].concat();
    assert_eq!(count(&file, &record), 1);
    assert_eq!(count(&file, &[0, 0, 0, 3, 0x65, 0x88, 7]), 1);
    let reader = WebmReader::new(&file[..]).unwrap();
    assert_eq!(reader.tracks(), [track]);
    let frames = read(&file).unwrap();
    assert_eq!(frames[0].2, h264(0, true, true).into(), "with the sets of the header");
    assert_eq!(frames[1], blocks[1]);
    let without = WebmTrack::video(&h264(0, true, false));
    assert_eq!(without, Err(VideoError::NotAKeyframe));
}

#[test]
fn a_cluster_begins_with_each_key_frame_and_after_five_seconds() {
    let mut blocks: Blocks = vec![(0, millis(0), vp8(0, true, &[]).into())];
    blocks.extend((1..40).map(|n| (1, millis(n * 200), opus(n * 9_600, b"sound"))));
    let file = written(tracks(), &blocks);
    assert_eq!(count(&file, &CLUSTER), 2, "0 to 5 s, and from 5 s on");
    assert_eq!(read(&file).unwrap(), blocks);
    blocks.push((0, millis(7_900), vp8(711_000, true, &[]).into()));
    blocks.push((0, millis(7_900), vp8(711_000, false, &[]).into()));
    blocks.push((1, millis(100_000), opus(4_800_000, b"after a pause")));
    let file = written(tracks(), &blocks);
    assert_eq!(count(&file, &CLUSTER), 4);
    assert_eq!(read(&file).unwrap(), blocks);
}

#[test]
fn what_does_not_belong_into_a_file_is_refused() {
    let mut file = WebmWriter::new(Vec::new(), tracks()).unwrap();
    let sound = opus(0, b"sound");
    assert_eq!(file.write(2, millis(0), &sound), Err(VideoError::WrongTrack));
    assert_eq!(file.write(0, millis(0), &sound), Err(VideoError::WrongTrack));
    let other = h264(0, true, true).into();
    assert_eq!(file.write(0, millis(0), &other), Err(VideoError::WrongTrack));
    assert_eq!(file.write(1, millis(10), &sound), Ok(()));
    assert_eq!(file.write(1, millis(9), &sound), Err(VideoError::OutOfOrder));
    let long = vp8(0, true, &vec![0; MAX_FRAME]).into();
    assert!(matches!(file.write(0, millis(10), &long), Err(VideoError::TooLong(_))));
    let made = WebmWriter::new(Vec::new(), Vec::new());
    assert!(matches!(made.err(), Some(VideoError::Unsupported { .. })));
    let made = WebmWriter::new(Vec::new(), vec![WebmTrack::OPUS; 65]);
    assert!(matches!(made.err(), Some(VideoError::Unsupported { .. })));
}

/// An element with up to 126 bytes in it.
fn element(id: &[u8], data: &[&[u8]]) -> Vec<u8> {
    let data = data.concat();
    assert!(data.len() < 127);
    [id, &[0x80 | data.len() as u8], &data].concat()
}

/// A file as others write it: known sizes, an index, fill, groups, a tick of 100 µs.
fn others(block: &[u8]) -> Vec<u8> {
    let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &[&element(&[0x42, 0x82], &[b"webm\0\0"])]);
    let info = element(
        &[0x15, 0x49, 0xa9, 0x66],
        &[
            &element(&[0x44, 0x89], &[&[0; 8]]),
            &element(&[0x2a, 0xd7, 0xb1], &[&[0x01, 0x86, 0xa0]]),
        ],
    );
    let pixels = [element(&[0xb0], &[&[1, 0x40]]), element(&[0xba], &[&[0xf0]])].concat();
    let track = |number: u8, codec: &[u8], more: &[u8]| {
        let name = element(&[0x86], &[codec]);
        element(&[0xae], &[&element(&[0xd7], &[&[number]]), &name, more])
    };
    let tracks = element(
        &[0x16, 0x54, 0xae, 0x6b],
        &[
            &element(&[0xec], &[&[0; 5]]),
            &track(3, b"V_VP9", &[]),
            &track(7, b"V_VP8", &element(&[0xe0], &[&pixels])),
            &track(9, b"A_OPUS", &element(&[0xe1], &[&element(&[0x9f], &[&[1]])])),
        ],
    );
    let cluster = element(
        &CLUSTER,
        &[
            &element(&[0xe7], &[&[0x03, 0xe8]]),
            &element(&[0xa3], &[&[0x83, 0, 0, 0x86], b"not looked at"]),
            &element(
                &[0xa0],
                &[&element(&[0xa1], &[&[0x87, 0, 10, 0], block]), &element(&[0x9b], &[&[1]])],
            ),
            &element(&[0xec], &[&[0; 3]]),
            &element(&[0xa3], &[&[0x89, 0xff, 0xf6, 0x80], b"sound"]),
        ],
    );
    let cues = element(&[0x1c, 0x53, 0xbb, 0x6b], &[&element(&[0xe7], &[&[0; 4]])]);
    let inside = [element(&[0xec], &[&[0; 9]]), info, tracks, cues, cluster].concat();
    let size =
        [&[0x18, 0x53, 0x80, 0x67, 0x40 | (inside.len() >> 8) as u8], &[inside.len() as u8][..]];
    [header, size.concat(), inside].concat()
}

#[test]
fn files_of_other_writers_are_read() {
    let keyframe = vp8(9_090, true, &[]);
    let file = others(&keyframe.data);
    let reader = WebmReader::new(&file[..]).unwrap();
    let pictures = WebmTrack::Video {
        codec: VideoCodec::Vp8,
        size: Size { width: 320, height: 240 },
        sets: Default::default(),
    };
    assert_eq!(reader.tracks(), [pictures, WebmTrack::Opus { channels: 1 }]);
    let blocks = read(&file).unwrap();
    assert_eq!(blocks[0], (0, millis(101), keyframe.into()));
    assert_eq!(blocks[1], (1, millis(99), opus(4_752, b"sound")), "before its cluster's time");
    assert_eq!(blocks.len(), 2);
}

#[test]
fn several_frames_in_a_block_are_a_typed_error() {
    let mut file = others(&[]);
    let at = memchr::memmem::find(&file, &[0x89, 0xff, 0xf6, 0x80]).unwrap();
    file[at + 3] = 0x82;
    let refused = Err(VideoError::Unsupported { format: "WebM", what: "lacing" });
    assert_eq!(read(&file), refused);
}

#[test]
fn a_file_that_is_cut_off_is_read_up_to_there() {
    let blocks: Blocks = (0..10).map(|n| (1, millis(n * 20), opus(n * 960, b"sound"))).collect();
    let file = written(tracks(), &blocks);
    let mut reader = WebmReader::new(&file[..file.len() - 2]).unwrap();
    let whole = reader.by_ref().take_while(Result::is_ok).count();
    assert_eq!((whole, reader.next()), (9, None));
    assert_eq!(read(&file[..file.len() - 2]), Err(VideoError::CutOff));
    assert_eq!(read(&file[..file.len() - 11]).map(|blocks| blocks.len()), Ok(9));
}

#[test]
fn no_webm_file_is_a_typed_error() {
    assert_eq!(read(b""), Err(VideoError::CutOff));
    assert!(matches!(read(&[0x83; 64]), Err(VideoError::Malformed { .. })));
    let mut file = written(tracks(), &Vec::new());
    let at = memchr::memmem::find(&file, b"webm").unwrap();
    file[at..at + 4].copy_from_slice(b"text");
    assert!(matches!(read(&file), Err(VideoError::Malformed { .. })));
    let mut file = written(vec![WebmTrack::OPUS], &Vec::new());
    let at = memchr::memmem::find(&file, b"A_OPUS").unwrap();
    file[at..at + 6].copy_from_slice(b"A_FLAC");
    assert_eq!(read(&file), Err(VideoError::Codec("A_FLAC".to_owned())));
    let mut file = written(vec![WebmTrack::OPUS], &Vec::new());
    // A block that claims to be as long as can be.
    file.extend([0xa3, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x81, 0, 0, 0, 1]);
    assert!(matches!(read(&file), Err(VideoError::TooLong(_))));
}

proptest! {
    #[test]
    fn a_webm_file_is_read_as_it_was_written(
        frames in prop::collection::vec((0..12_000_u64, 0..3_usize, any::<bool>(), prop::collection::vec(any::<u8>(), 1..90)), 0..40),
        pieces in 1..60_usize,
    ) {
        let mut time = 0;
        let blocks: Blocks = frames.iter().map(|(later, track, key, fill)| {
            time += later;
            let frame = match track {
                0 => vp8(time * 90, *key, fill).into(),
                1 => opus(time * 48, fill),
                _ => h264(time * 90, *key, *key).into(),
            };
            (*track, millis(time), frame)
        }).collect();
        let mut tracks = tracks();
        tracks.push(WebmTrack::video(&h264(0, true, true)).unwrap());
        let file = written(tracks, &blocks);
        let read: Blocks = WebmReader::new(Piecemeal(&file, pieces)).unwrap()
            .map(|block| block.map(|block| (block.track, block.time, block.frame)).unwrap()).collect();
        prop_assert_eq!(read, blocks);
    }

    #[test]
    fn no_webm_bytes_panic(
        data in prop::collection::vec(any::<u8>(), 0..120),
        damaged in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let _ = read(&data);
        let mut file = others(&vp8(0, true, &[]).data);
        for (at, byte) in &damaged {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        let _ = read(&file);
        let mut file = written(vec![WebmTrack::video(&h264(0, true, true)).unwrap()], &vec![(0, millis(0), h264(0, true, true).into())]);
        for (at, byte) in &damaged {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        let _ = read(&file);
    }
}
