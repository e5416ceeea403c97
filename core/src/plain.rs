//! Text from outside, fit to be shown to people.
//!
//! A terminal obeys control characters, and direction-changing ones make a line read as another
//! (Unicode TR 36, "Trojan source"): whatever a peer says passes through here before it becomes
//! part of an error, an event's words or a log record. What is compared with what a peer says,
//! ids above all, keeps its exact bytes and is only *shown* through here.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The longest text of this kind, in bytes.
pub(crate) const MAX_PLAIN: usize = 1024;
/// The most bytes of an id or an address that are shown.
const MAX_ID: usize = 255;

/// A text in one line, without characters that hide or reorder it, and of at most 1 KiB.
///
/// Line breaks and tabs become spaces, other such characters U+FFFD, so that nothing that they
/// kept apart joins. What is too long is cut between two words: no half of a word is shown, as it
/// might be half of a secret.
///
/// ```
/// assert_eq!(offhook::plain("a\u{1b}[2Jb\nc \u{202e}d"), "a\u{fffd}[2Jb c \u{fffd}d");
/// assert_eq!(offhook::plain("Ångström & Söhne"), "Ångström & Söhne");
/// ```
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    plain_within(text, MAX_PLAIN)
}

/// A text as [`plain`] makes it, of at most so many bytes.
pub(crate) fn plain_within(text: &str, most: usize) -> Cow<'_, str> {
    // Of most texts all bytes are letters, digits or signs, and nobody need look at the characters.
    let is_seen = || text.bytes().fold(true, |all, b| all & matches!(b, b' '..=b'~'));
    if text.len() <= most && (is_seen() || !text.contains(is_hidden)) {
        return Cow::Borrowed(text);
    }
    let most = most - '…'.len_utf8();
    let first = cut(text, most);
    let clean: String = first.chars().map(|c| if is_break(c) { ' ' } else { shown(c) }).collect();
    let mut out = cut(&clean, most).to_owned();
    if first.len() < text.len() || out.len() < clean.len() {
        out.push('…');
    }
    Cow::Owned(out)
}

/// A whole document without such characters: its line breaks and tabs stay, and its length.
pub(crate) fn plain_document(text: String) -> String {
    if !text.contains(|c| is_hidden(c) && !is_break(c)) {
        return text;
    }
    text.chars().map(|c| if is_break(c) { c } else { shown(c) }).collect()
}

/// An id or an address as it is shown: as [`plain`] makes it, and at most 255 bytes of it.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0[..floor(self.0, MAX_ID)];
        if !text.contains(is_hidden) {
            f.write_str(text)?;
        } else {
            text.chars().try_for_each(|c| f.write_char(shown(c)))?;
        }
        if text.len() < self.0.len() { f.write_char('…') } else { Ok(()) }
    }
}

/// The reason why JSON cannot be used, without a word of it: the error itself quotes values.
pub(crate) fn json_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Names of fields are ours.
    let fault = match text.split_once(" at line ").map_or(&*text, |(fault, _)| fault) {
        missing if missing.starts_with("missing field") => missing.to_owned(),
        _ if error.is_data() => match text.rsplit_once(", expected ") {
            Some((_, expected)) => {
                let expected = expected.split(" at line ").next().unwrap_or_default();
                format!("not {expected}")
            }
            None => "of another shape".to_owned(),
        },
        _ => "not JSON".to_owned(),
    };
    match error.line() {
        0 => fault,
        line => format!("{fault}, line {line}, column {}", error.column()),
    }
}

/// The last place between two characters up to one (std's own is newer than our MSRV).
pub(crate) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The beginning of a text that is shown: up to the end of a word.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let most = &text[..floor(text, most)];
    &most[..most.rfind(char::is_whitespace).unwrap_or(0)]
}

fn is_break(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r')
}

fn shown(c: char) -> char {
    if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// Characters that are not seen themselves: controls (C0, DEL, C1), marks that change direction,
/// separators of lines, zero-width ones, tags.
pub(crate) fn is_hidden(c: char) -> bool {
    // Most are.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_hides_or_reorders_text_is_not_shown() {
        for hidden in [
            '\0',
            '\u{1b}',
            '\u{7f}',
            '\u{80}',
            '\u{9b}',
            '\u{9f}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert_eq!(plain(&format!("a{hidden}b")), "a\u{fffd}b", "{hidden:?}");
            assert_eq!(Shown(&format!("a{hidden}b")).to_string(), "a\u{fffd}b", "{hidden:?}");
            assert_eq!(plain_document(format!("a\r\n\tb{hidden}")), "a\r\n\tb\u{fffd}");
        }
        assert_eq!(plain("a\r\n\tb"), "a   b");
        assert!(matches!(plain("Zoë 山田 +49 (0)"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_text_is_cut_between_two_words() {
        let text = format!("one two {}", "x".repeat(2 * MAX_PLAIN));
        assert_eq!(plain(&text), "one two…");
        assert_eq!(plain(&"x".repeat(2 * MAX_PLAIN)), "…");
        assert_eq!(plain(&"x".repeat(MAX_PLAIN)).len(), MAX_PLAIN);
        assert!(plain(&"\u{1b} ".repeat(MAX_PLAIN)).len() <= MAX_PLAIN);
        assert!(Shown(&"é".repeat(1000)).to_string().len() <= MAX_ID + '…'.len_utf8());
    }

    #[test]
    fn why_json_is_unusable_is_told_without_a_word_of_it() {
        #[derive(Debug, serde::Deserialize)]
        struct Wanted {
            #[allow(dead_code)]
            jwt: String,
        }
        let fault = |text: &str| json_fault(&serde_json::from_str::<Wanted>(text).unwrap_err());
        assert_eq!(fault(r#""s3cret""#), "not struct Wanted, line 1, column 8");
        assert_eq!(fault(r#"{"jwt": ["s3cret"]}"#), "not a string, line 1, column 8");
        assert_eq!(fault(r#"{"other": "s3cret"}"#), "missing field `jwt`, line 1, column 19");
        assert_eq!(fault(r#"{"jwt": s3cret}"#), "not JSON, line 1, column 9");
        let value = serde_json::json!("s3cret, expected at line");
        let error = serde_json::from_value::<Wanted>(value).unwrap_err();
        assert_eq!(json_fault(&error), "not struct Wanted");
    }

    proptest! {
        #[test]
        fn plain_text_is_plain_and_stays_as_it_is(text in "\\PC*|.{0,40}|(.|\n){0,2000}") {
            let once = plain(&text).into_owned();
            prop_assert!(!once.contains(is_hidden), "{:?}", once);
            prop_assert!(once.len() <= MAX_PLAIN);
            prop_assert_eq!(plain(&once).into_owned(), once.clone());
            prop_assert!(!Shown(&text).to_string().contains(is_hidden));
            let document = plain_document(text.clone());
            prop_assert_eq!(document.chars().count(), text.chars().count());
        }
    }
}
