//! The standing of an offer to the rooms that there are. What follows from it is the table of
//! [`collision`](crate::genesys::collision).

use super::Rooms;
use super::room::{Room, Stage};
use crate::genesys::collision::Standing;
use crate::genesys::ids::{ConversationId, SessionId};
use crate::genesys::sessions::Sessions;
use crate::xmpp::Jid;

impl Rooms {
    /// The standing of a session-initiate, and the conversation that it is for.
    pub(crate) fn standing_of_initiate(
        &self,
        session: &SessionId,
        peer: &Jid,
        sessions: &Sessions,
    ) -> (Standing, Option<ConversationId>) {
        match sessions.standing(session, peer, None) {
            Some(standing) => (standing, None),
            None => self.standing_of_proposal(session, peer).unwrap_or((Standing::Nameless, None)),
        }
    }

    /// The standing of an offer that names a conversation, or none. Rooms propose before they offer;
    /// only a re-invite may bring a session that nobody heard of, to a room that we are in.
    pub(crate) fn standing_of_offer(
        &self,
        session: &SessionId,
        named: Option<ConversationId>,
        peer: &Jid,
        sdp: &str,
        reinvite: bool,
        sessions: &Sessions,
    ) -> (Standing, Option<ConversationId>) {
        if let Some(standing) = sessions.standing(session, peer, Some(sdp)) {
            let made_for = || sessions.handle(session).map(|session| session.conversation);
            return (standing, named.or_else(made_for));
        }
        if let Some(proposed) = self.standing_of_proposal(session, peer) {
            return proposed;
        }
        match named {
            Some(call) if reinvite && self.carrier_of(&call, peer).is_some() => {
                (Standing::Unknown, Some(call))
            }
            Some(_) | None => (Standing::Nameless, None),
        }
    }

    fn standing_of_proposal(
        &self,
        session: &SessionId,
        peer: &Jid,
    ) -> Option<(Standing, Option<ConversationId>)> {
        let room = self.find(session).filter(|room| room.is_pending())?;
        let is_its = room.from.bare() == peer.bare();
        let standing = if is_its { Standing::Proposed(room.signaling) } else { Standing::Strange };
        Some((standing, Some(room.conversation.clone())))
    }

    /// The session whose place a re-invite takes: the newest of that conversation, with this far side.
    pub(crate) fn carrier_of(
        &self,
        conversation: &ConversationId,
        peer: &Jid,
    ) -> Option<SessionId> {
        let is_it = |room: &&Room| match room.stage {
            Stage::Proposed { .. } | Stage::Proceeded { .. } => false,
            Stage::Offered | Stage::Joined(_) => {
                room.conversation == *conversation && room.from.bare() == peer.bare()
            }
        };
        self.open.iter().rev().find(is_it).map(|room| room.session.clone())
    }
}
