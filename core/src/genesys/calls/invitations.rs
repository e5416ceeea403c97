//! Ringing: proposals, and all the ways in which they end (behaviour notes 2.3 to 2.5).

use super::{Calls, MAX_CONVERSATIONS};
use crate::genesys::conversation::{Invitation, Invite, Step};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, HandledBy, SessionType};
use crate::genesys::ids::{ConversationId, SessionId};
use crate::genesys::notice::Class;
use crate::genesys::outbox::Outbox;
use crate::genesys::peer::session_type;
use crate::jingle::{Propose, SessionMessage};
use crate::xmpp::{Frame, Jid, Message, Payload};

impl Calls {
    pub(in crate::genesys) fn handle_session_message(
        &mut self,
        message: &SessionMessage,
        from: Option<&Jid>,
        out: &mut Outbox,
    ) {
        match message {
            SessionMessage::Propose(propose) => match from {
                Some(from) => self.propose(propose, from, out),
                None => out.malformed("propose without a sender"),
            },
            // Row by row: only the client that got the offer sends accept (LC-15), and our own
            // comes back to us (LC-14).
            SessionMessage::Accept { id } | SessionMessage::Reject { id } => {
                if from.is_none() || from != out.jid.as_ref() {
                    self.handled_elsewhere(&SessionId::from(id.as_str()), out);
                }
            }
            SessionMessage::Retract { id } => {
                self.retracted(&SessionId::from(id.as_str()), out);
            }
            SessionMessage::Proceed { .. } => {}
        }
    }

    pub(super) fn propose(&mut self, propose: &Propose, from: &Jid, out: &mut Outbox) {
        if Some(from) == out.jid.as_ref() {
            return;
        }
        match session_type(from) {
            SessionType::Softphone => {}
            SessionType::Unknown => {
                let text = format!("a session of unknown type was proposed by {from}");
                out.event(Event::Error(Error::new(ErrorKind::Session, text)));
                return;
            }
            // Types that are not enabled are left alone (wire notes 9).
            SessionType::CollaborateVideo
            | SessionType::ScreenShare
            | SessionType::ScreenRecording
            | SessionType::LiveScreenMonitoring => return,
        }
        let Some(conversation) = propose.conversation_id.as_deref().map(ConversationId::from)
        else {
            out.malformed(format!("propose {} without a conversation", propose.id));
            return;
        };
        if self.sessions.contains(&SessionId::from(propose.id.as_str())) {
            return;
        }
        if !self.entries.contains_key(&conversation) && self.entries.len() >= MAX_CONVERSATIONS {
            out.malformed("too many conversations: propose dropped");
            return;
        }
        let entry = self.entries.entry(conversation.clone()).or_default();
        match &mut entry.invitation {
            Invitation::None => {
                let announced = !propose.eager;
                let invite = Invite::new(propose, from, announced, out.now);
                if announced {
                    out.event(Event::PendingSession(invite.to_pending(&conversation)));
                }
                let proceeds =
                    propose.eager || (propose.auto_answer && !out.config.disable_auto_answer);
                if proceeds {
                    send_proceed(&invite, out);
                    entry.invitation = Invitation::Accepted(invite);
                } else {
                    entry.invitation = Invitation::Ringing(invite);
                }
            }
            Invitation::Ringing(invite) if invite.session.as_str() == propose.id => {
                invite.refresh(out.now);
            }
            Invitation::Ringing(invite) => invite.replace(propose, from, out.now),
            Invitation::Accepted(invite) => {
                if invite.session.as_str() == propose.id {
                    invite.refresh(out.now);
                } else {
                    invite.replace(propose, from, out.now);
                }
                send_proceed(invite, out);
            }
        }
    }

    pub(super) fn invited(&self, session: &SessionId) -> Option<ConversationId> {
        self.entries
            .iter()
            .find(|(_, e)| e.invitation.invite().is_some_and(|i| i.session == *session))
            .map(|(id, _)| id.clone())
    }

    pub(super) fn retracted(&mut self, session: &SessionId, out: &mut Outbox) {
        if let Some(conversation) = self.invited(session) {
            self.withdraw(&conversation, "the call was withdrawn", out);
            self.tidy(&conversation);
        }
    }

    /// An invitation is withdrawn, by whatever message.
    pub(super) fn withdraw(&mut self, conversation: &ConversationId, why: &str, out: &mut Outbox) {
        let Some(entry) = self.entries.get_mut(conversation) else { return };
        if let Invitation::Ringing(invite) | Invitation::Accepted(invite) =
            std::mem::take(&mut entry.invitation)
        {
            if invite.announced {
                out.event(Event::CancelPendingSession {
                    session: invite.session,
                    conversation: conversation.clone(),
                });
            }
            self.goals.invitation_gone(conversation, why, out);
        }
    }

    pub(super) fn handled_elsewhere(&mut self, session: &SessionId, out: &mut Outbox) {
        if let Some(conversation) = self.invited(session) {
            self.taken(&conversation, out);
        }
    }

    /// Another client of the user has the call: it is none of ours.
    pub(super) fn taken(&mut self, conversation: &ConversationId, out: &mut Outbox) {
        let Some(entry) = self.entries.get_mut(conversation) else { return };
        if let Invitation::Ringing(invite) | Invitation::Accepted(invite) =
            std::mem::take(&mut entry.invitation)
            && invite.announced
        {
            out.event(Event::HandledPendingSession {
                session: invite.session,
                conversation: conversation.clone(),
                by: HandledBy::Elsewhere,
            });
        }
        self.goals.invitation_gone(conversation, "handled by another client", out);
        if entry.session.is_some() {
            return;
        }
        if entry.listed {
            self.tell_update(conversation, Step::Removed, out);
        }
        self.call_ended(conversation, out);
    }

    /// Forgets a conversation of which nothing is left.
    pub(super) fn tidy(&mut self, conversation: &ConversationId) {
        let nothing_left = self.entries.get(conversation).is_some_and(|entry| {
            entry.session.is_none()
                && !entry.listed
                && entry.invitation.invite().is_none()
                && entry.ours.as_ref().is_none_or(|o| o.call.state().class() != Class::Connected)
        });
        if nothing_left {
            self.entries.remove(conversation);
        }
    }
}

pub(super) fn send_proceed(invite: &Invite, out: &mut Outbox) {
    let proceed = SessionMessage::Proceed { id: invite.session.to_string() };
    out.send(&Frame::Message(Message::to(invite.from.clone(), Payload::JingleMessage(proceed))));
}
