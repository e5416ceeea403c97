//! Media sockets: one for each call.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use offhook::machine::UdpId;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::order::Order;
use crate::service::Input;

/// The largest datagram read.
const MAX_DATAGRAM: usize = 2048;
/// The pause after an error, so that one that stays does not spin.
const AFTER_ERROR: Duration = Duration::from_millis(1);

struct Open {
    socket: Arc<UdpSocket>,
    reader: JoinHandle<()>,
}

/// The sockets of all calls.
pub(super) struct Sockets {
    address: IpAddr,
    orders: mpsc::Sender<Order>,
    open: BTreeMap<UdpId, Open>,
}

impl Sockets {
    pub(super) fn new(address: IpAddr, orders: mpsc::Sender<Order>) -> Self {
        Self { address, orders, open: BTreeMap::new() }
    }

    pub(super) fn is_open(&self, id: UdpId) -> bool {
        self.open.contains_key(&id)
    }

    /// Binds a socket; what the cloud is to be told, if it worked.
    pub(super) async fn open(&mut self, id: UdpId) -> Option<Input> {
        let (socket, local) = match bind(self.address).await {
            Ok(bound) => bound,
            Err(error) => {
                tracing::warn!("no media socket: {error}");
                return None;
            }
        };
        let socket = Arc::new(socket);
        let reader = tokio::spawn(read(id, local, socket.clone(), self.orders.clone()));
        self.open.insert(id, Open { socket, reader });
        Some(Input::UdpOpened { id, local: vec![local] })
    }

    pub(super) async fn send(&self, id: UdpId, remote: SocketAddr, data: &[u8]) {
        if let Some(open) = self.open.get(&id)
            && let Err(error) = open.socket.send_to(data, remote).await
        {
            // A candidate that cannot be reached from here, or a peer that left.
            tracing::trace!("to {remote}: {error}");
        }
    }

    pub(super) fn close(&mut self, id: UdpId) {
        if let Some(open) = self.open.remove(&id) {
            open.reader.abort();
        }
    }
}

async fn bind(address: IpAddr) -> std::io::Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((address, 0)).await?;
    let local = socket.local_addr()?;
    Ok((socket, local))
}

async fn read(id: UdpId, local: SocketAddr, socket: Arc<UdpSocket>, orders: mpsc::Sender<Order>) {
    let mut buffer = [0; MAX_DATAGRAM];
    loop {
        let Ok((length, remote)) = socket.recv_from(&mut buffer).await else {
            // An ICMP word about a datagram of ours, most likely; the socket goes on, without haste.
            tokio::time::sleep(AFTER_ERROR).await;
            continue;
        };
        let data = buffer[..length].to_vec();
        let input = Input::Datagram { id, local, remote, data };
        if orders.send(Order::Udp { id, input }).await.is_err() {
            return;
        }
    }
}
