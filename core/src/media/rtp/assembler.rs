//! Whole pictures out of packets that come late, twice or not at all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pictures::{Part, join};
use crate::media::{VideoCodec, VideoFrame};

/// Packets held at a time, so also of one picture. For one more, what is held goes.
pub const MAX_PIECES: usize = 512;
/// The longest that pictures wait for a packet that is missing: it may be sent again meanwhile.
pub const MAX_REPAIR: Duration = Duration::from_millis(300);
/// After that long without a picture that needs no other, another one is asked for.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Pictures put together and not yet asked for; the oldest goes for one more.
const MAX_READY: usize = 64;

/// A packet of pictures.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its number, extended.
    pub sequence: u64,
    /// Its media time.
    pub time: u32,
    /// True for the last one of a picture.
    pub marker: bool,
    /// The codec of its payload.
    pub codec: VideoCodec,
    /// Its payload; without one it is only padding.
    pub payload: Arc<[u8]>,
    /// The time of its arrival.
    pub arrived: Instant,
}

/// The state of the row of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// The next picture begins with that number.
    Goes(u64),
    /// Only a picture that needs no other may be next, from that number on.
    Broken { from: u64 },
}

/// The pictures of one source, in either codec: whole, in order, and none that builds on one that is missing.
#[derive(Debug)]
pub struct Assembler {
    pieces: BTreeMap<u64, Piece>,
    row: Row,
    /// True if pictures are missing since the last one.
    lost: bool,
    /// The time to ask for a picture that needs no other, while the row is broken.
    ask_at: Option<Instant>,
    /// The last media time, as it is and extended.
    last_time: Option<(u32, u64)>,
    ready: VecDeque<VideoFrame>,
    lost_pictures: u64,
}

impl Default for Assembler {
    fn default() -> Self {
        Self {
            pieces: BTreeMap::new(),
            row: Row::Broken { from: 0 },
            lost: false,
            ask_at: None,
            last_time: None,
            ready: VecDeque::new(),
            lost_pictures: 0,
        }
    }
}

impl Assembler {
    /// Takes an authentic packet.
    pub fn insert(&mut self, piece: Piece) {
        let (Row::Goes(from) | Row::Broken { from }) = self.row;
        if piece.sequence < from {
            return;
        }
        let now = piece.arrived;
        if matches!(self.row, Row::Broken { .. }) {
            // The first picture may be on its way.
            self.ask_at.get_or_insert(now + MAX_REPAIR);
        }
        self.pieces.entry(piece.sequence).or_insert(piece);
        self.assemble(now);
        if self.pieces.len() > MAX_PIECES {
            // Not from the last one on: it may be far ahead of the row.
            let (Row::Goes(from) | Row::Broken { from }) = self.row;
            self.pieces.clear();
            self.break_at(from, now);
        }
    }

    /// Begins anew: what comes is another stream. Times go on.
    pub fn restart(&mut self) {
        let lost = self.lost || self.last_time.is_some();
        *self = Self {
            lost,
            last_time: self.last_time,
            lost_pictures: self.lost_pictures,
            ready: std::mem::take(&mut self.ready),
            ..Self::default()
        };
    }

