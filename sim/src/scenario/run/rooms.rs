//! Rooms as errands: what the service and other people do with them, the looks that are taken at them,
//! and their end.

use std::time::Duration;

use offhook::genesys::{Command, ConversationId};
use serde_json::{Value, json};

use super::errand::Errand;
use super::{Centre, user_name};
use crate::scenario::rooms::{OPENS, STIRS, address};

impl Centre {
    /// True if there are rooms in this day.
    pub(super) fn has_rooms(&self) -> bool {
        self.rooms_share() > 0.0
    }

    fn rooms_share(&self) -> f64 {
        self.scenario.rooms.unwrap_or(0.0)
    }

    /// Plans the next of what happens so often to each agent where rooms are all that there is.
    pub(super) fn next_of_rooms(&mut self, every: Duration, errand: Errand) {
        let all = self.rooms_share() * self.scenario.agents as f64;
        let at = self.world.now() + self.company.exponential(every.div_f64(all));
        self.plan(at, errand);
    }

    pub(super) fn begin_rooms(&mut self) {
        if self.has_rooms() {
            self.next_of_rooms(OPENS, Errand::OpenRoom);
            self.next_of_rooms(STIRS, Errand::StirRoom);
        }
    }

    /// The service asks a user into a room, or for their screens.
    pub(super) fn open_room(&mut self) {
        let user = user_name(self.company.below(self.scenario.agents));
        let other = user_name(self.company.below(self.scenario.agents));
        let sdp = self.company.chance(self.scenario.customers.sdp);
        let screens = 1 + self.company.below(3);
        let mut body = json!({
            "userId": user, "signaling": if sdp { "sdp" } else { "jingle" },
            "trickle": !sdp || self.company.chance(0.5),
        });
        let what = match self.company.below(6) {
            0 | 1 => {
                body["kind"] = json!("recording");
                body["screens"] = json!(screens);
                "recordings asked for"
            }
            2 => {
                body["kind"] = json!("monitor");
                (body["screens"], body["fromUserId"]) = (json!(screens), json!(user));
                "screens monitored"
            }
            3 => {
                body["kind"] = json!("monitor");
                (body["screens"], body["observer"]) = (json!(screens), json!(true));
                body["fromUserId"] = json!("somebody");
                "screens watched"
            }
            4 => {
                body["kind"] = json!("agent");
                "customers met"
            }
            _ => {
                (body["kind"], body["fromUserId"]) = (json!("peer"), json!(other));
                "invitations"
            }
        };
        let (status, room) = self.world.control("POST", "rooms", &body);
        if status != 200 {
            return;
        }
        self.world.count(what);
        if what == "screens monitored" {
            let conversation = room["conversationId"].as_str().unwrap_or_default();
            if let Some(watch) = &mut self.world.observer_mut().rooms {
                watch.monitors(conversation);
            }
        }
        let id = room["roomId"].as_str().unwrap_or_default().to_owned();
        let s = Duration::from_secs;
        let range = if self.company.chance(0.3) { (s(0), s(6)) } else { (s(10), s(150)) };
        let at = self.world.now() + self.company.between(range);
        self.plan(at, Errand::EndRoom(id));
    }

    /// The service ends a room, or takes its proposal back.
    pub(super) fn end_room(&mut self, id: &str) {
        self.world.control("POST", &format!("rooms/{id}/end"), &json!({"everybody": true}));
    }

    /// Something happens in one of the rooms that somebody is in.
    pub(super) fn stir_room(&mut self) {
        let rooms = self.rooms();
        let live: Vec<_> = rooms.iter().filter(|room| is_live(room)).collect();
        let Some(room) = self.company.pick(&live).copied() else { return };
        let id = room["roomId"].as_str().unwrap_or_default().to_owned();
        let mut others: Vec<String> = Vec::new();
        for one in room["participants"].as_array().into_iter().flatten() {
            let is_other = one["sessionId"].is_null() && one["state"] == "connected";
            others.extend(one["participantId"].as_str().filter(|_| is_other).map(str::to_owned));
        }
        let (on, other) = (self.company.chance(0.5), self.company.pick(&others).cloned());
        let change = |id: &str, one: &str| format!("rooms/{id}/participants/{one}");
        self.data += 1;
        let said = json!({"message": {"method": "said", "number": self.data}});
        let status = json!({"message": {"method": "member.notify.status", "params": {
            "speakers": [{"id": "1", "activity": "speaking"}],
        }}});
        let added = json!({"add": [{"kind": "video", "direction": "sendonly"}]});
        let (method, path, body, what) = match (self.company.below(14), other) {
            (0 | 1, _) => {
                let body = json!({"name": "Somebody", "videoMuted": on});
                ("POST", format!("rooms/{id}/participants"), body, "others join")
            }
            (2, Some(one)) => {
                ("PATCH", change(&id, &one), json!({"audioMuted": on}), "others mute")
            }
            (3, Some(one)) => {
                ("PATCH", change(&id, &one), json!({"sharingScreen": on}), "others share")
            }
            (4, Some(one)) => {
                ("PATCH", change(&id, &one), json!({"state": "disconnected"}), "others leave")
            }
            (5, _) => ("POST", format!("rooms/{id}/data"), said, "words by data channel"),
            (6, _) => ("POST", format!("rooms/{id}/data"), status, "states by data channel"),
            (7 | 8, _) => ("POST", format!("rooms/{id}/show"), json!({}), "pictures of rooms"),
            (9, _) => ("POST", format!("rooms/{id}/renegotiate"), added, "rooms renegotiate"),
            // What a client has taken is not proposed to others.
            (10, _) if is_proposed(room) => {
                ("POST", format!("rooms/{id}/repropose"), json!({}), "rooms propose again")
            }
            (11, _) => ("POST", format!("rooms/{id}/reinvite"), json!({}), "rooms re-invite"),
            (12, _) => ("POST", format!("rooms/{id}/kill-media"), json!({}), "rooms fall silent"),
            (13, _) => ("POST", format!("rooms/{id}/end"), json!({}), "rooms end"),
            _ => return,
        };
        if self.world.control(method, &path, &body).0 == 200 {
            self.world.count(what);
        }
    }

