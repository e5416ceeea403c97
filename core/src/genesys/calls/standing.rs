//! The standing of an offer to the calls and sessions that there are (LC-16). What follows from it is
//! the table of [`collision`](crate::genesys::collision).

use super::Calls;
use crate::genesys::collision::Standing;
use crate::genesys::conversation::{By, Invite};
use crate::genesys::event::Signaling;
use crate::genesys::ids::{ConversationId, SessionId};
use crate::genesys::outbox::Outbox;
use crate::genesys::sessions::Sessions;
use crate::xmpp::Jid;

impl Calls {
    /// The standing of a session-initiate, and the conversation that it is for. Only who proposed a session
    /// may initiate it, of whatever resource.
    pub(in crate::genesys) fn standing_of_initiate(
        &self,
        session: &SessionId,
        peer: &Jid,
        sessions: &Sessions,
    ) -> (Standing, Option<ConversationId>) {
        if let Some(standing) = sessions.standing(session, peer, None) {
            return (standing, None);
        }
        match self.proposal(session) {
            None => (Standing::Nameless, None),
            Some((conversation, invite)) if invite.is_by(peer) => {
                (proposed(invite), Some(conversation))
            }
            Some((conversation, _)) => (Standing::Strange, Some(conversation)),
        }
    }

    /// The standing of an offer that names a conversation, or none; and the conversation that it is for.
    /// An offer for a session that is not known may come from anywhere (wire notes 6.1).
    pub(in crate::genesys) fn standing_of_offer(
        &self,
        session: &SessionId,
        named: Option<ConversationId>,
        peer: &Jid,
        sdp: &str,
        sessions: &Sessions,
    ) -> (Standing, Option<ConversationId>) {
        let proposal = self.proposal(session);
        let invited = proposal.as_ref().map(|(conversation, _)| conversation.clone());
        let made_for = || sessions.handle(session).map(|session| session.conversation);
        let conversation = named.or(invited).or_else(made_for);
        if let Some(standing) = sessions.standing(session, peer, Some(sdp)) {
            return (standing, conversation);
        }
        let standing = match (&conversation, proposal) {
            (None, _) => Standing::Nameless,
            (Some(call), _) if self.is_strange(session, call, peer, sessions) => Standing::Strange,
            (Some(_), None) => Standing::Unknown,
            (Some(_), Some((_, invite))) => proposed(invite),
        };
        (standing, conversation)
    }

    /// True if an offer comes from somebody who has nothing to do with it: a session was proposed by
    /// another bare address, or the conversation is on a session of another one's.
    fn is_strange(
        &self,
        session: &SessionId,
        conversation: &ConversationId,
        peer: &Jid,
        sessions: &Sessions,
    ) -> bool {
        let carrier = self.entries.get(conversation).and_then(|entry| entry.media.as_ref());
        self.is_proposed_by_other(session, conversation, peer)
            || sessions.is_held_by_other(carrier, conversation, peer)
    }

    /// The call that a session was proposed for, if that is not begun.
    pub(super) fn proposal(&self, session: &SessionId) -> Option<(ConversationId, &Invite)> {
        let conversation = self.invited(session).into_iter().next()?;
        let invite = self.entries.get(&conversation)?.invitation.invite()?;
        Some((conversation, invite))
    }

    /// The session whose place a re-invite takes: the one that carries its conversation. An idle
    /// session carries none, and a shared one may be named by a call that is over: they are known by
    /// the conversation they were made for, or else by the far side that speaks for them.
    pub(in crate::genesys) fn carrier_of(
        &self,
        conversation: &ConversationId,
        peer: &Jid,
        sessions: &Sessions,
    ) -> Option<SessionId> {
        let carries = self.entries.get(conversation).and_then(|entry| entry.media.clone());
        let free = |session: &SessionId| self.line.is(session) || self.users_of(session).is_empty();
        carries.or_else(|| sessions.made_for(conversation, peer).into_iter().find(free))
    }

    /// True if a re-invite's request was seen before.
    pub(in crate::genesys) fn was_reinvited_by(&self, request: &str, out: &Outbox) -> bool {
        self.reinvites.has(request, out.now())
    }

    /// Takes note of a re-invite's request.
    pub(in crate::genesys) fn reinvited_by(
        &mut self,
        request: &str,
        session: &SessionId,
        out: &Outbox,
    ) {
        let until = out.now() + out.config.timing.reinvite;
        self.reinvites.add(request, session, out.now(), until);
    }

    /// Notes that our answer did not reach the service, or was not taken.
    pub(in crate::genesys) fn answer_lost(&mut self, session: &SessionId) {
        self.reinvites.answer_lost(session);
    }
}

/// The standing of what was proposed. Events propose no sessions: what [`Calls::invited`] finds is by
/// a propose.
fn proposed(invite: &Invite) -> Standing {
    match invite.by {
        By::Propose { sdp_over_xmpp: true } => Standing::Proposed(Signaling::Sdp),
        By::Propose { sdp_over_xmpp: false } => Standing::Proposed(Signaling::Jingle),
        By::Event => Standing::Unknown,
    }
}
