//! Questions about what a client knows, for whoever does not hold it: a runtime's handle.

use super::ids::{CallId, ContactId, UserId};
use super::messages::MessageKind;
use crate::machine::MediaKind;

/// A question about what a client knows: its getters, as commands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// [`Client::calls`](super::Client::calls): [`Outcome::Calls`](super::Outcome::Calls).
    Calls,
    /// [`Client::call`](super::Client::call): [`Outcome::KnownCall`](super::Outcome::KnownCall).
    Call(CallId),
    /// [`Client::report`](super::Client::report): [`Outcome::Report`](super::Outcome::Report).
    Report(CallId),
    /// [`Client::codecs`](super::Client::codecs): [`Outcome::Codecs`](super::Outcome::Codecs), and
    /// [`Event::Codecs`](super::Event::Codecs) besides.
    Codecs(MediaKind),
    /// [`Client::subscriptions`](super::Client::subscriptions): [`Outcome::Subscriptions`](super::Outcome::Subscriptions).
    Subscriptions,
    /// [`Client::socket`](super::Client::socket): [`Outcome::Socket`](super::Outcome::Socket).
    Socket,
    /// [`Client::ice_servers`](super::Client::ice_servers): [`Outcome::IceServers`](super::Outcome::IceServers).
    IceServers,
    /// [`Client::history`](super::Client::history): [`Outcome::History`](super::Outcome::History).
    History,
    /// [`Client::history_cache`](super::Client::history_cache): [`Outcome::Text`](super::Outcome::Text).
    HistoryCache,
    /// [`Client::contact`](super::Client::contact): [`Outcome::KnownContact`](super::Outcome::KnownContact).
    Contact(ContactId),
    /// [`Client::contacts`](super::Client::contacts): [`Outcome::Contacts`](super::Outcome::Contacts).
    Contacts,
    /// [`Client::user_info`](super::Client::user_info): [`Outcome::User`](super::Outcome::User).
    User(UserId),
    /// [`Client::users`](super::Client::users): [`Outcome::Users`](super::Outcome::Users).
    Users,
    /// [`Client::conversation`](super::Client::conversation): [`Outcome::Conversation`](super::Outcome::Conversation).
    Conversation {
        /// The other user.
        destination: String,
        /// The kind of messages.
        kind: MessageKind,
    },
    /// [`Client::conversations`](super::Client::conversations): [`Outcome::Conversations`](super::Outcome::Conversations).
    Conversations,
    /// [`Client::presence`](super::Client::presence): [`Outcome::Presence`](super::Outcome::Presence).
    Presence(UserId),
    /// [`Client::presences`](super::Client::presences): [`Outcome::Presences`](super::Outcome::Presences).
    Presences,
    /// [`Client::own_presence`](super::Client::own_presence): [`Outcome::OwnPresence`](super::Outcome::OwnPresence).
    OwnPresence,
    /// [`Client::sip_event`](super::Client::sip_event): [`Outcome::SipEvents`](super::Outcome::SipEvents).
    SipEvent(String),
    /// [`Client::sip_events`](super::Client::sip_events): [`Outcome::AllSipEvents`](super::Outcome::AllSipEvents).
    SipEvents,
    /// [`Client::voicemail`](super::Client::voicemail): [`Outcome::KnownVoicemail`](super::Outcome::KnownVoicemail).
    Voicemail,
    /// [`Client::click_to_calls`](super::Client::click_to_calls): [`Outcome::ClickToCalls`](super::Outcome::ClickToCalls).
    ClickToCalls,
    /// [`Client::proxy`](super::Client::proxy): [`Outcome::Proxy`](super::Outcome::Proxy).
    Proxy,
}
