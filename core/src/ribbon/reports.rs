//! Reports on calls (w5.10): what is told of calls, and the requests about them, as they go by.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::json;

use super::ask::CallAsk;
use super::constants::{
    CallState, MediaConnectionState, Metric, OperationKind, ReportEvent, Transition,
};
use super::error::Error;
use super::event::Event;
use super::history::CallDirection;
use super::ids::{CallId, OperationId};
use super::info::{CallInfo, EndReason};
use super::pipeline::SdpKind;
use super::timeline::{CallReport, EventRef, Timeline};
use crate::machine::WallClock;
use crate::sdp::candidate::Candidate;

/// A call that is over, for the history.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) call: CallInfo,
    /// The times at which it began and was over.
    pub(crate) begun: Instant,
    at: Instant,
    pub(crate) reason: Option<EndReason>,
}

/// An operation in a report.
#[derive(Debug)]
struct Operation {
    id: OperationId,
    kind: OperationKind,
    local: bool,
    at: Option<EventRef>,
}

/// The report on a call that lives.
#[derive(Debug)]
struct Live {
    begun: Instant,
    timeline: Timeline,
    operations: Vec<Operation>,
    requests: Vec<(CallAsk, Option<EventRef>)>,
    /// The collection of candidates under way: as a part of making media ready, by itself, and what it is for.
    collecting: Option<(Option<EventRef>, Option<EventRef>, OperationKind)>,
    /// A call that comes in, until it is set up.
    receiving: Option<EventRef>,
    received: Option<EventRef>,
    /// The time that its answer's request took.
    answering: Duration,
    connected: bool,
}

/// See the [module](self). Those on calls that are over are kept as long as the calls.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    live: BTreeMap<CallId, Box<Live>>,
    over: VecDeque<Timeline>,
    ended: Vec<Ended>,
}

impl Reports {
    /// The report on a call.
    pub(crate) fn get(&self, call: &CallId, clock: WallClock) -> Option<CallReport> {
        let over = || self.over.iter().find(|timeline| timeline.call() == call);
        let live = self.live.get(call).map(|live| &live.timeline);
        live.or_else(over).map(|timeline| timeline.report(clock))
    }

    /// The calls that ended since the last look. So many reports are kept of those that are over.
    pub(crate) fn take_ended(&mut self, kept: usize) -> Vec<Ended> {
        let ended = std::mem::take(&mut self.ended);
        for Ended { call, at, .. } in &ended {
            if let Some(mut live) = self.live.remove(&call.id) {
                live.timeline.finish(*at);
                self.over.push_back(live.timeline);
            }
        }
        while self.over.len() > kept {
            self.over.pop_front();
        }
        ended
    }

    fn of(&mut self, call: &CallId, now: Instant) -> &mut Live {
        self.live.entry(call.clone()).or_insert_with(|| {
            Box::new(Live {
                begun: now,
                timeline: Timeline::new(call.clone(), now),
                operations: Vec::new(),
                requests: Vec::new(),
                collecting: None,
                receiving: None,
                received: None,
                answering: Duration::ZERO,
                connected: false,
            })
        })
    }

    /// Takes note of an event, as it is told.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are not of a call's course")]
    pub(crate) fn follow(&mut self, event: &Event, now: Instant) {
        match event {
            Event::CallStarted { call, .. } => {
                self.of(call, now);
            }
            Event::CallReceived { call, .. } => {
                let live = self.of(call, now);
                live.receiving = live.timeline.begin(ReportEvent::ReceiveCall, None, now);
                live.received = live.receiving;
            }
            Event::Operation { call, id, kind, transition, local, error, .. } => match transition {
                Transition::Start => self.of(call, now).start(id, *kind, *local, now),
                Transition::Update | Transition::Resume => {}
                Transition::Finish => {
                    if let Some(live) = self.live.get_mut(call) {
                        live.finish(id, error.as_ref(), now);
                    }
                }
            },
            Event::TracksAdded { call, .. } => {
                if let Some(live) = self.live.get_mut(call) {
                    let within = live.operations.last().and_then(|operation| operation.at);
                    live.timeline.moment(ReportEvent::AddTracks, within, now);
                }
            }
            Event::MediaConnection { call, state: MediaConnectionState::Connected, .. } => {
                if let Some(live) = self.live.get_mut(call) {
                    live.connect(now);
                }
            }
            Event::CallState { call, transition, .. } => {
                let Some(live) = self.live.get_mut(&call.id) else { return };
                live.enter(call, now);
                // What was under way may yet say how it ended.
                if call.state.is_final() {
                    let (begun, reason) = (live.begun, transition.clone());
                    self.ended.push(Ended { call: call.clone(), begun, at: now, reason });
                }
            }
            _ => {}
        }
    }

