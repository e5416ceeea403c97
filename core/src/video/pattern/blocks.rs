//! A key frame of VP8 whose blocks are flat (RFC 6386 section 9 and on).
//!
//! Each block is predicted from its neighbours (section 12.2 and 12.3), and the difference to that is one
//! number for its brightness and one for each of its colours.

use super::coder::Coder;
use super::tables::{
    CLASSES, COLOUR_END, COLOUR_FIRST, FLAGS, LUMA_END, UNUSUAL_FLAGS, Y2_END, Y2_FIRST,
};
use crate::video::{Size, vp8};

/// The index of the step: 8 for colours and 16 for brightness, with which a difference of one comes out as one
/// (section 14.1).
const STEP: u32 = 4;
/// The factor by which that step is too small for brightness (section 14.3).
const LUMA: i32 = 4;
/// Of 256 blocks, those that are not as predicted.
const DIFFERENT: u8 = 40;

/// The way in which a block is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// As the mean of its neighbours (`DC_PRED`).
    Mean,
    /// As that above (`V_PRED`).
    Above,
    /// As that on the left (`H_PRED`).
    Left,
}

impl Mode {
    /// The one that fits best.
    fn of(wanted: Colour, [above, left]: [Option<Block>; 2]) -> Self {
        let is_wanted = |block: Option<Block>| block.is_some_and(|block| block.colour == wanted);
        match () {
            // The mean costs least to tell.
            () if is_wanted(above) && is_wanted(left) => Self::Mean,
            () if is_wanted(above) => Self::Above,
            () if is_wanted(left) => Self::Left,
            () => Self::Mean,
        }
    }

    /// The value to which a plane's difference is told.
    fn predicted(self, neighbours: [Option<u8>; 2]) -> i32 {
        match (self, neighbours) {
            (Self::Above, [Some(one), _]) | (Self::Left, [_, Some(one)]) => one.into(),
            (_, [Some(above), Some(left)]) => (i32::from(above) + i32::from(left) + 1) >> 1,
            (_, [Some(one), None] | [None, Some(one)]) => one.into(),
            (_, [None, None]) => 128,
        }
    }

    /// Writes it, for brightness and for colours, by the trees of section 11.2.
    fn write(self, coder: &mut Coder) {
        let bits: &[(u8, bool)] = match self {
            Self::Mean => &[(145, true), (156, false), (163, false), (142, false)],
            Self::Above => &[(145, true), (156, false), (163, true), (142, true), (114, false)],
            Self::Left => {
                &[(145, true), (156, true), (128, false), (142, true), (114, true), (183, false)]
            }
        };
        bits.iter().for_each(|(chances, bit)| coder.bit(*chances, *bit));
    }
}

/// A colour: brightness, and its differences of blue and red (BT.601).
pub(super) type Colour = [u8; 3];

/// A block that was written.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    colour: Colour,
    /// True for a plane with a difference: its neighbours' numbers are written otherwise.
    differs: [bool; 3],
}

/// A picture, by the colour of the block in each column and row.
pub(super) fn picture(size: Size, colour: impl Fn(u32, u32) -> Colour) -> Vec<u8> {
    let (columns, rows) = (size.width.div_ceil(16), size.height.div_ceil(16));
    let (mut first, mut second) = (Coder::new(), Coder::new());
    header(&mut first);
    let mut above: Vec<Option<Block>> = vec![None; columns as usize];
    for row in 0..rows {
        let mut left: Option<Block> = None;
        for (column, above) in (0..columns).zip(&mut above) {
            let wanted = colour(column, row);
            let neighbours = [*above, left];
            let mode = Mode::of(wanted, neighbours);
            let differences = [0, 1, 2].map(|plane| {
                let around = neighbours.map(|block| Some(block?.colour[plane]));
                i32::from(wanted[plane]) - mode.predicted(around)
            });
            let differs = differences.map(|difference| difference != 0);
            let same = differences == [0; 3];
            first.bit(DIFFERENT, same);
            mode.write(&mut first);
            if !same {
                let around = neighbours.map(|block| block.unwrap_or_default().differs);
                numbers(&mut second, differences, around);
            }
            let block = Some(Block { colour: wanted, differs });
            (*above, left) = (block, block);
        }
    }
    let (first, second) = (first.finish(), second.finish());
    // A key frame of version 0 that is shown, and the length of its first part (section 9.1).
    let tag = (first.len() as u32) << 5 | 1 << 4;
    let mut picture = tag.to_le_bytes()[..3].to_vec();
    picture.extend(vp8::START_CODE);
    picture.extend((size.width as u16).to_le_bytes());
    picture.extend((size.height as u16).to_le_bytes());
    picture.extend(first);
    picture.extend(second);
    picture
}

