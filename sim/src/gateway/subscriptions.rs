//! Subscriptions of users: each by its correlator, with a life time, one notification socket, and the
//! notifications that wait for it (w2).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use offhook::machine::Wake;
use serde_json::{Value, json};

use super::agenda::Job;
use super::credentials::Claim;
use super::guesses;
use super::notify::Notice;
use super::options::Weather;
use super::world::World;
use crate::service::{ConnId, Index, Output};

/// Notifications that wait for the socket of a subscription; with one more, it is gone.
const MAX_QUEUED: usize = 200;
/// The time within which something that comes twice or out of order comes.
const SOON: u64 = 400;

/// The socket of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Socket {
    /// There is none; what is to be told waits.
    None,
    Open {
        conn: ConnId,
        /// True where the wire between is dead, and nobody knows it.
        silent: bool,
        /// The time of the client's last word.
        heard: Instant,
        /// The time between its pings, once it has sent one.
        every: Option<Duration>,
    },
}

/// One subscription. See the [module](self).
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) id: String,
    /// The name of its notification channel.
    pub(super) channel: String,
    pub(super) user: String,
    pub(super) correlator: Option<String>,
    pub(super) services: Vec<String>,
    pub(super) expires: u64,
    pub(super) until: Instant,
    /// The stand-in for the token, where the user has a key.
    pub(super) session: Option<String>,
    pub(super) socket: Socket,
    queue: VecDeque<(Option<String>, String)>,
    /// Nothing arrives before what was sent before it.
    last_due: Instant,
}

impl Subscription {
    /// Returns true if it has a service.
    pub(super) fn has(&self, service: &str) -> bool {
        self.services.iter().any(|has| has.eq_ignore_ascii_case(service))
    }

    /// The path of its resource.
    pub(super) fn path(&self) -> String {
        format!("/rest/version/1/user/{}/subscription/{}", self.user, self.id)
    }

    /// The path of its notification channel.
    pub(super) fn channel_path(&self) -> String {
        format!("/rest/version/1/user/{}/websocket/{}", self.user, self.channel)
    }

    fn about(&self) -> Value {
        json!({"user": self.user, "correlator": self.correlator, "subscription": self.id})
    }

    /// An event of the control API about it.
    pub(super) fn happened(&self, kind: &str, more: Value, world: &mut World) {
        let mut data = self.about();
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        world.base.happened(kind, data);
    }

    /// The time at which its socket has been silent for too long.
    fn silent_at(&self, world: &World) -> Option<Instant> {
        let misses = world.options.ping_misses;
        match self.socket {
            Socket::Open { heard, every: Some(every), .. } if misses > 0 => {
                Some(heard + every * misses)
            }
            Socket::Open { .. } | Socket::None => None,
        }
    }
}

/// The way in which a subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Its client is told that it is gone.
    Gone(Option<u64>),
    /// Nobody is told.
    Forgotten,
    /// Its client deleted it, or somebody else did.
    Deleted,
}

/// All subscriptions. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    by_id: BTreeMap<String, Subscription>,
    /// By user and correlator.
    by_key: BTreeMap<(String, Option<String>), String>,
    by_channel: BTreeMap<String, String>,
    by_conn: BTreeMap<ConnId, String>,
    due: Index<String, Instant>,
}

impl Subscriptions {
    // Looking

    pub(super) fn get(&self, id: &str) -> Option<&Subscription> {
        self.by_id.get(id)
    }

    pub(super) fn of_correlator(
        &self,
        user: &str,
        correlator: Option<&str>,
    ) -> Option<&Subscription> {
        let key = (user.to_owned(), correlator.map(str::to_owned));
        self.by_id.get(self.by_key.get(&key)?)
    }

