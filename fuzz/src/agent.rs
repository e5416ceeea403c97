//! A client and everything around it: sockets, requests, time, and the oracles that watch it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::genesys::{Client, Command, Config, EagerConnection, Event, IcePolicy};
use offhook::jingle::Reason;
use offhook::machine::{
    HttpId, Input, Local, Machine, MediaId, NetError, NetErrorKind, Output, OutputOf, UdpEvent,
    UdpId, Wake, WsEvent, WsId,
};
use offhook::media::EngineFactory;
use serde_json::Value;

use crate::books::Books;
use crate::planted::PART;
use crate::service::{self, Cloud, ICE_PWD, PEER, TOKEN, fake_media};

/// Outputs that one input may lead to. A thousand commands may end with one connection.
const MAX_OUTPUTS: usize = 8_000;
/// Bytes that one input may make the client send and tell, besides a hundred times its own length.
const MAX_BYTES: usize = 2 << 20;
/// Wake-ups in a row that time does not advance by.
const MAX_WAKES_AT_ONCE: u32 = 64;
/// The longest that a client may stay away from a service that is well: it obeys a `Retry-After` of an
/// hour, be it of the connection or of the topics after it, and backs off besides.
const MAX_AWAY: Duration = Duration::from_secs(3 * 3600);
/// Wake-ups in that time: the figures of eight sessions every five seconds, and more besides.
const MAX_WAKES_AWAY: u32 = 50_000;
/// The pause between pings of a service that said it would ping.
const PING_PAUSE: Duration = Duration::from_secs(30);
/// The most questions that the world remembers, if nobody answers.
const MAX_WAITING: usize = 256;

/// A request that waits for its answer.
pub(crate) struct Asked {
    pub(crate) id: HttpId,
    pub(crate) method: String,
    pub(crate) path: String,
    deadline: Instant,
}

/// A client and everything around it.
pub(crate) struct Agent {
    client: Client,
    now: Instant,
    wake: Option<Wake>,
    woken_at_once: u32,
    opening: VecDeque<(WsId, Instant)>,
    pub(crate) socket: Option<WsId>,
    udp_wanted: VecDeque<UdpId>,
    pub(crate) udp: Vec<UdpId>,
    pub(crate) media: Option<MediaId>,
    pub(crate) asked: VecDeque<Asked>,
    /// Frames that nobody has answered.
    pub(crate) sent: VecDeque<String>,
    pub(crate) books: Books,
    pub(crate) cloud: Cloud,
    ready: bool,
    /// True if descriptions were tampered with, so that the ICE password may be anywhere in them.
    pub(crate) spoilt: bool,
    /// True if all that is shown is looked at, and what a refused command leaves.
    watched: bool,
    /// The last output, as a log would show it; kept for its memory.
    shown: String,
    /// The words said and told, if somebody wants to know.
    told: Option<Vec<String>>,
}

/// True if an input holds a secret itself, or as much of one as must never be seen: nobody can hide
/// what the service says in the open.
pub(crate) fn tells_a_secret(data: &[u8]) -> bool {
    [TOKEN, ICE_PWD, PART]
        .iter()
        .any(|secret| data.windows(secret.len()).any(|window| window == secret.as_bytes()))
}

/// A client's settings, by the bits of a number.
pub(crate) fn config(bits: u16) -> Config {
    let bit = |n: u16| bits & (1 << n) != 0;
    let mut config = if bit(15) && bit(14) {
        Config::guest("lab.test", "org-1", TOKEN)
    } else {
        Config::agent("lab.test", TOKEN)
    };
    config.jid_resource = Some("res-a".to_owned());
    config.auto_connect_sessions = !bit(2);
    config.disable_auto_answer = bit(3);
    config.session_survivability = !bit(4);
    config.server_side_pings = bit(5);
    config.alerting_leader = bit(6);
    config.presence = bit(6);
    config.report_statistics = bit(7);
    config.upload_logs = bit(8);
    config.upload_telemetry = bit(9);
    config.trace = bit(10);
    config.eager_connection = if bit(12) { EagerConnection::Event } else { EagerConnection::Auto };
    config.ice_policy = if bit(11) { IcePolicy::All } else { IcePolicy::Discovered };
    config
}

