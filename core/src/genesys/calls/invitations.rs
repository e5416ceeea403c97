//! Session messages: proposals, and all the ways in which they end (behaviour notes 2.3 to 2.5).

use super::Calls;
use crate::genesys::conversation::{By, Input, Invitation, Invite};
use crate::genesys::error::{Error, ErrorKind, Subject};
use crate::genesys::event::Event;
use crate::genesys::ids::{ConversationId, MAX_ID, SessionId};
use crate::genesys::outbox::Outbox;
use crate::genesys::session_type::SessionType;
use crate::genesys::sessions::Sessions;
use crate::genesys::wire::{Dialect, Frame, Message, Payload, Propose, SessionMessage};
use crate::xmpp::Jid;

impl Calls {
    pub(in crate::genesys) fn handle_session_message(
        &mut self,
        message: &SessionMessage,
        from: Option<&Jid>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        match message {
            SessionMessage::Propose(propose) => match from {
                Some(from) => self.propose(propose, from, sessions, out),
                None => out.malformed("propose without a sender"),
            },
            // Row by row: only the client that got the offer sends accept (LC-15), and our own
            // comes back to us (LC-14). Another client of the user's may say so, and who proposed
            // it.
            SessionMessage::Accept { id } | SessionMessage::Reject { id } => {
                if from.is_none() || from != out.jid.as_ref() {
                    let other = from.filter(|from| out.bare_jid() != Some(from.bare()));
                    self.feed_invited(id, other, Input::Elsewhere, sessions, out);
                }
            }
            SessionMessage::Retract { id } => {
                self.feed_invited(id, from, Input::Retract, sessions, out);
            }
            SessionMessage::Proceed { .. } => {}
        }
    }

    /// Takes a session message of ours that came back: an answer to a proposal ends the waiting for
    /// its offer, if it comes from where the answer went. Nobody waits for what the others lead to.
    pub(in crate::genesys) fn message_bounced(
        &mut self,
        message: &SessionMessage,
        from: Option<&Jid>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let SessionMessage::Proceed { id } = message else { return };
        let session = SessionId::from(id.as_str());
        let proposal = self.proposal(&session);
        let asked = proposal
            .is_some_and(|(_, invite)| from.is_none_or(|from| is_or_serves(from, &invite.from)));
        if asked {
            self.feed_invited(id, None, Input::Undelivered, sessions, out);
        }
    }

    /// Tells the conversations that a session was proposed for, by the bare address that says so:
    /// anybody else is a stranger to them. Without an address it is our own server that speaks.
    fn feed_invited(
        &mut self,
        id: &str,
        by: Option<&Jid>,
        input: fn(SessionId) -> Input,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let session = SessionId::from(id);
        for conversation in self.invited(&session) {
            let proposer = self.entries.get(&conversation).and_then(|s| s.invitation.invite());
            if by.is_none_or(|by| proposer.is_some_and(|invite| invite.is_by(by))) {
                self.feed(&conversation, input(session.clone()), sessions, out);
            }
        }
    }

    /// True if a session, or the invitation to a conversation, is somebody else's: what was
    /// proposed is its proposer's, and nobody puts anything in its place.
    pub(super) fn is_proposed_by_other(
        &self,
        session: &SessionId,
        conversation: &ConversationId,
        by: &Jid,
    ) -> bool {
        let of = |id| self.entries.get(id).and_then(|state: &Box<_>| state.invitation.invite());
        let invited = self.invited(session);
        let invites = invited.iter().chain([conversation]).filter_map(of);
        invites.filter(|invite| matches!(invite.by, By::Propose { .. })).any(|i| !i.is_by(by))
    }

    fn propose(
        &mut self,
        propose: &Propose,
        from: &Jid,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        if Some(from) == out.jid.as_ref() {
            return;
        }
        match SessionType::of(from) {
            SessionType::Softphone if out.config.may_have(SessionType::Softphone) => {}
            SessionType::Unknown => {
                let text = format!("a session of unknown type was proposed by {from}");
                let about = Subject {
                    conversation: propose.conversation_id.as_deref().map(ConversationId::from),
                    session: Some(propose.id.as_str().into()),
                };
                out.event(Event::Error(Error::new(ErrorKind::Session, text).about(&about)));
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
        if sessions.contains(&SessionId::from(propose.id.as_str())) {
            return;
        }
        if self.is_proposed_by_other(&propose.id.as_str().into(), &conversation, from) {
            out.malformed("propose of what somebody else proposed");
            return;
        }
        if propose.id.len() > MAX_ID || !self.has_room(&conversation) {
            out.malformed("too many conversations, or an id too long: propose dropped");
            return;
        }
        let invite = Invite::proposed(propose, from, out.now() + out.config.timing.ringing);
        self.feed(&conversation, Input::Propose(invite), sessions, out);
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

/// True if an error for a stanza to an address may come from this one: the address itself, or a
/// server on the way (RFC 6120 section 8.3.1).
fn is_or_serves(from: &Jid, to: &Jid) -> bool {
    from == to || *from == to.bare() || from.as_str() == to.domain()
}

pub(super) fn send_proceed(invite: &Invite, out: &mut Outbox) {
    let proceed = SessionMessage::Proceed { id: invite.session.as_str().to_owned() };
    out.signal(Frame::Message(Message::to(
        invite.from.clone(),
        Payload::Extension(Dialect::SessionMessage(proceed)),
    )));
}
