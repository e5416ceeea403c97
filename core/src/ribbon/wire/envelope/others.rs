//! Notifications that are not of calls.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::ribbon::ids::SessionData;

/// A message of somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Im<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// The sender, without `sip:`.
    pub sender: Cow<'a, str>,
}

/// Somebody's presence; each part but the user may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresenceNews<'a> {
    /// The user, without `sip:`.
    pub user: Cow<'a, str>,
    /// The state: the user can be reached, or cannot.
    pub status: Option<Cow<'a, str>>,
    /// The user's activity.
    pub activity: Option<Cow<'a, str>>,
    /// The user's own words.
    pub note: Option<Cow<'a, str>>,
}

/// The contents of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mailbox {
    /// True if something waits.
    pub waiting: bool,
    /// All voice messages. Missing counts are zero.
    pub total_voice: u64,
    /// Those not heard yet.
    pub unheard_voice: u64,
    /// Counts of voice messages, by the gateway's keys.
    pub voice: Map<String, Value>,
    /// Counts of faxes.
    pub fax: Map<String, Value>,
    /// Counts of other messages.
    pub multimedia: Map<String, Value>,
}

/// An event of SIP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SipNews<'a> {
    /// The type of the event, as `event:dialog`.
    pub event_type: Cow<'a, str>,
    /// The session of the call that it is about.
    pub call: Option<SessionData>,
}
