//! The people in a room, as the service tells them.

use std::fmt;

use serde_json::Value;

use crate::genesys::ids::{ConversationId, MAX_ID, ParticipantId, SessionId, UserId};
use crate::genesys::party::{self, Parties};
use crate::plain::plain_within;

/// Participants of one notice that are looked at; more are left out.
const MAX_PARTICIPANTS: usize = 1000;

/// The people in a room, at each word of the service about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParticipantsUpdate {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Our own part, once it was told. It is among those who are there only with video.
    pub own: Option<ParticipantId>,
    /// Those who are there.
    pub active: Vec<RoomParticipant>,
    /// Those of them who were not there before.
    pub added: Vec<RoomParticipant>,
    /// Those who are not there any more.
    pub removed: Vec<RoomParticipant>,
}

impl ParticipantsUpdate {
    /// Its bytes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let all = [&self.active, &self.added, &self.removed].into_iter().flatten();
        let user = |one: &RoomParticipant| one.user.as_ref().map_or(0, |user| user.as_str().len());
        let name = |one: &RoomParticipant| one.name.as_ref().map_or(0, String::len);
        let one = |one: &RoomParticipant| {
            size_of_val(one) + one.participant.as_str().len() + user(one) + name(one)
        };
        all.map(one).sum()
    }
}

/// Somebody in a room.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomParticipant {
    /// The participant, by which they are pinned.
    pub participant: ParticipantId,
    /// The user; none for a guest.
    pub user: Option<UserId>,
    /// The name, if it was told, at most [`Parties::MAX_NAME`](Parties::MAX_NAME) bytes.
    pub name: Option<String>,
    /// True while they are silent on purpose.
    pub audio_muted: bool,
    /// True while they are not seen on purpose.
    pub video_muted: bool,
    /// True while they show a screen.
    pub sharing_screen: bool,
}

impl fmt::Debug for RoomParticipant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomParticipant")
            .field("participant", &self.participant)
            .field("user", &self.user)
            .field("name", &party::name(&self.name))
            .field("audio_muted", &self.audio_muted)
            .field("video_muted", &self.video_muted)
            .field("sharing_screen", &self.sharing_screen)
            .finish()
    }
}

/// The people in a room, as they were told last, and our own part.
#[derive(Debug, Default)]
pub(super) struct Seen {
    active: Vec<RoomParticipant>,
    own: Option<ParticipantId>,
}

/// A change of the people in a room.
pub(super) struct Change {
    pub(super) active: Vec<RoomParticipant>,
    pub(super) added: Vec<RoomParticipant>,
    pub(super) removed: Vec<RoomParticipant>,
    /// True if there were more than are looked at.
    pub(super) is_cut: bool,
}

impl Seen {
    /// Our own part, by which others are pinned.
    pub(super) fn own(&self) -> Option<&ParticipantId> {
        self.own.as_ref()
    }

    /// Takes a conversation as the service tells it. What cannot be read costs only itself: our own
    /// part may have no video, and the others are told all the same.
    pub(super) fn take(&mut self, conversation: &Value, user: Option<&UserId>) -> Change {
        let all = conversation["participants"].as_array().map_or(&[][..], Vec::as_slice);
        let looked_at = &all[..all.len().min(MAX_PARTICIPANTS)];
        let mut active: Vec<RoomParticipant> = Vec::new();
        let mut own: Option<ParticipantId> = None;
        for one in looked_at {
            let Some(participant) = id(&one["id"]).map(ParticipantId::from) else { continue };
            let of_user = id(&one["userId"]).map(UserId::from);
            let is_ours = of_user.is_some() && of_user.as_ref() == user;
            let video = connected(one);
            // Of several parts of ours, the one that is seen.
            if is_ours && (own.is_none() || video.is_some()) {
                own = Some(participant.clone());
            }
            let Some(video) = video else { continue };
            if active.iter().any(|known| known.participant == participant) {
                continue;
            }
            let flag = |name: &str| video[name].as_bool().unwrap_or_default();
            active.push(RoomParticipant {
                participant,
                user: of_user,
                name: name(&one["name"]),
                audio_muted: flag("audioMuted"),
                video_muted: flag("videoMuted"),
                sharing_screen: flag("sharingScreen"),
            });
        }
        let without = |list: &[RoomParticipant], others: &[RoomParticipant]| {
            let is_new = |one: &&RoomParticipant| {
                others.iter().all(|other| other.participant != one.participant)
            };
            list.iter().filter(is_new).cloned().collect::<Vec<_>>()
        };
        let added = without(&active, &self.active);
        let removed = without(&self.active, &active);
        self.active.clone_from(&active);
        self.own = own.or_else(|| self.own.take());
        Change { active, added, removed, is_cut: all.len() > MAX_PARTICIPANTS }
    }
}

/// The video of a participant's that is connected.
fn connected(participant: &Value) -> Option<&Value> {
    let videos = participant["videos"].as_array()?;
    videos.iter().find(|video| video["state"] == "connected")
}

/// An id of a bearable length.
fn id(value: &Value) -> Option<&str> {
    value.as_str().filter(|id| !id.is_empty() && id.len() <= MAX_ID)
}

/// A name as it is kept: none of one that is empty or too long.
fn name(value: &Value) -> Option<String> {
    let name = value.as_str().filter(|name| name.len() <= Parties::MAX_NAME)?;
    Some(plain_within(name, Parties::MAX_NAME).into_owned()).filter(|name| !name.is_empty())
}

/// The users some of whose tracks of a kind go to one of these sinks, by a notice of a
/// conversation's media.
pub(super) fn users_of_sinks(notice: &Value, kind: &str, sinks: &[&str]) -> Vec<UserId> {
    let all = notice["participants"].as_array().map_or(&[][..], Vec::as_slice);
    let is_shown = |track: &Value| {
        let to = track["sinks"].as_array().map_or(&[][..], Vec::as_slice);
        let is_ours = |sink: &Value| sink.as_str().is_some_and(|sink| sinks.contains(&sink));
        track["mediaType"] == kind && to.iter().any(is_ours)
    };
    let mut users: Vec<UserId> = Vec::new();
    for one in all.iter().take(MAX_PARTICIPANTS) {
        let tracks = one["tracks"].as_array().map_or(&[][..], Vec::as_slice);
        let user = id(&one["userId"]).filter(|_| tracks.iter().any(is_shown));
        if let Some(user) = user.map(UserId::from)
            && !users.contains(&user)
        {
            users.push(user);
        }
    }
    users
}
