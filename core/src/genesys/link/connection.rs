//! One connection after another: how each is set up, and how each ends (wire notes 1, 3).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::account::Account;
use super::attempts::{AttemptError, Attempts, FollowUp};
use super::entry::{Advance, Entry};
use super::stream::{Negotiated, Pings, Stream};
use crate::genesys::ask::{Ask, EntryAsk, IqAsk, LinkAsk};
use crate::genesys::config::Auth;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::Event;
use crate::genesys::ids::StationId;
use crate::genesys::outbox::Outbox;
use crate::genesys::timing::Timing;
use crate::genesys::wire::{Frame, IqAnswer, requests};
use crate::machine::{NetErrorKind, Output, TimerName, Timers, Wake, WsEvent, WsId};
use crate::rest::{Failure, Retry};
use crate::xmpp::{Close, Features, SaslFailure};

/// Where the connection stands.
///
/// ```text
/// Offline ──connect──> Waiting ──> Entering ──> Opening ──> Setup ──> Online
///    ^                    ^           │            │          │         │
///    │                    └───────────┴── failed or lost ─────┴─────────┤
///    └────────────────────────── Closing <──── disconnect, transfer ────┘
/// ```
#[derive(Debug)]
enum State {
    /// Not wanted.
    Offline,
    /// Between attempts.
    Waiting,
    /// Asking by REST for what the socket takes.
    Entering(Entry),
    /// The socket is being opened.
    Opening(WsId),
    /// The stream is being set up.
    Setup(Stream),
    /// Up.
    Online(WsId),
    /// `<close/>` is sent.
    Closing(WsId, Then),
}

/// What follows a `<close/>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stop,
    Reconnect,
}

impl State {
    /// The socket that there is.
    fn socket(&self) -> Option<WsId> {
        match self {
            Self::Setup(stream) => Some(stream.ws()),
            Self::Opening(ws) | Self::Online(ws) | Self::Closing(ws, _) => Some(*ws),
            Self::Offline | Self::Waiting | Self::Entering(_) => None,
        }
    }

    /// The socket that a stream is on.
    fn stream(&self) -> Option<WsId> {
        self.socket().filter(|_| !matches!(self, Self::Opening(_)))
    }

    /// The socket of an attempt that is under way.
    fn attempt(&self) -> Option<WsId> {
        match self {
            Self::Opening(ws) => Some(*ws),
            Self::Setup(stream) => Some(stream.ws()),
            Self::Offline
            | Self::Waiting
            | Self::Entering(_)
            | Self::Online(_)
            | Self::Closing(..) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The next connection attempt is due.
    Attempt,
    /// The attempt takes too long.
    Setup,
    /// The service does not close its side.
    Close,
}

impl TimerName for Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Attempt => "connection attempt",
            Self::Setup => "connection set-up limit",
            Self::Close => "stream close limit",
        }
    }
}

/// What a connection means to what stands on it.
#[derive(Debug)]
pub(super) enum Change {
    /// The account says who we are; this is our station.
    Identified(Option<StationId>),
    /// ICE servers are to be asked for.
    Discovers,
    /// It is up; `reconnect` unless it is the first.
    Up { pings: Pings, reconnect: bool },
    /// One that was up is gone, or is waited for no longer: nobody answers what was asked.
    Lost,
    /// An attempt is over.
    Failed,
    /// There will be no other, unless somebody asks for one.
    Stopped(Error),
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Connection {
    state: State,
    timers: Timers<Timer>,
    pub(super) account: Account,
    attempts: Attempts,
    /// Ready since it set out: it stays connected until it is told otherwise.
    stays: bool,
    /// What its owner is to be told.
    changes: Vec<Change>,
}

impl Connection {
    pub(super) fn new(timing: &Timing, resource: Option<String>) -> Self {
        Self {
            state: State::Offline,
            timers: Timers::default(),
            account: Account::new(resource),
            attempts: Attempts::new(timing),
            stays: false,
            changes: Vec::new(),
        }
    }

    /// What changed since the last time.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Whether a socket's frames are for us.
    pub(super) fn owns(&self, id: WsId) -> bool {
        self.state.stream() == Some(id)
    }

    pub(super) fn is_online(&self) -> bool {
        match self.state {
            State::Online(_) => true,
            State::Offline
            | State::Waiting
            | State::Entering(_)
            | State::Opening(_)
            | State::Setup(_)
            | State::Closing(..) => false,
        }
    }

    /// Whether what is asked for now is asked for of the connection that is or will be up; another
    /// one asks for all of it.
    pub(super) fn is_set_up(&self) -> bool {
        match self.state {
            State::Setup(_) | State::Online(_) => true,
            State::Offline
            | State::Waiting
            | State::Entering(_)
            | State::Opening(_)
            | State::Closing(..) => false,
        }
    }

