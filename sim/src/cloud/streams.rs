//! XMPP streams: from the WebSocket to a bound resource, pings, topics and delivery (wire notes
//! 1.4, 2, 4, 7).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use offhook::machine::Wake;
use offhook::xmpp::{
    Close, DiscoInfo, Features, Frame, Iq, IqKind, Jid, Message, Open, Payload, PubSub,
    PubSubEvent, SaslFailure, Service, Services, SessionFeature, StanzaError, StreamError, sasl,
};
use serde_json::{Value, json};

use super::directory::User;
use super::{ConnId, Output, World};

/// Sockets at once; one more is refused.
const MAX_CONNS: usize = 20_000;
/// Topics subscribed over one stream; one more is refused.
const MAX_TOPICS: usize = 1000;

/// How a socket came in.
#[derive(Clone, Debug)]
enum Door {
    Channel(String),
    Jwt,
}

/// How far a stream is.
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
    /// When we ping next, where the client asked for it.
    ping_at: Option<Instant>,
}

/// All streams. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Streams {
    conns: BTreeMap<ConnId, Conn>,
}

impl Streams {
    // Sockets

    pub(super) fn requested(&mut self, conn: ConnId, path: &str, world: &mut World) {
        let door = match path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice() {
            ["stream", "channels", channel] => {
                let known = world.directory.channels.contains_key(*channel);
                known.then(|| Door::Channel((*channel).to_owned())).ok_or(404)
            }
            ["stream", "jwt", jwt] if jwt.split('.').count() == 3 => Ok(Door::Jwt),
            ["stream", "jwt", _] => Err(401),
            _ => Err(404),
        };
        match door {
            Ok(_) if self.conns.len() >= MAX_CONNS => {
                world.push(Output::Refuse { conn, status: 503 });
            }
            Err(status) => {
                world.happened("ws-refused", json!({"status": status}));
                world.push(Output::Refuse { conn, status });
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
                let topics = BTreeSet::new();
                let fresh = Conn {
                    door,
                    stage: Stage::Fresh,
                    user: None,
                    jid: None,
                    topics,
                    ping_at: None,
                };
                self.conns.insert(conn, fresh);
                world.happened("ws-open", json!({"conn": conn.0}));
                world.push(Output::Accept { conn });
            }
        }
    }

    pub(super) fn closed(&mut self, conn: ConnId, world: &mut World) {
        let Some(gone) = self.conns.remove(&conn) else { return };
        if let Door::Channel(id) = &gone.door
            && let Some(channel) = world.directory.channels.get_mut(id)
            && channel.conn == Some(conn)
        {
            channel.conn = None;
        }
        let jid = gone.jid.as_ref().map(Jid::as_str);
        world.happened("ws-closed", json!({"conn": conn.0, "userId": gone.user, "jid": jid}));
        if let Some(jid) = jid {
            world.log(format!("{jid} left"));
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
            world.push(Output::CloseSocket { conn, code: Some(1001) });
            self.closed(conn, world);
        }
    }

    /// The connections of a user, or all, newest last.
    pub(super) fn of_user(&self, user: Option<&str>) -> Vec<ConnId> {
        self.conns
            .iter()
            .filter(|(_, c)| user.is_none() || c.user.as_deref() == user)
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn channel_of(&self, conn: ConnId) -> Option<&str> {
        match &self.conns.get(&conn)?.door {
            Door::Channel(id) => Some(id),
            Door::Jwt => None,
        }
    }

    /// As `GET /control/connections` lists them.
    pub(super) fn body(&self, world: &World) -> Value {
        let bound = self.conns.iter().filter(|(_, c)| c.stage == Stage::Bound);
        bound
            .map(|(id, c)| {
                let channel = match &c.door {
                    Door::Channel(id) => world.directory.channels.get_key_value(id),
                    Door::Jwt => None,
                };
                let mut topics = c.topics.clone();
                topics.extend(channel.iter().flat_map(|(_, c)| c.topics.iter().cloned()));
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
            world.push(Output::SendText { conn, text });
        }
    }

    /// The bound resources of a user.
    pub(super) fn resources(&self, user: &str) -> Vec<(ConnId, Jid)> {
        self.conns
            .iter()
            .filter(|(_, c)| c.stage == Stage::Bound && c.user.as_deref() == Some(user))
            .filter_map(|(id, c)| Some((*id, c.jid.clone()?)))
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
        self.conns.iter().rev().find(|(_, c)| c.jid.as_ref() == Some(jid)).map(|(id, _)| *id)
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
        let id = world.rng.uuid();
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
                let id = world.rng.uuid();
                let message = Message::to(jid, payload.clone()).with_from(from.clone()).with_id(id);
                self.send(conn, &Frame::Message(message), world);
            }
        }
    }

