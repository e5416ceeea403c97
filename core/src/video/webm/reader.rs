//! Frames out of a WebM file.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;

use super::track::Entry;
use super::{MAX_TRACKS, WebmTrack, ids};
use crate::machine::{AudioCodec, AudioFrame, Frame, VideoCodec, VideoFrame};
use crate::video::ebml::{self, Head};
use crate::video::{VideoError, input, is_keyframe, time};

/// Two bits of a block that tell that it has several frames (RFC 9559 section 10.3).
const LACING: u8 = 0x06;

fn malformed(what: &'static str) -> VideoError {
    VideoError::malformed("WebM", what)
}

/// A frame of a WebM file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// Its track, by its place in [`WebmReader::tracks`].
    pub track: usize,
    /// Its time since the beginning of the file.
    pub time: Duration,
    /// The frame. Its media time is that of the block, and that of the frame before it where it goes back.
    pub frame: Frame,
}

/// Reads a WebM or Matroska file: an iterator over its frames, in the order of the file, which ends with the
/// file or its first error.
///
/// Tracks in VP8, H.264 and Opus are read, and what is of others is left out; key frames of H.264 have
/// their sets of parameters with them. An index, tags and the like are read past. Several frames in
/// one block (lacing) are a typed error.
#[derive(Debug)]
pub struct WebmReader<R> {
    from: R,
    tracks: Vec<WebmTrack>,
    sources: Vec<Source>,
    /// Nanoseconds of a tick.
    scale: u64,
    /// The time of the cluster, in ticks.
    cluster: u64,
    over: bool,
}

/// The number of a track in blocks, and where it is.
#[derive(Debug)]
struct Source {
    entry: Entry,
    /// The media time of its last frame.
    last: u64,
}

impl<R: Read> WebmReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// It is no such file, has no track that is read here, or cannot be read.
    pub fn new(mut from: R) -> Result<Self, VideoError> {
        check_kind(&mut from)?;
        let (tracks, sources) = (Vec::new(), Vec::new());
        let mut reader = Self { from, tracks, sources, scale: 1_000_000, cluster: 0, over: false };
        while reader.sources.is_empty() {
            let head = Head::read(&mut reader.from)?.ok_or(VideoError::CutOff)?;
            match head.id {
                ids::TRACKS => reader.read_tracks(head)?,
                ids::CLUSTER => return Err(malformed("there are frames before there are tracks")),
                _ => {
                    reader.pass(head)?;
                }
            }
        }
        Ok(reader)
    }

    /// The tracks that are read.
    pub fn tracks(&self) -> &[WebmTrack] {
        &self.tracks
    }

    fn read_tracks(&mut self, head: Head) -> Result<(), VideoError> {
        let mut other = String::new();
        for element in ebml::elements(&head.data(&mut self.from)?) {
            let (id, data) = element?;
            if id != ids::TRACK_ENTRY || self.sources.len() == MAX_TRACKS {
                continue;
            }
            match Entry::parse(&data)? {
                Ok(entry) => {
                    self.tracks.push(entry.track.clone());
                    self.sources.push(Source { entry, last: 0 });
                }
                Err(codec) => other = codec,
            }
        }
        if self.sources.is_empty() { Err(VideoError::Codec(other)) } else { Ok(()) }
    }

    /// Reads past an element that is no block, or into it.
    fn pass(&mut self, head: Head) -> Result<(), VideoError> {
        match head.id {
            // Folders are gone into and never left: what is in them has names that tell where it is.
            ids::SEGMENT | ids::CLUSTER | ids::BLOCK_GROUP => {}
            ids::TIMESTAMP => self.cluster = ebml::unsigned(&head.data(&mut self.from)?)?,
            ids::INFO => {
                for element in ebml::elements(&head.data(&mut self.from)?) {
                    let (id, data) = element?;
                    if id == ids::TIMESTAMP_SCALE {
                        self.scale = ebml::unsigned(&data)?;
                    }
                }
            }
            _ => head.skip(&mut self.from)?,
        }
        Ok(())
    }

    fn block(&mut self) -> Result<Option<Block>, VideoError> {
        while let Some(head) = Head::read(&mut self.from)? {
            match head.id {
                ids::SIMPLE_BLOCK | ids::BLOCK => {
                    if let Some(block) = self.frame(head.known()?)? {
                        return Ok(Some(block));
                    }
                }
                _ => self.pass(head)?,
            }
        }
        Ok(None)
    }

    /// Reads a block. None where it is of a track that is not read, or empty.
    fn frame(&mut self, length: u64) -> Result<Option<Block>, VideoError> {
        let mut from = self.from.by_ref().take(length);
        let number = ebml::number(&mut from)?;
        let [high, low, flags] = input::array(&mut from)?.ok_or(VideoError::CutOff)?;
        let left = from.limit();
        let Some(track) = self.sources.iter().position(|source| source.entry.number == number)
        else {
            input::skip(&mut self.from, left)?;
            return Ok(None);
        };
        if flags & LACING != 0 {
            return Err(VideoError::Unsupported { format: "WebM", what: "lacing" });
        }
        let data = input::bytes(&mut self.from, left)?;
        if data.is_empty() {
            return Ok(None);
        }
        let ticks = self.cluster.saturating_add_signed(i16::from_be_bytes([high, low]).into());
        let time = Duration::from_nanos(ticks.saturating_mul(self.scale));
        let frame = self.sources[track].frame(time, data)?;
        Ok(frame.map(|frame| Block { track, time, frame }))
    }
}

impl<R: Read> Iterator for WebmReader<R> {
    type Item = Result<Block, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.block().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Source {
    /// A frame at a time. None where nothing is in it.
    fn frame(&mut self, at: Duration, data: Bytes) -> Result<Option<Frame>, VideoError> {
        let rate = match &self.entry.track {
            WebmTrack::Opus { .. } => AudioCodec::Opus.clock_rate(),
            WebmTrack::Video { .. } => VideoCodec::CLOCK_RATE,
        };
        self.last = self.last.max(time::ticks_of(at, rate));
        let time = self.last;
        Ok(match &self.entry.track {
            WebmTrack::Opus { .. } => {
                let codec = AudioCodec::Opus;
                Some(AudioFrame { codec, time, lost_before: 0, talkspurt: false, data }.into())
            }
            WebmTrack::Video { codec, .. } => {
                let data = match &mut self.entry.record {
                    Some(record) => record.picture(&data)?,
                    None => Some(data),
                };
                data.map(|data| {
                    let keyframe = is_keyframe(*codec, &data);
                    VideoFrame::new(*codec, time, keyframe, data).into()
                })
            }
        })
    }
}

/// Reads the header of a file, up to its segment.
fn check_kind(from: &mut impl Read) -> Result<(), VideoError> {
    let head = Head::read(from)?.ok_or(VideoError::CutOff)?;
    if head.id != ids::EBML {
        return Err(malformed("it does not begin like one"));
    }
    for element in ebml::elements(&head.data(from)?) {
        let (id, data) = element?;
        match id {
            ids::DOC_TYPE if !matches!(ebml::text(&data).as_str(), "webm" | "matroska") => {
                return Err(malformed("it says that it is something else"));
            }
            ids::EBML_MAX_ID_LENGTH if ebml::unsigned(&data)? > 4 => {
                return Err(malformed("its elements have longer names"));
            }
            ids::EBML_MAX_SIZE_LENGTH if ebml::unsigned(&data)? > 8 => {
                return Err(malformed("its elements have longer sizes"));
            }
            _ => {}
        }
    }
    Ok(())
}
