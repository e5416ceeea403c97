use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::testing::epoch;

const KEYS: [(&str, Key); 7] = [
    ("hook up", Key::Hook(Hook::Up)),
    ("hook down", Key::Hook(Hook::Down)),
    ("flash", Key::Flash),
    ("drop", Key::Drop),
    ("mute", Key::Mute),
    ("muted", Key::Muted(true)),
    ("unmuted", Key::Muted(false)),
];

/// A headset with a device that has shown all of this for a while. Calls have the names of their
/// letters: `r`inging, `d`ialling, `t`alking, `h`eld, and `m`uted and talking, with a number where there
/// are several.
fn with(calls: &str, second: Second) -> (Headset<String>, Instant) {
    let now = epoch();
    let mut headset = Headset::new(Options::default().second(second));
    headset.plugged_in(now);
    for name in calls.split_whitespace() {
        let (state, muted) = match &name[..1] {
            "r" => (CallState::Ringing, false),
            "d" => (CallState::Dialling, false),
            "t" => (CallState::Talking, false),
            "m" => (CallState::Talking, true),
            "h" => (CallState::Held, false),
            other => panic!("{other}"),
        };
        headset.call(now, &name.to_owned(), state, muted);
    }
    (headset, now + Duration::from_secs(1))
}

fn lamps(lamps: Lamps) -> String {
    let names = [
        (lamps.ring, "ring"),
        (lamps.off_hook, "off-hook"),
        (lamps.mute, "mute"),
        (lamps.hold, "hold"),
    ];
    let on: Vec<_> = names.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    if on.is_empty() { "dark".to_owned() } else { on.join("+") }
}

