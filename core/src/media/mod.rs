//! Media: the engine behind a session, its audio frames, states and figures.
//!
//! Sessions know only the [`Engine`] trait. The real engine, over str0m, does ICE (RFC 8445),
//! DTLS (RFC 6347, RFC 9147) and SRTP (RFC 3711, RFC 5764); the simulator brings a cheap one.
//! Frames cross this line encoded; codecs are in [`crate::audio`], devices are the
//! application's.

mod backlog;
mod ice;
pub mod negotiation;
mod raw;
pub mod rtp;
#[cfg(feature = "str0m")]
mod str0m;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::machine::{Seed, Wake};
use crate::millis;
use crate::sdp::{Direction, SdpError};

pub use self::backlog::{Backlog, MAX_BACKLOG};
pub use self::ice::IceServer;
pub use self::raw::{RawEngine, RawPacket};
#[cfg(feature = "str0m")]
pub use self::str0m::WebRtcFactory;
pub use crate::machine::{AudioCodec, AudioCodecs, AudioFrame};

/// Where a media session stands. ICE and DTLS together.
///
/// ```text
/// New ──> Connecting ──> Connected <──> Disconnected
///  │          │              │               │
///  └──────────┴──────────────┴───────┬───────┘
///                                 Failed, Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaState {
    /// Nothing negotiated yet.
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

/// Figures of one media session since it began. Serialized, times are milliseconds (`jitter_ms`,
/// `round_trip_ms`).
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
    /// Packets that never came, by sequence number (RFC 3550 appendix A.3).
    pub packets_lost: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    #[serde(rename = "jitter_ms", serialize_with = "millis::serialize")]
    pub jitter: Duration,
    /// The last round trip measured, by ICE.
    #[serde(rename = "round_trip_ms", serialize_with = "millis::optional")]
    pub round_trip: Option<Duration>,
    /// Loss of what we send, as the far side last reported it, 0.0 to 1.0.
    pub remote_loss: Option<f32>,
}

impl MediaStats {
    /// The share of expected packets that were lost, 0.0 to 1.0.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let expected = self.packets_received + self.packets_lost;
        if expected == 0 { 0.0 } else { self.packets_lost as f64 / expected as f64 }
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

/// What an engine needs to be told when it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Codecs to offer and to accept, best first. Never empty.
    pub codecs: Vec<AudioCodec>,
    /// Whether only relayed candidates may be used.
    pub relay_only: bool,
    /// STUN and TURN servers, by which an engine can find more candidates. That over str0m does
    /// not yet: it gathers host candidates only, and none at all where they must be relayed.
    pub ice_servers: Vec<IceServer>,
    /// A path that is not found, or not found again, within this is given up.
    pub path_limit: Duration,
    /// The longest that a packet is held back for those before it.
    pub reorder: Duration,
    /// Where the engine's own randomness comes from.
    pub seed: Seed,
}

impl EngineConfig {
    /// Opus, then G.711; any candidate; 30 s for a path, 60 ms for packets out of order.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma],
            relay_only: false,
            ice_servers: Vec::new(),
            path_limit: Duration::from_secs(30),
            reorder: Duration::from_millis(60),
            seed,
        }
    }
}

setters!(EngineConfig {
    codecs: all[AudioCodec],
    relay_only: bool,
    ice_servers: all[IceServer],
    path_limit: Duration,
    reorder: Duration,
});

/// Makes an engine for each session.
pub trait EngineFactory: Send {
    /// A new engine. `now` is its first instant.
    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine>;
}

/// One media session: a peer connection without the browser.
///
/// Sans-IO, with the rules of [`crate::machine`]: after any `&mut` call drain
/// [`Engine::poll_output`] until it answers [`EngineOutput::Timeout`].
///
/// SDP text is the negotiating language because both signalings translate to it.
pub trait Engine: Send {
    /// A local address that media may use; yields a host candidate.
    fn add_local_address(&mut self, now: Instant, address: SocketAddr);

    /// No more local addresses will come; yields [`EngineEvent::GatheringComplete`].
    fn local_addresses_done(&mut self, now: Instant);

    /// Makes an offer of one audio stream; on a session that is up, one to renegotiate it.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] while an offer waits for its answer, or an answer is owed.
    fn create_offer(&mut self, now: Instant) -> Result<String, MediaError>;

    /// Applies the answer to our offer.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] without an offer of ours; [`MediaError::Sdp`] and
    /// [`MediaError::NoCommonCodec`] by the answer. The session is unusable after an error.
    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError>;

    /// Applies an offer. The answer is made later, by [`Engine::create_answer`], so that remote
    /// candidates can be collected meanwhile.
    ///
    /// On a session that is up it is compared with what was agreed on. Direction and payload types
    /// change at once. With new ICE credentials it is an ICE restart (RFC 8445 section 9), with
    /// another certificate a new association (RFC 8842 section 4), which connects anew; after
    /// either our candidates are told again.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] while an offer waits for its answer; others by the offer. A session
    /// that was up goes on as it was.
    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError>;

    /// The answer to the offer accepted before: as many sections, all but one turned down, with the
    /// names, the profile and the payload types of the offer. Answers `a=setup:active` to
    /// `actpass`.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] when no offer waits.
    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError>;

