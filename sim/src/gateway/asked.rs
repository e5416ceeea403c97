//! A user's request, for whose matter it is.

use serde_json::Value;

use super::credentials::Claim;
use super::reply::{Refusal, Reply};
use crate::service::http::decoded;

/// A request of a user, taken apart.
pub(super) struct Asked<'a> {
    pub(super) user: &'a str,
    pub(super) method: &'a str,
    /// The path below the user's.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: &'a Value,
    pub(super) claim: &'a Claim,
}

impl Asked<'_> {
    /// A value of the query.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        self.query.iter().find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    }
}

/// The result of a request: an answer, or a refusal.
pub(super) type Outcome = Result<Reply, Refusal>;
