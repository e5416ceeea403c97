//! Media as it crosses the contract: encoded frames.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::rid::Rid;
use super::track::MediaKind;

/// An audio codec as negotiated on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AudioCodec {
    /// Opus (RFC 7587), RTP clock 48 kHz.
    #[serde(rename = "opus")]
    Opus,
    /// G.711 µ-law (RFC 3551), 8 kHz.
    #[serde(rename = "PCMU")]
    Pcmu,
    /// G.711 A-law (RFC 3551), 8 kHz.
    #[serde(rename = "PCMA")]
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

    /// Returns true if this one is among them.
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
    /// The encoding of `data`.
    pub codec: AudioCodec,
    /// The media time of the first sample, in ticks of the codec's RTP clock. Starts anywhere,
    /// advances with the samples and, while nothing is said, with the clock. Never goes back on
    /// frames that were heard: whatever another source or a clock that was set anew says, it goes
    /// on by what has passed; and with another codec from the same number, in ticks of its clock.
    pub time: u64,
    /// Frames known to be missing just before this one. Zero on frames to be sent.
    pub lost_before: u32,
    /// True for the first frame after silence (the RTP marker bit, RFC 3551 section 4.1),
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

/// A video codec as negotiated on the wire. All have an RTP clock of 90 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum VideoCodec {
    /// VP8 (RFC 7741).
    #[serde(rename = "VP8")]
    Vp8,
    /// H.264 (RFC 6184), constrained baseline; frames are Annex B access units.
    H264,
}

impl VideoCodec {
    /// The RTP clock rate in Hz, the unit of [`VideoFrame::time`].
    pub const CLOCK_RATE: u32 = 90_000;

    /// The encoding name in SDP (`a=rtpmap`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::H264 => "H264",
        }
    }
}

/// One encoded picture.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VideoFrame {
    /// The encoding of `data`.
    pub codec: VideoCodec,
    /// The media time, in ticks of 90 kHz. Starts anywhere and never goes back.
    pub time: u64,
    /// True if the picture can be decoded without those before it.
    pub keyframe: bool,
    /// True if pictures are missing just before this one. False on frames to be sent.
    pub lost_before: bool,
    /// The encoding that it belongs to, of a track that is sent in several at once; of one that we send, none for the
    /// first of them.
    pub rid: Option<Rid>,
    /// The payload, whole.
    pub data: Bytes,
}

impl VideoFrame {
    /// A picture to send.
    #[must_use]
    pub fn new(codec: VideoCodec, time: u64, keyframe: bool, data: impl Into<Bytes>) -> Self {
        Self { codec, time, keyframe, lost_before: false, rid: None, data: data.into() }
    }

    /// The same as a picture of that encoding.
    #[must_use]
    pub const fn in_encoding(mut self, rid: Rid) -> Self {
        self.rid = Some(rid);
        self
    }
}

impl fmt::Debug for VideoFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.keyframe { ", key" } else { "" };
        write!(f, "{:?}@{} ({} bytes{key}", self.codec, self.time, self.data.len())?;
        if let Some(rid) = self.rid {
            write!(f, ", {rid}")?;
        }
        if self.lost_before {
            f.write_str(", some lost before")?;
        }
        f.write_str(")")
    }
}

/// One encoded frame of a track.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// Of sound.
    Audio(AudioFrame),
    /// Of pictures.
    Video(VideoFrame),
}

impl Frame {
    /// The kind of track that it belongs to.
    #[must_use]
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Audio(_) => MediaKind::Audio,
            Self::Video(_) => MediaKind::Video,
        }
    }

    /// The name of its codec in SDP (`a=rtpmap`).
    #[must_use]
    pub const fn codec_name(&self) -> &'static str {
        match self {
            Self::Audio(frame) => frame.codec.name(),
            Self::Video(frame) => frame.codec.name(),
        }
    }
}

impl From<AudioFrame> for Frame {
    fn from(frame: AudioFrame) -> Self {
        Self::Audio(frame)
    }
}

impl From<VideoFrame> for Frame {
    fn from(frame: VideoFrame) -> Self {
        Self::Video(frame)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audio(frame) => frame.fmt(f),
            Self::Video(frame) => frame.fmt(f),
        }
    }
}
