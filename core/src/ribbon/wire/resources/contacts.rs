//! The address book (w5.3). Its entries have `nickname` where the interface has `contact_id`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::MapAccess;
use serde_json::{Map, Value, json};

use super::Resources;
use crate::rest::{Resource, segment};
use crate::ribbon::error::Error;
use crate::ribbon::ids::ContactId;
use crate::ribbon::wire::answer::read;
use crate::ribbon::wire::lenient::{Key, Lenient, List, Part, Text, object};

/// The most entries of one answer.
pub(crate) const MAX_ENTRIES: usize = 10_000;
/// The most fields of an entry that are kept.
const MAX_FIELDS: usize = 32;

/// An entry as it travels: its fields by their names. Empty ones are left out.
pub(crate) type Fields = BTreeMap<String, String>;

object! {
    Wrapper<'a> {
        body: Body<'a> = "addressBookResponse",
    }
}
object! {
    Body<'a> {
        entries: List<Entry<'a>, MAX_ENTRIES> = "addressBookEntries",
    }
}

/// An entry as it comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry<'a>(Vec<(String, Cow<'a, str>)>);

impl<'a> Lenient<'a> for Entry<'a> {
    fn object<A: MapAccess<'a>>(mut object: A) -> Result<Self, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = object.next_key::<Key<'_>>()? {
            let value: Text<'_> = object.next_value_seed(Part::default())?;
            if let (Some(value), true) = (value.0, fields.len() < MAX_FIELDS) {
                fields.push((key.as_str().to_owned(), value));
            }
        }
        Ok(Self(fields))
    }
}

impl Resources {
    /// An entry is added. The path ends in a slash.
    pub(crate) fn add_contact(&self, entry: &Fields) -> Resource {
        self.post("addressbook/contacts/", entries(entry))
    }

    /// An entry is changed.
    pub(crate) fn update_contact(&self, id: &ContactId, entry: &Fields) -> Resource {
        self.put(&contact(id), entries(entry))
    }

    /// An entry is removed.
    pub(crate) fn remove_contact(&self, id: &ContactId) -> Resource {
        self.delete(&contact(id))
    }

    /// One entry.
    pub(crate) fn contact(&self, id: &ContactId) -> Resource {
        self.get(&contact(id))
    }

    /// All entries.
    pub(crate) fn contacts(&self) -> Resource {
        self.get("addressbook")
    }
}

fn contact(id: &ContactId) -> String {
    format!("addressbook/contacts/{}", segment(id.as_str()))
}

fn entries(entry: &Fields) -> Value {
    let whole = entry.iter().filter(|(_, value)| !value.is_empty());
    let fields: Map<_, _> = whole.map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({"addressBookRequest": {"addressBookEntries": [fields]}})
}

/// The entries of an answer, and the number of those left out.
///
/// # Errors
///
/// The answer is no JSON.
pub(crate) fn read_entries(request: &str, body: &[u8]) -> Result<(Vec<Fields>, usize), Error> {
    let Wrapper { body } = read(request, body)?;
    let fields = |entry: Entry<'_>| {
        entry.0.into_iter().map(|(name, value)| (name, value.into_owned())).collect()
    };
    Ok((body.entries.items.into_iter().map(fields).collect(), body.entries.cut))
}
