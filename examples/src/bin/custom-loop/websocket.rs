//! WebSocket (RFC 6455) for loopback: unfragmented messages under 64 KiB, no TLS.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io::{self, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::Request;
use offhook::machine::{NetError, NetErrorKind, WsEvent};

use crate::http1::{connect, failed, read_head, write_head};

pub(crate) const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The writing half, which the loop and the reading thread share.
#[derive(Clone, Default)]
pub(crate) struct Writer(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Opening,
    Open(TcpStream),
    GivenUp,
}

impl Writer {
    /// Sends one frame, masked as section 5.3 wants it from clients. A failure shows in reading.
    pub(crate) fn send(&self, opcode: u8, payload: &[u8]) {
        let mask = (RandomState::new().hash_one(payload.len()) as u32).to_be_bytes();
        let mut frame = vec![0x80 | opcode];
        match u16::try_from(payload.len()) {
            Ok(length @ 0..126) => frame.push(0x80 | length as u8),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(socket) = &mut *state {
            let _ = socket.write_all(&frame);
        }
    }

    /// Sends a close frame where that is still possible, and drops the socket, also one that is
    /// only opening.
    pub(crate) fn close(&self) {
        self.send(CLOSE, &1000_u16.to_be_bytes());
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(socket) = std::mem::replace(&mut *state, State::GivenUp) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn open(&self, socket: TcpStream) -> Result<(), NetError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Opening | State::Open(_) => *state = State::Open(socket),
            State::GivenUp => return Err(NetError::new(NetErrorKind::Local, "given up")),
        }
        Ok(())
    }
}

/// Opens a WebSocket and reads it to its end, on a thread of its own.
pub(crate) fn run_websocket(
    request: &Request<()>,
    deadline: Instant,
    writer: &Writer,
    tell: impl Fn(WsEvent),
) {
    let (mut reader, protocol) = match open_websocket(request, deadline, writer) {
        Ok(opened) => opened,
        Err(error) => return tell(WsEvent::Failed(error)),
    };
    tell(WsEvent::Opened { protocol });
    loop {
        match read_frame(&mut reader) {
            Ok((TEXT, payload)) => match String::from_utf8(payload) {
                Ok(text) => tell(WsEvent::Text(text)),
                Err(_) => writer.send(CLOSE, &1007_u16.to_be_bytes()),
            },
            Ok((PING, payload)) => writer.send(PONG, &payload),
            Ok((CLOSE, payload)) => {
                writer.send(CLOSE, &payload);
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
                return tell(WsEvent::Closed { code, reason: reason.into_owned() });
            }
            Ok(_) => {}
            Err(error) => {
                return tell(WsEvent::Closed { code: None, reason: error.to_string() });
            }
        }
    }
}

type Opened = (BufReader<TcpStream>, Option<String>);

fn open_websocket(
    request: &Request<()>,
    deadline: Instant,
    writer: &Writer,
) -> Result<Opened, NetError> {
    let mut socket = connect(request.uri(), deadline)?;
    // A browser would draw the key and check the answer to it (section 4.1), to be sure that no
    // cache sits in between. On loopback none does.
    write_head(
        &mut socket,
        request,
        &[
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
    )
    .map_err(failed(NetErrorKind::Lost))?;
    let writing = socket.try_clone().map_err(failed(NetErrorKind::Local))?;
    let mut reader = BufReader::new(socket);
    let response = read_head(&mut reader)?;
    if response.status() != 101 {
        let kind = NetErrorKind::Refused(response.status().as_u16());
        return Err(NetError::new(kind, response.status().to_string()));
    }
    reader.get_ref().set_read_timeout(None).map_err(failed(NetErrorKind::Local))?;
    writer.open(writing)?;
    let protocol = response.headers().get("sec-websocket-protocol");
    Ok((reader, protocol.and_then(|p| p.to_str().ok()).map(str::to_owned)))
}

fn read_frame(reader: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    reader.read_exact(&mut head)?;
    if head[0] & 0xf0 != 0x80 || head[1] & 0x80 != 0 {
        return Err(io::Error::other("fragmented or masked"));
    }
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            reader.read_exact(&mut length)?;
            usize::from(u16::from_be_bytes(length))
        }
        127 => return Err(io::Error::other("too large")),
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload)?;
    Ok((head[0] & 0x0f, payload))
}
