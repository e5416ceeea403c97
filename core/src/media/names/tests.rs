//! Names that hide addresses, told to an engine by all the ways that there are.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::*;
use crate::Seed;
use crate::machine::{NetError, NetErrorKind, UdpEvent};
use crate::media::{
    EngineConfig, EngineFactory as _, IceHelp, MediaKind, Peer, PeerNews, Peers, WebRtcFactory,
    Wish,
};
use crate::sdp::Direction;
use crate::sdp::candidate::Candidate;
use crate::testing::epoch;

const MS: fn(u64) -> Duration = Duration::from_millis;
const ADDRESS: &str = "192.168.1.7";

fn name(n: u8) -> String {
    format!("1f4712db-ea17-4bcf-a596-1051{n:08x}.local")
}

fn line(name: &str, port: u16) -> String {
    format!("candidate:1 1 udp 2113937151 {name} {port} typ host")
}

/// An offer of somebody whose candidates are these.
fn offer(seed: u64, candidates: &[String]) -> String {
    let config = EngineConfig::new(Seed::from(seed));
    let mut far = WebRtcFactory::new().create(epoch(), config);
    let wish = Wish { kind: MediaKind::Audio, direction: Direction::SendRecv };
    let mut offer = far.create_offer(epoch(), &[wish]).unwrap();
    candidates.iter().for_each(|line| offer.push_str(&format!("a={line}\r\n")));
    offer
}

/// A peer, and what it asked for.
struct Rig {
    now: Instant,
    peers: Peers,
    out: Outputs<(), (), std::io::Error>,
    asked: Vec<(NameId, String, Instant)>,
    /// The addresses that got something.
    reached: BTreeSet<SocketAddr>,
}

impl Rig {
    fn new(relay_only: bool) -> Self {
        let now = epoch();
        let mut out = Outputs::new(now);
        let mut peers = Peers::new(Box::new(WebRtcFactory::new()), Seed::from(1));
        let config = EngineConfig { relay_only, ..peers.config("a call") };
        let engine = peers.engine(now, config);
        peers.open(engine, None, MS(5000), None, &IceHelp::default(), &mut out);
        let mut rig = Self { now, peers, out, asked: Vec::new(), reached: BTreeSet::new() };
        let local = vec![SocketAddr::from(([192, 168, 1, 2], 4000)).into()];
        let (peer, out) = (rig.peers.all().next().unwrap(), &mut rig.out);
        let news = peer.handle_udp(UdpEvent::Opened { local }, out);
        rig.drain(news);
        rig
    }

    /// One that has agreed on an offer with these candidates.
    fn agreed(candidates: &[String]) -> Self {
        let mut rig = Self::new(false);
        rig.agree(&offer(2, candidates));
        rig
    }

    fn agree(&mut self, offer: &str) {
        let now = self.now;
        self.peer().engine.accept_offer(now, offer).unwrap();
        self.peer().engine.create_answer(now).unwrap();
        self.drain(None);
    }

    fn peer(&mut self) -> &mut Peer {
        self.peers.all().next().unwrap()
    }

    fn drain(&mut self, mut news: Option<PeerNews>) {
        loop {
            let (peer, out) = (self.peers.all().next().unwrap(), &mut self.out);
            news = news.take().or_else(|| peer.poll(out));
            if news.take().is_none() {
                break;
            }
        }
        while let Some(output) = self.out.pop() {
            match output {
                Output::Resolve { id, host, deadline } => self.asked.push((id, host, deadline)),
                Output::Transmit { remote, .. } => drop(self.reached.insert(remote)),
                _ => {}
            }
        }
    }

    fn trickle(&mut self, line: &str) {
        let (now, candidate) = (self.now, Candidate::from_line(line).unwrap());
        self.peer().remote_candidate(now, &candidate).unwrap();
        self.drain(None);
    }

    fn answer(&mut self, number: usize, found: &[&str]) {
        let found = match found {
            [] => Err(NetError::new(NetErrorKind::Resolve, "no such host")),
            found => Ok(found.iter().map(|ip| ip.parse().unwrap()).collect()),
        };
        let id = self.asked[number].0;
        let news = self.peers.handle_resolved(id, found, &mut self.out).map(|(_, news)| news);
        self.drain(news);
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.peer().next_wake().map(|wake| wake.at).filter(|at| *at <= end) {
            self.now = self.now.max(next);
            self.out.advance(self.now);
            let now = self.now;
            self.peer().handle_timeout(now);
            self.drain(None);
        }
        self.now = end;
        self.out.advance(end);
    }

