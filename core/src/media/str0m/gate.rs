//! The gate of a session: the datagrams that are for it, and the count of those that are not taken.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use str0m::Input;
use str0m::net::{Protocol, Receive};

use super::engine::WebRtc;
use super::receive::Datagram;
use super::records;
use crate::media::rtp::Header;

/// The address that nobody sends from.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
/// A Binding indication, by which a far side keeps its path and wants nothing (RFC 8445 section 11).
const KEEPALIVE: [u8; 2] = [0, 0x11];

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

    /// Takes note of a datagram that is not taken.
    pub(super) fn refuse(&mut self) {
        self.refused += 1;
    }

    /// Takes note of what a track waited for in vain.
    pub(super) fn refuse_unproven(&mut self, number: u8) {
        let audio = self.audio_mut(number);
        self.refused += audio.map_or(0, |audio| audio.incoming.probation.take_refused());
    }
}
