//! What a service of few words answers, where nothing else is wanted of it.

use std::collections::BTreeMap;

use offhook::Secret;
use offhook::genesys::wire::{Frame, Iq, IqKind, Payload};
use offhook::xmpp::{Service, Services};
use serde_json::{Value, json};

use crate::model_media::ICE_PWD;

pub(crate) const USER: &str = "u1";
pub(crate) const BARE: &str = "agent@org.lab.test";
pub(crate) const FULL: &str = "agent@org.lab.test/res-a";
/// Another client of the same user.
pub(crate) const OTHER: &str = "agent@org.lab.test/res-b";
pub(crate) const PEER: &str = "call@gjoll.lab.test/i-1";
/// The access token. Nobody may see it in a log.
pub(crate) const TOKEN: &str = "t0ken-Zq81LmX5";
/// What a guest's code is redeemed for: `{"data":{"jid":"guest@conference.org.lab.test"}}`.
const JWT: &str = "h.eyJkYXRhIjp7ImppZCI6Imd1ZXN0QGNvbmZlcmVuY2Uub3JnLmxhYi50ZXN0In19.s";

/// The service's side of one user's world.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    /// The phone's line appearances, and whether it keeps its session.
    pub(crate) station: (u32, bool),
    /// Whether it pings, so that its silence tells.
    pub(crate) pings: bool,
    /// Conversations as they were last told, while they are not over.
    pub(crate) conversations: BTreeMap<String, Value>,
}

impl Cloud {
    /// The good answer to a REST request.
    pub(crate) fn rest(&self, method: &str, path: &str) -> (u16, Value) {
        let path = path.trim_start_matches("/api/v2/");
        let segments: Vec<_> =
            path.split(['/', '?']).filter(|segment| !segment.is_empty()).collect();
        let body = match (method, segments.as_slice()) {
            ("GET", ["organizations", "me"]) => json!({"id": "org-1", "name": "Org"}),
            ("GET", ["users", "me", ..]) => json!({
                "id": USER, "name": "User", "chat": {"jabberId": BARE},
                "station": {"effectiveStation": {"id": "station-1"}},
            }),
            ("GET", ["users", "alertingleader"]) => {
                json!({"connectionId": "c1", "clientType": "offhook"})
            }
            ("POST", ["notifications", "channels", ..]) => json!({"id": "channel-1"}),
            ("PUT" | "POST", ["notifications", ..]) => json!({"entities": []}),
            ("GET", ["stations", id]) => json!({
                "id": id, "name": "Phone", "type": "inin_webrtc_softphone",
                "webRtcPersistentEnabled": self.station.1,
                "webRtcCallAppearances": self.station.0,
            }),
            ("GET", ["conversations"]) => {
                json!({"entities": self.conversations.values().collect::<Vec<_>>()})
            }
            ("GET", ["conversations", .., id]) => match self.conversations.get(*id) {
                Some(conversation) => conversation.clone(),
                None => conversation(id, "alerting", 0),
            },
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

/// The good answers to a frame, in order.
pub(crate) fn stream(frame: &str) -> Vec<String> {
    if frame.starts_with("<auth") {
        return vec![r#"<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>"#.to_owned()];
    }
    // Messages want no answer.
    if frame.starts_with("<message") {
        return Vec::new();
    }
    let iq = match Frame::parse(frame) {
        // Both sets of features at once do no harm.
        Ok(Frame::Open(_)) => {
            return vec![
                r#"<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0" from="hawk" id="c1"/>"#.to_owned(),
                r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>PLAIN</mechanism><mechanism>ANONYMOUS</mechanism></mechanisms><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></stream:features>"#.to_owned(),
            ];
        }
        Ok(Frame::Close(_)) => {
            return vec![r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#.to_owned()];
        }
        Ok(Frame::Iq(iq)) if matches!(iq.kind, IqKind::Get(_) | IqKind::Set(_)) => iq,
        _ => return Vec::new(),
    };
    let payload = match &iq.kind {
        IqKind::Set(Payload::Bind { .. }) => {
            let jid = FULL.parse().expect("an address");
            Some(Payload::Bind { resource: None, jid: Some(jid) })
        }
        IqKind::Get(Payload::Services(asked)) => {
            let kind = asked.kind.clone().unwrap_or_else(|| "stun".to_owned());
            let relay = kind == "turn";
            let service = Service {
                kind,
                host: "192.0.2.10".to_owned(),
                port: Some(3478),
                transport: Some("udp".to_owned()),
                username: relay.then(|| "user".to_owned()),
                password: relay.then(|| Secret::new(ICE_PWD)),
            };
            Some(Payload::Services(Services { kind: asked.kind.clone(), services: vec![service] }))
        }
        _ => None,
    };
    let mut reply = match payload {
        Some(payload) => Iq::result_with(&iq, payload),
        None => Iq::result_to(&iq),
    };
    reply.from = iq.to.clone();
    vec![Frame::Iq(reply).to_xml()]
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
