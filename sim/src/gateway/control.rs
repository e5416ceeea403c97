//! The gateway's part of the control API (`/control/ribbon/…`): everybody else's part.

use http::{Request, Response, header};
use serde_json::{Value, json};

use super::control_calls;
use super::directory::Unusable;
use super::house::House;
use super::notify::{Notice, event_id, pushed};
use super::stores::{presence, voicemail};
use super::subscriptions::Subscription;
use crate::service::control;
use crate::service::http::{Incoming, bad_request, json as respond, not_found};

/// Features that `GET /control/health` tells.
pub const FEATURES: [&str; 26] = [
    "ribbon",
    "answer",
    "cancel",
    "drop",
    "dtmf",
    "elsewhere",
    "faults",
    "forget",
    "glare",
    "hangup",
    "hold",
    "media",
    "music",
    "new-peer",
    "notify",
    "options",
    "parameters",
    "progress",
    "refresh",
    "reject",
    "restart",
    "ring",
    "slow-start",
    "unhold",
    "video",
    "weather",
];

/// Answers a control request below `/control/ribbon`.
pub(super) fn answer(
    house: &mut House,
    request: &Request<Vec<u8>>,
    asked: &Incoming<'_>,
    path: &[&str],
) -> Response<Vec<u8>> {
    let body = &asked.body;
    let (host, secure) = origin(request);
    match (asked.method, path) {
        ("POST", ["users"]) => {
            let world = &mut house.world;
            match world.directory.add(body, &mut world.base.rng) {
                Ok(user) => respond(200, &user.body_at(host, secure)),
                Err(why) => unusable(why),
            }
        }
        ("GET", ["users"]) => respond(200, &json!(house.world.directory.bodies(host, secure))),
        ("GET", ["users", user, "stores"]) => {
            let user = crate::service::http::decoded(user);
            match house.world.directory.user(&user) {
                Some(_) => respond(200, &house.stores.body_of(&user)),
                None => not_found(),
            }
        }
        ("PATCH", ["users", user]) => {
            let user = crate::service::http::decoded(user);
            if let Err(why) = store(house, &user, body) {
                return bad_request(&why);
            }
            match house.world.directory.change(&user, body) {
                Some(Ok(user)) => respond(200, &user.body_at(host, secure)),
                Some(Err(why)) => unusable(why),
                None => not_found(),
            }
        }
        ("GET", ["subscriptions"]) => {
            respond(200, &json!(house.subscriptions.bodies(house.world.base.now)))
        }
        ("POST", ["subscriptions", "drop"]) => drop_subscriptions(house, body),
        ("POST", ["notify"]) => notify(house, body),
        ("POST", ["weather"]) => match house.world.weather.update(body) {
            Ok(()) => respond(200, &house.world.weather.body()),
            Err(why) => bad_request(why),
        },
        ("POST", ["options"]) => match house.world.options.update(body) {
            Ok(()) => respond(200, &house.world.options.body()),
            Err(why) => bad_request(why),
        },
        ("POST", ["faults"]) => control::add_fault(&house.world.base, asked),
        ("DELETE", ["faults"]) => control::clear_faults(&house.world.base),
        (method, path) => {
            control_calls::answer(house, method, path, body).unwrap_or_else(not_found)
        }
    }
}

/// The host and the scheme by which a request came.
fn origin(request: &Request<Vec<u8>>) -> (&str, bool) {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or("127.0.0.1");
    (host, text(header::HeaderName::from_static("x-forwarded-proto")) == Some("https"))
}

/// Puts into a user's stores what a change has for them.
fn store(house: &mut House, user: &str, body: &Value) -> Result<(), String> {
    if house.world.directory.user(user).is_none() {
        return Ok(());
    }
    let stores = &mut house.stores;
    if let Some(records) = body["history"].as_array() {
        stores.history.replace(user, records);
    }
    if let Some(entries) = body["contacts"].as_array() {
        stores.contacts.replace(user, entries);
    }
    if let Some(entries) = body["directory"].as_array() {
        stores.people.replace(user, entries);
    }
    if let Some(presence) = body.get("presence") {
        presence::control(&mut house.watch(), user, presence)?;
    }
    if let Some(waiting) = body.get("mwi") {
        let House { stores, subscriptions, world, .. } = house;
        voicemail::control(&mut stores.mailboxes, user, waiting, subscriptions, world)?;
    }
    Ok(())
}

fn unusable(why: Unusable) -> Response<Vec<u8>> {
    bad_request(&why.to_string())
}

/// The ids of the subscriptions that a body names by user and correlator, or all.
fn named(house: &House, body: &Value) -> Vec<String> {
    let (user, correlator) = (body["user"].as_str(), body["correlator"].as_str());
    let is_meant = |one: &&Subscription| {
        user.is_none_or(|user| one.user == user)
            && correlator.is_none_or(|correlator| one.correlator.as_deref() == Some(correlator))
    };
    house.subscriptions.all().filter(is_meant).map(|one| one.id.clone()).collect()
}

fn drop_subscriptions(house: &mut House, body: &Value) -> Response<Vec<u8>> {
    let mode = body["mode"].as_str().unwrap_or("tcp");
    let ids = named(house, body);
    for id in &ids {
        if !house.subscriptions.befall(id, mode, body, &mut house.world) {
            return bad_request("no such mode");
        }
    }
    respond(200, &json!({"dropped": ids.len()}))
}

/// A notification as the body has it.
fn notify(house: &mut House, body: &Value) -> Response<Vec<u8>> {
    let Value::Object(message) = &body["message"] else {
        return bad_request("message is an object");
    };
    let Some(user) = body["user"].as_str() else { return bad_request("user is missing") };
    let mut message = message.clone();
    if let Some(Value::Object(inner)) = message.remove("notificationMessage") {
        message = inner;
    }
    let id = body["eventId"].as_str().map(str::to_owned);
    let id = id.unwrap_or_else(|| event_id(&mut house.world));
    message.entry("eventId").or_insert(json!(id));
    let text = json!({"notificationMessage": message}).to_string();
    if body["channel"].as_str().unwrap_or("websocket") != "websocket" {
        pushed(user, &text, &mut house.world);
    }
    let event = message.get("eventType").and_then(Value::as_str).unwrap_or_default();
    let mut sent = 0;
    if body["channel"].as_str() != Some("push") {
        let notice = Notice::new(event);
        let ids = named(house, body);
        sent = ids.len();
        for id in ids {
            house.subscriptions.send(&id, &notice, text.clone(), &mut house.world);
        }
    }
    respond(200, &json!({"sent": sent}))
}
