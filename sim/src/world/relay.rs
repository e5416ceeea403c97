//! A relay of the world: a TURN server (RFC 8656) that others wrote, reached by datagrams, with troubles of its own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use turn_server_proto::api::{Transmit, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::TransportType;
use turn_server_proto::types::message::{ALLOCATE, REFRESH};
use turn_server_proto::types::stun::attribute::{ErrorCode, XorMappedAddress};
use turn_server_proto::types::stun::message::{
    BINDING, Message, MessageWrite as _, MessageWriteExt as _, MessageWriteVec,
};

/// Its address, which is that of no phone.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const PORT: u16 = 3478;
const FIRST_LENT: u16 = 49_152;
/// The user that it knows, and the password.
pub(super) const USER: (&str, &str) = ("office", "password-of-the-relay");

/// A datagram that it sends.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) data: Vec<u8>,
}

/// See the [module](self).
pub(super) struct Relay {
    server: TurnServer,
    lent: BTreeSet<SocketAddr>,
    next: u16,
    /// Clients that have an address, by the server's words.
    clients: BTreeSet<SocketAddr>,
    /// Addresses that it lends nothing to, and until when: it remembers what it lent to them.
    known: (BTreeSet<SocketAddr>, Duration),
    /// The time until which it has no room.
    full_until: Duration,
    /// The time until which it says nothing.
    dead_until: Duration,
}

fn server() -> TurnServer {
    let at = SocketAddr::new(ADDRESS, PORT);
    let mut server = TurnServer::new(TransportType::Udp, at, "relay.test".to_owned());
    server.add_user(USER.0.to_owned(), USER.1.to_owned());
    server
}

fn instant(now: Duration) -> turn_server_proto::types::Instant {
    turn_server_proto::types::Instant::from_nanos(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}

impl Relay {
    pub(super) fn new() -> Self {
        Self {
            server: server(),
            lent: BTreeSet::new(),
            next: FIRST_LENT,
            clients: BTreeSet::new(),
            known: (BTreeSet::new(), Duration::ZERO),
            full_until: Duration::ZERO,
            dead_until: Duration::ZERO,
        }
    }

    /// Its URI.
    pub(super) fn uri() -> String {
        format!("turn:{ADDRESS}:{PORT}")
    }

    /// True if datagrams to there are for it.
    pub(super) fn has(to: SocketAddr) -> bool {
        to.ip() == ADDRESS
    }

    /// Begins anew: it knows nothing of what it lent.
    pub(super) fn restart(&mut self) {
        self.server = server();
        self.lent.clear();
        self.clients.clear();
    }

    /// Begins anew, but for what it lent to whom: until then it lends nothing to those addresses (RFC 8656 section 7.4,
    /// 437).
    pub(super) fn muddle(&mut self, until: Duration) {
        let clients = self.clients.clone();
        self.restart();
        self.known = (clients, until);
    }

    /// Has no room for more until then.
    pub(super) fn fill(&mut self, until: Duration) {
        self.full_until = until;
    }

    /// Says nothing until then, and forgets nothing.
    pub(super) fn fall_silent(&mut self, until: Duration) {
        self.dead_until = until;
    }

    /// The clients that have an address of it, of those at these addresses.
    pub(super) fn clients(&self, at: &BTreeSet<IpAddr>) -> usize {
        self.clients.iter().filter(|client| at.contains(&client.ip())).count()
    }

    /// A client that nobody is any more has no address to give back.
    pub(super) fn forget(&mut self, ip: IpAddr) {
        self.clients.retain(|client| client.ip() != ip);
    }

    /// Takes a datagram: what it sends for it.
    pub(super) fn handle(
        &mut self,
        now: Duration,
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    ) -> Vec<Sent> {
        if now < self.dead_until {
            return Vec::new();
        }
        let own = SocketAddr::new(ADDRESS, PORT);
        if to == own
            && let Ok(message) = Message::from_bytes(&data)
        {
            if message.has_method(BINDING) {
                // The model sends this answer to itself.
                let mut answer = Message::builder_success(&message, MessageWriteVec::new());
                let seen = XorMappedAddress::new(from, message.transaction_id());
                let written = answer.add_attribute(&seen).is_ok();
                return written
                    .then(|| Sent { from: to, to: from, data: answer.finish() })
                    .into_iter()
                    .collect();
            }
            let (known, until) = &self.known;
            let refuses = match message.has_method(ALLOCATE) {
                true if now < *until && known.contains(&from) => Some(437),
                true if now < self.full_until => Some(486),
                true | false => None,
            };
            if let Some(code) = refuses {
                let mut answer = Message::builder_error(&message, MessageWriteVec::new());
                let code = ErrorCode::builder(code).build();
                let written = code.is_ok_and(|code| answer.add_attribute(&code).is_ok());
                return written
                    .then(|| Sent { from: to, to: from, data: answer.finish() })
                    .into_iter()
                    .collect();
            }
        }
        let at = instant(now);
        let mut all = Vec::new();
        let gives_back = gives_back(&data);
        let reply = self.server.recv(Transmit::new(data, TransportType::Udp, from, to), at);
        if let Some(reply) = reply.map(|reply| reply.build()) {
            // One whose nonce has run out meanwhile is gone before it hears of another.
            if gives_back {
                self.clients.remove(&reply.to);
            }
            all.push(Sent { from: reply.from, to: reply.to, data: reply.data });
        }
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = self.server.poll(at)
        {
            self.next = self.next.checked_add(1).unwrap_or(FIRST_LENT);
            let lent = SocketAddr::new(ADDRESS, self.next);
            self.lent.insert(lent);
            self.clients.insert(client_addr);
            self.server.allocated_socket(
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
                Ok(lent),
                at,
            );
        }
        while let Some(out) = self.server.poll_transmit(at) {
            all.push(Sent { from: out.from, to: out.to, data: out.data });
        }
        all
    }
}

/// True if a request gives an address back: a refresh for no time (RFC 8656 section 7).
fn gives_back(data: &[u8]) -> bool {
    use turn_server_proto::types::attribute::Lifetime;
    Message::from_bytes(data).is_ok_and(|message| {
        message.has_method(REFRESH)
            && message.attribute::<Lifetime>().is_ok_and(|lifetime| lifetime.seconds() == 0)
    })
}
