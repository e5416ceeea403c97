//! Presence and voicemail by REST (wire notes 8.8), and what is told of presence.

use http::Response;
use serde_json::{Value, json};

use super::belongings;
use super::directory::User;
use super::switchboard::Switchboard;
use crate::service::http::{Incoming, bad_request, error, json as respond, not_found};

/// Answers a request about them; none if it is about other things.
pub(super) fn answer(
    board: &mut Switchboard,
    user: &User,
    asked: &Incoming<'_>,
) -> Option<Response<Vec<u8>>> {
    Some(match (asked.method, asked.path.as_slice()) {
        ("GET", ["presence", "definitions"]) => respond(200, &belongings::definitions()),
        ("GET", ["users", id, "presences", "purecloud"]) => match board.world.directory.user(id) {
            Some(user) => respond(200, &user.belongings.presence()),
            None => not_found(),
        },
        ("PATCH", ["users", id, "presences", "purecloud"]) if *id != user.id => {
            error(403, "not.authorized", "Somebody else's presence.")
        }
        ("PATCH", ["users", id, "presences", "purecloud"]) => {
            let definition = asked.body["presenceDefinition"]["id"].as_str();
            let message = asked.body["message"].as_str();
            match set(board, id, definition, message) {
                Ok(presence) => respond(200, &presence),
                Err(why) => bad_request(why),
            }
        }
        ("GET", ["voicemail", "mailbox"]) => respond(200, &user.belongings.mailbox()),
        _ => return None,
    })
}

/// Sets a user's presence, and tells it.
pub(super) fn set(
    board: &mut Switchboard,
    id: &str,
    definition: Option<&str>,
    message: Option<&str>,
) -> Result<Value, &'static str> {
    let (streams, world) = (&board.streams, &mut board.world);
    let mut user = world.directory.user(id).cloned().ok_or("no such user")?;
    user.belongings.set(definition, message)?;
    let presence = user.belongings.presence();
    let system = presence["presenceDefinition"]["systemPresence"].clone();
    world.directory.put(user).map_err(|_| "no such user")?;
    world.base.happened("user-presence", json!({"userId": id, "systemPresence": system}));
    streams.publish(&format!("v2.users.{id}.presence"), &presence, world);
    Ok(presence)
}
