//! The way down: failed attempts, lost connections, pauses, and a clean end (wire notes 3).

use std::time::Duration;

use super::Link;
use super::state::{Attempt, Network, State, Subscriber, Then, Timer, Transition};
use crate::genesys::ask::{Ask, IqAsk, LinkAsk};
use crate::genesys::command::Outcome;
use crate::genesys::error::{Error, ErrorKind, is_unauthorized};
use crate::genesys::event::Event;
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::Frame;
use crate::machine::{CommandId, Output, Timers, WsId};
use crate::xmpp::Close;

impl Link {
    /// An attempt failed before the connection was up.
    pub(super) fn attempt_failed(&mut self, failure: Attempt, out: &mut Outbox) {
        self.lose(out);
        let (error, pause) = match failure {
            Attempt::Rest(failure) if is_unauthorized(&failure) => {
                return self.stopped(Some(Error::of_login(failure, None)), out);
            }
            Attempt::Rest(failure) => {
                let longest = out.config.timing.longest_retry_after;
                let pause = failure.retry_after().map(|pause| pause.min(longest));
                (Error::from(failure), pause)
            }
            Attempt::Sasl(failure) => {
                let again = is_retryable_sasl(&failure.condition);
                let kind = if again { ErrorKind::Protocol } else { ErrorKind::InvalidToken };
                let text = format!("SASL: {}", failure.condition);
                let error = Error::new(kind, text).caused_by(&failure);
                if !again {
                    return self.stopped(Some(error), out);
                }
                self.hard = true;
                (error, None)
            }
            Attempt::Other(error) => (error, None),
        };
        out.trouble = Some(error.clone());
        out.event(Event::Disconnected { reconnecting: true, error: Some(error) });
        match pause {
            // Retry-After is waited for besides, and leaves no memory (wire notes 3.3).
            Some(pause) => self.wait(pause, out),
            None => {
                self.backoff.failed(out.now());
                self.wait(Duration::ZERO, out);
            }
        }
    }

    pub(super) fn wait(&mut self, pause: Duration, out: &Outbox) {
        let delay = self.backoff.next_delay(out.now());
        self.wait_for(pause + delay, out);
    }

    /// The application asks for a connection again: it has its turn (wire notes 3.2), but within
    /// half of the time after which the command fails, or it would fail untried.
    pub(super) fn wait_in_turn(&mut self, out: &Outbox) {
        let delay = self.backoff.next_delay(out.now());
        self.wait_for(delay.min(out.config.timing.connect / 2), out);
    }

    fn wait_for(&mut self, delay: Duration, out: &Outbox) {
        self.state = State::Waiting;
        if self.network == Network::There {
            self.timers.arm(Timer::Attempt, out.now() + delay);
        }
    }

    /// The connection was up and is gone.
    pub(super) fn drop_connection(&mut self, error: Option<Error>, out: &mut Outbox) -> Transition {
        let change = self.lose(out);
        out.trouble.clone_from(&error);
        out.event(Event::Disconnected { reconnecting: true, error });
        self.wait(Duration::ZERO, out);
        change
    }

    /// Forgets everything that hangs on the socket.
    pub(super) fn lose(&mut self, out: &mut Outbox) -> Transition {
        out.hang_up();
        self.leading.lost();
        out.forget_http(|ask| matches!(ask, Ask::Link(LinkAsk::Alertable | LinkAsk::Leader)));
        // Answers to the old stream must not be taken for answers to the next one.
        out.forget_iqs(|ask| {
            !matches!(ask, IqAsk::Answer(_) | IqAsk::Update(_) | IqAsk::Terminate(_))
        });
        self.keepalive.stop();
        for timer in [
            Timer::Setup,
            Timer::Topics,
            Timer::IceRefresh,
            Timer::Close,
            Timer::Alertable,
            Timer::Again,
        ] {
            self.timers.cancel(&timer);
        }
        Transition::Lost
    }

    /// Nothing is heard from the service any more.
    pub(super) fn silent(&mut self, out: &mut Outbox) -> Transition {
        if let State::Online(ws, _) = self.state {
            out.send(&Frame::Close(Close { see_other_uri: None }));
            out.push(Output::CloseWebSocket { id: ws });
        }
        let error = Error::new(ErrorKind::Timeout, "the service no longer answers");
        self.drop_connection(Some(error), out)
    }

