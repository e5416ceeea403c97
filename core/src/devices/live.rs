//! A session that is live.

use super::desk::Desk;
use super::device::{DeviceId, DeviceKind};
use super::effect::{Effect, Event, Source, Warning};
use super::feed::Feed;
use super::session::Session;
use crate::machine::MediaKind;

/// A session that is live.
#[derive(Debug)]
pub(super) struct Live<S> {
    pub(super) id: S,
    audio: Feed,
    video: Feed,
    /// The loudspeaker that it is heard by, if it is heard; of that none: the system's.
    output: Option<Option<DeviceId>>,
    /// True if the level of its microphone is told.
    is_monitored: bool,
}

impl<S: Clone> Live<S> {
    pub(super) fn new(id: S) -> Self {
        let (audio, video) = (Feed::new(MediaKind::Audio), Feed::new(MediaKind::Video));
        Self { id, audio, video, output: None, is_monitored: false }
    }

    pub(super) fn feed(&self, kind: MediaKind) -> &Feed {
        match kind {
            MediaKind::Audio => &self.audio,
            MediaKind::Video => &self.video,
        }
    }

    /// A kind that it sends, with the name of the session.
    pub(super) fn feed_mut(&mut self, kind: MediaKind) -> (&mut Feed, &S) {
        let feed = match kind {
            MediaKind::Audio => &mut self.audio,
            MediaKind::Video => &mut self.video,
        };
        (feed, &self.id)
    }

    /// The kinds that it sends, audio first (MD-7), with the name of the session.
    pub(super) fn feeds_mut(&mut self) -> ([&mut Feed; 2], &S) {
        ([&mut self.audio, &mut self.video], &self.id)
    }

    /// Takes the session as it is now.
    pub(super) fn told(&mut self, session: &Session, desk: &mut Desk<S>) {
        match (&self.output, session.plays) {
            (None, true) => {
                let session = self.id.clone();
                let device = desk.default_output();
                self.output = Some(device.clone());
                desk.does(Effect::Output { session: session.clone(), device });
                let volume = desk.defaults.audio_volume.min(100);
                desk.does(Effect::Volume { session, volume });
            }
            (Some(_), false) => self.output = None,
            (Some(_), true) | (None, false) => {}
        }
        self.audio.told(session.audio, &session.microphone, &self.id, desk);
        self.video.told(session.video, &session.camera, &self.id, desk);
    }

    /// Changes whether the level of the microphone is told.
    pub(super) fn monitor(&mut self, on: bool, desk: &mut Desk<S>) {
        if std::mem::replace(&mut self.is_monitored, on) != on {
            desk.does(Effect::Monitor { session: self.id.clone(), on });
        }
    }

    pub(super) fn end(&mut self, desk: &mut Desk<S>) {
        self.audio.end(&self.id, desk);
        self.video.end(&self.id, desk);
    }

    /// Takes the level of a source, which may be its microphone.
    pub(super) fn level(&mut self, source: Source, dbfs: f32, muted: bool, desk: &mut Desk<S>) {
        if self.is_monitored && self.audio.uses(source) {
            let volume = self.audio.volume(dbfs);
            let muted = muted || self.audio.is_muted();
            let session = self.id.clone();
            desk.tell(Event::AudioTrackVolume { session, source, volume, muted });
        }
    }

    /// Hears it by another loudspeaker.
    pub(super) fn output(&mut self, device: Option<DeviceId>, desk: &mut Desk<S>) {
        if let Some(output) = &mut self.output {
            output.clone_from(&device);
            desk.does(Effect::Output { session: self.id.clone(), device });
        }
    }

    pub(super) fn volume(&self, volume: u8, desk: &mut Desk<S>) {
        if self.output.is_some() {
            desk.does(Effect::Volume { session: self.id.clone(), volume });
        }
    }

    /// True if its loudspeaker is not there any more.
    pub(super) fn has_lost_output(&self, desk: &Desk<S>) -> bool {
        let device = self.output.iter().flatten().next();
        device.is_some_and(|device| !desk.catalogue.has(DeviceKind::Speaker, device))
    }

    /// Its loudspeaker failed: the default stands in, then the system's.
    pub(super) fn output_failed(&mut self, desk: &mut Desk<S>) {
        let Some(device) = self.output.clone() else { return };
        let (session, failed) = (self.id.clone(), device.clone());
        desk.tell(Event::Warned(Warning::OutputFailed { session, device: failed }));
        if device.is_some() {
            let default = desk.default_output().filter(|default| Some(default) != device.as_ref());
            self.output(default, desk);
        }
    }
}
