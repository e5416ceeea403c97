//! Reasons why a question was not answered.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::{Explain, Resource};
use crate::machine::NetError;
use crate::plain::{json_fault, plain_within};

/// The reason why a request did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The method and the path of the request, without its query.
    pub request: String,
    /// The kind of failure.
    pub kind: FailureKind,
}

/// The kind of failure of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The service refused it.
    Refused(Refusal),
    /// The network failed.
    Network(NetError),
    /// The service was content, and its answer cannot be used.
    Answer(String),
    /// The request could not even be made.
    Unmade(String),
}

/// The service's word on a request that it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's name for the reason, as its body has it.
    pub code: Option<String>,
    /// The reason in words, at most [`Refusal::MAX_TEXT`] bytes.
    pub message: Option<String>,
    /// The time that the service wants to be left alone (`Retry-After`, RFC 9110 section 10.2.3).
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.request)?;
        match &self.kind {
            FailureKind::Refused(refusal) => refusal.fmt(f),
            FailureKind::Network(error) => error.fmt(f),
            FailureKind::Answer(fault) => write!(f, "unusable answer: {fault}"),
            FailureKind::Unmade(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            FailureKind::Network(error) => Some(error),
            FailureKind::Refused(_) | FailureKind::Answer(_) | FailureKind::Unmade(_) => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        for said in [&self.code, &self.message].into_iter().flatten() {
            write!(f, ": {said}")?;
        }
        match self.retry_after {
            Some(wait) => write!(f, ": retry after {} s", wait.as_secs()),
            None => Ok(()),
        }
    }
}

impl Refusal {
    /// The longest text that is kept of a refusal, in bytes; the rest is cut off.
    pub const MAX_TEXT: usize = 512;
}

/// The part that is kept of what a peer says of a refusal, in [`plain`](crate::plain()) words; none
/// of an empty text.
pub(crate) fn short(text: &str) -> Option<String> {
    let text = plain_within(text.trim(), Refusal::MAX_TEXT);
    (!text.is_empty()).then(|| text.into_owned())
}

impl Failure {
    /// The failure of a request that could not even be made.
    pub(super) fn unmade(resource: &Resource, why: String) -> Self {
        Self { request: resource.shown(), kind: FailureKind::Unmade(why) }
    }

    /// An answer that cannot be used.
    pub(crate) fn answer(request: &str, fault: &str) -> Self {
        Self { request: request.to_owned(), kind: FailureKind::Answer(fault.to_owned()) }
    }

    /// The service's word, if it refused the request.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            FailureKind::Refused(refusal) => Some(refusal),
            FailureKind::Network(_) | FailureKind::Answer(_) | FailureKind::Unmade(_) => None,
        }
    }

    /// The HTTP status, if the service refused the request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// The time that the service wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// True if asking again would be answered alike.
    pub(crate) fn is_final(&self) -> bool {
        match &self.kind {
            FailureKind::Refused(Refusal { status, .. }) => {
                *status < 500 && !matches!(status, 401 | 408 | 429)
            }
            FailureKind::Network(_) => false,
            FailureKind::Answer(_) | FailureKind::Unmade(_) => true,
        }
    }

    /// Turns an HTTP result into what was asked for, or into its failure.
    pub(super) fn or_body(
        resource: &Resource,
        result: Result<http::Response<Vec<u8>>, NetError>,
        explain: Explain,
    ) -> Result<Value, Self> {
        let failed = |kind| Self { request: resource.shown(), kind };
        let response = result.map_err(|error| failed(FailureKind::Network(error)))?;
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            let wait = parts.headers.get(http::header::RETRY_AFTER);
            let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let said = explain(&body);
            return Err(failed(FailureKind::Refused(Refusal {
                status: parts.status.as_u16(),
                code: said.code.as_deref().and_then(short),
                message: said.message.as_deref().and_then(short),
                retry_after: said.retry_after.or_else(|| wait.map(Duration::from_secs)),
            })));
        }
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body)
            .map_err(|error| failed(FailureKind::Answer(json_fault(&error))))
    }

    /// Reads what is used of an answer.
    pub(crate) fn or_parsed<T: serde::de::DeserializeOwned>(
        request: &str,
        body: Value,
    ) -> Result<T, Self> {
        serde_json::from_value(body).map_err(|error| Self::answer(request, &json_fault(&error)))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::machine::NetErrorKind;
    use crate::rest::Said;

    fn of(status: u16, retry: Option<&str>, body: &str) -> Result<Value, Failure> {
        let mut response = http::Response::builder().status(status);
        if let Some(retry) = retry {
            response = response.header("Retry-After", retry);
        }
        let response = response.body(body.as_bytes().to_vec()).unwrap();
        let explain = |body: &[u8]| {
            let code = Some(String::from_utf8_lossy(body).into_owned());
            Said { code, message: Some(" ".repeat(9)), retry_after: None }
        };
        Failure::or_body(
            &Resource::new(Method::GET, "users/me?expand=x", None),
            Ok(response),
            explain,
        )
    }

    #[test]
    fn a_refusal_keeps_its_status_its_pause_and_what_the_service_says_in_its_body() {
        let failure = of(409, Some("7"), "c.d").unwrap_err();
        assert_eq!(failure.status(), Some(409));
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
        let refusal = failure.refusal().unwrap();
        assert_eq!((refusal.code.as_deref(), &refusal.message), (Some("c.d"), &None));
        assert_eq!(failure.request, "GET users/me", "no query");
        assert_eq!(failure.to_string(), "GET users/me: status 409: c.d: retry after 7 s");
        assert_eq!(of(500, Some("soon"), "").unwrap_err().retry_after(), None);
        let long = of(400, None, &"\u{e9} ".repeat(9000)).unwrap_err();
        let kept = long.refusal().unwrap().code.clone().unwrap();
        assert!(kept.len() <= Refusal::MAX_TEXT && kept.ends_with("\u{e9}…"), "cut between words");
    }

    #[test]
    fn an_empty_answer_is_null_and_one_that_is_no_json_a_failure() {
        assert_eq!(of(202, None, " "), Ok(Value::Null));
        assert_eq!(of(200, None, "[1]"), Ok(serde_json::json!([1])));
        let odd = of(200, None, "<html>").unwrap_err();
        assert!(matches!(odd.kind, FailureKind::Answer(_)) && odd.is_final());
    }

    #[test]
    fn what_the_network_did_is_its_source() {
        use std::error::Error as _;
        let lost = NetError::new(NetErrorKind::Lost, "reset");
        let resource = Resource::new(Method::GET, "x", None);
        let explain = |_: &[u8]| Said::default();
        let failure = Failure::or_body(&resource, Err(lost.clone()), explain).unwrap_err();
        assert_eq!(failure.source().unwrap().downcast_ref(), Some(&lost));
        assert_eq!(failure.to_string(), "GET x: connection lost: reset");
    }
}