    /// A request about a call goes out.
    pub(crate) fn asked(&mut self, call: &CallId, ask: &CallAsk, now: Instant) {
        let Some(live) = self.live.get_mut(call) else { return };
        // Sent on to another address it is the same request.
        if live.requests.iter().any(|(asked, _)| asked == ask) {
            return;
        }
        let (op, name) = match ask {
            CallAsk::Create(op) => (Some(op), "CREATE_SESSION"),
            CallAsk::Ring(op) => (Some(op), "CALL_RINGING_UPDATE_SESSION"),
            CallAsk::Answer(op) => (Some(op), "ANSWER_SESSION"),
            CallAsk::Dispose(op) => {
                let sent_on = live.kind(op) == Some(OperationKind::ForwardCall);
                (Some(op), if sent_on { "FORWARD_SESSION" } else { "REJECT_SESSION" })
            }
            CallAsk::Offer(op) | CallAsk::Respond(op) | CallAsk::Transfer(op) => {
                (Some(op), "UPDATE_SESSION")
            }
            CallAsk::Parameters(op) => (Some(op), "UPDATE_CUSTOM_PARAMETERS_ON_SESSION"),
            CallAsk::Status(op) => (op.as_ref(), "GET_SESSION"),
            CallAsk::Refuse => (None, "UPDATE_SESSION"),
            CallAsk::Audit => {
                live.timeline.begin(ReportEvent::AuditCall, None, now);
                return;
            }
        };
        let within = op.and_then(|op| live.at(op));
        let event = live.timeline.begin(ReportEvent::RestRequest, within, now);
        live.timeline.note(event, "requestType", name);
        if let CallAsk::Create(_) = ask {
            live.timeline.measure_until(Metric::MakeCallLocalSetup, within, None, now);
        }
        if let CallAsk::Answer(_) = ask {
            live.timeline.measure_until(Metric::AnswerCallLocalSetup, within, None, now);
        }
        live.requests.push((ask.clone(), event));
    }

    /// It was answered, or not.
    pub(crate) fn answered(
        &mut self,
        call: &CallId,
        ask: &CallAsk,
        error: Option<&Error>,
        now: Instant,
    ) {
        let Some(live) = self.live.get_mut(call) else { return };
        let Some(at) = live.requests.iter().position(|(asked, _)| asked == ask) else { return };
        let (_, event) = live.requests.remove(at);
        live.requests.shrink_to_fit();
        live.timeline.end(event, error, now);
        if let CallAsk::Create(_) = ask {
            live.timeline.measure(Metric::MakeCallRemoteSetup, event);
        }
        if let CallAsk::Answer(_) = ask {
            live.answering = live.timeline.lasted(event);
        }
    }

    /// Our description for an operation is made, which is an offer or an answer, and the collection of candidates
    /// for it begins.
    pub(crate) fn collecting(
        &mut self,
        call: &CallId,
        op: &OperationId,
        kind: SdpKind,
        now: Instant,
    ) {
        let Some(live) = self.live.get_mut(call) else { return };
        let within = live.at(op);
        let made = match kind {
            SdpKind::Offer => ReportEvent::CreateOffer,
            SdpKind::Answer | SdpKind::Pranswer => ReportEvent::CreateAnswer,
        };
        live.timeline.moment(made, within, now);
        let setup = match live.kind(op) {
            Some(OperationKind::Make) => Some(Metric::MakeCallPreLocalSetup),
            Some(OperationKind::Answer) => Some(Metric::AnswerCallPreLocalSetup),
            _ => None,
        };
        if let Some(metric) = setup {
            live.timeline.measure_until(metric, within, None, now);
        }
        let local = live.timeline.begin(ReportEvent::ProcessMediaLocal, within, now);
        let ice = live.timeline.begin(ReportEvent::IceCollection, local, now);
        let kind = live.kind(op).unwrap_or(OperationKind::GenericRemote);
        live.collecting = Some((local, ice, kind));
    }

    /// A candidate of a relay was found.
    pub(crate) fn relayed(&mut self, call: &CallId, candidate: &Candidate, now: Instant) {
        let Some(live) = self.live.get_mut(call) else { return };
        let Some((_, ice, kind)) = live.collecting else { return };
        let (address, port) = (&candidate.ip, candidate.port);
        let found = live.timeline.moment(ReportEvent::RelayCandidateCollected, ice, now);
        live.timeline.note(found, "candidate", json!({"address": address, "port": port}));
        let duration = live.timeline.since(ice, now);
        let candidates = json!({"duration": duration, "address": address, "port": port});
        let data = json!({"operation": kind.as_str(), "candidates": candidates});
        live.timeline.tell(Metric::TimeToRelayCandidates, data, found);
    }

