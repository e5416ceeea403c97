//! Mailboxes, as far as somebody is told what waits there (w5.5).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::values::{fields, is_small};
use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::guesses;
use crate::gateway::notify::Notice;
use crate::gateway::reply::{Refusal, Reply, Resource};
use crate::gateway::subscriptions::Subscriptions;
use crate::gateway::world::World;

/// Keys that a mailbox may have.
const KNOWN: [&str; 6] = ["mwi", "totalVoice", "unheardVoice", "voice", "fax", "multimedia"];

/// The mailboxes of all users. See the [module](self).
#[derive(Debug, Default)]
pub(in crate::gateway) struct Mailboxes {
    waiting: BTreeMap<String, Map<String, Value>>,
}

impl Mailboxes {
    /// A user's mailbox, as it is told.
    pub(in crate::gateway) fn of(&self, user: &str) -> Map<String, Value> {
        self.waiting.get(user).cloned().unwrap_or_else(empty)
    }
}

/// An empty mailbox.
fn empty() -> Map<String, Value> {
    let counts = guesses::mail_counts();
    let body = json!({
        "mwi": "no", "totalVoice": "0", "unheardVoice": "0",
        "voice": counts, "fax": counts, "multimedia": counts,
    });
    fields(&body)
}

pub(in crate::gateway) fn answer(mailboxes: &Mailboxes, asked: &Asked<'_>) -> Outcome {
    if asked.method != "GET" {
        return Err(Refusal::wrong(1004, "no such request about voicemail"));
    }
    let body = Value::Object(mailboxes.of(asked.user));
    Ok(Reply::success(Resource::Voicemail, guesses::DONE, body))
}

/// Something else waits from now on; the user is told.
pub(in crate::gateway) fn control(
    mailboxes: &mut Mailboxes,
    user: &str,
    body: &Value,
    subscriptions: &mut Subscriptions,
    world: &mut World,
) -> Result<(), String> {
    let Value::Object(changes) = body else { return Err("mwi is an object".to_owned()) };
    if !is_small(body) {
        return Err("mwi is too long".to_owned());
    }
    let waiting = mailboxes.waiting.entry(user.to_owned()).or_insert_with(empty);
    waiting.extend(changes.clone());
    waiting.retain(|key, _| KNOWN.contains(&key.as_str()));
    let notice = Notice::new("mwi").with("mwiNotificationParam", json!(waiting));
    subscriptions.tell_user(user, "", &notice, world);
    Ok(())
}
