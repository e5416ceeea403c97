//! Media sockets.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use offhook::Output;
use offhook::machine::{Local, NetErrorKind, UdpEvent, UdpId};
use offhook::net::NetOptions;
use offhook_runtime::Sockets;

use super::puppet::{Stage, within};

const ID: UdpId = UdpId(1);

async fn opened<R: Sockets>(stage: &mut Stage<R>) -> Vec<Local> {
    stage.make(Output::OpenUdp { id: ID }).await;
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
        stage.make(Output::OpenUdp { id: ID }).await;
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
