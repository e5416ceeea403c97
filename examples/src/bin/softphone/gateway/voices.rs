//! The calls at a gateway that have this computer's devices. There is one microphone, and each call has the network to
//! itself: whoever is not spoken to must not hear what is said.

use std::collections::BTreeMap;

use offhook::report::QualityMeter;
use offhook::ribbon::{CallId, TrackId};

/// The things of a call that are kept.
#[derive(Default)]
pub(super) struct Known {
    /// Our tracks.
    pub(super) tracks: Vec<TrackId>,
    /// True once its sound has begun.
    pub(super) heard: bool,
    /// True once it was answered.
    pub(super) up: bool,
    /// True while we hold it.
    pub(super) held: bool,
    pub(super) muted: bool,
    /// True while it has the devices.
    pub(super) has_devices: bool,
    pub(super) meter: Option<QualityMeter>,
}

impl Known {
    fn talks(&self) -> bool {
        self.up && !self.held
    }
}

/// A change of who has the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Takes,
    Leaves,
}

/// True if another call is spoken on.
pub(super) fn others_talk(calls: &BTreeMap<CallId, Known>, than: &CallId) -> bool {
    calls.iter().any(|(id, call)| id != than && call.has_devices && call.talks())
}

/// Settles who has the devices: the call that is spoken on, or if there is none, all that are heard. One that is answered
/// beside it waits until it is held, or that one is.
pub(super) fn settle(calls: &mut BTreeMap<CallId, Known>) -> Vec<(CallId, Turn)> {
    let mut turns = Vec::new();
    let ids: Vec<_> = calls.keys().cloned().collect();
    // An answered one comes before what is heard of one that is not.
    let answered = |id: &&CallId| calls.get(*id).is_some_and(Known::talks);
    let (first, then): (Vec<_>, Vec<_>) = ids.iter().partition(answered);
    for id in first.into_iter().chain(then) {
        let beside = others_talk(calls, id);
        let Some(call) = calls.get_mut(id).filter(|call| call.heard) else { continue };
        let turn = match (call.has_devices, beside) {
            (false, false) => Turn::Takes,
            // One that is held is heard by nobody.
            (true, true) if !call.up => Turn::Leaves,
            (true, _) | (false, true) => continue,
        };
        call.has_devices = turn == Turn::Takes;
        turns.push((id.clone(), turn));
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(of: &[(&str, bool, bool)]) -> BTreeMap<CallId, Known> {
        let known = |up, held| Known { heard: true, up, held, ..Known::default() };
        of.iter().map(|(id, up, held)| (CallId::from(*id), known(*up, *held))).collect()
    }

    fn turns(calls: &mut BTreeMap<CallId, Known>) -> Vec<(String, Turn)> {
        let turns = settle(calls);
        assert!(settle(calls).is_empty(), "it is settled");
        let talking = calls.values().filter(|call| call.has_devices && call.talks()).count();
        assert!(talking <= 1, "{talking} calls have the microphone");
        turns.into_iter().map(|(id, turn)| (id.as_str().to_owned(), turn)).collect()
    }

    #[test]
    fn one_that_is_answered_beside_another_has_no_microphone_until_that_is_held_or_over() {
        let both = || {
            let mut calls = calls(&[("b", true, false)]);
            assert_eq!(turns(&mut calls), [("b".to_owned(), Turn::Takes)]);
            calls.insert("a".into(), Known { heard: true, up: true, ..Known::default() });
            assert_eq!(turns(&mut calls), []);
            calls
        };
        let mut held = both();
        held.get_mut(&"b".into()).unwrap().held = true;
        assert_eq!(turns(&mut held), [("a".to_owned(), Turn::Takes)]);
        let mut over = both();
        over.remove(&"b".into());
        assert_eq!(turns(&mut over), [("a".to_owned(), Turn::Takes)]);
    }

    #[test]
    fn what_is_heard_before_an_answer_is_heard_no_more_when_another_is_spoken_to() {
        let mut calls = calls(&[("a", false, false)]);
        assert_eq!(turns(&mut calls), [("a".to_owned(), Turn::Takes)]);
        calls.insert("b".into(), Known { heard: true, up: true, ..Known::default() });
        let left = [("b".to_owned(), Turn::Takes), ("a".to_owned(), Turn::Leaves)];
        assert_eq!(turns(&mut calls), left);
        calls.remove(&"b".into());
        assert_eq!(turns(&mut calls), [("a".to_owned(), Turn::Takes)]);
    }

    #[test]
    fn of_any_calls_one_at_most_is_spoken_on() {
        let states = [(false, false), (true, false), (true, true)];
        for n in 0..27 {
            let of = |at: usize| states[n / 3_usize.pow(at as u32) % 3];
            let each: Vec<_> = (0..3).map(|at| (["a", "b", "c"][at], of(at).0, of(at).1)).collect();
            let mut calls = calls(&each);
            turns(&mut calls);
            // From there to each other state of the first.
            for (up, held) in states {
                let call = calls.get_mut(&"a".into()).unwrap();
                // Whoever is held is unheld after the others are held.
                if call.held && !held {
                    continue;
                }
                (call.up, call.held) = (up, held);
                turns(&mut calls);
            }
        }
    }
}
