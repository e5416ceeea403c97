//! The present state of a client, as an application reads it.

use super::click::ClickToCall;
use super::client::Client;
use super::contacts::Contact;
use super::credentials::Credentials;
use super::devices::Devices;
use super::history::CallRecord;
use super::ids::{CallId, ContactId, MediaObjectId, TrackId, UserId};
use super::info::{
    CallInfo, DetachedMedia, MediaInfo, Platform, ProxyInfo, SocketInfo, Subscriptions, TrackInfo,
    UserInfo,
};
use super::messages::{Conversation, MessageKind};
use super::outcome::Outcome;
use super::presence::{OwnPresence, Presence};
use super::query::Query;
use super::sip_events::SipEvents;
use super::timeline::CallReport;
use super::users::User;
use super::voicemail::Voicemail;
use crate::media::{Codec, IceServer, MediaKind};

impl Client {
    /// The platform: this library, and its media.
    #[must_use]
    pub fn platform(&self) -> Platform {
        let engine = self.calls.engine();
        let webrtc = engine.is_some();
        Platform { name: "offhook", version: super::VERSION, engine, webrtc }
    }

    /// The user that is logged in; none without credentials.
    #[must_use]
    pub fn user(&self) -> Option<UserInfo> {
        let credentials = self.out.credentials.as_ref()?;
        Some(UserInfo {
            username: credentials.username().clone(),
            anonymous: false,
            has_token: matches!(credentials, Credentials::Bearer { .. }),
        })
    }

    /// The services that are subscribed to.
    #[must_use]
    pub fn subscriptions(&self) -> Subscriptions {
        self.link.subscriptions()
    }

    /// The notification socket.
    #[must_use]
    pub fn socket(&self) -> SocketInfo {
        self.link.socket_info(&self.out)
    }

    /// The calls, the oldest first: those that live, and the last ones that are over
    /// ([`CallConfig::kept_calls`](super::CallConfig::kept_calls)).
    #[must_use]
    pub fn calls(&self) -> Vec<CallInfo> {
        self.calls.all()
    }

    /// A call.
    #[must_use]
    pub fn call(&self, id: &CallId) -> Option<CallInfo> {
        self.calls.get(id)
    }

    /// A track of a call that lives.
    #[must_use]
    pub fn track(&self, id: &TrackId) -> Option<TrackInfo> {
        let mut info = self.calls.track(id)?;
        if let Some(detached) = self.media.find(id) {
            info.frames = Some(detached.frames);
        }
        info.sinks = self.media.sinks_of(id);
        Some(info)
    }

    /// Tracks that belong together: those of one side of a call, or of media that belongs to none.
    #[must_use]
    pub fn media(&self, id: &MediaObjectId) -> Option<MediaInfo> {
        let detached = self.media.detached().iter().find(|one| one.media == *id);
        let detached = detached.map(|one| MediaInfo {
            id: id.clone(),
            local: true,
            detached: true,
            tracks: vec![one.track.clone()],
        });
        detached.or_else(|| self.calls.media(id))
    }

    /// Media of our own that belongs to no call by itself, the oldest first.
    #[must_use]
    pub fn local_media(&self) -> &[DetachedMedia] {
        self.media.detached()
    }

    /// The devices, as the application told them last.
    #[must_use]
    pub fn devices(&self) -> &Devices {
        self.media.devices()
    }

    /// The standing of media elsewhere.
    #[must_use]
    pub fn proxy(&self) -> ProxyInfo {
        self.out.proxy.info()
    }

    /// The report on a call so far; kept as long as the call is.
    #[must_use]
    pub fn report(&self, call: &CallId) -> Option<CallReport> {
        self.out.report(call)
    }

    /// The history of calls, the newest first: at most 1 000 records of the gateway's and our own.
    #[must_use]
    pub fn history(&self) -> &[CallRecord] {
        self.stores.history.records()
    }

    /// The history as a text, to be kept for another client: JSON, at most 1 MiB.
    #[must_use]
    pub fn history_cache(&self) -> String {
        self.stores.history.cache()
    }

    /// An entry of the address book.
    #[must_use]
    pub fn contact(&self, id: &ContactId) -> Option<&Contact> {
        self.stores.contacts.get(id)
    }

