//! The notification socket: attempts to open it, and pings while it is open (w2.6).
//!
//! ```text
//! None ──open──> Trying ──opened──> Up ──lost──> Trying (again)
//!                  │ all attempts used up          │
//!                  └────────> None <───────────────┘
//! ```

use std::time::{Duration, Instant};

use super::gaps::Gaps;
use crate::machine::{NetError, NetErrorKind, Wake, WsEvent, WsId};
use crate::ribbon::error::{AuthCode, Error};
use crate::ribbon::event::Event;
use crate::ribbon::info::SocketState;
use crate::ribbon::outbox::Outbox;

/// The text of a ping. No answer is awaited.
const PING: &str = r#"{"message_type":"ping"}"#;
/// The close code of a gateway that is done with a socket (RFC 6455 section 7.4.1).
const NORMAL: u16 = 1000;

/// A change that the subscription has to know of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// It is open: the first time, or again.
    Opened { again: bool },
    /// It was open, and is lost.
    Lost {
        /// The gateway closed it for good.
        for_good: bool,
    },
    /// Another attempt begins.
    Trying,
    /// No attempt is left.
    GaveUp(NetError),
}

/// An attempt, or the pause after it.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    /// From 1; 0 before the first.
    number: u32,
    /// The socket, while the attempt lasts.
    ws: Option<WsId>,
    /// The time at which it is abandoned.
    until: Instant,
    /// The time at which the next one begins.
    next: Instant,
    /// True if the socket was open before.
    again: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
