//! Probes in virtual time, of relays that others wrote, behind NATs of each kind.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use turn_server_proto::api::{Transmit, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_types::TransportType;
use turn_types::message::ALLOCATE;
use turn_types::stun::attribute::{ErrorCode, XorMappedAddress};
use turn_types::stun::message::{
    BINDING, Message, MessageWrite as _, MessageWriteExt as _, MessageWriteVec,
};

use super::*;
use crate::machine::{Rng, StreamEvent, StreamId, UdpEvent, UdpId};
use crate::media::IceServer;
use crate::testing::epoch;

const MS: fn(u64) -> Duration = Duration::from_millis;
const WAY: Duration = Duration::from_millis(10);
const ONE: &str = "198.51.100.1:3478";
const TWO: &str = "198.51.100.2:3478";
const OUTSIDE: [u8; 4] = [203, 0, 113, 9];

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Middle {
    Nothing,
    Cone,
    Symmetric,
}

/// The internet: relays, a NAT, and what is under way.
struct Lab {
    now: Instant,
    servers: BTreeMap<SocketAddr, (TurnServer, Vec<SocketAddr>)>,
    middle: Middle,
    /// Inside, and to whom where that matters: the ports outside, from 1024 on.
    ports: Vec<(SocketAddr, Option<SocketAddr>)>,
    under_way: VecDeque<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    /// One of so many packets that relays carry is lost, and those that are larger than this.
    loses: u64,
    most: usize,
    dice: Rng,
    /// The code by which more than so many addresses are refused.
    quota: Option<(usize, u16)>,
    names: BTreeMap<String, Vec<IpAddr>>,
    stream: NetErrorKind,
}

impl Lab {
    fn new(middle: Middle, servers: &[&str]) -> Self {
        let server = |text: &&str| {
            let mut server = TurnServer::new(TransportType::Udp, at(text), "lab.test".to_owned());
            server.add_user("alice".to_owned(), "pa55word".to_owned());
            (at(text), (server, Vec::new()))
        };
        Self {
            now: epoch(),
            servers: servers.iter().map(server).collect(),
            middle,
            ports: Vec::new(),
            under_way: VecDeque::new(),
            loses: 0,
            most: 1600,
            dice: Seed::from(5).rng(),
            quota: None,
            names: BTreeMap::new(),
            stream: NetErrorKind::Connect,
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let is_ours = matches!(from.ip(), IpAddr::V4(ip) if ip.is_private());
        let from = match self.middle {
            Middle::Cone | Middle::Symmetric if is_ours => {
                let key = (from, (self.middle == Middle::Symmetric).then_some(to));
                let known = self.ports.iter().position(|known| *known == key);
                let port = known.unwrap_or_else(|| {
                    self.ports.push(key);
                    self.ports.len() - 1
                });
                SocketAddr::from((OUTSIDE, 1024 + port as u16))
            }
            _ => from,
        };
        let is_lost =
            data.len() > 150 && self.loses > 0 && self.dice.next_u64().is_multiple_of(self.loses);
        if !is_lost && data.len() <= self.most {
            self.under_way.push_back((self.now + WAY, from, to, data));
        }
    }

    /// The datagrams that come to us now: to where, from where, what.
    fn arrive(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut came = Vec::new();
        while self.under_way.front().is_some_and(|(due, ..)| *due <= self.now) {
            let (_, from, to, data) = self.under_way.pop_front().unwrap();
            let serves = |(at, (_, lent)): (&SocketAddr, &(TurnServer, Vec<SocketAddr>))| {
                (*at == to || lent.contains(&to)).then_some(*at)
            };
            let server = self.servers.iter().find_map(serves);
            if let Some(server) = server {
                self.serve(server, from, to, data);
            } else if to.ip() == IpAddr::from(OUTSIDE) {
                let inside = self.ports[usize::from(to.port() - 1024)].0;
                came.push((inside, from, data));
            } else if self.middle == Middle::Nothing {
                came.push((to, from, data));
            }
        }
        came
    }

    fn serve(&mut self, server: SocketAddr, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let message = Message::from_bytes(&data).ok().filter(|_| to == server);
        if let Some(message) = &message
            && message.has_method(BINDING)
        {
            let mut answer = Message::builder_success(message, MessageWriteVec::new());
            answer.add_attribute(&XorMappedAddress::new(from, message.transaction_id())).unwrap();
            return self.send(to, from, answer.finish());
        }
        let (_, lent) = &self.servers[&server];
        if let (Some(message), Some((quota, code))) = (&message, self.quota)
            && message.has_method(ALLOCATE)
            && lent.len() >= quota
        {
            let mut answer = Message::builder_error(message, MessageWriteVec::new());
            answer.add_attribute(&ErrorCode::builder(code).build().unwrap()).unwrap();
            return self.send(to, from, answer.finish());
        }
        let now = (self.now - epoch()).as_nanos() as i64;
        let now = sans_io_time::Instant::from_nanos(now);
        let mut out = Vec::new();
        let (turn, lent) = self.servers.get_mut(&server).unwrap();
        let reply = turn.recv(Transmit::new(data, TransportType::Udp, from, to), now);
        out.extend(reply.map(|reply| reply.build()).map(|one| (one.from, one.to, one.data)));
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = turn.poll(now)
        {
            let address = SocketAddr::new(server.ip(), 50_000 + lent.len() as u16);
            lent.push(address);
            let address = Ok(address);
            let (listen, client) = (listen_addr, client_addr);
            let kind = allocation_transport;
            turn.allocated_socket(transport, listen, client, kind, family, address, now);
        }
        while let Some(one) = turn.poll_transmit(now) {
            out.push((one.from, one.to, one.data));
        }
        for (from, to, data) in out {
            self.send(from, to, data);
        }
    }
}

/// A prober in a lab.
struct Rig {
    lab: Lab,
    prober: Prober,
    sockets: BTreeMap<SocketAddr, UdpId>,
    done: Vec<Result<Outcome, Error>>,
    wake: Option<Instant>,
    closed: usize,
}

impl Rig {
    fn new(lab: Lab) -> Self {
        let prober = Prober::new(Limits::default(), &Seed::from(1), epoch());
        let (sockets, done) = (BTreeMap::new(), Vec::new());
        Self { lab, prober, sockets, done, wake: None, closed: 0 }
    }

