//! The part of an agent in rooms: begins and joins meetings, answers what is proposed with what it has
//! to show, mutes, shares, pins, asks for pictures, and leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::Seed;
use offhook::genesys::{
    Command, ConversationId, Event, ParticipantId, RoomMedia, Screen, Session, SessionId,
    SessionType,
};
use offhook::jingle::Reason;
use offhook::machine::TrackId;
use offhook::media::{Codec, MediaKind, TrackInfo, VideoCodec};

use super::{MEETS, address, address_of};
use crate::dice::Dice;
use crate::world::{Keys, Moment, PhoneId, picture};

/// Between two pictures that are shown.
const PICTURES: Duration = Duration::from_secs(5);
/// Until an offer is answered once more, where it could not be.
const AGAIN: Duration = Duration::from_secs(10);
/// Rooms and meetings in which agents find each other.
const PLACES: usize = 3;
/// Pictures that one phone shows are told apart from all others by this many bits.
const NUMBERS: u32 = 18;

/// Something that is done in a meeting.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Camera { muted: bool },
    Sound { muted: bool },
    Share(bool),
    Pin(bool),
    Keyframe,
}

/// Something that is meant to be done.
#[derive(Clone, Debug)]
enum Act {
    Meet,
    Take(ConversationId),
    Decline(ConversationId),
    Answer(SessionId),
    Deed(SessionId, Deed),
    Leave(SessionId),
    /// End a session by force, which was never answered.
    GiveUp(SessionId),
    Show,
}

/// A room that the agent is in.
#[derive(Debug)]
struct Attended {
    conversation: ConversationId,
    kind: SessionType,
    /// The media that it is answered with.
    has: RoomMedia,
    tracks: BTreeMap<TrackId, TrackInfo>,
    people: Vec<ParticipantId>,
}

/// The part of an agent in rooms. See the [module](self).
#[derive(Debug)]
pub(in crate::scenario) struct Attendee {
    phone: PhoneId,
    share: f64,
    repeats: f64,
    users: usize,
    dice: Dice,
    acts: BTreeMap<(Duration, u64), Act>,
    planned: u64,
    rooms: BTreeMap<SessionId, Attended>,
    /// Screens of somebody else's that are watched.
    watched: BTreeSet<ConversationId>,
    shown: u32,
    shows: bool,
    evening: bool,
}

impl Attendee {
    /// Somebody who spends this share of the day in rooms, one of so many users.
    pub(in crate::scenario) fn new(
        (phone, seed): (PhoneId, &Seed),
        share: f64,
        repeats: f64,
        users: usize,
    ) -> Self {
        Self {
            phone,
            share,
            repeats,
            users,
            dice: Dice::new(seed, "rooms"),
            acts: BTreeMap::new(),
            planned: 0,
            rooms: BTreeMap::new(),
            watched: BTreeSet::new(),
            shown: 0,
            shows: false,
            evening: false,
        }
    }

    pub(in crate::scenario) fn next_wake(&self) -> Option<Duration> {
        self.acts.keys().next().map(|(at, _)| *at)
    }

    pub(in crate::scenario) fn handle(
        &mut self,
        at: Duration,
        moment: Moment<'_>,
        keys: &mut Keys<'_>,
    ) {
        match moment {
            Moment::Start => self.plan_meeting(at),
            Moment::Event(event) => self.told(at, event),
            Moment::Evening => {
                self.evening = true;
                // Who is in a meeting stays, so that all can be looked at.
                let stays = |act: &Act| matches!(act, Act::Answer(_) | Act::GiveUp(_) | Act::Show);
                self.acts.retain(|_, act| stays(act));
            }
            Moment::Wake => {
                while let Some(entry) = self.acts.first_entry().filter(|e| e.key().0 <= at) {
                    let act = entry.remove();
                    self.act(at, act, keys);
                }
            }
            Moment::Completed { .. } | Moment::Audio { .. } | Moment::Frame { .. } => {}
        }
    }

    fn plan(&mut self, at: Duration, act: Act) {
        self.planned += 1;
        self.acts.insert((at, self.planned), act);
    }

    fn plan_meeting(&mut self, at: Duration) {
        let next = at + self.dice.exponential(MEETS.div_f64(self.share));
        self.plan(next, Act::Meet);
    }

