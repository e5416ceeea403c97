//! One media association of a call, as it is negotiated: the engine and its peer, our candidates, and both
//! descriptions.
//!
//! ```text
//! Ready (an offer is taken, no sockets yet) ──answer──> Open
//!               an offer of ours ─────────────────────> Open ──fresh one beside it──> Open + spare
//!                                                         ^      settled: the spare is closed      │
//!                                                         └──────rolled back: the spare is back────┘
//! ```

mod directions;
mod news;
mod ours;
mod theirs;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use self::directions::first;
use super::desk::Desk;
use crate::machine::{CodePoint, MediaId, NetError, Track, UdpId};
use crate::media::{
    Agreement, Digit, Engine, EngineConfig, IceHelp, MediaKind, MediaState, MediaStats, PathNews,
    PeerNews, Peers, TrackInfo, Wish,
};
use crate::ribbon::collect::{Collected, Collection, GatheringState};
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;
use crate::ribbon::pipeline::{Arrival, Origin, Pipeline, RemoteChange, SdpKind};
use crate::sdp::Direction;

/// The longest that servers are asked for addresses.
const GATHERING: Duration = Duration::from_secs(5);
/// The time after which an engine gives a path up by itself: never, as the application may restart it.
const PATH_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// The interval of figures.
const FIGURES: Duration = Duration::from_secs(5);
/// The most candidates of ours.
const MAX_CANDIDATES: usize = 64;

/// The standing of a collection of candidates.
pub(super) enum Gathered {
    NotYet,
    Enough,
    /// None were found, or the application's own check says so.
    Nothing(Error),
}

/// Something that the call has to know of its media.
pub(super) enum News {
    None,
    State(MediaState),
    Agreed(MediaId, Agreement),
    Digit(Digit, Duration),
    /// There are more candidates, or no more to come.
    Gathering,
    Path(PathNews),
    NoSocket(NetError),
    /// The engine does not end its drain: the call cannot go on.
    Restless,
}

/// An engine, without its sockets or with them.
enum Stage {
    Ready(Box<dyn Engine>),
    Open { udp: UdpId, media: MediaId },
}

/// The tracks before an offer of ours.
struct Before {
    directions: Vec<(Track, Direction)>,
    sends: BTreeSet<Track>,
    /// True for an offer of more.
    more: bool,
}

/// See the [module](self).
pub(super) struct Association {
    stage: Stage,
    /// Associations of the call so far, which each have a seed of their own.
    number: u32,
    /// The servers and their credentials when it began, as a number.
    turns: u32,
    origin: Origin,
    pipeline: Pipeline,
    /// The urgency of its packets.
    dscp: Option<CodePoint>,
    /// True on the side that called.
    pub(super) caller: bool,
    /// Our description, until it is sent.
    pending: Option<String>,
    candidates: Vec<Collected>,
    gathering: GatheringState,
    collection: Option<Collection>,
    /// The far side's description in force, as it came.
    theirs: Option<Box<str>>,
    /// The one before it, until our answer to the one in force has arrived.
    undone: Option<Box<str>>,
    last_change: RemoteChange,
    /// The tracks that we send, unless the call is held; of others we hear only.
    sends: BTreeSet<Track>,
    /// The tracks as they were before an offer of ours that is undecided.
    before: Option<Before>,
    /// The tracks that the last offer of more has brought.
    more: Vec<Track>,
    /// True once a provisional answer was taken.
    provisional: bool,
    /// The association before this one, until it is settled that this one takes its place.
    spare: Option<Box<Self>>,
}

impl std::fmt::Debug for Association {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Association").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Settings of the engine of a call.
fn settings(name: &str, desk: &Desk<'_>) -> EngineConfig {
    let call = &desk.out.config.call;
    let mut config = desk.peers.config(name);
    config.codecs.clone_from(&call.audio_codecs);
    config.dtx = call.dtx;
    config.video.clone_from(&call.video_codecs);
    config.relay_only = call.peer.relay_only;
    config.ice_servers = desk.out.ice_servers();
    config.path_limit = PATH_LIMIT;
    config
}

impl Association {
    fn new(stage: Stage, number: u32, desk: &mut Desk<'_>) -> Self {
        Self {
            stage,
            number,
            turns: desk.out.turns(),
            origin: Origin::new(desk.rng),
            pipeline: Pipeline {
                handlers: desk.handlers.clone(),
                remove_bundling: desk.out.config.call.remove_bundling,
                ..Pipeline::default()
            },
            dscp: None,
            caller: true,
            pending: None,
            candidates: Vec::new(),
            gathering: GatheringState::New,
            collection: None,
            theirs: None,
            undone: None,
            last_change: RemoteChange::Generic,
            sends: BTreeSet::new(),
            before: None,
            more: Vec::new(),
            provisional: false,
            spare: None,
        }
    }

