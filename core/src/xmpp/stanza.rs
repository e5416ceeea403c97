//! The three stanzas (RFC 6120 section 8), and what they carry: a carbon carries another.

use super::{
    DiscoInfo, Element, ElementRef, Extension, FrameErrorKind, Jid, PubSub, PubSubEvent, Services,
    ServicesForm, Skipped, StanzaError, Version, name_of, ns,
};

/// A request or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iq<X> {
    /// Ties an answer to its request; the service must accept requests without (wire notes 6.7).
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The receiver; without it the user's own server.
    pub to: Option<Jid>,
    /// Its type, with what it asks or answers.
    pub kind: IqKind<X>,
}

/// The type of an iq with what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IqKind<X> {
    /// Asks.
    Get(Payload<X>),
    /// Orders.
    Set(Payload<X>),
    /// Succeeded.
    Result(Option<Payload<X>>),
    /// Failed.
    Error(StanzaError),
}

impl<X: Extension> Iq<X> {
    /// A request to read; without `to` it goes to the user's own server.
    #[must_use]
    pub fn get(id: impl Into<String>, to: Option<Jid>, payload: Payload<X>) -> Self {
        Self { id: Some(id.into()), from: None, to, kind: IqKind::Get(payload) }
    }

    /// A request to act; without `to` it goes to the user's own server.
    #[must_use]
    pub fn set(id: impl Into<String>, to: Option<Jid>, payload: Payload<X>) -> Self {
        Self { id: Some(id.into()), from: None, to, kind: IqKind::Set(payload) }
    }

    /// The empty success of a request. `from` is left out, as a client does; a service sets it.
    #[must_use]
    pub fn result_to(request: &Self) -> Self {
        request.answer(IqKind::Result(None))
    }

    /// The success of a request, with data.
    #[must_use]
    pub fn result_with(request: &Self, payload: Payload<X>) -> Self {
        request.answer(IqKind::Result(Some(payload)))
    }

    /// The failure of a request.
    #[must_use]
    pub fn error_to(request: &Self, error: StanzaError) -> Self {
        request.answer(IqKind::Error(error))
    }

    fn answer(&self, kind: IqKind<X>) -> Self {
        Self { id: self.id.clone(), from: None, to: self.from.clone(), kind }
    }

    /// Sets the sender.
    #[must_use]
    pub fn with_from(mut self, from: Jid) -> Self {
        self.from = Some(from);
        self
    }

    pub(super) fn read(
        head: ElementRef<'_>,
        skipped: &mut Skipped,
    ) -> Result<Self, FrameErrorKind> {
        let kind = match head.attribute("type") {
            Some("get") => IqKind::Get(request(head, skipped)),
            Some("set") => IqKind::Set(request(head, skipped)),
            Some("result") => {
                IqKind::Result(head.elements().next().map(|e| Payload::read(e, skipped)))
            }
            Some("error") => IqKind::Error(
                head.find("error", ns::CLIENT)
                    .map_or_else(StanzaError::undefined_condition, StanzaError::read),
            ),
            Some(_) => {
                return Err(FrameErrorKind::BadAttribute { element: "iq", attribute: "type" });
            }
            None => {
                return Err(FrameErrorKind::MissingAttribute { element: "iq", attribute: "type" });
            }
        };
        Ok(Self {
            id: head.owned("id"),
            from: address(head, "from")?,
            to: receiver(head, skipped),
            kind,
        })
    }

    pub(super) fn write(&self) -> Element<'_> {
        let (kind, child) = match &self.kind {
            IqKind::Get(payload) => ("get", payload.write()),
            IqKind::Set(payload) => ("set", payload.write()),
            IqKind::Result(payload) => ("result", payload.as_ref().and_then(Payload::write)),
            IqKind::Error(error) => ("error", Some(error.write())),
        };
        stanza("iq", &self.id, &self.from, &self.to).attr("type", kind).children(child)
    }
}

