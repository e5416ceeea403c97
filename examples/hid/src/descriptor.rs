//! The items of a report descriptor (HID 1.11, 6.2.2), as far as they lay out reports.

use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::field::{Direction, Field, Usages};
use crate::usage::Usage;

/// The most bytes of a descriptor that are read: as many as Linux takes.
pub const MAX_DESCRIPTOR: usize = 4096;
/// The most bytes of a report, without its id: as many as Linux takes.
pub const MAX_REPORT: usize = 16 * 1024;

/// A descriptor that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// It is longer than [`MAX_DESCRIPTOR`].
    #[error("the descriptor has {0} bytes, more than {MAX_DESCRIPTOR}")]
    TooLong(usize),
    /// It ends within an item.
    #[error("the item at byte {0} is cut off")]
    CutOff(usize),
    /// A collection, or the state of a push, ends that did not begin, or begins and does not end.
    #[error("collections or pushes do not match at byte {0}")]
    Unbalanced(usize),
    /// A report id that is none.
    #[error("the report id at byte {0} is not of 1 to 255")]
    ReportId(usize),
    /// A report is longer than [`MAX_REPORT`].
    #[error("the report at byte {0} gets longer than {MAX_REPORT} bytes")]
    LongReport(usize),
}

/// The parts of a descriptor that count.
#[derive(Debug, Default)]
pub(crate) struct Descriptor {
    /// True if reports begin with an id.
    pub(crate) numbered: bool,
    /// True if there is a headset's application collection.
    pub(crate) headset: bool,
    /// The fields of input and output reports within that.
    pub(crate) fields: Vec<Field>,
    /// The bits of each report, without its id.
    pub(crate) lengths: BTreeMap<(Direction, u8), usize>,
}

/// The state that lasts from item to item.
#[derive(Clone, Copy, Debug, Default)]
struct Globals {
    page: u16,
    minimum: i64,
    /// As a signed and as an unsigned number: the minimum says which.
    maximum: (i64, i64),
    size: u32,
    count: u32,
    report: u8,
}

impl Globals {
    fn range(&self) -> (i64, i64) {
        let (signed, unsigned) = self.maximum;
        (self.minimum, if self.minimum < 0 { signed } else { unsigned })
    }
}

/// The state that lasts to the next main item.
#[derive(Debug, Default)]
struct Locals {
    usages: Usages,
    minimum: Option<(Option<u16>, u16)>,
    alternatives: Alternatives,
}

/// Usages between delimiters, of which the first is preferred (HID 1.11, 6.2.2.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Alternatives {
    #[default]
    None,
    Open,
    Chosen,
}

impl Descriptor {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        if bytes.len() > MAX_DESCRIPTOR {
            return Err(DescriptorError::TooLong(bytes.len()));
        }
        let mut reader = Reader::default();
        let mut at = 0;
        while let Some(prefix) = bytes.get(at) {
            let (data, next) = payload(bytes, at).ok_or(DescriptorError::CutOff(at))?;
            // Of long items none is defined.
            if *prefix != LONG {
                reader.item(at, *prefix, Data(data))?;
            }
            at = next;
        }
        match reader.collections.is_empty() {
            true => Ok(reader.read),
            false => Err(DescriptorError::Unbalanced(at)),
        }
    }
}

const LONG: u8 = 0xfe;

/// The data of the item at a place, and the place behind it.
fn payload(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let (from, len) = match (bytes[at], bytes[at] & 3) {
        (LONG, _) => (at + 3, usize::from(*bytes.get(at + 1)?)),
        (_, 3) => (at + 1, 4),
        (_, len) => (at + 1, usize::from(len)),
    };
    Some((bytes.get(from..from + len)?, from + len))
}

/// The data of a short item: 0, 1, 2 or 4 bytes, the least significant first.
#[derive(Clone, Copy)]
struct Data<'d>(&'d [u8]);

impl Data<'_> {
    fn unsigned(self) -> u32 {
        self.0.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
    }

    fn signed(self) -> i64 {
        let value = i64::from(self.unsigned());
        let bits = 8 * self.0.len();
        if bits > 0 && value >> (bits - 1) & 1 == 1 { value - (1 << bits) } else { value }
    }

    /// A usage; its page where it says one itself.
    fn usage(self) -> (Option<u16>, u16) {
        let value = self.unsigned();
        let page = (self.0.len() == 4).then_some((value >> 16) as u16);
        (page, value as u16)
    }
}