    /// A description of the far side's was taken, or could not be.
    pub(crate) fn took_theirs(&mut self, call: &CallId, error: Option<&Error>, now: Instant) {
        let Some(live) = self.live.get_mut(call) else { return };
        let within = live.operations.last().and_then(|operation| operation.at);
        let within = within.or(live.receiving);
        let taken = live.timeline.begin(ReportEvent::ProcessMediaRemote, within, now);
        live.timeline.end(taken, error, now);
    }

    /// It is over.
    pub(crate) fn collected(&mut self, call: &CallId, error: Option<&Error>, now: Instant) {
        let Some(live) = self.live.get_mut(call) else { return };
        let Some((local, ice, kind)) = live.collecting.take() else { return };
        live.timeline.end(ice, error, now);
        live.timeline.end(local, error, now);
        if error.is_none() {
            let lasted = live.timeline.lasted(ice).as_millis();
            let ms = u64::try_from(lasted).unwrap_or(u64::MAX);
            let data = json!({"operation": kind.as_str(), "duration": ms});
            live.timeline.tell(Metric::TimeToCollectIceCandidates, data, ice);
        }
    }
}

impl Live {
    fn find(&self, id: &OperationId) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == *id)
    }

    fn at(&self, id: &OperationId) -> Option<EventRef> {
        self.find(id)?.at
    }

    fn kind(&self, id: &OperationId) -> Option<OperationKind> {
        Some(self.find(id)?.kind)
    }

    fn start(&mut self, id: &OperationId, kind: OperationKind, local: bool, now: Instant) {
        // The far side's making of a call is the receiving of it.
        let told =
            if kind == OperationKind::Make && !local { None } else { Some(named(kind, local)) };
        let at = told.and_then(|told| self.timeline.begin(told, None, now));
        if local && needs_media(kind) {
            // It is the application's, and there at once.
            self.timeline.moment(ReportEvent::GetUserMedia, at, now);
        }
        self.operations.push(Operation { id: id.clone(), kind, local, at });
    }

    fn finish(&mut self, id: &OperationId, error: Option<&Error>, now: Instant) {
        let Some(at) = self.operations.iter().position(|operation| operation.id == *id) else {
            return;
        };
        let Operation { kind, local, at, .. } = self.operations.remove(at);
        self.operations.shrink_to_fit();
        self.timeline.end(at, error, now);
        if let Some(metric) = measured(kind, local) {
            self.timeline.measure(metric, at);
        }
        if kind == OperationKind::Answer && error.is_none() {
            self.timeline.measure_until(Metric::TimeFromReceiveToAnswer, self.received, at, now);
        }
    }

    fn enter(&mut self, call: &CallInfo, now: Instant) {
        if let Some(receiving) = self.receiving.take() {
            self.timeline.end(Some(receiving), None, now);
        }
        let make = self.operations.iter().find(|one| one.kind == OperationKind::Make);
        let make = make.and_then(|make| make.at);
        if call.state == CallState::EarlyMedia {
            self.timeline.moment(ReportEvent::EarlyMedia, make, now);
        }
        if call.direction == CallDirection::Outgoing && call.state == CallState::Ringing {
            let rings = self.timeline.moment(ReportEvent::RemoteRinging, make, now);
            self.timeline.measure_from_begin(Metric::TimeToRinging, rings, now);
        }
    }

    fn connect(&mut self, now: Instant) {
        if std::mem::replace(&mut self.connected, true) {
            return;
        }
        if let Some(received) = self.received {
            let until = now.checked_sub(self.answering).unwrap_or(now);
            let metric = Metric::TimeToCallSetupDuration;
            self.timeline.measure_until(metric, Some(received), None, until);
        }
    }
}

/// True for an operation that begins with media of ours.
fn needs_media(kind: OperationKind) -> bool {
    matches!(
        kind,
        OperationKind::Make
            | OperationKind::MakeAnonymous
            | OperationKind::Answer
            | OperationKind::SlowAnswer
            | OperationKind::AddMedia
            | OperationKind::AddBasicMedia
    )
}

