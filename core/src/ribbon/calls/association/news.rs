//! Candidates and all else that the engine tells, and its time. Candidates are the same after ICE began anew,
//! as the addresses are.

use std::time::Duration;

use super::{Association, Gathered, MAX_CANDIDATES, News, engine_said};
use crate::machine::{UdpId, Wake};
use crate::media::{Digit, EngineEvent, MediaError, MediaStats, PeerNews, Peers};
use crate::ribbon::calls::desk::Desk;
use crate::ribbon::calls::tracks::Lane;
use crate::ribbon::collect::{Collected, Collection, GatheringState, IceTimeouts};
use crate::ribbon::constants::OperationKind;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;
use crate::sdp::candidate::{Candidate, CandidateKind};

impl Association {
    /// Collects candidates for the description that waits.
    pub(in crate::ribbon::calls) fn collect(
        &mut self,
        operation: OperationKind,
        call: &CallId,
        desk: &Desk<'_>,
    ) {
        let text = self.pending.clone().unwrap_or_default();
        let mut collection = Collection::new(call.clone(), operation, text, desk.out.now());
        for Collected { mid, candidate, .. } in &self.candidates {
            collection.candidate(mid.as_deref(), &candidate.to_line());
        }
        collection.gathering(self.gathering);
        self.collection = Some(collection);
    }

    /// Looks whether there are enough.
    pub(in crate::ribbon::calls) fn gathered(&mut self, desk: &Desk<'_>) -> Gathered {
        let Some(collection) = &mut self.collection else { return Gathered::NotYet };
        let call = &desk.out.config.call;
        if call.skip_ice_collection {
            return Gathered::Enough;
        }
        let timeouts = IceTimeouts::new(call.ice_ideal, call.ice_max);
        match collection.poll(desk.out.now(), &*call.ice_check, &timeouts, &call.peer) {
            None => Gathered::NotYet,
            Some(Ok(())) => Gathered::Enough,
            Some(Err(error)) => Gathered::Nothing(error),
        }
    }

    pub(in crate::ribbon::calls) fn next_wake(&self) -> Option<Wake> {
        self.collection.as_ref().and_then(Collection::next_wake)
    }

    /// The next thing that its media has to tell.
    pub(in crate::ribbon::calls) fn poll(&self, desk: &mut Desk<'_>) -> Option<(UdpId, PeerNews)> {
        let spare = self.spare.as_ref().and_then(|spare| spare.udp());
        for udp in self.udp().into_iter().chain(spare) {
            if let Some(news) = desk.peers.get_mut(udp)?.poll(desk.out.media()) {
                return Some((udp, news));
            }
        }
        None
    }

    /// Takes what its media tells.
    pub(in crate::ribbon::calls) fn take_news(
        &mut self,
        udp: UdpId,
        news: PeerNews,
        desk: &mut Desk<'_>,
    ) -> News {
        if self.udp() != Some(udp) {
            // That of one that stands aside matters to nobody, and it need not come back.
            match news {
                PeerNews::Order(order) => drop(desk.out.order(udp, &order)),
                PeerNews::Restless => {
                    if let Some(spare) = self.spare.take() {
                        spare.close(desk);
                    }
                }
                PeerNews::Engine(_)
                | PeerNews::NoSocket(_)
                | PeerNews::Refused(_)
                | PeerNews::Path(_) => {}
            }
            return News::None;
        }
        match news {
            PeerNews::Engine(event) => self.take_event(event, desk),
            PeerNews::NoSocket(error) => News::NoSocket(error),
            PeerNews::Refused(error) => {
                desk.out.malformed(&format!("a frame was not sent: {error}"));
                News::None
            }
            PeerNews::Order(order) => match desk.out.order(udp, &order) {
                Ok(()) => News::None,
                Err(error) => News::NoSocket(error),
            },
            PeerNews::Path(news) => News::Path(news),
            PeerNews::Restless => News::Restless,
        }
    }

