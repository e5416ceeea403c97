//! Two media connections beneath a signaling of the test's own, in virtual time.
#![cfg(feature = "str0m")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::machine::{TrackId, UdpEvent, UdpId};
use offhook::media::{
    AudioCodec, AudioFrame, Connection, ConnectionCommand, ConnectionEvent, ConnectionOutcome,
    EngineConfig, EngineEvent, IceServer, MediaError, MediaState, PathState, WebRtcFactory, Wish,
};
use offhook::{Input, Machine as _, Output, Seed};

/// A connection, and what it told.
struct End {
    connection: Connection,
    address: SocketAddr,
    udp: Option<UdpId>,
    candidates: Vec<String>,
    events: Vec<ConnectionEvent>,
    heard: usize,
    wake: Option<Instant>,
    closed: bool,
}

impl End {
    fn new(number: u8, config: EngineConfig, now: Instant) -> Self {
        Self {
            connection: Connection::new(Box::new(WebRtcFactory::new()), config, now),
            address: SocketAddr::from(([192, 0, 2, number], 4000)),
            udp: None,
            candidates: Vec::new(),
            events: Vec::new(),
            heard: 0,
            wake: None,
            closed: false,
        }
    }

    fn state(&self) -> MediaState {
        self.connection.state()
    }
}

/// Both ends, and what is under way between them.
struct Lab {
    now: Instant,
    ends: [End; 2],
    letters: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl Lab {
    #[allow(clippy::disallowed_methods)] // The one clock reading: every other instant is relative.
    fn new(change: impl Fn(EngineConfig) -> EngineConfig) -> Self {
        let now = Instant::now();
        let end = |n| End::new(n, change(EngineConfig::new(Seed::from(u64::from(n)))), now);
        Self { now, ends: [end(1), end(2)], letters: VecDeque::new() }
    }

    /// Does what they want done, and hands on the candidates that they tell.
    fn drain(&mut self) {
        for end in &mut self.ends {
            loop {
                match end.connection.poll_output() {
                    Output::OpenUdp { id, .. } => end.udp = Some(id),
                    Output::CloseUdp { .. } => end.closed = true,
                    Output::Transmit { local, remote, data, .. } => {
                        self.letters.push_back((local, remote, data));
                    }
                    Output::Event(ConnectionEvent::Engine(EngineEvent::LocalCandidate(own))) => {
                        end.candidates.push(own.candidate);
                    }
                    Output::Event(event) => end.events.push(event),
                    Output::Frame { track, .. } => {
                        assert_eq!(track, TrackId::audio(Connection::MEDIA));
                        end.heard += 1;
                    }
                    Output::Timeout(wake) => break end.wake = wake.map(|wake| wake.at),
                    _ => {}
                }
            }
        }
    }

    fn tell(&mut self, end: usize, input: Input) {
        self.ends[end].connection.handle_input(self.now, input);
        self.drain();
    }

    fn open(&mut self) {
        self.drain();
        for n in 0..2 {
            let local = vec![self.ends[n].address.into()];
            let id = self.ends[n].udp.expect("sockets are asked for at once");
            self.tell(n, Input::Udp { id, event: UdpEvent::Opened { local } });
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            while let Some((from, to, data)) = self.letters.pop_front() {
                let Some(n) = self.ends.iter().position(|end| end.address == to) else { continue };
                let event = UdpEvent::Datagram { local: to, remote: from, data };
                let id = self.ends[n].udp.expect("open");
                self.tell(n, Input::Udp { id, event });
            }
            for n in 0..2 {
                for candidate in std::mem::take(&mut self.ends[n].candidates) {
                    let other = &mut self.ends[1 - n].connection;
                    other.add_remote_candidate(self.now, &candidate).expect("a candidate");
                    self.drain();
                }
            }
            let next = self.ends.iter().filter_map(|end| end.wake).min();
            let Some(next) = next.filter(|next| *next <= until) else {
                if self.letters.is_empty() {
                    break;
                }
                continue;
            };
            self.now = self.now.max(next);
            for n in 0..2 {
                self.tell(n, Input::Timeout);
            }
        }
        self.now = until;
    }

    /// Has an offer of the first end's answered by the other.
    fn negotiate(&mut self, offer: &str) {
        let Self { now, ends: [caller, callee], .. } = self;
        callee.connection.accept_offer(*now, offer).expect("taken");
        let answer = callee.connection.create_answer(*now).expect("an answer");
        caller.connection.accept_answer(*now, &answer).expect("taken");
        self.drain();
    }

    /// Has both say so many frames.
    fn speak(&mut self, frames: u64) {
        for n in 0..frames {
            for end in 0..2 {
                self.say(end, n, n == 0);
            }
            self.run(Duration::from_millis(20));
        }
        self.run(Duration::from_millis(500));
    }

    /// Has one say the frame of this number.
    fn say(&mut self, end: usize, n: u64, talkspurt: bool) {
        let data = vec![1; 40].into();
        let (codec, time) = (AudioCodec::Opus, n * 960);
        let frame = AudioFrame { codec, time, data, talkspurt, lost_before: 0 };
        let track = TrackId::audio(Connection::MEDIA);
        self.tell(end, Input::Frame { track, frame: frame.into() });
    }

    fn connect(&mut self) {
        let offer = self.ends[0].connection.create_offer(self.now, &[Wish::AUDIO]);
        self.negotiate(&offer.expect("an offer"));
        self.open();
        self.run(Duration::from_secs(3));
        assert_eq!([self.ends[0].state(), self.ends[1].state()], [MediaState::Connected; 2]);
    }
}

#[test]
fn rfc_8838_two_connections_talk_whose_candidates_are_told_one_by_one() {
    let mut lab = Lab::new(|config| config);
    lab.connect();
    lab.speak(50);
    assert_eq!([lab.ends[0].heard, lab.ends[1].heard], [50, 50]);
    lab.run(Duration::from_secs(5));
    let told = &lab.ends[0].events;
    assert!(told.iter().any(|event| matches!(event, ConnectionEvent::Stats(_))), "{told:?}");
}

#[test]
fn rfc_7587_3_1_3_a_far_side_that_leaves_out_its_pauses_is_neither_quiet_nor_lossy() {
    let mut lab = Lab::new(|config| config.dtx(true));
    lab.connect();
    lab.speak(100);
    let figures = |lab: &Lab| lab.ends[0].connection.engine().expect("open").stats();
    let before = figures(&lab);
    // Of a minute's pause one frame in 400 ms, and then nothing at all of another's but reports.
    for n in 0..150 {
        lab.say(1, 125 + n * 20, false);
        lab.run(Duration::from_millis(400));
    }
    lab.run(Duration::from_secs(60));
    lab.say(1, 6_125, true);
    lab.run(Duration::from_millis(500));
    let after = figures(&lab);
    assert_eq!(after.packets_received - before.packets_received, 151);
    assert_eq!(lab.ends[0].heard, 251);
    assert_eq!((after.packets_lost, after.packets_late), (0, 0), "{after:?}");
    assert_eq!((after.frames_concealed, after.frames_recovered), (0, 0), "{after:?}");
    assert!(after.playout <= Duration::from_millis(5), "{after:?}");
    for end in &lab.ends {
        let changed = |event: &ConnectionEvent| matches!(event, ConnectionEvent::Path(_));
        assert!(!end.events.iter().any(changed), "{:?}", end.events);
        assert_eq!(end.state(), MediaState::Connected);
    }
}

#[test]
fn a_connection_that_is_closed_says_goodbye_and_takes_no_more() {
    let mut lab = Lab::new(|config| config);
    lab.connect();
    let now = lab.now;
    lab.ends[0].connection.close(now);
    lab.ends[0].connection.close(now);
    lab.drain();
    assert!(lab.ends[0].closed);
    assert_eq!(lab.ends[0].wake, None);
    let refused = lab.ends[0].connection.create_offer(now, &[Wish::AUDIO]);
    assert_eq!(refused, Err(MediaError::State(MediaState::Closed)));
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.ends[1].state(), MediaState::Closed);
}

