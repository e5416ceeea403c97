//! Answers of a service of few words, where nothing else is wanted of it.

use std::collections::BTreeMap;

use offhook::genesys::testing::{FewWords, ice_server};
use offhook::genesys::wire::Frame;
use offhook::media::testing::{self, FakeMedia};
use serde_json::{Value, json};

/// The ICE password in the descriptions made here. Nobody may see it in a log.
pub(crate) const ICE_PWD: &str = "Lf9xq2mVbZ0cT7kRw4Ys8aEh";

pub(crate) const USER: &str = "u1";
pub(crate) const BARE: &str = "agent@org.lab.test";
pub(crate) const FULL: &str = "agent@org.lab.test/res-a";
/// Another client of the same user.
pub(crate) const OTHER: &str = "agent@org.lab.test/res-b";
pub(crate) const PEER: &str = "call@gjoll.lab.test/i-1";
/// The access token. Nobody may see it in a log.
pub(crate) const TOKEN: &str = "t0ken-Zq81LmX5";
/// The JWT for which a guest's code is redeemed:
/// `{"data":{"jid":"guest@conference.org.lab.test"}}`.
const JWT: &str = "h.eyJkYXRhIjp7ImppZCI6Imd1ZXN0QGNvbmZlcmVuY2Uub3JnLmxhYi50ZXN0In19.s";

/// The service's side of one user's world.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    /// The phone's line appearances, and whether it keeps its session.
    pub(crate) station: (u32, bool),
    /// True if it pings, so that its silence tells.
    pub(crate) pings: bool,
    /// Conversations as they were last told, while they are not over.
    pub(crate) conversations: BTreeMap<String, Value>,
}

impl Cloud {
    /// The good answer to a REST request.
    pub(crate) fn rest(&self, method: &str, path: &str) -> (u16, Value) {
        let path = path.trim_start_matches("/api/v2/");
        let without_query = path.split_once('?').map_or(path, |(path, _)| path);
        if let Some(answer) = words(self.station).rest(method, without_query) {
            return (200, answer);
        }
        let segments: Vec<_> =
            path.split(['/', '?']).filter(|segment| !segment.is_empty()).collect();
        let body = match (method, segments.as_slice()) {
            ("GET", ["users", "alertingleader"]) => {
                json!({"connectionId": "c1", "clientType": "offhook"})
            }
            ("GET", ["conversations"]) => {
                json!({"entities": self.conversations.values().collect::<Vec<_>>()})
            }
            ("GET", ["conversations", .., id]) => match self.conversations.get(*id) {
                Some(conversation) => conversation.clone(),
                None => conversation(id, "alerting", 0),
            },
            ("GET", ["presence", "definitions", ..]) => json!({"entities": [
                {"id": "p1", "systemPresence": "On Queue", "languageLabels": {"en_US": "Ready"}},
                {"id": "p2", "systemPresence": "Break", "deactivated": true}, null,
            ]}),
            ("GET", ["users", _, "presences", "purecloud"]) => presence(),
            ("GET", ["voicemail", "mailbox"]) => json!({"totalCount": 3, "unreadCount": 1}),
            ("POST", ["conversations", "codes"]) => json!({"jwt": JWT}),
            ("POST", ["conversations", "calls"]) => json!({"id": "C0", "selfUri": "/c/C0"}),
            _ => return (202, Value::Null),
        };
        (200, body)
    }

    /// Takes note of what a notification says.
    pub(crate) fn told(&mut self, id: &str, state: &str, conversation: &Value) {
        if matches!(state, "disconnected" | "terminated") {
            self.conversations.remove(id);
        } else {
            self.conversations.insert(id.to_owned(), conversation.clone());
        }
    }
}

/// The user's presence.
pub(crate) fn presence() -> Value {
    json!({"presenceDefinition": {"id": "p1", "systemPresence": "ON_QUEUE"}, "message": "here"})
}

/// A conversation with the user's leg in this state. `flags` mute, hold and confine it, make it
/// outbound, give it an error, and take the user out of it.
pub(crate) fn conversation(id: &str, state: &str, flags: u8) -> Value {
    let flag = |bit: u8| flags & (1 << bit) != 0;
    let mut call = json!({
        "id": format!("K-{id}"), "state": state, "muted": flag(0), "held": flag(1),
        "confined": flag(2), "direction": if flag(3) { "outbound" } else { "inbound" },
    });
    if flag(4) {
        call["errorInfo"] =
            json!({"code": "error.ininedgecontrol.session.inactive", "message": "m"});
    }
    let user = if flag(5) { "somebody-else" } else { USER };
    json!({"id": id, "participants": [
        {"id": format!("X-{id}"), "purpose": "customer", "calls": []},
        {"id": format!("P-{id}"), "purpose": "agent", "userId": user, "calls": [call]},
    ]})
}

