//! RTP as it comes (RFC 3550): who is heard, in which order, and what was said.
//!
//! ```text
//! datagram ── Probation ── (SRTP) ── Receiver ─┬─ Sources   whose packets count
//!             may it in?                       ├─ Playout   their order
//!                                              ├─ Timeline  their time
//!                                              └─ Keys      what was pressed
//! ```
//!
//! [`Probation`] looks at clear headers, which anybody can forge, and so decides nothing but what
//! waits for a second packet; [`Receiver`] sees only what is authentic. Neither knows a socket, a
//! clock or a library: times are handed in.
//!
//! Pictures ([`Assembler`], [`pictures`]) share the headers only: their packets are put together, and
//! may come again.
//!
//! [`Playout`] evens out the path. What is missing after it is made up by its user: order, loss, time
//! and the start of a talkspurt are all that is needed.

mod assembler;
mod clock;
mod fec;
mod jitter;
mod keys;
mod lateness;
mod limit;
pub mod pictures;
mod playout;
mod probation;
mod receiver;
mod sources;
#[cfg(test)]
mod tests;
mod timeline;

use std::time::{Duration, Instant};

use super::{AudioCodec, AudioFrame, Digit};

pub use self::assembler::{Assembler, MAX_PIECES, MAX_REPAIR, Piece};
pub use self::clock::Moment;
pub use self::fec::has_fec;
pub use self::limit::Limit;
pub use self::playout::{MAX_DELAY, MAX_HELD, Playout};
pub use self::probation::{Held, MAX_WAIT, Probation, Verdict};
pub use self::receiver::Receiver;

/// The furthest that a packet may be ahead of the last one and still be believed by itself. More
/// is a jump, which a second packet must confirm; losing as many costs no more patience than the
/// playout has anyway.
pub const MAX_AHEAD: u16 = 16;
/// The furthest behind that a packet is late and not of another row (RFC 3550 appendix A.1).
pub const MAX_MISORDER: u16 = 100;
/// The longest jump that is a loss and not a new row (RFC 3550 appendix A.1).
pub const MAX_DROPOUT: u16 = 3000;

/// The fixed part of an RTP header (RFC 3550 section 5.1) that matters to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The source of the packet.
    pub ssrc: u32,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// Its number.
    pub sequence: u16,
    /// Its media time.
    pub time: u32,
    /// The marker bit: something begins with this packet.
    pub marker: bool,
}

impl Header {
    /// Reads the header of an RTP datagram; nothing from one of STUN, DTLS or RTCP (RFC 7983,
    /// RFC 5761 section 4).
    #[must_use]
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let fixed: &[u8; 12] = datagram.first_chunk()?;
        let [first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *fixed;
        let payload_type = second & 0x7f;
        if first >> 6 != 2 || (64..96).contains(&payload_type) {
            return None;
        }
        Some(Self {
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            payload_type,
            sequence: u16::from_be_bytes([s0, s1]),
            time: u32::from_be_bytes([t0, t1, t2, t3]),
            marker: second & 0x80 != 0,
        })
    }

    /// The content of a packet's header extension of that number (RFC 8285 section 4.2), as of that
    /// by which it says the section that it belongs to (RFC 8843 section 15).
    #[must_use]
    pub fn extension<'d>(&self, datagram: &'d [u8], number: u8) -> Option<&'d [u8]> {
        let first = *datagram.first()?;
        if first & 0x10 == 0 {
            return None;
        }
        let rest = datagram.get(12 + 4 * usize::from(first & 0x0f)..)?;
        let (head, rest) = rest.split_first_chunk::<4>()?;
        let [0xbe, 0xde, high, low] = *head else { return None };
        let mut rest = rest.get(..4 * usize::from(u16::from_be_bytes([high, low])))?;
        while let Some((&element, after)) = rest.split_first() {
            if element == 0 {
                rest = after;
                continue;
            }
            let (data, after) = after.split_at_checked(usize::from(element & 0x0f) + 1)?;
            if element >> 4 == number {
                return Some(data);
            }
            rest = after;
        }
        None
    }
}

/// One authentic packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// The meaning of its payload type.
    pub format: Format,
    /// The payload.
    pub payload: &'a [u8],
    /// The time of its arrival.
    pub arrived: Instant,
}

/// The meaning of a payload type in this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Audio.
    Audio(AudioCodec),
    /// Telephone-events (RFC 4733).
    Key {
        /// The unit of their durations, in Hz.
        clock: u32,
    },
    /// Comfort noise (RFC 3389).
    Noise,
    /// Nothing that we use. It has its place in the row.
    Unused,
}

/// One thing that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A frame, in its turn.
    Audio(AudioFrame),
    /// A key, once, when it is up again.
    Key {
        /// The key.
        digit: Digit,
        /// The time for which it was down.
        duration: Duration,
    },
    /// A pause began, or its noise changed.
    Noise {
        /// The level of the noise, in dB below the overload point (RFC 3389 section 3.1).
        level: u8,
    },
}

/// Returns the steps from `from` to `to` on the circle of 16-bit numbers; negative when behind.
const fn ahead(from: u16, to: u16) -> i16 {
    to.wrapping_sub(from).cast_signed()
}

/// Media time as a duration.
fn duration(ticks: u64, clock: u32) -> Duration {
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000) / u64::from(clock.max(1)))
}

/// A duration as media time.
fn ticks(duration: Duration, clock: u32) -> u64 {
    let ticks = duration.as_nanos() * u128::from(clock) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}
