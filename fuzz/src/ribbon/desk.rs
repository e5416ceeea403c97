//! A client and everything around it: the socket, requests, time, and the oracles that watch it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::machine::{
    HttpId, Input, Local, Machine, NetError, NetErrorKind, Output, OutputOf, UdpEvent, UdpId, Wake,
    WsEvent, WsId,
};
use offhook::media::{EngineFactory, IceServer};
use offhook::ribbon::{
    AnswerOptions, CallConfig, CallId, CallMedia, CallState, CallsBy, Client, CodecRemover,
    Command, Config, Connectivity, Credentials, Event, MakeOptions, Notifications, OAuthMode,
    PeerConfig, RingingFeedback, SdpHandler, Service,
};
use serde_json::Value;

use super::ledger::Ledger;
use super::office::{self, HOST, Office, USER, WS_HOST, leg, notification};
use crate::planted::PART;
use crate::service::{self, ICE_PWD, TOKEN};

/// Outputs that one input may lead to: a thousand commands may end with the client.
const MAX_OUTPUTS: usize = 8_000;
/// Bytes that one input may make the client send and tell, besides a hundred times its own length.
const MAX_BYTES: usize = 8 << 20;
/// Wake-ups in a row that time does not advance by.
const MAX_WAKES_AT_ONCE: u32 = 64;
/// The most that a client remembers: its calls, requests and commands, what came too early.
const MAX_REMEMBERED: usize = 1024 + 64 + 64 + 1024;
/// The longest that a client may need to be subscribed again: it obeys a `Retry-After` of an hour as often as it
/// is told to try again.
const MAX_AWAY: Duration = Duration::from_secs(5 * 3600);
/// Requests without an answer that the world remembers.
const MAX_WAITING: usize = 256;
/// Frames for the process that has the media, on their way; one more is lost.
const MAX_FRAMES: usize = 512;

/// A request that waits for its answer.
pub(crate) struct Asked {
    pub(crate) id: HttpId,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    deadline: Instant,
}

/// See the [module](self).
pub(crate) struct Desk {
    pub(crate) client: Client,
    now: Instant,
    wake: Option<Wake>,
    woken_at_once: u32,
    opening: VecDeque<(WsId, Instant)>,
    pub(crate) socket: Option<WsId>,
    udp_wanted: VecDeque<UdpId>,
    pub(crate) udp: Vec<UdpId>,
    pub(crate) asked: VecDeque<Asked>,
    /// Frames for the process that has the media.
    pub(crate) frames: VecDeque<String>,
    pub(crate) ledger: Ledger,
    office: Office,
    notices: u32,
    /// True if descriptions were tampered with, so that the ICE password may be anywhere in them.
    pub(crate) spoilt: bool,
    /// True if all that is shown is looked at, and what a refused command leaves.
    watched: bool,
    shown: String,
}

/// A thing that time alone makes happen.
enum Due {
    Wake,
    Opening,
    Answer(usize),
}

fn config(bits: u16) -> Config {
    let bit = |n: u16| bits & (1 << n) != 0;
    let handlers: Vec<Arc<dyn SdpHandler>> = if bit(12) {
        vec![Arc::new(CodecRemover::new(["PCMA", "telephone-event"]).expect("few"))]
    } else {
        Vec::new()
    };
    let peer =
        PeerConfig::default().ice_servers(vec![IceServer::turn("turn:192.0.2.10", "t", ICE_PWD)]);
    let call = CallConfig::default()
        .resync_on_connect(bit(2))
        .ringing_feedback(if bit(3) { RingingFeedback::Manual } else { RingingFeedback::Auto })
        .early_media(bit(4))
        .media_broker_only(bit(5))
        .remove_bundling(bit(6))
        .sdp_handlers(handlers)
        .normalize_destination(!bit(13))
        .glare_retries(if bit(15) { 3 } else { 0 })
        .kept_calls(20)
        .peer(if bit(14) { peer } else { PeerConfig::default() });
    let limit = if bit(10) { None } else { NonZeroU32::new(5) };
    let mode = if bit(0) { OAuthMode::Query } else { OAuthMode::None };
    let connectivity =
        Connectivity::default().auto_reconnect(!bit(9)).reconnect_limit(limit).oauth_mode(mode);
    let notifications = Notifications::default()
        .id_cache(if bit(11) { 0 } else { 100 })
        .calls_by(if bit(7) { CallsBy::PushOnly } else { CallsBy::AnyChannel });
    let mut config = Config::new(HOST, WS_HOST)
        .call(call)
        .connectivity(connectivity)
        .notifications(notifications);
    config.trace.on = bit(8);
    config.trace.bodies = bit(8);
    config
}