    /// A user's subscriptions.
    pub(super) fn of_user(&self, user: &str) -> impl Iterator<Item = &Subscription> {
        let from = (user.to_owned(), None);
        let of_user = self.by_key.range(from..).take_while(move |((name, _), _)| name == user);
        of_user.filter_map(|(_, id)| self.by_id.get(id))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Subscription> {
        self.by_id.values()
    }

    pub(super) fn bodies(&self, now: Instant) -> Vec<Value> {
        let body = |one: &Subscription| {
            let left = one.until.saturating_duration_since(now).as_millis() as u64;
            json!({
                "id": one.id, "user": one.user, "correlator": one.correlator,
                "services": one.services, "expiresInMs": left,
                "socket": !matches!(one.socket, Socket::None), "queued": one.queue.len(),
            })
        };
        self.by_id.values().map(body).collect()
    }

    // Making and ending

    /// Makes a subscription, or renews the one of that user and correlator for another client: what
    /// is there is told so (w2.7, w8.17).
    pub(super) fn make(
        &mut self,
        user: &str,
        correlator: Option<&str>,
        services: Vec<String>,
        expires: u64,
        world: &mut World,
    ) -> &mut Subscription {
        let now = world.base.now;
        let channel = world.base.rng.uuid();
        let key = (user.to_owned(), correlator.map(str::to_owned));
        let id = match self.by_key.get(&key) {
            Some(id) => id.clone(),
            None => world.base.rng.uuid(),
        };
        self.override_socket(&id, world);
        let fresh = Subscription {
            id: id.clone(),
            channel: channel.clone(),
            user: user.to_owned(),
            correlator: key.1.clone(),
            services,
            expires,
            until: now + Duration::from_secs(expires),
            session: None,
            socket: Socket::None,
            queue: VecDeque::new(),
            last_due: now,
        };
        let old = self.by_id.remove(&id);
        let mut made = fresh;
        if let Some(old) = old {
            self.by_channel.remove(&old.channel);
            (made.session, made.queue, made.last_due) = (old.session, old.queue, old.last_due);
        }
        self.by_key.insert(key, id.clone());
        self.by_channel.insert(channel, id.clone());
        self.due.set(&id, Some(made.until));
        self.by_id.entry(id).or_insert(made)
    }

    /// Tells the client that is there that another one took its place.
    pub(super) fn override_socket(&mut self, id: &str, world: &mut World) {
        let Some(one) = self.by_id.get_mut(id) else { return };
        if let Socket::Open { conn, silent, .. } = one.socket {
            let last = Notice::last("websocketOverridden", None).envelope(world);
            say_last(conn, silent, last, world);
            one.happened("ws-closed", json!({"conn": conn.0, "why": "overridden"}), world);
            self.detach(id, world);
        }
    }

    /// Other services, and a new life time.
    pub(super) fn renew(
        &mut self,
        id: &str,
        services: Vec<String>,
        expires: u64,
        world: &World,
    ) -> Option<&mut Subscription> {
        let one = self.by_id.get_mut(id)?;
        one.services = services;
        one.expires = expires;
        one.until = world.base.now + Duration::from_secs(expires);
        self.arm(id, world);
        self.by_id.get_mut(id)
    }

    /// Ends a subscription.
    pub(super) fn end(&mut self, id: &str, farewell: Farewell, world: &mut World) {
        if let Some(Socket::Open { conn, silent, .. }) = self.by_id.get(id).map(|one| one.socket) {
            match farewell {
                Farewell::Gone(retry_after) => {
                    let last = Notice::last("gone", retry_after).envelope(world);
                    say_last(conn, silent, last, world);
                }
                Farewell::Deleted => {
                    let at = world.base.now + guesses::DELETED_GRACE;
                    world.agenda.add(at, Job::Deleted { conn });
                }
                // Nobody closes it.
                Farewell::Forgotten => {}
            }
            self.by_conn.remove(&conn);
        }
        let Some(one) = self.by_id.remove(id) else { return };
        self.by_key.remove(&(one.user, one.correlator));
        self.by_channel.remove(&one.channel);
        self.due.set(&one.id, None);
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self, world: &mut World) {
        for conn in std::mem::take(self).by_conn.into_keys() {
            world.base.push(Output::CloseSocket { conn, code: None });
        }
    }

    // Sockets

    pub(super) fn requested(&mut self, conn: ConnId, path: &str, world: &mut World) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let id = match segments.as_slice() {
            ["rest", "version", "1", "user", user, "websocket", channel] => {
                let user = crate::service::http::decoded(user);
                let id = self.by_channel.get(*channel).cloned();
                id.filter(|id| self.by_id.get(id).is_some_and(|one| one.user == user))
            }
            _ => None,
        };
        let fault = world.base.record.open().faults.take_fault("GET", path, None);
        let ordered =
            fault.and_then(|fault| fault.response()).map(|answer| answer.status().as_u16());
        let user = id.as_ref().and_then(|id| self.by_id.get(id)).map(|one| &one.user);
        let user = user.and_then(|user| world.directory.user(user));
        let token = Claim::of_query(query);
        let wrong = user.zip(token).is_some_and(|(user, token)| token.check(user).is_err());
        let ordered = ordered.or(wrong.then_some(guesses::SOCKET_REFUSED));
        let Some(id) = id.filter(|_| ordered.is_none()) else {
            let status = ordered.unwrap_or(404);
            world.base.happened("ws-refused", json!({"status": status, "path": path}));
            world.base.push(Output::Refuse { conn, status });
            return;
        };
        let Some(one) = self.by_id.get_mut(&id) else { return };
        world.base.push(Output::Accept { conn, protocol: None });
        if let Socket::Open { conn: older, .. } = one.socket {
            world
                .base
                .push(Output::CloseSocket { conn: older, code: Some(guesses::REPLACED_CLOSE) });
            one.happened("ws-closed", json!({"conn": older.0, "why": "replaced"}), world);
            self.by_conn.remove(&older);
        }
        one.socket = Socket::Open { conn, silent: false, heard: world.base.now, every: None };
        one.happened("ws-open", json!({"conn": conn.0}), world);
        for (session, text) in std::mem::take(&mut one.queue) {
            let job = Job::Text { subscription: id.clone(), session, text };
            world.agenda.add(world.base.now.max(one.last_due), job);
        }
        self.by_conn.insert(conn, id.clone());
        self.arm(&id, world);
    }

