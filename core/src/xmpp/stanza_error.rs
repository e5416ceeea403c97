//! Stanza errors (RFC 6120 section 8.3) and those that wire notes 6 and 10 name.

use std::fmt;

use super::stream::{read_condition, write_condition};
use super::{Element, ElementRef, ns};
use crate::plain;
use crate::plain::Shown;

/// `<error/>` inside a stanza of type `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// The kind: what the sender may do about it.
    pub kind: ErrorType,
    /// The defined condition, for instance `service-unavailable`.
    pub condition: String,
    /// An explanation for people.
    pub text: Option<String>,
    /// The application's own condition.
    pub application: Option<Application>,
}

/// An application-specific condition: an empty element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The element's name.
    pub name: String,
    /// The element's namespace.
    pub namespace: String,
}

/// The kind of a stanza error, by what the sender of the failed stanza may do (RFC 6120 section
/// 8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// Try again with credentials.
    Auth,
    /// Do not try again.
    Cancel,
    /// A warning; go on.
    Continue,
    /// Try again with other data.
    Modify,
    /// Try again later.
    Wait,
}

impl ErrorType {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }
}

impl From<&str> for ErrorType {
    /// The type of a name; an unknown one reads as [`ErrorType::Cancel`]: trying again would not
    /// help.
    fn from(name: &str) -> Self {
        match name {
            "auth" => Self::Auth,
            "continue" => Self::Continue,
            "modify" => Self::Modify,
            "wait" => Self::Wait,
            _ => Self::Cancel,
        }
    }
}

impl StanzaError {
    /// An error with a defined condition only.
    #[must_use]
    pub fn new(kind: ErrorType, condition: &str) -> Self {
        Self { kind, condition: condition.to_owned(), text: None, application: None }
    }

    /// Adds an explanation.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    fn jingle(mut self, name: &str) -> Self {
        self.application =
            Some(Application { name: name.to_owned(), namespace: ns::JINGLE_ERRORS.to_owned() });
        self
    }

    /// The answer to an iq that is not understood (wire notes 10.1), or to a session of another
    /// peer (wire notes 6.2).
    #[must_use]
    pub fn service_unavailable() -> Self {
        Self::new(ErrorType::Cancel, "service-unavailable")
    }

    /// The answer to an iq that is no valid request (wire notes 10.1).
    #[must_use]
    pub fn bad_request() -> Self {
        Self::new(ErrorType::Modify, "bad-request")
    }

    /// The answer to a Jingle action that cannot be served (wire notes 6.2 and 6.9): as
    /// [`Self::bad_request`], but of type `cancel`.
    #[must_use]
    pub fn jingle_bad_request() -> Self {
        Self::new(ErrorType::Cancel, "bad-request")
    }

    /// The error `item-not-found`: nobody or nothing of that name.
    #[must_use]
    pub fn item_not_found() -> Self {
        Self::new(ErrorType::Cancel, "item-not-found")
    }

    /// The answer to a Jingle action for a session that is not there (wire notes 6.6 and 6.9).
    #[must_use]
    pub fn item_not_found_unknown_session() -> Self {
        Self::item_not_found().jingle("unknown-session")
    }

    /// The answer to a Jingle action that does not fit the session's state (wire notes 6.2 and
    /// 6.9).
    #[must_use]
    pub fn out_of_order() -> Self {
        Self::new(ErrorType::Cancel, "unexpected-request").jingle("out-of-order")
    }

    /// The answer to the second of two sessions for one purpose; the other one goes on (wire notes
    /// 6.2).
    #[must_use]
    pub fn tie_break() -> Self {
        Self::new(ErrorType::Cancel, "conflict").jingle("tie-break")
    }

    /// The answer to `description-info` or `security-info` (wire notes 6.9).
    #[must_use]
    pub fn unsupported_info() -> Self {
        Self::new(ErrorType::Modify, "feature-not-implemented").jingle("unsupported-info")
    }

    /// The answer to a description that could not be applied (wire notes 6.2).
    #[must_use]
    pub fn undefined_condition() -> Self {
        Self::new(ErrorType::Cancel, "undefined-condition")
    }

    /// The answer to a request that is not permitted to this user.
    #[must_use]
    pub fn not_allowed() -> Self {
        Self::new(ErrorType::Cancel, "not-allowed")
    }

    /// The answer to too many stanzas (wire notes 6.10).
    #[must_use]
    pub fn resource_constraint() -> Self {
        Self::new(ErrorType::Wait, "resource-constraint")
    }

    /// True for Jingle's `unknown-session`: the peer has no such session (wire notes 6.10).
    #[must_use]
    pub fn is_unknown_session(&self) -> bool {
        self.is_jingle("unknown-session")
    }

    /// True for Jingle's `tie-break` (wire notes 6.10).
    #[must_use]
    pub fn is_tie_break(&self) -> bool {
        self.is_jingle("tie-break")
    }

    fn is_jingle(&self, name: &str) -> bool {
        self.application
            .as_ref()
            .is_some_and(|own| own.namespace == ns::JINGLE_ERRORS && own.name == name)
    }

    pub(super) fn read(error: ElementRef<'_>) -> Self {
        let (condition, text) = read_condition(error, ns::STANZAS);
        Self {
            kind: error.attribute("type").unwrap_or_default().into(),
            condition,
            text,
            application: error.elements().find(|e| e.namespace() != ns::STANZAS).map(|e| {
                Application { name: e.name().to_owned(), namespace: e.namespace().to_owned() }
            }),
        }
    }

    pub(super) fn write(&self) -> Element<'_> {
        let error = Element::new("error", ns::CLIENT).attr("type", self.kind.as_str());
        write_condition(error, &self.condition, &self.text, ns::STANZAS)
            .children(self.application.as_ref().map(|own| Element::new(&own.name, &own.namespace)))
    }
}

impl std::error::Error for StanzaError {}

/// The error in [`plain`] words.
impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.condition).fmt(f)?;
        if let Some(own) = &self.application {
            write!(f, " ({})", Shown(&own.name))?;
        }
        match &self.text {
            Some(text) => write!(f, ": {}", plain(text)),
            None => Ok(()),
        }
    }
}
