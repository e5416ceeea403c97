//! Bits of a report.

/// A place in the data of a report (what follows its id), of 1 to 32 bits. The least significant bit of
/// the first byte is 0 (HID 1.11, 5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bits {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

impl Bits {
    /// The first bit behind it.
    pub(crate) fn end(self) -> usize {
        self.at + self.len
    }

    /// The greatest value that it can have.
    pub(crate) fn most(self) -> u32 {
        u32::MAX >> (32 - self.len.clamp(1, 32))
    }

    /// Its value. What is not there is 0.
    pub(crate) fn read(self, data: &[u8]) -> u32 {
        let bit = |n: usize| {
            let byte = data.get((self.at + n) / 8).copied().unwrap_or(0);
            u32::from(byte >> ((self.at + n) % 8) & 1) << n
        };
        (0..self.len).map(bit).sum()
    }

    /// Sets its value. What is not there is left out.
    pub(crate) fn write(self, data: &mut [u8], value: u32) {
        for n in 0..self.len {
            let Some(byte) = data.get_mut((self.at + n) / 8) else { return };
            let mask = 1 << ((self.at + n) % 8);
            if value >> n & 1 == 1 {
                *byte |= mask;
            } else {
                *byte &= !mask;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_across_bytes() {
        let bits = Bits { at: 6, len: 4 };
        let mut data = [0xff, 0xff];
        bits.write(&mut data, 0b0101);
        assert_eq!(data, [0b0111_1111, 0b1111_1101]);
        assert_eq!((bits.read(&data), bits.most(), bits.end()), (0b0101, 15, 10));
        let outside = Bits { at: 14, len: 32 };
        outside.write(&mut data, u32::MAX);
        assert_eq!(outside.read(&data), 3, "half of it is there");
        assert_eq!(outside.most(), u32::MAX);
    }
}
