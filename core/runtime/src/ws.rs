//! One WebSocket (RFC 6455), over TCP or TLS, directly or through a proxy.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use async_tungstenite::tungstenite::handshake::client::generate_key;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::{
    WebSocketReceiver, WebSocketSender, WebSocketStream, client_async_with_config,
};
use futures_channel::oneshot;
use futures_rustls::TlsConnector;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use http::{HeaderValue, Request, header};
use offhook::Input;
use offhook::machine::{NetError, NetErrorKind, WsEvent, WsId};
use offhook::net::ProxyServer;

use crate::error::{lost, timed_out, unconnected};
use crate::net::{Net, bare};
use crate::runtime::Runtime;

/// How many messages wait for a socket that does not take them. One more ends the socket.
const SEND_QUEUE: usize = 1024;

/// How long a closing handshake may take.
const CLOSING: Duration = Duration::from_secs(2);

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

type WebSocket = WebSocketStream<Box<dyn Socket>>;

/// The driver's hold on a socket. Dropping it closes the socket, at any time and silently.
pub(crate) struct Held {
    texts: Sender<String>,
    _alive: oneshot::Sender<()>,
}

impl Held {
    /// Queues a message. False when the queue is full: the far side has stopped reading.
    pub(crate) fn send(&self, text: String) -> bool {
        // A socket that has ended has told so, or is about to.
        !self.texts.try_send(text).is_err_and(|error| error.is_full())
    }
}

/// The socket's side of [`Held`].
pub(crate) struct Holder {
    texts: Receiver<String>,
    given_up: oneshot::Receiver<()>,
}

pub(crate) fn hold() -> (Held, Holder) {
    let (sender, texts) = async_channel::bounded(SEND_QUEUE);
    let (alive, given_up) = oneshot::channel();
    (Held { texts: sender, _alive: alive }, Holder { texts, given_up })
}

/// Opens a WebSocket, carries messages both ways, and tells its end.
pub(crate) async fn run<R: Runtime>(
    net: Arc<Net>,
    id: WsId,
    request: Request<()>,
    deadline: Instant,
    holder: Holder,
    inputs: Sender<Input>,
) {
    let driver = Driver { id, inputs };
    let opening = async {
        let open = pin!(open::<R>(&net, request, deadline));
        match select(open, pin!(R::sleep_until(deadline))).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => Err(timed_out()),
        }
    };
    // A socket that the machine gave up while it opened is dropped as it is.
    let opened = match select(pin!(opening), holder.given_up).await {
        Either::Left((opened, _)) => opened,
        Either::Right(_) => return,
    };
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
    let (sender, receiver) = socket.split();
    let sending = pin!(send::<R>(sender, holder.texts));
    let receiving = pin!(receive::<R>(receiver, &driver));
    let end = match select(sending, receiving).await {
        Either::Left((end, _)) | Either::Right((end, _)) => end,
    };
    if let Some((code, reason)) = end {
        driver.tell(WsEvent::Closed { code, reason }).await;
    }
}

/// Whom a socket tells what happens to it.
struct Driver {
    id: WsId,
    inputs: Sender<Input>,
}

impl Driver {
    /// Waits while the driver is behind. False when it is gone.
    async fn tell(&self, event: WsEvent) -> bool {
        self.inputs.send(Input::WebSocket { id: self.id, event }).await.is_ok()
    }
}

/// How a socket ended, unless by our own wish.
type End = Option<(Option<u16>, String)>;

async fn send<R: Runtime>(
    mut sender: WebSocketSender<Box<dyn Socket>>,
    texts: Receiver<String>,
) -> End {
    while let Ok(text) = texts.recv().await {
        if let Err(error) = sender.send(Message::text(text)).await {
            // The far side may have said why: the receiving half gets time to find out.
            R::sleep_until(Instant::now() + CLOSING).await;
            return Some((None, error.to_string()));
        }
    }
    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    let closing = pin!(sender.close(Some(frame)));
    // Where the close frame cannot be sent, the socket is dropped without one.
    let _ = select(closing, pin!(R::sleep_until(Instant::now() + CLOSING))).await;
    None
}

