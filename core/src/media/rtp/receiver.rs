//! The reception of a call: one stream of frames and keys, out of the packets of all its sources.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::jitter::Jitter;
use super::keys::{Keys, Report, Stamp};
use super::sources::{Kept, Sources, Turn};
use super::timeline::Timeline;
use super::{
    Format, Header, Heard, MAX_DROPOUT, MAX_MISORDER, Moment, Packet, Playout, ahead, has_fec,
};
use crate::media::{AudioCodec, AudioFrame};

/// Heard and not yet asked for; the oldest goes for one more.
const MAX_READY: usize = 256;

/// The receiving end of a call.
#[derive(Debug, Default)]
pub struct Receiver {
    sources: Sources<Content>,
    /// The last number of the live source, as it is and extended by us.
    row: Option<(u16, u64)>,
    playout: Playout<Kept<Content>>,
    timeline: Timeline,
    keys: Keys,
    jitter: Jitter,
    pause: Pause,
    /// Lost since the last frame.
    lost_before: u32,
    ready: VecDeque<Heard>,
    packets: u64,
    bytes: u64,
    concealed: u64,
    recovered: u64,
}

/// The content of a packet.
#[derive(Debug)]
enum Content {
    Audio(AudioCodec, Bytes),
    Key(u32, Report),
    Noise(u8),
    Nothing,
}

/// The state of a source's speech.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pause {
    /// Nothing was heard yet of this source.
    #[default]
    Begin,
    Speech,
    Noise(u8),
}

impl Receiver {
    /// One that delays audio by so much at most, to even out the path.
    #[must_use]
    pub fn new(playout: Duration) -> Self {
        Self { playout: Playout::new(playout), ..Self::default() }
    }

    /// Takes an authentic packet.
    pub fn take(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        let &Packet { header, format, arrived, .. } = packet;
        let kept = Kept { header, arrived, item: Content::read(packet) };
        match self.sources.take(format, kept) {
            Turn::Live(kept) => self.place(kept),
            Turn::Waits => {}
            Turn::Change(row) => {
                self.begin_row();
                self.jitter.restart();
                self.pause = Pause::Begin;
                for kept in row {
                    self.place(kept);
                }
            }
        }
    }

    /// Begins anew: what comes is another stream, whatever it is called. Counts and times go on.
    pub fn restart(&mut self) {
        self.begin_row();
        self.sources = Sources::default();
        self.jitter.restart();
        self.pause = Pause::Begin;
    }

    /// The next thing that was heard, if it is time for it.
    pub fn pop(&mut self, now: Instant) -> Option<Heard> {
        while self.ready.is_empty() {
            match self.playout.pop(now) {
                Some((kept, gap)) => self.hear(kept, gap),
                None => break,
            }
        }
        if self.ready.is_empty() && self.playout.is_empty() {
            self.keys.silence(now, &mut self.ready);
        }
        self.ready.pop_front()
    }

