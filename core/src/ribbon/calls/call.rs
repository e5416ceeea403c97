//! One call: its record, its operations, its media, and what it waits for.
//!
//! ```text
//! out: Initiating ──taken──> Initiated ──ringing──> Ringing ──sound──> EarlyMedia      each may be skipped
//!         any of these ──answered──> Connected <──last hold released── OnHold <──another hold──┐
//!                                        └───────────first hold──────────^ └──────────────────┘
//! in:  Initiating ──told that it rings──> Ringing, otherwise Initiated ──answered──> Connected
//!                                         either ──withdrawn, taken elsewhere──> Cancelled
//! any but Cancelled, Ended ──> Ended
//! ```

use std::sync::Arc;
use std::time::Instant;

use super::association::Association;
use super::audit::Audit;
use super::decide::Standing;
use super::desk::Desk;
use super::glare::{Again, Change};
use super::hearing::Hearing;
use super::keys::Keys;
use super::operations::Operations;
#[cfg(feature = "audio")]
use super::playback::{Playback, Speech};
use super::told::Told;
use super::tracks::{Difference, Source, Tracks};
use crate::machine::{CodePoint, CommandId, MediaId, Wake};
use crate::ribbon::constants::{
    CallState, HoldState, MediaConnectionState, OperationKind, Transition,
};
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::event::Event;
use crate::ribbon::history::CallDirection;
use crate::ribbon::ids::{OperationId, SessionData};
use crate::ribbon::info::{CallInfo, EndReason};
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::pipeline::SdpHandler;

/// The purpose of a collection of candidates: the request that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Our call is placed.
    Make,
    /// Two calls are joined to this one.
    Join { first: SessionData, second: SessionData },
    /// The call is answered; with an offer of ours where there was none.
    Answer { slow: bool },
    /// Something else is offered.
    Offer,
    /// The far side's offer is answered, or its wish for an offer granted.
    Respond { slow: bool },
}

/// The word of the far side on an offer of ours.
#[derive(Clone)]
pub(super) enum Word {
    /// A description.
    Answer(String),
    /// A refusal.
    Refusal(Error),
}

/// The thing that a call's negotiation waits for; one at a time.
///
/// ```text
/// Idle ──offer, answer──> Collecting ──enough──> Sent ──reply and word──> Idle
///                             └──nothing found, call over───────────────> Idle
/// ```
#[derive(Clone, Debug, Default)]
pub(super) enum Step {
    /// Nothing.
    #[default]
    Idle,
    /// Candidates of ours.
    Collecting { op: OperationId, purpose: Purpose },
    /// The gateway's reply to a request with a description, and the far side's word on it, in any order.
    Sent {
        op: OperationId,
        purpose: Purpose,
        /// True once the gateway has taken the request.
        replied: bool,
        /// The word that came before the reply, and the time until which the reply is waited for.
        word: Option<(Word, Instant)>,
        /// The time at which the word is given up; none where it is waited for as long as the gateway
        /// lets the call ring.
        until: Option<Instant>,
    },
}

impl Step {
    /// True while an offer of ours waits for its answer.
    pub(super) fn is_offering(&self) -> bool {
        match self {
            Self::Idle | Self::Collecting { .. } => false,
            Self::Sent { purpose, word, .. } => word.is_none() && purpose.is_offer(),
        }
    }
}

impl Purpose {
    /// True where a description of ours waits for one of the far side's.
    pub(super) fn is_offer(&self) -> bool {
        match self {
            Self::Make | Self::Join { .. } | Self::Offer => true,
            Self::Answer { slow } | Self::Respond { slow } => *slow,
        }
    }
}

/// A transfer or a join that a call is part of.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) op: OperationId,
    pub(super) kind: OperationKind,
    /// The time at which it is given up.
    pub(super) until: Instant,
}

/// A restart of media that waits.
#[derive(Clone, Debug)]
pub(super) struct Restart {
    pub(super) op: OperationId,
    /// The time of its turn; none once it had it, and waits for the notification socket alone.
    pub(super) turn: Option<Instant>,
    /// The time at which it is given up for want of that socket.
    pub(super) until: Instant,
}

