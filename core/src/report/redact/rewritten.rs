//! Texts of which little is replaced, most often nothing.

use std::borrow::Cow;
use std::ops::Range;

/// A text with other words in the place of some of its parts; without any, nothing is copied.
pub(super) struct Rewritten<'t> {
    text: &'t str,
    out: String,
    /// The bytes of the text that are written.
    done: usize,
}

impl<'t> Rewritten<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, out: String::new(), done: 0 }
    }

    /// The next part, and what stands there instead.
    pub(super) fn replace(&mut self, part: Range<usize>, with: &str) {
        if self.text[part.clone()] == *with {
            return;
        }
        self.out.push_str(&self.text[self.done..part.start]);
        self.out.push_str(with);
        self.done = part.end;
    }

    /// The last character before a place that comes after all parts.
    pub(super) fn last_before(&self, at: usize) -> Option<char> {
        let kept = self.text[self.done..at].chars().next_back();
        kept.or_else(|| self.out.chars().next_back())
    }

    pub(super) fn done(mut self) -> Cow<'t, str> {
        if self.out.is_empty() && self.done == 0 {
            return Cow::Borrowed(self.text);
        }
        self.out.push_str(&self.text[self.done..]);
        Cow::Owned(self.out)
    }
}

/// A step after another one, which copies nothing if both change nothing.
pub(super) fn and_then<'t>(
    text: Cow<'t, str>,
    step: impl Fn(&str) -> Cow<'_, str>,
) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => step(text),
        Cow::Owned(text) => match step(&text) {
            Cow::Owned(next) => Cow::Owned(next),
            Cow::Borrowed(_) => Cow::Owned(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_another_text_is_copied() {
        let mut out = Rewritten::new("a bc d");
        out.replace(2..4, "bc");
        assert!(matches!(out.done(), Cow::Borrowed("a bc d")));
        let mut out = Rewritten::new("a bc d");
        assert_eq!(out.last_before(2), Some(' '));
        out.replace(2..4, "é");
        assert_eq!((out.last_before(4), out.last_before(5)), (Some('é'), Some(' ')));
        out.replace(6..6, "!");
        assert_eq!(out.done(), "a é d!");
        let mut out = Rewritten::new("ab");
        out.replace(0..2, "");
        assert_eq!(out.done(), "");
    }
}
