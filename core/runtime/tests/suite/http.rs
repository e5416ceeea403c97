//! HTTP exchanges: every answer and every kind of failure.

use std::io::Write as _;
use std::sync::mpsc;
use std::thread::spawn;
use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use offhook::machine::{HttpId, NetError, NetErrorKind};
use offhook::net::{NetOptions, Proxy, ProxyUrl};
use offhook::{Input, Output};
use offhook_runtime::Sockets;

use super::puppet::{AMPLE, Fault, Saw, Stage};
use super::servers::{self, Server, read_request};

type Answer = Result<Response<Vec<u8>>, NetError>;

pub(crate) fn ask(id: u64, request: Request<Vec<u8>>, limit: Duration) -> Output<Saw, (), Fault> {
    Output::Http { id: HttpId(id), request, deadline: Instant::now() + limit }
}

pub(crate) fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url).body(Vec::new()).expect("a request")
}

pub(crate) async fn answered<R: Sockets>(stage: &mut Stage<R>) -> (u64, Answer) {
    match stage.input().await {
        Input::Http { id, result } => (id.0, result),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn exchange<R: Sockets>(
    stage: &mut Stage<R>,
    request: Request<Vec<u8>>,
) -> Answer {
    stage.make(ask(1, request, AMPLE)).await;
    answered(stage).await.1
}

async fn failure<R: Sockets>(stage: &mut Stage<R>, url: &str) -> NetErrorKind {
    exchange(stage, get(url)).await.expect_err("a failure").kind
}

pub(crate) async fn a_response_is_a_response_whatever_its_status<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    for status in ["200 OK", "401 Unauthorized", "429 Too Many Requests", "500 Oops"] {
        let server = servers::answer(format!(
            "HTTP/1.1 {status}\r\nRetry-After: 3\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        ));
        let response = exchange(&mut stage, get(&server.url("http"))).await.expect("an answer");
        assert_eq!(response.status().as_str(), &status[..3]);
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.body(), b"hello");
    }
}

pub(crate) async fn methods_headers_and_bodies_arrive<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    for (method, body) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, ""),
        (Method::POST, "{}"),
        (Method::PUT, "[1]"),
        (Method::PATCH, r#"{"state":"connected"}"#),
    ] {
        let server = servers::answer("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("{}?a=b", server.url("http")))
            .header("Authorization", "bearer token")
            .body(body.as_bytes().to_vec())
            .expect("a request");
        let response = exchange(&mut stage, request).await.expect("an answer");
        assert_eq!(response.status(), 204);
        let seen = server.join().expect("a request");
        assert_eq!(seen.line, format!("{method} /stream?a=b HTTP/1.1"));
        assert_eq!(seen.header("authorization"), Some("bearer token"));
        assert_eq!(seen.body, body.as_bytes());
        // A POST without a body says so (RFC 9110 section 8.6).
        let says_length = !matches!(method, Method::GET | Method::DELETE);
        assert_eq!(seen.header("content-length").is_some(), says_length, "{method}");
    }
}

pub(crate) async fn redirects_are_not_followed<R: Sockets>() {
    let server = servers::answer(
        "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
    );
    let mut stage = Stage::<R>::new();
    let response = exchange(&mut stage, get(&server.url("http"))).await.expect("an answer");
    assert_eq!(response.headers()["location"], "http://192.0.2.1/");
}

pub(crate) async fn each_failure_has_its_kind<R: Sockets>() {
    let mut stage = Stage::<R>::with(NetOptions::default().max_body(100));

    let nobody = format!("http://{}", servers::nobody());
    assert_eq!(failure(&mut stage, &nobody).await, NetErrorKind::Connect);

    for (answer, kind) in [
        ("", NetErrorKind::Lost),
        ("HTTP/1.1 200 O", NetErrorKind::Lost),
        ("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", NetErrorKind::Lost),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\nhalf", NetErrorKind::Lost),
        ("SSH-2.0-OpenSSH\r\n\r\n", NetErrorKind::Protocol),
        ("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", NetErrorKind::Protocol),
    ] {
        let server = servers::answer(answer);
        assert_eq!(failure(&mut stage, &server.url("http")).await, kind, "{answer:?}");
    }

    let body = "x".repeat(100);
    let full = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{body}");
    let server = servers::answer(full);
    assert!(exchange(&mut stage, get(&server.url("http"))).await.is_ok());
    for head in ["Content-Length: 101\r\n", ""] {
        let server = servers::answer(format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}x"));
        assert_eq!(failure(&mut stage, &server.url("http")).await, NetErrorKind::TooLarge);
    }

    let silent = servers::silent();
    stage.make(ask(2, get(&silent.url("http")), Duration::from_millis(100))).await;
    let (id, answer) = answered(&mut stage).await;
    assert_eq!((id, answer.expect_err("silence").kind), (2, NetErrorKind::Timeout));

    let half = Server::tcp(|mut socket| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
        let _ = std::io::copy(&mut socket, &mut std::io::sink());
    });
    stage.make(ask(3, get(&half.url("http")), Duration::from_millis(100))).await;
    let (id, answer) = answered(&mut stage).await;
    assert_eq!((id, answer.expect_err("half an answer").kind), (3, NetErrorKind::Timeout));

    let not_http = exchange(&mut stage, get("ftp://127.0.0.1/")).await;
    assert_eq!(not_http.expect_err("no such scheme").kind, NetErrorKind::Local);
}

