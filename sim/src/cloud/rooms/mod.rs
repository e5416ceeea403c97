//! Rooms: everything that is no telephone call. A room proposes, offers pictures, sound and data, and
//! tells its members of each other (wire notes 9 and 16).
//!
//! A [`Room`] has an address, a conversation and [`Member`]s; a [`Party`] is one session of a client in it.
//! Requests of clients are in [`rest`], orders of everybody else in [`control`], and the signals of sessions in
//! [`signals`].

pub(super) mod control;
mod guests;
mod kind;
mod making;
mod media;
mod member;
pub(super) mod outside;
mod party;
pub(super) mod rest;
mod room;
pub(super) mod signals;
mod terms;
mod wording;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use offhook::jingle::Reason;
use offhook::machine::Wake;
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use self::kind::Kind;
use self::member::{Member, Presence};
use self::party::{Party, Turn};
use self::room::Room;
use self::terms::Terms;
use super::external::External;
use super::streams::Streams;
use super::world::World;
use crate::service::{Id, Index, Watched};

/// Rooms at once; the oldest that nobody has a session in goes, or else one more is refused.
const MAX_ROOMS: usize = 2_000;
/// Sessions at once; one more is refused.
const MAX_PARTIES: usize = 4_000;
/// Sessions that are over of which the control API still knows; the oldest goes.
const MAX_PAST: usize = 1_000;

/// A session that is over, as the control API tells it.
#[derive(Clone, Debug)]
struct Past {
    client: Option<Jid>,
    candidates_from_client: u64,
    descriptions: Value,
    media: Value,
    /// The answer to `GET rooms/{room}/far`, where somebody outside was the far end.
    far: Option<Value>,
}

/// All rooms, and the sessions in them. See the [module](self).
#[derive(Default)]
pub(super) struct Rooms {
    rooms: Watched<Room>,
    parties: Watched<Party>,
    /// Rooms in the order in which they were made.
    order: VecDeque<Id>,
    by_conversation: Index<Id, String>,
    by_meeting: Index<Id, String>,
    /// Sessions of each room.
    live: Index<Id, String>,
    /// Sessions by the IQ of their offer, while it is not answered.
    offers: Index<Id, String>,
    /// The times at which rooms and sessions want to be woken.
    room_times: Index<Id, Instant>,
    party_times: Index<Id, Instant>,
    past: BTreeMap<String, Past>,
    past_order: VecDeque<String>,
}

impl Rooms {
    // Keeping

    /// One more room. None when there are too many.
    fn open(&mut self, room: Room) -> Option<String> {
        while self.rooms.len() >= MAX_ROOMS {
            let idle = |id: &Id| self.live.of(&**id).next().is_none();
            let at = self.order.iter().position(idle)?;
            let id = self.order.remove(at)?;
            self.rooms.remove(&id);
            self.by_conversation.set(&id, None);
            self.by_meeting.set(&id, None);
        }
        let id = Id::from(&*room.id);
        self.order.push_back(id.clone());
        self.rooms.insert(&id, room);
        self.index(&id);
        Some(id.to_string())
    }

    /// Has a room found by its conversation and its meeting, as they are now.
    fn index(&mut self, id: &str) {
        let Some(room) = self.rooms.get(id) else { return };
        let id = Id::from(id);
        self.by_conversation.set(&id, Some(room.conversation.clone()));
        self.by_meeting.set(&id, room.meeting.clone());
    }

    /// A new room of that kind. None when its address cannot be, or is another's, or there are too many.
    fn make(&mut self, kind: Kind, jid: Option<Jid>, world: &mut World) -> Option<&mut Room> {
        let jid = match jid {
            Some(jid) => jid.bare(),
            None => {
                let local = kind.local(&world.base.rng.uuid());
                let domain = world.directory.org_domain();
                format!("{local}@conference.{domain}").parse().ok()?
            }
        };
        if self.rooms.get(jid.local()?).is_some() {
            return None;
        }
        let terms = Terms::usual(kind, &world.options);
        let room = Room::new(jid, kind, terms, world);
        let id = self.open(room)?;
        self.rooms.get_mut(&id)
    }

