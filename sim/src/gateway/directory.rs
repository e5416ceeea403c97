//! Users of the gateway: their secrets, and the services that they may subscribe to.

use std::collections::{BTreeMap, VecDeque};

use offhook::Rng;
use serde_json::{Value, json};

use super::guesses;

/// Users at once; one more is refused.
const MAX_USERS: usize = 10_000;
/// The longest name, in bytes; and the longest secret.
pub(super) const MAX_NAME: usize = 255;
const MAX_SECRET: usize = 4096;
/// Services of a user; more are left out.
const MAX_SERVICES: usize = 64;
/// Bearer tokens that are known to have expired, and session ids that are known; the oldest go.
const MAX_OLD: usize = 32;
/// Services that everybody has unless something else is said. The last stands for all events.
const SERVICES: [&str; 6] = ["call", "Presence", "IM", "custom", "CallLog", "event:*"];

/// The reason why there cannot be such a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("there are too many users")]
    TooMany,
    #[error("a name has 1 to 255 bytes, a secret at most 4096")]
    Length,
    #[error("state is ok, disabled or locked")]
    State,
}

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    Ok,
    Disabled,
    Locked,
}

impl Account {
    fn named(name: &str) -> Option<Self> {
        [Self::Ok, Self::Disabled, Self::Locked].into_iter().find(|state| state.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Disabled => "disabled",
            Self::Locked => "locked",
        }
    }
}

/// Somebody who can log in.
#[derive(Clone, Debug)]
pub(super) struct User {
    /// The login name, `alice@example.com`.
    pub(super) name: String,
    pub(super) password: String,
    pub(super) authname: Option<String>,
    pub(super) bearer: Option<String>,
    /// Bearer tokens that were valid once.
    pub(super) expired: VecDeque<String>,
    pub(super) hmac_key: Option<String>,
    /// Session ids that stand for a token of that key (w8.21).
    pub(super) sessions: VecDeque<String>,
    pub(super) display_name: String,
    pub(super) services: Vec<String>,
    pub(super) max_sessions: usize,
    pub(super) account: Account,
}

impl User {
    /// Takes what a control request names and leaves the rest.
    fn change(&mut self, body: &Value) -> Result<(), Unusable> {
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        self.password = text("password").unwrap_or_else(|| self.password.clone());
        self.authname = text("authname").or_else(|| self.authname.take());
        self.hmac_key = text("hmacKey").or_else(|| self.hmac_key.take());
        self.display_name = text("displayName").unwrap_or_else(|| self.display_name.clone());
        if let Some(bearer) = text("bearer") {
            let old = self.bearer.replace(bearer.clone()).filter(|old| *old != bearer);
            self.expired.retain(|known| *known != bearer);
            keep(&mut self.expired, old);
        }
        if let Some(services) = body["services"].as_array() {
            let services = services.iter().filter_map(Value::as_str).map(str::to_owned);
            self.services = services.take(MAX_SERVICES).collect();
        }
        if let Some(most) = body["maxSessions"].as_u64() {
            self.max_sessions = (most as usize).min(guesses::MAX_SESSIONS);
        }
        if let Some(state) = body["state"].as_str() {
            self.account = Account::named(state).ok_or(Unusable::State)?;
        }
        let names = [Some(&self.name), Some(&self.display_name), self.authname.as_ref()];
        let secrets = [Some(&self.password), self.bearer.as_ref(), self.hmac_key.as_ref()];
        let fits = self.services.iter().all(|name| name.len() <= MAX_NAME)
            && names.into_iter().flatten().all(|name| name.len() <= MAX_NAME)
            && secrets.into_iter().flatten().all(|secret| secret.len() <= MAX_SECRET)
            && !self.name.is_empty();
        if fits { Ok(()) } else { Err(Unusable::Length) }
    }

    /// A session id that stands for the token from now on.
    pub(super) fn remember_session(&mut self, session: &str) {
        self.sessions.retain(|known| known != session);
        keep(&mut self.sessions, Some(session.to_owned()));
    }

    /// The user's own name for a service, where they have it. Names are compared without case (w2.1).
    pub(super) fn service(&self, asked: &str) -> Option<String> {
        self.services.iter().find_map(|has| match has.strip_suffix('*') {
            Some(prefix) => {
                let head = asked.get(..prefix.len())?;
                head.eq_ignore_ascii_case(prefix).then(|| asked.to_owned())
            }
            None => has.eq_ignore_ascii_case(asked).then(|| has.clone()),
        })
    }

