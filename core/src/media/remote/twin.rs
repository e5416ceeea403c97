//! The end that negotiates: an engine without media, of which another one elsewhere is the replica.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::fingerprint::Fingerprint;
use super::order::{Act, Order, Text};
use super::report::{News, Report};
use crate::media::{
    Agreement, Digit, Engine, EngineConfig, EngineEvent, EngineOutput, Frame, Local, LocalKind,
    MediaError, MediaState, MediaStats, Track, TrackInfo, Wish,
};
use crate::sdp::Direction;

/// Outputs of the engine beneath that are dropped in one drain: one that has more never rests.
const MAX_DROPPED: usize = 10_000;
/// Keys that wait to be pressed, as [`Engine::send_dtmf`] has it.
const MAX_KEYS: usize = 64;

/// See the [module](super).
pub(crate) struct Twin {
    inner: Box<dyn Engine>,
    certificate: Fingerprint,
    queue: VecDeque<EngineOutput>,
    /// The state of the replica, as it was told last.
    state: MediaState,
    stats: MediaStats,
}

impl Twin {
    /// A twin over an engine that is made from these settings ([`EngineConfig::twin`]), and that has never been
    /// asked anything. Its replica has that certificate.
    pub(crate) fn new(
        inner: Box<dyn Engine>,
        config: &EngineConfig,
        certificate: Fingerprint,
    ) -> Self {
        let mut twin = Self {
            inner,
            certificate,
            queue: VecDeque::new(),
            state: MediaState::New,
            stats: MediaStats::default(),
        };
        twin.order(Act::Create(config.into()));
        twin
    }

    fn order(&mut self, act: Act) {
        self.queue.push_back(EngineOutput::Order(Order(act)));
    }

    fn event(&mut self, event: EngineEvent) {
        self.queue.push_back(EngineOutput::Event(event));
    }

    fn enter(&mut self, state: MediaState) {
        if self.state != state && !self.is_over() {
            self.state = state;
            self.event(EngineEvent::State(state));
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, MediaState::Failed | MediaState::Closed)
    }

    /// An event of the engine beneath, if it is of what was negotiated, which the replica does not report.
    fn take(&mut self, event: EngineEvent) -> Option<EngineEvent> {
        match event {
            EngineEvent::LocalCandidate(_)
            | EngineEvent::GatheringComplete
            | EngineEvent::TrackAdded(_)
            | EngineEvent::TrackChanged(_)
            | EngineEvent::TrackRemoved(_)
            | EngineEvent::Agreed(_) => Some(event),
            // The negotiation is beyond repair at both ends.
            EngineEvent::Failed(_) => {
                self.enter(MediaState::Failed);
                Some(event)
            }
            EngineEvent::State(_)
            | EngineEvent::Frame { .. }
            | EngineEvent::KeyframeWanted(_)
            | EngineEvent::BitrateLimit { .. }
            | EngineEvent::ChannelOpened { .. }
            | EngineEvent::ChannelMessage { .. }
            | EngineEvent::ChannelClosed(_)
            | EngineEvent::Dtmf { .. }
            | EngineEvent::ComfortNoise { .. } => None,
        }
    }
}

impl Engine for Twin {
    fn add_local(&mut self, now: Instant, local: &Local, kind: LocalKind) {
        self.order(Act::AddLocal { local: local.clone(), kind });
        self.inner.add_local(now, local, kind);
    }

    fn remove_local(&mut self, now: Instant, address: SocketAddr) {
        self.order(Act::RemoveLocal { address });
        self.inner.remove_local(now, address);
    }

    fn local_done(&mut self, now: Instant) {
        self.order(Act::LocalDone);
        self.inner.local_done(now);
    }

    fn create_offer(&mut self, now: Instant, wishes: &[Wish]) -> Result<String, MediaError> {
        let offer = self.inner.create_offer(now, wishes).map(|sdp| self.certificate.put_in(&sdp));
        self.order(Act::CreateOffer {
            wishes: wishes.to_vec(),
            expects: offer.as_ref().ok().cloned(),
        });
        offer
    }

    fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        self.order(Act::Rollback);
        self.inner.rollback(now)
    }

    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.order(Act::AcceptAnswer { sdp: answer.to_owned() });
        self.inner.accept_answer(now, answer)
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.order(Act::AcceptOffer { sdp: offer.to_owned() });
        self.inner.accept_offer(now, offer)
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        let answer = self.inner.create_answer(now).map(|sdp| self.certificate.put_in(&sdp));
        self.order(Act::CreateAnswer { expects: answer.as_ref().ok().cloned() });
        answer
    }

    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError> {
        self.order(Act::AddRemoteCandidate { candidate: candidate.to_owned() });
        self.inner.add_remote_candidate(now, candidate)
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        let offer = self.inner.restart_ice(now).map(|sdp| self.certificate.put_in(&sdp));
        self.order(Act::RestartIce { expects: offer.as_ref().ok().cloned() });
        offer
    }

    /// Nothing: packets are the replica's.
    fn handle_datagram(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, _: &[u8]) {}

    /// Nothing: time passes for the replica.
    fn handle_timeout(&mut self, _: Instant) {}

    fn is_elsewhere(&self) -> bool {
        true
    }

    fn handle_report(&mut self, now: Instant, report: Report) {
        match report.0 {
            News::State { state } => self.enter(state),
            News::Key { key, ms } => {
                if let Ok(digit) = Digit::try_from(key) {
                    let duration = Duration::from_millis(ms);
                    self.event(EngineEvent::Dtmf { digit, duration });
                }
            }
            News::Noise { level } => self.event(EngineEvent::ComfortNoise { level }),
            News::Figures(figures) => {
                self.stats = figures.into();
                // What the far side reports is part of the terms.
                self.inner.handle_report(now, Report(News::Figures(figures)));
            }
            // Of sockets: whoever has the peer takes these.
            News::Opened { .. } | News::Changed { .. } | News::Socketless { .. } => {}
        }
    }

    fn send(&mut self, _: Instant, track: Track, frame: &Frame) -> Result<(), MediaError> {
        if self.is_over() {
            return Err(MediaError::State(self.state));
        }
        let frame = Text::new(frame)?;
        self.order(Act::Send { track, frame });
        Ok(())
    }

    fn set_muted(&mut self, track: Track, muted: bool) {
        self.order(Act::SetMuted { track, muted });
        self.inner.set_muted(track, muted);
    }

    fn request_keyframe(&mut self, now: Instant, track: Track) -> Result<(), MediaError> {
        self.inner.request_keyframe(now, track)?;
        self.order(Act::RequestKeyframe { track });
        Ok(())
    }

    fn limit_bitrate(
        &mut self,
        now: Instant,
        track: Track,
        limit: Option<u64>,
    ) -> Result<(), MediaError> {
        self.inner.limit_bitrate(now, track, limit)?;
        self.order(Act::LimitBitrate { track, limit });
        Ok(())
    }

    fn send_dtmf(
        &mut self,
        _: Instant,
        digits: &[Digit],
        duration: Duration,
    ) -> Result<(), MediaError> {
        let agreement = self.inner.agreement();
        let agreement = agreement.ok_or(MediaError::NotNegotiated("telephone-event"))?;
        if !agreement.keys {
            return Err(MediaError::NotNegotiated("telephone-event"));
        }
        if self.state != MediaState::Connected {
            return Err(MediaError::State(self.state));
        }
        if !agreement.direction.sends() {
            return Err(MediaError::Held);
        }
        if digits.len() > MAX_KEYS {
            return Err(MediaError::TooMany("digits"));
        }
        self.queue.push_back(EngineOutput::Order(Order::send_dtmf(digits, duration)));
        Ok(())
    }

    fn set_direction(&mut self, track: Track, direction: Direction) {
        self.order(Act::SetDirection { track, direction });
        self.inner.set_direction(track, direction);
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        self.inner.tracks()
    }

    fn agreement(&self) -> Option<Agreement> {
        self.inner.agreement()
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        self.stats
    }

    fn close(&mut self, now: Instant) {
        self.order(Act::Close);
        self.inner.close(now);
        self.enter(MediaState::Closed);
    }

    fn poll_output(&mut self) -> EngineOutput {
        for _ in 0..MAX_DROPPED {
            match self.inner.poll_output() {
                EngineOutput::Event(event) => {
                    if let Some(event) = self.take(event) {
                        self.event(event);
                    }
                }
                // Names are found where the media is.
                EngineOutput::Transmit { .. }
                | EngineOutput::Resolve { .. }
                | EngineOutput::Order(_) => {}
                EngineOutput::Timeout(_) => break,
            }
        }
        self.queue.pop_front().unwrap_or(EngineOutput::Timeout(None))
    }
}
