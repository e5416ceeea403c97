//! Bits by their probabilities (RFC 6386 section 7).

/// Writes bits.
#[derive(Debug)]
pub(super) struct Coder {
    bytes: Vec<u8>,
    range: u32,
    bottom: u32,
    /// Bits until the next byte is whole.
    left: u32,
}

impl Coder {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), range: 255, bottom: 0, left: 24 }
    }

    /// Writes a bit of which 0 has so many of 256 chances (section 7.3).
    pub(super) fn bit(&mut self, chances: u8, bit: bool) {
        let split = 1 + (((self.range - 1) * u32::from(chances)) >> 8);
        if bit {
            self.bottom = self.bottom.wrapping_add(split);
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.range <<= 1;
            if self.bottom & 1 << 31 != 0 {
                self.carry();
            }
            self.bottom <<= 1;
            self.left -= 1;
            if self.left == 0 {
                self.bytes.push((self.bottom >> 24) as u8);
                self.bottom &= (1 << 24) - 1;
                self.left = 8;
            }
        }
    }

    /// Writes a number of so many bits, each as likely as not.
    pub(super) fn number(&mut self, bits: u32, number: u32) {
        for at in (0..bits).rev() {
            self.bit(128, number >> at & 1 == 1);
        }
    }

    /// The bytes. Whatever is read after the last bit is 0.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.number(32, 0);
        self.bytes
    }

    /// Adds one to the bytes written.
    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
}