fn credentials(bits: u16) -> Credentials {
    match bits & 3 {
        0 => Credentials::password(USER, TOKEN),
        2 => Credentials::hmac(USER, TOKEN),
        _ => Credentials::bearer(USER, TOKEN),
    }
}

impl Desk {
    /// A client without credentials, with settings by the bits of a number.
    pub(crate) fn new(bits: u16, media: Box<dyn EngineFactory>) -> Self {
        let now = Instant::now();
        let client = Client::new(config(bits), media, Seed::from(1), now).expect("good settings");
        Self {
            client,
            now,
            wake: None,
            woken_at_once: 0,
            opening: VecDeque::new(),
            socket: None,
            udp_wanted: VecDeque::new(),
            udp: Vec::new(),
            asked: VecDeque::new(),
            frames: VecDeque::new(),
            ledger: Ledger::new(bits & 1 << 10 != 0),
            office: Office::default(),
            notices: 0,
            spoilt: false,
            watched: true,
            shown: String::new(),
        }
    }

    /// The same without the oracles that cost as much as what they watch.
    pub(crate) fn unwatched(mut self) -> Self {
        self.watched = false;
        self
    }

    /// Logs in, and asks for a subscription.
    pub(crate) fn log_in(&mut self, bits: u16) {
        self.submit(Command::SetCredentials(credentials(bits)));
        let services = vec![Service::Call, Service::Presence, Service::Im];
        self.submit(Command::Subscribe { services, correlator: None });
    }

    /// A client that is subscribed.
    pub(crate) fn subscribed(bits: u16, media: Box<dyn EngineFactory>) -> Self {
        let mut desk = Self::new(bits, media);
        desk.log_in(bits);
        desk.serve();
        assert!(desk.is_up(), "{:?}", desk.client.socket());
        desk
    }

    /// The present.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// True while notifications come.
    pub(crate) fn is_up(&self) -> bool {
        self.socket.is_some() && !self.client.subscriptions().subscribed.is_empty()
    }

    /// The session that the gateway made last.
    pub(crate) fn last_session(&self) -> String {
        self.office.last_session()
    }

    // Inputs

