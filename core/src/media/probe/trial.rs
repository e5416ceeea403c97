//! The trial of one relay by one way: an address is asked for as a call does, then a second one, and packets go from
//! one to the other.

use std::net::SocketAddr;
use std::time::Instant;

use super::end::{Came, End};
use super::packets::{Packets, Side};
use super::plan::Plan;
use super::report::{Problem, ServerReport};
use crate::Seed;
use crate::machine::{Local, NameId, NetError, Output, Outputs, StreamEvent, StreamId, UdpEvent};
use crate::machine::{UdpId, Wake};
use crate::media::IceServer;
use crate::media::ice::{Answer, Said};

/// The course of it.
///
/// ```text
/// First ──lent──> Second ──lent──> Packets ──> Over
///   └───────────────┴─no address────────────────^
/// ```
#[derive(Debug)]
enum Stage {
    First,
    /// The address that the first end was lent, for the one of ours that asked.
    Second {
        lent: (SocketAddr, SocketAddr),
        end: End,
    },
    Packets {
        ends: (SocketAddr, SocketAddr),
        end: End,
        packets: Packets,
    },
    Over,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) report: ServerReport,
    server: IceServer,
    first: End,
    stage: Stage,
    seed: Seed,
    plan: Plan,
}

/// Opens sockets for an end.
pub(super) fn open<E, O, X>(out: &mut Outputs<E, O, X>) -> UdpId {
    let id = UdpId(out.id());
    out.push(Output::OpenUdp { id, from: None, dscp: None });
    id
}

