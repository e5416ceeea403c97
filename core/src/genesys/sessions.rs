//! The media sessions of a client, and what the far sides signal about them (wire notes 6).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::collision::{Connection, Standing};
use super::error::{Error, ErrorKind};
use super::event::{Event, IceServers, Session, Signaling};
use super::ids::{CallId, ConversationId, MAX_ID, SessionId};
use super::outbox::Outbox;
use super::session::{Fate, MediaSession, Sends};
use super::session_type::SessionType;
use super::signal::{Answer, Signal};
use crate::jingle::{Reason, Transport};
use crate::machine::{
    MediaId, NameId, NetError, Seed, StreamEvent, StreamId, TrackId, UdpEvent, UdpId, Wake,
};
use crate::media::{
    Digit, Engine, EngineFactory, Frame, IceHelp, MediaError, MediaState, MediaStats, Milestone,
    Peer, PeerNews, Peers, Track, TrackInfo,
};
use crate::sdp::candidate::{Admission, Candidate, Generation, MAX_CANDIDATES, MAX_NAMES};
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
    pub(crate) session_type: SessionType,
    pub(crate) conversation: ConversationId,
    pub(crate) peer: Jid,
    pub(crate) signaling: Signaling,
    pub(crate) sdp: String,
    /// True if it recovers media: then it is answered without asking.
    pub(crate) reinvite: bool,
    /// The session whose place it takes, and whose audio it carries on.
    pub(crate) replaces: Option<SessionId>,
}

/// Candidates that came before their offer.
#[derive(Debug)]
struct Early {
    session: SessionId,
    /// The sender: an offer by somebody else is not theirs.
    from: Jid,
    candidates: Vec<Candidate>,
    generation: Generation,
    expires: Instant,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Sessions {
    /// Their media.
    peers: Peers,
    /// Boxed, as what a map holds it has room for many times over.
    open: BTreeMap<SessionId, Box<MediaSession>>,
    ended: Vec<(SessionId, Reason)>,
    early: VecDeque<Early>,
    /// Sessions whose call is over, and when they are looked at again.
    idle: BTreeMap<SessionId, Instant>,
}

impl Sessions {
    pub(crate) fn new(factory: Box<dyn EngineFactory>, seed: Seed) -> Self {
        Self {
            peers: Peers::new(factory, seed),
            open: BTreeMap::new(),
            ended: Vec::new(),
            early: VecDeque::new(),
            idle: BTreeMap::new(),
        }
    }

    /// A session and its media.
    fn pair(&mut self, session: &SessionId) -> Option<(&mut MediaSession, &mut Peer)> {
        let open = self.open.get_mut(session)?;
        let peer = self.peers.get_mut(open.peer)?;
        Some((open, peer))
    }

    /// The media of a session.
    fn peer(&self, session: &SessionId) -> Option<&Peer> {
        self.peers.get(self.open.get(session)?.peer)
    }

    /// True if another session has taken its place.
    fn is_superseded(&self, open: &MediaSession) -> bool {
        self.peers.get(open.peer).is_none_or(Peer::is_superseded)
    }

