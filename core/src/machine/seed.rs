//! Seeded randomness: one seed for a machine, one child generator for each part.

use std::fmt;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// The source of all of a machine's randomness.
///
/// Two machines built from the same seed and fed alike produce the same outputs. In production
/// the runtime draws it from the operating system; in a simulation it comes from the run's seed.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from 32 bytes of entropy.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, which tell all that is drawn from it.
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The seed of one named part, so that a new draw in one part shifts no other.
    #[must_use]
    pub fn child(&self, part: &str) -> Self {
        // FNV-1a of the name picks the ChaCha stream; the parent's key stays the key.
        let stream = part.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut rng = ChaCha8Rng::from_seed(self.0);
        rng.set_stream(stream);
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// A generator that draws from this seed.
    #[must_use]
    pub fn rng(&self) -> Rng {
        Rng(ChaCha8Rng::from_seed(self.0))
    }
}

impl From<u64> for Seed {
    fn from(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(bytes)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A generator owned by one part of a machine.
#[derive(Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from `low` on and below `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        // 53 bits are what a number of this kind has room for.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let part = (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        low + (high - low) * part
    }

    /// A random (version 4) UUID in its usual text form (RFC 9562 section 5.4).
    pub fn uuid(&mut self) -> String {
        let mut b = [0_u8; 16];
        self.0.fill_bytes(&mut b);
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (n, byte) in b.into_iter().enumerate() {
            if matches!(n, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 0x0f] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        text
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_differ_by_name_and_repeat_by_seed() {
        let seed = Seed::from(7);
        assert_eq!(seed.child("link").rng().uuid(), Seed::from(7).child("link").rng().uuid());
        assert_ne!(seed.child("link").rng().uuid(), seed.child("rest").rng().uuid());
        assert_ne!(seed.rng().next_u64(), Seed::from(8).rng().next_u64());
    }

    #[test]
    fn uuids_have_version_4_and_its_variant() {
        let id = Seed::from(1).rng().uuid();
        assert_eq!(id.len(), 36);
        let at: Vec<_> = id.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!(at, [8, 13, 18, 23]);
        assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
    }
}
