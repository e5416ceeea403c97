//! The calls at a gateway that have this computer's devices. There is one microphone, and each call has the network to
//! itself: whoever is not spoken to must not hear what is said.

use std::collections::BTreeMap;

use offhook::report::QualityMeter;
use offhook::ribbon::{CallId, TrackId};

/// The state of a call as far as its sound goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has answered: there may be music, or a voice.
    #[default]
    Early,
    Talks,
    /// We hold it, so it is heard by nobody.
    Held,
}

/// The things of a call that are kept.
#[derive(Default)]
pub(super) struct Known {
    /// Our tracks.
    pub(super) tracks: Vec<TrackId>,
    /// True once its sound has begun.
    pub(super) heard: bool,
    stage: Stage,
    /// True while it would be spoken on, if another were not.
    waits: bool,
    pub(super) muted: bool,
    /// True while it has the devices.
    has_devices: bool,
    pub(super) meter: Option<QualityMeter>,
}

impl Known {
    fn talks(&self) -> bool {
        self.stage == Stage::Talks
    }
}

/// A change of who has the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Takes,
    Leaves,
}

/// True if another call is spoken on.
fn others_talk(calls: &BTreeMap<CallId, Known>, than: &CallId) -> bool {
    calls.iter().any(|(id, call)| id != than && call.has_devices && call.talks() && !call.waits)
}

/// Takes the state of a call. True if it is to be held: it was answered, or is held no more, while another is spoken on.
pub(super) fn changed(calls: &mut BTreeMap<CallId, Known>, id: &CallId, stage: Stage) -> bool {
    let beside = others_talk(calls, id);
    let call = calls.entry(id.clone()).or_default();
    let talked = call.talks();
    call.stage = stage;
    let waits = !talked && call.talks() && beside;
    call.waits |= waits;
    waits
}

/// Settles who has the devices: the call that is spoken on, or if there is none, all that are heard. One that waits has
/// them once it is held, or that one is.
pub(super) fn settle(calls: &mut BTreeMap<CallId, Known>) -> Vec<(CallId, Turn)> {
    let mut turns = Vec::new();
    let ids: Vec<_> = calls.keys().cloned().collect();
    // An answered one comes before what is heard of one that is not.
    let answered = |id: &&CallId| calls.get(*id).is_some_and(Known::talks);
    let (first, then): (Vec<_>, Vec<_>) = ids.iter().partition(answered);
    for id in first.into_iter().chain(then) {
        let beside = others_talk(calls, id);
        let Some(call) = calls.get_mut(id).filter(|call| call.heard) else { continue };
        call.waits &= call.talks() && beside;
        let turn = match (call.has_devices, beside) {
            (false, false) => Turn::Takes,
            (true, true) if call.stage == Stage::Early || call.waits => Turn::Leaves,
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

    /// A call is heard in this state from now on. True if it is to be held.
    fn is(calls: &mut BTreeMap<CallId, Known>, id: &str, stage: Stage) -> bool {
        calls.entry(id.into()).or_default().heard = true;
        changed(calls, &id.into(), stage)
    }

    fn turns(calls: &mut BTreeMap<CallId, Known>) -> Vec<(String, Turn)> {
        let turns = settle(calls);
        assert!(settle(calls).is_empty(), "it is settled");
        let talking = calls.values().filter(|call| call.has_devices && call.talks()).count();
        assert!(talking <= 1, "{talking} calls have the microphone");
        turns.into_iter().map(|(id, turn)| (id.as_str().to_owned(), turn)).collect()
    }

    fn takes(id: &str) -> (String, Turn) {
        (id.to_owned(), Turn::Takes)
    }

    fn leaves(id: &str) -> (String, Turn) {
        (id.to_owned(), Turn::Leaves)
    }

    #[test]
    fn one_that_is_answered_beside_another_has_no_microphone_until_that_is_held_or_over() {
        let both = || {
            let mut calls = BTreeMap::new();
            assert!(!is(&mut calls, "b", Stage::Talks));
            assert_eq!(turns(&mut calls), [takes("b")]);
            assert!(is(&mut calls, "a", Stage::Talks));
            assert_eq!(turns(&mut calls), []);
            calls
        };
        let mut held = both();
        assert!(!is(&mut held, "b", Stage::Held));
        assert_eq!(turns(&mut held), [takes("a")]);
        let mut over = both();
        over.remove(&"b".into());
        assert_eq!(turns(&mut over), [takes("a")]);
    }

    #[test]
    fn one_that_is_held_no_more_beside_another_has_the_microphone_no_more() {
        let mut calls = BTreeMap::new();
        is(&mut calls, "a", Stage::Talks);
        turns(&mut calls);
        is(&mut calls, "a", Stage::Held);
        assert!(!is(&mut calls, "b", Stage::Talks));
        assert_eq!(turns(&mut calls), [takes("b")]);
        assert!(is(&mut calls, "a", Stage::Talks));
        assert_eq!(turns(&mut calls), [leaves("a")]);
        // It is held now, and later the other one is.
        assert!(!is(&mut calls, "a", Stage::Held));
        assert_eq!(turns(&mut calls), []);
        is(&mut calls, "b", Stage::Held);
        assert!(!is(&mut calls, "a", Stage::Talks));
        assert_eq!(turns(&mut calls), [takes("a")]);
    }

    #[test]
    fn what_is_heard_before_an_answer_is_heard_no_more_when_another_is_spoken_to() {
        let mut calls = BTreeMap::new();
        is(&mut calls, "a", Stage::Early);
        assert_eq!(turns(&mut calls), [takes("a")]);
        assert!(!is(&mut calls, "b", Stage::Talks));
        assert_eq!(turns(&mut calls), [takes("b"), leaves("a")]);
        calls.remove(&"b".into());
        assert_eq!(turns(&mut calls), [takes("a")]);
    }

    #[test]
    fn of_any_calls_in_any_order_one_at_most_is_spoken_on() {
        let (names, states) = (["a", "b", "c"], [Stage::Early, Stage::Talks, Stage::Held]);
        // Each step is one of nine changes, or an end of one of the three.
        for path in 0..12_usize.pow(4) {
            let mut calls = BTreeMap::new();
            for step in 0..4_u32 {
                let step = path / 12_usize.pow(step) % 12;
                let name = names[step % 3];
                match states.get(step / 3) {
                    Some(state) => drop(is(&mut calls, name, *state)),
                    None => drop(calls.remove(&name.into())),
                }
                turns(&mut calls);
                // Whoever is spoken on has the microphone, if nobody else is.
                let talk = calls.values().filter(|call| call.talks()).count();
                let has = calls.values().any(|call| call.talks() && call.has_devices);
                assert_eq!(has, talk > 0, "path {path}");
            }
        }
    }
}
