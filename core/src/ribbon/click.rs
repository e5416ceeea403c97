//! Calls between two other telephones (w5.2).

use std::collections::VecDeque;

use serde::Serialize;

use super::error::{ClickToCallCode, Error};
use super::ids::CallId;

/// The most calls that are remembered; the oldest go first.
const MAX_CALLS: usize = 100;

/// A call between two other telephones that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClickToCall {
    /// Its name here.
    #[serde(rename = "callId")]
    pub id: CallId,
    /// The caller.
    pub caller: String,
    /// The party called.
    pub callee: String,
    /// The time at which it was asked for, in milliseconds since 1970.
    pub request_time: u64,
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
    ///
    /// # Errors
    ///
    /// [`ClickToCallCode::MissingArgs`]: a party is missing.
    pub(crate) fn add(&mut self, call: ClickToCall) -> Result<(), Error> {
        if call.caller.trim().is_empty() || call.callee.trim().is_empty() {
            return Err(Error::new(ClickToCallCode::MissingArgs, "a party is missing"));
        }
        self.all.push_back(call);
        if self.all.len() > MAX_CALLS {
            self.all.pop_front();
        }
        Ok(())
    }

    /// Forgets one that failed.
    pub(crate) fn remove(&mut self, id: &CallId) {
        self.all.retain(|call| call.id != *id);
    }
}
