//! The guard of the control API: programs that mean this emulator may use it, and no pages in
//! browsers.
//!
//! A page of any site can make its reader's browser send requests to an address of this machine.
//! Such a request carries an `Origin` (the Fetch standard), or, where the site's own name leads here
//! (DNS rebinding), a `Host` that is not ours.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use http::header;
use http::uri::Authority;

use super::door::Door;

/// The reason why a request to the control API is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the control API is not for pages: the request has an Origin")]
    Origin,
    #[error("the control API is at this address only: the request's Host is another")]
    Host,
}

/// Checks that a request may pass. `named` are names besides our addresses.
pub(super) fn check(request: &Request, door: &Door, named: &[String]) -> Result<(), Refused> {
    if request.headers().contains_key(header::ORIGIN) {
        return Err(Refused::Origin);
    }
    let own = |authority: &Authority| is_own(authority, door.local, door.secure, named);
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::try_from(host.as_bytes()).ok(),
        (None, _) | (_, Some(_)) => None,
    };
    if host.as_ref().is_some_and(own) && request.uri().authority().is_none_or(own) {
        Ok(())
    } else {
        Err(Refused::Host)
    }
}

fn is_own(asked: &Authority, local: SocketAddr, secure: bool, named: &[String]) -> bool {
    if named.iter().any(|name| asked.as_str().eq_ignore_ascii_case(name)) {
        return true;
    }
    let port = asked.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let host = asked.host().trim_start_matches('[').trim_end_matches(']');
    let ours = local.ip().to_canonical();
    let is_ours = match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical() == ours,
        Err(_) => ours.is_loopback() && host.eq_ignore_ascii_case("localhost"),
    };
    is_ours && port == local.port() && !asked.as_str().contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(asked: &str, local: &str) -> bool {
        let named = ["lab.example:9000".to_owned()];
        is_own(&asked.parse().unwrap(), local.parse().unwrap(), false, &named)
    }

    #[test]
    fn a_host_is_ours_by_address_and_port_or_by_a_name_that_was_given() {
        for (asked, local, ours) in [
            ("127.0.0.1:8080", "127.0.0.1:8080", true),
            ("localhost:8080", "127.0.0.1:8080", true),
            ("LOCALHOST:8080", "[::1]:8080", true),
            ("[::1]:8080", "[::1]:8080", true),
            ("192.0.2.7:8080", "192.0.2.7:8080", true),
            ("127.0.0.1:8080", "[::ffff:127.0.0.1]:8080", true),
            ("127.0.0.1", "127.0.0.1:80", true),
            ("lab.example:9000", "127.0.0.1:8080", true),
            ("lab.example:8080", "127.0.0.1:8080", false),
            ("127.0.0.1:8081", "127.0.0.1:8080", false),
            ("127.0.0.1", "127.0.0.1:8080", false),
            ("127.0.0.2:8080", "127.0.0.1:8080", false),
            ("localhost:8080", "192.0.2.7:8080", false),
            ("evil.example:8080", "127.0.0.1:8080", false),
            ("127.0.0.1.evil.example:8080", "127.0.0.1:8080", false),
            ("user@127.0.0.1:8080", "127.0.0.1:8080", false),
        ] {
            assert_eq!(own(asked, local), ours, "{asked} at {local}");
        }
    }
}