    fn take_event(&mut self, event: EngineEvent, desk: &mut Desk<'_>) -> News {
        match event {
            EngineEvent::State(state) => News::State(state),
            EngineEvent::LocalCandidate(local) => {
                let known =
                    |line: &Candidate| self.candidates.iter().any(|one| one.candidate == *line);
                if let Ok(candidate) = Candidate::from_line(&local.candidate)
                    && self.candidates.len() < MAX_CANDIDATES
                    && !known(&candidate)
                {
                    if let Some(collection) = &mut self.collection {
                        collection.candidate(local.mid.as_deref(), &candidate.to_line());
                        if candidate.kind == CandidateKind::Relayed {
                            let now = desk.out.now();
                            desk.out.reports.relayed(collection.call(), &candidate, now);
                        }
                    }
                    self.candidates.push(Collected::new(local.mid, candidate));
                }
                News::Gathering
            }
            EngineEvent::GatheringComplete => {
                self.gathering = GatheringState::Complete;
                if let Some(collection) = &mut self.collection {
                    collection.gathering(GatheringState::Complete);
                }
                News::Gathering
            }
            EngineEvent::Agreed(agreement) => match self.media() {
                Some(media) => News::Agreed(media, agreement),
                None => News::None,
            },
            EngineEvent::Dtmf { digit, duration } => News::Digit(digit, duration),
            EngineEvent::Failed(error) => {
                desk.out.malformed(&format!("media failed: {error}"));
                News::None
            }
            EngineEvent::TrackAdded(_)
            | EngineEvent::TrackChanged(_)
            | EngineEvent::TrackRemoved(_)
            | EngineEvent::Frame { .. }
            | EngineEvent::KeyframeWanted(_)
            | EngineEvent::BitrateLimit { .. }
            | EngineEvent::ChannelOpened { .. }
            | EngineEvent::ChannelMessage { .. }
            | EngineEvent::ChannelClosed(_)
            | EngineEvent::ComfortNoise { .. } => News::None,
        }
    }

    pub(in crate::ribbon::calls) fn send_keys(
        &mut self,
        keys: &[Digit],
        duration: Duration,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let sent = self.with(desk, |engine, now| engine.send_dtmf(now, keys, duration));
        engine_said(sent)?.map_err(|error| {
            let unknown = matches!(error, MediaError::NotNegotiated(_));
            let code = if unknown { CallCode::NotSupported } else { CallCode::InvalidState };
            Error::new(code, "keys cannot be sent now").caused_by(error)
        })
    }

    /// Sends a track or not, or hands it on or not.
    pub(in crate::ribbon::calls) fn set_muted(
        &mut self,
        lane: Lane,
        muted: bool,
        desk: &mut Desk<'_>,
    ) {
        if lane.local {
            self.with(desk, |engine, _| engine.set_muted(lane.track, muted));
        } else if let Some(peer) = self.udp().and_then(|udp| desk.peers.get_mut(udp)) {
            peer.set_deaf(lane.track, muted);
        }
    }

    pub(in crate::ribbon::calls) fn media_wake(&self, peers: &Peers) -> Option<Wake> {
        let spare = self.spare.as_ref().and_then(|spare| spare.udp());
        let all = self.udp().into_iter().chain(spare);
        all.filter_map(|udp| peers.get(udp)?.next_wake())
            .fold(None, |earliest, wake| Wake::earliest(earliest, Some(wake)))
    }

    /// Lets time pass for its media. The figures, if they are due.
    pub(in crate::ribbon::calls) fn handle_timeout(
        &mut self,
        desk: &mut Desk<'_>,
    ) -> Option<MediaStats> {
        let now = desk.out.now();
        let spare = self.spare.as_ref().and_then(|spare| spare.udp());
        if let Some(peer) = spare.and_then(|udp| desk.peers.get_mut(udp)) {
            peer.handle_timeout(now);
        }
        let udp = self.udp()?;
        desk.peers.get_mut(udp)?.handle_timeout(now)
    }
}
