//! Services of a subscription.

use std::fmt;

use serde_json::{Value, json};

use crate::plain;

/// A service that can be subscribed (RT-033, w2.1). Two are the same if their names are, in whatever
/// case.
///
/// ```
/// use offhook::ribbon::Service;
///
/// assert_eq!(Service::from("presence"), Service::Presence);
/// assert_eq!(Service::from("event:dialog").to_string(), "event:dialog");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Service {
    /// Calls.
    Call,
    /// Presence of users.
    Presence,
    /// Instant messages.
    Im,
    /// Events of SIP of this name.
    Event(String),
    /// Notifications of the application's own.
    Custom,
    /// Text messages to a number (RT-034). Sent as it is; gateways of this kind refuse it.
    SmsInbound {
        /// The number.
        destination: String,
    },
    /// Another one.
    Other(String),
}

impl Service {
    /// The services that every client has: those of events have names of their own.
    pub const AVAILABLE: &'static [Self] = &[Self::Call, Self::Presence, Self::Im, Self::Custom];

    /// The name, without that of an event's prefix.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Call => ("", "call"),
            Self::Presence => ("", "Presence"),
            Self::Im => ("", "IM"),
            Self::Event(name) => ("event:", name),
            Self::Custom => ("", "custom"),
            Self::SmsInbound { .. } => ("", "smsinbound"),
            Self::Other(name) => ("", name),
        }
    }

    /// The service as a request has it: its name, or an object where it needs more.
    pub(crate) fn requested(&self) -> Value {
        match self {
            Self::SmsInbound { destination } => {
                json!({"service": "smsinbound", "params": {"destinationAddress": destination}})
            }
            Self::Call
            | Self::Presence
            | Self::Im
            | Self::Event(_)
            | Self::Custom
            | Self::Other(_) => self.to_string().into(),
        }
    }
}

impl From<&str> for Service {
    fn from(name: &str) -> Self {
        for service in Self::AVAILABLE {
            if service.parts().1.eq_ignore_ascii_case(name) {
                return service.clone();
            }
        }
        match name.get(..6) {
            Some(prefix) if prefix.eq_ignore_ascii_case("event:") => Self::Event(name[6..].into()),
            _ => Self::Other(name.to_owned()),
        }
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        let ((prefix, name), (other_prefix, other_name)) = (self.parts(), other.parts());
        let same = prefix == other_prefix && name.eq_ignore_ascii_case(other_name);
        // An event that somebody wrote out as another service is that event.
        same || self.to_string().eq_ignore_ascii_case(&other.to_string())
    }
}

impl Eq for Service {}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, name) = self.parts();
        write!(f, "{prefix}{}", plain(name))
    }
}

impl serde::Serialize for Service {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
