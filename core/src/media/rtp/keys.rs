//! Telephone keys as they are heard (RFC 4733).
//!
//! Reports come in the order of their numbers ([`super::Playout`]). A key is told once, when it is
//! known to be up: by its end, by the next key, by audio that goes on, or by silence (sections
//! 2.5.1.4 and 2.5.2.2). What still comes of a key that was told is a repetition.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Heard, duration};
use crate::media::Digit;

/// Reports come so often, until two of them tell.
const INTERVAL: Duration = Duration::from_millis(20);
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_millis(200);
/// A key is up when nothing came for so many reports' time.
const SILENCE: u32 = 3;
/// A key is up when so many frames of audio came since its last report, and as many reports are
/// missing. One may be in between: some senders go on with audio while a key is down.
const FRAMES: u8 = 2;
/// A key is down for longer than the duration field can say: the next segment begins so many
/// ticks later (section 2.5.1.3).
const SEGMENT: u32 = 0xffff;

/// One telephone-event payload (section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    event: u8,
    end: bool,
    ticks: u16,
}

impl Report {
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let &[event, flags, high, low] = payload.first_chunk()?;
        Some(Self { event, end: flags & 0x80 != 0, ticks: u16::from_be_bytes([high, low]) })
    }
}

/// The RTP time, the clock and the arrival of a report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The RTP time: when the key went down.
    pub(super) time: u32,
    pub(super) marker: bool,
    /// The unit of durations.
    pub(super) clock: u32,
    pub(super) arrived: Instant,
}

/// The keys heard.
#[derive(Debug, Default)]
pub(super) struct Keys {
    state: State,
    /// The press that was told last.
    told: Option<Told>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Up,
    Down(Press),
}

#[derive(Debug)]
struct Press {
    event: u8,
    /// The RTP time at which this segment of it began.
    time: u32,
    clock: u32,
    /// The length of the segments before.
    before: u64,
    ticks: u16,
    interval: Duration,
    arrived: Instant,
    /// Audio since the last report.
    frames: u8,
}

#[derive(Debug)]
struct Told {
    event: u8,
    time: u32,
    /// True if it was told before its end was heard, so that more of it may come.
    early: bool,
}

impl Keys {
    pub(super) fn hear(&mut self, stamp: Stamp, report: Report, out: &mut VecDeque<Heard>) {
        if self.is_told(stamp, report) {
            return;
        }
        if let State::Down(press) = &mut self.state
            && press.goes_on(stamp, report)
        {
            if report.end {
                self.tell(false, out);
            }
            return;
        }
        self.tell(true, out);
        self.state = State::Down(Press {
            event: report.event,
            time: stamp.time,
            clock: stamp.clock,
            before: 0,
            ticks: report.ticks,
            interval: INTERVAL,
            arrived: stamp.arrived,
            frames: 0,
        });
        if report.end {
            self.tell(false, out);
        }
    }

    /// Audio came, in order.
    pub(super) fn audio(&mut self, arrived: Instant, out: &mut VecDeque<Heard>) {
        let State::Down(press) = &mut self.state else { return };
        press.frames = press.frames.saturating_add(1);
        let missing = arrived.saturating_duration_since(press.arrived);
        if press.frames >= FRAMES && missing >= press.interval * u32::from(FRAMES) {
            self.tell(true, out);
        }
    }

