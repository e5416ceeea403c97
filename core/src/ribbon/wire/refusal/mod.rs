//! Refusals of requests (w1.4 to w1.8): a status, headers and a body, and what they mean.

mod retry;
mod words;

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Response, StatusCode};
use serde::de::MapAccess;

use self::words::meaning;
use super::lenient::{self, Key, Lenient, Part, Text, Whole};
use crate::rest::{Failure, FailureKind, Refusal};
use crate::ribbon::error::{AuthCode, Error, ErrorCode};

pub(crate) use self::retry::retry_after;

/// The longest body of a refusal that is looked into.
pub(crate) const MAX_BODY: usize = 1 << 20;
/// Codes of a refusal with 403 that are about the credentials (w1.5).
const ABOUT_CREDENTIALS: [i32; 4] = [4, 27, 61, 65];
/// The code that counts as 503 (w8.27).
const UNAVAILABLE: i32 = 53;

/// The gateway's word on a request that it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The method and the path of the request.
    pub(crate) request: String,
    /// The HTTP status.
    pub(crate) http: u16,
    /// Its own code: the first `statusCode` at the top of the body or one level down.
    pub(crate) code: Option<i32>,
    /// Its reason in words.
    pub(crate) reason: Option<String>,
    /// The time that it wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// True if there was a body that was no page for people.
    pub(crate) has_body: bool,
}

impl Refused {
    /// Reads a response that is no success. `now`, in milliseconds since 1970, is for a `Retry-After` that
    /// is a date, where the gateway does not tell its own time.
    pub(crate) fn read(response: &Response<Vec<u8>>, request: &str, now: Option<u64>) -> Self {
        let (status, headers, body) = (response.status(), response.headers(), response.body());
        let page = status == StatusCode::FORBIDDEN && is_page(headers);
        let body = if page || body.len() > MAX_BODY { &[] } else { body.as_slice() };
        let said: Said = lenient::read(body).unwrap_or_default();
        let of_body = said.retry_after.map(Duration::from_millis);
        Self {
            request: request.to_owned(),
            http: status.as_u16(),
            code: said.code,
            reason: said.reason,
            retry_after: of_body
                .or_else(|| retry_after(headers, now))
                .filter(|wait| !wait.is_zero()),
            has_body: !body.is_empty(),
        }
    }

    /// The fault of the credentials (w1.5), if they are the trouble: told beside what becomes of
    /// the request.
    pub(crate) fn unauthorized(&self) -> Option<Error> {
        let refused = match (self.http, self.code) {
            (401, _) => true,
            (403, None) => !self.has_body,
            (403, Some(code)) => ABOUT_CREDENTIALS.contains(&code),
            _ => false,
        };
        if !refused {
            return None;
        }
        let code = self.code.filter(|_| self.http == 403);
        let suffix = code.map(|code| format!(" Status code: {code}")).unwrap_or_default();
        let text = format!("the credentials are not accepted.{suffix}");
        Some(self.error(AuthCode::InvalidCredentials, &text))
    }

    /// The error of a request of a call's (w1.7): the gateway's number, or else the HTTP status.
    pub(crate) fn of_call(&self) -> Error {
        match self.code.filter(|code| *code != 0) {
            Some(code) => self.error(ErrorCode::Gateway(number(code)), meaning(code)),
            None => {
                let status = StatusCode::from_u16(self.http).ok();
                let words =
                    status.and_then(|status| status.canonical_reason()).unwrap_or("unknown");
                self.error(ErrorCode::Gateway(self.http), &format!("Request failed: {words}"))
            }
        }
    }

    /// The error of a subscription that was not made (w1.8): of the last attempt, where there were several.
    pub(crate) fn of_subscribe(&self) -> Error {
        let (code, status) = match self.is_unavailable() {
            true => (AuthCode::SubscribeUnavailable, 503),
            false => (AuthCode::SubscribeFailed, self.subscribe_status()),
        };
        self.error(code, &format!("Failed to subscribe user. Status Code: {status}."))
    }

    /// The error of a subscription that was not renewed or changed (w2.4).
    pub(crate) fn of_update(&self) -> Error {
        let status = self.code.unwrap_or_else(|| self.http.into());
        let text = format!("Failed to update subscription. Status Code: {status}.");
        self.error(AuthCode::UpdateFailed, &text)
    }

