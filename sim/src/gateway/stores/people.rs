//! The directory that all users may search (w5.4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::values::is_small;
use crate::gateway::address::local_part;
use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::guesses;
use crate::gateway::reply::{Refusal, Reply, Resource};
use crate::gateway::world::World;

/// Entries that one user is shown instead of the gateway's users.
const MAX_ENTRIES: usize = 1000;
/// Entries of one answer.
const MAX_FOUND: usize = 100;

/// Directories of those users who are not shown the gateway's users. See the [module](self).
#[derive(Default)]
pub(in crate::gateway) struct People {
    shown: BTreeMap<String, Vec<Value>>,
}

impl People {
    /// Shows a user these entries from now on.
    pub(in crate::gateway) fn replace(&mut self, user: &str, entries: &[Value]) {
        let entries = entries.iter().take(MAX_ENTRIES).filter(|entry| is_small(entry));
        self.shown.insert(user.to_owned(), entries.cloned().collect());
    }
}

/// True if an entry is one that is looked for.
fn is_found(entry: &Value, criteria: &str, kind: &str) -> bool {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_lowercase();
    let has = |keys: &[&str]| keys.iter().any(|key| text(key).contains(criteria));
    match kind {
        "1" => has(&["firstName"]),
        "2" => has(&["lastName"]),
        "3" => format!("{} {}", text("firstName"), text("lastName")).contains(criteria),
        "4" => has(&["phoneNumber", "homePhone", "workPhone", "mobilePhone"]),
        _ => ["primaryContact", "userId"].iter().any(|key| {
            let id = text(key);
            !id.is_empty() && (id == criteria || local_part(&id) == criteria)
        }),
    }
}

pub(in crate::gateway) fn answer(people: &People, asked: &Asked<'_>, world: &World) -> Outcome {
    if (asked.method, asked.path) != ("GET", &["directory"]) {
        return Err(Refusal::wrong(1004, "no such request about the directory"));
    }
    let criteria = asked.query("criteria").unwrap_or_default().to_lowercase();
    let kind = asked.query("criteriaType").unwrap_or_else(|| "3".to_owned());
    if !["1", "2", "3", "4", "5"].contains(&kind.as_str()) {
        return Err(Refusal::wrong(37, "criteriaType is 1 to 5"));
    }
    let all = match people.shown.get(asked.user) {
        Some(shown) => shown.clone(),
        None => world
            .directory
            .all()
            .map(|user| {
                let names = user.display_name.split_once(' ').unwrap_or((&user.display_name, ""));
                json!({"primaryContact": user.name, "firstName": names.0, "lastName": names.1})
            })
            .collect(),
    };
    let found = all.into_iter().filter(|entry| is_found(entry, &criteria, &kind));
    let found: Vec<_> = found.take(MAX_FOUND).collect();
    let body = json!({"directoryItems": found});
    Ok(Reply::success(Resource::Directory, guesses::DONE, body))
}
