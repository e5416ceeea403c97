//! Pictures out of a file, to be played.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use super::{
    AnnexBReader, IvfReader, Size, VideoError, WebmReader, WebmTrack, checked_length, time,
};
use crate::machine::{Frame, VideoCodec, VideoFrame};

/// The time of a picture alone, in ticks: a thirtieth of a second.
const ALONE: u64 = 3_000;
/// The longest time from one picture to the next, in ticks: a minute.
const MAX_PAUSE: u64 = 60 * 90_000;

/// Pictures with their times, from a key frame on. Clones share them, so that a thousand players of a clip
/// need the room of one.
#[derive(Clone)]
pub struct Clip {
    codec: VideoCodec,
    pictures: Arc<[Picture]>,
}

/// A picture, and the time until the next one in ticks, at least 1.
#[derive(Clone)]
pub(super) struct Picture {
    pub(super) frame: VideoFrame,
    pub(super) lasts: u64,
}

impl Clip {
    /// The most bytes that the pictures of a clip may have, all together.
    pub const MAX_BYTES: usize = 64 << 20;

    /// A clip of pictures as they come: they are shown for as long as there is from one to the next, at most
    /// a minute, and the last one for as long as that before it. Those before the first key frame are left out.
    ///
    /// # Errors
    ///
    /// There is no key frame, they are of several codecs, or longer than [`Clip::MAX_BYTES`].
    pub fn new(frames: impl IntoIterator<Item = VideoFrame>) -> Result<Self, VideoError> {
        let mut collected = Collected::default();
        frames.into_iter().try_for_each(|frame| collected.push(frame))?;
        collected.clip()
    }

    /// The pictures of an IVF file. One that is cut off is used up to there.
    ///
    /// # Errors
    ///
    /// It cannot be read, or there is no clip in it ([`Clip::new`]).
    pub fn from_ivf(file: impl Read) -> Result<Self, VideoError> {
        Self::read(IvfReader::new(file)?)
    }

    /// The pictures of an H.264 byte stream, with so much time from one to the next.
    ///
    /// # Errors
    ///
    /// It cannot be read, or there is no clip in it ([`Clip::new`]).
    pub fn from_annex_b(stream: impl Read, interval: Duration) -> Result<Self, VideoError> {
        Self::read(AnnexBReader::new(stream, interval))
    }

    /// The pictures of the first track of pictures in a WebM or Matroska file. One that is cut off is used up
    /// to there.
    ///
    /// # Errors
    ///
    /// It cannot be read, or there is no clip in it ([`Clip::new`]).
    pub fn from_webm(file: impl Read) -> Result<Self, VideoError> {
        let reader = WebmReader::new(file)?;
        let is_video = |track: &WebmTrack| matches!(track, WebmTrack::Video { .. });
        let pictures = reader.tracks().iter().position(is_video);
        Self::read(reader.filter_map(|block| match block {
            Ok(block) if Some(block.track) == pictures => match block.frame {
                Frame::Video(frame) => Some(Ok(frame)),
                Frame::Audio(_) => None,
            },
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }))
    }

    fn read(
        frames: impl Iterator<Item = Result<VideoFrame, VideoError>>,
    ) -> Result<Self, VideoError> {
        let mut collected = Collected::default();
        for frame in frames {
            match frame {
                Err(VideoError::CutOff) => break,
                frame => collected.push(frame?)?,
            }
        }
        collected.clip()
    }

    /// The codec of all pictures.
    #[must_use]
    pub fn codec(&self) -> VideoCodec {
        self.codec
    }

    /// The size of the first picture, where it can be read.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        Size::of(self.codec, &self.pictures[0].frame.data)
    }

    /// The pictures, with their times since the beginning.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &VideoFrame> {
        self.pictures.iter().map(|picture| &picture.frame)
    }

    /// The time for which it plays.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let ticks = self.pictures.iter().map(|picture| picture.lasts).sum();
        time::duration(ticks, VideoCodec::CLOCK_RATE)
    }

    /// The pictures, at least one, and the first a key frame.
    pub(super) fn pictures(&self) -> &[Picture] {
        &self.pictures
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clip({:?}, {} pictures, {:?})", self.codec, self.pictures.len(), self.duration())
    }
}

/// Pictures from the first key frame on.
#[derive(Default)]
struct Collected {
    frames: Vec<VideoFrame>,
    bytes: usize,
}

impl Collected {
    fn push(&mut self, frame: VideoFrame) -> Result<(), VideoError> {
        match self.frames.first() {
            None if !frame.keyframe => return Ok(()),
            Some(first) if first.codec != frame.codec => return Err(VideoError::WrongTrack),
            None | Some(_) => {}
        }
        checked_length(&frame.data)?;
        // Pictures without contents weigh, too.
        self.bytes += frame.data.len() + size_of::<Picture>();
        if self.bytes > Clip::MAX_BYTES {
            return Err(VideoError::ClipTooLong);
        }
        self.frames.push(frame);
        Ok(())
    }

    fn clip(self) -> Result<Clip, VideoError> {
        let codec = self.frames.first().ok_or(VideoError::NotAKeyframe)?.codec;
        let steps = self.frames.windows(2).map(|pair| pair[1].time.saturating_sub(pair[0].time));
        let mut lasts: Vec<_> = steps.map(|ticks| ticks.clamp(1, MAX_PAUSE)).collect();
        lasts.push(lasts.last().copied().unwrap_or(ALONE));
        let mut time = 0;
        let pictures = self.frames.into_iter().zip(lasts).map(|(frame, lasts)| {
            let frame = VideoFrame { time, lost_before: false, ..frame };
            time += lasts;
            Picture { frame, lasts }
        });
        Ok(Clip { codec, pictures: pictures.collect() })
    }
}