/// The part before the blocks (section 19.2).
fn header(coder: &mut Coder) {
    // Colours and their bounds as usual; no segments; no filter, of no sharpness, and none by block; one
    // part of numbers.
    coder.number(2, 0);
    coder.number(1, 0);
    coder.number(10, 0);
    coder.number(1, 0);
    coder.number(2, 0);
    // The step, the same for all.
    coder.number(7, STEP);
    coder.number(5, 0);
    // Probabilities are kept, and none is new.
    coder.number(1, 1);
    let mut unusual = UNUSUAL_FLAGS.iter().peekable();
    for at in 0..FLAGS {
        let here = unusual.next_if(|(place, _)| usize::from(*place) == at);
        coder.bit(here.map_or(255, |(_, chances)| *chances), false);
    }
    // Blocks without numbers are told.
    coder.number(1, 1);
    coder.number(8, DIFFERENT.into());
}

/// The numbers of a block (section 13), after whether those above and left of it differ.
fn numbers(coder: &mut Coder, [luma, blue, red]: [i32; 3], neighbours: [[bool; 3]; 2]) {
    let [above, left] = neighbours;
    let around = |at: usize| usize::from(above[at]) + usize::from(left[at]);
    number(coder, luma * LUMA, &Y2_FIRST[around(0)], Y2_END);
    for _ in 0..16 {
        coder.bit(LUMA_END, false);
    }
    for (at, difference) in [(1, blue), (2, red)] {
        // Four small blocks, two by two: what is beside one is of this block or of the next.
        let inside = difference != 0;
        let around = |above: bool, left: bool| usize::from(above) + usize::from(left);
        let contexts = [
            around(above[at], left[at]),
            around(above[at], inside),
            around(inside, left[at]),
            around(inside, inside),
        ];
        for context in contexts {
            number(coder, difference, &COLOUR_FIRST[context], COLOUR_END);
        }
    }
}

/// One number, and none after it (section 13.2).
fn number(coder: &mut Coder, number: i32, chances: &[u8; 11], end: [u8; 2]) {
    coder.bit(chances[0], number != 0);
    if number == 0 {
        return;
    }
    coder.bit(chances[1], true);
    let size = number.unsigned_abs() as u16;
    coder.bit(chances[2], size > 1);
    if size > 1 {
        coder.bit(chances[3], size > 4);
        match CLASSES.iter().rposition(|(smallest, _)| size >= *smallest) {
            None => {
                coder.bit(chances[4], size > 2);
                if size > 2 {
                    coder.bit(chances[5], size > 3);
                }
            }
            Some(class) => {
                coder.bit(chances[6], class >= 2);
                if class < 2 {
                    coder.bit(chances[7], class == 1);
                } else {
                    coder.bit(chances[8], class >= 4);
                    coder.bit(chances[9 + usize::from(class >= 4)], class % 2 == 1);
                }
                let (smallest, bits) = CLASSES[class];
                for (at, chances) in (0..bits.len()).rev().zip(bits) {
                    coder.bit(*chances, (size - smallest) >> at & 1 == 1);
                }
            }
        }
    }
    coder.bit(128, number < 0);
    coder.bit(end[usize::from(size > 1)], false);
}
