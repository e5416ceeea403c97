//! The model network: a relay, a NAT, and the gathering that is tried.

use super::*;

pub(super) const MS: fn(u64) -> Duration = Duration::from_millis;
pub(super) const WAY: Duration = Duration::from_millis(10);
pub(super) const SERVER: &str = "198.51.100.1:3478";
pub(super) const SERVER6: &str = "[2001:db8:53::1]:3478";
/// The port of servers of which there are many, which lend nothing.
pub(super) const LIARS: u16 = 3479;
/// The first port of sockets that are opened for a relay.
pub(super) const OWN: u16 = 6000;
/// The address of the NAT outside.
pub(super) const OUTSIDE: &str = "203.0.113.9";

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A datagram under way.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) due: Instant,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) data: Vec<u8>,
}

/// A relay on the internet, and what is under way.
pub(super) struct Net {
    pub(super) epoch: Instant,
    pub(super) now: Instant,
    pub(super) server: TurnServer,
    /// The same by IPv6, which no NAT is in front of.
    pub(super) server6: TurnServer,
    /// False once the server is dead.
    pub(super) serves: bool,
    pub(super) lent: Vec<SocketAddr>,
    pub(super) under_way: VecDeque<Letter>,
    /// Datagrams that came to addresses that are nobody's here.
    pub(super) elsewhere: Vec<(SocketAddr, Vec<u8>)>,
    pub(super) sent_to_server: usize,
    /// The code by which it refuses to lend anything.
    pub(super) refuses: Option<u16>,
    /// The seconds for which it lends, where it is less than its crate wants.
    pub(super) lifetime: Option<u32>,
    /// The time that it takes from a port inside to outside and back again, where it is more than usual; without end
    /// where it leads nowhere.
    pub(super) ways: BTreeMap<u16, Duration>,
    /// The ports by which it was asked to lend something.
    pub(super) askers: BTreeSet<u16>,
    /// The ports by which something was given back.
    pub(super) given_back: Vec<u16>,
    /// The ports that it remembers other users of: it lends them nothing (437).
    pub(super) remembers: BTreeSet<u16>,
    /// The address that it says it lends, and by which it says it sees us, where those are lies.
    pub(super) lies: Option<SocketAddr>,
}

pub(super) fn server(address: &str) -> TurnServer {
    let mut server = TurnServer::new(TransportType::Udp, at(address), "lab.test".to_owned());
    server.add_user("alice".to_owned(), "pa55word".to_owned());
    server
}

impl Net {
    pub(super) fn new() -> Self {
        Self {
            epoch: epoch(),
            now: epoch(),
            server: server(SERVER),
            server6: server(SERVER6),
            refuses: None,
            lifetime: None,
            remembers: BTreeSet::new(),
            lies: None,
            serves: true,
            lent: Vec::new(),
            under_way: VecDeque::new(),
            elsewhere: Vec::new(),
            sent_to_server: 0,
            ways: BTreeMap::new(),
            askers: BTreeSet::new(),
            given_back: Vec::new(),
        }
    }

    /// The server begins anew.
    pub(super) fn restart(&mut self) {
        (self.server, self.server6) = (server(SERVER), server(SERVER6));
    }

    pub(super) fn server_of(&mut self, address: SocketAddr) -> &mut TurnServer {
        if address.is_ipv4() { &mut self.server } else { &mut self.server6 }
    }

    /// The answer by which it lends, as a server says it that lends for less time.
    pub(super) fn shorten(&self, data: Vec<u8>) -> Vec<u8> {
        let (Some(lifetime), Ok(message)) = (self.lifetime, Message::from_bytes(&data)) else {
            return data;
        };
        if !message.has_class(MessageClass::Success) || message.attribute::<Lifetime>().is_err() {
            return data;
        }
        let (kind, id) = (message.get_type(), message.transaction_id());
        let mut told = Message::builder(kind, id, MessageWriteVec::new());
        for (_, attribute) in message.iter_attributes() {
            if ![Lifetime::TYPE, MessageIntegrity::TYPE].contains(&attribute.get_type()) {
                told.add_attribute(&attribute).unwrap();
            }
        }
        told.add_attribute(&Lifetime::new(lifetime)).unwrap();
        let credentials = LongTermCredentials::new("alice".to_owned(), "pa55word".to_owned());
        let key = credentials.to_key("lab.test".to_owned()).make_key(IntegrityAlgorithm::Sha1);
        told.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
        told.finish()
    }

    pub(super) fn at(&self) -> sans_io_time::Instant {
        sans_io_time::Instant::from_nanos((self.now - self.epoch).as_nanos() as i64)
    }

