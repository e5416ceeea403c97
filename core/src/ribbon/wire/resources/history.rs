//! The history of calls (w5.1).

use super::Resources;
use crate::rest::{Resource, segment};
use crate::ribbon::error::Error;
use crate::ribbon::ids::RecordId;
use crate::ribbon::wire::answer::read;
use crate::ribbon::wire::lenient::{List, Text, Whole, object};

/// The most records of one answer.
pub(crate) const MAX_RECORDS: usize = 1000;

object! {
    Wrapper<'a> {
        body: Body<'a> = "logHistory",
    }
}
object! {
    Body<'a> {
        items: List<Item<'a>, MAX_RECORDS> = "logItems",
    }
}
object! {
    Item<'a> {
        params: Record<'a> = "params",
    }
}
object! {
    /// A record of a call. Numbers are texts, as gateways have them.
    Record<'a> {
        id: Text<'a> = "recordId",
        start: Whole = "startTime",
        duration: Whole = "duration",
        direction: Text<'a> = "direction",
        caller_name: Text<'a> = "callerName",
        caller_number: Text<'a> = "callerDisplayNumber",
        callee_name: Text<'a> = "calleeName",
        callee_number: Text<'a> = "calleeDisplayNumber",
    }
}

impl Resources {
    /// Some records, the newest first.
    pub(crate) fn history(&self, amount: u32, offset: u32) -> Resource {
        self.get(&format!("logHistory?count={amount}&startIndex={offset}"))
    }

    /// A record is removed.
    pub(crate) fn remove_record(&self, record: &RecordId) -> Resource {
        self.delete(&format!("logRecord/{}", segment(record.as_str())))
    }

    /// All records are removed.
    pub(crate) fn clear_history(&self) -> Resource {
        self.delete("logHistory")
    }
}

/// The records of an answer, and the number of those left out.
///
/// # Errors
///
/// The answer is no JSON.
pub(crate) fn records<'a>(
    request: &str,
    body: &'a [u8],
) -> Result<(Vec<Record<'a>>, usize), Error> {
    let Wrapper { body } = read(request, body)?;
    Ok((body.items.items.into_iter().map(|item| item.params).collect(), body.items.cut))
}
