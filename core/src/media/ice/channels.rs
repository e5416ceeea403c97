//! Channels by which a relay sends on what is nearly all once media flows (RFC 8656 section 12): the same bytes, behind
//! a header of four.
//!
//! The client of the crate binds them, and keeps them bound. Those that were sent by are known here as well, so that a
//! packet that comes by one costs no look at whether it is something else.

use std::net::SocketAddr;

/// The length of a channel's number and of the length of what follows, in bytes (RFC 8656 section 12.4).
pub(super) const HEADER: usize = 4;

/// True for what came by a channel, as far as its first byte tells (RFC 7983 section 7).
pub(super) fn is_by_channel(data: &[u8]) -> bool {
    matches!(data.first(), Some(64..=79))
}

/// The channels that were sent by, each with the far address. There are no more than were bound.
#[derive(Debug, Default)]
pub(super) struct Channels(Vec<(u16, SocketAddr)>);

impl Channels {
    /// A packet to a far address, by the channel that this header is of.
    pub(super) fn write(
        &mut self,
        mut header: [u8; HEADER],
        to: SocketAddr,
        data: &[u8],
    ) -> Option<Vec<u8>> {
        let length = u16::try_from(data.len()).ok()?;
        header[2..].copy_from_slice(&length.to_be_bytes());
        let used = (u16::from_be_bytes([header[0], header[1]]), to);
        if !self.0.contains(&used) {
            // A number may be another's once it was not used for long enough.
            self.0.retain(|(number, peer)| *number != used.0 && *peer != to);
            self.0.push(used);
        }
        Some([&header[..], data].concat())
    }

    /// The far address that a packet came from, and the length of what it carries. None of a channel that was not sent
    /// by, and where less came than it says.
    pub(super) fn read(&self, packet: &[u8]) -> Option<(SocketAddr, usize)> {
        let ([one, two, three, four], rest) = packet.split_first_chunk::<HEADER>()?;
        let number = u16::from_be_bytes([*one, *two]);
        let length = usize::from(u16::from_be_bytes([*three, *four]));
        let (_, peer) = self.0.iter().find(|(used, _)| *used == number)?;
        (length <= rest.len()).then_some((*peer, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; HEADER] = [0x40, 7, 0, 0];

    fn peer(n: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], n))
    }

    #[test]
    fn rfc_8656_12_4_what_comes_by_a_channel_is_of_whom_it_was_sent_to() {
        let mut channels = Channels::default();
        let packet = [0x40, 7, 0, 3, 1, 2, 3];
        assert_eq!(channels.read(&packet), None, "nobody was sent anything by it");
        assert_eq!(channels.write(HEAD, peer(1), &[1, 2, 3]).as_deref(), Some(&packet[..]));
        assert_eq!(channels.read(&packet), Some((peer(1), 3)));
        assert_eq!(channels.read(&[0x40, 7, 0, 3, 1, 2, 3, 0]), Some((peer(1), 3)), "padded");
        assert_eq!(channels.read(&packet[..6]), None, "cut short");
        assert_eq!(channels.read(&packet[..3]), None);
        assert_eq!(channels.write(HEAD, peer(1), &vec![0; 65_536]), None, "more than fits");
    }

    #[test]
    fn rfc_8656_12_a_number_or_an_address_that_is_bound_anew_leaves_nothing_behind() {
        let mut channels = Channels::default();
        channels.write(HEAD, peer(1), &[]);
        channels.write(HEAD, peer(2), &[]);
        assert_eq!(channels.read(&HEAD), Some((peer(2), 0)));
        channels.write([0x40, 8, 0, 0], peer(2), &[]);
        assert_eq!(channels.read(&HEAD), None);
        assert_eq!(channels.0.len(), 1);
    }
}
