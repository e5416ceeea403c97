//! Errors of a client, by the documented kinds.

use super::command::Outcome;

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Error {
    /// What kind of failure, to act on.
    pub kind: ErrorKind,
    /// What happened, to show. Without secrets.
    pub message: String,
}

impl Error {
    /// An error of this kind, explained.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
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
    /// A request was refused, with this status; 0 when there was no answer.
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
