//! The gathering of addresses (RFC 8445 section 5.1.1): those of interfaces, those that STUN servers see, those that
//! TURN servers lend.
//!
//! It stands between a peer's sockets and its engine: it asks servers by the sockets of media itself, keeps what they
//! say from the engine, and carries what the engine sends from an address that is lent.

mod relays;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use turn_types::stun::message::Message;

use super::IceHelp;
use super::address::{Leg, ServerAddress, may_be_ours};
use super::asked::{Asked, Question, Seat};
use super::binding::Binding;
use super::channels::is_by_channel;
use super::relay::{Failure, Relay};
use super::tries::Tries;
use super::way::Way;
use crate::Secret;
use crate::machine::{Local, NameId, NetError, Rng, StreamId, UdpId, Wake};
use crate::media::LocalKind;

/// The servers that are asked; others are left out.
const MAX_SERVERS: usize = 8;
/// The questions under way at a time, of either kind.
const MAX_ASKED: usize = 32;
/// The relays at a time that have a socket of their own.
const MAX_OWN: usize = 4;
/// Try Alternate (RFC 8489 section 10).
const TRY_ALTERNATE: u16 = 300;

/// Something that is to be done for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A name is to be looked up: [`Gather::asked`] names the question.
    Resolve { server: usize, host: String, deadline: Instant },
    /// A datagram is to be sent: by the sockets of media, or by this one.
    Transmit { socket: Option<UdpId>, local: SocketAddr, remote: SocketAddr, data: Vec<u8> },
    /// A socket for a relay alone is to be opened: [`Gather::binds`] names it.
    Bind { relay: u64, from: IpAddr },
    /// Such a one is to be closed.
    Unbind(UdpId),
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
    /// The times that it got other credentials.
    renewals: u32,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Gather {
    servers: Vec<Server>,
    rng: Rng,
    /// Our addresses, the most preferred first.
    hosts: Vec<Local>,
    bindings: Vec<Binding>,
    relays: Vec<Relay>,
    /// The relays that there have been.
    numbers: u64,
    /// The questions to servers that were put.
    asked: Asked,
    /// The time at which another address of ours asks a relay.
    ask_at: Option<Instant>,
    steps: VecDeque<Step>,
    /// The answers of servers, where somebody takes them.
    answers: Option<VecDeque<Answer>>,
    /// The longest that it takes: what has not answered by then is done without.
    limit: Duration,
    /// The time at which it is over at the latest, while it goes on.
    until: Option<Instant>,
    /// The time of the next wake-up, if nothing has changed since it was looked for: most packets change nothing.
    wake: Option<Option<Instant>>,
    /// True if only what is lent may be used.
    relay_only: bool,
    /// The datagrams of servers that were not taken, and their lies.
    pub(crate) refused: u64,
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
                    renewals: 0,
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
            asked: Asked::default(),
            ask_at: None,
            steps: VecDeque::new(),
            answers: None,
            limit: help.limit,
            until: None,
            wake: None,
            relay_only: help.relay_only,
            refused: 0,
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
        let step = self.steps.pop_front();
        if step.is_none() && self.wake.is_none() {
            self.wake = Some(self.due());
        }
        step
    }

    /// Takes addresses of interfaces that have sockets now.
    pub(crate) fn add(&mut self, now: Instant, hosts: Vec<Local>) {
        for host in &hosts {
            self.steps.push_back(Step::Add(host.clone(), LocalKind::Host));
        }
        self.hosts.extend(hosts);
        self.hosts.sort_by_key(|host| Reverse(host.preference));
        let until = now + self.limit;
        self.until = Some(until);
        for (server, asked) in self.servers.iter_mut().enumerate() {
            if matches!(asked.host, Host::Unknown) {
                let host = asked.name.clone();
                self.steps.push_back(Step::Resolve { server, host, deadline: until });
            }
        }
        self.ask(now);
        self.go_on(now);
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
            self.go_on(now);
        }
        true
    }

    /// Takes away an address of an interface, which the engine has no more, with what was lent to it. The address that
    /// was seen of it goes with it. A relay that lent to it is asked by another one in [`Gather::add`] or
    /// [`Gather::handle_timeout`], whichever is next.
    pub(crate) fn remove(&mut self, address: SocketAddr) {
        self.wake = None;
        self.hosts.retain(|host| host.address != address);
        self.bindings.retain(|binding| binding.local != address);
        self.asked.0.retain(|question, _| question.local != address);
        for relay in self.relays.extract_if(.., |relay| relay.local == address) {
            self.steps.extend(Self::end_of(&relay));
            self.steps.extend(relay.lent().map(Step::Remove));
        }
    }

    /// Asks each server what it was not asked yet: one address of each server's family, the most preferred. A relay is
    /// asked as [`Asked`] has it, others by each address of ours.
    fn ask(&mut self, now: Instant) {
        self.wake = None;
        let mut questions = Vec::new();
        for (seat, remote) in self.seats() {
            let Some(server) = self.servers.get(seat.server) else { continue };
            let (is_relay, leg) = (server.is_relay, server.leg);
            let is_own = false;
            let question = |local| (seat.server, Question { local, remote, is_relay, leg, is_own });
            if !is_relay {
                questions.extend(self.of(seat).map(question));
            } else if let Some((local, at)) = self.next_asker(now, seat)
                && at <= now
            {
                questions.push(question(local));
            }
        }
        for (server, question) in questions {
            let under_way = self.bindings.len() + self.relays.len();
            if under_way < MAX_ASKED && !self.asked.0.contains_key(&question) {
                self.asked.0.insert(question, Tries::new(server));
                self.put(now, question, server);
            }
        }
        let later = self.seats().filter_map(|(seat, _)| Some(self.next_asker(now, seat)?.1));
        self.ask_at = later.filter(|at| *at > now).min();
    }

    /// The servers whose addresses are known, by family, with the address that is asked.
    fn seats(&self) -> impl Iterator<Item = (Seat, SocketAddr)> {
        self.servers.iter().enumerate().flat_map(|(number, server)| {
            let found = match &server.host {
                Host::Known(found) => found.as_slice(),
                Host::Unknown | Host::Asked(_) => &[],
            };
            [true, false].into_iter().filter_map(move |is_ipv4| {
                let ip = found.iter().find(|ip| ip.is_ipv4() == is_ipv4)?;
                let seat = Seat { server: number, is_ipv4 };
                Some((seat, SocketAddr::new(*ip, server.port)))
            })
        })
    }

    /// Our addresses of a family.
    fn of(&self, seat: Seat) -> impl Iterator<Item = SocketAddr> {
        let all = self.hosts.iter().map(|host| host.address);
        all.filter(move |address| address.is_ipv4() == seat.is_ipv4)
    }

    /// The address of ours that asks a relay next, and when. None of a server that lends nothing.
    fn next_asker(&self, now: Instant, seat: Seat) -> Option<(SocketAddr, Instant)> {
        self.servers.get(seat.server).filter(|server| server.is_relay)?;
        self.asked.next(now, seat, self.of(seat), &self.relays)
    }

    /// Puts a question, for the first time or again.
    fn put(&mut self, now: Instant, question: Question, server: usize) {
        self.wake = None;
        let Question { local, remote, is_relay, leg, is_own } = question;
        if !is_relay {
            let id = u128::from(self.rng.next_u64()) << 32 | u128::from(self.rng.next_u64() >> 32);
            self.bindings.push(Binding::new(local, remote, id, now));
            return;
        }
        if is_own && self.relays.iter().filter(|relay| relay.way.is_own()).count() >= MAX_OWN {
            self.asked.0.remove(&question);
            return self.ask_by_stream(now, question, server);
        }
        let Some(server) = self.servers.get(server) else { return };
        if let Some(tries) = self.asked.0.get_mut(&question) {
            tries.credentials = server.renewals;
        }
        let way = match leg {
            Leg::Udp | Leg::Dtls if is_own => Way::Own { id: None, bound: None },
            Leg::Udp | Leg::Dtls => Way::Sockets,
            Leg::Tcp => Way::Stream { tls: None, id: None },
            Leg::Tls => Way::Stream { tls: Some(server.name.clone()), id: None },
        };
        self.numbers += 1;
        let number = self.numbers;
        let from = local.ip();
        match &way {
            Way::Sockets => {}
            Way::Own { .. } => self.steps.push_back(Step::Bind { relay: number, from }),
            Way::Stream { tls, .. } => {
                let (tls, deadline) = (tls.clone(), now + self.limit);
                self.steps.push_back(Step::Open { relay: number, to: remote, tls, from, deadline });
            }
        }
        let who = (server.username.as_str(), server.password.expose());
        self.relays.push(Relay::new(number, (local, remote), way, who, now, self.limit));
    }

    /// Puts the questions again that are due.
    fn again(&mut self, now: Instant) {
        let due = |(question, tries): (&Question, &mut Tries)| {
            tries.take_due(now).then_some((*question, tries.server))
        };
        let due: Vec<_> = self.asked.0.iter_mut().filter_map(due).collect();
        for (question, server) in due {
            self.put(now, question, server);
        }
    }

    /// Takes what servers are now, with other credentials perhaps: what was refused, or never answered, is asked
    /// again. What is lent stays as it is.
    pub(crate) fn renew(&mut self, now: Instant, help: &IceHelp) {
        self.wake = None;
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
            known.renewals = known.renewals.saturating_add(1);
            self.asked.begin_again(number, &self.relays);
        }
        if is_news && !self.hosts.is_empty() {
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
        let is_by_channel = is_by_channel(&data);
        if !is_by_channel && !self.is_server(remote) {
            return Some((local, remote, data));
        }
        if !is_by_channel
            && !self.bindings.is_empty()
            && let Ok(message) = Message::from_bytes(&data)
        {
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
        let (lent, before) = (relay.lent(), relay.schedule());
        let came = relay.hear(now, data);
        if !is_by_channel || came.is_none() || relay.schedule() != before {
            self.wake = None;
        }
        self.refused += std::mem::take(&mut relay.refused);
        if relay.has_news() {
            self.go_on(now);
        }
        came.zip(lent).map(|((peer, data), lent)| (lent, peer, data))
    }

    fn tell(&mut self, answer: Answer) {
        if let Some(answers) = &mut self.answers {
            answers.push_back(answer);
        }
    }

    /// A server sees us by this address. That of the interface itself is no news, that of another one a lie.
    fn saw(&mut self, base: SocketAddr, seen: Option<SocketAddr>) {
        let Some(address) = seen.filter(|seen| *seen != base) else { return };
        if !may_be_ours(address, &self.hosts) {
            self.refused += 1;
            return;
        }
        if let Some(host) = self.hosts.iter().find(|host| host.address == base) {
            let local = Local { address, ..host.clone() };
            self.steps.push_back(Step::Add(local, LocalKind::ServerReflexive { base }));
        }
    }

    /// Takes what relays have to say, and sees whether all have answered.
    fn go_on(&mut self, now: Instant) {
        self.wake = None;
        for binding in &mut self.bindings {
            if let Some(data) = binding.poll(now) {
                let (local, remote) = (binding.local, binding.server);
                self.steps.push_back(Step::Transmit { socket: None, local, remote, data });
            }
        }
        while self.listen(now) {}
        self.see(now);
    }

    /// Ends the gathering when nothing is to be waited for.
    fn see(&mut self, now: Instant) {
        let Some(until) = self.until else { return };
        let open = self.servers.iter().any(|server| !matches!(server.host, Host::Known(_)))
            || !self.bindings.is_empty()
            || self.relays.iter().any(|relay| self.is_asking(relay))
            // Nothing else will do.
            || (self.relay_only
                && self.relays.is_empty()
                && self.asked.0.values().any(Tries::is_promising));
        if open && now < until {
            return;
        }
        self.until = None;
        self.bindings.clear();
        self.steps.push_back(Step::Done);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.wake = None;
        for relay in &mut self.relays {
            relay.handle_timeout(now);
        }
        self.again(now);
        self.ask(now);
        self.go_on(now);
    }

    /// Waits for no relay any more.
    pub(crate) fn abandon(&mut self) {
        self.wake = None;
        for relay in std::mem::take(&mut self.relays) {
            self.steps.extend(Self::end_of(&relay));
        }
    }

    /// True if there is nothing of it at any relay.
    pub(crate) fn is_over(&self) -> bool {
        self.relays.is_empty()
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let at = self.wake.unwrap_or_else(|| self.due());
        // Packets may have put it off since; whatever is due sooner has to have been noticed.
        #[cfg(test)]
        assert!(self.due().is_none_or(|due| at.is_some_and(|at| at <= due)), "a late wake-up");
        let at = at?;
        Some(Wake { at, reason: "gathering" })
    }

    fn due(&self) -> Option<Instant> {
        let bindings = self.bindings.iter().map(|binding| binding.next);
        let relays = self.relays.iter().filter_map(Relay::next_wake);
        let again = self.asked.0.values().filter_map(Tries::again);
        let mine = self.until.into_iter().chain(self.ask_at);
        bindings.chain(relays).chain(again).chain(mine).min()
    }

    /// Gives back what is lent: it [is over](Gather::is_over) when the servers said so, or in a second.
    pub(crate) fn close(&mut self, now: Instant) {
        self.wake = None;
        for relay in &mut self.relays {
            relay.close(now);
        }
        self.until = None;
        self.bindings.clear();
        self.servers.clear();
        (self.asked, self.ask_at) = (Asked::default(), None);
        self.go_on(now);
    }
}
