//! One media association beneath its signaling: an engine, its sockets, the far side's candidates and
//! the figures.
//!
//! Whoever signals negotiates with [`Peer::engine`] and asks [`Peer::poll`] afterwards, until it
//! answers none: what it tells is theirs to carry on. Datagrams and frames never reach them.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

#[cfg(feature = "turn")]
use super::ice::{Gather, Step};
use super::names::{Names, may_be_called};
use super::path::{PathNews, PathWatch};
use super::quiet::Quiet;
use super::{
    Engine, EngineEvent, EngineOutput, Frame, IceHelp, LocalKind, MediaError, MediaKind,
    MediaState, MediaStats, Order, Report, Track,
};
use crate::machine::{
    CodePoint, Local, MediaId, NameId, NetError, Output, Outputs, Seed, TrackId, UdpEvent, UdpId,
    Wake,
};
#[cfg(feature = "turn")]
use crate::machine::{StreamEvent, StreamId};
use crate::sdp::candidate::{Admission, Candidate, Generation};

/// Outputs that one drain takes from an engine: an engine that never ends it is broken.
const MAX_DRAIN: usize = 10_000;

/// The reasons that are told for which frames are refused: what comes after so many is no news.
const MAX_REASONS: usize = 3;

/// An event of a peer's media, each of which comes once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Milestone {
    Connected,
    FirstAudio,
}

/// The sockets of a peer.
///
/// ```text
/// Wanted ──opened──> Open
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sockets {
    Wanted,
    Open,
}

/// The audience of a peer.
///
/// ```text
/// Application ──another takes its place──> Nobody
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Application,
    Nobody,
}

/// Something that whoever signals has to know.
#[derive(Debug)]
pub(crate) enum PeerNews {
    /// The engine reports it; never a frame.
    Engine(EngineEvent),
    /// The engine elsewhere that has its media has to do this.
    Order(Order),
    /// There are no sockets.
    NoSocket(NetError),
    /// The engine refuses a frame. Each reason is told once, until media has another state or other terms.
    Refused(MediaError),
    /// Something is the matter with its path.
    Path(PathNews),
    /// The engine does not end its drain.
    Restless,
}

/// See the [module](self).
pub(crate) struct Peer {
    /// The name of its media, which it may have taken over from another.
    pub(crate) media: MediaId,
    udp: UdpId,
    /// The urgency of its packets, by whichever socket.
    #[cfg_attr(not(feature = "turn"), expect(dead_code, reason = "it opens no more sockets"))]
    dscp: Option<CodePoint>,
    sockets: Sockets,
    audience: Audience,
    pub(crate) engine: Box<dyn Engine>,
    /// The gathering of addresses, where there are servers to ask.
    #[cfg(feature = "turn")]
    pub(crate) gather: Option<Box<Gather>>,
    /// The far side's candidates since ICE began, or began anew.
    pub(crate) remote: Generation,
    /// The names that hide addresses of the far side's and are looked up.
    names: Option<Box<Names>>,
    /// The time at which the engine is due.
    wake: Option<Wake>,
    /// The time at which figures are told next, once it was connected, and the interval.
    figures_at: Option<Instant>,
    figures_every: Duration,
    /// Figures were told that [`Peer::take_sample`] has not taken.
    sampled: bool,
    /// Milestones reached, and how many of them [`Peer::take_milestones`] has taken.
    milestones: Vec<(Milestone, Instant)>,
    noted: usize,
    /// The tracks of the far side's whose frames are dropped.
    deaf: Vec<Track>,
    /// The reasons told for which frames were refused, since it was agreed on other things or media had another
    /// state; at most [`MAX_REASONS`].
    refused: Vec<MediaError>,
    /// The address that media left by last.
    leaves_by: Option<SocketAddr>,
    /// True while it is to be told that this address is gone.
    cut: bool,
    /// True while it is to be told that there are other addresses.
    moved: bool,
    /// A relay was lost, which is not told yet.
    stale: bool,
    /// The far side's silence, and true while it is to be told.
    quiet: Quiet,
    is_quiet: bool,
    path: PathWatch,
    /// Relays that lend no address, which is not told yet.
    no_relays: Vec<(SocketAddr, Option<u16>)>,
    /// Outputs taken in this drain.
    drained: usize,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("media", &self.media)
            .field("sockets", &self.sockets)
            .field("audience", &self.audience)
            .field("state", &self.engine.state())
            .field("wake", &self.wake)
            .field("figures_at", &self.figures_at)
            .field("milestones", &self.milestones)
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// A peer over an engine. Its sockets are asked for by [`Output::OpenUdp`].
    pub(crate) fn new(
        media: MediaId,
        (udp, dscp): (UdpId, Option<CodePoint>),
        engine: Box<dyn Engine>,
        figures_every: Duration,
    ) -> Self {
        Self {
            media,
            udp,
            dscp,
            sockets: Sockets::Wanted,
            audience: Audience::Application,
            engine,
            #[cfg(feature = "turn")]
            gather: None,
            remote: Generation::default(),
            names: None,
            wake: None,
            figures_at: None,
            figures_every,
            sampled: false,
            milestones: Vec::new(),
            noted: 0,
            deaf: Vec::new(),
            refused: Vec::new(),
            leaves_by: None,
            cut: false,
            moved: false,
            stale: false,
            quiet: Quiet::default(),
            is_quiet: false,
            path: PathWatch::default(),
            no_relays: Vec::new(),
            drained: 0,
        }
    }

