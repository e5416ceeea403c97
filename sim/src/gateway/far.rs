//! The media of somebody without a client, and what is negotiated about it.

use std::net::SocketAddr;

use offhook::machine::UdpId;
use offhook::media::{
    EngineConfig, LocalCandidate, LocalKind, MediaKind, MediaState, Track, VideoCodec, Wish,
};
use offhook::sdp::Direction;
use serde_json::Value;

use super::descriptions::origin_id;
use super::world::World;
use crate::service::{FarEnd, RtpManner, Word, with_candidates};

/// A change that a far party offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Of the direction of audio: it holds, plays music, or resumes.
    Direction(Direction),
    /// Of video: there is some, or none.
    Video(bool),
    /// None: what is there is offered again.
    Nothing,
    /// Of the ICE credentials.
    Restart,
    /// Of everything: another peer.
    Anew,
}

/// The part that comes back when an offer is refused.
enum Before {
    /// The same media with that direction of audio.
    Direction(Direction),
    /// The peer that there was.
    Peer(Box<Peer>),
}

/// One peer: an engine, its candidates, and the other end's session.
struct Peer {
    end: FarEnd,
    told: Vec<LocalCandidate>,
    remote: Option<String>,
    direction: Direction,
}

/// See the [module](self).
pub(super) struct Far {
    owner: String,
    /// True if it can have video.
    video: bool,
    local: Vec<SocketAddr>,
    peer: Peer,
    before: Option<Before>,
    made: u64,
    /// The words of the engine while a description was made.
    words: Vec<Word>,
    /// Its last description.
    pub(super) description: String,
}

impl Far {
    /// Media over sockets that are open.
    pub(super) fn new(owner: &str, udp: UdpId, local: Vec<SocketAddr>, world: &mut World) -> Self {
        Self::with(true, owner, udp, local, world)
    }

    /// The same for sound alone.
    pub(super) fn sound(
        owner: &str,
        udp: UdpId,
        local: Vec<SocketAddr>,
        world: &mut World,
    ) -> Self {
        Self::with(false, owner, udp, local, world)
    }

    fn with(
        video: bool,
        owner: &str,
        udp: UdpId,
        local: Vec<SocketAddr>,
        world: &mut World,
    ) -> Self {
        let peer = Peer::new(owner, udp, 0, video, world);
        let (owner, description) = (owner.to_owned(), String::new());
        Self { owner, video, local, peer, before: None, made: 0, words: Vec::new(), description }
    }

    /// Wants that direction of audio from now on.
    pub(super) fn wants(&mut self, direction: Direction) {
        self.peer.wants(direction);
    }

    pub(super) fn end(&self) -> &FarEnd {
        &self.peer.end
    }

    pub(super) fn end_mut(&mut self) -> &mut FarEnd {
        &mut self.peer.end
    }

    pub(super) fn udp(&self) -> UdpId {
        self.peer.end.udp
    }

    /// True while an offer of its own waits for an answer.
    pub(super) fn is_offering(&self) -> bool {
        self.before.is_some()
    }

    /// True once anything was agreed on.
    pub(super) fn has_agreed(&self) -> bool {
        self.peer.remote.is_some()
    }

    /// The direction of audio that it wants.
    pub(super) fn direction(&self) -> Direction {
        self.peer.direction
    }

    /// A first offer.
    pub(super) fn first_offer(&mut self, video: bool, world: &mut World) -> Result<String, String> {
        let wishes = if video { &[Wish::AUDIO, VIDEO][..] } else { &[Wish::AUDIO][..] };
        let engine = &mut self.peer.end.engine;
        let offer = engine.create_offer(world.base.now, wishes).map_err(|e| e.to_string())?;
        self.before = Some(Before::Direction(self.peer.direction));
        Ok(self.complete(offer, world))
    }

    /// The answer to an offer: of the peer that there is, or of another one where that one has lost
    /// its way or the offer is of another session (w4.10).
    pub(super) fn answer(&mut self, offer: &str, world: &mut World) -> Result<String, String> {
        let id = origin_id(offer);
        let direction = self.peer.direction;
        let is_over =
            matches!(self.peer.end.engine.state(), MediaState::Failed | MediaState::Closed);
        if is_over || (self.peer.remote.is_some() && self.peer.remote != id) {
            self.renew(world);
            self.peer.wants(direction);
        }
        let now = world.base.now;
        let engine = &mut self.peer.end.engine;
        engine.accept_offer(now, offer).map_err(|e| e.to_string())?;
        let answer = engine.create_answer(now).map_err(|e| e.to_string())?;
        self.peer.remote = id;
        Ok(self.complete(answer, world))
    }

