//! The names and characters that XML has.

use std::borrow::Cow;

fn name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Of each byte, whether it is an ASCII character that a name may hold.
static ASCII_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 128_u8 {
        table[b as usize] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        b += 1;
    }
    table
};

/// The length of the ASCII name that the text begins with: nothing if there is none, or if it is
/// not sure that the name ends there.
pub(super) fn ascii_name(text: &str) -> usize {
    let starts = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let ends = || text.bytes().position(|b| !ASCII_NAME[usize::from(b)]);
    if starts { ends().unwrap_or(text.len()) } else { 0 }
}

/// True if the text may stand as the name of an element or attribute without prefix.
pub(super) fn is_xml_name(name: &str) -> bool {
    (!name.is_empty() && ascii_name(name) == name.len())
        || (name.starts_with(name_start) && name.chars().all(name_char))
}

/// A name that can be written, whatever the tree was built from.
pub(super) fn xml_name(name: &str) -> Cow<'_, str> {
    if is_xml_name(name) {
        return Cow::Borrowed(name);
    }
    let kept = name.chars().map(|c| if name_char(c) { c } else { '_' });
    Cow::Owned(std::iter::once('_').chain(kept).collect())
}

/// The text itself, or with U+FFFD for each character that XML 1.0 cannot carry (section 2.2).
pub(super) fn legal_text(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_plain(&text) || text.chars().all(|c| legal(c) == c) {
        return text;
    }
    Cow::Owned(text.chars().map(legal).collect())
}

/// True for text that stands for itself as the value of an attribute, or of many.
pub(super) fn is_literal(text: &str) -> bool {
    text.bytes().fold(true, |literal, b| literal & (b >= b' ') & (b != 0xef) & (b != b'&'))
}

/// The findings of one look at all of a text, true of every part of it.
pub(super) struct Scan {
    /// True if [`is_literal`] holds.
    pub(super) literal: bool,
    /// True if [`is_plain`] holds.
    pub(super) plain: bool,
}

impl Scan {
    pub(super) fn of(text: &str) -> Self {
        let (literal, plain) = text.bytes().fold((true, true), |(literal, plain), b| {
            (literal & (b != b'&'), plain & (b >= b' ') & (b != 0xef))
        });
        Self { literal: literal & plain, plain }
    }
}

/// True for text without control characters and such as begin with the byte of U+FFFE and U+FFFF:
/// nearly all text.
fn is_plain(text: &str) -> bool {
    // Without an early end, which would keep it from being done many bytes at a time.
    text.bytes().fold(true, |plain, b| plain & (b >= b' ') & (b != 0xef))
}

/// The character itself, or U+FFFD for one that XML 1.0 cannot carry (section 2.2).
pub(super) fn legal(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}