    /// The address book, as far as it was fetched: at most 10 000 entries.
    pub fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.stores.contacts.all()
    }

    /// A user of the directory, as far as they were fetched.
    #[must_use]
    pub fn user_info(&self, id: &UserId) -> Option<&User> {
        self.stores.users.get(id)
    }

    /// The users of the directory that were fetched or found: the last 10 000.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.stores.users.all()
    }

    /// The conversation with a user; none where nothing was said and it was not opened.
    #[must_use]
    pub fn conversation(&self, destination: &str, kind: MessageKind) -> Option<&Conversation> {
        self.stores.conversations.get(destination, kind)
    }

    /// All conversations, at most 1 000.
    pub fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.stores.conversations.all()
    }

    /// The presence of a user that was fetched or is watched.
    #[must_use]
    pub fn presence(&self, user: &UserId) -> Option<&Presence> {
        self.stores.presences.get(user)
    }

    /// The presence of all users that were fetched or are watched, at most 1 000.
    pub fn presences(&self) -> impl Iterator<Item = &Presence> {
        self.stores.presences.all()
    }

    /// The user's own presence, as it was set last.
    #[must_use]
    pub fn own_presence(&self) -> Option<&OwnPresence> {
        self.stores.presences.own()
    }

    /// The subscription of events of a type.
    #[must_use]
    pub fn sip_event(&self, event_type: &str) -> Option<&SipEvents> {
        self.stores.sip.get(event_type).ok()
    }

    /// The subscriptions of events, by their types.
    pub fn sip_events(&self) -> impl Iterator<Item = (&str, &SipEvents)> {
        self.stores.sip.all()
    }

    /// The voicemail that waits, as it was told last.
    #[must_use]
    pub fn voicemail(&self) -> Option<&Voicemail> {
        self.stores.voicemail.as_ref()
    }

    /// The calls between other telephones that were asked for, the last 100.
    pub fn click_to_calls(&self) -> impl Iterator<Item = &ClickToCall> {
        self.stores.clicks.all()
    }

    /// The STUN and TURN servers that a call would use now: those of the settings, with the gateway's credentials where
    /// they are wanted and it has given any (RP-5).
    #[must_use]
    pub fn ice_servers(&self) -> Vec<IceServer> {
        self.out.ice_servers()
    }

    /// The codecs of a kind of media that calls offer and accept, best first: what the settings name of what
    /// the engine can do.
    #[must_use]
    pub fn codecs(&self, kind: MediaKind) -> Vec<Codec> {
        let call = &self.config().call;
        match kind {
            MediaKind::Audio => call.audio_codecs.iter().copied().map(Codec::Audio).collect(),
            MediaKind::Video => call.video_codecs.iter().copied().map(Codec::Video).collect(),
        }
    }

    /// The answer to a question.
    pub(super) fn look(&self, query: &Query) -> Outcome {
        match query {
            Query::Calls => Outcome::Calls(self.calls()),
            Query::Call(call) => Outcome::KnownCall(self.call(call).map(Box::new)),
            Query::Report(call) => Outcome::Report(self.report(call)),
            Query::Proxy => Outcome::Proxy(self.proxy()),
            Query::Codecs(kind) => Outcome::Codecs(self.codecs(*kind)),
            Query::Subscriptions => Outcome::Subscriptions(self.subscriptions()),
            Query::Socket => Outcome::Socket(self.socket()),
            Query::IceServers => Outcome::IceServers(self.ice_servers()),
            Query::History => Outcome::History(self.history().to_vec()),
            Query::HistoryCache => Outcome::Text(self.history_cache()),
            Query::Contact(contact) => Outcome::KnownContact(self.contact(contact).cloned()),
            Query::Contacts => Outcome::Contacts(self.contacts().cloned().collect()),
            Query::User(user) => Outcome::User(self.user_info(user).cloned()),
            Query::Users => Outcome::Users(self.users().cloned().collect()),
            Query::Conversation { destination, kind } => {
                Outcome::Conversation(self.conversation(destination, *kind).cloned())
            }
            Query::Conversations => Outcome::Conversations(self.conversations().cloned().collect()),
            Query::Presence(user) => Outcome::Presence(self.presence(user).cloned()),
            Query::Presences => Outcome::Presences(self.presences().cloned().collect()),
            Query::OwnPresence => Outcome::OwnPresence(self.own_presence().cloned()),
            Query::SipEvent(event_type) => Outcome::SipEvents(self.sip_event(event_type).cloned()),
            Query::SipEvents => {
                let all = self.sip_events();
                Outcome::AllSipEvents(
                    all.map(|(name, one)| (name.to_owned(), one.clone())).collect(),
                )
            }
            Query::Voicemail => Outcome::KnownVoicemail(self.voicemail().cloned()),
            Query::ClickToCalls => Outcome::ClickToCalls(self.click_to_calls().cloned().collect()),
        }
    }
}