    /// Another offer.
    pub(super) fn offer(&mut self, change: Change, world: &mut World) -> Result<String, String> {
        let now = world.base.now;
        let direction = self.peer.direction;
        let mut before = Before::Direction(direction);
        let offer = match change {
            Change::Direction(wanted) => {
                self.peer.wants(wanted);
                self.peer.end.engine.create_offer(now, &[])
            }
            Change::Video(true) if !self.peer.has_video() => {
                self.peer.end.engine.create_offer(now, &[VIDEO])
            }
            Change::Video(on) => {
                let wanted = if on { Direction::SendRecv } else { Direction::Inactive };
                self.peer.end.engine.set_direction(Track::video(0), wanted);
                self.peer.end.engine.create_offer(now, &[])
            }
            Change::Nothing => self.peer.end.engine.create_offer(now, &[]),
            Change::Restart => self.peer.end.engine.restart_ice(now),
            Change::Anew => {
                before = Before::Peer(Box::new(self.renew(world)));
                self.peer.wants(direction);
                let audio = Wish { direction, ..Wish::AUDIO };
                self.peer.end.engine.create_offer(now, &[audio])
            }
        };
        match offer {
            Ok(offer) => {
                self.before = Some(before);
                Ok(self.complete(offer, world))
            }
            Err(error) => {
                self.go_back(before);
                Err(error.to_string())
            }
        }
    }

    /// Takes the answer to its offer.
    pub(super) fn take_answer(&mut self, answer: &str, world: &mut World) -> Result<(), String> {
        let taken = self.peer.end.engine.accept_answer(world.base.now, answer);
        taken.map_err(|e| e.to_string())?;
        self.peer.remote = origin_id(answer);
        self.before = None;
        Ok(())
    }

    /// Its offer was refused: all is as it was before.
    pub(super) fn roll_back(&mut self, world: &mut World) {
        let Some(before) = self.before.take() else { return };
        // With another peer the offer goes as a whole.
        let _ = self.peer.end.engine.rollback(world.base.now);
        self.go_back(before);
    }

    fn go_back(&mut self, before: Before) {
        match before {
            Before::Direction(direction) => self.peer.wants(direction),
            Before::Peer(peer) => self.peer = *peer,
        }
    }

    /// Another peer takes the place of the one that there is.
    fn renew(&mut self, world: &mut World) -> Peer {
        self.made += 1;
        let fresh = Peer::new(&self.owner, self.udp(), self.made, self.video, world);
        std::mem::replace(&mut self.peer, fresh)
    }

    /// Tells the engine its addresses, once.
    fn gather(&mut self, world: &World) {
        if !self.peer.told.is_empty() {
            return;
        }
        let now = world.base.now;
        for address in &self.local {
            let ip = if address.ip().is_unspecified() { world.public_ip } else { address.ip() };
            let public = SocketAddr::new(ip, address.port());
            self.peer.end.engine.add_local(now, &public.into(), LocalKind::Host);
        }
        self.peer.end.engine.local_done(now);
    }

    /// A description with all candidates: none are told later (w5.6).
    fn complete(&mut self, sdp: String, world: &World) -> String {
        self.gather(world);
        let words = self.drain(world);
        self.words = words;
        let has_some = sdp.contains("a=candidate:");
        self.description =
            if has_some { sdp } else { with_candidates(&sdp, &self.peer.candidates()) };
        self.description.clone()
    }

    /// Takes what the engine has to say; candidates are kept.
    pub(super) fn drain(&mut self, world: &World) -> Vec<Word> {
        let mut words = std::mem::take(&mut self.words);
        words.extend(self.peer.end.drain(world.base.now));
        let new = std::mem::take(&mut self.peer.end.candidates);
        if !new.is_empty() {
            self.peer.told = new;
        }
        words
    }

    pub(super) fn body(&self) -> Value {
        self.peer.end.body()
    }

    pub(super) fn close(&mut self, world: &mut World) {
        self.peer.end.engine.close(world.base.now);
        for word in self.peer.end.drain(world.base.now) {
            if let Word::Transmit { local, remote, data } = word {
                let id = self.udp();
                world.base.push(crate::service::Output::Transmit { id, local, remote, data });
            }
        }
    }
}

const VIDEO: Wish = Wish { kind: MediaKind::Video, direction: Direction::SendRecv };

impl Peer {
    fn new(owner: &str, udp: UdpId, number: u64, video: bool, world: &mut World) -> Self {
        let mut config = EngineConfig::new(world.seed.child(&format!("{owner}/{number}")));
        if video {
            config.video = vec![VideoCodec::Vp8, VideoCodec::H264];
        }
        let engine = world.factory.create(world.base.now, config, RtpManner::default());
        let end = FarEnd::new(udp, engine);
        Self { end, told: Vec::new(), remote: None, direction: Direction::SendRecv }
    }

    fn wants(&mut self, direction: Direction) {
        self.direction = direction;
        self.end.engine.set_direction(Track::AUDIO, direction);
    }

    fn has_video(&self) -> bool {
        self.end.engine.tracks().iter().any(|info| info.track == Track::video(0))
    }

    /// Its candidates without the credentials that some of them name.
    fn candidates(&self) -> Vec<LocalCandidate> {
        let mut told = self.told.clone();
        for one in &mut told {
            if let Some(at) = one.candidate.find(" ufrag ") {
                one.candidate.truncate(at);
            }
        }
        told
    }
}
