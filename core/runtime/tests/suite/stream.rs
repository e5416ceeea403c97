//! Streams of bytes: life, death and every kind of failure; and the names of hosts.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use offhook::machine::{NameId, NetError, NetErrorKind, StreamEvent, StreamId};
use offhook::net::{NetOptions, Proxy, ProxyUrl};
use offhook::{Input, Output};
use offhook_runtime::Sockets;

use super::puppet::{AMPLE, Fault, Saw, Stage, within};
use super::servers::{self, Server, Stream};

pub(crate) const ID: StreamId = StreamId(1);

fn open(to: SocketAddr, tls: Option<&str>, limit: Duration) -> Output<Saw, (), Fault> {
    let tls = tls.map(str::to_owned);
    Output::OpenStream { id: ID, to, tls, from: None, deadline: Instant::now() + limit }
}

async fn happens<R: Sockets>(stage: &mut Stage<R>) -> StreamEvent {
    match stage.input().await {
        Input::Stream { id: ID, event } => event,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn opened<R: Sockets>(
    stage: &mut Stage<R>,
    to: SocketAddr,
    tls: Option<&str>,
) -> SocketAddr {
    stage.make(open(to, tls, AMPLE)).await;
    match happens(stage).await {
        StreamEvent::Opened { local } => local,
        other => panic!("{other:?}"),
    }
}

async fn failure<R: Sockets>(
    stage: &mut Stage<R>,
    to: SocketAddr,
    tls: Option<&str>,
    limit: Duration,
) -> NetErrorKind {
    stage.make(open(to, tls, limit)).await;
    match happens(stage).await {
        StreamEvent::Failed(error) => error.kind,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn says<R: Sockets>(stage: &Stage<R>, data: &[u8]) {
    stage.make(Output::SendStream { id: ID, data: data.to_vec() }).await;
}

/// Reads so many bytes, in pieces as they come.
pub(crate) async fn hears<R: Sockets>(stage: &mut Stage<R>, length: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    while heard.len() < length {
        match happens(stage).await {
            StreamEvent::Data(data) => {
                assert!(!data.is_empty());
                heard.extend(data);
            }
            other => panic!("{other:?}"),
        }
    }
    heard
}

/// Sends everything back until the client closes; tells how much it was.
pub(crate) fn echo(mut socket: Box<dyn Stream>) -> usize {
    let (mut all, mut buffer) = (0, [0; 1000]);
    loop {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return all,
            Ok(length) => {
                all += length;
                socket.write_all(&buffer[..length]).expect("the client reads");
                socket.flush().expect("the client reads");
            }
        }
    }
}

fn loopback(extra_roots: Vec<Vec<u8>>) -> NetOptions {
    NetOptions::default().extra_roots(extra_roots)
}

pub(crate) async fn bytes_go_both_ways_in_order_over_tcp_and_tls<R: Sockets>() {
    let (root, accept) = servers::tls("relay.test");
    for tls in [None, Some("relay.test")] {
        let accept = accept.clone();
        let server = Server::tcp(move |socket| match tls {
            None => echo(Box::new(socket)),
            Some(_) => echo(accept(socket)),
        });
        let mut stage = Stage::<R>::with(loopback(vec![root.clone()]));
        let local = opened(&mut stage, server.address, tls).await;
        assert_eq!(local.ip(), IpAddr::from([127, 0, 0, 1]));
        let said: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        for part in said.chunks(7001) {
            says(&stage, part).await;
        }
        assert!(hears(&mut stage, said.len()).await == said, "{tls:?}");
        // What was said before closing still arrives; then the end, in good order.
        stage.make(Output::SendStream { id: ID, data: b"bye".to_vec() }).await;
        stage.make(Output::CloseStream { id: ID }).await;
        assert_eq!(server.join(), said.len() + 3, "{tls:?}");
    }
}

pub(crate) async fn an_orderly_end_is_told_from_a_broken_one<R: Sockets>() {
    // The first closes; the second resets, since it leaves unread what was said.
    let ends: [(fn(TcpStream), bool); 2] = [
        (drop, true),
        (
            |mut socket| {
                let _ = socket.read(&mut [0]);
                let _ = socket.write_all(b"!");
            },
            false,
        ),
    ];
    for (end, orderly) in ends {
        let server = Server::tcp(end);
        let mut stage = Stage::<R>::new();
        opened(&mut stage, server.address, None).await;
        if !orderly {
            says(&stage, &[0; 100_000]).await;
        }
        let error = loop {
            match happens(&mut stage).await {
                StreamEvent::Data(_) => {}
                StreamEvent::Closed { error } => break error,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(error.map(|error| error.kind), (!orderly).then_some(NetErrorKind::Lost));
        server.join();
        // Nothing more is told of it.
        says(&stage, b"still there?").await;
        assert_eq!(
            failure(&mut stage, servers::nobody(), None, AMPLE).await,
            NetErrorKind::Connect
        );
    }
}

pub(crate) async fn tls_that_is_cut_short_is_no_orderly_end<R: Sockets>() {
    let (root, accept) = servers::tls("relay.test");
    let server = Server::tcp(move |socket| {
        let raw = socket.try_clone().expect("open");
        let mut secure = accept(socket);
        secure.write_all(b"half of").expect("the client reads");
        secure.flush().expect("the client reads");
        raw.shutdown(std::net::Shutdown::Both).expect("open");
    });
    let mut stage = Stage::<R>::with(loopback(vec![root]));
    opened(&mut stage, server.address, Some("relay.test")).await;
    assert_eq!(hears(&mut stage, 7).await, b"half of");
    match happens(&mut stage).await {
        StreamEvent::Closed { error: Some(error) } => assert_eq!(error.kind, NetErrorKind::Lost),
        other => panic!("{other:?}"),
    }
    server.join();
}

pub(crate) async fn each_failure_has_its_kind<R: Sockets>() {
    let short = Duration::from_millis(100);
    let mut stage = Stage::<R>::new();
    assert_eq!(failure(&mut stage, servers::nobody(), None, AMPLE).await, NetErrorKind::Connect);

    let silent = servers::silent();
    let kind = failure(&mut stage, silent.address, Some("relay.test"), short).await;
    assert_eq!(kind, NetErrorKind::Timeout);
    silent.join();

    // A certificate that nobody vouches for.
    let (root, accept) = servers::tls("relay.test");
    let refused = accept.clone();
    let server = Server::tcp(move |socket| drop(refused(socket).read(&mut [0])));
    let kind = failure(&mut stage, server.address, Some("relay.test"), AMPLE).await;
    assert_eq!(kind, NetErrorKind::Tls);
    server.join();

    // One of another host, and a host that is no name.
    let mut stage = Stage::<R>::with(loopback(vec![root]));
    for name in ["other.test", "no name"] {
        let refused = accept.clone();
        let server = Server::tcp(move |socket| drop(refused(socket).read(&mut [0])));
        let kind = failure(&mut stage, server.address, Some(name), AMPLE).await;
        assert_eq!(kind, NetErrorKind::Tls, "{name}");
        server.join();
    }
}

pub(crate) async fn it_comes_from_the_address_that_was_asked_for<R: Sockets>() {
    let from = IpAddr::from([127, 0, 0, 3]);
    let server = Server::tcp(|socket| socket.peer_addr().expect("connected"));
    let mut stage = Stage::<R>::new();
    let open = |to, from| {
        let (tls, deadline) = (None, Instant::now() + AMPLE);
        Output::OpenStream { id: ID, to, tls, from: Some(from), deadline }
    };
    stage.make(open(server.address, from)).await;
    match happens(&mut stage).await {
        StreamEvent::Opened { local } => {
            assert_eq!(local.ip(), from);
            assert_eq!(server.join(), local);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(happens(&mut stage).await, StreamEvent::Closed { .. }));
    // From nowhere of ours, and to nobody.
    for (from, to) in [([192, 0, 2, 1], [127, 0, 0, 1]), ([127, 0, 0, 3], [127, 0, 0, 1])] {
        let to = SocketAddr::new(to.into(), servers::nobody().port());
        stage.make(open(to, from.into())).await;
        match happens(&mut stage).await {
            StreamEvent::Failed(error) => assert_eq!(error.kind, NetErrorKind::Connect),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn a_far_side_that_stops_reading_ends_the_stream<R: Sockets>() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    // It never reads, and finds out that nobody is there any more by what it says.
    let server = Server::tcp(move |mut socket| {
        let _ = wait.recv_timeout(Duration::from_secs(20));
        let patience = Instant::now() + Duration::from_secs(20);
        while socket.write_all(b"still there?").is_ok() {
            assert!(Instant::now() < patience, "the client keeps the socket");
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let mut stage = Stage::<R>::new();
    opened(&mut stage, server.address, None).await;
    let mut sent = 0;
    let error = loop {
        says(&stage, &vec![0; 1 << 20]).await;
        sent += 1;
        assert!(sent < 100, "it takes anything");
        if let Some(Some(Saw::Input(Input::Stream { event, .. }, _))) = stage.at_once() {
            match event {
                StreamEvent::Closed { error } => break error.expect("a reason"),
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(error.kind, NetErrorKind::Lost);
    drop(done);
    within::<R, _>(async {
        while !server.is_over() {
            R::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    server.join();
}

pub(crate) async fn giving_up_while_opening_is_silent<R: Sockets>() {
    let silent = servers::silent();
    let mut stage = Stage::<R>::new();
    stage.make(open(silent.address, Some("relay.test"), AMPLE)).await;
    stage.make(Output::CloseStream { id: ID }).await;
    silent.join();
    assert_eq!(failure(&mut stage, servers::nobody(), None, AMPLE).await, NetErrorKind::Connect);
}

pub(crate) async fn a_proxy_is_asked_for_a_tunnel<R: Sockets>() {
    for (status, works) in [("200 OK", true), ("403 Forbidden", false)] {
        let (root, accept) = servers::tls("relay.test");
        let server = Server::new(move |listener| match works {
            true => echo(accept(servers::accept(&listener))),
            false => 0,
        });
        let proxy = servers::proxy(status);
        let url = ProxyUrl(proxy.address.to_string());
        let options = loopback(vec![root]).proxy(Proxy::Url(url));
        let mut stage = Stage::<R>::with(options);
        let to = server.address;
        if works {
            opened(&mut stage, to, Some("relay.test")).await;
            says(&stage, b"through").await;
            assert_eq!(hears(&mut stage, 7).await, b"through");
            stage.make(Output::CloseStream { id: ID }).await;
            assert_eq!(server.join(), 7);
        } else {
            let kind = failure(&mut stage, to, Some("relay.test"), AMPLE).await;
            assert_eq!(kind, NetErrorKind::Connect);
            server.join();
        }
        assert_eq!(proxy.join().line, format!("CONNECT {to} HTTP/1.1"));
    }
}

async fn resolved<R: Sockets>(stage: &mut Stage<R>, host: &str) -> Result<Vec<IpAddr>, NetError> {
    let (host, deadline) = (host.to_owned(), Instant::now() + AMPLE);
    stage.make(Output::Resolve { id: NameId(4), host, deadline }).await;
    match stage.input().await {
        Input::Resolved { id: NameId(4), result } => result,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_name_becomes_addresses_or_a_failure<R: Sockets>() {
    let known = SocketAddr::from(([192, 0, 2, 7], 443));
    let resolve = std::collections::BTreeMap::from([("relay.test".to_owned(), known)]);
    let mut stage = Stage::<R>::with(NetOptions::default().resolve(resolve));
    for (host, address) in [
        ("Relay.test", known.ip()),
        ("192.0.2.9", [192, 0, 2, 9].into()),
        ("2001:db8::1", "2001:db8::1".parse().expect("an address")),
        ("[2001:db8::1]", "2001:db8::1".parse().expect("an address")),
    ] {
        assert_eq!(resolved(&mut stage, host).await, Ok(vec![address]), "{host}");
    }
    let here = resolved(&mut stage, "localhost").await.expect("every system knows it");
    assert!(here.iter().all(IpAddr::is_loopback) && !here.is_empty(), "{here:?}");
    let mut once = here.clone();
    once.dedup();
    assert_eq!(once, here);
    let hidden = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local";
    let known = std::collections::BTreeMap::from([(hidden.to_owned(), known)]);
    let mut far = Stage::<R>::with(NetOptions::default().resolve(known));
    assert_eq!(resolved(&mut far, hidden).await, Ok(vec![[192, 0, 2, 7].into()]));
    let mut off = Stage::<R>::with(NetOptions::default().mdns(false));
    let refused = resolved(&mut off, hidden).await.expect_err("it is switched off");
    assert_eq!(refused.message, "far sides' names are not looked up");
    let nowhere = resolved(&mut stage, "nowhere.invalid").await.expect_err("RFC 6761 section 6.4");
    assert_eq!(nowhere.kind, NetErrorKind::Resolve);
}