    fn within(&mut self, from: u64, to: u64) -> Duration {
        self.dice.between((Duration::from_secs(from), Duration::from_secs(to)))
    }

    fn told(&mut self, at: Duration, event: &Event) {
        match event {
            Event::PendingSession(pending) if pending.session_type.is_room() => {
                let conversation = pending.conversation.clone();
                if pending.session_type == SessionType::LiveScreenMonitoring {
                    self.watched.insert(conversation.clone());
                }
                let act = match self.dice.below(10) {
                    0 => return,
                    1 | 2 => Act::Decline(conversation),
                    _ => Act::Take(conversation),
                };
                let when = at + self.within(0, 8);
                self.plan(when, act);
            }
            Event::SessionStarted(session) if session.session_type.is_room() => {
                self.begun(at, session);
            }
            Event::SessionReplaced { session, old } => {
                if let Some(mut room) = self.rooms.remove(old) {
                    room.tracks.clear();
                    self.rooms.insert(session.id.clone(), room);
                }
            }
            Event::SessionEnded { session, .. } => drop(self.rooms.remove(&session.id)),
            Event::TrackAdded { session, track, info, .. }
            | Event::TrackChanged { session, track, info, .. } => {
                if let Some(room) = self.rooms.get_mut(session) {
                    room.tracks.insert(*track, info.clone());
                    if !std::mem::replace(&mut self.shows, true) {
                        self.plan(at + PICTURES, Act::Show);
                    }
                }
            }
            Event::TrackRemoved { session, track, .. } => {
                if let Some(room) = self.rooms.get_mut(session) {
                    room.tracks.remove(track);
                }
            }
            Event::ParticipantsUpdate(update) => {
                if let Some(room) = self.rooms.get_mut(&update.session) {
                    room.people = update.active.iter().map(|one| one.participant.clone()).collect();
                }
            }
            _ => {}
        }
    }

    /// A session has started: it is answered, with some things done in it after that, or it is not.
    fn begun(&mut self, at: Duration, session: &Session) {
        let has = match session.session_type {
            SessionType::ScreenRecording => self.screens(),
            SessionType::LiveScreenMonitoring if self.watched.contains(&session.conversation) => {
                RoomMedia::Nothing
            }
            SessionType::LiveScreenMonitoring => self.screens(),
            _ if self.evening => RoomMedia::Both,
            _ => match self.dice.below(5) {
                0 => RoomMedia::Nothing,
                1 => RoomMedia::Audio,
                2 => RoomMedia::Video,
                _ => RoomMedia::Both,
            },
        };
        let room = Attended {
            conversation: session.conversation.clone(),
            kind: session.session_type,
            has,
            tracks: BTreeMap::new(),
            people: Vec::new(),
        };
        self.rooms.insert(session.id.clone(), room);
        if self.evening {
            return self.plan(at, Act::Answer(session.id.clone()));
        }
        let stays = self.within(5, 90);
        // An answer that comes while there is no connection is refused, and another comes later.
        let answers = at + self.within(0, 4);
        match self.dice.chance(0.95) {
            true => self.plan(answers, Act::Answer(session.id.clone())),
            false => self.plan(at + stays, Act::GiveUp(session.id.clone())),
        }
        for _ in 0..self.dice.below(6) {
            let deed = self.deed();
            let when = at + self.dice.between((Duration::from_secs(1), stays));
            self.plan(when, Act::Deed(session.id.clone(), deed));
        }
        if self.dice.chance(0.7) {
            self.plan(at + stays, Act::Leave(session.id.clone()));
        }
    }

    fn screens(&mut self) -> RoomMedia {
        let screens = 0..=self.dice.below(3);
        RoomMedia::Screens(screens.map(|n| Screen::new(format!("screen-{n}"), 640, 360)).collect())
    }

    fn deed(&mut self) -> Deed {
        let on = self.dice.chance(0.5);
        match self.dice.below(6) {
            0 | 1 => Deed::Camera { muted: on },
            2 => Deed::Sound { muted: on },
            3 => Deed::Share(on),
            4 => Deed::Pin(on),
            _ => Deed::Keyframe,
        }
    }

