//! The receiving end: datagrams for str0m, and the packets that it finds authentic.

use std::net::SocketAddr;
use std::time::Duration;

use str0m::rtp::RtpPacket;

use crate::media::negotiation::Payloads;
use crate::media::rtp::{Header, Packet, Probation, Receiver};

/// The incoming end of a session.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) probation: Probation<Datagram>,
    pub(super) receiver: Receiver,
}

/// A datagram, and the way it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<D = Vec<u8>> {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) data: D,
}

impl<D: AsRef<[u8]>> Datagram<D> {
    pub(super) fn kept(&self) -> Datagram {
        Datagram { local: self.local, remote: self.remote, data: self.data.as_ref().to_vec() }
    }

    pub(super) fn borrowed(&self) -> Datagram<&[u8]> {
        Datagram { local: self.local, remote: self.remote, data: self.data.as_ref() }
    }
}

impl Incoming {
    /// One that delays audio by so much at most, to even out the path.
    pub(super) fn new(playout: Duration) -> Self {
        Self { probation: Probation::default(), receiver: Receiver::new(playout) }
    }

    /// Another association: what comes is another stream, whatever it is called. Counts go on.
    pub(super) fn restart(&mut self) {
        self.probation.restart();
        self.receiver.restart();
    }

    /// Takes an authentic packet. Answers the source that had to go for it, if any.
    pub(super) fn take(&mut self, packet: &RtpPacket, payloads: &Payloads) -> Option<u32> {
        let header = Header {
            ssrc: *packet.header.ssrc,
            payload_type: *packet.header.payload_type,
            sequence: packet.header.sequence_number,
            time: packet.header.timestamp,
            marker: packet.header.marker,
        };
        let format = payloads.format(*packet.header.payload_type);
        let arrived = packet.timestamp;
        self.receiver.take(&Packet { header, format, payload: &packet.payload, arrived });
        let live = self.receiver.live();
        self.probation.heard(arrived, header.ssrc, *packet.seq_no, live)
    }

    /// The roll-over count of SRTP that a number belongs to when it is ahead of its source by
    /// more than half a turn, and did not wrap: then the guess of RFC 3711 section 3.3.1, which
    /// str0m makes, is a turn too low.
    pub(super) fn other_turn(&self, header: &Header) -> Option<u64> {
        let index = self.probation.index(header.ssrc)?;
        let ahead = u64::from(header.sequence).checked_sub(index & 0xffff)?;
        (ahead > 0x8000).then_some(index >> 16)
    }
}