    pub(crate) fn udp(&self) -> UdpId {
        self.udp
    }

    pub(crate) fn state(&self) -> MediaState {
        self.engine.state()
    }

    /// True while media is connected, or may yet be.
    pub(crate) fn is_alive(&self) -> bool {
        match self.engine.state() {
            MediaState::New | MediaState::Connecting | MediaState::Connected => true,
            MediaState::Disconnected | MediaState::Failed | MediaState::Closed => false,
        }
    }

    /// True if its address is gone and another way is looked for, by which it may yet go on.
    pub(crate) fn moves(&self) -> bool {
        self.path.moves() && self.engine.state() == MediaState::Disconnected
    }

    /// Lets another peer take its place: it says nothing more, and nobody hears it.
    pub(crate) fn supersede(&mut self) {
        self.audience = Audience::Nobody;
    }

    /// Takes its place back.
    pub(crate) fn reinstate(&mut self) {
        self.audience = Audience::Application;
    }

    pub(crate) fn is_superseded(&self) -> bool {
        self.audience == Audience::Nobody
    }

    /// Drops the frames of a track of the far side's, or hands them on again.
    pub(crate) fn set_deaf(&mut self, track: Track, deaf: bool) {
        self.deaf.retain(|other| *other != track);
        if deaf {
            self.deaf.push(track);
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let figures = self.figures_at.map(|at| Wake { at, reason: "media figures" });
        let quiet = self.quiet.due().filter(|_| self.state() == MediaState::Connected);
        let quiet = quiet.map(|at| Wake { at, reason: "silence of the far side" });
        let wake = Wake::earliest(Wake::earliest(self.wake, figures), quiet);
        #[cfg(feature = "turn")]
        let wake = Wake::earliest(wake, self.gather.as_ref().and_then(|gather| gather.next_wake()));
        wake
    }

    /// Takes what happened to its sockets. The first news.
    pub(crate) fn handle_udp<E, O, X>(
        &mut self,
        event: UdpEvent,
        out: &mut Outputs<E, O, X>,
    ) -> Option<PeerNews> {
        let now = out.now();
        match event {
            UdpEvent::Opened { .. } if self.sockets == Sockets::Open => {}
            UdpEvent::Opened { local } => {
                self.sockets = Sockets::Open;
                self.add_hosts(now, local);
            }
            UdpEvent::Changed { added, removed } => {
                for address in removed {
                    self.withdraw(now, address);
                    #[cfg(feature = "turn")]
                    if let Some(gather) = &mut self.gather {
                        gather.remove(address);
                    }
                }
                if !added.is_empty() {
                    self.add_hosts(now, added);
                }
                #[cfg(feature = "turn")]
                if let Some(gather) = &mut self.gather {
                    gather.handle_timeout(now);
                }
            }
            UdpEvent::Failed(error) => return Some(PeerNews::NoSocket(error)),
            UdpEvent::Datagram { local, remote, data } => {
                #[cfg(feature = "turn")]
                let (local, remote, data) = match &mut self.gather {
                    None => (local, remote, data),
                    Some(gather) => match gather.handle_datagram(now, local, remote, data) {
                        Some(left) => left,
                        None => return self.poll(out),
                    },
                };
                self.heard(now, &data);
                self.engine.handle_datagram(now, local, remote, &data);
            }
        }
        self.poll(out)
    }

    /// Takes an address of ours away.
    fn withdraw(&mut self, now: Instant, address: SocketAddr) {
        self.engine.remove_local(now, address);
        if self.leaves_by.take_if(|by| *by == address).is_some() {
            self.path.cut(now);
            self.cut = true;
        }
    }

    /// Takes note of a datagram of the far side's.
    fn heard(&mut self, now: Instant, data: &[u8]) {
        if self.quiet.heard(now, data) {
            self.path.heard(now);
        }
    }

    /// Has servers asked for addresses, from the first socket on.
    pub(super) fn ask(&mut self, help: &IceHelp, seed: &Seed) {
        #[cfg(feature = "turn")]
        self.gather.replace(Box::new(Gather::new(help, seed.rng())));
        #[cfg(not(feature = "turn"))]
        let _ = (help, seed);
    }

    /// Takes what the servers are now: other credentials are tried where those before were refused.
    pub(super) fn renew(&mut self, now: Instant, help: &IceHelp) {
        #[cfg(feature = "turn")]
        if let Some(gather) = &mut self.gather {
            gather.renew(now, help);
        }
        #[cfg(not(feature = "turn"))]
        let _ = (now, help);
    }

    /// Takes addresses that have sockets now.
    fn add_hosts(&mut self, now: Instant, hosts: Vec<Local>) {
        #[cfg(feature = "turn")]
        if let Some(gather) = &mut self.gather {
            gather.add(now, hosts);
            return;
        }
        for local in &hosts {
            self.engine.add_local(now, local, LocalKind::Host);
        }
        self.engine.local_done(now);
        self.moved = true;
    }

    /// Takes what happened to a socket that one of its relays has alone. The first news.
    #[cfg(feature = "turn")]
    pub(super) fn handle_socket<E, O, X>(
        &mut self,
        id: UdpId,
        event: UdpEvent,
        out: &mut Outputs<E, O, X>,
    ) -> Option<PeerNews> {
        let now = out.now();
        let came = self.gather.as_mut().and_then(|gather| gather.handle_socket(now, id, event));
        if let Some((local, remote, data)) = came {
            self.heard(now, &data);
            self.engine.handle_datagram(now, local, remote, &data);
        }
        self.poll(out)
    }

    /// Takes what happened to a stream of its relays. The first news.
    #[cfg(feature = "turn")]
    pub(super) fn handle_stream<E, O, X>(
        &mut self,
        id: StreamId,
        event: StreamEvent,
        out: &mut Outputs<E, O, X>,
    ) -> Option<PeerNews> {
        let now = out.now();
        let came = self.gather.as_mut().map(|gather| gather.handle_stream(now, id, event));
        for (local, remote, data) in came.unwrap_or_default() {
            self.heard(now, &data);
            self.engine.handle_datagram(now, local, remote, &data);
        }
        self.poll(out)
    }

    /// Does what the gathering wants.
    #[cfg(feature = "turn")]
    pub(super) fn gather_on<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) {
        let now = out.now();
        while let Some(gather) = &mut self.gather
            && let Some(step) = gather.poll()
        {
            match step {
                Step::Resolve { server, host, deadline } => {
                    let id = NameId(out.id());
                    gather.asked(server, id);
                    out.push(Output::Resolve { id, host, deadline });
                }
                Step::Transmit { socket, local, remote, data } => {
                    let id = socket.unwrap_or(self.udp);
                    out.push(Output::Transmit { id, local, remote, data });
                }
                Step::Bind { relay, from } => {
                    let id = UdpId(out.id());
                    if gather.binds(relay, id) {
                        let (from, dscp) = (Some(from), self.dscp);
                        out.push(Output::OpenUdp { id, from, dscp });
                    }
                }
                Step::Unbind(id) => out.push(Output::CloseUdp { id }),
                Step::Open { relay, to, tls, from, deadline } => {
                    let id = StreamId(out.id());
                    if gather.opens(relay, id) {
                        let from = Some(from);
                        out.push(Output::OpenStream { id, to, tls, from, deadline });
                    }
                }
                Step::Send { stream: id, data } => out.push(Output::SendStream { id, data }),
                Step::Close(id) => out.push(Output::CloseStream { id }),
                Step::Add(local, kind) => self.engine.add_local(now, &local, kind),
                Step::Remove(address) => self.withdraw(now, address),
                Step::Done => {
                    self.engine.local_done(now);
                    self.moved = true;
                }
                Step::Stale => self.stale = true,
                Step::NoRelay { server, code } => self.no_relays.push((server, code)),
            }
        }
    }

