//! One call, watched on all phones: what was said about it there, what was pressed, and how it was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::Sender;
use std::time::Duration;

use offhook::genesys::{Command, Conversation, ConversationId, Event, HandledBy, SessionId};
use offhook::media::MediaState;
use offhook::report::{Channel, TraceDirection, TraceRecord};

use crate::ladder::State;
use crate::scenario::Invariant;
use crate::world::{PhoneId, Seen};

/// Something for the diagram.
#[derive(Debug)]
pub(super) enum Note {
    Message(TraceRecord),
    Milestone(String, State),
}

/// Watches everything that belongs to one call.
pub(super) struct Watcher {
    id: ConversationId,
    notes: Sender<(Duration, PhoneId, Note)>,
    phones: BTreeMap<PhoneId, Phone>,
}

/// One phone, as far as the call is concerned.
#[derive(Default)]
struct Phone {
    /// The ids that name the call there.
    names: BTreeSet<String>,
    stage: Stage,
    /// The session that carries it.
    session: Option<SessionId>,
    /// Sessions whose media flows: a call may come on one that is up.
    flowing: BTreeSet<SessionId>,
    /// True if signaling was lost.
    lost: bool,
    /// REST requests without an answer, oldest first.
    asked: VecDeque<(Duration, TraceRecord)>,
}

/// The stage of a call on a phone.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    Ringing,
    Taken,
    Up {
        held: bool,
        muted: bool,
    },
}

impl Stage {
    fn of(call: &Conversation) -> Self {
        Self::Up { held: call.held, muted: call.muted }
    }
}

impl Phone {
    /// Requests kept for the answers that say what they were about.
    const MAX_ASKED: usize = 64;

    fn state(&self) -> State {
        let flows = self.session.as_ref().is_some_and(|session| self.flowing.contains(session));
        match self.stage {
            Stage::Idle => State::Idle,
            Stage::Ringing => State::Ringing,
            Stage::Taken => State::Connecting,
            Stage::Up { held: true, .. } => State::Held,
            Stage::Up { .. } if !flows => State::Silent,
            Stage::Up { muted: true, .. } => State::Muted,
            Stage::Up { .. } => State::Talking,
        }
    }

    fn is_named(&mut self, session: &SessionId) {
        self.names.insert(session.as_str().to_owned());
    }

    /// Media flows over a session, or does not.
    fn flows(&mut self, session: &SessionId, flows: bool) {
        if flows {
            self.flowing.insert(session.clone());
        } else {
            self.flowing.remove(session);
        }
    }

    fn is_about(&self, id: &ConversationId, record: &TraceRecord) -> bool {
        let mut names = self.names.iter().map(String::as_str).chain([id.as_str()]);
        names.any(|name| {
            record.about.as_deref() == Some(name)
                || record.summary.contains(name)
                || record.body.contains(name)
        })
    }

    /// The request that an answer belongs to: `200 GET /path` answers the oldest `GET /path?query`.
    fn answered(&mut self, answer: &TraceRecord) -> Option<(Duration, TraceRecord)> {
        let (_, asked) = answer.summary.split_once(' ')?;
        let at = self.asked.iter().position(|(_, request)| {
            request.summary.split('?').next() == asked.split('?').next()
        })?;
        self.asked.remove(at)
    }
}

impl Watcher {
    pub(super) fn new(id: &ConversationId, notes: Sender<(Duration, PhoneId, Note)>) -> Self {
        Self { id: id.clone(), notes, phones: BTreeMap::new() }
    }

    fn note(&self, at: Duration, phone: PhoneId, note: Note) {
        // Whoever does not listen any more needs no diagram.
        let _ = self.notes.send((at, phone, note));
    }

    fn phone(&mut self, phone: PhoneId) -> &mut Phone {
        self.phones.entry(phone).or_default()
    }

    /// Writes a line, with the state that the call is in from here on.
    fn mark(&mut self, at: Duration, phone: PhoneId, text: impl Into<String>) {
        let state = self.phone(phone).state();
        self.note(at, phone, Note::Milestone(text.into(), state));
    }

    /// Changes a call; that is worth a line only where the call sounds different from now on.
    fn change(&mut self, at: Duration, phone: PhoneId, change: impl FnOnce(&mut Phone)) {
        let phone_now = self.phone(phone);
        let before = phone_now.state();
        change(phone_now);
        let text = match phone_now.state() {
            after if after == before => return,
            State::Talking => "heard",
            State::Muted => "muted",
            State::Held => "on hold",
            State::Silent => "silence",
            State::Idle | State::Ringing | State::Connecting => return,
        };
        self.mark(at, phone, text);
    }

    fn trace(&mut self, at: Duration, phone: PhoneId, record: &TraceRecord) {
        let id = self.id.clone();
        let state = self.phone(phone);
        let about = state.is_about(&id, record);
        if record.channel == Channel::Rest {
            match record.direction {
                TraceDirection::Sent if !about => {
                    // Its answer may say what it was about: a dialled call has no id before.
                    if state.asked.len() >= Phone::MAX_ASKED {
                        state.asked.pop_front();
                    }
                    return state.asked.push_back((at, record.clone()));
                }
                TraceDirection::Sent => {}
                TraceDirection::Received => {
                    let request = state.answered(record);
                    if let Some((asked_at, request)) = request.filter(|_| about) {
                        self.note(asked_at, phone, Note::Message(request));
                    }
                }
            }
        }
        if about {
            self.note(at, phone, Note::Message(record.clone()));
        }
    }

