//! The user's calls as a program follows them: the state of each, folded from what a client tells.
//!
//! [`Ledger::told`] is the only place in which a call's state changes, and a function of what was
//! known and what was told. The runtimes make their call objects of it; a loop of your own can use
//! it as it is.

use std::collections::BTreeMap;

use super::call::Conversation;
use super::call_state::CallState;
use super::error::{Error, ErrorKind};
use super::event::{CallReport, Event, HandledBy, PendingSession, Session};
use super::ids::{ConversationId, SessionId};
use crate::media::{Agreement, MediaState};

/// The phase of a call.
///
/// ```text
/// rings ──> Ringing ──answered──> Connecting ──service and media──> Connected
///              │       dialled ────^  │                                │
///              └──────────────────────┴────────────> Ended <───────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallPhase {
    /// Waiting to be answered.
    Ringing,
    /// Answered or dialled, and not connected yet.
    Connecting,
    /// Connected in the service, on a session whose media is or was connected. One that was dialled
    /// is not while the far side is still being called.
    Connected,
    /// Over. Nothing follows, but for its report.
    Ended(EndReason),
}

/// The reason of the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EndReason {
    /// Connected before, and ended by either side.
    #[error("the call was ended")]
    Over,
    /// No longer ringing: the caller gave up, the service took it elsewhere, or it was declined.
    #[error("the call was withdrawn")]
    Withdrawn,
    /// Another client of the user's has it, or declined it.
    #[error("the call was handled by another client")]
    Elsewhere,
    /// Answered or dialled, and never connected.
    #[error("the call did not connect")]
    Failed,
    /// More calls than [`Ledger::MAX_CALLS`]: it may go on, and is not followed any more.
    #[error("too many calls: it is no longer followed")]
    Unfollowed,
    /// The client is gone.
    #[error("the client is closed")]
    ClientClosed,
}

impl From<EndReason> for Error {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::ClientClosed => Self::closed(),
            EndReason::Unfollowed => Self::new(ErrorKind::Limit, reason.to_string()),
            EndReason::Over | EndReason::Withdrawn | EndReason::Elsewhere | EndReason::Failed => {
                Self::new(ErrorKind::Session, reason.to_string())
            }
        }
    }
}

/// A call as last told. A plain value: it does not change under its holder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CallView {
    /// Its phase.
    pub phase: CallPhase,
    /// The proposal by which it rang, if it did.
    pub pending: Option<PendingSession>,
    /// Its state in the service, as last told.
    pub conversation: Option<Conversation>,
    /// The media session that carries it now.
    pub session: Option<Session>,
    /// The last agreement with the far side about that session's audio: codecs, keys, direction.
    pub agreement: Option<Agreement>,
    /// All that there is to say about it, once it is over.
    pub report: Option<Box<CallReport>>,
    /// True if nothing more will be told of it.
    pub settled: bool,
    /// The session on which the service said that it is connected.
    on: Option<SessionId>,
}

impl CallView {
    fn new(phase: CallPhase) -> Self {
        Self {
            phase,
            pending: None,
            conversation: None,
            session: None,
            agreement: None,
            report: None,
            settled: false,
            on: None,
        }
    }

    /// The reason of its end, if it is over.
    #[must_use]
    pub fn ended(&self) -> Option<EndReason> {
        match self.phase {
            CallPhase::Ended(reason) => Some(reason),
            CallPhase::Ringing | CallPhase::Connecting | CallPhase::Connected => None,
        }
    }

    /// True if nobody is called any more.
    fn is_answered(&self) -> bool {
        match self.conversation.as_ref().map(|call| &call.state) {
            None | Some(CallState::Alerting | CallState::Contacting | CallState::Dialing) => false,
            Some(
                CallState::Hold
                | CallState::Connected
                | CallState::Disconnected
                | CallState::Terminated
                | CallState::Other(_),
            ) => true,
        }
    }

    /// Ends it, unless it has ended before.
    fn end(&mut self, reason: EndReason) {
        if self.ended().is_none() {
            self.phase = CallPhase::Ended(reason);
        }
    }

    /// Ends it, as nobody will have it, unless media carries it already.
    fn dismiss(&mut self, reason: EndReason) {
        match self.phase {
            CallPhase::Ringing | CallPhase::Connecting if self.session.is_none() => {
                self.end(reason);
            }
            CallPhase::Ringing
            | CallPhase::Connecting
            | CallPhase::Connected
            | CallPhase::Ended(_) => {}
        }
    }

    fn answered(&mut self) {
        match self.phase {
            CallPhase::Ringing => self.phase = CallPhase::Connecting,
            CallPhase::Connecting | CallPhase::Connected | CallPhase::Ended(_) => {}
        }
    }

