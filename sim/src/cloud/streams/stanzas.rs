//! Requests of clients to the stream itself: SASL, a resource, a session, ICE servers, topics,
//! pings (wire notes 1.4, 2, 4, 7). What is about calls is handed on.

use offhook::genesys::wire::{Dialect, Frame, Iq, IqKind, Payload};
use offhook::xmpp::{
    Close, DiscoInfo, Features, Jid, Open, PubSub, SaslFailure, Service, Services, SessionFeature,
    StanzaError, sasl,
};
use serde_json::json;

use super::{ConnId, Door, MAX_TOPICS, Output, Stage, Streams, World};
use crate::cloud::topics;

/// Takes what belongs to the stream; gives back what belongs to calls.
pub(in crate::cloud) fn handle_text(
    streams: &mut Streams,
    conn: ConnId,
    text: &str,
    world: &mut World,
) -> Option<Frame> {
    let stage = streams.conns.get(&conn)?.stage;
    let frame = match Frame::parse(text) {
        Ok(frame) => frame,
        Err(error) => {
            if let Some(reply) = error.reply() {
                streams.send(conn, &Frame::Iq(reply), world);
            }
            world.base.log(format!("a frame that cannot be read: {error}"));
            return None;
        }
    };
    match (frame, stage) {
        (Frame::Open(_), Stage::Fresh | Stage::Authenticated) => {
            open(streams, conn, stage, world);
        }
        (Frame::Auth(auth), Stage::Hello) => authenticate(streams, conn, &auth, world),
        (Frame::Close(_), Stage::Closing) => {
            world.base.push(Output::CloseSocket { conn, code: Some(1000) });
        }
        (Frame::Close(_), _) => {
            streams.send(conn, &Frame::Close(Close { see_other_uri: None }), world);
            world.base.push(Output::CloseSocket { conn, code: Some(1000) });
        }
        (Frame::Iq(iq), Stage::Restarted | Stage::Bound) => {
            return handle_iq(streams, conn, iq, world);
        }
        (stanza @ (Frame::Message(_) | Frame::Presence(_)), Stage::Bound) => {
            return Some(stanza);
        }
        (other, _) => world.base.log(format!("out of turn: {}", kind(&other))),
    }
    None
}

