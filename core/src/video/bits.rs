//! Bits of an H.264 unit (ITU-T H.264 sections 7.2 and 9.1).

/// The contents of a unit without what keeps start codes out of it (section 7.4.1, `RBSP`).
pub(super) fn unescaped(unit: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for byte in unit {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        bytes.push(*byte);
    }
    bytes
}

/// Numbers, read bit by bit.
pub(super) struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Bits<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// A number of so many bits, at most 32: `u(n)`.
    pub(super) fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0, |number, _| Some(number << 1 | u32::from(self.flag()?)))
    }

    /// A number by Exp-Golomb: `ue(v)`.
    pub(super) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.number(zeros)?)
    }

    /// A number by Exp-Golomb with a sign: `se(v)`.
    pub(super) fn signed(&mut self) -> Option<i32> {
        let number = i64::from(self.unsigned()?);
        let half = (number + 1) / 2;
        i32::try_from(if number % 2 == 0 { -half } else { half }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h264_9_1_the_first_numbers_of_the_table() {
        // 1 010 011 00100 00101 000_0001_0000_0000
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000, 0b1000_0000, 0];
        let mut bits = Bits::new(&bytes);
        let read: Vec<_> = std::iter::from_fn(|| bits.unsigned()).take(5).collect();
        assert_eq!(read, [0, 1, 2, 3, 4]);
        let mut bits = Bits::new(&bytes);
        let read: Vec<_> = std::iter::from_fn(|| bits.signed()).take(5).collect();
        assert_eq!(read, [0, 1, -1, 2, -2]);
        assert_eq!(Bits::new(&[0; 9]).unsigned(), None);
        assert_eq!(Bits::new(&[0xff]).number(9), None);
    }

    #[test]
    fn h264_7_4_1_what_keeps_start_codes_out_is_no_content() {
        assert_eq!(unescaped(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), [1, 0, 0, 1, 0, 0, 0, 0]);
    }
}
