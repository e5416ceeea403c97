//! Devices that come, go, refuse and hang.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::ends::Hall;
use crate::keeper::Keeper;
use crate::memory::Memory;
use crate::news::News;
use crate::{BLOCK, CardError, Desk, Direction, FRAME, Line, Processor, Stream, VoiceOptions};

/// A keeper in virtual time, with a headset and a box with a loudspeaker and a microphone, which is the default.
pub(super) struct Room {
    pub(super) memory: Memory,
    pub(super) keeper: Keeper,
    pub(super) hall: Arc<Hall>,
    now: Instant,
}

pub(super) const OUT: Direction = Direction::Output;
pub(super) const IN: Direction = Direction::Input;

impl Room {
    pub(super) fn new() -> Self {
        let memory = Memory::default();
        for direction in [OUT, IN] {
            memory.plug(direction, "box");
            memory.plug(direction, "headset");
            memory.set_default(direction, Some("box"));
        }
        let hall = Arc::new(Hall::default());
        let keeper = Keeper::new(Box::new(memory.card()), Arc::clone(&hall));
        Self { memory, keeper, hall, now: Instant::now() }
    }

    fn line(&self) -> Line {
        self.hall.line(false).unwrap()
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, milliseconds: u64) -> Vec<News> {
        for _ in 0..milliseconds.div_ceil(20) {
            self.now += Duration::from_millis(20);
            self.keeper.turn(self.now, Duration::ZERO);
        }
        self.keeper.news()
    }

    /// The device of each way that is open, of which there is one at most.
    pub(super) fn open(&self) -> [Option<String>; 2] {
        [OUT, IN].map(|direction| {
            let open = self.memory.open(direction);
            assert!(open.len() <= 1, "{open:?}");
            assert_eq!(open.first(), self.keeper.place(direction).open.as_ref());
            open.into_iter().next()
        })
    }

    fn uses(&self, name: &str) -> bool {
        self.open() == [Some(name.to_owned()), Some(name.to_owned())]
    }

    /// Both ways carry sound within half a second.
    fn talks(&mut self, line: &mut Line) {
        let (mut heard, mut said) = (false, false);
        for _ in 0..25 {
            self.pass(20);
            line.play(&[500; FRAME]);
            let [output, input] = self.open();
            if let Some(input) = input {
                self.memory.say(&input, &[700; FRAME]);
            }
            let frame = output.and_then(|output| self.memory.hear(&output));
            heard |= frame.is_some_and(|frame| frame.contains(&500));
            said |= line.record().contains(&700);
        }
        assert!(heard && said, "heard: {heard}, said: {said}");
    }
}

fn uses(direction: Direction, name: &str) -> News {
    News::Uses { direction, description: format!("The {name}") }
}

#[test]
fn devices_are_open_while_there_is_a_call() {
    let mut room = Room::new();
    assert_eq!(room.pass(100), []);
    assert_eq!(room.open(), [None, None]);
    let mut line = room.line();
    assert_eq!(room.pass(20), [uses(OUT, "box"), uses(IN, "box")]);
    room.talks(&mut line);
    assert!(room.hall.output().level.rms > -40.0);
    drop(line);
    assert_eq!(room.pass(20), []);
    assert_eq!(room.open(), [None, None]);
    assert_eq!(room.hall.output().level.rms, -96.0);
}

#[test]
fn the_one_that_is_wanted_is_used_whenever_it_is_there() {
    let mut room = Room::new();
    let mut line = room.line();
    room.pass(20);
    room.keeper.want(OUT, Some("headset".to_owned()));
    room.keeper.want(IN, Some("headset".to_owned()));
    room.pass(20);
    assert!(room.uses("headset"));
    room.talks(&mut line);
    room.memory.unplug("headset");
    let mut news = Vec::new();
    for _ in 0..2 {
        news.extend(room.pass(20));
        assert!(room.keeper.devices().is_some(), "a list that is old is better than none");
    }
    assert_eq!(news, [uses(OUT, "box"), uses(IN, "box")]);
    room.talks(&mut line);
    for direction in [OUT, IN] {
        room.memory.plug(direction, "headset");
    }
    room.pass(40);
    assert!(room.uses("headset"));
    room.keeper.want(OUT, None);
    room.keeper.want(IN, Some("never seen".to_owned()));
    room.pass(20);
    assert!(room.uses("box"));
    room.talks(&mut line);
}

#[test]
fn another_default_is_followed() {
    let mut room = Room::new();
    let mut line = room.line();
    room.pass(20);
    for direction in [OUT, IN] {
        room.memory.set_default(direction, Some("headset"));
    }
    room.pass(40);
    assert!(room.uses("headset"));
    room.talks(&mut line);
    room.keeper.want(OUT, Some("headset".to_owned()));
    room.keeper.want(IN, Some("headset".to_owned()));
    room.memory.set_default(OUT, Some("box"));
    room.memory.set_default(IN, None);
    assert_eq!(room.pass(100), []);
    assert!(room.uses("headset"));
}

