//! An address that a TURN server lends (RFC 8656). The way to the server is UDP, TCP or TLS; what is relayed is
//! datagrams, whichever it is.
//!
//! The client of the crate does the protocol. What it leaves to us is here: it never has two requests under way that
//! we ask for, a packet waits for the permission that it needs, a refusal has its code, and a password that is wrong is
//! known for it.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use turn_client_proto::api::{
    Transmit, TurnClientApi as _, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet,
};
use turn_client_proto::client::TurnClient;
use turn_client_proto::tcp::TurnClientTcp;
use turn_client_proto::udp::TurnClientUdp;
use turn_types::message::ALLOCATE;
use turn_types::stun::attribute::ErrorCode;
use turn_types::stun::message::{Message, MessageClass};
use turn_types::{AddressFamily, TransportType, TurnCredentials};

use crate::machine::{StreamEvent, StreamId};

/// The packets that wait for a permission; the oldest goes for one more.
const MAX_WAITING: usize = 16;
/// The far addresses that may be spoken with; packets to others are dropped.
const MAX_PEERS: usize = 64;
/// The requests go again after this, which doubles up to the second, so many times; it is over after the third.
const RETRANSMITS: (Duration, Duration, u32, Duration) =
    (Duration::from_millis(250), Duration::from_secs(2), 4, Duration::from_secs(1));
/// Unauthorized: what every first request is answered with, and the second where the password is wrong.
const UNAUTHORIZED: u16 = 401;

/// The life of the address.
///
/// ```text
/// Opening ──a stream is open──> Asking ──lent──> Lent
///    └─────────────┴─refused, no answer, gone──────> Over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Asking,
    Lent(SocketAddr),
    Over,
}

/// The way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The sockets of media.
    Sockets,
    /// A stream of its own: TLS by the name of the host, where it has one.
    Stream { tls: Option<String>, id: Option<StreamId> },
}

/// A request for a far address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Permission(IpAddr),
    Channel(SocketAddr),
}

/// Something that is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RelayStep {
    /// The server has to get this.
    Transmit(Vec<u8>),
    /// An address is lent.
    Lent(SocketAddr),
    /// There is none any more, or never was: by this code, if the server said one.
    Over { lent: Option<SocketAddr>, code: Option<u16> },
}

/// See the [module](self).
pub(super) struct Relay {
    pub(super) number: u64,
    client: TurnClient,
    pub(super) way: Way,
    /// The instant from which the client counts.
    epoch: Instant,
    pub(super) local: SocketAddr,
    pub(super) server: SocketAddr,
    state: State,
    /// The requests that were made or wait; the first is under way.
    requests: VecDeque<Request>,
    /// All for which there was one.
    permitted: BTreeSet<IpAddr>,
    bound: BTreeSet<SocketAddr>,
    /// Packets until there is a permission.
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
    steps: VecDeque<RelayStep>,
    code: Option<u16>,
    challenged: bool,
    next: Option<Instant>,
}

