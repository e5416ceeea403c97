//! The ways by which ICE finds addresses that an interface does not have: STUN (RFC 8489) and TURN (RFC 8656).

mod address;
#[cfg(feature = "turn")]
mod asked;
#[cfg(feature = "turn")]
mod binding;
#[cfg(feature = "turn")]
mod channels;
#[cfg(feature = "turn")]
mod frames;
#[cfg(feature = "turn")]
mod gather;
#[cfg(feature = "turn")]
mod keeper;
#[cfg(feature = "turn")]
mod relay;
mod server;
#[cfg(all(test, feature = "str0m"))]
mod tests;
#[cfg(feature = "turn")]
mod tries;
#[cfg(feature = "turn")]
mod way;

use std::time::Duration;

pub(crate) use self::address::{Leg, ServerAddress};
#[cfg(feature = "turn")]
pub(crate) use self::gather::{Answer, Gather, Said, Step};
#[cfg(feature = "turn")]
pub(crate) use self::relay::Failure;
pub use self::server::IceServer;

/// The servers that a peer asks for addresses, and what it may use.
#[derive(Clone, Debug, Default)]
pub(crate) struct IceHelp {
    pub(crate) servers: Vec<IceServer>,
    /// True if only relayed addresses may be used.
    pub(crate) relay_only: bool,
    /// The longest that they are asked; zero asks none.
    pub(crate) limit: Duration,
}

impl IceHelp {
    /// True if somebody is asked.
    pub(crate) fn asks(&self) -> bool {
        cfg!(feature = "turn") && !self.limit.is_zero() && !self.servers.is_empty()
    }

    /// False if only relayed addresses may be used, and no server is asked that lends one in a way that is known here:
    /// any but DTLS.
    pub(crate) fn may_connect(&self) -> bool {
        let lends = |uri: &String| {
            ServerAddress::read(uri).is_some_and(|at| at.is_relay && at.leg != Leg::Dtls)
        };
        let relays = || self.servers.iter().flat_map(|server| &server.urls).any(lends);
        !self.relay_only || (self.asks() && relays())
    }
}
