//! Subscriptions to SIP events (w5.5).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::values::texts;
use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::guesses;
use crate::gateway::reply::{Refusal, Reply, Resource};
use crate::gateway::subscriptions::Subscriptions;
use crate::gateway::world::World;

/// Subscriptions of all users; of those that expired all go first, then one more is refused.
const MAX_SUBSCRIPTIONS: usize = 10_000;
/// Users of one subscription.
const MAX_USERS: usize = 1000;

#[derive(Debug)]
struct SipEvent {
    user: String,
    kind: String,
    about: BTreeSet<String>,
    until: Instant,
}

/// The subscriptions of all users. See the [module](self).
#[derive(Debug, Default)]
pub(in crate::gateway) struct SipEvents {
    known: BTreeMap<String, SipEvent>,
}

impl SipEvents {
    /// A subscription that lives, of a user.
    fn of(&mut self, session: &str, user: &str, now: Instant) -> Result<&mut SipEvent, Refusal> {
        let one = self.known.get_mut(session);
        one.filter(|one| one.user == user && one.until > now).ok_or(Refusal::code(42))
    }
}

pub(in crate::gateway) fn answer(
    events: &mut SipEvents,
    asked: &Asked<'_>,
    subscriptions: &Subscriptions,
    world: &mut World,
) -> Outcome {
    let now = world.base.now;
    match (asked.method, asked.path) {
        ("POST", ["eventSubscription"]) => create(events, asked, subscriptions, world),
        ("PUT", ["eventSubscription", session]) => update(events, asked, session, world),
        ("DELETE", ["eventSubscription", session]) => {
            events.of(session, asked.user, now)?;
            events.known.remove(*session);
            Ok(Reply::nothing(Resource::EventSubscription))
        }
        _ => Err(Refusal::wrong(1004, "no such request about events")),
    }
}

fn expires(request: &Value) -> u64 {
    let (least, most) = guesses::EXPIRES;
    // Without a word, an hour (w8.24).
    request["expires"].as_u64().unwrap_or(guesses::EVENT_EXPIRES).clamp(least, most)
}

fn list(request: &Value, key: &str) -> Result<Vec<String>, Refusal> {
    match &request[key] {
        Value::Null => Ok(Vec::new()),
        list => texts(list, MAX_USERS).ok_or_else(|| Refusal::wrong(5, format!("{key} is a list"))),
    }
}

fn told(session: &str, expires: u64, status: u16) -> Reply {
    let body = json!({"expires": expires, "sessionData": session});
    Reply::success(Resource::EventSubscription, status, body)
}

fn create(
    events: &mut SipEvents,
    asked: &Asked<'_>,
    subscriptions: &Subscriptions,
    world: &mut World,
) -> Outcome {
    let now = world.base.now;
    let request = &asked.body["eventSubscriptionRequest"];
    let kind = request["eventType"].as_str().filter(|kind| kind.len() <= 255);
    let kind = kind.ok_or_else(|| Refusal::wrong(5, "eventType is missing"))?;
    let about = list(request, "subscribeUserList")?;
    if !subscriptions.of_user(asked.user).any(|one| one.has(kind)) {
        return Err(Refusal::code(35));
    }
    let known = &mut events.known;
    if known.len() >= MAX_SUBSCRIPTIONS {
        known.retain(|_, one| one.until > now);
    }
    // One for each type.
    known.retain(|_, one| one.user != asked.user || one.kind != kind);
    if known.len() >= MAX_SUBSCRIPTIONS {
        return Err(Refusal::code(503));
    }
    let (session, expires) = (world.base.rng.uuid(), expires(request));
    let one = SipEvent {
        user: asked.user.to_owned(),
        kind: kind.to_owned(),
        about: about.into_iter().collect(),
        until: now + Duration::from_secs(expires),
    };
    let data = json!({"user": asked.user, "eventType": kind, "users": one.about});
    events.known.insert(session.clone(), one);
    world.base.happened("sip-subscribed", data);
    Ok(told(&session, expires, guesses::MADE))
}

fn update(events: &mut SipEvents, asked: &Asked<'_>, session: &str, world: &mut World) -> Outcome {
    let now = world.base.now;
    let request = &asked.body["eventSubscriptionRequest"];
    let (more, less) = (list(request, "subscribeUserList")?, list(request, "unsubscribeUserList")?);
    let expires = expires(request);
    let one = events.of(session, asked.user, now)?;
    one.about.extend(more);
    one.about.retain(|user| !less.contains(user));
    if one.about.len() > MAX_USERS {
        return Err(Refusal::code(37));
    }
    one.until = now + Duration::from_secs(expires);
    let data = json!({"user": asked.user, "eventType": one.kind, "users": one.about});
    world.base.happened("sip-subscribed", data);
    Ok(told(session, expires, guesses::DONE))
}
