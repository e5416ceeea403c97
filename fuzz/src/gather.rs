//! The gathering of addresses: STUN and TURN servers that answer as they should, damaged, out of turn or not at
//! all; streams that open, stall and break; addresses that come and go.

mod ears;
mod servers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use offhook::machine::{
    NameId, NetError, NetErrorKind, StreamEvent, StreamId, TrackId, UdpEvent, UdpId, Wake,
};
use offhook::media::{AudioCodec, AudioFrame, Connection, EngineConfig, IceServer};
use offhook::{Input, Machine as _, Output, Seed};

use self::ears::Ears;
use self::servers::{Servers, TCP, TURN};

/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 80;
/// The longest that a script may wait in all: an address is lent for less.
const MAX_WAIT: Duration = Duration::from_secs(4000);
/// The most wakes in a script.
const MAX_WAKES: u32 = 300;
/// Outputs that one input may lead to.
const MAX_OUTPUTS: usize = 400;
/// Wake-ups in a row that time does not advance by.
const MAX_WAKES_AT_ONCE: u32 = 64;
/// Datagrams under way to the client; more are lost.
const MAX_FLYING: usize = 64;
/// The longest that sockets stay open after the end, until relays have taken back what they lent.
const MAX_LEAVING: Duration = Duration::from_secs(1);
/// The sockets that relays have alone at a time.
const MAX_OWN: usize = 4;
/// Streams that are open at a time: the questions that may be under way.
const MAX_STREAMS: usize = 32;

/// The servers that may be asked, a bit for each.
const URLS: [&str; 6] = [
    "stun:198.51.100.2",
    "turn:198.51.100.1",
    "turn:198.51.100.1:3479?transport=tcp",
    "turns:relay.test:3479?transport=tcp",
    "turn:relay.test",
    "turn:198.51.100.9",
];

#[derive(Arbitrary, Debug)]
enum Step {
    /// All that is under way arrives, streams open and names are found, again and again.
    Exchange(u8),
    /// One datagram under way arrives, with a byte of it changed perhaps.
    Arrive {
        which: u8,
        twist: Option<(u16, u8)>,
        twice: bool,
    },
    Lose(u8),
    /// A datagram from a server's address.
    Raw {
        server: u8,
        to: u8,
        data: Vec<u8>,
    },
    /// The last request to a server is refused, unsigned.
    Refuse {
        code: u16,
        alternate: Option<u8>,
    },
    Resolve {
        which: u8,
        addresses: u8,
    },
    Stream {
        which: u8,
        act: Act,
    },
    Add(u8),
    Remove(u8),
    /// The engine sends from one of its addresses.
    Say {
        from: u8,
        to: u8,
        first: u8,
        length: u8,
    },
    /// A peer sends to an address that is lent.
    Hear {
        lent: u8,
        from: u8,
        first: u8,
    },
    /// A relay begins anew.
    Restart,
    /// Servers are others, with other passwords perhaps.
    Renew {
        servers: u8,
        right: bool,
    },
    Wait(u16),
}

#[derive(Arbitrary, Debug)]
enum Act {
    Open,
    Fail,
    Close,
    /// So many bytes come of what the server sent, one of them changed perhaps.
    Bytes {
        count: u16,
        twist: Option<(u16, u8)>,
    },
    Raw(Vec<u8>),
}

/// A stream of the client's.
#[derive(Debug)]
struct Stream {
    to: SocketAddr,
    local: SocketAddr,
    open: bool,
    /// Bytes of the server's that did not come yet.
    bytes: VecDeque<u8>,
}

