//! Routes of the control API for rooms: `docs/protocol/emulator.md`.

use http::Response;
use offhook::jingle::Reason;
use offhook::media::Wish;
use serde_json::{Value, json};

use super::making::{Refused, make, propose};
use super::member::{Member, Presence};
use super::{guests, signals, terms};
use crate::cloud::external::External;
use crate::cloud::switchboard::Switchboard;
use crate::service::http::{Incoming, bad_request, json as respond, not_found};

/// The longest text for a data channel, and the longest event of a room's, in bytes.
const MAX_TEXT: usize = 64 * 1024;
/// Answers a control request about rooms; none where it is about something else.
pub(in crate::cloud) fn answer(
    board: &mut Switchboard,
    asked: &Incoming<'_>,
) -> Option<Response<Vec<u8>>> {
    let body = &asked.body;
    Some(match (asked.method, asked.path.as_slice()) {
        ("POST", ["rooms"]) => match make(board, body) {
            Ok(id) => body_of(board, &id),
            Err(why) => why.response(),
        },
        ("GET", ["rooms"]) => respond(200, &json!({"rooms": board.rooms.bodies()})),
        ("POST", ["codes"]) => guests::invite(board, body).unwrap_or_else(Refused::response),
        ("POST", ["jwts"]) => guests::pass(board, body).unwrap_or_else(Refused::response),
        (method, ["rooms", name, rest @ ..]) => match board.rooms.id_of(name) {
            Some(id) => in_room(board, &id, (method, rest), asked),
            None => not_found(),
        },
        _ => return None,
    })
}

pub(super) fn body_of(board: &Switchboard, id: &str) -> Response<Vec<u8>> {
    board.rooms.body(id).map_or_else(not_found, |room| respond(200, &room))
}

/// Answers a request about one room.
fn in_room(
    board: &mut Switchboard,
    id: &str,
    (method, path): (&str, &[&str]),
    asked: &Incoming<'_>,
) -> Response<Vec<u8>> {
    let body = &asked.body;
    match (method, path) {
        ("GET", []) => body_of(board, id),
        ("POST", ["propose"]) => {
            let Some(room) = board.rooms.rooms.get(id) else { return not_found() };
            let terms = match room.terms.with(room.kind, body) {
                Ok(terms) => terms,
                Err(why) => return bad_request(why),
            };
            let user = body["userId"].as_str().and_then(|user| board.world.directory.user(user));
            let Some(user) = user.map(|user| user.id.clone()) else { return not_found() };
            let far = match External::asked(body, terms.signaling) {
                Ok(far) => far,
                Err(why) => return bad_request(&why),
            };
            match propose(board, id, &user, terms, far) {
                Some(()) => body_of(board, id),
                None => bad_request("there are too many"),
            }
        }
        ("POST", ["participants"]) => {
            if !Member::is_small(body) {
                return bad_request("names of a participant are too long");
            }
            if board.rooms.rooms.get(id).is_some_and(super::Room::is_full) {
                return bad_request("there are too many members");
            }
            let member = Member::read(body, &mut board.world);
            change(board, id, |room| {
                let added = room.add(member)?;
                Some(added.control_body())
            })
        }
        ("PATCH", ["participants", participant]) => change(board, id, |room| {
            let member = room.member_mut(participant)?;
            member.change(body);
            if member.presence == Presence::Disconnected {
                member.sharing = false;
            }
            Some(member.control_body())
        }),
        ("POST", ["publish"]) => {
            if let Some(room) = board.rooms.rooms.get(id) {
                room.publish(&board.streams, &mut board.world);
            }
            body_of(board, id)
        }
        ("POST", ["media-event"]) => {
            let Some(room) = board.rooms.rooms.get(id) else { return not_found() };
            let event = json!({"participants": body["participants"]});
            if event.to_string().len() > MAX_TEXT {
                return bad_request("an event has at most 64 KiB");
            }
            let topic = format!("v2.conversations.{}.media", room.conversation);
            board.streams.publish(&topic, &event, &mut board.world);
            body_of(board, id)
        }
        ("POST", ["end"]) if body["everybody"] == true => {
            let reason = Reason::from(body["reason"].as_str().unwrap_or("success"));
            for session in board.rooms.sessions(id) {
                let (rooms, streams) = (&mut board.rooms, &board.streams);
                signals::end(rooms, &session, reason.clone(), streams, &mut board.world);
            }
            body_of(board, id)
        }
        (method, [what]) => {
            let user = body["userId"].as_str().or_else(|| asked.query("userId"));
            match board.rooms.session(id, user) {
                Some(session) => in_session(board, (id, &session), (method, what), body),
                None => not_found(),
            }
        }
        _ => not_found(),
    }
}

/// Changes something about a room's members, and tells it.
fn change(
    board: &mut Switchboard,
    id: &str,
    change: impl FnOnce(&mut super::Room) -> Option<Value>,
) -> Response<Vec<u8>> {
    let Some(room) = board.rooms.rooms.get_mut(id) else { return not_found() };
    let Some(body) = change(room) else { return not_found() };
    room.changed(&board.streams, &mut board.world);
    respond(200, &body)
}

/// Answers a request about one session of a room.
fn in_session(
    board: &mut Switchboard,
    (id, session): (&str, &str),
    (method, what): (&str, &str),
    body: &Value,
) -> Response<Vec<u8>> {
    let (rooms, streams, world) = (&mut board.rooms, &board.streams, &mut board.world);
    if method == "GET" {
        let past = rooms.past.get(session);
        return match (what, rooms.parties.get(session)) {
            ("media", Some(party)) => respond(200, &party.media_body()),
            ("media", None) => past.map_or_else(not_found, |past| respond(200, &past.media)),
            ("sdp", Some(party)) => {
                let told = &party.descriptions;
                respond(200, &json!({"offer": told.offer, "answer": told.answer}))
            }
            ("sdp", None) => past.map_or_else(not_found, |past| respond(200, &past.descriptions)),
            _ => not_found(),
        };
    }
    let Some(party) = rooms.parties.get_mut(session).filter(|_| method == "POST") else {
        return not_found();
    };
    let done = match what {
        "repropose" => {
            party.propose_again(streams, world);
            true
        }
        "retract" | "end" => {
            let reason = body["reason"].as_str().unwrap_or("success");
            signals::end(rooms, session, Reason::from(reason), streams, world);
            true
        }
        "data" => {
            let text = match (&body["message"], body["text"].as_str()) {
                (Value::Null, Some(text)) => text.to_owned(),
                (message, _) => message.to_string(),
            };
            text.len() <= MAX_TEXT && party.tell(text, world)
        }
        "renegotiate" => {
            let add = body["add"].as_array().map(Vec::as_slice).unwrap_or_default();
            let wishes: Option<Vec<Wish>> = add.iter().map(terms::wish).collect();
            let Some(wishes) = wishes else { return bad_request("no such line can be") };
            let stop = body["stop"].as_array().map(Vec::as_slice).unwrap_or_default();
            let stop: Vec<_> = stop.iter().filter_map(Value::as_str).collect();
            match party.renegotiate(&wishes, &stop, streams, world) {
                Ok(()) => true,
                Err(why) => return bad_request(&why),
            }
        }
        "show" => party.show(world),
        "keyframe" => party.want_keyframes(world),
        "reinvite" => party.reinvite(world),
        "kill-media" => party.kill_media(world),
        _ => return not_found(),
    };
    if done { body_of(board, id) } else { bad_request("not on such a session as it stands") }
}
