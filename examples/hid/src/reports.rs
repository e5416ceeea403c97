//! The talk with one device.

use std::collections::BTreeMap;

use offhook::headset::{Hook, Key, Lamps};

use crate::descriptor::MAX_REPORT;
use crate::field::Direction;
use crate::layout::{Layout, Nature};
use crate::usage::{Button, Led};

/// Something that a device says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Input {
    /// A key for [`offhook::headset::Headset`].
    Key(Key),
    /// The last number is to be dialled again (0x0B/0x24).
    Redial,
    /// The line is busy, or no more (0x0B/0x97).
    LineBusy(bool),
}

/// An input report that is shorter than the keys in it. Nothing was taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a report of {has} bytes, of {needed} or more")]
pub struct ReportError {
    /// The bytes that it should have at least.
    pub needed: usize,
    /// The bytes that it has.
    pub has: usize,
}

/// The reports of one device that is plugged in.
///
/// *What comes.* A report has the values of all its keys, so what counts is the change: a press when it
/// begins, a state when it is another one than the device said before. Of what one report says the hold
/// key (flash) comes first, then drop, then the hook: a device that goes on hook because it holds or
/// drops says it in the same report, and that is no end of yet another call.
///
/// A report that is the one before, byte by byte, says its states again: many devices do not echo that
/// they were taken off hook, and their next "on hook" changes nothing in what they said. That a state
/// is the same is nothing to [`offhook::headset::Headset`].
///
/// *What goes.* An output report is written when a lamp in it changes, and the first time. It is written
/// again when the device has said something that may have changed the lamp: another hook than it was
/// shown, or the key of mute or hold.
#[derive(Clone, Debug)]
pub struct Reports {
    layout: Layout,
    /// The values of keys, as last said: of a press 1 while it lasts.
    values: BTreeMap<Button, i8>,
    /// The last report of each id.
    last: BTreeMap<u8, Vec<u8>>,
    /// The hook as it was said or shown last, for a key that only toggles it.
    hook: Hook,
    /// The lamps that were shown last.
    lamps: Option<Lamps>,
    /// The bytes that each output report has, as far as that is known.
    written: BTreeMap<u8, Vec<u8>>,
    short: u64,
}

impl Reports {
    /// A device that was just plugged in: on hook, no key pressed, and what its lamps show is not known.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            values: BTreeMap::new(),
            last: BTreeMap::new(),
            hook: Hook::Down,
            lamps: None,
            written: BTreeMap::new(),
            short: 0,
        }
    }

    /// The places of keys and lamps.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The reports that were too short.
    #[must_use]
    pub fn short(&self) -> u64 {
        self.short
    }

    /// Takes an input report, with its id first if the device has ids, as `hidapi` and Linux' hidraw give
    /// it. One that has no keys is nothing.
    ///
    /// # Errors
    ///
    /// It is too short; it is counted, and the next one may be well.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Vec<Input>, ReportError> {
        let header = usize::from(self.layout.is_numbered());
        let id = if header == 1 { bytes.first().copied().unwrap_or(0) } else { 0 };
        let inside = self.layout.inputs().values().filter(|input| input.place.report == id);
        let end = inside.map(|input| input.place.cell.end()).max();
        let needed = match end {
            Some(end) => header + end.div_ceil(8),
            None => header,
        };
        if bytes.len() < needed {
            self.short += 1;
            return Err(ReportError { needed, has: bytes.len() });
        }
        if end.is_none() {
            return Ok(Vec::new());
        }
        let bytes = &bytes[..bytes.len().min(header + MAX_REPORT)];
        let again = self.last.insert(id, bytes.to_vec()).is_some_and(|last| last == bytes);
        let said = Button::ALL.into_iter().filter_map(|button| {
            let input =
                self.layout.inputs().get(&button).filter(|input| input.place.report == id)?;
            let value = input.nature.value(input.place.cell.read(&bytes[header..]));
            let before = self.values.insert(button, value).unwrap_or(0);
            input.nature.said(before, value, again).map(|said| (button, said))
        });
        let said: Vec<_> = said.collect();
        Ok(said.into_iter().map(|(button, said)| self.input(button, said)).collect())
    }

    /// The output reports that make the device show these lamps: those that change. Each begins with its
    /// id, or with 0, as `hidapi` and hidraw take it.
    pub fn show(&mut self, lamps: Lamps) -> Vec<Vec<u8>> {
        self.lamps = Some(lamps);
        self.hook = if lamps.off_hook { Hook::Up } else { Hook::Down };
        let mut reports: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for place in self.layout.outputs().values() {
            let length = self.layout.length(Direction::Output, place.report);
            let report = reports.entry(place.report).or_insert_with(|| {
                let mut report = vec![0; 1 + length];
                report[0] = place.report;
                report
            });
            place.cell.clear(&mut report[1..]);
        }
        for (led, place) in self.layout.outputs() {
            if is_lit(*led, lamps)
                && let Some(report) = reports.get_mut(&place.report)
            {
                place.cell.set(&mut report[1..]);
            }
        }
        reports.retain(|id, report| self.written.get(id) != Some(report));
        self.written.extend(reports.iter().map(|(id, report)| (*id, report.clone())));
        reports.into_values().collect()
    }

    fn input(&mut self, button: Button, said: Said) -> Input {
        let shown = self.lamps.unwrap_or_default();
        match button {
            Button::Hook => {
                let up = said.on_or(self.hook == Hook::Down);
                self.hook = if up { Hook::Up } else { Hook::Down };
                if up != shown.off_hook {
                    self.forget(Led::OffHook);
                }
                Input::Key(Key::Hook(self.hook))
            }
            Button::Mute => match said {
                Said::Pressed => {
                    self.forget(Led::Mute);
                    Input::Key(Key::Mute)
                }
                Said::Is(muted) => {
                    if muted != shown.mute {
                        self.forget(Led::Mute);
                    }
                    Input::Key(Key::Muted(muted))
                }
            },
            Button::Flash => {
                self.forget(Led::Hold);
                Input::Key(Key::Flash)
            }
            Button::Drop => Input::Key(Key::Drop),
            Button::Redial => Input::Redial,
            Button::LineBusy => Input::LineBusy(said.on_or(true)),
        }
    }

    /// Takes note that the device may have changed a lamp by itself.
    fn forget(&mut self, led: Led) {
        if let Some(place) = self.layout.outputs().get(&led) {
            self.written.remove(&place.report);
        }
    }
}

fn is_lit(led: Led, lamps: Lamps) -> bool {
    match led {
        Led::OffHook => lamps.off_hook,
        Led::Ring => lamps.ring,
        Led::Mute => lamps.mute,
        Led::Hold => lamps.hold,
        Led::Speaker | Led::Microphone => false,
    }
}

/// The word of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Pressed,
    Is(bool),
}

impl Said {
    fn on_or(self, pressed: bool) -> bool {
        match self {
            Self::Pressed => pressed,
            Self::Is(on) => on,
        }
    }
}

impl Nature {
    /// A value of a report as 0, 1 or -1.
    fn value(self, raw: u32) -> i8 {
        match (self, raw) {
            (_, 0) => 0,
            (Self::Switch, 2..) => -1,
            (Self::State | Self::Press | Self::Switch, _) => 1,
        }
    }

    fn said(self, before: i8, value: i8, again: bool) -> Option<Said> {
        match self {
            Self::State => (before != value || again).then_some(Said::Is(value == 1)),
            Self::Press => (before == 0 && value == 1).then_some(Said::Pressed),
            Self::Switch => (before != value && value != 0).then_some(Said::Is(value == 1)),
        }
    }
}
