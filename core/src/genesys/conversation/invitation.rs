//! The invitation to a call: its sender, and the progress of its answer (behaviour notes 2.3 to
//! 2.5).

use std::sync::Arc;
use std::time::Instant;

use crate::genesys::config::EagerConnection;
use crate::genesys::event::PendingSession;
use crate::genesys::ids::{ConversationId, SessionId, UserId};
use crate::genesys::party::Parties;
use crate::genesys::session_type::SessionType;
use crate::genesys::wire::Propose;
use crate::xmpp::Jid;

/// An invitation to a call.
///
/// ```text
/// None ──propose, event──> Ringing ──accept──> Accepted ──offer, connected──> None (started)
///                             ^  └────────────────┴── retract, elsewhere, ended, expired ──> None
///                             └── the answer was refused ──┘
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Invitation {
    /// None, or no longer.
    #[default]
    None,
    /// Not answered yet.
    Ringing(Invite),
    /// Answered; media, or the service's word, is to come.
    Accepted(Invite),
}

/// The content of an invitation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invite {
    /// The proposal's id; the shared session's where an event invited.
    pub(crate) session: SessionId,
    pub(crate) from: Jid,
    pub(crate) by: By,
    auto_answer: bool,
    eager: bool,
    original_room: Option<String>,
    from_user: Option<UserId>,
    /// True once the application was told; not of an eager one (LC-12).
    pub(crate) announced: bool,
    pub(crate) expires: Instant,
}

/// The kind of invitation, and so the way to answer it (PC-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A propose, for a session of its own: answered by `proceed`.
    Propose {
        /// The signaling that the offer will come in.
        sdp_over_xmpp: bool,
    },
    /// A conversation event, for the shared session: answered through the service.
    Event,
}

/// The reaction to a propose: to tell it, to answer it (LC-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) tell: bool,
    pub(crate) answer: bool,
}

impl Invite {
    pub(crate) fn proposed(propose: &Propose, from: &Jid, until: Instant) -> Self {
        Self {
            session: SessionId::from(propose.id.as_str()),
            from: from.clone(),
            by: By::Propose { sdp_over_xmpp: propose.sdp_over_xmpp },
            auto_answer: propose.auto_answer,
            eager: propose.eager,
            original_room: propose.original_room.clone(),
            from_user: propose.from_user_id.as_deref().map(UserId::from),
            announced: false,
            expires: until,
        }
    }

    /// An invitation by event alone, to a call on the shared session (PC-5, behaviour notes 3.3 row
    /// 7).
    pub(crate) fn told(session: SessionId, from: Jid, outbound: bool, until: Instant) -> Self {
        Self {
            session,
            from,
            by: By::Event,
            auto_answer: outbound,
            eager: false,
            original_room: None,
            from_user: None,
            announced: false,
            expires: until,
        }
    }

    /// The reaction by LC-12, without reduced media.
    pub(crate) fn manner(&self, eager: EagerConnection, auto_answer_disabled: bool) -> Manner {
        let manner = |tell, answer| Manner { tell, answer };
        match (self.eager, eager) {
            (true, EagerConnection::None) => manner(false, false),
            (true, EagerConnection::Auto) => manner(false, true),
            (true, EagerConnection::Event) => manner(true, false),
            (false, _) => manner(true, self.auto_answer && !auto_answer_disabled),
        }
    }

    /// True if it came from this bare address. The resource may be another.
    pub(crate) fn is_by(&self, from: &Jid) -> bool {
        self.from.bare() == from.bare()
    }

    pub(crate) fn is_eager(&self) -> bool {
        self.eager
    }

    pub(crate) fn refresh(&mut self, until: Instant) {
        self.expires = until;
    }

    /// Takes over a newer invitation to the same call (LC-6): new ids, nothing told twice.
    pub(crate) fn replace(&mut self, newer: Self) {
        let announced = self.announced;
        *self = Self { announced, ..newer };
    }

    pub(crate) fn to_pending(
        &self,
        conversation: &ConversationId,
        parties: Option<Arc<Parties>>,
    ) -> PendingSession {
        PendingSession {
            session: self.session.clone(),
            conversation: conversation.clone(),
            auto_answer: self.auto_answer,
            session_type: SessionType::Softphone,
            from: self.from.to_string(),
            original_room: self.original_room.clone().unwrap_or_else(|| self.from.to_string()),
            from_user: self.from_user.clone(),
            parties,
        }
    }
}

impl Invitation {
    pub(crate) fn invite(&self) -> Option<&Invite> {
        match self {
            Self::None => None,
            Self::Ringing(invite) | Self::Accepted(invite) => Some(invite),
        }
    }

    pub(crate) fn take(&mut self) -> Option<Invite> {
        match std::mem::take(self) {
            Self::None => None,
            Self::Ringing(invite) | Self::Accepted(invite) => Some(invite),
        }
    }

    pub(crate) fn expires(&self) -> Option<Instant> {
        self.invite().map(|invite| invite.expires)
    }
}
