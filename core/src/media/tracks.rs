//! Tracks of a session as they are wished for and agreed on, and data channels beside them.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{AudioCodec, AudioCodecs, MediaKind, Rid, Track, VideoCodec};
use crate::sdp::Direction;

/// A track to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Its kind.
    pub kind: MediaKind,
    /// Its direction, as we see it.
    pub direction: Direction,
}

impl Wish {
    /// Audio in both directions: a telephone call.
    pub const AUDIO: Self = Self { kind: MediaKind::Audio, direction: Direction::SendRecv };
}

/// A codec of either kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Of sound.
    Audio(AudioCodec),
    /// Of pictures.
    Video(VideoCodec),
}

/// A track as agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackInfo {
    /// The track.
    pub track: Track,
    /// The name of its section (`a=mid`), where it has one.
    pub mid: Option<String>,
    /// The direction, as we see it.
    pub direction: Direction,
    /// The codecs that both ends have, the far side's first choice first.
    pub codecs: Vec<Codec>,
    /// The encodings in which the far side takes it at once, its first choice first (simulcast, RFC 8853): pictures
    /// name theirs ([`VideoFrame::rid`](super::VideoFrame::rid)). Empty where it takes one, which has no name.
    pub encodings: Vec<Rid>,
    /// The encodings in which the far side may send it at once: pictures that come name theirs. Empty where it sends
    /// one, which has no name.
    pub received: Vec<Rid>,
}

impl TrackInfo {
    /// A track of these codecs, in one encoding.
    #[must_use]
    pub fn new(
        track: Track,
        mid: Option<String>,
        direction: Direction,
        codecs: impl IntoIterator<Item = Codec>,
    ) -> Self {
        let codecs = codecs.into_iter().collect();
        Self { track, mid, direction, codecs, encodings: Vec::new(), received: Vec::new() }
    }

    /// The first audio track, on these terms.
    #[must_use]
    pub fn audio(mid: Option<String>, terms: &Agreement) -> Self {
        let rest = terms.codecs.iter().filter(|codec| *codec != terms.codec);
        let codecs = std::iter::once(terms.codec).chain(rest).map(Codec::Audio);
        Self::new(Track::AUDIO, mid, terms.direction, codecs)
    }
}

/// Figures of one track since it was first agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TrackStats {
    /// RTP packets sent, without those that were sent again.
    pub packets_sent: u64,
    /// RTP payload bytes sent.
    pub bytes_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP payload bytes received.
    pub bytes_received: u64,
    /// Frames sent: pictures, or packets of audio.
    pub frames_sent: u64,
    /// Of them, pictures that need no other.
    pub keyframes_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Of them, pictures that need no other.
    pub keyframes_received: u64,
    /// The times that pictures were missing, so that only one that needs no other could be next.
    pub breaks: u64,
}

/// The terms agreed on with the far side for a session's first audio track, and what its reports ask for since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The direction of audio, as we see it. Without [`Direction::sends`] the far side holds us: it
    /// hears nothing, neither audio nor keys (RFC 3264 section 8.4).
    pub direction: Direction,
    /// The codec to send with: the far side's first that we have too.
    pub codec: AudioCodec,
    /// All that may be heard, from one frame to the next, and sent.
    pub codecs: AudioCodecs,
    /// True if keys can be sent (RFC 4733).
    pub keys: bool,
    /// The packets of a hundred that an encoder of Opus makes copies for, by the far side's reports
    /// ([`ExpectedLoss`](super::ExpectedLoss)). None where it has no use for copies: it did not say
    /// `useinbandfec=1` (RFC 7587 section 6.1).
    pub expected_loss: u8,
    /// True if an encoder of Opus leaves out pauses: the far side wants that (`usedtx=1`, RFC 7587 section
    /// 6.1), or the settings do ([`EngineConfig::dtx`](super::EngineConfig::dtx)).
    pub dtx: bool,
}

/// The kind of a local address, which its candidate has too (RFC 8445 section 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum LocalKind {
    /// An address of an interface.
    Host,
    /// The address that a STUN server sees.
    ServerReflexive {
        /// The host address behind it.
        base: SocketAddr,
    },
    /// An address that a TURN server lends: datagrams leave from it, by the server.
    Relayed {
        /// The server.
        server: SocketAddr,
    },
}

/// Names one data channel of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u16);

/// A message of a data channel (RFC 8831 section 6.6).
#[derive(Clone, PartialEq, Eq)]
pub enum ChannelMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

// Messages are the application's own.
impl fmt::Debug for ChannelMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Binary(data) => write!(f, "Binary({} bytes)", data.len()),
        }
    }
}
