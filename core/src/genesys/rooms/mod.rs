//! Rooms: every session that is no telephone call. Meetings, screens that guests show, recordings,
//! monitoring (behaviour notes 8, 9).
//!
//! A room's media is a session like a call's; here is what else is known of it. Calls know nothing of
//! rooms, and rooms nothing of calls: the client tells them apart by the far side's address.
//!
//! | kind | the proposal | the answer | may be ended here |
//! | --- | --- | --- | --- |
//! | meeting that we asked for | accepted by itself, once | the application's | yes |
//! | `peer-` of another user, `agent-` | told | the application's | yes |
//! | any other meeting | left alone | | |
//! | a guest's screen | told, and accepted by itself | by itself | yes |
//! | recording | told, or accepted by itself | the application's screens | no |
//! | our monitored screens | accepted by itself | the application's screens | no |
//! | somebody else's monitored screens | told | the application's | yes |

mod commands;
mod media;
mod meeting;
mod member;
mod news;
mod notices;
mod participants;
mod proposals;
mod room;
mod standing;
mod waits;
mod wanted;

pub use self::media::{RoomMedia, Screen};
pub use self::member::{
    AppId, ContentType, IncomingStream, MemberStatus, OutgoingStream, Rates, Speaker,
    SpeakerActivity,
};
pub use self::participants::{ParticipantsUpdate, RoomParticipant};

pub(crate) use self::room::Share;
use self::room::{Channel, Heard, Joined, Metadata, Room, Stage};
use self::waits::{Muting, Wait, Waits};
use self::wanted::Wanted;
use super::ask::{Ask, IqAsk, RoomAsk};
use super::command::Outcome;
use super::config::Auth;
use super::error::{Error, ErrorKind, Subject};
use super::event::{Event, HandledBy};
use super::ids::{ConversationId, SessionId, UserId};
use super::outbox::Outbox;
use super::session::Sends;
use super::session_type::SessionType;
use super::sessions::Sessions;
use super::wire::requests;
use super::wire::{Frame, Message, Payload, SessionMessage};
use crate::jingle::Reason;
use crate::machine::{CommandId, Wake};
use crate::media::{MediaError, MediaKind, Track};
use crate::rest::Retry;
use crate::xmpp::Jid;

/// Rooms known at once; a proposal beyond it is refused by silence.
pub(crate) const MAX_ROOMS: usize = 64;

/// The rooms of one user. See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    /// The rooms, newest last.
    open: Vec<Room>,
    wanted: Wanted,
    waits: Waits,
    /// Topics that are wanted, or no longer, which the connection does not know yet.
    topics: Vec<Topic>,
}

/// A topic of a room's, wanted or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Wanted(String),
    Unwanted(String),
}

impl Rooms {
    /// The number of things remembered.
    pub(crate) fn size(&self) -> usize {
        self.open.len() + self.wanted.len() + self.waits.len()
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let rooms = self.open.iter().filter_map(Room::due);
        let rooms = rooms.map(|(at, reason)| Wake { at, reason });
        let wanted = self.wanted.next_wake().map(|at| Wake { at, reason: "meeting asked for" });
        rooms.chain(wanted).min_by_key(|wake| wake.at)
    }

    /// True if a conversation is a room of ours.
    pub(crate) fn knows(&self, conversation: &ConversationId) -> bool {
        self.open.iter().any(|room| room.conversation == *conversation)
    }

    /// True if a session is a room's.
    pub(crate) fn has(&self, session: &SessionId) -> bool {
        self.find(session).is_some()
    }

    /// True if a room of this conversation waits for the application.
    pub(crate) fn is_pending(&self, conversation: &ConversationId) -> bool {
        self.open.iter().any(|room| room.conversation == *conversation && room.is_pending())
    }

    fn find(&self, session: &SessionId) -> Option<&Room> {
        self.open.iter().find(|room| room.session == *session)
    }

    fn find_mut(&mut self, session: &SessionId) -> Option<&mut Room> {
        self.open.iter_mut().find(|room| room.session == *session)
    }

    /// Forgets a room.
    fn remove(&mut self, session: &SessionId) -> Option<Room> {
        let at = self.open.iter().position(|room| room.session == *session)?;
        Some(self.open.remove(at))
    }

