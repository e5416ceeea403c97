//! A meeting that this phone is in: who is there, who speaks, whose pictures come, and its film.

use std::collections::BTreeSet;

use offhook::genesys::{
    AppId, ContentType, MemberStatus, ParticipantId, ParticipantsUpdate, RoomParticipant, Session,
    SpeakerActivity, UserId,
};
use offhook::machine::{MediaKind, TrackId};
use offhook::media::{AudioFrame, Track};
use smol::channel::Receiver;

use crate::film::Film;
use crate::news::Person;

/// See the [module](self).
pub(crate) struct Meeting {
    pub(crate) session: Session,
    /// The sound of the others, as it comes.
    pub(crate) heard: Receiver<AudioFrame>,
    pub(crate) film: Option<Film>,
    /// The tracks of pictures that are there.
    tracks: BTreeSet<Track>,
    people: Vec<RoomParticipant>,
    own: Option<ParticipantId>,
    speakers: Vec<AppId>,
    seen: Vec<AppId>,
    pinned: Option<ParticipantId>,
    /// The people as they were shown last.
    shown: Vec<Person>,
}

impl Meeting {
    pub(crate) fn new(session: Session, heard: Receiver<AudioFrame>) -> Self {
        Self {
            session,
            heard,
            film: None,
            tracks: BTreeSet::new(),
            people: Vec::new(),
            own: None,
            speakers: Vec::new(),
            seen: Vec::new(),
            pinned: None,
            shown: Vec::new(),
        }
    }

    /// Takes the session that goes on in the place of its own. The tracks of the one before are gone without a word.
    pub(crate) fn replaced(&mut self, session: Session) {
        self.session = session;
        for track in std::mem::take(&mut self.tracks) {
            self.film.iter().for_each(|film| film.removed(track));
        }
    }

    /// Takes who is there, and returns whether we are muted, if that was told.
    pub(crate) fn told(&mut self, update: ParticipantsUpdate) -> Option<bool> {
        self.people = update.active;
        self.own = update.own;
        let own = self.people.iter().find(|one| self.is_us(one));
        own.map(|own| own.audio_muted)
    }

    /// Takes who speaks and whose pictures come, as the media says it.
    pub(crate) fn status(&mut self, status: &MemberStatus) {
        let speaks = status.speakers.iter().filter(|one| one.activity == SpeakerActivity::Speaking);
        self.speakers = speaks.map(|one| one.app.clone()).collect();
        let seen = status.incoming.iter().filter(|one| one.content != ContentType::Playback);
        self.seen = seen.map(|one| one.app.clone()).collect();
    }

    /// Takes who speaks, as the service says it.
    pub(crate) fn speak(&mut self, users: Vec<UserId>) {
        self.speakers = users.into_iter().map(of_user).collect();
    }

    /// Takes whose pictures come, as the service says it.
    pub(crate) fn show(&mut self, users: Vec<UserId>) {
        self.seen = users.into_iter().map(of_user).collect();
    }

    /// Takes whose pictures were asked for.
    pub(crate) fn pinned(&mut self, participant: Option<ParticipantId>) {
        self.pinned = participant;
    }

    pub(crate) fn added(&mut self, track: TrackId) {
        if track.track.kind == MediaKind::Video && self.tracks.insert(track.track) {
            self.film.iter().for_each(|film| film.added(track.track));
        }
    }

    pub(crate) fn removed(&mut self, track: TrackId) {
        if self.tracks.remove(&track.track) {
            self.film.iter().for_each(|film| film.removed(track.track));
        }
    }

    /// Has a film made of it.
    pub(crate) fn films(&mut self, film: Film) {
        self.tracks.iter().for_each(|track| film.added(*track));
        self.film = Some(film);
    }

    /// The people who are there, unless they were shown so last.
    pub(crate) fn news(&mut self) -> Option<Vec<Person>> {
        let people = self.people();
        (people != self.shown).then(|| {
            self.shown.clone_from(&people);
            people
        })
    }

    /// The people who are there.
    fn people(&self) -> Vec<Person> {
        let person = |one: &RoomParticipant| {
            let is = |apps: &[AppId]| apps.iter().any(|app| is(app, one));
            let user = one.user.as_ref().map(|user| user.as_str().to_owned());
            Person {
                id: one.participant.as_str().to_owned(),
                name: one.name.clone().or(user).unwrap_or_else(|| "a guest".to_owned()),
                us: self.is_us(one),
                speaks: is(&self.speakers),
                seen: is(&self.seen),
                pinned: self.pinned.as_ref() == Some(&one.participant),
                muted: one.audio_muted,
                hidden: one.video_muted,
                shows_screen: one.sharing_screen,
            }
        };
        self.people.iter().map(person).collect()
    }

    fn is_us(&self, one: &RoomParticipant) -> bool {
        self.own.as_ref() == Some(&one.participant)
    }
}

fn of_user(user: UserId) -> AppId {
    let mut app = AppId::default();
    app.user = Some(user);
    app
}

/// True if a member's place is that of a participant.
fn is(app: &AppId, one: &RoomParticipant) -> bool {
    app.participant.as_ref() == Some(&one.participant) || app.user.is_some() && app.user == one.user
}
