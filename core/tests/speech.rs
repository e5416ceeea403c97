//! Two real engines in virtual time, and what they tell each other of speech: which Opus they want, and how much of it
//! is lost.

#![cfg(feature = "str0m")]

mod common;

use std::time::Duration;

use common::pair::{Pair, Side};
use offhook::media::{ExpectedLoss, MediaState, Wish};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The loss that a side's encoder is to prepare for.
fn expected(pair: &Pair, side: Side) -> u8 {
    pair.agreed(side).expect("agreed").expected_loss
}

#[test]
fn rfc_3550_6_4_1_what_the_far_side_loses_is_expected_until_it_no_longer_does() {
    let mut pair = Pair::connected();
    assert_eq!(expected(&pair, Side::A), ExpectedLoss::LEAST, "nothing was reported yet");
    pair.talk(500, MS(20));
    assert_eq!(expected(&pair, Side::A), ExpectedLoss::LEAST);
    assert_eq!(pair.engine(Side::A).stats().remote_loss, Some(0.0));
    pair.lossy(7, 20);
    pair.talk(400, MS(20));
    for side in [Side::A, Side::B] {
        assert!((15..=30).contains(&expected(&pair, side)), "{side:?}: {:?}", pair.agreed(side));
        let loss = pair.engine(side).stats().remote_loss.expect("reported");
        assert!((0.1..0.3).contains(&loss), "{loss}");
    }
    pair.lossy(7, 0);
    pair.talk(2_000, MS(20));
    for side in [Side::A, Side::B] {
        assert_eq!(expected(&pair, side), ExpectedLoss::LEAST, "{side:?}");
    }
}

#[test]
fn rfc_7587_6_1_no_copies_are_sent_to_a_far_side_that_did_not_say_that_it_uses_them() {
    let mut pair = Pair::new();
    let offer = pair.offer();
    assert!(offer.contains("useinbandfec=1"));
    pair.answer_to(&offer.replace(";useinbandfec=1", "")).unwrap();
    assert!(pair.answer.contains("useinbandfec=1"), "we do: {}", pair.answer);
    pair.run_until(MS(5_000), |p| p.both(MediaState::Connected));
    pair.lossy(7, 20);
    // The first report comes after five seconds.
    pair.talk(350, MS(20));
    assert_eq!(expected(&pair, Side::B), 0);
    assert!(expected(&pair, Side::A) > ExpectedLoss::LEAST);
    // With its next offer it does.
    pair.lossy(7, 0);
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
    pair.reoffer(&offer);
    pair.run(MS(20));
    assert!(expected(&pair, Side::B) > ExpectedLoss::LEAST, "what was reported is known");
}

#[test]
fn rfc_7587_6_1_pauses_are_left_out_where_the_far_side_asks_for_it_or_the_settings_do() {
    for wants in [None, Some(Side::A), Some(Side::B)] {
        let mut pair = Pair::with_each(|side, config| config.dtx = wants == Some(side));
        let now = pair.now;
        let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO]).unwrap();
        assert_eq!(offer.contains("useinbandfec=1;usedtx=1"), wants == Some(Side::A));
        pair.answer_to(&offer).unwrap();
        assert_eq!(pair.answer.contains("useinbandfec=1;usedtx=1"), wants == Some(Side::B));
        pair.run_until(MS(5_000), |p| p.both(MediaState::Connected));
        for side in [Side::A, Side::B] {
            assert_eq!(pair.agreed(side).expect("agreed").dtx, wants.is_some(), "{side:?}");
        }
    }
}
