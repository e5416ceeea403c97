//! Video: files of any bytes, frames of any bytes in a recording, and test pictures.

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook::media::{AudioCodec, AudioFrame, Frame, MediaKind, VideoCodec, VideoFrame};
use offhook::video::{
    AnnexBReader, AnnexBWriter, Block, Clip, IvfReader, IvfWriter, MAX_FRAME, MAX_SIDE,
    ParameterSets, Player, Recorded, Recorder, Size, Still, VideoError, WebmReader, WebmTrack,
    WebmWriter, is_keyframe, pattern,
};

/// The time from one picture to the next, where a file does not tell.
const INTERVAL: Duration = Duration::from_millis(40);
/// The most pixels of a picture that is decoded: it is the decoder of others that costs.
const MAX_PIXELS: u32 = 1 << 16;

/// A file, or the frames of a recording. The first byte chooses, the second how it comes in pieces.
///
/// Whatever comes: readers and writers end, with an error or without; no frame is longer than one may be, no
/// file makes more than it has; what was read is written and read as the same, however it comes in
/// pieces; a clip of it is played with each picture in its time; a recording has every frame that it said it
/// has, in order.
///
/// # Panics
///
/// One of these does not hold.
pub fn video(data: &[u8]) {
    let [choice, pieces, data @ ..] = data else { return };
    let pieces = Pieces { data, length: usize::from(*pieces).max(1) };
    match choice % 6 {
        0 => ivf(pieces),
        1 => annex_b(pieces),
        2 => webm(pieces),
        3 => picture(VideoCodec::Vp8, data),
        4 => picture(VideoCodec::H264, data),
        _ => recording(data),
    }
}

/// A file that comes in pieces of a length.
#[derive(Clone, Copy)]
struct Pieces<'d> {
    data: &'d [u8],
    length: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let length = to.len().min(self.length).min(self.data.len());
        let (piece, rest) = self.data.split_at(length);
        to[..length].copy_from_slice(piece);
        self.data = rest;
        Ok(length)
    }
}

type Frames = Vec<VideoFrame>;

/// The items up to the end or the first error, and that.
fn all<T>(items: impl Iterator<Item = Result<T, VideoError>>) -> (Vec<T>, Option<VideoError>) {
    let mut read = Vec::new();
    for item in items {
        match item {
            Ok(item) => read.push(item),
            Err(error) => return (read, Some(error)),
        }
    }
    (read, None)
}

fn ivf(file: Pieces<'_>) {
    let whole = IvfReader::new(file.data);
    let reader = IvfReader::new(file);
    let (Ok(whole), Ok(reader)) = (whole, reader) else {
        assert!(IvfReader::new(file).is_err() && IvfReader::new(file.data).is_err());
        return;
    };
    let (codec, size) = (reader.codec(), reader.size());
    let (frames, error) = all(reader);
    let usable = matches!(error, None | Some(VideoError::CutOff));
    assert_eq!((frames.clone(), error), all(whole), "it is another one in pieces");
    check(&frames, file.data.len());
    let mut writer = IvfWriter::new(Vec::new(), codec, size).expect("a size of a header");
    frames.iter().for_each(|frame| writer.write(frame).expect("a frame that was read"));
    let written = writer.into_inner();
    let (again, error) = all(IvfReader::new(&written[..]).expect("what was written"));
    assert_eq!((again, error), (from_zero(&frames), None));
    assert_eq!(Clip::from_ivf(file).is_ok(), usable && Clip::new(frames.clone()).is_ok());
    play(frames);
}

fn annex_b(stream: Pieces<'_>) {
    let (frames, error) = all(AnnexBReader::new(stream, INTERVAL));
    let whole = all(AnnexBReader::new(stream.data, INTERVAL));
    assert_eq!((frames.clone(), error), whole, "it is another one in pieces");
    // Key frames get the sets that they lack, which are as long as a stream had.
    check(&frames, stream.data.len().saturating_mul(frames.len() + 1));
    let mut writer = AnnexBWriter::new(Vec::new());
    if frames.iter().all(|frame| writer.write(frame).is_ok()) {
        let written = writer.into_inner();
        let (again, error) = all(AnnexBReader::new(&written[..], INTERVAL));
        assert_eq!((again, error), (frames.clone(), None));
    }
    play(frames);
}

