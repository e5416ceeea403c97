//! A client and the process that has its media, over a channel that loses, doubles, delays and damages frames.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use offhook::Seed;
use offhook::machine::{
    Input, Local, Machine, NetError, NetErrorKind, Output, UdpEvent, UdpId, Wake,
};
use offhook::ribbon::{AnswerOptions, CallMedia, Command, HostCommand, HostEvent, MediaHost};

use super::desk::Desk;
use crate::agent::tells_a_secret;
use crate::service::{ICE_PWD, fake_media, word};

/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 120;
/// Frames on their way in one direction; one more is lost.
const MAX_FRAMES: usize = 512;
/// The calls that a host has at once.
const MAX_CALLS: usize = 64;
/// Outputs that one input may lead to.
const MAX_OUTPUTS: usize = 4_000;

/// The fate of a frame.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Fate {
    Comes,
    Lost,
    Twice,
    /// The one after it comes first.
    Later,
    /// One byte of it is another.
    Damaged(u16, u8),
}

#[derive(Arbitrary, Clone, Debug)]
enum Step {
    Frame { there: bool, fate: Fate },
    All,
    Text { there: bool, text: String },
    Channel(bool),
    Initialize,
    Mode(bool),
    Ring(u8),
    Talk,
    PickUp(u8),
    Hold { call: u8, off: bool },
    Restart(u8),
    End(u8),
    Sockets { good: bool },
    Media { which: u8, word: u8 },
    Wait(u16),
}

/// The host and the channel.
struct Elsewhere {
    host: MediaHost,
    now: Instant,
    wake: Option<Wake>,
    wanted: VecDeque<UdpId>,
    udp: Vec<UdpId>,
    /// Media that began and did not end.
    live: usize,
    frames: VecDeque<String>,
}

impl Elsewhere {
    fn new(now: Instant) -> Self {
        Self {
            host: MediaHost::new(fake_media(), &Seed::from(2), now),
            now,
            wake: None,
            wanted: VecDeque::new(),
            udp: Vec::new(),
            live: 0,
            frames: VecDeque::new(),
        }
    }

    fn receive(&mut self, text: String) {
        let command = HostCommand::Received(text.into());
        self.host.submit(self.now, command).expect("not too long");
        self.drain();
    }

    fn input(&mut self, input: Input) {
        self.host.handle_input(self.now, input);
        self.drain();
    }

    fn open(&mut self, good: bool) {
        let Some(id) = self.wanted.pop_front() else { return };
        let event = if good {
            self.udp.push(id);
            let address = "192.0.2.60:4000".parse().expect("an address");
            UdpEvent::Opened { local: Local::in_order([address]) }
        } else {
            UdpEvent::Failed(NetError::new(NetErrorKind::Local, "no socket"))
        };
        self.input(Input::Udp { id, event });
    }

    fn datagram(&mut self, which: u8, data: Vec<u8>) {
        let at = usize::from(which) % self.udp.len().max(1);
        let Some(id) = self.udp.get(at).copied() else { return };
        let local = "192.0.2.60:4000".parse().expect("an address");
        let remote = "192.0.2.1:5000".parse().expect("an address");
        self.input(Input::Udp { id, event: UdpEvent::Datagram { local, remote, data } });
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..10_000 {
            let Some(wake) = self.wake.filter(|wake| wake.at <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(wake.at);
            self.input(Input::Timeout);
        }
        panic!("a host that never rests: {:?}", self.wake);
    }

    fn drain(&mut self) {
        for _ in 0..MAX_OUTPUTS {
            let output = self.host.poll_output();
            assert!(!format!("{output:?}").contains(ICE_PWD), "a password is shown");
            match output {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    assert_eq!(self.host.live(), self.live, "media that began and did not end");
                    assert!(self.live <= MAX_CALLS);
                    assert!(self.wanted.len() + self.udp.len() <= self.live, "sockets of nobody");
                    return;
                }
                Output::OpenUdp { id, .. } => self.wanted.push_back(id),
                Output::CloseUdp { id } => {
                    self.wanted.retain(|other| *other != id);
                    self.udp.retain(|other| *other != id);
                }
                Output::Event(HostEvent::Started { .. }) => self.live += 1,
                Output::Event(HostEvent::Ended { .. }) => self.live -= 1,
                Output::Event(HostEvent::Frame(frame)) => {
                    keep(&mut self.frames, frame.into_inner());
                }
                _ => {}
            }
        }
        panic!("the drain never ends");
    }
}

fn keep(frames: &mut VecDeque<String>, frame: String) {
    if frames.len() < MAX_FRAMES {
        frames.push_back(frame);
    }
}

