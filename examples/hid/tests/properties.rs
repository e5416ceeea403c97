//! Any bytes, any lamps, and a device that echoes what it is shown.

use std::time::{Duration, Instant};

use hidreport::{Field, FieldAttributes, Report, ReportDescriptor, VariableField};
use offhook::headset::{Action, CallState, Effect, Headset, Key, Lamps, Options};
use offhook_hid::{Button, Input, Layout, Led, Quirk, Reports, Usage};
use proptest::prelude::*;

mod common;
use common::{HEADSETS, descriptor};

/// The recordings whose keys and lamps have bits of their own, as the other reader finds them.
const OWN_BITS: [&str; 4] = ["one_byte", "one_byte_sparse", "two_reports", "states"];

fn lamps() -> impl Strategy<Value = Lamps> {
    any::<[bool; 4]>().prop_map(|[ring, off_hook, mute, hold]| Lamps { ring, off_hook, mute, hold })
}

/// A descriptor with some bytes changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (prop::sample::select(HEADSETS.to_vec()), changes).prop_map(|(name, changes)| {
        let mut bytes = descriptor(name);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

fn any_descriptor() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => damaged(),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(
        bytes in any_descriptor(),
        quirk in any::<bool>(),
        talk in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..8), lamps()), 0..12),
    ) {
        let Ok(layout) = Layout::parse(&bytes) else { return Ok(()) };
        let layout = if quirk { layout.with_quirk(Quirk::Yealink) } else { layout };
        let mut reports = Reports::new(layout);
        for (report, lamps) in talk {
            if let Ok(inputs) = reports.read(&report) {
                prop_assert!(inputs.len() <= Button::ALL.len());
            }
            prop_assert!(reports.show(lamps).len() <= Led::ALL.len());
            prop_assert!(reports.show(lamps).is_empty(), "nothing changed in between");
        }
    }

    #[test]
    fn lamps_are_read_back_by_the_other_reader(
        name in prop::sample::select(OWN_BITS.to_vec()),
        shown in prop::collection::vec(lamps(), 1..8),
    ) {
        let mut device = Model::new(name);
        let mut reports = Reports::new(Layout::parse(&descriptor(name)).expect(name));
        for lamps in shown {
            for report in reports.show(lamps) {
                device.take(&report);
            }
            let wanted = device.layout_can(lamps, &reports);
            prop_assert_eq!(device.lamps, wanted);
        }
    }

    #[test]
    fn keys_are_those_of_the_other_reader(
        name in prop::sample::select(OWN_BITS.to_vec()),
        presses in prop::collection::vec(prop::sample::select(Button::ALL.to_vec()), 1..8),
    ) {
        let mut device = Model::new(name);
        let mut reports = Reports::new(Layout::parse(&descriptor(name)).expect(name));
        for button in presses {
            let has = reports.layout().buttons().any(|one| one == button);
            let pressed = device.press(button);
            prop_assert_eq!(pressed.is_some(), has, "{:?}", button);
            let Some([down, up]) = pressed else { continue };
            let said = [reports.read(&down), reports.read(&up)].map(|said| said.expect("whole"));
            prop_assert_eq!(said[0].len(), 1, "{:?}", &said);
            let is_it = matches!(
                (button, said[0][0]),
                (Button::Hook, Input::Key(Key::Hook(_)))
                    | (Button::Mute, Input::Key(Key::Mute | Key::Muted(_)))
                    | (Button::Flash, Input::Key(Key::Flash))
                    | (Button::Drop, Input::Key(Key::Drop))
                    | (Button::Redial, Input::Redial)
                    | (Button::LineBusy, Input::LineBusy(_))
            );
            prop_assert!(is_it, "{:?} said {:?}", button, &said);
        }
    }

    /// A device that says of each lamp what its keys would say settles, whatever the service and the user do.
    #[test]
    fn an_echoing_device_settles(
        name in prop::sample::select(OWN_BITS.to_vec()),
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let mut desk = Desk::new(name);
        for step in steps {
            desk.happen(step);
        }
    }
}

/// A device by the other reader of its descriptor.
struct Model {
    rdesc: ReportDescriptor,
    numbered: bool,
    lamps: Lamps,
    /// The input reports as they are, each with its id.
    inputs: Vec<Vec<u8>>,
}

