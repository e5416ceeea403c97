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

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: lab.test\r\nconnection: close\r\n\r\n")
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
    let answer = talk(connect(&emulator.http_url()), &get("/control/health"));
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
    let answer = talk(stream, &get("/control/health"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    emulator.shutdown();
}

#[test]
fn a_socket_for_nobody_is_refused_with_a_status() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    for (path, status) in
        [("/stream/channels/none", "404"), ("/stream/jwt/none", "401"), ("/elsewhere", "404")]
    {
        let mut stream = connect(&emulator.http_url());
        stream.write_all(upgrade(path).as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer[9..], status.as_bytes(), "{path}");
    }
    // One that may come in does.
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
        "POST /control/users HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
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
    let answer = talk(connect(&emulator.http_url()), &get("/control/health"));
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
