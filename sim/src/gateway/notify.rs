//! Notifications: what they say, and the envelope around it (w3.1).

use serde_json::{Map, Value, json};

use super::options::StatusIn;
use super::world::World;

/// One notification to be, before its envelope.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    event: String,
    body: Map<String, Value>,
    /// The session that it is about.
    pub(super) session: Option<String>,
    status: Option<(i64, String)>,
    retry_after: Option<u64>,
    /// Comes even in bad weather: without it a client would not know where it stands.
    pub(super) certain: bool,
}

impl Notice {
    pub(super) fn new(event: &str) -> Self {
        Self {
            event: event.to_owned(),
            body: Map::new(),
            session: None,
            status: None,
            retry_after: None,
            certain: false,
        }
    }

    /// The last word about a subscription.
    pub(super) fn last(event: &str, retry_after: Option<u64>) -> Self {
        let mut last = Self::new(event);
        last.certain = true;
        last.body.extend(retry_after.map(|ms| ("retryAfter".to_owned(), json!(ms))));
        last
    }

    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        self.body.insert(key.to_owned(), value);
        self
    }

    /// Of a call: about that session.
    pub(super) fn of_session(event: &str, session: &str) -> Self {
        Self { session: Some(session.to_owned()), ..Self::new(event) }
    }

    /// A code and its words.
    pub(super) fn status(mut self, code: i64, reason: &str) -> Self {
        self.status = Some((code, reason.to_owned()));
        self
    }

    /// Milliseconds to wait before the next try.
    pub(super) fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after = Some(ms);
        self
    }

    /// One of the session's parameters.
    pub(super) fn session_param(mut self, key: &str, value: Value) -> Self {
        let params = self.body.entry("sessionParams").or_insert_with(|| json!({}));
        params[key] = value;
        self
    }

    pub(super) fn event(&self) -> &str {
        &self.event
    }

    /// The notification as text, with an id of its own, and that id.
    pub(super) fn envelope(&self, world: &mut World) -> String {
        let id = event_id(world);
        self.envelope_with(&id, world)
    }

    pub(super) fn envelope_with(&self, id: &str, world: &World) -> String {
        let options = &world.options;
        let mut body = self.body.clone();
        let mut session = match body.remove("sessionParams") {
            Some(Value::Object(params)) => params,
            _ => Map::new(),
        };
        if let Some(name) = &self.session {
            session.insert("sessionData".to_owned(), json!(name));
        }
        if let Some((code, reason)) = &self.status {
            let code = options.code(*code);
            if options.status_in != StatusIn::Session {
                body.insert("statusCode".to_owned(), code.clone());
            }
            if options.status_in != StatusIn::Top {
                session.insert("statusCode".to_owned(), code);
            }
            session.insert("reasonText".to_owned(), json!(reason));
        }
        if let Some(ms) = self.retry_after {
            session.insert("retryAfter".to_owned(), json!(ms));
        }
        if !session.is_empty() {
            body.insert("sessionParams".to_owned(), Value::Object(session));
        }
        if options.extra_keys {
            let more = [
                ("statusCode", options.code(0)),
                ("notificationChannelId", json!("lab-1")),
                ("active", json!("true")),
                ("userId", Value::Null),
                ("deviceIdentifier", json!("")),
            ];
            for (key, value) in more {
                body.entry(key).or_insert(value);
            }
        }
        body.insert("eventType".to_owned(), json!(self.event));
        body.insert("eventId".to_owned(), json!(id));
        let time = world.base.clock.unix_ms(world.base.now);
        body.insert("time".to_owned(), options.time(time));
        json!({"notificationMessage": body}).to_string()
    }
}

/// A fresh event id: nineteen digits (w3.1).
pub(super) fn event_id(world: &mut World) -> String {
    (1_000_000_000_000_000_000 + world.base.rng.next_u64() % 9_000_000_000_000_000_000).to_string()
}

/// Tells of a notification that went by the push channel: whoever plays that hands it on (w3.2).
pub(super) fn pushed(user: &str, text: &str, world: &mut World) {
    let message: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    world.base.happened("pushed", json!({"user": user, "message": message}));
}
