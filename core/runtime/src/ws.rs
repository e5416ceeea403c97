//! One WebSocket (RFC 6455): messages both ways, within bounds, and its end.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_channel::Receiver;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use async_tungstenite::tungstenite::handshake::client::generate_key;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::{
    WebSocketReceiver, WebSocketSender, WebSocketStream, client_async_with_config,
};
use futures_util::StreamExt as _;
use futures_util::future::select;
use http::{HeaderValue, Request, header};
use offhook::Input;
use offhook::machine::{NetError, NetErrorKind, WsEvent, WsId};

use crate::clock::Clock;
use crate::connect::{Connection, Server};
use crate::error::lost;
use crate::fair::{Endless, Meter, next_turn};
use crate::hold::{CLOSING, Holder};
use crate::inbox::Inputs;
use crate::net::Net;
use crate::runtime::Sockets;

/// The buffers of a socket: read at once, and written at once.
const BUFFER: usize = 8 << 10;

/// The most bytes on the wire for each of the largest message: at worst every one of its bytes is
/// in a fragment and a TLS record of its own.
const OVERHEAD: u64 = 32;

/// Most frames that carry nothing that may come in [`IDLE_TIME`]: pings, pongs and what is no text.
/// The service pings every few seconds.
const IDLE_FRAMES: u32 = 1000;

const IDLE_TIME: Duration = Duration::from_secs(10);

/// Frames that carry nothing taken before others have their turn.
const IDLE_TURN: u32 = 32;

/// Opens a WebSocket, carries messages both ways, and tells its end.
pub(crate) async fn run<R: Sockets>(
    net: Arc<Net>,
    id: WsId,
    request: Request<()>,
    deadline: Instant,
    holder: Holder<String>,
    inputs: Inputs,
) {
    let driver = Driver { id, inputs };
    let Holder { items: texts, bytes, local, mut given_up } = holder;
    // At worst what never becomes a message is as long as what does.
    let meter = Meter::new((net.options.max_message as u64).saturating_mul(OVERHEAD).max(1 << 20));
    let open = open::<R>(&net, request, meter.clone(), deadline, &local);
    let Some(opened) = given_up.open::<R, _>(&net.clock, deadline, open).await else { return };
    let (socket, protocol) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            driver.tell(WsEvent::Failed(error)).await;
            return;
        }
    };
    if !driver.tell(WsEvent::Opened { protocol }).await {
        return;
    }
    let (mut sender, receiver) = socket.split();
    let carry = async {
        let sending = pin!(send::<R>(&mut sender, &texts, &bytes, &net.clock));
        let receiving = pin!(receive::<R>(receiver, &driver, &net, &meter));
        select(sending, receiving).await.factor_first().0
    };
    let Some(end) = given_up.carry::<R, _>(&net.clock, carry).await else { return };
    let code = match end {
        End::Ours => CloseCode::Normal,
        End::Theirs { code, reason } => {
            driver.tell(WsEvent::Closed { code, reason }).await;
            return;
        }
        End::Refused { code, reason } => {
            driver.tell(WsEvent::Closed { code: Some(code.into()), reason }).await;
            code
        }
    };
    let closing = pin!(sender.close(Some(CloseFrame { code, reason: "".into() })));
    // Where the close frame cannot be sent, the socket is dropped without one.
    let _ = select(closing, pin!(net.clock.sleep_until::<R>(net.clock.now() + CLOSING))).await;
}

/// The driver, as a socket tells it what happens.
struct Driver {
    id: WsId,
    inputs: Inputs,
}

impl Driver {
    /// Waits while the driver is behind. False when it is gone.
    async fn tell(&self, event: WsEvent) -> bool {
        self.inputs.send(Input::WebSocket { id: self.id, event }).await
    }
}

/// The end of a socket.
enum End {
    /// By our machine's wish, or because it is gone.
    Ours,
    /// By the far side or the network.
    Theirs { code: Option<u16>, reason: String },
    /// By this runtime, since what comes is over its bounds.
    Refused { code: CloseCode, reason: String },
}

impl End {
    fn lost(reason: impl ToString) -> Self {
        Self::Theirs { code: None, reason: reason.to_string() }
    }
}

async fn send<R: Sockets>(
    sender: &mut WebSocketSender<Connection>,
    texts: &Receiver<String>,
    bytes: &AtomicUsize,
    clock: &Clock,
) -> End {
    while let Ok(text) = texts.recv().await {
        let length = text.len();
        if let Err(error) = sender.send(Message::text(text)).await {
            // The far side may have said why: the receiving half gets time to find out.
            clock.sleep_until::<R>(clock.now() + CLOSING).await;
            return End::lost(error);
        }
        bytes.fetch_sub(length, Ordering::Relaxed);
    }
    End::Ours
}

