//! A session's audio as the machine tells of it, and what is sent into it.

use std::collections::BTreeMap;
#[cfg(feature = "audio")]
use std::sync::Weak;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

#[cfg(feature = "audio")]
use offhook::audio::{Side, Tape};
use offhook::machine::MediaId;
use offhook::media::{Agreement, AudioCodec, AudioFrame, MAX_BACKLOG, MediaState};

use crate::clock::Clock;
use crate::drive::{Drive, MediaNews};
use crate::error::SendError;
use crate::watch::Watched;

/// The interval at which kept frames go out, one each: a little more than the engine takes.
const DRAIN: Duration = Duration::from_millis(12);

/// The state of a session's audio, as told so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    pub(crate) agreement: Option<Agreement>,
    media: Media,
    #[cfg(feature = "audio")]
    ended: bool,
}

/// The progress of its media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Media {
    /// No word of it so far, and perhaps never.
    #[default]
    Unknown,
    /// Not connected yet, or another engine has taken its place and is not.
    Waiting,
    /// Connected, now or before.
    Connected,
}

impl View {
    /// True if nothing more will be told of it: it has ended, or is of no session that there is.
    #[cfg(feature = "audio")]
    pub(crate) fn is_over(&self) -> bool {
        self.ended || self.media == Media::Unknown
    }

    /// The agreement, once something can be sent.
    pub(crate) fn open(&self) -> Option<Agreement> {
        match self.media {
            Media::Connected => self.agreement,
            Media::Unknown | Media::Waiting => None,
        }
    }
}

/// The account of sent frames.
#[derive(Debug, Default)]
struct Sent {
    /// Frames that wait for media to connect, at that time.
    waiting: usize,
    counted: Option<Instant>,
    /// The codec and time of the last frame, and when it was sent.
    last: Option<(AudioCodec, u64, Instant)>,
    /// The offset added to the times of frames.
    offset: u64,
}

/// A session's audio.
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) view: Watched<View>,
    sent: Mutex<Sent>,
    /// The clock of whoever sends.
    clock: OnceLock<Clock>,
    #[cfg(feature = "audio")]
    tapes: Mutex<Vec<Weak<Mutex<Tape>>>>,
}

impl Line {
    /// Sets the clock by which somebody is going to send.
    pub(crate) fn set_clock(&self, clock: &Clock) {
        // There is one for all.
        let _ = self.clock.set(clock.clone());
    }

    /// Lets a frame through to the machine, in time, or not at all.
    pub(crate) fn send(&self, now: Instant, frame: &mut AudioFrame) -> Result<(), SendError> {
        let view = self.view.read(|view| *view);
        if let Some(agreed) = view.agreement
            && !agreed.codecs.contains(frame.codec)
        {
            let (codec, agreed) = (frame.codec, agreed.codec);
            return Err(SendError::NotAgreed { codec, agreed });
        }
        let mut sent = lock(&self.sent);
        // Where nobody hears it, nothing is kept waiting.
        if view.agreement.is_none_or(|agreed| agreed.direction.sends()) {
            sent.wait(now, view.media)?;
        }
        sent.stamp(now, frame);
        drop(sent);
        #[cfg(feature = "audio")]
        self.tape(now, Side::Said, frame);
        Ok(())
    }

    /// Takes note of a frame that came.
    pub(crate) fn heard(&self, now: Instant, frame: &AudioFrame) {
        #[cfg(feature = "audio")]
        self.tape(now, Side::Heard, frame);
        #[cfg(not(feature = "audio"))]
        let _ = (now, frame);
    }

    /// Records from now on, as long as somebody holds the tape.
    #[cfg(feature = "audio")]
    pub(crate) fn record(&self, tape: &Arc<Mutex<Tape>>) {
        let mut tapes = lock(&self.tapes);
        // A session may be recorded again and again.
        tapes.retain(|tape| tape.strong_count() > 0);
        tapes.push(Arc::downgrade(tape));
    }

    /// True while somebody records what is heard.
    pub(crate) fn is_recorded(&self) -> bool {
        #[cfg(feature = "audio")]
        let recorded = lock(&self.tapes).iter().any(|tape| tape.strong_count() > 0);
        #[cfg(not(feature = "audio"))]
        let recorded = false;
        recorded
    }

    fn end(&self) -> Vec<Waker> {
        #[cfg(feature = "audio")]
        let view = self.view.read(|view| View { ended: true, ..*view });
        #[cfg(not(feature = "audio"))]
        let view = self.view.read(|view| *view);
        self.view.set(view)
    }

    #[cfg(feature = "audio")]
    fn tape(&self, now: Instant, side: Side, frame: &AudioFrame) {
        lock(&self.tapes).retain(|tape| {
            // One that is full says so itself.
            tape.upgrade().is_some_and(|tape| lock(&tape).record(now, side, frame.clone()).is_ok())
        });
    }