pub(crate) async fn trust_is_what_the_options_say<R: Sockets>() {
    let (certificate, secured) = servers::tls("api.example");
    let server = Server::new(move |listener| {
        for _ in 0..2 {
            assert!(read_request(&mut secured(servers::accept(&listener))).is_none());
        }
        let mut socket = secured(servers::accept(&listener));
        // Two exchanges on one connection.
        for _ in 0..2 {
            read_request(&mut socket).expect("trust");
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("open");
            socket.flush().expect("open");
        }
    });
    let resolve = ["api.example", "other.example"]
        .map(|name| (name.to_owned(), server.address))
        .into_iter()
        .collect();
    let options = NetOptions::default().resolve(resolve);

    let mut stage = Stage::<R>::with(options.clone());
    assert_eq!(failure(&mut stage, "https://api.example/").await, NetErrorKind::Tls);

    let extra_roots = vec![certificate];
    let mut stage = Stage::<R>::with(options.extra_roots(extra_roots));
    assert_eq!(failure(&mut stage, "https://other.example/").await, NetErrorKind::Tls);
    for _ in 0..2 {
        let response = exchange(&mut stage, get("https://api.example/")).await;
        assert_eq!(response.expect("trust").body(), b"ok");
    }
    server.join();
}

pub(crate) async fn an_unresolved_name_is_resolve<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    assert_eq!(failure(&mut stage, "http://api.invalid/").await, NetErrorKind::Resolve);
}

pub(crate) async fn exchanges_are_bounded_and_wait_in_line<R: Sockets>() {
    const EXCHANGES: u64 = 6;
    let (arrived, arrivals) = mpsc::channel();
    let server = Server::new(move |listener| {
        for _ in 0..EXCHANGES {
            let mut socket = servers::accept(&listener);
            let arrived = arrived.clone();
            // Each waits for leave to answer, so that those before it are still under way.
            spawn(move || {
                let seen = read_request(&mut socket).expect("a request");
                let (leave, answer) = mpsc::channel::<()>();
                arrived.send((seen.line, leave)).expect("the test listens");
                let _ = answer.recv();
                let _ = socket.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            });
        }
    });
    let mut stage = Stage::<R>::with(NetOptions::default().http_exchanges(2));
    for id in 0..EXCHANGES {
        stage.make(ask(id, get(&format!("http://{}/{id}", server.address)), AMPLE)).await;
    }
    let mut under_way = Vec::new();
    let mut order = Vec::new();
    for _ in 0..EXCHANGES {
        let (line, leave) = arrivals.recv_timeout(AMPLE).expect("the next in line");
        order.push(line);
        under_way.push(leave);
        if under_way.len() == 2 {
            assert!(arrivals.try_recv().is_err(), "a third one at once");
            drop(under_way.remove(0));
            assert!(answered(&mut stage).await.1.is_ok());
        }
    }
    drop(under_way);
    assert!(answered(&mut stage).await.1.is_ok());
    // The first two may overtake each other; after that they start one at a time.
    for (id, line) in order.iter().enumerate().skip(2) {
        assert_eq!(*line, format!("GET /{id} HTTP/1.1"));
    }
    server.join();
}