fn usage_of(field: &VariableField) -> Usage {
    let usage = u32::from(field.usage);
    Usage { page: (usage >> 16) as u16, id: usage as u16 }
}

impl Model {
    fn new(name: &str) -> Self {
        let bytes = descriptor(name);
        let rdesc = ReportDescriptor::try_from(&bytes[..]).expect("a descriptor");
        let reports = rdesc.input_reports();
        let numbered = reports.iter().any(|report| report.report_id().is_some());
        let empty = |report: &_| {
            let report: &dyn Report = report;
            let mut bytes = vec![0; report.size_in_bytes()];
            if let Some(id) = report.report_id() {
                bytes[0] = u8::from(id);
            }
            bytes
        };
        let inputs = reports.iter().map(|report| empty(report)).collect();
        Self { numbered, inputs, lamps: Lamps::default(), rdesc }
    }

    /// Takes an output report.
    fn take(&mut self, report: &[u8]) {
        let bytes = if self.numbered { report } else { &report[1..] };
        let layout = self.rdesc.find_output_report(bytes).expect("a report of the device");
        assert_eq!(bytes.len(), layout.size_in_bytes());
        for field in layout.fields() {
            let Field::Variable(field) = field else { continue };
            let on = u32::from(field.extract(bytes).expect("a field")) == 1;
            let lamp = match usage_of(field) {
                usage if usage == Led::OffHook.usage() => &mut self.lamps.off_hook,
                usage if usage == Led::Ring.usage() => &mut self.lamps.ring,
                usage if usage == Led::Mute.usage() => &mut self.lamps.mute,
                usage if usage == Led::Hold.usage() => &mut self.lamps.hold,
                _ => {
                    assert!(!on, "a lamp that was not lit");
                    continue;
                }
            };
            *lamp = on;
        }
    }

    /// Lamps without those that the device has not.
    fn layout_can(&self, lamps: Lamps, reports: &Reports) -> Lamps {
        let has = |led| reports.layout().leds().any(|one| one == led);
        Lamps {
            ring: lamps.ring && has(Led::Ring),
            off_hook: lamps.off_hook && has(Led::OffHook),
            mute: lamps.mute && has(Led::Mute),
            hold: lamps.hold && has(Led::Hold),
        }
    }

    /// The place of a key: which report, which bits, and if it is a press.
    fn key(&self, button: Button) -> Option<(usize, usize, usize, bool)> {
        let reports = self.rdesc.input_reports().iter().enumerate();
        reports.into_iter().find_map(|(n, report)| {
            report.fields().iter().find_map(|field| match field {
                Field::Variable(field) if usage_of(field) == button.usage() => {
                    Some((n, field.bits.start, field.bits.len(), field.is_relative()))
                }
                _ => None,
            })
        })
    }

    /// The reports of a key that is pressed and let go: a state changes, and stays.
    fn press(&mut self, button: Button) -> Option<[Vec<u8>; 2]> {
        let (n, at, len, relative) = self.key(button)?;
        // Of a switch of two bits both are set: that is -1, and with one 1.
        let mask = 1 << (at % 8);
        self.inputs[n][at / 8] ^= mask;
        let down = self.inputs[n].clone();
        if relative || len > 1 || matches!(button, Button::Redial) {
            self.inputs[n][at / 8] ^= mask;
        }
        Some([down, self.inputs[n].clone()])
    }