fn said(effects: &[Effect<String>]) -> String {
    let one = |effect: &Effect<String>| match effect {
        Effect::Ask(ask) => format!("{:?} {}", ask.action, ask.call).to_lowercase(),
        Effect::Show(shown) => format!("({})", lamps(*shown)),
    };
    effects.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Every situation with every key.
#[test]
fn every_key_in_every_situation() {
    let mut table = String::new();
    for calls in [
        "", "r", "r1 r2", "d", "d r", "t", "m", "t r", "t h", "t1 t2", "h", "h r", "h1 h2", "m h r",
    ] {
        let (headset, _) = with(calls, Second::Holds);
        table += &format!(
            "{} ({})\n",
            if calls.is_empty() { "-" } else { calls },
            lamps(headset.lamps())
        );
        for (name, key) in KEYS {
            let (mut headset, now) = with(calls, Second::Holds);
            let effects = said(&headset.key(now, key));
            if !effects.is_empty() {
                table += &format!("  {name}: {effects}\n");
            }
        }
    }
    let wanted = "\
- (dark)
  hook up: (dark)
  muted: (dark)
r (ring)
  hook up: answer r
  drop: reject r
  muted: (ring)
r1 r2 (ring)
  hook up: answer r1
  drop: reject r1
  muted: (ring)
d (off-hook)
  hook down: end d
  drop: end d
  mute: mute d
  muted: mute d
d r (ring+off-hook)
  hook down: end d
  flash: end d, answer r
  drop: reject r
  mute: mute d
  muted: mute d
t (off-hook)
  hook down: end t
  flash: hold t
  drop: end t
  mute: mute t
  muted: mute t
m (off-hook+mute)
  hook down: end m
  flash: hold m
  drop: end m
  mute: unmute m
  unmuted: unmute m
t r (ring+off-hook)
  hook down: end t
  flash: hold t, answer r
  drop: reject r
  mute: mute t
  muted: mute t
t h (off-hook)
  hook down: end t
  flash: hold t, resume h
  drop: end t
  mute: mute t
  muted: mute t
t1 t2 (off-hook)
  hook down: end t2, (off-hook)
  flash: hold t2
  drop: end t2
  mute: mute t2
  muted: mute t2
h (off-hook+hold)
  flash: resume h
  drop: end h
  mute: mute h
  muted: mute h
h r (ring+off-hook+hold)
  flash: answer r
  drop: reject r
  mute: mute h
  muted: mute h
h1 h2 (off-hook+hold)
  flash: resume h2
  drop: end h2
  mute: mute h2
  muted: mute h2
m h r (ring+off-hook+mute)
  hook down: end m
  flash: hold m, answer r
  drop: reject r
  mute: unmute m
  unmuted: unmute m
";
    assert_eq!(table, wanted);
}

#[test]
fn answering_the_second_can_end_the_first() {
    let (mut headset, now) = with("t1 t2 h r", Second::Ends);
    assert_eq!(said(&headset.key(now, Key::Flash)), "end t1, end t2, answer r");
    assert_eq!(said(&headset.key(now, Key::Flash)), "hold r, resume h", "as if it were done");
}

/// Every change of a call, from every state to every other.
#[test]
fn every_change_of_a_call_shows_what_it_is() {
    use CallState::{Dialling, Ended, Held, Ringing, Talking};
    let states = [Ringing, Dialling, Talking, Held, Ended];
    let wanted = |state| match state {
        Ringing => "ring",
        Dialling | Talking => "off-hook",
        Held => "off-hook+hold",
        Ended => "dark",
    };
    for before in states {
        for after in states {
            for (muted, then) in [(false, true), (true, false)] {
                let (mut headset, now) = with("", Second::Holds);
                let id = "c".to_owned();
                headset.call(now, &id, before, muted);
                assert_eq!(headset.lamps().mute, muted && !matches!(before, Ringing | Ended));
                let effects = headset.call(now, &id, after, muted);
                let changes = before != after && wanted(before) != wanted(after);
                let shown = lamps(Lamps { mute: false, ..headset.lamps() });
                assert_eq!(shown, wanted(after), "{before:?} to {after:?}");
                assert_eq!(effects.len(), usize::from(changes), "{before:?} to {after:?}");
                let effects = headset.call(now, &id, after, then);
                assert_eq!(effects.len(), usize::from(!matches!(after, Ringing | Ended)));
            }
        }
    }
}

#[test]
fn a_device_s_echo_is_no_key() {
    let (mut headset, now) = with("", Second::Holds);
    let id = "c".to_owned();
    let ms = |n| now + Duration::from_millis(n);
    headset.call(ms(0), &id, CallState::Talking, false);
    assert_eq!(said(&headset.key(ms(50), Key::Hook(Hook::Up))), "");
    headset.call(ms(1000), &id, CallState::Talking, true);
    assert_eq!(said(&headset.key(ms(1100), Key::Mute)), "");
    assert_eq!(said(&headset.key(ms(1200), Key::Mute)), "unmute c", "an echo comes once");
    headset.call(ms(2000), &id, CallState::Held, false);
    assert_eq!(said(&headset.key(ms(2100), Key::Flash)), "");
    assert_eq!(said(&headset.key(ms(2400), Key::Flash)), "resume c");
    headset.call(ms(3000), &id, CallState::Ended, false);
    assert_eq!(said(&headset.key(ms(3100), Key::Hook(Hook::Down))), "");
    // One call after another, and the device is late.
    headset.call(ms(4000), &id, CallState::Talking, false);
    headset.call(ms(4010), &id, CallState::Ended, false);
    headset.call(ms(4020), &id, CallState::Talking, false);
    for (at, hook) in [(4100, Hook::Up), (4110, Hook::Down), (4120, Hook::Up)] {
        assert_eq!(said(&headset.key(ms(at), Key::Hook(hook))), "");
    }
    assert_eq!(said(&headset.key(ms(4200), Key::Hook(Hook::Down))), "end c");
}

#[test]
fn going_on_hook_while_held_is_no_end() {
    let (mut headset, now) = with("h", Second::Holds);
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Down))), "");
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Up))), "resume h");
    let effects = headset.call(now, &"h".to_owned(), CallState::Talking, false);
    assert_eq!(said(&effects), "(off-hook)");
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Down))), "end h");
}

#[test]
fn what_cannot_be_done_is_shown() {
    let (mut headset, now) = with("t", Second::Holds);
    let ask = |action| Ask { call: "t".to_owned(), action };
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Down))), "end t");
    assert_eq!(said(&headset.refused(now, &ask(Action::End))), "(off-hook)");
    assert_eq!(said(&headset.key(now, Key::Muted(true))), "mute t");
    assert_eq!(said(&headset.refused(now, &ask(Action::Mute))), "(off-hook)");
    assert_eq!(said(&headset.key(now, Key::Flash)), "hold t");
    assert_eq!(said(&headset.refused(now, &ask(Action::Hold))), "");
    assert_eq!(said(&headset.key(now, Key::Flash)), "hold t");
}