impl Trial {
    /// One that begins. `server` has one address, which the report names.
    pub(super) fn new<E, O, X>(
        report: ServerReport,
        server: IceServer,
        plan: &Plan,
        seed: Seed,
        out: &mut Outputs<E, O, X>,
    ) -> Self {
        let first = End::new(open(out), server.clone(), plan.gathering, &seed.child("first"));
        Self { report, server, first, stage: Stage::First, seed, plan: plan.clone() }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The second end, while there is one.
    fn second(&mut self) -> Option<&mut End> {
        match &mut self.stage {
            Stage::Second { end, .. } | Stage::Packets { end, .. } => Some(end),
            Stage::First | Stage::Over => None,
        }
    }

    fn ends(&mut self) -> impl Iterator<Item = (Side, &mut End)> {
        let second = match &mut self.stage {
            Stage::Second { end, .. } | Stage::Packets { end, .. } => Some((Side::Second, end)),
            Stage::First | Stage::Over => None,
        };
        std::iter::once((Side::First, &mut self.first)).chain(second)
    }

    /// Takes what happened to sockets. True if they were its.
    pub(super) fn handle_udp(&mut self, now: Instant, id: UdpId, event: &UdpEvent) -> bool {
        let owner = self.ends().find(|(_, end)| end.owns(id)).map(|(side, _)| side);
        if let Some(side) = owner {
            let came = self.end(side).gather().handle_socket(now, id, event.clone());
            self.came(now, side, came);
            return true;
        }
        let Some((side, _)) = self.ends().find(|(_, end)| end.udp == id) else { return false };
        match event {
            UdpEvent::Opened { local } => self.opened(now, side, local.clone()),
            UdpEvent::Failed(error) => self.end(side).failed(error.clone()),
            UdpEvent::Changed { removed, .. } => {
                let gather = self.end(side).gather();
                removed.iter().for_each(|address| gather.remove(*address));
            }
            UdpEvent::Datagram { local, remote, data } => {
                let came = (*local, *remote, data.clone());
                let left = self.end(side).handle_datagram(now, came);
                self.came(now, side, left);
            }
        }
        true
    }

    fn end(&mut self, side: Side) -> &mut End {
        match (&mut self.stage, side) {
            (Stage::Second { end, .. } | Stage::Packets { end, .. }, Side::Second) => end,
            (Stage::First | Stage::Second { .. } | Stage::Packets { .. } | Stage::Over, _) => {
                &mut self.first
            }
        }
    }

    /// Has the second end ask by the address alone by which the first one was lent its own.
    fn opened(&mut self, now: Instant, side: Side, mut hosts: Vec<Local>) {
        if let (Side::Second, Stage::Second { lent: (by, _), .. }) = (side, &self.stage) {
            hosts.retain(|host| host.address.ip() == by.ip());
        }
        self.end(side).opened(now, hosts);
    }

    /// Takes the answer to a question for a name. True if it was its.
    pub(super) fn resolved(
        &mut self,
        now: Instant,
        id: NameId,
        result: &Result<Vec<std::net::IpAddr>, NetError>,
    ) -> bool {
        self.ends().any(|(_, end)| end.resolved(now, id, result))
    }

    /// Takes what happened to a stream. Given back where it is none of its.
    pub(super) fn handle_stream(
        &mut self,
        now: Instant,
        id: StreamId,
        event: StreamEvent,
    ) -> Option<StreamEvent> {
        let Some((side, _)) = self.ends().find(|(_, end)| end.has(id)) else { return Some(event) };
        let came = self.end(side).handle_stream(now, id, event);
        self.came(now, side, came);
        None
    }

    /// Takes what came to addresses that are lent. An answer to it goes where it came from.
    fn came(&mut self, now: Instant, side: Side, all: impl IntoIterator<Item = Came>) {
        let Stage::Packets { ends, end, packets } = &mut self.stage else { return };
        let (here, there) = match side {
            Side::First => (ends.0, ends.1),
            Side::Second => (ends.1, ends.0),
        };
        for (local, remote, data) in all {
            if (local, remote) != (here, there) {
                continue;
            }
            if let Some(answer) = packets.take(now, side, &data) {
                let from = if side == Side::First { &mut self.first } else { &mut *end };
                from.send(now, here, there, answer);
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.ends().for_each(|(_, end)| end.handle_timeout(now));
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let (second, packets) = match &self.stage {
            Stage::Over => return None,
            Stage::First => (None, None),
            Stage::Second { end, .. } => (end.next_wake(), None),
            Stage::Packets { end, packets, .. } => (end.next_wake(), packets.next_wake()),
        };
        let packets = packets.map(|at| Wake { at, reason: "packets by a relay" });
        Wake::earliest(Wake::earliest(self.first.next_wake(), second), packets)
    }

    /// Goes on as far as it can now.
    pub(super) fn go_on<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) {
        loop {
            self.first.drain(out);
            if let Some(second) = self.second() {
                second.drain(out);
            }
            let before = std::mem::discriminant(&self.stage);
            self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::First => self.asked(out),
                Stage::Second { lent, end } => self.asked_again(lent, end, out),
                Stage::Packets { ends, end, packets } => self.measured(ends, end, packets, out),
                Stage::Over => return,
            };
            if self.is_over() {
                self.first.close(out);
                out.push(Output::CloseUdp { id: self.first.udp });
                return;
            }
            if std::mem::discriminant(&self.stage) == before {
                return;
            }
        }
    }

    /// The first end asks.
    fn asked<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) -> Stage {
        while let Some(answer) = self.first.answer() {
            self.report.note(answer);
        }
        if !self.first.is_done() {
            return Stage::First;
        }
        if let Some(Ok(found)) = &self.first.lookup {
            self.report.addresses.clone_from(found);
        }
        let Some((local, lent)) =
            self.report.best().and_then(|one| Some((one.local, one.address?)))
        else {
            self.report.problem = Some(problem(&self.report, &self.first));
            return Stage::Over;
        };
        let (seed, server) = (self.seed.child("second"), self.server.clone());
        let end = End::new(open(out), server, self.plan.gathering, &seed);
        Stage::Second { lent: (local, lent), end }
    }

