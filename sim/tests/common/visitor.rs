//! A client of rooms: frames as the vendor's SDK says them, and a real media engine, in virtual time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use offhook::Seed;
use offhook::genesys::wire::{Dialect, Frame, IqKind, Method, Payload, SessionMessage};
use offhook::jingle::{Jingle, Role, sdp};
use offhook::machine::UdpId;
use offhook::media::{
    ChannelMessage, Engine, EngineConfig, EngineEvent, EngineFactory as _, EngineOutput, LocalKind,
    MediaState, VideoCodec, VideoFrame, WebRtcFactory,
};
use offhook_sim::service::{ConnId, Input, Output};
use serde_json::{Value, json};

use super::desk::Desk;

/// The time between two looks.
const STEP: Duration = Duration::from_millis(5);
/// The address of the service's media.
const FAR: &str = "10.0.0.1:4000";

/// See the [module](self).
pub(crate) struct Visitor {
    pub(crate) desk: Desk,
    pub(crate) user: Value,
    pub(crate) jid: String,
    conn: u64,
    engine: Option<Box<dyn Engine>>,
    wake: Option<Instant>,
    udp: Option<UdpId>,
    pub(crate) state: MediaState,
    pub(crate) heard: usize,
    pub(crate) pictures: Vec<VideoFrame>,
    pub(crate) texts: Vec<String>,
    /// Deeds of clients that none may do.
    pub(crate) wrong: Vec<String>,
    /// Frames that came and were not looked at.
    pub(crate) frames: Vec<Frame>,
    next: u64,
}

/// A user of the desk's who is logged in, and listens to its conversations.
pub(crate) fn visitor() -> Visitor {
    let mut desk = Desk::new();
    let (status, user) = desk.control("POST", "users", &json!({"name": "Ada", "token": "t"}));
    assert_eq!(status, 200);
    let (_, channel) = desk.api("t", "POST", "notifications/channels", &json!({}));
    let channel = channel["id"].as_str().unwrap();
    let topic = format!("v2.users.{}.conversations", user["userId"].as_str().unwrap());
    let path = format!("notifications/channels/{channel}/subscriptions");
    desk.api("t", "PUT", &path, &json!([{"id": topic}]));
    let jid = user["jid"].as_str().unwrap().to_owned();
    let word = STANDARD.encode(format!("\0{jid}\0authKey:t"));
    let auth = format!(
        r#"<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{word}</auth>"#
    );
    let path = format!("/stream/channels/{channel}");
    Visitor::enter(desk, user, &path, &auth)
}

impl Visitor {
    /// Comes in by that path, and binds.
    pub(crate) fn enter(desk: Desk, user: Value, path: &str, auth: &str) -> Self {
        let mut visitor = Self {
            desk,
            user,
            jid: String::new(),
            conn: 1,
            engine: None,
            wake: None,
            udp: None,
            state: MediaState::New,
            heard: 0,
            pictures: Vec::new(),
            texts: Vec::new(),
            wrong: Vec::new(),
            frames: Vec::new(),
            next: 0,
        };
        let conn = ConnId(visitor.conn);
        visitor.desk.input(Input::SocketRequested { conn, path: path.to_owned() });
        let open = r#"<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0"/>"#;
        let bind = r#"<iq xmlns="jabber:client" id="b" type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>"#;
        for text in [open, auth, open, bind] {
            visitor.say(text);
        }
        let bound = visitor.take(|frame| match frame {
            Frame::Iq(iq) => match &iq.kind {
                IqKind::Result(Some(Payload::Bind { jid: Some(jid), .. })) => Some(jid.to_string()),
                _ => None,
            },
            _ => None,
        });
        visitor.jid = bound.expect("an address");
        visitor
    }

