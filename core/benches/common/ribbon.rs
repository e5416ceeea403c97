//! A client of a Ribbon gateway, subscribed by inputs alone, its calls, and their notifications.

use std::time::Instant;

use offhook::Seed;
use offhook::machine::{Input, Local, Machine, Output, UdpEvent, WsEvent, WsId};
use offhook::ribbon::{
    CallMedia, Client, Command, Config, Credentials, Event, MakeOptions, Service,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::media::NoMedia;

const USER: &str = "alice@example.com";

/// A user's client, and the number of events that the application was told.
pub(crate) struct User {
    client: Client,
    now: Instant,
    socket: Option<WsId>,
    pub(crate) events: usize,
    /// Calls that the gateway took.
    calls: usize,
}

impl User {
    /// Subscribed, with nothing left to say.
    pub(crate) fn ready() -> Self {
        let config = Config::new("gateway.test", "gateway.test");
        let now = Instant::now();
        let client = Client::new(config, Box::new(NoMedia), Seed::from(1), now).expect("settings");
        let mut user = Self { client, now, socket: None, events: 0, calls: 0 };
        user.submit(Command::SetCredentials(Credentials::password(USER, "pa55word")));
        let services = vec![Service::Call, Service::Presence, Service::Im];
        user.submit(Command::Subscribe { services, correlator: None });
        assert!(user.socket.is_some(), "it is not subscribed");
        user
    }

    fn submit(&mut self, command: Command) {
        self.client.submit(self.now, command).expect("an allowed command");
        self.listen();
    }

    /// Places a call, as session `S1`, `S2` and so on.
    pub(crate) fn place(&mut self) {
        let (to, media, options) = ("bob".to_owned(), CallMedia::AUDIO, MakeOptions::default());
        let wanted = self.calls + 1;
        self.submit(Command::Make { to, media, options });
        while self.calls < wanted {
            let Output::Timeout(Some(wake)) = self.client.poll_output() else {
                unreachable!("a drained client");
            };
            self.now = self.now.max(wake.at);
            self.input(Input::Timeout);
        }
    }

    /// A text of the notification socket.
    pub(crate) fn hear(&mut self, text: String) {
        let id = self.socket.expect("a socket");
        self.input(Input::WebSocket { id, event: WsEvent::Text(text) });
    }

    fn input(&mut self, input: Input) {
        self.client.handle_input(self.now, input);
        self.listen();
    }

    /// Takes what the client says, and answers it as a gateway of few words.
    fn listen(&mut self) {
        loop {
            let answer = match self.client.poll_output() {
                Output::OpenWebSocket { id, .. } => {
                    self.socket = Some(id);
                    Input::WebSocket { id, event: WsEvent::Opened { protocol: None } }
                }
                Output::Http { id, request, .. } => {
                    let response = self.answer(request.method(), request.uri().path());
                    Input::Http { id, result: Ok(response) }
                }
                Output::OpenUdp { id, .. } => {
                    let address = "192.0.2.50:4000".parse().expect("an address");
                    let event = UdpEvent::Opened { local: Local::in_order([address]) };
                    Input::Udp { id, event }
                }
                Output::Event(event) => {
                    self.events += 1;
                    assert!(!matches!(event, Event::Malformed { .. }), "{event:?}");
                    continue;
                }
                Output::Completed { result, .. } => {
                    assert!(result.is_ok(), "{result:?}");
                    continue;
                }
                Output::Timeout(_) => return,
                _ => continue,
            };
            self.client.handle_input(self.now, answer);
        }
    }

    fn answer(&mut self, method: &http::Method, path: &str) -> http::Response<Vec<u8>> {
        let body = if path.ends_with("/subscription") {
            json!({"subscribeResponse": {
                "statusCode": 0,
                "subscription": format!("/rest/version/1/user/{USER}/subscription/8f3c"),
                "subscriptionParams": {
                    "notificationChannel": format!("/rest/version/1/user/{USER}/websocket/8f3c"),
                    "service": ["call", "Presence", "IM"], "expires": 3600,
                    "clientCorrelator": "abc123",
                    "turnCredentials": {"username": "1700000000:alice", "password": "turnpass"},
                },
            }})
        } else if method == http::Method::POST {
            self.calls += 1;
            json!({"callControlResponse": {"statusCode": 0, "sessionData": session(self.calls)}})
        } else {
            json!({"callControlResponse": {"statusCode": 0}})
        };
        http::Response::new(body.to_string().into_bytes())
    }
}

fn session(n: usize) -> String {
    format!("8d920ad7-4ac5-409a-a19c-{n:012}")
}

/// A notification about the n-th call, as gateways send them (w3.1).
pub(crate) fn notification(kind: &str, n: usize, sdp: Option<&str>) -> String {
    let mut params = json!({"sessionData": session(n)});
    if let Some(sdp) = sdp {
        params["sdp"] = sdp.into();
    }
    if kind == "callEnd" {
        params["statusCode"] = json!("486");
        params["reasonText"] = "Busy Here".into();
    }
    let message: Value = json!({
        "eventType": kind,
        "eventId": format!("{kind}-170000000000{n}"),
        "time": 1_700_000_000_000_u64,
        "sessionParams": params,
        "callNotificationParams": {
            "callerName": "Alice Example", "callerDisplayNumber": USER,
            "calleeDisplayNumber": "bob@example.com", "primaryContact": "bob@example.com",
            "remoteName": "Bob Example", "remoteDisplayNumber": "bob@example.com",
        },
        "callDispositionParams": {},
        "statusCode": 0,
    });
    json!({"notificationMessage": message}).to_string()
}

/// A description as a browser's, with candidates.
pub(crate) fn description() -> String {
    let mut sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:BUNDLE 0\r\na=msid-semantic: WMS stream\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126\r\nc=IN IP4 0.0.0.0\r\n\
        a=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g9h\r\n\
        a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24:2C:C2:A2:C0:3E:FD:34:8E:5E:EA:6F:AF:52:CE:E6:0F\r\n\
        a=setup:active\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=msid:stream audio\r\n\
        a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
        a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n\
        a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\n"
        .to_owned();
    for n in 0..4 {
        sdp += &format!(
            "a=candidate:{n} 1 udp 2122260223 192.0.2.{n} 5{n}000 typ host generation 0\r\n"
        );
    }
    sdp
}

/// A notification as typed values of what a client uses of it, read by the parser alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    pub(crate) notification_message: Message,
}

/// See [`Envelope`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    pub(crate) event_type: String,
    pub(crate) event_id: String,
    pub(crate) time: u64,
    pub(crate) session_params: Session,
    pub(crate) call_notification_params: Parties,
    pub(crate) status_code: u16,
}

/// See [`Envelope`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    pub(crate) session_data: String,
    pub(crate) sdp: Option<String>,
    pub(crate) status_code: Option<String>,
    pub(crate) reason_text: Option<String>,
}

/// See [`Envelope`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parties {
    pub(crate) caller_name: Option<String>,
    pub(crate) caller_display_number: Option<String>,
    pub(crate) callee_display_number: Option<String>,
    pub(crate) remote_name: Option<String>,
    pub(crate) remote_display_number: Option<String>,
}
