//! A clip's pictures in time, as a camera would have them.

use std::time::{Duration, Instant};

use super::clip::{Clip, Picture};
use super::time;
use crate::machine::{VideoCodec, VideoFrame};

/// The longest lateness at which what is due is had at once; later, it goes on from a key frame.
const LATE: Duration = Duration::from_millis(200);
/// The shortest time from one jump to a key frame to the next.
const BETWEEN_JUMPS: Duration = Duration::from_millis(300);

/// Plays a clip over and over, in time: what is due is had from [`Player::poll`], at the latest at
/// [`Player::due`].
///
/// Media time begins at 0 and goes on with the clock, whatever is left out or shown again. Who comes late by
/// more than 200 ms is not given all that was due meanwhile, but the next key frame.
///
/// ```
/// use std::time::{Duration, Instant};
/// use offhook::video::{Clip, Player, Size, pattern};
///
/// let size = Size { width: 160, height: 96 };
/// let picture = |number: u32| pattern::frame(size, number, u64::from(number) * 4_500);
/// let clip = Clip::new((0..20).map(picture).collect::<Result<Vec<_>, _>>()?)?;
///
/// let mut now = Instant::now();
/// let mut player = Player::new(clip, now);
/// let first = player.poll(now).expect("it is due");
/// assert_eq!((first.time, player.poll(now)), (0, None));
/// now = player.due();
/// assert_eq!(player.poll(now).map(|frame| frame.time), Some(4_500));
/// // The far side has asked for a key frame.
/// now += Duration::from_millis(10);
/// player.want_keyframe(now);
/// assert_eq!(player.poll(now).map(|frame| frame.keyframe), Some(true));
/// # Ok::<(), offhook::video::VideoError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Player {
    clip: Clip,
    began: Instant,
    /// The place of the next picture in the clip.
    next: usize,
    /// Its media time.
    time: u64,
    /// The media time from which on the next picture may be.
    earliest: u64,
    /// The time of the last jump that was asked for.
    jumped: Option<Instant>,
}

impl Player {
    /// A player of a clip that begins now.
    #[must_use]
    pub fn new(clip: Clip, now: Instant) -> Self {
        Self { clip, began: now, next: 0, time: 0, earliest: 0, jumped: None }
    }

    /// The clip.
    #[must_use]
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// The time at which the next picture is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.began + time::duration(self.time, VideoCodec::CLOCK_RATE)
    }

    /// The next picture, if it is due. Call it again until there is none.
    pub fn poll(&mut self, now: Instant) -> Option<VideoFrame> {
        let late = now.checked_duration_since(self.due())?;
        if late > LATE {
            self.jump(now);
        }
        let Picture { frame, lasts } = &self.clip.pictures()[self.next];
        let frame = VideoFrame { time: self.time, ..frame.clone() };
        self.earliest = self.time + 1;
        self.time += lasts;
        self.next = (self.next + 1) % self.clip.pictures().len();
        Some(frame)
    }

    /// Goes on with another clip, from its beginning, now: a screen in the place of a camera. Media time goes on as if
    /// it were the same, as a receiver expects of one stream (RFC 3550 section 5.1).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use offhook::video::{Clip, Player, Size, pattern};
    ///
    /// let camera = Clip::new([pattern::frame(Size { width: 320, height: 192 }, 1, 0)?])?;
    /// let screen = Clip::new([pattern::frame(Size { width: 640, height: 384 }, 2, 0)?])?;
    /// let began = Instant::now();
    /// let mut player = Player::new(camera, began);
    /// assert_eq!(player.poll(began).map(|frame| frame.time), Some(0));
    ///
    /// let now = began + Duration::from_millis(10);
    /// player.change(screen, now);
    /// let picture = player.poll(now).expect("it is due");
    /// assert_eq!((pattern::number(&picture), picture.time), (Some(2), 900));
    /// # Ok::<(), offhook::video::VideoError>(())
    /// ```
    pub fn change(&mut self, clip: Clip, now: Instant) {
        // Its first picture is a key frame.
        self.clip = clip;
        self.next = 0;
        self.time = self.reached(now);
    }

    /// Goes on with the clip's next key frame, now: somebody cannot show what comes without one. Less than 300 ms
    /// after the last such jump it does nothing, since what is asked for is on its way.
    pub fn want_keyframe(&mut self, now: Instant) {
        let since = |jumped| now.saturating_duration_since(jumped);
        if self.jumped.is_none_or(|jumped| since(jumped) >= BETWEEN_JUMPS) {
            self.jumped = Some(now);
            self.jump(now);
        }
    }

    fn jump(&mut self, now: Instant) {
        let pictures = self.clip.pictures();
        let is_key = |at: &usize| pictures[*at].frame.keyframe;
        // The first one is always there.
        self.next = (self.next..pictures.len()).find(is_key).unwrap_or(0);
        self.time = self.reached(now);
    }

    /// The media time of a picture that is shown now.
    fn reached(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began);
        time::passed_ticks(passed).max(self.earliest)
    }
}
