//! Servers that others wrote, and what may be said in their names.

use std::net::SocketAddr;
use std::time::Duration;

use turn_server_proto::api::{Transmit, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::stun::attribute::{AlternateServer, ErrorCode, XorMappedAddress};
use turn_server_proto::types::stun::message::{
    BINDING, Message, MessageClass, MessageWrite as _, MessageWriteExt as _, MessageWriteVec,
};
use turn_server_proto::types::{Instant, TransportType};

const fn v4(last: u8, port: u16) -> SocketAddr {
    let ip = std::net::Ipv4Addr::new(198, 51, 100, last);
    SocketAddr::V4(std::net::SocketAddrV4::new(ip, port))
}

/// The relay, by datagrams and by streams, and the server that only looks.
pub(super) const TURN: SocketAddr = v4(1, 3478);
pub(super) const TCP: SocketAddr = v4(1, 3479);
const STUN: SocketAddr = v4(2, 3478);
/// A server that is named in the place of another, or says nothing.
const NOBODY: SocketAddr = v4(9, 3478);
const FIRST_LENT: u16 = 50_000;

/// A datagram, or a piece of a stream: from where, to where.
type Sent = (SocketAddr, SocketAddr, Vec<u8>);

/// See the [module](self).
pub(super) struct Servers {
    turn: TurnServer,
    tcp: TurnServer,
    /// The addresses that were lent since they began.
    pub(super) lent: Vec<SocketAddr>,
    next: u16,
    /// The last request: of whom, to whom.
    asked: Option<Sent>,
    /// Datagrams that relays sent on to peers.
    pub(super) passed: usize,
}

fn server(transport: TransportType, at: SocketAddr) -> TurnServer {
    let mut server = TurnServer::new(transport, at, "lab.test".to_owned());
    server.add_user("alice".to_owned(), "pa55word".to_owned());
    server
}

impl Servers {
    pub(super) fn new() -> Self {
        Self {
            turn: server(TransportType::Udp, TURN),
            tcp: server(TransportType::Tcp, TCP),
            lent: Vec::new(),
            next: FIRST_LENT,
            asked: None,
            passed: 0,
        }
    }

    /// They begin anew, and know nothing of what they lent.
    pub(super) fn restart(&mut self) {
        let next = self.next;
        *self = Self { next, ..Self::new() };
    }

    pub(super) fn address(&self, n: u8) -> SocketAddr {
        [TURN, STUN, TCP, NOBODY, super::peer(n)][usize::from(n % 5)]
    }

    /// One of the addresses that were lent.
    pub(super) fn lent_one(&self, n: u8) -> Option<SocketAddr> {
        self.lent.get(usize::from(n) % self.lent.len().max(1)).copied()
    }

    /// A refusal of the last request, which names another server perhaps.
    pub(super) fn refuse(&mut self, code: u16, alternate: Option<u8>) -> Option<Sent> {
        let (from, to, data) = self.asked.take()?;
        let message = Message::from_bytes(&data).ok()?;
        let mut answer = Message::builder_error(&message, MessageWriteVec::new());
        let code = ErrorCode::builder(300 + code % 400).build().ok()?;
        answer.add_attribute(&code).ok()?;
        if let Some(alternate) = alternate {
            let alternate = match alternate {
                0 => SocketAddr::from(([127, 0, 0, 1], 3478)),
                n => SocketAddr::from(([198, 51, 100, n], 3478)),
            };
            answer.add_attribute(&AlternateServer::new(alternate)).ok()?;
        }
        Some((to, from, answer.finish()))
    }

    /// Takes what a client or a peer sends: the answers, and what goes on to clients.
    pub(super) fn handle(
        &mut self,
        now: Duration,
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    ) -> Vec<Sent> {
        if let Ok(message) = Message::from_bytes(&data)
            && message.has_class(MessageClass::Request)
            && !self.lent.contains(&to)
        {
            self.asked = Some((from, to, data.clone()));
            // The model sends this answer to itself.
            if message.has_method(BINDING) && to == STUN {
                let mut answer = Message::builder_success(&message, MessageWriteVec::new());
                let seen = SocketAddr::from(([203, 0, 113, 9], from.port()));
                let seen = XorMappedAddress::new(seen, message.transaction_id());
                let written = answer.add_attribute(&seen).is_ok();
                return written.then(|| (to, from, answer.finish())).into_iter().collect();
            }
        }
        let now = Instant::from_nanos(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
        let mut all = Vec::new();
        for server in [&mut self.turn, &mut self.tcp] {
            let at = server.listen_address();
            if to != at && !self.lent.contains(&to) {
                continue;
            }
            let transport = if to == at { server.transport() } else { TransportType::Udp };
            let reply = server.recv(Transmit::new(data.clone(), transport, from, to), now);
            all.extend(reply.map(|reply| reply.build()).map(|r| (r.from, r.to, r.data)));
            while let TurnServerPollRet::AllocateSocket {
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
            } = server.poll(now)
            {
                let lent = v4(1, self.next);
                self.next = self.next.wrapping_add(1).max(FIRST_LENT);
                self.lent.push(lent);
                server.allocated_socket(
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                    Ok(lent),
                    now,
                );
            }
            while let Some(out) = server.poll_transmit(now) {
                all.push((out.from, out.to, out.data));
            }
        }
        self.passed += all.iter().filter(|(from, ..)| self.lent.contains(from)).count();
        all
    }
}
