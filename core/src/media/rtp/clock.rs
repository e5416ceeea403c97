//! The clock of the playout: when a frame is due that came then, with this media time.
//!
//! A frame is due at its media time and a transit that is the same for all: that within which
//! [`Lateness`] says that nearly all of them come. So frames are due as they were said, whatever
//! the path did to them. Where packets come later, the clock is set back at once; where
//! they come earlier, it goes on at the begin of a talkspurt, when nobody hears it, or else slowly.
//!
//! All in microseconds, and in integers: every machine plays alike.

use std::time::{Duration, Instant};

use super::lateness::Lateness;

/// A packet earlier than the fastest by more than this is of a clock that was set anew.
const EARLY: i64 = 500_000;
/// A packet later than the fastest by more than this is, too.
const LATE: i64 = 2_000_000;
/// So many packets in a row beyond what may be evened out are on another path, or another clock.
const BEYOND: u32 = 25;
/// Without pauses the delay shrinks by one part in so many of what is heard: 5 ms in a second.
const SHRINK: i64 = 200;

/// Media time without a frame, none of which was lost, that is a pause: more than the longest frame
/// (RFC 6716 section 2.1.4).
const PAUSE: i64 = 150_000;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Clock {
    /// The most by which a frame is delayed.
    most: i64,
    /// The first arrival, from which all are counted.
    origin: Option<Instant>,
    sender: Option<Sender>,
    /// The number of times that the sender's clock was set.
    epoch: u32,
    lateness: Lateness,
    /// The transit at which frames are due.
    play: i64,
    /// The packets in a row that came beyond the most.
    beyond: u32,
    /// The media time of the last frame that was heard.
    heard: Option<Place>,
}

/// The media time of a frame, as its sender says it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Its RTP time.
    pub time: u32,
    /// The rate of its clock, in Hz.
    pub rate: u32,
    /// True if it says that something begins with it.
    pub marker: bool,
}

/// The media time of a frame on our side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    epoch: u32,
    media: i64,
}

/// The clock of a sender: its last time, and what that was on our side.
#[derive(Clone, Copy, Debug)]
struct Sender {
    rate: u32,
    time: u32,
    /// Ticks since it was set.
    ticks: i64,
    /// The media time at which it was.
    set: i64,
}

impl Sender {
    /// The clock at this time, and what that is on our side.
    fn at(self, time: u32) -> (Self, i64) {
        let step = i64::from(time.wrapping_sub(self.time).cast_signed());
        let ticks = self.ticks.saturating_add(step);
        let passed = ticks.saturating_mul(1_000_000).div_euclid(i64::from(self.rate.max(1)));
        (Self { time, ticks, ..self }, self.set.saturating_add(passed))
    }
}

impl Clock {
    /// A clock that delays no frame by more than this.
    pub(super) fn new(most: Duration) -> Self {
        Self {
            most: micros(most),
            origin: None,
            sender: None,
            epoch: 0,
            lateness: Lateness::default(),
            play: 0,
            beyond: 0,
            heard: None,
        }
    }

    /// Another stream follows.
    pub(super) fn begin(&mut self) {
        self.sender = None;
    }

    /// Takes note of a frame that came.
    pub(super) fn place(&mut self, arrived: Instant, moment: Moment) -> Place {
        let at = self.since(arrived);
        let fastest = self.lateness.fastest().unwrap_or(0);
        let known = self.sender.filter(|sender| sender.rate == moment.rate);
        let known = known.map(|sender| sender.at(moment.time));
        let known = known
            .filter(|(_, media)| !self.is_anew(at.saturating_sub(*media) - fastest, moment.marker));
        let (sender, media) = known.unwrap_or_else(|| {
            let Moment { time, rate, .. } = moment;
            let set = at - fastest;
            self.epoch = self.epoch.wrapping_add(1);
            // The one that is at hand was counted, but not taken yet.
            self.lateness.begin(self.beyond.saturating_sub(1) as usize);
            self.beyond = 0;
            (Sender { rate, time, ticks: 0, set }, set)
        });
        self.sender = Some(sender);
        self.play -= self.lateness.add(at, at - media);
        let (fastest, bound) = self.bounds();
        self.play = self.play.clamp(bound, fastest + self.most);
        Place { epoch: self.epoch, media }
    }

    /// Returns true if a packet so late is of a clock that was set anew.
    fn is_anew(&mut self, late: i64, marker: bool) -> bool {
        self.beyond = if late > self.most { self.beyond + 1 } else { 0 };
        !(-EARLY..=LATE).contains(&late) || (marker && late > self.most) || self.beyond >= BEYOND
    }

    /// The fastest transit, and that at which frames should be due.
    fn bounds(&self) -> (i64, i64) {
        let fastest = self.lateness.fastest().unwrap_or(0);
        let bound = self.lateness.bound().unwrap_or(0);
        (fastest, bound.min(fastest + self.most))
    }

    /// The time at which a frame is due that came then: never before that, and not much later.
    pub(super) fn due(&self, arrived: Instant, place: Place) -> Instant {
        if place.epoch != self.epoch {
            return arrived;
        }
        let wait = place.media.saturating_add(self.play) - self.signed(arrived);
        arrived + Duration::from_micros(wait.clamp(0, self.most).unsigned_abs())
    }

    /// Takes note that a frame is the next one. One that begins a talkspurt need not be later than
    /// what came lately asks for.
    pub(super) fn expect(&mut self, place: Place, marker: bool) {
        let goes_on = |before: Place| {
            before.epoch == place.epoch && place.media.saturating_sub(before.media) < PAUSE
        };
        if marker || !self.heard.is_some_and(goes_on) {
            self.play = self.bounds().1;
        }
    }

    /// Takes note that a frame is heard.
    pub(super) fn hear(&mut self, place: Place) {
        let before = self.heard.replace(place).filter(|before| before.epoch == place.epoch);
        let passed = before.map_or(0, |before| (place.media - before.media).clamp(0, 1_000_000));
        self.play = (self.play - passed / SHRINK).max(self.bounds().1);
    }

    /// The time by which frames are later than by the fastest way.
    pub(super) fn delay(&self) -> Duration {
        let delay = self.play - self.lateness.fastest().unwrap_or(self.play);
        Duration::from_micros(delay.max(0).unsigned_abs())
    }

    fn since(&mut self, arrived: Instant) -> i64 {
        self.origin.get_or_insert(arrived);
        self.signed(arrived)
    }

    /// The time of an arrival since the first one; what waited before it was let in may be earlier.
    fn signed(&self, arrived: Instant) -> i64 {
        let origin = self.origin.unwrap_or(arrived);
        match arrived.checked_duration_since(origin) {
            Some(after) => micros(after),
            None => -micros(origin.saturating_duration_since(arrived)),
        }
    }
}

/// A duration in microseconds; more than can be counted is as good as for ever.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}
