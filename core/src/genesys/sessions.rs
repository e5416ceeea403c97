//! The media sessions of a client, and what the far sides signal about them (wire notes 6).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::error::{Error, ErrorKind};
use super::event::{IceServers, Session, Signaling};
use super::ids::{CallId, ConversationId, MAX_ID, SessionId};
use super::outbox::Outbox;
use super::session::{Fate, MediaSession, Milestone};
use super::session_type::SessionType;
use super::signal::{Answer, Signal};
use crate::jingle::{Reason, Transport};
use crate::machine::{Frame, Seed, TrackId, UdpEvent, UdpId, Wake};
use crate::media::{Digit, EngineConfig, EngineFactory, MediaError, MediaStats};
use crate::sdp::candidate::{Admission, Candidate, Generation, MAX_CANDIDATES};
use crate::sdp::{Description, Section};
use crate::xmpp::Jid;

/// Sessions at once; an offer beyond it is refused.
pub(crate) const MAX_SESSIONS: usize = 64;
/// Sessions whose candidates may come before their offer (wire notes 6.14); how many each is
/// [`Generation`]'s.
const MAX_EARLY_SESSIONS: usize = 10;

/// An offer of media.
pub(crate) struct Offer {
    pub(crate) session: SessionId,
    pub(crate) conversation: ConversationId,
    pub(crate) peer: Jid,
    pub(crate) signaling: Signaling,
    pub(crate) sdp: String,
    /// Whether it recovers media: then it is answered without asking.
    pub(crate) reinvite: bool,
    /// The session whose place it takes, and whose audio it carries on.
    pub(crate) replaces: Option<SessionId>,
}

/// Candidates that came before their offer.
#[derive(Debug)]
struct Early {
    session: SessionId,
    /// Who sent them: an offer by somebody else is not theirs.
    from: Jid,
    candidates: Vec<Candidate>,
    generation: Generation,
    expires: Instant,
}

