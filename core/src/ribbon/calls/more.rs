//! Media that comes into a call that is up, and leaves it, by our wish (w4.9).

use super::call::{Call, Purpose};
use super::desk::Desk;
use super::glare::Change;
use super::tracks::{Lane, Source};
use crate::machine::{CommandId, MediaKind, Track};
use crate::ribbon::constants::{CallState, OperationKind};
use crate::ribbon::dscp::Dscp;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::event::Event;
use crate::ribbon::ids::{MediaObjectId, OperationId, TrackId};
use crate::ribbon::info::MediaInfo;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::pipeline::Bandwidth;

/// The most sections of a description.
const MAX_SECTIONS: usize = 16;

impl Call {
    /// Checks that its media may be changed.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidState`] unless it is connected, [`CallCode::Glare`] while something else is changed.
    pub(super) fn may_change_media(&self, kind: OperationKind) -> Result<(), Error> {
        if self.info.state != CallState::Connected {
            return Err(super::change::invalid_state(self.info.state));
        }
        self.may_change(kind)
    }

    /// Checks that sources can be added.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`] for none, one that it has, or too many.
    pub(super) fn may_add(&self, sources: &[Source]) -> Result<(), Error> {
        let has = |(_, id): &Source| id.as_ref().is_some_and(|id| self.tracks.find(id).is_some());
        let twice = sources.iter().enumerate().any(|(at, (_, id))| {
            id.is_some() && sources[..at].iter().any(|(_, other)| other == id)
        });
        let sent = self.tracks.used(true).len();
        if sources.is_empty() || twice || sources.iter().any(has) {
            let text = "no media is named, or media that the call has already";
            return Err(Error::new(CallCode::InvalidParam, text));
        }
        match sent + sources.len() > MAX_SECTIONS {
            true => Err(Error::new(CallCode::InvalidParam, "the call has too much media")),
            false => Ok(()),
        }
    }

    /// The tracks of ours of these names.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`] for none, or one that it does not send.
    pub(super) fn sent(&self, ids: &[TrackId]) -> Result<Vec<Track>, Error> {
        let lane = |id: &TrackId| self.tracks.find(id).filter(|(lane, _)| lane.local);
        let tracks: Option<Vec<_>> = ids.iter().map(|id| Some(lane(id)?.0.track)).collect();
        tracks.filter(|tracks| !tracks.is_empty()).ok_or_else(|| {
            Error::new(CallCode::InvalidParam, "the call does not send such a track")
        })
    }

    /// The pictures that it sends.
    pub(super) fn pictures(&self) -> Vec<TrackId> {
        let video = |id: &TrackId| {
            self.tracks.find(id).is_some_and(|(lane, _)| lane.track.kind == MediaKind::Video)
        };
        self.tracks.used(true).into_iter().filter(video).collect()
    }

    /// Limits what the far side is to send, from the next description on; what is not said stays.
    pub(super) fn limit(&mut self, bandwidth: Option<Bandwidth>) {
        self.info.bandwidth = self.info.bandwidth.changed_by(bandwidth.unwrap_or_default());
    }

    /// Takes how urgent its packets are, for sockets that are opened from then on; what is not said stays.
    pub(super) fn urge(&mut self, dscp: Option<Dscp>) {
        self.dscp = dscp.and_then(Dscp::of_sockets).or(self.dscp);
        if let Some(media) = &mut self.media {
            media.urge(self.dscp);
        }
    }

    /// Adds sources.
    pub(super) fn add_media(
        &mut self,
        command: CommandId,
        kind: OperationKind,
        sources: Vec<Source>,
        bandwidth: Option<Bandwidth>,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(kind, true, Some(command), desk);
        self.asked = Some((Change::Add(kind, sources.clone()), 0));
        self.limit(bandwidth);
        let Some(media) = &mut self.media else { return };
        let kinds: Vec<_> = sources.iter().map(|(kind, _)| *kind).collect();
        match media.offer_more(&kinds, desk) {
            Ok(()) => {
                self.adding = sources;
                self.collect(op, Purpose::Offer, desk);
            }
            Err(error) => self.withdraw(&op, error, desk),
        }
    }

