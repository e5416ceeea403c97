//! The model cloud among hostile clients and hostile users of its control API.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use http::Request;
use offhook::genesys::wire::{Dialect, Frame};
use offhook::machine::{UdpId, Wake};
use offhook::media::{AudioCodec, AudioFrame};
use offhook::xmpp::sasl;
use offhook::{Secret, Seed};
use offhook_sim::cloud::{Cloud, CloudConfig, ConnId, Input, Output, RequestId, Service as _};
use serde_json::Value;

use crate::service::escaped;
use crate::service::{description, fake_media, word};

/// The settings of the cloud: made once, since the prompt of the settings is most of the cost of a
/// cloud.
static CONFIG: LazyLock<CloudConfig> = LazyLock::new(|| CloudConfig {
    seed: Seed::from(7),
    prompt: vec![100; 960],
    ..CloudConfig::new(7, 1_795_225_723_900)
});

/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 100;
/// Outputs and their bytes that one input may lead to. Bytes: besides a thousand times the input's
/// length, as the control API may send what it is given to many, with their addresses in it.
const MAX_OUTPUTS: usize = 5_000;
const MAX_BYTES: usize = 4 << 20;
/// Wake-ups in a row that time does not advance by.
const MAX_WAKES_AT_ONCE: u32 = 64;
/// Ids that the world remembers of each kind.
const MAX_SEEN: usize = 8;

