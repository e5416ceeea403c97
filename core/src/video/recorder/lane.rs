//! A track that is recorded.

use std::time::Duration;

use crate::machine::{Frame, MediaKind, Rid, VideoCodec, VideoFrame};
use crate::video::{ParameterSets, time};

/// The furthest that media time may fall behind the frames' arrival; further, it began anew.
const MAX_BEHIND: Duration = Duration::from_secs(5);
/// After that long without a picture of the encoding that is recorded, another one takes its place.
const SILENCE: Duration = Duration::from_secs(2);

/// A track that is recorded.
#[derive(Debug)]
pub(super) struct Lane {
    kind: MediaKind,
    /// Its place in the file, once it has one.
    pub(super) place: Option<usize>,
    row: Row,
    encoding: Encoding,
    clock: Option<Clock>,
    /// The sets of parameters that came, of H.264.
    sets: ParameterSets,
}

/// The row of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// It goes on.
    Goes,
    /// It goes on with a picture that needs no other.
    Broken,
}

/// The encoding that is recorded, of a track that comes in several at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// The encoding of the first key frame to come.
    Any,
    /// This one.
    Only {
        /// Its name.
        rid: Option<Rid>,
        /// The arrival of the last picture of it, since the beginning of the recording.
        last: Duration,
    },
}

impl Encoding {
    /// The encoding of a picture, where it can begin with it.
    const fn of(arrival: Duration, frame: &VideoFrame) -> Self {
        if frame.keyframe { Self::Only { rid: frame.rid, last: arrival } } else { Self::Any }
    }
}

/// The way from media time to the time of the recording.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// The arrival of a frame, since the beginning of the recording, and its media time.
    arrival: Duration,
    media: u64,
    /// The time of the last frame.
    last: Duration,
}

impl Lane {
    pub(super) fn new(kind: MediaKind) -> Self {
        let sets = ParameterSets::default();
        Self { kind, place: None, row: Row::Broken, encoding: Encoding::Any, clock: None, sets }
    }

    pub(super) fn kind(&self) -> MediaKind {
        self.kind
    }

    /// True for a picture of another encoding than the one that is recorded, which came at that time, since the
    /// beginning of the recording.
    pub(super) fn is_other(&mut self, arrival: Duration, frame: &Frame) -> bool {
        let Frame::Video(frame) = frame else { return false };
        match &mut self.encoding {
            Encoding::Only { rid, last } if *rid == frame.rid => *last = arrival,
            Encoding::Only { last, .. } if !frame.keyframe || arrival < *last + SILENCE => {
                return true;
            }
            Encoding::Any => self.encoding = Encoding::of(arrival, frame),
            Encoding::Only { .. } => {
                self.encoding = Encoding::of(arrival, frame);
                // Its media time began elsewhere.
                if let Some(clock) = &mut self.clock {
                    (clock.arrival, clock.media) = (arrival, frame.time);
                }
            }
        }
        false
    }

    /// A frame as it is recorded, key frames of H.264 with their sets of parameters. None for a picture that
    /// needs one that is not there.
    pub(super) fn admit(&mut self, frame: Frame) -> Option<Frame> {
        let Frame::Video(mut frame) = frame else { return Some(frame) };
        if frame.codec == VideoCodec::H264 {
            self.sets.note(&frame.data);
            frame.data = self.sets.complete(&frame.data);
        }
        match (self.row, frame.keyframe) {
            (_, true) => self.row = Row::Goes,
            (Row::Goes, false) if frame.lost_before => self.row = Row::Broken,
            (Row::Goes | Row::Broken, false) => {}
        }
        (self.row == Row::Goes).then_some(Frame::Video(frame))
    }

    /// Leaves out what comes up to the next key frame: one is not kept.
    pub(super) fn interrupt(&mut self) {
        self.row = Row::Broken;
    }

    /// The time of a frame that came at that time, since the beginning of the recording. It never goes back.
    pub(super) fn time(&mut self, arrival: Duration, frame: &Frame) -> Duration {
        let (media, rate) = match frame {
            Frame::Audio(frame) => (frame.time, frame.codec.clock_rate()),
            Frame::Video(frame) => (frame.time, VideoCodec::CLOCK_RATE),
        };
        let clock = self.clock.get_or_insert(Clock { arrival, media, last: Duration::ZERO });
        let since = time::duration(media.saturating_sub(clock.media), rate);
        let mut time = clock.arrival + since;
        // None comes before it was sent: then the one counted from came late.
        if time > arrival || time + MAX_BEHIND < arrival {
            (clock.arrival, clock.media) = (arrival, media);
            time = arrival;
        }
        clock.last = time.max(clock.last);
        clock.last
    }
}
