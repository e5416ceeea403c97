//! The address of a server, as a URI names it (RFC 7064 section 3.1, RFC 7065 section 3.1).

#[cfg(feature = "turn")]
use std::net::{IpAddr, SocketAddr};

#[cfg(feature = "turn")]
use crate::machine::Local;

/// The way to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leg {
    Udp,
    Tcp,
    /// TLS over TCP.
    Tls,
    /// DTLS over UDP (RFC 7350).
    Dtls,
}

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    /// True if it lends addresses: TURN.
    pub(crate) is_relay: bool,
    pub(crate) leg: Leg,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl ServerAddress {
    /// Reads a URI; none where it is none of STUN or TURN.
    pub(crate) fn read(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once(':')?;
        let (is_relay, is_secure) = match scheme {
            "stun" => (false, false),
            "stuns" => (false, true),
            "turn" => (true, false),
            "turns" => (true, true),
            _ => return None,
        };
        let (rest, transport) = match rest.split_once('?') {
            Some((rest, query)) if is_relay => (rest, query.strip_prefix("transport=")?),
            Some(_) => return None,
            None => (rest, if is_secure { "tcp" } else { "udp" }),
        };
        let leg = match (transport, is_secure) {
            ("udp", false) => Leg::Udp,
            ("udp", true) => Leg::Dtls,
            ("tcp", false) => Leg::Tcp,
            ("tcp", true) => Leg::Tls,
            _ => return None,
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6.split_once(']')?;
                let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
                (host, port)
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(clean) {
            return None;
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None if is_secure => 5349,
            None => 3478,
        };
        Some(Self { is_relay, leg, host: host.to_owned(), port })
    }
}

/// True if it can be one computer's.
#[cfg(feature = "turn")]
pub(super) fn is_somebodys(address: SocketAddr) -> bool {
    let ip = address.ip();
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}

/// True if a server may tell it as an address of ours. One of an interface's own is no news.
#[cfg(feature = "turn")]
pub(super) fn may_be_ours(address: SocketAddr, hosts: &[Local]) -> bool {
    is_somebodys(address) && hosts.iter().all(|host| host.address != address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7064_7065_what_is_not_said_is_as_usual() {
        let read = |uri: &str| {
            let ServerAddress { is_relay, leg, host, port } = ServerAddress::read(uri).unwrap();
            (is_relay, leg, host, port)
        };
        assert_eq!(read("stun:h"), (false, Leg::Udp, "h".to_owned(), 3478));
        assert_eq!(read("stuns:h:1"), (false, Leg::Tls, "h".to_owned(), 1));
        assert_eq!(read("turn:[::1]:9?transport=tcp"), (true, Leg::Tcp, "::1".to_owned(), 9));
        assert_eq!(read("turns:h"), (true, Leg::Tls, "h".to_owned(), 5349));
        assert_eq!(read("turns:h?transport=udp"), (true, Leg::Dtls, "h".to_owned(), 5349));
    }
}
