//! The probe of the way of media: all servers at the same time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::end::End;
use super::plan::Plan;
use super::report::{Mapping, Nat, PathReport, Problem, ServerReport, Transport};
use super::trial::{Trial, open, problem};
use crate::Seed;
use crate::machine::{
    NameId, NetError, Output, Outputs, StreamEvent, StreamId, UdpEvent, UdpId, Wake,
};
use crate::media::IceServer;
use crate::media::ice::{Leg, Said, ServerAddress};

/// A server that is asked by which address it sees the sockets that all such servers are asked by.
#[derive(Debug)]
struct Eye {
    /// The report; none of a relay, which is asked besides.
    report: Option<usize>,
    end: End,
    is_over: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Path {
    begun: Instant,
    until: Instant,
    reports: Vec<ServerReport>,
    /// The relays, and the numbers of their reports.
    trials: Vec<(usize, Trial)>,
    eyes: Vec<Eye>,
    /// The sockets of the latter.
    udp: Option<UdpId>,
    mappings: Vec<Mapping>,
}

/// The longest that a probe may take.
const LONGEST: Duration = Duration::from_secs(3600);
/// The most mappings that are kept.
const MAX_MAPPINGS: usize = 256;

impl Path {
    /// A probe that begins.
    pub(super) fn new<E, O, X>(plan: &Plan, seed: &Seed, out: &mut Outputs<E, O, X>) -> Self {
        let begun = out.now();
        let mut plan = plan.clone();
        plan.packets = plan.packets.clamp(1, Plan::MAX_PACKETS);
        plan.pause = plan.pause.clamp(Duration::from_millis(1), Duration::from_secs(1));
        plan.limit = plan.limit.min(LONGEST);
        plan.gathering = plan.gathering.min(plan.limit);
        let servers = std::mem::take(&mut plan.servers);
        let mut path = Self {
            begun,
            until: begun + plan.limit,
            reports: Vec::new(),
            trials: Vec::new(),
            eyes: Vec::new(),
            udp: None,
            mappings: Vec::new(),
        };
        let mut known: Vec<ServerAddress> = Vec::new();
        for server in &servers {
            // More than any server has are not even told.
            for url in server.urls.iter().take(IceServer::MAX_URLS) {
                let address = ServerAddress::read(url);
                if address.as_ref().is_some_and(|address| known.contains(address)) {
                    continue;
                }
                let number = path.reports.len();
                if number >= 2 * Plan::MAX_URLS {
                    continue;
                }
                let mut report = ServerReport::new(url, transport(address.as_ref()));
                report
                    .addresses
                    .extend(address.as_ref().and_then(|one| one.host.parse::<IpAddr>().ok()));
                report.problem = match &address {
                    None => Some(Problem::Unreadable),
                    Some(_) if report.transport == Transport::Unused => Some(Problem::Unused),
                    Some(address) if address.is_relay && !has_credentials(server) => {
                        Some(Problem::NoCredentials)
                    }
                    Some(_) if known.len() >= Plan::MAX_URLS => Some(Problem::TooMany),
                    Some(_) => None,
                };
                path.reports.push(report.clone());
                let (None, Some(address)) = (&report.problem, address) else { continue };
                known.push(address);
                let one = IceServer { urls: vec![url.clone()], ..server.clone() };
                let seed = seed.child(&format!("server {number}"));
                if report.transport == Transport::Stun {
                    path.look(Some(number), one, &plan, &seed, out);
                } else {
                    path.trials.push((number, Trial::new(report, one, &plan, seed, out)));
                }
            }
        }
        // A relay sees us as well, and may be the second that has to for the kind of a NAT to be known.
        for relay in known.iter().filter(|one| one.is_relay && one.leg == Leg::Udp) {
            let its = |one: &ServerAddress| {
                !one.is_relay && (&one.host, one.port) == (&relay.host, relay.port)
            };
            if !known.iter().any(its) {
                let host = match relay.host.contains(':') {
                    true => format!("[{}]", relay.host),
                    false => relay.host.clone(),
                };
                let one = IceServer::stun(format!("stun:{host}:{}", relay.port));
                let seed = seed.child(&one.urls.concat());
                path.look(None, one, &plan, &seed, out);
            }
        }
        path
    }

    /// Has a server asked by which address it sees us.
    fn look<E, O, X>(
        &mut self,
        report: Option<usize>,
        server: IceServer,
        plan: &Plan,
        seed: &Seed,
        out: &mut Outputs<E, O, X>,
    ) {
        let udp = *self.udp.get_or_insert_with(|| open(out));
        let end = End::new(udp, server, plan.gathering, seed);
        self.eyes.push(Eye { report, end, is_over: false });
    }