    fn engine_of(call: &CallId, number: u32, desk: &mut Desk<'_>) -> Box<dyn Engine> {
        let config = settings(&format!("{call} {number}"), desk);
        desk.peers.engine(desk.out.now(), config)
    }

    /// One that begins with an offer of ours; by the name that the call's media had before, if it had one.
    ///
    /// # Errors
    ///
    /// [`CallCode::InitMediaFailed`]: the engine makes none.
    pub(super) fn offering(
        call: &CallId,
        media: Option<MediaId>,
        kinds: &[MediaKind],
        dscp: Option<CodePoint>,
        desk: &mut Desk<'_>,
    ) -> Result<Self, Error> {
        let direction = Direction::SendRecv;
        let wishes: Vec<_> = kinds.iter().map(|kind| Wish { kind: *kind, direction }).collect();
        let offering = Self::offering_as(call, 0, media, &wishes, dscp, desk)?;
        Ok(Self { sends: first(kinds.iter().copied()), ..offering })
    }

    fn offering_as(
        call: &CallId,
        number: u32,
        media: Option<MediaId>,
        wishes: &[Wish],
        dscp: Option<CodePoint>,
        desk: &mut Desk<'_>,
    ) -> Result<Self, Error> {
        let mut engine = Self::engine_of(call, number, desk);
        let offer = engine.create_offer(desk.out.now(), wishes).map_err(init_failed)?;
        let mut association = Self::new(Stage::Ready(engine), number, desk);
        association.pending = Some(offer);
        association.dscp = dscp;
        association.open(media, desk);
        Ok(association)
    }

