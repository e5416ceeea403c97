//! Records of what a client knows, as an application reads them.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::constants::{
    CallState, HoldState, MediaConnectionState, OperationKind, OperationStatus,
};
use super::history::CallDirection;
use super::ids::{CallId, MediaObjectId, OperationId, TrackId, UserId};
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
#[derive(Clone, Debug, PartialEq)]
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
    /// Our parameters, which ride on our requests.
    pub parameters: Vec<CustomParameter>,
    /// The time at which it was answered.
    pub started: Option<Instant>,
    /// The time at which it was over.
    pub ended: Option<Instant>,
    /// The operations under way, at most 32.
    pub operations: Vec<OperationInfo>,
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

/// A track of a call.
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
    /// The sinks of the application's that it is given to.
    pub sinks: Vec<String>,
    /// True while muted here.
    pub muted: bool,
    /// True while nothing comes of it that should.
    pub source_muted: bool,
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
    /// The time since the client began.
    pub at: Duration,
    /// The figures of its media so far.
    pub media: MediaStats,
    /// The version of this library.
    pub version: &'static str,
}
