//! One conversation as a pure function: from what was known and what arrived, to what is known
//! and what follows (behaviour notes 3.3 and 16).
//!
//! Three sources tell of a call: the invitation (session messages, or the event alone), the media
//! session (offers), and the call (notifications). They come in any order, and any of them may be
//! lost or repeat itself. [`ConversationState`] is their product; [`step`] is the only thing that changes it.

mod invitation;
mod leg;
mod limit;
mod parties;
#[cfg(test)]
mod tests;

use std::time::Instant;

use super::config::EagerConnection;
use super::ids::{CallId, ConversationId, SessionId};
use super::timing::Timing;
use crate::genesys::call::Conversation;
use crate::genesys::call_state::{CallDirection, CallState};
use crate::genesys::event::{HandledBy, PendingSession};
use crate::genesys::wire::notice::{Class, ErrorInfo};
use crate::machine::{TimerName as _, Wake};
use crate::media::MediaError;
use crate::xmpp::Jid;

pub(crate) use invitation::{By, Invitation, Invite};
pub(crate) use leg::{Leg, active};
use limit::Limit;

/// The state of a conversation.
///
/// ```text
/// nothing ──propose──> rings ──accept──> answered ──offer──> carried ──connected──> listed
///    ^                  │ └──────────────offer───────────────^  │ ^                  │  │
///    │                  │                    │        media over│ └──offer──┐        │  │
///    ├──── withdrawn ───┴────────────────────┘                  v           │        │  │
///    ├──── over, limit ────────────────────────────────────── alone ────────┘        │  │
///    │                                                          ^─────media over─────┘  │
///    └──── over ────────────────────────────────────────────────────────────────────────┘
/// ```
///
/// | in words | invitation | media | leg | listed |
/// | --- | --- | --- | --- | --- |
/// | nothing | | | | |
/// | rings | ringing | none, or the shared session | pending, or not told | |
/// | answered | accepted | the same | any, or not told | |
/// | carried | | its session | any, or not told | |
/// | listed | | its session | live | yes |
/// | alone | | over | live | where it was |
///
/// Withdrawn is what is retracted, handled elsewhere, undelivered, refused, expired, or over. Over is told
/// by the event, or by a list without it. Media that is over before anything is told of the call leaves
/// nothing. A call that is told before its proposal is alone, for as long as it would ring. On the
/// shared session the event proposes, and "connected" follows accept (behaviour notes 3.3 rows 7 to 9).
/// A call that is proposed again while it is listed rings beside that.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ConversationState {
    pub(crate) invitation: Invitation,
    /// The media session that carries it: its own, or the one that all calls share.
    pub(crate) media: Option<SessionId>,
    /// Our leg, once the service told.
    pub(crate) leg: Option<Leg>,
    /// True if the application was told that it is connected, and so must be told of its end.
    pub(crate) listed: bool,
    /// True if it is in the list that the application was told last, though it is no call of its
    /// yet.
    mentioned: bool,
    /// True for a conversation that only brings a shared session up: its call is not real (DEF-36).
    pub(crate) fake: bool,
    /// The limit up to which it is kept without an invitation and without media ([`Limit::Alone`]).
    until: Option<Instant>,
}

/// An input of a conversation.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A session was proposed.
    Propose(Invite),
    /// The proposal of this session was withdrawn.
    Retract(SessionId),
    /// Another client accepted or rejected this session.
    Elsewhere(SessionId),
    /// The application answers.
    Accept,
    /// The service refused that answer.
    AcceptFailed,
    /// An offer of media was taken.
    Offered(SessionId),
    /// The answer to the proposal of this session came back undelivered.
    Undelivered(SessionId),
    /// An offer of media could not be used, for this reason.
    Refused(MediaError),
    /// A media session took the place of another.
    Replaced { old: SessionId, new: SessionId },
    /// A media session that is up carries it from now on.
    Carried(SessionId),
    /// A media session carries another conversation from now on.
    Left(SessionId),
    /// A media session is over.
    MediaOver(SessionId),
    /// The service told of our leg.
    Told(Leg),
    /// The service, asked, does not know of it.
    Absent,
    /// Time passed.
    Time,
}