    /// Whether it ends for good.
    pub(super) fn is_stopping(&self) -> bool {
        match self.state {
            State::Closing(_, Then::Stop) => true,
            State::Offline
            | State::Waiting
            | State::Entering(_)
            | State::Opening(_)
            | State::Setup(_)
            | State::Online(_)
            | State::Closing(_, Then::Reconnect) => false,
        }
    }

    /// Whether it was ready since it set out: it stays connected until it is told otherwise.
    pub(super) fn stays(&self) -> bool {
        self.stays
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.timers.next()
    }

    // What is wanted of it

    /// Somebody wants it.
    pub(super) fn connect(&mut self, out: &mut Outbox) {
        match self.state {
            State::Offline if self.attempts.may_begin() => {
                self.attempts.begin(out.now());
                self.attempt(out);
            }
            State::Offline => {
                // It has its turn (wire notes 3.2), but within half of the time after which the
                // command fails, or it would fail untried.
                let limit = out.config.timing.connect / 2;
                let next = self.attempts.next_within(limit, out.now());
                self.wait_for(next);
            }
            State::Waiting
            | State::Entering(_)
            | State::Opening(_)
            | State::Setup(_)
            | State::Online(_)
            | State::Closing(..) => {}
        }
    }

    /// Nobody wants it any more.
    pub(super) fn disconnect(&mut self, out: &mut Outbox) {
        self.account.channel.discard();
        match &mut self.state {
            State::Online(ws) => {
                let ws = *ws;
                out.signal_all();
                self.lose(Change::Lost, out);
                self.close_stream(ws, Then::Stop, out);
            }
            State::Closing(_, then) => *then = Then::Stop,
            State::Opening(_) | State::Setup(_) => {
                self.close_socket(out);
                self.lose(Change::Failed, out);
                self.stopped(None, out);
            }
            State::Offline | State::Waiting | State::Entering(_) => self.stopped(None, out),
        }
    }

    /// It takes too long: it is as it was before anybody wanted it. One that is being closed goes on
    /// with that.
    pub(super) fn give_up(&mut self, error: Error, out: &mut Outbox) {
        match &mut self.state {
            State::Opening(_) | State::Setup(_) | State::Online(_) => {
                self.close_socket(out);
                self.lose(Change::Lost, out);
                self.stopped(Some(error), out);
            }
            State::Closing(_, then) => *then = Then::Stop,
            State::Offline | State::Waiting | State::Entering(_) => self.stopped(Some(error), out),
        }
    }

    /// A `Connect`'s time is up.
    pub(super) fn overdue(&self, out: &Outbox) -> Error {
        self.attempts.overdue(out.trouble.as_ref(), &out.config.timing)
    }

    /// There is a network, perhaps another one.
    pub(super) fn network_changed(&mut self) {
        self.attempts.network_changed();
    }

    /// There is no network: the next attempt waits for another word, whenever it would be due.
    pub(super) fn network_gone(&mut self) {
        self.attempts.network_gone();
        if matches!(self.state, State::Waiting) {
            self.timers.cancel(&Timer::Attempt);
        }
    }

    /// One that is waited for is tried now, unless there is no network.
    pub(super) fn hurry(&mut self, now: Instant) {
        if matches!(self.state, State::Waiting) && self.attempts.has_network() {
            self.timers.arm(Timer::Attempt, now);
        }
    }

    /// It is ready for calls. True unless it is the first that is.
    pub(super) fn ready(&mut self) -> bool {
        self.stays = true;
        self.attempts.ready()
    }

    // What comes in

    pub(super) fn handle_socket(&mut self, id: WsId, event: WsEvent, out: &mut Outbox) {
        match (&self.state, event) {
            (State::Opening(ws), WsEvent::Opened { .. }) if *ws == id => {
                self.state = State::Setup(Stream::begin(id, &self.account, out));
            }
            (State::Opening(ws), WsEvent::Failed(error)) if *ws == id => {
                if matches!(error.kind, NetErrorKind::Refused(400..=499)) {
                    // The channel is gone: asking for it again would be answered alike.
                    self.account.channel.discard();
                }
                self.attempt_failed(AttemptError::socket(error), out);
            }
            (state, WsEvent::Closed { code, reason }) if state.attempt() == Some(id) => {
                self.attempt_failed(AttemptError::Other(closed(code, &reason)), out);
            }
            (State::Online(ws), WsEvent::Closed { code, reason }) if *ws == id => {
                self.drop(closed(code, &reason), out);
            }
            (State::Closing(ws, then), WsEvent::Closed { .. }) if *ws == id => {
                let then = *then;
                self.closed(then, out);
            }
            // A socket that is no longer ours, or an event that cannot be.
            _ => {}
        }
    }

