//! What one client's connections share: options, trust, proxies.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use offhook::machine::{NetError, NetErrorKind};
use offhook::net::{NetOptions, Proxies};
use rustls::{ClientConfig, RootCertStore};

use crate::error::BuildError;

/// Made once for each client.
pub(crate) struct Net {
    pub(crate) options: NetOptions,
    pub(crate) proxies: Proxies,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Net {
    pub(crate) fn new(options: NetOptions) -> Result<Arc<Self>, BuildError> {
        let proxies = Proxies::new(&options.proxy, |name| std::env::var(name).ok())?;
        let mut roots = RootCertStore::empty();
        if options.builtin_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for certificate in &options.extra_roots {
            roots.add(certificate.clone().into())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(Self { options, proxies, tls: Arc::new(tls) }))
    }

    /// Where to connect to for a host, without asking the network if that is possible.
    pub(crate) fn known_address(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if let Some(address) = self.options.resolve.get(&host.to_ascii_lowercase()) {
            return Some(*address);
        }
        let address: IpAddr = bare(host).parse().ok()?;
        Some(SocketAddr::new(address, port))
    }

    /// Where to connect to for a host. Never empty.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NetError> {
        if let Some(address) = self.known_address(host, port) {
            return Ok(vec![address]);
        }
        let name = (host.to_owned(), port);
        let addresses = blocking::unblock(move || name.to_socket_addrs())
            .await
            .map_err(|error| NetError::new(NetErrorKind::Resolve, error.to_string()))?;
        let addresses: Vec<_> = addresses.collect();
        if addresses.is_empty() {
            return Err(NetError::new(NetErrorKind::Resolve, "the name has no address"));
        }
        Ok(addresses)
    }
}

/// A URI's host without the brackets of an IPv6 address.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}
