//! Requests about subscriptions (w2.1, w2.3, w2.4).

use serde_json::{Map, Value, json};

use super::asked::{Asked, Outcome};
use super::credentials::Claim;
use super::directory::User;
use super::guesses;
use super::house::House;
use super::reply::{Refusal, Reply, Resource};
use super::subscriptions::{Farewell, Subscription};
use super::world::World;

/// Services that there are, whether a user has them or not.
const KNOWN: [&str; 5] = ["call", "presence", "im", "custom", "calllog"];
/// Services of one subscription.
const MAX_SERVICES: usize = 64;

pub(super) fn answer(house: &mut House, asked: &Asked<'_>, path: &[&str]) -> Outcome {
    match (asked.method, path) {
        ("POST", []) => create(house, asked),
        ("GET", []) => Ok(list(house, asked)),
        ("PUT", ["clientCorrelator", correlator]) => {
            let one = house.subscriptions.of_correlator(asked.user, Some(correlator));
            let id = one.map(|one| one.id.clone()).ok_or(Refusal::code(39))?;
            update(house, asked, &id)
        }
        ("PUT", [id]) => update(house, asked, &own(house, asked, id)?),
        ("DELETE", [id]) => {
            let id = own(house, asked, id)?;
            delete(house, &id);
            Ok(Reply::nothing(Resource::Subscription))
        }
        _ => Err(Refusal::wrong(1004, "no such request about subscriptions")),
    }
}

/// The id of a subscription, where it is the user's.
fn own(house: &House, asked: &Asked<'_>, id: &str) -> Result<String, Refusal> {
    let one = house.subscriptions.get(id).filter(|one| one.user == asked.user);
    one.map(|one| one.id.clone()).ok_or(Refusal::code(39))
}

/// The contents of a request.
struct Wish {
    services: Vec<String>,
    expires: u64,
    use_turn: bool,
    more: Map<String, Value>,
}

impl Wish {
    fn read(asked: &Asked<'_>, world: &World) -> Result<Self, Refusal> {
        let wish = &asked.body["subscribeRequest"];
        let missing = |what: &str| Refusal::wrong(5, format!("{what} is missing"));
        // A number, or its digits (w2.1).
        let expires = match &wish["expires"] {
            Value::String(digits) => digits.parse().ok(),
            number => number.as_u64(),
        };
        let expires = expires.ok_or_else(|| missing("expires"))?;
        let (least, most) = guesses::EXPIRES;
        let most = most.min(world.options.expires_max).max(1);
        let kind = wish["notificationType"].as_str().ok_or_else(|| missing("notificationType"))?;
        if !kind.eq_ignore_ascii_case("websocket") {
            return Err(Refusal::wrong(37, "notificationType is WebSocket"));
        }
        let names = wish["service"].as_array().ok_or_else(|| missing("service"))?;
        let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
        let names = names.filter(|names| names.len() <= MAX_SERVICES);
        let names = names.ok_or_else(|| missing("service"))?;
        let user = world.directory.user(asked.user).ok_or(Refusal::code(4))?;
        let more = ["localization", "useTurn"];
        Ok(Self {
            services: granted(user, &names, world)?,
            expires: expires.max(least).min(most),
            use_turn: wish["useTurn"].as_bool().unwrap_or(true),
            more: more.iter().map(|key| ((*key).to_owned(), wish[*key].clone())).collect(),
        })
    }
}

/// The services of those asked for that the user gets. Unknown ones, and none at all, are refused.
fn granted(user: &User, asked: &[&str], world: &World) -> Result<Vec<String>, Refusal> {
    let is_known = |name: &str| {
        let plain = name.to_ascii_lowercase();
        KNOWN.contains(&plain.as_str()) || plain.starts_with("event:")
    };
    let mut services: Vec<String> = Vec::new();
    for name in asked {
        let has = user.service(name);
        if has.is_none() && !is_known(name) {
            return Err(Refusal::code(37));
        }
        services.extend(has.filter(|has| !services.contains(has)));
    }
    if let Some(most) = &world.options.services_granted {
        services.retain(|name| most.iter().any(|granted| granted.eq_ignore_ascii_case(name)));
    } else if services.is_empty() {
        return Err(Refusal::code(37));
    }
    Ok(services)
}