    fn told(&self, news: MediaNews) -> Vec<Waker> {
        let mut view = self.view.read(|view| *view);
        match news {
            MediaNews::Agreed(agreement) => view.agreement = Some(agreement),
            MediaNews::State(MediaState::Connected) => {
                view.media = Media::Connected;
                lock(&self.sent).counted = self.clock.get().map(Clock::now);
            }
            // Another engine than before: it keeps what is said until it is connected itself.
            MediaNews::State(MediaState::New) => {
                if view.media == Media::Connected {
                    lock(&self.sent).waiting = 0;
                }
                view.media = Media::Waiting;
            }
            MediaNews::State(_) if view.media == Media::Unknown => view.media = Media::Waiting,
            MediaNews::State(_) => {}
        }
        self.view.set(view)
    }
}

impl Sent {
    /// Counts one more that waits, where it has to.
    fn wait(&mut self, now: Instant, media: Media) -> Result<(), SendError> {
        match media {
            // What is known of it may come after the first frames.
            Media::Unknown => {
                self.waiting = self.waiting.saturating_add(1);
                return Ok(());
            }
            Media::Connected if self.waiting == 0 => return Ok(()),
            Media::Connected => {
                let counted = self.counted.unwrap_or(now);
                let since = now.saturating_duration_since(counted);
                let gone = u32::try_from(since.as_micros() / DRAIN.as_micros()).unwrap_or(u32::MAX);
                self.waiting = self.waiting.saturating_sub(gone as usize);
                if self.waiting == 0 {
                    return Ok(());
                }
                self.counted = Some(counted + DRAIN * gone);
            }
            Media::Waiting => {}
        }
        if self.waiting >= MAX_BACKLOG {
            return Err(SendError::TooEarly);
        }
        self.waiting += 1;
        Ok(())
    }

    /// Sees to it that time never goes back: what begins anew goes on by what has passed.
    fn stamp(&mut self, now: Instant, frame: &mut AudioFrame) {
        let mut time = frame.time.wrapping_add(self.offset);
        if let Some((codec, before, at)) = self.last
            && (time.wrapping_sub(before) as i64) <= 0
        {
            let rate = u128::from(codec.clock_rate());
            let passed = now.saturating_duration_since(at).as_micros() * rate / 1_000_000;
            let frame_before = u64::from(codec.clock_rate()) / 50;
            time = before.wrapping_add(u64::try_from(passed).unwrap_or_default().max(frame_before));
            self.offset = time.wrapping_sub(frame.time);
        }
        frame.time = time;
        self.last = Some((frame.codec, time, now));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in them is whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lines of a machine: those that it tells of until they end, and those that somebody holds.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<BTreeMap<MediaId, Known>>>);

struct Known {
    line: Arc<Line>,
    /// True once the machine told of it.
    told: bool,
}

impl Lines {
    /// A session's line; one that nothing is known of where nothing was told.
    pub(crate) fn find(&self, media: MediaId) -> Arc<Line> {
        let mut lines = lock(&self.0);
        lines.retain(|_, known| known.told || Arc::strong_count(&known.line) > 1);
        let new = || Known { line: Arc::default(), told: false };
        Arc::clone(&lines.entry(media).or_insert_with(new).line)
    }

