//! One session's media sockets: one for each local address, as addresses come and go.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use futures_util::future::{AbortHandle, abortable};
use offhook::Input;
use offhook::machine::{CodePoint, Local, NetError, NetErrorKind, UdpEvent, UdpId};
use offhook::net::{InterfaceAddress, NetOptions};
use socket2::SockRef;

use crate::fair::next_turn;
use crate::inbox::Inputs;
use crate::interfaces::present;
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
    id: UdpId,
    /// The one address that is bound; none for each.
    from: Option<IpAddr>,
    dscp: Option<CodePoint>,
    inputs: Inputs,
    sockets: Vec<Bound<R>>,
}

struct Bound<R: Sockets> {
    local: SocketAddr,
    interface: Option<String>,
    socket: Arc<R::Udp>,
    receiving: AbortHandle,
}

impl<R: Sockets> Group<R> {
    /// Binds a socket to every address that the options select, or to `from` if it is one of them. Their packets are as
    /// urgent as `dscp` says, where the system allows it.
    pub(crate) fn open(
        net: &Net,
        id: UdpId,
        from: Option<IpAddr>,
        dscp: Option<CodePoint>,
        inputs: &Inputs,
    ) -> Result<Self, NetError> {
        let interfaces = present().map_err(|error| local(&error))?;
        let mut group = Self { id, from, dscp, inputs: inputs.clone(), sockets: Vec::new() };
        let failure = group.bind(&group.wanted(&net.options, &interfaces), &interfaces);
        if !group.sockets.is_empty() {
            return Ok(group);
        }
        Err(failure
            .unwrap_or_else(|| NetError::new(NetErrorKind::Local, "no local address is selected")))
    }

    /// The addresses to bind, the most preferred first.
    fn wanted(&self, options: &NetOptions, interfaces: &[InterfaceAddress]) -> Vec<IpAddr> {
        let mut wanted = options.media_addresses(interfaces);
        wanted.retain(|address| self.from.is_none_or(|from| from == *address));
        wanted
    }

    /// The bound addresses.
    pub(crate) fn local(&self) -> Vec<Local> {
        let mut all = Local::in_order(self.sockets.iter().map(|bound| bound.local));
        for (local, bound) in all.iter_mut().zip(&self.sockets) {
            local.interface.clone_from(&bound.interface);
        }
        all
    }

    /// Closes the sockets of addresses that the computer has no more, and binds some to those that it has now:
    /// what changed, if anything did.
    pub(crate) fn follow(
        &mut self,
        options: &NetOptions,
        interfaces: &[InterfaceAddress],
    ) -> Option<UdpEvent> {
        let is_here = |address: &IpAddr| {
            address.is_loopback() || interfaces.iter().any(|known| known.address == *address)
        };
        let mut wanted = self.wanted(options, interfaces);
        wanted.retain(is_here);
        let gone = self.sockets.extract_if(.., |bound| !wanted.contains(&bound.local.ip()));
        let removed: Vec<_> = gone.map(|bound| bound.local).collect();
        let before: Vec<_> = self.sockets.iter().map(|bound| bound.local).collect();
        // The one address that was wanted is not replaced.
        let missing = |address: &IpAddr| {
            self.from.is_none() && before.iter().all(|local| local.ip() != *address)
        };
        let new: Vec<_> = wanted.iter().copied().filter(missing).collect();
        if let Some(error) = self.bind(&new, interfaces) {
            // It is tried again with the next look.
            tracing::debug!(%error, "no socket for a new address");
        }
        // In the order of preference, as if all had been there from the start.
        let rank = |bound: &Bound<R>| wanted.iter().position(|ip| *ip == bound.local.ip());
        self.sockets.sort_by_key(rank);
        let mut added = self.local();
        added.retain(|local| !before.contains(&local.address));
        let is_news = !added.is_empty() || !removed.is_empty();
        is_news.then_some(UdpEvent::Changed { added, removed })
    }