    pub(super) fn closed(&mut self, conn: ConnId, world: &mut World) {
        let Some(id) = self.by_conn.remove(&conn) else { return };
        if let Some(one) = self.by_id.get_mut(&id) {
            one.socket = Socket::None;
            one.happened("ws-closed", json!({"conn": conn.0, "why": "client"}), world);
        }
        self.arm(&id, world);
    }

    /// A client says something: a ping, or what it should not.
    pub(super) fn heard(&mut self, conn: ConnId, text: &str, world: &mut World) {
        let Some(one) = self.by_conn.get(&conn).and_then(|id| self.by_id.get_mut(id)) else {
            return;
        };
        let Socket::Open { silent: false, heard, every, .. } = &mut one.socket else { return };
        let message: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let id = one.id.clone();
        if message["message_type"] == "ping" {
            *every = Some(world.base.now.duration_since(*heard).max(Duration::from_secs(1)));
            *heard = world.base.now;
            one.happened("ping", json!({"conn": conn.0}), world);
            world.base.push(Output::SendText { conn, text: guesses::PONG.to_owned() });
        } else {
            *heard = world.base.now;
            let start: String = text.chars().take(200).collect();
            one.happened("bad-frame", json!({"conn": conn.0, "text": start}), world);
        }
        self.arm(&id, world);
    }

    /// Does something to a subscription by order of the control API. False for an
    /// unknown mode.
    pub(super) fn befall(&mut self, id: &str, mode: &str, body: &Value, world: &mut World) -> bool {
        let Some(one) = self.by_id.get_mut(id) else { return true };
        let open = match one.socket {
            Socket::Open { conn, .. } => Some(conn),
            Socket::None => None,
        };
        let code = body["code"].as_u64().and_then(|code| u16::try_from(code).ok());
        match mode {
            "tcp" | "close" => {
                let code = (mode == "close").then(|| code.unwrap_or(1001));
                if let Some(conn) = open {
                    world.base.push(Output::CloseSocket { conn, code });
                    one.happened("ws-closed", json!({"conn": conn.0, "why": mode}), world);
                    self.detach(id, world);
                }
            }
            "silent" => {
                if let Socket::Open { silent, .. } = &mut one.socket {
                    *silent = true;
                }
            }
            "gone" => self.end(id, Farewell::Gone(body["retryAfter"].as_u64()), world),
            "overridden" => self.override_socket(id, world),
            "expire" => self.end(id, Farewell::Gone(None), world),
            "forget" => self.end(id, Farewell::Forgotten, world),
            _ => return false,
        }
        true
    }

    fn detach(&mut self, id: &str, world: &World) {
        if let Some(one) = self.by_id.get_mut(id)
            && let Socket::Open { conn, .. } = std::mem::replace(&mut one.socket, Socket::None)
        {
            self.by_conn.remove(&conn);
        }
        self.arm(id, world);
    }

