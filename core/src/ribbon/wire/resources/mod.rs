//! Requests to the gateway, and what is read of their answers: each row of w2, w4.0 and w5.

pub(crate) mod calls;
pub(crate) mod contacts;
pub(crate) mod directory;
pub(crate) mod history;
pub(crate) mod messages;
pub(crate) mod presence;
pub(crate) mod push;
pub(crate) mod sip;
pub(crate) mod subscription;
pub(crate) mod voicemail;

use http::Method;
use serde_json::Value;

use crate::rest::Resource;
use crate::ribbon::error::Error;
use crate::ribbon::ids::UserId;

/// The longest path of the gateway's own that is used.
const MAX_PATH: usize = 2048;

/// A user's resources (w1.1), below the gateway's address.
#[derive(Clone, Debug)]
pub(crate) struct Resources {
    root: String,
}

impl Resources {
    /// The resources of a user, whose name stands in them as it is.
    pub(crate) fn new(user: &UserId) -> Self {
        Self { root: format!("rest/version/1/user/{user}", user = user.as_str()) }
    }

    fn get(&self, path: &str) -> Resource {
        Resource::new(Method::GET, format!("{}/{path}", self.root), None)
    }

    fn post(&self, path: &str, body: Value) -> Resource {
        Resource::new(Method::POST, format!("{}/{path}", self.root), Some(body))
    }

    fn put(&self, path: &str, body: Value) -> Resource {
        Resource::new(Method::PUT, format!("{}/{path}", self.root), Some(body))
    }

    fn delete(&self, path: &str) -> Resource {
        Resource::new(Method::DELETE, format!("{}/{path}", self.root), None)
    }
}

/// A path that the gateway gave: below its address, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenPath(String);

impl GivenPath {
    /// The path of an answer.
    ///
    /// # Errors
    ///
    /// It is no path, or one that leads to another host.
    pub(crate) fn new(path: &str, request: &str) -> Result<Self, Error> {
        let clean = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'\\');
        let own = path.starts_with('/') && !path.starts_with("//");
        if !own || path.len() > MAX_PATH || !path.bytes().all(clean) {
            return Err(Error::answer(request, "a path that is none"));
        }
        Ok(Self(path.to_owned()))
    }

    /// The path, from its slash on.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A request for it.
    fn resource(&self, method: Method, body: Option<Value>) -> Resource {
        Resource::new(method, self.0.trim_start_matches('/'), body)
    }
}

/// Adds a value to an object, unless there is none.
fn with(body: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let (Value::Object(body), Some(value)) = (body, value) {
        body.insert(key.to_owned(), value.into());
    }
}
