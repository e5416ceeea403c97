//! Whatever happens to devices, in any order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::{collection, option};

use super::keeper::{IN, OUT, Room};
use crate::ends::LineId;
use crate::news::News;
use crate::{CardError, FRAME, Line, VoiceOptions};

/// Something that happens to devices and calls.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Plugs(usize),
    Unplugs(usize),
    Stops(usize),
    /// A device refuses, or no longer.
    Refuses(usize, bool),
    /// Another default of one way, or none.
    Default(bool, Option<usize>),
    Wants(bool, Option<usize>),
    Breaks(bool),
    Begins(bool),
    Ends,
    Mutes(bool),
    Improves(bool),
    Louder(u8),
    Passes(u64),
}

const NAMES: [&str; 3] = ["box", "headset", "lamp"];

fn happens() -> impl Strategy<Value = Happens> {
    let name = || 0..NAMES.len();
    prop_oneof![
        2 => name().prop_map(Happens::Plugs),
        2 => name().prop_map(Happens::Unplugs),
        1 => name().prop_map(Happens::Stops),
        2 => (name(), any::<bool>()).prop_map(|(name, does)| Happens::Refuses(name, does)),
        2 => (any::<bool>(), option::of(name())).prop_map(|(out, name)| Happens::Default(out, name)),
        2 => (any::<bool>(), option::of(name())).prop_map(|(out, name)| Happens::Wants(out, name)),
        1 => any::<bool>().prop_map(Happens::Breaks),
        2 => any::<bool>().prop_map(Happens::Begins),
        1 => Just(Happens::Ends),
        1 => any::<bool>().prop_map(Happens::Mutes),
        1 => any::<bool>().prop_map(Happens::Improves),
        1 => any::<u8>().prop_map(Happens::Louder),
        3 => prop_oneof![Just(20), Just(60), Just(1_500)].prop_map(Happens::Passes),
    ]
}

