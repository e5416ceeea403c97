//! The way from us to a relay.

use std::net::SocketAddr;

use super::address::Leg;
use crate::machine::{StreamId, UdpId};

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The sockets of media.
    Sockets,
    /// A socket of its own, and the address that it has once it is open.
    Own { id: Option<UdpId>, bound: Option<SocketAddr> },
    /// A stream of its own: TLS by the name of the host, where it has one.
    Stream { tls: Option<String>, id: Option<StreamId> },
}

impl Way {
    /// The way as a server's URI names it.
    pub(super) fn leg(&self) -> Leg {
        match self {
            Self::Sockets | Self::Own { .. } => Leg::Udp,
            Self::Stream { tls: None, .. } => Leg::Tcp,
            Self::Stream { tls: Some(_), .. } => Leg::Tls,
        }
    }

    /// True if it is a socket of its own.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream { .. })
    }

    /// The stream, once it has a name.
    pub(super) fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Sockets | Self::Own { .. } => None,
            Self::Stream { id, .. } => *id,
        }
    }

    /// Names the stream.
    pub(super) fn set_stream(&mut self, stream: Option<StreamId>) {
        if let Self::Stream { id, .. } = self {
            *id = stream;
        }
    }

    /// The socket of its own, once it has a name.
    pub(super) fn socket(&self) -> Option<UdpId> {
        match self {
            Self::Sockets | Self::Stream { .. } => None,
            Self::Own { id, .. } => *id,
        }
    }

    /// Names the socket of its own.
    pub(super) fn set_socket(&mut self, socket: UdpId) {
        if let Self::Own { id, .. } = self {
            *id = Some(socket);
        }
    }

    /// The address of the socket of its own, once that is open.
    pub(super) fn bound(&self) -> Option<SocketAddr> {
        match self {
            Self::Sockets | Self::Stream { .. } => None,
            Self::Own { bound, .. } => *bound,
        }
    }

    /// Takes the address of the socket of its own.
    pub(super) fn set_bound(&mut self, address: SocketAddr) {
        if let Self::Own { bound, .. } = self {
            *bound = Some(address);
        }
    }
}
