//! A service of few words: what a login is told, for tests and benchmarks of what comes after it.

use serde_json::{Value, json};

use super::wire::{Frame, Iq, IqKind, Payload};
use crate::Secret;
use crate::xmpp::{Jid, Service, Services};

/// The user that a service of few words knows, and the ICE servers that it names.
#[derive(Clone, Debug)]
pub struct FewWords {
    /// The user's id.
    pub user: &'static str,
    /// The user's name.
    pub name: &'static str,
    /// The user's address.
    pub bare: &'static str,
    /// The resource that it binds.
    pub resource: &'static str,
    /// The phone's line appearances, and whether it keeps its session.
    pub station: (u32, bool),
    /// ICE servers, told by their kind.
    pub ice: Vec<Service>,
}

/// An ICE server as discovery tells it: `stun`, or `turn` with a password.
#[must_use]
pub fn ice_server(host: &str, password: Option<&str>) -> Service {
    Service {
        kind: if password.is_some() { "turn" } else { "stun" }.to_owned(),
        host: host.to_owned(),
        port: Some(3478),
        transport: Some("udp".to_owned()),
        username: password.map(|_| "user".to_owned()),
        password: password.map(Secret::new),
    }
}

impl FewWords {
    /// The answer by REST to a request of a login; none where a login does not ask that. Paths are
    /// without `/api/v2` and without a query.
    #[must_use]
    pub fn rest(&self, method: &str, path: &str) -> Option<Value> {
        let path: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        Some(match (method, path.as_slice()) {
            ("GET", ["organizations", "me"]) => json!({"id": "org-1", "name": "Org"}),
            ("GET", ["users", "me"]) => json!({
                "id": self.user, "name": self.name, "chat": {"jabberId": self.bare},
                "station": {"effectiveStation": {"id": "station-1"}},
            }),
            ("POST", ["notifications", "channels"]) => json!({"id": "channel-1"}),
            ("PUT", ["notifications", "channels", _, "subscriptions"]) => json!({"entities": []}),
            ("GET", ["stations", id]) => json!({
                "id": id, "name": "Phone", "type": "inin_webrtc_softphone",
                "webRtcPersistentEnabled": self.station.1,
                "webRtcCallAppearances": self.station.0,
            }),
            _ => return None,
        })
    }

    /// The answers to a frame, in order. What wants an answer gets one, but for the end of the
    /// stream.
    #[must_use]
    pub fn stream(&self, frame: &str) -> Vec<String> {
        if frame.starts_with("<auth") {
            return vec![r#"<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>"#.to_owned()];
        }
        match Frame::parse(frame) {
            // Both sets of features at once do no harm.
            Ok(Frame::Open(_)) => vec![
                r#"<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0" from="hawk" id="c1"/>"#.to_owned(),
                r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>PLAIN</mechanism><mechanism>ANONYMOUS</mechanism></mechanisms><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></stream:features>"#.to_owned(),
            ],
            Ok(Frame::Iq(iq)) if matches!(iq.kind, IqKind::Get(_) | IqKind::Set(_)) => {
                vec![Frame::Iq(self.reply(&iq)).to_xml()]
            }
            _ => Vec::new(),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "it is a service of few words")]
    fn reply(&self, iq: &Iq) -> Iq {
        let payload = match &iq.kind {
            IqKind::Set(Payload::Bind { .. }) => {
                let jid = self.bare.parse::<Jid>().ok();
                let jid = jid.map(|jid| jid.with_resource(self.resource));
                Some(Payload::Bind { resource: None, jid })
            }
            IqKind::Get(Payload::Services(asked)) => {
                let kind = asked.kind.as_deref();
                let wanted = |ice: &&Service| kind.is_none_or(|kind| ice.kind == kind);
                let services = self.ice.iter().filter(wanted).cloned().collect();
                Some(Payload::Services(Services { services, ..asked.clone() }))
            }
            _ => None,
        };
        let mut reply = match payload {
            Some(payload) => Iq::result_with(iq, payload),
            None => Iq::result_to(iq),
        };
        reply.from = iq.to.clone();
        reply
    }
}
