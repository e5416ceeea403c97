//! The sets of parameters of an H.264 stream (ITU-T H.264 section 7.4.1.2.1), without which none of its
//! pictures can be decoded.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::bits::{Bits, unescaped};
use super::h264::{self, Kind};
use crate::media::rtp::pictures::units;

/// The most bytes of all sets together; one more is not kept.
const MAX_BYTES: usize = 64 << 10;

/// The sets of parameters that a stream had last, by their numbers.
///
/// ```
/// use offhook::video::ParameterSets;
///
/// let mut kept = ParameterSets::default();
/// kept.note(&[0, 0, 0, 1, 0x67, 66, 0xc0, 30, 0xd9, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80]);
/// let idr = vec![0, 0, 0, 1, 0x65, 0x88];
/// assert_eq!(kept.complete(&idr.into()).len(), 9 + 8 + 6, "both come before it");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    /// Of sequences: at most 32.
    sps: BTreeMap<u32, Bytes>,
    /// Of pictures: at most 256.
    pps: BTreeMap<u32, Bytes>,
}

impl ParameterSets {
    /// Takes note of the sets in an Annex B byte stream: a picture, or nothing but sets.
    ///
    /// Of all that a stream brings, at most 64 KiB are kept.
    pub fn note(&mut self, stream: &[u8]) {
        units(stream).into_iter().for_each(|unit| self.note_unit(unit));
    }

    /// Takes note of a unit, if it is a set.
    pub(super) fn note_unit(&mut self, unit: &[u8]) {
        let (sets, most) = match Kind::of(unit) {
            Kind::Sps => (&self.sps, 32),
            Kind::Pps => (&self.pps, 256),
            Kind::Slice | Kind::Idr | Kind::Delimiter | Kind::Prefix | Kind::Other => return,
        };
        let Some(id) = id(unit).filter(|id| *id < most) else { return };
        let before = sets.get(&id);
        if before.is_some_and(|before| before == unit) {
            return;
        }
        let bytes = self.units().map(<[u8]>::len).sum::<usize>();
        if bytes - before.map_or(0, Bytes::len) + unit.len() > MAX_BYTES {
            return;
        }
        let sets = if most == 32 { &mut self.sps } else { &mut self.pps };
        sets.insert(id, Bytes::copy_from_slice(unit));
    }

    /// A picture that can be decoded by itself: a key frame with the sets that it lacks put before it. Other
    /// pictures are as they were.
    #[must_use]
    pub fn complete(&self, picture: &Bytes) -> Bytes {
        let units = units(picture);
        let has = |kind: Kind| units.iter().any(|unit| Kind::of(unit) == kind);
        if !has(Kind::Idr) || (has(Kind::Sps) && has(Kind::Pps)) {
            return picture.clone();
        }
        let mut whole = BytesMut::with_capacity(picture.len() + 64);
        let mut put = |unit: &[u8]| h264::put(&mut whole, unit);
        // The delimiter stays first (section 7.4.1.2.3), and sets of sequences before those of pictures.
        let is = |kind: Kind| move |unit: &&&[u8]| Kind::of(unit) == kind;
        units.iter().filter(is(Kind::Delimiter)).for_each(|unit| put(unit));
        if has(Kind::Sps) {
            units.iter().filter(is(Kind::Sps)).for_each(|unit| put(unit));
        } else {
            self.sps.values().for_each(|unit| put(unit));
        }
        if !has(Kind::Pps) {
            self.pps.values().for_each(|unit| put(unit));
        }
        let rest = |unit: &&&[u8]| !matches!(Kind::of(unit), Kind::Delimiter | Kind::Sps);
        units.iter().filter(rest).for_each(|unit| put(unit));
        whole.freeze()
    }

    /// True if there is at least one of each kind.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// The sets of sequences, then those of pictures.
    pub(super) fn units(&self) -> impl Iterator<Item = &[u8]> {
        self.sps.values().chain(self.pps.values()).map(|unit| &**unit)
    }

    /// Both, apart.
    pub(super) fn both(&self) -> [Vec<&Bytes>; 2] {
        [self.sps.values().collect(), self.pps.values().collect()]
    }
}

/// The number of a set (sections 7.3.2.1.1 and 7.3.2.2).
fn id(unit: &[u8]) -> Option<u32> {
    let contents = unit.get(1..)?;
    let head = unescaped(&contents[..contents.len().min(16)]);
    // Before that of a sequence: profile, constraints, level.
    let before = if Kind::of(unit) == Kind::Sps { 3 } else { 0 };
    Bits::new(head.get(before..)?).unsigned()
}
