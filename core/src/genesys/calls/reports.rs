//! The report of each call: the times of its steps, and its quality.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::genesys::call_state::CallDirection;
use crate::genesys::conversation::Effect;
use crate::genesys::event::{CallReport, Event};
use crate::genesys::ids::ConversationId;
use crate::genesys::outbox::Outbox;
use crate::media::Milestone;
use crate::report::CallQuality;

/// The reports of calls that are not over.
#[derive(Debug, Default)]
pub(super) struct Reports {
    calls: BTreeMap<ConversationId, Box<CallReport>>,
}

impl Reports {
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn has(&self, id: &ConversationId) -> bool {
        self.calls.contains_key(id)
    }

    /// Takes note of what follows from a step.
    pub(super) fn note(&mut self, id: &ConversationId, effect: &Effect, now: Instant) {
        let now = Some(now);
        let noted = matches!(
            effect,
            Effect::Ring(_) | Effect::Proceed(_) | Effect::Begun(_) | Effect::Connected(..)
        );
        if !noted && !self.calls.contains_key(id) {
            return;
        }
        let call = self.calls.entry(id.clone()).or_default();
        match effect {
            Effect::Ring(_) => call.timeline.invited = call.timeline.invited.or(now),
            Effect::Proceed(_) | Effect::Answer => {
                call.timeline.invited = call.timeline.invited.or(now);
                call.timeline.answered = call.timeline.answered.or(now);
            }
            Effect::Begun(session) => {
                call.timeline.session_started = call.timeline.session_started.or(now);
                call.session = Some(session.clone());
            }
            Effect::Connected(shown, session) => {
                call.timeline.connected = call.timeline.connected.or(now);
                call.direction = Some(shown.direction);
                call.session = Some(session.clone());
            }
            Effect::Cancel(_)
            | Effect::Handled(..)
            | Effect::Gone(_)
            | Effect::Started
            | Effect::Ended(_)
            | Effect::Update(..)
            | Effect::Report(..)
            | Effect::Error(..)
            | Effect::CallOver
            | Effect::Release(_) => {}
        }
    }

    /// Takes note of a call that the user dialled: whatever becomes of it is reported.
    pub(super) fn dialled(&mut self, id: &ConversationId) {
        let call = self.calls.entry(id.clone()).or_default();
        call.direction = Some(CallDirection::Outbound);
    }

    /// Takes note of what a call's media has reached.
    pub(super) fn reached(&mut self, id: &ConversationId, milestone: Milestone, at: Instant) {
        let Some(call) = self.calls.get_mut(id) else { return };
        // A session that was there before the call has its milestones behind it.
        if call.timeline.session_started.is_some() {
            let mark = match milestone {
                Milestone::Connected => &mut call.timeline.media_connected,
                Milestone::FirstAudio => &mut call.timeline.first_audio,
            };
            *mark = mark.or(Some(at));
        }
    }

    /// Takes note of how a call that is over sounded.
    pub(super) fn rate(&mut self, id: &ConversationId, quality: Option<CallQuality>) {
        if let Some(call) = self.calls.get_mut(id) {
            call.quality = quality;
        }
    }

    /// Ends the report of a conversation that is not known any more, if there is anything to
    /// report.
    pub(super) fn finish(&mut self, id: &ConversationId, out: &mut Outbox) {
        if let Some(mut call) = self.calls.remove(id) {
            call.timeline.ended = Some(out.now());
            call.timeline.clock = out.config.wall_clock(out.begun());
            call.conversation = id.clone();
            out.event(Event::CallReport(call));
        }
    }
}
