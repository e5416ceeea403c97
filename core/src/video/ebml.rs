//! EBML (RFC 8794): the elements that WebM consists of.

use std::io::{Read, Write};

use bytes::Bytes;

use super::{VideoError, input};

/// The size of an element whose end is not known when it begins (RFC 8794 section 6.2), in eight bytes.
const UNKNOWN: [u8; 8] = [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

fn malformed(what: &'static str) -> VideoError {
    VideoError::malformed("EBML", what)
}

/// The beginning of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its name, with the marker of its length.
    pub(super) id: u32,
    /// The length of what is in it; none where that ends somewhere.
    pub(super) size: Option<u64>,
}

impl Head {
    /// The next one; none at the end.
    pub(super) fn read(from: &mut impl Read) -> Result<Option<Self>, VideoError> {
        let Some([first]) = input::array(from)? else { return Ok(None) };
        let length = first.leading_zeros() + 1;
        if length > 4 {
            return Err(malformed("an element's name has more than four bytes"));
        }
        let id = rest(from, u64::from(first), length)? as u32;
        let [first] = input::array(from)?.ok_or(VideoError::CutOff)?;
        let length = first.leading_zeros() + 1;
        if length > 8 {
            return Err(malformed("a size has more than eight bytes"));
        }
        let size = rest(from, u64::from(first) ^ (1 << (8 - length)), length)?;
        Ok(Some(Self { id, size: (size != unknown(length)).then_some(size) }))
    }

    /// The length, which anything that is no folder has to tell.
    pub(super) fn known(self) -> Result<u64, VideoError> {
        self.size.ok_or_else(|| malformed("an element has no end"))
    }

    /// The contents.
    pub(super) fn data(self, from: &mut impl Read) -> Result<Bytes, VideoError> {
        input::bytes(from, self.known()?)
    }

    /// Leaves the contents out.
    pub(super) fn skip(self, from: &mut impl Read) -> Result<(), VideoError> {
        input::skip(from, self.known()?)
    }
}

/// A number of so many bytes, of which the first was read.
fn rest(from: &mut impl Read, first: u64, length: u32) -> Result<u64, VideoError> {
    let mut number = first;
    for _ in 1..length {
        let [byte] = input::array(from)?.ok_or(VideoError::CutOff)?;
        number = number << 8 | u64::from(byte);
    }
    Ok(number)
}

/// A size in so many bytes that says that it is not known.
const fn unknown(length: u32) -> u64 {
    (1 << (7 * length)) - 1
}

/// A number of the length that it tells itself, as blocks begin with it.
pub(super) fn number(from: &mut impl Read) -> Result<u64, VideoError> {
    let [first] = input::array(from)?.ok_or(VideoError::CutOff)?;
    let length = first.leading_zeros() + 1;
    if length > 8 {
        return Err(malformed("a number has more than eight bytes"));
    }
    rest(from, u64::from(first) ^ (1 << (8 - length)), length)
}

/// The elements in a folder that was read as a whole. What is in a folder without an end is the rest of it.
pub(super) fn elements(mut data: &[u8]) -> impl Iterator<Item = Result<(u32, Bytes), VideoError>> {
    std::iter::from_fn(move || {
        let next = Head::read(&mut data).transpose()?.and_then(|head| {
            let size = head.size.unwrap_or(data.len() as u64);
            Ok((head.id, input::bytes(&mut data, size)?))
        });
        if next.is_err() {
            data = &[];
        }
        Some(next)
    })
}

