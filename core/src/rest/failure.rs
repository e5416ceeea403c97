//! Why a question was not answered.

use std::time::Duration;

use serde_json::Value;

use super::Resource;
use crate::machine::{NetError, NetErrorKind};
use crate::plain::json_fault;

/// Why a request did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// What was asked for, and what went wrong; the service's own words are in `refused`.
    pub(crate) message: String,
    /// The answer that refused it.
    pub(crate) refused: Option<Box<Refused>>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Status(u16),
    Network(NetErrorKind),
    /// A good status with a body that cannot be used.
    Body,
    /// The request could not even be made.
    Unmade,
}

/// What came with a status that is no success.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// How long the service wants to be left alone (`Retry-After`, RFC 9110 section 10.2.3).
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// A body quotes whatever it likes.
impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refused")
            .field("retry_after", &self.retry_after)
            .field("body", &self.body.len())
            .finish()
    }
}

impl Failure {
    /// The request could not even be made.
    pub(crate) fn unmade(message: String) -> Self {
        Self { kind: FailureKind::Unmade, message, refused: None }
    }

    /// An answer whose body is of no use.
    pub(crate) fn body(what: &str, fault: &str) -> Self {
        let message = format!("{what}: unusable answer: {fault}");
        Self { kind: FailureKind::Body, message, refused: None }
    }

    /// How long the service wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.refused.as_ref()?.retry_after
    }

    /// Whether asking again would be answered alike.
    pub(crate) fn is_final(&self) -> bool {
        match self.kind {
            FailureKind::Status(401 | 408 | 429) | FailureKind::Network(_) => false,
            FailureKind::Status(status) => status < 500,
            FailureKind::Body | FailureKind::Unmade => true,
        }
    }

    /// Turns an HTTP result into what was asked for, or why not.
    pub(super) fn or_body(
        resource: &Resource,
        result: Result<http::Response<Vec<u8>>, NetError>,
    ) -> Result<Value, Self> {
        let what = || format!("{} {}", resource.method, resource.place());
        let response = result.map_err(|e| Self {
            kind: FailureKind::Network(e.kind),
            message: format!("{}: {e}", what()),
            refused: None,
        })?;
        let status = response.status();
        if !status.is_success() {
            let wait = response.headers().get(http::header::RETRY_AFTER);
            let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let retry_after = wait.map(Duration::from_secs);
            let refused = Refused { retry_after, body: response.into_body() };
            let kind = FailureKind::Status(status.as_u16());
            return Err(Self { kind, message: what(), refused: Some(Box::new(refused)) });
        }
        if response.body().iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(response.body()).map_err(|e| Self::body(&what(), &json_fault(&e)))
    }

    /// Reads what is used of an answer.
    pub(crate) fn or_parsed<T: serde::de::DeserializeOwned>(
        what: &str,
        body: Value,
    ) -> Result<T, Self> {
        serde_json::from_value(body).map_err(|e| Self::body(what, &json_fault(&e)))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn of(status: u16, retry: Option<&str>, body: &str) -> Result<Value, Failure> {
        let mut response = http::Response::builder().status(status);
        if let Some(retry) = retry {
            response = response.header("Retry-After", retry);
        }
        let response = response.body(body.as_bytes().to_vec()).unwrap();
        Failure::or_body(&Resource::new(Method::GET, "users/me?expand=x", None), Ok(response))
    }

    #[test]
    fn a_refusal_keeps_its_status_its_pause_and_its_body() {
        let failure = of(409, Some("7"), r#"{"code":"c.d"}"#).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Status(409));
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(failure.refused.as_ref().unwrap().body, br#"{"code":"c.d"}"#);
        assert_eq!(failure.message, "GET users/me", "no query");
        assert!(!format!("{failure:?}").contains("c.d"), "bodies are not shown");
        assert_eq!(of(500, Some("soon"), "").unwrap_err().retry_after(), None);
    }

    #[test]
    fn an_empty_answer_is_null_and_one_that_is_no_json_a_failure() {
        assert_eq!(of(202, None, " "), Ok(Value::Null));
        assert_eq!(of(200, None, "[1]"), Ok(serde_json::json!([1])));
        assert_eq!(of(200, None, "<html>").unwrap_err().kind, FailureKind::Body);
    }
}