/// The circumstances of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) id: &'a ConversationId,
    pub(crate) now: Instant,
    /// The session that calls without one of their own ride on, and its far side (PC-5).
    pub(crate) shared: Option<(&'a SessionId, &'a Jid)>,
    /// The session that all calls share, whether another one may ride on it or not.
    pub(crate) line: Option<&'a SessionId>,
    /// True if it was dialled from here.
    pub(crate) dialled: bool,
    pub(crate) eager: EagerConnection,
    pub(crate) auto_answer_disabled: bool,
    pub(crate) timing: &'a Timing,
}

impl Context<'_> {
    /// The time at which a call that rings from now on is forgotten.
    fn rings_until(&self) -> Instant {
        self.now + self.timing.ringing
    }
}

/// An effect of a step; those of one step are carried out in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Tell that it rings.
    Ring(PendingSession),
    /// Tell that it no longer does: the caller gave up.
    Cancel(SessionId),
    /// Tell that it no longer does: somebody has it.
    Handled(SessionId, HandledBy),
    /// End the wait for its start: it will not start.
    Gone(Why),
    /// Tell that its media session began.
    Begun(SessionId),
    /// End the wait for its start: it has started.
    Started,
    /// Answer by session message.
    Proceed(Invite),
    /// Answer through the service.
    Answer,
    /// Tell that the call is connected on this session.
    Connected(Conversation, SessionId),
    /// Tell that the call is over.
    Ended(Option<SessionId>),
    /// Tell the list of calls, and what has become of this one.
    Update(ListChange, Conversation),
    /// Report this leg to the service as connected here.
    Report(SessionId, CallId),
    /// Tell what the service says is wrong, and on which session.
    Error(ErrorInfo, Option<SessionId>),
    /// The call is over in the service.
    CallOver,
    /// The media session is no longer needed by it.
    Release(SessionId),
}

/// The reason why a call that rang will not start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    /// In these words.
    Said(&'static str),
    /// Its offer of media cannot be used.
    Offer(MediaError),
}

/// The change of a call in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListChange {
    Added,
    Updated,
    Removed,
    /// Removed from the list, and never a call of ours.
    Dropped,
}

/// The transition.
pub(crate) fn step(
    mut state: ConversationState,
    context: &Context<'_>,
    input: Input,
) -> (ConversationState, Vec<Effect>) {
    let mut effects = Vec::new();
    let out = &mut effects;
    let mentioned = state.mentioned.then(|| state.snapshot(context.id)).flatten();
    match input {
        Input::Propose(invite) => state.proposed(invite, context, out),
        Input::Retract(session) => {
            if state.is_invited_by(&session) {
                state.withdraw(Why::Said("the call was withdrawn"), out);
            }
        }
        Input::Elsewhere(session) => {
            if state.is_invited_by(&session) {
                state.taken(context, out);
            }
        }
        Input::Accept => state.accepted(context, out),
        Input::AcceptFailed => {
            state.invitation = match std::mem::take(&mut state.invitation) {
                Invitation::Accepted(invite) if invite.by == By::Event => {
                    Invitation::Ringing(invite)
                }
                same @ (Invitation::None | Invitation::Ringing(_) | Invitation::Accepted(_)) => {
                    same
                }
            };
        }
        Input::Offered(session) => state.offered(session, context, out),
        Input::Undelivered(session) => {
            let answered = matches!(state.invitation, Invitation::Accepted(_));
            if answered && state.is_invited_by(&session) {
                state.withdraw(Why::Said("the answer did not reach the caller"), out);
            }
        }
        Input::Refused(error) => state.withdraw(Why::Offer(error), out),
        Input::Replaced { old, new } => {
            if state.media.as_ref() == Some(&old) {
                state.media = Some(new);
            }
        }
        Input::Carried(session) => state.carried(session, context, out),
        Input::Left(session) => state.left(&session),
        Input::MediaOver(session) => state.media_over(&session, context),
        Input::Told(leg) => state.told(leg, context, out),
        Input::Absent => {
            let real = state.leg.is_some() || state.invitation.invite().is_some();
            if real && !state.fake {
                state.ended(context, out);
            }
        }
        Input::Time => state.time(context, out),
    }
    state.settle(context);
    if let Some(mentioned) = mentioned
        && state.leg.is_none()
        && !effects.iter().any(|effect| matches!(effect, Effect::Update(..)))
    {
        // Nobody else tells that it is in the list no more.
        effects.push(Effect::Update(ListChange::Dropped, mentioned));
    }
    (state, effects)
}

impl ConversationState {
    /// True if nothing of it is left.
    pub(crate) fn is_over(&self) -> bool {
        *self == Self::default()
    }

