//! Effects of a conversation's step, carried out.

use super::Calls;
use super::invitations::send_proceed;
use crate::genesys::ask::CallAsk;
use crate::genesys::call::{Conversation, ConversationUpdate};
use crate::genesys::command::Outcome;
use crate::genesys::conversation::{Effect, ListChange, active};
use crate::genesys::error::{Complaint, Error, ErrorKind, Subject};
use crate::genesys::event::Event;
use crate::genesys::goals::Goal;
use crate::genesys::ids::ConversationId;
use crate::genesys::outbox::Outbox;
use crate::genesys::session_type::SessionType;
use crate::genesys::sessions::Sessions;
use crate::genesys::wire::requests;
use crate::rest::Retry;

impl Calls {
    pub(super) fn carry_out(
        &mut self,
        id: &ConversationId,
        effect: Effect,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let conversation = id.clone();
        match effect {
            Effect::Ring(pending) => {
                self.goals.session_goes_on(&pending.session, id, out);
                out.event(Event::PendingSession(pending));
            }
            Effect::Cancel(session) => {
                let session_type = SessionType::Softphone;
                out.event(Event::CancelPendingSession { session, conversation, session_type });
            }
            Effect::Handled(session, by) => {
                let session_type = SessionType::Softphone;
                out.event(Event::HandledPendingSession { session, conversation, session_type, by });
            }
            Effect::Gone(why) => self.goals.invitation_gone(id, why, out),
            Effect::Begun(session) => {
                if let Some(handle) = sessions.handle(&session) {
                    out.event(Event::SessionStarted(handle));
                }
            }
            Effect::Started => {
                let started = |goal: &Goal| matches!(goal, Goal::Start(c) if c == id);
                self.goals.settle(started, &Ok(Outcome::Done), out);
            }
            Effect::Proceed(invite) => send_proceed(&invite, out),
            Effect::Answer => self.answer_by_rest(id, out),
            Effect::Connected(call, session) => {
                self.meters.start(&call, &session, sessions);
                self.goals.session_goes_on(&session, id, out);
                out.event(Event::CallConnected { call, session });
            }
            Effect::Ended(session) => {
                let quality = self.meters.end(id, sessions);
                self.reports.rate(id, quality);
                out.event(Event::CallEnded { conversation, session, quality });
            }
            Effect::Update(change, call) => self.tell_update(id, change, call, out),
            Effect::Report(session, leg) => {
                // Once for each leg (wire notes 8.2).
                if sessions.report_once(&session, &leg) {
                    let resource = requests::call_metadata(id, leg.as_str());
                    out.rest(CallAsk::Metadata(conversation), resource, Retry::No);
                }
            }
            Effect::Error(error, session) => {
                let text = format!("{id}: {} {}", error.code, error.message);
                let said = Complaint::new(&error.code, Some(&error.message));
                let error = Error::new(ErrorKind::Call, text).caused_by(said);
                let of = Subject { conversation: Some(conversation), session };
                out.event(Event::Error(error.about(&self.subject(of, sessions))));
            }
            Effect::CallOver => {
                self.goals.call_over(id, out);
                self.dials.forget(id);
            }
            Effect::Release(session) => {
                if self.is_kept(&session, sessions) {
                    self.goals.session_stays(id, out);
                } else {
                    let until = out.now() + out.config.timing.media_without_call;
                    sessions.leave_alone(&session, until);
                }
            }
        }
    }

    fn tell_update(
        &mut self,
        id: &ConversationId,
        change: ListChange,
        call: Conversation,
        out: &mut Outbox,
    ) {
        if !out.has_room() {
            self.untold = true;
            return;
        }
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let current = match change {
            ListChange::Added => {
                added.push(call);
                self.current(None)
            }
            ListChange::Updated | ListChange::Dropped => self.current(None),
            ListChange::Removed => {
                removed.push(call);
                self.current(Some(id))
            }
        };
        let active = active(&current, id);
        out.event(Event::ConversationUpdate(ConversationUpdate {
            active,
            current,
            added,
            removed,
        }));
        self.entries.values_mut().for_each(|state| state.mention());
    }
}