/// The room of a property, as it should be.
struct Model {
    room: Room,
    lines: Vec<(Line, bool)>,
    there: BTreeSet<&'static str>,
    defaults: [Option<&'static str>; 2],
    wanted: [Option<&'static str>; 2],
    muted: BTreeSet<LineId>,
}

impl Model {
    fn new() -> Self {
        let mut room = Room::new();
        room.pass(20);
        let there = BTreeSet::from(["box", "headset"]);
        let (lines, muted) = (Vec::new(), BTreeSet::new());
        Self { room, lines, there, defaults: [Some("box"); 2], wanted: [None; 2], muted }
    }

    fn happens(&mut self, what: Happens) {
        let memory = self.room.memory.clone();
        let way = |out: bool| if out { (OUT, 0) } else { (IN, 1) };
        match what {
            Happens::Plugs(name) => {
                if self.there.insert(NAMES[name]) {
                    [OUT, IN].iter().for_each(|way| memory.plug(*way, NAMES[name]));
                }
            }
            Happens::Unplugs(name) => {
                self.there.remove(NAMES[name]);
                memory.unplug(NAMES[name]);
            }
            Happens::Stops(name) => memory.stop(NAMES[name]),
            Happens::Refuses(name, does) => memory.refuse(NAMES[name], does),
            Happens::Default(out, name) => {
                let ((direction, at), name) = (way(out), name.map(|name| NAMES[name]));
                memory.set_default(direction, name);
                self.defaults[at] = name;
            }
            Happens::Wants(out, name) => {
                let ((direction, at), name) = (way(out), name.map(|name| NAMES[name]));
                self.room.keeper.want(direction, name.map(str::to_owned));
                self.wanted[at] = name;
            }
            Happens::Breaks(breaks) => memory.set_broken(breaks.then_some(CardError::Stalled)),
            Happens::Begins(only_hears) => {
                let line = self.room.hall.line(only_hears);
                self.lines.extend(line.map(|line| (line, only_hears)));
            }
            Happens::Ends => drop(self.lines.pop()),
            Happens::Mutes(muted) => {
                if let Some((line, _)) = self.lines.first() {
                    line.set_muted(muted);
                    match muted {
                        true => self.muted.insert(line.id()),
                        false => self.muted.remove(&line.id()),
                    };
                }
            }
            Happens::Improves(gain) => {
                self.room.keeper.improve(VoiceOptions { gain, ..VoiceOptions::OFF });
            }
            Happens::Louder(volume) => self.room.keeper.set_volume(volume),
            Happens::Passes(time) => self.passes(time),
        }
    }

    /// Lets time pass; whoever is to be muted is.
    fn passes(&mut self, time: u64) {
        for _ in 0..time.div_ceil(20) {
            for news in self.room.pass(20) {
                let News::Mute(line) = news else { continue };
                if let Some((muted, only_hears)) =
                    self.lines.iter().find(|(one, _)| one.id() == line)
                {
                    assert!(!only_hears && self.muted.insert(line), "it need not be muted");
                    muted.set_muted(true);
                }
            }
        }
    }

    /// The device that calls should be at.
    fn expected(&self, at: usize) -> Option<&'static str> {
        let is_there = |name: &&str| self.there.contains(name);
        self.wanted[at].filter(is_there).or_else(|| self.defaults[at].filter(is_there))
    }

    /// Without a microphone all who speak know that they are not heard.
    fn everybody_knows(&self, speak: bool) {
        for (line, only_hears) in &self.lines {
            assert!(speak || *only_hears || self.muted.contains(&line.id()));
        }
    }

    /// Once nothing happens any more, all is as it is wanted, and nothing else is open.
    fn comes_to_rest(&mut self) {
        self.room.memory.set_broken(None);
        self.passes(4_000);
        // One that was open before it refused may stay so, and do what it did.
        self.everybody_knows(self.room.keeper.place(IN).open.is_some());
        NAMES.iter().for_each(|name| self.room.memory.refuse(name, false));
        self.passes(4_000);
        let talks = self.lines.iter().any(|(_, only_hears)| !only_hears);
        let open = [OUT, IN].map(|direction| self.room.memory.open(direction));
        for (at, used) in [(0, !self.lines.is_empty()), (1, talks)] {
            let open = &open[at];
            match (used, self.expected(at)) {
                (false, _) => assert!(open.is_empty(), "nobody uses {open:?}"),
                (true, Some(expected)) => assert_eq!(open[..], [expected], "{at}"),
                // Without any default those in use stay.
                (true, None) => assert!(open.iter().all(|open| self.there.contains(&**open))),
            }
        }
        let [output, input] = open.map(|open| open.into_iter().next());
        self.everybody_knows(input.is_some());
        self.room.keeper.set_volume(100);
        self.passes(20);
        let (mut heard, mut said) = (false, vec![false; self.lines.len()]);
        for _ in 0..8 {
            self.lines.iter().for_each(|(line, _)| line.play(&[500; FRAME]));
            let frame = output.as_deref().and_then(|output| self.room.memory.hear(output));
            let all = 500 * i16::try_from(self.lines.len()).unwrap();
            heard |= frame.is_some_and(|frame| frame.contains(&all));
            input.iter().for_each(|input| self.room.memory.say(input, &[700; FRAME]));
            for ((line, _), said) in self.lines.iter().zip(&mut said) {
                *said |= line.record().contains(&700);
            }
        }
        // Without any default one of before may stay in use, but for calls that have come since.
        assert!(heard == output.is_some() || self.expected(0).is_none());
        for ((line, only_hears), said) in self.lines.iter().zip(said) {
            match (only_hears, self.expected(1)) {
                (true, _) => assert!(!said),
                (false, Some(_)) => assert!(said),
                (false, None) => assert!(said || self.muted.contains(&line.id())),
            }
        }
        self.lines.clear();
        self.room.pass(20);
        assert_eq!(self.room.open(), [None, None]);
    }
}

proptest! {
    #[test]
    fn whatever_happens_calls_come_to_the_devices_that_are_wanted(
        script in collection::vec(happens(), 0..40),
    ) {
        let mut model = Model::new();
        script.into_iter().for_each(|what| model.happens(what));
        model.comes_to_rest();
    }
}
