//! The making of rooms as the control API asks for them.

use std::time::Duration;

use http::Response;
use serde_json::Value;

use super::kind::Kind;
use super::member::Member;
use super::terms::Terms;
use crate::cloud::external::External;
use crate::cloud::switchboard::Switchboard;
use crate::service::http::{bad_request, not_found};

/// The longest time before a change is notified, in milliseconds.
const MAX_DELAY: u64 = 60_000;

/// The reason why there is no such room.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    /// It is not asked for as it must be.
    Bad(&'static str),
    /// The offer of its far end cannot be said.
    Offer(String),
    /// It is asked for somebody whom nobody knows.
    Unknown,
}

impl Refused {
    pub(super) fn response(self) -> Response<Vec<u8>> {
        match self {
            Self::Bad(why) => bad_request(why),
            Self::Offer(why) => bad_request(&why),
            Self::Unknown => not_found(),
        }
    }
}

/// Makes a room, and proposes at once where a user is named.
pub(super) fn make(board: &mut Switchboard, body: &Value) -> Result<String, Refused> {
    let (rooms, world) = (&mut board.rooms, &mut board.world);
    let kind = match body["kind"].as_str() {
        None => Kind::Conference,
        Some(name) => Kind::named(name).ok_or(Refused::Bad("no such kind of room"))?,
    };
    let jid = match body["roomJid"].as_str() {
        None => None,
        Some(jid) => Some(jid.parse().map_err(|_| Refused::Bad("roomJid is no address"))?),
    };
    let terms = Terms::usual(kind, &world.options).with(kind, body).map_err(Refused::Bad)?;
    let far = External::asked(body, terms.signaling).map_err(Refused::Offer)?;
    let user = body["userId"].as_str().map(str::to_owned);
    if user.as_deref().is_some_and(|user| world.directory.user(user).is_none()) {
        return Err(Refused::Unknown);
    }
    let participants = body["participants"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !participants.iter().all(Member::is_small) {
        return Err(Refused::Bad("names of a participant are too long"));
    }
    let room = rooms.make(kind, jid, world);
    let room = room.ok_or(Refused::Bad("there is such a room, or too many"))?;
    room.terms = terms.clone();
    if let Some(conversation) = body["conversationId"].as_str() {
        conversation.clone_into(&mut room.conversation);
    }
    room.meeting = body["meetingId"].as_str().map(str::to_owned);
    room.publishes = body["publish"].as_bool().unwrap_or(room.publishes);
    let delay = body["publishDelay"].as_u64().unwrap_or_default().min(MAX_DELAY);
    room.publish_delay = Duration::from_millis(delay);
    room.outside = far.is_some();
    room.guest_topic = body["guestTopic"].as_bool().unwrap_or_default();
    for participant in participants {
        room.add(Member::read(participant, world));
    }
    let id = room.id.clone();
    rooms.index(&id);
    if let Some(user) = user {
        propose(board, &id, &user, terms, far).ok_or(Refused::Bad("there are too many"))?;
    }
    Ok(id)
}

/// Proposes to a user at once.
pub(super) fn propose(
    board: &mut Switchboard,
    room: &str,
    user: &str,
    terms: Terms,
    far: Option<External>,
) -> Option<()> {
    let (rooms, world) = (&mut board.rooms, &mut board.world);
    let session = rooms.ask(room, user, terms, world)?;
    let party = rooms.parties.get_mut(&session)?;
    if far.is_some() {
        party.external = far;
    }
    party.propose(&board.streams, world);
    Some(())
}
