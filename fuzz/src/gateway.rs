//! The model gateway among hostile clients and hostile users of its control API.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use http::Request;
use offhook::machine::{UdpId, Wake};
use offhook::media::{AudioCodec, AudioFrame, Digit};
use offhook_sim::gateway::{Gateway, GatewayConfig};
use offhook_sim::service::{ConnId, Input, Output, RequestId, Service as _};
use serde_json::{Value, json};

use crate::cloud::{Twist, nth, pick, remember};
use crate::service::{description, fake_media, word};

/// The settings of the gateway: made once, since the prompt of the settings is most of its cost.
static CONFIG: LazyLock<GatewayConfig> = LazyLock::new(|| GatewayConfig {
    prompt: vec![100; 960],
    ..GatewayConfig::new(7, 1_795_225_723_900)
});

/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 100;
/// Outputs and their bytes that one input may lead to. Bytes: besides a thousand times the input's length, as one text
/// may go to many.
const MAX_OUTPUTS: usize = 5_000;
const MAX_BYTES: usize = 4 << 20;
/// Wake-ups in a row that time does not advance by.
const MAX_WAKES_AT_ONCE: u32 = 64;

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Paths of the control API; `{c}` is a call.
const CONTROL: [&str; 39] = [
    "users",
    "users/u0@example.com",
    "subscriptions",
    "subscriptions/drop",
    "calls",
    "calls/{c}",
    "calls/{c}/media",
    "calls/{c}/cancel",
    "calls/{c}/hangup",
    "calls/{c}/ring",
    "calls/{c}/progress",
    "calls/{c}/answer",
    "calls/{c}/reject",
    "calls/{c}/hold",
    "calls/{c}/unhold",
    "calls/{c}/music",
    "calls/{c}/video",
    "calls/{c}/refresh",
    "calls/{c}/slow-start",
    "calls/{c}/restart",
    "calls/{c}/new-peer",
    "calls/{c}/parameters",
    "calls/{c}/dtmf",
    "calls/{c}/far-end",
    "calls/{c}/glare",
    "calls/{c}/elsewhere",
    "calls/{c}/forget",
    "parties",
    "notify",
    "weather",
    "options",
    "faults",
    "../health",
    "../reset",
    "../events?wait=1000",
    "../events?after=99999999999999999999&type=rest",
    "../faults",
    "%2e%2e/%00?&&=&",
    "calls/%00/hold",
];
const CONTROL_BODIES: [&str; 22] = [
    "",
    "null",
    "[]",
    "{}",
    r#"{"user":"u2","password":"pw","services":["call"],"state":"locked"}"#,
    r#"{"user":"u1@example.com","password":"pw","authname":"a","bearer":"b","hmacKey":"k","maxSessions":0}"#,
    r#"{"presence":{"status":7},"mwi":[],"history":[3],"contacts":[{}],"directory":[{"userId":1}],"callLog":false}"#,
    r#"{"to":"u0@example.com","slowStart":true,"customParameters":{"a":1},"channel":"both"}"#,
    r#"{"to":"u1@example.com","media":"video","farEnd":"echo","from":{"address":"x","name":7}}"#,
    r#"{"address":"bob","script":"early-media","afterMs":10}"#,
    r#"{"address":"*","script":"ring","afterMs":9999999999,"farEnd":"external"}"#,
    r#"{"address":"carol","script":"busy","statusCode":-1}"#,
    r#"{"user":"u0@example.com","message":{"eventType":[]},"channel":"both"}"#,
    r#"{"mode":"overridden"}"#,
    r#"{"mode":"silent","code":99999,"retryAfter":-1}"#,
    r#"{"delayMs":[9,1],"duplicate":0.5,"drop":0.2,"reorder":0.3,"notifyBeforeReply":0.5}"#,
    r#"{"notifyBeforeReply":true,"delayMs":[0,60000]}"#,
    r#"{"broker":true,"turnLifetimeS":0,"expiresMax":0,"statusIn":"top","codesAsText":true,"retryAfterMs":1,"auditMisses":1,"pingMisses":1,"offerDuringAnswer":true,"cancelToAnswerer":"before","extraKeys":true,"timeAsText":true}"#,
    r#"{"redirect":307,"redirectTo":"http://other.test"}"#,
    r#"{"type":"callStart","statusCode":26,"effect":"after","delayMs":5,"times":2}"#,
    r#"{"how":"forward","when":"after-reply","mode":"external","on":false,"tones":"12#","statusCode":404}"#,
    r#"{"path":"callControl","status":503,"times":3,"headers":{"retry-after":3},"effect":"before"}"#,
];
/// Paths below a user; `{s}` is a session, `{n}` a subscription.
const PATHS: [&str; 24] = [
    "",
    "subscription",
    "subscription/clientCorrelator/c",
    "subscription/{n}",
    "callControl",
    "callControl/callSessions/{s}",
    "calldisposition",
    "logHistory?count=x&startIndex=99999999999999999999",
    "logRecord/1",
    "addressbook",
    "addressbook/contacts/",
    "addressbook/contacts/%zz",
    "directory?criteria=%&criteriaType=5",
    "instantmessage",
    "presence",
    "presenceWatcher",
    "eventSubscription",
    "eventSubscription/{s}",
    "voicemail",
    "push/apple/devices/",
    "externalnotification",
    "clicktocall",
    "%00/%2e%2e",
    "callControl/callSessions/{s}/more",
];
/// Bodies; `{s}` and `{t}` are sessions, `{o}` an offer, `{a}` an answer.
const BODIES: [&str; 29] = [
    "",
    "[]",
    "nonsense",
    r#"{"callControlRequest":{"type":"callStart","to":"sip:bob@example.com","from":"sip:u0@example.com","sdp":"{o}"}}"#,
    r#"{"callControlRequest":{"type":"callStart","to":"u1@example.com","sdp":"{o}","customParameters":[{"name":"a","value":"b"}]}}"#,
    r#"{"callControlRequest":{"type":"callStart","to":"carol","sdp":7}}"#,
    r#"{"callControlRequest":{"type":"ringing"}}"#,
    r#"{"callControlRequest":{"type":"callAnswer","sdp":"{a}"}}"#,
    r#"{"callControlRequest":{"type":"callAnswer","sdp":"{o}"}}"#,
    r#"{"callControlRequest":{"type":"startCallUpdate","sdp":"{o}"}}"#,
    r#"{"callControlRequest":{"type":"respondCallUpdate","sdp":"{a}"}}"#,
    r#"{"callControlRequest":{"type":"respondCallUpdate","statusCode":"491"}}"#,
    r#"{"callControlRequest":{"type":"respondCallUpdate","statusCode":{}}}"#,
    r#"{"callControlRequest":{"type":"transfer","address":"bob"}}"#,
    r#"{"callControlRequest":{"type":"transfer","address":"bob","sessionData":"{t}"}}"#,
    r#"{"callControlRequest":{"type":"join","firstSessionData":"{s}","secondSessionData":"{t}","sdp":"{o}"}}"#,
    r#"{"callControlRequest":{"type":"sendCustomHeaders","customParameters":[{"name":"a","value":"b"}]}}"#,
    r#"{"callControlRequest":{"type":"audit"}}"#,
    r#"{"callControlRequest":{"type":"nonsense"}}"#,
    r#"{"callDispositionRequest":{"action":"reject","sessionData":"{s}"}}"#,
    r#"{"callDispositionRequest":{"action":"forward","sessionData":"{s}","address":"u1@example.com"}}"#,
    r#"{"subscribeRequest":{"expires":"60","service":["call","IM","Presence","event:dialog"],"notificationType":"WebSocket","clientCorrelator":"c","useTurn":true}}"#,
    r#"{"subscribeRequest":{"expires":-1,"service":"call","clientCorrelator":7}}"#,
    r#"{"imRequest":{"charset":"UTF-8","toUrl":"u1@example.com","message":"m","type":"A2"}}"#,
    r#"{"presenceRequest":{"status":"open","activity":"other","note":"n"}}"#,
    r#"{"presenceWatcherRequest":{"userList":["u1@example.com",7],"action":"watch"}}"#,
    r#"{"eventSubscriptionRequest":{"subscribeUserList":["a"],"unsubscribeUserList":["a"],"eventType":"event:dialog","expires":1}}"#,
    r#"{"addressBookRequest":{"addressBookEntries":[{"nickname":"n","firstName":"f"},3]}}"#,
    r#"{"clickToCallRequest":{"callingParty":"u0@example.com","calledParty":"bob"}}"#,
];

