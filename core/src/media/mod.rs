//! Media: the engine behind a session, the frames of its tracks, states and figures.
//!
//! Sessions know only the [`Engine`] trait. The real engine, over str0m, does ICE (RFC 8445),
//! DTLS (RFC 6347, RFC 9147) and SRTP (RFC 3711, RFC 5764); the simulator brings a cheap one.
//! Frames cross this line encoded; codecs are in [`crate::audio`], devices are the
//! application's.

mod backlog;
mod config;
mod connection;
mod engine;
mod expected_loss;
mod ice;
mod names;
pub mod negotiation;
mod path;
mod peer;
mod peers;
#[cfg(feature = "turn")]
pub mod probe;
mod quiet;
mod raw;
mod remote;
pub mod rtp;
#[cfg(feature = "str0m")]
mod str0m;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
mod tracks;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::millis;
use crate::sdp::SdpError;

pub use self::backlog::{Backlog, MAX_BACKLOG};
pub use self::config::EngineConfig;
pub use self::connection::{Connection, ConnectionCommand, ConnectionEvent, ConnectionOutcome};
pub use self::engine::{
    Engine, EngineEvent, EngineFactory, EngineOutput, KEYFRAME_INTERVAL, LocalCandidate,
    MAX_CHANNELS, MAX_TRACKS,
};
pub use self::expected_loss::ExpectedLoss;
pub(crate) use self::ice::IceHelp;
pub use self::ice::IceServer;
pub(crate) use self::path::PathNews;
pub use self::path::PathState;
pub(crate) use self::peer::{Milestone, Peer, PeerNews};
pub(crate) use self::peers::Peers;
pub use self::raw::{RawEngine, RawPacket};
pub(crate) use self::remote::{Fingerprint, Twin, fingerprint_of, replica};
pub use self::remote::{Order, Report};
#[cfg(feature = "str0m")]
pub use self::str0m::WebRtcFactory;
pub use self::tracks::{
    Agreement, ChannelId, ChannelMessage, Codec, LocalKind, TrackInfo, TrackStats, Wish,
};
pub use crate::machine::{
    AudioCodec, AudioCodecs, AudioFrame, Frame, Local, MediaKind, Rid, Track, VideoCodec,
    VideoFrame,
};

/// The state of a media session: ICE and DTLS together.
///
/// ```text
/// New <─> Connecting ──> Connected <──> Disconnected
///  │          │              │               │
///  └──────────┴──────────────┴───────┬───────┘
///                                 Failed, Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MediaState {
    /// Nothing negotiated yet; also after the first offer was taken back.
    New,
    /// Looking for a path, or shaking hands over one.
    Connecting,
    /// Media can flow both ways.
    Connected,
    /// The path stopped answering. It may come back by an ICE restart.
    Disconnected,
    /// It will not come back.
    Failed,
    /// Closed by us or by the far side.
    Closed,
}

/// Figures of one media session's first track of audio, and of its path, since it began; other tracks
/// have [`TrackStats`]. Serialized, times are milliseconds (`jitter_ms`,
/// `playout_ms`, `round_trip_ms`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MediaStats {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP payload bytes sent.
    pub bytes_sent: u64,
    /// RTP packets received, late ones and comfort noise included; not those that are no part of
    /// any stream.
    pub packets_received: u64,
    /// RTP payload bytes received.
    pub bytes_received: u64,
    /// Packets that never came, by sequence number (RFC 3550 appendix A.3). One that comes late is
    /// no longer among them.
    pub packets_lost: u64,
    /// Packets that came when those after them had been heard: too late to be of use, and discarded (RFC 7002).
    /// They are among those received.
    pub packets_late: u64,
    /// Frames that were not there when it was their turn, because their packets were lost or late, and that had to be
    /// made up (concealment, RFC 7294): by the codec, or as silence where many are missing in a row. A pause of the
    /// far side's, when it sends nothing, is none.
    pub frames_concealed: u64,
    /// Frames that were not there likewise, but of which the next one brought a copy (in-band FEC of Opus, RFC 6716
    /// section 2.1.7).
    pub frames_recovered: u64,
    /// Datagrams that came to the session's sockets and were not taken, of all its tracks: of a stranger, not for this
    /// session, forged or replayed, before they were proven to be of a stream (RFC 3550 appendix A.1), or lies of a STUN
    /// or TURN server. Of what comes by the path itself, forged DTLS and RTCP are not among them, nor forged packets of
    /// pictures that pretend to be sent again (RFC 4588), nor messages of data channels that there are not: the engine
    /// says nothing of them. A few are no sign of malice: what comes too early, too late, or twice.
    pub packets_refused: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    #[serde(rename = "jitter_ms", serialize_with = "millis::serialize")]
    pub jitter: Duration,
    /// The time by which audio is delayed now to even out the path, beyond the fastest packets of the
    /// last seconds.
    #[serde(rename = "playout_ms", serialize_with = "millis::serialize")]
    pub playout: Duration,
    /// The last round trip measured, by ICE.
    #[serde(rename = "round_trip_ms", serialize_with = "millis::optional")]
    pub round_trip: Option<Duration>,
    /// Loss of what we send, as the far side last reported it, 0.0 to 1.0.
    pub remote_loss: Option<f32>,
}

