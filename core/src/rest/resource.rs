//! A request before it has an address and an authorization.

use http::{HeaderMap, Method};
use serde_json::Value;

/// The parts of a request that an application makes itself.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) method: Method,
    /// The path below the base of its [`Endpoint`](super::Endpoint), with its query.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// Headers and a body in place of that, where the application gives them.
    pub(super) own: Option<Box<Own>>,
}

/// Shown without its body, which may hold a secret or somebody's number.
impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Resource {
    pub(crate) fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, own: None }
    }

    /// A request with headers and a body of the application's.
    pub(crate) fn own(
        method: Method,
        path: impl Into<String>,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Self {
        let own = Some(Box::new(Own { headers, body }));
        Self { own, ..Self::new(method, path, None) }
    }

    /// Its path without the query.
    pub(crate) fn place(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// Its method and its path, without the query.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.method, self.place())
    }

    /// The bytes of it that are written: its path and its body.
    pub(crate) fn bytes(&self) -> usize {
        let own = self.own.as_ref().map_or(0, |own| own.body.len());
        self.path.len() + own + self.body.as_ref().map_or(0, |body| body.to_string().len())
    }
}

/// One path segment (RFC 3986 section 3.3): ids are opaque, so nothing in them may end it.
pub(crate) fn segment(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@' | b':') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