    /// A subject, with the session of a room's conversation.
    pub(crate) fn subject(&self, of: Subject) -> Subject {
        match of {
            Subject { conversation: Some(conversation), session: None } => {
                let mut rooms = self.open.iter().rev();
                let room = rooms.find(|room| room.conversation == conversation);
                let session = room.map(|room| room.session.clone());
                Subject { conversation: Some(conversation), session }
            }
            other => other,
        }
    }

    /// The topics that are wanted since the last look, and those that are not any more.
    pub(crate) fn take_topics(&mut self) -> Vec<Topic> {
        std::mem::take(&mut self.topics)
    }

    // Sessions

    /// The room offered media and the engine took it.
    pub(crate) fn session_started(
        &mut self,
        session: &SessionId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(handle) = sessions.handle(session) else { return };
        say_accepted(session, out);
        let Some(room) = self.find_mut(session) else { return };
        room.stage = Stage::Offered;
        let kind = room.kind;
        if room.told {
            out.event(room.handled(HandledBy::Here));
        }
        out.event(Event::SessionStarted(handle));
        self.waits.settle(&Wait::Start(session.clone()), &Ok(Outcome::Done), out);
        if kind == SessionType::ScreenShare {
            self.show(session, sessions, out);
        }
    }

    /// Answers a guest's session by itself, or ends it where no screen is to be shown.
    fn show(&mut self, session: &SessionId, sessions: &mut Sessions, out: &mut Outbox) {
        let Some(command) = self.waits.first(&Wait::Share) else {
            return sessions.terminate(session, Reason::Success, out);
        };
        self.waits.take(command);
        // The screen's own size is told to nobody.
        let screen = RoomMedia::Screens(vec![Screen::default()]);
        match self.answer(session, screen, sessions, out) {
            Ok(()) => self.waits.add(command, Wait::Answer(session.clone())),
            Err(error) => {
                out.complete(command, Err(error));
                sessions.terminate(session, Reason::FailedApplication, out);
            }
        }
    }

    /// A session took another's place, by a re-invite. It is answered at once where the one before was.
    pub(crate) fn session_replaced(
        &mut self,
        session: &SessionId,
        old: &SessionId,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(handle) = sessions.handle(session) else { return };
        say_accepted(session, out);
        out.event(Event::SessionReplaced { session: handle, old: old.clone() });
        self.waits.moved(old, session);
        if let Some(room) = self.find_mut(old) {
            room.session = session.clone();
            let from = sessions.signal(session).map(|signal| signal.peer().clone());
            room.from = from.unwrap_or_else(|| room.from.clone());
        }
        if let Some(joined) = self.find_mut(session).and_then(Room::joined_mut) {
            joined.channel = Channel::Unopened;
            let sends = sends(&joined.screens);
            match sessions.make_answer(session, sends, out) {
                Ok(answer) => {
                    if let Some(answer) = answer {
                        sessions.accept(session, answer, out);
                    }
                    self.tell_mutes(session, user, sessions, out);
                }
                Err(error) => {
                    let of = Subject { conversation: None, session: Some(session.clone()) };
                    out.event(Event::Error(error.about(&of)));
                }
            }
        }
        if old != session {
            sessions.terminate(old, Reason::AlternativeSession, out);
        }
    }

    /// The service reassigned a session to another conversation.
    pub(crate) fn session_moved(
        &mut self,
        session: &SessionId,
        conversation: &ConversationId,
        sessions: &mut Sessions,
    ) {
        if sessions.moved(session, conversation).is_some()
            && let Some(room) = self.find_mut(session)
        {
            room.conversation = conversation.clone();
        }
    }

    /// The offer that a proposal led to cannot be used: the room is over, which whoever accepted it
    /// is told.
    pub(crate) fn offer_refused(&mut self, session: &SessionId, why: MediaError, out: &mut Outbox) {
        let pending = self.find(session).is_some_and(Room::is_pending);
        if !pending {
            return;
        }
        let text = format!("the offer of media cannot be used: {why}");
        let error = Error::new(ErrorKind::Session, text).caused_by(why);
        self.withdraw(session, error, out);
    }

    /// A proposal comes to nothing: whoever waits for it, and whoever was told of it, is told.
    fn withdraw(&mut self, session: &SessionId, why: Error, out: &mut Outbox) {
        let Some(room) = self.remove(session) else { return };
        if room.is_known() {
            out.event(Event::CancelPendingSession {
                session: room.session,
                conversation: room.conversation,
                session_type: room.kind,
            });
        }
        self.waits.settle(&Wait::Start(session.clone()), &Err(why), out);
    }

