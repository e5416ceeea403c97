//! Errors of a client: their kind, the party at fault, their subject and their cause.

mod cause;
mod fault;
mod kind;

use std::fmt;
use std::time::Duration;

pub use cause::{Cause, Complaint};
pub use fault::Fault;
pub use kind::ErrorKind;

use super::ids::{ConversationId, SessionId};
use crate::machine::{NetError, NetErrorKind};
use crate::plain;
use crate::rest::{Failure, FailureKind, Refusal};

/// The reason why something did not work.
///
/// Nothing of it needs to be read as text: [`Error::fault`] tells who has to change something,
/// `kind` what kind of failure it is, the rest what the service said and what it is about.
///
/// ```
/// use offhook::genesys::{Error, Fault};
///
/// fn advice(error: &Error) -> String {
///     match error.fault() {
///         Fault::Access if error.is_missing_permission() => "ask your administrator".to_owned(),
///         Fault::Access => "log in again".to_owned(),
///         Fault::Network => "is the cable in?".to_owned(),
///         Fault::Service => match (error.service_code(), error.retry_after()) {
///             (_, Some(wait)) => format!("again in {} s", wait.as_secs()),
///             (code, None) => code.unwrap_or("no idea").to_owned(),
///         },
///         _ => error.message.clone(),
///     }
/// }
/// assert_eq!(advice(&Error::closed()), "the client is closed");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The kind of failure, to act on.
    pub kind: ErrorKind,
    /// The failure in words, to show, with what the service says about it. Without secrets and
    /// control characters, at most 1 KiB.
    pub message: String,
    about: Option<Box<About>>,
}

/// The subject and the cause of an error. Boxed: results are moved often, and errors are rare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct About {
    conversation: Option<ConversationId>,
    session: Option<SessionId>,
    cause: Option<Cause>,
}

/// The conversation and the session that an error or a command is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) session: Option<SessionId>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

/// Shown without the parts that are missing.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Error");
        shown.field("kind", &self.kind).field("message", &self.message);
        if let Some(conversation) = self.conversation() {
            shown.field("conversation", conversation);
        }
        if let Some(session) = self.session() {
            shown.field("session", session);
        }
        if let Some(cause) = self.cause() {
            shown.field("cause", cause);
        }
        shown.finish()
    }
}

/// The source is what [`Error::cause`] holds. It is to be matched on: the message tells it already.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(Cause::as_error)
    }
}

