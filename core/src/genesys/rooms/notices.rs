//! Notices of the service about the conversations of rooms.

use serde_json::Value;

use super::Rooms;
use super::participants::{Change, ParticipantsUpdate, users_of_sinks};
use super::room::{Heard, Room, Stage};
use crate::genesys::event::Event;
use crate::genesys::ids::{ConversationId, SessionId, UserId};
use crate::genesys::outbox::Outbox;
use crate::genesys::session_type::SessionType;
use crate::genesys::sessions::Sessions;
use crate::media::MediaKind;

impl Rooms {
    /// True if a conversation's notices are of interest: one of its sessions is a meeting's.
    pub(crate) fn listens_to(&self, conversation: &ConversationId) -> bool {
        self.meeting_of(conversation).is_some()
    }

    /// The newest meeting of a conversation that has begun.
    fn meeting_of(&self, conversation: &ConversationId) -> Option<SessionId> {
        let is_it = |room: &&Room| match room.stage {
            Stage::Proposed { .. } | Stage::Proceeded { .. } => false,
            Stage::Offered | Stage::Joined(_) => {
                let meets = room.kind == SessionType::CollaborateVideo;
                room.conversation == *conversation && meets
            }
        };
        self.open.iter().rev().find(is_it).map(|room| room.session.clone())
    }

    /// Takes a conversation, as an event or an answer tells it.
    pub(crate) fn handle_notice(
        &mut self,
        conversation: &ConversationId,
        body: &Value,
        user: Option<&UserId>,
        out: &mut Outbox,
    ) {
        let Some(session) = self.meeting_of(conversation) else { return };
        let Some(room) = self.find_mut(&session) else { return };
        if let Some(joined) = room.joined_mut() {
            joined.heard = Heard::Yes;
        }
        let Change { active, added, removed, is_cut } = room.seen.take(body, user);
        if is_cut {
            out.malformed(format!("too many participants of {conversation}"));
        }
        if out.has_room() {
            let (conversation, own) = (conversation.clone(), room.seen.own().cloned());
            let update = ParticipantsUpdate { session, conversation, own, active, added, removed };
            out.event(Event::ParticipantsUpdate(update));
        }
    }

    /// Takes the service's word on who is shown and heard in a conversation.
    pub(crate) fn handle_media(
        &mut self,
        conversation: &ConversationId,
        body: &Value,
        sessions: &Sessions,
        out: &mut Outbox,
    ) {
        let Some(session) = self.meeting_of(conversation) else { return };
        let sinks = sessions.sinks(&session);
        let users = |of: MediaKind| {
            let sinks = sinks.iter().filter(|(_, track)| track.kind == of);
            let sinks: Vec<_> = sinks.map(|(sink, _)| sink.as_str()).collect();
            users_of_sinks(body, of.name(), &sinks)
        };
        let (seen, heard) = (users(MediaKind::Video), users(MediaKind::Audio));
        let Some(room) = self.find_mut(&session) else { return };
        if room.shown.as_ref() != Some(&seen) {
            room.shown = Some(seen.clone());
            out.event(Event::ActiveVideoParticipants {
                session: session.clone(),
                conversation: conversation.clone(),
                users: seen,
            });
        }
        out.event(Event::Speakers { session, conversation: conversation.clone(), users: heard });
    }
}
