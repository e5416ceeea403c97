//! Session messages of rooms: proposals, and the ways in which they end (behaviour notes 2.3 to 2.5).

use super::room::{Room, Stage};
use super::{MAX_ROOMS, Rooms, say};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, HandledBy};
use crate::genesys::ids::{ConversationId, MAX_ID, SessionId, UserId};
use crate::genesys::outbox::Outbox;
use crate::genesys::session_type::SessionType;
use crate::genesys::sessions::Sessions;
use crate::genesys::wire::{Propose, SessionMessage};
use crate::xmpp::Jid;

/// Reactions to a proposal, before the application has a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    /// Nothing: it is left alone.
    Ignore,
    /// The application is told.
    Tell,
    /// It is accepted, without a word.
    Proceed,
    /// Both.
    TellAndProceed,
}

impl Rooms {
    pub(crate) fn handle_session_message(
        &mut self,
        message: &SessionMessage,
        from: Option<&Jid>,
        user: Option<&UserId>,
        sessions: &Sessions,
        out: &mut Outbox,
    ) {
        match message {
            SessionMessage::Propose(propose) => {
                if let Some(from) = from {
                    self.propose(propose, from, user, sessions, out);
                }
            }
            // Only the client that got the offer sends accept, and our own comes back to us.
            SessionMessage::Accept { id } | SessionMessage::Reject { id } => {
                if from.is_none() || from != out.jid.as_ref() {
                    let other = from.filter(|from| out.bare_jid() != Some(from.bare()));
                    self.handled_elsewhere(&id.as_str().into(), other, out);
                }
            }
            SessionMessage::Retract { id } => {
                let session = SessionId::from(id.as_str());
                if self.is_pending_of(&session, from) {
                    let text = "the room took its proposal back";
                    self.withdraw(&session, Error::new(ErrorKind::Session, text), out);
                }
            }
            SessionMessage::Proceed { .. } => {}
        }
    }

    /// Takes a session message of ours that came back: the room is not there.
    pub(crate) fn message_bounced(
        &mut self,
        message: &SessionMessage,
        from: Option<&Jid>,
        out: &mut Outbox,
    ) {
        let SessionMessage::Proceed { id } = message else { return };
        let session = SessionId::from(id.as_str());
        let asked = self.find(&session).is_some_and(|room| match room.stage {
            Stage::Proceeded { .. } => from.is_none_or(|from| {
                from.bare() == room.from.bare() || from.as_str() == room.from.domain()
            }),
            Stage::Proposed { .. } | Stage::Offered | Stage::Joined(_) => false,
        });
        if asked {
            let text = "the room is not there any more";
            self.withdraw(&session, Error::new(ErrorKind::Session, text), out);
        }
    }

    /// True for a proposal of this bare address. Without an address it is our own server that speaks.
    fn is_pending_of(&self, session: &SessionId, by: Option<&Jid>) -> bool {
        let room = self.find(session).filter(|room| room.is_pending());
        room.is_some_and(|room| by.is_none_or(|by| by.bare() == room.from.bare()))
    }

    fn handled_elsewhere(&mut self, session: &SessionId, by: Option<&Jid>, out: &mut Outbox) {
        if !self.is_pending_of(session, by) {
            return;
        }
        let Some(room) = self.remove(session) else { return };
        if room.is_known() {
            out.event(room.handled(HandledBy::Elsewhere));
        }
        let gone = Error::new(ErrorKind::Session, "another client took it");
        self.waits.settle(&super::Wait::Start(session.clone()), &Err(gone), out);
    }

