//! Kinds of error.

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
    /// An operation that this kind of session does not have.
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
    /// A bound of the client's is reached: too much waits already.
    #[error("limit reached")]
    Limit,
    /// A mistake in the client itself. Please report it.
    #[error("internal error")]
    Internal,
}
