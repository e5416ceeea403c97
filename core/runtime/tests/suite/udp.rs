//! Media sockets.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use offhook::Output;
use offhook::machine::{CodePoint, Local, NetErrorKind, UdpEvent, UdpId};
use offhook::net::NetOptions;
use offhook_runtime::{NoRuntime, Runtime, Sockets};
use socket2::SockRef;

use super::puppet::{Stage, within};

const ID: UdpId = UdpId(1);

async fn opened<R: Sockets>(stage: &mut Stage<R>) -> Vec<Local> {
    stage.make(Output::OpenUdp { id: ID, from: None, dscp: None }).await;
    match stage.udp(ID).await {
        UdpEvent::Opened { local } => local,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn datagrams_go_both_ways<R: Sockets>() {
    let bind = vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
    let mut stage = Stage::<R>::with(NetOptions::default().bind(bind.clone()));
    let locals = opened(&mut stage).await;
    assert!(locals.is_sorted_by(|a, b| a.preference > b.preference), "{locals:?}");
    // Only the first is an address that an interface has.
    assert_eq!(locals.iter().map(|l| l.interface.is_some()).collect::<Vec<_>>(), [true, false]);
    let addresses: Vec<_> = locals.iter().map(|local| local.address).collect();
    assert_eq!(addresses.iter().map(SocketAddr::ip).collect::<Vec<_>>(), bind);

    let peer = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    peer.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let there = peer.local_addr().expect("bound");
    for here in addresses {
        let data = here.to_string().into_bytes();
        stage.make(Output::Transmit { id: ID, local: here, remote: there, data }).await;
        let mut buffer = [0; 100];
        let (length, from) = peer.recv_from(&mut buffer).expect("a datagram");
        assert_eq!((&buffer[..length], from), (here.to_string().as_bytes(), here));

        peer.send_to(b"and back", here).expect("sent");
        match stage.udp(ID).await {
            UdpEvent::Datagram { local, remote, data } => {
                assert_eq!((local, remote, data.as_slice()), (here, there, &b"and back"[..]));
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn without_an_address_there_is_a_local_failure<R: Sockets>() {
    let none = NetOptions::default().interfaces(["none"]);
    let foreign = NetOptions::default().bind([[192, 0, 2, 1]]);
    for options in [none, foreign] {
        let mut stage = Stage::<R>::with(options);
        stage.make(Output::OpenUdp { id: ID, from: None, dscp: None }).await;
        match stage.udp(ID).await {
            UdpEvent::Failed(error) => assert_eq!(error.kind, NetErrorKind::Local),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn a_closed_group_frees_its_ports<R: Sockets>() {
    let bind = vec![IpAddr::from([127, 0, 0, 1])];
    let mut stage = Stage::<R>::with(NetOptions::default().bind(bind));
    let address = opened(&mut stage).await[0].address;
    assert!(UdpSocket::bind(address).is_err());
    stage.make(Output::CloseUdp { id: ID }).await;
    within::<R, _>(async {
        while UdpSocket::bind(address).is_err() {
            R::sleep_until(Instant::now() + Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A runtime that reads the type of service of each socket that it is given (IPv4).
struct Reader<R>(PhantomData<R>);

/// The bytes that it has read.
static READ: Mutex<Vec<u32>> = Mutex::new(Vec::new());

impl<R: Runtime> Runtime for Reader<R> {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
        R::spawn(task)
    }

    fn sleep_until(at: Instant) -> impl Future<Output = ()> + Send {
        R::sleep_until(at)
    }
}

impl<R: Sockets> Sockets for Reader<R> {
    type Tcp = R::Tcp;
    type Udp = R::Udp;

    fn connect(
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> impl Future<Output = io::Result<(Self::Tcp, SocketAddr)>> + Send {
        R::connect(to, from)
    }

    fn udp(socket: UdpSocket) -> io::Result<Self::Udp> {
        let class = SockRef::from(&socket).tos_v4()?;
        READ.lock().expect("nobody panicked").push(class);
        R::udp(socket)
    }

    fn send(socket: &Self::Udp, data: &[u8], remote: SocketAddr) -> io::Result<usize> {
        R::send(socket, data, remote)
    }

    fn receive(
        socket: &Self::Udp,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send {
        R::receive(socket, buffer)
    }
}

pub(crate) async fn a_group_at_one_address_has_a_port_of_its_own_there<R: Sockets>() {
    let bind = vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
    let mut stage = Stage::<R>::with(NetOptions::default().bind(bind.clone()));
    let locals = opened(&mut stage).await;
    let other = UdpId(2);
    stage.make(Output::OpenUdp { id: other, from: Some(bind[1]), dscp: None }).await;
    let UdpEvent::Opened { local } = stage.udp(other).await else { panic!("not opened") };
    assert_eq!((local.len(), local[0].address.ip()), (1, bind[1]));
    assert_ne!(local[0].address, locals[1].address);
    // One that media may not use is not bound.
    let third = UdpId(3);
    let from = Some([127, 0, 0, 3].into());
    stage.make(Output::OpenUdp { id: third, from, dscp: None }).await;
    match stage.udp(third).await {
        UdpEvent::Failed(error) => assert_eq!(error.kind, NetErrorKind::Local),
        event => panic!("{event:?}"),
    }
}

pub(crate) async fn packets_are_as_urgent_as_is_wished<R: Sockets>() {
    let options = NetOptions::default().bind([[127, 0, 0, 1]]);
    let mut stage = Stage::<Reader<R>>::with(options);
    for (id, dscp) in [(UdpId(1), None), (UdpId(2), Some(CodePoint::SPEECH))] {
        stage.make(Output::OpenUdp { id, from: None, dscp }).await;
        assert!(matches!(stage.udp(id).await, UdpEvent::Opened { .. }));
    }
    // The upper six bits of the byte (RFC 2474 section 3).
    assert_eq!(*READ.lock().expect("nobody panicked"), [0, 46 << 2]);
}
