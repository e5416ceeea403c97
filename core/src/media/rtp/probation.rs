//! The probation of packets, by their clear header: a source, or a row of numbers, is believed
//! after two packets (RFC 3550 appendix A.1).
//!
//! This comes before SRTP, which would otherwise take the first number it sees for the floor
//! below which everything is a replay (RFC 3711 section 3.3.2): a stray packet would silence a
//! call for as long as the numbers need to catch up. What waits here is given out once it is
//! believed, so no first word is lost. A jump of a source that is known already is believed, too,
//! when nothing contradicts it for [`MAX_WAIT`]: much may have been lost before a single packet.
//!
//! A header can be forged. So nothing is remembered of a source until a packet of it was authentic
//! ([`Probation::heard`]), and what waits is bounded.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Format, Header, MAX_AHEAD, MAX_MISORDER, ahead};

/// The time for which nothing may contradict a packet before it is believed.
pub const MAX_WAIT: Duration = Duration::from_millis(60);

/// The most packets that wait for a second one, of all sources; the oldest goes for one more.
const MAX_WAITING: usize = 16;
/// Sources believed at a time; the one that was silent for longest goes for one more, but never
/// the live one.
const MAX_SOURCES: usize = 4;
/// Sources believed in one call; after that, those that are known stay.
const MAX_EVER: u32 = 1024;
/// The longest wait after which a packet is still worth hearing.
const MAX_AGE: Duration = Duration::from_secs(2);

/// The sources that are believed, and what waits to be.
#[derive(Debug)]
pub struct Probation<T> {
    sources: Vec<Source>,
    ever: u32,
    waiting: VecDeque<Held<T>>,
    /// Those that waited in vain, and were not taken by [`Probation::take_refused`].
    refused: u64,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    /// The number of its last authentic packet, extended.
    index: u64,
    heard: Instant,
}

/// A packet that waited.
#[derive(Debug)]
pub struct Held<T> {
    /// Its header.
    pub header: Header,
    /// The time of its arrival.
    pub arrived: Instant,
    /// The packet itself.
    pub item: T,
}

/// The decision about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on with its row.
    Pass,
    /// It may be a stray one: [`Probation::hold`] it.
    Wait,
    /// With those that wait it makes a new row: [`Probation::hold`] it, and [`Probation::release`]
    /// them all.
    Anew,
    /// It is nobody's.
    Refuse,
}

impl<T> Default for Probation<T> {
    fn default() -> Self {
        Self { sources: Vec::new(), ever: 0, waiting: VecDeque::new(), refused: 0 }
    }
}

impl<T> Probation<T> {
    /// The verdict on a packet. An unknown source is let in when it sends what this call carries:
    /// there is one audio section only, and so what has a payload type of it belongs to it,
    /// whatever its source is called (RFC 8843 section 9.2).
    #[must_use]
    pub fn judge(&self, header: &Header, format: Format) -> Verdict {
        match self.source(header.ssrc) {
            Some(source) if follows(source.index as u16, header.sequence) => return Verdict::Pass,
            None if format == Format::Unused || self.ever >= MAX_EVER => return Verdict::Refuse,
            Some(_) | None => {}
        }
        let mut near = 0;
        for held in self.waiting.iter().filter(|held| held.header.ssrc == header.ssrc) {
            match ahead(held.header.sequence, header.sequence).unsigned_abs() {
                0 => return Verdict::Wait,
                1 => return Verdict::Anew,
                2..=MAX_AHEAD => near += 1,
                _ => {}
            }
        }
        // On a path that loses every other packet no two are ever neighbours.
        if near >= 2 { Verdict::Anew } else { Verdict::Wait }
    }

    /// Keeps a packet until it is believed.
    pub fn hold(&mut self, arrived: Instant, header: Header, item: T) {
        let same = |h: &Header| h.ssrc == header.ssrc && h.sequence == header.sequence;
        self.keep(|held| !same(&held.header));
        if self.waiting.len() >= MAX_WAITING && self.waiting.pop_front().is_some() {
            self.refused += 1;
        }
        self.waiting.push_back(Held { header, arrived, item });
    }

