//! A gathering in virtual time, against a relay that others wrote, behind a NAT.

mod askers;
mod calls;
mod leaving;
mod lies;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use turn_server_proto::api::{Transmit, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_types::TransportType;
use turn_types::attribute::Lifetime;
use turn_types::message::{ALLOCATE, REFRESH};
use turn_types::stun::attribute::{
    AlternateServer, Attribute as _, AttributeStaticType as _, ErrorCode, MessageIntegrity, Nonce,
    Realm, XorMappedAddress,
};
use turn_types::stun::message::{
    BINDING, IntegrityAlgorithm, LongTermCredentials, Message, MessageClass, MessageWrite as _,
    MessageWriteExt as _, MessageWriteVec,
};

use super::gather::{Gather, Step};
use super::{IceHelp, IceServer};
use crate::Seed;
use crate::machine::{
    Local, NameId, NetError, NetErrorKind, Output, Outputs, StreamEvent, StreamId, UdpEvent,
};
use crate::media::{
    AudioCodec, AudioFrame, EngineConfig, EngineEvent, LocalKind, MediaKind, MediaState, Peer,
    PeerNews, Peers, Track, WebRtcFactory, Wish,
};
use crate::sdp::Direction;
use crate::testing::epoch;

const MS: fn(u64) -> Duration = Duration::from_millis;
const WAY: Duration = Duration::from_millis(10);
const SERVER: &str = "198.51.100.1:3478";
const SERVER6: &str = "[2001:db8:53::1]:3478";
/// The address of the NAT outside.
const OUTSIDE: &str = "203.0.113.9";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A datagram under way.
#[derive(Debug)]
struct Letter {
    due: Instant,
    from: SocketAddr,
    to: SocketAddr,
    data: Vec<u8>,
}

/// A relay on the internet, and what is under way.
struct Net {
    epoch: Instant,
    now: Instant,
    server: TurnServer,
    /// The same by IPv6, which no NAT is in front of.
    server6: TurnServer,
    /// False once the server is dead.
    serves: bool,
    lent: Vec<SocketAddr>,
    under_way: VecDeque<Letter>,
    /// Datagrams that came to addresses that are nobody's here.
    elsewhere: Vec<(SocketAddr, Vec<u8>)>,
    sent_to_server: usize,
    /// The code by which it refuses to lend anything.
    refuses: Option<u16>,
    /// The seconds for which it lends, where it is less than its crate wants.
    lifetime: Option<u32>,
    /// The time that it takes from a port inside to outside and back again, where it is more than usual; without end
    /// where it leads nowhere.
    ways: BTreeMap<u16, Duration>,
    /// The ports by which it was asked to lend something.
    askers: BTreeSet<u16>,
    /// The ports by which something was given back.
    given_back: Vec<u16>,
    /// The address that it says it lends, and by which it says it sees us, where those are lies.
    lies: Option<SocketAddr>,
}

fn server(address: &str) -> TurnServer {
    let mut server = TurnServer::new(TransportType::Udp, at(address), "lab.test".to_owned());
    server.add_user("alice".to_owned(), "pa55word".to_owned());
    server
}

impl Net {
    fn new() -> Self {
        Self {
            epoch: epoch(),
            now: epoch(),
            server: server(SERVER),
            server6: server(SERVER6),
            refuses: None,
            lifetime: None,
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
    fn restart(&mut self) {
        (self.server, self.server6) = (server(SERVER), server(SERVER6));
    }

    fn server_of(&mut self, address: SocketAddr) -> &mut TurnServer {
        if address.is_ipv4() { &mut self.server } else { &mut self.server6 }
    }

    /// The answer by which it lends, as a server says it that lends for less time.
    fn shorten(&self, data: Vec<u8>) -> Vec<u8> {
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

    fn at(&self) -> sans_io_time::Instant {
        sans_io_time::Instant::from_nanos((self.now - self.epoch).as_nanos() as i64)
    }

    /// Something is sent: out by the NAT, if it is from inside.
    fn send(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
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
    fn arrive(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut came = Vec::new();
        while self.under_way.front().is_some_and(|letter| letter.due <= self.now) {
            let Letter { from, to, data, .. } = self.under_way.pop_front().unwrap();
            let is_server = [SERVER, SERVER6].map(at).contains(&to);
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

    fn serve(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
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
        if let (Some(code), Ok(message)) = (self.refuses, Message::from_bytes(&data))
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

fn turn(password: &str) -> IceServer {
    IceServer::turn(format!("turn:{SERVER}"), "alice", password)
}

fn host(port: u16) -> Local {
    SocketAddr::from(([10, 0, 0, 7], port)).into()
}

fn host6(port: u16) -> Local {
    SocketAddr::new("2001:db8:7::7".parse().unwrap(), port).into()
}

/// A gathering, and what it told.
struct Rig {
    net: Net,
    gather: Gather,
    added: Vec<(SocketAddr, LocalKind)>,
    removed: Vec<SocketAddr>,
    done: Vec<Duration>,
    asked: Vec<(NameId, String)>,
    streams: Vec<Option<String>>,
    streamed: Vec<(StreamId, Vec<u8>)>,
    closed: Vec<StreamId>,
    heard: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    stale: usize,
    no_relays: Vec<(SocketAddr, Option<u16>)>,
}

impl Rig {
    fn new(servers: Vec<IceServer>, relay_only: bool) -> Self {
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
            stale: 0,
            no_relays: Vec::new(),
        }
    }

    fn open(&mut self, ports: &[u16]) {
        self.gather.add(self.net.now, ports.iter().map(|port| host(*port)).collect());
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(step) = self.gather.poll() {
            match step {
                Step::Resolve { server, host, .. } => {
                    let id = NameId(self.asked.len() as u64 + 1);
                    self.gather.asked(server, id);
                    self.asked.push((id, host));
                }
                Step::Transmit { local, remote, data } => self.net.send(local, remote, data),
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

    fn run(&mut self, time: Duration) {
        let end = self.net.now + time;
        loop {
            let wake = self.gather.next_wake().map(|wake| wake.at);
            let due = self.net.under_way.front().map(|letter| letter.due);
            let next = wake.into_iter().chain(due).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.net.now = self.net.now.max(next);
            for (to, from, data) in self.net.arrive() {
                let inside = if to.is_ipv4() { host(to.port()).address } else { to };
                if let Some(left) = self.gather.handle_datagram(self.net.now, inside, from, data) {
                    self.heard.push(left);
                }
            }
            self.gather.handle_timeout(self.net.now);
            self.drain();
        }
        self.net.now = end;
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8]) {
        let sent = self.gather.send(self.net.now, from, to, data.to_vec());
        self.drain();
        if let Some((local, remote, data)) = sent {
            self.net.send(local, remote, data);
        }
    }
}

fn stun() -> IceServer {
    IceServer::stun(format!("stun:{SERVER}"))
}

#[test]
fn rfc_8445_5_1_1_host_seen_and_lent_addresses_are_gathered_and_then_it_is_done() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.open(&[4000]);
    rig.run(MS(1000));
    let base = host(4000).address;
    let seen = SocketAddr::new(OUTSIDE.parse().unwrap(), 4000);
    let server = at(SERVER);
    assert_eq!(
        rig.added,
        [
            (base, LocalKind::Host),
            (seen, LocalKind::ServerReflexive { base }),
            (rig.net.lent[0], LocalKind::Relayed { server }),
        ]
    );
    assert_eq!(rig.done.len(), 1);
    assert!(rig.done[0] < MS(200), "two round trips, and 50 ms between requests: {:?}", rig.done);
    assert!(rig.heard.is_empty(), "the engine hears nothing of it");
}

#[test]
fn rfc_8656_11_12_what_is_sent_from_a_lent_address_goes_by_the_server_both_ways() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    assert!(rig.gather.lends(lent) && !rig.gather.lends(far));
    // A check (RFC 7983): it waits for its permission, and is not lost.
    rig.send(lent, far, &[0, 1, 2, 3]);
    rig.run(MS(500));
    assert_eq!(rig.net.elsewhere, [(far, vec![0, 1, 2, 3])]);
    rig.net.send(far, lent, vec![1, 1]);
    rig.net.send(at("192.0.2.78:1"), lent, vec![9, 9]);
    rig.run(MS(100));
    assert_eq!(rig.heard, [(lent, far, vec![1, 1])], "a stranger has no permission");
    // Media goes by a channel: four bytes around it, not 36.
    for n in 0..50_u8 {
        rig.send(lent, far, &[128, n]);
        rig.run(MS(20));
    }
    let media: Vec<_> = rig.net.elsewhere[1..].iter().map(|(_, data)| data[1]).collect();
    assert_eq!(media, (0..50).collect::<Vec<_>>());
    let (local, server, data) = rig.gather.send(rig.net.now, lent, far, vec![128; 100]).unwrap();
    assert_eq!((local.port(), server, data.len()), (4000, at(SERVER), 104));
}

/// The crate's requests keep a distance of 50 ms.
#[test]
fn a_request_that_waits_for_its_turn_has_its_wake_up() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    rig.send(lent, far, &[0, 1]);
    while rig.net.elsewhere.is_empty() {
        rig.run(MS(1));
    }
    // The permission was asked for just now, and the channel has to wait.
    rig.send(lent, far, &[128, 1]);
    rig.run(MS(200));
    let (.., data) = rig.gather.send(rig.net.now, lent, far, vec![128; 100]).unwrap();
    assert_eq!(data.len(), 104, "it goes by the channel");
}

#[test]
fn rfc_8656_it_lives_for_hours_and_is_given_back() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    rig.send(lent, far, &[128, 0]);
    rig.run(Duration::from_secs(2 * 3600));
    rig.send(lent, far, &[128, 1]);
    rig.run(MS(100));
    let heard: Vec<_> = rig.net.elsewhere.iter().map(|(_, data)| data[1]).collect();
    assert_eq!(heard, [0, 1]);
    let before = rig.net.sent_to_server;
    rig.gather.close(rig.net.now);
    rig.drain();
    rig.run(MS(100));
    assert_eq!(rig.net.sent_to_server, before + 1, "a refresh of no time");
    rig.net.send(far, lent, vec![1, 1]);
    rig.run(MS(100));
    assert!(rig.heard.iter().all(|(local, ..)| *local != lent), "{:?}", rig.heard);
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn rfc_8656_7_it_is_given_back_also_right_after_another_request() {
    let (mut rig, lent) = speaking();
    // A channel is asked for, and the client spaces its requests.
    rig.send(lent, at("192.0.2.77:7777"), &[128, 0]);
    let before = rig.net.under_way.len();
    rig.gather.close(rig.net.now);
    rig.drain();
    assert_eq!(rig.net.under_way.len(), before + 1);
    rig.run(MS(100));
    rig.net.send(at("192.0.2.77:7777"), lent, vec![128, 1]);
    let heard = rig.heard.len();
    rig.run(MS(100));
    assert_eq!(rig.heard.len(), heard);
}

#[test]
fn rfc_8489_9_2_a_wrong_password_is_known_at_once() {
    let mut rig = Rig::new(vec![turn("wrong")], false);
    rig.open(&[4000]);
    rig.run(MS(500));
    assert_eq!(rig.added.len(), 1);
    assert!(rig.done[0] < MS(200), "{:?}", rig.done);
    assert!(rig.net.sent_to_server <= 2);
    assert!(!format!("{:?}", rig.gather).contains("wrong"));
}

#[test]
fn rfc_8445_5_1_1_what_does_not_answer_is_done_without_in_time() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.net.serves = false;
    rig.open(&[4000, 4001]);
    rig.run(Duration::from_secs(6));
    assert_eq!(rig.added.len(), 2);
    assert_eq!(rig.done, [MS(5000)]);
    let sent = rig.net.sent_to_server;
    assert!((12..=24).contains(&sent), "asked again: {sent}");
    rig.run(Duration::from_secs(174));
    let sent = rig.net.sent_to_server;
    assert!((12..=100).contains(&sent), "not without end: {sent}");
    assert_eq!((rig.done.len(), rig.gather.next_wake()), (1, None));
}

#[test]
fn rfc_7065_names_are_looked_up_once_and_unknown_ones_are_done_without() {
    let servers = vec![
        IceServer::turn("turn:relay.lab.test", "alice", "pa55word"),
        IceServer::stun("stun:nowhere.lab.test"),
    ];
    let mut rig = Rig::new(servers, false);
    rig.open(&[4000]);
    let names: Vec<_> = rig.asked.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["relay.lab.test", "nowhere.lab.test"]);
    rig.run(MS(50));
    assert!(rig.done.is_empty());
    let found = ["2001:db8::1".parse().unwrap(), at(SERVER).ip()];
    let now = rig.net.now;
    assert!(rig.gather.resolved(now, NameId(1), &found), "of our family, the first");
    assert!(rig.gather.resolved(now, NameId(2), &[]));
    assert!(!rig.gather.resolved(now, NameId(2), &[]), "answered once");
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (2, 1));
}

fn over_streams(uri: &str) -> Rig {
    let mut rig = Rig::new(vec![IceServer::turn(uri, "alice", "pa55word")], true);
    rig.open(&[4000]);
    rig
}

#[test]
fn rfc_8656_3_1_a_relay_over_a_stream_is_asked_when_that_is_open() {
    let mut rig = over_streams("turns:198.51.100.1:3478");
    assert_eq!(rig.streams, [Some("198.51.100.1".to_owned())]);
    rig.run(MS(100));
    assert!(rig.streamed.is_empty() && rig.net.under_way.is_empty());
    let local = at("10.0.0.7:9");
    rig.gather.handle_stream(rig.net.now, StreamId(1), StreamEvent::Opened { local });
    rig.drain();
    assert_eq!(rig.streamed.len(), 1, "the first request");
    // It says nothing, and is asked anew in a while.
    rig.run(Duration::from_secs(4));
    assert_eq!((rig.done.as_slice(), rig.closed.as_slice()), (&[MS(2850)][..], &[StreamId(1)][..]));
    assert_eq!(rig.streams.len(), 1);
    rig.run(Duration::from_secs(176));
    assert_eq!((rig.done.len(), rig.streams.len(), rig.gather.next_wake()), (1, 9, None));
}

#[test]
fn rfc_8489_6_2_2_garbage_ends_a_stream_at_once() {
    let mut rig = over_streams("turns:198.51.100.1:3478");
    let local = at("10.0.0.7:9");
    rig.gather.handle_stream(rig.net.now, StreamId(1), StreamEvent::Opened { local });
    rig.gather.handle_stream(rig.net.now, StreamId(1), StreamEvent::Data(vec![7; 4000]));
    rig.drain();
    assert_eq!((rig.done.as_slice(), rig.closed.as_slice()), (&[MS(0)][..], &[StreamId(1)][..]));
    assert_eq!(rig.streams.len(), 1, "it is asked anew in a while");
}

#[test]
fn a_stream_that_ends_or_never_opens_ends_its_relay() {
    let error = NetError::new(NetErrorKind::Connect, "refused");
    for event in [StreamEvent::Failed(error), StreamEvent::Closed { error: None }] {
        let mut rig = over_streams("turn:198.51.100.1:3478?transport=tcp");
        assert_eq!(rig.streams, [None]);
        rig.gather.handle_stream(rig.net.now, StreamId(1), event);
        rig.drain();
        assert_eq!((rig.done.len(), rig.closed.len()), (1, 0), "there is nothing left to close");
        assert!(!rig.gather.has(StreamId(1)));
    }
}

#[test]
fn a_name_that_is_found_too_late_is_asked_when_gathering_begins_again() {
    let mut rig = Rig::new(vec![IceServer::stun("stun:late.lab.test")], false);
    rig.open(&[4000]);
    rig.run(MS(6000));
    assert_eq!(rig.done, [MS(5000)]);
    assert!(rig.gather.resolved(rig.net.now, NameId(1), &[at(SERVER).ip()]));
    rig.run(MS(6000));
    assert_eq!((rig.net.sent_to_server, rig.gather.next_wake()), (0, None), "what is told is told");
    rig.open(&[4001]);
    rig.run(MS(6000));
    let seen = rig.added.iter().filter(|(at, _)| at.ip().to_string() == OUTSIDE).count();
    assert_eq!((seen, rig.done.len()), (2, 2));
}

#[test]
fn with_relays_only_nobody_is_asked_who_sees_us() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let seen = |kind: &LocalKind| matches!(kind, LocalKind::ServerReflexive { .. });
    assert!(!rig.added.iter().any(|(_, kind)| seen(kind)));
}

#[test]
fn an_address_that_goes_takes_what_was_found_by_it_along() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.open(&[4000, 4001]);
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (5, 1));
    rig.gather.remove(host(4000).address);
    rig.drain();
    assert_eq!(rig.removed, [rig.net.lent[0]]);
    // It is back: who sees it is asked anew.
    rig.open(&[4000]);
    rig.run(MS(6000));
    assert_eq!((rig.added.len(), rig.done.len()), (5 + 3, 2));
}

#[test]
fn packets_that_wait_for_a_permission_are_bounded_and_the_newest_stay() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    for n in 0..40 {
        rig.send(lent, far, &[0, n]);
    }
    rig.run(MS(500));
    let came: Vec<_> = rig.net.elsewhere.iter().map(|(_, data)| data[1]).collect();
    assert_eq!(came, (24..40).collect::<Vec<_>>());
}

