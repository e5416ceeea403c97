//! Media that belongs to no call, devices and sinks by the application's own names: what browsers have of their
//! own (w7, media).

mod desk;
mod detached;
mod sinks;

use self::desk::DeviceDesk;
use self::detached::AllDetached;
use self::sinks::Sinks;
use super::command::Command;
use super::devices::Devices;
use super::error::{CallCode, Error, ErrorCode, WebRtcCode};
use super::event::Event;
use super::ids::TrackId;
use super::info::DetachedMedia;
use super::outbox::Outbox;
use super::outcome::Outcome;
#[cfg(feature = "audio")]
use crate::machine::MediaKind;
use crate::machine::{CommandId, Rng, TrackId as MediaTrack};

/// The use that calls make of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// No call has it.
    None,
    /// It is sent by a call.
    Sent,
    /// It comes from the far side of a call.
    Heard,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Media {
    detached: AllDetached,
    devices: DeviceDesk,
    sinks: Sinks,
}

impl Media {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            detached: AllDetached::new(rng),
            devices: DeviceDesk::default(),
            sinks: Sinks::default(),
        }
    }

    pub(super) fn devices(&self) -> &Devices {
        self.devices.get()
    }

    /// Media of our own that belongs to no call by itself, the oldest first.
    pub(super) fn detached(&self) -> &[DetachedMedia] {
        self.detached.all()
    }

    /// One of them, by its track.
    pub(super) fn find(&self, track: &TrackId) -> Option<&DetachedMedia> {
        self.detached.find(track)
    }

    /// The track whose frames these are, if it is one of them.
    pub(super) fn of_frames(&self, frames: MediaTrack) -> Option<&TrackId> {
        self.detached.of_frames(frames)
    }

    /// The sinks that a track is given to.
    pub(super) fn sinks_of(&self, track: &TrackId) -> Vec<String> {
        self.sinks.of(track)
    }

    /// Things that are remembered.
    pub(super) fn size(&self) -> usize {
        self.detached.all().len() + self.sinks.len()
    }

    /// Forgets tracks that no call has any more, where sinks have them.
    pub(super) fn settle(&mut self, used: impl Fn(&TrackId) -> Use) {
        let detached = &self.detached;
        self.sinks.keep(|track| used(track) != Use::None || detached.find(track).is_some());
    }

    /// Checks that a command can be done.
    ///
    /// # Errors
    ///
    /// It cannot, now.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan(
        &self,
        command: &Command,
        used: impl Fn(&TrackId) -> Use,
    ) -> Result<(), Error> {
        match command {
            Command::CreateLocalMedia(media) => self.detached.may_create(*media),
            Command::DisposeLocalMedia { track } => {
                match (used(track), self.detached.find(track)) {
                    (Use::Heard, _) => {
                        Err(Error::new(WebRtcCode::TrackNotLocal, "the track is the far side's"))
                    }
                    (Use::Sent, Some(_)) => {
                        Err(Error::new(WebRtcCode::TrackInUse, "a call has the track"))
                    }
                    (Use::None, Some(_)) => Ok(()),
                    (Use::Sent | Use::None, None) => Err(Error::new(
                        WebRtcCode::InvalidParam,
                        "there is no such media of our own",
                    )),
                }
            }
            Command::RenderTracks { tracks, sink, .. } => {
                let known =
                    |track: &TrackId| used(track) != Use::None || self.find(track).is_some();
                self.sinks.may_add(tracks, sink, known)
            }
            Command::UnrenderTracks { tracks, sink } => self.sinks.may_remove(tracks, sink),
            Command::SetDevices(devices) => devices.check(),
            Command::InitializeDevices { audio, video } if !audio && !video => {
                Err(Error::new(ErrorCode::Options, "no kind of device is asked for"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that its frames can be played into a call.
    ///
    /// # Errors
    ///
    /// There is no such media of our own, or it is no sound.
    #[cfg(feature = "audio")]
    pub(super) fn may_play(&self, track: &TrackId) -> Result<(), Error> {
        match self.detached.find(track).map(|media| media.kind) {
            Some(MediaKind::Audio) => Ok(()),
            Some(MediaKind::Video) => {
                Err(Error::new(WebRtcCode::InvalidParam, "the media is no sound"))
            }
            None => Err(Error::new(WebRtcCode::InvalidTrackId, "there is no such media of ours")),
        }
    }

    /// Does a command that [`Media::plan`] allows.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply(&mut self, id: CommandId, command: Command, out: &mut Outbox) {
        let outcome = match command {
            Command::CreateLocalMedia(media) => {
                Outcome::DetachedMedia(self.detached.create(media, out))
            }
            Command::DisposeLocalMedia { track } => {
                self.detached.dispose(&track);
                self.sinks.keep(|rendered| *rendered != track);
                Outcome::Done
            }
            Command::RenderTracks { tracks, sink, device } => {
                self.sinks.add(&tracks, &sink);
                out.event(Event::TracksRendered { tracks, sink, device });
                Outcome::Done
            }
            Command::UnrenderTracks { tracks, sink } => {
                self.sinks.remove(&tracks, &sink);
                Outcome::Done
            }
            Command::SetDevices(devices) => {
                self.devices.set(devices, out);
                Outcome::Done
            }
            Command::DevicesFailed(why) => {
                let error = Error::new(CallCode::UserMedia, format!("no devices: {why}"));
                self.devices.answer(&Err(error), out);
                Outcome::Done
            }
            Command::InitializeDevices { audio, video } => {
                self.devices.ask(id, audio, video, out);
                return;
            }
            _ => return,
        };
        out.complete(id, Ok(outcome));
    }
}