    // Notifications

    /// Sends a notification to all of a user's subscriptions that have a service; all have none.
    pub(super) fn tell_user(
        &mut self,
        user: &str,
        service: &str,
        notice: &Notice,
        world: &mut World,
    ) {
        let has = |one: &&Subscription| service.is_empty() || one.has(service);
        let ids: Vec<_> = self.of_user(user).filter(has).map(|one| one.id.clone()).collect();
        for id in ids {
            let text = notice.envelope(world);
            self.send(&id, notice, text, world);
        }
    }

    /// Sends the text of a notification to a subscription, as the weather lets it.
    pub(super) fn send(&mut self, id: &str, notice: &Notice, text: String, world: &mut World) {
        let Some(one) = self.by_id.get_mut(id) else { return };
        let now = world.base.now;
        let Weather { delay: (least, most), drop, duplicate, reorder, .. } = world.weather;
        let session = notice.session.clone();
        let subscription = id.to_owned();
        let job = |text: &str| Job::Text {
            subscription: subscription.clone(),
            session: session.clone(),
            text: text.to_owned(),
        };
        if notice.certain {
            return world.agenda.add(now.max(one.last_due), job(&text));
        }
        if world.chance(drop) {
            return one.happened("lost", json!({"event": notice.event()}), world);
        }
        let spread = (most - least).as_millis() as u64;
        let late = least + Duration::from_millis(world.dice.next_u64() % (spread + 1));
        let mut at = one.last_due.max(now + late);
        let soon = Duration::from_millis(1 + world.dice.next_u64() % SOON);
        if world.chance(reorder) {
            // What comes after it may overtake it.
            at += soon;
        } else {
            one.last_due = at;
        }
        world.agenda.add(at, job(&text));
        if world.chance(duplicate) {
            world.agenda.add(at + soon, job(&text));
        }
    }

    /// A notification arrives. Where there is no socket it waits; with too many, the subscription is
    /// gone.
    pub(super) fn deliver(
        &mut self,
        id: &str,
        session: Option<String>,
        text: String,
        world: &mut World,
    ) {
        let Some(one) = self.by_id.get_mut(id) else { return };
        match one.socket {
            Socket::Open { silent: true, .. } => {}
            Socket::Open { conn, .. } => world.base.push(Output::SendText { conn, text }),
            Socket::None if one.queue.len() < MAX_QUEUED => one.queue.push_back((session, text)),
            Socket::None => {
                one.happened("unsubscribed", json!({"why": "too much waits"}), world);
                self.end(id, Farewell::Gone(None), world);
            }
        }
    }

    // Time

    fn arm(&mut self, id: &str, world: &World) {
        let Some(one) = self.by_id.get(id) else { return };
        let silent = one.silent_at(world);
        let at = silent.map_or(one.until, |silent| silent.min(one.until));
        self.due.set(&one.id, Some(at));
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let (at, _) = self.due.first()?;
        Some(Wake { at: *at, reason: "a subscription" })
    }

    pub(super) fn handle_timeout(&mut self, world: &mut World) {
        for id in self.due.up_to(&world.base.now) {
            let Some(one) = self.by_id.get(&id) else { continue };
            if one.until <= world.base.now {
                one.happened("unsubscribed", json!({"why": "expired"}), world);
                self.end(&id, Farewell::Gone(None), world);
                continue;
            }
            if let Socket::Open { conn, .. } = one.socket
                && one.silent_at(world).is_some_and(|at| at <= world.base.now)
            {
                let code = Some(guesses::SILENT_CLOSE);
                world.base.push(Output::CloseSocket { conn, code });
                one.happened("ws-closed", json!({"conn": conn.0, "why": "silent"}), world);
                self.detach(&id, world);
            }
            self.arm(&id, world);
        }
    }
}

/// Says the last word to a socket, and closes it a little later.
fn say_last(conn: ConnId, silent: bool, text: String, world: &mut World) {
    if !silent {
        world.base.push(Output::SendText { conn, text });
    }
    let at = world.base.now + guesses::LAST_WORD;
    world.agenda.add(at, Job::Close { conn, code: guesses::LAST_CLOSE });
}
