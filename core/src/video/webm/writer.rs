//! Frames into a WebM file.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;

use super::{MAX_TRACKS, WebmTrack, ids};
use crate::machine::{Frame, VideoCodec};
use crate::video::ebml::Elements;
use crate::video::{VideoError, avcc, checked_length};

/// The longest cluster, in milliseconds: a reader that lost its place finds the next one. Within it, times
/// have 16 bits and a sign.
const MAX_CLUSTER: u64 = 5_000;
/// The bit of a block that needs none before it (RFC 9559 section 10.2).
const KEYFRAME: u8 = 0x80;
/// The name of the writer in files.
const APP: &[u8] = concat!("offhook ", env!("CARGO_PKG_VERSION")).as_bytes();

/// Writes a WebM file, frame by frame, and never goes back in it: what was written is a whole file at
/// any time, also when its writer dies. There is no index, so that players look for a place by reading.
///
/// A cluster begins with each key frame of pictures, and after five seconds. Times have a precision of
/// a millisecond.
///
/// ```
/// use std::time::Duration;
/// use offhook::media::{Frame, VideoCodec, VideoFrame};
/// use offhook::video::{Size, WebmReader, WebmTrack, WebmWriter, pattern};
///
/// let size = Size { width: 320, height: 240 };
/// let first = pattern::frame(size, 1, 0)?;
/// let mut file = WebmWriter::new(Vec::new(), vec![WebmTrack::video(&first)?, WebmTrack::OPUS])?;
/// file.write(0, Duration::ZERO, &first.clone().into())?;
/// file.write(0, Duration::from_millis(40), &pattern::frame(size, 2, 3_600)?.into())?;
///
/// let file = file.into_inner();
/// let reader = WebmReader::new(&file[..])?;
/// assert_eq!(reader.tracks()[1], WebmTrack::OPUS);
/// let blocks: Vec<_> = reader.collect::<Result<_, _>>()?;
/// assert_eq!(blocks[0].frame, first.into());
/// assert_eq!(blocks[1].time, Duration::from_millis(40));
/// # Ok::<(), offhook::video::VideoError>(())
/// ```
#[derive(Debug)]
pub struct WebmWriter<W> {
    to: W,
    tracks: Vec<WebmTrack>,
    /// The time at which the cluster began, in milliseconds.
    cluster: Option<u64>,
    /// The time of the last block.
    last: u64,
}

impl<W: Write> WebmWriter<W> {
    /// Writes the header, with all tracks: more cannot come later.
    ///
    /// # Errors
    ///
    /// There are none or more than 64 of them, one lacks what its header needs, or it cannot be written.
    pub fn new(mut to: W, tracks: Vec<WebmTrack>) -> Result<Self, VideoError> {
        if tracks.is_empty() || tracks.len() > MAX_TRACKS {
            let what = "a file of no tracks, or of more than 64,";
            return Err(VideoError::Unsupported { format: "WebM", what });
        }
        let matroska = tracks.iter().any(WebmTrack::is_matroska);
        let header = Elements::default()
            .unsigned(ids::EBML_VERSION, 1)
            .unsigned(ids::EBML_READ_VERSION, 1)
            .unsigned(ids::EBML_MAX_ID_LENGTH, 4)
            .unsigned(ids::EBML_MAX_SIZE_LENGTH, 8)
            .bytes(ids::DOC_TYPE, if matroska { b"matroska" } else { b"webm" })
            .unsigned(ids::DOC_TYPE_VERSION, 4)
            .unsigned(ids::DOC_TYPE_READ_VERSION, 2);
        let info = Elements::default()
            .unsigned(ids::TIMESTAMP_SCALE, 1_000_000)
            .bytes(ids::MUXING_APP, APP)
            .bytes(ids::WRITING_APP, APP);
        let mut entries = Elements::default();
        for (track, number) in tracks.iter().zip(1..) {
            entries = entries.folder(ids::TRACK_ENTRY, track.entry(number)?);
        }
        Elements::default()
            .folder(ids::EBML, header)
            .open(ids::SEGMENT)
            .folder(ids::INFO, info)
            .folder(ids::TRACKS, entries)
            .write(&mut to)?;
        Ok(Self { to, tracks, cluster: None, last: 0 })
    }

    /// The tracks of the file.
    pub fn tracks(&self) -> &[WebmTrack] {
        &self.tracks
    }

    /// Writes a frame of a track, by its place among them, at a time since the beginning. The frame's own
    /// media time is not looked at.
    ///
    /// # Errors
    ///
    /// There is no such track, the frame is of another codec, too long or earlier than the one before it,
    /// of whichever track, or it cannot be written. After the last of these the file is not to be used.
    pub fn write(&mut self, track: usize, time: Duration, frame: &Frame) -> Result<(), VideoError> {
        let takes = self.tracks.get(track).is_some_and(|track| track.takes(frame));
        if !takes {
            return Err(VideoError::WrongTrack);
        }
        let time = u64::try_from((time.as_nanos() + 500_000) / 1_000_000).unwrap_or(u64::MAX);
        if time < self.last {
            return Err(VideoError::OutOfOrder);
        }
        let (flags, begins, data) = contents(frame);
        checked_length(&data)?;
        let began = self.cluster.filter(|began| !begins && time - began < MAX_CLUSTER);
        let mut elements = Elements::default();
        if began.is_none() {
            elements = elements.open(ids::CLUSTER).unsigned(ids::TIMESTAMP, time);
        }
        let began = *self.cluster.insert(began.unwrap_or(time));
        self.last = time;
        let [high, low] = ((time - began) as i16).to_be_bytes();
        // A track's number is shorter than seven bits, and has one that tells so.
        let head = [0x80 | (track as u8 + 1), high, low, flags];
        let length = (head.len() + data.len()) as u64;
        elements.begin(ids::SIMPLE_BLOCK, length).write(&mut self.to)?;
        self.to.write_all(&head)?;
        Ok(self.to.write_all(&data)?)
    }

    /// The place that it is written to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.to
    }

    /// The file.
    pub fn into_inner(self) -> W {
        self.to
    }
}

/// The bytes of a frame in the file, with its flags, and true if a cluster begins with it.
fn contents(frame: &Frame) -> (u8, bool, Bytes) {
    match frame {
        Frame::Audio(frame) => (KEYFRAME, false, frame.data.clone()),
        Frame::Video(frame) => {
            let data = match frame.codec {
                VideoCodec::Vp8 => frame.data.clone(),
                VideoCodec::H264 => avcc::with_lengths(&frame.data),
            };
            (if frame.keyframe { KEYFRAME } else { 0 }, frame.keyframe, data)
        }
    }
}