fn create(house: &mut House, asked: &Asked<'_>) -> Outcome {
    let made = make(house, asked);
    if let Err(refusal) = &made {
        let data = json!({"user": asked.user, "statusCode": refusal.code});
        house.world.base.happened("subscribe-refused", data);
    }
    made
}

fn make(house: &mut House, asked: &Asked<'_>) -> Outcome {
    let world = &mut house.world;
    let correlator = match &asked.body["subscribeRequest"]["clientCorrelator"] {
        Value::Null => None,
        Value::String(text) if guesses::is_correlator(text) => Some(text.as_str()),
        _ => return Err(Refusal::wrong(38, "clientCorrelator has other signs")),
    };
    let wish = Wish::read(asked, world)?;
    let most = world.directory.user(asked.user).map_or(0, |user| user.max_sessions);
    let is_new = house.subscriptions.of_correlator(asked.user, correlator).is_none();
    if is_new && house.subscriptions.of_user(asked.user).count() >= most {
        return Err(Refusal::code(19));
    }
    let services = wish.services.clone();
    let one = house.subscriptions.make(asked.user, correlator, services, wish.expires, world);
    if matches!(asked.claim, Claim::Token(_) | Claim::Session(_)) {
        let session = one.session.take().unwrap_or_else(|| world.base.rng.uuid());
        if let Some(user) = world.directory.user_mut(asked.user) {
            user.remember_session(&session);
        }
        one.session = Some(session);
    }
    let one = one.clone();
    one.happened("subscribed", json!({"services": one.services, "expires": one.expires}), world);
    world.base.log(format!("{} subscribed", one.user));
    let body = told(&one, &wish, world);
    Ok(Reply::success(Resource::Subscription, guesses::MADE, body))
}

fn update(house: &mut House, asked: &Asked<'_>, id: &str) -> Outcome {
    let world = &mut house.world;
    let wish = Wish::read(asked, world)?;
    let before = house.subscriptions.get(id).map(|one| one.services.clone());
    let services = wish.services.clone();
    let one = house.subscriptions.renew(id, services, wish.expires, world);
    let one = one.ok_or(Refusal::code(39))?.clone();
    let same = before.as_ref() == Some(&one.services);
    let kind = if same { "renewed" } else { "updated" };
    one.happened(kind, json!({"services": one.services, "expires": one.expires}), world);
    let body = told(&one, &wish, world);
    let reply = Reply::success(Resource::Subscription, guesses::DONE, body);
    // The other code of success (w1.6).
    Ok(if same || !world.options.extra_keys { reply } else { reply.with_code(2) })
}

/// A subscription as its client is told it.
fn told(one: &Subscription, wish: &Wish, world: &mut World) -> Value {
    let mut params = wish.more.clone();
    params.retain(|_, value| !value.is_null());
    params.insert("notificationChannel".to_owned(), json!(one.channel_path()));
    params.insert("notificationType".to_owned(), json!("WebSocket"));
    params.insert("service".to_owned(), json!(one.services));
    params.insert("expires".to_owned(), json!(one.expires));
    if let Some(correlator) = &one.correlator {
        params.insert("clientCorrelator".to_owned(), json!(correlator));
    }
    if let Some(session) = &one.session {
        params.insert("sessionId".to_owned(), json!(session));
    }
    // New ones each time (w8.22).
    if wish.use_turn && world.options.turn_credentials {
        let until = world.base.clock.unix_ms(world.base.now) / 1000 + world.options.turn_lifetime;
        let secret = world.base.rng.uuid();
        let turn = json!({"username": format!("{until}:{}", one.user), "password": secret});
        params.insert("turnCredentials".to_owned(), turn);
    }
    json!({"subscription": one.path(), "subscriptionParams": params})
}

fn delete(house: &mut House, id: &str) {
    let world = &mut house.world;
    let Some(one) = house.subscriptions.get(id).cloned() else { return };
    one.happened("unsubscribed", json!({"why": "deleted"}), world);
    house.subscriptions.end(id, Farewell::Deleted, world);
}

/// The user's subscriptions (w8.39).
fn list(house: &House, asked: &Asked<'_>) -> Reply {
    let one = |one: &Subscription| {
        json!({
            "subscription": one.path(), "clientCorrelator": one.correlator, "expires": one.expires,
        })
    };
    let all: Vec<_> = house.subscriptions.of_user(asked.user).map(one).collect();
    Reply::whole(guesses::DONE, json!({"subscriptions": all}))
}
