//! Commands of an application to a client, and their outcomes.

use std::sync::Arc;
use std::time::Duration;

use super::config::ConfigPatch;
use super::constants::{Activity, Status};
use super::contacts::Contact;
use super::credentials::Credentials;
use super::devices::Devices;
use super::fetch::FetchRequest;
use super::ids::{CallId, ContactId, MessageId, RecordId, TrackId, UserId};
use super::info::{CustomParameter, SourceState};
use super::messages::{Draft, MessageKind};
use super::notice::NoticeChannel;
use super::options::{AnswerOptions, MakeOptions, MediaOptions};
use super::pipeline::SdpHandler;
use super::private::Private;
use super::push::{PushDevice, PushKind};
use super::query::Query;
use super::service::Service;
#[cfg(feature = "audio")]
use super::sound::AudioSource;
use super::tones::Tones;
use super::users::UserFilter;
use super::wanted::{CallMedia, MoreMedia};
use super::wishes::MediaWishes;

/// A request to [`Client`](super::Client). Each is answered by exactly one completion, within the limit that its
/// variant names: `rest_timeout` is [`Config::rest_timeout`](super::Config::rest_timeout), and `ice` the longest
/// collection of candidates ([`Call::ice_max`](super::CallConfig::ice_max)).
#[derive(Clone, derive_more::Debug)]
#[non_exhaustive]
pub enum Command {
    /// Use these credentials from now on (w1.3). Refused while services are subscribed to for another
    /// user. What waits to be tried again is tried at once. Completes at once.
    SetCredentials(Credentials),
    /// Change settings: absent ones stay, all change or none. Completes at once.
    UpdateConfig(Box<ConfigPatch>),
    /// Subscribe to services, besides those there are. Completes when the notification socket is open.
    /// Within the attempts and pauses that the configuration allows.
    Subscribe {
        /// The services, at most 64.
        services: Vec<Service>,
        /// The name that tells this client from the user's others, instead of a random one: letters,
        /// digits, `-` and `_`.
        correlator: Option<String>,
    },
    /// Give services up; the subscription with the last of them. Cancels a subscription under way. Within
    /// `rest_timeout`.
    Unsubscribe {
        /// The services.
        services: Vec<Service>,
    },
    /// Start or stop the pings of the notification socket. Completes at once.
    CheckConnectivity(bool),
    /// Close the notification socket and open it anew: the network is another one. Completes at once.
    ResetConnection,
    /// Take a notification that came by another way than the socket (w3.2): pushed, for instance. Completes at
    /// once.
    ProcessNotification {
        /// The message, as JSON; at most 256 KiB. No log shows it: there are keys of media in it.
        #[debug("{} bytes", message.len())]
        message: String,
        /// The way.
        channel: NoticeChannel,
    },
    /// Place a call. Completes with `Outcome::Call` when the gateway took it;
    /// [`Event::CallStarted`](super::Event::CallStarted) comes first. Within `ice` + `rest_timeout` + 15 s.
    Make {
        /// The called one: a user, a SIP address or a number (w4.0.1); at most 512 bytes.
        to: String,
        /// The media to send and to receive.
        media: CallMedia,
        /// The rest.
        options: MakeOptions,
    },
    /// Answer an incoming call. Within `ice` + `rest_timeout` + 15 s.
    Answer {
        /// The call.
        call: CallId,
        /// The media to send and to receive: nothing that was not offered.
        media: CallMedia,
        /// The rest.
        options: AnswerOptions,
    },
    /// Decline an incoming call. Within `rest_timeout`.
    Reject {
        /// The call.
        call: CallId,
    },
    /// End an incoming call here, and tell nobody. Completes at once.
    Ignore {
        /// The call.
        call: CallId,
    },
    /// Send an incoming call on to somebody else. Within `rest_timeout`.
    Forward {
        /// The call.
        call: CallId,
        /// The address (w4.0.1).
        to: String,
    },
    /// End a call, whatever its state. Completes within 1 s; the gateway is told in the background.
    End {
        /// The call.
        call: CallId,
    },
    /// Hold a call. Within `ice` + `rest_timeout` + 15 s.
    Hold {
        /// The call.
        call: CallId,
    },
    /// Resume a call that is held here. Within `ice` + `rest_timeout` + 15 s.
    Unhold {
        /// The call.
        call: CallId,
    },
    /// Find another path for a call's media (RFC 8445 section 9). While the notification socket is down it
    /// is waited for, 60 s at most. Within that + `ice` + `rest_timeout` + 15 s.
    RestartMedia {
        /// The call.
        call: CallId,
    },
    /// Send more in a call that is connected: tracks that are there and idle first. Completes with
    /// `Outcome::Media`. Within `ice` + `rest_timeout` + 15 s.
    AddMedia {
        /// The call.
        call: CallId,
        /// The media: not what the call has already; 16 in all.
        media: MoreMedia,
        /// The rest.
        options: MediaOptions,
    },
    /// Stop sending tracks in a call that is connected. They do not come back by themselves. Within `ice` +
    /// `rest_timeout` + 15 s.
    RemoveMedia {
        /// The call.
        call: CallId,
        /// Tracks of ours: 32 at most.
        tracks: Vec<TrackId>,
        /// The rest.
        options: MediaOptions,
    },
    /// Send pictures in a call that sends none. Completes with `Outcome::Media`. Within `ice` +
    /// `rest_timeout` + 15 s.
    StartVideo {
        /// The call.
        call: CallId,
        /// The rest.
        options: MediaOptions,
    },
    /// Stop sending pictures in a call that sends one track of them. Within `ice` + `rest_timeout` + 15 s.
    StopVideo {
        /// The call.
        call: CallId,
    },
    /// Send something else as a track of ours, of the same kind and not muted; the far side is not asked.
    /// [`Event::TrackReplaced`](super::Event::TrackReplaced) names it. Completes at once.
    ReplaceTrack {
        /// The call.
        call: CallId,
        /// The track.
        track: TrackId,
        /// The media: exactly one.
        media: MoreMedia,
    },
    /// Make media of our own that belongs to no call: the application pushes its frames, and calls may send
    /// them. Completes at once with `Outcome::DetachedMedia`; 64 at a time.
    CreateLocalMedia(CallMedia),
    /// Forget media of our own that no call sends. Completes at once.
    DisposeLocalMedia {
        /// Its track.
        track: TrackId,
    },
    /// Give tracks to a sink of the application's, by its name: what takes the place of an element of a web
    /// page. Completes at once.
    RenderTracks {
        /// The tracks: 32 at most for one sink.
        tracks: Vec<TrackId>,
        /// The sink, of 32 at most.
        sink: String,
        /// The device, which is handed on.
        device: Option<String>,
    },
    /// Take tracks from a sink. Completes at once.
    UnrenderTracks {
        /// The tracks.
        tracks: Vec<TrackId>,
        /// The sink.
        sink: String,
    },
    /// Ask the application for its devices ([`Event::DevicesWanted`](super::Event::DevicesWanted)). Completes
    /// when it answers, within 60 s.
    InitializeDevices {
        /// True for those of sound.
        audio: bool,
        /// True for those of pictures.
        video: bool,
    },
    /// Take note of the devices that there are, 256 at most. Completes at once.
    SetDevices(Devices),
    /// Answer that there are no devices, and why not. Completes at once.
    DevicesFailed(String),
    /// Says whether there is a channel to another process that has the media of calls: a
    /// [`MediaHost`](super::MediaHost) (w5.5). What comes on it is told by [`Command::ProxyReceived`], what goes out
    /// by [`Event::ProxyFrame`](super::Event::ProxyFrame). A channel that is set anew has to be initialized anew.
    ///
    /// Errors: [`ProxyCode::InActiveCall`](super::ProxyCode::InActiveCall).
    SetProxyChannel(bool),
    /// Asks the other process to get ready, with a log of the level in these settings, or of ours. All other
    /// settings go along with each call. At most 12 s.
    ///
    /// Errors: [`ProxyCode`](super::ProxyCode): `InvalidState` without a channel, `InActiveCall`, `VersionMismatch`,
    /// `Timeout`, `Unknown` with its reason.
    InitializeRemote(Box<ConfigPatch>),
    /// Has the media of calls in the other process from now on, or here again. The other process opens the
    /// sockets, and has the frames; what is sent here is carried there. Its figures come every second.
    ///
    /// Errors: [`ProxyCode`](super::ProxyCode): `InvalidState` where it is not initialized, `InActiveCall`.
    SetProxyMode(bool),
    /// A frame came on the channel: what a [`HostEvent::Frame`](super::HostEvent::Frame) holds, at most 64 KiB. One
    /// that cannot be read is left out, and counted ([`ProxyInfo::unread`](super::ProxyInfo::unread)).
    ///
    /// Errors: [`ProxyCode::InvalidParam`](super::ProxyCode::InvalidParam) for a longer one.
    ProxyReceived(Private<String>),
    /// Tell the gateway that an incoming call rings
    /// ([`RingingFeedback::Manual`](super::RingingFeedback::Manual)). Within `rest_timeout`.
    SendRingingFeedback {
        /// The call.
        call: CallId,
    },
    /// Keep parameters that ride on all later requests of a call; none removes them. Completes at once.
    SetCustomParameters {
        /// The call.
        call: CallId,
        /// The parameters: 64, of names of 256 bytes and values of 4 KiB at most.
        parameters: Option<Vec<CustomParameter>>,
    },
    /// Send a call's parameters now. Within `rest_timeout`.
    SendCustomParameters {
        /// The call.
        call: CallId,
    },
    /// Send keys in the audio (RFC 4733), the first at once. Completes when they are queued; refused where the
    /// far side takes no keys.
    SendDtmf {
        /// The call.
        call: CallId,
        /// The keys, and pauses of 2 s between them: 64 at most.
        tones: Tones,
        /// The time that each is pressed; less than 40 ms becomes 40 ms, more than 6 s 6 s.
        duration: Duration,
        /// The time between two of them; less than 50 ms becomes 50 ms.
        gap: Duration,
    },
    /// Play a sound into a connected call, in place of what it sends: one at a time. Its frames are sent in the
    /// codec that is agreed on, at the pace of speech; what the application sends meanwhile is left out.
    /// [`Event::PlaybackStarted`](super::Event::PlaybackStarted) tells its length. Completes at its end. Within
    /// its length + 3 s.
    #[cfg(feature = "audio")]
    PlayAudio {
        /// The call.
        call: CallId,
        /// The sound.
        source: AudioSource,
    },
    /// Ask for a call's figures. Completes at once with `Outcome::Stats`.
    GetStats {
        /// The call.
        call: CallId,
        /// One of its tracks, or all.
        track: Option<TrackId>,
    },
    /// Change descriptions of calls that begin from now on. Completes at once.
    SetSdpHandlers(Vec<Arc<dyn SdpHandler>>),
    /// Send silence for these tracks of ours; hand nothing on from those of others. Completes at once.
    MuteTracks {
        /// The tracks: 32 at most.
        tracks: Vec<TrackId>,
    },
    /// Takes note of the state of the source of a track of ours, which only the application knows: told by
    /// [`Event::SourceMuted`](super::Event::SourceMuted), `SourceUnmuted` or `TrackEnded`. Completes at once. What
    /// is sent of a source that ended is dropped; [`Command::ReplaceTrack`] puts another in its place.
    ///
    /// Errors: [`WebRtcCode::InvalidTrackId`](super::WebRtcCode::InvalidTrackId) for a track of no call, or one
    /// that ended; [`WebRtcCode::TrackNotLocal`](super::WebRtcCode::TrackNotLocal) for one of the far side's.
    SetSource {
        /// The track.
        track: TrackId,
        /// The state of its source.
        state: SourceState,
    },
    /// Send and hand on these tracks again. Completes at once.
    UnmuteTracks {
        /// The tracks: 32 at most.
        tracks: Vec<TrackId>,
    },
    /// Send a held call on to somebody, without asking them. Completes when they took it. Within
    /// `rest_timeout` + 60 s.
    DirectTransfer {
        /// The call.
        call: CallId,
        /// The address (w4.0.1).
        to: String,
    },
    /// Connect the far ends of two held calls with each other. Completes when both are over here. Within
    /// `rest_timeout` + 60 s.
    ConsultativeTransfer {
        /// The call.
        call: CallId,
        /// The other one.
        other: CallId,
    },
    /// Make one call of two held ones. Completes with `Outcome::Call`, when the gateway took it. Within
    /// `ice` + `rest_timeout` + 15 s.
    Join {
        /// The call.
        call: CallId,
        /// The other one.
        other: CallId,
    },
    /// Ask the gateway what it knows of a call (w4.16). Within `rest_timeout`.
    Resync {
        /// The call.
        call: CallId,
    },
    /// Ask the gateway for records of the history of calls. They stand in
    /// [`Client::history`](super::Client::history) then. Within `rest_timeout`.
    FetchHistory {
        /// The most records: 1 to 50.
        amount: u32,
        /// So many of the newest are passed over.
        offset: u32,
    },
    /// Remove a record of the history; one of our own without asking anybody. Within `rest_timeout`.
    RemoveRecord {
        /// The record.
        record: RecordId,
    },
    /// Remove all records of the history. Within `rest_timeout`.
    ClearHistory,
    /// Take a history that [`Client::history_cache`](super::Client::history_cache) gave, in place of the one
    /// that there is; at most 1 MiB. Completes at once.
    SetHistoryCache(Private<String>),
    /// Add an entry to the address book. Completes with `Outcome::Contact`. Within `rest_timeout`.
    AddContact(Contact),
    /// Change an entry of the address book. Completes with `Outcome::Contact`. Within `rest_timeout`.
    UpdateContact(Contact),
    /// Remove an entry of the address book. Within `rest_timeout`.
    RemoveContact {
        /// The entry.
        contact: ContactId,
    },
    /// Ask for one entry of the address book. Completes with `Outcome::Contact`. Within `rest_timeout`.
    FetchContact {
        /// The entry.
        contact: ContactId,
    },
    /// Ask for the whole address book, of which 10 000 entries are kept. Within `rest_timeout`.
    RefreshContacts,
    /// Ask the directory for a user. Completes with `Outcome::User`. Within `rest_timeout`.
    FetchUser {
        /// The user.
        user: UserId,
    },
    /// Ask the directory for the user that is logged in. Completes with `Outcome::User`. Within
    /// `rest_timeout`.
    FetchSelf,
    /// Search the directory. Completes with `Outcome::Users`, 10 000 at most. Within `rest_timeout`.
    SearchUsers(UserFilter),
    /// Tell the user's own presence. Within `rest_timeout`.
    UpdatePresence {
        /// The reachability.
        status: Status,
        /// The activity.
        activity: Activity,
        /// A remark, of 1 KiB at most.
        note: Option<String>,
    },
    /// Ask for the presence of users once: [`Event::PresenceChanged`](super::Event::PresenceChanged) tells it.
    /// Within `rest_timeout`.
    FetchPresence {
        /// The users: 100 at most.
        users: Vec<UserId>,
    },
    /// Be told of the presence of users from now on, also under later subscriptions. Within `rest_timeout`.
    WatchPresence {
        /// The users: 100 at most, and 1 000 in all.
        users: Vec<UserId>,
    },
    /// Be told of the presence of users no longer. Within `rest_timeout`.
    UnwatchPresence {
        /// The users: 100 at most.
        users: Vec<UserId>,
    },
    /// Open a conversation, unless there is one. Completes at once.
    OpenConversation {
        /// The other user.
        destination: String,
        /// The kind of messages.
        kind: MessageKind,
    },
    /// Send an instant message. Completes with `Outcome::Message`, its name at the gateway. Within
    /// `rest_timeout`; 100 at a time.
    SendMessage {
        /// The other user.
        destination: String,
        /// The kind of messages: of others than the first, nothing travels (w5.5).
        kind: MessageKind,
        /// The message.
        draft: Draft,
    },
    /// Send a message of one conversation on to another user. Completes with `Outcome::Message`. Within
    /// `rest_timeout`.
    ForwardMessage {
        /// The other user of the conversation that it is of.
        destination: String,
        /// The kind of that conversation.
        kind: MessageKind,
        /// The message.
        message: MessageId,
        /// The user that it is sent to.
        to: String,
    },
    /// Take note that a message was read. Completes at once.
    MarkRead {
        /// The other user.
        destination: String,
        /// The kind of messages.
        kind: MessageKind,
        /// The message.
        message: MessageId,
    },
    /// Forget the messages of a conversation here. Completes at once.
    ClearMessages {
        /// The other user.
        destination: String,
        /// The kind of messages.
        kind: MessageKind,
    },
    /// Subscribe to events of SIP, for which their service has to be subscribed to. Renewed by itself. Within
    /// `rest_timeout`; 32 types.
    SubscribeSipEvent {
        /// The type, as `event:dialog`.
        event_type: String,
        /// The users that they are of: 1 000 at most.
        users: Vec<UserId>,
        /// The name that tells this client from the user's others, instead of the subscription's.
        correlator: Option<String>,
        /// Parameters for the far side.
        parameters: Vec<CustomParameter>,
    },
    /// Change the users of a subscription of events; without any it ends. Within `rest_timeout`.
    UpdateSipEvent {
        /// The type.
        event_type: String,
        /// Users more.
        add: Vec<UserId>,
        /// Users less.
        remove: Vec<UserId>,
        /// Parameters for the far side.
        parameters: Vec<CustomParameter>,
    },
    /// End a subscription of events. Within `rest_timeout`.
    UnsubscribeSipEvent {
        /// The type.
        event_type: String,
    },
    /// Ask for the voicemail that waits. Completes with `Outcome::Voicemail`. Within `rest_timeout`.
    FetchVoicemail,
    /// Connect two other telephones with each other. Completes with `Outcome::ClickToCall`, after
    /// [`Event::ClickToCallStarted`](super::Event::ClickToCallStarted). Within `rest_timeout`.
    ClickToCall {
        /// The one that calls; at most 512 bytes.
        caller: String,
        /// The one that is called; at most 512 bytes.
        callee: String,
    },
    /// Register a device for push, at [`PushServer`](super::PushServer), in place of the one of its kind. Within
    /// `rest_timeout`.
    RegisterPush(PushDevice),
    /// Register a device for push no longer. Within `rest_timeout`.
    UnregisterPush(PushKind),
    /// Take pushed notifications, or leave them alone. Completes at once.
    EnablePush(bool),
    /// Make a request of the application's own to the gateway. Completes with `Outcome::Response`, whatever
    /// its status. Within `rest_timeout`; 16 at a time.
    Fetch(FetchRequest),
    /// Ask what this client knows. Completes at once, with the outcome that [`Query`] names.
    Query(Query),
    /// End everything: every command that waits, as closed, every call, the subscription. Refused once it was
    /// asked for. Completes when the gateway knows, or after 5 s.
    Destroy,
}

