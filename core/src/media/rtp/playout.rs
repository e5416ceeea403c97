//! The playout buffer: packets in order, and in time.
//!
//! A frame waits for the time at which it is [due](super::clock): then it is given out, and what is
//! missing before it is given up. What comes later than that is dropped and counted apart from what
//! never comes. What is no frame (keys, comfort noise, what nobody can use) has its place in
//! the row and nothing to wait for but those before it.
//!
//! **Target.** The delay is the lateness that 99 of the last 100 packets keep within ([`super::lateness`]: 8 s of
//! frames). It grows at once with the packet that is later, and shrinks where nobody hears it, at the begin of a
//! talkspurt, or else by 5 ms in a second. A pause that the far side leaves out (DTX) is no loss, and says nothing of
//! the path.
//!
//! **Bounds.** The delay is at least nothing, where every packet takes as long as the next, and at
//! most what is asked for, [`MAX_DELAY`] unless said otherwise; packets held are [`MAX_HELD`] at most.
//!
//! **Budget.** Of the 400 ms from mouth to ear that a conversation bears (ITU-T G.114; 150 ms go unnoticed):
//!
//! | part | ms |
//! | --- | --- |
//! | a frame, and what Opus looks ahead (RFC 6716 section 2) | 20 + 7 |
//! | devices of both ends | 40 |
//! | this buffer, on a clean path whose packets are up to 20 ms late | 0 to 20 |
//! | this buffer, at most | 200 |
//! | the way itself, so that it goes unnoticed; so that it is borne | 63 to 83; 133 |
//!
//! A frame that is had of the copy in the next one comes with that one, and so a frame later than its time: whoever
//! plays it needs 20 ms in hand, which the devices' 40 ms have.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::clock::{Clock, Moment, Place};

/// The most by which audio is delayed, where nothing else is asked for.
pub const MAX_DELAY: Duration = Duration::from_millis(200);
/// Packets held; one more lets the first of them go. Frames of 10 ms for twice as long as anybody
/// delays them.
pub const MAX_HELD: usize = 100;

/// A playout buffer for one row of numbers.
#[derive(Debug)]
pub struct Playout<T> {
    clock: Clock,
    /// The number that is due.
    next: Option<u64>,
    held: BTreeMap<u64, Waiting<T>>,
    /// Those before it that were given up and did not come since, the last one lowest.
    missed: u128,
    lost: u64,
    late: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    arrived: Instant,
    /// The place of a frame on the clock.
    place: Option<Place>,
    marker: bool,
    item: T,
}

impl<T> Default for Playout<T> {
    fn default() -> Self {
        Self::new(MAX_DELAY)
    }
}

impl<T> Playout<T> {
    /// One that delays a packet by so much at most. By nothing at all: what comes passes.
    #[must_use]
    pub fn new(most: Duration) -> Self {
        Self {
            clock: Clock::new(most),
            next: None,
            held: BTreeMap::new(),
            missed: 0,
            lost: 0,
            late: 0,
        }
    }

    /// Takes a packet by its extended number; one of a frame has a media time. Late and repeated
    /// ones are dropped.
    pub fn insert(&mut self, now: Instant, sequence: u64, moment: Option<Moment>, item: T) {
        let next = *self.next.get_or_insert(sequence);
        if sequence < next {
            if self.is_missed(next - 1 - sequence) {
                self.lost -= 1;
                self.late += 1;
                // The next one that takes so long is to be heard.
                moment.map(|moment| self.clock.place(now, moment));
            }
        } else if !self.held.contains_key(&sequence) {
            let marker = moment.is_some_and(|moment| moment.marker);
            let place = moment.map(|moment| self.clock.place(now, moment));
            self.held.insert(sequence, Waiting { arrived: now, place, marker, item });
        }
        self.expect();
    }

    /// The next packet in order, if it is time for it, and how many are missing before it.
    pub fn pop(&mut self, now: Instant) -> Option<(T, u64)> {
        let early = self.next_wake().is_some_and(|due| now < due);
        if early && self.held.len() <= MAX_HELD {
            return None;
        }
        self.take()
    }