    /// Publishes to every connection of a user that subscribed to the topic.
    pub(super) fn publish(&self, user: &str, topic: &str, body: &Value, world: &mut World) {
        let metadata = json!({"CorrelationId": world.rng.uuid()});
        self.publish_with(user, topic, body, &metadata, world);
    }

    /// Tells what became of a user's phone (wire notes 4.8).
    pub(super) fn publish_station(&self, user: &User, action: &str, world: &mut World) {
        let topic = format!("v2.users.{}.station", user.id);
        let station = user.station.as_ref().map(|station| json!({"id": station.id}));
        let body = json!({"associatedStation": station});
        let metadata = json!({"CorrelationId": world.rng.uuid(), "action": action});
        self.publish_with(&user.id, &topic, &body, &metadata, world);
    }

    fn publish_with(
        &self,
        user: &str,
        topic: &str,
        body: &Value,
        metadata: &Value,
        world: &mut World,
    ) {
        let json = json!({
            "topicName": topic, "version": "2", "eventBody": body, "metadata": metadata,
        });
        for (conn, _) in self.resources(user) {
            let Some(c) = self.conns.get(&conn) else { continue };
            let on_channel = match &c.door {
                Door::Channel(id) => world
                    .directory
                    .channels
                    .get(id)
                    .is_some_and(|channel| channel.topics.contains(topic)),
                Door::Jwt => false,
            };
            if on_channel || c.topics.contains(topic) {
                self.event(conn, topic, &json, world);
            }
        }
    }

    fn event(&self, conn: ConnId, node: &str, json: &Value, world: &mut World) {
        let Some(jid) = self.jid(conn).cloned() else { return };
        let event = PubSubEvent {
            node: node.to_owned(),
            item_id: Some(world.rng.uuid()),
            json: json.to_string(),
        };
        let mut message = Message::to(jid, Payload::PubSubEvent(event));
        message.from = pubsub_host(world);
        self.send(conn, &Frame::Message(message), world);
    }

    /// A notice about the connection itself (wire notes 3.4, 3.5).
    pub(super) fn notice(&self, conn: ConnId, node: &str, channel: &str, world: &mut World) {
        let json = json!({"topicName": node, "eventBody": {"channelId": channel}});
        self.event(conn, node, &json, world);
    }

    pub(super) fn stream_error(&self, conn: ConnId, condition: &str, world: &mut World) {
        let error = StreamError { condition: condition.to_owned(), text: None };
        self.send(conn, &Frame::StreamError(error), world);
    }

    // Stanzas

    /// Takes what belongs to the stream; gives back what belongs to calls.
    pub(super) fn handle_text(
        &mut self,
        conn: ConnId,
        text: &str,
        world: &mut World,
    ) -> Option<Frame> {
        let stage = self.conns.get(&conn)?.stage;
        let frame = match Frame::parse(text) {
            Ok(frame) => frame,
            Err(error) => {
                if let Some(reply) = error.reply() {
                    self.send(conn, &Frame::Iq(reply), world);
                }
                world.log(format!("a frame that cannot be read: {error}"));
                return None;
            }
        };
        match (frame, stage) {
            (Frame::Open(_), Stage::Fresh | Stage::Authenticated) => {
                self.open(conn, stage, world);
            }
            (Frame::Auth(auth), Stage::Hello) => self.authenticate(conn, &auth, world),
            (Frame::Close(_), Stage::Closing) => {
                world.push(Output::CloseSocket { conn, code: Some(1000) });
            }
            (Frame::Close(_), _) => {
                self.send(conn, &Frame::Close(Close { see_other_uri: None }), world);
                world.push(Output::CloseSocket { conn, code: Some(1000) });
            }
            (Frame::Iq(iq), Stage::Restarted | Stage::Bound) => {
                return self.handle_iq(conn, iq, world);
            }
            (stanza @ (Frame::Message(_) | Frame::Presence(_)), Stage::Bound) => {
                return Some(stanza);
            }
            (other, _) => world.log(format!("out of turn: {}", kind(&other))),
        }
        None
    }

    fn open(&mut self, conn: ConnId, stage: Stage, world: &mut World) {
        let open = Open {
            to: None,
            from: Some(world.directory.org_domain()),
            id: Some(world.rng.uuid()),
            version: Some("1.0".to_owned()),
            lang: Some("en".to_owned()),
        };
        self.send(conn, &Frame::Open(open), world);
        let Some(c) = self.conns.get_mut(&conn) else { return };
        let features = if stage == Stage::Fresh {
            c.stage = Stage::Hello;
            let mechanism = match c.door {
                Door::Channel(_) => "PLAIN",
                Door::Jwt => "ANONYMOUS",
            };
            Features { mechanisms: vec![mechanism.to_owned()], ..no_features() }
        } else {
            c.stage = Stage::Restarted;
            let session = if world.options.offer_session {
                SessionFeature::Required
            } else {
                SessionFeature::Absent
            };
            Features { bind: true, session, ..no_features() }
        };
        self.send(conn, &Frame::Features(features), world);
    }

