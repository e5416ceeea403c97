//! Parts of a stanza that could not be used, and were left out of what was read.

use std::fmt;

/// The most parts that are named; others are only counted.
const MAX_NAMED: usize = 4;
/// The longest name of a place, in characters.
const MAX_NAME: usize = 40;

/// The parts left out of one stanza: where each stood, what was wrong with it, and how many there
/// were.
///
/// What cannot be used costs only itself: an optional part that cannot be read is noted here, and
/// the rest is read as if it had never been there. Shown as
/// `content[audio]/transport/candidate[2]: port, and 3 more`; never with a value from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    named: Vec<String>,
    count: usize,
}

impl Skipped {
    /// The number of parts that were left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if nothing was left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Leaves something out.
    pub(crate) fn add(&mut self, what: impl fmt::Display) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(what.to_string());
        }
    }

    /// Takes what could be read; an error is noted.
    pub(crate) fn keep<T>(&mut self, read: Result<T, impl fmt::Display>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// Reads what stands in a place: what is left out there is named by it.
    pub(crate) fn inside<T>(
        &mut self,
        place: impl FnOnce() -> String,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.named.len();
        let result = read(self);
        if self.named.len() > before {
            let place = place();
            for named in &mut self.named[before..] {
                let joint = if named.starts_with(":") || place.ends_with(": ") { "" } else { "/" };
                *named = format!("{place}{joint}{named}");
            }
        }
        result
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named.join("; "))?;
        match self.count.saturating_sub(self.named.len()) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// A name from outside, as the name of a place: short, and of nothing but graphic ASCII.
pub(crate) fn name_of(text: &str) -> String {
    text.chars().take(MAX_NAME).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_by_its_path() {
        let mut skipped = Skipped::default();
        assert!(skipped.is_empty());
        skipped.inside(
            || "content[audio]".to_owned(),
            |skipped| {
                skipped
                    .inside(|| "transport".to_owned(), |skipped| skipped.add("candidate[2]: port"));
                skipped.add(": senders");
            },
        );
        let shown = "content[audio]/transport/candidate[2]: port; content[audio]: senders";
        assert_eq!(skipped.to_string(), shown);
    }

    #[test]
    fn few_are_named_and_all_are_counted() {
        let mut skipped = Skipped::default();
        for n in 0..1000 {
            skipped.add(n);
        }
        assert_eq!(skipped.len(), 1000);
        assert_eq!(skipped.to_string(), "0; 1; 2; 3; and 996 more");
        assert_eq!(name_of(&"\u{202e}x".repeat(50)), "?x".repeat(20));
    }
}
