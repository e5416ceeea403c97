//! HTTP exchanges: `ureq` on a bounded number of blocking threads.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use async_channel::{Receiver, Sender};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use http::{Method, Request, Response, Uri};
use offhook::Input;
use offhook::machine::{HttpId, NetError, NetErrorKind};
use rustls::{ClientConnection, StreamOwned};
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either as EitherTransport,
    LazyBuffers, NextTimeout, TcpConnector, Transport, TransportAdapter,
};
use ureq::{Agent, AsSendBody};

use crate::driver::discard;
use crate::error::{lost, timed_out, unconnected};
use crate::net::{Net, bare};
use crate::runtime::{Runtime, spawn};

/// Does one client's exchanges: a few at once, the others wait in order.
pub(crate) struct Http {
    net: Arc<Net>,
    agent: Agent,
    jobs: Sender<Job>,
    line: Receiver<Job>,
    workers: usize,
}

/// An exchange in line. Nobody waits for it any more once its deadline has passed.
struct Job {
    request: Request<Vec<u8>>,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Response<Vec<u8>>, NetError>;

impl Http {
    pub(crate) fn new(net: Arc<Net>) -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("offhook/", env!("CARGO_PKG_VERSION")))
            .build();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(Tls(Arc::clone(&net)));
        let agent = Agent::with_parts(config, connector, Names(Arc::clone(&net)));
        // As long as the machine makes it: each job has a deadline of the machine's.
        let (jobs, line) = async_channel::unbounded();
        Self { net, agent, jobs, line, workers: 0 }
    }

    /// Puts an exchange in line. Its result comes by its deadline at the latest.
    pub(crate) fn submit<R: Runtime>(
        &mut self,
        id: HttpId,
        request: Request<Vec<u8>>,
        deadline: Instant,
        inputs: Sender<Input>,
    ) {
        if self.workers < self.net.options.http_threads.max(1) {
            self.workers += 1;
            spawn::<R>(work(Arc::clone(&self.net), self.agent.clone(), self.line.clone()));
        }
        let (answer, answered) = oneshot::channel();
        // Never closed: a receiver is kept here.
        let _ = self.jobs.try_send(Job { request, deadline, answer });
        spawn::<R>(async move {
            let result = match select(answered, pin!(R::sleep_until(deadline))).await {
                Either::Left((Ok(result), _)) => result,
                Either::Left((Err(oneshot::Canceled), _)) => {
                    Err(NetError::new(NetErrorKind::Local, "the exchange was abandoned"))
                }
                Either::Right(((), _)) => Err(timed_out()),
            };
            // Without a driver nobody waits for the result.
            let _ = inputs.send(Input::Http { id, result }).await;
        });
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        discard(&self.line);
    }
}

/// Takes exchanges from the line, one after the other, while there is a driver.
async fn work(net: Arc<Net>, agent: Agent, line: Receiver<Job>) {
    while let Ok(Job { request, deadline, answer }) = line.recv().await {
        if answer.is_canceled() {
            continue;
        }
        let (net, agent) = (Arc::clone(&net), agent.clone());
        // The `blocking` pool, on every runtime: its threads hold up nobody's exit, even when a
        // server never answers.
        let result = blocking::unblock(move || exchange(&net, &agent, request, deadline)).await;
        let _ = answer.send(result);
    }
}

fn exchange(net: &Net, agent: &Agent, request: Request<Vec<u8>>, deadline: Instant) -> Answer {
    let bodiless = request.body().is_empty()
        && matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE);
    if bodiless {
        send(net, agent, request.map(|_| ()), deadline)
    } else {
        send(net, agent, request, deadline)
    }
}

fn send(net: &Net, agent: &Agent, request: Request<impl AsSendBody>, deadline: Instant) -> Answer {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(timed_out());
    }
    let secure = request.uri().scheme_str() == Some("https");
    let proxy = request
        .uri()
        .host()
        .and_then(|host| net.proxies.find(secure, host))
        .map(|server| {
            let builder = ureq::Proxy::builder(ureq::ProxyProtocol::Http)
                .host(&server.host)
                .port(server.port);
            match &server.credentials {
                Some((user, password)) => builder.username(user).password(password),
                None => builder,
            }
            .build()
        })
        .transpose()
        .map_err(|error| classify(&error))?;
    let request = agent.configure_request(request).proxy(proxy).timeout_global(Some(left)).build();
    let response = agent.run(request).map_err(|error| classify(&error))?;
    let (parts, mut body) = response.into_parts();
    // The limit has to be out of reach: reaching it is an error already.
    let limit = net.options.max_body;
    let body = body
        .with_config()
        .limit(limit.saturating_add(1) as u64)
        .read_to_vec()
        .map_err(|error| classify(&error))?;
    if body.len() > limit {
        return Err(NetError::new(NetErrorKind::TooLarge, format!("over {limit} bytes")));
    }
    Ok(Response::from_parts(parts, body))
}

fn classify(error: &ureq::Error) -> NetError {
    use ureq::Error as E;
    let kind = match error {
        E::Io(error) => return classify_io(error),
        E::Rustls(_) | E::Tls(_) | E::TlsRequired => NetErrorKind::Tls,
        E::Timeout(_) => NetErrorKind::Timeout,
        E::HostNotFound => NetErrorKind::Resolve,
        E::ConnectionFailed | E::ConnectProxyFailed(_) => NetErrorKind::Connect,
        E::BodyExceedsLimit(_) | E::LargeResponseHeader(..) => NetErrorKind::TooLarge,
        E::BodyStalled => NetErrorKind::Lost,
        // Shows the whole URI, which nobody has checked for secrets.
        E::BadUri(_) => return NetError::new(NetErrorKind::Local, "the URI cannot be used"),
        E::InvalidProxyUrl => NetErrorKind::Local,
        _ => NetErrorKind::Protocol,
    };
    NetError::new(kind, error.to_string())
}

fn classify_io(error: &io::Error) -> NetError {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused | K::HostUnreachable | K::NetworkUnreachable | K::AddrNotAvailable => {
            unconnected(error)
        }
        _ => lost(error),
    }
}

/// Names, with the options' own answers first.
struct Names(Arc<Net>);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        if let Some(address) = uri.host().and_then(|host| self.0.known_address(host, port)) {
            let mut addresses = self.empty();
            addresses.push(address);
            return Ok(addresses);
        }
        DefaultResolver::default().resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

/// TLS with the same trust as the WebSockets, which `ureq`'s own connector cannot be given.
struct Tls(Arc<Net>);

impl<In: Transport> Connector<In> for Tls {
    type Out = EitherTransport<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(EitherTransport::A(transport)));
        }
        let host = bare(details.uri.host().ok_or(ureq::Error::HostNotFound)?).to_owned();
        let name = host.try_into().map_err(|_| ureq::Error::Tls("the host is no TLS name"))?;
        let mut connection =
            ClientConnection::new(Arc::clone(&self.0.tls), name).map_err(io::Error::other)?;
        let boxed: Box<dyn Transport> = Box::new(transport);
        let mut socket = TransportAdapter::new(boxed, Arc::clone(&details.current_time));
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let buffers = LazyBuffers::new(
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        let stream = StreamOwned::new(connection, socket);
        Ok(Some(EitherTransport::B(TlsTransport { buffers, stream })))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        Ok(io::Write::write_all(&mut self.stream, output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let read = io::Read::read(&mut self.stream, self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsTransport")
    }
}
