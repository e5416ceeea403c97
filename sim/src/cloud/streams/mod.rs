//! XMPP streams: their sockets, who is at the other end, and what is delivered to them (wire notes
//! 2, 3, 4). What clients ask of the stream itself is in [`stanzas`].

pub(super) mod stanzas;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use offhook::genesys::wire::{Frame, Iq, Message, Payload};
use offhook::machine::Wake;
use offhook::xmpp::{Close, Jid, PubSubEvent, PubSubItem, StreamError};
use serde_json::{Value, json};

use super::directory::User;
use super::topics::Listeners;
use super::untidy::Company;
use super::world::World;
use crate::service::{ConnId, Index, Output};

/// The notification that nobody waits for: its topic, and its text.
const HEARTBEAT: (&str, &str) = (
    "channel.metadata",
    r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#,
);
/// Sockets at once; one more is refused.
const MAX_CONNS: usize = 20_000;
/// Topics subscribed over one stream; one more is refused.
const MAX_TOPICS: usize = 1000;

/// The way that a socket came in.
#[derive(Clone, Debug)]
enum Door {
    Channel(String),
    /// The user whom a JWT admits; none for a guest whom no room knows.
    Jwt(Option<String>),
}

/// The stage of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The socket is open.
    Fresh,
    /// Mechanisms are offered.
    Hello,
    /// SASL is through; the stream starts anew.
    Authenticated,
    /// Features are offered.
    Restarted,
    /// Bound to a resource.
    Bound,
    /// We closed it.
    Closing,
}

#[derive(Debug)]
struct Conn {
    door: Door,
    stage: Stage,
    user: Option<String>,
    jid: Option<Jid>,
    topics: BTreeSet<String>,
    /// The id of our latest `<open/>`.
    name: Option<String>,
    /// True if it can ring.
    alertable: bool,
}

/// All streams. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Streams {
    conns: BTreeMap<ConnId, Conn>,
    by_user: Index<ConnId, String>,
    by_jid: Index<ConnId, Jid>,
    /// The connections that subscribed to topics over the stream itself.
    listening: Listeners<ConnId>,
    /// The times of our next pings, where the client asked for them.
    pings: Index<ConnId, Instant>,
    /// By user: the name of the connection that rings.
    leaders: BTreeMap<String, String>,
}

impl Streams {
    // Sockets

    pub(super) fn requested(&mut self, conn: ConnId, path: &str, world: &mut World) {
        let door = match path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice() {
            ["stream", "channels", channel] => {
                let known = world.directory.channels.contains_key(*channel);
                known.then(|| Door::Channel((*channel).to_owned())).ok_or(404)
            }
            ["stream", "jwt", jwt] if world.directory.guests.admits(jwt) => {
                Ok(Door::Jwt(world.directory.guests.admitted(jwt).map(str::to_owned)))
            }
            ["stream", "jwt", _] => Err(401),
            _ => Err(404),
        };
        match door {
            Ok(_) if self.conns.len() >= MAX_CONNS => {
                world.base.push(Output::Refuse { conn, status: 503 });
            }
            Err(status) => {
                world.base.happened("ws-refused", json!({"status": status}));
                world.base.push(Output::Refuse { conn, status });
            }
            Ok(door) => {
                if let Door::Channel(id) = &door
                    && let Some(channel) = world.directory.channels.get_mut(id)
                    && let Some(older) = channel.conn.replace(conn)
                {
                    // Another socket takes the channel (wire notes 3.4).
                    self.notice(older, &format!("system.v2.no_longer_subscribed.{id}"), id, world);
                    self.close(older, world);
                }
                let fresh = Conn {
                    door,
                    stage: Stage::Fresh,
                    user: None,
                    jid: None,
                    topics: BTreeSet::new(),
                    name: None,
                    alertable: false,
                };
                self.conns.insert(conn, fresh);
                world.base.happened("ws-open", json!({"conn": conn.0}));
                world.base.push(Output::Accept { conn, protocol: Some("xmpp") });
            }
        }
    }