    /// Takes note of sessions that ended in the meantime.
    pub(crate) fn sweep(&mut self, sessions: &mut Sessions, out: &mut Outbox) {
        for (session, _) in sessions.take_ended(SessionType::is_room, out) {
            if let Some(room) = self.remove(&session) {
                self.unwant_topic(&room, out);
            }
            self.waits.session_over(&session, out);
        }
    }

    /// Answers a room's offer. It stays offered where that fails, to be accepted again (DEF-16).
    fn answer(
        &mut self,
        session: &SessionId,
        media: RoomMedia,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let (audio, camera) = (media.has_audio(), media.has_video());
        let screens = media.into_screens();
        let answer = sessions.make_answer(session, sends(&screens), out)?;
        if let Some(answer) = answer {
            sessions.accept(session, answer, out);
        }
        let Some(room) = self.find_mut(session) else { return Ok(()) };
        let meeting = room.kind == SessionType::CollaborateVideo;
        let recording = room.kind == SessionType::ScreenRecording;
        let asks = meeting && !matches!(out.config.auth, Auth::Jwt(_) | Auth::Guest { .. });
        let until = out.now() + out.config.timing.participants;
        room.stage = Stage::Joined(Box::new(Joined {
            audio: Muting::of(!audio),
            // The screens are sent by the tracks of cameras.
            camera: Muting::of(meeting && !camera),
            share: Share::No,
            channel: if meeting { Channel::Unopened } else { Channel::Opened },
            screens,
            metadata: if recording { Metadata::Due } else { Metadata::Done },
            heard: if asks { Heard::Waiting { until } } else { Heard::Yes },
        }));
        if asks {
            let topic = media_topic(&room.conversation);
            self.topics.push(Topic::Wanted(topic));
            out.due.stir();
        }
        Ok(())
    }

    fn unwant_topic(&mut self, room: &Room, out: &mut Outbox) {
        let agent = matches!(out.config.auth, Auth::Token(_));
        if room.kind == SessionType::CollaborateVideo && room.joined().is_some() && agent {
            self.topics.push(Topic::Unwanted(media_topic(&room.conversation)));
            out.due.stir();
        }
    }

    /// Tells a meeting which of our media are not sent: pictures first (video notes 2). They are not
    /// from now on.
    fn tell_mutes(
        &mut self,
        session: &SessionId,
        user: Option<&UserId>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let room = self.find(session);
        if room.is_none_or(|room| room.kind != SessionType::CollaborateVideo) {
            return;
        }
        for kind in [MediaKind::Video, MediaKind::Audio] {
            self.mute_track(session, kind, sessions, out);
            let muted = self.find(session).and_then(Room::joined).map(|joined| joined.muting(kind));
            let Some(Muting::Muted) = muted else { continue };
            let offered = own_track(session, kind, sessions).is_some();
            if let Some(signal) = sessions.signal(session).filter(|_| offered).cloned() {
                signal.mute(kind, true, user, IqAsk::Update(session.clone()), out);
            }
        }
    }

    /// Lets the engine send what the state of a meeting says.
    fn mute_track(
        &self,
        session: &SessionId,
        kind: MediaKind,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let Some(room) = self.find(session) else { return };
        let Some(joined) = room.joined().filter(|_| room.kind == SessionType::CollaborateVideo)
        else {
            return;
        };
        let sharing = kind == MediaKind::Video && joined.share == Share::Yes;
        let muted = joined.muting(kind).is_muted() && !sharing;
        if let Some(track) = own_track(session, kind, sessions) {
            sessions.with_engine(session, |engine| engine.set_muted(track, muted), out);
        }
    }

    /// Asks, once signaling is back, who is in the meetings that we are in: people may have come and gone
    /// meanwhile (DEF-10).
    pub(crate) fn came_back(&mut self, out: &mut Outbox) {
        out.forget_http(|ask| matches!(ask, Ask::Room(RoomAsk::Participants(_))));
        let meetings =
            self.open.iter_mut().filter(|room| room.kind == SessionType::CollaborateVideo);
        for room in meetings {
            let (session, resource) =
                (room.session.clone(), requests::conversation(&room.conversation));
            if let Some(joined) = room.joined_mut() {
                joined.heard = Heard::Asked;
                out.rest(RoomAsk::Participants(session), resource, Retry::Yes);
            }
        }
    }

