//! The peers of a client, by the names of their sockets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{
    Engine, EngineConfig, EngineFactory, Fingerprint, IceHelp, MediaError, Peer, PeerNews, Twin,
    fingerprint_of,
};
use crate::machine::{
    CodePoint, MediaId, NameId, NetError, Output, Outputs, Seed, StreamEvent, StreamId, TrackId,
    UdpEvent, UdpId, Wake,
};
#[cfg(feature = "turn")]
use crate::media::ice::Gather;

/// Makes and keeps [`Peer`]s. Their number is their owners' to limit: each belongs to a session.
pub(crate) struct Peers {
    factory: Box<dyn EngineFactory>,
    seed: Seed,
    /// The certificate of media elsewhere, while that is where new engines have theirs.
    elsewhere: Option<Fingerprint>,
    /// Boxed, as what a map holds it has room for many times over.
    open: BTreeMap<UdpId, Box<Peer>>,
    /// Those whose sockets stay open for as long as relays are given back what they lent; at most
    /// [`MAX_LEAVING`]. Nobody else hears of them.
    #[cfg(feature = "turn")]
    leaving: BTreeMap<UdpId, Box<Peer>>,
}

/// The peers that wait for relays at a time; others do not.
#[cfg(feature = "turn")]
const MAX_LEAVING: usize = 16;

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peers").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Peers {
    pub(crate) fn new(factory: Box<dyn EngineFactory>, seed: Seed) -> Self {
        Self {
            factory,
            seed,
            elsewhere: None,
            open: BTreeMap::new(),
            #[cfg(feature = "turn")]
            leaving: BTreeMap::new(),
        }
    }

    /// The name of the engines; none where none are made.
    pub(crate) fn engine_name(&self) -> Option<&'static str> {
        self.factory.name()
    }

    /// Settings for an engine of that name: it draws from a seed of its own.
    pub(crate) fn config(&self, name: &str) -> EngineConfig {
        EngineConfig::new(self.seed.child(name))
    }

    /// An engine, to negotiate with. Nothing is left of one that is dropped.
    pub(crate) fn engine(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine> {
        let Some(certificate) = self.elsewhere.clone() else {
            return self.factory.create(now, config);
        };
        let config = EngineConfig { twin: true, ..config };
        let inner = self.factory.create(now, config.clone());
        Box::new(Twin::new(inner, &config, certificate))
    }

    /// Has the media of new engines elsewhere, or here again.
    pub(crate) fn set_elsewhere(&mut self, certificate: Option<Fingerprint>) {
        self.elsewhere = certificate;
    }

    /// The certificate that its engines have.
    ///
    /// # Errors
    ///
    /// They describe none.
    pub(crate) fn certificate(&mut self, now: Instant) -> Result<Fingerprint, MediaError> {
        fingerprint_of(&mut *self.factory, now)
    }

    /// All of them.
    pub(crate) fn all(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.open.values_mut().map(|peer| &mut **peer)
    }

    /// Opens a peer over an engine, and asks for its sockets. `media` is the name that it takes over,
    /// if it takes another's place; `dscp` is how urgent its packets are. The servers that help to find addresses are
    /// asked by its own sockets: an engine elsewhere is helped there.
    pub(crate) fn open<E, O, X>(
        &mut self,
        engine: Box<dyn Engine>,
        media: Option<MediaId>,
        figures_every: Duration,
        dscp: Option<CodePoint>,
        help: &IceHelp,
        out: &mut Outputs<E, O, X>,
    ) -> &mut Peer {
        let (own, udp) = (MediaId(out.id()), UdpId(out.id()));
        let media = media.unwrap_or(own);
        let is_here = !engine.is_elsewhere();
        if is_here {
            out.push(Output::OpenUdp { id: udp, from: None, dscp });
        }
        let mut peer = Peer::new(media, (udp, dscp), engine, figures_every);
        if is_here && help.asks() {
            peer.ask(help, &self.seed.child(&format!("gather {}", udp.0)));
        }
        self.open.entry(udp).or_insert_with(|| Box::new(peer))
    }

    /// Takes what the servers are now that help to find addresses. The peers, which may have something to say.
    pub(crate) fn renew(&mut self, now: Instant, help: &IceHelp) -> Vec<UdpId> {
        self.open.values_mut().for_each(|peer| peer.renew(now, help));
        self.open.keys().copied().collect()
    }

    pub(crate) fn get(&self, udp: UdpId) -> Option<&Peer> {
        self.open.get(&udp).map(|peer| &**peer)
    }

    pub(crate) fn get_mut(&mut self, udp: UdpId) -> Option<&mut Peer> {
        self.open.get_mut(&udp).map(|peer| &mut **peer)
    }

    /// The peer that sends a track: of several with one name, the one whose place nobody took.
    pub(crate) fn sender(&mut self, track: TrackId) -> Option<&mut Peer> {
        let sends = |peer: &&mut Box<Peer>| peer.media == track.media && !peer.is_superseded();
        self.open.values_mut().find(sends).map(|peer| &mut **peer)
    }

    /// Closes the sockets of a peer whose engine is closed, and forgets it. The sockets of one to which relays lent
    /// something close when that is given back, which takes a second at most: a relay may want to be told again, with
    /// another nonce (RFC 8489 section 9.2.4).
    pub(crate) fn close<E, O, X>(&mut self, udp: UdpId, out: &mut Outputs<E, O, X>) {
        #[cfg_attr(not(feature = "turn"), expect(unused_mut, reason = "it gives nothing back"))]
        let Some(mut peer) = self.open.remove(&udp) else { return };
        #[cfg(feature = "turn")]
        if let Some(gather) = &mut peer.gather {
            gather.close(out.now());
            let waits = !gather.is_over() && self.leaving.len() < MAX_LEAVING;
            if !waits {
                gather.abandon();
            }
            peer.gather_on(out);
            if waits {
                self.leaving.insert(udp, peer);
                return;
            }
        }
        if !peer.engine.is_elsewhere() {
            out.push(Output::CloseUdp { id: udp });
        }
    }

    /// Takes what happened to sockets. The peer whose they are, and the first news.
    pub(crate) fn handle_udp<E, O, X>(
        &mut self,
        udp: UdpId,
        event: UdpEvent,
        out: &mut Outputs<E, O, X>,
    ) -> Option<(UdpId, PeerNews)> {
        if let Some(peer) = self.open.get_mut(&udp) {
            return Some((udp, peer.handle_udp(event, out)?));
        }
        #[cfg(feature = "turn")]
        return self.handle_others(udp, event, out);
        #[cfg(not(feature = "turn"))]
        None
    }

    /// Takes what happened to sockets that are not those of an open peer's media: a relay has them alone, or the peer is
    /// leaving.
    #[cfg(feature = "turn")]
    fn handle_others<E, O, X>(
        &mut self,
        udp: UdpId,
        event: UdpEvent,
        out: &mut Outputs<E, O, X>,
    ) -> Option<(UdpId, PeerNews)> {
        let owns = |peer: &&mut Box<Peer>| peer.gather.as_ref().is_some_and(|g| g.owns(udp));
        if let Some(peer) = self.open.values_mut().find(owns) {
            return Some((peer.udp(), peer.handle_socket(udp, event, out)?));
        }
        if let Some(of) = self.leaving.values_mut().find(owns).map(|peer| peer.udp()) {
            self.leave(of, out, |gather, now| drop(gather.handle_socket(now, udp, event)));
            return None;
        }
        self.leave(udp, out, |gather, now| match event {
            UdpEvent::Datagram { local, remote, data } => {
                drop(gather.handle_datagram(now, local, remote, data));
            }
            UdpEvent::Changed { removed, .. } => {
                removed.iter().for_each(|address| gather.remove(*address));
            }
            UdpEvent::Opened { .. } | UdpEvent::Failed(_) => {}
        });
        None
    }

    /// Does something for a peer that is leaving, and closes its sockets if that was all.
    #[cfg(feature = "turn")]
    fn leave<E, O, X>(
        &mut self,
        udp: UdpId,
        out: &mut Outputs<E, O, X>,
        act: impl FnOnce(&mut Gather, Instant),
    ) {
        let Some(peer) = self.leaving.get_mut(&udp) else { return };
        if let Some(gather) = &mut peer.gather {
            act(gather, out.now());
            peer.gather_on(out);
        }
        if peer.gather.as_ref().is_none_or(|gather| gather.is_over()) {
            self.leaving.remove(&udp);
            out.push(Output::CloseUdp { id: udp });
        }
    }

    /// The time at which those that are leaving are due.
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        #[cfg(feature = "turn")]
        let wakes = self.leaving.values().map(|peer| peer.gather.as_ref()?.next_wake());
        #[cfg(not(feature = "turn"))]
        let wakes = std::iter::empty();
        wakes.fold(None, Wake::earliest)
    }

    /// Lets time pass for those that are leaving.
    pub(crate) fn handle_timeout<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) {
        #[cfg(feature = "turn")]
        for udp in self.leaving.keys().copied().collect::<Vec<_>>() {
            self.leave(udp, out, |gather, now| {
                if gather.next_wake().is_some_and(|wake| wake.at <= now) {
                    gather.handle_timeout(now);
                }
            });
        }
        #[cfg(not(feature = "turn"))]
        let _ = out;
    }

    /// Takes the addresses of a host: of a server, or of the far side. The peer that asked for them, and the first
    /// news.
    pub(crate) fn handle_resolved<E, O, X>(
        &mut self,
        id: NameId,
        found: Result<Vec<IpAddr>, NetError>,
        out: &mut Outputs<E, O, X>,
    ) -> Option<(UdpId, PeerNews)> {
        let (now, found) = (out.now(), found.unwrap_or_default());
        let peer = self.open.values_mut().find_map(|peer| {
            let is_its = peer.resolved(now, id, &found);
            is_its.then_some(peer)
        })?;
        Some((peer.udp(), peer.poll(out)?))
    }

    /// Takes what happened to a stream. The peer whose relay it leads to, and the first news.
    #[cfg(feature = "turn")]
    pub(crate) fn handle_stream<E, O, X>(
        &mut self,
        id: StreamId,
        event: StreamEvent,
        out: &mut Outputs<E, O, X>,
    ) -> Option<(UdpId, PeerNews)> {
        let has = |peer: &&mut Box<Peer>| peer.gather.as_ref().is_some_and(|g| g.has(id));
        if let Some(udp) = self.leaving.values_mut().find(has).map(|peer| peer.udp()) {
            self.leave(udp, out, |gather, now| drop(gather.handle_stream(now, id, event)));
            return None;
        }
        let peer = self.open.values_mut().find(has)?;
        Some((peer.udp(), peer.handle_stream(id, event, out)?))
    }

    /// Takes what happened to a stream. Nobody opens any here.
    #[cfg(not(feature = "turn"))]
    pub(crate) fn handle_stream<E, O, X>(
        &mut self,
        _: StreamId,
        _: StreamEvent,
        _: &mut Outputs<E, O, X>,
    ) -> Option<(UdpId, PeerNews)> {
        None
    }
}