    /// Submits a command, and returns true if it was taken. If it was not, nothing has happened.
    pub(crate) fn submit(&mut self, command: Command) -> bool {
        let before = self.watched.then(|| (format!("{:?}", self.client), format!("{command:?}")));
        let result = self.client.submit(self.now, command);
        match &result {
            Ok(id) => self.ledger.asked(*id, self.now),
            Err(error) => {
                let quiet = matches!(self.client.poll_output(), Output::Timeout(_));
                assert!(quiet, "a command was refused ({error}), and has acted");
                if let Some((before, refused)) = before {
                    let same = format!("{:?}", self.client) == before;
                    assert!(same, "{refused} was refused ({error}), and has acted");
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

    /// A text of the notification socket, if there is one.
    pub(crate) fn text(&mut self, text: String) {
        self.socket_event(WsEvent::Text(text));
    }

    /// A notification with an id that no other has.
    pub(crate) fn notify(&mut self, kind: &str, message: Value) {
        let id = self.notice_id();
        self.text(notification(kind, Some(id), message));
    }

    pub(crate) fn socket_event(&mut self, event: WsEvent) {
        if let Some(id) = self.socket {
            if matches!(event, WsEvent::Closed { .. }) {
                self.socket = None;
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
                WsEvent::Opened { protocol: None }
            }
            Err(error) => WsEvent::Failed(error),
        };
        self.input(Input::WebSocket { id, event });
    }

    /// Opens a media socket that is wanted, or fails it.
    pub(crate) fn open_udp(&mut self, good: bool) {
        let Some(id) = self.udp_wanted.pop_front() else { return };
        let event = if good {
            self.udp.push(id);
            let address = "192.0.2.50:4000".parse().expect("an address");
            UdpEvent::Opened { local: Local::in_order([address]) }
        } else {
            UdpEvent::Failed(NetError::new(NetErrorKind::Local, "no socket"))
        };
        self.input(Input::Udp { id, event });
    }

    /// A datagram for the n-th media, that tells it something.
    pub(crate) fn datagram(&mut self, n: u8, data: Vec<u8>) {
        let Some(id) = self.udp.get(usize::from(n) % self.udp.len().max(1)).copied() else {
            return;
        };
        let local = "192.0.2.50:4000".parse().expect("an address");
        let remote = "192.0.2.1:5000".parse().expect("an address");
        self.input(Input::Udp { id, event: UdpEvent::Datagram { local, remote, data } });
    }

    pub(crate) fn respond(&mut self, id: HttpId, response: http::Response<Vec<u8>>) {
        self.input(Input::Http { id, result: Ok(response) });
    }

    pub(crate) fn fail(&mut self, id: HttpId, kind: NetErrorKind) {
        self.input(Input::Http { id, result: Err(NetError::new(kind, "the network failed")) });
    }

    // The gateway at its best

    /// Answers everything that is open, and what is asked thereupon.
    pub(crate) fn serve(&mut self) {
        for _ in 0..2_000 {
            if !self.serve_one() {
                return;
            }
        }
        panic!("a gateway that answers everything is asked without end");
    }

    /// Answers one thing, if there is one.
    pub(crate) fn serve_one(&mut self) -> bool {
        if let Some(asked) = self.asked.pop_front() {
            self.answer(&asked);
        } else if !self.opening.is_empty() {
            self.open_socket(Ok(()));
        } else if !self.udp_wanted.is_empty() {
            self.open_udp(true);
        } else {
            return false;
        }
        true
    }

    /// The good answer to a request, and what the gateway says thereafter.
    pub(crate) fn answer(&mut self, asked: &Asked) {
        let (status, body) = self.office.rest(&asked.method, &asked.path, &asked.body);
        let later = std::mem::take(&mut self.office.later);
        self.respond(asked.id, crate::agent::response(status, &body));
        for (kind, message) in later {
            self.notify(kind, message);
        }
    }

    /// The good answer to a request with one byte of its body changed.
    pub(crate) fn answer_twisted(&mut self, asked: &Asked, at: u16, with: u8) {
        self.spoilt = true;
        let (status, body) = self.office.rest(&asked.method, &asked.path, &asked.body);
        self.office.later.clear();
        let mut response = crate::agent::response(status, &body);
        let len = response.body().len().max(1);
        if let Some(byte) = response.body_mut().get_mut(usize::from(at) % len) {
            *byte = with;
        }
        self.respond(asked.id, response);
    }

    /// The id of a new notification.
    pub(crate) fn notice_id(&mut self) -> u32 {
        self.notices += 1;
        self.notices
    }

    /// Lets a call come in and ring.
    pub(crate) fn ring(&mut self, session: &str) -> Option<CallId> {
        let offer = office::description("actpass", "sendrecv");
        self.notify("call", leg(session, Some(&offer)));
        self.serve();
        self.ledger.live().last().cloned()
    }

    /// Places a call that is answered; its name, if it was allowed.
    pub(crate) fn talk(&mut self) -> Option<CallId> {
        let make = Command::Make {
            to: "bob".to_owned(),
            media: CallMedia::AUDIO,
            options: MakeOptions::default(),
        };
        if !self.submit(make) {
            return None;
        }
        let call = self.client.calls().last()?.id.clone();
        self.office.answers = true;
        self.wait_served(Duration::from_secs(4));
        self.office.answers = false;
        self.connect_media();
        Some(call)
    }

    /// Answers a call that rings.
    pub(crate) fn pick_up(&mut self, call: CallId) {
        let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
        self.submit(Command::Answer { call, media, options });
        self.wait_served(Duration::from_secs(4));
        self.connect_media();
    }

    fn connect_media(&mut self) {
        for n in 0..self.udp.len() {
            self.datagram(u8::try_from(n).unwrap_or(u8::MAX), service::word(0));
        }
    }

    // Time

    /// Time passes. The client is woken exactly when it asked, and what is not answered by its deadline fails, as
    /// a runtime makes it.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= until) {
            self.pass_to(at);
            match due {
                Due::Wake => {
                    self.woken_at_once += 1;
                    let awake = self.woken_at_once <= MAX_WAKES_AT_ONCE;
                    assert!(awake, "never asleep: {:?}", self.wake);
                    self.input(Input::Timeout);
                }
                Due::Opening => {
                    self.open_socket(Err(NetError::new(NetErrorKind::Timeout, "too late")));
                }
                Due::Answer(at) => {
                    if let Some(asked) = self.asked.remove(at) {
                        self.fail(asked.id, NetErrorKind::Timeout);
                    }
                }
            }
        }
        self.pass_to(until);
    }

    fn pass_to(&mut self, at: Instant) {
        if at > self.now {
            self.now = at;
            self.woken_at_once = 0;
        }
    }

    fn next_due(&self) -> Option<(Instant, Due)> {
        let wake = self.wake.map(|wake| (wake.at, Due::Wake));
        let opening = self.opening.iter().map(|(_, deadline)| (*deadline, Due::Opening));
        let asked = self.asked.iter().enumerate();
        let answers = asked.map(|(at, asked)| (asked.deadline, Due::Answer(at)));
        wake.into_iter().chain(opening).chain(answers).min_by_key(|(at, _)| *at)
    }

    /// Time passes while nobody runs the client: the lid is closed.
    pub(crate) fn sleep(&mut self, time: Duration) {
        self.now += time;
        self.ledger.slept(time);
        self.woken_at_once = 0;
        self.input(Input::Timeout);
    }

    /// Time passes with a gateway at its best.
    pub(crate) fn wait_served(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..20_000 {
            self.serve();
            match self.wake.filter(|wake| wake.at <= until) {
                Some(wake) => self.wait(wake.at.saturating_duration_since(self.now)),
                None => return self.pass_to(until),
            }
        }
        panic!("it is never at rest: {:?}", self.wake);
    }

    /// Lets the gateway behave well until the client is subscribed and its socket open.
    ///
    /// # Panics
    ///
    /// It is not in [`MAX_AWAY`].
    pub(crate) fn come_up(&mut self, bits: u16) {
        let until = self.now + MAX_AWAY;
        while self.now < until {
            self.serve();
            if self.is_up() {
                return;
            }
            let subscriptions = self.client.subscriptions();
            if subscriptions.subscribed.is_empty() && !subscriptions.pending {
                self.log_in(bits);
                continue;
            }
            let next = self.wake.map_or(until, |wake| wake.at);
            self.wait(next.saturating_duration_since(self.now).max(Duration::from_millis(1)));
        }
        panic!("it is not subscribed again: {:?}, {:?}", self.client.socket(), self.wake);
    }

    /// Puts everything to rest: the gateway is well, all calls are ended, another one works, and the client is
    /// destroyed. Nothing is left.
    ///
    /// # Panics
    ///
    /// Something is.
    pub(crate) fn put_to_rest(&mut self, bits: u16) {
        self.come_up(bits);
        for call in self.ledger.live() {
            // One that joins others ends with them.
            if !self.ledger.state(&call).is_final() {
                assert!(self.submit(Command::End { call }), "an end is refused");
            }
        }
        self.wait_served(Duration::from_secs(180));
        self.come_up(bits);
        assert!(self.ledger.is_answered(), "a command waits: {:?}", self.ledger);
        self.ledger.is_quiet();
        assert_eq!(self.client.remembered(), 1, "the subscription, and nothing else");
        let call = self.talk().expect("a call can be placed");
        let state = self.ledger.state(&call);
        assert_eq!(state, CallState::Connected, "a new call, {:?}", self.client.call(&call));
        assert!(self.submit(Command::End { call }));
        self.submit(Command::Destroy);
        self.wait_served(Duration::from_secs(180));
        assert!(self.ledger.is_answered(), "a command waits: {:?}", self.ledger);
        self.ledger.is_quiet();
        assert_eq!(self.client.remembered(), 0, "a client at rest remembers nothing");
        assert_eq!(self.wake, None, "a client that is destroyed wants nothing");
        assert!(self.socket.is_none() && self.udp.is_empty(), "it holds on to sockets");
        self.check_secrets(&format!("{:?}", self.client));
    }

    // Outputs

    fn drain(&mut self, input_len: usize) {
        let mut bytes = 0;
        for _ in 0..MAX_OUTPUTS {
            match self.client.poll_output() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    let most = MAX_BYTES + 100 * input_len;
                    assert!(bytes <= most, "{bytes} bytes for an input of {input_len}");
                    let remembered = self.client.remembered();
                    assert!(remembered <= MAX_REMEMBERED, "{remembered} things are remembered");
                    return;
                }
                output => bytes += self.take(output),
            }
        }
        panic!("the drain never ends");
    }