    fn input(&mut self, input: Input) {
        self.prober.handle_input(self.lab.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.prober.poll_output() {
                Output::OpenUdp { id, .. } => {
                    let port = 4000 + self.sockets.len() as u16;
                    let local = SocketAddr::from(([10, 0, 0, 7], port));
                    self.sockets.insert(local, id);
                    let event = UdpEvent::Opened { local: vec![local.into()] };
                    self.prober.handle_input(self.lab.now, Input::Udp { id, event });
                }
                Output::CloseUdp { .. } => self.closed += 1,
                Output::Transmit { id, local, remote, data } => {
                    assert_eq!(self.sockets[&local], id);
                    self.lab.send(local, remote, data);
                }
                Output::Resolve { id, host, .. } => {
                    let unknown = NetError::new(NetErrorKind::Resolve, "no such host");
                    let result = self.lab.names.get(&host).cloned().ok_or(unknown);
                    self.prober.handle_input(self.lab.now, Input::Resolved { id, result });
                }
                Output::OpenStream { id, .. } => {
                    let event = StreamEvent::Failed(NetError::new(self.lab.stream, "as the lab"));
                    self.prober.handle_input(self.lab.now, Input::Stream { id, event });
                }
                Output::Completed { result, .. } => self.done.push(result),
                Output::Timeout(wake) => break self.wake = wake.map(|wake| wake.at),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Probes, and tells what is found.
    fn probe(&mut self, servers: Vec<IceServer>) -> PathReport {
        self.prober.submit(self.lab.now, Command::Path(Plan::new(servers))).unwrap();
        self.resume()
    }

    fn resume(&mut self) -> PathReport {
        self.drain();
        for _ in 0..100_000 {
            if let Some(result) = self.done.pop() {
                assert_eq!(self.closed, self.sockets.len(), "all sockets are closed");
                assert_eq!(self.wake, None, "nothing is waited for");
                let Ok(Outcome::Path(report)) = result else { panic!("{result:?}") };
                return *report;
            }
            let due = self.lab.under_way.front().map(|(due, ..)| *due);
            let next = due.into_iter().chain(self.wake).min().expect("it ends by itself");
            self.lab.now = self.lab.now.max(next);
            for (local, remote, data) in self.lab.arrive() {
                let id = self.sockets[&local];
                self.input(Input::Udp { id, event: UdpEvent::Datagram { local, remote, data } });
            }
            self.input(Input::Timeout);
        }
        panic!("it has no end");
    }
}

fn turn(server: &str, password: &str) -> IceServer {
    IceServer::turn(format!("turn:{server}"), "alice", password)
}

fn stun(server: &str) -> IceServer {
    IceServer::stun(format!("stun:{server}"))
}

fn probe(lab: Lab, servers: Vec<IceServer>) -> PathReport {
    Rig::new(lab).probe(servers)
}

#[test]
fn rfc_8656_packets_go_by_a_relay_and_are_measured() {
    let report = probe(Lab::new(Middle::Cone, &[ONE]), vec![stun(ONE), turn(ONE, "pa55word")]);
    let [seen, lent] = &report.servers[..] else { panic!("{report:?}") };
    assert_eq!((seen.transport, lent.transport), (Transport::Stun, Transport::TurnUdp));
    let (seen, best) = (seen.best().unwrap(), lent.best().unwrap());
    assert_eq!((seen.address.unwrap().ip(), seen.after), (IpAddr::from(OUTSIDE), MS(20)));
    assert_eq!(best.address, Some(at("198.51.100.1:50000")));
    assert!(best.after < MS(150), "{best:?}");
    assert_eq!((&lent.problem, &lent.loopback_problem), (&None, &None));
    let figures = lent.loopback.unwrap();
    assert_eq!((figures.sent, figures.received, figures.returned), (50, 50, 50));
    // To the relay, from one of its addresses to another, and back.
    assert_eq!((figures.one_way, figures.round_trip), (Some(MS(30)), Some(MS(60))));
    assert_eq!((figures.jitter, figures.loss()), (Duration::ZERO, 0.0));
    assert_eq!(figures.largest, Some(1472));
    assert!(report.took < MS(3000), "{:?}", report.took);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["servers"][1]["loopback"]["one_way_ms"], 30.0);
    assert_eq!(json["servers"][1]["transport"], "turn_udp");
}

#[test]
fn rfc_5780_4_3_a_nat_is_known_by_what_two_servers_see() {
    let both = || vec![stun(ONE), stun(TWO)];
    let lab = |middle| Lab::new(middle, &[ONE, TWO]);
    assert_eq!(probe(lab(Middle::Nothing), both()).nat, Nat::None);
    assert_eq!(probe(lab(Middle::Cone), both()).nat, Nat::EndpointIndependent);
    let report = probe(lab(Middle::Symmetric), both());
    assert_eq!((report.nat, report.mappings.len()), (Nat::Dependent, 2));
    assert_eq!(probe(lab(Middle::Symmetric), vec![stun(ONE)]).nat, Nat::Unknown);
    // A relay sees us as well.
    let relay = vec![stun(ONE), turn(TWO, "pa55word")];
    assert_eq!(probe(lab(Middle::Symmetric), relay).nat, Nat::Dependent);
}

#[test]
fn rfc_8489_14_8_a_refusal_is_told_with_its_meaning() {
    let refused = probe(Lab::new(Middle::Cone, &[ONE]), vec![turn(ONE, "wrong")]);
    let problem = refused.servers[0].problem.clone().unwrap();
    assert_eq!(problem, Problem::Refused { code: 401 });
    assert_eq!(problem.to_string(), "refused with 401: wrong user name or password");
    assert!(!format!("{refused:?}").contains("\"wrong\""));
    for code in [403, 486, 508] {
        let mut lab = Lab::new(Middle::Cone, &[ONE]);
        lab.quota = Some((0, code));
        let report = probe(lab, vec![turn(ONE, "pa55word")]);
        assert_eq!(report.servers[0].problem, Some(Problem::Refused { code }));
        assert!(report.took < MS(500), "asked no more: {:?}", report.took);
    }
}

#[test]
fn rfc_8656_5_a_quota_of_one_address_leaves_no_second_for_packets() {
    let mut lab = Lab::new(Middle::Cone, &[ONE]);
    lab.quota = Some((1, 486));
    let report = probe(lab, vec![turn(ONE, "pa55word")]);
    let server = &report.servers[0];
    assert_eq!((server.best().is_some(), &server.problem), (true, &None));
    let refused = Problem::Refused { code: 486 };
    assert_eq!(server.loopback_problem, Some(Problem::NoSecond(Box::new(refused))));
}

#[test]
fn a_server_that_is_dead_is_silent_and_delays_no_other() {
    let lab = Lab::new(Middle::Cone, &[ONE]);
    let dead = vec![stun(TWO), turn(TWO, "pa55word"), turn(ONE, "pa55word")];
    let report = probe(lab, dead);
    let problems: Vec<_> = report.servers.iter().map(|server| server.problem.clone()).collect();
    assert_eq!(problems, [Some(Problem::Silent), Some(Problem::Silent), None]);
    assert!(report.servers[2].loopback.is_some() && report.took <= MS(5000));
}

#[test]
fn rfc_3550_6_4_1_a_relay_that_loses_packets_is_told_of() {
    let lossy = || {
        let mut lab = Lab::new(Middle::Cone, &[ONE]);
        (lab.loses, lab.most) = (10, 1290);
        probe(lab, vec![turn(ONE, "pa55word")])
    };
    let report = lossy();
    assert_eq!(report, lossy(), "the same again");
    let figures = report.servers[0].loopback.unwrap();
    assert!((0.05..0.5).contains(&figures.loss()), "{figures:?}");
    assert!(figures.returned < figures.received, "{figures:?}");
    assert_eq!(figures.largest, Some(1280));
}

#[test]
fn names_and_streams_that_fail_are_told_with_what_the_network_says() {
    let mut lab = Lab::new(Middle::Cone, &[ONE]);
    lab.names.insert("relay.lab.test".to_owned(), vec![at(ONE).ip()]);
    lab.names.insert("six.lab.test".to_owned(), vec!["2001:db8::1".parse().unwrap()]);
    lab.stream = NetErrorKind::Tls;
    let of = |url: &str| IceServer::turn(url, "alice", "pa55word");
    let report = probe(
        lab,
        vec![
            of("turn:nowhere.lab.test"),
            of("turns:relay.lab.test"),
            of("turn:six.lab.test"),
            of("turn:relay.lab.test"),
            of("turns:relay.lab.test?transport=udp"),
            of("http://relay"),
            of("turn:relay.lab.test"),
            IceServer::stun("turn:other.lab.test"),
        ],
    );
    let told = |n: usize| report.servers[n].problem.as_ref().map(ToString::to_string);
    assert_eq!(told(0).as_deref(), Some("name not resolved: no such host"));
    assert_eq!(told(1).as_deref(), Some("TLS failed: as the lab"));
    assert_eq!(report.servers[1].transport, Transport::TurnTls);
    assert_eq!(report.servers[2].problem, Some(Problem::NoFamily));
    assert_eq!((told(3), &report.servers[3].addresses[..]), (None, &[at(ONE).ip()][..]));
    assert_eq!(report.servers[4].problem, Some(Problem::Unused));
    assert_eq!(report.servers[5].problem, Some(Problem::Unreadable));
    assert_eq!(
        report.servers[6].problem,
        Some(Problem::NoCredentials),
        "what is known is left out"
    );
    assert_eq!(report.servers.len(), 7);
}

#[test]
fn a_probe_ends_in_its_time_with_what_is_known() {
    let mut rig = Rig::new(Lab::new(Middle::Cone, &[ONE]));
    let plan = Plan::new([turn(ONE, "pa55word"), stun(TWO)]).limit(MS(400));
    rig.prober.submit(rig.lab.now, Command::Path(plan)).unwrap();
    let again = rig.prober.submit(rig.lab.now, Command::Path(Plan::new([])));
    assert_eq!(again, Err(Error::Busy));
    let report = rig.resume();
    assert_eq!(report.took, MS(400));
    assert_eq!(report.servers[0].loopback_problem, Some(Problem::Late));
    assert_eq!(report.servers[1].problem, Some(Problem::Silent));
}

#[test]
fn questions_are_answered_once_and_in_time() {
    let now = epoch();
    let mut prober = Prober::new(Limits::default(), &Seed::from(1), now);
    let uri: http::Uri = "https://api.lab.test/secret".parse().unwrap();
    let command = Command::Http { uri: uri.clone() };
    assert_eq!(format!("{command:?}"), "Http(Some(\"api.lab.test\"))");
    prober.submit(now, command).unwrap();
    let Output::Http { id, request, .. } = prober.poll_output() else { panic!() };
    assert_eq!((request.uri(), request.method()), (&uri, &http::Method::GET));
    let later = now + MS(70);
    for _ in 0..2 {
        let response = http::Response::builder().status(401).body(Vec::new()).unwrap();
        prober.handle_input(later, Input::Http { id, result: Ok(response) });
    }
    let answered = Outcome::Answered { status: 401, after: MS(70) };
    assert!(
        matches!(prober.poll_output(), Output::Completed { result: Ok(o), .. } if o == answered)
    );
    assert!(matches!(prober.poll_output(), Output::Timeout(None)));
    prober.submit(later, Command::WebSocket { uri, protocol: Some("xmpp".to_owned()) }).unwrap();
    let Output::OpenWebSocket { request, deadline, .. } = prober.poll_output() else { panic!() };
    assert_eq!(request.headers()["sec-websocket-protocol"], "xmpp");
    prober.handle_input(deadline, Input::Timeout);
    assert!(matches!(prober.poll_output(), Output::Completed { result: Err(Error::Net(_)), .. }));
    assert!(matches!(prober.poll_output(), Output::CloseWebSocket { .. }));
    assert!(matches!(prober.poll_output(), Output::Timeout(None)));
}

#[test]
fn close_ends_everything_and_gives_back_what_is_lent() {
    let mut rig = Rig::new(Lab::new(Middle::Cone, &[ONE]));
    rig.prober.submit(rig.lab.now, Command::Path(Plan::new([turn(ONE, "pa55word")]))).unwrap();
    rig.prober.submit(rig.lab.now, Command::Resolve { host: "h".to_owned() }).unwrap();
    rig.prober.submit(rig.lab.now, Command::Close).unwrap();
    assert_eq!(rig.prober.submit(rig.lab.now, Command::Close), Err(Error::Closed));
    rig.drain();
    let closed = || Err(Error::Closed);
    assert_eq!(rig.done, [closed(), closed(), Ok(Outcome::Done)]);
    assert_eq!((rig.wake, rig.closed), (None, 2));
}

/// Inputs of any kind for ids that may be its.
fn inputs() -> impl Strategy<Value = (u64, u8, u8, Vec<u8>)> {
    (0_u64..40, 0_u8..14, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..60))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_panics_and_each_command_is_answered_once(all in proptest::collection::vec(inputs(), 0..60)) {
        let mut now = epoch();
        let mut prober = Prober::new(Limits::default(), &Seed::from(3), now);
        let servers = [turn(ONE, "p"), stun(TWO), IceServer::turn("turns:h:1", "u", "p")];
        let (mut open, mut answered) = (Vec::new(), Vec::new());
        let local = at("10.0.0.7:4000");
        let mut drain = |prober: &mut Prober| {
            for _ in 0..10_000 {
                match prober.poll_output() {
                    Output::Completed { command, .. } => answered.push(command),
                    Output::Timeout(_) => return,
                    _ => {}
                }
            }
            panic!("a drain without end");
        };
        for (id, kind, byte, data) in all {
            now += MS(u64::from(byte) * 20);
            let error = NetError::new(NetErrorKind::Lost, "gone");
            let command = match kind {
                0 => Some(Command::Path(Plan::new(servers.clone()))),
                1 => Some(Command::Resolve { host: "h".to_owned() }),
                2 if byte > 250 => Some(Command::Close),
                _ => None,
            };
            if let Some(command) = command {
                open.extend(prober.submit(now, command));
                drain(&mut prober);
                continue;
            }
            let remote = at(if byte % 2 == 0 { ONE } else { TWO });
            let stream = StreamId(id);
            let input = match kind {
                3 | 4 => Input::Udp { id: UdpId(id), event: UdpEvent::Opened { local: vec![local.into()] } },
                5 => Input::Udp { id: UdpId(id), event: UdpEvent::Failed(error) },
                6 => Input::Udp { id: UdpId(id), event: UdpEvent::Datagram { local, remote, data } },
                7 => Input::Udp {
                    id: UdpId(id),
                    event: UdpEvent::Changed { added: Vec::new(), removed: vec![local] },
                },
                8 => Input::Stream { id: stream, event: StreamEvent::Opened { local } },
                9 => Input::Stream { id: stream, event: StreamEvent::Data(data) },
                10 => Input::Stream { id: stream, event: StreamEvent::Closed { error: Some(error) } },
                11 => Input::Resolved { id: NameId(id), result: Ok(vec![remote.ip()]) },
                12 => Input::Resolved { id: NameId(id), result: Err(error) },
                _ => Input::Timeout,
            };
            prober.handle_input(now, input);
            drain(&mut prober);
        }
        now += Duration::from_secs(40);
        prober.handle_input(now, Input::Timeout);
        drain(&mut prober);
        open.sort();
        answered.sort();
        prop_assert_eq!(open, answered);
    }
}
