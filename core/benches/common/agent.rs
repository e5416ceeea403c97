//! A client, logged in by inputs alone, and calls on it.

use std::net::SocketAddr;
use std::time::Instant;

use offhook::Seed;
use offhook::genesys::testing::{FewWords, ice_server};
use offhook::genesys::wire::{Frame, Iq, IqKind};
use offhook::genesys::{Client, Command, Config, Event};
use offhook::machine::{HttpId, Input, Local, Machine, Output, UdpEvent, UdpId, WsEvent, WsId};

use super::media::NoMedia;
use super::traffic::{self, AGENT, CONVERSATION, Escaping, RESOURCE};

/// An agent's client, and what it said since somebody listened.
pub(crate) struct Agent {
    client: Client,
    now: Instant,
    heard: Heard,
    /// Inputs of the client, while somebody takes note.
    told: Option<Vec<Input>>,
}

/// The requests that the service still has to answer.
#[derive(Default)]
struct Heard {
    sockets: Vec<WsId>,
    socket: Option<WsId>,
    udp: Vec<UdpId>,
    /// The socket of the call that is up.
    media: Option<UdpId>,
    requests: Vec<(HttpId, String, String)>,
    frames: Vec<String>,
    events: usize,
    ready: bool,
}

/// The script of a call, in order: everything that a client is told, made beforehand. The ids in it
/// are the client's own; they are the same in every client with the same seed.
#[derive(Clone, Default)]
pub(crate) struct Script(Vec<Step>);

#[derive(Clone)]
enum Step {
    Accept,
    Frame(String),
    /// The media sockets that the client asked for are open.
    SocketsOpen(UdpId),
    /// Media connects.
    Connect(UdpId),
    Http(HttpId),
}

impl Agent {
    /// Logged in, ready for calls, with nothing left to say.
    pub(crate) fn ready() -> Self {
        let mut agent = Self::setting_out();
        while !agent.heard.ready {
            agent.answer_login();
        }
        agent.forget();
        agent.told = None;
        agent
    }

    /// All that a client is told until it is ready, made beforehand.
    pub(crate) fn login() -> Vec<Input> {
        let mut agent = Self::setting_out();
        while !agent.heard.ready {
            agent.answer_login();
        }
        agent.told.unwrap_or_default()
    }

    /// [`Agent::ready`] after this login.
    pub(crate) fn logged_in(login: Vec<Input>) -> Self {
        let mut agent = Self::setting_out();
        for input in login {
            agent.client.handle_input(agent.now, input);
            agent.listen();
        }
        assert!(agent.heard.ready, "it is not ready");
        agent
    }

    fn setting_out() -> Self {
        let mut config = Config::agent("lab.test", "t0ken");
        config.jid_resource = Some(RESOURCE.to_owned());
        let now = Instant::now();
        let client = Client::new(config, Box::new(NoMedia), Seed::from(1), now).expect("settings");
        let mut agent = Self { client, now, heard: Heard::default(), told: Some(Vec::new()) };
        agent.client.submit(now, Command::Connect).expect("not connected yet");
        agent.listen();
        agent
    }

    /// The number of events that the application was told.
    pub(crate) fn events(&self) -> usize {
        self.heard.events
    }

    /// Forgets what was said, and frees it.
    pub(crate) fn forget(&mut self) {
        let Heard { socket, media, events, .. } = std::mem::take(&mut self.heard);
        self.heard = Heard { socket, media, events, ..Heard::default() };
    }

    /// The service sends a frame; what the client says to it is dropped.
    pub(crate) fn frame(&mut self, text: String) {
        let id = self.heard.socket.expect("a socket");
        self.input(Input::WebSocket { id, event: WsEvent::Text(text) });
    }

    /// The far side of the call sends a datagram.
    pub(crate) fn datagram(&mut self, data: Vec<u8>) {
        let id = self.heard.media.expect("a call");
        let local = SocketAddr::from(([192, 0, 2, 50], 4000));
        let remote = SocketAddr::from(([192, 0, 2, 1], 5000));
        let event = UdpEvent::Datagram { local, remote, data };
        self.client.handle_input(self.now, Input::Udp { id, event });
        self.listen();
    }

    fn input(&mut self, input: Input) {
        if let Some(told) = &mut self.told {
            told.push(input.clone());
        }
        self.client.handle_input(self.now, input);
        self.listen();
    }

    fn listen(&mut self) {
        loop {
            match self.client.poll_output() {
                Output::OpenWebSocket { id, .. } => self.heard.sockets.push(id),
                Output::SendText { text, .. } => self.heard.frames.push(text),
                Output::Http { id, request, .. } => {
                    let method = request.method().to_string();
                    self.heard.requests.push((id, method, request.uri().path().to_owned()));
                }
                Output::OpenUdp { id, .. } => self.heard.udp.push(id),
                Output::Event(event) => {
                    self.heard.events += 1;
                    self.heard.ready |= matches!(event, Event::Ready);
                    assert!(
                        !matches!(event, Event::Error(_) | Event::Malformed { .. }),
                        "{event:?}"
                    );
                }
                Output::Completed { result, .. } => assert!(result.is_ok(), "{result:?}"),
                Output::Timeout(_) => return,
                _ => {}
            }
        }
    }

