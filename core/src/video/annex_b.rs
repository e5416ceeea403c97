//! H.264 as a byte stream (ITU-T H.264 annex B), as encoders and `.h264` files have it, cut into pictures.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::h264::{self, Kind};
use super::{MAX_FRAME, ParameterSets, VideoError, checked_length, time};
use crate::machine::{VideoCodec, VideoFrame};

/// Bytes read at a time.
const CHUNK: usize = 32 << 10;

/// Reads a byte stream: an iterator over its pictures, which ends with the stream or its first error.
///
/// A byte stream has no times: pictures follow each other in the interval that it is told. Before each
/// key frame that lacks its sets of parameters come those that the stream had before. A picture is
/// known to be whole when the next one begins. Streams of frames in their order are understood, as
/// constrained baseline has it, and each field is a picture of its own.
///
/// ```
/// use std::time::Duration;
/// use offhook::video::AnnexBReader;
///
/// let stream = [
///     0, 0, 0, 1, 0x67, 66, 0xc0, 30, 0xd9, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80, // sets of parameters
///     0, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 0, 1, 0x65, 0x22, 2, // a key frame of two slices
///     0, 0, 0, 1, 0x41, 0x9a, 3, // and one that builds on it
/// ];
/// let reader = AnnexBReader::new(&stream[..], Duration::from_millis(40));
/// let frames: Vec<_> = reader.collect::<Result<_, _>>()?;
/// let seen: Vec<_> = frames.iter().map(|frame| (frame.time, frame.keyframe)).collect();
/// assert_eq!(seen, [(0, true), (3_600, false)]);
/// # Ok::<(), offhook::video::VideoError>(())
/// ```
#[derive(Debug)]
pub struct AnnexBReader<R> {
    stream: Stream<R>,
    interval: Duration,
    pictures: Pictures,
    sets: ParameterSets,
    /// The number of the next picture.
    number: u32,
    over: bool,
}

impl<R: Read> AnnexBReader<R> {
    /// A reader of a stream with so much time from one picture to the next.
    pub fn new(from: R, interval: Duration) -> Self {
        Self {
            stream: Stream::new(from),
            interval,
            pictures: Pictures::default(),
            sets: ParameterSets::default(),
            number: 0,
            over: false,
        }
    }

    fn frame(&mut self) -> Result<Option<VideoFrame>, VideoError> {
        loop {
            let Some(unit) = self.stream.unit()? else {
                return Ok(self.pictures.take().map(|last| self.picture(last)));
            };
            let before = self.pictures.push(&unit)?.map(|picture| self.picture(picture));
            // What it brings is for its own picture, and those after it.
            self.sets.note_unit(&unit);
            if before.is_some() {
                return Ok(before);
            }
        }
    }

    fn picture(&mut self, Picture { stream, keyframe }: Picture) -> VideoFrame {
        let time = time::ticks(self.interval.saturating_mul(self.number));
        self.number = self.number.saturating_add(1);
        let data = if keyframe { self.sets.complete(&stream) } else { stream };
        VideoFrame::new(VideoCodec::H264, time, keyframe, data)
    }
}

impl<R: Read> Iterator for AnnexBReader<R> {
    type Item = Result<VideoFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.frame().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Writes a byte stream, picture by picture. Times are not in it.
#[derive(Debug)]
pub struct AnnexBWriter<W> {
    to: W,
    sets: ParameterSets,
}

impl<W: Write> AnnexBWriter<W> {
    /// A writer of nothing so far.
    pub fn new(to: W) -> Self {
        Self { to, sets: ParameterSets::default() }
    }

    /// Writes a picture, a key frame with its sets of parameters.
    ///
    /// # Errors
    ///
    /// It is of another codec, longer than [`MAX_FRAME`], or cannot be written.
    pub fn write(&mut self, frame: &VideoFrame) -> Result<(), VideoError> {
        if frame.codec != VideoCodec::H264 {
            return Err(VideoError::WrongTrack);
        }
        checked_length(&frame.data)?;
        self.sets.note(&frame.data);
        Ok(self.to.write_all(&self.sets.complete(&frame.data))?)
    }

    /// The stream.
    pub fn into_inner(self) -> W {
        self.to
    }
}

/// A picture as a byte stream.
#[derive(Debug)]
struct Picture {
    stream: Bytes,
    keyframe: bool,
}

/// Units put together to pictures (sections 7.4.1.2.3 and 7.4.1.2.4).
#[derive(Debug, Default)]
struct Pictures {
    stream: BytesMut,
    parts: Parts,
}

/// The parts of a picture that there are so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Parts {
    /// None, at most what comes before them.
    #[default]
    None,
    /// Of one that needs others.
    Slices,
    /// Of one that needs none.
    Idr,
}