    /// The error of a subscription that was not ended (w2.3): the gateway's number, or the HTTP status.
    pub(crate) fn of_unsubscribe(&self) -> Error {
        let number = self.code.map_or(self.http, number);
        self.error(ErrorCode::Gateway(number), "Failed to unsubscribe user.")
    }

    /// True if it is a matter of time (w2.5): the gateway has too much to do, and says how long.
    pub(crate) fn is_unavailable(&self) -> bool {
        let says_so = self.http == 503 || matches!(self.code, Some(503 | UNAVAILABLE));
        says_so && self.retry_after.is_some()
    }

    /// True if the subscription is there no more (w2.4).
    pub(crate) fn is_gone(&self) -> bool {
        self.http == 404 && self.code == Some(39)
    }

    /// The error under a code, with what the gateway said as its cause.
    pub(crate) fn error(&self, code: impl Into<ErrorCode>, text: &str) -> Error {
        let text = match &self.reason {
            Some(reason) => format!("{text} ({reason})"),
            None => text.to_owned(),
        };
        let refusal = Refusal {
            status: self.http,
            code: self.code.map(|code| code.to_string()),
            message: self.reason.clone(),
            retry_after: self.retry_after,
        };
        let kind = FailureKind::Refused(refusal);
        let failure = Failure { request: self.request.clone(), kind };
        Error::new(code, text).caused_by(failure).retried_after(self.retry_after)
    }

    /// The status that a failed subscription is told with: 503 without a time counts as 500 (w2.5).
    fn subscribe_status(&self) -> i32 {
        match self.code {
            Some(503 | UNAVAILABLE) => 500,
            Some(code) => code,
            None if self.http == 503 => 500,
            None => self.http.into(),
        }
    }
}

/// A code as a number of the gateway's; there are no negative ones.
fn number(code: i32) -> u16 {
    code.try_into().unwrap_or(u16::MAX)
}

/// True if a response is a page for people (w1.4).
fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
}

/// The words of a body, at its top or in the objects there, the first of each.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The code.
    pub(crate) code: Option<i32>,
    reason: Option<String>,
    /// In milliseconds. Zero and less are none.
    retry_after: Option<u64>,
}

impl Said {
    fn add(&mut self, other: Self) {
        self.code = self.code.or(other.code);
        self.reason = self.reason.take().or(other.reason);
        self.retry_after = self.retry_after.or(other.retry_after);
    }

    /// Reads one object; those in it by `inner`.
    fn read<'de, A: MapAccess<'de>, I: Lenient<'de> + Into<Option<Self>>>(
        mut object: A,
    ) -> Result<Self, A::Error> {
        let mut said = Self::default();
        let mut below = Self::default();
        while let Some(key) = object.next_key::<Key<'_>>()? {
            match key.as_str() {
                "statusCode" => {
                    let code = object.next_value_seed(Part::<Whole>::default())?.code();
                    said.code = said.code.or(code);
                }
                "reason" | "reasonText" => {
                    let text = object.next_value_seed(Part::<Text<'_>>::default())?;
                    said.reason = said.reason.or_else(|| crate::rest::short(text.as_str()));
                }
                "retryAfter" => {
                    let wait = object.next_value_seed(Part::<Whole>::default())?.natural();
                    said.retry_after = said.retry_after.or_else(|| wait.filter(|wait| *wait > 0));
                }
                _ => {
                    if let Some(inner) = object.next_value_seed(Part::<I>::default())?.into() {
                        below.add(inner);
                    }
                }
            }
        }
        said.add(below);
        Ok(said)
    }
}

impl<'de> Lenient<'de> for Said {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        Self::read::<A, Inner>(object)
    }
}

/// An object one level down: those in it are passed over.
#[derive(Debug, Default)]
struct Inner(Option<Said>);

impl From<Inner> for Option<Said> {
    fn from(inner: Inner) -> Self {
        inner.0
    }
}

impl<'de> Lenient<'de> for Inner {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        Said::read::<A, Nothing>(object).map(|said| Self(Some(said)))
    }
}

/// An object two levels down.
#[derive(Debug, Default)]
struct Nothing;

impl From<Nothing> for Option<Said> {
    fn from(_: Nothing) -> Self {
        None
    }
}

impl<'de> Lenient<'de> for Nothing {}
