//! A bot under simulation: it answers every call, says back what it hears, and hangs up after a
//! minute, whatever the network does meanwhile.
//!
//! With the feature `bug` it takes a lost connection for lost calls. No test on a good network
//! notices; `cargo test -p offhook-examples --features bug --test simulated` does within seconds,
//! and `cargo run -p offhook-examples --features bug --bin simulate -- run` prints the commands
//! that replay it and make it small.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::genesys::{Command, ConversationId, Event, SessionType};
use offhook::machine::CommandId;
use offhook_sim::Scenario;
use offhook_sim::scenario::{Customers, FaultKind, Invariant, StationKind};
use offhook_sim::world::{Application, Keys, Moment, PhoneId, Seen};

/// The length of the talk with a caller.
const TALK: Duration = Duration::from_secs(60);
/// Between two attempts to hang up; each takes up to 30 s.
const HANG_UP_AGAIN: Duration = Duration::from_secs(35);
/// Between two attempts to log in.
const LOG_IN_AGAIN: Duration = Duration::from_secs(5);
/// Until a caller must be gone, in the worst of networks.
const PATIENCE: Duration = Duration::from_secs(180);

/// The bot. See the [module](self).
#[derive(Debug, Default)]
pub struct Bot {
    log_in_at: Option<Duration>,
    logging_in: Option<CommandId>,
    /// Calls, and when to hang up.
    calls: BTreeMap<ConversationId, Duration>,
}

impl Bot {
    fn told(&mut self, at: Duration, event: &Event, keys: &mut Keys<'_>) {
        match event {
            Event::PendingSession(call)
                if !call.auto_answer && call.session_type == SessionType::Softphone =>
            {
                let conversation = call.conversation.clone();
                // Refused only when it has stopped ringing.
                let _ = keys.submit(Command::AcceptPendingSession { conversation });
            }
            Event::CallConnected { call, .. } => {
                self.calls.insert(call.id.clone(), at + TALK);
            }
            Event::CallEnded { conversation, .. } => {
                self.calls.remove(conversation);
            }
            Event::Disconnected { reconnecting, .. } => {
                if cfg!(feature = "bug") {
                    // No connection, no calls? Calls go on, and are not told again.
                    self.calls.clear();
                }
                if !reconnecting {
                    self.log_in_at = Some(at + LOG_IN_AGAIN);
                }
            }
            _ => {}
        }
    }

    fn wake(&mut self, at: Duration, keys: &mut Keys<'_>) {
        if self.log_in_at.is_some_and(|due| due <= at) {
            self.log_in_at = None;
            self.logging_in = keys.submit(Command::Connect).ok();
        }
        for (conversation, hang_up) in &mut self.calls {
            if *hang_up <= at {
                *hang_up = at + HANG_UP_AGAIN;
                // What fails is tried again.
                let _ = keys.submit(Command::EndSession { conversation: conversation.clone() });
            }
        }
    }
}

impl Application for Bot {
    fn handle(&mut self, at: Duration, moment: Moment<'_>, keys: &mut Keys<'_>) {
        match moment {
            Moment::Start => self.log_in_at = Some(at),
            Moment::Event(event) => self.told(at, event, keys),
            Moment::Completed { command, result } if self.logging_in == Some(command) => {
                self.logging_in = None;
                if result.is_err() {
                    self.log_in_at = Some(at + LOG_IN_AGAIN);
                }
            }
            Moment::Audio { media, frame } => keys.speak(media, frame.clone()),
            Moment::Wake => self.wake(at, keys),
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Duration> {
        self.calls.values().copied().chain(self.log_in_at).min()
    }
}

/// The bot's promise: nobody is kept on the line.
#[derive(Debug, Default)]
pub struct NobodyIsKept {
    since: BTreeMap<(PhoneId, ConversationId), Duration>,
}

impl Invariant for NobodyIsKept {
    fn name(&self) -> &str {
        "nobody is kept on the line"
    }

    fn see(&mut self, at: Duration, seen: Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Told { phone, event: Event::CallConnected { call, .. } } => {
                self.since.insert((phone, call.id.clone()), at);
            }
            Seen::Told { phone, event: Event::CallEnded { conversation, .. } } => {
                self.since.remove(&(phone, conversation.clone()));
            }
            _ => {}
        }
        match self.since.iter().find(|(_, since)| at > **since + PATIENCE) {
            Some(((phone, call), since)) => {
                let time = (at - *since).as_secs();
                Err(format!("phone {}: {call} goes on after {time} s", phone.0))
            }
            None => Ok(()),
        }
    }
}

/// An hour of the hotline: three bots, callers who would talk for ever, and connections that break.
#[must_use]
pub fn scenario() -> Scenario {
    let s = Duration::from_secs;
    Scenario::calm()
        .named("hotline")
        .agents(3)
        .hours(1.0)
        .stations(vec![StationKind { lines: 100, persistent: false }])
        .customers(Customers { talk: (s(1800), s(3600)), at_once: 2, ..Customers::default() })
        .fault(FaultKind::Reset, s(300))
        .fault(FaultKind::StreamError, s(600))
        .fault(FaultKind::StreamClose, s(600))
        .application(|_| Bot::default())
        .invariant(NobodyIsKept::default)
}
