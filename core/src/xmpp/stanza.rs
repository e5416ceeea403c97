//! The three stanzas (RFC 6120 section 8).

use super::{Element, ElementRef, FrameErrorKind, Jid, Payload, Skipped, StanzaError, name_of, ns};

/// A request or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iq {
    /// Ties an answer to its request; the service must accept requests without (wire notes 6.7).
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The receiver; without it the user's own server.
    pub to: Option<Jid>,
    /// What it asks or answers.
    pub kind: IqKind,
}

/// The type of an iq with what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IqKind {
    /// Asks.
    Get(Payload),
    /// Orders.
    Set(Payload),
    /// Succeeded.
    Result(Option<Payload>),
    /// Failed.
    Error(StanzaError),
}

impl Iq {
    /// A request to read; without `to` it goes to the user's own server.
    #[must_use]
    pub fn get(id: impl Into<String>, to: Option<Jid>, payload: Payload) -> Self {
        Self { id: Some(id.into()), from: None, to, kind: IqKind::Get(payload) }
    }

    /// A request to act; without `to` it goes to the user's own server.
    #[must_use]
    pub fn set(id: impl Into<String>, to: Option<Jid>, payload: Payload) -> Self {
        Self { id: Some(id.into()), from: None, to, kind: IqKind::Set(payload) }
    }

    /// The empty success of a request. `from` is left out, as a client does; a service sets it.
    #[must_use]
    pub fn result_to(request: &Self) -> Self {
        request.answer(IqKind::Result(None))
    }

    /// The success of a request, with data.
    #[must_use]
    pub fn result_with(request: &Self, payload: Payload) -> Self {
        request.answer(IqKind::Result(Some(payload)))
    }

    /// The failure of a request.
    #[must_use]
    pub fn error_to(request: &Self, error: StanzaError) -> Self {
        request.answer(IqKind::Error(error))
    }

    fn answer(&self, kind: IqKind) -> Self {
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

/// RFC 6120 section 8.2.3: a request carries exactly one element. Of several the first counts that
/// is known.
fn request(iq: ElementRef<'_>, skipped: &mut Skipped) -> Payload {
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Often absent.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The receiver.
    pub to: Option<Jid>,
    /// The type; mostly absent (wire notes 5).
    pub kind: Option<String>,
    /// What it carries.
    pub payloads: Vec<Payload>,
}

impl Message {
    /// A message without type and id.
    #[must_use]
    pub fn to(to: Jid, payload: Payload) -> Self {
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Often absent.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The receiver.
    pub to: Option<Jid>,
    /// The type, for instance `unavailable` (wire notes 6.11).
    pub kind: Option<String>,
    /// What it carries.
    pub payloads: Vec<Payload>,
}

impl Presence {
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
