//! The choice of the source that is heard, of those that are authentic.
//!
//! One source is live at a time, and stays so as long as it sends. Another takes over once it is
//! there and the live one has missed its turn: what it said meanwhile was kept, so nothing of it
//! is lost, also where a packet of the one before is late.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Format, Header, duration};

/// Sources beside the live one; the one that was silent for longest goes for one more.
const MAX_OTHERS: usize = 3;
/// Packets kept of each of them; the oldest goes for one more.
const MAX_KEPT: usize = 16;
/// Frames last so long, where nothing else is known.
const FRAME: Duration = Duration::from_millis(20);
const FRAMES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_millis(120);

/// The sources of a call.
#[derive(Debug)]
pub(super) struct Sources<T> {
    live: Option<Live>,
    others: Vec<Other<T>>,
}

#[derive(Debug)]
struct Live {
    ssrc: u32,
    heard: Instant,
    last: Header,
    /// The length of its frames.
    frame: Duration,
}

#[derive(Debug)]
struct Other<T> {
    ssrc: u32,
    heard: Instant,
    kept: VecDeque<Kept<T>>,
}

/// A packet whose source may become the live one.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) header: Header,
    pub(super) arrived: Instant,
    pub(super) item: T,
}

/// The effect of a packet on the choice of the source that is heard.
#[derive(Debug)]
pub(super) enum Turn<T> {
    /// It is of the live source.
    Live(Kept<T>),
    /// Its source is now the live one; this is what it has said so far, in order.
    Change(Vec<Kept<T>>),
    /// Somebody else is speaking.
    Waits,
}

impl<T> Default for Sources<T> {
    fn default() -> Self {
        Self { live: None, others: Vec::new() }
    }
}

impl<T> Sources<T> {
    pub(super) fn live(&self) -> Option<u32> {
        self.live.as_ref().map(|live| live.ssrc)
    }

    pub(super) fn take(&mut self, format: Format, packet: Kept<T>) -> Turn<T> {
        let Kept { header, arrived, .. } = packet;
        match &mut self.live {
            None => {
                self.live =
                    Some(Live { ssrc: header.ssrc, heard: arrived, last: header, frame: FRAME });
                Turn::Change(vec![packet])
            }
            Some(live) if live.ssrc == header.ssrc => {
                live.note(arrived, header, format);
                // What others said before is not theirs to be heard with.
                let turn = live.turn();
                for other in &mut self.others {
                    other.kept.retain(|kept| kept.arrived + turn > arrived);
                }
                Turn::Live(packet)
            }
            Some(live) => {
                let silent = arrived.saturating_duration_since(live.heard) >= live.turn();
                let other = self.other(header.ssrc, arrived);
                if other.kept.len() >= MAX_KEPT {
                    other.kept.pop_front();
                }
                other.kept.push_back(packet);
                if silent && other.kept.len() >= 2 {
                    self.change(header, arrived)
                } else {
                    Turn::Waits
                }
            }
        }
    }

    /// The source of a packet takes over.
    fn change(&mut self, header: Header, arrived: Instant) -> Turn<T> {
        let Some(at) = self.others.iter().position(|other| other.ssrc == header.ssrc) else {
            return Turn::Waits;
        };
        let other = self.others.swap_remove(at);
        let live = Live { ssrc: header.ssrc, heard: arrived, last: header, frame: FRAME };
        if let Some(before) = self.live.replace(live) {
            self.other(before.ssrc, before.heard);
        }
        let mut kept = Vec::from(other.kept);
        kept.sort_by_key(|kept| super::ahead(header.sequence, kept.header.sequence));
        Turn::Change(kept)
    }

    fn other(&mut self, ssrc: u32, heard: Instant) -> &mut Other<T> {
        let at = match self.others.iter().position(|other| other.ssrc == ssrc) {
            Some(at) => at,
            None => {
                if self.others.len() >= MAX_OTHERS {
                    let eldest = (0..self.others.len()).min_by_key(|n| self.others[*n].heard);
                    eldest.map(|n| self.others.swap_remove(n));
                }
                self.others.push(Other { ssrc, heard, kept: VecDeque::new() });
                self.others.len() - 1
            }
        };
        let other = &mut self.others[at];
        other.heard = heard;
        other
    }
}

impl Live {
    /// The silence after which it has missed its turn.
    fn turn(&self) -> Duration {
        self.frame * 3 / 2
    }

