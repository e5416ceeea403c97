//! One media session: an offer, our answer, and the engine between (behaviour notes 2.6).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::error::{Error, ErrorKind, Subject};
use super::event::{Event, Session};
use super::ids::{CallId, ConversationId};
use super::outbox::Outbox;
use super::signal::{Answer, Signal};
use crate::jingle::{Reason, Transport};
use crate::machine::{TrackId, UdpId, Wake};
use crate::media::negotiation::Fingerprint;
use crate::media::{
    Digit, Engine, EngineEvent, LocalCandidate, MediaError, MediaKind, MediaState, MediaStats,
    PathNews, Peer, PeerNews, Track,
};
use crate::report::TraceDirection;
use crate::sdp::candidate::{Candidate, Generation, MAX_CANDIDATES};
use crate::sdp::{Description, Direction, Section};

/// Candidates of ours kept until the answer is sent.
const MAX_QUEUED: usize = 64;

/// The state of a session.
///
/// ```text
/// Offered ──accept──> Answered ──end──> Terminating ──reply, 2 s──> over
///    ├──────────────────┼── far side ends, media fails ───────────> over
///    └──────────────────┴── media closed ──> Abandoned ──word, 2 s> over
/// ```
#[derive(Debug)]
enum Phase {
    /// The far side's offer is applied.
    Offered,
    /// Our answer is sent; candidates flow.
    Answered,
    /// We ended it and wait for the far side to know.
    Terminating { reason: Reason, until: Instant },
    /// The far side closed its media; its word on why may still be on the way.
    Abandoned { until: Instant },
}

/// The action that a session wants of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Goes,
    /// It is over, for this reason: remove it.
    Over(Reason),
}

/// The part of an offer's video that is answered with ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    /// As the offer allows.
    All,
    /// So many screens, in the order of the sections; the rest are inactive.
    Screens(usize),
}

impl Sends {
    /// Wants the directions that follow from it.
    fn apply(self, peer: &mut Peer) {
        let Self::Screens(screens) = self else { return };
        let tracks = peer.engine.tracks();
        let video = tracks.iter().filter(|info| info.track.kind == MediaKind::Video);
        for (nth, info) in video.enumerate() {
            let sends = nth < screens;
            let direction = if sends { Direction::SendOnly } else { Direction::Inactive };
            peer.engine.set_direction(info.track, direction);
        }
    }
}

/// A media session: what is signaled about a [`Peer`]. See the [module](self).
pub(crate) struct MediaSession {
    /// The session as the application sees it.
    pub(crate) handle: Session,
    signal: Signal,
    /// Its media.
    pub(crate) peer: UdpId,
    phase: Phase,
    /// The media state that the application was told last.
    told: MediaState,
    /// Our candidates, and their end, until the answer is sent.
    queued: Vec<LocalCandidate>,
    gathered: bool,
    /// Our ICE user fragment, once the answer is made.
    ufrag: String,
    /// The far side's description, less its candidates: what an ICE restart changes.
    offer: Box<str>,
    /// The leg whose connection was reported by [`Resource::call_metadata`].
    ///
    /// [`Resource::call_metadata`]: super::rest::Resource::call_metadata
    pub(crate) reported: Option<CallId>,
    /// The part of the offer that we answer with media of ours.
    sends: Sends,
}

// Descriptions hold the password of ICE.
impl std::fmt::Debug for MediaSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaSession")
            .field("handle", &self.handle)
            .field("peer", &self.peer)
            .field("phase", &self.phase)
            .field("told", &self.told)
            .field("queued", &self.queued)
            .finish_non_exhaustive()
    }
}

impl MediaSession {
    /// A session whose offer the engine of its peer has taken.
    pub(crate) fn new(
        handle: Session,
        signal: Signal,
        peer: &mut Peer,
        offer: Description<'_>,
    ) -> Self {
        let offer = without_candidates(offer, &mut peer.remote);
        Self {
            handle,
            signal,
            peer: peer.udp(),
            phase: Phase::Offered,
            told: MediaState::New,
            queued: Vec::new(),
            gathered: false,
            ufrag: String::new(),
            offer,
            reported: None,
            sends: Sends::All,
        }
    }

    pub(crate) fn signal(&self) -> &Signal {
        &self.signal
    }

