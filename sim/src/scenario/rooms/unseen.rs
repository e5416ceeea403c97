//! Nobody is seen in a meeting while their camera is muted and no screen is shown.

use std::collections::{BTreeMap, BTreeSet};

use offhook::genesys::{Command, Event, SessionType};
use offhook::machine::{CommandId, Frame, MediaId};
use offhook::media::VideoFrame;

use super::rule::Rule;
use super::stays::Stays;
use crate::world::{PhoneId, Seen, picture_number};

/// The pictures of a session, as far as the application knows.
#[derive(Debug, Default)]
struct Camera {
    /// True once it was confirmed as muted, and since then not as anything else.
    muted: bool,
    shares: bool,
}

impl Camera {
    /// True if nothing of it may be seen.
    const fn is_hidden(&self) -> bool {
        self.muted && !self.shares
    }
}

/// Nobody is seen while muted. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Unseen {
    cameras: BTreeMap<(PhoneId, MediaId), Camera>,
    /// The changes that wait for their answer: of which sessions, and whether those are muted with them.
    /// One that fails has changed nothing.
    changes: BTreeMap<(PhoneId, CommandId), (Vec<MediaId>, bool)>,
    /// The numbers of pictures that nobody is to see.
    hidden: BTreeSet<u32>,
    seen: u64,
}

impl Unseen {
    /// The numbers of pictures that rooms saw, and that nobody was to see.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.seen, self.hidden.len() as u64)
    }

    /// Takes a picture that a room saw.
    pub(super) fn room_saw(&mut self, frame: &VideoFrame) -> Result<(), String> {
        self.seen += 1;
        match picture_number(frame).filter(|number| self.hidden.contains(number)) {
            Some(number) => Err(format!("picture {number} was shown while muted, and is seen")),
            None => Ok(()),
        }
    }

    fn submitted(&mut self, phone: PhoneId, id: CommandId, command: &Command, stays: &Stays) {
        let (conversation, muted) = match command {
            Command::AcceptRoom { conversation, media } => {
                use offhook::genesys::RoomMedia as M;
                (conversation, matches!(media, M::Nothing | M::Audio))
            }
            Command::SetVideoMute { conversation, muted } => (conversation, *muted),
            Command::StartScreenShare { conversation }
            | Command::StopScreenShare { conversation } => (conversation, false),
            _ => return,
        };
        let accepts = matches!(command, Command::AcceptRoom { .. });
        // A mute is of each session in the conversation; an answer is of one that has none.
        let sessions = stays.of(conversation).filter_map(|session| stays.get(session));
        let sessions = sessions.filter(|stay| stay.kind == SessionType::CollaborateVideo);
        let all: Vec<MediaId> =
            sessions.filter(|stay| !(accepts && stay.answered)).map(|stay| stay.media).collect();
        match command {
            Command::StartScreenShare { .. } => {
                for media in all {
                    self.cameras.entry((phone, media)).or_default().shares = true;
                }
            }
            Command::StopScreenShare { .. } => {
                // Of several, nobody knows here which one showed the screen.
                if let [media] = all[..] {
                    self.cameras.entry((phone, media)).or_default().shares = false;
                }
            }
            _ if accepts && all.len() > 1 => {}
            _ => drop(self.changes.insert((phone, id), (all, muted))),
        }
    }

    /// True if that is hidden for sure: it was told so, and nobody has asked for anything else.
    fn is_hidden(&self, phone: PhoneId, media: MediaId) -> bool {
        let mut changes = self.changes.iter();
        let hidden = self.cameras.get(&(phone, media)).is_some_and(Camera::is_hidden);
        hidden && !changes.any(|((of, _), (all, _))| *of == phone && all.contains(&media))
    }
}

impl Rule for Unseen {
    const NAME: &'static str = "nobody is seen while muted";

    fn see(&mut self, phone: PhoneId, seen: Seen<'_>, stays: &Stays) -> Result<(), String> {
        match seen {
            Seen::Submitted { id, command, .. } => self.submitted(phone, id, command, stays),
            Seen::Completed { id, result, .. } => {
                if let Some((all, muted)) = self.changes.remove(&(phone, id))
                    && result.is_ok()
                {
                    for media in all {
                        self.cameras.entry((phone, media)).or_default().muted = muted;
                    }
                }
            }
            Seen::AgentSent { track, frame: Frame::Video(frame), .. } => {
                if let Some(number) = picture_number(frame) {
                    let unseen = self.is_hidden(phone, track.media);
                    match unseen && stays.of_media(track.media).is_some() {
                        true => drop(self.hidden.insert(number)),
                        false => drop(self.hidden.remove(&number)),
                    }
                }
            }
            Seen::Told { event: Event::SessionEnded { session, .. }, .. } => {
                self.cameras.remove(&(phone, session.media));
            }
            _ => {}
        }
        Ok(())
    }
}
