//! One session's media sockets: one for each local address.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use futures_util::future::{AbortHandle, abortable};
use offhook::Input;
use offhook::machine::{CodePoint, Local, NetError, NetErrorKind, UdpEvent, UdpId};
use offhook::net::InterfaceAddress;
use socket2::SockRef;

use crate::fair::next_turn;
use crate::inbox::Inputs;
use crate::net::Net;
use crate::runtime::Sockets;

/// The largest datagram that is media: what goes through a network of 1500 bytes, and some.
/// Larger ones are dropped.
const MAX_DATAGRAM: usize = 2048;

/// Failures to receive, one after the other, that end a socket. Single ones pass: some systems
/// report an ICMP error of an earlier datagram this way.
const MAX_FAILURES: u32 = 64;

/// The error by which Windows says that a datagram is larger than the buffer (`WSAEMSGSIZE`).
const TOO_LARGE: i32 = 10040;

/// Datagrams received before others have their turn.
const TURN: u32 = 16;

/// Bound sockets, receiving until dropped.
pub(crate) struct Group<R: Sockets> {
    sockets: Vec<Bound<R>>,
}

struct Bound<R: Sockets> {
    local: SocketAddr,
    interface: Option<String>,
    socket: Arc<R::Udp>,
    receiving: AbortHandle,
}

impl<R: Sockets> Group<R> {
    /// Binds a socket to every address that the options select. Their packets are as urgent as `dscp` says,
    /// where the system allows it.
    pub(crate) fn open(
        net: &Net,
        id: UdpId,
        dscp: Option<CodePoint>,
        inputs: &Inputs,
    ) -> Result<Self, NetError> {
        let interfaces: Vec<_> = if_addrs::get_if_addrs()
            .map_err(|error| local(&error))?
            .into_iter()
            .filter(|interface| interface.oper_status != if_addrs::IfOperStatus::Down)
            .map(|interface| InterfaceAddress::new(interface.name.clone(), interface.ip()))
            .collect();
        let mut failure = NetError::new(NetErrorKind::Local, "no local address is selected");
        let mut sockets = Vec::new();
        for address in net.options.media_addresses(&interfaces) {
            let interface = interfaces.iter().find(|known| known.address == address);
            let interface = interface.map(|known| known.name.clone());
            match bind::<R>(SocketAddr::new(address, 0), interface, id, dscp, inputs.clone()) {
                Ok(bound) => sockets.push(bound),
                Err(error) => failure = local(&error),
            }
        }
        if sockets.is_empty() { Err(failure) } else { Ok(Self { sockets }) }
    }

    /// The bound addresses.
    pub(crate) fn local(&self) -> Vec<Local> {
        let mut all = Local::in_order(self.sockets.iter().map(|bound| bound.local));
        for (local, bound) in all.iter_mut().zip(&self.sockets) {
            local.interface.clone_from(&bound.interface);
        }
        all
    }

    /// Sends from one of the addresses. What cannot be sent now is lost, as on any network.
    pub(crate) fn send(&self, local: SocketAddr, remote: SocketAddr, data: &[u8]) {
        let Some(bound) = self.sockets.iter().find(|bound| bound.local == local) else {
            tracing::debug!(%local, "no socket for this local address");
            return;
        };
        if let Err(error) = R::send(&bound.socket, data, remote) {
            tracing::trace!(%local, %remote, %error, "datagram not sent");
        }
    }
}

impl<R: Sockets> Drop for Bound<R> {
    fn drop(&mut self) {
        self.receiving.abort();
    }
}

fn bind<R: Sockets>(
    address: SocketAddr,
    interface: Option<String>,
    id: UdpId,
    dscp: Option<CodePoint>,
    inputs: Inputs,
) -> io::Result<Bound<R>> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    if let Some(dscp) = dscp
        && let Err(error) = mark(&socket, local, dscp)
    {
        tracing::debug!(%local, ?dscp, %error, "packets are no more urgent than others");
    }
    let socket = Arc::new(R::udp(socket)?);
    let (task, receiving) = abortable(receive::<R>(Arc::clone(&socket), id, local, inputs));
    R::spawn(async {
        // Either way nothing is left to do.
        let _ = task.await;
    })
    .map_err(io::Error::other)?;
    Ok(Bound { local, interface, socket, receiving })
}

/// Has packets carry a code point (RFC 2474 section 3).
fn mark(socket: &UdpSocket, local: SocketAddr, dscp: CodePoint) -> io::Result<()> {
    let (socket, class) = (SockRef::from(socket), u32::from(dscp.traffic_class()));
    match local {
        SocketAddr::V4(_) => socket.set_tos_v4(class),
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "macos"))]
        SocketAddr::V6(_) => socket.set_tclass_v6(class),
        #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
        SocketAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

async fn receive<R: Sockets>(socket: Arc<R::Udp>, id: UdpId, local: SocketAddr, inputs: Inputs) {
    // A byte more, to tell what was cut off.
    let mut buffer = vec![0; MAX_DATAGRAM + 1];
    let (mut failures, mut turn) = (0, 0);
    while failures < MAX_FAILURES {
        turn = (turn + 1) % TURN;
        if turn == 0 {
            next_turn().await;
        }
        match R::receive(&socket, &mut buffer).await {
            Ok((length, remote)) => {
                failures = 0;
                if length > MAX_DATAGRAM {
                    tracing::debug!(%local, %remote, "too large a datagram is dropped");
                    continue;
                }
                let data = buffer[..length].to_vec();
                let event = UdpEvent::Datagram { local, remote, data };
                if !inputs.send(Input::Udp { id, event }).await {
                    return;
                }
            }
            Err(error) if error.raw_os_error() == Some(TOO_LARGE) => {}
            Err(error) => {
                failures += 1;
                tracing::debug!(%local, %error, "receiving failed");
            }
        }
    }
}

fn local(error: &io::Error) -> NetError {
    NetError::new(NetErrorKind::Local, error.to_string())
}
