//! What we send: sequence numbers, times and counts of one RTP stream.

use std::time::Instant;

use str0m::media::Pt;
use str0m::rtp::RtpWrite;

use super::dtmf::Packet;
use crate::media::AudioFrame;
use crate::rng::Rng;

/// One outgoing stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    sequence: u64,
    base: u32,
    /// The last frame's media time, and when it went out.
    last: Option<(u64, Instant)>,
    started: bool,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Outgoing {
    pub(super) fn new(rng: &mut Rng) -> Self {
        // The lower half: SRTP's roll-over counter must start at zero (RFC 3711 section 3.3.1).
        let sequence = 1 + (rng.next_u64() & 0x3fff);
        let base = rng.next_u64() as u32;
        Self { sequence, base, last: None, started: false, packets: 0, bytes: 0 }
    }

    /// Another association: its far end knows nothing of what was sent. Times go on.
    pub(super) fn restart(&mut self) {
        self.sequence = 1 + (self.sequence & 0x3fff);
        self.started = false;
    }

    pub(super) fn audio(&mut self, now: Instant, pt: Pt, frame: &AudioFrame) -> RtpWrite {
        let first = !std::mem::replace(&mut self.started, true);
        self.last = Some((frame.time, now));
        let time = self.base.wrapping_add(frame.time as u32);
        self.packet(now, pt, time, &frame.data).marker(first || frame.talkspurt)
    }

    pub(super) fn event(&mut self, now: Instant, pt: Pt, clock: u32, event: &Packet) -> RtpWrite {
        let time = self.base.wrapping_add(self.time_at(event.pressed, clock) as u32);
        self.packet(now, pt, time, &event.payload).marker(event.marker)
    }

    /// The stream's media time at an instant.
    fn time_at(&mut self, at: Instant, clock: u32) -> u64 {
        // Before any audio, the first key starts the clock.
        let (time, sent) = *self.last.get_or_insert((0, at));
        let ticks = |d: std::time::Duration| (d.as_secs_f64() * f64::from(clock)) as u64;
        if at >= sent {
            time.wrapping_add(ticks(at - sent))
        } else {
            time.wrapping_sub(ticks(sent - at))
        }
    }

    fn packet(&mut self, now: Instant, pt: Pt, time: u32, payload: &[u8]) -> RtpWrite {
        let sequence = self.sequence;
        self.sequence += 1;
        self.packets += 1;
        self.bytes += payload.len() as u64;
        RtpWrite::new(pt, sequence.into(), time, now, payload)
    }
}
