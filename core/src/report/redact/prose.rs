//! Texts that are no document: what is said like a secret in them is hidden.
//!
//! `password=…`, `'jwt': '…'`, `Authorization: …`, `<token>…`, `/stream/jwt/…`, `wss://user:…@host`,
//! `Bearer …`; what looks like a token; and any of it in base64. A text in which escapes hide
//! something is shown by its length only.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::names::{is_header, is_scheme, is_secret};
use super::unescape::unescaped;
use super::{HIDDEN, Redactor, length, numbers};
use crate::plain::is_hidden;

/// How many layers of escapes are taken off.
const MAX_LAYERS: usize = 4;
/// How many layers of base64 are taken off.
const MAX_CODED: usize = 2;
/// From this length on it may be a token, if it is of letters of both cases and digits.
const TOKEN: usize = 48;
/// From this length on it may be base64 of something, or begin a JWT.
const CODED: usize = 16;

/// Either alphabet is read as this one (RFC 4648 sections 4 and 5).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Redactor {
    pub(super) fn prose(&self, text: &str, depth: usize) -> String {
        let shown = self.scan(text, 0);
        let mut inner = shown.clone();
        for _ in 0..MAX_LAYERS {
            let next = unescaped(&inner);
            if next == inner {
                return shown;
            }
            if self.scan(&next, 0) != next || self.is_document(&next, depth) {
                return length(text);
            }
            inner = next.into_owned();
        }
        length(text)
    }

    /// Whether it is a document with something to hide, once its escapes are resolved.
    fn is_document(&self, text: &str, depth: usize) -> bool {
        text.trim_start().starts_with(['{', '<']) && {
            let shown = self.nested(text, depth + 1);
            shown.contains(HIDDEN) || shown == length(text)
        }
    }

    /// One pass over a text. What it leaves, another pass leaves too.
    fn scan(&self, text: &str, coded: usize) -> String {
        let text = self.known.hidden(text);
        let text = without_users(&without_values(&text));
        numbers::shortened(&self.without_tokens(&text, coded))
    }

    /// Hides what looks like a token, and base64 in which there is something to hide.
    fn without_tokens(&self, text: &str, coded: usize) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_+/.=".contains(c);
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |end| start + end);
            let run = &rest[start..end];
            out.push_str(&rest[..start]);
            if run.len() < CODED {
                out.push_str(run);
            } else if is_jwt(run) || self.is_coded(run, coded) {
                out.push_str(HIDDEN);
            } else {
                for part in run.split_inclusive(['+', '/', '.', '=']) {
                    let word = part.trim_end_matches(['+', '/', '.', '=']);
                    out.push_str(if is_token(word) { HIDDEN } else { word });
                    out.push_str(&part[word.len()..]);
                }
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }

    /// Whether it is base64 in which there is something to hide, wherever in it that begins.
    fn is_coded(&self, run: &str, coded: usize) -> bool {
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
            let text = String::from_utf8_lossy(&bytes);
            self.known.is_in(&bytes) || (coded < MAX_CODED && self.scan(&text, coded + 1) != text)
        };
        digits
            .split(|b| *b == b'.')
            .any(|part| (0..4).filter_map(|from| part.get(from..)).any(is_secret))
    }
}

/// RFC 7519 section 3: its first part is an object.
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
fn without_values(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "-_".contains(c) || is_hidden(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |end| start + end);
        let (before, word, after) = (&rest[..start], &rest[start..end], &rest[end..]);
        out.push_str(before);
        out.push_str(word);
        rest = after;
        if let Some((gap, value)) = value_of(out.as_str(), word, after)
            && !value.is_empty()
        {
            out.push_str(gap);
            out.push_str(HIDDEN);
            rest = &after[gap.len() + value.len()..];
        }
    }
    out.push_str(rest);
    out
}

/// What stands between a word and its value, and the value, if it is a secret's.
fn value_of<'t>(before: &str, word: &str, after: &'t str) -> Option<(&'t str, &'t str)> {
    let before = before.strip_suffix(word)?;
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

/// How long the separator is that a text begins with, and what it is.
fn separator(before: &str, after: &str) -> Option<(usize, char)> {
    match after.chars().next()? {
        '/' if before.ends_with('/') => return Some((1, '/')),
        '>' if before.ends_with('<') => return Some((1, '>')),
        _ => {}
    }
    let is_between = |c: char| c.is_whitespace() || "\"'`\\".contains(c);
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
fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let ends = |c: char| c.is_whitespace() || "/?#\"'<>".contains(c);
        let authority = &after[..after.find(ends).unwrap_or(after.len())];
        rest = match authority.rfind('@') {
            Some(user) => {
                out.push_str(HIDDEN);
                &after[user..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}
