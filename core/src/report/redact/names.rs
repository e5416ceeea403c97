//! Names of attributes, keys, elements and headers, by what their values are.

/// The kind of a value, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// May be shown.
    Open,
    /// Somebody's number or address (CV-2: whose, is nobody's business).
    Number,
    /// Never shown.
    Secret,
}

/// Parts of names of secrets, in small letters and without separators, by their first letter: every
/// word of every trace is looked at.
const fn secret_parts(first: u8) -> &'static [&'static str] {
    match first {
        b'a' => &[
            "accesscode",
            "accesskey",
            "apikey",
            "assertion",
            "authcode",
            "authkey",
            "authorization",
        ],
        b'b' => &["bearer"],
        b'c' => &["communicationcode", "cookie", "credential"],
        b'e' => &["encryptionkey"],
        b'j' => &["jwt"],
        b'k' => &["keymgmt", "keyparams"],
        b'm' => &["masterkey"],
        b'p' => &["passcode", "passphrase", "passwd", "password", "privatekey", "pwd"],
        b's' => &["secret", "securitycode", "sessionkey", "sharedkey"],
        b't' => &["token"],
        _ => &[],
    }
}
/// The length of the shortest name of a secret.
const SHORTEST: usize = 3;
/// Whole names of secrets. `inline` introduces a key of SDES (RFC 4568 section 6.1).
const SECRET_NAMES: [&str; 12] = [
    "auth",
    "crypto",
    "hmac",
    "inline",
    "mikey",
    "otp",
    "pass",
    "pin",
    "sdes",
    "sig",
    "signature",
    "xsession",
];
/// Parts of names of numbers, likewise.
const fn number_parts(first: u8) -> &'static [&'static str] {
    match first {
        b'a' => &["address"],
        b'c' => &["callerid"],
        b'm' => &["msisdn"],
        b'n' => &["number"],
        b'p' => &["phone"],
        _ => &[],
    }
}
/// Words in names of numbers.
const NUMBER_WORDS: [&str; 10] =
    ["ani", "callee", "caller", "dialed", "dialled", "dnis", "extension", "fax", "mobile", "tel"];
/// Names of headers whose values go on to the end of the line.
const HEADERS: [&str; 5] = ["authorization", "cookie", "proxyauthorization", "setcookie", "crypto"];

/// The kind of a value of this name.
pub(super) fn role(name: &str) -> Role {
    let whole = squashed(name);
    if is_secret_squashed(&whole) {
        Role::Secret
    } else if has_part(whole.as_bytes(), number_parts) || has_number_word(name) {
        Role::Number
    } else {
        Role::Open
    }
}

pub(super) fn is_secret(name: &str) -> bool {
    name.len() >= SHORTEST && is_secret_squashed(&squashed(name))
}

fn is_secret_squashed(name: &str) -> bool {
    SECRET_NAMES.contains(&name) || has_part(name.as_bytes(), secret_parts)
}

fn has_part(name: &[u8], parts: fn(u8) -> &'static [&'static str]) -> bool {
    let begins = |rest: &[u8], part: &str| {
        // Most differ in the second letter.
        let part = part.as_bytes();
        rest.get(1) == Some(&part[1]) && rest.starts_with(part)
    };
    (0..name.len()).any(|at| parts(name[at]).iter().any(|part| begins(&name[at..], part)))
}

/// True if what follows the name of a secret is one to the end of the line.
pub(super) fn is_header(name: &str) -> bool {
    HEADERS.contains(&&*squashed(name))
}

/// True if a line `a=name:…` of SDP holds a key: SDES, MIKEY (RFC 4567), an identity (RFC 8827).
pub(super) fn is_key_line(name: &str) -> bool {
    matches!(&*squashed(name), "crypto" | "keymgmt" | "identity")
}

/// True if a value of this name names another one beside it.
pub(super) fn is_label(name: &str) -> bool {
    matches!(&*squashed(name), "name" | "key" | "var" | "header" | "field" | "k")
}

/// True if a value of this name is what another one names.
pub(super) fn is_content(name: &str) -> bool {
    matches!(&*squashed(name), "value" | "values" | "val" | "v" | "content" | "data" | "text")
}

/// True if a word introduces credentials (RFC 9110 section 11.4).
pub(super) fn is_scheme(word: &str) -> bool {
    ["bearer", "basic", "digest", "negotiate", "ntlm"].iter().any(|s| word.eq_ignore_ascii_case(s))
}

/// A name without case and separators.
fn squashed(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| c.is_alphanumeric()) {
        if c.is_ascii() { out.push(c.to_ascii_lowercase()) } else { out.extend(c.to_lowercase()) }
    }
    out
}

/// True if one of the words of a name, in camel case or with separators, is one of a number.
fn has_number_word(name: &str) -> bool {
    let mut from = 0;
    let mut small = false;
    for (at, c) in name.char_indices() {
        let is_separator = !c.is_alphanumeric();
        if is_separator || (small && c.is_uppercase()) {
            if is_number_word(&name[from..at]) {
                return true;
            }
            from = if is_separator { at + c.len_utf8() } else { at };
        }
        small = c.is_lowercase();
    }
    is_number_word(&name[from..])
}

fn is_number_word(word: &str) -> bool {
    NUMBER_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_its_value_is_however_it_is_written() {
        for name in [
            "pwd",
            "ice-pwd",
            "PassWord",
            "pass_word",
            "access_token",
            "AccessToken",
            "jwt",
            "JWT",
            "turnCredential",
            "Proxy-Authorization",
            "key-params",
            "addCommunicationCode",
            "auth",
            "pass\u{200b}word",
            "x-token",
        ] {
            assert_eq!(role(name), Role::Secret, "{name}");
        }
        for name in ["ani", "DNIS", "callAni", "address", "addressRaw", "phoneNumber", "caller-id"]
        {
            assert_eq!(role(name), Role::Number, "{name}");
        }
        for name in ["author", "animal", "telemetry", "ufrag", "sessionId", "fingerprint", "key"] {
            assert_eq!(role(name), Role::Open, "{name}");
        }
    }
}
