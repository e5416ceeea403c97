//! Two engines and the wire between them, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook::media::{
    Agreement, AudioCodec, AudioFrame, Digit, Engine, EngineConfig, EngineEvent, EngineOutput,
    Frame, LocalCandidate, LocalKind, MediaError, MediaState, RawEngine, RawPacket, Track,
    WebRtcFactory, Wish,
};
use offhook::{Rng, Seed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        if self == Self::A { Self::B } else { Self::A }
    }

    pub(crate) fn address(self) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, self as u8 + 1], 1000 + self as u16))
    }
}

struct Datagram {
    to: Side,
    local: SocketAddr,
    remote: SocketAddr,
    data: Vec<u8>,
}

pub(crate) struct Pair {
    pub(crate) now: Instant,
    /// The factory of A.
    gateway: WebRtcFactory,
    engines: [Box<dyn RawEngine>; 2],
    wakes: [Option<Instant>; 2],
    flying: BTreeMap<(Instant, u64), Datagram>,
    sent: u64,
    heard: [Vec<AudioFrame>; 2],
    keys: [Vec<Digit>; 2],
    failed: [Option<MediaError>; 2],
    agreed: [Option<Agreement>; 2],
    pub(crate) candidates: [Vec<LocalCandidate>; 2],
    pub(crate) answer: String,
    /// The side and the socket that datagrams to an address arrive at.
    pub(crate) routes: BTreeMap<SocketAddr, (Side, SocketAddr)>,
    /// The address that a socket's datagrams come from, where a router has changed it.
    pub(crate) seen_as: BTreeMap<SocketAddr, SocketAddr>,
    /// The address that each side's last datagram left from.
    pub(crate) left_by: [Option<SocketAddr>; 2],
    /// True while what each side sends is written down: to whom, and what.
    pub(crate) taps: bool,
    pub(crate) tapped: [Vec<(SocketAddr, Vec<u8>)>; 2],
    /// The other events.
    pub(crate) events: [Vec<EngineEvent>; 2],
    cut: bool,
    /// True while no datagram of DTLS passes.
    mutes_dtls: bool,
    drop_next: Option<Side>,
    loss: Option<(Rng, u64)>,
    rough: Option<Rng>,
    /// One way through the network.
    pub(crate) latency: Duration,
    /// True if a moment here takes as long as outside.
    pub(crate) real_time: bool,
    time: u64,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl Fn(&mut EngineConfig)) -> Self {
        Self::with_each(|_, config| change(config))
    }

    pub(crate) fn with_each(change: impl Fn(Side, &mut EngineConfig)) -> Self {
        Self::of([WebRtcFactory::new(), WebRtcFactory::new()], change)
    }

    #[allow(clippy::disallowed_methods)] // The one clock reading: every other instant is relative.
    pub(crate) fn of(
        [mut gateway, mut other]: [WebRtcFactory; 2],
        change: impl Fn(Side, &mut EngineConfig),
    ) -> Self {
        let now = Instant::now();
        let engine = |side: Side, factory: &mut WebRtcFactory| {
            let mut config = EngineConfig::new(Seed::from(side as u64));
            change(side, &mut config);
            factory.create_raw(now, config)
        };
        Self {
            now,
            engines: [engine(Side::A, &mut gateway), engine(Side::B, &mut other)],
            gateway,
            wakes: [None; 2],
            flying: BTreeMap::new(),
            sent: 0,
            heard: [Vec::new(), Vec::new()],
            keys: [Vec::new(), Vec::new()],
            failed: [None, None],
            agreed: [None; 2],
            candidates: [Vec::new(), Vec::new()],
            answer: String::new(),
            routes: [Side::A, Side::B].map(|side| (side.address(), (side, side.address()))).into(),
            seen_as: BTreeMap::new(),
            left_by: [None; 2],
            taps: false,
            tapped: [Vec::new(), Vec::new()],
            events: [Vec::new(), Vec::new()],
            cut: false,
            mutes_dtls: false,
            drop_next: None,
            loss: None,
            rough: None,
            latency: Duration::from_millis(10),
            real_time: false,
            time: 0,
        }
    }

    pub(crate) fn connected() -> Self {
        let mut pair = Self::new();
        pair.negotiate().unwrap();
        pair.run_until(Duration::from_secs(5), |p| p.both(MediaState::Connected));
        pair
    }

    pub(crate) fn engine(&mut self, side: Side) -> &mut dyn Engine {
        &mut *self.engines[side as usize]
    }

    pub(crate) fn send(&mut self, from: Side, packet: &RawPacket) -> Result<(), MediaError> {
        let now = self.now;
        self.engines[from as usize].send_packet(now, packet)
    }

    pub(crate) fn offer(&mut self) -> String {
        let now = self.now;
        self.engine(Side::A).create_offer(now, &[Wish::AUDIO]).unwrap()
    }

    /// Offer, answer and candidates, all at once. A offers.
    pub(crate) fn negotiate(&mut self) -> Result<(), MediaError> {
        let offer = self.offer();
        self.answer_to(&offer)
    }

    pub(crate) fn negotiate_keeping_the_offer(&mut self) -> String {
        let offer = self.offer();
        self.answer_to(&offer).unwrap();
        offer
    }

    /// A offers once more; B's answer. Candidates go both ways again.
    pub(crate) fn reoffer(&mut self, offer: &str) -> String {
        let now = self.now;
        self.engine(Side::B).accept_offer(now, offer).unwrap();
        let answer = self.engine(Side::B).create_answer(now).unwrap();
        self.engine(Side::A).accept_answer(now, &answer).unwrap();
        for side in [Side::A, Side::B] {
            self.drain(side);
        }
        for side in [Side::A, Side::B] {
            for candidate in std::mem::take(&mut self.candidates[side as usize]) {
                let other = self.engine(side.other());
                other.add_remote_candidate(now, &candidate.candidate).unwrap();
            }
            self.drain(side.other());
        }
        answer
    }

    /// Puts another engine in A's place, with another certificate. Its offer.
    pub(crate) fn replace_a(&mut self) -> String {
        self.renew_gateway();
        self.replace_a_behind_its_gateway()
    }

    /// The same with A's certificate.
    pub(crate) fn replace_a_behind_its_gateway(&mut self) -> String {
        self.replace_a_with(|_| {}, &[Wish::AUDIO])
    }

    /// The same, with all that it can do and wants.
    pub(crate) fn replace_a_with(
        &mut self,
        change: impl Fn(&mut EngineConfig),
        wishes: &[Wish],
    ) -> String {
        let (now, mut config) = (self.now, EngineConfig::new(Seed::from(99)));
        change(&mut config);
        self.engines[0] = self.gateway.create_raw(now, config);
        self.candidates = [Vec::new(), Vec::new()];
        self.engine(Side::A).create_offer(now, wishes).unwrap()
    }

    /// Gives A's engines another certificate from now on.
    pub(crate) fn renew_gateway(&mut self) {
        self.gateway = WebRtcFactory::new();
    }

    /// [`Pair::reoffer`] to an engine that has no sockets yet.
    pub(crate) fn reoffer_with_addresses(&mut self, offer: &str) -> String {
        let now = self.now;
        self.engine(Side::A).add_local(now, &Side::A.address().into(), LocalKind::Host);
        self.engine(Side::A).local_done(now);
        self.drain(Side::A);
        self.reoffer(offer)
    }

    /// The last agreement.
    pub(crate) fn agreed(&self, side: Side) -> Option<Agreement> {
        self.agreed[side as usize]
    }

    pub(crate) fn answer_to(&mut self, offer: &str) -> Result<(), MediaError> {
        let kind = LocalKind::Host;
        self.answer_with(
            offer,
            &[(Side::A, Side::A.address(), kind), (Side::B, Side::B.address(), kind)],
        )
    }

    /// B answers, and both gather those addresses.
    pub(crate) fn answer_with(
        &mut self,
        offer: &str,
        addresses: &[(Side, SocketAddr, LocalKind)],
    ) -> Result<(), MediaError> {
        let now = self.now;
        self.engine(Side::B).accept_offer(now, offer)?;
        self.drain(Side::B);
        self.answer = self.engine(Side::B).create_answer(now)?;
        let answer = self.answer.clone();
        self.engine(Side::A).accept_answer(now, &answer)?;
        for (side, address, kind) in addresses {
            let base = match kind {
                LocalKind::ServerReflexive { base } => *base,
                _ => *address,
            };
            self.routes.insert(*address, (*side, base));
            self.engine(*side).add_local(now, &(*address).into(), *kind);
        }
        for side in [Side::A, Side::B] {
            self.engine(side).local_done(now);
            self.drain(side);
        }
        self.tell_candidates();
        Ok(())
    }

    /// Each side is told what the other has gathered so far.
    pub(crate) fn tell_candidates(&mut self) {
        let now = self.now;
        for side in [Side::A, Side::B] {
            self.drain(side);
            for candidate in self.candidates[side as usize].clone() {
                let other = self.engine(side.other());
                other.add_remote_candidate(now, &candidate.candidate).unwrap();
            }
            self.drain(side.other());
        }
    }

    /// True if a side was told to be in a state.
    pub(crate) fn was(&self, side: Side, state: MediaState) -> bool {
        let is = |event: &EngineEvent| matches!(event, EngineEvent::State(s) if *s == state);
        self.events[side as usize].iter().any(is)
    }

    pub(crate) fn both(&self, state: MediaState) -> bool {
        self.engines.iter().all(|engine| engine.state() == state)
    }

    /// No datagram passes any more.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
    }

    /// No record of DTLS passes any more, or all do again.
    pub(crate) fn mute_dtls(&mut self, mutes: bool) {
        self.mutes_dtls = mutes;
    }

    /// Lets packets pass again.
    pub(crate) fn mend(&mut self) {
        self.cut = false;
    }

    /// The next datagram from a side is lost.
    pub(crate) fn drop_next(&mut self, side: Side) {
        self.drop_next = Some(side);
    }

    /// Loses so many of a hundred datagrams.
    pub(crate) fn lossy(&mut self, seed: u64, percent: u64) {
        self.loss = Some((Seed::from(seed).rng(), percent));
    }

    /// Datagrams come out of order, and twice.
    pub(crate) fn rough(&mut self, seed: u64) {
        self.rough = Some(Seed::from(seed).rng());
    }

    /// For 600 ms each side is sent bytes by the other's address that may look like records of DTLS, but for
    /// alerts.
    pub(crate) fn litter(&mut self, seed: u64) {
        let mut rng = Seed::from(seed).rng();
        for _ in 0..600 {
            self.run(Duration::from_millis(1));
            for side in [Side::A, Side::B] {
                let (now, junk) = (self.now, junk(&mut rng));
                let (local, remote) = (side.address(), side.other().address());
                if junk.first() != Some(&21) {
                    self.engine(side).handle_datagram(now, local, remote, &junk);
                }
            }
        }
    }

    /// A side is sent a fatal alert in the clear by the other's address.
    pub(crate) fn alert(&mut self, side: Side, description: u8) {
        let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, description];
        let (now, local, remote) = (self.now, side.address(), side.other().address());
        self.engine(side).handle_datagram(now, local, remote, &alert);
        self.drain(side);
    }

    pub(crate) fn frame(&self, n: u64, from: Side) -> AudioFrame {
        AudioFrame {
            codec: AudioCodec::Opus,
            time: (self.time + n) * 960,
            lost_before: 0,
            talkspurt: false,
            data: Bytes::from(vec![n as u8, from as u8]),
        }
    }

    /// Both sides send frames at a pace.
    pub(crate) fn talk(&mut self, frames: u64, pace: Duration) {
        self.talk_in(AudioCodec::Opus, frames, pace);
    }

    pub(crate) fn talk_in(&mut self, codec: AudioCodec, frames: u64, pace: Duration) {
        for n in 0..frames {
            for side in [Side::A, Side::B] {
                let mut frame = self.frame(n, side);
                frame.codec = codec;
                let now = self.now;
                self.engine(side).send(now, Track::AUDIO, &frame.into()).unwrap();
                self.drain(side);
            }
            self.run(pace);
        }
        self.time += frames;
        self.run(Duration::from_millis(200));
    }

    /// The frames that a side heard since the last look.
    pub(crate) fn heard(&mut self, side: Side) -> Vec<AudioFrame> {
        std::mem::take(&mut self.heard[side as usize])
    }

    pub(crate) fn keys(&self, side: Side) -> &[Digit] {
        &self.keys[side as usize]
    }

    pub(crate) fn failed(&self, side: Side) -> Option<&MediaError> {
        self.failed[side as usize].as_ref()
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        for side in [Side::A, Side::B] {
            self.drain(side);
        }
        for steps in 0.. {
            assert!(steps < 1_000_000, "never asleep: {:?}", self.wakes);
            if !self.step(until) {
                break;
            }
        }
        self.now = until;
    }

    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let until = self.now + limit;
        for side in [Side::A, Side::B] {
            self.drain(side);
        }
        while !done(self) {
            assert!(self.step(until), "not within {limit:?}");
        }
    }

    /// The next thing that happens by then.
    fn step(&mut self, until: Instant) -> bool {
        let packet = self.flying.first_key_value().map(|((at, _), _)| *at);
        let wake = self.wakes.iter().flatten().min().copied();
        let Some(at) = packet.into_iter().chain(wake).min().filter(|at| *at <= until) else {
            return false;
        };
        self.now = self.now.max(at);
        let now = self.now;
        if self.real_time {
            wait_until(now);
        }
        if packet == Some(at) {
            let Some((_, d)) = self.flying.pop_first() else { return false };
            self.engine(d.to).handle_datagram(now, d.local, d.remote, &d.data);
            self.drain(d.to);
        } else {
            for side in [Side::A, Side::B] {
                if self.wakes[side as usize].is_some_and(|at| at <= now) {
                    self.engine(side).handle_timeout(now);
                    self.drain(side);
                }
            }
        }
        true
    }

    fn drain(&mut self, side: Side) {
        for _ in 0..10_000 {
            match self.engines[side as usize].poll_output() {
                EngineOutput::Transmit { local, remote, data } => {
                    let lost = self
                        .loss
                        .as_mut()
                        .is_some_and(|(rng, percent)| rng.next_u64() % 100 < *percent);
                    let muted = self.mutes_dtls && matches!(data.first(), Some(20..=63));
                    let dropped = self.drop_next == Some(side);
                    if dropped {
                        self.drop_next = None;
                    }
                    self.left_by[side as usize] = Some(local);
                    if self.taps {
                        self.tapped[side as usize].push((remote, data.clone()));
                    }
                    let to = self.routes.get(&remote).copied().filter(|(to, _)| *to != side);
                    let (Some(to), false) = (to, self.cut || muted || lost || dropped) else {
                        continue;
                    };
                    let (mut late, mut copies) = (Duration::ZERO, 1);
                    if let Some(rng) = &mut self.rough {
                        let drawn = rng.next_u64();
                        late = Duration::from_millis(if drawn.is_multiple_of(5) {
                            drawn / 5 % 40
                        } else {
                            0
                        });
                        copies += usize::from(drawn.is_multiple_of(7));
                    }
                    for _ in 0..copies {
                        self.sent += 1;
                        let data = data.clone();
                        let remote = self.seen_as.get(&local).copied().unwrap_or(local);
                        let datagram = Datagram { to: to.0, local: to.1, remote, data };
                        self.flying.insert((self.now + self.latency + late, self.sent), datagram);
                    }
                }
                EngineOutput::Event(event) => match event {
                    EngineEvent::Frame { track: Track::AUDIO, frame: Frame::Audio(frame) } => {
                        self.heard[side as usize].push(frame);
                    }
                    EngineEvent::Dtmf { digit, .. } => self.keys[side as usize].push(digit),
                    EngineEvent::LocalCandidate(c) => self.candidates[side as usize].push(c),
                    EngineEvent::Agreed(agreement) => self.agreed[side as usize] = Some(agreement),
                    EngineEvent::Failed(error) => self.failed[side as usize] = Some(error),
                    other => self.events[side as usize].push(other),
                },
                EngineOutput::Timeout(wake) => {
                    self.wakes[side as usize] = wake.map(|wake| wake.at);
                    return;
                }
                _ => {}
            }
        }
        panic!("the drain never ends");
    }
}

#[allow(clippy::disallowed_methods)] // Whose clock is the wall's cannot be told another time.
fn wait_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
}

/// Bytes that look more or less like a record of epoch 0.
fn junk(rng: &mut Rng) -> Vec<u8> {
    let length = rng.next_u64() % 1300;
    let mut junk: Vec<u8> = (0..length).map(|_| rng.next_u64() as u8).collect();
    let kind = [20, 22, 23, 24 + (rng.next_u64() % 40) as u8][(rng.next_u64() % 4) as usize];
    let body = u16::try_from(junk.len().saturating_sub(13)).unwrap_or_default().to_be_bytes();
    let head = [kind, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, body[0], body[1]];
    for (place, value) in junk.iter_mut().zip(head) {
        if !rng.next_u64().is_multiple_of(16) {
            *place = value;
        }
    }
    junk
}
