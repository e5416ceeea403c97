//! Errors of a client, by the documented kinds.

use std::time::Duration;

use super::command::Outcome;
use crate::plain;
use crate::plain::plain_within;
use crate::xmpp::{SaslFailure, StanzaError, StreamError};

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Error {
    /// What kind of failure, to act on.
    pub kind: ErrorKind,
    /// What happened, to show, with what the service says about it. Without secrets and control
    /// characters, at most 1 KiB.
    pub message: String,
    /// The service's own word on it, where it refused something.
    pub refusal: Option<Box<Refusal>>,
}

/// The service's own word on what went wrong: on what it refused by HTTP or by a stanza, or on a
/// call.
///
/// It is made of what came over the network; what it quotes of secrets is hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status, where a request was refused (wire notes 8).
    pub status: Option<u16>,
    /// The service's name for the reason (`code` of an error body), or the condition of an error
    /// in XMPP (RFC 6120 sections 4.9.3, 6.5 and 8.3.3).
    pub code: Option<String>,
    /// The reason in words, at most [`Refusal::MAX_TEXT`] bytes.
    pub message: Option<String>,
    /// How long the service wants to be left alone (`Retry-After`, RFC 9110 section 10.2.3).
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.status.map(|status| format!("status {status}"));
        let parts = [&status, &self.code, &self.message].into_iter().flatten();
        let wait = self.retry_after.map(|wait| format!("retry after {} s", wait.as_secs()));
        let parts: Vec<_> = parts.chain(&wait).map(String::as_str).collect();
        f.write_str(&parts.join(": "))
    }
}

impl Refusal {
    /// The longest text that is kept of a refusal, in bytes; the rest is cut off.
    pub const MAX_TEXT: usize = 512;

    /// Of a request, with what its body says, if that can be read: each part costs only itself.
    pub(crate) fn of_response(response: &http::Response<Vec<u8>>) -> Self {
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let part = |key: &str| body[key].as_str().and_then(short);
        let wait = response.headers().get(http::header::RETRY_AFTER);
        let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self {
            status: Some(response.status().as_u16()),
            code: part("code"),
            message: part("message"),
            retry_after: wait.map(Duration::from_secs),
        }
    }

    /// What the service calls it, and says about it.
    pub(crate) fn named(code: &str, message: Option<&str>) -> Self {
        Self { code: short(code), message: message.and_then(short), ..Self::default() }
    }
}

/// As much of a text as is kept, in [`plain`] words; none of an empty one.
fn short(text: &str) -> Option<String> {
    let text = plain_within(text.trim(), Refusal::MAX_TEXT);
    (!text.is_empty()).then(|| text.into_owned())
}

impl From<&StanzaError> for Refusal {
    fn from(error: &StanzaError) -> Self {
        Self::named(&error.condition, error.text.as_deref())
    }
}

impl From<&SaslFailure> for Refusal {
    fn from(failure: &SaslFailure) -> Self {
        Self::named(&failure.condition, failure.text.as_deref())
    }
}

impl From<&StreamError> for Refusal {
    fn from(error: &StreamError) -> Self {
        Self::named(&error.condition, error.text.as_deref())
    }
}

impl Error {
    /// An error of this kind, explained, in [`plain`] words.
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: plain(message.as_ref()).into_owned(), refusal: None }
    }

    /// With the service's own word on it.
    pub(crate) fn refused(mut self, refusal: impl Into<Refusal>) -> Self {
        self.refusal = Some(Box::new(refusal.into()));
        self
    }

    /// What a runtime reports when the machine is gone before the command completed.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(ErrorKind::Cancelled, "the client is closed")
    }

    /// What a runtime reports when a command completed with an outcome of another command.
    #[must_use]
    pub fn unexpected(outcome: &Outcome) -> Self {
        Self::new(ErrorKind::Generic, format!("unexpected outcome {outcome:?}"))
    }
}

/// Kinds of error (behaviour notes 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// None of the others.
    #[error("error")]
    Generic,
    /// Logging in failed.
    #[error("initialization failed")]
    Initialization,
    /// The token or JWT is not accepted (any more).
    #[error("invalid token")]
    InvalidToken,
    /// A request was refused, with this status. 403 is one of them, where it is not about logging
    /// in: the user may not do that.
    #[error("HTTP {0}")]
    Http(u16),
    /// The caller's mistake: an option or argument.
    #[error("invalid options")]
    InvalidOptions,
    /// This kind of session cannot do that.
    #[error("not supported")]
    NotSupported,
    /// No such session, or not in this state.
    #[error("session error")]
    Session,
    /// The service reports a problem with a call.
    #[error("call error")]
    Call,
    /// Media failed.
    #[error("media error")]
    Media,
    /// The deadline passed without an answer.
    #[error("timed out")]
    Timeout,
    /// Another command, or the end of the client, took its place.
    #[error("cancelled")]
    Cancelled,
    /// The network failed and the operation is not retried.
    #[error("network error")]
    Network,
    /// The service answered something that cannot be understood.
    #[error("protocol error")]
    Protocol,
}
