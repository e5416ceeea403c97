//! Guests of rooms, and those who come by a JWT: the control API invites them (wire notes 16.3 to 16.6).

use http::Response;
use serde_json::{Value, json};

use super::kind::Kind;
use super::making::{Refused, make};
use crate::cloud::org::ORG;
use crate::cloud::switchboard::Switchboard;
use crate::service::http::json as respond;

/// The longest JWT that is brought along, in bytes.
const MAX_JWT: usize = 4096;

/// A guest is to show a screen: a room for it, and the code by which it comes.
pub(super) fn invite(board: &mut Switchboard, body: &Value) -> Result<Response<Vec<u8>>, Refused> {
    let guest = newcomer(board)?;
    let mut wish = body.clone();
    if !wish.is_object() {
        wish = json!({});
    }
    wish["kind"] = json!(Kind::Share.name());
    let id = make(board, &wish)?;
    let mut answer = board.rooms.body(&id).ok_or(Refused::Unknown)?;
    let (conversation, jid) = (&answer["conversationId"], &answer["roomJid"]);
    let texts = [conversation, jid].map(|text| text.as_str().unwrap_or_default().to_owned());
    let world = &mut board.world;
    let guests = &mut world.directory.guests;
    let expected = guests.invite(&guest, &texts[0], &texts[1], &mut world.base.rng);
    let (code, jwt) = expected.ok_or(Refused::Bad("too many guests"))?;
    answer["securityCode"] = json!(code);
    answer["organizationId"] = json!(ORG);
    answer["jwt"] = json!(jwt);
    answer["guestUserId"] = json!(guest);
    Ok(respond(200, &answer))
}

/// Somebody is to come by a JWT.
pub(super) fn pass(board: &mut Switchboard, body: &Value) -> Result<Response<Vec<u8>>, Refused> {
    let user = match body["userId"].as_str() {
        Some(user) => user.to_owned(),
        None => newcomer(board)?,
    };
    let known = board.world.directory.user(&user).ok_or(Refused::Unknown)?;
    let (name, own) = (known.name.clone(), known.jid.to_string());
    let (issuer, data, mut answer) = match body["kind"].as_str() {
        Some("backgroundAssistant") => {
            ("urn:purecloud:screenrecording", json!({"jid": own, "uid": user}), json!({}))
        }
        Some("monitor") => {
            ("urn:purecloud:conversation", json!({"jid": own, "uid": user}), json!({}))
        }
        Some("videoGuest") => {
            let id = match body["roomId"].as_str() {
                Some(id) => board.rooms.id_of(id).ok_or(Refused::Unknown)?,
                None => make(board, &json!({"kind": "agent", "guestTopic": true}))?,
            };
            let room = board.rooms.body(&id).ok_or(Refused::Unknown)?;
            let communication = board.world.base.rng.uuid();
            let data = json!({
                "jid": room["roomJid"], "conversationId": room["conversationId"],
                "sourceCommunicationId": communication,
            });
            ("urn:purecloud:conversation", data, room)
        }
        _ => return Err(Refused::Bad("kind is backgroundAssistant, videoGuest or monitor")),
    };
    let claims = json!({"iss": issuer, "org": ORG, "name": name, "data": data});
    let world = &mut board.world;
    let guests = &mut world.directory.guests;
    let jwt = match body["jwt"].as_str() {
        Some(own) => {
            let usable = own.len() <= MAX_JWT && guests.admit_by(own, &user);
            usable.then(|| own.to_owned()).ok_or(Refused::Bad("a JWT that cannot be"))?
        }
        None => {
            let jwt = guests.admit(&user, &claims, &mut world.base.rng);
            jwt.ok_or(Refused::Bad("too many guests"))?
        }
    };
    answer["jwt"] = json!(jwt);
    answer["userId"] = json!(user);
    answer["jid"] = json!(own);
    Ok(respond(200, &answer))
}

/// A user without a phone of whom nobody has heard.
fn newcomer(board: &mut Switchboard) -> Result<String, Refused> {
    let world = &mut board.world;
    let tail = world.base.rng.uuid();
    let body = json!({"userId": format!("guest-{tail}"), "name": "Guest", "station": null});
    let made = world.directory.add(&body, &mut world.base.rng);
    made.map(|user| user.id).map_err(|_| Refused::Bad("too many users"))
}