    pub(super) fn handle_entry(
        &mut self,
        ask: EntryAsk,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) {
        if let State::Entering(entry) = &mut self.state {
            let advance = entry.answered(ask, result, &mut self.account, out);
            self.advance(advance, out);
        }
    }

    pub(super) fn handle_features(&mut self, features: &Features, out: &mut Outbox) {
        if let State::Setup(stream) = &mut self.state {
            let negotiated = stream.features(features, &mut self.account, out);
            self.negotiated(negotiated, out);
        } else {
            out.malformed("features out of turn");
        }
    }

    pub(super) fn handle_success(&mut self, out: &mut Outbox) {
        if let State::Setup(stream) = &mut self.state {
            stream.authenticated(&self.account, out);
        }
    }

    pub(super) fn handle_failure(&mut self, failure: SaslFailure, out: &mut Outbox) {
        if let State::Setup(stream) = &self.state {
            let negotiated = stream.refused(failure, out);
            self.negotiated(negotiated, out);
        }
    }

    /// A question of the set-up is answered.
    pub(super) fn handle_iq(&mut self, ask: &IqAsk, answer: &IqAnswer, out: &mut Outbox) {
        if let State::Setup(stream) = &mut self.state {
            let negotiated = stream.answered(ask, answer, &mut self.account, out);
            self.negotiated(negotiated, out);
        }
    }

    pub(super) fn handle_timeout(&mut self, out: &mut Outbox) {
        while let Some(timer) = self.timers.pop_due(out.now()) {
            match timer {
                Timer::Attempt => self.attempt(out),
                Timer::Setup => {
                    self.close_socket(out);
                    let text = "connecting to the streaming service";
                    let error = Error::new(ErrorKind::Timeout, text);
                    self.attempt_failed(AttemptError::Other(error), out);
                }
                Timer::Close => {
                    if let State::Closing(_, then) = self.state {
                        self.close_socket(out);
                        self.closed(then, out);
                    }
                }
            }
        }
    }

    // The way up

    fn attempt(&mut self, out: &mut Outbox) {
        self.attempts.made();
        self.timers.cancel(&Timer::Attempt);
        self.account.channel.attempt(out.config.timing.channel_attempts);
        let advance = Entry::begin(&mut self.account, out);
        self.advance(advance, out);
        if matches!(out.config.auth, Auth::Token(_)) && !matches!(self.state, State::Offline) {
            probe_network(out);
        }
    }

    fn advance(&mut self, advance: Advance, out: &mut Outbox) {
        match advance {
            Advance::Stays => {}
            Advance::Asks(entry) => self.state = State::Entering(entry),
            Advance::Identified(station) => {
                self.changes.push(Change::Identified(station));
                let advance = Entry::identified(&self.account, out);
                self.advance(advance, out);
            }
            Advance::Opens(request) => {
                let id = out.ws_id();
                let deadline = out.now() + out.config.timing.setup;
                self.timers.arm(Timer::Setup, deadline);
                self.state = State::Opening(id);
                out.push(Output::OpenWebSocket { id, request, deadline });
            }
            Advance::Failed(error) => self.attempt_failed(error, out),
            Advance::Refused(error) => self.stopped(Some(error), out),
        }
    }

    fn negotiated(&mut self, negotiated: Negotiated, out: &mut Outbox) {
        match negotiated {
            Negotiated::Waits => {}
            Negotiated::Discovers => {
                self.timers.cancel(&Timer::Setup);
                self.changes.push(Change::Discovers);
            }
            Negotiated::Up(ws, pings) => {
                let reconnect = self.attempts.connected(out.now());
                out.trouble = None;
                self.state = State::Online(ws);
                self.changes.push(Change::Up { pings, reconnect });
            }
            Negotiated::Failed(error) => self.attempt_failed(error, out),
        }
    }

    // The way down

    /// An attempt failed before the connection was up.
    fn attempt_failed(&mut self, error: AttemptError, out: &mut Outbox) {
        self.lose(Change::Failed, out);
        match error.follow_up(&out.config.timing) {
            FollowUp::Stop(error) => self.stopped(Some(error), out),
            FollowUp::Retry { error, pause, hard } => {
                if hard {
                    self.account.channel.discard();
                }
                out.trouble = Some(error.clone());
                out.event(Event::Disconnected { reconnecting: true, error: Some(error) });
                // Retry-After is waited for besides, and leaves no memory (wire notes 3.3).
                if pause.is_none() {
                    self.attempts.failed(out.now());
                }
                self.wait(pause.unwrap_or_default(), out);
            }
        }
    }

    /// The connection was up and is gone.
    fn drop(&mut self, error: Error, out: &mut Outbox) {
        self.lose(Change::Lost, out);
        out.trouble = Some(error.clone());
        out.event(Event::Disconnected { reconnecting: true, error: Some(error) });
        self.wait(Duration::ZERO, out);
    }

