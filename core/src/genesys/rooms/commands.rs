//! Requests of the application to its rooms, and the service's answers.

use serde_json::Value;

use super::proposals::proceed;
use super::room::{Heard, Room, Stage};
use super::waits::Wait;
use super::wanted::Meeting;
use super::{RoomMedia, Rooms, no_room, say};
use crate::genesys::ask::{IqAsk, RoomAsk};
use crate::genesys::calls::online;
use crate::genesys::command::Outcome;
use crate::genesys::config::Auth;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, HandledBy};
use crate::genesys::ids::{ConversationId, MAX_ID, SessionId, UserId};
use crate::genesys::link::Invited;
use crate::genesys::outbox::Outbox;
use crate::genesys::session_type::SessionType;
use crate::genesys::sessions::Sessions;
use crate::genesys::wire::answers::NewVideo;
use crate::genesys::wire::{
    Dialect, Frame, Payload, Presence, SessionMessage, UpgradeMedia, UpgradePart, requests,
};
use crate::jingle::Reason;
use crate::machine::CommandId;
use crate::media::MediaError;
use crate::rest::{Failure, Retry};

impl Rooms {
    // Meetings

    /// Checks that a meeting can be begun or joined.
    pub(crate) fn may_meet(
        &self,
        names: &[&str],
        by_id: bool,
        invited: Option<&Invited>,
        out: &Outbox,
    ) -> Result<(), Error> {
        let not_for = |who: &str| {
            let text = format!("meetings are not for {who}");
            Err(Error::new(ErrorKind::NotSupported, text))
        };
        match out.config.auth {
            Auth::Guest { .. } => return not_for("guests with a code"),
            Auth::Jwt(_) if by_id => return not_for("guests, by their id"),
            Auth::Jwt(_) | Auth::Token(_) => {}
        }
        if !out.config.may_have(SessionType::CollaborateVideo) {
            return not_for("this client");
        }
        if names.iter().any(|name| name.is_empty() || name.len() > MAX_ID) {
            return Err(Error::new(ErrorKind::InvalidOptions, "a name of a meeting that is none"));
        }
        online(out)?;
        if self.wanted.is_full() {
            return Err(Error::new(ErrorKind::Limit, "too many meetings asked for"));
        }
        let is_agent = matches!(out.config.auth, Auth::Token(_));
        if !is_agent && invited.and_then(|invited| invited.conversation.as_ref()).is_none() {
            let text = "the JWT is for no conversation";
            return Err(Error::new(ErrorKind::NotSupported, text));
        }
        Ok(())
    }

    /// Begins a meeting in a room, or invites somebody to one, whose proposal is then none of ours.
    pub(crate) fn start_conference(
        &mut self,
        command: CommandId,
        room: String,
        invitee: Option<&str>,
        invited: Option<&Invited>,
        out: &mut Outbox,
    ) {
        if let (Auth::Jwt(_), Some(invited)) = (&out.config.auth, invited) {
            ask_in(invited, UpgradePart::VideoGuest, out);
            let conversation = invited.conversation.clone();
            let none = || Error::new(ErrorKind::NotSupported, "the JWT is for no conversation");
            let outcome = conversation.map(Outcome::Conversation).ok_or_else(none);
            return out.complete(command, outcome);
        }
        let own = out.bare_jid().map(|jid| jid.as_str().to_owned()).unwrap_or_default();
        let resource = requests::start_video(&room, invitee.unwrap_or(&own));
        if invitee.is_none() {
            self.want(Meeting::Room(room), command, out);
        }
        self.waits.add(command, Wait::Meeting);
        out.rest(RoomAsk::Start(command), resource, Retry::No);
    }

    /// Joins a meeting.
    pub(crate) fn start_meeting(&mut self, command: CommandId, meeting: String, out: &mut Outbox) {
        let own = out.bare_jid().map(|jid| jid.as_str().to_owned()).unwrap_or_default();
        let resource = requests::join_video(&meeting, &own);
        self.want(Meeting::Id(meeting), command, out);
        self.waits.add(command, Wait::Meeting);
        out.rest(RoomAsk::Start(command), resource, Retry::No);
    }

    fn want(&mut self, meeting: Meeting, command: CommandId, out: &Outbox) {
        let until = out.now() + out.config.timing.ringing;
        self.wanted.add(meeting, command, until);
    }

    fn meeting_answered(
        &mut self,
        command: CommandId,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) {
        if self.waits.take(command).is_none() {
            return;
        }
        let read = |body| Failure::or_parsed::<NewVideo>("conversations/videos", body);
        let result = result.and_then(read).map_err(Error::from);
        match &result {
            Ok(video) => self.wanted.tie(command, &video.conversation_id),
            Err(_) => self.wanted.forget(command),
        }
        out.complete(command, result.map(|video| Outcome::Conversation(video.conversation_id)));
    }

    // A guest's screen