    /// Says that the hook is there, as a press of it would.
    fn hook(&mut self, up: bool) -> Vec<Vec<u8>> {
        let Some((n, at, len, _)) = self.key(Button::Hook) else { return Vec::new() };
        let byte = &mut self.inputs[n][at / 8];
        if len > 1 {
            let before = *byte;
            *byte |= if up { 1 } else { 3 } << (at % 8);
            let down = self.inputs[n].clone();
            self.inputs[n][at / 8] = before;
            return vec![down, self.inputs[n].clone()];
        }
        *byte = *byte & !(1 << (at % 8)) | u8::from(up) << (at % 8);
        vec![self.inputs[n].clone()]
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The service changes a call.
    Told(u8, CallState, bool),
    /// The user presses a key.
    Press(Button),
}

fn step() -> impl Strategy<Value = Step> {
    use CallState::{Dialling, Ended, Held, Ringing, Talking};
    let state = prop::sample::select(vec![Ringing, Dialling, Talking, Held, Ended]);
    let keys = vec![Button::Hook, Button::Mute, Button::Flash, Button::Drop];
    prop_oneof![
        (0..3_u8, state, any::<bool>()).prop_map(|(id, state, muted)| Step::Told(id, state, muted)),
        prop::sample::select(keys).prop_map(Step::Press),
    ]
}

/// A headset with its device and the calls of a service that does what it is asked for.
struct Desk {
    now: Instant,
    device: Model,
    reports: Reports,
    headset: Headset<u8>,
    calls: std::collections::BTreeMap<u8, (CallState, bool)>,
}

impl Desk {
    fn new(name: &str) -> Self {
        let mut desk = Self {
            now: Instant::now(),
            device: Model::new(name),
            reports: Reports::new(Layout::parse(&descriptor(name)).expect(name)),
            headset: Headset::new(Options::default()),
            calls: Default::default(),
        };
        let effects = desk.headset.plugged_in(desk.now);
        desk.settle(effects);
        desk
    }

    fn happen(&mut self, step: Step) {
        // People are slower than echoes.
        self.now += Duration::from_secs(1);
        match step {
            Step::Told(id, state, muted) => {
                let effects = self.tell(id, state, muted);
                let asks = self.settle(effects);
                assert_eq!(asks, 0, "nobody pressed a key");
            }
            Step::Press(button) => {
                let Some(pressed) = self.device.press(button) else { return };
                let mut effects = Vec::new();
                for report in pressed {
                    effects.extend(self.say(&report));
                }
                self.settle(effects);
            }
        }
    }

    fn tell(&mut self, id: u8, state: CallState, muted: bool) -> Vec<Effect<u8>> {
        match state {
            CallState::Ended => self.calls.remove(&id),
            _ => self.calls.insert(id, (state, muted)),
        };
        self.headset.call(self.now, &id, state, muted)
    }

    fn say(&mut self, report: &[u8]) -> Vec<Effect<u8>> {
        let inputs = self.reports.read(report).expect("a whole report");
        let keys = inputs.into_iter().filter_map(|input| match input {
            Input::Key(key) => Some(key),
            _ => None,
        });
        keys.flat_map(|key| self.headset.key(self.now, key)).collect()
    }

    /// Does what follows until nothing follows, and answers how much was asked for.
    fn settle(&mut self, mut effects: Vec<Effect<u8>>) -> usize {
        let (mut asks, mut rounds) = (0, 0);
        while !effects.is_empty() {
            rounds += 1;
            assert!(rounds < 20, "{effects:?} for ever");
            let mut next = Vec::new();
            for effect in effects {
                self.now += Duration::from_millis(5);
                match effect {
                    Effect::Ask(ask) => {
                        asks += 1;
                        let (state, muted) = self.calls[&ask.call];
                        let (state, muted) = match ask.action {
                            Action::Answer | Action::Resume => (CallState::Talking, muted),
                            Action::Hold => (CallState::Held, muted),
                            Action::Reject | Action::End => (CallState::Ended, muted),
                            Action::Mute => (state, true),
                            Action::Unmute => (state, false),
                        };
                        next.extend(self.tell(ask.call, state, muted));
                    }
                    Effect::Show(lamps) => next.extend(self.show(lamps)),
                }
            }
            effects = next;
        }
        let wanted = self.device.layout_can(self.headset.lamps(), &self.reports);
        assert_eq!(self.device.lamps, wanted, "the device shows how it is");
        asks
    }

    /// The device shows it, and says where its hook is now.
    fn show(&mut self, lamps: Lamps) -> Vec<Effect<u8>> {
        let before = self.device.lamps.off_hook;
        let written = self.reports.show(lamps);
        for report in &written {
            self.device.take(report);
        }
        let up = self.device.lamps.off_hook;
        if up == before {
            return Vec::new();
        }
        let echoes = self.device.hook(up);
        echoes.iter().flat_map(|report| self.say(report)).collect()
    }
}
