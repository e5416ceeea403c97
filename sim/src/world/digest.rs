//! A fingerprint of everything that went into and came out of the machines of a run.

use std::borrow::Cow;
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

/// A text without what cryptography draws in it: the fingerprints of certificates.
pub(super) fn decided(text: &str) -> Cow<'_, str> {
    /// SHA-256 as `AB:CD:..` (RFC 8122 section 5).
    const FINGERPRINT: usize = 32 * 3 - 1;
    if !text.contains("ingerprint") {
        return Cow::Borrowed(text);
    }
    let part = |c: char| c.is_ascii_hexdigit() || c == ':';
    let words = text.split_inclusive(|c| !part(c)).map(|word| {
        let length = word.trim_end_matches(|c| !part(c)).len();
        if length < FINGERPRINT { word } else { &word[length..] }
    });
    Cow::Owned(words.collect())
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
    fn all_but_fingerprints_is_decided_by_the_seed() {
        let print = vec!["A7"; 32].join(":");
        let sdp = format!("a=ice-ufrag:beef\r\na=fingerprint:sha-256 {print}\r\na=setup:active");
        let told = "a=ice-ufrag:beef\r\na=fingerprint:sha-256 \r\na=setup:active";
        assert_eq!(decided(&sdp), told);
        let xml = format!("<fingerprint hash='sha-256'>{print}</fingerprint>");
        assert_eq!(decided(&xml), "<fingerprint hash='sha-256'></fingerprint>");
        assert_eq!(decided(&print), print, "nothing says what it is");
    }

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