    /// Asks a user to come, by a new session. None when there are too many.
    fn ask(&mut self, room: &str, user: &str, terms: Terms, world: &mut World) -> Option<String> {
        if self.parties.len() >= MAX_PARTIES {
            return None;
        }
        let room = self.rooms.get_mut(room)?;
        let id = world.base.rng.uuid();
        room.ask(user, &id, world)?;
        let place = (&room.jid, room.kind, &*room.conversation, room.meeting.as_deref());
        let mut party = Party::new(id.clone(), user, place, terms, world.base.now);
        party.external = room.outside.then(External::default);
        let key = Id::from(&*id);
        self.live.set(&key, Some(room.id.clone()));
        self.parties.insert(&key, party);
        Some(id)
    }

    pub(super) fn clear(&mut self, world: &mut World) {
        for mut party in self.parties.drain() {
            party.kill_media(world);
        }
        *self = Self::default();
    }

    // Looking

    /// The room of that id, or of that conversation.
    fn id_of(&self, name: &str) -> Option<String> {
        let known = self.rooms.get(name).map(|room| room.id.clone());
        known.or_else(|| Some(self.by_conversation.of(name).next()?.to_string()))
    }

    /// The room of a conversation with video.
    fn of_conversation(&self, conversation: &str) -> Option<&Room> {
        self.rooms.get(self.by_conversation.of(conversation).next()?)
    }

    /// A conversation of a user's, as the service tells it.
    pub(super) fn conversation(&self, user: &str, id: &str) -> Option<Value> {
        let room = self.of_conversation(id).filter(|room| room.kind.is_video())?;
        room.knows(user).then(|| room.body())
    }

    /// The conversation that a session is of.
    pub(super) fn conversation_of(&self, session: &str) -> Option<&str> {
        Some(&self.parties.get(session)?.about.conversation)
    }

    /// The session of that user in a room, or the newest of the room's.
    fn session(&self, room: &str, user: Option<&str>) -> Option<String> {
        let room = self.rooms.get(room)?;
        match user {
            Some(user) => room.of_user(user)?.session.clone(),
            None => room.members.iter().rev().find_map(|member| member.session.clone()),
        }
    }

    /// A session's far end as the control API tells it. None where nobody outside plays it.
    pub(super) fn far_body(&self, session: &str) -> Option<Value> {
        match self.parties.get(session) {
            Some(party) => party.far_body(),
            None => self.past.get(session)?.far.clone(),
        }
    }

    /// All sessions in a room.
    fn sessions(&self, room: &str) -> Vec<Id> {
        self.live.of(room).cloned().collect()
    }

    /// A room as the control API tells it.
    fn body(&self, id: &str) -> Option<Value> {
        let room = self.rooms.get(id)?;
        let participants = room.members.iter().map(|member| {
            let mut body = member.control_body();
            let session = member.session.as_deref().unwrap_or_default();
            if let Some(party) = self.parties.get(session) {
                body["sessionState"] = json!(party.phase.name());
                body["handledBy"] = json!(party.about.client.as_ref().map(Jid::as_str));
                body["candidatesFromClient"] = json!(party.candidates_from_client);
            } else if let Some(past) = self.past.get(session) {
                body["sessionState"] = json!("ended");
                body["handledBy"] = json!(past.client.as_ref().map(Jid::as_str));
                body["candidatesFromClient"] = json!(past.candidates_from_client);
            }
            body
        });
        Some(json!({
            "roomId": room.id, "roomJid": room.jid.as_str(), "kind": room.kind.name(),
            "conversationId": room.conversation, "meetingId": room.meeting,
            "participants": participants.collect::<Vec<_>>(), "metadata": room.metadata,
        }))
    }

    fn bodies(&self) -> Vec<Value> {
        self.order.iter().filter_map(|id| self.body(id)).collect()
    }

    // What sessions lead to

