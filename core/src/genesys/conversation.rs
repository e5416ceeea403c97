//! One conversation: its invitation, its media and our part in it, which arrive in any order
//! (behaviour notes 16).

use std::time::{Duration, Instant};

use super::event::{CallState, Conversation, PendingSession, SessionType};
use super::ids::{ConversationId, ParticipantId, SessionId, UserId};
use super::notice::{Call, Class, ErrorInfo, Notice, Participant};
use crate::jingle::Propose;
use crate::xmpp::Jid;

/// How long an invitation lives without a word from the service. The service has no ringing
/// limit of its own in the notes, so this only catches what was lost (DEF-5).
const INVITATION_LIFETIME: Duration = Duration::from_secs(180);

/// An invitation to a call.
///
/// ```text
/// None ──propose──> Ringing ──accept──> Accepted ──offer──> None (started)
///                      └────────────────────┴── retract, elsewhere, ended, expired ──> None
/// ```
#[derive(Clone, Debug, Default)]
pub(crate) enum Invitation {
    /// None, or no longer.
    #[default]
    None,
    /// Nobody has answered.
    Ringing(Invite),
    /// We sent `proceed`; the offer is to come.
    Accepted(Invite),
}

/// What an invitation said.
#[derive(Clone, Debug)]
pub(crate) struct Invite {
    pub(crate) session: SessionId,
    pub(crate) from: Jid,
    pub(crate) sdp_over_xmpp: bool,
    auto_answer: bool,
    original_room: Option<String>,
    from_user: Option<UserId>,
    /// Whether the application was told; not for an eager one (LC-12).
    pub(crate) announced: bool,
    expires: Instant,
}

impl Invite {
    pub(crate) fn new(propose: &Propose, from: &Jid, announced: bool, now: Instant) -> Self {
        Self {
            session: SessionId::from(propose.id.as_str()),
            from: from.clone(),
            sdp_over_xmpp: propose.sdp_over_xmpp,
            auto_answer: propose.auto_answer,
            original_room: propose.original_room.clone(),
            from_user: propose.from_user_id.as_deref().map(UserId::from),
            announced,
            expires: now + INVITATION_LIFETIME,
        }
    }

    pub(crate) fn refresh(&mut self, now: Instant) {
        self.expires = now + INVITATION_LIFETIME;
    }

    /// The same call, invited to anew (LC-6): new ids, nothing told twice.
    pub(crate) fn replace(&mut self, propose: &Propose, from: &Jid, now: Instant) {
        *self = Self::new(propose, from, self.announced, now);
    }

    pub(crate) fn to_pending(&self, conversation: &ConversationId) -> PendingSession {
        PendingSession {
            session: self.session.clone(),
            conversation: conversation.clone(),
            auto_answer: self.auto_answer,
            session_type: SessionType::Softphone,
            from: self.from.to_string(),
            original_room: self.original_room.clone().unwrap_or_else(|| self.from.to_string()),
            from_user: self.from_user.clone(),
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

    pub(crate) fn expires(&self) -> Option<Instant> {
        self.invite().map(|invite| invite.expires)
    }
}

/// What is known of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) invitation: Invitation,
    /// Our media session for it.
    pub(crate) session: Option<SessionId>,
    /// Our part, once the service told.
    pub(crate) ours: Option<Ours>,
    /// Whether the application was told of it as added, and so must be told of its end.
    pub(crate) listed: bool,
}

impl Entry {
    /// What it means that our leg is connected.
    pub(crate) fn connected(&self, is_ours: bool) -> Step {
        if self.listed {
            return Step::Updated;
        }
        if self.session.is_some() {
            return Step::Added;
        }
        match self.invitation {
            // Our own answer is on its way.
            Invitation::Accepted(_) => Step::Note,
            Invitation::Ringing(_) | Invitation::None if is_ours => Step::Note,
            // Row 8.
            Invitation::Ringing(_) | Invitation::None => Step::Elsewhere,
        }
    }
}

/// Our part in a conversation, as last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    pub(crate) participant: ParticipantId,
    pub(crate) purpose: String,
    pub(crate) call: Call,
}

impl Ours {
    pub(crate) fn new(participant: &Participant, call: &Call) -> Self {
        Self {
            participant: participant.id.clone(),
            purpose: participant.purpose.clone(),
            call: call.clone(),
        }
    }