#[test]
fn far_addresses_are_bounded_and_asked_for_one_after_the_other() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, sent) = (rig.net.lent[0], rig.net.sent_to_server);
    for n in 0..200 {
        rig.send(lent, SocketAddr::from(([192, 0, 2, n], 9)), &[0, n]);
    }
    assert_eq!(rig.net.under_way.len(), 1, "one request under way");
    rig.run(Duration::from_secs(20));
    assert_eq!(
        rig.net.sent_to_server - sent,
        64 + 16,
        "a permission for each, and what still waits"
    );
    let far = |n: u8| SocketAddr::from(([192, 0, 2, n], 9));
    rig.net.elsewhere.clear();
    for n in [63, 64] {
        rig.send(lent, far(n), &[0, n]);
    }
    rig.run(Duration::from_secs(1));
    assert_eq!(rig.net.elsewhere, [(far(63), vec![0, 63])], "those that are known go on");
}

#[test]
fn servers_are_bounded() {
    let many = (0..100).map(|n| IceServer::stun(format!("stun:192.0.2.{n}"))).collect();
    let mut rig = Rig::new(many, false);
    rig.open(&[4000]);
    assert_eq!(rig.net.under_way.len(), 8);
    let many = (0..100).map(|n| IceServer::stun(format!("stun:192.0.2.{n}"))).collect();
    let mut rig = Rig::new(many, false);
    rig.open(&(4000..4100).collect::<Vec<_>>());
    assert_eq!(rig.net.under_way.len(), 32);
}