    /// Returns the time to ask again though nothing comes.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        // While something waits for its turn, a key is not over.
        self.playout.next_wake().or_else(|| self.keys.next_wake())
    }

    /// The source that is heard.
    #[must_use]
    pub fn live(&self) -> Option<u32> {
        self.sources.live()
    }

    /// Packets so far.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Their payload bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Packets that never came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.playout.lost()
    }

    /// Packets that came when they had been given up.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.playout.late()
    }

    /// Frames that were missing when it was their turn, lost or late, and of which nothing came with the next one.
    #[must_use]
    pub fn concealed(&self) -> u64 {
        self.concealed
    }

    /// Frames that were missing likewise, of which the next one brought a copy ([`has_fec`]).
    #[must_use]
    pub fn recovered(&self) -> u64 {
        self.recovered
    }

    /// The time by which audio is delayed now to even out the path.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.playout.delay()
    }

    /// Interarrival jitter (RFC 3550 section 6.4.1).
    #[must_use]
    pub fn jitter(&self) -> Duration {
        self.jitter.value()
    }

    /// Puts a packet of the live source in its place.
    fn place(&mut self, kept: Kept<Content>) {
        let Kept { header, arrived, .. } = kept;
        let moment = match kept.item {
            Content::Audio(codec, _) => {
                let Header { time, marker, .. } = header;
                Some(Moment { time, rate: codec.clock_rate(), marker })
            }
            Content::Key(..) | Content::Noise(_) | Content::Nothing => None,
        };
        if let Some(Moment { time, rate, .. }) = moment {
            self.jitter.sample(arrived, time, rate);
        }
        let number = self.extend(header);
        self.playout.insert(arrived, number, moment, kept);
    }

    /// The extended number of a packet (RFC 3550 appendix A.1). A jump begins a new row, which
    /// says nothing of loss: whether it is one was for [`super::Probation`] to say.
    fn extend(&mut self, header: Header) -> u64 {
        let Some((last, number)) = self.row else {
            // Far enough from zero for packets that are late.
            let number = u64::from(u32::MAX);
            self.row = Some((header.sequence, number));
            return number;
        };
        let ahead = i64::from(ahead(last, header.sequence));
        if (-i64::from(MAX_MISORDER)..=0).contains(&ahead) {
            return number.saturating_add_signed(ahead);
        }
        let number = if (1..=i64::from(MAX_DROPOUT)).contains(&ahead) {
            number.saturating_add_signed(ahead)
        } else {
            self.begin_row();
            number + u64::from(MAX_MISORDER)
        };
        self.row = Some((header.sequence, number));
        number
    }

    /// Another row of numbers begins; what was held of the last one is heard now.
    fn begin_row(&mut self) {
        self.row = None;
        while let Some((kept, gap)) = self.playout.finish() {
            self.hear(kept, gap);
        }
    }

    /// Hears a packet in its turn.
    fn hear(&mut self, kept: Kept<Content>, gap: u64) {
        let Kept { header, arrived, item } = kept;
        let gap = u32::try_from(gap).unwrap_or(u32::MAX);
        self.lost_before = self.lost_before.saturating_add(gap);
        match item {
            Content::Audio(codec, data) => {
                self.keys.audio(arrived, &mut self.ready);
                let clock = codec.clock_rate();
                let time = self.timeline.place(header.ssrc, clock, header.time, arrived);
                let talkspurt = header.marker || self.pause != Pause::Speech;
                self.pause = Pause::Speech;
                let lost_before = std::mem::take(&mut self.lost_before);
                let copied = lost_before > 0 && codec == AudioCodec::Opus && has_fec(&data);
                self.recovered += u64::from(copied);
                self.concealed += u64::from(lost_before) - u64::from(copied);
                let frame = AudioFrame { codec, time, lost_before, talkspurt, data };
                self.ready.push_back(Heard::Audio(frame));
            }
            Content::Key(clock, report) => {
                let Header { time, marker, .. } = header;
                let stamp = Stamp { time, marker, clock, arrived };
                self.keys.hear(stamp, report, &mut self.ready);
            }
            Content::Noise(level) => {
                if self.pause != Pause::Noise(level) {
                    self.pause = Pause::Noise(level);
                    self.ready.push_back(Heard::Noise { level });
                }
            }
            Content::Nothing => {}
        }
        while self.ready.len() > MAX_READY {
            self.ready.pop_front();
        }
    }
}

impl Content {
    fn read(packet: &Packet<'_>) -> Self {
        match packet.format {
            Format::Audio(codec) => Self::Audio(codec, Bytes::copy_from_slice(packet.payload)),
            Format::Key { clock } => Report::read(packet.payload)
                .map_or(Self::Nothing, |report| Self::Key(clock, report)),
            Format::Noise => match packet.payload.first() {
                Some(level) => Self::Noise(level & 0x7f),
                None => Self::Nothing,
            },
            Format::Unused => Self::Nothing,
        }
    }
}
