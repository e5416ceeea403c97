//! Failures of the network.

use crate::plain;

/// The reason why the network did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
#[non_exhaustive]
pub struct NetError {
    /// The kind of failure.
    pub kind: NetErrorKind,
    /// The message of the operating system or library, without secrets.
    pub message: String,
}

impl NetError {
    /// A failure of this kind, explained, in [`plain`] words.
    pub fn new(kind: NetErrorKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: plain(message.as_ref()).into_owned() }
    }
}

/// Kinds of network failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NetErrorKind {
    /// The host name has no address.
    #[error("name not resolved")]
    Resolve,
    /// No connection: refused, unreachable.
    #[error("not connected")]
    Connect,
    /// TLS failed: certificate, name, protocol.
    #[error("TLS failed")]
    Tls,
    /// The deadline passed.
    #[error("timed out")]
    Timeout,
    /// The connection broke before the answer was whole.
    #[error("connection lost")]
    Lost,
    /// The WebSocket upgrade was answered with another HTTP status.
    #[error("upgrade refused with status {0}")]
    Refused(u16),
    /// The peer spoke the protocol wrongly.
    #[error("protocol error")]
    Protocol,
    /// A message or body over the runtime's limit.
    #[error("too large")]
    TooLarge,
    /// The runtime could not do it: no socket, no such interface, shutting down.
    #[error("not possible here")]
    Local,
}
