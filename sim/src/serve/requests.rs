//! Traffic of a connection: requests with their bodies, and WebSockets. All that is read has a
//! bound and a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::door::Door;
use super::guard;
use super::options::EmulatorOptions;
use super::order::{Order, Outgoing, Upgrade};

/// The header by which the service knows how a request came.
pub(super) const SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The longest path with its query; more is answered 414.
const MAX_PATH: usize = 8 << 10;
/// The largest request body; more is answered 413.
const MAX_BODY: usize = 4 << 20;
/// Bytes of all bodies and messages held at once. A body that has no room is answered 503, a
/// message waits.
const BUDGET: usize = 64 << 20;
/// The largest WebSocket message and frame; one that is larger ends the connection.
const MAX_MESSAGE: usize = 256 << 10;
/// The longest time that a client may take to read a message.
const WRITE: Duration = Duration::from_secs(20);

/// The desk to which everything that comes is brought.
#[derive(Clone)]
pub(super) struct Desk {
    orders: mpsc::Sender<Order>,
    budget: Arc<Semaphore>,
    /// Names that the control API may be asked for by, besides our addresses.
    control_hosts: Arc<[String]>,
    /// The longest time that the head of a request, its body and a WebSocket's first word may take.
    pub(super) patience: Duration,
}

impl Desk {
    pub(super) fn new(orders: mpsc::Sender<Order>, options: &EmulatorOptions) -> Self {
        Self {
            orders,
            budget: Arc::new(Semaphore::new(BUDGET)),
            control_hosts: options.control_hosts.clone().into(),
            patience: options.patience,
        }
    }
}

/// Takes every request there is.
pub(super) async fn handle(desk: Desk, door: Door, mut request: Request) -> Response {
    let scheme = HeaderValue::from_static(if door.secure { "https" } else { "http" });
    request.headers_mut().insert(SCHEME, scheme);
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > MAX_PATH) {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    if crate::service::http::is_control(request.uri().path())
        && let Err(refused) = guard::check(&request, &door, &desk.control_hosts)
    {
        return (StatusCode::FORBIDDEN, refused.to_string()).into_response();
    }
    let wants_socket = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if wants_socket { upgrade(desk, door, request).await } else { answer(desk, request).await }
}

async fn answer(desk: Desk, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // What it holds is held until it is answered.
    let (body, _held) = match timeout(desk.patience, read(body, &desk.budget)).await {
        Ok(Ok(read)) => read,
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let request = http::Request::from_parts(parts, body);
    let (answer, answered) = oneshot::channel();
    if desk.orders.send(Order::Request { request, answer }).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answered.await {
        Ok(response) => response.map(Body::from),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// A whole body, and its part of the budget.
async fn read(
    body: Body,
    budget: &Arc<Semaphore>,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), StatusCode> {
    let mut whole = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if whole.len() + chunk.len() > MAX_BODY {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let part = budget.clone().try_acquire_many_owned(chunk.len() as u32);
        let part = part.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match &mut held {
            Some(held) => held.merge(part),
            None => held = Some(part),
        }
        whole.extend_from_slice(&chunk);
    }
    Ok((whole, held))
}

async fn upgrade(desk: Desk, door: Door, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let socket = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(socket) => socket,
        Err(rejection) => return rejection.into_response(),
    };
    let (answer, answered) = oneshot::channel();
    if desk.orders.send(Order::Upgrade { path, answer }).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answered.await {
        Ok(Ok(accepted)) => socket
            .protocols(accepted.protocol)
            .max_message_size(MAX_MESSAGE)
            .max_frame_size(MAX_MESSAGE)
            .on_upgrade(move |socket| pump(socket, accepted, desk, door)),
        Ok(Err(status)) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Carries messages between a WebSocket and the driver until either ends. `_door` keeps its place.
async fn pump(mut socket: WebSocket, accepted: Upgrade, desk: Desk, _door: Door) {
    let Upgrade { conn, protocol, mut outgoing, backlog } = accepted;
    let first_word = tokio::time::sleep(desk.patience);
    tokio::pin!(first_word);
    // A subprotocol begins with the client's word; without one there may be none for long.
    let mut spoke = protocol.is_none();
    loop {
        tokio::select! {
            out = outgoing.recv() => match out {
                Some(Outgoing::Text(text)) => {
                    let length = text.len();
                    let sent = timeout(WRITE, socket.send(Message::Text(text.into()))).await;
                    taken(&backlog, length);
                    if !matches!(sent, Ok(Ok(()))) {
                        break;
                    }
                }
                Some(Outgoing::Close(Some(code))) => {
                    let frame = CloseFrame { code, reason: "".into() };
                    // It is over either way.
                    let _ = timeout(WRITE, socket.send(Message::Close(Some(frame)))).await;
                    break;
                }
                Some(Outgoing::Close(None)) | None => break,
            },
            () = &mut first_word, if !spoke => break,
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    spoke = true;
                    let text = text.as_str().to_owned();
                    let room = desk.budget.clone().acquire_many_owned(text.len() as u32).await;
                    let Ok(held) = room else { break };
                    if desk.orders.send(Order::Text { conn, text, held }).await.is_err() {
                        break;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
            },
        }
    }
    // When the driver is gone, so is everything.
    let _ = desk.orders.send(Order::Closed { conn }).await;
}

/// Takes this many bytes off those that wait for the client.
fn taken(backlog: &AtomicUsize, bytes: usize) {
    backlog.fetch_sub(bytes, Ordering::Relaxed);
}
