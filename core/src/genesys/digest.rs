//! A number for the state of something, as its `Debug` tells it.

use std::fmt::{Debug, Write};

/// FNV-1a, 64 bits.
struct Digest(u64);

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

pub(super) fn of(what: &impl Debug) -> u64 {
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    // Writing into a number cannot fail; a `Debug` that does is cut short there.
    let _ = write!(digest, "{what:?}");
    digest.0
}
