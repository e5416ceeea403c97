//! One track of pictures: what is shown on it, and what is seen.

use std::time::{Duration, Instant};

use str0m::media::Mid;
use str0m::rtp::{RtpPacket, RtpWrite};

use super::encoding::{Encoding, Row};
use super::view::View;
use crate::machine::{Rid, Rng};
use crate::media::negotiation::{Pictures, RemoteSection};
use crate::media::rtp::Limit;
use crate::media::{KEYFRAME_INTERVAL, TrackStats, VideoFrame};
use crate::sdp::Direction;

/// The time after which a limit is said again, while pictures come.
const LIMIT_INTERVAL: Duration = Duration::from_secs(1);
/// The limit that is none.
const NO_LIMIT: u64 = 10_000_000_000;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct VideoTrack {
    /// str0m's section of it.
    pub(super) mid: Mid,
    /// The encoding that is sent where the far side takes but one.
    pub(super) only: Encoding,
    /// Those that are sent where it takes several, its first choice first.
    pub(super) encodings: Vec<Encoding>,
    /// Its place among the far side's sections, while it has one.
    pub(super) place: Option<usize>,
    /// The direction that we want.
    pub(super) wanted: Direction,
    muted: bool,
    /// The encoding that is seen, where the far side sends one.
    pub(super) view: View,
    /// Those that are, where it sends several.
    views: Vec<View>,
    /// One that the far side asks for.
    wanting: Limit,
    /// The bits a second that the far side is not to exceed, and the time at which it was told last.
    limit: Option<u64>,
    limited: Option<Instant>,
    /// The limit of what we send, as the far side says and as it was told, and when that is told.
    sends_at_most: [Option<u64>; 2],
    telling: Limit,
    pub(super) stats: TrackStats,
}

impl VideoTrack {
    pub(super) fn new(mid: Mid, source: (u32, u32), rng: &mut Rng) -> Self {
        Self {
            mid,
            only: Encoding::new(None, source, rng),
            encodings: Vec::new(),
            place: None,
            wanted: Direction::SendRecv,
            muted: false,
            view: View::new(None),
            views: Vec::new(),
            wanting: Limit::new(KEYFRAME_INTERVAL),
            limit: None,
            limited: None,
            sends_at_most: [None; 2],
            telling: Limit::new(KEYFRAME_INTERVAL),
            stats: TrackStats::default(),
        }
    }

    /// Another association: its far end has seen nothing, and SRTP counts from the beginning.
    pub(super) fn restart(&mut self) {
        self.only.restart();
        self.encodings.iter_mut().for_each(Encoding::restart);
        self.limited = None;
        self.unseen();
    }

    /// There is nothing to be seen any more, for now.
    pub(super) fn unseen(&mut self) {
        self.all_views_mut().for_each(View::unseen);
    }

    /// Sees these encodings; those that go are forgotten.
    pub(super) fn look(&mut self, rids: &[Rid]) {
        let mut before = std::mem::take(&mut self.views);
        for rid in rids {
            let known = before.iter().position(|view| view.rid == Some(*rid));
            self.views.push(match known {
                Some(place) => before.remove(place),
                None => View::new(Some(*rid)),
            });
        }
    }

    fn all_views(&self) -> impl Iterator<Item = &View> {
        std::iter::once(&self.view).chain(&self.views)
    }

    fn all_views_mut(&mut self) -> impl Iterator<Item = &mut View> {
        std::iter::once(&mut self.view).chain(&mut self.views)
    }

    /// An encoding that is seen.
    pub(super) fn view(&self, rid: Option<Rid>) -> Option<&View> {
        self.all_views().find(|view| view.rid == rid)
    }

    pub(super) fn view_mut(&mut self, rid: Option<Rid>) -> Option<&mut View> {
        self.all_views_mut().find(|view| view.rid == rid)
    }

    /// True if anything is seen.
    pub(super) fn is_seen(&self) -> bool {
        self.all_views().any(|view| view.seen().is_some())
    }

    /// True if a source is that of an encoding, or sends its packets again.
    pub(super) fn uses(&self, source: u32) -> bool {
        self.all_views().any(|view| [view.seen(), view.repair].contains(&Some(source)))
    }

    /// Lets only a picture that needs no other be sent next: the far side misses some.
    pub(super) fn interrupt(&mut self) {
        let all = std::iter::once(&mut self.only).chain(&mut self.encodings);
        all.for_each(|encoding| encoding.row = Row::Broken);
    }

    /// Stops or resumes; what comes then must need no other picture.
    pub(super) fn set_muted(&mut self, muted: bool) {
        if std::mem::replace(&mut self.muted, muted) && !muted {
            self.wanting.ask();
        }
        self.interrupt();
    }

    /// Sends in these encodings, in that order; those that go are forgotten. `draw` gives the sources of new ones. Returns
    /// the sources of those that went.
    pub(super) fn encode(
        &mut self,
        rids: &[Rid],
        rng: &mut Rng,
        mut draw: impl FnMut() -> (u32, u32),
    ) -> Vec<u32> {
        let mut before = std::mem::take(&mut self.encodings);
        for rid in rids {
            let known = before.iter().position(|encoding| encoding.rid == Some(*rid));
            self.encodings.push(match known {
                Some(place) => before.remove(place),
                None => Encoding::new(Some(*rid), draw(), rng),
            });
        }
        before.into_iter().map(|gone| gone.source.0).collect()
    }