fn open(streams: &mut Streams, conn: ConnId, stage: Stage, world: &mut World) {
    let name = world.base.rng.uuid();
    let open = Open {
        to: None,
        from: Some(world.directory.org_domain()),
        id: Some(name.clone()),
        version: Some("1.0".to_owned()),
        lang: Some("en".to_owned()),
    };
    streams.send(conn, &Frame::Open(open), world);
    let Some(c) = streams.conns.get_mut(&conn) else { return };
    c.name = Some(name);
    let features = if stage == Stage::Fresh {
        c.stage = Stage::Hello;
        let mechanism = match c.door {
            Door::Channel(_) => "PLAIN",
            Door::Jwt(_) => "ANONYMOUS",
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
    streams.send(conn, &Frame::Features(features), world);
}

fn authenticate(
    streams: &mut Streams,
    conn: ConnId,
    auth: &offhook::xmpp::Auth,
    world: &mut World,
) {
    let Some(c) = streams.conns.get_mut(&conn) else { return };
    let user = match (&c.door, world.options.fail_sasl.clone()) {
        (_, Some(condition)) => Err(condition),
        (Door::Jwt(user), None) if auth.mechanism == "ANONYMOUS" => Ok(user.clone()),
        (Door::Jwt(_), None) => Err("invalid-mechanism".to_owned()),
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
            streams.by_user.set(&conn, user.clone());
            world.base.happened("sasl-ok", json!({"userId": user}));
            streams.send(conn, &Frame::Success, world);
        }
        Err(condition) => {
            world.base.happened("sasl-failed", json!({"condition": condition}));
            let failure = SaslFailure { condition, text: None };
            streams.send(conn, &Frame::Failure(failure), world);
        }
    }
}

fn handle_iq(streams: &mut Streams, conn: ConnId, iq: Iq, world: &mut World) -> Option<Frame> {
    let domain: Option<Jid> = world.directory.org_domain().parse().ok();
    let answer = match &iq.kind {
        IqKind::Set(Payload::Bind { resource, .. }) => {
            return bind(streams, conn, &iq, resource.as_deref(), world);
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
        IqKind::Set(Payload::PubSub(asked)) => pubsub(streams, conn, &iq, asked, world),
        IqKind::Set(
            Payload::Extension(Dialect::Jingle(_)) | Payload::Extension(Dialect::Rpc(_)),
        ) => return Some(Frame::Iq(iq)),
        // Answers to our own, or to a call's.
        IqKind::Result(_) | IqKind::Error(_) => return Some(Frame::Iq(iq)),
        IqKind::Get(Payload::Malformed { element, .. })
        | IqKind::Set(Payload::Malformed { element, .. }) => {
            world.base.log(format!("malformed {element}"));
            Iq::error_to(&iq, StanzaError::bad_request())
        }
        IqKind::Get(_) | IqKind::Set(_) => {
            let jid = streams.jid(conn).map(|jid| jid.as_str().to_owned());
            world.base.happened("unhandled-iq", json!({"jid": jid, "id": iq.id}));
            Iq::error_to(&iq, StanzaError::service_unavailable())
        }
    };
    let mut answer = answer;
    answer.from = iq.to.or(domain);
    answer.to = streams.jid(conn).cloned();
    streams.send(conn, &Frame::Iq(answer), world);
    None
}

fn bind(
    streams: &mut Streams,
    conn: ConnId,
    iq: &Iq,
    resource: Option<&str>,
    world: &mut World,
) -> Option<Frame> {
    let tail = world.base.rng.uuid();
    let resource = resource.map_or_else(|| format!("lab-{}", &tail[..8]), str::to_owned);
    let user = streams.user(conn).and_then(|user| world.directory.user(user));
    let bare = match user {
        Some(user) => user.jid.clone(),
        // A guest, or somebody whom a reset has forgotten.
        None => format!("guest-{}@{}", &tail[..8], world.directory.org_domain()).parse().ok()?,
    };
    let jid = bare.with_resource(&resource);
    if let Some(older) = streams.conn_of(&jid).filter(|older| *older != conn) {
        let channel = streams.channel_of(older).unwrap_or_default().to_owned();
        streams.notice(older, &format!("system.v2.duplicate_id.{channel}"), &channel, world);
        streams.close(older, world);
    }
    let c = streams.conns.get_mut(&conn)?;
    c.stage = Stage::Bound;
    c.jid = Some(jid.clone());
    streams.by_jid.set(&conn, Some(jid.clone()));
    let user = c.user.clone();
    let payload = Payload::Bind { resource: None, jid: Some(jid.clone()) };
    streams.send(conn, &Frame::Iq(Iq::result_with(iq, payload)), world);
    world.base.log(format!("{jid} is here"));
    world
        .base
        .happened("bound", json!({"userId": user, "jid": jid.as_str(), "id": conn.0.to_string()}));
    None
}

fn pubsub(streams: &mut Streams, conn: ConnId, iq: &Iq, pubsub: &PubSub, world: &mut World) -> Iq {
    const PINGS: &str = "enable.server.side.pings";
    let Some(c) = streams.conns.get_mut(&conn) else {
        return Iq::error_to(iq, StanzaError::item_not_found());
    };
    let (node, jid, subscription) = match pubsub {
        PubSub::Subscribe { node, jid } if node == PINGS => {
            if !world.options.server_side_pings {
                return Iq::error_to(iq, StanzaError::service_unavailable());
            }
            streams.pings.set(&conn, Some(world.base.now + world.options.server_ping));
            (node, jid, "subscribed")
        }
        PubSub::Subscribe { node, jid } => {
            let parts = topics::parts(node);
            if c.topics.len() + parts.len() > MAX_TOPICS {
                return Iq::error_to(iq, StanzaError::resource_constraint());
            }
            // Guests have no business with users.
            let guest = matches!(c.door, Door::Jwt(_));
            let known = |topic: &String| {
                world.directory.knows_topic(topic) && !(guest && topic.starts_with("v2.users."))
            };
            if !parts.iter().all(known) {
                return Iq::error_to(iq, StanzaError::item_not_found());
            }
            for topic in parts {
                streams.listening.add(&topic, conn);
                c.topics.insert(topic);
            }
            let user = c.user.clone();
            world.base.happened("subscribe", json!({"userId": user, "topic": node}));
            (node, jid, "subscribed")
        }
        PubSub::Unsubscribe { node, jid } => {
            for topic in topics::parts(node) {
                streams.listening.remove(&topic, &conn);
                c.topics.remove(&topic);
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

fn no_features() -> Features {
    Features {
        mechanisms: Vec::new(),
        bind: false,
        session: SessionFeature::Absent,
        stream_management: false,
    }
}

/// The answer of discovery (wire notes 7): a STUN service, unless told otherwise.
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
    Services { kind: kind.map(str::to_owned), services, ..Services::default() }
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
