//! Session messages: proposals, and all the ways in which they end (behaviour notes 2.3 to 2.5).

use super::Calls;
use crate::genesys::conversation::{By, Input, Invitation, Invite};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, SessionType};
use crate::genesys::ids::{ConversationId, SessionId};
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
                    self.feed_invited(id, Input::Elsewhere, out);
                }
            }
            SessionMessage::Retract { id } => self.feed_invited(id, Input::Retract, out),
            SessionMessage::Proceed { .. } => {}
        }
    }

    fn feed_invited(&mut self, id: &str, input: fn(SessionId) -> Input, out: &mut Outbox) {
        let session = SessionId::from(id);
        for conversation in self.invited(&session) {
            self.feed(&conversation, input(session.clone()), out);
        }
    }

    fn propose(&mut self, propose: &Propose, from: &Jid, out: &mut Outbox) {
        if Some(from) == out.jid.as_ref() {
            return;
        }
        match session_type(from) {
            SessionType::Softphone if out.config.auth.may_have(SessionType::Softphone) => {}
            SessionType::Unknown => {
                let text = format!("a session of unknown type was proposed by {from}");
                out.event(Event::Error(Error::new(ErrorKind::Session, text)));
                return;
            }
            // Types that are not enabled are left alone (wire notes 9).
            SessionType::Softphone
            | SessionType::CollaborateVideo
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
        if !self.has_room(&conversation) {
            out.malformed("too many conversations: propose dropped");
            return;
        }
        let invite = Invite::proposed(propose, from, out.now);
        self.feed(&conversation, Input::Propose(invite), out);
    }

    /// The conversations that a session was proposed for, answered ones first: it should be one,
    /// but ids may repeat. Calls that ring on the shared session are not among them: session
    /// messages are not about those (DEF-4, PC-8).
    pub(super) fn invited(&self, session: &SessionId) -> Vec<ConversationId> {
        let proposed =
            |invite: &Invite| invite.session == *session && matches!(invite.by, By::Propose { .. });
        let mut invited: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, state)| state.invitation.invite().is_some_and(proposed))
            .map(|(id, state)| (matches!(state.invitation, Invitation::Ringing(_)), id.clone()))
            .collect();
        invited.sort_by_key(|(ringing, _)| *ringing);
        invited.into_iter().map(|(_, id)| id).collect()
    }
}

pub(super) fn send_proceed(invite: &Invite, out: &mut Outbox) {
    let proceed = SessionMessage::Proceed { id: invite.session.to_string() };
    out.signal(Frame::Message(Message::to(invite.from.clone(), Payload::JingleMessage(proceed))));
}
