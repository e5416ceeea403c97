//! One HTTP exchange (RFC 9112) on an open connection: `ureq-proto` says what to write and
//! understands what is read.

use futures_util::io::{AsyncReadExt as _, AsyncWriteExt as _};
use http::header::{ACCEPT, CONTENT_LENGTH, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use offhook::machine::{NetError, NetErrorKind};
use ureq_proto::BodyMode;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};

use crate::connect::Connection;
use crate::error::lost;

/// The longest line of a request, and the longest head of a response or of one of its chunks.
const HEAD: usize = 16 << 10;

/// Bytes that are read at once.
const READ: usize = 8 << 10;

/// The end of an exchange that went well.
pub(crate) struct Done {
    pub(crate) response: Response<Vec<u8>>,
    /// True when the connection can carry another one.
    pub(crate) reusable: bool,
}

/// The end of an exchange that failed.
pub(crate) struct Failure {
    pub(crate) error: NetError,
    /// True when the connection was lost before a byte of the answer came.
    pub(crate) silent: bool,
}

/// Asks, and reads the answer, whose body may have `limit` bytes.
pub(crate) async fn run(
    socket: &mut Connection,
    request: &Request<Vec<u8>>,
    limit: usize,
) -> Result<Done, Failure> {
    let mut arrived = Arrived { socket, bytes: Vec::new(), any: false, ended: false };
    let done = exchange(&mut arrived, request, limit).await;
    done.map_err(|error| Failure {
        silent: !arrived.any && error.kind == NetErrorKind::Lost,
        error,
    })
}

async fn exchange(
    arrived: &mut Arrived<'_>,
    request: &Request<Vec<u8>>,
    limit: usize,
) -> Result<Done, NetError> {
    let mut call = ask(arrived, request).await?;
    let (parts, ()) = loop {
        let (used, response) = call.try_response(&arrived.bytes, false).map_err(protocol)?;
        arrived.bytes.drain(..used);
        match response {
            Some(response) => break response.into_parts(),
            // An interim response (RFC 9110 section 15.2).
            None if used > 0 => {}
            None => arrived.more().await?,
        }
    };
    let Some(state) = call.proceed() else { return Err(unfinished()) };
    let (body, must_close) = match state {
        RecvResponseResult::RecvBody(call) => read(arrived, call, limit).await?,
        RecvResponseResult::Redirect(call) => (Vec::new(), call.must_close_connection()),
        RecvResponseResult::Cleanup(call) => (Vec::new(), call.must_close_connection()),
    };
    // What nobody asked for belongs to no other exchange.
    let reusable = !must_close && arrived.bytes.is_empty();
    Ok(Done { response: Response::from_parts(parts, body), reusable })
}

/// Sends the whole request.
async fn ask(
    arrived: &mut Arrived<'_>,
    request: &Request<Vec<u8>>,
) -> Result<Call<RecvResponse>, NetError> {
    let socket = &mut *arrived.socket;
    let body = request.body();
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    *head.headers_mut() = request.headers().clone();
    let agent = HeaderValue::from_static(concat!("offhook/", env!("CARGO_PKG_VERSION")));
    head.headers_mut().entry(USER_AGENT).or_insert(agent);
    head.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    let bodiless = matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE);
    if !body.is_empty() || !bodiless {
        // A body that is empty is told, too (RFC 9110 section 8.6).
        head.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    }
    let mut call = Call::new(head).map_err(protocol)?;
    if bodiless && !body.is_empty() {
        call.force_send_body();
    }
    let mut call = call.proceed();
    let mut buffer = vec![0; HEAD];
    while !call.can_proceed() {
        let length = call.write(&mut buffer).map_err(protocol)?;
        socket.write_all(&buffer[..length]).await.map_err(|error| lost(&error))?;
    }
    drop(buffer);
    let call = match call.proceed().map_err(protocol)?.ok_or_else(unfinished)? {
        SendRequestResult::RecvResponse(call) => call,
        SendRequestResult::SendBody(mut call) => {
            socket.write_all(body).await.map_err(|error| lost(&error))?;
            call.consume_direct_write(body.len()).map_err(protocol)?;
            call.proceed().ok_or_else(unfinished)?
        }
        // Only where the machine asks for it, which it does not.
        SendRequestResult::Await100(_) => return Err(unfinished()),
    };
    socket.flush().await.map_err(|error| lost(&error))?;
    Ok(call)
}

/// Reads the whole body, and tells whether the connection is of no more use.
async fn read(
    arrived: &mut Arrived<'_>,
    mut call: Call<RecvBody>,
    limit: usize,
) -> Result<(Vec<u8>, bool), NetError> {
    let too_large = || NetError::new(NetErrorKind::TooLarge, format!("over {limit} bytes"));
    if matches!(call.body_mode(), BodyMode::LengthDelimited(length) if length > limit as u64) {
        return Err(too_large());
    }
    let until_closed = call.body_mode() == BodyMode::CloseDelimited;
    let mut body = Vec::new();
    let mut part = vec![0; READ];
    loop {
        let (used, length) = call.read(&arrived.bytes, &mut part).map_err(protocol)?;
        arrived.bytes.drain(..used);
        body.extend_from_slice(&part[..length]);
        if body.len() > limit {
            return Err(too_large());
        }
        if !until_closed && call.can_proceed() {
            break;
        }
        if used > 0 || length > 0 {
            continue;
        }
        match arrived.more().await {
            Ok(()) => {}
            Err(_) if arrived.ended && (until_closed || call.is_ended_chunked()) => break,
            Err(error) => return Err(error),
        }
    }
    let must_close = match call.proceed() {
        Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
        Some(RecvBodyResult::Redirect(call)) => call.must_close_connection(),
        // The last chunk came, but not the line after it: the server hung up instead.
        None => true,
    };
    Ok((body, must_close))
}

/// The bytes that came over a connection and are not yet parsed.
struct Arrived<'a> {
    socket: &'a mut Connection,
    bytes: Vec<u8>,
    /// True once anything came.
    any: bool,
    /// True once the far side has said that nothing more will come.
    ended: bool,
}

impl Arrived<'_> {
    /// Reads on.
    async fn more(&mut self) -> Result<(), NetError> {
        let before = self.bytes.len();
        if before > HEAD {
            return Err(NetError::new(NetErrorKind::TooLarge, format!("a head over {HEAD} bytes")));
        }
        self.bytes.resize(before + READ, 0);
        let read = self.socket.read(&mut self.bytes[before..]).await;
        self.bytes.truncate(before + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(0) => {
                self.ended = true;
                Err(NetError::new(NetErrorKind::Lost, "the connection ended"))
            }
            Ok(_) => {
                self.any = true;
                Ok(())
            }
            // Also where TLS was cut short, which may hide half of a body.
            Err(error) => Err(lost(&error)),
        }
    }
}

/// Shows what the server said, never what we did.
fn protocol(error: ureq_proto::Error) -> NetError {
    NetError::new(NetErrorKind::Protocol, error.to_string())
}

fn unfinished() -> NetError {
    NetError::new(NetErrorKind::Protocol, "the exchange cannot go on")
}
