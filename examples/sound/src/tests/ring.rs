//! The ring, between clocks that are not the same.

use proptest::prelude::*;

use crate::{FRAME, RATE, Ring};

/// Milliseconds of virtual time.
const MINUTE: u64 = 60_000;

/// A ring of which one side has a clock that is wrong by so many parts of a million, and each is late by up to so many
/// milliseconds, for so long. Tells each sample that comes out, and how many went in.
fn run(
    ppm: f64,
    jitter: u64,
    milliseconds: u64,
    mut heard: impl FnMut(usize, i16),
) -> (Ring, usize) {
    let mut ring = Ring::default();
    let (mut brought, mut taken, mut seed) = (0_usize, 0_usize, 1_u64);
    let mut late = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % (jitter + 1)
    };
    // Eleven periods of 440 Hz.
    let tone: Vec<i16> = (0..1_200)
        .map(|n| (f64::from(n) * 440.0 / f64::from(RATE) * std::f64::consts::TAU).sin() * 10_000.0)
        .map(|sample| sample as i16)
        .collect();
    let wave = |n: usize| tone[n % tone.len()];
    let (mut bring_at, mut take_at) = (0.0, 7.0);
    let mut frames = (0_u64, 0_u64);
    for now in 0..milliseconds {
        let now = now as f64;
        while bring_at <= now {
            ring.push(&(brought..brought + FRAME).map(wave).collect::<Vec<_>>());
            brought += FRAME;
            frames.0 += 1;
            bring_at = frames.0 as f64 * 20.0 / (1.0 + ppm / 1e6) + late() as f64;
        }
        while take_at <= now {
            let mut out = [0; FRAME];
            ring.pull(&mut out);
            for sample in out {
                heard(taken, sample);
                taken += 1;
            }
            frames.1 += 1;
            take_at = 7.0 + frames.1 as f64 * 20.0 + late() as f64;
        }
    }
    (ring, brought)
}

#[test]
fn half_an_hour_of_clocks_that_differ_has_no_glitch_and_no_growing_delay() {
    for ppm in [-500.0, 100.0] {
        let mut last = 0_i16;
        let mut largest = 0;
        let (ring, _) = run(ppm, 15, 30 * MINUTE, |at, sample| {
            // After the silence at the beginning, a tone goes on without a step.
            if at > RATE as usize {
                largest = largest.max((i32::from(sample) - i32::from(last)).abs());
            }
            last = sample;
        });
        assert_eq!(ring.glitches().total(), 0, "{ppm}");
        let waits = ring.delay().as_millis();
        assert!((30..=90).contains(&waits), "{ppm}: {waits} ms");
        // 10 000 at 440 Hz changes by 576 a sample at most.
        assert!(largest < 600, "{ppm}: {largest}");
    }
}

#[test]
fn what_came_is_what_is_taken_while_the_clocks_agree() {
    let mut ring = Ring::default();
    let mut said = (0..).map(|n: u32| n as i16);
    let mut next = |samples: usize| said.by_ref().take(samples).collect::<Vec<_>>();
    ring.push(&next(3 * FRAME + 3));
    let mut heard = Vec::new();
    for _ in 0..100 {
        let mut out = [0; FRAME];
        ring.pull(&mut out);
        heard.extend(out);
        ring.push(&next(FRAME));
    }
    // The curve has one sample before the first that it goes through.
    assert!(heard.iter().copied().eq((1..=100 * FRAME).map(|n| n as i16)));
}

#[test]
fn a_pause_of_either_side_is_one_glitch_and_the_delay_is_as_before() {
    let mut ring = Ring::default();
    let mut out = [0; FRAME];
    let mut both = |ring: &mut Ring, frames: usize| {
        for _ in 0..frames {
            ring.push(&[1_000; FRAME]);
            ring.pull(&mut out);
        }
    };
    both(&mut ring, 100);
    assert_eq!(ring.glitches().total(), 0);
    // Nothing comes for a second: silence, once told.
    for _ in 0..50 {
        ring.pull(&mut [0; FRAME]);
    }
    assert_eq!(ring.glitches().gaps, 1);
    both(&mut ring, 100);
    assert_eq!(ring.glitches().gaps, 1);
    // Nothing is taken for three seconds: what is too old is gone, within two more.
    for _ in 0..150 {
        ring.push(&[1_000; FRAME]);
    }
    assert!(ring.waiting() <= RATE as usize / 2);
    both(&mut ring, 100);
    assert!(ring.waiting() <= 5 * FRAME, "{}", ring.waiting());
    let dropped = ring.glitches().dropped;
    assert!((140..=153).contains(&dropped), "{dropped}");
    both(&mut ring, 1_000);
    assert_eq!((ring.glitches().dropped, ring.glitches().gaps), (dropped, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the sides do, no more waits than half a second, as much comes out as is asked for, and nothing that
    /// nobody said.
    #[test]
    fn a_ring_is_bounded_and_makes_nothing_up(steps in prop::collection::vec((any::<bool>(), 1_usize..5_000), 1..200)) {
        let mut ring = Ring::default();
        for (push, length) in steps {
            if push {
                ring.push(&vec![1_234; length]);
            } else {
                let mut out = vec![9; length];
                ring.pull(&mut out);
                prop_assert!(out.iter().all(|sample| [0, 1_234].contains(sample)));
            }
            prop_assert!(ring.waiting() <= RATE as usize / 2);
            prop_assert!(ring.correction().abs() <= 0.004);
        }
    }

    /// A clock that is wrong by less than the largest correction never leads to a glitch.
    #[test]
    fn any_usual_clock_is_followed(ppm in -800.0_f64..800.0, jitter in 0_u64..16) {
        let (ring, _) = run(ppm, jitter, MINUTE / 2, |_, _| {});
        prop_assert_eq!(ring.glitches().total(), 0);
    }
}