    /// Goes where a session went.
    fn follow(&mut self, session: &str, turn: Turn, streams: &Streams, world: &mut World) {
        let Some(party) = self.parties.get(session) else { return };
        let about = party.about.clone();
        let room = party.room.clone();
        let mut changed = |change: &mut dyn FnMut(&mut Member)| {
            let Some(room) = self.rooms.get_mut(&room) else { return };
            if let Some(member) = room.of_session(session) {
                change(member);
                room.changed(streams, world);
            }
        };
        match turn {
            Turn::Stays => {}
            Turn::Joined => changed(&mut Member::join),
            Turn::Muted { kind, muted } => {
                changed(&mut |member| match &*kind {
                    "video" => member.video_muted = muted,
                    _ => member.audio_muted = muted,
                });
                let name = if muted { "room-mute" } else { "room-unmute" };
                about.happened(name, json!({"roomId": room, "media": kind}), world);
            }
            Turn::Sharing(sharing) => {
                changed(&mut |member| member.sharing = sharing);
                let name = if sharing { "screen-start" } else { "screen-stop" };
                about.happened(name, json!({"roomId": room}), world);
            }
            Turn::Over(reason) => self.end(session, reason, streams, world),
        }
    }

    /// Ends a session. `reason` is what the client is told, where it does not know.
    fn end(&mut self, session: &str, reason: Option<Reason>, streams: &Streams, world: &mut World) {
        let Some(party) = self.parties.remove(session) else { return };
        let (about, room) = (party.about.clone(), party.room.clone());
        let mut far = party.far_body();
        if let Some(far) = &mut far {
            far["sessionState"] = json!("ended");
        }
        let told = reason.as_ref().map(|reason| reason.as_str().to_owned());
        let past = Past {
            client: about.client.clone(),
            candidates_from_client: party.candidates_from_client,
            descriptions: json!({
                "offer": party.descriptions.offer, "answer": party.descriptions.answer,
            }),
            far,
            media: party.end(reason, streams, world),
        };
        if self.past_order.len() >= MAX_PAST
            && let Some(oldest) = self.past_order.pop_front()
        {
            self.past.remove(&oldest);
        }
        self.past_order.push_back(session.to_owned());
        self.past.insert(session.to_owned(), past);
        if let Some(room) = self.rooms.get_mut(&room)
            && let Some(member) = room.of_session(session)
        {
            member.presence = Presence::Disconnected;
            member.sharing = false;
            room.changed(streams, world);
        }
        about.happened("room-left", json!({"roomId": room, "reason": told}), world);
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let room = self.room_times.first().and_then(|(_, id)| self.rooms.get(id)?.next_wake());
        let party = self.party_times.first().and_then(|(_, id)| self.parties.get(id)?.next_wake());
        Wake::earliest(room, party)
    }

    pub(super) fn handle_timeout(&mut self, streams: &Streams, world: &mut World) {
        self.settle();
        for id in self.party_times.up_to(&world.base.now) {
            let Some(party) = self.parties.get_mut(&id) else { continue };
            let turn = party.handle_timeout(streams, world);
            self.follow(&id, turn, streams, world);
        }
        for id in self.room_times.up_to(&world.base.now) {
            if let Some(room) = self.rooms.get_mut(&id) {
                room.handle_timeout(streams, world);
            }
        }
        self.settle();
    }

    /// Brings the indexes into step with the rooms and sessions that were reached for.
    fn settle(&mut self) {
        for id in self.rooms.take_reached() {
            let wake = self.rooms.get(&id).and_then(Room::next_wake);
            self.room_times.set(&id, wake.map(|wake| wake.at));
        }
        for id in self.parties.take_reached() {
            let party = self.parties.get(&id);
            let wake = party.and_then(Party::next_wake);
            self.party_times.set(&id, wake.map(|wake| wake.at));
            self.offers.set(&id, party.and_then(Party::offer_iq).map(str::to_owned));
            self.live.set(&id, party.map(|party| party.room.clone()));
        }
    }
}