#[test]
fn without_any_device_there_is_silence_until_there_is_one() {
    let mut room = Room::new();
    let mut line = room.line();
    room.pass(20);
    room.memory.unplug("box");
    room.memory.unplug("headset");
    let silent = |direction| News::Silent { direction };
    assert_eq!(room.pass(100), [News::Mute(line.id()), silent(OUT), silent(IN)]);
    line.set_muted(true);
    for _ in 0..10 {
        line.play(&[1; FRAME]);
        line.record();
    }
    assert_eq!(line.record(), [0; FRAME]);
    assert_eq!(room.pass(5_000), [], "it is told once");
    for direction in [OUT, IN] {
        room.memory.plug(direction, "box");
    }
    assert_eq!(room.pass(40), [uses(OUT, "box"), uses(IN, "box")]);
    line.set_muted(false);
    assert_eq!(room.pass(40), []);
    room.talks(&mut line);
}

#[test]
fn a_monitor_is_nobodys_microphone_but_of_whoever_wants_it() {
    let mut room = Room::new();
    room.memory.unplug("headset");
    room.memory.plug_monitor("box.monitor");
    let mut line = room.line();
    room.pass(20);
    // As a server has it when its last microphone goes.
    room.memory.unplug("box");
    room.memory.plug(OUT, "box");
    room.memory.set_default(IN, Some("box.monitor"));
    let news = room.pass(40);
    assert!(news.contains(&News::Mute(line.id())), "{news:?}");
    assert_eq!(room.open()[1], None);
    let devices = room.keeper.devices().cloned().unwrap_or_default();
    assert_eq!((devices.inputs, devices.default_input), (Vec::new(), None));
    line.set_muted(true);
    // The microphone stands in for a default that is none.
    room.memory.plug(IN, "lamp");
    assert_eq!(room.pass(40), [uses(IN, "lamp")]);
    line.set_muted(false);
    room.talks(&mut line);
    // By either name.
    for wanted in ["box.monitor", "The box.monitor"] {
        room.keeper.want(IN, Some(wanted.to_owned()));
        assert_eq!(room.pass(20), [uses(IN, "box.monitor")]);
        room.talks(&mut line);
        room.keeper.want(IN, None);
        assert_eq!(room.pass(20), [uses(IN, "lamp")]);
    }
    assert!(room.keeper.devices().is_some_and(|devices| devices.inputs.len() == 1));
}

#[test]
fn a_format_that_cannot_be_opened_is_told_and_the_default_is_used_until_it_can() {
    let mut room = Room::new();
    room.memory.refuse("headset", true);
    room.keeper.want(IN, Some("headset".to_owned()));
    let mut line = room.line();
    let news = room.pass(20);
    assert!(
        matches!(&news[..], [News::Refused(CardError::Refused { .. }), _, found] if *found == uses(IN, "box"))
    );
    room.talks(&mut line);
    room.memory.refuse("headset", false);
    room.pass(1_500);
    assert_eq!(room.memory.open(IN), ["headset"]);
    // All of them: silence, and the call goes on.
    room.memory.refuse("headset", true);
    room.memory.refuse("box", true);
    room.memory.unplug("headset");
    assert!(!room.pass(900).contains(&News::Mute(line.id())), "it may be for a moment");
    assert!(room.pass(200).contains(&News::Mute(line.id())));
    assert_eq!(room.pass(10_000), [News::Mute(line.id()), News::Mute(line.id())], "nobody did");
    line.set_muted(true);
    assert_eq!(room.open()[1], None);
    assert_eq!(room.pass(10_000), [], "it is told once");
    // One that comes again may be another one.
    room.memory.unplug("box");
    assert_eq!(room.pass(40), [News::Silent { direction: OUT }]);
    room.memory.plug(IN, "box");
    let news = room.pass(1_500);
    assert!(matches!(&news[..], [News::Refused(CardError::Refused { .. })]), "{news:?}");
    assert_eq!(room.pass(10_000), [], "it is told once");
    room.memory.plug(OUT, "box");
    room.memory.refuse("box", false);
    room.pass(1_500);
    room.talks(&mut line);
}