    /// Time passed: what is missing may be given up.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.assemble(now);
    }

    /// The next picture.
    pub fn pop(&mut self) -> Option<VideoFrame> {
        self.ready.pop_front()
    }

    /// Returns true if a picture that needs no other is to be asked for; said once for each time.
    pub fn asks(&mut self, now: Instant) -> bool {
        let asks = self.ask_at.is_some_and(|at| at <= now) && !self.is_whole();
        if asks {
            self.ask_at = Some(now + ASK_AGAIN);
        }
        asks
    }

    /// Returns the time to be called again though nothing comes.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let repair = self.hole().map(|since| since + MAX_REPAIR);
        let ask = self.ask_at.filter(|_| !self.is_whole() && !self.pieces.is_empty());
        repair.into_iter().chain(ask).min()
    }

    /// Returns the number of times pictures were given up.
    #[must_use]
    pub fn breaks(&self) -> u64 {
        self.lost_pictures
    }

    fn is_whole(&self) -> bool {
        matches!(self.row, Row::Goes(_))
    }

    /// Puts together what can be, and gives up what has waited for too long.
    fn assemble(&mut self, now: Instant) {
        loop {
            match self.row {
                Row::Goes(next) => match self.picture(next) {
                    Some(end) => self.take(next, end, now),
                    None if self.hole().is_some_and(|since| since + MAX_REPAIR <= now) => {
                        self.break_at(next, now);
                    }
                    None => return,
                },
                Row::Broken { .. } => {
                    let begins = self.begins();
                    match begins.into_iter().find_map(|at| Some((at, self.picture(at)?))) {
                        Some((begin, end)) => self.take(begin, end, now),
                        None => return self.forget(now),
                    }
                }
            }
        }
    }

    /// The numbers with which pictures that need no other may begin: the first of each row of packets
    /// of one time. Whatever follows in it ends where that one does, so all are looked at once.
    fn begins(&self) -> Vec<u64> {
        let mut begins = Vec::new();
        // The number and the time that go on with the row, and whether it has a beginning.
        let (mut next, mut time, mut begun) = (0, None, false);
        for (&sequence, piece) in &self.pieces {
            let same = piece.payload.is_empty() || time == Some(piece.time);
            begun &= sequence == next && same;
            next = sequence + 1;
            if piece.payload.is_empty() {
                continue;
            }
            time = Some(piece.time);
            let part = Part::of(piece.codec, &piece.payload);
            if part.begins && part.key && !begun {
                begun = true;
                begins.push(sequence);
            }
        }
        begins
    }

    /// The last number of the picture that begins there, once it is whole.
    fn picture(&self, begin: u64) -> Option<u64> {
        let mut time = None;
        let mut last = None;
        for (expected, (sequence, piece)) in (begin..).zip(self.pieces.range(begin..)) {
            if *sequence != expected {
                return None;
            }
            if time.is_some_and(|time| time != piece.time) {
                // The last one had no marker.
                return last;
            }
            last = Some(*sequence);
            // Padding has its place in the row, and no time of its own.
            if !piece.payload.is_empty() {
                time = Some(piece.time);
                if piece.marker {
                    return last;
                }
            }
        }
        None
    }

    /// Returns the time since when something is missing that others wait for.
    fn hole(&self) -> Option<Instant> {
        let begin = match self.row {
            Row::Goes(next) => next,
            Row::Broken { .. } => *self.pieces.first_key_value()?.0,
        };
        let after = (begin..).zip(&self.pieces).find(|(expected, (at, _))| *expected != **at);
        // Repaired packets come later than those that wait for them.
        let (_, (at, _)) = after?;
        self.pieces.range(at..).map(|(_, piece)| piece.arrived).min()
    }

    /// Takes a whole picture out.
    fn take(&mut self, begin: u64, end: u64, now: Instant) {
        let mut pieces = std::mem::take(&mut self.pieces);
        self.pieces = pieces.split_off(&(end + 1));
        let pieces: Vec<Piece> = pieces.into_values().filter(|p| p.sequence >= begin).collect();
        let mut pieces = pieces.iter().filter(|piece| !piece.payload.is_empty()).peekable();
        let Some(first) = pieces.peek() else {
            // Nothing but padding.
            self.row = Row::Goes(end + 1);
            return;
        };
        let (codec, time) = (first.codec, first.time);
        let mut keyframe = false;
        let payloads = pieces.map(|piece| {
            keyframe |= Part::of(codec, &piece.payload).key;
            &*piece.payload
        });
        let Some(data) = join(codec, payloads) else {
            return self.break_at(end + 1, now);
        };
        self.row = Row::Goes(end + 1);
        self.ask_at = None;
        let lost_before = std::mem::take(&mut self.lost);
        let time = self.extend(time);
        if self.ready.len() >= MAX_READY {
            self.ready.pop_front();
            self.lost = true;
        }
        let mut frame = VideoFrame::new(codec, time, keyframe, data);
        frame.lost_before = lost_before;
        self.ready.push_back(frame);
    }

    /// Gives up what is missing: nothing but a picture that needs no other can be next.
    fn break_at(&mut self, from: u64, now: Instant) {
        self.pieces = self.pieces.split_off(&from);
        self.row = Row::Broken { from };
        self.lost = true;
        self.lost_pictures += 1;
        self.ask_at = Some(now);
    }

    /// While the row is broken: what waits for something that does not come is of no use. Nor is
    /// what was far ahead, where nothing followed it and the row goes on before it.
    fn forget(&mut self, now: Instant) {
        while self.hole().is_some_and(|since| since + MAX_REPAIR <= now) {
            let Some((&first, _)) = self.pieces.first_key_value() else { return };
            let run = (first..).zip(self.pieces.keys()).take_while(|(n, at)| n == *at).count();
            let from = first + run as u64;
            let ahead = self.pieces.split_off(&from);
            let newest = |pieces: &BTreeMap<u64, Piece>| pieces.values().map(|p| p.arrived).max();
            let (last, stray) = (newest(&self.pieces), newest(&ahead));
            if stray < last && stray.is_some_and(|stray| stray + MAX_REPAIR <= now) {
                return;
            }
            self.pieces = ahead;
            self.row = Row::Broken { from };
            self.lost = true;
            self.ask_at = Some(self.ask_at.map_or(now, |at| at.min(now + MAX_REPAIR)));
        }
    }

    /// Media time that never goes back.
    fn extend(&mut self, time: u32) -> u64 {
        let extended = match self.last_time {
            Some((last, extended)) => {
                let ahead = time.wrapping_sub(last).cast_signed();
                extended.saturating_add_signed(i64::from(ahead)).max(extended)
            }
            None => u64::from(time),
        };
        self.last_time = Some((time, extended));
        extended
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pictures::cut;
    use super::*;
    use crate::testing::epoch;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// The packets of pictures, of which every so-many-th needs no other.
    fn stream(codec: VideoCodec, pictures: u32, every: u32) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for n in 0..pictures {
            let payloads = cut(codec, &picture(codec, n, n.is_multiple_of(every)));
            let last = payloads.len() - 1;
            for (at, payload) in payloads.into_iter().enumerate() {
                pieces.push(Piece {
                    sequence: 5000 + pieces.len() as u64,
                    time: n * 3000,
                    marker: at == last,
                    codec,
                    payload: payload.into(),
                    arrived: epoch(),
                });
            }
        }
        pieces
    }

    fn picture(codec: VideoCodec, n: u32, key: bool) -> Vec<u8> {
        let length = 300 + (n as usize * 977) % 3000;
        let fill = (n % 200) as u8 + 2;
        match codec {
            VideoCodec::Vp8 => {
                let mut data = vec![fill; length];
                data[0] = u8::from(!key);
                data
            }
            VideoCodec::H264 => {
                let mut data = Vec::new();
                let units: &[u8] = if key { &[0x67, 0x68, 0x65] } else { &[0x41] };
                for unit in units {
                    data.extend([0, 0, 0, 1, *unit]);
                    data.extend(vec![fill; length / units.len()]);
                }
                data
            }
        }
    }

    fn number(frame: &VideoFrame) -> u32 {
        (frame.time / 3000) as u32
    }

    /// Feeds packets at those times, and takes what comes out.
    fn play(pieces: impl IntoIterator<Item = (u64, Piece)>) -> (Vec<VideoFrame>, u32, Assembler) {
        let (mut assembler, mut out, mut asked) = (Assembler::default(), Vec::new(), 0);
        for (at, piece) in pieces {
            let now = epoch() + MS(at);
            while let Some(wake) = assembler.next_wake().filter(|wake| *wake <= now) {
                assembler.handle_timeout(wake);
                asked += u32::from(assembler.asks(wake));
            }
            assembler.insert(Piece { arrived: now, ..piece });
            asked += u32::from(assembler.asks(now));
            out.extend(std::iter::from_fn(|| assembler.pop()));
        }
        (out, asked, assembler)
    }

    #[test]
    fn pictures_come_whole_and_in_order() {
        for codec in [VideoCodec::Vp8, VideoCodec::H264] {
            let pieces = stream(codec, 30, 10);
            let (out, asked, _) = play(pieces.into_iter().map(|p| (u64::from(p.time) / 90, p)));
            assert_eq!(out.len(), 30);
            for (n, frame) in out.iter().enumerate() {
                assert_eq!((number(frame), frame.keyframe), (n as u32, n.is_multiple_of(10)));
                assert_eq!(frame.data[..], picture(codec, n as u32, n.is_multiple_of(10))[..]);
                assert!(!frame.lost_before);
            }
            assert_eq!(asked, 0);
        }
    }

    #[test]
    fn a_hole_is_waited_for_and_then_given_up_until_the_next_key_frame() {
        let mut pieces = stream(VideoCodec::Vp8, 40, 20);
        let lost = pieces.iter().position(|p| p.time == 5 * 3000).unwrap();
        let repaired = pieces.remove(lost);
        let at = |p: &Piece| u64::from(p.time) / 90;
        let late = pieces.clone().into_iter().map(|p| (at(&p), p));
        let mut late: Vec<_> = late.chain([(400, repaired)]).collect();
        late.sort_by_key(|(at, _)| *at);
        let (out, asked, _) = play(late);
        assert_eq!((out.len(), asked), (40, 0), "repaired in time");
        let (out, asked, assembler) = play(pieces.into_iter().map(|p| (at(&p), p)));
        let numbers: Vec<_> = out.iter().map(number).collect();
        assert_eq!(numbers, (0..5).chain(20..40).collect::<Vec<_>>());
        assert!(out[5].lost_before && out[5].keyframe && !out[6].lost_before);
        assert_eq!((asked, assembler.breaks()), (1, 1));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let pieces: Vec<_> =
            stream(VideoCodec::Vp8, 2000, 5000).into_iter().skip(1).map(|p| (0, p)).collect();
        let (out, asked, assembler) = play(pieces);
        assert!(out.is_empty() && asked > 0);
        assert!(assembler.pieces.len() <= MAX_PIECES);
    }

    #[test]
    fn a_row_of_beginnings_is_looked_at_once() {
        let mut assembler = Assembler::default();
        for n in 0..MAX_PIECES as u64 {
            // Parameters without end, of one picture; with padding among them.
            let payload: &[u8] = if n % 5 == 4 { &[] } else { &[0x67, 1] };
            assembler.insert(Piece {
                sequence: n,
                time: 3000,
                marker: false,
                codec: VideoCodec::H264,
                payload: payload.into(),
                arrived: epoch(),
            });
        }
        assert_eq!((assembler.pieces.len(), assembler.begins()), (MAX_PIECES, vec![0]));
    }

    #[test]
    fn a_delimiter_before_the_parameters_hides_no_key_frame() {
        let units: [(&[u8], bool); 3] = [(&[9, 1], false), (&[0x67, 1], false), (&[0x65, 1], true)];
        let pieces = (0..).zip(units).map(|(sequence, (payload, marker))| {
            let (payload, codec) = (payload.into(), VideoCodec::H264);
            (0, Piece { sequence, time: 3000, marker, codec, payload, arrived: epoch() })
        });
        let (out, ..) = play(pieces);
        assert_eq!(out.len(), 1);
        assert!(out[0].keyframe);
    }

    #[test]
    fn a_packet_far_ahead_does_not_end_the_row_before_it() {
        for from in [0, 25] {
            let mut arrivals: Vec<_> = stream(VideoCodec::Vp8, 100, 20)
                .into_iter()
                .map(|piece| (u64::from(piece.time) / 90, piece))
                .collect();
            let at = arrivals.iter().position(|(_, piece)| piece.time == from * 3000).unwrap();
            let (when, stray) = arrivals[at].clone();
            let stray = Piece { sequence: stray.sequence + 20_000, marker: false, ..stray };
            arrivals.insert(at, (when, stray));
            let (out, ..) = play(arrivals);
            let numbers: Vec<_> = out.iter().map(number).filter(|n| *n >= 40).collect();
            assert_eq!(numbers, (40..100).collect::<Vec<_>>(), "the stray one before {from}");
        }
    }

    #[test]
    fn too_many_packets_and_one_far_ahead_leave_room_for_the_next_key_frame() {
        let pieces = stream(VideoCodec::Vp8, 1200, 600);
        let begin = pieces.iter().position(|piece| piece.time == 600 * 3000).unwrap();
        let far = Piece { sequence: 1_000_000, ..pieces[1].clone() };
        let pieces = std::iter::once(far).chain(pieces.into_iter().skip(1));
        let (out, ..) = play(pieces.map(|piece| (0, piece)));
        assert!(begin > MAX_PIECES && number(&out[0]) == 600, "it is found");
    }

    #[test]
    fn a_stream_that_is_joined_late_asks_after_a_while_and_again() {
        let pieces: Vec<_> = stream(VideoCodec::H264, 120, 5000).into_iter().skip(4).collect();
        let (out, asked, _) = play(pieces.into_iter().map(|p| (u64::from(p.time) / 90, p)));
        assert_eq!(out.len(), 0);
        assert!((3..=5).contains(&asked), "{asked} times in four seconds");
    }

    proptest! {
        /// In any order, with any loss and any repetition: only whole pictures, in order, none that
        /// builds on one that is missing; and it goes on with the next key frame.
        #[test]
        fn never_a_broken_picture_and_never_stuck(
            h264 in any::<bool>(),
            lost in prop::collection::vec(0..200_usize, 0..20),
            doubled in prop::collection::vec(0..200_usize, 0..20),
            delays in prop::collection::vec(0..500_u64, 200),
        ) {
            let codec = if h264 { VideoCodec::H264 } else { VideoCodec::Vp8 };
            let pieces = stream(codec, 80, 10);
            let mut arrivals = Vec::new();
            for (n, piece) in pieces.into_iter().enumerate() {
                // The last third comes as it should.
                let calm = piece.time >= 55 * 3000;
                let at = 1000 + u64::from(piece.time) / 90;
                if calm {
                    arrivals.push((at + 600, piece));
                } else if !lost.contains(&n) {
                    let delay = delays[n % delays.len()];
                    // Most are in order.
                    let delay = if delay < 350 { 0 } else { delay };
                    arrivals.push((at + delay, piece.clone()));
                    if doubled.contains(&n) {
                        arrivals.push((at + delay + 30, piece));
                    }
                }
            }
            arrivals.sort_by_key(|(at, _)| *at);
            let (out, _, assembler) = play(arrivals);
            let mut last = None;
            for frame in &out {
                let n = number(frame);
                prop_assert_eq!(&frame.data[..], &picture(codec, n, n.is_multiple_of(10))[..]);
                prop_assert_eq!(frame.keyframe, n.is_multiple_of(10));
                let follows = last.map_or(n == 0, |last| n == last + 1);
                prop_assert!(follows || frame.keyframe, "{} after {:?}", n, last);
                prop_assert!(last.is_none_or(|last| n > last));
                prop_assert!(follows || last.is_none() || frame.lost_before, "{} says nothing", n);
                last = Some(n);
            }
            prop_assert_eq!(last, Some(79));
            let calm: Vec<_> = out.iter().map(number).filter(|n| *n >= 60).collect();
            prop_assert_eq!(calm, (60..80).collect::<Vec<_>>());
            prop_assert!(assembler.pieces.is_empty());
        }
    }
}