/// Media whose path is lost, and looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    /// The time of the next restart.
    pub(super) again: Instant,
    pub(super) tries: u32,
    /// True where the address is gone that media left by: the far side sends to it until it is told.
    pub(super) cut: bool,
    /// True once there is another address of ours: then nobody waits for the far side.
    pub(super) moved: bool,
    /// The restarts in a row that came to nothing, and the time of the last.
    pub(super) refused: Option<(u32, Instant)>,
}

/// See the [module](self).
pub(super) struct Call {
    pub(super) info: CallInfo,
    /// The addresses that a call of ours is placed with.
    pub(super) destination: String,
    pub(super) source: String,
    /// The state that was told last.
    told: CallState,
    pub(super) session: Option<SessionData>,
    pub(super) ops: Operations,
    pub(super) tracks: Tracks,
    pub(super) media: Option<Association>,
    pub(super) step: Step,
    /// An offer of the far side that waits for what is under way, and how long.
    pub(super) waiting: Option<(Box<Told>, Instant)>,
    pub(super) audit: Audit,
    pub(super) moving: Option<Move>,
    /// The offer of an incoming call, until it is answered.
    pub(super) offer: Option<Box<str>>,
    /// The urgency of its packets.
    pub(super) dscp: Option<CodePoint>,
    /// The operation by which it is answered.
    pub(super) answering: Option<OperationId>,
    /// A restart of media that waits for its turn, or for the notification socket.
    pub(super) restart: Option<Restart>,
    /// The sources that an offer of ours brings in.
    pub(super) adding: Vec<Source>,
    /// The time at which media that is disconnected is given up.
    pub(super) media_until: Option<Instant>,
    pub(super) lost: Option<Lost>,
    /// The handlers of descriptions that were set when it began.
    pub(super) handlers: Vec<Arc<dyn SdpHandler>>,
    /// The last change that we asked for, and how often it was tried again.
    pub(super) asked: Option<(Change, u32)>,
    /// A change that lost by glare, and is tried again.
    pub(super) again: Option<Again>,
    /// Keys that are still to be pressed.
    pub(super) keys: Keys,
    /// The last look at what comes of the far side, while something should.
    pub(super) hearing: Option<Box<Hearing>>,
    /// A sound that is played.
    #[cfg(feature = "audio")]
    pub(super) playback: Option<Box<Playback>>,
    #[cfg(feature = "audio")]
    pub(super) speech: Speech,
    /// The time of its next figures.
    pub(super) figures: Option<Instant>,
}

