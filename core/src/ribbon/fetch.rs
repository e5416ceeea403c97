//! Requests of the application's own (RA-096).

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::error::{Error, ErrorCode};
use super::wire::refusal::MAX_BODY;
use crate::rest::Resource;

/// The longest path and query, and the most headers and bytes of them.
const MAX_PATH: usize = 8192;
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// A request of the application's own to the gateway. The client's headers, with the credentials, take the place of
/// its own of the same names.
///
/// ```
/// use offhook::ribbon::FetchRequest;
///
/// let path = "rest/version/1/user/alice@example.com/externalnotification";
/// let request = FetchRequest::post(path, r#"{"note": "hello"}"#);
/// assert!(request.check().is_ok());
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// The path below the gateway's address, with its query.
    pub resource: String,
    /// The method.
    pub method: Method,
    /// Headers of its own.
    pub headers: HeaderMap,
    /// The body: 1 MiB at most.
    pub body: Vec<u8>,
}

impl FetchRequest {
    /// A request of that method.
    #[must_use]
    pub fn new(method: Method, resource: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), Vec::new());
        Self { resource: resource.into(), method, headers, body }
    }

    /// A request by GET.
    #[must_use]
    pub fn get(resource: impl Into<String>) -> Self {
        Self::new(Method::GET, resource)
    }

    /// A request by POST.
    #[must_use]
    pub fn post(resource: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new(Method::POST, resource) }
    }

    /// The request with another header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Finds what cannot be sent.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`]: a path that is none or of over 8 KiB, over 64 headers or 16 KiB of them, a body of
    /// over 1 MiB.
    pub fn check(&self) -> Result<(), Error> {
        let clean = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'\\');
        let path = &self.resource;
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let fault = match () {
            () if path.is_empty() || path.len() > MAX_PATH || !path.bytes().all(clean) => {
                "a path that is none"
            }
            () if self.headers.len() > MAX_HEADERS || headers.sum::<usize>() > MAX_HEADER_BYTES => {
                "too many headers"
            }
            () if self.body.len() > MAX_BODY => "a body of over 1 MiB",
            () => return Ok(()),
        };
        Err(Error::option("request", fault))
    }

    /// The request as it is made.
    pub(crate) fn resource(self) -> Resource {
        let path = self.resource.trim_start_matches('/').to_owned();
        Resource::own(self.method, path, self.headers, self.body)
    }
}

/// Shown without its query, its headers' values and its body.
impl fmt::Debug for FetchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchRequest")
            .field("method", &self.method)
            .field("resource", &self.resource.split('?').next())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The gateway's answer to a request of the application's own.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchResponse {
    /// The status, whatever it is.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: 1 MiB at most.
    pub body: Vec<u8>,
}

impl FetchResponse {
    /// The answer of a response.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Protocol`]: a body of over 1 MiB.
    pub(crate) fn read(response: http::Response<Vec<u8>>, request: &str) -> Result<Self, Error> {
        if response.body().len() > MAX_BODY {
            return Err(Error::answer(request, "a body of over 1 MiB"));
        }
        let (parts, body) = response.into_parts();
        Ok(Self { status: parts.status, headers: parts.headers, body })
    }
}

/// Shown without its headers and its body.
impl fmt::Debug for FetchResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchResponse")
            .field("status", &self.status)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The error of one request more than there may be at once.
pub(crate) fn busy() -> Error {
    Error::new(ErrorCode::Busy, "too many requests of the application's own")
}