    /// Takes over its report, the last word on it.
    fn reported(&mut self, report: &CallReport) {
        self.end(match self.phase {
            CallPhase::Ringing => EndReason::Withdrawn,
            CallPhase::Connecting => EndReason::Failed,
            CallPhase::Connected | CallPhase::Ended(_) => EndReason::Over,
        });
        self.report = Some(Box::new(report.clone()));
        self.settled = true;
    }
}

/// A change of a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CallChange {
    /// Its conversation. There may be another call of the same one later: one that rings again.
    pub conversation: ConversationId,
    /// True if it is a new call; told once of each.
    pub began: bool,
    /// The call as it is now.
    pub view: CallView,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    view: CallView,
}

#[derive(Debug)]
struct Media {
    session: Session,
    /// True if it was connected once.
    connected: bool,
    agreement: Option<Agreement>,
}

/// The user's calls, from their first word to their last.
///
/// A call is one that rings, one that was dialled from here, or one that connects on a session of
/// this client without either. It is remembered until its report; of more than
/// [`Ledger::MAX_CALLS`] the oldest is given up, one that was dialled and never heard of before all
/// others.
///
/// ```
/// use offhook::genesys::{CallPhase, Ledger};
///
/// let mut ledger = Ledger::default();
/// let changes = ledger.dialled(&"c-1".into());
/// assert!(changes[0].began && changes[0].view.phase == CallPhase::Connecting);
/// assert!(ledger.dialled(&"c-1".into()).is_empty(), "each call once");
/// ```
#[derive(Debug, Default)]
pub struct Ledger {
    calls: BTreeMap<ConversationId, Entry>,
    media: BTreeMap<SessionId, Media>,
    numbers: u64,
}

impl Ledger {
    /// The most calls that are followed at once.
    pub const MAX_CALLS: usize = 256;

    /// The most sessions that are remembered; the media of any other counts as connected.
    const MAX_SESSIONS: usize = 512;

    /// The calls that are remembered.
    pub fn calls(&self) -> impl Iterator<Item = (&ConversationId, &CallView)> {
        self.calls.iter().map(|(id, entry)| (id, &entry.view))
    }

    /// The call of a conversation, if it is remembered.
    #[must_use]
    pub fn call(&self, conversation: &ConversationId) -> Option<&CallView> {
        self.calls.get(conversation).map(|entry| &entry.view)
    }

    /// The changes of calls that follow from an event.
    #[must_use]
    pub fn told(&mut self, event: &Event) -> Vec<CallChange> {
        let mut changes = Vec::new();
        let out = &mut changes;
        match event {
            // A room is no call.
            Event::PendingSession(PendingSession { session_type, .. })
            | Event::CancelPendingSession { session_type, .. }
            | Event::HandledPendingSession { session_type, .. }
            | Event::SessionStarted(Session { session_type, .. })
            | Event::SessionReplaced { session: Session { session_type, .. }, .. }
                if session_type.is_room() => {}
            Event::PendingSession(pending) => {
                let id = &pending.conversation;
                self.begin(id, CallPhase::Ringing, out);
                self.change(id, out, |view| view.pending = Some(pending.clone()));
            }
            Event::CancelPendingSession { conversation, .. } => {
                self.change(conversation, out, |view| view.dismiss(EndReason::Withdrawn));
            }
            Event::HandledPendingSession { conversation, by, .. } => {
                self.change(conversation, out, |view| match by {
                    HandledBy::Here => view.answered(),
                    HandledBy::Elsewhere => view.dismiss(EndReason::Elsewhere),
                });
            }
            Event::SessionStarted(session) => self.started(session, out),
            Event::SessionReplaced { session, old } => self.replaced(session, old, out),
            Event::SessionEnded { session, .. } => {
                self.media.remove(&session.id);
                for id in self.carried_by(&session.id) {
                    self.change(&id, out, |view| view.session = None);
                }
            }
            Event::MediaState { session, state: MediaState::Connected, .. } => {
                if let Some(media) = self.media.get_mut(session) {
                    media.connected = true;
                }
                for id in self.carried_by(session) {
                    self.change(&id, out, |_| {});
                }
            }
            Event::MediaAgreed { session, agreement, .. } => {
                if let Some(media) = self.media.get_mut(session) {
                    media.agreement = Some(*agreement);
                }
                for id in self.carried_by(session) {
                    self.change(&id, out, |_| {});
                }
            }
            Event::CallConnected { call, session } => {
                self.begin(&call.id, CallPhase::Connecting, out);
                let carrier = self.media.get(session).map(|media| media.session.clone());
                self.change(&call.id, out, |view| {
                    view.answered();
                    view.conversation = Some(call.clone());
                    view.on = Some(session.clone());
                    view.session = carrier;
                });
            }
            Event::ConversationUpdate(update) => {
                let told = [&update.current, &update.added, &update.removed];
                for call in told.into_iter().flatten() {
                    self.change(&call.id, out, |view| view.conversation = Some(call.clone()));
                }
            }
            Event::CallEnded { conversation, .. } => {
                self.change(conversation, out, |view| view.end(EndReason::Over));
            }
            Event::CallReport(report) => {
                self.change(&report.conversation, out, |view| view.reported(report));
            }
            // Of the client or its connection, which calls outlive.
            Event::Connected { .. }
            | Event::Disconnected { .. }
            | Event::NetworkConnectivityWarning(_)
            | Event::IceServers(_)
            | Event::Ready
            | Event::Station(_)
            | Event::StationDisassociated
            | Event::PersistentConnection(_)
            | Event::UserPresence(_)
            | Event::AlertingLeader(_)
            | Event::HeadsetControls(_)
            | Event::ConcurrentSoftphoneSessionsEnabled(_)
            | Event::Notification { .. }
            | Event::Error(_)
            | Event::Malformed { .. }
            | Event::Trace(_)
            // Of a session that goes on as it was.
            | Event::SessionInterrupted(_)
            | Event::MediaState { .. }
            | Event::MediaPath { .. }
            | Event::NoRelay { .. }
            | Event::Stats { .. }
            | Event::Dtmf { .. }
            | Event::TrackAdded { .. }
            | Event::TrackChanged { .. }
            | Event::TrackRemoved { .. }
            | Event::KeyframeWanted { .. }
            | Event::BitrateLimit { .. }
            | Event::TrackStats { .. }
            | Event::ParticipantsUpdate(_)
            | Event::ActiveVideoParticipants { .. }
            | Event::Speakers { .. }
            | Event::MemberStatus { .. }
            | Event::RoomMessage { .. }
            | Event::PinnedParticipant { .. }
            | Event::ComfortNoise { .. } => {}
        }
        changes
    }