    fn authenticate(&mut self, conn: ConnId, auth: &offhook::xmpp::Auth, world: &mut World) {
        let Some(c) = self.conns.get_mut(&conn) else { return };
        let user = match (&c.door, world.options.fail_sasl.clone()) {
            (_, Some(condition)) => Err(condition),
            (Door::Jwt, None) if auth.mechanism == "ANONYMOUS" => Ok(None),
            (Door::Jwt, None) => Err("invalid-mechanism".to_owned()),
            (Door::Channel(channel), None) => {
                let owner = world.directory.channels.get(channel).map(|c| c.user.clone());
                match sasl::parse_plain(auth) {
                    Ok((jid, token)) => world
                        .directory
                        .by_token(token.expose())
                        .filter(|user| user.jid == jid.bare() && Some(&user.id) == owner.as_ref())
                        .map(|user| Some(user.id.clone()))
                        .ok_or_else(|| "not-authorized".to_owned()),
                    Err(_) => Err("malformed-request".to_owned()),
                }
            }
        };
        match user {
            Ok(user) => {
                c.stage = Stage::Authenticated;
                c.user.clone_from(&user);
                world.happened("sasl-ok", json!({"userId": user}));
                self.send(conn, &Frame::Success, world);
            }
            Err(condition) => {
                world.happened("sasl-failed", json!({"condition": condition}));
                let failure = SaslFailure { condition, text: None };
                self.send(conn, &Frame::Failure(failure), world);
            }
        }
    }

    fn handle_iq(&mut self, conn: ConnId, iq: Iq, world: &mut World) -> Option<Frame> {
        let domain: Option<Jid> = world.directory.org_domain().parse().ok();
        let answer = match &iq.kind {
            IqKind::Set(Payload::Bind { resource, .. }) => {
                return self.bind(conn, &iq, resource.as_deref(), world);
            }
            IqKind::Set(Payload::Session) => Iq::result_to(&iq),
            IqKind::Get(Payload::Ping) if world.options.ignore_pings => return None,
            IqKind::Get(Payload::Ping) => Iq::result_to(&iq),
            IqKind::Get(Payload::Services(asked)) => {
                let services = services(asked.kind.as_deref(), world);
                Iq::result_with(&iq, Payload::Services(services))
            }
            IqKind::Get(Payload::DiscoInfo(_)) => {
                Iq::result_with(&iq, Payload::DiscoInfo(DiscoInfo::default()))
            }
            IqKind::Set(Payload::PubSub(pubsub)) => self.pubsub(conn, &iq, pubsub, world),
            IqKind::Set(Payload::Jingle(_) | Payload::Rpc(_)) => return Some(Frame::Iq(iq)),
            // Answers to our own, or to a call's.
            IqKind::Result(_) | IqKind::Error(_) => return Some(Frame::Iq(iq)),
            IqKind::Get(Payload::Malformed { element, .. })
            | IqKind::Set(Payload::Malformed { element, .. }) => {
                world.log(format!("malformed {element}"));
                Iq::error_to(&iq, StanzaError::bad_request())
            }
            IqKind::Get(_) | IqKind::Set(_) => {
                let jid = self.jid(conn).map(ToString::to_string);
                world.happened("unhandled-iq", json!({"jid": jid, "id": iq.id}));
                Iq::error_to(&iq, StanzaError::service_unavailable())
            }
        };
        let mut answer = answer;
        answer.from = iq.to.or(domain);
        answer.to = self.jid(conn).cloned();
        self.send(conn, &Frame::Iq(answer), world);
        None
    }

    fn bind(
        &mut self,
        conn: ConnId,
        iq: &Iq,
        resource: Option<&str>,
        world: &mut World,
    ) -> Option<Frame> {
        let tail = world.rng.uuid();
        let resource = resource.map_or_else(|| format!("lab-{}", &tail[..8]), str::to_owned);
        let user = self.user(conn).and_then(|user| world.directory.users.get(user));
        let bare = match user {
            Some(user) => user.jid.clone(),
            // A guest, or somebody whom a reset has forgotten.
            None => {
                format!("guest-{}@{}", &tail[..8], world.directory.org_domain()).parse().ok()?
            }
        };
        let jid = bare.with_resource(&resource);
        if let Some(older) = self.conn_of(&jid).filter(|older| *older != conn) {
            let channel = self.channel_of(older).unwrap_or_default().to_owned();
            self.notice(older, &format!("system.v2.duplicate_id.{channel}"), &channel, world);
            self.close(older, world);
        }
        let c = self.conns.get_mut(&conn)?;
        c.stage = Stage::Bound;
        c.jid = Some(jid.clone());
        let user = c.user.clone();
        let payload = Payload::Bind { resource: None, jid: Some(jid.clone()) };
        self.send(conn, &Frame::Iq(Iq::result_with(iq, payload)), world);
        world.log(format!("{jid} is here"));
        world.happened(
            "bound",
            json!({"userId": user, "jid": jid.as_str(), "id": conn.0.to_string()}),
        );
        None
    }

