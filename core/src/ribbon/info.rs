//! Records of what a client knows, as an application reads them.

use std::fmt;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::config::{Config, Connectivity, OAuthMode, WebSocket, WsScheme};
use super::constants::{
    CallState, HoldState, MediaConnectionState, OperationKind, OperationStatus,
};
use super::history::CallDirection;
use super::ids::{CallId, MediaObjectId, OperationId, TrackId, UserId};
use super::pipeline::Bandwidth;
use super::service::Service;
use crate::machine::{MediaId, TrackId as MediaTrack};
use crate::media::{MediaKind, MediaStats};
use crate::report::shortened;

pub(super) use super::wire::CustomParameter;

/// The far side of a call, as far as the gateway says.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Participant {
    /// The name.
    pub display_name: Option<String>,
    /// The number or address: `bob@example.com`.
    pub display_number: Option<String>,
}

/// Shown with its number shortened.
impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("display_name", &self.display_name)
            .field("display_number", &self.display_number.as_deref().map(shortened))
            .finish()
    }
}

/// The kinds of media that a caller offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MediaOffered {
    /// Sound.
    pub audio: bool,
    /// Pictures.
    pub video: bool,
}

/// A call.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct CallInfo {
    /// Its name here.
    pub id: CallId,
    /// Its direction.
    pub direction: CallDirection,
    /// The caller.
    pub from: UserId,
    /// The called one.
    pub to: UserId,
    /// Its state.
    pub state: CallState,
    /// The sides that hold it.
    pub hold: HoldState,
    /// The state of its media.
    pub media_state: MediaConnectionState,
    /// The name of its media for [frames](crate::machine::Input::Frame), once there is any.
    pub media: Option<MediaId>,
    /// Our tracks.
    pub local_tracks: Vec<TrackId>,
    /// The far side's tracks.
    pub remote_tracks: Vec<TrackId>,
    /// The media that an incoming call offers; none where it leaves the offer to us (slow start).
    pub media_offered: Option<MediaOffered>,
    /// The far side.
    pub remote: Participant,
    /// The most that the far side shall send.
    pub bandwidth: Bandwidth,
    /// Our parameters, which ride on our requests.
    pub parameters: Vec<CustomParameter>,
    /// The time at which it was answered.
    pub started: Option<Instant>,
    /// The time at which it was over.
    pub ended: Option<Instant>,
    /// The operations under way, at most 32.
    pub operations: Vec<OperationInfo>,
}

// Instants are of this process alone: two runs that are the same show the same.
impl fmt::Debug for CallInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallInfo")
            .field("id", &self.id)
            .field("direction", &self.direction)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("state", &self.state)
            .field("hold", &self.hold)
            .field("media_state", &self.media_state)
            .field("media", &self.media)
            .field("local_tracks", &self.local_tracks)
            .field("remote_tracks", &self.remote_tracks)
            .field("media_offered", &self.media_offered)
            .field("remote", &self.remote)
            .field("bandwidth", &self.bandwidth)
            .field("parameters", &self.parameters)
            .field("was_answered", &self.started.is_some())
            .field("is_over", &self.ended.is_some())
            .field("operations", &self.operations)
            .finish()
    }
}

impl CallInfo {
    /// A call that begins.
    pub(super) fn new(
        id: CallId,
        direction: CallDirection,
        from: UserId,
        to: UserId,
        remote: Participant,
    ) -> Self {
        Self {
            id,
            direction,
            from,
            to,
            state: CallState::Initiating,
            hold: HoldState::Connected,
            media_state: MediaConnectionState::New,
            media: None,
            local_tracks: Vec::new(),
            remote_tracks: Vec::new(),
            media_offered: None,
            remote,
            bandwidth: Bandwidth::default(),
            parameters: Vec::new(),
            started: None,
            ended: None,
            operations: Vec::new(),
        }
    }
}

/// An operation under way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationInfo {
    /// Its name.
    pub id: OperationId,
    /// Its kind.
    pub kind: OperationKind,
    /// Its status.
    pub status: OperationStatus,
    /// True for ours, false for the far side's.
    pub local: bool,
    /// True where another one that blocks has to wait for its end.
    pub blocking: bool,
}

