//! Packets of somebody's own making.

use std::time::Instant;

use str0m::rtp::RtpWrite;

use super::association::pt;
use super::engine::WebRtc;
use crate::media::{MediaError, RawEngine, RawPacket};

impl RawEngine for WebRtc {
    fn send_packet(&mut self, now: Instant, packet: &RawPacket) -> Result<(), MediaError> {
        let RawPacket { ssrc, payload_type, sequence, time, marker, payload } = packet;
        let write = RtpWrite::new(pt(*payload_type), (*sequence).into(), *time, now, &**payload);
        self.write_raw(now, *ssrc, write.marker(*marker))
    }
}