    /// Something is sent: out by the NAT, if it is from inside.
    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let from = match from.ip() {
            IpAddr::V4(ip) if ip.is_private() => {
                SocketAddr::new(OUTSIDE.parse().unwrap(), from.port())
            }
            _ => from,
        };
        let inside = [from, to].into_iter().find(|one| one.ip().to_string() == OUTSIDE);
        let way = inside.and_then(|inside| self.ways.get(&inside.port())).map_or(WAY, |way| *way);
        if way == Duration::MAX {
            return;
        }
        let due = self.now + way;
        let later = self.under_way.partition_point(|other| other.due <= due);
        self.under_way.insert(later, Letter { due, from, to, data });
    }

    /// The datagrams that come to clients now: to where, from where, what.
    pub(super) fn arrive(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut came = Vec::new();
        while self.under_way.front().is_some_and(|letter| letter.due <= self.now) {
            let Letter { from, to, data, .. } = self.under_way.pop_front().unwrap();
            let is_server = [SERVER, SERVER6].map(at).contains(&to) || to.port() == LIARS;
            if is_server || self.lent.contains(&to) {
                self.sent_to_server += usize::from(is_server);
                self.serve(from, to, data);
            } else if to.ip().to_string() == OUTSIDE || to.ip() == host6(0).address.ip() {
                came.push((to, from, data));
            } else {
                self.elsewhere.push((to, data));
            }
        }
        came
    }

    pub(super) fn serve(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        if !self.serves {
            return;
        }
        if Message::from_bytes(&data).is_ok_and(|message| message.has_method(ALLOCATE)) {
            self.askers.insert(from.port());
        }
        let lifetime =
            Message::from_bytes(&data).and_then(|message| message.attribute::<Lifetime>());
        if lifetime.is_ok_and(|lifetime| lifetime.seconds() == 0) {
            self.given_back.push(from.port());
        }
        // The crate's model sends this answer to itself.
        if let Ok(message) = Message::from_bytes(&data)
            && message.has_method(BINDING)
            && [SERVER, SERVER6].map(at).contains(&to)
        {
            let mut answer = Message::builder_success(&message, MessageWriteVec::new());
            let from_there = self.lies.unwrap_or(from);
            answer
                .add_attribute(&XorMappedAddress::new(from_there, message.transaction_id()))
                .unwrap();
            self.send(to, from, answer.finish());
            return;
        }
        let mismatch = self.remembers.contains(&from.port()).then_some(437);
        let refuses = self.refuses.or(mismatch);
        if let (Some(code), Ok(message)) = (refuses, Message::from_bytes(&data))
            && (message.has_method(ALLOCATE) || message.has_method(REFRESH))
        {
            let mut answer = Message::builder_error(&message, MessageWriteVec::new());
            answer.add_attribute(&ErrorCode::builder(code).build().unwrap()).unwrap();
            answer.add_attribute(&AlternateServer::new(at("198.51.100.2:3478"))).unwrap();
            if code == ErrorCode::STALE_NONCE {
                let nonce = format!("nonce {}", self.sent_to_server);
                answer.add_attribute(&Realm::new("lab.test").unwrap()).unwrap();
                answer.add_attribute(&Nonce::new(&nonce).unwrap()).unwrap();
            }
            return self.send(to, from, answer.finish());
        }
        let now = self.at();
        let reply = self.server_of(to).recv(Transmit::new(data, TransportType::Udp, from, to), now);
        if let Some(reply) = reply.map(|reply| reply.build()) {
            let data = self.shorten(reply.data);
            self.send(reply.from, reply.to, data);
        }
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = self.server_of(to).poll(now)
        {
            let next = SocketAddr::new(listen_addr.ip(), 50_000 + self.lent.len() as u16);
            let lent = self.lies.unwrap_or(next);
            self.lent.push(lent);
            let lent = Ok(lent);
            self.server_of(to).allocated_socket(
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
                lent,
                now,
            );
        }
        while let Some(out) = self.server_of(to).poll_transmit(now) {
            let data = self.shorten(out.data);
            self.send(out.from, out.to, data);
        }
    }
}

pub(super) fn turn(password: &str) -> IceServer {
    IceServer::turn(format!("turn:{SERVER}"), "alice", password)
}

pub(super) fn host(port: u16) -> Local {
    SocketAddr::from(([10, 0, 0, 7], port)).into()
}

pub(super) fn host6(port: u16) -> Local {
    SocketAddr::new("2001:db8:7::7".parse().unwrap(), port).into()
}