    fn told(&mut self, at: Duration, phone: PhoneId, event: &Event) {
        match event {
            Event::Trace(record) => self.trace(at, phone, record),
            Event::PendingSession(pending) if pending.conversation == self.id => {
                let state = self.phone(phone);
                state.is_named(&pending.session);
                if state.stage == Stage::Idle {
                    state.stage = Stage::Ringing;
                }
                self.mark(at, phone, "rings");
            }
            Event::CancelPendingSession { conversation, .. } if *conversation == self.id => {
                let state = self.phone(phone);
                if state.stage == Stage::Ringing {
                    state.stage = Stage::Idle;
                }
                self.mark(at, phone, "stops ringing");
            }
            Event::HandledPendingSession { conversation, by, .. } if *conversation == self.id => {
                // A call that is up already, on a line that stays, is not connecting again.
                let state = self.phone(phone);
                let text = match by {
                    HandledBy::Here => {
                        if matches!(state.stage, Stage::Idle | Stage::Ringing) {
                            state.stage = Stage::Taken;
                        }
                        "taken here"
                    }
                    HandledBy::Elsewhere => {
                        if state.stage == Stage::Ringing {
                            state.stage = Stage::Idle;
                        }
                        "taken elsewhere"
                    }
                };
                self.mark(at, phone, text);
            }
            Event::SessionStarted(session) if session.conversation == self.id => {
                let state = self.phone(phone);
                state.is_named(&session.id);
                state.session = Some(session.id.clone());
                if matches!(state.stage, Stage::Idle | Stage::Ringing) {
                    state.stage = Stage::Taken;
                }
                self.mark(at, phone, "session started");
            }
            Event::SessionReplaced { session, old } => {
                let is_its = session.conversation == self.id;
                let state = self.phone(phone);
                if is_its || state.session.as_ref() == Some(old) {
                    state.is_named(&session.id);
                    state.session = Some(session.id.clone());
                    self.mark(at, phone, "session replaced");
                }
            }
            Event::SessionEnded { session, reason } => {
                self.change(at, phone, |phone| phone.flows(&session.id, false));
                if session.conversation == self.id {
                    self.mark(at, phone, format!("session ended: {reason}"));
                }
            }
            Event::CallConnected { call, session } if call.id == self.id => {
                let state = self.phone(phone);
                state.is_named(session);
                state.session = Some(session.clone());
                state.stage = Stage::of(call);
                self.mark(at, phone, "connected");
            }
            Event::CallEnded { conversation, .. } if *conversation == self.id => {
                self.phone(phone).stage = Stage::Idle;
                self.mark(at, phone, "ended");
            }
            Event::MediaState { session, state, .. } => {
                let flows = *state == MediaState::Connected;
                self.change(at, phone, |phone| phone.flows(session, flows));
            }
            Event::ConversationUpdate(update) => {
                let call = update.current.iter().find(|call| call.id == self.id);
                if let Some(call) = call {
                    let stage = Stage::of(call);
                    self.change(at, phone, |phone| {
                        if matches!(phone.stage, Stage::Up { .. }) {
                            phone.stage = stage;
                        }
                    });
                }
            }
            // Each attempt that fails is told again.
            Event::Disconnected { .. } => {
                let state = self.phone(phone);
                if state.stage != Stage::Idle && !std::mem::replace(&mut state.lost, true) {
                    self.mark(at, phone, "signaling is lost");
                }
            }
            Event::Connected { .. } if std::mem::take(&mut self.phone(phone).lost) => {
                self.mark(at, phone, "signaling is back");
            }
            _ => {}
        }
    }
}

impl Invariant for Watcher {
    fn name(&self) -> &str {
        "a call is watched"
    }

    fn see(&mut self, at: Duration, seen: Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Told { phone, event } => self.told(at, phone, event),
            Seen::Submitted { phone, command, .. } => {
                if let Some(text) = pressed(command, &self.id) {
                    self.mark(at, phone, text);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The words for what somebody does with a call.
fn pressed(command: &Command, id: &ConversationId) -> Option<&'static str> {
    let (conversation, text) = match command {
        Command::AcceptPendingSession { conversation } => (conversation, "answers"),
        Command::RejectPendingSession { conversation } => (conversation, "rejects"),
        Command::EndSession { conversation } => (conversation, "hangs up"),
        Command::SendDtmf { conversation, .. } => (conversation, "presses keys"),
        Command::SetAudioMute { conversation, muted } => {
            (conversation, if *muted { "mutes" } else { "unmutes" })
        }
        Command::SetConversationHeld { conversation, held } => {
            (conversation, if *held { "holds" } else { "resumes" })
        }
        _ => return None,
    };
    (conversation == id).then_some(text)
}
