//! Notifications (w3): a text frame of the socket, or a message by push, as one typed value.

mod leg;
mod others;
mod read;

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

pub use leg::{Leg, LegEvent, Parties};
pub use others::{Im, Mailbox, PresenceNews, SipNews};
pub(crate) use read::MailboxParams;

/// The longest message in bytes. A longer one is not looked into.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// A notification of the gateway's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Notice<'a> {
    /// Its id, which is the same when it comes again.
    pub id: Option<Cow<'a, str>>,
    /// The time of the gateway's, in milliseconds since 1970.
    pub time: Option<u64>,
    /// Its news.
    pub body: Notification<'a>,
    /// The message itself.
    text: &'a str,
}

/// The news of a notification: each row of w3.3.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notification<'a> {
    /// Something of a call.
    Leg(Box<Leg<'a>>),
    /// A message of somebody's came.
    Im(Im<'a>),
    /// Somebody's presence changed.
    Presence(PresenceNews<'a>),
    /// News of the user's mailbox.
    Mailbox(Box<Mailbox>),
    /// An event of SIP.
    Sip(SipNews<'a>),
    /// The subscription is gone.
    Gone {
        /// The time that the gateway wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Another client of the same name has the socket.
    Overridden,
    /// Something that nobody here reads, by its type.
    Other(Cow<'a, str>),
}

/// The reason why a message is no notification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// It is too long.
    #[error("a notification of over {MAX_MESSAGE} bytes")]
    TooLong,
    /// It is no JSON.
    #[error("a notification that is {0}")]
    Json(String),
    /// It is of a call, and does not say of which.
    #[error("a notification of a call without its session")]
    NoSession,
}

impl<'a> Notice<'a> {
    /// The message as it came.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The whole message, for whoever reads what nobody here does.
    #[must_use]
    pub fn message(&self) -> Value {
        // It was read once; only values deeper than anybody nests them could be in the way.
        serde_json::from_str(self.text).unwrap_or_default()
    }
}
