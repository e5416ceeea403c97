//! One track: what is sent on it, and what comes.

use std::time::Instant;

use offhook::media::rtp::Limit;
use offhook::media::{Backlog, KEYFRAME_INTERVAL, TrackStats, VideoFrame};
use offhook::sdp::Direction;

/// True if a picture that builds on others can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// Those before it are there.
    Goes,
    /// Some are not: the next one must need no other.
    Broken,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct ModelTrack {
    /// Its place among the far side's sections, while it has one.
    pub(super) place: Option<usize>,
    /// The direction that we want.
    pub(super) wanted: Direction,
    pub(super) muted: bool,
    pub(super) backlog: Backlog,
    sequence: u32,
    /// The number of the last frame that came.
    received: Option<u32>,
    pub(super) lost: u64,
    /// Of the pictures that are sent.
    shown: Row,
    /// Of those that come.
    seen: Row,
    /// True if some were lost since the last one that was seen.
    gap: bool,
    /// A key frame that is asked of the far side.
    asking: Limit,
    /// One that the far side asks for.
    wanting: Limit,
    pub(super) stats: TrackStats,
}

impl ModelTrack {
    pub(super) fn new(wanted: Direction) -> Self {
        Self {
            place: None,
            wanted,
            muted: false,
            backlog: Backlog::default(),
            sequence: 0,
            received: None,
            lost: 0,
            shown: Row::Broken,
            seen: Row::Broken,
            gap: false,
            asking: Limit::new(KEYFRAME_INTERVAL),
            wanting: Limit::new(KEYFRAME_INTERVAL),
            stats: TrackStats::default(),
        }
    }

    /// Another far end: what came from the one before counts no more, and it has seen nothing.
    pub(super) fn restart(&mut self) {
        self.received = None;
        self.seen = Row::Broken;
        self.gap = false;
        self.asking.forget();
        self.interrupt();
    }

    /// Its section is off, for now.
    pub(super) fn rest(&mut self) {
        self.restart();
        self.backlog.clear();
    }

    /// Lets only a picture that needs no other be sent next: the far side misses some.
    pub(super) const fn interrupt(&mut self) {
        self.shown = Row::Broken;
    }

    /// Stops or resumes, which is true; a picture that comes then must need no other.
    pub(super) fn set_muted(&mut self, muted: bool) -> bool {
        if muted {
            self.backlog.clear();
        }
        self.interrupt();
        std::mem::replace(&mut self.muted, muted) && !muted
    }

    /// Counts a frame that is sent, and gives its number.
    pub(super) fn number(&mut self, bytes: usize) -> u32 {
        self.sequence += 1;
        self.stats.packets_sent += 1;
        self.stats.frames_sent += 1;
        self.stats.bytes_sent += bytes as u64;
        self.sequence
    }

    /// Takes a frame that came: how many were lost before it. None for one that comes late or twice.
    pub(super) fn take(&mut self, sequence: u32, bytes: usize) -> Option<u32> {
        self.stats.packets_received += 1;
        self.stats.bytes_received += bytes as u64;
        let gap = match self.received {
            // It was counted as lost, or was heard already.
            Some(last) if sequence <= last => return None,
            Some(last) => sequence - last - 1,
            None => 0,
        };
        self.received = Some(sequence);
        self.lost += u64::from(gap);
        Some(gap)
    }

    /// The number of a picture that is to be sent; none where it cannot be of use. `open` says whether
    /// there is a way to the far side, and it wants to see something.
    pub(super) fn show(&mut self, frame: &VideoFrame, open: bool) -> Option<u32> {
        if !open || self.muted {
            self.interrupt();
            return None;
        }
        if self.shown == Row::Broken && !frame.keyframe {
            self.wanting.ask();
            return None;
        }
        if frame.data.is_empty() {
            return None;
        }
        self.shown = Row::Goes;
        if frame.keyframe {
            self.wanting.forget();
        }
        self.stats.keyframes_sent += u64::from(frame.keyframe);
        Some(self.number(frame.data.len()))
    }

    /// Takes a picture that came, and gives it back if it can be shown. What is lost breaks the row
    /// until one comes that needs no other, which is asked for.
    pub(super) fn see(&mut self, sequence: u32, mut frame: VideoFrame) -> Option<VideoFrame> {
        if self.take(sequence, frame.data.len())? > 0 {
            self.gap = true;
            self.stats.breaks += u64::from(self.seen == Row::Goes);
            self.seen = Row::Broken;
        }
        if self.seen == Row::Broken && !frame.keyframe {
            self.asking.ask();
            return None;
        }
        self.seen = Row::Goes;
        if frame.keyframe {
            self.asking.forget();
        }
        self.stats.frames_received += 1;
        self.stats.keyframes_received += u64::from(frame.keyframe);
        frame.lost_before = std::mem::take(&mut self.gap);
        Some(frame)
    }

    /// The application wants a picture that needs no other.
    pub(super) const fn ask(&mut self) {
        self.asking.ask();
    }

    /// The far side does.
    pub(super) const fn want(&mut self) {
        self.wanting.ask();
    }

    /// True if the far side is to be asked now.
    pub(super) fn asks(&mut self, now: Instant, receives: bool) -> bool {
        if !receives {
            self.asking.forget();
        }
        self.received.is_some() && self.asking.due(now)
    }

    /// True if the application is to be told now that the far side wants one.
    pub(super) fn wants(&mut self, now: Instant, sends: bool) -> bool {
        if !sends || self.muted {
            self.wanting.forget();
        }
        self.wanting.due(now)
    }

    /// The time of the next call if nothing comes.
    pub(super) fn next_wake(&self, now: Instant) -> Option<Instant> {
        let asking = self.received.and_then(|_| self.asking.next_wake(now));
        asking.into_iter().chain(self.wanting.next_wake(now)).min()
    }
}
