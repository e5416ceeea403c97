//! One track of audio: what is said on it, and what is heard.

use std::time::Instant;

use str0m::media::Mid;
use str0m::rtp::RtpWrite;

use super::association::pt;
use super::receive::Incoming;
use super::send::Outgoing;
use crate::machine::Rng;
use crate::media::negotiation::Payloads;
use crate::media::{AudioCodec, AudioFrame, Backlog, EngineConfig, TrackStats};
use crate::sdp::Direction;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct AudioTrack {
    /// str0m's section of it.
    pub(super) mid: Mid,
    /// The source that it is sent as; none for str0m's own choice.
    pub(super) source: Option<u32>,
    /// Its place among the far side's sections, while it has one.
    pub(super) place: Option<usize>,
    /// The direction that we want.
    pub(super) wanted: Direction,
    pub(super) muted: bool,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    pub(super) backlog: Backlog,
}

impl AudioTrack {
    pub(super) fn new(config: &EngineConfig, mid: Mid, source: Option<u32>, rng: &mut Rng) -> Self {
        Self {
            mid,
            source,
            place: None,
            wanted: Direction::SendRecv,
            muted: false,
            outgoing: Outgoing::new(rng),
            incoming: Incoming::new(config.playout),
            backlog: Backlog::default(),
        }
    }

    pub(super) fn stats(&self) -> TrackStats {
        let mut stats = TrackStats::default();
        (stats.packets_sent, stats.bytes_sent) = (self.outgoing.packets, self.outgoing.bytes);
        let heard = &self.incoming.receiver;
        (stats.packets_received, stats.bytes_received) = (heard.packets(), heard.bytes());
        (stats.frames_sent, stats.frames_received) = (stats.packets_sent, stats.packets_received);
        stats
    }

    /// Another association: SRTP counts from the beginning.
    pub(super) fn restart(&mut self) {
        self.outgoing.restart();
        self.incoming.restart();
    }

    /// A frame as a packet. None where another codec was agreed on since.
    pub(super) fn packet(
        &mut self,
        now: Instant,
        frame: &AudioFrame,
        payloads: &Payloads,
    ) -> Option<RtpWrite> {
        let number = payloads.payload_type(frame.codec)?;
        Some(self.outgoing.audio(now, pt(number), frame))
    }

    /// The codec of what is sent: the one that was sent last, as long as it may be.
    pub(super) fn codec(&self, payloads: &Payloads) -> Option<AudioCodec> {
        let sent = self.outgoing.codec().filter(|codec| payloads.payload_type(*codec).is_some());
        sent.or_else(|| payloads.codecs.first().map(|(codec, _)| *codec))
    }
}
