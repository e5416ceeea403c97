//! The common part of one client's connections: options, time, trust, proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use offhook::machine::{NetError, NetErrorKind};
use offhook::net::{NetOptions, Proxies};
use offhook::sdp::candidate::is_hidden_name;
use rustls::ClientConfig;

use crate::clock::Clock;
use crate::error::StartError;
use crate::lookup::Share;
use crate::trust::trust;

/// Made once for each client.
pub(crate) struct Net {
    pub(crate) options: NetOptions,
    pub(crate) proxies: Proxies,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) clock: Clock,
    share: Share,
    /// The share of names which far sides give: theirs take no place of the client's own.
    hidden: Share,
}

impl Net {
    pub(crate) fn new(options: NetOptions, clock: Clock) -> Result<Arc<Self>, StartError> {
        let proxies = Proxies::new(&options.proxy, |name| std::env::var(name).ok())?;
        let tls = trust(&options)?;
        if options.accepts_any_certificate() {
            tracing::warn!("no certificate is verified: whoever is on the way can read everything");
        }
        Ok(Arc::new(Self {
            options,
            proxies,
            tls,
            clock,
            share: Share::default(),
            hidden: Share::default(),
        }))
    }

    /// The address of a host, if it is known without asking the network.
    pub(crate) fn known_address(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if let Some(address) = self.options.resolve.get(&host.to_ascii_lowercase()) {
            return Some(*address);
        }
        let address: IpAddr = bare(host).parse().ok()?;
        Some(SocketAddr::new(address, port))
    }

    /// The addresses of a host. Never empty.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NetError> {
        if let Some(address) = self.known_address(host, port) {
            return Ok(vec![address]);
        }
        if !is_hidden_name(host) {
            return self.share.resolve(host, port).await;
        }
        if !self.options.mdns {
            return Err(NetError::new(NetErrorKind::Resolve, "far sides' names are not looked up"));
        }
        self.hidden.resolve(host, port).await
    }
}

/// A URI's host without the brackets of an IPv6 address.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}
