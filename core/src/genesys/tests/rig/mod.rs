//! A service of few words for one client: it answers what a test does not want to talk about,
//! and hands over the rest.

mod outputs;
mod rooms;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(super) use self::rooms::{MEETING, ROOM, participant, room_sdp};
pub(super) use super::service::{JINGLE_OFFER, fake_media, login_answer, offer_sdp, stream_answer};
use super::twice::{Twice, twin, worth_comparing};

use crate::genesys::error::Subject;
use crate::genesys::{Client, Command, Config, Counters, Error, Event, Outcome};
use crate::machine::{
    CommandId, HttpId, Input, Machine, MediaId, NetError, Output, Seed, TrackId, UdpEvent, UdpId,
    Wake, WsEvent, WsId,
};
use crate::media::AudioFrame;
use crate::media::testing::REPORT;

pub(super) const BARE: &str = "u1@org.example";
pub(super) const FULL: &str = "u1@org.example/res-a";
pub(super) const OTHER: &str = "u1@org.example/res-b";
pub(super) const PEER: &str = "call@gjoll.example/i-1";

/// An HTTP request that waits for the test's answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: HttpId,
    pub(super) what: String,
    pub(super) body: Value,
    pub(super) authorized: bool,
    /// The time by which it is to be answered.
    pub(super) deadline: Instant,
}

/// A client and everything around it.
pub(super) struct Rig {
    pub(super) client: Client,
    pub(super) now: Instant,
    /// The time of its login.
    pub(super) begun: Instant,
    pub(super) ws: Option<WsId>,
    pub(super) udp: Option<UdpId>,
    pub(super) wake: Option<Wake>,
    /// The log of what it did, in order, as short lines; drained by [`Rig::did`].
    pub(super) log: Vec<String>,
    pub(super) asked: VecDeque<Asked>,
    /// Questions whether the network is there (SG-7), apart from what a login needs.
    pub(super) probes: VecDeque<(Asked, Instant)>,
    sent: VecDeque<String>,
    pub(super) events: VecDeque<Event>,
    /// Counters of the events told.
    counted: Counters,
    completions: Vec<(CommandId, Result<Outcome, Error>)>,
    /// The calls and sessions that commands are about, as long as they are not answered.
    subjects: BTreeMap<CommandId, Subject>,
    pub(super) audio: Vec<AudioFrame>,
    pub(super) opened_sockets: VecDeque<WsId>,
    /// Line appearances, and whether the station keeps its session.
    pub(super) station: (u32, bool),
    /// The service's answer when it is asked which conversations there are, if any.
    pub(super) listing: Option<Value>,
    numbers: usize,
    /// The content of the last `<auth/>`.
    auth: Option<String>,
    resource: Option<String>,
    /// The inputs that come twice in a row, of how many there were.
    pub(super) twice: Twice,
    pub(super) inputs: usize,
    /// Everything that the service was told and asked, but for what may be said twice.
    pub(super) said: Vec<String>,
    /// Frames sent and requests made, in order, since [`Rig::forget`].
    pub(super) done: Vec<String>,
    /// The hosts to which requests went and sockets were opened.
    pub(super) hosts: Vec<String>,
    pub(super) newest_media: Option<MediaId>,
    /// Datagrams of media, since the test last looked.
    pub(super) transmitted: Vec<String>,
}