    /// Sends a datagram of the engine's, from the address that it names.
    fn transmit<E, O, X>(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        data: Vec<u8>,
        out: &mut Outputs<E, O, X>,
    ) {
        #[cfg(feature = "turn")]
        let (local, remote, data) = match &mut self.gather {
            None => (local, remote, data),
            Some(gather) => {
                let sent = gather.send(out.now(), local, remote, data);
                self.gather_on(out);
                let Some(sent) = sent else { return };
                sent
            }
        };
        out.push(Output::Transmit { id: self.udp, local, remote, data });
    }

    /// Takes what the engine elsewhere tells that has its media. The first news.
    pub(crate) fn handle_report<E, O, X>(
        &mut self,
        report: Report,
        out: &mut Outputs<E, O, X>,
    ) -> Option<PeerNews> {
        match report.into_event() {
            Ok(event) => self.handle_udp(event, out),
            Err(report) => {
                self.engine.handle_report(out.now(), report);
                self.poll(out)
            }
        }
    }

    /// Takes note that its sockets are open, where somebody else tells the engine of its addresses.
    pub(crate) fn sockets_opened(&mut self) {
        self.sockets = Sockets::Open;
    }

    /// Takes a candidate of the far side. What ICE cannot use is skipped, and so is what comes when there
    /// are enough of them. Where a name hides its address, the engine has it looked up.
    ///
    /// # Errors
    ///
    /// The engine cannot read it; or [`MediaError::TooMany`], for the first of those beyond
    /// [`MAX_CANDIDATES`](crate::sdp::candidate::MAX_CANDIDATES). The session goes on.
    pub(crate) fn remote_candidate(
        &mut self,
        now: Instant,
        candidate: &Candidate,
    ) -> Result<(), MediaError> {
        let Some(usable) = candidate.usable() else {
            let hides = candidate.hidden_name().is_some();
            let line = hides.then(|| candidate.to_line());
            return line.map_or(Ok(()), |line| self.engine.add_remote_candidate(now, &line));
        };
        let Some(address) = usable.address() else { return Ok(()) };
        match self.remote.admit(address, usable.component) {
            Admission::New => self.engine.add_remote_candidate(now, &usable.to_line()),
            Admission::Known | Admission::Full { first: false } => Ok(()),
            Admission::Full { first: true } => Err(MediaError::TooMany("candidates")),
        }
    }

