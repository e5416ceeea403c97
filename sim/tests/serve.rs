//! The emulator on real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use offhook_sim::serve::{Emulator, EmulatorError, EmulatorOptions};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// The most that any read here may take.
const LIMIT: Duration = Duration::from_secs(20);

fn connect(url: &str) -> TcpStream {
    let address: SocketAddr = url.rsplit('/').next().unwrap().parse().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// One request on a fresh connection; the whole answer.
fn talk(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A peer that closes without TLS's good-bye is an error here, and an end all the same.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request to the control API at this URL.
fn get(url: &str, path: &str) -> String {
    let host = url.rsplit('/').next().unwrap();
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
}

/// Lets somebody in at `/stream/jwt/a.b.c`.
fn admit(url: &str) {
    let host = url.rsplit('/').next().unwrap();
    let body = r#"{"kind": "monitor", "jwt": "a.b.c"}"#;
    let request = format!(
        "POST /control/jwts HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(status(url, &request), 200);
}

fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: lab.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: xmpp\r\n\r\n"
    )
}

#[test]
fn it_answers_in_plain_and_over_tls_with_the_certificate_it_tells() {
    let emulator = Emulator::start(EmulatorOptions {
        tls_listen: Some("127.0.0.1:0".parse().unwrap()),
        ..EmulatorOptions::default()
    })
    .unwrap();
    let answer = talk(connect(&emulator.http_url()), &get(&emulator.http_url(), "/control/health"));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("offhook-sim"), "{answer}");

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(emulator.certificate().unwrap())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("api.lab.test").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = StreamOwned::new(tls, connect(&emulator.https_url().unwrap()));
    let answer = talk(stream, &get(&emulator.https_url().unwrap(), "/control/health"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    emulator.shutdown();
}

#[test]
fn a_socket_for_nobody_is_refused_with_a_status() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    for (path, status) in [
        ("/stream/channels/none", "404"),
        ("/stream/jwt/none", "401"),
        ("/stream/jwt/a.b.c", "401"),
        ("/elsewhere", "404"),
    ] {
        let mut stream = connect(&emulator.http_url());
        stream.write_all(upgrade(path).as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer[9..], status.as_bytes(), "{path}");
    }
    // One that may come in does.
    admit(&emulator.http_url());
    let mut stream = connect(&emulator.http_url());
    stream.write_all(upgrade("/stream/jwt/a.b.c").as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}

#[test]
fn nonsense_on_its_sockets_harms_only_who_sends_it() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let too_much = format!(
        "POST /api/v2/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        1_u64 << 40
    );
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET", "BREW / HTCPCP/1.0\r\n\r\n", &too_much] {
        let mut stream = connect(&emulator.http_url());
        stream.write_all(nonsense.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    let answer = talk(connect(&emulator.http_url()), &get(&emulator.http_url(), "/control/health"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn it_says_why_it_cannot_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let start = |options| Emulator::start(options).unwrap_err();
    let error = start(EmulatorOptions { listen: Some(listen), ..EmulatorOptions::default() });
    assert!(matches!(error, EmulatorError::Listen { address, .. } if address == listen), "{error}");
    let error = start(EmulatorOptions {
        tls_listen: Some("127.0.0.1:0".parse().unwrap()),
        certificate: Some(("no/such/chain.pem".into(), "no/such/key.pem".into())),
        ..EmulatorOptions::default()
    });
    assert!(matches!(error, EmulatorError::Tls(_)), "{error}");
}

#[test]
fn when_it_has_ended_nothing_of_it_is_left() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let url = emulator.http_url();
    let mut open = connect(&url);
    emulator.shutdown();
    let mut rest = Vec::new();
    let _ = open.read_to_end(&mut rest);
    let address: SocketAddr = url.rsplit('/').next().unwrap().parse().unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens");
}

/// The status of the answer to one request.
fn status(url: &str, request: &str) -> u16 {
    let answer = talk(connect(url), request);
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default()
}

#[test]
fn the_control_api_is_for_no_page_and_at_no_other_host() {
    let emulator = Emulator::start(EmulatorOptions {
        control_hosts: vec!["forwarded.example:9000".to_owned()],
        ..EmulatorOptions::default()
    })
    .unwrap();
    let url = emulator.http_url();
    let host = url.rsplit('/').next().unwrap();
    let port = host.rsplit(':').next().unwrap();
    let ask = |path: &str, headers: &str| {
        let request = format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
        status(&url, &request)
    };
    let health = "/control/health";
    for headers in [
        format!("host: {host}\r\n"),
        format!("host: localhost:{port}\r\n"),
        "host: forwarded.example:9000\r\n".to_owned(),
    ] {
        assert_eq!(ask(health, &headers), 200, "{headers}");
    }
    for headers in [
        format!("host: {host}\r\norigin: https://evil.example\r\n"),
        format!("host: {host}\r\norigin: null\r\n"),
        format!("host: {host}\r\norigin: {url}\r\n"),
        format!("host: evil.example:{port}\r\n"),
        format!("host: {host}\r\nhost: evil.example\r\n"),
        "host: lab.test\r\n".to_owned(),
        String::new(),
    ] {
        for path in [health, "//control/health", "/control"] {
            assert_eq!(ask(path, &headers), 403, "{path} {headers}");
        }
    }
    let rebound = format!("http://evil.example:{port}{health}");
    assert_eq!(ask(&rebound, &format!("host: {host}\r\n")), 403, "an absolute form is a host, too");
    // No other way leads to it.
    for path in ["/api/v2/control/health", "/api/v2//control/health", "/%63ontrol/health"] {
        assert!(matches!(ask(path, "host: api.lab.test\r\n"), 401 | 404), "{path}");
    }
}

#[test]
fn pages_of_any_origin_may_use_the_services_api_and_no_other() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let url = emulator.http_url();
    let host = url.rsplit('/').next().unwrap();
    let preflight = |path: &str, host: &str| {
        let request = format!(
            "OPTIONS {path} HTTP/1.1\r\nhost: {host}\r\norigin: https://apps.lab.test\r\n\
             access-control-request-method: POST\r\nconnection: close\r\n\r\n"
        );
        talk(connect(&url), &request).to_lowercase()
    };
    let allowed = "access-control-allow-origin: https://apps.lab.test";
    assert!(preflight("/api/v2/users/me", "api.lab.test").contains(allowed));
    for path in ["/control/users", "/", "/elsewhere"] {
        let answer = preflight(path, host);
        assert!(!answer.contains("access-control"), "{path}: {answer}");
    }
}

#[test]
fn what_is_too_long_or_too_large_is_refused() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let url = emulator.http_url();
    let host = "host: api.lab.test\r\nconnection: close\r\n";
    let long_path = format!("GET /api/v2/{} HTTP/1.1\r\n{host}\r\n", "p".repeat(10_000));
    assert_eq!(status(&url, &long_path), 414);
    let long_query = format!("GET /api/v2/x?q={} HTTP/1.1\r\n{host}\r\n", "q".repeat(10_000));
    assert_eq!(status(&url, &long_query), 414);
    let header = "h".repeat(1000);
    let long_head: String = (0..60).map(|n| format!("x-{n}: {header}\r\n")).collect();
    assert_eq!(status(&url, &format!("GET /api/v2/x HTTP/1.1\r\n{host}{long_head}\r\n")), 431);
    let large = format!(
        "POST /api/v2/x HTTP/1.1\r\n{host}content-length: {}\r\n\r\n{}",
        5 << 20,
        "b".repeat(5 << 20)
    );
    let answer = talk_over(connect(&url), large.as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(status(&url, &get(&url, "/control/health")), 200);
}

/// [`talk`] with a peer that may stop reading.
fn talk_over(mut stream: TcpStream, request: &[u8]) -> String {
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_message_that_is_too_large_ends_its_socket_only() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let url = emulator.http_url();
    admit(&url);
    let mut stream = connect(&url);
    stream.write_all(upgrade("/stream/jwt/a.b.c").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    // A text frame (RFC 6455 section 5.2) of a mebibyte, by its header alone.
    stream.write_all(&[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4]).unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(status(&url, &get(&url, "/control/health")), 200);
}

#[test]
fn serving_goes_on_when_nobody_reads_its_words_any_more() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};

    let mut serve = Command::new(env!("CARGO_BIN_EXE_offhook-sim"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As `serve | head -3` does.
    let mut words = std::io::BufReader::new(serve.stdout.take().unwrap());
    let mut url = String::new();
    while !url.contains("http://") {
        url.clear();
        assert_ne!(words.read_line(&mut url).unwrap(), 0);
    }
    drop(words);
    let url = url.split_whitespace().last().unwrap().to_owned();
    admit(&url);
    // Each user that logs in would be a line.
    for _ in 0..3 {
        let mut stream = connect(&url);
        stream.write_all(upgrade("/stream/jwt/a.b.c").as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        // A frame that cannot be read is said.
        stream.write_all(&[0x81, 0x81, 0, 0, 0, 0, b'x']).unwrap();
    }
    assert_eq!(status(&url, &get(&url, "/control/health")), 200);
    serve.kill().unwrap();
    let mut errors = String::new();
    serve.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    serve.wait().unwrap();
    assert_eq!(errors, "", "nothing panicked");
}

#[test]
fn serving_beyond_loopback_is_said_loudly() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};

    let mut serve = Command::new(env!("CARGO_BIN_EXE_offhook-sim"))
        .args(["serve", "--listen", "0.0.0.0:0", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    std::io::BufReader::new(serve.stderr.take().unwrap()).read_line(&mut first).unwrap();
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(first.contains("WARNING: serving on 0.0.0.0:0"), "{first}");
}

#[test]
fn who_is_slow_loses_its_connection_and_nobody_elses() {
    let emulator = Emulator::start(EmulatorOptions {
        patience: Duration::from_millis(300),
        ..EmulatorOptions::default()
    })
    .unwrap();
    let url = emulator.http_url();
    let half_a_head = "GET /api/v2/users/me HTTP/1.1\r\nhost: a";
    let half_a_body = "POST /api/v2/x HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{";
    admit(&url);
    let socket = upgrade("/stream/jwt/a.b.c");
    for (slow, answer) in
        [("", ""), (half_a_head, ""), (half_a_body, "HTTP/1.1 408"), (&*socket, "HTTP/1.1 101")]
    {
        // Reading would end with an error at its own limit, twenty seconds later.
        let mut stream = connect(&url);
        stream.write_all(slow.as_bytes()).unwrap();
        let mut said = Vec::new();
        match stream.read_to_end(&mut said) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{slow}"),
        }
        let said = String::from_utf8_lossy(&said);
        assert!(said.starts_with(answer), "{slow}: {said}");
    }
    assert_eq!(status(&url, &get(&url, "/control/health")), 200);
}

#[test]
fn both_services_stand_behind_one_listener() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let url = emulator.http_url();
    let host = url.rsplit('/').next().unwrap();
    let health = talk(connect(&url), &get(&url, "/control/health"));
    assert!(health.contains("\"ribbon\"") && health.contains("\"two-lines\""), "{health}");
    let user = serde_json::json!({"user": "alice@example.com", "bearer": "tok"});
    let user = emulator.control("POST", "ribbon/users", &user).unwrap();
    assert_eq!(user["restUrl"], url);
    assert_eq!(user["wsUrl"], emulator.ws_url());
    assert!(emulator.add_user("Ada", Some("ada")).is_some());
    let body =
        r#"{"subscribeRequest":{"expires":60,"service":["call"],"notificationType":"WebSocket"}}"#;
    let request = format!(
        "POST /rest/version/1/user/alice@example.com/subscription HTTP/1.1\r\nhost: {host}\r\n\
         authorization: Bearer tok\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = talk(connect(&url), &request);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let body: serde_json::Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let channel = &body["subscribeResponse"]["subscriptionParams"]["notificationChannel"];
    let mut stream = connect(&url);
    let plain = upgrade(channel.as_str().unwrap()).replace("sec-websocket-protocol: xmpp\r\n", "");
    stream.write_all(plain.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    // What happens in either is told in one record, and one word clears both.
    let told = emulator.control("GET", "events?type=ws-open", &serde_json::Value::Null).unwrap();
    assert_eq!(told["events"][0]["user"], "alice@example.com");
    assert!(emulator.control("POST", "reset", &serde_json::json!({})).is_some());
    for path in ["users", "ribbon/users"] {
        let users = emulator.control("GET", path, &serde_json::Value::Null).unwrap();
        let none = users.as_array().or_else(|| users["users"].as_array()).unwrap().is_empty();
        assert!(none, "{path}: {users}");
    }
    emulator.shutdown();
}
