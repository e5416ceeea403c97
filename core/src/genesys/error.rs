//! Errors of a client, by the documented kinds.

use std::time::Duration;

use crate::machine::NetErrorKind;
use crate::plain;
use crate::plain::plain_within;
use crate::rest::{Failure, FailureKind, Refused};
use crate::xmpp::{SaslFailure, StanzaError, StreamError};

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Error {
    /// What kind of failure, to act on.
    pub kind: ErrorKind,
    /// What happened, to show, with what the service says about it. Without secrets and control
    /// characters, at most 1 KiB.
    pub message: String,
    /// The service's own word on it, where it refused something.
    pub refusal: Option<Box<Refusal>>,
}

/// The service's own word on what went wrong: on what it refused by HTTP or by a stanza, or on a
/// call.
///
/// It is made of what came over the network; what it quotes of secrets is hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status, where a request was refused (wire notes 8).
    pub status: Option<u16>,
    /// The service's name for the reason (`code` of an error body), or the condition of an error
    /// in XMPP (RFC 6120 sections 4.9.3, 6.5 and 8.3.3).
    pub code: Option<String>,
    /// The reason in words, at most [`Refusal::MAX_TEXT`] bytes.
    pub message: Option<String>,
    /// How long the service wants to be left alone (`Retry-After`, RFC 9110 section 10.2.3).
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.status.map(|status| format!("status {status}"));
        let parts = [&status, &self.code, &self.message].into_iter().flatten();
        let wait = self.retry_after.map(|wait| format!("retry after {} s", wait.as_secs()));
        let parts: Vec<_> = parts.chain(&wait).map(String::as_str).collect();
        f.write_str(&parts.join(": "))
    }
}

impl Refusal {
    /// The longest text that is kept of a refusal, in bytes; the rest is cut off.
    pub const MAX_TEXT: usize = 512;

    /// Of a request, with what its body says, if that can be read: each part costs only itself.
    fn of_answer(status: u16, refused: &Refused) -> Self {
        let body: serde_json::Value = serde_json::from_slice(&refused.body).unwrap_or_default();
        let part = |key: &str| body[key].as_str().and_then(short);
        let (code, message) = (part("code"), part("message"));
        Self { status: Some(status), code, message, retry_after: refused.retry_after }
    }

    /// What the service calls it, and says about it.
    pub(crate) fn named(code: &str, message: Option<&str>) -> Self {
        Self { code: short(code), message: message.and_then(short), ..Self::default() }
    }
}

/// As much of a text as is kept, in [`plain`] words; none of an empty one.
fn short(text: &str) -> Option<String> {
    let text = plain_within(text.trim(), Refusal::MAX_TEXT);
    (!text.is_empty()).then(|| text.into_owned())
}

impl From<&StanzaError> for Refusal {
    fn from(error: &StanzaError) -> Self {
        Self::named(&error.condition, error.text.as_deref())
    }
}

impl From<&SaslFailure> for Refusal {
    fn from(failure: &SaslFailure) -> Self {
        Self::named(&failure.condition, failure.text.as_deref())
    }
}

impl From<&StreamError> for Refusal {
    fn from(error: &StreamError) -> Self {
        Self::named(&error.condition, error.text.as_deref())
    }
}

impl Error {
    /// An error of this kind, explained, in [`plain`] words.
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: plain(message.as_ref()).into_owned(), refusal: None }
    }

    /// With the service's own word on it.
    pub(crate) fn refused(mut self, refusal: impl Into<Refusal>) -> Self {
        self.refusal = Some(Box::new(refusal.into()));
        self
    }

    /// What a runtime reports when the machine is gone before the command completed.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(ErrorKind::Cancelled, "the client is closed")
    }

    /// What a runtime reports when a command completed with an outcome of another command.
    #[must_use]
    pub fn unexpected(outcome: &impl std::fmt::Debug) -> Self {
        Self::new(ErrorKind::Generic, format!("unexpected outcome {outcome:?}"))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Status(401) => ErrorKind::InvalidToken,
            FailureKind::Status(status) => ErrorKind::Http(status),
            FailureKind::Network(NetErrorKind::Timeout) => ErrorKind::Timeout,
            FailureKind::Network(_) => ErrorKind::Network,
            FailureKind::Body => ErrorKind::Protocol,
            FailureKind::Unmade => ErrorKind::InvalidOptions,
        };
        match (failure.kind, failure.refused) {
            (FailureKind::Status(status), Some(refused)) => {
                let refusal = Refusal::of_answer(status, &refused);
                let message = format!("{}: {refusal}", failure.message);
                Self { kind, message, refusal: Some(Box::new(refusal)) }
            }
            _ => Self { kind, message: failure.message, refusal: None },
        }
    }
}

impl Error {
    /// Why logging in failed (API-6): the token is no good, or this.
    pub(crate) fn of_login(failure: Failure, other: Option<ErrorKind>) -> Self {
        let unauthorized = is_unauthorized(&failure);
        let error = Self::from(failure);
        let kind = if unauthorized { ErrorKind::InvalidToken } else { other.unwrap_or(error.kind) };
        Self { kind, ..error }
    }
}