    /// All of its timers, and the time at which each is due. The first is looked at first.
    fn limits(&self) -> [(Limit, Option<Instant>); 2] {
        [(Limit::Invitation, self.invitation.expires()), (Limit::Alone, self.until)]
    }

    /// The first timer that is due.
    fn due(&self, now: Instant) -> Option<Limit> {
        let is_due = |at: &Option<Instant>| at.is_some_and(|at| at <= now);
        self.limits().into_iter().find(|(_, at)| is_due(at)).map(|(limit, _)| limit)
    }

    /// The time at which [`Input::Time`] is wanted, and the reason.
    pub(crate) fn wake(&self) -> Option<Wake> {
        let wakes = self
            .limits()
            .into_iter()
            .filter_map(|(limit, at)| at.map(|at| Wake { at, reason: limit.reason() }));
        wakes.min_by_key(|wake| wake.at)
    }

    pub(crate) fn snapshot(&self, id: &ConversationId) -> Option<Conversation> {
        Some(self.leg.as_ref()?.snapshot(id, self.media.as_ref()))
    }

    /// True while somebody talks on it.
    pub(crate) fn is_connected(&self) -> bool {
        self.leg.as_ref().is_some_and(|leg| leg.class() == Class::Connected)
    }

    /// Notes that the list of calls was told.
    pub(crate) fn mention(&mut self) {
        self.mentioned = self.leg.is_some() && !self.listed;
    }

    /// True if the application knows of it: as a call, as one that rings, or by its media.
    fn is_shown(&self) -> bool {
        let rings = self.invitation.invite().is_some_and(|invite| invite.announced);
        self.listed || rings || self.media.is_some()
    }

    fn is_invited_by(&self, session: &SessionId) -> bool {
        self.invitation.invite().is_some_and(|invite| invite.session == *session)
    }

    /// Sets the limit of what has neither an invitation nor media, and takes it off what has one.
    /// Media on the shared session proves nothing: a call that the service does not tell of is
    /// none.
    fn settle(&mut self, context: &Context<'_>) {
        let uninvited = self.invitation == Invitation::None;
        let unheard_of = self.leg.is_none()
            && !self.fake
            && self.media.is_some()
            && self.media.as_ref() == context.line;
        let alone = self.media.is_none();
        if !uninvited || !(alone || unheard_of) {
            self.until = None;
        } else if unheard_of {
            self.until.get_or_insert(context.now + context.timing.call_without_media);
        } else if self.leg.is_some() {
            self.until.get_or_insert_with(|| context.rings_until());
        } else if !self.listed {
            *self = Self::default();
        }
    }

    // The invitation

    fn proposed(&mut self, invite: Invite, context: &Context<'_>, out: &mut Vec<Effect>) {
        match &mut self.invitation {
            Invitation::None => self.ring(invite, context, out),
            Invitation::Ringing(known) if known.session == invite.session => {
                known.refresh(context.rings_until());
            }
            Invitation::Ringing(known) => {
                if known.by == By::Event {
                    // The service decided on a session of its own after all.
                    self.media = None;
                }
                known.replace(invite);
            }
            Invitation::Accepted(known) => {
                if known.session == invite.session {
                    known.refresh(context.rings_until());
                } else {
                    if known.by == By::Event {
                        self.media = None;
                    }
                    known.replace(invite);
                }
                out.push(Effect::Proceed(known.clone()));
            }
        }
    }

    fn ring(&mut self, mut invite: Invite, context: &Context<'_>, out: &mut Vec<Effect>) {
        let manner = invite.manner(context.eager, context.auto_answer_disabled);
        if !manner.tell && !manner.answer {
            return;
        }
        // A call that is known is real, whatever it is proposed as.
        self.fake = invite.is_eager() && *self == Self::default();
        invite.announced = manner.tell;
        if manner.tell {
            let parties = self.leg.as_ref().and_then(|leg| leg.parties.clone());
            out.push(Effect::Ring(invite.to_pending(context.id, parties)));
        }
        // A call on the shared session is answered by the service itself.
        if manner.answer && invite.by != By::Event {
            out.push(Effect::Proceed(invite.clone()));
            self.invitation = Invitation::Accepted(invite);
        } else {
            self.invitation = Invitation::Ringing(invite);
        }
    }