impl Agent {
    /// A client that has done nothing yet, with settings and a phone by the bits of a number.
    pub(crate) fn new(bits: u16) -> Self {
        Self::with(bits, fake_media())
    }

    /// [`Agent::new`] with other media.
    pub(crate) fn with(bits: u16, media: Box<dyn EngineFactory>) -> Self {
        let now = Instant::now();
        let client = Client::new(config(bits), media, Seed::from(1), now).expect("good settings");
        let station = (if bits & 1 == 0 { 1 } else { 100 }, bits & 2 != 0);
        Self {
            client,
            now,
            wake: None,
            woken_at_once: 0,
            opening: VecDeque::new(),
            socket: None,
            udp_wanted: VecDeque::new(),
            udp: Vec::new(),
            media: None,
            asked: VecDeque::new(),
            sent: VecDeque::new(),
            books: Books::default(),
            cloud: Cloud { station, pings: bits & 1 << 5 != 0, ..Cloud::default() },
            ready: false,
            spoilt: false,
            watched: true,
            shown: String::new(),
            told: None,
        }
    }

    /// [`Agent::new`], logged in.
    pub(crate) fn ready(bits: u16) -> Self {
        Self::new(bits).logged_in()
    }

    /// The same without the oracles that cost as much as what they watch.
    pub(crate) fn unwatched(mut self) -> Self {
        self.watched = false;
        self
    }

    /// Logs in.
    pub(crate) fn logged_in(mut self) -> Self {
        self.tell(Command::Connect);
        self.become_ready();
        self
    }

    /// A frame, and all that the client wants thereupon; nobody looks at it.
    pub(crate) fn hear_only(&mut self, frame: String) {
        let Some(id) = self.socket else { return };
        self.client.handle_input(self.now, Input::WebSocket { id, event: WsEvent::Text(frame) });
        while !matches!(self.client.poll_output(), Output::Timeout(_)) {}
    }

    /// Lets the service behave well until the client is ready.
    ///
    /// # Panics
    ///
    /// It does not become ready in [`MAX_AWAY`].
    pub(crate) fn become_ready(&mut self) {
        let until = self.now + MAX_AWAY;
        for _ in 0..MAX_WAKES_AWAY {
            self.serve();
            if self.ready {
                return;
            }
            if std::mem::take(&mut self.books.given_up) {
                self.tell(Command::Connect);
                continue;
            }
            match self.wake {
                Some(wake) if wake.at > until => break,
                Some(wake) => self.wait(wake.at.saturating_duration_since(self.now)),
                None => self.books.given_up = true,
            }
        }
        panic!(
            "it does not become ready again: {:?}, given up {}, socket {:?}",
            self.wake, self.books.given_up, self.socket
        );
    }

    /// From now on, what is said and told is kept.
    pub(crate) fn record(&mut self) {
        self.told = Some(Vec::new());
    }