#[test]
fn a_card_that_fails_in_any_state_is_found_again() {
    for error in [
        CardError::Gone("closed".to_owned()),
        CardError::Stalled,
        CardError::Missing("none".to_owned()),
    ] {
        let mut room = Room::new();
        room.memory.set_broken(Some(error.clone()));
        assert_eq!(room.pass(3_000), [News::NoCard(error.clone())], "told once");
        let mut line = room.line();
        room.pass(3_000);
        assert_eq!(line.record(), [0; FRAME]);
        room.memory.set_broken(None);
        let news = room.pass(1_500);
        assert!(news.contains(&News::CardFound) && news.contains(&uses(OUT, "box")), "{news:?}");
        room.talks(&mut line);
        room.memory.set_broken(Some(error.clone()));
        assert!(room.pass(100).contains(&News::NoCard(error)));
        room.memory.set_broken(None);
        room.pass(1_500);
        room.talks(&mut line);
    }
}

/// Each trouble, at each point of a call's life, in each order of two: afterwards there is sound.
#[test]
fn devices_may_vanish_in_every_state() {
    let troubles: [fn(&Memory); 6] = [
        |memory| memory.unplug("box"),
        |memory| memory.unplug("headset"),
        |memory| memory.set_default(OUT, None),
        |memory| memory.refuse("box", true),
        |memory| memory.set_broken(Some(CardError::Stalled)),
        |memory| memory.set_default(IN, Some("headset")),
    ];
    for first in troubles {
        for second in troubles {
            for pause in [0, 20, 60, 1_100] {
                let mut room = Room::new();
                room.keeper.want(OUT, Some("headset".to_owned()));
                first(&room.memory);
                room.pass(pause);
                let mut line = room.line();
                room.pass(pause);
                second(&room.memory);
                room.pass(pause);
                line.play(&[1; FRAME]);
                line.record();
                room.memory.set_broken(None);
                room.memory.refuse("box", false);
                for direction in [OUT, IN] {
                    room.memory.plug(direction, "box");
                    room.memory.set_default(direction, Some("box"));
                }
                room.pass(2_500);
                room.talks(&mut line);
            }
        }
    }
}

#[test]
fn a_card_that_hangs_holds_up_no_call() {
    let memory = Memory::default();
    memory.plug(OUT, "box");
    memory.set_default(OUT, Some("box"));
    let card = memory.card();
    let desk = Desk::open(move || Box::new(card), |_| {}).unwrap();
    let line = desk.line().unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while desk.place(OUT).open.is_none() {
        assert!(Instant::now() < until, "never opened");
        std::thread::yield_now();
    }
    memory.set_hanging(true);
    let before = Instant::now();
    for _ in 0..1_000 {
        line.play(&[1; FRAME]);
        assert_eq!(line.record(), [0; FRAME]);
    }
    desk.want(OUT, Some("other".to_owned()));
    assert_eq!(desk.place(OUT).open.as_deref(), Some("box"));
    drop((line, desk));
    assert!(before.elapsed() < Duration::from_secs(5));
    memory.set_hanging(false);
}

#[test]
fn calls_are_heard_together_and_are_bounded() {
    let mut room = Room::new();
    let mut lines: Vec<_> = (0..16).map(|_| room.line()).collect();
    assert!(room.hall.line(true).is_none());
    lines.truncate(2);
    room.pass(20);
    for line in &mut lines {
        line.play(&[20_000; 8 * FRAME]);
    }
    assert_eq!(room.memory.hear("box"), Some([i16::MAX; FRAME]));
    // Both are at one microphone, which is open once.
    assert_eq!(room.memory.open(IN), ["box"]);
    room.memory.say("box", &[9; 4 * FRAME]);
    assert_eq!([lines[0].record()[9], lines[1].record()[9]], [9, 9]);
    room.keeper.set_volume(25);
    room.pass(20);
    assert_eq!(room.memory.hear("box"), Some([10_000; FRAME]));
    lines.truncate(1);
    room.pass(20);
    assert_eq!(room.memory.hear("box"), Some([5_000; FRAME]));
    drop(lines);
    assert_eq!(room.memory.hear("box"), Some([0; FRAME]));
    room.pass(20);
    assert_eq!(room.open(), [None, None]);
}

#[test]
fn a_microphone_that_comes_before_it_is_the_default_is_used_once_it_is() {
    for pause in [0, 20, 100] {
        let mut room = Room::new();
        let line = room.line();
        room.pass(100);
        room.memory.unplug("box");
        room.memory.unplug("headset");
        room.pass(pause);
        line.set_muted(pause > 0);
        room.memory.plug(IN, "lamp");
        room.pass(pause);
        room.memory.set_default(IN, Some("lamp"));
        room.pass(40);
        assert_eq!(room.open()[1].as_deref(), Some("lamp"), "{pause}");
    }
}

#[test]
fn nothing_is_opened_for_a_call_that_was_over_before_there_was_a_card() {
    let mut room = Room::new();
    room.memory.set_broken(Some(CardError::Stalled));
    for _ in 0..40 {
        let _line = room.line();
        room.pass(20);
    }
    room.memory.set_broken(None);
    room.pass(3_000);
    assert_eq!((room.memory.opened(), room.open()), (0, [None, None]));
    let mut line = room.line();
    room.pass(20);
    room.talks(&mut line);
}

