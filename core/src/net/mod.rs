//! Network settings for every runtime: plain data, no sockets.

mod families;
mod proxy;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use families::is_named;
pub use families::{Ipv6, Network, NetworkError};
pub use proxy::{Proxies, ProxyError, ProxyKind, ProxyServer, ProxyStep, ProxyTunnel};
pub use trust::{CertificatePin, PinError, Roots};

/// Network options, the same for every runtime. A plain template: take the defaults and change
/// what differs, field by field or with the setters, which have the fields' names.
///
/// ```
/// use offhook::net::{NetOptions, Proxy};
///
/// let options = NetOptions::default().ipv6(true);
/// assert_eq!(options.proxy, Proxy::None);
/// assert_eq!(options.http_exchanges, 4);
/// assert!(!options.loopback);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NetOptions {
    /// The certificate authorities to trust. Default [`Roots::Platform`].
    pub roots: Roots,
    /// Certificates (DER) to trust besides `roots`; with [`Roots::None`] these alone.
    pub extra_roots: Vec<Vec<u8>>,
    /// The keys that a host may have, by lower-case host name as it is connected to, or address. A
    /// host named here must show a certificate that is trusted and whose key is one of these; with
    /// an empty list no certificate will do. Other hosts may have any key. Default empty.
    pub pins: BTreeMap<String, Vec<CertificatePin>>,
    any_certificate: bool,
    /// The way out for HTTP, WebSockets and streams, TURN over TCP or TLS among them. Default
    /// [`Proxy::None`]. UDP never goes through a proxy: where only the proxy leads out, media needs
    /// a TURN server over TCP or TLS.
    pub proxy: Proxy,
    /// Bind media sockets to these addresses only. Empty (the default): to every interface that
    /// is up, within `interfaces`.
    pub bind: Vec<IpAddr>,
    /// Use only the interfaces with these names. Empty (the default): all.
    pub interfaces: Vec<String>,
    /// True if loopback addresses may carry media, for tests and emulators. Default false.
    pub loopback: bool,
    /// Do not use the interfaces with these names, nor those that begin so where a name ends with a
    /// star: `docker0`, `veth*`. Default empty.
    pub excluded_interfaces: Vec<String>,
    /// Do not use addresses of these networks, whichever interface has them. Default empty.
    pub excluded_networks: Vec<Network>,
    /// The use of IPv6 addresses by media. Default [`Ipv6::Off`]; the setter takes `true` for
    /// [`Ipv6::On`], too.
    pub ipv6: Ipv6,
    /// True to look up the names by which browsers hide their addresses
    /// ([`is_hidden_name`](crate::sdp::candidate::is_hidden_name)), by the system's resolver, which
    /// knows multicast DNS on macOS, Windows, and Linux with nss-mdns. So a far side in the same
    /// network is called without a detour, and whoever calls can have us ask that network for a random
    /// name. Default true, as in browsers. Without, such a far side has to reach us first, or is reached
    /// by other addresses.
    pub mdns: bool,
    /// True to look after the interfaces while anything is open, four times a second: media moves to new addresses
    /// and off those that are gone, and connections that went by one of these are lost at once. Default false, as a
    /// look costs some system calls: an application that is told of changes says so instead (`addresses_changed` of
    /// the runtimes' clients).
    pub watch_interfaces: bool,
    /// HTTP exchanges of one client at once, at least 1. Default 4. More wait in order. None
    /// takes a thread, so that a service that hangs holds up nobody else's.
    pub http_exchanges: usize,
    /// The largest HTTP body accepted, in bytes. Default 1 MiB.
    pub max_body: usize,
    /// The largest WebSocket message accepted, in bytes. Default 256 KiB. A larger one ends the
    /// socket with code 1009.
    pub max_message: usize,
    /// Connect to these addresses instead of resolving the name, by lower-case host name.
    pub resolve: BTreeMap<String, SocketAddr>,
}

impl Default for NetOptions {
    fn default() -> Self {
        Self {
            roots: Roots::Platform,
            extra_roots: Vec::new(),
            pins: BTreeMap::new(),
            any_certificate: false,
            proxy: Proxy::None,
            bind: Vec::new(),
            interfaces: Vec::new(),
            loopback: false,
            excluded_interfaces: Vec::new(),
            excluded_networks: Vec::new(),
            ipv6: Ipv6::Off,
            mdns: true,
            watch_interfaces: false,
            http_exchanges: 4,
            max_body: 1 << 20,
            max_message: 256 << 10,
            resolve: BTreeMap::new(),
        }
    }
}

/// One address of one of this computer's interfaces, as the runtime found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterfaceAddress {
    /// The interface's name: `eth0`.
    pub name: String,
    /// The address.
    pub address: IpAddr,
}

