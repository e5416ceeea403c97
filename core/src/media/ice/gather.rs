//! The gathering of addresses (RFC 8445 section 5.1.1): those of interfaces, those that STUN servers see, those that
//! TURN servers lend.
//!
//! It stands between a peer's sockets and its engine: it asks servers by the sockets of media itself, keeps what they
//! say from the engine, and carries what the engine sends from an address that is lent.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use turn_types::stun::message::Message;

use super::IceHelp;
use super::address::{Leg, ServerAddress, may_be_ours};
use super::binding::Binding;
use super::relay::{ALLOCATION_MISMATCH, Failure, Relay, RelayStep, Way};
use super::tries::{Tries, Verdict};
use crate::Secret;
use crate::machine::{Local, NameId, NetError, Rng, StreamEvent, StreamId, Wake};
use crate::media::LocalKind;

/// The servers that are asked; others are left out.
const MAX_SERVERS: usize = 8;
/// The questions under way at a time, of either kind.
const MAX_ASKED: usize = 32;
/// Try Alternate (RFC 8489 section 10).
const TRY_ALTERNATE: u16 = 300;

/// Something that is to be done for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A name is to be looked up: [`Gather::asked`] names the question.
    Resolve { server: usize, host: String, deadline: Instant },
    /// A datagram is to be sent.
    Transmit { local: SocketAddr, remote: SocketAddr, data: Vec<u8> },
    /// A stream to a relay is to be opened: [`Gather::opens`] names it.
    Open { relay: u64, to: SocketAddr, tls: Option<String>, from: IpAddr, deadline: Instant },
    /// Bytes are to be sent on a stream.
    Send { stream: StreamId, data: Vec<u8> },
    /// A stream is to be closed.
    Close(StreamId),
    /// The engine has an address more.
    Add(Local, LocalKind),
    /// And one less.
    Remove(SocketAddr),
    /// The engine has all, for now.
    Done,
    /// Something was lost that new credentials may be needed for: those that there are may have run out meanwhile.
    Stale,
    /// A relay lends no address, and is asked no more: it refused by this code, or did not answer.
    NoRelay { server: SocketAddr, code: Option<u16> },
}

/// An answer of a server, for those who ask about servers: see [`Gather::telling`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The address that asked.
    pub(crate) local: SocketAddr,
    pub(crate) server: SocketAddr,
    /// The time since it was asked first.
    pub(crate) after: Duration,
    pub(crate) said: Said,
}

/// The gist of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The address by which the server sees us; none where it does not say.
    Seen(Option<SocketAddr>),
    /// The address that it lends.
    Lent(SocketAddr),
    /// None is lent.
    No(Failure),
    /// The stream to it never opened, or ended.
    Broken(NetError),
}

/// The addresses of a server's host.
#[derive(Debug)]
enum Host {
    Unknown,
    Asked(NameId),
    Known(Vec<IpAddr>),
}

/// A server that is asked.
#[derive(Debug)]
struct Server {
    is_relay: bool,
    leg: Leg,
    name: String,
    port: u16,
    host: Host,
    username: String,
    password: Secret,
    /// True once it had other credentials before.
    is_renewed: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Gather {
    servers: Vec<Server>,
    rng: Rng,
    hosts: Vec<Local>,
    bindings: Vec<Binding>,
    relays: Vec<Relay>,
    /// The relays that there have been.
    numbers: u64,
    /// The questions to servers that were put.
    asked: BTreeMap<Question, Tries>,
    steps: VecDeque<Step>,
    /// The answers of servers, where somebody takes them.
    answers: Option<VecDeque<Answer>>,
    /// The longest that it takes: what has not answered by then is done without.
    limit: Duration,
    /// The time at which it is over at the latest, while it goes on.
    until: Option<Instant>,
    /// True if only what is lent may be used.
    relay_only: bool,
}

/// A question to a server by an address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    local: SocketAddr,
    remote: SocketAddr,
    is_relay: bool,
    leg: Leg,
}

