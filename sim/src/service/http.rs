//! HTTP requests taken apart and responses put together.

use http::{HeaderValue, Request, Response, header};
use serde_json::{Value, json};

/// The realm of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// `/control`: everybody else's part.
    Control,
    /// The service's own API.
    Service,
    Nowhere,
}

/// True if a path is one of the control API.
pub(crate) fn is_control(path: &str) -> bool {
    segments(path).next() == Some("control")
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// A request that came, taken apart.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    pub(crate) realm: Realm,
    /// The path as it came.
    pub(crate) raw_path: &'a str,
    /// The path's segments, without those of its realm.
    pub(crate) path: Vec<&'a str>,
    pub(crate) query: Vec<(&'a str, &'a str)>,
    pub(crate) token: Option<&'a str>,
    /// The JSON body; null when there is none or it is not JSON.
    pub(crate) body: Value,
}

impl<'a> Incoming<'a> {
    /// A request as it came. The paths of the service's own API begin with `own`.
    pub(crate) fn read(request: &'a Request<Vec<u8>>, own: &[&str]) -> Self {
        let raw_path = request.uri().path();
        let path: Vec<_> = segments(raw_path).collect();
        let (realm, path) = match path.as_slice() {
            ["control", path @ ..] => (Realm::Control, path),
            path if path.starts_with(own) => (Realm::Service, &path[own.len()..]),
            path => (Realm::Nowhere, path),
        };
        let query = request.uri().query().unwrap_or_default();
        let token = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        Self {
            method: request.method().as_str(),
            realm,
            raw_path,
            path: path.to_vec(),
            query: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .collect(),
            token,
            body: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
        }
    }

    pub(crate) fn query(&self, name: &str) -> Option<&'a str> {
        self.query.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// A segment of a path or a value of a query without its percent-encoding (RFC 3986 section 2.1).
/// What is none stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let escaped = escaped.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let escaped = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        plain.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

pub(crate) fn json(status: u16, body: &Value) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

pub(crate) fn empty(status: u16) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// An error with a body: its status, a code and a message.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Response<Vec<u8>> {
    json(status, &json!({"status": status, "code": code, "message": message}))
}

pub(crate) fn not_found() -> Response<Vec<u8>> {
    error(404, "not.found", "The requested resource was not found.")
}

pub(crate) fn bad_request(message: &str) -> Response<Vec<u8>> {
    error(400, "bad.request", message)
}

/// Lets pages of any origin read the response and the headers that are `exposed` (the Fetch
/// standard's CORS protocol).
pub(crate) fn allow_origin(
    request: &Request<Vec<u8>>,
    response: &mut Response<Vec<u8>>,
    exposed: &'static str,
) {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else { return };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let fixed = [
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,PUT,PATCH,DELETE,OPTIONS"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        asked.unwrap_or_else(|| HeaderValue::from_static("authorization,content-type")),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_the_rest_stays() {
        for (text, plain) in [
            ("alice@example.com", "alice@example.com"),
            ("alice%40example.com", "alice@example.com"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%20", "%zz "),
            ("caf%C3%A9", "café"),
            ("é%é", "é%é"),
        ] {
            assert_eq!(decoded(text), plain);
        }
    }
}
