//! Signals of clients about their sessions in rooms, and media.

use std::net::SocketAddr;

use offhook::genesys::wire::{Frame, Iq, IqKind, Presence, SessionMessage};
use offhook::jingle::Reason;
use offhook::xmpp::{Jid, StanzaError};
use serde_json::{Value, json};

use super::Rooms;
use super::party::Turn;
use crate::cloud::session::{Phase, Told};
use crate::cloud::streams::Streams;
use crate::cloud::world::World;
use crate::service::{ConnId, Packet};

/// A message about a session.
pub(in crate::cloud) fn handle_word(
    rooms: &mut Rooms,
    from: &Jid,
    word: &SessionMessage,
    streams: &Streams,
    world: &mut World,
) {
    match word {
        SessionMessage::Proceed { id } => {
            if let Some(party) = rooms.parties.get_mut(id) {
                party.proceed(from.clone(), streams, world);
            }
        }
        SessionMessage::Accept { id } => {
            let party = rooms.parties.get_mut(id);
            if let Some(party) = party.filter(|party| party.about.client.as_ref() == Some(from)) {
                party.accepted(streams, world);
            }
        }
        SessionMessage::Reject { id } => {
            let waits = |phase| matches!(phase, Phase::Proposed { .. } | Phase::Proceeding);
            if rooms.parties.get(id).is_some_and(|party| waits(party.phase)) {
                rooms.follow(id, Turn::Over(None), streams, world);
            }
        }
        SessionMessage::Retract { .. } | SessionMessage::Propose(_) => {}
    }
}

/// An IQ about a session. False when there is no such here.
pub(in crate::cloud) fn handle_iq(
    rooms: &mut Rooms,
    conn: ConnId,
    iq: &Iq,
    (session, from): (&str, &Jid),
    streams: &Streams,
    world: &mut World,
) -> bool {
    let Some(party) = rooms.parties.get_mut(session) else { return false };
    let hears = party.hears(from, iq.to.as_ref());
    // The reply comes before what follows from the request. One without an id wants none (wire notes 16.2).
    if iq.id.is_some() {
        let mut reply = match hears {
            true => Iq::result_to(iq),
            false => Iq::error_to(iq, StanzaError::item_not_found_unknown_session()),
        };
        reply.from.clone_from(&iq.to);
        reply.to = Some(from.clone());
        streams.send(conn, &Frame::Iq(reply), world);
    }
    if let (true, IqKind::Set(payload)) = (hears, &iq.kind)
        && let Some(told) = Told::read(payload)
    {
        for turn in party.handle(told, streams, world) {
            rooms.follow(session, turn, streams, world);
        }
    }
    true
}

/// A client's reply to an offer. False when it is to none of a room's.
pub(in crate::cloud) fn handle_reply(
    rooms: &mut Rooms,
    from: &Jid,
    (id, reply): (&str, Value),
    world: &mut World,
) -> bool {
    let session = rooms.offers.of(id).next().cloned();
    let party = session.and_then(|session| rooms.parties.get_mut(&session));
    let party = party.filter(|party| party.about.client.as_ref() == Some(from));
    let Some(party) = party.filter(|party| party.offer_iq() == Some(id)) else { return false };
    party.offer_replied(reply, world);
    true
}

/// Somebody wants to show a screen, or to be seen: the room proposes (wire notes 5.10).
pub(in crate::cloud) fn handle_presence(
    rooms: &mut Rooms,
    conn: ConnId,
    presence: &Presence,
    streams: &Streams,
    world: &mut World,
) {
    let Some(jid) = streams.jid(conn).map(Jid::to_string) else { return };
    let user = streams.user(conn).map(str::to_owned);
    let to = presence.to.as_ref();
    let data = json!({
        "userId": user, "jid": jid, "type": presence.kind, "to": to.map(Jid::as_str),
    });
    world.base.happened("presence", data);
    if presence.kind.as_deref() != Some("upgradeMedia") {
        return;
    }
    let room = to.and_then(|to| rooms.rooms.get(to.local()?));
    let room = room.filter(|room| to.map(Jid::bare).as_ref() == Some(&room.jid));
    if let (Some(room), Some(user)) = (room, user) {
        let (id, terms) = (room.id.clone(), room.terms.clone());
        rooms.ask(&id, &user, terms, world);
    }
}

/// Sockets of a room's are there. False when they are none of a room's.
pub(in crate::cloud) fn udp_opened(
    rooms: &mut Rooms,
    session: &str,
    local: &[SocketAddr],
    streams: &Streams,
    world: &mut World,
) -> bool {
    let Some(party) = rooms.parties.get_mut(session) else { return false };
    let turn = party.make_offer(local, streams, world);
    rooms.follow(session, turn, streams, world);
    true
}

pub(in crate::cloud) fn datagram(
    rooms: &mut Rooms,
    session: &str,
    packet: &Packet<'_>,
    world: &mut World,
) {
    if let Some(party) = rooms.parties.get_mut(session) {
        party.datagram(packet, world);
    }
}

/// The room ends a session, or takes its proposal back.
pub(super) fn end(
    rooms: &mut Rooms,
    session: &str,
    reason: Reason,
    streams: &Streams,
    world: &mut World,
) {
    rooms.follow(session, Turn::Over(Some(reason)), streams, world);
}
