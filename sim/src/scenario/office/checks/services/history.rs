//! The history of calls: each call that ended is told by one record, our own or the gateway's.

use std::collections::{BTreeMap, BTreeSet};

use offhook::ribbon::{CallId, CallRecord, Command, Event};

use crate::world::PhoneId;

/// The differences of two records of one call, in milliseconds (w5.1).
const SAME_START: u64 = 10_000;
const SAME_DURATION: u64 = 5_000;

#[derive(Debug, Default)]
struct OfPhone {
    /// Calls that ended, and our own record of each once it was seen.
    ended: BTreeMap<CallId, Option<CallRecord>>,
    /// True once the gateway's records may stand for ours.
    fetched: bool,
    /// Records that were removed, or are about to be.
    removed: BTreeSet<String>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Histories {
    phones: BTreeMap<PhoneId, OfPhone>,
}

fn is_same_call(one: &CallRecord, other: &CallRecord) -> bool {
    one.direction == other.direction
        && one.start_time.abs_diff(other.start_time) <= SAME_START
        && one.duration.abs_diff(other.duration) <= SAME_DURATION
}

impl Histories {
    pub(super) fn told(&mut self, phone: PhoneId, event: &Event) {
        if let Event::CallState { call, .. } = event
            && call.state.is_final()
        {
            let known = self.phones.entry(phone).or_default();
            known.ended.entry(call.id.clone()).or_default();
        }
    }

    pub(super) fn completed(&mut self, phone: PhoneId, command: &Command, ok: bool) {
        let known = self.phones.entry(phone).or_default();
        match command {
            Command::FetchHistory { .. } if ok => known.fetched = true,
            Command::RemoveRecord { record } if ok => {
                known.removed.insert(record.as_str().to_owned());
            }
            Command::ClearHistory if ok => {
                known.ended.clear();
                known.removed.clear();
            }
            _ => {}
        }
    }

    /// No. 29: no call has two records; notes our own.
    pub(super) fn look(&mut self, phone: PhoneId, records: &[CallRecord]) -> Result<(), String> {
        let known = self.phones.entry(phone).or_default();
        let mut seen = BTreeSet::new();
        for record in records {
            if !seen.insert(record.id.as_str()) {
                return Err(format!("phone {}: {record:?} stands there twice", phone.0));
            }
            let id = CallId::from(record.id.as_str());
            if record.local && known.ended.get(&id).is_some_and(Option::is_none) {
                known.ended.insert(id, Some(record.clone()));
            }
            let twin = records
                .iter()
                .find(|other| record.local && !other.local && is_same_call(record, other));
            if let Some(twin) = twin {
                return Err(format!("phone {}: {record:?} and {twin:?} are one call", phone.0));
            }
        }
        Ok(())
    }

    /// No. 29: each call that ended has a record, unless it was removed.
    pub(super) fn all_told(&self, phone: PhoneId, records: &[CallRecord]) -> Result<(), String> {
        let Some(known) = self.phones.get(&phone) else { return Ok(()) };
        let removed = |id: &CallId| known.removed.contains(id.as_str());
        for (id, own) in known.ended.iter().filter(|(id, _)| !removed(id)) {
            let told = records.iter().any(|record| record.id.as_str() == id.as_str());
            // A record of the gateway's took its place, and that may be removed by itself.
            let there = |own: &CallRecord| records.iter().any(|other| is_same_call(own, other));
            let taken = known.fetched
                && own.as_ref().is_none_or(|own| there(own) || !known.removed.is_empty());
            if !told && !taken {
                return Err(format!("phone {}: nothing tells of {id}", phone.0));
            }
        }
        Ok(())
    }
}
