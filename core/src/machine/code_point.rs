//! The urgency of packets.

/// A DiffServ code point (RFC 2474 section 3): the treatment that a network is asked for; 0 to 63.
///
/// RFC 4594 says what they mean, RFC 8837 which of them media of WebRTC has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodePoint(u8);

/// The number is no code point: those have six bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no DiffServ code point: those are 0 to 63")]
pub struct CodePointError(pub u8);

impl CodePoint {
    /// Whatever the network does by itself (DF).
    pub const DEFAULT: Self = Self(0);
    /// Less than that (CS1).
    pub const LOWER: Self = Self(8);
    /// Pictures of a conversation (AF42).
    pub const PICTURES: Self = Self(36);
    /// Pictures of a conversation that are dropped last (AF41).
    pub const URGENT_PICTURES: Self = Self(34);
    /// Speech (EF, RFC 3246).
    pub const SPEECH: Self = Self(46);

    /// The code point of this number.
    ///
    /// # Errors
    ///
    /// It is over 63.
    pub const fn new(number: u8) -> Result<Self, CodePointError> {
        if number > 63 { Err(CodePointError(number)) } else { Ok(Self(number)) }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The byte of an IP header that has it: the upper six bits (RFC 2474 section 3); the other two are not
    /// its (RFC 3168).
    #[must_use]
    pub const fn traffic_class(self) -> u8 {
        self.0 << 2
    }
}

impl TryFrom<u8> for CodePoint {
    type Error = CodePointError;

    fn try_from(number: u8) -> Result<Self, CodePointError> {
        Self::new(number)
    }
}