fn webm(file: Pieces<'_>) {
    let (whole, reader) = (WebmReader::new(file.data), WebmReader::new(file));
    let (Ok(whole), Ok(reader)) = (whole, reader) else {
        assert!(WebmReader::new(file).is_err() && WebmReader::new(file.data).is_err());
        return;
    };
    let tracks = reader.tracks().to_vec();
    assert_eq!(tracks, whole.tracks());
    assert!((1..=64).contains(&tracks.len()));
    let (mut blocks, error) = all(reader);
    assert_eq!((blocks.clone(), error), all(whole), "it is another one in pieces");
    // Times of a writer are in order, and of milliseconds.
    blocks.sort_by_key(|block| block.time);
    let Ok(mut writer) = WebmWriter::new(Vec::new(), tracks.clone()) else { return };
    let mut written = Vec::new();
    for block in &blocks {
        if writer.write(block.track, block.time, &block.frame).is_ok() {
            written.push(block);
        }
    }
    let file = writer.into_inner();
    let reader = WebmReader::new(&file[..]).expect("what was written");
    assert_eq!(reader.tracks(), tracks);
    let (again, error) = all(reader);
    assert_eq!((again.len(), error), (written.len(), None));
    let mut writer = WebmWriter::new(Vec::new(), tracks).expect("as before");
    for (again, block) in again.iter().zip(written) {
        assert_eq!(again.track, block.track);
        // Start codes in a unit make it several, and their zeros are not kept.
        if again.frame.codec_name() != VideoCodec::H264.name() {
            assert_eq!(contents(&again.frame), contents(&block.frame));
        }
        assert!(again.time.abs_diff(block.time) <= Duration::from_micros(500));
        writer.write(again.track, again.time, &again.frame).expect("what was written once");
    }
    assert!(writer.into_inner() == file, "the second writing differs from the first");
    let pictures = |block: Block| match block.frame {
        Frame::Video(frame) => Some(frame),
        _ => None,
    };
    play(blocks.into_iter().filter_map(pictures).collect());
}

/// A picture of any bytes.
fn picture(codec: VideoCodec, data: &[u8]) {
    let size = Size::of(codec, data);
    if let Some(Size { width, height }) = size {
        assert!(is_keyframe(codec, data));
        assert!((1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height));
    }
    let frame = VideoFrame::new(codec, 0, is_keyframe(codec, data), data.to_vec());
    if let Some(number) = pattern::number(&frame) {
        let size = size.expect("a test picture has a size");
        let made = pattern::frame_of_length(size, number, 0, data.len()).expect("its size");
        assert_eq!(made.data, frame.data);
    }
    if size.is_some_and(|size| size.width * size.height <= MAX_PIXELS) {
        let _ = Still::decode(&frame).is_ok();
    }
    let _ = WebmTrack::video(&frame).is_ok();
    if codec != VideoCodec::H264 {
        return;
    }
    let mut sets = ParameterSets::default();
    sets.note(data);
    let whole = sets.complete(&frame.data);
    assert!(whole.len() <= 2 * data.len() + 8 * data.len() + 64 * 1024);
    assert_eq!(is_keyframe(codec, &whole), frame.keyframe);
}

