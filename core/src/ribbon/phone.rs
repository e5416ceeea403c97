//! The phone's keys: one surface for every runtime.

use std::collections::BTreeMap;
use std::time::Duration;

use super::click::ClickToCall;
use super::command::Command;
use super::config::ConfigPatch;
use super::constants::{Activity, Status};
use super::contacts::Contact;
use super::credentials::Credentials;
use super::devices::Devices;
use super::fetch::{FetchRequest, FetchResponse};
use super::history::CallRecord;
use super::ids::{CallId, ContactId, MessageId, RecordId, TrackId, UserId};
use super::info::{
    CallInfo, CustomParameter, DetachedMedia, MediaInfo, ProxyInfo, SocketInfo, SourceState,
    StatsReport, Subscriptions,
};
use super::messages::{Conversation, Draft, MessageKind};
use super::notice::NoticeChannel;
use super::options::{AnswerOptions, MakeOptions, MediaOptions};
use super::outcome::Outcome;
use super::presence::{OwnPresence, Presence};
use super::private::Private;
use super::push::{PushDevice, PushKind};
use super::query::Query;
use super::service::Service;
use super::sip_events::SipEvents;
#[cfg(feature = "audio")]
use super::sound::AudioSource;
use super::timeline::CallReport;
use super::tones::{TONE_GAP, Tones};
use super::users::{User, UserFilter};
use super::voicemail::Voicemail;
use super::wanted::{CallMedia, MoreMedia};
use crate::media::{Codec, IceServer, MediaKind};

/// The keys of a phone, whichever runtime carries it.
///
/// A runtime implements [`Phone::request`] and says what a reply is (a future); the keys come from here. See
/// [`Command`] for what each does.
pub trait Phone {
    /// The answer to a command, sooner or later: `Result<T, Error>`.
    type Reply<T: TryFrom<Outcome, Error = Outcome>>;

    /// Submits a command.
    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Self::Reply<T>;

    /// Uses these credentials from now on ([`Command::SetCredentials`]).
    fn set_credentials(&self, credentials: Credentials) -> Self::Reply<()> {
        self.request(Command::SetCredentials(credentials))
    }

    /// Changes settings ([`Command::UpdateConfig`]).
    fn update_config(&self, patch: ConfigPatch) -> Self::Reply<()> {
        self.request(Command::UpdateConfig(Box::new(patch)))
    }

    /// Subscribes to services ([`Command::Subscribe`]).
    fn subscribe(&self, services: impl IntoIterator<Item = impl Into<Service>>) -> Self::Reply<()> {
        let services = services.into_iter().map(Into::into).collect();
        self.request(Command::Subscribe { services, correlator: None })
    }

    /// Gives services up ([`Command::Unsubscribe`]).
    fn unsubscribe(
        &self,
        services: impl IntoIterator<Item = impl Into<Service>>,
    ) -> Self::Reply<()> {
        let services = services.into_iter().map(Into::into).collect();
        self.request(Command::Unsubscribe { services })
    }

    /// Opens the notification socket anew ([`Command::ResetConnection`]).
    fn reset_connection(&self) -> Self::Reply<()> {
        self.request(Command::ResetConnection)
    }

    /// Places a call ([`Command::Make`]).
    fn make(&self, to: impl Into<String>, options: MakeOptions) -> Self::Reply<CallId> {
        self.request(Command::Make { to: to.into(), media: CallMedia::AUDIO, options })
    }

    /// Answers an incoming call ([`Command::Answer`]).
    fn answer(&self, call: impl Into<CallId>, options: AnswerOptions) -> Self::Reply<()> {
        let media = CallMedia::AUDIO;
        self.request(Command::Answer { call: call.into(), media, options })
    }

