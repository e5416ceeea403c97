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

    /// Begins to look at what comes, or ends it.
    pub(super) fn arm_silence(&mut self, desk: &Desk<'_>) {
        if !self.should_hear() {
            self.hearing = None;
        } else if self.hearing.is_none() {
            let (came, since) = (self.packets_received(desk), desk.out.now());
            let hearing = Hearing { came, since, look: since + LOOK, muted: false };
            self.hearing = Some(Box::new(hearing));
        }
    }

    fn packets_received(&self, desk: &Desk<'_>) -> u64 {
        let came = self.media.as_ref().map(|media| media.stats(desk.peers).packets_received);
        came.unwrap_or_default()
    }

    /// Looks whether something came, when it is time.
    pub(super) fn silence_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        if self.hearing.as_ref().is_none_or(|hearing| hearing.look > now) {
            return;
        }
        let came = self.packets_received(desk);
        let Some(hearing) = &mut self.hearing else { return };
        hearing.look = now + LOOK;
        if came != hearing.came {
            (hearing.came, hearing.since) = (came, now);
        }
        let muted = now >= hearing.since + SILENCE;
        if std::mem::replace(&mut hearing.muted, muted) == muted {
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