    /// The user as the control API tells them.
    fn body(&self) -> Value {
        json!({
            "user": self.name, "password": self.password, "authname": self.authname,
            "bearer": self.bearer, "hmacKey": self.hmac_key, "displayName": self.display_name,
            "services": self.services, "maxSessions": self.max_sessions,
            "state": self.account.name(),
        })
    }

    /// The same with the addresses at which the request for it came.
    pub(super) fn body_at(&self, host: &str, secure: bool) -> Value {
        let s = if secure { "s" } else { "" };
        let mut body = self.body();
        body["restUrl"] = json!(format!("http{s}://{host}"));
        body["wsUrl"] = json!(format!("ws{s}://{host}"));
        body
    }
}

fn keep(list: &mut VecDeque<String>, new: Option<String>) {
    list.extend(new);
    while list.len() > MAX_OLD {
        list.pop_front();
    }
}

/// All users. See the [module](self).
#[derive(Debug)]
pub(super) struct Directory {
    domain: String,
    users: BTreeMap<String, User>,
}

impl Directory {
    pub(super) fn new(domain: &str) -> Self {
        Self { domain: domain.to_owned(), users: BTreeMap::new() }
    }

    pub(super) fn clear(&mut self) {
        self.users.clear();
    }

    /// Makes a user as a control request describes them, or makes the one of that name anew.
    pub(super) fn add(&mut self, body: &Value, rng: &mut Rng) -> Result<&User, Unusable> {
        let name = match body["user"].as_str() {
            Some(name) if name.contains('@') => name.to_owned(),
            Some(name) => format!("{name}@{}", self.domain),
            None => format!("user{}@{}", self.users.len() + 1, self.domain),
        };
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&name) {
            return Err(Unusable::TooMany);
        }
        let local = name.split('@').next().unwrap_or_default().to_owned();
        let mut user = User {
            name: name.clone(),
            password: format!("lab-{:08x}", rng.next_u64() as u32),
            authname: None,
            bearer: None,
            expired: VecDeque::new(),
            hmac_key: None,
            sessions: VecDeque::new(),
            display_name: local,
            services: SERVICES.map(str::to_owned).into(),
            max_sessions: guesses::MAX_SESSIONS,
            account: Account::Ok,
        };
        user.change(body)?;
        let entry = self.users.entry(name);
        Ok(&*entry.insert_entry(user).into_mut())
    }

    /// Changes a user; none of that name is none.
    pub(super) fn change(&mut self, name: &str, body: &Value) -> Option<Result<&User, Unusable>> {
        let user = self.users.get_mut(name)?;
        let mut new = user.clone();
        Some(new.change(body).map(|()| {
            *user = new;
            &*user
        }))
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    pub(super) fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.get_mut(name)
    }

    pub(super) fn bodies(&self, host: &str, secure: bool) -> Vec<Value> {
        self.users.values().map(|user| user.body_at(host, secure)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_too_many_is_refused_and_one_that_is_there_may_be_made_anew() {
        let mut rng = offhook::Seed::from(1).rng();
        let mut directory = Directory::new("example.com");
        for n in 0..MAX_USERS {
            directory.add(&json!({"user": format!("u{n}")}), &mut rng).unwrap();
        }
        assert_eq!(directory.add(&json!({}), &mut rng).unwrap_err(), Unusable::TooMany);
        let again = directory.add(&json!({"user": "u7", "password": "x"}), &mut rng).unwrap();
        assert_eq!((&*again.name, &*again.password), ("u7@example.com", "x"));
    }

    #[test]
    fn old_tokens_are_known_to_be_old_up_to_a_bound() {
        let mut rng = offhook::Seed::from(1).rng();
        let mut directory = Directory::new("example.com");
        directory.add(&json!({"user": "a", "bearer": "t0"}), &mut rng).unwrap();
        for n in 1..100 {
            let bearer = json!({"bearer": format!("t{n}")});
            directory.change("a@example.com", &bearer).unwrap().unwrap();
        }
        let user = directory.user("a@example.com").unwrap();
        assert_eq!((user.expired.len(), user.bearer.as_deref()), (MAX_OLD, Some("t99")));
        let long = json!({"password": "x".repeat(MAX_SECRET + 1)});
        assert_eq!(
            directory.change("a@example.com", &long).unwrap().unwrap_err(),
            Unusable::Length
        );
        assert_eq!(directory.user("a@example.com").unwrap().bearer.as_deref(), Some("t99"));
    }
}
