//! Streams of bytes, and names of hosts, as they cross the contract: what a relay is reached by.

use std::fmt;
use std::net::SocketAddr;

use super::net_error::NetError;

/// An event of a stream (RFC 9293).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// Connected; over TLS, the handshake is done as well.
    Opened {
        /// Our end of the connection; of one through a proxy, the end of the way to that.
        local: SocketAddr,
    },
    /// Bytes that came, in order. Never none.
    Data(Vec<u8>),
    /// The stream ended after it was open, by whichever side.
    Closed {
        /// The reason, where it was not the far side's orderly end (RFC 9293 section 3.6; over TLS,
        /// its `close_notify`, RFC 8446 section 6.1).
        error: Option<NetError>,
    },
    /// The stream never opened.
    Failed(NetError),
}

// What a stream carries may be a secret.
impl fmt::Debug for StreamEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { local } => write!(f, "Opened({local})"),
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::Closed { error: None } => f.write_str("Closed"),
            Self::Closed { error: Some(error) } => write!(f, "Closed({error})"),
            Self::Failed(error) => write!(f, "Failed({error})"),
        }
    }
}
