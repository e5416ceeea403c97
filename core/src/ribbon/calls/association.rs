//! One media association of a call, as it is negotiated: the engine and its peer, our candidates, and both
//! descriptions.
//!
//! ```text
//! Ready (an offer is taken, no sockets yet) ──answer──> Open
//!               an offer of ours ─────────────────────> Open ──fresh one beside it──> Open + spare
//!                                                         ^      settled: the spare is closed      │
//!                                                         └──────rolled back: the spare is back────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::tracks::Lane;
use crate::machine::{MediaId, NetError, Track, UdpId, Wake};
use crate::media::{
    Agreement, Digit, Engine, EngineConfig, EngineEvent, MediaKind, MediaState, MediaStats,
    PeerNews, Peers, TrackInfo, Wish,
};
use crate::ribbon::collect::{Collected, Collection, GatheringState, IceTimeouts};
use crate::ribbon::constants::{HoldState, OperationKind};
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;
use crate::ribbon::pipeline::{
    Arrival, Bandwidth, Origin, Pipeline, RemoteChange, RemoteUpdate, SdpKind, compare, is_flowing,
};
use crate::sdp::candidate::Candidate;
use crate::sdp::{Description, Direction};

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
    origin: Origin,
    pipeline: Pipeline,
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
            origin: Origin::new(desk.rng),
            pipeline: Pipeline {
                handlers: desk.handlers.clone(),
                remove_bundling: desk.out.config.call.remove_bundling,
                ..Pipeline::default()
            },
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
        desk: &mut Desk<'_>,
    ) -> Result<Self, Error> {
        let direction = Direction::SendRecv;
        let wishes: Vec<_> = kinds.iter().map(|kind| Wish { kind: *kind, direction }).collect();
        let offering = Self::offering_as(call, 0, media, &wishes, desk)?;
        Ok(Self { sends: first(kinds.iter().copied()), ..offering })
    }

    fn offering_as(
        call: &CallId,
        number: u32,
        media: Option<MediaId>,
        wishes: &[Wish],
        desk: &mut Desk<'_>,
    ) -> Result<Self, Error> {
        let mut engine = Self::engine_of(call, number, desk);
        let offer = engine.create_offer(desk.out.now(), wishes).map_err(init_failed)?;
        let mut association = Self::new(Stage::Ready(engine), number, desk);
        association.pending = Some(offer);
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
                let peer = desk.peers.open(engine, media, FIGURES, desk.out.media());
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
    pub(super) fn is_open(&self) -> bool {
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

    // Descriptions.

    /// A description of the far side's, for the engine.
    fn read(
        &self,
        sdp: &str,
        kind: SdpKind,
        call: &CallId,
        arrival: Arrival,
    ) -> Result<String, Error> {
        self.pipeline.incoming(call, kind, sdp, Arrival { caller: self.caller, ..arrival })
    }

    /// Our description with all candidates, as it is sent.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: a handler of the application's made something of it that is none.
    pub(super) fn description(&mut self, kind: SdpKind, call: &CallId) -> Result<String, Error> {
        self.collection = None;
        let text = self.pending.take().ok_or_else(|| {
            Error::new(CallCode::InitMediaFailed, "there is no description to send")
        })?;
        self.pipeline.outgoing(call, kind, &text, &self.candidates, &mut self.origin)
    }

    /// Opens its sockets and makes the answer to the offer that it began with.
    pub(super) fn answer(
        &mut self,
        media: Option<MediaId>,
        kinds: &[MediaKind],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.open(media, desk);
        self.sends = first(kinds.iter().copied());
        self.pending = Some(self.make_answer(HoldState::Connected, desk)?);
        Ok(())
    }

    /// The answer to the offer that the engine was given last.
    fn make_answer(&mut self, held: HoldState, desk: &mut Desk<'_>) -> Result<String, Error> {
        let sends = self.sends.clone();
        let answer = self.with(desk, |engine, now| {
            for TrackInfo { track, .. } in engine.tracks() {
                engine.set_direction(track, direction(&sends, track, held));
            }
            engine.create_answer(now)
        });
        engine_said(answer)?.map_err(invalid_offer)
    }

    /// Offers what there is, held or not.
    pub(super) fn offer_held(&mut self, held: HoldState, desk: &mut Desk<'_>) -> Result<(), Error> {
        self.remember(false, desk);
        self.offer(held, &[], desk)
    }

    fn remember(&mut self, more: bool, desk: &Desk<'_>) {
        let tracks = self.tracks(desk.peers);
        let directions = tracks.iter().map(|info| (info.track, info.direction)).collect();
        self.before = Some(Before { directions, sends: self.sends.clone(), more });
    }

    /// Offers what there is, and these wishes.
    fn offer(
        &mut self,
        held: HoldState,
        wishes: &[Wish],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let sends = self.sends.clone();
        let offer = self.with(desk, |engine, now| {
            for TrackInfo { track, .. } in engine.tracks() {
                engine.set_direction(track, direction(&sends, track, held));
            }
            engine.create_offer(now, wishes)
        });
        self.pending = Some(engine_said(offer)?.map_err(init_failed)?);
        Ok(())
    }

    /// Offers more of our own: of tracks that are there and idle first (w4.9).
    pub(super) fn offer_more(
        &mut self,
        kinds: &[MediaKind],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.remember(true, desk);
        let tracks = self.tracks(desk.peers);
        let mut wishes = Vec::new();
        for kind in kinds.iter().copied() {
            let idle =
                |info: &&TrackInfo| info.track.kind == kind && !self.sends.contains(&info.track);
            match tracks.iter().find(idle).map(|info| info.track) {
                Some(track) => drop(self.sends.insert(track)),
                None => wishes.push(Wish { kind, direction: Direction::SendRecv }),
            }
        }
        self.offer(HoldState::Connected, &wishes, desk)
    }

    /// Offers less of our own.
    pub(super) fn offer_less(
        &mut self,
        tracks: &[Track],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.remember(false, desk);
        self.sends.retain(|track| !tracks.contains(track));
        self.offer(HoldState::Connected, &[], desk)
    }

    /// The tracks of ours that the last offer of more has brought.
    pub(super) fn take_more(&mut self) -> Vec<Track> {
        std::mem::take(&mut self.more)
    }

    /// Takes into use what an offer of more brings.
    fn settle_more(&mut self, peers: &Peers) {
        let Some(before) = self.before.as_ref().filter(|before| before.more) else { return };
        let old = |track: &Track| before.directions.iter().any(|(known, _)| known == track);
        let tracks = self.tracks(peers);
        let new =
            tracks.iter().filter(|info| !old(&info.track) || self.sends.contains(&info.track));
        let new = new.filter(|info| info.direction.sends() && !before.sends.contains(&info.track));
        self.more = new.map(|info| info.track).collect();
        self.sends = before.sends.iter().chain(&self.more).copied().collect();
    }

    /// Limits what the far side is to send, from the next description on (RT-010).
    pub(super) fn limit(&mut self, bandwidth: Bandwidth) {
        self.pipeline.bandwidth = bandwidth;
    }

    /// Offers what there is with other ICE credentials (RFC 8445 section 9).
    pub(super) fn restart(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        self.before = None;
        let offer = self.with(desk, |engine, now| engine.restart_ice(now));
        self.pending = Some(engine_said(offer)?.map_err(init_failed)?);
        Ok(())
    }

    /// Offers what there is: by a fresh association beside this one, or by this one.
    pub(super) fn offer_again(
        &mut self,
        fresh: bool,
        held: HoldState,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        if !fresh {
            return self.offer_held(held, desk);
        }
        let number = self.number + 1;
        let tracks = self.tracks(desk.peers);
        let mut wishes = tracks.iter().map(|info| {
            let direction = direction(&self.sends, info.track, held);
            Wish { kind: info.track.kind, direction }
        });
        // Sound there is always.
        let sound = wishes.next().unwrap_or(Wish::AUDIO);
        let wishes: Vec<_> = std::iter::once(sound).chain(wishes).collect();
        let mut next = Self::offering_as(call, number, self.media(), &wishes, desk)?;
        next.sends = renumbered(&self.sends, tracks.iter().map(|info| info.track));
        self.step_aside(next, desk);
        Ok(())
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

    /// Takes an offer of ours back: everything is as before. The state of media, where the association before
    /// is back.
    ///
    /// # Errors
    ///
    /// It cannot be: the call cannot go on.
    pub(super) fn rollback(&mut self, desk: &mut Desk<'_>) -> Result<Option<MediaState>, Error> {
        self.pending = None;
        self.collection = None;
        if let Some(spare) = self.spare.take() {
            let failed = std::mem::replace(self, *spare);
            failed.close(desk);
            if let Some(udp) = self.udp()
                && let Some(peer) = desk.peers.get_mut(udp)
            {
                peer.reinstate();
            }
            return Ok(Some(self.state(desk.peers)));
        }
        let before = self.before.take();
        let back = self.with(desk, |engine, now| {
            let back = engine.rollback(now);
            for (track, direction) in before.iter().flat_map(|before| &before.directions) {
                engine.set_direction(*track, *direction);
            }
            back
        });
        if let Some(before) = before {
            self.sends = before.sends;
        }
        // Nothing was offered where that failed first.
        match back {
            Some(Err(crate::media::MediaError::State(_))) | Some(Ok(())) => Ok(None),
            back => engine_said(back)?.map_err(init_failed).map(|()| None),
        }
    }

    /// Takes the answer to an offer of ours.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidOffer`]: the engine makes nothing of it.
    pub(super) fn take_answer(
        &mut self,
        sdp: &str,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let text = self.read(sdp, SdpKind::Answer, call, Arrival::default())?;
        let provisional = std::mem::take(&mut self.provisional);
        let taken = self.with(desk, |engine, now| {
            if provisional {
                // What was taken as an answer stands; the final one may change it, in another round that
                // nobody hears of.
                engine.create_offer(now, &[])?;
            }
            engine.accept_answer(now, &text)
        });
        if let Some(Err(_)) = taken
            && provisional
        {
            // That which was taken before stands still.
            self.provisional = true;
            self.with(desk, |engine, now| engine.rollback(now));
        }
        engine_said(taken)?.map_err(invalid_offer)?;
        self.theirs = Some(sdp.into());
        self.settle_more(desk.peers);
        self.stand(desk);
        Ok(())
    }

    /// Takes a provisional answer: sound before anybody answers.
    pub(super) fn take_provisional(
        &mut self,
        sdp: &str,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.take_answer(sdp, call, desk)?;
        self.provisional = true;
        Ok(())
    }

    /// The change that an offer of the far side's brings.
    pub(super) fn classify(&self, sdp: &str, held: HoldState) -> RemoteUpdate {
        let before = self.theirs.as_deref().map(Description::read);
        match (before, Description::read(sdp)) {
            (Some(Ok(before)), Ok(now)) => compare(&before, &now, held),
            _ => compare(&Description::default(), &Description::default(), held),
        }
    }

    /// Takes note of the change that an answer brings to an offer that the far side wished for. Where we hold,
    /// it says nothing of who holds besides.
    pub(super) fn note_change(&mut self, sdp: &str, held: HoldState) {
        self.last_change = match held.local() {
            true => RemoteChange::Generic,
            false => self.classify(sdp, held).change,
        };
    }

    pub(super) fn last_change(&self) -> RemoteChange {
        self.last_change
    }

    /// True if the far side's description lets media flow.
    pub(super) fn flows(&self) -> bool {
        let theirs = self.theirs.as_deref().map(Description::read);
        theirs.is_none_or(|theirs| theirs.is_ok_and(|theirs| is_flowing(&theirs)))
    }

    /// Takes an offer of the far side's, and makes our answer to it: by a fresh association where another end
    /// speaks. It stands once that answer [arrived](Self::arrived).
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidOffer`]: the engine makes nothing of it; everything is as before.
    pub(super) fn take_offer(
        &mut self,
        sdp: &str,
        update: &RemoteUpdate,
        held: HoldState,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let moved = update.new_peer;
        let arrival = Arrival { held: held.local(), rebuilt: moved, ..Arrival::default() };
        if moved {
            let mut next = Self::answering_as(sdp, call, self.number + 1, arrival, desk)?;
            next.open(self.media(), desk);
            next.sends = first(self.sends.iter().map(|track| track.kind));
            match next.make_answer(held, desk) {
                Ok(answer) => next.pending = Some(answer),
                Err(error) => {
                    next.close(desk);
                    return Err(error);
                }
            }
            self.step_aside(next, desk);
            self.theirs = Some(sdp.into());
        } else {
            let text = self.read(sdp, SdpKind::Offer, call, arrival)?;
            let taken = self.with(desk, |engine, now| engine.accept_offer(now, &text));
            engine_said(taken)?.map_err(invalid_offer)?;
            self.pending = Some(self.make_answer(held, desk)?);
            self.undone = self.theirs.replace(sdp.into());
        }
        self.last_change = update.change;
        Ok(())
    }

    /// Our answer to an offer of the far side's has arrived.
    pub(super) fn arrived(&mut self, desk: &mut Desk<'_>) {
        self.undone = None;
        self.stand(desk);
    }

    /// Our answer to an offer of the far side's has not arrived: what it said before is in force again. The
    /// state of media, where the association before is back.
    pub(super) fn lost(
        &mut self,
        held: HoldState,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Option<MediaState> {
        if self.spare.is_some() {
            return self.rollback(desk).ok().flatten();
        }
        self.pending = None;
        self.collection = None;
        let before = self.undone.take()?;
        let arrival = Arrival { held: held.local(), ..Arrival::default() };
        let text = self.read(&before, SdpKind::Offer, call, arrival);
        let back = text.and_then(|text| {
            let taken = self.with(desk, |engine, now| engine.accept_offer(now, &text));
            engine_said(taken)?.map_err(init_failed)?;
            // It is what the far side has of us anyway.
            self.make_answer(held, desk)
        });
        if let Err(error) = back {
            desk.out.malformed(&format!("the description before: {error}"));
        }
        self.theirs = Some(before);
        None
    }

    /// True if our end waits for the far side's handshake (RFC 8842).
    pub(super) fn is_passive(&self) -> bool {
        let Some(Ok(theirs)) = self.theirs.as_deref().map(Description::read) else { return false };
        let active = |value: Option<&str>| value.is_some_and(|role| role.trim() == "active");
        active(theirs.value("setup"))
            || theirs.sections.iter().any(|section| active(section.value("setup")))
    }

    // Candidates. They are the same after ICE began anew, as the addresses are.

    /// Collects candidates for the description that waits.
    pub(super) fn collect(&mut self, operation: OperationKind, call: &CallId, desk: &Desk<'_>) {
        let text = self.pending.clone().unwrap_or_default();
        let mut collection = Collection::new(call.clone(), operation, text, desk.out.now());
        for Collected { mid, candidate, .. } in &self.candidates {
            collection.candidate(mid.as_deref(), &candidate.to_line());
        }
        collection.gathering(self.gathering);
        self.collection = Some(collection);
    }

    /// Looks whether there are enough.
    pub(super) fn gathered(&mut self, desk: &Desk<'_>) -> Gathered {
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

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.collection.as_ref().and_then(Collection::next_wake)
    }

    // Media.

    /// The next thing that its media has to tell.
    pub(super) fn poll(&self, desk: &mut Desk<'_>) -> Option<(UdpId, PeerNews)> {
        let spare = self.spare.as_ref().and_then(|spare| spare.udp());
        for udp in self.udp().into_iter().chain(spare) {
            if let Some(news) = desk.peers.get_mut(udp)?.poll(desk.out.media()) {
                return Some((udp, news));
            }
        }
        None
    }

    /// Takes what its media tells.
    pub(super) fn take_news(&mut self, udp: UdpId, news: PeerNews, desk: &mut Desk<'_>) -> News {
        if self.udp() != Some(udp) {
            // That of one that stands aside matters to nobody, and it need not come back.
            if let PeerNews::Restless = news
                && let Some(spare) = self.spare.take()
            {
                spare.close(desk);
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
            | EngineEvent::ChannelOpened { .. }
            | EngineEvent::ChannelMessage { .. }
            | EngineEvent::ChannelClosed(_)
            | EngineEvent::ComfortNoise { .. } => News::None,
        }
    }

    pub(super) fn send_keys(
        &mut self,
        keys: &[Digit],
        duration: Duration,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let sent = self.with(desk, |engine, now| engine.send_dtmf(now, keys, duration));
        engine_said(sent)?.map_err(|error| {
            Error::new(CallCode::InvalidState, "keys cannot be sent now").caused_by(error)
        })
    }

    /// Sends a track or not, or hands it on or not.
    pub(super) fn set_muted(&mut self, lane: Lane, muted: bool, desk: &mut Desk<'_>) {
        if lane.local {
            self.with(desk, |engine, _| engine.set_muted(lane.track, muted));
        } else if let Some(peer) = self.udp().and_then(|udp| desk.peers.get_mut(udp)) {
            peer.set_deaf(lane.track, muted);
        }
    }

    pub(super) fn media_wake(&self, peers: &Peers) -> Option<Wake> {
        let spare = self.spare.as_ref().and_then(|spare| spare.udp());
        let all = self.udp().into_iter().chain(spare);
        all.filter_map(|udp| peers.get(udp)?.next_wake())
            .fold(None, |earliest, wake| Wake::earliest(earliest, Some(wake)))
    }

    /// Lets time pass for its media. The figures, if they are due.
    pub(super) fn handle_timeout(&mut self, desk: &mut Desk<'_>) -> Option<MediaStats> {
        let now = desk.out.now();
        let spare = self.spare.as_ref().and_then(|spare| spare.udp());
        if let Some(peer) = spare.and_then(|udp| desk.peers.get_mut(udp)) {
            peer.handle_timeout(now);
        }
        let udp = self.udp()?;
        desk.peers.get_mut(udp)?.handle_timeout(now)
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
                while !matches!(peer.poll(desk.out.media()), None | Some(PeerNews::Restless)) {}
            }
            desk.out.due.stir();
            desk.peers.close(udp, desk.out.media());
        }
    }
}

/// The direction that we want of a track.
fn direction(sends: &BTreeSet<Track>, track: Track, held: HoldState) -> Direction {
    match (held.local(), sends.contains(&track)) {
        (true, _) => Direction::Inactive,
        (false, true) => Direction::SendRecv,
        (false, false) => Direction::RecvOnly,
    }
}

/// The first tracks of these kinds, as engines number them.
fn first(kinds: impl Iterator<Item = MediaKind>) -> BTreeSet<Track> {
    let mut next = BTreeMap::new();
    let tracks = kinds.map(|kind| {
        let number = next.entry(kind).or_insert(0_u8);
        let track = Track { kind, number: *number };
        *number = number.saturating_add(1);
        track
    });
    tracks.collect()
}

/// Those of these tracks that are sent, as another engine numbers them that is offered all of them in this order.
fn renumbered(sends: &BTreeSet<Track>, tracks: impl Iterator<Item = Track>) -> BTreeSet<Track> {
    let mut next = BTreeMap::new();
    let renumbered = tracks.filter_map(|track| {
        let number = next.entry(track.kind).or_insert(0_u8);
        let renumbered = Track { kind: track.kind, number: *number };
        *number = number.saturating_add(1);
        sends.contains(&track).then_some(renumbered)
    });
    renumbered.collect()
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
