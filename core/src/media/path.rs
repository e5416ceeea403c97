//! The path that media takes: its state for those who hear or see it, and its news for those who signal.

use std::net::SocketAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{MediaState, MediaStats};

/// The share of packets that are lost or late from which a path is shaky: what error correction and concealment hide
/// well is less (RFC 6716 section 2.1.7).
const SHAKY: f32 = 0.05;
/// The share below which it is good again.
const GOOD: f32 = 0.02;
/// The weight of the newest interval's share.
const NEWEST: f32 = 0.5;

/// The state of the path that a session's media takes.
///
/// ```text
/// Good <──> Shaky       by the figures of the last intervals
///   └───┬─────┘
///     Lost ──> Failed   by what comes, by ICE, and by our addresses
/// ```
///
/// It is good when media is connected first, and told whenever it changes from then on. What [`MediaState`] says is of ICE and DTLS alone,
/// which take longer to notice a path that is lost, and never notice one that loses too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PathState {
    /// Nearly all that is sent arrives.
    Good,
    /// A twentieth or more of what was sent lately in either direction was lost, or was too late to be heard.
    Shaky,
    /// Nothing arrives: the far side does not answer, neither its sound nor its reports have come for 7 s, or the
    /// address is gone that media left by. Another path is looked for, by us or by the far side, whoever's turn it is in
    /// the service's signaling.
    Lost,
    /// None was found.
    Failed,
}

/// News of a path, for those who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathNews {
    /// Its state is another one.
    Is(PathState),
    /// The address that media leaves by is gone.
    Cut,
    /// There are other addresses of ours than before, which are all for now.
    Moved,
    /// Nothing comes of the far side any more, which used to be heard.
    Quiet,
    /// A relay is lost: those who know the servers may have to ask for new credentials.
    Stale,
    /// A relay lends no address: it refused by this code, or did not answer.
    NoRelay { server: SocketAddr, code: Option<u16> },
}

/// A path as far as it is known.
#[derive(Debug)]
pub(super) struct PathWatch {
    /// The state that was told last.
    told: PathState,
    /// The time at which it was lost by something else than ICE, until something comes.
    lost: Option<Instant>,
    /// True from an address's end until there is a path by another.
    moves: bool,
    /// The share of packets lost or late, the newest intervals' counting most.
    share: f32,
    /// The packets at the last look: sent, received, lost, late.
    last: [u32; 4],
}

impl Default for PathWatch {
    fn default() -> Self {
        Self { told: PathState::Good, lost: None, moves: false, share: 0.0, last: [0; 4] }
    }
}

