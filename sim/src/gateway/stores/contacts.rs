//! Address books (w5.3).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::values::{NOTHING, is_small};
use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::guesses;
use crate::gateway::reply::{Refusal, Reply, Resource};
use crate::service::http::decoded;

/// Contacts of one user; one more is refused.
const MAX_CONTACTS: usize = 1000;

/// The contacts of all users, by the name that is their id. See the [module](self).
#[derive(Default)]
pub(in crate::gateway) struct Contacts {
    books: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Contacts {
    /// A user's contacts.
    pub(in crate::gateway) fn of(&self, user: &str) -> Vec<&Value> {
        self.books.get(user).into_iter().flat_map(BTreeMap::values).collect()
    }

    /// Puts other contacts in the place of a user's.
    pub(in crate::gateway) fn replace(&mut self, user: &str, entries: &[Value]) {
        let named = entries.iter().take(MAX_CONTACTS).filter(|entry| is_small(entry));
        let named = named.filter_map(|entry| Some((id(entry)?, entry.clone())));
        self.books.insert(user.to_owned(), named.collect());
    }
}

fn id(entry: &Value) -> Option<String> {
    let id = entry["nickname"].as_str().or_else(|| entry["primaryContact"].as_str());
    id.filter(|id| (1..=255).contains(&id.len())).map(str::to_owned)
}

fn told(status: u16, entries: &[&Value]) -> Outcome {
    let body = json!({"addressBookEntries": entries});
    Ok(Reply::success(Resource::AddressBook, status, body))
}

pub(in crate::gateway) fn answer(contacts: &mut Contacts, asked: &Asked<'_>) -> Outcome {
    let book = contacts.books.entry(asked.user.to_owned()).or_default();
    let entry = || {
        let entry = &asked.body["addressBookRequest"]["addressBookEntries"][0];
        let entry = Some(entry).filter(|entry| entry.is_object() && is_small(entry));
        entry.cloned().ok_or_else(|| Refusal::wrong(5, "addressBookEntries is missing"))
    };
    match (asked.method, asked.path) {
        ("GET", ["addressbook"]) => told(guesses::DONE, &book.values().collect::<Vec<_>>()),
        ("POST", ["addressbook", "contacts"]) => {
            let entry = entry()?;
            let id = id(&entry).ok_or_else(|| Refusal::wrong(37, "nickname is missing"))?;
            if book.len() >= MAX_CONTACTS && !book.contains_key(&id) {
                return Err(Refusal::code(37));
            }
            book.insert(id, entry.clone());
            told(guesses::MADE, &[&entry])
        }
        ("GET", ["addressbook", "contacts", id]) => {
            told(guesses::DONE, &[book.get(&decoded(id)).ok_or(Refusal::code(42))?])
        }
        ("PUT", ["addressbook", "contacts", id]) => {
            let entry = entry()?;
            let known = book.get_mut(&decoded(id)).ok_or(Refusal::code(42))?;
            *known = entry.clone();
            told(guesses::DONE, &[&entry])
        }
        ("DELETE", ["addressbook", "contacts", id]) => {
            book.remove(&decoded(id)).ok_or(Refusal::code(42))?;
            Ok(Reply::success(Resource::AddressBook, guesses::DONE, NOTHING()))
        }
        _ => Err(Refusal::wrong(1004, "no such request about contacts")),
    }
}
