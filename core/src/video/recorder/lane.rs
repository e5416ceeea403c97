//! A track that is recorded.

use std::time::Duration;

use crate::machine::{Frame, MediaKind, VideoCodec};
use crate::video::{ParameterSets, time};

/// The furthest that media time may fall behind the frames' arrival; further, it began anew.
const MAX_BEHIND: Duration = Duration::from_secs(5);

/// A track that is recorded.
#[derive(Debug)]
pub(super) struct Lane {
    kind: MediaKind,
    /// Its place in the file, once it has one.
    pub(super) place: Option<usize>,
    row: Row,
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
        Self { kind, place: None, row: Row::Broken, clock: None, sets }
    }

    pub(super) fn kind(&self) -> MediaKind {
        self.kind
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
