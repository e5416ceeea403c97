//! The report of each call: the times of its steps, and its quality.

use super::Calls;
use crate::genesys::call_state::Direction;
use crate::genesys::conversation::Effect;
use crate::genesys::event::Event;
use crate::genesys::ids::ConversationId;
use crate::genesys::outbox::Outbox;
use crate::media::Milestone;

impl Calls {
    /// Takes note of what follows from a step.
    pub(super) fn note(&mut self, id: &ConversationId, effect: &Effect, out: &Outbox) {
        let now = Some(out.now());
        let noted = matches!(
            effect,
            Effect::Ring(_) | Effect::Proceed(_) | Effect::Begun(_) | Effect::Connected(..)
        );
        if !noted && !self.timelines.contains_key(id) {
            return;
        }
        let call = self.timelines.entry(id.clone()).or_default();
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
    pub(super) fn note_dialled(&mut self, id: &ConversationId) {
        let call = self.timelines.entry(id.clone()).or_default();
        call.direction = Some(Direction::Outbound);
    }

    /// Takes note of what media has reached.
    pub(super) fn note_media(&mut self) {
        for (session, milestone, at) in self.sessions.take_milestones() {
            for (id, state) in &self.entries {
                if state.media.as_ref() != Some(&session) {
                    continue;
                }
                let Some(call) = self.timelines.get_mut(id) else { continue };
                // A session that was there before the call has its milestones behind it.
                if call.timeline.session_started.is_none() {
                    continue;
                }
                let mark = match milestone {
                    Milestone::Connected => &mut call.timeline.media_connected,
                    Milestone::FirstAudio => &mut call.timeline.first_audio,
                };
                *mark = mark.or(Some(at));
            }
        }
    }

    /// Ends the report of a conversation that is not known any more, if there is anything to
    /// report.
    pub(super) fn finish(&mut self, id: &ConversationId, out: &mut Outbox) {
        if self.entries.contains_key(id) {
            return;
        }
        if let Some(mut call) = self.timelines.remove(id) {
            call.timeline.ended = Some(out.now());
            call.timeline.clock = out.config.wall_clock(out.begun());
            call.conversation = id.clone();
            out.event(Event::CallReport(call));
        }
    }
}
