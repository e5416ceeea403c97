//! Requests of clients about rooms by REST (wire notes 8.3, 8.4).

use http::Response;
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use super::Rooms;
use super::kind::Kind;
use crate::cloud::directory::{MAX_NAME, User};
use crate::cloud::world::World;
use crate::service::http::{Incoming, bad_request, empty, error, json as respond, not_found};

/// Answers a user's request about rooms; none where it is about something else.
pub(in crate::cloud) fn answer(
    rooms: &mut Rooms,
    user: &User,
    asked: &Incoming<'_>,
    world: &mut World,
) -> Option<Response<Vec<u8>>> {
    let body = &asked.body;
    Some(match (asked.method, asked.path.as_slice()) {
        ("POST", ["conversations", "videos"]) => start(rooms, user, body, world),
        ("POST", ["conversations", "videos", "participants"]) => meet(rooms, user, body, world),
        ("POST", ["conversations", "videos", id, "participants", participant, "pin"]) => {
            pin(rooms, user, (id, participant), Some(body), world)
        }
        ("DELETE", ["conversations", "videos", id, "participants", participant, "pin"]) => {
            pin(rooms, user, (id, participant), None, world)
        }
        ("POST", ["recordings", "screensessions", "metadata"]) => {
            screens(rooms, user, false, body, world)
        }
        ("POST", ["recordings", "screensessions", "metadata", "backgroundassistant"]) => {
            screens(rooms, user, true, body, world)
        }
        _ => return None,
    })
}

/// Starts a conference in a room, or invites somebody to it.
fn start(rooms: &mut Rooms, user: &User, body: &Value, world: &mut World) -> Response<Vec<u8>> {
    let jid = body["roomId"].as_str().filter(|jid| jid.len() <= MAX_NAME);
    let jid = jid.and_then(|jid| jid.parse::<Jid>().ok());
    let Some(jid) = jid.filter(|jid| jid.domain().starts_with("conference.")) else {
        return bad_request("no such room can be");
    };
    let Some(local) = jid.local().map(str::to_owned) else {
        return bad_request("no such room can be");
    };
    let Some(invited) = invited(body, world) else { return not_found() };
    if rooms.rooms.get(&local).is_none() && rooms.make(Kind::of(&local), Some(jid), world).is_none()
    {
        return too_many();
    }
    come(rooms, &local, &invited, user, world)
}

/// Joins a meeting.
fn meet(rooms: &mut Rooms, user: &User, body: &Value, world: &mut World) -> Response<Vec<u8>> {
    let meeting = body["meetingId"].as_str();
    let Some(meeting) = meeting.filter(|id| !id.is_empty() && id.len() <= MAX_NAME) else {
        return bad_request("no such meeting can be");
    };
    let Some(invited) = invited(body, world) else { return not_found() };
    let known = rooms.by_meeting.of(meeting).next().map(ToString::to_string);
    let room = known.or_else(|| {
        let room = rooms.make(Kind::Conference, None, world)?;
        room.meeting = Some(meeting.to_owned());
        let id = room.id.clone();
        rooms.index(&id);
        Some(id)
    });
    match room {
        Some(room) => come(rooms, &room, &invited, user, world),
        None => too_many(),
    }
}

/// The user whose address that is.
fn invited(body: &Value, world: &World) -> Option<String> {
    let jid = body["participant"]["address"].as_str()?.parse().ok()?;
    Some(world.directory.by_jid(&jid)?.id.clone())
}

fn come(
    rooms: &mut Rooms,
    room: &str,
    invited: &str,
    by: &User,
    world: &mut World,
) -> Response<Vec<u8>> {
    let Some(known) = rooms.rooms.get(room) else { return not_found() };
    let (id, mut terms) = (known.conversation.clone(), known.terms.clone());
    terms.from_user = Some(by.id.clone());
    if rooms.ask(room, invited, terms, world).is_none() {
        return too_many();
    }
    let uri = format!("/api/v2/conversations/videos/{id}");
    respond(202, &json!({"conversationId": id, "selfUri": uri}))
}

/// Fixes the user's own picture on somebody, or on nobody.
fn pin(
    rooms: &mut Rooms,
    user: &User,
    (conversation, participant): (&str, &str),
    target: Option<&Value>,
    world: &mut World,
) -> Response<Vec<u8>> {
    let room = rooms.of_conversation(conversation).map(|room| room.id.clone());
    let Some(room) = room.and_then(|id| rooms.rooms.get_mut(&id)) else { return not_found() };
    let on = target.map(|body| body["targetParticipantId"].as_str().unwrap_or_default());
    if on.is_some_and(|id| room.member(id).is_none()) {
        return bad_request("no such participant to pin");
    }
    let on = on.map(str::to_owned);
    let data = json!({
        "conversationId": conversation, "userId": user.id, "roomId": room.id,
        "targetParticipantId": on, "streamType": target.map(|body| &body["streamType"]),
    });
    let own = room.member_mut(participant);
    let Some(own) = own.filter(|member| member.user.as_deref() == Some(&user.id)) else {
        return not_found();
    };
    let answer = if on.is_some() { respond(200, &json!({})) } else { empty(204) };
    own.pinned = on;
    world.base.happened("room-pin", data);
    answer
}

/// Tells what the lines of a recording show: once in a session (wire notes 16.5). The same again is a
/// request whose answer was lost; something else is wrong.
fn screens(
    rooms: &mut Rooms,
    user: &User,
    background: bool,
    body: &Value,
    world: &mut World,
) -> Response<Vec<u8>> {
    if !body["metaData"].is_array() || body["participantJid"].as_str().is_none() {
        return bad_request("metaData and participantJid are wanted");
    }
    let room = body["roomId"].as_str().and_then(|jid| jid.parse::<Jid>().ok());
    let room = room.and_then(|jid| rooms.rooms.get_mut(jid.local()?));
    let Some(room) = room.filter(|room| room.knows(&user.id)) else { return not_found() };
    let session = room.of_user(&user.id).and_then(|member| member.session.clone());
    let report = json!({
        "userId": user.id, "sessionId": session, "background": background, "body": body,
    });
    let before = room.metadata.iter().find(|before| before["sessionId"] == report["sessionId"]);
    if before.is_some_and(|before| *before != report) {
        world.base.wrong(format!("the screens of session {session:?} are told anew"));
    }
    let mut data = report.clone();
    data["again"] = json!(before.is_some());
    data["roomId"] = json!(room.id);
    data["conversationId"] = json!(room.conversation);
    room.keep_metadata(report);
    world.base.happened("screen-metadata", data);
    respond(202, &json!({}))
}

fn too_many() -> Response<Vec<u8>> {
    error(429, "too.many", "There are too many rooms, sessions or members.")
}
