//! The quality of each call, while it is connected (behaviour notes 12).

use std::collections::BTreeMap;

use serde_json::json;

use crate::genesys::call::Conversation;
use crate::genesys::ids::{CallId, ConversationId, SessionId};
use crate::genesys::outbox::Outbox;
use crate::genesys::sessions::Sessions;
use crate::report::{CallQuality, QualityMeter};

/// One connected call's meter.
#[derive(Debug)]
struct Meter {
    session: SessionId,
    leg: CallId,
    meter: QualityMeter,
    /// The last figures, once its media is over.
    last: Option<CallQuality>,
    /// The number of times that another session took over.
    reconnects: u32,
}

/// The meters of all connected calls.
#[derive(Debug, Default)]
pub(super) struct Meters(BTreeMap<ConversationId, Box<Meter>>);

impl Meters {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Starts a connected call's meter: from here the session's figures count (ST-1).
    pub(super) fn start(&mut self, call: &Conversation, session: &SessionId, sessions: &Sessions) {
        let base = sessions.stats(session).unwrap_or_default();
        let meter = Meter {
            session: session.clone(),
            leg: call.call.clone(),
            meter: QualityMeter::new(&base),
            last: None,
            reconnects: 0,
        };
        self.0.insert(call.id.clone(), Box::new(meter));
    }

    /// Ends a call's meter, and returns how it sounded.
    pub(super) fn end(
        &mut self,
        conversation: &ConversationId,
        sessions: &Sessions,
    ) -> Option<CallQuality> {
        let mut meter = self.0.remove(conversation)?;
        match sessions.stats(&meter.session) {
            Some(stats) => Some(meter.meter.sample(&stats)),
            None => meter.last,
        }
    }

    /// Takes note of the last figures of the calls on sessions that are about to be closed.
    pub(super) fn stop(&mut self, sessions: &Sessions) {
        for session in sessions.ending() {
            let Some(stats) = sessions.stats(session) else { continue };
            for meter in self.0.values_mut().filter(|meter| meter.session == *session) {
                meter.last = Some(meter.meter.sample(&stats));
            }
        }
    }

    /// Moves calls on to another session that carries them.
    pub(super) fn move_on(&mut self, old: &SessionId, new: &SessionId, sessions: &Sessions) {
        let before = sessions.stats(old).filter(|_| old != new);
        let after = sessions.stats(new).unwrap_or_default();
        for meter in self.0.values_mut().filter(|meter| meter.session == *old) {
            if let Some(before) = &before {
                meter.meter.sample(before);
            }
            meter.meter.rebase(&after);
            meter.session = new.clone();
            meter.reconnects += 1;
        }
    }

    /// Takes figures that were told: each call on the session takes its part, and reports it if it
    /// is to (ST-2, ST-4).
    pub(super) fn sample(&mut self, sessions: &mut Sessions, out: &mut Outbox) {
        for (session, stats) in sessions.take_samples() {
            for (conversation, meter) in &mut self.0 {
                if meter.session != session {
                    continue;
                }
                let quality = meter.meter.sample(&stats);
                if out.config.report_statistics
                    && let Some(signal) = sessions.signal(&session)
                {
                    signal.clone().report(report(conversation, meter, &quality, out), out);
                }
            }
        }
    }
}

/// The report of a call for the service (ST-4).
fn report(
    conversation: &ConversationId,
    meter: &Meter,
    quality: &CallQuality,
    out: &Outbox,
) -> serde_json::Value {
    let app = &out.config.app;
    let mut stats = json!({
        "client": {
            "originAppName": app.name, "originAppId": app.id, "originAppVersion": app.version,
        },
        "rtp": {
            "packetsReceived": quality.packets_received,
            "averageJitter": quality.jitter.as_secs_f64(),
            "estimatedAverageMos": quality.mos,
        },
        "reconnectAttemptCount": meter.reconnects,
    });
    let clock = out.config.wall_clock(out.begun());
    if let Some(created) = clock.and_then(|clock| clock.iso(out.now())) {
        stats["dateCreated"] = json!(created);
    }
    json!({
        "sessionId": meter.session, "conversationId": conversation,
        "communicationId": meter.leg, "stats": stats,
    })
}