    /// Takes the answer to a question for a name. True if it was this peer's.
    pub(super) fn resolved(&mut self, now: Instant, id: NameId, found: &[IpAddr]) -> bool {
        if let Some((name, deadline)) = self.names.as_mut().and_then(|names| names.take(id)) {
            let found: Vec<_> = found.iter().copied().filter(|ip| may_be_called(*ip)).collect();
            if now <= deadline && !found.is_empty() {
                self.engine.resolved(now, &name, &found);
            }
            return true;
        }
        #[cfg(feature = "turn")]
        let is_its = self.gather.as_mut().is_some_and(|gather| gather.resolved(now, id, found));
        #[cfg(not(feature = "turn"))]
        let is_its = false;
        is_its
    }

    /// Sends a frame. The first news. A reason for which frames are refused is news once, until media has another
    /// state or other terms: between two that are refused there may be many that are not.
    pub(crate) fn send<E, O, X>(
        &mut self,
        track: Track,
        frame: &Frame,
        out: &mut Outputs<E, O, X>,
    ) -> Option<PeerNews> {
        if let Err(error) = self.engine.send(out.now(), track, frame)
            && !self.refused.contains(&error)
            && self.refused.len() < MAX_REASONS
        {
            self.refused.push(error.clone());
            return Some(PeerNews::Refused(error));
        }
        self.poll(out)
    }