    /// Lets some of those wait on; the others waited in vain.
    fn keep(&mut self, stays: impl FnMut(&Held<T>) -> bool) {
        let before = self.waiting.len();
        self.waiting.retain(stays);
        self.refused += (before - self.waiting.len()) as u64;
    }

    /// Takes the number of packets that waited in vain since the last look: repeated, contradicted, too old, or too
    /// many.
    pub fn take_refused(&mut self) -> u64 {
        std::mem::take(&mut self.refused)
    }

    /// Forgets all sources, and lets nothing wait on.
    pub fn restart(&mut self) {
        self.keep(|_| false);
        (self.sources, self.ever) = (Vec::new(), 0);
    }

    /// Releases those that make a row with a packet, in order. Whatever else waits of its source
    /// may be the true one, and this forged: it waits until one of them is authentic.
    pub fn release(&mut self, header: &Header) -> Vec<Held<T>> {
        let apart = |held: &Held<T>| ahead(header.sequence, held.header.sequence);
        let (row, rest): (VecDeque<_>, _) =
            std::mem::take(&mut self.waiting).into_iter().partition(|held| {
                held.header.ssrc == header.ssrc && apart(held).unsigned_abs() <= MAX_AHEAD
            });
        self.waiting = rest;
        let mut row = Vec::from(row);
        let newest = row.iter().map(|held| held.arrived).max();
        let before = row.len();
        row.retain(|held| newest.is_some_and(|at| held.arrived + MAX_AGE >= at));
        self.refused += (before - row.len()) as u64;
        row.sort_by_key(apart);
        row
    }

    /// The next packet whose jump nothing contradicted for long enough.
    pub fn due(&mut self, now: Instant) -> Option<Held<T>> {
        let at = (0..self.waiting.len()).find(|n| {
            let held = &self.waiting[*n];
            held.arrived + MAX_WAIT <= now && self.may_be_due(held)
        })?;
        self.waiting.remove(at)
    }

    /// Returns the time at which there will be such a packet.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let due = self.waiting.iter().filter(|held| self.may_be_due(held));
        due.map(|held| held.arrived + MAX_WAIT).min()
    }

    /// Returns true if loss explains a jump: it is of a source that is known, and forward.
    fn may_be_due(&self, held: &Held<T>) -> bool {
        let index = self.index(held.header.ssrc);
        index.is_some_and(|index| ahead(index as u16, held.header.sequence) > 0)
    }

    /// Says that a packet was authentic, and what its number is when it is extended as SRTP does:
    /// whatever waits of its source is a stray one. Answers the source that had to go for a new
    /// one, if any.
    pub fn heard(&mut self, now: Instant, ssrc: u32, index: u64, live: Option<u32>) -> Option<u32> {
        self.keep(|held| held.header.ssrc != ssrc);
        if let Some(source) = self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            source.heard = now;
            let late = (-i32::from(MAX_MISORDER)..=0)
                .contains(&i32::from(ahead(source.index as u16, index as u16)));
            if !late {
                source.index = index;
            }
            return None;
        }
        let gone = if self.sources.len() >= MAX_SOURCES {
            let eldest = (0..self.sources.len())
                .filter(|n| Some(self.sources[*n].ssrc) != live)
                .min_by_key(|n| self.sources[*n].heard);
            eldest.map(|n| self.sources.swap_remove(n).ssrc)
        } else {
            None
        };
        self.ever += 1;
        self.sources.push(Source { ssrc, index, heard: now });
        gone
    }

    /// Returns true if a packet of that source was ever authentic, and not too long ago.
    #[must_use]
    pub fn knows(&self, ssrc: u32) -> bool {
        self.source(ssrc).is_some()
    }

    /// The extended number of the last authentic packet of a source.
    #[must_use]
    pub fn index(&self, ssrc: u32) -> Option<u64> {
        self.source(ssrc).map(|source| source.index)
    }

    fn source(&self, ssrc: u32) -> Option<&Source> {
        self.sources.iter().find(|source| source.ssrc == ssrc)
    }
}

