//! A recording of what is seen and heard, as it comes.

mod lane;
mod places;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use self::lane::Lane;
use self::places::{MAX_PLACES, Places};
use super::{VideoError, WebmTrack, WebmWriter, checked_length};
use crate::machine::{AudioCodec, Frame, MediaKind};

/// The fate of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a track may want another file"]
pub enum Recorded {
    /// It is in the file, or will be.
    Kept,
    /// It is a picture that cannot be shown without one before it that is not there: ask for a key frame.
    NoKeyframe,
    /// It is of a track for which this file has no place, and another file can begin with it. It is not
    /// kept.
    NewFile,
    /// It is of another encoding than the one of its track that is recorded
    /// ([`VideoFrame::rid`](crate::media::VideoFrame::rid)).
    OtherEncoding,
    /// It is of a codec that is not recorded: neither Opus, VP8 nor H.264.
    OtherCodec,
    /// Too much waits already, or there are too many tracks. It is not kept.
    Full,
}

/// Makes a WebM file of the frames of several tracks, as they come.
///
/// `K` is the name that the application has for a track: a [`Track`](crate::media::Track), perhaps with the
/// side or the call that it is of. Pictures begin with their first key frame; of a track that comes in several
/// encodings at once, that one's is recorded, until none of it came for two seconds. The time of a frame is its media
/// time, counted from the arrival of the track's first one; frames of all tracks are put in order over
/// 200 ms, and one that comes later than that is a little off.
///
/// A file has all its tracks in its header. So that is written when each
/// [announced](Recorder::announce) track had a frame that says what it is, at the latest two seconds after
/// the first one. A track that comes later takes the place of one of its codec that is
/// [gone](Recorder::gone). Where there is none, [`Recorded::NewFile`] says so at each of its frames with
/// which a file can begin: [finish](Recorder::finish) this one, and go on with its
/// [successor](Recorder::successor), which wants a key frame of each track of pictures.
///
/// What waits is bounded, by [`Recorder::MAX_BYTES`] and [`Recorder::MAX_FRAMES`]: who does not
/// [take](Recorder::take) the file misses what comes later.
///
/// ```
/// use std::time::{Duration, Instant};
/// use offhook::media::{MediaKind, Track};
/// use offhook::video::{Recorded, Recorder, Size, WebmReader, pattern};
///
/// let mut now = Instant::now();
/// let mut recorder = Recorder::new(now);
/// recorder.announce(Track::video(0), MediaKind::Video);
/// let mut file = Vec::new();
/// let size = Size { width: 320, height: 240 };
/// for number in 0..50 {
///     let picture = pattern::frame(size, number, u64::from(number) * 3_000)?;
///     assert_eq!(recorder.record(now, Track::video(0), picture.into())?, Recorded::Kept);
///     file.extend(recorder.take(now)?);
///     now += Duration::from_millis(33);
/// }
/// file.extend(recorder.finish()?);
/// assert_eq!(WebmReader::new(&file[..])?.count(), 50);
/// # Ok::<(), offhook::video::VideoError>(())
/// ```
#[derive(Debug)]
pub struct Recorder<K> {
    began: Instant,
    /// The tracks that are not gone.
    lanes: BTreeMap<K, Lane>,
    places: Places,
    /// The frames that wait and their places, by their time and the order in which they came.
    held: BTreeMap<(Duration, u64), (usize, Frame)>,
    bytes: usize,
    /// The number of frames kept.
    kept: u64,
    file: File,
}

/// The file.
#[derive(Debug)]
enum File {
    /// Its tracks are not all known.
    Waiting,
    /// Its header is written, and frames up to that time.
    Begun { writer: WebmWriter<Vec<u8>>, last: Duration },
}

impl<K: Ord> Recorder<K> {
    /// The longest wait for a frame of each announced track.
    pub const MAX_WAIT: Duration = Duration::from_secs(2);
    /// The time over which frames are put in order.
    pub const WINDOW: Duration = Duration::from_millis(200);
    /// The most bytes of frames that wait. From half of it on they are written early.
    pub const MAX_BYTES: usize = 32 << 20;
    /// The most frames that wait. From half of it on they are written early.
    pub const MAX_FRAMES: usize = 8_192;
    /// The most tracks at a time, and in a file.
    pub const MAX_TRACKS: usize = MAX_PLACES;

