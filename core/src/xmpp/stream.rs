//! Frames outside stanzas: framing (RFC 7395), features, SASL, stream errors (RFC 6120).

use std::fmt;

use super::{Element, ElementRef, ns};
use crate::Secret;
use crate::plain;
use crate::plain::Shown;

/// `<open/>`: a stream begins, or begins anew after SASL (RFC 7395 section 3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// The domain that the client wants.
    pub to: Option<String>,
    /// The answering host; the service says `hawk`.
    pub from: Option<String>,
    /// The service's id of the connection.
    pub id: Option<String>,
    /// `1.0`.
    pub version: Option<String>,
    /// `xml:lang`.
    pub lang: Option<String>,
}

impl Open {
    /// A client's opening (wire notes 1.4).
    #[must_use]
    pub fn client(domain: &str) -> Self {
        Self {
            to: Some(domain.to_owned()),
            version: Some("1.0".to_owned()),
            lang: Some("en".to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn read(head: ElementRef<'_>) -> Self {
        Self {
            to: head.owned("to"),
            from: head.owned("from"),
            id: head.owned("id"),
            version: head.owned("version"),
            lang: head.owned("xml:lang"),
        }
    }

    pub(super) fn write(&self) -> Element<'_> {
        Element::new("open", ns::FRAMING)
            .maybe("to", self.to.as_ref())
            .maybe("from", self.from.as_ref())
            .maybe("id", self.id.as_ref())
            .maybe("version", self.version.as_ref())
            .maybe("xml:lang", self.lang.as_ref())
    }
}

/// `<close/>`: the stream ends (RFC 7395 section 3.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The address where the peer would have us connect instead.
    pub see_other_uri: Option<String>,
}

impl Close {
    pub(super) fn read(head: ElementRef<'_>) -> Self {
        Self { see_other_uri: head.owned("see-other-uri") }
    }

    pub(super) fn write(&self) -> Element<'_> {
        Element::new("close", ns::FRAMING).maybe("see-other-uri", self.see_other_uri.as_ref())
    }
}

/// The features that the service offers next (RFC 6120 section 4.3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// SASL mechanisms; empty after authentication.
    pub mechanisms: Vec<String>,
    /// Resource binding is offered.
    pub bind: bool,
    /// Session establishment.
    pub session: SessionFeature,
    /// Stream management (XEP-0198) is offered.
    pub stream_management: bool,
}

/// The offer of a session, which may have to be asked for after binding (wire notes 1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionFeature {
    /// Not offered.
    #[default]
    Absent,
    /// Offered with `<optional/>`: not needed.
    Optional,
    /// Offered: needed.
    Required,
}

impl Features {
    pub(super) fn read(head: ElementRef<'_>) -> Self {
        let mut features = Self::default();
        for feature in head.elements() {
            if feature.is("mechanisms", ns::SASL) {
                features.mechanisms = feature
                    .named("mechanism", ns::SASL)
                    .map(|m| m.content().trim().to_owned())
                    .collect();
            } else if feature.is("bind", ns::BIND) {
                features.bind = true;
            } else if feature.is("session", ns::SESSION) {
                features.session = match feature.find("optional", ns::SESSION) {
                    Some(_) => SessionFeature::Optional,
                    None => SessionFeature::Required,
                };
            } else if feature.is("sm", ns::STREAM_MANAGEMENT) {
                features.stream_management = true;
            }
        }
        features
    }

    pub(super) fn write(&self) -> Element<'_> {
        let mut features = Element::new("features", ns::STREAMS);
        if !self.mechanisms.is_empty() {
            features = features.child(Element::new("mechanisms", ns::SASL).children(
                self.mechanisms.iter().map(|m| Element::new("mechanism", ns::SASL).text(m)),
            ));
        }
        if self.bind {
            features = features.child(Element::new("bind", ns::BIND));
        }
        let session = Element::new("session", ns::SESSION);
        features = match self.session {
            SessionFeature::Absent => features,
            SessionFeature::Optional => {
                features.child(session.child(Element::new("optional", ns::SESSION)))
            }
            SessionFeature::Required => features.child(session),
        };
        if self.stream_management {
            features = features.child(Element::new("sm", ns::STREAM_MANAGEMENT));
        }
        features
    }
}

/// `<auth/>`: a mechanism with its initial response; see [`super::sasl`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The mechanism's registered name.
    pub mechanism: String,
    /// The initial response in base64, or `=` for an empty one.
    pub payload: Secret,
}

impl Auth {
    pub(super) fn read(mechanism: String, head: ElementRef<'_>) -> Self {
        Self { mechanism, payload: Secret::new(head.content().trim()) }
    }

    pub(super) fn write(&self) -> Element<'_> {
        Element::new("auth", ns::SASL)
            .attr("mechanism", &self.mechanism)
            .text(self.payload.expose())
    }
}

/// `<failure/>`: authentication failed (RFC 6120 section 6.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaslFailure {
    /// The condition's name, for instance `not-authorized`.
    pub condition: String,
    /// An explanation for people.
    pub text: Option<String>,
}

impl std::error::Error for SaslFailure {}

/// The failure in [`plain`] words.
impl fmt::Display for SaslFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_condition(f, &self.condition, self.text.as_deref())
    }
}

impl SaslFailure {
    pub(super) fn read(head: ElementRef<'_>) -> Self {
        let (condition, text) = read_condition(head, ns::SASL);
        Self { condition, text }
    }

    pub(super) fn write(&self) -> Element<'_> {
        write_condition(Element::new("failure", ns::SASL), &self.condition, &self.text, ns::SASL)
    }
}

/// `<stream:error/>` (RFC 6120 section 4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The condition's name, for instance `policy-violation`.
    pub condition: String,
    /// An explanation for people.
    pub text: Option<String>,
}

impl std::error::Error for StreamError {}

/// The error in [`plain`] words.
impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_condition(f, &self.condition, self.text.as_deref())
    }
}

impl StreamError {
    pub(super) fn read(head: ElementRef<'_>) -> Self {
        let (condition, text) = read_condition(head, ns::STREAM_ERRORS);
        Self { condition, text }
    }

    pub(super) fn write(&self) -> Element<'_> {
        let error = Element::new("error", ns::STREAMS);
        write_condition(error, &self.condition, &self.text, ns::STREAM_ERRORS)
    }
}

/// A condition and its explanation, for people.
fn show_condition(f: &mut fmt::Formatter<'_>, condition: &str, text: Option<&str>) -> fmt::Result {
    write!(f, "{}", Shown(condition))?;
    match text {
        Some(text) => write!(f, ": {}", plain(text)),
        None => Ok(()),
    }
}

/// The condition of an error element, `undefined-condition` when there is none, and its text.
pub(super) fn read_condition(error: ElementRef<'_>, namespace: &str) -> (String, Option<String>) {
    let mut condition = None;
    let mut text = None;
    for e in error.elements().filter(|e| e.namespace() == namespace) {
        if e.name() == "text" {
            text = Some(e.content().into_owned());
        } else if condition.is_none() {
            condition = Some(e.name().to_owned());
        }
    }
    (condition.unwrap_or_else(|| "undefined-condition".to_owned()), text)
}

pub(super) fn write_condition<'x>(
    error: Element<'x>,
    condition: &'x str,
    text: &'x Option<String>,
    namespace: &'static str,
) -> Element<'x> {
    error
        .child(Element::new(condition, namespace))
        .children(text.as_ref().map(|text| Element::new("text", namespace).text(text.as_str())))
}