#[test]
fn a_call_that_another_took_rings_no_more() {
    let (mut headset, now) = with("r", Second::Holds);
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Up))), "answer r");
    let effects = headset.call(now, &"r".to_owned(), CallState::Ended, false);
    assert_eq!(said(&effects), "(dark)");
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Down))), "", "its echo");
}

#[test]
fn a_device_that_comes_back_is_shown_everything() {
    let (mut headset, now) = with("m", Second::Holds);
    headset.plugged_out();
    assert!(!headset.is_plugged_in());
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Down))), "", "a late report");
    let effects = headset.call(now, &"r".to_owned(), CallState::Ringing, false);
    assert_eq!(said(&effects), "", "there is nothing to show it");
    assert_eq!(said(&headset.plugged_in(now)), "(ring+off-hook+mute)");
    assert_eq!(said(&headset.key(now, Key::Hook(Hook::Up))), "", "its echo");
}

#[test]
fn one_call_too_many_is_not_looked_at() {
    let now = epoch();
    let mut headset = Headset::new(Options::default());
    for id in 0..2 * Headset::<usize>::MAX_CALLS {
        headset.call(now, &id, CallState::Ringing, false);
    }
    for id in 0..Headset::<usize>::MAX_CALLS {
        assert!(headset.lamps().ring);
        headset.call(now, &id, CallState::Ended, false);
    }
    assert_eq!(headset.lamps(), Lamps::default());
}

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The service changes a call by itself.
    Told(u8, CallState, bool),
    Key(Key),
    /// The application does, or fails to do, the oldest of what it was asked for.
    Done(bool),
    In,
    Out,
    Pause,
}

fn state() -> impl Strategy<Value = CallState> {
    use CallState::{Dialling, Ended, Held, Ringing, Talking};
    prop::sample::select(vec![Ringing, Dialling, Talking, Held, Ended])
}

fn step() -> impl Strategy<Value = Step> {
    let keys = KEYS.map(|(_, key)| key).to_vec();
    prop_oneof![
        3 => (0..3_u8, state(), any::<bool>()).prop_map(|(id, state, muted)| Step::Told(id, state, muted)),
        4 => prop::sample::select(keys).prop_map(Step::Key),
        3 => any::<bool>().prop_map(Step::Done),
        1 => Just(Step::In),
        1 => Just(Step::Out),
        1 => Just(Step::Pause),
    ]
}

/// A device, a service and an application around a headset.
struct World {
    now: Instant,
    headset: Headset<u8>,
    /// The calls in the service.
    calls: std::collections::BTreeMap<u8, (CallState, bool)>,
    asked: std::collections::VecDeque<Ask<u8>>,
    /// The lamps that the device shows.
    shown: Option<Lamps>,
    /// True if it says of each change of a lamp what its keys would say.
    echoes: bool,
}

impl World {
    fn new(echoes: bool) -> Self {
        let headset = Headset::new(Options::default());
        let (calls, asked) = Default::default();
        Self { now: epoch(), headset, calls, asked, shown: None, echoes }
    }

    fn take(&mut self, effects: Vec<Effect<u8>>) {
        let mut reports = Vec::new();
        for effect in effects {
            match effect {
                Effect::Ask(ask) => self.asked.push_back(ask),
                Effect::Show(lamps) => {
                    let before = self.shown.expect("a device").off_hook;
                    if self.echoes && before != lamps.off_hook {
                        let hook = if lamps.off_hook { Hook::Up } else { Hook::Down };
                        reports.push(Key::Hook(hook));
                    }
                    self.shown = Some(lamps);
                }
            }
        }
        for report in reports {
            self.now += Duration::from_millis(5);
            let effects = self.headset.key(self.now, report);
            assert_eq!(effects, [], "an echo of {report:?}");
        }
    }