    /// The changes of calls that follow from the answer to a dial.
    #[must_use]
    pub fn dialled(&mut self, conversation: &ConversationId) -> Vec<CallChange> {
        let mut changes = Vec::new();
        self.begin(conversation, CallPhase::Connecting, &mut changes);
        self.change(conversation, &mut changes, CallView::answered);
        changes
    }

    /// Ends all calls, as the client is gone.
    #[must_use]
    pub fn close(&mut self) -> Vec<CallChange> {
        let mut changes = Vec::new();
        for id in self.calls.keys().cloned().collect::<Vec<_>>() {
            self.give_up(&id, EndReason::ClientClosed, &mut changes);
        }
        self.media.clear();
        changes
    }

    fn started(&mut self, session: &Session, out: &mut Vec<CallChange>) {
        self.remember(session, false, None);
        let id = &session.conversation;
        // One without a call only brings a session up (LC-12).
        if self.calls.contains_key(id) {
            self.begin(id, CallPhase::Connecting, out);
            self.change(id, out, |view| {
                view.answered();
                view.session = Some(session.clone());
            });
        }
    }

    fn replaced(&mut self, session: &Session, old: &SessionId, out: &mut Vec<CallChange>) {
        let before = self.media.remove(old);
        let connected = before.as_ref().is_none_or(|media| media.connected);
        let carried = self.carried_by(old);
        // The other one may have been agreed on already.
        let known = self.media.get(&session.id).and_then(|media| media.agreement);
        let agreement = known.or_else(|| before.and_then(|media| media.agreement));
        self.remember(session, connected, agreement);
        for id in carried {
            self.change(&id, out, |view| {
                view.session = Some(session.clone());
                view.on = view.on.take().map(|_| session.id.clone());
            });
        }
    }

    fn remember(&mut self, session: &Session, connected: bool, agreement: Option<Agreement>) {
        if self.media.len() < Self::MAX_SESSIONS {
            let media = Media { session: session.clone(), connected, agreement };
            self.media.insert(session.id.clone(), media);
        }
    }

    fn carried_by(&self, session: &SessionId) -> Vec<ConversationId> {
        let carried = |entry: &Entry| entry.view.session.as_ref().is_some_and(|s| s.id == *session);
        let calls = self.calls.iter().filter(|(_, entry)| carried(entry));
        calls.map(|(id, _)| id.clone()).collect()
    }

