//! Inputs of sessions: signaling from clients, and media.

use std::net::SocketAddr;

use offhook::genesys::wire::{Dialect, Frame, Iq, IqKind, Message, Payload, SessionMessage};
use offhook::machine::UdpId;
use offhook::xmpp::StanzaError;
use serde_json::json;

use super::calls::Calls;
use super::lines;
use super::rooms::{Rooms, signals};
use super::session::{Phase, Told};
use super::streams::Streams;
use super::world::World;
use crate::service::{ConnId, Output, Packet};

/// A message to a far end or to the user's own clients.
pub(super) fn handle_message(
    (calls, rooms): (&mut Calls, &mut Rooms),
    conn: ConnId,
    message: &Message,
    streams: &Streams,
    world: &mut World,
) {
    let (Some(from), Some(to)) = (streams.jid(conn).cloned(), message.to.as_ref()) else {
        return;
    };
    let own = streams.user(conn).map(str::to_owned);
    let to_self = world.directory.by_jid(to).map(|user| user.id.clone());
    for payload in &message.payloads {
        let word = match payload {
            Payload::Extension(Dialect::SessionMessage(word)) => word,
            Payload::Extension(Dialect::MediaMessage(text)) => {
                // Every client of the user hears it, the sender too (wire notes 6.16).
                if let (Some(user), Some(own)) = (&to_self, &own)
                    && user == own
                {
                    streams.pass_on(user, &from, message, world);
                }
                let data = json!({
                    "userId": own, "jid": from.as_str(), "id": message.id, "text": text,
                });
                world.base.happened("media-message", data);
                continue;
            }
            _ => continue,
        };
        let (kind, id) = match word {
            SessionMessage::Proceed { id } => ("message-proceed", id),
            SessionMessage::Accept { id } => ("message-accept", id),
            SessionMessage::Reject { id } => ("message-reject", id),
            SessionMessage::Retract { id } => ("message-retract", id),
            SessionMessage::Propose(propose) => ("message-propose", &propose.id),
        };
        let conversation = calls.sessions.get(id).map(|session| &*session.about.conversation);
        let conversation = conversation.or_else(|| rooms.conversation_of(id));
        let data = json!({
            "userId": own, "jid": from.as_str(), "to": to.as_str(), "sessionId": id,
            "conversationId": conversation,
        });
        world.base.happened(kind, data);
        if let (Some(user), Some(own)) = (&to_self, &own)
            && user == own
        {
            let except = (!world.options.echo_bare_to_sender).then_some(conn);
            streams.fan_out(user, &from, payload, except, world);
        }
        let Some(session) = calls.sessions.get_mut(id) else {
            signals::handle_word(rooms, &from, word, streams, world);
            continue;
        };
        match word {
            SessionMessage::Proceed { .. } => {
                session.proceed(from.clone(), streams, world);
            }
            SessionMessage::Accept { .. } if session.about.client.as_ref() == Some(&from) => {
                session.accepted(streams, world);
            }
            SessionMessage::Reject { .. } => match session.phase {
                Phase::Proposed { .. } | Phase::Proceeding => {
                    lines::end_session(calls, id, None, streams, world);
                }
                Phase::Offered
                | Phase::Active
                | Phase::Replaced
                | Phase::Elsewhere
                | Phase::Over => {}
            },
            SessionMessage::Accept { .. }
            | SessionMessage::Retract { .. }
            | SessionMessage::Propose(_) => {}
        }
    }
}

/// A client's reply to the offer.
pub(super) fn handle_reply(
    (calls, rooms): (&mut Calls, &mut Rooms),
    conn: ConnId,
    iq: &Iq,
    streams: &Streams,
    world: &mut World,
) {
    let Some(from) = streams.jid(conn) else { return };
    let Some(iq_id) = iq.id.as_deref() else { return };
    let reply = match &iq.kind {
        IqKind::Error(error) => json!({"reply": "error", "condition": error.condition}),
        _ => json!({"reply": "result"}),
    };
    let session = calls.offered_by(iq_id);
    if let Some(session) = session.filter(|session| session.is_offer_reply(from, iq_id)) {
        session.offer_replied(reply, world);
    } else {
        signals::handle_reply(rooms, from, (iq_id, reply), world);
    }
}

/// An IQ of a session.
pub(super) fn handle_iq(
    (calls, rooms): (&mut Calls, &mut Rooms),
    conn: ConnId,
    iq: &Iq,
    streams: &Streams,
    world: &mut World,
) {
    let Some(from) = streams.jid(conn).cloned() else { return };
    let id = match &iq.kind {
        IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) => Some(&*jingle.sid),
        IqKind::Set(Payload::Extension(Dialect::Rpc(rpc))) => rpc.method.session_id(),
        _ => None,
    };
    if let Some(id) = id
        && signals::handle_iq(rooms, conn, iq, (id, &from), streams, world)
    {
        return;
    }
    let session = id
        .and_then(|id| calls.sessions.get_mut(id))
        .filter(|session| session.hears(&from, iq.to.as_ref()));
    // The reply comes before what follows from the request.
    let mut reply = match &session {
        Some(_) => Iq::result_to(iq),
        None => Iq::error_to(iq, StanzaError::item_not_found_unknown_session()),
    };
    reply.from.clone_from(&iq.to);
    reply.to = Some(from);
    streams.send(conn, &Frame::Iq(reply), world);
    if let (Some(session), IqKind::Set(payload)) = (session, &iq.kind)
        && let Some(told) = Told::read(payload)
    {
        let id = session.about.id.clone();
        let step = session.handle(told, streams, world);
        lines::follow(calls, &id, step, streams, world);
    }
}

pub(super) fn udp_opened(
    (calls, rooms): (&mut Calls, &mut Rooms),
    id: UdpId,
    local: &[SocketAddr],
    streams: &Streams,
    world: &mut World,
) {
    let owner = world.base.owner_of(id).unwrap_or_default().to_owned();
    if let Some(session) = calls.sessions.get_mut(&owner) {
        let step = session.make_offer(local, streams, world);
        lines::follow(calls, &owner, step, streams, world);
    } else if !signals::udp_opened(rooms, &owner, local, streams, world) {
        world.base.push(Output::CloseUdp { id });
    }
}

pub(super) fn datagram(
    (calls, rooms): (&mut Calls, &mut Rooms),
    id: UdpId,
    packet: &Packet<'_>,
    world: &mut World,
) {
    let Some(owner) = world.base.owner_of(id) else { return };
    if let Some(session) = calls.sessions.get_mut(owner) {
        session.datagram(packet, world);
    } else {
        let owner = owner.to_owned();
        signals::datagram(rooms, &owner, packet, world);
    }
}
