//! Local addresses of media as they cross the contract.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A local address that media may use.
///
/// ```
/// # use offhook::machine::Local;
/// let address: std::net::SocketAddr = "192.0.2.7:40000".parse().unwrap();
/// let wired = Local::from(address).interface("eth0");
/// assert_eq!(wired.preference, Local::MOST);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Local {
    /// The address that the socket is bound to; never unspecified (`0.0.0.0`).
    pub address: SocketAddr,
    /// The name of the network interface, where it is known.
    pub interface: Option<String>,
    /// The local preference (RFC 8445 section 5.1.2.1): the higher, the sooner it is used.
    pub preference: u16,
}

impl Local {
    /// The highest preference: that of a host with one address (RFC 8445 section 5.1.2.1).
    pub const MOST: u16 = u16::MAX;

    /// Addresses in the order of preference, most preferred first.
    pub fn in_order(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<Self> {
        let ranked = addresses.into_iter().zip((0..=Self::MOST).rev());
        ranked.map(|(address, rank)| Self::from(address).preference(rank)).collect()
    }

    /// Sets the name of the interface.
    #[must_use]
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        self.interface = Some(name.into());
        self
    }

    /// Sets the preference.
    #[must_use]
    pub const fn preference(mut self, preference: u16) -> Self {
        self.preference = preference;
        self
    }
}

impl From<SocketAddr> for Local {
    fn from(address: SocketAddr) -> Self {
        Self { address, interface: None, preference: Self::MOST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_addresses_is_that_of_their_preferences() {
        let addresses = (0..70_000_u32).map(|n| {
            let [_, b, c, d] = n.to_be_bytes();
            SocketAddr::from(([10, b, c, d], 4000))
        });
        let locals = Local::in_order(addresses.clone());
        assert_eq!(locals.len(), 65_536, "each has a preference of its own");
        assert!(locals.is_sorted_by(|a, b| a.preference > b.preference));
        assert_eq!(locals.first().map(|local| local.address), addresses.clone().next());
    }
}