    fn accepted(&mut self, context: &Context<'_>, out: &mut Vec<Effect>) {
        self.invitation = match std::mem::take(&mut self.invitation) {
            Invitation::Ringing(mut invite) => {
                invite.refresh(context.rings_until());
                out.push(match invite.by {
                    By::Propose { .. } => Effect::Proceed(invite.clone()),
                    By::Event => Effect::Answer,
                });
                Invitation::Accepted(invite)
            }
            same @ (Invitation::None | Invitation::Accepted(_)) => same,
        };
    }

    /// Ends the ringing: nobody will have it.
    fn withdraw(&mut self, why: Why, out: &mut Vec<Effect>) {
        let Some(invite) = self.invitation.take() else { return };
        if invite.announced {
            out.push(Effect::Cancel(invite.session));
        }
        out.push(Effect::Gone(why));
        if invite.by == By::Event {
            self.media = None;
        }
        if self.media.is_none() && !self.listed && !self.is_connected() {
            self.leg = None;
            self.fake = false;
        }
    }

    /// Gives it up to another client of the user.
    fn taken(&mut self, context: &Context<'_>, out: &mut Vec<Effect>) {
        if let Some(invite) = self.invitation.take()
            && invite.announced
        {
            out.push(Effect::Handled(invite.session, HandledBy::Elsewhere));
        }
        out.push(Effect::Gone(Why::Said("handled by another client")));
        if self.media.is_none() {
            self.removed(None, context, out);
        }
    }

    // Media

    fn offered(&mut self, session: SessionId, context: &Context<'_>, out: &mut Vec<Effect>) {
        if let Some(invite) = self.invitation.take()
            && invite.announced
        {
            out.push(Effect::Handled(invite.session, HandledBy::Here));
        }
        out.push(Effect::Begun(session.clone()));
        out.push(Effect::Started);
        self.media = Some(session);
        if self.is_connected() && !self.fake {
            self.connected(context, out);
        }
    }

    /// Puts it on this session, unless it has one of its own.
    fn carried(&mut self, session: SessionId, context: &Context<'_>, out: &mut Vec<Effect>) {
        if self.media.is_none() {
            self.media = Some(session);
            if self.is_connected() && !self.fake {
                self.connected(context, out);
            }
        }
    }

    /// Takes word that its session carries another conversation now: a call that goes on stays on it
    /// as it was; what was there only for the session is forgotten.
    fn left(&mut self, session: &SessionId) {
        if self.media.as_ref() == Some(session) && (self.leg.is_none() || self.fake) {
            *self = Self { invitation: std::mem::take(&mut self.invitation), ..Self::default() };
        }
    }

    fn media_over(&mut self, session: &SessionId, context: &Context<'_>) {
        if self.media.as_ref() != Some(session) {
            return;
        }
        self.media = None;
        if self.fake {
            *self = Self { invitation: std::mem::take(&mut self.invitation), ..Self::default() };
            return;
        }
        match &self.leg {
            Some(leg) if leg.class() != Class::Ended => {
                self.until = Some(context.now + context.timing.call_without_media);
            }
            Some(_) | None => self.leg = None,
        }
    }

    // The call

    fn told(&mut self, mut leg: Leg, context: &Context<'_>, out: &mut Vec<Effect>) {
        if self.fake {
            return self.told_fake(&leg, out);
        }
        if let Some(error) = leg.new_error(self.leg.as_ref()) {
            out.push(Effect::Error(error, self.media.clone()));
        }
        let class = leg.class();
        let unknown = self.is_over();
        if unknown && (class == Class::Ended || class != Class::Pending && !context.dialled) {
            // Another client's call, or the second ended event of ours (behaviour notes 3.3 row 1).
            // What we dialled is ours from its first event (DEF-28).
            out.clear();
            return;
        }
        // What says nothing of the others takes nobody away.
        let before = self.leg.as_ref().and_then(|known| known.parties.as_ref());
        leg.parties = leg.parties.or_else(|| before.cloned());
        let who = leg.parties.as_ref() != before && self.is_shown();
        if self.leg.as_ref().is_some_and(|known| known.same(&leg)) {
            self.leg = Some(leg);
            if who {
                self.update(ListChange::Updated, context, out);
            }
            return;
        }
        let outbound = leg.call.direction() == CallDirection::Outbound;
        self.leg = Some(leg);
        match class {
            Class::Pending => {
                // Who calls may be known only now (CV-8).
                if self.listed || self.mentioned || who {
                    self.update(ListChange::Updated, context, out);
                }
                if !self.listed {
                    self.rings_on_shared(outbound, context, out);
                }
            }
            Class::Connected => self.connected(context, out),
            Class::Ended => self.ended(context, out),
            Class::Other if unknown => {}
            Class::Other => self.update(ListChange::Updated, context, out),
        }
    }