impl MediaStats {
    /// The share of expected packets that never came, 0.0 to 1.0.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let expected = self.packets_received + self.packets_lost;
        if expected == 0 { 0.0 } else { self.packets_lost as f64 / expected as f64 }
    }

    /// The share of expected packets that never came or came too late, 0.0 to 1.0: what was not heard, copies aside.
    #[must_use]
    pub fn missing(&self) -> f64 {
        let expected = self.packets_received + self.packets_lost;
        let missing = self.packets_lost + self.packets_late;
        if expected == 0 { 0.0 } else { missing as f64 / expected as f64 }
    }
}

/// A key of a telephone keypad: `0`-`9`, `*`, `#`, `A`-`D` (RFC 4733 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digit(u8);

impl Digit {
    const KEYS: &'static [u8; 16] = b"0123456789*#ABCD";

    /// The RFC 4733 event code, 0 to 15.
    #[must_use]
    pub const fn event(self) -> u8 {
        self.0
    }

    /// From an event code, 0 to 15.
    #[must_use]
    pub const fn from_event(event: u8) -> Option<Self> {
        if event < 16 { Some(Self(event)) } else { None }
    }

    /// The key as a character.
    #[must_use]
    pub fn as_char(self) -> char {
        char::from(Self::KEYS[usize::from(self.0)])
    }
}

impl TryFrom<char> for Digit {
    type Error = MediaError;

    fn try_from(key: char) -> Result<Self, MediaError> {
        Self::KEYS
            .iter()
            .position(|k| char::from(*k) == key.to_ascii_uppercase())
            .map(|event| Self(event as u8))
            .ok_or(MediaError::NotADigit(key))
    }
}

/// An error of media: what was asked was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The session description cannot be used.
    #[error("unusable session description: {0}")]
    Sdp(#[from] SdpError),
    /// The description names no codec that we have.
    #[error("no common codec")]
    NoCommonCodec,
    /// The candidate cannot be read.
    #[error("unreadable candidate: {0}")]
    Candidate(String),
    /// The description of a STUN or TURN server cannot be used.
    #[error("unusable ICE server: {0}")]
    IceServer(String),
    /// Not possible in this state.
    #[error("not possible while {0:?}")]
    State(MediaState),
    /// Not possible while the far side holds the session.
    #[error("not possible while the far side holds")]
    Held,
    /// The codec or payload was not negotiated.
    #[error("{0} was not negotiated")]
    NotNegotiated(&'static str),
    /// Not a key of a telephone keypad.
    #[error("not a telephone key: {0:?}")]
    NotADigit(char),
    /// A bounded queue is full.
    #[error("too many {0} waiting")]
    TooMany(&'static str),
    /// This version cannot do it.
    #[error("{0} is not supported yet")]
    NotYet(&'static str),
    /// The DTLS handshake failed: one side refused the other's certificate, cipher suites or version.
    #[error("the DTLS handshake failed: {0}")]
    Handshake(String),
    /// No connection could be made, or it was lost.
    #[error("media connection failed: {0}")]
    Connection(String),
}