async fn receive<R: Runtime>(
    mut receiver: WebSocketReceiver<Box<dyn Socket>>,
    driver: &Driver,
) -> End {
    loop {
        match receiver.next().await {
            Some(Ok(Message::Text(text))) => {
                if !driver.tell(WsEvent::Text(text.as_str().to_owned())).await {
                    return None;
                }
            }
            Some(Ok(Message::Close(frame))) => {
                // Reading on sends our half of the closing handshake.
                let rest = pin!(async { while let Some(Ok(_)) = receiver.next().await {} });
                let _ = select(rest, pin!(R::sleep_until(Instant::now() + CLOSING))).await;
                return Some(match frame {
                    Some(frame) => (Some(frame.code.into()), frame.reason.as_str().to_owned()),
                    None => (None, "closed without a code".to_owned()),
                });
            }
            // XMPP and JSON are text (RFC 7395 section 3.2); pings are answered by the library.
            Some(Ok(
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            )) => {}
            Some(Err(error)) => return Some((None, error.to_string())),
            None => return Some((None, "the connection ended".to_owned())),
        }
    }
}

async fn open<R: Runtime>(
    net: &Net,
    request: Request<()>,
    deadline: Instant,
) -> Result<(WebSocket, Option<String>), NetError> {
    let unusable = || NetError::new(NetErrorKind::Local, "not a WebSocket URI");
    let secure = match request.uri().scheme_str() {
        Some("wss") => true,
        Some("ws") => false,
        _ => return Err(unusable()),
    };
    let host = request.uri().host().ok_or_else(unusable)?.to_owned();
    let port = request.uri().port_u16().unwrap_or(if secure { 443 } else { 80 });
    let mut socket: Box<dyn Socket> = match net.proxies.find(secure, &host) {
        None => Box::new(connect::<R>(net, &host, port, deadline).await?),
        Some(proxy) => {
            let mut socket = connect::<R>(net, &proxy.host, proxy.port, deadline).await?;
            tunnel(&mut socket, proxy, &host, port).await?;
            Box::new(socket)
        }
    };
    if secure {
        let name = bare(&host)
            .to_owned()
            .try_into()
            .map_err(|_| NetError::new(NetErrorKind::Tls, "the host is no TLS name"))?;
        let connector = TlsConnector::from(Arc::clone(&net.tls));
        socket = Box::new(connector.connect(name, socket).await.map_err(|e| lost(&e))?);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(net.options.max_message))
        .max_frame_size(Some(net.options.max_message));
    let (socket, response) = client_async_with_config(upgrade(request)?, socket, Some(config))
        .await
        .map_err(|error| refusal(&error))?;
    let protocol = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    Ok((socket, protocol.and_then(|p| p.to_str().ok()).map(str::to_owned)))
}

/// Connects to the first address that answers; each has a fair share of the time.
async fn connect<R: Runtime>(
    net: &Net,
    host: &str,
    port: u16,
    deadline: Instant,
) -> Result<R::Tcp, NetError> {
    let addresses = net.resolve(host, port).await?;
    let mut failure = timed_out();
    for (tried, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = now + deadline.saturating_duration_since(now) / left;
        match select(pin!(R::connect(*address)), pin!(R::sleep_until(share))).await {
            Either::Left((Ok(socket), _)) => return Ok(socket),
            Either::Left((Err(error), _)) => failure = unconnected(&error),
            Either::Right(((), _)) => failure = timed_out(),
        }
    }
    Err(failure)
}

/// Asks a proxy for a tunnel. Reads its answer byte by byte: what follows is not ours.
async fn tunnel(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &ProxyServer,
    host: &str,
    port: u16,
) -> Result<(), NetError> {
    let request = proxy.connect_request(host, port);
    socket.write_all(request.as_bytes()).await.map_err(|error| lost(&error))?;
    socket.flush().await.map_err(|error| lost(&error))?;
    let mut received = Vec::new();
    let mut byte = [0];
    while !ProxyServer::connect_response(&received)? {
        socket.read_exact(&mut byte).await.map_err(|error| lost(&error))?;
        received.push(byte[0]);
    }
    Ok(())
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