/// The element that a request carries, exactly one (RFC 6120 section 8.2.3). Of several the first
/// counts that is known.
fn request<X: Extension>(iq: ElementRef<'_>, skipped: &mut Skipped) -> Payload<X> {
    let mut elements = iq.elements();
    let Some(first) = elements.next() else {
        return Payload::malformed("iq", "a request without an element");
    };
    let mut request = Payload::read(first, skipped);
    for other in elements {
        skipped.add(format_args!("{}[{}]: one too many", name_of(other.name()), iq.ordinal(other)));
        if matches!(request, Payload::Unknown(_)) {
            request = Payload::read(other, skipped);
        }
    }
    request
}

/// A message: session messages, events, anything that wants no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<X> {
    /// Often absent.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The receiver.
    pub to: Option<Jid>,
    /// The type; mostly absent (wire notes 5).
    pub kind: Option<String>,
    /// Its payloads.
    pub payloads: Vec<Payload<X>>,
}

impl<X> Default for Message<X> {
    fn default() -> Self {
        Self { id: None, from: None, to: None, kind: None, payloads: Vec::new() }
    }
}

impl<X: Extension> Message<X> {
    /// A message without type and id.
    #[must_use]
    pub fn to(to: Jid, payload: Payload<X>) -> Self {
        Self { to: Some(to), payloads: vec![payload], ..Self::default() }
    }

    /// Sets the sender.
    #[must_use]
    pub fn with_from(mut self, from: Jid) -> Self {
        self.from = Some(from);
        self
    }

    /// Sets the id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    pub(super) fn read(
        head: ElementRef<'_>,
        skipped: &mut Skipped,
    ) -> Result<Self, FrameErrorKind> {
        Ok(Self {
            id: head.owned("id"),
            from: address(head, "from")?,
            to: receiver(head, skipped),
            kind: head.owned("type"),
            payloads: head.elements().map(|e| Payload::read(e, skipped)).collect(),
        })
    }

    pub(super) fn write(&self) -> Element<'_> {
        stanza("message", &self.id, &self.from, &self.to)
            .maybe("type", self.kind.as_ref())
            .children(self.payloads.iter().filter_map(Payload::write))
    }
}

/// Presence; the service uses it only to say that a peer is gone, a client to join a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence<X> {
    /// Often absent.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The receiver.
    pub to: Option<Jid>,
    /// The type, for instance `unavailable` (wire notes 6.11).
    pub kind: Option<String>,
    /// Its payloads.
    pub payloads: Vec<Payload<X>>,
}

impl<X> Default for Presence<X> {
    fn default() -> Self {
        Self { id: None, from: None, to: None, kind: None, payloads: Vec::new() }
    }
}

impl<X: Extension> Presence<X> {
    pub(super) fn read(
        head: ElementRef<'_>,
        skipped: &mut Skipped,
    ) -> Result<Self, FrameErrorKind> {
        Message::read(head, skipped).map(|Message { id, from, to, kind, payloads }| Self {
            id,
            from,
            to,
            kind,
            payloads,
        })
    }

    pub(super) fn write(&self) -> Element<'_> {
        stanza("presence", &self.id, &self.from, &self.to)
            .maybe("type", self.kind.as_ref())
            .children(self.payloads.iter().filter_map(Payload::write))
    }
}

/// An address; an empty one counts as absent (wire notes 1.6).
pub(super) fn address(
    head: ElementRef<'_>,
    attribute: &'static str,
) -> Result<Option<Jid>, FrameErrorKind> {
    head.attribute(attribute)
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(|error| FrameErrorKind::BadJid { attribute, error }))
        .transpose()
}

/// The receiver: nobody decides by it, so that one that cannot be read is none.
fn receiver(head: ElementRef<'_>, skipped: &mut Skipped) -> Option<Jid> {
    address(head, "to").unwrap_or_else(|error| {
        skipped.add(error);
        None
    })
}