    pub(super) fn handle_close(&mut self, out: &mut Outbox) -> Option<Transition> {
        match self.state {
            State::Online(ws, _) => {
                out.signal_all();
                out.send(&Frame::Close(Close { see_other_uri: None }));
                out.push(Output::CloseWebSocket { id: ws });
                let error = Error::new(ErrorKind::Network, "the service closed the stream");
                Some(self.drop_connection(Some(error), out))
            }
            State::Setup(ws, _) => {
                out.send(&Frame::Close(Close { see_other_uri: None }));
                out.push(Output::CloseWebSocket { id: ws });
                let error = Error::new(ErrorKind::Network, "the service closed the stream");
                self.attempt_failed(Attempt::Other(error), out);
                None
            }
            State::Closing(ws, then) => {
                out.push(Output::CloseWebSocket { id: ws });
                self.closed(then, out);
                None
            }
            State::Offline
            | State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_) => None,
        }
    }

    /// The service moves its clients elsewhere (XEP-0051, wire notes 3.6).
    pub(super) fn transfer(&mut self, out: &mut Outbox) -> Option<Transition> {
        let State::Online(ws, _) = self.state else { return None };
        self.hard = true;
        out.event(Event::Disconnected { reconnecting: true, error: None });
        out.signal_all();
        let change = self.lose(out);
        self.close_stream(ws, Then::Reconnect, out);
        Some(change)
    }

    pub(super) fn close_stream(&mut self, ws: WsId, then: Then, out: &mut Outbox) {
        out.socket = Some(ws);
        out.send(&Frame::Close(Close { see_other_uri: None }));
        out.socket = None;
        self.state = State::Closing(ws, then);
        self.timers.arm(Timer::Close, out.now() + out.config.timing.close);
    }

    pub(super) fn closed(&mut self, then: Then, out: &mut Outbox) {
        self.timers.cancel(&Timer::Close);
        match then {
            Then::Stop => self.stopped(None, out),
            // At once (SG-5): nothing has failed.
            Then::Reconnect if self.network == Network::Gone => self.wait(Duration::ZERO, out),
            Then::Reconnect => {
                self.backoff.begin(out.now());
                self.attempt(out);
            }
        }
    }

    /// Whether it is a `Connect` that is not answered.
    pub(in crate::genesys) fn waits(&self, command: CommandId) -> bool {
        self.connecting.contains(&command)
    }

    /// A `Connect`'s time is up: it fails with the last reason. Where nobody else waits, and the
    /// client was not ready since it set out, it stops trying, and is as it was before the command.
    pub(in crate::genesys) fn connect_overdue(
        &mut self,
        command: CommandId,
        out: &mut Outbox,
    ) -> Option<Transition> {
        let limit = out.config.timing.connect.as_secs();
        let why = match (&out.trouble, self.network) {
            (_, Network::Gone) => "there is no network".to_owned(),
            (Some(last), Network::There) => last.to_string(),
            (None, Network::There) => "the service has not answered".to_owned(),
        };
        let text = format!("not connected within {limit} s: {why}");
        let mut error = Error::new(ErrorKind::Timeout, text);
        if let Some(cause) = out.trouble.as_ref().and_then(|last| last.cause()) {
            error = error.caused_by(cause.clone());
        }
        if self.stays || self.connecting.len() > 1 {
            self.connecting.retain(|waiting| *waiting != command);
            out.complete(command, Err(error));
            return None;
        }
        match self.state {
            State::Opening(ws) | State::Setup(ws, _) | State::Online(ws, _) => {
                out.push(Output::CloseWebSocket { id: ws });
                let change = self.lose(out);
                self.stopped(Some(error), out);
                Some(change)
            }
            State::Closing(_, ref mut then) => {
                *then = Then::Stop;
                self.connecting.clear();
                out.complete(command, Err(error));
                None
            }
            State::Offline
            | State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel => {
                self.stopped(Some(error), out);
                None
            }
        }
    }

    /// Not connected, and not trying.
    pub(super) fn stopped(&mut self, error: Option<Error>, out: &mut Outbox) {
        let was_offline = matches!(self.state, State::Offline);
        self.state = State::Offline;
        self.hard = true;
        self.stays = false;
        out.trouble = None;
        self.timers = Timers::default();
        // A claim is a command's, which is answered in any case.
        out.forget_http(|ask| matches!(ask, Ask::Link(ask) if !matches!(ask, LinkAsk::Claim(_))));
        if !was_offline {
            out.event(Event::Disconnected { reconnecting: false, error: error.clone() });
        }
        let why = error.unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "disconnected"));
        for command in std::mem::take(&mut self.connecting) {
            out.complete(command, Err(why.clone()));
        }
        for Subscriber { command, .. } in std::mem::take(&mut self.subscribers) {
            out.complete(command, Err(why.clone()));
        }
        for command in std::mem::take(&mut self.disconnecting) {
            out.complete(command, Ok(Outcome::Done));
        }
    }
}

/// SASL conditions after which another attempt makes sense (wire notes 3.3).
fn is_retryable_sasl(condition: &str) -> bool {
    matches!(
        condition,
        "encryption-required"
            | "incorrect-encoding"
            | "invalid-mechanism"
            | "malformed-request"
            | "mechanism-too-weak"
    )
}

pub(super) fn closed_text(code: Option<u16>, reason: &str) -> String {
    match code {
        Some(code) => format!("the WebSocket was closed with code {code} {reason}"),
        None => format!("the WebSocket was lost: {reason}"),
    }
}
