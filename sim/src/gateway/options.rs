//! Switches of the control API: how the gateway behaves (`POST /control/ribbon/options`).

use std::time::Duration;

use serde_json::{Value, json};

use super::guesses;

/// The place of a status in a notification, and of a refusal in an answer to a subscriber (w3.1,
/// w2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusIn {
    /// At the top alone.
    Top,
    /// With the session's parameters alone.
    Session,
    Both,
}

/// The time at which the client that answers is told that others need not ring any more, by its own
/// answer's reply (w8.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelToAnswerer {
    Before,
    After,
    Random,
}

/// The behaviour of the gateway.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) broker: bool,
    pub(super) turn_credentials: bool,
    pub(super) turn_lifetime: u64,
    /// The services that are granted at most; all that a user has where none are named.
    pub(super) services_granted: Option<Vec<String>>,
    pub(super) expires_max: u64,
    pub(super) status_in: StatusIn,
    pub(super) codes_as_text: bool,
    /// Milliseconds to wait after a 491 and a 503; drawn, or none, where nothing is said.
    pub(super) retry_after: Option<u64>,
    pub(super) audit_misses: u32,
    pub(super) ping_misses: u32,
    pub(super) offer_during_answer: bool,
    pub(super) cancel_to_answerer: CancelToAnswerer,
    /// The HTTP status of a redirection that each request meets, and its origin.
    pub(super) redirect: Option<u16>,
    pub(super) redirect_to: String,
    /// The redirections of one request.
    pub(super) redirect_times: u32,
    pub(super) extra_keys: bool,
    pub(super) time_as_text: bool,
    pub(super) on_the_phone: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            broker: false,
            turn_credentials: true,
            turn_lifetime: 86_400,
            services_granted: None,
            expires_max: guesses::EXPIRES.1,
            status_in: StatusIn::Both,
            codes_as_text: false,
            retry_after: None,
            audit_misses: guesses::AUDIT_MISSES,
            ping_misses: guesses::PING_MISSES,
            offer_during_answer: false,
            cancel_to_answerer: CancelToAnswerer::Random,
            redirect: None,
            redirect_to: String::new(),
            redirect_times: 1,
            extra_keys: false,
            time_as_text: false,
            on_the_phone: true,
        }
    }
}