enum State {
    #[default]
    None,
    Trying(Attempt),
    Up {
        ws: WsId,
        /// The time of the next ping, while there are pings.
        ping: Option<Instant>,
        /// True if nothing came since the last ping.
        pinged: bool,
    },
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Socket {
    state: State,
    /// True once it was told of this row of attempts that the gateway refuses us.
    refusal_told: bool,
    /// The time at which the last row of attempts began to open it again.
    began: Option<Instant>,
}

impl Socket {
    pub(super) fn state(&self) -> SocketState {
        match &self.state {
            State::None => SocketState::NoSocket,
            State::Trying(Attempt { again: false, .. }) => SocketState::Connecting,
            State::Trying(attempt) => SocketState::Reconnecting { attempt: attempt.number.max(1) },
            State::Up { .. } => SocketState::Connected,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        match &self.state {
            State::Up { .. } => true,
            State::None | State::Trying(_) => false,
        }
    }

    /// True if it is pinged and nothing came since.
    pub(super) fn is_pinging(&self) -> bool {
        match &self.state {
            State::Up { pinged, .. } => *pinged,
            State::None | State::Trying(_) => false,
        }
    }

    fn ws(&self) -> Option<WsId> {
        match &self.state {
            State::None => None,
            State::Trying(attempt) => attempt.ws,
            State::Up { ws, .. } => Some(*ws),
        }
    }

    /// Begins the first attempt of a row: at once, unless the row before began just now. A socket that is
    /// dropped whenever it is open is opened again at the pace of w2.6.
    pub(super) fn open(&mut self, path: &str, again: bool, out: &mut Outbox) {
        self.close(out);
        self.refusal_told = false;
        let (now, gap) = (out.now(), gaps(out).gap(1));
        let next = self.began.filter(|_| again).map(|began| began + gap);
        match next.filter(|next| *next > now) {
            Some(next) => {
                let waits = Attempt { number: 0, ws: None, until: next, next, again };
                self.state = State::Trying(waits);
                self.began = Some(next);
            }
            None => {
                self.began = again.then_some(now);
                self.attempt(1, path, again, out);
            }
        }
    }

    fn attempt(&mut self, number: u32, path: &str, again: bool, out: &mut Outbox) {
        let (now, gaps) = (out.now(), gaps(out));
        let until = now + gaps.patience(number);
        let ws = Some(out.open_socket(path, until));
        let next = now + gaps.gap(number);
        self.state = State::Trying(Attempt { number, ws, until, next, again });
    }

    /// Begins the next attempt at once, if one is waited for.
    pub(super) fn hurry(&mut self, out: &Outbox) {
        match &mut self.state {
            State::Trying(attempt) if attempt.ws.is_none() => attempt.next = out.now(),
            State::None | State::Trying(_) | State::Up { .. } => {}
        }
    }

    /// Closes it on purpose: nothing more is heard of it.
    pub(super) fn close(&mut self, out: &mut Outbox) {
        if let Some(ws) = self.ws() {
            out.close_socket(ws);
        }
        self.state = State::None;
    }

    /// Starts or stops the pings.
    pub(super) fn check(&mut self, enabled: bool, out: &mut Outbox) {
        let next = enabled.then(|| out.now() + out.config.connectivity.ping_interval);
        if let State::Up { ping, .. } = &mut self.state {
            *ping = next;
        }
    }

    /// Takes what happened to a socket; texts are not for here.
    pub(super) fn handle(&mut self, id: WsId, event: &WsEvent, out: &mut Outbox) -> Option<Change> {
        if self.ws() != Some(id) {
            return None;
        }
        match (event, &mut self.state) {
            (WsEvent::Opened { .. }, State::Trying(attempt)) => {
                let again = attempt.again;
                self.state = State::Up { ws: id, ping: None, pinged: false };
                self.check(out.config.connectivity.check, out);
                Some(Change::Opened { again })
            }
            (WsEvent::Failed(error), State::Trying(_)) => self.failed(error.clone(), out),
            (WsEvent::Closed { reason, .. }, State::Trying(_)) => {
                self.failed(NetError::new(NetErrorKind::Lost, reason), out)
            }
            (WsEvent::Closed { code, .. }, State::Up { .. }) => {
                self.state = State::None;
                Some(Change::Lost { for_good: *code == Some(NORMAL) })
            }
            (WsEvent::Failed(_), State::Up { .. }) => {
                self.state = State::None;
                Some(Change::Lost { for_good: false })
            }
            (WsEvent::Text(_), State::Up { pinged, .. }) => {
                *pinged = false;
                None
            }
            (WsEvent::Opened { .. } | WsEvent::Text(_), _) | (_, State::None) => None,
        }
    }

    /// True if a text on this socket is to be read.
    pub(super) fn reads(&self, id: WsId) -> bool {
        match &self.state {
            State::Up { ws, .. } => *ws == id,
            State::None | State::Trying(_) => false,
        }
    }

    /// An attempt failed: another one follows, or none.
    fn failed(&mut self, error: NetError, out: &mut Outbox) -> Option<Change> {
        self.note_refusal(&error, out);
        let State::Trying(attempt) = &mut self.state else { return None };
        attempt.ws = None;
        if gaps(out).is_last(attempt.number) {
            self.state = State::None;
            return Some(Change::GaveUp(error));
        }
        None
    }

    /// Tells once in a row of attempts that the gateway refuses them for who we are (w1.5).
    fn note_refusal(&mut self, error: &NetError, out: &mut Outbox) {
        if let NetErrorKind::Refused(401 | 403) = error.kind
            && !std::mem::replace(&mut self.refusal_told, true)
        {
            let refused = Error::new(AuthCode::InvalidCredentials, error.to_string());
            out.event(Event::RequestRefused { error: refused.caused_by(error.clone()) });
        }
    }

    /// Lets time pass.
    pub(super) fn handle_timeout(
        &mut self,
        path: Option<&str>,
        out: &mut Outbox,
    ) -> Option<Change> {
        let now = out.now();
        match &mut self.state {
            State::Trying(attempt) if attempt.ws.is_some() && attempt.until <= now => {
                if let Some(ws) = attempt.ws.take() {
                    out.close_socket(ws);
                }
                self.failed(NetError::new(NetErrorKind::Timeout, "no notification socket"), out)
            }
            State::Trying(attempt) if attempt.ws.is_none() && attempt.next <= now => {
                let (number, again) = (attempt.number.saturating_add(1), attempt.again);
                self.attempt(number, path?, again, out);
                Some(Change::Trying)
            }
            State::Up { ws, ping: Some(at), pinged } if *at <= now => {
                *at = now + out.config.connectivity.ping_interval;
                *pinged = true;
                let ws = *ws;
                out.send_text(ws, PING.to_owned());
                None
            }
            State::None | State::Trying(_) | State::Up { .. } => None,
        }
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        match &self.state {
            State::None => None,
            State::Trying(Attempt { ws: Some(_), until, .. }) => {
                Some(Wake { at: *until, reason: "attempt limit" })
            }
            State::Trying(attempt) => Some(Wake { at: attempt.next, reason: "reconnect" }),
            State::Up { ping, .. } => ping.map(|at| Wake { at, reason: "ping" }),
        }
    }
}

/// The rules for attempts, as configured now.
fn gaps(out: &Outbox) -> Gaps {
    let rules = &out.config.connectivity;
    Gaps::new(
        rules.reconnect_delay,
        rules.reconnect_multiplier,
        rules.reconnect_time_limit,
        rules.reconnect_limit,
    )
}

/// The time that all attempts take together at most, for the limit of a command; none where there is no end
/// of them.
pub(super) fn all_attempts(out: &Outbox) -> Option<Duration> {
    let gaps = gaps(out);
    let attempts = out.config.connectivity.reconnect_limit?.get();
    let mut all = Duration::ZERO;
    for attempt in 1..=attempts.min(10_000) {
        all += gaps.gap(attempt);
    }
    Some(all)
}
