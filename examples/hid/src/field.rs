//! A field of a report: some values of the same kind.

use crate::bits::Bits;
use crate::usage::Usage;

/// The way that a report goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// From the device.
    Input,
    /// To the device.
    Output,
}

/// A main item with what holds for it.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) direction: Direction,
    pub(crate) report: u8,
    /// The first value; the others follow it.
    pub(crate) first: Bits,
    pub(crate) count: usize,
    /// The least and the greatest value.
    pub(crate) range: (i64, i64),
    /// The bits of HID 1.11, 6.2.2.5.
    pub(crate) flags: u32,
    /// The page of usages that say none: the last one before the main item (6.2.2.8).
    pub(crate) page: u16,
    pub(crate) usages: Usages,
}

/// The way that a usage is in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It has bits of its own.
    Own(Bits),
    /// One of several values is the number of this usage, while it is on.
    Chosen {
        /// The first of the values.
        first: Bits,
        count: usize,
        /// The number of this usage.
        value: u32,
        /// A number of no usage, if there is one.
        none: Option<u32>,
    },
}

impl Field {
    const CONSTANT: u32 = 1;
    const VARIABLE: u32 = 1 << 1;
    const RELATIVE: u32 = 1 << 2;
    const NO_PREFERRED: u32 = 1 << 5;

    pub(crate) fn is_variable(&self) -> bool {
        self.flags & Self::VARIABLE != 0
    }

    pub(crate) fn is_relative(&self) -> bool {
        self.flags & Self::RELATIVE != 0
    }

    /// True if it stays as it was put, rather than going back when it is let go.
    pub(crate) fn stays(&self) -> bool {
        self.flags & Self::NO_PREFERRED != 0
    }

    /// The place of a usage, if it has one.
    pub(crate) fn cell(&self, usage: Usage) -> Option<Cell> {
        if self.flags & Self::CONSTANT != 0 {
            return None;
        }
        let place = self.usages.place(self.page, usage)?;
        let Bits { at, len } = self.first;
        if self.is_variable() {
            let place = usize::try_from(place).ok().filter(|place| *place < self.count)?;
            return Some(Cell::Own(Bits { at: at + place * len, len }));
        }
        let (least, greatest) = self.range;
        let number = least + i64::from(place);
        let fits = |number: i64| {
            let most = i64::from(self.first.most());
            // Negative numbers are as two's complement has them.
            let all = if least < 0 { -(most / 2) - 1..=most / 2 } else { 0..=most };
            all.contains(&number).then_some((number & most) as u32)
        };
        let value = fits(number).filter(|_| number <= greatest)?;
        let none = fits(least - 1).or_else(|| fits(greatest.max(least) + 1));
        Some(Cell::Chosen { first: self.first, count: self.count, value, none })
    }
}

impl Cell {
    /// The first bit behind all that must be there to read it.
    pub(crate) fn end(self) -> usize {
        match self {
            Self::Own(bits) => bits.end(),
            Self::Chosen { first, count, .. } => first.at + first.len * count,
        }
    }

    /// True if a bit is of it.
    pub(crate) fn has(self, bit: usize) -> bool {
        match self {
            Self::Own(bits) => (bits.at..bits.end()).contains(&bit),
            Self::Chosen { first, .. } => (first.at..self.end()).contains(&bit),
        }
    }

    /// False for a number among numbers that are all of something.
    pub(crate) fn can_be_off(self) -> bool {
        !matches!(self, Self::Chosen { none: None, .. })
    }

    /// Its value; of a chosen one 1 while it is.
    pub(crate) fn read(self, data: &[u8]) -> u32 {
        match self {
            Self::Own(bits) => bits.read(data),
            Self::Chosen { first, count, value, .. } => {
                u32::from(places(first, count).any(|bits| bits.read(data) == value))
            }
        }
    }

    /// Turns it off.
    pub(crate) fn clear(self, data: &mut [u8]) {
        match self {
            Self::Own(bits) => bits.write(data, 0),
            Self::Chosen { first, count, none, .. } => {
                for bits in places(first, count) {
                    bits.write(data, none.unwrap_or_default());
                }
            }
        }
    }

    /// Turns it on; a chosen one in the first place that chooses none, if there is one.
    pub(crate) fn set(self, data: &mut [u8]) {
        match self {
            Self::Own(bits) => bits.write(data, 1),
            Self::Chosen { first, count, value, none } => {
                if let Some(free) = places(first, count).find(|b| Some(b.read(data)) == none) {
                    free.write(data, value);
                }
            }
        }
    }
}

fn places(first: Bits, count: usize) -> impl Iterator<Item = Bits> {
    (0..count).map(move |n| Bits { at: first.at + n * first.len, len: first.len })
}

/// Usages in the order of their values. Ranges are kept as such: they may have millions.
#[derive(Debug, Default)]
pub(crate) struct Usages(Vec<Range>);

#[derive(Clone, Copy, Debug)]
struct Range {
    page: Option<u16>,
    first: u16,
    last: u16,
}

impl Usages {
    pub(crate) fn push(&mut self, first: (Option<u16>, u16), last: (Option<u16>, u16)) {
        if first.0 == last.0 && first.1 <= last.1 {
            self.0.push(Range { page: first.0, first: first.1, last: last.1 });
        }
    }

    /// The first place of a usage, where those that say no page are of this one.
    pub(crate) fn place(&self, page: u16, usage: Usage) -> Option<u32> {
        let mut before = 0;
        for range in &self.0 {
            if range.page.unwrap_or(page) == usage.page
                && (range.first..=range.last).contains(&usage.id)
            {
                return Some(before + u32::from(usage.id - range.first));
            }
            before += u32::from(range.last - range.first) + 1;
        }
        None
    }
}