#[derive(Arbitrary, Debug)]
enum Step {
    /// A user subscribes, and opens the socket.
    Subscribe {
        user: u8,
        conn: u8,
    },
    /// A user calls somebody without a client, who answers.
    Call {
        user: u8,
    },
    /// Somebody without a client calls a user, who answers.
    Come {
        user: u8,
    },
    Control {
        method: u8,
        path: u8,
        body: u8,
        twist: Twist,
    },
    Request {
        user: u8,
        method: u8,
        path: u8,
        body: u8,
        nth: u8,
        claim: u8,
        twist: Twist,
    },
    RawRequest {
        method: String,
        path: String,
        body: String,
    },
    Socket {
        conn: u8,
        path: String,
    },
    Text {
        conn: u8,
        text: String,
    },
    Ping(u8),
    Closed(u8),
    Udp,
    Datagram {
        nth: u8,
        word: u8,
    },
    PlayFarEnd,
    FarAudio {
        good: bool,
    },
    FarKeys,
    Wait(u16),
}

/// A script of requests, sockets, texts and datagrams.
///
/// Whatever clients do, the gateway neither spins nor floods; each request is answered once, and after a reset nothing
/// is left that time has to end.
///
/// # Panics
///
/// One of these does not hold.
pub fn gateway(data: &[u8]) {
    let mut script = Unstructured::new(data);
    let mut town = Town::new();
    for user in ["u0", "u1"] {
        town.control("users", &json!({"user": user, "password": "pw", "hmacKey": "k"}).to_string());
    }
    town.control("parties", r#"{"address":"bob","script":"answer","afterMs":10}"#);
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut script) else { break };
        town.play(&step);
    }
    town.ask("POST", "/control/reset", "", "{}");
    town.wait(Duration::from_secs(300));
    assert_eq!(town.wake, None, "a gateway with nobody at it wants nothing");
    assert!(town.open.is_empty(), "never answered: {:?}", town.open);
}