#[test]
fn a_call_that_only_hears_needs_no_microphone() {
    let mut room = Room::new();
    let ear = room.hall.line(true).unwrap();
    assert_eq!(room.pass(20), [uses(OUT, "box")]);
    room.memory.unplug("box");
    assert_eq!(room.pass(40), [News::Silent { direction: OUT }], "nobody is to be muted");
    drop(ear);
    let _line = room.line();
    room.memory.plug(IN, "box");
    room.memory.set_default(IN, Some("box"));
    room.pass(40);
    assert_eq!(room.open()[1].as_deref(), Some("box"));
}

/// MD-16 without DEF-1: the one in use stays until there is another.
#[test]
fn a_microphone_that_cannot_be_had_leaves_the_one_in_use() {
    let mut room = Room::new();
    let mut line = room.line();
    room.pass(20);
    room.memory.refuse("headset", true);
    room.keeper.want(IN, Some("headset".to_owned()));
    let news = room.pass(5_000);
    assert!(matches!(news[..], [News::Refused(_)]), "{news:?}");
    room.memory.say("box", &[7; 4 * FRAME]);
    assert!(line.record().contains(&7), "it was never closed");
    room.talks(&mut line);
    // By the name that people read, and before it is there.
    room.keeper.want(IN, Some("The lamp".to_owned()));
    assert_eq!(room.pass(100), []);
    room.memory.plug(IN, "lamp");
    assert_eq!(room.pass(40), [uses(IN, "lamp")]);
}

#[test]
fn a_voice_is_made_better_by_a_microphone_that_is_opened_anew() {
    let mut room = Room::new();
    let mut line = room.line();
    room.pass(20);
    room.talks(&mut line);
    room.memory.refuse("box", true);
    room.keeper.improve(VoiceOptions::default());
    assert!(matches!(room.pass(20)[..], [News::Refused(_)]), "it would have been opened");
    room.talks(&mut line);
    room.memory.refuse("box", false);
    room.keeper.improve(VoiceOptions::OFF);
    assert_eq!(room.pass(2_000), []);
    let before = room.memory.opened();
    room.keeper.improve(VoiceOptions { gain: true, ..VoiceOptions::OFF });
    assert_eq!(room.pass(20), []);
    assert_eq!(room.memory.opened(), before + 1);
    room.talks(&mut line);
}

/// A processor that counts what it is told.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<[usize; 2]>>);

impl Processor for Counts {
    fn render(&mut self, _: &[i16; BLOCK]) {
        self.0.lock().unwrap()[0] += 1;
    }

    fn capture(&mut self, _: &mut [i16; BLOCK]) {
        self.0.lock().unwrap()[1] += 1;
    }
}

#[test]
fn a_processor_hears_one_loudspeaker_and_only_a_microphone_that_is_spoken_into() {
    let hall = Arc::new(Hall::default());
    let (first, second) = (hall.line(false).unwrap(), hall.line(false).unwrap());
    let counts = Counts::default();
    let (mut old, mut new) = (hall.speaker(Stream(1)), hall.speaker(Stream(2)));
    let mut microphone = hall.microphone(Stream(3), Some(Box::new(counts.clone())));
    let mut pass = || {
        for _ in 0..2 {
            old.fill(&mut [0; BLOCK]);
            new.fill(&mut [0; BLOCK]);
            microphone.hear(&[7; BLOCK]);
        }
        std::mem::take(&mut *counts.0.lock().unwrap())
    };
    assert_eq!(pass(), [0, 0], "nobody is at any of them");
    // Two at once, as for a moment when another is chosen.
    hall.connect(first.id(), Some(Stream(1)), None);
    hall.connect(second.id(), Some(Stream(2)), Some(Stream(3)));
    assert_eq!(pass(), [2, 2]);
    hall.closed(Stream(1));
    assert_eq!(pass(), [2, 2], "the other is the one that counts");
    hall.closed(Stream(3));
    assert_eq!(pass(), [0, 0], "it is closed");
}

#[test]
fn what_stops_while_its_device_is_there_is_opened_again() {
    let mut room = Room::new();
    let mut line = room.line();
    room.pass(2_000);
    for name in ["box", "box"] {
        room.memory.stop(name);
        assert_eq!(room.pass(40), [], "it lasted: it is opened at once");
        room.talks(&mut line);
        room.pass(2_000);
    }
    // One that does not last is not opened all the time.
    let before = room.memory.opened();
    for _ in 0..500 {
        room.memory.stop("box");
        room.pass(20);
    }
    let opened = room.memory.opened() - before;
    assert!(opened <= 60, "opened {opened} times in ten seconds");
    line.set_muted(false);
    room.pass(2_000);
    room.talks(&mut line);
}
