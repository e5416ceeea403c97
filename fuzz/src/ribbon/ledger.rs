//! The promises of a client about commands and calls, kept as books.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use offhook::machine::CommandId;
use offhook::ribbon::{
    CallId, CallState, Event, OperationId, OperationStatus, TrackId, Transition,
};

/// Live calls at a time (design, section 5).
const MAX_CALLS: usize = 64;
/// Operations of a call at a time.
const MAX_OPERATIONS: usize = 32;
/// The longest that any command may take: a subscription that is put off an hour, again and again.
const MAX_WAIT: Duration = Duration::from_secs(5 * 3600);
/// Calls that are over and still known here.
const KEPT: usize = 300;

/// A call as it was told.
#[derive(Debug, Default)]
struct Call {
    state: Option<CallState>,
    operations: BTreeMap<OperationId, OperationStatus>,
    tracks: BTreeSet<TrackId>,
}

impl Call {
    fn state(&self) -> CallState {
        self.state.unwrap_or(CallState::Initiating)
    }

    fn is_over(&self) -> bool {
        self.state().is_final()
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The times at which commands were given, and how long the client had slept by then.
    commands: BTreeMap<CommandId, (Instant, Duration)>,
    /// The time that the client slept.
    slept: Duration,
    calls: BTreeMap<CallId, Call>,
    over: Vec<CallId>,
    /// True where the settings allow attempts without end, and a subscription as long as that.
    endless: bool,
}

/// True if the notes allow this change of a call's state (w4.0.2); each step may be skipped.
fn may_follow(from: CallState, to: CallState) -> bool {
    use CallState::{
        Cancelled, Connected, EarlyMedia, Ended, Initiated, Initiating, OnHold, Ringing,
    };
    match (from, to) {
        (Ended | Cancelled, _) | (_, Initiating) => false,
        (_, Ended) => true,
        (Initiating, Initiated | Ringing | EarlyMedia | Connected | Cancelled) => true,
        (Initiated, Ringing | EarlyMedia | Connected | Cancelled) => true,
        (Ringing, EarlyMedia | Connected | Cancelled) => true,
        (EarlyMedia, Connected | Cancelled) => true,
        (Connected, OnHold) | (OnHold, Connected) => true,
        _ => false,
    }
}

impl Ledger {
    pub(crate) fn new(endless: bool) -> Self {
        Self { endless, ..Self::default() }
    }

    pub(crate) fn asked(&mut self, command: CommandId, now: Instant) {
        let asked = (now, self.slept);
        assert!(self.commands.insert(command, asked).is_none(), "{command:?} is given twice");
    }

    pub(crate) fn completed(&mut self, command: CommandId, now: Instant) {
        let asked = self.commands.remove(&command);
        let asked = asked.unwrap_or_else(|| panic!("{command:?} is answered, and nobody asked"));
        let (asked, slept) = asked;
        let waited = now - asked - (self.slept - slept);
        assert!(self.endless || waited <= MAX_WAIT, "an answer after {waited:?}");
    }

    /// Time passed in which nobody could answer.
    pub(crate) fn slept(&mut self, time: Duration) {
        self.slept += time;
    }

    /// True if no command waits.
    pub(crate) fn is_answered(&self) -> bool {
        self.commands.is_empty()
    }

    /// The calls that are not over.
    pub(crate) fn live(&self) -> Vec<CallId> {
        self.calls.iter().filter(|(_, call)| !call.is_over()).map(|(id, _)| id.clone()).collect()
    }

    /// The n-th call that is not over, or the one that was over last.
    pub(crate) fn nth(&self, n: u8) -> Option<CallId> {
        let live = self.live();
        let any = live.get(usize::from(n) % live.len().max(1)).or_else(|| self.over.last());
        any.cloned()
    }

    pub(crate) fn state(&self, call: &CallId) -> CallState {
        self.calls.get(call).map_or(CallState::Ended, Call::state)
    }

