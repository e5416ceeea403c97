//! The places of a headset's keys and lamps.

use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::descriptor::{Descriptor, DescriptorError};
use crate::field::{Cell, Direction, Field};
use crate::quirk::Quirk;
use crate::usage::{Button, Led};

/// A device that is no headset, as far as its descriptor tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The descriptor cannot be read.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// It has no application collection of a headset (0x0B/0x05).
    #[error("no telephony headset: there is no application collection 0x0B/0x05")]
    NoHeadset,
    /// It has one, and in it neither a key nor a lamp that is known.
    #[error("a telephony headset without a key or a lamp of the usage tables")]
    Nothing,
}

/// The way that a key tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It is on or off.
    State,
    /// It is pressed: from off to on something happens, and back is nothing.
    Press,
    /// 1 is on, -1 is off, and 0 is nothing (HUT 3.4.1.2).
    Switch,
}

/// The place of a usage in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) report: u8,
    pub(crate) cell: Cell,
}

/// A key in input reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) place: Place,
    pub(crate) nature: Nature,
}

/// The places of a headset's keys and lamps in its reports, read out of its report descriptor.
///
/// Keys and lamps are looked for by their usages within the application collections 0x0B/0x05, in
/// whatever reports and bits they are, as bits of their own (variables) or as numbers (arrays). Of several
/// places of a usage the first counts.
///
/// A key is a *state* or a *press*: the hook is a state where its field is absolute, and mute where its
/// field also stays as it was put (no preferred state). All else is pressed. A number of an array is
/// pressed, but for the hook of an absolute one.
#[derive(Clone, Debug)]
pub struct Layout {
    numbered: bool,
    inputs: BTreeMap<Button, Input>,
    outputs: BTreeMap<Led, Place>,
    lengths: BTreeMap<(Direction, u8), usize>,
}

impl Layout {
    /// The layout that a report descriptor says.
    ///
    /// # Errors
    ///
    /// The device is no headset, or it cannot be told that it is one.
    pub fn parse(descriptor: &[u8]) -> Result<Self, LayoutError> {
        let Descriptor { numbered, headset, fields, lengths } = Descriptor::parse(descriptor)?;
        if !headset {
            return Err(LayoutError::NoHeadset);
        }
        let mut layout =
            Self { numbered, inputs: BTreeMap::new(), outputs: BTreeMap::new(), lengths };
        // What is in no report where all have an id can be neither read nor written.
        for field in fields.iter().filter(|field| !numbered || field.report > 0) {
            match field.direction {
                Direction::Input => layout.find_buttons(field),
                Direction::Output => layout.find_leds(field),
            }
        }
        match layout.inputs.is_empty() && layout.outputs.is_empty() {
            true => Err(LayoutError::Nothing),
            false => Ok(layout),
        }
    }

    /// The same, with what its maker leaves out of the descriptor: nothing is moved, and nothing is put
    /// where something is.
    #[must_use]
    pub fn with_quirk(mut self, quirk: Quirk) -> Self {
        let inputs: BTreeMap<_, _> =
            self.inputs.iter().map(|(button, input)| (*button, input.place)).collect();
        for (button, place) in self.missing(Direction::Input, &inputs, quirk.buttons()) {
            self.inputs.insert(button, Input { place, nature: Nature::Press });
        }
        for (led, place) in self.missing(Direction::Output, &self.outputs, quirk.leds()) {
            self.outputs.insert(led, place);
        }
        self
    }

    /// Those of a maker's bits that are not known, if the first of them is where the descriptor has it.
    fn missing<U: Copy + Ord>(
        &self,
        direction: Direction,
        known: &BTreeMap<U, Place>,
        bits: &[(U, usize)],
    ) -> Vec<(U, Place)> {
        let own = |at| Cell::Own(Bits { at, len: 1 });
        let anchor = bits
            .first()
            .and_then(|(usage, at)| known.get(usage).filter(|place| place.cell == own(*at)));
        let Some(report) = anchor.map(|place| place.report) else { return Vec::new() };
        let free = |at: usize| {
            let taken = |place: &Place| place.report == report && place.cell.has(at);
            at < 8 * self.length(direction, report) && !known.values().any(taken)
        };
        let missing = bits.iter().filter(|(usage, at)| !known.contains_key(usage) && free(*at));
        missing.map(|(usage, at)| (*usage, Place { report, cell: own(*at) })).collect()
    }

    /// The keys that were found.
    pub fn buttons(&self) -> impl Iterator<Item = Button> {
        self.inputs.keys().copied()
    }

    /// The lamps that were found.
    pub fn leds(&self) -> impl Iterator<Item = Led> {
        self.outputs.keys().copied()
    }

    /// True if reports begin with an id.
    pub(crate) fn is_numbered(&self) -> bool {
        self.numbered
    }

    pub(crate) fn inputs(&self) -> &BTreeMap<Button, Input> {
        &self.inputs
    }

    pub(crate) fn outputs(&self) -> &BTreeMap<Led, Place> {
        &self.outputs
    }

    /// The bytes of a report, without its id.
    pub(crate) fn length(&self, direction: Direction, report: u8) -> usize {
        self.lengths.get(&(direction, report)).map_or(0, |bits| bits.div_ceil(8))
    }

    fn find_buttons(&mut self, field: &Field) {
        for button in Button::ALL {
            let Some(cell) = field.cell(button.usage()) else { continue };
            let place = Place { report: field.report, cell };
            let input = Input { place, nature: nature(button, field) };
            self.inputs.entry(button).or_insert(input);
        }
    }

    fn find_leds(&mut self, field: &Field) {
        for led in Led::ALL {
            let cell = field.cell(led.usage()).filter(|cell| cell.can_be_off());
            if let Some(cell) = cell {
                self.outputs.entry(led).or_insert(Place { report: field.report, cell });
            }
        }
    }
}

fn nature(button: Button, field: &Field) -> Nature {
    let two_ways =
        field.range.0 < 0 && field.first.len > 1 && field.is_variable() && field.is_relative();
    match button {
        Button::Flash | Button::Drop | Button::Redial => Nature::Press,
        Button::Hook | Button::Mute | Button::LineBusy if two_ways => Nature::Switch,
        Button::Hook | Button::LineBusy if !field.is_relative() => Nature::State,
        Button::Mute if field.is_variable() && !field.is_relative() && field.stays() => {
            Nature::State
        }
        Button::Hook | Button::Mute | Button::LineBusy => Nature::Press,
    }
}