/// The commands of what is kept beside calls, as a pattern.
macro_rules! store_commands {
    () => {
        $crate::ribbon::Command::FetchHistory { .. }
            | $crate::ribbon::Command::RemoveRecord { .. }
            | $crate::ribbon::Command::ClearHistory
            | $crate::ribbon::Command::SetHistoryCache(_)
            | $crate::ribbon::Command::AddContact(_)
            | $crate::ribbon::Command::UpdateContact(_)
            | $crate::ribbon::Command::RemoveContact { .. }
            | $crate::ribbon::Command::FetchContact { .. }
            | $crate::ribbon::Command::RefreshContacts
            | $crate::ribbon::Command::FetchUser { .. }
            | $crate::ribbon::Command::FetchSelf
            | $crate::ribbon::Command::SearchUsers(_)
            | $crate::ribbon::Command::UpdatePresence { .. }
            | $crate::ribbon::Command::FetchPresence { .. }
            | $crate::ribbon::Command::WatchPresence { .. }
            | $crate::ribbon::Command::UnwatchPresence { .. }
            | $crate::ribbon::Command::OpenConversation { .. }
            | $crate::ribbon::Command::SendMessage { .. }
            | $crate::ribbon::Command::ForwardMessage { .. }
            | $crate::ribbon::Command::MarkRead { .. }
            | $crate::ribbon::Command::ClearMessages { .. }
            | $crate::ribbon::Command::SubscribeSipEvent { .. }
            | $crate::ribbon::Command::UpdateSipEvent { .. }
            | $crate::ribbon::Command::UnsubscribeSipEvent { .. }
            | $crate::ribbon::Command::FetchVoicemail
            | $crate::ribbon::Command::ClickToCall { .. }
            | $crate::ribbon::Command::RegisterPush(_)
            | $crate::ribbon::Command::UnregisterPush(_)
            | $crate::ribbon::Command::EnablePush(_)
            | $crate::ribbon::Command::Fetch(_)
    };
}
pub(super) use store_commands;