    /// Checks that a screen can be shown.
    pub(crate) fn may_show(&self, invited: Option<&Invited>, out: &Outbox) -> Result<(), Error> {
        let error = |text: &str| Err(Error::new(ErrorKind::NotSupported, text));
        match out.config.auth {
            Auth::Guest { .. } => {}
            Auth::Token(_) | Auth::Jwt(_) => {
                return error("a screen is shown by guests with a code");
            }
        }
        online(out)?;
        if invited.is_none() {
            return error("the guest's JWT is for no room");
        }
        if self.waits.first(&Wait::Share).is_some() {
            return Err(Error::new(ErrorKind::Session, "a screen is asked for already"));
        }
        Ok(())
    }

    pub(crate) fn show_screen(
        &mut self,
        command: CommandId,
        invited: Option<&Invited>,
        out: &mut Outbox,
    ) {
        if let Some(invited) = invited {
            ask_in(invited, UpgradePart::ScreenShare, out);
        }
        self.waits.add(command, Wait::Share);
    }

    /// The room does not let us in.
    pub(crate) fn not_let_in(&mut self, out: &mut Outbox) {
        let error = Error::new(ErrorKind::Session, "the room did not let us in");
        self.waits.settle(&Wait::Share, &Err(error), out);
    }

    // Proposals

    pub(crate) fn may_accept_pending(
        &self,
        conversation: &ConversationId,
        out: &Outbox,
    ) -> Result<(), Error> {
        online(out)?;
        self.pending(conversation).map(|_| ()).ok_or_else(|| no_room(conversation))
    }

    /// The first proposal of a conversation, rather one that nobody accepted.
    fn pending(&self, conversation: &ConversationId) -> Option<&Room> {
        let pending = || self.open.iter().filter(|room| room.conversation == *conversation);
        let proposed = pending().find(|room| matches!(room.stage, Stage::Proposed { .. }));
        proposed.or_else(|| pending().find(|room| room.is_pending()))
    }

    pub(crate) fn accept_pending(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        out: &mut Outbox,
    ) {
        let session = self.pending(conversation).map(|room| room.session.clone());
        let Some(room) = session.and_then(|session| self.find_mut(&session)) else {
            return out.complete(command, Err(no_room(conversation)));
        };
        if matches!(room.stage, Stage::Proposed { .. }) {
            proceed(room, out);
        }
        let wait = Wait::Start(room.session.clone());
        self.waits.add(command, wait);
    }

    /// Declines a proposal: the user's other clients are told first, then the room.
    pub(crate) fn reject_pending(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        out: &mut Outbox,
    ) {
        let session = self.pending(conversation).map(|room| room.session.clone());
        let Some(room) = session.and_then(|session| self.remove(&session)) else {
            return out.complete(command, Err(no_room(conversation)));
        };
        let reject = || SessionMessage::Reject { id: room.session.as_str().to_owned() };
        if let Some(own) = out.bare_jid() {
            say(reject(), own, out);
        }
        say(reject(), room.from.clone(), out);
        let rejected = Error::new(ErrorKind::Session, "the proposal was declined");
        self.waits.settle(&Wait::Start(room.session.clone()), &Err(rejected), out);
        if room.told {
            out.event(room.handled(HandledBy::Here));
        }
        out.complete(command, Ok(Outcome::Done));
    }

    // Offers

    /// The room whose offer such media answers: one that is not answered yet, or else the newest.
    fn answerable(&self, conversation: &ConversationId, media: &RoomMedia) -> Option<&Room> {
        let fits = |room: &&Room| {
            let screens = matches!(media, RoomMedia::Screens(_));
            let takes = match room.kind {
                SessionType::CollaborateVideo => !screens,
                SessionType::ScreenRecording => screens,
                // The role is the session's (DEF-11): whoever watches brings nothing.
                SessionType::LiveScreenMonitoring => screens || *media == RoomMedia::Nothing,
                SessionType::ScreenShare | SessionType::Softphone | SessionType::Unknown => false,
            };
            room.conversation == *conversation && !room.is_pending() && takes
        };
        let offered = |room: &&Room| fits(room) && room.joined().is_none();
        let newest = || self.open.iter().rev();
        newest().find(offered).or_else(|| newest().find(fits))
    }

    pub(crate) fn may_accept(
        &self,
        conversation: &ConversationId,
        media: &RoomMedia,
        user: Option<&UserId>,
        sessions: &Sessions,
        out: &Outbox,
    ) -> Result<(), Error> {
        let Some(room) = self.answerable(conversation, media) else {
            let begun = |room: &Room| room.conversation == *conversation && !room.is_pending();
            if self.open.iter().any(begun) {
                let text = format!("the session takes other media: {conversation}");
                return Err(Error::new(ErrorKind::InvalidOptions, text));
            }
            return Err(no_room(conversation));
        };
        if room.joined().is_some() {
            return Ok(());
        }
        match media {
            RoomMedia::Screens(screens) if screens.is_empty() => {
                return Err(Error::new(ErrorKind::Session, "no screen"));
            }
            RoomMedia::Screens(screens) if screens.len() > RoomMedia::MAX_SCREENS => {
                return Err(Error::media(MediaError::TooMany("screens")));
            }
            RoomMedia::Screens(screens) if screens.iter().any(|one| one.id.len() > MAX_ID) => {
                return Err(Error::new(ErrorKind::InvalidOptions, "a screen's id is too long"));
            }
            RoomMedia::Screens(_) if room.kind == SessionType::LiveScreenMonitoring => {
                if !room.is_target(user) {
                    let text = "these are somebody else's screens";
                    return Err(Error::new(ErrorKind::InvalidOptions, text));
                }
            }
            RoomMedia::Nothing if room.is_target(user) => {
                return Err(Error::new(ErrorKind::Session, "no screen"));
            }
            RoomMedia::Nothing
            | RoomMedia::Audio
            | RoomMedia::Video
            | RoomMedia::Both
            | RoomMedia::Screens(_) => {}
        }
        online(out)?;
        sessions.may_accept(&room.session)
    }