/// The gateway, and what the world around it knows of it.
struct Town {
    gateway: Gateway,
    now: Instant,
    wake: Option<Wake>,
    woken_at_once: u32,
    next: u64,
    /// Requests without an answer.
    open: Vec<RequestId>,
    /// The last answer.
    answer: Value,
    calls: Vec<String>,
    sessions: Vec<String>,
    subscriptions: Vec<String>,
    channels: Vec<String>,
    udp: Vec<UdpId>,
}

impl Town {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            gateway: Gateway::new(CONFIG.clone(), fake_media(), now),
            now,
            wake: None,
            woken_at_once: 0,
            next: 0,
            open: Vec::new(),
            answer: Value::Null,
            calls: Vec::new(),
            sessions: Vec::new(),
            subscriptions: Vec::new(),
            channels: Vec::new(),
            udp: Vec::new(),
        }
    }

    fn play(&mut self, step: &Step) {
        let conn = |n: &u8| ConnId(u64::from(n % 4));
        match step {
            Step::Subscribe { user, conn: n } => self.subscribe(*user, conn(n)),
            Step::Call { user } => {
                let body = self.filled(BODIES[3], 0);
                self.of_user(*user, "POST", PATHS[4], &body, "Basic");
                self.open_udp();
                self.wait(Duration::from_millis(50));
            }
            Step::Come { user } => {
                let to = format!("u{}@example.com", user % 2);
                self.control("calls", &json!({"to": to}).to_string());
                self.open_udp();
                for body in [BODIES[6], BODIES[7]] {
                    let newest = (self.sessions.len().max(1) - 1) as u8;
                    let (path, body) = (self.filled(PATHS[5], newest), self.filled(body, newest));
                    self.of_user(*user, "PUT", &path, &body, "Basic");
                }
            }
            Step::Control { method, path, body, twist } => {
                let path = self.filled(pick(&CONTROL, *path), 0);
                let path = match path.strip_prefix("../") {
                    Some(path) => format!("/control/{path}"),
                    None => format!("/control/ribbon/{path}"),
                };
                let body = twist.of(pick(&CONTROL_BODIES, *body));
                let method = if *method < 128 { "POST" } else { pick(&METHODS, *method) };
                self.ask(method, &path, "", &body);
            }
            Step::Request { user, method, path, body, nth, claim, twist } => {
                let path = self.filled(pick(&PATHS, *path), *nth);
                let body = twist.of(&self.filled(pick(&BODIES, *body), *nth));
                let claim = pick(&["Basic", "Basic", "Basic", "Bearer", "Wrong", ""], *claim);
                self.of_user(*user, pick(&METHODS, *method), &path, &body, claim);
            }
            Step::RawRequest { method, path, body } => {
                self.ask(method, &format!("/{path}"), "", body);
            }
            Step::Socket { conn: n, path } => {
                let known = nth(&self.channels, *n);
                let path = if path.is_empty() { known } else { format!("/rest/version/1/{path}") };
                self.input(Input::SocketRequested { conn: conn(n), path }, 0);
            }
            Step::Text { conn: n, text } => self.text(conn(n), text),
            Step::Ping(n) => self.text(conn(n), r#"{"message_type":"ping"}"#),
            Step::Closed(n) => self.input(Input::SocketClosed { conn: conn(n) }, 0),
            Step::Udp => self.open_udp(),
            Step::Datagram { nth, word: byte } => self.datagram(*nth, *byte),
            Step::PlayFarEnd => {
                let conversation = nth(&self.calls, 0);
                self.input(Input::PlayFarEnd { conversation }, 0);
            }
            Step::FarAudio { good } => {
                let conversation = nth(&self.calls, 0);
                let codec = if *good { AudioCodec::Opus } else { AudioCodec::Pcmu };
                let data = Bytes::from_static(b"far");
                let frame = AudioFrame { codec, time: 0, lost_before: 0, talkspurt: false, data };
                self.input(Input::FarAudio { conversation, frame }, 0);
            }
            Step::FarKeys => {
                let conversation = nth(&self.calls, 0);
                let digits = vec![Digit::from_event(1).expect("a key")];
                self.input(Input::FarKeys { conversation, digits }, 0);
            }
            Step::Wait(ms) => self.wait(Duration::from_millis(u64::from(ms % 5_000))),
        }
    }

    /// A text with what it has in braces.
    fn filled(&self, text: &str, n: u8) -> String {
        let line = |setup| description(setup, "ufra").replace("\r\n", "\\r\\n");
        let mut text =
            text.replace("{c}", &nth(&self.calls, n)).replace("{s}", &nth(&self.sessions, n));
        text = text.replace("{t}", &nth(&self.sessions, n.wrapping_add(1)));
        text = text.replace("{n}", &nth(&self.subscriptions, n));
        if text.contains("{o}") {
            text = text.replace("{o}", &line("actpass"));
        }
        if text.contains("{a}") { text.replace("{a}", &line("active")) } else { text }
    }

    fn subscribe(&mut self, user: u8, conn: ConnId) {
        self.of_user(user, "POST", PATHS[1], BODIES[21], "Basic");
        let path = self.channels.last().cloned().unwrap_or_default();
        self.input(Input::SocketRequested { conn, path }, 0);
    }

    fn of_user(&mut self, user: u8, method: &str, path: &str, body: &str, claim: &str) {
        let user = user % 2;
        let path = format!("/rest/version/1/user/u{user}@example.com/{path}");
        let claim = match claim {
            // `u0@example.com:pw` and `u1@example.com:pw`.
            "Basic" => ["Basic dTBAZXhhbXBsZS5jb206cHc=", "Basic dTFAZXhhbXBsZS5jb206cHc="]
                [usize::from(user)],
            "Bearer" => "Bearer b",
            "Wrong" => "Basic %%%",
            _ => "",
        };
        self.ask(method, &path, claim, body);
    }

    fn control(&mut self, path: &str, body: &str) {
        self.ask("POST", &format!("/control/ribbon/{path}"), "", body);
    }

    fn ask(&mut self, method: &str, path: &str, claim: &str, body: &str) {
        self.next += 1;
        let id = RequestId(self.next);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", claim)
            .body(body.as_bytes().to_vec());
        if let Ok(request) = request {
            self.open.push(id);
            self.input(Input::Request { id, request }, path.len() + body.len());
        }
    }

    fn text(&mut self, conn: ConnId, text: &str) {
        self.input(Input::SocketText { conn, text: text.to_owned() }, text.len());
    }

    /// Binds the media sockets that were wanted last.
    fn open_udp(&mut self) {
        if let Some(id) = self.udp.last().copied() {
            let local = vec!["192.0.2.1:5000".parse().expect("an address")];
            self.input(Input::UdpOpened { id, local }, 0);
        }
    }

    fn datagram(&mut self, n: u8, byte: u8) {
        let Some(id) = self.udp.get(usize::from(n) % self.udp.len().max(1)).copied() else {
            return;
        };
        let local = "192.0.2.1:5000".parse().expect("an address");
        let remote = "192.0.2.50:4000".parse().expect("an address");
        self.input(Input::Datagram { id, local, remote, data: word(byte) }, 1);
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.wake.filter(|wake| wake.at <= until) {
            if wake.at > self.now {
                (self.now, self.woken_at_once) = (wake.at, 0);
            }
            self.woken_at_once += 1;
            assert!(self.woken_at_once <= MAX_WAKES_AT_ONCE, "never asleep: {wake:?}");
            self.input(Input::Timeout, 0);
        }
        (self.now, self.woken_at_once) = (until, 0);
    }

    fn input(&mut self, input: Input, len: usize) {
        self.gateway.handle_input(self.now, input);
        let mut bytes = 0;
        for _ in 0..MAX_OUTPUTS {
            match self.gateway.poll_output() {
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

    fn take(&mut self, output: Output) -> usize {
        match output {
            Output::Respond { id, response } => {
                let at = self.open.iter().position(|open| *open == id);
                self.open.remove(at.expect("an answer to a request that waits"));
                self.answer = serde_json::from_slice(response.body()).unwrap_or_default();
                self.look();
                response.body().len()
            }
            Output::SendText { text, .. } => {
                let message: Value = serde_json::from_str(&text).expect("notifications are JSON");
                let params = &message["notificationMessage"]["sessionParams"];
                if let Some(session) = params["sessionData"].as_str().filter(|id| is_plain(id)) {
                    remember(&mut self.sessions, session.to_owned());
                }
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
        let text = |value: &Value| value.as_str().filter(|id| is_plain(id)).map(str::to_owned);
        if let Some(call) = text(&self.answer["id"]) {
            remember(&mut self.calls, call);
        }
        let session = ["callControlResponse", "eventSubscriptionResponse"]
            .into_iter()
            .find_map(|key| text(&self.answer[key]["sessionData"]));
        if let Some(session) = session {
            remember(&mut self.sessions, session);
        }
        let subscription = &self.answer["subscribeResponse"];
        if let Some(id) = text(&subscription["subscription"]) {
            let id = id.rsplit('/').next().unwrap_or_default().to_owned();
            remember(&mut self.subscriptions, id);
        }
        if let Some(channel) = text(&subscription["subscriptionParams"]["notificationChannel"]) {
            remember(&mut self.channels, channel);
        }
    }
}

/// Ids that the gateway made; what it was given to send on may be anything.
fn is_plain(id: &str) -> bool {
    id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/@.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_each_way_can_be_brought_up() {
        for step in [Step::Call { user: 0 }, Step::Come { user: 0 }] {
            let mut town = Town::new();
            town.control("users", r#"{"user":"u0","password":"pw"}"#);
            town.control("parties", r#"{"address":"bob","script":"answer","afterMs":10}"#);
            town.subscribe(0, ConnId(0));
            town.play(&step);
            town.open_udp();
            town.wait(Duration::from_secs(1));
            town.ask("GET", "/control/ribbon/calls", "", "");
            assert_eq!(town.answer[0]["state"], "connected", "{step:?}: {}", town.answer);
        }
    }
}