/// The reason that the gateway, or this client, gives for the end of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EndReason {
    /// A SIP status, or one of 9900 to 9909 (w4.0.2).
    pub status: Option<i64>,
    /// The reason in words.
    pub text: Option<String>,
}

impl EndReason {
    /// A reason of this client's own.
    pub(crate) fn new(status: i64, text: &str) -> Self {
        Self { status: Some(status), text: Some(text.to_owned()) }
    }
}

/// The state of the source of a track of ours, which only the application knows.
///
/// ```text
/// Live <──> Muted
///   └──┬──────┘
///    Ended
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceState {
    /// Frames come of it.
    #[default]
    Live,
    /// It is silent for now, by no will of ours: a key of the device's own was pressed.
    Muted,
    /// It is gone, and comes back no more. The track stays in the call without media, until it is replaced or
    /// removed.
    Ended,
}

/// The state of a track, as the SDK names it (RT-020).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackState {
    /// `live`
    Live,
    /// `ended`
    Ended,
}

impl TrackState {
    /// The SDK's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }
}

/// A track of a call (RT-020).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackInfo {
    /// Its name.
    pub id: TrackId,
    /// The call.
    pub call: CallId,
    /// True for ours, false for the far side's.
    pub local: bool,
    /// Its kind.
    pub kind: MediaKind,
    /// The name by which its [frames](crate::machine::Input::Frame) go; none before there is media.
    pub frames: Option<MediaTrack>,
    /// A name to show: its side and its kind (`local audio`).
    pub label: String,
    /// The media that it is a part of, with the others of its side of the call.
    pub media: MediaObjectId,
    /// The sinks of the application's that it is given to.
    pub sinks: Vec<String>,
    /// True while muted here.
    pub muted: bool,
    /// True while nothing comes of it that should: of the far side's, or of a source of ours that is muted
    /// ([`SourceState::Muted`]).
    pub source_muted: bool,
    /// The state of its source.
    pub state: TrackState,
}

/// Tracks that belong together (RT-019).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaInfo {
    /// Its name.
    pub id: MediaObjectId,
    /// True for ours, false for the far side's.
    pub local: bool,
    /// True for media that belongs to no call by itself.
    pub detached: bool,
    /// The tracks.
    pub tracks: Vec<TrackId>,
}

/// Media of our own that belongs to no call by itself (RT-029).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DetachedMedia {
    /// Its name.
    pub media: MediaObjectId,
    /// Its track.
    pub track: TrackId,
    /// The kind of the track.
    pub kind: MediaKind,
    /// The name by which the application pushes its [frames](crate::machine::Input::Frame).
    pub frames: MediaTrack,
}

/// The user that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserInfo {
    /// The name.
    pub username: UserId,
    /// True for one without a name of their own.
    pub anonymous: bool,
    /// True if there is a bearer token. It is never given out.
    pub has_token: bool,
}

/// The notification socket.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SocketInfo {
    /// Its state.
    pub state: SocketState,
    /// True if it is pinged, and nothing came since the last ping.
    pub pinging: bool,
    /// Its address, without a token.
    pub url: Option<String>,
    /// The settings of its address: the protocol, the host and the port.
    pub scheme: WsScheme,
    /// See [`scheme`](Self::scheme).
    pub host: String,
    /// See [`scheme`](Self::scheme).
    pub port: u16,
    /// The setting [`Connectivity::ping_interval`].
    pub ping_interval: Duration,
    /// The setting [`Connectivity::reconnect_limit`].
    pub reconnect_limit: Option<NonZeroU32>,
    /// The setting [`Connectivity::reconnect_delay`].
    pub reconnect_delay: Duration,
    /// The setting [`Connectivity::reconnect_multiplier`].
    pub reconnect_multiplier: f64,
    /// The setting [`Connectivity::reconnect_time_limit`].
    pub reconnect_time_limit: Duration,
    /// The setting [`Connectivity::auto_reconnect`].
    pub auto_reconnect: bool,
    /// The setting [`Connectivity::oauth_mode`].
    pub oauth_mode: OAuthMode,
}

