//! What we receive: order, loss, jitter and counts of one RTP stream.

use std::time::{Duration, Instant};

use bytes::Bytes;
use str0m::rtp::RtpPacket;

use super::dtmf::Receiver;
use crate::media::negotiation::Payloads;
use crate::media::playout::Playout;
use crate::media::{AudioFrame, EngineEvent};

/// One incoming stream.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    playout: Playout,
    keys: Receiver,
    jitter: Jitter,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Incoming {
    /// Takes a packet. Audio comes out by [`Incoming::pop`], a key at once.
    pub(super) fn take(
        &mut self,
        now: Instant,
        packet: &RtpPacket,
        payloads: &Payloads,
    ) -> Option<EngineEvent> {
        let pt = *packet.header.payload_type;
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        let time = packet.time.numer();
        self.playout.from(*packet.header.ssrc);
        if let Some(codec) = payloads.codec(pt) {
            self.jitter.sample(now, time, codec.clock_rate());
            let frame = AudioFrame {
                codec,
                time,
                lost_before: 0,
                talkspurt: packet.header.marker,
                data: Bytes::copy_from_slice(&packet.payload),
            };
            self.playout.insert(now, *packet.seq_no, Some(frame));
            return None;
        }
        self.playout.insert(now, *packet.seq_no, None);
        let clock = payloads.event_clock(pt)?;
        let (digit, duration) = self.keys.hear(time, clock, &packet.payload)?;
        Some(EngineEvent::Dtmf { digit, duration })
    }

    /// Another association: what comes is another stream, whatever it is called. Counts go on.
    pub(super) fn restart(&mut self) {
        self.keys = Receiver::default();
        self.playout.restart();
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<AudioFrame> {
        self.playout.pop(now)
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.playout.next_wake()
    }

    pub(super) fn lost(&self) -> u64 {
        self.playout.lost()
    }

    pub(super) fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter.seconds)
    }
}

/// Interarrival jitter (RFC 3550 section 6.4.1).
#[derive(Debug, Default)]
struct Jitter {
    last: Option<(Instant, u64)>,
    seconds: f64,
}

impl Jitter {
    fn sample(&mut self, now: Instant, time: u64, clock: u32) {
        if let Some((arrived, sent)) = self.last {
            let arrival = now.saturating_duration_since(arrived).as_secs_f64();
            let sending = (time as f64 - sent as f64) / f64::from(clock);
            // After a pause the sender's clock may have been set anew.
            if sending.abs() < 1.0 {
                self.seconds += ((arrival - sending).abs() - self.seconds) / 16.0;
            }
        }
        self.last = Some((now, time));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn rfc_3550_jitter_is_zero_on_an_even_path_and_grows_on_an_uneven_one() {
        let t = epoch();
        let mut jitter = Jitter::default();
        for n in 0..50_u32 {
            jitter.sample(t + Duration::from_millis(20) * n, u64::from(n) * 960, 48_000);
        }
        assert!(jitter.seconds < 1e-9);
        for n in 50..100_u32 {
            let late = Duration::from_millis(u64::from(n % 2) * 10);
            jitter.sample(t + Duration::from_millis(20) * n + late, u64::from(n) * 960, 48_000);
        }
        assert!((0.008..0.011).contains(&jitter.seconds), "{}", jitter.seconds);
    }
}
