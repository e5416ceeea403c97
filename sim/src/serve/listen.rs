//! The TCP side: connections, plain or in TLS, and a bound on all that they may hold.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::door::Door;
use super::options::{EmulatorError, EmulatorOptions};
use super::order::Order;
use super::requests::{self, Desk};
use super::tls;

/// Connections at once, WebSockets included; one more is closed at once.
const MAX_CONNECTIONS: usize = 8192;
/// The longest time that a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The longest head of a request; one more byte is answered 431.
const MAX_HEAD: usize = 32 << 10;

/// The sockets that are listened on.
pub(super) struct Listening {
    pub(super) http: Option<SocketAddr>,
    pub(super) https: Option<SocketAddr>,
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) tasks: Vec<JoinHandle<()>>,
}

/// Binds and serves.
pub(super) async fn start(
    options: &EmulatorOptions,
    orders: mpsc::Sender<Order>,
) -> Result<Listening, EmulatorError> {
    let desk = Desk::new(orders, options);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut listening = Listening { http: None, https: None, certificate: None, tasks: Vec::new() };
    if let Some(address) = options.listen {
        let (listener, bound) = bind(address).await?;
        listening.http = Some(bound);
        listening.tasks.push(serve(listener, None, desk.clone(), places.clone()));
    }
    if let Some(address) = options.tls_listen {
        let given = options.certificate.as_ref().map(|(chain, key)| (&**chain, &**key));
        let (config, own) = tls::config(given)?;
        let (listener, bound) = bind(address).await?;
        listening.https = Some(bound);
        listening.certificate = own;
        listening.tasks.push(serve(listener, Some(TlsAcceptor::from(config)), desk, places));
    }
    Ok(listening)
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), EmulatorError> {
    let failed = |source| EmulatorError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    if !bound.ip().is_loopback() {
        tracing::warn!("it listens on {bound}: whoever reaches that can do all that it can");
    }
    Ok((listener, bound))
}

/// Accepts until it is aborted; its connections end with it.
fn serve(
    mut listener: TcpListener,
    tls: Option<TlsAcceptor>,
    desk: Desk,
    places: Arc<Semaphore>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                (stream, _) = Listener::accept(&mut listener) => {
                    let Ok(place) = places.clone().try_acquire_owned() else { continue };
                    connections.spawn(connection(stream, tls.clone(), desk.clone(), place));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    })
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    desk: Desk,
    place: OwnedSemaphorePermit,
) {
    at_once(&stream);
    let Ok(local) = stream.local_addr() else { return };
    let door = Door::new(local, tls.is_some(), place);
    match tls {
        None => http(stream, door, desk).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                http(stream, door, desk).await;
            }
        }
    }
}

/// Small frames leave without waiting for company (RFC 896 would hold back every second one).
fn at_once(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY: {error}");
    }
}

/// HTTP/1.1 until the connection ends or becomes a WebSocket.
async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    door: Door,
    desk: Desk,
) {
    let patience = desk.patience;
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let (desk, door) = (desk.clone(), door.clone());
        async move { Ok::<_, Infallible>(requests::handle(desk, door, request.map(Body::new)).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}
