//! SOCKS5 proxies (RFC 1928): each kind of connection through them, and all that can go wrong.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use offhook::machine::{NetError, NetErrorKind, StreamEvent, WsEvent};
use offhook::net::{NetOptions, Proxy, ProxyUrl};
use offhook::{Input, Output};
use offhook_runtime::Sockets;

use super::puppet::{AMPLE, Stage, open};
use super::servers::{self, Server, Told};
use super::{http, stream, websocket};

const LOGIN: (&str, &str) = ("me", "hunter2");

/// Each scheme, with and without a log-in.
const CASES: [(&str, Option<(&str, &str)>); 4] =
    [("socks5", None), ("socks5h", None), ("socks5", Some(LOGIN)), ("socks5h", Some(LOGIN))];

/// Options with a proxy, and a host that is looked up here.
fn through(
    scheme: &str,
    proxy: SocketAddr,
    login: Option<(&str, &str)>,
    host: SocketAddr,
) -> NetOptions {
    let login = login.map_or_else(String::new, |(name, password)| format!("{name}:{password}@"));
    let url = ProxyUrl(format!("{scheme}://{login}{proxy}"));
    NetOptions::default().proxy(Proxy::Url(url)).resolve([("host.test".to_owned(), host)].into())
}

/// The things that a proxy of this scheme is to be told, for a host that is named.
fn told(scheme: &str, login: Option<(&str, &str)>, server: SocketAddr) -> Told {
    let host = if scheme == "socks5h" { "host.test".to_owned() } else { server.ip().to_string() };
    Told {
        login: login.map(|(name, password)| (name.to_owned(), password.to_owned())),
        target: Some((host, server.port())),
    }
}

pub(crate) async fn a_websocket_goes_through<R: Sockets>() {
    for (scheme, login) in CASES {
        let server = Server::websocket(websocket::echo);
        let address = server.address;
        let proxy = servers::socks(login, Ok(address));
        let mut stage = Stage::<R>::with(through(scheme, proxy.address, login, address));
        let url = format!("ws://host.test:{}/stream", address.port());
        websocket::opened(&mut stage, &url).await;
        websocket::says(&mut stage, "through").await;
        websocket::hears(&mut stage, "through").await;
        stage.make(Output::CloseWebSocket { id: websocket::ID }).await;
        server.join();
        drop(stage);
        assert_eq!(proxy.join(), told(scheme, login, address));
    }
}

pub(crate) async fn an_exchange_goes_through<R: Sockets>() {
    for (scheme, login) in CASES {
        let (root, accept) = servers::tls("host.test");
        let server = Server::tcp(move |socket| {
            let mut socket = accept(socket);
            servers::read_request(&mut socket).expect("a request");
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("open");
            socket.flush().expect("open");
        });
        let address = server.address;
        let proxy = servers::socks(login, Ok(address));
        let options = through(scheme, proxy.address, login, address).extra_roots([root]);
        let mut stage = Stage::<R>::with(options);
        let url = format!("https://host.test:{}/", address.port());
        let response = http::exchange(&mut stage, http::get(&url)).await.expect("an answer");
        assert_eq!(response.body(), b"ok");
        server.join();
        drop(stage);
        assert_eq!(proxy.join(), told(scheme, login, address));
    }
}

pub(crate) async fn a_stream_goes_through_by_its_address<R: Sockets>() {
    for (scheme, login) in CASES {
        for tls in [None, Some("relay.test")] {
            let (root, accept) = servers::tls("relay.test");
            let server = Server::tcp(move |socket| match tls {
                None => stream::echo(Box::new(socket)),
                Some(_) => stream::echo(accept(socket)),
            });
            let to = server.address;
            let proxy = servers::socks(login, Ok(to));
            let options = through(scheme, proxy.address, login, to).extra_roots([root]);
            let mut stage = Stage::<R>::with(options);
            stream::opened(&mut stage, to, tls).await;
            stream::says(&stage, b"through").await;
            assert_eq!(stream::hears(&mut stage, 7).await, b"through");
            stage.make(Output::CloseStream { id: stream::ID }).await;
            assert_eq!(server.join(), 7);
            let target = Some((to.ip().to_string(), to.port()));
            assert_eq!(proxy.join(), Told { target, ..told(scheme, login, to) });
        }
    }
}