    /// Compared for change (CV-8), and by leg besides (DEF-26).
    fn same(&self, other: &Self) -> bool {
        let key = |ours: &Self| {
            let call = &ours.call;
            let flags = (call.confined, call.held, call.muted);
            (ours.participant.clone(), call.id.clone(), call.state(), flags)
        };
        key(self) == key(other)
    }
}

/// What a notification means for the application (behaviour notes 3.3, for a session of its own).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Not ours, or nothing new.
    Ignore,
    /// Known now; nothing to tell.
    Note,
    /// Another client of the user has it.
    Elsewhere,
    /// It ended before it connected.
    Withdrawn,
    /// It connected; tell it as added.
    Added,
    /// A detail changed.
    Updated,
    /// It ended.
    Removed,
}

/// Decides what a notification means. Pure: from what was known and what arrived.
pub(crate) fn reconcile(entry: Option<&Entry>, is_ours: bool, new: &Ours) -> Step {
    let now = new.call.state().class();
    let Some(entry) = entry else {
        // Row 1: another client's call, or the second ended event of ours. What we dialled is
        // ours from its first event (DEF-28).
        return match now {
            Class::Pending => Step::Note,
            Class::Connected | Class::Other if is_ours => Step::Note,
            Class::Connected | Class::Ended | Class::Other => Step::Ignore,
        };
    };
    if entry.ours.as_ref().is_some_and(|old| old.same(new)) {
        return Step::Ignore;
    }
    match now {
        Class::Connected => entry.connected(is_ours),
        Class::Ended if entry.listed => Step::Removed,
        Class::Ended => Step::Withdrawn,
        Class::Pending if entry.listed => Step::Updated,
        Class::Pending => Step::Note,
        Class::Other => Step::Updated,
    }
}

/// Our part in a notification, if we have one (CV-3 to CV-6).
pub(crate) fn ours(notice: &Notice, user: &UserId, entry: Option<&Entry>) -> Option<Ours> {
    // Of several legs, the one we are talking on stays ours (DEF-26).
    let talking = entry.and_then(|e| e.ours.as_ref()).map(|ours| ours.call.state());
    let wanted = talking.filter(|state| *state == CallState::Connected);
    let participant = notice.ours(user, wanted.as_ref())?;
    Some(Ours::new(participant, participant.call()?))
}

/// What the application sees.
pub(crate) fn snapshot(id: &ConversationId, entry: &Entry) -> Option<Conversation> {
    let ours = entry.ours.as_ref()?;
    let call = &ours.call;
    Some(Conversation {
        id: id.clone(),
        participant: ours.participant.clone(),
        call: call.id.clone(),
        state: call.state(),
        direction: call.direction(),
        muted: call.muted,
        held: call.held,
        confined: call.confined,
        session: entry.session.clone(),
    })
}

/// A call error worth telling (CV-13), unless it was told already for this leg (DEF-25).
pub(crate) fn new_error<'a>(old: Option<&Ours>, new: &'a Ours) -> Option<&'a ErrorInfo> {
    let error = new.call.error_info.as_ref()?;
    let told = old.is_some_and(|old| {
        old.call.id == new.call.id
            && old.call.error_info.as_ref().is_some_and(|told| told.code == error.code)
    });
    (!told && error.code != "error.ininedgecontrol.session.inactive").then_some(error)
}

/// Which conversation is being spoken on (CV-10; none when no call is left, DEF-17).
pub(crate) fn active(current: &[Conversation], about: &ConversationId) -> Option<ConversationId> {
    let live: Vec<_> = current.iter().filter(|c| c.state.class() != Class::Ended).collect();
    let connected: Vec<_> = live.iter().filter(|c| c.state == CallState::Connected).collect();
    match (live.as_slice(), connected.as_slice()) {
        ([], _) => None,
        ([only], _) => Some(only.id.clone()),
        (_, [only]) => Some(only.id.clone()),
        (_, several) => several
            .iter()
            .find(|c| !c.held)
            .map(|c| c.id.clone())
            .or_else(|| live.iter().find(|c| c.id == *about).map(|c| c.id.clone())),
    }
}