impl Options {
    /// Takes what a request names and leaves the rest.
    pub(super) fn update(&mut self, body: &Value) -> Result<(), &'static str> {
        let mut new = self.clone();
        let flags = [
            ("broker", &mut new.broker),
            ("turnCredentials", &mut new.turn_credentials),
            ("codesAsText", &mut new.codes_as_text),
            ("offerDuringAnswer", &mut new.offer_during_answer),
            ("extraKeys", &mut new.extra_keys),
            ("timeAsText", &mut new.time_as_text),
            ("onThePhone", &mut new.on_the_phone),
        ];
        for (key, field) in flags {
            *field = body[key].as_bool().unwrap_or(*field);
        }
        let seconds =
            [("turnLifetimeS", &mut new.turn_lifetime), ("expiresMax", &mut new.expires_max)];
        for (key, field) in seconds {
            *field = body[key].as_u64().unwrap_or(*field);
        }
        let counts = [
            ("auditMisses", &mut new.audit_misses),
            ("pingMisses", &mut new.ping_misses),
            ("redirectTimes", &mut new.redirect_times),
        ];
        for (key, field) in counts {
            let count = body[key].as_u64().map(|count| count.min(1000) as u32);
            *field = count.unwrap_or(*field);
        }
        match body.get("servicesGranted") {
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str).map(str::to_owned);
                new.services_granted = Some(names.collect());
            }
            Some(Value::Null) => new.services_granted = None,
            _ => {}
        }
        match body.get("retryAfterMs") {
            Some(Value::Null) => new.retry_after = None,
            Some(ms) => new.retry_after = ms.as_u64().or(new.retry_after),
            None => {}
        }
        match body.get("redirect") {
            Some(Value::Null | Value::Bool(false)) => new.redirect = None,
            Some(status) => match status.as_u64() {
                Some(status @ (301 | 302 | 303 | 307 | 308)) => new.redirect = Some(status as u16),
                _ => return Err("redirect is 301, 302, 303, 307 or 308"),
            },
            None => {}
        }
        if let Some(origin) = body["redirectTo"].as_str() {
            if !http::HeaderValue::from_str(origin).is_ok_and(|_| origin.len() <= 512) {
                return Err("redirectTo is an origin");
            }
            origin.clone_into(&mut new.redirect_to);
        }
        new.status_in = match body["statusIn"].as_str() {
            None => new.status_in,
            Some("top") => StatusIn::Top,
            Some("session") => StatusIn::Session,
            Some("both") => StatusIn::Both,
            Some(_) => return Err("statusIn is top, session or both"),
        };
        new.cancel_to_answerer = match body["cancelToAnswerer"].as_str() {
            None => new.cancel_to_answerer,
            Some("before") => CancelToAnswerer::Before,
            Some("after") => CancelToAnswerer::After,
            Some("random") => CancelToAnswerer::Random,
            Some(_) => return Err("cancelToAnswerer is before, after or random"),
        };
        *self = new;
        Ok(())
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "broker": self.broker, "turnCredentials": self.turn_credentials,
            "turnLifetimeS": self.turn_lifetime, "servicesGranted": self.services_granted,
            "expiresMax": self.expires_max,
            "statusIn": match self.status_in {
                StatusIn::Top => "top", StatusIn::Session => "session", StatusIn::Both => "both",
            },
            "codesAsText": self.codes_as_text, "retryAfterMs": self.retry_after,
            "auditMisses": self.audit_misses, "pingMisses": self.ping_misses,
            "offerDuringAnswer": self.offer_during_answer,
            "cancelToAnswerer": match self.cancel_to_answerer {
                CancelToAnswerer::Before => "before", CancelToAnswerer::After => "after",
                CancelToAnswerer::Random => "random",
            },
            "redirect": self.redirect, "redirectTo": self.redirect_to,
            "redirectTimes": self.redirect_times,
            "extraKeys": self.extra_keys, "timeAsText": self.time_as_text,
            "onThePhone": self.on_the_phone,
        })
    }

    /// A code as bodies have it: a number, or its digits (w8.32).
    pub(super) fn code(&self, code: i64) -> Value {
        if self.codes_as_text { json!(code.to_string()) } else { json!(code) }
    }

    /// A time as notifications have it (w3.1).
    pub(super) fn time(&self, unix_ms: u64) -> Value {
        if self.time_as_text { json!(unix_ms.to_string()) } else { json!(unix_ms) }
    }
}

/// The weather between the gateway and its clients: chances of 0 to 1, and a delay
/// (`POST /control/ribbon/weather`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weather {
    /// The least and the most that a notification is late.
    pub(super) delay: (Duration, Duration),
    pub(super) duplicate: f64,
    pub(super) drop: f64,
    pub(super) reorder: f64,
    pub(super) notify_before_reply: f64,
}

/// The longest delay.
const MAX_DELAY: u64 = 60_000;

impl Weather {
    /// Takes what a request names and leaves the rest.
    pub(super) fn update(&mut self, body: &Value) -> Result<(), &'static str> {
        let mut new = *self;
        match &body["delayMs"] {
            Value::Null => {}
            Value::Array(ends) => {
                let [Some(least), Some(most)] = [0, 1].map(|n| ends.get(n).and_then(Value::as_u64))
                else {
                    return Err("delayMs is two numbers");
                };
                let ms = |ms: u64| Duration::from_millis(ms.min(MAX_DELAY));
                new.delay = (ms(least.min(most)), ms(most));
            }
            _ => return Err("delayMs is two numbers"),
        }
        let chances = [
            ("duplicate", &mut new.duplicate),
            ("drop", &mut new.drop),
            ("reorder", &mut new.reorder),
            ("notifyBeforeReply", &mut new.notify_before_reply),
        ];
        for (key, field) in chances {
            *field = match &body[key] {
                Value::Null => *field,
                Value::Bool(always) => f64::from(u8::from(*always)),
                chance => match chance.as_f64() {
                    Some(chance) => chance.clamp(0.0, 1.0),
                    None => return Err("a chance is a number of 0 to 1"),
                },
            };
        }
        *self = new;
        Ok(())
    }

    pub(super) fn body(&self) -> Value {
        let (least, most) = self.delay;
        json!({
            "delayMs": [least.as_millis() as u64, most.as_millis() as u64],
            "duplicate": self.duplicate, "drop": self.drop, "reorder": self.reorder,
            "notifyBeforeReply": self.notify_before_reply,
        })
    }
}