impl SocketInfo {
    /// Its state and address, and the settings in force.
    pub(super) fn new(
        state: SocketState,
        pinging: bool,
        url: Option<String>,
        settings: &Config,
    ) -> Self {
        let WebSocket { host, scheme, port } = settings.subscription.websocket.clone();
        let Connectivity {
            ping_interval,
            reconnect_limit,
            reconnect_delay,
            reconnect_multiplier,
            reconnect_time_limit,
            auto_reconnect,
            oauth_mode,
            ..
        } = settings.connectivity;
        Self {
            state,
            pinging,
            url,
            scheme,
            host,
            port,
            ping_interval,
            reconnect_limit,
            reconnect_delay,
            reconnect_multiplier,
            reconnect_time_limit,
            auto_reconnect,
            oauth_mode,
        }
    }

    /// True while it is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == SocketState::Connected
    }
}

/// The platform of a client: this library, and its media.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Platform {
    /// The name of this library.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The name of the media engine; none where there is none.
    pub engine: Option<&'static str>,
    /// True if calls can have media.
    pub webrtc: bool,
}

/// The platform of media elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemotePlatform {
    /// The name of the program's library there.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The name of its media engine; none where there is none.
    pub engine: Option<String>,
}

/// The standing of media elsewhere ([`Command::SetProxyMode`](super::Command::SetProxyMode)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyInfo {
    /// True while calls have their media elsewhere.
    pub mode: bool,
    /// True while there is a channel to it.
    pub has_channel: bool,
    /// True once the other end has answered.
    pub remote_initialized: bool,
    /// The other end, once it has answered.
    pub remote: Option<RemotePlatform>,
    /// Frames of it that could not be read.
    pub unread: u64,
}

/// The state of the notification socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SocketState {
    /// There is none.
    NoSocket,
    /// The first one is being opened.
    Connecting,
    /// It is open.
    Connected,
    /// It was lost, and is being opened anew.
    Reconnecting {
        /// The attempt, from 1.
        attempt: u32,
    },
}

/// The services that are subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscriptions {
    /// Those that the gateway granted.
    pub subscribed: Vec<Service>,
    /// Those that there are.
    pub available: Vec<Service>,
    /// True while a subscription is made, changed or ended.
    pub pending: bool,
}

/// Figures of a call (w7, no. 39).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StatsReport {
    /// The call.
    pub call: CallId,
    /// The track that was asked about; none for all of them.
    pub track: Option<TrackInfo>,
    /// The time since the client began.
    pub at: Duration,
    /// The figures of its media so far.
    pub media: MediaStats,
    /// The version of this library.
    pub version: &'static str,
}

impl StatsReport {
    /// The figures as records, each with a `type`, as the SDK has them: those of what is sent, of what came, of
    /// the path, and one of this library (w7). Of one track only what it has.
    #[must_use]
    pub fn records(&self) -> Vec<Value> {
        let (sent, came) = match &self.track {
            Some(track) => (track.local, !track.local),
            None => (true, true),
        };
        let media = &self.media;
        let mut records = Vec::new();
        if sent {
            records.push(json!({
                "type": "outbound-rtp",
                "packetsSent": media.packets_sent,
                "bytesSent": media.bytes_sent,
            }));
            records.extend(
                media
                    .remote_loss
                    .map(|loss| json!({"type": "remote-inbound-rtp", "fractionLost": loss})),
            );
        }
        if came {
            records.push(json!({
                "type": "inbound-rtp",
                "packetsReceived": media.packets_received,
                "bytesReceived": media.bytes_received,
                "packetsLost": media.packets_lost,
                "packetsDiscarded": media.packets_late,
                "framesConcealed": media.frames_concealed,
                "framesRecovered": media.frames_recovered,
                "packetsRefused": media.packets_refused,
                "jitter": media.jitter.as_secs_f64(),
            }));
        }
        records.extend(media.round_trip.map(
            |time| json!({"type": "candidate-pair", "currentRoundTripTime": time.as_secs_f64()}),
        ));
        records.push(json!({
            "type": "offhook",
            "sdk": "offhook",
            "version": self.version,
            "callId": self.call.as_str(),
            "timestamp": u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX),
        }));
        records
    }
}
