//! The address of a service's resources, and the credentials to ask for them with.

use http::{HeaderValue, Request};
use serde_json::Value;

use super::Resource;
use crate::Secret;

/// The base of a service's resources.
#[derive(Debug)]
pub(crate) struct Endpoint {
    base: String,
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    /// An endpoint with its resources below this URI, without a slash at its end.
    pub(crate) fn new(base: String) -> Self {
        Self { base, authorization: None }
    }

    /// The same with a bearer token (RFC 6750 section 2.1), which no `Debug` shows.
    ///
    /// # Errors
    ///
    /// It is no header value.
    pub(crate) fn bearer(mut self, token: &Secret) -> Result<Self, http::Error> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// The request itself.
    ///
    /// # Errors
    ///
    /// The base and the path make no URI.
    pub(crate) fn request(&self, resource: &Resource) -> Result<Request<Vec<u8>>, http::Error> {
        let body = resource.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(resource.method.clone())
            .uri(format!("{}/{}", self.base, resource.path))
            .header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            request = request.header(http::header::AUTHORIZATION, authorization.clone());
        }
        request.body(body.into_bytes())
    }
}
