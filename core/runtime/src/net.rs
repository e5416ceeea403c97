//! The common part of one client's connections: options, time, trust, proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use offhook::machine::NetError;
use offhook::net::{NetOptions, Proxies};
use rustls::{ClientConfig, RootCertStore};

use crate::clock::Clock;
use crate::error::StartError;
use crate::lookup::Share;

/// Made once for each client.
pub(crate) struct Net {
    pub(crate) options: NetOptions,
    pub(crate) proxies: Proxies,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) clock: Clock,
    share: Share,
}

impl Net {
    pub(crate) fn new(options: NetOptions, clock: Clock) -> Result<Arc<Self>, StartError> {
        let proxies = Proxies::new(&options.proxy, |name| std::env::var(name).ok())?;
        let tls = trust(&options)?;
        Ok(Arc::new(Self { options, proxies, tls, clock, share: Share::default() }))
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
        self.share.resolve(host, port).await
    }
}

/// The settings that tell TLS configurations apart, and the configuration while anybody uses it.
type Trusted = ((bool, Vec<Vec<u8>>), Weak<ClientConfig>);

/// TLS as the options want it. Clients that trust the same share one configuration.
fn trust(options: &NetOptions) -> Result<Arc<ClientConfig>, StartError> {
    static IN_USE: Mutex<Vec<Trusted>> = Mutex::new(Vec::new());

    // The list is whole after every statement, so a panic elsewhere does not matter.
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|(_, config)| config.strong_count() > 0);
    let wanted = (options.builtin_roots, options.extra_roots.clone());
    if let Some((_, config)) = in_use.iter().find(|(trusted, _)| *trusted == wanted)
        && let Some(config) = config.upgrade()
    {
        return Ok(config);
    }
    let mut roots = RootCertStore::empty();
    if options.builtin_roots {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in &options.extra_roots {
        roots.add(certificate.clone().into())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    in_use.push((wanted, Arc::downgrade(&config)));
    Ok(config)
}

/// A URI's host without the brackets of an IPv6 address.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_trust_the_same_share_it_and_no_others_do() {
        let own = |builtin_roots| {
            let options = NetOptions::default().builtin_roots(builtin_roots);
            Net::new(options, Clock::default()).expect("usable")
        };
        let (one, other, bare) = (own(true), own(true), own(false));
        assert!(Arc::ptr_eq(&one.tls, &other.tls));
        assert!(!Arc::ptr_eq(&one.tls, &bare.tls));
    }
}