const JID: &str = "u1@lab-org.orgspan.lab.test";
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Paths; `{c}` is a conversation, `{n}` a channel, `{p}` a participant.
const PATHS: [&str; 46] = [
    "/control/health",
    "/control/reset",
    "/control/users",
    "/control/users/u1",
    "/control/calls",
    "/control/calls/{c}",
    "/control/calls/{c}/media",
    "/control/calls/{c}/cancel",
    "/control/calls/{c}/hangup",
    "/control/calls/{c}/elsewhere",
    "/control/calls/{c}/repropose",
    "/control/calls/{c}/rebind",
    "/control/calls/{c}/renegotiate",
    "/control/calls/{c}/reinvite",
    "/control/calls/{c}/kill-media",
    "/control/calls/{c}/ice-restart",
    "/control/calls/{c}/participant",
    "/control/calls/{c}/far-end",
    "/control/connections",
    "/control/connections/drop",
    "/control/channels/expire",
    "/control/events?wait=1000",
    "/control/events?after=99999999999999999999&type=rest",
    "/control/options",
    "/control/faults",
    "/control/stanza",
    "/api/v2/organizations/me",
    "/api/v2/users/me?expand=station",
    "/api/v2/stations/s1",
    "/api/v2/notifications/channels",
    "/api/v2/notifications/channels/{n}/subscriptions",
    "/api/v2/conversations",
    "/api/v2/conversations/{c}",
    "/api/v2/conversations/calls",
    "/api/v2/conversations/calls/{c}",
    "/api/v2/conversations/calls/{c}/participants/{p}",
    "/api/v2/conversations/calls/{c}/participants/{p}/replace",
    "/api/v2/conversations/calls/{c}/communications/x/metadata",
    "/api/v2/diagnostics/trace",
    "/%2e%2e/%00?&&=&",
    "/control/calls/{c}/far?wait=1000",
    "/control/calls/{c}/far/offer",
    "/control/calls/{c}/far/candidates",
    "/api/v2/presence/definitions",
    "/api/v2/users/u1/presences/purecloud",
    "/api/v2/voicemail/mailbox",
];
const BODIES: [&str; 24] = [
    "",
    "null",
    "[]",
    "{}",
    r#"{"kind":"inbound","userId":"u1","signaling":"sdp","trickle":true}"#,
    r#"{"kind":"inbound","userId":"u1","signaling":"jingle","autoAnswer":true}"#,
    r#"{"userId":"u1","signaling":"sdp","alsoJingle":"after","farEnd":"external","eventFirst":false}"#,
    r#"{"userId":"u1","privAnswerMode":"Auto","purpose":"user"}"#,
    r#"{"userId":"u1","token":"t","jid":"u1@lab-org.orgspan.lab.test","station":{"id":"s1","persistent":true,"lineAppearances":1}}"#,
    r#"{"userId":7,"name":[],"token":{},"station":3}"#,
    r#"{"stationEvent":"Disassociated","station":null}"#,
    r#"{"stationEvent":"WebRTCMigration","station":{"persistent":true,"lineAppearances":1}}"#,
    r#"[{"id":"v2.users.u1?conversations&station"},{"id":7},3]"#,
    r#"{"phoneNumber":"1","callUserId":"u1"}"#,
    r#"{"muted":true,"held":true}"#,
    r#"{"state":"disconnected"}"#,
    r#"{"voicemail":true,"how":"accept","newSession":true,"mode":"echo"}"#,
    r#"{"how":"reject","mode":"stream-error"}"#,
    r#"{"mode":"close","code":99999999,"path":"(","status":-1}"#,
    r#"{"path":"conversations","status":503,"times":3,"headers":{"retry-after":3}}"#,
    r#"{"stun":false,"iceServices":[{"type":"turn","host":7}],"codecs":["PCMA/8000"],"farEnd":"silence","serverPingMs":1,"failSasl":true,"outboundSignaling":"sdp"}"#,
    r#"{"userId":"u1","xml":"<message xmlns='jabber:client' to='{jid}'/>"}"#,
    r#"{"userId":"u1","signaling":"sdp","far":{"offer":"v=0\r\na=mid:0\r\n"},"outboundFar":true}"#,
    r#"{"offer":"v=0","reinvite":true,"newSession":true,"candidates":["candidate:1",{"candidate":""}]}"#,
];
/// The texts that a client says; `{s}` is a session, `{c}` a conversation, `{i}` an iq's id, `{f}`
/// its sender, `{d}` a description.
const TEXTS: [&str; 27] = [
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='x' version='1.0'/>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%%</auth>",
    "<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
    "<iq xmlns='jabber:client' type='set' id='2'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
    "<iq xmlns='jabber:client' type='get' id='3'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq xmlns='jabber:client' type='get' id='3'><services xmlns='urn:xmpp:extdisco:1' type='turn'/></iq>",
    "<iq xmlns='jabber:client' type='result' id='{i}' to='{f}'/>",
    "<iq xmlns='jabber:client' type='error' id='{i}' to='{f}'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    "<iq xmlns='jabber:client' type='set' id='5'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='enable.server.side.pings' jid='a@b'/></pubsub></iq>",
    "<iq xmlns='jabber:client' type='set' id='5'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='v2.users.u1.conversations' jid='u1@lab-org.orgspan.lab.test'/></pubsub></iq>",
    "<message xmlns='jabber:client' to='{f}'><proceed xmlns='urn:xmpp:jingle-message:0' id='{s}'/></message>",
    "<message xmlns='jabber:client' to='u1@lab-org.orgspan.lab.test'><accept xmlns='urn:xmpp:jingle-message:0' id='{s}'/></message>",
    "<message xmlns='jabber:client' to='{f}'><reject xmlns='urn:xmpp:jingle-message:0' id='{s}'/></message>",
    "<message xmlns='jabber:client' to='{f}'><retract xmlns='urn:xmpp:jingle-message:0' id='{s}'/></message>",
    "<iq xmlns='jabber:client' type='set' id='6' to='{f}'><jingle xmlns='urn:xmpp:jingle:1' action='session-accept' sid='{s}'>{j}</jingle></iq>",
    "<iq xmlns='jabber:client' type='set' id='6' to='{f}'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='{s}'>{j}</jingle></iq>",
    "<iq xmlns='jabber:client' type='set' id='6' to='{f}'><jingle xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='{s}'><reason><busy/></reason></jingle></iq>",
    "<iq xmlns='jabber:client' type='set' id='6' to='{f}'><jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='{s}'>{j}</jingle></iq>",
    "<iq xmlns='jabber:client' type='set' id='6' to='{f}'><jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='{s}'><mute xmlns='urn:xmpp:jingle:apps:rtp:info:1' name='0'/></jingle></iq>",
    r#"<iq xmlns='jabber:client' type='set' id='7' to='{f}'><genesys-webrtc xmlns='genesys'>{"jsonrpc":"2.0","id":"1","method":"answer","params":{"sessionId":"{s}","sdp":"{d}"}}</genesys-webrtc></iq>"#,
    r#"<iq xmlns='jabber:client' type='set' id='7' to='{f}'><genesys-webrtc xmlns='genesys'>{"jsonrpc":"2.0","id":"1","method":"offer","params":{"sessionId":"{s}","conversationId":"{c}","sdp":"{d}"}}</genesys-webrtc></iq>"#,
    r#"<iq xmlns='jabber:client' type='set' id='7' to='{f}'><genesys-webrtc xmlns='genesys'>{"jsonrpc":"2.0","id":"1","method":"iceCandidate","params":{"sessionId":"{s}","sdpMid":"0","candidate":"candidate:1 1 udp 1 192.0.2.1 5000 typ host"}}</genesys-webrtc></iq>"#,
    r#"<iq xmlns='jabber:client' type='set' id='7' to='{f}'><genesys-webrtc xmlns='genesys'>{"jsonrpc":"2.0","id":"1","method":"terminate","params":{"sessionId":"{s}","reason":"busy"}}</genesys-webrtc></iq>"#,
    "<presence xmlns='jabber:client' type='unavailable'/>",
    "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    "<iq xmlns='jabber:client' type='set' id='8'/>",
];
const CONTENT: &str = "<content creator='initiator' name='0'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><rtcp-mux/><payload-type id='111' name='opus' clockrate='48000' channels='2'/></description><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='ufra' pwd='0123456789abcdef0123'><fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>AB:CD</fingerprint><candidate component='1' foundation='1' ip='192.0.2.1' port='5000' priority='1' protocol='udp' type='host'/></transport></content>";

