//! Media connections, servers that help them to find addresses, and the wires between, in virtual time.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use offhook::machine::{OutputOf, TrackId, UdpEvent, UdpId};
use offhook::media::{
    AudioCodec, AudioFrame, Connection, ConnectionEvent, EngineConfig, EngineEvent, IceServer,
    MediaState, Track, VideoFrame, WebRtcFactory, Wish,
};
use offhook::{Input, Machine as _, Output};
use turn_server_proto::api::{Transmit, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::stun::attribute::XorMappedAddress;
use turn_server_proto::types::stun::message::{
    BINDING, Message, MessageWrite as _, MessageWriteExt as _, MessageWriteVec,
};
use turn_server_proto::types::{Instant as Moment, TransportType};

const TURN: ([u8; 4], u16) = ([198, 51, 100, 1], 3478);
const STUN: [([u8; 4], u16); 2] = [([198, 51, 100, 2], 3478), ([198, 51, 100, 3], 3478)];
/// The address by which STUN servers see everybody.
const OUTSIDE: [u8; 4] = [203, 0, 113, 9];
/// Time between two frames.
const FRAME: Duration = Duration::from_millis(20);

/// The relay, as connections know it.
pub(crate) fn turn() -> IceServer {
    IceServer::turn(format!("turn:{}", SocketAddr::from(TURN)), "alice", "pa55word")
}

/// The servers that only look.
pub(crate) fn stun() -> [IceServer; 2] {
    STUN.map(|server| IceServer::stun(format!("stun:{}", SocketAddr::from(server))))
}

/// A connection, and what it told.
pub(crate) struct End {
    connection: Connection,
    addresses: Vec<SocketAddr>,
    udp: Option<UdpId>,
    /// Candidates that the other end was not told yet.
    news: Vec<String>,
    /// All candidates.
    pub(crate) candidates: Vec<String>,
    /// The time at which there were no more to come.
    pub(crate) complete: Option<Instant>,
    /// The times at which frames were heard.
    pub(crate) heard: Vec<Instant>,
    /// The time that its machine has worked, as clocks outside have it.
    pub(crate) worked: Duration,
    wake: Option<Instant>,
    outputs: Vec<OutputOf<Connection>>,
}

impl End {
    /// Has the machine do something, and takes all that it wants done.
    #[allow(clippy::disallowed_methods)] // Benchmarks ask how long it took.
    fn work(&mut self, work: impl FnOnce(&mut Connection)) {
        let began = Instant::now();
        work(&mut self.connection);
        loop {
            match self.connection.poll_output() {
                Output::Timeout(wake) => break self.wake = wake.map(|wake| wake.at),
                output => self.outputs.push(output),
            }
        }
        self.worked += began.elapsed();
    }
}

/// A datagram under way.
struct Letter {
    from: SocketAddr,
    to: SocketAddr,
    data: Vec<u8>,
}

/// See the [module](self).
pub(crate) struct Wires {
    pub(crate) now: Instant,
    epoch: Instant,
    /// One way through the network.
    way: Duration,
    pub(crate) ends: Vec<End>,
    relay: TurnServer,
    lent: Vec<SocketAddr>,
    under_way: BTreeMap<(Instant, u64), Letter>,
    sent: u64,
    said: u64,
}

impl Wires {
    /// Two ends, the one with these addresses, that have an offer and an answer, and no sockets yet.
    pub(crate) fn new(way: Duration, configs: [EngineConfig; 2], addresses: &[SocketAddr]) -> Self {
        Self::with(way, configs, addresses, &[Wish::AUDIO])
    }

    /// The same with other tracks than one of sound.
    #[allow(clippy::disallowed_methods)] // The one clock reading: every other instant is relative.
    pub(crate) fn with(
        way: Duration,
        configs: [EngineConfig; 2],
        addresses: &[SocketAddr],
        wishes: &[Wish],
    ) -> Self {
        let now = Instant::now();
        let there = vec![SocketAddr::from(([192, 0, 2, 2], 5000))];
        let ends = configs.into_iter().zip([addresses.to_vec(), there]);
        let end = |(config, addresses)| End {
            connection: Connection::new(Box::new(WebRtcFactory::new()), config, now),
            addresses,
            udp: None,
            news: Vec::new(),
            candidates: Vec::new(),
            complete: None,
            heard: Vec::new(),
            worked: Duration::ZERO,
            wake: None,
            outputs: Vec::new(),
        };
        let mut relay = TurnServer::new(TransportType::Udp, TURN.into(), "lab.test".to_owned());
        relay.add_user("alice".to_owned(), "pa55word".to_owned());
        let mut wires = Self {
            now,
            epoch: now,
            way,
            ends: ends.map(end).collect(),
            relay,
            lent: Vec::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            said: 0,
        };
        let [here, there] = &mut wires.ends[..] else { unreachable!("two ends") };
        let offer = here.connection.create_offer(now, wishes).expect("an offer");
        there.connection.accept_offer(now, &offer).expect("taken");
        let answer = there.connection.create_answer(now).expect("an answer");
        here.connection.accept_answer(now, &answer).expect("taken");
        for n in 0..2 {
            wires.work(n, |_, _| {});
        }
        wires
    }

    /// Opens the sockets of an end.
    pub(crate) fn open(&mut self, end: usize) {
        let local = self.ends[end].addresses.iter().copied().map(Into::into).collect();
        let id = self.ends[end].udp.expect("sockets are asked for at once");
        self.tell(end, Input::Udp { id, event: UdpEvent::Opened { local } });
    }

    /// Opens the sockets of both, and lets them connect.
    pub(crate) fn connect(&mut self) {
        self.open(0);
        self.open(1);
        self.run(Duration::from_secs(3));
        let states: Vec<_> = self.ends.iter().map(|end| end.connection.state()).collect();
        assert_eq!(states, [MediaState::Connected; 2]);
    }

    /// Has both say so many frames of G.711: 172 bytes with the head of a packet.
    pub(crate) fn speak(&mut self, frames: u64) {
        for _ in 0..frames {
            for end in 0..2 {
                let frame = AudioFrame {
                    codec: AudioCodec::Pcmu,
                    time: self.said * 160,
                    data: vec![0x55; 160].into(),
                    talkspurt: self.said == 0,
                    lost_before: 0,
                };
                let track = TrackId::audio(Connection::MEDIA);
                self.tell(end, Input::Frame { track, frame: frame.into() });
            }
            self.said += 1;
            self.run(FRAME);
        }
    }

    /// Has an end show a picture on a track.
    pub(crate) fn show(&mut self, end: usize, track: Track, frame: VideoFrame) {
        let track = TrackId { media: Connection::MEDIA, track };
        self.tell(end, Input::Frame { track, frame: frame.into() });
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let wakes = self.ends.iter().filter_map(|end| end.wake);
            let due = self.under_way.first_key_value().map(|((at, _), _)| *at);
            let next = wakes.chain(due).min().filter(|next| *next <= until);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            while let Some(first) = self.under_way.first_entry()
                && first.key().0 <= self.now
            {
                let letter = first.remove();
                self.arrive(letter);
            }
            for n in 0..2 {
                if self.ends[n].wake.is_some_and(|wake| wake <= self.now) {
                    self.tell(n, Input::Timeout);
                }
                for candidate in std::mem::take(&mut self.ends[n].news) {
                    self.work(1 - n, |other, now| {
                        other.add_remote_candidate(now, &candidate).expect("a candidate");
                    });
                }
            }
        }
        self.now = until;
    }

    fn tell(&mut self, end: usize, input: Input) {
        self.work(end, |connection, now| connection.handle_input(now, input));
    }

    fn work(&mut self, end: usize, work: impl FnOnce(&mut Connection, Instant)) {
        let now = self.now;
        let one = &mut self.ends[end];
        one.work(|connection| work(connection, now));
        let mut outputs = std::mem::take(&mut one.outputs);
        for output in outputs.drain(..) {
            let one = &mut self.ends[end];
            match output {
                Output::OpenUdp { id, .. } => one.udp = Some(id),
                Output::Transmit { local, remote, data, .. } => self.send(local, remote, data),
                Output::Frame { .. } => one.heard.push(now),
                Output::Event(ConnectionEvent::Engine(EngineEvent::LocalCandidate(own))) => {
                    one.news.push(own.candidate.clone());
                    one.candidates.push(own.candidate);
                }
                Output::Event(ConnectionEvent::Engine(EngineEvent::GatheringComplete)) => {
                    one.complete.get_or_insert(now);
                }
                _ => {}
            }
        }
        self.ends[end].outputs = outputs;
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        self.sent += 1;
        self.under_way.insert((self.now + self.way, self.sent), Letter { from, to, data });
    }

    fn arrive(&mut self, Letter { from, to, data }: Letter) {
        if let Some(n) = self.ends.iter().position(|end| end.addresses.contains(&to)) {
            let id = self.ends[n].udp.expect("open");
            self.tell(
                n,
                Input::Udp { id, event: UdpEvent::Datagram { local: to, remote: from, data } },
            );
        } else if STUN.iter().any(|server| SocketAddr::from(*server) == to) {
            let message = Message::from_bytes(&data).expect("a request");
            assert!(message.has_method(BINDING));
            let mut answer = Message::builder_success(&message, MessageWriteVec::new());
            let seen = SocketAddr::new(IpAddr::from(OUTSIDE), from.port());
            let seen = XorMappedAddress::new(seen, message.transaction_id());
            answer.add_attribute(&seen).expect("there is room");
            self.send(to, from, answer.finish());
        } else if to == SocketAddr::from(TURN) || self.lent.contains(&to) {
            self.relay(Letter { from, to, data });
        }
    }

    fn relay(&mut self, Letter { from, to, data }: Letter) {
        let now = i64::try_from((self.now - self.epoch).as_nanos()).expect("less than a lifetime");
        let now = Moment::from_nanos(now);
        let reply = self.relay.recv(Transmit::new(data, TransportType::Udp, from, to), now);
        if let Some(reply) = reply.map(|reply| reply.build()) {
            self.send(reply.from, reply.to, reply.data);
        }
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = self.relay.poll(now)
        {
            let port = 50_000 + u16::try_from(self.lent.len()).expect("few");
            let lent = SocketAddr::from((TURN.0, port));
            self.lent.push(lent);
            self.relay.allocated_socket(
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
                Ok(lent),
                now,
            );
        }
        while let Some(out) = self.relay.poll_transmit(now) {
            self.send(out.from, out.to, out.data);
        }
    }
}
