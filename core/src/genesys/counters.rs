//! Counters of a client's events.

use serde::Serialize;

use super::event::{Event, HandledBy};

/// Counters of a client's events since its first instant. Numbers only grow.
///
/// [`Client::counters`](super::Client::counters) gives it, and so do the clients of the runtimes; a loop
/// of your own can fold it from whatever events it sees.
///
/// ```
/// use offhook::genesys::{Counters, Event};
///
/// let mut counters = Counters::default();
/// counters.told(&Event::Connected { reconnect: true });
/// assert_eq!((counters.connects, counters.reconnects), (1, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// Times that signaling came up, the first one included.
    pub connects: u64,
    /// Connects that came after a loss.
    pub reconnects: u64,
    /// Attempts to connect that failed, and connections that were lost or closed.
    pub disconnects: u64,
    /// Calls that rang, or were answered by themselves.
    pub calls_rung: u64,
    /// Calls that rang no longer, as the caller gave up or nobody answered.
    pub calls_cancelled: u64,
    /// Calls that rang here and that another client of the user's handled.
    pub calls_elsewhere: u64,
    /// Calls that connected here.
    pub calls_connected: u64,
    /// Calls that had connected here and are over.
    pub calls_ended: u64,
    /// Media sessions that began.
    pub sessions_started: u64,
    /// Media sessions that are over.
    pub sessions_ended: u64,
    /// Media sessions that took the place of another (re-invites).
    pub sessions_replaced: u64,
    /// Times that media stopped answering.
    pub interruptions: u64,
    /// Errors that no command was waiting for.
    pub errors: u64,
    /// Messages, or parts of them, that could not be used.
    pub malformed: u64,
    /// Events that subscribers of a runtime have lost, as they did not read them. The core loses none.
    pub events_lost: u64,
}

impl Counters {
    /// Counts an event that was told.
    pub fn told(&mut self, event: &Event) {
        match event {
            Event::Connected { reconnect } => {
                self.connects += 1;
                self.reconnects += u64::from(*reconnect);
            }
            Event::Disconnected { .. } => self.disconnects += 1,
            Event::PendingSession(pending) => {
                self.calls_rung += u64::from(!pending.session_type.is_room());
            }
            Event::CancelPendingSession { session_type, .. } => {
                self.calls_cancelled += u64::from(!session_type.is_room());
            }
            Event::HandledPendingSession { by: HandledBy::Elsewhere, session_type, .. } => {
                self.calls_elsewhere += u64::from(!session_type.is_room());
            }
            Event::CallConnected { .. } => self.calls_connected += 1,
            Event::CallEnded { .. } => self.calls_ended += 1,
            Event::SessionStarted(_) => self.sessions_started += 1,
            Event::SessionEnded { .. } => self.sessions_ended += 1,
            Event::SessionReplaced { .. } => self.sessions_replaced += 1,
            Event::SessionInterrupted(_) => self.interruptions += 1,
            Event::Error(_) => self.errors += 1,
            Event::Malformed { .. } => self.malformed += 1,
            Event::HandledPendingSession { by: HandledBy::Here, .. }
            | Event::NetworkConnectivityWarning(_)
            | Event::IceServers(_)
            | Event::Ready
            | Event::Station(_)
            | Event::StationDisassociated
            | Event::PersistentConnection(_)
            | Event::UserPresence(_)
            | Event::AlertingLeader(_)
            | Event::HeadsetControls(_)
            | Event::ConcurrentSoftphoneSessionsEnabled(_)
            | Event::CallReport(_)
            | Event::MediaState { .. }
            | Event::MediaPath { .. }
            | Event::NoRelay { .. }
            | Event::MediaAgreed { .. }
            | Event::Stats { .. }
            | Event::Dtmf { .. }
            | Event::ComfortNoise { .. }
            | Event::TrackAdded { .. }
            | Event::TrackChanged { .. }
            | Event::TrackRemoved { .. }
            | Event::KeyframeWanted { .. }
            | Event::BitrateLimit { .. }
            | Event::TrackStats { .. }
            | Event::ParticipantsUpdate(_)
            | Event::ActiveVideoParticipants { .. }
            | Event::Speakers { .. }
            | Event::MemberStatus { .. }
            | Event::RoomMessage { .. }
            | Event::PinnedParticipant { .. }
            | Event::ConversationUpdate(_)
            | Event::Notification { .. }
            | Event::Trace(_) => {}
        }
    }
}

setters!(Counters { events_lost: u64 });