#[derive(Arbitrary, Debug)]
enum Step {
    /// A socket becomes a bound stream of the user's.
    LogIn(u8),
    /// A call comes, and is answered in either signaling.
    Call {
        conn: u8,
        sdp: bool,
    },
    Request {
        method: u8,
        path: u8,
        body: u8,
        token: bool,
        twist: Twist,
    },
    RawRequest {
        path: String,
        body: String,
    },
    Control {
        path: u8,
        body: u8,
    },
    Socket {
        conn: u8,
        path: String,
    },
    Text {
        conn: u8,
        text: u8,
        nth: u8,
        twist: Twist,
    },
    RawText {
        conn: u8,
        text: String,
    },
    Closed(u8),
    Udp {
        nth: u8,
    },
    Datagram {
        nth: u8,
        word: u8,
    },
    PlayFarEnd,
    FarAudio {
        good: bool,
    },
    Wait(u16),
}

/// The tampering with a text, if any: one character of it, anywhere.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Twist(Option<(u16, u8)>);

impl Twist {
    pub(crate) fn is_some(self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn of(self, text: &str) -> String {
        let Some((at, with)) = self.0 else { return text.to_owned() };
        let at = usize::from(at) % text.chars().count().max(1);
        let new = text.chars().enumerate().map(|(n, c)| if n == at { char::from(with) } else { c });
        new.collect()
    }
}

/// A script of requests, sockets, texts and datagrams.
///
/// Whatever clients do, the cloud neither spins nor floods; each request is answered once, and
/// after a reset nothing is left that time has to end.
///
/// # Panics
///
/// One of these does not hold.
pub fn cloud(data: &[u8]) {
    let mut script = Unstructured::new(data);
    let mut town = Town::new();
    town.control("users", BODIES[8]);
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut script) else { break };
        town.play(&step);
    }
    town.control("reset", "{}");
    town.wait(Duration::from_secs(300));
    assert_eq!(town.wake, None, "a cloud with nobody in it wants nothing");
    let health = town.ask("GET", "/control/health", "");
    assert!(!town.open.contains(&health));
    assert!(town.open.is_empty(), "never answered: {:?}", town.open);
}