    /// True if a picture can be sent that names that encoding, or none.
    pub(super) fn has_encoding(&self, rid: Option<Rid>) -> bool {
        rid.is_none() || self.encodings.iter().any(|encoding| encoding.rid == rid)
    }

    /// All encodings, also the one that is used where the far side takes but one.
    pub(super) fn all_encodings(&self) -> impl Iterator<Item = &Encoding> {
        std::iter::once(&self.only).chain(&self.encodings)
    }

    /// The packets of a picture, and the source that sends them; none where it cannot be of use. `open` says whether
    /// there is a way to the far side, and it wants to see something.
    pub(super) fn packets(
        &mut self,
        now: Instant,
        frame: &VideoFrame,
        (section, terms): (&RemoteSection, &Pictures),
        open: bool,
    ) -> Option<(u32, Vec<RtpWrite>)> {
        if !open || self.muted {
            self.interrupt();
            return None;
        }
        let picture = terms.of(frame.codec)?;
        let encoding = match (frame.rid, &mut *self.encodings) {
            (None, []) => &mut self.only,
            (None, [first, ..]) => first,
            (rid, all) => all.iter_mut().find(|encoding| encoding.rid == rid)?,
        };
        if encoding.row == Row::Broken && !frame.keyframe {
            self.wanting.ask();
            return None;
        }
        let source = encoding.source.0;
        let section = section.mid.as_deref();
        let packets = encoding.packets(now, frame, picture, section, &mut self.stats);
        if packets.is_empty() {
            return None;
        }
        if frame.keyframe {
            self.wanting.forget();
        }
        self.stats.frames_sent += 1;
        self.stats.keyframes_sent += u64::from(frame.keyframe);
        Some((source, packets))
    }

    /// Takes an authentic packet of an encoding. Answers the sources that are of no use any more.
    pub(super) fn take(
        &mut self,
        packet: &RtpPacket,
        rid: Option<Rid>,
        section: &RemoteSection,
        terms: &Pictures,
    ) -> Vec<u32> {
        let codec = terms.codec(*packet.header.payload_type);
        let taken = self.view_mut(rid).and_then(|view| view.take(packet, section, codec));
        let Some(replaced) = taken else { return Vec::new() };
        if codec.is_some() {
            self.stats.packets_received += 1;
            self.stats.bytes_received += packet.payload.len() as u64;
        }
        replaced
    }

    /// The next picture that was seen.
    pub(super) fn pop(&mut self) -> Option<VideoFrame> {
        let frame = self.all_views_mut().find_map(View::pop)?;
        self.stats.frames_received += 1;
        self.stats.keyframes_received += u64::from(frame.keyframe);
        self.stats.breaks = self.all_views().map(View::breaks).sum();
        Some(frame)
    }

    /// Time passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.all_views_mut().for_each(|view| view.handle_timeout(now));
    }

    /// The application wants a picture that needs no other.
    pub(super) fn ask(&mut self) {
        self.all_views_mut().for_each(View::ask);
    }

    /// The far side does.
    pub(super) const fn want(&mut self) {
        self.wanting.ask();
    }

    /// The sources to ask for a picture that needs no other now.
    pub(super) fn asks(&mut self, now: Instant, receives: bool) -> Vec<u32> {
        self.all_views_mut().filter_map(|view| view.asks(now, receives)).collect()
    }

    /// True if the application is to be told now that the far side wants one.
    pub(super) fn wants(&mut self, now: Instant, sends: bool) -> bool {
        if !sends || self.muted {
            self.wanting.forget();
        }
        self.wanting.due(now)
    }

    /// Wants no more than so many bits a second from the far side.
    pub(super) fn set_limit(&mut self, limit: Option<u64>) {
        if self.limit != limit {
            self.limit = Some(limit.unwrap_or(NO_LIMIT));
            self.limited = None;
        }
    }

    /// The limit to tell the far side now, and the source that it is about. Where there is none any more that is
    /// said like another limit: nothing takes one back.
    pub(super) fn limits(&mut self, now: Instant) -> Option<(u32, u64)> {
        let (limit, source) = (self.limit?, self.all_views().find_map(View::seen)?);
        if self.limited.is_some_and(|last| now < last + LIMIT_INTERVAL) {
            return None;
        }
        self.limited = Some(now);
        Some((source, limit))
    }

    /// The far side wants no more than so many bits a second.
    pub(super) fn take_limit(&mut self, limit: u64) {
        self.sends_at_most[0] = Some(limit);
        match self.sends_at_most {
            [said, told] if said == told => self.telling.forget(),
            _ => self.telling.ask(),
        }
    }

    /// The limit to tell the application of now, if any.
    pub(super) fn limit_told(&mut self, now: Instant) -> Option<u64> {
        let [said, told] = &mut self.sends_at_most;
        if !self.telling.due(now) {
            return None;
        }
        *told = *said;
        *told
    }

    /// The time of the next call if nothing comes.
    pub(super) fn next_wake(&self, now: Instant) -> Option<Instant> {
        let views = self.all_views().filter_map(|view| view.next_wake(now));
        views.chain(self.wanting.next_wake(now)).chain(self.telling.next_wake(now)).min()
    }
}
