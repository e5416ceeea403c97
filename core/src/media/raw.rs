//! RTP packets of somebody's own making, for far ends that are not as tidy as we are.

use std::time::Instant;

use super::{Engine, MediaError};

/// One RTP packet (RFC 3550 section 5.1) as somebody else would send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPacket {
    /// Its source; None for the one that our descriptions announce.
    pub ssrc: Option<u32>,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// Its number, extended by its roll-over count. A source begins in the lower half of the first
    /// turn (RFC 3711 section 3.3.1), and uses no number twice.
    pub sequence: u64,
    /// Its media time.
    pub time: u32,
    /// The marker bit: something begins with this packet.
    pub marker: bool,
    /// The payload.
    pub payload: Vec<u8>,
}

/// An engine whose user makes RTP packets itself: comfort noise, keys without their ends, sources
/// that change. For far ends in tests and simulations; agents have no use for it.
///
/// Audio and keys by [`Engine`] have numbers of their own: a session is sent to by one way or by
/// the other.
pub trait RawEngine: Engine {
    /// Sends a packet as it is, whatever was agreed on.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] where there is no secure way to the far side.
    fn send_packet(&mut self, now: Instant, packet: &RawPacket) -> Result<(), MediaError>;
}
