//! Servers of a few lines, on threads, each for as many connections as a test needs.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use async_tungstenite::tungstenite;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::handshake::server::{Request, Response};

/// A connection, by TLS or by TCP.
pub(crate) trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

pub(crate) type WebSocket = tungstenite::WebSocket<Box<dyn Stream>>;

/// A server for one test, on loopback.
pub(crate) struct Server<T> {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    /// Hands the listener to a thread.
    pub(crate) fn new(serve: impl FnOnce(TcpListener) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        Self { address, thread: spawn(move || serve(listener)) }
    }

    /// Serves one TCP connection.
    pub(crate) fn tcp(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        Self::new(|listener| serve(accept(&listener)))
    }

    /// Serves one WebSocket.
    pub(crate) fn websocket(serve: impl FnOnce(WebSocket) -> T + Send + 'static) -> Self {
        Self::tcp(|socket| serve(upgrade(Box::new(socket)).expect("a handshake")))
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/stream", self.address)
    }

    /// True once it has come to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// The result of the server, at its end.
    pub(crate) fn join(self) -> T {
        self.thread.join().expect("the server does not panic")
    }
}

/// Accepts one connection that no test can hang on.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    let (socket, _) = listener.accept().expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    socket
}

/// The server's half of a WebSocket handshake, with the subprotocol of XMPP.
#[allow(clippy::result_large_err)]
pub(crate) fn upgrade(socket: Box<dyn Stream>) -> Option<WebSocket> {
    tungstenite::accept_hdr(socket, |request: &Request, mut response: Response| {
        assert_eq!(request.headers()["sec-websocket-protocol"], "xmpp");
        response.headers_mut().insert("sec-websocket-protocol", "xmpp".parse().expect("ASCII"));
        Ok(response)
    })
    .ok()
}

/// A request as it came over the wire.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| {
            let (n, value) = header.split_once(": ")?;
            n.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Reads one HTTP request; none when the client hung up.
pub(crate) fn read_request(socket: &mut dyn Read) -> Option<Seen> {
    let mut reader = BufReader::with_capacity(1, socket);
    let mut seen = Seen::default();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text if seen.line.is_empty() => seen.line = text.to_owned(),
            text => seen.headers.push(text.to_owned()),
        }
    }
    let length = seen.header("content-length").map_or(0, |n| n.parse().expect("a length"));
    seen.body = vec![0; length];
    reader.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

/// Answers one request with these bytes, then hangs up.
pub(crate) fn answer(bytes: impl Into<Vec<u8>>) -> Server<Option<Seen>> {
    let bytes = bytes.into();
    Server::tcp(move |mut socket| {
        let seen = read_request(&mut socket);
        let _ = socket.write_all(&bytes);
        seen
    })
}

/// A server that accepts, reads and never says anything; ends when the client hangs up.
pub(crate) fn silent() -> Server<()> {
    Server::tcp(|mut socket| {
        let _ = std::io::copy(&mut socket, &mut std::io::sink());
    })
}

/// An address where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound")
}

/// A self-signed certificate, as DER, and a TLS accepter that shows it.
pub(crate) fn tls(
    name: &str,
) -> (Vec<u8>, impl Fn(TcpStream) -> Box<dyn Stream> + Clone + Send + 'static) {
    let signed = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a name");
    let certificate: CertificateDer<'static> = signed.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("its own versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .expect("they belong together");
    let config = Arc::new(config);
    (certificate.to_vec(), move |socket| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a good config");
        Box::new(StreamOwned::new(connection, socket))
    })
}

/// A proxy for one tunnel: answers `CONNECT` and carries bytes. Tells what it was asked.
pub(crate) fn proxy(status: &'static str) -> Server<Seen> {
    Server::tcp(move |mut client| {
        let seen = read_request(&mut client).expect("a CONNECT");
        let answer = format!("HTTP/1.1 {status}\r\nVia: 1.1 test\r\n\r\n");
        client.write_all(answer.as_bytes()).expect("the client listens");
        if status.starts_with('2') {
            let target = seen.line.split(' ').nth(1).expect("a target");
            let server = TcpStream::connect(target).expect("the target listens");
            carry(client, server);
        }
        seen
    })
}

/// Carries bytes both ways, until both sides have ended.
fn carry(client: TcpStream, server: TcpStream) {
    let (mut up, mut down) = (client.try_clone().expect("open"), client);
    let (mut to, mut from) = (server.try_clone().expect("open"), server);
    let upward = spawn(move || {
        let _ = std::io::copy(&mut up, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut from, &mut down);
    let _ = down.shutdown(Shutdown::Both);
    upward.join().expect("copying does not panic");
}

/// The things that a SOCKS5 proxy was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) login: Option<(String, String)>,
    /// Host and port, once it came to that.
    pub(crate) target: Option<(String, u16)>,
}

/// A SOCKS5 proxy for one tunnel (RFC 1928), which leads to this server whatever it is asked for,
/// or is refused with a code. With a log-in it wants just that one (RFC 1929).
pub(crate) fn socks(
    login: Option<(&'static str, &'static str)>,
    to: Result<SocketAddr, u8>,
) -> Server<Told> {
    fn read(socket: &mut TcpStream, length: u8) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(length)];
        socket.read_exact(&mut bytes).expect("the client talks");
        bytes
    }
    fn text(socket: &mut TcpStream) -> String {
        let length = read(socket, 1)[0];
        String::from_utf8(read(socket, length)).expect("UTF-8")
    }

    Server::tcp(move |mut client| {
        let mut told = Told { login: None, target: None };
        let [5, ways] = read(&mut client, 2)[..] else { panic!("no SOCKS5") };
        let ways = read(&mut client, ways);
        let way = if login.is_some() { 2 } else { 0 };
        if !ways.contains(&way) {
            client.write_all(&[5, 0xff]).expect("the client listens");
            return told;
        }
        client.write_all(&[5, way]).expect("the client listens");
        if let Some((name, password)) = login {
            assert_eq!(read(&mut client, 1), [1]);
            let given = (text(&mut client), text(&mut client));
            let right = given == (name.to_owned(), password.to_owned());
            told.login = Some(given);
            client.write_all(&[1, u8::from(!right)]).expect("the client listens");
            if !right {
                return told;
            }
        }
        assert_eq!(read(&mut client, 3), [5, 1, 0]);
        let host = match read(&mut client, 1)[0] {
            1 => {
                let address: [u8; 4] = read(&mut client, 4).try_into().expect("4 bytes");
                IpAddr::from(address).to_string()
            }
            3 => text(&mut client),
            4 => {
                let address: [u8; 16] = read(&mut client, 16).try_into().expect("16 bytes");
                IpAddr::from(address).to_string()
            }
            other => panic!("address type {other}"),
        };
        let port: [u8; 2] = read(&mut client, 2).try_into().expect("2 bytes");
        told.target = Some((host, u16::from_be_bytes(port)));
        match to {
            Ok(to) => {
                let server = TcpStream::connect(to).expect("the target listens");
                // The address of this end, as a name: its length is the proxy's affair.
                client.write_all(b"\x05\x00\x00\x03\x05proxy\x00\x01").expect("it listens");
                carry(client, server);
            }
            Err(code) => {
                let answer = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
                client.write_all(&answer).expect("the client listens");
            }
        }
        told
    })
}