/// The commands of the client as a whole, as a pattern.
macro_rules! client_commands {
    () => {
        $crate::ribbon::Command::SetCredentials(_)
            | $crate::ribbon::Command::UpdateConfig(_)
            | $crate::ribbon::Command::Subscribe { .. }
            | $crate::ribbon::Command::Unsubscribe { .. }
            | $crate::ribbon::Command::CheckConnectivity(_)
            | $crate::ribbon::Command::ResetConnection
            | $crate::ribbon::Command::ProcessNotification { .. }
            | $crate::ribbon::Command::SetSdpHandlers(_)
            | $crate::ribbon::Command::Query(_)
            | $crate::ribbon::Command::Destroy
    };
}
pub(super) use client_commands;

/// The commands of media that belongs to no call, and of devices, as a pattern.
macro_rules! media_commands {
    () => {
        $crate::ribbon::Command::CreateLocalMedia(_)
            | $crate::ribbon::Command::DisposeLocalMedia { .. }
            | $crate::ribbon::Command::RenderTracks { .. }
            | $crate::ribbon::Command::UnrenderTracks { .. }
            | $crate::ribbon::Command::InitializeDevices { .. }
            | $crate::ribbon::Command::SetDevices(_)
            | $crate::ribbon::Command::DevicesFailed(_)
    };
}
pub(super) use media_commands;

