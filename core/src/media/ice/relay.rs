//! An address that a TURN server lends (RFC 8656). The way to the server is UDP, TCP or TLS; what is relayed is
//! datagrams, whichever it is.
//!
//! The client of the crate does the protocol. What it leaves to us is here: it never has two requests under way that
//! we ask for, a packet waits for the permission that it needs, a refusal has its code, a password that is wrong is
//! known for it, what takes too long is over, and what is no message on a stream ends it. A [`Keeper`] sees to it that
//! the address stays ours.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use turn_client_proto::api::{
    DelayedMessageOrChannelSend, Transmit, TurnClientApi as _, TurnConfig, TurnEvent, TurnPollRet,
    TurnRecvRet,
};
use turn_client_proto::client::TurnClient;
use turn_client_proto::tcp::TurnClientTcp;
use turn_client_proto::udp::TurnClientUdp;
use turn_types::message::{ALLOCATE, CREATE_PERMISSION};
use turn_types::stun::attribute::{AlternateServer, ErrorCode};
use turn_types::stun::message::{Message, MessageClass, TransactionId};
use turn_types::transmit::DelayedTransmitBuild as _;
use turn_types::{AddressFamily, TransportType, TurnCredentials};

use super::channels::{Channels, HEADER, is_by_channel};
use super::frames::Frames;
use super::keeper::{Keeper, Kept};
use super::way::Way;
use crate::machine::{NetError, NetErrorKind, StreamEvent, UdpEvent};

/// The packets that wait for a permission; the oldest goes for one more.
const MAX_WAITING: usize = 16;
/// The far addresses that may be spoken with; packets to others are dropped.
const MAX_PEERS: usize = 64;
/// The requests go again after this, which doubles up to the second, so many times; it is over after the third.
const RETRANSMITS: (Duration, Duration, u32, Duration) =
    (Duration::from_millis(250), Duration::from_secs(2), 4, Duration::from_secs(1));
/// Try Alternate: another server is named.
const TRY_ALTERNATE: u16 = 300;
/// Unauthorized: what every first request is answered with, and the second where the password is wrong.
const UNAUTHORIZED: u16 = 401;
/// Allocation Mismatch (RFC 8656 section 5).
pub(super) const ALLOCATION_MISMATCH: u16 = 437;
/// Forbidden, and an address of another family: what a permission is refused with where the peer is at fault.
const NOT_FOR_PEER: [u16; 2] = [403, 443];

/// The life of the address.
///
/// ```text
/// Opening ──its way is open──> Asking ──lent──> Lent ──closed──> Returning
///    └────────────┴─refused, no answer, gone──────┴───> Over <─────┘ answered, or 1 s
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Asking,
    Lent(SocketAddr),
    /// It is given back: the server may want that said with another nonce.
    Returning,
    Over(Failure),
}

/// The reason why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server refused by this code.
    Refused(u16),
    /// The server named another one.
    Redirected(SocketAddr),
    /// The server did not answer in time, or cannot be reached.
    Silent,
    /// There was one, and the server knows nothing of it any more, or went away.
    Lost,
    /// It was given back.
    Closed,
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
    /// There is none any more, or never was.
    Over { lent: Option<SocketAddr>, failure: Failure },
}

/// The way on of a message that was looked at.
enum Look {
    /// To the client, as it came.
    As,
    /// To the client, told otherwise.
    Told(Vec<u8>),
    /// Nowhere.
    Done,
}

