//! The TCP side: axum for HTTP and WebSocket, over plain TCP and TLS alike.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, FromRequest as _, FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::serve::{Listener, ListenerExt as _};
use http::StatusCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::driver::{Order, Outgoing, Upgrade};
use super::{EmulatorError, EmulatorOptions, tls};

/// The largest request body and WebSocket message.
const MAX_BODY: usize = 4 << 20;
const MAX_MESSAGE: usize = 1 << 20;
/// How long a TLS handshake may take, and how many may be under way.
const HANDSHAKE: Duration = Duration::from_secs(10);
const MAX_HANDSHAKES: usize = 256;

/// What is being listened on.
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
    let app =
        Router::new().fallback(handle).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(orders);
    let mut listening = Listening { http: None, https: None, certificate: None, tasks: Vec::new() };
    if let Some(address) = options.listen {
        let (listener, bound) = bind(address).await?;
        listening.http = Some(bound);
        listening.tasks.push(serve(listener.tap_io(|stream| at_once(stream)), app.clone()));
    }
    if let Some(address) = options.tls_listen {
        let given = options.certificate.as_ref().map(|(chain, key)| (&**chain, &**key));
        let (config, own) = tls::config(given)?;
        let (listener, bound) = bind(address).await?;
        listening.https = Some(bound);
        listening.certificate = own;
        let acceptor = TlsAcceptor::from(config);
        let listener = TlsListener { listener, acceptor, handshakes: JoinSet::new() };
        listening.tasks.push(serve(listener, app));
    }
    Ok(listening)
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), EmulatorError> {
    let failed = |source| EmulatorError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn serve<L>(listener: L, app: Router) -> JoinHandle<()>
where
    L: Listener<Addr = SocketAddr>,
{
    tokio::spawn(async move {
        // axum's accept loop only ends with its task.
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!("serving ended: {error}");
        }
    })
}

/// Small frames leave without waiting for company (RFC 896 would hold back every second one).
fn at_once(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY: {error}");
    }
}

/// Accepts TCP and shakes hands without letting one slow client hold up the rest.
struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, remote) = Listener::accept(&mut self.listener),
                    if self.handshakes.len() < MAX_HANDSHAKES =>
                {
                    at_once(&stream);
                    let handshake = self.acceptor.accept(stream);
                    self.handshakes.spawn(async move {
                        let done = tokio::time::timeout(HANDSHAKE, handshake).await;
                        Some((done.ok()?.ok()?, remote))
                    });
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Takes every request there is.
async fn handle(State(orders): State<mpsc::Sender<Order>>, request: Request) -> Response {
    let wants_socket = request
        .headers()
        .get("upgrade")
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if wants_socket { upgrade(orders, request).await } else { answer(orders, request).await }
}

async fn answer(orders: mpsc::Sender<Order>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let limited = Request::from_parts(parts.clone(), body);
    let body = match Bytes::from_request(limited, &()).await {
        Ok(body) => body.to_vec(),
        Err(rejection) => return rejection.into_response(),
    };
    let request = http::Request::from_parts(parts, body);
    let (answer, answered) = oneshot::channel();
    if orders.send(Order::Request { request, answer }).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answered.await {
        Ok(response) => response.map(Body::from),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn upgrade(orders: mpsc::Sender<Order>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let socket = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(socket) => socket,
        Err(rejection) => return rejection.into_response(),
    };
    let (answer, answered) = oneshot::channel();
    if orders.send(Order::Upgrade { path, answer }).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answered.await {
        Ok(Ok(accepted)) => socket
            .protocols(["xmpp"])
            .max_message_size(MAX_MESSAGE)
            .on_upgrade(move |socket| pump(socket, accepted, orders)),
        Ok(Err(status)) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Carries messages between a WebSocket and the driver until either ends.
async fn pump(mut socket: WebSocket, accepted: Upgrade, orders: mpsc::Sender<Order>) {
    let Upgrade { conn, mut outgoing } = accepted;
    loop {
        tokio::select! {
            out = outgoing.recv() => match out {
                Some(Outgoing::Text(text)) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        break;
                    }
                }
                Some(Outgoing::Close(Some(code))) => {
                    let frame = CloseFrame { code, reason: "".into() };
                    // It is over either way.
                    let _ = socket.send(Message::Close(Some(frame))).await;
                    break;
                }
                Some(Outgoing::Close(None)) | None => break,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let text = text.as_str().to_owned();
                    if orders.send(Order::Text { conn, text }).await.is_err() {
                        break;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
            },
        }
    }
    // When the driver is gone, so is everything.
    let _ = orders.send(Order::Closed { conn }).await;
}