    /// Nothing is heard from the service any more.
    pub(super) fn silent(&mut self, out: &mut Outbox) {
        out.send(&Frame::Close(Close { see_other_uri: None }));
        self.close_socket(out);
        self.drop(Error::new(ErrorKind::Timeout, "the service no longer answers"), out);
    }

    /// The service closes the stream.
    pub(super) fn handle_close(&mut self, out: &mut Outbox) {
        let error = Error::new(ErrorKind::Network, "the service closed the stream");
        match self.state {
            State::Online(_) => {
                out.signal_all();
                out.send(&Frame::Close(Close { see_other_uri: None }));
                self.close_socket(out);
                self.drop(error, out);
            }
            State::Setup(_) => {
                out.send(&Frame::Close(Close { see_other_uri: None }));
                self.close_socket(out);
                self.attempt_failed(AttemptError::Other(error), out);
            }
            State::Closing(_, then) => {
                self.close_socket(out);
                self.closed(then, out);
            }
            State::Offline | State::Waiting | State::Entering(_) | State::Opening(_) => {}
        }
    }

    /// The service moves its clients elsewhere (XEP-0051, wire notes 3.6).
    pub(super) fn transfer(&mut self, out: &mut Outbox) {
        let State::Online(ws) = self.state else { return };
        self.account.channel.discard();
        out.event(Event::Disconnected { reconnecting: true, error: None });
        out.signal_all();
        self.lose(Change::Lost, out);
        self.close_stream(ws, Then::Reconnect, out);
    }

    /// The first subscription failing fails the login (wire notes 4.7).
    pub(super) fn login_failed(&mut self, failure: Failure, out: &mut Outbox) {
        let error = Error::of_login(failure, Some(ErrorKind::Initialization));
        self.close_socket(out);
        self.lose(Change::Failed, out);
        self.stopped(Some(error), out);
    }

    /// Forgets everything that hangs on the socket.
    fn lose(&mut self, change: Change, out: &mut Outbox) {
        out.hang_up();
        // Answers to the old stream must not be taken for answers to the next one.
        out.forget_iqs(|ask| ask.session().is_none());
        self.timers.cancel(&Timer::Setup);
        self.timers.cancel(&Timer::Close);
        self.changes.push(change);
    }

    fn close_socket(&self, out: &mut Outbox) {
        if let Some(id) = self.state.socket() {
            out.push(Output::CloseWebSocket { id });
        }
    }

    fn close_stream(&mut self, ws: WsId, then: Then, out: &mut Outbox) {
        out.socket = Some(ws);
        out.send(&Frame::Close(Close { see_other_uri: None }));
        out.socket = None;
        self.state = State::Closing(ws, then);
        self.timers.arm(Timer::Close, out.now() + out.config.timing.close);
    }

    fn closed(&mut self, then: Then, out: &mut Outbox) {
        self.timers.cancel(&Timer::Close);
        match then {
            Then::Stop => self.stopped(None, out),
            // At once (SG-5): nothing has failed.
            Then::Reconnect if self.attempts.has_network() => {
                self.attempts.begin(out.now());
                self.attempt(out);
            }
            Then::Reconnect => self.wait(Duration::ZERO, out),
        }
    }

    fn wait(&mut self, pause: Duration, out: &Outbox) {
        let next = self.attempts.next(pause, out.now());
        self.wait_for(next);
    }

    fn wait_for(&mut self, next: Option<Instant>) {
        self.state = State::Waiting;
        if let Some(at) = next {
            self.timers.arm(Timer::Attempt, at);
        }
    }

    /// Not connected, and not trying.
    fn stopped(&mut self, error: Option<Error>, out: &mut Outbox) {
        let was_offline = matches!(self.state, State::Offline);
        self.state = State::Offline;
        self.account.channel.discard();
        self.stays = false;
        out.trouble = None;
        self.timers = Timers::default();
        // A claim is a command's, which is answered in any case.
        out.forget_http(|ask| matches!(ask, Ask::Link(ask) if !matches!(ask, LinkAsk::Claim(_))));
        if !was_offline {
            out.event(Event::Disconnected { reconnecting: false, error: error.clone() });
        }
        let why = error.unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "disconnected"));
        self.changes.push(Change::Stopped(why));
    }
}

/// Looks whether the service can be reached at all, beside an attempt and without a say in it
/// (SG-7).
fn probe_network(out: &mut Outbox) {
    // That of the attempt before has nothing to say any more.
    out.forget_http(|ask| *ask == Ask::Link(LinkAsk::Probe));
    out.rest(LinkAsk::Probe, requests::probe(), Retry::No);
}

fn closed(code: Option<u16>, reason: &str) -> Error {
    let text = match code {
        Some(code) => format!("the WebSocket was closed with code {code} {reason}"),
        None => format!("the WebSocket was lost: {reason}"),
    };
    Error::new(ErrorKind::Network, text)
}