    /// Accepts a room's media; accepting twice is one acceptance.
    pub(crate) fn accept(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        media: RoomMedia,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(room) = self.answerable(conversation, &media) else {
            return out.complete(command, Err(no_room(conversation)));
        };
        let session = room.session.clone();
        if room.joined().is_some() {
            if !out.is_asked(&IqAsk::Answer(session.clone())) {
                return out.complete(command, Ok(Outcome::Done));
            }
            return self.waits.add(command, Wait::Answer(session));
        }
        match self.answer(&session, media, sessions, out) {
            Ok(()) => {
                self.waits.add(command, Wait::Answer(session.clone()));
                self.tell_mutes(&session, user, sessions, out);
            }
            Err(error) => out.complete(command, Err(error)),
        }
    }

    /// Takes the service's word on our answer, or none.
    pub(crate) fn answered(
        &mut self,
        session: &SessionId,
        result: &Result<Outcome, Error>,
        out: &mut Outbox,
    ) {
        self.waits.settle(&Wait::Answer(session.clone()), result, out);
    }

    // Ends

    /// The room that a command to end a conversation's session is about: what may be ended here comes
    /// first.
    fn ending(&self, conversation: &ConversationId, user: Option<&UserId>) -> Option<&Room> {
        let begun = |room: &&Room| room.conversation == *conversation && !room.is_pending();
        let mut free = self.open.iter().rev().filter(begun);
        let first = free.find(|room| Self::may_be_ended(room, user));
        first.or_else(|| self.open.iter().rev().find(begun))
    }

    pub(crate) fn may_end(
        &self,
        conversation: &ConversationId,
        user: Option<&UserId>,
    ) -> Result<(), Error> {
        let room = self.ending(conversation, user).ok_or_else(|| no_room(conversation))?;
        if !Self::may_be_ended(room, user) {
            let text = format!("only the room ends it: {conversation}");
            return Err(Error::new(ErrorKind::NotSupported, text));
        }
        Ok(())
    }

    pub(crate) fn end(
        &mut self,
        command: CommandId,
        conversation: &ConversationId,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(room) = self.ending(conversation, user) else {
            return out.complete(command, Err(no_room(conversation)));
        };
        let session = room.session.clone();
        self.force_terminate(command, &session, Reason::Success, sessions, out);
    }

    pub(crate) fn force_terminate(
        &mut self,
        command: CommandId,
        session: &SessionId,
        reason: Reason,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.waits.add(command, Wait::End(session.clone()));
        sessions.terminate(session, reason, out);
    }

    // Answers

    pub(crate) fn handle_rest(
        &mut self,
        ask: &RoomAsk,
        result: Result<Value, Failure>,
        user: Option<&UserId>,
        out: &mut Outbox,
    ) {
        match ask {
            RoomAsk::Start(command) => self.meeting_answered(*command, result, out),
            RoomAsk::Pin(command) => self.pin_answered(*command, result, out),
            RoomAsk::Participants(session) => {
                let Some(room) = self.find(session) else { return };
                let waits = room.joined().is_some_and(|joined| joined.heard == Heard::Asked);
                let conversation = room.conversation.clone();
                match result {
                    Ok(body) if waits => self.handle_notice(&conversation, &body, user, out),
                    // An event came first.
                    Ok(_) => {}
                    Err(failure) => {
                        tracing::warn!("who is in a room: {}", out.fit(failure.into()));
                    }
                }
            }
            RoomAsk::Metadata(_) => {
                if let Err(failure) = result {
                    let error = Error::from(failure);
                    out.event(Event::Error(error));
                }
            }
        }
    }
}

/// Asks the room that a JWT is for to be let in (wire notes 5.10).
fn ask_in(invited: &Invited, part: UpgradePart, out: &mut Outbox) {
    let upgrade = UpgradeMedia {
        conversation_id: invited.conversation.as_ref().map(|id| id.as_str().to_owned()),
        source_communication_id: invited.source.clone(),
        part,
    };
    let presence = Presence {
        id: Some(out.uuid()),
        from: out.jid.clone(),
        to: Some(invited.room.clone()),
        kind: Some("upgradeMedia".to_owned()),
        payloads: vec![Payload::Extension(Dialect::UpgradeMedia(upgrade))],
    };
    out.signal(Frame::Presence(presence));
}