fn stanza(
    name: &'static str,
    id: &Option<String>,
    from: &Option<Jid>,
    to: &Option<Jid>,
) -> Element<'static> {
    Element::new(name, ns::CLIENT)
        .maybe("id", id.as_ref())
        .maybe("from", from.as_ref().map(Jid::as_str))
        .maybe("to", to.as_ref().map(Jid::as_str))
}

/// A child element of a stanza, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<X> {
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
    /// An element of what stands above XMPP: a specification besides, or the service's own.
    Extension(X),
    /// A received carbon. Only one from the user's own bare address may be believed.
    Carbon(Box<Message<X>>),
    /// A known element that cannot be used.
    Malformed {
        /// Its name, or `iq` for a request that does not carry exactly one element.
        element: String,
        /// The fault; never its content.
        error: String,
    },
    /// An element that nobody here knows.
    Unknown(Element<'static>),
}

impl<X: Extension> Payload<X> {
    fn malformed(element: &str, error: impl Into<String>) -> Self {
        Self::Malformed { element: element.to_owned(), error: error.into() }
    }

    /// A child of a stanza; what cannot be read in it, and is not needed, is noted.
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Self {
        let read = match (e.namespace(), e.name()) {
            (ns::BIND, "bind") => read_bind(e),
            (ns::SESSION, "session") => Ok(Self::Session),
            (ns::PING, "ping") => Ok(Self::Ping),
            (ns::PUBSUB, "pubsub") => PubSub::read(e).map(Self::PubSub),
            (ns::PUBSUB_EVENT, "event") => PubSubEvent::read(e, skipped).map(Self::PubSubEvent),
            (ns::EXTERNAL_SERVICES, "services") => {
                Ok(Self::Services(Services::read(e, ServicesForm::First)))
            }
            (ns::EXTERNAL_SERVICES_2, "services") => {
                Ok(Self::Services(Services::read(e, ServicesForm::List)))
            }
            (ns::EXTERNAL_SERVICES_2, "credentials") => {
                Ok(Self::Services(Services::read(e, ServicesForm::Credentials)))
            }
            (ns::DISCO_INFO, "query") => Ok(Self::DiscoInfo(DiscoInfo::read(e))),
            (ns::VERSION, "query") => Ok(Self::Version(Version::read(e))),
            (ns::CARBONS, "received") => read_carbon(e, skipped),
            _ => match X::read(e, skipped) {
                Some(read) => read.map(Self::Extension),
                None => return Self::Unknown(e.into()),
            },
        };
        read.unwrap_or_else(|error| Self::malformed(e.name(), error))
    }

    fn write(&self) -> Option<Element<'_>> {
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
            Self::Extension(extension) => extension.write(),
            Self::Carbon(message) => Element::new("received", ns::CARBONS)
                .child(Element::new("forwarded", ns::FORWARD).child(message.write())),
            Self::Malformed { .. } => return None,
            Self::Unknown(element) => element.clone(),
        })
    }
}

fn read_bind<X>(bind: ElementRef<'_>) -> Result<Payload<X>, String> {
    let text = |name| bind.find(name, ns::BIND).map(|e| e.content().trim().to_owned());
    let jid = text("jid").map(|jid| jid.parse()).transpose();
    Ok(Payload::Bind {
        resource: text("resource").filter(|resource| !resource.is_empty()),
        jid: jid.map_err(|error| format!("<jid>: {error}"))?,
    })
}

/// XEP-0280: the message inside a carbon. Nesting is bounded by the depth of the frame.
fn read_carbon<X: Extension>(
    carbon: ElementRef<'_>,
    skipped: &mut Skipped,
) -> Result<Payload<X>, String> {
    let message = carbon
        .find("forwarded", ns::FORWARD)
        .and_then(|forwarded| forwarded.find("message", ns::CLIENT))
        .ok_or_else(|| "no forwarded message".to_owned())?;
    match Message::read(message, skipped) {
        Ok(message) => Ok(Payload::Carbon(message.into())),
        Err(error) => Err(error.to_string()),
    }
}