impl Error {
    /// An error of this kind, explained, in [`plain`] words.
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: plain(message.as_ref()).into_owned(), about: None }
    }

    /// The party who has to change something before it can be better.
    #[must_use]
    pub fn fault(&self) -> Fault {
        fault::of(self.kind, self.cause())
    }

    /// The cause, where it is more than the message tells.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        self.about.as_ref()?.cause.as_ref()
    }

    /// The conversation concerned.
    #[must_use]
    pub fn conversation(&self) -> Option<&ConversationId> {
        self.about.as_ref()?.conversation.as_ref()
    }

    /// The media session concerned.
    #[must_use]
    pub fn session(&self) -> Option<&SessionId> {
        self.about.as_ref()?.session.as_ref()
    }

    /// The HTTP status, where the service refused a request or a WebSocket by one (wire notes 8).
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let cause = self.cause()?;
        if let Cause::Network(NetError { kind: NetErrorKind::Refused(status), .. }) = cause {
            return Some(*status);
        }
        cause.refusal().map(|refusal| refusal.status)
    }

    /// The service's name for the reason: `code` of an error body, the condition of an error in
    /// XMPP (RFC 6120 sections 4.9.3, 6.5 and 8.3.3), the code of a complaint about a call.
    #[must_use]
    pub fn service_code(&self) -> Option<&str> {
        self.cause()?.code()
    }

    /// The service's reason in words, at most [`Refusal::MAX_TEXT`] bytes.
    #[must_use]
    pub fn service_message(&self) -> Option<&str> {
        self.cause()?.message()
    }

    /// The time that the service wants to be left alone (`Retry-After`, RFC 9110 section 10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.cause()?.refusal()?.retry_after
    }

    /// True if the user lacks a permission: another token of the same user's is no better. A login
    /// that is refused with 403 is about the token instead ([`ErrorKind::InvalidToken`], API-6).
    #[must_use]
    pub fn is_missing_permission(&self) -> bool {
        let refused = self.cause().and_then(Cause::refusal);
        refused.is_some_and(|refusal| refusal.status == 403) && self.kind != ErrorKind::InvalidToken
    }

    /// The error, about a call unless it is known to be about another: for what a runtime says of
    /// one.
    #[must_use]
    pub fn of_call(self, conversation: &ConversationId) -> Self {
        self.about(&Subject::conversation(conversation))
    }

    /// The error that a runtime reports when the machine is gone before the command completed.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(ErrorKind::Cancelled, "the client is closed")
    }

    /// The error that a runtime reports when a command completed with an outcome of another
    /// command.
    #[must_use]
    pub fn unexpected(outcome: &impl fmt::Debug) -> Self {
        Self::new(ErrorKind::Internal, format!("unexpected outcome {outcome:?}"))
    }

    /// The same as another kind.
    pub(crate) fn of_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// The same with a cause.
    pub(crate) fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        self.about.get_or_insert_default().cause = Some(cause.into());
        self
    }

    /// The error of media, or of its description, that cannot be used.
    pub(crate) fn media(error: impl Into<crate::media::MediaError>) -> Self {
        let error = error.into();
        Self::new(ErrorKind::Media, error.to_string()).caused_by(error)
    }

    /// The same about a subject, unless it is known to be about another.
    pub(crate) fn about(mut self, subject: &Subject) -> Self {
        if subject.conversation.is_some() || subject.session.is_some() {
            let about = self.about.get_or_insert_default();
            if about.conversation.is_none() {
                about.conversation.clone_from(&subject.conversation);
            }
            if about.session.is_none() {
                about.session.clone_from(&subject.session);
            }
        }
        self
    }

    /// The error as it may be shown: each text that may quote a peer is made fit by `show`.
    ///
    /// What the message quotes of the service is shown as where it stands alone: alone, it tells by
    /// its beginning what kind of document it is.
    pub(super) fn shown(mut self, show: impl Fn(&str) -> String) -> Self {
        let quoted = self.service_message().map(str::to_owned);
        if let Some(cause) = self.about.as_mut().and_then(|about| about.cause.as_mut()) {
            for text in cause.texts() {
                *text = show(text);
            }
        }
        let parts = quoted.as_deref().and_then(|quoted| self.message.rsplit_once(quoted));
        self.message = match parts {
            Some((before, after)) => {
                let said = self.service_message().unwrap_or_default();
                format!("{}{said}{}", show(before), show(after))
            }
            None => show(&self.message),
        };
        self
    }
}

impl Subject {
    pub(crate) fn conversation(id: &ConversationId) -> Self {
        Self { conversation: Some(id.clone()), session: None }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match &failure.kind {
            FailureKind::Refused(Refusal { status: 401, .. }) => ErrorKind::InvalidToken,
            FailureKind::Refused(Refusal { status, .. }) => ErrorKind::Http(*status),
            FailureKind::Network(error) if error.kind == NetErrorKind::Timeout => {
                ErrorKind::Timeout
            }
            FailureKind::Network(_) => ErrorKind::Network,
            FailureKind::Answer(_) => ErrorKind::Protocol,
            FailureKind::Unmade(_) => ErrorKind::InvalidOptions,
        };
        Self::new(kind, failure.to_string()).caused_by(failure)
    }
}

impl Error {
    /// The error of a failed login (API-6): the token is no good, or this.
    pub(crate) fn of_login(failure: Failure, other: Option<ErrorKind>) -> Self {
        let unauthorized = is_unauthorized(&failure);
        let error = Self::from(failure);
        let kind = if unauthorized { ErrorKind::InvalidToken } else { other.unwrap_or(error.kind) };
        error.of_kind(kind)
    }
}

