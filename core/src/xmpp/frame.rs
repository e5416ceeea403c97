//! One WebSocket text message: one element (RFC 7395 section 3.3).

use super::document::Document;
use super::read;
use super::stanza::address;
use super::{
    Auth, Close, Element, ElementRef, Extension, Features, FrameErrorKind, Iq, IqKind, Jid,
    Message, Open, Presence, SaslFailure, Skipped, StanzaError, StreamError, ns,
};

/// One text frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<X> {
    /// The stream begins.
    Open(Open),
    /// The stream ends.
    Close(Close),
    /// The features that the service offers.
    Features(Features),
    /// A client authenticates.
    Auth(Auth),
    /// The success of SASL.
    Success,
    /// The failure of SASL.
    Failure(SaslFailure),
    /// The stream is in error.
    StreamError(StreamError),
    /// A request or its answer.
    Iq(Iq<X>),
    /// A message.
    Message(Message<X>),
    /// A presence.
    Presence(Presence<X>),
    /// An element that nobody here knows. Its content is not kept.
    Other {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
}

/// A frame that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct FrameError {
    /// The fault.
    pub kind: FrameErrorKind,
    /// The head of the iq that it is, if it is one and its start could be read.
    pub iq: Option<IqHead>,
}

/// The start of an iq whose rest is unusable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IqHead {
    /// Its id.
    pub id: Option<String>,
    /// Its sender, if that is an address.
    pub from: Option<Jid>,
    /// True for `get` and `set`, which want an answer.
    pub is_request: bool,
}

impl FrameError {
    /// The `bad-request` that answers the frame, if it is an iq that wants an answer.
    #[must_use]
    pub fn reply<X>(&self) -> Option<Iq<X>> {
        let head = self.iq.as_ref().filter(|head| head.is_request)?;
        Some(Iq {
            id: Some(head.id.clone()?),
            from: None,
            to: head.from.clone(),
            kind: IqKind::Error(StanzaError::bad_request()),
        })
    }
}

impl<X: Extension> Frame<X> {
    /// Reads a text message.
    ///
    /// # Errors
    ///
    /// It is not one well-formed element within the bounds, or a stanza whose own attributes are
    /// unusable. What is wrong deeper inside a stanza is a [`super::Payload::Malformed`] instead.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        Self::read(text).map(|(frame, _)| frame)
    }

    /// Reads a text message, and says what was left out of it because it could not be used.
    ///
    /// # Errors
    ///
    /// As [`Frame::parse`].
    pub fn read(text: &str) -> Result<(Self, Skipped), FrameError> {
        let mut skipped = Skipped::default();
        let mut document = Document::default();
        let read = read::read(text, &mut document);
        let head = document.root();
        read.and_then(|()| Self::of(head.ok_or(FrameErrorKind::NotAnElement)?, &mut skipped))
            .map(|frame| (frame, skipped))
            .map_err(|kind| FrameError { kind, iq: head.and_then(IqHead::of) })
    }

    fn of(head: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, FrameErrorKind> {
        let frame = match (head.namespace(), head.name()) {
            (ns::CLIENT, "iq") => Self::Iq(Iq::read(head, skipped)?),
            (ns::CLIENT, "message") => Self::Message(Message::read(head, skipped)?),
            (ns::CLIENT, "presence") => Self::Presence(Presence::read(head, skipped)?),
            (ns::FRAMING, "open") => Self::Open(Open::read(head)),
            (ns::FRAMING, "close") => Self::Close(Close::read(head)),
            (ns::STREAMS, "features") => Self::Features(Features::read(head)),
            (ns::STREAMS, "error") => Self::StreamError(StreamError::read(head)),
            (ns::SASL, "success") => Self::Success,
            (ns::SASL, "failure") => Self::Failure(SaslFailure::read(head)),
            (ns::SASL, "auth") => {
                let mechanism =
                    head.owned("mechanism").ok_or(FrameErrorKind::MissingAttribute {
                        element: "auth",
                        attribute: "mechanism",
                    })?;
                Self::Auth(Auth::read(mechanism, head))
            }
            _ => {
                Self::Other { name: head.name().to_owned(), namespace: head.namespace().to_owned() }
            }
        };
        Ok(frame)
    }

    /// Writes the frame.
    ///
    /// A [`super::Payload::Malformed`] cannot be written and is left out.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let element = match self {
            Self::Open(open) => open.write(),
            Self::Close(close) => close.write(),
            Self::Features(features) => features.write(),
            Self::Auth(auth) => auth.write(),
            Self::Success => Element::new("success", ns::SASL),
            Self::Failure(failure) => failure.write(),
            Self::StreamError(error) => error.write(),
            Self::Iq(iq) => iq.write(),
            Self::Message(message) => message.write(),
            Self::Presence(presence) => presence.write(),
            Self::Other { name, namespace } => Element::new(name, namespace),
        };
        element.to_xml()
    }
}

impl IqHead {
    fn of(head: ElementRef<'_>) -> Option<Self> {
        head.is("iq", ns::CLIENT).then(|| Self {
            id: head.owned("id"),
            from: address(head, "from").unwrap_or(None),
            is_request: matches!(head.attribute("type"), Some("get" | "set")),
        })
    }
}
