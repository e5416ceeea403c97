//! Whatever row of offers, drops and answers: both ends agree in the end, on either engine.

use std::collections::BTreeMap;

use offhook::media::{
    EngineEvent, EngineFactory, MediaError, MediaKind, MediaState, Track, TrackInfo, WebRtcFactory,
    Wish,
};
use offhook::sdp::Direction;
use proptest::prelude::*;

use super::wire::{MS, Wire, meets, opus, vp8};
use crate::world::ModelFactory;

/// The fate of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It never arrives.
    Lost,
    /// It arrives, and is taken back before it is answered.
    Unanswered,
    /// It is answered, and taken back: its answer is lost.
    AnswerLost,
    /// The other end offers at the same time, and gives way.
    Crossed,
}

/// An offer, and what was wanted just before it.
#[derive(Clone, Debug)]
struct Offer {
    by: usize,
    restarts: bool,
    wishes: Vec<Wish>,
    /// Directions of tracks, by their places among those that there are.
    directions: Vec<(usize, Direction)>,
    fate: Fate,
}

fn directions() -> impl Strategy<Value = Direction> {
    prop::sample::select(vec![
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ])
}

fn wishes() -> impl Strategy<Value = Wish> {
    let kinds = prop::sample::select(vec![MediaKind::Audio, MediaKind::Video]);
    (kinds, directions()).prop_map(|(kind, direction)| Wish { kind, direction })
}

fn offers() -> impl Strategy<Value = Offer> {
    let fates = vec![
        Fate::Answered,
        Fate::Answered,
        Fate::Lost,
        Fate::Unanswered,
        Fate::AnswerLost,
        Fate::Crossed,
    ];
    let wanted = prop::collection::vec((0..4_usize, directions()), 0..3);
    let wishes = prop::collection::vec(wishes(), 0..3);
    (0..2_usize, prop::bool::weighted(0.1), wishes, wanted, prop::sample::select(fates)).prop_map(
        |(by, restarts, wishes, directions, fate)| Offer { by, restarts, wishes, directions, fate },
    )
}

/// The kinds of media that each end has.
fn abilities() -> impl Strategy<Value = [bool; 2]> {
    prop::sample::select(vec![[true, true], [true, false], [false, true], [false, false]])
}

/// The tracks by the names of their sections.
fn named(tracks: Vec<TrackInfo>) -> BTreeMap<String, TrackInfo> {
    tracks.into_iter().map(|info| (info.mid.clone().unwrap(), info)).collect()
}

/// Both ends have the same tracks, in mirrored directions.
fn agree(wire: &Wire) {
    let [a, b] = [0, 1].map(|end| named(wire.ends[end].tracks()));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (mid, ours) in &a {
        let theirs = &b[mid];
        assert_eq!(ours.track.kind, theirs.track.kind, "{mid}");
        assert_eq!(ours.direction, theirs.direction.reversed(), "{mid}");
        assert_eq!(ours.codecs, theirs.codecs, "{mid}");
    }
}

/// The news of tracks add up to those that there are.
fn adds_up(wire: &Wire, end: usize) {
    let mut told: BTreeMap<Track, TrackInfo> = BTreeMap::new();
    for event in &wire.events[end] {
        match event {
            EngineEvent::TrackAdded(info) => {
                assert!(told.insert(info.track, info.clone()).is_none(), "added twice");
            }
            EngineEvent::TrackChanged(info) => {
                assert!(told.insert(info.track, info.clone()).is_some(), "changed before it came");
            }
            EngineEvent::TrackRemoved(track) => {
                assert!(told.remove(track).is_some(), "removed before it came");
            }
            _ => {}
        }
    }
    let there: BTreeMap<_, _> =
        wire.ends[end].tracks().into_iter().map(|info| (info.track, info)).collect();
    assert_eq!(told, there);
}

/// The offer of a row. None where it cannot be made, which changes nothing.
fn offered(wire: &mut Wire, offer: &Offer, by: usize) -> Option<String> {
    let (now, before) = (wire.now, wire.ends[by].tracks());
    let make = |wire: &mut Wire| match offer.restarts {
        true => wire.ends[by].restart_ice(now),
        false => wire.ends[by].create_offer(now, &offer.wishes),
    };
    match make(wire) {
        Ok(_) => take_back(wire, by, &before),
        Err(
            MediaError::State(_)
            | MediaError::TooMany("tracks")
            | MediaError::NotNegotiated("video"),
        ) => {
            assert_eq!(wire.ends[by].tracks(), before);
            return None;
        }
        Err(error) => panic!("{error}"),
    }
    for (place, direction) in &offer.directions {
        if let Some(info) = before.get(*place) {
            wire.ends[by].set_direction(info.track, *direction);
        }
    }
    Some(make(wire).unwrap())
}

/// An end takes its offer back, and is as it was.
fn take_back(wire: &mut Wire, by: usize, before: &[TrackInfo]) {
    wire.ends[by].rollback(wire.now).unwrap();
    assert_eq!(wire.ends[by].tracks(), before, "as before");
}