/// True if the token is not accepted for a login (wire notes 3.3). Of any other request only 401
/// says so; 403 says that the user may not do it.
pub(crate) fn is_unauthorized(failure: &Failure) -> bool {
    matches!(failure.status(), Some(401 | 403))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use serde_json::json;

    use super::*;
    use crate::genesys::timing::Timing;
    use crate::genesys::wire::requests::{policy, user};
    use crate::machine::NetError;
    use crate::rest::{Answered, Question, Questions, Retry};

    fn read(
        result: Result<http::Response<Vec<u8>>, NetError>,
    ) -> Result<serde_json::Value, Failure> {
        let mut questions = Questions::new(policy(&Timing::default()));
        questions.send(crate::machine::HttpId(1), Question::new((), user(), Retry::No));
        match questions.take(crate::machine::HttpId(1), result, crate::testing::epoch()) {
            Some(Answered::Ended((), result)) => result,
            Some(Answered::Again(..) | Answered::Elsewhere(_)) | None => panic!("not asked again"),
        }
    }

    fn response(status: u16, retry: Option<&str>, body: &str) -> http::Response<Vec<u8>> {
        let mut r = http::Response::builder().status(status);
        if let Some(retry) = retry {
            r = r.header("Retry-After", retry);
        }
        r.body(body.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn wire_3_3_and_8_7_statuses_become_typed_failures() {
        let policy = policy(&Timing::default());
        let fail = |status, retry| read(Ok(response(status, retry, ""))).unwrap_err();
        assert!(is_unauthorized(&fail(401, None)) && is_unauthorized(&fail(403, None)));
        assert!(!policy.passes(&fail(401, None)));
        assert_eq!(fail(429, Some("3")).retry_after(), Some(Duration::from_secs(3)));
        assert!(policy.passes(&fail(500, None)) && !policy.passes(&fail(404, None)));
        assert!(policy.passes(&fail(404, Some("1"))), "Retry-After wins whatever the status");
        let lost = NetError::new(NetErrorKind::Lost, "reset");
        assert!(policy.passes(&read(Err(lost)).unwrap_err()));
        let odd = read(Ok(response(200, None, "<html>"))).unwrap_err();
        assert_eq!(Error::from(odd).kind, ErrorKind::Protocol);
        assert_eq!(read(Ok(response(202, None, " "))).unwrap(), serde_json::Value::Null);
    }

    #[test]
    fn wire_8_what_the_service_says_of_a_refusal_is_kept_and_each_part_costs_only_itself() {
        let of = |status, retry, body: &str| {
            let failure = read(Ok(response(status, retry, body))).unwrap_err();
            Error::from(failure)
        };
        let error = of(409, Some("7"), r#"{"code":"c.d","message":"No\u00fc.","status":409}"#);
        assert_eq!(error.status(), Some(409));
        assert_eq!(error.service_code(), Some("c.d"));
        assert_eq!(error.service_message(), Some("No\u{fc}."));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        let shown = "HTTP 409: GET users/me: status 409: c.d: No\u{fc}.: retry after 7 s";
        assert_eq!(error.to_string(), shown);
        let failure: &Failure = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!(failure.refusal().unwrap().code.as_deref(), Some("c.d"));
        for (body, code, message) in [
            ("", None, None),
            ("<html>", None, None),
            ("[]", None, None),
            (r#"{"code":7,"message":"m"}"#, None, Some("m")),
            (r#"{"code":"c","message":{"x":1}}"#, Some("c"), None),
            (r#"{"code":" ","message":null}"#, None, None),
        ] {
            let error = of(500, Some("soon"), body);
            assert_eq!(error.service_code(), code, "{body}");
            assert_eq!(error.service_message(), message, "{body}");
            assert_eq!(error.retry_after(), None);
        }
        let long = json!({"message": "\u{e9} ".repeat(9000)}).to_string();
        let error = of(400, None, &long);
        let kept = error.service_message().unwrap();
        assert!(kept.len() <= Refusal::MAX_TEXT && kept.ends_with("\u{e9}…"), "cut between words");
    }

    #[test]
    fn an_error_is_small_and_equal_to_its_like() {
        assert!(size_of::<Error>() <= 40, "{}", size_of::<Error>());
        let lost = || Error::new(ErrorKind::Network, "x");
        let about = Subject::conversation(&"C1".into());
        assert_eq!(lost().about(&about), lost().about(&about));
        assert_ne!(lost().about(&about), lost());
        let shown = format!("{:?}", lost().about(&about));
        assert_eq!(
            shown,
            r#"Error { kind: Network, message: "x", conversation: ConversationId(C1) }"#
        );
    }

    #[test]
    fn api_6_a_403_is_an_invalid_token_to_a_login_and_to_nothing_else() {
        let failure = |status| read(Ok(response(status, None, r#"{"code":"x"}"#))).unwrap_err();
        assert_eq!(Error::from(failure(401)).kind, ErrorKind::InvalidToken);
        assert_eq!(Error::from(failure(403)).kind, ErrorKind::Http(403));
        assert!(Error::from(failure(403)).is_missing_permission());
        assert!(!Error::from(failure(401)).is_missing_permission());
        for (status, kind) in [
            (401, ErrorKind::InvalidToken),
            (403, ErrorKind::InvalidToken),
            (404, ErrorKind::Initialization),
        ] {
            let error = Error::of_login(failure(status), Some(ErrorKind::Initialization));
            assert_eq!(error.kind, kind);
            assert_eq!(error.service_code(), Some("x"));
            assert!(!error.is_missing_permission() && error.fault() != Fault::Application);
        }
    }
}
