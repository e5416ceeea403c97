//! Figures of a call: asked for, or told at an interval (w4.0.3, RA-039).

use super::association::Association;
use super::call::Call;
use super::desk::Desk;
use crate::machine::{CommandId, Track, TrackId as MediaTrack};
use crate::ribbon::constants::OperationKind;
use crate::ribbon::event::Event;
use crate::ribbon::ids::TrackId;
use crate::ribbon::info::{SourceState, StatsReport, TrackInfo, TrackState};
use crate::ribbon::outcome::Outcome;

impl Call {
    fn report(&self, track: Option<TrackInfo>, desk: &Desk<'_>) -> StatsReport {
        let media = self.media.as_ref().map(|media| media.stats(desk.peers));
        StatsReport {
            call: self.info.id.clone(),
            track,
            at: desk.out.now().saturating_duration_since(desk.out.begun()),
            media: media.unwrap_or_default(),
            version: crate::ribbon::VERSION,
        }
    }

    /// A track of it, as an application reads it.
    pub(super) fn track(&self, id: &TrackId) -> Option<TrackInfo> {
        let (lane, muted) = self.tracks.find(id)?;
        let source = self.tracks.source(id);
        let silent = self.hearing.as_ref().is_some_and(|hearing| hearing.muted);
        let frames = |media, track: Track| MediaTrack { media, track };
        Some(TrackInfo {
            id: id.clone(),
            call: self.info.id.clone(),
            local: lane.local,
            kind: lane.track.kind,
            frames: self.media_name().map(|media| frames(media, lane.track)),
            label: format!(
                "{} {}",
                if lane.local { "local" } else { "remote" },
                lane.track.kind.name()
            ),
            media: self.object(lane.local),
            sinks: Vec::new(),
            muted,
            source_muted: if lane.local { source == SourceState::Muted } else { silent },
            state: match source {
                SourceState::Live | SourceState::Muted => TrackState::Live,
                SourceState::Ended => TrackState::Ended,
            },
        })
    }

    /// Answers with its figures.
    pub(super) fn tell_figures(
        &mut self,
        command: CommandId,
        track: Option<TrackId>,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(OperationKind::GetStats, true, Some(command), desk);
        let track = track.and_then(|track| self.track(&track));
        let report = self.report(track, desk);
        self.finish(&op, Ok(Outcome::Stats(report)), desk);
    }

    /// Sets the time at which its figures are told: an interval from now where that is wanted, while it is up.
    pub(super) fn arm_figures(&mut self, desk: &Desk<'_>) {
        let up = self.info.state.is_up() && self.media.as_ref().is_some_and(Association::is_open);
        let next =
            desk.out.config.stats_period.filter(|_| up).map(|period| desk.out.now() + period);
        // A shorter period counts from now on.
        self.figures = next.map(|next| self.figures.map_or(next, |at| at.min(next)));
    }

    /// Tells its figures when it is time.
    pub(super) fn figures_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        if self.figures.take_if(|at| *at <= now).is_some() {
            desk.out.event(Event::Stats(self.report(None, desk)));
            self.arm_figures(desk);
        }
    }
}