    /// The far side's names for the tracks that it sends, by the names of their sections.
    pub(crate) fn sinks(&self) -> Vec<(String, String)> {
        let Ok(offer) = Description::read(&self.offer) else { return Vec::new() };
        let named = |section: &Section<'_>| {
            let track = section.value("msid")?.split_whitespace().nth(1)?;
            Some((section.mid()?.to_owned(), track.to_owned()))
        };
        offer.sections.iter().filter_map(named).collect()
    }

    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.phase, Phase::Answered)
    }

    pub(crate) fn is_terminating(&self) -> bool {
        matches!(self.phase, Phase::Terminating { .. })
    }

    pub(crate) fn conversation(&self) -> &ConversationId {
        &self.handle.conversation
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        match self.phase {
            Phase::Terminating { until, .. } => Some(Wake { at: until, reason: "terminate reply" }),
            Phase::Abandoned { until } => Some(Wake { at: until, reason: "word of the end" }),
            Phase::Offered | Phase::Answered => None,
        }
    }

    /// Checks that the offer can be answered, or was.
    pub(crate) fn may_accept(&self) -> Result<(), Error> {
        match self.phase {
            Phase::Offered | Phase::Answered => Ok(()),
            Phase::Terminating { .. } | Phase::Abandoned { .. } => {
                Err(Error::new(ErrorKind::Session, "the session is ending"))
            }
        }
    }

    /// Makes the answer to the offer, which is sent by [`MediaSession::accept`]. None where it is
    /// sent already.
    ///
    /// # Errors
    ///
    /// The engine or the answer failed; the session can be accepted again.
    pub(crate) fn make_answer(
        &mut self,
        sends: Sends,
        peer: &mut Peer,
        out: &mut Outbox,
    ) -> Result<Option<Answer>, Error> {
        self.may_accept()?;
        if self.is_answered() {
            return Ok(None);
        }
        self.sends = sends;
        sends.apply(peer);
        let answer = peer.engine.create_answer(out.now()).map_err(Error::media)?;
        self.signal.make_answer(answer, out).map(Some).map_err(Error::media)
    }

    /// Answers the offer.
    pub(crate) fn accept(&mut self, answer: Answer, peer: &mut Peer, out: &mut Outbox) -> Fate {
        let sdp = self.signal.send_answer(answer, out);
        self.phase = Phase::Answered;
        self.ufrag = ufrag_of(&sdp);
        for candidate in std::mem::take(&mut self.queued) {
            self.signal.candidate(&candidate, out);
        }
        if self.gathered {
            self.signal.gathering_complete(&self.ufrag, out);
        }
        self.drain(peer, out)
    }

    /// Returns true if a description has the credentials that are in use (LC-16).
    pub(crate) fn has_credentials_of(&self, sdp: &str) -> bool {
        let (Ok(new), Ok(offer)) = (Description::read(sdp), Description::read(&self.offer)) else {
            return false;
        };
        new.ice_credentials() == offer.ice_credentials()
    }

    /// True for the description in force, whatever its candidates.
    fn is_offer(&self, sdp: &str) -> bool {
        let description = Description::read(sdp);
        description.is_ok_and(|d| without_candidates(d, &mut Generation::default()) == self.offer)
    }

    /// A new offer for the session as it stands: applied, and answered where the first one was.
    ///
    /// # Errors
    ///
    /// The offer cannot be used; the session goes on as it was.
    pub(crate) fn reoffered(
        &mut self,
        sdp: &str,
        peer: &mut Peer,
        out: &mut Outbox,
    ) -> Result<Fate, Error> {
        match self.phase {
            // What waits for an answer already.
            Phase::Offered if self.is_offer(sdp) => return Ok(Fate::Goes),
            Phase::Offered | Phase::Answered => {}
            // It crossed our word on the way.
            Phase::Terminating { .. } | Phase::Abandoned { .. } => return Ok(Fate::Goes),
        }
        if let Some(answer) = self.renegotiate(sdp, peer, out)? {
            let answer = self.signal.make_answer(answer, out).map_err(Error::media)?;
            self.signal.send_answer(answer, out);
        }
        Ok(self.drain(peer, out))
    }

    /// The far side's transport changed (wire notes 6.6): with new credentials ICE begins anew,
    /// with another certificate DTLS as well (RFC 8842 section 4). Ours follow, and our candidates
    /// anew. Nothing new changes nothing.
    ///
    /// # Errors
    ///
    /// It cannot be done; the session goes on as it was, which may be not at all.
    pub(crate) fn transport_changed(
        &mut self,
        transport: &Transport,
        peer: &mut Peer,
        out: &mut Outbox,
    ) -> Result<Fate, Error> {
        let Some(sdp) = self.with_transport(transport) else { return Ok(Fate::Goes) };
        if let Some(answer) = self.renegotiate(&sdp, peer, out)? {
            self.signal.ice_restarted(&answer, out).map_err(Error::media)?;
        }
        Ok(self.drain(peer, out))
    }

    /// The far side's description with what a transport says anew; none where that is nothing.
    fn with_transport(&self, transport: &Transport) -> Option<String> {
        if transport.pwd.is_none() && transport.fingerprints.is_empty() {
            // It brings candidates, as nearly all do.
            return None;
        }
        let mut offer = Description::read(&self.offer).ok()?;
        let (ufrag, pwd) = offer.ice_credentials()?;
        let credentials = match (&transport.ufrag, &transport.pwd) {
            (Some(new), Some(secret)) if (&**new, secret.expose()) != (ufrag, pwd) => {
                Some((new, secret))
            }
            _ => None,
        };
        let told = transport.fingerprints.iter().map(|f| format!("{} {}", f.hash, f.value));
        let told: Vec<_> = told.filter(|value| Fingerprint::read(value).is_some()).collect();
        let read = |values: &[String]| {
            let read = values.iter().filter_map(|value| Fingerprint::read(value));
            read.collect::<BTreeSet<_>>()
        };
        let certificates = !told.is_empty() && read(&told) != read(&offer.fingerprints());
        if credentials.is_none() && !certificates {
            return None;
        }
        if let Some((ufrag, pwd)) = credentials {
            offer.set_ice_credentials(ufrag, pwd);
        }
        if certificates {
            offer.set_fingerprints(&told);
        }
        Some(offer.to_string())
    }

    /// Applies a new description. The answer to it, where the one before is answered.
    fn renegotiate(
        &mut self,
        sdp: &str,
        peer: &mut Peer,
        out: &Outbox,
    ) -> Result<Option<String>, Error> {
        self.may_accept()?;
        let description = Description::read(sdp).map_err(Error::media)?;
        peer.engine.accept_offer(out.now(), sdp).map_err(Error::media)?;
        if !self.has_credentials_of(sdp) {
            peer.remote = Generation::default();
        }
        self.offer = without_candidates(description, &mut peer.remote);
        if !self.is_answered() {
            return Ok(None);
        }
        self.sends.apply(peer);
        let answer = peer.engine.create_answer(out.now()).map_err(Error::media)?;
        self.ufrag = ufrag_of(&answer);
        Ok(Some(answer))
    }

    /// A candidate of the far side.
    pub(crate) fn remote_candidate(
        &mut self,
        candidate: &Candidate,
        peer: &mut Peer,
        out: &mut Outbox,
    ) -> Fate {
        if let Err(error) = peer.remote_candidate(out.now(), candidate) {
            let id = &self.handle.id;
            out.malformed(if let MediaError::TooMany(what) = error {
                format!("{what} of {id}: more than {MAX_CANDIDATES}")
            } else {
                format!("candidate of {id}: {error}")
            });
        }
        self.drain(peer, out)
    }

    /// Does something with the engine, and carries on what follows.
    pub(crate) fn with_engine<T>(
        &mut self,
        act: impl FnOnce(&mut dyn Engine) -> T,
        peer: &mut Peer,
        out: &mut Outbox,
    ) -> (T, Fate) {
        let done = act(&mut *peer.engine);
        (done, self.drain(peer, out))
    }

    pub(crate) fn send_dtmf(
        &mut self,
        digits: &[Digit],
        duration: Duration,
        peer: &mut Peer,
        out: &mut Outbox,
    ) -> Result<Fate, Error> {
        peer.engine.send_dtmf(out.now(), digits, duration).map_err(Error::media)?;
        Ok(self.drain(peer, out))
    }

    pub(crate) fn handle_timeout(&mut self, peer: &mut Peer, out: &mut Outbox) -> Fate {
        match &self.phase {
            Phase::Terminating { reason, until } if *until <= out.now() => {
                return Fate::Over(reason.clone());
            }
            Phase::Abandoned { until } if *until <= out.now() => {
                return Fate::Over(Reason::Gone);
            }
            Phase::Offered
            | Phase::Answered
            | Phase::Terminating { .. }
            | Phase::Abandoned { .. } => {}
        }
        if let Some(stats) = peer.handle_timeout(out.now()) {
            self.tell_stats(stats, peer, out);
        }
        self.drain(peer, out)
    }

    /// Tells the figures of the session, and of each track beside the first of audio.
    fn tell_stats(&self, stats: MediaStats, peer: &Peer, out: &mut Outbox) {
        out.event(Event::Stats {
            session: self.handle.id.clone(),
            conversation: self.handle.conversation.clone(),
            session_type: self.handle.session_type,
            stats,
        });
        for info in peer.engine.tracks().iter().filter(|info| info.track != Track::AUDIO) {
            let Some(stats) = peer.engine.track_stats(info.track) else { continue };
            out.event(Event::TrackStats {
                session: self.handle.id.clone(),
                conversation: self.handle.conversation.clone(),
                track: TrackId { media: self.handle.media, track: info.track },
                stats,
            });
        }
    }

    /// Ends it from here: tells the far side and waits a little for it to know.
    pub(crate) fn terminate(&mut self, reason: Reason, out: &mut Outbox) -> Fate {
        if self.is_terminating() {
            return Fate::Goes;
        }
        if out.socket.is_none() {
            return Fate::Over(reason);
        }
        self.signal.terminate(&reason, out);
        self.phase = Phase::Terminating { reason, until: out.now() + out.config.timing.terminate };
        Fate::Goes
    }

    /// The far side answered our terminate, or never will.
    pub(crate) fn terminated(&self) -> Fate {
        match &self.phase {
            Phase::Terminating { reason, .. } => Fate::Over(reason.clone()),
            Phase::Offered | Phase::Answered | Phase::Abandoned { .. } => Fate::Goes,
        }
    }

    /// Media cannot go on: tells the far side and is over at once (LC-19).
    fn fail(&mut self, reason: Reason, out: &mut Outbox) -> Fate {
        if !self.is_terminating() {
            self.signal.terminate(&reason, out);
        }
        Fate::Over(reason)
    }

    /// Closes media, and tells the last figures and the end; nothing of one that was superseded. Its
    /// sockets are closed next.
    pub(crate) fn end(&mut self, peer: &mut Peer, out: &mut Outbox) {
        if !peer.is_superseded() {
            self.tell_stats(peer.stats(), peer, out);
        }
        peer.engine.close(out.now());
        // It is over whatever the engine still has to say.
        let _ = self.drain(peer, out);
        if !peer.is_superseded() && !matches!(self.told, MediaState::Closed | MediaState::Failed) {
            self.tell_state(MediaState::Closed, out);
        }
    }

    fn tell_state(&mut self, state: MediaState, out: &mut Outbox) {
        self.told = state;
        let summary = format!("media {}", format!("{state:?}").to_lowercase());
        out.trace_media(TraceDirection::Received, summary, &self.handle.id);
        out.event(Event::MediaState {
            session: self.handle.id.clone(),
            conversation: self.handle.conversation.clone(),
            media: self.handle.media,
            state,
        });
    }

    /// Returns the subject of an error of it.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            conversation: Some(self.handle.conversation.clone()),
            session: Some(self.handle.id.clone()),
        }
    }

    /// Tells an error of it.
    fn tell(&self, error: Error, out: &mut Outbox) {
        out.event(Event::Error(error.about(&self.subject())));
    }

    /// Carries on what its media tells, until that is at rest.
    fn drain(&mut self, peer: &mut Peer, out: &mut Outbox) -> Fate {
        let news = peer.poll(out.media());
        self.carry_on(news, peer, out)
    }

    /// Carries on news of its media, and all that follow.
    pub(crate) fn carry_on(
        &mut self,
        mut news: Option<PeerNews>,
        peer: &mut Peer,
        out: &mut Outbox,
    ) -> Fate {
        let mut fate = Fate::Goes;
        while let Some(new) = news {
            let after = match new {
                PeerNews::Engine(event) => self.handle_engine(event, out),
                PeerNews::Refused(error) => {
                    self.tell(Error::media(error), out);
                    Fate::Goes
                }
                PeerNews::Path(PathNews::Is(path)) => {
                    out.event(Event::MediaPath {
                        session: self.handle.id.clone(),
                        conversation: self.handle.conversation.clone(),
                        media: self.handle.media,
                        path,
                    });
                    Fate::Goes
                }
                // The far side finds the way to what is named instead.
                PeerNews::Path(PathNews::Cut | PathNews::Moved | PathNews::Quiet) => Fate::Goes,
                PeerNews::Path(PathNews::NoRelay { server, code }) => {
                    let session = self.handle.id.clone();
                    out.event(Event::NoRelay { session, server, code });
                    Fate::Goes
                }
                PeerNews::Path(PathNews::Stale) => {
                    out.ice_stale = true;
                    out.due.stir();
                    Fate::Goes
                }
                // None of its engines has media elsewhere.
                PeerNews::Order(_) => Fate::Goes,
                PeerNews::NoSocket(error) => {
                    let text = format!("no socket for media: {error}");
                    self.tell(Error::new(ErrorKind::Media, text).caused_by(error), out);
                    return self.fail(Reason::FailedTransport, out);
                }
                PeerNews::Restless => {
                    let error = Error::new(ErrorKind::Internal, "the media engine does not rest");
                    self.tell(error, out);
                    return Fate::Over(Reason::MediaError);
                }
            };
            if let over @ Fate::Over(_) = after {
                fate = over;
            }
            news = peer.poll(out.media());
        }
        fate
    }

    fn handle_engine(&mut self, event: EngineEvent, out: &mut Outbox) -> Fate {
        match event {
            EngineEvent::State(state) => return self.handle_state(state, out),
            EngineEvent::LocalCandidate(candidate) => match self.phase {
                Phase::Answered => self.signal.candidate(&candidate, out),
                Phase::Offered if self.queued.len() < MAX_QUEUED => self.queued.push(candidate),
                Phase::Offered | Phase::Terminating { .. } | Phase::Abandoned { .. } => {}
            },
            EngineEvent::GatheringComplete => {
                self.gathered = true;
                if self.is_answered() {
                    self.signal.gathering_complete(&self.ufrag, out);
                }
            }
            // It has left.
            EngineEvent::Frame { .. } => {}
            // Softphones have one track, of audio, and no channel.
            EngineEvent::TrackAdded(_)
            | EngineEvent::TrackChanged(_)
            | EngineEvent::TrackRemoved(_)
            | EngineEvent::KeyframeWanted(_)
            | EngineEvent::BitrateLimit { .. }
            | EngineEvent::ChannelOpened { .. }
            | EngineEvent::ChannelMessage { .. }
            | EngineEvent::ChannelClosed(_) => self.tell_room(event, out),
            EngineEvent::Dtmf { digit, duration } => out.event(Event::Dtmf {
                session: self.handle.id.clone(),
                conversation: self.handle.conversation.clone(),
                digit,
                duration,
            }),
            EngineEvent::Agreed(agreement) => {
                out.event(Event::MediaAgreed {
                    session: self.handle.id.clone(),
                    conversation: self.handle.conversation.clone(),
                    media: self.handle.media,
                    agreement,
                });
            }
            EngineEvent::ComfortNoise { level } => out.event(Event::ComfortNoise {
                session: self.handle.id.clone(),
                conversation: self.handle.conversation.clone(),
                level,
            }),
            EngineEvent::Failed(error) => self.tell(Error::media(error), out),
        }
        Fate::Goes
    }

    /// Leaves news to the room that the session is of.
    fn tell_room(&self, event: EngineEvent, out: &mut Outbox) {
        if self.handle.session_type.is_room() {
            out.news.add(&self.handle.id, event);
            out.due.stir();
        }
    }

    fn handle_state(&mut self, state: MediaState, out: &mut Outbox) -> Fate {
        self.tell_state(state, out);
        self.tell_room(EngineEvent::State(state), out);
        match state {
            MediaState::Connected => {
                if self.is_answered() {
                    self.signal.active(out);
                }
                Fate::Goes
            }
            MediaState::Disconnected => {
                out.event(Event::SessionInterrupted(self.handle.clone()));
                Fate::Goes
            }
            MediaState::Failed => self.fail(Reason::FailedTransport, out),
            MediaState::Closed => {
                if !self.is_terminating() {
                    self.phase =
                        Phase::Abandoned { until: out.now() + out.config.timing.terminate };
                }
                Fate::Goes
            }
            MediaState::New | MediaState::Connecting => Fate::Goes,
        }
    }
}

/// A description as it is compared with a later one: candidates come and go. They are taken note
/// of.
fn without_candidates(mut description: Description<'_>, remote: &mut Generation) -> Box<str> {
    for candidate in description.take_candidates() {
        remote.admit_all(&candidate);
    }
    description.to_string().into()
}

fn ufrag_of(sdp: &str) -> String {
    let description = Description::read(sdp).ok();
    let credentials = description.as_ref().and_then(Description::ice_credentials);
    credentials.map(|(ufrag, _)| ufrag.to_owned()).unwrap_or_default()
}