    /// One that begins with an offer of the far side's. Its sockets wait for [`Association::answer`].
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidOffer`]: the engine makes nothing of it.
    pub(super) fn answering(
        offer: &str,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<Self, Error> {
        let association = Self::answering_as(offer, call, 0, Arrival::default(), desk)?;
        Ok(Self { caller: false, ..association })
    }

    fn answering_as(
        offer: &str,
        call: &CallId,
        number: u32,
        arrival: Arrival,
        desk: &mut Desk<'_>,
    ) -> Result<Self, Error> {
        let engine = Self::engine_of(call, number, desk);
        let mut association = Self::new(Stage::Ready(engine), number, desk);
        let text = association.read(offer, SdpKind::Offer, call, arrival)?;
        let now = desk.out.now();
        if let Stage::Ready(engine) = &mut association.stage {
            engine.accept_offer(now, &text).map_err(invalid_offer)?;
        }
        association.theirs = Some(offer.into());
        Ok(association)
    }

    fn open(&mut self, media: Option<MediaId>, desk: &mut Desk<'_>) {
        // Never dropped between: the place is filled again below.
        let nowhere = Stage::Open { udp: UdpId(0), media: MediaId(0) };
        match std::mem::replace(&mut self.stage, nowhere) {
            Stage::Ready(engine) => {
                let help = IceHelp {
                    servers: desk.out.ice_servers(),
                    relay_only: desk.out.config.call.peer.relay_only,
                    limit: GATHERING,
                };
                let (dscp, out) = (self.dscp, desk.out.media());
                let peer = desk.peers.open(engine, media, FIGURES, dscp, &help, out);
                self.stage = Stage::Open { udp: peer.udp(), media: peer.media };
                self.gathering = GatheringState::Gathering;
            }
            open @ Stage::Open { .. } => self.stage = open,
        }
    }

    /// The name of its media, once it has sockets.
    pub(super) fn media(&self) -> Option<MediaId> {
        match &self.stage {
            Stage::Ready(_) => None,
            Stage::Open { media, .. } => Some(*media),
        }
    }

    /// True once it has sockets.
    pub(in crate::ribbon::calls) fn is_open(&self) -> bool {
        self.media().is_some()
    }

    fn udp(&self) -> Option<UdpId> {
        match &self.stage {
            Stage::Ready(_) => None,
            Stage::Open { udp, .. } => Some(*udp),
        }
    }

    /// True if it has these sockets.
    pub(super) fn has(&self, udp: UdpId) -> bool {
        self.udp() == Some(udp) || self.spare.as_ref().is_some_and(|spare| spare.has(udp))
    }

    fn with<T>(
        &mut self,
        desk: &mut Desk<'_>,
        act: impl FnOnce(&mut dyn Engine, Instant) -> T,
    ) -> Option<T> {
        let now = desk.out.now();
        match &mut self.stage {
            Stage::Ready(engine) => Some(act(&mut **engine, now)),
            Stage::Open { udp, .. } => {
                let peer = desk.peers.get_mut(*udp)?;
                desk.out.due.stir();
                Some(act(&mut *peer.engine, now))
            }
        }
    }

    pub(super) fn state(&self, peers: &Peers) -> MediaState {
        match &self.stage {
            Stage::Ready(engine) => engine.state(),
            Stage::Open { udp, .. } => {
                peers.get(*udp).map_or(MediaState::Closed, |peer| peer.state())
            }
        }
    }

    /// The tracks agreed on.
    pub(super) fn tracks(&self, peers: &Peers) -> Vec<TrackInfo> {
        match &self.stage {
            Stage::Ready(engine) => engine.tracks(),
            Stage::Open { udp, .. } => {
                peers.get(*udp).map(|peer| peer.engine.tracks()).unwrap_or_default()
            }
        }
    }

    /// The terms agreed on for its sound.
    #[cfg(feature = "audio")]
    pub(super) fn agreement(&self, peers: &Peers) -> Option<Agreement> {
        match &self.stage {
            Stage::Ready(engine) => engine.agreement(),
            Stage::Open { udp, .. } => peers.get(*udp)?.engine.agreement(),
        }
    }

    /// The tracks of ours that are offered.
    pub(super) fn offered(&self, peers: &Peers) -> Vec<Track> {
        let agreed = self.tracks(peers).into_iter().map(|info| info.track);
        let all: Vec<_> = agreed.collect();
        if all.is_empty() { self.sends.iter().copied().collect() } else { all }
    }

    pub(super) fn stats(&self, peers: &Peers) -> MediaStats {
        match &self.stage {
            Stage::Ready(engine) => engine.stats(),
            Stage::Open { udp, .. } => peers.get(*udp).map(|peer| peer.stats()).unwrap_or_default(),
        }
    }

    /// Lets another association take its place, for as long as it is undecided.
    fn step_aside(&mut self, next: Self, desk: &mut Desk<'_>) {
        let old = std::mem::replace(self, next);
        if let Some(udp) = old.udp()
            && let Some(peer) = desk.peers.get_mut(udp)
        {
            peer.supersede();
        }
        self.theirs.clone_from(&old.theirs);
        self.pipeline = old.pipeline.clone();
        self.caller = old.caller;
        // One at a time: what was undecided before is decided by this.
        self.spare = Some(Box::new(old));
        if let Some(older) = self.spare.as_mut().and_then(|spare| spare.spare.take()) {
            older.close(desk);
        }
    }

    /// It is decided that this one stands.
    fn stand(&mut self, desk: &mut Desk<'_>) {
        self.before = None;
        if let Some(spare) = self.spare.take() {
            spare.close(desk);
        }
    }

    /// Says goodbye and closes its sockets.
    pub(super) fn close(mut self, desk: &mut Desk<'_>) {
        if let Some(spare) = self.spare.take() {
            spare.close(desk);
        }
        let now = desk.out.now();
        if let Some(udp) = self.udp() {
            if let Some(peer) = desk.peers.get_mut(udp) {
                peer.engine.close(now);
                loop {
                    match peer.poll(desk.out.media()) {
                        Some(PeerNews::Order(order)) => drop(desk.out.order(udp, &order)),
                        Some(PeerNews::Restless) | None => break,
                        Some(
                            PeerNews::Engine(_)
                            | PeerNews::NoSocket(_)
                            | PeerNews::Refused(_)
                            | PeerNews::Path(_),
                        ) => {}
                    }
                }
            }
            desk.out.due.stir();
            desk.peers.close(udp, desk.out.media());
        }
    }
}

fn engine_said<T>(said: Option<T>) -> Result<T, Error> {
    said.ok_or_else(|| Error::new(CallCode::InitMediaFailed, "there is no media"))
}

fn init_failed(error: crate::media::MediaError) -> Error {
    Error::new(CallCode::InitMediaFailed, format!("media: {error}")).caused_by(error)
}

fn invalid_offer(error: crate::media::MediaError) -> Error {
    Error::new(CallCode::InvalidOffer, format!("description: {error}")).caused_by(error)
}
