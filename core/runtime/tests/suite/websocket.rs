//! WebSockets: life, death and every kind of failure.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use offhook::Output;
use offhook::machine::{NetErrorKind, WsEvent, WsId};
use offhook::net::{NetOptions, Proxy, ProxyUrl};
use offhook_runtime::Sockets;

use super::puppet::{AMPLE, Stage, open};
use super::servers::{self, Server, WebSocket, upgrade};

pub(crate) const ID: WsId = WsId(1);

/// Sends everything back; tells how the client closed.
pub(crate) fn echo(mut socket: WebSocket) -> Option<CloseFrame> {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => {
                // Our half of the closing handshake.
                while socket.read().is_ok() {}
                return frame;
            }
            Ok(message @ Message::Text(_)) => socket.send(message).expect("the client reads"),
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn opened<R: Sockets>(stage: &mut Stage<R>, url: &str) {
    stage.make(open(ID, url, AMPLE)).await;
    match stage.websocket(ID).await {
        WsEvent::Opened { protocol } => assert_eq!(protocol.as_deref(), Some("xmpp")),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn says<R: Sockets>(stage: &mut Stage<R>, text: &str) {
    stage.make(Output::SendText { id: ID, text: text.to_owned() }).await;
}

pub(crate) async fn hears<R: Sockets>(stage: &mut Stage<R>, text: &str) {
    match stage.websocket(ID).await {
        WsEvent::Text(heard) => assert_eq!(heard, text),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn texts_go_both_ways_in_order<R: Sockets>() {
    let server = Server::websocket(echo);
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    for n in 0..100 {
        says(&mut stage, &format!("message {n}")).await;
    }
    for n in 0..100 {
        hears(&mut stage, &format!("message {n}")).await;
    }
    // What was said before closing still arrives; then a normal closure.
    stage.make(Output::CloseWebSocket { id: ID }).await;
    assert_eq!(server.join().expect("a frame").code, CloseCode::Normal);
}

pub(crate) async fn close_codes_arrive<R: Sockets>() {
    let server = Server::websocket(|mut socket| {
        let code = CloseCode::Library(4001);
        socket.close(Some(CloseFrame { code, reason: "kicked".into() })).expect("open");
        while socket.read().is_ok() {}
    });
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    match stage.websocket(ID).await {
        WsEvent::Closed { code, reason } => {
            assert_eq!((code, reason.as_str()), (Some(4001), "kicked"));
        }
        other => panic!("{other:?}"),
    }
    server.join();
}

pub(crate) async fn a_socket_that_dies_is_told_once<R: Sockets>() {
    let server = Server::websocket(|mut socket| socket.read().is_ok());
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    says(&mut stage, "now die").await;
    assert!(matches!(stage.websocket(ID).await, WsEvent::Closed { code: None, .. }));
    assert!(server.join());
    // Writing to it is harmless, and nothing more is told: the next event is another socket's.
    says(&mut stage, "still there?").await;
    let url = format!("ws://{}", servers::nobody());
    assert_eq!(stage.websocket_failure(&url, AMPLE).await, NetErrorKind::Connect);
}

pub(crate) async fn each_failure_has_its_kind<R: Sockets>() {
    let mut stage = Stage::<R>::new();

    let refusing = servers::answer("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    let kind = stage.websocket_failure(&refusing.url("ws"), AMPLE).await;
    assert_eq!(kind, NetErrorKind::Refused(401));
    let seen = refusing.join().expect("a request");
    assert_eq!(seen.line, "GET /stream HTTP/1.1");
    assert_eq!(seen.header("sec-websocket-version"), Some("13"));

    let nobody = format!("ws://{}", servers::nobody());
    assert_eq!(stage.websocket_failure(&nobody, AMPLE).await, NetErrorKind::Connect);

    let silent = servers::silent();
    let kind = stage.websocket_failure(&silent.url("ws"), Duration::from_millis(100)).await;
    assert_eq!(kind, NetErrorKind::Timeout);
    silent.join();

    let silent = servers::silent();
    let kind = stage.websocket_failure(&silent.url("wss"), Duration::from_millis(100)).await;
    assert_eq!(kind, NetErrorKind::Timeout);
    silent.join();

    let dying = servers::answer("HTTP/1.1 101 Swi");
    assert_eq!(stage.websocket_failure(&dying.url("ws"), AMPLE).await, NetErrorKind::Lost);

    let dying = Server::tcp(|mut socket| socket.read(&mut [0; 16]).is_ok());
    assert_eq!(stage.websocket_failure(&dying.url("wss"), AMPLE).await, NetErrorKind::Lost);

    let garbage = servers::answer("SSH-2.0-OpenSSH\r\n\r\n");
    assert_eq!(stage.websocket_failure(&garbage.url("ws"), AMPLE).await, NetErrorKind::Protocol);

    let garbage = Server::tcp(|mut socket| socket.write_all(b"HTTP/1.1 400 no TLS here\r\n\r\n"));
    assert_eq!(stage.websocket_failure(&garbage.url("wss"), AMPLE).await, NetErrorKind::Tls);

    let kind = stage.websocket_failure("ftp://127.0.0.1/", AMPLE).await;
    assert_eq!(kind, NetErrorKind::Local);
}

pub(crate) async fn trust_is_what_the_options_say<R: Sockets>() {
    let (certificate, secured) = servers::tls("phone.example");
    let server = Server::new(move |listener| {
        // Not trusted, wrong name, then trusted.
        for _ in 0..2 {
            assert!(upgrade(secured(servers::accept(&listener))).is_none());
        }
        echo(upgrade(secured(servers::accept(&listener))).expect("trust"))
    });
    let resolve = ["phone.example", "other.example"]
        .map(|name| (name.to_owned(), server.address))
        .into_iter()
        .collect();
    let options = NetOptions::default().resolve(resolve);

    let mut stage = Stage::<R>::with(options.clone());
    let kind = stage.websocket_failure("wss://phone.example/stream", AMPLE).await;
    assert_eq!(kind, NetErrorKind::Tls);

    let extra_roots = vec![certificate];
    let mut stage = Stage::<R>::with(options.extra_roots(extra_roots));
    let kind = stage.websocket_failure("wss://other.example/stream", AMPLE).await;
    assert_eq!(kind, NetErrorKind::Tls);
    opened(&mut stage, "wss://PHONE.example/stream").await;
    says(&mut stage, "private").await;
    hears(&mut stage, "private").await;
    stage.make(Output::CloseWebSocket { id: ID }).await;
    server.join();
}

pub(crate) async fn an_unresolved_name_is_resolve<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let kind = stage.websocket_failure("ws://phone.invalid/", AMPLE).await;
    assert_eq!(kind, NetErrorKind::Resolve);
}

pub(crate) async fn a_message_over_the_limit_ends_the_socket<R: Sockets>() {
    let server = Server::websocket(|mut socket| {
        for length in [1000, 1001] {
            let _ = socket.send(Message::text("x".repeat(length)));
        }
        loop {
            match socket.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    });
    let mut stage = Stage::<R>::with(NetOptions::default().max_message(1000));
    opened(&mut stage, &server.url("ws")).await;
    hears(&mut stage, &"x".repeat(1000)).await;
    match stage.websocket(ID).await {
        WsEvent::Closed { code: Some(1009), reason } => {
            assert!(reason.contains("1000"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    // The server is told, too (RFC 6455 section 7.4.1).
    assert_eq!(server.join(), Some(CloseCode::Size));
}

pub(crate) async fn a_far_side_that_stops_reading_ends_the_socket<R: Sockets>() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let server = Server::websocket(move |socket| {
        let _ = wait.recv();
        drop(socket);
    });
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    // More than the kernels' buffers take, and then more than the queue.
    let text = "x".repeat(1 << 20);
    let mut sent = 0;
    loop {
        for _ in 0..64 {
            stage.make(Output::SendText { id: ID, text: text[..16 << 10].to_owned() }).await;
        }
        sent += 64;
        assert!(sent < 1 << 16, "the queue has no bound");
        if let Some(event) = futures_util::FutureExt::now_or_never(stage.events.next()) {
            let event = format!("{event:?}");
            assert!(event.contains("takes no more messages"), "{event}");
            break;
        }
    }
    done.send(()).expect("the server waits");
    server.join();
}

pub(crate) async fn giving_up_while_opening_is_silent<R: Sockets>() {
    let silent = servers::silent();
    let mut stage = Stage::<R>::new();
    stage.make(open(ID, &silent.url("ws"), AMPLE)).await;
    stage.make(Output::CloseWebSocket { id: ID }).await;
    // The server sees the end of it, the machine nothing.
    silent.join();
    let nobody = format!("ws://{}", servers::nobody());
    assert_eq!(stage.websocket_failure(&nobody, AMPLE).await, NetErrorKind::Connect);
}

pub(crate) async fn a_proxy_is_asked_for_a_tunnel<R: Sockets>() {
    let server = Server::websocket(echo);
    let proxy = servers::proxy("200 Connection established");
    let url = ProxyUrl(format!("http://user:secret@{}", proxy.address));
    let proxied = NetOptions::default().proxy(Proxy::Url(url));
    let mut stage = Stage::<R>::with(proxied);
    opened(&mut stage, &server.url("ws")).await;
    says(&mut stage, "through the tunnel").await;
    hears(&mut stage, "through the tunnel").await;
    stage.make(Output::CloseWebSocket { id: ID }).await;
    let target = server.address.to_string();
    server.join();
    drop(stage);
    let seen = proxy.join();
    assert_eq!(seen.line, format!("CONNECT {target} HTTP/1.1"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
}

pub(crate) async fn a_proxy_that_refuses_is_connect<R: Sockets>() {
    let proxy = servers::proxy("407 Proxy Authentication Required");
    let url = ProxyUrl(proxy.address.to_string());
    let proxied = NetOptions::default().proxy(Proxy::Url(url));
    let mut stage = Stage::<R>::with(proxied);
    let kind = stage.websocket_failure("ws://192.0.2.1/", AMPLE).await;
    assert_eq!(kind, NetErrorKind::Connect);
    proxy.join();
}