    /// Stops sending tracks.
    pub(super) fn remove_media(
        &mut self,
        command: CommandId,
        kind: OperationKind,
        tracks: &[Track],
        bandwidth: Option<Bandwidth>,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(kind, true, Some(command), desk);
        self.asked = Some((Change::Remove(kind, tracks.to_vec()), 0));
        self.limit(bandwidth);
        let Some(media) = &mut self.media else { return };
        match media.offer_less(tracks, desk) {
            Ok(()) => self.collect(op, Purpose::Offer, desk),
            Err(error) => self.withdraw(&op, error, desk),
        }
    }

    /// The far side agreed to more, or to a part of it.
    pub(super) fn added(&mut self, op: &OperationId, more: Vec<Track>, desk: &mut Desk<'_>) {
        let mut sources = std::mem::take(&mut self.adding);
        let mut tracks = Vec::new();
        for track in more {
            let at = sources.iter().position(|(kind, _)| *kind == track.kind);
            let given = at.and_then(|at| sources.remove(at).1);
            let id = given.unwrap_or_else(|| TrackId::from(desk.rng.uuid()));
            self.tracks.rename(Lane { track, local: true }, id.clone());
            tracks.push(id);
        }
        let news = self.agreed(desk);
        self.tell_tracks(news, desk.out);
        let (Some(media), false) = (self.media_name(), tracks.is_empty()) else {
            let error = Error::new(CallCode::Generic, "the far side takes none of it");
            self.fail(op, error, desk);
            return;
        };
        let call = self.info.id.clone();
        let told = tracks.clone();
        desk.out.event(Event::MediaAdded { call, local: true, tracks: told, media });
        let id = self.object(true);
        let info = MediaInfo { id, local: true, detached: false, tracks };
        self.finish(op, Ok(Outcome::Media(info)), desk);
    }

    /// The far side agreed to less.
    pub(super) fn removed(&mut self, op: &OperationId, desk: &mut Desk<'_>) {
        let before = self.tracks.used(true);
        let news = self.agreed(desk);
        let gone: Vec<_> = before.into_iter().filter(|id| self.tracks.find(id).is_none()).collect();
        self.tell_tracks(news, desk.out);
        if !gone.is_empty() {
            let call = self.info.id.clone();
            desk.out.event(Event::MediaRemoved { call, local: true, tracks: gone });
        }
        self.finish(op, Ok(Outcome::Done), desk);
    }

    /// Sends something else as a track, which nobody is asked for: it begins unmuted (w4.9).
    pub(super) fn replace_track(
        &mut self,
        command: CommandId,
        old: &TrackId,
        new: Option<TrackId>,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(OperationKind::ReplaceTrack, true, Some(command), desk);
        let Some((lane, _)) = self.tracks.find(old) else { return };
        let new = new.unwrap_or_else(|| TrackId::from(desk.rng.uuid()));
        self.tracks.rename(lane, new.clone());
        self.hush(desk);
        let call = self.info.id.clone();
        self.finish(&op, Ok(Outcome::Done), desk);
        desk.out.event(Event::TrackReplaced { call, new, old: old.clone() });
    }

    /// Applies to its engine which tracks are muted: a fresh one knows of none.
    pub(super) fn hush(&mut self, desk: &mut Desk<'_>) {
        let Some(media) = &mut self.media else { return };
        for (lane, muted) in self.tracks.mutes() {
            media.set_muted(lane, muted, desk);
        }
    }

    /// The name of its media on one side, for [`MediaInfo`].
    pub(super) fn object(&self, local: bool) -> MediaObjectId {
        let side = if local { "local" } else { "remote" };
        MediaObjectId::from(format!("{}-{side}", self.info.id))
    }
}