/// A recording, by a script of three bytes for each frame.
fn recording(data: &[u8]) {
    let start = Instant::now();
    let mut recorder = Recorder::new(start);
    let (mut now, mut file, mut kept) = (start, Vec::new(), 0);
    let mut media = [0_u64; 8];
    for step in data.chunks_exact(3).take(400) {
        let [what, later, ticks] = [step[0], step[1], step[2]];
        let track = what & 7;
        now += Duration::from_millis(u64::from(later) * u64::from(later) / 64);
        let time = &mut media[usize::from(track)];
        *time = match ticks {
            0..=250 => time.saturating_add(u64::from(ticks) * 40),
            251 => 0,
            _ => u64::from(ticks) << 52,
        };
        match what >> 3 {
            0 => recorder.gone(&track),
            1 => recorder.announce(track, MediaKind::Video),
            2 => recorder.announce(track, MediaKind::Audio),
            3 => file.extend(recorder.take(now).expect("frames of a usual length")),
            kind => {
                let frame = frame(kind, *time, ticks);
                let fate = recorder.record(now, track, frame).expect("a usual length");
                kept += usize::from(fate == Recorded::Kept);
            }
        }
        if what >> 3 == 3 {
            assert!(recorder.due().is_none_or(|due| due > now), "it wants to be taken again");
        }
    }
    let _ = recorder.successor(now);
    file.extend(recorder.finish().expect("frames of a usual length"));
    if kept == 0 {
        assert!(file.is_empty());
        return;
    }
    let (blocks, error) = all(WebmReader::new(&file[..]).expect("a file"));
    assert_eq!((blocks.len(), error), (kept, None));
    assert!(blocks.is_sorted_by_key(|block| block.time));
}

/// A frame by two numbers.
fn frame(kind: u8, time: u64, fill: u8) -> Frame {
    const VP8: [u8; 10] = [0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1];
    const H264: [u8; 24] = [
        0, 0, 1, 0x67, 66, 0xc0, 30, 0xda, 2, 0x80, 0xbf, 0xe5, 0, 0, 1, 0x68, 0xce, 0x0f, 0xc8, 0,
        0, 1, 0x65, 0x88,
    ];
    let key = fill & 3 == 0;
    let video = |codec, whole: &[u8], inter: &[u8]| {
        let data = [if key { whole } else { inter }, &[fill]].concat();
        let mut frame = VideoFrame::new(codec, time, key, data);
        frame.lost_before = fill & 12 == 0;
        Frame::from(frame)
    };
    match kind % 4 {
        0 => video(VideoCodec::Vp8, &VP8, &[0x11, 2, 0]),
        1 => video(VideoCodec::H264, &H264, &[0, 0, 1, 0x41, 0x9a]),
        n => {
            let codec = if n == 2 || key { AudioCodec::Opus } else { AudioCodec::Pcmu };
            let data = Bytes::copy_from_slice(&[0xf8, fill]);
            AudioFrame { codec, time, lost_before: 0, talkspurt: false, data }.into()
        }
    }
}

/// Frames are such as media has.
fn check(frames: &[VideoFrame], most: usize) {
    assert!(frames.is_sorted_by_key(|frame| frame.time));
    for frame in frames {
        assert!(!frame.data.is_empty() && frame.data.len() <= MAX_FRAME + (65 << 10));
        assert_eq!(frame.keyframe, is_keyframe(frame.codec, &frame.data));
    }
    assert!(frames.iter().map(|frame| frame.data.len()).sum::<usize>() <= most);
}

fn from_zero(frames: &[VideoFrame]) -> Frames {
    let first = frames.first().map_or(0, |frame| frame.time);
    let moved = |frame: &VideoFrame| {
        let mut frame = frame.clone();
        frame.time -= first;
        frame
    };
    frames.iter().map(moved).collect()
}

fn contents(frame: &Frame) -> (bool, Bytes) {
    match frame {
        Frame::Video(frame) => (frame.keyframe, frame.data.clone()),
        Frame::Audio(frame) => (true, frame.data.clone()),
        _ => unreachable!("no other kind"),
    }
}

/// Plays a clip twice, with a wish for a key frame and a pause in it.
fn play(frames: Frames) {
    let Ok(clip) = Clip::new(frames) else { return };
    let start = Instant::now();
    let steps = 2 * clip.frames().len() + 1;
    let mut player = Player::new(clip, start);
    let (mut last, mut now) = (None, start);
    for step in 0..steps.min(2_000) {
        now = now.max(player.due());
        match step % 7 {
            3 => player.want_keyframe(now),
            5 => now += Duration::from_millis(250),
            _ => {}
        }
        let frame = player.poll(now).expect("it is due");
        assert!(step % 7 != 5 || frame.keyframe, "late, and no key frame");
        assert!(last.is_none_or(|last| last < frame.time), "time goes back");
        last = Some(frame.time);
    }
}
