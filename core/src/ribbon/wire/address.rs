//! Addresses of users and telephones (w4.0.1).

use std::fmt;

use crate::plain;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::UserId;

/// The longest destination in bytes.
const MAX_DESTINATION: usize = 512;

/// A party to call or to send a call to: a user, an address of SIP or a telephone number, as it was
/// entered (RT-002, RT-003).
///
/// ```
/// use offhook::ribbon::{Destination, UserId};
///
/// let alice = UserId::from("alice@example.com");
/// let number: Destination = "tel:+1 (613) 555-0100".parse()?;
/// assert_eq!(number.address(&alice), "sip:+16135550100@example.com");
/// # Ok::<(), offhook::ribbon::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(String);

impl Destination {
    /// A destination as somebody entered it.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: it is empty, longer than 512 bytes, or has control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let fault = match text.trim() {
            "" => "no destination",
            _ if text.len() > MAX_DESTINATION => "a destination of over 512 bytes",
            _ if text.contains(char::is_control) => "a destination with control characters",
            _ => return Ok(Self(text)),
        };
        Err(Error::new(CallCode::InvalidParam, fault))
    }

    /// The destination as it was entered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The destination as an address of SIP, in the domain of the user who calls where it names none.
    #[must_use]
    pub fn address(&self, caller: &UserId) -> String {
        normalised(&self.0, caller.domain())
    }

    /// The destination as a request has it.
    pub(crate) fn sent(&self, caller: &UserId, normalise: bool) -> String {
        if normalise { self.address(caller) } else { self.0.clone() }
    }
}

impl std::str::FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.0))
    }
}

/// Shown without the number, but for its length.
impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Destination({} bytes)", self.0.len())
    }
}

/// The address of a user who calls, with a name to show, as a request has it.
pub(crate) fn sender(user: &UserId, display_name: Option<&str>) -> String {
    let address = normalised(user.as_str(), None);
    // Without what would end the name.
    let clean = |c: &char| !c.is_control() && !matches!(c, '<' | '>' | '"');
    match display_name.map(|name| name.chars().filter(clean).collect::<String>()) {
        Some(name) if !name.is_empty() => format!("{name}<{address}>"),
        Some(_) | None => address,
    }
}

/// A number or a name of a far side, with the user's domain where it has none (w3.3).
pub(crate) fn with_domain(number: &str, domain: Option<&str>) -> String {
    match domain {
        Some(domain) if !number.contains('@') => format!("{number}@{domain}"),
        Some(_) | None => number.to_owned(),
    }
}

/// A user's name without what makes it an address.
pub(crate) fn without_scheme(address: &str) -> &str {
    let schemes = ["sip:", "sips:", "tel:"];
    schemes.iter().find_map(|scheme| address.strip_prefix(scheme)).unwrap_or(address)
}

/// An entered text as an address of SIP: the rules of w4.0.1, in their order.
fn normalised(entered: &str, own_domain: Option<&str>) -> String {
    let text = entered.trim();
    let (left, domain) = match text.rsplit_once('@') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => (left, Some(right)),
        Some(_) | None => (text, own_domain),
    };
    let rest = left.rsplit_once(':').map_or(left, |(_, rest)| rest);
    let (lead, rest) = lead(rest);
    let stripped: String = rest.chars().filter(|c| !" -.()+".contains(*c)).collect();
    let is_number = !stripped.is_empty() && stripped.bytes().all(|b| b.is_ascii_digit());
    let rest = if is_number { stripped.as_str() } else { rest };
    match domain {
        Some(domain) => format!("sip:{lead}{rest}@{domain}"),
        None => format!("sip:{lead}{rest}"),
    }
}

/// The signs before a number, if it is one, and the rest.
fn lead(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(['#', '+', '*']);
    let begins = rest.starts_with(|c: char| c.is_ascii_digit() || c == '(');
    let is_number = rest.chars().all(|c| c.is_ascii_digit() || " -.()+".contains(c));
    if begins && is_number { text.split_at(text.len() - rest.len()) } else { ("", text) }
}
