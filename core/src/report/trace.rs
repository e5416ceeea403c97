//! One message on the wire, fit to be shown.

use std::time::Instant;

/// A message that was sent or received, fit to be shown: without secrets, numbers shortened to their
/// last two digits, and without control characters.
///
/// What of it are documents (XML, JSON, session descriptions, one in the other) was read and written
/// again; what could not be read is there by its length only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceRecord {
    /// The time.
    pub at: Instant,
    /// The direction.
    pub direction: TraceDirection,
    /// The channel.
    pub channel: Channel,
    /// The message in a few words: `propose`, `PATCH participants`, `session-accept`.
    pub summary: String,
    /// The session or conversation it belongs to, where that is known.
    pub about: Option<String>,
    /// The message itself: XML or JSON. Empty where it says nothing.
    pub body: String,
}

impl TraceRecord {
    /// A message without a body.
    #[must_use]
    pub fn new(
        at: Instant,
        direction: TraceDirection,
        channel: Channel,
        summary: impl Into<String>,
    ) -> Self {
        Self { at, direction, channel, summary: summary.into(), about: None, body: String::new() }
    }
}

setters!(TraceRecord { about: some[String], body: into[String] });

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TraceDirection {
    /// From this client to the service.
    Sent,
    /// From the service to this client.
    Received,
}

/// The channel that a message went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// XMPP over the WebSocket.
    Xmpp,
    /// Notifications over the WebSocket.
    Notification,
    /// REST.
    Rest,
    /// ICE, DTLS, RTP: milestones, not packets.
    Media,
}
