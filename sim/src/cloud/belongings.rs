//! The things of a user that have nothing to do with calls: presence and a mailbox (wire notes 8.8).

use serde_json::{Value, json};

/// The longest remark, in bytes.
const MAX_MESSAGE: usize = 255;

/// A presence that the organisation has defined.
#[derive(Debug, PartialEq, Eq)]
struct Definition {
    id: &'static str,
    /// As definitions have it: users have it in capitals, with `_`.
    system: &'static str,
    label: &'static str,
    primary: bool,
    deactivated: bool,
}

const fn own(id: &'static str, system: &'static str) -> Definition {
    Definition { id, system, label: system, primary: true, deactivated: false }
}

/// The service's own, and some that the organisation has added.
static DEFINITIONS: [Definition; 13] = [
    own("11111111-0000-4000-8000-000000000001", "Available"),
    own("11111111-0000-4000-8000-000000000002", "Busy"),
    own("11111111-0000-4000-8000-000000000003", "Away"),
    own("11111111-0000-4000-8000-000000000004", "Break"),
    own("11111111-0000-4000-8000-000000000005", "Meal"),
    own("11111111-0000-4000-8000-000000000006", "Meeting"),
    own("11111111-0000-4000-8000-000000000007", "Training"),
    own("11111111-0000-4000-8000-000000000008", "On Queue"),
    own("11111111-0000-4000-8000-000000000009", "Offline"),
    own("11111111-0000-4000-8000-00000000000a", "Idle"),
    Definition {
        label: "Coffee",
        primary: false,
        ..own("11111111-0000-4000-8000-00000000000b", "Break")
    },
    Definition {
        label: "Nap",
        primary: false,
        deactivated: true,
        ..own("11111111-0000-4000-8000-00000000000c", "Break")
    },
    // Nobody gave it a name.
    Definition { label: "", primary: false, ..own("11111111-0000-4000-8000-00000000000d", "Away") },
];

impl Definition {
    /// The one of that id, if it can be set.
    fn find(id: &str) -> Option<&'static Self> {
        DEFINITIONS.iter().find(|one| one.id == id && !one.deactivated)
    }

    fn body(&self) -> Value {
        let labels = if self.label.is_empty() { json!({}) } else { json!({"en_US": self.label}) };
        json!({
            "id": self.id, "systemPresence": self.system, "languageLabels": labels,
            "primary": self.primary, "deactivated": self.deactivated,
            "selfUri": format!("/api/v2/presence/definitions/{}", self.id),
        })
    }
}

/// The things of a user that have nothing to do with calls.
#[derive(Clone, Debug)]
pub(super) struct Belongings {
    presence: &'static Definition,
    message: String,
    /// Voicemail in all, and what was not heard of it.
    mailbox: (u64, u64),
}

impl Default for Belongings {
    fn default() -> Self {
        Self { presence: &DEFINITIONS[0], message: String::new(), mailbox: (0, 0) }
    }
}

impl Belongings {
    /// The presence as the service tells it.
    pub(super) fn presence(&self) -> Value {
        let system = self.presence.system.to_uppercase().replace(' ', "_");
        json!({
            "source": "PURECLOUD", "primary": true, "message": self.message,
            "presenceDefinition": {"id": self.presence.id, "systemPresence": system},
        })
    }

    /// Sets the presence, by a definition's id, and the remark.
    pub(super) fn set(
        &mut self,
        definition: Option<&str>,
        message: Option<&str>,
    ) -> Result<(), &'static str> {
        if message.is_some_and(|message| message.len() > MAX_MESSAGE) {
            return Err("a message has at most 255 bytes");
        }
        if let Some(id) = definition {
            self.presence = Definition::find(id).ok_or("no presence that can be set")?;
        }
        if let Some(message) = message {
            message.clone_into(&mut self.message);
        }
        Ok(())
    }

    /// The mailbox as the service tells it.
    pub(super) fn mailbox(&self) -> Value {
        let (total, unread) = self.mailbox;
        json!({
            "usageSizeBytes": total.saturating_mul(96_000), "totalCount": total,
            "unreadCount": unread, "deletedCount": 0,
        })
    }

    /// Counts the mailbox anew, as a control request has it.
    pub(super) fn count(&mut self, body: &Value) {
        let number = |key: &str| body[key].as_u64().unwrap_or_default();
        let total = number("total");
        self.mailbox = (total, number("unread").min(total));
    }
}

/// The organisation's presences, as the service tells them.
pub(super) fn definitions() -> Value {
    let entities: Vec<_> = DEFINITIONS.iter().map(Definition::body).collect();
    json!({"total": entities.len(), "entities": entities})
}

/// The id of a presence, by that or by the name of the service's own, if it can be set.
pub(super) fn named(name: &str) -> Option<&'static str> {
    let own = |one: &&Definition| one.primary && one.system.eq_ignore_ascii_case(name);
    let found = Definition::find(name).or_else(|| DEFINITIONS.iter().find(own));
    found.map(|one| one.id)
}