#[test]
fn a_stream_whose_relay_was_given_up_is_not_opened() {
    let uri = "turn:late.lab.test?transport=tcp";
    let mut rig = Rig::new(vec![IceServer::turn(uri, "alice", "pa55word")], true);
    rig.open(&[4000]);
    // The address goes in the instant in which the name is found.
    assert!(rig.gather.resolved(rig.net.now, NameId(1), &[at(SERVER).ip()]));
    rig.gather.remove(host(4000).address);
    rig.drain();
    assert!(rig.streams.is_empty());
}

/// A far side that speaks to an address for a time: how much of it came.
fn speak(rig: &mut Rig, lent: SocketAddr, packets: u8) -> usize {
    let before = rig.heard.len();
    for n in 0..packets {
        rig.net.send(at("192.0.2.77:7777"), lent, vec![128, n]);
        rig.run(MS(20));
    }
    rig.heard.len() - before
}

/// A rig with an address that a far side may speak to.
fn speaking() -> (Rig, SocketAddr) {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let lent = rig.net.lent[0];
    rig.send(lent, at("192.0.2.77:7777"), &[1, 0]);
    rig.run(MS(200));
    assert!(speak(&mut rig, lent, 50) >= 49);
    (rig, lent)
}

#[test]
fn rfc_8656_7_a_server_that_begins_anew_is_noticed_and_lends_another_address_in_half_a_second() {
    let (mut rig, lent) = speaking();
    rig.net.restart();
    let silent = rig.net.now;
    while rig.added.len() < 3 {
        speak(&mut rig, lent, 1);
        assert!(rig.net.now - silent < MS(1000), "nobody noticed");
    }
    assert!(rig.net.now - silent < MS(600), "{:?}", rig.net.now - silent);
    assert_eq!((rig.removed.as_slice(), rig.added[2].0), (&[lent][..], rig.net.lent[1]));
    assert_eq!(rig.stale, 1, "new credentials may be needed");
}