/// A script. The bits of its first byte are the servers that are asked, then whether only relays may be used, and
/// whether they have lent something before it begins.
///
/// Whatever comes: nothing panics or spins, what one input leads to is bounded and so is what is open at a time,
/// nothing leaves by an address that is gone, no password is shown, and nothing is left open a second after the end.
///
/// # Panics
///
/// One of these does not hold.
pub fn gather(data: &[u8]) {
    let mut script = Unstructured::new(data);
    let Ok(head) = u8::arbitrary(&mut script) else { return };
    let mut lab = Lab::new(head);
    if head & 0x80 != 0 {
        lab.play(&Step::Add(1));
        lab.play(&Step::Exchange(12));
    }
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut script) else { break };
        lab.play(&step);
    }
    lab.end(data.len().is_multiple_of(2));
}

struct Lab {
    connection: Connection,
    servers: Servers,
    start: Instant,
    now: Instant,
    udp: Option<UdpId>,
    is_opened: bool,
    hosts: BTreeSet<SocketAddr>,
    /// The sockets that relays have alone, those that are to be told of, and how many there ever were.
    own: BTreeMap<UdpId, SocketAddr>,
    wanted: Vec<(UdpId, IpAddr)>,
    owned: u16,
    streams: BTreeMap<StreamId, Stream>,
    /// Streams that there ever were.
    count: u16,
    names: Vec<NameId>,
    /// Datagrams to the client: from where, to where.
    flying: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    wake: Option<Wake>,
    woken_at_once: u32,
    left: Duration,
    wakes: u32,
}

fn ice_servers(bits: u8, password: &str) -> Vec<IceServer> {
    let wanted = URLS.iter().enumerate().filter(|(n, _)| bits >> n & 1 != 0);
    let server = |(_, url): (usize, &&str)| match url.starts_with("stun") {
        true => IceServer::stun(*url),
        false => IceServer::turn(*url, "alice", password),
    };
    wanted.map(server).collect()
}

fn host(n: u8) -> SocketAddr {
    match n % 4 {
        3 => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7], 4000)),
        n => SocketAddr::from(([10, 0, 0, n], 4000)),
    }
}

fn peer(n: u8) -> SocketAddr {
    match n {
        255 => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 1, 7], 7000)),
        n => SocketAddr::from(([192, 0, 2, n / 2], 7000 + u16::from(n % 2))),
    }
}

fn twist(data: &mut [u8], twist: Option<(u16, u8)>) {
    if let Some((at, with)) = twist {
        let at = usize::from(at) % data.len().max(1);
        data.get_mut(at).into_iter().for_each(|byte| *byte = with);
    }
}

impl Lab {
    fn new(head: u8) -> Self {
        let now = Instant::now();
        let config = EngineConfig::new(Seed::from(1))
            .ice_servers(ice_servers(head, "pa55word"))
            .relay_only(head & 0x40 != 0);
        let mut lab = Self {
            connection: Connection::new(Box::new(Ears), config, now),
            servers: Servers::new(),
            start: now,
            now,
            udp: None,
            is_opened: false,
            hosts: BTreeSet::new(),
            own: BTreeMap::new(),
            wanted: Vec::new(),
            owned: 0,
            streams: BTreeMap::new(),
            count: 0,
            names: Vec::new(),
            flying: VecDeque::new(),
            wake: None,
            woken_at_once: 0,
            left: MAX_WAIT,
            wakes: MAX_WAKES,
        };
        lab.drain();
        lab
    }

    fn tell(&mut self, input: Input) {
        self.connection.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        self.take_outputs();
        while let Some((id, from)) = self.wanted.pop() {
            self.owned += 1;
            let local = SocketAddr::new(from, 20_000 + self.owned);
            // Each fourth one cannot be opened.
            let event = if self.owned.is_multiple_of(4) {
                UdpEvent::Failed(NetError::new(NetErrorKind::Local, "as the script wants"))
            } else {
                self.own.insert(id, local);
                UdpEvent::Opened { local: vec![local.into()] }
            };
            self.connection.handle_input(self.now, Input::Udp { id, event });
            self.take_outputs();
        }
    }

