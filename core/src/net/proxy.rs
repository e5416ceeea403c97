//! HTTP proxies: whose turn it is, and how to ask one for a tunnel (RFC 9110 section 9.3.6).

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Proxy;
use super::exceptions::Exceptions;
use crate::machine::{NetError, NetErrorKind};

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
    /// `ws`, `ALL_PROXY` for what has none, `NO_PROXY` for exceptions.
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

/// An HTTP proxy. Its `Debug` hides the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyServer {
    /// Its host, an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User name and password, for `Basic` (RFC 7617).
    pub credentials: Option<(String, String)>,
}

impl ProxyServer {
    /// The longest answer to `CONNECT` that is read, in bytes.
    pub const MAX_RESPONSE: usize = 16 * 1024;

    /// Reads `[http://][user:password@]host[:port][/]`. The default port is 80. User name and
    /// password may be percent-encoded.
    ///
    /// # Errors
    ///
    /// [`ProxyError`] by its parts; none of them shows the credentials.
    pub fn parse(url: &str) -> Result<Self, ProxyError> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            // Only a name that is known is shown: any other may be a part of a password.
            Some((scheme, _)) if is_scheme(scheme) => {
                let known = OTHER_SCHEMES.iter().find(|known| scheme.eq_ignore_ascii_case(known));
                let shown = known.copied().unwrap_or("unknown");
                return Err(ProxyError::Scheme(shown.to_owned()));
            }
            _ => url,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, authority) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((user, authority)) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                (Some((percent_decode(name)?, percent_decode(password)?)), authority)
            }
        };
        let authority: http::uri::Authority = authority.parse().map_err(|_| ProxyError::Host)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        // `Authority::port` is silent about a port that is not a number below 65536.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            None | Some("" | ":") => 80,
            Some(port) => port.trim_start_matches(':').parse().map_err(|_| ProxyError::Host)?,
        };
        if host.is_empty() {
            return Err(ProxyError::Host);
        }
        Ok(Self { host, port, credentials })
    }

    /// The request for a tunnel to a host, ready to be sent.
    #[must_use]
    pub fn connect_request(&self, host: &str, port: u16) -> String {
        let host = host.trim_matches(['[', ']']);
        let target =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let authorization = match &self.credentials {
            None => String::new(),
            Some((user, password)) => format!(
                "Proxy-Authorization: Basic {}\r\n",
                BASE64_STANDARD.encode(format!("{user}:{password}"))
            ),
        };
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n")
    }

    /// Reads the answer to [`ProxyServer::connect_request`] from the bytes received so far:
    /// whether the tunnel stands now. Read no byte past the empty line: what follows belongs to
    /// the tunnel.
    ///
    /// # Errors
    ///
    /// [`NetErrorKind::Connect`] when the proxy refuses, [`NetErrorKind::Protocol`] when it does
    /// not speak HTTP, [`NetErrorKind::TooLarge`] over [`ProxyServer::MAX_RESPONSE`].
    pub fn connect_response(received: &[u8]) -> Result<bool, NetError> {
        if !received.ends_with(b"\r\n\r\n") {
            return if received.len() < Self::MAX_RESPONSE {
                Ok(false)
            } else {
                Err(NetError::new(NetErrorKind::TooLarge, "the proxy's answer has no end"))
            };
        }
        let line = received.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        match (words.next(), words.next().and_then(|status| status.parse::<u16>().ok())) {
            (Some("HTTP/1.1" | "HTTP/1.0"), Some(200..=299)) => Ok(true),
            (Some("HTTP/1.1" | "HTTP/1.0"), Some(status)) => Err(NetError::new(
                NetErrorKind::Connect,
                format!("the proxy refused with status {status}"),
            )),
            _ => Err(NetError::new(NetErrorKind::Protocol, "the proxy does not speak HTTP/1")),
        }
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The reason why a proxy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Not an `http` proxy. Shows the scheme if it is one that proxies have, and never more.
    #[error("proxies of scheme {0:?} are not supported")]
    Scheme(String),
    /// The host or port cannot be read.
    #[error("the proxy's host cannot be read")]
    Host,
    /// A percent-encoding in the user name or password is broken.
    #[error("the proxy's credentials cannot be read")]
    Credentials,
}

