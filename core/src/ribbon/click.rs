//! Calls between two other telephones (w5.2).

use std::collections::VecDeque;
use std::fmt;

use serde::Serialize;

use super::error::{ClickToCallCode, Error};
use super::ids::CallId;
use crate::report::shortened;

/// The most calls that are remembered; the oldest go first.
const MAX_CALLS: usize = 100;
/// The longest name of a party in bytes.
const MAX_PARTY: usize = 512;

/// A call between two other telephones that was asked for.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClickToCall {
    /// Its name here.
    #[serde(rename = "callId")]
    pub id: CallId,
    /// The one that calls.
    pub caller: String,
    /// The one that is called.
    pub callee: String,
    /// The time at which it was asked for, in milliseconds since 1970.
    pub request_time: u64,
}

/// Shown with its numbers shortened.
impl fmt::Debug for ClickToCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickToCall")
            .field("id", &self.id)
            .field("caller", &shortened(&self.caller))
            .field("callee", &shortened(&self.callee))
            .field("request_time", &self.request_time)
            .finish()
    }
}

impl ClickToCall {
    /// A call between two telephones, asked for at a time.
    pub(crate) fn new(
        id: impl Into<CallId>,
        caller: impl Into<String>,
        callee: impl Into<String>,
        request_time: u64,
    ) -> Self {
        Self { id: id.into(), caller: caller.into(), callee: callee.into(), request_time }
    }
}

/// Finds parties that cannot be connected.
///
/// # Errors
///
/// [`ClickToCallCode::MissingArgs`]: one is missing, or longer than 512 bytes.
pub(crate) fn check(caller: &str, callee: &str) -> Result<(), Error> {
    let odd = |party: &str| party.trim().is_empty() || party.len() > MAX_PARTY;
    if odd(caller) || odd(callee) {
        return Err(Error::new(ClickToCallCode::MissingArgs, "a party is missing"));
    }
    Ok(())
}

/// The calls that were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clicks {
    all: VecDeque<ClickToCall>,
}

impl Clicks {
    /// The calls, the oldest first (RA-050).
    pub(crate) fn all(&self) -> impl Iterator<Item = &ClickToCall> {
        self.all.iter()
    }

    /// Takes note of one that is asked for.
    pub(crate) fn add(&mut self, call: ClickToCall) {
        self.all.push_back(call);
        if self.all.len() > MAX_CALLS {
            self.all.pop_front();
        }
    }

    /// Forgets one that failed.
    pub(crate) fn remove(&mut self, id: &CallId) {
        self.all.retain(|call| call.id != *id);
    }
}