    /// Takes an output, and returns its bytes, roughly.
    fn take(&mut self, output: OutputOf<Client>) -> usize {
        let mut len = 0;
        if self.watched {
            let mut shown = std::mem::take(&mut self.shown);
            shown.clear();
            // Writing to a string cannot fail.
            let _ = write!(shown, "{output:?}");
            self.check_secrets(&shown);
            len = shown.len();
            self.shown = shown;
        }
        match output {
            Output::OpenWebSocket { id, request, deadline } => {
                assert_eq!(request.uri().host(), Some(WS_HOST), "a socket elsewhere");
                self.opening.push_back((id, deadline));
            }
            Output::SendText { id, text } => {
                assert_eq!(Some(id), self.socket, "a text for another socket");
                len = text.len();
            }
            Output::CloseWebSocket { id } => {
                self.opening.retain(|(other, _)| *other != id);
                if self.socket == Some(id) {
                    self.socket = None;
                }
            }
            Output::Http { id, request, deadline } => {
                len = request.body().len();
                stays_home(&request);
                let (parts, body) = request.into_parts();
                if self.asked.len() >= MAX_WAITING {
                    self.asked.pop_front();
                }
                self.asked.push_back(Asked {
                    id,
                    method: parts.method.to_string(),
                    path: parts.uri.path().to_owned(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                    deadline,
                });
            }
            Output::OpenUdp { id, .. } => self.udp_wanted.push_back(id),
            Output::CloseUdp { id } => {
                self.udp.retain(|other| *other != id);
                self.udp_wanted.retain(|other| *other != id);
            }
            Output::Event(Event::ProxyFrame(frame)) if self.frames.len() < MAX_FRAMES => {
                self.frames.push_back(frame.into_inner());
            }
            Output::Event(event) => self.ledger.told(&event),
            Output::Completed { command, .. } => self.ledger.completed(command, self.now),
            Output::Transmit { data, .. } => len = data.len(),
            _ => {}
        }
        len
    }

    fn check_secrets(&self, shown: &str) {
        assert!(!shown.contains(TOKEN), "the token is shown: {shown}");
        assert!(!shown.contains(PART), "a secret of the gateway's is shown: {shown}");
        assert!(self.spoilt || !shown.contains(ICE_PWD), "the ICE password is shown: {shown}");
    }
}

/// Credentials are for the gateway alone, wherever it sends a request to (w1.4).
fn stays_home(request: &http::Request<Vec<u8>>) {
    let uri = request.uri();
    let port = uri.port_u16().unwrap_or(443);
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    if (uri.scheme_str(), host.as_str(), port) == (Some("https"), HOST, 443) {
        return;
    }
    for name in ["authorization", "x-token", "x-session", "cookie"] {
        assert!(!request.headers().contains_key(name), "{name} leaves home, to {uri}");
    }
    let secret = |text: &str| text.contains(TOKEN) || text.contains(PART);
    assert!(!secret(&uri.to_string()), "a secret leaves home in an address");
    for value in request.headers().values() {
        assert!(!secret(&String::from_utf8_lossy(value.as_bytes())), "a secret leaves home");
    }
}
