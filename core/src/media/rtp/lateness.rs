//! The lateness of a stream's packets: the time that each took beyond the fastest of the last seconds.
//!
//! Nobody knows how long a packet was on its way, as the clocks of both ends are set by
//! nobody. What is known is its transit, the difference of its arrival and its media time, and of two
//! transits the greater is the later one. As the fastest of the last seconds only counts, a clock
//! that runs a little faster than ours is followed.

use std::collections::VecDeque;

/// The samples kept: 8 s of frames of 20 ms.
pub(super) const MAX_SAMPLES: usize = 400;
/// The age at which samples are forgotten, in microseconds.
const MAX_AGE: i64 = 10_000_000;
/// The samples that stay whatever their age: what is known of a path is not gone with a pause.
const KEPT: usize = 50;
/// Of so many packets one may be later than the [bound](Lateness::bound).
const ONE_IN: usize = 100;
/// The most of them that may be.
const MOST_BEYOND: usize = MAX_SAMPLES / ONE_IN;
/// The packets of a clock set anew until its fastest one is believed to have been among them.
const SETTLING: usize = 10;

/// The transits of the last packets, in microseconds of a clock that means nothing.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    /// The arrival of each, and its transit.
    samples: VecDeque<(i64, i64)>,
    /// The number of them that are of the clock that is now.
    own: usize,
    fastest: Option<i64>,
    bound: Option<i64>,
}

impl Lateness {
    /// The transit of the fastest packet; none before the first one.
    pub(super) fn fastest(&self) -> Option<i64> {
        self.fastest
    }

    /// The transit that all packets keep within but for one in a hundred; of fewer than that, all.
    pub(super) fn bound(&self) -> Option<i64> {
        self.bound
    }

    /// Another clock follows, whose first packet has the transit of the fastest so far. What is known
    /// of the path stays: it is as uneven as before. The last so many were of that clock already, and
    /// by the one before they say nothing.
    pub(super) fn begin(&mut self, strange: usize) {
        self.samples.truncate(self.samples.len().saturating_sub(strange));
        self.own = 0;
    }

    /// Takes the transit of a packet. Returns the time by which the transits of before became
    /// shorter: the first packet of another clock was no fast one, as is seen now.
    pub(super) fn add(&mut self, at: i64, transit: i64) -> i64 {
        let early = self.fastest.map_or(0, |fastest| (fastest - transit).max(0));
        let moves = early > 0 && (1..SETTLING).contains(&self.own);
        if moves {
            let before = self.samples.len() - self.own;
            for (_, other) in self.samples.range_mut(..before) {
                *other -= early;
            }
        }
        self.samples.push_back((at, transit));
        self.own += 1;
        let old = |samples: &VecDeque<(i64, i64)>| {
            samples.len() > KEPT && samples.front().is_some_and(|(since, _)| at - since > MAX_AGE)
        };
        while self.samples.len() > MAX_SAMPLES || old(&self.samples) {
            self.samples.pop_front();
        }
        self.own = self.own.min(self.samples.len());
        self.look();
        if moves { early } else { 0 }
    }

    /// Finds the fastest and the bound: one pass, in which the latest few are kept in order.
    fn look(&mut self) {
        let beyond = (self.samples.len() / ONE_IN).min(MOST_BEYOND);
        let mut latest = [i64::MIN; MOST_BEYOND + 1];
        let mut fastest = i64::MAX;
        for &(_, transit) in &self.samples {
            fastest = fastest.min(transit);
            if transit > latest[beyond] {
                let place = latest[..beyond].partition_point(|later| *later >= transit);
                latest.copy_within(place..beyond, place + 1);
                latest[place] = transit;
            }
        }
        self.fastest = Some(fastest);
        self.bound = Some(latest[beyond]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: i64 = 20_000;

    fn of(transits: impl IntoIterator<Item = i64>) -> Lateness {
        let mut lateness = Lateness::default();
        for (n, transit) in (0_i64..).zip(transits) {
            lateness.add(n * FRAME, transit);
        }
        lateness
    }

    #[test]
    fn one_packet_in_a_hundred_may_be_later_and_of_few_none() {
        let few = of((0..99).map(|n| n * 100));
        assert_eq!((few.fastest(), few.bound()), (Some(0), Some(9_800)));
        let many = of((0..400).map(|n| if n % 100 == 7 { 90_000 } else { n % 10 }));
        assert_eq!((many.fastest(), many.bound()), (Some(0), Some(9)));
        let more = of((0..400).map(|n| if n % 50 == 7 { 90_000 } else { n % 10 }));
        assert_eq!(more.bound(), Some(90_000));
        assert_eq!(of([]).bound(), None);
    }

    #[test]
    fn what_is_old_is_forgotten_and_a_clock_that_drifts_is_followed() {
        // 200 ppm, for ten minutes, either way.
        for drift in [4, -4] {
            let lateness = of((0..30_000).map(|n| n * drift));
            let spread = lateness.bound().unwrap() - lateness.fastest().unwrap();
            assert!(spread <= 1_600, "{spread}");
        }
        let mut lateness = of([0, 80_000]);
        for n in 2..600 {
            lateness.add(n * FRAME, 0);
        }
        assert_eq!(lateness.bound(), Some(0));
        // As slow as the reminders of a pause are, so that age counts.
        let mut lateness = of([0, 80_000]);
        for n in 1..60 {
            lateness.add(n * 400_000, 10_000);
        }
        assert_eq!((lateness.samples.len(), lateness.fastest()), (KEPT, Some(10_000)));
    }

    #[test]
    fn another_clock_keeps_what_is_known_of_the_path() {
        let mut lateness = of((0..200).map(|n| n % 5 * 10_000));
        lateness.begin(0);
        // Its first packet was 30 ms late, and nobody could know.
        assert_eq!(lateness.add(200 * FRAME, 0), 0);
        assert_eq!(lateness.add(201 * FRAME, -30_000), 30_000);
        assert_eq!(lateness.add(202 * FRAME, 10_000), 0);
        assert_eq!((lateness.fastest(), lateness.bound()), (Some(-30_000), Some(10_000)));
        for n in 203..220 {
            lateness.add(n * FRAME, 0);
        }
        assert_eq!(lateness.add(220 * FRAME, -50_000), 0, "settled: this one is fast");
        for n in 221..245 {
            lateness.add(n * FRAME, 900_000);
        }
        lateness.begin(24);
        lateness.add(245 * FRAME, -50_000);
        assert_eq!(lateness.bound(), Some(10_000), "of 222 packets two may be later");
        lateness.begin(1000);
        lateness.add(246 * FRAME, 3);
        assert_eq!((lateness.fastest(), lateness.bound()), (Some(3), Some(3)));
    }

    proptest! {
        #[test]
        fn the_bounds_hold_and_are_those_of_sorting(
            transits in proptest::collection::vec(-1_000_000..1_000_000_i64, 1..900),
        ) {
            let lateness = of(transits.iter().copied());
            prop_assert!(lateness.samples.len() <= MAX_SAMPLES);
            let mut last: Vec<_> =
                transits[transits.len().saturating_sub(MAX_SAMPLES)..].to_vec();
            last.sort_unstable();
            prop_assert_eq!(lateness.fastest(), Some(last[0]));
            prop_assert_eq!(lateness.bound(), Some(last[last.len() - 1 - last.len() / ONE_IN]));
        }
    }
}