    /// Lets time pass. The figures, if they are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<MediaStats> {
        let due = self.figures_at.is_some_and(|at| at <= now);
        let figures = due.then(|| {
            self.figures_at = Some(now + self.figures_every);
            self.sampled = true;
            let stats = self.stats();
            self.path.measure(&stats);
            stats
        });
        if self.wake.is_some_and(|wake| wake.at <= now) {
            self.engine.handle_timeout(now);
        }
        if self.state() == MediaState::Connected {
            let listens =
                || self.engine.agreement().is_some_and(|agreed| agreed.direction.receives());
            if self.quiet.is_due(now, listens) {
                self.path.quiet(now);
                self.is_quiet = true;
            }
        }
        #[cfg(feature = "turn")]
        if let Some(gather) = &mut self.gather
            && gather.next_wake().is_some_and(|wake| wake.at <= now)
        {
            gather.handle_timeout(now);
        }
        figures
    }

    /// The figures since it began.
    pub(crate) fn stats(&self) -> MediaStats {
        let stats = self.engine.stats();
        #[cfg(feature = "turn")]
        let refused = self.gather.as_ref().map_or(0, |gather| gather.refused);
        #[cfg(not(feature = "turn"))]
        let refused = 0;
        MediaStats { packets_refused: stats.packets_refused + refused, ..stats }
    }

    /// The figures, once each time that they were told.
    pub(crate) fn take_sample(&mut self) -> Option<MediaStats> {
        std::mem::take(&mut self.sampled).then(|| self.stats())
    }

    /// Milestones reached since the last look.
    pub(crate) fn take_milestones(&mut self) -> &[(Milestone, Instant)] {
        let new = std::mem::replace(&mut self.noted, self.milestones.len());
        &self.milestones[new..]
    }

    fn reach(&mut self, milestone: Milestone, now: Instant) {
        if self.milestones.iter().all(|(reached, _)| *reached != milestone) {
            self.milestones.push((milestone, now));
        }
    }

    /// Puts out datagrams and frames up to the next news. None when the engine is at rest.
    pub(crate) fn poll<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) -> Option<PeerNews> {
        #[cfg(feature = "turn")]
        self.gather_on(out);
        if std::mem::take(&mut self.cut) {
            return Some(PeerNews::Path(PathNews::Cut));
        }
        if std::mem::take(&mut self.is_quiet) {
            return Some(PeerNews::Path(PathNews::Quiet));
        }
        if std::mem::take(&mut self.stale) {
            return Some(PeerNews::Path(PathNews::Stale));
        }
        if let Some((server, code)) = self.no_relays.pop() {
            return Some(PeerNews::Path(PathNews::NoRelay { server, code }));
        }
        while self.drained < MAX_DRAIN {
            self.drained += 1;
            match self.engine.poll_output() {
                EngineOutput::Transmit { local, remote, data } => {
                    if self.sockets == Sockets::Open {
                        // No check of ICE, but what is secured (RFC 7983 section 7).
                        if data.first().is_some_and(|first| *first > 3) {
                            self.leaves_by = Some(local);
                        }
                        self.transmit(local, remote, data, out);
                    }
                }
                EngineOutput::Resolve { name } => self.names.get_or_insert_default().ask(name, out),
                EngineOutput::Order(order) => return Some(PeerNews::Order(order)),
                EngineOutput::Event(_) if self.is_superseded() => {}
                EngineOutput::Event(EngineEvent::Frame { track, .. })
                    if self.deaf.contains(&track) => {}
                EngineOutput::Event(EngineEvent::Frame { track, frame }) => {
                    if track.kind == MediaKind::Audio {
                        self.reach(Milestone::FirstAudio, out.now());
                    }
                    let track = TrackId { media: self.media, track };
                    out.push(Output::Frame { track, frame });
                }
                EngineOutput::Event(event) => {
                    self.note(&event, out.now());
                    return Some(PeerNews::Engine(event));
                }
                EngineOutput::Timeout(wake) => {
                    self.wake = wake;
                    self.drained = 0;
                    // After all that the engine says of it.
                    let changed = match self.audience {
                        Audience::Application => self.path.take_change(self.engine.state()),
                        Audience::Nobody => None,
                    };
                    let news = match changed {
                        Some(state) => PathNews::Is(state),
                        None if std::mem::take(&mut self.moved) => PathNews::Moved,
                        None => return None,
                    };
                    return Some(PeerNews::Path(news));
                }
            }
        }
        self.drained = 0;
        Some(PeerNews::Restless)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are the owner's business alone")]
    fn note(&mut self, event: &EngineEvent, now: Instant) {
        match event {
            EngineEvent::State(MediaState::Connected) => {
                self.reach(Milestone::Connected, now);
                self.figures_at = Some(now + self.figures_every);
                self.quiet.connected(now);
                self.refused.clear();
            }
            EngineEvent::State(_) | EngineEvent::Agreed(_) => self.refused.clear(),
            _ => {}
        }
    }
}