    fn tell(&mut self, id: u8, state: CallState, muted: bool) {
        if state == CallState::Ended {
            self.calls.remove(&id);
        } else {
            self.calls.insert(id, (state, muted));
        }
        let effects = self.headset.call(self.now, &id, state, muted);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Ask(_))), "no key, no ask");
        self.take(effects);
    }

    /// Does what is asked, where the service lets it.
    fn serve(&mut self, ask: &Ask<u8>) {
        use CallState::{Ended, Held, Ringing, Talking};
        let Some((state, muted)) = self.calls.get(&ask.call).copied() else { return };
        let then = match (ask.action, state) {
            (Action::Answer, Ringing) | (Action::Resume, Held) => (Talking, muted),
            (Action::Hold, Talking) => (Held, muted),
            (Action::Reject, Ringing) | (Action::End, _) => (Ended, muted),
            (Action::Mute, _) => (state, true),
            (Action::Unmute, _) => (state, false),
            _ => return self.refuse(ask),
        };
        self.tell(ask.call, then.0, then.1);
    }

    fn refuse(&mut self, ask: &Ask<u8>) {
        let effects = self.headset.refused(self.now, ask);
        self.take(effects);
    }

    fn happen(&mut self, step: Step) {
        self.now += Duration::from_millis(20);
        match step {
            Step::Told(id, state, muted) => self.tell(id, state, muted),
            Step::Key(key) => {
                // People are slower than echoes.
                self.now += Duration::from_millis(400);
                let effects = self.headset.key(self.now, key);
                let mut asks: Vec<_> =
                    effects.iter().filter(|effect| matches!(effect, Effect::Ask(_))).collect();
                let count = asks.len();
                asks.sort();
                asks.dedup();
                assert_eq!(asks.len(), count, "each once");
                if let (Key::Hook(hook), Some(shown)) = (key, &mut self.shown) {
                    shown.off_hook = hook == Hook::Up;
                }
                self.take(effects);
            }
            Step::Done(well) => {
                if let Some(ask) = self.asked.pop_front() {
                    if well { self.serve(&ask) } else { self.refuse(&ask) }
                }
            }
            Step::In => {
                self.shown = Some(Lamps::default());
                let effects = self.headset.plugged_in(self.now);
                self.take(effects);
            }
            Step::Out => {
                self.headset.plugged_out();
                self.shown = None;
            }
            Step::Pause => self.now += Duration::from_secs(1),
        }
    }
}

proptest! {
    /// Whatever happens in whatever order: once all that was asked for is done, the device shows how the
    /// calls are, no report of the device's own is taken for a key, and a key asks for each thing once.
    #[test]
    fn lamps_and_calls_converge(echoes: bool, steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new(echoes);
        for step in steps {
            world.happen(step);
        }
        while !world.asked.is_empty() {
            world.happen(Step::Done(true));
        }
        let calls: Vec<_> = world.calls.clone().into_iter().collect();
        let has = |state| calls.iter().any(|(_, call)| call.0 == state);
        let busy = has(CallState::Talking) || has(CallState::Dialling);
        let lamps = world.headset.lamps();
        prop_assert_eq!(lamps.ring, has(CallState::Ringing));
        prop_assert_eq!(lamps.off_hook, busy || has(CallState::Held));
        prop_assert_eq!(lamps.hold, has(CallState::Held) && !busy);
        if let Some(shown) = world.shown {
            // While all are held it may have gone on hook by itself.
            prop_assert_eq!(Lamps { off_hook: shown.off_hook || lamps.hold, ..shown }, lamps);
        }
        // Every call can be ended by keys alone, and then the device is dark.
        world.happen(Step::Pause);
        world.happen(Step::In);
        for _ in 0..3 {
            world.happen(Step::Pause);
            world.happen(Step::Key(Key::Drop));
            while !world.asked.is_empty() {
                world.happen(Step::Done(true));
            }
        }
        prop_assert_eq!(world.shown, Some(Lamps::default()));
    }

    /// Keys as fast as they come, echoes or not: none asks for anything twice, nor is a lamp shown to a
    /// device that is not there.
    #[test]
    fn reports_without_sense_do_no_harm(
        steps in prop::collection::vec((step(), 0..400_u64), 0..100),
    ) {
        let (mut headset, mut now) = (Headset::new(Options::default()), epoch());
        for (step, ms) in steps {
            now += Duration::from_millis(ms);
            let effects = match step {
                Step::Told(id, state, muted) => headset.call(now, &id, state, muted),
                Step::Key(key) => headset.key(now, key),
                Step::In => headset.plugged_in(now),
                Step::Out => {
                    headset.plugged_out();
                    Vec::new()
                }
                Step::Done(_) | Step::Pause => Vec::new(),
            };
            let shows = effects.iter().filter(|effect| matches!(effect, Effect::Show(_))).count();
            prop_assert!(shows <= usize::from(headset.is_plugged_in()));
            let mut once = effects.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), effects.len());
        }
    }
}