    /// A recording that begins now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            lanes: BTreeMap::new(),
            places: Places::default(),
            held: BTreeMap::new(),
            bytes: 0,
            kept: 0,
            file: File::Waiting,
        }
    }

    /// The recording that goes on where this one ends, in another file: its tracks, but for those that are
    /// gone, are announced.
    #[must_use]
    pub fn successor(&self, now: Instant) -> Self
    where
        K: Clone,
    {
        let mut next = Self::new(now);
        for (track, lane) in &self.lanes {
            next.announce(track.clone(), lane.kind());
        }
        next
    }

    /// Tells of a track that will have frames, so that the file has a place for it. Nothing where it is known,
    /// or where there are [`Recorder::MAX_TRACKS`].
    pub fn announce(&mut self, track: K, kind: MediaKind) {
        if self.lanes.len() < Self::MAX_TRACKS {
            self.lanes.entry(track).or_insert_with(|| Lane::new(kind));
        }
    }

    /// Tells that a track will have no more frames: its place in the file may be another's.
    pub fn gone(&mut self, track: &K) {
        self.places.leave(self.lanes.remove(track).and_then(|lane| lane.place));
    }

    /// Takes a frame. A track that was not announced is from now on.
    ///
    /// # Errors
    ///
    /// It is longer than [`MAX_FRAME`](super::MAX_FRAME). It is left out, and the recording goes on.
    pub fn record(&mut self, now: Instant, track: K, frame: Frame) -> Result<Recorded, VideoError> {
        if matches!(&frame, Frame::Audio(frame) if frame.codec != AudioCodec::Opus) {
            return Ok(Recorded::OtherCodec);
        }
        checked_length(data(&frame))?;
        let tracks = self.lanes.len();
        let lane = match self.lanes.entry(track) {
            Entry::Vacant(_) if tracks >= Self::MAX_TRACKS => return Ok(Recorded::Full),
            Entry::Vacant(entry) => entry.insert(Lane::new(frame.kind())),
            Entry::Occupied(entry) => entry.into_mut(),
        };
        let arrival = now.saturating_duration_since(self.began);
        if lane.is_other(arrival, &frame) {
            return Ok(Recorded::OtherEncoding);
        }
        let Some(frame) = lane.admit(frame) else { return Ok(Recorded::NoKeyframe) };
        let weight = data(&frame).len();
        if self.bytes + weight > Self::MAX_BYTES || self.held.len() >= Self::MAX_FRAMES {
            lane.interrupt();
            return Ok(Recorded::Full);
        }
        let place = match lane.place {
            Some(place) if self.places.takes(place, &frame) => place,
            other => {
                self.places.leave(other);
                lane.place = None;
                let Ok(track) = WebmTrack::of(&frame) else {
                    lane.interrupt();
                    return Ok(Recorded::NoKeyframe);
                };
                let Some(place) = self.places.find(track) else {
                    lane.interrupt();
                    return Ok(Recorded::NewFile);
                };
                *lane.place.insert(place)
            }
        };
        let time = lane.time(arrival, &frame);
        self.bytes += weight;
        self.kept += 1;
        self.held.insert((time, self.kept), (place, frame));
        Ok(Recorded::Kept)
    }

    /// The time at which [`Recorder::take`] has something new, if nothing comes until then.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let ((first, _), _) = self.held.first_key_value()?;
        let wait = match self.file {
            File::Waiting if self.lanes.values().any(|lane| lane.place.is_none()) => Self::MAX_WAIT,
            File::Waiting | File::Begun { .. } => Self::WINDOW,
        };
        Some(self.began + *first + wait)
    }

    /// The next bytes of the file: what is in order by now.
    ///
    /// # Errors
    ///
    /// A frame cannot be written. It is left out, and the recording goes on.
    pub fn take(&mut self, now: Instant) -> Result<Vec<u8>, VideoError> {
        while self.is_pressed() || self.due().is_some_and(|due| due <= now) {
            self.write()?;
        }
        Ok(self.written())
    }

    /// The rest of the file. Empty if nothing was ever in it.
    ///
    /// # Errors
    ///
    /// A frame cannot be written. It is left out; call it again for the rest.
    pub fn finish(&mut self) -> Result<Vec<u8>, VideoError> {
        while !self.held.is_empty() {
            self.write()?;
        }
        Ok(self.written())
    }

    /// True if what waits is about to be too much.
    fn is_pressed(&self) -> bool {
        self.bytes > Self::MAX_BYTES / 2 || self.held.len() > Self::MAX_FRAMES / 2
    }

    /// Writes the first of the frames that wait, after the header.
    fn write(&mut self) -> Result<(), VideoError> {
        let Some(((time, _), (place, frame))) = self.held.pop_first() else { return Ok(()) };
        self.bytes -= data(&frame).len();
        if let File::Waiting = self.file {
            // Sound is what it is, also before there is any.
            for lane in self.lanes.values_mut().filter(|lane| lane.place.is_none()) {
                if lane.kind() == MediaKind::Audio {
                    lane.place = self.places.find(WebmTrack::OPUS);
                }
            }
            let writer = WebmWriter::new(Vec::new(), self.places.close())?;
            self.file = File::Begun { writer, last: time };
        }
        match &mut self.file {
            File::Waiting => Ok(()),
            File::Begun { writer, last } => {
                // One that came too late is as early as may be.
                *last = time.max(*last);
                writer.write(place, *last, &frame)
            }
        }
    }

    fn written(&mut self) -> Vec<u8> {
        match &mut self.file {
            File::Waiting => Vec::new(),
            File::Begun { writer, .. } => std::mem::take(writer.get_mut()),
        }
    }
}

fn data(frame: &Frame) -> &[u8] {
    match frame {
        Frame::Audio(frame) => &frame.data,
        Frame::Video(frame) => &frame.data,
    }
}