    /// Takes what is told of calls.
    pub(crate) fn told(&mut self, event: &Event) {
        match event {
            Event::Operation { call, id, transition, previous, kind, .. } => {
                self.operated(call, id, *transition, *previous, &format!("{kind}"));
            }
            Event::CallStarted { call, .. } | Event::CallReceived { call, .. } => {
                self.known(call).state.get_or_insert(CallState::Initiating);
            }
            Event::CallJoined { call, .. } => {
                self.known(call);
            }
            Event::CallState { call: info, previous, error, .. } => {
                let call = self.known(&info.id);
                let before = call.state();
                assert!(!call.is_over(), "{:?} after {before}", info.state);
                assert_eq!(*previous, before, "the state before {}", info.state);
                let (same, to) = (before == info.state, info.state);
                assert!(
                    may_follow(before, to) || (same && (error.is_some() || to.is_up())),
                    "from {before} to {to}, {error:?}"
                );
                call.state = Some(to);
                if to.is_final() {
                    assert!(call.tracks.is_empty(), "it is over, and has {:?}", call.tracks);
                    self.over.push(info.id.clone());
                }
                self.forget();
            }
            Event::TracksAdded { call: id, tracks, .. } => {
                let call = self.known(id);
                assert!(
                    !tracks.is_empty() && !call.is_over(),
                    "no tracks, or of a call that is over"
                );
                for track in tracks {
                    assert!(call.tracks.insert(track.clone()), "a track is added twice");
                }
            }
            Event::TracksRemoved { call: id, tracks } => {
                let call = self.known(id);
                assert!(
                    !tracks.is_empty() && !call.is_over(),
                    "no tracks, or of a call that is over"
                );
                for track in tracks {
                    assert!(call.tracks.remove(track), "a track is removed that was not there");
                }
            }
            Event::CustomParameters { call, .. }
            | Event::MediaConnection { call, .. }
            | Event::MediaAgreed { call, .. }
            | Event::MediaPath { call, .. }
            | Event::MediaRestarted { call }
            | Event::Dtmf { call, .. } => {
                assert!(!self.known(call).is_over(), "told of a call that is over: {event:?}");
            }
            _ => {}
        }
        let live = self.calls.values().filter(|call| !call.is_over()).count();
        assert!(live <= MAX_CALLS, "{live} calls");
    }

    fn known(&mut self, call: &CallId) -> &mut Call {
        self.calls.entry(call.clone()).or_default()
    }

    fn operated(
        &mut self,
        call: &CallId,
        id: &OperationId,
        transition: Transition,
        previous: Option<OperationStatus>,
        kind: &str,
    ) {
        use OperationStatus::{Ongoing, Pending, Resolving};
        let call = self.known(call);
        let before = call.operations.get(id).copied();
        assert_eq!(before, previous, "{kind} {transition}: the status before");
        let after = match (before, transition) {
            (None, Transition::Start) => Some(Ongoing),
            (Some(Ongoing), Transition::Update) => Some(Pending),
            (Some(Pending), Transition::Resume) => Some(Resolving),
            (Some(_), Transition::Finish) => None,
            _ => panic!("{kind}: {transition} while {before:?}"),
        };
        assert!(!call.is_over() || after.is_none(), "{kind} {transition} of a call that is over");
        match after {
            Some(status) => drop(call.operations.insert(id.clone(), status)),
            None => drop(call.operations.remove(id)),
        }
        assert!(call.operations.len() <= MAX_OPERATIONS, "{} operations", call.operations.len());
    }

    fn forget(&mut self) {
        while self.over.len() > KEPT {
            self.calls.remove(&self.over.remove(0));
        }
    }

    /// Nothing goes on any more.
    pub(crate) fn is_quiet(&self) {
        for (id, call) in &self.calls {
            assert!(call.operations.is_empty(), "{id}: {:?}", call.operations);
            assert!(call.is_over(), "{id} is {}", call.state());
        }
    }
}
