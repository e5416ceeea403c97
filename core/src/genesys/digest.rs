//! Numbers for the state of something, the same in every run and build.

use std::fmt::{Debug, Write};
use std::hash::Hasher;

/// FNV-1a, 64 bits, of what is hashed into it or written as text.
pub(super) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

/// A number for what its `Debug` tells.
pub(super) fn of(what: &impl Debug) -> u64 {
    let mut digest = Digest::default();
    // Writing into a number cannot fail; a `Debug` that does is cut short there.
    let _ = write!(digest, "{what:?}");
    digest.finish()
}
