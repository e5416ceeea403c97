//! Offers that are refused, cross each other and come again, as services need them of an engine.

use offhook::Seed;
use offhook::media::{
    EngineConfig, EngineEvent, EngineFactory, LocalKind, MediaError, MediaKind, MediaState, Track,
    WebRtcFactory, Wish,
};
use offhook::sdp::{Description, Direction};

use super::wire::{MS, Wire, on_both};
use crate::world::ModelFactory;

on_both! {
    an_offer_is_made_again_and_again_though_nothing_changed,
    a_rollback_undoes_a_direction,
    a_direction_that_changed_since_the_offer_stays,
    a_held_session_stays_held_when_its_far_end_offers_more,
    rfc_8829_5_7_a_first_offer_is_taken_back_and_the_other_side_may_offer,
    whoever_is_refused_takes_the_other_offer,
    an_offer_that_nobody_answered_gives_way_to_the_next,
    an_ice_restart_that_nobody_answered_is_forgotten,
    a_session_is_rebuilt_with_an_engine_of_its_own,
    an_engine_of_the_same_seed_makes_the_same_offer_for_another_answerer,
    an_offer_has_the_addresses_that_are_known,
    descriptions_are_numbered_by_one_session_and_rising_versions,
}

/// The direction of audio as an end has it.
fn direction(wire: &Wire, end: usize) -> Direction {
    wire.ends[end].agreement().unwrap().direction
}

/// The direction of the first section of a description.
fn said(text: &str) -> Direction {
    let description = Description::read(text).unwrap();
    description.sections[0].direction_in(&description)
}

/// The number and the version of a description (`o=`).
fn origin(text: &str) -> (u64, u64) {
    let line = text.lines().find(|line| line.starts_with("o=")).unwrap();
    let mut words = line.split(' ').skip(1).map(|word| word.parse().unwrap());
    (words.next().unwrap(), words.next().unwrap())
}

fn without_origin(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("o=")).collect()
}

fn both_hear(wire: &mut Wire) {
    assert_eq!((wire.talk(0, Track::AUDIO), wire.talk(1, Track::AUDIO)), (10, 10));
}