/// An operation's name in a report.
fn named(kind: OperationKind, local: bool) -> ReportEvent {
    match (kind, local) {
        (OperationKind::Make | OperationKind::MakeAnonymous, _) => ReportEvent::Make,
        (OperationKind::Answer | OperationKind::SlowAnswer, _) => ReportEvent::Answer,
        (OperationKind::Reject, _) => ReportEvent::Reject,
        (OperationKind::Ignore, _) => ReportEvent::Ignore,
        (OperationKind::End, true) => ReportEvent::EndLocal,
        (OperationKind::End, false) => ReportEvent::EndRemote,
        (OperationKind::SendRingingFeedback, _) => ReportEvent::SendRingingFeedback,
        (OperationKind::ForwardCall, _) => ReportEvent::ForwardCall,
        (OperationKind::Hold, true) => ReportEvent::HoldLocal,
        (OperationKind::Hold, false) => ReportEvent::HoldRemote,
        (OperationKind::Unhold, true) => ReportEvent::UnholdLocal,
        (OperationKind::Unhold, false) => ReportEvent::UnholdRemote,
        (OperationKind::SendCustomParameters, _) => ReportEvent::SendCustomParameters,
        (OperationKind::AddMedia, true) => ReportEvent::AddMediaLocal,
        (OperationKind::AddBasicMedia, true) => ReportEvent::AddBasicMedia,
        (OperationKind::AddMedia | OperationKind::AddBasicMedia, false) => {
            ReportEvent::AddMediaRemote
        }
        (OperationKind::RemoveMedia, true) => ReportEvent::RemoveMedia,
        (OperationKind::RemoveBasicMedia, true) => ReportEvent::RemoveBasicMedia,
        (OperationKind::RemoveMedia | OperationKind::RemoveBasicMedia, false) => {
            ReportEvent::RemoveMediaRemote
        }
        (OperationKind::GetStats, _) => ReportEvent::GetStats,
        (OperationKind::SendDtmf, _) => ReportEvent::SendDtmf,
        (OperationKind::ConsultativeTransfer, _) => ReportEvent::ConsultativeTransfer,
        (OperationKind::DirectTransfer, _) => ReportEvent::DirectTransfer,
        (OperationKind::Join, _) => ReportEvent::Join,
        (OperationKind::ReplaceTrack, _) => ReportEvent::ReplaceTrack,
        (OperationKind::MediaRestart, _) => ReportEvent::MediaRestart,
        (OperationKind::Resync, _) => ReportEvent::Resync,
        (OperationKind::PlayAudio, _) => ReportEvent::PlayAudio,
        (OperationKind::GetAvailableCodecs, _) => ReportEvent::GetAvailableCodecs,
        (OperationKind::StartMoh, _) => ReportEvent::StartMoh,
        (OperationKind::StopMoh, _) => ReportEvent::StopMoh,
        (OperationKind::SlowStart, _) => ReportEvent::SlowStart,
        (OperationKind::GenericRemote, _) => ReportEvent::Unknown,
        (OperationKind::CallCancel, _) => ReportEvent::CallCancel,
    }
}

/// The metric of an operation, where there is one.
fn measured(kind: OperationKind, local: bool) -> Option<Metric> {
    Some(match (kind, local) {
        (OperationKind::Make | OperationKind::MakeAnonymous, true) => Metric::TimeToMake,
        (OperationKind::Answer | OperationKind::SlowAnswer, true) => Metric::TimeToAnswer,
        (OperationKind::Reject, true) => Metric::TimeToReject,
        (OperationKind::Ignore, true) => Metric::TimeToIgnore,
        (OperationKind::ForwardCall, true) => Metric::TimeToForward,
        (OperationKind::Hold, true) => Metric::TimeToHoldLocal,
        (OperationKind::Hold, false) => Metric::TimeToHoldRemote,
        (OperationKind::Unhold, true) => Metric::TimeToUnholdLocal,
        (OperationKind::Unhold, false) => Metric::TimeToUnholdRemote,
        (OperationKind::SendCustomParameters, true) => Metric::TimeToSendCustomParameters,
        (OperationKind::AddMedia | OperationKind::AddBasicMedia, true) => Metric::TimeToAddMedia,
        (OperationKind::AddMedia | OperationKind::AddBasicMedia, false) => {
            Metric::TimeToAddMediaRemote
        }
        (OperationKind::RemoveMedia | OperationKind::RemoveBasicMedia, true) => {
            Metric::TimeToRemoveMedia
        }
        (OperationKind::RemoveMedia | OperationKind::RemoveBasicMedia, false) => {
            Metric::TimeToRemoveMediaRemote
        }
        (OperationKind::MediaRestart, true) => Metric::TimeToRestartMedia,
        (OperationKind::DirectTransfer, true) => Metric::TimeToDirectTransfer,
        (OperationKind::ConsultativeTransfer, true) => Metric::TimeToConsultativeTransfer,
        (OperationKind::Join, true) => Metric::TimeToJoin,
        _ => return None,
    })
}