/// The failure of each kind of connection, through proxies made one by one.
async fn failures<R: Sockets, T: Send + 'static>(
    login: Option<(&str, &str)>,
    limit: Duration,
    proxy: impl Fn() -> Server<T>,
) -> [NetError; 3] {
    let to = servers::nobody();

    let server = proxy();
    let mut stage = Stage::<R>::with(through("socks5h", server.address, login, to));
    stage.make(open(websocket::ID, "ws://host.test/", limit)).await;
    let websocket = match stage.websocket(websocket::ID).await {
        WsEvent::Failed(error) => error,
        other => panic!("{other:?}"),
    };
    server.join();

    let server = proxy();
    let mut stage = Stage::<R>::with(through("socks5", server.address, login, to));
    stage.make(http::ask(1, http::get("http://host.test/"), limit)).await;
    let exchange = http::answered(&mut stage).await.1.expect_err("a failure");
    server.join();

    let server = proxy();
    let mut stage = Stage::<R>::with(through("socks5h", server.address, login, to));
    let deadline = Instant::now() + limit;
    let id = stream::ID;
    stage.make(Output::OpenStream { id, to, tls: None, from: None, deadline }).await;
    let stream = match stage.input().await {
        Input::Stream { event: StreamEvent::Failed(error), .. } => error,
        other => panic!("{other:?}"),
    };
    server.join();
    [websocket, exchange, stream]
}

pub(crate) async fn a_wrong_password_is_connect_and_not_told<R: Sockets>() {
    let proxy = || servers::socks(Some(("me", "right")), Err(1));
    for error in failures::<R, _>(Some(LOGIN), AMPLE, proxy).await {
        assert_eq!(error.kind, NetErrorKind::Connect);
        assert_eq!(error.message, "the proxy refused user name and password");
    }
    for error in failures::<R, _>(None, AMPLE, proxy).await {
        assert_eq!(error.kind, NetErrorKind::Connect);
        assert_eq!(error.message, "the proxy wants a log-in, and there is none");
    }
}

pub(crate) async fn a_refusal_says_why<R: Sockets>() {
    for (code, message) in
        [(2, "the proxy's rules do not allow the connection"), (9, "the proxy refused with code 9")]
    {
        for error in failures::<R, _>(None, AMPLE, || servers::socks(None, Err(code))).await {
            assert_eq!((error.kind, error.message.as_str()), (NetErrorKind::Connect, message));
        }
    }
}

pub(crate) async fn a_proxy_that_misbehaves_is_told_by_kind<R: Sockets>() {
    // It answers the greeting and says no more, in good order: nothing of it is lost.
    let says = |answer: &'static [u8]| {
        move || {
            Server::tcp(move |mut socket| {
                let _ = socket.read_exact(&mut [0; 3]);
                let _ = socket.write_all(answer);
                let _ = socket.shutdown(Shutdown::Write);
                let _ = std::io::copy(&mut socket, &mut std::io::sink());
            })
        }
    };
    for (answer, kind) in [
        (&b""[..], NetErrorKind::Lost),
        (b"\x05", NetErrorKind::Lost),
        (b"\x05\x00", NetErrorKind::Lost),
        (b"\x05\x02", NetErrorKind::Protocol),
        (b"\x05\x00\x05\x00\x00\x07", NetErrorKind::Protocol),
        (b"\x05\x00\x04\x00\x00\x01", NetErrorKind::Protocol),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NetErrorKind::Protocol),
    ] {
        for error in failures::<R, _>(None, AMPLE, says(answer)).await {
            assert_eq!(error.kind, kind, "{answer:?}: {error}");
        }
    }
    for error in failures::<R, _>(None, Duration::from_millis(200), servers::silent).await {
        assert_eq!(error.kind, NetErrorKind::Timeout);
    }
}
