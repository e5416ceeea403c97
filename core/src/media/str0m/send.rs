//! The sending end: sequence numbers, times and counts of one RTP stream.

use std::time::{Duration, Instant};

use str0m::media::Pt;
use str0m::rtp::RtpWrite;

use super::dtmf::Packet;
use crate::machine::Rng;
use crate::media::{AudioCodec, AudioFrame};

/// One outgoing stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    sequence: u64,
    base: u32,
    /// The last frame's codec and media time, and when it went out.
    last: Option<(AudioCodec, u64, Instant)>,
    /// The time at which the key went down that is told now, and its media time: the same in all packets,
    /// however unevenly audio goes on beside it (RFC 4733 section 2.1).
    press: Option<(Instant, u64)>,
    started: bool,
    /// The last number that the far side reported on, or that before the first, and how many it had lost by then.
    reported: (u64, i64),
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Outgoing {
    pub(super) fn new(rng: &mut Rng) -> Self {
        // The lower half: SRTP's roll-over counter must start at zero (RFC 3711 section 3.3.1).
        let sequence = 1 + (rng.next_u64() & 0x3fff);
        let base = rng.next_u64() as u32;
        Self {
            sequence,
            base,
            last: None,
            press: None,
            started: false,
            reported: (sequence - 1, 0),
            packets: 0,
            bytes: 0,
        }
    }

    /// Takes a report of the far side: the last number that it had, and all that it had lost by then, in 24 bits with a
    /// sign. The share that was lost since its last report (RFC 3550 section 6.4.1); none where it is the same one, or
    /// cannot be about this stream.
    pub(super) fn report(&mut self, last: u64, lost: u64) -> Option<f32> {
        let lost = (lost << 40).cast_signed() >> 40;
        let (last_before, lost_before) = std::mem::replace(&mut self.reported, (last, lost));
        let expected = last.checked_sub(last_before).filter(|expected| *expected > 0)?;
        // Of what came twice, or late, less than nothing is lost.
        Some(((lost - lost_before) as f32 / expected as f32).clamp(0.0, 1.0))
    }

    /// The codec of the stream, once something was sent.
    pub(super) fn codec(&self) -> Option<AudioCodec> {
        self.last.map(|(codec, ..)| codec)
    }

    /// Another association: its far end knows nothing of what was sent. Times go on.
    pub(super) fn restart(&mut self) {
        self.sequence = 1 + (self.sequence & 0x3fff);
        self.reported = (self.sequence - 1, 0);
        self.started = false;
    }

    pub(super) fn audio(&mut self, now: Instant, pt: Pt, frame: &AudioFrame) -> RtpWrite {
        let first = !std::mem::replace(&mut self.started, true);
        self.last = Some((frame.codec, frame.time, now));
        let time = self.base.wrapping_add(frame.time as u32);
        self.packet(now, pt, time, &frame.data).marker(first || frame.talkspurt)
    }

    /// A telephone-event in a stream of that codec. Its time is in the stream's clock, whatever
    /// the event's own is.
    pub(super) fn event(
        &mut self,
        now: Instant,
        pt: Pt,
        codec: AudioCodec,
        event: &Packet,
    ) -> RtpWrite {
        let time = match self.press {
            Some((pressed, time)) if pressed == event.pressed => time,
            Some(_) | None => self.time_at(event.pressed, codec),
        };
        self.press = Some((event.pressed, time));
        let time = self.base.wrapping_add(time as u32);
        self.packet(now, pt, time, &event.payload).marker(event.marker)
    }

    /// The stream's media time at an instant.
    fn time_at(&mut self, at: Instant, codec: AudioCodec) -> u64 {
        // Before any audio, the first key starts the clock.
        let (codec, time, sent) = *self.last.get_or_insert((codec, 0, at));
        let ticks = |d: Duration| (d.as_secs_f64() * f64::from(codec.clock_rate())) as u64;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Seed;

    #[test]
    fn rfc_3550_6_4_1_a_report_tells_what_was_lost_since_the_one_before_it() {
        let mut outgoing = Outgoing::new(&mut Seed::from(1).rng());
        let first = outgoing.sequence;
        let mut report =
            |last: u64, lost: i64| outgoing.report(first + last, lost.cast_unsigned() & 0xff_ffff);
        assert_eq!(report(99, 10), Some(0.1), "the first one, since the beginning");
        assert_eq!(report(99, 10), None, "the same once more");
        assert_eq!(report(199, 60), Some(0.5));
        assert_eq!(report(299, -5), Some(0.0), "some came twice");
        assert_eq!(report(399, 95), Some(1.0));
        assert_eq!(report(499, 10_000), Some(1.0), "more than there were");
        assert_eq!(report(100, 0), None, "of what was sent long ago");
        outgoing.restart();
        let first = outgoing.sequence;
        assert_eq!(outgoing.report(first + 19, 5), Some(0.25), "another association counts anew");
        assert_eq!(outgoing.report(u64::MAX, u64::MAX), Some(0.0));
    }
}
