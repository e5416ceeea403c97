//! When another attempt is made, and what follows one that failed (wire notes 3.2, 3.3).

use std::time::{Duration, Instant};

use crate::genesys::error::{Error, ErrorKind, is_unauthorized};
use crate::genesys::timing::Timing;
use crate::link::Backoff;
use crate::machine::{NetError, NetErrorKind};
use crate::rest::Failure;
use crate::xmpp::SaslFailure;

/// Attempts to connect: their pauses, and how far any of them came.
#[derive(Debug)]
pub(super) struct Attempts {
    backoff: Backoff,
    network: Network,
    reached: Reached,
}

/// What the application said of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    /// Nothing, or that it is there.
    There,
    /// That there is none: nothing is attempted.
    Gone,
}

/// How far the best of all attempts came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    /// None was made.
    Nothing,
    /// One was made.
    Attempt,
    /// One was connected.
    Connection,
    /// One was ready for calls.
    Readiness,
}

impl Attempts {
    pub(super) fn new(timing: &Timing) -> Self {
        let (first, longest) = (timing.reconnect_first, timing.reconnect_longest);
        Self {
            backoff: Backoff::new(first, longest, timing.reconnect_memory),
            network: Network::There,
            reached: Reached::Nothing,
        }
    }

    pub(super) fn has_network(&self) -> bool {
        match self.network {
            Network::There => true,
            Network::Gone => false,
        }
    }

    pub(super) fn network_changed(&mut self) {
        self.network = Network::There;
    }

    pub(super) fn network_gone(&mut self) {
        self.network = Network::Gone;
    }

    /// Whether one can be made at once, as none was made yet.
    pub(super) fn may_begin(&self) -> bool {
        self.reached == Reached::Nothing && self.has_network()
    }

    /// A run of attempts begins with one at once.
    pub(super) fn begin(&mut self, now: Instant) {
        self.backoff.begin(now);
    }

    pub(super) fn made(&mut self) {
        self.reached = self.reached.max(Reached::Attempt);
    }

    /// One failed, without a word on when to come back.
    pub(super) fn failed(&mut self, now: Instant) {
        self.backoff.failed(now);
    }

    /// When the next is due, at least `pause` from now; none while there is no network.
    pub(super) fn next(&mut self, pause: Duration, now: Instant) -> Option<Instant> {
        let delay = self.backoff.next_delay(now);
        self.has_network().then(|| now + (pause + delay))
    }

    /// As [`Attempts::next`], within a limit.
    pub(super) fn next_within(&mut self, limit: Duration, now: Instant) -> Option<Instant> {
        let delay = self.backoff.next_delay(now).min(limit);
        self.has_network().then(|| now + delay)
    }

    /// A connection is up. True unless it is the first.
    pub(super) fn connected(&mut self, now: Instant) -> bool {
        self.backoff.connected(now);
        self.network = Network::There;
        let again = self.reached >= Reached::Connection;
        self.reached = self.reached.max(Reached::Connection);
        again
    }

    /// It is ready for calls. True unless it is the first that is.
    pub(super) fn ready(&mut self) -> bool {
        std::mem::replace(&mut self.reached, Reached::Readiness) == Reached::Readiness
    }

    /// A `Connect`'s time is up; `last` is why the last attempt failed, if one did.
    pub(super) fn overdue(&self, last: Option<&Error>, timing: &Timing) -> Error {
        let limit = timing.connect.as_secs();
        let why = match (last, self.network) {
            (_, Network::Gone) => "there is no network".to_owned(),
            (Some(last), Network::There) => last.to_string(),
            (None, Network::There) => "the service has not answered".to_owned(),
        };
        let error =
            Error::new(ErrorKind::Timeout, format!("not connected within {limit} s: {why}"));
        match last.and_then(Error::cause) {
            Some(cause) => error.caused_by(cause.clone()),
            None => error,
        }
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum AttemptError {
    Rest(Failure),
    Sasl(SaslFailure),
    Other(Error),
}

/// What follows an attempt that failed.
#[derive(Debug)]
pub(super) enum FollowUp {
    /// Nothing: another would fail alike.
    Stop(Error),
    /// Another attempt. The service may have said how long to stay away.
    Retry { error: Error, pause: Option<Duration>, hard: bool },
}

impl AttemptError {
    /// The socket could not be opened.
    pub(super) fn socket(error: NetError) -> Self {
        let in_time = error.kind != NetErrorKind::Timeout;
        let kind = if in_time { ErrorKind::Network } else { ErrorKind::Timeout };
        Self::Other(Error::new(kind, format!("WebSocket: {error}")).caused_by(error))
    }

    pub(super) fn follow_up(self, timing: &Timing) -> FollowUp {
        match self {
            Self::Rest(failure) if is_unauthorized(&failure) => {
                FollowUp::Stop(Error::of_login(failure, None))
            }
            Self::Rest(failure) => {
                let pause = failure.retry_after();
                let pause = pause.map(|pause| pause.min(timing.longest_retry_after));
                FollowUp::Retry { error: Error::from(failure), pause, hard: false }
            }
            Self::Sasl(failure) => {
                let again = is_retryable_sasl(&failure.condition);
                let kind = if again { ErrorKind::Protocol } else { ErrorKind::InvalidToken };
                let text = format!("SASL: {}", failure.condition);
                let error = Error::new(kind, text).caused_by(&failure);
                if again {
                    FollowUp::Retry { error, pause: None, hard: true }
                } else {
                    FollowUp::Stop(error)
                }
            }
            Self::Other(error) => FollowUp::Retry { error, pause: None, hard: false },
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
