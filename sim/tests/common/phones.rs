//! Phones at the model gateway: raw requests, a socket and a real media engine each, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook::Seed;
use offhook::machine::UdpId;
use offhook::media::rtp::MAX_DELAY;
use offhook::media::{
    AudioCodec, AudioFrame, Digit, Engine, EngineConfig, EngineEvent, EngineFactory as _,
    EngineOutput, Frame, LocalKind, MediaState, Track, WebRtcFactory, Wish,
};
use offhook::sdp::{Description, Direction, Line};
use offhook_sim::service::{Input, Output};
use serde_json::{Value, json};

use super::gateway::{Gate, Subscribed, gate};

/// The time between two looks.
const STEP: Duration = Duration::from_millis(5);
/// The longest that a wait may take.
const LIMIT: Duration = Duration::from_secs(90);

/// The audio that it hears is counted, what its socket brings is kept.
pub(crate) struct Phone {
    pub(crate) at: Subscribed,
    address: SocketAddr,
    engine: Box<dyn Engine>,
    candidates: Vec<String>,
    wake: Option<Instant>,
    made: u64,
    pub(crate) state: MediaState,
    pub(crate) heard: usize,
    pub(crate) keys: String,
    pub(crate) notices: Vec<Value>,
}

/// The gateway and its phones.
pub(crate) struct Lab {
    pub(crate) gate: Gate,
    pub(crate) phones: Vec<Phone>,
    far: BTreeMap<SocketAddr, UdpId>,
    factory: WebRtcFactory,
    next_port: u16,
    said: u64,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let (far, factory) = (BTreeMap::new(), WebRtcFactory::new());
        Self { gate: gate(), phones: Vec::new(), far, factory, next_port: 4000, said: 0 }
    }

    /// With Alice and Bob, phones 0 and 1.
    pub(crate) fn of_two() -> Self {
        let mut lab = Self::new();
        lab.phone("alice");
        lab.phone("bob");
        lab
    }

    /// A user with one phone; its number.
    pub(crate) fn phone(&mut self, name: &str) -> usize {
        self.gate.user(name, &json!({"displayName": name.to_uppercase()}));
        self.another_phone(name)
    }

    /// Another phone of a user.
    pub(crate) fn another_phone(&mut self, name: &str) -> usize {
        let number = self.phones.len();
        let user = format!("{name}@example.com");
        let conn = number as u64 + 1;
        let at = self.gate.subscribe(&user, Some(&format!("c{conn}")), conn);
        let address = self.address();
        let engine = self.engine(number, 0);
        self.phones.push(Phone {
            at,
            address,
            engine,
            candidates: Vec::new(),
            wake: None,
            made: 0,
            state: MediaState::New,
            heard: 0,
            keys: String::new(),
            notices: Vec::new(),
        });
        number
    }

    fn address(&mut self) -> SocketAddr {
        self.next_port += 1;
        SocketAddr::from(([127, 0, 0, 1], self.next_port))
    }

    fn engine(&mut self, number: usize, made: u64) -> Box<dyn Engine> {
        let config = EngineConfig::new(Seed::from(number as u64 * 100 + made));
        self.factory.create(self.gate.now, config)
    }

    /// Another peer takes the place of a phone's.
    pub(crate) fn renew(&mut self, phone: usize) {
        self.phones[phone].made += 1;
        let made = self.phones[phone].made;
        let engine = self.engine(phone, made);
        self.phones[phone].engine = engine;
        self.phones[phone].candidates.clear();
    }

    // Descriptions

    fn complete(&mut self, phone: usize, sdp: &str) -> String {
        let now = self.gate.now;
        let one = &mut self.phones[phone];
        if one.candidates.is_empty() {
            one.engine.add_local(now, &one.address.into(), LocalKind::Host);
            one.engine.local_done(now);
        }
        self.drain();
        if sdp.contains("a=candidate:") {
            return sdp.to_owned();
        }
        let mut description = Description::read(sdp).unwrap();
        let candidates = &self.phones[phone].candidates;
        let lines = candidates.iter().map(|candidate| Line::new(format!("a={candidate}")));
        description.sections[0].lines.extend(lines);
        description.to_string()
    }

    /// A phone's offer: the first, or another with that direction.
    pub(crate) fn offer(&mut self, phone: usize, direction: Direction) -> String {
        let now = self.gate.now;
        let engine = &mut self.phones[phone].engine;
        engine.set_direction(Track::AUDIO, direction);
        let wishes = if engine.agreement().is_some() { &[][..] } else { &[Wish::AUDIO][..] };
        let offer = engine.create_offer(now, wishes).unwrap();
        self.complete(phone, &offer)
    }

    /// A phone's answer.
    pub(crate) fn answer(&mut self, phone: usize, offer: &str) -> String {
        let now = self.gate.now;
        let engine = &mut self.phones[phone].engine;
        engine.accept_offer(now, offer).unwrap();
        let answer = engine.create_answer(now).unwrap();
        self.complete(phone, &answer)
    }

    pub(crate) fn take(&mut self, phone: usize, answer: &str) {
        self.phones[phone].engine.accept_answer(self.gate.now, answer).unwrap();
        self.drain();
    }

    pub(crate) fn roll_back(&mut self, phone: usize, direction: Direction) {
        let engine = &mut self.phones[phone].engine;
        engine.rollback(self.gate.now).unwrap();
        engine.set_direction(Track::AUDIO, direction);
    }

    // Requests

    pub(crate) fn rest(
        &mut self,
        phone: usize,
        method: &str,
        below: &str,
        body: &Value,
    ) -> (u16, Value) {
        let user = self.phones[phone].at.user.clone();
        let answer = self.gate.rest(&user, method, below, body);
        self.drain();
        answer
    }

    /// A request about a session; the status and the code.
    pub(crate) fn put(&mut self, phone: usize, session: &str, request: &Value) -> (u16, u64) {
        let below = format!("callControl/callSessions/{session}");
        let body = json!({"callControlRequest": request});
        let (status, body) = self.rest(phone, "PUT", &below, &body);
        (status, body["callControlResponse"]["statusCode"].as_u64().unwrap())
    }

    pub(crate) fn delete(&mut self, phone: usize, session: &str) -> u16 {
        let below = format!("callControl/callSessions/{session}");
        self.rest(phone, "DELETE", &below, &Value::Null).0
    }

    pub(crate) fn dispose(&mut self, phone: usize, request: &Value) -> u16 {
        let body = json!({"callDispositionRequest": request});
        self.rest(phone, "POST", "calldisposition", &body).0
    }

    /// The state of a session, or the code of the refusal.
    pub(crate) fn state(&mut self, phone: usize, session: &str) -> String {
        let below = format!("callControl/callSessions/{session}");
        let (_, body) = self.rest(phone, "GET", &below, &Value::Null);
        let body = &body["callControlResponse"];
        body["state"].as_str().map_or_else(|| body["statusCode"].to_string(), str::to_owned)
    }

    /// A phone calls; its session.
    pub(crate) fn call(&mut self, phone: usize, to: &str) -> String {
        let sdp = self.offer(phone, Direction::SendRecv);
        let from = format!("sip:{}", self.phones[phone].at.user);
        let body = json!({"callControlRequest": {
            "type": "callStart", "to": format!("sip:{to}"), "from": from, "sdp": sdp,
        }});
        let (status, body) = self.rest(phone, "POST", "callControl", &body);
        assert_eq!(status, 201, "{body}");
        body["callControlResponse"]["sessionData"].as_str().unwrap().to_owned()
    }

    pub(crate) fn control(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.gate.control(method, &format!("ribbon/{path}"), body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        self.drain();
        answer
    }

    // Time

    fn drain(&mut self) {
        loop {
            let mut moved = false;
            for output in std::mem::take(&mut self.gate.outputs) {
                match output {
                    Output::OpenUdp { id } => {
                        let address = self.address();
                        self.far.insert(address, id);
                        self.gate.input(Input::UdpOpened { id, local: vec![address] });
                        moved = true;
                    }
                    Output::CloseUdp { id } => self.far.retain(|_, known| *known != id),
                    Output::Transmit { local, remote, data, .. } => {
                        self.carry(local, remote, data);
                        moved = true;
                    }
                    other => self.gate.outputs.push(other),
                }
            }
            for n in 0..self.phones.len() {
                moved |= self.drain_phone(n);
            }
            if !moved {
                break;
            }
        }
        for n in 0..self.phones.len() {
            let conn = self.phones[n].at.conn;
            let new = self.gate.notices(conn);
            self.phones[n].notices.extend(new);
        }
    }

    fn carry(&mut self, local: SocketAddr, remote: SocketAddr, data: Vec<u8>) {
        let now = self.gate.now;
        if let Some(phone) = self.phones.iter_mut().find(|phone| phone.address == remote) {
            phone.engine.handle_datagram(now, remote, local, &data);
        } else if let Some(id) = self.far.get(&remote).copied() {
            self.gate.input(Input::Datagram { id, local: remote, remote: local, data });
        }
    }

    fn drain_phone(&mut self, n: usize) -> bool {
        let mut sent = Vec::new();
        let one = &mut self.phones[n];
        loop {
            match one.engine.poll_output() {
                EngineOutput::Transmit { local, remote, data } => sent.push((local, remote, data)),
                EngineOutput::Event(EngineEvent::State(state)) => one.state = state,
                EngineOutput::Event(EngineEvent::LocalCandidate(told)) => {
                    one.candidates = vec![told.candidate];
                }
                EngineOutput::Event(EngineEvent::Frame { frame: Frame::Audio(_), .. }) => {
                    one.heard += 1;
                }
                EngineOutput::Event(EngineEvent::Dtmf { digit, .. }) => {
                    one.keys.push(digit.as_char());
                }
                EngineOutput::Event(_) => {}
                EngineOutput::Timeout(wake) => {
                    one.wake = wake.map(|wake| wake.at);
                    break;
                }
                _ => {}
            }
        }
        let moved = !sent.is_empty();
        for (local, remote, data) in sent {
            self.carry(local, remote, data);
        }
        moved
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.gate.now + time;
        while self.gate.now < until {
            self.gate.wait(STEP.min(until - self.gate.now));
            let now = self.gate.now;
            for phone in &mut self.phones {
                if phone.wake.is_some_and(|at| at <= now) {
                    phone.engine.handle_timeout(now);
                }
            }
            self.drain();
        }
    }

    /// Waits for a notification of that kind, and takes it; others before it are dropped.
    pub(crate) fn wait(&mut self, phone: usize, kind: &str) -> Value {
        let until = self.gate.now + LIMIT;
        loop {
            let notices = &mut self.phones[phone].notices;
            if let Some(at) = notices.iter().position(|notice| notice["eventType"] == kind) {
                return notices.drain(..=at).next_back().unwrap();
            }
            assert!(self.gate.now < until, "no {kind}: {:?}", self.phones[phone].notices);
            self.run(STEP);
        }
    }

    /// The kinds of notifications that came since, taken.
    pub(crate) fn told(&mut self, phone: usize) -> Vec<String> {
        let notices = std::mem::take(&mut self.phones[phone].notices);
        notices.iter().map(|n| n["eventType"].as_str().unwrap().to_owned()).collect()
    }

    /// Phones speak for a second; the frames that each heard.
    pub(crate) fn talk(&mut self) -> Vec<usize> {
        self.speak(|_| true)
    }

    /// One phone speaks for a second; the frames that each heard.
    pub(crate) fn talk_alone(&mut self, speaker: usize) -> Vec<usize> {
        self.speak(|phone| phone == speaker)
    }

    fn speak(&mut self, speaks: impl Fn(usize) -> bool) -> Vec<usize> {
        self.phones.iter_mut().for_each(|phone| phone.heard = 0);
        for _ in 0..50 {
            let now = self.gate.now;
            let (codec, data) =
                (AudioCodec::Opus, Bytes::from(vec![0xf8, self.said as u8, 1, 2, 3]));
            let time = self.said * 960;
            let frame = AudioFrame { codec, time, lost_before: 0, talkspurt: false, data };
            self.said += 1;
            let speakers = self.phones.iter_mut().enumerate().filter(|(n, _)| speaks(*n));
            for (_, phone) in speakers {
                let _ = phone.engine.send(now, Track::AUDIO, &frame.clone().into());
            }
            self.run(Duration::from_millis(20));
        }
        // What waits to be played out is heard, too.
        self.run(MAX_DELAY);
        self.phones.iter().map(|phone| phone.heard).collect()
    }

    pub(crate) fn press(&mut self, phone: usize, keys: &str) {
        let digits: Vec<_> = keys.chars().map(|key| Digit::try_from(key).unwrap()).collect();
        let press = Duration::from_millis(100);
        self.phones[phone].engine.send_dtmf(self.gate.now, &digits, press).unwrap();
        self.run(Duration::from_millis(200 * keys.len() as u64 + 500));
    }

    /// The id of the call that a session is of.
    pub(crate) fn only_call_of(&mut self, session: &str) -> String {
        let call = self.control("GET", &format!("calls/{session}"), &Value::Null);
        call["id"].as_str().unwrap().to_owned()
    }

    /// The call that is there, as the control API tells it.
    pub(crate) fn only_call(&mut self) -> Value {
        let calls = self.control("GET", "calls", &Value::Null);
        calls.as_array().unwrap().last().unwrap().clone()
    }
}

/// The description in a notification.
pub(crate) fn sdp(notice: &Value) -> String {
    notice["sessionParams"]["sdp"].as_str().unwrap_or_else(|| panic!("no sdp: {notice}")).to_owned()
}

/// The session that a notification is about.
pub(crate) fn session(notice: &Value) -> String {
    notice["sessionParams"]["sessionData"].as_str().unwrap().to_owned()
}