/// See the [module](self).
pub(crate) struct Sessions {
    factory: Box<dyn EngineFactory>,
    seed: Seed,
    /// Boxed, as what a map holds it has room for many times over.
    open: BTreeMap<SessionId, Box<MediaSession>>,
    ended: Vec<(SessionId, Reason)>,
    early: VecDeque<Early>,
    /// Sessions whose call is over, and when they are looked at again.
    idle: BTreeMap<SessionId, Instant>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("open", &self.open)
            .field("ended", &self.ended)
            .field("early", &self.early)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

impl Sessions {
    pub(crate) fn new(factory: Box<dyn EngineFactory>, seed: Seed) -> Self {
        Self {
            factory,
            seed,
            open: BTreeMap::new(),
            ended: Vec::new(),
            early: VecDeque::new(),
            idle: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.ended.len() + self.early.len() + self.idle.len()
    }

    pub(crate) fn contains(&self, session: &SessionId) -> bool {
        self.open.contains_key(session)
    }

    /// Whether the application knows of a session: one whose place is taken, it does not.
    pub(crate) fn is_current(&self, session: &SessionId) -> bool {
        self.open.get(session).is_some_and(|open| !open.is_superseded())
    }

    pub(crate) fn handle(&self, session: &SessionId) -> Option<Session> {
        self.open.get(session).map(|s| s.handle.clone())
    }

    pub(crate) fn signal(&self, session: &SessionId) -> Option<&Signal> {
        self.open.get(session).map(|session| session.signal())
    }

    pub(crate) fn is_answered(&self, session: &SessionId) -> bool {
        self.open.get(session).is_some_and(|session| session.is_answered())
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let idle = self.idle.values().min().copied();
        let early = self.early.front().map(|e| e.expires);
        let own = Wake::earliest(
            idle.map(|at| Wake { at, reason: "media without a call" }),
            early.map(|at| Wake { at, reason: "early candidates" }),
        );
        self.open.values().map(|session| session.next_wake()).fold(own, Wake::earliest)
    }

    /// Takes an offer.
    ///
    /// # Errors
    ///
    /// The offer cannot be used; nothing is left of it.
    pub(crate) fn start(
        &mut self,
        offer: Offer,
        ice: IceServers,
        out: &mut Outbox,
    ) -> Result<(), MediaError> {
        if self.open.len() >= MAX_SESSIONS {
            return Err(MediaError::TooMany("sessions"));
        }
        if offer.session.as_str().len() > MAX_ID {
            return Err(MediaError::TooMany("bytes in an id"));
        }
        if ice.relay_only {
            // It would connect nobody.
            return Err(MediaError::NotYet("relayed media"));
        }
        let description = Description::read(&offer.sdp)?;
        let seed = self.seed.child(offer.session.as_str());
        let mut config = EngineConfig::new(seed);
        config.codecs.clone_from(&out.config.codecs);
        config.relay_only = ice.relay_only;
        config.ice_servers = ice.servers;
        config.path_limit = out.config.timing.path;
        config.reorder = out.config.timing.reorder;
        let mut engine = self.factory.create(out.now(), config);
        engine.accept_offer(out.now(), &offer.sdp)?;
        let (mut media, udp) = out.media_ids();
        if let Some(old) = offer.replaces.as_ref().and_then(|old| self.open.get_mut(old)) {
            old.supersede();
            media = old.handle.media;
        }
        let mid = audio_mid(&description);
        let peer = offer.peer.clone();
        let handle = Session {
            id: offer.session.clone(),
            conversation: offer.conversation,
            media,
            session_type: SessionType::Softphone,
            peer: offer.peer.to_string(),
            signaling: offer.signaling,
        };
        let signal = Signal::new(offer.session.clone(), offer.peer, offer.signaling, mid);
        let session =
            MediaSession::new(handle, signal, engine, udp, description, ice.relay_only, out);
        if let Some(old) = self.open.insert(offer.session.clone(), Box::new(session)) {
            // A new connection under the same name.
            old.end(Reason::AlternativeSession, out);
        }
        let early: Vec<_> = self
            .early
            .iter()
            .position(|e| e.session == offer.session && e.from == peer)
            .and_then(|at| self.early.remove(at))
            .map(|e| e.candidates)
            .unwrap_or_default();
        for candidate in early {
            self.remote_candidate(&offer.session, &candidate, out);
        }
        Ok(())
    }

    /// Whether a session's offer can be answered, or was.
    pub(crate) fn may_accept(&self, session: &SessionId) -> Result<(), Error> {
        match self.open.get(session) {
            Some(open) => open.may_accept(),
            None => Err(Error::new(ErrorKind::Session, "the session is over")),
        }
    }

    /// Makes the answer to a session's offer. See [`MediaSession::make_answer`].
    pub(crate) fn make_answer(
        &mut self,
        session: &SessionId,
        out: &mut Outbox,
    ) -> Result<Option<Answer>, Error> {
        match self.open.get_mut(session) {
            Some(open) => open.make_answer(out),
            None => Err(Error::new(ErrorKind::Session, "the session is over")),
        }
    }

    /// Sends the answer to a session's offer.
    pub(crate) fn accept(&mut self, session: &SessionId, answer: Answer, out: &mut Outbox) {
        if let Some(open) = self.open.get_mut(session) {
            let verdict = open.accept(answer, out);
            self.judge(session, verdict);
        }
    }

    pub(crate) fn remote_candidate(
        &mut self,
        session: &SessionId,
        candidate: &Candidate,
        out: &mut Outbox,
    ) {
        if let Some(open) = self.open.get_mut(session) {
            let verdict = open.remote_candidate(candidate, out);
            self.judge(session, verdict);
        }
    }

    /// Keeps a candidate whose offer is still to come; the oldest session goes first at the bound.
    pub(crate) fn early_candidate(
        &mut self,
        session: &SessionId,
        from: &Jid,
        candidate: &Candidate,
        out: &mut Outbox,
    ) {
        let Some(usable) = candidate.usable() else { return };
        let Some(address) = usable.address() else { return };
        let own = |e: &&mut Early| e.session == *session && e.from == *from;
        let early = match self.early.iter_mut().find(own) {
            Some(early) => early,
            None => {
                if self.early.len() >= MAX_EARLY_SESSIONS {
                    self.early.pop_front();
                }
                self.early.push_back(Early {
                    session: session.clone(),
                    from: from.clone(),
                    candidates: Vec::new(),
                    generation: Generation::default(),
                    expires: out.now() + out.config.timing.early_candidates,
                });
                let Some(early) = self.early.back_mut() else { return };
                early
            }
        };
        match early.generation.admit(address, usable.component) {
            Admission::New => early.candidates.push(usable),
            Admission::Known | Admission::Full { first: false } => {}
            Admission::Full { first: true } => {
                out.malformed(format!("candidates of {session}: more than {MAX_CANDIDATES}"));
            }
        }
    }

    pub(crate) fn handle_udp(&mut self, id: UdpId, event: UdpEvent, out: &mut Outbox) {
        let open = self.open.values_mut().find(|session| session.udp() == id);
        if let Some(open) = open {
            let verdict = open.handle_udp(event, out);
            let session = open.handle.id.clone();
            self.judge(&session, verdict);
        }
    }

    pub(crate) fn send(&mut self, track: TrackId, frame: &Frame, out: &mut Outbox) {
        // One that was replaced has the same name for its media until it is gone.
        let speaks = |open: &&mut Box<MediaSession>| {
            open.handle.media == track.media && !open.is_superseded()
        };
        if let Some(open) = self.open.values_mut().find(speaks) {
            let verdict = open.send(track.track, frame, out);
            let session = open.handle.id.clone();
            self.judge(&session, verdict);
        }
    }

    pub(crate) fn send_dtmf(
        &mut self,
        session: &SessionId,
        digits: &[Digit],
        duration: Duration,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let Some(open) = self.open.get_mut(session) else {
            return Err(Error::new(ErrorKind::Session, "the session is over"));
        };
        let verdict = open.send_dtmf(digits, duration, out)?;
        self.judge(session, verdict);
        Ok(())
    }

    /// Ends a session from here.
    pub(crate) fn terminate(&mut self, session: &SessionId, reason: Reason, out: &mut Outbox) {
        if let Some(open) = self.open.get_mut(session) {
            let verdict = open.terminate(reason, out);
            self.judge(session, verdict);
        }
    }

    /// Ends all sessions from here.
    pub(crate) fn terminate_all(&mut self, out: &mut Outbox) {
        for session in self.open.keys().cloned().collect::<Vec<_>>() {
            self.terminate(&session, Reason::Success, out);
        }
    }

    /// The far side ended it.
    pub(crate) fn ended_by_peer(&mut self, session: &SessionId, reason: Reason) {
        self.judge(session, Fate::Over(reason));
    }

    /// The far side answered our terminate, or never will.
    pub(crate) fn terminate_answered(&mut self, session: &SessionId) {
        if let Some(open) = self.open.get(session) {
            let verdict = open.terminated();
            self.judge(session, verdict);
        }
    }

    /// Whether this session, or one that was made for the conversation, has another far side.
    pub(crate) fn is_held_by_other(
        &self,
        session: Option<&SessionId>,
        conversation: &ConversationId,
        peer: &Jid,
    ) -> bool {
        self.open.iter().any(|(id, open)| {
            let concerned = Some(id) == session || open.handle.conversation == *conversation;
            concerned && !open.is_superseded() && open.signal().peer().bare() != peer.bare()
        })
    }

    /// Sessions that were made for a conversation, then those with this far side.
    pub(crate) fn made_for(&self, conversation: &ConversationId, peer: &Jid) -> Vec<SessionId> {
        let current = || self.open.values().filter(|session| !session.is_superseded());
        let made = current().filter(|session| session.handle.conversation == *conversation);
        let spoken = current().filter(|session| session.signal().peer() == peer);
        made.chain(spoken).map(|session| session.handle.id.clone()).collect()
    }

    /// A peer became unavailable: its sessions are gone (wire notes 6.11).
    pub(crate) fn peer_gone(&mut self, peer: &Jid) {
        let of_peer: Vec<_> = self
            .open
            .values()
            .filter(|s| s.signal().peer() == peer && s.signal().kind() == Signaling::Jingle)
            .map(|s| s.handle.id.clone())
            .collect();
        for session in of_peer {
            self.judge(&session, Fate::Over(Reason::Gone));
        }
    }

    /// The signaling is gone, and sessions are not to outlive it.
    pub(crate) fn end_all(&mut self) {
        for session in self.open.keys().cloned().collect::<Vec<_>>() {
            self.judge(&session, Fate::Over(Reason::Gone));
        }
    }

    /// The signaling is back: sessions whose media died meanwhile are over (LC-23).
    pub(crate) fn end_dead(&mut self) {
        let dead: Vec<_> = self
            .open
            .values()
            .filter(|open| !open.is_alive())
            .map(|o| o.handle.id.clone())
            .collect();
        for session in dead {
            self.judge(&session, Fate::Over(Reason::Gone));
        }
    }

    /// The service does not know of that conversation: an offer for it that nobody answered is over.
    pub(crate) fn end_unanswered(&mut self, conversation: &ConversationId) {
        let offered = self
            .open
            .values()
            .filter(|o| o.handle.conversation == *conversation && !o.is_answered());
        let offered: Vec<_> = offered.map(|o| o.handle.id.clone()).collect();
        for session in offered {
            self.judge(&session, Fate::Over(Reason::Gone));
        }
    }

    /// No call is on a session any more: [`Sessions::take_idle`] gives it back at that time.
    pub(crate) fn leave_alone(&mut self, session: &SessionId, until: Instant) {
        if self.open.contains_key(session) {
            self.idle.insert(session.clone(), until);
        }
    }

    /// Sessions that have been left alone for long enough.
    pub(crate) fn take_idle(&mut self, now: Instant) -> Vec<SessionId> {
        let due: Vec<_> =
            self.idle.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        for session in &due {
            self.idle.remove(session);
        }
        due
    }

    /// The figures of a session.
    pub(crate) fn stats(&self, session: &SessionId) -> Option<MediaStats> {
        self.open.get(session).map(|session| session.stats())
    }

    /// What media has reached since the last look.
    pub(crate) fn take_milestones(&mut self) -> Vec<(SessionId, Milestone, Instant)> {
        let mut new = Vec::new();
        for (id, open) in &mut self.open {
            new.extend(open.take_milestones().iter().map(|(what, at)| (id.clone(), *what, *at)));
        }
        new
    }

    /// Figures that were told since the last look.
    pub(crate) fn take_samples(&mut self) -> Vec<(SessionId, MediaStats)> {
        self.open
            .iter_mut()
            .filter_map(|(id, open)| Some((id.clone(), open.take_sample()?)))
            .collect()
    }

    /// Whether its media is connected, or may yet be, and nobody has ended it.
    pub(crate) fn is_alive(&self, session: &SessionId) -> bool {
        self.open.get(session).is_some_and(|open| open.is_alive() && open.may_accept().is_ok())
    }

    /// Whether its media is connected.
    pub(crate) fn is_connected(&self, session: &SessionId) -> bool {
        self.open.get(session).is_some_and(|session| session.is_connected())
    }

    /// The first session whose media is connected, and whose place nobody took.
    pub(crate) fn first_connected(&self) -> Option<SessionId> {
        let stands = |open: &MediaSession| open.is_connected() && !open.is_superseded();
        self.open.iter().find(|(_, open)| stands(open)).map(|(id, _)| id.clone())
    }

    /// True the first time that a leg is reported for a session.
    pub(crate) fn report_once(&mut self, session: &SessionId, leg: &CallId) -> bool {
        match self.open.get_mut(session) {
            Some(open) if open.reported.as_ref() != Some(leg) => {
                open.reported = Some(leg.clone());
                true
            }
            Some(_) | None => false,
        }
    }

    pub(crate) fn handle_timeout(&mut self, out: &mut Outbox) {
        let now = out.now();
        self.early.retain(|early| early.expires > now);
        let due: Vec<_> = self
            .open
            .iter()
            .filter(|(_, s)| s.next_wake().is_some_and(|wake| wake.at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for session in due {
            if let Some(open) = self.open.get_mut(&session) {
                let verdict = open.handle_timeout(out);
                self.judge(&session, verdict);
            }
        }
    }

    fn judge(&mut self, session: &SessionId, verdict: Fate) {
        if let Fate::Over(reason) = verdict
            && self.open.contains_key(session)
            && !self.ended.iter().any(|(ended, _)| ended == session)
        {
            self.ended.push((session.clone(), reason));
        }
    }

    /// Sessions that are over and not closed yet.
    pub(crate) fn ending(&self) -> impl Iterator<Item = &SessionId> {
        self.ended.iter().map(|(session, _)| session)
    }

    /// Closes what is over, and says which sessions and conversations that were.
    pub(crate) fn take_ended(&mut self, out: &mut Outbox) -> Vec<(SessionId, ConversationId)> {
        std::mem::take(&mut self.ended)
            .into_iter()
            .filter_map(|(id, reason)| {
                let session = self.open.remove(&id)?;
                self.idle.remove(&id);
                let conversation = session.conversation().clone();
                session.end(reason, out);
                Some((id, conversation))
            })
            .collect()
    }

    /// Whether an offer for a session that is known is for the connection that it has (LC-16).
    pub(crate) fn is_renegotiation(&self, session: &SessionId, sdp: &str) -> bool {
        self.open.get(session).is_some_and(|open| open.has_credentials_of(sdp))
    }

    /// A new offer for a session as it stands.
    pub(crate) fn reoffered(
        &mut self,
        session: &SessionId,
        sdp: &str,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let Some(open) = self.open.get_mut(session) else { return Ok(()) };
        let verdict = open.reoffered(sdp, out)?;
        self.judge(session, verdict);
        Ok(())
    }

    /// A session is another conversation's from now on, unless it is on its way out. The one
    /// before, if it was another.
    pub(crate) fn moved(
        &mut self,
        session: &SessionId,
        conversation: &ConversationId,
    ) -> Option<ConversationId> {
        let open = self.open.get_mut(session)?;
        if open.is_superseded() || open.is_terminating() {
            return None;
        }
        let handle = &mut open.handle;
        let before = std::mem::replace(&mut handle.conversation, conversation.clone());
        (before != *conversation).then_some(before)
    }

    /// The far side told of its transport.
    pub(crate) fn transport_changed(
        &mut self,
        session: &SessionId,
        transport: &Transport,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let Some(open) = self.open.get_mut(session) else { return Ok(()) };
        let verdict = open.transport_changed(transport, out)?;
        self.judge(session, verdict);
        Ok(())
    }
}

/// The name of the section that candidates belong to: the first of audio that is on.
fn audio_mid(description: &Description<'_>) -> String {
    let mut live = description.sections.iter().filter(|s| s.kind() == "audio" && !s.is_off());
    let mid = live.next().and_then(Section::mid).or_else(|| description.first_mid());
    mid.unwrap_or("0").to_owned()
}

/// The reason to give for an offer that cannot be used.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are the description's fault")]
pub(crate) fn refusal(error: &MediaError) -> Reason {
    match error {
        MediaError::NoCommonCodec => Reason::UnsupportedApplications,
        MediaError::TooMany(_) => Reason::Busy,
        _ => Reason::FailedApplication,
    }
}
