//! Addresses (RFC 7622), kept opaque.

use std::fmt;
use std::str::FromStr;

use memchr::memchr;

use crate::plain::Shown;

/// An address: `local@domain/resource`, of which only the domain must be there.
///
/// Opaque: compared byte for byte, without stringprep or case folding, because the service hands
/// out its addresses in one spelling. At most [`Jid::MAX_LEN`] bytes.
///
/// ```
/// use offhook::xmpp::Jid;
///
/// let jid: Jid = "abc@org.example/desk".parse()?;
/// assert_eq!(jid.local(), Some("abc"));
/// assert_eq!(jid.domain(), "org.example");
/// assert_eq!(jid.resource(), Some("desk"));
/// assert_eq!(jid.bare().with_resource("phone").as_str(), "abc@org.example/phone");
/// # Ok::<(), offhook::xmpp::JidError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid(String);

/// The reason why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JidError {
    /// Longer than [`Jid::MAX_LEN`] bytes.
    #[error("an address of {0} bytes")]
    TooLong(usize),
    /// No domain.
    #[error("an address without a domain")]
    NoDomain,
    /// `@` with nothing before it.
    #[error("an address with an empty local part")]
    EmptyLocal,
    /// `/` with nothing after it.
    #[error("an address with an empty resource")]
    EmptyResource,
    /// A control character, or one that XML cannot carry.
    #[error("an address with a control character")]
    IllegalCharacter,
}

fn illegal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// The parts before and after the first separator.
fn split(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = memchr(separator, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

impl Jid {
    /// The longest address in bytes: three parts of 1023 and two separators (RFC 7622 section 3.1).
    pub const MAX_LEN: usize = 3071;

    fn bare_str(&self) -> &str {
        split(&self.0, b'/').map_or(self.as_str(), |(bare, _)| bare)
    }

    /// The part before `@`: the user, room or number.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        split(self.bare_str(), b'@').map(|(local, _)| local)
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        let bare = self.bare_str();
        split(bare, b'@').map_or(bare, |(_, domain)| domain)
    }

    /// The part after the first `/`.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        split(&self.0, b'/').map(|(_, resource)| resource)
    }

    /// The address without its resource.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self(self.bare_str().to_owned())
    }

    /// The same bare address with this resource.
    ///
    /// Characters that an address cannot hold become U+FFFD, what goes beyond
    /// [`Jid::MAX_LEN`] is cut off, and an empty resource leaves the bare address.
    #[must_use]
    pub fn with_resource(&self, resource: &str) -> Self {
        let mut text = self.bare_str().to_owned();
        let mut separator = "/";
        for c in resource.chars() {
            let c = if illegal(c) { char::REPLACEMENT_CHARACTER } else { c };
            if text.len() + separator.len() + c.len_utf8() > Self::MAX_LEN {
                break;
            }
            text.push_str(std::mem::take(&mut separator));
            text.push(c);
        }
        Self(text)
    }

    /// True with a resource.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.resource().is_some()
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        if text.len() > Self::MAX_LEN {
            return Err(JidError::TooLong(text.len()));
        }
        // Nearly all are of ASCII: no need to look at characters.
        let printable = text.bytes().fold(true, |all, b| all & matches!(b, b' '..=b'~'));
        if !printable && text.contains(illegal) {
            return Err(JidError::IllegalCharacter);
        }
        let (bare, resource) = split(text, b'/').map_or((text, None), |(b, r)| (b, Some(r)));
        let (local, domain) = split(bare, b'@').map_or((None, bare), |(l, d)| (Some(l), d));
        if domain.is_empty() {
            Err(JidError::NoDomain)
        } else if local == Some("") {
            Err(JidError::EmptyLocal)
        } else if resource == Some("") {
            Err(JidError::EmptyResource)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// The address as it is shown to people, in [plain](crate::plain()) words, and cut off after 255
/// bytes; on the wire it is [`Jid::as_str`].
impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid({})", Shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().expect("a valid address")
    }

    #[test]
    fn the_parts_are_found_whatever_the_resource_holds() {
        let jid = jid("+13175551234@gjoll.us-east-1.org.example/i-1e9e4387/a@b");
        assert_eq!(jid.local(), Some("+13175551234"));
        assert_eq!(jid.domain(), "gjoll.us-east-1.org.example");
        assert_eq!(jid.resource(), Some("i-1e9e4387/a@b"));
        assert!(jid.is_full());
    }

    #[test]
    fn a_domain_alone_is_an_address() {
        let hawk = jid("hawk");
        assert_eq!((hawk.local(), hawk.domain(), hawk.resource()), (None, "hawk", None));
        assert_eq!(hawk.bare(), hawk);
    }

    #[test]
    fn what_is_no_address_says_why() {
        assert_eq!("".parse::<Jid>(), Err(JidError::NoDomain));
        assert_eq!("a@".parse::<Jid>(), Err(JidError::NoDomain));
        assert_eq!("@b".parse::<Jid>(), Err(JidError::EmptyLocal));
        assert_eq!("a@b/".parse::<Jid>(), Err(JidError::EmptyResource));
        assert_eq!("a\0@b".parse::<Jid>(), Err(JidError::IllegalCharacter));
    }

    #[test]
    fn the_length_is_bounded() {
        let longest = "d".repeat(Jid::MAX_LEN);
        assert!(longest.parse::<Jid>().is_ok());
        assert_eq!(format!("{longest}d").parse::<Jid>(), Err(JidError::TooLong(3072)));
        assert!(!jid(&longest).with_resource("r").is_full());
        let cut = jid("a@b").with_resource(&"é".repeat(4000));
        assert!(cut.is_full() && cut.as_str().len() <= Jid::MAX_LEN);
    }

    proptest! {
        #[test]
        fn text_round_trips(text in "\\PC{0,40}") {
            if let Ok(jid) = text.parse::<Jid>() {
                prop_assert_eq!(jid.as_str(), &text);
                prop_assert_eq!(jid.bare().with_resource(jid.resource().unwrap_or("")), jid);
            }
        }

        #[test]
        fn any_resource_gives_a_valid_address(resource in any::<String>()) {
            let full = jid("a@b").with_resource(&resource);
            prop_assert_eq!(full.as_str().parse::<Jid>(), Ok(full.clone()));
            prop_assert_eq!(full.is_full(), !resource.is_empty());
        }
    }
}