    fn propose(
        &mut self,
        propose: &Propose,
        from: &Jid,
        user: Option<&UserId>,
        sessions: &Sessions,
        out: &mut Outbox,
    ) {
        let kind = SessionType::of(from);
        // Types that are not enabled are left alone (wire notes 9).
        if Some(from) == out.jid.as_ref() || !out.config.may_have(kind) {
            return;
        }
        let session = SessionId::from(propose.id.as_str());
        let Some(conversation) = propose.conversation_id.as_deref().map(ConversationId::from)
        else {
            out.malformed(format!("propose {session} without a conversation"));
            return;
        };
        if sessions.contains(&session) {
            return;
        }
        let is_same = |room: &&mut Room| {
            let same = room.conversation == conversation && room.kind == kind;
            room.session == session || (room.is_pending() && same)
        };
        if let Some(room) = self.open.iter_mut().find(is_same) {
            if room.from.bare() != from.bare() {
                out.malformed("propose of what somebody else proposed");
                return;
            }
            let old = room.session.clone();
            repeated(room, propose, from, out);
            self.waits.moved(&old, &session);
            self.wanted.came(&conversation);
            return;
        }
        let reaction = self.reaction(propose, from, kind, &conversation, user, out);
        if reaction == Reaction::Ignore {
            return;
        }
        self.wanted.came(&conversation);
        if propose.id.len() > MAX_ID || self.open.len() >= MAX_ROOMS {
            out.malformed("too many rooms: propose dropped");
            return;
        }
        let until = out.now() + out.config.timing.ringing;
        let stage = Stage::Proposed { until };
        let mut room = Room::proposed(propose, conversation, kind, from, stage);
        let proceeds = match reaction {
            Reaction::Ignore | Reaction::Tell => false,
            Reaction::Proceed | Reaction::TellAndProceed => true,
        };
        room.told = reaction != Reaction::Proceed;
        if room.told {
            out.event(Event::PendingSession(room.to_pending(proceeds)));
        }
        if proceeds {
            proceed(&mut room, out);
        }
        self.open.push(room);
    }

    /// The reaction to a proposal (behaviour notes 2.4).
    fn reaction(
        &mut self,
        propose: &Propose,
        from: &Jid,
        kind: SessionType,
        conversation: &ConversationId,
        user: Option<&UserId>,
        out: &Outbox,
    ) -> Reaction {
        let of_user = propose.from_user_id.as_deref();
        let is_ours = of_user.is_some() && of_user == user.map(UserId::as_str);
        match kind {
            SessionType::CollaborateVideo => {
                let room = propose.original_room.as_deref().unwrap_or(from.as_str());
                let name = from.as_str();
                if self.wanted.take(propose, room, conversation) {
                    Reaction::Proceed
                } else if name.starts_with("agent-") || (name.starts_with("peer-") && !is_ours) {
                    Reaction::Tell
                } else {
                    Reaction::Ignore
                }
            }
            SessionType::ScreenShare => Reaction::TellAndProceed,
            SessionType::ScreenRecording => {
                match out.config.auto_accept_pending_screen_recording_requests {
                    true => Reaction::Proceed,
                    false => Reaction::Tell,
                }
            }
            SessionType::LiveScreenMonitoring if is_ours => Reaction::Proceed,
            SessionType::LiveScreenMonitoring => Reaction::Tell,
            SessionType::Softphone | SessionType::Unknown => Reaction::Ignore,
        }
    }
}

/// A proposal comes again, perhaps with a new id (LC-6): nothing is told twice, and one that was
/// accepted is accepted again.
fn repeated(room: &mut Room, propose: &Propose, from: &Jid, out: &mut Outbox) {
    let is_new = room.session.as_str() != propose.id;
    if is_new {
        let fresh = Room::proposed(
            propose,
            room.conversation.clone(),
            room.kind,
            from,
            Stage::Proposed { until: out.now() },
        );
        room.session = fresh.session;
        room.from = fresh.from;
        room.signaling = fresh.signaling;
        room.original_room = fresh.original_room;
        room.from_user = fresh.from_user;
    }
    match &mut room.stage {
        Stage::Proposed { until } => *until = out.now() + out.config.timing.ringing,
        Stage::Proceeded { .. } => proceed(room, out),
        Stage::Offered | Stage::Joined(_) => {}
    }
}

/// Asks for a room's offer.
pub(super) fn proceed(room: &mut Room, out: &mut Outbox) {
    let until = out.now() + out.config.timing.ringing;
    room.stage = Stage::Proceeded { until };
    let message = SessionMessage::Proceed { id: room.session.as_str().to_owned() };
    say(message, room.from.clone(), out);
}