    /// The session that a peer is the media of.
    fn owner(&self, udp: UdpId) -> Option<SessionId> {
        let owner = self.open.iter().find(|(_, open)| open.peer == udp);
        owner.map(|(session, _)| session.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.ended.len() + self.early.len() + self.idle.len()
    }

    pub(crate) fn contains(&self, session: &SessionId) -> bool {
        self.open.contains_key(session)
    }

    /// Returns true if the application knows of a session: one whose place is taken, it does not.
    pub(crate) fn is_current(&self, session: &SessionId) -> bool {
        self.open.get(session).is_some_and(|open| !self.is_superseded(open))
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
        let own = Wake::earliest(own, self.peers.next_wake());
        self.open.values().map(|open| self.wake_of(open)).fold(own, Wake::earliest)
    }

    fn wake_of(&self, open: &MediaSession) -> Option<Wake> {
        let media = self.peers.get(open.peer).and_then(Peer::next_wake);
        Wake::earliest(media, open.next_wake())
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
        let limit = out.config.timing.gathering;
        let help = IceHelp { servers: ice.servers, relay_only: ice.relay_only, limit };
        if !help.may_connect() {
            return Err(MediaError::NotYet("media relayed without a server for it"));
        }
        let description = Description::read(&offer.sdp)?;
        let mut config = self.peers.config(offer.session.as_str());
        config.codecs.clone_from(&out.config.codecs);
        config.dtx = out.config.dtx;
        config.relay_only = help.relay_only;
        config.ice_servers.clone_from(&help.servers);
        config.path_limit = out.config.timing.path;
        config.playout = out.config.timing.playout;
        if offer.session_type.is_room() {
            config.video.clone_from(&out.config.video_codecs);
            config.channels = offer.session_type == SessionType::CollaborateVideo;
        }
        let mut engine = self.peers.engine(out.now(), config);
        engine.accept_offer(out.now(), &offer.sdp)?;
        let before = offer.replaces.as_ref().and_then(|old| self.pair(old)).map(|(old, peer)| {
            peer.supersede();
            old.handle.media
        });
        let figures = out.config.timing.stats;
        let own = self.peers.open(engine, before, figures, None, &help, out.media());
        let mid = match offer.session_type {
            SessionType::Softphone => audio_mid(&description),
            // Candidates are for the first of the bundle.
            SessionType::CollaborateVideo
            | SessionType::ScreenShare
            | SessionType::ScreenRecording
            | SessionType::LiveScreenMonitoring
            | SessionType::Unknown => description.first_mid().unwrap_or("0").to_owned(),
        };
        let peer = offer.peer.clone();
        let handle = Session {
            id: offer.session.clone(),
            conversation: offer.conversation,
            media: own.media,
            session_type: offer.session_type,
            peer: offer.peer.to_string(),
            signaling: offer.signaling,
        };
        let signal = Signal::new(offer.session.clone(), offer.peer, offer.signaling, mid);
        let session = MediaSession::new(handle, signal, own, description);
        if let Some(old) = self.open.insert(offer.session.clone(), Box::new(session)) {
            // A new connection under the same name.
            self.close(*old, Reason::AlternativeSession, out);
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

    /// Checks that a session's offer can be answered, or was.
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
        sends: Sends,
        out: &mut Outbox,
    ) -> Result<Option<Answer>, Error> {
        match self.pair(session) {
            Some((open, peer)) => open.make_answer(sends, peer, out),
            None => Err(Error::new(ErrorKind::Session, "the session is over")),
        }
    }

    /// Sends the answer to a session's offer.
    pub(crate) fn accept(&mut self, session: &SessionId, answer: Answer, out: &mut Outbox) {
        if let Some((open, peer)) = self.pair(session) {
            let fate = open.accept(answer, peer, out);
            self.judge(session, fate);
        }
    }

    pub(crate) fn remote_candidate(
        &mut self,
        session: &SessionId,
        candidate: &Candidate,
        out: &mut Outbox,
    ) {
        if let Some((open, peer)) = self.pair(session) {
            let fate = open.remote_candidate(candidate, peer, out);
            self.judge(session, fate);
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
        let usable = candidate.usable();
        let address = usable.as_ref().and_then(Candidate::address);
        if address.is_none() && candidate.hidden_name().is_none() {
            return;
        }
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
        let (Some(usable), Some(address)) = (usable, address) else {
            let names = early.candidates.iter().filter(|one| one.hidden_name().is_some()).count();
            if names < MAX_NAMES && !early.candidates.contains(candidate) {
                early.candidates.push(candidate.clone());
            }
            return;
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
        if let Some((id, news)) = self.peers.handle_udp(id, event, out.media()) {
            self.carry_on(id, news, out);
        }
    }

    /// Takes the ICE servers that there are now: sessions that are open go on with them.
    pub(crate) fn renew(&mut self, ice: IceServers, out: &mut Outbox) {
        let limit = out.config.timing.gathering;
        let help = IceHelp { servers: ice.servers, relay_only: ice.relay_only, limit };
        if !help.asks() {
            return;
        }
        for id in self.peers.renew(out.now(), &help) {
            let news = self.peers.get_mut(id).and_then(|peer| peer.poll(out.media()));
            if let Some(news) = news {
                self.carry_on(id, news, out);
            }
        }
    }

    /// Takes the addresses of a host that media asked for.
    pub(crate) fn handle_resolved(
        &mut self,
        id: NameId,
        found: Result<Vec<IpAddr>, NetError>,
        out: &mut Outbox,
    ) {
        if let Some((id, news)) = self.peers.handle_resolved(id, found, out.media()) {
            self.carry_on(id, news, out);
        }
    }

    /// Takes what happened to a stream that media opened.
    pub(crate) fn handle_stream(&mut self, id: StreamId, event: StreamEvent, out: &mut Outbox) {
        if let Some((id, news)) = self.peers.handle_stream(id, event, out.media()) {
            self.carry_on(id, news, out);
        }
    }

    pub(crate) fn send(&mut self, track: TrackId, frame: &Frame, out: &mut Outbox) {
        let Some(peer) = self.peers.sender(track) else { return };
        let id = peer.udp();
        if let Some(news) = peer.send(track.track, frame, out.media()) {
            self.carry_on(id, news, out);
        }
    }

    /// Lets a session know the news of its media, which are few: most of what comes and goes are
    /// packets and frames.
    fn carry_on(&mut self, id: UdpId, news: PeerNews, out: &mut Outbox) {
        let Some(session) = self.owner(id) else { return };
        if let Some((open, peer)) = self.pair(&session) {
            let fate = open.carry_on(Some(news), peer, out);
            self.judge(&session, fate);
        }
    }

    pub(crate) fn send_dtmf(
        &mut self,
        session: &SessionId,
        digits: &[Digit],
        duration: Duration,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let Some((open, peer)) = self.pair(session) else {
            return Err(Error::new(ErrorKind::Session, "the session is over"));
        };
        let fate = open.send_dtmf(digits, duration, peer, out)?;
        self.judge(session, fate);
        Ok(())
    }

    /// Ends a session from here.
    pub(crate) fn terminate(&mut self, session: &SessionId, reason: Reason, out: &mut Outbox) {
        if let Some(open) = self.open.get_mut(session) {
            let fate = open.terminate(reason, out);
            self.judge(session, fate);
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
            let fate = open.terminated();
            self.judge(session, fate);
        }
    }

    /// The standing of an offer to the session that has its name, if there is one (LC-16). Jingle offers
    /// have no description to compare.
    pub(crate) fn standing(
        &self,
        session: &SessionId,
        peer: &Jid,
        sdp: Option<&str>,
    ) -> Option<Standing> {
        let signal = self.signal(session)?;
        if signal.peer() != peer {
            return Some(Standing::Foreign);
        }
        let same = || sdp.is_some_and(|sdp| self.is_renegotiation(session, sdp));
        let connection = match signal.kind() {
            Signaling::Jingle => Connection::ByJingle,
            Signaling::Sdp if same() => Connection::Same,
            Signaling::Sdp => Connection::Other,
        };
        let standing = if self.is_current(session) { Standing::There } else { Standing::Replaced };
        Some(standing(connection))
    }

    /// True for a session of a call's.
    fn is_of_a_call(open: &MediaSession) -> bool {
        !open.handle.session_type.is_room()
    }

    /// The tracks of a session.
    pub(crate) fn tracks(&self, session: &SessionId) -> Vec<TrackInfo> {
        self.peer(session).map(|peer| peer.engine.tracks()).unwrap_or_default()
    }

    /// The far side's names for the tracks that it sends, with the tracks.
    pub(crate) fn sinks(&self, session: &SessionId) -> Vec<(String, Track)> {
        let Some(open) = self.open.get(session) else { return Vec::new() };
        let tracks = self.tracks(session);
        let track_of = |mid: &str| {
            let found = tracks.iter().find(|info| info.mid.as_deref() == Some(mid));
            found.map(|info| info.track)
        };
        let sinks = open.sinks().into_iter();
        sinks.filter_map(|(mid, sink)| Some((sink, track_of(&mid)?))).collect()
    }

    /// The session that a track belongs to, unless another took its place.
    pub(crate) fn of_media(&self, media: MediaId) -> Option<&SessionId> {
        let mut current = self.open.values().filter(|open| !self.is_superseded(open));
        current.find(|open| open.handle.media == media).map(|open| &open.handle.id)
    }

    /// Does something with a session's engine.
    pub(crate) fn with_engine<T>(
        &mut self,
        session: &SessionId,
        act: impl FnOnce(&mut dyn Engine) -> T,
        out: &mut Outbox,
    ) -> Option<T> {
        let (open, peer) = self.pair(session)?;
        let (done, fate) = open.with_engine(act, peer, out);
        self.judge(session, fate);
        Some(done)
    }

    /// Returns true if this session of a call's, or one made for the conversation, has another far side.
    pub(crate) fn is_held_by_other(
        &self,
        session: Option<&SessionId>,
        conversation: &ConversationId,
        peer: &Jid,
    ) -> bool {
        self.open.iter().any(|(id, open)| {
            let concerned = Some(id) == session || open.handle.conversation == *conversation;
            concerned
                && Self::is_of_a_call(open)
                && !self.is_superseded(open)
                && open.signal().peer().bare() != peer.bare()
        })
    }

    /// Sessions of calls that were made for a conversation, then those with this far side.
    pub(crate) fn made_for(&self, conversation: &ConversationId, peer: &Jid) -> Vec<SessionId> {
        let of_calls = || self.open.values().filter(|open| Self::is_of_a_call(open));
        let current = || of_calls().filter(|session| !self.is_superseded(session));
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

    /// The signaling is back: sessions whose media died meanwhile are over (LC-23). Not those whose address went with
    /// the connection: they are to be found at another one, and fail by themselves if they are not.
    pub(crate) fn end_dead(&mut self) {
        let goes_on = |peer: &Peer| peer.is_alive() || peer.moves();
        let dead: Vec<_> = self
            .open
            .values()
            .filter(|open| !self.peers.get(open.peer).is_some_and(goes_on))
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
            .filter(|o| Self::is_of_a_call(o))
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
        self.peer(session).map(Peer::stats)
    }

    /// Takes the milestones that media has reached since the last look.
    pub(crate) fn take_milestones(&mut self) -> Vec<(SessionId, Milestone, Instant)> {
        let mut new = Vec::new();
        for (id, open) in &self.open {
            let Some(peer) = self.peers.get_mut(open.peer) else { continue };
            new.extend(peer.take_milestones().iter().map(|(what, at)| (id.clone(), *what, *at)));
        }
        new
    }

    /// Figures that were told since the last look.
    pub(crate) fn take_samples(&mut self) -> Vec<(SessionId, MediaStats)> {
        let mut new = Vec::new();
        for (id, open) in &self.open {
            let sample = self.peers.get_mut(open.peer).and_then(Peer::take_sample);
            new.extend(sample.map(|sample| (id.clone(), sample)));
        }
        new
    }

    /// Returns true if its media is connected, or may yet be, and nobody has ended it.
    pub(crate) fn is_alive(&self, session: &SessionId) -> bool {
        self.peer(session).is_some_and(Peer::is_alive) && self.may_accept(session).is_ok()
    }

    /// Returns true while its media is connected.
    pub(crate) fn is_connected(&self, session: &SessionId) -> bool {
        let answered = self.is_answered(session);
        answered && self.peer(session).is_some_and(|peer| peer.state() == MediaState::Connected)
    }

    /// True with a session of a call's, an idle one too.
    pub(crate) fn has_calls(&self) -> bool {
        self.open.values().any(|open| Self::is_of_a_call(open))
    }

    /// The first session of a call's whose media is connected, and whose place nobody took (DEF-7); or else the first
    /// that was answered, whose media may be back before the next call.
    pub(crate) fn successor(&self) -> Option<SessionId> {
        let of_calls = self.open.iter().filter(|(_, open)| Self::is_of_a_call(open));
        let standing = || of_calls.clone().map(|(id, _)| id).filter(|id| self.is_current(id));
        let connected = standing().find(|id| self.is_connected(id));
        connected.or_else(|| standing().find(|id| self.is_answered(id))).cloned()
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
        self.peers.handle_timeout(out.media());
        let due: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| self.wake_of(open).is_some_and(|wake| wake.at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for session in due {
            if let Some((open, peer)) = self.pair(&session) {
                let fate = open.handle_timeout(peer, out);
                self.judge(&session, fate);
            }
        }
    }

    fn judge(&mut self, session: &SessionId, fate: Fate) {
        if let Fate::Over(reason) = fate
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

    /// True if a session is over and not closed yet.
    pub(crate) fn is_any_ending(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Closes what is over of some types, and says which sessions and conversations that were.
    pub(crate) fn take_ended(
        &mut self,
        of: impl Fn(SessionType) -> bool,
        out: &mut Outbox,
    ) -> Vec<(SessionId, ConversationId)> {
        let is_due =
            |id: &SessionId| self.open.get(id).is_none_or(|open| of(open.handle.session_type));
        let (due, rest) = std::mem::take(&mut self.ended)
            .into_iter()
            .partition::<Vec<_>, _>(|(id, _)| is_due(id));
        self.ended = rest;
        due.into_iter()
            .filter_map(|(id, reason)| {
                let session = self.open.remove(&id)?;
                self.idle.remove(&id);
                let conversation = session.conversation().clone();
                self.close(*session, reason, out);
                Some((id, conversation))
            })
            .collect()
    }

    /// Closes a session, and tells the end of one that the application knows of.
    fn close(&mut self, mut session: MediaSession, reason: Reason, out: &mut Outbox) {
        let udp = session.peer;
        let Some(peer) = self.peers.get_mut(udp) else { return };
        session.end(peer, out);
        let told = !peer.is_superseded();
        self.peers.close(udp, out.media());
        if told {
            out.event(Event::SessionEnded { session: session.handle, reason });
        }
    }

    /// Returns true if an offer for a known session is for the connection that it has (LC-16).
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
        let Some((open, peer)) = self.pair(session) else { return Ok(()) };
        let fate = open.reoffered(sdp, peer, out)?;
        self.judge(session, fate);
        Ok(())
    }

    /// A session is another conversation's from now on, unless it is on its way out. The one
    /// before, if it was another.
    pub(crate) fn moved(
        &mut self,
        session: &SessionId,
        conversation: &ConversationId,
    ) -> Option<ConversationId> {
        let (open, peer) = self.pair(session)?;
        if peer.is_superseded() || open.is_terminating() {
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
        let Some((open, peer)) = self.pair(session) else { return Ok(()) };
        let fate = open.transport_changed(transport, peer, out)?;
        self.judge(session, fate);
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