    /// Begins a call that is not known, or one that is over and rings again, which is another one.
    fn begin(&mut self, id: &ConversationId, phase: CallPhase, out: &mut Vec<CallChange>) {
        match self.calls.get(id) {
            Some(entry) if entry.view.ended().is_none() => return,
            Some(_) => self.give_up(id, EndReason::Over, out),
            None => {}
        }
        if self.calls.len() >= Self::MAX_CALLS {
            let oldest = self.calls.iter().min_by_key(|(_, Entry { number, view })| {
                let heard_of = view.pending.is_some() || view.conversation.is_some();
                (heard_of || view.session.is_some(), *number)
            });
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                self.give_up(&oldest, EndReason::Unfollowed, out);
            }
        }
        self.numbers += 1;
        let mut view = CallView::new(phase);
        // Its session may have been told before it.
        let carrier = self.media.values().find(|media| media.session.conversation == *id);
        view.agreement = carrier.and_then(|media| media.agreement);
        view.session = carrier.map(|media| media.session.clone());
        out.push(CallChange { conversation: id.clone(), began: true, view: view.clone() });
        self.calls.insert(id.clone(), Entry { number: self.numbers, view });
    }

    fn give_up(&mut self, id: &ConversationId, why: EndReason, out: &mut Vec<CallChange>) {
        self.change(id, out, |view| {
            view.end(why);
            view.settled = true;
        });
    }

    /// Changes a call: the one way in which one changes.
    fn change(
        &mut self,
        id: &ConversationId,
        out: &mut Vec<CallChange>,
        edit: impl FnOnce(&mut CallView),
    ) {
        let Some(Entry { view, .. }) = self.calls.get_mut(id) else { return };
        let before = view.clone();
        edit(view);
        let carrier = view.session.as_ref().and_then(|session| self.media.get(&session.id));
        view.agreement = carrier.and_then(|media| media.agreement);
        if let (CallPhase::Connecting, Some(on)) = (view.phase, &view.on)
            && self.media.get(on).is_none_or(|media| media.connected)
            && view.is_answered()
        {
            view.phase = CallPhase::Connected;
        }
        if *view != before {
            let view = view.clone();
            let settled = view.settled;
            out.push(CallChange { conversation: id.clone(), began: false, view });
            if settled {
                self.calls.remove(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesys::{SessionType, Signaling};
    use crate::machine::MediaId;
    use crate::media::AudioCodec;

    fn session(n: u64) -> Session {
        Session {
            id: format!("s{n}").into(),
            conversation: format!("c{n}").into(),
            media: MediaId(n),
            session_type: SessionType::Softphone,
            peer: "far@gjoll.lab.test/i".to_owned(),
            signaling: Signaling::Jingle,
        }
    }

    #[test]
    fn a_call_has_what_was_agreed_on_about_its_session() {
        let agreed = |n: u64, codec| Event::MediaAgreed {
            session: format!("s{n}").into(),
            conversation: "c1".into(),
            media: MediaId(1),
            agreement: Agreement {
                direction: crate::sdp::Direction::SendRecv,
                codec,
                codecs: [codec].into_iter().collect(),
                keys: true,
                expected_loss: 5,
                dtx: false,
            },
        };
        let mut ledger = Ledger::default();
        let _ = ledger.dialled(&"c1".into());
        let view = |changes: &[CallChange]| {
            changes.last().and_then(|change| change.view.agreement).map(|agreed| agreed.codec)
        };
        assert_eq!(view(&ledger.told(&Event::SessionStarted(session(1)))), None);
        for codec in [AudioCodec::Opus, AudioCodec::Pcma] {
            assert_eq!(view(&ledger.told(&agreed(1, codec))), Some(codec));
        }
        // A session in its place carries it on.
        let session = Session { conversation: "c1".into(), ..session(2) };
        let replaced = Event::SessionReplaced { session: session.clone(), old: "s1".into() };
        assert_eq!(view(&ledger.told(&replaced)), Some(AudioCodec::Pcma));
        assert_eq!(view(&ledger.told(&agreed(2, AudioCodec::Pcmu))), Some(AudioCodec::Pcmu));
        let ended = Event::SessionEnded { session, reason: crate::jingle::Reason::Success };
        assert_eq!(view(&ledger.told(&ended)), None);
    }

    #[test]
    fn sessions_are_bounded_however_they_come() {
        let mut ledger = Ledger::default();
        let many = Ledger::MAX_SESSIONS as u64 + 10;
        for n in 0..many {
            let _ = ledger.told(&Event::SessionStarted(session(n)));
            // Of one that nobody heard of.
            let (session, old) = (session(many + n), format!("unknown{n}").into());
            let _ = ledger.told(&Event::SessionReplaced { session, old });
            assert!(ledger.media.len() <= Ledger::MAX_SESSIONS);
        }
        assert_eq!(ledger.media.len(), Ledger::MAX_SESSIONS);
    }
}