// Descriptions hold the password of ICE.
impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answer(sdp) => write!(f, "Answer({} bytes)", sdp.len()),
            Self::Refusal(error) => f.debug_tuple("Refusal").field(error).finish(),
        }
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("info", &self.info)
            .field("session", &self.session)
            .field("ops", &self.ops)
            .field("tracks", &self.tracks)
            .field("media", &self.media)
            .field("step", &self.step)
            .field("waiting", &self.waiting)
            .field("audit", &self.audit)
            .field("moving", &self.moving)
            .field("offer", &self.offer.as_ref().map(|offer| offer.len()))
            .field("answering", &self.answering)
            .field("restart", &self.restart)
            .field("media_until", &self.media_until)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl Call {
    pub(super) fn new(info: CallInfo) -> Self {
        Self {
            told: info.state,
            info,
            destination: String::new(),
            source: String::new(),
            session: None,
            ops: Operations::default(),
            tracks: Tracks::default(),
            media: None,
            step: Step::Idle,
            waiting: None,
            audit: Audit::default(),
            moving: None,
            offer: None,
            dscp: None,
            answering: None,
            restart: None,
            adding: Vec::new(),
            media_until: None,
            lost: None,
            handlers: Vec::new(),
            asked: None,
            again: None,
            keys: Keys::default(),
            hearing: None,
            #[cfg(feature = "audio")]
            playback: None,
            #[cfg(feature = "audio")]
            speech: Speech::default(),
            figures: None,
        }
    }

    pub(super) fn is_incoming(&self) -> bool {
        self.info.direction == CallDirection::Incoming
    }

    pub(super) fn is_over(&self) -> bool {
        self.info.state.is_final()
    }

    /// True while it is being answered, declined or sent on.
    pub(super) fn is_being_dealt_with(&self) -> bool {
        let sent = [OperationKind::Reject, OperationKind::ForwardCall];
        self.answering.is_some() || sent.into_iter().any(|kind| self.ops.runs(kind))
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            state: self.info.state,
            outgoing: !self.is_incoming(),
            blocked: self.ops.blocked(),
            answering: self.answering.is_some(),
            offering: self.step.is_offering(),
            moving: self.moving.is_some(),
        }
    }

    // Operations.

    pub(super) fn start(
        &mut self,
        kind: OperationKind,
        local: bool,
        command: Option<CommandId>,
        desk: &mut Desk<'_>,
    ) -> OperationId {
        self.ops.start(&self.info.id, kind, local, command, desk.rng, desk.out)
    }

    pub(super) fn update(&mut self, op: &OperationId, desk: &mut Desk<'_>) {
        self.ops.step(&self.info.id, op, Transition::Update, desk.out);
    }

    pub(super) fn resume(&mut self, op: &OperationId, desk: &mut Desk<'_>) {
        self.ops.step(&self.info.id, op, Transition::Resume, desk.out);
    }

    pub(super) fn finish(
        &mut self,
        op: &OperationId,
        result: Result<Outcome, Error>,
        desk: &mut Desk<'_>,
    ) {
        self.ops.finish(&self.info.id, op, result, desk.out);
    }

    /// Ends an operation that failed: the state is as it was, and that is told.
    pub(super) fn fail(&mut self, op: &OperationId, error: Error, desk: &mut Desk<'_>) {
        self.finish(op, Err(error.clone()), desk);
        self.tell(None, Some(error), desk.out);
    }

    // What is told.

    /// The call as an application reads it.
    pub(super) fn record(&self) -> CallInfo {
        CallInfo {
            local_tracks: self.tracks.used(true),
            remote_tracks: self.tracks.used(false),
            operations: self.ops.infos(),
            media: self.media_name(),
            ..self.info.clone()
        }
    }

    /// The same of a call that is known by nothing else any more.
    pub(super) fn into_record(self) -> CallInfo {
        CallInfo {
            local_tracks: self.tracks.used(true),
            remote_tracks: self.tracks.used(false),
            operations: self.ops.infos(),
            media: self.media_name(),
            ..self.info
        }
    }

    /// The name of its media: that which it had, where there is none now.
    pub(super) fn media_name(&self) -> Option<MediaId> {
        self.media.as_ref().and_then(Association::media).or(self.info.media)
    }

    /// Tells the state of the call.
    pub(super) fn tell(
        &mut self,
        transition: Option<EndReason>,
        error: Option<Error>,
        out: &mut Outbox,
    ) {
        let previous = std::mem::replace(&mut self.told, self.info.state);
        let error = error.map(|error| out.fit(error));
        out.event(Event::CallState { call: self.record(), previous, transition, error });
    }

    /// Enters a state. A call that is over enters none.
    pub(super) fn enter(&mut self, state: CallState, out: &Outbox) {
        if self.is_over() {
            return;
        }
        self.info.state = state;
        match state {
            CallState::Connected if self.info.started.is_none() => {
                self.info.started = Some(out.now());
            }
            CallState::Ended | CallState::Cancelled => self.info.ended = Some(out.now()),
            CallState::Initiating
            | CallState::Initiated
            | CallState::Ringing
            | CallState::EarlyMedia
            | CallState::Connected
            | CallState::OnHold => {}
        }
    }

    /// Enters the state that belongs to who holds the call.
    pub(super) fn enter_hold(&mut self, hold: HoldState, out: &Outbox) {
        self.info.hold = hold;
        let held = hold != HoldState::Connected;
        self.enter(if held { CallState::OnHold } else { CallState::Connected }, out);
    }

    /// Tells which tracks came and went.
    pub(super) fn tell_tracks(&self, difference: Difference, out: &mut Outbox) {
        let Difference { added, removed } = difference;
        let call = || self.info.id.clone();
        if !removed.is_empty() {
            out.event(Event::TracksRemoved { call: call(), tracks: removed });
        }
        if let Some(media) = self.media.as_ref().and_then(Association::media)
            && !added.is_empty()
        {
            out.event(Event::TracksAdded { call: call(), media, tracks: added });
        }
    }

    /// The tracks as they are agreed on now.
    pub(super) fn agreed(&mut self, desk: &mut Desk<'_>) -> Difference {
        let tracks = self.media.as_ref().map(|media| media.tracks(desk.peers)).unwrap_or_default();
        self.tracks.agreed(&tracks, desk.rng)
    }

    /// Takes the state of its media.
    pub(super) fn enter_media(&mut self, state: MediaConnectionState, out: &mut Outbox) {
        let previous = std::mem::replace(&mut self.info.media_state, state);
        if previous != state {
            let media = self.media_name();
            out.trace_media(&format!("media {state}"), &self.info.id);
            out.event(Event::MediaConnection {
                call: self.info.id.clone(),
                media,
                state,
                previous,
            });
        }
    }

    // Its end.

    /// Ends the call: closes its media and abandons what is under way. Whoever ends it tells so.
    pub(super) fn close(&mut self, state: CallState, desk: &mut Desk<'_>) -> Difference {
        self.enter(state, desk.out);
        self.step = Step::Idle;
        self.waiting = None;
        self.moving = None;
        self.restart = None;
        self.lost = None;
        self.answering = None;
        self.media_until = None;
        self.offer = None;
        self.keys.clear();
        #[cfg(feature = "audio")]
        drop(self.playback.take());
        self.figures = None;
        self.hearing = None;
        self.audit.stop();
        self.info.media = self.media_name();
        if let Some(media) = self.media.take() {
            media.close(desk);
        }
        self.tracks.clear()
    }

    /// Ends operations as the call is over, without an error of their own; their commands have one.
    pub(super) fn abandon(&mut self, but: Option<&OperationId>, desk: &mut Desk<'_>) {
        self.leave_again(desk);
        for op in self.ops.ids() {
            if Some(&op) != but {
                let over = Error::new(CallCode::InvalidState, "the call is over");
                self.ops.complete(&op, Err(over), desk.out);
                self.finish(&op, Ok(Outcome::Done), desk);
            }
        }
    }

    /// Answers a command that waits for another try: the call is over.
    fn leave_again(&mut self, desk: &mut Desk<'_>) {
        if let Some(Again { command, .. }) = self.again.take() {
            let over = Error::new(CallCode::InvalidState, "the call is over");
            desk.out.complete(command, Err(over));
        }
    }

    /// Sets the times of what goes on by itself as the call is now.
    pub(super) fn arm(&mut self, desk: &mut Desk<'_>) {
        self.arm_figures(desk);
        self.arm_silence(desk);
        #[cfg(feature = "audio")]
        if self.playback.as_ref().is_some_and(|playback| playback.wake.is_none()) {
            self.playback_timeout(desk);
        }
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let step = match &self.step {
            Step::Idle => None,
            Step::Collecting { .. } => self.media.as_ref().and_then(Association::next_wake),
            Step::Sent { word: Some((_, at)), .. } => Some(Wake { at: *at, reason: "late reply" }),
            Step::Sent { until, .. } => until.map(|at| Wake { at, reason: "answer" }),
        };
        let at = |at: Option<Instant>, reason| at.map(|at| Wake { at, reason });
        let moving = at(self.moving.as_ref().map(|moving| moving.until), "transfer");
        let waiting = at(self.waiting.as_ref().map(|(_, until)| *until), "offer that waits");
        let restart = self.restart.as_ref().map(|restart| restart.turn.unwrap_or(restart.until));
        let restart = at(restart, "restart of media");
        let media = at(self.media_until, "media disconnected");
        let lost = at(self.lost.map(|lost| lost.again), "a path that is lost");
        let again = at(self.again.as_ref().map(|again| again.at), "another try");
        let keys = at(self.keys.due(), "keys");
        let figures = at(self.figures, "figures");
        let look = at(self.hearing.as_ref().map(|hearing| hearing.look), "look at what comes");
        #[cfg(feature = "audio")]
        let keys = Wake::earliest(
            keys,
            at(self.playback.as_ref().and_then(|playback| playback.wake), "playback"),
        );
        let audit = self.audit.next_wake();
        [look, step, moving, waiting, restart, media, lost, again, keys, figures, audit]
            .into_iter()
            .fold(None, Wake::earliest)
    }
}
