//! The request for a tunnel to an HTTP proxy, and its answer (RFC 9110 section 9.3.6).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::machine::{NetError, NetErrorKind};

/// The longest answer that is read, in bytes.
const MAX_RESPONSE: usize = 16 * 1024;

/// The request for a tunnel to a host, ready to be sent.
pub(super) fn request(
    host: &str,
    port: u16,
    credentials: Option<&(String, String)>,
) -> Result<Vec<u8>, NetError> {
    // What ends a line, or a word of it, would be read as a header.
    if host.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NetError::new(NetErrorKind::Connect, "the host is none that HTTP can name"));
    }
    let target =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let authorization = match credentials {
        None => String::new(),
        Some((user, password)) => format!(
            "Proxy-Authorization: Basic {}\r\n",
            BASE64_STANDARD.encode(format!("{user}:{password}"))
        ),
    };
    Ok(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n").into_bytes())
}

/// Reads the answer from the bytes received so far: whether the tunnel stands now. No byte past
/// the empty line may be among them: what follows belongs to the tunnel.
pub(super) fn response(received: &[u8]) -> Result<bool, NetError> {
    if !received.ends_with(b"\r\n\r\n") {
        return if received.len() < MAX_RESPONSE {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, credentials: Option<(&str, &str)>) -> String {
        let credentials = credentials.map(|(name, password)| (name.into(), password.into()));
        String::from_utf8(request(host, 443, credentials.as_ref()).unwrap()).unwrap()
    }

    #[test]
    fn rfc_9110_9_3_6_a_tunnel_is_asked_for_by_host_and_port() {
        assert_eq!(
            asked("example.com", None),
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
        );
        assert!(asked("::2", None).starts_with("CONNECT [::2]:443 "));
    }

    #[test]
    fn rfc_7617_2_credentials_are_basic() {
        assert_eq!(
            asked("example.com", Some(("al@ice", "s:cret"))),
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\
             Proxy-Authorization: Basic YWxAaWNlOnM6Y3JldA==\r\n\r\n"
        );
    }

    #[test]
    fn a_host_cannot_add_a_header() {
        for host in ["a\r\nX: y", "a b", "a\0"] {
            assert_eq!(request(host, 80, None).unwrap_err().kind, NetErrorKind::Connect);
        }
    }

    #[test]
    fn a_tunnel_stands_only_after_a_whole_2xx_answer() {
        assert_eq!(response(b"HTTP/1.1 200 OK\r\nVia: x\r\n"), Ok(false));
        assert_eq!(response(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"), Ok(true));
        let kind = |bytes: &[u8]| response(bytes).unwrap_err().kind;
        assert_eq!(kind(b"HTTP/1.1 407 Auth\r\n\r\n"), NetErrorKind::Connect);
        assert_eq!(kind(b"SSH-2.0-x\r\n\r\n"), NetErrorKind::Protocol);
        assert_eq!(kind(&[b'x'; MAX_RESPONSE]), NetErrorKind::TooLarge);
    }
}
