//! The far side's silence: nothing comes of a track that should flow (RE-036, RE-037).

use std::time::Duration;

use super::call::Call;
use super::desk::Desk;
use super::hearing::Hearing;
use crate::ribbon::constants::{CallState, MediaConnectionState};
use crate::ribbon::event::Event;

/// The interval at which it is looked whether something came.
const LOOK: Duration = Duration::from_secs(1);
/// The time without anything after which a source counts as muted.
const SILENCE: Duration = Duration::from_secs(2);

impl Call {
    /// True while something should come of the far side's tracks.
    fn should_hear(&self) -> bool {
        let connected = matches!(
            self.info.media_state,
            MediaConnectionState::Connected | MediaConnectionState::Completed
        );
        self.info.state == CallState::Connected && connected
    }

    /// Looks whether something came, where it is time.
    pub(super) fn silence_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        if !self.should_hear() {
            self.hearing = None;
            return;
        }
        if self.hearing.as_ref().is_some_and(|hearing| hearing.look > now) {
            return;
        }
        let came = self.media.as_ref().map(|media| media.stats(desk.peers).packets_received);
        let came = came.unwrap_or_default();
        let before = self.hearing.take();
        let look = now + LOOK;
        let (muted, since) = match &before {
            Some(hearing) if hearing.came == came => {
                (hearing.muted || now >= hearing.since + SILENCE, hearing.since)
            }
            Some(_) | None => (false, now),
        };
        let was = before.is_some_and(|hearing| hearing.muted);
        self.hearing = Some(Box::new(Hearing { came, since, look, muted }));
        if muted == was {
            return;
        }
        for track in self.tracks.used(false) {
            desk.out.event(match muted {
                true => Event::SourceMuted { track },
                false => Event::SourceUnmuted { track },
            });
        }
    }
}