fn an_offer_is_made_again_and_again_though_nothing_changed(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::call(factory);
    let mut before: [Option<String>; 2] = [None, None];
    for n in 0..8 {
        let by = n % 2;
        let terms = wire.ends[by].agreement();
        let offer = wire.ends[by].create_offer(wire.now, &[]).unwrap();
        if let Some(before) = &before[by] {
            assert_eq!(without_origin(before), without_origin(&offer), "the same");
        }
        if usize::is_multiple_of(n, 3) {
            wire.ends[by].rollback(wire.now).unwrap();
        } else {
            wire.answer(by, &offer).unwrap();
        }
        assert_eq!(wire.ends[by].agreement(), terms);
        before[by] = Some(offer);
    }
    wire.run(MS(1000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    both_hear(&mut wire);
}

fn a_rollback_undoes_a_direction(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::call(factory);
    for (held, refused) in [
        (Direction::SendRecv, Direction::Inactive),
        (Direction::SendOnly, Direction::SendRecv),
        (Direction::Inactive, Direction::SendOnly),
    ] {
        wire.ends[0].set_direction(Track::AUDIO, held);
        wire.negotiate(0, &[]).unwrap();
        assert_eq!((direction(&wire, 0), direction(&wire, 1)), (held, held.reversed()));
        for restarts in [false, true] {
            wire.ends[0].set_direction(Track::AUDIO, refused);
            let offer = if restarts {
                wire.ends[0].restart_ice(wire.now).unwrap()
            } else {
                wire.ends[0].create_offer(wire.now, &[]).unwrap()
            };
            assert_eq!(said(&offer), refused);
            wire.ends[0].rollback(wire.now).unwrap();
            assert_eq!(direction(&wire, 0), held, "as before");
        }
        let (offer, _) = wire.negotiate(0, &[]).unwrap();
        assert_eq!(said(&offer), held, "and nothing of it is offered later");
        wire.negotiate(1, &[]).unwrap();
        assert_eq!((direction(&wire, 0), direction(&wire, 1)), (held, held.reversed()));
    }
}

fn a_direction_that_changed_since_the_offer_stays(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::call(factory);
    wire.ends[0].set_direction(Track::AUDIO, Direction::Inactive);
    wire.ends[0].create_offer(wire.now, &[]).unwrap();
    wire.ends[0].set_direction(Track::AUDIO, Direction::RecvOnly);
    wire.ends[0].rollback(wire.now).unwrap();
    assert_eq!(direction(&wire, 0), Direction::RecvOnly);
    let (offer, _) = wire.negotiate(0, &[]).unwrap();
    assert_eq!(said(&offer), Direction::RecvOnly);
}

fn a_held_session_stays_held_when_its_far_end_offers_more(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::call(factory);
    wire.ends[1].set_direction(Track::AUDIO, Direction::Inactive);
    wire.negotiate(1, &[]).unwrap();
    wire.ends[0].set_direction(Track::AUDIO, Direction::SendRecv);
    let (offer, answer) = wire.negotiate(0, &[]).unwrap();
    assert_eq!((said(&offer), said(&answer)), (Direction::SendRecv, Direction::Inactive));
    assert_eq!(
        (direction(&wire, 0), direction(&wire, 1)),
        (Direction::Inactive, Direction::Inactive)
    );
    wire.ends[1].set_direction(Track::AUDIO, Direction::SendRecv);
    wire.negotiate(1, &[]).unwrap();
    assert_eq!(
        (direction(&wire, 0), direction(&wire, 1)),
        (Direction::SendRecv, Direction::SendRecv)
    );
    both_hear(&mut wire);
}

fn rfc_8829_5_7_a_first_offer_is_taken_back_and_the_other_side_may_offer(
    factory: &mut dyn EngineFactory,
) {
    let mut wire = Wire::new(factory);
    wire.gather();
    let now = wire.now;
    assert_eq!(wire.ends[0].rollback(now), Err(MediaError::State(MediaState::New)));
    let held = Wish { kind: MediaKind::Audio, direction: Direction::SendOnly };
    wire.ends[0].create_offer(now, &[held]).unwrap();
    wire.ends[0].rollback(now).unwrap();
    assert_eq!(wire.ends[0].state(), MediaState::New);
    assert!(wire.ends[0].tracks().is_empty());
    wire.negotiate(1, &[Wish::AUDIO]).unwrap();
    assert_eq!(direction(&wire, 0), Direction::SendRecv, "it is wanted no more");
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    both_hear(&mut wire);
}

fn whoever_is_refused_takes_the_other_offer(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::call(factory);
    let now = wire.now;
    for loser in [0, 1, 0] {
        wire.ends[loser].set_direction(Track::AUDIO, Direction::Inactive);
        wire.ends[loser].create_offer(now, &[]).unwrap();
        let theirs = wire.ends[1 - loser].create_offer(now, &[]).unwrap();
        let refused = Err(MediaError::State(MediaState::Connected));
        assert_eq!(wire.ends[loser].accept_offer(now, &theirs), refused);
        wire.ends[loser].rollback(now).unwrap();
        wire.answer(1 - loser, &theirs).unwrap();
        assert_eq!(direction(&wire, loser), Direction::SendRecv);
        // And then it has its way.
        wire.ends[loser].set_direction(Track::AUDIO, Direction::RecvOnly);
        wire.negotiate(loser, &[]).unwrap();
        assert_eq!(direction(&wire, 1 - loser), Direction::SendOnly);
        wire.ends[loser].set_direction(Track::AUDIO, Direction::SendRecv);
        wire.negotiate(loser, &[]).unwrap();
    }
    both_hear(&mut wire);
}

fn an_offer_that_nobody_answered_gives_way_to_the_next(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::with(factory, |_, config| super::wire::meets(config));
    let now = wire.now;
    wire.gather();
    let first = wire.ends[0].create_offer(now, &[super::wire::CAMERA, Wish::AUDIO]).unwrap();
    wire.ends[1].accept_offer(now, &first).unwrap();
    wire.ends[0].rollback(now).unwrap();
    let busy = wire.ends[1].create_offer(now, &[Wish::AUDIO]);
    assert!(matches!(busy, Err(MediaError::State(_))), "an answer is owed: {busy:?}");
    // What the first one was about counts for nothing.
    wire.negotiate(0, &[Wish::AUDIO, super::wire::CAMERA]).unwrap();
    for end in &wire.ends {
        let tracks: Vec<_> = end.tracks().into_iter().map(|info| info.track).collect();
        assert_eq!(tracks, [Track::AUDIO, super::wire::VIDEO]);
    }
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    both_hear(&mut wire);
}

fn an_ice_restart_that_nobody_answered_is_forgotten(factory: &mut dyn EngineFactory) {
    for answered in [false, true] {
        for then_by in [0, 1] {
            let mut wire = Wire::call(factory);
            let restart = wire.ends[0].restart_ice(wire.now).unwrap();
            wire.ends[1].accept_offer(wire.now, &restart).unwrap();
            if answered {
                wire.ends[1].create_answer(wire.now).unwrap();
            }
            wire.ends[0].rollback(wire.now).unwrap();
            wire.run(MS(100));
            // Who owes an answer cannot offer.
            wire.negotiate(if answered { then_by } else { 0 }, &[]).unwrap();
            wire.run(MS(5000));
            assert_eq!(wire.states(), [MediaState::Connected; 2], "{answered} {then_by}");
            both_hear(&mut wire);
        }
    }
}

/// Another engine in the place of an end.
fn replace(wire: &mut Wire, factory: &mut dyn EngineFactory, end: usize, seed: u64) {
    wire.ends[end] = factory.create(wire.now, EngineConfig::new(Seed::from(seed)));
    wire.ends[end].add_local(wire.now, &wire.addresses[end].into(), LocalKind::Host);
    wire.ends[end].local_done(wire.now);
}

#[test]
fn another_far_end_takes_the_place_of_the_first_on_the_model() {
    another_far_end([&mut ModelFactory, &mut ModelFactory, &mut ModelFactory]);
}

#[test]
fn another_far_end_takes_the_place_of_the_first_on_the_real_engine() {
    // Each has a certificate of its own.
    let [mut first, mut second, mut third] = [(); 3].map(|()| WebRtcFactory::deterministic());
    another_far_end([&mut first, &mut second, &mut third]);
}

fn another_far_end([first, second, third]: [&mut dyn EngineFactory; 3]) {
    let mut wire = Wire::call(first);
    replace(&mut wire, second, 0, 70);
    wire.negotiate(0, &[Wish::AUDIO]).unwrap();
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    both_hear(&mut wire);
    // In the answer to an offer of ours, as well.
    replace(&mut wire, third, 0, 71);
    wire.negotiate(1, &[]).unwrap();
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    both_hear(&mut wire);
}

fn a_session_is_rebuilt_with_an_engine_of_its_own(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::call(factory);
    // Another peer offers under the same name; a new engine of ours answers, and goes on.
    replace(&mut wire, factory, 0, 80);
    replace(&mut wire, factory, 1, 81);
    wire.negotiate(0, &[Wish::AUDIO]).unwrap();
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    both_hear(&mut wire);
    wire.negotiate(1, &[]).unwrap();
    both_hear(&mut wire);
}

fn an_engine_of_the_same_seed_makes_the_same_offer_for_another_answerer(
    factory: &mut dyn EngineFactory,
) {
    let mut wire = Wire::new(factory);
    replace(&mut wire, factory, 0, 90);
    let offer = wire.ends[0].create_offer(wire.now, &[Wish::AUDIO]).unwrap();
    wire.answer(0, &offer).unwrap();
    // Somebody else picked up.
    replace(&mut wire, factory, 1, 91);
    replace(&mut wire, factory, 0, 90);
    let again = wire.ends[0].create_offer(wire.now, &[Wish::AUDIO]).unwrap();
    assert_eq!(offer, again);
    wire.answer(0, &offer).unwrap();
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    both_hear(&mut wire);
}

fn an_offer_has_the_addresses_that_are_known(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::new(factory);
    wire.gather();
    let offer = wire.ends[0].create_offer(wire.now, &[Wish::AUDIO]).unwrap();
    let lines: Vec<_> = offer.lines().filter(|line| line.starts_with("a=candidate")).collect();
    assert!(matches!(lines[..], [line] if line.contains("10.0.0.1 1001")), "{offer}");
    // Nobody trickles.
    wire.answer(0, &offer).unwrap();
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
}

fn descriptions_are_numbered_by_one_session_and_rising_versions(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::call(factory);
    let mut before = origin(&wire.ends[0].create_offer(wire.now, &[]).unwrap());
    wire.ends[0].rollback(wire.now).unwrap();
    for n in 0..4 {
        let text = match n {
            0 => wire.negotiate(0, &[]).unwrap().0,
            1 => wire.negotiate(1, &[]).unwrap().1,
            2 => {
                let offer = wire.ends[0].restart_ice(wire.now).unwrap();
                wire.answer(0, &offer).unwrap();
                offer
            }
            _ => wire.negotiate(0, &[]).unwrap().0,
        };
        let (session, version) = origin(&text);
        assert_eq!(session, before.0, "RFC 3264 section 8");
        assert!(version > before.1);
        before = (session, version);
    }
    assert_eq!(wire.count(0, |event| matches!(event, EngineEvent::Failed(_))), 0);
}