/// Whether a login is not for this token (wire notes 3.3). Of any other request only 401 says
/// so; 403 says that the user may not do it.
pub(crate) fn is_unauthorized(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Status(401 | 403))
}

/// Kinds of error (behaviour notes 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// None of the others.
    #[error("error")]
    Generic,
    /// Logging in failed.
    #[error("initialization failed")]
    Initialization,
    /// The token or JWT is not accepted (any more).
    #[error("invalid token")]
    InvalidToken,
    /// A request was refused, with this status. 403 is one of them, where it is not about logging
    /// in: the user may not do that.
    #[error("HTTP {0}")]
    Http(u16),
    /// The caller's mistake: an option or argument.
    #[error("invalid options")]
    InvalidOptions,
    /// This kind of session cannot do that.
    #[error("not supported")]
    NotSupported,
    /// No such session, or not in this state.
    #[error("session error")]
    Session,
    /// The service reports a problem with a call.
    #[error("call error")]
    Call,
    /// Media failed.
    #[error("media error")]
    Media,
    /// The deadline passed without an answer.
    #[error("timed out")]
    Timeout,
    /// Another command, or the end of the client, took its place.
    #[error("cancelled")]
    Cancelled,
    /// The network failed and the operation is not retried.
    #[error("network error")]
    Network,
    /// The service answered something that cannot be understood.
    #[error("protocol error")]
    Protocol,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::genesys::wire::requests::{POLICY, user};
    use crate::machine::NetError;
    use crate::rest::{Answered, Question, Questions, Retry};

    fn read(
        result: Result<http::Response<Vec<u8>>, NetError>,
    ) -> Result<serde_json::Value, Failure> {
        let mut questions = Questions::new(&POLICY);
        questions.send(crate::machine::HttpId(1), Question::new((), user(), Retry::No));
        match questions.take(crate::machine::HttpId(1), result, crate::testing::epoch()) {
            Some(Answered::Ended((), result)) => result,
            Some(Answered::Again(..)) | None => panic!("not asked again"),
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
        let fail = |status, retry| read(Ok(response(status, retry, ""))).unwrap_err();
        assert!(is_unauthorized(&fail(401, None)) && is_unauthorized(&fail(403, None)));
        assert!(!POLICY.passes(&fail(401, None)));
        assert_eq!(fail(429, Some("3")).retry_after(), Some(Duration::from_secs(3)));
        assert!(POLICY.passes(&fail(500, None)) && !POLICY.passes(&fail(404, None)));
        assert!(POLICY.passes(&fail(404, Some("1"))), "Retry-After wins whatever the status");
        let lost = NetError::new(NetErrorKind::Lost, "reset");
        assert!(POLICY.passes(&read(Err(lost)).unwrap_err()));
        let odd = read(Ok(response(200, None, "<html>"))).unwrap_err();
        assert_eq!(odd.kind, FailureKind::Body);
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
        let refusal = error.refusal.clone().unwrap();
        assert_eq!(refusal.status, Some(409));
        assert_eq!(refusal.code.as_deref(), Some("c.d"));
        assert_eq!(refusal.message.as_deref(), Some("No\u{fc}."));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
        let shown = "HTTP 409: GET users/me: status 409: c.d: No\u{fc}.: retry after 7 s";
        assert_eq!(error.to_string(), shown);
        for (body, code, message) in [
            ("", None, None),
            ("<html>", None, None),
            ("[]", None, None),
            (r#"{"code":7,"message":"m"}"#, None, Some("m")),
            (r#"{"code":"c","message":{"x":1}}"#, Some("c"), None),
            (r#"{"code":" ","message":null}"#, None, None),
        ] {
            let refusal = of(500, Some("soon"), body).refusal.unwrap();
            assert_eq!(refusal.code.as_deref(), code, "{body}");
            assert_eq!(refusal.message.as_deref(), message, "{body}");
            assert_eq!(refusal.retry_after, None);
        }
        let long = json!({"message": "\u{e9} ".repeat(9000)}).to_string();
        let kept = of(400, None, &long).refusal.unwrap().message.unwrap();
        assert!(kept.len() <= Refusal::MAX_TEXT && kept.ends_with("\u{e9}…"), "cut between words");
    }

    #[test]
    fn api_6_a_403_is_an_invalid_token_to_a_login_and_to_nothing_else() {
        let failure = |status| read(Ok(response(status, None, r#"{"code":"x"}"#))).unwrap_err();
        assert_eq!(Error::from(failure(401)).kind, ErrorKind::InvalidToken);
        assert_eq!(Error::from(failure(403)).kind, ErrorKind::Http(403));
        for (status, kind) in [
            (401, ErrorKind::InvalidToken),
            (403, ErrorKind::InvalidToken),
            (404, ErrorKind::Initialization),
        ] {
            let error = Error::of_login(failure(status), Some(ErrorKind::Initialization));
            assert_eq!(error.kind, kind);
            assert_eq!(error.refusal.unwrap().code.as_deref(), Some("x"));
        }
    }
}