    fn take_outputs(&mut self) {
        for _ in 0..MAX_OUTPUTS {
            match self.connection.poll_output() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return;
                }
                Output::OpenUdp { id, from: None, .. } => {
                    assert!(self.udp.replace(id).is_none(), "twice");
                }
                Output::OpenUdp { id, from: Some(from), .. } => {
                    self.wanted.push((id, from));
                    assert!(self.own.len() + self.wanted.len() <= MAX_OWN, "too many sockets");
                }
                Output::CloseUdp { id } if self.udp != Some(id) => {
                    self.wanted.retain(|(wanted, _)| *wanted != id);
                    self.own.remove(&id);
                }
                Output::CloseUdp { .. } => self.udp = None,
                Output::Transmit { id, local, remote, data } => {
                    match self.own.get(&id) {
                        Some(own) => assert_eq!(local, *own, "the socket of a relay"),
                        None => {
                            assert_eq!(self.udp, Some(id), "no sockets");
                            assert!(self.hosts.contains(&local), "{local} is none of ours");
                        }
                    }
                    self.serve(local, remote, data);
                }
                Output::Resolve { id, .. } => self.names.push(id),
                Output::OpenStream { id, to, .. } => {
                    self.count += 1;
                    let local = SocketAddr::from(([10, 0, 9, 1], 10_000 + self.count));
                    let stream = Stream { to, local, open: false, bytes: VecDeque::new() };
                    assert!(self.streams.insert(id, stream).is_none());
                    assert!(self.streams.len() <= MAX_STREAMS, "too many streams");
                }
                Output::SendStream { id, data } => {
                    let stream = self.streams.get(&id).expect("a stream that is there");
                    assert!(stream.open, "it is not open yet");
                    let (from, to) = (stream.local, stream.to);
                    self.serve(from, to, data);
                }
                Output::CloseStream { id } => {
                    assert!(self.streams.remove(&id).is_some(), "it is closed already");
                }
                Output::Event(event) => {
                    let shown = format!("{event:?}");
                    assert!(!shown.contains("pa55word") && !shown.contains("wr0ng"), "{shown}");
                }
                _ => {}
            }
        }
        panic!("the drain never ends");
    }

    /// Takes something that the client sends, which arrives at once; the answers are under way.
    fn serve(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let now = self.now - self.start;
        for (from, to, data) in self.servers.handle(now, from, to, data) {
            match self.streams.values_mut().find(|stream| stream.local == to) {
                Some(stream) if stream.bytes.len() < 1 << 16 => stream.bytes.extend(data),
                Some(_) => {}
                None if self.flying.len() < MAX_FLYING => self.flying.push_back((from, to, data)),
                None => {}
            }
        }
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        // Nobody hears what comes to an address that is gone.
        let own = self.own.iter().find(|(_, local)| **local == to).map(|(id, _)| *id);
        if let Some(id) = own.or_else(|| self.udp.filter(|_| self.hosts.contains(&to))) {
            self.tell(Input::Udp {
                id,
                event: UdpEvent::Datagram { local: to, remote: from, data },
            });
        }
    }

    fn change(&mut self, added: Vec<SocketAddr>, removed: Vec<SocketAddr>) {
        let Some(id) = self.udp else { return };
        let added = added.into_iter().filter(|new| self.hosts.insert(*new)).map(Into::into);
        let added: Vec<_> = added.collect();
        let removed: Vec<_> = removed.into_iter().filter(|old| self.hosts.remove(old)).collect();
        let event = match self.is_opened {
            false => UdpEvent::Opened { local: added },
            true => UdpEvent::Changed { added, removed },
        };
        self.is_opened = true;
        self.tell(Input::Udp { id, event });
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Exchange(rounds) => {
                for _ in 0..rounds % 32 {
                    self.exchange();
                }
            }
            Step::Arrive { which, twist: with, twice } => {
                let which = usize::from(*which) % self.flying.len().max(1);
                let Some((from, to, mut data)) = self.flying.remove(which) else { return };
                twist(&mut data, *with);
                for _ in 0..1 + u8::from(*twice) {
                    self.arrive(from, to, data.clone());
                }
            }
            Step::Lose(many) => {
                drop(self.flying.drain(..usize::from(*many).min(self.flying.len())));
            }
            Step::Raw { server, to, data } => {
                self.arrive(self.servers.address(*server), host(*to), data.clone());
            }
            Step::Refuse { code, alternate } => {
                let Some((from, to, data)) = self.servers.refuse(*code, *alternate) else { return };
                match self.streams.values_mut().find(|stream| stream.local == to) {
                    Some(stream) => stream.bytes.extend(data),
                    None => self.arrive(from, to, data),
                }
            }
            Step::Resolve { which, addresses } => {
                let which = usize::from(*which);
                if which < self.names.len() {
                    self.resolve(which, *addresses);
                }
            }
            Step::Stream { which, act } => {
                let which = usize::from(*which) % self.streams.len().max(1);
                if let Some(id) = self.streams.keys().nth(which).copied() {
                    self.act(id, act);
                }
            }
            Step::Add(bits) => {
                self.change((0..4).filter(|n| bits >> n & 1 != 0).map(host).collect(), Vec::new());
            }
            Step::Remove(n) => self.change(Vec::new(), vec![host(*n)]),
            Step::Say { from, to, first, length } => {
                let mut data = vec![*from, *to, *first];
                data.resize(3 + usize::from(*length), 7);
                let frame = AudioFrame {
                    codec: AudioCodec::Opus,
                    time: 0,
                    data: data.into(),
                    talkspurt: false,
                    lost_before: 0,
                };
                let track = TrackId::audio(Connection::MEDIA);
                self.tell(Input::Frame { track, frame: frame.into() });
            }
            Step::Hear { lent, from, first } => {
                if let Some(to) = self.servers.lent_one(*lent) {
                    self.serve(peer(*from), to, vec![*first; 20]);
                }
            }
            Step::Restart => self.servers.restart(),
            Step::Renew { servers, right } => {
                let password = if *right { "pa55word" } else { "wr0ng" };
                let servers = ice_servers(*servers, password);
                let _ = self.connection.set_ice_servers(self.now, &servers);
                self.drain();
            }
            Step::Wait(tenths) => {
                let time = (Duration::from_millis(100) * u32::from(*tenths)).min(self.left);
                self.left -= time;
                self.wait(time);
            }
        }
    }

    fn act(&mut self, id: StreamId, act: &Act) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let error = || NetError::new(NetErrorKind::Lost, "as the script wants");
        let event = match act {
            Act::Open if !stream.open => {
                stream.open = true;
                StreamEvent::Opened { local: stream.local }
            }
            Act::Fail if !stream.open => {
                self.streams.remove(&id);
                StreamEvent::Failed(error())
            }
            Act::Close if stream.open => {
                self.streams.remove(&id);
                StreamEvent::Closed { error: None }
            }
            Act::Bytes { count, twist: with } if stream.open && !stream.bytes.is_empty() => {
                let count = usize::from(*count).clamp(1, stream.bytes.len());
                let mut data: Vec<_> = stream.bytes.drain(..count).collect();
                twist(&mut data, *with);
                StreamEvent::Data(data)
            }
            Act::Raw(data) if stream.open && !data.is_empty() => StreamEvent::Data(data.clone()),
            _ => return,
        };
        self.tell(Input::Stream { id, event });
    }

    fn resolve(&mut self, which: usize, addresses: u8) {
        let id = self.names.remove(which);
        let all =
            [TURN.ip(), host(3).ip(), IpAddr::from([0, 0, 0, 0]), IpAddr::from([127, 0, 0, 1])];
        let found = all.into_iter().enumerate().filter(|(n, _)| addresses >> n & 1 != 0);
        let result = match addresses & 0x80 == 0 {
            true => Ok(found.map(|(_, ip)| ip).collect()),
            false => Err(NetError::new(NetErrorKind::Resolve, "no such host")),
        };
        self.tell(Input::Resolved { id, result });
    }

    fn exchange(&mut self) {
        while !self.names.is_empty() {
            self.resolve(0, 1);
        }
        for id in self.streams.keys().copied().collect::<Vec<_>>() {
            let known = self.streams.get(&id).is_some_and(|stream| stream.to == TCP);
            self.act(id, if known { &Act::Open } else { &Act::Fail });
            self.act(id, &Act::Bytes { count: u16::MAX, twist: None });
        }
        for (from, to, data) in std::mem::take(&mut self.flying) {
            self.arrive(from, to, data);
        }
        self.wait(Duration::from_millis(20));
    }

    /// Time passes, as long as there are wakes left.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.wake.filter(|wake| wake.at <= until)
            && self.wakes > 0
        {
            self.wakes -= 1;
            if wake.at > self.now {
                self.now = wake.at;
                self.woken_at_once = 0;
            }
            self.woken_at_once += 1;
            assert!(self.woken_at_once <= MAX_WAKES_AT_ONCE, "never asleep: {wake:?}");
            self.tell(Input::Timeout);
        }
        self.now = self.now.max(until);
        self.woken_at_once = 0;
    }

    /// The end. Where relays do not answer to it, the sockets stay open for a while all the same.
    fn end(&mut self, answered: bool) {
        let shown = format!("{:?}", self.connection);
        assert!(!shown.contains("pa55word") && !shown.contains("wr0ng"), "{shown}");
        self.connection.close(self.now);
        self.drain();
        self.wakes = MAX_WAKES;
        if answered {
            self.exchange();
        }
        self.wait(MAX_LEAVING);
        assert_eq!((self.udp, self.own.len()), (None, 0), "sockets are left open");
        assert!(self.streams.is_empty(), "streams are left open");
        assert!(self.wake.is_none(), "{:?}", self.wake);
        for id in std::mem::take(&mut self.names) {
            self.tell(Input::Resolved { id, result: Ok(vec![TURN.ip()]) });
        }
        self.now += Duration::from_secs(10);
        self.tell(Input::Timeout);
        assert!(self.wake.is_none() && self.streams.is_empty(), "it goes on after its end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_answer_as_they_should_lend_by_datagrams_and_by_streams() {
        // The name is that of a server that is asked already.
        for (bits, lent) in [(0b10_u8, 1), (0b100, 1), (0b1000, 1), (0b1_1111, 3)] {
            let mut lab = Lab::new(0x40 | bits);
            lab.play(&Step::Add(1));
            lab.play(&Step::Exchange(12));
            assert_eq!(lab.servers.lent.len(), lent, "{bits:b}");
            let said = lab.servers.passed;
            for n in 0..3 {
                lab.play(&Step::Say { from: n, to: 20, first: 128, length: 60 });
                lab.play(&Step::Exchange(12));
            }
            assert!(lab.servers.passed > said, "nothing left by a relay: {bits:b}");
            lab.end(true);
        }
    }

    #[test]
    fn who_is_refused_for_its_address_asks_by_another_socket() {
        let mut lab = Lab::new(0x40 | 0b10);
        lab.play(&Step::Add(1));
        // 437.
        lab.play(&Step::Refuse { code: 137, alternate: None });
        assert_eq!(lab.own.len(), 1);
        lab.play(&Step::Exchange(12));
        assert_eq!((lab.servers.lent.len(), lab.own.len()), (1, 1));
        let said = lab.servers.passed;
        for n in 0..3 {
            lab.play(&Step::Say { from: n, to: 20, first: 128, length: 60 });
            lab.play(&Step::Exchange(12));
        }
        assert!(lab.servers.passed > said, "nothing left by it");
        lab.end(true);
    }

    #[test]
    fn scripts_at_random() {
        for seed in 0..60 {
            let mut rng = Seed::from(seed).rng();
            let mut script: Vec<_> = (0..40).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
            script[0] |= 0x82;
            // Shown when it fails.
            println!("{seed}");
            gather(&script);
        }
    }
}