/// The cloud, and what the world around it knows of it.
struct Town {
    cloud: Cloud,
    now: Instant,
    wake: Option<Wake>,
    woken_at_once: u32,
    next: u64,
    /// Requests without an answer.
    open: Vec<RequestId>,
    /// The last answer.
    answer: Value,
    conversations: Vec<String>,
    channels: Vec<String>,
    participants: Vec<String>,
    /// Sessions with their far end's address.
    sessions: Vec<(String, String)>,
    /// Requests over streams: ids and senders.
    iqs: Vec<(String, String)>,
    udp: Vec<UdpId>,
}

pub(crate) fn remember<T: PartialEq>(seen: &mut Vec<T>, new: T) {
    if !seen.contains(&new) {
        if seen.len() >= MAX_SEEN {
            seen.remove(0);
        }
        seen.push(new);
    }
}

pub(crate) fn nth<T: Clone + Default>(seen: &[T], n: u8) -> T {
    seen.get(usize::from(n) % seen.len().max(1)).cloned().unwrap_or_default()
}

pub(crate) fn pick<'a>(list: &[&'a str], which: u8) -> &'a str {
    list[usize::from(which) % list.len()]
}

impl Town {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            cloud: Cloud::new(CONFIG.clone(), fake_media(), now),
            now,
            wake: None,
            woken_at_once: 0,
            next: 0,
            open: Vec::new(),
            answer: Value::Null,
            conversations: Vec::new(),
            channels: Vec::new(),
            participants: Vec::new(),
            sessions: Vec::new(),
            iqs: Vec::new(),
            udp: Vec::new(),
        }
    }

    // Inputs

    fn play(&mut self, step: &Step) {
        let conn = |n: &u8| u64::from(n % 4);
        match step {
            Step::LogIn(n) => self.log_in(conn(n)),
            Step::Call { conn: n, sdp } => self.call(conn(n), *sdp),
            Step::Request { method, path, body, token, twist } => {
                let path = self.filled(pick(&PATHS, *path), 0);
                let token = if *token { "t" } else { "" };
                let body = twist.of(pick(&BODIES, *body));
                self.ask_as(pick(&METHODS, *method), &path, token, &body);
            }
            Step::RawRequest { path, body } => {
                self.ask_as("POST", &format!("/control/{path}"), "t", body);
            }
            Step::Control { path, body } => {
                let path = self.filled(PATHS[usize::from(path % 26)], 0);
                self.ask("POST", &path, pick(&BODIES, *body));
            }
            Step::Socket { conn: n, path } => {
                let path = if path.is_empty() {
                    format!("/stream/channels/{}", nth(&self.channels, *n))
                } else {
                    format!("/stream/{path}")
                };
                self.input(Input::SocketRequested { conn: ConnId(conn(n)), path }, 0);
            }
            Step::Text { conn: n, text, nth, twist } => {
                let text = self.filled(pick(&TEXTS, *text), *nth);
                self.text(conn(n), &twist.of(&text));
            }
            Step::RawText { conn: n, text } => self.text(conn(n), text),
            Step::Closed(n) => self.input(Input::SocketClosed { conn: ConnId(conn(n)) }, 0),
            Step::Udp { nth: n } => self.open_udp(*n),
            Step::Datagram { nth: n, word } => self.datagram(*n, *word),
            Step::PlayFarEnd => {
                let conversation = nth(&self.conversations, 0);
                self.input(Input::PlayFarEnd { conversation }, 0);
            }
            Step::FarAudio { good } => {
                let conversation = nth(&self.conversations, 0);
                let codec = if *good { AudioCodec::Opus } else { AudioCodec::Pcmu };
                let data = Bytes::from_static(b"far");
                let frame = AudioFrame { codec, time: 0, lost_before: 0, talkspurt: false, data };
                self.input(Input::FarAudio { conversation, frame }, 0);
            }
            Step::Wait(ms) => self.wait(Duration::from_millis(u64::from(ms % 5_000))),
        }
    }

    /// A text with what it has in braces.
    fn filled(&self, text: &str, n: u8) -> String {
        let answers = text.contains("{i}");
        let mut filled = String::with_capacity(text.len() + 64);
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let what = match rest.as_bytes() {
                [_, what, b'}', ..] => self.named(*what, n, answers),
                _ => None,
            };
            let taken = if what.is_some() { 3 } else { 1 };
            filled.push_str(what.as_deref().unwrap_or("{"));
            rest = &rest[taken..];
        }
        filled + rest
    }

    /// The text that a letter in braces stands for.
    fn named(&self, what: u8, n: u8, answers: bool) -> Option<Cow<'static, str>> {
        let text = match what {
            b'c' => nth(&self.conversations, n),
            b'n' => nth(&self.channels, n),
            b'p' => nth(&self.participants, n),
            b's' => nth(&self.sessions, n).0,
            b'f' if answers => nth(&self.iqs, n).1,
            b'f' => nth(&self.sessions, n).1,
            b'i' => nth(&self.iqs, n).0,
            b'j' => return Some(CONTENT.into()),
            b'd' => description("active", "ufra").replace("\r\n", "\\r\\n"),
            _ => return None,
        };
        Some(text.into())
    }

    fn log_in(&mut self, conn: u64) {
        self.ask("POST", "/api/v2/notifications/channels", "");
        let path =
            format!("/stream/channels/{}", self.channels.last().cloned().unwrap_or_default());
        self.input(Input::SocketRequested { conn: ConnId(conn), path }, 0);
        let auth = sasl::plain(&JID.parse().expect("an address"), &Secret::new("t"));
        self.text(conn, TEXTS[0]);
        self.text(conn, &Frame::Auth(auth).to_xml());
        for text in [TEXTS[0], TEXTS[3], TEXTS[4], TEXTS[10]] {
            self.text(conn, text);
        }
    }

    /// Lets a call ring, be taken, and its media connect.
    fn call(&mut self, conn: u64, sdp: bool) {
        self.ask("POST", "/control/calls", BODIES[if sdp { 4 } else { 5 }]);
        let newest = (self.sessions.len().max(1) - 1) as u8;
        let proceed = self.filled(TEXTS[11], newest);
        self.text(conn, &proceed);
        self.open_udp((self.udp.len().max(1) - 1) as u8);
        let newest = (self.sessions.len().max(1) - 1) as u8;
        let answer = self.filled(TEXTS[if sdp { 20 } else { 15 }], newest);
        self.text(conn, &answer);
        self.datagram((self.udp.len().max(1) - 1) as u8, 0);
    }

    fn open_udp(&mut self, n: u8) {
        let Some(id) = self.udp.get(usize::from(n) % self.udp.len().max(1)).copied() else {
            return;
        };
        let local = vec!["192.0.2.1:5000".parse().expect("an address")];
        self.input(Input::UdpOpened { id, local }, 0);
    }

    fn datagram(&mut self, n: u8, byte: u8) {
        let data = word(byte);
        let Some(id) = self.udp.get(usize::from(n) % self.udp.len().max(1)).copied() else {
            return;
        };
        let local = "192.0.2.1:5000".parse().expect("an address");
        let remote = "192.0.2.50:4000".parse().expect("an address");
        self.input(Input::Datagram { id, local, remote, data }, 1);
    }

    fn control(&mut self, path: &str, body: &str) {
        self.ask("POST", &format!("/control/{path}"), body);
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> RequestId {
        self.ask_as(method, path, "t", body)
    }

    fn ask_as(&mut self, method: &str, path: &str, token: &str, body: &str) -> RequestId {
        self.next += 1;
        let id = RequestId(self.next);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .body(body.as_bytes().to_vec());
        if let Ok(request) = request {
            self.open.push(id);
            self.input(Input::Request { id, request }, path.len() + body.len());
        }
        id
    }

    fn text(&mut self, conn: u64, text: &str) {
        let input = Input::SocketText { conn: ConnId(conn), text: text.to_owned() };
        self.input(input, text.len());
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.wake.filter(|wake| wake.at <= until) {
            if wake.at > self.now {
                self.now = wake.at;
                self.woken_at_once = 0;
            }
            self.woken_at_once += 1;
            assert!(self.woken_at_once <= MAX_WAKES_AT_ONCE, "never asleep: {wake:?}");
            self.input(Input::Timeout, 0);
        }
        self.now = until;
        self.woken_at_once = 0;
    }

    fn input(&mut self, input: Input, len: usize) {
        self.cloud.handle_input(self.now, input);
        let mut bytes = 0;
        for _ in 0..MAX_OUTPUTS {
            match self.cloud.poll_output() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    assert!(bytes <= MAX_BYTES + 1000 * len, "{bytes} bytes for one of {len}");
                    return;
                }
                output => bytes += self.take(output),
            }
        }
        panic!("the drain never ends");
    }

    // Outputs

    fn take(&mut self, output: Output) -> usize {
        match output {
            Output::Respond { id, response } => {
                let at = self.open.iter().position(|open| *open == id);
                self.open.remove(at.expect("an answer to a request that waits"));
                let len = response.body().len();
                self.answer = serde_json::from_slice(response.body()).unwrap_or_default();
                self.look();
                len
            }
            Output::SendText { text, .. } => {
                self.hear(&text);
                text.len()
            }
            Output::OpenUdp { id } => {
                remember(&mut self.udp, id);
                0
            }
            Output::Transmit { data, .. } => data.len(),
            Output::Log(line) | Output::Wrong(line) => line.len(),
            _ => 0,
        }
    }

    /// Notes the ids in an answer.
    fn look(&mut self) {
        let text = |key: &str| self.answer[key].as_str().map(escaped);
        let (call, id) = (text("conversationId"), text("id"));
        if let Some(conversation) = call {
            remember(&mut self.conversations, conversation);
        }
        if let Some(id) = id.filter(|id| id.starts_with("streaming-")) {
            remember(&mut self.channels, id);
        }
        let entities = self.answer["entities"].as_array().into_iter().flatten();
        for conversation in entities.chain([&self.answer]) {
            for participant in conversation["participants"].as_array().into_iter().flatten() {
                if let Some(id) = participant["id"].as_str() {
                    remember(&mut self.participants, escaped(id));
                }
            }
        }
    }

    /// Notes the sessions and requests in a frame.
    fn hear(&mut self, text: &str) {
        use offhook::xmpp::{IqKind, Payload};
        match Frame::parse(text) {
            Ok(Frame::Message(message)) => {
                let from = message.from.map(|from| escaped(from.as_str())).unwrap_or_default();
                for payload in &message.payloads {
                    if let Payload::Extension(Dialect::SessionMessage(session)) = payload {
                        remember(&mut self.sessions, (escaped(session.id()), from.clone()));
                    }
                }
            }
            Ok(Frame::Iq(iq)) => {
                let from = iq.from.map(|from| escaped(from.as_str())).unwrap_or_default();
                if let IqKind::Get(_) | IqKind::Set(_) = iq.kind {
                    let id = iq.id.as_deref().map(escaped).unwrap_or_default();
                    remember(&mut self.iqs, (id, from));
                }
            }
            // What the control API was told to send may be anything.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_can_be_brought_up() {
        for sdp in [false, true] {
            let mut town = Town::new();
            town.control("users", BODIES[8]);
            town.log_in(0);
            town.call(0, sdp);
            town.wait(Duration::from_secs(1));
            let path = town.filled("/control/calls/{c}", 0);
            town.ask("GET", &path, "");
            assert_eq!(town.answer["state"], "connected", "{}", town.answer);
        }
    }
}