impl Gather {
    /// A gathering that begins with the first address. STUN over streams, and anything over DTLS, is left out.
    pub(crate) fn new(help: &IceHelp, rng: Rng) -> Self {
        let mut servers = Vec::new();
        for server in &help.servers {
            for address in server.urls.iter().filter_map(|url| ServerAddress::read(url)) {
                let ServerAddress { is_relay, leg, host, port } = address;
                // A server that only looks is of no use where only what is lent may be used.
                let is_known = match leg {
                    Leg::Udp => true,
                    Leg::Tcp | Leg::Tls => is_relay,
                    Leg::Dtls => false,
                };
                let is_wanted = is_known && (is_relay || !help.relay_only);
                if !is_wanted || servers.len() >= MAX_SERVERS {
                    continue;
                }
                servers.push(Server {
                    is_relay,
                    leg,
                    port,
                    host: host.parse().map_or(Host::Unknown, |ip| Host::Known(vec![ip])),
                    name: host,
                    username: server.username.clone().unwrap_or_default(),
                    password: server.credential.clone().unwrap_or_else(|| "".into()),
                    is_renewed: false,
                });
            }
        }
        Self {
            servers,
            rng,
            hosts: Vec::new(),
            bindings: Vec::new(),
            relays: Vec::new(),
            numbers: 0,
            asked: BTreeMap::new(),
            steps: VecDeque::new(),
            answers: None,
            limit: help.limit,
            until: None,
            relay_only: help.relay_only,
        }
    }

    /// Has the answers of servers told by [`Gather::answer`], which has to be asked then.
    pub(crate) fn telling(mut self) -> Self {
        self.answers = Some(VecDeque::new());
        self
    }