/// The commands of media elsewhere, as a pattern.
macro_rules! proxy_commands {
    () => {
        $crate::ribbon::Command::SetProxyChannel(_)
            | $crate::ribbon::Command::InitializeRemote(_)
            | $crate::ribbon::Command::SetProxyMode(_)
            | $crate::ribbon::Command::ProxyReceived(_)
    };
}
pub(super) use proxy_commands;

impl Command {
    /// The call that it is about, if it is about one.
    pub(super) fn call(&self) -> Option<&CallId> {
        match self {
            Self::Answer { call, .. }
            | Self::Reject { call }
            | Self::Ignore { call }
            | Self::Forward { call, .. }
            | Self::End { call }
            | Self::Hold { call }
            | Self::Unhold { call }
            | Self::RestartMedia { call }
            | Self::AddMedia { call, .. }
            | Self::RemoveMedia { call, .. }
            | Self::StartVideo { call, .. }
            | Self::StopVideo { call }
            | Self::ReplaceTrack { call, .. }
            | Self::SendRingingFeedback { call }
            | Self::SetCustomParameters { call, .. }
            | Self::SendCustomParameters { call }
            | Self::SendDtmf { call, .. }
            | Self::GetStats { call, .. }
            | Self::DirectTransfer { call, .. }
            | Self::ConsultativeTransfer { call, .. }
            | Self::Join { call, .. }
            | Self::Resync { call } => Some(call),
            #[cfg(feature = "audio")]
            Self::PlayAudio { call, .. } => Some(call),
            Self::Make { .. }
            | Self::MuteTracks { .. }
            | Self::SetSource { .. }
            | Self::UnmuteTracks { .. }
            | client_commands!()
            | media_commands!()
            | proxy_commands!()
            | store_commands!() => None,
        }
    }

    /// The sources that it wishes for.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others bring no media")]
    pub(super) fn wishes(&self) -> Option<&MediaWishes> {
        match self {
            Self::Make { options, .. } => Some(&options.wishes),
            Self::Answer { options, .. } => Some(&options.wishes),
            Self::AddMedia { options, .. } | Self::StartVideo { options, .. } => {
                Some(&options.wishes)
            }
            _ => None,
        }
    }
}