    /// All rooms, as the control API tells them.
    fn rooms(&mut self) -> Vec<Value> {
        let (_, mut all) = self.world.control("GET", "rooms", &Value::Null);
        match all["rooms"].take() {
            Value::Array(rooms) => rooms,
            _ => Vec::new(),
        }
    }

    /// Everybody meets, now that nothing goes wrong any more.
    pub(super) fn meet_all(&mut self) {
        if !self.has_rooms() {
            return;
        }
        for phones in self.phones.clone() {
            let Some(phone) = phones.first().copied() else { continue };
            let room = Command::StartVideoConference { room: evening_room(), invitee: None };
            // Who is not connected is asked after elsewhere.
            let _ = self.world.press(phone, |keys| keys.submit(room));
        }
    }

    /// Checks that who met is there, and that everybody was told who is.
    pub(super) fn look_at_rooms(&mut self) {
        if !self.has_rooms() {
            return;
        }
        let rooms = self.rooms();
        self.require("who meets is there", |run| {
            let here = ConversationId::from(
                rooms
                    .iter()
                    .find(|room| evening_room().starts_with(room["roomId"].as_str().unwrap_or("?")))
                    .and_then(|room| room["conversationId"].as_str())
                    .unwrap_or_default(),
            );
            let Some(watch) = &run.world.observer().rooms else { return Ok(()) };
            let absent = run.phones.iter().filter_map(|phones| phones.first());
            match absent.into_iter().find(|phone| !watch.rooms(**phone).contains(&here)) {
                Some(phone) => Err(format!("phone {} is not in {here}", phone.0)),
                None => Ok(()),
            }
        });
        self.require("who is in a room is told", |run| {
            let Some(watch) = &run.world.observer().rooms else { return Ok(()) };
            for room in rooms.iter().filter(|room| is_video(room)) {
                let conversation = room["conversationId"].as_str().unwrap_or_default();
                let conversation = ConversationId::from(conversation);
                for phone in run.phones.iter().flatten() {
                    if watch.is_joined(*phone, &conversation) {
                        watch.people.agree(*phone, room)?;
                    }
                }
            }
            Ok(())
        });
    }

    pub(super) fn end_rooms(&mut self) {
        if !self.has_rooms() {
            return;
        }
        for room in self.rooms() {
            let id = room["roomId"].as_str().unwrap_or_default().to_owned();
            self.end_room(&id);
        }
    }

    pub(super) fn rooms_at_rest(&mut self) {
        let left = self.world.observer().rooms.as_ref().map(|watch| watch.at_rest());
        if let Some(Err((rule, what))) = left {
            self.require(rule, |_| Err(what));
        }
    }
}

fn evening_room() -> String {
    address("adhoc-evening")
}

/// True for a room that tells its people of each other.
fn is_video(room: &Value) -> bool {
    matches!(room["kind"].as_str(), Some("conference" | "peer" | "agent"))
}

/// True if nobody who is asked into a room has taken it yet.
fn is_proposed(room: &Value) -> bool {
    let all = room["participants"].as_array().into_iter().flatten();
    let mut live = all.filter(|one| is_session(one)).peekable();
    live.peek().is_some() && live.all(|one| one["handledBy"].is_null())
}

/// True if somebody has a session in a room, or is asked to have one.
fn is_live(room: &Value) -> bool {
    room["participants"].as_array().into_iter().flatten().any(is_session)
}

/// True if a participant has a session that is not over.
fn is_session(one: &Value) -> bool {
    one["sessionState"].is_string() && one["sessionState"] != "ended"
}
