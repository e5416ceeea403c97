//! One encoding of a track of pictures, as it is seen.

use std::time::{Duration, Instant};

use str0m::rtp::RtpPacket;

use crate::machine::Rid;
use crate::media::negotiation::RemoteSection;
use crate::media::rtp::{Assembler, Limit, Piece};
use crate::media::{KEYFRAME_INTERVAL, VideoCodec, VideoFrame};

/// After that long without a packet of the source that is seen, another one may take its place.
const SILENCE: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct View {
    /// Its name, among several.
    pub(super) rid: Option<Rid>,
    /// The source that is seen, and when it was last.
    seen: Option<(u32, Instant)>,
    /// The source that sends packets of it again, where that was not announced.
    pub(super) repair: Option<u32>,
    assembler: Assembler,
    /// A key frame that is asked of the far side.
    asking: Limit,
}

impl View {
    pub(super) fn new(rid: Option<Rid>) -> Self {
        Self {
            rid,
            seen: None,
            repair: None,
            assembler: Assembler::default(),
            asking: Limit::new(KEYFRAME_INTERVAL),
        }
    }

    /// There is nothing to be seen any more, for now.
    pub(super) fn unseen(&mut self) {
        if self.seen.take().is_some() {
            self.assembler.restart();
        }
        self.repair = None;
        self.asking.forget();
    }

    /// The source that is seen.
    pub(super) fn seen(&self) -> Option<u32> {
        self.seen.map(|(source, _)| source)
    }

    /// Takes an authentic packet, with pictures of a codec if it has any. Answers the sources that are of no use any
    /// more, which are the one seen until now and those that sent its packets again; none where it is not taken.
    pub(super) fn take(
        &mut self,
        packet: &RtpPacket,
        section: &RemoteSection,
        codec: Option<VideoCodec>,
    ) -> Option<Vec<u32>> {
        let (source, now) = (*packet.header.ssrc, packet.timestamp);
        let announced = |source: &u32| section.sources.contains(source);
        let mut replaced = Vec::new();
        match &mut self.seen {
            Some((seen, heard)) if *seen == source => *heard = now,
            Some((seen, heard)) => {
                let gone = *heard + SILENCE <= now || (announced(&source) && !announced(seen));
                if !gone {
                    return None;
                }
                let repairs = section.repairs.iter().filter(|(main, _)| main == seen);
                replaced.extend(repairs.map(|(_, repair)| *repair).chain(self.repair.take()));
                replaced.push(*seen);
                self.seen = Some((source, now));
                self.assembler.restart();
            }
            None => self.seen = Some((source, now)),
        }
        if let Some(codec) = codec {
            self.assembler.insert(Piece {
                sequence: *packet.seq_no,
                time: packet.header.timestamp,
                marker: packet.header.marker,
                codec,
                payload: packet.payload.clone(),
                arrived: now,
            });
        }
        Some(replaced)
    }

    /// The next picture that was seen.
    pub(super) fn pop(&mut self) -> Option<VideoFrame> {
        let frame = self.assembler.pop()?;
        Some(match self.rid {
            Some(rid) => frame.in_encoding(rid),
            None => frame,
        })
    }

    /// The times that pictures were missing.
    pub(super) fn breaks(&self) -> u64 {
        self.assembler.breaks()
    }

    /// Time passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.assembler.handle_timeout(now);
    }

    /// The application wants a picture that needs no other.
    pub(super) const fn ask(&mut self) {
        self.asking.ask();
    }

    /// The source to ask for a picture that needs no other now, if any is.
    pub(super) fn asks(&mut self, now: Instant, receives: bool) -> Option<u32> {
        if self.assembler.asks(now) {
            self.asking.ask();
        }
        if !receives {
            self.asking.forget();
        }
        let source = self.seen()?;
        self.asking.due(now).then_some(source)
    }

    /// The time of the next call if nothing comes.
    pub(super) fn next_wake(&self, now: Instant) -> Option<Instant> {
        let asking = self.seen.and_then(|_| self.asking.next_wake(now));
        self.assembler.next_wake().into_iter().chain(asking).min()
    }
}