    /// The next packet in order, though it is not due. When there is none, the next that comes begins
    /// a new row, wherever its numbers and its clock begin.
    pub fn finish(&mut self) -> Option<(T, u64)> {
        let next = self.take();
        if next.is_none() {
            self.next = None;
            self.missed = 0;
            self.clock.begin();
        }
        next
    }

    /// Returns the time at which the first of the packets held is due.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let (_, first) = self.held.first_key_value()?;
        Some(match first.place {
            Some(place) => self.clock.due(first.arrived, place),
            None if self.gap() > 0 => first.arrived + self.clock.delay(),
            None => first.arrived,
        })
    }

    /// Returns true if nothing is held back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Packets given up that did not come.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Packets that came when they had been given up.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// The time by which frames are delayed now, more than by the fastest way.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.clock.delay()
    }

    /// Returns true, once, if the packet so many before the last one was given up.
    fn is_missed(&mut self, behind: u64) -> bool {
        let bit = u32::try_from(behind).ok().and_then(|behind| 1_u128.checked_shl(behind));
        let bit = bit.unwrap_or(0) & self.missed;
        self.missed ^= bit;
        bit != 0
    }

    fn take(&mut self) -> Option<(T, u64)> {
        let gap = self.gap();
        let (sequence, Waiting { place, item, .. }) = self.held.pop_first()?;
        self.next = Some(sequence + 1);
        self.lost += gap;
        let gone = u32::try_from(gap).unwrap_or(u32::MAX);
        let given_up = 1_u128.checked_shl(gone).map_or(u128::MAX, |bit| bit - 1);
        let before = gone.checked_add(1).and_then(|by| self.missed.checked_shl(by));
        self.missed = before.unwrap_or(0) | given_up << 1;
        if let Some(place) = place {
            self.clock.hear(place);
        }
        self.expect();
        Some((item, gap))
    }

    /// Looks at the first frame that waits: a talkspurt may begin with it.
    fn expect(&mut self) {
        let Some((_, first)) = self.held.first_key_value() else { return };
        if let Some(place) = first.place
            && (first.marker || self.gap() == 0)
        {
            self.clock.expect(place, first.marker);
        }
    }

    /// Returns the number missing before the first that is here.
    fn gap(&self) -> u64 {
        match (self.held.first_key_value(), self.next) {
            (Some((first, _)), Some(next)) => first.saturating_sub(next),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const FRAME: Duration = Duration::from_millis(20);

    /// A listener to frames of 20 ms at 8 kHz, who remembers when each came out, and what was
    /// missing before it.
    struct Ear {
        playout: Playout<u64>,
        heard: Vec<(Duration, u64, u64)>,
    }

    impl Ear {
        fn new(most: Duration) -> Self {
            Self { playout: Playout::new(most), heard: Vec::new() }
        }

        /// A frame whose number tells its media time.
        fn frame(&mut self, at: Duration, n: u64) {
            self.come(at, n, Some(moment(n as u32 * 160, false)));
        }

        fn come(&mut self, at: Duration, n: u64, moment: Option<Moment>) {
            self.wait(at);
            self.playout.insert(epoch() + at, 1000 + n, moment, n);
            self.pop(at);
        }

        /// Lets time pass, with its wakes.
        fn wait(&mut self, until: Duration) {
            while let Some(wake) = self.playout.next_wake().filter(|at| *at <= epoch() + until) {
                let before = self.heard.len();
                self.pop(wake - epoch());
                assert!(self.heard.len() > before, "woken for nothing");
            }
        }

        fn pop(&mut self, at: Duration) {
            while let Some((n, gap)) = self.playout.pop(epoch() + at) {
                self.heard.push((at, n, gap));
            }
        }

        /// The milliseconds at which frames came out, each with its number.
        fn times(&self) -> Vec<(u64, u64)> {
            self.heard.iter().map(|(at, n, _)| (at.as_millis() as u64, *n)).collect()
        }
    }

    fn moment(time: u32, marker: bool) -> Moment {
        Moment { time, rate: 8_000, marker }
    }

    /// The lateness of the first frames of a path: more with each, so that none is overtaken.
    fn up_to(late: u64, n: u64) -> u64 {
        late.min(n * 15)
    }

    /// Frames, each so late (in milliseconds); none for a lost one.
    fn path(most: Duration, late: impl IntoIterator<Item = Option<u64>>) -> Ear {
        let mut ear = Ear::new(most);
        let late = (0_u64..).zip(late).filter_map(|(n, late)| Some((n * 20 + late?, n)));
        let mut frames: Vec<_> = late.collect();
        frames.sort_unstable();
        for (at, n) in frames {
            ear.frame(MS(at), n);
        }
        ear.wait(MS(10_000_000));
        ear
    }

    #[test]
    fn on_an_even_path_nothing_waits() {
        let ear = path(MAX_DELAY, [Some(7); 300]);
        assert!(ear.times().iter().all(|(at, n)| *at == n * 20 + 7));
        assert_eq!(ear.playout.next_wake(), None);
        let ear = path(MAX_DELAY, (0..3000).map(|n| Some(n * 7 % 3)));
        let delay = ear.playout.delay();
        assert!(delay <= MS(2), "{delay:?} for one millisecond up or down");
        assert!(ear.times().iter().all(|(at, n)| *at <= n * 20 + 2));
    }

    #[test]
    fn frames_come_out_as_they_were_said_whatever_the_path_does() {
        // 40, 0, 70, 20 and 60 ms late, over and over: two of them overtake.
        let late = [40, 0, 70, 20, 60];
        let of = |n: u64| if n < 10 { up_to(70, n) } else { late[n as usize % 5] };
        let ear = path(MAX_DELAY, (0..500).map(|n| Some(of(n))));
        let times = ear.times();
        assert_eq!(times.len(), 500);
        assert!(times[5..].iter().all(|(at, n)| *at == n * 20 + 70), "{times:?}");
        assert_eq!((ear.playout.lost(), ear.playout.late()), (0, 0));
        assert_eq!(ear.playout.delay(), MS(70));
    }

    #[test]
    fn what_is_missing_is_given_up_when_the_next_one_is_due() {
        let mut late: Vec<_> = (0..10).map(|n| Some(up_to(50, n))).collect();
        late.resize(100, Some(0));
        late[40] = None;
        late[60] = Some(65);
        late[70] = Some(90);
        let ear = path(MAX_DELAY, late);
        let times = ear.times();
        assert_eq!(times[39..42], [(39 * 20 + 50, 39), (41 * 20 + 50, 41), (42 * 20 + 50, 42)]);
        assert_eq!(times[58..61], [(59 * 20 + 50, 59), (60 * 20 + 65, 60), (61 * 20 + 65, 61)]);
        assert_eq!(times[69].1, 71, "what is later than the next one is not heard");
        let missing: Vec<_> = ear.heard.iter().filter(|(_, _, gap)| *gap > 0).collect();
        assert_eq!(
            missing.iter().map(|(_, n, gap)| (*n, *gap)).collect::<Vec<_>>(),
            [(41, 1), (71, 1)]
        );
        assert_eq!((ear.playout.lost(), ear.playout.late()), (1, 1));
    }

    #[test]
    fn late_and_lost_are_told_apart_and_what_comes_twice_is_neither() {
        let mut ear = Ear::new(Duration::ZERO);
        for n in [0, 1, 5, 3, 3, 5, 1, 200, 90, 90, 10] {
            ear.frame(MS(n), n);
        }
        let heard: Vec<_> = ear.heard.iter().map(|(_, n, gap)| (*n, *gap)).collect();
        assert_eq!(heard, [(0, 0), (1, 0), (5, 3), (200, 194)], "nothing waits for nothing");
        assert_eq!(ear.playout.late(), 2, "3 and 90; 10 is too long ago to know");
        assert_eq!(ear.playout.lost(), 3 + 194 - 2);
        ear.frame(MS(300), 1000);
        ear.frame(MS(301), 999);
        assert_eq!((ear.playout.late(), ear.playout.lost()), (3, 3 + 194 - 2 + 799 - 1));
        ear.frame(MS(302), 1128);
        ear.frame(MS(303), 1001);
        ear.frame(MS(304), 1000);
        assert_eq!(ear.playout.late(), 4, "1000 was heard");
        ear.frame(MS(305), 1257);
        ear.frame(MS(306), 1256);
        ear.frame(MS(306), 1130);
        ear.frame(MS(307), 1129);
        assert_eq!(ear.playout.late(), 6);
    }

    #[test]
    fn the_delay_grows_at_once_and_shrinks_at_the_begin_of_a_talkspurt() {
        let mut ear = Ear::new(MAX_DELAY);
        let says = |ear: &mut Ear, n: u64, late: u64, marker: bool| {
            let moment = moment(n as u32 * 160, marker);
            ear.come(MS(n * 20 + late), n, Some(moment));
        };
        for n in 0..500 {
            says(&mut ear, n, if n == 20 { 90 } else { 0 }, false);
            assert_eq!(ear.playout.delay().is_zero(), n < 20, "{n}");
        }
        // Slowly, without a pause: by 5 ms in a second, once the late one is not one in a hundred.
        let delay = ear.playout.delay();
        assert!((MS(48)..MS(52)).contains(&delay), "{delay:?}");
        ear.come(MS(10_100), 500, Some(moment(505 * 160, true)));
        assert_eq!(ear.playout.delay(), Duration::ZERO);
        assert_eq!(ear.heard.last(), Some(&(MS(10_100), 500, 0)));
        // The time after a pause says it, too; that of a loss does not.
        let mut other = Ear::new(MAX_DELAY);
        for lost in [false, true] {
            for n in 0..400 {
                let late = if n == 20 { 90 } else { 0 };
                other.come(MS(n * 20 + late), n, Some(moment(n as u32 * 160, false)));
            }
            let time = moment(600 * 160, false);
            other.come(MS(600 * 20), if lost { 401 } else { 400 }, Some(time));
            other.wait(MS(20_000));
            assert_eq!(other.playout.delay() > MS(10), lost);
            other = Ear::new(MAX_DELAY);
        }
    }

    #[test]
    fn a_delay_without_pauses_does_not_stay() {
        let late = |n: u64| match n {
            0..10 => up_to(100, n),
            10..500 => n * 37 % 101,
            _ => n % 2,
        };
        let ear = path(MAX_DELAY, (0..500 + 50 * 40).map(|n| Some(late(n))));
        assert!(ear.playout.delay() <= MS(1), "{:?}", ear.playout.delay());
        let times = ear.times();
        assert_eq!(times.len(), 2500);
        // No two frames are nearer to each other than a twentieth less, nor further apart.
        let steps = times.windows(2).skip(100).map(|w| w[1].0 - w[0].0);
        assert!(steps.clone().all(|step| (18..=22).contains(&step)), "{:?}", steps.min());
    }

    #[test]
    fn no_frame_is_delayed_by_more_than_the_most_and_none_without_need() {
        for most in [Duration::ZERO, MS(7), MS(60), MS(500)] {
            let late = |n: u64| if n < 10 { up_to(89, n) } else { n * 13 % 90 };
            let ear = path(most, (0..1000).map(|n| Some(late(n))));
            assert!(ear.playout.delay() <= most.min(MS(90)));
            for (at, n, _) in &ear.heard {
                let came = MS(n * 20 + late(*n));
                assert!((came..=came + most).contains(at), "{most:?}: {n} at {at:?}");
            }
            assert_eq!(most >= MS(89), ear.heard.len() == 1000);
            let given_up = ear.playout.lost() + ear.playout.late();
            assert_eq!(given_up, 1000 - ear.heard.len() as u64);
        }
    }

    #[test]
    fn what_is_bunched_after_a_stall_is_spread_out_as_far_as_the_most() {
        for (stall, spread) in [(100, true), (1500, false)] {
            let late = |n: u64| if n < 100 { 0 } else { (stall + 2000_u64).saturating_sub(n * 20) };
            let ear = path(MAX_DELAY, (0..400).map(|n| Some(late(n))));
            let times = ear.times();
            assert_eq!((times.len(), ear.playout.lost(), ear.playout.late()), (400, 0, 0));
            assert!(times.windows(2).all(|w| w[0].0 <= w[1].0));
            let even = times[101..150].iter().all(|(at, n)| *at == n * 20 + 80);
            assert_eq!(even, spread, "{:?}", &times[100..120]);
            assert!(times[300..].iter().all(|(at, n)| *at <= n * 20 + 200));
        }
    }

    #[test]
    fn a_clock_set_anew_costs_nothing() {
        // A jump ahead, one back, one that a talkspurt explains, and another rate.
        for (jump, rate, marker) in [
            (900_000_u32, 8_000, false),
            (900_000_u32.wrapping_neg(), 8_000, false),
            (2_400_u32.wrapping_neg(), 8_000, true),
            (77, 48_000, false),
        ] {
            let mut ear = Ear::new(MAX_DELAY);
            for n in 0..200_u64 {
                let anew = n >= 100;
                let (rate, jump) = if anew { (rate, jump) } else { (8_000, 0) };
                let time = (n as u32 * rate / 50).wrapping_add(jump);
                let marker = marker && n == 100;
                let late = [0, 30, 10, 40][n as usize % 4];
                ear.come(MS(n * 20 + late), n, Some(Moment { time, rate, marker }));
            }
            ear.wait(MS(100_000));
            let times = ear.times();
            assert_eq!((times.len(), ear.playout.late()), (200, 0), "{jump}");
            assert!(times[4..100].iter().all(|(at, n)| *at <= n * 20 + 40));
            assert!(times[104..].iter().all(|(at, n)| *at == n * 20 + 40), "{:?}", &times[98..]);
        }
    }

    #[test]
    fn another_path_is_one_after_half_a_second() {
        let ear = path(MAX_DELAY, (0..400).map(|n| Some(if n < 200 { 0 } else { 350 })));
        let times = ear.times();
        assert_eq!(times.len(), 400);
        assert!(times.iter().all(|(at, n)| *at <= n * 20 + 350));
        assert_eq!(ear.playout.delay(), Duration::ZERO);
    }

    #[test]
    fn what_is_no_frame_has_its_place_and_waits_for_those_before_it_only() {
        let mut ear = Ear::new(MAX_DELAY);
        ear.frame(MS(0), 0);
        ear.frame(MS(60), 1);
        ear.frame(MS(61), 2);
        ear.come(MS(62), 3, None);
        assert_eq!(ear.times(), [(0, 0), (60, 1)]);
        ear.wait(MS(1000));
        assert_eq!(ear.times()[2..], [(80, 2), (80, 3)]);
        ear.come(MS(1001), 4, None);
        assert_eq!(ear.times()[4..], [(1001, 4)]);
        ear.come(MS(1002), 6, None);
        ear.wait(MS(2000));
        assert_eq!(ear.times()[5..], [(1042, 6)], "what is before it might have been late");
    }

    #[test]
    fn frames_of_any_length_are_due_as_they_were_said() {
        let mut ear = Ear::new(MAX_DELAY);
        let (mut time, mut said) = (0, Vec::new());
        for n in 0..300 {
            said.push(time + 25);
            ear.come(
                MS(time + [25, 0, 10][n as usize % 3]),
                n,
                Some(moment(time as u32 * 8, false)),
            );
            time += [10, 20, 60, 40][n as usize / 7 % 4];
        }
        ear.wait(MS(100_000));
        let times: Vec<_> = ear.times().iter().map(|(at, _)| *at).collect();
        assert_eq!(times, said);
    }

    #[test]
    fn a_row_that_ends_lets_go_of_what_it_held() {
        let mut ear = Ear::new(MAX_DELAY);
        for (at, n) in [(0, 1000), (110, 1001), (111, 1003)] {
            ear.frame(MS(at), n);
        }
        assert_eq!(ear.times(), [(0, 1000), (110, 1001)]);
        assert_eq!(ear.playout.finish(), Some((1003, 1)));
        assert_eq!(ear.playout.finish(), None);
        ear.come(MS(112), 7, Some(moment(5, false)));
        ear.come(MS(132), 8, Some(moment(165, false)));
        ear.wait(MS(1000));
        assert_eq!(ear.times()[2..], [(202, 7), (222, 8)], "not late, though lower; as far apart");
        assert_eq!((ear.playout.lost(), ear.playout.late()), (1, 0));
    }

    #[test]
    fn the_bound_lets_go_of_the_first() {
        let mut ear = Ear::new(MS(500));
        for n in 0..100 {
            ear.frame(MS(n * 20 + if n == 9 { 500 } else { 0 }), n);
        }
        for n in 100..1000 {
            ear.come(MS(2000), n, Some(moment(100 * 160 + n as u32, false)));
            assert!(ear.playout.held.len() <= MAX_HELD);
        }
        assert!(ear.times().iter().any(|(at, n)| *at == 2000 && *n > 600), "{:?}", ear.times());
    }

    proptest! {
        #[test]
        fn what_comes_in_time_comes_out_in_order_each_once_as_it_was_said(
            late in proptest::collection::vec(0..80_u64, 30..200),
            lost in proptest::collection::btree_set(10..200_usize, 0..20),
            doubled in proptest::collection::btree_set(0..200_usize, 0..20),
        ) {
            let mut ear = Ear::new(MAX_DELAY);
            let mut frames = Vec::new();
            for (n, late) in late.iter().enumerate() {
                // Until the path has shown what it can do, nobody knows.
                let late = if n < 10 { up_to(80, n as u64) } else { *late };
                if !lost.contains(&n) {
                    frames.push((n as u64 * 20 + late, n as u64));
                    frames.extend(doubled.contains(&n).then_some((n as u64 * 20 + 3 * late, n as u64)));
                }
            }
            frames.sort_unstable();
            for (at, n) in &frames {
                ear.frame(MS(*at), *n);
            }
            ear.wait(MS(1_000_000));
            prop_assert_eq!(ear.playout.next_wake(), None);
            let heard: Vec<_> = ear.heard.iter().map(|(_, n, _)| *n).collect();
            let sent: Vec<_> =
                (0..late.len() as u64).filter(|n| !lost.contains(&(*n as usize))).collect();
            prop_assert_eq!(&heard, &sent);
            // By a frame in two hundred less, at most, where nothing was late for long.
            let slack = MS(late.len() as u64 / 10);
            for (at, n, _) in ear.heard.iter().filter(|(_, n, _)| *n >= 10) {
                let came = MS(n * 20 + late[*n as usize].min(80));
                prop_assert!((came..=FRAME * *n as u32 + MS(80)).contains(at));
                prop_assert!(*at + slack >= FRAME * *n as u32 + MS(80));
            }
            let gaps: u64 = ear.heard.iter().map(|(_, _, gap)| gap).sum();
            prop_assert_eq!((gaps, ear.playout.late()), (ear.playout.lost(), 0));
            let last = ear.heard.last().map_or(0, |(_, n, _)| *n);
            prop_assert_eq!(gaps, last + 1 - ear.heard.len() as u64);
        }

        #[test]
        fn whatever_a_header_says_each_comes_out_once_in_order_within_the_bounds(
            packets in proptest::collection::vec(
                (0..300_u64, -150..150_i64, any::<u32>(), 0..4_u8, any::<bool>()), 0..200,
            ),
            most in 0..600_u64,
        ) {
            let mut ear = Ear::new(MS(most));
            let (mut at, mut came) = (0, BTreeMap::new());
            for (n, (passes, ahead, time, kind, marker)) in packets.into_iter().enumerate() {
                at += passes;
                let number = (1000 + n as u64).saturating_add_signed(ahead);
                let rate = [8_000, 48_000, 0, 1][kind as usize];
                // Half of them keep their time.
                let time = if marker { time } else { at as u32 * 8 };
                let moment = (kind < 3).then_some(Moment { time, rate, marker });
                came.entry(number).or_insert(at);
                ear.come(MS(at), number, moment);
                prop_assert!(ear.playout.held.len() <= MAX_HELD);
                prop_assert!(ear.playout.delay() <= MS(most));
            }
            ear.wait(MS(at) + MS(most));
            prop_assert!(ear.playout.is_empty());
            prop_assert!(ear.heard.windows(2).all(|w| w[0].1 < w[1].1));
            for (at, n, _) in &ear.heard {
                // One may wait for another before it that is itself delayed.
                prop_assert!(*at >= MS(came[n]));
            }
        }
    }
}
