//! H.264 as files have it (ISO/IEC 14496-15 section 5.3): units with their lengths before them, and the sets
//! of parameters in a record of their own.

use bytes::{BufMut, Bytes, BytesMut};

use super::h264;
use super::sps::Sps;
use super::{MAX_FRAME, ParameterSets, VideoError};
use crate::media::rtp::pictures::units;

/// The most sets of each kind in a record: their numbers have five and eight bits.
const MAX_SPS: usize = 31;
const MAX_PPS: usize = 255;
/// Profiles whose record goes on with the format of the colours.
const HIGH_PROFILES: [u8; 4] = [100, 110, 122, 144];

/// A record as it was read: the sets, and how units are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sets: ParameterSets,
    /// Bytes of the length before each unit: 1, 2 or 4.
    pub(super) length: usize,
}

impl Record {
    /// Reads a record. None of what is none.
    pub(super) fn parse(record: &[u8]) -> Option<Self> {
        let [1, _, _, _, length, rest @ ..] = record else { return None };
        let length = usize::from(length & 3) + 1;
        let mut sets = ParameterSets::default();
        let (count, rest) = rest.split_first()?;
        let rest = note_sets(&mut sets, usize::from(count & 0x1f), rest)?;
        let (count, rest) = rest.split_first()?;
        note_sets(&mut sets, usize::from(*count), rest)?;
        (length != 3).then_some(Self { sets, length })
    }

    /// A picture of units with lengths, as a byte stream, a key frame with its sets of parameters. None where
    /// there is no unit in it.
    pub(super) fn picture(&mut self, picture: &[u8]) -> Result<Option<Bytes>, VideoError> {
        let stream = self.stream(picture)?;
        self.sets.note(&stream);
        let some = units(&stream).iter().any(|unit| !unit.is_empty());
        Ok(some.then(|| self.sets.complete(&stream)))
    }

    fn stream(&self, picture: &[u8]) -> Result<Bytes, VideoError> {
        let cut = || VideoError::malformed("H.264", "a unit is longer than its frame");
        let mut stream = BytesMut::with_capacity(picture.len() + 64);
        let mut rest = picture;
        while !rest.is_empty() {
            let (length, after) = rest.split_at_checked(self.length).ok_or_else(cut)?;
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            let (unit, after) = after.split_at_checked(length).ok_or_else(cut)?;
            rest = after;
            if !unit.is_empty() {
                h264::put(&mut stream, unit);
            }
            // Lengths of one byte grow to start codes of four.
            if stream.len() > MAX_FRAME {
                return Err(VideoError::TooLong(stream.len() as u64));
            }
        }
        Ok(stream.freeze())
    }
}

/// Reads so many sets, and gives what follows.
fn note_sets<'r>(sets: &mut ParameterSets, count: usize, mut rest: &'r [u8]) -> Option<&'r [u8]> {
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk()?;
        let (unit, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        sets.note_unit(unit);
        rest = after;
    }
    Some(rest)
}

/// The record of sets, which have to be of both kinds; pictures have lengths of four bytes.
pub(super) fn record(sets: &ParameterSets) -> Option<Vec<u8>> {
    let [sps, pps] = sets.both();
    let first = sps.first()?;
    let [_, profile, constraints, level, ..] = first[..] else { return None };
    if sps.len() > MAX_SPS || pps.is_empty() || pps.len() > MAX_PPS {
        return None;
    }
    let mut record = vec![1, profile, constraints, level, 0xfc | 3];
    for (mark, sets) in [(0xe0, sps.clone()), (0, pps)] {
        record.push(mark | sets.len() as u8);
        for set in sets {
            record.extend_from_slice(&u16::try_from(set.len()).ok()?.to_be_bytes());
            record.extend_from_slice(set);
        }
    }
    if HIGH_PROFILES.contains(&profile) {
        let colours = Sps::parse(first)?.colours?;
        record.extend([
            0xfc | colours.format,
            0xf8 | colours.luma_depth,
            0xf8 | colours.chroma_depth,
            0,
        ]);
    }
    Some(record)
}

/// A byte stream as units with lengths of four bytes.
pub(super) fn with_lengths(stream: &[u8]) -> Bytes {
    let mut picture = BytesMut::with_capacity(stream.len() + 16);
    for unit in units(stream) {
        if !unit.is_empty() {
            picture.put_u32(unit.len() as u32);
            picture.extend_from_slice(unit);
        }
    }
    picture.freeze()
}
