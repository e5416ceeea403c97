//! Address books: the client's beside the gateway's.

use std::collections::BTreeMap;

use offhook::ribbon::{Client, Contact};
use serde_json::Value;

/// The entries of the gateway's book, by name, as far as agents fill them in.
fn there(book: &Value) -> BTreeMap<String, [String; 4]> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let entries = book.as_array().into_iter().flatten();
    let fields = ["primaryContact", "firstName", "lastName", "workPhone"];
    entries.map(|entry| (text(entry, "nickname"), fields.map(|key| text(entry, key)))).collect()
}

fn here(contact: &Contact) -> (String, [String; 4]) {
    let fields =
        [&contact.primary_contact, &contact.first_name, &contact.last_name, &contact.work_phone];
    (contact.contact_id.clone(), fields.map(Clone::clone))
}

/// No. 31: both have the same entries.
pub(super) fn agree(client: &Client, book: &Value) -> Result<(), String> {
    let (here, there): (BTreeMap<_, _>, _) = (client.contacts().map(here).collect(), there(book));
    match here == there {
        true => Ok(()),
        false => Err(format!("here {here:?}, there {there:?}")),
    }
}
