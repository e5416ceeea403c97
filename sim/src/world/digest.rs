//! A fingerprint of everything that went into and came out of the machines of a run.

use std::fmt;
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3Default;

/// A running hash (XXH3, 64 bits: the same on every machine and at every optimisation level).
#[derive(Default)]
pub(super) struct Digest(Xxh3Default);

impl Digest {
    /// Takes one thing in: when, whose, which kind, and its bytes.
    pub(super) fn add(&mut self, at: Duration, who: usize, kind: u8, bytes: &[u8]) {
        let mut head = [0; 32];
        head[..8].copy_from_slice(&(at.as_nanos() as u64).to_le_bytes());
        head[8..16].copy_from_slice(&(who as u64).to_le_bytes());
        head[16] = kind;
        head[24..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.update(&head);
        self.0.update(bytes);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.digest()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:016x})", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let digest = |at, who, kind, bytes: &[u8]| {
            let mut digest = Digest::default();
            digest.add(Duration::from_nanos(at), who, kind, bytes);
            digest.value()
        };
        let one = digest(1, 2, 3, b"four");
        assert_eq!(one, digest(1, 2, 3, b"four"));
        for other in [
            digest(2, 2, 3, b"four"),
            digest(1, 3, 3, b"four"),
            digest(1, 2, 4, b"four"),
            digest(1, 2, 3, b"fore"),
        ] {
            assert_ne!(one, other);
        }
    }
}
