//! Connections for HTTP and WebSockets: TCP or TLS, directly or through a proxy.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_rustls::TlsConnector;
use futures_util::future::{Either, select};
use futures_util::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use http::Uri;
use offhook::machine::{NetError, NetErrorKind};
use offhook::net::{ProxyKind, ProxyServer, ProxyStep, ProxyTunnel};

use crate::error::{lost, timed_out, unconnected};
use crate::fair::{Fair, Meter};
use crate::net::{Net, bare};
use crate::runtime::Sockets;

/// Something to read from and write to.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// An open connection.
pub(crate) type Connection = Box<dyn Socket>;

/// A server, as far as connections are concerned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Server {
    secure: bool,
    host: String,
    port: u16,
}

impl Server {
    /// The server of a URI with one of two schemes, which say whether it is secure.
    pub(crate) fn of(uri: &Uri, plain: &str, secure: &str) -> Option<Self> {
        let secure = match uri.scheme_str() {
            Some(scheme) if scheme == secure => true,
            Some(scheme) if scheme == plain => false,
            _ => return None,
        };
        let host = uri.host()?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Some(Self { secure, host, port })
    }

    /// Connects, with the whole path: name, proxy, TLS. The connection, and our end of it.
    pub(crate) async fn connect<R: Sockets>(
        &self,
        net: &Net,
        meter: Meter,
        deadline: Instant,
    ) -> Result<(Connection, SocketAddr), NetError> {
        let (host, port) = (self.host.as_str(), self.port);
        let (socket, local) = match net.proxies.find(self.secure, host, port) {
            None => {
                let (socket, local) = tcp::<R>(net, host, port, deadline).await?;
                (Fair::new(socket, meter), local)
            }
            Some(proxy) => {
                let (host, port) = target(net, proxy, host, port).await?;
                let (socket, local) = tcp::<R>(net, &proxy.host, proxy.port, deadline).await?;
                let mut socket = Fair::new(socket, meter);
                tunnel(&mut socket, proxy, &host, port).await?;
                (socket, local)
            }
        };
        let connection: Connection = match self.secure {
            true => secure(net, host, socket).await?,
            false => Box::new(socket),
        };
        Ok((connection, local))
    }
}

/// Connects to an address, over TLS where the host is named that the certificate is to name, and
/// through the proxy for it: the connection, and our end of it.
pub(crate) async fn stream_to<R: Sockets>(
    net: &Net,
    to: SocketAddr,
    tls: Option<&str>,
    from: Option<IpAddr>,
    deadline: Instant,
) -> Result<(Connection, SocketAddr), NetError> {
    // Of a stream nobody here knows what is whole.
    let meter = Meter::new(u64::MAX);
    let (host, port) = (to.ip().to_string(), to.port());
    let (socket, local) = match net.proxies.find(tls.is_some(), &host, port) {
        None => {
            let (socket, local) = first_of::<R>(net, &[to], from, deadline).await?;
            (Fair::new(socket, meter), local)
        }
        Some(proxy) => {
            let addresses = net.resolve(&proxy.host, proxy.port).await?;
            let (socket, local) = first_of::<R>(net, &addresses, from, deadline).await?;
            let mut socket = Fair::new(socket, meter);
            tunnel(&mut socket, proxy, &host, port).await?;
            (socket, local)
        }
    };
    let connection = match tls {
        Some(host) => secure(net, host, socket).await?,
        None => Box::new(socket),
    };
    Ok((connection, local))
}

/// The TLS handshake (RFC 8446), with a certificate that names the host.
async fn secure(
    net: &Net,
    host: &str,
    socket: impl Socket + 'static,
) -> Result<Connection, NetError> {
    let name = bare(host)
        .to_owned()
        .try_into()
        .map_err(|_| NetError::new(NetErrorKind::Tls, "the host is no TLS name"))?;
    let connector = TlsConnector::from(Arc::clone(&net.tls));
    Ok(Box::new(connector.connect(name, socket).await.map_err(|error| lost(&error))?))
}

async fn tcp<R: Sockets>(
    net: &Net,
    host: &str,
    port: u16,
    deadline: Instant,
) -> Result<(R::Tcp, SocketAddr), NetError> {
    let addresses = net.resolve(host, port).await?;
    first_of::<R>(net, &addresses, None, deadline).await
}

/// Connects to the first address that answers: the connection, and our end of it. Each address has a
/// fair share of the time.
async fn first_of<R: Sockets>(
    net: &Net,
    addresses: &[SocketAddr],
    from: Option<IpAddr>,
    deadline: Instant,
) -> Result<(R::Tcp, SocketAddr), NetError> {
    let mut failure = timed_out();
    for (tried, address) in addresses.iter().enumerate() {
        let now = net.clock.now();
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = now + deadline.saturating_duration_since(now) / left;
        match select(pin!(R::connect(*address, from)), pin!(net.clock.sleep_until::<R>(share)))
            .await
        {
            Either::Left((Ok(connected), _)) => return Ok(connected),
            Either::Left((Err(error), _)) => failure = unconnected(&error),
            Either::Right(((), _)) => failure = timed_out(),
        }
    }
    Err(failure)
}

/// The host and port that a proxy is asked for: one that resolves no names gets an address.
async fn target(
    net: &Net,
    proxy: &ProxyServer,
    host: &str,
    port: u16,
) -> Result<(String, u16), NetError> {
    if proxy.kind == ProxyKind::Socks5 {
        let addresses = net.resolve(host, port).await?;
        if let Some(address) = addresses.first() {
            return Ok((address.ip().to_string(), address.port()));
        }
    }
    Ok((host.to_owned(), port))
}

/// Asks a proxy for a tunnel.
async fn tunnel(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &ProxyServer,
    host: &str,
    port: u16,
) -> Result<(), NetError> {
    let mut tunnel = ProxyTunnel::new(proxy, host, port)?;
    let mut answer = Vec::new();
    loop {
        match tunnel.step() {
            ProxyStep::Send(request) => {
                socket.write_all(&request).await.map_err(|error| proxy_lost(&error))?;
                socket.flush().await.map_err(|error| proxy_lost(&error))?;
            }
            ProxyStep::Receive(count) => {
                answer.resize(count, 0);
                socket.read_exact(&mut answer).await.map_err(|error| proxy_lost(&error))?;
                tunnel.receive(&answer)?;
            }
            ProxyStep::Open => return Ok(()),
        }
    }
}

/// Classifies a failure of the connection to a proxy that has not answered.
fn proxy_lost(error: &io::Error) -> NetError {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the proxy hung up".to_owned(),
        _ => format!("the proxy: {error}"),
    };
    NetError::new(lost(error).kind, message)
}
