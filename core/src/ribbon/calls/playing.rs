//! A sound is played into a call, and the application goes on after it (w4.9).

use std::borrow::Cow;
use std::time::Instant;

use super::association::Association;
use super::call::Call;
use super::change::invalid_state;
use super::desk::Desk;
use super::playback::{Playback, Voice};
use crate::audio::AudioError;
use crate::machine::{AudioFrame, CommandId, Track, TrackId as MediaTrack};
use crate::ribbon::constants::{CallState, OperationKind};
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::event::Event;
use crate::ribbon::ids::{OperationId, TrackId};
use crate::ribbon::outcome::Outcome;
use crate::ribbon::sound::AudioSource;

impl Call {
    /// Checks that a sound can be played.
    pub(super) fn may_play(&self) -> Result<(), Error> {
        if self.info.state != CallState::Connected {
            return Err(invalid_state(self.info.state));
        }
        let sends = self.tracks.name_of(Track::AUDIO).and_then(|name| self.tracks.find(name));
        if sends.is_none() {
            return Err(Error::new(CallCode::InvalidState, "the call sends no sound"));
        }
        if self.playback.is_some() {
            return Err(Error::new(CallCode::InvalidState, "a sound is played already"));
        }
        self.ops.may_start(OperationKind::PlayAudio)
    }

    /// Plays a sound: the command is answered at its end.
    pub(super) fn play(&mut self, command: CommandId, source: AudioSource, desk: &mut Desk<'_>) {
        let op = self.start(OperationKind::PlayAudio, true, Some(command), desk);
        let (call, duration) = (self.info.id.clone(), source.duration());
        match Playback::new(op.clone(), source, desk.out.now()) {
            Ok(playback) => {
                desk.out.event(Event::PlaybackStarted { call, duration });
                self.playback = Some(Box::new(playback));
                self.playback_timeout(desk);
            }
            Err(error) => self.finish(&op, Err(unplayable(&error)), desk),
        }
    }

    /// Sends what is due of the sound that is played.
    pub(super) fn playback_timeout(&mut self, desk: &mut Desk<'_>) {
        let Some(mut playback) = self.playback.take() else { return };
        let played = self.play_on(&mut playback, desk);
        if self.is_over() {
            return;
        }
        match played {
            Ok(()) if playback.is_over(desk.out.now()) => {
                self.finish(&playback.op, Ok(Outcome::Done), desk);
            }
            Ok(()) => self.playback = Some(playback),
            Err(error) => self.finish(&playback.op, Err(unplayable(&error)), desk),
        }
    }

    fn play_on(&mut self, playback: &mut Playback, desk: &mut Desk<'_>) -> Result<(), AudioError> {
        let now = desk.out.now();
        playback.wake = playback.next_frame(now).filter(|_| playback.is_frames());
        let agreement = self.media.as_ref().and_then(|media| media.agreement(desk.peers));
        let media = self.media.as_ref().and_then(Association::media);
        let (Some(agreement), Some(media)) = (agreement, media) else { return Ok(()) };
        while let Some(frame) = playback.frame(now, &agreement)? {
            let frame = self.speech.place(Voice::Sound, Cow::Owned(frame), now).into_owned();
            self.say(MediaTrack::audio(media), frame, desk);
        }
        playback.wake = playback.next_frame(now);
        Ok(())
    }

    /// Stops the sound that an operation plays, if it does.
    pub(super) fn stop_playing(&mut self, op: &OperationId, error: &Error, desk: &mut Desk<'_>) {
        if self.playback.take_if(|playback| playback.op == *op).is_some() {
            self.finish(op, Err(error.clone()), desk);
        }
    }

    /// Sends a frame of media of our own that is played in place of what the application sends.
    pub(super) fn play_frame(&mut self, track: &TrackId, frame: &AudioFrame, desk: &mut Desk<'_>) {
        let plays = self.playback.as_ref().is_some_and(|playback| playback.plays(track));
        let media = self.media.as_ref().and_then(Association::media).filter(|_| plays);
        let Some(media) = media else { return };
        let now = desk.out.now();
        let frame = self.speech.place(Voice::Sound, Cow::Borrowed(frame), now).into_owned();
        self.say(MediaTrack::audio(media), frame, desk);
    }

    fn say(&mut self, track: MediaTrack, frame: AudioFrame, desk: &mut Desk<'_>) {
        let Some(peer) = desk.peers.sender(track) else { return };
        let udp = peer.udp();
        if let Some(news) = peer.send(track.track, &frame.into(), desk.out.media()) {
            self.media_news(udp, news, desk);
            self.drain(desk);
        }
    }

    /// A frame of the application's as it is sent; none while something else is played in its place.
    pub(super) fn voiced<'f>(
        &mut self,
        audio: &'f AudioFrame,
        now: Instant,
    ) -> Option<Cow<'f, AudioFrame>> {
        match self.playback {
            Some(_) => None,
            None => Some(self.speech.place(Voice::Application, Cow::Borrowed(audio), now)),
        }
    }
}

fn unplayable(error: &AudioError) -> Error {
    Error::new(CallCode::Generic, format!("the sound cannot be played: {error}"))
}
