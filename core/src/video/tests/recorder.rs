use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::files::vp8;
use super::webm::{h264, opus};
use crate::machine::{AudioCodec, AudioFrame, Frame, MediaKind, VideoFrame};
use crate::testing::epoch;
use crate::video::{MAX_FRAME, Recorded, Recorder, VideoError, WebmReader, WebmTrack};

const PICTURES: &str = "pictures";
const SOUND: &str = "sound";

type Blocks = Vec<(usize, u64, Frame)>;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The tracks of a file, and its frames with their times in milliseconds.
fn read(file: &[u8]) -> (Vec<WebmTrack>, Blocks) {
    let reader = WebmReader::new(file).unwrap();
    let tracks = reader.tracks().to_vec();
    let block = |block: Result<crate::video::Block, VideoError>| {
        block.map(|block| (block.track, block.time.as_millis() as u64, block.frame)).unwrap()
    };
    (tracks, reader.map(block).collect())
}

fn times(file: &[u8]) -> Vec<(usize, u64)> {
    read(file).1.iter().map(|(track, time, _)| (*track, *time)).collect()
}

/// A recording and the file so far.
struct Tape {
    start: Instant,
    recorder: Recorder<&'static str>,
    file: Vec<u8>,
}

impl Tape {
    fn new(announced: &[(&'static str, MediaKind)]) -> Self {
        let start = epoch();
        let mut recorder = Recorder::new(start);
        announced.iter().for_each(|(track, kind)| recorder.announce(*track, *kind));
        Self { start, recorder, file: Vec::new() }
    }

    fn record(&mut self, at: u64, track: &'static str, frame: impl Into<Frame>) -> Recorded {
        self.recorder.record(self.start + millis(at), track, frame.into()).unwrap()
    }

    fn take(&mut self, at: u64) -> usize {
        let bytes = self.recorder.take(self.start + millis(at)).unwrap();
        self.file.extend(&bytes);
        bytes.len()
    }

    fn finish(mut self) -> Vec<u8> {
        self.file.extend(self.recorder.finish().unwrap());
        self.file
    }

    fn due(&self) -> Option<Duration> {
        self.recorder.due().map(|due| due - self.start)
    }
}

#[test]
fn the_header_waits_for_each_announced_track() {
    let mut tape = Tape::new(&[(PICTURES, MediaKind::Video), (SOUND, MediaKind::Audio)]);
    assert_eq!(tape.due(), None, "nothing came");
    assert_eq!(tape.record(100, SOUND, opus(48_000, b"one")), Recorded::Kept);
    assert_eq!(tape.due(), Some(millis(2_100)));
    assert_eq!(tape.record(110, PICTURES, vp8(7, false, &[])), Recorded::NoKeyframe);
    assert_eq!(tape.record(500, PICTURES, vp8(9_000, true, &[1])), Recorded::Kept);
    assert_eq!(tape.due(), Some(millis(300)), "its tracks are known");
    assert!(tape.take(500) > 0);
    assert_eq!(tape.due(), Some(millis(700)));
    assert_eq!(tape.take(699), 0);
    assert!(tape.take(700) > 0);
    let (tracks, blocks) = read(&tape.finish());
    assert_eq!(tracks[0], WebmTrack::OPUS);
    let seen: Vec<_> = blocks.iter().map(|(track, time, _)| (*track, *time)).collect();
    assert_eq!(seen, [(0, 100), (1, 500)]);
}

#[test]
fn after_two_seconds_the_file_begins_with_what_there_is_and_sound_has_its_place() {
    let (other, late) = ("other pictures", "more sound");
    let mut tape = Tape::new(&[
        (PICTURES, MediaKind::Video),
        (SOUND, MediaKind::Audio),
        (other, MediaKind::Video),
    ]);
    assert_eq!(tape.record(50, PICTURES, vp8(0, true, &[1])), Recorded::Kept);
    assert_eq!(tape.take(2_049), 0);
    assert!(tape.take(2_050) > 0);
    assert_eq!(tape.record(3_000, SOUND, opus(0, b"one")), Recorded::Kept);
    assert_eq!(tape.record(3_000, late, opus(0, b"no place")), Recorded::NewFile);
    assert_eq!(tape.record(3_000, other, vp8(0, false, &[2])), Recorded::NoKeyframe);
    assert_eq!(tape.record(3_000, other, vp8(0, true, &[2])), Recorded::NewFile);
    let start = tape.start;
    let mut next = tape.recorder.successor(start + millis(3_000));
    assert_eq!(times(&tape.finish()), [(0, 50), (1, 3_000)]);
    // The other file waits for all four.
    let frame = vp8(0, true, &[2]).into();
    assert_eq!(next.record(start + millis(3_000), other, frame), Ok(Recorded::Kept));
    assert_eq!(next.due(), Some(start + millis(5_000)));
    assert_eq!(next.finish().map(|file| read(&file).0.len()), Ok(3), "and has both of sound");
}

#[test]
fn a_track_that_comes_later_has_the_place_of_one_that_is_gone() {
    let next = "next";
    let mut tape = Tape::new(&[(PICTURES, MediaKind::Video)]);
    assert_eq!(tape.record(0, PICTURES, vp8(0, true, &[1])), Recorded::Kept);
    tape.take(300);
    assert_eq!(tape.record(400, next, vp8(77, true, &[2])), Recorded::NewFile);
    tape.recorder.gone(&PICTURES);
    assert_eq!(tape.record(500, next, h264(0, true, true)), Recorded::NewFile, "another codec");
    assert_eq!(tape.record(600, next, vp8(77, true, &[2])), Recorded::Kept);
    assert_eq!(tape.record(700, next, vp8(9_077, false, &[3])), Recorded::Kept);
    assert_eq!(times(&tape.finish()), [(0, 0), (0, 600), (0, 700)]);
}

#[test]
fn frames_are_put_in_order_over_200_ms_and_are_never_earlier_than_those_written() {
    let mut tape = Tape::new(&[(SOUND, MediaKind::Audio), (PICTURES, MediaKind::Video)]);
    assert_eq!(tape.record(0, SOUND, opus(0, b"0")), Recorded::Kept);
    assert_eq!(tape.record(10, PICTURES, vp8(0, true, &[1])), Recorded::Kept);
    // Pictures come 150 ms late, and sound in time.
    for at in [100, 200, 300] {
        assert_eq!(tape.record(at, SOUND, opus(at * 48, b"s")), Recorded::Kept);
    }
    for at in [50, 150] {
        assert_eq!(tape.record(at + 150, PICTURES, vp8(at * 90, false, &[1])), Recorded::Kept);
        tape.take(at + 150);
    }
    // And once a second late.
    assert_eq!(tape.record(1_300, SOUND, opus(62_400, b"s")), Recorded::Kept);
    tape.take(1_300);
    assert_eq!(tape.record(1_310, PICTURES, vp8(22_500, false, &[1])), Recorded::Kept);
    let seen = times(&tape.finish());
    let expected =
        [(0, 0), (1, 10), (1, 60), (0, 100), (1, 160), (0, 200), (0, 300), (1, 300), (0, 1_300)];
    assert_eq!(seen, expected);
}

#[test]
fn the_time_of_a_track_is_its_media_time_and_never_later_than_its_arrival() {
    let mut tape = Tape::new(&[(PICTURES, MediaKind::Video)]);
    // The first one came 60 ms late, the third one is early, and then the clock begins anew.
    let came = [(100, 5_000), (133, 11_000), (140, 17_000), (200, 23_000), (9_000, 23_500)];
    for (n, (at, time)) in came.into_iter().enumerate() {
        assert_eq!(tape.record(at, PICTURES, vp8(time, n == 0, &[1])), Recorded::Kept);
    }
    let seen = times(&tape.finish());
    assert_eq!(seen, [(0, 100), (0, 133), (0, 140), (0, 200), (0, 9_000)]);
}

#[test]
fn pictures_after_a_loss_wait_for_a_key_frame() {
    let mut tape = Tape::new(&[]);
    assert_eq!(tape.record(0, PICTURES, vp8(0, true, &[1])), Recorded::Kept);
    let lost = VideoFrame { lost_before: true, ..vp8(3_000, false, &[2]) };
    assert_eq!(tape.record(33, PICTURES, lost), Recorded::NoKeyframe);
    assert_eq!(tape.record(66, PICTURES, vp8(6_000, false, &[3])), Recorded::NoKeyframe);
    let key = VideoFrame { lost_before: true, ..vp8(9_000, true, &[4]) };
    assert_eq!(tape.record(100, PICTURES, key), Recorded::Kept);
    assert_eq!(times(&tape.finish()).len(), 2);
}

#[test]
fn h264_is_recorded_with_the_sets_that_came_before() {
    let mut tape = Tape::new(&[]);
    assert_eq!(tape.record(0, PICTURES, h264(0, true, false)), Recorded::NoKeyframe, "no sets");
    assert_eq!(tape.record(33, PICTURES, h264(3_000, true, true)), Recorded::Kept);
    assert_eq!(tape.record(66, PICTURES, h264(6_000, true, false)), Recorded::Kept);
    let (tracks, blocks) = read(&tape.finish());
    assert_eq!(tracks, [WebmTrack::video(&h264(0, true, true)).unwrap()]);
    let Frame::Video(last) = &blocks[1].2 else { panic!("pictures") };
    assert_eq!(last.data, h264(0, true, true).data);
}

#[test]
fn one_encoding_of_a_track_is_recorded_and_another_one_when_it_ends() {
    let mut tape = Tape::new(&[]);
    let of = |rid: &str, ticks, key| vp8(ticks, key, &[1]).in_encoding(rid.parse().unwrap());
    assert_eq!(tape.record(0, PICTURES, of("q", 0, false)), Recorded::NoKeyframe);
    assert_eq!(tape.record(10, PICTURES, of("h", 500_000, true)), Recorded::Kept);
    assert_eq!(tape.record(20, PICTURES, of("q", 900, true)), Recorded::OtherEncoding);
    assert_eq!(tape.record(110, PICTURES, of("h", 509_000, false)), Recorded::Kept);
    assert_eq!(tape.record(2_109, PICTURES, of("q", 10_000, true)), Recorded::OtherEncoding);
    assert_eq!(tape.record(2_110, PICTURES, of("q", 10_000, false)), Recorded::OtherEncoding);
    assert_eq!(tape.record(2_110, PICTURES, of("q", 10_000, true)), Recorded::Kept);
    assert_eq!(tape.record(2_210, PICTURES, of("q", 19_000, false)), Recorded::Kept);
    assert_eq!(tape.record(2_220, PICTURES, of("h", 700_000, true)), Recorded::OtherEncoding);
    assert_eq!(tape.record(9_000, PICTURES, vp8(3, true, &[1])), Recorded::Kept, "one again");
    assert_eq!(times(&tape.finish()), [(0, 10), (0, 110), (0, 2_110), (0, 2_210), (0, 9_000)]);
}

#[test]
fn what_cannot_be_recorded_is_told() {
    let mut tape = Tape::new(&[]);
    let data = vec![0xd5; 160].into();
    let codec = AudioCodec::Pcma;
    let pcma = AudioFrame { codec, time: 0, lost_before: 0, talkspurt: true, data };
    assert_eq!(tape.record(0, SOUND, pcma), Recorded::OtherCodec);
    let long = vp8(0, true, &vec![0; MAX_FRAME]).into();
    let refused = tape.recorder.record(tape.start, PICTURES, long);
    assert!(matches!(refused, Err(VideoError::TooLong(_))));
    assert!(tape.finish().is_empty(), "no file of nothing");
}

#[test]
fn what_waits_is_bounded_and_a_picture_missed_breaks_the_row() {
    let mut tape = Tape::new(&[]);
    let big = vp8(0, true, &vec![7; MAX_FRAME - 10]);
    for n in 0..8 {
        assert_eq!(tape.record(n, PICTURES, big.clone()), Recorded::Kept);
    }
    assert_eq!(tape.record(8, PICTURES, big.clone()), Recorded::Full);
    assert_eq!(tape.record(9, PICTURES, vp8(0, false, &[1])), Recorded::NoKeyframe);
    // Whoever takes what there is goes on, before the two seconds are over.
    assert!(tape.take(9) >= 4 * MAX_FRAME);
    assert_eq!(tape.record(10, PICTURES, big), Recorded::Kept);

    let mut tape = Tape::new(&[]);
    let kept =
        |n: &usize| tape.record(*n as u64 / 9, SOUND, opus(*n as u64, b"")) == Recorded::Kept;
    assert_eq!((0..20_000).filter(kept).count(), Recorder::<&str>::MAX_FRAMES);

    let mut recorder = Recorder::new(epoch());
    let kept = |n: &u32| recorder.record(epoch(), *n, opus(0, b"s")) == Ok(Recorded::Kept);
    assert_eq!((0..99).filter(kept).count(), Recorder::<u32>::MAX_TRACKS);
}

proptest! {
    #[test]
    fn each_frame_kept_is_in_the_file_in_its_tracks_order(
        steps in prop::collection::vec((0..120_u64, 0..4_usize, any::<bool>(), 0..20_000_u64), 1..150),
        announced in 0..3_usize,
    ) {
        const TRACKS: [&str; 4] = [PICTURES, SOUND, "other sound", "h264"];
        let kinds = [MediaKind::Video, MediaKind::Audio];
        let mut tape = Tape::new(&[(TRACKS[0], kinds[0]), (TRACKS[1], kinds[1])][..announced]);
        let (mut at, mut media, mut kept) = (0, [0; 4], Vec::new());
        for (n, (later, track, key, ticks)) in steps.into_iter().enumerate() {
            at += later;
            media[track] += ticks;
            let number = [n as u8];
            let frame: Frame = match track {
                0 => vp8(media[track], key, &number).into(),
                1 | 2 => opus(media[track], &number),
                _ => h264(media[track], key, key).into(),
            };
            if tape.record(at, TRACKS[track], frame.clone()) == Recorded::Kept {
                kept.push(frame);
            }
            if key {
                tape.take(at);
                let due = tape.due();
                prop_assert!(due.is_none_or(|due| due > millis(at)), "{due:?} at {at}");
            }
        }
        let file = tape.finish();
        if kept.is_empty() {
            prop_assert!(file.is_empty());
            return Ok(());
        }
        let (_, blocks) = read(&file);
        prop_assert_eq!(blocks.len(), kept.len());
        prop_assert!(blocks.is_sorted_by_key(|(_, time, _)| *time));
        let contents = |frame: &Frame| match frame {
            Frame::Audio(frame) => frame.data.to_vec(),
            Frame::Video(frame) => frame.data.to_vec(),
        };
        // Of pictures in one codec there is one track, so their order is that in which they came.
        for name in ["VP8", "H264"] {
            let of = |frame: &&Frame| frame.codec_name() == name;
            let came: Vec<_> = kept.iter().filter(of).map(contents).collect();
            let seen: Vec<_> = blocks.iter().map(|(_, _, frame)| frame).filter(of).map(contents).collect();
            prop_assert_eq!(seen, came);
        }
    }
}
