//! The task that owns the service: inputs from all sockets come here, outputs leave from here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use offhook::machine::Wake;
use offhook::media::AudioFrame;
use tokio::sync::{mpsc, oneshot};

use super::listen;
use super::options::{EmulatorError, EmulatorOptions};
use super::order::{Order, Outgoing, Upgrade};
use super::udp::Sockets;
use crate::service::{ConnId, Input, Output, RequestId, Service};

/// Orders waiting for the driver; whoever brings one more waits.
const MAX_ORDERS: usize = 4096;
/// Messages waiting for a slow client; at the bound the client is dropped.
const MAX_BACKLOG: usize = 1024;
/// And their bytes.
const MAX_BACKLOG_BYTES: usize = 8 << 20;

/// The way to a WebSocket's client.
struct Conn {
    send: mpsc::Sender<Outgoing>,
    backlog: Arc<AtomicUsize>,
}

/// The addresses and the certificate of a started emulator, and its ends of the queues.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) http: Option<SocketAddr>,
    pub(super) https: Option<SocketAddr>,
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) orders: mpsc::Sender<Order>,
}

/// Runs an emulator until it is told to stop.
pub(super) async fn run<S: Service>(
    options: EmulatorOptions,
    make: impl FnOnce(&EmulatorOptions, u64, Instant) -> S,
    tell: std_mpsc::Sender<Result<Started, EmulatorError>>,
) {
    let (orders, inbox) = mpsc::channel(MAX_ORDERS);
    let listening = match listen::start(&options, orders.clone()).await {
        Ok(listening) => listening,
        Err(error) => {
            // Nobody to tell means nobody to serve.
            let _ = tell.send(Err(error));
            return;
        }
    };
    let started = Started {
        http: listening.http,
        https: listening.https,
        certificate: listening.certificate,
        orders: orders.clone(),
    };
    if tell.send(Ok(started)).is_err() {
        return;
    }
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let service = make(&options, unix.as_millis() as u64, Instant::now());
    Driver::new(service, options, orders).run(inbox).await;
    for task in listening.tasks {
        task.abort();
    }
}

struct Driver<S> {
    service: S,
    orders: mpsc::Sender<Order>,
    next_id: u64,
    requests: BTreeMap<RequestId, oneshot::Sender<http::Response<Vec<u8>>>>,
    upgrades: BTreeMap<ConnId, oneshot::Sender<Result<Upgrade, u16>>>,
    conns: BTreeMap<ConnId, Conn>,
    sockets: Sockets,
    listeners: BTreeMap<String, mpsc::Sender<AudioFrame>>,
    log: Option<std_mpsc::Sender<String>>,
    wake: Option<Wake>,
}

impl<S: Service> Driver<S> {
    fn new(service: S, options: EmulatorOptions, orders: mpsc::Sender<Order>) -> Self {
        Self {
            service,
            sockets: Sockets::new(options.public_ip, orders.clone()),
            orders,
            next_id: 0,
            requests: BTreeMap::new(),
            upgrades: BTreeMap::new(),
            conns: BTreeMap::new(),
            listeners: BTreeMap::new(),
            log: options.log,
            wake: None,
        }
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        loop {
            self.drain().await;
            let idle = Instant::now() + Duration::from_secs(3600);
            let wake = self.wake.map_or(idle, |wake| wake.at);
            tokio::select! {
                order = inbox.recv() => match order {
                    None | Some(Order::Stop) => return,
                    Some(order) => self.take(order),
                },
                () = tokio::time::sleep_until(wake.into()) => self.feed(Input::Timeout),
            }
        }
    }