    /// The next answer of a server.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.answers.as_mut()?.pop_front()
    }

    /// The code by which a server refused to let an address that it lends speak with another.
    pub(crate) fn peer_code(&self, lent: SocketAddr) -> Option<u16> {
        self.relays.iter().find(|relay| relay.lent() == Some(lent))?.peer_code
    }

    pub(crate) fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Takes addresses of interfaces that have sockets now.
    pub(crate) fn add(&mut self, now: Instant, hosts: Vec<Local>) {
        for host in &hosts {
            self.steps.push_back(Step::Add(host.clone(), LocalKind::Host));
        }
        self.hosts.extend(hosts);
        let until = now + self.limit;
        self.until = Some(until);
        for (server, asked) in self.servers.iter_mut().enumerate() {
            if matches!(asked.host, Host::Unknown) {
                let host = asked.name.clone();
                self.steps.push_back(Step::Resolve { server, host, deadline: until });
            }
        }
        self.ask(now);
    }

    /// Takes note of the question for a server's name.
    pub(crate) fn asked(&mut self, server: usize, id: NameId) {
        if let Some(server) = self.servers.get_mut(server) {
            server.host = Host::Asked(id);
        }
    }

    /// Takes the answer to a question for a name. True if it was ours.
    pub(crate) fn resolved(&mut self, now: Instant, id: NameId, found: &[IpAddr]) -> bool {
        let is_asked =
            |server: &&mut Server| matches!(server.host, Host::Asked(asked) if asked == id);
        let Some(server) = self.servers.iter_mut().find(is_asked) else { return false };
        server.host = Host::Known(found.to_vec());
        // One that comes too late counts when there are other addresses of ours.
        if self.until.is_some() {
            self.ask(now);
        }
        true
    }

    /// Takes away an address of an interface, which the engine has no more, with what was lent to it. The address that
    /// was seen of it goes with it.
    pub(crate) fn remove(&mut self, address: SocketAddr) {
        self.hosts.retain(|host| host.address != address);
        self.bindings.retain(|binding| binding.local != address);
        self.asked.retain(|question, _| question.local != address);
        for relay in self.relays.extract_if(.., |relay| relay.local == address) {
            self.steps.extend(relay.stream().map(Step::Close));
            self.steps.extend(relay.lent().map(Step::Remove));
        }
    }

    /// Asks each server by each address of its family what it was not asked yet: one address of each server's, the
    /// most preferred.
    fn ask(&mut self, now: Instant) {
        let mut questions = Vec::new();
        for (number, server) in self.servers.iter().enumerate() {
            let Host::Known(found) = &server.host else { continue };
            for host in &self.hosts {
                let local = host.address;
                let fits = |ip: &&IpAddr| ip.is_ipv4() == local.is_ipv4();
                let Some(ip) = found.iter().find(fits) else { continue };
                let remote = SocketAddr::new(*ip, server.port);
                let (is_relay, leg) = (server.is_relay, server.leg);
                questions.push((number, Question { local, remote, is_relay, leg }));
            }
        }
        for (server, question) in questions {
            let under_way = self.bindings.len() + self.relays.len();
            if under_way < MAX_ASKED && !self.asked.contains_key(&question) {
                self.asked.insert(question, Tries::new(server));
                self.put(now, question, server);
            }
        }
        self.go_on(now);
    }

    /// Puts a question, for the first time or again.
    fn put(&mut self, now: Instant, question: Question, server: usize) {
        let Question { local, remote, is_relay, leg } = question;
        if !is_relay {
            let id = u128::from(self.rng.next_u64()) << 32 | u128::from(self.rng.next_u64() >> 32);
            self.bindings.push(Binding::new(local, remote, id, now));
            return;
        }
        let Some(server) = self.servers.get(server) else { return };
        let way = match leg {
            Leg::Udp | Leg::Dtls => Way::Sockets,
            Leg::Tcp => Way::Stream { tls: None, id: None },
            Leg::Tls => Way::Stream { tls: Some(server.name.clone()), id: None },
        };
        self.numbers += 1;
        let number = self.numbers;
        if let Way::Stream { tls, .. } = &way {
            self.steps.push_back(Step::Open {
                relay: number,
                to: remote,
                tls: tls.clone(),
                from: local.ip(),
                deadline: now + self.limit,
            });
        }
        let who = (server.username.as_str(), server.password.expose());
        self.relays.push(Relay::new(number, (local, remote), way, who, now, self.limit));
    }

    /// Takes note that a relay failed: whether, when and whom to ask again.
    fn failed(&mut self, now: Instant, relay: &Relay, failure: Failure) {
        let leg = relay.leg();
        let question = Question { local: relay.local, remote: relay.server, is_relay: true, leg };
        let Some(tries) = self.asked.get_mut(&question) else { return };
        let lent_for = relay.since.map(|since| now.saturating_duration_since(since));
        if failure == Failure::Lost {
            self.steps.push_back(Step::Stale);
        }
        let (server, verdict) = (tries.server, tries.failed(now, failure, lent_for, relay.server));
        if failure == Failure::Refused(ALLOCATION_MISMATCH) && leg == Leg::Udp {
            self.ask_by_stream(now, question, server);
        }
        match verdict {
            Verdict::Again => {}
            Verdict::Over => {
                let code = match failure {
                    Failure::Refused(code) => Some(code),
                    Failure::Redirected(_) => Some(TRY_ALTERNATE),
                    Failure::Silent | Failure::Lost => None,
                    // Nobody wants it.
                    Failure::Closed => return,
                };
                self.steps.push_back(Step::NoRelay { server: relay.server, code });
            }
            Verdict::Elsewhere(remote) => {
                let elsewhere = Question { remote, ..question };
                let next = self.asked.get(&question).map(Tries::redirected);
                if let Entry::Vacant(vacant) = self.asked.entry(elsewhere)
                    && let Some(next) = next
                {
                    vacant.insert(next);
                    self.put(now, elsewhere, server);
                }
            }
        }
    }

    /// Asks a server by a stream that refuses a new user name because it remembers another for our address, even if
    /// nothing is lent by that (coturn does, for a minute). RFC 8656 section 6.4 has the client take another address
    /// of its own, which a stream is.
    fn ask_by_stream(&mut self, now: Instant, question: Question, server: usize) {
        let is_renewed = self.servers.get(server).is_some_and(|server| server.is_renewed);
        let by_stream = Question { leg: Leg::Tcp, ..question };
        if let Entry::Vacant(vacant) = self.asked.entry(by_stream)
            && is_renewed
        {
            vacant.insert(Tries::new(server));
            self.put(now, by_stream, server);
        }
    }

    /// Puts the questions again that are due.
    fn again(&mut self, now: Instant) {
        let due = |(question, tries): (&Question, &mut Tries)| {
            tries.take_due(now).then_some((*question, tries.server))
        };
        let due: Vec<_> = self.asked.iter_mut().filter_map(due).collect();
        for (question, server) in due {
            self.put(now, question, server);
        }
    }

    /// Takes what servers are now, with other credentials perhaps: what was refused, or never answered, is asked
    /// again. What is lent stays as it is.
    pub(crate) fn renew(&mut self, now: Instant, help: &IceHelp) {
        let new = Self::new(help, self.rng.clone());
        let same = |one: &Server, other: &Server| {
            (one.is_relay, one.leg, &one.name, one.port)
                == (other.is_relay, other.leg, &other.name, other.port)
        };
        let mut is_news = false;
        for server in new.servers {
            let number = self.servers.iter().position(|known| same(known, &server));
            let Some(number) = number else {
                if self.servers.len() < MAX_SERVERS {
                    is_news = true;
                    self.servers.push(server);
                }
                continue;
            };
            let Some(known) = self.servers.get_mut(number) else { continue };
            if (&known.username, known.password.expose())
                == (&server.username, server.password.expose())
            {
                continue;
            }
            is_news = true;
            (known.username, known.password) = (server.username, server.password);
            known.is_renewed = true;
            let its = self.asked.values_mut().filter(|tries| tries.server == number);
            its.for_each(|tries| tries.begin_again(now));
        }
        if is_news && !self.hosts.is_empty() {
            self.again(now);
            self.add(now, Vec::new());
        }
    }

    /// True if datagrams from there may be for it.
    fn is_server(&self, remote: SocketAddr) -> bool {
        self.relays.iter().any(|relay| relay.server == remote)
            || self.bindings.iter().any(|binding| binding.server == remote)
    }

    /// Takes a datagram. What is left of it for the engine: the datagram as it came, or what it carried from
    /// elsewhere.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: Vec<u8>,
    ) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        if !self.is_server(remote) {
            return Some((local, remote, data));
        }
        if let Ok(message) = Message::from_bytes(&data) {
            let answer = |binding: &Binding| binding.answer(local, remote, &message);
            let found = self.bindings.iter().enumerate().find_map(|(n, b)| Some((n, answer(b)?)));
            if let Some((number, seen)) = found {
                let binding = self.bindings.remove(number);
                let after = now.saturating_duration_since(binding.begun);
                let said = Said::Seen(seen);
                self.tell(Answer { local, server: remote, after, said });
                self.saw(local, seen);
                self.go_on(now);
                return None;
            }
        }
        let is_its = |relay: &&mut Relay| {
            relay.way == Way::Sockets && (relay.local, relay.server) == (local, remote)
        };
        let relay = self.relays.iter_mut().find(is_its);
        let Some(relay) = relay else { return Some((local, remote, data)) };
        let lent = relay.lent();
        let came = relay.handle(now, &data).pop();
        self.go_on(now);
        came.zip(lent).map(|((peer, data), lent)| (lent, peer, data))
    }

    /// Names a stream that is to be opened. False where its relay has been given up meanwhile.
    pub(crate) fn opens(&mut self, relay: u64, stream: StreamId) -> bool {
        let relay = self.relays.iter_mut().find(|one| one.number == relay);
        relay.map(|relay| relay.set_stream(stream)).is_some()
    }

    /// True if a stream is its.
    pub(crate) fn has(&self, stream: StreamId) -> bool {
        self.relays.iter().any(|relay| relay.stream() == Some(stream))
    }

    /// Takes what happened to a stream. What it carried from elsewhere: to which address of ours, from where, what.
    pub(crate) fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent,
    ) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut relays = self.relays.iter_mut();
        let Some(relay) = relays.find(|relay| relay.stream() == Some(stream)) else {
            return Vec::new();
        };
        let lent = relay.lent();
        let came = relay.handle_stream(now, event);
        self.go_on(now);
        let Some(lent) = lent else { return Vec::new() };
        came.into_iter().map(|(peer, data)| (lent, peer, data)).collect()
    }

    fn tell(&mut self, answer: Answer) {
        if let Some(answers) = &mut self.answers {
            answers.push_back(answer);
        }
    }

    /// A server sees us by this address. One of an interface's own is no news.
    fn saw(&mut self, base: SocketAddr, seen: Option<SocketAddr>) {
        let Some(address) = seen.filter(|seen| may_be_ours(*seen, &self.hosts)) else { return };
        if let Some(host) = self.hosts.iter().find(|host| host.address == base) {
            let local = Local { address, ..host.clone() };
            self.steps.push_back(Step::Add(local, LocalKind::ServerReflexive { base }));
        }
    }

    /// True if it is an address that a server lends.
    pub(crate) fn lends(&self, local: SocketAddr) -> bool {
        self.relays.iter().any(|relay| relay.lent() == Some(local))
    }

    /// Sends a datagram from an address that is lent.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: Vec<u8>,
    ) {
        if let Some(relay) = self.relays.iter_mut().find(|relay| relay.lent() == Some(local)) {
            relay.send(now, remote, data);
            self.go_on(now);
        }
    }

    /// Takes what relays have to say, and sees whether all have answered.
    fn go_on(&mut self, now: Instant) {
        for binding in &mut self.bindings {
            if let Some(data) = binding.poll(now) {
                let (local, remote) = (binding.local, binding.server);
                self.steps.push_back(Step::Transmit { local, remote, data });
            }
        }
        let (mut ended, mut told, mut is_late) = (Vec::new(), Vec::new(), false);
        for relay in &mut self.relays {
            while let Some(step) = relay.poll() {
                let (local, server) = (relay.local, relay.server);
                let after = now.saturating_duration_since(relay.epoch);
                let mut tell = |said| told.push(Answer { local, server, after, said });
                self.steps.extend(match step {
                    RelayStep::Transmit(data) => match relay.way {
                        Way::Sockets => Some(Step::Transmit { local, remote: server, data }),
                        Way::Stream { id, .. } => id.map(|stream| Step::Send { stream, data }),
                    },
                    RelayStep::Lent(address) if !may_be_ours(address, &self.hosts) => {
                        relay.reject();
                        None
                    }
                    RelayStep::Lent(address) => {
                        is_late = self.until.is_none();
                        tell(Said::Lent(address));
                        let host = self.hosts.iter().find(|host| host.address == local);
                        let lent = host.map(|host| Local { address, ..host.clone() });
                        lent.map(|lent| Step::Add(lent, LocalKind::Relayed { server }))
                    }
                    RelayStep::Over { lent, failure } => {
                        tracing::warn!(%server, ?failure, "no address of a relay");
                        ended.push((relay.number, failure));
                        tell(relay.trouble.take().map_or(Said::No(failure), Said::Broken));
                        lent.map(Step::Remove)
                    }
                });
            }
        }
        told.into_iter().for_each(|answer| self.tell(answer));
        let over: Vec<_> = self.relays.extract_if(.., |relay| relay.is_over()).collect();
        for relay in &over {
            self.steps.extend(relay.stream().map(Step::Close));
        }
        for (number, failure) in ended {
            if let Some(relay) = over.iter().find(|relay| relay.number == number) {
                self.failed(now, relay, failure);
            }
        }
        if is_late {
            self.steps.push_back(Step::Done);
        }
        self.see(now);
    }

    /// Ends the gathering when nothing is to be waited for.
    fn see(&mut self, now: Instant) {
        let Some(until) = self.until else { return };
        let open = self.servers.iter().any(|server| !matches!(server.host, Host::Known(_)))
            || !self.bindings.is_empty()
            || self.relays.iter().any(Relay::is_asking)
            // Nothing else will do.
            || (self.relay_only
                && self.relays.is_empty()
                && self.asked.values().any(|tries| tries.again().is_some()));
        if open && now < until {
            return;
        }
        self.until = None;
        self.bindings.clear();
        self.steps.push_back(Step::Done);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for relay in &mut self.relays {
            relay.handle_timeout(now);
        }
        self.again(now);
        self.go_on(now);
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let bindings = self.bindings.iter().map(|binding| binding.next);
        let relays = self.relays.iter().filter_map(Relay::next_wake);
        let again = self.asked.values().filter_map(Tries::again);
        let at = bindings.chain(relays).chain(again).chain(self.until).min()?;
        Some(Wake { at, reason: "gathering" })
    }

    /// Gives back what is lent.
    pub(crate) fn close(&mut self, now: Instant) {
        for relay in &mut self.relays {
            relay.close();
        }
        self.until = None;
        self.bindings.clear();
        self.servers.clear();
        self.asked.clear();
        self.go_on(now);
    }
}