    // Time

    pub(crate) fn handle_timeout(&mut self, out: &mut Outbox) {
        let now = out.now();
        for conversation in self.wanted.expire(now) {
            // One that goes on was asked for again.
            if self.knows(&conversation) {
                continue;
            }
            let text = format!("no proposal of the meeting came: {conversation}");
            let error = Error::new(ErrorKind::Timeout, text).of_call(&conversation);
            out.event(Event::Error(error));
        }
        let due: Vec<_> = self
            .open
            .iter()
            .filter(|room| room.due().is_some_and(|(at, _)| at <= now))
            .map(|room| room.session.clone())
            .collect();
        for session in due {
            let Some(room) = self.find_mut(&session) else { continue };
            let conversation = room.conversation.clone();
            match &mut room.stage {
                Stage::Proposed { .. } | Stage::Proceeded { .. } => {
                    let text = format!("no offer of media came: {conversation}");
                    self.withdraw(&session, Error::new(ErrorKind::Session, text), out);
                }
                Stage::Joined(joined) => {
                    joined.heard = Heard::Asked;
                    let resource = requests::conversation(&conversation);
                    out.rest(RoomAsk::Participants(session), resource, Retry::No);
                }
                Stage::Offered => {}
            }
        }
    }

    /// A command's time is up: all is as it was before.
    pub(crate) fn forget_command(
        &mut self,
        command: CommandId,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        self.wanted.forget(command);
        if let Some(Wait::Mute { session, kind, was }) = self.waits.take(command) {
            self.mute_undone(command, &session, (kind, was), sessions, out);
        }
    }

    /// Forgets the commands that wait here: others answer them.
    pub(crate) fn forget_commands(&mut self) {
        self.waits.clear();
        self.forget_wanted();
    }

    /// Forgets the meetings that were asked for: the application logs out.
    pub(crate) fn forget_wanted(&mut self) {
        self.wanted = Wanted::default();
    }

    /// Ends the waiting for proposals and offers: the client is destroyed.
    pub(crate) fn destroy(&mut self, out: &mut Outbox) {
        let pending = self.open.iter().filter(|room| room.is_pending());
        let pending: Vec<_> = pending.map(|room| room.session.clone()).collect();
        for session in pending {
            let error = Error::new(ErrorKind::Cancelled, "the client is destroyed");
            self.withdraw(&session, error, out);
        }
        out.forget_http(|ask| matches!(ask, Ask::Room(RoomAsk::Participants(_))));
    }
}

impl Joined {
    fn muting(&self, kind: MediaKind) -> Muting {
        match kind {
            MediaKind::Audio => self.audio,
            MediaKind::Video => self.camera,
        }
    }

    fn set_muting(&mut self, kind: MediaKind, muting: Muting) {
        match kind {
            MediaKind::Audio => self.audio = muting,
            MediaKind::Video => self.camera = muting,
        }
    }
}

/// The part of an offer that is answered with our media: where there are screens, they alone.
fn sends(screens: &[Screen]) -> Sends {
    match screens {
        [] => Sends::All,
        screens => Sends::Screens(screens.len()),
    }
}

/// The track that we send of a kind: the first that we may send by.
fn own_track(session: &SessionId, kind: MediaKind, sessions: &Sessions) -> Option<Track> {
    let tracks = sessions.tracks(session).into_iter().map(|info| (info.track, info.direction));
    let mut own = tracks.filter(|(track, direction)| track.kind == kind && direction.sends());
    own.next().map(|(track, _)| track)
}

/// The topic of a conversation's media.
fn media_topic(conversation: &ConversationId) -> String {
    format!("v2.conversations.{}.media", conversation.as_str())
}

/// Tells the user's clients that this one has taken a session.
fn say_accepted(session: &SessionId, out: &mut Outbox) {
    if let Some(own) = out.bare_jid() {
        say(SessionMessage::Accept { id: session.as_str().to_owned() }, own, out);
    }
}

fn say(message: SessionMessage, to: Jid, out: &mut Outbox) {
    out.signal(Frame::Message(Message::to(to, Payload::from(message))));
}

fn no_room(conversation: &ConversationId) -> Error {
    Error::new(ErrorKind::Session, format!("no such session in this state: {conversation}"))
}