    /// Time passed, and nothing is waiting for its turn.
    pub(super) fn silence(&mut self, now: Instant, out: &mut VecDeque<Heard>) {
        if self.next_wake().is_some_and(|at| at <= now) {
            self.tell(true, out);
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        match &self.state {
            State::Up => None,
            State::Down(press) => Some(press.arrived + press.interval * SILENCE),
        }
    }

    /// Returns true if a report is of the press that was told last, or of its next segment.
    fn is_told(&mut self, stamp: Stamp, report: Report) -> bool {
        let Some(told) = &mut self.told else { return false };
        if told.event != report.event {
            return false;
        }
        if told.early && !stamp.marker && is_segment(told.time, stamp.time) {
            told.time = stamp.time;
        }
        told.time == stamp.time
    }

    fn tell(&mut self, early: bool, out: &mut VecDeque<Heard>) {
        let State::Down(press) = std::mem::take(&mut self.state) else { return };
        self.told = Some(Told { event: press.event, time: press.time, early });
        // Other events than keys (flash, tones) end a key, and are not told.
        if let Some(digit) = Digit::from_event(press.event) {
            let ticks = press.before + u64::from(press.ticks);
            out.push_back(Heard::Key { digit, duration: duration(ticks, press.clock) });
        }
    }
}

impl Press {
    /// Takes what a report says, if it is of this press.
    fn goes_on(&mut self, stamp: Stamp, report: Report) -> bool {
        if report.event != self.event {
            return false;
        }
        if !stamp.marker && is_segment(self.time, stamp.time) {
            self.before += u64::from(SEGMENT);
            self.time = stamp.time;
            self.ticks = report.ticks;
        } else if stamp.time == self.time {
            let more = duration(report.ticks.saturating_sub(self.ticks).into(), self.clock);
            if INTERVALS.contains(&more) && !report.end {
                self.interval = more;
            }
            self.ticks = self.ticks.max(report.ticks);
        } else {
            return false;
        }
        self.arrived = stamp.arrived;
        self.frames = 0;
        true
    }
}

/// Returns true if a segment at `time` follows one at `before`. The stream's clock may be
/// that of Opus, six times the event's.
fn is_segment(before: u32, time: u32) -> bool {
    let apart = time.wrapping_sub(before);
    apart == SEGMENT || apart == SEGMENT * 6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    struct Listener {
        keys: Keys,
        out: VecDeque<Heard>,
        clock: u32,
    }

    impl Listener {
        fn new(clock: u32) -> Self {
            Self { keys: Keys::default(), out: VecDeque::new(), clock }
        }

        fn report(&mut self, at: u64, time: u32, event: u8, end: bool, ticks: u16) {
            let arrived = epoch() + Duration::from_millis(at);
            let marker = false;
            let stamp = Stamp { time, marker, clock: self.clock, arrived };
            self.keys.hear(stamp, Report { event, end, ticks }, &mut self.out);
        }

        fn audio(&mut self, at: u64) {
            self.keys.audio(epoch() + Duration::from_millis(at), &mut self.out);
        }

        fn silence(&mut self, at: u64) {
            self.keys.silence(epoch() + Duration::from_millis(at), &mut self.out);
        }

        /// The keys told, each with its length in milliseconds.
        fn told(&mut self) -> Vec<(char, u128)> {
            let told = self.out.drain(..).map(|heard| match heard {
                Heard::Key { digit, duration } => (digit.as_char(), duration.as_millis()),
                other => panic!("{other:?}"),
            });
            told.collect()
        }
    }

    #[test]
    fn rfc_4733_2_5_1_4_a_key_ends_with_its_end_and_is_told_once() {
        let mut listener = Listener::new(8_000);
        for n in 1..=4_u16 {
            listener.report(u64::from(n) * 20, 5000, 1, false, n * 160);
        }
        assert_eq!(listener.told(), []);
        for n in 5..8 {
            listener.report(n * 20, 5000, 1, true, 800);
        }
        assert_eq!(listener.told(), [('1', 100)]);
        listener.report(400, 5000, 1, true, 800);
        assert_eq!(listener.told(), [], "a late repetition");
        assert_eq!(listener.keys.next_wake(), None);
    }

    #[test]
    fn a_key_ends_with_the_next_key_and_a_late_repetition_does_not_end_that() {
        let mut listener = Listener::new(8_000);
        listener.report(0, 5000, 1, false, 160);
        listener.report(10, 5800, 2, false, 160);
        assert_eq!(listener.told(), [('1', 20)]);
        listener.report(20, 5000, 1, true, 800);
        assert_eq!(listener.told(), []);
        listener.report(30, 5800, 2, true, 320);
        assert_eq!(listener.told(), [('2', 40)]);
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let mut listener = Listener::new(8_000);
        for time in [5000, 6000] {
            listener.report(0, time, 1, true, 800);
        }
        assert_eq!(listener.told(), [('1', 100), ('1', 100)]);
    }

    #[test]
    fn a_key_ends_with_audio_that_goes_on_but_not_with_audio_beside_it() {
        let mut listener = Listener::new(8_000);
        for n in 1..=5_u16 {
            let at = u64::from(n) * 50;
            listener.report(at, 5000, 1, false, n * 400);
            listener.audio(at + 10);
            listener.audio(at + 30);
        }
        assert_eq!(listener.told(), [], "audio beside it");
        listener.audio(300);
        listener.audio(350);
        assert_eq!(listener.told(), [('1', 250)]);
        listener.report(360, 5000, 1, true, 2000);
        assert_eq!(listener.told(), []);
    }

    #[test]
    fn rfc_4733_2_5_2_2_a_key_ends_with_silence_of_three_reports() {
        let mut listener = Listener::new(8_000);
        listener.report(0, 5000, 1, false, 400);
        listener.report(50, 5000, 1, false, 800);
        listener.silence(199);
        assert_eq!(listener.told(), []);
        listener.silence(200);
        assert_eq!(listener.told(), [('1', 100)]);
        listener.report(210, 5000, 1, false, 1600);
        listener.report(260, 5000, 1, true, 2000);
        assert_eq!(listener.told(), [], "told already");
    }

    #[test]
    fn rfc_4733_2_5_1_3_a_long_key_comes_in_segments_and_is_one() {
        for (clock, step) in [(8_000, 0xffff), (48_000, 0xffff), (8_000, 0xffff * 6)] {
            let mut listener = Listener::new(clock);
            let start = u32::MAX - 10;
            listener.report(0, start, 5, false, 0xfff0);
            listener.report(20, start, 5, false, 0xffff);
            listener.report(40, start.wrapping_add(step), 5, false, 160);
            listener.report(60, start.wrapping_add(step * 2), 5, false, 160);
            assert_eq!(listener.told(), []);
            listener.report(80, start.wrapping_add(step * 2), 5, true, 320);
            let long = duration(2 * 0xffff + 320, clock).as_millis();
            assert_eq!(listener.told(), [('5', long)]);
        }
    }

    #[test]
    fn a_segment_of_a_key_that_was_told_early_is_no_key() {
        let mut listener = Listener::new(8_000);
        listener.report(0, 5000, 5, false, 0xffff);
        listener.silence(60);
        assert_eq!(listener.told().len(), 1);
        listener.report(70, 5000 + 0xffff, 5, false, 160);
        listener.report(90, 5000 + 0xffff, 5, true, 320);
        assert_eq!(listener.told(), []);
    }

    #[test]
    fn what_is_no_key_is_not_told_but_ends_one() {
        let mut listener = Listener::new(8_000);
        listener.report(0, 5000, 1, false, 160);
        listener.report(20, 6000, 16, true, 160);
        assert_eq!(listener.told(), [('1', 20)]);
        assert_eq!(Report::read(&[1, 0x80, 0]), None);
        assert_eq!(Report::read(&[]), None);
        assert!(Report::read(&[1, 0x80, 0, 160, 9]).is_some());
        let mut listener = Listener::new(0);
        listener.report(0, 5000, 1, true, 160);
        assert_eq!(listener.told().len(), 1, "a clock of nothing");
    }
}