async fn receive<R: Sockets>(
    mut receiver: WebSocketReceiver<Connection>,
    driver: &Driver,
    net: &Net,
    meter: &Meter,
) -> End {
    let clock = &net.clock;
    let (mut idle, mut since) = (0, clock.now());
    loop {
        let message = receiver.next().await;
        meter.reset();
        match message {
            Some(Ok(Message::Text(text))) => {
                if !driver.tell(WsEvent::Text(text.as_str().to_owned())).await {
                    return End::Ours;
                }
            }
            Some(Ok(Message::Close(frame))) => {
                // Reading on sends our half of the closing handshake.
                let rest = pin!(async { while let Some(Ok(_)) = receiver.next().await {} });
                let _ = select(rest, pin!(clock.sleep_until::<R>(clock.now() + CLOSING))).await;
                return match frame {
                    Some(frame) => End::Theirs {
                        code: Some(frame.code.into()),
                        reason: frame.reason.as_str().to_owned(),
                    },
                    None => End::lost("closed without a code"),
                };
            }
            // XMPP and JSON are text (RFC 7395 section 3.2); pings are answered by the library.
            Some(Ok(
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            )) => {
                idle += 1;
                if idle > IDLE_FRAMES {
                    let reason = format!(
                        "over {IDLE_FRAMES} frames without text in {} s",
                        IDLE_TIME.as_secs()
                    );
                    return End::Refused { code: CloseCode::Policy, reason };
                }
                let now = clock.now();
                if now.saturating_duration_since(since) > IDLE_TIME {
                    (idle, since) = (0, now);
                }
                if idle % IDLE_TURN == 0 {
                    next_turn().await;
                }
            }
            Some(Err(error @ WsError::Capacity(_))) => {
                return End::Refused { code: CloseCode::Size, reason: error.to_string() };
            }
            Some(Err(WsError::Io(error))) if error.get_ref().is_some_and(|e| e.is::<Endless>()) => {
                return End::Refused { code: CloseCode::Policy, reason: error.to_string() };
            }
            Some(Err(error)) => return End::lost(error),
            None => return End::lost("the connection ended"),
        }
    }
}

async fn open<R: Sockets>(
    net: &Net,
    request: Request<()>,
    meter: Meter,
    deadline: Instant,
    place: &OnceLock<IpAddr>,
) -> Result<(WebSocketStream<Connection>, Option<String>), NetError> {
    let unusable = || NetError::new(NetErrorKind::Local, "not a WebSocket URI");
    let server = Server::of(request.uri(), "ws", "wss").ok_or_else(unusable)?;
    let (socket, local) = server.connect::<R>(net, meter, deadline).await?;
    place.get_or_init(|| local.ip());
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(net.options.max_message))
        .max_frame_size(Some(net.options.max_message));
    let (socket, response) = client_async_with_config(upgrade(request)?, socket, Some(config))
        .await
        .map_err(|error| refusal(&error))?;
    let protocol = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    Ok((socket, protocol.and_then(|p| p.to_str().ok()).map(str::to_owned)))
}

/// Adds what RFC 6455 section 4.1 asks of a handshake and the machine does not decide.
fn upgrade(mut request: Request<()>) -> Result<Request<()>, NetError> {
    let unusable = |_| NetError::new(NetErrorKind::Local, "not a WebSocket URI");
    let host = request.uri().authority().map_or("", |authority| authority.as_str());
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(unusable)?;
    let key = HeaderValue::from_str(&generate_key()).map_err(unusable)?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    Ok(request)
}

fn refusal(error: &WsError) -> NetError {
    match error {
        WsError::Http(response) => {
            let status = response.status();
            NetError::new(NetErrorKind::Refused(status.as_u16()), status.to_string())
        }
        WsError::Io(error) => lost(error),
        WsError::Protocol(ProtocolError::HandshakeIncomplete) | WsError::ConnectionClosed => {
            NetError::new(NetErrorKind::Lost, error.to_string())
        }
        WsError::Capacity(_) => NetError::new(NetErrorKind::TooLarge, error.to_string()),
        // Shows the URI, whose path may be a secret.
        WsError::Url(_) => NetError::new(NetErrorKind::Local, "not a WebSocket URI"),
        _ => NetError::new(NetErrorKind::Protocol, error.to_string()),
    }
}
