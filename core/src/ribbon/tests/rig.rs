//! A gateway of few words for one client: it answers what a test does not want to talk about, and hands over
//! the rest.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::machine::{
    CodePoint, CommandId, HttpId, Input, Machine, NetError, NetErrorKind, Output, Seed, UdpEvent,
    UdpId, Wake, WsEvent, WsId,
};
use crate::media::EngineFactory;
use crate::media::testing::{FakeMedia, description};
use crate::ribbon::{
    CallId, CallInfo, CallMedia, CallState, Client, Command, Config, Credentials, Error, ErrorCode,
    Event, MakeOptions, Outcome, Service,
};

/// A request that waits for the test's answer.
pub(super) struct Asked {
    pub(super) id: HttpId,
    /// The method and the path below the user's root, and the type of a call's request.
    pub(super) what: String,
    pub(super) body: Value,
    pub(super) headers: http::HeaderMap,
    pub(super) uri: http::Uri,
}

/// A client and everything around it.
pub(super) struct Rig {
    pub(super) client: Client,
    pub(super) now: Instant,
    pub(super) asked: VecDeque<Asked>,
    pub(super) events: VecDeque<Event>,
    pub(super) sent: Vec<String>,
    pub(super) sockets: VecDeque<(WsId, http::Uri)>,
    pub(super) ws: Option<WsId>,
    pub(super) closed: Vec<WsId>,
    pub(super) udp: Option<UdpId>,
    /// The urgency of packets of the last sockets.
    pub(super) dscp: Option<CodePoint>,
    /// Packets that went, and the first of them, until a test takes them.
    pub(super) packets: usize,
    pub(super) wire: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// Frames that came.
    pub(super) frames: usize,
    completions: Vec<(CommandId, Result<Outcome, Error>)>,
    pub(super) wake: Option<Wake>,
    /// False where a test asks so much that the client is not compared before and after what it refuses.
    pub(super) compares: bool,
    notices: u64,
}

pub(super) fn sdp(direction: &str) -> String {
    let text = description("actpass", "theirs", "theirpassword");
    text.replace("a=sendrecv", &format!("a={direction}"))
}

