//! One end of what is probed: sockets, and the gathering of addresses by them, as a call has it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::Seed;
use crate::machine::{
    Local, NameId, NetError, NetErrorKind, Output, Outputs, StreamEvent, StreamId, UdpId, Wake,
};
use crate::media::IceServer;
use crate::media::ice::{Answer, Gather, IceHelp, Step};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct End {
    pub(super) udp: UdpId,
    gather: Gather,
    /// The addresses of ours that it asks by.
    pub(super) hosts: Vec<Local>,
    /// The answer to the question for the server's name.
    pub(super) lookup: Option<Result<Vec<IpAddr>, NetError>>,
    /// The reason why it has no sockets.
    pub(super) no_socket: Option<NetError>,
    is_done: bool,
    /// Packets on their way out.
    leaves: Vec<Came>,
}

impl End {
    /// One that asks a server once it has sockets, for at most so long.
    pub(super) fn new(udp: UdpId, server: IceServer, limit: Duration, seed: &Seed) -> Self {
        let help = IceHelp { servers: vec![server], relay_only: false, limit };
        Self {
            udp,
            gather: Gather::new(&help, seed.rng()).telling(),
            hosts: Vec::new(),
            lookup: None,
            no_socket: None,
            is_done: false,
            leaves: Vec::new(),
        }
    }

    /// True once all have answered who will, or there is nobody to ask by.
    pub(super) fn is_done(&self) -> bool {
        self.is_done || self.no_socket.is_some()
    }

    /// Takes the addresses that have sockets now.
    pub(super) fn opened(&mut self, now: Instant, hosts: Vec<Local>) {
        if hosts.is_empty() {
            self.failed(NetError::new(NetErrorKind::Local, "no address to use"));
        } else if self.hosts.is_empty() && !self.is_done() {
            self.hosts.clone_from(&hosts);
            self.gather.add(now, hosts);
        }
    }

    pub(super) fn failed(&mut self, error: NetError) {
        self.no_socket.get_or_insert(error);
    }

    /// Takes the answer to a question for a name. True if it was its.
    pub(super) fn resolved(
        &mut self,
        now: Instant,
        id: NameId,
        result: &Result<Vec<IpAddr>, NetError>,
    ) -> bool {
        let found = result.as_ref().map_or(&[][..], Vec::as_slice);
        let is_its = self.gather.resolved(now, id, found);
        if is_its {
            self.lookup = Some(result.clone());
        }
        is_its
    }

    pub(super) fn has(&self, stream: StreamId) -> bool {
        self.gather.has(stream)
    }

    /// True if a socket is that of a relay alone.
    pub(super) fn owns(&self, socket: UdpId) -> bool {
        self.gather.owns(socket)
    }

    /// Takes what happened to a stream of its. What came by it to an address that is lent.
    pub(super) fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent,
    ) -> Vec<Came> {
        self.gather.handle_stream(now, stream, event)
    }

    /// Takes a datagram. What is left of it.
    pub(super) fn handle_datagram(&mut self, now: Instant, came: Came) -> Option<Came> {
        let (local, remote, data) = came;
        self.gather.handle_datagram(now, local, remote, data)
    }

    pub(super) fn gather(&mut self) -> &mut Gather {
        &mut self.gather
    }

    /// Sends a packet from the address that is lent, as long as it is; the next drain has it leave.
    pub(super) fn send(&mut self, now: Instant, lent: SocketAddr, to: SocketAddr, packet: Vec<u8>) {
        let sent = self.gather.send(now, lent, to, packet);
        self.leaves.extend(sent.filter(|(local, ..)| *local != lent));
    }

    pub(super) fn peer_code(&self, lent: SocketAddr) -> Option<u16> {
        self.gather.peer_code(lent)
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.gather.next_wake()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.next_wake().is_some_and(|wake| wake.at <= now) {
            self.gather.handle_timeout(now);
        }
    }

    /// The next answer of a server.
    pub(super) fn answer(&mut self) -> Option<Answer> {
        self.gather.answer()
    }

    /// Does what the gathering wants.
    pub(super) fn drain<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) {
        while let Some(step) = self.gather.poll() {
            match step {
                Step::Resolve { server, host, deadline } => {
                    let id = NameId(out.id());
                    self.gather.asked(server, id);
                    out.push(Output::Resolve { id, host, deadline });
                }
                Step::Transmit { socket, local, remote, data } => {
                    let id = socket.unwrap_or(self.udp);
                    out.push(Output::Transmit { id, local, remote, data });
                }
                Step::Bind { relay, from } => {
                    let id = UdpId(out.id());
                    if self.gather.binds(relay, id) {
                        out.push(Output::OpenUdp { id, from: Some(from), dscp: None });
                    }
                }
                Step::Unbind(id) => out.push(Output::CloseUdp { id }),
                Step::Open { relay, to, tls, from, deadline } => {
                    let id = StreamId(out.id());
                    if self.gather.opens(relay, id) {
                        let from = Some(from);
                        out.push(Output::OpenStream { id, to, tls, from, deadline });
                    }
                }
                Step::Send { stream: id, data } => out.push(Output::SendStream { id, data }),
                Step::Close(id) => out.push(Output::CloseStream { id }),
                Step::Done => self.is_done = true,
                // A call's engine would take note.
                Step::Add(..) | Step::Remove(_) | Step::Stale | Step::NoRelay { .. } => {}
            }
        }
        for (local, remote, data) in self.leaves.drain(..) {
            out.push(Output::Transmit { id: self.udp, local, remote, data });
        }
    }

    /// Gives back what is lent, and waits for nobody.
    pub(super) fn close<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) {
        self.gather.close(out.now());
        self.gather.abandon();
        self.drain(out);
    }
}

/// A datagram: to which address of ours it came, from where, and its bytes.
pub(super) type Came = (SocketAddr, SocketAddr, Vec<u8>);