/// A client, a host and the channel between them: settings of the client by the first two bytes, then a script.
///
/// Whatever becomes of the frames: the client keeps every promise that it has with media of its own; the host has
/// as many calls and sockets as it was told to have, and none when a client comes anew; with a good channel a call
/// has its media elsewhere.
///
/// # Panics
///
/// One of these does not hold.
pub fn ribbon_host(data: &[u8]) {
    if tells_a_secret(data) {
        return;
    }
    let mut script = Unstructured::new(data);
    let Ok(bits) = u16::arbitrary(&mut script) else { return };
    let mut desk = Desk::subscribed(bits, fake_media());
    let mut elsewhere = Elsewhere::new(desk.now());
    // What is said on the channel is nobody's words but ours; damaged, a password may be anywhere.
    desk.spoilt = true;
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut script) else { break };
        play(&mut desk, &mut elsewhere, &step);
    }
    // In the end the channel is good.
    for call in desk.ledger.live() {
        desk.submit(Command::End { call });
    }
    wait(&mut desk, &mut elsewhere, Duration::from_secs(180));
    desk.come_up(bits);
    desk.frames.clear();
    elsewhere.frames.clear();
    assert!(desk.submit(Command::SetProxyChannel(true)), "a channel is refused");
    assert!(desk.submit(Command::InitializeRemote(Box::default())));
    carry_all(&mut desk, &mut elsewhere);
    assert_eq!(elsewhere.live, 0, "the client came anew");
    assert!(desk.submit(Command::SetProxyMode(true)), "{:?}", desk.client.proxy());
    desk.ring("host-1");
    if let Some(call) = desk.ledger.live().last().cloned() {
        let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
        let answer = Command::Answer { call: call.clone(), media, options };
        if desk.submit(answer) {
            carry_all(&mut desk, &mut elsewhere);
            desk.wait_served(Duration::from_secs(4));
            let state = desk.ledger.state(&call);
            assert!(desk.udp.is_empty() && elsewhere.live == 1, "media is not there: {state}");
        }
    }
    for call in desk.ledger.live() {
        desk.submit(Command::End { call });
    }
    wait(&mut desk, &mut elsewhere, Duration::from_secs(180));
    assert_eq!((elsewhere.live, elsewhere.udp.len()), (0, 0), "the call is over");
    assert!(desk.submit(Command::SetProxyChannel(false)));
    desk.put_to_rest(bits);
}

fn wait(desk: &mut Desk, elsewhere: &mut Elsewhere, time: Duration) {
    let until = desk.now() + time;
    while desk.now() < until {
        let step = Duration::from_secs(5).min(until - desk.now());
        desk.wait_served(step);
        elsewhere.pass(step);
        carry_all(desk, elsewhere);
    }
}

fn carry_all(desk: &mut Desk, elsewhere: &mut Elsewhere) {
    for _ in 0..10_000 {
        if let Some(frame) = desk.frames.pop_front() {
            elsewhere.receive(frame);
        } else if let Some(frame) = elsewhere.frames.pop_front() {
            desk.submit(Command::ProxyReceived(frame.into()));
        } else if elsewhere.wanted.is_empty() {
            return;
        } else {
            elsewhere.open(true);
        }
    }
    panic!("two that never stop talking");
}

fn play(desk: &mut Desk, elsewhere: &mut Elsewhere, step: &Step) {
    match step {
        Step::Frame { there, fate } => {
            let frames = if *there { &mut desk.frames } else { &mut elsewhere.frames };
            if let Fate::Later = fate
                && frames.len() > 1
            {
                frames.swap(0, 1);
            }
            let Some(frame) = frames.pop_front() else { return };
            let frame = match fate {
                Fate::Lost => return,
                Fate::Damaged(at, with) => damaged(frame, *at, *with),
                Fate::Comes | Fate::Twice | Fate::Later => frame,
            };
            let times = if let Fate::Twice = fate { 2 } else { 1 };
            for _ in 0..times {
                say(desk, elsewhere, *there, frame.clone());
            }
        }
        Step::All => carry_all(desk, elsewhere),
        Step::Text { there, text } => say(desk, elsewhere, *there, text.clone()),
        Step::Channel(there) => drop(desk.submit(Command::SetProxyChannel(*there))),
        Step::Initialize => {
            desk.submit(Command::InitializeRemote(Box::default()));
        }
        Step::Mode(on) => drop(desk.submit(Command::SetProxyMode(*on))),
        Step::Ring(session) => drop(desk.ring(&format!("R{}", session % 4))),
        Step::Talk => drop(desk.talk()),
        Step::PickUp(call) => {
            if let Some(call) = desk.ledger.nth(*call) {
                desk.pick_up(call);
            }
        }
        Step::Hold { call, off } => {
            if let Some(call) = desk.ledger.nth(*call) {
                desk.submit(if *off { Command::Unhold { call } } else { Command::Hold { call } });
            }
        }
        Step::Restart(call) => {
            if let Some(call) = desk.ledger.nth(*call) {
                desk.submit(Command::RestartMedia { call });
            }
        }
        Step::End(call) => {
            if let Some(call) = desk.ledger.nth(*call) {
                desk.submit(Command::End { call });
            }
        }
        Step::Sockets { good } => elsewhere.open(*good),
        Step::Media { which, word: byte } => elsewhere.datagram(*which, word(*byte)),
        Step::Wait(ms) => {
            let time = Duration::from_millis(u64::from(*ms));
            desk.wait_served(time);
            elsewhere.pass(time);
        }
    }
}

fn say(desk: &mut Desk, elsewhere: &mut Elsewhere, there: bool, frame: String) {
    if there {
        elsewhere.receive(frame);
    } else {
        desk.submit(Command::ProxyReceived(frame.into()));
    }
}

fn damaged(frame: String, at: u16, with: u8) -> String {
    let mut bytes = frame.into_bytes();
    let len = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(usize::from(at) % len) {
        *byte = with;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
