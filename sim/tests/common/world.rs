//! One client and the model cloud, joined without sockets, in virtual time: each input takes a
//! fixed time from one to the other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::genesys::{Client, Command, Config, Error, Event, Outcome};
use offhook::machine::{
    CommandId, Frame, Input as ClientInput, Output as ClientOutput, TrackId, UdpEvent, UdpId,
    WsEvent, WsId,
};
use offhook::media::{AudioFrame, WebRtcFactory};
use offhook::{Machine as _, Seed};
use offhook_sim::cloud::{Cloud, CloudConfig, ConnId, Input, Output, RequestId, Service as _};
use serde_json::Value;

/// One way through the network.
const LATENCY: Duration = Duration::from_millis(5);

enum Flight {
    ToClient(ClientInput),
    ToCloud(Input),
}

/// A world of one client.
pub(crate) struct World {
    pub(crate) now: Instant,
    start: Instant,
    pub(crate) client: Client,
    pub(crate) cloud: Cloud,
    flying: BTreeMap<(Instant, u64), Flight>,
    count: u64,
    pub(crate) spoken: u64,
    /// The client's socket groups and the cloud's, by address.
    client_udp: BTreeMap<SocketAddr, UdpId>,
    cloud_udp: BTreeMap<SocketAddr, UdpId>,
    next_port: u16,
    pub(crate) events: Vec<Event>,
    completions: BTreeMap<CommandId, Result<Outcome, Error>>,
    answers: BTreeMap<RequestId, Value>,
    pub(crate) heard: Vec<AudioFrame>,
    pub(crate) far_heard: Vec<AudioFrame>,
    pub(crate) logs: Vec<String>,
    /// The cloud's last words to the client on its sockets.
    pub(crate) said: Vec<(ConnId, String)>,
    /// True if the client is gone without a word.
    pub(crate) dead: bool,
}