/// A number of up to eight bytes (RFC 8794 section 7.2).
pub(super) fn unsigned(data: &[u8]) -> Result<u64, VideoError> {
    if data.len() > 8 {
        return Err(malformed("a number has more than eight bytes"));
    }
    Ok(data.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A text, up to the first zero (RFC 8794 section 7.4).
pub(super) fn text(data: &[u8]) -> String {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    String::from_utf8_lossy(&data[..end]).into_owned()
}

/// Elements to be written.
#[derive(Debug, Default)]
pub(super) struct Elements(Vec<u8>);

impl Elements {
    /// Puts in an element with bytes.
    pub(super) fn bytes(mut self, id: u32, data: &[u8]) -> Self {
        self.name(id);
        self.size(data.len() as u64);
        self.0.extend_from_slice(data);
        self
    }

    /// Puts in an element with a number.
    pub(super) fn unsigned(self, id: u32, number: u64) -> Self {
        let bytes = number.to_be_bytes();
        let zeros = (number.leading_zeros() / 8).min(7) as usize;
        self.bytes(id, &bytes[zeros..])
    }

    /// Puts in an element with a number that may have a fraction (RFC 8794 section 7.3).
    pub(super) fn float(self, id: u32, number: f64) -> Self {
        self.bytes(id, &number.to_be_bytes())
    }

    /// Puts in a folder.
    pub(super) fn folder(self, id: u32, inside: Self) -> Self {
        self.bytes(id, &inside.0)
    }

    /// Begins a folder whose end is not known.
    pub(super) fn open(mut self, id: u32) -> Self {
        self.name(id);
        self.0.extend_from_slice(&UNKNOWN);
        self
    }

    /// Begins an element with so many bytes, which are written by other means.
    pub(super) fn begin(mut self, id: u32, length: u64) -> Self {
        self.name(id);
        self.size(length);
        self
    }

    pub(super) fn write(&self, to: &mut impl Write) -> Result<(), VideoError> {
        Ok(to.write_all(&self.0)?)
    }

    fn name(&mut self, id: u32) {
        let zeros = (id.leading_zeros() / 8).min(3) as usize;
        self.0.extend_from_slice(&id.to_be_bytes()[zeros..]);
    }

    /// In as few bytes as may be.
    fn size(&mut self, size: u64) {
        let length = (1..8).find(|length| size < unknown(*length)).unwrap_or(8);
        let marked = size | 1 << (7 * length);
        self.0.extend_from_slice(&marked.to_be_bytes()[8 - length as usize..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc_8794_6_sizes_are_of_the_length_that_they_tell() {
        let head = |bytes: &[u8]| Head::read(&mut &bytes[..]);
        assert_eq!(head(&[0xec, 0x82]), Ok(Some(Head { id: 0xec, size: Some(2) })));
        assert_eq!(head(&[0xec, 0x40, 2]), Ok(Some(Head { id: 0xec, size: Some(2) })));
        assert_eq!(head(&[0x42, 0x86, 0xff]), Ok(Some(Head { id: 0x4286, size: None })));
        let segment = [&[0x18, 0x53, 0x80, 0x67], &UNKNOWN[..]].concat();
        assert_eq!(head(&segment), Ok(Some(Head { id: 0x1853_8067, size: None })));
        assert_eq!(head(&[]), Ok(None));
        assert_eq!(head(&[0xec]), Err(VideoError::CutOff));
        assert!(matches!(head(&[0x08, 0, 0, 0, 0, 0x80]), Err(VideoError::Malformed { .. })));
        assert!(matches!(head(&[0xec, 0]), Err(VideoError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn elements_are_read_as_they_were_written(
            written in prop::collection::vec((0x81..0xff_u32, any::<u64>(), 0..20_000_usize), 0..9),
        ) {
            let put = |elements: Elements, (id, number, length): &(u32, u64, usize)| {
                elements.unsigned(*id, *number).bytes(*id, &vec![7; *length])
            };
            let bytes = written.iter().fold(Elements::default(), put).0;
            let read: Vec<_> = elements(&bytes).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read.len(), 2 * written.len());
            for (pair, (id, number, length)) in read.chunks(2).zip(&written) {
                prop_assert_eq!((pair[0].0, unsigned(&pair[0].1)), (*id, Ok(*number)));
                prop_assert_eq!((pair[1].0, pair[1].1.len()), (*id, *length));
            }
        }
    }
}
