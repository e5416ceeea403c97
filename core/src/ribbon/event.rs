//! Events of a client for its application.

use std::time::Duration;

use super::constants::{
    CallState, ChangeReason, MediaConnectionState, OperationKind, OperationStatus, Transition,
};
use super::error::Error;
use super::ids::{CallId, OperationId, TrackId};
use super::info::{
    CallInfo, CustomParameter, EndReason, MediaOffered, SocketState, StatsReport, Subscriptions,
};
use crate::machine::{CommandId, MediaId};
use crate::media::{Agreement, Digit};
use crate::report::TraceRecord;

/// An event of [`Client`](super::Client). A failure that answers a command is that command's completion; it is
/// an event only where nobody asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The gateway refused a request for who we are (w1.5): beside the end of whatever asked.
    RequestRefused {
        /// The refusal.
        error: Error,
    },
    /// Other credentials are in use.
    CredentialsChanged,
    /// The subscription changed.
    SubscriptionChanged {
        /// The reason.
        reason: ChangeReason,
        /// The services subscribed to now.
        subscriptions: Subscriptions,
    },
    /// The subscription was renewed, or was not.
    Resubscribed {
        /// The attempt since the last that succeeded, from 1.
        attempt: u32,
        /// The reason for its failure, if it failed.
        error: Option<Error>,
    },
    /// The notification socket is another one, or there is none. Not told of one that is closed on purpose.
    SocketChanged {
        /// The state.
        state: SocketState,
    },
    /// A call is placed: its command goes on.
    CallStarted {
        /// The call.
        call: CallId,
        /// The command.
        command: CommandId,
    },
    /// Somebody calls. Not yet to be answered: wait for [`Event::CallState`] to Ringing or Initiated.
    CallReceived {
        /// The call.
        call: CallId,
        /// The media that they offer; none where the offer is left to us.
        media_offered: Option<MediaOffered>,
    },
    /// A call was made of two.
    CallJoined {
        /// The new call.
        call: CallId,
        /// The first of them.
        first: CallId,
        /// The second of them.
        second: CallId,
    },
    /// An operation on a call goes on (w4.0.3).
    Operation {
        /// The call.
        call: CallId,
        /// The operation.
        id: OperationId,
        /// Its kind.
        kind: OperationKind,
        /// The step that it takes.
        transition: Transition,
        /// True for ours, false for the far side's.
        local: bool,
        /// Its status before; none at its start.
        previous: Option<OperationStatus>,
        /// The reason for its failure, if it failed.
        error: Option<Error>,
    },
    /// A call is in another state, or held by somebody else, or a command on it failed.
    CallState {
        /// The call as it is.
        call: CallInfo,
        /// The state told before.
        previous: CallState,
        /// The reason for its end, if the gateway or this client gives a reason.
        transition: Option<EndReason>,
        /// The failure, if there was one.
        error: Option<Error>,
    },
    /// Tracks are in a call that were not before, once for each operation.
    TracksAdded {
        /// The call.
        call: CallId,
        /// The name of its media, for frames.
        media: MediaId,
        /// The tracks, never none.
        tracks: Vec<TrackId>,
    },
    /// Tracks are in a call no more.
    TracksRemoved {
        /// The call.
        call: CallId,
        /// The tracks, never none.
        tracks: Vec<TrackId>,
    },
    /// Media came into a call, by the wish of either side.
    MediaAdded {
        /// The call.
        call: CallId,
        /// True for ours.
        local: bool,
        /// The tracks, never none.
        tracks: Vec<TrackId>,
        /// The name of its media, for frames.
        media: MediaId,
    },
    /// Media left a call, by the wish of either side.
    MediaRemoved {
        /// The call.
        call: CallId,
        /// True for ours.
        local: bool,
        /// The tracks, never none.
        tracks: Vec<TrackId>,
    },
    /// Something else is sent as a track of ours.
    TrackReplaced {
        /// The call.
        call: CallId,
        /// Its name from now on.
        new: TrackId,
        /// Its name before.
        old: TrackId,
    },
    /// Tracks are given to a sink of the application's.
    TracksRendered {
        /// The tracks.
        tracks: Vec<TrackId>,
        /// The sink.
        sink: String,
        /// The device, as it was named.
        device: Option<String>,
    },
    /// The devices are wanted: answer by [`Command::SetDevices`](super::Command::SetDevices) or
    /// [`Command::DevicesFailed`](super::Command::DevicesFailed).
    DevicesWanted {
        /// True for those of sound.
        audio: bool,
        /// True for those of pictures.
        video: bool,
    },
    /// Other devices are there than before.
    DevicesChanged,
    /// The far side sent parameters.
    CustomParameters {
        /// The call.
        call: CallId,
        /// The parameters, at most 64.
        parameters: Vec<CustomParameter>,
    },
    /// A call's media is connected, or no more.
    MediaConnection {
        /// The call.
        call: CallId,
        /// The name of its media, for frames.
        media: Option<MediaId>,
        /// The state.
        state: MediaConnectionState,
        /// The state before.
        previous: MediaConnectionState,
    },
    /// Something was agreed on with the far side about a call's sound.
    MediaAgreed {
        /// The call.
        call: CallId,
        /// The name of its media.
        media: MediaId,
        /// The terms.
        agreement: Agreement,
    },
    /// Another path for a call's media is looked for.
    MediaRestarted {
        /// The call.
        call: CallId,
    },
    /// The far side pressed a key.
    Dtmf {
        /// The call.
        call: CallId,
        /// The key.
        digit: Digit,
        /// The time for which it was down.
        duration: Duration,
    },
    /// A call's figures, every [`Config::stats_period`](super::Config::stats_period). Expendable.
    Stats(StatsReport),
    /// Nothing comes of a track of the far side's that should flow, for 2 s.
    SourceMuted {
        /// The track.
        track: TrackId,
    },
    /// Something comes of it again.
    SourceUnmuted {
        /// The track.
        track: TrackId,
    },
    /// Tracks are muted here.
    TracksMuted {
        /// The tracks.
        tracks: Vec<TrackId>,
    },
    /// Tracks are muted here no more.
    TracksUnmuted {
        /// The tracks.
        tracks: Vec<TrackId>,
    },
    /// A message came that this client makes nothing of: an application's own (service `custom`), or of a type
    /// that it does not know. Its text, as it came.
    Notification {
        /// The message: JSON.
        message: String,
    },
    /// Something came that cannot be read, and was left out.
    Malformed {
        /// The fault, without secrets.
        what: String,
    },
    /// So many events were not read in time, and lost.
    EventsLost(u64),
    /// A message on the wire ([`Config::trace`](super::Config::trace)). Expendable.
    Trace(TraceRecord),
}