/// See the [module](self).
pub(super) struct Relay {
    pub(super) number: u64,
    client: TurnClient,
    pub(super) way: Way,
    /// The instant from which the client counts: that at which it was asked.
    pub(super) epoch: Instant,
    pub(super) local: SocketAddr,
    pub(super) server: SocketAddr,
    state: State,
    /// The requests that were made or wait; the first is under way.
    requests: VecDeque<Request>,
    /// All for which there was one.
    permitted: BTreeSet<IpAddr>,
    bound: BTreeSet<SocketAddr>,
    channels: Channels,
    /// Packets until there is a permission.
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
    steps: VecDeque<RelayStep>,
    keeper: Keeper,
    frames: Frames,
    /// The last refusal of an address or of a permission.
    code: Option<u16>,
    /// The code by which a far address was refused last.
    pub(super) peer_code: Option<u16>,
    /// The end of the stream to the server, or of its own socket.
    pub(super) trouble: Option<NetError>,
    alternate: Option<SocketAddr>,
    /// The request that was answered by a challenge, as every first one is.
    challenged: Option<TransactionId>,
    /// True once anything came of the server.
    pub(super) is_heard: bool,
    /// The pieces of the server's that were not taken.
    pub(super) refused: u64,
    next: Option<Instant>,
    /// The time by which there has to be an address.
    until: Instant,
    /// The time since which there is one.
    pub(super) since: Option<Instant>,
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
    /// One that is asked for from `local` to `server`, within `limit`; `number` tells it from others.
    pub(super) fn new(
        number: u64,
        (local, server): (SocketAddr, SocketAddr),
        way: Way,
        (username, password): (&str, &str),
        now: Instant,
        limit: Duration,
    ) -> Self {
        let over_stream = way.is_stream();
        let mut config = TurnConfig::new(TurnCredentials::new(username, password));
        config.set_address_family(match server {
            SocketAddr::V4(_) => AddressFamily::IPV4,
            SocketAddr::V6(_) => AddressFamily::IPV6,
        });
        let (first, most, times, last) = RETRANSMITS;
        config.set_request_retransmits(first, most, times, last);
        // To the client, who sends nothing itself, any address of ours is as good as another.
        let client: TurnClient = match way {
            Way::Sockets | Way::Own { .. } => TurnClientUdp::allocate(local, server, config).into(),
            Way::Stream { .. } => TurnClientTcp::allocate(local, server, config).into(),
        };
        let state = match way {
            Way::Sockets => State::Asking,
            Way::Own { .. } | Way::Stream { .. } => State::Opening,
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
            channels: Channels::default(),
            waiting: VecDeque::new(),
            steps: VecDeque::new(),
            keeper: Keeper::new(username, password, over_stream, now),
            frames: Frames::default(),
            code: None,
            peer_code: None,
            trouble: None,
            alternate: None,
            challenged: None,
            is_heard: false,
            refused: 0,
            next: None,
            until: now + limit,
            since: None,
        };
        relay.drain(now);
        relay
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.state, State::Opening | State::Asking)
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
                self.is_heard = true;
                self.drain(now);
            }
            StreamEvent::Opened { .. } => {}
            StreamEvent::Data(data) => {
                let Ok(messages) = self.frames.take(&data) else {
                    // Nobody knows where the next message begins.
                    tracing::debug!(server = %self.server, "no messages on a relay's stream");
                    self.gone();
                    return Vec::new();
                };
                return messages.iter().flat_map(|message| self.handle(now, message)).collect();
            }
            StreamEvent::Closed { error } => {
                let ended = || NetError::new(NetErrorKind::Lost, "closed by the server");
                self.broke(error.unwrap_or_else(ended));
            }
            StreamEvent::Failed(error) => self.broke(error),
        }
        Vec::new()
    }

    /// Takes what happened to its own socket. What a peer sent by it. That of nobody but the server is heard.
    pub(super) fn handle_socket(
        &mut self,
        now: Instant,
        event: UdpEvent,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        match event {
            UdpEvent::Opened { local } => {
                match local.iter().find(|local| local.address.ip() == self.local.ip()) {
                    Some(found) if self.state == State::Opening => {
                        self.way.set_bound(found.address);
                        self.state = State::Asking;
                        self.drain(now);
                    }
                    Some(_) => {}
                    None => self.broke(NetError::new(NetErrorKind::Local, "another address")),
                }
            }
            UdpEvent::Changed { removed, .. } => {
                if self.way.bound().is_some_and(|bound| removed.contains(&bound)) {
                    self.broke(NetError::new(NetErrorKind::Lost, "the address is gone"));
                }
            }
            UdpEvent::Failed(error) => self.broke(error),
            UdpEvent::Datagram { local, remote, data } => {
                if (self.way.bound(), self.server) == (Some(local), remote) {
                    return self.hear(now, data);
                }
            }
        }
        None
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// The address that is lent.
    pub(super) fn lent(&self) -> Option<SocketAddr> {
        match self.state {
            State::Lent(address) => Some(address),
            State::Opening | State::Asking | State::Returning | State::Over(_) => None,
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        match self.state {
            State::Opening => Some(self.until),
            State::Asking => Some(self.next.map_or(self.until, |next| next.min(self.until))),
            State::Lent(_) => self.next.into_iter().chain(self.keeper.next_wake()).min(),
            State::Returning => self.keeper.next_wake(),
            State::Over(_) => None,
        }
    }

    pub(super) fn poll(&mut self) -> Option<RelayStep> {
        self.steps.pop_front()
    }

    /// The causes of its next wake-up, but for the last packet: that only puts it off.
    pub(super) fn schedule(&self) -> (Option<Instant>, Option<Duration>) {
        (self.next, self.keeper.patience())
    }

    /// True if there is something to be taken by [`Relay::poll`], or it is over.
    pub(super) fn has_news(&self) -> bool {
        !self.steps.is_empty() || self.is_over()
    }

    fn at(&self, now: Instant) -> sans_io_time::Instant {
        let since = now.saturating_duration_since(self.epoch).as_nanos();
        sans_io_time::Instant::from_nanos(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Sends a packet from the address that is lent: what is to go to the server at once. What waits, or goes by no
    /// socket of media, is told by [`Relay::poll`].
    pub(super) fn send(&mut self, now: Instant, to: SocketAddr, data: Vec<u8>) -> Option<Vec<u8>> {
        self.lent()?;
        self.keeper.said(now);
        if let Some(packet) = self.by_channel(now, to, &data) {
            return Some(packet);
        }
        if !self.client.have_permission(TransportType::Udp, to.ip()) {
            if self.permitted.len() >= MAX_PEERS && !self.permitted.contains(&to.ip()) {
                return None;
            }
            self.waiting.push_back((to, data));
            if self.waiting.len() > MAX_WAITING {
                self.waiting.pop_front();
            }
            if self.permitted.insert(to.ip()) {
                self.request(now, Request::Permission(to.ip()));
                self.drain(now);
            }
            return None;
        }
        // What is neither a check nor the like is media, which is worth a channel (RFC 7983 section 7). Not over a
        // stream: there channel data is padded (RFC 8656 section 12.5), and the crate neither pads nor skips padding.
        let is_media = data.first().is_some_and(|first| *first > 3) && !self.way.is_stream();
        let binds = is_media && self.bound.len() < MAX_PEERS && self.bound.insert(to);
        if binds {
            self.request(now, Request::Channel(to));
        }
        let packet = self.packet(now, to, &data);
        if binds {
            self.drain(now);
        }
        if self.way == Way::Sockets {
            return packet;
        }
        self.steps.extend(packet.map(RelayStep::Transmit));
        None
    }

    /// The packet by which the server sends this on where a channel is bound for it (RFC 8656 section 12.5), which is how
    /// nearly all goes once media flows.
    fn by_channel(&mut self, now: Instant, to: SocketAddr, data: &[u8]) -> Option<Vec<u8>> {
        if self.way != Way::Sockets {
            return None;
        }
        let at = self.at(now);
        // Without its data the client makes the header alone.
        let made = self.client.send_to(TransportType::Udp, to, [], at).ok()??;
        let DelayedMessageOrChannelSend::Channel(channel) = made.data else { return None };
        let mut header = [0; HEADER];
        channel.write_into(&mut header);
        self.channels.write(header, to, data)
    }

    fn pass(&mut self, now: Instant, to: SocketAddr, data: &[u8]) {
        let packet = self.packet(now, to, data);
        self.steps.extend(packet.map(RelayStep::Transmit));
    }

    /// The packet by which the server sends this on.
    fn packet(&mut self, now: Instant, to: SocketAddr, data: &[u8]) -> Option<Vec<u8>> {
        let at = self.at(now);
        // Without a permission, which may have run out, it is lost like any packet.
        let packet = self.client.send_to(TransportType::Udp, to, data, at).ok()??;
        Some(packet.build().data)
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

    /// Takes a datagram of the server's: who sent what it carries, and that, if it carries anything.
    pub(super) fn hear(&mut self, now: Instant, data: Vec<u8>) -> Option<(SocketAddr, Vec<u8>)> {
        // What is a message has another head than a channel's, and is read once.
        let by_channel =
            if is_by_channel(&data) { self.handle_channel(now, data) } else { Err(data) };
        match by_channel {
            Ok(came) => Some(came),
            Err(data) => self.handle(now, &data).pop(),
        }
    }

    /// Takes a datagram by a channel (RFC 8656 section 12.4), which is what nearly all are once media flows: who sent it,
    /// and the same bytes without the channel's. Anything else is given back.
    fn handle_channel(
        &mut self,
        now: Instant,
        mut data: Vec<u8>,
    ) -> Result<(SocketAddr, Vec<u8>), Vec<u8>> {
        if self.lent().is_none() {
            return Err(data);
        }
        let (peer, length) = match self.channels.read(&data) {
            Some(known) => known,
            None => {
                let at = self.at(now);
                let packet =
                    Transmit::new(&*data, self.client.transport(), self.server, self.local);
                match self.client.recv(packet, at) {
                    TurnRecvRet::PeerData(came) => (came.peer, came.data().len()),
                    TurnRecvRet::Handled
                    | TurnRecvRet::Ignored(_)
                    | TurnRecvRet::PeerIcmp { .. } => {
                        return Err(data);
                    }
                }
            }
        };
        self.is_heard = true;
        self.keeper.heard(now);
        data.drain(..HEADER.min(data.len()));
        data.truncate(length);
        Ok((peer, data))
    }

    /// Takes what came of the server: a datagram, or a piece of the stream. What peers sent by it.
    pub(super) fn handle(&mut self, now: Instant, data: &[u8]) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut all = Vec::new();
        if matches!(self.state, State::Opening | State::Over(_)) {
            self.refused += 1;
            return all;
        }
        self.is_heard = true;
        let message = Message::from_bytes(data).ok();
        let data = match message.map(|message| self.look(now, &message)) {
            None | Some(Look::As) => Cow::Borrowed(data),
            Some(Look::Told(told)) => Cow::Owned(told),
            Some(Look::Done) => {
                self.drain(now);
                return all;
            }
        };
        let at = self.at(now);
        let packet = Transmit::new(&*data, self.client.transport(), self.server, self.local);
        match self.client.recv(packet, at) {
            TurnRecvRet::PeerData(came) => all.push((came.peer, came.data().to_vec())),
            TurnRecvRet::Ignored(_) => self.refused += 1,
            TurnRecvRet::Handled | TurnRecvRet::PeerIcmp { .. } => {}
        }
        // A piece of a stream may hold several.
        while let Some(came) = self.client.poll_recv(at) {
            all.push((came.peer, came.data().to_vec()));
        }
        if !all.is_empty() {
            self.keeper.heard(now);
        }
        self.drain(now);
        all
    }

    /// Looks at a message before the client does: for answers to requests of ours, for the code of a refusal, which
    /// the client does not tell, and whether the password is wrong. A server says so in an answer that nobody can
    /// check, and the client would ask for a long time.
    fn look(&mut self, now: Instant, message: &Message<'_>) -> Look {
        match self.keeper.look(now, message) {
            Kept::NotOurs => {}
            Kept::Yes => return Look::Done,
            Kept::No(code) => {
                tracing::debug!(server = %self.server, code, "an address is lent no more");
                self.gone();
                return Look::Done;
            }
        }
        let asks = self.state == State::Asking && message.has_method(ALLOCATE);
        if asks && message.has_class(MessageClass::Success) {
            return self.keeper.lent(now, message).map_or(Look::As, Look::Told);
        }
        if !message.has_class(MessageClass::Error) {
            return Look::As;
        }
        let Ok(error) = message.attribute::<ErrorCode>() else { return Look::As };
        let code = error.code();
        if message.has_method(CREATE_PERMISSION) {
            self.code = Some(code);
        }
        let id = message.transaction_id();
        // One that was sent twice, as the answer took long, is answered twice.
        if !asks || (code == UNAUTHORIZED && *self.challenged.get_or_insert(id) == id) {
            return Look::As;
        }
        self.code = Some(code);
        if code == TRY_ALTERNATE {
            let alternate = message.attribute::<AlternateServer>().ok();
            self.alternate = alternate.map(|alternate| alternate.server());
        }
        // It may say so unsigned, as to somebody whom it does not know: the client would wait for another answer.
        if matches!(code, UNAUTHORIZED | ALLOCATION_MISMATCH) {
            self.end(Failure::Refused(code));
            return Look::Done;
        }
        Look::As
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.is_asking() && self.until <= now {
            self.end(Failure::Silent);
        } else if self.next_wake().is_some_and(|next| next <= now) {
            self.drain(now);
        }
    }

    /// Gives the address back: it is over when the server said so, or in a second. Then it runs out by itself.
    pub(super) fn close(&mut self, now: Instant) {
        match self.state {
            State::Lent(_) => {
                self.state = State::Returning;
                self.keeper.give_back(now);
                self.drain(now);
            }
            State::Opening | State::Asking => self.state = State::Over(Failure::Closed),
            State::Returning | State::Over(_) => {}
        }
    }

    /// Gives back an address that is nothing that a server can lend.
    pub(super) fn reject(&mut self, now: Instant) {
        self.keeper.give_back(now);
        let (request, _) = self.keeper.poll(now);
        self.steps.extend(request.map(RelayStep::Transmit));
        self.state = State::Over(Failure::Silent);
        self.steps.push_back(RelayStep::Over { lent: None, failure: Failure::Silent });
    }

    fn transmit(&mut self, now: Instant) {
        let at = self.at(now);
        while let Some(packet) = self.client.poll_transmit(at) {
            self.steps.push_back(RelayStep::Transmit(packet.data.to_vec()));
        }
    }

    fn end(&mut self, failure: Failure) {
        if self.state == State::Returning {
            self.state = State::Over(Failure::Closed);
        } else if !self.is_over() {
            let lent = self.lent();
            // What a stream promised and never sent.
            self.refused += u64::from(self.frames.is_partial());
            self.state = State::Over(failure);
            self.steps.push_back(RelayStep::Over { lent, failure });
        }
    }

    /// The way to the server is no more.
    fn broke(&mut self, error: NetError) {
        self.way.set_stream(None);
        self.trouble = Some(error);
        self.gone();
    }

    /// The server went away, or there is nothing of ours there any more.
    fn gone(&mut self) {
        let was_lent = self.lent().is_some();
        self.end(if was_lent { Failure::Lost } else { Failure::Silent });
    }

    /// The client gave up.
    fn give_up(&mut self) {
        let failure = match (self.lent(), self.code, self.alternate) {
            (Some(_), ..) => Failure::Lost,
            (None, _, Some(alternate)) => Failure::Redirected(alternate),
            (None, Some(code), None) => Failure::Refused(code),
            (None, None, None) => Failure::Silent,
        };
        self.end(failure);
    }

    /// Takes all that the client has to say.
    fn drain(&mut self, now: Instant) {
        if matches!(self.state, State::Opening | State::Over(_)) {
            return;
        }
        if matches!(self.state, State::Lent(_) | State::Returning) {
            let (request, kept) = self.keeper.poll(now);
            self.steps.extend(request.map(RelayStep::Transmit));
            if kept != Kept::Yes {
                return self.gone();
            }
        }
        if self.state == State::Returning {
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
            TurnPollRet::Closed => self.give_up(),
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
                self.code = None;
                self.since = Some(now);
                self.steps.push_back(RelayStep::Lent(address));
            }
            TurnEvent::AllocationCreateFailed(_) if self.state == State::Asking => self.give_up(),
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
                self.peer_code = self.code.take();
                if !self.peer_code.is_some_and(|code| NOT_FOR_PEER.contains(&code)) {
                    // It is asked for again with the next packet, if the address is still ours.
                    self.permitted.remove(&peer);
                    self.keeper.ask(now);
                }
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
