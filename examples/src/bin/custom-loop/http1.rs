//! HTTP/1.1 for loopback: one exchange for each connection (RFC 9112), no TLS, no chunks. The
//! deadline limits the connection and each read; a real client limits their sum.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use http::{Request, Response, Uri};
use offhook::machine::{NetError, NetErrorKind};

pub(crate) fn exchange(
    request: &Request<Vec<u8>>,
    deadline: Instant,
) -> Result<Response<Vec<u8>>, NetError> {
    let mut socket = connect(request.uri(), deadline)?;
    write_head(
        &mut socket,
        request,
        &[("Connection", "close"), ("Content-Length", &request.body().len().to_string())],
    )
    .and_then(|()| socket.write_all(request.body()))
    .map_err(failed(NetErrorKind::Lost))?;
    let mut reader = BufReader::new(socket);
    let mut response = read_head(&mut reader)?;
    let length = response.headers().get("content-length");
    let length: Option<usize> = length.and_then(|n| n.to_str().ok()?.parse().ok());
    reader.read_to_end(response.body_mut()).map_err(failed(NetErrorKind::Lost))?;
    if length.is_some_and(|length| response.body().len() < length) {
        return Err(NetError::new(NetErrorKind::Lost, "the body is not whole"));
    }
    Ok(response)
}

pub(crate) fn connect(uri: &Uri, deadline: Instant) -> Result<TcpStream, NetError> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let mut addresses = (host, uri.port_u16().unwrap_or(80))
        .to_socket_addrs()
        .map_err(failed(NetErrorKind::Resolve))?;
    let address: SocketAddr =
        addresses.next().ok_or_else(|| NetError::new(NetErrorKind::Resolve, "no address"))?;
    // Zero would mean for ever.
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let socket =
        TcpStream::connect_timeout(&address, left).map_err(failed(NetErrorKind::Connect))?;
    socket
        .set_nodelay(true)
        .and_then(|()| socket.set_read_timeout(Some(left)))
        .map_err(failed(NetErrorKind::Local))?;
    Ok(socket)
}

pub(crate) fn write_head<B>(
    socket: &mut TcpStream,
    request: &Request<B>,
    more: &[(&str, &str)],
) -> io::Result<()> {
    let (method, uri) = (request.method(), request.uri());
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    for (name, value) in headers.chain(more.iter().map(|(n, v)| (*n, v.as_bytes()))) {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    socket.write_all(&head)
}

pub(crate) fn read_head(reader: &mut BufReader<TcpStream>) -> Result<Response<Vec<u8>>, NetError> {
    let protocol = || NetError::new(NetErrorKind::Protocol, "not an HTTP response");
    let mut line = || -> Result<String, NetError> {
        let mut line = String::new();
        match reader.read_line(&mut line).map_err(failed(NetErrorKind::Lost))? {
            0 => Err(NetError::new(NetErrorKind::Lost, "no whole response")),
            _ => Ok(line.trim_end().to_owned()),
        }
    };
    let status = line()?.split(' ').nth(1).map(str::to_owned).ok_or_else(protocol)?;
    let mut response = Response::builder().status(status.as_str());
    loop {
        let header = line()?;
        match header.split_once(':') {
            Some((name, value)) => response = response.header(name, value.trim()),
            None if header.is_empty() => break,
            None => return Err(protocol()),
        }
    }
    response.body(Vec::new()).map_err(|_| protocol())
}

/// Says what kind of failure an error is, unless it was the deadline.
pub(crate) fn failed(kind: NetErrorKind) -> impl FnOnce(io::Error) -> NetError {
    move |error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            NetError::new(NetErrorKind::Timeout, error.to_string())
        }
        _ => NetError::new(kind, error.to_string()),
    }
}