pub(crate) async fn waiting_in_line_counts_against_the_deadline<R: Sockets>() {
    let silent = servers::silent();
    let mut stage = Stage::<R>::with(NetOptions::default().http_exchanges(1));
    stage.make(ask(1, get(&silent.url("http")), Duration::from_secs(2))).await;
    stage.make(ask(2, get(&silent.url("http")), Duration::from_millis(50))).await;
    let (id, answer) = answered(&mut stage).await;
    assert_eq!((id, answer.expect_err("no turn").kind), (2, NetErrorKind::Timeout));
    let (id, answer) = answered(&mut stage).await;
    assert_eq!((id, answer.expect_err("silence").kind), (1, NetErrorKind::Timeout));
}

pub(crate) async fn a_kept_connection_that_is_gone_is_made_anew<R: Sockets>() {
    let server = Server::new(|listener| {
        for _ in 0..3 {
            let mut socket = servers::accept(&listener);
            read_request(&mut socket).expect("a request");
            // Promises to stay, and goes.
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("open");
        }
    });
    let mut stage = Stage::<R>::new();
    for _ in 0..3 {
        let response = exchange(&mut stage, get(&server.url("http"))).await;
        assert_eq!(response.expect("an answer").body(), b"ok");
    }
    server.join();
}

pub(crate) async fn an_answer_comes_in_any_framing<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    for (head, body, expected) in [
        ("200 OK\r\nTransfer-Encoding: chunked", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "abcde"),
        ("200 OK", "to the end", "to the end"),
        ("200 OK\r\nContent-Length: 0", "", ""),
        ("204 No Content", "", ""),
        ("304 Not Modified\r\nContent-Length: 7", "", ""),
    ] {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        let server = servers::answer(format!("{interim}HTTP/1.1 {head}\r\n\r\n{body}"));
        let response = exchange(&mut stage, get(&server.url("http"))).await.expect(head);
        assert_eq!(response.status().as_str(), &head[..3]);
        assert_eq!(response.body(), expected.as_bytes(), "{head}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(64 << 10));
    let server = servers::answer(endless);
    assert_eq!(failure(&mut stage, &server.url("http")).await, NetErrorKind::TooLarge);
}

pub(crate) async fn a_proxy_is_asked_for_a_tunnel<R: Sockets>() {
    let server =
        servers::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    let proxy = servers::proxy("200 Connection established");
    let url = ProxyUrl(format!("http://user:secret@{}", proxy.address));
    let proxied = NetOptions::default().proxy(Proxy::Url(url));
    let mut stage = Stage::<R>::with(proxied);
    let response = exchange(&mut stage, get(&server.url("http"))).await.expect("an answer");
    assert_eq!(response.body(), b"ok");
    let seen = proxy.join();
    assert_eq!(seen.line, format!("CONNECT {} HTTP/1.1", server.address));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjpzZWNyZXQ="));

    let refusing = servers::proxy("403 Forbidden");
    let url = ProxyUrl(refusing.address.to_string());
    let proxied = NetOptions::default().proxy(Proxy::Url(url));
    let mut stage = Stage::<R>::with(proxied);
    assert_eq!(failure(&mut stage, "http://192.0.2.1/").await, NetErrorKind::Connect);
}
