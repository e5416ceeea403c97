//! Stanzas as the service has them: with Jingle, and with elements of its own.

use super::upgrade::{self, UpgradeMedia};
use super::{Rpc, SessionMessage};
use crate::jingle::Jingle;
use crate::xmpp::{self, Element, ElementRef, Extension, Skipped, ns};

/// A text frame of the service's.
pub type Frame = xmpp::Frame<Dialect>;
/// A request or its answer.
pub type Iq = xmpp::Iq<Dialect>;
/// The type of an iq, with what it asks or answers.
pub type IqKind = xmpp::IqKind<Dialect>;
/// A message.
pub type Message = xmpp::Message<Dialect>;
/// A presence.
pub type Presence = xmpp::Presence<Dialect>;
/// A child of a stanza.
pub type Payload = xmpp::Payload<Dialect>;
/// The end of an iq.
pub(crate) type IqAnswer = xmpp::Answer<Dialect>;

/// The namespace of `genesys-webrtc` and `media-message`.
const GENESYS: &str = "genesys";

/// The elements of stanzas that the service uses above XMPP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The service is about to close this socket (wire notes 3.6).
    ConnectionTransfer,
    /// Propose, proceed, accept, reject, retract.
    SessionMessage(SessionMessage),
    /// A Jingle action.
    Jingle(Box<Jingle>),
    /// SDP over XMPP: a JSON-RPC call (wire notes 6.14).
    Rpc(Box<Rpc>),
    /// Headset coordination: JSON (wire notes 6.16).
    MediaMessage(String),
    /// A request to be let into a room (wire notes 5.10).
    UpgradeMedia(UpgradeMedia),
}

impl Extension for Dialect {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Option<Result<Self, String>> {
        Some(match (e.namespace(), e.name()) {
            (ns::CONNECTION_TRANSFER, "query") => Ok(Self::ConnectionTransfer),
            (ns::JINGLE_MESSAGE, name) if SessionMessage::is_known(name) => {
                SessionMessage::read(e, skipped).map(Self::SessionMessage)
            }
            (ns::JINGLE, "jingle") => {
                Jingle::read(e, skipped).map(|jingle| Self::Jingle(jingle.into()))
            }
            (GENESYS, "genesys-webrtc") => Rpc::read(&e.content(), skipped)
                .map(|rpc| Self::Rpc(rpc.into()))
                .map_err(|error| error.to_string()),
            (GENESYS, "media-message") => Ok(Self::MediaMessage(e.content().into_owned())),
            (upgrade::NAMESPACE, "x") => Ok(Self::UpgradeMedia(UpgradeMedia::read(e, skipped))),
            _ => return None,
        })
    }

    fn write(&self) -> Element<'_> {
        match self {
            Self::ConnectionTransfer => Element::new("query", ns::CONNECTION_TRANSFER),
            Self::SessionMessage(message) => message.write(),
            Self::Jingle(jingle) => jingle.write(),
            Self::Rpc(rpc) => Element::new("genesys-webrtc", GENESYS).text(rpc.to_json()),
            Self::MediaMessage(json) => Element::new("media-message", GENESYS).text(json.as_str()),
            Self::UpgradeMedia(upgrade) => upgrade.write(),
        }
    }
}

impl From<SessionMessage> for Payload {
    fn from(message: SessionMessage) -> Self {
        Self::Extension(Dialect::SessionMessage(message))
    }
}

impl From<Jingle> for Payload {
    fn from(jingle: Jingle) -> Self {
        Self::Extension(Dialect::Jingle(Box::new(jingle)))
    }
}

impl From<Rpc> for Payload {
    fn from(rpc: Rpc) -> Self {
        Self::Extension(Dialect::Rpc(Box::new(rpc)))
    }
}