    fn reached(&mut self) -> Vec<String> {
        self.run(MS(500));
        self.reached.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_name_in_a_description_is_looked_up_and_what_is_found_is_a_candidate() {
    let mut rig = Rig::agreed(&[line(&name(1), 5000), line(&name(1), 5001)]);
    let asked: Vec<_> = rig.asked.iter().map(|(_, host, at)| (host.clone(), *at)).collect();
    assert_eq!(asked, [(name(1), epoch() + MS(3000))], "once");
    assert!(rig.reached().is_empty());
    rig.answer(0, &[ADDRESS]);
    assert_eq!(rig.reached(), ["192.168.1.7:5000", "192.168.1.7:5001"]);
    // What comes later by that name has its address.
    rig.trickle(&line(&name(1), 5002));
    assert_eq!(rig.reached().last().map(String::as_str), Some("192.168.1.7:5002"));
    assert_eq!(rig.asked.len(), 1);
}

#[test]
fn a_name_that_is_trickled_is_looked_up_also_before_anything_is_agreed_on() {
    let mut rig = Rig::new(false);
    rig.trickle(&line(&name(1), 5000));
    assert!(rig.asked.is_empty(), "nobody knows whether there will be a call");
    rig.agree(&offer(2, &[]));
    rig.trickle(&line(&name(2), 5001));
    rig.trickle(&line(&name(2).replace("1f", "1F"), 5001));
    let asked: Vec<_> = rig.asked.iter().map(|(_, host, _)| host.clone()).collect();
    assert_eq!(asked, [name(1), name(2)]);
    rig.answer(1, &[ADDRESS]);
    rig.answer(0, &["192.168.1.8"]);
    assert_eq!(rig.reached(), ["192.168.1.7:5001", "192.168.1.8:5000"]);
}

#[test]
fn rfc_8839_5_1_no_other_name_is_looked_up() {
    let others = ["printer.local", "localhost", "relay.example", "1.local"];
    let others = others.map(|name| line(name, 5000));
    let mut rig = Rig::agreed(&others);
    others.iter().for_each(|line| rig.trickle(line));
    assert!(rig.asked.is_empty());
    // Not even by an engine of somebody else's.
    let (mut names, mut out) = (Names::default(), Outputs::<(), (), std::io::Error>::new(epoch()));
    names.ask("printer.local".to_owned(), &mut out);
    assert!(out.pop().is_none());
}

#[test]
fn where_only_relays_may_be_used_no_name_is_looked_up() {
    let mut rig = Rig::new(true);
    rig.agree(&offer(2, &[line(&name(1), 5000)]));
    rig.trickle(&line(&name(2), 5000));
    assert!(rig.asked.is_empty());
}

#[test]
fn names_are_bounded() {
    let lines: Vec<_> = (0..40).map(|n| line(&name(n), 5000)).collect();
    let mut rig = Rig::agreed(&lines[..20]);
    lines.iter().for_each(|line| rig.trickle(line));
    assert_eq!(rig.asked.len(), MAX_NAMES);
    // With each generation of ICE there may be as many again, once those before are over.
    rig.agree(&offer(3, &lines[20..]));
    assert_eq!(rig.asked.len(), MAX_NAMES);
    rig.run(MS(3000));
    rig.agree(&offer(4, &lines));
    assert_eq!(rig.asked.len(), 2 * MAX_NAMES);
}

#[test]
fn a_name_that_is_not_found_or_late_is_done_without() {
    let mut rig = Rig::agreed(&[line(&name(1), 5000), line(&name(2), 5000)]);
    rig.answer(0, &[]);
    rig.run(MS(3001));
    rig.answer(1, &[ADDRESS]);
    rig.answer(1, &[ADDRESS]);
    assert!(rig.reached().is_empty());
}

#[test]
fn an_address_that_only_this_computer_has_or_nobody_is_no_candidate() {
    let bad = ["127.0.0.1", "::1", "0.0.0.0", "::", "224.0.0.251", "ff02::fb", "fe80::1"];
    let bad = [&bad[..], &["255.255.255.255", "::ffff:127.0.0.1"]].concat();
    let mut rig = Rig::agreed(&[line(&name(1), 5000), line(&name(2), 5000)]);
    rig.answer(0, &bad);
    assert!(rig.reached().is_empty());
    // Of several, the first of each family.
    rig.answer(1, &[&bad[..], &[ADDRESS, "192.168.1.8"]].concat());
    assert_eq!(rig.reached(), ["192.168.1.7:5000"]);
}

#[test]
fn rfc_8445_9_with_a_restart_of_ice_what_was_asked_before_is_forgotten() {
    let mut rig = Rig::agreed(&[line(&name(1), 5000)]);
    rig.agree(&offer(3, &[line(&name(2), 5001)]));
    rig.answer(0, &[ADDRESS]);
    assert!(rig.reached().is_empty());
    rig.answer(1, &[ADDRESS]);
    assert_eq!(rig.reached(), ["192.168.1.7:5001"]);
}
