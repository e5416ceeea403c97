//! Texts as they read once more: references of XML, escapes of JSON and percent-encoding resolved.

use std::borrow::Cow;

/// The text with one layer of escapes of any kind taken off.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '\\', '%']) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\\', '%']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let read = match rest.as_bytes()[0] {
            b'&' => reference(rest),
            b'\\' => escape(rest),
            _ => percent(rest),
        };
        let (bytes, length) = read.unwrap_or_else(|| (vec![rest.as_bytes()[0]], 1));
        out.extend(bytes);
        rest = &rest[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The bytes that an escape stands for, and its length.
type Read = Option<(Vec<u8>, usize)>;

fn bytes(c: char) -> Vec<u8> {
    c.to_string().into_bytes()
}

/// The character of a reference of XML (XML 1.0 sections 4.1 and 4.6).
fn reference(text: &str) -> Read {
    let end = text.bytes().take(12).position(|b| b == b';')?;
    let c = match &text[1..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let code = name.strip_prefix('#')?;
            let code = match code.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => code.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((bytes(c), end + 1))
}

/// The character of an escape of JSON (RFC 8259 section 7), and of `\x` besides.
fn escape(text: &str) -> Read {
    let hex = |digits: usize| {
        let code = u32::from_str_radix(text.get(2..2 + digits)?, 16).ok()?;
        Some((bytes(char::from_u32(code)?), 2 + digits))
    };
    match text[1..].chars().next()? {
        'u' => hex(4),
        'x' => hex(2),
        'n' => Some((vec![b'\n'], 2)),
        'r' => Some((vec![b'\r'], 2)),
        't' => Some((vec![b'\t'], 2)),
        c @ ('"' | '\'' | '/' | '\\') => Some((bytes(c), 2)),
        _ => None,
    }
}

/// The byte of a percent-encoding (RFC 3986 section 2.1).
fn percent(text: &str) -> Read {
    let byte = u8::from_str_radix(text.get(1..3)?, 16).ok()?;
    Some((vec![byte], 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_layer_comes_off_whatever_it_is() {
        for (text, read) in [
            ("a&quot;&#101;&#x65;&amp;lt;", "a\"ee&lt;"),
            (r#"\u0065\x65\/\"\\u0065\n"#, "ee/\"\\u0065\n"),
            ("%65%2B%C3%A9%zz%", "e+é%zz%"),
            ("& \\ % &nothing; \\q &é;", "& \\ % &nothing; \\q &é;"),
        ] {
            assert_eq!(unescaped(text), read);
        }
    }
}
