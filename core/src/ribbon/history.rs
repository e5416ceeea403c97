//! The history of calls (w5.1): the gateway's records and our own, as one list.

use std::fmt;

use serde::Serialize;

use super::constants::constants;
use super::error::{Error, HistoryCode};
use super::ids::RecordId;
use super::wire::lenient::{self, Flag, List, Text, Whole, object};
use super::wire::refusal::Refused;
use super::wire::resources::history::{MAX_RECORDS, Record, records};
use crate::report::shortened;

/// The longest text that a history is read from and written to, in bytes.
const MAX_CACHE: usize = 1 << 20;
/// The differences of two records of one call: of their begins and of their lengths, in milliseconds.
const SAME_START: u64 = 10_000;
const SAME_DURATION: u64 = 5_000;
/// The most records that can be asked for at once.
pub(crate) const MAX_AMOUNT: u32 = 50;

constants! {
    /// The direction of a call.
    CallDirection, "direction of a call" {
        /// Somebody called.
        Incoming = "incoming",
        /// The user called.
        Outgoing = "outgoing",
    }
}

constants! {
    /// The outcome of a call in the history.
    RecordDirection, "direction of a record" {
        /// Somebody called, and it was answered.
        Incoming = "incoming",
        /// The user called.
        Outgoing = "outgoing",
        /// Somebody called, and it was not answered.
        Missed = "missed",
    }
}

/// A record of the history of calls.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CallRecord {
    /// Its name: the gateway's, or the call's.
    #[serde(rename = "recordId")]
    pub id: RecordId,
    /// The outcome of the call.
    pub direction: RecordDirection,
    /// Its begin, in milliseconds since 1970.
    pub start_time: u64,
    /// Its length in milliseconds.
    pub duration: u64,
    /// The caller's name.
    pub caller_name: String,
    /// The caller's number.
    #[serde(rename = "callerDisplayNumber")]
    pub caller_number: String,
    /// The name of who was called.
    pub callee_name: String,
    /// The number that was called.
    #[serde(rename = "calleeDisplayNumber")]
    pub callee_number: String,
    /// True if it is our own, and not the gateway's.
    pub local: bool,
}

/// Shown with its numbers shortened.
impl fmt::Debug for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRecord")
            .field("id", &self.id)
            .field("direction", &self.direction)
            .field("start_time", &self.start_time)
            .field("duration", &self.duration)
            .field("caller_number", &shortened(&self.caller_number))
            .field("callee_number", &shortened(&self.callee_number))
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl CallRecord {
    /// A record of a call that ended here.
    pub(crate) fn local(
        id: RecordId,
        direction: RecordDirection,
        start_time: u64,
        duration: u64,
    ) -> Self {
        Self {
            id,
            direction,
            start_time,
            duration,
            caller_name: String::new(),
            caller_number: String::new(),
            callee_name: String::new(),
            callee_number: String::new(),
            local: true,
        }
    }

    /// The name and the number of the far side: who was called, or else who called.
    #[must_use]
    pub fn remote_participant(&self) -> (&str, &str) {
        let named = !(self.callee_name.is_empty() && self.callee_number.is_empty());
        match self.direction {
            RecordDirection::Outgoing if named => (&self.callee_name, &self.callee_number),
            RecordDirection::Outgoing | RecordDirection::Incoming | RecordDirection::Missed => {
                (&self.caller_name, &self.caller_number)
            }
        }
    }

    /// A record as the gateway has it; none without a name.
    fn read(record: Record<'_>) -> Option<Self> {
        let text = |text: Text<'_>| crate::plain(text.as_str()).into_owned();
        Some(Self {
            id: record.id.0.filter(|id| id.len() <= crate::text_id::MAX_ID)?.as_ref().into(),
            direction: record.direction.as_str().parse().ok()?,
            start_time: record.start.natural()?,
            duration: record.duration.natural().unwrap_or(0),
            caller_name: text(record.caller_name),
            caller_number: text(record.caller_number),
            callee_name: text(record.callee_name),
            callee_number: text(record.callee_number),
            local: false,
        })
    }

    /// True if both are of one call, as far as their times tell.
    fn is_same_call(&self, other: &Self) -> bool {
        self.direction == other.direction
            && self.start_time.abs_diff(other.start_time) <= SAME_START
            && self.duration.abs_diff(other.duration) <= SAME_DURATION
    }
}

/// The history: the newest first, at most 1 000 records.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    records: Vec<CallRecord>,
}