    /// Declines an incoming call ([`Command::Reject`]).
    fn reject(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Reject { call: call.into() })
    }

    /// Ends an incoming call here alone ([`Command::Ignore`]).
    fn ignore(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Ignore { call: call.into() })
    }

    /// Sends an incoming call on ([`Command::Forward`]).
    fn forward(&self, call: impl Into<CallId>, to: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::Forward { call: call.into(), to: to.into() })
    }

    /// Ends a call ([`Command::End`]).
    fn end(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::End { call: call.into() })
    }

    /// Holds a call ([`Command::Hold`]).
    fn hold(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Hold { call: call.into() })
    }

    /// Resumes a call ([`Command::Unhold`]).
    fn unhold(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Unhold { call: call.into() })
    }

    /// Finds another path for a call's media ([`Command::RestartMedia`]).
    fn restart_media(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::RestartMedia { call: call.into() })
    }

    /// Sends more in a call ([`Command::AddMedia`]).
    fn add_media(
        &self,
        call: impl Into<CallId>,
        media: MoreMedia,
        options: MediaOptions,
    ) -> Self::Reply<MediaInfo> {
        self.request(Command::AddMedia { call: call.into(), media, options })
    }

    /// Stops sending tracks in a call ([`Command::RemoveMedia`]).
    fn remove_media(
        &self,
        call: impl Into<CallId>,
        tracks: impl IntoIterator<Item = TrackId>,
        options: MediaOptions,
    ) -> Self::Reply<()> {
        let tracks = tracks.into_iter().collect();
        self.request(Command::RemoveMedia { call: call.into(), tracks, options })
    }

    /// Sends pictures in a call ([`Command::StartVideo`]).
    fn start_video(
        &self,
        call: impl Into<CallId>,
        options: MediaOptions,
    ) -> Self::Reply<MediaInfo> {
        self.request(Command::StartVideo { call: call.into(), options })
    }

    /// Stops sending pictures in a call ([`Command::StopVideo`]).
    fn stop_video(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::StopVideo { call: call.into() })
    }

    /// Sends something else as a track ([`Command::ReplaceTrack`]).
    fn replace_track(
        &self,
        call: impl Into<CallId>,
        track: impl Into<TrackId>,
        media: MoreMedia,
    ) -> Self::Reply<()> {
        self.request(Command::ReplaceTrack { call: call.into(), track: track.into(), media })
    }

    /// Makes media of our own that belongs to no call ([`Command::CreateLocalMedia`]).
    fn create_local_media(&self, media: CallMedia) -> Self::Reply<Vec<DetachedMedia>> {
        self.request(Command::CreateLocalMedia(media))
    }

    /// Forgets media of our own ([`Command::DisposeLocalMedia`]).
    fn dispose_local_media(&self, track: impl Into<TrackId>) -> Self::Reply<()> {
        self.request(Command::DisposeLocalMedia { track: track.into() })
    }

    /// Gives tracks to a sink ([`Command::RenderTracks`]).
    fn render_tracks(
        &self,
        tracks: impl IntoIterator<Item = TrackId>,
        sink: impl Into<String>,
        device: Option<String>,
    ) -> Self::Reply<()> {
        let tracks = tracks.into_iter().collect();
        self.request(Command::RenderTracks { tracks, sink: sink.into(), device })
    }

    /// Takes tracks from a sink ([`Command::UnrenderTracks`]).
    fn unrender_tracks(
        &self,
        tracks: impl IntoIterator<Item = TrackId>,
        sink: impl Into<String>,
    ) -> Self::Reply<()> {
        let tracks = tracks.into_iter().collect();
        self.request(Command::UnrenderTracks { tracks, sink: sink.into() })
    }

    /// Asks the application for its devices ([`Command::InitializeDevices`]).
    fn initialize_devices(&self, audio: bool, video: bool) -> Self::Reply<()> {
        self.request(Command::InitializeDevices { audio, video })
    }

    /// Takes note of the devices that there are ([`Command::SetDevices`]).
    fn set_devices(&self, devices: Devices) -> Self::Reply<()> {
        self.request(Command::SetDevices(devices))
    }

    /// Answers that there are no devices ([`Command::DevicesFailed`]).
    fn devices_failed(&self, why: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::DevicesFailed(why.into()))
    }

    /// Tells the gateway that an incoming call rings ([`Command::SendRingingFeedback`]).
    fn send_ringing_feedback(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::SendRingingFeedback { call: call.into() })
    }

    /// Keeps parameters for later requests of a call ([`Command::SetCustomParameters`]).
    fn set_custom_parameters(
        &self,
        call: impl Into<CallId>,
        parameters: Option<Vec<CustomParameter>>,
    ) -> Self::Reply<()> {
        self.request(Command::SetCustomParameters { call: call.into(), parameters })
    }

    /// Sends a call's parameters ([`Command::SendCustomParameters`]).
    fn send_custom_parameters(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::SendCustomParameters { call: call.into() })
    }

    /// Sends keys in the audio, 70 ms apart ([`Command::SendDtmf`]).
    fn send_dtmf(
        &self,
        call: impl Into<CallId>,
        tones: impl Into<Tones>,
        duration: Duration,
    ) -> Self::Reply<()> {
        let (call, tones, gap) = (call.into(), tones.into(), TONE_GAP);
        self.request(Command::SendDtmf { call, tones, duration, gap })
    }

    /// Plays a sound into a call ([`Command::PlayAudio`]).
    #[cfg(feature = "audio")]
    fn play_audio(&self, call: impl Into<CallId>, source: AudioSource) -> Self::Reply<()> {
        self.request(Command::PlayAudio { call: call.into(), source })
    }

    /// Asks for a call's figures ([`Command::GetStats`]).
    fn get_stats(&self, call: impl Into<CallId>) -> Self::Reply<StatsReport> {
        self.request(Command::GetStats { call: call.into(), track: None })
    }

    /// Mutes tracks ([`Command::MuteTracks`]).
    fn mute_tracks(&self, tracks: impl IntoIterator<Item = TrackId>) -> Self::Reply<()> {
        self.request(Command::MuteTracks { tracks: tracks.into_iter().collect() })
    }

    /// Unmutes tracks ([`Command::UnmuteTracks`]).
    fn unmute_tracks(&self, tracks: impl IntoIterator<Item = TrackId>) -> Self::Reply<()> {
        self.request(Command::UnmuteTracks { tracks: tracks.into_iter().collect() })
    }

    /// Takes note of the state of the source of a track of ours ([`Command::SetSource`]).
    fn set_source(&self, track: TrackId, state: SourceState) -> Self::Reply<()> {
        self.request(Command::SetSource { track, state })
    }

    /// Sends a held call on to somebody ([`Command::DirectTransfer`]).
    fn direct_transfer(&self, call: impl Into<CallId>, to: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::DirectTransfer { call: call.into(), to: to.into() })
    }

    /// Connects the far ends of two held calls ([`Command::ConsultativeTransfer`]).
    fn consultative_transfer(
        &self,
        call: impl Into<CallId>,
        other: impl Into<CallId>,
    ) -> Self::Reply<()> {
        self.request(Command::ConsultativeTransfer { call: call.into(), other: other.into() })
    }

    /// Makes one call of two held ones ([`Command::Join`]).
    fn join(&self, call: impl Into<CallId>, other: impl Into<CallId>) -> Self::Reply<CallId> {
        self.request(Command::Join { call: call.into(), other: other.into() })
    }

    /// Asks the gateway what it knows of a call ([`Command::Resync`]).
    fn resync(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Resync { call: call.into() })
    }

    /// Takes a notification that came by another way than the socket ([`Command::ProcessNotification`]).
    fn process_notification(
        &self,
        message: impl Into<String>,
        channel: NoticeChannel,
    ) -> Self::Reply<()> {
        self.request(Command::ProcessNotification { message: message.into(), channel })
    }

    /// The calls, as they are ([`Client::calls`](super::Client::calls)).
    fn calls(&self) -> Self::Reply<Vec<CallInfo>> {
        self.request(Command::Query(Query::Calls))
    }

    /// A call, as it is ([`Client::call`](super::Client::call)).
    fn call(&self, call: impl Into<CallId>) -> Self::Reply<Option<Box<CallInfo>>> {
        self.request(Command::Query(Query::Call(call.into())))
    }

    /// The report on a call ([`Client::report`](super::Client::report)).
    fn report(&self, call: impl Into<CallId>) -> Self::Reply<Option<CallReport>> {
        self.request(Command::Query(Query::Report(call.into())))
    }

    /// The codecs of a kind of media ([`Client::codecs`](super::Client::codecs)).
    fn codecs(&self, kind: MediaKind) -> Self::Reply<Vec<Codec>> {
        self.request(Command::Query(Query::Codecs(kind)))
    }

    /// The services that are subscribed to ([`Client::subscriptions`](super::Client::subscriptions)).
    fn subscriptions(&self) -> Self::Reply<Subscriptions> {
        self.request(Command::Query(Query::Subscriptions))
    }

    /// The notification socket ([`Client::socket`](super::Client::socket)).
    fn socket(&self) -> Self::Reply<SocketInfo> {
        self.request(Command::Query(Query::Socket))
    }

    /// The servers that a call would use now ([`Client::ice_servers`](super::Client::ice_servers)).
    fn ice_servers(&self) -> Self::Reply<Vec<IceServer>> {
        self.request(Command::Query(Query::IceServers))
    }

    /// Asks the gateway for records of the history ([`Command::FetchHistory`]).
    fn fetch_history(&self, amount: u32, offset: u32) -> Self::Reply<()> {
        self.request(Command::FetchHistory { amount, offset })
    }

    /// The history of calls ([`Client::history`](super::Client::history)).
    fn history(&self) -> Self::Reply<Vec<CallRecord>> {
        self.request(Command::Query(Query::History))
    }

    /// Removes a record of the history ([`Command::RemoveRecord`]).
    fn remove_record(&self, record: impl Into<RecordId>) -> Self::Reply<()> {
        self.request(Command::RemoveRecord { record: record.into() })
    }

    /// Removes all records of the history ([`Command::ClearHistory`]).
    fn clear_history(&self) -> Self::Reply<()> {
        self.request(Command::ClearHistory)
    }

    /// The history as a text ([`Client::history_cache`](super::Client::history_cache)).
    fn history_cache(&self) -> Self::Reply<String> {
        self.request(Command::Query(Query::HistoryCache))
    }

    /// Takes such a text in place of the history ([`Command::SetHistoryCache`]).
    fn set_history_cache(&self, cache: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::SetHistoryCache(cache.into().into()))
    }

    /// Adds an entry to the address book ([`Command::AddContact`]).
    fn add_contact(&self, contact: Contact) -> Self::Reply<Contact> {
        self.request(Command::AddContact(contact))
    }

    /// Changes an entry of the address book ([`Command::UpdateContact`]).
    fn update_contact(&self, contact: Contact) -> Self::Reply<Contact> {
        self.request(Command::UpdateContact(contact))
    }

    /// Removes an entry of the address book ([`Command::RemoveContact`]).
    fn remove_contact(&self, contact: impl Into<ContactId>) -> Self::Reply<()> {
        self.request(Command::RemoveContact { contact: contact.into() })
    }

    /// Asks for one entry of the address book ([`Command::FetchContact`]).
    fn fetch_contact(&self, contact: impl Into<ContactId>) -> Self::Reply<Contact> {
        self.request(Command::FetchContact { contact: contact.into() })
    }

    /// Asks for the whole address book ([`Command::RefreshContacts`]).
    fn refresh_contacts(&self) -> Self::Reply<()> {
        self.request(Command::RefreshContacts)
    }

    /// An entry of the address book, as it is known ([`Client::contact`](super::Client::contact)).
    fn contact(&self, contact: impl Into<ContactId>) -> Self::Reply<Option<Contact>> {
        self.request(Command::Query(Query::Contact(contact.into())))
    }

    /// The address book, as it is known ([`Client::contacts`](super::Client::contacts)).
    fn contacts(&self) -> Self::Reply<Vec<Contact>> {
        self.request(Command::Query(Query::Contacts))
    }

    /// Asks the directory for a user ([`Command::FetchUser`]).
    fn fetch_user(&self, user: impl Into<UserId>) -> Self::Reply<Option<User>> {
        self.request(Command::FetchUser { user: user.into() })
    }

    /// Asks the directory for the user that is logged in ([`Command::FetchSelf`]).
    fn fetch_self(&self) -> Self::Reply<Option<User>> {
        self.request(Command::FetchSelf)
    }

    /// Searches the directory ([`Command::SearchUsers`]).
    fn search_users(&self, filter: UserFilter) -> Self::Reply<Vec<User>> {
        self.request(Command::SearchUsers(filter))
    }

    /// A user of the directory, as far as known ([`Client::user_info`](super::Client::user_info)).
    fn user_info(&self, user: impl Into<UserId>) -> Self::Reply<Option<User>> {
        self.request(Command::Query(Query::User(user.into())))
    }

    /// The users of the directory that are known ([`Client::users`](super::Client::users)).
    fn users(&self) -> Self::Reply<Vec<User>> {
        self.request(Command::Query(Query::Users))
    }

    /// Tells the user's own presence ([`Command::UpdatePresence`]).
    fn update_presence(
        &self,
        status: Status,
        activity: Activity,
        note: Option<String>,
    ) -> Self::Reply<()> {
        self.request(Command::UpdatePresence { status, activity, note })
    }

    /// Asks for the presence of users once ([`Command::FetchPresence`]).
    fn fetch_presence(
        &self,
        users: impl IntoIterator<Item = impl Into<UserId>>,
    ) -> Self::Reply<()> {
        let users = users.into_iter().map(Into::into).collect();
        self.request(Command::FetchPresence { users })
    }

    /// Is told of the presence of users from now on ([`Command::WatchPresence`]).
    fn watch_presence(
        &self,
        users: impl IntoIterator<Item = impl Into<UserId>>,
    ) -> Self::Reply<()> {
        let users = users.into_iter().map(Into::into).collect();
        self.request(Command::WatchPresence { users })
    }

    /// Is told of the presence of users no longer ([`Command::UnwatchPresence`]).
    fn unwatch_presence(
        &self,
        users: impl IntoIterator<Item = impl Into<UserId>>,
    ) -> Self::Reply<()> {
        let users = users.into_iter().map(Into::into).collect();
        self.request(Command::UnwatchPresence { users })
    }

    /// The presence of a user, as it is known ([`Client::presence`](super::Client::presence)).
    fn presence(&self, user: impl Into<UserId>) -> Self::Reply<Option<Presence>> {
        self.request(Command::Query(Query::Presence(user.into())))
    }

    /// The presence of all users that are known ([`Client::presences`](super::Client::presences)).
    fn presences(&self) -> Self::Reply<Vec<Presence>> {
        self.request(Command::Query(Query::Presences))
    }

    /// The user's own presence, as set last ([`Client::own_presence`](super::Client::own_presence)).
    fn own_presence(&self) -> Self::Reply<Option<OwnPresence>> {
        self.request(Command::Query(Query::OwnPresence))
    }

    /// Opens a conversation, unless there is one ([`Command::OpenConversation`]).
    fn open_conversation(
        &self,
        destination: impl Into<String>,
        kind: MessageKind,
    ) -> Self::Reply<()> {
        self.request(Command::OpenConversation { destination: destination.into(), kind })
    }

    /// Sends an instant message ([`Command::SendMessage`]).
    fn send_message(&self, destination: impl Into<String>, draft: Draft) -> Self::Reply<MessageId> {
        let (destination, kind) = (destination.into(), MessageKind::Im);
        self.request(Command::SendMessage { destination, kind, draft })
    }

    /// Sends an instant message of a conversation on to another user ([`Command::ForwardMessage`]).
    fn forward_message(
        &self,
        destination: impl Into<String>,
        message: impl Into<MessageId>,
        to: impl Into<String>,
    ) -> Self::Reply<MessageId> {
        let (destination, kind) = (destination.into(), MessageKind::Im);
        let (message, to) = (message.into(), to.into());
        self.request(Command::ForwardMessage { destination, kind, message, to })
    }

    /// Takes note that a message was read ([`Command::MarkRead`]).
    fn mark_read(
        &self,
        destination: impl Into<String>,
        kind: MessageKind,
        message: impl Into<MessageId>,
    ) -> Self::Reply<()> {
        let (destination, message) = (destination.into(), message.into());
        self.request(Command::MarkRead { destination, kind, message })
    }

    /// Forgets the messages of a conversation ([`Command::ClearMessages`]).
    fn clear_messages(&self, destination: impl Into<String>, kind: MessageKind) -> Self::Reply<()> {
        self.request(Command::ClearMessages { destination: destination.into(), kind })
    }

    /// The conversation with a user, if there is one ([`Client::conversation`](super::Client::conversation)).
    fn conversation(
        &self,
        destination: impl Into<String>,
        kind: MessageKind,
    ) -> Self::Reply<Option<Conversation>> {
        let destination = destination.into();
        self.request(Command::Query(Query::Conversation { destination, kind }))
    }

    /// All conversations ([`Client::conversations`](super::Client::conversations)).
    fn conversations(&self) -> Self::Reply<Vec<Conversation>> {
        self.request(Command::Query(Query::Conversations))
    }

    /// Subscribes to events of SIP ([`Command::SubscribeSipEvent`]).
    fn subscribe_sip_event(
        &self,
        event_type: impl Into<String>,
        users: impl IntoIterator<Item = impl Into<UserId>>,
    ) -> Self::Reply<()> {
        let (event_type, users) = (event_type.into(), users.into_iter().map(Into::into).collect());
        let (correlator, parameters) = (None, Vec::new());
        self.request(Command::SubscribeSipEvent { event_type, users, correlator, parameters })
    }

    /// Changes the users of a subscription of events ([`Command::UpdateSipEvent`]).
    fn update_sip_event(
        &self,
        event_type: impl Into<String>,
        add: Vec<UserId>,
        remove: Vec<UserId>,
    ) -> Self::Reply<()> {
        let (event_type, parameters) = (event_type.into(), Vec::new());
        self.request(Command::UpdateSipEvent { event_type, add, remove, parameters })
    }

    /// Ends a subscription of events ([`Command::UnsubscribeSipEvent`]).
    fn unsubscribe_sip_event(&self, event_type: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::UnsubscribeSipEvent { event_type: event_type.into() })
    }

    /// The subscription of events of a type ([`Client::sip_event`](super::Client::sip_event)).
    fn sip_event(&self, event_type: impl Into<String>) -> Self::Reply<Option<SipEvents>> {
        self.request(Command::Query(Query::SipEvent(event_type.into())))
    }

    /// The subscriptions of events, by their types ([`Client::sip_events`](super::Client::sip_events)).
    fn sip_events(&self) -> Self::Reply<BTreeMap<String, SipEvents>> {
        self.request(Command::Query(Query::SipEvents))
    }

    /// Asks for the voicemail that waits ([`Command::FetchVoicemail`]).
    fn fetch_voicemail(&self) -> Self::Reply<Voicemail> {
        self.request(Command::FetchVoicemail)
    }

    /// The voicemail, as told last ([`Client::voicemail`](super::Client::voicemail)).
    fn voicemail(&self) -> Self::Reply<Option<Voicemail>> {
        self.request(Command::Query(Query::Voicemail))
    }

    /// Connects two other telephones with each other ([`Command::ClickToCall`]).
    fn click_to_call(
        &self,
        caller: impl Into<String>,
        callee: impl Into<String>,
    ) -> Self::Reply<ClickToCall> {
        self.request(Command::ClickToCall { caller: caller.into(), callee: callee.into() })
    }

    /// The calls between other telephones ([`Client::click_to_calls`](super::Client::click_to_calls)).
    fn click_to_calls(&self) -> Self::Reply<Vec<ClickToCall>> {
        self.request(Command::Query(Query::ClickToCalls))
    }

    /// Registers a device for push ([`Command::RegisterPush`]).
    fn register_push(&self, device: PushDevice) -> Self::Reply<()> {
        self.request(Command::RegisterPush(device))
    }

    /// Registers a device for push no longer ([`Command::UnregisterPush`]).
    fn unregister_push(&self, kind: PushKind) -> Self::Reply<()> {
        self.request(Command::UnregisterPush(kind))
    }

    /// Takes pushed notifications, or leaves them alone ([`Command::EnablePush`]).
    fn enable_push(&self, enabled: bool) -> Self::Reply<()> {
        self.request(Command::EnablePush(enabled))
    }

    /// Makes a request of the application's own ([`Command::Fetch`]).
    fn fetch(&self, request: FetchRequest) -> Self::Reply<FetchResponse> {
        self.request(Command::Fetch(request))
    }

    /// Says whether there is a channel to media elsewhere ([`Command::SetProxyChannel`]).
    fn set_proxy_channel(&self, there: bool) -> Self::Reply<()> {
        self.request(Command::SetProxyChannel(there))
    }

    /// Asks the process at its other end to get ready ([`Command::InitializeRemote`]).
    fn initialize_remote(&self, config: ConfigPatch) -> Self::Reply<()> {
        self.request(Command::InitializeRemote(Box::new(config)))
    }

    /// Has the media of calls there, or here again ([`Command::SetProxyMode`]).
    fn set_proxy_mode(&self, on: bool) -> Self::Reply<()> {
        self.request(Command::SetProxyMode(on))
    }

    /// Takes a frame that came on the channel ([`Command::ProxyReceived`]).
    fn proxy_received(&self, frame: impl Into<Private<String>>) -> Self::Reply<()> {
        self.request(Command::ProxyReceived(frame.into()))
    }

    /// The standing of media elsewhere ([`Client::proxy`](super::Client::proxy)).
    fn proxy(&self) -> Self::Reply<ProxyInfo> {
        self.request(Command::Query(Query::Proxy))
    }

    /// Ends everything ([`Command::Destroy`]).
    fn destroy(&self) -> Self::Reply<()> {
        self.request(Command::Destroy)
    }
}