    /// Binds sockets to addresses: the last failure.
    fn bind(&mut self, addresses: &[IpAddr], interfaces: &[InterfaceAddress]) -> Option<NetError> {
        let mut failure = None;
        for address in addresses {
            let interface = interfaces.iter().find(|known| known.address == *address);
            let interface = interface.map(|known| known.name.clone());
            let address = SocketAddr::new(*address, 0);
            match bind::<R>(address, interface, self.id, self.dscp, self.inputs.clone()) {
                Ok(bound) => self.sockets.push(bound),
                Err(error) => failure = Some(local(&error)),
            }
        }
        failure
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

#[cfg(test)]
mod tests {
    use std::future::{Future, pending};
    use std::time::Instant;

    use super::*;
    use crate::error::NoRuntime;
    use crate::inbox::inbox;
    use crate::runtime::Runtime;

    /// A runtime whose sockets never receive.
    struct Deaf;

    impl Runtime for Deaf {
        fn spawn(_: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
            Ok(())
        }

        async fn sleep_until(_: Instant) {
            pending::<()>().await;
        }
    }

    impl Sockets for Deaf {
        type Tcp = futures_util::io::Cursor<Vec<u8>>;
        type Udp = UdpSocket;

        async fn connect(_: SocketAddr, _: Option<IpAddr>) -> io::Result<(Self::Tcp, SocketAddr)> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn udp(socket: UdpSocket) -> io::Result<UdpSocket> {
            Ok(socket)
        }

        fn send(_: &UdpSocket, data: &[u8], _: SocketAddr) -> io::Result<usize> {
            Ok(data.len())
        }

        async fn receive(_: &UdpSocket, _: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            pending().await
        }
    }

    fn here(last: &[u8]) -> Vec<InterfaceAddress> {
        let address = |n: &u8| InterfaceAddress::new(format!("lo:{n}"), [127, 0, 0, *n].into());
        last.iter().map(address).collect()
    }

    /// A group that has followed addresses once, and those of its sockets.
    fn follow(group: &mut Group<Deaf>, last: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let octet = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(_) => panic!("{address}"),
        };
        let options = NetOptions::default().loopback(true);
        match group.follow(&options, &here(last))? {
            UdpEvent::Changed { added, removed } => Some((
                added.into_iter().map(|local| octet(local.address)).collect(),
                removed.into_iter().map(octet).collect(),
            )),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sockets_come_and_go_with_addresses() {
        let (inputs, _inbox) = inbox();
        let mut group = Group { id: UdpId(1), from: None, dscp: None, inputs, sockets: Vec::new() };
        assert_eq!(follow(&mut group, &[2, 3]), Some((vec![2, 3], vec![])));
        assert_eq!(follow(&mut group, &[2, 3]), None);
        let kept = group.local()[1].address;
        assert_eq!(follow(&mut group, &[4, 3]), Some((vec![4], vec![2])));
        let local = group.local();
        assert_eq!(local[1].address, kept, "its socket stays");
        assert_eq!(local[0].interface.as_deref(), Some("lo:4"), "in the order of preference");
        assert_eq!(follow(&mut group, &[]), Some((vec![], vec![4, 3])));
        assert_eq!(
            follow(&mut group, &[1]),
            Some((vec![1], vec![])),
            "after none there may be some"
        );
    }

    #[test]
    fn a_socket_at_one_address_goes_with_it_and_is_not_replaced() {
        let (inputs, _inbox) = inbox();
        let from = Some([127, 0, 0, 3].into());
        let mut group =
            Group { id: UdpId(1), from, dscp: None, inputs: inputs.clone(), sockets: Vec::new() };
        let options = NetOptions::default().loopback(true);
        let wanted = group.wanted(&options, &here(&[2, 3]));
        assert_eq!(wanted, [IpAddr::from([127, 0, 0, 3])]);
        assert!(group.bind(&wanted, &here(&[2, 3])).is_none());
        assert_eq!(group.local().len(), 1);
        assert_eq!(follow(&mut group, &[2, 3]), None);
        assert_eq!(follow(&mut group, &[2, 4]), Some((vec![], vec![3])));
        assert_eq!(follow(&mut group, &[2, 3]), None);
        // One that the options leave out is not bound.
        let options = NetOptions::default().loopback(true).bind([[127, 0, 0, 2]]);
        let other = Group::<Deaf> { id: UdpId(2), from, dscp: None, inputs, sockets: Vec::new() };
        assert!(other.wanted(&options, &here(&[2, 3])).is_empty());
    }

    #[test]
    fn what_is_bound_by_name_waits_for_its_address() {
        let (inputs, _inbox) = inbox();
        let mut group =
            Group::<Deaf> { id: UdpId(1), from: None, dscp: None, inputs, sockets: Vec::new() };
        let options = NetOptions::default().bind([[192, 0, 2, 1]]);
        assert!(group.follow(&options, &here(&[1])).is_none(), "nobody has it");
    }
}