// The client knows the password.
impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("local", &self.local)
            .field("server", &self.server)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Relay {
    /// One that is asked for from `local` to `server`; `number` tells it from others.
    pub(super) fn new(
        number: u64,
        (local, server): (SocketAddr, SocketAddr),
        way: Way,
        (username, password): (&str, &str),
        now: Instant,
    ) -> Self {
        let mut config = TurnConfig::new(TurnCredentials::new(username, password));
        config.set_address_family(match server {
            SocketAddr::V4(_) => AddressFamily::IPV4,
            SocketAddr::V6(_) => AddressFamily::IPV6,
        });
        let (first, most, times, last) = RETRANSMITS;
        config.set_request_retransmits(first, most, times, last);
        let (client, state) = match way {
            Way::Sockets => {
                (TurnClient::from(TurnClientUdp::allocate(local, server, config)), State::Asking)
            }
            Way::Stream { .. } => {
                (TurnClientTcp::allocate(local, server, config).into(), State::Opening)
            }
        };
        let mut relay = Self {
            number,
            client,
            way,
            epoch: now,
            local,
            server,
            state,
            requests: VecDeque::new(),
            permitted: BTreeSet::new(),
            bound: BTreeSet::new(),
            waiting: VecDeque::new(),
            steps: VecDeque::new(),
            code: None,
            challenged: false,
            next: None,
        };
        relay.drain(now);
        relay
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.state, State::Opening | State::Asking)
    }

    /// The stream to the server, once it has a name.
    pub(super) fn stream(&self) -> Option<StreamId> {
        match self.way {
            Way::Sockets => None,
            Way::Stream { id, .. } => id,
        }
    }

    /// Names the stream to the server.
    pub(super) fn set_stream(&mut self, stream: StreamId) {
        if let Way::Stream { id, .. } = &mut self.way {
            *id = Some(stream);
        }
    }

    /// Takes what happened to the stream to the server. What peers sent by it.
    pub(super) fn handle_stream(
        &mut self,
        now: Instant,
        event: StreamEvent,
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        match event {
            StreamEvent::Opened { .. } if self.state == State::Opening => {
                self.state = State::Asking;
                self.drain(now);
            }
            StreamEvent::Opened { .. } => {}
            StreamEvent::Data(data) => return self.handle(now, &data),
            StreamEvent::Closed { .. } | StreamEvent::Failed(_) => {
                self.way = Way::Stream { tls: None, id: None };
                self.end();
            }
        }
        Vec::new()
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The address that is lent.
    pub(super) fn lent(&self) -> Option<SocketAddr> {
        match self.state {
            State::Lent(address) => Some(address),
            State::Opening | State::Asking | State::Over => None,
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.next.filter(|_| matches!(self.state, State::Asking | State::Lent(_)))
    }

    pub(super) fn poll(&mut self) -> Option<RelayStep> {
        self.steps.pop_front()
    }

    fn at(&self, now: Instant) -> sans_io_time::Instant {
        let since = now.saturating_duration_since(self.epoch).as_nanos();
        sans_io_time::Instant::from_nanos(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Sends a packet from the address that is lent.
    pub(super) fn send(&mut self, now: Instant, to: SocketAddr, data: Vec<u8>) {
        if self.lent().is_none() {
            return;
        }
        if !self.client.have_permission(TransportType::Udp, to.ip()) {
            if self.permitted.len() >= MAX_PEERS && !self.permitted.contains(&to.ip()) {
                return;
            }
            self.waiting.push_back((to, data));
            if self.waiting.len() > MAX_WAITING {
                self.waiting.pop_front();
            }
            if self.permitted.insert(to.ip()) {
                self.request(now, Request::Permission(to.ip()));
                self.drain(now);
            }
            return;
        }
        // What is neither a check nor the like is media, which is worth a channel (RFC 7983 section 7). Not over a
        // stream: there channel data is padded (RFC 8656 section 12.5), and the crate neither pads nor skips padding.
        let is_media = data.first().is_some_and(|first| *first > 3) && self.way == Way::Sockets;
        if is_media && self.bound.len() < MAX_PEERS && self.bound.insert(to) {
            self.request(now, Request::Channel(to));
        }
        self.pass(now, to, &data);
        self.drain(now);
    }

    fn pass(&mut self, now: Instant, to: SocketAddr, data: &[u8]) {
        let at = self.at(now);
        // Without a permission, which may have run out, it is lost like any packet.
        if let Ok(Some(packet)) = self.client.send_to(TransportType::Udp, to, data, at) {
            self.steps.push_back(RelayStep::Transmit(packet.build().data));
        }
    }

    fn request(&mut self, now: Instant, request: Request) {
        self.requests.push_back(request);
        if self.requests.len() == 1 {
            self.make(now);
        }
    }

    /// Makes the first request; what the client refuses is done.
    fn make(&mut self, now: Instant) {
        let at = self.at(now);
        while let Some(request) = self.requests.front() {
            let made = match *request {
                Request::Permission(peer) => {
                    self.client.create_permission(TransportType::Udp, peer, at).is_ok()
                }
                Request::Channel(peer) => {
                    self.client.bind_channel(TransportType::Udp, peer, at).is_ok()
                }
            };
            if made {
                return;
            }
            self.requests.pop_front();
        }
    }

    /// Takes note that a request is over.
    fn done(&mut self, now: Instant, request: Request) {
        if self.requests.front() == Some(&request) {
            self.requests.pop_front();
            self.make(now);
        }
    }

    /// Takes what came of the server: a datagram, or a piece of the stream. What peers sent by it.
    pub(super) fn handle(&mut self, now: Instant, data: &[u8]) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut all = Vec::new();
        if matches!(self.state, State::Opening | State::Over) {
            return all;
        }
        self.look(data);
        let at = self.at(now);
        let packet = Transmit::new(data, self.client.transport(), self.server, self.local);
        match self.client.recv(packet, at) {
            TurnRecvRet::PeerData(came) => all.push((came.peer, came.data().to_vec())),
            TurnRecvRet::Handled | TurnRecvRet::Ignored(_) | TurnRecvRet::PeerIcmp { .. } => {}
        }
        // A piece of a stream may hold several.
        while let Some(came) = self.client.poll_recv(at) {
            all.push((came.peer, came.data().to_vec()));
        }
        self.drain(now);
        all
    }

    /// Looks for the code of a refusal, which the client does not tell, and gives up where the password is wrong: a
    /// server says so in an answer that nobody can check, and the client would ask for a long time.
    fn look(&mut self, data: &[u8]) {
        if self.state != State::Asking {
            return;
        }
        let Ok(message) = Message::from_bytes(data) else { return };
        if !message.has_class(MessageClass::Error) || !message.has_method(ALLOCATE) {
            return;
        }
        let Ok(error) = message.attribute::<ErrorCode>() else { return };
        if error.code() == UNAUTHORIZED && !std::mem::replace(&mut self.challenged, true) {
            return;
        }
        self.code = Some(error.code());
        if error.code() == UNAUTHORIZED {
            self.end();
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.next_wake().is_some_and(|next| next <= now) {
            self.drain(now);
        }
    }

    /// Gives the address back. The last packet may be lost: then it runs out by itself.
    pub(super) fn close(&mut self, now: Instant) {
        let at = self.at(now);
        if self.lent().is_some() && self.client.delete(at).is_ok() {
            self.transmit(now);
        }
        self.state = State::Over;
    }

    fn transmit(&mut self, now: Instant) {
        let at = self.at(now);
        while let Some(packet) = self.client.poll_transmit(at) {
            self.steps.push_back(RelayStep::Transmit(packet.data.to_vec()));
        }
    }

    fn end(&mut self) {
        if self.state != State::Over {
            let lent = self.lent();
            self.state = State::Over;
            self.steps.push_back(RelayStep::Over { lent, code: self.code });
        }
    }

    /// Takes all that the client has to say.
    fn drain(&mut self, now: Instant) {
        if matches!(self.state, State::Opening | State::Over) {
            return;
        }
        let at = self.at(now);
        let polled = self.client.poll(at);
        self.transmit(now);
        while let Some(event) = self.client.poll_event() {
            self.take(now, event);
        }
        self.transmit(now);
        match polled {
            TurnPollRet::Closed => self.end(),
            TurnPollRet::WaitUntil(until) => {
                let wait = until.as_nanos().saturating_sub(at.as_nanos());
                // Never at once: what is due now was done now.
                let wait = Duration::from_nanos(u64::try_from(wait).unwrap_or_default());
                self.next = Some(now + wait.max(Duration::from_millis(1)));
            }
            // It asks for no streams.
            TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => {}
        }
    }

    fn take(&mut self, now: Instant, event: TurnEvent) {
        match event {
            TurnEvent::AllocationCreated(_, address) if self.state == State::Asking => {
                self.state = State::Lent(address);
                self.steps.push_back(RelayStep::Lent(address));
            }
            TurnEvent::AllocationCreateFailed(_) if self.state == State::Asking => self.end(),
            TurnEvent::PermissionCreated(_, peer) => {
                self.done(now, Request::Permission(peer));
                let (ready, rest) = self.waiting.drain(..).partition(|(to, _)| to.ip() == peer);
                self.waiting = rest;
                let ready: VecDeque<(SocketAddr, Vec<u8>)> = ready;
                for (to, data) in ready {
                    self.pass(now, to, &data);
                }
            }
            TurnEvent::PermissionCreateFailed(_, peer) => {
                self.done(now, Request::Permission(peer));
                self.waiting.retain(|(to, _)| to.ip() != peer);
            }
            TurnEvent::ChannelCreated(_, peer) | TurnEvent::ChannelCreateFailed(_, peer) => {
                self.done(now, Request::Channel(peer));
            }
            TurnEvent::AllocationCreated(..)
            | TurnEvent::AllocationCreateFailed(_)
            | TurnEvent::TcpConnected(_)
            | TurnEvent::TcpConnectFailed(_) => {}
        }
    }
}