/// One offer and what becomes of it. Returns true if it was answered.
fn step(wire: &mut Wire, offer: &Offer) -> bool {
    let (now, by) = (wire.now, offer.by);
    let before = wire.ends[by].tracks();
    let Some(text) = offered(wire, offer, by) else { return false };
    match offer.fate {
        Fate::Lost => take_back(wire, by, &before),
        Fate::Unanswered => {
            // Refused by a telephone that has nothing of it.
            let _ = wire.ends[1 - by].accept_offer(now, &text);
            take_back(wire, by, &before);
        }
        Fate::AnswerLost => {
            if wire.ends[1 - by].accept_offer(now, &text).is_ok() {
                wire.ends[1 - by].create_answer(now).unwrap();
            }
            take_back(wire, by, &before);
        }
        Fate::Answered | Fate::Crossed => {
            if offer.fate == Fate::Crossed {
                let theirs = wire.ends[1 - by].tracks();
                if offered(wire, offer, 1 - by).is_some() {
                    let refused = wire.ends[1 - by].accept_offer(now, &text);
                    assert!(matches!(refused, Err(MediaError::State(_))), "{refused:?}");
                    take_back(wire, 1 - by, &theirs);
                }
            }
            match wire.ends[1 - by].accept_offer(now, &text) {
                Ok(()) => {
                    let answer = wire.ends[1 - by].create_answer(now).unwrap();
                    assert_eq!(answer.matches("\r\nm=").count(), text.matches("\r\nm=").count());
                    wire.ends[by].accept_answer(now, &answer).unwrap();
                    while wire.pass_on() {}
                    agree(wire);
                    return true;
                }
                Err(_) => take_back(wire, by, &before),
            }
        }
    }
    while wire.pass_on() {}
    false
}

/// Both ends offer once more what there is, in turn.
fn settle(wire: &mut Wire) {
    let plain = |by, wishes: &[Wish]| Offer {
        by,
        restarts: false,
        wishes: wishes.to_vec(),
        directions: Vec::new(),
        fate: Fate::Answered,
    };
    // One that owes an answer cannot offer.
    for by in [0, 1, 0, 1] {
        if !step(wire, &plain(by, &[])) {
            step(wire, &plain(by, &[Wish::AUDIO]));
        }
    }
    agree(wire);
    adds_up(wire, 0);
    adds_up(wire, 1);
    assert!(!wire.ends[0].tracks().is_empty());
}

/// Frames of each track come on the track of that name, as far as they may.
fn sounds(wire: &mut Wire) {
    wire.run(MS(5000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    for from in [0, 1] {
        for (mid, info) in named(wire.ends[from].tracks()) {
            wire.events[1 - from].clear();
            for n in 0..5 {
                let frame = match info.track.kind {
                    MediaKind::Audio => opus(n).into(),
                    MediaKind::Video => vp8(n, true).into(),
                };
                wire.ends[from].send(wire.now, info.track, &frame).unwrap();
                wire.run(MS(20));
            }
            wire.run(MS(300));
            let theirs = named(wire.ends[1 - from].tracks())[&mid].track;
            let came = |track| {
                let is = |event: &EngineEvent| matches!(event, EngineEvent::Frame { track: on, .. } if *on == track);
                wire.count(1 - from, is)
            };
            let expected = if info.direction.sends() { 5 } else { 0 };
            assert_eq!(
                (came(theirs), wire.heard(1 - from)),
                (expected, expected),
                "{mid} {info:?}"
            );
        }
    }
}

fn holds(factory: &mut dyn EngineFactory, able: [bool; 2], row: &[Offer]) {
    let change = |end: usize, config| if able[end] { meets(config) } else { config };
    let mut wire = Wire::with(factory, change);
    wire.gather();
    for offer in row {
        step(&mut wire, offer);
    }
    settle(&mut wire);
    sounds(&mut wire);
}

#[test]
fn a_telephone_tells_that_its_track_is_another_section() {
    let wish = |kind| Wish { kind, direction: Direction::SendRecv };
    let lost = Offer {
        by: 0,
        restarts: false,
        wishes: vec![wish(MediaKind::Video), wish(MediaKind::Audio)],
        directions: Vec::new(),
        fate: Fate::AnswerLost,
    };
    holds(&mut ModelFactory, [true, false], std::slice::from_ref(&lost));
    holds(&mut WebRtcFactory::deterministic(), [true, false], &[lost]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_row_of_offers_drops_and_answers_leaves_both_sides_agreed_on_the_model(
        able in abilities(),
        row in prop::collection::vec(offers(), 0..8),
    ) {
        holds(&mut ModelFactory, able, &row);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_row_of_offers_drops_and_answers_leaves_both_sides_agreed_on_the_real_engine(
        able in abilities(),
        row in prop::collection::vec(offers(), 0..8),
    ) {
        holds(&mut WebRtcFactory::deterministic(), able, &row);
    }
}
