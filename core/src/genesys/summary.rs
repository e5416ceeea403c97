//! Summaries of frames in a few words, for the trace.

use crate::genesys::wire::{Dialect, Frame, IqKind, Method, Payload, SessionMessage};
use crate::xmpp::PubSubItem;

/// A frame in a few words, and the session that it belongs to.
pub(crate) fn summary(frame: &Frame) -> (String, Option<String>) {
    let plain = |text: &str| (text.to_owned(), None);
    match frame {
        Frame::Open(_) => plain("open"),
        Frame::Close(_) => plain("close"),
        Frame::Features(_) => plain("features"),
        Frame::Auth(auth) => (format!("auth {}", auth.mechanism), None),
        Frame::Success => plain("success"),
        Frame::Failure(failure) => (format!("failure {}", failure.condition), None),
        Frame::StreamError(error) => (format!("stream error {}", error.condition), None),
        Frame::Message(message) => match message.payloads.first() {
            Some(payload) => of_payload(payload),
            None => plain("message"),
        },
        Frame::Presence(presence) => {
            (format!("presence {}", presence.kind.as_deref().unwrap_or("available")), None)
        }
        Frame::Iq(iq) => match &iq.kind {
            IqKind::Get(payload) | IqKind::Set(payload) => of_payload(payload),
            IqKind::Result(Some(payload)) => {
                let (text, about) = of_payload(payload);
                (format!("result {text}"), about)
            }
            IqKind::Result(None) => plain("result"),
            IqKind::Error(error) => (format!("error {}", error.condition), None),
        },
        Frame::Other { name, .. } => (name.clone(), None),
    }
}

fn of_payload(payload: &Payload) -> (String, Option<String>) {
    let plain = |text: &str| (text.to_owned(), None);
    match payload {
        Payload::Bind { .. } => plain("bind"),
        Payload::Session => plain("session"),
        Payload::Ping => plain("ping"),
        Payload::PubSub(_) => plain("pubsub"),
        Payload::PubSubEvent(event) => {
            let leaf = |item: &PubSubItem| item.node.rsplit('.').next().map(str::to_owned);
            let first = event.items.first().and_then(leaf).unwrap_or_default();
            let more = match event.items.len() {
                0 | 1 => String::new(),
                items => format!(" and {} more", items - 1),
            };
            (format!("event {first}{more}"), None)
        }
        Payload::Services(services) => {
            (format!("services {}", services.kind.as_deref().unwrap_or_default()), None)
        }
        Payload::DiscoInfo(..) => plain("disco#info"),
        Payload::Version(..) => plain("version"),
        Payload::Extension(Dialect::ConnectionTransfer) => plain("connection transfer"),
        Payload::Extension(Dialect::SessionMessage(message)) => {
            let (text, id) = match message {
                SessionMessage::Propose(propose) => ("propose", &propose.id),
                SessionMessage::Proceed { id } => ("proceed", id),
                SessionMessage::Accept { id } => ("accept", id),
                SessionMessage::Reject { id } => ("reject", id),
                SessionMessage::Retract { id } => ("retract", id),
            };
            (text.to_owned(), Some(id.clone()))
        }
        Payload::Extension(Dialect::Jingle(jingle)) => {
            (jingle.action.as_str().to_owned(), Some(jingle.sid.clone()))
        }
        Payload::Extension(Dialect::Rpc(rpc)) => of_method(&rpc.method),
        Payload::Extension(Dialect::MediaMessage(_)) => plain("media-message"),
        Payload::Extension(Dialect::UpgradeMedia(_)) => plain("upgradeMedia"),
        Payload::Carbon(_) => plain("carbon"),
        Payload::Malformed { element, .. } => (format!("malformed {element}"), None),
        Payload::Unknown(element) => (format!("unknown {}", element.name), None),
    }
}

fn of_method(method: &Method) -> (String, Option<String>) {
    let (text, session) = match method {
        Method::Offer { session_id, .. } => ("offer", session_id),
        Method::Answer { session_id, .. } => ("answer", session_id),
        Method::IceCandidate { session_id, .. } => ("iceCandidate", session_id),
        Method::Info { session_id, .. } => ("info", session_id),
        Method::Terminate { session_id, .. } => ("terminate", session_id),
        Method::Mute { session_id, .. } => ("mute", session_id),
        Method::Unmute { session_id, .. } => ("unmute", session_id),
        Method::Other { method, .. } => return (method.clone(), None),
    };
    (text.to_owned(), Some(session.clone()))
}