    fn pubsub(&mut self, conn: ConnId, iq: &Iq, pubsub: &PubSub, world: &mut World) -> Iq {
        const PINGS: &str = "enable.server.side.pings";
        let Some(c) = self.conns.get_mut(&conn) else {
            return Iq::error_to(iq, StanzaError::item_not_found());
        };
        let (node, jid, subscription) = match pubsub {
            PubSub::Subscribe { node, jid } if node == PINGS => {
                if !world.options.server_side_pings {
                    return Iq::error_to(iq, StanzaError::service_unavailable());
                }
                c.ping_at = Some(world.now + world.options.server_ping);
                (node, jid, "subscribed")
            }
            PubSub::Subscribe { node, jid } => {
                if c.topics.len() >= MAX_TOPICS {
                    return Iq::error_to(iq, StanzaError::resource_constraint());
                }
                c.topics.extend(super::directory::parts(node));
                let user = c.user.clone();
                world.happened("subscribe", json!({"userId": user, "topic": node}));
                (node, jid, "subscribed")
            }
            PubSub::Unsubscribe { node, jid } => {
                for part in super::directory::parts(node) {
                    c.topics.remove(&part);
                }
                (node, jid, "none")
            }
            PubSub::Subscription { .. } => return Iq::error_to(iq, StanzaError::bad_request()),
        };
        let subscription = PubSub::Subscription {
            node: node.clone(),
            jid: jid.clone(),
            subscription: subscription.to_owned(),
        };
        Iq::result_with(iq, Payload::PubSub(subscription))
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let at = self.conns.values().filter_map(|c| c.ping_at).min()?;
        Some(Wake { at, reason: "server ping" })
    }

    pub(super) fn handle_timeout(&mut self, world: &mut World) {
        let now = world.now;
        let next = now + world.options.server_ping;
        let mut due = Vec::new();
        for (id, conn) in &mut self.conns {
            if conn.ping_at.is_some_and(|at| at <= now) {
                conn.ping_at = (conn.stage == Stage::Bound).then_some(next);
                due.push(*id);
            }
        }
        for conn in due {
            let Some(jid) = self.jid(conn).cloned() else { continue };
            let mut ping = Iq::get(world.rng.uuid(), Some(jid), Payload::Ping);
            ping.from = "hawk".parse().ok();
            self.send(conn, &Frame::Iq(ping), world);
        }
    }
}

fn no_features() -> Features {
    Features {
        mechanisms: Vec::new(),
        bind: false,
        session: SessionFeature::Absent,
        stream_management: false,
    }
}

fn pubsub_host(world: &World) -> Option<Jid> {
    format!("notifications.{}", world.domain).parse().ok()
}

/// What discovery answers (wire notes 7): a STUN service, unless told otherwise.
fn services(kind: Option<&str>, world: &World) -> Services {
    let services = match &world.options.ice_services {
        Some(own) => own
            .iter()
            .filter(|s| {
                kind.is_none_or(|kind| s["type"].as_str().unwrap_or_default().starts_with(kind))
            })
            .map(|s| {
                let text = |key: &str| s[key].as_str().map(str::to_owned);
                Service {
                    kind: text("type").unwrap_or_default(),
                    host: text("host").unwrap_or_default(),
                    port: s["port"].as_u64().and_then(|port| u16::try_from(port).ok()),
                    transport: text("transport"),
                    username: text("username"),
                    password: text("password").map(offhook::Secret::new),
                }
            })
            .collect(),
        None if kind == Some("stun") && world.options.stun => vec![Service {
            kind: "stun".to_owned(),
            host: world.public_ip.to_string(),
            port: Some(world.stun_port),
            transport: Some("udp".to_owned()),
            username: None,
            password: None,
        }],
        None => Vec::new(),
    };
    Services { kind: kind.map(str::to_owned), services }
}

fn kind(frame: &Frame) -> &str {
    match frame {
        Frame::Open(_) => "open",
        Frame::Close(_) => "close",
        Frame::Features(_) => "features",
        Frame::Auth(_) => "auth",
        Frame::Success => "success",
        Frame::Failure(_) => "failure",
        Frame::StreamError(_) => "stream error",
        Frame::Iq(_) => "iq",
        Frame::Message(_) => "message",
        Frame::Presence(_) => "presence",
        Frame::Other { name, .. } => name,
    }
}