/// Returns true if a number goes on with a row, early or late.
const fn follows(last: u16, sequence: u16) -> bool {
    let ahead = ahead(last, sequence) as i32;
    -(MAX_MISORDER as i32) <= ahead && ahead <= MAX_AHEAD as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::AudioCodec;
    use crate::testing::epoch;

    const AUDIO: Format = Format::Audio(AudioCodec::Opus);
    const NONE: [u16; 0] = [];

    fn header(ssrc: u32, sequence: u16) -> Header {
        Header { ssrc, payload_type: 111, sequence, time: 0, marker: false }
    }

    /// Returns the packets that pass at once, of those that are all authentic.
    fn offer(probation: &mut Probation<u16>, ssrc: u32, sequence: u16) -> Vec<u16> {
        let (t, header) = (epoch(), header(ssrc, sequence));
        let out = match probation.judge(&header, AUDIO) {
            Verdict::Pass => vec![sequence],
            Verdict::Refuse => Vec::new(),
            Verdict::Wait => {
                probation.hold(t, header, sequence);
                Vec::new()
            }
            Verdict::Anew => {
                probation.hold(t, header, sequence);
                probation.release(&header).into_iter().map(|held| held.item).collect()
            }
        };
        for sequence in &out {
            probation.heard(t, ssrc, u64::from(*sequence), None);
        }
        out
    }

    #[test]
    fn rfc_3550_a_1_a_source_is_valid_after_two_packets_and_neither_is_lost() {
        let mut probation = Probation::default();
        assert_eq!(offer(&mut probation, 1, 4500), NONE);
        assert_eq!(offer(&mut probation, 1, 4501), [4500, 4501]);
        assert_eq!(offer(&mut probation, 1, 4502), [4502]);
        assert_eq!(offer(&mut probation, 1, 4499), [4499], "late, but of this row");
    }

    #[test]
    fn a_stray_packet_before_the_stream_is_dropped() {
        let mut probation = Probation::default();
        assert_eq!(offer(&mut probation, 1, 5000), NONE);
        assert_eq!(offer(&mut probation, 1, 4500), NONE);
        assert_eq!(probation.take_refused(), 0, "either may be the stream");
        assert_eq!(offer(&mut probation, 1, 4501), [4500, 4501]);
        assert_eq!(probation.waiting.len(), 0);
        assert_eq!(probation.take_refused(), 1);
    }

    #[test]
    fn what_waits_in_vain_is_counted_once() {
        let mut probation = Probation::default();
        for n in 0..100 {
            probation.hold(epoch(), header(n, 1), ());
        }
        assert_eq!(probation.take_refused(), 100 - MAX_WAITING as u64, "too many");
        probation.hold(epoch(), header(99, 1), ());
        assert_eq!(probation.take_refused(), 1, "sent again");
        probation.hold(epoch() + 2 * MAX_AGE, header(99, 2), ());
        assert_eq!(probation.take_refused(), 1, "the oldest of too many");
        assert_eq!(probation.release(&header(99, 2)).len(), 1);
        assert_eq!(probation.take_refused(), 1, "too old to be heard");
        probation.restart();
        assert_eq!(probation.take_refused(), MAX_WAITING as u64 - 2);
        assert_eq!(probation.take_refused(), 0);
    }

    #[test]
    fn a_stray_packet_in_the_stream_waits_and_two_in_row_begin_anew() {
        let mut probation = Probation::default();
        for n in 0..10 {
            offer(&mut probation, 1, n);
        }
        assert_eq!(offer(&mut probation, 1, 999), NONE);
        assert_eq!(offer(&mut probation, 1, 10), [10]);
        assert_eq!(offer(&mut probation, 1, 40_000), NONE);
        assert_eq!(offer(&mut probation, 1, 40_001), [40_000, 40_001]);
        assert_eq!(offer(&mut probation, 1, 40_002), [40_002]);
    }

    #[test]
    fn a_jump_that_nothing_contradicts_is_believed_after_a_while() {
        let t = epoch();
        let mut probation = Probation::default();
        for n in 0..10 {
            offer(&mut probation, 1, n);
        }
        offer(&mut probation, 1, 500);
        offer(&mut probation, 2, 500);
        assert_eq!(probation.next_wake(), Some(t + MAX_WAIT));
        assert!(probation.due(t + MAX_WAIT - Duration::from_millis(1)).is_none());
        let due = probation.due(t + MAX_WAIT).unwrap();
        assert_eq!((due.header.ssrc, due.item), (1, 500), "not that of an unknown source");
        assert_eq!(probation.next_wake(), None);
        offer(&mut probation, 1, 900);
        offer(&mut probation, 1, 10);
        assert_eq!(probation.next_wake(), None, "contradicted");
        offer(&mut probation, 1, 65_000);
        assert_eq!(probation.next_wake(), None, "old, and no sign of loss");
    }

    #[test]
    fn a_beginning_out_of_order_or_with_holes_is_found_too() {
        let mut probation = Probation::default();
        assert_eq!(offer(&mut probation, 1, 7), NONE);
        assert_eq!(offer(&mut probation, 1, 6), [6, 7]);
        assert_eq!(offer(&mut probation, 2, 65_534), NONE);
        assert_eq!(offer(&mut probation, 2, 0), NONE);
        assert_eq!(offer(&mut probation, 2, 0), NONE, "a repetition proves nothing");
        assert_eq!(offer(&mut probation, 2, 2), [65_534, 0, 2]);
    }

    #[test]
    fn what_never_proves_authentic_is_not_remembered() {
        let t = epoch();
        let mut probation = Probation::default();
        for ssrc in 0..10_000 {
            for sequence in [7, 8] {
                let header = header(ssrc, sequence);
                match probation.judge(&header, AUDIO) {
                    Verdict::Wait => probation.hold(t, header, ()),
                    Verdict::Anew => drop(probation.release(&header)),
                    Verdict::Pass | Verdict::Refuse => panic!("{ssrc} {sequence}"),
                }
            }
            assert!(!probation.knows(ssrc));
            // And one that stays alone.
            probation.hold(t, header(1_000_000 + ssrc, 1), ());
            assert!(probation.waiting.len() <= MAX_WAITING);
        }
        assert!(probation.sources.is_empty());
    }

    #[test]
    fn a_forged_row_does_not_cost_the_true_one() {
        let t = epoch();
        let mut probation = Probation::default();
        assert_eq!(offer(&mut probation, 1, 7), NONE);
        for sequence in [30_000, 30_001] {
            probation.hold(t, header(1, sequence), sequence);
        }
        let forged = probation.release(&header(1, 30_001));
        assert_eq!(forged.len(), 2, "of which none is authentic");
        assert_eq!(offer(&mut probation, 1, 8), [7, 8]);
    }

    #[test]
    fn the_live_source_stays_when_there_are_too_many() {
        let t = epoch();
        let mut probation = Probation::<()>::default();
        assert_eq!(probation.heard(t, 1, 1, None), None);
        let mut gone = Vec::new();
        for ssrc in 2..20_u32 {
            gone.extend(probation.heard(t + Duration::from_secs(ssrc.into()), ssrc, 1, Some(1)));
        }
        assert!(probation.knows(1));
        assert_eq!(probation.sources.len(), MAX_SOURCES);
        assert_eq!(gone, (2..17).collect::<Vec<_>>(), "those that were silent for longest");
    }

    #[test]
    fn one_call_has_no_end_of_sources() {
        let t = epoch();
        let mut probation = Probation::<()>::default();
        for ssrc in 0..MAX_EVER {
            probation.heard(t, ssrc, 1, None);
        }
        assert_eq!(probation.judge(&header(MAX_EVER, 1), AUDIO), Verdict::Refuse);
        assert_eq!(probation.judge(&header(MAX_EVER - 1, 2), AUDIO), Verdict::Pass);
    }

    #[test]
    fn a_stranger_with_nothing_of_this_call_is_refused() {
        let probation = Probation::<()>::default();
        assert_eq!(probation.judge(&header(1, 1), Format::Unused), Verdict::Refuse);
    }
}