    /// Takes over what an event says of a session's audio.
    pub(crate) fn told<M: Drive>(&self, event: &M::Event) {
        if let Some((media, news)) = M::media_news(event) {
            let line = self.find(media);
            if let Some(known) = lock(&self.0).get_mut(&media) {
                known.told = true;
            }
            line.told(news).into_iter().for_each(Waker::wake);
        }
        if let Some(media) = M::ended_media(event) {
            let ended = lock(&self.0).remove(&media);
            let wakers = ended.map_or_else(Vec::new, |known| known.line.end());
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Ends all lines: the machine is gone.
    pub(crate) fn end(&self) {
        let lines = std::mem::take(&mut *lock(&self.0));
        let wakers: Vec<_> = lines.into_values().flat_map(|known| known.line.end()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use offhook::media::AudioCodecs;
    use offhook::sdp::Direction;

    use super::*;

    fn frame(codec: AudioCodec, time: u64) -> AudioFrame {
        AudioFrame { codec, time, lost_before: 0, talkspurt: false, data: Bytes::new() }
    }

    fn agreed(direction: Direction) -> MediaNews {
        let codecs = AudioCodecs::from_iter([AudioCodec::Opus]);
        MediaNews::Agreed(Agreement {
            direction,
            codec: AudioCodec::Opus,
            codecs,
            keys: true,
            expected_loss: 5,
            dtx: false,
        })
    }

    fn say(line: &Line, now: Instant) -> Result<(), SendError> {
        line.send(now, &mut frame(AudioCodec::Opus, 0))
    }

    #[test]
    fn until_media_connects_as_much_is_taken_as_is_kept() {
        let now = Instant::now();
        let line = Line::default();
        drop(line.told(MediaNews::State(MediaState::New)));
        drop(line.told(agreed(Direction::SendRecv)));
        let taken = (0..2 * MAX_BACKLOG).filter(|_| say(&line, now).is_ok()).count();
        assert_eq!(taken, MAX_BACKLOG);
        assert_eq!(say(&line, now), Err(SendError::TooEarly));
        // Then it goes out, and what is said meanwhile after it.
        drop(line.told(MediaNews::State(MediaState::Connected)));
        assert_eq!(say(&line, now), Err(SendError::TooEarly));
        let all = DRAIN * MAX_BACKLOG as u32;
        let mut refused = 0;
        for n in 0..200 {
            refused += usize::from(say(&line, now + Duration::from_millis(20) * n).is_err());
        }
        assert!(refused <= 1, "at the pace of speech: {refused}");
        let later = now + all * 3;
        assert!((0..1000).all(|_| say(&line, later).is_ok()), "nothing waits any more");
    }

    #[test]
    fn another_engine_keeps_as_much_as_the_first_and_a_path_that_is_searched_anew_nothing() {
        let now = Instant::now();
        for (state, taken) in
            [(MediaState::New, MAX_BACKLOG), (MediaState::Connecting, 2 * MAX_BACKLOG)]
        {
            let line = Line::default();
            drop(line.told(agreed(Direction::SendRecv)));
            drop(line.told(MediaNews::State(MediaState::Connected)));
            drop(line.told(MediaNews::State(state)));
            let waits = line.view.read(View::open).is_none();
            assert_eq!(waits, state == MediaState::New, "whoever waits for media waits again");
            let sent = (0..2 * MAX_BACKLOG).filter(|_| say(&line, now).is_ok()).count();
            assert_eq!(sent, taken, "{state:?}");
        }
    }

    #[test]
    fn a_line_is_over_when_its_session_or_the_machine_is_and_where_there_is_none() {
        let lines = Lines::default();
        let line = lines.find(MediaId(1));
        assert!(line.view.read(View::is_over), "nothing was told of it");
        drop(line.told(MediaNews::State(MediaState::New)));
        assert!(!line.view.read(View::is_over));
        lines.end();
        assert!(line.view.read(View::is_over));
    }

    #[test]
    fn a_codec_that_was_not_agreed_on_is_refused_at_once() {
        let now = Instant::now();
        let line = Line::default();
        let mut pcma = frame(AudioCodec::Pcma, 0);
        assert_eq!(line.send(now, &mut pcma), Ok(()), "nothing is agreed on yet");
        drop(line.told(agreed(Direction::SendRecv)));
        let (codec, agreed) = (AudioCodec::Pcma, AudioCodec::Opus);
        assert_eq!(line.send(now, &mut pcma), Err(SendError::NotAgreed { codec, agreed }));
        assert_eq!(say(&line, now), Ok(()));
    }

    #[test]
    fn while_the_far_side_holds_speech_is_taken_and_nothing_waits() {
        let now = Instant::now();
        let line = Line::default();
        drop(line.told(MediaNews::State(MediaState::Connecting)));
        drop(line.told(agreed(Direction::RecvOnly)));
        assert!((0..2 * MAX_BACKLOG).all(|_| say(&line, now).is_ok()));
        drop(line.told(agreed(Direction::SendRecv)));
        assert_eq!(say(&line, now), Ok(()));
    }

    #[test]
    fn media_time_goes_on_whoever_speaks() {
        let now = Instant::now();
        let line = Line::default();
        let sent = |ms: u64, time: u64| {
            let mut frame = frame(AudioCodec::Opus, time);
            line.send(now + Duration::from_millis(ms), &mut frame).unwrap();
            frame.time
        };
        assert_eq!((sent(0, 5_000), sent(20, 5_960)), (5_000, 5_960));
        // Somebody else begins anew after a second, and goes on.
        assert_eq!((sent(1_020, 0), sent(1_040, 960)), (53_960, 54_920));
        // One who is ahead stays so.
        assert_eq!(sent(1_060, 1_000_000), 1_053_960);
    }

    #[test]
    fn lines_that_are_neither_told_of_nor_held_are_forgotten() {
        let lines = Lines::default();
        for n in 0..100 {
            drop(lines.find(MediaId(n)));
        }
        let held = lines.find(MediaId(7));
        assert!(Arc::ptr_eq(&held, &lines.find(MediaId(7))));
        assert_eq!(lock(&lines.0).len(), 1);
    }
}