    /// Takes what happened to sockets.
    pub(super) fn handle_udp(&mut self, now: Instant, id: UdpId, event: UdpEvent) {
        if self.udp != Some(id) {
            self.trials.iter_mut().any(|(_, trial)| trial.handle_udp(now, id, &event));
            return;
        }
        match event {
            UdpEvent::Opened { local } => {
                self.eyes.iter_mut().for_each(|eye| eye.end.opened(now, local.clone()));
            }
            UdpEvent::Failed(error) => {
                self.eyes.iter_mut().for_each(|eye| eye.end.failed(error.clone()));
            }
            UdpEvent::Changed { removed, .. } => {
                for eye in &mut self.eyes {
                    removed.iter().for_each(|address| eye.end.gather().remove(*address));
                }
            }
            UdpEvent::Datagram { local, remote, data } => {
                let mut left = Some((local, remote, data));
                for eye in &mut self.eyes {
                    left = left.and_then(|came| eye.end.handle_datagram(now, came));
                }
            }
        }
    }

    /// Takes the answer to a question for a name.
    pub(super) fn resolved(
        &mut self,
        now: Instant,
        id: NameId,
        result: &Result<Vec<IpAddr>, NetError>,
    ) {
        let _ = self.eyes.iter_mut().any(|eye| eye.end.resolved(now, id, result))
            || self.trials.iter_mut().any(|(_, trial)| trial.resolved(now, id, result));
    }

    /// Takes what happened to a stream.
    pub(super) fn handle_stream(&mut self, now: Instant, id: StreamId, event: StreamEvent) {
        let mut left = Some(event);
        for (_, trial) in &mut self.trials {
            left = left.and_then(|event| trial.handle_stream(now, id, event));
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.eyes.iter_mut().for_each(|eye| eye.end.handle_timeout(now));
        self.trials.iter_mut().for_each(|(_, trial)| trial.handle_timeout(now));
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let eyes = self.eyes.iter().filter(|eye| !eye.is_over).map(|eye| eye.end.next_wake());
        let trials = self.trials.iter().map(|(_, trial)| trial.next_wake());
        let limit = Wake { at: self.until, reason: "limit of a probe" };
        eyes.chain(trials).fold(Some(limit), Wake::earliest)
    }

    /// Goes on as far as it can now. The report, once it is over.
    pub(super) fn go_on<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) -> Option<PathReport> {
        for eye in &mut self.eyes {
            eye.end.drain(out);
            while let Some(answer) = eye.end.answer() {
                if let Said::Seen(Some(seen)) = answer.said
                    && self.mappings.len() < MAX_MAPPINGS
                {
                    let (local, server) = (answer.local, answer.server);
                    self.mappings.push(Mapping { local, server, seen });
                }
                if let Some(report) = eye.report.and_then(|number| self.reports.get_mut(number)) {
                    report.note(answer);
                }
            }
            if eye.end.is_done() && !std::mem::replace(&mut eye.is_over, true) {
                conclude(eye, &mut self.reports);
            }
        }
        for (_, trial) in &mut self.trials {
            trial.go_on(out);
        }
        let is_over = self.eyes.iter().all(|eye| eye.is_over || eye.report.is_none())
            && self.trials.iter().all(|(_, trial)| trial.is_over());
        (is_over || self.until <= out.now()).then(|| self.stop(out))
    }

    /// Ends it with what is known.
    pub(super) fn stop<E, O, X>(&mut self, out: &mut Outputs<E, O, X>) -> PathReport {
        for eye in &mut self.eyes {
            if !std::mem::replace(&mut eye.is_over, true) {
                conclude(eye, &mut self.reports);
            }
            eye.end.close(out);
        }
        if let Some(id) = self.udp.take() {
            out.push(Output::CloseUdp { id });
        }
        for (number, mut trial) in std::mem::take(&mut self.trials) {
            trial.stop(out);
            if let Some(report) = self.reports.get_mut(number) {
                *report = trial.report;
            }
        }
        self.eyes.clear();
        let (servers, mappings) =
            (std::mem::take(&mut self.reports), std::mem::take(&mut self.mappings));
        let took = out.now().saturating_duration_since(self.begun);
        PathReport { servers, nat: Nat::of(&mappings), mappings, took }
    }
}

fn has_credentials(server: &IceServer) -> bool {
    server.username.is_some() && server.credential.is_some()
}

/// Writes into its report what became of it.
fn conclude(eye: &Eye, reports: &mut [ServerReport]) {
    let Some(report) = eye.report.and_then(|number| reports.get_mut(number)) else { return };
    if let Some(Ok(found)) = &eye.end.lookup {
        report.addresses.clone_from(found);
    }
    if report.best().is_none() {
        report.problem = Some(problem(report, &eye.end));
    }
}

fn transport(address: Option<&ServerAddress>) -> Transport {
    match address.map(|address| (address.is_relay, address.leg)) {
        Some((false, Leg::Udp)) => Transport::Stun,
        Some((true, Leg::Udp)) => Transport::TurnUdp,
        Some((true, Leg::Tcp)) => Transport::TurnTcp,
        Some((true, Leg::Tls)) => Transport::TurnTls,
        Some((false, Leg::Tcp | Leg::Tls) | (_, Leg::Dtls)) | None => Transport::Unused,
    }
}
