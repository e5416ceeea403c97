//! Requests of the application in a meeting: mutes, a screen, pins, key frames.

use std::time::Instant;

use serde_json::Value;

use super::room::{Room, Share};
use super::waits::{Muting, Wait};
use super::{Rooms, no_room, own_track};
use crate::genesys::ask::{IqAsk, RoomAsk};
use crate::genesys::calls::online;
use crate::genesys::command::Outcome;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, Signaling};
use crate::genesys::ids::{ConversationId, MAX_ID, ParticipantId, SessionId, UserId};
use crate::genesys::outbox::Outbox;
use crate::genesys::session_type::SessionType;
use crate::genesys::sessions::Sessions;
use crate::genesys::wire::requests;
use crate::jingle::SessionInfo;
use crate::machine::{CommandId, MediaKind, TrackId};
use crate::media::{Engine, MediaError};
use crate::rest::{Failure, Retry};

impl Rooms {
    /// The meeting of a conversation that we are in.
    fn meeting(&self, conversation: &ConversationId) -> Result<&Room, Error> {
        let begun = |room: &&Room| room.conversation == *conversation && room.joined().is_some();
        let mut rooms = self.open.iter().rev().filter(begun);
        let meets = |room: &&Room| room.kind == SessionType::CollaborateVideo;
        if let Some(room) = rooms.find(meets) {
            return Ok(room);
        }
        match self.open.iter().rev().find(begun).map(|room| room.kind) {
            Some(SessionType::ScreenShare) => {
                let text = format!("a guest's screen has nothing of that: {conversation}");
                Err(Error::new(ErrorKind::NotSupported, text))
            }
            Some(_) | None => Err(no_room(conversation)),
        }
    }

    pub(crate) fn may_mute(
        &self,
        conversation: &ConversationId,
        out: &Outbox,
    ) -> Result<(), Error> {
        self.meeting(conversation)?;
        online(out)
    }

    /// Stops or resumes sending: by ourselves at once, then in the room's knowledge.
    #[expect(clippy::too_many_arguments, reason = "a command, its subject and the world")]
    pub(crate) fn set_muted(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        kind: MediaKind,
        muted: bool,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let session = match self.meeting(conversation) {
            Ok(room) => room.session.clone(),
            Err(error) => return out.complete(command, Err(error)),
        };
        let Some(joined) = self.find_mut(&session).and_then(Room::joined_mut) else { return };
        let was = joined.muting(kind);
        joined.set_muting(kind, Muting::of(muted));
        self.mute_track(&session, kind, sessions, out);
        if muted {
            self.mute_others(&session, kind, user, sessions, out);
        }
        let Some(signal) = sessions.signal(&session).cloned() else { return };
        match signal.kind() {
            Signaling::Sdp => {
                let ask = IqAsk::Mute { session: session.clone(), command };
                self.waits.add(command, Wait::Mute { session, kind, was });
                signal.mute(kind, muted, user, ask, out);
            }
            Signaling::Jingle => {
                signal.mute(kind, muted, user, IqAsk::Update(session), out);
                out.complete(command, Ok(Outcome::Done));
            }
        }
    }

    /// Whoever mutes a conversation is not seen or heard by another session of it, either. It is not resumed with the one
    /// that is in use.
    fn mute_others(
        &mut self,
        session: &SessionId,
        kind: MediaKind,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(conversation) = self.find(session).map(|room| room.conversation.clone()) else {
            return;
        };
        let others = self.open.iter_mut().filter(|room| {
            room.conversation == conversation
                && room.kind == SessionType::CollaborateVideo
                && room.session != *session
        });
        let sends = others.filter_map(|room| {
            let other = room.session.clone();
            let joined = room.joined_mut().filter(|joined| !joined.muting(kind).is_muted())?;
            joined.set_muting(kind, Muting::Muted);
            Some(other)
        });
        for other in sends.collect::<Vec<_>>() {
            self.mute_track(&other, kind, sessions, out);
            if let Some(signal) = sessions.signal(&other).cloned() {
                signal.mute(kind, true, user, IqAsk::Update(other), out);
            }
        }
    }

    /// Takes the room's word on a mute: one that it refuses is undone.
    pub(crate) fn mute_answered(
        &mut self,
        command: CommandId,
        result: Result<Outcome, Error>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(Wait::Mute { session, kind, was }) = self.waits.take(command) else { return };
        if result.is_err() {
            self.mute_undone(command, &session, (kind, was), sessions, out);
        }
        out.complete(command, result);
    }