    fn feed(&mut self, input: Input) {
        self.service.handle_input(Instant::now(), input);
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Request { request, answer } => {
                let id = RequestId(self.id());
                self.requests.insert(id, answer);
                self.feed(Input::Request { id, request });
            }
            Order::Upgrade { path, answer } => {
                let conn = ConnId(self.id());
                self.upgrades.insert(conn, answer);
                self.feed(Input::SocketRequested { conn, path });
            }
            Order::Text { conn, text, held } => {
                drop(held);
                self.feed(Input::SocketText { conn, text });
            }
            Order::Closed { conn } => {
                self.conns.remove(&conn);
                self.feed(Input::SocketClosed { conn });
            }
            Order::Udp { id, input } => {
                if self.sockets.is_open(id) {
                    self.feed(input);
                }
            }
            Order::PlayFarEnd { conversation, mut spoken, hear } => {
                self.listeners.insert(conversation.clone(), hear);
                self.feed(Input::PlayFarEnd { conversation: conversation.clone() });
                let orders = self.orders.clone();
                tokio::spawn(async move {
                    while let Some(frame) = spoken.recv().await {
                        let conversation = conversation.clone();
                        if orders.send(Order::Spoken { conversation, frame }).await.is_err() {
                            return;
                        }
                    }
                });
            }
            Order::Spoken { conversation, frame } => {
                self.feed(Input::FarAudio { conversation, frame });
            }
            Order::Stop => {}
        }
    }

    async fn drain(&mut self) {
        loop {
            match self.service.poll_output() {
                Output::Respond { id, response } => {
                    if let Some(answer) = self.requests.remove(&id) {
                        // The client may have gone.
                        let _ = answer.send(response);
                    }
                }
                Output::Accept { conn, protocol } => self.accept(conn, protocol),
                Output::Refuse { conn, status } => {
                    if let Some(answer) = self.upgrades.remove(&conn) {
                        let _ = answer.send(Err(status));
                    }
                }
                Output::SendText { conn, text } => self.write(conn, Outgoing::Text(text)),
                Output::CloseSocket { conn, code } => {
                    self.write(conn, Outgoing::Close(code));
                    self.conns.remove(&conn);
                }
                Output::OpenUdp { id } => {
                    if let Some(input) = self.sockets.open(id).await {
                        self.feed(input);
                    }
                }
                Output::Transmit { id, remote, data, .. } => {
                    self.sockets.send(id, remote, &data).await;
                }
                Output::CloseUdp { id } => self.sockets.close(id),
                // Nobody can connect one.
                Output::SendStream { .. } | Output::CloseStream { .. } => {}
                // They are counted, and can be asked for.
                Output::FarPicture { .. } => {}
                Output::FarAudio { conversation, frame } => {
                    if let Some(listener) = self.listeners.get(&conversation)
                        && let Err(mpsc::error::TrySendError::Closed(_)) = listener.try_send(frame)
                    {
                        self.listeners.remove(&conversation);
                    }
                }
                Output::Log(line) | Output::Wrong(line) => {
                    tracing::debug!("{line}");
                    if let Some(log) = &self.log
                        && log.send(line).is_err()
                    {
                        self.log = None;
                    }
                }
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return;
                }
            }
        }
    }

    fn accept(&mut self, conn: ConnId, protocol: Option<&'static str>) {
        let Some(answer) = self.upgrades.remove(&conn) else { return };
        let (send, outgoing) = mpsc::channel(MAX_BACKLOG);
        let backlog = Arc::new(AtomicUsize::new(0));
        let upgrade = Upgrade { conn, protocol, outgoing, backlog: backlog.clone() };
        if answer.send(Ok(upgrade)).is_ok() {
            self.conns.insert(conn, Conn { send, backlog });
        } else {
            self.feed(Input::SocketClosed { conn });
        }
    }

    fn write(&mut self, conn: ConnId, what: Outgoing) {
        let Some(to) = self.conns.get(&conn) else { return };
        let bytes = match &what {
            Outgoing::Text(text) => text.len(),
            Outgoing::Close(_) => 0,
        };
        let waiting = to.backlog.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if waiting > MAX_BACKLOG_BYTES || to.send.try_send(what).is_err() {
            // Too slow, or gone: its task ends with the queue.
            self.conns.remove(&conn);
        }
    }
}
