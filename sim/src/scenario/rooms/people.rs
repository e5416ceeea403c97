//! The people that an application was told of are those who are there.

use std::collections::BTreeMap;

use offhook::genesys::{ConversationId, Event, RoomParticipant, SessionId};
use serde_json::Value;

use super::rule::Rule;
use super::stays::Stays;
use crate::world::{PhoneId, Seen};

/// The people of one meeting, as an application was told.
#[derive(Debug)]
struct Told {
    conversation: ConversationId,
    active: Vec<RoomParticipant>,
    /// The number of the word about it.
    nth: u64,
}

/// The people that applications were told of. See the [module](self).
#[derive(Debug, Default)]
pub(in crate::scenario) struct People {
    told: BTreeMap<(PhoneId, SessionId), Told>,
    words: u64,
}

impl People {
    /// Checks that a phone was told of who is in a room, as the control API tells it.
    pub(in crate::scenario) fn agree(&self, phone: PhoneId, room: &Value) -> Result<(), String> {
        let conversation = &room["conversationId"];
        let of = |(of, _): &(PhoneId, SessionId), told: &Told| {
            *of == phone && told.conversation.as_str() == conversation
        };
        // Of several sessions of a conversation, one is told.
        let told = self.told.iter().filter(|(key, told)| of(key, told)).map(|(_, told)| told);
        let Some(told) = told.max_by_key(|told| told.nth) else {
            return Err(format!("phone {}: nobody is told to be in {conversation}", phone.0));
        };
        let all = room["participants"].as_array().into_iter().flatten();
        let mut there: Vec<_> = all
            .filter(|one| one["state"] == "connected")
            .map(|one| {
                let flag = |key: &str| one[key].as_bool().unwrap_or_default();
                let id = one["participantId"].as_str().unwrap_or_default();
                (id, flag("audioMuted"), flag("videoMuted"), flag("sharingScreen"))
            })
            .collect();
        let here = told.active.iter();
        let mut here: Vec<_> = here
            .map(|one| {
                let id = one.participant.as_str();
                (id, one.audio_muted, one.video_muted, one.sharing_screen)
            })
            .collect();
        there.sort_unstable();
        here.sort_unstable();
        if here == there {
            return Ok(());
        }
        Err(format!("phone {}: {here:?} are told, {there:?} in {conversation}", phone.0))
    }
}

impl Rule for People {
    const NAME: &'static str = "who comes and goes is told";

    fn see(&mut self, phone: PhoneId, seen: Seen<'_>, _: &Stays) -> Result<(), String> {
        let Seen::Told { event, .. } = seen else { return Ok(()) };
        match event {
            Event::ParticipantsUpdate(update) => {
                let told = Told {
                    conversation: update.conversation.clone(),
                    active: update.active.clone(),
                    nth: self.words,
                };
                self.words += 1;
                let key = (phone, update.session.clone());
                let before = self.told.insert(key, told).map(|told| told.active);
                let mut known: Vec<_> =
                    before.into_iter().flatten().map(|one| one.participant).collect();
                for one in &update.removed {
                    let there = known.iter().position(|known| *known == one.participant);
                    let Some(there) = there else {
                        return Err(format!("{} goes without being there", one.participant));
                    };
                    known.remove(there);
                }
                known.extend(update.added.iter().map(|one| one.participant.clone()));
                let mut now: Vec<_> =
                    update.active.iter().map(|one| one.participant.clone()).collect();
                known.sort_unstable();
                now.sort_unstable();
                match known == now {
                    true => Ok(()),
                    false => Err(format!("{now:?} are there, and {known:?} came and did not go")),
                }
            }
            Event::SessionEnded { session, .. } => {
                self.told.remove(&(phone, session.id.clone()));
                Ok(())
            }
            Event::SessionReplaced { session, old } => {
                if let Some(told) = self.told.remove(&(phone, old.clone())) {
                    self.told.insert((phone, session.id.clone()), told);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
