//! Routes of the control API for far ends of rooms that somebody outside plays (`docs/protocol/emulator.md`).

use crate::cloud::external::Description;
use crate::cloud::far_waits::Far;
use crate::cloud::switchboard::Switchboard;
use crate::service::RequestId;
use crate::service::control::Answer;
use crate::service::http::{Incoming, bad_request, json as respond, not_found};

/// Answers a control request about a far end outside; none where it is about something else.
pub(in crate::cloud) fn answer(
    board: &mut Switchboard,
    id: RequestId,
    asked: &Incoming<'_>,
) -> Option<Answer> {
    let (name, what) = match (asked.method, asked.path.as_slice()) {
        ("GET", ["rooms", name, "far"]) => (name, None),
        ("POST", ["rooms", name, "far", what @ ("offer" | "candidates")]) => (name, Some(*what)),
        _ => return None,
    };
    let user = asked.body["userId"].as_str().or_else(|| asked.query("userId"));
    let room = board.rooms.id_of(name);
    let session = room.and_then(|room| board.rooms.session(&room, user));
    let Some(session) = session.filter(|session| board.rooms.far_body(session).is_some()) else {
        return Some(Answer::Now(not_found()));
    };
    let (rooms, streams, world) = (&mut board.rooms, &board.streams, &mut board.world);
    let Some(what) = what else {
        let (far, places, now) = (Far::Session(session), (&board.calls, &*rooms), world.base.now);
        return Some(board.far_waits.ask(id, far, asked, places, now));
    };
    let said = match (rooms.parties.get_mut(&session), what, Description::read(&asked.body)) {
        (None, ..) => Err("the session is over".to_owned()),
        (Some(party), "offer", Ok(new)) => party.take_offer(&new, streams, world),
        (Some(_), "offer", Err(why)) => Err(why.to_owned()),
        (Some(party), _, _) => party.take_candidates(&asked.body, streams, world),
    };
    Some(Answer::Now(match said {
        Ok(()) => rooms.far_body(&session).map_or_else(not_found, |far| respond(200, &far)),
        Err(why) => bad_request(&why),
    }))
}
