//! Texts that are no document: what is said like a secret in them is hidden.
//!
//! `password=…`, `'jwt': '…'`, `Authorization: …`, `<token>…`, `/stream/jwt/…`, `wss://user:…@host`,
//! `Bearer …`; what looks like a token; and any of it in base64. A text in which escapes hide
//! something is shown by its length only.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::names::{is_header, is_scheme, is_secret};
use super::rewritten::{Rewritten, and_then};
use super::unescape::unescaped;
use super::{HIDDEN, LENGTH, MAX_NESTED, Redactor, length, numbers};
use crate::plain::is_hidden;

/// The most layers of escapes that are taken off.
const MAX_LAYERS: usize = 4;
/// The most layers of base64 that are taken off.
const MAX_CODED: usize = 2;
/// The length from which a word may be a token, if it is of letters of both cases and digits.
const TOKEN: usize = 48;
/// The length from which a word may be base64 of something, or begin a JWT.
const CODED: usize = 16;
/// The length from which a word is hidden without a look: nobody reads it.
const LONG: usize = 4096;

/// The alphabet as which either one is read (RFC 4648 sections 4 and 5).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The characters of base64, tokens and paths.
const RUN: [bool; 256] = alphanumeric_and(b"-_+/.=");
/// The characters of words; hidden characters are among them.
const WORD: [bool; 256] = words();

const fn words() -> [bool; 256] {
    let mut table = alphanumeric_and(b"-_\x7f");
    let mut control = 0;
    while control < 32 {
        table[control] = true;
        control += 1;
    }
    table
}

const fn alphanumeric_and(more: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < more.len() {
        table[more[at] as usize] = true;
        at += 1;
    }
    table
}

impl Redactor {
    pub(super) fn prose<'t>(&self, text: &'t str, depth: usize) -> Cow<'t, str> {
        let shown = self.scan(text, 0);
        let mut inner = Cow::Borrowed(&*shown);
        for _ in 0..MAX_LAYERS {
            let next = match unescaped(&inner) {
                Cow::Owned(next) if next != *inner => next,
                Cow::Owned(_) | Cow::Borrowed(_) => {
                    drop(inner);
                    return shown;
                }
            };
            if self.scan(&next, 0) != next || self.is_document(&next, depth) {
                return length(text).into();
            }
            inner = next.into();
        }
        length(text).into()
    }

    /// True if it is a document with something to hide, once its escapes are resolved. Each of them
    /// is read once for each layer of escapes, so not many may lie in one another.
    fn is_document(&self, text: &str, depth: usize) -> bool {
        text.trim_start().starts_with(['{', '<']) && {
            let shown = self.nested(text, depth + 1 + MAX_NESTED / 2);
            shown.contains(HIDDEN) || shown.contains(LENGTH)
        }
    }

    /// One pass over a text. What it leaves, another pass leaves too.
    fn scan<'t>(&self, text: &'t str, coded: usize) -> Cow<'t, str> {
        let text = and_then(self.known.hidden(text), without_values);
        let text = and_then(and_then(text, without_users), |text| self.without_tokens(text, coded));
        and_then(text, numbers::shortened)
    }

    /// Hides what looks like a token, and base64 in which there is something to hide.
    fn without_tokens<'t>(&self, text: &'t str, coded: usize) -> Cow<'t, str> {
        let is_part = |b: &u8| RUN[usize::from(*b)];
        let mut out = Rewritten::new(text);
        let mut at = 0;
        while let Some(start) = text.as_bytes()[at..].iter().position(is_part) {
            let start = at + start;
            let run = text.as_bytes()[start..].iter().position(|b| !is_part(b));
            at = run.map_or(text.len(), |length| start + length);
            let run = &text[start..at];
            if run.len() < CODED {
                continue;
            }
            if run.len() >= LONG || is_jwt(run) || self.is_coded(run, coded) {
                out.replace(start..at, HIDDEN);
                continue;
            }
            let mut from = start;
            for part in run.split_inclusive(['+', '/', '.', '=']) {
                let word = part.trim_end_matches(['+', '/', '.', '=']);
                if is_token(word) {
                    out.replace(from..from + word.len(), HIDDEN);
                }
                from += part.len();
            }
        }
        out.done()
    }

    /// True if it is base64 in which there is something to hide, wherever in it that begins. That
    /// of a text has letters of both cases; identifiers and paths most often have not.
    fn is_coded(&self, run: &str, coded: usize) -> bool {
        let has = |what: fn(&u8) -> bool| run.as_bytes().iter().any(what);
        if !has(u8::is_ascii_uppercase) || !has(u8::is_ascii_lowercase) {
            return false;
        }
        let digits: Vec<u8> = run
            .bytes()
            .filter(|b| *b != b'=')
            .map(|b| match b {
                b'-' => b'+',
                b'_' => b'/',
                b => b,
            })
            .collect();
        let is_secret = |digits: &[u8]| {
            let whole = &digits[..digits.len() - usize::from(digits.len() % 4 == 1)];
            let Ok(bytes) = BASE64.decode(whole) else { return false };
            if self.known.is_in(&bytes) {
                return true;
            }
            if coded == MAX_CODED || !may_be_text(&bytes) {
                return false;
            }
            let text = String::from_utf8_lossy(&bytes);
            self.scan(&text, coded + 1) != text
        };
        digits
            .split(|b| *b == b'.')
            .any(|part| (0..4).filter_map(|from| part.get(from..)).any(is_secret))
    }
}

