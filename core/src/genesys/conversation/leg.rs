//! Our part in a conversation, as the service tells it (behaviour notes 4.2, 4.3).

use std::sync::Arc;

use crate::genesys::call::Conversation;
use crate::genesys::call_state::CallState;
use crate::genesys::ids::{ConversationId, ParticipantId, SessionId, UserId};
use crate::genesys::party::Parties;
use crate::genesys::wire::notice::{Call, Class, ErrorInfo, Notice, Participant};
use crate::xmpp::Skipped;

/// Our part in a conversation, as last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) participant: ParticipantId,
    pub(crate) purpose: String,
    pub(crate) call: Call<'static>,
    /// True if we can be taken off it without hanging up: it rings, and we talk on no other leg.
    pub(crate) only_rings: bool,
    /// The others on it, where the service said. Kept of calls that are ours and live.
    pub(crate) parties: Option<Arc<Parties>>,
    /// A digest of what they were last read from, so that it is read again only where it changed.
    read_from: u64,
}

impl Leg {
    fn new(participant: &Participant<'_>, call: &Call<'_>) -> Self {
        Self {
            participant: (&*participant.id).into(),
            purpose: participant.purpose.to_string(),
            call: call.without_ends(),
            only_rings: participant.only_rings(),
            parties: None,
            read_from: 0,
        }
    }

    /// Our part in a notification, if we have one (CV-3 to CV-6). Of several legs, the one we are
    /// talking on stays ours (DEF-26).
    pub(crate) fn find(notice: &Notice<'_>, user: &UserId, known: Option<&Self>) -> Option<Self> {
        let talking = known.map(|leg| leg.call.state());
        let wanted = talking.filter(|state| *state == CallState::Connected);
        let participant = notice.ours(user, wanted.as_ref())?;
        Some(Self::new(participant, participant.call()?))
    }

    /// Takes note of who else is on it, as the same notification tells. What is left out of that is
    /// named where it is news.
    pub(crate) fn meet(
        &mut self,
        notice: &Notice<'_>,
        user: &UserId,
        known: Option<&Self>,
    ) -> Skipped {
        let mut skipped = Skipped::default();
        let ours = notice.participants().iter().find(|one| &*one.id == self.participant.as_str());
        let Some(ours) = ours else { return skipped };
        self.read_from = notice.digest_of_others(user, ours);
        let before = known.and_then(|known| known.parties.as_ref());
        if known.is_some_and(|known| known.read_from == self.read_from) {
            self.parties = before.cloned();
            return skipped;
        }
        let told = Parties::of(notice, user, ours, self.call.direction(), &mut skipped);
        if told.as_ref() == before.map(|parties| &**parties) {
            skipped = Skipped::default();
            self.parties = before.cloned();
        } else {
            self.parties = told.map(Arc::new);
        }
        skipped
    }

    pub(crate) fn class(&self) -> Class {
        self.call.state().class()
    }

    /// True if nothing that is told changed (CV-8), nor the leg itself (DEF-26).
    pub(crate) fn same(&self, other: &Self) -> bool {
        let key = |leg: &Self| {
            let call = &leg.call;
            let flags = (call.confined, call.held, call.muted, call.recording);
            (call.state(), flags)
        };
        let same_leg = self.participant == other.participant && self.call.id == other.call.id;
        same_leg && key(self) == key(other)
    }

    /// A call error worth telling (CV-13), unless it was told already for this leg (DEF-25).
    pub(crate) fn new_error(&self, old: Option<&Self>) -> Option<ErrorInfo> {
        let error = self.call.error_info.as_ref()?;
        let told = old.is_some_and(|old| {
            old.call.id == self.call.id
                && old.call.error_info.as_ref().is_some_and(|told| told.code == error.code)
        });
        let silent = error.code == "error.ininedgecontrol.session.inactive";
        (!told && !silent).then(|| error.clone())
    }

    /// The conversation as the application sees it.
    pub(crate) fn snapshot(
        &self,
        id: &ConversationId,
        session: Option<&SessionId>,
    ) -> Conversation {
        let call = &self.call;
        Conversation {
            id: id.clone(),
            participant: self.participant.clone(),
            call: call.id.clone(),
            state: call.state(),
            direction: call.direction(),
            muted: call.muted,
            held: call.held,
            confined: call.confined,
            recording: call.recording,
            session: session.cloned(),
            parties: self.parties.clone(),
        }
    }
}

/// The conversation that is being spoken on (CV-10; none when no call is left, DEF-17).
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