impl History {
    /// The records, the newest first (RA-043).
    pub(crate) fn records(&self) -> &[CallRecord] {
        &self.records
    }

    /// One call ended here. It has one record, however it failed.
    pub(crate) fn add(&mut self, record: CallRecord) {
        self.records.retain(|other| other.id != record.id);
        if self.records.iter().any(|other| !other.local && other.is_same_call(&record)) {
            return;
        }
        self.records.push(record);
        self.settle();
    }

    /// Takes the records of an answer in: each in place of our own of the same call (RA-044).
    ///
    /// # Errors
    ///
    /// The answer is no JSON.
    pub(crate) fn take(&mut self, request: &str, body: &[u8]) -> Result<(), Error> {
        let (read, _) = records(request, body)?;
        for record in read.into_iter().filter_map(CallRecord::read) {
            self.records.retain(|other| {
                other.id != record.id && !(other.local && other.is_same_call(&record))
            });
            self.records.push(record);
        }
        self.settle();
        Ok(())
    }

    /// The record of a name.
    pub(crate) fn record(&self, id: &RecordId) -> Option<&CallRecord> {
        self.records.iter().find(|record| record.id == *id)
    }

    /// Forgets a record.
    pub(crate) fn remove(&mut self, id: &RecordId) {
        self.records.retain(|record| record.id != *id);
    }

    /// Forgets all records.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }

    /// The history as a text (RA-047): as many of the newest as fit in 1 MiB.
    pub(crate) fn cache(&self) -> String {
        let mut text = "[".to_owned();
        for record in &self.records {
            let Ok(one) = serde_json::to_string(record) else { continue };
            if text.len() + one.len() + 2 > MAX_CACHE {
                break;
            }
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&one);
        }
        text + "]"
    }

    /// The history from such a text, in place of this one (RA-048).
    ///
    /// # Errors
    ///
    /// [`HistoryCode::BadRequest`]: it cannot be read, or is longer. Nothing is changed then.
    pub(crate) fn set_cache(&mut self, text: &str) -> Result<(), Error> {
        let refused =
            |why: &str| Error::new(HistoryCode::BadRequest, format!("a history that is {why}"));
        if text.len() > MAX_CACHE {
            return Err(refused("longer than 1 MiB"));
        }
        if !text.trim_start().starts_with('[') {
            return Err(refused("no list"));
        }
        let list: List<Kept<'_>, MAX_RECORDS> =
            lenient::read_text(text).map_err(|fault| refused(&fault))?;
        self.records = list.items.into_iter().filter_map(Kept::record).collect();
        self.settle();
        Ok(())
    }

    fn settle(&mut self) {
        self.records.sort_by(|a, b| b.start_time.cmp(&a.start_time).then_with(|| a.id.cmp(&b.id)));
        self.records.truncate(MAX_RECORDS);
    }
}

object! {
    /// A record as it was kept.
    Kept<'a> {
        id: Text<'a> = "recordId",
        start: Whole = "startTime",
        duration: Whole = "duration",
        direction: Text<'a> = "direction",
        caller_name: Text<'a> = "callerName",
        caller_number: Text<'a> = "callerDisplayNumber",
        callee_name: Text<'a> = "calleeName",
        callee_number: Text<'a> = "calleeDisplayNumber",
        local: Flag = "local",
    }
}

impl Kept<'_> {
    fn record(self) -> Option<CallRecord> {
        let local = self.local.0.unwrap_or(false);
        let record = CallRecord::read(Record {
            id: self.id,
            start: self.start,
            duration: self.duration,
            direction: self.direction,
            caller_name: self.caller_name,
            caller_number: self.caller_number,
            callee_name: self.callee_name,
            callee_number: self.callee_number,
        })?;
        Some(CallRecord { local, ..record })
    }
}

/// The error of a request for the history (w5.1); none where the gateway has no history at all: then there is
/// our own (a guess: w8, no. 37).
pub(crate) fn refused(refusal: &Refused) -> Option<Error> {
    let code = match (refusal.code, refusal.http) {
        (Some(35), _) => return None,
        (Some(4), _) | (_, 401) => HistoryCode::NotAuthenticated,
        (Some(27), _) | (None, 403) => HistoryCode::Forbidden,
        (Some(42), _) => HistoryCode::NotFound,
        _ => HistoryCode::Unknown,
    };
    Some(refusal.error(code, "the history is refused"))
}
