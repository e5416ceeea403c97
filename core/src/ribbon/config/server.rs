//! The place of the gateway.

use http::Uri;

use super::section::section;
use crate::ribbon::constants::constants;
use crate::ribbon::error::Error;

constants! {
    /// The protocol of requests.
    HttpScheme, "scheme of requests" {
        /// Without TLS: for tests.
        Http = "http",
        /// By TLS.
        Https = "https",
    }
}

constants! {
    /// The protocol of sockets.
    WsScheme, "scheme of sockets" {
        /// Without TLS: for tests.
        Ws = "ws",
        /// By TLS.
        Wss = "wss",
    }
}

section! {
    /// The gateway's REST interface.
    Server, ServerPatch {
        /// The host name, and nothing else (RC-025). There is no default.
        base: @into String = String::new(),
        /// The protocol (RC-026). Default by TLS.
        scheme: HttpScheme = HttpScheme::Https,
        /// The port (RC-027). Default 443.
        port: u16 = 443,
    }
}

section! {
    /// The gateway's sockets.
    WebSocket, WebSocketPatch {
        /// The host name, and nothing else (RC-030). There is no default.
        host: @into String = String::new(),
        /// The protocol (RC-031). Default by TLS.
        scheme: WsScheme = WsScheme::Wss,
        /// The port (RC-032). Default 443.
        port: u16 = 443,
    }
}

impl Server {
    /// The interface at an address.
    pub(super) fn at(address: &str) -> Result<Self, Error> {
        let (scheme, base, port) = parts(address, "server")?;
        let (scheme, default) = match scheme.as_str() {
            "http" => (HttpScheme::Http, 80),
            "https" => (HttpScheme::Https, 443),
            _ => return Err(Error::option("server.scheme", "neither http nor https")),
        };
        Ok(Self { base, scheme, port: port.unwrap_or(default) })
    }
}

impl WebSocket {
    /// The sockets at an address.
    pub(super) fn at(address: &str) -> Result<Self, Error> {
        let (scheme, host, port) = parts(address, "subscription.websocket")?;
        let (scheme, default) = match scheme.as_str() {
            "ws" => (WsScheme::Ws, 80),
            "wss" => (WsScheme::Wss, 443),
            _ => return Err(Error::option("subscription.websocket.scheme", "neither ws nor wss")),
        };
        Ok(Self { host, scheme, port: port.unwrap_or(default) })
    }
}

/// Scheme, host and port of an address.
fn parts(address: &str, name: &str) -> Result<(String, String, Option<u16>), Error> {
    let none = || Error::option(name, "no address");
    let uri: Uri = address.parse().map_err(|_| none())?;
    let scheme = uri.scheme_str().ok_or_else(none)?.to_owned();
    let host = uri.host().ok_or_else(none)?.to_owned();
    Ok((scheme, host, uri.port_u16()))
}