#[test]
fn a_network_that_is_silent_for_a_while_loses_no_address() {
    let (mut rig, lent) = speaking();
    rig.net.serves = false;
    speak(&mut rig, lent, 250);
    rig.net.serves = true;
    rig.run(MS(1500));
    assert!(speak(&mut rig, lent, 50) >= 49);
    assert!(rig.removed.is_empty() && rig.added.len() == 2);
}

#[test]
fn a_server_that_never_comes_back_is_given_up() {
    let (mut rig, lent) = speaking();
    rig.net.serves = false;
    rig.run(Duration::from_secs(600));
    assert_eq!(rig.removed, [lent]);
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn rfc_8656_7_an_address_that_is_lent_for_half_a_minute_stays_for_hours() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.lifetime = Some(30);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(2 * 3600));
    assert_eq!((rig.added.len(), rig.removed.len()), (2, 0));
    let sent = rig.net.sent_to_server;
    assert!((480..=484).contains(&sent), "refreshed half way, not more: {sent}");
}

#[test]
fn rfc_8656_5_a_quota_that_is_used_up_is_asked_again_later() {
    let mut rig = Rig::new(vec![turn("pa55word")], false);
    rig.net.refuses = Some(486);
    rig.open(&[4000]);
    rig.run(MS(2900));
    assert_eq!((rig.added.len(), rig.done.len()), (1, 1), "nobody waits for it");
    rig.net.refuses = None;
    rig.run(MS(500));
    assert_eq!(rig.added.len(), 2, "after 1 and 2 seconds");
    // Where nothing else will do, it is waited for.
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(486);
    rig.open(&[4000]);
    rig.run(MS(2900));
    assert!(rig.done.is_empty());
    rig.net.refuses = None;
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (2, 1));
}