#[test]
fn commands_complete_at_once_or_are_refused() {
    let mut lab = Lab::new(|config| config);
    let now = lab.now;
    let connection = &mut lab.ends[0].connection;
    let early = connection.submit(now, ConnectionCommand::CreateAnswer);
    assert!(matches!(early, Err(MediaError::State(_))), "{early:?}");
    let offer = ConnectionCommand::CreateOffer(vec![Wish::AUDIO]);
    let asked = connection.submit(now, offer).expect("possible");
    let completed = loop {
        match connection.poll_output() {
            Output::Completed { command, result } => break (command, result),
            Output::Timeout(_) => panic!("it did not complete"),
            _ => {}
        }
    };
    let (command, Ok(ConnectionOutcome::Description(sdp))) = completed else {
        panic!("{completed:?}")
    };
    assert_eq!(command, asked);
    assert!(sdp.starts_with("v=0\r\n"));
}

#[test]
fn rfc_8656_a_relay_that_does_not_answer_is_told_where_nothing_else_may_be_used() {
    let silent = || IceServer::turn("turn:192.0.2.9", "user", "password");
    let mut lab = Lab::new(|config| config.ice_servers([silent()]).relay_only(true));
    lab.open();
    lab.run(Duration::from_secs(10));
    let told = &lab.ends[0].events;
    let is_silent = |event: &ConnectionEvent| matches!(event, ConnectionEvent::NoRelay { server, code: None } if server.port() == 3478);
    assert!(told.iter().any(is_silent), "{told:?}");
    assert!(lab.ends[0].candidates.is_empty(), "no address of an interface is told");
}

#[test]
fn servers_that_are_told_later_are_asked() {
    let mut lab = Lab::new(|config| config);
    lab.connect();
    let servers = [IceServer::turn("turn:192.0.2.9", "user", "password")];
    let now = lab.now;
    lab.ends[0].connection.set_ice_servers(now, &servers).expect("open");
    lab.drain();
    let asks = |(_, to, _): &(SocketAddr, SocketAddr, Vec<u8>)| to.port() == 3478;
    assert!(lab.letters.iter().any(asks), "{:?}", lab.letters);
    assert_eq!(lab.ends[0].state(), MediaState::Connected);
}

#[test]
fn rfc_8445_9_ice_restarts_when_the_address_is_gone_that_media_left_by() {
    let mut lab = Lab::new(|config| config);
    lab.connect();
    lab.speak(1);
    let (old, new) = (lab.ends[0].address, SocketAddr::from(([192, 0, 2, 3], 4000)));
    lab.ends[0].address = new;
    let id = lab.ends[0].udp.expect("open");
    let event = UdpEvent::Changed { added: vec![new.into()], removed: vec![old] };
    lab.tell(0, Input::Udp { id, event });
    let is_lost = |event: &ConnectionEvent| matches!(event, ConnectionEvent::Path(PathState::Lost));
    assert!(lab.ends[0].events.iter().any(is_lost), "{:?}", lab.ends[0].events);
    let now = lab.now;
    let offer = lab.ends[0].connection.restart_ice(now).expect("an offer");
    lab.negotiate(&offer);
    lab.run(Duration::from_secs(3));
    let heard = lab.ends[1].heard;
    lab.speak(50);
    assert_eq!(lab.ends[1].heard, heard + 50);
}
