use std::io::Read;

use proptest::prelude::*;

use crate::machine::{VideoCodec, VideoFrame};
use crate::video::{IvfReader, IvfWriter, MAX_FRAME, Size, VideoError};

const SIZE: Size = Size { width: 640, height: 360 };

/// A file that is read in pieces.
pub(super) struct Piecemeal<'d>(pub(super) &'d [u8], pub(super) usize);

impl Read for Piecemeal<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let length = to.len().min(self.1).min(self.0.len());
        to[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// A picture of VP8, as far as anybody looks.
pub(super) fn vp8(time: u64, key: bool, fill: &[u8]) -> VideoFrame {
    let head: &[u8] =
        if key { &[0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1] } else { &[0x11, 2, 0] };
    VideoFrame::new(VideoCodec::Vp8, time, key, [head, fill].concat())
}

fn ivf(frames: &[VideoFrame]) -> Vec<u8> {
    let mut file = IvfWriter::new(Vec::new(), VideoCodec::Vp8, SIZE).unwrap();
    frames.iter().for_each(|frame| file.write(frame).unwrap());
    file.into_inner()
}

fn read(file: &[u8]) -> Result<Vec<VideoFrame>, VideoError> {
    IvfReader::new(file)?.collect()
}

#[test]
fn an_ivf_file_as_encoders_write_it_is_read() {
    // 30 frames in a second, an empty one among them.
    let mut file =
        b"DKIF\0\0\x20\0VP80\x40\x01\xf0\0\x1e\0\0\0\x01\0\0\0\x03\0\0\0\0\0\0\0".to_vec();
    for (time, data) in [(0_u64, &[0x10, 2, 0, 0x9d, 1, 0x2a][..]), (1, &[]), (2, &[0x11, 2])] {
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(time.to_le_bytes());
        file.extend(data);
    }
    let reader = IvfReader::new(&file[..]).unwrap();
    assert_eq!(
        (reader.codec(), reader.size()),
        (VideoCodec::Vp8, Size { width: 320, height: 240 })
    );
    let frames = read(&file).unwrap();
    let seen: Vec<_> = frames.iter().map(|f| (f.time, f.keyframe, f.data.len())).collect();
    assert_eq!(seen, [(0, true, 6), (6_000, false, 2)]);
    let mut reader = IvfReader::new(&file[..file.len() - 1]).unwrap();
    assert!(matches!(reader.next(), Some(Ok(_))));
    assert_eq!(reader.next(), Some(Err(VideoError::CutOff)));
    assert_eq!(reader.next(), None);
}

#[test]
fn no_ivf_file_is_a_typed_error() {
    assert_eq!(read(b""), Err(VideoError::CutOff));
    assert!(matches!(read(&[b'x'; 64]), Err(VideoError::Malformed { format: "IVF", .. })));
    let mut file = ivf(&[]);
    file[8..12].copy_from_slice(b"AV01");
    assert_eq!(read(&file), Err(VideoError::Codec("AV01".to_owned())));
    let mut file = ivf(&[vp8(0, true, &[])]);
    file[32..36].copy_from_slice(&(MAX_FRAME as u32 + 1).to_le_bytes());
    assert_eq!(read(&file), Err(VideoError::TooLong(MAX_FRAME as u64 + 1)));
    let mut file = ivf(&[]);
    file[16..20].fill(0);
    assert!(matches!(read(&file), Err(VideoError::Malformed { .. })), "no unit of time");
}

#[test]
fn only_frames_of_its_codec_and_of_a_bounded_length_are_written() {
    let mut file = IvfWriter::new(Vec::new(), VideoCodec::Vp8, SIZE).unwrap();
    let other = VideoFrame::new(VideoCodec::H264, 0, true, vec![0, 0, 1, 0x65]);
    assert_eq!(file.write(&other), Err(VideoError::WrongTrack));
    let long = VideoFrame::new(VideoCodec::Vp8, 0, true, vec![0; MAX_FRAME + 1]);
    assert_eq!(file.write(&long), Err(VideoError::TooLong(MAX_FRAME as u64 + 1)));
    let wide = Size { width: 1 << 16, height: 1 };
    let made = IvfWriter::new(Vec::new(), VideoCodec::Vp8, wide);
    assert_eq!(made.err(), Some(VideoError::Size(wide)));
}

proptest! {
    #[test]
    fn an_ivf_file_is_read_as_it_was_written(
        frames in prop::collection::vec((0..100_000_u64, any::<bool>(), prop::collection::vec(any::<u8>(), 0..90)), 0..30),
        began in any::<u32>(),
        pieces in 1..60_usize,
    ) {
        let mut time = 0;
        let frames: Vec<_> = frames.iter().map(|(ticks, key, fill)| {
            time += ticks;
            vp8(time, *key, fill)
        }).collect();
        let later: Vec<_> = frames.iter().map(|frame| VideoFrame { time: frame.time + u64::from(began), ..frame.clone() }).collect();
        let file = ivf(&later);
        let first = frames.first().map_or(0, |frame| frame.time);
        let expected: Vec<_> = frames.iter().map(|frame| VideoFrame { time: frame.time - first, ..frame.clone() }).collect();
        let reader = IvfReader::new(Piecemeal(&file, pieces)).unwrap();
        prop_assert_eq!(reader.collect::<Result<Vec<_>, _>>(), Ok(expected));
    }

    #[test]
    fn no_ivf_bytes_panic(data in prop::collection::vec(any::<u8>(), 0..120), good in any::<bool>()) {
        let file = if good { [ivf(&[]), data].concat() } else { data };
        let _ = read(&file);
    }
}
