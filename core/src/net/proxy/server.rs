//! The address of a proxy, its kind and its credentials.

use std::fmt;

use super::socks;

/// The protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyKind {
    /// `http://`: HTTP, asked by `CONNECT` (RFC 9110 section 9.3.6), with names as they are.
    Http,
    /// `socks5://`: SOCKS5 (RFC 1928), asked for addresses: names are resolved here, as curl does.
    /// The proxy is asked for the first address of a name alone.
    Socks5,
    /// `socks5h://`: SOCKS5 (RFC 1928), asked for names, which the proxy resolves.
    Socks5h,
}

impl ProxyKind {
    const ALL: [Self; 3] = [Self::Http, Self::Socks5, Self::Socks5h];

    /// The scheme of its URL: `http`, `socks5` or `socks5h`.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

/// A proxy. Its `Debug` hides the credentials.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyServer {
    /// The protocol that it speaks.
    pub kind: ProxyKind,
    /// Its host, an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User name and password: `Basic` of HTTP (RFC 7617), or those of SOCKS5 (RFC 1929).
    pub credentials: Option<(String, String)>,
}

impl ProxyServer {
    /// Reads `[scheme://][user:password@]host[:port][/]`, with the scheme `http`, `socks5` or
    /// `socks5h`; without one it is `http`. The default port is 80, or 1080 of SOCKS5. User name
    /// and password may be percent-encoded.
    ///
    /// # Errors
    ///
    /// [`ProxyError`] by its parts; none of them shows the credentials.
    pub fn parse(url: &str) -> Result<Self, ProxyError> {
        let known = |scheme: &str| {
            ProxyKind::ALL.into_iter().find(|kind| scheme.eq_ignore_ascii_case(kind.scheme()))
        };
        let (kind, rest) = match url.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => {
                (known(scheme).ok_or_else(|| ProxyError::scheme(scheme))?, rest)
            }
            _ => (ProxyKind::Http, url),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, authority) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((user, authority)) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                (Some((percent_decode(name)?, percent_decode(password)?)), authority)
            }
        };
        if let (ProxyKind::Socks5 | ProxyKind::Socks5h, Some((name, password))) =
            (kind, &credentials)
        {
            socks::login(name, password).ok_or(ProxyError::Credentials)?;
        }
        let authority: http::uri::Authority = authority.parse().map_err(|_| ProxyError::Host)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        // `Authority::port` is silent about a port that is not a number below 65536.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            None | Some("" | ":") => kind.default_port(),
            Some(port) => port.trim_start_matches(':').parse().map_err(|_| ProxyError::Host)?,
        };
        if host.is_empty() {
            return Err(ProxyError::Host);
        }
        Ok(Self { kind, host, port, credentials })
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.kind.scheme(), self.host, self.port)
    }
}

/// The reason why a proxy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Neither an HTTP nor a SOCKS5 proxy. Shows the scheme if it is one that proxies have, and
    /// never more.
    #[error("proxies of scheme {0:?} are not supported")]
    Scheme(String),
    /// The host or port cannot be read.
    #[error("the proxy's host cannot be read")]
    Host,
    /// A percent-encoding in the user name or password is broken, or SOCKS5 cannot carry them:
    /// each is at most 255 bytes (RFC 1929 section 2), and the name is not empty.
    #[error("the proxy's credentials cannot be used")]
    Credentials,
}

impl ProxyError {
    /// Only a name that is known is shown: any other may be a part of a password.
    fn scheme(scheme: &str) -> Self {
        let known = OTHER_SCHEMES.iter().find(|known| scheme.eq_ignore_ascii_case(known));
        Self::Scheme(known.copied().unwrap_or("unknown").to_owned())
    }
}

/// Schemes of proxies that are not supported.
const OTHER_SCHEMES: [&str; 6] = ["https", "socks", "socks4", "socks4a", "ftp", "pac"];

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

    use super::*;

    #[test]
    fn a_scheme_says_the_kind_and_the_default_port() {
        for (url, kind, port) in [
            ("p", ProxyKind::Http, 80),
            ("HTTP://p/", ProxyKind::Http, 80),
            ("socks5://p", ProxyKind::Socks5, 1080),
            ("socks5h://p:", ProxyKind::Socks5h, 1080),
            ("Socks5h://me@p:9050/", ProxyKind::Socks5h, 9050),
        ] {
            let server = ProxyServer::parse(url).unwrap();
            assert_eq!(
                (server.kind, server.host.as_str(), server.port),
                (kind, "p", port),
                "{url}"
            );
        }
        let server = ProxyServer::parse("http://[::1]:8080").unwrap();
        assert_eq!((server.host.as_str(), server.port), ("::1", 8080));
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        for kind in ProxyKind::ALL {
            let url = format!("{}://al%40ice:s%3Acret@proxy.example:3128", kind.scheme());
            let server = ProxyServer::parse(&url).unwrap();
            assert_eq!(server.credentials, Some(("al@ice".into(), "s:cret".into())));
            assert_eq!(format!("{server:?}"), format!("{}://proxy.example:3128", kind.scheme()));
        }
    }

    #[test]
    fn unusable_proxies_are_typed_errors() {
        let parse = ProxyServer::parse;
        assert_eq!(parse("SOCKS4://p:1"), Err(ProxyError::Scheme("socks4".into())));
        assert_eq!(parse("http://"), Err(ProxyError::Host));
        assert_eq!(parse("http://p:99999"), Err(ProxyError::Host));
        assert_eq!(parse("http://a%zz@p"), Err(ProxyError::Credentials));
        assert_eq!(parse("ftp://p"), Err(ProxyError::Scheme("ftp".into())));
        assert_eq!(parse("socks5://:password@p"), Err(ProxyError::Credentials));
        let long = "x".repeat(256);
        assert_eq!(parse(&format!("socks5h://{long}@p")), Err(ProxyError::Credentials));
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
            "socks4://hunter2:hunter2@p:1",
            "socks5://hunter2:hunter2@p:1",
            "socks5h://:hunter2@p:1",
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
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parser_panic(url in ".*") {
            let _ = ProxyServer::parse(&url);
        }
    }
}
