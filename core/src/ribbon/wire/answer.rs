//! Answers to requests (w1.4).

use http::{Response, StatusCode};

use super::lenient::{self, Lenient};
use super::refusal::{MAX_BODY, Refused};
use crate::ribbon::error::Error;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Success, and nothing to say (204).
    Empty,
    /// Success, with a body that is JSON if the gateway keeps to what is known of it.
    Body(Vec<u8>),
    /// It was refused.
    Refused(Refused),
}

/// The body that is wanted of a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// JSON. An empty body is no answer.
    Json,
    /// Nothing: it is not looked at. So are the answers to the end of a call, of events and of records.
    Nothing,
}

impl Answer {
    /// The answer of a response that is no redirection.
    ///
    /// # Errors
    ///
    /// A success without the body that is wanted, or with one of over 1 MiB.
    pub(crate) fn of(
        response: Response<Vec<u8>>,
        request: &str,
        wanted: Wanted,
        now: Option<u64>,
    ) -> Result<Self, Error> {
        let status = response.status();
        if !status.is_success() {
            return Ok(Self::Refused(Refused::read(&response, request, now)));
        }
        if status == StatusCode::NO_CONTENT || wanted == Wanted::Nothing {
            return Ok(Self::Empty);
        }
        let body = response.into_body();
        if body.len() > MAX_BODY {
            return Err(Error::answer(request, "a body of over 1 MiB"));
        }
        // It must be JSON, also where nobody reads it.
        lenient::read::<()>(&body).map_err(|fault| Error::answer(request, &fault))?;
        Ok(Self::Body(body))
    }
}

/// Reads the body of an answer; of an empty one, everything is its default.
///
/// # Errors
///
/// It is no JSON.
pub(crate) fn read<'de, T: Lenient<'de>>(request: &str, body: &'de [u8]) -> Result<T, Error> {
    if body.is_empty() {
        return Ok(T::default());
    }
    lenient::read(body).map_err(|fault| Error::answer(request, &fault))
}

/// The error of an answer without something that is used.
pub(crate) fn missing(request: &str, what: &str) -> Error {
    Error::answer(request, &format!("without `{what}`"))
}