    /// A remote candidate: the value of an `a=candidate` line, from `candidate:` on (RFC 8839
    /// section 5.1), or several such lines. Kept until an offer or answer is applied. TCP, and host
    /// names that are not addresses, are skipped without an error, and so are those beyond
    /// [`MAX_CANDIDATES`](crate::sdp::candidate::MAX_CANDIDATES) since ICE began.
    ///
    /// # Errors
    ///
    /// [`MediaError::Candidate`] when none can be read. The session goes on.
    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError>;

    /// Makes an offer with new ICE credentials (RFC 8445 section 9). Our candidates are told again
    /// once it is answered.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] before the first negotiation is done, or while an offer waits.
    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError>;

    /// A datagram came to one of our local addresses.
    fn handle_datagram(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr, data: &[u8]);

    /// Time passed.
    fn handle_timeout(&mut self, now: Instant);

    /// Sends one frame. What is said before [`MediaState::Connected`] is kept and sent then
    /// ([`Backlog`]). It is taken, and nobody hears it, while muted and while the far side does not
    /// want to hear anything ([`Agreement::direction`]): live speech goes on, and is not heard later.
    /// So is what was kept when either begins, and what was kept in a codec that is no longer agreed
    /// on when it could be sent.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] when the frame's codec was not negotiated;
    /// [`MediaError::TooMany`] when over [`MAX_BACKLOG`] frames wait; [`MediaError::State`] when
    /// closed.
    fn send_audio(&mut self, now: Instant, frame: &AudioFrame) -> Result<(), MediaError>;

    /// Stops or resumes sending audio. DTMF still goes out.
    fn set_muted(&mut self, muted: bool);

    /// Queues digits as telephone-events (RFC 4733): each for `duration`, clamped to 40 ms..6 s
    /// (and 1.36 s where events have a clock of 48 kHz, the longest that their field can say),
    /// with 50 ms between. Events with the clock of the audio are preferred, others will do.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] without telephone-event; [`MediaError::State`] when not
    /// connected; [`MediaError::Held`] while the far side does not want to hear anything;
    /// [`MediaError::TooMany`] when over 64 digits wait.
    fn send_dtmf(
        &mut self,
        now: Instant,
        digits: &[Digit],
        duration: Duration,
    ) -> Result<(), MediaError>;

    /// Wants this direction, as we see it, from the next offer or answer of ours on.
    fn set_direction(&mut self, direction: Direction);

    /// What was agreed on with the far side, once something was.
    fn agreement(&self) -> Option<Agreement>;

    /// The codec to send with, once negotiated: the far side's first that we have too.
    fn send_codec(&self) -> Option<AudioCodec> {
        self.agreement().map(|agreement| agreement.codec)
    }

    /// Where the session stands.
    fn state(&self) -> MediaState;

    /// The figures so far.
    fn stats(&self) -> MediaStats;

    /// Says goodbye (DTLS close_notify, RTCP BYE) and ends in [`MediaState::Closed`].
    fn close(&mut self, now: Instant);

    /// The next thing to do. Call again until it answers [`EngineOutput::Timeout`].
    fn poll_output(&mut self) -> EngineOutput;
}

/// One thing an engine wants done, or the end of a drain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EngineOutput {
    /// Send a datagram.
    Transmit {
        /// From which local address.
        local: SocketAddr,
        /// To whom.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Something to know.
    Event(EngineEvent),
    /// The drain is over. Call [`Engine::handle_timeout`] then, if at all.
    Timeout(Option<Wake>),
}

/// What an engine reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EngineEvent {
    /// The state changed.
    State(MediaState),
    /// A local candidate to trickle.
    LocalCandidate(LocalCandidate),
    /// No more local candidates will come.
    GatheringComplete,
    /// A frame came, in order.
    Audio(AudioFrame),
    /// Something else was agreed on than before.
    Agreed(Agreement),
    /// The far side pressed a key; told once for each press, at its end.
    Dtmf {
        /// Which key.
        digit: Digit,
        /// For how long.
        duration: Duration,
    },
    /// The far side says nothing, and how loud its silence is (RFC 3389): told when a pause
    /// begins and when its noise changes. It ends with the next frame, which begins a talkspurt.
    ComfortNoise {
        /// The noise in dB below the overload point, 0 to 127.
        level: u8,
    },
    /// The session cannot go on; [`MediaState::Failed`] follows.
    Failed(MediaError),
}

/// A local ICE candidate and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCandidate {
    /// The media section it is for (`a=mid`), once negotiated.
    pub mid: Option<String>,
    /// Our ICE user fragment.
    pub ufrag: String,
    /// The value of the `a=candidate` line, from `candidate:` on.
    pub candidate: String,
}

/// What was agreed on with the far side about a session's audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Which way audio goes, as we see it. Without [`Direction::sends`] the far side holds us: it
    /// hears nothing, neither audio nor keys (RFC 3264 section 8.4).
    pub direction: Direction,
    /// The codec to send with: the far side's first that we have too.
    pub codec: AudioCodec,
    /// All that may be heard, from one frame to the next, and sent.
    pub codecs: AudioCodecs,
    /// Whether keys can be sent (RFC 4733).
    pub keys: bool,
}

/// Why media did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The session description cannot be used.
    #[error("unusable session description: {0}")]
    Sdp(#[from] SdpError),
    /// The description names no codec that we have.
    #[error("no common audio codec")]
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
    /// That codec or payload was not negotiated.
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
    /// No connection could be made: no path, or the DTLS handshake failed.
    #[error("media connection failed: {0}")]
    Connection(String),
}