#[test]
fn rfc_8656_5_what_is_forbidden_is_asked_once() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(403);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(60));
    assert_eq!((rig.net.sent_to_server, rig.gather.next_wake()), (1, None));
}

#[test]
fn rfc_8489_10_another_server_is_asked_where_one_names_it_and_not_in_a_circle() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(300);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(60));
    let asked: Vec<_> = rig.net.elsewhere.iter().map(|(to, _)| to.to_string()).collect();
    assert_eq!(asked.first().map(String::as_str), Some("198.51.100.2:3478"));
    assert!(asked.iter().all(|to| *to == asked[0]), "{asked:?}");
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn new_credentials_are_tried_where_old_ones_failed_and_leave_alone_what_is_lent() {
    let mut rig = Rig::new(vec![turn("old")], false);
    rig.open(&[4000]);
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (1, 1));
    assert_eq!(rig.no_relays, [(at(SERVER), Some(401))]);
    let help =
        |password| IceHelp { servers: vec![turn(password)], relay_only: false, limit: MS(5000) };
    rig.gather.renew(rig.net.now, &help("old"));
    rig.drain();
    assert_eq!(rig.gather.next_wake(), None, "nothing new");
    rig.gather.renew(rig.net.now, &help("pa55word"));
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (2, 2));
    rig.gather.renew(rig.net.now, &help("newer"));
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.removed.len()), (2, 0));
}