#[derive(Default)]
struct Reader {
    read: Descriptor,
    globals: Globals,
    pushed: Vec<Globals>,
    locals: Locals,
    /// For each open collection, true if a headset's is open with it.
    collections: Vec<bool>,
}

impl Reader {
    /// Takes an item: its prefix is a tag of four bits, a type of two and a size of two.
    fn item(&mut self, at: usize, prefix: u8, data: Data<'_>) -> Result<(), DescriptorError> {
        match prefix & 0xfc {
            // Main items.
            0x80 => self.field(at, Direction::Input, data.unsigned())?,
            0x90 => self.field(at, Direction::Output, data.unsigned())?,
            0xb0 => self.locals = Locals::default(),
            0xa0 => self.collection(data.unsigned()),
            0xc0 => {
                self.collections.pop().ok_or(DescriptorError::Unbalanced(at))?;
                self.locals = Locals::default();
            }
            // Global items.
            0x04 => self.globals.page = data.unsigned() as u16,
            0x14 => self.globals.minimum = data.signed(),
            0x24 => self.globals.maximum = (data.signed(), i64::from(data.unsigned())),
            0x74 => self.globals.size = data.unsigned(),
            0x84 => {
                let id = u8::try_from(data.unsigned()).ok().filter(|id| *id > 0);
                self.globals.report = id.ok_or(DescriptorError::ReportId(at))?;
                self.read.numbered = true;
            }
            0x94 => self.globals.count = data.unsigned(),
            0xa4 => self.pushed.push(self.globals),
            0xb4 => self.globals = self.pushed.pop().ok_or(DescriptorError::Unbalanced(at))?,
            // Local items.
            0x08 => self.usage(data.usage(), data.usage()),
            0x18 => self.locals.minimum = Some(data.usage()),
            0x28 => {
                if let Some(first) = self.locals.minimum.take() {
                    self.usage(first, data.usage());
                }
            }
            0xa8 => {
                self.locals.alternatives = match data.unsigned() {
                    1 => Alternatives::Open,
                    _ => Alternatives::None,
                }
            }
            // Units, strings and what is reserved say nothing of places.
            _ => {}
        }
        Ok(())
    }

    fn usage(&mut self, first: (Option<u16>, u16), last: (Option<u16>, u16)) {
        match self.locals.alternatives {
            Alternatives::None => self.locals.usages.push(first, last),
            Alternatives::Open => {
                self.locals.usages.push(first, last);
                self.locals.alternatives = Alternatives::Chosen;
            }
            Alternatives::Chosen => {}
        }
    }

    fn collection(&mut self, kind: u32) {
        const APPLICATION: u32 = 1;
        let locals = std::mem::take(&mut self.locals);
        let outer = self.collections.last().copied().unwrap_or(false);
        let headset = locals.usages.place(self.globals.page, Usage::HEADSET) == Some(0);
        let is = outer || kind == APPLICATION && headset;
        self.read.headset |= is;
        self.collections.push(is);
    }

    /// Takes a field of a report, which lies behind the ones before.
    fn field(
        &mut self,
        at: usize,
        direction: Direction,
        flags: u32,
    ) -> Result<(), DescriptorError> {
        let usages = std::mem::take(&mut self.locals).usages;
        let Globals { page, size, count, report, .. } = self.globals;
        let length = self.read.lengths.entry((direction, report)).or_default();
        let from = *length;
        let bits = u64::from(size) * u64::from(count);
        let end = usize::try_from(bits).ok().and_then(|bits| from.checked_add(bits));
        *length =
            end.filter(|end| *end <= 8 * MAX_REPORT).ok_or(DescriptorError::LongReport(at))?;
        let within = self.collections.last().copied().unwrap_or(false);
        if within && (1..=32).contains(&size) && count > 0 {
            self.read.fields.push(Field {
                direction,
                report,
                first: Bits { at: from, len: size as usize },
                count: count as usize,
                range: self.globals.range(),
                flags,
                page,
                usages,
            });
        }
        Ok(())
    }
}