/// True if there may be a name in it: it is UTF-8, or has three letters in a row.
fn may_be_text(bytes: &[u8]) -> bool {
    let is_word = |three: &[u8]| three.iter().all(u8::is_ascii_alphabetic);
    bytes.windows(3).any(is_word) || std::str::from_utf8(bytes).is_ok()
}

/// True for a JWT: its first part is an object (RFC 7519 section 3).
fn is_jwt(run: &str) -> bool {
    let mut parts = run.split(['/', '+', '=']);
    parts.any(|part| part.starts_with("eyJ") && part.len() >= CODED)
}

fn is_token(word: &str) -> bool {
    let has = |what: fn(&u8) -> bool| word.as_bytes().iter().any(what);
    word.len() >= TOKEN
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

/// Hides values that stand after the name of a secret, and credentials after their scheme.
fn without_values(text: &str) -> Cow<'_, str> {
    let is_part = |c: char| match u8::try_from(c) {
        Ok(b) if b.is_ascii() => WORD[usize::from(b)],
        _ => c != char::REPLACEMENT_CHARACTER && (c.is_alphanumeric() || is_hidden(c)),
    };
    let mut out = Rewritten::new(text);
    let mut at = 0;
    while let Some(start) = text[at..].find(is_part) {
        let start = at + start;
        at = text[start..].find(|c| !is_part(c)).map_or(text.len(), |length| start + length);
        let (word, after) = (&text[start..at], &text[at..]);
        if let Some((gap, value)) = value_of(out.last_before(start), word, after)
            && !value.is_empty()
        {
            let from = at + gap.len();
            at = from + value.len();
            out.replace(from..at, HIDDEN);
        }
    }
    out.done()
}

/// The text between a word and its value, and the value, if it is a secret's. `before` is the
/// character before the word.
fn value_of<'t>(before: Option<char>, word: &str, after: &'t str) -> Option<(&'t str, &'t str)> {
    if is_scheme(word) {
        let value = after.trim_start_matches([' ', '\t']);
        let gap = &after[..after.len() - value.len()];
        let value = &value[..end_of_value(value)];
        let looks_so = value.len() >= 8 && !value.bytes().all(|b| b.is_ascii_lowercase());
        let is_one = !gap.is_empty() && (word.eq_ignore_ascii_case("bearer") || looks_so);
        return is_one.then_some((gap, value));
    }
    let (gap, sign) = separator(before, after)?;
    if !is_secret(word) {
        return None;
    }
    let value = &after[gap..];
    let length = match sign {
        // With elements and CDATA sections in it.
        '>' => value.find("</").unwrap_or(value.len()),
        '/' => {
            value.find(|c: char| c.is_whitespace() || "/?#\"'&".contains(c)).unwrap_or(value.len())
        }
        _ if is_header(word) => value.find(['\r', '\n']).unwrap_or(value.len()),
        _ => quoted(value).unwrap_or_else(|| end_of_values(value)),
    };
    // The quote before it is not part of it.
    let opening = value.bytes().take_while(|b| matches!(b, b'"' | b'\'' | b'`' | b'\\')).count();
    let opening = if matches!(sign, ':' | '=') && !is_header(word) { opening } else { 0 };
    let opening = opening.min(length);
    Some((&after[..gap + opening], &value[opening..length]))
}

/// The length of the separator that a text begins with, and its sign.
fn separator(before: Option<char>, after: &str) -> Option<(usize, char)> {
    match after.chars().next()? {
        '/' if before == Some('/') => return Some((1, '/')),
        '>' if before == Some('<') => return Some((1, '>')),
        _ => {}
    }
    let is_between = |c: char| matches!(c, '"' | '\'' | '`' | '\\') || c.is_whitespace();
    let sign = after.trim_start_matches(is_between);
    let first = sign.chars().next().filter(|c| matches!(c, ':' | '='))?;
    let value = sign.trim_start_matches(|c: char| c.is_whitespace() || ":=>".contains(c));
    Some((after.len() - value.len(), first))
}

/// The length of a value in quotes, without the last of them.
fn quoted(value: &str) -> Option<usize> {
    let inner = value.trim_start_matches('\\');
    let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let from = value.len() - inner.len() + 1;
    Some(value[from..].find(quote).map_or(value.len(), |end| from + end))
}

/// The length of a value without quotes; of two if the first says what the second is.
fn end_of_values(value: &str) -> usize {
    let first = end_of_value(value);
    let next = value[first..].trim_start_matches([' ', '\t']);
    let from = value.len() - next.len();
    if is_scheme(&value[..first]) { from + end_of_value(next) } else { first }
}

fn end_of_value(value: &str) -> usize {
    value.find(|c: char| c.is_whitespace() || "\"'`&<>".contains(c)).unwrap_or(value.len())
}

/// Hides who logs in by a URI (RFC 3986 section 3.2.1).
fn without_users(text: &str) -> Cow<'_, str> {
    let mut out = Rewritten::new(text);
    let mut at = 0;
    while let Some(start) = text[at..].find("://") {
        at += start + 3;
        let ends = |c: char| c.is_whitespace() || "/?#\"'<>".contains(c);
        let authority = &text[at..];
        let authority = &authority[..authority.find(ends).unwrap_or(authority.len())];
        if let Some(user) = authority.rfind('@') {
            out.replace(at..at + user, HIDDEN);
            at += user;
        }
    }
    out.done()
}