/// Schemes of proxies that are not supported.
const OTHER_SCHEMES: [&str; 8] =
    ["https", "socks", "socks4", "socks4a", "socks5", "socks5h", "ftp", "pac"];

/// True if this may be a scheme (RFC 3986 section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn percent_decode(text: &str) -> Result<String, ProxyError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || {
                    let digit = char::from(rest.next()?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                match (digit(), digit()) {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => return Err(ProxyError::Credentials),
                }
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| ProxyError::Credentials)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ProxyUrl;
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
    fn credentials_are_decoded_sent_and_never_shown() {
        let url = ProxyUrl("http://al%40ice:s%3Acret@proxy.example:3128".into());
        let proxies = Proxies::new(&Proxy::Url(url), |_| None).unwrap();
        let server = proxies.find(true, "example.com", 443).unwrap();
        assert_eq!(server.credentials, Some(("al@ice".into(), "s:cret".into())));
        assert_eq!(format!("{server:?}"), "proxy.example:3128");
        assert_eq!(
            server.connect_request("example.com", 443),
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\
             Proxy-Authorization: Basic YWxAaWNlOnM6Y3JldA==\r\n\r\n"
        );
    }

    #[test]
    fn ipv6_targets_are_bracketed_once() {
        let server = ProxyServer::parse("http://[::1]:8080").unwrap();
        assert_eq!((server.host.as_str(), server.port), ("::1", 8080));
        assert!(server.connect_request("[::2]", 80).starts_with("CONNECT [::2]:80 "));
    }

    #[test]
    fn unusable_proxies_are_typed_errors() {
        let parse = ProxyServer::parse;
        assert_eq!(parse("socks5://p:1"), Err(ProxyError::Scheme("socks5".into())));
        assert_eq!(parse("http://"), Err(ProxyError::Host));
        assert_eq!(parse("http://p:99999"), Err(ProxyError::Host));
        assert_eq!(parse("http://a%zz@p"), Err(ProxyError::Credentials));
        assert!(environment(&[("HTTP_PROXY", "ftp://p")]).is_err());
    }

    #[test]
    fn a_tunnel_stands_only_after_a_whole_2xx_answer() {
        let read = ProxyServer::connect_response;
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nVia: x\r\n"), Ok(false));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"), Ok(true));
        let kind = |bytes: &[u8]| read(bytes).unwrap_err().kind;
        assert_eq!(kind(b"HTTP/1.1 407 Auth\r\n\r\n"), NetErrorKind::Connect);
        assert_eq!(kind(b"SSH-2.0-x\r\n\r\n"), NetErrorKind::Protocol);
        assert_eq!(kind(&[b'x'; ProxyServer::MAX_RESPONSE]), NetErrorKind::TooLarge);
    }

    #[test]
    fn d23_a_password_with_anything_in_it_is_a_password() {
        let server = ProxyServer::parse("user:a://b@p:1").unwrap();
        assert_eq!(server.credentials, Some(("user".into(), "a://b".into())));
        let server = ProxyServer::parse("http://user:a@b://c@p:1").unwrap();
        assert_eq!(server.credentials, Some(("user".into(), "a@b://c".into())));
        assert_eq!((server.host.as_str(), server.port), ("p", 1));
    }

    #[test]
    fn d23_no_error_and_no_debug_shows_credentials() {
        for url in [
            "hunter2://p:1",
            "hunter2:hunter2://p:1",
            "https://hunter2:hunter2@p:1",
            "hunter2:hunter2@",
            "http://hunter2:hunter2@p:port",
            "http://hunter2:hunter2%zz@p",
            "http://hunter2:hunter2@p:1/hunter2",
            "http://hunter2:hunter2",
            "http://hunter2@hunter2:hunter2@p:1",
            "HTTP:/hunter2:hunter2@p:1",
            "http:hunter2:hunter2@p:1",
        ] {
            let shown = match ProxyServer::parse(url) {
                Ok(server) => format!("{server:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("hunter2"), "{url}: {shown}");
            let option = Proxy::Url(ProxyUrl(url.to_owned()));
            assert!(!format!("{option:?}").contains("hunter2"), "{option:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parsers_panic(url in ".*", bytes: Vec<u8>) {
            let _ = ProxyServer::parse(&url);
            let _ = ProxyServer::connect_response(&bytes);
        }
    }
}
