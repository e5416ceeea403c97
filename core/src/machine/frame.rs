//! Media as it crosses the contract: encoded frames.

use std::fmt;

use bytes::Bytes;

/// An audio codec as negotiated on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AudioCodec {
    /// Opus (RFC 7587), RTP clock 48 kHz.
    Opus,
    /// G.711 µ-law (RFC 3551), 8 kHz.
    Pcmu,
    /// G.711 A-law (RFC 3551), 8 kHz.
    Pcma,
}

impl AudioCodec {
    /// The RTP clock rate in Hz, the unit of [`AudioFrame::time`].
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The encoding name in SDP (`a=rtpmap`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

/// A set of audio codecs.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudioCodecs(u8);

impl AudioCodecs {
    const ALL: [AudioCodec; 3] = [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, codec: AudioCodec) -> bool {
        self.0 & Self::bit(codec) != 0
    }

    /// Each of them, in the order of [`AudioCodec`].
    pub fn iter(self) -> impl Iterator<Item = AudioCodec> {
        Self::ALL.into_iter().filter(move |codec| self.contains(*codec))
    }

    const fn bit(codec: AudioCodec) -> u8 {
        match codec {
            AudioCodec::Opus => 1,
            AudioCodec::Pcmu => 2,
            AudioCodec::Pcma => 4,
        }
    }
}

impl FromIterator<AudioCodec> for AudioCodecs {
    fn from_iter<I: IntoIterator<Item = AudioCodec>>(codecs: I) -> Self {
        Self(codecs.into_iter().fold(0, |set, codec| set | Self::bit(codec)))
    }
}

impl fmt::Debug for AudioCodecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// One encoded audio frame, usually 20 ms.
#[derive(Clone, PartialEq, Eq)]
pub struct AudioFrame {
    /// How `data` is encoded.
    pub codec: AudioCodec,
    /// The media time of the first sample, in ticks of the codec's RTP clock. Starts anywhere,
    /// advances with the samples and, while nothing is said, with the clock. Never goes back on
    /// frames that were heard: whatever another source or a clock that was set anew says, it goes
    /// on by what has passed; and with another codec from the same number, in ticks of its clock.
    pub time: u64,
    /// Frames known to be missing just before this one. Zero on frames to be sent.
    pub lost_before: u32,
    /// Whether this is the first frame after silence (the RTP marker bit, RFC 3551 section 4.1),
    /// after comfort noise, or of another source.
    pub talkspurt: bool,
    /// The payload.
    pub data: Bytes,
}

impl fmt::Debug for AudioFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{} ({} bytes", self.codec, self.time, self.data.len())?;
        if self.lost_before > 0 {
            write!(f, ", {} lost before", self.lost_before)?;
        }
        f.write_str(")")
    }
}