pub(super) fn answer_sdp(direction: &str) -> String {
    sdp(direction).replace("actpass", "active")
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|config| config)
    }

    pub(super) fn with(change: impl FnOnce(Config) -> Config) -> Self {
        Self::over(Box::new(FakeMedia::new("ourpassword")), change)
    }

    /// One that is subscribed to calls, of another seed.
    pub(super) fn up_seeded(seed: u64, change: impl FnOnce(Config) -> Config) -> Self {
        Self::sown(seed, Box::new(FakeMedia::new("ourpassword")), change).subscribed()
    }

    /// One of another seed.
    pub(super) fn named(seed: u64) -> Self {
        Self::sown(seed, Box::new(FakeMedia::new("ourpassword")), |config| config)
    }

    /// One whose engines are made by this.
    fn over(media: Box<dyn EngineFactory>, change: impl FnOnce(Config) -> Config) -> Self {
        Self::sown(1, media, change)
    }

    fn sown(
        seed: u64,
        media: Box<dyn EngineFactory>,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        let config = change(Config::new("gw.test", "ws.test"));
        let now = crate::testing::epoch();
        let client = Client::new(config, media, Seed::from(seed), now).unwrap();
        Self {
            client,
            now,
            asked: VecDeque::new(),
            events: VecDeque::new(),
            sent: Vec::new(),
            sockets: VecDeque::new(),
            ws: None,
            closed: Vec::new(),
            udp: None,
            dscp: None,
            packets: 0,
            wire: Vec::new(),
            frames: 0,
            completions: Vec::new(),
            wake: None,
            compares: true,
            notices: 0,
        }
    }

    /// Subscribed to calls, with nothing left to read.
    pub(super) fn up() -> Self {
        Self::up_with(|config| config)
    }

    pub(super) fn up_with(change: impl FnOnce(Config) -> Config) -> Self {
        Self::up_over(Box::new(FakeMedia::new("ourpassword")), change)
    }

    /// Subscribed to calls, over engines that are made by this.
    pub(super) fn up_over(
        media: Box<dyn EngineFactory>,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        Self::over(media, change).subscribed()
    }

    fn subscribed(mut self) -> Self {
        self.log_in();
        let services = vec![Service::Call];
        let command = self.submit(Command::Subscribe { services, correlator: None }).unwrap();
        self.answer_subscription();
        self.open();
        assert_eq!(self.completion(command), Some(Ok(Outcome::Done)));
        self.events.clear();
        self
    }

    /// Subscribed to services, with nothing left to read.
    pub(super) fn up_for(services: &[&str]) -> Self {
        let mut rig = Self::new();
        rig.log_in();
        rig.subscribe(services);
        rig
    }

    pub(super) fn subscribe(&mut self, services: &[&str]) {
        let services = services.iter().map(|name| Service::from(*name)).collect();
        let command = self.submit(Command::Subscribe { services, correlator: None }).unwrap();
        self.answer_subscription();
        self.open();
        assert_eq!(self.completion(command), Some(Ok(Outcome::Done)));
        self.events.clear();
    }

    /// Does something by one request, which is answered so.
    pub(super) fn run(
        &mut self,
        command: Command,
        wanted: &str,
        status: u16,
        answer: &Value,
    ) -> Result<Outcome, Error> {
        let command = self.submit(command)?;
        let asked = self.take();
        assert_eq!(asked.what, wanted);
        assert_eq!(self.completion(command), None);
        self.respond(asked.id, status, answer);
        assert!(self.asked.is_empty());
        self.completion(command).expect("an answer")
    }

    /// The code of the refusal of a command that asks nobody.
    pub(super) fn refused(&mut self, command: Command) -> ErrorCode {
        let error = self.submit(command).unwrap_err();
        assert!(self.asked.is_empty());
        error.code
    }

    /// The code of the refusal of a command, while requests wait.
    pub(super) fn refused_as(&mut self, command: Command) -> ErrorCode {
        self.submit(command).unwrap_err().code
    }

    /// A command that is done at once.
    pub(super) fn at_once(&mut self, command: Command) -> Outcome {
        let command = self.submit(command).unwrap();
        assert!(self.asked.is_empty());
        self.completion(command).expect("an answer").unwrap()
    }

    pub(super) fn log_in(&mut self) {
        let credentials = Credentials::password("alice@example.com", "pa55word");
        self.submit(Command::SetCredentials(credentials)).unwrap();
    }

    pub(super) fn answer_subscription(&mut self) {
        let asked = self.take();
        assert!(asked.what.contains("subscription"), "{}", asked.what);
        let services = asked.body["subscribeRequest"]["service"].clone();
        self.respond(asked.id, 201, &subscribed(&services));
    }

    pub(super) fn open(&mut self) {
        let (id, _) = self.sockets.pop_front().expect("a socket is wanted");
        self.ws = Some(id);
        self.input(Input::WebSocket { id, event: WsEvent::Opened { protocol: None } });
    }

    pub(super) fn close(&mut self, code: Option<u16>) {
        let id = self.ws.take().unwrap();
        let event = WsEvent::Closed { code, reason: String::new() };
        self.input(Input::WebSocket { id, event });
    }

    pub(super) fn submit(&mut self, command: Command) -> Result<CommandId, Error> {
        let before = self.compares.then(|| format!("{:?}", self.client));
        let text = format!("{command:?}");
        let result = self.client.submit(self.now, command);
        if let (Err(_), Some(before)) = (&result, before) {
            assert_eq!(format!("{:?}", self.client), before, "{text} was refused, and has acted");
        }
        self.drain();
        result
    }

    pub(super) fn input(&mut self, input: Input) {
        self.client.handle_input(self.now, input);
        self.drain();
    }

    /// Lets time pass, with every wake-up on the way.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut wakes = 0;
        while let Some(wake) = self.wake.filter(|wake| wake.at <= until) {
            wakes += 1;
            assert!(wakes < 10_000, "it is never at rest: {}", wake.reason);
            self.now = self.now.max(wake.at);
            self.input(Input::Timeout);
        }
        self.now = until;
        self.input(Input::Timeout);
    }

    fn drain(&mut self) {
        loop {
            match self.client.poll_output() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return;
                }
                Output::Http { id, request, .. } => {
                    let (parts, body) = request.into_parts();
                    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                    let path =
                        parts.uri.path().replace("/rest/version/1/user/alice@example.com", "");
                    let kind = body["callControlRequest"]["type"].as_str().unwrap_or_default();
                    let status =
                        body["callControlRequest"]["statusCode"].as_str().unwrap_or_default();
                    let what = format!("{} {path} {kind}{status}", parts.method);
                    self.asked.push_back(Asked {
                        id,
                        what: what.trim().to_owned(),
                        body,
                        headers: parts.headers,
                        uri: parts.uri,
                    });
                }
                Output::OpenWebSocket { id, request, .. } => {
                    self.sockets.push_back((id, request.uri().clone()));
                }
                Output::SendText { text, .. } => self.sent.push(text),
                Output::CloseWebSocket { id } => {
                    self.sockets.retain(|(open, _)| *open != id);
                    self.closed.push(id);
                }
                Output::OpenUdp { id, dscp, .. } => {
                    self.dscp = dscp;
                    self.udp = Some(id);
                    let local = vec![SocketAddr::from(([192, 0, 2, 1], 4000)).into()];
                    let event = UdpEvent::Opened { local };
                    self.client.handle_input(self.now, Input::Udp { id, event });
                }
                Output::Event(event) => self.events.push_back(event),
                Output::Completed { command, result } => self.completions.push((command, result)),
                Output::Frame { .. } => self.frames += 1,
                Output::Transmit { local, remote, data, .. } => {
                    self.packets += 1;
                    self.wire.push((local, remote, data));
                    self.wire.truncate(64);
                }
                Output::CloseUdp { .. } => {}
                Output::OpenStream { .. }
                | Output::SendStream { .. }
                | Output::CloseStream { .. } => panic!("no streams"),
                Output::Resolve { id, .. } => {
                    let error = NetError::new(NetErrorKind::Resolve, "no such host");
                    let input = Input::Resolved { id, result: Err(error) };
                    self.client.handle_input(self.now, input);
                }
            }
        }
    }

    pub(super) fn completion(&mut self, command: CommandId) -> Option<Result<Outcome, Error>> {
        let at = self.completions.iter().position(|(id, _)| *id == command)?;
        let (_, result) = self.completions.remove(at);
        assert!(self.completions.iter().all(|(id, _)| *id != command), "answered twice");
        Some(result)
    }

    /// The oldest request that is not answered.
    pub(super) fn take(&mut self) -> Asked {
        self.asked.pop_front().expect("a request")
    }

    /// The request of this kind, which there must be, before others are looked at.
    pub(super) fn take_of(&mut self, kind: &str) -> Asked {
        let at = self.asked.iter().position(|asked| asked.what.contains(kind));
        let all: Vec<_> = self.asked.iter().map(|asked| asked.what.clone()).collect();
        self.asked.remove(at.unwrap_or_else(|| panic!("{kind} of {all:?}"))).unwrap()
    }

    /// Answers audits, which come by themselves.
    pub(super) fn answer_audits(&mut self) {
        while let Some(at) = self.asked.iter().position(|asked| asked.what.ends_with("audit")) {
            let asked = self.asked.remove(at).unwrap();
            self.respond(asked.id, 200, &done());
        }
    }

    pub(super) fn respond(&mut self, id: HttpId, status: u16, body: &Value) {
        let response = http::Response::builder().status(status);
        let body = if status == 204 { Vec::new() } else { body.to_string().into_bytes() };
        self.input(Input::Http { id, result: Ok(response.body(body).unwrap()) });
    }

    pub(super) fn fail(&mut self, id: HttpId) {
        let error = NetError::new(NetErrorKind::Lost, "reset");
        self.input(Input::Http { id, result: Err(error) });
    }

    /// Something comes over the notification socket.
    pub(super) fn notify(&mut self, kind: &str, mut message: Value) {
        self.notices += 1;
        message["eventType"] = kind.into();
        message["eventId"] = self.notices.to_string().into();
        self.text(&json!({"notificationMessage": message}).to_string());
    }

    pub(super) fn text(&mut self, text: &str) {
        let id = self.ws.expect("a socket");
        self.input(Input::WebSocket { id, event: WsEvent::Text(text.to_owned()) });
    }

    pub(super) fn datagram(&mut self, word: &[u8]) {
        let (local, remote) = ([192, 0, 2, 1], [192, 0, 2, 9]);
        let event = UdpEvent::Datagram {
            local: (local, 4000).into(),
            remote: (remote, 5000).into(),
            data: word.to_vec(),
        };
        let id = self.udp.unwrap();
        self.input(Input::Udp { id, event });
    }

    /// The news since the last look, in short: each event by a word or two.
    pub(super) fn told(&mut self) -> Vec<String> {
        self.events.drain(..).filter_map(|event| short(&event)).collect()
    }

    pub(super) fn call(&self, id: &CallId) -> CallInfo {
        self.client.call(id).expect("a call")
    }

    // Calls that are where a test begins.

    /// A call of ours that the gateway took, of the session `S1`.
    pub(super) fn placed(&mut self) -> (CallId, CommandId) {
        self.placed_over(|_| {})
    }

    fn placed_over(&mut self, carry: impl FnOnce(&mut Self)) -> (CallId, CommandId) {
        let options = MakeOptions::default();
        let make = Command::Make { to: "bob".to_owned(), media: CallMedia::AUDIO, options };
        let command = self.submit(make).unwrap();
        carry(self);
        self.pass(Duration::from_millis(25));
        let asked = self.take_of("callStart");
        self.respond(
            asked.id,
            201,
            &json!({"callControlResponse": {"statusCode": 0, "sessionData": "S1"}}),
        );
        self.answer_audits();
        match self.completion(command) {
            Some(Ok(Outcome::Call(call))) => (call, command),
            other => panic!("{other:?}"),
        }
    }

    /// A call of ours that is up.
    pub(super) fn connected(&mut self) -> CallId {
        self.connected_over(|_| {})
    }

    /// The same, of a client whose media needs somebody to carry its words.
    pub(super) fn connected_over(&mut self, mut carry: impl FnMut(&mut Self)) -> CallId {
        let (call, _) = self.placed_over(&mut carry);
        self.notify(
            "respondCallUpdate",
            json!({"sessionParams": {"sessionData": "S1", "sdp": answer_sdp("sendrecv")}}),
        );
        carry(self);
        assert_eq!(self.call(&call).state, CallState::Connected);
        self.events.clear();
        call
    }

    /// A call that rings here, of the session `S1`.
    pub(super) fn ringing(&mut self) -> CallId {
        self.ringing_as("S1")
    }

    pub(super) fn ringing_as(&mut self, session: &str) -> CallId {
        self.notify("call", json!({
            "sessionParams": {"sessionData": session, "sdp": sdp("sendrecv")},
            "callNotificationParams": {"callerName": "Bob", "callerDisplayNumber": "bob@example.com"},
        }));
        let asked = self.take_of("ringing");
        self.respond(asked.id, 200, &done());
        self.answer_audits();
        self.client.calls().last().unwrap().id.clone()
    }
}

