//! One session's media sockets: one for each local address.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use async_channel::Sender;
use futures_util::future::{AbortHandle, abortable};
use offhook::Input;
use offhook::machine::{NetError, NetErrorKind, UdpEvent, UdpId};
use offhook::net::InterfaceAddress;

use crate::net::Net;
use crate::runtime::Runtime;

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 65_535;

/// Failures to receive, one after the other, that end a socket. Single ones pass: some systems
/// report an ICMP error of an earlier datagram this way.
const MAX_FAILURES: u32 = 64;

/// Bound sockets, receiving until dropped.
pub(crate) struct Group {
    sockets: Vec<Bound>,
}

struct Bound {
    local: SocketAddr,
    socket: UdpSocket,
    receiving: AbortHandle,
}

impl Group {
    /// Binds a socket to every address that the options select.
    pub(crate) fn open<R: Runtime>(
        net: &Net,
        id: UdpId,
        inputs: &Sender<Input>,
    ) -> Result<Self, NetError> {
        let interfaces: Vec<_> = if_addrs::get_if_addrs()
            .map_err(|error| local(&error))?
            .into_iter()
            .filter(|interface| interface.oper_status != if_addrs::IfOperStatus::Down)
            .map(|interface| InterfaceAddress { address: interface.ip(), name: interface.name })
            .collect();
        let mut failure = NetError::new(NetErrorKind::Local, "no local address is selected");
        let mut sockets = Vec::new();
        for address in net.options.media_addresses(&interfaces) {
            match bind::<R>(SocketAddr::new(address, 0), id, inputs.clone()) {
                Ok(bound) => sockets.push(bound),
                Err(error) => failure = local(&error),
            }
        }
        if sockets.is_empty() { Err(failure) } else { Ok(Self { sockets }) }
    }

    /// The bound addresses, most preferred first.
    pub(crate) fn local(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|bound| bound.local).collect()
    }

    /// Sends from one of the addresses. What cannot be sent now is lost, as on any network.
    pub(crate) fn send(&self, local: SocketAddr, remote: SocketAddr, data: &[u8]) {
        let Some(bound) = self.sockets.iter().find(|bound| bound.local == local) else {
            tracing::debug!(%local, "no socket for this local address");
            return;
        };
        if let Err(error) = bound.socket.send_to(data, remote) {
            tracing::trace!(%local, %remote, %error, "datagram not sent");
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.receiving.abort();
    }
}

fn bind<R: Runtime>(address: SocketAddr, id: UdpId, inputs: Sender<Input>) -> io::Result<Bound> {
    let socket = UdpSocket::bind(address)?;
    // Sending never waits, so only receiving goes through the runtime, on a second descriptor.
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    let receiver = R::udp(socket.try_clone()?)?;
    let (task, receiving) = abortable(receive::<R>(receiver, id, local, inputs));
    R::spawn(async {
        // Either way nothing is left to do.
        let _ = task.await;
    })
    .map_err(io::Error::other)?;
    Ok(Bound { local, socket, receiving })
}

async fn receive<R: Runtime>(socket: R::Udp, id: UdpId, local: SocketAddr, inputs: Sender<Input>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut failures = 0;
    while failures < MAX_FAILURES {
        match R::receive(&socket, &mut buffer).await {
            Ok((length, remote)) => {
                failures = 0;
                let data = buffer[..length].to_vec();
                let event = UdpEvent::Datagram { local, remote, data };
                if inputs.send(Input::Udp { id, event }).await.is_err() {
                    return;
                }
            }
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
