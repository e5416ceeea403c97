//! What every runtime needs to be told about the network: plain data, no sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Network options, the same for every runtime.
///
/// ```
/// use offhook::net::{NetOptions, Proxy};
///
/// let options = NetOptions::default();
/// assert_eq!(options.proxy, Proxy::None);
/// assert_eq!(options.http_threads, 4);
/// assert!(!options.loopback);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NetOptions {
    /// Trust these certificates (DER) besides, or instead of, the built-in roots.
    pub extra_roots: Vec<Vec<u8>>,
    /// Whether to trust the built-in Mozilla roots. Default true.
    pub builtin_roots: bool,
    /// How to get out to HTTP and WebSocket servers. Default [`Proxy::None`].
    pub proxy: Proxy,
    /// Bind media sockets to these addresses only. Empty (the default): to every interface that
    /// is up, within `interfaces`.
    pub bind: Vec<IpAddr>,
    /// Use only the interfaces with these names. Empty (the default): all.
    pub interfaces: Vec<String>,
    /// Whether loopback addresses may carry media, for tests and emulators. Default false.
    pub loopback: bool,
    /// Whether IPv6 addresses may carry media. Default false, as in the reference client.
    pub ipv6: bool,
    /// Blocking HTTP exchanges at once, at least 1. Default 4. More wait in order.
    pub http_threads: usize,
    /// The largest HTTP body accepted, in bytes. Default 8 MiB.
    pub max_body: usize,
    /// The largest WebSocket message accepted, in bytes. Default 1 MiB.
    pub max_message: usize,
    /// Connect to these addresses instead of resolving the name, by lower-case host name.
    pub resolve: BTreeMap<String, SocketAddr>,
}

impl Default for NetOptions {
    fn default() -> Self {
        Self {
            extra_roots: Vec::new(),
            builtin_roots: true,
            proxy: Proxy::None,
            bind: Vec::new(),
            interfaces: Vec::new(),
            loopback: false,
            ipv6: false,
            http_threads: 4,
            max_body: 8 << 20,
            max_message: 1 << 20,
            resolve: BTreeMap::new(),
        }
    }
}

/// A way out through an HTTP proxy (`CONNECT`, RFC 9110 section 9.3.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// Connect directly, whatever the environment says.
    #[default]
    None,
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, read by the runtime.
    Environment,
    /// Through this proxy, `http://[user:password@]host:port`.
    Url(ProxyUrl),
}

/// A proxy's address. Its `Debug` hides the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(pub String);

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.rsplit('@').next().unwrap_or_default())
    }
}
