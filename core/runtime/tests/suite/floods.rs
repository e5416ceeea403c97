//! Peers that send more than anybody wants, for as long as they can.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

use offhook::machine::{UdpEvent, UdpId, WsEvent};
use offhook::net::NetOptions;
use offhook::{Input, Output};
use offhook_runtime::{EVENT_BYTES, Sockets};

use super::puppet::{Pull, Saw, Stage, within};
use super::servers::{self, Server, read_request};
use super::websocket::{ID, opened};

/// A WebSocket whose server says `first` and then `flood` over and over, as bytes, until the
/// client hangs up.
fn flooding(first: Vec<u8>, flood: Vec<u8>) -> Server<()> {
    use async_tungstenite::tungstenite::handshake::derive_accept_key;

    Server::tcp(move |mut socket| {
        let seen = read_request(&mut socket).expect("a handshake");
        let key = seen.header("sec-websocket-key").expect("a key");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        );
        socket.write_all(answer.as_bytes()).expect("the client listens");
        // What the client says to that is read, so that it never waits for us.
        let reader = drain(socket.try_clone().expect("open"));
        let flood = flood.repeat((64 << 10) / flood.len());
        let _ = socket.write_all(&first);
        while socket.write_all(&flood).is_ok() {}
        let _ = socket.shutdown(std::net::Shutdown::Both);
        reader.join().expect("reading does not panic");
    })
}

fn drain(mut socket: TcpStream) -> JoinHandle<()> {
    spawn(move || while socket.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {})
}

/// Checks that a command is answered, whatever else goes on. On smol all of this is one thread's
/// work.
async fn still_answers<R: Sockets>(stage: &Stage<R>) {
    assert_eq!(within::<R, _>(stage.handle.submit(Pull::Chatter(0))).await, Ok(()));
}

pub(crate) async fn frames_that_carry_nothing_end_the_socket_and_starve_nobody<R: Sockets>() {
    let nothing = Vec::new;
    for (name, first, flood) in [
        ("pongs", nothing(), vec![0x8a, 0]),
        ("pings", nothing(), b"\x89\x04ping".to_vec()),
        ("binary", nothing(), vec![0x82, 1, 0]),
        // A message that begins, and goes on for ever without content.
        ("fragments", vec![0x01, 0], vec![0x00, 0]),
    ] {
        let server = flooding(first, flood);
        let mut stage = Stage::<R>::new();
        opened(&mut stage, &server.url("ws")).await;
        still_answers(&stage).await;
        match stage.websocket(ID).await {
            WsEvent::Closed { code: Some(1008), reason } => {
                assert!(reason.contains("without"), "{name}: {reason}");
            }
            other => panic!("{name}: {other:?}"),
        }
        still_answers(&stage).await;
        drop(stage);
        server.join();
    }
}

pub(crate) async fn texts_without_end_starve_nobody<R: Sockets>() {
    let server = flooding(Vec::new(), vec![0x81, 1, b'x']);
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    for _ in 0..20 {
        assert!(matches!(stage.saw().await, Saw::Input(..) | Saw::Lost(_)));
        still_answers(&stage).await;
    }
    // It still comes: only the end of the stage ends it.
    drop(stage);
    server.join();
}

pub(crate) async fn datagrams_without_end_starve_nobody<R: Sockets>() {
    let bind = [[127, 0, 0, 1]];
    let mut stage = Stage::<R>::with(NetOptions::default().bind(bind));
    stage.make(Output::OpenUdp { id: UdpId(1), from: None, dscp: None }).await;
    let UdpEvent::Opened { local } = stage.udp(UdpId(1)).await else { panic!("not opened") };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let flood = spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        // One in eight is no media; its bytes are of no interest.
        while !stopped.load(Ordering::Relaxed) {
            let _ = socket.send_to(&[0; 4000], local[0].address);
            for _ in 0..7 {
                let _ = socket.send_to(&[0; 20], local[0].address);
            }
        }
    });
    for _ in 0..20 {
        match stage.saw().await {
            Saw::Input(Input::Udp { event: UdpEvent::Datagram { data, .. }, .. }, _) => {
                assert_eq!(data.len(), 20);
            }
            Saw::Lost(_) => {}
            other => panic!("{other:?}"),
        }
        still_answers(&stage).await;
    }
    stop.store(true, Ordering::Relaxed);
    flood.join().expect("sending does not panic");
}

/// A text frame of a server (RFC 6455 section 5.2).
fn text(length: u64) -> Vec<u8> {
    let mut frame = vec![0x81, 127];
    frame.extend(length.to_be_bytes());
    frame.resize(frame.len() + usize::try_from(length).expect("small"), b'x');
    frame
}

pub(crate) async fn a_thousand_messages_over_the_limit_cost_one_and_are_told_once<R: Sockets>() {
    let server = Server::websocket(|mut socket| {
        let mut frames = 0;
        let frame = text(1 << 20);
        while frames < 1024 && socket.get_mut().write_all(&frame).is_ok() {
            frames += 1;
        }
        frames
    });
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    match stage.websocket(ID).await {
        WsEvent::Closed { code: Some(1009), reason } => {
            assert!(reason.contains("262144"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    // Nothing of them is told, and no more of them is read than the systems' buffers hold.
    let sent: u32 = server.join();
    assert!(sent < 64, "{sent} MB went over the wire");
    let url = format!("ws://{}", servers::nobody());
    stage.websocket_failure(&url, super::puppet::AMPLE).await;
}

pub(crate) async fn messages_that_nobody_reads_are_bounded_by_bytes<R: Sockets>() {
    const LENGTH: usize = 256 << 10;
    let server = Server::websocket(|mut socket| {
        let frame = text(LENGTH as u64);
        for _ in 0..1024 {
            socket.get_mut().write_all(&frame).expect("the client reads");
        }
    });
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    // It is all sent before anybody reads: the driver waits for nobody.
    server.join();
    let mut texts = 0;
    let mut lost = 0;
    loop {
        match stage.saw().await {
            Saw::Lost(count) => lost += count,
            Saw::Input(Input::WebSocket { event: WsEvent::Text(text), .. }, _) => {
                assert_eq!(text.len(), LENGTH);
                texts += 1;
            }
            Saw::Input(Input::WebSocket { event: WsEvent::Closed { .. }, .. }, _) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(texts + lost, 1024);
    // What the queue holds, and what was still on its way when the first was read.
    assert!(texts <= 4 * (EVENT_BYTES / LENGTH) as u64, "{texts} were kept");
}