    /// Takes word of the call that only brings a session up: it is not shown, nor what is wrong
    /// with it, as the service says that of the connection (PC-17). Its end may end the session
    /// (DEF-8).
    fn told_fake(&mut self, leg: &Leg, out: &mut Vec<Effect>) {
        if leg.class() == Class::Ended {
            self.withdraw(Why::Said("the call ended before it was answered"), out);
            if let Some(session) = &self.media {
                out.push(Effect::Release(session.clone()));
            }
        }
    }

    /// Rings for a call on the shared session, for which no propose will come (behaviour notes 3.3
    /// row 7).
    fn rings_on_shared(&mut self, outbound: bool, context: &Context<'_>, out: &mut Vec<Effect>) {
        let alone = self.media.is_none() && self.invitation == Invitation::None;
        if let (true, Some((session, peer))) = (alone, context.shared) {
            let invite =
                Invite::told(session.clone(), peer.clone(), outbound, context.rings_until());
            self.ring(invite, context, out);
            self.media = Some(session.clone());
        }
    }

    /// Takes word that the leg is connected (behaviour notes 3.3 rows 8 to 11).
    fn connected(&mut self, context: &Context<'_>, out: &mut Vec<Effect>) {
        let Some(leg) = &self.leg else { return };
        if self.media.is_none()
            && context.dialled
            && let Some((session, _)) = context.shared
        {
            self.media = Some(session.clone());
        }
        match (&self.media, &self.invitation) {
            _ if self.listed => self.update(ListChange::Updated, context, out),
            (Some(session), _) => {
                let session = session.clone();
                let shown = leg.snapshot(context.id, Some(&session));
                self.listed = true;
                out.push(Effect::Connected(shown.clone(), session));
                if let Some(invite) = self.invitation.take() {
                    if invite.announced {
                        out.push(Effect::Handled(invite.session, HandledBy::Here));
                    }
                    out.push(Effect::Started);
                }
                out.push(Effect::Update(ListChange::Added, shown));
            }
            // Our own answer, or the session of what we dialled, is on its way.
            (None, Invitation::Accepted(_)) => {}
            (None, Invitation::Ringing(_) | Invitation::None) if context.dialled => {}
            // Another client's (behaviour notes 3.3 row 8).
            (None, Invitation::Ringing(_) | Invitation::None) => return self.taken(context, out),
        }
        self.report(out);
    }

    /// Reports the leg once it is connected, not merely dialing (behaviour notes 3.3 row 11).
    fn report(&self, out: &mut Vec<Effect>) {
        if let (Some(session), Some(leg)) = (&self.media, &self.leg)
            && leg.call.state() == CallState::Connected
        {
            out.push(Effect::Report(session.clone(), leg.call.id.clone()));
        }
    }

    /// Takes word that the leg has ended (behaviour notes 3.3 rows 12 to 14).
    fn ended(&mut self, context: &Context<'_>, out: &mut Vec<Effect>) {
        let session = self.media.take();
        let leg = self.leg.clone();
        self.withdraw(Why::Said("the call ended before it was answered"), out);
        self.leg = leg;
        self.removed(session.as_ref(), context, out);
        if let Some(session) = session {
            out.push(Effect::Release(session));
        }
    }

    /// Tells its end where it was told of, and forgets it.
    fn removed(
        &mut self,
        session: Option<&SessionId>,
        context: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        if self.listed
            && let Some(leg) = &self.leg
        {
            out.push(Effect::Ended(session.cloned()));
            out.push(Effect::Update(ListChange::Removed, leg.snapshot(context.id, session)));
        }
        out.push(Effect::CallOver);
        *self = Self::default();
    }

    fn update(&self, change: ListChange, context: &Context<'_>, out: &mut Vec<Effect>) {
        if let Some(shown) = self.snapshot(context.id) {
            out.push(Effect::Update(change, shown));
        }
    }

    fn time(&mut self, context: &Context<'_>, out: &mut Vec<Effect>) {
        match self.due(context.now) {
            Some(Limit::Invitation) => self.withdraw(Why::Said("the invitation expired"), out),
            Some(Limit::Alone) => self.removed(None, context, out),
            None => {}
        }
    }
}
