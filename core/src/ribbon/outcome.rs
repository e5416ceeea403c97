//! Outcomes of commands.

use std::collections::BTreeMap;

use super::click::ClickToCall;
use super::contacts::Contact;
use super::fetch::FetchResponse;
use super::history::CallRecord;
use super::ids::{CallId, MessageId};
use super::info::{
    CallInfo, DetachedMedia, MediaInfo, ProxyInfo, SocketInfo, StatsReport, Subscriptions,
};
use super::messages::Conversation;
use super::presence::{OwnPresence, Presence};
use super::sip_events::SipEvents;
use super::timeline::CallReport;
use super::users::User;
use super::voicemail::Voicemail;
use crate::media::{Codec, IceServer};

/// The outcomes: each with its type, for which a key waits and takes no other.
macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident($type:ty),)*) => {
        /// The outcome of a completed command.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Outcome {
            /// Done, with nothing more to say.
            Done,
            $($(#[$doc])* $variant($type),)*
        }

        $(
            impl TryFrom<Outcome> for $type {
                type Error = Outcome;

                fn try_from(outcome: Outcome) -> Result<Self, Outcome> {
                    match outcome {
                        Outcome::$variant(value) => Ok(value),
                        other => Err(other),
                    }
                }
            }
        )*

        impl TryFrom<Outcome> for () {
            type Error = Outcome;

            fn try_from(outcome: Outcome) -> Result<Self, Outcome> {
                match outcome {
                    Outcome::Done => Ok(()),
                    $(other @ Outcome::$variant(_) => Err(other),)*
                }
            }
        }
    };
}

outcomes! {
    /// A call.
    Call(CallId),
    /// A call's figures.
    Stats(StatsReport),
    /// The media that came into a call.
    Media(MediaInfo),
    /// Media of our own that belongs to no call.
    DetachedMedia(Vec<DetachedMedia>),
    /// Codecs, best first.
    Codecs(Vec<Codec>),
    /// An entry of the address book.
    Contact(Contact),
    /// A user of the directory, if there is one.
    User(Option<User>),
    /// Users of the directory.
    Users(Vec<User>),
    /// A message, by its name.
    Message(MessageId),
    /// The voicemail that waits.
    Voicemail(Voicemail),
    /// A call between two other telephones.
    ClickToCall(ClickToCall),
    /// The gateway's answer to a request of the application's own.
    Response(FetchResponse),
    /// The calls.
    Calls(Vec<CallInfo>),
    /// A call as it is, if there is one.
    KnownCall(Option<Box<CallInfo>>),
    /// The services that are subscribed to.
    Subscriptions(Subscriptions),
    /// The notification socket.
    Socket(SocketInfo),
    /// The STUN and TURN servers that a call would use.
    IceServers(Vec<IceServer>),
    /// The history of calls.
    History(Vec<CallRecord>),
    /// A text.
    Text(String),
    /// An entry of the address book, if there is one.
    KnownContact(Option<Contact>),
    /// The address book.
    Contacts(Vec<Contact>),
    /// A conversation, if there is one.
    Conversation(Option<Conversation>),
    /// The conversations.
    Conversations(Vec<Conversation>),
    /// The presence of a user, if it is known.
    Presence(Option<Presence>),
    /// The presence of users.
    Presences(Vec<Presence>),
    /// The user's own presence, as it was set last.
    OwnPresence(Option<OwnPresence>),
    /// A subscription of events, if there is one.
    SipEvents(Option<SipEvents>),
    /// The subscriptions of events, by their types.
    AllSipEvents(BTreeMap<String, SipEvents>),
    /// The calls between other telephones.
    ClickToCalls(Vec<ClickToCall>),
    /// The voicemail, as it was told last.
    KnownVoicemail(Option<Voicemail>),
    /// The standing of media elsewhere.
    Proxy(ProxyInfo),
    /// The report on a call, if there is one.
    Report(Option<CallReport>),
}
