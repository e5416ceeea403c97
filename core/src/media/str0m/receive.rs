//! The receiving end: datagrams for str0m, and the packets that it finds authentic.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use str0m::Input;
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpPacket;

use super::engine::WebRtc;
use super::records;
use crate::media::negotiation::Payloads;
use crate::media::rtp::{Header, Packet, Probation, Receiver};

/// The address that nobody sends from.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
/// A Binding indication, by which a far side keeps its path and wants nothing (RFC 8445 section 11).
const KEEPALIVE: [u8; 2] = [0, 0x11];

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

impl WebRtc {
    /// True if a datagram is for this session: of the far side, as far as its first look and the signatures of checks
    /// tell.
    pub(super) fn accepts(&self, datagram: &Datagram<&[u8]>) -> bool {
        let Datagram { local, remote, data } = *datagram;
        let is_nonsense = match data {
            // Neither RTCP nor RTP (RFC 5761 section 4).
            [128..=191, rest @ ..] if !matches!(rest, [192..=223, ..]) => {
                Header::read(data).is_none()
            }
            _ => records::is_dtls(data) && !records::is_well_formed(data),
        };
        if is_nonsense || !self.path.leads_by(local) {
            return false;
        }
        // A check is believed by its signature, wherever it is from (RFC 8445 section 7.3); str0m looks at that where it
        // does not know the address, and otherwise later, without telling.
        let is_check = matches!(data, [0..=3, ..]) && !data.starts_with(&KEEPALIVE);
        let from = if is_check { NOBODY } else { remote };
        // Neither STUN nor DTLS nor RTP: somebody else's.
        let Ok(receive) = Receive::new(Protocol::Udp, from, local, data) else { return false };
        self.association.as_ref().is_some_and(|association| {
            let input = Input::Receive(self.now, receive);
            association.rtc.is_alive() && association.rtc.accepts(&input)
        })
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
