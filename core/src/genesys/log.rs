//! What happened, as log records: through `tracing`, at the level that each deserves. Nothing in
//! them is secret, nobody's number is in them, and what happens all the time is not in them.

use tracing::{debug, info, warn};

use super::event::Event;
use crate::media::Agreement;

/// Logs an event as it is told.
pub(crate) fn log(event: &Event) {
    match event {
        Event::Connected { reconnect } => info!(reconnect, "connected"),
        Event::Disconnected { reconnecting: true, error } => {
            warn!(
                error = error.as_ref().map(tracing::field::display),
                "disconnected, trying again"
            );
        }
        Event::Disconnected { reconnecting: false, error } => {
            info!(error = error.as_ref().map(tracing::field::display), "disconnected");
        }
        Event::NetworkConnectivityWarning(error) => warn!(%error, "the service is out of reach"),
        Event::IceServers(ice) => {
            let (servers, relay_only) = (ice.servers.len(), ice.relay_only);
            debug!(servers, relay_only, "ICE servers");
        }
        Event::Ready => info!("ready"),
        Event::Station(station) => {
            let (lines, persistent) = (station.call_appearances, station.persistent);
            info!(station = %station.id, lines, persistent, "station");
        }
        Event::StationDisassociated => info!("no station any more"),
        Event::AlertingLeader(leader) => info!(leader.alerting, leader.configured, "leader"),
        Event::PersistentConnection(state) => info!(?state, "persistent connection"),
        Event::PendingSession(pending) => {
            let auto = pending.auto_answer;
            info!(session = %pending.session, conversation = %pending.conversation, auto, "rings");
        }
        Event::CancelPendingSession { session, conversation } => {
            info!(%session, %conversation, "rings no longer");
        }
        Event::HandledPendingSession { session, conversation, by } => {
            info!(%session, %conversation, ?by, "taken");
        }
        Event::SessionStarted(session) => {
            let signaling = session.signaling;
            info!(session = %session.id, conversation = %session.conversation, ?signaling, "media session");
        }
        Event::SessionReplaced { session, old } => {
            info!(session = %session.id, %old, "media session replaced");
        }
        Event::SessionEnded { session, reason } => {
            info!(session = %session.id, %reason, "media session over");
        }
        Event::SessionInterrupted(session) => warn!(session = %session.id, "media interrupted"),
        Event::CallConnected { call, session } => {
            info!(conversation = %call.id, %session, "call connected");
        }
        Event::CallEnded { conversation, quality, .. } => {
            info!(%conversation, mos = quality.map(|quality| quality.mos), "call over");
        }
        Event::MediaState { session, state, .. } => debug!(%session, ?state, "media"),
        Event::MediaAgreed { session, agreement, .. } => {
            let Agreement { direction, codec, .. } = agreement;
            info!(%session, %direction, codec = codec.name(), "media agreed");
        }
        Event::ConversationUpdate(update) => {
            let (added, removed) = (update.added.len(), update.removed.len());
            debug!(calls = update.current.len(), added, removed, "calls");
        }
        Event::Error(error) => warn!(%error, "error"),
        Event::Malformed { what } => warn!(what, "malformed"),
        Event::ConcurrentSoftphoneSessionsEnabled(_)
        | Event::CallReport(_)
        | Event::Stats { .. }
        | Event::Dtmf { .. }
        | Event::ComfortNoise { .. }
        | Event::Notification { .. }
        | Event::Trace(_) => {}
    }
}