#[test]
fn new_credentials_are_tried_where_old_ones_are_about_to_be_refused() {
    let mut rig = Rig::new(vec![turn("old")], true);
    rig.open(&[4000]);
    rig.run(MS(30));
    let servers = vec![turn("pa55word")];
    rig.gather.renew(rig.net.now, &IceHelp { servers, relay_only: true, limit: MS(5000) });
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.net.lent.len(), rig.no_relays.len()), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A server may send whatever it likes: nothing of it reaches the engine but what a permitted peer sent.
    #[test]
    fn nothing_panics_at_what_a_server_sends(
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..20),
        head in 0_usize..4,
    ) {
        let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
        rig.open(&[4000]);
        rig.run(MS(30 * head as u64));
        for mut text in texts {
            // Like a message, like a channel, or like nothing.
            match head {
                0 => text.splice(0..0, [1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]).for_each(drop),
                1 => text.splice(0..0, [0x40, 0, 0, 4]).for_each(drop),
                2 => text.splice(0..0, [1, 0x13, 0, 8, 0x21, 0x12, 0xa4, 0x42]).for_each(drop),
                _ => {}
            }
            let now = rig.net.now;
            let (here, there) = (host(4000).address, at(SERVER));
            if let Some((local, remote, _)) = rig.gather.handle_datagram(now, here, there, text) {
                prop_assert_eq!((local, remote), (here, there), "not from a relay's address");
            }
            rig.drain();
            rig.run(MS(1));
        }
        rig.run(MS(6000));
        prop_assert_eq!(rig.done.len(), 1);
    }
}

#[test]
fn a_name_that_nobody_asked_for_is_nobodys() {
    let mut peers = Peers::new(Box::new(WebRtcFactory::new()), Seed::from(1));
    let error = NetError::new(NetErrorKind::Resolve, "no such host");
    let mut out: Outputs<(), (), std::io::Error> = Outputs::new(epoch());
    assert!(peers.handle_resolved(NameId(9), Err(error), &mut out).is_none());
}