/// A gathering, and what it told.
pub(super) struct Rig {
    pub(super) net: Net,
    pub(super) gather: Gather,
    pub(super) added: Vec<(SocketAddr, LocalKind)>,
    pub(super) removed: Vec<SocketAddr>,
    pub(super) done: Vec<Duration>,
    pub(super) asked: Vec<(NameId, String)>,
    pub(super) streams: Vec<Option<String>>,
    pub(super) streamed: Vec<(StreamId, Vec<u8>)>,
    pub(super) closed: Vec<StreamId>,
    pub(super) heard: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// The sockets that relays have, how many there were, and the most at a time.
    pub(super) own: BTreeMap<SocketAddr, UdpId>,
    pub(super) owned: (u16, usize),
    /// The reason why there are none.
    pub(super) no_socket: Option<NetError>,
    pub(super) stale: usize,
    pub(super) no_relays: Vec<(SocketAddr, Option<u16>)>,
}

impl Rig {
    pub(super) fn new(servers: Vec<IceServer>, relay_only: bool) -> Self {
        let help = IceHelp { servers, relay_only, limit: MS(5000) };
        Self {
            net: Net::new(),
            gather: Gather::new(&help, Seed::from(1).rng()),
            added: Vec::new(),
            removed: Vec::new(),
            done: Vec::new(),
            asked: Vec::new(),
            streams: Vec::new(),
            streamed: Vec::new(),
            closed: Vec::new(),
            heard: Vec::new(),
            own: BTreeMap::new(),
            owned: (0, 0),
            no_socket: None,
            stale: 0,
            no_relays: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, ports: &[u16]) {
        self.gather.add(self.net.now, ports.iter().map(|port| host(*port)).collect());
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        while let Some(step) = self.gather.poll() {
            match step {
                Step::Resolve { server, host, .. } => {
                    let id = NameId(self.asked.len() as u64 + 1);
                    self.gather.asked(server, id);
                    self.asked.push((id, host));
                }
                Step::Transmit { socket, local, remote, data } => {
                    assert_eq!(self.own.get(&local).copied(), socket, "{local} is another's");
                    self.net.send(local, remote, data);
                }
                Step::Bind { relay, from } => self.bind(relay, from),
                Step::Unbind(socket) => {
                    let before = self.own.len();
                    self.own.retain(|_, open| *open != socket);
                    assert_eq!(self.own.len() + 1, before, "closed once");
                }
                Step::Open { relay, to, tls, .. } => {
                    assert_eq!(to, at(SERVER));
                    self.streams.push(tls);
                    let id = StreamId(self.streams.len() as u64);
                    if !self.gather.opens(relay, id) {
                        self.streams.pop();
                    }
                }
                Step::Send { stream, data } => self.streamed.push((stream, data)),
                Step::Close(stream) => self.closed.push(stream),
                Step::Add(local, kind) => self.added.push((local.address, kind)),
                Step::Remove(address) => self.removed.push(address),
                Step::Done => self.done.push(self.net.now - self.net.epoch),
                Step::Stale => self.stale += 1,
                Step::NoRelay { server, code } => self.no_relays.push((server, code)),
            }
        }
    }

    /// Opens a socket for a relay, or does not.
    fn bind(&mut self, relay: u64, from: IpAddr) {
        let local = SocketAddr::new(from, OWN + self.owned.0);
        let socket = UdpId(u64::from(local.port()));
        if !self.gather.binds(relay, socket) {
            return;
        }
        self.own.insert(local, socket);
        self.owned = (self.owned.0 + 1, self.owned.1.max(self.own.len()));
        let event = match self.no_socket.clone() {
            Some(error) => UdpEvent::Failed(error),
            None => UdpEvent::Opened { local: vec![local.into()] },
        };
        assert!(self.gather.handle_socket(self.net.now, socket, event).is_none());
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.net.now + time;
        loop {
            let wake = self.gather.next_wake().map(|wake| wake.at);
            let due = self.net.under_way.front().map(|letter| letter.due);
            let next = wake.into_iter().chain(due).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.net.now = self.net.now.max(next);
            for (to, from, data) in self.net.arrive() {
                let inside = if to.is_ipv4() { host(to.port()).address } else { to };
                let now = self.net.now;
                let left = match self.own.get(&inside).copied() {
                    None => self.gather.handle_datagram(now, inside, from, data),
                    Some(socket) => {
                        let event = UdpEvent::Datagram { local: inside, remote: from, data };
                        self.gather.handle_socket(now, socket, event)
                    }
                };
                self.heard.extend(left);
            }
            self.gather.handle_timeout(self.net.now);
            self.drain();
        }
        self.net.now = end;
    }

    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8]) {
        let sent = self.gather.send(self.net.now, from, to, data.to_vec());
        self.drain();
        if let Some((local, remote, data)) = sent {
            self.net.send(local, remote, data);
        }
    }
}

pub(super) fn stun() -> IceServer {
    IceServer::stun(format!("stun:{SERVER}"))
}