impl PathWatch {
    /// Takes note of sound or reports of the far side's.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.lost.take_if(|at| *at < now).is_some() {
            self.moves = false;
        }
    }

    /// Takes note that nothing comes any more.
    pub(super) fn quiet(&mut self, now: Instant) {
        self.lost = Some(now);
    }

    /// Takes note that the address is gone that media left by.
    pub(super) fn cut(&mut self, now: Instant) {
        self.lost = Some(now);
        self.moves = true;
    }

    /// True from an address's end until there is a path by another.
    pub(super) fn moves(&self) -> bool {
        self.moves
    }

    /// Takes figures, which are taken from time to time.
    pub(super) fn measure(&mut self, stats: &MediaStats) {
        let now =
            [stats.packets_sent, stats.packets_received, stats.packets_lost, stats.packets_late];
        // More than fits between two looks is never sent.
        let now = now.map(|packets| packets as u32);
        let last = std::mem::replace(&mut self.last, now);
        let grown = |n: usize| {
            let grown = now[n].wrapping_sub(last[n]);
            // Of those that were lost some may have come.
            if grown > u32::MAX / 2 { 0.0 } else { grown as f32 }
        };
        let (sent, received, lost, late) = (grown(0), grown(1), grown(2), grown(3));
        let expected = received + lost;
        let ours = if expected > 0.0 { (lost + late) / expected } else { 0.0 };
        // That of a far side that hears nothing of us is of long ago.
        let theirs = stats.remote_loss.filter(|_| sent > 0.0).unwrap_or(0.0);
        self.share += NEWEST * (ours.max(theirs) - self.share);
    }

    /// The state, if it is another than the one that was told last.
    pub(super) fn take_change(&mut self, media: MediaState) -> Option<PathState> {
        let state = match media {
            MediaState::Connecting | MediaState::Connected if self.lost.is_some() => {
                PathState::Lost
            }
            // It was never there, or it is looked for: whoever restarts knows that it is lost.
            MediaState::New | MediaState::Connecting | MediaState::Closed => return None,
            MediaState::Connected => {
                let bar = if self.told == PathState::Shaky { GOOD } else { SHAKY };
                if self.share >= bar { PathState::Shaky } else { PathState::Good }
            }
            MediaState::Disconnected => PathState::Lost,
            MediaState::Failed => PathState::Failed,
        };
        if state == PathState::Lost {
            // What was lost before says nothing of the next path.
            self.share = 0.0;
        }
        (std::mem::replace(&mut self.told, state) != state).then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::epoch;

    const CONNECTED: MediaState = MediaState::Connected;

    /// Figures of so many seconds, in which so many of a hundred packets were lost.
    fn figures(seconds: u64, lost: u64) -> MediaStats {
        MediaStats {
            packets_sent: 50 * seconds,
            packets_received: 50 * seconds * (100 - lost) / 100,
            packets_lost: 50 * seconds * lost / 100,
            ..MediaStats::default()
        }
    }

    #[test]
    fn a_path_is_shaky_while_a_twentieth_is_lost_in_either_direction_and_good_again_later() {
        for ours in [true, false] {
            let mut path = PathWatch::default();
            assert_eq!(path.take_change(MediaState::Connecting), None);
            assert_eq!(path.take_change(CONNECTED), None, "good, as it should be");
            let mut last = MediaStats::default();
            let mut second = |path: &mut PathWatch, lost: u64| {
                let more = figures(20, if ours { lost } else { 0 });
                last.packets_sent += more.packets_sent;
                last.packets_received += more.packets_received;
                last.packets_lost += more.packets_lost;
                last.remote_loss = Some(if ours { 0.0 } else { lost as f32 / 100.0 });
                path.measure(&last);
                path.take_change(CONNECTED)
            };
            let told: Vec<_> =
                [1, 3, 10, 10, 4, 4, 4, 1, 1, 1].map(|lost| second(&mut path, lost)).into();
            let changes: Vec<_> = told.iter().flatten().copied().collect();
            assert_eq!(changes, [PathState::Shaky, PathState::Good], "{told:?}");
            assert_eq!(told[2], Some(PathState::Shaky), "at once");
        }
    }

    #[test]
    fn what_comes_late_counts_as_lost() {
        let mut path = PathWatch::default();
        path.take_change(CONNECTED);
        path.measure(&MediaStats { packets_late: 10, ..figures(1, 0) });
        assert_eq!(path.take_change(CONNECTED), Some(PathState::Shaky));
    }

    #[test]
    fn a_path_that_is_cut_off_is_lost_until_something_comes_by_another() {
        let mut path = PathWatch::default();
        path.take_change(CONNECTED);
        path.cut(epoch());
        assert!(path.moves());
        assert_eq!(path.take_change(MediaState::Connecting), Some(PathState::Lost));
        assert_eq!(path.take_change(CONNECTED), None, "looked for at once");
        path.heard(epoch());
        assert_eq!(path.take_change(CONNECTED), None, "what came with it is of before");
        path.heard(epoch() + Duration::from_secs(1));
        assert!(!path.moves());
        assert_eq!(path.take_change(CONNECTED), Some(PathState::Good));
    }

    #[test]
    fn a_path_that_ice_loses_and_gives_up_is_lost_and_has_failed() {
        let mut path = PathWatch::default();
        let states = [CONNECTED, MediaState::Disconnected, MediaState::Connecting];
        let told: Vec<_> = states.map(|state| path.take_change(state)).into();
        assert_eq!(told, [None, Some(PathState::Lost), None]);
        assert_eq!(path.take_change(CONNECTED), Some(PathState::Good));
        path.quiet(epoch());
        assert_eq!(path.take_change(CONNECTED), Some(PathState::Lost));
        assert_eq!(path.take_change(MediaState::Failed), Some(PathState::Failed));
        assert_eq!(path.take_change(MediaState::Closed), None);
    }

    proptest! {
        #[test]
        fn it_is_told_only_as_it_changes(steps in prop::collection::vec((0_u8..6, 0_u64..40), 0..40)) {
            let mut path = PathWatch::default();
            let (mut now, mut told, mut last) = (epoch(), PathState::Good, MediaStats::default());
            for (step, lost) in steps {
                now += Duration::from_secs(1);
                let mut media = CONNECTED;
                match step {
                    0 => path.heard(now),
                    1 => path.quiet(now),
                    2 => path.cut(now),
                    3 => media = MediaState::Disconnected,
                    _ => {
                        last.packets_received += 50;
                        last.packets_lost += lost;
                        path.measure(&last);
                    }
                }
                if let Some(state) = path.take_change(media) {
                    prop_assert_ne!(std::mem::replace(&mut told, state), state);
                }
            }
        }
    }
}