    pub(crate) fn id(&self) -> String {
        self.user["userId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn bare(&self) -> String {
        self.jid.split('/').next().unwrap().to_owned()
    }

    /// The first frame that is like that, and those before it are left where they are.
    pub(crate) fn take<T>(&mut self, mut wanted: impl FnMut(&Frame) -> Option<T>) -> Option<T> {
        let (at, found) =
            self.frames.iter().enumerate().find_map(|(at, frame)| Some((at, wanted(frame)?)))?;
        self.frames.remove(at);
        Some(found)
    }

    /// A text frame.
    pub(crate) fn say(&mut self, text: &str) {
        self.desk.text(self.conn, text);
        self.look();
    }

    /// A message about a session.
    pub(crate) fn message(&mut self, to: &str, word: &str, session: &str) {
        self.say(&format!(
            r#"<message xmlns="jabber:client" to="{to}"><{word} xmlns="urn:xmpp:jingle-message:0" id="{session}"/></message>"#
        ));
    }

    /// A request to the room, in either signaling.
    pub(crate) fn request(&mut self, room: &str, element: &str) {
        self.next += 1;
        let (id, from) = (self.next, &self.jid);
        self.say(&format!(
            r#"<iq xmlns="jabber:client" id="v{id}" type="set" from="{from}" to="{room}">{element}</iq>"#
        ));
    }

    /// A call of the JSON-RPC.
    pub(crate) fn rpc(&mut self, room: &str, method: &str, params: &Value) {
        let call = json!({"jsonrpc": "2.0", "id": "r", "method": method, "params": params});
        let call = call.to_string().replace('&', "&amp;").replace('<', "&lt;");
        self.request(room, &format!(r#"<genesys-webrtc xmlns="genesys">{call}</genesys-webrtc>"#));
    }

    /// The next proposal: room, session, and all that it says.
    pub(crate) fn proposed(&mut self) -> Option<(String, offhook::genesys::wire::Propose)> {
        self.take(|frame| match frame {
            Frame::Message(message) => message.payloads.iter().find_map(|payload| match payload {
                Payload::Extension(Dialect::SessionMessage(SessionMessage::Propose(propose))) => {
                    Some((message.from.as_ref()?.to_string(), propose.clone()))
                }
                _ => None,
            }),
            _ => None,
        })
    }

    /// True if the session was said to be that, by a message of somebody's.
    pub(crate) fn told(&mut self, wanted: &SessionMessage) -> bool {
        self.take(|frame| match frame {
            Frame::Message(message) => message.payloads.iter().find_map(|payload| match payload {
                Payload::Extension(Dialect::SessionMessage(word)) if word == wanted => Some(()),
                _ => None,
            }),
            _ => None,
        })
        .is_some()
    }

    /// The participants of the next notification.
    pub(crate) fn notified(&mut self) -> Option<Vec<Value>> {
        self.take(|frame| match frame {
            Frame::Message(message) => message.payloads.iter().find_map(|payload| match payload {
                Payload::PubSubEvent(event) => {
                    let told: Value = serde_json::from_str(&event.items.first()?.json).ok()?;
                    told["eventBody"]["participants"].as_array().cloned()
                }
                _ => None,
            }),
            _ => None,
        })
    }

    /// The last notification's participants; those before are forgotten.
    pub(crate) fn last_notified(&mut self) -> Option<Vec<Value>> {
        let mut last = None;
        while let Some(participants) = self.notified() {
            last = Some(participants);
        }
        last
    }

    /// The next call of the JSON-RPC.
    pub(crate) fn called(&mut self) -> Option<Method> {
        self.take(|frame| match frame {
            Frame::Iq(iq) => match &iq.kind {
                IqKind::Set(Payload::Extension(Dialect::Rpc(rpc))) => Some(rpc.method.clone()),
                _ => None,
            },
            _ => None,
        })
    }

    /// The next request of Jingle, which is answered.
    pub(crate) fn jingle(&mut self) -> Option<Jingle> {
        let (id, from, jingle) = self.take(|frame| match frame {
            Frame::Iq(iq) => match &iq.kind {
                IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) => {
                    Some((iq.id.clone()?, iq.from.clone()?, (**jingle).clone()))
                }
                _ => None,
            },
            _ => None,
        })?;
        self.say(&format!(r#"<iq xmlns="jabber:client" type="result" id="{id}" to="{from}"/>"#));
        Some(jingle)
    }

    /// The answer of a new engine to an offer, or that of the one that there is, and its candidate.
    pub(crate) fn answer(&mut self, offer: &str) -> (String, String) {
        let now = self.desk.now;
        let engine = self.engine.get_or_insert_with(|| {
            let config = EngineConfig::new(Seed::from(5));
            let config = config.video([VideoCodec::Vp8, VideoCodec::H264]).channels(true);
            WebRtcFactory::new().create(now, config)
        });
        engine.accept_offer(now, offer).unwrap();
        let answer = engine.create_answer(now).unwrap();
        let local: SocketAddr = "10.0.0.2:5000".parse().unwrap();
        engine.add_local(now, &local.into(), LocalKind::Host);
        engine.local_done(now);
        (answer, "candidate:1 1 udp 2130706431 10.0.0.2 5000 typ host".to_owned())
    }

    /// Jingle of an answer, as contents of a session-accept.
    pub(crate) fn accept_by_jingle(&mut self, room: &str, initiate: &Jingle) -> String {
        let offer = sdp::to_sdp(initiate, Role::Initiator).unwrap();
        let (answer, _) = self.answer(&offer);
        let (contents, groups) = sdp::from_sdp(&answer, Role::Responder).unwrap();
        let accept = Jingle::session_accept(&*initiate.sid, contents, groups);
        let payload = Payload::Extension(Dialect::Jingle(Box::new(accept)));
        let iq = offhook::genesys::wire::Iq::set("a".to_owned(), room.parse().ok(), payload);
        self.say(&Frame::Iq(iq).to_xml());
        offer
    }

    /// Has no media any more, and is ready for other.
    pub(crate) fn forget_media(&mut self) {
        self.engine = None;
        self.wake = None;
        self.state = MediaState::New;
    }

    pub(crate) fn engine(&mut self) -> &mut dyn Engine {
        &mut **self.engine.as_mut().expect("media")
    }

    /// Shows a picture, and says why it cannot be.
    pub(crate) fn show(&mut self, track: offhook::media::Track, frame: &VideoFrame) -> bool {
        let now = self.desk.now;
        let sent = self.engine().send(now, track, &frame.clone().into()).is_ok();
        self.look();
        sent
    }

    pub(crate) fn tell(&mut self, label: &str, text: &str) {
        let now = self.desk.now;
        let channel = self.engine().open_channel(now, label).unwrap();
        self.wait(Duration::from_millis(500));
        let message = ChannelMessage::Text(text.to_owned());
        let now = self.desk.now;
        self.engine().send_message(now, channel, &message).unwrap();
        self.wait(Duration::from_millis(500));
    }

    /// Time passes for both.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.desk.now + time;
        while self.desk.now < until {
            self.desk.wait(STEP);
            self.desk.input(Input::Timeout);
            let now = self.desk.now;
            if let Some(engine) = &mut self.engine
                && self.wake.is_none_or(|wake| wake <= now)
            {
                engine.handle_timeout(now);
            }
            self.look();
        }
    }

    /// Takes what came, and carries what is for the media.
    fn look(&mut self) {
        let far: SocketAddr = FAR.parse().unwrap();
        loop {
            let outputs = std::mem::take(&mut self.desk.outputs);
            let mut quiet = outputs.is_empty();
            for output in outputs {
                match output {
                    Output::SendText { conn, text } if conn.0 == self.conn => {
                        self.frames.push(Frame::parse(&text).unwrap());
                    }
                    Output::OpenUdp { id } => {
                        self.udp = Some(id);
                        self.desk.input(Input::UdpOpened { id, local: vec![far] });
                    }
                    Output::Wrong(what) => self.wrong.push(what),
                    Output::CloseUdp { id } => {
                        self.udp.take_if(|open| *open == id);
                    }
                    Output::Transmit { local, remote, data, .. } => {
                        let now = self.desk.now;
                        if let Some(engine) = &mut self.engine {
                            engine.handle_datagram(now, remote, local, &data);
                        }
                    }
                    _ => {}
                }
            }
            let Some(engine) = &mut self.engine else {
                if quiet {
                    return;
                }
                continue;
            };
            let mut sent = Vec::new();
            loop {
                match engine.poll_output() {
                    EngineOutput::Transmit { local, remote, data } => {
                        sent.push((local, remote, data));
                    }
                    EngineOutput::Event(EngineEvent::State(state)) => self.state = state,
                    EngineOutput::Event(EngineEvent::Frame {
                        frame: offhook::media::Frame::Video(frame),
                        ..
                    }) => self.pictures.push(frame),
                    EngineOutput::Event(EngineEvent::Frame {
                        frame: offhook::media::Frame::Audio(_),
                        ..
                    }) => self.heard += 1,
                    EngineOutput::Event(EngineEvent::ChannelMessage {
                        message: ChannelMessage::Text(text),
                        ..
                    }) => self.texts.push(text),
                    EngineOutput::Timeout(wake) => {
                        self.wake = wake.map(|wake| wake.at);
                        break;
                    }
                    _ => {}
                }
            }
            quiet &= sent.is_empty();
            for (local, remote, data) in sent {
                if let Some(id) = self.udp {
                    let datagram = Input::Datagram { id, local: remote, remote: local, data };
                    self.desk.input(datagram);
                }
            }
            if quiet {
                return;
            }
        }
    }
}
