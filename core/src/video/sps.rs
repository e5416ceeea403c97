//! A sequence parameter set of H.264 (ITU-T H.264 section 7.3.2.1.1), as far as its pictures' size.

use super::bits::{Bits, unescaped};

/// Profiles whose sets tell the format of the colours.
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// The most frames in a cycle of the order of pictures (section 7.4.2.1.1).
const MAX_CYCLE: u32 = 255;

/// The contents of a set that matter to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sps {
    /// The width and height of the pictures, cropped.
    pub(super) sides: [u32; 2],
    /// The format of the colours, where the profile has a choice.
    pub(super) colours: Option<Colours>,
}

/// The format of the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colours {
    /// 0 grey, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub(super) format: u8,
    /// Bits of a sample of brightness, less 8.
    pub(super) luma_depth: u8,
    /// Bits of a sample of colour, less 8.
    pub(super) chroma_depth: u8,
}

impl Sps {
    /// Reads a unit of type 7, header and all. None of what is none.
    pub(super) fn parse(unit: &[u8]) -> Option<Self> {
        let bytes = unescaped(unit.get(1..)?);
        let mut bits = Bits::new(&bytes);
        let profile = bits.number(8)?;
        // Constraints and level.
        bits.number(16)?;
        if bits.unsigned()? > 31 {
            return None;
        }
        let mut colours = None;
        let mut planes = 1;
        if HIGH_PROFILES.contains(&profile) {
            let format = u8::try_from(bits.unsigned()?).ok().filter(|format| *format <= 3)?;
            // Colours in planes of their own are as many pictures in grey.
            planes = if format == 3 && bits.flag()? { 0 } else { format };
            let mut depth = || u8::try_from(bits.unsigned()?).ok().filter(|depth| *depth <= 6);
            colours = Some(Colours { format, luma_depth: depth()?, chroma_depth: depth()? });
            bits.flag()?;
            if bits.flag()? {
                for list in 0..if format == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.unsigned()?;
        skip_order(&mut bits)?;
        bits.unsigned()?;
        bits.flag()?;
        let columns = bits.unsigned()?.checked_add(1)?;
        let rows = bits.unsigned()?.checked_add(1)?;
        // Frames of two fields have rows twice as high.
        let fields = if bits.flag()? {
            1
        } else {
            bits.flag()?;
            2
        };
        bits.flag()?;
        let mut width = columns.checked_mul(16)?;
        let mut height = rows.checked_mul(16)?.checked_mul(fields)?;
        if bits.flag()? {
            let (across, down) = match planes {
                1 => (2, 2),
                2 => (2, 1),
                _ => (1, 1),
            };
            let mut cut =
                |unit: u32| bits.unsigned()?.checked_add(bits.unsigned()?)?.checked_mul(unit);
            width = width.checked_sub(cut(across)?)?;
            height = height.checked_sub(cut(down * fields)?)?;
        }
        Some(Self { sides: [width, height], colours })
    }
}

/// Reads past a list of factors (section 7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut Bits<'_>, length: u32) -> Option<()> {
    let mut next = 8_i32;
    for _ in 0..length {
        if next == 0 {
            break;
        }
        next = next.checked_add(bits.signed()?)?.rem_euclid(256);
    }
    Some(())
}

/// Reads past the order of pictures (`pic_order_cnt_type` and on).
fn skip_order(bits: &mut Bits<'_>) -> Option<()> {
    match bits.unsigned()? {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.flag()?;
            bits.signed()?;
            bits.signed()?;
            let cycle = bits.unsigned()?;
            if cycle > MAX_CYCLE {
                return None;
            }
            for _ in 0..cycle {
                bits.signed()?;
            }
        }
        2 => {}
        _ => return None,
    }
    Some(())
}
