//! Calls that are over, as a user looks back on them (w5.1).

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::values::fields;
use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::guesses;
use crate::gateway::reply::{Refusal, Reply, Resource};
use crate::gateway::world::World;

/// Records of one user; the oldest go.
const MAX_RECORDS: usize = 1000;
/// Records of one answer.
const MAX_COUNT: usize = 50;

/// The records of all users, newest first. See the [module](self).
#[derive(Default)]
pub(in crate::gateway) struct History {
    records: BTreeMap<String, VecDeque<Value>>,
    made: u64,
}

impl History {
    /// A user's records, newest first.
    pub(in crate::gateway) fn of(&self, user: &str) -> Vec<&Value> {
        self.records.get(user).into_iter().flatten().collect()
    }

    /// Adds a record, whose id and place are made here.
    pub(in crate::gateway) fn add(&mut self, user: &str, record: &Value) {
        self.made += 1;
        let mut record = fields(record);
        let id = (1_000_000 + self.made).to_string();
        let place = format!("/rest/version/1/user/{user}/logRecord/{id}");
        record.insert("recordId".to_owned(), json!(id));
        record.insert("resourceLocation".to_owned(), json!(place));
        let records = self.records.entry(user.to_owned()).or_default();
        records.push_front(Value::Object(record));
        records.truncate(MAX_RECORDS);
    }

    /// Puts other records in the place of a user's.
    pub(in crate::gateway) fn replace(&mut self, user: &str, records: &[Value]) {
        self.records.remove(user);
        for record in records.iter().take(MAX_RECORDS).rev() {
            self.add(user, record);
        }
    }
}

pub(in crate::gateway) fn answer(
    history: &mut History,
    asked: &Asked<'_>,
    world: &World,
) -> Outcome {
    let enabled = world.directory.user(asked.user).and_then(|user| user.service("CallLog"));
    if enabled.is_none() {
        // The back end has none (w8.37).
        return Err(Refusal::code(35));
    }
    let records = history.records.entry(asked.user.to_owned()).or_default();
    match (asked.method, asked.path) {
        ("GET", ["logHistory"]) => {
            let number = |name| asked.query(name).and_then(|text| text.parse::<usize>().ok());
            let count = number("count").unwrap_or(MAX_COUNT).min(MAX_COUNT);
            let from = number("startIndex").unwrap_or_default();
            let items = records.iter().skip(from).take(count);
            let items: Vec<_> =
                items.map(|params| json!({"type": "CallLog", "params": params})).collect();
            let body = json!({"logItems": items});
            Ok(Reply::success(Resource::History, guesses::DONE, body))
        }
        ("DELETE", ["logHistory"]) => {
            records.clear();
            Ok(Reply::nothing(Resource::History))
        }
        ("DELETE", ["logRecord", id]) => {
            let at = records.iter().position(|record| record["recordId"] == *id);
            records.remove(at.ok_or(Refusal::code(42))?);
            Ok(Reply::nothing(Resource::HistoryRecord))
        }
        _ => Err(Refusal::wrong(1004, "no such request about the history")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_the_oldest_record_goes() {
        let mut history = History::default();
        for n in 0..=MAX_RECORDS {
            history.add("a", &json!({"n": n}));
        }
        let records = &history.records["a"];
        assert_eq!((records.len(), &records[0]["n"]), (MAX_RECORDS, &json!(MAX_RECORDS)));
        assert_eq!(records[MAX_RECORDS - 1]["n"], 1);
    }
}