impl InterfaceAddress {
    /// An address of the interface of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, address: IpAddr) -> Self {
        Self { name: name.into(), address }
    }
}

setters!(NetOptions {
    roots: Roots,
    extra_roots: all [Vec<u8>],
    pins: is [BTreeMap<String, Vec<CertificatePin>>],
    proxy: Proxy,
    bind: all [IpAddr],
    interfaces: all [String],
    loopback: bool,
    excluded_interfaces: all [String],
    excluded_networks: all [Network],
    ipv6: into [Ipv6],
    mdns: bool,
    watch_interfaces: bool,
    http_exchanges: usize,
    max_body: usize,
    max_message: usize,
    resolve: is [BTreeMap<String, SocketAddr>],
});

impl NetOptions {
    /// The most local addresses that one media session uses; the first ones win.
    pub const MAX_MEDIA_ADDRESSES: usize = 16;

    /// With any server believed to be the one it says it is: **no certificate is verified**, and
    /// whoever is on the way can read and change everything, passwords and tokens too.
    ///
    /// For tests against servers whose certificate cannot be had; where it can, take
    /// [`NetOptions::extra_roots`]. Nothing else switches verification off. The handshake must
    /// still be signed by the certificate's key, and [`NetOptions::pins`] still hold. Each client
    /// that starts so says it in its log, at level `WARN`.
    #[must_use]
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.any_certificate = true;
        self
    }

    /// True after [`NetOptions::danger_accept_any_certificate`].
    #[must_use]
    pub fn accepts_any_certificate(&self) -> bool {
        self.any_certificate
    }

    /// The addresses that media may use, most preferred first: IPv4 before IPv6, or after it
    /// ([`Ipv6::Preferred`]), loopback last, otherwise in the order of `interfaces`. Servers for media
    /// are asked by an address of each family that there is.
    ///
    /// What [`NetOptions::bind`] names is taken literally. Of the interfaces' addresses,
    /// unspecified, multicast and IPv6 link-local ones never carry media.
    ///
    /// ```
    /// use offhook::net::{InterfaceAddress, NetOptions};
    ///
    /// let address = |name: &str, ip: &str| InterfaceAddress::new(name, ip.parse().unwrap());
    /// let here = [address("lo", "127.0.0.1"), address("eth0", "10.0.0.7")];
    /// let chosen = NetOptions::default().media_addresses(&here);
    /// assert_eq!(chosen, ["10.0.0.7".parse::<std::net::IpAddr>().unwrap()]);
    ///
    /// let here = [address("eth0", "10.0.0.7"), address("tun0", "10.8.0.2"), address("docker0", "172.17.0.1")];
    /// let options = NetOptions::default()
    ///     .excluded_interfaces(["docker0"])
    ///     .excluded_networks(["10.8.0.0/16".parse::<offhook::net::Network>()?]);
    /// assert_eq!(options.media_addresses(&here), chosen);
    /// # Ok::<(), offhook::net::NetworkError>(())
    /// ```
    #[must_use]
    pub fn media_addresses(&self, interfaces: &[InterfaceAddress]) -> Vec<IpAddr> {
        let mut chosen: Vec<IpAddr> = if self.bind.is_empty() {
            interfaces
                .iter()
                .filter(|i| self.interfaces.is_empty() || self.interfaces.contains(&i.name))
                .filter(|i| !self.excluded_interfaces.iter().any(|one| is_named(&i.name, one)))
                .map(|i| i.address)
                .filter(|address| self.may_carry_media(*address))
                .collect()
        } else {
            self.bind.clone()
        };
        chosen.sort_by_key(|address| (address.is_loopback(), self.ipv6.rank(*address)));
        let mut seen = BTreeSet::new();
        chosen.retain(|address| seen.insert(*address));
        chosen.truncate(Self::MAX_MEDIA_ADDRESSES);
        chosen
    }

    fn may_carry_media(&self, address: IpAddr) -> bool {
        // A link-local IPv6 address needs a scope, which a candidate cannot carry.
        let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        !address.is_unspecified()
            && !address.is_multicast()
            && !link_local
            && (self.loopback || !address.is_loopback())
            && self.ipv6.allows(address)
            && !self.excluded_networks.iter().any(|network| network.contains(address))
    }
}

/// A way out through a proxy: HTTP (`CONNECT`, RFC 9110 section 9.3.6) or SOCKS5 (RFC 1928).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// Connect directly, whatever the environment says.
    #[default]
    None,
    /// The proxies of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, read by the runtime.
    Environment,
    /// Through this proxy, `http://[user:password@]host:port`, or with `socks5` (names are resolved
    /// here) or `socks5h` (the proxy resolves them) in place of `http`.
    Url(ProxyUrl),
}