    pub(super) fn mute_undone(
        &mut self,
        command: CommandId,
        session: &SessionId,
        (kind, was): (MediaKind, Muting),
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        if !self.waits.undo_mute(command, session, kind, was) {
            return;
        }
        if let Some(joined) = self.find_mut(session).and_then(Room::joined_mut) {
            joined.set_muting(kind, was);
            self.mute_track(session, kind, sessions, out);
        }
    }

    pub(crate) fn may_share(
        &self,
        conversation: &ConversationId,
        sessions: &Sessions,
        out: &Outbox,
    ) -> Result<(), Error> {
        let room = self.meeting(conversation)?;
        online(out)?;
        if own_track(&room.session, MediaKind::Video, sessions).is_none() {
            let text = format!("there is no video to send in the session: {conversation}");
            return Err(Error::new(ErrorKind::Media, text));
        }
        Ok(())
    }

    /// Tells the room that our pictures are those of a screen, or of the camera again. What is so
    /// already is not told (DEF-22).
    pub(crate) fn share(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        share: Share,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let session = match self.meeting(conversation) {
            Ok(room) => room.session.clone(),
            Err(error) => return out.complete(command, Err(error)),
        };
        if let Some(joined) = self.find_mut(&session).and_then(Room::joined_mut)
            && joined.share != share
        {
            joined.share = share;
            self.mute_track(&session, MediaKind::Video, sessions, out);
            let info = match share {
                Share::Yes => SessionInfo::ScreenStart,
                Share::No => SessionInfo::ScreenStop,
            };
            if let Some(signal) = sessions.signal(&session) {
                signal.clone().screen(info, out);
            }
        }
        out.complete(command, Ok(Outcome::Done));
    }

    pub(crate) fn may_pin(
        &self,
        conversation: &ConversationId,
        participant: Option<&ParticipantId>,
    ) -> Result<(), Error> {
        let room = self.meeting(conversation)?;
        if participant.is_some_and(|one| one.as_str().len() > MAX_ID) {
            return Err(Error::new(ErrorKind::InvalidOptions, "a participant's id is too long"));
        }
        match room.seen.own() {
            Some(_) => Ok(()),
            None => {
                let text = format!("our own part is not known yet: {conversation}");
                Err(Error::new(ErrorKind::Session, text))
            }
        }
    }

    pub(crate) fn pin(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        participant: Option<ParticipantId>,
        out: &mut Outbox,
    ) {
        let found = self.meeting(conversation);
        let found = found.map(|room| (room.session.clone(), room.seen.own().cloned()));
        let (session, own) = match found {
            Ok((session, Some(own))) => (session, own),
            Ok((_, None)) => return out.complete(command, Err(no_room(conversation))),
            Err(error) => return out.complete(command, Err(error)),
        };
        let resource = requests::pin(conversation, &own, participant.as_ref());
        self.waits.add(command, Wait::Pin { session, participant });
        out.rest(RoomAsk::Pin(command), resource, Retry::No);
    }

    pub(super) fn pin_answered(
        &mut self,
        command: CommandId,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) {
        let Some(Wait::Pin { session, participant }) = self.waits.take(command) else { return };
        if let (Ok(_), Some(room)) = (&result, self.find(&session)) {
            let conversation = room.conversation.clone();
            out.event(Event::PinnedParticipant { session, conversation, participant });
        }
        out.complete(command, result.map(|_| Outcome::Done).map_err(Error::from));
    }

    /// Checks that a track is one of a room's pictures.
    pub(crate) fn may_ask_of(&self, track: TrackId, sessions: &Sessions) -> Result<(), Error> {
        let session = sessions.of_media(track.media).filter(|session| self.has(session));
        let there = session.is_some_and(|session| {
            sessions.tracks(session).iter().any(|info| info.track == track.track)
        });
        match (there, track.track.kind) {
            (true, MediaKind::Video) => Ok(()),
            (true, MediaKind::Audio) | (false, _) => {
                Err(Error::media(MediaError::NotNegotiated(track.track.kind.name())))
            }
        }
    }

    /// Asks something of the far side of a track.
    pub(crate) fn ask_of(
        &mut self,
        command: CommandId,
        track: TrackId,
        ask: impl FnOnce(&mut dyn Engine, Instant) -> Result<(), MediaError>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let now = out.now();
        let session = sessions.of_media(track.media).cloned();
        let asked = session.and_then(|session| {
            sessions.with_engine(&session, |engine: &mut dyn Engine| ask(engine, now), out)
        });
        let gone = || Err(MediaError::NotNegotiated(track.track.kind.name()));
        let asked = asked.unwrap_or_else(gone);
        out.complete(command, asked.map(|()| Outcome::Done).map_err(Error::media));
    }
}
