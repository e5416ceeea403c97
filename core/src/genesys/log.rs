//! Log records of what happens: through `tracing`, each at the level that it deserves. Nothing in
//! them is secret, nobody's number is in them, and what happens all the time is not in them. Of
//! what a peer can cause at will only so much is logged, and the number of those left out.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::event::Event;
use super::ids::ConversationId;
use crate::link::{Rate, TokenBucket};
use crate::machine::Wake;
use crate::media::Agreement;

/// Records of one kind that may be written at once.
const BURST: u32 = 20;

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
        let rate = Rate { start: BURST, capacity: BURST, interval: pace };
        Self {
            malformed: Limited::new("malformed", rate, now),
            errors: Limited::new("error", rate, now),
            requests: Limited::new("too many requests on their way", rate, now),
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

/// Records of one kind that a peer can bring about at will.
#[derive(Debug)]
struct Limited {
    kind: &'static str,
    bucket: TokenBucket,
    /// The number of records left out since the last that was written.
    left_out: u64,
}

impl Limited {
    fn new(kind: &'static str, rate: Rate, now: Instant) -> Self {
        Self { kind, bucket: TokenBucket::new(rate, now), left_out: 0 }
    }

    /// True if one more may be written.
    fn may(&mut self, now: Instant) -> bool {
        self.tell_due(now);
        let may = self.bucket.take(now);
        self.left_out += u64::from(!may);
        may
    }

    fn tell_due(&mut self, now: Instant) {
        if self.left_out > 0 && self.bucket.take(now) {
            warn!(kind = self.kind, left_out = self.left_out, "records left out of the log");
            self.left_out = 0;
        }
    }

    fn due(&self) -> Option<Instant> {
        (self.left_out > 0).then(|| self.bucket.ready_at())
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
        Event::CancelPendingSession { conversation, .. }
        | Event::HandledPendingSession { conversation, .. }
        | Event::CallEnded { conversation, .. }
        | Event::MediaState { conversation, .. }
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
        | Event::AlertingLeader(_)
        | Event::ConcurrentSoftphoneSessionsEnabled(_)
        | Event::CallReport(_)
        | Event::Stats { .. }
        | Event::Dtmf { .. }
        | Event::ComfortNoise { .. }
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
        Event::Error(_)
        | Event::Malformed { .. }
        | Event::ConcurrentSoftphoneSessionsEnabled(_)
        | Event::CallReport(_)
        | Event::Stats { .. }
        | Event::Dtmf { .. }
        | Event::ComfortNoise { .. }
        | Event::Notification { .. }
        | Event::Trace(_) => {}
    }
}

#[cfg(test)]
mod tests {
    const PACE: Duration = Duration::from_secs(7);

    use super::*;

    #[test]
    fn what_a_peer_can_bring_about_is_logged_at_a_bounded_rate() {
        let t0 = crate::testing::epoch();
        let mut journal = Journal::new(PACE, t0);
        let burst = BURST as usize;
        assert_eq!((0..1000).filter(|_| journal.malformed.may(t0)).count(), burst);
        assert_eq!(journal.malformed.left_out, 1000 - u64::from(BURST));
        assert!(journal.errors.may(t0), "errors have a rate of their own");
        let wake = journal.next_wake().expect("how many there were is told in the end");
        assert_eq!(wake.at, t0 + PACE);
        journal.tell_due(wake.at);
        assert_eq!((journal.malformed.left_out, journal.next_wake()), (0, None));
        assert!(!journal.malformed.may(wake.at) && journal.malformed.may(wake.at + 2 * PACE));
    }
}