impl Pictures {
    /// Takes a unit, and gives the picture before it if another one begins with it.
    fn push(&mut self, unit: &[u8]) -> Result<Option<Picture>, VideoError> {
        let kind = Kind::of(unit);
        // A part of a picture begins with the number of its first block: 0, as one bit, in the first part.
        let first = unit.get(1).is_some_and(|byte| byte & 0x80 != 0);
        let begins = match (kind, self.parts) {
            (_, Parts::None) | (Kind::Other, _) => false,
            (Kind::Sps | Kind::Pps | Kind::Delimiter | Kind::Prefix, _) => true,
            (Kind::Idr, Parts::Slices) | (Kind::Slice, Parts::Idr) => true,
            (Kind::Idr | Kind::Slice, _) => first,
        };
        let whole = begins.then(|| self.take()).flatten();
        if self.stream.len() + h264::START_CODE.len() + unit.len() > MAX_FRAME {
            return Err(VideoError::TooLong((self.stream.len() + unit.len()) as u64));
        }
        h264::put(&mut self.stream, unit);
        match kind {
            Kind::Idr => self.parts = Parts::Idr,
            Kind::Slice => self.parts = Parts::Slices,
            Kind::Sps | Kind::Pps | Kind::Delimiter | Kind::Prefix | Kind::Other => {}
        }
        Ok(whole)
    }

    /// The picture that there is so far. Units that are of none are left out.
    fn take(&mut self) -> Option<Picture> {
        let stream = self.stream.split().freeze();
        match std::mem::take(&mut self.parts) {
            Parts::None => None,
            Parts::Slices => Some(Picture { stream, keyframe: false }),
            Parts::Idr => Some(Picture { stream, keyframe: true }),
        }
    }
}

/// A byte stream cut into units.
#[derive(Debug)]
struct Stream<R> {
    from: R,
    /// The next unit and what was read of those after it.
    held: BytesMut,
    /// Bytes of it that have no start code.
    searched: usize,
    place: Place,
}

/// The place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first start code.
    Before,
    /// In a unit.
    Within,
    /// At the end.
    End,
}

impl<R: Read> Stream<R> {
    fn new(from: R) -> Self {
        Self { from, held: BytesMut::new(), searched: 0, place: Place::Before }
    }

    /// The next unit, never empty, without its start code and the zeros after it.
    fn unit(&mut self) -> Result<Option<Bytes>, VideoError> {
        while self.place != Place::End {
            let found = memchr::memmem::find(&self.held[self.searched..], &[0, 0, 1]);
            let unit = match found {
                Some(found) => {
                    let unit = self.held.split_to(self.searched + found);
                    let _ = self.held.split_to(3);
                    self.searched = 0;
                    (std::mem::replace(&mut self.place, Place::Within) == Place::Within)
                        .then_some(unit)
                }
                None => {
                    // A start code may go on in what comes.
                    self.searched = self.held.len().saturating_sub(2);
                    match self.place {
                        Place::Before => {
                            let _ = self.held.split_to(std::mem::take(&mut self.searched));
                        }
                        Place::Within | Place::End if self.held.len() > MAX_FRAME + 3 => {
                            return Err(VideoError::TooLong(self.held.len() as u64));
                        }
                        Place::Within | Place::End => {}
                    }
                    if self.read()? {
                        continue;
                    }
                    let last = self.held.split();
                    (std::mem::replace(&mut self.place, Place::End) == Place::Within)
                        .then_some(last)
                }
            };
            // Zeros before a start code are of it, or fill; a unit ends with none.
            let trimmed = unit.map(|mut unit| {
                unit.truncate(unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
                unit
            });
            if let Some(unit) = trimmed.filter(|unit| !unit.is_empty()) {
                return Ok(Some(unit.freeze()));
            }
        }
        Ok(None)
    }

    /// Reads on, as much as there is. False at the end.
    fn read(&mut self) -> Result<bool, VideoError> {
        let before = self.held.len();
        self.held.resize(before + CHUNK, 0);
        let read = loop {
            match self.from.read(&mut self.held[before..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.held.truncate(before + read.as_ref().map_or(0, |read| (*read).min(CHUNK)));
        Ok(read? > 0)
    }
}
