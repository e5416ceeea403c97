//! Telephone numbers, shortened to their last two digits.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use super::rewritten::{Rewritten, and_then};

/// The least digits of a number that tells who somebody is.
const LEAST: usize = 5;

/// A value that is somebody's number or address. Addresses of machines stay.
pub(crate) fn whole(text: &str) -> String {
    let machine = text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok();
    match text.trim() {
        "" => text.to_owned(),
        _ if machine => text.to_owned(),
        shown if shown == HIDDEN || is_short(shown) => shown.to_owned(),
        number => short(number),
    }
}

const HIDDEN: &str = "(number)";

/// True if it is shortened already.
fn is_short(text: &str) -> bool {
    text.strip_prefix('…').is_some_and(|digits| digits.len() <= 2 && is_digits(digits))
}

fn short(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        ..LEAST => HIDDEN.to_owned(),
        len => format!("…{}", &digits[len - 2..]),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// True if a word is a telephone number: digits, perhaps after a plus sign.
pub(super) fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('+').unwrap_or(word);
    digits.len() >= LEAST && is_digits(digits)
}

/// A text with the numbers in it shortened: after a plus sign, in the local part of an address, in
/// `tel:` and `sip:` URIs (RFC 3966, RFC 3261 section 19.1).
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    let text = if text.contains('+') { with_plus(text) } else { Cow::Borrowed(text) };
    and_then(and_then(text, in_uris), in_addresses)
}

fn with_plus(text: &str) -> Cow<'_, str> {
    let mut out = Rewritten::new(text);
    let mut from = 0;
    while let Some(at) = text[from..].find('+') {
        let at = from + at;
        from = at + 1;
        let after = &text[from..];
        let length = number_length(after);
        let number = &after[..length];
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        let in_address = digits >= 3 && after[length..].starts_with('@');
        let in_word = out.last_before(at).is_some_and(char::is_alphanumeric);
        if !in_word && (digits >= LEAST || in_address) {
            from += length;
            out.replace(at..from, &short(number));
        }
    }
    out.done()
}

/// The length of the number that a text begins with: digits and what people write between them (RFC
/// 3966 section 5.1.1), up to the last digit.
fn number_length(text: &str) -> usize {
    let is_part = |b: u8| b.is_ascii_digit() || matches!(b, b' ' | b'-' | b'.' | b'(' | b')');
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '(' || c == ' ') {
        return 0;
    }
    let end = text.bytes().position(|b| !is_part(b)).unwrap_or(text.len());
    text[..end].rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1)
}

fn in_uris(text: &str) -> Cow<'_, str> {
    let mut out = Rewritten::new(text);
    let mut from = 0;
    while let Some(at) = text[from..].find(':') {
        let before = &text[from..from + at];
        from += at + 1;
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        let is_one = |scheme: &str| {
            ["tel", "sip", "sips", "callto"].iter().any(|s| scheme.eq_ignore_ascii_case(s))
        };
        if !scheme.is_some_and(is_one) {
            continue;
        }
        let user = text[from..].trim_start_matches('/');
        let ends = |c: char| c.is_whitespace() || "@;?<>,\"'&/".contains(c);
        let length = user.find(ends).unwrap_or(user.len());
        let number = &user[..length];
        let is_part = |c: char| c.is_ascii_digit() || "+-.()*#".contains(c);
        if number.contains(|c: char| c.is_ascii_digit()) && number.chars().all(is_part) {
            let end = text.len() - user.len() + length;
            out.replace(from..end, &short(number));
            from = end;
        }
    }
    out.done()
}

fn in_addresses(text: &str) -> Cow<'_, str> {
    let mut out = Rewritten::new(text);
    let mut from = 0;
    while let Some(at) = text[from..].find('@') {
        let before = &text[from..from + at];
        let ends = |c: char| c.is_whitespace() || "/:<>@\"',;=&".contains(c);
        let local = before
            .rfind(ends)
            .map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8));
        let mut start = from + local;
        for part in before[local..].split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
            if is_number(word) {
                out.replace(start..start + word.len(), &short(word));
            }
            start += part.len();
        }
        from += at + 1;
    }
    out.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cv_2_numbers_are_shortened_wherever_they_stand() {
        for (text, shown) in [
            ("+15550177@gjoll.lab.test/i-1", "…77@gjoll.lab.test/i-1"),
            ("+1317@gjoll.lab.test", "(number)@gjoll.lab.test"),
            ("15550177@lab.test", "…77@lab.test"),
            ("acd-15550177-x@lab.test", "acd-…77-x@lab.test"),
            ("56d8e2a1b2c3d4e5f6a7b8c9@lab.test", "56d8e2a1b2c3d4e5f6a7b8c9@lab.test"),
            ("call +1 (555) 01-77, now", "call …77, now"),
            ("tel:15550177;ext=1 SIP:0155@pbx", "tel:…77;ext=1 SIP:(number)@pbx"),
            ("sip:alice@pbx", "sip:alice@pbx"),
            ("C++11 a+123456", "C++11 a+123456"),
            ("2026-11-26T10:00:00+0100", "2026-11-26T10:00:00+0100"),
        ] {
            assert_eq!(shortened(text), shown);
            assert_eq!(shortened(shown), shown, "once is enough");
        }
        for (text, shown) in [
            ("tel:+15550177", "…77"),
            ("100", "(number)"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]:5", "[2001:db8::1]:5"),
            ("", ""),
            ("…77", "…77"),
            ("alice@pbx", "(number)"),
        ] {
            assert_eq!(whole(text), shown);
        }
    }
}
