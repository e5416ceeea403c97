//! Events of a client for its application.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::constants::{
    CallState, ChangeReason, MediaConnectionState, OperationKind, OperationStatus, Transition,
};
use super::contacts::Contact;
use super::error::Error;
use super::ids::{CallId, MessageId, OperationId, TrackId, UserId};
use super::info::{
    CallInfo, CustomParameter, EndReason, MediaOffered, ProxyInfo, SocketState, StatsReport,
    Subscriptions,
};
use super::messages::MessageKind;
use super::notice::NoticeChannel;
use super::presence::Presence;
use super::private::Private;
use super::sip_events::SipChange;
use super::users::User;
use super::voicemail::Voicemail;
use super::wishes::MediaWishes;
use crate::machine::{CommandId, MediaId};
use crate::media::{Agreement, Codec, Digit, MediaKind, PathState};
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
    /// The codecs of a kind of media, as they were asked for ([`Query::Codecs`](super::Query::Codecs)).
    Codecs {
        /// The kind.
        kind: MediaKind,
        /// The codecs, best first.
        codecs: Vec<Codec>,
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
    /// The path of a call's media is another one than before. What is lost is looked for by a restart of media, if
    /// [`CallConfig::restart_lost_media`](super::CallConfig::restart_lost_media) is not switched off.
    MediaPath {
        /// The call.
        call: CallId,
        /// The name of its media.
        media: Option<MediaId>,
        /// The new state.
        path: PathState,
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
    /// A relay lends a call no address, or no more. One that refused is asked no more unless it gets other credentials:
    /// those that there are may be wrong, or have run out. One that did not answer is asked for a while yet.
    NoRelay {
        /// The call.
        call: CallId,
        /// The address of the server.
        server: SocketAddr,
        /// The code by which it refused (RFC 8489 section 14.8), 401 for a wrong or expired password; none where it
        /// did not answer.
        code: Option<u16>,
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
    /// Media of ours is wanted for a call, from these sources: the application sends what it can.
    MediaWanted {
        /// The call.
        call: CallId,
        /// The sources.
        wishes: Box<MediaWishes>,
    },
    /// A sound is played into a call ([`Command::PlayAudio`](super::Command::PlayAudio)).
    PlaybackStarted {
        /// The call.
        call: CallId,
        /// The time that it takes.
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
    /// The source of a track of ours is gone ([`SourceState::Ended`](super::SourceState::Ended)): the track stays in
    /// the call without media, until it is replaced or removed.
    TrackEnded {
        /// The track.
        track: TrackId,
        /// The call.
        call: Option<CallId>,
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
    /// The history of calls is another one.
    HistoryChanged,
    /// The text that keeps the history is another one, for whoever stores it
    /// ([`Client::history_cache`](super::Client::history_cache)).
    HistoryCacheChanged,
    /// Two other telephones are being connected: the command goes on.
    ClickToCallStarted {
        /// The name of that call here.
        id: CallId,
    },
    /// An entry is new in the address book.
    ContactAdded {
        /// The entry.
        contact: Box<Contact>,
    },
    /// The address book is another one.
    ContactsChanged {
        /// The entries of it that are not kept, as there are over 10 000.
        left_out: usize,
    },
    /// A conversation began, by whichever side.
    ConversationStarted {
        /// The other user.
        destination: String,
        /// The kind of messages.
        kind: MessageKind,
    },
    /// Conversations are new or gone.
    ConversationsChanged {
        /// The other users in them.
        destinations: Vec<String>,
    },
    /// Messages of a conversation are new, on their way, sent, read or gone.
    MessagesChanged {
        /// The other user.
        destination: String,
        /// The kind of messages.
        kind: MessageKind,
        /// The message, where it is one.
        message: Option<MessageId>,
        /// Its sender.
        sender: Option<String>,
    },
    /// The user whose presence is watched or was asked for has another one.
    PresenceChanged {
        /// It.
        presence: Presence,
    },
    /// The user's own presence was set.
    OwnPresenceChanged,
    /// The presence of users is told from now on.
    PresenceWatched {
        /// The users.
        users: Vec<UserId>,
    },
    /// The presence of users is told no longer.
    PresenceUnwatched {
        /// The users.
        users: Vec<UserId>,
    },
    /// Users could not be watched again under a new subscription. They are asked for with the next one.
    PresenceFailed {
        /// The failure.
        error: Error,
    },
    /// A device is registered for push or no longer, or what is pushed is taken or no longer.
    PushChanged {
        /// The way of notifications that it is about.
        channel: NoticeChannel,
    },
    /// A subscription of events of SIP is new, of other users, or over.
    SipSubscriptionChanged {
        /// The type of events.
        event_type: String,
        /// The change.
        change: SipChange,
        /// Users more.
        subscribed: Vec<UserId>,
        /// Users less.
        unsubscribed: Vec<UserId>,
    },
    /// A subscription of events of SIP could not be renewed. It is tried again while it lasts.
    SipFailed {
        /// The type of events.
        event_type: String,
        /// The failure.
        error: Error,
    },
    /// An event of SIP came, subscribed to or not.
    SipEvent {
        /// The type of events.
        event_type: String,
        /// Its id, if it has one.
        event_id: Option<String>,
        /// The whole message, as it came: 256 KiB at most.
        event: Private<Value>,
        /// The call that it is about, where that is known.
        call: Option<CallId>,
    },
    /// The directory was searched.
    DirectoryChanged {
        /// The users that were found: as many as make 64 KiB. The command has them all.
        results: Vec<User>,
    },
    /// A user of the directory was fetched.
    UsersChanged {
        /// The user.
        results: Vec<User>,
    },
    /// The voicemail that waits is another one.
    VoicemailChanged(Box<Voicemail>),
    /// A message came that this client makes nothing of: an application's own (service `custom`), or of a type
    /// that it does not know. Its text, as it came.
    Notification {
        /// The message: JSON.
        message: Private<String>,
    },
    /// A frame for the process that has the media of calls, which takes it as
    /// [`HostCommand::Received`](super::HostCommand::Received). It may hold keys: keep it from logs.
    ProxyFrame(Private<String>),
    /// Media elsewhere stands otherwise than before.
    ProxyChanged(ProxyInfo),
    /// The channel to media elsewhere broke by itself: the calls that have their media there end, and others have
    /// it here until the other process is initialized anew.
    ProxyFailed {
        /// The reason.
        error: Error,
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