    fn act(&mut self, at: Duration, act: Act, keys: &mut Keys<'_>) {
        let again = match &act {
            Act::Answer(session) => Some(session.clone()),
            _ => None,
        };
        let command = match act {
            Act::Show => return self.show(at, keys),
            Act::Meet => {
                if !self.evening {
                    self.plan_meeting(at);
                }
                // Nobody sits in two meetings.
                let meets =
                    self.rooms.values().any(|room| room.kind == SessionType::CollaborateVideo);
                (!meets).then(|| self.meeting())
            }
            Act::Take(conversation) => Some(Command::AcceptPendingSession { conversation }),
            Act::Decline(conversation) => Some(Command::RejectPendingSession { conversation }),
            Act::Answer(session) => self.rooms.get(&session).map(|room| Command::AcceptRoom {
                conversation: room.conversation.clone(),
                media: room.has.clone(),
            }),
            Act::GiveUp(session) => self.rooms.contains_key(&session).then(|| {
                let reason = Reason::Success;
                Command::ForceTerminateSession { session, reason }
            }),
            Act::Leave(session) => self
                .rooms
                .get(&session)
                .map(|room| Command::EndSession { conversation: room.conversation.clone() }),
            Act::Deed(session, deed) => self.command(&session, deed),
        };
        let Some(command) = command else { return };
        // What is refused at once was not possible any more: the agent notices and goes on.
        if self.dice.chance(self.repeats) {
            let _ = keys.submit(command.clone());
        }
        if let (Err(_), Some(session)) = (keys.submit(command), again) {
            self.plan(at + AGAIN, Act::Answer(session));
        }
    }

    /// A meeting that is begun or joined, or to which somebody else is invited.
    fn meeting(&mut self) -> Command {
        let place = self.dice.below(PLACES);
        match self.dice.below(4) {
            0 => Command::StartVideoMeeting { meeting: format!("meeting-{place}") },
            1 => {
                let user = self.dice.below(self.users);
                let name = format!("peer-{}-{}", self.phone.0, self.planned);
                let invitee = Some(address_of(&format!("user-{user}")));
                Command::StartVideoConference { room: address(&name), invitee }
            }
            _ => {
                let room = address(&format!("adhoc-{place}"));
                Command::StartVideoConference { room, invitee: None }
            }
        }
    }

    fn command(&mut self, session: &SessionId, deed: Deed) -> Option<Command> {
        let room = self.rooms.get(session)?;
        let conversation = room.conversation.clone();
        Some(match deed {
            Deed::Camera { muted } => Command::SetVideoMute { conversation, muted },
            Deed::Sound { muted } => Command::SetAudioMute { conversation, muted },
            Deed::Share(true) => Command::StartScreenShare { conversation },
            Deed::Share(false) => Command::StopScreenShare { conversation },
            Deed::Pin(on) => {
                let participant = self.dice.pick(&room.people).cloned().filter(|_| on);
                Command::PinParticipant { conversation, participant }
            }
            Deed::Keyframe => {
                let tracks: Vec<_> = room.tracks.keys().copied().collect();
                Command::RequestKeyframe { track: *self.dice.pick(&tracks)? }
            }
        })
    }

    /// Shows a picture by every track that shows any, muted or not: that is the client's to see to.
    fn show(&mut self, at: Duration, keys: &mut Keys<'_>) {
        let mut tracks = Vec::new();
        for room in self.rooms.values() {
            for (track, info) in &room.tracks {
                let shows = track.track.kind == MediaKind::Video && info.direction.sends();
                if let (true, Some(Codec::Video(codec))) = (shows, info.codecs.first()) {
                    tracks.push((*track, *codec));
                }
            }
        }
        for (track, codec) in tracks {
            let picture = self.picture(codec);
            keys.send(track, picture.into());
        }
        self.shows = !self.rooms.is_empty();
        if self.shows {
            self.plan(at + PICTURES, Act::Show);
        }
    }

    /// The next picture, which no other phone has.
    fn picture(&mut self, codec: VideoCodec) -> offhook::media::VideoFrame {
        self.shown = (self.shown + 1) % (1 << NUMBERS);
        let phone = self.phone.0 as u32 % (1 << (u32::BITS - NUMBERS));
        picture(codec, (phone << NUMBERS) + self.shown)
    }
}