    /// The words said and told since, less what was left out of messages.
    pub(crate) fn told(&self) -> &[String] {
        self.told.as_deref().unwrap_or_default()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    // Inputs

    /// Submits a command that is to bring the client somewhere; nobody looks whether it is taken.
    pub(crate) fn tell(&mut self, command: Command) {
        if let Ok(id) = self.client.submit(self.now, command) {
            self.books.asked(id);
        }
        self.drain(0);
    }

    /// Submits a command, and returns true if it was taken. If it was not, nothing has happened.
    pub(crate) fn submit(&mut self, command: Command) -> bool {
        let before = self.watched.then(|| (self.client.digest(), command.clone()));
        let result = self.client.submit(self.now, command);
        match &result {
            Ok(id) => self.books.asked(*id),
            Err(error) => {
                let quiet = matches!(self.client.poll_output(), Output::Timeout(_));
                assert!(quiet, "a command was refused ({error}), and has acted");
                if let Some((before, refused)) = before {
                    let same = self.client.digest() == before;
                    assert!(same, "{refused:?} was refused ({error}), and has acted");
                }
            }
        }
        self.drain(0);
        result.is_ok()
    }

    pub(crate) fn input(&mut self, input: Input) {
        let len = match &input {
            Input::WebSocket { event: WsEvent::Text(text), .. } => text.len(),
            Input::Http { result: Ok(response), .. } => response.body().len(),
            _ => 0,
        };
        self.client.handle_input(self.now, input);
        self.drain(len);
    }

    /// A text frame from the service, if there is a connection.
    pub(crate) fn frame(&mut self, text: String) {
        self.socket_event(WsEvent::Text(text));
    }

    pub(crate) fn socket_event(&mut self, event: WsEvent) {
        if let Some(id) = self.socket {
            if matches!(event, WsEvent::Closed { .. }) {
                self.socket = None;
                self.ready = false;
            }
            self.input(Input::WebSocket { id, event });
        }
    }

    /// Opens the socket that is wanted, or fails it.
    pub(crate) fn open_socket(&mut self, result: Result<(), NetError>) {
        let Some((id, _)) = self.opening.pop_front() else { return };
        let event = match result {
            Ok(()) => {
                self.socket = Some(id);
                WsEvent::Opened { protocol: Some("xmpp".to_owned()) }
            }
            Err(error) => WsEvent::Failed(error),
        };
        self.input(Input::WebSocket { id, event });
    }

    /// Opens the media sockets that are wanted, or fails them.
    pub(crate) fn open_udp(&mut self, good: bool) {
        let Some(id) = self.udp_wanted.pop_front() else { return };
        let event = if good {
            self.udp.push(id);
            UdpEvent::Opened {
                local: Local::in_order(["192.0.2.50:4000".parse().expect("an address")]),
            }
        } else {
            UdpEvent::Failed(NetError::new(NetErrorKind::Local, "no socket"))
        };
        self.input(Input::Udp { id, event });
    }

    /// A datagram for media, that tells it something.
    pub(crate) fn datagram(&mut self, id: UdpId, byte: u8) {
        let data = service::word(byte);
        let local = "192.0.2.50:4000".parse().expect("an address");
        let remote = "192.0.2.1:5000".parse().expect("an address");
        self.input(Input::Udp { id, event: UdpEvent::Datagram { local, remote, data } });
    }

    pub(crate) fn respond(&mut self, id: HttpId, response: http::Response<Vec<u8>>) {
        self.input(Input::Http { id, result: Ok(response) });
    }

    pub(crate) fn tell_conversation(&mut self, id: &str, state: &str, flags: u8) {
        let body = service::conversation(id, state, flags);
        self.cloud.told(id, state, &body);
        self.notify("conversations", &body);
    }

    pub(crate) fn notify(&mut self, leaf: &str, body: &Value) {
        let node = format!("v2.users.{}.{leaf}", service::USER);
        let json = format!(r#"{{"topicName":"{node}","eventBody":{body}}}"#);
        self.frame(service::notification(&node, &json));
    }

    // The service at its best

    /// Answers everything that is open, and what is asked thereupon.
    pub(crate) fn serve(&mut self) {
        for _ in 0..500 {
            if !self.serve_one() {
                return;
            }
        }
        panic!("a service that answers everything is asked without end");
    }

    /// Answers one thing, if there is one.
    pub(crate) fn serve_one(&mut self) -> bool {
        if let Some(asked) = self.asked.pop_front() {
            let (status, body) = self.cloud.rest(&asked.method, &asked.path);
            self.respond(asked.id, response(status, &body));
        } else if !self.opening.is_empty() {
            self.open_socket(Ok(()));
        } else if !self.udp_wanted.is_empty() {
            self.open_udp(true);
        } else if let Some(frame) = self.sent.pop_front() {
            for reply in service::stream(&frame) {
                self.frame(reply);
            }
        } else {
            return false;
        }
        true
    }

    // Time

    /// Time passes. The client is woken exactly when it asked, and what is not answered by its
    /// deadline fails, as a runtime makes it.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let deadline = self.asked.iter().map(|asked| asked.deadline).min();
            let opening = self.opening.iter().map(|(_, deadline)| *deadline).min();
            let wake = self.wake.map(|wake| wake.at);
            let next = [deadline, opening, wake].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= until) else { break };
            if next > self.now {
                self.now = next;
                self.woken_at_once = 0;
            }
            let late = || NetError::new(NetErrorKind::Timeout, "too late");
            if wake == Some(next) {
                self.woken_at_once += 1;
                assert!(self.woken_at_once <= MAX_WAKES_AT_ONCE, "never asleep: {:?}", self.wake);
                self.input(Input::Timeout);
            } else if opening == Some(next) {
                self.open_socket(Err(late()));
            } else if let Some(at) = self.asked.iter().position(|asked| asked.deadline == next)
                && let Some(asked) = self.asked.remove(at)
            {
                self.input(Input::Http { id: asked.id, result: Err(late()) });
            }
        }
        if until > self.now {
            self.now = until;
            self.woken_at_once = 0;
        }
    }

    /// Time passes while nobody runs the client: the lid is closed.
    pub(crate) fn sleep(&mut self, time: Duration) {
        self.now += time;
        self.woken_at_once = 0;
        self.input(Input::Timeout);
    }

    /// Time passes with a service at its best, which also pings where that is its matter.
    pub(crate) fn wait_served(&mut self, time: Duration) {
        let until = self.now + time;
        let mut ping = self.now;
        for _ in 0..20_000 {
            if self.cloud.pings && self.ready && ping <= self.now {
                ping = self.now + PING_PAUSE;
                self.frame(service::ping());
            }
            self.serve();
            let next = if self.cloud.pings && self.ready { until.min(ping) } else { until };
            match self.wake.filter(|wake| wake.at <= next) {
                Some(wake) => self.wait(wake.at.saturating_duration_since(self.now)),
                None => {
                    self.wait(next.saturating_duration_since(self.now));
                    if next == until {
                        return;
                    }
                }
            }
        }
        panic!("it is never at rest: {:?}", self.wake);
    }

    /// Puts everything to rest: the service is well, and ends it all; then the client is destroyed.
    /// Nothing is left.
    ///
    /// # Panics
    ///
    /// Something is.
    pub(crate) fn put_to_rest(&mut self) {
        self.tell(Command::NetworkChanged);
        self.become_ready();
        self.cloud.conversations.clear();
        // A second round, for what came up by the first.
        for _ in 0..2 {
            for conversation in self.books.conversations() {
                self.tell_conversation(conversation.as_str(), "terminated", 0);
            }
            let ringing: Vec<_> = self.books.ringing.values().cloned().collect();
            for pending in ringing {
                self.frame(service::session_message(
                    &pending.from,
                    "retract",
                    pending.session.as_str(),
                ));
            }
            let started: Vec<_> = self.books.started.values().cloned().collect();
            for session in started {
                let reason = Reason::Success;
                let end = Command::ForceTerminateSession { session: session.id, reason };
                self.submit(end);
            }
            self.wait_served(Duration::from_secs(240));
            self.become_ready();
            if self.books.conversations().is_empty() {
                break;
            }
        }
        self.books.are_empty();
        assert!(self.client.is_connected());
        self.submit(Command::Destroy);
        self.wait_served(Duration::from_secs(40));
        self.books.are_answered();
        assert!(!self.client.is_connected());
        self.wait_served(Duration::from_secs(3600));
        assert_eq!(self.wake, None, "a client that is destroyed wants nothing");
        self.check_secrets(&format!("{:?}", self.client));
    }

    // Outputs

    fn drain(&mut self, input_len: usize) {
        let mut bytes = 0;
        for _ in 0..MAX_OUTPUTS {
            match self.client.poll_output() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    assert!(
                        bytes <= MAX_BYTES + 100 * input_len,
                        "{bytes} bytes for an input of {input_len}"
                    );
                    return;
                }
                output => bytes += self.take(output),
            }
        }
        panic!("the drain never ends");
    }

    /// Takes an output, and returns its bytes; those of events are counted where they are shown.
    fn take(&mut self, output: OutputOf<Client>) -> usize {
        let mut shown = std::mem::take(&mut self.shown);
        shown.clear();
        if self.watched {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{output:?}");
            self.check_secrets(&shown);
        }
        let odd = matches!(output, Output::Event(Event::Malformed { .. }));
        if let Some(told) = self.told.as_mut().filter(|_| !odd) {
            told.push(match &output {
                // When it must be answered depends on when the fuzzer was started.
                Output::Http { request, .. } => format!("{request:?}"),
                Output::OpenWebSocket { .. } => "OpenWebSocket".to_owned(),
                Output::SendText { text, .. } => text.clone(),
                _ => shown.clone(),
            });
        }
        let shown_len = shown.len();
        self.shown = shown;
        let mut len = 0;
        match output {
            Output::OpenWebSocket { id, deadline, .. } => self.opening.push_back((id, deadline)),
            Output::SendText { id, text } => {
                assert_eq!(Some(id), self.socket, "a frame for another socket");
                len = text.len();
                keep(&mut self.sent, text);
            }
            Output::CloseWebSocket { id } => {
                self.opening.retain(|(other, _)| *other != id);
                if self.socket == Some(id) {
                    self.socket = None;
                    self.ready = false;
                    self.sent.clear();
                }
            }
            Output::Http { id, request, deadline } => {
                len = request.body().len();
                let method = request.method().to_string();
                let path = request.uri().path_and_query().map_or("", |path| path.as_str());
                self.asked.push_back(Asked { id, method, path: path.to_owned(), deadline });
            }
            Output::OpenUdp { id, .. } => keep(&mut self.udp_wanted, id),
            Output::CloseUdp { id } => {
                self.udp.retain(|other| *other != id);
                self.udp_wanted.retain(|other| *other != id);
            }
            Output::Event(event) => {
                len = shown_len;
                self.hear(&event);
            }
            Output::Completed { command, .. } => self.books.completed(command),
            Output::Transmit { data, .. } => len = data.len(),
            _ => {}
        }
        len
    }

    fn hear(&mut self, event: &Event) {
        self.books.told(event);
        match event {
            Event::Ready => self.ready = true,
            Event::Disconnected { .. } => {
                self.ready = false;
                self.sent.clear();
            }
            Event::SessionStarted(session) => self.media = Some(session.media),
            _ => {}
        }
    }

    fn check_secrets(&self, shown: &str) {
        assert!(!shown.contains(TOKEN), "the token is shown: {shown}");
        assert!(!shown.contains(PART), "a planted secret is shown: {shown}");
        assert!(self.spoilt || !shown.contains(ICE_PWD), "the ICE password is shown: {shown}");
    }
}

