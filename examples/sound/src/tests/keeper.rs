//! Devices that come, go, refuse and hang.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ends::Hall;
use crate::keeper::{Keeper, News};
use crate::memory::Memory;
use crate::{CardError, Desk, Direction, FRAME, Line};

/// A keeper in virtual time, with a headset and a box with a loudspeaker and a microphone, which is the default.
struct Room {
    memory: Memory,
    keeper: Keeper,
    hall: Arc<Hall>,
    now: Instant,
}

const OUT: Direction = Direction::Output;
const IN: Direction = Direction::Input;

impl Room {
    fn new() -> Self {
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
        self.hall.line().unwrap()
    }

    /// Lets time pass.
    fn pass(&mut self, milliseconds: u64) -> Vec<News> {
        for _ in 0..milliseconds.div_ceil(20) {
            self.now += Duration::from_millis(20);
            self.keeper.turn(self.now, Duration::ZERO);
        }
        self.keeper.news()
    }

    fn open(&self) -> [Option<String>; 2] {
        for direction in [OUT, IN] {
            assert_eq!(self.memory.open(direction), self.keeper.place(direction).open);
        }
        [OUT, IN].map(|direction| self.memory.open(direction))
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
            self.memory.say(&[700; FRAME]);
            heard |= self.memory.hear().is_some_and(|frame| frame.contains(&500));
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
    assert_eq!(room.pass(40), [uses(OUT, "box"), uses(IN, "box")]);
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
    assert_eq!(room.pass(100), [OUT, IN].map(|direction| News::Silent { direction }));
    for _ in 0..10 {
        line.play(&[1; FRAME]);
        line.record();
    }
    assert_eq!(line.record(), [0; FRAME]);
    assert_eq!(room.pass(5_000), [], "it is told once");
    for direction in [OUT, IN] {
        room.memory.plug(direction, "box");
    }
    room.pass(40);
    room.talks(&mut line);
}

#[test]
fn a_format_that_cannot_be_opened_is_told_and_the_default_is_used_until_it_can() {
    let mut room = Room::new();
    room.memory.refuse("headset", true);
    room.keeper.want(IN, Some("headset".to_owned()));
    let mut line = room.line();
    let news = room.pass(20);
    assert!(
        matches!(&news[..], [_, News::Refused(CardError::Refused { .. }), found] if *found == uses(IN, "box"))
    );
    room.talks(&mut line);
    room.memory.refuse("headset", false);
    room.pass(1_500);
    assert_eq!(room.memory.open(IN).as_deref(), Some("headset"));
    // All of them: silence, and the call goes on.
    room.memory.refuse("headset", true);
    room.memory.refuse("box", true);
    room.memory.unplug("headset");
    room.pass(100);
    assert_eq!(room.memory.open(IN), None);
    assert_eq!(room.pass(10_000), [], "it is told once");
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
    let room = Room::new();
    let mut lines: Vec<_> = (0..16).map(|_| room.line()).collect();
    assert!(room.hall.line().is_none());
    lines.truncate(2);
    let mut speaker = room.hall.speaker();
    for line in &mut lines {
        line.play(&[20_000; 4 * FRAME]);
    }
    let mut out = [0; 100];
    speaker.fill(&mut out);
    assert_eq!(out, [i16::MAX; 100]);
    drop(lines);
    speaker.fill(&mut [0; FRAME]);
    speaker.fill(&mut out);
    assert_eq!(out, [0; 100]);
}