/// A proxy's address. Its `Debug` shows host and port, and nothing of what cannot be read.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(pub String);

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match ProxyServer::parse(&self.0) {
            Ok(server) => write!(f, "{server:?}"),
            Err(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Vec<InterfaceAddress> {
        [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("eth0", "fe80::1"),
            ("eth0", "2001:db8::7"),
            ("eth0", "10.0.0.7"),
            ("tun0", "10.8.0.2"),
            ("eth0", "10.0.0.7"),
        ]
        .map(|(name, ip)| InterfaceAddress {
            name: name.to_owned(),
            address: ip.parse().expect("an address"),
        })
        .to_vec()
    }

    fn chosen(options: &NetOptions) -> Vec<String> {
        options.media_addresses(&here()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn by_default_media_uses_every_ipv4_interface_but_loopback() {
        assert_eq!(chosen(&NetOptions::default()), ["10.0.0.7", "10.8.0.2"]);
    }

    #[test]
    fn loopback_and_ipv6_come_last_and_only_when_allowed() {
        let options = NetOptions { loopback: true, ..NetOptions::default() }.ipv6(true);
        assert_eq!(chosen(&options), ["10.0.0.7", "10.8.0.2", "2001:db8::7", "127.0.0.1", "::1"]);
    }

    #[test]
    fn rfc_8421_4_ipv6_comes_first_or_alone_where_that_is_wanted() {
        let of = |ipv6| chosen(&NetOptions { loopback: true, ipv6, ..NetOptions::default() });
        assert_eq!(of(Ipv6::Off), ["10.0.0.7", "10.8.0.2", "127.0.0.1"]);
        assert_eq!(
            of(Ipv6::Preferred),
            ["2001:db8::7", "10.0.0.7", "10.8.0.2", "::1", "127.0.0.1"]
        );
        assert_eq!(of(Ipv6::Only), ["2001:db8::7", "::1"]);
        assert_eq!(NetOptions::default().ipv6(false).ipv6, Ipv6::Off);
    }

    #[test]
    fn what_is_excluded_is_not_used_whatever_else_is_chosen() {
        let all = NetOptions::default().ipv6(true);
        assert_eq!(chosen(&all.clone().excluded_interfaces(["tun*"])), ["10.0.0.7", "2001:db8::7"]);
        assert_eq!(chosen(&all.clone().excluded_interfaces(["eth0", "wlan0"])), ["10.8.0.2"]);
        let network = |text: &str| text.parse::<Network>().unwrap();
        let networks = [network("10.8.0.0/16"), network("2001:db8::/32")];
        assert_eq!(chosen(&all.clone().excluded_networks(networks)), ["10.0.0.7"]);
        let both = all.interfaces(["tun0"]).excluded_interfaces(["tun0"]);
        assert_eq!(chosen(&both), [""; 0]);
        let bound = NetOptions::default().bind([IpAddr::from([10, 8, 0, 2])]);
        assert_eq!(chosen(&bound.excluded_networks(networks)), ["10.8.0.2"], "taken literally");
    }

    #[test]
    fn named_interfaces_and_bound_addresses_narrow_the_choice() {
        let options = NetOptions { interfaces: vec!["tun0".into()], ..NetOptions::default() };
        assert_eq!(chosen(&options), ["10.8.0.2"]);
        let options = NetOptions { interfaces: vec!["wlan0".into()], ..NetOptions::default() };
        assert_eq!(chosen(&options), [""; 0]);
        let bind = vec![IpAddr::from([127, 0, 0, 1])];
        assert_eq!(chosen(&NetOptions { bind, ..NetOptions::default() }), ["127.0.0.1"]);
    }

    #[test]
    fn d23_no_option_shows_a_proxys_password() {
        for url in ["socks5://hunter2:hunter2@p:1", "http://hunter2:hunter2%zz@p", "hunter2://p"] {
            let option = NetOptions::default().proxy(Proxy::Url(ProxyUrl(url.to_owned())));
            assert!(!format!("{option:?}").contains("hunter2"), "{option:?}");
        }
    }

    #[test]
    fn certificates_are_verified_unless_it_is_loudly_switched_off() {
        let options = NetOptions::default();
        assert!(!options.accepts_any_certificate());
        assert!(format!("{options:?}").contains("any_certificate: false"));
        let options = options.danger_accept_any_certificate();
        assert!(options.accepts_any_certificate());
        assert!(format!("{options:?}").contains("any_certificate: true"));
    }

    #[test]
    fn a_session_uses_a_bounded_number_of_addresses() {
        let many: Vec<_> = (0..=255)
            .map(|n| InterfaceAddress { name: "eth0".into(), address: [10, 0, 0, n].into() })
            .collect();
        let chosen = NetOptions::default().media_addresses(&many);
        assert_eq!(chosen.len(), NetOptions::MAX_MEDIA_ADDRESSES);
    }
}
