//! The secrets that are known, without keeping them.

use std::borrow::Cow;

use crate::Secret;
use crate::plain::floor;

/// The text shown in place of a secret.
pub(super) const HIDDEN: &str = "(secret)";
/// Secrets that are remembered: a token an hour for half a year. The oldest go first; a long one
/// is hidden by its look then.
pub(crate) const MAX_SECRETS: usize = 4096;
/// The bytes of a secret's end that are kept.
const TAIL: usize = 16;

/// Finds secrets wherever they stand, by their last bytes.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// The kept ends of secrets, in order.
    tails: Vec<Tail>,
    /// The widths that they have, in order.
    widths: Vec<usize>,
    /// The bytes that they end with: where none of these is, none of them ends.
    ends: Bytes,
    /// The number of secrets that there have been.
    added: u64,
}

/// A set of bytes.
#[derive(Clone, Copy, Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & 1 << (byte & 63) != 0
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tail {
    /// The number of its bytes that are kept.
    width: usize,
    bytes: u128,
    /// The length of the secret, in bytes.
    len: usize,
    /// The number of secrets before it.
    number: u64,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({})", self.tails.len())
    }
}

impl Known {
    pub(super) fn add(&mut self, secret: &Secret) {
        let secret = secret.expose().as_bytes();
        let width = secret.len().min(TAIL);
        if width == 0 {
            return;
        }
        let bytes = secret[secret.len() - width..].iter().fold(0, |tail, b| shifted(tail, *b));
        let number = self.added;
        self.added += 1;
        let same = |tail: &Tail| (tail.width, tail.bytes, tail.len) == (width, bytes, secret.len());
        self.tails.retain(|tail| !same(tail));
        if self.tails.len() >= MAX_SECRETS
            && let Some(oldest) = self.tails.iter().map(|tail| tail.number).min()
        {
            self.tails.retain(|tail| tail.number != oldest);
        }
        let new = Tail { width, bytes, len: secret.len(), number };
        let at = self.tails.partition_point(|tail| *tail < new);
        self.tails.insert(at, new);
        self.widths = self.tails.iter().map(|tail| tail.width).collect();
        self.widths.dedup();
        self.ends = Bytes::default();
        self.tails.iter().for_each(|tail| self.ends.insert(tail.bytes.to_le_bytes()[0]));
    }

    /// The text without the secrets in it.
    pub(super) fn hidden<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.find(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (start, end) in found {
            let start = floor(text, start).max(from);
            out.push_str(&text[from..start]);
            out.push_str(HIDDEN);
            let end = (end..text.len()).find(|at| text.is_char_boundary(*at));
            from = end.unwrap_or(text.len()).max(from);
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        !self.find(bytes).is_empty()
    }

    /// The places of secrets, in order of their ends and apart from each other.
    fn find(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (at, _) in bytes.iter().enumerate().filter(|(_, b)| self.ends.contains(**b)) {
            let window =
                bytes[(at + 1).saturating_sub(TAIL)..=at].iter().fold(0, |w, b| shifted(w, *b));
            for width in self.widths.iter().copied().filter(|width| *width <= at + 1) {
                let Some(len) = self.longest(width, window & mask(width)) else { continue };
                let start = (at + 1).saturating_sub(len);
                while found.last().is_some_and(|(before, _)| *before >= start) {
                    found.pop();
                }
                match found.last_mut() {
                    Some((_, end)) if *end > start => *end = at + 1,
                    _ => found.push((start, at + 1)),
                }
            }
        }
        found
    }

    /// The length of the longest secret that ends so.
    fn longest(&self, width: usize, bytes: u128) -> Option<usize> {
        let after = self.tails.partition_point(|tail| (tail.width, tail.bytes) <= (width, bytes));
        let tail = self.tails[..after].last()?;
        ((tail.width, tail.bytes) == (width, bytes)).then_some(tail.len)
    }
}

fn shifted(window: u128, b: u8) -> u128 {
    window << 8 | u128::from(b)
}

fn mask(width: usize) -> u128 {
    u128::MAX >> (128 - 8 * width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(secrets: &[&str]) -> Known {
        let mut known = Known::default();
        secrets.iter().for_each(|secret| known.add(&Secret::new(*secret)));
        known
    }

    #[test]
    fn secrets_of_any_length_are_found_wherever_they_stand() {
        let long = "0123456789abcdefghij-long";
        let known = known(&["x", "t0ken", long, ""]);
        assert_eq!(known.hidden(&format!("a{long}b t0ken.")), "a(secret)b (secret).");
        assert_eq!(known.hidden("t0keN é"), "t0keN é");
        assert_eq!(known.hidden("axb"), "a(secret)b");
    }

    #[test]
    fn the_oldest_of_very_many_goes_first() {
        let mut known = Known::default();
        for n in 0..MAX_SECRETS + 10 {
            known.add(&Secret::new(format!("secret-number-{n}-of-many")));
        }
        assert_eq!(known.tails.len(), MAX_SECRETS);
        assert!(known.tails.is_sorted());
        assert!(!known.is_in(b"secret-number-9-of-many"));
        assert!(known.is_in(b"secret-number-10-of-many"));
        let many = known.tails.len();
        known.add(&Secret::new("secret-number-10-of-many"));
        assert_eq!(known.tails.len(), many, "the same is kept once");
    }

    proptest! {
        #[test]
        fn no_secret_is_left(
            secrets in prop::collection::vec("[a-cé]{1,20}", 1..6),
            parts in prop::collection::vec(("[a-cé ]{0,8}", any::<prop::sample::Index>()), 0..8),
        ) {
            let known = known(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
            let text: String = parts
                .iter()
                .map(|(before, which)| format!("{before}{}", secrets[which.index(secrets.len())]))
                .collect();
            let shown = known.hidden(&text).replace(HIDDEN, "|");
            for secret in &secrets {
                prop_assert!(!shown.contains(secret.as_str()), "{} in {}", secret, shown);
            }
        }
    }
}
