//! The choice among the addresses of interfaces: families, networks and names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The use of IPv6 addresses by media. Link-local ones are never used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ipv6 {
    /// Not at all, as in the reference client.
    #[default]
    Off,
    /// After those of IPv4.
    On,
    /// Before those of IPv4 (RFC 8421 section 4).
    Preferred,
    /// Alone: those of IPv4 are not used.
    Only,
}

impl From<bool> for Ipv6 {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl Ipv6 {
    /// True if addresses of this family may be used.
    pub(super) const fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Off => address.is_ipv4(),
            Self::On | Self::Preferred => true,
            Self::Only => address.is_ipv6(),
        }
    }

    /// The rank of an address's family: the lower, the sooner it is used.
    pub(super) fn rank(self, address: IpAddr) -> u8 {
        let is_first = match self {
            Self::Off | Self::On => address.is_ipv4(),
            Self::Preferred | Self::Only => address.is_ipv6(),
        };
        u8::from(!is_first)
    }
}

/// A network: an address and how many of its first bits count (RFC 4632 section 3.1).
///
/// ```
/// use offhook::net::Network;
///
/// let vpn: Network = "10.8.0.0/16".parse()?;
/// assert!(vpn.contains([10, 8, 3, 4].into()));
/// assert!(!vpn.contains([10, 9, 0, 1].into()));
/// // One address.
/// let printer: Network = "192.0.2.9".parse()?;
/// assert_eq!(printer.to_string(), "192.0.2.9/32");
/// # Ok::<(), offhook::net::NetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a network: an address, a slash, and how many bits of it count")]
pub struct NetworkError;

impl Network {
    /// True if an address is in it. One of the other family never is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                let differ = u32::from(one) ^ u32::from(other);
                differ.checked_shr(32 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                let differ = u128::from(one) ^ u128::from(other);
                differ.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => most,
            Some(prefix) => Some(prefix)
                .filter(is_number)
                .and_then(|prefix| prefix.parse().ok())
                .filter(|prefix| *prefix <= most)
                .ok_or(NetworkError)?,
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// True if a name is the one of a pattern, or begins as one does that ends with a star.
pub(super) fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn rfc_4632_3_1_the_first_bits_of_a_network_count() {
        for (text, inside, outside) in [
            ("10.8.0.0/16", "10.8.255.255", "10.9.0.0"),
            ("10.8.7.6/16", "10.8.0.1", "10.7.7.6"),
            ("192.0.2.128/25", "192.0.2.200", "192.0.2.100"),
            ("192.0.2.9", "192.0.2.9", "192.0.2.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("fd00::/8", "fd12::1", "fe12::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "ffff::1", "192.0.2.1"),
            ("::1", "::1", "::2"),
        ] {
            let network = network(text);
            assert!(network.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{text} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "/", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0/8", "a/8", "::/+8", "::/-1"]
        {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_the_rest_of_a_name() {
        assert!(is_named("docker0", "docker0") && !is_named("docker01", "docker0"));
        assert!(is_named("veth1a2b", "veth*") && !is_named("eth0", "veth*"));
        assert!(is_named("anything", "*") && is_named("veth", "veth*"));
    }

    proptest! {
        #[test]
        fn a_network_has_its_own_address_and_reads_as_it_writes(
            bits in any::<u128>(), v4 in any::<bool>(), prefix in 0_u8..=128,
        ) {
            let (address, prefix) = if v4 {
                (IpAddr::V4((bits as u32).into()), prefix % 33)
            } else {
                (IpAddr::V6(bits.into()), prefix)
            };
            let network = network(&format!("{address}/{prefix}"));
            prop_assert!(network.contains(address));
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }

        #[test]
        fn no_text_panics(text in "[0-9a-f:./]{0,30}|\\PC{0,20}") {
            let _ = text.parse::<Network>();
        }
    }
}
