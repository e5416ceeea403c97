//! The device, as far as it is known: what it was shown, and what it said.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::key::Hook;
use super::lamps::{Lamp, Lamps};

/// Echoes that are waited for at once; of more the oldest is given up.
const MAX_ECHOES: usize = 16;

/// A device that is plugged in.
#[derive(Debug, Default)]
pub(super) struct Device {
    /// The lamps that it shows; none before the first.
    shown: Option<Lamps>,
    /// Its hook: as it said itself, or as it was shown since.
    hook: Hook,
    /// Its mute, likewise.
    muted: bool,
    /// Changes of lamps that it may still echo, oldest first.
    echoes: VecDeque<(Lamp, Instant)>,
}

impl Device {
    pub(super) fn hook(&self) -> Hook {
        self.hook
    }

    pub(super) fn is_muted(&self) -> bool {
        self.muted
    }

    pub(super) fn shows(&self, lamps: Lamps) -> bool {
        self.shown == Some(lamps)
    }

    /// Shows these lamps, until when it may echo their changes.
    pub(super) fn show(&mut self, lamps: Lamps, until: Instant) {
        let before = self.shown.unwrap_or_default();
        if (self.hook == Hook::Up) != lamps.off_hook {
            self.echoes.push_back((Lamp::OffHook(lamps.off_hook), until));
        }
        if before.mute != lamps.mute || self.muted != lamps.mute {
            self.echoes.push_back((Lamp::Mute(lamps.mute), until));
        }
        if before.hold != lamps.hold {
            self.echoes.push_back((Lamp::Hold, until));
        }
        while self.echoes.len() > MAX_ECHOES {
            self.echoes.pop_front();
        }
        self.shown = Some(lamps);
        self.hook = if lamps.off_hook { Hook::Up } else { Hook::Down };
        self.muted = lamps.mute;
    }

    /// The user moved the hook; false where it was there already.
    pub(super) fn hook_moved(&mut self, hook: Hook, now: Instant) -> bool {
        let echo = self.echoed(now, |lamp| lamp == Lamp::OffHook(hook == Hook::Up));
        !echo && std::mem::replace(&mut self.hook, hook) != hook
    }

    /// The user pressed the key of mute; false where it is an echo.
    pub(super) fn mute_pressed(&mut self, now: Instant) -> bool {
        !self.echoed(now, |lamp| matches!(lamp, Lamp::Mute(_)))
    }

    /// The user muted the device itself; false where it was so already.
    pub(super) fn mute_moved(&mut self, muted: bool, now: Instant) -> bool {
        let echo = self.echoed(now, |lamp| lamp == Lamp::Mute(muted));
        !echo && std::mem::replace(&mut self.muted, muted) != muted
    }

    /// The user pressed the key of hold; false where it is an echo.
    pub(super) fn hold_pressed(&mut self, now: Instant) -> bool {
        !self.echoed(now, |lamp| lamp == Lamp::Hold)
    }

    /// The device shows a mute that was asked for by its key.
    pub(super) fn mute_asked(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// True if a report is the echo of a lamp, which is then echoed.
    fn echoed(&mut self, now: Instant, is: impl Fn(Lamp) -> bool) -> bool {
        while self.echoes.front().is_some_and(|(_, until)| *until < now) {
            self.echoes.pop_front();
        }
        let at = self.echoes.iter().position(|(lamp, _)| is(*lamp));
        at.is_some_and(|at| self.echoes.remove(at).is_some())
    }
}

/// The instant until which a lamp that is shown now may be echoed.
pub(super) fn until(now: Instant, echo: Duration) -> Instant {
    now.checked_add(echo).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn echoes_that_are_waited_for_are_bounded() {
        let mut device = Device::default();
        for n in 0..100 {
            let lamps = Lamps { off_hook: true, mute: n % 2 == 0, ..Lamps::default() };
            device.show(lamps, epoch());
        }
        assert_eq!(device.echoes.len(), MAX_ECHOES);
        assert!(!device.mute_pressed(epoch()), "the newest are kept");
    }
}