impl World {
    /// A cloud with one user, and that user's client.
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let now = Instant::now();
        let config = CloudConfig::new(7, 1_795_225_723_900);
        let mut config_client = Config::agent("lab.test", "t0ken");
        change(&mut config_client);
        let factory = || Box::new(WebRtcFactory::new());
        let client = Client::new(config_client, factory(), Seed::from(3), now).unwrap();
        let mut world = Self {
            now,
            start: now,
            client,
            cloud: Cloud::new(config, factory(), now),
            flying: BTreeMap::new(),
            count: 0,
            spoken: 0,
            client_udp: BTreeMap::new(),
            cloud_udp: BTreeMap::new(),
            next_port: 4000,
            events: Vec::new(),
            completions: BTreeMap::new(),
            answers: BTreeMap::new(),
            heard: Vec::new(),
            far_heard: Vec::new(),
            logs: Vec::new(),
            said: Vec::new(),
            dead: false,
        };
        world.control("POST", "users", &serde_json::json!({"userId": "u1", "token": "t0ken"}));
        world
    }

    /// Logged in, with a phone of one line.
    pub(crate) fn ready() -> Self {
        Self::with_station(&serde_json::json!({}))
    }

    /// Logged in, with such a phone.
    pub(crate) fn with_station(station: &Value) -> Self {
        let mut world = Self::new(|_| {});
        let user = serde_json::json!({"userId": "u1", "token": "t0ken", "station": station});
        world.control("POST", "users", &user);
        let connect = world.submit(Command::Connect).unwrap();
        assert_eq!(world.settle(connect), Ok(Outcome::Done));
        world
    }

    pub(crate) fn submit(&mut self, command: Command) -> Result<CommandId, Error> {
        let id = self.client.submit(self.now, command);
        self.drain();
        id
    }

    /// Runs until a command is answered.
    pub(crate) fn settle(&mut self, command: CommandId) -> Result<Outcome, Error> {
        self.run_until(|world| world.completions.contains_key(&command));
        self.completions[&command].clone()
    }

    /// A control request, answered at once.
    pub(crate) fn control(&mut self, method: &str, path: &str, body: &Value) -> Value {
        self.count += 1;
        let id = RequestId(u64::MAX - self.count);
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/control/{path}"))
            .body(body.to_string().into_bytes())
            .unwrap();
        self.cloud.handle_input(self.now, Input::Request { id, request });
        self.drain();
        self.answers.remove(&id).unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    pub(crate) fn speak(&mut self, media: offhook::machine::MediaId, frame: AudioFrame) {
        self.client.handle_input(
            self.now,
            ClientInput::Frame { track: TrackId::audio(media), frame: frame.into() },
        );
        self.drain();
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Runs until something is so, for a minute at most.
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let limit = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(
                self.step(limit),
                "not within a minute; events {:#?}, log {:#?}",
                self.events,
                self.logs
            );
        }
    }

    /// Runs until an event that matches was told; it and those before it are taken.
    pub(crate) fn wait<T>(&mut self, find: impl Fn(&Event) -> Option<T>) -> T {
        self.run_until(|world| world.events.iter().any(|event| find(event).is_some()));
        let at = self.events.iter().position(|event| find(event).is_some()).unwrap();
        let event = self.events.drain(..=at).next_back().unwrap();
        find(&event).unwrap()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn step(&mut self, until: Instant) -> bool {
        self.drain();
        let flight = self.flying.first_key_value().map(|((at, _), _)| *at);
        let client = if self.dead { None } else { self.client_wake() };
        let cloud = self.cloud_wake();
        let Some(at) = [flight, client, cloud].into_iter().flatten().min() else { return false };
        if at > until {
            return false;
        }
        self.now = self.now.max(at);
        if flight == Some(at) {
            match self.flying.pop_first().unwrap().1 {
                Flight::ToClient(_) if self.dead => {}
                Flight::ToClient(input) => self.client.handle_input(self.now, input),
                Flight::ToCloud(input) => self.cloud.handle_input(self.now, input),
            }
        } else if client == Some(at) {
            self.client.handle_input(self.now, ClientInput::Timeout);
        } else {
            self.cloud.handle_input(self.now, Input::Timeout);
        }
        self.drain();
        true
    }

    fn client_wake(&mut self) -> Option<Instant> {
        match self.client.poll_output() {
            ClientOutput::Timeout(wake) => wake.map(|wake| wake.at),
            _ => unreachable!("drained"),
        }
    }

    fn cloud_wake(&mut self) -> Option<Instant> {
        match self.cloud.poll_output() {
            Output::Timeout(wake) => wake.map(|wake| wake.at),
            _ => unreachable!("drained"),
        }
    }

    fn fly(&mut self, flight: Flight) {
        self.count += 1;
        self.flying.insert((self.now + LATENCY, self.count), flight);
    }

    fn drain(&mut self) {
        loop {
            let a = self.drain_client();
            let b = self.drain_cloud();
            if !a && !b {
                return;
            }
        }
    }

    fn drain_client(&mut self) -> bool {
        let mut any = false;
        if self.dead {
            return any;
        }
        loop {
            let output = self.client.poll_output();
            match output {
                ClientOutput::Timeout(_) => return any,
                ClientOutput::OpenWebSocket { id, request, .. } => {
                    let path = request.uri().path().to_owned();
                    self.fly(Flight::ToCloud(Input::SocketRequested { conn: ConnId(id.0), path }));
                }
                ClientOutput::SendText { id, text } => {
                    self.fly(Flight::ToCloud(Input::SocketText { conn: ConnId(id.0), text }));
                }
                ClientOutput::CloseWebSocket { id } => {
                    self.fly(Flight::ToCloud(Input::SocketClosed { conn: ConnId(id.0) }));
                }
                ClientOutput::Http { id, request, .. } => {
                    let id = RequestId(id.0);
                    self.fly(Flight::ToCloud(Input::Request { id, request }));
                }
                ClientOutput::OpenUdp { id, .. } => {
                    let address = self.address([10, 0, 0, 1]);
                    self.client_udp.insert(address, id);
                    let event = UdpEvent::Opened { local: vec![address.into()] };
                    self.fly(Flight::ToClient(ClientInput::Udp { id, event }));
                }
                ClientOutput::Transmit { local, remote, data, .. } => {
                    if let Some(id) = self.cloud_udp.get(&remote).copied() {
                        let input = Input::Datagram { id, local: remote, remote: local, data };
                        self.fly(Flight::ToCloud(input));
                    }
                }
                ClientOutput::CloseUdp { id } => self.client_udp.retain(|_, open| *open != id),
                ClientOutput::Frame { frame: Frame::Audio(frame), .. } => self.heard.push(frame),
                ClientOutput::Event(event) => self.events.push(event),
                ClientOutput::Completed { command, result } => {
                    assert!(self.completions.insert(command, result).is_none());
                }
                other => panic!("{other:?}"),
            }
            any = true;
        }
    }

    fn drain_cloud(&mut self) -> bool {
        let mut any = false;
        loop {
            match self.cloud.poll_output() {
                Output::Timeout(_) => return any,
                Output::Respond { id, response } if id.0 > u64::MAX / 2 => {
                    let body = serde_json::from_slice(response.body()).unwrap_or_default();
                    self.answers.insert(id, body);
                }
                Output::Respond { id, response } => {
                    let id = offhook::machine::HttpId(id.0);
                    self.fly(Flight::ToClient(ClientInput::Http { id, result: Ok(response) }));
                }
                Output::Accept { conn, protocol } => {
                    self.ws(conn, WsEvent::Opened { protocol: protocol.map(str::to_owned) });
                }
                Output::Refuse { conn, status } => {
                    let kind = offhook::machine::NetErrorKind::Refused(status);
                    let error = offhook::machine::NetError::new(kind, "refused");
                    self.ws(conn, WsEvent::Failed(error));
                }
                Output::SendText { conn, text } => {
                    self.said.push((conn, text.clone()));
                    self.ws(conn, WsEvent::Text(text));
                }
                Output::CloseSocket { conn, code } => {
                    self.ws(conn, WsEvent::Closed { code, reason: String::new() });
                    self.fly(Flight::ToCloud(Input::SocketClosed { conn }));
                }
                Output::OpenUdp { id } => {
                    let address = self.address([10, 0, 0, 2]);
                    self.cloud_udp.insert(address, id);
                    self.fly(Flight::ToCloud(Input::UdpOpened { id, local: vec![address] }));
                }
                Output::Transmit { local, remote, data, .. } => {
                    if let Some(id) = self.client_udp.get(&remote).copied() {
                        let event = UdpEvent::Datagram { local: remote, remote: local, data };
                        self.fly(Flight::ToClient(ClientInput::Udp { id, event }));
                    }
                }
                Output::CloseUdp { id } => self.cloud_udp.retain(|_, open| *open != id),
                Output::FarAudio { frame, .. } => self.far_heard.push(frame),
                Output::Log(line) | Output::Wrong(line) => self.logs.push(line),
                // It looks at nothing, and listens for no streams.
                Output::FarPicture { .. }
                | Output::SendStream { .. }
                | Output::CloseStream { .. } => {}
            }
            any = true;
        }
    }

    fn ws(&mut self, conn: ConnId, event: WsEvent) {
        self.fly(Flight::ToClient(ClientInput::WebSocket { id: WsId(conn.0), event }));
    }

    fn address(&mut self, ip: [u8; 4]) -> SocketAddr {
        self.next_port += 1;
        SocketAddr::from((ip, self.next_port))
    }
}
