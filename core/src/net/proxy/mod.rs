//! Proxies: whose turn it is, and the talk with one until a tunnel stands.

mod exceptions;
mod http;
mod server;
mod socks;
mod tunnel;

pub use server::{ProxyError, ProxyKind, ProxyServer};
pub use tunnel::{ProxyStep, ProxyTunnel};

use super::Proxy;
use exceptions::Exceptions;

/// The proxy of each host. Made once from [`Proxy`] and the environment.
///
/// ```
/// use offhook::net::{Proxies, Proxy};
///
/// let environment = |name: &str| match name {
///     "HTTPS_PROXY" => Some("http://proxy.example:3128".to_owned()),
///     "NO_PROXY" => Some("localhost,.internal".to_owned()),
///     _ => None,
/// };
/// let proxies = Proxies::new(&Proxy::Environment, environment)?;
/// assert_eq!(proxies.find(true, "api.example.com", 443).unwrap().port, 3128);
/// assert!(proxies.find(true, "db.internal", 443).is_none());
/// assert!(proxies.find(false, "api.example.com", 80).is_none());
/// # Ok::<(), offhook::net::ProxyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    secure: Option<ProxyServer>,
    plain: Option<ProxyServer>,
    except: Exceptions,
}

impl Proxies {
    /// Reads the option, and for [`Proxy::Environment`] these variables through `variable`, in
    /// upper or lower case: `HTTPS_PROXY` for `https` and `wss`, `HTTP_PROXY` for `http` and
    /// `ws`, `ALL_PROXY` for what has none, `NO_PROXY` for exceptions. Any of them may name a
    /// proxy of either kind.
    ///
    /// # Errors
    ///
    /// A proxy that is named but cannot be used: going direct instead would surprise.
    pub fn new(
        proxy: &Proxy,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ProxyError> {
        let read = |name: &str| {
            variable(name)
                .or_else(|| variable(&name.to_ascii_lowercase()))
                .filter(|value| !value.is_empty())
        };
        let server = |name: &str| {
            read(name).or_else(|| read("ALL_PROXY")).map(|url| ProxyServer::parse(&url)).transpose()
        };
        match proxy {
            Proxy::None => Ok(Self::default()),
            Proxy::Url(url) => {
                let server = ProxyServer::parse(&url.0)?;
                Ok(Self {
                    secure: Some(server.clone()),
                    plain: Some(server),
                    except: Exceptions::default(),
                })
            }
            Proxy::Environment => Ok(Self {
                secure: server("HTTPS_PROXY")?,
                plain: server("HTTP_PROXY")?,
                except: Exceptions::parse(&read("NO_PROXY").unwrap_or_default()),
            }),
        }
    }

    /// The proxy for a host and port, if it has one. `secure` means `https` or `wss`.
    ///
    /// `NO_PROXY` is read as curl, Go and Python read it, with commas or spaces between its entries:
    /// `*` excepts every host; `x`, `.x` and `*.x` except `x` and all hosts below it; an address, in
    /// brackets or not, excepts itself; a network such as `10.0.0.0/8` its addresses. All but
    /// networks may end with a port and then concern that port only.
    #[must_use]
    pub fn find(&self, secure: bool, host: &str, port: u16) -> Option<&ProxyServer> {
        let server = if secure { &self.secure } else { &self.plain };
        server.as_ref().filter(|_| !self.except.contain(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        variables: &'static [(&'static str, &'static str)],
    ) -> Result<Proxies, ProxyError> {
        Proxies::new(&Proxy::Environment, |name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_the_option_the_environment_is_not_read() {
        let proxies = Proxies::new(&Proxy::None, |_| Some("http://p:1".into())).unwrap();
        assert_eq!(proxies.find(true, "example.com", 443), None);
    }

    #[test]
    fn the_environment_names_proxies_by_scheme_with_a_fallback() {
        let proxies =
            environment(&[("https_proxy", "one:1"), ("ALL_PROXY", "http://two:2/")]).unwrap();
        assert_eq!(proxies.find(true, "example.com", 443).unwrap().host, "one");
        assert_eq!(proxies.find(false, "example.com", 80).unwrap().host, "two");
    }

    #[test]
    fn no_proxy_excepts_a_host_and_all_below_it() {
        let proxies = environment(&[
            ("ALL_PROXY", "p:1"),
            ("NO_PROXY", " example.com , .internal,127.0.0.1,::1"),
        ])
        .unwrap();
        for host in ["example.com", "API.Example.com", "db.internal", "127.0.0.1", "[::1]"] {
            assert_eq!(proxies.find(true, host, 443), None, "{host}");
        }
        for host in ["badexample.com", "example.com.evil", "127.0.0.11"] {
            assert!(proxies.find(true, host, 443).is_some(), "{host}");
        }
        let all = environment(&[("ALL_PROXY", "p:1"), ("NO_PROXY", "*")]).unwrap();
        assert_eq!(all.find(false, "example.com", 80), None);
    }

    #[test]
    fn all_proxy_may_be_socks5() {
        let proxies =
            environment(&[("ALL_PROXY", "socks5://me:pw@p"), ("HTTP_PROXY", "q")]).unwrap();
        let server = proxies.find(true, "example.com", 443).unwrap();
        assert_eq!((server.kind, server.port), (ProxyKind::Socks5, 1080));
        let server = proxies.find(false, "example.com", 80).unwrap();
        assert_eq!((server.kind, server.port), (ProxyKind::Http, 80));
    }
}
