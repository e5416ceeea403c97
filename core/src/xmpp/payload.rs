//! What a stanza carries.

use super::{
    DiscoInfo, Element, ElementRef, Jid, Message, PubSub, PubSubEvent, Services, Skipped, Version,
    ns,
};
use crate::jingle::{Jingle, Rpc, SessionMessage};

/// A child element of a stanza, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Resource binding (RFC 6120 section 7): the resource asked for, or the address given.
    Bind {
        /// The resource that the client asks for.
        resource: Option<String>,
        /// The full address that the service gives.
        jid: Option<Jid>,
    },
    /// Session establishment.
    Session,
    /// Ping (XEP-0199).
    Ping,
    /// A subscription.
    PubSub(PubSub),
    /// A notification.
    PubSubEvent(PubSubEvent),
    /// STUN and TURN servers.
    Services(Services),
    /// Service discovery.
    DiscoInfo(DiscoInfo),
    /// Software version.
    Version(Version),
    /// The service is about to close this socket (wire notes 3.6).
    ConnectionTransfer,
    /// Propose, proceed, accept, reject, retract.
    JingleMessage(SessionMessage),
    /// A Jingle action.
    Jingle(Box<Jingle>),
    /// SDP over XMPP: a JSON-RPC call (wire notes 6.14).
    Rpc(Box<Rpc>),
    /// Headset coordination: JSON (wire notes 6.16).
    MediaMessage(String),
    /// A received carbon. Only one from the user's own bare address may be believed.
    Carbon(Box<Message>),
    /// A known element that cannot be used.
    Malformed {
        /// Its name, or `iq` for a request that does not carry exactly one element.
        element: String,
        /// What is wrong with it; never its content.
        error: String,
    },
    /// An element that nobody here knows.
    Unknown(Element<'static>),
}

impl Payload {
    pub(super) fn malformed(element: &str, error: impl Into<String>) -> Self {
        Self::Malformed { element: element.to_owned(), error: error.into() }
    }

    /// A child of a stanza; what cannot be read in it, and is not needed, is noted.
    pub(super) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Self {
        let read = match (e.namespace(), e.name()) {
            (ns::BIND, "bind") => read_bind(e),
            (ns::SESSION, "session") => Ok(Self::Session),
            (ns::PING, "ping") => Ok(Self::Ping),
            (ns::PUBSUB, "pubsub") => PubSub::read(e).map(Self::PubSub),
            (ns::PUBSUB_EVENT, "event") => PubSubEvent::read(e, skipped).map(Self::PubSubEvent),
            (ns::EXTERNAL_SERVICES, "services") => Ok(Self::Services(Services::read(e))),
            (ns::DISCO_INFO, "query") => Ok(Self::DiscoInfo(DiscoInfo::read(e))),
            (ns::VERSION, "query") => Ok(Self::Version(Version::read(e))),
            (ns::CONNECTION_TRANSFER, "query") => Ok(Self::ConnectionTransfer),
            (ns::JINGLE_MESSAGE, name) if SessionMessage::is_known(name) => {
                SessionMessage::read(e, skipped).map(Self::JingleMessage)
            }
            (ns::JINGLE, "jingle") => {
                Jingle::read(e, skipped).map(|jingle| Self::Jingle(jingle.into()))
            }
            (ns::GENESYS, "genesys-webrtc") => Rpc::read(&e.content(), skipped)
                .map(|rpc| Self::Rpc(rpc.into()))
                .map_err(|error| error.to_string()),
            (ns::GENESYS, "media-message") => Ok(Self::MediaMessage(e.content().into_owned())),
            (ns::CARBONS, "received") => read_carbon(e, skipped),
            _ => return Self::Unknown(e.to_element()),
        };
        read.unwrap_or_else(|error| Self::malformed(e.name(), error))
    }

    pub(super) fn write(&self) -> Option<Element<'_>> {
        Some(match self {
            Self::Bind { resource, jid } => {
                let child = |name| Element::new(name, ns::BIND);
                Element::new("bind", ns::BIND)
                    .children(resource.as_ref().map(|text| child("resource").text(text)))
                    .children(jid.as_ref().map(|jid| child("jid").text(jid.as_str())))
            }
            Self::Session => Element::new("session", ns::SESSION),
            Self::Ping => Element::new("ping", ns::PING),
            Self::PubSub(pubsub) => pubsub.write(),
            Self::PubSubEvent(event) => event.write(),
            Self::Services(services) => services.write(),
            Self::DiscoInfo(info) => info.write(),
            Self::Version(version) => version.write(),
            Self::ConnectionTransfer => Element::new("query", ns::CONNECTION_TRANSFER),
            Self::JingleMessage(message) => message.write(),
            Self::Jingle(jingle) => jingle.write(),
            Self::Rpc(rpc) => Element::new("genesys-webrtc", ns::GENESYS).text(rpc.to_json()),
            Self::MediaMessage(json) => {
                Element::new("media-message", ns::GENESYS).text(json.as_str())
            }
            Self::Carbon(message) => Element::new("received", ns::CARBONS)
                .child(Element::new("forwarded", ns::FORWARD).child(message.write())),
            Self::Malformed { .. } => return None,
            Self::Unknown(element) => element.clone(),
        })
    }
}

fn read_bind(bind: ElementRef<'_>) -> Result<Payload, String> {
    let text = |name| bind.find(name, ns::BIND).map(|e| e.content().trim().to_owned());
    let jid = text("jid").map(|jid| jid.parse()).transpose();
    Ok(Payload::Bind {
        resource: text("resource").filter(|resource| !resource.is_empty()),
        jid: jid.map_err(|error| format!("<jid>: {error}"))?,
    })
}

/// XEP-0280: the message inside a carbon. Nesting is bounded by the depth of the frame.
fn read_carbon(carbon: ElementRef<'_>, skipped: &mut Skipped) -> Result<Payload, String> {
    let message = carbon
        .find("forwarded", ns::FORWARD)
        .and_then(|forwarded| forwarded.find("message", ns::CLIENT))
        .ok_or_else(|| "no forwarded message".to_owned())?;
    match Message::read(message, skipped) {
        Ok(message) => Ok(Payload::Carbon(message.into())),
        Err(error) => Err(error.to_string()),
    }
}
