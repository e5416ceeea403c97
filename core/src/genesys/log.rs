//! Log records of what happens: through `tracing`, each at the level that it deserves. Nothing in
//! them is secret, nobody's number is in them, and what happens all the time is not in them. Of
//! what a peer can cause at will only so much is logged, and the number of those left out.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::event::Event;
use super::ids::ConversationId;
use crate::machine::Wake;
use crate::media::{Agreement, PathState};
use crate::report::Limited;

/// Writes the log of a client.
#[derive(Debug)]
pub(crate) struct Journal {
    malformed: Limited,
    errors: Limited,
    requests: Limited,
}

impl Journal {
    /// A log with so long between two records of one kind in the long run.
    pub(crate) fn new(pace: Duration, now: Instant) -> Self {
        Self {
            malformed: Limited::new("malformed", pace, now),
            errors: Limited::new("error", pace, now),
            requests: Limited::new("too many requests on their way", pace, now),
        }
    }

    /// Logs an event as it is told.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are told alike")]
    pub(crate) fn log(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Error(error) if self.errors.may(now) => match error.conversation() {
                Some(conversation) => {
                    tracing::info_span!("call", %conversation).in_scope(|| warn!(%error, "error"));
                }
                None => warn!(%error, "error"),
            },
            Event::Malformed { what } if self.malformed.may(now) => warn!(what, "malformed"),
            Event::Error(_) | Event::Malformed { .. } => {}
            other => match conversation(other) {
                Some(conversation) => {
                    tracing::info_span!("call", %conversation).in_scope(|| log(other));
                }
                None => log(other),
            },
        }
    }

    /// Logs that a request that nobody waits for is left out.
    pub(crate) fn too_many(&mut self, ask: &impl Debug, now: Instant) {
        if self.requests.may(now) {
            warn!("too many requests on their way: {ask:?} is left out");
        }
    }

    /// Tells how many records were left out, once there may be one again.
    pub(crate) fn tell_due(&mut self, now: Instant) {
        self.all_mut().into_iter().for_each(|limited| limited.tell_due(now));
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let all = [&self.malformed, &self.errors, &self.requests];
        let at = all.into_iter().filter_map(Limited::due).min()?;
        Some(Wake { at, reason: "records left out of the log" })
    }

    fn all_mut(&mut self) -> [&mut Limited; 3] {
        [&mut self.malformed, &mut self.errors, &mut self.requests]
    }
}

/// The call that an event is about.
fn conversation(event: &Event) -> Option<&ConversationId> {
    match event {
        Event::PendingSession(pending) => Some(&pending.conversation),
        Event::SessionStarted(session)
        | Event::SessionEnded { session, .. }
        | Event::SessionReplaced { session, .. }
        | Event::SessionInterrupted(session) => Some(&session.conversation),
        Event::CallConnected { call, .. } => Some(&call.id),
        Event::ParticipantsUpdate(update) => Some(&update.conversation),
        Event::CancelPendingSession { conversation, .. }
        | Event::HandledPendingSession { conversation, .. }
        | Event::CallEnded { conversation, .. }
        | Event::TrackAdded { conversation, .. }
        | Event::TrackChanged { conversation, .. }
        | Event::TrackRemoved { conversation, .. }
        | Event::PinnedParticipant { conversation, .. }
        | Event::MediaState { conversation, .. }
        | Event::MediaPath { conversation, .. }
        | Event::MediaAgreed { conversation, .. } => Some(conversation),
        // Nothing is logged of some of these; what is told of the others is not of one call.
        Event::Connected { .. }
        | Event::Disconnected { .. }
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
        | Event::NoRelay { .. }
        | Event::Stats { .. }
        | Event::Dtmf { .. }
        | Event::ComfortNoise { .. }
        | Event::KeyframeWanted { .. }
        | Event::BitrateLimit { .. }
        | Event::TrackStats { .. }
        | Event::ActiveVideoParticipants { .. }
        | Event::Speakers { .. }
        | Event::MemberStatus { .. }
        | Event::RoomMessage { .. }
        | Event::ConversationUpdate(_)
        | Event::Notification { .. }
        | Event::Error(_)
        | Event::Malformed { .. }
        | Event::Trace(_) => None,
    }
}

fn log(event: &Event) {
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
        Event::UserPresence(presence) => info!(presence = presence.system.name(), "presence"),
        Event::HeadsetControls(controls) => info!(?controls, "headset"),
        Event::PersistentConnection(state) => info!(?state, "persistent connection"),
        Event::PendingSession(pending) => {
            let auto = pending.auto_answer;
            info!(session = %pending.session, conversation = %pending.conversation, auto, "rings");
        }
        Event::CancelPendingSession { session, conversation, session_type } => {
            info!(%session, %conversation, ?session_type, "rings no longer");
        }
        Event::HandledPendingSession { session, conversation, session_type, by } => {
            info!(%session, %conversation, ?session_type, ?by, "taken");
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
        Event::MediaPath { session, path: path @ PathState::Good, .. } => {
            debug!(%session, ?path, "path of media");
        }
        Event::NoRelay { session, server, code } => warn!(%session, %server, code, "no relay"),
        Event::MediaPath { session, path, .. } => warn!(%session, ?path, "path of media"),
        Event::MediaAgreed { session, agreement, .. } => {
            let Agreement { direction, codec, .. } = agreement;
            info!(%session, %direction, codec = codec.name(), "media agreed");
        }
        Event::TrackAdded { session, info, .. } => {
            let (track, direction) = (info.track, info.direction);
            info!(%session, ?track, %direction, "track");
        }
        Event::TrackChanged { session, info, .. } => {
            let (track, direction) = (info.track, info.direction);
            info!(%session, ?track, %direction, "track changed");
        }
        Event::TrackRemoved { session, track, .. } => {
            info!(%session, track = ?track.track, "track gone");
        }
        Event::ParticipantsUpdate(update) => {
            let (added, removed) = (update.added.len(), update.removed.len());
            debug!(active = update.active.len(), added, removed, "participants");
        }
        Event::PinnedParticipant { session, participant, .. } => {
            info!(%session, participant = participant.as_ref().map(tracing::field::display), "pinned");
        }
        Event::ConversationUpdate(update) => {
            let (added, removed) = (update.added.len(), update.removed.len());
            debug!(calls = update.current.len(), added, removed, "calls");
        }
        Event::Error(_)
        | Event::Malformed { .. }
        | Event::ConcurrentSoftphoneSessionsEnabled(_)
        | Event::CallReport(_)
        | Event::Stats { .. }
        | Event::Dtmf { .. }
        | Event::ComfortNoise { .. }
        | Event::KeyframeWanted { .. }
        | Event::BitrateLimit { .. }
        | Event::TrackStats { .. }
        | Event::ActiveVideoParticipants { .. }
        | Event::Speakers { .. }
        | Event::MemberStatus { .. }
        | Event::RoomMessage { .. }
        | Event::Notification { .. }
        | Event::Trace(_) => {}
    }
}