    fn note(&mut self, arrived: Instant, header: Header, format: Format) {
        self.heard = self.heard.max(arrived);
        let next = header.sequence == self.last.sequence.wrapping_add(1)
            && header.payload_type == self.last.payload_type;
        if let (true, Format::Audio(codec)) = (next, format) {
            let frame =
                duration(header.time.wrapping_sub(self.last.time).into(), codec.clock_rate());
            if FRAMES.contains(&frame) {
                self.frame = frame;
            }
        }
        self.last = header;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::AudioCodec;
    use crate::testing::epoch;

    const AUDIO: Format = Format::Audio(AudioCodec::Opus);
    const NONE: [u16; 0] = [];

    fn take(sources: &mut Sources<u16>, ssrc: u32, sequence: u16, at: u64) -> Vec<u16> {
        let header =
            Header { ssrc, payload_type: 111, sequence, time: at as u32 * 48, marker: false };
        let arrived = epoch() + Duration::from_millis(at);
        match sources.take(AUDIO, Kept { header, arrived, item: sequence }) {
            Turn::Live(kept) => vec![kept.item],
            Turn::Change(kept) => kept.into_iter().map(|kept| kept.item).collect(),
            Turn::Waits => Vec::new(),
        }
    }

    #[test]
    fn another_source_goes_on_within_one_frame_and_loses_nothing() {
        let mut sources = Sources::default();
        for n in 0..10_u16 {
            assert_eq!(take(&mut sources, 1, n, u64::from(n) * 20), [n]);
        }
        assert_eq!(take(&mut sources, 2, 700, 200), NONE);
        assert_eq!(take(&mut sources, 2, 701, 220), [700, 701]);
        assert_eq!(sources.live(), Some(2));
        assert_eq!(take(&mut sources, 1, 10, 221), NONE, "whoever left does not take it back");
    }

    /// Swarm 12 at full fidelity: the next one's first words went with the last of the one before.
    #[test]
    fn a_late_packet_of_the_source_before_costs_the_next_one_nothing() {
        let mut sources = Sources::default();
        for n in 0..5_u16 {
            assert_eq!(take(&mut sources, 1, n, u64::from(n) * 20), [n]);
        }
        assert_eq!(take(&mut sources, 2, 700, 90), NONE);
        assert_eq!(take(&mut sources, 2, 701, 100), NONE);
        assert_eq!(take(&mut sources, 1, 5, 101), [5], "late");
        assert_eq!(take(&mut sources, 2, 702, 120), NONE);
        assert_eq!(take(&mut sources, 2, 703, 140), [700, 701, 702, 703]);
    }

    #[test]
    fn what_was_said_while_another_spoke_is_not_heard_later() {
        let mut sources = Sources::default();
        for n in 0..10_u16 {
            assert_eq!(take(&mut sources, 1, n, u64::from(n) * 20), [n]);
            assert_eq!(take(&mut sources, 2, 700 + n, u64::from(n) * 20 + 1), NONE);
        }
        assert_eq!(take(&mut sources, 2, 710, 220), [708, 709, 710], "within a turn of the last");
    }

    #[test]
    fn a_stranger_does_not_interrupt_whoever_speaks() {
        for pace in [10, 20, 60] {
            let mut sources = Sources::default();
            // Until the second packet, nobody knows how long its frames are.
            assert_eq!(take(&mut sources, 1, 0, 0), [0]);
            for n in 1..100_u16 {
                let at = u64::from(n) * pace;
                assert_eq!(take(&mut sources, 1, n, at), [n]);
                for stranger in 0..4 {
                    assert_eq!(take(&mut sources, 2, n * 4 + stranger, at + pace - 1), NONE);
                }
            }
            assert_eq!(sources.live(), Some(1));
        }
    }

    #[test]
    fn the_bounds_hold_and_the_live_source_stays() {
        let mut sources = Sources::default();
        for n in 0..100_u16 {
            take(&mut sources, 1, n, u64::from(n) * 20);
            for stranger in 2..50 {
                for m in 0..20 {
                    take(&mut sources, stranger, n * 20 + m, u64::from(n) * 20 + 1);
                }
            }
            assert!(sources.others.len() <= MAX_OTHERS);
            assert!(sources.others.iter().all(|other| other.kept.len() <= MAX_KEPT));
        }
        assert_eq!(sources.live(), Some(1));
    }
}