/// The stations of the scenarios: `LA1`, `LA1P`, `LA100`, `LA100P`.
/// And `ST0`, none.
pub(super) const ST0: (u32, bool) = (0, false);
pub(super) const LA1: (u32, bool) = (1, false);
pub(super) const LA1P: (u32, bool) = (1, true);
pub(super) const LA100: (u32, bool) = (100, false);
pub(super) const LA100P: (u32, bool) = (100, true);

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::agent("lab.test", "t0ken");
        config.jid_resource = Some("res-a".to_owned());
        config.timing.connect = Duration::MAX;
        // Tests of the asking say so.
        config.timing.gathering = Duration::ZERO;
        change(&mut config);
        let now = crate::testing::epoch();
        let client = Client::new(config, Box::new(fake_media()), Seed::from(1), now).unwrap();
        Self {
            client,
            now,
            begun: now,
            ws: None,
            udp: None,
            wake: None,
            log: Vec::new(),
            asked: VecDeque::new(),
            probes: VecDeque::new(),
            sent: VecDeque::new(),
            events: VecDeque::new(),
            counted: Counters::default(),
            completions: Vec::new(),
            subjects: BTreeMap::new(),
            audio: Vec::new(),
            opened_sockets: VecDeque::new(),
            station: LA100,
            listing: None,
            numbers: 0,
            auth: None,
            resource: None,
            twice: Twice::None,
            inputs: 0,
            said: Vec::new(),
            done: Vec::new(),
            hosts: Vec::new(),
            newest_media: None,
            transmitted: Vec::new(),
        }
    }

    /// Logged in on such a phone.
    pub(super) fn on(station: (u32, bool)) -> Self {
        let mut rig = Self::new();
        rig.station = station;
        rig.finish_login();
        rig
    }

    fn finish_login(&mut self) {
        let connect = self.submit(Command::Connect).unwrap();
        self.login();
        assert_eq!(self.completion(connect), Some(Ok(Outcome::Done)));
        self.begun = self.now;
        self.forget();
    }

    /// Logged in and ready, with nothing left to read.
    pub(super) fn ready() -> Self {
        Self::ready_with(|_| {})
    }

    pub(super) fn ready_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut rig = Self::with(change);
        rig.finish_login();
        rig
    }

    /// Answers everything that a login asks, from wherever it stands.
    pub(super) fn login(&mut self) {
        for _ in 0..40 {
            if self.answer_login_step() {
                continue;
            }
            if self.events.iter().any(|e| matches!(e, Event::Ready)) {
                return;
            }
            self.wait_for_timer();
        }
        panic!("the login does not end: {:?}", self.log);
    }

    /// Answers which conversations there are, if that is asked.
    pub(super) fn answer_listing(&mut self) {
        if let Some(at) = self.asked.iter().position(|asked| asked.what == "GET /conversations") {
            let asked = self.asked.remove(at).unwrap();
            let listing = self.listing.clone().expect("a list");
            self.respond(asked.id, 200, &listing);
        }
    }

    /// Answers what a login asks by REST right now, whoever the user turned out to be.
    pub(super) fn answer_other_users(&mut self) {
        while let Some(asked) = self.asked.pop_front() {
            let body = match asked.what.as_str() {
                "GET /organizations/me" | "GET /users/me?expand=station" => {
                    login_answer(&asked.what)
                }
                what if what.starts_with("POST /notifications") => {
                    login_answer("POST /notifications/channels?connectionType=streaming")
                }
                what if what.starts_with("GET /stations") => {
                    login_answer("GET /stations/station-1")
                }
                _ => json!({"entities": []}),
            };
            self.respond(asked.id, 200, &body);
        }
    }

    /// Waits for the next attempt to connect, and lets it succeed. Other requests stay open.
    pub(super) fn wait_for_login(&mut self) {
        let kept = std::mem::take(&mut self.asked);
        self.sent.clear();
        self.login();
        self.asked.extend(kept);
    }

    /// Answers one thing, if there is one.
    pub(super) fn answer_login_step(&mut self) -> bool {
        if let Some(asked) = self.asked.pop_front() {
            if asked.what == "GET /conversations" {
                if let Some(listing) = self.listing.clone() {
                    self.respond(asked.id, 200, &listing);
                }
                return true;
            }
            if asked.what.contains(" /conversations/") {
                // What calls want meanwhile is taken.
                self.respond(asked.id, 202, &Value::Null);
                return true;
            }
            if asked.what.contains("subscriptions") && !asked.what.contains("/channel-1/") {
                self.respond(asked.id, 200, &json!({"entities": []}));
                return true;
            }
            let none = self.station == ST0 || !asked.what.ends_with("/station-1");
            if asked.what.starts_with("GET /stations") && none {
                self.respond(asked.id, 404, &Value::Null);
                return true;
            }
            let body = match asked.what.as_str() {
                "GET /stations/station-1" => self.station_body(),
                what => login_answer(what),
            };
            self.respond(asked.id, 200, &body);
            return true;
        }
        if let Some(ws) = self.opened_sockets.pop_front() {
            self.open(ws);
            return true;
        }
        if self.ws.is_none() {
            // What was sent on a socket that is gone.
            self.sent.clear();
        }
        if let Some(frame) = self.sent.pop_front() {
            for reply in stream_answer(&frame) {
                self.frame(&reply);
            }
            return true;
        }
        false
    }

    /// The service's description of the user's phone.
    pub(super) fn station_body(&self) -> Value {
        let mut body = login_answer("GET /stations/station-1");
        body["webRtcCallAppearances"] = json!(self.station.0);
        body["webRtcPersistentEnabled"] = json!(self.station.1);
        body
    }

    // Inputs

    /// Submits a command; a refused one leaves no output and no change.
    pub(super) fn submit(&mut self, command: Command) -> Result<CommandId, Error> {
        let refused = self.client.plan(&command).is_err();
        let before = refused.then(|| (format!("{command:?}"), self.client.digest()));
        let subject = command.subject();
        let result = self.client.submit(self.now, command);
        assert_eq!(result.is_err(), refused);
        match &result {
            Ok(id) => drop(self.subjects.insert(*id, subject)),
            Err(error) => is_named(error, &subject),
        }
        if let Some((text, digest)) = before {
            match self.client.poll_output() {
                Output::Timeout(wake) => assert_eq!(wake, self.wake, "{text}"),
                output => panic!("{text} was refused, and yet {output:?}"),
            }
            assert_eq!(self.client.digest(), digest, "{text} was refused, and has acted");
        }
        self.drain();
        result
    }

    pub(super) fn input(&mut self, input: Input) {
        let again = match self.twice {
            Twice::None => false,
            Twice::Nth(nth) => nth == self.inputs,
            Twice::All => true,
        };
        self.inputs += 1;
        let twin = again.then(|| twin(&input));
        self.client.handle_input(self.now, input);
        self.drain();
        if let Some(twin) = twin {
            self.client.handle_input(self.now, twin);
            self.drain();
        }
    }

    pub(super) fn ws_event(&mut self, event: WsEvent) {
        let id = self.ws.expect("a socket");
        if matches!(event, WsEvent::Closed { .. }) {
            self.ws = None;
        }
        self.input(Input::WebSocket { id, event });
    }

    /// A text frame from the service.
    pub(super) fn frame(&mut self, text: &str) {
        self.ws_event(WsEvent::Text(text.to_owned()));
    }

    pub(super) fn respond(&mut self, id: HttpId, status: u16, body: &Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let response = http::Response::builder().status(status).body(body).unwrap();
        self.input(Input::Http { id, result: Ok(response) });
    }

    pub(super) fn respond_with(&mut self, id: HttpId, status: u16, header: (&str, &str)) {
        let response = http::Response::builder()
            .status(status)
            .header(header.0, header.1)
            .body(Vec::new())
            .unwrap();
        self.input(Input::Http { id, result: Ok(response) });
    }

    pub(super) fn http_fails(&mut self, id: HttpId, error: NetError) {
        self.input(Input::Http { id, result: Err(error) });
    }

    /// Time passes; the client is woken exactly when it asked.
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        let mut woken = 0;
        while let Some(wake) = self.wake.filter(|wake| wake.at <= until) {
            self.now = self.now.max(wake.at);
            self.input(Input::Timeout);
            woken += 1;
            assert!(woken < 100_000, "it never sleeps: {:?}", self.wake);
        }
        self.now = until;
    }

    /// [`Rig::wait`], while the service answers every IQ at once.
    pub(super) fn wait_acknowledging(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.wake.filter(|wake| wake.at <= until) {
            self.wait(wake.at.saturating_duration_since(self.now));
            self.acknowledge();
        }
        self.wait(until.saturating_duration_since(self.now));
    }

    /// [`Rig::wait_acknowledging`], while the far side's media reports every five seconds.
    pub(super) fn wait_reporting(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.wait_acknowledging(Duration::from_secs(5).min(until - self.now));
            self.reported();
        }
    }

    /// Time passes and nobody wakes the client until it is over.
    pub(super) fn sleep(&mut self, time: Duration) {
        self.now += time;
        self.input(Input::Timeout);
    }

    /// The resource that was last bound.
    pub(super) fn bound_resource(&self) -> Option<String> {
        self.resource.clone()
    }

    /// The last SASL message, decoded.
    pub(super) fn auth_sent(&self) -> Option<String> {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.decode(self.auth.as_ref()?).ok()?;
        String::from_utf8(text).ok()
    }

    /// Jumps to the next timer.
    pub(super) fn wait_for_timer(&mut self) {
        let wake = self.wake.expect("a timer");
        self.now = self.now.max(wake.at);
        self.input(Input::Timeout);
    }

    /// Makes the far side's media do something: a word that
    /// [`FakeMedia`](crate::media::testing::FakeMedia) understands.
    pub(super) fn media(&mut self, word: &str) {
        self.datagram(word.as_bytes());
    }

    fn datagram(&mut self, data: &[u8]) {
        let id = self.udp.expect("media sockets");
        let event = UdpEvent::Datagram {
            local: "127.0.0.1:4000".parse().unwrap(),
            remote: "127.0.0.1:5000".parse().unwrap(),
            data: data.to_vec(),
        };
        self.input(Input::Udp { id, event });
    }

    /// The far side's media reports.
    pub(super) fn reported(&mut self) {
        self.datagram(REPORT);
    }

    /// The application speaks, on the newest session.
    pub(super) fn speak(&mut self) {
        let media = self.newest_media.expect("a session");
        let frame = AudioFrame {
            codec: crate::media::AudioCodec::Opus,
            time: 0,
            lost_before: 0,
            talkspurt: false,
            data: bytes::Bytes::from_static(b"near"),
        };
        self.input(Input::Frame { track: TrackId::audio(media), frame: frame.into() });
    }

    pub(super) fn propose(&mut self, session: &str, conversation: &str, more: &str) {
        self.frame(&format!(
            r#"<message xmlns="jabber:client" from="{PEER}" to="{BARE}"><propose xmlns="urn:xmpp:jingle-message:0" id="{session}" inin-cid="{conversation}" {more}><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose></message>"#
        ));
    }

    pub(super) fn session_message(&mut self, from: &str, name: &str, session: &str) {
        self.frame(&format!(
            r#"<message xmlns="jabber:client" from="{from}" to="{BARE}"><{name} xmlns="urn:xmpp:jingle-message:0" id="{session}"/></message>"#
        ));
    }

    pub(super) fn rpc(&mut self, method: &str, params: &Value) {
        self.rpc_as("r1", method, params);
    }

    /// A request with an id of its own.
    pub(super) fn rpc_as(&mut self, id: &str, method: &str, params: &Value) {
        let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let call = call.to_string().replace('&', "&amp;").replace('<', "&lt;");
        self.frame(&format!(
            r#"<iq xmlns="jabber:client" type="set" id="x" from="{PEER}" to="{FULL}"><genesys-webrtc xmlns="genesys">{call}</genesys-webrtc></iq>"#
        ));
    }

    pub(super) fn offer(&mut self, session: &str, conversation: &str) {
        self.offer_with(session, conversation, "");
    }

    /// An offer with one more line, for [`FakeMedia`](crate::media::testing::FakeMedia).
    pub(super) fn offer_with(&mut self, session: &str, conversation: &str, line: &str) {
        let sdp = offer_sdp() + line;
        self.rpc(
            "offer",
            &json!({"sessionId": session, "conversationId": conversation, "sdp": sdp}),
        );
    }

    /// A number that was not there before.
    pub(super) fn sequence(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    /// A re-invite: another connection for a conversation.
    pub(super) fn reinvite(&mut self, id: &str, session: &str, conversation: &str) {
        let sdp = offer_sdp().replace("a=ice-ufrag:ufra", &format!("a=ice-ufrag:{id}"));
        let params = json!({"sessionId": session, "conversationId": conversation, "sdp": sdp,
            "reinvite": true});
        self.rpc_as(id, "offer", &params);
    }

    pub(super) fn jingle(&mut self, id: &str, action: &str, session: &str, inner: &str) {
        self.frame(&format!(
            r#"<iq xmlns="jabber:client" type="set" id="{id}" from="{PEER}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="{session}" initiator="{PEER}">{inner}</jingle></iq>"#
        ));
    }

    /// A conversation notification with our leg in it.
    pub(super) fn conv(&mut self, id: &str, direction: &str, state: &str) {
        self.conv_with(id, direction, state, &json!({}), "agent");
    }

    pub(super) fn conv_with(
        &mut self,
        id: &str,
        direction: &str,
        state: &str,
        more: &Value,
        purpose: &str,
    ) {
        let mut call = json!({"id": format!("K-{id}"), "state": state, "direction": direction,
            "muted": false, "held": false, "confined": false});
        for (key, value) in more.as_object().unwrap() {
            call[key] = value.clone();
        }
        let body = json!({"id": id, "participants": [
            {"id": format!("X-{id}"), "purpose": "customer", "calls": []},
            {"id": format!("P-{id}"), "purpose": purpose, "userId": "user-1", "calls": [call]},
        ]});
        self.notify("v2.users.user-1.conversations", &body);
    }

    pub(super) fn notify(&mut self, node: &str, body: &Value) {
        self.publish(node, &json!({"topicName": node, "eventBody": body}));
    }

    /// A whole notification.
    pub(super) fn publish(&mut self, node: &str, json: &Value) {
        let json = json.to_string();
        let json = json.replace('&', "&amp;").replace('<', "&lt;");
        self.frame(&format!(
            r#"<message xmlns="jabber:client" from="notifications.lab.test" to="{FULL}"><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="{node}"><item id="1"><json xmlns="urn:xmpp:json:0">{json}</json></item></items></event></message>"#
        ));
    }

    /// A whole inbound call on SDP over XMPP, up to connected media, and forgotten.
    pub(super) fn connected_call(&mut self, session: &str, conversation: &str) {
        self.connected_call_keeping(session, conversation);
        self.forget();
    }

    pub(super) fn connected_call_keeping(&mut self, session: &str, conversation: &str) {
        self.conv(conversation, "inbound", "alerting");
        self.propose(session, conversation, r#"inin-sdp-over-xmpp="true""#);
        let accept = Command::AcceptPendingSession { conversation: conversation.into() };
        let accept = self.submit(accept).unwrap();
        self.offer(session, conversation);
        assert_eq!(self.completion(accept), Some(Ok(Outcome::Done)));
        self.acknowledge();
        self.media("connected");
        self.conv(conversation, "inbound", "connected");
        self.acknowledge();
    }

    /// `IDLE(M1)` of the scenarios: a connected session whose call, C0, is over.
    pub(super) fn idle(station: (u32, bool)) -> Self {
        let mut rig = Self::on(station);
        rig.connected_call("M1", "C0");
        rig.conv("C0", "inbound", "disconnected");
        rig.conv("C0", "inbound", "terminated");
        rig.forget();
        rig
    }

    /// `BUSY(M1, C1)`: as [`Rig::idle`], then a call on the same session.
    pub(super) fn busy() -> Self {
        let mut rig = Self::idle(LA1P);
        rig.conv("C1", "inbound", "alerting");
        rig.conv("C1", "inbound", "connected");
        rig.forget();
        rig
    }
}

/// Checks that an error of a command is about what the command is about.
fn is_named(error: &Error, subject: &Subject) {
    let Subject { conversation, session } = subject;
    assert!(conversation.is_none() || error.conversation() == conversation.as_ref(), "{error:?}");
    assert!(session.is_none() || error.session() == session.as_ref(), "{error:?}");
}
