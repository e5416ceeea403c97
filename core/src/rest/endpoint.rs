//! The address of a service's resources, and the credentials to ask for them with.

use http::{HeaderName, HeaderValue, Request, Uri};
use serde_json::Value;

use super::{Resource, redirect};
use crate::Secret;

/// The base of a service's resources.
#[derive(Debug)]
pub(crate) struct Endpoint {
    base: String,
    /// Headers of every request.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Headers that no other origin may see, nor any log.
    secrets: Vec<(HeaderName, HeaderValue)>,
}

impl Endpoint {
    /// An endpoint with its resources below this URI, without a slash at its end.
    pub(crate) fn new(base: String) -> Self {
        let json = HeaderValue::from_static("application/json");
        let headers = vec![(http::header::CONTENT_TYPE, json)];
        Self { base, headers, secrets: Vec::new() }
    }

    /// The same with one more header on every request.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with a header that is secret, as it stands.
    pub(crate) fn sensitive(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.secrets.push((name, value));
        self
    }

    /// The same with a bearer token (RFC 6750 section 2.1), which no `Debug` shows.
    ///
    /// # Errors
    ///
    /// It is no header value.
    pub(crate) fn bearer(self, token: &Secret) -> Result<Self, http::Error> {
        let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
        Ok(self.sensitive(http::header::AUTHORIZATION, value))
    }

    /// The request itself.
    ///
    /// # Errors
    ///
    /// The base and the path make no URI.
    pub(crate) fn request(&self, resource: &Resource) -> Result<Request<Vec<u8>>, http::Error> {
        let uri = Uri::try_from(format!("{}/{}", self.base, resource.path))?;
        self.made(uri, resource, true)
    }

    /// The same request to the address of a redirect: what is secret stays at home.
    ///
    /// # Errors
    ///
    /// It makes no request.
    pub(crate) fn redirected(
        &self,
        uri: &Uri,
        resource: &Resource,
    ) -> Result<Request<Vec<u8>>, http::Error> {
        let home = Uri::try_from(&self.base)?;
        self.made(uri.clone(), resource, redirect::is_same_origin(&home, uri))
    }

    fn made(
        &self,
        uri: Uri,
        resource: &Resource,
        is_home: bool,
    ) -> Result<Request<Vec<u8>>, http::Error> {
        let body = match &resource.own {
            Some(own) => own.body.clone(),
            None => resource.body.as_ref().map(Value::to_string).unwrap_or_default().into_bytes(),
        };
        let request = Request::builder().method(resource.method.clone()).uri(uri);
        let mut request = request.body(body)?;
        // What the application adds may be as secret as our own, which takes its place.
        if let Some(own) = resource.own.as_ref().filter(|_| is_home) {
            request.headers_mut().clone_from(&own.headers);
        }
        let secrets = self.secrets.iter().filter(|_| is_home);
        for (name, value) in self.headers.iter().chain(secrets) {
            request.headers_mut().insert(name, value.clone());
        }
        Ok(request)
    }
}