/// The world remembers only so much; what it forgets stays unanswered.
fn keep<T>(queue: &mut VecDeque<T>, new: T) {
    if queue.len() >= MAX_WAITING {
        queue.pop_front();
    }
    queue.push_back(new);
}

pub(crate) fn response(status: u16, body: &Value) -> http::Response<Vec<u8>> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut response = http::Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    response
}

/// A whole call, up to the point where people talk.
pub(crate) fn talk(agent: &mut Agent, session: &str, conversation: &str) {
    ring(agent, session, conversation);
    agent.tell(Command::AcceptPendingSession { conversation: conversation.into() });
    let params = serde_json::json!({"sessionId": session, "conversationId": conversation,
        "sdp": service::description("actpass", "ufra")});
    agent.frame(service::rpc(PEER, "o1", "offer", &params));
    agent.serve();
    for id in agent.udp.clone() {
        agent.datagram(id, 0);
    }
    agent.tell_conversation(conversation, "connected", 0);
    agent.serve();
}

/// Lets a call ring.
pub(crate) fn ring(agent: &mut Agent, session: &str, conversation: &str) {
    agent.tell_conversation(conversation, "alerting", 0);
    let more = r#"inin-sdp-over-xmpp="true""#;
    agent.frame(service::propose(PEER, session, conversation, more));
    agent.serve();
}
