//! The party outside of a call, and what the service knows of it (wire notes 4.9).

use serde_json::{Map, Value, json};

use super::directory::MAX_NAME;

/// The longest attribute, in bytes, and the most of them.
const MAX_VALUE: usize = 1024;
const MAX_ATTRIBUTES: usize = 64;

/// Somebody outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) address: String,
    /// The number that was called.
    pub(super) called: Option<String>,
    pub(super) queue: Option<Queue>,
    pub(super) attributes: Map<String, Value>,
}

/// The queue that a call waited in.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) id: String,
    pub(super) name: String,
}

impl Caller {
    /// Somebody of whom only the number is known.
    pub(super) fn of_number(number: &str) -> Self {
        let (name, address) = (number.to_owned(), format!("tel:{number}"));
        Self { name, address, ..Self::default() }
    }

    /// Reads the caller in an order for a call: `from: {name, address}`, `called`, `queue: {id,
    /// name}`, `attributes`.
    pub(super) fn read(body: &Value) -> Result<Self, &'static str> {
        let text = |value: &Value, default: &str| match value.as_str().unwrap_or(default) {
            text if text.len() > MAX_NAME => Err("a name or an address has at most 255 bytes"),
            text => Ok(text.to_owned()),
        };
        let queue = match &body["queue"] {
            Value::Null => None,
            queue => Some(Queue {
                id: text(&queue["id"], "queue-1")?,
                name: text(&queue["name"], "Lab Queue")?,
            }),
        };
        let attributes = match &body["attributes"] {
            Value::Null => Map::new(),
            Value::Object(attributes) => attributes.clone(),
            _ => return Err("attributes is an object"),
        };
        let fits = |(name, value): (&String, &Value)| {
            let value = value.as_str();
            name.len() <= MAX_NAME && value.is_some_and(|value| value.len() <= MAX_VALUE)
        };
        if attributes.len() > MAX_ATTRIBUTES || !attributes.iter().all(fits) {
            return Err("attributes are at most 64 texts of at most 1024 bytes");
        }
        Ok(Self {
            name: text(&body["from"]["name"], "Lab Caller")?,
            address: text(&body["from"]["address"], "tel:+15550100")?,
            called: body["called"].as_str().map(|_| text(&body["called"], "")).transpose()?,
            queue,
            attributes,
        })
    }

    /// Adds to their participant what it says besides what every one says.
    pub(super) fn tell(&self, participant: &mut Value) {
        participant["attributes"] = Value::Object(self.attributes.clone());
        if let Some(called) = &self.called {
            participant["ani"] = json!(self.address);
            participant["dnis"] = json!(called);
        }
    }
}

impl Queue {
    /// The participant that a queue is.
    pub(super) fn participant(&self, call: &str) -> Value {
        json!({
            "id": format!("{call}-queue"), "purpose": "acd", "name": self.name, "state": "terminated",
            "queueId": self.id, "queueName": self.name, "attributes": {}, "wrapupRequired": false,
            "calls": [{"id": format!("{call}-waited"), "state": "terminated", "direction": "inbound"}],
        })
    }

    /// Adds the queue to the participant of an agent to whom it gave the call.
    pub(super) fn tell(&self, participant: &mut Value) {
        participant["queueId"] = json!(self.id);
        participant["queueName"] = json!(self.name);
    }
}
