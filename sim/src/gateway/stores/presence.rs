//! Presence: what users say of themselves, what the gateway says of them while they are in a call,
//! and who is told (w5.5, w8.38).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::values::{NOTHING, texts};
use crate::gateway::address::plain;
use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::guesses;
use crate::gateway::notify::Notice;
use crate::gateway::reply::{Refusal, Reply, Resource};
use crate::gateway::subscriptions::Subscriptions;
use crate::gateway::world::World;

/// Users that one user watches; more are refused.
const MAX_WATCHED: usize = 1000;
/// The longest activity or note.
const MAX_TEXT: usize = 1024;

/// A user's presence.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Presence {
    status: String,
    activity: String,
    note: Option<String>,
}

impl Presence {
    fn new(status: &str, activity: &str) -> Self {
        Self { status: status.to_owned(), activity: activity.to_owned(), note: None }
    }

    fn read(body: &Value) -> Result<Self, Refusal> {
        let text = |key: &str| body[key].as_str().filter(|text| text.len() <= MAX_TEXT);
        let status = text("status").ok_or_else(|| Refusal::wrong(5, "status is missing"))?;
        let activity = text("activity").ok_or_else(|| Refusal::wrong(5, "activity is missing"))?;
        if !["open", "closed"].contains(&status) {
            return Err(Refusal::wrong(37, "status is open or closed"));
        }
        Ok(Self { note: text("note").map(str::to_owned), ..Self::new(status, activity) })
    }
}

/// The presence of all users, and who watches whom. See the [module](self).
#[derive(Default)]
pub(in crate::gateway) struct Presences {
    known: BTreeMap<String, Presence>,
    /// By user: who is told.
    watchers: BTreeMap<String, BTreeSet<String>>,
    /// Those who are on the phone.
    busy: BTreeSet<String>,
}

/// Presence, and the way to those who watch it.
pub(in crate::gateway) struct Watch<'w> {
    pub(in crate::gateway) presence: &'w mut Presences,
    pub(in crate::gateway) subscriptions: &'w mut Subscriptions,
    pub(in crate::gateway) world: &'w mut World,
}

impl Presences {
    fn watched_by(&self, user: &str) -> usize {
        self.watchers.values().filter(|watchers| watchers.contains(user)).count()
    }

    /// A user's presence as others see it.
    pub(in crate::gateway) fn of(&self, user: &str) -> Value {
        let Presence { status, activity, note } = self.told(user);
        json!({"status": status, "activity": activity, "note": note})
    }

    /// A user's presence as it is told.
    fn told(&self, user: &str) -> Presence {
        if self.busy.contains(user) {
            return Presence::new("open", guesses::ON_THE_PHONE);
        }
        self.known.get(user).cloned().unwrap_or_else(|| Presence::new("closed", "unknown"))
    }
}

pub(in crate::gateway) fn answer(at: &mut Watch<'_>, asked: &Asked<'_>) -> Outcome {
    match (asked.method, asked.path) {
        ("POST", ["presence"]) => {
            let presence = Presence::read(&asked.body["presenceRequest"])?;
            set(at, asked.user, presence);
            Ok(Reply::success(Resource::Presence, guesses::DONE, NOTHING()))
        }
        ("POST", ["presenceWatcher"]) => watch(at, asked),
        _ => Err(Refusal::wrong(1004, "no such request about presence")),
    }
}

/// Sets a user's presence as the control API has it.
pub(in crate::gateway) fn control(
    at: &mut Watch<'_>,
    user: &str,
    body: &Value,
) -> Result<(), String> {
    let presence = Presence::read(body).map_err(|refusal| refusal.wrong.unwrap_or_default())?;
    set(at, user, presence);
    Ok(())
}

/// A user who subscribes to presence is there (w5.5).
pub(in crate::gateway) fn arrived(at: &mut Watch<'_>, user: &str) {
    if at.presence.known.get(user).is_none_or(|known| known.status != "open") {
        set(at, user, Presence::new("open", "active"));
    }
}

fn set(at: &mut Watch<'_>, user: &str, presence: Presence) {
    let data = json!({"user": user, "status": presence.status, "activity": presence.activity});
    at.world.base.happened("presence", data);
    at.presence.known.insert(user.to_owned(), presence);
    tell_watchers(at, user);
}

fn tell_watchers(at: &mut Watch<'_>, user: &str) {
    let watchers = at.presence.watchers.get(user).cloned().unwrap_or_default();
    for watcher in watchers {
        tell(at, &watcher, user);
    }
}

/// Tells somebody of a user's presence.
fn tell(at: &mut Watch<'_>, watcher: &str, user: &str) {
    let Presence { status, activity, note } = at.presence.told(user);
    let mut params = json!({"name": user, "status": status, "activity": activity});
    if let Some(note) = note {
        params["note"] = json!(note);
    }
    let notice = Notice::new("presenceWatcher").with("presenceWatcherNotificationParams", params);
    at.subscriptions.tell_user(watcher, "Presence", &notice, at.world);
}

fn watch(at: &mut Watch<'_>, asked: &Asked<'_>) -> Outcome {
    let request = &asked.body["presenceWatcherRequest"];
    let users = texts(&request["userList"], MAX_WATCHED);
    let users = users.ok_or_else(|| Refusal::wrong(5, "userList is missing"))?;
    let action = request["action"].as_str().unwrap_or_default();
    if !["watch", "stopwatch", "get"].contains(&action) {
        return Err(Refusal::wrong(37, "action is watch, stopwatch or get"));
    }
    let presence = &mut *at.presence;
    let watched = presence.watched_by(asked.user) + users.len();
    if action == "watch" && watched > MAX_WATCHED {
        return Err(Refusal::code(37));
    }
    for user in users {
        let user = plain(&user).to_owned();
        let presence = &mut *at.presence;
        match action {
            "watch" => {
                let watchers = presence.watchers.entry(user.clone()).or_default();
                watchers.insert(asked.user.to_owned());
            }
            "stopwatch" => {
                if let Some(watchers) = presence.watchers.get_mut(&user) {
                    watchers.remove(asked.user);
                    if watchers.is_empty() {
                        presence.watchers.remove(&user);
                    }
                }
                continue;
            }
            _ => {}
        }
        tell(at, asked.user, &user);
    }
    Ok(Reply::success(Resource::PresenceWatcher, guesses::DONE, NOTHING()))
}

/// A user's calls changed: their watchers are told that they are on the phone, or no longer.
pub(in crate::gateway) fn phone(at: &mut Watch<'_>, user: &str, talks: bool) {
    if !at.world.options.on_the_phone {
        return;
    }
    let busy = &mut at.presence.busy;
    let changed = if talks { busy.insert(user.to_owned()) } else { busy.remove(user) };
    if changed {
        tell_watchers(at, user);
    }
}