    // Login

    fn answer_login(&mut self) {
        if let Some(id) = self.heard.sockets.pop() {
            self.heard.socket = Some(id);
            let event = WsEvent::Opened { protocol: Some("xmpp".to_owned()) };
            return self.input(Input::WebSocket { id, event });
        }
        if let Some((id, method, path)) = self.heard.requests.pop() {
            let body = words().rest(&method, path.trim_start_matches("/api/v2"));
            let body = body.unwrap_or_else(|| unreachable!("a login does not ask {path}"));
            return self.respond(id, body.to_string());
        }
        let asked = std::mem::take(&mut self.heard.frames);
        if asked.is_empty() {
            // Subscriptions are gathered for a moment.
            let Output::Timeout(Some(wake)) = self.client.poll_output() else {
                unreachable!("a drained client");
            };
            self.now = self.now.max(wake.at);
            return self.input(Input::Timeout);
        }
        for reply in asked.iter().flat_map(|frame| words().stream(frame)) {
            self.frame(reply);
        }
    }

    fn respond(&mut self, id: HttpId, body: String) {
        let response = http::Response::new(body.into_bytes());
        self.input(Input::Http { id, result: Ok(response) });
    }

    // Calls

    /// Makes the script of a whole inbound call by living through it.
    pub(crate) fn script_of_a_call() -> Script {
        let mut agent = Self::ready();
        let mut script = Script::default();
        script.connect(&mut agent);
        script.finish(&mut agent);
        script
    }

    /// [`Agent::script_of_a_call`] up to the moment when people talk.
    pub(crate) fn script_to_connected() -> Script {
        let mut script = Script::default();
        script.connect(&mut Self::ready());
        script
    }

    /// Lives through a script. A frame's answers are dropped: the script has the reactions to them.
    pub(crate) fn play(&mut self, script: Script) {
        for step in script.0 {
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Accept => {
                let conversation = CONVERSATION.into();
                let accept = Command::AcceptPendingSession { conversation };
                self.client.submit(self.now, accept).expect("a pending call");
                self.listen();
            }
            Step::Frame(text) => self.frame(text),
            Step::SocketsOpen(id) => {
                let local = Local::in_order(["192.0.2.50:4000".parse().expect("an address")]);
                self.input(Input::Udp { id, event: UdpEvent::Opened { local } });
            }
            Step::Connect(id) => {
                self.heard.media = Some(id);
                self.datagram(b"connected".to_vec());
            }
            Step::Http(id) => self.respond(id, "{}".to_owned()),
        }
    }
}

impl Script {
    /// Bytes of XML that the client is sent.
    pub(crate) fn xml_bytes(&self) -> usize {
        let frames = self.0.iter().filter_map(|step| match step {
            Step::Frame(text) => Some(text.len()),
            _ => None,
        });
        frames.sum()
    }

    /// One thing happens, and the service reacts to what the client says to it.
    fn happen(&mut self, step: Step, agent: &mut Agent) {
        agent.step(step.clone());
        self.0.push(step);
        let heard = &mut agent.heard;
        let mut reactions: Vec<_> = heard.udp.drain(..).map(Step::SocketsOpen).collect();
        reactions.extend(heard.requests.drain(..).map(|(id, ..)| Step::Http(id)));
        reactions.extend(heard.frames.drain(..).filter_map(|f| result(&f)).map(Step::Frame));
        for reaction in reactions {
            self.happen(reaction, agent);
        }
    }

    fn connect(&mut self, agent: &mut Agent) {
        let told = |state| Step::Frame(traffic::notification(state, false, Escaping::Little));
        self.happen(told("alerting"), agent);
        self.happen(Step::Frame(traffic::propose()), agent);
        self.happen(Step::Accept, agent);
        self.happen(Step::Frame(traffic::session_initiate()), agent);
        for candidate in traffic::candidates() {
            self.happen(Step::Frame(candidate), agent);
        }
        let udp = self.0.iter().find_map(|step| match step {
            Step::SocketsOpen(id) => Some(*id),
            _ => None,
        });
        self.happen(Step::Connect(udp.expect("media sockets")), agent);
        self.happen(told("connected"), agent);
    }

    fn finish(&mut self, agent: &mut Agent) {
        let told = |state| Step::Frame(traffic::notification(state, false, Escaping::Little));
        self.happen(told("disconnected"), agent);
        self.happen(Step::Frame(traffic::terminate()), agent);
        self.happen(told("terminated"), agent);
    }
}

/// The plain result of a request.
fn result(request: &str) -> Option<String> {
    let Ok(Frame::Iq(iq)) = Frame::parse(request) else { return None };
    matches!(iq.kind, IqKind::Get(_) | IqKind::Set(_)).then(|| {
        let mut reply = Iq::result_to(&iq);
        reply.from = iq.to.clone();
        Frame::Iq(reply).to_xml()
    })
}

/// The answers to a login.
fn words() -> FewWords {
    FewWords {
        user: "u1",
        name: "Lab Agent",
        bare: AGENT,
        resource: RESOURCE,
        station: (100, false),
        ice: vec![ice_server("192.0.2.10", None)],
    }
}