    pub(super) fn closed(&mut self, conn: ConnId, world: &mut World) {
        let Some(gone) = self.conns.remove(&conn) else { return };
        self.by_user.set(&conn, None);
        self.by_jid.set(&conn, None);
        self.pings.set(&conn, None);
        for topic in &gone.topics {
            self.listening.remove(topic, &conn);
        }
        if let Door::Channel(id) = &gone.door
            && let Some(channel) = world.directory.channels.get_mut(id)
            && channel.conn == Some(conn)
        {
            channel.conn = None;
        }
        let jid = gone.jid.as_ref().map(Jid::as_str);
        world.base.happened("ws-closed", json!({"conn": conn.0, "userId": gone.user, "jid": jid}));
        if let Some(jid) = jid {
            world.base.log(format!("{jid} left"));
        }
        if let (Some(user), Some(name)) = (&gone.user, &gone.name) {
            self.stop_leading(user, name, world);
        }
    }

    /// Ends a stream politely; the client answers and the socket closes.
    pub(super) fn close(&mut self, conn: ConnId, world: &mut World) {
        self.send(conn, &Frame::Close(Close { see_other_uri: None }), world);
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.stage = Stage::Closing;
        }
    }

    /// Ends everything.
    pub(super) fn clear(&mut self, world: &mut World) {
        for conn in self.conns.keys().copied().collect::<Vec<_>>() {
            world.base.push(Output::CloseSocket { conn, code: Some(1001) });
            self.closed(conn, world);
        }
    }

    /// The connections of a user, or all, newest last.
    pub(super) fn of_user(&self, user: Option<&str>) -> Vec<ConnId> {
        match user {
            Some(user) => self.by_user.of(user).copied().collect(),
            None => self.conns.keys().copied().collect(),
        }
    }

    pub(super) fn channel_of(&self, conn: ConnId) -> Option<&str> {
        match &self.conns.get(&conn)?.door {
            Door::Channel(id) => Some(id),
            Door::Jwt(_) => None,
        }
    }

    /// The connections as `GET /control/connections` lists them.
    pub(super) fn body(&self, world: &World) -> Value {
        let bound = self.conns.iter().filter(|(_, c)| c.stage == Stage::Bound);
        bound
            .map(|(id, c)| {
                let channel = match &c.door {
                    Door::Channel(id) => world.directory.channels.get_key_value(id),
                    Door::Jwt(_) => None,
                };
                let mut topics = c.topics.clone();
                topics.extend(channel.iter().flat_map(|(_, c)| c.topics().cloned()));
                json!({
                    "id": id.0.to_string(), "jid": c.jid.as_ref().map(Jid::as_str),
                    "userId": c.user, "channelId": channel.map(|(id, _)| id), "topics": topics,
                })
            })
            .collect()
    }

    // Delivery

    pub(super) fn send(&self, conn: ConnId, frame: &Frame, world: &mut World) {
        self.send_text(conn, frame.to_xml(), world);
    }

    pub(super) fn send_text(&self, conn: ConnId, text: String, world: &mut World) {
        if self.conns.get(&conn).is_some_and(|c| c.stage != Stage::Closing) {
            world.base.push(Output::SendText { conn, text });
        }
    }

    /// The bound resources of a user.
    pub(super) fn resources(&self, user: &str) -> Vec<(ConnId, Jid)> {
        let own = self.by_user.of(user).filter_map(|id| Some((*id, self.conns.get(id)?)));
        own.filter(|(_, c)| c.stage == Stage::Bound)
            .filter_map(|(id, c)| Some((id, c.jid.clone()?)))
            .collect()
    }

    pub(super) fn jid(&self, conn: ConnId) -> Option<&Jid> {
        self.conns.get(&conn)?.jid.as_ref()
    }

    pub(super) fn user(&self, conn: ConnId) -> Option<&str> {
        self.conns.get(&conn)?.user.as_deref()
    }

    /// The connection that a full JID is bound to, the newest if several.
    pub(super) fn conn_of(&self, jid: &Jid) -> Option<ConnId> {
        self.by_jid.of(jid).next_back().copied()
    }

    /// Sends an IQ set to a full JID. The IQ's id, if somebody is there.
    pub(super) fn send_iq(
        &self,
        from: &Jid,
        to: &Jid,
        payload: Payload,
        world: &mut World,
    ) -> Option<String> {
        let conn = self.conn_of(to)?;
        let id = world.base.rng.uuid();
        let iq = Iq::set(id.clone(), Some(to.clone()), payload).with_from(from.clone());
        self.send(conn, &Frame::Iq(iq), world);
        Some(id)
    }

    /// Sends a message to every resource of a user (wire notes 5.6: the sender included).
    pub(super) fn fan_out(
        &self,
        user: &str,
        from: &Jid,
        payload: &Payload,
        except: Option<ConnId>,
        world: &mut World,
    ) {
        for (conn, jid) in self.resources(user) {
            if Some(conn) != except {
                let id = world.base.rng.uuid();
                let message = Message::to(jid, payload.clone()).with_from(from.clone()).with_id(id);
                self.send(conn, &Frame::Message(message), world);
            }
        }
    }

    /// Passes a message on to every resource of a user, under its own id.
    pub(super) fn pass_on(&self, user: &str, from: &Jid, message: &Message, world: &mut World) {
        for (conn, jid) in self.resources(user) {
            let to = Some(jid);
            let message = Message { to, ..message.clone() }.with_from(from.clone());
            self.send(conn, &Frame::Message(message), world);
        }
    }

    /// Publishes to every connection that subscribed to the topic, whosever it is.
    pub(super) fn publish(&self, topic: &str, body: &Value, world: &mut World) {
        let metadata = json!({"CorrelationId": world.base.rng.uuid()});
        self.publish_with(topic, body, &metadata, world);
    }

    /// Tells what became of a user's phone (wire notes 4.8).
    pub(super) fn publish_station(&self, user: &User, action: &str, world: &mut World) {
        let topic = format!("v2.users.{}.station", user.id);
        let station = user.station.as_ref().map(|station| json!({"id": station.id}));
        let body = json!({"associatedStation": station});
        let metadata = json!({"CorrelationId": world.base.rng.uuid(), "action": action});
        self.publish_with(&topic, &body, &metadata, world);
    }

    /// Tells the guests of a user, who did not subscribe (wire notes 16.3).
    pub(super) fn tell_guest(&self, user: &str, topic: &str, body: &Value, world: &mut World) {
        let guests = self.by_user.of(user).copied().filter(|id| {
            let conn = self.conns.get(id);
            conn.is_some_and(|conn| conn.stage == Stage::Bound && matches!(conn.door, Door::Jwt(_)))
        });
        let json = json!({"topicName": topic, "version": "2", "eventBody": body}).to_string();
        for conn in guests.collect::<Vec<_>>() {
            self.event(conn, topic, &json, Company::Alone, world);
        }
    }

    fn publish_with(&self, topic: &str, body: &Value, metadata: &Value, world: &mut World) {
        let mut listeners: BTreeSet<_> = self.listening.of(topic).copied().collect();
        listeners.extend(world.directory.listeners(topic));
        listeners.retain(|id| self.conns.get(id).is_some_and(|conn| conn.stage == Stage::Bound));
        if listeners.is_empty() {
            return;
        }
        let (told, company) = world.lots.notification(topic, body);
        let body = told.as_ref().unwrap_or(body);
        // A tree of it all would copy the body.
        let json = format!(
            r#"{{"topicName":{},"version":"2","eventBody":{body},"metadata":{metadata}}}"#,
            json!(topic)
        );
        for conn in listeners {
            self.event(conn, topic, &json, company, world);
        }
    }

    fn event(&self, conn: ConnId, node: &str, json: &str, company: Company, world: &mut World) {
        let Some(jid) = self.jid(conn).cloned() else { return };
        let mut item = |node: &str, json: &str| {
            let id = Some(world.base.rng.uuid());
            PubSubItem { node: node.to_owned(), id, json: json.to_owned() }
        };
        let told = item(node, json);
        let items = match company {
            Company::Alone => vec![told],
            Company::Itself => vec![told.clone(), told],
            Company::Another => vec![item(HEARTBEAT.0, HEARTBEAT.1), told],
        };
        let event = PubSubEvent { items };
        let mut message = Message::to(jid, Payload::PubSubEvent(event));
        message.from = pubsub_host(world);
        self.send(conn, &Frame::Message(message), world);
    }

    /// A notice about the connection itself (wire notes 3.4, 3.5).
    pub(super) fn notice(&self, conn: ConnId, node: &str, channel: &str, world: &mut World) {
        let json = json!({"topicName": node, "eventBody": {"channelId": channel}});
        self.event(conn, node, &json.to_string(), Company::Alone, world);
    }

    pub(super) fn stream_error(&self, conn: ConnId, condition: &str, world: &mut World) {
        let error = StreamError { condition: condition.to_owned(), text: None };
        self.send(conn, &Frame::StreamError(error), world);
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let (at, _) = self.pings.first()?;
        Some(Wake { at: *at, reason: "server ping" })
    }

    pub(super) fn handle_timeout(&mut self, world: &mut World) {
        let next = world.base.now + world.options.server_ping;
        for conn in self.pings.up_to(&world.base.now) {
            let bound = self.conns.get(&conn).is_some_and(|c| c.stage == Stage::Bound);
            self.pings.set(&conn, bound.then_some(next));
            let Some(jid) = self.jid(conn).cloned() else { continue };
            let mut ping = Iq::get(world.base.rng.uuid(), Some(jid), Payload::Ping);
            ping.from = "hawk".parse().ok();
            self.send(conn, &Frame::Iq(ping), world);
        }
    }

    // The one of a user's connections that rings: the alerting leader (wire notes 8.6)

    /// Lets a connection ring from now on; the first that can leads. False when there is no such
    /// connection.
    pub(super) fn set_alertable(
        &mut self,
        user: &str,
        connection: &str,
        world: &mut World,
    ) -> bool {
        let Some(conn) = self.named(user, connection) else { return false };
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.alertable = true;
        }
        if !self.leaders.contains_key(user) {
            self.lead(user, connection, world);
        }
        true
    }

    /// The leader, as the service tells it.
    pub(super) fn leader(&self, user: &str) -> Option<Value> {
        self.leaders.get(user).map(|connection| json!({"connectionId": connection}))
    }

    /// Gives a connection the lead. False when it cannot ring.
    pub(super) fn claim_lead(&mut self, user: &str, connection: &str, world: &mut World) -> bool {
        let conn = self.named(user, connection).and_then(|conn| self.conns.get(&conn));
        let can_ring = conn.is_some_and(|conn| conn.alertable);
        if can_ring {
            self.lead(user, connection, world);
        }
        can_ring
    }

    /// Takes a connection that is gone off the lead: if it led, another does.
    fn stop_leading(&mut self, user: &str, connection: &str, world: &mut World) {
        if self.leaders.get(user).is_none_or(|leader| leader != connection) {
            return;
        }
        self.leaders.remove(user);
        let next = self.by_user.of(user).filter_map(|conn| self.conns.get(conn));
        let next = next.filter(|conn| conn.alertable).find_map(|conn| conn.name.clone());
        if let Some(next) = next {
            self.lead(user, &next, world);
        }
    }

    fn lead(&mut self, user: &str, connection: &str, world: &mut World) {
        self.leaders.insert(user.to_owned(), connection.to_owned());
        world.base.happened("leader", json!({"userId": user, "connectionId": connection}));
        let topic = format!("v2.users.{user}.alertingleader");
        self.publish(&topic, &json!({"connectionId": connection}), world);
    }

    /// The user's connection of that name.
    fn named(&self, user: &str, connection: &str) -> Option<ConnId> {
        let is_it = |id: &&ConnId| {
            self.conns.get(id).is_some_and(|conn| conn.name.as_deref() == Some(connection))
        };
        self.by_user.of(user).find(is_it).copied()
    }
}

fn pubsub_host(world: &World) -> Option<Jid> {
    format!("notifications.{}", world.domain).parse().ok()
}