    /// The second end asks.
    fn asked_again<E, O, X>(
        &mut self,
        first: (SocketAddr, SocketAddr),
        mut end: End,
        out: &mut Outputs<E, O, X>,
    ) -> Stage {
        let mut second = ServerReport::new("", self.report.transport);
        let mut lent = None;
        while let Some(answer) = end.answer() {
            match answer {
                Answer { said: Said::Lent(address), .. } => lent = Some(address),
                Answer { .. } => second.note(answer),
            }
        }
        if let Some(lent) = lent {
            let token = self.seed.child("packets").rng().next_u64();
            let packets = Packets::new(token, self.plan.packets, self.plan.pause, out.now());
            return Stage::Packets { ends: (first.1, lent), end, packets };
        }
        if !end.is_done() {
            return Stage::Second { lent: first, end };
        }
        let problem = Problem::NoSecond(Box::new(problem(&second, &end)));
        self.report.loopback_problem = Some(problem);
        close(end, out);
        Stage::Over
    }

    /// Packets go from one to the other.
    fn measured<E, O, X>(
        &mut self,
        ends: (SocketAddr, SocketAddr),
        mut end: End,
        mut packets: Packets,
        out: &mut Outputs<E, O, X>,
    ) -> Stage {
        let now = out.now();
        while let Some((side, packet)) = packets.poll(now) {
            match side {
                Side::First => self.first.send(now, ends.0, ends.1, packet),
                Side::Second => end.send(now, ends.1, ends.0, packet),
            }
        }
        self.first.drain(out);
        end.drain(out);
        let is_lost = [&mut self.first, &mut end].into_iter().any(|end| {
            std::iter::from_fn(|| end.answer()).any(|answer| !matches!(answer.said, Said::Lent(_)))
        });
        if !packets.is_over() && !is_lost {
            return Stage::Packets { ends, end, packets };
        }
        self.take_figures(ends, &end, &packets, is_lost.then_some(Problem::Lost));
        close(end, out);
        Stage::Over
    }

    fn take_figures(
        &mut self,
        ends: (SocketAddr, SocketAddr),
        end: &End,
        packets: &Packets,
        problem: Option<Problem>,
    ) {
        let refusal = self.first.peer_code(ends.0).or_else(|| end.peer_code(ends.1));
        match packets.figures() {
            Ok(figures) => {
                self.report.loopback = Some(figures);
                self.report.loopback_problem = problem;
            }
            Err(nothing) => {
                let refused = refusal.map(|code| Problem::NotAmongItself { code });
                self.report.loopback_problem = problem.or(refused).or(Some(nothing));
            }
        }
    }

    /// Ends it with what is known.
    pub(super) fn stop<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => return,
            Stage::First => self.report.problem = Some(Problem::Late),
            Stage::Second { end, .. } => {
                self.report.loopback_problem = Some(Problem::Late);
                close(end, out);
            }
            Stage::Packets { ends, end, packets } => {
                self.take_figures(ends, &end, &packets, Some(Problem::Late));
                close(end, out);
            }
        }
        self.first.close(out);
        out.push(Output::CloseUdp { id: self.first.udp });
    }
}

fn close<E, O, X>(mut end: End, out: &mut Outputs<E, O, X>) {
    end.close(out);
    out.push(Output::CloseUdp { id: end.udp });
}

/// The reason why an end that is done got no address.
pub(super) fn problem(report: &ServerReport, end: &End) -> Problem {
    if let Some(error) = &end.no_socket {
        return Problem::NoSocket(error.clone());
    }
    if let Some(problem) = report.worst() {
        return problem;
    }
    match &end.lookup {
        Some(Err(error)) => Problem::Lookup(error.clone()),
        Some(Ok(found)) if !found.is_empty() => {
            let fits = |ip: &std::net::IpAddr| {
                end.hosts.iter().any(|host| host.address.is_ipv4() == ip.is_ipv4())
            };
            if found.iter().any(fits) { Problem::Silent } else { Problem::NoFamily }
        }
        _ => Problem::Silent,
    }
}