/// The user that the service knows, on such a phone.
fn words(station: (u32, bool)) -> FewWords {
    FewWords {
        user: USER,
        name: "User",
        bare: BARE,
        resource: "res-a",
        station,
        ice: vec![ice_server("192.0.2.10", None), ice_server("192.0.2.10", Some(ICE_PWD))],
    }
}

/// The good answers to a frame, in order.
pub(crate) fn stream(frame: &str) -> Vec<String> {
    if matches!(Frame::parse(frame), Ok(Frame::Close(_))) {
        return vec![r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#.to_owned()];
    }
    words((1, false)).stream(frame)
}

/// A description of one audio stream.
pub(crate) fn description(setup: &str, ufrag: &str) -> String {
    testing::description(setup, ufrag, ICE_PWD)
}

/// Media that does what datagrams tell it.
pub(crate) fn fake_media() -> Box<FakeMedia> {
    Box::new(FakeMedia::new(ICE_PWD))
}

/// The word that a byte tells the media.
pub(crate) fn word(byte: u8) -> Vec<u8> {
    const WORDS: [&str; 8] =
        ["connected", "connected", "disconnected", "failed", "closed", "audio", "dtmf", "hundred"];
    /// Words that media of rooms understands.
    const OF_ROOMS: [&str; 8] = [
        "keyframe",
        "flood",
        r#"channel {"method":"member.notify.status","params":{"speakers":[{"id":"s"}]}}"#,
        r#"channel {"method":"member.notify.status","params":{"incomingStreams":[{"sinkTrackId":7}]}}"#,
        r#"channel {"method":"member.notify.status","params":[]}"#,
        r#"channel {"method":"other"}"#,
        "channel [",
        "channel 7",
    ];
    match byte {
        240.. => OF_ROOMS[usize::from(byte % 8)],
        _ => WORDS[usize::from(byte % 8)],
    }
    .as_bytes()
    .to_vec()
}

/// The address of a room.
pub(crate) const ROOM: &str = "peer-1@conference.lab.test";

/// A room's offer: sound, so many videos, and a data channel.
pub(crate) fn room_description(ufrag: &str, videos: u8) -> String {
    let section = |mid: u8, line: &str, rest: &str| {
        format!(
            "m={line}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{ICE_PWD}\r\n\
             a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n{rest}"
        )
    };
    let video = "a=sendrecv\r\na=msid:s t\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";
    let videos = (0..videos).map(|n| section(n + 2, "video 9 UDP/TLS/RTP/SAVPF 96", video));
    let channel = "application 9 UDP/DTLS/SCTP webrtc-datachannel";
    let channel = section(1, channel, "a=sctp-port:5000\r\n");
    description("actpass", ufrag) + &channel + &videos.collect::<String>()
}

/// Text as an XML element's content or an attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 2);
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '"']) {
        escaped.push_str(&rest[..at]);
        escaped.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    escaped + rest
}

pub(crate) fn notification(node: &str, json: &str) -> String {
    let (node, json) = (escaped(node), escaped(json));
    format!(
        r#"<message xmlns="jabber:client" from="notifications.lab.test" to="{FULL}"><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="{node}"><item id="1"><json xmlns="urn:xmpp:json:0">{json}</json></item></items></event></message>"#
    )
}

pub(crate) fn session_message(from: &str, name: &str, session: &str) -> String {
    let (from, session) = (escaped(from), escaped(session));
    format!(
        r#"<message xmlns="jabber:client" from="{from}" to="{BARE}"><{name} xmlns="urn:xmpp:jingle-message:0" id="{session}"/></message>"#
    )
}

pub(crate) fn propose(from: &str, session: &str, conversation: &str, more: &str) -> String {
    format!(
        r#"<message xmlns="jabber:client" from="{from}" to="{BARE}"><propose xmlns="urn:xmpp:jingle-message:0" id="{session}" inin-cid="{conversation}" {more}><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose></message>"#
    )
}

pub(crate) fn jingle(from: &str, id: &str, action: &str, session: &str, inner: &str) -> String {
    let (from, session) = (escaped(from), escaped(session));
    format!(
        r#"<iq xmlns="jabber:client" type="set" id="{id}" from="{from}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="{session}">{inner}</jingle></iq>"#
    )
}

pub(crate) fn rpc(from: &str, id: &str, method: &str, params: &Value) -> String {
    let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let call = escaped(&call.to_string());
    request(from, &format!(r#"<genesys-webrtc xmlns="genesys">{call}</genesys-webrtc>"#))
}

pub(crate) fn ping() -> String {
    r#"<iq xmlns="jabber:client" type="get" id="s2c" from="hawk"><ping xmlns="urn:xmpp:ping"/></iq>"#
        .to_owned()
}

/// A request that carries something.
pub(crate) fn request(from: &str, payload: &str) -> String {
    let from = escaped(from);
    format!(
        r#"<iq xmlns="jabber:client" type="set" id="x" from="{from}" to="{FULL}">{payload}</iq>"#
    )
}