pub(super) fn done() -> Value {
    json!({"callControlResponse": {"statusCode": 0}})
}

pub(super) fn subscribed(services: &Value) -> Value {
    json!({"subscribeResponse": {
        "statusCode": 0,
        "subscription": "/rest/version/1/user/alice@example.com/subscription/8f3c",
        "subscriptionParams": {
            "notificationChannel": "/rest/version/1/user/alice@example.com/websocket/8f3c",
            "service": services,
            "expires": 3600,
            "clientCorrelator": "abc",
            "turnCredentials": {"username": "t", "password": "turnpass"},
        },
    }})
}

fn short(event: &Event) -> Option<String> {
    Some(match event {
        // Beside the end of each call.
        Event::HistoryChanged | Event::HistoryCacheChanged => return None,
        Event::Operation { kind, transition, local, error, .. } => {
            let side = if *local { "" } else { "remote " };
            let error = error.as_ref().map(|error| format!(" {}", error.code)).unwrap_or_default();
            format!("{side}{kind} {transition}{error}")
        }
        Event::CallState { call, previous, transition, error } => {
            let error = error.as_ref().map(|error| format!(" {}", error.code)).unwrap_or_default();
            let status = transition.as_ref().and_then(|reason| reason.status);
            let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
            format!("{previous} -> {}{status}{error}", call.state)
        }
        Event::TracksAdded { tracks, .. } => format!("+{} tracks", tracks.len()),
        Event::TracksRemoved { tracks, .. } => format!("-{} tracks", tracks.len()),
        Event::SubscriptionChanged { reason, .. } => format!("subscription {reason}"),
        Event::SocketChanged { state } => format!("socket {state:?}"),
        Event::Resubscribed { attempt, error } => {
            format!("renewed {attempt} {}", if error.is_some() { "failed" } else { "ok" })
        }
        Event::CallStarted { .. } => "started".to_owned(),
        Event::CallReceived { .. } => "received".to_owned(),
        Event::RequestRefused { error } => format!("refused {}", error.code),
        Event::CustomParameters { parameters, .. } => format!("{} parameters", parameters.len()),
        Event::MediaConnection { state, .. } => format!("media {state}"),
        Event::MediaPath { path, .. } => format!("path {path:?}"),
        Event::MediaAgreed { .. } => return None,
        other => format!("{other:?}"),
    })
}
